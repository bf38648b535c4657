//! The published order of checks, limits and quotas, and `POST /verify`.

use std::collections::BTreeSet;
use std::sync::Arc;

use contract::Environment;
use contract::checks::CHECKS;
use contract::limits::{Limit, Period, Quota};
use gateway::{AddressMeters, Meter, Operation, Routes, Spent, Subscription};
use serde_json::{Value, json};

use crate::harness::*;

const PATH: &str = "/almanac/v1/sun/paris";
const ONE_A_DAY: Limit = Limit { requests: 1, seconds: 86_400 };
const NOTHING: Quota = Quota { units: 0, period: Period::Month };

fn subscription(limit: Option<Limit>, quota: Option<Quota>) -> Subscription {
    Subscription { meter: limit.map(Meter::new), quota, spent: Arc::default() }
}

/// Everything is wrong that a key, an API or a plan can be wrong about.
fn all_wrong() -> Plan {
    let mut plan = Plan::over("http://127.0.0.1:9");
    plan.grant.expires_at = Some(1);
    plan.grant.networks = vec!["203.0.113.0/24".parse().unwrap()];
    plan.grant.scopes = vec!["places:read".to_owned()];
    plan.api.environment = Some(Environment::Test);
    plan.api.origins = vec!["https://app.test".to_owned()];
    plan.api.log_required = true;
    plan.api.routes = Routes::new([Operation { scopes: vec!["sun:read".to_owned()], ..sun() }]).unwrap();
    plan.subscription = None;
    plan.can_record = false;
    plan
}

fn sun() -> Operation {
    ("get", "/v1/sun/{place}").into()
}

/// Claims: MAST-25, MASA-11, FLOW-29
#[tokio::test]
async fn the_first_no_in_the_published_order_is_the_answer() {
    let mut given = Vec::new();
    let mut meet = async |plan: Plan, line: &str, headers: &[String]| {
        let mut house = plan.open().await;
        let answer = house.send(line, headers, "").await;
        let row = house.row().await;
        let code = row.code.clone().unwrap_or_default();
        answer.assert_refused(answer.status, &code, &row);
        assert_eq!(row.cost, 0, "{code} cost something");
        given.push(code);
    };
    let key = bearer(&active());
    let foreign = "Origin: https://elsewhere.test".to_owned();
    let all = [key.clone(), foreign.clone()];
    let wrong_url = format!("/nowhere//v1/sun/paris?key={}", active());
    meet(all_wrong(), &format!("TRACE {wrong_url}"), &[]).await;
    meet(all_wrong(), &format!("GET {wrong_url}"), &["Host: another.test".to_owned()]).await;
    meet(all_wrong(), &format!("GET {wrong_url}"), &[]).await;
    meet(all_wrong(), &format!("GET {}", wrong_url.replace("//", "/")), &[]).await;
    meet(all_wrong(), "GET /nowhere/v1/sun/paris", &[]).await;
    let line = format!("GET {PATH}");
    meet(all_wrong(), &line, std::slice::from_ref(&foreign)).await;
    meet(all_wrong(), &line, &[bearer("rubbish"), format!("X-Api-Key: {}", active())]).await;
    meet(all_wrong(), &line, &[bearer("rubbish"), foreign.clone()]).await;
    meet(all_wrong(), &line, &[bearer(&unknown()), foreign.clone()]).await;
    meet(all_wrong(), &line, &[bearer(&revoked()), foreign.clone()]).await;
    meet(all_wrong(), &line, &[bearer(&paused()), foreign.clone()]).await;
    meet(all_wrong(), &line, &all).await;

    let unexpired = || {
        let mut plan = all_wrong();
        plan.grant.expires_at = None;
        plan
    };
    meet(unexpired(), &line, &all).await;
    let right_environment = || {
        let mut plan = unexpired();
        plan.api.environment = Some(Environment::Live);
        plan
    };
    meet(right_environment(), &line, &all).await;
    let all = [key, "Origin: https://APP.test".to_owned()];
    meet(right_environment(), &line, &all).await;
    let right_address = || {
        let mut plan = right_environment();
        plan.grant.networks.push("127.0.0.0/8".parse().unwrap());
        plan
    };
    meet(right_address(), &line, &all).await;
    let used_up = subscription(Some(ONE_A_DAY), None);
    let subscribed = |to: &Subscription| {
        let mut plan = right_address();
        plan.subscription = Some(Subscription { quota: Some(NOTHING), ..to.clone() });
        plan
    };
    meet(subscribed(&used_up), &line, &all).await;
    let with_scope = |to: &Subscription| {
        let mut plan = subscribed(to);
        plan.grant.scopes.push("sun:read".to_owned());
        plan
    };
    meet(with_scope(&used_up), &line, &all).await;
    let writable = |to: &Subscription| {
        let mut plan = with_scope(to);
        plan.can_record = true;
        plan
    };
    let mut before = Plan::over(echo().await);
    before.subscription = Some(used_up.clone());
    assert_eq!(before.open().await.get(PATH, &all).await.status, 200);
    meet(writable(&used_up), &line, &all).await;
    let fresh = subscription(Some(ONE_A_DAY), None);
    meet(writable(&fresh), &line, &all).await;
    let with_quota = |to: &Subscription| {
        let mut plan = writable(to);
        plan.subscription = Some(Subscription { quota: None, ..to.clone() });
        plan
    };
    meet(with_quota(&fresh), &line, &all).await;

    let published: Vec<&str> = CHECKS.iter().flat_map(|check| check.codes).copied().collect();
    let places: Vec<usize> =
        given.iter().map(|code| published.iter().position(|other| other == code).unwrap()).collect();
    assert!(places.is_sorted(), "{given:?}");
    let missed: BTreeSet<&str> =
        published.iter().filter(|code| !given.iter().any(|one| one == *code)).copied().collect();
    // The upstream's own refusals are proved where it is forwarded; what several processes share, where they are.
    assert_eq!(
        missed,
        BTreeSet::from([
            "quota_unavailable",
            "too_large",
            "too_many_connections",
            "upstream_forbidden",
            "upstream_paused",
            "upstream_timeout"
        ])
    );
}

