//! What the pages of this feature ask the server.

#![expect(missing_docs, reason = "each argument becomes a field of a struct; the function says what it means")]

use contract::staff::{FoundAccount, SeenAccount};
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

use crate::error::AppError;

/// The form that was sent and not accepted: which measure, and the reason that was given.
pub const MEASURE: &str = "account_measure";

/// Finds accounts. Written down with its purpose.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`], [`contract::Refusal::PasskeyRequired`], [`contract::Refusal::NotFound`].
#[server(prefix = "/rpc", endpoint = "staff/find", input = GetUrl)]
pub async fn find_accounts(
    #[server(default)] query: String,
    #[server(default)] purpose: String,
) -> Result<Vec<FoundAccount>, AppError> {
    let op = crate::backend::op().await?;
    let purpose = super::purpose_of(&purpose).map_err(portal::Error::Refused)?;
    Ok(portal::staff::find(&op, &query, purpose).await?)
}

/// Looks at an account. Written down with its purpose.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`], [`contract::Refusal::PasskeyRequired`], [`contract::Refusal::NotFound`].
#[server(prefix = "/rpc", endpoint = "staff/see", input = GetUrl)]
pub async fn see_account(
    #[server(default)] id: String,
    #[server(default)] purpose: String,
) -> Result<SeenAccount, AppError> {
    let op = crate::backend::op().await?;
    let purpose = super::purpose_of(&purpose).map_err(portal::Error::Refused)?;
    Ok(portal::staff::see(&op, crate::backend::id(&id)?, purpose).await?)
}

/// Restricts an account.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`], [`contract::Refusal::StepUpRequired`], [`contract::Refusal::StateConflict`],
/// [`contract::Refusal::NotAllowed`].
#[server(prefix = "/rpc", endpoint = "staff/restrict")]
pub async fn restrict_account(
    #[server(default)] id: String,
    #[server(default)] reason: String,
    #[server(default)] purpose: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let account = crate::backend::id(&id)?;
    portal::staff::restrict(&op, account, &reason)
        .await
        .inspect_err(|_| crate::backend::keep(MEASURE, &[("measure", "restrict"), ("reason", &reason)]))?;
    crate::backend::redirect(&crate::paths::account_done(account, super::purpose_of(&purpose).ok(), "restricted"));
    Ok(())
}

/// Suspends an account.
///
/// # Errors
/// Those of [`restrict_account`].
#[server(prefix = "/rpc", endpoint = "staff/suspend")]
pub async fn suspend_account(
    #[server(default)] id: String,
    #[server(default)] reason: String,
    #[server(default)] purpose: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let account = crate::backend::id(&id)?;
    portal::staff::suspend(&op, account, &reason)
        .await
        .inspect_err(|_| crate::backend::keep(MEASURE, &[("measure", "suspend"), ("reason", &reason)]))?;
    crate::backend::redirect(&crate::paths::account_done(account, super::purpose_of(&purpose).ok(), "suspended"));
    Ok(())
}

/// Restores an account.
///
/// # Errors
/// Those of [`restrict_account`].
#[server(prefix = "/rpc", endpoint = "staff/restore")]
pub async fn restore_account(
    #[server(default)] id: String,
    #[server(default)] reason: String,
    #[server(default)] purpose: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let account = crate::backend::id(&id)?;
    portal::staff::restore(&op, account, &reason)
        .await
        .inspect_err(|_| crate::backend::keep(MEASURE, &[("measure", "restore"), ("reason", &reason)]))?;
    crate::backend::redirect(&crate::paths::account_done(account, super::purpose_of(&purpose).ok(), "restored"));
    Ok(())
}

/// Sends the verification mail of an account again.
///
/// # Errors
/// [`contract::Refusal::StateConflict`], [`contract::Refusal::NotAllowed`].
#[server(prefix = "/rpc", endpoint = "staff/resend_verification")]
pub async fn resend_account_verification(
    #[server(default)] id: String,
    #[server(default)] purpose: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let account = crate::backend::id(&id)?;
    portal::staff::resend_verification(&op, account).await?;
    crate::backend::redirect(&crate::paths::account_done(account, super::purpose_of(&purpose).ok(), "mailed"));
    Ok(())
}
