//! The Almanac through its door: what it answers, what it refuses, and that its document tells the truth.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use chrono::{DateTime, TimeZone, Utc};
use serde_json::{Map, Value, json};
use tower::ServiceExt;

/// Late on 21 November 2026: in Sydney it is the 22nd.
fn clock() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 21, 22, 30, 0).unwrap()
}

struct Answer {
    status: StatusCode,
    headers: header::HeaderMap,
    body: Value,
}

async fn send(request: Request<Body>) -> Answer {
    let app: Router = crate::router(clock);
    let (parts, body) = app.oneshot(request).await.unwrap().into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
    Answer { status: parts.status, headers: parts.headers, body }
}

async fn get(path: &str) -> Answer {
    send(Request::get(path).body(Body::empty()).unwrap()).await
}

async fn post(body: impl Into<Body>) -> Answer {
    send(Request::post("/v1/plans").header("content-type", "application/json").body(body.into()).unwrap()).await
}

/// Checks status, code and form of a problem document, and returns its sentence.
fn refused(answer: &Answer, status: u16, code: &str) -> String {
    assert_eq!((answer.status.as_u16(), answer.body["code"].as_str()), (status, Some(code)), "{}", answer.body);
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json");
    assert_eq!(answer.body["status"], status);
    assert_fits(&answer.body, &json!({ "$ref": "#/components/schemas/Problem" }), "problem");
    let detail = answer.body["detail"].as_str().unwrap().to_owned();
    assert!(detail.ends_with(['.', '?']) && detail.len() > 20, "{detail}");
    detail
}

#[tokio::test]
async fn the_sun_of_a_place_is_answered_in_its_own_time() {
    let answer = get("/v1/sun/sydney?date=2026-06-21").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.body,
        json!({
            "place": "sydney", "date": "2026-06-21", "zone": "Australia/Sydney", "daylight": "rises_and_sets",
            "sunrise": "2026-06-21T07:00:00+10:00", "solar_noon": "2026-06-21T11:57:00+10:00",
            "sunset": "2026-06-21T16:54:00+10:00", "day_length_min": 594,
        })
    );
}

#[tokio::test]
async fn without_a_date_the_day_is_that_of_the_place() {
    assert_eq!(get("/v1/sun/sydney").await.body["date"], "2026-11-22");
    assert_eq!(get("/v1/sun/lisbon").await.body["date"], "2026-11-21");
}

#[tokio::test]
async fn a_polar_night_is_an_answer() {
    let answer = get("/v1/sun/tromso?date=2026-12-21").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body["daylight"], "polar_night");
    assert_eq!((&answer.body["sunrise"], &answer.body["sunset"]), (&Value::Null, &Value::Null));
    assert_eq!(answer.body["day_length_min"], 0);
}

#[tokio::test]
async fn zones_change_when_the_law_says() {
    // Directive 2000/84/EC: the last Sundays of March and October, at 01:00 UTC.
    let lisbon = get("/v1/zones/Europe~Lisbon?date=2026-01-01").await.body;
    assert_eq!((&lisbon["utc_offset"], &lisbon["abbreviation"]), (&json!("+00:00"), &json!("WET")));
    assert_eq!(
        lisbon["next_transition"],
        json!({
            "at": "2026-03-29T02:00:00+01:00", "utc_offset": "+01:00", "utc_offset_s": 3600,
            "abbreviation": "WEST", "daylight_saving": true,
        })
    );
    let summer = get("/v1/zones/Europe~Lisbon?date=2026-06-21").await.body;
    assert_eq!(summer["next_transition"]["at"], "2026-10-25T01:00:00+00:00");
    // Without a date: now.
    let now = get("/v1/zones/Europe~Lisbon").await.body;
    assert_eq!((&now["at"], &now["abbreviation"]), (&json!("2026-11-21T22:30:00+00:00"), &json!("WET")));
    // Nepal is 5 h 45 min ahead and leaves its clocks alone.
    let nepal = get("/v1/zones/asia~kathmandu").await.body;
    assert_eq!((&nepal["zone"], &nepal["utc_offset"]), (&json!("Asia/Kathmandu"), &json!("+05:45")));
    assert_eq!(nepal["next_transition"], Value::Null);
}

