//! Requests that no page of ours sends: each is refused with a code and a sentence, none is a failure of ours.

use axum::body::Body;
use axum::http::{Method, Request, header};
use contract::refusal::ProblemDocument;

use crate::anonymous_coverage::server_functions;
use crate::fixture::{Fixture, fixture};
use crate::harness::{Answer, House, PORTAL, encoded};

fn assert_problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let document: ProblemDocument = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(document.status, status);
    assert_eq!(document.r#type, format!("{PORTAL}/docs/errors/{code}"));
    assert_eq!(document.request_id, answer.header("request-id"));
    assert!(document.detail.ends_with('.') && !document.title.is_empty());
}

#[tokio::test]
async fn another_method_is_refused_and_the_right_ones_are_named() {
    let house = House::open().await;
    let mut browser = house.person("Ada").await;
    let pages = ["/", "/sign-up", "/docs", "/console", "/privacy"].map(|path| (path, Method::GET));
    let others = [("/api/v1/request-logs/live", Method::GET), ("/dev/mailbox.json", Method::GET)];
    for (path, right) in server_functions().into_iter().chain(pages).chain(others) {
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::TRACE] {
            if method == right {
                continue;
            }
            let request = Request::builder().method(&method).uri(path).header("sec-fetch-site", "same-origin");
            let answer = browser.send(request.body(Body::empty()).unwrap()).await;
            assert_problem(&answer, 405, "method_not_allowed");
            assert!(
                answer.header("allow").split(',').any(|allowed| allowed.trim() == right.as_str()),
                "{method} {path}: {answer:?}"
            );
        }
    }
    let mut plain = browser.without_script();
    let page = plain.post("/sign-up", &[]).await;
    assert_eq!((page.status, page.header("allow")), (405, "GET,HEAD"));
    assert!(
        page.body.contains("/docs/errors/method_not_allowed") && page.header("content-type").starts_with("text/html")
    );
    let wrong = Request::delete("/reveal").header("sec-fetch-site", "same-origin").body(Body::empty()).unwrap();
    let wrong = plain.send(wrong).await;
    assert_eq!(wrong.status, 405);
}

#[tokio::test]
async fn a_body_larger_than_any_form_is_refused_before_anything_reads_it() {
    let Fixture { house, forms, .. } = fixture().await;
    let before = house.database.dump().await;
    let large = format!("email={}", "x".repeat(100_000));
    // Documents and imports are larger; where their form ends is proved with the desk's.
    let longer = ["/admin/apis/tides", "/admin/imports"];
    for crate::fixture::Form { path, by, .. } in forms.iter().filter(|form| !longer.contains(&form.path)) {
        let mut browser = by.clone();
        let mut request = browser.form("/a-page", path, &[]);
        *request.body_mut() = Body::from(large.clone());
        assert_problem(&browser.send(request).await, 413, "too_large");

        // Without a length, as a stream.
        let mut request = browser.form("/a-page", path, &[]);
        let parts: Vec<Result<String, std::io::Error>> = (0..100).map(|_| Ok("x".repeat(1_000))).collect();
        *request.body_mut() = Body::from_stream(futures_util::stream::iter(parts));
        assert_problem(&browser.send(request).await, 413, "too_large");

        let mut plain = browser.without_script();
        let mut request = plain.form("/a-page", path, &[]);
        *request.body_mut() = Body::from(large.clone());
        let page = plain.send(request).await;
        assert_eq!(page.status, 413);
        assert!(page.body.contains("/docs/errors/too_large"));
    }
    assert_eq!(house.database.dump().await, before);
}

#[tokio::test]
async fn bodies_that_are_no_forms_are_refused_and_are_no_failures_of_ours() {
    let Fixture { house, forms, .. } = fixture().await;
    let before = house.database.dump().await;
    let bodies: [(&str, &[u8]); 8] = [
        ("application/json", b"{\"email\":1}"),
        ("application/x-www-form-urlencoded", b"\xff\xfe\xfd"),
        ("application/x-www-form-urlencoded", b"%ff%fe=%zz"),
        ("application/x-www-form-urlencoded", b"email[a][b][c]=1&email=2&email=3&&&===&token[]=a"),
        ("application/x-www-form-urlencoded", b"email=a&email=b&token=a&token=b&id=a&id=b&label=a&label=b"),
        ("multipart/form-data; boundary=x", b"--x\r\n"),
        ("text/plain", b"hello"),
        ("", b"hello"),
    ];
    for form in forms.iter().filter(|form| !form.fields().is_empty()) {
        let path = form.path;
        for (kind, body) in bodies {
            let mut browser = form.by.clone();
            let mut request = browser.form("/a-page", path, &[]);
            if kind.is_empty() {
                request.headers_mut().remove(header::CONTENT_TYPE);
            } else {
                request.headers_mut().insert(header::CONTENT_TYPE, kind.parse().unwrap());
            }
            *request.body_mut() = Body::from(body.to_vec());
            let answer = browser.send(request).await;
            assert!(
                (400..500).contains(&answer.status),
                "{path}, {kind} {:?}: {answer:?}",
                String::from_utf8_lossy(body)
            );
            let page = answer.header("content-type").starts_with("text/html");
            assert!(page || !answer.code().is_empty(), "{path}, {kind}: {answer:?}");
        }
    }
    assert_eq!(house.database.dump().await, before);
}

