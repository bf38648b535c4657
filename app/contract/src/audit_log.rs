//! The audit log: what was changed or looked at, by whom, when, in an order that cannot be altered unnoticed.

use serde::{Deserialize, Serialize};

use crate::{AccountId, AuditEventId, Millis, OrganizationId};

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $label:literal;)*) => {
        /// What happened. A closed list: nothing is written down under a word that nobody knows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Action {
            $($(#[$doc])* $name,)*
        }

        impl Action {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The word in URLs and in the database.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// A short sentence for the page.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)* }
            }
        }
    };
}

actions! {
    /// Somebody signed up.
    SignedUp = "account.signed_up", "Signed up";
    /// An address was verified.
    EmailVerified = "account.email_verified", "Verified the address";
    /// Somebody signed in.
    SignedIn = "session.started", "Signed in";
    /// Somebody confirmed that it is them.
    SteppedUp = "session.stepped_up", "Confirmed who they are";
    /// A session was ended by its person.
    SignedOut = "session.ended", "Signed out";
    /// Other sessions were ended by their person.
    SessionsEnded = "session.others_ended", "Ended other sessions";
    /// A password was set or changed.
    PasswordSet = "password.set", "Set a password";
    /// A password was removed.
    PasswordRemoved = "password.removed", "Removed the password";
    /// A passkey was added.
    PasskeyAdded = "passkey.added", "Added a passkey";
    /// A passkey got another name.
    PasskeyRenamed = "passkey.renamed", "Renamed a passkey";
    /// A passkey was removed.
    PasskeyRemoved = "passkey.removed", "Removed a passkey";
    /// A passkey's counter went backwards: it may have been copied.
    PasskeyCounterRolledBack = "passkey.counter_rolled_back", "A passkey counted backwards and was refused";
    /// A passkey changed what it said of being copied between devices.
    PasskeyBackupChanged = "passkey.backup_changed", "A passkey changed whether it is copied between devices";
    /// New recovery codes were made.
    RecoveryCodesMade = "recovery.codes_made", "Made new recovery codes";
    /// A recovery code was used.
    RecoveryCodeUsed = "recovery.code_used", "Used a recovery code";
    /// A recovery by mail began to wait.
    RecoveryStarted = "recovery.started", "Started a recovery by mail";
    /// It was cancelled.
    RecoveryCancelled = "recovery.cancelled", "Cancelled a recovery by mail";
    /// It was completed.
    RecoveryCompleted = "recovery.completed", "Completed a recovery by mail";
    /// A change of address was asked for.
    EmailChangeStarted = "account.email_change_started", "Asked to change the address";
    /// A change of address was taken back.
    EmailChangeCancelled = "account.email_change_cancelled", "Took a change of the address back";
    /// The address was changed.
    EmailChanged = "account.email_changed", "Changed the address";
    /// The name was changed.
    NameChanged = "account.name_changed", "Changed the name";
    /// An account was restricted by staff.
    AccountRestricted = "account.restricted", "Restricted an account";
    /// An account was suspended by staff.
    AccountSuspended = "account.suspended", "Suspended an account";
    /// An account was restored by staff.
    AccountRestored = "account.restored", "Restored an account";
    /// Staff looked for accounts.
    AccountsSearched = "account.searched", "Looked for accounts";
    /// Staff looked at an account.
    AccountViewed = "account.viewed", "Looked at an account";
    /// Staff sent the verification mail again.
    VerificationResent = "account.verification_resent", "Sent the verification mail again";
    /// Staff looked at the audit log.
    AuditLogViewed = "audit_log.viewed", "Looked at the audit log";
    /// Staff looked at everybody's request logs.
    RequestLogsViewed = "request_logs.viewed", "Looked at the request logs of everybody";
    /// Somebody became staff, or got another role there.
    StaffAdded = "staff.added", "Made an account staff";
    /// An organization was created.
    OrganizationCreated = "organization.created", "Created the organization";
    /// Name, contact address or country were changed.
    OrganizationChanged = "organization.changed", "Changed the organization";
    /// Staff changed how much an organization may ask of all APIs together.
    OrganizationLimitChanged = "organization.limit_changed", "Changed the limit of an organization";
    /// The contact address was verified.
    ContactVerified = "organization.contact_verified", "Verified the contact address";
    /// Somebody was invited.
    MemberInvited = "member.invited", "Invited somebody";
    /// An invitation was taken back.
    InviteRevoked = "member.invite_revoked", "Took an invitation back";
    /// Somebody declined an invitation.
    InviteDeclined = "member.invite_declined", "Declined an invitation";
    /// Somebody joined.
    MemberJoined = "member.joined", "Joined";
    /// A member got another role.
    RoleChanged = "member.role_changed", "Changed a role";
    /// A member was removed.
    MemberRemoved = "member.removed", "Removed a member";
    /// A member left.
    MemberLeft = "member.left", "Left";
    /// The organization was handed over.
    HandedOver = "organization.handed_over", "Handed the organization over";
    /// A key was created.
    KeyCreated = "key.created", "Created a key";
    /// A link to a key's secret was mailed again.
    RevealLinkSent = "key.reveal_link_sent", "Had a reveal link mailed";
    /// A secret was shown.
    KeyRevealed = "key.revealed", "Saw a key's secret";
    /// Label or terms of a key were changed.
    KeyChanged = "key.changed", "Changed a key's terms";
    /// A new secret was asked for.
    KeyRotationStarted = "key.rotation_started", "Started the rotation of a key";
    /// The old secret of a rotation was ended before its time.
    KeySecretRetired = "key.secret_retired", "Retired a key's old secret";
    /// Keys of another system were taken over.
    KeysImported = "key.imported", "Imported keys";
    /// A key was revoked.
    KeyRevoked = "key.revoked", "Revoked a key";
    /// Staff revoked a key.
    KeyRevokedByStaff = "key.revoked_by_staff", "Revoked a key for the operator";
    /// Staff had a link to a new secret mailed.
    KeyRotationStartedByStaff = "key.rotation_started_by_staff", "Started the rotation of a key for its owner";
    /// The secret of a key was reported as seen in public.
    KeyLeakReported = "key.leak_reported", "Reported a key's secret as leaked";
    /// An access token was reported as seen in public, and revoked.
    TokenLeakReported = "token.leak_reported", "Reported an access token as leaked";
    /// Staff looked for keys.
    KeysSearched = "key.searched", "Looked for keys";
    /// Staff looked at a key.
    KeyViewed = "key.viewed", "Looked at a key";
    /// Staff looked at the reports of leaked keys.
    LeaksViewed = "leaks.viewed", "Looked at reports of leaked keys";
    /// An access token was created.
    TokenCreated = "token.created", "Created an access token";
    /// An access token was revoked.
    TokenRevoked = "token.revoked", "Revoked an access token";
    /// An API was registered.
    ApiCreated = "api.created", "Registered an API";
    /// Address, terms or document of an API were changed.
    ApiChanged = "api.changed", "Changed an API";
    /// An API was closed.
    ApiClosed = "api.closed", "Closed an API";
    /// An API was opened again.
    ApiReopened = "api.reopened", "Opened an API again";
    /// A plan was created.
    PlanCreated = "plan.created", "Created a plan";
    /// A plan was changed.
    PlanChanged = "plan.changed", "Changed a plan";
    /// A plan was closed.
    PlanClosed = "plan.closed", "Closed a plan";
    /// A closed plan was opened again.
    PlanReopened = "plan.reopened", "Opened a plan again";
    /// A plan was asked for.
    SubscriptionRequested = "subscription.requested", "Asked for a plan";
    /// A plan counts from now on.
    SubscriptionActivated = "subscription.activated", "Started on a plan";
    /// Staff approved a request for a plan.
    SubscriptionApproved = "subscription.approved", "Approved a request for a plan";
    /// Staff rejected a request for a plan.
    SubscriptionRejected = "subscription.rejected", "Rejected a request for a plan";
    /// Staff gave an organization a plan.
    SubscriptionGiven = "subscription.given", "Gave an organization a plan";
    /// An organization left a plan, or took its request back.
    SubscriptionLeft = "subscription.left", "Left a plan";
    /// Staff gave an organization other limits than its plan.
    SubscriptionOverridden = "subscription.overridden", "Changed the limits of a subscription";
    /// Staff gave an organization units beside its quota, once.
    SubscriptionToppedUp = "subscription.topped_up", "Gave units beside a quota";
}

