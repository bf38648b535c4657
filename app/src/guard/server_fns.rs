//! What the scripts of this feature ask the server.

#![expect(missing_docs, reason = "each argument becomes a field of a struct; the function says what it means")]

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

use crate::error::AppError;

/// A challenge for a form with this purpose, as JSON. Every answer is another one.
///
/// # Errors
/// [`contract::Refusal::NotFound`] for a purpose that no form has; [`contract::Refusal::TooManyTries`].
#[server(prefix = "/rpc", endpoint = "guard/challenge", input = GetUrl)]
pub async fn read_challenge(#[server(default)] purpose: String) -> Result<String, AppError> {
    let op = crate::backend::op().await?;
    Ok(portal::guard::challenge(&op, &purpose)?)
}
