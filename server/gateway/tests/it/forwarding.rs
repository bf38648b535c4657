//! What passes to the upstream and back, and what never does.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Response};
use axum::routing::any;
use futures_util::StreamExt;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::harness::*;

/// Claims: CARD-18
#[tokio::test]
async fn method_query_headers_and_body_reach_the_upstream_as_they_were() {
    let house = House::before_echo().await;
    let body = "{\"a\": \"\u{1f511}\"}\r\n\r\n";
    for method in ["POST", "PUT", "PATCH", "DELETE", "QUERY"] {
        let headers = [bearer(&active()), "Content-Type: application/x-anything".to_owned(), "X-A: ä".to_owned()];
        let answer = house.send(&format!("{method} /almanac/v1/sun/x?a=1&a=2"), &headers, body).await;
        let echo = answer.json();
        assert_eq!((answer.status, &echo["method"]), (200, &method.into()));
        assert_eq!((&echo["target"], &echo["body"]), (&"/v1/sun/x?a=1&a=2".into(), &body.into()));
        assert_eq!(told(&echo, "content-type"), ["application/x-anything"]);
        assert_eq!(told(&echo, "content-length"), [body.len().to_string()]);
        assert_eq!(told(&echo, "x-a"), ["ä"]);
    }
}

#[tokio::test]
async fn the_upstream_is_told_its_own_host_and_the_id_of_the_request() {
    let base = echo().await;
    let mut house = Plan::over(format!("{base}/inner/")).open().await;
    let answer = house.get("/almanac/v1/x", &[bearer(&active()), "Request-Id: mine".to_owned()]).await;
    let (echo, row) = (answer.json(), house.row().await);
    assert_eq!(echo["target"], "/inner/v1/x");
    assert_eq!(told(&echo, "host"), [base.trim_start_matches("http://")]);
    assert_eq!(told(&echo, "request-id"), [row.id.to_string()]);
    assert_eq!(told(&echo, "via"), ["1.1 countersign"]);
    // The upstream's own id is replaced, not joined.
    assert_eq!(answer.header("request-id"), Some(&*row.id.to_string()));
}

#[tokio::test]
async fn who_calls_is_said_by_the_gateway_alone() {
    let house = House::before_echo().await;
    let answer = house
        .get(
            "/almanac",
            &[
                bearer(&active()),
                "X-Countersign-Key: key_forged".to_owned(),
                "x-countersign-organization: org_forged".to_owned(),
                "X_Countersign_Environment: forged".to_owned(),
                "X-Countersign-Admin: forged".to_owned(),
                "Connection: X-Countersign-Key, x-countersign-organization".to_owned(),
            ],
        )
        .await;
    let echo = answer.json();
    assert_eq!(told(&echo, "x-countersign-key"), [caller().key.to_string()]);
    assert_eq!(told(&echo, "x-countersign-organization"), [caller().organization.to_string()]);
    assert_eq!(told(&echo, "x-countersign-environment"), ["live"]);
    assert!(!String::from_utf8_lossy(&answer.body).contains("forged"));
}

/// Claims: FLOW-16
#[tokio::test]
async fn addresses_of_clients_are_not_forwarded() {
    let house = House::before_echo().await;
    let names = [
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X_Forwarded_For",
        "Forwarded",
        "X-Real-IP",
        "True-Client-IP",
        "CF-Connecting-IP",
        "X-Client-IP",
        "Via",
    ];
    let mut headers = vec![bearer(&active())];
    headers.extend(names.map(|name| format!("{name}: 203.0.113.7")));
    let answer = house.get("/almanac", &headers).await;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(answer.status == 200 && !text.contains("203.0.113.7"), "{text}");
}

#[tokio::test]
async fn headers_of_one_connection_do_not_cross_the_gateway() {
    let router = Router::new().fallback(any(|headers: HeaderMap| async move {
        let names: Vec<String> = headers.keys().map(ToString::to_string).collect();
        Response::builder()
            .header("connection", "X-Private")
            .header("x-private", "1")
            .header("keep-alive", "timeout=5")
            .header("proxy-authenticate", "Basic")
            .header("upgrade", "h2c")
            .header("alt-svc", "h3=\":443\"")
            .header("x-kept", "yes")
            .body(Body::from(names.join(" ")))
            .unwrap()
    }));
    let house = Plan::over(upstream(router).await).open().await;
    let answer = house
        .get(
            "/almanac",
            &[
                bearer(&active()),
                "Connection: keep-alive, X-Private,x-other".to_owned(),
                "X-Private: 1".to_owned(),
                "X-Other: 1".to_owned(),
                "Keep-Alive: timeout=5".to_owned(),
                "TE: trailers".to_owned(),
                "Trailer: X-Later".to_owned(),
                "Proxy-Authorization: Basic eA==".to_owned(),
                "Proxy-Connection: keep-alive".to_owned(),
                "Upgrade: websocket".to_owned(),
                "Expect: 100-continue".to_owned(),
                "X-Kept: yes".to_owned(),
            ],
        )
        .await;
    let mut names: Vec<String> = String::from_utf8_lossy(&answer.body).split(' ').map(ToOwned::to_owned).collect();
    names.sort();
    assert_eq!(
        names,
        [
            // These two are the gateway's own: it welcomes trailers if its client does.
            "connection",
            "host",
            "request-id",
            "te",
            "via",
            "x-countersign-environment",
            "x-countersign-key",
            "x-countersign-organization",
            "x-kept"
        ]
    );
    for gone in ["x-private", "keep-alive", "proxy-authenticate", "upgrade", "alt-svc"] {
        assert_eq!(answer.header(gone), None, "{gone}");
    }
    assert_eq!(answer.header("x-kept"), Some("yes"));
}

