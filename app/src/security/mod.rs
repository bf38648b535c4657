//! Account security: everything that decides who can get in, on one page.

mod changes;
mod events;
mod security_page;
pub mod server_fns;
mod stored;

pub use security_page::SecurityPage;
