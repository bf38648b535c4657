//! A shutdown finishes what runs, within bounds.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::harness::*;

#[tokio::test]
async fn a_shutdown_finishes_a_running_request_and_takes_no_new_one() {
    let (started, mut has_started) = mpsc::unbounded_channel();
    let (release, released) = mpsc::unbounded_channel::<()>();
    let released = std::sync::Arc::new(tokio::sync::Mutex::new(released));
    let router = Router::new().fallback(get(move || async move {
        started.send(()).unwrap();
        released.lock().await.recv().await.unwrap();
        "done"
    }));
    let mut house = Plan::over(upstream(router).await).open().await;
    let mut stream = house.connect().await;
    stream.write_all(&request("GET /almanac", &[bearer(&active())], "")).await.unwrap();
    has_started.recv().await.unwrap();
    // An idle connection must not hold the shutdown up.
    let _idle = house.connect().await;
    house.shutdown.cancel();
    // The listener is gone as soon as a connection is refused.
    while TcpStream::connect(house.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    release.send(()).unwrap();
    let answer = Answer::read(&mut stream).await;
    assert_eq!((answer.status, answer.body.as_slice(), answer.is_whole), (200, &b"done"[..], true));
    assert_eq!(house.row().await.status, 200);
    assert!(house.close().await.is_empty());
}

#[tokio::test]
async fn a_shutdown_cuts_off_what_does_not_end_and_still_records_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut plan = Plan::over(format!("http://{}", listener.local_addr().unwrap()));
    plan.drain = Duration::from_millis(20);
    let house = plan.open().await;
    let mut stream = house.connect().await;
    stream.write_all(&request("GET /almanac/v1/sun/paris", &[bearer(&active())], "")).await.unwrap();
    let (_silent, _) = listener.accept().await.unwrap();
    let rows = house.close().await;
    let rows: Vec<_> = rows.iter().map(|row| (row.status, row.route.as_str())).collect();
    assert_eq!(rows, [(499, "/v1/sun/{place}")]);
}
