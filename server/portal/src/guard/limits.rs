//! How often somebody may try, in memory only.
//!
//! - A try is spent before anything else is done, in one step: of many at the same moment, no more than the budget
//!   come through.
//! - Each door has a budget for where a try comes from, and one for the address it aims at, known or not: the answers
//!   are the same, so nobody learns which addresses have an account.
//! - A browser from which the person has signed in before has a budget of its own, and only that. Strangers can use up
//!   the address's budget and their own, and never lock its owner out.
//! - Nothing is stored: not on disk, and in memory only numbers made with a key that is new with each process.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::Refusal;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;
use governor::{Quota, RateLimiter};

/// Keys that one budget remembers. Beyond them newcomers share [`SHARED`] places, and so are refused sooner, until
/// others are forgotten: memory is bounded, and nobody gains a try by filling it. 42 MiB if all of them are full.
const REMEMBERED: usize = 32_768;

/// Places that newcomers share when there is no room.
const SHARED: u64 = 1_024;

/// After so many tries, keys whose budget is whole again are forgotten: 128 of them are looked at for each try.
const FORGET_AFTER: u32 = 256;

/// A clock that is set back so far was wrong before. Less are requests that overtook each other.
const SET_BACK_MS: i64 = 60_000;

/// Where a request comes from, as far as limits need to know.
///
/// Made of the client's address, which cannot be read out of it: it is a number that depends on a key of this process.
/// It cannot be stored, and prints as its own name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Source(Option<u64>);

impl Source {
    /// From the address of the connection, or of the client behind a proxy that is trusted. Of an IPv6 address the
    /// network counts (its first 64 bits): everyone who has one has as many addresses in it as they like.
    #[must_use]
    pub fn new(address: IpAddr) -> Self {
        static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        let network = match address.to_canonical() {
            IpAddr::V4(address) => u128::from(u32::from(address)),
            IpAddr::V6(address) => u128::from(address) & !u128::from(u64::MAX),
        };
        Self(Some(KEY.hash_one((address.to_canonical().is_ipv4(), network))))
    }

    /// Of jobs and the command line: nothing is counted for it. Never of a request.
    #[must_use]
    pub const fn unknown() -> Self {
        Self(None)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

/// Whose account a try aims at.
#[derive(Clone, Copy)]
pub(super) enum Target<'a> {
    /// Nobody's in particular.
    Nobody,
    /// The account with this address (folded, as typed), if there is one.
    Address(&'a str),
    /// The same, from a browser whose device cookie belongs to that account.
    OwnDevice(&'a str),
}

impl fmt::Debug for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Target")
    }
}

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// A password.
    SignIn,
    /// A recovery code.
    RecoveryCode,
    /// The token of a link in a mail.
    MailLink,
    /// The start of a passkey ceremony.
    Passkey,
    /// A new account.
    SignUp,
    /// A new account without a proof of work.
    SignUpWithoutProof,
    /// Anything that sends a mail to somebody who is not signed in; the target is who receives it.
    Mail,
    /// A challenge to prove work on.
    Challenge,
    /// A call of the REST API; the target is the token.
    Rest,
    /// A look at a string that may be a key.
    LeakCheck,
    /// The same without a proof of work.
    LeakCheckWithoutProof,
}

/// So many at once, and so many more in an hour.
#[derive(Clone, Copy)]
struct Budget {
    at_once: NonZeroU32,
    per_hour: NonZeroU32,
}

const fn budget(at_once: u32, per_hour: u32) -> Budget {
    Budget { at_once: at_least_one(at_once), per_hour: at_least_one(per_hour) }
}

const fn at_least_one(count: u32) -> NonZeroU32 {
    match NonZeroU32::new(count) {
        Some(count) => count,
        None => NonZeroU32::MIN,
    }
}

struct Budgets {
    source: Budget,
    address: Budget,
    own_device: Budget,
}

