//! Leaks: secrets of keys that were seen in public, what is done about them, and how scanners find them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::keys::format::{ALPHABET, CHECKSUM_LENGTH, RANDOM_LENGTH};
use crate::{Environment, KeyId, LeakReportId, Millis, OrganizationId, access_tokens};

/// Longest time that the old secret of a leaked key may be given, in days: what is public is used by others soon.
pub const LEAK_OVERLAP_DAYS_MAX: i64 = 14;

/// Most secrets that one message of a programme may report.
pub const REPORTS_MAX: usize = 1_000;

/// Largest message of a programme, in bytes.
pub const REPORT_BYTES_MAX: usize = 1 << 20;

/// Where the self-check is named as the source of a report. No programme can have this name: it has a space.
pub const SELF_CHECK: &str = "self check";

/// What is done to a key whose secret was seen in public. In this order each is stricter than the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeakPolicy {
    /// Its owners are told.
    #[default]
    Tell,
    /// They are sent a link to a new secret, and the old one ends at a fixed time.
    Rotate,
    /// It is revoked at once.
    Revoke,
}

impl LeakPolicy {
    /// All of them, the mildest first.
    pub const ALL: [Self; 3] = [Self::Tell, Self::Rotate, Self::Revoke];

    /// The word in forms and in the database.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tell => "tell",
            Self::Rotate => "rotate",
            Self::Revoke => "revoke",
        }
    }

    /// What it means, in a few words.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Tell => "Tell the owners",
            Self::Rotate => "Tell them, send a new secret, and end the old one after some days",
            Self::Revoke => "Tell them, and revoke the key at once",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.word() == word)
    }
}

/// What an API asks for when the secret of a key that may call it leaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeakTerms {
    /// What is done.
    pub policy: LeakPolicy,
    /// For how many days the old secret works once a new one was sent.
    pub overlap_days: i64,
}

impl Default for LeakTerms {
    fn default() -> Self {
        Self { policy: LeakPolicy::default(), overlap_days: 7 }
    }
}

impl LeakTerms {
    /// The stricter of two: a key opens several APIs, and what one of them cannot bear is not done. Of two that rotate,
    /// the one with the shorter overlap.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        match self.policy.cmp(&other.policy) {
            std::cmp::Ordering::Less => other,
            std::cmp::Ordering::Greater => self,
            std::cmp::Ordering::Equal if other.overlap_days < self.overlap_days => other,
            std::cmp::Ordering::Equal => self,
        }
    }
}

/// What was done when a report came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeakAction {
    /// The secret did not work any more: nothing was to be done.
    Nothing,
    /// The owners were told.
    Told,
    /// A link to a new secret was sent, and the leaked one ends at a fixed time.
    Rotating,
    /// The leaked secret was the old one of a rotation: it ends, and the new one goes on working.
    Retired,
    /// The key was revoked.
    Revoked,
}

impl LeakAction {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Nothing, Self::Told, Self::Rotating, Self::Retired, Self::Revoked];

    /// The word in the database and in the audit log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Told => "told",
            Self::Rotating => "rotating",
            Self::Retired => "retired",
            Self::Revoked => "revoked",
        }
    }

    /// What it means, in a few words.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Nothing => "Nothing: the secret did not work any more",
            Self::Told => "The owners were told",
            Self::Rotating => "A new secret was sent, the leaked one ends",
            Self::Retired => "The leaked old secret ends",
            Self::Revoked => "The key was revoked",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.word() == word)
    }
}

/// A report that the secret of a key was seen in public, as its organization sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeakReport {
    /// Its id.
    pub id: LeakReportId,
    /// Of which key.
    pub key: KeyId,
    /// Who reported it: a programme, or [`SELF_CHECK`].
    pub source: String,
    /// Where it was seen: host and path, without a query. Absent if nobody said.
    pub place: Option<String>,
    /// What was done.
    pub action: LeakAction,
    /// When the leaked secret ends, if it was given time.
    pub ends_at: Option<Millis>,
    /// When it was reported.
    pub reported_at: Millis,
}

/// The same, as staff see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeskLeak {
    /// What the organization sees.
    pub report: LeakReport,
    /// What may be shown of the key.
    pub hint: String,
    /// Whose key it is.
    pub organization: OrganizationId,
    /// What that organization calls itself.
    pub organization_name: String,
}

/// What is known of a string that somebody pasted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Checked {
    /// It does not look like a key of this portal.
    OtherForm,
    /// It looks like one, and its last characters do not fit the others: it is mistyped, cut, or made up.
    WrongChecksum,
    /// It has the form of a key, and no key has it.
    Unknown,
    /// It is the secret of a key.
    Known {
        /// Live or test.
        environment: Environment,
        /// Whether the gateway accepts it.
        works: bool,
    },
    /// It is an access token of the REST API.
    Token {
        /// Whether it opens anything.
        works: bool,
    },
}

/// What the form of the self-check asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckWish {
    /// To know what the string is.
    #[default]
    Look,
    /// To report it as leaked, too.
    Report,
}

impl CheckWish {
    /// The word in the form.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::Report => "report",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Look, Self::Report].into_iter().find(|wish| wish.word() == word)
    }
}

/// What the self-check answers. It does not hold the string.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelfCheck {
    /// What the string is.
    pub checked: Checked,
    /// What was done, if it was reported.
    pub action: Option<LeakAction>,
}

