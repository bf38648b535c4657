//! Lists in pages: sorted by a name, continued after the last name of the page before.

use serde::Serialize;
use serde_json::{Value, json};

use crate::document::query_parameter;
use crate::problem::{Problem, shown};

/// As many as fit on a screen.
const LIMIT: usize = 20;

/// Keeps an answer below some 20 kB.
const LIMIT_MAX: usize = 100;

/// One page.
#[derive(Debug, Serialize)]
pub(crate) struct Page<T> {
    /// What stands on it.
    pub items: Vec<T>,
    /// What to send as `after` for the next page; null on the last one.
    pub next: Option<String>,
}

/// Cuts a page out of items that are sorted by name.
pub(crate) fn page<T>(
    items: impl Iterator<Item = T>,
    name: impl Fn(&T) -> &str,
    limit: Option<&str>,
    after: Option<&str>,
) -> Result<Page<T>, Problem> {
    let limit = match limit {
        None => LIMIT,
        Some(text) => text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit)).ok_or_else(|| {
            let detail = format!("Send a `limit` between 1 and {LIMIT_MAX} instead of `{}`.", shown(text));
            Problem::parameter("invalid_limit", detail)
        })?,
    };
    let mut rest = items.skip_while(|item| after.is_some_and(|after| name(item) <= after)).peekable();
    let items: Vec<T> = rest.by_ref().take(limit).collect();
    let next = rest.peek().and(items.last()).map(|last| name(last).to_owned());
    Ok(Page { items, next })
}

/// The two parameters of every list.
pub(crate) fn parameters(after_example: &str) -> [Value; 2] {
    [
        query_parameter(
            "limit",
            "How many items to answer at most.",
            json!({ "type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT }),
            &json!(5),
        ),
        query_parameter(
            "after",
            "Continue after this item: the `next` of the page before.",
            json!({ "type": "string" }),
            &json!(after_example),
        ),
    ]
}
