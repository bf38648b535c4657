#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::TimeDelta;
use contract::Refusal;
use serde_json::{Value, json};

use super::{NewApi, RESERVED_SLUGS, docs, example_url, list, load_all, register};
use crate::Error;
use crate::testing::{self, at, refusal, start};

fn document(title: &str) -> Value {
    json!({
        "openapi": "3.1.0",
        "info": { "title": title, "summary": "Sun and moon." },
        "paths": {
            "/v1/places": { "get": { "summary": "Places" } },
            "/v1/sun/{place}": { "get": {
                "summary": "Sunrise and sunset",
                "parameters": [{ "name": "place", "in": "path", "required": true, "example": "lisbon" }],
            } },
        },
    })
}

fn almanac(slug: &str) -> NewApi {
    NewApi { slug: slug.to_owned(), upstream_url: "http://127.0.0.1:1".to_owned(), openapi: document("Almanac") }
}

#[tokio::test]
async fn a_registered_api_is_listed_documented_and_known_to_the_gateway() {
    let test = testing::portal().await;
    assert_eq!(list(&test.anonymous(start())).await.unwrap(), []);
    assert_eq!(example_url(&test.anonymous(start())).await.unwrap(), "https://gateway.example");
    register(&test.system(start()), almanac("almanac")).await.unwrap();

    let op = test.anonymous(start());
    let listed = list(&op).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].slug.as_str(), listed[0].name.as_str(), listed[0].operations), ("almanac", "Almanac", 2));
    let shown = docs(&op, "almanac").await.unwrap();
    assert_eq!((&shown.api, shown.base_url.as_str()), (&listed[0], "https://gateway.example/almanac"));
    assert_eq!(
        shown.operations.iter().map(|operation| operation.path.as_str()).collect::<Vec<_>>(),
        ["/v1/places", "/v1/sun/{place}"]
    );
    assert_eq!(example_url(&op).await.unwrap(), "https://gateway.example/almanac/v1/sun/lisbon");
    for nothing in ["", "Almanac", "almanac ", "../almanac", "\0"] {
        assert_eq!(refusal(docs(&op, nothing).await), Refusal::NotFound, "{nothing:?}");
    }

    let loaded = load_all(test.portal.db()).await.unwrap();
    assert_eq!((loaded[0].slug.as_str(), loaded[0].upstream_url.as_str()), ("almanac", "http://127.0.0.1:1"));
    assert_eq!(
        loaded[0].routes,
        [("GET".to_owned(), "/v1/places".to_owned()), ("GET".to_owned(), "/v1/sun/{place}".to_owned())]
    );
}

#[tokio::test]
async fn registering_again_brings_the_api_up_to_date_and_keeps_its_id() {
    let test = testing::portal().await;
    register(&test.system(start()), almanac("almanac")).await.unwrap();
    let before = load_all(test.portal.db()).await.unwrap();
    let later = NewApi {
        upstream_url: "http://127.0.0.1:2".to_owned(),
        openapi: document("New almanac"),
        ..almanac("almanac")
    };
    register(&test.system(at(TimeDelta::days(1))), later).await.unwrap();
    let after = load_all(test.portal.db()).await.unwrap();
    assert_eq!((after.len(), after[0].id, after[0].upstream_url.as_str()), (1, before[0].id, "http://127.0.0.1:2"));
    assert_eq!(list(&test.anonymous(start())).await.unwrap()[0].name, "New almanac");
}

#[tokio::test]
async fn a_slug_that_the_gateway_needs_or_cannot_read_is_refused_with_a_sentence() {
    let test = testing::portal().await;
    let long = "a".repeat(41);
    let wrong = ["", "Almanac", "al manac", "a/b", "a_b", "é", "a.b", &long];
    for slug in RESERVED_SLUGS.into_iter().chain(wrong) {
        let Err(Error::Failed(error)) = register(&test.system(start()), almanac(slug)).await else { panic!("{slug}") };
        assert!(error.to_string().contains("cannot be an API's slug"), "{error}");
    }
    let broken = NewApi { openapi: json!({ "openapi": "3.1.0" }), ..almanac("almanac") };
    assert!(matches!(register(&test.system(start()), broken).await, Err(Error::Failed(_))));
    assert_eq!(test.count("apis").await, 0);
    for slug in ["a", "7", &"a".repeat(40), "open-meteo-2"] {
        register(&test.system(start()), almanac(slug)).await.unwrap();
    }
}

#[tokio::test]
async fn only_the_program_itself_registers_apis() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    for op in [test.anonymous(start()), test.op(&ada, start())] {
        assert_eq!(refusal(register(&op, almanac("almanac")).await), Refusal::NotAllowed);
    }
}