#[tokio::test]
async fn the_zone_database_knows_what_was_decided_in_2026() {
    // British Columbia stayed on its summer time in November 2026 (tzdb 2026b), Morocco on UTC since September (2026c).
    assert_eq!(get("/v1/zones/America~Vancouver").await.body["utc_offset"], "-07:00");
    assert_eq!(get("/v1/zones/Africa~Casablanca").await.body["utc_offset"], "+00:00");
}

#[tokio::test]
async fn a_plan_holds_what_was_wanted_for_every_day() {
    let body =
        json!({ "place": "tromso", "from": "2026-12-01", "to": "2026-12-31", "want": ["moon_phase", "sunrise"] });
    let answer = post(body.to_string()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let days = answer.body["days"].as_array().unwrap();
    assert_eq!(days.len(), 31);
    for day in days {
        assert_eq!(day.as_object().unwrap().len(), 3, "{day}");
        assert!(day["date"].is_string() && day["moon_phase"].is_object());
        assert_eq!(day["sunrise"], Value::Null);
    }
    assert_eq!(days[23]["moon_phase"], json!({ "phase": "full_moon", "illumination": 1.0 }));
}

#[tokio::test]
async fn a_list_is_walked_page_by_page_without_a_gap() {
    for (list, name) in [("/v1/places?limit=7", "slug"), ("/v1/zones?limit=100", "id")] {
        let mut names: Vec<String> = Vec::new();
        let mut path = list.to_owned();
        loop {
            let page = get(&path).await.body;
            names.extend(page["items"].as_array().unwrap().iter().map(|item| item[name].as_str().unwrap().to_owned()));
            let Some(next) = page["next"].as_str() else { break };
            // `+` would be read as a space.
            path = format!("{list}&after={}", next.replace('+', "%2B"));
        }
        assert!(names.is_sorted_by(|one, next| one < next));
        assert!(names.len() >= 40, "{}", names.len());
    }
}

#[tokio::test]
async fn places_are_filtered_by_country_in_any_case() {
    let answer = get("/v1/places?country=pt").await.body;
    let slugs: Vec<&Value> = answer["items"].as_array().unwrap().iter().map(|place| &place["slug"]).collect();
    assert_eq!(slugs, ["lisbon", "porto"]);
    assert_eq!(get("/v1/places?country=KP").await.body, json!({ "items": [], "next": null }));
}

#[tokio::test]
async fn an_unknown_name_is_refused_with_the_names_close_to_it() {
    for (path, code, nearest) in [
        ("/v1/places/lisboa", "unknown_place", "lisbon"),
        ("/v1/places/LISBON", "unknown_place", "lisbon"),
        ("/v1/sun/reykjav%C3%ADk", "unknown_place", "reykjavik"),
        ("/v1/zones/Europe~Lisboa", "unknown_zone", "Europe~Lisbon"),
    ] {
        let answer = get(path).await;
        assert!(refused(&answer, 404, code).contains(&format!("Did you mean `{nearest}`")), "{}", answer.body);
        assert_eq!(answer.body["nearest"][0], nearest);
    }
    let answer = get("/v1/places/zzzz").await;
    assert!(refused(&answer, 404, "unknown_place").contains("GET /v1/places"));
    assert_eq!(answer.body.get("nearest"), None);
}

#[tokio::test]
async fn a_parameter_that_cannot_be_used_is_refused_with_what_to_send_instead() {
    for (path, code) in [
        ("/v1/sun/lisbon?date=21.06.2026", "invalid_date"),
        ("/v1/sun/lisbon?date=2026-02-30", "invalid_date"),
        ("/v1/sun/lisbon?date=2026-6-1", "invalid_date"),
        ("/v1/sun/lisbon?date=", "invalid_date"),
        ("/v1/sun/lisbon?date=1972-12-31", "invalid_date"),
        ("/v1/sun/lisbon?date=2101-01-01", "invalid_date"),
        ("/v1/sun/apia?date=2011-12-30", "skipped_date"),
        ("/v1/zones/Pacific~Apia?date=2011-12-30", "skipped_date"),
        ("/v1/sun/lisbon?day=2026-06-21", "invalid_query"),
        ("/v1/sun/lisbon?date=2026-06-21&date=2026-06-22", "invalid_query"),
        ("/v1/moon/tomorrow", "invalid_date"),
        ("/v1/moon/%FF", "invalid_path"),
        ("/v1/places?limit=0", "invalid_limit"),
        ("/v1/places?limit=101", "invalid_limit"),
        ("/v1/places?limit=-1", "invalid_limit"),
        ("/v1/places?limit=many", "invalid_limit"),
        ("/v1/places?country=PRT", "invalid_country"),
        ("/v1/places?country=%C3%A9", "invalid_country"),
    ] {
        refused(&get(path).await, 400, code);
    }
    for date in ["1973-01-01", "2100-12-31"] {
        assert_eq!(get(&format!("/v1/sun/longyearbyen?date={date}")).await.status, StatusCode::OK);
        assert_eq!(get(&format!("/v1/moon/{date}")).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_body_that_is_not_a_plan_is_refused_for_what_it_is() {
    refused(&post("").await, 400, "invalid_json");
    refused(&post("{\"place\":").await, 400, "invalid_json");
    refused(&post("place=lisbon").await, 400, "invalid_json");
    refused(&post("\u{feff}{}").await, 400, "invalid_json");
    assert!(refused(&post("{}").await, 422, "invalid_input").contains("place"));
    refused(&post("[]").await, 422, "invalid_input");
    let array = json!(["lisbon", "2026-06-20", "2026-06-21", ["sunrise"]]);
    refused(&post(array.to_string()).await, 422, "invalid_input");
    refused(&post("{\"place\":\"a\",\"place\":\"b\"}").await, 422, "invalid_input");
    refused(&post("{\"colour\":1}").await, 422, "invalid_input");
    refused(&post("[".repeat(10_000)).await, 400, "invalid_json");
    refused(&post(" ".repeat(16 * 1024 + 1)).await, 413, "too_large");
    refused(&post(" ".repeat(16 * 1024)).await, 400, "invalid_json");
}

#[tokio::test]
async fn everything_wrong_with_a_plan_is_said_at_once() {
    let body = json!({ "place": "lisboa", "from": "2026-06-31", "to": "yesterday", "want": ["sunrise", "tides"] });
    let answer = post(body.to_string()).await;
    refused(&answer, 422, "invalid_input");
    let fields: Vec<&Value> = answer.body["fields"].as_array().unwrap().iter().map(|field| &field["field"]).collect();
    assert_eq!(fields, ["place", "from", "to", "want[1]"]);

    for (from, to, want, field) in [
        ("2026-06-02", "2026-06-01", json!(["sunset"]), "to"),
        ("2026-06-01", "2026-07-02", json!(["sunset"]), "to"),
        ("1973-01-01", "2100-12-31", json!(["sunset"]), "to"),
        ("2026-06-01", "2026-06-01", json!([]), "want"),
        ("2026-06-01", "2026-06-01", json!(["sunset", "sunset", "sunset", "sunset", "sunset"]), "want"),
    ] {
        let answer = post(json!({ "place": "lisbon", "from": from, "to": to, "want": want }).to_string()).await;
        refused(&answer, 422, "invalid_input");
        assert_eq!(answer.body["fields"][0]["field"], field, "{}", answer.body);
    }
}

#[tokio::test]
async fn a_body_of_another_type_is_refused() {
    for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/jsonp")] {
        let mut request = Request::post("/v1/plans");
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let answer = send(request.body(Body::from("{}")).unwrap()).await;
        refused(&answer, 415, "unsupported_media_type");
        assert_eq!(answer.headers[header::ACCEPT], "application/json");
    }
    for kind in ["application/json; charset=utf-8", "Application/JSON", "application/vnd.example+json"] {
        let request = Request::post("/v1/plans").header("content-type", kind).body(Body::from("{}")).unwrap();
        refused(&send(request).await, 422, "invalid_input");
    }
}

#[tokio::test]
async fn a_refusal_repeats_little_of_what_was_sent() {
    let long = "x".repeat(5_000);
    for answer in [
        get(&format!("/v1/places/{long}")).await,
        get(&format!("/{long}")).await,
        get(&format!("/v1/sun/lisbon?{long}=1")).await,
        get(&format!("/v1/sun/lisbon?date={long}")).await,
        post(json!({ &long: 1 }).to_string()).await,
        post(json!({ "place": long, "from": long, "to": long, "want": [long] }).to_string()).await,
        send(Request::builder().method(long.as_str()).uri("/healthz").body(Body::empty()).unwrap()).await,
    ] {
        assert!(answer.status.is_client_error());
        assert!(answer.body.to_string().len() < 1_500, "{}", answer.body);
    }
}

/// Every operation of the document: path template, method, operation.
fn operations() -> Vec<(String, Method, Value)> {
    let document = crate::openapi();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.push((path.clone(), method.to_uppercase().parse().unwrap(), operation.clone()));
        }
    }
    operations
}

/// The request that an operation's examples make up.
fn example_request(path: &str, method: &Method, operation: &Value) -> Request<Body> {
    let mut uri = path.to_owned();
    let mut separator = '?';
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap();
        let value = parameter["example"].as_str().map_or_else(|| parameter["example"].to_string(), str::to_owned);
        if parameter["in"] == "path" {
            uri = uri.replace(&format!("{{{name}}}"), &value);
        } else {
            uri = format!("{uri}{separator}{name}={value}");
            separator = '&';
        }
    }
    assert!(!uri.contains(['{', '%']), "{uri}: every path parameter has an example that needs no encoding");
    let request = Request::builder().method(method).uri(uri);
    match operation.pointer("/requestBody/content/application~1json/example") {
        Some(body) => request.header("content-type", "application/json").body(Body::from(body.to_string())).unwrap(),
        None => request.body(Body::empty()).unwrap(),
    }
}

