//! What the pages of this feature ask the server.

#![expect(missing_docs, reason = "each argument becomes a field of a struct; the function says what it means")]

use contract::organizations::{DeskOrganization, InviteOffer, OrganizationPage};
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

use crate::error::AppError;
use crate::kept::Kept;

/// The organization the person works in.
///
/// # Errors
/// [`contract::Refusal::NotSignedIn`].
#[server(prefix = "/rpc", endpoint = "organizations/read", input = GetUrl)]
pub async fn read_organization() -> Result<OrganizationPage, AppError> {
    let op = crate::backend::op().await?;
    Ok(portal::organizations::read(&op).await?)
}

/// The form of the organization's page that was sent and not accepted before this page was shown, with its fields:
/// because it was refused, or because its person had to confirm first.
///
/// # Errors
/// Never; the type is that of every call.
#[server(prefix = "/rpc", endpoint = "organizations/read_kept", input = GetUrl)]
pub async fn read_kept() -> Result<Option<Kept>, AppError> {
    const FORMS: [&str; 4] = ["change_organization", "invite_member", "change_member_role", "hand_over_organization"];
    let mut kept =
        FORMS.into_iter().map(|form| Kept { form: form.to_owned(), fields: crate::backend::take_kept(form).0 });
    Ok(kept.find(|kept| !kept.fields.is_empty()))
}

/// One organization, for staff.
///
/// # Errors
/// [`contract::Refusal::NotFound`], [`contract::Refusal::PasskeyRequired`].
#[server(prefix = "/rpc", endpoint = "organizations/see", input = GetUrl)]
pub async fn see_organization(#[server(default)] id: String) -> Result<DeskOrganization, AppError> {
    let op = crate::backend::op().await?;
    op.require_staff(contract::StaffPermission::ReadApis)?;
    Ok(portal::organizations::desk::see(&op, crate::backend::id(&id)?).await?)
}

/// Changes how much an organization may ask of all APIs together.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`], [`contract::Refusal::NotFound`], [`contract::Refusal::NotAllowed`].
#[server(prefix = "/rpc", endpoint = "organizations/change_limit")]
pub async fn change_limit(
    #[server(default)] id: String,
    #[server(default)] limit_requests: String,
    #[server(default)] limit_seconds: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    op.require_staff(contract::StaffPermission::ManageApis)?;
    let id = crate::backend::id(&id)?;
    let fields = [("limit_requests", limit_requests.as_str()), ("limit_seconds", &limit_seconds)];
    portal::organizations::desk::change_limit(&op, id, &limit_requests, &limit_seconds)
        .await
        .inspect_err(|_| crate::backend::keep("change_limit", &fields))?;
    crate::backend::redirect(&crate::paths::admin_organization_done(id, "limit"));
    Ok(())
}

/// Creates an organization and works in it.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`], [`contract::Refusal::TooMany`].
#[server(prefix = "/rpc", endpoint = "organizations/create")]
pub async fn create_organization(#[server(default)] name: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let keep = || crate::backend::keep("create_organization", &[("name", &name)]);
    portal::organizations::create(&op, &name).await.inspect_err(|_| keep())?;
    crate::backend::redirect(&crate::paths::organization_after("created"));
    Ok(())
}

/// Works in another organization of the person.
///
/// # Errors
/// [`contract::Refusal::NotFound`].
#[server(prefix = "/rpc", endpoint = "organizations/switch")]
pub async fn switch_organization(#[server(default)] id: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::organizations::switch(&op, crate::backend::id(&id)?).await?;
    crate::backend::redirect(crate::paths::CONSOLE);
    Ok(())
}

/// Changes name, contact address and country.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`], [`contract::Refusal::NotAllowed`].
#[server(prefix = "/rpc", endpoint = "organizations/change")]
pub async fn change_organization(
    #[server(default)] name: String,
    #[server(default)] contact_email: String,
    #[server(default)] country: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let fields = [("name", name.as_str()), ("contact_email", &contact_email), ("country", &country)];
    let keep = || crate::backend::keep("change_organization", &fields);
    let new = portal::organizations::NewDetails {
        name: name.clone(),
        contact_email: contact_email.clone(),
        country: country.clone(),
    };
    portal::organizations::change(&op, new).await.inspect_err(|_| keep())?;
    crate::backend::redirect(&crate::paths::organization_after("changed"));
    Ok(())
}

/// Mails another link to the contact address.
///
/// # Errors
/// [`contract::Refusal::StateConflict`], [`contract::Refusal::TooManyTries`].
#[server(prefix = "/rpc", endpoint = "organizations/send_contact_link")]
pub async fn send_contact_link() -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::organizations::send_contact_link(&op).await?;
    crate::backend::redirect(&crate::paths::organization_after("contact_asked"));
    Ok(())
}

/// Confirms the contact address behind a link.
///
/// # Errors
/// [`contract::Refusal::LinkUnknown`], [`contract::Refusal::LinkExpired`], [`contract::Refusal::LinkUsed`].
#[server(prefix = "/rpc", endpoint = "organizations/verify_contact")]
pub async fn verify_contact(#[server(default)] token: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::organizations::verify_contact(&op, &token).await?;
    crate::backend::redirect(&format!("{}?done=yes", crate::paths::VERIFY_CONTACT));
    Ok(())
}

