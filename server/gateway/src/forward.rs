//! To the upstream and back. Bodies are opaque and stream; connections are pooled per upstream.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use contract::Refusal;
use http::uri::{PathAndQuery, Uri};
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use crate::ports::Upstream;
use crate::record::Recorder;

/// Node.js closes idle connections after 5 s; a request that meets the closing is lost, so we close first.
const IDLE: Duration = Duration::from_secs(4);

/// A host that does not even shake hands within this time is down, not slow.
const CONNECT: Duration = Duration::from_secs(5);

/// Why there is no answer to pass on.
pub(crate) enum Failure {
    /// The upstream is to blame.
    Refused(Refusal),
    /// The client broke off its request, or stopped sending it.
    Gone,
}

/// Sends requests to upstreams.
pub(crate) struct Forwarder {
    client: Client<HttpsConnector<HttpConnector>, RequestBody>,
}

impl Forwarder {
    pub(crate) fn new(roots: &[Vec<u8>]) -> anyhow::Result<Self> {
        // The provider is named, because a process-wide default is whoever's came first.
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?;
        let tls = if roots.is_empty() {
            tls.with_webpki_roots()
        } else {
            let mut store = RootCertStore::empty();
            for root in roots {
                store.add(CertificateDer::from(root.clone())).context("upstream_roots: not a certificate")?;
            }
            tls.with_root_certificates(store)
        };
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls.with_no_client_auth())
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        Ok(Self { client })
    }

    /// Sends a request and waits until its answer begins. `path` is what was matched, from the slash after the slug.
    pub(crate) async fn forward(
        &self,
        upstream: &Upstream,
        method: &Method,
        (path, query): (&str, Option<&str>),
        headers: HeaderMap,
        body: Incoming,
        recorder: &mut Recorder,
    ) -> Result<Response<Incoming>, Failure> {
        let upload = Arc::new(Upload::begin());
        let mut request = Request::new(RequestBody { body, upload: upload.clone() });
        *request.method_mut() = method.clone();
        *request.uri_mut() = target(&upstream.base, path, query).ok_or(Failure::Refused(Refusal::AmbiguousPath))?;
        *request.headers_mut() = headers;
        let answered = self.send(request, &upload, upstream.timeout).await;
        recorder.waited(upload.began.elapsed());
        match answered {
            // An upgrade was not asked for; a connection that switched is of no use to the client.
            Ok(answer) if answer.status() == StatusCode::SWITCHING_PROTOCOLS => {
                tracing::warn!(api = upstream.slug, "Upstream `{}` switched protocols unasked", upstream.slug);
                Err(Failure::Refused(Refusal::UpstreamDown))
            }
            Ok(mut answer) => {
                *answer.version_mut() = Version::HTTP_11;
                answer.extensions_mut().clear();
                Ok(answer)
            }
            Err(Silence::Client) => Err(Failure::Gone),
            Err(Silence::Broken(error)) => {
                tracing::warn!(api = upstream.slug, "Upstream `{}` did not answer: {error:#}", upstream.slug);
                Err(Failure::Refused(Refusal::UpstreamDown))
            }
            Err(Silence::Upstream) => {
                let waited_s = u32::try_from(upstream.timeout.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX);
                Err(Failure::Refused(Refusal::UpstreamTimeout { waited_s }))
            }
        }
    }

    async fn send(
        &self,
        request: Request<RequestBody>,
        upload: &Upload,
        limit: Duration,
    ) -> Result<Response<Incoming>, Silence> {
        let mut answer = self.client.request(request);
        loop {
            let deadline = upload.last_moved() + limit;
            tokio::select! {
                biased;
                answered = &mut answer => {
                    return answered.map_err(|error| match upload.state() {
                        State::Broke => Silence::Client,
                        _ => Silence::Broken(error.into()),
                    });
                }
                () = tokio::time::sleep_until(deadline.into()) => {}
            }
            if upload.last_moved() + limit <= deadline {
                return Err(if upload.state() == State::AwaitsClient { Silence::Client } else { Silence::Upstream });
            }
        }
    }
}

/// Why no answer began.
enum Silence {
    Client,
    Upstream,
    Broken(anyhow::Error),
}

/// Where a request goes: the upstream's base with its path before ours.
fn target(base: &Uri, path: &str, query: Option<&str>) -> Option<Uri> {
    let mut text = String::with_capacity(base.path().len() + path.len() + query.map_or(0, |query| query.len() + 1));
    text.push_str(base.path().trim_end_matches('/'));
    text.push_str(path);
    if let Some(query) = query {
        text.push('?');
        text.push_str(query);
    }
    let mut parts = base.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(text).ok()?);
    Uri::from_parts(parts).ok()
}

/// How far the request's body has come: tells a slow upstream from a client that stopped sending.
struct Upload {
    began: Instant,
    /// Microseconds from `began` to the last byte that moved.
    moved_us: AtomicU64,
    state: AtomicU8,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Nobody waits, or the upstream does not take what there is.
    Open = 0,
    /// The upstream would take more.
    AwaitsClient = 1,
    Ended = 2,
    /// The client broke off.
    Broke = 3,
}

impl Upload {
    fn begin() -> Self {
        Self { began: Instant::now(), moved_us: AtomicU64::new(0), state: AtomicU8::new(State::Open as u8) }
    }

    fn last_moved(&self) -> Instant {
        self.began + Duration::from_micros(self.moved_us.load(Ordering::Relaxed))
    }

    fn moved(&self) {
        let moved = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.moved_us.store(moved, Ordering::Relaxed);
    }

    fn is(&self, state: State) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    fn state(&self) -> State {
        match self.state.load(Ordering::Relaxed) {
            0 => State::Open,
            1 => State::AwaitsClient,
            2 => State::Ended,
            _ => State::Broke,
        }
    }
}

/// The client's body on its way to the upstream, without its trailers: they could carry what its headers may not.
struct RequestBody {
    body: Incoming,
    upload: Arc<Upload>,
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.upload.is(State::AwaitsClient);
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        self.upload.moved();
        Poll::Ready(match frame {
            Some(Ok(frame)) if frame.is_data() => {
                self.upload.is(State::Open);
                Some(Ok(frame))
            }
            Some(Err(error)) => {
                self.upload.is(State::Broke);
                Some(Err(error))
            }
            Some(Ok(_)) | None => {
                self.upload.is(State::Ended);
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_path_goes_before_what_was_matched() {
        for (base, path, query, wanted) in [
            ("http://up.test", "/", None, "http://up.test/"),
            ("http://up.test:81/", "/v1/x", Some("a=%20b&c"), "http://up.test:81/v1/x?a=%20b&c"),
            ("https://up.test/api/", "/v1/%7e", Some(""), "https://up.test/api/v1/%7e?"),
            ("https://up.test/api", "/", None, "https://up.test/api/"),
        ] {
            let target = target(&Uri::from_static(base), path, query).map(|uri| uri.to_string());
            assert_eq!(target.as_deref(), Some(wanted));
        }
    }
}