impl Action {
    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.word() == word)
    }
}

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A person, for themselves or their organization.
    Account,
    /// Staff, in that role.
    Staff,
    /// The program: jobs and the command line.
    System,
    /// Somebody who was not signed in, with a link from a mail.
    Anonymous,
}

impl ActorKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Account, Self::Staff, Self::System, Self::Anonymous];

    /// The word in URLs and in the database.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Staff => "staff",
            Self::System => "system",
            Self::Anonymous => "anonymous",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// An event, as its page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// Its place in the chain, from 1.
    pub seq: i64,
    /// Its id.
    pub id: AuditEventId,
    /// When.
    pub at: Millis,
    /// Who did it, as what.
    pub actor: ActorKind,
    /// Which account did it.
    pub actor_account: Option<AccountId>,
    /// What that account calls itself now; absent once it is erased.
    pub actor_name: Option<String>,
    /// What happened.
    pub action: Action,
    /// In which organization.
    pub organization: Option<OrganizationId>,
    /// To which account.
    pub account: Option<AccountId>,
    /// What that account calls itself now.
    pub account_name: Option<String>,
    /// To which other thing: an id.
    pub object: Option<String>,
    /// What more there is to know, as names and values; nothing personal.
    pub details: Vec<(String, String)>,
    /// Personal text, until it is erased.
    pub personal: Option<String>,
    /// There was personal text, and it is erased.
    pub personal_erased: bool,
}

/// What the chain of events looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every event is as it was written.
    Sound {
        /// How many there are.
        events: i64,
        /// The hash of the newest, in hexadecimal digits: note it elsewhere to prove later that nothing was cut off.
        head: String,
    },
    /// Something was altered, inserted, removed or reordered.
    Broken {
        /// The first event that does not fit, from 1.
        seq: i64,
        /// How it does not fit.
        why: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn words_are_unique_and_survive_being_written_and_read() {
        let words: BTreeSet<_> = Action::ALL.iter().map(|action| action.word()).collect();
        assert_eq!(words.len(), Action::ALL.len());
        assert!(Action::ALL.iter().all(|action| Action::from_word(action.word()) == Some(*action)));
        assert!(ActorKind::ALL.into_iter().all(|kind| ActorKind::from_word(kind.word()) == Some(kind)));
    }
}
