//! Requests that two servers would read in two ways: the gateway reads them in one, or refuses them, and the upstream
//! gets as many as were answered by it. Attack case 20.

use tokio::sync::mpsc;

use crate::harness::*;
use crate::wire::*;

/// What would be answered by the upstream if the gateway took it for a request.
const HIDDEN: &str = "GET /almanac/hidden HTTP/1.1\r\nHost: g\r\nX-Api-Key: KEY\r\n\r\n";

fn statuses(answers: &str) -> Vec<u16> {
    answers.split("HTTP/1.").skip(1).map(|answer| answer[2..5].parse().unwrap()).collect()
}

fn drained(requests: &mut mpsc::UnboundedReceiver<String>) -> Vec<String> {
    std::iter::from_fn(|| requests.try_recv().ok()).collect()
}

/// Sends bytes; returns the statuses that came back until the connection ended, and checks that rows and upstream agree.
async fn sent(bytes: &str) -> Vec<u16> {
    let (base, mut requests) = plain().await;
    let house = Plan::over(base).open().await;
    let mut client = Wire::to(&house).await;
    client.say(bytes.replace("HIDDEN", HIDDEN).replace("KEY", &active())).await;
    let statuses = statuses(&client.rest().await);
    let rows: Vec<_> = house.close().await.iter().map(|row| row.status).collect();
    let requests = drained(&mut requests);
    let forwarded = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(requests.len(), forwarded, "{bytes:?} became {requests:?}");
    assert_eq!(rows.iter().filter(|status| **status == 200).count(), forwarded, "{bytes:?}");
    assert!(!requests.iter().any(|request| request.starts_with("GET /hidden ")), "{bytes:?} became {requests:?}");
    statuses
}

fn post(headers: &str, body: &str) -> String {
    format!("POST /almanac HTTP/1.1\r\nHost: g\r\nX-Api-Key: KEY\r\n{headers}\r\n\r\n{body}")
}

#[tokio::test]
async fn a_request_with_two_lengths_is_read_by_its_chunks_and_ends_the_connection_or_is_refused() {
    let chunked = "Transfer-Encoding: chunked";
    for (bytes, wanted) in [
        (post(&format!("Content-Length: 6\r\n{chunked}"), "0\r\n\r\nG"), vec![200]),
        (post(&format!("{chunked}\r\nContent-Length: 6"), "0\r\n\r\nHIDDEN"), vec![200]),
        (post(&format!("Content-Length: 0\r\n{chunked}"), "5\r\nhello\r\n0\r\n\r\nHIDDEN"), vec![200]),
        (post("Content-Length: 5\r\nContent-Length: 6", "hello!"), vec![400]),
        (post("Content-Length: 5, 5", "hello"), vec![400]),
        (post("Content-Length: +5", "hello"), vec![400]),
        (post("Content-Length: 0x5", "hello"), vec![400]),
        (post("Content-Length: -1", "hello"), vec![400]),
        (post("Content-Length: 5 5", "hello"), vec![400]),
        (post("Content-Length: 99999999999999999999", "hello"), vec![400]),
        (post("Content-Length: 5\r\nContent-Length: 5\r\nConnection: close", "hello"), vec![200]),
    ] {
        assert_eq!(sent(&bytes).await, wanted, "{bytes:?}");
    }
}

#[tokio::test]
async fn a_transfer_encoding_that_is_not_chunked_is_refused() {
    for header in [
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: \u{b}chunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\u{0}: chunked",
        " Transfer-Encoding: chunked",
        "X-A: 1\r\n Transfer-Encoding: chunked",
        "Content-Length: 5\r\n\tTransfer-Encoding: chunked",
    ] {
        let bytes = post(header, "5\r\nhello\r\n0\r\n\r\nHIDDEN");
        assert_eq!(sent(&bytes).await, [400], "{bytes:?}");
    }
    let bytes = post("Transfer-Encoding: chunked", "0\r\n\r\n").replace("HTTP/1.1", "HTTP/1.0");
    assert_eq!(sent(&bytes).await, [400]);
}

