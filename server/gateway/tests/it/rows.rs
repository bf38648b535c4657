//! Requests answered are rows recorded: each once, whoever ends the conversation, however it ends.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::harness::*;

type Chunks = mpsc::UnboundedSender<Result<Bytes, std::io::Error>>;

/// An upstream whose one answer is what the test sends.
async fn told_by_test() -> (String, Chunks) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let receiver = std::sync::Arc::new(std::sync::Mutex::new(Some(receiver)));
    let router = Router::new().fallback(get(move || async move {
        let receiver = receiver.lock().unwrap().take().unwrap();
        Body::from_stream(UnboundedReceiverStream::new(receiver))
    }));
    (upstream(router).await, sender)
}

/// Claims: MAST-24
#[tokio::test]
async fn every_answer_is_one_row() {
    let house = House::before_echo().await;
    let (good, bad) = ([bearer(&active())], [bearer(&unknown())]);
    let answers = futures_util::future::join_all((0..60).map(|number| {
        let headers = if number % 3 == 0 { &bad } else { &good };
        house.get("/almanac/v1/sun/paris", headers)
    }))
    .await;
    let mut answered: Vec<String> =
        answers.iter().map(|answer| answer.header("request-id").unwrap().to_owned()).collect();
    let rows = house.close().await;
    assert_eq!(rows.iter().filter(|row| row.code.is_some()).count(), 20);
    let mut recorded: Vec<String> = rows.iter().map(|row| row.id.to_string()).collect();
    answered.sort();
    recorded.sort();
    assert_eq!(recorded, answered);
}

#[tokio::test]
async fn a_row_is_recorded_before_the_client_can_know_that_the_answer_ended() {
    let (base, chunks) = told_by_test().await;
    let mut house = Plan::over(base).open().await;
    let mut stream = house.connect().await;
    stream.write_all(&request("GET /almanac", &[bearer(&active())], "")).await.unwrap();
    chunks.send(Ok(Bytes::from_static(b"first"))).unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"first\r\n") {
        stream.read_buf(&mut seen).await.unwrap();
    }
    chunks.send(Ok(Bytes::from_static(b"second"))).unwrap();
    drop(chunks);
    stream.read_to_end(&mut seen).await.unwrap();
    let answer = Answer::parse(&seen).unwrap();
    assert_eq!((answer.body.as_slice(), answer.is_whole), (&b"firstsecond"[..], true));
    let row = house.row().await;
    assert_eq!((row.status, row.response_bytes, row.code), (200, 11, None));
}

#[tokio::test]
async fn an_answer_that_the_client_leaves_is_a_row_with_the_bytes_that_went_out() {
    let (base, chunks) = told_by_test().await;
    let mut house = Plan::over(base).open().await;
    let mut stream = house.connect().await;
    stream.write_all(&request("GET /almanac", &[bearer(&active())], "")).await.unwrap();
    chunks.send(Ok(Bytes::from_static(b"first"))).unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"first\r\n") {
        stream.read_buf(&mut seen).await.unwrap();
    }
    drop(stream);
    let row = house.row().await;
    assert_eq!((row.status, row.response_bytes, row.code), (200, 5, None));
    // The upstream learns of it: nobody works for a client that is gone.
    chunks.closed().await;
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_is_a_row_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut house = Plan::over(format!("http://{}", listener.local_addr().unwrap())).open().await;
    let mut stream = house.connect().await;
    stream.write_all(&request("GET /almanac/v1/sun/paris", &[bearer(&active())], "")).await.unwrap();
    let (_silent, _) = listener.accept().await.unwrap();
    drop(stream);
    let row = house.row().await;
    assert_eq!((row.status, row.code, row.caller), (499, None, Some(caller())));
    assert_eq!((row.route.as_str(), row.response_bytes), ("/v1/sun/{place}", 0));
}

#[tokio::test]
async fn a_client_that_stops_sending_is_not_the_upstreams_fault() {
    let mut plan = Plan::over(echo().await);
    plan.timeout = std::time::Duration::from_millis(50);
    let mut house = plan.open().await;
    let mut stream = house.connect().await;
    let head = format!("POST /almanac HTTP/1.1\r\nHost: g\r\nContent-Length: 10\r\n{}\r\n\r\n12345", bearer(&active()));
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    stream.read_to_end(&mut seen).await.unwrap();
    assert_eq!(seen, b"");
    let row = house.row().await;
    assert_eq!((row.status, row.code), (499, None));
}

#[tokio::test]
async fn a_method_that_nobody_registered_is_forwarded_and_written_down_as_other() {
    let mut house = House::before_echo().await;
    let answer = house.send("BREW /almanac", &[bearer(&active())], "").await;
    assert_eq!(answer.json()["method"], "BREW");
    assert_eq!(house.row().await.method, "OTHER");
}

#[tokio::test]
async fn a_health_check_is_answered_and_not_recorded() {
    let house = House::before_echo().await;
    let answer = house.get("/healthz", &[]).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"ok"[..]));
    assert!(house.close().await.is_empty());
}

#[tokio::test]
async fn an_answer_without_a_body_is_a_row() {
    let mut house = House::before_echo().await;
    let answer = house.send("HEAD /almanac/v1/sun/paris", &[bearer(&active())], "").await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert!(answer.header("content-length").is_some());
    let row = house.row().await;
    assert_eq!((row.status, row.response_bytes, row.route.as_str()), (200, 0, "/v1/sun/{place}"));
    let refused = house.send("HEAD /almanac", &[], "").await;
    assert_eq!((refused.status, refused.body.len()), (401, 0));
    let row = house.row().await;
    assert_eq!((row.code.as_deref(), row.response_bytes), (Some("missing_key"), 0));
}

/// Claims: FLOW-15, FLOW-16, FLOW-17, FLOW-18, S002-05
#[tokio::test]
async fn nothing_that_a_client_says_about_an_end_user_stands_in_a_row() {
    let mut house = House::before_echo().await;
    let canary = "canary7391";
    let answer = house
        .send(
            &format!("POST /almanac/v1/sun/{canary}?user={canary}"),
            &[
                bearer(&active()),
                format!("User-Agent: {canary}"),
                format!("X-Forwarded-For: {canary}"),
                format!("Accept-Language: {canary}"),
                format!("Cookie: {canary}"),
                format!("Sec-CH-UA: {canary}"),
            ],
            &format!("password={canary}"),
        )
        .await;
    assert_eq!(answer.status, 200);
    let row = house.row().await;
    let written = format!("{row:?}{}", serde_json::to_string(&row).unwrap());
    assert!(!written.contains(canary) && !written.contains("127.0.0.1"), "{written}");
}
