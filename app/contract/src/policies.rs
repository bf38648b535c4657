//! Policy documents: what is stored, why, until when, and who receives it.

use serde::{Deserialize, Serialize};

/// The privacy page, rendered from the register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivacyPolicy {
    /// A fingerprint of the register: the first 12 hexadecimal digits of its SHA-256.
    pub version: String,
    /// What we promise, sentence by sentence.
    pub promises: Vec<Promise>,
    /// What we store, by category.
    pub categories: Vec<StoredCategory>,
}

/// One promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// The sentence.
    pub sentence: String,
    /// What proves it: names of tests in this build.
    pub tests: Vec<String>,
    /// The claims it makes true.
    pub claims: Vec<String>,
}

/// Everything of one category that is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredCategory {
    /// A stable word for links: `request_logs`.
    pub word: String,
    /// The category's name.
    pub name: String,
    /// Whom it is about.
    pub subject: String,
    /// The legal basis.
    pub basis: String,
    /// Who receives it.
    pub recipients: String,
    /// How it is protected.
    pub protection: String,
    /// What is stored.
    pub items: Vec<StoredItem>,
}

/// One thing that is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredItem {
    /// What it is.
    pub what: String,
    /// Why it is stored.
    pub purposes: String,
    /// How long.
    pub retention: String,
    /// The columns, as `table.column`.
    pub columns: Vec<String>,
}

/// The version of the terms that sign-up asks people to accept.
pub const TERMS_VERSION: &str = "2026-11-21";
