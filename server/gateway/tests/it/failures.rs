//! Upstreams that misbehave: what is tried again, what the client is told, and when an upstream is left alone.

use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::harness::*;
use crate::wire::*;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// An upstream that hangs up on the second request of its first connection, after it has read it. Tells each request.
async fn hangs_up_once() -> (String, mpsc::UnboundedReceiver<String>) {
    let (sender, requests) = mpsc::unbounded_channel();
    let base = played(move |number, mut wire| {
        let sender = sender.clone();
        async move {
            let mut count = 0;
            while let Some(head) = wire.head().await {
                let _ = sender.send(head);
                if number == 0 && count == 1 {
                    return;
                }
                count += 1;
                wire.try_say(OK).await;
            }
        }
    })
    .await;
    (base, requests)
}

fn drained(requests: &mut mpsc::UnboundedReceiver<String>) -> usize {
    std::iter::from_fn(|| requests.try_recv().ok()).count()
}

#[tokio::test]
async fn a_request_that_meets_a_closing_connection_is_sent_once_more_if_that_is_safe() {
    for (line, body, status, sent) in [
        ("GET /almanac", "", 200, 2),
        ("HEAD /almanac", "", 200, 2),
        ("OPTIONS /almanac", "", 200, 2),
        // A body is gone once it was sent, and what these do might be done already.
        ("GET /almanac", "body", 502, 1),
        ("POST /almanac", "", 502, 1),
        ("PUT /almanac", "", 502, 1),
        ("DELETE /almanac", "", 502, 1),
        ("PATCH /almanac", "", 502, 1),
    ] {
        let (base, mut requests) = hangs_up_once().await;
        let mut house = Plan::over(base).open().await;
        assert_eq!(house.get("/almanac", &[bearer(&active())]).await.status, 200);
        assert_eq!((house.row().await.status, drained(&mut requests)), (200, 1));
        let answer = house.send(line, &[bearer(&active())], body).await;
        assert_eq!((answer.status, drained(&mut requests)), (status, sent), "{line} {body}");
        assert_eq!(house.row().await.status, status);
        assert!(house.close().await.is_empty(), "one answer is one row");
    }
}

#[tokio::test]
async fn a_request_is_sent_twice_at_most() {
    let (sender, mut requests) = mpsc::unbounded_channel();
    let base = played(move |_, mut wire| {
        let sender = sender.clone();
        async move {
            let _ = sender.send(wire.head().await.unwrap());
        }
    })
    .await;
    let mut house = Plan::over(base).open().await;
    let answer = house.get("/almanac", &[bearer(&active())]).await;
    answer.assert_refused(502, "upstream_down", &house.row().await);
    assert_eq!(drained(&mut requests), 2);
}

#[tokio::test]
async fn an_upstream_that_closes_its_idle_connections_is_not_noticed() {
    let (sender, mut closed) = mpsc::unbounded_channel();
    let base = played(move |_, mut wire| {
        let sender = sender.clone();
        async move {
            wire.head().await;
            wire.bytes(4).await;
            // Without a word of it in the answer.
            wire.say(OK).await;
            drop(wire);
            sender.send(()).unwrap();
        }
    })
    .await;
    let house = Plan::over(base).open().await;
    for _ in 0..20 {
        assert_eq!(house.send("POST /almanac", &[bearer(&active())], "body").await.status, 200);
        closed.recv().await.unwrap();
    }
}

#[tokio::test]
async fn an_upstream_that_takes_no_connection_is_left_alone_after_five_tries() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut house = Plan::over(base).open().await;
    for _ in 0..5 {
        assert_eq!(house.get("/almanac", &[bearer(&active())]).await.status, 502);
        assert_eq!(house.row().await.code.as_deref(), Some("upstream_down"));
    }
    let answer = house.get("/almanac", &[bearer(&active())]).await;
    let row = house.row().await;
    answer.assert_refused(503, "upstream_paused", &row);
    let seconds: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=5).contains(&seconds), "{seconds}");
    assert_eq!((row.upstream_us, row.cost), (None, 0));
}

