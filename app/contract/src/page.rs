//! Pages of a list, by keyset: a page never shifts because a row came or went before it.

use serde::{Deserialize, Serialize};

/// A part of a list, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The rows of this page.
    pub items: Vec<T>,
    /// Where the next page starts; absent on the last one.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A page without rows and without a next one.
    #[must_use]
    pub const fn empty() -> Self {
        Self { items: Vec::new(), next: None }
    }
}
