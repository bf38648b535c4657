//! Sessions: signing in and out.

mod recovery_code_page;
pub mod server_fns;
mod sign_in_page;
mod step_up_page;

pub use recovery_code_page::RecoveryCodePage;
pub use sign_in_page::SignInPage;
pub use step_up_page::StepUpPage;
