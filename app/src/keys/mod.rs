//! Keys: creating, revealing, changing, rotating, revoking.

mod key_page;
mod keys_page;
mod reveal_page;
pub mod server_fns;

pub use key_page::KeyPage;
pub use keys_page::KeysPage;
pub use reveal_page::RevealPage;
