//! Forms are accepted from our own pages alone. `tower-http`'s layer looks at what a browser says of where a form comes
//! from; here stands what it lets through and we do not.

use app::backend::RequestContext;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use contract::Refusal;

use super::AppState;
use super::answers::refused;

/// Refuses what changes something and cannot be known to come from a page of ours.
pub(super) async fn only_own_forms(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if reads || !is_doubtful(request.headers(), state.web.secure_cookies) {
        return next.run(request).await;
    }
    match request.extensions().get::<RequestContext>() {
        Some(context) => refused(&state, context.op.request, request.headers(), &Refusal::CrossSite),
        None => next.run(request).await,
    }
}

/// - A browser that says nothing, and brings its cookies, is older than any that can be trusted with them. A program
///   that brings none has nothing that could be used against its will.
/// - Without `Sec-Fetch-Site` the layer compares the host alone. What came over plain HTTP from a host of our name may
///   have been written by whoever sits on the line.
fn is_doubtful(headers: &HeaderMap, secure: bool) -> bool {
    if headers.contains_key("sec-fetch-site") {
        return false;
    }
    // An empty one says nothing, and the layer takes it for none.
    match headers.get(header::ORIGIN).filter(|origin| !origin.is_empty()) {
        None => headers.contains_key(header::COOKIE),
        Some(origin) => secure && !origin.as_bytes().starts_with(b"https://"),
    }
}
