//! Accounts: signing up and verifying the address.

mod check_your_mail_page;
pub mod server_fns;
mod sign_up_page;
mod verify_email_page;

pub use check_your_mail_page::CheckYourMailPage;
pub use sign_up_page::SignUpPage;
pub use verify_email_page::VerifyEmailPage;
