//! What the pages of this feature ask the server, beside what [`crate::accounts::server_fns::read_security`] answers.

#![expect(missing_docs, reason = "each argument becomes a field of a struct; the function says what it means")]

use contract::Page;
use contract::audit_log::AuditEvent;
use contract::policies::StoredItem;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use serde::{Deserialize, Serialize};

use crate::error::AppError;
use crate::kept::Kept;

/// What somebody can confirm with that it is them, and what for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// Who is signed in.
    pub email: String,
    /// Where to go afterwards: a page of ours.
    pub next: String,
    /// Their account has a passkey, so it has to be that.
    pub passkey: bool,
    /// They can confirm with their password.
    pub password: bool,
    /// They have recovery codes left.
    pub recovery_code: bool,
}

/// What the signed-in person can confirm with that it is them.
///
/// # Errors
/// [`contract::Refusal::NotSignedIn`].
#[server(prefix = "/rpc", endpoint = "security/read_confirmation", input = GetUrl)]
pub async fn read_confirmation(#[server(default)] next: String) -> Result<Confirmation, AppError> {
    let op = crate::backend::op().await?;
    let security = portal::accounts::security(&op).await?;
    let passkey = security.passkeys.iter().any(|passkey| passkey.suspended_at.is_none());
    Ok(Confirmation {
        email: security.email,
        next: crate::backend::safe_path(if next.is_empty() { crate::paths::SECURITY } else { &next }),
        passkey,
        password: security.has_password && !passkey,
        recovery_code: security.recovery_codes_left > 0,
    })
}

/// The newest events about the person, or those before a place in the log.
///
/// # Errors
/// [`contract::Refusal::NotSignedIn`].
#[server(prefix = "/rpc", endpoint = "security/read_events", input = GetUrl)]
pub async fn read_events(#[server(default)] before: String) -> Result<Page<AuditEvent>, AppError> {
    let op = crate::backend::op().await?;
    Ok(portal::audit_log::mine(&op, before.parse().ok()).await?)
}

/// What the register says is stored of a person who has an account, and how they sign in.
///
/// # Errors
/// Never; the type is that of every call.
#[server(prefix = "/rpc", endpoint = "security/read_stored", input = GetUrl)]
pub async fn read_stored() -> Result<Vec<StoredItem>, AppError> {
    let categories = portal::privacy::policy().categories;
    Ok(categories
        .into_iter()
        .filter(|category| ["account", "sign_in"].contains(&category.word.as_str()))
        .flat_map(|category| category.items)
        .collect())
}

/// The form of the security page that was sent and not accepted before this page was shown, with its fields: because it
/// was refused, or because its person had to confirm first.
///
/// # Errors
/// Never; the type is that of every call.
#[server(prefix = "/rpc", endpoint = "security/read_kept", input = GetUrl)]
pub async fn read_kept() -> Result<Option<Kept>, AppError> {
    const FORMS: [&str; 6] =
        ["rename_passkey", "remove_passkey", "set_password", "remove_password", "ask_email_change", "change_name"];
    let mut kept =
        FORMS.into_iter().map(|form| Kept { form: form.to_owned(), fields: crate::backend::take_kept(form).0 });
    Ok(kept.find(|kept| !kept.fields.is_empty()))
}
