//! Keys: what a program presents to the gateway.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Environment, KeyId, Millis};

pub mod desk;
pub mod format;
#[cfg(feature = "hash")]
pub mod hash;
pub mod terms;

/// Longest label, in characters: it stands in a column of the log.
pub const LABEL_MAX: usize = 60;

/// A key, as its organization sees it. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Its id.
    pub id: KeyId,
    /// What the organization calls it.
    pub label: String,
    /// Live or test.
    pub environment: Environment,
    /// What may be shown of its secret, such as `cs_live_…x7Qd`; without the last four before it was revealed.
    pub hint: String,
    /// Where it stands.
    pub state: KeyState,
    /// When it was created.
    pub created_at: Millis,
    /// When its secret was shown.
    pub revealed_at: Option<Millis>,
    /// When it was last accepted, to the minute.
    pub last_used_at: Option<Millis>,
    /// When it was revoked.
    pub revoked_at: Option<Millis>,
    /// Requests per day over the last seven days, the oldest first.
    pub week: Vec<i64>,
}

impl Key {
    /// Whether a new reveal link may be sent: its secret was never shown, or never used.
    #[must_use]
    pub fn may_be_revealed(&self) -> bool {
        self.state != KeyState::Revoked && self.last_used_at.is_none()
    }
}

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// Created; its secret comes into being when its owner opens the reveal link.
    AwaitingReveal,
    /// The gateway accepts it.
    Active,
    /// Its time is over; until its organization gives it more, the gateway refuses it.
    Expired,
    /// The gateway refuses it, for ever.
    Revoked,
}

/// The string that opens the gateway. It can be shown and sent to its owner, and nothing else: it has no `Display`,
/// and `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Takes a string that was just made.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for the one page that shows it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Returned once, when a reveal link is used: the only value from which a secret can be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevealedKey {
    /// The key.
    pub key: Key,
    /// Its secret.
    pub secret: Secret,
    /// A call to try, without the secret: the gateway's public address and a route.
    pub example_url: String,
    /// Whether it is kept, sealed, and can be shown again.
    pub kept: bool,
}

/// What a reveal link leads to, before it is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevealOffer {
    /// The key's label.
    pub label: String,
    /// Live or test.
    pub environment: Environment,
    /// The organization that owns it.
    pub organization: String,
    /// Until when the link works.
    pub expires_at: Millis,
    /// Whether the secret is there already, and is shown again.
    pub again: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_cannot_be_printed_by_accident() {
        let secret = Secret::new("cs_live_canary".to_owned());
        assert_eq!(format!("{secret:?}"), "Secret");
    }
}
