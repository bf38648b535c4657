//! Calls that are tried from the docs: real calls at the own gateway, with a key that stands nowhere afterwards.

use crate::harness::{Answer, Browser, House};

const PAGE: &str = "/docs/almanac";

/// A person with a key, before a gateway with the sample API.
async fn house() -> (House, Browser, String) {
    let house = House::open().await;
    house.open_gateway().await;
    let ada = house.person("Ada").await;
    let op = house.op_of(&ada).await;
    let new = portal::keys::NewKey {
        label: "Docs".to_owned(),
        environment: "live".to_owned(),
        form_token: "docs".to_owned(),
        expires_at: String::new(),
    };
    portal::keys::create(&op, new).await.unwrap();
    let token = house.newest_token("ada@example.com").await;
    let secret = portal::keys::reveal(&op, &token).await.unwrap().secret.reveal().to_owned();
    (house, ada.without_script(), secret)
}

fn sun<'a>(place: &'a str, key: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("method", "GET"), ("path", "/v1/sun/{place}"), ("path.place", place), ("key", key)]
}

/// What the answer that is drawn on the page says.
fn told(answer: &Answer) -> &str {
    answer.body.split("aria-label=\"Answer\"").nth(1).unwrap_or_else(|| panic!("no answer in {}", answer.body))
}

/// Claims: MAST-01, MAST-26
#[tokio::test]
async fn a_call_that_is_tried_from_the_docs_is_answered_on_the_page_and_leaves_its_row() {
    let (house, mut ada, secret) = house().await;
    let before = ada.visit(PAGE).await;
    assert!(before.body.contains("Try it") && before.body.contains("name=\"path.place\""), "{}", before.body);
    let answer = ada.post(PAGE, &sun("lisbon", &secret)).await;
    assert_eq!(answer.status, 200);
    let answered = told(&answer);
    assert!(answered.contains("200") && answered.contains("lisbon") && answered.contains("request-id"), "{answered}");
    // The key is not on the page, nor the part of it that would open anything.
    assert!(!answer.body.contains(&secret) && !answer.body.contains(&secret[8..20]));
    assert!(answer.header("cache-control").contains("no-store"), "{answer:?}");

    let link = answered.split("/console/logs?request=").nth(1).unwrap().split('"').next().unwrap();
    let id: contract::RequestId = link.parse().unwrap();
    let mut rows = Vec::new();
    while rows.is_empty() {
        let op = house.op_of(&ada).await;
        rows = portal::request_logs::list(&op, portal::Scope::Organization, &<_>::default(), None).await.unwrap().items;
        tokio::task::yield_now().await;
    }
    assert_eq!((rows[0].id, rows[0].status, rows[0].route.as_str()), (id, 200, "/v1/sun/{place}"));
    let dump = format!("{:?}", house.database.dump().await);
    assert!(!dump.contains(&secret));
}

#[tokio::test]
async fn what_the_gateway_refuses_and_what_is_missing_is_told_and_nothing_that_was_typed_is_lost() {
    let (_house, mut ada, secret) = house().await;
    let wrong = format!("{}x", &secret[..secret.len() - 1]);
    let refused = ada.post(PAGE, &sun("lisbon", &wrong)).await;
    assert_eq!(refused.status, 200);
    assert!(told(&refused).contains("401"), "{}", refused.body);
    assert!(!refused.body.contains(&wrong));

    let missing = ada.post(PAGE, &sun("", "")).await;
    assert_eq!(missing.status, 422);
    assert_eq!(missing.body.matches("Fill this in.").count(), 2, "{}", missing.body);
    let without_key = ada.post(PAGE, &sun("lis&bon\"<b>", "")).await;
    assert!(without_key.body.contains("value=\"lis&amp;bon&quot;&lt;b&gt;\""), "{}", without_key.body);
    // A key that no header can hold is none.
    assert_eq!(ada.post(PAGE, &sun("lisbon", "a\nb")).await.status, 422);
}

/// Claims: S002-17
#[tokio::test]
async fn a_call_is_tried_at_the_own_gateway_and_nowhere_else() {
    let (_house, mut ada, secret) = house().await;
    for path in ["/v1/sun/{place}@evil.example", "//evil.example/", "http://evil.example/", "/../../verify", ""] {
        let fields = [("method", "GET"), ("path", path), ("path.place", "lisbon"), ("key", &*secret)];
        assert_eq!(ada.post(PAGE, &fields).await.status, 404, "{path}");
    }
    // Places of parameters cannot be left: the gateway says that the place is not known, or the path is ambiguous.
    for place in ["../../../other", "@evil.example", "lisbon/../../.."] {
        let answer = ada.post(PAGE, &sun(place, &secret)).await;
        let answered = told(&answer);
        assert!(answered.contains("400") || answered.contains("404"), "{place}: {answered}");
    }
    assert_eq!(ada.post("/docs/nothing", &sun("lisbon", &secret)).await.status, 404);
}

#[tokio::test]
async fn whoever_is_not_signed_in_is_led_to_the_sign_in_and_no_call_is_made() {
    let (house, _, secret) = house().await;
    let mut stranger = house.browser().without_script();
    assert!(!stranger.visit(PAGE).await.body.contains("Try it"));
    let answer = stranger.post(PAGE, &sun("lisbon", &secret)).await;
    assert_eq!(answer.leads_to(), "/sign-in?next=/docs/almanac");
    assert_eq!(house.database.count("request_logs").await, 0);
}
