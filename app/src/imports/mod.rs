//! Imports: taking over keys of another system, and how far that is.

mod import_page;
mod imports_page;
pub mod server_fns;

pub use import_page::ImportPage;
pub use imports_page::ImportsPage;