/// Claims: MASA-11, FLOW-29, CARD-17
#[tokio::test]
async fn the_headers_say_what_is_left_and_the_one_call_too_many_is_told_when_to_come_back() {
    let mut plan = Plan::over(echo().await);
    plan.grant.meter = Some(Meter::new(Limit { requests: 100, seconds: 60 }));
    plan.subscription = Some(subscription(
        Some(Limit { requests: 2, seconds: 86_400 }),
        Some(Quota { units: 10, period: Period::Day }),
    ));
    let mut house = plan.open().await;
    let key = [bearer(&active())];
    for (left, quota) in [(1, 9), (0, 8)] {
        let answer = house.get(PATH, &key).await;
        let row = house.row().await;
        assert_eq!((answer.status, row.cost), (200, 1));
        let policy = "\"plan\";q=2;w=86400, \"key\";q=100;w=60, \"quota\";q=10;w=86400;qu=\"units\"";
        assert_eq!(answer.header("ratelimit-policy"), Some(policy));
        let limit = answer.header("ratelimit").unwrap();
        assert!(limit.contains(&format!("\"plan\";r={left};t=")), "{limit}");
        assert!(limit.contains(&format!("\"quota\";r={quota};t=")), "{limit}");
    }
    let answer = house.get(PATH, &key).await;
    let row = house.row().await;
    answer.assert_refused(429, "rate_limited", &row);
    let wait: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=43_200).contains(&wait), "{wait}");
    // The refused call took nothing, neither from the key's limit nor from the quota.
    let limit = answer.header("ratelimit").unwrap();
    assert!(limit.contains("\"key\";r=98;") && limit.contains("\"quota\";r=8;"), "{limit}");
}

