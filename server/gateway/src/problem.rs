//! A refusal as an answer: a problem document (RFC 9457) with everything a program or a person needs next.

use bytes::Bytes;
use contract::refusal::ProblemDocument;
use contract::{Refusal, RequestId};
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, LINK, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{Response, StatusCode};

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// What [`Refusal::MethodNotAllowed`] lists: every method but `TRACE` and `CONNECT` passes, and these are the common.
const ALLOWED: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");

/// RFC 6750 §3: at least one parameter, and no `error` where no key was presented.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"gateway\"");
const CHALLENGE_AGAIN: HeaderValue = HeaderValue::from_static("Bearer realm=\"gateway\", error=\"invalid_token\"");

pub(crate) fn problem(refusal: &Refusal, portal_url: &str, id: RequestId) -> Response<Bytes> {
    let document = ProblemDocument::new(refusal, portal_url, id);
    // The document is plain data; should it fail to serialize all the same, status and headers still tell.
    let body = Bytes::from(serde_json::to_vec(&document).unwrap_or_default());
    let length = body.len();
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    // The same URL answers otherwise as soon as the key or the upstream is well again.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(value) = request_id(id) {
        headers.insert(REQUEST_ID, value);
    }
    if let Some(seconds) = refusal.retry_after_s() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    match refusal {
        Refusal::MissingKey | Refusal::ServiceTokenRefused => drop(headers.insert(WWW_AUTHENTICATE, CHALLENGE)),
        Refusal::MalformedKey | Refusal::UnknownKey | Refusal::RevokedKey | Refusal::ExpiredKey => {
            headers.insert(WWW_AUTHENTICATE, CHALLENGE_AGAIN);
        }
        Refusal::MethodNotAllowed => drop(headers.insert(ALLOW, ALLOWED)),
        Refusal::UnknownApi => {
            // RFC 8631 §4.1: where a person finds what there is.
            if let Ok(link) = HeaderValue::try_from(format!("<{portal_url}/docs>; rel=\"service-doc\"")) {
                headers.insert(LINK, link);
            }
        }
        _ => {}
    }
    answer
}

/// An id as a header value; it is always plain ASCII.
pub(crate) fn request_id(id: RequestId) -> Option<HeaderValue> {
    HeaderValue::from_maybe_shared(Bytes::from(id.to_string())).ok()
}
