//! Account security: everything that decides who can get in, on one page.

mod changes;
mod events;
mod security_page;
pub mod server_fns;
mod stored;

pub use security_page::SecurityPage;

/// The forms of the page that can be sent back, by the names of their server functions.
const FORMS: [&str; 6] =
    ["rename_passkey", "remove_passkey", "set_password", "remove_password", "ask_email_change", "change_name"];
