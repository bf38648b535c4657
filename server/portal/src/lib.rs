//! The control plane: every rule and every table.
//!
//! - A verb is a function that takes an [`Op`]: who, when, which request. It checks the permission, makes the change
//!   and queues the mails it causes in one transaction. Pages, REST and the command line call the same verbs.
//! - Tables are private to their feature: whoever is outside cannot query, only ask.
//! - An organization's rows are reached through the organization: someone else's are not found.
//! - Nothing here reads a clock.

pub mod accounts;
pub mod apis;
mod db;
mod error;
pub mod keys;
pub mod mail;
mod mail_links;
mod op;
mod organizations;
pub mod privacy;
pub mod request_logs;
pub mod sessions;
pub mod staff;
#[cfg(test)]
mod testing;
mod tokens;
pub mod usage;

pub use db::{Db, Tx};
pub use error::{Error, Result};
pub use op::{Actor, Op, Portal, PortalSettings, Scope, SignedIn};
