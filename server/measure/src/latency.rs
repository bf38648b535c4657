//! What a contender adds to the time of an answer, at a rate that is kept whatever it does.
//!
//! Requests are due at even distances, each on the next of 64 connections. An answer's time counts from the moment at which
//! its request was due: if the connection still waits for an earlier answer, that wait counts too, so a stall is seen by
//! every request that it delays, not by one. Each measurement through a contender is preceded by one of the upstream
//! alone at the same rate; what is added is the difference of the two, percentile by percentile.
//!
//! Two rates: 5,000 a second, and half of what the contender can do with one core, measured before. Timers wake late, by
//! some tens of microseconds, directly and through a contender alike; how late is printed.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::contenders::{Contender, HAPROXY, LUA, OURS, start};
use crate::processes::pinned;
use crate::stage::{Stage, asked, median, tell_missing};
use crate::throughput::measure;
use crate::{CONNECTIONS, CONTENDER, KEYS, UPSTREAM, key};

/// Requests per second of the first table.
const RATE: u32 = 5_000;

/// Before anything counts: connections open, caches fill.
const WARM_UP_S: u32 = 2;

/// How long the load is measured that tells what a contender can do.
const CAPACITY_S: u32 = 3;

/// Shares of the answers that came within the time; then, how late requests were sent for no fault of the contender.
const PERCENTILES: [f64; 3] = [0.5, 0.99, 0.999];

/// Microseconds at each percentile, and how late the generator was at the second of them.
#[derive(Clone, Copy)]
struct Times {
    at: [f64; 3],
    late: f64,
}

/// One round of one contender at one rate.
#[derive(Clone, Copy)]
struct Pair {
    direct: Times,
    through: Times,
}

/// Measures and prints both tables.
pub fn compare(arguments: &[String]) {
    let (rounds, seconds, contenders) = asked(arguments, 5, 15, &[OURS, LUA, HAPROXY]);
    let stage = Stage::set();
    let capacities: Vec<Option<u32>> = contenders
        .iter()
        .map(|contender| {
            let running = start(contender, stage.folder(), stage.core)?;
            Some(measure(contender, &running, stage.folder(), CAPACITY_S) as u32)
        })
        .collect();
    for half in [false, true] {
        let rates: Vec<Option<u32>> =
            capacities.iter().map(|capacity| capacity.map(|capacity| if half { capacity / 2 } else { RATE })).collect();
        let mut results: Vec<Vec<Pair>> = vec![Vec::new(); contenders.len()];
        for round in 0..rounds as usize {
            for turn in 0..contenders.len() {
                let place = (turn + round) % contenders.len();
                let Some(rate) = rates[place] else { continue };
                let Some(_running) = start(&contenders[place], stage.folder(), stage.core) else { continue };
                let direct = generated(rate, seconds, UPSTREAM, contenders[place].path);
                let through = generated(rate, seconds, CONTENDER, contenders[place].path);
                results[place].push(Pair { direct, through });
            }
        }
        print(if half { "half of what one core can do" } else { "the same rate" }, &contenders, &rates, &results);
    }
    let missing =
        contenders.iter().zip(&capacities).filter_map(|(one, capacity)| capacity.is_none().then_some(one.name));
    tell_missing(&missing.collect::<Vec<_>>());
}

/// Medians of the rounds. What is added is taken round by round.
fn print(what: &str, contenders: &[Contender], rates: &[Option<u32>], results: &[Vec<Pair>]) {
    let middle = |pairs: &[Pair], of: &dyn Fn(&Pair) -> f64| median(&pairs.iter().map(of).collect::<Vec<_>>());
    let three = |pairs: &[Pair], of: &dyn Fn(&Pair, usize) -> f64| {
        [0, 1, 2].map(|place| format!("{:.0}", middle(pairs, &|pair| of(pair, place)))).join(", ")
    };
    println!("\nMicroseconds at p50, p99, p99.9; {what}\n");
    println!("| | requests per second | the upstream alone | through it | added | sent late, p99: alone, through it |");
    println!("|---|---|---|---|---|---|");
    for ((contender, rate), pairs) in contenders.iter().zip(rates).zip(results).filter(|(_, pairs)| !pairs.is_empty()) {
        println!(
            "| {} | {} | {} | {} | {} | {:.0}, {:.0} |",
            contender.name,
            rate.unwrap_or_default(),
            three(pairs, &|pair, place| pair.direct.at[place]),
            three(pairs, &|pair, place| pair.through.at[place]),
            three(pairs, &|pair, place| pair.through.at[place] - pair.direct.at[place]),
            middle(pairs, &|pair| pair.direct.late),
            middle(pairs, &|pair| pair.through.late),
        );
    }
}

