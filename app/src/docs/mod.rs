//! Docs: which APIs there are, how to call them, and what every refusal means.

mod api_page;
mod curl;
mod docs_page;
mod errors_page;

pub use api_page::ApiPage;
pub use curl::curl;
pub(crate) use docs_page::api_list;
pub use docs_page::DocsPage;
pub use errors_page::{ErrorPage, ErrorsPage};
#[cfg(test)]
pub(crate) fn look_api(d: contract::apis::ApiDocs) -> leptos::prelude::AnyView { api_page::page(d) }
#[cfg(test)]
pub(crate) fn look_errors() -> leptos::prelude::AnyView { errors_page::catalogue() }
#[cfg(test)]
pub(crate) fn look_error(r: &contract::Refusal) -> leptos::prelude::AnyView { errors_page::page(r) }
