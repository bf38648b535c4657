//! Imports: keys that another system gave out, taken over by the SHA-256 of their texts.

use serde::{Deserialize, Serialize};

use crate::{Environment, ImportId, KeyId, Millis};

/// Longest beginning that old keys share.
pub const PREFIX_MAX: usize = 16;

/// Shortest and longest old key, in characters.
pub const LENGTH: (i64, i64) = (16, 512);

/// What must be left of an old key after its beginning, in characters: less could be guessed.
pub const RANDOM_MIN: usize = 12;

/// Rows of one import.
pub const ROWS_MAX: usize = 50_000;

/// Keys of an import that are listed because nobody used them yet.
pub const WAITING_MAX: usize = 200;

/// Of which characters old keys are made, after their beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alphabet {
    /// 0-9, a-f, A-F.
    Hex,
    /// 0-9, a-z, A-Z.
    #[default]
    Base62,
    /// The same with `-` and `_`.
    Url,
    /// Every visible character of ASCII but the comma, which parts keys in a header.
    Visible,
}

impl Alphabet {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Hex, Self::Base62, Self::Url, Self::Visible];

    /// The word in forms and in the database.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hex => "hex",
            Self::Base62 => "base62",
            Self::Url => "url",
            Self::Visible => "visible",
        }
    }

    /// What the page calls it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Hex => "Hexadecimal digits",
            Self::Base62 => "Letters and digits",
            Self::Url => "Letters, digits, - and _",
            Self::Visible => "All visible characters but the comma",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alphabet| alphabet.word() == word)
    }

    fn has(self, byte: u8) -> bool {
        match self {
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Base62 => byte.is_ascii_alphanumeric(),
            Self::Url => byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_',
            Self::Visible => byte.is_ascii_graphic() && byte != b',',
        }
    }
}

/// What the texts of old keys look like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldFormat {
    /// How they all begin; may be empty.
    pub prefix: String,
    /// Shortest, in characters, the beginning included.
    pub length_min: u32,
    /// Longest.
    pub length_max: u32,
    /// What they are made of after the beginning.
    pub alphabet: Alphabet,
}

impl OldFormat {
    /// Whether a text looks so.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        (self.length_min as usize..=self.length_max as usize).contains(&text.len())
            && text.strip_prefix(&self.prefix).is_some_and(|rest| rest.bytes().all(|byte| self.alphabet.has(byte)))
    }

    /// What may be shown of such a key: its beginning, which all of them share. Of its end nothing, because nobody knows
    /// how much of an old key is random.
    #[must_use]
    pub fn hint(&self) -> String {
        format!("{}…", self.prefix)
    }
}

/// The form of an import, as it is filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TypedImport {
    /// How all old keys begin; may be empty.
    pub prefix: String,
    /// Shortest, in characters.
    pub length_min: String,
    /// Longest, in characters.
    pub length_max: String,
    /// The word of an [`Alphabet`].
    pub alphabet: String,
    /// `sha256,label,organization,environment,expires_at`, one key a line. The organization is its id, or the address of
    /// somebody who owns exactly one; the end may be missing.
    pub rows: String,
}

/// An import, as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// Its id.
    pub id: ImportId,
    /// When it was made.
    pub created_at: Millis,
    /// What the old keys look like.
    pub format: OldFormat,
    /// Keys that came with it and still work.
    pub keys: u64,
    /// Those of them that were used since: only their keyed hash is kept now, as of any other key.
    pub rekeyed: u64,
    /// Those that were revoked, whether they were used or not.
    pub revoked: u64,
}

impl Import {
    /// Keys that nobody used yet.
    #[must_use]
    pub const fn waiting(&self) -> u64 {
        self.keys.saturating_sub(self.rekeyed)
    }
}

/// An import with the keys that nobody used yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportProgress {
    /// The import.
    pub import: Import,
    /// The first of those keys, by organization and label.
    pub waiting: Vec<WaitingKey>,
}

/// A key that nobody used since it was imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingKey {
    /// The key.
    pub key: KeyId,
    /// Its label.
    pub label: String,
    /// Live or test.
    pub environment: Environment,
    /// What the organization is called.
    pub organization: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn old() -> OldFormat {
        OldFormat { prefix: "old_".to_owned(), length_min: 20, length_max: 24, alphabet: Alphabet::Hex }
    }

    #[test]
    fn an_old_key_is_told_by_beginning_length_and_characters() {
        assert!(old().matches("old_0123456789abcdef"));
        for text in [
            "",
            "old_0123456789abcde",
            "old_0123456789abcdef012345678",
            "new_0123456789abcdef",
            "old_0123456789abcdeg",
            "old_0123456789abcdé",
        ] {
            assert!(!old().matches(text), "{text}");
        }
        assert!(!Alphabet::Visible.has(b',') && !Alphabet::Visible.has(b' ') && Alphabet::Url.has(b'-'));
    }

    #[test]
    fn a_hint_shows_what_all_of_them_share() {
        assert_eq!(old().hint(), "old_…");
        assert!(Alphabet::ALL.into_iter().all(|one| Alphabet::from_word(one.word()) == Some(one)));
    }
}