/// For doors where there is nothing to guess: as much as a person with many tabs, and far less than a flood.
const HARMLESS: Budget = budget(120, 1_800);

/// For programs at the REST API.
const REST: Budget = budget(REST_AT_ONCE, REST_PER_SECOND * 3_600);

/// Calls of the REST API that one token can make at once.
pub const REST_AT_ONCE: u32 = 120;

/// Calls that it gets back each second.
pub const REST_PER_SECOND: u32 = 10;

impl Door {
    const ALL: [Self; 11] = [
        Self::SignIn,
        Self::RecoveryCode,
        Self::MailLink,
        Self::Passkey,
        Self::SignUp,
        Self::SignUpWithoutProof,
        Self::Mail,
        Self::Challenge,
        Self::Rest,
        Self::LeakCheck,
        Self::LeakCheckWithoutProof,
    ];

    const fn budgets(self) -> Budgets {
        match self {
            // An office behind one address signs in on Monday morning; three a minute is nothing to a flood. For an
            // address 6 an hour are 150 guesses a day, of passwords that no list has. Its owner mistypes at a known
            // device once a minute, if they like.
            Self::SignIn => Budgets { source: budget(30, 180), address: budget(10, 6), own_device: budget(10, 60) },
            // Ten codes are all there are. A person types from paper, so a few mistakes; nobody needs a sixth soon.
            Self::RecoveryCode => Budgets { source: budget(10, 30), address: budget(5, 4), own_device: budget(5, 12) },
            // 256 random bits are not guessed: this only keeps the database quiet. Scanners open a link many times.
            Self::MailLink => {
                Budgets { source: budget(60, 360), address: budget(60, 360), own_device: budget(60, 360) }
            }
            // Every view of the sign-in page starts a ceremony, for autofill.
            Self::Passkey => Budgets { source: HARMLESS, address: HARMLESS, own_device: HARMLESS },
            // A class signs up together. One address is tried again when the mail did not come.
            Self::SignUp => Budgets { source: budget(30, 30), address: budget(5, 4), own_device: budget(5, 4) },
            // Who has no script is one person at a time, who may mistype a field or two.
            Self::SignUpWithoutProof => {
                Budgets { source: budget(5, 3), address: budget(5, 3), own_device: budget(5, 3) }
            }
            // Nobody's mailbox is filled through us: five mails, then one in 15 minutes. What was sent first still
            // works, so a stranger who uses this up keeps nobody from their link.
            Self::Mail => Budgets { source: budget(20, 20), address: budget(5, 4), own_device: budget(5, 12) },
            Self::Challenge => Budgets { source: HARMLESS, address: HARMLESS, own_device: HARMLESS },
            // 160 random bits are not guessed. Whoever found a file full of keys has a handful.
            Self::LeakCheck => Budgets { source: budget(30, 60), address: budget(30, 60), own_device: budget(30, 60) },
            Self::LeakCheckWithoutProof => {
                Budgets { source: budget(5, 10), address: budget(5, 10), own_device: budget(5, 10) }
            }
            // Ten a second for each token: a program that reads page after page is not held up.
            Self::Rest => Budgets { source: REST, address: REST, own_device: REST },
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is inside is whole at every moment, so a panic elsewhere is no reason to stop counting.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The time that has passed, taken from the operations themselves. It never goes back: when the wall clock is set back
/// it goes on from there, instead of standing still until the clock has caught up.
#[derive(Clone, Default)]
struct Passed(Arc<(Mutex<Option<i64>>, AtomicU64)>);

impl Passed {
    fn move_to(&self, now: DateTime<Utc>) {
        let (last, passed) = &*self.0;
        let now = now.timestamp_millis();
        let mut last = lock(last);
        match *last {
            Some(before) if now <= before && before - now < SET_BACK_MS => {}
            Some(before) => {
                let more = u64::try_from(now - before).unwrap_or_default();
                passed.fetch_add(more.saturating_mul(1_000_000), Ordering::AcqRel);
                *last = Some(now);
            }
            None => *last = Some(now),
        }
    }
}

impl Clock for Passed {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.1.load(Ordering::Acquire).into()
    }
}

/// Where a budget's keys stand. `governor`'s own stores grow as long as somebody sends new keys.
struct Cells {
    remembered: usize,
    cells: Mutex<HashMap<u64, Nanos>>,
}

impl StateStore for Cells {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, key: &u64, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut cells = lock(&self.cells);
        let full = cells.len() >= self.remembered && !cells.contains_key(key);
        let key = if full { key % SHARED } else { *key };
        let (answer, next) = decide(cells.get(&key).copied())?;
        cells.insert(key, next);
        Ok(answer)
    }
}

impl ShrinkableKeyedStateStore<u64> for Cells {
    fn retain_recent(&self, drop_below: Nanos) {
        lock(&self.cells).retain(|_, next| *next > drop_below);
    }

