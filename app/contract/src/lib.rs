//! What browser, REST client, gateway and server agree on.
//!
//! Pure: no I/O, no clock, no randomness. Times are milliseconds since 1970 UTC, durations say their unit in the name,
//! ids are types. Everything here compiles for the browser and for the host.

pub mod access_tokens;
pub mod accounts;
pub mod apis;
pub mod audit_log;
pub mod checks;
pub mod countries;
pub mod environment;
pub mod fields;
#[cfg(test)]
mod fuzz;
pub mod ids;
pub mod imports;
pub mod keys;
pub mod leaks;
pub mod limits;
pub mod networks;
pub mod organizations;
pub mod page;
pub mod passkeys;
pub mod permission;
pub mod plans;
pub mod policies;
pub mod recovery;
pub mod refusal;
pub mod request_logs;
pub mod rest;
pub mod sessions;
pub mod staff;
pub mod subscriptions;
pub mod usage;

pub use environment::Environment;
pub use fields::{FieldProblem, Problem};
pub use ids::{
    AccountId, ApiId, AuditEventId, EmailChangeId, ImportId, InviteId, KeyId, LeakReportId, MailId, OrganizationId,
    PasskeyId, PlanId, RecoveryId, RequestId, SessionId, SubscriptionId, TokenId, TopUpId,
};
pub use page::Page;
pub use permission::{Permission, Role, StaffPermission, StaffRole};
pub use refusal::Refusal;

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = i64;