#[tokio::test]
async fn strange_addresses_are_answered_and_are_no_failures_of_ours() {
    let house = House::open().await;
    let mut ada = house.person("Ada").await;
    let mut operator = house.staff("Olga").await;
    let values = [
        "",
        "\0",
        "a\0b",
        "\u{202e}",
        "e\u{301}",
        "%",
        "%ff",
        "' OR 1=1 --",
        "<script>",
        "../../etc/passwd",
        "-1",
        "99999999999999999999",
        &"x".repeat(6_000),
    ];
    for value in values {
        let value = encoded(value);
        for path in [
            format!("/docs/{value}"),
            format!("/docs/errors/{value}"),
            format!("/{value}"),
            format!("/verify-email?token={value}"),
            format!("/reset-password?token={value}"),
            format!("/recover?token={value}&started={value}"),
            format!("/recover/finish?token={value}"),
            format!("/recover/cancel?token={value}&done={value}"),
            format!("/confirm-email?token={value}&done={value}"),
            format!("/invite?token={value}&done={value}"),
            format!("/verify-contact?token={value}"),
            format!("/lost-access?sent={value}"),
            format!("/step-up?next={value}"),
            format!("/console/security?done={value}&passkey={value}&before={value}"),
            format!("/console/organization?done={value}"),
            format!("/rpc/guard/challenge?purpose={value}"),
            format!("/rpc/security/read_events?before={value}"),
            format!("/rpc/security/read_confirmation?next={value}"),
            format!("/js/{value}"),
            format!("/reveal?token={value}"),
            format!("/sign-in?next={value}&verified={value}"),
            format!("/sign-up?__path={value}&__err={value}"),
            format!("/sign-up?__path=%2Frpc%2Faccounts%2Fsign_up&__err={value}"),
            format!("/console?environment={value}"),
            format!("/console/keys?environment={value}&created={value}&sent={value}"),
            format!(
                "/console/logs?status={value}&method={value}&api={value}&key={value}&code={value}&before={value}&organization={value}"
            ),
            format!("/console/usage?range={value}&environment={value}"),
            format!("/admin/logs?key={value}"),
            format!("/rpc/apis/docs?slug={value}"),
            format!("/rpc/keys/list?environment={value}"),
            format!("/rpc/keys/read_reveal?token={value}"),
            format!("/rpc/kept/take?form={value}"),
            format!("/rpc/request_logs/read?scope={value}&filter={value}&before={value}"),
            format!("/rpc/request_logs/read?filter=api:{value}"),
            format!("/rpc/usage/read?environment={value}&range={value}"),
            format!("/api/v1/request-logs/live?filter=hello:{value}&scope={value}&since={value}"),
            format!("/dev/mailbox?{value}"),
        ] {
            for browser in [&mut ada, &mut operator] {
                let answer = browser.visit(&path).await;
                assert!(answer.status < 500, "{path}: {answer:?}");
                assert!(!answer.body.contains("<script>alert") && !answer.body.contains("<script><"), "{path}");
            }
        }
    }
    for path in ["/rpc/apis/docs", "/rpc/kept/take", "/rpc/apis/docs?slug[a]=b", "/rpc/request_logs/read?filter=%ff"] {
        let answer = ada.get(path).await;
        assert!((400..500).contains(&answer.status) || answer.status == 200, "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn cookies_that_were_tampered_with_are_ignored() {
    let house = House::open().await;
    for value in ["", "zz", "7b7d", "7b22666f726d223a317d", "\u{7f}", &"61".repeat(3_000)] {
        let mut browser = house.browser();
        let Ok(cookie) =
            header::HeaderValue::from_str(&format!("cs_form={value}; cs_theme={value}; cs_session={value}; ; =; x"))
        else {
            continue;
        };
        browser.always.push((header::COOKIE, cookie));
        for path in ["/sign-up?__path=%2Frpc%2Faccounts%2Fsign_up&__err=x", "/console/nothing", "/"] {
            let answer = browser.visit(path).await;
            let right = if path.starts_with("/console") { 303 } else { 200 };
            assert_eq!(answer.status, right, "{path} with {value}: {answer:?}");
        }
    }
}
