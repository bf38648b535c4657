//! Answers that are not pages: refusals, failures, and the headers that every answer carries.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse as _, Response};
use bytes::BytesMut;
use contract::refusal::ProblemDocument;
use contract::{Refusal, RequestId};
use http_body_util::BodyExt as _;
use serde::Deserialize;
use tower_http::csrf::ProtectionError;
use uuid::Uuid;

use super::context::REQUEST_ID;
use super::{AppState, BODY_MAX, documents, leaks};

/// A refusal: a page for people, a problem document (RFC 9457) for programs.
pub(super) fn refused(state: &AppState, id: RequestId, asked: &HeaderMap, refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let document = ProblemDocument::new(refusal, &state.portal.settings().public_url, id);
    let accepts_html = asked
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    let mut answer = if accepts_html {
        (status, Html(page(&document))).into_response()
    } else {
        let mut answer = (status, Json(document)).into_response();
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        answer
    };
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Refusal::TooManyTries { retry_after_s } = refusal {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*retry_after_s));
    }
    if accepts_html {
        let policy =
            HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
        answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    answer
}

/// A page without anything of ours around it: it is also the answer to requests that we trust least. Every word in it
/// is our own.
fn page(document: &ProblemDocument) -> String {
    let ProblemDocument { title, detail, code, request_id, .. } = document;
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><main><h1>{title}</h1><p>{detail}</p><p><a href=\"/docs/errors/{code}\">What this means</a> · <a href=\"/\">Front page</a></p>\
         <p><small>{request_id}</small></p></main></html>"
    )
}

/// A failure of ours, before a page could be drawn.
pub(super) fn failed(state: &AppState, id: RequestId, error: portal::Error) -> Response {
    match error {
        portal::Error::Refused(refusal) => refused(state, id, &HeaderMap::new(), &refusal),
        portal::Error::Failed(failure) => {
            tracing::error!(request = %id, "Request failed: {failure:#}");
            (StatusCode::INTERNAL_SERVER_ERROR, format!("Something failed on our side. Nothing was changed. Try again, and if it happens again quote {id}.\n"))
                .into_response()
        }
    }
}

/// Gives the refusals of the layers below a code and a sentence: another method, another site, too large a body.
pub(super) async fn explain(State(state): State<AppState>, request: Request, next: Next) -> Response {
    // The REST API is for programs, whatever they say that they would like.
    let rest = request.uri().path().starts_with(crate::api::PREFIX);
    let asked = if rest { HeaderMap::new() } else { request.headers().clone() };
    let id = request.extensions().get::<app::backend::RequestContext>().map(|context| context.op.request);
    let function = request.uri().path().starts_with("/rpc/");
    let mut answer = next.run(request).await;
    if function && answer.status() == StatusCode::INTERNAL_SERVER_ERROR {
        answer = with_own_status(answer).await;
    }
    let Some(id) = id else { return answer };
    let refusal = if answer.extensions().get::<ProtectionError>().is_some() {
        Refusal::CrossSite
    } else if answer.status() == StatusCode::METHOD_NOT_ALLOWED {
        Refusal::MethodNotAllowed
    } else if answer.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Refusal::TooLarge
    } else {
        return answer;
    };
    let mut explained = refused(&state, id, &asked, &refusal);
    if let Some(allowed) = answer.headers().get(header::ALLOW) {
        explained.headers_mut().insert(header::ALLOW, allowed.clone());
    }
    explained
}

/// What the errors of all server functions have in common.
#[derive(Deserialize)]
struct Refused {
    #[serde(rename = "Refused")]
    refusal: Refusal,
}

/// A server function answers 500 when it never began, because its fields could not be read, whatever it says.
async fn with_own_status(answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    let body = to_bytes(body, BODY_MAX).await.unwrap_or_default();
    if let Ok(Refused { refusal }) = serde_json::from_slice(&body) {
        parts.status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    }
    Response::from_parts(parts, Body::from(body))
}

/// Bodies up to this size are read to their end although they are refused: a client that is cut off while it still
/// sends never reads why.
const PASSED_OVER_MAX: usize = 8 * 1024 * 1024;

/// Takes the whole body before anything looks at it, so that one without a length is refused like one with it.
pub(super) async fn take_body(request: Request, next: Next) -> Response {
    let most = if documents::is_form(&request) {
        documents::FORM_MAX
    } else if crate::api::takes_document(&request) {
        contract::apis::OPENAPI_MAX
    } else if leaks::is_report(&request) {
        contract::leaks::REPORT_BYTES_MAX
    } else {
        BODY_MAX
    };
    let (parts, mut body) = request.into_parts();
    let mut taken = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return StatusCode::BAD_REQUEST.into_response() };
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length <= most {
            taken.extend_from_slice(&data);
        } else if length > PASSED_OVER_MAX {
            break;
        }
    }
    if length > most {
        StatusCode::PAYLOAD_TOO_LARGE.into_response()
    } else {
        next.run(Request::from_parts(parts, Body::from(taken.freeze()))).await
    }
}

/// A file that is missing during an update is there a moment later: nobody may keep that it was not.
pub(super) async fn forget_missing(mut answer: Response) -> Response {
    if answer.status().is_client_error() || answer.status().is_server_error() {
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    answer
}

/// Headers of every answer.
pub(super) async fn harden(mut answer: Response) -> Response {
    let always = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Forms without a script are answered with a redirect to their page, which the browser must name.
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=()"),
    ];
    for (name, value) in always {
        answer.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    // Files, and what failed on its way out.
    if !answer.headers().contains_key(REQUEST_ID)
        && let Ok(id) = HeaderValue::from_str(&RequestId::new(Uuid::now_v7()).to_string())
    {
        answer.headers_mut().insert(REQUEST_ID, id);
    }
    answer
}
