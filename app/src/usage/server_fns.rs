//! What the pages of this feature ask the server.

#![expect(missing_docs, reason = "each argument becomes a field of a struct; the function says what it means")]

use contract::usage::Usage;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

use crate::error::AppError;

/// Numbers of the organization.
///
/// # Errors
/// [`contract::Refusal::NotSignedIn`], [`contract::Refusal::NotAllowed`].
#[server(prefix = "/rpc", endpoint = "usage/read", input = GetUrl)]
pub async fn read_usage(
    #[server(default)] environment: String,
    #[server(default)] range: String,
) -> Result<Usage, AppError> {
    let op = crate::backend::op().await?;
    let range = contract::usage::UsageRange::from_word(&range).unwrap_or_default();
    Ok(portal::usage::read(&op, portal::Scope::Organization, contract::Environment::from_word(&environment), range)
        .await?)
}