#[tokio::test]
async fn a_forged_trailer_is_dropped_and_the_body_stays_whole() {
    let house = House::before_echo().await;
    let mut stream = house.connect().await;
    let head = format!(
        "POST /almanac HTTP/1.1\r\nHost: g\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: X-Countersign-Key\r\n{}\r\n\r\n",
        bearer(&active())
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(b"5\r\nhello\r\n0\r\nX-Countersign-Key: forged\r\n\r\n").await.unwrap();
    let echo = Answer::read(&mut stream).await.json();
    assert_eq!(echo["body"], "hello");
    assert!(!echo.to_string().contains("forged"));
}

/// Claims: CARD-18
#[tokio::test]
async fn an_answer_is_passed_on_as_it_comes() {
    let (sender, receiver) = mpsc::unbounded_channel::<Result<Bytes, std::io::Error>>();
    let receiver = Arc::new(Mutex::new(Some(receiver)));
    let router = Router::new().fallback(any(move || async move {
        let receiver = receiver.lock().await.take().unwrap();
        Body::from_stream(UnboundedReceiverStream::new(receiver))
    }));
    let house = Plan::over(upstream(router).await).open().await;
    let mut stream = house.connect().await;
    stream.write_all(&request("GET /almanac", &[bearer(&active())], "")).await.unwrap();
    let mut seen = Vec::new();
    // The upstream sends each chunk only after the client has the one before.
    for chunk in ["first", "second", "third"] {
        sender.send(Ok(Bytes::from(chunk))).unwrap();
        while !seen.ends_with(format!("{chunk}\r\n").as_bytes()) {
            assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0);
        }
    }
}

/// Claims: CARD-18
#[tokio::test]
async fn a_request_is_passed_on_as_it_comes() {
    let (sender, mut got) = mpsc::unbounded_channel();
    let router = Router::new().fallback(any(move |request: Request| async move {
        let mut body = request.into_body().into_data_stream();
        while let Some(chunk) = body.next().await {
            sender.send(chunk.unwrap()).unwrap();
        }
        "thanks"
    }));
    let house = Plan::over(upstream(router).await).open().await;
    let mut stream = house.connect().await;
    let head = format!(
        "POST /almanac HTTP/1.1\r\nHost: g\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n{}\r\n\r\n",
        bearer(&active())
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The client sends each chunk only after the upstream has the one before.
    for chunk in ["first", "second", "third"] {
        stream.write_all(format!("{:x}\r\n{chunk}\r\n", chunk.len()).as_bytes()).await.unwrap();
        assert_eq!(got.recv().await.unwrap(), chunk);
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    assert_eq!(Answer::read(&mut stream).await.body, b"thanks");
}

/// Claims: MAST-25
#[tokio::test]
async fn an_upstream_that_is_not_there_is_a_502_with_its_reason() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut house = Plan::over(base).open().await;
    let answer = house.get("/almanac/v1/sun/paris", &[bearer(&active())]).await;
    let row = house.row().await;
    answer.assert_refused(502, "upstream_down", &row);
    assert_eq!((&row.caller, &row.api, row.route.as_str()), (&Some(caller()), &Some(api()), "/v1/sun/{place}"));
    assert!(row.upstream_us.is_some());
    assert!(!String::from_utf8_lossy(&answer.body).contains("127.0.0.1"));
}

/// An upstream that reads a request, writes this, and hangs up.
async fn says(bytes: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut seen = Vec::new();
            while !seen.ends_with(b"\r\n\r\n") && stream.read_buf(&mut seen).await.unwrap_or(0) > 0 {}
            let _ = stream.write_all(bytes.as_bytes()).await;
        }
    });
    base
}

