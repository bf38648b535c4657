//! Several processes on one database: what one changes the other knows, what both give together is no more than there
//! is, and neither needs the other, or the database, to go on.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{HeaderName, HeaderValue};
use axum::routing::get;
use portal::apis::NewApi;
use portal::{Actor, Op};
use serde_json::json;
use server::directories::Directories;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::harness::{Browser, PASSWORD, PATIENCE, TestDatabase, portal_on, serve, soon, system};
use crate::process::{Program, prepare};

/// Whether several processes may use the database under test.
fn is_shared(database: &TestDatabase) -> bool {
    database.folder().is_none()
}

/// Registers an API at which everybody has so many units a month.
async fn register(op: &Op, slug: &str, upstream: &str, units: u32) {
    let openapi = json!({
        "openapi": "3.1.0", "info": { "title": slug, "version": "1" },
        "paths": { "/one": { "get": { "summary": "One", "responses": { "200": { "description": "Done" } } } } }
    });
    let new = NewApi { slug: slug.to_owned(), upstream_url: upstream.to_owned(), openapi };
    portal::apis::register(op, new).await.unwrap();
    let plan = portal::plans::NewPlan {
        name: "All".to_owned(),
        quota_units: units.to_string(),
        quota_period: "month".to_owned(),
        approval: "automatic".to_owned(),
        audience: "everybody".to_owned(),
        ..<_>::default()
    };
    let plan = portal::plans::create(op, slug, plan).await.unwrap();
    portal::apis::set_default_plan(op, slug, plan).await.unwrap();
}

/// An operation of Ada, past every door.
async fn as_ada(database: &TestDatabase) -> Op {
    let portal = portal_on(database.url(), Arc::new(Directories::new(PATIENCE))).await;
    let op = system(&portal);
    let password = portal::accounts::Password::new(PASSWORD.to_owned());
    let opened = portal::sessions::sign_in(&op, "ada@example.com", &password).await.unwrap();
    let person = portal::sessions::resume(&portal, opened.session.reveal(), op.now).await.unwrap().unwrap();
    portal.op(Actor::Account(Box::new(person)), op.now, op.request)
}

/// Calls until the answer is what was waited for; says how often it was another.
async fn until(gateway: &mut Browser, path: &str, secret: &str, wanted: &str) -> usize {
    let calling = async {
        let mut others = 0;
        while gateway.call(path, secret).await.code() != wanted {
            others += 1;
            tokio::task::yield_now().await;
        }
        others
    };
    soon(wanted, calling).await
}

