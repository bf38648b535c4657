//! The REST API, `/api/v1/…`: a public promise, for programs that hold an access token.
//!
//! - Every operation stands in one list, [`operations`]; the router, the OpenAPI document and the docs page are made from
//!   it. What an operation does is two lines around a verb of `portal`.
//! - A token is the only way in: cookies are not looked at, so no page of another site can use anybody's session here.
//! - Every "no" is a problem document (RFC 9457), also where there is nothing and where a method is not taken.
//! - Nothing that comes through here holds a secret.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use axum::Extension;
use axum::Router;
use axum::extract::{Query, RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, MethodRouter, any, on};
use bytes::Bytes;
use contract::access_tokens::Scope;
use contract::refusal::ProblemDocument;
use contract::rest::RestOperation;
use contract::{Problem, Refusal, RequestId};
use http_body_util::BodyExt as _;
use portal::access_tokens::idempotent::{self, Begun, Given};
use portal::guard::{Door, REST_AT_ONCE, REST_PER_SECOND, Source};
use portal::{Actor, Op};
use serde_json::Value;

use crate::web::AppState;

mod call;
mod document;
mod keys;
mod logs;
mod operation;
mod own;
mod staff;
mod subscriptions;
#[cfg(test)]
mod tests;
mod views;

use call::{Answer, Call, No, wrong};
pub use document::document;
pub use operation::{Body, Kind, Needs, Operation, Shape};
pub(crate) use views::RequestLog;

/// What every path begins with.
pub const PREFIX: &str = "/api/v1";

/// The live stream, which a page with a session opens too.
pub(crate) const LIVE: &str = "/api/v1/request-logs/live";

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Every operation.
pub fn operations() -> &'static [Operation] {
    static ALL: OnceLock<Vec<Operation>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = Vec::new();
        all.extend(own::operations());
        all.extend(keys::operations());
        all.extend(subscriptions::operations());
        all.extend(logs::operations());
        all.extend(staff::operations());
        all
    })
}

/// The operations, as the docs page lists them.
#[must_use]
pub fn reference() -> Arc<Vec<RestOperation>> {
    static ALL: OnceLock<Arc<Vec<RestOperation>>> = OnceLock::new();
    Arc::clone(ALL.get_or_init(|| Arc::new(operations().iter().map(listed).collect())))
}

fn listed(operation: &Operation) -> RestOperation {
    RestOperation {
        method: operation.method.to_string(),
        path: format!("{PREFIX}{}", operation.path),
        id: operation.id.to_owned(),
        summary: operation.summary.to_owned(),
        description: operation.description.to_owned(),
        needs_token: operation.needs != Needs::Nothing,
        scope: match operation.needs {
            Needs::Scope(scope) => Some(scope),
            Needs::Nothing | Needs::Token => None,
        },
        parameters: operation.query.iter().map(|one| (one.name.to_owned(), one.description.to_owned())).collect(),
        example_body: match &operation.body {
            Body::Json(_, example) => Some(example.to_string()),
            Body::Document => Some("@openapi.json".to_owned()),
            Body::None => None,
        },
        status: operation.status,
        codes: operation.all_codes().into_iter().map(str::to_owned).collect(),
    }
}

/// Routes of all operations but those that another door does.
pub fn routes() -> Router<AppState> {
    let mut by_path: BTreeMap<&str, MethodRouter<AppState>> = BTreeMap::new();
    for operation in operations().iter().filter(|operation| operation.handler.is_some()) {
        let filter = MethodFilter::try_from(operation.method.clone()).unwrap_or(MethodFilter::TRACE);
        let one = on(filter, move |state, context, path, request| answer(operation, state, context, path, request));
        let known = by_path.remove(operation.path).unwrap_or_default();
        by_path.insert(operation.path, known.merge(one));
    }
    let nothing = |State(state): State<AppState>, Extension(context): Extension<app::backend::RequestContext>| async move {
        refused(&state, context.op.request, &No::Refused(Refusal::NotFound))
    };
    by_path
        .into_iter()
        .fold(Router::new(), |router, (path, methods)| router.route(&format!("{PREFIX}{path}"), methods))
        .route(PREFIX, any(nothing))
        .route("/api/v1/{*rest}", any(nothing))
}

/// Whether a request may be as long as an OpenAPI document: of staff who change APIs.
pub(crate) fn takes_document(request: &Request) -> bool {
    let path = request.uri().path();
    let of_staff = |context: &app::backend::RequestContext| {
        context.op.token().is_some_and(|holder| holder.staff.is_some() && holder.may(Scope::StaffApisWrite))
    };
    path.starts_with("/api/v1/staff/apis/")
        && path.ends_with("/openapi")
        && request.extensions().get::<app::backend::RequestContext>().is_some_and(of_staff)
}