#[tokio::test]
async fn an_upstream_that_breaks_off_before_its_answer_is_a_502() {
    for bytes in ["", "HTTP/1.1 2", "garbage\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"] {
        let mut house = Plan::over(says(bytes).await).open().await;
        let answer = house.get("/almanac", &[bearer(&active())]).await;
        answer.assert_refused(502, "upstream_down", &house.row().await);
    }
}

#[tokio::test]
async fn an_upstream_that_breaks_off_within_its_answer_breaks_the_clients_connection() {
    for bytes in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let mut house = Plan::over(says(bytes).await).open().await;
        let answer = house.get("/almanac", &[bearer(&active())]).await;
        assert_eq!((answer.status, answer.is_whole), (200, false));
        let row = house.row().await;
        assert_eq!((row.status, row.code.as_deref()), (200, Some("upstream_down")));
        assert_eq!(row.response_bytes, 4);
    }
}

/// Claims: MAST-25
#[tokio::test]
async fn an_upstream_that_does_not_answer_in_time_is_a_504() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut plan = Plan::over(format!("http://{}", listener.local_addr().unwrap()));
    plan.timeout = Duration::from_millis(20);
    let mut house = plan.open().await;
    let answer = house.send("POST /almanac/v1/sun/paris", &[bearer(&active())], "all of it").await;
    let row = house.row().await;
    answer.assert_refused(504, "upstream_timeout", &row);
    assert!(row.upstream_us.unwrap() >= 20_000);
}

#[tokio::test]
async fn a_status_of_the_upstream_is_its_own_and_no_refusal() {
    for (bytes, status) in [
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404),
        ("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", 503),
        ("HTTP/1.1 204 No Content\r\n\r\n", 204),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", 401),
        ("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200),
    ] {
        let mut house = Plan::over(says(bytes).await).open().await;
        assert_eq!(house.get("/almanac/nowhere", &[bearer(&active())]).await.status, status);
        let row = house.row().await;
        assert_eq!((row.status, row.code, row.route.as_str()), (status, None, ""));
    }
}

#[tokio::test]
async fn a_client_may_speak_http_2_and_its_cookies_become_one() {
    let mut house = House::before_echo().await;
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Empty<Bytes>>();
    let request = http::Request::get(format!("http://{}/almanac/v1/sun/paris?x", house.address))
        .header("x-api-key", active())
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .body(Empty::new())
        .unwrap();
    let answer = client.request(request).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_2));
    let row = house.row().await;
    assert_eq!(answer.headers()["request-id"], row.id.to_string());
    let echo: serde_json::Value =
        serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap();
    assert_eq!((&echo["target"], told(&echo, "cookie")), (&"/v1/sun/paris?x".into(), vec!["a=1; b=2"]));
    assert_eq!((row.status, row.route.as_str()), (200, "/v1/sun/{place}"));
}

/// What a TLS upstream needs, and the certificate that signs it.
pub fn certified() -> (rustls::ServerConfig, Vec<u8>) {
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = signed.cert.der().to_vec();
    let key = rustls::pki_types::PrivateKeyDer::try_from(signed.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key)
        .unwrap();
    (config, certificate)
}

/// A TLS upstream that answers each connection once. Returns its base URL and the certificate that signs it.
fn tls_upstream() -> (String, Vec<u8>) {
    let (config, certificate) = certified();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let config = Arc::new(config);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let session = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream = rustls::StreamOwned::new(session, stream.unwrap());
            let (mut seen, mut byte) = (Vec::new(), [0]);
            while !seen.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) > 0 {
                seen.push(byte[0]);
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsecret");
            let _ = stream.flush();
        }
    });
    (base, certificate)
}

#[tokio::test]
async fn an_upstream_may_speak_tls_and_must_prove_who_it_is() {
    let (base, certificate) = tls_upstream();
    let mut trusting = Plan::over(&base);
    trusting.roots = vec![certificate];
    let answer = trusting.open().await.get("/almanac", &[bearer(&active())]).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"secret"[..]));
    let mut doubting = Plan::over(&base).open().await;
    let answer = doubting.get("/almanac", &[bearer(&active())]).await;
    answer.assert_refused(502, "upstream_down", &doubting.row().await);
}

#[tokio::test]
async fn connections_to_the_upstream_are_used_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (accepted, mut count) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            accepted.send(()).unwrap();
            tokio::spawn(async move {
                let mut seen = Vec::new();
                while stream.read_buf(&mut seen).await.unwrap_or(0) > 0 {
                    if seen.ends_with(b"\r\n\r\n") {
                        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
                        seen.clear();
                    }
                }
            });
        }
    });
    let house = Plan::over(base).open().await;
    for _ in 0..20 {
        assert_eq!(house.get("/almanac", &[bearer(&active())]).await.status, 200);
    }
    let mut connections = 0;
    while count.try_recv().is_ok() {
        connections += 1;
    }
    assert!(connections < 20, "{connections} connections for 20 requests");
}
