//! APIs: what the operator opens to developers.

use serde::{Deserialize, Serialize};

/// An API, as the docs list it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiSummary {
    /// First path segment at the gateway.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// One sentence.
    pub summary: String,
    /// How many operations its OpenAPI document lists.
    pub operations: u32,
}

/// An API with its operations, for its docs page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiDocs {
    /// What the list shows.
    pub api: ApiSummary,
    /// A longer text from its OpenAPI document, plain.
    pub description: String,
    /// Where to call it: the gateway's public address and the slug.
    pub base_url: String,
    /// Its operations, in the order of the document.
    pub operations: Vec<Operation>,
}

/// One operation of an API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// HTTP method, upper case.
    pub method: String,
    /// Path template, such as `/v1/sun/{place}`.
    pub path: String,
    /// One line.
    pub summary: String,
    /// A longer text, plain.
    pub description: String,
    /// What it takes.
    pub parameters: Vec<Parameter>,
    /// A request body to copy, if it takes one.
    pub example_body: Option<String>,
    /// An example path, with the parameters filled in.
    pub example_path: String,
}

/// A parameter of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// `path` or `query`.
    pub place: String,
    /// Whether it must be given.
    pub required: bool,
    /// What it means.
    pub description: String,
}
