//! Who may pass, and what is kept of those who may not.

use contract::request_logs::RequestRow;
use tokio::io::AsyncWriteExt;

use crate::harness::*;

/// Claims: MAST-21, MAST-22, MAST-24, MASA-07, S002-05
#[tokio::test]
async fn an_accepted_call_is_answered_by_the_upstream_and_recorded_with_caller_and_template() {
    let mut house = House::before_echo().await;
    let answer = house.get("/almanac/v1/sun/paris?date=2026-11-21", &[bearer(&active())]).await;
    assert_eq!((answer.status, &answer.json()["target"]), (200, &"/v1/sun/paris?date=2026-11-21".into()));
    let row = house.row().await;
    assert_eq!(answer.header("request-id"), Some(&*row.id.to_string()));
    assert_eq!(row.api, Some(api()));
    assert_eq!(row.caller, Some(caller()));
    assert_eq!((row.method.as_str(), row.route.as_str()), ("GET", "/v1/sun/{place}"));
    assert_eq!((row.status, &row.code, &row.key_hint), (200, &None, &None));
    assert_eq!(row.response_bytes, answer.body.len() as i64);
    let upstream_us = row.upstream_us.unwrap();
    assert!(0 < upstream_us && upstream_us <= row.latency_us);
    let stamp = row.id.uuid().get_timestamp().unwrap().to_unix();
    assert_eq!(row.at, stamp.0 as i64 * 1_000 + i64::from(stamp.1) / 1_000_000);
}

#[tokio::test]
async fn a_key_is_taken_from_either_header_and_the_scheme_in_any_case() {
    let mut house = House::before_echo().await;
    let key = active();
    for header in [
        format!("Authorization: Bearer {key}"),
        format!("authorization: bearer {key}"),
        format!("AUTHORIZATION: BEARER   {key} "),
        format!("X-Api-Key: {key}"),
        format!("x-api-key:{key}"),
    ] {
        assert_eq!(house.get("/almanac", std::slice::from_ref(&header)).await.status, 200, "{header}");
        assert_eq!(house.row().await.caller, Some(caller()));
    }
    // An unset variable in a client's configuration is no second key.
    let with_empty = [bearer(&key), "X-Api-Key: ".to_owned()];
    assert_eq!(house.get("/almanac", &with_empty).await.status, 200);
}

/// Claims: MAST-25
#[tokio::test]
async fn a_call_without_a_key_is_refused() {
    let mut house = House::before_echo().await;
    for headers in [
        vec![],
        vec!["Authorization: Bearer".to_owned()],
        vec!["Authorization: Basic dXNlcjpwYXNz".to_owned()],
        vec!["Authorization: ".to_owned()],
        vec!["X-Api-Key: ".to_owned()],
        vec![format!("Authorization: {}", active())],
        vec![format!("Authorization: Bearer{}", active())],
    ] {
        let answer = house.get("/almanac/v1/sun/paris", &headers).await;
        let row = house.row().await;
        answer.assert_refused(401, "missing_key", &row);
        assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"gateway\""));
        assert_eq!((row.api, row.caller, row.route.as_str()), (Some(api()), None, "/v1/sun/{place}"));
        assert_eq!(row.upstream_us, None);
    }
}

/// Claims: MAST-25
#[tokio::test]
async fn a_call_with_two_keys_is_refused_even_if_they_are_the_same() {
    let mut house = House::before_echo().await;
    let key = active();
    for headers in [
        vec![bearer(&key), format!("X-Api-Key: {key}")],
        vec![bearer(&key), bearer(&key)],
        vec![format!("X-Api-Key: {key}"), format!("X-Api-Key: {key}")],
        vec![format!("X-Api-Key: {key},{key}")],
        vec![format!("Authorization: Bearer {key}, Bearer {key}")],
        vec![format!("Authorization: Bearer {key},{}", unknown())],
        vec![format!("Authorization: {key}"), format!("X-Api-Key: {key}")],
        vec![format!("Authorization: Token {key}"), format!("X-Api-Key: {key}")],
    ] {
        let answer = house.get("/almanac", &headers).await;
        let row = house.row().await;
        answer.assert_refused(400, "several_keys", &row);
        assert_eq!((row.caller, row.key_hint), (None, None));
    }
}

/// Claims: MAST-25, MAST-28
#[tokio::test]
async fn a_malformed_key_is_refused_and_nothing_of_it_is_kept() {
    let mut house = House::before_echo().await;
    let key = active();
    let long = format!("cs_live_{}", "x".repeat(10_000));
    for text in [
        &key[..key.len() - 1],
        &format!("{key}0"),
        &key.to_lowercase(),
        &key.replace("cs_", "xx_"),
        &long,
        "ключ",
        "cs_live_äöüäöüäöüäöüäöüäöüäöüäöüä",
        "🔑",
        "a b",
        "null",
        "undefined",
        ",",
    ] {
        for header in [bearer(text), format!("X-Api-Key: {text}")] {
            let answer = house.get("/almanac", std::slice::from_ref(&header)).await;
            let row = house.row().await;
            answer.assert_refused(401, "malformed_key", &row);
            assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"gateway\", error=\"invalid_token\""));
            assert_eq!((row.caller, row.key_hint), (None, None));
        }
    }
    let raw = b"GET /almanac HTTP/1.1\r\nHost: g\r\nConnection: close\r\nX-Api-Key: \xff\xfe\x80\r\n\r\n";
    let mut stream = house.connect().await;
    stream.write_all(raw).await.unwrap();
    Answer::read(&mut stream).await.assert_refused(401, "malformed_key", &house.row().await);
}