/// Who asks: whoever the token acts for. Cookies count for nothing.
pub(crate) async fn actor(
    portal: &portal::Portal,
    headers: &HeaderMap,
    now: chrono::DateTime<chrono::Utc>,
) -> portal::Result<Actor> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(one), None) = (all.next(), all.next()) else { return Ok(Actor::Anonymous) };
    let token = one
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, token)) = token else { return Ok(Actor::Anonymous) };
    let holder = portal::access_tokens::resume(portal, token.trim(), now).await?;
    Ok(holder.map_or(Actor::Anonymous, |holder| Actor::Token(Box::new(holder))))
}

async fn answer(
    operation: &'static Operation,
    State(state): State<AppState>,
    Extension(context): Extension<app::backend::RequestContext>,
    path: RawPathParams,
    request: Request,
) -> Response {
    let op = context.op;
    let id = op.request;
    let limited = op.token().is_some();
    let path = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut answer = match work(operation, &state, op, path, request).await {
        Ok(answer) => answer,
        Err(no) => refused(&state, id, &no),
    };
    if limited {
        // All of them come back in so many seconds (draft-ietf-httpapi-ratelimit-headers-11 §3).
        let policy = format!("\"token\";q={REST_AT_ONCE};w={}", REST_AT_ONCE / REST_PER_SECOND);
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            answer.headers_mut().insert(RATE_LIMIT_POLICY, policy);
        }
    }
    answer
}

async fn work(
    operation: &'static Operation,
    state: &AppState,
    op: Op,
    path: BTreeMap<String, String>,
    request: Request,
) -> Result<Response, No> {
    check_token(operation, &op)?;
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|error| No::Failed(error.into()))?.to_bytes();
    let query = read_query(operation, &parts.uri)?;
    check_body(operation, &parts.headers, &body)?;
    let key = if operation.method == Method::POST { idempotency_key(&parts.headers)? } else { None };
    let Some(handler) = operation.handler.clone() else { return Err(Refusal::NotFound.into()) };
    let Some(name) = key.clone() else {
        let answer = handler(Call { op, path, query, body, key }).await?;
        return Ok(given(&written(answer)));
    };
    let asked = parts.uri.path_and_query().map_or("", |whole| whole.as_str());
    let digest = idempotent::digest(&[parts.method.as_str().as_bytes(), asked.as_bytes(), &body]);
    let claim = match idempotent::begin(&op, &name, digest).await? {
        Begun::Claimed(claim) => claim,
        Begun::Done(done) => {
            let mut answer = given(&done);
            answer.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
            return Ok(answer);
        }
    };
    let state = state.clone();
    // Whoever asked may be gone before the work is done: its answer is kept all the same.
    let done = tokio::spawn(async move {
        let id = op.request;
        let answer = match handler(Call { op: op.clone(), path, query, body, key }).await {
            Ok(answer) => written(answer),
            Err(No::Failed(failure)) => {
                idempotent::forget(&op, claim).await?;
                return Err(No::Failed(failure));
            }
            Err(no) => {
                let (status, document) = problem(&state, id, &no);
                Given { status: status.as_u16(), location: None, body: document.to_string() }
            }
        };
        idempotent::finish(&op, claim, &answer).await?;
        Ok(answer)
    });
    Ok(given(&done.await.map_err(|error| No::Failed(error.into()))??))
}

fn check_token(operation: &Operation, op: &Op) -> Result<(), No> {
    if operation.needs == Needs::Nothing {
        return Ok(());
    }
    let holder = op.token().ok_or(Refusal::InvalidToken)?;
    op.portal.guard().check(Door::Rest, op.now, &Source::unknown(), Some(&holder.token.to_string()), false)?;
    match operation.needs {
        Needs::Scope(scope) if scope.is_of_staff() && holder.staff.is_none() => Err(Refusal::NotFound.into()),
        Needs::Scope(scope) if !holder.may(scope) => Err(Refusal::TokenScope { scope: scope.word().to_owned() }.into()),
        _ => Ok(()),
    }
}

