//! The control plane: every rule and every table.
//!
//! - A verb is a function that takes an [`Op`]: who, when, which request. It checks the permission, makes the change
//!   and queues the mails it causes in one transaction. Pages, REST and the command line call the same verbs.
//! - Tables are private to their feature: whoever is outside cannot query, only ask.
//! - An organization's rows are reached through the organization: someone else's are not found.
//! - Nothing here reads a clock.

pub mod access_tokens;
pub mod accounts;
pub mod apis;
pub mod audit_log;
pub mod changes;
mod db;
mod error;
mod evenly;
pub mod guard;
pub mod imports;
pub mod keys;
pub mod leaks;
pub mod mail;
mod mail_links;
mod notices;
mod op;
pub mod organizations;
pub mod passkeys;
pub mod plans;
pub mod privacy;
pub mod processes;
pub mod recovery;
pub mod request_logs;
pub mod sessions;
pub mod staff;
pub mod subscriptions;
#[cfg(test)]
mod testing;
mod tokens;
pub mod usage;
pub mod vault;

pub use db::{Db, Tx};
pub use error::{Error, Result};
pub use op::{Actor, Browser, Op, Person, Portal, PortalSettings, Scope, Secrets, SignedIn, TokenHolder};