#[tokio::test]
async fn every_documented_example_is_answered_as_documented() {
    for (path, method, operation) in operations() {
        let answer = send(example_request(&path, &method, &operation)).await;
        assert_eq!(answer.status, StatusCode::OK, "{method} {path}: {}", answer.body);
        let content = &operation["responses"]["200"]["content"]["application/json"];
        assert_fits(&answer.body, &content["schema"], &path);
        if let Some(example) = content.get("example") {
            assert_eq!(&answer.body, example, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_document_and_the_router_know_the_same_routes() {
    let operations = operations();
    assert_eq!(operations.len(), crate::routes::all().len(), "no two routes share path and method");
    for (path, _, operation) in &operations {
        let documented: Vec<&Method> =
            operations.iter().filter(|(other, ..)| other == path).map(|(_, method, _)| method).collect();
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
            let mut request = example_request(path, &method, operation);
            *request.method_mut() = method.clone();
            let answer = send(request).await;
            if documented.contains(&&method) {
                assert_ne!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            } else {
                refused(&answer, 405, "method_not_allowed");
                // A route that answers GET answers HEAD too (RFC 9110 §9.1).
                let allowed = if documented.contains(&&Method::GET) { "GET,HEAD" } else { "POST" };
                assert_eq!(answer.headers[header::ALLOW], allowed, "{method} {path}");
            }
        }
    }
    for path in ["/", "/v1", "/v1/", "/v1/places/", "/v1/places/lisbon/", "/v2/places", "/v1/sun", "/docs"] {
        assert!(refused(&get(path).await, 404, "unknown_route").contains("/openapi.json"));
    }
}

#[tokio::test]
async fn the_document_is_complete() {
    let document = crate::openapi();
    assert_eq!(get("/openapi.json").await.body, document);
    assert_eq!((&document["openapi"], &document["info"]["title"]), (&json!("3.1.0"), &json!("Almanac")));
    let summary = document["info"]["summary"].as_str().unwrap();
    assert!(summary.ends_with('.') && summary.matches('.').count() == 1);

    let mut ids: Vec<String> = Vec::new();
    for (path, method, operation) in operations() {
        ids.push(operation["operationId"].as_str().unwrap().to_owned());
        for member in ["summary", "description"] {
            assert!(!operation[member].as_str().unwrap().is_empty(), "{method} {path} {member}");
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["description"].as_str().unwrap().ends_with('.'), "{parameter}");
            assert_fits(&parameter["example"], &parameter["schema"], &path);
        }
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(response["description"].as_str().unwrap().ends_with('.'), "{method} {path} {status}");
        }
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "operation ids are unique");

    let text = document.to_string();
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(text.contains(&format!("\"#/components/schemas/{name}\"")), "{name} is never referred to");
    }
}