/// Claims: MASA-11, FLOW-29
#[tokio::test]
async fn a_call_costs_what_its_route_says_and_nothing_when_the_upstream_does_not_answer() {
    let spent: Arc<Spent> = Arc::default();
    let of_ten =
        || Subscription { meter: None, quota: Some(Quota { units: 10, period: Period::Month }), spent: spent.clone() };
    let dear = || Routes::new([Operation { cost: 4, ..sun() }]).unwrap();
    let mut plan = Plan::over("http://127.0.0.1:9");
    (plan.subscription, plan.api.routes) = (Some(of_ten()), dear());
    let mut down = plan.open().await;
    for _ in 0..5 {
        let answer = down.get(PATH, &[bearer(&active())]).await;
        let row = down.row().await;
        assert!([502, 503].contains(&answer.status), "{answer:?}");
        assert_eq!(row.cost, 0);
    }
    let mut plan = Plan::over(echo().await);
    (plan.subscription, plan.api.routes) = (Some(of_ten()), dear());
    let mut house = plan.open().await;
    for _ in 0..2 {
        assert_eq!(house.get(PATH, &[bearer(&active())]).await.status, 200);
        assert_eq!(house.row().await.cost, 4);
    }
    let answer = house.get(PATH, &[bearer(&active())]).await;
    answer.assert_refused(429, "quota_exceeded", &house.row().await);
    assert!(answer.header("ratelimit").unwrap().contains("\"quota\";r=2;"));
    // What costs less still goes.
    assert_eq!(house.get("/almanac/elsewhere", &[bearer(&active())]).await.status, 200);
    assert_eq!(house.row().await.cost, 1);
}

/// Attack case 24. Claims: FLOW-11, FLOW-29
#[tokio::test]
async fn many_calls_at_once_spend_the_quota_to_its_last_unit_and_no_further() {
    let mut plan = Plan::over(echo().await);
    plan.subscription = Some(subscription(None, Some(Quota { units: 40, period: Period::Month })));
    let house = plan.open().await;
    let headers = [bearer(&active())];
    let calls = (0..100).map(|_| house.get(PATH, &headers));
    let statuses: Vec<u16> = futures_util::future::join_all(calls).await.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 40);
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 60);
    let rows = house.close().await;
    assert_eq!((rows.len(), rows.iter().map(|row| row.cost).sum::<i64>()), (100, 40));
}

#[tokio::test]
async fn a_route_and_an_address_have_limits_of_their_own() {
    let mut plan = Plan::over(echo().await);
    let routes = [Operation { limit: Some(ONE_A_DAY), ..sun() }, ("get", "/").into()];
    plan.api.routes = Routes::new(routes).unwrap();
    plan.api.addresses = Some(Arc::new(AddressMeters::new(Limit { requests: 3, seconds: 86_400 })));
    plan.trusted_proxies = vec!["127.0.0.0/8"];
    let mut house = plan.open().await;
    let from = |address: &str| [bearer(&active()), format!("X-Forwarded-For: {address}")];
    let mut ask = async |path: &str, address: &str| {
        let answer = house.get(path, &from(address)).await;
        let row = house.row().await;
        assert_eq!(answer.status, row.status);
        (answer.status, answer.status == 429 && answer.json()["detail"].as_str().unwrap().contains("for this address"))
    };
    assert_eq!(ask(PATH, "198.51.100.1").await, (200, false));
    assert_eq!(ask(PATH, "198.51.100.1").await, (429, false));
    assert_eq!(ask("/almanac", "198.51.100.1").await, (200, false));
    assert_eq!(ask("/almanac", "198.51.100.1").await, (200, false));
    assert_eq!(ask("/almanac", "198.51.100.1").await, (429, true));
    assert_eq!(ask("/almanac", "198.51.100.2").await, (200, false));
}

