//! Access tokens of the REST API: a page with a list, a form, and the one moment at which a new one is shown.

pub mod server_fns;
mod tokens_page;

pub use tokens_page::TokensPage;
