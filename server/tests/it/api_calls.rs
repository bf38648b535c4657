//! The REST API over a real socket: what a program does with it, and what it is told when it errs.

use axum::body::Body;
use axum::http::{HeaderName, Method, Request, header};
use contract::access_tokens::{Scope, TypedToken};
use contract::request_logs::LiveEvent;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::harness::{Answer, Browser, DEMO, House, PATIENCE, caller, row, soon};

/// A token of the person behind a browser.
pub async fn token(house: &House, person: &Browser, scopes: &[Scope]) -> String {
    let scopes: Vec<&str> = scopes.iter().map(|scope| scope.word()).collect();
    let typed = TypedToken { name: "a program".to_owned(), scopes: scopes.join(" "), days: "30".to_owned() };
    let made = portal::access_tokens::create(&house.op_of(person).await, &typed).await.unwrap();
    made.secret.reveal().to_owned()
}

/// All scopes that a member can give.
pub fn all_of_members() -> Vec<Scope> {
    Scope::ALL.into_iter().filter(|scope| !scope.is_of_staff()).collect()
}

/// A program with a token.
#[derive(Clone)]
pub struct Program {
    door: Browser,
    token: Option<String>,
}

impl Program {
    pub fn new(door: Browser, token: impl Into<Option<String>>) -> Self {
        Self { door, token: token.into() }
    }

    pub fn request(&self, method: Method, path: &str, body: Option<Value>) -> Request<Body> {
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        match body {
            Some(body) => {
                request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string())).unwrap()
            }
            None => request.body(Body::empty()).unwrap(),
        }
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        self.door.clone().send(request).await
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.send(self.request(method, path, body)).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    pub async fn named(&self, name: &str, path: &str, body: Value) -> Answer {
        let mut request = self.request(Method::POST, path, Some(body));
        request.headers_mut().insert(HeaderName::from_static("idempotency-key"), name.parse().unwrap());
        self.send(request).await
    }
}

async fn program(house: &House, person: &Browser, scopes: &[Scope]) -> Program {
    let token = token(house, person, scopes).await;
    Program::new(house.at_socket().await, token)
}

#[tokio::test]
async fn a_program_creates_changes_rotates_and_revokes_a_key_and_never_sees_a_secret() {
    let house = House::open().await;
    let mut ada = house.person("Ada").await;
    let program = program(&house, &ada, &[Scope::KeysWrite]).await;
    let made = program.post("/keys", json!({ "label": "Nightly", "environment": "live" })).await;
    assert_eq!(made.status, 201, "{made:?}");
    let (id, place) = (made.json()["id"].as_str().unwrap().to_owned(), made.header("location").to_owned());
    assert_eq!(place, format!("/api/v1/keys/{id}"));
    assert_eq!(made.json()["state"], "awaiting_reveal");
    assert!(made.header("request-id").starts_with("req_"));
    // Its person is mailed the link, and alone sees the secret.
    let link = house.newest_token("ada@example.com").await;
    let secret = ada.without_script().post("/reveal", &[("token", &link)]).await.secret();
    let read = program.get(place.strip_prefix("/api/v1").unwrap()).await;
    assert_eq!((read.status, &read.json()["state"]), (200, &json!("active")));

    let end = 1_900_000_020_000_i64;
    let changes = json!({
        "label": "Nightly, Lisbon", "tags": ["batch"], "networks": ["203.0.113.7/24"], "expires_at": end,
        "limit": { "requests": 5, "seconds": 1 }, "protected": true,
    });
    let path = format!("/keys/{id}");
    let changed = program.call(Method::PATCH, &path, Some(changes)).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let json = changed.json();
    assert_eq!((&json["label"], &json["expires_at"]), (&json!("Nightly, Lisbon"), &json!(end / 60_000 * 60_000)));
    assert_eq!(json["networks"], json!(["203.0.113.0/24"]));
    let again = program.call(Method::PATCH, &path, Some(json!({ "expires_at": null, "limit": null }))).await.json();
    assert_eq!((&again["expires_at"], &again["limit"]), (&Value::Null, &Value::Null));
    assert_eq!((&again["tags"], &again["protected"]), (&json!(["batch"]), &json!(true)), "what is absent stays");

    let rotating = program.post(&format!("{path}/rotate"), json!({ "overlap_days": 7, "starts": "now" })).await;
    assert_eq!((rotating.status, &rotating.json()["rotation"]["state"]), (200, &json!("asked")), "{rotating:?}");
    let revoked = program.call(Method::POST, &format!("{path}/revoke"), None).await;
    assert_eq!((revoked.status, &revoked.json()["state"]), (200, &json!("revoked")));
    let refused = program.call(Method::PATCH, &path, Some(json!({ "label": "x" }))).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "key_is_revoked"));
    for answer in [made, read, changed, rotating, revoked] {
        assert!(!answer.body.contains(&secret) && !answer.body.contains("\"secret\""), "{answer:?}");
    }
    ada.get("/console").await;
}