/// Attack case 18.
#[tokio::test]
async fn an_address_that_nobody_vouches_for_renews_no_limit() {
    let mut plan = Plan::over(echo().await);
    plan.api.addresses = Some(Arc::new(AddressMeters::new(Limit { requests: 3, seconds: 86_400 })));
    plan.trusted_proxies = vec!["10.0.0.0/8"];
    let mut house = plan.open().await;
    for place in 0..6 {
        let address = format!("198.51.100.{place}");
        let headers = [
            bearer(&active()),
            format!("X-Forwarded-For: {}10.0.0.1", format!("{address}, ").repeat(100)),
            format!("Forwarded: for={address}"),
            format!("X-Real-IP: {address}"),
        ];
        let answer = house.get(PATH, &headers).await;
        assert_eq!(
            (answer.status, house.row().await.status),
            if place < 3 { (200, 200) } else { (429, 429) },
            "{place}"
        );
    }
}

/// Claims: FLOW-16
#[tokio::test]
async fn a_key_bound_to_networks_works_from_there_alone() {
    let mut plan = Plan::over(echo().await);
    plan.grant.networks = vec!["198.51.100.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
    plan.trusted_proxies = vec!["127.0.0.0/8"];
    let mut house = plan.open().await;
    for (address, status) in [("198.51.100.7", 200), ("2001:db8::7", 200), ("198.51.101.7", 403), ("rubbish", 403)] {
        let headers = [bearer(&active()), format!("X-Forwarded-For: {address}")];
        let answer = house.get(PATH, &headers).await;
        let row = house.row().await;
        assert_eq!(answer.status, status, "{address}");
        assert!(!format!("{row:?}{answer:?}").contains(address), "{address} is kept");
    }
}

#[tokio::test]
async fn pages_of_named_sites_may_call_and_read_and_others_may_not() {
    let mut plan = Plan::over(echo().await);
    plan.api.origins = vec!["https://app.test".to_owned()];
    let mut house = plan.open().await;
    let asks = |origin: &str| {
        [
            format!("Origin: {origin}"),
            "Access-Control-Request-Method: GET".to_owned(),
            "Access-Control-Request-Headers: authorization".to_owned(),
        ]
    };
    let answer = house.send(&format!("OPTIONS {PATH}"), &asks("https://app.test"), "").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, Some("https://app.test")));
    assert_eq!(answer.header("access-control-allow-headers"), Some("authorization"));
    assert_eq!(house.row().await.cost, 0);
    let answer = house.send(&format!("OPTIONS {PATH}"), &asks("https://other.test"), "").await;
    answer.assert_refused(401, "missing_key", &house.row().await);
    assert_eq!(answer.header("access-control-allow-origin"), None);

    let headers = [bearer(&active()), "Origin: https://app.test".to_owned()];
    let answer = house.get(PATH, &headers).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some("https://app.test")));
    // A program without an origin is no page.
    assert_eq!(house.get(PATH, &[bearer(&active())]).await.status, 200);
    // A page may read why it was refused.
    let refused = house.get(PATH, &[bearer(&unknown()), "Origin: https://app.test".to_owned()]).await;
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (401, Some("https://app.test")));
}

async fn verify(house: &House, token: &str, question: &Value) -> Answer {
    let headers = [bearer(token), "Content-Type: application/json".to_owned()];
    house.send("POST /verify", &headers, &question.to_string()).await
}

