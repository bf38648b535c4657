//! Quotas: units spent in the current window, in memory; the rows are the truth, and a start sums them up.
//!
//! - A unit is taken before the request is forwarded and given back when it is refused after all, so that no number of
//!   requests at once spends more than there is.
//! - Whoever fills the gateway says where windows begin and end, and what was spent in the current one. When that
//!   changes, what was spent before counts: the rows stored so far, and the units of rows that are not stored yet, which
//!   are counted here apart ([`Spent::stored`]).
//! - Units beside the quota (*extra*) are spent after it, and what is left of them goes on into the next window.
//! - Where several processes share a quota, each spends from a budget that it was granted. The sum of all budgets, and of
//!   what is not stored yet, never exceeds what is left. Whoever finds the budget empty waits for more, and is refused if
//!   nobody can be asked.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use contract::Millis;
use contract::limits::Quota;

/// The window that holds a moment: its first moment, and the first one after it.
pub type Windows = Arc<dyn Fn(Millis) -> (Millis, Millis) + Send + Sync>;

/// What is known of a quota when it begins to be counted, or is counted anew.
#[derive(Clone)]
pub struct Counted {
    /// Where windows begin and end.
    pub windows: Windows,
    /// Units of the quota, as it is now.
    pub units: i64,
    /// Units of the rows stored in the window that holds the moment.
    pub stored: i64,
    /// Units left beside the quota.
    pub extra: i64,
    /// Until when these can be spent.
    pub extra_ends_at: Option<Millis>,
    /// Whether other processes spend from it too.
    pub shared: bool,
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counted").field("units", &self.units).field("stored", &self.stored).finish_non_exhaustive()
    }
}

/// Units spent by one organization at one API.
#[derive(Debug, Default)]
pub struct Spent {
    /// Read for each request; written when a window turns or is counted anew.
    window: RwLock<Option<Window>>,
    /// Units that were taken and whose rows are not stored yet, whatever the quota.
    unstored: AtomicI64,
}

struct Window {
    /// Those of the quota's period, in UTC, unless somebody says otherwise.
    windows: Option<Windows>,
    starts_at: Millis,
    ends_at: Millis,
    spent: AtomicI64,
    /// By how much more than the quota may be spent in this window.
    extra: i64,
    extra_ends_at: Option<Millis>,
    lease: Option<Lease>,
}

/// What this process may spend of a quota that several share.
#[derive(Debug, Default)]
struct Lease {
    /// Granted, and not taken yet.
    budget: AtomicI64,
    /// Left for everybody when it was last granted.
    left: AtomicI64,
    /// Until when the last answer holds, if there was nothing left.
    used_up_until: AtomicI64,
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Window").field("starts_at", &self.starts_at).field("spent", &self.spent).finish_non_exhaustive()
    }
}

/// What became of units that a request asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// They are its own.
    Yes,
    /// There are none left.
    UsedUp,
    /// There may be more, but this process must be granted them first.
    Ungranted,
}

/// What is left of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QuotaReading {
    pub(crate) quota: Quota,
    pub(crate) remaining: i64,
    pub(crate) ends_at: Millis,
    pub(crate) starts_at: Millis,
}

/// Where the lease of a process stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseState {
    /// First moment of the window it is for.
    pub starts_at: Millis,
    /// First moment after that window.
    pub ends_at: Millis,
    /// Granted, and not taken yet.
    pub budget: i64,
    /// Taken, and not stored yet.
    pub unstored: i64,
    /// Taken in this window since it began to be counted.
    pub spent: i64,
}

impl Window {
    fn turned(windows: Option<Windows>, quota: Quota, at: Millis) -> Self {
        let (starts_at, ends_at) = windows.as_ref().map_or_else(|| quota.period.bounds(at), |windows| windows(at));
        Self {
            windows,
            starts_at,
            // A window that does not hold the moment would be turned for ever.
            ends_at: ends_at.max(at + 1),
            spent: AtomicI64::new(0),
            extra: 0,
            extra_ends_at: None,
            lease: None,
        }
    }

