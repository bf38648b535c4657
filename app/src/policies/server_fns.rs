//! What the policy pages ask the server.

use contract::policies::PrivacyPolicy;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

use crate::error::AppError;

/// The privacy page, as the register says it now.
///
/// # Errors
/// Only when the server itself fails.
#[server(prefix = "/rpc", endpoint = "policies/privacy", input = GetUrl)]
pub async fn read_privacy() -> Result<PrivacyPolicy, AppError> {
    Ok(portal::privacy::policy())
}
