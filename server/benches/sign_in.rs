//! Whether time tells who has an account: addresses with and without one, through the verbs and through the router.
//!
//! A pair is one request for an address that has an account and one for an address that has none, in random order.
//! Everything else is as served: the same router, an outbox that is being sent, passwords really hashed. The answers
//! of a pair must be the same but for what is random in them; that is asserted. The times are printed and judged by
//! nobody but the reader: `tools/bench.sh`.
//!
//! `cargo bench -p server --bench sign_in -- 2000` measures so many pairs through each door.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/harness.rs"]
mod harness;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use contract::policies::TERMS_VERSION;
use contract::{Refusal, RequestId};
use harness::{House, PASSWORD, PRODUCTION};
use metrics_exporter_prometheus::PrometheusHandle;
use portal::accounts::{NewAccount, Password};
use portal::mail::Directory;
use portal::{Actor, Error, Op};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Pairs through each door, unless the command line says otherwise: with so many, a difference of a tenth of a standard
/// deviation shows.
const PAIRS: usize = 2_000;

/// Measured and thrown away: the first requests fill caches that stay full.
const WARM_UP: usize = 20;

/// Verbs that take a while, whatever they find, are measured by several askers at once, or it would take hours. They
/// are spread over that time. So many keep a core busy for a tenth of it.
const QUICK: usize = 8;

/// The same for verbs that hash a password: with so many, one rarely waits for another.
const HASHING: usize = 3;

/// What those verbs take at least.
const AT_LEAST: Duration = Duration::from_millis(150);

/// Draws for an interval.
const RESAMPLES: usize = 5_000;

/// Whom everybody is a copy of.
const TEMPLATE: &str = "template@example.com";

/// What people who sign up call themselves.
const NAME: &str = "Grace Hopper";

/// No password of anybody.
const WRONG: &str = "seven grey kettles hum";

/// No recovery code of anybody.
const CODE: &str = "0000 0000 0000 0000";

/// Numbers that look random and are the same in every run (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    /// All addresses look like this one, so that none is longer or sorts elsewhere.
    fn address(&mut self) -> String {
        format!("{:016x}@example.com", self.next())
    }
}

/// An address with an account, one without, and which is asked for first.
#[derive(Clone)]
struct Pair {
    known: String,
    unknown: String,
    known_first: bool,
}

/// What somebody outside sees of an answer; what is random in it is left out, but not how long it is.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    status: u16,
    body: String,
    headers: Vec<(String, usize)>,
}

