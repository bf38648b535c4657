//! WebSocket: what becomes a connection, what does not, and how it ends.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::forwarding::certified;
use crate::harness::*;
use crate::wire::*;

const NONCE: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n";

fn handshake() -> Vec<String> {
    [
        "GET /almanac/v1/sun/paris?a=1 HTTP/1.1",
        "Host: gateway.test",
        "Connection: keep-alive, Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        NONCE,
        "Sec-WebSocket-Protocol: chat, other",
        "Origin: https://example.com",
        &bearer(&active()),
    ]
    .map(ToOwned::to_owned)
    .to_vec()
}

fn lines(lines: &[String]) -> String {
    lines.join("\r\n") + "\r\n\r\n"
}

/// An upstream that switches and says everything back; tells the test each head.
async fn mirror() -> (String, mpsc::UnboundedReceiver<String>) {
    let (sender, heads) = mpsc::unbounded_channel();
    let base = played(move |_, mut wire| {
        let sender = sender.clone();
        async move {
            let Some(head) = wire.head().await else { return };
            let _ = sender.send(head);
            wire.say(SWITCHED).await;
            loop {
                let message = wire.until(".").await;
                if message.is_empty() {
                    break;
                }
                wire.try_say(message).await;
            }
        }
    })
    .await;
    (base, heads)
}