/// Reads the query: parameters that the operation has, each once and of its kind.
fn read_query(operation: &Operation, asked: &Uri) -> Result<BTreeMap<String, String>, No> {
    let Query(pairs) =
        Query::<Vec<(String, String)>>::try_from_uri(asked).map_err(|_| wrong("query", Problem::NotReadable))?;
    let mut query = BTreeMap::new();
    for (name, value) in pairs {
        let Some(parameter) = operation.query.iter().find(|parameter| parameter.name == name) else {
            let shown: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
            return Err(wrong(&shown, Problem::NotAChoice));
        };
        match parameter.kind {
            Kind::Text if value.contains('\0') => return Err(wrong(parameter.name, Problem::Invisible)),
            Kind::Text => {}
            Kind::Number(min, max) => {
                if !value.parse::<i64>().is_ok_and(|number| (min..=max).contains(&number)) {
                    return Err(wrong(parameter.name, Problem::NotANumber { min, max }));
                }
            }
            Kind::Word(words) => {
                if !words.contains(&value.as_str()) {
                    return Err(wrong(parameter.name, Problem::NotAChoice));
                }
            }
        }
        if query.insert(name, value).is_some() {
            return Err(wrong(parameter.name, Problem::TooMany { max: 1 }));
        }
    }
    Ok(query)
}

fn check_body(operation: &Operation, headers: &HeaderMap, body: &Bytes) -> Result<(), No> {
    if matches!(operation.body, Body::None) {
        return Ok(());
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(Refusal::UnsupportedMediaType.into());
    }
    if body.is_empty() {
        return Err(No::Unreadable("it is empty".to_owned()));
    }
    Ok(())
}

/// The name of a request that may be repeated: a structured field (a string in quotes), or plain text, which clients
/// send more often.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, No> {
    let mut all = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = all.next() else { return Ok(None) };
    let bad = |problem| wrong("Idempotency-Key", problem);
    if all.next().is_some() {
        return Err(bad(Problem::TooMany { max: 1 }));
    }
    let text = value.to_str().map_err(|_| bad(Problem::Invisible))?.trim();
    let text = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    if text.is_empty() {
        return Err(bad(Problem::Empty));
    }
    if text.len() > idempotent::KEY_MAX {
        return Err(bad(Problem::TooLong { max: idempotent::KEY_MAX as u32 }));
    }
    Ok(Some(text.to_owned()))
}

fn written(answer: Answer) -> Given {
    let body = answer.body.map(|body| body.to_string()).unwrap_or_default();
    Given { status: answer.status, location: answer.location, body }
}

fn given(answer: &Given) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, answer.body.clone()).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    if !answer.body.is_empty() {
        let kind = if status.is_success() { "application/json" } else { "application/problem+json" };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    if let Some(location) = answer.location.as_deref().and_then(|location| HeaderValue::from_str(location).ok()) {
        headers.insert(header::LOCATION, location);
    }
    response
}

fn problem(state: &AppState, id: RequestId, no: &No) -> (StatusCode, Value) {
    let url = &state.portal.settings().public_url;
    let of = |refusal: &Refusal| ProblemDocument::new(refusal, url, id);
    let document = match no {
        No::Refused(refusal) => of(refusal),
        No::Unreadable(how) => {
            let known = of(&Refusal::BodyUnreadable);
            ProblemDocument { detail: format!("{} It says: {how}.", known.detail), ..known }
        }
        No::Failed(failure) => {
            tracing::error!(request = %id, "Request failed: {failure:#}");
            ProblemDocument {
                r#type: "about:blank".to_owned(),
                title: "Internal error".to_owned(),
                status: 500,
                detail: "Something failed on our side. Try again, and if it happens again quote the request id."
                    .to_owned(),
                code: "internal_error".to_owned(),
                request_id: id.to_string(),
                fields: Vec::new(),
            }
        }
    };
    let status = StatusCode::from_u16(document.status).unwrap_or(StatusCode::BAD_REQUEST);
    // A problem is plain data: writing it as JSON cannot fail.
    (status, serde_json::to_value(document).unwrap_or_default())
}

/// The same for what failed before an operation was found.
pub(crate) fn failed(state: &AppState, id: RequestId, error: portal::Error) -> Response {
    refused(state, id, &error.into())
}

/// A problem document, whatever the caller would like to have: this door is for programs.
fn refused(state: &AppState, id: RequestId, no: &No) -> Response {
    let (status, document) = problem(state, id, no);
    let mut answer = given(&Given { status: status.as_u16(), location: None, body: document.to_string() });
    if let No::Refused(refusal) = no {
        if let Some(wait) = refusal.retry_after_s() {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        if *refusal == Refusal::InvalidToken {
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
    }
    answer
}
