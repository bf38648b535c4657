//! Everything a person sees: pages and components, for browser and host.
//!
//! - A page is complete without a script: every route is rendered whole, every change is a form.
//! - What a page shows comes from a server function of its feature; the rules behind it are in `portal`.

#![recursion_limit = "512"]

pub mod access_tokens;
pub mod accounts;
pub mod apis;
pub mod audit_log;
#[cfg(feature = "ssr")]
pub mod backend;
pub mod console;
pub mod docs;
pub mod error;
pub mod guard;
pub mod home;
pub mod imports;
pub mod kept;
pub mod keys;
pub mod layout;
pub mod leaks;
pub mod mail_link;
pub mod not_found;
pub mod organizations;
pub mod overview;
pub mod passkeys;
pub mod paths;
pub mod plans;
pub mod policies;
pub mod recovery;
pub mod request_logs;
mod routes;
pub mod security;
pub mod sessions;
pub mod staff;
pub mod subscriptions;
pub mod theme;
pub mod ui;
pub mod usage;

pub use routes::{App, Site};
