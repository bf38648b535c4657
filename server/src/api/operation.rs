//! One operation of the REST API: what it is called with, what it asks, what it answers, and what it does. Router,
//! document, docs page and tests are all made from the same list of these.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::http::Method;
use contract::access_tokens::Scope;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::call::{Answer, Call, No};

type Work = Pin<Box<dyn Future<Output = Result<Answer, No>> + Send>>;

/// What an operation does.
pub(super) type Handler = Arc<dyn Fn(Call) -> Work + Send + Sync>;

/// Who may call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Everybody.
    Nothing,
    /// Any access token.
    Token,
    /// One that has this scope.
    Scope(Scope),
}

/// A parameter in the query.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub description: &'static str,
    /// What may stand there.
    pub kind: Kind,
}

/// What may stand in a parameter.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Any text.
    Text,
    /// A whole number within bounds.
    Number(i64, i64),
    /// One of these.
    Word(&'static [&'static str]),
}

impl Kind {
    pub(super) fn schema(self) -> Value {
        match self {
            Self::Text => json!({ "type": "string" }),
            Self::Number(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
            Self::Word(words) => json!({ "type": "string", "enum": words }),
        }
    }
}

/// The name of a schema, what it is, and those that it names.
#[derive(Clone, Debug)]
pub struct Named {
    /// Its name among the components.
    pub name: String,
    /// It, and all that it names.
    pub all: Vec<(String, Value)>,
}

impl Named {
    fn of<T: ToSchema>() -> Self {
        let mut all = Vec::new();
        T::schemas(&mut all);
        all.push((T::name().into_owned(), T::schema()));
        // Schemas are plain data: writing them as JSON cannot fail.
        let written = |(name, schema)| (name, serde_json::to_value(schema).unwrap_or_default());
        Self { name: T::name().into_owned(), all: all.into_iter().map(written).collect() }
    }
}

/// What the body of a request is.
#[derive(Clone, Debug)]
pub enum Body {
    /// There is none.
    None,
    /// JSON of this shape.
    Json(Named, Value),
    /// An OpenAPI document.
    Document,
}

/// What it answers when it worked.
#[derive(Clone, Debug)]
pub enum Shape {
    /// Nothing.
    Nothing,
    /// One thing.
    One(Named),
    /// A part of a list.
    Page(Named),
    /// Server-sent events.
    Events,
}

/// See the module.
#[derive(Clone)]
pub struct Operation {
    /// GET, POST, PATCH or PUT.
    pub method: Method,
    /// Below `/api/v1`, as the router spells it.
    pub path: &'static str,
    /// A name for programs that are made from the document.
    pub id: &'static str,
    /// A line.
    pub summary: &'static str,
    /// More, if there is more to say.
    pub description: &'static str,
    /// Who may.
    pub needs: Needs,
    /// What may stand in the query.
    pub query: Vec<Parameter>,
    /// What it takes.
    pub body: Body,
    /// The status of success.
    pub status: u16,
    /// What comes with it.
    pub shape: Shape,
    /// Codes that it refuses with, beside those of every operation.
    pub codes: Vec<&'static str>,
    /// What it does; nothing where another door does it.
    pub(super) handler: Option<Handler>,
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

impl Operation {
    pub(super) fn new<F, W>(
        method: Method,
        path: &'static str,
        id: &'static str,
        summary: &'static str,
        work: F,
    ) -> Self
    where
        F: Fn(Call) -> W + Send + Sync + 'static,
        W: Future<Output = Result<Answer, No>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |call| Box::pin(work(call)));
        Self { handler: Some(handler), ..Self::elsewhere(method, path, id, summary) }
    }

    /// One whose work another door does.
    pub(super) fn elsewhere(method: Method, path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self {
            method,
            path,
            id,
            summary,
            description: "",
            needs: Needs::Token,
            query: Vec::new(),
            body: Body::None,
            status: 200,
            shape: Shape::Nothing,
            codes: Vec::new(),
            handler: None,
        }
    }

    pub(super) fn says(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    pub(super) fn needs(mut self, scope: Scope) -> Self {
        self.needs = Needs::Scope(scope);
        self
    }

    pub(super) fn open(mut self) -> Self {
        self.needs = Needs::Nothing;
        self
    }

    pub(super) fn query(mut self, name: &'static str, kind: Kind, description: &'static str) -> Self {
        self.query.push(Parameter { name, description, kind });
        self
    }

    /// Takes JSON of that shape, such as this.
    pub(super) fn takes<T: ToSchema>(mut self, example: Value) -> Self {
        self.body = Body::Json(Named::of::<T>(), example);
        self
    }

    pub(super) fn takes_document(mut self) -> Self {
        self.body = Body::Document;
        self
    }

    pub(super) fn answers<T: ToSchema>(mut self, status: u16) -> Self {
        (self.status, self.shape) = (status, Shape::One(Named::of::<T>()));
        self
    }

    pub(super) fn answers_page<T: ToSchema>(mut self) -> Self {
        self.shape = Shape::Page(Named::of::<T>());
        self
    }

    pub(super) fn answers_nothing(mut self) -> Self {
        (self.status, self.shape) = (204, Shape::Nothing);
        self
    }

    pub(super) fn answers_events(mut self) -> Self {
        self.shape = Shape::Events;
        self
    }

    pub(super) fn refuses(mut self, codes: &[&'static str]) -> Self {
        self.codes.extend(codes);
        self
    }

    /// Every code with which it refuses: its own, and those of all operations like it.
    #[must_use]
    pub fn all_codes(&self) -> Vec<&'static str> {
        let mut codes = self.codes.clone();
        if !self.query.is_empty() || !matches!(self.body, Body::None) {
            codes.push("invalid_input");
        }
        if !matches!(self.body, Body::None) {
            codes.extend(["body_unreadable", "unsupported_media_type"]);
        }
        if self.method != Method::GET {
            codes.push("too_large");
        }
        if self.method == Method::POST {
            codes.extend(["idempotency_key_reused", "request_under_way", "invalid_input"]);
        }
        if self.needs != Needs::Nothing {
            codes.extend(["invalid_token", "too_many_tries"]);
        }
        if let Needs::Scope(scope) = self.needs {
            codes.push("token_scope");
            codes.push(if scope.is_of_staff() { "not_found" } else { "not_allowed" });
            if scope.is_of_staff() {
                codes.push("not_allowed");
            }
        }
        if self.method != Method::GET && self.needs != Needs::Nothing && self.needs != Needs::Scope(Scope::TokensWrite)
        {
            codes.push("account_restricted");
        }
        if self.path.contains('{') {
            codes.push("not_found");
        }
        codes.sort_unstable();
        codes.dedup();
        codes
    }
}
