//! Quotas: units spent in the current day and month, in memory; the rows are the truth, and a start sums them up.
//!
//! Both periods are always counted, so that a plan whose quota changes from one to the other changes nothing that was
//! spent. A unit is taken before the request is forwarded and given back when it is refused after all, so that no
//! number of requests at once spends more than there is.

use std::sync::atomic::{AtomicU64, Ordering};

use contract::Millis;
use contract::limits::{Period, Quota};

const DAY_MS: Millis = 86_400_000;

/// Bits of the number that count units; those above name the period.
const UNIT_BITS: u32 = 44;
const UNITS: u64 = (1 << UNIT_BITS) - 1;

/// Units spent by one organization at one API.
#[derive(Debug, Default)]
pub struct Spent {
    day: AtomicU64,
    month: AtomicU64,
}

/// What is left of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QuotaReading {
    pub(crate) quota: Quota,
    pub(crate) remaining: i64,
    pub(crate) ends_at: Millis,
    pub(crate) starts_at: Millis,
}

impl Spent {
    /// Units that were spent in the periods that hold `at`.
    #[must_use]
    pub fn from_sums(at: Millis, day: i64, month: i64) -> Self {
        let cell = |period, units| AtomicU64::new(number(period, at) << UNIT_BITS | bounded(units));
        Self { day: cell(Period::Day, day), month: cell(Period::Month, month) }
    }

    const fn cell(&self, period: Period) -> &AtomicU64 {
        match period {
            Period::Day => &self.day,
            Period::Month => &self.month,
        }
    }

    /// Takes units, or none if they are not there.
    pub(crate) fn take(&self, cost: i64, quota: Option<Quota>, at: Millis) -> bool {
        let limited = quota.map(|quota| quota.period);
        if let Some(quota) = quota
            && !add(self.cell(quota.period), quota.period, cost, at, bounded(quota.units))
        {
            return false;
        }
        for period in Period::ALL.into_iter().filter(|period| Some(*period) != limited) {
            add(self.cell(period), period, cost, at, UNITS);
        }
        true
    }

    /// Gives units back that were taken at `at`. Those of a period that is over are gone with it.
    pub(crate) fn give_back(&self, cost: i64, at: Millis) {
        for period in Period::ALL {
            let taken_in = number(period, at);
            let _ = self.cell(period).fetch_update(Ordering::Relaxed, Ordering::Relaxed, |cell| {
                (cell >> UNIT_BITS == taken_in).then(|| cell - bounded(cost).min(cell & UNITS))
            });
        }
    }

    pub(crate) fn reading(&self, quota: Quota, at: Millis) -> QuotaReading {
        let cell = self.cell(quota.period).load(Ordering::Relaxed);
        let spent = if cell >> UNIT_BITS >= number(quota.period, at) { cell & UNITS } else { 0 };
        let (starts_at, ends_at) = quota.period.bounds(at);
        let remaining = quota.units.saturating_sub(i64::try_from(spent).unwrap_or(i64::MAX)).max(0);
        QuotaReading { quota, remaining, ends_at, starts_at }
    }
}

fn add(cell: &AtomicU64, period: Period, cost: i64, at: Millis, most: u64) -> bool {
    let now = number(period, at);
    let added = cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |cell| {
        // A request that began just before midnight may come later than one after it: it belongs to the new period
        // then, which at worst spends one more there, never one too many.
        let (current, spent) = if cell >> UNIT_BITS < now { (now, 0) } else { (cell >> UNIT_BITS, cell & UNITS) };
        let spent = spent.saturating_add(bounded(cost));
        (spent <= most).then_some(current << UNIT_BITS | spent)
    });
    added.is_ok()
}

/// Days from 1970 to the first of the period.
fn number(period: Period, at: Millis) -> u64 {
    u64::try_from(period.bounds(at).0 / DAY_MS).unwrap_or_default()
}

fn bounded(units: i64) -> u64 {
    u64::try_from(units).unwrap_or_default().min(UNITS)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    const HOUR: Millis = 3_600_000;
    const DAILY: Quota = Quota { units: 10, period: Period::Day };
    const MONTHLY: Quota = Quota { units: 15, period: Period::Month };

    #[test]
    fn a_quota_is_spent_to_its_last_unit_and_is_full_again_in_the_next_period() {
        let spent = Spent::default();
        assert!((0..10).all(|_| spent.take(1, Some(DAILY), HOUR)));
        assert!(!spent.take(1, Some(DAILY), HOUR));
        assert_eq!(spent.reading(DAILY, HOUR).remaining, 0);
        assert_eq!(spent.reading(DAILY, 24 * HOUR).remaining, 10);
        assert!(spent.take(10, Some(DAILY), 24 * HOUR));
    }

    #[test]
    fn a_call_that_costs_more_than_is_left_takes_nothing() {
        let spent = Spent::default();
        assert!(spent.take(7, Some(DAILY), 0));
        assert!(!spent.take(4, Some(DAILY), 0));
        assert_eq!(spent.reading(DAILY, 0).remaining, 3);
        assert!(spent.take(3, Some(DAILY), 0));
    }

    #[test]
    fn another_period_knows_what_was_spent_before_the_plan_changed() {
        let spent = Spent::default();
        assert!((0..10).all(|_| spent.take(1, Some(DAILY), 0)));
        assert_eq!(spent.reading(MONTHLY, 0).remaining, 5);
        assert!(spent.take(5, Some(MONTHLY), 24 * HOUR));
        assert!(!spent.take(1, Some(MONTHLY), 25 * HOUR));
        assert_eq!(spent.reading(DAILY, 25 * HOUR).remaining, 5);
    }

    #[test]
    fn what_is_given_back_can_be_spent_again_but_not_in_another_period() {
        let spent = Spent::default();
        assert!(spent.take(10, Some(DAILY), 0));
        spent.give_back(4, 0);
        assert_eq!(spent.reading(DAILY, 0).remaining, 4);
        assert!(spent.take(10, Some(DAILY), 24 * HOUR));
        spent.give_back(4, 0);
        assert_eq!(spent.reading(DAILY, 24 * HOUR).remaining, 0);
    }

    #[test]
    fn a_start_goes_on_with_the_sums_of_the_rows() {
        let spent = Spent::from_sums(HOUR, 8, 12);
        assert_eq!(spent.reading(DAILY, HOUR).remaining, 2);
        assert_eq!(spent.reading(MONTHLY, HOUR).remaining, 3);
    }

    #[test]
    fn many_at_once_never_spend_more_than_there_is() {
        let spent = Spent::default();
        let quota = Quota { units: 1_000, period: Period::Month };
        let passed: usize = std::thread::scope(|scope| {
            let workers: Vec<_> =
                (0..4).map(|_| scope.spawn(|| (0..500).filter(|_| spent.take(1, Some(quota), 0)).count())).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        assert_eq!(passed, 1_000);
    }
}
