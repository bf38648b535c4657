//! What is matched is forwarded byte for byte; what has two meanings is not forwarded at all.

use crate::harness::*;
use crate::wire::*;

#[tokio::test]
async fn an_ambiguous_path_is_refused_whatever_key_came_with_it() {
    let mut house = House::before_echo().await;
    for path in [
        "//almanac",
        "/almanac//v1",
        "/almanac/./v1",
        "/almanac/../admin",
        "/almanac/v1/..",
        "/almanac/%2e%2e/admin",
        "/almanac/%2E./admin",
        "/almanac/..;/admin",
        "/almanac/v1%2fsun",
        "/almanac/v1%5Csun",
        "/almanac/v1/%00",
        "/almanac/v1/%0d%0aX-Injected:%20yes",
        "/almanac/v1/%7f",
        "/almanac/v1/%",
        "/almanac/v1/%g1",
        "/almanac/v1/%c0%ae%c0%ae/x",
        "/almanac/%252e%252e/admin",
        "*",
    ] {
        for headers in [vec![], vec![bearer(&active())]] {
            let answer = house.send(&format!("OPTIONS {path}"), &headers, "").await;
            let row = house.row().await;
            answer.assert_refused(400, "ambiguous_path", &row);
            assert_eq!((row.api, row.caller, row.route.as_str()), (None, None, ""), "{path}");
        }
    }
}

#[tokio::test]
async fn a_path_that_no_parser_takes_never_reaches_the_upstream() {
    let house = House::before_echo().await;
    for path in ["/almanac/v1\\sun", "/almanac/v1\0", "/almanac/\u{7f}", "/almanac/v1 /sun", "almanac"] {
        assert_eq!(house.get(path, &[bearer(&active())]).await.status, 400, "{path:?}");
    }
}

#[tokio::test]
async fn what_was_matched_is_forwarded_byte_for_byte() {
    let mut house = House::before_echo().await;
    for (path, target, route) in [
        ("/almanac", "/", "/"),
        ("/almanac/", "/", "/"),
        ("/almanac?a=1", "/?a=1", "/"),
        ("/almanac/v1/sun/paris", "/v1/sun/paris", "/v1/sun/{place}"),
        ("/almanac/v1/sun/S%c3%A3o%20Paulo?q=%20+&&x", "/v1/sun/S%c3%A3o%20Paulo?q=%20+&&x", "/v1/sun/{place}"),
        ("/almanac/v1/sun/100%25", "/v1/sun/100%25", "/v1/sun/{place}"),
        ("/almanac/v1/sun/paris/", "/v1/sun/paris/", ""),
        ("/almanac/elsewhere?", "/elsewhere?", ""),
        ("http://other.test/almanac/v1/sun/x", "/v1/sun/x", "/v1/sun/{place}"),
    ] {
        let answer = house.get(path, &[bearer(&active())]).await;
        assert_eq!((answer.status, answer.json()["target"].as_str()), (200, Some(target)), "{path}");
        assert_eq!(house.row().await.route, route, "{path}");
    }
}

#[tokio::test]
async fn methods_that_must_not_pass_a_gateway_are_refused() {
    let mut house = House::before_echo().await;
    for line in ["TRACE /almanac", "CONNECT gateway.test:443"] {
        let answer = house.send(line, &[bearer(&active())], "").await;
        answer.assert_refused(405, "method_not_allowed", &house.row().await);
        assert!(answer.header("allow").unwrap().contains("GET"));
    }
}

/// Attack case 20. RFC 9112 §3.2: programs before us could have taken either host, and let the request pass for it.
#[tokio::test]
async fn a_request_that_names_no_host_or_two_is_refused() {
    for (line, hosts) in [
        ("GET /almanac HTTP/1.1", &[][..]),
        ("GET /almanac HTTP/1.1", &["Host: a.test", "Host: b.test"]),
        ("GET /almanac HTTP/1.1", &["Host: a.test", "Host: a.test"]),
        ("GET /almanac HTTP/1.1", &["Host: a.test, b.test"]),
        ("GET /almanac HTTP/1.1", &["Host: user@a.test"]),
        ("GET /almanac HTTP/1.1", &["Host: "]),
        ("GET /almanac HTTP/1.0", &["Host: a.test", "Host: b.test"]),
        ("GET http://c.test/almanac HTTP/1.1", &["Host: a.test", "Host: b.test"]),
    ] {
        let (base, mut requests) = plain().await;
        let mut house = Plan::over(base).open().await;
        let mut client = Wire::to(&house).await;
        let hosts: String = hosts.iter().map(|host| format!("{host}\r\n")).collect();
        client.say(format!("{line}\r\n{hosts}Connection: close\r\n{}\r\n\r\n", bearer(&active()))).await;
        let answer = Answer::parse(client.rest().await.as_bytes()).unwrap();
        let row = house.row().await;
        answer.assert_refused(400, "host_unclear", &row);
        // Nothing else of it is looked at, so it is nobody's.
        assert_eq!((row.caller, row.api, row.cost), (None, None, 0), "{line} {hosts:?}");
        assert!(requests.try_recv().is_err());
    }
}
