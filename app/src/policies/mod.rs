//! Policy documents: privacy, rendered from the register, and the terms.

mod privacy_page;
pub mod server_fns;
mod terms_page;

pub use privacy_page::PrivacyPage;
pub use terms_page::TermsPage;
#[cfg(test)]
pub(crate) fn look_terms() -> leptos::prelude::AnyView { terms_page::page() }
#[cfg(test)]
pub(crate) fn look_privacy(p: contract::policies::PrivacyPolicy) -> leptos::prelude::AnyView { privacy_page::page(p) }