#[tokio::test]
async fn an_upstream_that_does_not_answer_in_time_is_left_alone_after_five_tries() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut plan = Plan::over(format!("http://{}", listener.local_addr().unwrap()));
    plan.timeout = Duration::from_millis(10);
    let house = plan.open().await;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(house.get("/almanac", &[bearer(&active())]).await.status);
    }
    assert_eq!(statuses, [504, 504, 504, 504, 504, 503]);
}

#[tokio::test]
async fn an_upstream_that_answers_is_never_left_alone_whatever_it_says() {
    for said in ["HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", "no"] {
        let base = played(move |_, mut wire| async move {
            wire.head().await;
            wire.say(said).await;
        })
        .await;
        let house = Plan::over(base).open().await;
        for _ in 0..12 {
            let answer = house.send("POST /almanac", &[bearer(&active())], "").await;
            assert!(String::from_utf8_lossy(&answer.body).contains("upstream_down") == (said == "no"));
            assert_ne!(answer.header("content-type").is_some(), said != "no");
        }
    }
}

#[tokio::test]
async fn an_answer_that_comes_before_the_body_was_sent_is_the_answer() {
    let base = played(|_, mut wire| async move {
        wire.head().await;
        // It hangs up on a body that it has not read, which is a reset.
        wire.say("HTTP/1.1 413 No\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig").await;
    })
    .await;
    let mut house = Plan::over(base).open().await;
    let mut client = Wire::to(&house).await;
    client
        .say(format!(
            "POST /almanac HTTP/1.1\r\nHost: g\r\nContent-Length: 5000000\r\n{}\r\n\r\nbegin",
            bearer(&active())
        ))
        .await;
    let head = client.head().await.unwrap();
    assert!(head.starts_with("HTTP/1.1 413 "), "{head}");
    assert_eq!(client.bytes(3).await, "big");
    // What follows of the body is not read as a request: the connection ends.
    client.try_say("GET /almanac HTTP/1.1\r\nHost: g\r\n\r\n").await;
    assert_eq!(client.rest().await, "");
    let row = house.row().await;
    assert_eq!((row.status, row.code, row.response_bytes), (413, None, 3));
    assert!(house.close().await.is_empty());
}

#[tokio::test]
async fn an_upstream_that_trickles_is_waited_for() {
    let base = played(|_, mut wire| async move {
        wire.head().await;
        for byte in OK.bytes() {
            wire.say([byte]).await;
            tokio::task::yield_now().await;
        }
    })
    .await;
    let house = Plan::over(base).open().await;
    let answer = house.get("/almanac", &[bearer(&active())]).await;
    assert_eq!((answer.status, answer.body.as_slice(), answer.is_whole), (200, &b"ok"[..], true));
}

#[tokio::test]
async fn a_reset_within_an_answer_breaks_the_clients_connection() {
    let (sender, seen) = mpsc::unbounded_channel::<()>();
    let seen = std::sync::Arc::new(tokio::sync::Mutex::new(seen));
    let base = played(move |_, mut wire| {
        let seen = seen.clone();
        async move {
            wire.head().await;
            wire.say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await;
            seen.lock().await.recv().await;
            wire.reset();
        }
    })
    .await;
    let mut house = Plan::over(base).open().await;
    let mut client = Wire::to(&house).await;
    client.say(request("GET /almanac", &[bearer(&active())], "")).await;
    assert!(client.until("half").await.ends_with("half"));
    sender.send(()).unwrap();
    assert_eq!(client.rest().await, "");
    let row = house.row().await;
    assert_eq!((row.status, row.code.as_deref(), row.response_bytes), (200, Some("upstream_down"), 4));
}

