//! Terms of a key: what it may do, from where, how often and until when; and the rules by which a form is read.

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};

use crate::Millis;
use crate::fields::{Check, Problem};
use crate::limits::{LIMIT_MAX, LIMIT_SECONDS_MAX, Limit, first_day};

/// Longest note, in characters.
pub const NOTE_MAX: usize = 500;

/// Most scopes of a key.
pub const SCOPES_MAX: usize = 50;

/// Longest scope, in characters.
pub const SCOPE_LENGTH_MAX: usize = 64;

/// Most networks of a key: each is compared in turn, on every request.
pub const NETWORKS_MAX: usize = 50;

/// Most tags of a key.
pub const TAGS_MAX: usize = 10;

/// Longest tag, in characters.
pub const TAG_LENGTH_MAX: usize = 32;

/// For so long after its last use a protected key cannot be revoked.
pub const PROTECTION_MS: Millis = 7 * 86_400_000;

/// Longest time for which both secrets work after a rotation, in days.
pub const OVERLAP_DAYS_MAX: i64 = 30;

/// Terms as a form carries them: plain texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypedTerms {
    /// What to call the key.
    pub label: String,
    /// What else there is to say of it.
    pub note: String,
    /// Words, parted by spaces, commas or line breaks.
    pub scopes: String,
    /// A date, or a date and a time, in UTC; empty for never.
    pub expires_at: String,
    /// Networks or addresses, parted like scopes.
    pub networks: String,
    /// Words, parted like scopes.
    pub tags: String,
    /// Requests of the key's own limit; empty for none.
    pub limit_requests: String,
    /// Seconds of the key's own limit.
    pub limit_seconds: String,
    /// Anything but nothing switches the protection on: a checkbox.
    pub protected: String,
}

/// Terms that were read and found good.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyTerms {
    /// What its organization says of it.
    pub note: String,
    /// What it may do; without any, everything.
    pub scopes: Vec<String>,
    /// From when on it is refused.
    pub expires_at: Option<Millis>,
    /// From where it may be used, each in its canonical form; without any, from everywhere.
    pub networks: Vec<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// How often it may be used, beside what its plan allows.
    pub limit: Option<Limit>,
    /// Whether it cannot be revoked while it is in use.
    pub protected: bool,
}

impl TypedTerms {
    /// Reads a form. An end that has passed is taken only if it is the one that the key has: whoever changes something
    /// else of an expired key need not extend it.
    pub fn check(&self, check: &mut Check, now: Millis, current_end: Option<Millis>) -> (String, KeyTerms) {
        let label = check.label("label", &self.label);
        let terms = KeyTerms {
            note: check.text("note", &self.note, NOTE_MAX),
            scopes: scopes(check, &self.scopes),
            expires_at: end(check, &self.expires_at, now, current_end),
            networks: networks(check, &self.networks),
            tags: tags(check, &self.tags),
            limit: limit(check, &self.limit_requests, &self.limit_seconds),
            protected: !self.protected.is_empty(),
        };
        (label, terms)
    }
}

/// The words of a field, each once, in the order in which they stand there.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for word in text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty()) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

/// Whether a word may be a scope.
#[must_use]
pub fn is_scope(word: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b":._-".contains(&byte);
    (1..=SCOPE_LENGTH_MAX).contains(&word.len()) && word.bytes().all(fits)
}

fn scopes(check: &mut Check, text: &str) -> Vec<String> {
    let words = words(text);
    if words.iter().any(|word| !is_scope(word)) {
        check.refuse("scopes", Problem::NotAScope);
    } else if words.len() > SCOPES_MAX {
        check.refuse("scopes", Problem::TooMany { max: SCOPES_MAX as u32 });
    }
    words.into_iter().map(str::to_owned).collect()
}

fn tags(check: &mut Check, text: &str) -> Vec<String> {
    let words = words(text);
    for word in &words {
        check.text("tags", word, TAG_LENGTH_MAX);
    }
    if words.len() > TAGS_MAX {
        check.refuse("tags", Problem::TooMany { max: TAGS_MAX as u32 });
    }
    words.into_iter().map(str::to_owned).collect()
}

