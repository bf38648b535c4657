//! The real program: started by its command line, set up by the environment, ended by a signal.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderName, HeaderValue, Request};
use axum::routing::get;
use contract::RequestId;
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use portal::apis::NewApi;
use serde_json::{Value, json};
use server::directories::Directories;
use tempfile::TempDir;
use tokio::sync::{Semaphore, mpsc};

use crate::harness::{Browser, KEK, PASSWORD, PEPPER, TestDatabase, portal_on, serve, soon, system};
use crate::main_job::Journey;

/// A running program. Killed when the test ends before it does.
pub struct Program {
    child: Option<Child>,
    id: u32,
    lines: mpsc::UnboundedReceiver<String>,
    /// What it said so far on standard error.
    pub said: Vec<String>,
    pub portal: String,
    pub gateway: String,
    pub ops: String,
    pub data: TempDir,
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Program {
    pub async fn start(command: &str, database: &TestDatabase, transport: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), command, database, transport, "trace").await
    }

    pub async fn start_in(
        data: TempDir,
        command: &str,
        database: &TestDatabase,
        transport: &str,
        filter: &str,
    ) -> Self {
        Self::start_at(data, command, database.url(), transport, filter).await
    }

    /// The same, with another way to the database.
    pub async fn start_at(data: TempDir, command: &str, url: &str, transport: &str, filter: &str) -> Self {
        let hex = |bytes: [u8; 32]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let (pepper, kek) = (hex(PEPPER), hex(KEK));
        let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .arg(command)
            .env_clear()
            .envs([
                ("COUNTERSIGN_DATABASE__URL", url),
                ("COUNTERSIGN_DATA__DIR", data.path().to_str().unwrap()),
                ("COUNTERSIGN_SECURITY__PEPPER", &pepper),
                ("COUNTERSIGN_SECURITY__KEK", &kek),
                ("COUNTERSIGN_PORTAL__ADDR", "127.0.0.1:0"),
                ("COUNTERSIGN_GATEWAY__ADDR", "127.0.0.1:0"),
                ("COUNTERSIGN_OPS__ADDR", "127.0.0.1:0"),
                // Upstreams of tests are on this machine, and so is whoever says from where a call comes.
                ("COUNTERSIGN_GATEWAY__PRIVATE_UPSTREAMS", "allowed"),
                ("COUNTERSIGN_GATEWAY__TRUSTED_PROXIES", "127.0.0.1/32"),
                ("COUNTERSIGN_MAIL__TRANSPORT", transport),
                ("COUNTERSIGN_LOG__FORMAT", "json"),
                ("COUNTERSIGN_LOG__FILTER", filter),
                ("LEPTOS_OUTPUT_NAME", "countersign"),
            ])
            .current_dir(data.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = mpsc::unbounded_channel();
        for pipe in [
            Box::new(child.stderr.take().unwrap()) as Box<dyn std::io::Read + Send>,
            Box::new(child.stdout.take().unwrap()),
        ] {
            let sender = sender.clone();
            std::thread::spawn(move || {
                BufReader::new(pipe).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
            });
        }
        let id = child.id();
        let none = String::new;
        let mut program = Self {
            child: Some(child),
            id,
            lines,
            said: Vec::new(),
            portal: none(),
            gateway: none(),
            ops: none(),
            data,
        };
        let listening: Value = serde_json::from_str(&program.line("Listening").await).unwrap();
        let address = |part: &str| format!("http://{}", listening[part].as_str().unwrap());
        (program.portal, program.gateway, program.ops) = (address("portal"), address("gateway"), address("ops"));
        program
    }

    /// Waits for a line of its log.
    pub async fn line(&mut self, part: &str) -> String {
        loop {
            let Some(line) = soon("a line of the log", self.lines.recv()).await else {
                panic!("it ended before it said {part}: {:#?}", self.said)
            };
            self.said.push(line.clone());
            if line.contains(part) {
                return line;
            }
        }
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.id.to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end, and for its last word.
    pub async fn end(&mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        let ended = soon("the end", tokio::task::spawn_blocking(move || child.wait())).await;
        while let Some(line) = soon("the last line", self.lines.recv()).await {
            self.said.push(line);
        }
        ended.unwrap().unwrap()
    }
}

/// An upstream that says when a request has arrived, and answers when it is allowed to.
async fn slow_upstream() -> (String, mpsc::UnboundedReceiver<()>, Arc<Semaphore>) {
    let (arrived, arrivals) = mpsc::unbounded_channel();
    let allowed = Arc::new(Semaphore::new(0));
    let permits = Arc::clone(&allowed);
    let slow = get(async move || {
        arrived.send(()).unwrap();
        permits.acquire().await.unwrap().forget();
        "slow but sure"
    });
    (serve(Router::new().route("/slow", slow)).await, arrivals, allowed)
}

/// Registers an API, makes a person with a key, and closes the database; returns the secret.
pub async fn prepare(database: &TestDatabase, upstream: String) -> String {
    let portal = portal_on(database.url(), Arc::new(Directories::new(crate::harness::PATIENCE))).await;
    let op = system(&portal);
    let openapi = json!({
        "openapi": "3.1.0", "info": { "title": "Slow", "version": "1" },
        "paths": { "/slow": { "get": { "summary": "Wait", "responses": { "200": { "description": "Done" } } } } }
    });
    portal::apis::register(&op, NewApi { slug: "slow".to_owned(), upstream_url: upstream, openapi }).await.unwrap();
    let new = portal::accounts::NewAccount {
        name: "Ada".to_owned(),
        email: "ada@example.com".to_owned(),
        password: portal::accounts::Password::new(PASSWORD.to_owned()),
        terms: contract::policies::TERMS_VERSION.to_owned(),
    };
    portal::accounts::create_verified(&op, new).await.unwrap();
    let password = portal::accounts::Password::new(PASSWORD.to_owned());
    let token = portal::sessions::sign_in(&op, "ada@example.com", &password).await.unwrap();
    let person = portal::sessions::resume(&portal, token.session.reveal(), op.now).await.unwrap().unwrap();
    let op = portal.op(portal::Actor::Account(Box::new(person)), op.now, op.request);
    let new = portal::keys::NewKey {
        label: "k".to_owned(),
        environment: "live".to_owned(),
        form_token: "t".to_owned(),
        expires_at: String::new(),
    };
    portal::keys::create(&op, new).await.unwrap();
    let mails = portal::mail::mailbox(portal.db()).await.unwrap();
    let link = mails[0].links[0].split_once("token=").unwrap().1;
    let secret = portal::keys::reveal(&op, link).await.unwrap().secret.reveal().to_owned();
    portal.db().clone().close().await.unwrap();
    secret
}

async fn a_signal_ends_it_after_the_running_request(signal: &str) {
    let database = TestDatabase::new().await;
    let (upstream, mut arrivals, allowed) = slow_upstream().await;
    let secret = prepare(&database, upstream).await;
    let mut program = Program::start("serve", &database, "directory").await;
    let mut caller = Browser::at_socket(&program.gateway);
    // A viewer of a page who stays does not hold it up.
    let mut viewer = Browser::at_socket(&program.portal);
    assert_eq!(viewer.visit("/").await.status, 200);
    let running = tokio::spawn(async move { caller.call("/slow/slow", &secret).await });
    soon("the request", arrivals.recv()).await.unwrap();
    program.signal(signal);
    program.line("Ending").await;
    assert!(!running.is_finished());
    allowed.add_permits(1);
    let answer = soon("the answer", running).await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "slow but sure"));
    assert_eq!(program.end().await.code(), Some(0), "{:#?}", program.said);
    assert!(program.said.iter().any(|line| line.contains("Ended")), "{:#?}", program.said);

    let rows = database
        .texts("SELECT route, method FROM request_logs WHERE status = 200 AND code IS NULL".to_owned(), 2)
        .await;
    assert_eq!(rows, [["/slow", "GET"]]);
    assert_eq!(database.count("usage_minutes").await, 1);
}

