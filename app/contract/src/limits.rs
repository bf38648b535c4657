//! Limits and quotas: how much a caller may do, in words that pages, docs and the gateway share.
//!
//! A *limit* bounds requests in a short time; it lives in memory and forgives as time passes. A *quota* bounds units in
//! a period of the calendar; it survives restarts, because it is a sum of rows.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Millis;

/// Largest number of requests in a limit, and of units in a quota: far above any real one, far below overflow.
pub const LIMIT_MAX: i64 = 1_000_000_000;

/// Longest time of a limit, in seconds: a day. What is longer is a quota.
pub const LIMIT_SECONDS_MAX: i64 = 86_400;

/// So many requests in so many seconds; all of them at once, or spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limit {
    /// Requests; at least one.
    pub requests: u32,
    /// Seconds; at least one.
    pub seconds: u32,
}

impl Limit {
    /// A limit from numbers as they are stored; `None` unless both are sensible.
    #[must_use]
    pub fn from_stored(requests: Option<i64>, seconds: Option<i64>) -> Option<Self> {
        let requests = requests.filter(|requests| (1..=LIMIT_MAX).contains(requests))?;
        let seconds = seconds.filter(|seconds| (1..=LIMIT_SECONDS_MAX).contains(seconds))?;
        Some(Self { requests: u32::try_from(requests).ok()?, seconds: u32::try_from(seconds).ok()? })
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (requests, seconds) = (grouped(self.requests.into()), self.seconds);
        match seconds {
            1 => write!(f, "{requests} requests a second"),
            60 => write!(f, "{requests} requests a minute"),
            3_600 => write!(f, "{requests} requests an hour"),
            86_400 => write!(f, "{requests} requests a day"),
            _ => write!(f, "{requests} requests in {seconds} s"),
        }
    }
}

/// A number with a comma between thousands, as pages write numbers.
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Whose limit it is. A request needs room at every level that has a limit, or it uses none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitLevel {
    /// All keys of an organization, over all APIs.
    Organization,
    /// All keys of an organization, at one API: what its plan gives.
    Plan,
    /// One key.
    Key,
    /// One key at one route.
    Route,
    /// One network address at one API.
    Address,
}

impl LimitLevel {
    /// All of them, in the order in which they are checked.
    pub const ALL: [Self; 5] = [Self::Organization, Self::Plan, Self::Key, Self::Route, Self::Address];

    /// The word for it, also in `RateLimit-Policy`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Plan => "plan",
            Self::Key => "key",
            Self::Route => "route",
            Self::Address => "address",
        }
    }
}

/// So many units in each period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Quota {
    /// Units; a request costs one unless its route says otherwise.
    pub units: i64,
    /// For how long.
    pub period: Period,
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} units a {}", grouped(self.units), self.period.word())
    }
}

/// A stretch of the calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// From midnight to midnight.
    Day,
    /// From the first of a month to the first of the next.
    Month,
}

const DAY_MS: Millis = 86_400_000;

impl Period {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Day, Self::Month];

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// The period with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|period| period.word() == word)
    }

    /// First moment of the period that holds `at`, and first moment of the one after it.
    #[must_use]
    pub const fn bounds(self, at: Millis) -> (Millis, Millis) {
        let day = at.div_euclid(DAY_MS);
        match self {
            Self::Day => (day * DAY_MS, (day + 1) * DAY_MS),
            Self::Month => {
                let (year, month) = year_and_month(day);
                let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
                (first_day(year, month) * DAY_MS, first_day(next.0, next.1) * DAY_MS)
            }
        }
    }
}

/// Days from 1970-01-01 to the first of a month of the proleptic Gregorian calendar. Howard Hinnant, "chrono-compatible
/// low-level date algorithms", `days_from_civil`.
pub(crate) const fn first_day(year: i64, month: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The year and the month of a day; the same source, `civil_from_days`.
const fn year_and_month(day: i64) -> (i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400;
    (if month <= 2 { year + 1 } else { year }, month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_the_stretch_of_the_calendar_that_holds_the_moment() {
        // 2028-02-29T12:00:00Z, a leap day.
        let at = 1_835_438_400_000;
        assert_eq!(Period::Day.bounds(at), (1_835_395_200_000, 1_835_481_600_000));
        assert_eq!(Period::Month.bounds(at), (1_832_976_000_000, 1_835_481_600_000));
        // 1969-12-31T23:59:59.999Z and 1970-01-01T00:00:00Z.
        assert_eq!(Period::Month.bounds(-1), (-31 * DAY_MS, 0));
        assert_eq!(Period::Month.bounds(0), (0, 31 * DAY_MS));
    }

    #[test]
    fn limits_and_quotas_read_as_people_write_them() {
        let limit = |requests, seconds| Limit { requests, seconds }.to_string();
        assert_eq!(limit(60, 60), "60 requests a minute");
        assert_eq!(limit(1_000, 1), "1,000 requests a second");
        assert_eq!(limit(999, 90), "999 requests in 90 s");
        assert_eq!(Quota { units: 1_000_000, period: Period::Month }.to_string(), "1,000,000 units a month");
    }

    #[test]
    fn periods_follow_each_other_without_a_gap() {
        for period in Period::ALL {
            let (mut start, mut end) = period.bounds(-50_000 * DAY_MS);
            for _ in 0..4_000 {
                assert_eq!(period.bounds(end - 1), (start, end));
                let next = period.bounds(end);
                assert_eq!(next.0, end);
                assert!((1..=31).contains(&((next.1 - next.0) / DAY_MS)));
                (start, end) = next;
            }
        }
    }
}
