//! How large a request and an answer may be, and that nothing larger leaves a connection behind.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::harness::*;
use crate::wire::*;

fn post(framing: &str) -> String {
    format!("POST /almanac HTTP/1.1\r\nHost: g\r\n{framing}\r\n{}\r\n\r\n", bearer(&active()))
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_refused_before_anything_is_forwarded() {
    let (base, mut requests) = plain().await;
    let mut plan = Plan::over(base);
    plan.api.body_max = 10;
    let mut house = plan.open().await;
    let answer = house.send("POST /almanac", &[bearer(&active())], "just right").await;
    assert_eq!(answer.status, 200);
    assert!(requests.recv().await.unwrap().ends_with("just right"));
    assert_eq!(house.row().await.status, 200);
    let answer = house.send("POST /almanac", &[bearer(&active())], "one too big").await;
    let row = house.row().await;
    answer.assert_refused(413, "too_large", &row);
    assert_eq!((row.upstream_us, row.cost), (None, 0));
    // Whoever sends all the same still reads why the connection ended.
    let mut client = Wire::to(&house).await;
    client.try_say(post("Content-Length: 5000000") + &"x".repeat(5_000_000)).await;
    assert!(client.rest().await.starts_with("HTTP/1.1 413 "));
    // Whoever asks before sending is spared the sending.
    let mut client = Wire::to(&house).await;
    client.say(post("Expect: 100-continue\r\nContent-Length: 11")).await;
    assert!(client.rest().await.starts_with("HTTP/1.1 413 "));
    house.close().await;
    assert!(requests.try_recv().is_err());
}

#[tokio::test]
async fn a_body_that_becomes_too_large_is_broken_off_on_both_sides() {
    let (sender, mut seen) = mpsc::unbounded_channel();
    let base = played(move |_, mut wire| {
        let sender = sender.clone();
        async move {
            wire.head().await;
            sender.send(wire.until("first").await).unwrap();
            sender.send(wire.rest().await).unwrap();
        }
    })
    .await;
    let mut plan = Plan::over(base);
    plan.api.body_max = 10;
    let mut house = plan.open().await;
    let mut client = Wire::to(&house).await;
    client.say(post("Transfer-Encoding: chunked") + "5\r\nfirst\r\n").await;
    assert!(seen.recv().await.unwrap().ends_with("first"));
    client.say("6\r\nsecond\r\n").await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("\"too_large\""), "{answer}");
    let rest = seen.recv().await.unwrap();
    assert!(!rest.contains("second") && !rest.contains("0\r\n\r\n"), "{rest:?}");
    let row = house.row().await;
    assert_eq!((row.status, row.code.as_deref(), row.cost), (413, Some("too_large"), 0));
}

#[tokio::test]
async fn headers_of_a_request_have_a_bound() {
    let (base, mut requests) = plain().await;
    let house = Plan::over(base).open().await;
    for headers in [format!("X-Long: {}", "x".repeat(70_000)), "X-Many: 1\r\n".repeat(200) + "X-Last: 1"] {
        let mut client = Wire::to(&house).await;
        client.try_say(post(&headers)).await;
        assert!(client.rest().await.starts_with("HTTP/1.1 431 "));
    }
    assert!(house.close().await.is_empty());
    assert!(requests.try_recv().is_err());
}

/// Attack case 25.
#[tokio::test(start_paused = true)]
async fn a_client_that_never_ends_its_headers_loses_its_connection_however_often_it_says_something() {
    let (base, mut requests) = plain().await;
    let house = Plan::over(base).open().await;
    for begin in ["", "G", "GET /almanac HTTP/1.1\r\nHost: g\r\nX-A: ", "PRI * HTTP/2.0\r\n"] {
        for says_more in [false, true] {
            let mut stream = house.connect().await;
            let began = Instant::now();
            stream.write_all(begin.as_bytes()).await.unwrap();
            let mut seen = Vec::new();
            loop {
                tokio::select! {
                    read = stream.read_buf(&mut seen) => if read.is_ok_and(|count| count > 0) { continue } else { break },
                    () = sleep_until(Instant::now() + Duration::from_secs(5)), if says_more => {}
                }
                // Nobody may listen any more.
                let _ = stream.write_all(b"x").await;
            }
            assert!(began.elapsed() < Duration::from_secs(61), "{begin:?} held for {:?}", began.elapsed());
            assert!(!String::from_utf8_lossy(&seen).contains("200"), "{begin:?}");
        }
    }
    assert!(house.close().await.is_empty());
    assert!(requests.try_recv().is_err());
}

#[tokio::test]
async fn an_answer_with_giant_headers_is_a_502() {
    for headers in [format!("X-Long: {}\r\n", "x".repeat(700_000)), "X-Many: 1\r\n".repeat(200)] {
        let base = played(move |_, mut wire| {
            let answer = format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: 2\r\n\r\nok");
            async move {
                wire.head().await;
                wire.try_say(answer).await;
                wire.rest().await;
            }
        })
        .await;
        let mut house = Plan::over(base).open().await;
        let answer = house.get("/almanac", &[bearer(&active())]).await;
        answer.assert_refused(502, "upstream_down", &house.row().await);
    }
}

/// An upstream with more to say than any buffer between here and there holds.
async fn endless() -> String {
    played(|_, mut wire| async move {
        wire.head().await;
        wire.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        let chunk = format!("{:x}\r\n{}\r\n", 65_536, "x".repeat(65_536));
        // Until nobody listens any more.
        for _ in 0..10_000 {
            wire.try_say(&chunk).await;
        }
    })
    .await
}

/// Claims: MAST-24
#[tokio::test]
async fn a_client_that_never_reads_its_answer_loses_its_connection_and_leaves_a_row() {
    let mut plan = Plan::over(endless().await);
    plan.change = |settings| settings.client_timeout = Duration::from_millis(300);
    let mut house = plan.open().await;
    let mut client = Wire::to(&house).await;
    client.say(format!("GET /almanac HTTP/1.1\r\nHost: g\r\n{}\r\n\r\n", bearer(&active()))).await;
    let row = house.row().await;
    // The upstream did its part, and so the call counts as answered.
    assert_eq!((row.status, row.code), (200, None));
    assert!(row.response_bytes > 0 && row.latency_us >= 300_000, "{} bytes", row.response_bytes);
    let seen = client.rest().await;
    assert!(seen.starts_with("HTTP/1.1 200 OK") && !seen.ends_with("0\r\n\r\n"));
}