#[tokio::test]
async fn an_answer_with_odd_framing_is_read_in_one_way_or_not_at_all() {
    for (said, status, body) in [
        ("HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, "until the end"),
        ("HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, "until the end"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, "ok"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", 200, "ok"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!", 502, ""),
        ("HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok", 502, ""),
        ("HTTP/1.1 200 OK\r\nX-A : 1\r\nContent-Length: 2\r\n\r\nok", 502, ""),
        ("HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\nContent-Length: 2\r\n\r\nok", 502, ""),
        ("HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 502, ""),
    ] {
        let base = played(move |_, mut wire| async move {
            wire.head().await;
            wire.say(said).await;
        })
        .await;
        let house = Plan::over(base).open().await;
        let answer = house.get("/almanac", &[bearer(&active())]).await;
        assert_eq!(answer.status, status, "{said}");
        if status == 200 {
            assert_eq!((answer.body.as_slice(), answer.is_whole), (body.as_bytes(), true), "{said}");
        }
    }
}

#[tokio::test]
async fn what_an_upstream_says_unasked_is_nobodys_answer() {
    let base = played(|number, mut wire| async move {
        while wire.head().await.is_some() {
            let poison = if number == 0 { "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison" } else { "" };
            wire.try_say(format!("{OK}{poison}")).await;
        }
    })
    .await;
    let house = Plan::over(base).open().await;
    for _ in 0..5 {
        let answer = house.get("/almanac", &[bearer(&active())]).await;
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"ok"[..]));
    }
}

/// A place where nothing listens.
async fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn a_request_goes_to_the_next_place_when_one_takes_no_connection_with_its_whole_body() {
    let mut plan = Plan::over(nowhere().await);
    plan.more = vec![echo().await, nowhere().await];
    let mut house = plan.open().await;
    // More often than an upstream may fail before it is left alone: one of its places is there.
    for number in 0..12 {
        let body = format!("body {number}");
        let answer = house.send("POST /almanac", &[bearer(&active())], &body).await;
        assert_eq!((answer.status, &answer.json()["body"]), (200, &serde_json::json!(body)));
        assert_eq!(house.row().await.code, None);
    }
}

#[tokio::test]
async fn places_take_turns() {
    let (sender, mut asked) = mpsc::unbounded_channel();
    let place = |name: &'static str| {
        let sender = sender.clone();
        played(move |_, mut wire| {
            let sender = sender.clone();
            async move {
                while wire.head().await.is_some() {
                    sender.send(name).unwrap();
                    wire.say(OK).await;
                }
            }
        })
    };
    let mut plan = Plan::over(place("first").await);
    plan.more = vec![place("second").await];
    let house = plan.open().await;
    let mut turns = Vec::new();
    for _ in 0..4 {
        assert_eq!(house.get("/almanac", &[bearer(&active())]).await.status, 200);
        turns.push(asked.recv().await.unwrap());
    }
    assert_eq!(turns, ["first", "second", "first", "second"]);
}

#[tokio::test]
async fn when_no_place_takes_a_connection_the_upstream_is_down() {
    let mut plan = Plan::over(nowhere().await);
    plan.more = vec![nowhere().await];
    let mut house = plan.open().await;
    let answer = house.send("POST /almanac", &[bearer(&active())], "body").await;
    answer.assert_refused(502, "upstream_down", &house.row().await);
}

#[tokio::test]
async fn a_request_that_was_begun_at_one_place_is_not_sent_to_another() {
    let (sender, mut asked) = mpsc::unbounded_channel();
    let place = || {
        let sender = sender.clone();
        played(move |_, mut wire| {
            let sender = sender.clone();
            async move {
                sender.send(wire.head().await.unwrap()).unwrap();
            }
        })
    };
    let mut plan = Plan::over(place().await);
    plan.more = vec![place().await];
    let mut house = plan.open().await;
    let answer = house.send("POST /almanac", &[bearer(&active())], "body").await;
    answer.assert_refused(502, "upstream_down", &house.row().await);
    assert_eq!(drained(&mut asked), 1);
}
