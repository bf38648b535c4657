//! HTTP/1.1 and HTTP/2 on either side, and what of the protocol must cross the gateway as it is.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::sync::Arc;

use axum::body::Bytes;
use http::HeaderMap;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::sync::{Mutex, mpsc};

use crate::forwarding::certified;
use crate::harness::*;
use crate::wire::*;

/// Claims: CARD-18
#[tokio::test]
async fn trailers_of_a_request_pass_under_the_rules_of_headers() {
    let (sender, mut seen) = mpsc::unbounded_channel();
    let base = played(move |_, mut wire| {
        let sender = sender.clone();
        async move {
            let head = wire.head().await.unwrap();
            wire.until("hello\r\n0\r\n").await;
            let trailers = wire.head().await.unwrap();
            wire.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            sender.send((head, trailers)).unwrap();
        }
    })
    .await;
    let house = Plan::over(base).open().await;
    let mut client = Wire::to(&house).await;
    let key = bearer(&active());
    client
        .say(format!(
            "POST /almanac HTTP/1.1\r\nHost: g\r\nConnection: close, X-Private\r\nTransfer-Encoding: chunked\r\n\
             Trailer: X-Sum, X-Countersign-Key, X-Forwarded-For, Authorization, X-Private\r\n\
             Trailer: X-Copy\r\n{key}\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Countersign-Key: forged\r\n\
             X-Forwarded-For: 203.0.113.7\r\nAuthorization: Basic eA==\r\nX-Private: 1\r\nX-Unannounced: 1\r\n\
             X-Copy: {}\r\n\r\n",
            active()
        ))
        .await;
    assert!(client.rest().await.starts_with("HTTP/1.1 200 OK\r\n"));
    let (head, trailers) = seen.recv().await.unwrap();
    assert_eq!(value(&head, "trailer"), Some("x-sum, x-copy"));
    assert_eq!(trailers, "x-sum: 1\r\n\r\n");
}

/// Claims: CARD-18
#[tokio::test]
async fn trailers_of_an_answer_pass_to_a_client_that_takes_them() {
    let base = played(|_, mut wire| async move {
        let head = wire.head().await.unwrap();
        let is_welcome = value(&head, "te") == Some("trailers") && value(&head, "connection") == Some("te");
        wire.say(format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, Request-Id\r\nX-Welcome: {is_welcome}\r\n\
             \r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nRequest-Id: forged\r\n\r\n"
        ))
        .await;
    })
    .await;
    let house = Plan::over(base).open().await;
    for (te, is_welcome, end) in
        [("TE: gzip, trailers", "true", "\r\n0\r\nx-sum: 1\r\n\r\n"), ("X-A: 1", "false", "\r\n0\r\n\r\n")]
    {
        let mut client = Wire::to(&house).await;
        client.say(request("GET /almanac", &[bearer(&active()), te.to_owned()], "")).await;
        let answer = client.rest().await;
        assert_eq!(value(&answer, "x-welcome"), Some(is_welcome));
        assert!(answer.ends_with(end), "{answer}");
    }
}

/// What an upstream over HTTP/2 saw of a request.
struct Seen {
    connection: usize,
    protocol: Option<Vec<u8>>,
    data: Vec<u8>,
    /// Blocks of headers: one, and one more for trailers.
    blocks: usize,
}

fn frame(kind: u8, flags: u8, stream: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream);
    frame.extend(payload);
    frame
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A TLS upstream that offers HTTP/2 first and answers each request with `hello` and a trailer.
fn http2_upstream() -> (String, Vec<u8>, mpsc::UnboundedReceiver<Seen>) {
    let (mut config, certificate) = certified();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let config = Arc::new(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let (sender, seen) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for (connection, stream) in listener.incoming().enumerate() {
            let session = rustls::ServerConnection::new(config.clone()).unwrap();
            let stream = rustls::StreamOwned::new(session, stream.unwrap());
            let sender = sender.clone();
            std::thread::spawn(move || speak_http2(stream, connection, &sender));
        }
    });
    (base, certificate, seen)
}

