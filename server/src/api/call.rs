//! A call of an operation, read and found good; and its answer.

use std::collections::BTreeMap;
use std::str::FromStr;

use bytes::Bytes;
use contract::{FieldProblem, Problem, Refusal};
use portal::Op;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::PREFIX;

/// Longest part of a message about a body that is repeated.
const MESSAGE_MAX: usize = 300;

/// A "no", or a failure of ours.
#[derive(Debug)]
pub(super) enum No {
    Refused(Refusal),
    /// The body is not of the promised shape: how not.
    Unreadable(String),
    Failed(anyhow::Error),
}

impl From<portal::Error> for No {
    fn from(error: portal::Error) -> Self {
        match error {
            portal::Error::Refused(refusal) => Self::Refused(refusal),
            portal::Error::Failed(failure) => Self::Failed(failure),
        }
    }
}

impl From<Refusal> for No {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// One bad field.
pub(super) fn wrong(field: &str, problem: Problem) -> No {
    let fields = vec![FieldProblem { field: field.to_owned(), problem }];
    Refusal::InvalidInput { fields }.into()
}

/// A call.
#[derive(Debug)]
pub(super) struct Call {
    /// Who, when, where.
    pub op: Op,
    pub(super) path: BTreeMap<String, String>,
    pub(super) query: BTreeMap<String, String>,
    pub(super) body: Bytes,
    /// The name that the caller gave this request, if it may be repeated.
    pub(super) key: Option<String>,
}

impl Call {
    /// The id in the path. What is none belongs to nothing.
    pub(super) fn id<Id: FromStr>(&self) -> Result<Id, No> {
        self.text("id").parse().map_err(|_| Refusal::NotFound.into())
    }

    /// The slug in the path. What cannot be one belongs to nothing.
    pub(super) fn slug(&self) -> Result<&str, No> {
        let slug = self.text("slug");
        let is_slug = slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if is_slug && !slug.is_empty() { Ok(slug) } else { Err(Refusal::NotFound.into()) }
    }

    fn text(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// A parameter of the query, which was found to be of its kind; absent if it was not given.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// Where the page starts, if it is not the first.
    pub(super) fn cursor<Id: FromStr>(&self) -> Result<Option<Id>, No> {
        let read = |text: &str| text.parse().map_err(|_| wrong("cursor", Problem::NotAnId));
        self.query("cursor").map(read).transpose()
    }

    /// The body.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, No> {
        serde_json::from_slice(&self.body).map_err(|error| No::Unreadable(shortened(&error.to_string())))
    }

    /// The body as text.
    pub(super) fn document(&self) -> Result<&str, No> {
        std::str::from_utf8(&self.body).map_err(|_| No::Unreadable("it is not UTF-8".to_owned()))
    }

    /// By what a verb knows that it was asked this before: the same for a request that is repeated.
    pub(super) fn form_token(&self) -> String {
        let token = self.op.token().map(|holder| holder.token.to_string()).unwrap_or_default();
        match &self.key {
            Some(key) => {
                let digest = portal::access_tokens::idempotent::digest(&[token.as_bytes(), key.as_bytes()]);
                digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
            }
            None => self.op.request.to_string(),
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MESSAGE_MAX).collect()
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub location: Option<String>,
    pub body: Option<Value>,
}

impl Answer {
    /// One thing.
    pub(super) fn one<T: Serialize>(thing: &T) -> Result<Self, No> {
        let body = serde_json::to_value(thing).map_err(|error| No::Failed(error.into()))?;
        Ok(Self { status: 200, location: None, body: Some(body) })
    }

    /// A thing that was just made, and where it is from now on.
    pub(super) fn made<T: Serialize>(thing: &T, path: &str) -> Result<Self, No> {
        Ok(Self { status: 201, location: Some(format!("{PREFIX}{path}")), ..Self::one(thing)? })
    }

    /// A part of a list.
    pub(super) fn page<T: Serialize>(items: &[T], next: Option<&str>) -> Result<Self, No> {
        Self::one(
            &json!({ "items": serde_json::to_value(items).map_err(|error| No::Failed(error.into()))?, "next": next }),
        )
    }

    /// It is done, and there is nothing to say.
    pub(super) const fn nothing() -> Self {
        Self { status: 204, location: None, body: None }
    }
}
