//! Organizations: who belongs to them, and what they say of themselves. All pages here are served pages.

mod danger;
mod invite_page;
mod members;
mod new_page;
mod organization_page;
pub mod server_fns;
mod verify_contact_page;

pub use invite_page::InvitePage;
pub use new_page::NewOrganizationPage;
pub use organization_page::OrganizationPage;
pub use verify_contact_page::VerifyContactPage;

/// The forms of the organization's page that can be sent back, by the names of their server functions.
const FORMS: [&str; 4] = ["change_organization", "invite_member", "change_member_role", "hand_over_organization"];
