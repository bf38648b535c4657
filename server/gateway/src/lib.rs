//! The data plane: authenticate, forward, record.
//!
//! A request to `/{api}/{path}` is answered in this order; the first "no" is the answer:
//!
//! 1. The method may pass a gateway (`TRACE` and `CONNECT` may not): `method_not_allowed`.
//! 2. The path has one meaning: `ambiguous_path`.
//! 3. No key stands in the URL: `key_in_url`. Such a key is not looked at, and no part of the URL is kept.
//! 4. The API exists: `unknown_api`. Before the key, so that a typing error in the URL is not reported as a key problem.
//! 5. Exactly one key: `missing_key`, `several_keys`; well-formed: `malformed_key`; known: `unknown_key`; not
//!    revoked: `revoked_key`; not resting: `paused_key`.
//! 6. The upstream answers: `upstream_down`, `upstream_timeout`.
//!
//! Two things are no requests and leave no row: `GET /healthz`, and what is not HTTP or larger than 64 KiB of headers
//! (the protocol layer answers 400 or 431 and closes the connection).
//!
//! What this crate promises:
//!
//! - Nothing here waits for a database: keys and upstreams are in memory, behind [`ports`].
//! - Every answered request is recorded exactly once, before its last byte is handed over. A row has no place for a
//!   path, a query, a header, an address or a body, and a key that is refused leaves its last four characters at most.
//! - Bodies are opaque and stream both ways; nothing is buffered beyond what the connection holds.
//! - The key that opened the gateway reaches the upstream in no header; who called is said in `X-Countersign-*` headers
//!   that nobody else can set.
//! - Addresses of clients are neither read nor forwarded.
//!
//! # Metrics
//! `countersign_gateway_requests_total{status_class,code}`, `countersign_gateway_duration_seconds`,
//! `countersign_gateway_in_flight`. No label names a person, a key or an organization.

mod answer;
mod authenticate;
mod clock;
mod forward;
mod headers;
mod path;
pub mod ports;
mod problem;
mod record;
pub mod routes;
mod serve;

use std::sync::Arc;
use std::time::Duration;

use contract::keys::hash::KeyHasher;
use tokio_util::task::TaskTracker;

use crate::authenticate::Keyring;
use crate::forward::Forwarder;
pub use crate::ports::{Grant, GrantState, KeyDirectory, RequestSink, Upstream, UpstreamDirectory};
pub use crate::routes::{RouteProblem, Routes};
pub use crate::serve::serve;

/// First path segments that can never name an API: the gateway's own.
pub const RESERVED: [&str; 4] = ["verify", "mau", ".well-known", "healthz"];

/// Below the 30 s after which most supervisors kill, so that the ledger still has time to store the last rows.
const DRAIN: Duration = Duration::from_secs(20);

/// What the gateway must be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What keys start with.
    pub key_prefix: String,
    /// The portal's public address, without a slash at its end: problem documents point to its pages.
    pub portal_url: String,
    /// Hashes presented keys for the lookup.
    pub hasher: KeyHasher,
    /// How long a shutdown waits for running requests.
    pub drain: Duration,
    /// Certificate authorities (X.509, DER) that sign the upstreams' certificates, instead of Mozilla's list; empty
    /// means Mozilla's list.
    pub upstream_roots: Vec<Vec<u8>>,
}

impl Settings {
    /// The three things that have no default.
    #[must_use]
    pub fn new(key_prefix: impl Into<String>, portal_url: impl Into<String>, hasher: KeyHasher) -> Self {
        Self {
            key_prefix: key_prefix.into(),
            portal_url: portal_url.into(),
            hasher,
            drain: DRAIN,
            upstream_roots: Vec::new(),
        }
    }
}

/// The gateway, ready to be served. Cheap to clone; all clones are one gateway.
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

struct Inner {
    portal_url: String,
    drain: Duration,
    keyring: Keyring,
    upstreams: Arc<dyn UpstreamDirectory>,
    forwarder: Forwarder,
    sink: Arc<dyn RequestSink>,
    /// Requests whose row is not recorded yet.
    open_rows: TaskTracker,
}

impl Gateway {
    /// Puts the gateway together; opens no connection.
    ///
    /// # Errors
    /// If one of [`Settings::upstream_roots`] is not a certificate.
    pub fn new(
        settings: Settings,
        keys: Arc<dyn KeyDirectory>,
        upstreams: Arc<dyn UpstreamDirectory>,
        sink: Arc<dyn RequestSink>,
    ) -> anyhow::Result<Self> {
        let forwarder = Forwarder::new(&settings.upstream_roots)?;
        Ok(Self {
            inner: Arc::new(Inner {
                portal_url: settings.portal_url,
                drain: settings.drain,
                keyring: Keyring::new(settings.key_prefix, settings.hasher, keys),
                upstreams,
                forwarder,
                sink,
                open_rows: TaskTracker::new(),
            }),
        })
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gateway")
    }
}
