//! A gateway with its ports in memory, upstreams to put behind it, and a client that says exactly what it is told to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::IntoResponse;
use contract::keys::format::{RANDOM_LENGTH, assemble};
use contract::keys::hash::{KeyHash, KeyHasher};
use contract::request_logs::{Caller, RequestRow};
use contract::{ApiId, Environment, KeyId, OrganizationId};
use gateway::{
    Gateway, Grant, GrantState, KeyDirectory, NameDirectory, Places, Ports, Reachable, RequestSink, Routes, Settings,
    Subscription, SubscriptionDirectory, Upstream, UpstreamDirectory, serve,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub const PORTAL: &str = "https://portal.test";

/// Random parts of keys, chosen so that no window of them stands in anything else.
const ACTIVE: &[u8; RANDOM_LENGTH] = b"Zq7Xk2Wv9Jp4Ym6Tz8Rb3Nc5Hd1";
const REVOKED: &[u8; RANDOM_LENGTH] = b"Vx8Lw3Kz7Qj5Pn2Gy9Fm4Tr6Bs1";
const PAUSED: &[u8; RANDOM_LENGTH] = b"Hf6Rk9Wz2Xq8Jd5Vm3Gt7Yb4Lp1";
const UNKNOWN: &[u8; RANDOM_LENGTH] = b"Wd4Hv9Xq6Zk3Jm8Yp2Lt7Rg5Nc1";

pub fn active() -> String {
    assemble("cs", Environment::Live, ACTIVE)
}

pub fn revoked() -> String {
    assemble("cs", Environment::Test, REVOKED)
}

pub fn paused() -> String {
    assemble("cs", Environment::Live, PAUSED)
}

pub fn unknown() -> String {
    assemble("cs", Environment::Live, UNKNOWN)
}

pub fn caller() -> Caller {
    Caller {
        key: KeyId::new(Uuid::from_u128(3)),
        key_label: "My server".to_owned(),
        secret_version: 1,
        environment: Environment::Live,
        organization: OrganizationId::new(Uuid::from_u128(4)),
        organization_name: "Northwind".to_owned(),
    }
}

pub fn api() -> (ApiId, String) {
    (ApiId::new(Uuid::from_u128(2)), "almanac".to_owned())
}

struct Keys(Mutex<HashMap<[u8; 32], Arc<Grant>>>);

impl KeyDirectory for Keys {
    fn find(&self, hash: &KeyHash) -> Option<Arc<Grant>> {
        self.0.lock().unwrap().get(&hash.0).cloned()
    }
}

struct Upstreams(Arc<Upstream>);

impl UpstreamDirectory for Upstreams {
    fn find(&self, slug: &str) -> Option<Arc<Upstream>> {
        assert!(!gateway::RESERVED.contains(&slug), "asked for the reserved segment `{slug}`");
        (slug == self.0.slug).then(|| self.0.clone())
    }
}

struct Sink(mpsc::UnboundedSender<RequestRow>, bool);

impl RequestSink for Sink {
    fn record(&self, row: RequestRow) {
        let _ = self.0.send(row);
    }

    fn can_record(&self) -> bool {
        self.1
    }
}

/// Everybody may use the same.
struct Subscriptions(Option<Arc<Subscription>>);

impl SubscriptionDirectory for Subscriptions {
    fn find(&self, _: OrganizationId, _: &Upstream) -> Option<Arc<Subscription>> {
        self.0.clone()
    }
}

/// How a gateway is built.
pub struct Plan {
    pub base: String,
    /// Further places of the upstream.
    pub more: Vec<String>,
    pub timeout: Duration,
    pub drain: Duration,
    pub roots: Vec<Vec<u8>>,
    pub trusted_proxies: Vec<&'static str>,
    pub service_tokens: Vec<String>,
    /// The active key.
    pub grant: Grant,
    /// The API; its base and its timeout are those above.
    pub api: Upstream,
    /// What the organization may use of the API.
    pub subscription: Option<Subscription>,
    /// Whether rows can be written down.
    pub can_record: bool,
    /// The upstreams of tests are on this machine.
    pub reachable: Reachable,
    pub names: Option<Arc<dyn NameDirectory>>,
    /// Changes what else the gateway is told.
    pub change: fn(&mut Settings),
}

impl Plan {
    /// Long times: a test that does not ask for a timeout must not meet one.
    pub fn over(base: impl Into<String>) -> Self {
        let long = Duration::from_secs(60);
        let (id, slug) = api();
        let routes = [("get", "/v1/sun/{place}"), ("post", "/v1/sun/{place}"), ("get", "/")];
        Self {
            base: base.into(),
            more: Vec::new(),
            timeout: long,
            drain: long,
            roots: Vec::new(),
            trusted_proxies: Vec::new(),
            service_tokens: Vec::new(),
            grant: Grant::new(GrantState::Active, caller()),
            api: Upstream::new(id, slug, http::Uri::default(), Routes::new(routes).unwrap(), long),
            subscription: Some(Subscription { meter: None, quota: None, spent: Arc::default() }),
            can_record: true,
            reachable: Reachable::Everything,
            names: None,
            change: |_| {},
        }
    }

    pub async fn open(self) -> House {
        let hasher = KeyHasher::new(&[7; 32]);
        let grant = |key: &str, state| (hasher.hash(key).0, Arc::new(Grant::new(state, caller())));
        let keys = Arc::new(Keys(Mutex::new(HashMap::from([
            (hasher.hash(&active()).0, Arc::new(self.grant)),
            grant(&revoked(), GrantState::Revoked),
            grant(&paused(), GrantState::Paused),
        ]))));
        let more = self.more.iter().map(|base| base.parse().unwrap()).collect();
        let places = Arc::new(Places::new(self.base.parse().unwrap(), more));
        let upstream = Upstream { places, timeout: self.timeout, ..self.api };
        let (sender, rows) = mpsc::unbounded_channel();
        let mut settings = Settings::new("cs", PORTAL, hasher);
        settings.drain = self.drain;
        settings.upstream_roots = self.roots;
        settings.trusted_proxies = self.trusted_proxies.iter().map(|network| network.parse().unwrap()).collect();
        settings.service_tokens = self.service_tokens;
        settings.reachable = self.reachable;
        if let Some(names) = self.names {
            settings.names = names;
        }
        (self.change)(&mut settings);
        let ports = Ports {
            keys: keys.clone(),
            upstreams: Arc::new(Upstreams(Arc::new(upstream))),
            subscriptions: Arc::new(Subscriptions(self.subscription.map(Arc::new))),
            sink: Arc::new(Sink(sender, self.can_record)),
        };
        let gateway = Gateway::new(settings, ports).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, shutdown) = (listener.local_addr().unwrap(), CancellationToken::new());
        let server = tokio::spawn(serve(gateway, listener, shutdown.clone()));
        House { address, rows, shutdown, server, keys }
    }
}

