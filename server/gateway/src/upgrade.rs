//! WebSocket: a request that becomes a connection.
//!
//! - An upgrade is forwarded only if the request is one by RFC 6455 §4.1 and RFC 9110 §7.8. Every other `Upgrade` is a
//!   header of one connection and stays there; the request is forwarded as what it is without it.
//! - No byte behind the request passes before the upstream said 101. If it says something else, what the client sent
//!   too early is its next request, and checked as one.
//! - Afterwards bytes pass both ways and are not looked at. The row is recorded when the connection ends.
//! - A key that stops opening the gateway ends its connections too, within a second.
//! - An API has so many of them open and no more: each holds two connections for as long as its client likes.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use contract::ApiId;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION,
    TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::{Method, Response, StatusCode, Version};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::headers::lists;
use crate::record::Recorder;

const WEBSOCKET: &str = "websocket";

/// A key is looked up this often while it holds a connection: as long as a revocation may take to reach a process.
const LOOK: Duration = Duration::from_secs(1);

/// The upstream ends a WebSocket first (RFC 6455 §7.1.1); a client that then still holds on has nobody to talk to.
const GOODBYE: Duration = Duration::from_secs(5);

/// The client's side of an upgrade to WebSocket, if the request asks for one as it should.
pub(crate) fn asked(parts: &Parts) -> Option<OnUpgrade> {
    // Nothing but an upgrade has this.
    let client = parts.extensions.get::<OnUpgrade>()?;
    let headers = &parts.headers;
    let is_handshake = parts.method == Method::GET
        && parts.version == Version::HTTP_11
        && headers.contains_key(HOST)
        && lists(headers, &CONNECTION, "upgrade")
        && only(headers, &UPGRADE).is_some_and(|value| value.trim_ascii().eq_ignore_ascii_case(WEBSOCKET.as_bytes()))
        && only(headers, &SEC_WEBSOCKET_VERSION) == Some(b"13")
        && only(headers, &SEC_WEBSOCKET_KEY).is_some_and(is_nonce)
        && !headers.contains_key(CONTENT_LENGTH)
        && !headers.contains_key(TRANSFER_ENCODING);
    is_handshake.then(|| client.clone())
}

/// Whether an answer is the one that such a request asked for.
pub(crate) fn is_granted<B>(answer: &Response<B>) -> bool {
    answer.status() == StatusCode::SWITCHING_PROTOCOLS
        && lists(answer.headers(), &CONNECTION, "upgrade")
        && only(answer.headers(), &UPGRADE).is_some_and(|value| value.eq_ignore_ascii_case(WEBSOCKET.as_bytes()))
}

/// Says it on the next connection, in either direction.
pub(crate) fn say(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static(WEBSOCKET));
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none()).map(HeaderValue::as_bytes)
}

/// Sixteen bytes in Base64.
fn is_nonce(value: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || [b'+', b'/'].contains(byte);
    value.trim_ascii().strip_suffix(b"==").is_some_and(|digits| digits.len() == 22 && digits.iter().all(is_digit))
}

/// Two connections that become one as soon as both sides have switched. Travels in the extensions of the 101.
#[derive(Clone)]
pub(crate) struct Tunnel {
    pub(crate) client: OnUpgrade,
    pub(crate) upstream: OnUpgrade,
    /// Absent until it is known that there is one for it.
    pub(crate) place: Option<Arc<Place>>,
}

/// One of the connections that an API may have open; free again when it is dropped.
pub(crate) struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Every open tunnel.
pub(crate) struct Tunnels {
    open: TaskTracker,
    cut: CancellationToken,
    bounds: TunnelBounds,
    /// How many each API has open. Only upgrades ask, so a lock is quick enough.
    places: Mutex<HashMap<ApiId, Arc<AtomicUsize>>>,
}

/// What upgraded connections may take.
#[derive(Clone, Copy)]
pub(crate) struct TunnelBounds {
    /// How many may be open to one API at once.
    pub(crate) max: usize,
    /// How long nothing may pass. A client that is gone without a word holds two connections open; whoever is there
    /// sends a ping more often.
    pub(crate) silence: Duration,
}

impl Tunnels {
    pub(crate) fn new(bounds: TunnelBounds) -> Self {
        Self { open: TaskTracker::new(), cut: CancellationToken::new(), bounds, places: Mutex::default() }
    }

