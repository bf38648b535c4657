//! What a decision costs in instructions: exact, and nearly the same on every machine, so a change that makes the gateway
//! slower fails before anybody has to measure time.
//!
//! Each case runs alone under callgrind, which counts nothing but the function [`counted`]. A decision is everything
//! that the gateway itself does for a request: naming it, all checks, two limits, a quota, its row in the spool. The key's
//! hash is counted by itself: callgrind knows no SHA instructions, so it counts a way that processors do not take.
//!
//! `decisions.toml` holds what was accepted. More than a tenth above it fails; `decisions accept` writes anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;

use contract::Refusal;
use contract::keys::hash::{KeyHash, KeyHasher};
use contract::limits::{Limit, Period, Quota};
use hyper::Request;
use hyper::http::request::Parts;
use request_logs::{Ledger, SpoolSettings};

use crate::ours::populated;
use crate::{KEYS, PEPPER, PLENTY, VAST, key};

/// Decisions that are counted, each about another key. The sum is divided by them.
const COUNTED: usize = 500;

/// What is counted in a decision's place, for comparison.
const GET: &str = "one get from the map of keys";
const HASH: &str = "the hash of the key";

/// What is decided.
const CASES: [&str; 5] = ["accepted", "unknown key", "malformed key", "limited", "over quota"];

/// More than accepted, as a share, that a change of compiler or dependency may bring, or another processor: libraries
/// choose their ways of copying and summing by what it can.
const SLACK: f64 = 0.1;

/// The goal: everything after the hash, in gets from the map.
const GOAL: f64 = 5.0;

/// Where the accepted numbers stand.
fn accepted_file() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/decisions.toml"))
}

/// Counts every case, prints them, and compares with what was accepted; or accepts them.
pub fn check(accept: bool) {
    let each: BTreeMap<&str, f64> = [GET, HASH].into_iter().chain(CASES).map(|what| (what, count(what))).collect();
    let (get, hash) = (each[GET], each[HASH]);
    println!("| | instructions | after the hash, in gets |\n|---|---|---|");
    println!("| {GET} | {get:.0} | |\n| {HASH} | {hash:.0} | |");
    for case in CASES {
        let after = if case == "malformed key" { each[case] } else { each[case] - hash };
        println!("| a decision: {case} | {:.0} | {:.1} (goal {GOAL:.0}) |", each[case], after / get);
    }
    if accept {
        let mut text =
            "# Instructions per decision that were accepted: `tools/decisions.sh accept` writes them.\n".to_owned();
        for case in CASES {
            let _ = writeln!(text, "\"{case}\" = {:.0}", each[case]);
        }
        std::fs::write(accepted_file(), text).unwrap();
        return;
    }
    let text = std::fs::read_to_string(accepted_file()).unwrap();
    let accepted = text.lines().filter_map(|line| line.split_once(" = "));
    let accepted: BTreeMap<&str, f64> =
        accepted.map(|(name, number)| (name.trim_matches('"'), number.parse().unwrap())).collect();
    let mut worse = false;
    for case in CASES {
        let (now, before) = (each[case], *accepted.get(case).unwrap_or_else(|| panic!("{case} was never accepted")));
        let change = now / before - 1.0;
        if change > SLACK {
            println!("{case}: {now:.0} instructions, {before:.0} were accepted ({:+.1} %)", change * 100.0);
            worse = true;
        } else if change < -SLACK {
            println!("{case}: {:+.1} %. Run `tools/decisions.sh accept` to keep it so.", change * 100.0);
        }
    }
    assert!(!worse, "the gateway decides more slowly than before");
}

/// Runs of each case: maps hash by a seed of their own in each process, and a bad one costs up to three in a hundred.
const RUNS: usize = 5;

/// Instructions of a case in the luckiest of its runs.
fn count(what: &str) -> f64 {
    (0..RUNS).map(|_| count_once(what)).fold(f64::MAX, f64::min)
}

fn count_once(what: &str) -> f64 {
    let own = std::env::current_exe().unwrap();
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--callgrind-out-file=/dev/null"])
        .arg(format!("--toggle-collect={}::counted", module_path!()))
        .arg(own)
        .args(["decisions", "run", what])
        .output()
        .expect("valgrind is missing: apt-get install valgrind");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse::<f64>().ok());
    collected.unwrap_or_else(|| panic!("{what}: {said}")) / COUNTED as f64
}

/// The one function that callgrind counts.
#[inline(never)]
fn counted(work: &dyn Fn(usize)) {
    (0..COUNTED).for_each(work);
}

/// Does the work of a case, first uncounted, so that what happens once is not counted.
pub fn run(what: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (limit, quota) = match what {
        "limited" => (Limit { requests: 1, seconds: 86_400 }, VAST),
        "over quota" => (PLENTY, Quota { units: 0, period: Period::Month }),
        _ => (PLENTY, VAST),
    };
    let ledger = Ledger::open(SpoolSettings::new(folder.path())).unwrap();
    let (gateway, keys) = populated(ledger, limit, quota);
    let hasher = KeyHasher::new(&PEPPER);
    let texts: Vec<String> = (1..=KEYS).map(key).collect();
    let hashes: Vec<KeyHash> = texts.iter().map(|text| hasher.hash(text)).collect();
    let heads: Vec<Parts> = (1..=KEYS).map(|number| head(what, number)).collect();
    let decide = |place: usize| gateway.decide_and_record(&heads[place], IpAddr::V4(Ipv4Addr::LOCALHOST));
    let wanted = |refusal: &Refusal| match what {
        "unknown key" => *refusal == Refusal::UnknownKey,
        "malformed key" => *refusal == Refusal::MalformedKey,
        "limited" => matches!(refusal, Refusal::RateLimited { .. }),
        "over quota" => matches!(refusal, Refusal::QuotaExceeded { .. }),
        _ => false,
    };
    let get = |place: usize| assert!(black_box(keys.0.pin().get(&hashes[place])).is_some());
    let hash = |place: usize| assert!(black_box(hasher.hash(&texts[place])) == hashes[place]);
    let judge = |place: usize| match black_box(decide(place)) {
        Ok(()) => assert!(what == "accepted"),
        Err(refusal) => assert!(wanted(&refusal), "{what}: {refusal:?}"),
    };
    let work: &dyn Fn(usize) = match what {
        GET => &get,
        HASH => &hash,
        _ => &judge,
    };
    // A limit of one is used up by the first round.
    (0..COUNTED).for_each(|place| drop(decide(place)));
    (0..COUNTED).for_each(work);
    counted(work);
}

fn head(what: &str, number: u128) -> Parts {
    let key = match what {
        "unknown key" => key(number + KEYS),
        "malformed key" => key(number).replace("live", "live0"),
        _ => key(number),
    };
    // What a program's library sends.
    let request = Request::get("/a/v1/x")
        .header("host", "gateway.test")
        .header("authorization", format!("Bearer {key}"))
        .header("accept", "application/json")
        .header("user-agent", "program/1.0");
    request.body(()).unwrap().into_parts().0
}
