//! Limits: the generic cell rate algorithm (ITU-T I.371, annex A), one number for each limit.
//!
//! The number is the *theoretical arrival time*: the moment at which the caller's whole allowance will be there again.
//! Every request moves it one interval into the future; a request that would move it further than the allowance
//! reaches is refused. Nothing has to tick, nothing is stored, and forgetting is the passing of time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use contract::limits::{Limit, LimitLevel};
use smallvec::SmallVec;

use crate::clock;

const SECOND_NS: u64 = 1_000_000_000;

/// Nanoseconds on the gateway's own clock, which only goes forward.
pub(crate) type Ticks = u64;

/// One limit, and how much of it is used. Clones share what is used.
#[derive(Clone, Debug)]
pub struct Meter {
    limit: Limit,
    interval: u64,
    allowance: u64,
    full_at: Arc<AtomicU64>,
}

impl Meter {
    /// A limit of which nothing is used.
    #[must_use]
    pub fn new(limit: Limit) -> Self {
        Self::over(limit, Arc::default())
    }

    /// Another limit for the same caller: the requests that were used stay used, so a larger limit helps at once, and
    /// changing back and forth gains nothing.
    #[must_use]
    pub fn keeping(limit: Limit, before: &Self) -> Self {
        if limit == before.limit { before.clone() } else { Self::after(limit, before, clock::ticks()) }
    }

    fn after(limit: Limit, before: &Self, now: Ticks) -> Self {
        let meter = Self::new(limit);
        // Requests that run at this moment may be missed; they belong to the limit that they were admitted under.
        let requests = before.used(now).div_ceil(before.interval);
        let used = requests.saturating_mul(meter.interval).min(meter.allowance);
        meter.full_at.store(now + used, Ordering::Relaxed);
        meter
    }

    fn over(limit: Limit, full_at: Arc<AtomicU64>) -> Self {
        let requests = u64::from(limit.requests.max(1));
        // Rounded up, so that the rate is never exceeded; the allowance is a multiple of it, so that a burst is exact.
        let interval = (u64::from(limit.seconds.max(1)) * SECOND_NS).div_ceil(requests);
        Self { limit, interval, allowance: interval * requests, full_at }
    }

    /// The limit.
    #[must_use]
    pub const fn limit(&self) -> Limit {
        self.limit
    }

    /// Nanoseconds until nothing of it is used.
    fn used(&self, now: Ticks) -> u64 {
        self.full_at.load(Ordering::Relaxed).saturating_sub(now)
    }

    /// How much is left.
    fn reading(&self, level: LimitLevel, now: Ticks) -> Reading {
        let used = self.used(now).min(self.allowance);
        let remaining = (self.allowance - used) / self.interval;
        Reading {
            level,
            limit: self.limit,
            remaining: u32::try_from(remaining).unwrap_or(u32::MAX),
            full_in_s: seconds(used),
        }
    }

    /// Nanoseconds until there is room for one more; nothing if there is room now.
    fn wait(&self, now: Ticks) -> u64 {
        let full_at = self.full_at.load(Ordering::Relaxed).max(now);
        (full_at + self.interval).saturating_sub(now + self.allowance)
    }

    fn take(&self, now: Ticks) -> bool {
        self.full_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
                let next = full_at.max(now) + self.interval;
                (next <= now + self.allowance).then_some(next)
            })
            .is_ok()
    }

    /// Undoes a [`Meter::take`]: additions commute, so whatever others took meanwhile stays taken.
    fn give_back(&self) {
        self.full_at.fetch_sub(self.interval, Ordering::Relaxed);
    }
}

/// How much of a limit is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) level: LimitLevel,
    pub(crate) limit: Limit,
    pub(crate) remaining: u32,
    /// When all of it is there again.
    pub(crate) full_in_s: u32,
}

/// What is left of every limit that a request had to meet; in place, because every request has one.
pub(crate) type Readings = SmallVec<[Reading; LimitLevel::ALL.len()]>;

/// The limit that has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exceeded {
    pub(crate) level: LimitLevel,
    pub(crate) limit: Limit,
    pub(crate) retry_after_s: u32,
}

/// The limits that a request must meet, at most one for each level.
#[derive(Clone, Copy, Default)]
pub(crate) struct Meters<'a>([Option<&'a Meter>; LimitLevel::ALL.len()]);

impl<'a> Meters<'a> {
    pub(crate) fn set(&mut self, level: LimitLevel, meter: Option<&'a Meter>) {
        self.0[level as usize] = meter;
    }

