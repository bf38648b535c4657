//! What the page of a plan asks the server.

#![expect(missing_docs, reason = "each argument becomes a field of a struct; the function says what it means")]
#![expect(clippy::too_many_arguments, reason = "each argument is a field of the form")]

use leptos::prelude::*;

use crate::error::AppError;

/// Creates a plan, or changes the one that `plan` names.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`], [`contract::Refusal::NotFound`], [`contract::Refusal::NotAllowed`].
#[server(prefix = "/rpc", endpoint = "plans/save")]
pub async fn save_plan(
    #[server(default)] slug: String,
    #[server(default)] plan: String,
    #[server(default)] name: String,
    #[server(default)] summary: String,
    #[server(default)] limit_requests: String,
    #[server(default)] limit_seconds: String,
    #[server(default)] quota_units: String,
    #[server(default)] quota_period: String,
    #[server(default)] quota_anchor: String,
    #[server(default)] quota_zone: String,
    #[server(default)] approval: String,
    #[server(default)] audience: String,
    #[server(default)] position: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let fields = [
        ("name", name.as_str()),
        ("summary", &summary),
        ("limit_requests", &limit_requests),
        ("limit_seconds", &limit_seconds),
        ("quota_units", &quota_units),
        ("quota_period", &quota_period),
        ("quota_anchor", &quota_anchor),
        ("quota_zone", &quota_zone),
        ("approval", &approval),
        ("audience", &audience),
        ("position", &position),
    ];
    let new = portal::plans::NewPlan {
        name: name.clone(),
        summary: summary.clone(),
        limit_requests: limit_requests.clone(),
        limit_seconds: limit_seconds.clone(),
        quota_units: quota_units.clone(),
        quota_period: quota_period.clone(),
        quota_anchor: quota_anchor.clone(),
        quota_zone: quota_zone.clone(),
        approval: approval.clone(),
        audience: audience.clone(),
        position: position.clone(),
    };
    let keep = |_: &portal::Error| crate::backend::keep("save_plan", &fields);
    let done = if plan.is_empty() {
        portal::plans::create(&op, &slug, new).await.inspect_err(keep)?;
        "plan_created"
    } else {
        portal::plans::change(&op, crate::backend::id(&plan)?, new).await.inspect_err(keep)?;
        "plan_changed"
    };
    crate::backend::redirect(&crate::paths::admin_api_done(&slug, done));
    Ok(())
}

/// Opens a closed plan again.
///
/// # Errors
/// Those of [`close_plan`].
#[server(prefix = "/rpc", endpoint = "plans/reopen")]
pub async fn reopen_plan(#[server(default)] slug: String, #[server(default)] plan: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::plans::reopen(&op, crate::backend::id(&plan)?).await?;
    crate::backend::redirect(&crate::paths::admin_api_done(&slug, "plan_reopened"));
    Ok(())
}

/// Closes a plan.
///
/// # Errors
/// [`contract::Refusal::StateConflict`], [`contract::Refusal::NotFound`], [`contract::Refusal::NotAllowed`].
#[server(prefix = "/rpc", endpoint = "plans/close")]
pub async fn close_plan(#[server(default)] slug: String, #[server(default)] plan: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::plans::close(&op, crate::backend::id(&plan)?).await?;
    crate::backend::redirect(&crate::paths::admin_api_done(&slug, "plan_closed"));
    Ok(())
}