#[tokio::test]
async fn a_chunk_with_a_doubtful_size_ends_request_and_connection() {
    for body in [
        "0x5\r\nhello\r\n0\r\n\r\nHIDDEN",
        "-5\r\nhello\r\n0\r\n\r\nHIDDEN",
        "5\r\nhello0\r\n\r\nHIDDEN",
        "5\r\nhelloXX0\r\n\r\nHIDDEN",
        "5\nhello\r\n0\r\n\r\nHIDDEN",
        "5;a\nb\r\nhello\r\n0\r\n\r\nHIDDEN",
        "10000000000000005\r\nhello\r\n0\r\n\r\nHIDDEN",
        "g\r\nhello\r\n0\r\n\r\nHIDDEN",
    ] {
        let answers = sent(&post("Transfer-Encoding: chunked", body)).await;
        assert!(!answers.contains(&200), "{body:?}: {answers:?}");
    }
}

#[tokio::test]
async fn a_header_that_could_be_read_in_two_ways_is_refused() {
    for header in [
        "X-A: 1\r\n folded",
        "X-A: 1\r\n\tfolded",
        "X A: 1",
        "X-A : 1",
        ": 1",
        "X-A",
        "X-A: 1\u{0}2",
        "X-A: 1\rX-B: 2",
        "X-A\r: 1",
        "X(A): 1",
    ] {
        let bytes = format!("GET /almanac HTTP/1.1\r\nHost: g\r\nX-Api-Key: KEY\r\n{header}\r\n\r\nHIDDEN");
        assert_eq!(sent(&bytes).await, [400], "{header:?}");
    }
}

/// RFC 9112 §2.2 lets a server take a line that ends in a bare LF. What is forwarded has whole line ends again.
#[tokio::test]
async fn a_bare_line_feed_is_a_line_end_here_and_never_behind_the_gateway() {
    let (base, mut requests) = plain().await;
    let house = Plan::over(base).open().await;
    let mut client = Wire::to(&house).await;
    client.say(format!("GET /almanac HTTP/1.1\nHost: g\nConnection: close\n{}\nX-A: 1\n\n", bearer(&active()))).await;
    assert_eq!(statuses(&client.rest().await), [200]);
    let requests = drained(&mut requests);
    assert_eq!(requests.len(), 1);
    assert!(!requests[0].replace("\r\n", "").contains('\n'), "{requests:?}");
}

#[tokio::test]
async fn every_request_of_a_connection_is_checked_whatever_came_before_it() {
    let keyless = "GET /almanac/x HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n";
    let get = |headers: &str| format!("GET /almanac HTTP/1.1\r\nHost: g\r\nX-Api-Key: KEY{headers}\r\n\r\n");
    let old = |headers: &str| format!("GET /almanac HTTP/1.0\r\nX-Api-Key: KEY\r\n{headers}\r\n\r\n");
    for (bytes, wanted) in [
        (get("") + keyless, vec![200, 401]),
        (get("\r\nConnection: Upgrade\r\nUpgrade: foo") + keyless, vec![200, 401]),
        (
            get("\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__")
                + keyless,
            vec![200, 401],
        ),
        (get("\r\nContent-Length: 5") + "hello" + keyless, vec![200, 401]),
        (post("Content-Length: 5", "hello") + &get("\r\nConnection: close"), vec![200, 200]),
        (get("").replace("/almanac", "http://elsewhere.test/almanac") + keyless, vec![200, 401]),
        (get("").replace(" /almanac", " /other") + &get("\r\nConnection: close"), vec![404, 200]),
        (old("Connection: keep-alive") + &old("X-A: 1"), vec![200, 200]),
        (old("X-A: 1") + keyless, vec![200]),
    ] {
        assert_eq!(sent(&bytes).await, wanted, "{bytes:?}");
    }
}