fn speak_http2(
    mut stream: rustls::StreamOwned<rustls::ServerConnection, std::net::TcpStream>,
    connection: usize,
    sender: &mpsc::UnboundedSender<Seen>,
) -> Option<()> {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).ok()?;
    stream.write_all(&frame(SETTINGS, 0, [0; 4], &[])).ok()?;
    let (mut data, mut blocks) = (Vec::new(), 0);
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).ok()?;
        let [_, _, _, kind, flags, id @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        stream.read_exact(&mut payload).ok()?;
        match kind {
            SETTINGS if flags == 0 => stream.write_all(&frame(SETTINGS, 1, [0; 4], &[])).ok()?,
            HEADERS => blocks += 1,
            DATA => data.extend(payload),
            _ => {}
        }
        if [HEADERS, DATA].contains(&kind) && flags & END_STREAM > 0 {
            let protocol = stream.conn.alpn_protocol().map(<[u8]>::to_vec);
            let _ = sender.send(Seen { connection, protocol, data: std::mem::take(&mut data), blocks });
            blocks = 0;
            // 0x88 is `:status: 200`; a field that nobody indexes is 0, name, value (RFC 7541 §6.2.2).
            let mut answer = frame(HEADERS, END_HEADERS, id, &[0x88]);
            answer.extend(frame(DATA, 0, id, b"hello"));
            answer.extend(frame(HEADERS, END_HEADERS | END_STREAM, id, b"\0\x0bgrpc-status\x010"));
            stream.write_all(&answer).ok()?;
        }
    }
}

/// Claims: CARD-18
#[tokio::test]
async fn http_2_is_spoken_on_both_sides_with_trailers_both_ways() {
    let (base, certificate, mut seen) = http2_upstream();
    let mut plan = Plan::over(base);
    plan.roots = vec![certificate];
    let house = plan.open().await;
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    for _ in 0..3 {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", "1".parse().unwrap());
        trailers.insert("x-countersign-key", "forged".parse().unwrap());
        let frames = [Frame::data(Bytes::from_static(b"ping")), Frame::trailers(trailers)];
        let body = StreamBody::new(futures_util::stream::iter(frames.map(Ok::<_, Infallible>)));
        let request = http::Request::post(format!("http://{}/almanac", house.address))
            .header("x-api-key", active())
            .header("te", "trailers")
            .body(body)
            .unwrap();
        let answer = client.request(request).await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        let body = answer.into_body().collect().await.unwrap();
        assert_eq!(body.trailers().unwrap()["grpc-status"], "0");
        assert_eq!(body.to_bytes(), "hello");
        let request = seen.recv().await.unwrap();
        assert_eq!((request.connection, request.protocol.as_deref()), (0, Some(&b"h2"[..])));
        assert_eq!((request.data.as_slice(), request.blocks), (&b"ping"[..], 2));
    }
}

#[tokio::test]
async fn a_client_over_http_1_reaches_an_upstream_over_http_2() {
    let (base, certificate, mut seen) = http2_upstream();
    let mut plan = Plan::over(base);
    plan.roots = vec![certificate];
    let house = plan.open().await;
    for (line, body) in [("GET /almanac", ""), ("POST /almanac", "ping")] {
        let answer = house.send(line, &[bearer(&active()), "TE: trailers".to_owned()], body).await;
        assert_eq!((answer.status, answer.body.as_slice(), answer.is_whole), (200, &b"hello"[..], true));
        let request = seen.recv().await.unwrap();
        assert_eq!((request.data.as_slice(), request.blocks), (body.as_bytes(), 1));
    }
}

