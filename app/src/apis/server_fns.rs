//! What pages ask about APIs: the public ones, and those of the operator's desk.

#![expect(missing_docs, reason = "each argument becomes a field of a struct; the function says what it means")]
#![expect(clippy::too_many_arguments, reason = "each argument is a field of the form")]

use contract::apis::{ApiDocs, ApiPrivacy, ApiSummary, DeskApi, DeskApiRow, TriedAnswer, TypedCall};
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use serde::{Deserialize, Serialize};

use crate::error::AppError;

/// All APIs, by name.
///
/// # Errors
/// Only when the server itself fails.
#[server(prefix = "/rpc", endpoint = "apis/list", input = GetUrl)]
pub async fn list_apis() -> Result<Vec<ApiSummary>, AppError> {
    let op = crate::backend::op().await?;
    Ok(portal::apis::list(&op).await?)
}

/// One API with its operations.
///
/// # Errors
/// [`contract::Refusal::NotFound`].
#[server(prefix = "/rpc", endpoint = "apis/docs", input = GetUrl)]
pub async fn read_api_docs(
    /// First path segment at the gateway.
    slug: String,
) -> Result<ApiDocs, AppError> {
    let op = crate::backend::op().await?;
    Ok(portal::apis::docs(&op, &slug).await?)
}

/// Every API, for staff.
///
/// # Errors
/// [`contract::Refusal::PasskeyRequired`], [`contract::Refusal::NotFound`].
#[server(prefix = "/rpc", endpoint = "apis/desk", input = GetUrl)]
pub async fn list_desk_apis() -> Result<Vec<DeskApiRow>, AppError> {
    let op = crate::backend::op().await?;
    Ok(portal::apis::desk(&op).await?)
}

/// One API, for staff.
///
/// # Errors
/// [`contract::Refusal::PasskeyRequired`], [`contract::Refusal::NotFound`].
#[server(prefix = "/rpc", endpoint = "apis/see", input = GetUrl)]
pub async fn see_api(#[server(default)] slug: String) -> Result<DeskApi, AppError> {
    let op = crate::backend::op().await?;
    Ok(portal::apis::see(&op, &slug).await?)
}

/// The call that was tried with this very request, if any.
///
/// # Errors
/// Never; the type is that of every call.
#[server(prefix = "/rpc", endpoint = "apis/read_tried", input = GetUrl)]
pub async fn read_tried() -> Result<Option<(TypedCall, Result<TriedAnswer, AppError>)>, AppError> {
    crate::backend::tried()
}

/// An OpenAPI document that was just sent and refused: too long for the cookie that keeps other fields.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RefusedDocument {
    /// The text.
    pub text: String,
    /// Why.
    pub error: AppError,
}

/// The document that was sent with this very request and refused, if any.
///
/// # Errors
/// [`contract::Refusal::PasskeyRequired`], [`contract::Refusal::NotFound`].
#[server(prefix = "/rpc", endpoint = "apis/read_refused_document", input = GetUrl)]
pub async fn read_refused_document() -> Result<Option<RefusedDocument>, AppError> {
    crate::backend::op().await?.require_staff(contract::StaffPermission::ReadApis)?;
    Ok(crate::backend::refused_document()?.map(|(text, error)| RefusedDocument { text, error }))
}

/// Registers an API.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`], [`contract::Refusal::StepUpRequired`], [`contract::Refusal::NotAllowed`].
#[server(prefix = "/rpc", endpoint = "apis/create")]
pub async fn create_api(
    #[server(default)] slug: String,
    #[server(default)] name: String,
    #[server(default)] upstream_url: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let fields = [("slug", slug.as_str()), ("name", &name), ("upstream_url", &upstream_url)];
    portal::apis::create(&op, &slug, &name, &upstream_url)
        .await
        .inspect_err(|_| crate::backend::keep("create_api", &fields))?;
    crate::backend::redirect(&crate::paths::admin_api_done(slug.trim(), "created"));
    Ok(())
}

