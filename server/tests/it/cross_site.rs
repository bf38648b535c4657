//! Attack case 12: a form that another site sends, or that nobody can say where it comes from, is refused before anything
//! looks at it.

use axum::body::Body;
use axum::http::{Method, Request, header};

use crate::anonymous_coverage::server_functions;
use crate::fixture::{Fixture, Form, fixture};
use crate::harness::{Browser, House, PORTAL, PRODUCTION};

type Claims = &'static [(&'static str, &'static str)];

/// What browsers say of a form that was not sent from here.
const FOREIGN: [Claims; 11] = [
    &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
    &[("sec-fetch-site", "cross-site")],
    // A lie of one header is not outweighed by the other.
    &[("sec-fetch-site", "cross-site"), ("origin", PORTAL)],
    &[("sec-fetch-site", "same-site"), ("origin", "http://other.portal.test")],
    &[("sec-fetch-site", "same-site")],
    &[("sec-fetch-site", "rubbish")],
    &[("origin", "https://evil.example")],
    &[("origin", "null")],
    &[("origin", "http://portal.test.evil.example")],
    &[("origin", "http://portal.test:8080")],
    &[("origin", "http://other.portal.test")],
];

fn foreign(browser: &Browser, form: &Form, claims: &[(&str, &str)]) -> Request<Body> {
    let mut request = browser.form("/a-page", form.path, &form.fields());
    request.headers_mut().remove("sec-fetch-site");
    request.headers_mut().remove(header::ORIGIN);
    for (name, value) in claims {
        request.headers_mut().insert(name.parse::<header::HeaderName>().unwrap(), value.parse().unwrap());
    }
    request
}

#[tokio::test]
async fn every_form_and_function_refuses_what_does_not_come_from_a_page_of_ours_and_changes_nothing() {
    let Fixture { house, forms, mut ada, .. } = fixture().await;
    let before = house.database.dump().await;
    refuse_another_site(&forms).await;
    refuse_a_browser_that_does_not_say(&forms).await;
    refuse_what_is_no_form(&forms).await;
    refuse_every_method(&mut ada).await;
    assert_eq!(house.database.dump().await, before);
}

async fn refuse_another_site(forms: &[Form]) {
    for form in forms {
        for claims in FOREIGN {
            for script in [true, false] {
                let mut browser = if script { form.by.clone() } else { form.by.without_script() };
                let request = foreign(&browser, form, claims);
                let answer = browser.send(request).await;
                assert_eq!(answer.status, 403, "{} {claims:?}: {answer:?}", form.path);
                if script {
                    assert_eq!(answer.code(), "cross_site");
                    assert_eq!(answer.header("content-type"), "application/problem+json");
                } else {
                    assert!(answer.body.contains("/docs/errors/cross_site"), "{answer:?}");
                }
                assert!(answer.headers.get("set-cookie").is_none());
                assert_eq!(answer.header("cache-control"), "no-store");
            }
        }
    }
}

/// A browser that brings cookies and does not say where its form comes from.
async fn refuse_a_browser_that_does_not_say(forms: &[Form]) {
    for form in forms {
        let mut browser = form.by.clone();
        // Any cookie of ours makes it a browser.
        browser.cookies.entry("cs_theme".to_owned()).or_insert_with(|| "dark".to_owned());
        for claims in [&[][..], &[("origin", "")]] {
            let request = foreign(&browser, form, claims);
            let answer = browser.send(request).await;
            assert_eq!((answer.status, answer.code().as_str()), (403, "cross_site"), "{}: {answer:?}", form.path);
        }
    }
}

/// What another site can have a browser send without asking us first.
async fn refuse_what_is_no_form(forms: &[Form]) {
    for form in forms {
        for kind in ["text/plain", "multipart/form-data; boundary=x", "application/json"] {
            let mut browser = form.by.clone();
            let mut request = foreign(&browser, form, &[("origin", "https://evil.example")]);
            request.headers_mut().insert(header::CONTENT_TYPE, kind.parse().unwrap());
            let answer = browser.send(request).await;
            assert_eq!(answer.status, 403, "{} {kind}: {answer:?}", form.path);
        }
        let fields: Vec<String> =
            form.fields().iter().map(|(name, value)| format!("{name}={}", crate::harness::encoded(value))).collect();
        // Where a page has the address of its form, looking at it shows the page, and does nothing.
        let is_page = form.path.starts_with("/reveal")
            || form.path == "/console/security/recovery-codes"
            || form.path == "/console/tokens"
            || form.path == "/leak-check"
            || form.path == "/admin/imports"
            || form.path.starts_with("/admin/apis/");
        for method in [Method::GET, Method::HEAD] {
            for (name, value) in [
                ("x-http-method-override", "POST"),
                ("x-http-method", "POST"),
                ("x-method-override", "POST"),
                ("accept", "text/html"),
            ] {
                let mut browser = form.by.clone();
                let address = format!("{}?{}&_method=POST", form.path, fields.join("&"));
                let request = Request::builder().method(method.clone()).uri(address).header(name, value);
                let answer = browser.send(request.body(Body::empty()).unwrap()).await;
                let right = if is_page { answer.status < 500 } else { answer.status == 405 };
                assert!(right, "{method} {} {name}: {answer:?}", form.path);
                assert!(answer.cookie("cs_session").is_none(), "{answer:?}");
            }
        }
    }
}

async fn refuse_every_method(ada: &mut Browser) {
    for path in server_functions().into_keys() {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let request = Request::builder().method(method).uri(path).header("sec-fetch-site", "cross-site");
            let answer = ada.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!((answer.status, answer.code().as_str()), (403, "cross_site"), "{path}");
        }
    }
}

#[tokio::test]
async fn the_same_forms_are_accepted_from_here() {
    let Fixture { house, forms, .. } = fixture().await;
    for (place, form) in forms.iter().enumerate() {
        let mut browser = form.by.clone();
        let here: [Claims; 3] = [
            &[("sec-fetch-site", "same-origin"), ("origin", PORTAL)],
            &[("origin", PORTAL)],
            // Sent by the person alone, as from a bookmark.
            &[("sec-fetch-site", "none")],
        ];
        let request = foreign(&browser, form, here[place % here.len()]);
        let answer = browser.send(request).await;
        assert!(answer.status < 400, "{}: {answer:?}", form.path);
    }
    drop(house);
}

#[tokio::test]
async fn on_https_a_form_from_the_same_host_over_http_is_refused() {
    let house = House::of(PRODUCTION).await;
    let mut ada = house.person("Ada").await;
    let before = house.database.dump().await;
    for (origin, status) in [("http://portal.test", 403), ("https://portal.test", 200)] {
        let mut request = ada.form("/a-page", "/rpc/accounts/change_name", &[("name", "Eve")]);
        request.headers_mut().remove("sec-fetch-site");
        request.headers_mut().insert(header::ORIGIN, origin.parse().unwrap());
        let answer = ada.send(request).await;
        assert_eq!(answer.status, status, "{origin}: {answer:?}");
        assert_eq!(house.database.dump().await == before, status == 403, "{origin}");
    }
}

#[tokio::test]
async fn a_program_without_cookies_may_send_what_anybody_may() {
    let house = House::open().await;
    let mut program = house.browser();
    let mut request = program.form("/a-page", "/rpc/accounts/ask_reset", &[("email", "nobody@example.com")]);
    request.headers_mut().remove("sec-fetch-site");
    request.headers_mut().remove(header::ORIGIN);
    assert_eq!(program.send(request).await.status, 200);
}
