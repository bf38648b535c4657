//! Sessions: signed-in browsers.

use serde::{Deserialize, Serialize};

use crate::{Millis, SessionId};

/// How somebody proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// With their password.
    Password,
    /// With a passkey.
    Passkey,
    /// With a recovery code.
    RecoveryCode,
}

impl Factor {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Password, Self::Passkey, Self::RecoveryCode];

    /// Whether it is enough where an account has a passkey. A recovery code is what stands in for a lost one.
    #[must_use]
    pub const fn is_strong(self) -> bool {
        matches!(self, Self::Passkey | Self::RecoveryCode)
    }

    /// The word in the database.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Passkey => "passkey",
            Self::RecoveryCode => "recovery_code",
        }
    }

    /// The word on pages.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Passkey => "passkey",
            Self::RecoveryCode => "recovery code",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|factor| factor.word() == word)
    }
}

/// For how long an authentication is good enough for actions that could lock somebody out, in milliseconds.
pub const STEP_UP_MS: Millis = 5 * 60 * 1_000;

/// A signed-in browser, as its person sees it. There is no place: addresses are not stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// What it calls itself: “Firefox on Linux”.
    pub device: String,
    /// How its person signed in.
    pub factor: Factor,
    /// When.
    pub created_at: Millis,
    /// When it was last used, to five minutes.
    pub last_seen_at: Millis,
    /// Whether it is the one that asks.
    pub current: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_being_written_and_read() {
        assert!(Factor::ALL.into_iter().all(|factor| Factor::from_word(factor.word()) == Some(factor)));
    }
}
