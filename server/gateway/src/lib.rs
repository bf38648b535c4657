//! The data plane: authenticate, admit, forward, record.
//!
//! A request to `/{api}/{path}` is answered in the order of [`contract::checks::CHECKS`]; the first "no" is the answer,
//! and it costs nothing. `POST /verify` goes the same way and stops before the upstream.
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
//! - Addresses of clients are compared and forgotten ([`AddressMeters`]); they are neither recorded nor forwarded.
//!
//! # Metrics
//! `countersign_gateway_requests_total{status_class,code}`, `countersign_gateway_duration_seconds`,
//! `countersign_gateway_in_flight`. No label names a person, a key or an organization.

mod address;
mod admit;
mod answer;
mod authenticate;
mod clock;
mod cors;
mod forward;
#[cfg(test)]
mod fuzz;
mod headers;
mod host;
mod limit;
mod measures;
mod path;
mod patience;
pub mod ports;
mod problem;
mod quota;
mod record;
pub mod routes;
mod serve;
mod standing;
mod upgrade;
mod verify;

use std::sync::Arc;
use std::time::Duration;

use contract::keys::hash::KeyHasher;
use ipnet::IpNet;
use tokio_util::task::TaskTracker;

pub use crate::address::{AddressMeters, client_of};
use crate::authenticate::Keyring;
use crate::forward::Forwarder;
pub use crate::forward::{NameDirectory, Places, Reachable, SystemNames};
pub use crate::limit::Meter;
use crate::measures::Measures;
pub use crate::ports::{
    Grant, GrantState, Identity, KeyDirectory, Ports, RequestSink, RouteMeters, Subscription, SubscriptionDirectory,
    Upstream, UpstreamDirectory,
};
pub use crate::quota::{Counted, LeaseState, Spent, Windows};
pub use crate::routes::{Operation, RouteProblem, Routes};
pub use crate::serve::serve;
use crate::upgrade::{TunnelBounds, Tunnels};
use crate::verify::ServiceTokens;

/// First path segments that can never name an API: the gateway's own.
pub const RESERVED: [&str; 4] = ["verify", "mau", ".well-known", "healthz"];

/// Below the 30 s after which most supervisors kill, so that the ledger still has time to store the last rows.
const DRAIN: Duration = Duration::from_secs(20);

/// A phone in a tunnel is back by then.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(60);

/// Two thousand sockets for each API, where systems allow a process tens of thousands.
const UPGRADES_MAX: usize = 1_000;

/// Libraries send a ping at least every minute or two.
const UPGRADE_IDLE: Duration = Duration::from_secs(10 * 60);

/// What the gateway must be told.
#[derive(Clone)]
pub struct Settings {
    /// What keys start with.
    pub key_prefix: String,
    /// The portal's public address, without a slash at its end: problem documents point to its pages.
    pub portal_url: String,
    /// Hashes presented keys for the lookup.
    pub hasher: KeyHasher,
    /// How long a shutdown waits for running requests.
    pub drain: Duration,
    /// How long a client may take nothing of its answer.
    pub client_timeout: Duration,
    /// How many upgraded connections may be open to one API.
    pub upgrades_max: usize,
    /// How long nothing may pass on an upgraded connection.
    pub upgrade_idle: Duration,
    /// Proxies whose word in `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<IpNet>,
    /// What opens `POST /verify`; with none it stays closed.
    pub service_tokens: Vec<String>,
    /// Certificate authorities (X.509, DER) that sign the upstreams' certificates, instead of Mozilla's list; empty
    /// means Mozilla's list.
    pub upstream_roots: Vec<Vec<u8>>,
    /// To which addresses of upstreams it connects.
    pub reachable: Reachable,
    /// Where it finds the addresses of their names.
    pub names: Arc<dyn NameDirectory>,
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
            client_timeout: CLIENT_TIMEOUT,
            upgrades_max: UPGRADES_MAX,
            upgrade_idle: UPGRADE_IDLE,
            trusted_proxies: Vec::new(),
            service_tokens: Vec::new(),
            upstream_roots: Vec::new(),
            reachable: Reachable::default(),
            names: Arc::new(SystemNames),
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
    ports: Ports,
    trusted_proxies: Vec<IpNet>,
    service_tokens: ServiceTokens,
    forwarder: Forwarder,
    measures: Arc<Measures>,
    /// Requests whose row is not recorded yet.
    open_rows: TaskTracker,
    /// Connections that were upgraded.
    tunnels: Tunnels,
    client_timeout: Duration,
}

impl Gateway {
    /// Puts the gateway together; opens no connection.
    ///
    /// # Errors
    /// If one of [`Settings::upstream_roots`] is not a certificate.
    pub fn new(settings: Settings, ports: Ports) -> anyhow::Result<Self> {
        let forwarder = Forwarder::new(&settings.upstream_roots, settings.reachable, &settings.names)?;
        Ok(Self {
            inner: Arc::new(Inner {
                portal_url: settings.portal_url,
                drain: settings.drain,
                service_tokens: ServiceTokens::new(settings.service_tokens),
                keyring: Keyring::new(settings.key_prefix, settings.hasher, ports.keys.clone()),
                ports,
                trusted_proxies: settings.trusted_proxies,
                forwarder,
                measures: Arc::new(Measures::new()),
                open_rows: TaskTracker::new(),
                tunnels: Tunnels::new(TunnelBounds { max: settings.upgrades_max, silence: settings.upgrade_idle }),
                client_timeout: settings.client_timeout,
            }),
        })
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Holds tokens.
        f.write_str("Settings")
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gateway")
    }
}
