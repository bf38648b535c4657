//! Accounts: who can sign in.

use serde::{Deserialize, Serialize};

use crate::organizations::CurrentOrganization;
use crate::passkeys::Passkey;
use crate::recovery::WaitingRecovery;
use crate::sessions::Session;
use crate::{AccountId, Millis, StaffRole};

/// Longest name, in characters. Long enough for every name on record, short enough for a table cell.
pub const NAME_MAX: usize = 200;

/// Longest email address, in bytes (RFC 5321 §4.5.3.1.3: a path of 256 with its angle brackets).
pub const EMAIL_MAX: usize = 254;

/// Shortest password, in characters (NIST SP 800-63B-4 §3.1.1.2: 15 where it is the only factor). Beside a passkey, too:
/// a password signs in alone here, and stays when the last passkey goes.
pub const PASSWORD_MIN: usize = 15;

/// Longest password, in characters. Beyond it nobody types, and hashing stays bounded.
pub const PASSWORD_MAX: usize = 256;

/// Longest reason that staff give, in characters.
pub const REASON_MAX: usize = 300;

/// Where an account stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// Signed up; the address is not verified.
    #[default]
    Pending,
    /// In good standing.
    Active,
    /// Data is kept and not used: looks, changes nothing, keys rest.
    Restricted,
    /// Nothing works; keys rest.
    Suspended,
    /// Its person asked to be erased; until the day comes, that can be taken back.
    Deleting,
    /// Erased.
    Deleted,
}

/// What changes the state of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccountEvent {
    /// The address was verified.
    Verify,
    /// Staff restrict it.
    Restrict,
    /// Staff suspend it.
    Suspend,
    /// Staff lift a restriction or suspension.
    Restore,
    /// Its person asks to be erased.
    AskToBeErased,
    /// Its person takes that back.
    StayAfterAll,
    /// The day has come.
    Erase,
}

impl AccountEvent {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Verify,
        Self::Restrict,
        Self::Suspend,
        Self::Restore,
        Self::AskToBeErased,
        Self::StayAfterAll,
        Self::Erase,
    ];
}

impl AccountState {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Active, Self::Restricted, Self::Suspended, Self::Deleting, Self::Deleted];

    /// Where the event leads; nowhere, if it cannot happen in this state.
    #[must_use]
    pub const fn after(self, event: AccountEvent) -> Option<Self> {
        match (self, event) {
            (Self::Pending, AccountEvent::Verify) => Some(Self::Active),
            (Self::Active | Self::Suspended, AccountEvent::Restrict) => Some(Self::Restricted),
            (Self::Active | Self::Restricted, AccountEvent::Suspend) => Some(Self::Suspended),
            (Self::Restricted | Self::Suspended, AccountEvent::Restore) => Some(Self::Active),
            // A suspension must not keep anybody from being forgotten; that is asked for by mail then.
            (Self::Active | Self::Restricted | Self::Suspended, AccountEvent::AskToBeErased) => Some(Self::Deleting),
            (Self::Deleting, AccountEvent::StayAfterAll) => Some(Self::Active),
            // A sign-up that was never verified is erased without being asked.
            (Self::Pending | Self::Deleting, AccountEvent::Erase) => Some(Self::Deleted),
            _ => None,
        }
    }

    /// May sign in and look at what is theirs.
    #[must_use]
    pub const fn may_sign_in(self) -> bool {
        matches!(self, Self::Active | Self::Restricted | Self::Deleting)
    }

    /// May change things.
    #[must_use]
    pub const fn may_change(self) -> bool {
        matches!(self, Self::Active)
    }

    /// Keys of organizations that this account alone owns are accepted by the gateway.
    #[must_use]
    pub const fn keys_work(self) -> bool {
        matches!(self, Self::Active)
    }

    /// The word in URLs and in the database.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Restricted => "restricted",
            Self::Suspended => "suspended",
            Self::Deleting => "deleting",
            Self::Deleted => "deleted",
        }
    }

    /// The word on pages.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Pending => "Not verified",
            Self::Active => "Active",
            Self::Restricted => "Restricted",
            Self::Suspended => "Suspended",
            Self::Deleting => "Being erased",
            Self::Deleted => "Erased",
        }
    }

    /// What its person may do, in a sentence.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Pending => {
                "The address is not verified yet. Nothing can be done until the link in the mail was used."
            }
            Self::Active => "Everything your role allows.",
            Self::Restricted => {
                "You can sign in, look at everything and secure your account. You cannot change anything else, and your keys rest."
            }
            Self::Suspended => "You cannot sign in, and your keys rest.",
            Self::Deleting => "You can sign in, look, and take the erasure back. Your keys rest.",
            Self::Deleted => "Nothing is left.",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// The signed-in person, as every page knows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    /// Their account.
    pub account: AccountId,
    /// What they call themselves.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Whether the address was verified.
    pub email_verified: bool,
    /// The organization they work in.
    pub organization: CurrentOrganization,
    /// Their place among the staff, if any.
    pub staff: Option<StaffRole>,
    /// Where their account stands.
    pub state: AccountState,
    /// Why, if it is not in good standing.
    pub state_reason: Option<String>,
    /// Every organization they belong to, by name.
    pub organizations: Vec<CurrentOrganization>,
    /// How many invitations wait for their answer.
    pub invites: usize,
    /// Until when somebody who is not signed in may take this account over by mail, if that was asked for.
    pub recovery_ready_at: Option<Millis>,
}

