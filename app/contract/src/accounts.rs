//! Accounts: who can sign in.

use serde::{Deserialize, Serialize};

use crate::organizations::CurrentOrganization;
use crate::{AccountId, StaffRole};

/// Longest name, in characters. Long enough for every name on record, short enough for a table cell.
pub const NAME_MAX: usize = 200;

/// Longest email address, in bytes (RFC 5321 §4.5.3.1.3: a path of 256 with its angle brackets).
pub const EMAIL_MAX: usize = 254;

/// Shortest password, in characters (NIST SP 800-63B-4 §3.1.1.2: 15 where it is the only factor).
pub const PASSWORD_MIN: usize = 15;

/// Longest password, in characters. Beyond it nobody types, and hashing stays bounded.
pub const PASSWORD_MAX: usize = 256;

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
}

/// The four steps to the first call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstSteps {
    /// The address was verified.
    pub email_verified: bool,
    /// A key was created: its hint.
    pub key: Option<String>,
    /// The secret of a key was revealed.
    pub secret_revealed: bool,
    /// A call was accepted.
    pub first_call: bool,
}

impl FirstSteps {
    /// How many of the four are done.
    #[must_use]
    pub fn done(&self) -> usize {
        [self.email_verified, self.key.is_some(), self.secret_revealed, self.first_call]
            .into_iter()
            .filter(|step| *step)
            .count()
    }
}
