//! What the overview asks the server.

use contract::accounts::FirstSteps;
use contract::usage::Usage;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use serde::{Deserialize, Serialize};

use crate::error::AppError;

/// What the overview shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// How far the organization is.
    pub steps: FirstSteps,
    /// A call to try.
    pub example_url: String,
    /// The last day.
    pub usage: Usage,
}

/// What the overview shows.
///
/// # Errors
/// [`contract::Refusal::NotSignedIn`].
#[server(prefix = "/rpc", endpoint = "overview/read", input = GetUrl)]
pub async fn read_overview() -> Result<Overview, AppError> {
    let op = crate::backend::op().await?;
    Ok(Overview {
        steps: portal::accounts::first_steps(&op).await?,
        example_url: portal::apis::example_url(&op).await?,
        usage: portal::usage::read(&op, portal::Scope::Organization, None, contract::usage::UsageRange::Day).await?,
    })
}
