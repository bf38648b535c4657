//! Calls that are tried from the docs: the form of an operation is sent to the portal, which makes the call as a program
//! would, at the gateway and with the key from the form, and draws the page with the answer.
//!
//! - The call goes to this program's own gateway and nowhere else: neither form nor document names a host.
//! - The key is in memory for as long as the call takes. It is not on the page that is drawn, and in no log.
//! - It is a call like any other: it counts, it costs, and it leaves a row.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use app::backend::{RequestContext, encoded};
use app::paths;
use axum::body::Body;
use axum::extract::{FromRequest as _, Path, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::response::Response;
use axum::{Extension, Form};
use contract::apis::{Operation, TriedAnswer, TypedCall};
use contract::fields::{Check, Problem};
use contract::keys::Secret;
use contract::{Refusal, RequestId};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use super::AppState;
use super::answers::refused;
use super::shown_once::{draw, somewhere_first, status_of, told};

/// Longer than any upstream is waited for by default: the gateway's own answer to a slow one is worth seeing.
const PATIENCE: Duration = Duration::from_secs(60);

/// As much of an answer's body as is shown.
const SHOWN_BYTES: usize = 64 * 1024;

/// As many of its headers.
const SHOWN_HEADERS: usize = 50;

/// Where this program's gateway listens: known once it does.
#[derive(Clone, Debug, Default)]
pub struct OwnGateway(Arc<OnceLock<SocketAddr>>);

impl OwnGateway {
    /// It listens here. The first address stays.
    pub fn listens(&self, at: SocketAddr) {
        // A listener on all addresses is reached at the one that every machine has.
        let ip = match at.ip() {
            ip if !ip.is_unspecified() => ip,
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        let _ = self.0.set(SocketAddr::new(ip, at.port())); // the one that was there is it
    }
}

/// Makes the call, and draws the page of the API with its answer.
pub(super) async fn call(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    Extension(mut context): Extension<RequestContext>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let form = Form::<Vec<(String, String)>>::from_request(Request::from_parts(parts.clone(), body), &state).await;
    let Ok(Form(mut fields)) = form else {
        let refusal = Refusal::InvalidInput { fields: Vec::new() };
        return refused(&state, context.op.request, &parts.headers, &refusal);
    };
    let key = fields.iter().position(|(name, _)| name == "key").map(|place| fields.swap_remove(place).1);
    let key = Secret::new(key.unwrap_or_default().trim().to_owned());
    let typed = TypedCall::of(fields);
    let answer = told(&context, tried(&state, &context, &slug, &typed, &key).await);
    if let Some(first) = somewhere_first(&answer, &paths::api(&encoded(&slug))) {
        return first;
    }
    let status = status_of(&answer);
    context.tried = Some(Arc::new((typed, answer)));
    draw(&state, parts, context, status).await
}

async fn tried(
    state: &AppState,
    context: &RequestContext,
    slug: &str,
    typed: &TypedCall,
    key: &Secret,
) -> portal::Result<TriedAnswer> {
    context.op.signed_in()?;
    let docs = portal::apis::docs(&context.op, slug).await?;
    let named = |one: &&Operation| one.method == typed.method && one.path == typed.path;
    let operation = docs.operations.iter().find(named).ok_or(Refusal::NotFound)?;
    let mut check = Check::default();
    let target = target(&mut check, operation, typed);
    let credential =
        HeaderValue::try_from(format!("Bearer {}", key.reveal())).ok().filter(|_| !key.reveal().is_empty());
    if credential.is_none() {
        check.refuse("key", Problem::Empty);
    }
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    let gateway = state.gateway.0.get().context("the gateway does not listen yet")?;
    let mut request = Request::new(Body::from(typed.body.clone()));
    *request.method_mut() = Method::from_bytes(operation.method.as_bytes()).context("a method that cannot be sent")?;
    *request.uri_mut() = format!("http://{gateway}/{slug}{target}").parse().context("a path that cannot be sent")?;
    if let Some(mut credential) = credential {
        credential.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, credential);
    }
    if !typed.body.is_empty() {
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let answered =
        tokio::time::timeout(PATIENCE, answer(request)).await.context("the gateway did not answer in time")?;
    Ok(answered.context("the gateway did not answer")?)
}

/// Path and query, with what was typed in the places of the parameters.
fn target(check: &mut Check, operation: &Operation, typed: &TypedCall) -> String {
    let mut path = operation.path.clone();
    let mut query = Vec::new();
    for parameter in &operation.parameters {
        let value = typed.value(&parameter.place, &parameter.name);
        match parameter.place.as_str() {
            "path" if value.is_empty() => {
                check.refuse(&TypedCall::field(&parameter.place, &parameter.name), Problem::Empty)
            }
            // A slash would begin another segment.
            "path" => {
                let segment = encoded(value).replace('/', "%2F");
                path = path.replace(&format!("{{{}}}", parameter.name), &segment);
            }
            "query" if value.is_empty() && parameter.required => {
                check.refuse(&TypedCall::field(&parameter.place, &parameter.name), Problem::Empty);
            }
            "query" if !value.is_empty() => query.push(format!("{}={}", encoded(&parameter.name), encoded(value))),
            _ => {}
        }
    }
    if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
}

async fn answer(request: Request) -> anyhow::Result<TriedAnswer> {
    let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build_http();
    let (parts, mut body) = client.request(request).await?.into_parts();
    let mut bytes = Vec::new();
    let mut is_whole = true;
    while let Some(frame) = body.frame().await {
        // An answer that breaks off is shown as far as it came.
        let Ok(frame) = frame else {
            is_whole = false;
            break;
        };
        let Some(data) = frame.data_ref() else { continue };
        let room = SHOWN_BYTES - bytes.len();
        bytes.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            is_whole = false;
            break;
        }
    }
    Ok(TriedAnswer {
        status: parts.status.as_u16(),
        request: request_id(&parts.headers),
        headers: shown(&parts.headers),
        body: String::from_utf8(bytes).ok(),
        is_whole,
    })
}

fn request_id(headers: &HeaderMap) -> Option<RequestId> {
    headers.get("request-id")?.to_str().ok()?.parse().ok()
}

fn shown(headers: &HeaderMap) -> Vec<(String, String)> {
    let line = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    headers.iter().take(SHOWN_HEADERS).map(line).collect()
}

impl fmt::Display for OwnGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.get() {
            Some(address) => address.fmt(f),
            None => f.write_str("not listening"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use contract::apis::{Parameter, RouteTerms};

    use super::*;

    fn operation() -> Operation {
        let parameter = |name: &str, place: &str, required| Parameter {
            name: name.to_owned(),
            place: place.to_owned(),
            required,
            description: String::new(),
            example: String::new(),
        };
        Operation {
            method: "GET".to_owned(),
            path: "/v1/sun/{place}".to_owned(),
            summary: String::new(),
            description: String::new(),
            parameters: vec![
                parameter("place", "path", true),
                parameter("date", "query", true),
                parameter("zone", "query", false),
                parameter("x-trace", "header", false),
            ],
            terms: RouteTerms::default(),
            example_body: None,
            example_path: String::new(),
        }
    }

    fn typed(fields: &[(&str, &str)]) -> TypedCall {
        TypedCall::of(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn what_is_typed_stays_in_its_place_whatever_it_says() {
        let made = |place: &str, date: &str| {
            let mut check = Check::default();
            target(&mut check, &operation(), &typed(&[("path.place", place), ("query.date", date)]))
        };
        assert_eq!(made("lisbon", "2026-06-21"), "/v1/sun/lisbon?date=2026-06-21");
        assert_eq!(made("../../other/api", "a&admin=1#x"), "/v1/sun/..%2F..%2Fother%2Fapi?date=a%26admin%3D1%23x");
        assert_eq!(made("@evil.example", " "), "/v1/sun/%40evil.example?date=%20");
    }

    #[test]
    fn what_is_needed_and_missing_is_told() {
        let mut check = Check::default();
        target(&mut check, &operation(), &typed(&[("query.zone", "UTC")]));
        let problems = check.finish().unwrap_err();
        let fields: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, ["path.place", "query.date"]);
    }

    #[test]
    fn a_gateway_on_all_addresses_is_called_on_this_machine() {
        for (listens, called) in
            [("0.0.0.0:8080", "127.0.0.1:8080"), ("[::]:8080", "[::1]:8080"), ("10.0.0.7:1", "10.0.0.7:1")]
        {
            let gateway = OwnGateway::default();
            assert_eq!(gateway.to_string(), "not listening");
            gateway.listens(listens.parse().unwrap());
            assert_eq!(gateway.to_string(), called);
        }
    }
}