async fn units(database: &TestDatabase, slug: &str) -> i64 {
    let sql = format!("SELECT CAST(COALESCE(SUM(cost), 0) AS TEXT) FROM request_logs WHERE api_slug = '{slug}'");
    database.texts(sql, 1).await[0][0].parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_on_a_sqlite_file_is_refused_in_a_clear_sentence() {
    let database = TestDatabase::new().await;
    prepare(&database, "http://127.0.0.1:1".to_owned()).await;
    let mut first = Program::start("serve", &database, "directory").await;
    if is_shared(&database) {
        let mut second = Program::start("serve", &database, "directory").await;
        second.signal("TERM");
        assert_eq!(second.end().await.code(), Some(0));
    } else {
        let data = tempfile::tempdir().unwrap();
        let started = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .arg("serve")
            .env_clear()
            .envs([
                ("COUNTERSIGN_DATABASE__URL", database.url()),
                ("COUNTERSIGN_DATA__DIR", data.path().to_str().unwrap()),
                ("COUNTERSIGN_MAIL__TRANSPORT", "directory"),
                ("LEPTOS_OUTPUT_NAME", "countersign"),
            ])
            .current_dir(data.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&started.stderr).into_owned() + &String::from_utf8_lossy(&started.stdout);
        assert_eq!(started.status.code(), Some(1), "{said}");
        assert!(said.contains("another process uses this SQLite database"), "{said}");
    }
    first.signal("TERM");
    assert_eq!(first.end().await.code(), Some(0));
}

/// Claims: MAST-15, FLOW-60
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_revoked_in_one_process_is_refused_by_the_other_within_a_second() {
    let database = TestDatabase::new().await;
    if !is_shared(&database) {
        return;
    }
    let upstream = serve(Router::new().route("/slow", get("quick"))).await;
    let secret = prepare(&database, upstream).await;
    let mut one = Program::start("serve", &database, "directory").await;
    let mut two = Program::start("serve", &database, "directory").await;
    let (mut here, mut there) = (Browser::at_socket(&one.gateway), Browser::at_socket(&two.gateway));
    assert_eq!(here.call("/slow/slow", &secret).await.status, 200);
    assert_eq!(there.call("/slow/slow", &secret).await.status, 200);

    let mut ada = Browser::at_socket(&one.portal);
    ada.always.push((HeaderName::from_static("origin"), HeaderValue::from_str(&one.portal).unwrap()));
    ada.sign_in("ada@example.com").await;
    let keys = portal::keys::list(&as_ada(&database).await, None).await.unwrap();
    let id = keys.into_iter().find(|key| key.label == "k").unwrap().id.to_string();
    let answer = ada.post("/rpc/keys/revoke", &[("id", &id)]).await;
    assert!(answer.status < 400, "{}", answer.body);
    let revoked = Instant::now();
    assert_eq!(here.call("/slow/slow", &secret).await.code(), "revoked_key", "before the verb returned");
    let late = until(&mut there, "/slow/slow", &secret, "revoked_key").await;
    let took = revoked.elapsed();
    println!("the other process refused after {took:?}, having answered {late} calls");
    // A second is the promise; the rest is for a machine on which others work.
    assert!(took < Duration::from_secs(5), "{took:?}");
    for program in [&mut one, &mut two] {
        program.signal("TERM");
        assert_eq!(program.end().await.code(), Some(0), "{:#?}", program.said);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_spend_a_quota_to_its_last_unit_and_never_one_more_also_when_one_is_killed() {
    const UNITS: u32 = 300;
    let database = TestDatabase::new().await;
    if !is_shared(&database) {
        return;
    }
    let upstream = serve(Router::new().route("/one", get("one")).route("/slow", get("quick"))).await;
    let secret = prepare(&database, upstream.clone()).await;
    let portal = portal_on(database.url(), Arc::new(Directories::new(PATIENCE))).await;
    register(&system(&portal), "scarce", &upstream, UNITS).await;
    let mut one = Program::start("serve", &database, "directory").await;
    let mut two = Program::start("serve", &database, "directory").await;

    // Both are called at once, until so many calls were answered.
    let call = |gateway: String, most: usize| {
        let secret = secret.clone();
        tokio::spawn(async move {
            let mut browser = Browser::at_socket(&gateway);
            let mut good = 0;
            for _ in 0..most {
                let answer = browser.call("/scarce/one", &secret).await;
                match answer.status {
                    200 => good += 1,
                    status => assert_eq!((status, answer.code()), (429, "quota_exceeded".to_owned())),
                }
            }
            good
        })
    };
    let callers: Vec<_> =
        [&one, &two, &one, &two].map(|program| call(program.gateway.clone(), 40)).into_iter().collect();
    let mut good = 0;
    for caller in callers {
        good += soon("a caller", caller).await.unwrap();
    }
    assert_eq!(good, 160, "there is plenty");

    // One is killed. What it held is nobody's until it is there again, and the other goes on.
    two.signal("KILL");
    assert_eq!(two.end().await.code(), None);
    let mut alone = Browser::at_socket(&one.gateway);
    good += until(&mut alone, "/scarce/one", &secret, "quota_exceeded").await;
    assert!(good <= UNITS as usize, "{good}");
    let data = std::mem::replace(&mut two.data, tempfile::tempdir().unwrap());
    let mut two = Program::start_in(data, "serve", &database, "directory", "info").await;
    let mut again = Browser::at_socket(&two.gateway);
    let rest = async {
        while good < UNITS as usize {
            for gateway in [&mut alone, &mut again] {
                match gateway.call("/scarce/one", &secret).await.status {
                    200 => good += 1,
                    status => assert_eq!(status, 429),
                }
            }
        }
    };
    soon("the last unit", rest).await;
    for _ in 0..20 {
        assert_eq!(alone.call("/scarce/one", &secret).await.code(), "quota_exceeded");
        assert_eq!(again.call("/scarce/one", &secret).await.code(), "quota_exceeded");
    }
    for program in [&mut one, &mut two] {
        program.signal("TERM");
        assert_eq!(program.end().await.code(), Some(0), "{:#?}", program.said);
    }
    assert_eq!(units(&database, "scarce").await, i64::from(UNITS));
    assert_eq!(database.count("processes").await, 0);
}

/// Stands between a process and its database, and can be cut.
struct Relay {
    url: String,
    open: watch::Sender<bool>,
}

impl Relay {
    async fn before(database: &TestDatabase) -> Self {
        let (scheme, rest) = database.url().split_once("://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let (user, address) = host.rsplit_once('@').unwrap_or(("", host));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{scheme}://{user}@{}/{path}", listener.local_addr().unwrap());
        let (open, watched) = watch::channel(true);
        let address = address.to_owned();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (mut watched, address) = (watched.clone(), address.clone());
                tokio::spawn(async move {
                    if *watched.borrow() {
                        let Ok(mut far) = TcpStream::connect(address).await else { return };
                        tokio::select! {
                            _ = copy_bidirectional(&mut near, &mut far) => {}
                            _ = watched.wait_for(|open| !open) => {}
                        }
                    }
                });
            }
        });
        Self { url, open }
    }

    fn cut(&self) {
        self.open.send(false).unwrap();
    }

    fn mend(&self) {
        self.open.send(true).unwrap();
    }
}

