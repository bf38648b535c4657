//! The register: every stored column. A column without an entry, or an entry without a column, fails the build.

use super::retention;

/// What a group of columns is about: a table of the published page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Who somebody is.
    Account,
    /// How somebody signs in.
    SignIn,
    /// Organizations and who belongs to them.
    Organizations,
    /// Keys.
    Keys,
    /// Mails on their way.
    Mails,
    /// Request logs.
    RequestLogs,
    /// Usage.
    Usage,
    /// Who changed or looked at what.
    AuditLog,
    /// APIs and the database's own book-keeping: nothing about people.
    Service,
}

/// Whom it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The developer who has the account.
    Developer,
    /// The organization, not a person.
    Organization,
    /// Somebody whom a member invited, who may have no account.
    Invited,
    /// Nobody.
    Nobody,
}

/// Why it is stored. There is no purpose "advertising", "sale" or "profiling": nothing can be stored for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// To create and run the account.
    RunAccount,
    /// To verify the address.
    VerifyEmail,
    /// To sign people in securely.
    SecureAccess,
    /// To issue keys and find them again.
    IssueKeys,
    /// To deliver mails that the account needs.
    DeliverMail,
    /// To show usage.
    ShowUsage,
    /// To keep to the limits of a plan.
    EnforceLimits,
    /// To find errors together with the developer.
    Troubleshoot,
    /// To detect abuse and protect availability.
    PreventAbuse,
    /// To prove what was agreed.
    ProveConsent,
    /// To run the service itself.
    RunService,
}

/// On what ground (GDPR, Article 6(1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Point (b): to perform the contract.
    Contract,
    /// Point (f): a legitimate interest, which is named.
    LegitimateInterest(&'static str),
    /// Not personal data.
    NotPersonal,
}

/// How long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// As long as the account.
    WithAccount,
    /// As long as the organization.
    WithOrganization,
    /// Until the session ends.
    Session,
    /// Until a passkey has answered, or could not any more.
    Ceremony,
    /// A change of address: until it happened or is off.
    EmailChange,
    /// A rule of the retention job: its place in [`retention::RULES`] is found by table.
    Rule,
    /// A caller's address in a row of the log: as the profile of its API says.
    Address,
    /// Until it is replaced.
    UntilReplaced,
    /// The body of a mail: until it was sent.
    UntilSent,
    /// As long as the portal: a chain cannot lose its start.
    WithPortal,
}

/// Who receives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// The mail provider that the operator configured.
    MailProvider,
}

/// Whether it is in a person's export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// Yes, as it is.
    Yes,
    /// No: it would weaken security and tells the person nothing.
    Secret,
    /// No: it is not about the person.
    NotPersonal,
}

/// What happens to it when the account is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erase {
    /// It goes with the account's row.
    WithAccount,
    /// It goes with the organization's row.
    WithOrganization,
    /// It stays until its term: it names no person.
    AtTerm,
    /// It stays: it is not about a person.
    Never,
}

/// One stored column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Table.
    pub table: &'static str,
    /// Column.
    pub column: &'static str,
    /// Category.
    pub category: Category,
    /// Whom it is about.
    pub subject: Subject,
    /// What it is, in plain words; columns with the same words are shown as one.
    pub what: &'static str,
    /// Why.
    pub purposes: &'static [Purpose],
    /// How long.
    pub retention: Retention,
    /// Who receives it.
    pub recipients: &'static [Recipient],
    /// Export.
    pub export: Export,
    /// Erasure.
    pub erase: Erase,
    /// The claims it makes true.
    pub claims: &'static [&'static str],
}

/// What all columns of a table have in common.
#[derive(Clone, Copy)]
struct Common {
    table: &'static str,
    category: Category,
    subject: Subject,
    retention: Retention,
    export: Export,
    erase: Erase,
}

impl Common {
    const fn column(
        self,
        column: &'static str,
        what: &'static str,
        purposes: &'static [Purpose],
        claims: &'static [&'static str],
    ) -> Entry {
        Entry {
            table: self.table,
            column,
            category: self.category,
            subject: self.subject,
            what,
            purposes,
            retention: self.retention,
            recipients: &[],
            export: self.export,
            erase: self.erase,
            claims,
        }
    }
}

