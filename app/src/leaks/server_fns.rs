//! What the pages of this feature ask the server.

#![expect(missing_docs, reason = "each argument becomes a field of a struct; the function says what it means")]

use contract::Page;
use contract::leaks::{DeskLeak, PatternDocument, SelfCheck};
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use serde::{Deserialize, Serialize};

use crate::error::AppError;

/// The form of an API's policy that was sent and not accepted.
pub const POLICY: &str = "leak_policy";

/// What scanners look for, and where they report it.
///
/// # Errors
/// Never; the type is that of every call.
#[server(prefix = "/rpc", endpoint = "leaks/patterns", input = GetUrl)]
pub async fn read_patterns() -> Result<PatternDocument, AppError> {
    let op = crate::backend::op().await?;
    Ok(portal::leaks::pattern_document(&op))
}

/// What the form of the self-check that was just sent was answered with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answered {
    /// What the string is.
    Checked(SelfCheck),
    /// Why it was not looked at.
    Refused(AppError),
}

/// The answer to the form that was sent with this very request, if any. It does not hold the string.
///
/// # Errors
/// When called outside a request.
#[server(prefix = "/rpc", endpoint = "leaks/read_check", input = GetUrl)]
pub async fn read_check() -> Result<Option<Answered>, AppError> {
    Ok(crate::backend::checked()?.map(|answer| match answer {
        Ok(check) => Answered::Checked(check),
        Err(error) => Answered::Refused(error),
    }))
}

/// Reports of leaked keys, for staff. Written down.
///
/// # Errors
/// [`contract::Refusal::PasskeyRequired`], [`contract::Refusal::NotFound`], [`contract::Refusal::NotAllowed`].
#[server(prefix = "/rpc", endpoint = "leaks/list", input = GetUrl)]
pub async fn list_leaks(#[server(default)] before: String) -> Result<Page<DeskLeak>, AppError> {
    let op = crate::backend::op().await?;
    Ok(portal::leaks::list(&op, before.parse().ok()).await?)
}

/// Changes what an API asks for when the secret of a key leaks.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`], [`contract::Refusal::StepUpRequired`], [`contract::Refusal::NotFound`].
#[server(prefix = "/rpc", endpoint = "leaks/change_terms")]
pub async fn change_leak_terms(
    #[server(default)] api: String,
    #[server(default)] leak_policy: String,
    #[server(default)] leak_overlap_days: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::leaks::change_terms(&op, &api, &leak_policy, &leak_overlap_days).await.inspect_err(|_| {
        let fields = [("leak_policy", leak_policy.as_str()), ("leak_overlap_days", &leak_overlap_days)];
        crate::backend::keep(POLICY, &fields);
    })?;
    crate::backend::redirect(&crate::paths::admin_api_done(&api, "leaks"));
    Ok(())
}
