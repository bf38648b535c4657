//! Keys, as staff find and see them: never a secret, and nothing of what their organization wrote for itself but the
//! label.

use serde::{Deserialize, Serialize};

use super::KeyState;
use super::terms::Rotation;
use crate::leaks::LeakReport;
use crate::{Environment, KeyId, Millis, OrganizationId};

impl KeyState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::AwaitingReveal, Self::Active, Self::Expired, Self::Revoked];

    /// The word in addresses.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::AwaitingReveal => "awaiting_reveal",
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// A key in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundKey {
    /// Its id.
    pub id: KeyId,
    /// What its organization calls it.
    pub label: String,
    /// Live or test.
    pub environment: Environment,
    /// What may be shown of its secret.
    pub hint: String,
    /// Where it stands.
    pub state: KeyState,
    /// Whose it is.
    pub organization: OrganizationId,
    /// What that organization calls itself.
    pub organization_name: String,
    /// When it was created.
    pub created_at: Millis,
    /// When it was last accepted, to the minute.
    pub last_used_at: Option<Millis>,
}

/// A key, as staff see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenKey {
    /// Which it is.
    pub key: FoundKey,
    /// When its newest secret was shown.
    pub revealed_at: Option<Millis>,
    /// When it was revoked.
    pub revoked_at: Option<Millis>,
    /// From when on it is refused.
    pub expires_at: Option<Millis>,
    /// Whether its organization protects it from being revoked while it is in use.
    pub protected: bool,
    /// Where the replacement of its secret stands.
    pub rotation: Rotation,
    /// Reports that it was seen in public, the newest first.
    pub leaks: Vec<LeakReport>,
}

/// A label that a key had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastLabel {
    /// The label.
    pub label: String,
    /// Until when it had it.
    pub until: Millis,
    /// The event that took it away, by its place in the audit log.
    pub seq: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_being_written_and_read() {
        assert!(KeyState::ALL.into_iter().all(|state| KeyState::from_word(state.word()) == Some(state)));
    }
}