/// How scanners find the secrets of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pattern {
    /// The name of the kind: what a programme reports it as.
    pub r#type: String,
    /// What it is, in a few words.
    pub name: String,
    /// A regular expression in the syntax that RE2, PCRE and Rust have in common. It matches the secret alone.
    pub regex: String,
    /// What every secret of the kind begins with: a text that a scanner can look for first.
    pub keywords: Vec<String>,
    /// Bits of randomness in it.
    pub entropy_bits: u32,
    /// How its last characters follow from the others.
    pub checksum: String,
}

/// What `/.well-known/key-patterns.json` holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatternDocument {
    /// What the portal calls itself.
    pub name: String,
    /// The kinds of secrets it issues.
    pub patterns: Vec<Pattern>,
    /// Where programmes report what they find.
    pub report_url: String,
    /// Where everybody else does.
    pub self_check_url: String,
    /// What happens then.
    pub documentation_url: String,
}

/// The kinds of secrets of a portal whose keys begin with this prefix.
#[must_use]
pub fn patterns(prefix: &str) -> Vec<Pattern> {
    let body = RANDOM_LENGTH + CHECKSUM_LENGTH;
    let one = |kind: &str, name: &str, words: &[&str]| Pattern {
        r#type: format!("{prefix}_{kind}"),
        name: name.to_owned(),
        regex: format!(r"\b{prefix}_(?:{})_[0-9A-Za-z]{{{body}}}\b", words.join("|")),
        keywords: words.iter().map(|word| format!("{prefix}_{word}_")).collect(),
        // 27 × log2(62) = 160.7.
        entropy_bits: (RANDOM_LENGTH as f64 * (ALPHABET.len() as f64).log2()) as u32,
        checksum: format!(
            "The last {CHECKSUM_LENGTH} characters are the CRC-32 (ISO 3309) of all that stands before them, in base 62 with the digits 0-9, A-Z, a-z, filled up with zeros on the left."
        ),
    };
    vec![
        one("api_key", "API key", &Environment::ALL.map(Environment::word)),
        one("access_token", "Access token", &[access_tokens::WORD]),
    ]
}

/// A rule for gitleaks.
#[must_use]
pub fn gitleaks_rule(portal: &str, pattern: &Pattern) -> String {
    format!(
        "[[rules]]\nid = \"{id}\"\ndescription = {description}\nregex = '''{regex}'''\nkeywords = [{keywords}]\n",
        id = pattern.r#type.replace('_', "-"),
        description = Quoted(&format!("{} of {portal}", pattern.name)),
        regex = pattern.regex,
        keywords = quoted(&pattern.keywords),
    )
}

/// A detector for trufflehog.
#[must_use]
pub fn trufflehog_rule(portal: &str, pattern: &Pattern) -> String {
    format!(
        "detectors:\n  - name: {name}\n    keywords: [{keywords}]\n    regex:\n      key: '{regex}'\n",
        name = Quoted(&format!("{} of {portal}", pattern.name)),
        keywords = quoted(&pattern.keywords),
        regex = pattern.regex,
    )
}

fn quoted(words: &[String]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}

/// A text in double quotes, as TOML and YAML both read it.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_being_written_and_read() {
        assert!(LeakPolicy::ALL.into_iter().all(|one| LeakPolicy::from_word(one.word()) == Some(one)));
        assert!(LeakAction::ALL.into_iter().all(|one| LeakAction::from_word(one.word()) == Some(one)));
        assert_eq!(CheckWish::from_word("report"), Some(CheckWish::Report));
    }

    #[test]
    fn of_two_policies_the_stricter_holds_and_of_two_overlaps_the_shorter() {
        let terms = |policy, overlap_days| LeakTerms { policy, overlap_days };
        let (tell, revoke) = (terms(LeakPolicy::Tell, 1), terms(LeakPolicy::Revoke, 14));
        let (long, short) = (terms(LeakPolicy::Rotate, 14), terms(LeakPolicy::Rotate, 2));
        for (one, other, holds) in
            [(tell, revoke, revoke), (tell, long, long), (long, revoke, revoke), (long, short, short)]
        {
            assert_eq!((one.stricter(other), other.stricter(one)), (holds, holds));
        }
    }

    #[test]
    fn the_pattern_is_the_published_one() {
        let patterns = patterns("cs");
        assert_eq!(patterns[0].regex, r"\bcs_(?:live|test)_[0-9A-Za-z]{33}\b");
        assert_eq!((patterns[0].r#type.as_str(), patterns[0].entropy_bits), ("cs_api_key", 160));
        assert_eq!(patterns[0].keywords, ["cs_live_", "cs_test_"]);
        assert_eq!(patterns[1].regex, r"\bcs_(?:pat)_[0-9A-Za-z]{33}\b");
        assert_eq!((patterns[1].r#type.as_str(), patterns[1].keywords[0].as_str()), ("cs_access_token", "cs_pat_"));
    }

    #[test]
    fn a_name_with_quotes_does_not_break_a_rule() {
        let rule = gitleaks_rule("The \"best\" \\ portal", &patterns("cs")[0]);
        assert!(rule.contains(r#"description = "API key of The \"best\" \\ portal""#), "{rule}");
        assert!(trufflehog_rule("Ada's", &patterns("cs")[0]).contains("name: \"API key of Ada's\""));
    }
}