#[tokio::test]
async fn a_client_is_told_to_continue_only_when_its_body_is_wanted() {
    let (base, mut requests) = plain().await;
    let mut house = Plan::over(base).open().await;
    let post = |header: &str| {
        format!("POST /almanac HTTP/1.1\r\nHost: g\r\nExpect: 100-continue\r\nContent-Length: 4\r\n{header}\r\n\r\n")
    };
    let mut client = Wire::to(&house).await;
    client.say(post(&bearer(&active()))).await;
    assert_eq!(client.head().await.as_deref(), Some("HTTP/1.1 100 Continue\r\n\r\n"));
    client.say("ping").await;
    assert!(client.until("ok").await.starts_with("HTTP/1.1 200 OK\r\n"));
    let request = requests.recv().await.unwrap();
    assert!(request.ends_with("\r\n\r\nping") && value(&request, "expect").is_none(), "{request}");
    assert_eq!(house.row().await.status, 200);
    let mut client = Wire::to(&house).await;
    client.say(post(&bearer(&revoked()))).await;
    // Nobody can tell whether the body still comes, so the connection ends.
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 401 ") && !answer.contains("100 Continue"), "{answer}");
    house.close().await;
    assert!(requests.try_recv().is_err());
}

#[tokio::test]
async fn ranges_and_conditions_pass_untouched_both_ways() {
    let asked = [
        "Range: bytes=0-1,-5",
        "If-Range: \"v1\"",
        "If-None-Match: W/\"v1\", \"v2\"",
        "If-Match: *",
        "If-Modified-Since: Sat, 01 Nov 2025 00:00:00 GMT",
        "If-Unmodified-Since: Sat, 01 Nov 2025 00:00:00 GMT",
        "Accept-Encoding: br;q=0.5, gzip",
    ];
    let answers = [
        ("206 Partial Content", "Content-Range: bytes 0-1/9", "ok"),
        ("304 Not Modified", "ETag: W/\"v1\"", ""),
        ("412 Precondition Failed", "Last-Modified: Sat, 01 Nov 2025 00:00:00 GMT", ""),
        ("416 Range Not Satisfiable", "Content-Range: bytes */9", ""),
        ("200 OK", "Content-Encoding: gzip", "\u{1f}not really"),
    ];
    for (status, header, body) in answers {
        let (sender, mut heads) = mpsc::unbounded_channel();
        let base = played(move |_, mut wire| {
            let sender = sender.clone();
            async move {
                sender.send(wire.head().await.unwrap()).unwrap();
                wire.say(format!("HTTP/1.1 {status}\r\n{header}\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
                    .await;
            }
        })
        .await;
        let house = Plan::over(base).open().await;
        let mut headers = asked.map(ToOwned::to_owned).to_vec();
        headers.push(bearer(&active()));
        let answer = house.get("/almanac", &headers).await;
        assert_eq!((answer.status, answer.body.as_slice()), (status[..3].parse().unwrap(), body.as_bytes()));
        let (name, told) = header.split_once(": ").unwrap();
        assert_eq!(answer.header(&name.to_ascii_lowercase()), Some(told));
        let head = heads.recv().await.unwrap();
        for line in asked {
            let (name, told) = line.split_once(": ").unwrap();
            assert_eq!(value(&head, name), Some(told));
        }
    }
}

/// Claims: CARD-18
#[tokio::test]
async fn an_event_arrives_before_the_upstream_sends_the_next() {
    let (release, released) = mpsc::unbounded_channel::<()>();
    let released = Arc::new(Mutex::new(released));
    let base = played(move |_, mut wire| {
        let released = released.clone();
        async move {
            wire.head().await;
            wire.say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n").await;
            for number in 0..3 {
                released.lock().await.recv().await;
                wire.say(format!("id: {number}\n\n")).await;
            }
        }
    })
    .await;
    let house = Plan::over(base).open().await;
    let mut client = Wire::to(&house).await;
    client.say(request("GET /almanac", &[bearer(&active())], "")).await;
    // The head is there before the first event is.
    let head = client.head().await.unwrap();
    assert_eq!(value(&head, "content-type"), Some("text/event-stream"));
    for number in 0..3 {
        release.send(()).unwrap();
        assert!(client.until("\n\n").await.ends_with(&format!("id: {number}\n\n")));
    }
}