    fn most(&self, quota: Quota, at: Millis) -> i64 {
        let extra = if self.extra_ends_at.is_some_and(|end| end <= at) { 0 } else { self.extra };
        quota.units.saturating_add(extra)
    }

    fn take(&self, cost: i64, quota: Quota, at: Millis) -> Taken {
        let Some(lease) = &self.lease else {
            let most = self.most(quota, at);
            return if add(&self.spent, cost, most) { Taken::Yes } else { Taken::UsedUp };
        };
        // Taking from the budget is adding what is negative.
        let paid = lease.budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |budget| {
            budget.checked_sub(cost).filter(|left| *left >= 0)
        });
        if paid.is_ok() {
            self.spent.fetch_add(cost, Ordering::Relaxed);
            return Taken::Yes;
        }
        if at < lease.used_up_until.load(Ordering::Relaxed) { Taken::UsedUp } else { Taken::Ungranted }
    }
}

fn add(cell: &AtomicI64, cost: i64, most: i64) -> bool {
    let more = |spent: i64| spent.checked_add(cost).filter(|spent| *spent <= most);
    cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
}

impl Spent {
    fn read(&self) -> RwLockReadGuard<'_, Option<Window>> {
        self.window.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Option<Window>> {
        self.window.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts from here on in these windows, and what was spent in the current one as told; with it the units that were
    /// taken and are not stored yet. No row may be stored between the sum in `counted` and this.
    pub fn restart(&self, counted: &Counted, at: Millis) {
        let mut window = self.write();
        let (starts_at, ends_at) = (counted.windows)(at);
        let unstored = self.unstored.load(Ordering::Relaxed).max(0);
        let spent = if counted.shared { unstored } else { counted.stored.saturating_add(unstored) };
        *window = Some(Window {
            windows: Some(Arc::clone(&counted.windows)),
            starts_at,
            ends_at: ends_at.max(at + 1),
            spent: AtomicI64::new(spent),
            // What was spent beside the quota already is not left any more, and may stay spent.
            extra: counted.extra.saturating_add((counted.stored - counted.units).max(0)),
            extra_ends_at: counted.extra_ends_at,
            lease: counted.shared.then(Lease::default),
        });
    }

    /// Rows of so many units were stored.
    pub fn stored(&self, units: i64) {
        let less = |unstored: i64| Some(unstored.saturating_sub(units).max(0));
        let _ = self.unstored.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Takes units, or none if they are not there.
    pub(crate) fn take(&self, cost: i64, quota: Option<Quota>, at: Millis) -> Taken {
        let taken = quota.map_or(Taken::Yes, |quota| self.take_from(quota, cost, at));
        if taken == Taken::Yes && quota.is_none() {
            self.unstored.fetch_add(cost, Ordering::Relaxed);
        }
        taken
    }

    fn take_from(&self, quota: Quota, cost: i64, at: Millis) -> Taken {
        loop {
            let window = self.read();
            // A request that began just before the window may come later than one in it: it belongs to the new window
            // then, which at worst spends one more there, never one too many.
            if let Some(window) = window.as_ref().filter(|window| at < window.ends_at) {
                let taken = window.take(cost, quota, at);
                if taken == Taken::Yes {
                    // While the window is held: who counts anew sees these units in one of the two.
                    self.unstored.fetch_add(cost, Ordering::Relaxed);
                }
                return taken;
            }
            drop(window);
            self.turn(quota, at);
        }
    }

    /// Begins the window that holds `at`, unless somebody else did.
    fn turn(&self, quota: Quota, at: Millis) {
        let mut window = self.write();
        if window.as_ref().is_some_and(|window| at < window.ends_at) {
            return;
        }
        let before = window.take();
        let mut next = Window::turned(before.as_ref().and_then(|before| before.windows.clone()), quota, at);
        if let Some(before) = before {
            let spent = before.spent.load(Ordering::Relaxed);
            next.extra = (before.extra - (spent - quota.units).max(0)).max(0);
            next.extra_ends_at = before.extra_ends_at;
            next.lease = before.lease.map(|_| Lease::default());
        }
        *window = Some(next);
    }

    /// Gives units back that were taken at `at`. Those of a window that is over are gone with it.
    pub(crate) fn give_back(&self, cost: i64, at: Millis) {
        let window = self.read();
        self.stored(cost);
        if let Some(window) = window.as_ref().filter(|window| (window.starts_at..window.ends_at).contains(&at)) {
            let less = |spent: i64| Some((spent - cost).max(0));
            let _ = window.spent.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
            if let Some(lease) = &window.lease {
                lease.budget.fetch_add(cost, Ordering::Relaxed);
            }
        }
    }

    pub(crate) fn reading(&self, quota: Quota, at: Millis) -> QuotaReading {
        loop {
            if let Some(window) = self.read().as_ref().filter(|window| at < window.ends_at) {
                let remaining = match &window.lease {
                    None => window.most(quota, at).saturating_sub(window.spent.load(Ordering::Relaxed)),
                    Some(lease) => {
                        lease.budget.load(Ordering::Relaxed).saturating_add(lease.left.load(Ordering::Relaxed))
                    }
                };
                let (starts_at, ends_at) = (window.starts_at, window.ends_at);
                return QuotaReading { quota, remaining: remaining.max(0), ends_at, starts_at };
            }
            self.turn(quota, at);
        }
    }

    /// Where the lease stands in the window that holds `at`; `None` if the quota is not shared.
    #[must_use]
    pub fn lease(&self, quota: Quota, at: Millis) -> Option<LeaseState> {
        if self.read().as_ref().is_some_and(|window| window.ends_at <= at) {
            self.turn(quota, at);
        }
        // Nobody takes meanwhile, so both numbers are of one moment.
        let window = self.write();
        let window = window.as_ref()?;
        Some(LeaseState {
            starts_at: window.starts_at,
            ends_at: window.ends_at,
            budget: window.lease.as_ref()?.budget.load(Ordering::Relaxed),
            unstored: self.unstored.load(Ordering::Relaxed).max(0),
            spent: window.spent.load(Ordering::Relaxed),
        })
    }

    /// Adds to the budget of the window that begins then, and says how much is left for everybody. Where that was not
    /// enough, nobody need ask again before `used_up_until`.
    pub fn grant(&self, starts_at: Millis, units: i64, left: i64, used_up_until: Option<Millis>) {
        let window = self.read();
        if let Some(window) = window.as_ref().filter(|window| window.starts_at == starts_at)
            && let Some(lease) = &window.lease
        {
            lease.budget.fetch_add(units, Ordering::Relaxed);
            lease.left.store(left, Ordering::Relaxed);
            lease.used_up_until.store(used_up_until.unwrap_or(Millis::MIN), Ordering::Relaxed);
        }
    }

    /// Takes units out of the budget that are not needed, as many as are still there, and says how many that were.
    #[must_use]
    pub fn withdraw(&self, units: i64) -> i64 {
        let window = self.read();
        let Some(lease) = window.as_ref().and_then(|window| window.lease.as_ref()) else { return 0 };
        let taken = lease
            .budget
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |budget| Some(budget - units.min(budget).max(0)));
        taken.map_or(0, |budget| units.min(budget).max(0))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use contract::limits::Period;

    use super::*;

    const HOUR: Millis = 3_600_000;
    const DAILY: Quota = Quota { units: 10, period: Period::Day };

    fn took(spent: &Spent, cost: i64, at: Millis) -> bool {
        spent.take(cost, Some(DAILY), at) == Taken::Yes
    }

    fn hourly(stored: i64, extra: i64) -> Counted {
        let windows: Windows = Arc::new(|at: Millis| (at - at.rem_euclid(HOUR), at - at.rem_euclid(HOUR) + HOUR));
        Counted { windows, units: 10, stored, extra, extra_ends_at: None, shared: false }
    }

    #[test]
    fn a_quota_is_spent_to_its_last_unit_and_is_full_again_in_the_next_window() {
        let spent = Spent::default();
        assert!((0..10).all(|_| took(&spent, 1, HOUR)));
        assert_eq!(spent.take(1, Some(DAILY), HOUR), Taken::UsedUp);
        assert_eq!(spent.reading(DAILY, HOUR).remaining, 0);
        assert_eq!(spent.reading(DAILY, 24 * HOUR).remaining, 10);
        assert!(took(&spent, 10, 24 * HOUR));
    }

    #[test]
    fn a_call_that_costs_more_than_is_left_takes_nothing() {
        let spent = Spent::default();
        assert!(took(&spent, 7, 0));
        assert!(!took(&spent, 4, 0));
        assert_eq!(spent.reading(DAILY, 0).remaining, 3);
        assert!(took(&spent, 3, 0));
    }

    #[test]
    fn windows_are_where_whoever_fills_the_gateway_says() {
        let spent = Spent::default();
        spent.restart(&hourly(4, 0), 90 * 60_000);
        let reading = spent.reading(DAILY, 90 * 60_000);
        assert_eq!((reading.remaining, reading.starts_at, reading.ends_at), (6, HOUR, 2 * HOUR));
        assert!(took(&spent, 6, 2 * HOUR - 1) && !took(&spent, 1, 2 * HOUR - 1));
        assert!(took(&spent, 10, 2 * HOUR) && !took(&spent, 1, 2 * HOUR));
    }

    #[test]
    fn counted_anew_what_is_not_stored_yet_counts_too() {
        let spent = Spent::default();
        assert!(took(&spent, 3, 0) && took(&spent, 2, 0));
        assert_eq!(spent.take(2, None, 0), Taken::Yes);
        // The row of the first is stored, that of the second is not, and the third had no quota.
        spent.stored(3);
        spent.restart(&hourly(3, 0), 0);
        assert_eq!(spent.reading(DAILY, 0).remaining, 3);
    }

    #[test]
    fn what_is_given_back_can_be_spent_again_but_not_in_another_window() {
        let spent = Spent::default();
        assert!(took(&spent, 10, 0));
        spent.give_back(4, 0);
        assert_eq!(spent.reading(DAILY, 0).remaining, 4);
        assert!(took(&spent, 10, 24 * HOUR));
        spent.give_back(4, 0);
        assert_eq!(spent.reading(DAILY, 24 * HOUR).remaining, 0);
    }

    #[test]
    fn extra_units_are_spent_after_the_quota_and_what_is_left_of_them_goes_on() {
        let spent = Spent::default();
        spent.restart(&hourly(0, 5), 0);
        assert_eq!(spent.reading(DAILY, 0).remaining, 15);
        assert!(took(&spent, 8, 0), "of the quota");
        assert!(took(&spent, 5, 0), "two of the quota, three extra");
        assert_eq!(spent.reading(DAILY, HOUR).remaining, 12, "two extra are left");
        assert!(took(&spent, 12, HOUR) && !took(&spent, 1, HOUR));
        assert_eq!(spent.reading(DAILY, 2 * HOUR).remaining, 10);
        // Counted anew in a window in which two of five extra were spent: three are left.
        spent.stored(25);
        spent.restart(&hourly(12, 3), 2 * HOUR);
        assert_eq!(spent.reading(DAILY, 2 * HOUR).remaining, 3);
        // And they end.
        spent.restart(&Counted { extra_ends_at: Some(2 * HOUR + 1), ..hourly(9, 3) }, 2 * HOUR);
        assert_eq!(spent.reading(DAILY, 2 * HOUR).remaining, 4);
        assert_eq!(spent.reading(DAILY, 2 * HOUR + 1).remaining, 1);
    }

    #[test]
    fn of_a_shared_quota_only_what_was_granted_is_spent() {
        let spent = Spent::default();
        spent.restart(&Counted { shared: true, ..hourly(0, 0) }, 0);
        assert_eq!(spent.take(1, Some(DAILY), 0), Taken::Ungranted);
        spent.grant(0, 3, 7, None);
        assert_eq!(spent.reading(DAILY, 0).remaining, 10);
        assert!(took(&spent, 3, 0));
        assert_eq!(spent.take(1, Some(DAILY), 0), Taken::Ungranted);
        spent.give_back(1, 0);
        assert_eq!(spent.lease(DAILY, 0).unwrap().budget, 1);
        assert_eq!((spent.withdraw(5), spent.withdraw(5)), (1, 0));
        // Nothing was left for anybody: for a moment nobody asks again.
        spent.grant(0, 0, 0, Some(1_000));
        assert_eq!(spent.take(1, Some(DAILY), 999), Taken::UsedUp);
        assert_eq!(spent.take(1, Some(DAILY), 1_000), Taken::Ungranted);
        // A grant for a window that is over changes nothing.
        assert_eq!(spent.lease(DAILY, HOUR).unwrap().budget, 0);
        spent.grant(0, 3, 7, None);
        assert_eq!(spent.take(1, Some(DAILY), HOUR), Taken::Ungranted);
    }

    #[test]
    fn many_at_once_never_spend_more_than_there_is() {
        let spent = Spent::default();
        let quota = Quota { units: 1_000, period: Period::Month };
        let take = || spent.take(1, Some(quota), 0) == Taken::Yes;
        let passed: usize = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(|| (0..500).filter(|_| take()).count())).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        assert_eq!(passed, 1_000);
    }

    /// Small random numbers, the same at every run (xorshift64).
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, bound: i64) -> i64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            i64::try_from(self.0 % bound.unsigned_abs()).unwrap()
        }
    }

    /// The same in a few lines that nobody can get wrong: a number of units for each window, and what is left extra.
    #[test]
    fn whatever_is_taken_given_back_and_counted_anew_it_is_what_a_naive_count_says() {
        for seed in 1..=200 {
            let mut dice = Dice(seed);
            let spent = Spent::default();
            let extra = dice.below(15);
            spent.restart(&hourly(0, extra), 0);
            let (mut now, mut window, mut used, mut left, mut stored) = (0, 0, 0_i64, extra, 0_i64);
            let mut taken: Vec<(i64, Millis)> = Vec::new();
            for _ in 0..300 {
                match dice.below(10) {
                    0..=5 => {
                        let cost = dice.below(5);
                        let may = used + cost <= 10 + left;
                        assert_eq!(took(&spent, cost, now), may, "seed {seed}");
                        if may {
                            used += cost;
                            taken.push((cost, now));
                        }
                    }
                    6 | 7 if !taken.is_empty() => {
                        let (cost, at) = taken.remove(usize::try_from(dice.below(taken.len() as i64)).unwrap());
                        spent.give_back(cost, at);
                        if at / HOUR == window {
                            used -= cost;
                        }
                    }
                    8 => {
                        now += dice.below(HOUR);
                        if now / HOUR > window {
                            left = (left - (used - 10).max(0)).max(0);
                            (window, used, stored) = (now / HOUR, 0, 0);
                        }
                    }
                    _ => {
                        // Everything is stored, and counted anew from the rows.
                        let of_window: i64 =
                            taken.iter().filter(|(_, at)| at / HOUR == window).map(|(cost, _)| cost).sum();
                        stored += of_window;
                        spent.stored(taken.iter().map(|(cost, _)| cost).sum());
                        taken.clear();
                        let extra_left = left - (stored - 10).max(0);
                        spent.restart(&hourly(stored, extra_left), now);
                    }
                }
                assert_eq!(spent.reading(DAILY, now).remaining, (10 + left - used).max(0), "seed {seed}");
            }
        }
    }
}