/// The body of a refused request is not the next request.
#[tokio::test]
async fn the_unread_body_of_a_refused_request_is_skipped_or_ends_the_connection() {
    let hidden = HIDDEN.replace("KEY", &active());
    let refused =
        |body: &str| format!("POST /almanac HTTP/1.1\r\nHost: g\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let answers = sent(&(refused(&hidden) + "GET /almanac HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n")).await;
    assert!([vec![401], vec![401, 401]].contains(&answers), "{answers:?}");
    let mut long = "x".repeat(1_000_000);
    long.push_str(&hidden);
    let (base, mut requests) = plain().await;
    let house = Plan::over(base).open().await;
    let mut client = Wire::to(&house).await;
    client.try_say(refused(&long)).await;
    assert_eq!(statuses(&client.rest().await), [401]);
    assert_eq!(house.close().await.len(), 1);
    assert!(drained(&mut requests).is_empty());
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// A HEADERS frame that ends its stream: a GET with these fields, none of them indexed (RFC 7541 §6.2.2).
fn http2_get(stream: u32, fields: &[(&str, &str)]) -> Vec<u8> {
    // `:method: GET` and `:scheme: http` stand in the static table.
    let mut block = vec![0x82, 0x86];
    for (name, value) in [(":path", "/almanac"), (":authority", "g")].iter().chain(fields) {
        block.extend([0, name.len() as u8]);
        block.extend(name.bytes());
        block.push(value.len() as u8);
        block.extend(value.bytes());
    }
    let mut frame = (block.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([1, 5]);
    frame.extend(stream.to_be_bytes());
    frame.extend(block);
    frame
}

#[tokio::test]
async fn a_header_of_http_2_cannot_become_two_of_http_1() {
    let key = active();
    for (name, value) in [
        ("x-a", "1\r\nx-b: 2"),
        ("x-a", "1\r\n\r\nGET /hidden HTTP/1.1\r\n\r\n"),
        ("x-a", "1\nx-b: 2"),
        ("x-a: 1\r\nx-b", "2"),
        ("X-A", "1"),
        ("transfer-encoding", "chunked"),
        ("connection", "x-a"),
    ] {
        let (base, mut requests) = plain().await;
        let house = Plan::over(base).open().await;
        let mut client = Wire::to(&house).await;
        let mut bytes = PREFACE.to_vec();
        bytes.extend(http2_get(1, &[("x-api-key", &key), (name, value)]));
        // A good request behind it: when it is answered, or the connection has ended, the bad one was decided on.
        bytes.extend(http2_get(3, &[("x-api-key", &key), ("x-good", "yes")]));
        client.say(bytes).await;
        client.until("ok").await;
        drop(client);
        house.close().await;
        let requests = drained(&mut requests);
        assert!(requests.iter().all(|request| self::value(request, "x-good") == Some("yes")), "{name:?}: {requests:?}");
    }
}

/// CVE-2023-44487: streams that are reset as soon as they are opened do not count as open, and each is work.
#[tokio::test]
async fn a_client_that_resets_its_streams_as_it_opens_them_loses_its_connection() {
    let (base, mut requests) = plain().await;
    let house = Plan::over(base).open().await;
    let mut client = Wire::to(&house).await;
    let mut bytes = PREFACE.to_vec();
    for stream in (1..20_000).step_by(2) {
        bytes.extend(http2_get(stream, &[("x-api-key", &active())]));
        bytes.extend([0, 0, 4, 3, 0]);
        bytes.extend(stream.to_be_bytes());
        bytes.extend([0, 0, 0, 8]);
    }
    client.try_say(bytes).await;
    client.rest().await;
    let rows = house.close().await.len();
    let requests = drained(&mut requests).len();
    assert!(rows < 2_000 && requests < 2_000, "{rows} rows and {requests} requests to the upstream of 10000 streams");
}