/// What a verification link leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationOffer {
    /// The address that is confirmed.
    pub email: String,
    /// Whether a passkey has to be created with it: the account has nothing to sign in with yet.
    pub needs_passkey: bool,
}

/// What a link leads to with which a new password is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetOffer {
    /// The address of the account.
    pub email: String,
    /// Whether the account has passkeys, which stay as they are and are asked for where it matters.
    pub has_passkey: bool,
}

/// Which of two addresses is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailSide {
    /// The one that the account has.
    Old,
    /// The one that it will have.
    New,
}

/// What a link leads to with which an address agrees to a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailChangeOffer {
    /// Which address is asked.
    pub side: EmailSide,
    /// The address that the account has; for the new one it stays unsaid, in case it was mistyped.
    pub old: Option<String>,
    /// The address that it will have.
    pub new: String,
    /// Whether the other address has agreed.
    pub other_agreed: bool,
    /// Until when both have to.
    pub expires_at: Millis,
}

/// A change of address that waits for both addresses, as its person sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingEmailChange {
    /// The address that the account will have.
    pub new: String,
    /// Whether the address that the account has agreed.
    pub old_agreed: bool,
    /// Whether the new one did.
    pub new_agreed: bool,
    /// Until when both have to.
    pub expires_at: Millis,
}

/// A browser that the account knows again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// What it calls itself.
    pub label: String,
    /// When the account was first used with it.
    pub created_at: Millis,
    /// The day on which somebody last signed in with it.
    pub last_seen_at: Millis,
}

/// An acceptance of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// Which document: `terms`.
    pub document: String,
    /// Which version.
    pub version: String,
    /// When.
    pub accepted_at: Millis,
}