impl Entry {
    const fn kept(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    const fn secret(mut self) -> Self {
        self.export = Export::Secret;
        self
    }

    const fn sent_to_mail_provider(mut self) -> Self {
        self.recipients = &[Recipient::MailProvider];
        self
    }
}

const ACCOUNTS: Common = Common {
    table: "accounts",
    category: Category::Account,
    subject: Subject::Developer,
    retention: Retention::WithAccount,
    export: Export::Yes,
    erase: Erase::WithAccount,
};
const ACCEPTANCES: Common = Common { table: "policy_acceptances", ..ACCOUNTS };
const STAFF: Common = Common { table: "staff", ..ACCOUNTS };
const SESSIONS: Common =
    Common { table: "sessions", category: Category::SignIn, retention: Retention::Session, ..ACCOUNTS };
const PASSKEYS: Common = Common { table: "passkeys", category: Category::SignIn, ..ACCOUNTS };
const CEREMONIES: Common =
    Common { table: "ceremonies", retention: Retention::Ceremony, export: Export::Secret, ..PASSKEYS };
const DEVICES: Common = Common { table: "devices", category: Category::SignIn, retention: Retention::Rule, ..ACCOUNTS };
const ACCESS_TOKENS: Common = Common { table: "access_tokens", ..DEVICES };
const IDEMPOTENT_REQUESTS: Common = Common { table: "idempotent_requests", ..DEVICES };
const RECOVERY_CODES: Common = Common { table: "recovery_codes", category: Category::SignIn, ..ACCOUNTS };
const RECOVERIES: Common = Common { table: "recoveries", ..DEVICES };
const EMAIL_CHANGES: Common = Common { table: "email_changes", retention: Retention::EmailChange, ..DEVICES };
const LINKS: Common =
    Common { table: "mail_links", category: Category::SignIn, retention: Retention::Rule, ..ACCOUNTS };
const ORGANIZATIONS: Common = Common {
    table: "organizations",
    category: Category::Organizations,
    subject: Subject::Organization,
    retention: Retention::WithOrganization,
    export: Export::Yes,
    erase: Erase::WithOrganization,
};
const MEMBERS: Common =
    Common { table: "members", subject: Subject::Developer, erase: Erase::WithAccount, ..ORGANIZATIONS };
const INVITES: Common =
    Common { table: "invites", subject: Subject::Invited, retention: Retention::Rule, ..ORGANIZATIONS };
const SPENT_LINKS: Common = Common {
    table: "spent_links",
    category: Category::SignIn,
    subject: Subject::Nobody,
    retention: Retention::Rule,
    export: Export::Secret,
    erase: Erase::AtTerm,
};
const KEYS: Common = Common { table: "keys", category: Category::Keys, ..ORGANIZATIONS };
const DATA_KEYS: Common = Common { table: "data_keys", export: Export::Secret, ..KEYS };
const LEAKS: Common = Common { table: "leak_reports", retention: Retention::Rule, ..KEYS };
const MAILS: Common = Common {
    table: "mails",
    category: Category::Mails,
    subject: Subject::Developer,
    retention: Retention::Rule,
    export: Export::Yes,
    erase: Erase::WithAccount,
};
const REQUEST_LOGS: Common = Common {
    table: "request_logs",
    category: Category::RequestLogs,
    subject: Subject::Organization,
    retention: Retention::Rule,
    export: Export::Yes,
    erase: Erase::AtTerm,
};
const USAGE: Common = Common { table: "usage_minutes", category: Category::Usage, ..REQUEST_LOGS };
const AUDIT_EVENTS: Common = Common {
    table: "audit_events",
    category: Category::AuditLog,
    subject: Subject::Developer,
    retention: Retention::WithPortal,
    export: Export::Yes,
    erase: Erase::Never,
};
const AUDIT_PERSONAL: Common =
    Common { table: "audit_personal", retention: Retention::Rule, erase: Erase::WithAccount, ..AUDIT_EVENTS };
const AUDIT_HEAD: Common = Common {
    table: "audit_head",
    category: Category::AuditLog,
    subject: Subject::Nobody,
    retention: Retention::WithPortal,
    export: Export::NotPersonal,
    erase: Erase::Never,
};
const APIS: Common = Common {
    table: "apis",
    category: Category::Service,
    subject: Subject::Nobody,
    retention: Retention::UntilReplaced,
    export: Export::NotPersonal,
    erase: Erase::Never,
};
const IMPORTS: Common = Common { table: "imports", ..APIS };
const PLANS: Common = Common { table: "plans", ..APIS };
const SUBSCRIPTIONS: Common = Common { table: "subscriptions", ..ORGANIZATIONS };
const TOP_UPS: Common = Common { table: "top_ups", ..ORGANIZATIONS };
const CHANGES: Common = Common { table: "changes", ..APIS };
const PROCESSES: Common = Common { table: "processes", ..APIS };
const QUOTA_LEASES: Common = Common { table: "quota_leases", ..APIS };
const CHANGE_HEAD: Common = Common { table: "change_head", ..APIS };
const MIGRATIONS: Common = Common { table: "seaql_migrations", ..APIS };

use Purpose::{
    DeliverMail, EnforceLimits, IssueKeys, PreventAbuse, ProveConsent, RunAccount, RunService, SecureAccess, ShowUsage,
    Troubleshoot, VerifyEmail,
};

/// The register.
pub const REGISTER: &[Entry] = &[
    ACCOUNTS.column("id", "Account number", &[RunAccount], &["CARD-04"]),
    ACCOUNTS.column("name", "Name", &[RunAccount], &["MAST-06", "CARD-03"]),
    ACCOUNTS.column("email", "Email address", &[RunAccount, SecureAccess], &["MAST-05", "MASA-03", "CARD-03"]),
    ACCOUNTS.column("email_folded", "Email address", &[RunAccount, SecureAccess], &["MAST-05"]),
    ACCOUNTS.column("email_verified_at", "When the address was verified", &[VerifyEmail], &["MAST-08"]),
    ACCOUNTS
        .column("password_hash", "Password, as an Argon2id hash", &[SecureAccess], &["MAST-07", "MAST-15"])
        .secret(),
    ACCOUNTS.column("state", "State of the account", &[RunAccount], &["MAST-10"]),
    ACCOUNTS.column("state_reason", "State of the account", &[RunAccount], &["MAST-10"]),
    ACCOUNTS
        .column("passkey_handle", "Random number by which passkeys know the account", &[SecureAccess], &["MAST-16"])
        .secret(),
    ACCOUNTS.column("created_at", "When the account was created", &[RunAccount], &["MAST-13"]),
    ACCOUNTS.column("last_sign_in_at", "Last sign-in", &[SecureAccess], &["MAST-13"]),
    ACCEPTANCES.column("id", "Acceptance of the terms", &[ProveConsent], &["MAST-09"]),
    ACCEPTANCES.column("account_id", "Acceptance of the terms", &[ProveConsent], &["MAST-09"]),
    ACCEPTANCES.column("document", "Acceptance of the terms", &[ProveConsent], &["MAST-09"]),
    ACCEPTANCES.column("version", "Acceptance of the terms", &[ProveConsent], &["MAST-09"]),
    ACCEPTANCES.column("how", "Acceptance of the terms", &[ProveConsent], &["MAST-09"]),
    ACCEPTANCES.column("accepted_at", "Acceptance of the terms", &[ProveConsent], &["MAST-09"]),
    STAFF.column("account_id", "Role among the staff", &[SecureAccess], &["MASA-23"]),
    STAFF.column("role", "Role among the staff", &[SecureAccess], &["MASA-23"]),
    STAFF.column("created_at", "Role among the staff", &[SecureAccess], &["MASA-23"]),
    SESSIONS.column("id", "Session", &[SecureAccess], &["CARD-05"]),
    SESSIONS.column("token_hash", "Hash of what the session cookie holds", &[SecureAccess], &["CARD-05"]).secret(),
    SESSIONS.column("account_id", "Session", &[SecureAccess], &["CARD-05"]),
    SESSIONS.column("organization_id", "Session", &[SecureAccess], &["CARD-05"]),
    SESSIONS.column(
        "factor",
        "How somebody signed in, and when they last did",
        &[SecureAccess],
        &["MAST-12", "CARD-05"],
    ),
    SESSIONS.column(
        "authenticated_at",
        "How somebody signed in, and when they last did",
        &[SecureAccess],
        &["MAST-12", "CARD-05"],
    ),
    SESSIONS.column("device", "Family of the browser, such as “Firefox on Linux”", &[SecureAccess], &["CARD-05"]),
    SESSIONS.column("created_at", "Session", &[SecureAccess], &["CARD-05"]),
    SESSIONS.column(
        "last_seen_at",
        "Last use of the session, to five minutes",
        &[SecureAccess],
        &["CARD-05", "CARD-10"],
    ),
    SESSIONS.column("expires_at", "Session", &[SecureAccess], &["CARD-05", "CARD-10"]),
    PASSKEYS.column("id", "Passkey: its name and dates", &[SecureAccess], &["MAST-16"]),
    PASSKEYS.column("account_id", "Passkey: its name and dates", &[SecureAccess], &["MAST-16"]),
    PASSKEYS.column("credential_id", "Passkey: its public key, number, count and flags", &[SecureAccess], &["MAST-16"]),
    PASSKEYS.column("credential", "Passkey: its public key, number, count and flags", &[SecureAccess], &["MAST-16"]),
    PASSKEYS.column("name", "Passkey: its name and dates", &[SecureAccess], &["MAST-16"]),
    PASSKEYS.column("backed_up", "Passkey: its public key, number, count and flags", &[SecureAccess], &["MAST-16"]),
    PASSKEYS.column("created_at", "Passkey: its name and dates", &[SecureAccess], &["MAST-16"]),
    PASSKEYS.column("last_used_at", "Passkey: its name and dates", &[SecureAccess], &["MAST-16"]),
    PASSKEYS.column("suspended_at", "Passkey: its name and dates", &[SecureAccess], &["MAST-16"]),
    CEREMONIES.column("id", "What a passkey was asked", &[SecureAccess], &["MAST-16"]),
    CEREMONIES.column("token_hash", "What a passkey was asked", &[SecureAccess], &["MAST-16"]),
    CEREMONIES.column("kind", "What a passkey was asked", &[SecureAccess], &["MAST-16"]),
    CEREMONIES.column("account_id", "What a passkey was asked", &[SecureAccess], &["MAST-16"]),
    CEREMONIES.column("state", "What a passkey was asked", &[SecureAccess], &["MAST-16"]),
    CEREMONIES.column("created_at", "What a passkey was asked", &[SecureAccess], &["MAST-16"]),
    CEREMONIES.column("expires_at", "What a passkey was asked", &[SecureAccess], &["MAST-16"]),
    DEVICES.column("id", "Browser that the account knows again", &[SecureAccess], &["MAST-12", "CARD-05"]),
    DEVICES.column("account_id", "Browser that the account knows again", &[SecureAccess], &["MAST-12", "CARD-05"]),
    DEVICES
        .column("token_hash", "Hash of what the cookie of a known browser holds", &[SecureAccess], &["CARD-05"])
        .secret(),
    DEVICES.column("label", "Browser that the account knows again", &[SecureAccess], &["MAST-12", "CARD-05"]),
    DEVICES.column("created_at", "Browser that the account knows again", &[SecureAccess], &["MAST-12", "CARD-05"]),
    DEVICES.column("last_seen_at", "Browser that the account knows again", &[SecureAccess], &["MAST-12", "CARD-05"]),
    ACCESS_TOKENS.column("id", "Access token: its name, scopes and dates", &[SecureAccess], &["CARD-05"]),
    ACCESS_TOKENS.column("account_id", "Access token: its name, scopes and dates", &[SecureAccess], &["CARD-05"]),
    ACCESS_TOKENS.column("organization_id", "Access token: its name, scopes and dates", &[SecureAccess], &["CARD-05"]),
    ACCESS_TOKENS.column("name", "Access token: its name, scopes and dates", &[SecureAccess], &["CARD-05"]),
    ACCESS_TOKENS.column(
        "hint",
        "What may be shown of an access token: its last four characters",
        &[SecureAccess],
        &["CARD-05"],
    ),
    ACCESS_TOKENS.column("token_hash", "Hash of an access token", &[SecureAccess], &["CARD-05"]).secret(),
    ACCESS_TOKENS.column("scopes", "Access token: its name, scopes and dates", &[SecureAccess], &["CARD-05"]),
    ACCESS_TOKENS.column("created_at", "Access token: its name, scopes and dates", &[SecureAccess], &["CARD-05"]),
    ACCESS_TOKENS.column("expires_at", "Access token: its name, scopes and dates", &[SecureAccess], &["CARD-05"]),
    ACCESS_TOKENS.column("revoked_at", "Access token: its name, scopes and dates", &[SecureAccess], &["CARD-05"]),
    ACCESS_TOKENS.column("last_used_at", "Last use of an access token, to five minutes", &[SecureAccess], &["CARD-05"]),
    IDEMPOTENT_REQUESTS.column(
        "id",
        "What a program that may repeat its request was answered",
        &[RunService],
        &["MAST-13"],
    ),
    IDEMPOTENT_REQUESTS.column(
        "token_id",
        "What a program that may repeat its request was answered",
        &[RunService],
        &["MAST-13"],
    ),
    IDEMPOTENT_REQUESTS.column(
        "created_at",
        "What a program that may repeat its request was answered",
        &[RunService],
        &["MAST-13"],
    ),
    IDEMPOTENT_REQUESTS.column(
        "status",
        "What a program that may repeat its request was answered",
        &[RunService],
        &["MAST-13"],
    ),
    IDEMPOTENT_REQUESTS.column(
        "location",
        "What a program that may repeat its request was answered",
        &[RunService],
        &["MAST-13"],
    ),
    IDEMPOTENT_REQUESTS.column(
        "body",
        "What a program that may repeat its request was answered",
        &[RunService],
        &["MAST-13"],
    ),
    IDEMPOTENT_REQUESTS
        .column("key_hash", "Hash of a request that may be repeated", &[RunService], &["MAST-13"])
        .secret(),
    IDEMPOTENT_REQUESTS
        .column("request_hash", "Hash of a request that may be repeated", &[RunService], &["MAST-13"])
        .secret(),
    RECOVERY_CODES.column("id", "Recovery code: when it was made and used", &[SecureAccess], &["MAST-12"]),
    RECOVERY_CODES.column("account_id", "Recovery code: when it was made and used", &[SecureAccess], &["MAST-12"]),
    RECOVERY_CODES.column("code_hash", "Hash of a recovery code", &[SecureAccess], &["MAST-12", "MAST-15"]).secret(),
    RECOVERY_CODES.column("created_at", "Recovery code: when it was made and used", &[SecureAccess], &["MAST-12"]),
    RECOVERY_CODES.column("used_at", "Recovery code: when it was made and used", &[SecureAccess], &["MAST-12"]),
    RECOVERIES.column("id", "Recovery by mail: its moments and outcome", &[SecureAccess], &["MAST-12"]),
    RECOVERIES.column("account_id", "Recovery by mail: its moments and outcome", &[SecureAccess], &["MAST-12"]),
    RECOVERIES.column("created_at", "Recovery by mail: its moments and outcome", &[SecureAccess], &["MAST-12"]),
    RECOVERIES.column("ready_at", "Recovery by mail: its moments and outcome", &[SecureAccess], &["MAST-12"]),
    RECOVERIES.column("expires_at", "Recovery by mail: its moments and outcome", &[SecureAccess], &["MAST-12"]),
    RECOVERIES.column("told_at", "Recovery by mail: its moments and outcome", &[SecureAccess], &["MAST-12"]),
    RECOVERIES.column("ended_at", "Recovery by mail: its moments and outcome", &[SecureAccess], &["MAST-12"]),
    RECOVERIES.column("outcome", "Recovery by mail: its moments and outcome", &[SecureAccess], &["MAST-12"]),
    EMAIL_CHANGES.column("id", "Change of the address that waits", &[RunAccount, VerifyEmail], &["MAST-05"]),
    EMAIL_CHANGES.column("account_id", "Change of the address that waits", &[RunAccount, VerifyEmail], &["MAST-05"]),
    EMAIL_CHANGES.column("new_email", "Change of the address that waits", &[RunAccount, VerifyEmail], &["MAST-05"]),
    EMAIL_CHANGES.column(
        "new_email_folded",
        "Change of the address that waits",
        &[RunAccount, VerifyEmail],
        &["MAST-05"],
    ),
    EMAIL_CHANGES.column(
        "old_confirmed_at",
        "Change of the address that waits",
        &[RunAccount, VerifyEmail],
        &["MAST-05"],
    ),
    EMAIL_CHANGES.column(
        "new_confirmed_at",
        "Change of the address that waits",
        &[RunAccount, VerifyEmail],
        &["MAST-05"],
    ),
    EMAIL_CHANGES.column("created_at", "Change of the address that waits", &[RunAccount, VerifyEmail], &["MAST-05"]),
    EMAIL_CHANGES.column("expires_at", "Change of the address that waits", &[RunAccount, VerifyEmail], &["MAST-05"]),
    LINKS.column("id", "Link in a mail", &[VerifyEmail, IssueKeys, SecureAccess], &["MAST-17"]),
    LINKS
        .column("token_hash", "Hash of what the link holds", &[VerifyEmail, IssueKeys, SecureAccess], &["MAST-17"])
        .secret(),
    LINKS.column("purpose", "Link in a mail", &[VerifyEmail, IssueKeys, SecureAccess], &["MAST-17", "MAST-18"]),
    LINKS.column("account_id", "Link in a mail", &[VerifyEmail, IssueKeys, SecureAccess], &["MAST-17"]),
    LINKS.column("key_id", "Link in a mail", &[VerifyEmail, IssueKeys, SecureAccess], &["MAST-18"]),
    LINKS.column("subject_id", "Link in a mail", &[VerifyEmail, IssueKeys, SecureAccess], &["MAST-17"]),
    LINKS.column("created_at", "Link in a mail", &[VerifyEmail, IssueKeys, SecureAccess], &["MAST-17"]),
    LINKS.column("expires_at", "Link in a mail", &[VerifyEmail, IssueKeys, SecureAccess], &["MAST-17"]),
    LINKS.column("used_at", "Link in a mail", &[VerifyEmail, IssueKeys, SecureAccess], &["MAST-17"]),
    ORGANIZATIONS.column("id", "Organization number", &[RunAccount], &["CARD-04"]),
    ORGANIZATIONS.column("name", "Organization name", &[RunAccount], &["FLOW-03"]),
    ORGANIZATIONS.column("kind", "Whether the organization is personal", &[RunAccount], &["FLOW-03"]),
    ORGANIZATIONS.column(
        "contact_email",
        "Contact address of the organization",
        &[RunAccount],
        &["FLOW-04", "FLOW-47"],
    ),
    ORGANIZATIONS.column("contact_verified_at", "When the contact address was verified", &[VerifyEmail], &["FLOW-04"]),
    ORGANIZATIONS.column("country", "Country of the organization", &[RunAccount], &["FLOW-47"]),
    ORGANIZATIONS.column(
        "limit_requests",
        "How much the organization may ask of all APIs together",
        &[EnforceLimits],
        &["MASA-11", "FLOW-29"],
    ),
    ORGANIZATIONS.column(
        "limit_seconds",
        "How much the organization may ask of all APIs together",
        &[EnforceLimits],
        &["MASA-11", "FLOW-29"],
    ),
    ORGANIZATIONS.column("created_at", "When the organization was created", &[RunAccount], &["MAST-13"]),
    MEMBERS.column("organization_id", "Membership and role", &[RunAccount, SecureAccess], &["FLOW-06"]),
    MEMBERS.column("account_id", "Membership and role", &[RunAccount, SecureAccess], &["FLOW-06"]),
    MEMBERS.column("role", "Membership and role", &[RunAccount, SecureAccess], &["FLOW-06", "FLOW-61"]),
    MEMBERS.column("created_at", "Membership and role", &[RunAccount, SecureAccess], &["FLOW-06"]),
    INVITES.column("id", "Invitation that is open, with its role and dates", &[RunAccount], &["FLOW-07", "FLOW-56"]),
    INVITES.column(
        "organization_id",
        "Invitation that is open, with its role and dates",
        &[RunAccount],
        &["FLOW-07", "FLOW-56"],
    ),
    INVITES.column("email", "Address of whom a member invited", &[RunAccount], &["FLOW-07", "FLOW-56"]),
    INVITES.column("email_folded", "Address of whom a member invited", &[RunAccount], &["FLOW-07", "FLOW-56"]),
    INVITES.column("role", "Invitation that is open, with its role and dates", &[RunAccount], &["FLOW-07", "FLOW-61"]),
    INVITES.column(
        "invited_by",
        "Invitation that is open, with its role and dates",
        &[RunAccount, SecureAccess],
        &["FLOW-07"],
    ),
    INVITES.column("token_hash", "Hash of what the invitation’s link holds", &[SecureAccess], &["FLOW-07"]).secret(),
    INVITES.column(
        "created_at",
        "Invitation that is open, with its role and dates",
        &[RunAccount],
        &["FLOW-07", "FLOW-56"],
    ),
    INVITES.column(
        "expires_at",
        "Invitation that is open, with its role and dates",
        &[RunAccount],
        &["FLOW-07", "FLOW-56"],
    ),
    SPENT_LINKS.column("token_hash", "Hash of a link that was answered or is too old", &[SecureAccess], &["FLOW-07"]),
    SPENT_LINKS.column("outcome", "Hash of a link that was answered or is too old", &[SecureAccess], &["FLOW-07"]),
    SPENT_LINKS.column("spent_at", "Hash of a link that was answered or is too old", &[SecureAccess], &["FLOW-07"]),
    KEYS.column("id", "Key number", &[IssueKeys], &["MAST-11", "FLOW-05"]),
    KEYS.column("organization_id", "Which organization owns the key", &[IssueKeys], &["MAST-11"]),
    KEYS.column("created_by", "Who created the key", &[IssueKeys, SecureAccess], &["MAST-11"]),
    KEYS.column("label", "Label of the key", &[IssueKeys], &["MAST-11"]),
    KEYS.column("environment", "Live or test", &[IssueKeys], &["MAST-11"]),
    KEYS.column("hint", "Prefix and last four characters of the key", &[IssueKeys], &["MAST-11"]),
    KEYS.column("secret_hash", "Keyed hash of the secret, sealed", &[IssueKeys], &["MAST-11", "FLOW-60"]).secret(),
    KEYS.column("sealed", "Keyed hash of the secret, sealed", &[IssueKeys], &["MAST-11", "FLOW-60"]).secret(),
    KEYS.column("pepper_id", "Keyed hash of the secret, sealed", &[IssueKeys], &["MAST-11", "FLOW-60"]).secret(),
    KEYS.column(
        "kept_secret",
        "The secret, sealed, where every API allows that you see it again",
        &[IssueKeys],
        &["MAST-19", "FLOW-60"],
    )
    .secret(),
    KEYS.column(
        "import_id",
        "With which import the key came, and when its text was first seen",
        &[IssueKeys],
        &["MAST-11"],
    ),
    KEYS.column(
        "rekeyed_at",
        "With which import the key came, and when its text was first seen",
        &[IssueKeys],
        &["MAST-11"],
    ),
    KEYS.column("form_token", "Number of the form that created the key", &[IssueKeys], &["MAST-11"]),
    KEYS.column(
        "created_at",
        "When the key was created, revealed, last used and revoked",
        &[IssueKeys, SecureAccess],
        &["MAST-13"],
    ),
    KEYS.column(
        "revealed_at",
        "When the key was created, revealed, last used and revoked",
        &[IssueKeys, SecureAccess],
        &["MAST-13"],
    ),
    KEYS.column(
        "last_used_at",
        "When the key was created, revealed, last used and revoked",
        &[IssueKeys, SecureAccess],
        &["MAST-13"],
    ),
    KEYS.column(
        "revoked_at",
        "When the key was created, revealed, last used and revoked",
        &[IssueKeys, SecureAccess],
        &["MAST-13"],
    ),
    KEYS.column("note", "Note and tags of the key", &[IssueKeys], &["MAST-11"]),
    KEYS.column("tags", "Note and tags of the key", &[IssueKeys], &["MAST-11"]),
    KEYS.column("scopes", "What the key may do", &[IssueKeys], &["MAST-11"]),
    KEYS.column(
        "networks",
        "Networks from which the key may be used: of your servers, given by you",
        &[IssueKeys, PreventAbuse],
        &["MAST-11"],
    ),
    KEYS.column("expires_at", "Until when the key works", &[IssueKeys], &["MAST-11"]),
    KEYS.column("limit_requests", "How often the key may be used", &[IssueKeys, EnforceLimits], &["MAST-11"]),
    KEYS.column("limit_seconds", "How often the key may be used", &[IssueKeys, EnforceLimits], &["MAST-11"]),
    KEYS.column(
        "protected",
        "Whether the key is protected from being revoked while in use",
        &[IssueKeys],
        &["MAST-11"],
    ),
    KEYS.column(
        "secret_version",
        "Rotation of the key: which secrets it has, and until when",
        &[IssueKeys],
        &["MAST-11"],
    ),
    KEYS.column("previous_hash", "Keyed hash of the old secret, sealed", &[IssueKeys], &["MAST-11", "FLOW-60"])
        .secret(),
    KEYS.column("previous_sealed", "Keyed hash of the old secret, sealed", &[IssueKeys], &["MAST-11", "FLOW-60"])
        .secret(),
    KEYS.column("previous_pepper_id", "Keyed hash of the old secret, sealed", &[IssueKeys], &["MAST-11", "FLOW-60"])
        .secret(),
    KEYS.column(
        "previous_hint",
        "Rotation of the key: which secrets it has, and until when",
        &[IssueKeys],
        &["MAST-11"],
    ),
    KEYS.column(
        "previous_retires_at",
        "Rotation of the key: which secrets it has, and until when",
        &[IssueKeys],
        &["MAST-11"],
    ),
    KEYS.column(
        "previous_last_used_at",
        "When the key was created, revealed, last used and revoked",
        &[IssueKeys, SecureAccess],
        &["MAST-13"],
    ),
    KEYS.column(
        "rotation_asked_at",
        "Rotation of the key: which secrets it has, and until when",
        &[IssueKeys],
        &["MAST-11"],
    ),
    KEYS.column(
        "rotation_overlap_ms",
        "Rotation of the key: which secrets it has, and until when",
        &[IssueKeys],
        &["MAST-11"],
    ),
    KEYS.column(
        "rotation_starts",
        "Rotation of the key: which secrets it has, and until when",
        &[IssueKeys],
        &["MAST-11"],
    ),
    KEYS.column("notified", "Which notices about the key were mailed", &[IssueKeys], &["MAST-11"]),
    KEYS.column(
        "secret_ends_at",
        "Rotation of the key: which secrets it has, and until when",
        &[IssueKeys],
        &["MAST-11"],
    ),
    LEAKS.column(
        "id",
        "That a secret of the key was seen in public: where, who said so, what was done",
        &[IssueKeys, PreventAbuse],
        &["MASA-25", "FLOW-34"],
    ),
    LEAKS.column(
        "organization_id",
        "That a secret of the key was seen in public: where, who said so, what was done",
        &[IssueKeys, PreventAbuse],
        &["MASA-25", "FLOW-34"],
    ),
    LEAKS.column(
        "key_id",
        "That a secret of the key was seen in public: where, who said so, what was done",
        &[IssueKeys, PreventAbuse],
        &["MASA-25", "FLOW-34"],
    ),
    LEAKS.column(
        "secret_version",
        "That a secret of the key was seen in public: where, who said so, what was done",
        &[IssueKeys, PreventAbuse],
        &["MASA-25", "FLOW-34"],
    ),
    LEAKS.column(
        "source",
        "That a secret of the key was seen in public: where, who said so, what was done",
        &[IssueKeys, PreventAbuse],
        &["MASA-25", "FLOW-34"],
    ),
    LEAKS.column(
        "place",
        "That a secret of the key was seen in public: where, who said so, what was done",
        &[IssueKeys, PreventAbuse],
        &["MASA-25", "FLOW-34"],
    ),
    LEAKS.column(
        "action",
        "That a secret of the key was seen in public: where, who said so, what was done",
        &[IssueKeys, PreventAbuse],
        &["MASA-25", "FLOW-34"],
    ),
    LEAKS.column(
        "ends_at",
        "That a secret of the key was seen in public: where, who said so, what was done",
        &[IssueKeys, PreventAbuse],
        &["MASA-25", "FLOW-34"],
    ),
    LEAKS.column(
        "reported_at",
        "That a secret of the key was seen in public: where, who said so, what was done",
        &[IssueKeys, PreventAbuse],
        &["MASA-25", "FLOW-34"],
    ),
    LEAKS
        .column(
            "fingerprint",
            "Number by which a report that is sent twice is known",
            &[IssueKeys, PreventAbuse],
            &["MASA-25"],
        )
        .secret(),
    DATA_KEYS.column(
        "organization_id",
        "Data key of the organization, wrapped under a key that is not in the database",
        &[IssueKeys],
        &["FLOW-60"],
    ),
    DATA_KEYS.column(
        "version",
        "Data key of the organization, wrapped under a key that is not in the database",
        &[IssueKeys],
        &["FLOW-60"],
    ),
    DATA_KEYS.column(
        "wrapped",
        "Data key of the organization, wrapped under a key that is not in the database",
        &[IssueKeys],
        &["FLOW-60"],
    ),
    DATA_KEYS.column(
        "kek_id",
        "Data key of the organization, wrapped under a key that is not in the database",
        &[IssueKeys],
        &["FLOW-60"],
    ),
    DATA_KEYS.column(
        "created_at",
        "Data key of the organization, wrapped under a key that is not in the database",
        &[IssueKeys],
        &["FLOW-60"],
    ),
    MAILS.column("id", "Mail number", &[DeliverMail], &["MAST-17"]).sent_to_mail_provider(),
    MAILS.column("account_id", "Whom the mail is for", &[DeliverMail], &["MAST-17"]),
    MAILS
        .column("to_address", "Address the mail goes to", &[DeliverMail], &["MAST-17", "MAST-20"])
        .sent_to_mail_provider(),
    MAILS.column("kind", "What kind of mail it is", &[DeliverMail], &["MAST-17"]),
    MAILS.column("subject", "Subject of the mail", &[DeliverMail], &["MAST-17"]).sent_to_mail_provider(),
    MAILS
        .column("body_text", "Text of the mail", &[DeliverMail], &["MAST-17"])
        .sent_to_mail_provider()
        .kept(Retention::UntilSent),
    MAILS
        .column("body_html", "Text of the mail", &[DeliverMail], &["MAST-17"])
        .sent_to_mail_provider()
        .kept(Retention::UntilSent),
    MAILS
        .column("links", "Text of the mail", &[DeliverMail], &["MAST-17"])
        .sent_to_mail_provider()
        .kept(Retention::UntilSent),
    MAILS.column("created_at", "When the mail was queued, tried and sent", &[DeliverMail], &["MAST-17"]),
    MAILS.column("send_after", "When the mail was queued, tried and sent", &[DeliverMail], &["MAST-17"]),
    MAILS.column("attempts", "When the mail was queued, tried and sent", &[DeliverMail], &["MAST-17"]),
    MAILS.column("sent_at", "When the mail was queued, tried and sent", &[DeliverMail], &["MAST-17"]),
    MAILS.column("failed_at", "When the mail was queued, tried and sent", &[DeliverMail], &["MAST-17"]),
    MAILS.column("last_error", "Why the mail could not be sent", &[DeliverMail], &["MAST-17"]),
    REQUEST_LOGS.column("id", "Request number", &[Troubleshoot], &["MAST-27"]),
    REQUEST_LOGS.column("at", "Time of the request", &[ShowUsage, Troubleshoot], &["MAST-21", "MASA-07"]),
    REQUEST_LOGS.column("api_id", "Which API was called", &[ShowUsage, Troubleshoot], &["MAST-21"]),
    REQUEST_LOGS.column("api_slug", "Which API was called", &[ShowUsage, Troubleshoot], &["MAST-21"]),
    REQUEST_LOGS.column(
        "organization_id",
        "Which organization called, with which key",
        &[ShowUsage, PreventAbuse],
        &["MAST-22"],
    ),
    REQUEST_LOGS.column(
        "key_id",
        "Which organization called, with which key",
        &[ShowUsage, PreventAbuse],
        &["MAST-22"],
    ),
    REQUEST_LOGS.column(
        "key_label",
        "Which organization called, with which key",
        &[ShowUsage, PreventAbuse],
        &["MAST-22"],
    ),
    REQUEST_LOGS.column(
        "environment",
        "Which organization called, with which key",
        &[ShowUsage, PreventAbuse],
        &["MAST-22"],
    ),
    REQUEST_LOGS.column(
        "method",
        "Method and route, never the path itself",
        &[ShowUsage, Troubleshoot],
        &["MAST-21", "MASA-07", "FLOW-18"],
    ),
    REQUEST_LOGS.column(
        "route",
        "Method and route, never the path itself",
        &[ShowUsage, Troubleshoot],
        &["MAST-21", "MASA-07", "FLOW-18"],
    ),
    REQUEST_LOGS.column(
        "status",
        "Status of the answer, and why it was refused",
        &[ShowUsage, Troubleshoot, PreventAbuse],
        &["MAST-24", "MASA-07"],
    ),
    REQUEST_LOGS.column(
        "code",
        "Status of the answer, and why it was refused",
        &[ShowUsage, Troubleshoot, PreventAbuse],
        &["MAST-25"],
    ),
    REQUEST_LOGS.column(
        "latency_us",
        "How long the answer took and how large it was",
        &[ShowUsage, Troubleshoot],
        &["FLOW-13"],
    ),
    REQUEST_LOGS.column(
        "upstream_us",
        "How long the answer took and how large it was",
        &[ShowUsage, Troubleshoot],
        &["FLOW-13"],
    ),
    REQUEST_LOGS.column(
        "response_bytes",
        "How long the answer took and how large it was",
        &[ShowUsage, Troubleshoot],
        &["FLOW-13"],
    ),
    REQUEST_LOGS.column(
        "key_hint",
        "Prefix and last four characters of an unknown key",
        &[Troubleshoot, PreventAbuse],
        &["MAST-28"],
    ),
    REQUEST_LOGS.column("cost", "Units taken from the quota", &[ShowUsage, EnforceLimits], &["FLOW-11", "FLOW-29"]),
    REQUEST_LOGS.column("secret_version", "Which of the key’s secrets", &[Troubleshoot, ShowUsage], &["MASA-25"]),
    REQUEST_LOGS
        .column(
            "ip",
            "Network address of the calling program, or its network, if the API keeps it",
            &[PreventAbuse, EnforceLimits],
            &["MAST-23", "MASA-08", "S002-06", "FLOW-16"],
        )
        .kept(Retention::Address),
    REQUEST_LOGS.column(
        "ip_policy",
        "What the API kept of address and user agent at that time",
        &[PreventAbuse],
        &["MASA-08", "FLOW-16"],
    ),
    REQUEST_LOGS.column(
        "user_agent",
        "What the calling program calls itself, if the API keeps it",
        &[PreventAbuse, Troubleshoot],
        &["MAST-23", "S002-06", "FLOW-17"],
    ),
    REQUEST_LOGS.column(
        "ua_policy",
        "What the API kept of address and user agent at that time",
        &[PreventAbuse],
        &["S002-06", "FLOW-17"],
    ),
    USAGE.column("minute", "Requests by minute, key, API, route and answer", &[ShowUsage], &["CARD-07", "FLOW-11"]),
    USAGE.column(
        "organization_id",
        "Requests by minute, key, API, route and answer",
        &[ShowUsage],
        &["CARD-07", "FLOW-11"],
    ),
    USAGE.column("key_id", "Requests by minute, key, API, route and answer", &[ShowUsage], &["CARD-07", "FLOW-11"]),
    USAGE.column("api_id", "Requests by minute, key, API, route and answer", &[ShowUsage], &["CARD-07", "FLOW-11"]),
    USAGE.column(
        "environment",
        "Requests by minute, key, API, route and answer",
        &[ShowUsage],
        &["CARD-07", "FLOW-11"],
    ),
    USAGE.column("method", "Requests by minute, key, API, route and answer", &[ShowUsage], &["CARD-07", "FLOW-11"]),
    USAGE.column("route", "Requests by minute, key, API, route and answer", &[ShowUsage], &["CARD-07", "FLOW-11"]),
    USAGE.column("code", "Requests by minute, key, API, route and answer", &[ShowUsage], &["CARD-07", "FLOW-11"]),
    USAGE.column("requests", "Sums of requests, failures, latency and bytes", &[ShowUsage], &["FLOW-11", "FLOW-12"]),
    USAGE.column("failed", "Sums of requests, failures, latency and bytes", &[ShowUsage], &["FLOW-11", "FLOW-12"]),
    USAGE.column("latency_us", "Sums of requests, failures, latency and bytes", &[ShowUsage], &["FLOW-13"]),
    USAGE.column("response_bytes", "Sums of requests, failures, latency and bytes", &[ShowUsage], &["FLOW-11"]),
    USAGE.column("units", "Units taken from quotas", &[ShowUsage, EnforceLimits], &["FLOW-11", "FLOW-29"]),
    AUDIT_EVENTS.column(
        "seq",
        "Event: its place in the chain, which shows whether anything was altered",
        &[SecureAccess, PreventAbuse],
        &["MASA-28"],
    ),
    AUDIT_EVENTS.column(
        "id",
        "Event: what was changed or looked at, and when",
        &[SecureAccess, PreventAbuse],
        &["MASA-23", "FLOW-38"],
    ),
    AUDIT_EVENTS.column(
        "at",
        "Event: what was changed or looked at, and when",
        &[SecureAccess, PreventAbuse],
        &["MASA-23", "FLOW-38"],
    ),
    AUDIT_EVENTS.column(
        "actor_kind",
        "Event: what was changed or looked at, and when",
        &[SecureAccess, PreventAbuse],
        &["MASA-23", "FLOW-38"],
    ),
    AUDIT_EVENTS.column(
        "actor_id",
        "Event: the numbers of accounts and organizations, which lead to nobody once these are erased",
        &[SecureAccess, PreventAbuse],
        &["MASA-23", "FLOW-38"],
    ),
    AUDIT_EVENTS.column(
        "action",
        "Event: what was changed or looked at, and when",
        &[SecureAccess, PreventAbuse],
        &["MASA-23", "FLOW-38"],
    ),
    AUDIT_EVENTS.column(
        "organization_id",
        "Event: the numbers of accounts and organizations, which lead to nobody once these are erased",
        &[SecureAccess, PreventAbuse],
        &["MASA-23", "FLOW-38"],
    ),
    AUDIT_EVENTS.column(
        "account_id",
        "Event: the numbers of accounts and organizations, which lead to nobody once these are erased",
        &[SecureAccess, PreventAbuse],
        &["MASA-23", "FLOW-38"],
    ),
    AUDIT_EVENTS.column(
        "object",
        "Event: what was changed or looked at, and when",
        &[SecureAccess, PreventAbuse],
        &["MASA-23", "FLOW-38"],
    ),
    AUDIT_EVENTS.column(
        "details",
        "Event: what was changed or looked at, and when",
        &[SecureAccess, PreventAbuse],
        &["MASA-23", "FLOW-38"],
    ),
    AUDIT_EVENTS
        .column(
            "personal_hash",
            "Event: its place in the chain, which shows whether anything was altered",
            &[SecureAccess, PreventAbuse],
            &["MASA-28"],
        )
        .secret(),
    AUDIT_EVENTS
        .column(
            "hash",
            "Event: its place in the chain, which shows whether anything was altered",
            &[SecureAccess, PreventAbuse],
            &["MASA-28"],
        )
        .secret(),
    AUDIT_PERSONAL.column(
        "seq",
        "Event: words that name somebody, such as an old name or the reason of a suspension",
        &[SecureAccess, PreventAbuse],
        &["MASA-23", "FLOW-38"],
    ),
    AUDIT_PERSONAL.column(
        "account_id",
        "Event: words that name somebody, such as an old name or the reason of a suspension",
        &[SecureAccess, PreventAbuse],
        &["MASA-23", "FLOW-38"],
    ),
    AUDIT_PERSONAL
        .column(
            "salt",
            "Event: words that name somebody, such as an old name or the reason of a suspension",
            &[SecureAccess, PreventAbuse],
            &["MASA-23", "FLOW-38"],
        )
        .secret(),
    AUDIT_PERSONAL.column(
        "text",
        "Event: words that name somebody, such as an old name or the reason of a suspension",
        &[SecureAccess, PreventAbuse],
        &["MASA-23", "FLOW-38"],
    ),
    AUDIT_PERSONAL.column(
        "at",
        "Event: words that name somebody, such as an old name or the reason of a suspension",
        &[SecureAccess, PreventAbuse],
        &["MASA-23", "FLOW-38"],
    ),
    AUDIT_HEAD.column("id", "Where the chain of events ends", &[RunService], &["MASA-28"]),
    AUDIT_HEAD.column("seq", "Where the chain of events ends", &[RunService], &["MASA-28"]),
    AUDIT_HEAD.column("hash", "Where the chain of events ends", &[RunService], &["MASA-28"]),
    APIS.column("id", "APIs and their documents", &[RunService], &["MAST-01"]),
    APIS.column("slug", "APIs and their documents", &[RunService], &["MAST-01"]),
    APIS.column("name", "APIs and their documents", &[RunService], &["MAST-01"]),
    APIS.column("summary", "APIs and their documents", &[RunService], &["MAST-01"]),
    APIS.column("upstream_url", "APIs and their documents", &[RunService], &["MAST-01"]),
    APIS.column("openapi", "APIs and their documents", &[RunService], &["MAST-01"]),
    APIS.column("created_at", "APIs and their documents", &[RunService], &["MAST-01"]),
    APIS.column("updated_at", "APIs and their documents", &[RunService], &["MAST-01"]),
    APIS.column("timeout_ms", "On what terms the gateway forwards to an API", &[RunService], &["MAST-01"]),
    APIS.column("body_max_bytes", "On what terms the gateway forwards to an API", &[RunService], &["MAST-01"]),
    APIS.column("log_mode", "On what terms the gateway forwards to an API", &[RunService], &["MAST-01"]),
    APIS.column("environments", "On what terms the gateway forwards to an API", &[RunService], &["MAST-01"]),
    APIS.column("allowed_origins", "On what terms the gateway forwards to an API", &[RunService], &["MAST-01"]),
    APIS.column("address_requests", "On what terms the gateway forwards to an API", &[RunService], &["MAST-01"]),
    APIS.column("address_seconds", "On what terms the gateway forwards to an API", &[RunService], &["MAST-01"]),
    APIS.column("default_plan_id", "On what terms the gateway forwards to an API", &[RunService], &["MAST-01"]),
    APIS.column("closed_at", "On what terms the gateway forwards to an API", &[RunService], &["MAST-01"]),
    APIS.column("leak_policy", "What is done when a key of an API leaks", &[RunService], &["MASA-25"]),
    APIS.column("leak_overlap_days", "What is done when a key of an API leaks", &[RunService], &["MASA-25"]),
    APIS.column("more_upstreams", "On what terms the gateway forwards to an API", &[RunService], &["MAST-01"]),
    APIS.column("caller_kind", "What the log keeps of those who call an API", &[RunService], &["FLOW-16", "FLOW-17"]),
    APIS.column("ip_policy", "What the log keeps of those who call an API", &[RunService], &["MASA-08", "FLOW-16"]),
    APIS.column("ua_policy", "What the log keeps of those who call an API", &[RunService], &["S002-06", "FLOW-17"]),
    APIS.column("log_level", "What the log keeps of those who call an API", &[RunService], &["FLOW-18"]),
    APIS.column("retention_days", "What the log keeps of those who call an API", &[RunService], &["FLOW-54"]),
    APIS.column("recoverable", "On what terms the gateway forwards to an API", &[RunService], &["MAST-01"]),
    IMPORTS.column("id", "Imports of keys: when, and the form of their texts", &[RunService], &["MAST-11"]),
    IMPORTS.column("created_by", "Imports of keys: when, and the form of their texts", &[RunService], &["MAST-11"]),
    IMPORTS.column("created_at", "Imports of keys: when, and the form of their texts", &[RunService], &["MAST-11"]),
    IMPORTS.column("prefix", "Imports of keys: when, and the form of their texts", &[RunService], &["MAST-11"]),
    IMPORTS.column("length_min", "Imports of keys: when, and the form of their texts", &[RunService], &["MAST-11"]),
    IMPORTS.column("length_max", "Imports of keys: when, and the form of their texts", &[RunService], &["MAST-11"]),
    IMPORTS.column("alphabet", "Imports of keys: when, and the form of their texts", &[RunService], &["MAST-11"]),
    PLANS.column("id", "Plans of APIs", &[RunService], &["MAST-01"]),
    PLANS.column("api_id", "Plans of APIs", &[RunService], &["MAST-01"]),
    PLANS.column("name", "Plans of APIs", &[RunService], &["MAST-01"]),
    PLANS.column("summary", "Plans of APIs", &[RunService], &["MAST-01"]),
    PLANS.column("limit_requests", "Plans of APIs", &[RunService], &["MAST-01"]),
    PLANS.column("limit_seconds", "Plans of APIs", &[RunService], &["MAST-01"]),
    PLANS.column("quota_units", "Plans of APIs", &[RunService], &["MAST-01"]),
    PLANS.column("quota_period", "Plans of APIs", &[RunService], &["MAST-01"]),
    PLANS.column("approval", "Plans of APIs", &[RunService], &["MAST-01"]),
    PLANS.column("audience", "Plans of APIs", &[RunService], &["MAST-01"]),
    PLANS.column("position", "Plans of APIs", &[RunService], &["MAST-01"]),
    PLANS.column("created_at", "Plans of APIs", &[RunService], &["MAST-01"]),
    PLANS.column("closed_at", "Plans of APIs", &[RunService], &["MAST-01"]),
    SUBSCRIPTIONS.column(
        "id",
        "Subscriptions: plan, state and dates",
        &[RunAccount, EnforceLimits],
        &["CARD-06", "FLOW-29"],
    ),
    SUBSCRIPTIONS.column(
        "organization_id",
        "Subscriptions: plan, state and dates",
        &[RunAccount, EnforceLimits],
        &["CARD-06", "FLOW-29"],
    ),
    SUBSCRIPTIONS.column(
        "api_id",
        "Subscriptions: plan, state and dates",
        &[RunAccount, EnforceLimits],
        &["CARD-06", "FLOW-29"],
    ),
    SUBSCRIPTIONS.column(
        "plan_id",
        "Subscriptions: plan, state and dates",
        &[RunAccount, EnforceLimits],
        &["CARD-06", "FLOW-29"],
    ),
    SUBSCRIPTIONS.column(
        "state",
        "Subscriptions: plan, state and dates",
        &[RunAccount, EnforceLimits],
        &["CARD-06", "FLOW-29"],
    ),
    SUBSCRIPTIONS.column(
        "note",
        "What was written with a subscription’s request and its answer",
        &[RunAccount],
        &["CARD-06", "FLOW-29"],
    ),
    SUBSCRIPTIONS.column(
        "reason",
        "What was written with a subscription’s request and its answer",
        &[RunAccount],
        &["CARD-06", "FLOW-29"],
    ),
    SUBSCRIPTIONS.column(
        "requested_at",
        "Subscriptions: plan, state and dates",
        &[RunAccount, EnforceLimits],
        &["CARD-06", "FLOW-29"],
    ),
    SUBSCRIPTIONS.column(
        "requested_by",
        "Who asked for a plan, and who decided",
        &[RunAccount, SecureAccess],
        &["CARD-06", "FLOW-29"],
    ),
    SUBSCRIPTIONS.column(
        "decided_at",
        "Subscriptions: plan, state and dates",
        &[RunAccount, EnforceLimits],
        &["CARD-06", "FLOW-29"],
    ),
    SUBSCRIPTIONS.column(
        "decided_by",
        "Who asked for a plan, and who decided",
        &[RunAccount, SecureAccess],
        &["CARD-06", "FLOW-29"],
    ),
    SUBSCRIPTIONS.column(
        "ended_at",
        "Subscriptions: plan, state and dates",
        &[RunAccount, EnforceLimits],
        &["CARD-06", "FLOW-29"],
    ),
    SUBSCRIPTIONS.column(
        "override_requests",
        "Limits of the organization in place of its plan’s",
        &[RunAccount, EnforceLimits],
        &["CARD-06", "FLOW-29"],
    ),
    SUBSCRIPTIONS.column(
        "override_seconds",
        "Limits of the organization in place of its plan’s",
        &[RunAccount, EnforceLimits],
        &["CARD-06", "FLOW-29"],
    ),
    SUBSCRIPTIONS.column(
        "override_units",
        "Limits of the organization in place of its plan’s",
        &[RunAccount, EnforceLimits],
        &["CARD-06", "FLOW-29"],
    ),
    PLANS.column("quota_anchor", "Plans of APIs", &[RunService], &["MAST-01"]),
    PLANS.column("quota_zone", "Plans of APIs", &[RunService], &["MAST-01"]),
    TOP_UPS.column("id", "Units given once, beside a plan", &[EnforceLimits], &["MAST-22"]),
    TOP_UPS.column("subscription_id", "Units given once, beside a plan", &[EnforceLimits], &["MAST-22"]),
    TOP_UPS.column("organization_id", "Units given once, beside a plan", &[EnforceLimits], &["MAST-22"]),
    TOP_UPS.column("api_id", "Units given once, beside a plan", &[EnforceLimits], &["MAST-22"]),
    TOP_UPS.column("units", "Units given once, beside a plan", &[EnforceLimits], &["MAST-22"]),
    TOP_UPS.column("spent", "Units given once, beside a plan", &[EnforceLimits], &["MAST-22"]),
    TOP_UPS.column("reason", "Why units were given", &[EnforceLimits], &["MAST-22"]),
    TOP_UPS.column("created_by", "Who gave units", &[EnforceLimits], &["MAST-22"]),
    TOP_UPS.column("created_at", "Units given once, beside a plan", &[EnforceLimits], &["MAST-22"]),
    TOP_UPS.column("expires_at", "Units given once, beside a plan", &[EnforceLimits], &["MAST-22"]),
    CHANGES.column("seq", "What gateways must read anew", &[RunService], &["MAST-01"]),
    CHANGES.column("kind", "What gateways must read anew", &[RunService], &["MAST-01"]),
    CHANGES.column("subject_id", "What gateways must read anew", &[RunService], &["MAST-01"]),
    CHANGES.column("api_id", "What gateways must read anew", &[RunService], &["MAST-01"]),
    CHANGE_HEAD.column("id", "What gateways must read anew", &[RunService], &["MAST-01"]),
    CHANGE_HEAD.column("seq", "What gateways must read anew", &[RunService], &["MAST-01"]),
    PROCESSES.column("id", "Which processes run", &[RunService], &["MAST-01"]),
    PROCESSES.column("seen_at", "Which processes run", &[RunService], &["MAST-01"]),
    QUOTA_LEASES.column("organization_id", "How processes share a quota", &[EnforceLimits], &["MAST-01"]),
    QUOTA_LEASES.column("api_id", "How processes share a quota", &[EnforceLimits], &["MAST-01"]),
    QUOTA_LEASES.column("window_start", "How processes share a quota", &[EnforceLimits], &["MAST-01"]),
    QUOTA_LEASES.column("process_id", "How processes share a quota", &[EnforceLimits], &["MAST-01"]),
    QUOTA_LEASES.column("window_end", "How processes share a quota", &[EnforceLimits], &["MAST-01"]),
    QUOTA_LEASES.column("held", "How processes share a quota", &[EnforceLimits], &["MAST-01"]),
    MIGRATIONS.column("version", "Which changes of the schema were applied", &[RunService], &["MAST-14"]),
    MIGRATIONS.column("applied_at", "Which changes of the schema were applied", &[RunService], &["MAST-14"]),
];

impl Category {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 9] = [
        Self::Account,
        Self::SignIn,
        Self::Organizations,
        Self::Keys,
        Self::Mails,
        Self::RequestLogs,
        Self::Usage,
        Self::AuditLog,
        Self::Service,
    ];