/// Reads a network, or an address as the network of itself. What lies beyond its prefix is cut off, and an IPv4 network
/// that is written as IPv6 becomes what it is, so that a network has one form only.
#[must_use]
pub fn network(text: &str) -> Option<IpNet> {
    // The standard library's reading of an address: `010.0.0.1` is 10.0.0.1 to some and 8.0.0.1 to others, and none here.
    let network = match text.split_once('/') {
        Some((address, length)) => {
            let is_plain = length == "0" || !length.starts_with(['0', '+']);
            IpNet::new(address.parse().ok()?, length.parse().ok().filter(|_| is_plain)?).ok()?
        }
        None => IpNet::from(text.parse::<std::net::IpAddr>().ok()?),
    };
    let mapped = match &network {
        IpNet::V6(six) if six.prefix_len() >= 96 => {
            six.addr().to_ipv4_mapped().and_then(|four| Ipv4Net::new(four, six.prefix_len() - 96).ok())
        }
        _ => None,
    };
    Some(mapped.map_or(network, IpNet::V4).trunc())
}

fn networks(check: &mut Check, text: &str) -> Vec<String> {
    let mut networks: Vec<String> = Vec::new();
    for word in words(text) {
        let Some(network) = network(word).map(|network| network.to_string()) else {
            check.refuse("networks", Problem::NotANetwork);
            return networks;
        };
        if !networks.contains(&network) {
            networks.push(network);
        }
    }
    if networks.len() > NETWORKS_MAX {
        check.refuse("networks", Problem::TooMany { max: NETWORKS_MAX as u32 });
    }
    networks
}

/// Reads the field that says until when a key works; empty is for ever.
pub fn end(check: &mut Check, text: &str, now: Millis, current: Option<Millis>) -> Option<Millis> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let end = moment(text);
    if end.is_none_or(|end| end <= now && Some(end) != current) {
        check.refuse("expires_at", Problem::NotInTheFuture);
    }
    end
}

fn limit(check: &mut Check, requests: &str, seconds: &str) -> Option<Limit> {
    if requests.trim().is_empty() {
        return None;
    }
    let requests = number(check, "limit_requests", requests, 1, LIMIT_MAX);
    let seconds = number(check, "limit_seconds", seconds, 1, LIMIT_SECONDS_MAX);
    Limit::from_stored(requests, seconds)
}

/// Reads a whole number within bounds.
pub fn number(check: &mut Check, field: &str, text: &str, min: i64, max: i64) -> Option<i64> {
    let number = text.trim().parse().ok().filter(|number| (min..=max).contains(number));
    if number.is_none() {
        check.refuse(field, Problem::NotANumber { min, max });
    }
    number
}

/// A date (`2027-01-31`), or one with a time (`2027-01-31T18:30`), read as UTC. Seconds are cut off: the form has none,
/// and would bring the moment back changed.
#[must_use]
pub fn moment(text: &str) -> Option<Millis> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (date, time) = text.split_once('T').unwrap_or((text, "00:00"));
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    if year < 1970 || !(1..=12).contains(&month) {
        return None;
    }
    let first = first_day(year, month);
    if !(1..=first_day(next.0, next.1) - first).contains(&day) {
        return None;
    }
    let time = time.get(..5).filter(|_| time.len() == 5 || is_seconds(&time[5..]))?;
    let [hour, minute] = numbers(time, ':', [2, 2])?;
    let minutes = (first + day - 1) * 1_440 + hour * 60 + minute;
    (hour < 24 && minute < 60).then_some(minutes * 60_000)
}

/// What may follow the minutes: `:30` or `:30.500`.
fn is_seconds(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}

/// Numbers of so many digits each.
fn numbers<const N: usize>(text: &str, between: char, digits: [usize; N]) -> Option<[i64; N]> {
    let mut numbers = [0; N];
    let mut parts = text.split(between);
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part =
            parts.next().filter(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// When the old secret of a rotation begins to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RotationStart {
    /// As soon as the new secret was shown.
    #[default]
    Now,
    /// When the new secret is used for the first time.
    FirstUse,
}

impl RotationStart {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Now, Self::FirstUse];

    /// The word in forms and in the database.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::FirstUse => "first_use",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|start| start.word() == word)
    }
}

