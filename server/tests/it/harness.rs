//! A portal with a database of its own, browsers that come in through its doors, and a gateway over real sockets.
//!
//! A [`Browser`] speaks to a router in memory or to a listener: the same test drives both. Everyone here is made up
//! through the verbs or the doors; SQL is for looking, and for arranging what no verb can, such as an old link.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::request::Builder;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use axum::response::Response;
use chrono::TimeDelta;
use contract::keys::hash::KeyHasher;
use contract::policies::TERMS_VERSION;
use contract::request_logs::{Caller, LiveEvent, RequestRow};
use contract::{ApiId, Environment, KeyId, OrganizationId, RequestId, StaffRole};
use gateway::Gateway;
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use leptos::prelude::LeptosOptions;
use portal::accounts::{NewAccount, Password};
use portal::apis::NewApi;
use portal::vault::Vault;
use portal::{Actor, Db, Op, Portal, PortalSettings, Secrets};
use request_logs::{Ledger, SpoolSettings};
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement};
use serde_json::Value;
use server::directories::{Directories, Sink, Store};
use server::web::{AppState, OwnGateway, WebSettings, router};
use tempfile::TempDir;
use testdb::TestDb;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use uuid::Uuid;

#[path = "programme.rs"]
pub mod programme;

/// What everyone here signs in with.
pub const PASSWORD: &str = "eleven green kettles sing";

/// The portal's pepper.
pub const PEPPER: [u8; 32] = [7; 32];

/// The portal's key-encryption key.
pub const KEK: [u8; 32] = [9; 32];

/// Where browsers think the portal is.
pub const PORTAL: &str = "http://portal.test";

/// No test waits longer for anything; what takes this long never comes.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A demo on plain http.
pub const DEMO: WebSettings =
    WebSettings { secure_cookies: false, mailbox: true, gallery: true, trusted_proxies: Vec::new() };

/// What is served to the world.
pub const PRODUCTION: WebSettings =
    WebSettings { secure_cookies: true, mailbox: false, gallery: false, trusted_proxies: Vec::new() };

/// Fails the test when something that must come does not.
pub async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what} did not come"))
}