    /// A stable word for links.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::SignIn => "sign_in",
            Self::Organizations => "organizations",
            Self::Keys => "keys",
            Self::Mails => "mails",
            Self::RequestLogs => "request_logs",
            Self::Usage => "usage",
            Self::AuditLog => "audit_log",
            Self::Service => "service",
        }
    }

    /// Its name on the page.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Account => "Account",
            Self::SignIn => "Sign-in",
            Self::Organizations => "Organizations",
            Self::Keys => "Keys",
            Self::Mails => "Mails",
            Self::RequestLogs => "Request logs",
            Self::Usage => "Usage",
            Self::AuditLog => "Audit log",
            Self::Service => "The service itself",
        }
    }

    /// On what ground.
    #[must_use]
    pub const fn basis(self) -> Basis {
        match self {
            Self::Account | Self::SignIn | Self::Organizations | Self::Keys | Self::Mails | Self::Usage => {
                Basis::Contract
            }
            Self::RequestLogs => Basis::LegitimateInterest("finding errors and abuse, with rows that name no person"),
            Self::AuditLog => Basis::LegitimateInterest(
                "proving who changed or looked at what; erased words stay erased, the order of events stays provable",
            ),
            Self::Service => Basis::NotPersonal,
        }
    }

    /// How it is protected; each half-sentence is a promise with a test.
    #[must_use]
    pub const fn protection(self) -> &'static str {
        match self {
            Self::Account => "Only you and staff see it. The password exists as an Argon2id hash only.",
            Self::SignIn => "Cookies, links and recovery codes are random; only their hashes are stored.",
            Self::Organizations => "Only members and staff see it.",
            Self::Keys => "The secret exists as a keyed hash only, and is shown once.",
            Self::Mails => "Texts are erased once sent. No mail carries a secret.",
            Self::RequestLogs => "No address, user agent, query, header or body is stored: there is no field for them.",
            Self::Usage => "Sums only.",
            Self::AuditLog => {
                "Nobody can change it unnoticed. You see what concerns you, your organization’s owners and admins what concerns it, and that staff look is an event too."
            }
            Self::Service => "Public.",
        }
    }
}

