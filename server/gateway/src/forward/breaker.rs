//! Which upstreams are left alone because they keep failing: a circuit breaker per API, in memory.
//!
//! - Five connections refused, or answers not begun in time, one after another within 30 s, open it for 5 s: requests
//!   are refused at once instead of queueing before a host that is down. Then one request is let through to try.
//! - An answer of any status closes it. So does a connection that was made and then broke: the host is there.
//! - While no upstream is in trouble, asking costs one atomic load.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use contract::ApiId;

/// So many failures in a row are no accident.
const FAILURES: usize = 5;

/// Failures that are further apart than this have different causes.
const WITHIN: Duration = Duration::from_secs(30);

/// Long enough for a process to start again, short enough that nobody notices the wait behind it.
const OPEN: Duration = Duration::from_secs(5);

/// Every upstream that failed lately.
#[derive(Default)]
pub(super) struct Breakers {
    /// How many there are in `all`, so that nobody locks while there are none.
    troubled: AtomicUsize,
    all: Mutex<HashMap<ApiId, Breaker>>,
}

impl Breakers {
    /// Whether a request may go to this upstream now; if not, how many seconds remain.
    pub(super) fn ask(&self, api: ApiId, now: Instant) -> Result<Pass<'_>, u32> {
        let pass = |role| Pass { breakers: self, api, role, is_settled: false };
        if self.troubled.load(Ordering::Acquire) == 0 {
            return Ok(pass(Role::Ordinary));
        }
        match self.lock().get_mut(&api).map_or(Ok(Role::Ordinary), |breaker| breaker.ask(now)) {
            Ok(role) => Ok(pass(role)),
            Err(left) => Err(u32::try_from(left.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ApiId, Breaker>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The leave for one request. Dropped without a word, as when the client goes away, it says nothing of the upstream.
pub(super) struct Pass<'a> {
    breakers: &'a Breakers,
    api: ApiId,
    role: Role,
    is_settled: bool,
}

impl Pass<'_> {
    /// The upstream is there.
    pub(super) fn reached(mut self) {
        self.is_settled = true;
        if self.breakers.troubled.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut all = self.breakers.lock();
        if all.remove(&self.api).is_some() {
            self.breakers.troubled.store(all.len(), Ordering::Release);
        }
    }

    /// The upstream took no connection, or did not answer in time. Tells whether that opened the breaker.
    pub(super) fn failed(mut self, now: Instant) -> Change {
        self.is_settled = true;
        let mut all = self.breakers.lock();
        let change = all.entry(self.api).or_default().failed(self.role, now);
        self.breakers.troubled.store(all.len(), Ordering::Release);
        change
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if !self.is_settled
            && self.role == Role::Trial
            && let Some(breaker) = self.breakers.lock().get_mut(&self.api)
        {
            breaker.abandoned();
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    Ordinary,
    /// The one request that finds out.
    Trial,
}

/// What a failure changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Change {
    None,
    Opened,
}

/// One upstream's failures. Closed until it counted [`FAILURES`].
#[derive(Debug, Default)]
struct Breaker {
    /// The last ones, oldest first.
    failures: VecDeque<Instant>,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    until: Instant,
    /// Somebody is finding out.
    is_tried: bool,
}

impl Breaker {
    fn ask(&mut self, now: Instant) -> Result<Role, Duration> {
        match &mut self.open {
            None => Ok(Role::Ordinary),
            Some(open) if now < open.until => Err(open.until - now),
            // The trial is soon over, one way or the other.
            Some(open) if open.is_tried => Err(Duration::ZERO),
            Some(open) => {
                open.is_tried = true;
                Ok(Role::Trial)
            }
        }
    }

    fn failed(&mut self, role: Role, now: Instant) -> Change {
        if self.open.is_some() && role == Role::Ordinary {
            // It was let through before the breaker opened, and tells nothing new.
            return Change::None;
        }
        self.failures.push_back(now);
        while self.failures.front().is_some_and(|first| now.saturating_duration_since(*first) > WITHIN) {
            self.failures.pop_front();
        }
        if role == Role::Ordinary && self.failures.len() < FAILURES {
            return Change::None;
        }
        self.failures.clear();
        self.open = Some(Open { until: now + OPEN, is_tried: false });
        Change::Opened
    }

    fn abandoned(&mut self) {
        if let Some(open) = &mut self.open {
            open.is_tried = false;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use uuid::Uuid;

    use super::*;

    fn api(number: u128) -> ApiId {
        ApiId::new(Uuid::from_u128(number))
    }

    fn fail(breakers: &Breakers, now: Instant) -> Change {
        breakers.ask(api(1), now).ok().unwrap().failed(now)
    }

    fn refused(breakers: &Breakers, now: Instant) -> Option<u32> {
        breakers.ask(api(1), now).err()
    }

    /// Breakers that opened at this moment.
    fn opened(now: Instant) -> Breakers {
        let breakers = Breakers::default();
        let changes: Vec<_> = (0..FAILURES).map(|_| fail(&breakers, now)).collect();
        assert_eq!(changes, [Change::None, Change::None, Change::None, Change::None, Change::Opened]);
        breakers
    }

    #[test]
    fn five_failures_in_a_row_open_it_for_five_seconds_and_for_no_other_upstream() {
        let now = Instant::now();
        let breakers = opened(now);
        assert_eq!(refused(&breakers, now), Some(5));
        assert_eq!(refused(&breakers, now + Duration::from_millis(3_500)), Some(2));
        assert_eq!(refused(&breakers, now + OPEN - Duration::from_millis(1)), Some(1));
        assert!(breakers.ask(api(2), now).is_ok());
        assert_eq!(refused(&breakers, now + OPEN), None);
    }

    #[test]
    fn an_answer_between_failures_starts_the_count_again() {
        let (now, breakers) = (Instant::now(), Breakers::default());
        for _ in 0..3 {
            for _ in 1..FAILURES {
                assert_eq!(fail(&breakers, now), Change::None);
            }
            breakers.ask(api(1), now).ok().unwrap().reached();
        }
        assert_eq!(breakers.troubled.load(Ordering::Acquire), 0);
    }

    #[test]
    fn failures_further_apart_than_thirty_seconds_do_not_add_up() {
        let (now, breakers) = (Instant::now(), Breakers::default());
        for number in 0..20 {
            assert_eq!(fail(&breakers, now + Duration::from_secs(8) * number), Change::None);
        }
        let later = now + Duration::from_secs(8 * 19);
        assert_eq!(fail(&breakers, later), Change::Opened);
    }

    #[test]
    fn after_the_pause_one_request_tries_and_the_others_wait() {
        let now = Instant::now();
        let breakers = opened(now);
        let then = now + OPEN;
        let trial = breakers.ask(api(1), then).ok().unwrap();
        assert_eq!(refused(&breakers, then), Some(1));
        trial.reached();
        assert_eq!(refused(&breakers, then), None);
        assert_eq!(fail(&breakers, then), Change::None);
    }

    #[test]
    fn a_trial_that_fails_opens_it_again_and_one_that_is_abandoned_leaves_it_to_the_next() {
        let now = Instant::now();
        let breakers = opened(now);
        let then = now + OPEN;
        assert_eq!(fail(&breakers, then), Change::Opened);
        assert_eq!(refused(&breakers, then), Some(5));
        let again = then + OPEN;
        drop(breakers.ask(api(1), again).ok().unwrap());
        let trial = breakers.ask(api(1), again).ok().unwrap();
        assert_eq!(trial.role, Role::Trial);
        assert_eq!(refused(&breakers, again), Some(1));
    }

    #[test]
    fn a_request_from_before_the_opening_does_not_make_the_pause_longer() {
        let (now, breakers) = (Instant::now(), Breakers::default());
        let early = breakers.ask(api(1), now).ok().unwrap();
        for _ in 0..FAILURES {
            fail(&breakers, now);
        }
        assert_eq!(early.failed(now + Duration::from_secs(4)), Change::None);
        assert_eq!(refused(&breakers, now + Duration::from_secs(4)), Some(1));
    }
}
