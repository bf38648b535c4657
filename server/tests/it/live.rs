//! The live stream: every stored row that a viewer may see and asked for arrives, nothing else, and a gap is filled.

use axum::body::Body;
use axum::http::Request;
use contract::Environment;
use contract::request_logs::{LiveEvent, RequestRow};

use crate::harness::{House, Live, caller, encoded, row};

/// Records a row and waits until a viewer of everything has seen it: from then on it is stored.
async fn store(house: &House, witness: &mut Live, row: &RequestRow) {
    house.ledger.record(row.clone());
    assert_eq!(witness.rows().await, [row.id]);
}

/// Claims: MAST-30
#[tokio::test]
async fn a_row_arrives_as_an_event_with_everything_that_is_known_of_it_and_no_key() {
    let house = House::open().await;
    let mut operator = house.staff("Olga").await;
    let ada = house.person("Ada").await;
    let mut live = operator.live("scope=operator", None).await;
    let mut sent = row(Some(caller(&house.organization_of(&ada).await, "my server")));
    sent.key_hint = Some("cs_live_…x7Qd".to_owned());
    house.ledger.record(sent.clone());
    assert_eq!(live.event().await, LiveEvent::Rows { rows: vec![sent.clone()] });
    assert_eq!(live.last, Some(sent.at.to_string()));
}

#[tokio::test]
async fn a_filter_lets_through_what_it_names_and_nothing_else() {
    let house = House::open().await;
    let mut operator = house.staff("Olga").await;
    let organization = house.organization_of(&house.person("Ada").await).await;
    let other = house.organization_of(&house.person("Bea").await).await;
    let plain = row(Some(caller(&other, "other server")));
    let mut own = row(Some(caller(&organization, "my server")));
    own.method = "POST".to_owned();
    own.status = 503;
    own.code = Some("upstream_down".to_owned());
    own.api.as_mut().unwrap().1 = "tides".to_owned();
    own.caller.as_mut().unwrap().environment = Environment::Test;
    let key = own.caller.as_ref().unwrap().key;
    for filter in [
        "status:5xx".to_owned(),
        "status:503".to_owned(),
        "-status:2xx".to_owned(),
        "method:post".to_owned(),
        "api:tides".to_owned(),
        format!("organization:{}", organization.0),
        "key:\"my server\"".to_owned(),
        format!("key:{key}"),
        "code:upstream_down".to_owned(),
        "-code:none".to_owned(),
        "environment:test".to_owned(),
        format!("status:5xx method:POST api:tides key:{key} code:upstream_down -environment:live"),
    ] {
        let mut live = operator.live(&format!("scope=operator&filter={}", encoded(&filter)), None).await;
        let (plain, own) = (fresh(&plain), fresh(&own));
        house.ledger.record(plain);
        house.ledger.record(own.clone());
        assert_eq!(live.rows().await, [own.id], "{filter}");
    }
}

/// The same row, for another request.
fn fresh(of: &RequestRow) -> RequestRow {
    RequestRow { id: row(None).id, ..of.clone() }
}

/// Claims: MAST-26
#[tokio::test]
async fn a_developer_sees_rows_of_their_own_organization_only() {
    let house = House::open().await;
    let mut ada = house.person("Ada").await;
    let organization = house.organization_of(&ada).await;
    let foreign = house.organization_of(&house.person("Bea").await).await;
    let mut live = ada.live("", None).await;
    let mut narrowed = ada.live(&format!("filter=organization:{}", foreign.0), None).await;
    let own = row(Some(caller(&organization, "my server")));
    house.ledger.record(row(None));
    house.ledger.record(row(Some(caller(&foreign, "my server"))));
    house.ledger.record(own.clone());
    assert_eq!(live.rows().await, [own.id]);
    let answer = ada.get("/api/v1/request-logs/live?scope=operator").await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"));
    // Asking for another organization shows nothing, now or later.
    let pending = tokio::time::timeout(std::time::Duration::ZERO, narrowed.event()).await;
    assert!(pending.is_err(), "{pending:?}");
    let page = ada.get(&format!("/rpc/request_logs/read?filter=organization:{}", foreign.0)).await;
    assert_eq!(page.json()["rows"]["items"], serde_json::json!([]));
}

