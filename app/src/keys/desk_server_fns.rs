//! What the pages about keys on the operator's desk ask the server, and how a label is restored.

#![expect(missing_docs, reason = "each argument becomes a field of a struct; the function says what it means")]

use contract::keys::desk::{FoundKey, SeenKey};
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

use crate::error::AppError;

/// The form that was sent and not accepted: which measure, and its fields.
pub const MEASURE: &str = "key_measure";

/// Finds keys. Written down with its purpose.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`], [`contract::Refusal::PasskeyRequired`], [`contract::Refusal::NotFound`].
#[server(prefix = "/rpc", endpoint = "keys/desk_find", input = GetUrl)]
pub async fn find_keys(
    #[server(default)] query: String,
    #[server(default)] state: String,
    #[server(default)] purpose: String,
) -> Result<Vec<FoundKey>, AppError> {
    let op = crate::backend::op().await?;
    let purpose = crate::staff::purpose_of(&purpose).map_err(portal::Error::Refused)?;
    let state = contract::keys::KeyState::from_word(&state);
    Ok(portal::keys::desk::find(&op, &query, state, purpose).await?)
}

/// Looks at a key. Written down with its purpose.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`], [`contract::Refusal::PasskeyRequired`], [`contract::Refusal::NotFound`].
#[server(prefix = "/rpc", endpoint = "keys/desk_see", input = GetUrl)]
pub async fn see_key(#[server(default)] id: String, #[server(default)] purpose: String) -> Result<SeenKey, AppError> {
    let op = crate::backend::op().await?;
    // Before anything is looked at: a stranger is told to sign in, whatever they ask for.
    op.person()?;
    let purpose = crate::staff::purpose_of(&purpose).map_err(portal::Error::Refused)?;
    Ok(portal::keys::desk::see(&op, crate::backend::id(&id)?, purpose).await?)
}

/// Revokes a key for the operator.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`], [`contract::Refusal::StepUpRequired`], [`contract::Refusal::KeyIsRevoked`],
/// [`contract::Refusal::NotAllowed`].
#[server(prefix = "/rpc", endpoint = "keys/desk_revoke")]
pub async fn revoke_for_operator(
    #[server(default)] id: String,
    #[server(default)] reason: String,
    #[server(default)] purpose: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let key = crate::backend::id(&id)?;
    portal::keys::desk::revoke(&op, key, &reason)
        .await
        .inspect_err(|_| crate::backend::keep(MEASURE, &[("measure", "revoke"), ("reason", &reason)]))?;
    crate::backend::redirect(&crate::paths::admin_key_done(key, crate::staff::purpose_of(&purpose).ok(), "revoked"));
    Ok(())
}

/// Starts the rotation of a key for its owner.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`], [`contract::Refusal::StepUpRequired`], [`contract::Refusal::KeyIsRevoked`],
/// [`contract::Refusal::StateConflict`], [`contract::Refusal::RotationUnderWay`], [`contract::Refusal::NotAllowed`].
#[server(prefix = "/rpc", endpoint = "keys/desk_rotate")]
pub async fn rotate_for_owner(
    #[server(default)] id: String,
    #[server(default)] overlap_days: String,
    #[server(default)] reason: String,
    #[server(default)] purpose: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let key = crate::backend::id(&id)?;
    portal::keys::desk::start_rotation(&op, key, &overlap_days, &reason).await.inspect_err(|_| {
        let fields = [("measure", "rotate"), ("overlap_days", &overlap_days), ("reason", &reason)];
        crate::backend::keep(MEASURE, &fields);
    })?;
    crate::backend::redirect(&crate::paths::admin_key_done(key, crate::staff::purpose_of(&purpose).ok(), "rotating"));
    Ok(())
}

/// Gives a key a label back that it had.
///
/// # Errors
/// [`contract::Refusal::NotFound`], [`contract::Refusal::KeyIsRevoked`].
#[server(prefix = "/rpc", endpoint = "keys/restore_label")]
pub async fn restore_label(#[server(default)] id: String, #[server(default)] event: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let key = crate::backend::id(&id)?;
    // A place that is no number is that of no event.
    portal::keys::labels::restore_label(&op, key, event.parse().unwrap_or_default()).await?;
    crate::backend::redirect(&crate::paths::key_done(key, "restored"));
    Ok(())
}