/// Runs the generator in a process of its own on the first core, beside the upstream.
fn generated(rate: u32, seconds: u32, port: u16, path: &str) -> Times {
    let own = std::env::current_exe().unwrap();
    let numbers = [rate.to_string(), seconds.to_string(), port.to_string()];
    let mut command = pinned(0, own.to_str().unwrap());
    let output = command.arg("generate").args(numbers).arg(path).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "the generator failed on port {port}");
    let text = String::from_utf8(output.stdout).unwrap();
    let numbers: Vec<f64> = text.split_whitespace().map(|number| number.parse().unwrap()).collect();
    let [p50, p99, p999, late] = numbers[..] else { panic!("the generator said {text}") };
    Times { at: [p50, p99, p999], late }
}

/// Sends `rate` requests a second to a port for that long, and prints the percentiles and how late it was itself.
pub fn generate(arguments: &[String]) {
    let [rate, seconds, port, path] = arguments else { panic!("generate RATE SECONDS PORT PATH") };
    let (rate, seconds): (u32, u32) = (rate.parse().unwrap(), seconds.parse().unwrap());
    let port: u16 = port.parse().unwrap();
    // Linux lets timers of ordinary threads be 50 µs late, to save power. Threads take this over from who starts them; where
    // it may not be written they are later, which is printed.
    let _ = std::fs::write("/proc/self/timerslack_ns", "1");
    let first = Instant::now() + Duration::from_millis(200);
    let threads: Vec<_> = (0..CONNECTIONS)
        .map(|connection| {
            let mut line = Socket::connect(port, first, requests(connection, port, path));
            std::thread::spawn(move || one_connection(&mut line, connection, rate, seconds))
        })
        .collect();
    let (mut took, mut late) = (Vec::new(), Vec::new());
    for thread in threads {
        let (some_took, some_late) = thread.join().unwrap();
        took.extend(some_took);
        late.extend(some_late);
    }
    took.sort_unstable();
    late.sort_unstable();
    let [p50, p99, p999] = PERCENTILES.map(|share| percentile(&took, share));
    println!("{p50} {p99} {p999} {}", percentile(&late, PERCENTILES[1]));
}

/// The requests of a connection, each with another key, ready to be written.
fn requests(connection: u32, port: u16, path: &str) -> Vec<Vec<u8>> {
    let keys = (1..=KEYS).skip(connection as usize).step_by(CONNECTIONS as usize).map(key);
    let request = |key| {
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n\r\n").into_bytes()
    };
    keys.map(request).collect()
}

/// A connection, and the clock that its requests are sent by. Times count from the moment at which the first is due.
trait Line {
    fn now(&self) -> Duration;
    fn wait_until(&mut self, due: Duration);
    /// Sends the next request and waits for its answer.
    fn ask(&mut self);
}

/// Nanoseconds that each counted answer took from when its request was due, and by how many a request was sent late for
/// which the connection was free in time.
fn one_connection(line: &mut impl Line, connection: u32, rate: u32, seconds: u32) -> (Vec<u64>, Vec<u64>) {
    let (uncounted, all) = (rate * WARM_UP_S, rate * (WARM_UP_S + seconds));
    let expected = (all / CONNECTIONS) as usize + 1;
    let (mut took, mut late) = (Vec::with_capacity(expected), Vec::with_capacity(expected));
    let mut free = Duration::ZERO;
    for number in (connection..all).step_by(CONNECTIONS as usize) {
        let due = Duration::from_nanos(u64::from(number) * 1_000_000_000 / u64::from(rate));
        line.wait_until(due);
        let sent = line.now();
        line.ask();
        let answered = line.now();
        if number >= uncounted {
            took.push((answered - due).as_nanos() as u64);
            if free <= due {
                late.push((sent - due).as_nanos() as u64);
            }
        }
        free = answered;
    }
    (took, late)
}