#[tokio::test]
async fn a_stream_that_was_lost_goes_on_where_it_ended() {
    let house = House::open().await;
    let mut operator = house.staff("Olga").await;
    let mut witness = operator.live("scope=operator", None).await;
    let mut lost = operator.live("scope=operator", None).await;
    let first = row(None);
    store(&house, &mut witness, &first).await;
    assert_eq!(lost.rows().await, [first.id]);
    let last = lost.last.clone().unwrap();
    drop(lost);
    let missed = RequestRow { at: first.at + 1, ..row(None) };
    store(&house, &mut witness, &missed).await;

    let mut found = operator.live("scope=operator", Some(&last)).await;
    // Known ones are sent again: a slow request may have begun before the last one that was seen.
    assert_eq!(found.rows().await, [first.id, missed.id]);
    let next = row(None);
    house.ledger.record(next.clone());
    assert_eq!(found.rows().await, [next.id]);
}

#[tokio::test]
async fn a_page_is_sent_what_happened_since_it_was_drawn() {
    let house = House::open().await;
    let mut operator = house.staff("Olga").await;
    let mut ada = house.person("Ada").await;
    let mut witness = operator.live("scope=operator", None).await;
    let old = row(None);
    let new =
        RequestRow { at: old.at + 70_000, status: 404, ..row(Some(caller(&house.organization_of(&ada).await, "k"))) };
    store(&house, &mut witness, &old).await;
    store(&house, &mut witness, &new).await;
    // The minute before comes along.
    let since = old.at + 65_000;
    let mut live = operator.live(&format!("scope=operator&since={since}"), None).await;
    assert_eq!(live.rows().await, [new.id]);
    // What is sent first passes the same filter and the same scope as what is sent later.
    let mut live = operator.live(&format!("scope=operator&since={}&filter=status:401", old.at), None).await;
    assert_eq!(live.rows().await, [old.id]);
    let mut live = ada.live(&format!("since={}", old.at), None).await;
    assert_eq!(live.rows().await, [new.id]);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_a_code() {
    let house = House::open().await;
    let mut ada = house.person("Ada").await;
    let url = "/api/v1/request-logs/live";
    for query in [
        "filter=hello",
        "filter=status:ok",
        "filter=colour:red",
        "filter=status%3A",
        "since=yesterday",
        "since=",
        "filter=status:200&filter=status:404",
    ] {
        let answer = ada.get(&format!("{url}?{query}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "filter_unreadable"), "{query}: {answer:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    for last in ["-9223372036854775808", "9223372036854775807", "x", ""] {
        let request = Request::get(url).header("last-event-id", last).body(Body::empty()).unwrap();
        assert_eq!(ada.open(request).await.status(), 200, "{last}");
    }
    for since in ["-9223372036854775808", "9223372036854775807", "0"] {
        let request = Request::get(format!("{url}?since={since}")).body(Body::empty()).unwrap();
        assert_eq!(ada.open(request).await.status(), 200, "{since}");
    }
}

#[tokio::test]
async fn a_stream_is_not_collected_compressed_or_kept_on_its_way() {
    let house = House::open().await;
    let mut ada = house.person("Ada").await;
    let request =
        Request::get("/api/v1/request-logs/live").header("accept-encoding", "gzip, br").body(Body::empty()).unwrap();
    let answer = ada.open(request).await;
    let header = |name: &str| answer.headers().get(name).map_or("", |value| value.to_str().unwrap());
    assert_eq!(header("content-encoding"), "");
    assert_eq!(header("x-accel-buffering"), "no");
    assert!(["no-cache", "no-store"].contains(&header("cache-control")));
}