/// Claims: MAST-24
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_database_a_process_answers_from_memory_and_learns_afterwards_what_it_missed() {
    let database = TestDatabase::new().await;
    if !is_shared(&database) {
        return;
    }
    let upstream = serve(Router::new().route("/one", get("one")).route("/slow", get("quick"))).await;
    let secret = prepare(&database, upstream.clone()).await;
    let ada = as_ada(&database).await;
    register(&system(&ada.portal), "scarce", &upstream, 100_000).await;
    let relay = Relay::before(&database).await;
    let data = tempfile::tempdir().unwrap();
    let mut program = Program::start_at(data, "serve", &relay.url, "directory", "info").await;
    let mut gateway = Browser::at_socket(&program.gateway);
    assert_eq!(gateway.call("/slow/slow", &secret).await.status, 200);
    assert_eq!(gateway.call("/scarce/one", &secret).await.status, 200);

    relay.cut();
    program.line("are not heard").await;
    assert_eq!(gateway.call("/slow/slow", &secret).await.status, 200, "from memory");
    // What it was granted can be spent; then nobody can tell whether there is more.
    let granted = until(&mut gateway, "/scarce/one", &secret, "quota_unavailable").await;
    assert!((1..=1_000).contains(&granted), "{granted}");
    assert_eq!(gateway.call("/slow/slow", &secret).await.status, 200, "an API without a quota needs nobody");

    // Meanwhile somebody else revokes the key, and the quota is still there.
    let key = portal::keys::list(&ada, None).await.unwrap().into_iter().find(|key| key.label == "k").unwrap();
    portal::keys::revoke(&ada, key.id).await.unwrap();
    assert_eq!(gateway.call("/slow/slow", &secret).await.status, 200, "it cannot know yet");
    relay.mend();
    until(&mut gateway, "/slow/slow", &secret, "revoked_key").await;
    program.line("are heard again").await;
    program.signal("TERM");
    assert_eq!(program.end().await.code(), Some(0), "{:#?}", program.said);
    // Every answer has its row, also those of the time without a database.
    assert!(units(&database, "scarce").await > i64::try_from(granted).unwrap());
}