    fn shrink_to_fit(&self) {
        lock(&self.cells).shrink_to_fit();
    }

    fn len(&self) -> usize {
        lock(&self.cells).len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One budget, for everybody it applies to.
struct Counter {
    limiter: RateLimiter<u64, Cells, Passed, NoOpMiddleware<Nanos>>,
    tries: AtomicU32,
}

impl Counter {
    fn new(budget: Budget, time: &Passed, remembered: usize) -> Self {
        let quota = Quota::per_hour(budget.per_hour).allow_burst(budget.at_once);
        let cells = Cells { remembered, cells: Mutex::default() };
        Self { limiter: RateLimiter::new(quota, cells, time.clone()), tries: AtomicU32::new(0) }
    }

    fn spend(&self, key: u64) -> Result<(), Refusal> {
        if self.tries.fetch_add(1, Ordering::Relaxed) % FORGET_AFTER == FORGET_AFTER - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&key).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.limiter.clock().now());
            Refusal::TooManyTries { retry_after_s: whole_seconds(wait) }
        })
    }
}

/// Rounded up: who comes back then is not refused again.
fn whole_seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1)
}

struct DoorCounters {
    source: Counter,
    address: Counter,
    own_device: Counter,
}

/// All budgets of this process.
pub(super) struct Limits {
    time: Passed,
    // One for each of `Door::ALL`, in its order, which is that of the enum.
    doors: [DoorCounters; Door::ALL.len()],
    address_key: RandomState,
}

impl Limits {
    pub(super) fn new() -> Self {
        Self::with_room_for(REMEMBERED)
    }

    fn with_room_for(remembered: usize) -> Self {
        let time = Passed::default();
        let doors = Door::ALL.map(|door| {
            let counter = |budget| Counter::new(budget, &time, remembered);
            let Budgets { source, address, own_device } = door.budgets();
            DoorCounters { source: counter(source), address: counter(address), own_device: counter(own_device) }
        });
        Self { time, doors, address_key: RandomState::new() }
    }

