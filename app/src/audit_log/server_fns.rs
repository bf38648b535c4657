//! What the pages of this feature ask the server.

#![expect(missing_docs, reason = "each argument becomes a field of a struct; the function says what it means")]

use std::str::FromStr;

use contract::audit_log::AuditEvent;
use contract::{FieldProblem, Page, Problem, Refusal};
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

use crate::error::AppError;

/// The word for the scope of an operator; anything else is the person's organization.
pub const OPERATOR: &str = "operator";

/// Events that pass a filter, the newest first, older than the event at the place `before`.
///
/// # Errors
/// [`Refusal::InvalidInput`], [`Refusal::NotAllowed`], [`Refusal::PasskeyRequired`], [`Refusal::NotFound`].
#[server(prefix = "/rpc", endpoint = "audit_log/read", input = GetUrl)]
pub async fn read_audit_log(
    #[server(default)] scope: String,
    #[server(default)] action: String,
    #[server(default)] actor: String,
    #[server(default)] account: String,
    #[server(default)] organization: String,
    #[server(default)] before: String,
) -> Result<Page<AuditEvent>, AppError> {
    let op = crate::backend::op().await?;
    let scope = if scope == OPERATOR { portal::Scope::Everything } else { portal::Scope::Organization };
    let refused = portal::Error::Refused;
    let filter = portal::audit_log::Filter {
        action: choice("action", &action, contract::audit_log::Action::from_word).map_err(refused)?,
        actor: choice("actor", &actor, contract::audit_log::ActorKind::from_word).map_err(refused)?,
        account: id("account", &account).map_err(refused)?,
        organization: id("organization", &organization).map_err(refused)?,
    };
    Ok(portal::audit_log::list(&op, scope, &filter, before.parse().ok()).await?)
}

/// One of the choices of a list, or any.
///
/// # Errors
/// [`Refusal::InvalidInput`].
pub fn choice<T>(field: &str, word: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Refusal> {
    let wrong = || problem(field, Problem::NotAChoice);
    if word.is_empty() { Ok(None) } else { read(word).map(Some).ok_or_else(wrong) }
}

/// An id, or any.
///
/// # Errors
/// [`Refusal::InvalidInput`].
pub fn id<Id: FromStr>(field: &str, text: &str) -> Result<Option<Id>, Refusal> {
    let text = text.trim();
    let wrong = |_| problem(field, Problem::NotAnId);
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(wrong) }
}

fn problem(field: &str, problem: Problem) -> Refusal {
    Refusal::InvalidInput { fields: vec![FieldProblem { field: field.to_owned(), problem }] }
}
