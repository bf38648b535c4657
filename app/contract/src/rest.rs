//! The REST API, as its docs page lists it.

use serde::{Deserialize, Serialize};

use crate::access_tokens::Scope;

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestOperation {
    /// HTTP method, upper case.
    pub method: String,
    /// The whole path, such as `/api/v1/keys/{id}`.
    pub path: String,
    /// Its name in the OpenAPI document.
    pub id: String,
    /// One line.
    pub summary: String,
    /// More, if there is more to say.
    pub description: String,
    /// Whether it takes an access token.
    pub needs_token: bool,
    /// The scope that the token must have.
    pub scope: Option<Scope>,
    /// What may stand in the query: names, and what they mean.
    pub parameters: Vec<(String, String)>,
    /// A body to copy, if it takes one.
    pub example_body: Option<String>,
    /// The status when it worked.
    pub status: u16,
    /// Codes with which it refuses.
    pub codes: Vec<String>,
}
