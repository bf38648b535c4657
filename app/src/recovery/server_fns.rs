//! What the pages of this feature ask the server.

#![expect(missing_docs, reason = "each argument becomes a field of a struct; the function says what it means")]

use contract::recovery::{FinishOffer, RecoveryCodes, StartOffer, WaitingRecovery};
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use serde::{Deserialize, Serialize};

use crate::error::AppError;

/// What the page of the recovery codes shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Codes {
    /// So many are left; the form can be sent.
    Left(u64),
    /// The form was just sent: the only answer that holds the codes.
    Shown(RecoveryCodes),
}

/// How many recovery codes are left, or the new ones, if their form was sent with this very request.
///
/// # Errors
/// [`contract::Refusal::NotSignedIn`], [`contract::Refusal::StepUpRequired`].
#[server(prefix = "/rpc", endpoint = "recovery/read_codes", input = GetUrl)]
pub async fn read_recovery_codes() -> Result<Codes, AppError> {
    if let Some(codes) = crate::backend::new_codes()? {
        return Ok(Codes::Shown(codes));
    }
    let op = crate::backend::op().await?;
    Ok(Codes::Left(portal::recovery::recovery_codes_left(&op).await?))
}

/// Mails a link that starts a recovery, if there is an account to recover.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`], [`contract::Refusal::TooManyTries`].
#[server(prefix = "/rpc", endpoint = "recovery/ask")]
pub async fn ask_recovery(#[server(default)] email: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let keep = || crate::backend::keep("ask_recovery", &[("email", &email)]);
    portal::recovery::ask_recovery(&op, &email).await.inspect_err(|_| keep())?;
    crate::backend::redirect(&format!("{}?sent=recovery", crate::paths::LOST_ACCESS));
    Ok(())
}

/// What that link leads to.
///
/// # Errors
/// [`contract::Refusal::LinkUnknown`], [`contract::Refusal::LinkExpired`], [`contract::Refusal::LinkUsed`].
#[server(prefix = "/rpc", endpoint = "recovery/read_start", input = GetUrl)]
pub async fn read_start(#[server(default)] token: String) -> Result<StartOffer, AppError> {
    let op = crate::backend::op().await?;
    Ok(portal::recovery::start_offer(&op, &token).await?)
}

/// Starts the recovery: from now on it waits.
///
/// # Errors
/// Those of [`read_start`]; [`contract::Refusal::RecoveryUnderWay`], [`contract::Refusal::StateConflict`].
#[server(prefix = "/rpc", endpoint = "recovery/start")]
pub async fn start_recovery(#[server(default)] token: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::recovery::start_recovery(&op, &token).await?;
    crate::backend::redirect(&format!("{}?started=yes", crate::paths::RECOVER));
    Ok(())
}

/// What the link in the second mail leads to.
///
/// # Errors
/// [`contract::Refusal::LinkUnknown`], [`contract::Refusal::LinkExpired`], [`contract::Refusal::LinkUsed`].
#[server(prefix = "/rpc", endpoint = "recovery/read_finish", input = GetUrl)]
pub async fn read_finish(#[server(default)] token: String) -> Result<FinishOffer, AppError> {
    let op = crate::backend::op().await?;
    Ok(portal::recovery::finish_offer(&op, &token).await?)
}

/// Sets a password and removes all that could sign in before. Opens no session.
///
/// # Errors
/// Those of [`read_finish`]; [`contract::Refusal::InvalidInput`], [`contract::Refusal::StateConflict`].
#[server(prefix = "/rpc", endpoint = "recovery/finish")]
pub async fn finish_recovery(
    #[server(default)] token: String,
    #[server(default)] password: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::recovery::finish_recovery(&op, &token, &portal::accounts::Password::new(password)).await?;
    crate::backend::redirect(&format!("{}?done=recovered", crate::paths::SIGN_IN));
    Ok(())
}

/// What the link in a notice leads to.
///
/// # Errors
/// [`contract::Refusal::LinkUnknown`], [`contract::Refusal::LinkExpired`], [`contract::Refusal::LinkUsed`].
#[server(prefix = "/rpc", endpoint = "recovery/read_cancel", input = GetUrl)]
pub async fn read_cancel(#[server(default)] token: String) -> Result<WaitingRecovery, AppError> {
    let op = crate::backend::op().await?;
    Ok(portal::recovery::cancel_offer(&op, &token).await?)
}

/// Cancels the recovery, for whoever holds the link.
///
/// # Errors
/// Those of [`read_cancel`].
#[server(prefix = "/rpc", endpoint = "recovery/cancel")]
pub async fn cancel_recovery(#[server(default)] token: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::recovery::cancel_recovery(&op, &token).await?;
    crate::backend::redirect(&format!("{}?done=yes", crate::paths::CANCEL_RECOVERY));
    Ok(())
}

/// Cancels the recovery of the person's own account.
///
/// # Errors
/// [`contract::Refusal::NotSignedIn`].
#[server(prefix = "/rpc", endpoint = "recovery/cancel_mine")]
pub async fn cancel_my_recovery() -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::recovery::cancel_my_recovery(&op).await?;
    crate::backend::lead_back("recovery_cancelled");
    Ok(())
}
