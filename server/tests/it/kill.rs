//! The real program, killed a hundred times while it is called, while secrets are replaced, keys revoked and quotas
//! raced for. Whatever it answered stays true: rows, sums, units spent, secrets.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, ORIGIN};
use axum::http::{HeaderMap, Method, Request};
use axum::routing::get;
use contract::RequestId;
use contract::limits::Period;
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use portal::apis::NewApi;
use portal::{Actor, Op, Portal};
use serde_json::{Value, json};
use server::directories::Directories;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::harness::{PASSWORD, PATIENCE, TestDatabase, portal_on, serve, soon, system};
use crate::process::{Program, prepare};

const KILLS: usize = 100;

/// Who calls with a key that nobody changes.
const CALLERS: usize = 4;

/// More than a hundred lives can spend.
const PLENTY: i64 = 1_000_000;

/// Less than the first lives ask for: the rest meets a quota that is exhausted, and has to stay so.
const SCARCE: i64 = 300;

/// Keys that are revoked in the course of the lives.
const SPARE: usize = 30;

/// Answers after which a life ends at the latest.
const LONGEST_LIFE: usize = 160;

/// A session counts as fresh for five minutes.
const LIVES_PER_SESSION: usize = 25;

/// What is asked for in turn: API and path.
const CALLS: [(&str, &str); 4] = [("work", "/one"), ("work", "/three"), ("scarce", "/one"), ("gone", "/one")];

fn document() -> Value {
    let costing = |units: i64| {
        json!({ "get": {
            "summary": "Work", "x-countersign-cost": units, "responses": { "200": { "description": "Done" } }
        } })
    };
    json!({
        "openapi": "3.1.0", "info": { "title": "Work", "version": "1" },
        "paths": { "/one": costing(1), "/three": costing(3) }
    })
}

/// An API whose quota everybody has without asking.
async fn register(op: &Op, slug: &str, upstream: &str, units: i64) {
    let new = NewApi { slug: slug.to_owned(), upstream_url: upstream.to_owned(), openapi: document() };
    portal::apis::register(op, new).await.unwrap();
    let plan = portal::plans::NewPlan {
        name: "All".to_owned(),
        quota_units: units.to_string(),
        quota_period: Period::Month.word().to_owned(),
        approval: "automatic".to_owned(),
        audience: "everybody".to_owned(),
        ..<_>::default()
    };
    let plan = portal::plans::create(op, slug, plan).await.unwrap();
    portal::apis::set_default_plan(op, slug, plan).await.unwrap();
}

/// Ada, signed in, as her browser and as the verbs know her.
struct Ada {
    portal: Portal,
    session: String,
    client: Client<HttpConnector, Body>,
}

impl Ada {
    async fn sign_in(database: &TestDatabase) -> Self {
        let portal = portal_on(database.url(), Arc::new(Directories::new(PATIENCE))).await;
        let password = portal::accounts::Password::new(PASSWORD.to_owned());
        let opened = portal::sessions::sign_in(&system(&portal), "ada@example.com", &password).await.unwrap();
        let session = opened.session.reveal().to_owned();
        Self { portal, session, client: client() }
    }

    async fn op(&self) -> Op {
        let op = system(&self.portal);
        let person = portal::sessions::resume(&self.portal, &self.session, op.now).await.unwrap().unwrap();
        self.portal.op(Actor::Account(Box::new(person)), op.now, op.request)
    }

    /// The newest reveal link in her mails.
    async fn newest_link(&self) -> String {
        let mails = portal::mail::mailbox(self.portal.db()).await.unwrap();
        let links = mails.iter().flat_map(|mail| &mail.links);
        links.filter_map(|link| link.split_once("/reveal?token=")).next().unwrap().1.to_owned()
    }

    /// A key that she has seen.
    async fn key(&self, label: &str) -> (String, String) {
        let op = self.op().await;
        let new = portal::keys::NewKey {
            label: label.to_owned(),
            environment: "live".to_owned(),
            form_token: label.to_owned(),
            expires_at: String::new(),
        };
        let id = portal::keys::create(&op, new).await.unwrap().id.to_string();
        let secret = portal::keys::reveal(&op, &self.newest_link().await).await.unwrap().secret.reveal().to_owned();
        (id, secret)
    }

    /// Sends a form; nothing if the program died before it had answered.
    async fn post(&self, base: &str, path: &str, fields: &[(&str, &str)]) -> Option<(u16, String)> {
        let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{base}{path}"))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(COOKIE, format!("cs_session={}", self.session))
            .header(ORIGIN, base)
            .header("sec-fetch-site", "same-origin")
            .header("accept", "application/json");
        let request = request.body(Body::from(body.join("&"))).unwrap();
        let answer = self.client.request(request).await.ok()?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.ok()?.to_bytes();
        Some((status, String::from_utf8_lossy(&body).into_owned()))
    }
}

