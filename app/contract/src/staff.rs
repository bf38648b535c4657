//! What staff see of accounts: never a secret, never a session.

use serde::{Deserialize, Serialize};

use crate::accounts::AccountState;
use crate::organizations::CurrentOrganization;
use crate::{AccountId, Millis, StaffRole};

/// Why staff look at somebody's account. Written down with every look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookPurpose {
    /// Its person asked for help.
    HelpAsked,
    /// Abuse is suspected.
    Abuse,
    /// An incident is being looked into.
    Incident,
    /// The law asks.
    Law,
}

impl LookPurpose {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::HelpAsked, Self::Abuse, Self::Incident, Self::Law];

    /// The word in URLs and in the audit log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::HelpAsked => "help_asked",
            Self::Abuse => "abuse",
            Self::Incident => "incident",
            Self::Law => "law",
        }
    }

    /// The words on the page.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::HelpAsked => "The person asked for help",
            Self::Abuse => "Abuse is suspected",
            Self::Incident => "An incident is looked into",
            Self::Law => "The law asks for it",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.word() == word)
    }
}

/// An account in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundAccount {
    /// Its id.
    pub id: AccountId,
    /// What its person calls themselves.
    pub name: String,
    /// Its address.
    pub email: String,
    /// Where it stands.
    pub state: AccountState,
    /// When it was created.
    pub created_at: Millis,
}

/// An account, as staff see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenAccount {
    /// Who it is.
    pub account: FoundAccount,
    /// Why its state is what it is, in the words its person sees.
    pub state_reason: Option<String>,
    /// When the address was verified.
    pub email_verified_at: Option<Millis>,
    /// When its person last signed in.
    pub last_sign_in_at: Option<Millis>,
    /// How many passkeys it has.
    pub passkeys: i64,
    /// Whether it has a password.
    pub has_password: bool,
    /// Where its person works.
    pub organizations: Vec<CurrentOrganization>,
    /// Its place among the staff, if any.
    pub staff: Option<StaffRole>,
}
