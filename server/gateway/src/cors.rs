//! Pages of other sites that call an API (Fetch standard, "CORS protocol"): only where its owner named the site.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, CONTENT_LENGTH, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use http::request::Parts;
use http::{Method, Response, StatusCode};

use crate::admit::names;
use crate::ports::Upstream;
use crate::problem::{REQUEST_ID, request_id};

/// What scripts may read of an answer beside the few headers that they may always read.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("ratelimit, ratelimit-policy, retry-after, request-id, content-length, link");

/// Ten minutes: what browsers remember without asking again, and how long a site that is struck off may still ask.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// The site whose page sent the request, if the API's owner named it.
pub(crate) fn allowed_origin<'a>(headers: &'a HeaderMap, upstream: &Upstream) -> Option<&'a HeaderValue> {
    headers.get(ORIGIN).filter(|origin| names(&upstream.origins, origin))
}

/// The answer to a browser that asks whether it may send the request it has in mind. It carries no key, so it is
/// answered before one is looked for, and costs nothing.
pub(crate) fn preflight(parts: &Parts, upstream: &Upstream, id: contract::RequestId) -> Option<Response<Bytes>> {
    let method = parts.headers.get(ACCESS_CONTROL_REQUEST_METHOD).filter(|_| parts.method == Method::OPTIONS)?;
    let origin = allowed_origin(&parts.headers, upstream)?;
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let headers = answer.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, method.clone());
    if let Some(wanted) = parts.headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    if let Some(id) = request_id(id) {
        headers.insert(REQUEST_ID, id);
    }
    allow(origin, headers);
    headers.remove(CONTENT_LENGTH);
    Some(answer)
}

/// Lets the site read the answer. Only ours counts: what the upstream said about other sites was meant for its own.
pub(crate) fn allow(origin: &HeaderValue, headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    headers.append(VARY, HeaderValue::from_static("origin"));
}
