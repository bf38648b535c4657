//! Before anything else looks at a request: who sends it, when, and what it is called.

use app::backend::{RequestContext, encoded, session_cookie, session_cookie_header};
use app::paths;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use contract::{Refusal, RequestId};
use portal::Actor;
use uuid::Uuid;

use super::AppState;
use super::answers::{failed, refused};
use super::browser::browser;
use crate::clock;

/// The header that names a request, on the way out: the same on the portal and on the gateway.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// Puts a [`RequestContext`] into the request; leads people who must sign in first to where they can.
pub(super) async fn with_context(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let now = clock::now();
    let id = RequestId::new(Uuid::now_v7());
    let cookies = CookieJar::from_headers(request.headers());
    let cookie = cookies.get(session_cookie(state.web.secure_cookies)).map(|cookie| cookie.value().to_owned());
    let actor = match whoever(&state, request.uri().path(), request.headers(), cookie, now).await {
        Ok(actor) => actor,
        Err(error) if is_rest(request.uri().path()) => return crate::api::failed(&state, id, error),
        Err(error) => return failed(&state, id, error),
    };
    let answer = match turn_away(&request, &actor) {
        Some(Turn::SignIn(to)) => Redirect::to(&to).into_response(),
        Some(Turn::NotFound) => refused(&state, id, request.headers(), &Refusal::NotFound),
        None => {
            let op = state.portal.op(actor, now, id).from_browser(browser(&request, &cookies, &state.web));
            request.extensions_mut().insert(RequestContext {
                op: op.clone(),
                secure_cookies: state.web.secure_cookies,
                revealed: None,
                codes: None,
                tried: None,
                document: None,
                import: None,
                checked: None,
                token: None,
                rest: crate::api::reference(),
            });
            let mut answer = next.run(request).await;
            // A verb that changed what the session may do gave it a new token.
            let header = op.handed().map(|token| session_cookie_header(state.web.secure_cookies, &token));
            if let Some(header) = header.and_then(|header| HeaderValue::from_str(&header).ok()) {
                answer.headers_mut().append(header::SET_COOKIE, header);
            }
            answer
        }
    };
    named(answer, id)
}

/// What data and redirects may do in a browser: nothing. Pages bring a policy of their own.
const NOTHING: HeaderValue =
    HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");

/// Names the answer; lets it do nothing, and nobody keep it, unless it says otherwise.
fn named(mut answer: Response, id: RequestId) -> Response {
    answer.headers_mut().entry(header::CONTENT_SECURITY_POLICY).or_insert(NOTHING);
    answer.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        answer.headers_mut().insert(REQUEST_ID, id);
    }
    answer
}

/// Whether it is an address of the REST API.
fn is_rest(path: &str) -> bool {
    path.strip_prefix(crate::api::PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Programs hold a token, and browsers a cookie. The REST API looks at no cookie; its live stream alone, which pages open
/// too, does where there is no token.
async fn whoever(
    state: &AppState,
    path: &str,
    headers: &HeaderMap,
    cookie: Option<String>,
    now: chrono::DateTime<chrono::Utc>,
) -> portal::Result<Actor> {
    if is_rest(path) && (path != crate::api::LIVE || headers.contains_key(header::AUTHORIZATION)) {
        return crate::api::actor(&state.portal, headers, now).await;
    }
    actor(state, cookie, now).await
}

async fn actor(state: &AppState, cookie: Option<String>, now: chrono::DateTime<chrono::Utc>) -> portal::Result<Actor> {
    let Some(cookie) = cookie else { return Ok(Actor::Anonymous) };
    let person = portal::sessions::resume(&state.portal, &cookie, now).await?;
    Ok(person.map_or(Actor::Anonymous, |person| Actor::Account(Box::new(person))))
}

enum Turn {
    SignIn(String),
    NotFound,
}

/// Pages that need somebody: a page without its reader would only say so.
fn turn_away(request: &Request, actor: &Actor) -> Option<Turn> {
    let path = request.uri().path();
    let of = |place: &str| path == place || path.strip_prefix(place).is_some_and(|rest| rest.starts_with('/'));
    let private = of(paths::CONSOLE) || of("/admin") || of(paths::REVEAL) || of(paths::STEP_UP);
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    match actor {
        Actor::Anonymous if private && reads => {
            let asked = request.uri().path_and_query().map_or(path, |whole| whole.as_str());
            Some(Turn::SignIn(format!("{}?next={}", paths::SIGN_IN, encoded(asked))))
        }
        Actor::Account(person) if of("/admin") && person.staff.is_none() => Some(Turn::NotFound),
        _ => None,
    }
}
