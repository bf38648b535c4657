//! What the pages of this feature ask the server.

#![expect(missing_docs, reason = "each argument becomes a field of a struct; the function says what it means")]

use contract::request_logs::LogPage;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

use crate::error::AppError;

/// The word for the scope of an operator; anything else is the person's organization.
pub const OPERATOR: &str = "operator";

/// Rows that pass a filter, older than `before`, and what there is to choose.
///
/// # Errors
/// [`contract::Refusal::FilterUnreadable`], [`contract::Refusal::NotSignedIn`], [`contract::Refusal::NotFound`].
#[server(prefix = "/rpc", endpoint = "request_logs/read", input = GetUrl)]
pub async fn read_request_logs(
    #[server(default)] scope: String,
    #[server(default)] filter: String,
    #[server(default)] before: String,
) -> Result<LogPage, AppError> {
    let op = crate::backend::op().await?;
    let scope = if scope == OPERATOR { portal::Scope::Everything } else { portal::Scope::Organization };
    let filter = filter.parse().map_err(portal::Error::Refused)?;
    let rows = portal::request_logs::list(&op, scope, &filter, before.parse().ok()).await?;
    let choices = portal::request_logs::choices(&op, scope).await?;
    Ok(LogPage { rows, choices })
}
