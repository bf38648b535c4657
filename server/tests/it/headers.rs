//! What every answer carries, whoever asks and whatever for.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, Request};

use crate::harness::{Answer, Browser, House};

fn check(path: &str, answer: &Answer) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), value, "{path}: {answer:?}");
    }
    let id = answer.header("request-id");
    assert!(id.starts_with("req_") && id.len() > 20, "{path}: the request id is {id:?}");
    assert_eq!(answer.headers.get_all("request-id").iter().count(), 1, "{path}");
    assert!(answer.headers.get("server").is_none() && answer.headers.get("x-powered-by").is_none());
}

fn check_policy(path: &str, answer: &Answer) {
    assert_eq!(answer.headers.get_all("content-security-policy").iter().count(), 1, "{path}");
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
    for part in ["base-uri 'none'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{path}: {policy}");
    }
    for hole in ["'unsafe-inline'", "'unsafe-eval'", "*", "http:", "https:", "data:", "blob:"] {
        assert!(!policy.contains(hole), "{path}: {policy}");
    }
}

/// Answers of every kind.
async fn answers(house: &House) -> Vec<(String, Answer)> {
    let mut nobody = house.browser();
    let mut ada = house.person("Ada").await;
    let mut all = Vec::new();
    for path in [
        "/",
        "/docs",
        "/docs/nothing",
        "/docs/errors",
        "/docs/errors/missing_key",
        "/privacy",
        "/terms",
        "/sign-in",
        "/sign-up",
        "/nothing",
        "/dev/gallery",
        "/dev/mailbox",
        "/dev/mailbox.json",
        "/verify-email?token=a",
        "/console",
        "/console/keys",
        "/console/logs?status=ok",
        "/console/usage?range=week",
        "/admin/logs",
        "/reveal?token=a",
        "/api/v1/request-logs/live?filter=hello",
        "/rpc/keys/list",
        "/rpc/keys/read_reveal?token=a",
        "/rpc/sessions/sign_in",
        "/rpc/nothing",
    ] {
        for browser in [&mut nobody, &mut ada] {
            all.push((path.to_owned(), browser.visit(path).await));
            all.push((path.to_owned(), browser.get(path).await));
        }
    }
    for path in
        ["/rpc/accounts/sign_up", "/rpc/sessions/sign_in", "/rpc/keys/create", "/reveal", "/sign-up", "/nothing"]
    {
        for mut browser in [ada.clone(), ada.without_script()] {
            all.push((path.to_owned(), browser.post(path, &[("email", "x")]).await));
            let cross = Request::post(path).header("sec-fetch-site", "cross-site").body(Body::empty()).unwrap();
            all.push((path.to_owned(), browser.send(cross).await));
        }
    }
    all
}

#[tokio::test]
async fn every_answer_carries_the_security_headers_a_policy_and_its_own_request_id() {
    let house = House::open().await;
    let mut ids = BTreeSet::new();
    let answers = answers(&house).await;
    for (path, answer) in &answers {
        check(path, answer);
        check_policy(path, answer);
        assert_ne!(answer.status, 500, "{path}: {answer:?}");
        ids.insert(answer.header("request-id"));
    }
    assert_eq!(ids.len(), answers.len(), "two answers have one request id");
    let mut browser = house.browser();
    for file in [
        "/pkg/countersign.js",
        "/pkg/nothing.js",
        "/favicon.svg",
        "/robots.txt",
        "/fonts/geist-latin-wght-normal.woff2",
        "/fonts/x",
    ] {
        let answer = browser.get(file).await;
        check(file, &answer);
        assert!(answer.status == 200 || answer.status == 404, "{file}: {answer:?}");
    }
}

fn nonces(policy: &str) -> Vec<&str> {
    policy.split('\'').filter_map(|word| word.strip_prefix("nonce-")).collect()
}

#[tokio::test]
async fn the_nonce_of_a_page_is_its_own_and_every_script_in_it_has_it() {
    let house = House::open().await;
    let mut ada = house.person("Ada").await;
    let mut seen = BTreeSet::new();
    for path in [
        "/",
        "/sign-up",
        "/docs",
        "/docs/errors",
        "/privacy",
        "/console",
        "/console/keys",
        "/console/logs",
        "/console/usage",
        "/dev/gallery",
        "/nothing",
    ] {
        for _ in 0..2 {
            let page = ada.visit(path).await;
            let policy = page.header("content-security-policy").to_owned();
            let nonces = nonces(&policy);
            assert_eq!(nonces.len(), 1, "{path}: {policy}");
            assert!(nonces[0].len() >= 20 && seen.insert(nonces[0].to_owned()), "{path}: {policy}");
            for script in page.body.split("<script").skip(1) {
                let attributes = script.split('>').next().unwrap();
                assert!(attributes.contains(&format!("nonce=\"{}\"", nonces[0])), "{path}: <script{attributes}>");
            }
            assert!(
                !page.body.contains("<style") && !page.body.contains(" style=\""),
                "{path} has inline style, which its policy forbids"
            );
            for handler in [" onclick=", " onsubmit=", " onload=", " onerror="] {
                assert!(!page.body.contains(handler), "{path} has an inline handler");
            }
            for part in page.body.split([' ', '>']).filter(|part| part.starts_with("src=") || part.starts_with("href="))
            {
                let outside = part.contains("://") || part.contains("=\"//");
                assert!(
                    !outside || part.contains("http://gateway.test") || part.contains("portal.test"),
                    "{path} loads or links {part}"
                );
            }
        }
    }
}

#[tokio::test]
async fn nothing_that_only_its_reader_may_see_is_kept_by_a_cache() {
    let house = House::open().await;
    let mut ada = house.person("Ada").await;
    for path in [
        "/console",
        "/console/keys",
        "/console/logs",
        "/console/usage",
        "/reveal?token=a",
        "/dev/mailbox",
        "/admin/logs",
    ] {
        assert_eq!(ada.visit(path).await.header("cache-control"), "no-store", "{path}");
    }
    for path in [
        "/rpc/keys/list",
        "/rpc/frame/read",
        "/rpc/request_logs/read",
        "/rpc/overview/read",
        "/rpc/usage/read",
        "/dev/mailbox.json",
    ] {
        assert_eq!(ada.get(path).await.header("cache-control"), "no-store", "{path}");
    }
    let files = [
        ("/pkg/countersign.js", "public, max-age=31536000, immutable"),
        ("/fonts/geist-latin-wght-normal.woff2", "public, max-age=86400"),
        ("/favicon.svg", "public, max-age=86400"),
    ];
    for (file, cache) in files {
        assert_eq!(ada.get(file).await.header("cache-control"), cache, "{file}");
    }
    // A file that is missing today may be there tomorrow.
    for missing in ["/pkg/countersign.other.js", "/fonts/nothing.woff2"] {
        let answer = ada.get(missing).await;
        assert_eq!((answer.status, answer.header("cache-control")), (404, "no-store"), "{missing}");
    }
}

#[tokio::test]
async fn a_head_request_is_answered_like_a_get_without_its_body() {
    let house = House::open().await;
    let mut ada: Browser = house.person("Ada").await;
    for path in ["/", "/console", "/console/keys", "/nothing", "/favicon.svg", "/dev/mailbox.json"] {
        let get = ada.get(path).await;
        let head = Request::builder()
            .method(Method::HEAD)
            .uri(path)
            .header("accept", "application/json")
            .body(Body::empty())
            .unwrap();
        let head = ada.send(head).await;
        assert_eq!((head.status, head.body.as_str()), (get.status, ""), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
}