/// Microseconds of both halves of every pair.
#[derive(Default)]
struct Times {
    known: Vec<f64>,
    unknown: Vec<f64>,
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn variance(values: &[f64]) -> f64 {
    let middle = mean(values);
    values.iter().map(|value| (value - middle).powi(2)).sum::<f64>() / (values.len() - 1) as f64
}

fn at_share(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

impl Times {
    /// Of all that lie so far apart in the order of their size, how much oftener the known one is the slower, less how
    /// much oftener the faster: Cliff's delta, -1 to 1.
    fn cliffs_delta(&self) -> f64 {
        let mut all: Vec<(f64, bool)> = self.known.iter().map(|time| (*time, true)).collect();
        all.extend(self.unknown.iter().map(|time| (*time, false)));
        all.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
        let (mut ranks, mut place) = (0.0, 0);
        while place < all.len() {
            let ties = all[place..].iter().take_while(|(time, _)| *time == all[place].0).count();
            let known = all[place..place + ties].iter().filter(|(_, known)| *known).count();
            ranks += known as f64 * (place as f64 + (ties + 1) as f64 / 2.0);
            place += ties;
        }
        let (known, unknown) = (self.known.len() as f64, self.unknown.len() as f64);
        let area = (ranks - known * (known + 1.0) / 2.0) / (known * unknown);
        2.0 * area - 1.0
    }

    /// The interval that holds the mean difference of a pair in 95 of 100 draws of as many pairs.
    fn interval(&self) -> (f64, f64) {
        let differences: Vec<f64> =
            self.known.iter().zip(&self.unknown).map(|(known, unknown)| known - unknown).collect();
        let mut dice = Dice(1);
        let means: Vec<f64> = (0..RESAMPLES)
            .map(|_| {
                mean(&(0..differences.len()).map(|_| differences[dice.below(differences.len())]).collect::<Vec<_>>())
            })
            .collect();
        (at_share(&means, 0.025), at_share(&means, 0.975))
    }

    fn print(&self, what: &str) {
        let (known, unknown) = (at_share(&self.known, 0.5), at_share(&self.unknown, 0.5));
        let difference = mean(&self.known) - mean(&self.unknown);
        let deviation = f64::midpoint(variance(&self.known), variance(&self.unknown)).sqrt();
        let (low, high) = self.interval();
        println!(
            "{what:<30} {:>6} {:>9.3} {:>9.3} {:>8.1} [{:>7.1}, {:>7.1}] {:>8.1} {:>7.3} {:>7.3}",
            self.known.len(),
            known / 1e3,
            unknown / 1e3,
            difference,
            low,
            high,
            deviation,
            difference / deviation,
            self.cliffs_delta(),
        );
    }
}

async fn timed(answer: impl Future<Output = Seen>) -> (f64, Seen) {
    let started = Instant::now();
    let seen = answer.await;
    (started.elapsed().as_secs_f64() * 1e6, seen)
}

/// Asks for both addresses of each pair, and sees to it that the answers are the same.
async fn ask<F: Future<Output = Seen>>(pairs: Vec<Pair>, one: impl Fn(String) -> F) -> Times {
    let mut times = Times::default();
    for (place, pair) in pairs.into_iter().enumerate() {
        let Pair { known, unknown, known_first } = pair;
        let (known, unknown) = if known_first {
            let known = timed(one(known)).await;
            (known, timed(one(unknown)).await)
        } else {
            let unknown = timed(one(unknown)).await;
            (timed(one(known)).await, unknown)
        };
        assert_eq!(known.1, unknown.1, "the answers are not the same");
        if place >= WARM_UP {
            times.known.push(known.0);
            times.unknown.push(unknown.0);
        }
    }
    times
}

/// The same by several askers.
async fn ask_together<F>(
    askers: usize,
    pairs: Vec<Pair>,
    one: impl Fn(String) -> F + Clone + Send + Sync + 'static,
) -> Times
where
    F: Future<Output = Seen> + Send,
{
    let share = pairs.len().div_ceil(askers);
    let asking: Vec<_> = (0u32..)
        .zip(pairs.chunks(share))
        .map(|(place, pairs)| {
            let (pairs, one) = (pairs.to_vec(), one.clone());
            tokio::spawn(async move {
                #[expect(clippy::disallowed_methods, reason = "spreads the askers over the time that an answer takes")]
                tokio::time::sleep(AT_LEAST / u32::try_from(askers).unwrap() * place).await;
                ask(pairs, one).await
            })
        })
        .collect();
    let mut all = Times::default();
    for asker in asking {
        let times = asker.await.unwrap();
        all.known.extend(times.known);
        all.unknown.extend(times.unknown);
    }
    all
}

/// Somebody who was never here.
fn stranger(house: &House) -> Op {
    house.portal.op(Actor::Anonymous, server::clock::now(), RequestId::new(Uuid::now_v7()))
}

/// What a verb answered.
fn seen<T>(answer: portal::Result<T>, wanted: Option<&Refusal>) -> Seen {
    let body = match answer {
        Ok(_) => None,
        Err(Error::Refused(refusal)) => Some(refusal),
        Err(Error::Failed(error)) => panic!("{error:#}"),
    };
    assert_eq!(body.as_ref(), wanted);
    Seen { status: 0, body: format!("{body:?}"), headers: Vec::new() }
}

/// Posts a form as a browser with scripts does.
async fn post(
    house: Arc<House>,
    path: &'static str,
    fields: Vec<(&'static str, String)>,
    wanted: Option<Refusal>,
) -> Seen {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = house.browser().post(path, &fields).await;
    assert_eq!(answer.code(), wanted.as_ref().map_or("", Refusal::code), "{answer:?}");
    assert!(wanted.is_some() || answer.status < 400, "{answer:?}");
    let mut headers: Vec<(String, usize)> =
        answer.headers.iter().map(|(name, value)| (name.to_string(), value.len())).collect();
    headers.sort_unstable();
    Seen { status: answer.status, body: answer.body, headers }
}

struct Bench {
    house: Arc<House>,
    pairs: usize,
    accounts: Vec<String>,
    dice: Dice,
}

impl Bench {
    async fn open(pairs: usize) -> Self {
        let house = Arc::new(House::of(PRODUCTION).await);
        let new = NewAccount {
            name: "Ada Lovelace".to_owned(),
            email: TEMPLATE.to_owned(),
            password: Password::new(PASSWORD.to_owned()),
            terms: TERMS_VERSION.to_owned(),
        };
        portal::accounts::create_verified(&harness::system(&house.portal), new).await.unwrap();
        let mut dice = Dice(0);
        // Nobody is asked for twice at the same door: half of them by the verb, half through the router.
        let accounts: Vec<String> = (0..2 * (pairs + WARM_UP * QUICK)).map(|_| dice.address()).collect();
        let id = if house.database.folder().is_some() { "randomblob(16)" } else { "gen_random_uuid()" };
        for some in accounts.chunks(200) {
            let addresses: Vec<String> = some.iter().map(|address| format!("SELECT '{address}' AS address")).collect();
            let sql = format!(
                "INSERT INTO accounts (id, name, email, email_folded, email_verified_at, password_hash, state, created_at) \
                 SELECT {id}, name, address, address, email_verified_at, password_hash, state, created_at \
                 FROM accounts, ({}) AS addresses WHERE email = '{TEMPLATE}'",
                addresses.join(" UNION ALL ")
            );
            assert_eq!(house.database.sql(&sql).await, some.len() as u64);
        }
        Self { house, pairs, accounts, dice }
    }

    /// Pairs in random order, with unknown addresses that nobody asked for before.
    fn pairs(&mut self, half: usize, askers: usize) -> Vec<Pair> {
        let count = self.pairs + WARM_UP * askers;
        let mut known = self.accounts[half * self.accounts.len() / 2..][..count].to_vec();
        for place in (1..known.len()).rev() {
            known.swap(place, self.dice.below(place + 1));
        }
        known
            .into_iter()
            .map(|known| Pair { known, unknown: self.dice.address(), known_first: self.dice.below(2) == 0 })
            .collect()
    }

    async fn sign_in(&mut self, metrics: &PrometheusHandle) {
        let before = hashes(metrics);
        let house = self.house.clone();
        let verb = move |email: String| {
            let op = stranger(&house);
            async move {
                let password = Password::new(WRONG.to_owned());
                seen(portal::sessions::sign_in(&op, &email, &password).await, Some(&Refusal::SignInFailed))
            }
        };
        ask_together(HASHING, self.pairs(0, HASHING), verb).await.print("sign-in, verb");
        let house = self.house.clone();
        let routed = move |email| {
            let fields = vec![("email", email), ("password", WRONG.to_owned())];
            post(house.clone(), "/rpc/sessions/sign_in", fields, Some(Refusal::SignInFailed))
        };
        ask_together(HASHING, self.pairs(1, HASHING), routed).await.print("sign-in, router");
        assert_eq!(hashes(metrics) - before, 4 * (self.pairs + WARM_UP * HASHING), "a password was not hashed");
    }

    async fn recovery_code(&mut self) {
        let house = self.house.clone();
        let verb = move |email: String| {
            let op = stranger(&house);
            async move {
                let answer = portal::recovery::sign_in_with_code(&op, &email, CODE).await;
                seen(answer, Some(&Refusal::RecoveryCodeWrong))
            }
        };
        ask_together(QUICK, self.pairs(0, QUICK), verb).await.print("recovery code, verb");
        let house = self.house.clone();
        let routed = move |email| {
            let fields = vec![("email", email), ("code", CODE.to_owned())];
            post(house.clone(), "/rpc/sessions/sign_in_with_code", fields, Some(Refusal::RecoveryCodeWrong))
        };
        ask_together(QUICK, self.pairs(1, QUICK), routed).await.print("recovery code, router");
    }

    async fn reset(&mut self) {
        let before = self.house.database.count("mails").await;
        let house = self.house.clone();
        let verb = move |email: String| {
            let op = stranger(&house);
            async move { seen(portal::accounts::ask_reset(&op, &email).await, None) }
        };
        ask_together(QUICK, self.pairs(0, QUICK), verb).await.print("reset by mail, verb");
        let house = self.house.clone();
        let routed = move |email| post(house.clone(), "/rpc/accounts/ask_reset", vec![("email", email)], None);
        ask_together(QUICK, self.pairs(1, QUICK), routed).await.print("reset by mail, router");
        let mails = self.house.database.count("mails").await - before;
        assert_eq!(mails, 2 * (self.pairs + WARM_UP * QUICK), "one mail for each known address");
    }

    async fn sign_up(&mut self, metrics: &PrometheusHandle) {
        let before = hashes(metrics);
        let house = self.house.clone();
        let verb = move |email: String| {
            let op = stranger(&house);
            async move {
                let (name, password) = (NAME.to_owned(), Password::new(PASSWORD.to_owned()));
                let new = NewAccount { name, email, password, terms: TERMS_VERSION.to_owned() };
                seen(portal::accounts::sign_up(&op, new, "").await, None)
            }
        };
        ask_together(HASHING, self.pairs(0, HASHING), verb).await.print("sign-up, verb");
        let house = self.house.clone();
        let routed = move |email| {
            let mut fields = vec![("name", NAME.to_owned()), ("email", email)];
            fields.extend([("password", PASSWORD.to_owned()), ("terms", TERMS_VERSION.to_owned())]);
            post(house.clone(), "/rpc/accounts/sign_up", fields, None)
        };
        ask_together(HASHING, self.pairs(1, HASHING), routed).await.print("sign-up, router");
        assert_eq!(hashes(metrics) - before, 4 * (self.pairs + WARM_UP * HASHING), "a password was not hashed");
    }

    /// It takes no address: one that is sent along is not looked at.
    async fn passkey(&mut self) {
        let house = self.house.clone();
        let routed = |email| {
            let answer = post(house.clone(), "/rpc/passkeys/start_sign_in", vec![("email", email)], None);
            async move {
                let mut seen = answer.await;
                seen.body = format!("{} bytes", seen.body.len());
                seen
            }
        };
        ask(self.pairs(1, 1), routed).await.print("passkey options, router");
    }
}

/// How many passwords were hashed so far.
fn hashes(metrics: &PrometheusHandle) -> usize {
    let text = metrics.render();
    let count = text.lines().find_map(|line| line.strip_prefix("countersign_password_hashes_total "));
    count.map_or(0, |count| count.parse().unwrap())
}

#[tokio::main]
async fn main() {
    let pairs = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(PAIRS);
    let metrics = server::telemetry::start_metrics().unwrap();
    let mut bench = Bench::open(pairs).await;
    let (end, outbox) = (CancellationToken::new(), tempfile::tempdir().unwrap());
    let worker = tokio::spawn(portal::mail::run(
        bench.house.portal.clone(),
        Arc::new(Directory::new(outbox.path().to_owned(), "Almanac API <almanac@example.com>".parse().unwrap())),
        Arc::new(server::clock::now as fn() -> DateTime<Utc>),
        end.clone(),
    ));
    println!(
        "{:<30} {:>6} {:>9} {:>9} {:>8} {:>18} {:>8} {:>7} {:>7}",
        "", "pairs", "known ms", "unknown", "diff. µs", "[95 % interval]", "s.d. µs", "d", "Cliff"
    );
    bench.sign_in(&metrics).await;
    bench.recovery_code().await;
    bench.reset().await;
    bench.sign_up(&metrics).await;
    bench.passkey().await;
    println!(
        "known, unknown: medians. diff.: mean of known less mean of unknown, with an interval by bootstrap over pairs.\n\
         d: Cohen's, diff. by s.d. Cliff: Cliff's delta; by chance alone it stays within ± {:.3} in 95 of 100 runs.",
        // Its deviation without a difference, for two samples of n: sqrt((2n + 1) / 3) / n.
        1.96 * (((2 * pairs + 1) as f64) / 3.0).sqrt() / pairs as f64
    );
    end.cancel();
    worker.await.unwrap();
}
