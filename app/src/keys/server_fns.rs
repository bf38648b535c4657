//! What the pages of this feature ask the server.

#![expect(missing_docs, reason = "each argument becomes a field of a struct; the function says what it means")]

use contract::keys::{Key, RevealOffer, RevealedKey};
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use serde::{Deserialize, Serialize};

use crate::error::AppError;

/// The keys of the organization, and a token for the next form that creates one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyList {
    /// The keys, the newest first.
    pub keys: Vec<Key>,
    /// Sending a form twice creates one key, because both carry this.
    pub form_token: String,
}

/// What a reveal link leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reveal {
    /// The link can be used.
    Offered(RevealOffer),
    /// It was used just now: the only answer that holds the secret.
    Shown(RevealedKey),
}

/// Lists keys.
///
/// # Errors
/// [`contract::Refusal::NotSignedIn`], [`contract::Refusal::NotAllowed`].
#[server(prefix = "/rpc", endpoint = "keys/list", input = GetUrl)]
pub async fn list_keys(#[server(default)] environment: String) -> Result<KeyList, AppError> {
    let op = crate::backend::op().await?;
    let keys = portal::keys::list(&op, contract::Environment::from_word(&environment)).await?;
    Ok(KeyList { keys, form_token: op.request.to_string() })
}

/// Creates a key and mails its reveal link.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`] and those of [`list_keys`].
#[server(prefix = "/rpc", endpoint = "keys/create")]
pub async fn create_key(
    #[server(default)] label: String,
    #[server(default)] environment: String,
    #[server(default)] form_token: String,
) -> Result<Key, AppError> {
    let op = crate::backend::op().await?;
    let new = portal::keys::NewKey { label: label.clone(), environment, form_token };
    let key = portal::keys::create(&op, new)
        .await
        .inspect_err(|_| crate::backend::keep("create_key", &[("label", &label)]))?;
    if crate::backend::without_script() {
        crate::backend::redirect(&format!("{}?created={}", crate::paths::KEYS, key.id));
    }
    Ok(key)
}

/// Mails a new reveal link for a key.
///
/// # Errors
/// [`contract::Refusal::NotFound`], [`contract::Refusal::KeyInUse`], [`contract::Refusal::KeyIsRevoked`].
#[server(prefix = "/rpc", endpoint = "keys/send_reveal_link")]
pub async fn send_reveal_link(#[server(default)] id: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::keys::send_reveal_link(&op, crate::backend::id(&id)?).await?;
    if crate::backend::without_script() {
        crate::backend::redirect(&format!("{}?sent={id}", crate::paths::KEYS));
    }
    Ok(())
}

/// Revokes a key.
///
/// # Errors
/// [`contract::Refusal::NotFound`].
#[server(prefix = "/rpc", endpoint = "keys/revoke")]
pub async fn revoke_key(#[server(default)] id: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::keys::revoke(&op, crate::backend::id(&id)?).await?;
    if crate::backend::without_script() {
        crate::backend::redirect(crate::paths::KEYS);
    }
    Ok(())
}

/// What a reveal link leads to; the secret, if its form was sent with this very request.
///
/// # Errors
/// [`contract::Refusal::LinkUnknown`], [`contract::Refusal::LinkExpired`], [`contract::Refusal::LinkUsed`].
#[server(prefix = "/rpc", endpoint = "keys/read_reveal", input = GetUrl)]
pub async fn read_reveal(#[server(default)] token: String) -> Result<Reveal, AppError> {
    if let Some(key) = crate::backend::revealed()? {
        return Ok(Reveal::Shown(key));
    }
    let op = crate::backend::op().await?;
    Ok(Reveal::Offered(portal::keys::reveal_offer(&op, &token).await?))
}