impl Subject {
    /// Its name on the page.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Developer => "you, the developer",
            Self::Organization => "your organization",
            Self::Invited => "whom you invite",
            Self::Nobody => "nobody",
        }
    }
}

impl Purpose {
    /// What stands on the page after "to".
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::RunAccount => "run your account",
            Self::VerifyEmail => "verify your address",
            Self::SecureAccess => "secure access",
            Self::IssueKeys => "issue keys",
            Self::DeliverMail => "deliver the mails your account needs",
            Self::ShowUsage => "show usage",
            Self::EnforceLimits => "keep to the limits of your plan",
            Self::Troubleshoot => "help find errors",
            Self::PreventAbuse => "prevent abuse",
            Self::ProveConsent => "prove what was agreed",
            Self::RunService => "run the service",
        }
    }
}

impl Basis {
    /// What stands on the page.
    #[must_use]
    pub fn sentence(self) -> String {
        match self {
            Self::Contract => "contract with you".to_owned(),
            Self::LegitimateInterest(interest) => format!("legitimate interest: {interest}"),
            Self::NotPersonal => "not personal data".to_owned(),
        }
    }
}

impl Retention {
    /// What stands on the page.
    #[must_use]
    pub fn sentence(self, table: &str) -> String {
        match self {
            Self::WithAccount => "while the account exists; 30 days if it was never verified".to_owned(),
            Self::WithOrganization => "while the organization exists".to_owned(),
            Self::Session => "until you sign out, one hour without use, or one day".to_owned(),
            Self::EmailChange => "until both addresses agreed, or 24 hours".to_owned(),
            Self::Ceremony => "until it is answered, or cannot be any more after five minutes".to_owned(),
            Self::Address => {
                format!("{} days, or as long as the row, as the API says", retention::ADDRESSES_LIFE.num_days())
            }
            Self::UntilReplaced => "until it is replaced".to_owned(),
            Self::UntilSent => "until it was sent".to_owned(),
            Self::WithPortal => "as long as the portal: a chain of events cannot lose its start".to_owned(),
            Self::Rule => retention::RULES
                .iter()
                .find(|rule| rule.table == table)
                .map_or_else(String::new, |rule| rule.sentence()),
        }
    }
}

impl Recipient {
    /// What stands on the page.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MailProvider => "the mail provider",
        }
    }
}
