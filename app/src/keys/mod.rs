//! Keys: creating, revealing, changing, rotating, revoking.

mod desk_key_page;
mod desk_keys_page;
pub mod desk_server_fns;
mod key_page;
mod keys_page;
mod reveal_page;
pub mod server_fns;

pub use desk_key_page::DeskKeyPage;
pub use desk_keys_page::DeskKeysPage;
pub use key_page::KeyPage;
pub use keys_page::KeysPage;
pub use reveal_page::RevealPage;