#[tokio::test]
async fn a_websocket_passes_both_ways_and_is_one_row_when_it_ends() {
    let (base, mut heads) = mirror().await;
    let mut house = Plan::over(base).open().await;
    let mut client = Wire::to(&house).await;
    client.say(lines(&handshake())).await;
    let answer = client.head().await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    assert_eq!((value(&answer, "upgrade"), value(&answer, "connection")), (Some("websocket"), Some("Upgrade")));
    assert_eq!(value(&answer, "sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(value(&answer, "sec-websocket-protocol"), Some("chat"));
    let asked = heads.recv().await.unwrap();
    assert!(asked.starts_with("GET /v1/sun/paris?a=1 HTTP/1.1\r\n"), "{asked}");
    assert_eq!((value(&asked, "upgrade"), value(&asked, "connection")), (Some("websocket"), Some("Upgrade")));
    assert_eq!(value(&asked, "sec-websocket-protocol"), Some("chat, other"));
    assert_eq!(value(&asked, "x-countersign-key"), Some(&*caller().key.to_string()));
    assert!(!asked.contains(&active()));
    for message in ["first.", "\u{0}\u{1}second.", "third."] {
        client.say(message).await;
        assert_eq!(client.bytes(message.len()).await, message);
    }
    // Whoever has nothing more to say can still listen.
    client.say("last.").await;
    client.hang_up_half().await;
    assert_eq!(client.rest().await, "last.");
    let row = house.row().await;
    assert_eq!((row.status, row.code, row.route.as_str()), (101, None, "/v1/sun/{place}"));
    assert_eq!(row.response_bytes, "first.\0\u{1}second.third.last.".len() as i64);
    assert!(row.latency_us >= row.upstream_us.unwrap());
    assert_eq!(Some(&*row.id.to_string()), value(&answer, "request-id"));
    assert!(house.close().await.is_empty());
}

#[tokio::test]
async fn a_websocket_that_the_upstream_ends_ends_for_the_client_too() {
    for mode in ["end", "reset"] {
        let base = played(move |_, mut wire| async move {
            wire.head().await;
            wire.say(format!("{SWITCHED}hello")).await;
            wire.until(".").await;
            if mode == "reset" {
                wire.reset();
            }
        })
        .await;
        let mut house = Plan::over(base).open().await;
        let mut client = Wire::to(&house).await;
        client.say(lines(&handshake())).await;
        assert!(client.head().await.unwrap().contains(" 101 "));
        assert_eq!(client.bytes(5).await, "hello");
        client.say("bye.").await;
        assert_eq!(client.rest().await, "");
        drop(client);
        let row = house.row().await;
        assert_eq!((row.status, row.response_bytes), (101, 5), "{mode}");
    }
}

#[tokio::test]
async fn what_is_no_handshake_is_forwarded_without_its_upgrade() {
    let (base, mut requests) = plain().await;
    let mut house = Plan::over(base).open().await;
    let with = |from: &str, to: &str| handshake().iter().map(|line| line.replace(from, to)).collect::<Vec<_>>();
    for lines_of in [
        with("Upgrade: websocket", "Upgrade: h2c"),
        with("Upgrade: websocket", "Upgrade: websocket, h2c"),
        with("Upgrade: websocket", "Upgrade: anything"),
        with("keep-alive, Upgrade", "keep-alive"),
        with("Version: 13", "Version: 8"),
        with("dGhlIHNhbXBsZSBub25jZQ==", "short"),
        with(NONCE, &format!("{NONCE}\r\n{NONCE}")),
        with("GET", "POST"),
        with("HTTP/1.1", "HTTP/1.0"),
        with(NONCE, &format!("{NONCE}\r\nContent-Length: 0")),
    ] {
        let mut client = Wire::to(&house).await;
        client.say(lines(&lines_of)).await;
        assert!(client.until("ok").await.contains(" 200 OK\r\n"), "{lines_of:?}");
        let asked = requests.recv().await.unwrap();
        assert_eq!((value(&asked, "upgrade"), value(&asked, "connection")), (None, None), "{lines_of:?}");
        assert_eq!(house.row().await.status, 200);
    }
}

/// What was sent behind the handshake must not reach an upstream that has not switched: it could hold a request that
/// nobody checked.
#[tokio::test]
async fn nothing_passes_before_the_upstream_has_switched() {
    let (release, released) = mpsc::unbounded_channel::<()>();
    let released = Arc::new(tokio::sync::Mutex::new(released));
    let (sender, mut early) = mpsc::unbounded_channel();
    let base = played(move |number, mut wire| {
        let (sender, released) = (sender.clone(), released.clone());
        async move {
            wire.head().await;
            if number > 0 {
                wire.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
                return;
            }
            released.lock().await.recv().await;
            wire.say("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno").await;
            sender.send(wire.rest().await).unwrap();
        }
    })
    .await;
    let mut house = Plan::over(base).open().await;
    let mut client = Wire::to(&house).await;
    // The second request has no key: passed through as it is, it would be answered by the upstream.
    let smuggled = "GET /almanac/hidden HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n\r\n";
    client.say(lines(&handshake()) + smuggled).await;
    release.send(()).unwrap();
    let answers = client.rest().await;
    assert!(answers.starts_with("HTTP/1.1 403 "), "{answers}");
    assert!(answers.contains("\"missing_key\""), "{answers}");
    assert_eq!(early.recv().await.unwrap(), "");
    assert_eq!(house.row().await.status, 403);
    assert_eq!(house.row().await.code.as_deref(), Some("missing_key"));
}

#[tokio::test]
async fn an_answer_that_switches_to_something_else_is_a_502() {
    for answer in [
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\r\n",
    ] {
        let base = played(move |_, mut wire| async move {
            wire.head().await;
            wire.say(answer).await;
            wire.rest().await;
        })
        .await;
        let mut house = Plan::over(base).open().await;
        let mut client = Wire::to(&house).await;
        client.say(lines(&handshake())).await;
        let head = client.head().await.unwrap();
        assert!(head.starts_with("HTTP/1.1 502 "), "{head}");
        assert_eq!(house.row().await.code.as_deref(), Some("upstream_down"));
    }
}

#[tokio::test]
async fn a_websocket_reaches_an_upstream_over_tls_that_would_rather_speak_http_2() {
    let (mut config, certificate) = certified();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut plan = Plan::over(format!("https://localhost:{}", listener.local_addr().unwrap().port()));
    plan.roots = vec![certificate];
    let upstream = std::thread::spawn(move || {
        let session = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = rustls::StreamOwned::new(session, listener.accept().unwrap().0);
        let (mut seen, mut byte) = (Vec::new(), [0]);
        while !seen.ends_with(b"\r\n\r\nhello.") && stream.read(&mut byte).unwrap_or(0) > 0 {
            seen.push(byte[0]);
            if seen.ends_with(b"\r\n\r\n") {
                stream.write_all(SWITCHED.as_bytes()).unwrap();
                stream.flush().unwrap();
            }
        }
        stream.write_all(b"bye.").unwrap();
        stream.conn.send_close_notify();
        stream.flush().unwrap();
    });
    let mut house = plan.open().await;
    let mut client = Wire::to(&house).await;
    client.say(lines(&handshake())).await;
    assert!(client.head().await.unwrap().contains(" 101 "));
    client.say("hello.").await;
    assert_eq!(client.rest().await, "bye.");
    drop(client);
    upstream.join().unwrap();
    assert_eq!(house.row().await.response_bytes, 4);
}

#[tokio::test]
async fn a_key_that_is_gone_ends_its_websocket() {
    let (base, _heads) = mirror().await;
    let mut house = Plan::over(base).open().await;
    let mut client = Wire::to(&house).await;
    client.say(lines(&handshake())).await;
    assert!(client.head().await.unwrap().contains(" 101 "));
    client.say("hello.").await;
    assert_eq!(client.bytes(6).await, "hello.");
    house.forget_keys();
    assert_eq!(client.rest().await, "");
    assert_eq!(house.row().await.response_bytes, 6);
}

#[tokio::test]
async fn a_handshake_without_a_key_reaches_no_upstream() {
    let (base, mut heads) = mirror().await;
    let mut house = Plan::over(base).open().await;
    let mut client = Wire::to(&house).await;
    let keyless: Vec<String> = handshake().into_iter().filter(|line| !line.starts_with("Authorization")).collect();
    client.say(lines(&keyless) + "early bytes that are no request").await;
    assert!(client.rest().await.starts_with("HTTP/1.1 401 "));
    assert_eq!(house.row().await.code.as_deref(), Some("missing_key"));
    house.close().await;
    assert!(heads.try_recv().is_err());
}

#[tokio::test]
async fn a_shutdown_ends_a_websocket_at_the_end_of_the_drain_and_records_it() {
    let (base, _heads) = mirror().await;
    let mut plan = Plan::over(base);
    plan.drain = Duration::from_millis(50);
    let house = plan.open().await;
    let mut client = Wire::to(&house).await;
    client.say(lines(&handshake())).await;
    assert!(client.head().await.unwrap().contains(" 101 "));
    house.shutdown.cancel();
    // It still works while the drain lasts.
    client.say("hello.").await;
    assert_eq!(client.bytes(6).await, "hello.");
    let rows = house.close().await;
    assert_eq!(client.rest().await, "");
    let rows: Vec<_> = rows.iter().map(|row| (row.status, row.response_bytes)).collect();
    assert_eq!(rows, [(101, 6)]);
}

/// Claims: MAST-23
#[tokio::test]
async fn an_api_has_so_many_connections_and_the_next_one_is_told_so_at_no_cost() {
    let (base, _heads) = mirror().await;
    let mut plan = Plan::over(base);
    plan.change = |settings| settings.upgrades_max = 2;
    let mut house = plan.open().await;
    let open = async || {
        let mut client = Wire::to(&house).await;
        client.say(lines(&handshake())).await;
        let head = client.head().await.unwrap();
        (client, head)
    };
    let (mut first, head) = open().await;
    assert!(head.contains(" 101 "), "{head}");
    let (mut second, head) = open().await;
    assert!(head.contains(" 101 "), "{head}");
    let (mut third, head) = open().await;
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert!(third.until("}").await.contains("\"too_many_connections\""));
    let row = house.row().await;
    assert_eq!((row.status, row.code.as_deref(), row.cost), (503, Some("too_many_connections"), 0));
    // An ordinary request is none of them.
    assert_eq!(house.get("/almanac/v1/sun/paris", &[]).await.status, 401);
    house.row().await;
    // When one ends, there is room for one again.
    for client in [&mut first, &mut second] {
        client.say("still here.").await;
        assert_eq!(client.bytes(11).await, "still here.");
    }
    drop(first);
    assert_eq!(house.row().await.status, 101);
    let mut client = Wire::to(&house).await;
    client.say(lines(&handshake())).await;
    assert!(client.head().await.unwrap().contains(" 101 "));
}

/// A handshake that the upstream declines holds no place.
#[tokio::test]
async fn a_handshake_that_is_declined_frees_its_place() {
    let (base, _requests) = plain().await;
    let mut plan = Plan::over(base);
    plan.change = |settings| settings.upgrades_max = 1;
    let mut house = plan.open().await;
    for _ in 0..3 {
        let mut client = Wire::to(&house).await;
        client.say(lines(&handshake())).await;
        assert!(client.head().await.unwrap().contains(" 200 OK"));
        assert_eq!(house.row().await.status, 200);
    }
}

#[tokio::test]
async fn a_websocket_on_which_nothing_passes_is_closed() {
    let (base, _heads) = mirror().await;
    let mut plan = Plan::over(base);
    plan.change = |settings| settings.upgrade_idle = Duration::from_millis(300);
    let mut house = plan.open().await;
    let mut client = Wire::to(&house).await;
    client.say(lines(&handshake())).await;
    assert!(client.head().await.unwrap().contains(" 101 "));
    client.say("hello.").await;
    assert_eq!(client.rest().await, "hello.");
    assert_eq!(house.row().await.response_bytes, 6);
}
