//! Organizations: who belongs to them, and what they say of themselves. All pages here are served pages.

mod danger;
mod desk_page;
mod invite_page;
mod members;
mod new_page;
mod organization_page;
pub mod server_fns;
mod verify_contact_page;

pub use desk_page::DeskOrganizationPage;
pub use invite_page::InvitePage;
pub use new_page::NewOrganizationPage;
pub use organization_page::OrganizationPage;
pub use verify_contact_page::VerifyContactPage;