/// Where the replacement of a key's secret stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rotation {
    /// There is one secret, and no other one was asked for.
    None,
    /// The link to the new secret is on its way; the secret does not exist yet, and the old one works.
    Asked {
        /// For how many days both will work.
        overlap_days: i64,
        /// From when on.
        starts: RotationStart,
    },
    /// Two secrets work.
    TwoSecrets {
        /// What may be shown of the old one.
        previous_hint: String,
        /// Until when it works; absent while the new one waits for its first use.
        retires_at: Option<Millis>,
        /// For how many days both work.
        overlap_days: i64,
    },
    /// The old secret does not work any more.
    Over {
        /// What may be shown of it.
        previous_hint: String,
        /// Since when.
        retired_at: Millis,
    },
}

/// A key with all there is to say of it, for its own page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyDetail {
    /// The key.
    pub key: super::Key,
    /// Its terms.
    pub terms: KeyTerms,
    /// Whether its secret is being replaced.
    pub rotation: Rotation,
    /// Whether a reveal link may be sent: its newest secret was never used, is still to be made, or is kept.
    pub may_be_revealed: bool,
    /// Whether its newest secret is kept, sealed, because every API allows that it is shown again.
    pub kept: bool,
}

/// Who still calls with the old secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldSecretUse {
    /// Calls of the last 24 hours.
    pub day: i64,
    /// Calls since the new secret was shown.
    pub total: i64,
    /// When the newest of them arrived.
    pub last_at: Option<Millis>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_795_255_200_000;

    fn typed() -> TypedTerms {
        TypedTerms { label: "Server".to_owned(), ..TypedTerms::default() }
    }

    fn problems(typed: &TypedTerms) -> Vec<(String, Problem)> {
        let mut check = Check::default();
        typed.check(&mut check, NOW, None);
        let all = check.finish().err().unwrap_or_default();
        all.into_iter().map(|field| (field.field, field.problem)).collect()
    }

    fn many(count: usize, word: impl Fn(usize) -> String) -> String {
        (0..count).map(word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn terms_are_read_from_a_form_and_brought_into_one_form() {
        let form = TypedTerms {
            label: " Server ".to_owned(),
            note: " Runs at night.\r\nAsk Ada. ".to_owned(),
            scopes: "places:read, sun.write\nplaces:read".to_owned(),
            expires_at: "2027-01-31T18:30".to_owned(),
            networks: "203.0.113.7/24, 203.0.113.0/24 2001:DB8::1/32\n198.51.100.9 2001:db8::9 ::ffff:192.0.2.1"
                .to_owned(),
            tags: "backend, Köln".to_owned(),
            limit_requests: " 60 ".to_owned(),
            limit_seconds: "3600".to_owned(),
            protected: "on".to_owned(),
        };
        assert_eq!(problems(&form), []);
        let (label, terms) = form.check(&mut Check::default(), NOW, None);
        assert_eq!((label.as_str(), terms.note.as_str()), ("Server", "Runs at night.\nAsk Ada."));
        assert_eq!(terms.scopes, ["places:read", "sun.write"]);
        assert_eq!(terms.expires_at, Some(1_801_420_200_000));
        let networks = ["203.0.113.0/24", "2001:db8::/32", "198.51.100.9/32", "2001:db8::9/128", "192.0.2.1/32"];
        assert_eq!(terms.networks, networks);
        assert_eq!(terms.tags, ["backend", "Köln"]);
        assert_eq!(terms.limit, Some(Limit { requests: 60, seconds: 3_600 }));
        assert!(terms.protected);
        assert_eq!(typed().check(&mut Check::default(), NOW, None).1, KeyTerms::default());
    }

    #[test]
    fn every_bad_field_has_its_problem() {
        let number = |max| Problem::NotANumber { min: 1, max };
        let long = "x".repeat(10_000);
        let cases = [
            (TypedTerms { label: String::new(), ..typed() }, "label", Problem::Empty),
            (TypedTerms { note: long.clone(), ..typed() }, "note", Problem::TooLong { max: 500 }),
            (TypedTerms { note: "a\u{202e}b".to_owned(), ..typed() }, "note", Problem::Invisible),
            (TypedTerms { scopes: "Places".to_owned(), ..typed() }, "scopes", Problem::NotAScope),
            (TypedTerms { scopes: "a/b".to_owned(), ..typed() }, "scopes", Problem::NotAScope),
            (TypedTerms { scopes: "x".repeat(65), ..typed() }, "scopes", Problem::NotAScope),
            (
                TypedTerms { scopes: many(51, |place| format!("s{place}")), ..typed() },
                "scopes",
                Problem::TooMany { max: 50 },
            ),
            (TypedTerms { expires_at: "tomorrow".to_owned(), ..typed() }, "expires_at", Problem::NotInTheFuture),
            (TypedTerms { expires_at: "2026-02-29".to_owned(), ..typed() }, "expires_at", Problem::NotInTheFuture),
            (TypedTerms { expires_at: "2026-01-01".to_owned(), ..typed() }, "expires_at", Problem::NotInTheFuture),
            (TypedTerms { networks: "example.com".to_owned(), ..typed() }, "networks", Problem::NotANetwork),
            (TypedTerms { networks: "203.0.113.0/33".to_owned(), ..typed() }, "networks", Problem::NotANetwork),
            (TypedTerms { networks: "010.0.0.0/8".to_owned(), ..typed() }, "networks", Problem::NotANetwork),
            (
                TypedTerms { networks: "::ffff:1:03.72.81.107/103".to_owned(), ..typed() },
                "networks",
                Problem::NotANetwork,
            ),
            (TypedTerms { networks: "203.0.113.0/+8".to_owned(), ..typed() }, "networks", Problem::NotANetwork),
            (
                TypedTerms { networks: many(51, |place| format!("192.0.2.{place}")), ..typed() },
                "networks",
                Problem::TooMany { max: 50 },
            ),
            (TypedTerms { tags: "x".repeat(33), ..typed() }, "tags", Problem::TooLong { max: 32 }),
            (TypedTerms { tags: "a\0b".to_owned(), ..typed() }, "tags", Problem::Invisible),
            (
                TypedTerms { tags: many(11, |place| format!("t{place}")), ..typed() },
                "tags",
                Problem::TooMany { max: 10 },
            ),
            (
                TypedTerms { limit_requests: "0".to_owned(), limit_seconds: "1".to_owned(), ..typed() },
                "limit_requests",
                number(LIMIT_MAX),
            ),
            (
                TypedTerms { limit_requests: "5".to_owned(), limit_seconds: String::new(), ..typed() },
                "limit_seconds",
                number(86_400),
            ),
        ];
        for (typed, field, problem) in cases {
            assert_eq!(problems(&typed), [(field.to_owned(), problem)], "{typed:?}");
        }
    }

    #[test]
    fn a_moment_is_read_as_utc_and_nothing_else_is_one() {
        assert_eq!(moment("1970-01-01"), Some(0));
        assert_eq!(moment("2028-02-29"), Some(1_835_395_200_000));
        assert_eq!(moment("2026-12-31T23:59"), Some(1_798_761_540_000));
        assert_eq!(moment("2026-12-31T23:59:59.999Z"), Some(1_798_761_540_000));
        for text in [
            "",
            "2026",
            "2026-13-01",
            "2026-00-01",
            "2026-01-32",
            "2026-01-00",
            "1969-12-31",
            "26-01-01",
            "2026-1-1",
            "2026-01-01T24:00",
            "2026-01-01T12:60",
            "2026-01-01T12",
            "2026-01-01T1é:00",
            "+026-01-01",
            "2026-01-01-01",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    #[test]
    fn an_end_that_has_passed_may_stay_as_it_is() {
        let past = moment("2026-01-01");
        let typed = TypedTerms { expires_at: "2026-01-01T00:00".to_owned(), ..typed() };
        let mut check = Check::default();
        assert_eq!(typed.check(&mut check, NOW, past).1.expires_at, past);
        assert_eq!(check.finish(), Ok(()));
    }
}
