//! What the public pages ask about APIs.

use contract::apis::{ApiDocs, ApiSummary};
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

use crate::error::AppError;

/// All APIs, by name.
///
/// # Errors
/// Only when the server itself fails.
#[server(prefix = "/rpc", endpoint = "apis/list", input = GetUrl)]
pub async fn list_apis() -> Result<Vec<ApiSummary>, AppError> {
    let op = crate::backend::op().await?;
    Ok(portal::apis::list(&op).await?)
}

/// One API with its operations.
///
/// # Errors
/// [`contract::Refusal::NotFound`].
#[server(prefix = "/rpc", endpoint = "apis/docs", input = GetUrl)]
pub async fn read_api_docs(
    /// First path segment at the gateway.
    slug: String,
) -> Result<ApiDocs, AppError> {
    let op = crate::backend::op().await?;
    Ok(portal::apis::docs(&op, &slug).await?)
}