    /// Spends one try. That of the source goes first: who is refused there takes nothing from the address.
    pub(super) fn spend(
        &self,
        door: Door,
        now: DateTime<Utc>,
        source: &Source,
        target: Target<'_>,
    ) -> Result<(), Refusal> {
        self.time.move_to(now);
        let counters = &self.doors[door as usize];
        if let Target::OwnDevice(address) = target {
            return counters.own_device.spend(self.address_key.hash_one(address));
        }
        if let Some(source) = source.0 {
            counters.source.spend(source)?;
        }
        if let Target::Address(address) = target {
            counters.address.spend(self.address_key.hash_one(address))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::sync::Barrier;
    use std::thread;

    use chrono::TimeDelta;

    use super::*;
    use crate::testing::{Dice, at, start};

    const ADA: &str = "ada@example.com";

    fn source(address: &str) -> Source {
        Source::new(address.parse().unwrap())
    }

    /// How many of the tries come through.
    fn passing(tries: usize, mut one: impl FnMut() -> Result<(), Refusal>) -> usize {
        (0..tries).filter(|_| one().is_ok()).count()
    }

    fn wait(result: Result<(), Refusal>) -> i64 {
        match result {
            Err(Refusal::TooManyTries { retry_after_s }) => i64::from(retry_after_s),
            other => panic!("{other:?}"),
        }
    }

    /// Claims: S002-20
    #[test]
    fn of_two_hundred_tries_at_the_same_moment_exactly_the_budget_comes_through() {
        for door in Door::ALL {
            let limits = Limits::new();
            let ready = Barrier::new(200);
            let passed: usize = thread::scope(|scope| {
                let tries: Vec<_> = (0..200u8)
                    .map(|place| {
                        let (limits, ready) = (&limits, &ready);
                        scope.spawn(move || {
                            let source = Source::new(IpAddr::from([10, 0, 0, place]));
                            ready.wait();
                            usize::from(limits.spend(door, start(), &source, Target::Address(ADA)).is_ok())
                        })
                    })
                    .collect();
                tries.into_iter().map(|one| one.join().unwrap()).sum()
            });
            assert_eq!(passed, door.budgets().address.at_once.get() as usize, "{door:?}, from 200 sources");
        }
    }

    #[test]
    fn one_source_is_limited_across_all_addresses() {
        let (limits, attacker) = (Limits::new(), source("203.0.113.9"));
        let passed = (0..200)
            .filter(|number| {
                let address = format!("person{number}@example.com");
                limits.spend(Door::SignIn, start(), &attacker, Target::Address(&address)).is_ok()
            })
            .count();
        assert_eq!(passed, 30);
        assert!(limits.spend(Door::SignIn, start(), &source("203.0.113.10"), Target::Address(ADA)).is_ok());
    }

    #[test]
    fn who_is_refused_for_their_source_takes_nothing_from_the_address() {
        let (limits, attacker) = (Limits::new(), source("203.0.113.9"));
        let spend = |source: &Source, target| limits.spend(Door::SignIn, start(), source, target);
        assert_eq!(passing(500, || spend(&attacker, Target::Nobody)), 30);
        assert_eq!(passing(500, || spend(&attacker, Target::Address(ADA))), 0);
        assert_eq!(passing(500, || spend(&source("198.51.100.7"), Target::Address(ADA))), 10);
    }

    /// Claims: S002-20
    #[test]
    fn the_owner_signs_in_from_their_own_device_while_strangers_try() {
        let limits = Limits::new();
        let spend = |source: &Source, target| limits.spend(Door::SignIn, start(), source, target);
        for network in 0..40u8 {
            let attacker = Source::new(IpAddr::from([203, 0, network, 1]));
            let _ = passing(50, || spend(&attacker, Target::Address(ADA)));
        }
        let owner = source("203.0.1.1"); // behind the same address as one of the attackers
        assert!(spend(&owner, Target::Address(ADA)).is_err());
        assert_eq!(passing(200, || spend(&owner, Target::OwnDevice(ADA))), 10, "a device is limited too");
    }

    #[test]
    fn a_budget_comes_back_with_time_and_the_refusal_says_when() {
        let limits = Limits::new();
        let spend = |now| limits.spend(Door::SignIn, now, &Source::unknown(), Target::Address(ADA));
        assert_eq!(passing(50, || spend(start())), 10);
        let wait_s = wait(spend(start()));
        assert_eq!(wait_s, 600);
        assert_eq!(wait(spend(at(TimeDelta::milliseconds(wait_s * 1_000 - 1)))), 1);
        let then = at(TimeDelta::seconds(wait_s));
        assert_eq!(passing(50, || spend(then)), 1);
        assert_eq!(passing(50, || spend(then + TimeDelta::days(1))), 10, "no more than the budget, however long");
    }

    #[test]
    fn a_clock_that_was_wrong_locks_nobody_out() {
        let limits = Limits::new();
        let spend = |now| limits.spend(Door::SignIn, now, &Source::unknown(), Target::Address(ADA));
        assert_eq!(passing(50, || spend(at(TimeDelta::days(400)))), 10);
        assert_eq!(passing(50, || spend(start())), 0, "setting a clock back gives nobody a try");
        assert_eq!(passing(50, || spend(at(TimeDelta::minutes(10)))), 1, "time goes on from there");
        assert_eq!(passing(50, || spend(at(TimeDelta::minutes(9) + TimeDelta::seconds(30)))), 0, "overtaken");
        assert_eq!(passing(50, || spend(at(TimeDelta::minutes(20)))), 1);
    }

    /// In any stretch of time, no more come through than the budget and what came back meanwhile; and whoever waits as
    /// long as they were told is let in.
    #[test]
    fn no_order_of_tries_gets_more_than_the_budget() {
        for seed in 0..200 {
            let (limits, mut dice) = (Limits::new(), Dice(seed));
            let door = *dice.pick(&Door::ALL);
            let Budget { at_once, per_hour } = door.budgets().address;
            let mut now_ms = 0;
            let mut passed_at = Vec::new();
            for _ in 0..300 {
                now_ms += if dice.below(3) == 0 { dice.below(1_200_000) } else { dice.below(50) };
                let spend =
                    |ms| limits.spend(door, at(TimeDelta::milliseconds(ms)), &Source::unknown(), Target::Address(ADA));
                if let Err(refusal) = spend(now_ms) {
                    if dice.below(10) > 0 {
                        continue;
                    }
                    now_ms += wait(Err(refusal)) * 1_000;
                    assert!(spend(now_ms).is_ok(), "seed {seed}: refused after waiting as told");
                }
                passed_at.push(now_ms);
            }
            for (first, from) in passed_at.iter().enumerate() {
                for (last, to) in passed_at.iter().enumerate().skip(first) {
                    let came_back = (to - from) as f64 * f64::from(per_hour.get()) / 3_600_000.0;
                    let most = f64::from(at_once.get()) + came_back + 1e-3;
                    assert!((last - first + 1) as f64 <= most, "seed {seed}, {door:?}: {first}..={last}");
                }
            }
        }
    }

    #[test]
    fn memory_is_bounded_and_a_full_one_gives_nobody_a_try() {
        let limits = Limits::with_room_for(2_000);
        let kept = || limits.doors[Door::Mail as usize].address.limiter.len();
        let spend = |now, address: &str| limits.spend(Door::Mail, now, &Source::unknown(), Target::Address(address));
        assert_eq!(passing(50, || spend(start(), ADA)), 5);
        let passed = (0..100_000).filter(|number| spend(start(), &format!("{number}@example.com")).is_ok()).count();
        assert!(kept() <= 2_000 + SHARED as usize, "{}", kept());
        assert!(passed <= 2_000 + SHARED as usize * 5, "{passed} mails");
        assert!(spend(start(), ADA).is_err(), "those who were there are not forgotten for newcomers");
        let tomorrow = at(TimeDelta::days(1));
        let _ = passing(FORGET_AFTER as usize, || spend(tomorrow, ADA));
        assert!(kept() <= 2, "what is whole again is forgotten: {}", kept());
        assert!(spend(tomorrow, "newcomer@example.com").is_ok());
    }

    #[test]
    fn neighbours_in_one_ipv6_network_are_one_source_and_a_mapped_address_is_itself() {
        assert_eq!(source("2001:db8:1:2::1"), source("2001:db8:1:2:ffff::9"));
        assert_ne!(source("2001:db8:1:2::1"), source("2001:db8:1:3::1"));
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
        assert_ne!(source("192.0.2.1"), source("192.0.2.2"));
    }

    #[test]
    fn an_address_cannot_be_read_out_of_a_source() {
        assert_eq!(format!("{:?}", source("192.0.2.1")), "Source");
        assert_eq!(format!("{:?}", Target::Address(ADA)), "Target");
    }
}
