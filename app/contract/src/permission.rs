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
    /// See who belongs to the organization.
    ReadMembers,
    /// Invite, change roles, remove. Owners are touched by owners alone, whatever this says.
    ManageMembers,
    /// Change name, contact address and country.
    ManageOrganization,
    /// Make somebody else the owner.
    HandOver,
    /// See the organization's audit log.
    ReadAuditLog,
    /// Ask for plans, and leave them.
    ManageSubscriptions,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::ReadKeys,
        Self::CreateKeys,
        Self::RevokeKeys,
        Self::ReadRequestLogs,
        Self::ReadUsage,
        Self::ReadMembers,
        Self::ManageMembers,
        Self::ManageOrganization,
        Self::HandOver,
        Self::ReadAuditLog,
        Self::ManageSubscriptions,
    ];

    /// Whether it only looks: what a restricted account may still do.
    #[must_use]
    pub const fn only_reads(self) -> bool {
        matches!(
            self,
            Self::ReadKeys | Self::ReadRequestLogs | Self::ReadUsage | Self::ReadMembers | Self::ReadAuditLog
        )
    }

    /// What it is, in the words of the table of roles.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::ReadKeys => "See keys",
            Self::CreateKeys => "Create keys and see their secrets once",
            Self::RevokeKeys => "Revoke keys",
            Self::ReadRequestLogs => "See request logs",
            Self::ReadUsage => "See usage",
            Self::ReadMembers => "See members",
            Self::ManageMembers => "Invite members, change roles, remove members",
            Self::ManageOrganization => "Change name, contact address and country",
            Self::HandOver => "Hand the organization over",
            Self::ReadAuditLog => "See the audit log",
            Self::ManageSubscriptions => "Choose plans of APIs",
        }
    }
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
            Permission::ReadUsage | Permission::ReadMembers => true,
            Permission::ReadKeys | Permission::ReadRequestLogs => !matches!(self, Self::Billing),
            Permission::CreateKeys | Permission::RevokeKeys => {
                matches!(self, Self::Owner | Self::Admin | Self::Developer)
            }
            Permission::ManageMembers | Permission::ManageOrganization | Permission::ReadAuditLog => {
                matches!(self, Self::Owner | Self::Admin)
            }
            Permission::ManageSubscriptions => matches!(self, Self::Owner | Self::Admin | Self::Billing),
            Permission::HandOver => matches!(self, Self::Owner),
        }
    }

    /// Whether somebody in this role may give, change or take that role: owners are made and touched by owners alone,
    /// so that nobody raises themselves.
    #[must_use]
    pub const fn may_appoint(self, other: Self) -> bool {
        match self {
            Self::Owner => true,
            Self::Admin => !matches!(other, Self::Owner),
            Self::Developer | Self::Billing | Self::Viewer => false,
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

    /// The word on pages.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Owner => "Owner",
            Self::Admin => "Admin",
            Self::Developer => "Developer",
            Self::Billing => "Billing",
            Self::Viewer => "Viewer",
        }
    }

    /// What it is for, in a few words.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Owner => "Everything, and can hand the organization over",
            Self::Admin => "Everything except what concerns owners",
            Self::Developer => "Works with keys, logs and usage",
            Self::Billing => "Chooses plans; sees usage and members",
            Self::Viewer => "Sees keys, logs and usage; changes nothing",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// What staff may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaffPermission {
    /// See request logs of everybody.
    ReadRequestLogs,
    /// Find accounts and see them.
    ReadAccounts,
    /// Send the verification mail of an account again.
    ResendVerification,
    /// Restrict accounts, and lift that.
    RestrictAccounts,
    /// Suspend accounts, and lift that.
    SuspendAccounts,
    /// See the audit log of everything.
    ReadAuditLog,
    /// See APIs, their plans, and who has which.
    ReadApis,
    /// Register and change APIs and plans; decide on subscriptions.
    ManageApis,
    /// Find keys and see them, never their secrets; see which were reported as leaked.
    ReadKeys,
    /// Revoke keys, and start the rotation of one for its owner.
    ManageKeys,
}

