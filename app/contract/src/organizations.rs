//! Organizations: who owns keys, and who acts for them.

use serde::{Deserialize, Serialize};

use crate::limits::Limit;
use crate::plans::Plan;
use crate::{AccountId, InviteId, Millis, OrganizationId, Role};

/// Longest name of an organization, in characters.
pub const ORGANIZATION_NAME_MAX: usize = 100;

/// For how long an invitation works, in days (FLOW-07).
pub const INVITE_DAYS: i64 = 7;

/// The organization a person works in, as pages show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrentOrganization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// What the person may do in it.
    pub role: Role,
}

/// An organization, as its members see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// Whether it is the one an account started with.
    pub personal: bool,
    /// Where it wants to be written to: not what anybody signs in with.
    pub contact_email: Option<String>,
    /// Whether that address was verified: until then nothing but the verification is sent there.
    pub contact_verified: bool,
    /// Two letters (ISO 3166-1 alpha-2), if given.
    pub country: Option<String>,
    /// When it was created.
    pub created_at: Millis,
}

/// An organization, as staff see it who look after APIs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeskOrganization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// Whether it is the one an account started with.
    pub personal: bool,
    /// Two letters (ISO 3166-1 alpha-2), if given.
    pub country: Option<String>,
    /// When it was created.
    pub created_at: Millis,
    /// How much it may ask of all APIs together.
    pub limit: Option<Limit>,
    /// Every plan that can be given, and those that it has.
    pub plans: Vec<DeskPlan>,
}

/// A plan of an API, and whether an organization has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeskPlan {
    /// First path segment of the API.
    pub api_slug: String,
    /// The API's name.
    pub api_name: String,
    /// The plan.
    pub plan: Plan,
    /// Whether the organization subscribes to it.
    pub has: bool,
    /// Whether the organization has it because everybody does.
    pub by_default: bool,
}

/// Somebody who belongs to an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Their account.
    pub account: AccountId,
    /// What they call themselves.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Their place.
    pub role: Role,
    /// Since when.
    pub since: Millis,
    /// Whether it is the person who asks.
    pub is_you: bool,
}

/// An invitation that was not accepted yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    /// Its id.
    pub id: InviteId,
    /// Who is invited; erased when it is accepted or too old.
    pub email: String,
    /// As what.
    pub role: Role,
    /// When.
    pub created_at: Millis,
    /// From when on it is refused.
    pub expires_at: Millis,
}

/// What somebody is invited to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteOffer {
    /// Its id.
    pub id: InviteId,
    /// The organization's name.
    pub organization: String,
    /// As what.
    pub role: Role,
    /// Who invited.
    pub invited_by: Option<String>,
    /// From when on it is refused.
    pub expires_at: Millis,
    /// The address it is for, masked unless the person who looks has it.
    pub email: String,
    /// Whether the person who looks is signed in with that address.
    pub for_you: bool,
}

/// Everything on the page of an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationPage {
    /// The organization.
    pub organization: Organization,
    /// What the person who looks may do in it.
    pub role: Role,
    /// Who belongs to it, owners first.
    pub members: Vec<Member>,
    /// Who is invited; empty for those who may not invite.
    pub invites: Vec<Invite>,
}
