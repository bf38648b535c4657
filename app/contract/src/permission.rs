//! Who may do what: one table that pages, verbs and docs read.

use serde::{Deserialize, Serialize};

/// What a member may do inside an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// See keys, never their secrets.
    ReadKeys,
    /// Create keys and ask for reveal links.
    CreateKeys,
    /// Revoke keys.
    RevokeKeys,
    /// See request logs.
    ReadRequestLogs,
    /// See usage.
    ReadUsage,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::ReadKeys, Self::CreateKeys, Self::RevokeKeys, Self::ReadRequestLogs, Self::ReadUsage];
}

/// A member's place in an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May do everything, and hand the organization over.
    Owner,
    /// May do everything but hand it over.
    Admin,
    /// Works with keys.
    Developer,
    /// Pays.
    Billing,
    /// Looks.
    Viewer,
}

impl Role {
    /// All of them, the mightiest first.
    pub const ALL: [Self; 5] = [Self::Owner, Self::Admin, Self::Developer, Self::Billing, Self::Viewer];

    /// Whether this role may do that.
    #[must_use]
    pub const fn allows(self, permission: Permission) -> bool {
        match permission {
            Permission::ReadUsage => true,
            Permission::ReadKeys | Permission::ReadRequestLogs => !matches!(self, Self::Billing),
            Permission::CreateKeys | Permission::RevokeKeys => {
                matches!(self, Self::Owner | Self::Admin | Self::Developer)
            }
        }
    }

    /// The word in URLs and in the database.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Developer => "developer",
            Self::Billing => "billing",
            Self::Viewer => "viewer",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// A place among the people who run this portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaffRole {
    /// May do everything.
    Owner,
    /// Runs the portal.
    Admin,
    /// Helps developers.
    Support,
    /// Looks, and changes nothing.
    Auditor,
}

impl StaffRole {
    /// All of them, the mightiest first.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Admin, Self::Support, Self::Auditor];

    /// The word in URLs and in the database.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Support => "support",
            Self::Auditor => "auditor",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_who_work_with_keys_may_create_them() {
        let creators: Vec<Role> = Role::ALL.into_iter().filter(|role| role.allows(Permission::CreateKeys)).collect();
        assert_eq!(creators, [Role::Owner, Role::Admin, Role::Developer]);
    }

    #[test]
    fn an_owner_may_do_everything() {
        assert!(Permission::ALL.into_iter().all(|permission| Role::Owner.allows(permission)));
    }

    #[test]
    fn words_survive_being_written_and_read() {
        assert!(Role::ALL.into_iter().all(|role| Role::from_word(role.word()) == Some(role)));
        assert!(StaffRole::ALL.into_iter().all(|role| StaffRole::from_word(role.word()) == Some(role)));
    }
}