/// Percent-encodes everything that is not unreserved (RFC 3986 §2.3).
pub fn encoded(text: &str) -> String {
    let one = |byte: u8| {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if plain { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(one).collect()
}

fn pairs(fields: &[(&str, &str)]) -> String {
    fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
}

/// A database of one test, and a way to look into it past every rule.
pub struct TestDatabase {
    test: TestDb,
    connection: DatabaseConnection,
}

impl TestDatabase {
    pub async fn new() -> Self {
        let test = TestDb::new().await.unwrap();
        let mut options = ConnectOptions::new(test.url());
        options.sqlx_logging(false).max_connections(1);
        let connection = Database::connect(options).await.unwrap();
        Self { test, connection }
    }

    pub fn url(&self) -> &str {
        self.test.url()
    }

    /// The folder of the SQLite file, if the database is one.
    pub fn folder(&self) -> Option<&std::path::Path> {
        std::path::Path::new(self.url().strip_prefix("sqlite://")?.split('?').next()?).parent()
    }

    /// Runs SQL, and tells how many rows it changed.
    pub async fn sql(&self, sql: &str) -> u64 {
        self.connection.execute_unprepared(sql).await.unwrap().rows_affected()
    }

    /// The rows of a query, each with its columns as texts.
    pub async fn texts(&self, sql: String, columns: usize) -> Vec<Vec<String>> {
        let statement = Statement::from_string(self.connection.get_database_backend(), sql);
        let rows = self.connection.query_all_raw(statement).await.unwrap();
        let text = |row: &sea_orm::QueryResult, place| row.try_get_by_index::<Option<String>>(place).unwrap();
        rows.iter().map(|row| (0..columns).map(|place| text(row, place).unwrap_or_default()).collect()).collect()
    }

    pub async fn count(&self, table: &str) -> usize {
        self.texts(format!("SELECT 'x' FROM {table}"), 1).await.len()
    }

    fn is_postgres(&self) -> bool {
        self.connection.get_database_backend() == DbBackend::Postgres
    }

    /// Table and name of every column.
    pub async fn columns(&self) -> Vec<(String, String)> {
        let columns = if self.is_postgres() {
            "SELECT table_name::text, column_name::text FROM information_schema.columns \
             WHERE table_schema = current_schema() ORDER BY 1, ordinal_position"
        } else {
            "SELECT tables.name, columns.name FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns \
             WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%' ORDER BY 1, columns.cid"
        };
        let rows = self.texts(columns.to_owned(), 2).await;
        rows.into_iter().map(|row| (row[0].clone(), row[1].clone())).collect()
    }

    /// The values of a column that has some; bytes as hexadecimal digits.
    pub async fn values(&self, table: &str, column: &str) -> Vec<String> {
        let text = if self.is_postgres() { format!("\"{column}\"::text") } else { format!("quote(\"{column}\")") };
        let sql = format!("SELECT {text} FROM \"{table}\" WHERE \"{column}\" IS NOT NULL");
        let plain = |text: &str| {
            let bytes = text.strip_prefix("X'").or_else(|| text.strip_prefix("\\x"));
            bytes.unwrap_or(text).trim_matches('\'').to_owned()
        };
        self.texts(sql, 1).await.iter().map(|row| plain(&row[0])).collect()
    }

    /// Every value of every table, as text. Without the time of the last use of a session or token: looking moves it.
    pub async fn dump(&self) -> BTreeMap<String, Vec<String>> {
        let postgres = self.is_postgres();
        let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (table, column) in self.columns().await {
            let moves = match table.as_str() {
                "sessions" => ["last_seen_at", "expires_at"].contains(&column.as_str()),
                "access_tokens" => column == "last_used_at",
                _ => false,
            };
            if !moves {
                tables.entry(table).or_default().push(column);
            }
        }
        let mut all = BTreeMap::new();
        for (table, columns) in tables {
            let text =
                |column: &String| if postgres { format!("\"{column}\"::text") } else { format!("quote(\"{column}\")") };
            let values: Vec<String> = columns.iter().map(text).collect();
            let sql = format!("SELECT {} FROM \"{table}\"", values.join(", "));
            let mut rows: Vec<String> =
                self.texts(sql, columns.len()).await.iter().map(|row| row.join(" | ")).collect();
            rows.sort_unstable();
            all.insert(table, rows);
        }
        all
    }
}

/// A portal, its ledger and its files.
pub struct House {
    pub portal: Portal,
    pub ledger: Ledger,
    pub database: TestDatabase,
    pub directories: Arc<Directories>,
    router: Router,
    own_gateway: OwnGateway,
    end: CancellationToken,
    // Held for their `Drop`: removes the files.
    _site: TempDir,
    _spool: TempDir,
}

impl Drop for House {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

/// The hasher of every test.
pub fn hasher() -> KeyHasher {
    KeyHasher::new(&PEPPER)
}

fn site() -> TempDir {
    let site = tempfile::tempdir().unwrap();
    for (file, text) in [
        ("pkg/countersign.js", "export default () => {};"),
        ("pkg/countersign.css", "body { margin: 0 }"),
        ("fonts/geist-latin-wght-normal.woff2", "a font"),
        ("favicon.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
        ("robots.txt", "User-agent: *"),
    ] {
        let path = site.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    // Beside the served folders, not in them.
    std::fs::write(site.path().join("hash.txt"), "js: x").unwrap();
    site
}

/// A portal on a database that exists already.
pub async fn portal_on(url: &str, directories: Arc<Directories>) -> Portal {
    let db = Db::connect(url).await.unwrap();
    db.migrate().await.unwrap();
    let settings = PortalSettings {
        name: "Almanac API".to_owned(),
        public_url: PORTAL.to_owned(),
        gateway_url: "http://gateway.test".to_owned(),
        key_prefix: "cs".to_owned(),
        erase_sent_mails: false,
        session_idle: TimeDelta::hours(1),
        session_life: TimeDelta::hours(24),
        recovery_wait: TimeDelta::hours(72),
        staff_need_passkeys: false,
        private_upstreams: true,
        leak_programmes: vec![programme::listed_key()],
    };
    let secrets = Secrets { hasher: hasher(), vault: Vault::new(&KEK, &[]) };
    Portal::new(db, settings, secrets, directories)
}

/// An operation of the program itself.
pub fn system(portal: &Portal) -> Op {
    server::serve::system_op(portal)
}

impl House {
    /// A demo.
    pub async fn open() -> Self {
        Self::of(DEMO).await
    }

    pub async fn of(web: WebSettings) -> Self {
        let database = TestDatabase::new().await;
        let directories = Arc::new(Directories::new(PATIENCE));
        let portal = portal_on(database.url(), Arc::clone(&directories)).await;
        let spool = tempfile::tempdir().unwrap();
        let (ledger, end) = (Ledger::open(SpoolSettings::new(spool.path())).unwrap(), CancellationToken::new());
        directories.load(&portal, system(&portal).now_ms()).await.unwrap();
        let store = Arc::new(Store(portal.clone(), Arc::clone(&directories)));
        tokio::spawn({
            let (ledger, end) = (ledger.clone(), end.clone());
            async move { ledger.run(store, end).await }
        });
        tokio::spawn(server::directories::rekey(portal.clone(), Arc::clone(&directories), end.clone()));
        let site = site();
        let root = site.path().to_str().unwrap().to_owned();
        let options = LeptosOptions::builder().output_name("countersign").site_root(root).site_pkg_dir("pkg").build();
        let own_gateway = OwnGateway::default();
        let state = AppState {
            options,
            portal: portal.clone(),
            ledger: ledger.clone(),
            web: Arc::new(web),
            gateway: own_gateway.clone(),
        };
        let router = router(state);
        Self { portal, ledger, database, directories, router, own_gateway, end, _site: site, _spool: spool }
    }

    /// Somebody who was never here, whose browser runs scripts.
    pub fn browser(&self) -> Browser {
        Browser::at(Door::Router(self.router.clone()))
    }

    /// The same at a real listener.
    pub async fn at_socket(&self) -> Browser {
        Browser::at_socket(&serve(self.router.clone()).await)
    }

    /// A verified person of that name, signed in.
    pub async fn person(&self, name: &str) -> Browser {
        let op = system(&self.portal);
        let email = format!("{}@example.com", name.to_lowercase());
        let password = Password::new(PASSWORD.to_owned());
        let new = NewAccount { name: name.to_owned(), email: email.clone(), password, terms: TERMS_VERSION.to_owned() };
        portal::accounts::create_verified(&op, new).await.unwrap();
        let mut browser = self.browser();
        browser.sign_in(&email).await;
        browser
    }

    /// The same, among the staff.
    pub async fn staff(&self, name: &str) -> Browser {
        self.staff_as(name, StaffRole::Owner).await
    }

    /// The same, in that role.
    pub async fn staff_as(&self, name: &str, role: StaffRole) -> Browser {
        let browser = self.person(name).await;
        let email = format!("{}@example.com", name.to_lowercase());
        portal::staff::add(&system(&self.portal), &email, role).await.unwrap();
        browser
    }

    /// The person's newest authentication is older than any that counts as fresh.
    pub async fn age(&self, email: &str) {
        let past = server::clock::now().timestamp_millis() - contract::sessions::STEP_UP_MS - 1_000;
        let sql = format!(
            "UPDATE sessions SET authenticated_at = {past} \
             WHERE account_id = (SELECT id FROM accounts WHERE email = '{email}')"
        );
        assert!(self.database.sql(&sql).await > 0, "{email} is not signed in");
    }

    /// An operation of the person behind a browser.
    pub async fn op_of(&self, browser: &Browser) -> Op {
        let op = system(&self.portal);
        let token = browser.cookies.get("cs_session").unwrap();
        let person = portal::sessions::resume(&self.portal, token, op.now).await.unwrap().unwrap();
        self.portal.op(Actor::Account(Box::new(person)), op.now, op.request)
    }

    /// The organization of the person behind a browser.
    pub async fn organization_of(&self, browser: &Browser) -> (OrganizationId, String) {
        let op = self.op_of(browser).await;
        let organization = op.signed_in().unwrap().organization.clone();
        (organization.id, organization.name)
    }

    /// The token of the newest link to an address.
    pub async fn newest_token(&self, email: &str) -> String {
        let mails = portal::mail::mailbox(self.portal.db()).await.unwrap();
        let mail = mails.iter().find(|mail| mail.to == email).expect("no mail to that address");
        mail.links[0].split_once("token=").expect("the newest mail has no link with a token").1.to_owned()
    }

    /// The token of the newest link to an address that leads to that page.
    pub async fn token_to(&self, email: &str, page: &str) -> String {
        let mails = portal::mail::mailbox(self.portal.db()).await.unwrap();
        let links = mails.iter().filter(|mail| mail.to == email).flat_map(|mail| &mail.links);
        let begin = format!("{PORTAL}{page}?token=");
        let token = links.filter_map(|link| link.strip_prefix(&begin)).next();
        token.unwrap_or_else(|| panic!("no link to {page} in the mails to {email}")).to_owned()
    }

    /// How many mails an address was sent.
    pub async fn mails_to(&self, email: &str) -> usize {
        portal::mail::mailbox(self.portal.db()).await.unwrap().iter().filter(|mail| mail.to == email).count()
    }

    /// Registers the sample API at a real socket and opens a real gateway before it; returns the gateway's address.
    pub async fn open_gateway(&self) -> String {
        let upstream = serve(almanac::router(server::clock::now)).await;
        let api = NewApi { slug: "almanac".to_owned(), upstream_url: upstream, openapi: almanac::openapi() };
        portal::apis::register(&system(&self.portal), api).await.unwrap();
        let mut settings = gateway::Settings::new("cs", PORTAL, hasher());
        settings.reachable = gateway::Reachable::Everything;
        let ports = self.directories.ports(Sink(self.ledger.clone()));
        let gateway = Gateway::new(settings, ports).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        self.own_gateway.listens(listener.local_addr().unwrap());
        tokio::spawn(gateway::serve(gateway, listener, self.end.clone()));
        address
    }
}

/// Serves a router on a free port; returns its address.
pub async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

#[derive(Clone)]
enum Door {
    Router(Router),
    Socket(String, Box<Client<HttpConnector, Body>>),
}

/// Somebody's browser, or a program: it keeps cookies and says exactly what it is told to.
#[derive(Clone)]
pub struct Browser {
    door: Door,
    pub cookies: BTreeMap<String, String>,
    /// Whether it runs scripts: without, forms are answered with pages and redirects.
    pub script: bool,
    /// Sent with every request.
    pub always: Vec<(HeaderName, HeaderValue)>,
    /// Where its requests come from; without, nothing is counted for the place.
    place: Option<IpAddr>,
}

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Browser {
    fn at(door: Door) -> Self {
        Self { door, cookies: BTreeMap::new(), script: true, always: Vec::new(), place: None }
    }

    /// A browser at a listener, such as `http://127.0.0.1:3000`.
    pub fn at_socket(base: &str) -> Self {
        Self::at(Door::Socket(base.to_owned(), Box::new(Client::builder(TokioExecutor::new()).build_http())))
    }

    /// The same browser with scripts switched off.
    pub fn without_script(&self) -> Self {
        Self { script: false, ..self.clone() }
    }

    /// The same browser at that place.
    pub fn at_place(self, place: IpAddr) -> Self {
        Self { place: Some(place), ..self }
    }

    fn accept(&self) -> &'static str {
        if self.script { "application/json" } else { "text/html,application/xhtml+xml,*/*;q=0.8" }
    }

    /// Sends a request with the cookies, and takes what the answer sets. The body is not read.
    pub async fn open(&mut self, mut request: Request<Body>) -> Response {
        let headers = request.headers_mut();
        if !self.cookies.is_empty() {
            let all: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            headers.insert(header::COOKIE, all.join("; ").parse().unwrap());
        }
        headers.entry(header::HOST).or_insert(HeaderValue::from_static("portal.test"));
        headers.extend(self.always.iter().cloned());
        if let Some(place) = self.place {
            request.extensions_mut().insert(ConnectInfo(SocketAddr::new(place, 50_000)));
        }
        let answer = match &self.door {
            Door::Router(router) => {
                let what = format!("an answer to {} {}", request.method(), request.uri());
                soon(&what, router.clone().oneshot(request)).await.unwrap()
            }
            Door::Socket(base, client) => {
                *request.uri_mut() = format!("{base}{}", request.uri()).parse().unwrap();
                soon("an answer", client.request(request)).await.unwrap().map(Body::new)
            }
        };
        for cookie in set_cookies(answer.headers()) {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    pub async fn send(&mut self, request: Request<Body>) -> Answer {
        let (parts, body) = self.open(request).await.into_parts();
        let body = soon("the rest of the answer", body.collect()).await.unwrap().to_bytes();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    /// A request for an address, as this browser makes them.
    pub fn request(&self, method: Method, path: &str) -> Builder {
        Request::builder().method(method).uri(path).header(header::ACCEPT, self.accept())
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let request = self.request(Method::GET, path).body(Body::empty()).unwrap();
        self.send(request).await
    }

    /// Opens an address the way a person does: the answer is a page.
    pub async fn visit(&mut self, path: &str) -> Answer {
        let request = self.request(Method::GET, path).header(header::ACCEPT, "text/html").body(Body::empty());
        let mut request = request.unwrap();
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("text/html"));
        self.send(request).await
    }

    /// A form of ours, sent from one of our pages.
    pub fn form(&self, page: &str, path: &str, fields: &[(&str, &str)]) -> Request<Body> {
        self.request(Method::POST, path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ORIGIN, PORTAL)
            .header(header::REFERER, format!("{PORTAL}{page}"))
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(pairs(fields)))
            .unwrap()
    }

    /// Sends a form of ours.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self.form("/a-page", path, fields);
        self.send(request).await
    }

    pub async fn sign_in(&mut self, email: &str) {
        let answer = self.post("/rpc/sessions/sign_in", &[("email", email), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, if self.script { 200 } else { 302 }, "{answer:?}");
    }

    /// The newest link to an address, as `/dev/mailbox.json` shows it: path and query.
    pub async fn newest_link(&mut self, email: &str) -> String {
        let mails = self.get("/dev/mailbox.json").await.json();
        let mails = mails.as_array().unwrap();
        let mail = mails.iter().find(|mail| mail["to"] == email).expect("no mail to that address");
        let link = mail["links"][0].as_str().expect("the newest mail has no link");
        let path = link.split_once("://").and_then(|(_, rest)| rest.find('/').map(|place| &rest[place..]));
        path.unwrap().to_owned()
    }

    /// A call of the gateway by a program that holds a key.
    pub async fn call(&mut self, path: &str, key: &str) -> Answer {
        let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {key}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Opens the live stream; the answer must be one.
    pub async fn live(&mut self, query: &str, last: Option<&str>) -> Live {
        let mut request = Request::get(format!("/api/v1/request-logs/live?{query}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let answer = self.open(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/event-stream");
        let mut live = Live { body: answer.into_body(), text: String::new(), last: None };
        assert_eq!(live.event().await, LiveEvent::Connected);
        live
    }
}

/// The values of `Set-Cookie`.
pub fn set_cookies(headers: &HeaderMap) -> Vec<String> {
    headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

impl Answer {
    /// A header's value, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON in {self:?}"))
    }

    /// The code of a refusal, from a problem document or from a server function's answer; empty if there is none.
    pub fn code(&self) -> String {
        let Ok(json) = serde_json::from_str::<Value>(&self.body) else { return String::new() };
        let code = json.get("code").or_else(|| json.get("Refused")?.get("code"));
        code.and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// The fields that a refusal names.
    pub fn fields(&self) -> Vec<String> {
        let fields = self.json()["Refused"]["fields"].as_array().cloned().unwrap_or_default();
        fields.iter().map(|field| field["field"].as_str().unwrap().to_owned()).collect()
    }

    /// The value of a cookie that the answer sets.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let all = set_cookies(&self.headers);
        all.into_iter().find(|cookie| cookie.split_once('=').is_some_and(|(other, _)| other == name))
    }

    /// Path and query that the answer leads to.
    pub fn leads_to(&self) -> &str {
        assert!((300..400).contains(&self.status), "no redirect: {self:?}");
        let to = self.header("location");
        to.strip_prefix(PORTAL).unwrap_or(to)
    }

    /// The one secret that a page shows.
    pub fn secret(&self) -> String {
        let parts = self.body.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let mut secrets: Vec<&str> = parts.filter(|part| contract::keys::format::parse(part, "cs").is_some()).collect();
        secrets.dedup();
        assert_eq!(secrets.len(), 1, "not one secret: {self:?}");
        secrets[0].to_owned()
    }
}

/// An open live stream.
pub struct Live {
    body: Body,
    text: String,
    /// The id of the last event that had one.
    pub last: Option<String>,
}

impl Live {
    /// The next event.
    pub async fn event(&mut self) -> LiveEvent {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                let line = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                self.last = line("id:").map(str::to_owned).or(self.last.take());
                if let Some(data) = line("data:") {
                    return serde_json::from_str(data).unwrap();
                }
                continue;
            }
            let frame = soon("an event", self.body.frame()).await.expect("the stream ended").unwrap();
            self.text.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
        }
    }

    /// Reads what is left of the stream; fails unless it ends within a second.
    pub async fn ends_within_a_second(mut self) {
        let end = async { while let Some(Ok(_)) = self.body.frame().await {} };
        tokio::time::timeout(Duration::from_secs(1), end).await.expect("the stream goes on");
    }

    /// The ids of the next rows, whatever event brings them.
    pub async fn rows(&mut self) -> Vec<RequestId> {
        match self.event().await {
            LiveEvent::Rows { rows } => rows.iter().map(|row| row.id).collect(),
            other => panic!("not rows: {other:?}"),
        }
    }
}

/// A row that the upstream answered, now; without a caller, one that was refused for want of a key.
pub fn row(caller: Option<Caller>) -> RequestRow {
    let refused = caller.is_none();
    RequestRow {
        id: RequestId::new(Uuid::now_v7()),
        at: server::clock::now().timestamp_millis(),
        api: Some((ApiId::new(Uuid::from_u128(1)), "almanac".to_owned())),
        caller,
        method: "GET".to_owned(),
        route: "/v1/sun/{place}".to_owned(),
        status: if refused { 401 } else { 200 },
        code: refused.then(|| "missing_key".to_owned()),
        latency_us: 1_500,
        upstream_us: (!refused).then_some(1_000),
        response_bytes: 300,
        key_hint: None,
        cost: 1,
        address: None,
        agent: None,
    }
}

/// Who calls with a key of that label.
pub fn caller((organization, name): &(OrganizationId, String), label: &str) -> Caller {
    Caller {
        key: KeyId::new(Uuid::now_v7()),
        key_label: label.to_owned(),
        secret_version: 1,
        environment: Environment::Live,
        organization: *organization,
        organization_name: name.clone(),
    }
}
