//! APIs: what the operator opened, for the public pages, and the desk where staff register and change them.

mod desk_api_page;
mod desk_page;
mod new_page;
mod privacy_form;
mod recovery_form;
pub mod server_fns;

pub use desk_api_page::DeskApiPage;
pub use desk_page::DeskApisPage;
pub use new_page::NewApiPage;
pub use server_fns::{list_apis, list_privacy, read_api_docs, read_tried};
