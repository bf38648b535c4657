//! Connections to upstreams: three clients that share nothing but their certificates.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use super::reach::{Connector, NameDirectory, Reachable};
use super::upload::RequestBody;

/// Node.js closes idle connections after 5 s; a request that meets the closing is lost, so we close first.
const IDLE: Duration = Duration::from_secs(4);

/// A host that does not even shake hands within this time is down, not slow.
const CONNECT: Duration = Duration::from_secs(5);

/// Requests share a connection over HTTP/2: one that is dead without a word must be found out, not used again.
const PING: Duration = Duration::from_secs(5);

/// All headers of an answer together: as much as the gateway takes from clients.
const HEADER_BYTES: u32 = 64 * 1024;

pub(super) type Client = Legacy<HttpsConnector<Connector>, RequestBody>;

/// How a request reaches an upstream. Over TLS the upstream chooses between HTTP/2 and HTTP/1.1 (ALPN).
pub(super) struct Clients {
    /// For every request: connections are kept and used again.
    ///
    /// A request that meets a connection which is closed before the request was begun is sent over another one, whatever
    /// its method: not a byte of it left the gateway. That is all that `retry_canceled_requests` covers (on by default):
    /// hyper gives the request back only if its connection never took it. What was begun is up to the caller.
    pub(super) pooled: Client,
    /// For a second try: each request has a connection of its own.
    pub(super) fresh: Client,
    /// For upgrades, which exist in HTTP/1.1 only: a connection of its own, and no HTTP/2 over TLS.
    pub(super) upgrading: Client,
}

impl Clients {
    pub(super) fn new(roots: &[Vec<u8>], reachable: Reachable, names: &Arc<dyn NameDirectory>) -> anyhow::Result<Self> {
        let tcp = || tcp(reachable, names.clone());
        let tls = tls(roots)?;
        let any = || HttpsConnectorBuilder::new().with_tls_config(tls.clone()).https_or_http().enable_all_versions();
        let http1 = || HttpsConnectorBuilder::new().with_tls_config(tls.clone()).https_or_http().enable_http1();
        Ok(Self {
            pooled: client(any().wrap_connector(tcp()), usize::MAX),
            fresh: client(any().wrap_connector(tcp()), 0),
            upgrading: client(http1().wrap_connector(tcp()), 0),
        })
    }
}

fn tls(roots: &[Vec<u8>]) -> anyhow::Result<ClientConfig> {
    // The provider is named, because a process-wide default is whoever's came first.
    let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
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
    Ok(tls.with_no_client_auth())
}

fn tcp(reachable: Reachable, names: Arc<dyn NameDirectory>) -> Connector {
    let mut connector = Connector::new(reachable, names);
    let tcp = connector.tcp();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT));
    connector
}

/// `kept` is how many idle connections to one upstream may wait; with none, there is no pool.
fn client(connector: HttpsConnector<Connector>, kept: usize) -> Client {
    Legacy::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(kept)
        .http1_max_buf_size(HEADER_BYTES as usize)
        .http2_max_header_list_size(HEADER_BYTES)
        .http2_keep_alive_interval(PING)
        .http2_keep_alive_timeout(PING)
        .build(connector)
}