/// Claims: MASA-11, FLOW-29
#[tokio::test]
async fn verify_decides_charges_and_records_as_the_gateway_does() {
    let mut plan = Plan::over("http://127.0.0.1:9");
    plan.service_tokens = vec!["operator-token".to_owned()];
    plan.grant.scopes = vec!["sun:read".to_owned()];
    plan.api.routes = Routes::new([Operation { scopes: vec!["sun:read".to_owned()], cost: 2, ..sun() }]).unwrap();
    plan.subscription =
        Some(subscription(Some(Limit { requests: 5, seconds: 60 }), Some(Quota { units: 5, period: Period::Day })));
    let mut house = plan.open().await;
    let question = json!({ "key": active(), "api": "almanac", "route": "/v1/sun/{place}", "method": "GET" });
    let answer = verify(&house, "operator-token", &question).await;
    let row = house.row().await;
    let decision = answer.json();
    assert_eq!((answer.status, &decision["valid"], &decision["code"]), (200, &json!(true), &json!("ok")));
    assert_eq!(decision["key_id"], caller().key.to_string());
    assert_eq!(decision["organization_id"], caller().organization.to_string());
    assert_eq!((&decision["environment"], &decision["scopes"]), (&json!("live"), &json!(["sun:read"])));
    assert_eq!(decision["limits"][0]["level"], "plan");
    assert_eq!(decision["limits"][0]["remaining"], 4);
    assert_eq!(decision["quota"]["remaining"], 3);
    assert_eq!(decision["request_id"], row.id.to_string());
    assert_eq!((row.status, row.cost, row.route.as_str(), row.method.as_str()), (200, 2, "/v1/sun/{place}", "GET"));
    assert_eq!(row.caller, Some(caller()));

    let dear = json!({ "key": active(), "api": "almanac", "route": "/v1/sun/paris", "cost": 4 });
    let decision = verify(&house, "operator-token", &dear).await.json();
    let row = house.row().await;
    assert_eq!((&decision["valid"], &decision["code"]), (&json!(false), &json!("quota_exceeded")));
    assert_eq!(decision["problem"]["status"], 429);
    assert_eq!((row.status, row.code.as_deref(), row.cost), (429, Some("quota_exceeded"), 0));

    // Attack case 19: an API that resolves dots would find another operation than was decided on.
    for route in ["/v1/sun/..", "/v1/sun/%2e%2e", "/v1/sun//paris", "/v1/sun/%252fparis"] {
        let question = json!({ "key": active(), "api": "almanac", "route": route });
        let decision = verify(&house, "operator-token", &question).await.json();
        assert_eq!((&decision["valid"], &decision["code"]), (&json!(false), &json!("ambiguous_path")), "{route}");
        let row = house.row().await;
        assert_eq!((row.status, row.cost, row.route.as_str()), (400, 0, ""), "{route}");
    }

    for (key, api, code) in [
        (unknown(), "almanac", "unknown_key"),
        (revoked(), "almanac", "revoked_key"),
        ("rubbish".to_owned(), "almanac", "malformed_key"),
        (active(), "nowhere", "unknown_api"),
    ] {
        let decision = verify(&house, "operator-token", &json!({ "key": key, "api": api })).await.json();
        assert_eq!((&decision["valid"], &decision["code"]), (&json!(false), &json!(code)));
        let row = house.row().await;
        assert_eq!((row.code.as_deref(), row.cost), (Some(code), 0));
        assert!(!format!("{row:?}").contains(&key), "{code} keeps the key");
    }
}

#[tokio::test]
async fn verify_opens_to_the_operators_servers_alone() {
    let mut plan = Plan::over("http://127.0.0.1:9");
    plan.service_tokens = vec!["operator-token".to_owned()];
    let mut house = plan.open().await;
    let question = json!({ "key": active(), "api": "almanac" });
    for token in ["", "operator-toke", "operator-token2", &active()] {
        let answer = verify(&house, token, &question).await;
        answer.assert_refused(401, "service_token_refused", &house.row().await);
    }
    let too_large = json!({ "key": "x".repeat(20_000), "api": "almanac" });
    let answer = verify(&house, "operator-token", &too_large).await;
    answer.assert_refused(413, "too_large", &house.row().await);
    for unreadable in [
        json!({}),
        json!({ "key": "a", "api": "b", "more": 1 }),
        json!({ "key": "a", "api": "b", "cost": -1 }),
        json!([active(), "almanac"]),
    ] {
        let answer = verify(&house, "operator-token", &unreadable).await;
        answer.assert_refused(422, "invalid_input", &house.row().await);
    }
    let answer = house.get("/verify", &[bearer("operator-token")]).await;
    answer.assert_refused(405, "method_not_allowed", &house.row().await);
    let closed = Plan::over("http://127.0.0.1:9").open().await;
    assert_eq!(verify(&closed, "", &question).await.status, 401);
}
