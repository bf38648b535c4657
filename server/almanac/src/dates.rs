//! Days, moments and the two ways of counting them: civil time for people, Julian dates for the sky.

use chrono::{DateTime, Utc};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::problem::{Problem, shown};

/// Before January 1972 some zones ran on odd seconds (Liberia by 44 min 30 s), which RFC 3339 cannot write.
pub(crate) const FIRST_YEAR: i16 = 1973;

/// Beyond, the slowing of the Earth's rotation is guesswork, and so is every time of day.
pub(crate) const LAST_YEAR: i16 = 2100;

/// Julian date of 1970-01-01T00:00:00Z.
const UNIX_EPOCH_JD: f64 = 2_440_587.5;

const DAY_S: f64 = 86_400.0;

/// Reads `YYYY-MM-DD`. The error is a sentence.
pub(crate) fn parse(text: &str) -> Result<Date, String> {
    let has_form = text.len() == 10
        && text.bytes().enumerate().all(|(place, byte)| match place {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !has_form {
        return Err(format!("Write the date as YYYY-MM-DD, such as 2026-06-21, instead of `{}`.", shown(text)));
    }
    let date: Date = text.parse().map_err(|_| format!("Choose a day of the calendar: there is no {text}."))?;
    if !(FIRST_YEAR..=LAST_YEAR).contains(&date.year()) {
        return Err(format!("Choose a date between the years {FIRST_YEAR} and {LAST_YEAR}."));
    }
    Ok(date)
}

/// Reads a date in path or query; without one, takes today's in that zone.
pub(crate) fn parse_or_today(text: Option<&str>, zone: &TimeZone, now: DateTime<Utc>) -> Result<Date, Problem> {
    match text {
        Some(text) => parse(text).map_err(|detail| Problem::parameter("invalid_date", detail)),
        None => Ok(zone.to_datetime(moment(now)).date()),
    }
}

/// The same moment, in the type that this crate computes with.
pub(crate) fn moment(at: DateTime<Utc>) -> Timestamp {
    Timestamp::from_second(at.timestamp()).unwrap_or_default()
}

/// The first moment of a day; none where the zone skipped the whole day.
pub(crate) fn start_of(date: Date, zone: &TimeZone) -> Option<Zoned> {
    let start = date.to_zoned(zone.clone()).and_then(|midnight| midnight.start_of_day()).ok()?;
    (start.date() == date).then_some(start)
}

/// The first and the last moment of a day, as Julian dates; none where the zone skipped the whole day.
pub(crate) fn span_of(date: Date, zone: &TimeZone) -> Option<(f64, f64)> {
    let start = start_of(date, zone)?;
    let end = start.tomorrow().and_then(|next| next.start_of_day()).ok()?;
    Some((julian(start.timestamp()), julian(end.timestamp())))
}

/// Julian date of a moment, in Universal Time.
pub(crate) fn julian(at: Timestamp) -> f64 {
    UNIX_EPOCH_JD + at.as_second() as f64 / DAY_S
}

/// The moment of a Julian date, to the nearest minute: refraction alone moves a sunrise by more than a second.
pub(crate) fn minute_of(julian: f64) -> Timestamp {
    let minutes = ((julian - UNIX_EPOCH_JD) * DAY_S / 60.0).round();
    Timestamp::from_second(minutes as i64 * 60).unwrap_or_default()
}

/// RFC 3339, with the offset of that zone at that moment.
pub(crate) fn rfc3339(at: Timestamp, zone: &TimeZone) -> String {
    at.display_with_offset(zone.to_offset(at)).to_string()
}