    /// A place among the connections of an API, if one is free.
    pub(crate) fn place(&self, api: ApiId) -> Option<Arc<Place>> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let open = places.entry(api).or_default();
        // Under the lock, so that two at once do not both take the last one.
        if open.load(Ordering::Relaxed) >= self.bounds.max {
            return None;
        }
        open.fetch_add(1, Ordering::Relaxed);
        Some(Arc::new(Place(open.clone())))
    }

    /// Passes bytes until either side, a long silence, a key that is open no more or a shutdown ends it; then records
    /// the row.
    pub(crate) fn begin(&self, tunnel: Tunnel, recorder: Recorder, is_open: impl Fn() -> bool + Send + 'static) {
        self.open.spawn(run(tunnel, recorder, self.cut.clone(), self.bounds.silence, closed(is_open)));
    }

    /// Waits until all have ended. Nothing may begin any more.
    pub(crate) async fn ended(&self) {
        self.open.close();
        self.open.wait().await;
    }

    /// Ends all.
    pub(crate) fn cut(&self) {
        self.cut.cancel();
    }
}

/// Ends when the key is open no more.
async fn closed(is_open: impl Fn() -> bool) {
    let mut looks = tokio::time::interval(LOOK);
    while is_open() {
        looks.tick().await;
    }
}

async fn run(
    tunnel: Tunnel,
    mut recorder: Recorder,
    cut: CancellationToken,
    silence: Duration,
    closed: impl Future<Output = ()>,
) {
    // Held until the end.
    let _place = tunnel.place;
    let switched = async { tokio::try_join!(tunnel.client, tunnel.upstream) };
    let sides = tokio::select! {
        biased;
        () = cut.cancelled() => return,
        sides = switched => sides,
    };
    let (client, upstream) = match sides {
        Ok((client, upstream)) => (client, upstream),
        Err(error) => {
            tracing::debug!("A connection was to become a WebSocket and ended: {error}");
            return;
        }
    };
    let meter = Arc::new(Meter::begin());
    let mut client = Metered { io: TokioIo::new(client), meter: meter.clone() };
    let mut upstream = TokioIo::new(upstream);
    tokio::select! {
        biased;
        () = cut.cancelled() => tracing::debug!("A WebSocket was cut off by the shutdown"),
        () = closed => tracing::debug!("A WebSocket was closed: its key opens the gateway no more"),
        () = meter.silence(silence) => tracing::debug!("A WebSocket was closed: nothing passed for {silence:?}"),
        ended = tokio::io::copy_bidirectional(&mut client, &mut upstream) => if let Err(error) = ended {
            tracing::debug!("A WebSocket broke off: {error}");
        },
    }
    recorder.sent(usize::try_from(meter.sent.load(Ordering::Relaxed)).unwrap_or(usize::MAX));
    recorder.finish();
}

/// What passed at the client's side.
struct Meter {
    began: Instant,
    /// The client was told that nothing follows.
    closing: Notify,
    /// Milliseconds from `began` to the last byte.
    moved_ms: AtomicU64,
    /// Bytes to the client.
    sent: AtomicU64,
}

impl Meter {
    fn begin() -> Self {
        Self { began: Instant::now(), closing: Notify::new(), moved_ms: AtomicU64::new(0), sent: AtomicU64::new(0) }
    }

    fn moved(&self) {
        let moved = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved_ms.store(moved, Ordering::Relaxed);
    }

    /// Ends when nothing has passed for long, or soon after the client was told that nothing follows.
    async fn silence(&self, silence: Duration) {
        loop {
            let last = self.moved_ms.load(Ordering::Relaxed);
            tokio::select! {
                biased;
                () = self.closing.notified() => {
                    tokio::time::sleep_until((Instant::now() + GOODBYE).into()).await;
                    return;
                }
                () = tokio::time::sleep_until((self.began + Duration::from_millis(last) + silence).into()) => {}
            }
            if self.moved_ms.load(Ordering::Relaxed) == last {
                return;
            }
        }
    }
}

/// A connection that counts.
struct Metered<T> {
    io: T,
    meter: Arc<Meter>,
}

impl<T: AsyncRead + Unpin> AsyncRead for Metered<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let read = ready!(Pin::new(&mut self.io).poll_read(context, to));
        self.meter.moved();
        Poll::Ready(read)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Metered<T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write(context, bytes));
        self.meter.moved();
        if let Ok(written) = &written {
            self.meter.sent.fetch_add(*written as u64, Ordering::Relaxed);
        }
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.meter.closing.notify_one();
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_sixteen_bytes_in_base64() {
        assert!(is_nonce(b"dGhlIHNhbXBsZSBub25jZQ=="));
        for other in ["", "==", "dGhlIHNhbXBsZSBub25jZ===", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jé=="] {
            assert!(!is_nonce(other.as_bytes()), "{other}");
        }
    }
}
