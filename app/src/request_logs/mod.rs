//! Request logs: one screen for developers and operators, in different scope.

mod filter_bar;
mod live;
mod log_view;
mod pages;
pub mod server_fns;

pub use live::{Live, listen};
pub use pages::{AdminLogsPage, LogsPage};