/// Claims: MAST-25, MAST-28, MAST-30
#[tokio::test]
async fn an_unknown_key_is_refused_and_only_its_last_four_characters_are_kept() {
    let mut house = House::before_echo().await;
    let key = unknown();
    let answer = house.get("/almanac/v1/sun/paris", &[bearer(&key)]).await;
    let row = house.row().await;
    answer.assert_refused(401, "unknown_key", &row);
    assert_eq!(row.key_hint, Some(format!("cs_live_…{}", &key[key.len() - 4..])));
    assert_eq!(row.caller, None);
    assert_holds_no_part(&row, &key);
    assert_text_holds_no_part(&String::from_utf8_lossy(&answer.body), &key);
}

/// Claims: MAST-25, MAST-30
#[tokio::test]
async fn a_revoked_key_is_refused_and_its_owner_can_see_it() {
    let mut house = House::before_echo().await;
    let answer = house.get("/almanac", &[bearer(&revoked())]).await;
    let row = house.row().await;
    answer.assert_refused(401, "revoked_key", &row);
    assert_eq!((&row.caller, &row.key_hint), (&Some(caller()), &None));
    assert_holds_no_part(&row, &revoked());
}

/// Claims: MAST-25, MAST-10
#[tokio::test]
async fn a_key_that_rests_is_refused_and_its_owner_can_see_it() {
    let mut house = House::before_echo().await;
    let answer = house.get("/almanac", &[bearer(&paused())]).await;
    let row = house.row().await;
    answer.assert_refused(403, "paused_key", &row);
    assert_eq!((&row.caller, &row.key_hint), (&Some(caller()), &None));
    assert_holds_no_part(&row, &paused());
}

/// Claims: MAST-25, MAST-28, MAST-30
#[tokio::test]
async fn a_key_in_the_url_is_refused_and_leaves_no_trace() {
    let mut house = House::before_echo().await;
    for key in [active(), unknown(), active()[..20].to_owned()] {
        let encoded = key.replace('_', "%5F");
        for path in [
            format!("/almanac/v1/sun/paris?api_key={key}"),
            format!("/almanac/v1/sun/paris?a=b&anything={key}&c=d"),
            format!("/almanac/v1/sun/paris?{key}"),
            format!("/almanac/v1/sun/paris?{key}=1"),
            format!("/almanac/v1/sun/paris?access_token={encoded}"),
            format!("/almanac/v1/sun/paris?token=Bearer%20{key}"),
            format!("/almanac/v1/sun/{key}"),
            format!("/almanac/v1/sun/{encoded}"),
            format!("/almanac/{key}/more"),
            format!("/{key}"),
            format!("/{key}/v1"),
        ] {
            // A good key in a header does not excuse the other.
            for headers in [vec![], vec![bearer(&active())]] {
                let answer = house.get(&path, &headers).await;
                let row = house.row().await;
                answer.assert_refused(400, "key_in_url", &row);
                assert_eq!((&row.caller, &row.key_hint), (&None, &None));
                assert_holds_no_part(&row, &key);
                assert_text_holds_no_part(&format!("{answer:?}"), &key);
            }
        }
    }
    assert!(house.close().await.is_empty());
}

#[tokio::test]
async fn an_unknown_api_is_reported_before_a_key_problem_and_shows_the_caller_of_a_good_key() {
    let mut house = House::before_echo().await;
    for path in
        ["/", "/almanak/v1", "/Almanac", "/%61lmanac", "/verify/x", "/mau/x", "/.well-known/x", "/healthz/x", "/?a=b"]
    {
        for (headers, known) in
            [(vec![], None), (vec![bearer("wrong")], None), (vec![bearer(&active())], Some(caller()))]
        {
            let answer = house.get(path, &headers).await;
            let row = house.row().await;
            answer.assert_refused(404, "unknown_api", &row);
            assert_eq!(answer.header("link"), Some("<https://portal.test/docs>; rel=\"service-doc\""));
            assert_eq!((row.api, row.route.as_str(), row.caller), (None, "", known));
        }
    }
}

/// Claims: MAST-30, FLOW-15
#[tokio::test]
async fn the_key_that_opened_the_gateway_reaches_the_upstream_in_no_header() {
    let house = House::before_echo().await;
    let key = active();
    for header in [bearer(&key), format!("X-Api-Key: {key}")] {
        let answer = house
            .get(
                "/almanac",
                &[
                    header,
                    format!("Referer: https://example.com/?key={key}"),
                    format!("X-Original-Authorization: Bearer {key}"),
                    format!("Cookie: a=1; key={key}"),
                    format!("X_Api_Key: {key}"),
                    "X-Kept: yes".to_owned(),
                ],
            )
            .await;
        assert_eq!((answer.status, told(&answer.json(), "x-kept")), (200, vec!["yes"]));
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!text.contains("cs_live_") && !text.contains("authorization"), "{text}");
        assert_text_holds_no_part(&text, &key);
    }
    // What belongs to the upstream's own sign-in passes.
    let basic = "Authorization: Basic dXNlcjpwYXNz".to_owned();
    let answer = house.get("/almanac", &[format!("X-Api-Key: {key}"), basic]).await;
    assert_eq!(told(&answer.json(), "authorization"), ["Basic dXNlcjpwYXNz"]);
}

fn assert_holds_no_part(row: &RequestRow, key: &str) {
    assert_text_holds_no_part(&format!("{row:?}{}", serde_json::to_string(row).unwrap()), key);
}

/// Of the random part and the checksum, no five characters in a row.
fn assert_text_holds_no_part(text: &str, key: &str) {
    let random = key.rsplit('_').next().unwrap();
    for window in random.as_bytes().windows(5) {
        let window = std::str::from_utf8(window).unwrap();
        assert!(!text.contains(window), "`{window}` stands in {text}");
    }
}