    fn all(&self) -> impl DoubleEndedIterator<Item = (LimitLevel, &'a Meter)> + '_ {
        LimitLevel::ALL.into_iter().zip(self.0).filter_map(|(level, meter)| Some((level, meter?)))
    }

    /// Takes one from each, or none from any: a refused request uses nothing.
    pub(crate) fn take(&self, now: Ticks) -> Result<(), Exceeded> {
        // Asked first, so that a request that is refused anyway does not even take for a moment.
        if let Some(exceeded) = self.exceeded(now) {
            return Err(exceeded);
        }
        for (place, (level, meter)) in self.all().enumerate() {
            if !meter.take(now) {
                // Somebody else took the last one between the two looks.
                self.all().take(place).for_each(|(_, taken)| taken.give_back());
                return Err(exceeded(level, meter, now));
            }
        }
        Ok(())
    }

    pub(crate) fn give_back(&self) {
        self.all().for_each(|(_, meter)| meter.give_back());
    }

    /// Of several without room the one that takes longest: after a shorter wait the request would be refused again.
    fn exceeded(&self, now: Ticks) -> Option<Exceeded> {
        let longest = self.all().filter(|(_, meter)| meter.wait(now) > 0).max_by_key(|(_, meter)| meter.wait(now));
        longest.map(|(level, meter)| exceeded(level, meter, now))
    }

    pub(crate) fn readings(&self, now: Ticks) -> Readings {
        self.all().map(|(level, meter)| meter.reading(level, now)).collect()
    }
}

fn exceeded(level: LimitLevel, meter: &Meter, now: Ticks) -> Exceeded {
    Exceeded { level, limit: meter.limit, retry_after_s: seconds(meter.wait(now)).max(1) }
}

/// Rounded up: who waits so long finds room.
fn seconds(ns: u64) -> u32 {
    u32::try_from(ns.div_ceil(SECOND_NS)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::num::NonZeroU32;
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;
    use governor::{Quota, RateLimiter};

    use super::*;

    const PER_MINUTE: Limit = Limit { requests: 3, seconds: 60 };

    fn meters<'a>(all: &[(LimitLevel, &'a Meter)]) -> Meters<'a> {
        let mut meters = Meters::default();
        for (level, meter) in all {
            meters.set(*level, Some(meter));
        }
        meters
    }

    #[test]
    fn a_burst_is_exactly_the_limit_and_room_comes_back_evenly() {
        for limit in [PER_MINUTE, Limit { requests: 1, seconds: 1 }, Limit { requests: 7, seconds: 86_400 }] {
            let meter = Meter::new(limit);
            let meters = meters(&[(LimitLevel::Key, &meter)]);
            for _ in 0..limit.requests {
                assert_eq!(meters.take(5), Ok(()), "{limit}");
            }
            let refused = meters.take(5).unwrap_err();
            assert_eq!((refused.level, refused.limit), (LimitLevel::Key, limit));
            let back = 5 + u64::from(refused.retry_after_s) * SECOND_NS;
            assert_eq!(meters.take(back), Ok(()), "{limit}");
            assert!(meters.take(back).is_err(), "{limit}");
        }
    }

    #[test]
    fn a_refused_request_takes_from_no_level() {
        let (plan, key) = (Meter::new(PER_MINUTE), Meter::new(Limit { requests: 1, seconds: 60 }));
        let both = meters(&[(LimitLevel::Plan, &plan), (LimitLevel::Key, &key)]);
        both.take(0).unwrap();
        for _ in 0..100 {
            assert_eq!(both.take(0).unwrap_err().level, LimitLevel::Key);
        }
        let left: Vec<u32> = both.readings(0).iter().map(|reading| reading.remaining).collect();
        assert_eq!(left, [2, 0]);
        both.give_back();
        let left: Vec<u32> = both.readings(0).iter().map(|reading| reading.remaining).collect();
        assert_eq!(left, [3, 1]);
    }

    #[test]
    fn a_limit_that_changes_keeps_the_requests_that_were_used() {
        let before = Meter::new(PER_MINUTE);
        let one = meters(&[(LimitLevel::Plan, &before)]);
        (0..3).for_each(|_| one.take(7).unwrap());
        let left = |requests, seconds| {
            let after = Meter::after(Limit { requests, seconds }, &before, 7);
            meters(&[(LimitLevel::Plan, &after)]).readings(7)[0].remaining
        };
        assert_eq!(left(8, 60), 5);
        assert_eq!(left(8, 3_600), 5);
        assert_eq!(left(2, 60), 0);
        let same = Meter::keeping(PER_MINUTE, &before);
        assert!(Arc::ptr_eq(&same.full_at, &before.full_at));
    }

    #[test]
    fn from_many_threads_exactly_the_limit_is_let_through() {
        let limit = Limit { requests: 1_000, seconds: 86_400 };
        let (plan, key) = (Meter::new(limit), Meter::new(Limit { requests: 700, seconds: 86_400 }));
        let passed: usize = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let both = meters(&[(LimitLevel::Plan, &plan), (LimitLevel::Key, &key)]);
                        (0..1_000).filter(|_| both.take(0).is_ok()).count()
                    })
                })
                .collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        assert_eq!(passed, 700);
        assert_eq!(meters(&[(LimitLevel::Plan, &plan)]).readings(0)[0].remaining, 300);
    }

    /// Numbers from a small generator (Marsaglia's xorshift), so that a failure can be run again.
    fn numbers(seed: u64) -> impl FnMut(u64) -> u64 {
        let mut state = seed.max(1);
        move |bound| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % bound
        }
    }

    #[test]
    fn it_decides_as_governor_does() {
        for seed in 1..=200 {
            let mut number = numbers(seed);
            // Limits whose interval is a whole number of nanoseconds: the two round others differently.
            let requests = [1, 2, 4, 5, 8, 10, 20, 50, 100, 1_000][number(10) as usize];
            let seconds = [1, 2, 10, 60, 3_600][number(5) as usize];
            let interval = Duration::from_nanos(u64::from(seconds) * SECOND_NS / u64::from(requests));
            let clock = FakeRelativeClock::default();
            let quota = Quota::with_period(interval).unwrap().allow_burst(NonZeroU32::new(requests).unwrap());
            let oracle = RateLimiter::direct_with_clock(quota, clock.clone());
            let meter = Meter::new(Limit { requests, seconds });
            let ours = meters(&[(LimitLevel::Key, &meter)]);
            let mut now = 0;
            for step in 0..500 {
                let pause = number(u64::try_from(interval.as_nanos()).unwrap() * 3);
                if number(3) == 0 {
                    clock.advance(Duration::from_nanos(pause));
                    now += pause;
                }
                assert_eq!(ours.take(now).is_ok(), oracle.check().is_ok(), "seed {seed}, step {step}");
            }
        }
    }
}