/// Changes name, address and terms of an API.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`], [`contract::Refusal::StepUpRequired`], [`contract::Refusal::NotAllowed`].
#[server(prefix = "/rpc", endpoint = "apis/change")]
pub async fn change_api(
    #[server(default)] slug: String,
    #[server(default)] name: String,
    #[server(default)] upstream_url: String,
    #[server(default)] default_plan: String,
    #[server(default)] timeout_ms: String,
    #[server(default)] body_max_bytes: String,
    #[server(default)] log_mode: String,
    #[server(default)] environments: String,
    #[server(default)] allowed_origins: String,
    #[server(default)] address_requests: String,
    #[server(default)] address_seconds: String,
    #[server(default)] more_upstreams: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let fields = [
        ("name", name.as_str()),
        ("upstream_url", &upstream_url),
        ("default_plan", &default_plan),
        ("timeout_ms", &timeout_ms),
        ("body_max_bytes", &body_max_bytes),
        ("log_mode", &log_mode),
        ("environments", &environments),
        ("allowed_origins", &allowed_origins),
        ("address_requests", &address_requests),
        ("address_seconds", &address_seconds),
        ("more_upstreams", &more_upstreams),
    ];
    let new = portal::apis::NewDetails {
        name: name.clone(),
        upstream_url: upstream_url.clone(),
        default_plan: default_plan.clone(),
        terms: portal::apis::NewTerms {
            timeout_ms: timeout_ms.clone(),
            body_max_bytes: body_max_bytes.clone(),
            log_mode: log_mode.clone(),
            environments: environments.clone(),
            allowed_origins: allowed_origins.clone(),
            address_requests: address_requests.clone(),
            address_seconds: address_seconds.clone(),
            more_upstreams: more_upstreams.clone(),
        },
    };
    portal::apis::change(&op, &slug, new).await.inspect_err(|_| crate::backend::keep("change_api", &fields))?;
    crate::backend::redirect(&crate::paths::admin_api_done(&slug, "changed"));
    Ok(())
}

/// What the log keeps of those who call each API.
///
/// # Errors
/// Only when the server itself fails.
#[server(prefix = "/rpc", endpoint = "apis/privacy", input = GetUrl)]
pub async fn list_privacy() -> Result<Vec<ApiPrivacy>, AppError> {
    let op = crate::backend::op().await?;
    Ok(portal::apis::privacy(&op).await?)
}

/// Changes what the log keeps of those who call an API.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`], [`contract::Refusal::StepUpRequired`], [`contract::Refusal::NotAllowed`].
#[server(prefix = "/rpc", endpoint = "apis/change_privacy")]
pub async fn change_privacy(
    #[server(default)] slug: String,
    #[server(default)] caller_kind: String,
    #[server(default)] ip_policy: String,
    #[server(default)] ua_policy: String,
    #[server(default)] log_level: String,
    #[server(default)] retention_days: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let fields = [
        ("caller_kind", caller_kind.as_str()),
        ("ip_policy", &ip_policy),
        ("ua_policy", &ua_policy),
        ("log_level", &log_level),
        ("retention_days", &retention_days),
    ];
    let new = portal::apis::NewPrivacy {
        caller_kind: caller_kind.clone(),
        ip_policy: ip_policy.clone(),
        ua_policy: ua_policy.clone(),
        log_level: log_level.clone(),
        retention_days: retention_days.clone(),
    };
    portal::apis::change_privacy(&op, &slug, &new)
        .await
        .inspect_err(|_| crate::backend::keep("change_privacy", &fields))?;
    crate::backend::redirect(&crate::paths::admin_api_done(&slug, "privacy"));
    Ok(())
}

/// Whether developers may see the secret of a key again.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`], [`contract::Refusal::StepUpRequired`], [`contract::Refusal::NotAllowed`].
#[server(prefix = "/rpc", endpoint = "apis/change_recovery")]
pub async fn change_recovery(
    #[server(default)] slug: String,
    #[server(default)] recovery: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::apis::change_recovery(&op, &slug, &recovery)
        .await
        .inspect_err(|_| crate::backend::keep("change_recovery", &[("recovery", &recovery)]))?;
    crate::backend::redirect(&crate::paths::admin_api_done(&slug, "recovery"));
    Ok(())
}

/// Closes an API.
///
/// # Errors
/// [`contract::Refusal::StateConflict`], [`contract::Refusal::StepUpRequired`], [`contract::Refusal::NotAllowed`].
#[server(prefix = "/rpc", endpoint = "apis/close")]
pub async fn close_api(#[server(default)] slug: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::apis::close(&op, &slug).await?;
    crate::backend::redirect(&crate::paths::admin_api_done(&slug, "closed"));
    Ok(())
}

/// Opens a closed API again.
///
/// # Errors
/// Those of [`close_api`].
#[server(prefix = "/rpc", endpoint = "apis/reopen")]
pub async fn reopen_api(#[server(default)] slug: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::apis::reopen(&op, &slug).await?;
    crate::backend::redirect(&crate::paths::admin_api_done(&slug, "reopened"));
    Ok(())
}