/// A gateway at work.
pub struct House {
    pub address: SocketAddr,
    rows: mpsc::UnboundedReceiver<RequestRow>,
    pub shutdown: CancellationToken,
    pub server: JoinHandle<anyhow::Result<()>>,
    keys: Arc<Keys>,
}

impl House {
    /// A gateway before an upstream that tells what it got.
    pub async fn before_echo() -> Self {
        Plan::over(echo().await).open().await
    }

    /// Takes every key away.
    pub fn forget_keys(&self) {
        self.keys.0.lock().unwrap().clear();
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends a request with these header lines and reads the whole answer.
    pub async fn send(&self, request_line: &str, headers: &[String], body: &str) -> Answer {
        let mut stream = self.connect().await;
        stream.write_all(&request(request_line, headers, body)).await.unwrap();
        Answer::read(&mut stream).await
    }

    pub async fn get(&self, path: &str, headers: &[String]) -> Answer {
        self.send(&format!("GET {path}"), headers, "").await
    }

    /// The next row; waits for it.
    pub async fn row(&mut self) -> RequestRow {
        self.rows.recv().await.unwrap()
    }

    /// Shuts the gateway down and returns the rows that nobody took.
    pub async fn close(mut self) -> Vec<RequestRow> {
        self.shutdown.cancel();
        self.server.await.unwrap().unwrap();
        let mut rows = Vec::new();
        while let Ok(row) = self.rows.try_recv() {
            rows.push(row);
        }
        rows
    }
}

pub fn bearer(key: &str) -> String {
    format!("Authorization: Bearer {key}")
}

/// A request as bytes; the connection ends with its answer.
pub fn request(request_line: &str, headers: &[String], body: &str) -> Vec<u8> {
    let mut text = format!("{request_line} HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n");
    if !body.is_empty() {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text.push_str(body);
    text.into_bytes()
}

/// An answer as it came.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether the body ended as its framing says.
    pub is_whole: bool,
}

impl Answer {
    pub async fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        // A reset after a cut answer is what some tests are about.
        let _ = stream.read_to_end(&mut bytes).await;
        Self::parse(&bytes).unwrap_or_else(|| panic!("no answer in {:?}", String::from_utf8_lossy(&bytes)))
    }

    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut answer = Self { status, headers, body: bytes[end + 4..].to_vec(), is_whole: true };
        if answer.header("transfer-encoding") == Some("chunked") {
            (answer.body, answer.is_whole) = unchunked(&answer.body);
        } else if let Some(length) = answer.header("content-length") {
            answer.is_whole = length.parse() == Ok(answer.body.len());
        }
        Some(answer)
    }

    /// The one value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(other, _)| other == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "`{name}` stands twice in {self:?}");
        value
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON in {self:?}"))
    }

    /// Checks everything that every refusal promises, against its row.
    pub fn assert_refused(&self, status: u16, code: &str, row: &RequestRow) {
        let document = self.json();
        assert_eq!((self.status, &document["code"], &document["status"]), (status, &json!(code), &json!(status)));
        assert_eq!(document["type"], format!("{PORTAL}/docs/errors/{code}"));
        assert_eq!(document["request_id"], row.id.to_string());
        assert_eq!(self.header("request-id"), Some(&*row.id.to_string()));
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert_eq!(self.header("www-authenticate").is_some(), status == 401);
        assert!(self.is_whole);
        assert_eq!((row.status, row.code.as_deref()), (status, Some(code)));
        assert_eq!(row.response_bytes, self.body.len() as i64);
    }
}

fn unchunked(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let Some(end) = rest.windows(2).position(|window| window == b"\r\n") else { return (body, false) };
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            return (body, true);
        }
        let Some(chunk) = rest.get(end + 2..end + 2 + size) else { return (body, false) };
        body.extend_from_slice(chunk);
        rest = rest.get(end + 4 + size..).unwrap_or_default();
    }
}

/// Serves a router; returns its base URL.
pub async fn upstream(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    base
}

/// An upstream that answers with what it was asked.
pub async fn echo() -> String {
    upstream(Router::new().fallback(echoed)).await
}

pub async fn echoed(request: Request) -> impl IntoResponse {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let headers: Vec<(String, String)> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let told = json!({
        "method": parts.method.as_str(),
        "target": parts.uri.to_string(),
        "headers": headers,
        "body": String::from_utf8_lossy(&body),
    });
    ([("request-id", "the-upstream's-own")], axum::Json(told))
}

/// The values of a header, as an echo tells them.
pub fn told<'a>(echo: &'a Value, name: &str) -> Vec<&'a str> {
    let headers = echo["headers"].as_array().unwrap();
    headers.iter().filter(|pair| pair[0] == name).map(|pair| pair[1].as_str().unwrap()).collect()
}
