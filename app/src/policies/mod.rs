//! Policy documents: privacy, rendered from the register, and the terms.

mod privacy_page;
pub mod server_fns;
mod terms_page;

pub use privacy_page::PrivacyPage;
pub use terms_page::TermsPage;
