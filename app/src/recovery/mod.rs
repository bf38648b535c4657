//! Recovery: codes on paper, and a recovery by mail.

mod cancel_page;
mod codes_page;
mod finish_page;
mod lost_access_page;
pub mod server_fns;
mod start_page;

pub use cancel_page::CancelRecoveryPage;
pub use codes_page::RecoveryCodesPage;
pub use finish_page::FinishRecoveryPage;
pub use lost_access_page::LostAccessPage;
pub use start_page::StartRecoveryPage;
