//! The listener: HTTP/1.1 and HTTP/2, bounds on what a client may hold open, and a shutdown that finishes requests.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::Gateway;
use crate::patience::Patient;

/// A client that takes longer for its request line and headers, or is idle for longer, loses its connection.
const HEADERS: Duration = Duration::from_secs(30);

/// All headers of a request together. Keys, cookies and traces need a few kilobytes.
const HEADER_BYTES: usize = 64 * 1024;

/// Requests at once on one HTTP/2 connection: what RFC 9113 §6.5.2 asks for at least, and a bound for everything else.
const STREAMS: u32 = 100;

/// After a failed `accept` (too many open files, mostly), so that the loop does not burn the CPU that would close some.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Time for requests that the drain cut off to record their rows; they only have to be dropped.
const LAST_ROWS: Duration = Duration::from_secs(2);

/// Serves until `shutdown`, and returns when every row is recorded.
///
/// At the shutdown it takes no more connections, lets running requests and upgraded connections finish for
/// [`crate::Settings::drain`], and cuts off the rest.
///
/// # Errors
/// None yet; a listener that fails is tried again.
pub async fn serve(gateway: Gateway, listener: TcpListener, shutdown: CancellationToken) -> anyhow::Result<()> {
    let builder = builder();
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let watcher = graceful.watcher();
                connections.spawn(converse(gateway.clone(), builder.clone(), stream, peer.ip(), watcher));
            }
            Err(error) => {
                tracing::error!("Could not accept a connection: {error}");
                #[expect(clippy::disallowed_methods, reason = "nothing tells when a file descriptor is free")]
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    drain(&gateway, graceful, connections).await;
    Ok(())
}

async fn converse(
    gateway: Gateway,
    builder: Builder<TokioExecutor>,
    stream: TcpStream,
    peer: IpAddr,
    watcher: Watcher,
) {
    // Small answers must not wait for an acknowledgement of the one before.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("A connection ended before it began: {error}");
        return;
    }
    let stream = Patient::new(stream, gateway.inner.client_timeout);
    let carried_request = AtomicBool::new(false);
    let service = service_fn(|request| {
        carried_request.store(true, Ordering::Relaxed);
        let gateway = gateway.clone();
        async move { gateway.answer(request, peer).await }
    });
    let connection = watcher.watch(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
    // The time limit for headers begins when the protocol is known; this one holds before that.
    let silence = async {
        #[expect(clippy::disallowed_methods, reason = "a time limit, not a wait for something to happen")]
        tokio::time::sleep(HEADERS).await;
        if carried_request.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        ended = connection => if let Err(error) = ended {
            tracing::debug!("A connection ended early: {error}");
        },
        () = silence => tracing::debug!("A connection was closed: it carried no request"),
    }
}

async fn drain(gateway: &Gateway, graceful: GracefulShutdown, mut connections: JoinSet<()>) {
    let bound = gateway.inner.drain;
    let ended = async {
        graceful.shutdown().await;
        gateway.inner.tunnels.ended().await;
    };
    if tokio::time::timeout(bound, ended).await.is_err() {
        let left = gateway.inner.open_rows.len();
        tracing::warn!(requests = left, "Cut off {left} requests that did not finish within {bound:?}");
    }
    gateway.inner.tunnels.cut();
    connections.shutdown().await;
    gateway.inner.open_rows.close();
    if tokio::time::timeout(LAST_ROWS, gateway.inner.open_rows.wait()).await.is_err() {
        let left = gateway.inner.open_rows.len();
        tracing::error!(requests = left, "{left} requests did not end; their rows are missing");
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS).max_buf_size(HEADER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HEADERS)
        .keep_alive_timeout(HEADERS)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADER_BYTES as u32);
    builder
}
