//! Accounts: signing up, verifying and changing the address, a forgotten password.

mod check_your_mail_page;
mod confirm_email_page;
mod forgot_password_page;
mod reset_password_page;
pub mod server_fns;
mod sign_up_page;
mod verify_email_page;

pub use check_your_mail_page::CheckYourMailPage;
pub use confirm_email_page::ConfirmEmailPage;
pub use forgot_password_page::ForgotPasswordPage;
pub use reset_password_page::ResetPasswordPage;
pub use sign_up_page::SignUpPage;
pub use verify_email_page::VerifyEmailPage;
