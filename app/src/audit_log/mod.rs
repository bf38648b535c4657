//! The audit log: an organization's own events, and everything for staff.

mod log_view;
mod pages;
pub mod server_fns;

pub(crate) use log_view::own_events;
pub use pages::{AdminAuditPage, AuditPage};
