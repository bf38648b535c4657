//! Sessions: signing in and out.

pub mod server_fns;
mod sign_in_page;

pub use sign_in_page::SignInPage;
