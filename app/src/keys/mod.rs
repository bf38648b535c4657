//! Keys: creating, revealing, revoking.

mod keys_page;
mod reveal_page;
pub mod server_fns;

pub use keys_page::KeysPage;
pub use reveal_page::RevealPage;
