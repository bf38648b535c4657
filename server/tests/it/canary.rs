//! Attack case 27: what an API does not keep of its callers stands nowhere, however their requests end.
//!
//! The real program, its real files. A second API that keeps address and agent shows that the search would find them.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::routing::get;
use contract::request_logs::LiveEvent;
use portal::apis::{NewApi, NewDetails, NewPrivacy, NewTerms};
use serde_json::json;
use server::directories::Directories;

use crate::harness::{Browser, TestDatabase, portal_on, serve, soon, system};
use crate::process::{Program, prepare};

/// What a caller says of itself at the API that keeps nothing.
const CANARIES: [(&str, &str); 9] = [
    ("x-forwarded-for", "203.0.113.77"),
    ("user-agent", "CanaryAgent/7.7"),
    ("cookie", "canary-crumb=1"),
    ("accept-language", "canary-lang"),
    ("sec-ch-ua", "canary-hint"),
    ("x-real-ip", "198.51.100.77"),
    ("forwarded", "for=198.51.100.78"),
    ("referer", "https://canary-page.example/"),
    ("x-client-id", "canary-header"),
];

const ADDRESSES: [&str; 2] = ["203.0.113.77", "2001:db8:ca11:ab1e::7391"];

/// What must stand nowhere, in lower case. Longer addresses are looked for in each form that a program could print.
const NOWHERE: [&str; 5] = ["canary", "203.0.113", "198.51.100", "ca11:ab1e", "20010db8ca11ab1e"];

const KEPT_ADDRESS: &str = "192.0.2.33";
const KEPT_AGENT: &str = "heron/3.3";

fn header(name: &str, value: &str) -> (HeaderName, HeaderValue) {
    (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
}

/// Registers `quiet`, which keeps nothing, `closed`, whose upstream is not there, and `open`, which keeps everything.
async fn register(database: &TestDatabase, upstream: &str) {
    let portal = portal_on(database.url(), Arc::new(Directories::new(crate::harness::PATIENCE))).await;
    let op = system(&portal);
    for (slug, upstream_url) in [("quiet", upstream), ("open", upstream), ("closed", "http://127.0.0.1:1")] {
        let openapi = json!({
            "openapi": "3.1.0", "info": { "title": slug, "version": "1" },
            "paths": { "/v1/{place}": { "get": { "summary": "Look" } } }
        });
        let new = NewApi { slug: slug.to_owned(), upstream_url: upstream_url.to_owned(), openapi };
        portal::apis::register(&op, new).await.unwrap();
        let terms = NewTerms {
            timeout_ms: "300".to_owned(),
            body_max_bytes: "1000".to_owned(),
            log_mode: "best_effort".to_owned(),
            environments: "both".to_owned(),
            ..NewTerms::default()
        };
        let details =
            NewDetails { name: slug.to_owned(), upstream_url: upstream_url.to_owned(), terms, ..NewDetails::default() };
        portal::apis::change(&op, slug, details).await.unwrap();
    }
    let everything = NewPrivacy {
        caller_kind: "server".to_owned(),
        ip_policy: "full_7d".to_owned(),
        ua_policy: "full".to_owned(),
        log_level: "full".to_owned(),
        retention_days: "90".to_owned(),
    };
    portal::apis::change_privacy(&op, "open", &everything).await.unwrap();
    portal.db().clone().close().await.unwrap();
}

/// All files below a folder, as one text in lower case.
fn files(folder: &Path, into: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else if path.is_file() {
            into.push_str(&String::from_utf8_lossy(&std::fs::read(&path).unwrap()).to_lowercase());
        }
    }
}

/// Claims: FLOW-16, FLOW-17, FLOW-18, MAST-23, MASA-08, S002-06
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_profile_does_not_keep_stands_nowhere() {
    let database = TestDatabase::new().await;
    let upstream = serve(
        Router::new()
            .route("/v1/fine", get("fine"))
            .route("/v1/broken", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
            .route("/v1/slow", get(std::future::pending::<()>)),
    )
    .await;
    let secret = prepare(&database, upstream.clone()).await;
    register(&database, &upstream).await;
    let mut program = Program::start("serve", &database, "directory").await;
    let mut browser = Browser::at_socket(&program.portal);
    browser.always.push(header("origin", &program.portal));
    browser.sign_in("ada@example.com").await;
    let mut live = browser.live("", None).await;

    let mut sent = 0;
    for address in ADDRESSES {
        let mut gateway = Browser::at_socket(&program.gateway);
        gateway.always.extend(CANARIES.map(|(name, value)| header(name, value)));
        gateway.always.retain(|(name, _)| name != "x-forwarded-for");
        gateway.always.push(header("x-forwarded-for", address));
        for (path, status) in [
            ("/quiet/v1/fine?of=canary-query", 200),
            ("/quiet/v1/canary-place", 404),
            ("/quiet/v1/broken", 500),
            ("/quiet/v1/slow", 504),
            ("/closed/v1/canary-place", 502),
            ("/canary-api/v1/fine", 404),
            ("/quiet/v1/%2e%2e/canary", 400),
        ] {
            assert_eq!(gateway.call(path, &secret).await.status, status, "{path}");
            sent += 1;
        }
        let wrong = format!("{}canary", &secret[..secret.len() - 6]);
        assert_eq!(gateway.call("/quiet/v1/fine", &wrong).await.status, 401);
    }
    let mut kept = Browser::at_socket(&program.gateway);
    kept.always.extend([header("x-forwarded-for", KEPT_ADDRESS), header("user-agent", KEPT_AGENT)]);
    assert_eq!(kept.call("/open/v1/fine", &secret).await.status, 200);
    sent += 1;

    // The viewer sees the rows of the own key: all but those of ambiguous paths, where no key is looked at.
    let mut streamed = String::new();
    let mut seen = 0;
    while seen < sent - ADDRESSES.len() {
        let event = soon("the rows", live.event()).await;
        let LiveEvent::Rows { rows } = &event else { panic!("not rows: {event:?}") };
        seen += rows.len();
        streamed.push_str(&serde_json::to_string(&event).unwrap().to_lowercase());
    }
    let metrics = Browser::at_socket(&program.ops).get("/metrics").await.body.to_lowercase();
    let page = browser.visit("/console/logs").await.body.to_lowercase();
    program.signal("TERM");
    assert_eq!(soon("the end", program.end()).await.code(), Some(0), "{:#?}", program.said);

    let dump = format!("{:?}", database.dump().await).to_lowercase();
    let mut stored = String::new();
    files(program.data.path(), &mut stored);
    if let Some(folder) = database.folder() {
        files(folder, &mut stored);
    }
    let said = program.said.join("\n").to_lowercase();
    assert!(said.contains("did not answer"), "{said}");
    let sinks = [
        ("the database", &dump),
        ("a file", &stored),
        ("the log", &said),
        ("the metrics", &metrics),
        ("the live stream", &streamed),
        ("the page", &page),
    ];
    for (place, text) in sinks {
        for canary in NOWHERE {
            assert!(!text.contains(canary), "`{canary}` stands in {place}");
        }
    }
    // What is kept is found where it may stand, and not where it may not.
    for (place, text) in [("the database", &dump), ("the live stream", &streamed)] {
        assert!(text.contains(KEPT_ADDRESS) && text.contains(KEPT_AGENT), "{place} has lost what is kept");
    }
    for (place, text) in [("the log", &said), ("the metrics", &metrics)] {
        assert!(!text.contains(KEPT_ADDRESS) && !text.contains(KEPT_AGENT), "what is kept stands in {place}");
    }
}
