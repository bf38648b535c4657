//! Access tokens: what a program presents to the REST API, in the name of a person.
//!
//! The text form is that of a key with `pat` in the place of the environment:
//! `<prefix>_pat_<27 characters><6 characters of checksum>`. So the gateway takes none for a key, and secret scanners
//! can tell one from a look-alike.

use serde::{Deserialize, Serialize};

use crate::fields::{Check, Problem};
use crate::keys::Secret;
use crate::keys::format::{CHECKSUM_LENGTH, RANDOM_LENGTH, checksum_of};
use crate::{Millis, Permission, StaffPermission, TokenId};

/// Longest name of a token, in characters.
pub const NAME_MAX: usize = 60;

/// Longest life of a token, in days: a secret that nobody replaces is a secret that many have seen.
pub const DAYS_MAX: i64 = 366;

/// Tokens that one person may have in one organization, those that ended left out.
pub const TOKENS_MAX: u32 = 50;

/// What stands in the place of a key's environment.
pub const WORD: &str = "pat";

/// What a token may do. Of what it names, its person's role must allow it too, at every call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// See keys.
    #[serde(rename = "keys:read")]
    KeysRead,
    /// Create, change, rotate and revoke keys.
    #[serde(rename = "keys:write")]
    KeysWrite,
    /// See request logs.
    #[serde(rename = "logs:read")]
    LogsRead,
    /// See usage, APIs, plans and subscriptions.
    #[serde(rename = "usage:read")]
    UsageRead,
    /// Ask for plans, and leave them.
    #[serde(rename = "subscriptions:write")]
    SubscriptionsWrite,
    /// See the organization and its members.
    #[serde(rename = "organization:read")]
    OrganizationRead,
    /// See and revoke the person's tokens.
    #[serde(rename = "tokens:write")]
    TokensWrite,
    /// Staff: see APIs, plans and who has which.
    #[serde(rename = "staff:apis:read")]
    StaffApisRead,
    /// Staff: register and change APIs and plans, decide on subscriptions.
    #[serde(rename = "staff:apis:write")]
    StaffApisWrite,
    /// Staff: see request logs of everybody.
    #[serde(rename = "staff:logs:read")]
    StaffLogsRead,
}

impl Scope {
    /// All of them: those of members first, then those of staff.
    pub const ALL: [Self; 10] = [
        Self::KeysRead,
        Self::KeysWrite,
        Self::LogsRead,
        Self::UsageRead,
        Self::SubscriptionsWrite,
        Self::OrganizationRead,
        Self::TokensWrite,
        Self::StaffApisRead,
        Self::StaffApisWrite,
        Self::StaffLogsRead,
    ];

    /// The word in forms, documents and the database.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::KeysRead => "keys:read",
            Self::KeysWrite => "keys:write",
            Self::LogsRead => "logs:read",
            Self::UsageRead => "usage:read",
            Self::SubscriptionsWrite => "subscriptions:write",
            Self::OrganizationRead => "organization:read",
            Self::TokensWrite => "tokens:write",
            Self::StaffApisRead => "staff:apis:read",
            Self::StaffApisWrite => "staff:apis:write",
            Self::StaffLogsRead => "staff:logs:read",
        }
    }

    /// What it allows, in a few words.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::KeysRead => "See keys",
            Self::KeysWrite => "Create, change, rotate and revoke keys",
            Self::LogsRead => "See request logs",
            Self::UsageRead => "See usage, APIs, plans and subscriptions",
            Self::SubscriptionsWrite => "Ask for plans, and leave them",
            Self::OrganizationRead => "See the organization and its members",
            Self::TokensWrite => "See and revoke your access tokens",
            Self::StaffApisRead => "Staff: see APIs, plans and who has which",
            Self::StaffApisWrite => "Staff: change APIs and plans, decide on subscriptions",
            Self::StaffLogsRead => "Staff: see request logs of everybody",
        }
    }

    /// Whether staff alone can give it to a token.
    #[must_use]
    pub const fn is_of_staff(self) -> bool {
        matches!(self, Self::StaffApisRead | Self::StaffApisWrite | Self::StaffLogsRead)
    }

    /// Whether a token with this scope may do what takes that one: whoever changes things sees them.
    #[must_use]
    pub const fn gives(self, other: Self) -> bool {
        self as u8 == other as u8
            || matches!(
                (self, other),
                (Self::KeysWrite, Self::KeysRead)
                    | (Self::SubscriptionsWrite, Self::UsageRead)
                    | (Self::StaffApisWrite, Self::StaffApisRead)
            )
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.word() == word)
    }

    /// What a token needs to do what takes this permission. Without an answer no token may: members, roles, passkeys and
    /// sessions are changed by people alone.
    #[must_use]
    pub const fn of(permission: Permission) -> Option<Self> {
        match permission {
            Permission::ReadKeys => Some(Self::KeysRead),
            Permission::CreateKeys | Permission::RevokeKeys => Some(Self::KeysWrite),
            Permission::ReadRequestLogs => Some(Self::LogsRead),
            Permission::ReadUsage => Some(Self::UsageRead),
            Permission::ReadMembers => Some(Self::OrganizationRead),
            Permission::ManageSubscriptions => Some(Self::SubscriptionsWrite),
            // Whatever comes, a token may not until it is said here that it may.
            _ => None,
        }
    }

    /// The same for staff.
    #[must_use]
    pub const fn of_staff(permission: StaffPermission) -> Option<Self> {
        match permission {
            StaffPermission::ReadApis => Some(Self::StaffApisRead),
            StaffPermission::ManageApis => Some(Self::StaffApisWrite),
            StaffPermission::ReadRequestLogs => Some(Self::StaffLogsRead),
            _ => None,
        }
    }
}