/// Claims: MAST-24
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asked_to_terminate_it_finishes_the_running_request_and_stores_its_row() {
    a_signal_ends_it_after_the_running_request("TERM").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interrupted_from_the_keyboard_it_does_the_same() {
    a_signal_ends_it_after_the_running_request("INT").await;
}

/// Calls again and again, and tells the id of each request that was answered whole, until nobody answers.
async fn call_until_it_is_gone(gateway: String, secret: String, answered: mpsc::UnboundedSender<RequestId>) {
    let client: Client<HttpConnector, Body> = Client::builder(TokioExecutor::new()).build_http();
    loop {
        let request = Request::get(format!("{gateway}/slow/slow")).header(AUTHORIZATION, format!("Bearer {secret}"));
        let Ok(answer) = client.request(request.body(Body::empty()).unwrap()).await else { return };
        let id = answer.headers()["request-id"].to_str().unwrap().parse().unwrap();
        if answer.into_body().collect().await.is_err() || answered.send(id).is_err() {
            return;
        }
    }
}

/// Claims: MAST-24, MAST-26
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_under_load_it_keeps_the_row_of_every_request_that_it_answered() {
    const CALLERS: usize = 8;
    let database = TestDatabase::new().await;
    let upstream = serve(Router::new().route("/slow", get("quick this time"))).await;
    let secret = prepare(&database, upstream).await;
    let mut program = Program::start("serve", &database, "directory").await;
    let (told, mut answers) = mpsc::unbounded_channel();
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| tokio::spawn(call_until_it_is_gone(program.gateway.clone(), secret.clone(), told.clone())))
        .collect();
    drop(told);
    let mut answered = Vec::new();
    while answered.len() < 600 {
        answered.push(soon("an answer", answers.recv()).await.unwrap());
    }
    program.signal("KILL");
    assert_eq!(program.end().await.code(), None);
    for caller in callers {
        soon("the end of a caller", caller).await.unwrap();
    }
    while let Some(id) = answers.recv().await {
        answered.push(id);
    }

    let data = std::mem::replace(&mut program.data, tempfile::tempdir().unwrap());
    // It listens once the rows of its earlier life are stored.
    let _again = Program::start_in(data, "serve", &database, "directory", "trace").await;
    let rows = database.values("request_logs", "id").await;
    let rows: HashSet<String> = rows.iter().map(|id| id.replace('-', "").to_lowercase()).collect();
    let lost: Vec<_> = answered.iter().filter(|id| !rows.contains(&id.uuid().simple().to_string())).collect();
    assert!(lost.is_empty(), "{} of {} rows are lost", lost.len(), answered.len());
    // A row more for each caller at most: its answer was cut off.
    assert!(rows.len() <= answered.len() + CALLERS, "{} rows of {} answers", rows.len(), answered.len());
    let sum = database.texts("SELECT CAST(SUM(requests) AS TEXT) FROM usage_minutes".to_owned(), 1).await;
    assert_eq!(sum, [[rows.len().to_string()]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_live_stream_ends_with_the_program() {
    let database = TestDatabase::new().await;
    prepare(&database, "http://127.0.0.1:1".to_owned()).await;
    let mut program = Program::start("serve", &database, "directory").await;
    let mut browser = Browser::at_socket(&program.portal);
    // Its forms come from its own address, whatever it is called there.
    browser.always.push((HeaderName::from_static("origin"), HeaderValue::from_str(&program.portal).unwrap()));
    browser.sign_in("ada@example.com").await;
    let _live = browser.live("", None).await;
    program.signal("TERM");
    assert_eq!(program.end().await.code(), Some(0), "{:#?}", program.said);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_operations_listener_says_that_it_lives_and_is_ready() {
    let database = TestDatabase::new().await;
    prepare(&database, "http://127.0.0.1:1".to_owned()).await;
    let mut program = Program::start("serve", &database, "directory").await;
    let mut ops = Browser::at_socket(&program.ops);
    assert_eq!(ops.get("/healthz").await.body, "ok");
    let ready = ops.get("/readyz").await;
    assert_eq!((ready.status, &ready.json()["missing"]), (200, &json!([])));
    assert_eq!(ops.get("/metrics").await.status, 200);
    for (door, path) in [(&program.portal, "/metrics"), (&program.portal, "/readyz"), (&program.gateway, "/metrics")] {
        assert_ne!(Browser::at_socket(door).get(path).await.status, 200, "{path} is open to the world");
    }
    program.signal("TERM");
    assert_eq!(program.end().await.code(), Some(0));
}

/// Claims: S002-21, FLOW-16, FLOW-17, MAST-15, MAST-28, MAST-30, FLOW-60
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_a_person_or_a_program_gave_stands_in_logs_or_metrics() {
    let database = TestDatabase::new().await;
    let mut program = Program::start("demo", &database, "preview").await;
    program.line("Ctrl-C ends it").await;
    let mut browser = Browser::at_socket(&program.portal);
    let mut gateway = Browser::at_socket(&program.gateway);
    let strange = [
        ("user-agent", "CanaryAgent/7.7"),
        ("x-forwarded-for", "203.0.113.77"),
        ("forwarded", "for=203.0.113.77"),
        ("x-real-ip", "203.0.113.77"),
        ("accept-language", "canary-XX"),
    ];
    let strange = strange.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    browser.always.extend(strange.clone());
    browser.always.push((HeaderName::from_static("origin"), HeaderValue::from_str(&program.portal).unwrap()));
    gateway.always.extend(strange);
    let journey =
        Journey { name: "Canary Nightingale", email: "canary.mail@example.com", password: "canary password of nobody" };
    let done = journey.go(&mut browser, &mut gateway).await;
    assert_eq!((done.first.status, done.refused.status), (200, 401), "{:?} {:?}", done.first, done.refused);
    // Mistakes, which are where logs usually fail.
    browser
        .post("/rpc/sessions/sign_in", &[("email", "canary.mail@example.com"), ("password", "canary wrong password")])
        .await;
    browser.post("/rpc/accounts/sign_up", &[("name", "canary\0name"), ("email", "canary.bad")]).await;
    browser.post("/rpc/accounts/verify_email", &[("token", "canary-token")]).await;
    browser.get("/api/v1/request-logs/live?filter=canary:filter").await;
    browser.get("/canary-path?canary=query").await;
    gateway.call("/almanac/v1/sun/canary-place?canary=query", &done.secret).await;
    gateway.call("/canary-api/x", &done.secret).await;
    gateway.call(&format!("/almanac/v1/places?key={}", done.secret), "cs_live_canary").await;
    let mut ops = Browser::at_socket(&program.ops);
    let metrics = ops.get("/metrics").await.body;
    assert!(metrics.contains("countersign_gateway_requests_total"), "{metrics}");
    let session = browser.cookies["cs_session"].clone();
    program.signal("TERM");
    assert_eq!(program.end().await.code(), Some(0), "{:#?}", program.said);

    let canaries = [
        "canary",
        "nightingale",
        "203.0.113",
        &done.secret,
        &done.wrong,
        &done.secret[8..],
        &done.wrong[8..],
        &session,
    ]
    .map(str::to_lowercase);
    // A cut key is a key almost: no stretch of it may stand anywhere either.
    let cut = done.secret[12..24].to_lowercase();
    let logs = program.said.join("\n");
    assert!(logs.contains("\"level\":\"INFO\""), "{logs}");
    for (place, text) in [("the log", &logs), ("the metrics", &metrics)] {
        let text = text.to_lowercase();
        for canary in canaries.iter().chain([&cut]) {
            assert!(!text.contains(canary), "`{canary}` stands in {place}: {text}");
        }
    }

    // In the database are the name and the address, where the register says, and nothing of the rest.
    let dump = format!("{:?}", database.dump().await).to_lowercase();
    assert!(dump.contains("canary nightingale") && dump.contains("canary.mail@example.com"));
    let nowhere = [
        "canary password",
        "canary wrong",
        "canaryagent",
        "203.0.113",
        "canary-xx",
        "canary-in-the-query",
        "canary-place",
        "canary-path",
        "canary-api",
        &done.secret,
        &done.wrong,
        &session,
    ];
    for canary in nowhere.map(str::to_lowercase) {
        assert!(!dump.contains(&canary), "`{canary}` stands in the database");
    }
    let (data, spool) = (program.data.path(), program.data.path().join("spool"));
    assert!(spool.is_dir());
    let files: Vec<_> = [Some(data), Some(&*spool), database.folder()].into_iter().flatten().collect();
    for folder in files {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let bytes = if path.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
            let text = String::from_utf8_lossy(&bytes);
            for canary in [&*done.secret, &*done.wrong, journey.password, &*session] {
                assert!(!text.contains(canary), "`{canary}` stands in {}", path.display());
            }
        }
    }
}
