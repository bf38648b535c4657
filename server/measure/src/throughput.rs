//! Requests per second of a contender's own CPU time.
//!
//! CPU time is that of the contender's processes from `/proc`, so neither the load generator's speed nor its noise
//! counts. One round measures every contender once; the order turns from round to round; the median of the rounds and the
//! smallest and largest are printed, and ratios are taken round by round.

use std::path::Path;

use crate::contenders::{CONTENDERS, Contender, OURS, start};
use crate::processes::{Running, pinned};
use crate::stage::{Stage, asked, spread, tell_missing};
use crate::{CONNECTIONS, CONTENDER};

/// Requests answered with 200 per second of the contender's CPU time.
pub fn measure(contender: &Contender, running: &Running, folder: &Path, seconds: u32) -> f64 {
    let load = |seconds: u32| {
        let url = format!("http://127.0.0.1:{CONTENDER}{}", contender.path);
        let script = folder.join(if contender.is_verify { "verify.lua" } else { "proxy.lua" });
        let output = pinned(0, "wrk")
            .args([
                "-t1",
                "-c",
                &CONNECTIONS.to_string(),
                "-d",
                &format!("{seconds}s"),
                "-s",
                script.to_str().unwrap(),
                &url,
            ])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
        let (requests, failed) = (field("requests:").unwrap(), field("failed:").unwrap());
        assert!(failed == 0.0, "{}: {failed} of {requests} requests failed\n{text}", contender.name);
        requests
    };
    load(1);
    let before = running.cpu();
    let requests = load(seconds);
    requests / (running.cpu() - before)
}

/// Measures them all and prints the table.
pub fn compare(arguments: &[String]) {
    let (rounds, seconds, contenders) = asked(arguments, 5, 8, &CONTENDERS.map(|contender| contender.name));
    let stage = Stage::set();
    let mut results: Vec<Vec<f64>> = vec![Vec::new(); contenders.len()];
    for round in 0..rounds as usize {
        for turn in 0..contenders.len() {
            let place = (turn + round) % contenders.len();
            let contender = &contenders[place];
            let Some(running) = start(contender, stage.folder(), stage.core) else { continue };
            let rate = measure(contender, &running, stage.folder(), seconds);
            println!("round {}: {:<20} {rate:>9.0} requests per CPU-second", round + 1, contender.name);
            results[place].push(rate);
        }
    }
    // Round by round; nothing if the other was not measured.
    let ratio = |over: &[f64], under: &[f64]| {
        let ratios: Vec<f64> = over.iter().zip(under).map(|(over, under)| over / under).collect();
        if ratios.is_empty() { String::new() } else { spread(&ratios, 2) }
    };
    let of =
        |name: &str| contenders.iter().position(|other| other.name == name).map_or(&[][..], |place| &results[place]);
    println!(
        "\n| | requests per CPU-second: median (smallest to largest) | share of the bare one | Countersign to it | |"
    );
    println!("|---|---|---|---|---|");
    for (contender, rates) in contenders.iter().zip(&results).filter(|(_, rates)| !rates.is_empty()) {
        let share = contender.against.map_or_else(String::new, |against| ratio(rates, of(against)));
        let is_beside = !contender.is_verify && contender.name != OURS;
        let ours = if is_beside { ratio(of(OURS), rates) } else { String::new() };
        println!("| {} | {} | {share} | {ours} | {} |", contender.name, spread(rates, 0), contender.remark);
    }
    let is_missing = |(contender, rates): (&Contender, &Vec<f64>)| rates.is_empty().then_some(contender.name);
    tell_missing(&contenders.iter().zip(&results).filter_map(is_missing).collect::<Vec<_>>());
}
