//! Usage: how much, how fast, which routes, which keys.

pub mod server_fns;
mod usage_page;
mod usage_view;

pub use usage_page::UsagePage;
pub use usage_view::{numbers, requests_chart};
