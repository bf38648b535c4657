//! What the script of this feature, and its forms, ask the server.

#![expect(missing_docs, reason = "each argument becomes a field of a struct; the function says what it means")]

use contract::Refusal;
use contract::passkeys::{Passkey, PasskeyOptions};
use leptos::prelude::*;
use leptos::server_fn::codec::{GetUrl, JsonEncoding};
use serde::{Deserialize, Serialize};

use crate::error::AppError;

/// An error for a script that knows no sentences: it shows this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The refusal, if it is one, in the place where [`AppError`] has it.
    #[serde(rename = "Refused")]
    pub refused: Option<Refusal>,
    /// What happened and what to do.
    pub sentence: String,
}

impl From<AppError> for Told {
    fn from(error: AppError) -> Self {
        let sentence = match &error {
            AppError::Refused(refusal) => refusal.to_string(),
            AppError::Broken { reference } => format!(
                "Something failed on our side. Nothing was changed. Try again, and if it happens again quote this reference: {reference}"
            ),
            AppError::Unreachable => "The server could not be reached. Check your connection and try again.".to_owned(),
        };
        Self { refused: error.refusal().cloned(), sentence }
    }
}

impl FromServerFnError for Told {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        AppError::from_server_fn_error(error).into()
    }
}

/// The passkeys of the person.
///
/// # Errors
/// [`Refusal::NotSignedIn`].
#[server(prefix = "/rpc", endpoint = "passkeys/list", input = GetUrl)]
pub async fn list_passkeys() -> Result<Vec<Passkey>, AppError> {
    let op = crate::backend::op().await?;
    Ok(portal::passkeys::list(&op).await?)
}

/// Asks for a new passkey.
///
/// # Errors
/// [`Refusal::NotSignedIn`], [`Refusal::StepUpRequired`], [`Refusal::TooMany`].
#[server(prefix = "/rpc", endpoint = "passkeys/start_registration")]
pub async fn start_registration() -> Result<PasskeyOptions, Told> {
    let op = crate::backend::op().await?;
    Ok(portal::passkeys::start_registration(&op).await.map_err(AppError::from)?)
}

/// Adds the passkey that answered.
///
/// # Errors
/// [`Refusal::NotSignedIn`], [`Refusal::CeremonyExpired`], [`Refusal::PasskeyRefused`], [`Refusal::TooMany`].
#[server(prefix = "/rpc", endpoint = "passkeys/finish_registration")]
pub async fn finish_registration(
    #[server(default)] ceremony: String,
    #[server(default)] credential: String,
    #[server(default)] name: String,
) -> Result<Passkey, Told> {
    let op = crate::backend::op().await?;
    let added = portal::passkeys::finish_registration(&op, &ceremony, &credential, &name).await;
    Ok(added.map_err(AppError::from)?)
}

/// Asks somebody who holds a verification link for their first passkey.
///
/// # Errors
/// [`Refusal::LinkUnknown`], [`Refusal::LinkExpired`], [`Refusal::LinkUsed`], [`Refusal::StateConflict`].
#[server(prefix = "/rpc", endpoint = "passkeys/start_registration_by_link")]
pub async fn start_registration_by_link(#[server(default)] token: String) -> Result<PasskeyOptions, Told> {
    let op = crate::backend::op().await?;
    Ok(portal::passkeys::start_registration_by_link(&op, &token).await.map_err(AppError::from)?)
}

/// Verifies their address and adds the passkey that answered.
///
/// # Errors
/// Those of [`start_registration_by_link`], [`Refusal::CeremonyExpired`], [`Refusal::PasskeyRefused`].
#[server(prefix = "/rpc", endpoint = "passkeys/finish_registration_by_link")]
pub async fn finish_registration_by_link(
    #[server(default)] token: String,
    #[server(default)] ceremony: String,
    #[server(default)] credential: String,
) -> Result<(), Told> {
    let op = crate::backend::op().await?;
    let verified = portal::passkeys::finish_registration_by_link(&op, &token, &ceremony, &credential).await;
    Ok(verified.map_err(AppError::from)?)
}

/// Asks whichever passkey is there.
///
/// # Errors
/// [`Refusal::TooManyTries`].
#[server(prefix = "/rpc", endpoint = "passkeys/start_sign_in")]
pub async fn start_sign_in() -> Result<PasskeyOptions, Told> {
    let op = crate::backend::op().await?;
    Ok(portal::passkeys::start_sign_in(&op).await.map_err(AppError::from)?)
}

/// Signs in with the passkey that answered, and tells where to go.
///
/// # Errors
/// [`Refusal::CeremonyExpired`], [`Refusal::PasskeyRefused`], [`Refusal::AccountSuspended`].
#[server(prefix = "/rpc", endpoint = "passkeys/finish_sign_in")]
pub async fn finish_sign_in(
    #[server(default)] ceremony: String,
    #[server(default)] credential: String,
    #[server(default)] next: String,
) -> Result<String, Told> {
    let op = crate::backend::op().await?;
    let opened = portal::passkeys::finish_sign_in(&op, &ceremony, &credential).await.map_err(AppError::from)?;
    crate::backend::set_opened(&opened);
    Ok(crate::backend::safe_path(&next))
}

/// Asks a passkey of the person.
///
/// # Errors
/// [`Refusal::NotSignedIn`], [`Refusal::PasskeyRefused`], [`Refusal::TooManyTries`].
#[server(prefix = "/rpc", endpoint = "passkeys/start_step_up")]
pub async fn start_step_up() -> Result<PasskeyOptions, Told> {
    let op = crate::backend::op().await?;
    Ok(portal::passkeys::start_step_up(&op).await.map_err(AppError::from)?)
}

/// Confirms with the passkey that answered, and tells where to go.
///
/// # Errors
/// [`Refusal::NotSignedIn`], [`Refusal::CeremonyExpired`], [`Refusal::PasskeyRefused`].
#[server(prefix = "/rpc", endpoint = "passkeys/finish_step_up")]
pub async fn finish_step_up(
    #[server(default)] ceremony: String,
    #[server(default)] credential: String,
    #[server(default)] next: String,
) -> Result<String, Told> {
    let op = crate::backend::op().await?;
    let session = portal::passkeys::finish_step_up(&op, &ceremony, &credential).await.map_err(AppError::from)?;
    crate::backend::set_session(&session);
    Ok(crate::backend::safe_path(&next))
}

/// Calls a passkey something else.
///
/// # Errors
/// [`Refusal::InvalidInput`], [`Refusal::NotFound`].
#[server(prefix = "/rpc", endpoint = "passkeys/rename")]
pub async fn rename_passkey(#[server(default)] id: String, #[server(default)] name: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let keep = || crate::backend::keep("rename_passkey", &[("id", &id), ("name", &name)]);
    portal::passkeys::rename(&op, crate::backend::id(&id)?, &name).await.inspect_err(|_| keep())?;
    crate::backend::lead_back("passkey_renamed");
    Ok(())
}

/// Removes a passkey.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::StepUpRequired`], [`Refusal::LastWayIn`].
#[server(prefix = "/rpc", endpoint = "passkeys/remove")]
pub async fn remove_passkey(#[server(default)] id: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let keep = || crate::backend::keep("remove_passkey", &[("id", &id)]);
    portal::passkeys::remove(&op, crate::backend::id(&id)?).await.inspect_err(|_| keep())?;
    crate::backend::lead_back("passkey_removed");
    Ok(())
}
