//! What the gateway costs, beside bare hyper, which bounds it, and beside what others do the same work with.
//!
//! Every contender runs alone on the last core; load and upstream (nginx, `return 200`) run on the first.
//!
//! Equal policies: 1,000 keys, a keyed hash of the presented key, limits and a quota that are never reached, headers
//! that tell them, one log row a request. What is not equal is said in the table's last column.
//!
//! `measure 5 8` measures [`throughput`] in 5 rounds of 8 s each, `measure latency 5 15` the [`latency`] that is added, and
//! names after the numbers choose who takes part; `measure decisions` counts instructions ([`decisions`]). Needs wrk and
//! nginx; the other peers are measured if they are installed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod contenders;
mod decisions;
mod latency;
mod ours;
mod peers;
mod processes;
mod stage;
mod throughput;

use std::path::Path;

use contract::Environment;
use contract::keys::format::{RANDOM_LENGTH, assemble};
use contract::limits::{Limit, Period, Quota};

/// That of the program, for every contender of ours.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const KEYS: u128 = 1_000;
const CONNECTIONS: u32 = 64;
const UPSTREAM: u16 = 18_100;
const CONTENDER: u16 = 18_200;
const PEPPER: [u8; 32] = [7; 32];

/// Never reached, so that every request is answered alike.
const PLENTY: Limit = Limit { requests: 1_000_000_000, seconds: 60 };
const VAST: Quota = Quota { units: 1_000_000_000, period: Period::Month };

fn key(number: u128) -> String {
    let text = format!("{number:0>width$}", width = RANDOM_LENGTH);
    assemble("cs", Environment::Live, text.as_bytes().try_into().unwrap())
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    match arguments.first().map(String::as_str) {
        Some("serve") => ours::serve(&arguments[1], Path::new(&arguments[2])),
        Some("generate") => latency::generate(&arguments[1..]),
        Some("latency") => latency::compare(&arguments[1..]),
        Some("decisions") => match (arguments.get(1).map(String::as_str), arguments.get(2)) {
            (None, _) => decisions::check(false),
            (Some("accept"), _) => decisions::check(true),
            (Some("run"), Some(what)) => decisions::run(what),
            (Some(other), _) => panic!("unknown: {other}"),
        },
        _ => throughput::compare(&arguments),
    }
}