/// A token, as its person sees it. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessToken {
    /// Its id.
    pub id: TokenId,
    /// What its person calls it.
    pub name: String,
    /// What may be shown of it, such as `cs_pat_…x7Qd`.
    pub hint: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Where it stands.
    pub state: TokenState,
    /// When it was created.
    pub created_at: Millis,
    /// From when on it is refused.
    pub expires_at: Millis,
    /// When it was last accepted, to five minutes.
    pub last_used_at: Option<Millis>,
    /// When it was revoked.
    pub revoked_at: Option<Millis>,
}

/// Where a token stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenState {
    /// It is accepted.
    Active,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
}

impl TokenState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Active, Self::Expired, Self::Revoked];

    /// The word in documents.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// Shown once, when a token is created: the only value from which it can be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedToken {
    /// The token.
    pub token: AccessToken,
    /// Its text.
    pub secret: Secret,
}

/// What a form says of a token that is to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypedToken {
    /// What to call it.
    pub name: String,
    /// Words, parted by spaces.
    pub scopes: String,
    /// For how many days it works.
    pub days: String,
}

impl TypedToken {
    /// Reads the form: name, scopes, days.
    pub fn check(&self, check: &mut Check) -> (String, Vec<Scope>, i64) {
        let name = check.line("name", &self.name, NAME_MAX);
        let mut scopes = Vec::new();
        for word in self.scopes.split_whitespace() {
            match Scope::from_word(word) {
                Some(scope) if scopes.contains(&scope) => {}
                Some(scope) => scopes.push(scope),
                None => {
                    check.refuse("scopes", Problem::NotAChoice);
                    break;
                }
            }
        }
        if self.scopes.trim().is_empty() {
            check.refuse("scopes", Problem::Empty);
        }
        scopes.sort_unstable();
        let days = crate::keys::terms::number(check, "days", &self.days, 1, DAYS_MAX).unwrap_or(1);
        (name, scopes, days)
    }
}

/// What the page of tokens shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokensPage {
    /// The person's tokens in this organization, the newest first.
    pub tokens: Vec<AccessToken>,
    /// Scopes that a new one can have.
    pub scopes: Vec<Scope>,
    /// Whether the person confirmed who they are lately, as a new token asks.
    pub confirmed: bool,
}

/// Whether a text has the form and checksum of a token; no lookup.
#[must_use]
pub fn is_token(text: &str, prefix: &str) -> bool {
    let Some(body) = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')) else { return false };
    let Some(body) = body.strip_prefix(WORD).and_then(|rest| rest.strip_prefix('_')) else { return false };
    if body.len() != RANDOM_LENGTH + CHECKSUM_LENGTH || !body.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return false;
    }
    let (signed, checksum) = text.split_at(text.len() - CHECKSUM_LENGTH);
    checksum_of(signed) == checksum.as_bytes()
}

/// Builds a token's text from random characters of base62.
#[must_use]
pub fn assemble(prefix: &str, random: &[u8; RANDOM_LENGTH]) -> String {
    let mut text = format!("{prefix}_{WORD}_");
    text.extend(random.iter().map(|byte| char::from(*byte)));
    let checksum = checksum_of(&text);
    text.extend(checksum.iter().map(|byte| char::from(*byte)));
    text
}

