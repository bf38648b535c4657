//! APIs: what the operator opened, for the public pages.

pub mod server_fns;

pub use server_fns::{list_apis, read_api_docs};
