//! Frames around pages: the public site, the console, the operator's desk.
//!
//! They draw what they are given and fetch nothing, except [`SitePage`], which reads the one resource that every page
//! shares.

mod admin;
mod console;
mod frame;
mod rail;
pub mod server_fns;
mod site;

pub use admin::{AdminLayout, AdminPlace};
pub use console::{ConsoleLayout, ConsolePlace};
pub use frame::{Frame, provide_frame, use_frame};
pub use site::{AuthLayout, SiteLayout, SitePage};