/// Invites somebody.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`], [`contract::Refusal::AlreadyMember`], [`contract::Refusal::StepUpRequired`].
#[server(prefix = "/rpc", endpoint = "organizations/invite")]
pub async fn invite_member(#[server(default)] email: String, #[server(default)] role: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let keep = || crate::backend::keep("invite_member", &[("email", &email), ("role", &role)]);
    portal::organizations::invite(&op, &email, &role).await.inspect_err(|_| keep())?;
    crate::backend::redirect(&crate::paths::organization_after("invited"));
    Ok(())
}

/// Takes an invitation back.
///
/// # Errors
/// [`contract::Refusal::NotFound`].
#[server(prefix = "/rpc", endpoint = "organizations/revoke_invite")]
pub async fn revoke_invite(#[server(default)] id: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::organizations::revoke_invite(&op, crate::backend::id(&id)?).await?;
    crate::backend::redirect(&crate::paths::organization_after("invite_revoked"));
    Ok(())
}

/// What an invitation's link leads to.
///
/// # Errors
/// [`contract::Refusal::LinkUnknown`], [`contract::Refusal::LinkExpired`], [`contract::Refusal::LinkUsed`].
#[server(prefix = "/rpc", endpoint = "organizations/read_invite", input = GetUrl)]
pub async fn read_invite(#[server(default)] token: String) -> Result<InviteOffer, AppError> {
    let op = crate::backend::op().await?;
    Ok(portal::organizations::invite_offer(&op, &token).await?)
}

/// The open invitations for the address of the person.
///
/// # Errors
/// [`contract::Refusal::NotSignedIn`].
#[server(prefix = "/rpc", endpoint = "organizations/my_invites", input = GetUrl)]
pub async fn my_invites() -> Result<Vec<InviteOffer>, AppError> {
    let op = crate::backend::op().await?;
    Ok(portal::organizations::my_invites(&op).await?)
}

/// Accepts an invitation: the one with this id, for the person's address, or the one behind a link.
///
/// # Errors
/// [`contract::Refusal::InviteForAnother`], [`contract::Refusal::LinkUsed`], [`contract::Refusal::LinkExpired`].
#[server(prefix = "/rpc", endpoint = "organizations/accept_invite")]
pub async fn accept_invite(#[server(default)] id: String, #[server(default)] token: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let which = if id.is_empty() {
        portal::organizations::Invitation::Link(&token)
    } else {
        portal::organizations::Invitation::Id(crate::backend::id(&id)?)
    };
    portal::organizations::accept_invite(&op, which).await?;
    crate::backend::redirect(&crate::paths::organization_after("joined"));
    Ok(())
}

/// Declines an invitation.
///
/// # Errors
/// Those of [`accept_invite`].
#[server(prefix = "/rpc", endpoint = "organizations/decline_invite")]
pub async fn decline_invite(#[server(default)] id: String, #[server(default)] token: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let which = if id.is_empty() {
        portal::organizations::Invitation::Link(&token)
    } else {
        portal::organizations::Invitation::Id(crate::backend::id(&id)?)
    };
    portal::organizations::decline_invite(&op, which).await?;
    if id.is_empty() {
        crate::backend::redirect(&format!("{}?done=declined", crate::paths::INVITE));
    } else {
        crate::backend::redirect(&crate::paths::organization_after("declined"));
    }
    Ok(())
}

/// Gives a member another role.
///
/// # Errors
/// [`contract::Refusal::NotFound`], [`contract::Refusal::LastOwner`], [`contract::Refusal::StepUpRequired`].
#[server(prefix = "/rpc", endpoint = "organizations/change_role")]
pub async fn change_member_role(
    #[server(default)] account: String,
    #[server(default)] role: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let keep = || crate::backend::keep("change_member_role", &[("account", &account), ("role", &role)]);
    portal::organizations::change_role(&op, crate::backend::id(&account)?, &role).await.inspect_err(|_| keep())?;
    crate::backend::redirect(&crate::paths::organization_after("role"));
    Ok(())
}

/// Removes a member.
///
/// # Errors
/// Those of [`change_member_role`].
#[server(prefix = "/rpc", endpoint = "organizations/remove")]
pub async fn remove_member(#[server(default)] account: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::organizations::remove(&op, crate::backend::id(&account)?).await?;
    crate::backend::redirect(&crate::paths::organization_after("removed"));
    Ok(())
}

/// Leaves the organization.
///
/// # Errors
/// [`contract::Refusal::LastOwner`], [`contract::Refusal::PersonalOrganization`],
/// [`contract::Refusal::StepUpRequired`].
#[server(prefix = "/rpc", endpoint = "organizations/leave")]
pub async fn leave_organization() -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::organizations::leave(&op).await?;
    crate::backend::redirect(&crate::paths::organization_after("left"));
    Ok(())
}

/// Makes somebody else the owner.
///
/// # Errors
/// [`contract::Refusal::NotFound`], [`contract::Refusal::StateConflict`], [`contract::Refusal::StepUpRequired`].
#[server(prefix = "/rpc", endpoint = "organizations/hand_over")]
pub async fn hand_over_organization(#[server(default)] account: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let keep = || crate::backend::keep("hand_over_organization", &[("account", &account)]);
    portal::organizations::hand_over(&op, crate::backend::id(&account)?).await.inspect_err(|_| keep())?;
    crate::backend::redirect(&crate::paths::organization_after("handed_over"));
    Ok(())
}
