//! What the pages of this feature ask the server.

#![expect(missing_docs, reason = "each argument becomes a field of a struct; the function says what it means")]
#![expect(clippy::too_many_arguments, reason = "a form has as many fields as there are terms")]

use contract::Role;
use contract::audit_log::AuditEvent;
use contract::keys::desk::PastLabel;
use contract::keys::terms::{KeyDetail, OldSecretUse};
use contract::keys::{Key, RevealOffer, RevealedKey};
use contract::leaks::LeakReport;
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
    #[server(default)] expires_at: String,
    #[server(default)] form_token: String,
) -> Result<Key, AppError> {
    let op = crate::backend::op().await?;
    let fields = [("label", label.as_str()), ("expires_at", &expires_at)];
    let new = portal::keys::NewKey { label: label.clone(), environment, form_token, expires_at: expires_at.clone() };
    let key = portal::keys::create(&op, new).await.inspect_err(|_| crate::backend::keep("create_key", &fields))?;
    if crate::backend::without_script() {
        crate::backend::redirect(&format!("{}?created={}", crate::paths::KEYS, key.id));
    }
    Ok(key)
}

/// What a form says that was sent from the key's own page, to be led back there.
pub const KEY_PAGE: &str = "key";

/// Mails a new reveal link for a key.
///
/// # Errors
/// [`contract::Refusal::NotFound`], [`contract::Refusal::KeyNotRecoverable`], [`contract::Refusal::KeyIsRevoked`].
#[server(prefix = "/rpc", endpoint = "keys/send_reveal_link")]
pub async fn send_reveal_link(#[server(default)] id: String, #[server(default)] page: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let key = crate::backend::id(&id)?;
    portal::keys::send_reveal_link(&op, key).await?;
    if page == KEY_PAGE {
        crate::backend::redirect(&crate::paths::key_done(key, "sent"));
    } else if crate::backend::without_script() {
        crate::backend::redirect(&format!("{}?sent={id}", crate::paths::KEYS));
    }
    Ok(())
}

/// Revokes a key.
///
/// # Errors
/// [`contract::Refusal::NotFound`].
#[server(prefix = "/rpc", endpoint = "keys/revoke")]
pub async fn revoke_key(#[server(default)] id: String, #[server(default)] page: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let key = crate::backend::id(&id)?;
    portal::keys::revoke(&op, key).await?;
    if page == KEY_PAGE {
        crate::backend::redirect(&crate::paths::key_done(key, "revoked"));
    } else if crate::backend::without_script() {
        crate::backend::redirect(crate::paths::KEYS);
    }
    Ok(())
}

/// A key, as its own page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyView {
    /// The key.
    pub detail: KeyDetail,
    /// Who still calls with its old secret.
    pub old: OldSecretUse,
    /// What was done to it lately; nothing for those who may not read the audit log.
    pub events: Vec<AuditEvent>,
    /// What whoever looks may do.
    pub role: Role,
    /// Reports that it was seen in public.
    pub leaks: Vec<LeakReport>,
    /// Labels that it had.
    pub labels: Vec<PastLabel>,
}

/// The form of a key's terms that was sent and not accepted.
pub const CHANGE_TERMS: &str = "change_key_terms";

/// The form of a rotation that was sent and not accepted.
pub const ROTATE: &str = "rotate_key";

/// One key with its terms.
///
/// # Errors
/// [`contract::Refusal::NotFound`] and those of [`list_keys`].
#[server(prefix = "/rpc", endpoint = "keys/read", input = GetUrl)]
pub async fn read_key(#[server(default)] id: String) -> Result<KeyView, AppError> {
    let op = crate::backend::op().await?;
    // Before the id is looked at: a stranger is told to sign in, whatever they ask for.
    let role = op.signed_in().map_err(AppError::from)?.organization.role;
    let id = crate::backend::id(&id)?;
    let detail = portal::keys::read(&op, id).await?;
    let old = portal::keys::old_secret_use(&op, id).await?;
    let events = if role.allows(contract::Permission::ReadAuditLog) {
        portal::audit_log::about(&op, &id.to_string()).await?
    } else {
        Vec::new()
    };
    let leaks = portal::leaks::about(&op, id).await?;
    let labels = portal::keys::labels::past_labels(&op, id).await?;
    Ok(KeyView { detail, old, events, role, leaks, labels })
}

/// Changes label and terms of a key.
///
/// # Errors
/// [`contract::Refusal::NotFound`], [`contract::Refusal::KeyIsRevoked`], [`contract::Refusal::InvalidInput`].
#[server(prefix = "/rpc", endpoint = "keys/change_terms")]
pub async fn change_key_terms(
    #[server(default)] id: String,
    #[server(default)] label: String,
    #[server(default)] note: String,
    #[server(default)] scopes: String,
    #[server(default)] expires_at: String,
    #[server(default)] networks: String,
    #[server(default)] tags: String,
    #[server(default)] limit_requests: String,
    #[server(default)] limit_seconds: String,
    #[server(default)] protected: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let key = crate::backend::id(&id)?;
    let typed = contract::keys::terms::TypedTerms {
        label,
        note,
        scopes,
        expires_at,
        networks,
        tags,
        limit_requests,
        limit_seconds,
        protected,
    };
    portal::keys::change_terms(&op, key, &typed).await.inspect_err(|_| {
        let fields = [
            ("label", typed.label.as_str()),
            ("note", &typed.note),
            ("scopes", &typed.scopes),
            ("expires_at", &typed.expires_at),
            ("networks", &typed.networks),
            ("tags", &typed.tags),
            ("limit_requests", &typed.limit_requests),
            ("limit_seconds", &typed.limit_seconds),
            ("protected", &typed.protected),
        ];
        crate::backend::keep(CHANGE_TERMS, &fields);
    })?;
    crate::backend::redirect(&crate::paths::key_done(key, "changed"));
    Ok(())
}

/// Mails a link to a new secret of a key.
///
/// # Errors
/// [`contract::Refusal::NotFound`], [`contract::Refusal::KeyIsRevoked`], [`contract::Refusal::InvalidInput`],
/// [`contract::Refusal::RotationUnderWay`], [`contract::Refusal::StepUpRequired`].
#[server(prefix = "/rpc", endpoint = "keys/rotate")]
pub async fn rotate_key(
    #[server(default)] id: String,
    #[server(default)] overlap_days: String,
    #[server(default)] starts: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let key = crate::backend::id(&id)?;
    let keep = || crate::backend::keep(ROTATE, &[("overlap_days", &overlap_days), ("starts", &starts)]);
    let new = portal::keys::NewRotation { overlap_days: overlap_days.clone(), starts: starts.clone() };
    portal::keys::rotate(&op, key, &new).await.inspect_err(|_| keep())?;
    crate::backend::redirect(&crate::paths::key_done(key, "rotating"));
    Ok(())
}

/// Ends the old secret of a rotation now.
///
/// # Errors
/// [`contract::Refusal::NotFound`], [`contract::Refusal::KeyIsRevoked`], [`contract::Refusal::StateConflict`].
#[server(prefix = "/rpc", endpoint = "keys/retire")]
pub async fn retire_old_secret(#[server(default)] id: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let key = crate::backend::id(&id)?;
    portal::keys::retire(&op, key).await?;
    crate::backend::redirect(&crate::paths::key_done(key, "retired"));
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