fn client() -> Client<HttpConnector, Body> {
    Client::builder(TokioExecutor::new()).build_http()
}

/// An answer that came whole.
struct Answered {
    id: RequestId,
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answered {
    fn code(&self) -> String {
        let json: Value = serde_json::from_str(&self.body).unwrap_or_default();
        json["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Processes that share a database hold shares of quotas, and what a killed one held is free a moment after its next
    /// start: until then a call may be told to come again. It is not charged.
    fn shares_are_out(&self) -> bool {
        self.status == 503 && self.code() == "quota_unavailable"
    }

    /// Whether the secret opens the gateway.
    fn is_let_in(&self) -> bool {
        self.status == 200 || self.shares_are_out()
    }

    /// Units that are left, as the gateway says.
    fn remaining(&self) -> i64 {
        let all = self.headers["ratelimit"].to_str().unwrap();
        let quota = all.split(", ").find_map(|one| one.strip_prefix("\"quota\";r=")).unwrap();
        quota.split(';').next().unwrap().parse().unwrap()
    }
}

/// Calls the gateway, and remembers what came of it.
#[derive(Clone)]
struct Caller {
    client: Client<HttpConnector, Body>,
    gateway: String,
    told: mpsc::UnboundedSender<Option<(RequestId, u16)>>,
}

impl Caller {
    /// Nothing if the program died before it had answered.
    async fn call(&self, (api, path): (&str, &str), secret: &str) -> Option<Answered> {
        let request = Request::get(format!("{}/{api}{path}", self.gateway));
        let request = request.header(AUTHORIZATION, format!("Bearer {secret}")).body(Body::empty()).unwrap();
        let answered = async {
            let answer = self.client.request(request).await.ok()?;
            let (parts, body) = answer.into_parts();
            let body = body.collect().await.ok()?.to_bytes();
            let id = parts.headers["request-id"].to_str().unwrap().parse().unwrap();
            let body = String::from_utf8_lossy(&body).into_owned();
            Some(Answered { id, status: parts.status.as_u16(), headers: parts.headers, body })
        };
        let answered = answered.await;
        self.told.send(answered.as_ref().map(|answer| (answer.id, answer.status))).unwrap();
        answered
    }

    /// Calls in turn until nobody answers.
    async fn go_on(self, secret: String, first: usize, answers: Arc<AtomicUsize>) {
        for (api, path) in CALLS.iter().cycle().skip(first) {
            let Some(answer) = self.call((api, path), &secret).await else { return };
            let code = answer.code();
            let wanted = match *api {
                _ if answer.shares_are_out() => (503, "quota_unavailable"),
                "gone" => (502, "upstream_down"),
                "scarce" if answer.status == 429 => (429, "quota_exceeded"),
                _ => (200, ""),
            };
            assert_eq!((answer.status, code.as_str()), wanted, "{}", answer.body);
            answers.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What answers of the portal promised about secrets.
#[derive(Default)]
struct Promises {
    opens: HashSet<String>,
    /// In the order in which they were closed.
    closed: Vec<String>,
}

impl Promises {
    async fn are_kept(&self, caller: &Caller) {
        for secret in &self.opens {
            let answer = caller.call(("work", "/one"), secret).await.unwrap();
            assert!(answer.is_let_in(), "a secret that was shown does not open: {}", answer.body);
        }
        for secret in self.closed.iter().rev().take(3) {
            let answer = caller.call(("work", "/one"), secret).await.unwrap();
            assert_eq!(answer.status, 401, "a secret that was closed opens: {}", answer.body);
            // A key has two secrets at most: the one before those is forgotten.
            assert!(["revoked_key", "expired_key", "unknown_key"].contains(&&*answer.code()), "{}", answer.body);
        }
    }
}

/// Keys that are changed, in one life after the other.
struct Changer {
    ada: Ada,
    /// The one whose secret is replaced.
    rotated: String,
    /// What it opens with, if that was ever seen.
    current: Option<String>,
    /// What it opened with before, while both do.
    before: Option<String>,
    /// Those that are revoked, one after the other.
    spare: Vec<(String, String)>,
    promises: Promises,
}

impl Changer {
    /// Goes on until nobody answers.
    async fn go_on(&mut self, portal: &str, caller: &Caller, revokes: bool) {
        while if revokes { self.revoke(portal, caller).await } else { self.rotate(portal, caller).await }.is_some() {}
    }

    async fn revoke(&mut self, portal: &str, caller: &Caller) -> Option<()> {
        let Some((id, secret)) = self.spare.pop() else { return self.rotate(portal, caller).await };
        // From here on it may be open or not, until the answer says which.
        self.promises.opens.remove(&secret);
        let (status, body) = self.ada.post(portal, "/rpc/keys/revoke", &[("id", &id)]).await?;
        assert_eq!(status, 200, "{body}");
        self.promises.closed.push(secret.clone());
        let answer = caller.call(("work", "/one"), &secret).await?;
        assert_eq!((answer.status, &*answer.code()), (401, "revoked_key"));
        Some(())
    }

    async fn rotate(&mut self, portal: &str, caller: &Caller) -> Option<()> {
        let id = self.rotated.clone();
        let fields = [("id", id.as_str()), ("overlap_days", "7"), ("starts", "now")];
        let (status, body) = self.ada.post(portal, "/rpc/keys/rotate", &fields).await?;
        if status == 200 {
            let link = self.ada.newest_link().await;
            // If the page does not come, nobody knows the new secret, and the old one goes on.
            let (status, page) = self.ada.post(portal, "/reveal", &[("token", &link)]).await?;
            assert_eq!(status, 200, "{page}");
            let mut parts = page.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            let new = parts.find(|part| contract::keys::format::parse(part, "cs").is_some()).unwrap();
            self.promises.opens.insert(new.to_owned());
            self.before = self.current.replace(new.to_owned());
            for secret in self.before.iter().map(String::as_str).chain([new]) {
                assert!(caller.call(("work", "/one"), secret).await?.is_let_in(), "refused while both work");
            }
        } else {
            // A life that ended in between left two secrets.
            assert!(body.contains("rotation_under_way"), "{status} {body}");
            if !self.is_newest(self.current.as_deref()).await {
                // Nobody has seen the newest.
                self.before = self.current.take();
            }
        }
        self.retire(portal, caller).await
    }

    /// Whether the secret is the newest of its key, by the four characters that the portal shows.
    async fn is_newest(&self, secret: Option<&str>) -> bool {
        let id = self.rotated.parse().unwrap();
        let hint = portal::keys::read(&self.ada.op().await, id).await.unwrap().key.hint;
        secret.is_some_and(|secret| hint.ends_with(&secret[secret.len() - 4..]))
    }

    async fn retire(&mut self, portal: &str, caller: &Caller) -> Option<()> {
        // From here on it may be open or not, until the answer says which.
        let old = self.before.take();
        self.promises.opens.retain(|secret| Some(secret) != old.as_ref());
        let (status, body) = self.ada.post(portal, "/rpc/keys/retire", &[("id", &self.rotated)]).await?;
        assert_eq!(status, 200, "{body}");
        if let Some(secret) = old {
            self.promises.closed.push(secret.clone());
            let answer = caller.call(("work", "/one"), &secret).await?;
            assert_eq!((answer.status, &*answer.code()), (401, "expired_key"));
        }
        Some(())
    }
}

/// An upstream that takes every request and answers none.
async fn gone() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move { stream.read(&mut [0; 4_096]).await });
        }
    });
    address
}

/// One number that the database says.
async fn number(database: &TestDatabase, sql: &str) -> i64 {
    let sql = format!("SELECT CAST(COALESCE({sql}, 0) AS TEXT)");
    database.texts(sql, 1).await[0][0].parse().unwrap()
}

/// Units that rows took from the quota of an API in the current month.
async fn spent(database: &TestDatabase, api: &str) -> i64 {
    let begin = Period::Month.bounds(server::clock::now().timestamp_millis()).0;
    number(database, &format!("(SELECT SUM(cost) FROM request_logs WHERE api_slug = '{api}' AND at >= {begin})")).await
}

/// Claims: MAST-24, MAST-26, MAST-11
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_a_hundred_times_it_keeps_what_it_answered_counted_and_promised() {
    let database = TestDatabase::new().await;
    let upstream = serve(Router::new().route("/one", get("one")).route("/three", get("three"))).await;
    let steady = prepare(&database, upstream.clone()).await;
    let ada = Ada::sign_in(&database).await;
    let op = system(&ada.portal);
    register(&op, "work", &upstream, PLENTY).await;
    register(&op, "scarce", &upstream, SCARCE).await;
    register(&op, "gone", &gone().await, PLENTY).await;
    let mut spare = Vec::new();
    for number in 0..SPARE {
        spare.push(ada.key(&format!("spare {number}")).await);
    }
    let (rotated, current) = ada.key("rotated").await;
    let opens = spare.iter().map(|(_, secret)| secret).chain([&current]).cloned().collect();
    let promises = Promises { opens, closed: Vec::new() };
    let mut changer = Changer { ada, rotated, current: Some(current), before: None, spare, promises };

    // As `serve` decides it.
    let is_shared = database.folder().is_none();
    let (told, mut tellings) = mpsc::unbounded_channel();
    let (mut answered, mut broken) = (HashMap::new(), 0);
    let mut data = tempfile::tempdir().unwrap();
    for life in 0..=KILLS {
        let mut program = Program::start_in(data, "serve", &database, "preview", "info").await;
        let caller = Caller { client: client(), gateway: program.gateway.clone(), told: told.clone() };
        // What was spent is what the rows say, to the unit, and so say the sums.
        let units = spent(&database, "work").await;
        let first = caller.call(("work", "/one"), &steady).await.unwrap();
        assert!(first.is_let_in(), "life {life}: {}", first.body);
        if first.status == 200 {
            let counted = PLENTY - first.remaining();
            // Of a shared quota, what others may hold does not count as left.
            assert!(counted == units + 1 || (is_shared && counted > units), "life {life}: {counted}, {units} in rows");
        }
        assert!(spent(&database, "scarce").await <= SCARCE);
        changer.promises.are_kept(&caller).await;

        if life == KILLS {
            program.signal("TERM");
            assert_eq!(program.end().await.code(), Some(0));
            break;
        }
        let answers = Arc::new(AtomicUsize::new(0));
        let mut callers = JoinSet::new();
        for number in 0..CALLERS {
            callers.spawn(caller.clone().go_on(steady.clone(), number, Arc::clone(&answers)));
        }
        // The moment is another one in every life, and what is under way at it as well.
        let killed = async {
            let wanted = (life * 37) % LONGEST_LIFE;
            while answers.load(Ordering::Relaxed) < wanted {
                tokio::task::yield_now().await;
            }
            program.signal("KILL");
        };
        if life % LIVES_PER_SESSION == 0 {
            changer.ada = Ada::sign_in(&database).await;
        }
        let portal = program.portal.clone();
        soon("the end of a life", async { tokio::join!(killed, changer.go_on(&portal, &caller, life % 2 == 0)) }).await;
        while let Some(ended) = soon("the end of a caller", callers.join_next()).await {
            ended.unwrap();
        }
        assert_eq!(program.end().await.code(), None);
        data = std::mem::replace(&mut program.data, tempfile::tempdir().unwrap());
    }
    drop(told);
    while let Some(telling) = tellings.recv().await {
        match telling {
            Some((id, status)) => assert_eq!(answered.insert(id, status), None),
            None => broken += 1,
        }
    }

    // Everything that was answered has its row, with the status that the client saw.
    let rows = database.texts("SELECT CAST(status AS TEXT) FROM request_logs ORDER BY id".to_owned(), 1).await;
    let ids = database.values("request_logs", "id").await;
    assert_eq!(rows.len(), ids.len());
    let ids: HashSet<String> = ids.iter().map(|id| id.replace('-', "").to_lowercase()).collect();
    let lost: Vec<_> = answered.keys().filter(|id| !ids.contains(&id.uuid().simple().to_string())).collect();
    assert!(lost.is_empty(), "{} of {} rows are lost", lost.len(), answered.len());
    assert!(ids.len() <= answered.len() + broken, "{} rows of {} answers and {broken} cut", ids.len(), answered.len());
    let count = i64::try_from(ids.len()).unwrap();
    assert_eq!(number(&database, "(SELECT SUM(requests) FROM usage_minutes)").await, count);

    // The sums are those of the rows, and the scarce quota was spent to its last unit and no further.
    let units = number(&database, "(SELECT SUM(cost) FROM request_logs)").await;
    assert_eq!(number(&database, "(SELECT SUM(units) FROM usage_minutes)").await, units);
    let scarce = spent(&database, "scarce").await;
    assert!(scarce == SCARCE || (is_shared && scarce < SCARCE), "{scarce} of {SCARCE}");
    assert_eq!(spent(&database, "gone").await, 0);
    let good = answered.values().filter(|status| **status == 200).count();
    let refused = answered.values().filter(|status| **status == 429).count();
    println!(
        "{} answers ({good} good, {refused} refused), {broken} cut off, {count} rows, {units} units",
        answered.len()
    );
    println!("{} secrets closed, {} open", changer.promises.closed.len(), changer.promises.opens.len());
    assert!(refused > 0 && changer.promises.closed.len() > 10, "too little happened");
}