impl StaffPermission {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::ReadRequestLogs,
        Self::ReadAccounts,
        Self::ResendVerification,
        Self::RestrictAccounts,
        Self::SuspendAccounts,
        Self::ReadAuditLog,
        Self::ReadApis,
        Self::ManageApis,
        Self::ReadKeys,
        Self::ManageKeys,
    ];
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

    /// Whether this role may do that.
    #[must_use]
    pub const fn allows(self, permission: StaffPermission) -> bool {
        match permission {
            StaffPermission::ReadRequestLogs
            | StaffPermission::ReadAccounts
            | StaffPermission::ReadApis
            | StaffPermission::ReadKeys => true,
            StaffPermission::ResendVerification | StaffPermission::RestrictAccounts => {
                matches!(self, Self::Owner | Self::Admin | Self::Support)
            }
            StaffPermission::SuspendAccounts | StaffPermission::ManageApis | StaffPermission::ManageKeys => {
                matches!(self, Self::Owner | Self::Admin)
            }
            StaffPermission::ReadAuditLog => matches!(self, Self::Owner | Self::Admin | Self::Auditor),
        }
    }

    /// Whether somebody in this role may restrict or suspend somebody in that one: nobody reaches upwards.
    #[must_use]
    pub const fn reaches(self, other: Self) -> bool {
        self as u8 <= other as u8
    }

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

    fn those_who_may(permission: Permission) -> Vec<Role> {
        Role::ALL.into_iter().filter(|role| role.allows(permission)).collect()
    }

    #[test]
    fn only_those_who_work_with_keys_may_create_them() {
        assert_eq!(those_who_may(Permission::CreateKeys), [Role::Owner, Role::Admin, Role::Developer]);
    }

    #[test]
    fn plans_are_chosen_by_those_who_answer_for_the_organization_or_pay() {
        assert_eq!(those_who_may(Permission::ManageSubscriptions), [Role::Owner, Role::Admin, Role::Billing]);
    }

    #[test]
    fn an_owner_may_do_everything() {
        assert!(Permission::ALL.into_iter().all(|permission| Role::Owner.allows(permission)));
        assert!(StaffPermission::ALL.into_iter().all(|permission| StaffRole::Owner.allows(permission)));
    }

    /// Claims: FLOW-61
    #[test]
    fn nobody_can_make_somebody_mightier_than_themselves() {
        for mine in Role::ALL {
            for other in Role::ALL {
                if mine.may_appoint(other) {
                    let more = |permission: &Permission| other.allows(*permission) && !mine.allows(*permission);
                    assert!(!Permission::ALL.iter().any(more), "{mine:?} appoints {other:?}");
                }
            }
        }
    }

    #[test]
    fn who_may_appoint_is_who_may_manage_members() {
        for role in Role::ALL {
            assert_eq!(role.may_appoint(Role::Viewer), role.allows(Permission::ManageMembers), "{role:?}");
        }
    }

    #[test]
    fn an_auditor_and_a_viewer_change_nothing() {
        assert!(Permission::ALL.into_iter().all(|one| !Role::Viewer.allows(one) || one.only_reads()));
        for change in [
            StaffPermission::ResendVerification,
            StaffPermission::RestrictAccounts,
            StaffPermission::SuspendAccounts,
            StaffPermission::ManageApis,
            StaffPermission::ManageKeys,
        ] {
            assert!(!StaffRole::Auditor.allows(change), "{change:?}");
        }
    }

    #[test]
    fn among_staff_nobody_reaches_upwards() {
        for (place, mine) in StaffRole::ALL.into_iter().enumerate() {
            for (other_place, other) in StaffRole::ALL.into_iter().enumerate() {
                assert_eq!(mine.reaches(other), place <= other_place, "{mine:?} {other:?}");
            }
        }
    }

    #[test]
    fn words_survive_being_written_and_read() {
        assert!(Role::ALL.into_iter().all(|role| Role::from_word(role.word()) == Some(role)));
        assert!(StaffRole::ALL.into_iter().all(|role| StaffRole::from_word(role.word()) == Some(role)));
    }
}
