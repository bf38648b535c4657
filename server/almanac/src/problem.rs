//! Every "no" of the Almanac, as a problem document (RFC 9457 §3.1), and the extractors that say it.
//!
//! The type is `about:blank`, so the title is the status phrase (§4.2.1); programs match on `code`, people read `detail`.

use axum::body::Bytes;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A problem repeats at most this much of what was sent: enough to recognise it, too little to fill a log.
const SHOWN_MAX: usize = 60;

/// More than three suggestions are a list to read, not a hint.
const NEAREST_MAX: usize = 3;

/// Below this Jaro–Winkler similarity, names share no more than a few letters by chance.
const NEAR: f64 = 0.75;

/// A "no".
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    nearest: Vec<String>,
    fields: Vec<FieldProblem>,
}

/// What is wrong with one member of a request body.
#[derive(Debug, Serialize)]
pub(crate) struct FieldProblem {
    /// The member, such as `to` or `want[1]`.
    pub field: String,
    /// What to do about it.
    pub detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), nearest: Vec::new(), fields: Vec::new() }
    }

    /// A parameter in path or query that cannot be used.
    pub(crate) fn parameter(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// A body that was read and understood, but asks for something impossible.
    pub(crate) fn fields(fields: Vec<FieldProblem>) -> Self {
        let detail = match fields.as_slice() {
            [one] => format!("Correct `{}` and send the body again. {}", one.field, one.detail),
            _ => "Correct the members listed in `fields` and send the body again.".to_owned(),
        };
        Self { fields, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_input", detail) }
    }

    /// Nothing has this name; says which names come close.
    pub(crate) fn unknown<'a>(
        code: &'static str,
        what: &str,
        wanted: &str,
        names: impl IntoIterator<Item = &'a str>,
        list: &str,
    ) -> Self {
        let nearest = nearest(wanted, names);
        let hint = did_you_mean(&nearest).unwrap_or_else(|| format!("`GET {list}` lists all of them."));
        let detail = format!("There is no {what} `{}`. {hint}", shown(wanted));
        Self { nearest, ..Self::new(StatusCode::NOT_FOUND, code, detail) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut document = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or_default(),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        if !self.nearest.is_empty() {
            document["nearest"] = json!(self.nearest);
        }
        if !self.fields.is_empty() {
            document["fields"] = json!(self.fields);
        }
        (self.status, [(header::CONTENT_TYPE, "application/problem+json")], document.to_string()).into_response()
    }
}

/// A sentence out of suggestions; none without them.
pub(crate) fn did_you_mean(nearest: &[String]) -> Option<String> {
    let (last, others) = nearest.split_last()?;
    let list = match others {
        [] => format!("`{last}`"),
        _ => format!("`{}` or `{last}`", others.join("`, `")),
    };
    Some(format!("Did you mean {list}?"))
}

/// The names most similar to what was asked for, the most similar first.
pub(crate) fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    if wanted.chars().count() > SHOWN_MAX {
        return Vec::new();
    }
    let wanted = wanted.to_lowercase();
    let mut near: Vec<(f64, &str)> = names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&wanted, &name.to_lowercase()), name))
        .filter(|(similarity, _)| *similarity >= NEAR)
        .collect();
    near.sort_by(|one, other| other.0.total_cmp(&one.0));
    near.into_iter().take(NEAREST_MAX).map(|(_, name)| name.to_owned()).collect()
}

/// What was sent, cut short.
pub(crate) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The answer to an address that does not exist.
pub(crate) async fn unknown_route(uri: Uri) -> Problem {
    let detail = format!("There is nothing at `{}`. `GET /openapi.json` lists every address.", shown(uri.path()));
    Problem::new(StatusCode::NOT_FOUND, "unknown_route", detail)
}

/// The answer to an address that exists, but not for this method. The router adds `Allow`.
pub(crate) async fn method_not_allowed(method: Method) -> Problem {
    let detail =
        format!("This address does not take {}. The Allow header lists which it takes.", shown(method.as_str()));
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}

/// Segments of the path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub(crate) struct Path<T>(pub T);

impl From<PathRejection> for Problem {
    fn from(_: PathRejection) -> Self {
        Self::parameter("invalid_path", "Write the path in UTF-8, percent-encoded.")
    }
}

/// Parameters of the query.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub(crate) struct Query<T>(pub T);

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        let text = rejection.body_text();
        let reason = text.rsplit_once("query string: ").map_or(text.as_str(), |(_, reason)| reason);
        Self::parameter("invalid_query", format!("Correct the query: {}.", clipped(reason)))
    }
}

/// A JSON body, of a type and size that we take.
pub(crate) struct JsonBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        if !is_json(request.headers()) {
            let problem = Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Send the body as JSON, with `Content-Type: application/json`.",
            );
            // RFC 9110 §15.5.16: `Accept` in the answer says which types would do.
            return Err(([(header::ACCEPT, "application/json")], problem).into_response());
        }
        let body = Bytes::from_request(request, state).await.map_err(|rejection| {
            match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "too_large",
                    format!("Send a shorter body: at most {} kB.", crate::BODY_MAX / 1024),
                ),
                _ => Problem::parameter("body_cut_short", "The body ended before it was complete. Send it again."),
            }
            .into_response()
        })?;
        understand(&body).map(Self).map_err(IntoResponse::into_response)
    }
}

fn understand<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        Problem::parameter("invalid_json", format!("Send a body that is valid JSON: {}.", clipped(&error.to_string())))
    })?;
    let misfit = |reason: &str| {
        let detail = format!("Send the body in the form that `/openapi.json` describes: {}.", clipped(reason));
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_input", detail)
    };
    // serde would take an array of the members for the object.
    if !value.is_object() {
        return Err(misfit("it is not an object"));
    }
    // From the text and not from the value, which has forgotten members that came twice, and where they stood.
    serde_json::from_slice(body).map_err(|error| misfit(&error.to_string()))
}

/// Reasons quote what was sent; this bounds how much of it.
fn clipped(reason: &str) -> String {
    reason.chars().take(3 * SHOWN_MAX).collect()
}

/// `application/json` or any `application/…+json` (RFC 6839 §3.1), whatever parameters follow.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}
