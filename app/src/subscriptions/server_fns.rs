//! What the pages of this feature ask the server.

#![expect(missing_docs, reason = "each argument becomes a field of a struct; the function says what it means")]

use contract::subscriptions::{DeskSubscription, OwnApi, OwnApiPage};
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

use crate::error::AppError;

/// Every API, with what the organization has of it.
///
/// # Errors
/// [`contract::Refusal::NotSignedIn`].
#[server(prefix = "/rpc", endpoint = "subscriptions/own", input = GetUrl)]
pub async fn list_own_apis() -> Result<Vec<OwnApi>, AppError> {
    let op = crate::backend::op().await?;
    Ok(portal::subscriptions::own(&op).await?)
}

/// One API, with its plans and what the organization has, asked for and had.
///
/// # Errors
/// [`contract::Refusal::NotFound`], [`contract::Refusal::NotSignedIn`].
#[server(prefix = "/rpc", endpoint = "subscriptions/own_page", input = GetUrl)]
pub async fn read_own_api(#[server(default)] slug: String) -> Result<OwnApiPage, AppError> {
    let op = crate::backend::op().await?;
    Ok(portal::subscriptions::own_page(&op, &slug).await?)
}

/// Subscriptions of an API that wait or count, for staff.
///
/// # Errors
/// [`contract::Refusal::NotFound`], [`contract::Refusal::PasskeyRequired`].
#[server(prefix = "/rpc", endpoint = "subscriptions/of_api", input = GetUrl)]
pub async fn list_api_subscriptions(#[server(default)] slug: String) -> Result<Vec<DeskSubscription>, AppError> {
    let op = crate::backend::op().await?;
    Ok(portal::subscriptions::of_api(&op, &slug).await?)
}

/// Asks for a plan.
///
/// # Errors
/// [`contract::Refusal::NotFound`], [`contract::Refusal::StateConflict`], [`contract::Refusal::NotAllowed`].
#[server(prefix = "/rpc", endpoint = "subscriptions/request")]
pub async fn request_plan(
    #[server(default)] slug: String,
    #[server(default)] plan: String,
    #[server(default)] note: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::subscriptions::request(&op, crate::backend::id(&plan)?, &note)
        .await
        .inspect_err(|_| crate::backend::keep("request_plan", &[("plan", &plan), ("note", &note)]))?;
    crate::backend::redirect(&crate::paths::own_api_done(&slug, "asked"));
    Ok(())
}

/// Leaves a plan, or takes a request back.
///
/// # Errors
/// [`contract::Refusal::NotFound`], [`contract::Refusal::StateConflict`], [`contract::Refusal::NotAllowed`].
#[server(prefix = "/rpc", endpoint = "subscriptions/leave")]
pub async fn leave_plan(#[server(default)] slug: String, #[server(default)] id: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::subscriptions::leave(&op, crate::backend::id(&id)?).await?;
    crate::backend::redirect(&crate::paths::own_api_done(&slug, "left"));
    Ok(())
}

/// Gives an organization a plan.
///
/// # Errors
/// [`contract::Refusal::NotFound`], [`contract::Refusal::StateConflict`], [`contract::Refusal::NotAllowed`].
#[server(prefix = "/rpc", endpoint = "subscriptions/give")]
pub async fn give_plan(
    #[server(default)] organization: String,
    #[server(default)] plan: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    op.require_staff(contract::StaffPermission::ManageApis)?;
    let organization = crate::backend::id(&organization)?;
    portal::subscriptions::give(&op, organization, crate::backend::id(&plan)?).await?;
    crate::backend::redirect(&crate::paths::admin_organization_done(organization, "given"));
    Ok(())
}

/// Approves a request.
///
/// # Errors
/// [`contract::Refusal::NotFound`], [`contract::Refusal::StateConflict`], [`contract::Refusal::NotAllowed`].
#[server(prefix = "/rpc", endpoint = "subscriptions/approve")]
pub async fn approve_subscription(
    #[server(default)] slug: String,
    #[server(default)] id: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::subscriptions::approve(&op, crate::backend::id(&id)?).await?;
    crate::backend::redirect(&crate::paths::admin_api_done(&slug, "approved"));
    Ok(())
}

/// Rejects a request.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`], and those of [`approve_subscription`].
#[server(prefix = "/rpc", endpoint = "subscriptions/reject")]
pub async fn reject_subscription(
    #[server(default)] slug: String,
    #[server(default)] id: String,
    #[server(default)] reason: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::subscriptions::reject(&op, crate::backend::id(&id)?, &reason)
        .await
        .inspect_err(|_| crate::backend::keep("reject_subscription", &[("reason", &reason)]))?;
    crate::backend::redirect(&crate::paths::admin_api_done(&slug, "rejected"));
    Ok(())
}

/// Gives units beside a quota, once.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`], [`contract::Refusal::TooMany`], and those of [`approve_subscription`].
#[server(prefix = "/rpc", endpoint = "subscriptions/top_up")]
pub async fn top_up_subscription(
    #[server(default)] slug: String,
    #[server(default)] id: String,
    #[server(default)] extra_units: String,
    #[server(default)] reason: String,
    #[server(default)] expires_at: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let fields = [("extra_units", extra_units.as_str()), ("reason", &reason), ("expires_at", &expires_at)];
    let new = portal::subscriptions::top_ups::NewTopUp {
        units: extra_units.clone(),
        reason: reason.clone(),
        expires_at: expires_at.clone(),
    };
    portal::subscriptions::top_ups::top_up(&op, crate::backend::id(&id)?, &new)
        .await
        .inspect_err(|_| crate::backend::keep("top_up", &fields))?;
    crate::backend::redirect(&crate::paths::admin_api_done(&slug, "topped_up"));
    Ok(())
}

/// Changes what a subscription gives in place of its plan.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`], and those of [`approve_subscription`].
#[server(prefix = "/rpc", endpoint = "subscriptions/change_overrides")]
pub async fn change_overrides(
    #[server(default)] slug: String,
    #[server(default)] id: String,
    #[server(default)] requests: String,
    #[server(default)] seconds: String,
    #[server(default)] units: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let fields = [("requests", requests.as_str()), ("seconds", &seconds), ("units", &units)];
    let new = portal::subscriptions::NewOverrides {
        requests: requests.clone(),
        seconds: seconds.clone(),
        units: units.clone(),
    };
    portal::subscriptions::change_overrides(&op, crate::backend::id(&id)?, &new)
        .await
        .inspect_err(|_| crate::backend::keep("change_overrides", &fields))?;
    crate::backend::redirect(&crate::paths::admin_api_done(&slug, "overridden"));
    Ok(())
}
