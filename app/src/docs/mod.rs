//! Docs: which APIs there are, how to call them, and what every refusal means.

mod api_page;
mod curl;
mod docs_page;
mod errors_page;
mod rest_page;
mod try_it;

pub use api_page::ApiPage;
pub use curl::curl;
pub use docs_page::DocsPage;
pub(crate) use docs_page::api_list;
pub use errors_page::{ErrorPage, ErrorsPage};
pub use rest_page::{RestPage, read_rest_operations};
