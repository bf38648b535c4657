//! A form that another site sends is refused before anything looks at it.

use axum::body::Body;
use axum::http::{Method, Request, header};

use crate::anonymous_coverage::server_functions;
use crate::forms::{Fixture, fixture};
use crate::harness::{Browser, PORTAL};

/// What browsers say of a form that was not sent from here.
const FOREIGN: [&[(&str, &str)]; 5] = [
    &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
    &[("sec-fetch-site", "cross-site")],
    &[("origin", "https://evil.example")],
    &[("origin", "null")],
    &[("sec-fetch-site", "same-site"), ("origin", "http://other.portal.test")],
];

fn foreign(browser: &Browser, path: &str, fields: &[(&str, String)], claims: &[(&str, &str)]) -> Request<Body> {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut request = browser.form("/a-page", path, &fields);
    request.headers_mut().remove("sec-fetch-site");
    request.headers_mut().remove(header::ORIGIN);
    for (name, value) in claims {
        request.headers_mut().insert(name.parse::<header::HeaderName>().unwrap(), value.parse().unwrap());
    }
    request
}

#[tokio::test]
async fn every_form_refuses_another_site_and_changes_nothing() {
    let Fixture { house, browser, forms } = fixture().await;
    let before = house.database.dump().await;
    for (path, fields) in &forms {
        for claims in FOREIGN {
            for script in [true, false] {
                let mut browser = if script { browser.clone() } else { browser.without_script() };
                let request = foreign(&browser, path, fields, claims);
                let answer = browser.send(request).await;
                assert_eq!(answer.status, 403, "{path} {claims:?}: {answer:?}");
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
    assert_eq!(house.database.dump().await, before);
}

#[tokio::test]
async fn every_server_function_refuses_another_site_whatever_its_method() {
    let Fixture { house, mut browser, .. } = fixture().await;
    for path in server_functions().into_keys() {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let request = Request::builder().method(method).uri(path).header("sec-fetch-site", "cross-site");
            let answer = browser.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!((answer.status, answer.code().as_str()), (403, "cross_site"), "{path}");
        }
    }
    drop(house);
}

#[tokio::test]
async fn the_same_forms_are_accepted_from_here() {
    let Fixture { house, browser, forms } = fixture().await;
    for (path, fields) in &forms {
        let mut browser = browser.clone();
        let request = foreign(&browser, path, fields, &[("sec-fetch-site", "same-origin"), ("origin", PORTAL)]);
        let answer = browser.send(request).await;
        assert!(answer.status < 400, "{path}: {answer:?}");
    }
    drop(house);
}
