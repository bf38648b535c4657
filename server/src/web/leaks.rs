//! Leaked keys: the door for secret scanning programmes, what they look for, and the form of the self-check.
//!
//! No address, log line or answer of these holds what was reported.

use std::sync::Arc;

use app::backend::RequestContext;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, post};
use axum::{Extension, Form, Json};
use contract::Refusal;
use contract::keys::Secret;
use contract::leaks::{CheckWish, REPORT_BYTES_MAX};
use serde::Deserialize;

use super::AppState;
use super::answers::{failed, refused};
use super::shown_once::{draw, status_of, told};

/// Where programmes report. Public: it stands in their files.
pub(super) const INTAKE: &str = "/api/v1/leaks";

/// Which of its keys a programme signed with, and the signature.
const KEY_ID: &str = "github-public-key-identifier";
const SIGNATURE: &str = "github-public-key-signature";

/// Whether a request may be as long as a report.
pub(super) fn is_report(request: &Request) -> bool {
    request.uri().path() == INTAKE
}

/// The door for programmes: no form of ours is as long as a report.
pub(super) fn door() -> MethodRouter<AppState> {
    post(intake).layer(DefaultBodyLimit::max(REPORT_BYTES_MAX))
}

/// Takes a report. Its signature is over the bytes as they came.
async fn intake(
    State(state): State<AppState>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let one = |name: &str| {
        let mut values = headers.get_all(name).iter();
        // Of two signatures nobody can say which one counts.
        values.next().filter(|_| values.next().is_none()).and_then(|value| value.to_str().ok())
    };
    match portal::leaks::take_reports(&context.op, one(KEY_ID), one(SIGNATURE), &body).await {
        Ok(feedback) => ([(header::CACHE_CONTROL, "no-store")], Json(feedback)).into_response(),
        Err(portal::Error::Refused(refusal)) => refused(&state, context.op.request, &HeaderMap::new(), &refusal),
        Err(error) => failed(&state, context.op.request, error),
    }
}

/// What scanners look for. Any page may read it: there is nothing in it that is not public.
pub(super) async fn patterns(Extension(context): Extension<RequestContext>) -> Response {
    let mut answer = Json(portal::leaks::pattern_document(&context.op)).into_response();
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    answer
}

#[derive(Deserialize)]
struct Fields {
    secret: Option<Secret>,
    #[serde(default)]
    wish: String,
    #[serde(default)]
    proof: String,
}

/// Looks at a string, reports it if that is wished, and draws the page with the answer, which does not hold it.
pub(super) async fn check(
    State(state): State<AppState>,
    Extension(mut context): Extension<RequestContext>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(Form(fields)) = Form::<Fields>::from_request(Request::from_parts(parts.clone(), body), &state).await else {
        let refusal = Refusal::InvalidInput { fields: Vec::new() };
        return refused(&state, context.op.request, &parts.headers, &refusal);
    };
    let secret = fields.secret.unwrap_or_else(|| Secret::new(String::new()));
    let wish = CheckWish::from_word(&fields.wish).unwrap_or_default();
    let answer = told(&context, portal::leaks::self_check(&context.op, &secret, wish, &fields.proof).await);
    let status = status_of(&answer);
    context.checked = Some(Arc::new(answer));
    draw(&state, parts, context, status).await
}
