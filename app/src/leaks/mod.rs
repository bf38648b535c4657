//! Leaks: how secrets are found in public, the self-check, and what was reported.

mod check_page;
mod desk_page;
mod docs_page;
mod policy_form;
mod seen;
pub mod server_fns;

pub use check_page::LeakCheckPage;
pub use desk_page::DeskLeaksPage;
pub use docs_page::LeaksDocsPage;
pub use policy_form::{PolicyShown, policy};
pub use seen::{history, notice};
