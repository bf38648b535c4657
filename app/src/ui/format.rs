//! Numbers, durations and dates as text.
//!
//! Integers in, the same text out on the server and in the browser: no locale, no floating point, no clock.

use contract::Millis;

/// Whole numbers with a comma between groups of three: `48,213`.
#[must_use]
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        text.push('−');
    }
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 request`, `2,431 requests`.
#[must_use]
pub fn counted(number: i64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// A number short enough for an axis: `950`, `1.5k`, `12k`, `3.4M`. Cut, not rounded, so that an axis never overstates.
#[must_use]
pub fn compact(number: i64) -> String {
    let (unit, letter) = match number.unsigned_abs() {
        0..1_000 => return number.to_string(),
        1_000..1_000_000 => (1_000, 'k'),
        1_000_000..1_000_000_000 => (1_000_000, 'M'),
        _ => (1_000_000_000, 'G'),
    };
    let tenths = (number % unit).abs() * 10 / unit;
    if tenths == 0 || number.abs() >= 100 * unit {
        format!("{}{letter}", number / unit)
    } else {
        format!("{}.{tenths}{letter}", number / unit)
    }
}

/// A share with one decimal: `1.8%`. Nothing of nothing is `0%`; a share that is not nothing never reads `0.0%`.
#[must_use]
pub fn percent(part: i64, whole: i64) -> String {
    if part <= 0 || whole <= 0 {
        return "0%".to_owned();
    }
    let tenths = (i128::from(part) * 1_000 + i128::from(whole) / 2) / i128::from(whole);
    match tenths {
        0 => "<0.1%".to_owned(),
        tenths if tenths % 10 == 0 => format!("{}%", tenths / 10),
        tenths => format!("{}.{}%", tenths / 10, tenths % 10),
    }
}

/// A latency, from microseconds: `0.2 ms`, `41 ms`, `1,204 ms`.
#[must_use]
pub fn latency(microseconds: i64) -> String {
    let tenths = (microseconds.max(0) + 50) / 100;
    if tenths < 100 {
        format!("{}.{} ms", tenths / 10, tenths % 10)
    } else {
        format!("{} ms", grouped((microseconds + 500) / 1_000))
    }
}

/// A size: `0 B`, `812 B`, `1.4 kB`, `3.0 MB`.
#[must_use]
pub fn bytes(number: i64) -> String {
    let (unit, name) = match number {
        ..1_000 => return format!("{} B", number.max(0)),
        1_000..1_000_000 => (1_000, "kB"),
        1_000_000..1_000_000_000 => (1_000_000, "MB"),
        _ => (1_000_000_000, "GB"),
    };
    format!("{}.{} {name}", number / unit, number % unit * 10 / unit)
}

/// Thousandths as a decimal number: `4166` is `4.166`. SVG takes its coordinates from here.
#[must_use]
pub fn thousandths(number: i64) -> String {
    let sign = if number < 0 { "-" } else { "" };
    let number = number.unsigned_abs();
    match number % 1_000 {
        0 => format!("{sign}{}", number / 1_000),
        rest => {
            let text = format!("{sign}{}.{rest:03}", number / 1_000);
            text.trim_end_matches('0').to_owned()
        }
    }
}

/// A moment in UTC, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utc {
    /// Year of the Gregorian calendar.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    pub minute: i64,
    /// 0 to 59.
    pub second: i64,
    /// 0 to 999.
    pub millisecond: i64,
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MONTHS_IN_FULL: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAY_MS: i64 = 86_400_000;

impl Utc {
    /// Takes a moment apart. The calendar part is Howard Hinnant's `civil_from_days`
    /// (<https://howardhinnant.github.io/date_algorithms.html#civil_from_days>): eras of 400 years, years that begin in
    /// March so that the leap day comes last.
    #[must_use]
    pub const fn of(at: Millis) -> Self {
        let days = at.div_euclid(DAY_MS) + 719_468;
        let time = at.rem_euclid(DAY_MS);
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
        Self {
            year,
            month,
            day,
            hour: time / 3_600_000,
            minute: time / 60_000 % 60,
            second: time / 1_000 % 60,
            millisecond: time % 1_000,
        }
    }

    fn name_of_month(self, names: [&'static str; 12]) -> &'static str {
        names.get(self.month as usize - 1).copied().unwrap_or_default()
    }
}

/// `2026-11-21T14:02:31.884Z` (RFC 3339): for machines.
#[must_use]
pub fn rfc3339(at: Millis) -> String {
    let t = Utc::of(at);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        t.year, t.month, t.day, t.hour, t.minute, t.second, t.millisecond
    )
}

/// `21 Nov 2026`.
#[must_use]
pub fn date(at: Millis) -> String {
    let t = Utc::of(at);
    format!("{} {} {}", t.day, t.name_of_month(MONTHS), t.year)
}

/// `21 Nov`.
#[must_use]
pub fn day_and_month(at: Millis) -> String {
    let t = Utc::of(at);
    format!("{} {}", t.day, t.name_of_month(MONTHS))
}

/// `21 Nov 2026, 14:02 UTC`.
#[must_use]
pub fn date_and_time(at: Millis) -> String {
    format!("{}, {} UTC", date(at), hour_and_minute(at))
}

/// `21 Nov 2026, 14:02:31.884 UTC`.
#[must_use]
pub fn precise(at: Millis) -> String {
    format!("{}, {} UTC", date(at), clock(at))
}

/// `14:02`.
#[must_use]
pub fn hour_and_minute(at: Millis) -> String {
    let t = Utc::of(at);
    format!("{:02}:{:02}", t.hour, t.minute)
}

/// `14:02:31.884`: the time of a log row.
#[must_use]
pub fn clock(at: Millis) -> String {
    let t = Utc::of(at);
    format!("{:02}:{:02}:{:02}.{:03}", t.hour, t.minute, t.second, t.millisecond)
}

/// `2026-11-21` as a document writes it: `21 November 2026`. Other text is returned as it is.
#[must_use]
pub fn date_in_full(iso: &str) -> String {
    let mut parts = iso.splitn(3, '-').map(str::parse::<i64>);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(Ok(year)), Some(Ok(month @ 1..=12)), Some(Ok(day))) => {
            format!("{day} {} {year}", MONTHS_IN_FULL.get(month as usize - 1).copied().unwrap_or_default())
        }
        _ => iso.to_owned(),
    }
}

/// How far away a moment is: `just now`, `12 s ago`, `4 min ago`, `in 6 d`. Past 60 days the date itself is clearer.
#[must_use]
pub fn relative(at: Millis, now: Millis) -> String {
    let seconds = (now - at).abs() / 1_000;
    let amount = match seconds {
        0..5 => return "just now".to_owned(),
        5..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        86_400..5_184_000 => format!("{} d", seconds / 86_400),
        _ => return date(at),
    };
    if at <= now { format!("{amount} ago") } else { format!("in {amount}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (48_213, "48,213"), (-1_234_567, "−1,234,567")]
        {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(counted(1, "request", "requests"), "1 request");
        assert_eq!(counted(2_431, "request", "requests"), "2,431 requests");
    }

    #[test]
    fn an_axis_reads_short_numbers_and_never_overstates() {
        for (number, text) in [
            (0, "0"),
            (950, "950"),
            (1_500, "1.5k"),
            (1_999, "1.9k"),
            (12_000, "12k"),
            (250_900, "250k"),
            (3_400_000, "3.4M"),
        ] {
            assert_eq!(compact(number), text);
        }
    }

    #[test]
    fn a_share_that_is_not_nothing_never_reads_as_nothing() {
        for (part, whole, text) in
            [(0, 0, "0%"), (0, 9, "0%"), (1, 100_000, "<0.1%"), (18, 1_000, "1.8%"), (1, 3, "33.3%"), (5, 5, "100%")]
        {
            assert_eq!(percent(part, whole), text);
        }
    }

    #[test]
    fn latencies_and_sizes_keep_the_digits_that_matter() {
        for (us, text) in [
            (0, "0.0 ms"),
            (149, "0.1 ms"),
            (9_940, "9.9 ms"),
            (9_960, "10 ms"),
            (41_400, "41 ms"),
            (1_204_000, "1,204 ms"),
        ] {
            assert_eq!(latency(us), text);
        }
        for (number, text) in [(0, "0 B"), (812, "812 B"), (1_450, "1.4 kB"), (3_000_000, "3.0 MB")] {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn coordinates_have_at_most_three_decimals_and_no_idle_zeros() {
        for (number, text) in [(0, "0"), (4_166, "4.166"), (2_500, "2.5"), (100_000, "100"), (-40, "-0.04")] {
            assert_eq!(thousandths(number), text);
        }
    }

    #[test]
    fn dates_are_right_at_the_edges_of_the_calendar() {
        for (at, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (1_795_269_751_884, "2026-11-21T14:02:31.884Z"),
        ] {
            assert_eq!(rfc3339(at), text);
        }
        assert_eq!(date_and_time(1_795_269_751_884), "21 Nov 2026, 14:02 UTC");
        assert_eq!(clock(1_795_269_751_884), "14:02:31.884");
        assert_eq!(date_in_full("2026-11-21"), "21 November 2026");
        assert_eq!(date_in_full("draft"), "draft");
    }

    /// `served.test.mjs` reads this table, and holds the script of served pages against it.
    #[test]
    fn distance_in_time_is_told_in_the_largest_unit() {
        let now = 1_795_269_751_884;
        for (ago, text) in [
            (0, "just now"),
            (4_999, "just now"),
            (5_000, "5 s ago"),
            (59_999, "59 s ago"),
            (60_000, "1 min ago"),
            (3_599_999, "59 min ago"),
            (7_200_000, "2 h ago"),
            (86_399_999, "23 h ago"),
            (259_200_000, "3 d ago"),
            (5_183_999_999, "59 d ago"),
            (5_184_000_000, "22 Sep 2026"),
            (-4_999, "just now"),
            (-518_400_000, "in 6 d"),
            (-8_121_600_000, "23 Feb 2027"),
        ] {
            assert_eq!(relative(now - ago, now), text);
        }
    }
}