/// Fails unless a value fits a schema. Knows the keywords that our document uses and fails on any other.
fn assert_fits(value: &Value, schema: &Value, at: &str) {
    if let Err(reason) = fits(value, schema, at, &crate::openapi()) {
        panic!("{reason}");
    }
}

fn fits(value: &Value, schema: &Value, at: &str, document: &Value) -> Result<(), String> {
    let none = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&none);
    for (keyword, wanted) in schema.as_object().ok_or(format!("{at}: no schema"))? {
        let holds = match keyword.as_str() {
            "description" | "default" | "properties" => true,
            "$ref" => {
                let target = document.pointer(wanted.as_str().unwrap().trim_start_matches('#'));
                return fits(value, target.ok_or(format!("{at}: {wanted} leads nowhere"))?, at, document);
            }
            "oneOf" => {
                let fitting = wanted.as_array().unwrap().iter().filter(|one| fits(value, one, at, document).is_ok());
                fitting.count() == 1
            }
            "type" => match wanted {
                Value::Array(types) => types.iter().any(|one| is_a(value, one)),
                one => is_a(value, one),
            },
            "enum" => wanted.as_array().unwrap().contains(value),
            "const" => wanted == value,
            "format" => value.as_str().is_none_or(|text| match wanted.as_str().unwrap() {
                "date" => text.parse::<jiff::civil::Date>().is_ok(),
                "date-time" => DateTime::parse_from_rfc3339(text).is_ok(),
                _ => true,
            }),
            "pattern" => wanted == "^[A-Za-z]{2}$" && value.as_str().is_some_and(|text| text.len() == 2),
            "minimum" => value.as_f64() >= wanted.as_f64(),
            "maximum" => value.as_f64() <= wanted.as_f64(),
            "minItems" => value.as_array().is_some_and(|items| items.len() as u64 >= wanted.as_u64().unwrap()),
            "maxItems" => value.as_array().is_some_and(|items| items.len() as u64 <= wanted.as_u64().unwrap()),
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    fits(item, wanted, &format!("{at}[]"), document)?;
                }
                true
            }
            "required" => wanted.as_array().unwrap().iter().all(|name| value.get(name.as_str().unwrap()).is_some()),
            "additionalProperties" => value.as_object().is_none_or(|members| {
                wanted == &json!(false) && members.keys().all(|name| properties.contains_key(name))
            }),
            other => return Err(format!("{at}: the check does not know `{other}`")),
        };
        if !holds {
            return Err(format!("{at}: {value} does not fit {keyword} {wanted}"));
        }
    }
    for (name, schema) in properties {
        if let Some(member) = value.get(name) {
            fits(member, schema, &format!("{at}.{name}"), document)?;
        }
    }
    Ok(())
}

fn is_a(value: &Value, kind: &Value) -> bool {
    match kind.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        _ => false,
    }
}