/// Everything that concerns who can get into an account, and what is stored of its person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Security {
    /// The account.
    pub account: AccountId,
    /// What its person calls themselves.
    pub name: String,
    /// Its address.
    pub email: String,
    /// When that was verified.
    pub email_verified_at: Option<Millis>,
    /// Where the account stands.
    pub state: AccountState,
    /// Why, if it is not in good standing.
    pub state_reason: Option<String>,
    /// When it was created.
    pub created_at: Millis,
    /// When its person last signed in.
    pub last_sign_in_at: Option<Millis>,
    /// What its person agreed to, the newest first.
    pub acceptances: Vec<Acceptance>,
    /// Their place among the staff, if any.
    pub staff: Option<StaffRole>,
    /// Whether there is a password.
    pub has_password: bool,
    /// Whether this portal can have passkeys.
    pub passkeys_available: bool,
    /// The passkeys, the oldest first.
    pub passkeys: Vec<Passkey>,
    /// How many recovery codes are left.
    pub recovery_codes_left: u64,
    /// The signed-in browsers, this one first.
    pub sessions: Vec<Session>,
    /// The browsers that the account knows again, the last used first.
    pub devices: Vec<Device>,
    /// What the account's access tokens are called, the oldest first, those that ended too.
    pub access_tokens: Vec<String>,
    /// A change of address that waits.
    pub email_change: Option<PendingEmailChange>,
    /// A recovery that waits.
    pub recovery: Option<WaitingRecovery>,
    /// Until when changes need no other confirmation; absent if the next one does.
    pub confirmed_until: Option<Millis>,
}

/// The steps to the first call: verify the address, add a passkey, get a key, call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstSteps {
    /// The address was verified.
    pub email_verified: bool,
    /// A passkey was added; absent where the portal can have none.
    pub passkey_added: Option<bool>,
    /// A key was created: its hint.
    pub key: Option<String>,
    /// The secret of a key was revealed: only then is it a key to call with.
    pub secret_revealed: bool,
    /// A call was accepted.
    pub first_call: bool,
}

impl FirstSteps {
    fn steps(&self) -> impl Iterator<Item = bool> {
        [Some(self.email_verified), self.passkey_added, Some(self.secret_revealed), Some(self.first_call)]
            .into_iter()
            .flatten()
    }

    /// How many there are.
    #[must_use]
    pub fn all(&self) -> usize {
        self.steps().count()
    }

    /// How many of them are done.
    #[must_use]
    pub fn done(&self) -> usize {
        self.steps().filter(|done| *done).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_being_written_and_read() {
        assert!(AccountState::ALL.into_iter().all(|state| AccountState::from_word(state.word()) == Some(state)));
    }

    /// The whole table: what is not in it cannot happen.
    ///
    /// Claims: MAST-10, S002-34
    #[test]
    fn an_account_changes_its_state_only_as_the_table_says() {
        use AccountEvent as Event;
        use AccountState as State;
        let table = [
            (State::Pending, Event::Verify, State::Active),
            (State::Pending, Event::Erase, State::Deleted),
            (State::Active, Event::Restrict, State::Restricted),
            (State::Active, Event::Suspend, State::Suspended),
            (State::Active, Event::AskToBeErased, State::Deleting),
            (State::Restricted, Event::Suspend, State::Suspended),
            (State::Restricted, Event::Restore, State::Active),
            (State::Restricted, Event::AskToBeErased, State::Deleting),
            (State::Suspended, Event::Restrict, State::Restricted),
            (State::Suspended, Event::Restore, State::Active),
            (State::Suspended, Event::AskToBeErased, State::Deleting),
            (State::Deleting, Event::StayAfterAll, State::Active),
            (State::Deleting, Event::Erase, State::Deleted),
        ];
        for state in State::ALL {
            for event in Event::ALL {
                let wanted = table.iter().find(|row| row.0 == state && row.1 == event).map(|row| row.2);
                assert_eq!(state.after(event), wanted, "{state:?} {event:?}");
            }
        }
    }

    /// Claims: MAST-10
    #[test]
    fn what_is_erased_stays_erased_and_only_good_standing_changes_things() {
        assert!(AccountEvent::ALL.into_iter().all(|event| AccountState::Deleted.after(event).is_none()));
        for state in AccountState::ALL {
            assert!(!state.may_change() || state.may_sign_in(), "{state:?}");
            assert!(!state.keys_work() || state.may_change(), "{state:?}");
        }
    }
}