/// A real connection and the real clock.
struct Socket {
    stream: TcpStream,
    first: Instant,
    requests: Vec<Vec<u8>>,
    turn: usize,
    answer: Vec<u8>,
}

impl Socket {
    fn connect(port: u16, first: Instant, requests: Vec<Vec<u8>>) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self { stream, first, requests, turn: 0, answer: vec![0; 16 * 1024] }
    }
}

impl Line for Socket {
    fn now(&self) -> Duration {
        self.first.elapsed()
    }

    fn wait_until(&mut self, due: Duration) {
        let left = (self.first + due).saturating_duration_since(Instant::now());
        if !left.is_zero() {
            #[expect(clippy::disallowed_methods, reason = "a request is due at a moment, not at an event")]
            std::thread::sleep(left);
        }
    }

    fn ask(&mut self) {
        self.stream.write_all(&self.requests[self.turn % self.requests.len()]).unwrap();
        self.turn += 1;
        read_answer(&mut self.stream, &mut self.answer);
    }
}

/// Reads one answer to its end. Any other status than 200 ends the measurement.
fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) {
    let mut length = 0;
    loop {
        let read = stream.read(&mut buffer[length..]).unwrap();
        assert!(read > 0, "the connection was closed in the middle of an answer");
        length += read;
        if is_complete(&buffer[..length]) {
            return;
        }
    }
}

/// Whether an answer is there as a whole, of the length that its head says, or to its last chunk.
fn is_complete(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return false };
    let head = std::str::from_utf8(&answer[..end]).unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "not accepted: {head}");
    let body = &answer[end + 4..];
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
    });
    length.map_or_else(|| body.ends_with(b"0\r\n\r\n"), |length| body.len() >= length)
}

/// Microseconds within which this share of the sorted nanoseconds lies.
fn percentile(sorted: &[u64], share: f64) -> f64 {
    let place = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(place.max(1) - 1).copied().unwrap_or_default() as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_smallest_time_within_which_its_share_of_the_answers_came() {
        let sorted: Vec<u64> = (1..=1_000).map(|number| number * 1_000).collect();
        assert_eq!(PERCENTILES.map(|share| percentile(&sorted, share)), [500.0, 990.0, 999.0]);
        assert_eq!(percentile(&[7_000], 0.999), 7.0);
        assert_eq!(percentile(&[], 0.5), 0.0);
    }

    #[test]
    fn an_answer_is_complete_when_its_length_or_its_last_chunk_is_there() {
        let counted = b"HTTP/1.1 200 OK\r\ncontent-Length: 4\r\n\r\nbody";
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n";
        for answer in [&counted[..], &chunked[..]] {
            assert!(is_complete(answer));
            assert!((0..answer.len()).all(|length| !is_complete(&answer[..length])));
        }
    }

    /// Answers at once, but one of them comes late.
    struct Stalling {
        now: Duration,
        asked: u32,
        stalls_at: u32,
        by: Duration,
    }

    impl Line for Stalling {
        fn now(&self) -> Duration {
            self.now
        }

        fn wait_until(&mut self, due: Duration) {
            self.now = self.now.max(due);
        }

        fn ask(&mut self) {
            if self.asked == self.stalls_at {
                self.now += self.by;
            }
            self.asked += 1;
        }
    }

    #[test]
    fn a_stall_counts_for_every_request_that_it_delays() {
        // The first of the connections gets ten requests a second; the first that counts waits for 350 ms.
        let by = Duration::from_millis(350);
        let mut line = Stalling { now: Duration::ZERO, asked: 0, stalls_at: 10 * WARM_UP_S, by };
        let (took, late) = one_connection(&mut line, 0, 10 * CONNECTIONS, 1);
        let milliseconds: Vec<u64> = took.iter().map(|took| took / 1_000_000).collect();
        assert_eq!(milliseconds, [350, 250, 150, 50, 0, 0, 0, 0, 0, 0]);
        // Those that had to wait for the stalled one were not sent late by the generator.
        assert_eq!(late, [0; 7]);
    }
}