#[tokio::test]
async fn a_list_is_read_page_by_page_and_every_key_stands_on_one_page() {
    let house = House::open().await;
    let ada = house.person("Ada").await;
    let program = program(&house, &ada, &[Scope::KeysWrite]).await;
    for number in 0..5 {
        let label = format!("key {number}");
        assert_eq!(program.post("/keys", json!({ "label": label, "environment": "test" })).await.status, 201);
    }
    let (mut labels, mut path) = (Vec::new(), "/keys?environment=test&limit=2".to_owned());
    loop {
        let page = program.get(&path).await.json();
        labels.extend(page["items"].as_array().unwrap().iter().map(|key| key["label"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/keys?environment=test&limit=2&cursor={next}");
    }
    labels.sort_unstable();
    assert_eq!(labels, ["key 0", "key 1", "key 2", "key 3", "key 4"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_sent_again_is_worked_on_once_and_answered_alike() {
    let house = House::open().await;
    let ada = house.person("Ada").await;
    let program = program(&house, &ada, &[Scope::KeysWrite]).await;
    let body = || json!({ "label": "Nightly", "environment": "live" });
    let all = (0..20).map(|_| {
        let program = program.clone();
        tokio::spawn(async move { program.named("one name", "/keys", body()).await })
    });
    let mut made = Vec::new();
    for one in all.collect::<Vec<_>>() {
        let answer = one.await.unwrap();
        match answer.status {
            201 => made.push(answer),
            409 => assert_eq!(answer.code(), "request_under_way"),
            _ => panic!("{answer:?}"),
        }
    }
    assert_eq!(made.iter().filter(|answer| answer.header("idempotent-replayed").is_empty()).count(), 1);
    assert_eq!(house.database.texts("SELECT label FROM keys WHERE label = 'Nightly'".to_owned(), 1).await.len(), 1);
    let again = program.named("\"one name\"", "/keys", body()).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"), "in quotes or without");
    assert_eq!((&again.body, again.header("location")), (&made[0].body, made[0].header("location")));
    let other = program.named("one name", "/keys", json!({ "label": "Other", "environment": "live" })).await;
    assert_eq!(other.code(), "idempotency_key_reused");
    // A "no" is kept too.
    let bad = || json!({ "label": "", "environment": "live" });
    let (one, two) = (program.named("bad", "/keys", bad()).await, program.named("bad", "/keys", bad()).await);
    assert_eq!((one.status, one.code().as_str(), &one.body), (422, "invalid_input", &two.body));
    assert_eq!((two.header("idempotent-replayed"), two.header("content-type")), ("true", "application/problem+json"));
    for stored in house.database.values("idempotent_requests", "body").await {
        assert!(!stored.contains("secret") && !stored.contains("cs_pat_"), "{stored}");
    }
}

#[tokio::test]
async fn every_bad_request_has_its_refusal_and_changes_nothing() {
    let house = House::open().await;
    let ada = house.person("Ada").await;
    let program = program(&house, &ada, &all_of_members()).await;
    let key = json!({ "label": "Nightly", "environment": "live" });
    let send = async |method: Method, path: &str, kind: Option<&str>, body: &str| {
        let mut request = program.request(method, path, None);
        if let Some(kind) = kind {
            request.headers_mut().insert(header::CONTENT_TYPE, kind.parse().unwrap());
        }
        *request.body_mut() = Body::from(body.to_owned());
        program.send(request).await
    };
    assert_eq!(send(Method::GET, "/me", None, "").await.status, 200);
    let before = house.database.dump().await;
    let json = Some("application/json");
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let large = format!("{{\"label\":\"{}\"}}", "x".repeat(70_000));
    let unknown = json!({ "label": "Nightly", "environment": "live", "role": "owner" }).to_string();
    let twice = "{\"label\":\"a\",\"label\":\"b\",\"environment\":\"live\"}";
    let posted: [(Option<&str>, &str, u16, &str); 13] = [
        (None, &key.to_string(), 415, "unsupported_media_type"),
        (Some("text/plain"), &key.to_string(), 415, "unsupported_media_type"),
        (Some("application/x-www-form-urlencoded"), "label=a", 415, "unsupported_media_type"),
        (json, "", 400, "body_unreadable"),
        (json, "{", 400, "body_unreadable"),
        (json, "null", 400, "body_unreadable"),
        (json, &deep, 400, "body_unreadable"),
        (json, &unknown, 400, "body_unreadable"),
        (json, twice, 400, "body_unreadable"),
        (json, "{\"label\":1,\"environment\":\"live\"}", 400, "body_unreadable"),
        (json, "{\"label\":\"a\\u0000b\",\"environment\":\"live\"}", 422, "invalid_input"),
        (json, "{\"label\":\"a\",\"environment\":\"moon\"}", 422, "invalid_input"),
        (json, &large, 413, "too_large"),
    ];
    for (kind, body, status, code) in posted {
        let answer = send(Method::POST, "/keys", kind, body).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{kind:?} {answer:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    let named = send(Method::POST, "/keys", json, &unknown).await;
    assert!(named.json()["detail"].as_str().unwrap().contains("unknown field `role`"), "{named:?}");
    for (path, status, code) in [
        ("/keys?enviroment=test", 422, "invalid_input"),
        ("/keys?environment=moon", 422, "invalid_input"),
        ("/keys?environment=live&environment=test", 422, "invalid_input"),
        ("/keys?limit=0", 422, "invalid_input"),
        ("/keys?limit=1000000", 422, "invalid_input"),
        ("/keys?cursor=key_1", 422, "invalid_input"),
        ("/request-logs?filter=nonsense:1", 400, "filter_unreadable"),
        ("/request-logs?filter=%00", 422, "invalid_input"),
        ("/keys/key_1", 404, "not_found"),
        ("/keys/acc_00000000000000000000000001", 404, "not_found"),
        ("/keys/%00", 404, "not_found"),
        ("/apis/%00", 404, "not_found"),
        ("/apis/..%2f", 404, "not_found"),
        ("/nothing", 404, "not_found"),
        ("", 404, "not_found"),
    ] {
        let answer = program.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{path}: {answer:?}");
        assert!(answer.json()["request_id"].as_str().unwrap().starts_with("req_"), "{path}");
    }
    for name in ["", "\"\"", &"x".repeat(256)] {
        let answer = program.named(name, "/keys", key.clone()).await;
        assert_eq!((answer.status, answer.code().as_str()), (422, "invalid_input"), "{name}");
    }
    assert_eq!(house.database.dump().await, before);
}

#[tokio::test]
async fn another_method_is_told_which_ones_there_are_and_a_browser_gets_a_problem_too() {
    let house = House::open().await;
    let ada = house.person("Ada").await;
    let program = program(&house, &ada, &[Scope::KeysRead]).await;
    let answer = program.call(Method::DELETE, "/keys", None).await;
    assert_eq!((answer.status, answer.code().as_str()), (405, "method_not_allowed"));
    let mut allowed: Vec<&str> = answer.header("allow").split(',').map(str::trim).collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
    for path in ["/keys", "/nothing", "/keys/key_1"] {
        let mut request = Program::new(house.browser(), None).request(Method::GET, path, None);
        request.headers_mut().insert(header::ACCEPT, "text/html".parse().unwrap());
        let answer = house.browser().send(request).await;
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
    }
    let options = program.call(Method::OPTIONS, "/keys", None).await;
    assert_eq!(options.header("access-control-allow-origin"), "", "no page of another site is let in");
}

/// Claims: CARD-05
#[tokio::test]
async fn a_session_opens_nothing_here_wherever_its_request_comes_from() {
    let house = House::of(DEMO).await;
    let ada = house.person("Ada").await;
    let before = house.database.count("keys").await;
    for origin in [None, Some("http://portal.test"), Some("https://evil.example")] {
        for (method, path) in [(Method::GET, "/me"), (Method::GET, "/keys"), (Method::POST, "/keys")] {
            let body = (method == Method::POST).then(|| json!({ "label": "a", "environment": "live" }));
            let mut request = Program::new(ada.clone(), None).request(method, path, body);
            if let Some(origin) = origin {
                request.headers_mut().insert(header::ORIGIN, origin.parse().unwrap());
            }
            let answer = ada.clone().send(request).await;
            assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_token"), "{path} from {origin:?}");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
    }
    assert_eq!(house.database.count("keys").await, before);
}

#[tokio::test]
async fn a_program_watches_the_log_until_its_token_is_revoked() {
    let house = House::open().await;
    let ada = house.person("Ada").await;
    let other = house.person("Bea").await;
    let (own, foreign) = (house.organization_of(&ada).await, house.organization_of(&other).await);
    let program = program(&house, &ada, &[Scope::LogsRead, Scope::TokensWrite]).await;
    let answer = program.door.clone().open(program.request(Method::GET, "/request-logs/live", None)).await;
    assert_eq!(answer.status(), 200);
    let mut body = answer.into_body();
    house.ledger.record(row(Some(caller(&foreign, "theirs"))));
    let mine = row(Some(caller(&own, "mine")));
    house.ledger.record(mine.clone());
    let mut text = String::new();
    while !text.contains("\"rows\"") || !text.ends_with("\n\n") {
        let frame = soon("an event", body.frame()).await.unwrap().unwrap();
        text.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
    }
    let rows =
        text.lines().filter_map(|line| line.strip_prefix("data:")).find(|data| data.contains("\"rows\"")).unwrap();
    let rows: Value = serde_json::from_str(rows.trim()).unwrap();
    assert_eq!(rows["rows"].as_array().unwrap().len(), 1);
    assert_eq!((&rows["rows"][0]["id"], &rows["rows"][0]["api"]), (&json!(mine.id.to_string()), &json!("almanac")));
    assert!(serde_json::from_value::<LiveEvent>(rows).is_err(), "the promised shape is not that of the pages");

    let listed = async {
        loop {
            let page = program.get("/request-logs?filter=api:almanac").await;
            assert_eq!(page.status, 200, "{page:?}");
            if page.json()["items"].as_array().unwrap().len() == 1 {
                return page;
            }
        }
    };
    let listed = tokio::time::timeout(PATIENCE, listed).await.unwrap();
    assert_eq!(listed.json()["items"][0]["key_label"], "mine");
    let me = program.get("/me").await.json();
    let revoked =
        program.call(Method::POST, &format!("/tokens/{}/revoke", me["token_id"].as_str().unwrap()), None).await;
    assert_eq!(revoked.status, 200, "{revoked:?}");
    soon("the end of the stream", async { while let Some(Ok(_)) = body.frame().await {} }).await;
    assert_eq!(program.get("/me").await.code(), "invalid_token");
}

#[tokio::test]
async fn staff_run_apis_and_plans_by_program_and_a_developer_subscribes() {
    let house = House::open().await;
    let olga = house.staff("Olga").await;
    let ada = house.person("Ada").await;
    let scopes = [Scope::StaffApisWrite, Scope::StaffLogsRead];
    let staff = program(&house, &olga, &scopes).await;
    let developer = program(&house, &ada, &[Scope::SubscriptionsWrite]).await;
    let api = json!({ "slug": "tides", "name": "Tides", "upstream_url": "https://tides.example.com" });
    let made = staff.named("register", "/staff/apis", api).await;
    assert_eq!((made.status, made.header("location")), (201, "/api/v1/staff/apis/tides"), "{made:?}");
    let mut document = almanac::openapi();
    document["info"]["description"] = Value::from("x".repeat(100_000));
    let imported = staff.call(Method::PUT, "/staff/apis/tides/openapi", Some(document.clone())).await;
    assert_eq!(imported.status, 200, "{imported:?}");
    assert!(imported.json()["operations"].as_i64().unwrap() > 0);
    document["info"]["description"] = Value::from("x".repeat(1 << 20));
    let large = staff.call(Method::PUT, "/staff/apis/tides/openapi", Some(document)).await;
    assert_eq!((large.status, large.code().as_str()), (413, "too_large"));
    let changes = json!({ "timeout_ms": 5_000, "address_limit": { "requests": 9, "seconds": 1 } });
    let changed = staff.call(Method::PATCH, "/staff/apis/tides", Some(changes)).await.json();
    assert_eq!((&changed["timeout_ms"], &changed["address_limit"]["requests"]), (&json!(5_000), &json!(9)));
    let plan =
        json!({ "name": "Pro", "quota": { "units": 100, "period": "month" }, "approval": "manual", "public": true });
    let plan = staff.post("/staff/apis/tides/plans", plan).await;
    assert_eq!(plan.status, 201, "{plan:?}");
    let id = plan.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/staff/apis/tides/plans/{id}");
    let changed =
        staff.call(Method::PATCH, &path, Some(json!({ "limit": { "requests": 3, "seconds": 1 } }))).await.json();
    assert_eq!((&changed["limit"]["requests"], &changed["quota"]["units"]), (&json!(3), &json!(100)));

    let shown = developer.get("/apis/tides").await.json();
    assert_eq!((&shown["plans"][0]["id"], &shown["has"]), (&json!(id), &Value::Null));
    let asked = developer.post("/subscriptions", json!({ "plan_id": id, "note": "For our app." })).await;
    assert_eq!((asked.status, &asked.json()["state"]), (201, &json!("requested")), "{asked:?}");
    let place = asked.header("location").strip_prefix("/api/v1").unwrap().to_owned();
    let subscription = asked.json()["id"].as_str().unwrap().to_owned();
    let waiting = staff.get("/staff/apis/tides/subscriptions").await.json();
    assert_eq!(waiting["items"][0]["id"], json!(subscription));
    let approve = format!("/staff/subscriptions/{subscription}/approve");
    assert_eq!(staff.call(Method::POST, &approve, None).await.status, 204);
    assert_eq!(staff.call(Method::POST, &approve, None).await.code(), "state_conflict");
    let overrides = format!("/staff/subscriptions/{subscription}/overrides");
    assert_eq!(staff.call(Method::PUT, &overrides, Some(json!({ "units": 500 }))).await.status, 204);
    let now = developer.get(&place).await.json();
    assert_eq!((&now["state"], &now["units"], &now["api"]), (&json!("active"), &json!(500), &json!("tides")));
    assert_eq!(developer.get("/apis").await.json()["items"][0]["has"]["quota"]["units"], json!(500));
    assert_eq!(developer.call(Method::POST, &format!("{place}/leave"), None).await.json()["state"], "left");
    assert_eq!(staff.get("/staff/request-logs").await.status, 200);
    assert_eq!(staff.call(Method::POST, "/staff/apis/tides/close", None).await.status, 200);
    assert_eq!(developer.get("/apis/tides").await.status, 404);
    // To everybody else, whatever their token says, there is no such thing.
    let hidden = developer.get("/staff/apis").await;
    assert_eq!((hidden.status, hidden.code().as_str()), (404, "not_found"));
}

#[tokio::test]
async fn a_token_that_asks_too_often_is_told_when_to_come_back_and_others_are_not_held_up() {
    let house = House::open().await;
    let ada = house.person("Ada").await;
    let one = Program::new(house.browser(), token(&house, &ada, &[Scope::KeysRead]).await);
    let other = Program::new(house.browser(), token(&house, &ada, &[Scope::KeysRead]).await);
    let mut answers = 0;
    let refused = loop {
        let answer = one.get("/me").await;
        assert_eq!(answer.header("ratelimit-policy"), "\"token\";q=120;w=12");
        answers += 1;
        assert!(answers < 100_000, "no end");
        if answer.status != 200 {
            break answer;
        }
    };
    assert_eq!((refused.status, refused.code().as_str()), (429, "too_many_tries"));
    assert!(refused.header("retry-after").parse::<u32>().unwrap() >= 1 && answers > 120);
    assert_eq!(other.get("/me").await.status, 200);
}

#[tokio::test]
async fn the_document_is_public_and_says_what_the_docs_page_says() {
    let house = House::open().await;
    let mut nobody = house.browser();
    let answer = nobody.get("/api/v1/openapi.json").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    assert_eq!(answer.json(), *server::api::document());
    let page = nobody.visit("/docs/api").await;
    assert_eq!(page.status, 200);
    for operation in server::api::operations() {
        assert!(page.body.contains(&format!("id=\"{}\"", operation.id)), "{operation:?}");
    }
}

#[tokio::test]
async fn a_token_is_made_on_its_page_and_shown_in_that_one_answer() {
    let house = House::open().await;
    let ada = house.person("Ada").await;
    let mut browser = ada.without_script();
    let form = [("name", "Deployment"), ("scopes", "keys:read"), ("scopes", "usage:read"), ("days", "30")];
    let shown = browser.post("/console/tokens", &form).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    let is_token = |part: &&str| contract::access_tokens::is_token(part, "cs");
    let parts = shown.body.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let mut tokens: Vec<&str> = parts.filter(is_token).collect();
    tokens.dedup();
    assert_eq!(tokens.len(), 1, "{shown:?}");
    let me = Program::new(house.browser(), tokens[0].to_owned()).get("/me").await.json();
    assert_eq!(me["scopes"], json!(["keys:read", "usage:read"]));
    let page = browser.visit("/console/tokens").await;
    assert!(page.body.contains("Deployment") && !page.body.contains(tokens[0]));
    // What is wrong is said beside the form, and what was typed stays.
    let refused = browser.post("/console/tokens", &[("name", "No scopes"), ("days", "30")]).await;
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("No scopes"));
    house.age("ada@example.com").await;
    let stale = browser.post("/console/tokens", &form).await;
    assert!(stale.leads_to().starts_with("/step-up?next=/console/tokens"), "{stale:?}");
    let revoke = [("id", me["token_id"].as_str().unwrap())];
    assert_eq!(browser.post("/rpc/access_tokens/revoke", &revoke).await.leads_to(), "/console/tokens?done=revoked");
    assert_eq!(Program::new(house.browser(), tokens[0].to_owned()).get("/me").await.code(), "invalid_token");
}