/// What may be shown of it: `cs_pat_…x7Qd`. For texts of [`assemble`].
#[must_use]
pub fn hint(text: &str) -> String {
    let body = RANDOM_LENGTH + CHECKSUM_LENGTH;
    let (Some(start), Some(end)) =
        (text.len().checked_sub(body).and_then(|end| text.get(..end)), text.get(text.len().saturating_sub(4)..))
    else {
        return String::new();
    };
    format!("{start}…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Environment;
    use crate::keys::format;

    const RANDOM: &[u8; RANDOM_LENGTH] = b"0123456789abcdefghijABCDEFG";

    #[test]
    fn a_token_is_no_key_and_a_key_is_no_token() {
        let (token, key) = (assemble("cs", RANDOM), format::assemble("cs", Environment::Live, RANDOM));
        assert!(is_token(&token, "cs") && !is_token(&key, "cs"));
        assert!(format::parse(&token, "cs").is_none() && format::parse(&key, "cs").is_some());
        assert!(token.starts_with("cs_pat_0123456789"));
        assert_eq!(hint(&token), format!("cs_pat_…{}", &token[token.len() - 4..]));
    }

    #[test]
    fn one_wrong_character_is_noticed_wherever_it_stands() {
        let text = assemble("cs", RANDOM);
        for place in 0..text.len() {
            let mut damaged = text.clone().into_bytes();
            damaged[place] = if damaged[place] == b'x' { b'y' } else { b'x' };
            assert!(!is_token(&String::from_utf8(damaged).unwrap_or_default(), "cs"));
            assert!(!is_token(&text[..place], "cs"));
        }
        assert!(!is_token(&format!("{text}0"), "cs") && !is_token(&text, "other") && !is_token("cs_pat_é", "cs"));
    }

    #[test]
    fn words_survive_being_written_and_read() {
        for scope in Scope::ALL {
            assert_eq!(Scope::from_word(scope.word()), Some(scope));
            assert_eq!(serde_json::to_value(scope).unwrap_or_default(), scope.word());
        }
    }

    #[test]
    fn a_token_cannot_make_somebody_mightier_nor_read_what_only_people_may() {
        for permission in
            [Permission::ManageMembers, Permission::HandOver, Permission::ManageOrganization, Permission::ReadAuditLog]
        {
            assert_eq!(Scope::of(permission), None, "{permission:?}");
        }
        for permission in [
            StaffPermission::ReadAccounts,
            StaffPermission::RestrictAccounts,
            StaffPermission::SuspendAccounts,
            StaffPermission::ReadAuditLog,
        ] {
            assert_eq!(Scope::of_staff(permission), None, "{permission:?}");
        }
        let reads = |scope| {
            Permission::ALL.into_iter().filter(|one| Scope::of(*one) == Some(scope)).all(Permission::only_reads)
        };
        assert!([Scope::KeysRead, Scope::LogsRead, Scope::UsageRead, Scope::OrganizationRead].into_iter().all(reads));
    }

    #[test]
    fn a_form_is_read_and_every_bad_field_has_its_problem() {
        let typed = |name: &str, scopes: &str, days: &str| TypedToken {
            name: name.to_owned(),
            scopes: scopes.to_owned(),
            days: days.to_owned(),
        };
        let mut check = Check::default();
        let read = typed(" Deploy ", "logs:read keys:read keys:read", "90").check(&mut check);
        assert_eq!(read, ("Deploy".to_owned(), vec![Scope::KeysRead, Scope::LogsRead], 90));
        assert_eq!(check.finish(), Ok(()));
        for (form, field) in [
            (typed("", "keys:read", "1"), "name"),
            (typed("a\nb", "keys:read", "1"), "name"),
            (typed("a", "", "1"), "scopes"),
            (typed("a", "everything", "1"), "scopes"),
            (typed("a", "keys:read", "0"), "days"),
            (typed("a", "keys:read", "367"), "days"),
            (typed("a", "keys:read", "soon"), "days"),
        ] {
            let mut check = Check::default();
            form.check(&mut check);
            let fields = check.finish().err().unwrap_or_default();
            assert_eq!(fields.iter().map(|one| one.field.as_str()).collect::<Vec<_>>(), [field], "{form:?}");
        }
    }
}
