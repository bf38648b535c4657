//! The text form of a key: `<prefix>_<live|test>_<27 characters><6 characters of checksum>`.
//!
//! - The 27 random characters of base62 hold 160.7 bits.
//! - The checksum is the CRC-32 (ISO 3309) of everything before it, in base62, 6 characters, zero-padded: a mistyped
//!   or cut key is refused without a lookup, and secret scanners can tell a key from a look-alike.
//! - The prefix, 2 to 12 of `[a-z0-9]`, tells whose key it is.

use crate::Environment;

/// Random characters in a key: 27 × log2(62) = 160.7 bits.
pub const RANDOM_LENGTH: usize = 27;

/// A CRC-32 needs 6 characters of base62: 62⁶ > 2³².
pub const CHECKSUM_LENGTH: usize = 6;

/// Digits, then upper case, then lower case: the order of ASCII.
pub const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A key whose form and checksum are right. Whether it exists is another question.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct WellFormed<'a> {
    text: &'a str,
    /// Live or test, as the text says.
    pub environment: Environment,
}

impl<'a> WellFormed<'a> {
    /// The whole text, for hashing.
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// What may be shown of it: `cs_live_…x7Qd`.
    #[must_use]
    pub fn hint(&self) -> String {
        let body = RANDOM_LENGTH + CHECKSUM_LENGTH;
        format!("{}…{}", &self.text[..self.text.len() - body], &self.text[self.text.len() - 4..])
    }
}

/// Whether a text may be the prefix of keys.
#[must_use]
pub fn is_prefix(text: &str) -> bool {
    (2..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// Checks form and checksum; no lookup.
#[must_use]
pub fn parse<'a>(text: &'a str, prefix: &str) -> Option<WellFormed<'a>> {
    let rest = text.strip_prefix(prefix)?.strip_prefix('_')?;
    let (word, body) = rest.split_once('_')?;
    let environment = Environment::from_word(word)?;
    if body.len() != RANDOM_LENGTH + CHECKSUM_LENGTH || !body.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let (signed, checksum) = text.split_at(text.len() - CHECKSUM_LENGTH);
    (checksum_of(signed) == checksum.as_bytes()).then_some(WellFormed { text, environment })
}

/// Builds a key's text from random characters of [`ALPHABET`].
#[must_use]
pub fn assemble(prefix: &str, environment: Environment, random: &[u8; RANDOM_LENGTH]) -> String {
    let mut text = format!("{prefix}_{}_", environment.word());
    text.extend(random.iter().map(|byte| char::from(*byte)));
    let checksum = checksum_of(&text);
    text.extend(checksum.iter().map(|byte| char::from(*byte)));
    text
}

/// What is shown of a key whose secret does not exist yet: `cs_live_…`.
#[must_use]
pub fn hint_without_secret(prefix: &str, environment: Environment) -> String {
    format!("{prefix}_{}_…", environment.word())
}

pub(crate) fn checksum_of(text: &str) -> [u8; CHECKSUM_LENGTH] {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; CHECKSUM_LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANDOM: &[u8; RANDOM_LENGTH] = b"0123456789abcdefghijABCDEFG";

    #[test]
    fn a_key_survives_being_written_and_read() {
        for environment in Environment::ALL {
            let text = assemble("cs", environment, RANDOM);
            assert_eq!(parse(&text, "cs").map(|key| key.environment), Some(environment));
        }
    }

    #[test]
    fn the_text_is_the_published_one() {
        let text = assemble("cs", Environment::Live, RANDOM);
        let signed = "cs_live_0123456789abcdefghijABCDEFG";
        assert_eq!(text.split_at(signed.len()).0, signed);
        assert_eq!(text.len(), signed.len() + CHECKSUM_LENGTH);
    }

    #[test]
    fn one_wrong_character_is_noticed_wherever_it_stands() {
        let text = assemble("cs", Environment::Live, RANDOM);
        for place in 0..text.len() {
            let mut damaged = text.clone().into_bytes();
            damaged[place] = if damaged[place] == b'x' { b'y' } else { b'x' };
            let damaged = String::from_utf8(damaged).unwrap_or_default();
            assert!(parse(&damaged, "cs").is_none(), "{damaged}");
        }
        for length in 0..text.len() {
            assert!(parse(&text[..length], "cs").is_none());
        }
        assert!(parse(&format!("{text}0"), "cs").is_none());
        assert!(parse(&text, "other").is_none());
    }

    #[test]
    fn a_hint_shows_four_characters() {
        let text = assemble("cs", Environment::Test, RANDOM);
        let hint = parse(&text, "cs").map(|key| key.hint()).unwrap_or_default();
        assert!(hint.starts_with("cs_test_…") && hint.chars().count() == "cs_test_…".chars().count() + 4);
        assert!(text.ends_with(&hint[hint.len() - 4..]));
    }

    #[test]
    fn text_that_is_not_ascii_is_refused_not_cut() {
        assert!(parse("cs_live_äöüäöüäöüäöüäöüäöüäöüäöüä", "cs").is_none());
        assert!(parse(&"é".repeat(500), "cs").is_none());
    }
}
