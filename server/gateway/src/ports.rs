//! What the gateway asks of the rest of the system: four ports, none of which may wait but for a share of a quota that
//! several processes spend from.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use contract::apis::PrivacyProfile;
use contract::keys::hash::KeyHash;
use contract::limits::{Limit, Quota};
use contract::request_logs::{Caller, RequestRow};
use contract::{ApiId, Environment, KeyId, Millis, OrganizationId};
use http::HeaderValue;
use ipnet::IpNet;

use crate::{AddressMeters, Meter, Places, Routes, Spent};

/// What is known of a key's secret.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Whether it opens the gateway.
    pub state: GrantState,
    /// Whose it is.
    pub caller: Caller,
    /// From when on it does not open the gateway any more.
    pub expires_at: Option<Millis>,
    /// What it may do; nothing listed means everything.
    pub scopes: Vec<String>,
    /// From where it works; nothing listed means from everywhere.
    pub networks: Vec<IpNet>,
    /// The key's own limit.
    pub meter: Option<Meter>,
    /// The limit of its organization.
    pub organization: Option<Meter>,
    /// Its limits at routes.
    pub routes: Arc<RouteMeters>,
    /// Whose it is, as the upstream is told.
    pub identity: Identity,
}

/// Who calls, as values of headers: written once, because they go with every request.
#[derive(Clone, Debug)]
pub struct Identity {
    pub(crate) key: HeaderValue,
    pub(crate) organization: HeaderValue,
    pub(crate) environment: HeaderValue,
}

impl Identity {
    /// The ids of a caller; always plain ASCII.
    #[must_use]
    pub fn of(caller: &Caller) -> Self {
        let value = |text: String| HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
        Self {
            key: value(caller.key.to_string()),
            organization: value(caller.organization.to_string()),
            environment: HeaderValue::from_static(caller.environment.word()),
        }
    }
}

impl Grant {
    /// A grant without limits and conditions.
    #[must_use]
    pub fn new(state: GrantState, caller: Caller) -> Self {
        Self {
            state,
            identity: Identity::of(&caller),
            caller,
            expires_at: None,
            scopes: Vec::new(),
            networks: Vec::new(),
            meter: None,
            organization: None,
            routes: Arc::default(),
        }
    }
}

/// The limits of one key at routes that have one: made when the key first calls the route.
#[derive(Debug, Default)]
pub struct RouteMeters(papaya::HashMap<(ApiId, usize), Meter>);

impl RouteMeters {
    pub(crate) fn of(&self, api: ApiId, route: usize, limit: Limit) -> Meter {
        let meters = self.0.pin();
        let meter = meters.get_or_insert_with((api, route), || Meter::new(limit));
        if meter.limit() == limit {
            return meter.clone();
        }
        let changed = Meter::keeping(limit, meter);
        meters.insert((api, route), changed.clone());
        changed
    }
}

/// Whether a key opens the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantState {
    /// It does.
    Active,
    /// It does not, and never will again.
    Revoked,
    /// It does not while no owner of its organization is in good standing.
    Paused,
}

/// Finds keys.
pub trait KeyDirectory: Send + Sync + 'static {
    /// The key with this hash. Answers from memory: it runs once per request and must never wait.
    fn find(&self, hash: &KeyHash) -> Option<Arc<Grant>>;

    /// What may be shown of a text that looks like a key which was imported from another system; `None` for every other
    /// text. Asked only for texts that are no keys of ours.
    fn imported(&self, text: &str) -> Option<String> {
        let _ = text;
        None
    }

    /// A key was found by another hash than it would have today: by one under an older pepper, or by the SHA-256 with
    /// which it was imported. Must not wait; whether and when it is known by the new hash is not the gateway's.
    fn outdated(&self, key: KeyId, known: KeyHash, newest: KeyHash) {
        let _ = (key, known, newest);
    }
}

/// An API that the gateway forwards to.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Its id.
    pub id: ApiId,
    /// First path segment at the gateway.
    pub slug: String,
    /// Where it is: `http` or `https`, an authority, and a path that goes before every forwarded path.
    pub places: Arc<Places>,
    /// Its route templates.
    pub routes: Routes,
    /// How long it may take until its answer begins, counted from the last byte of the request that moved.
    pub timeout: Duration,
    /// Largest body of a request, in bytes.
    pub body_max: u64,
    /// Whether a request that cannot be written down is refused rather than forwarded.
    pub log_required: bool,
    /// The one environment whose keys it takes; both if absent.
    pub environment: Option<Environment>,
    /// Sites whose pages may call it, as browsers write them in `Origin` (RFC 6454 §7); nothing listed means that the
    /// header is not looked at.
    pub origins: Vec<String>,
    /// The limit of each client address.
    pub addresses: Option<Arc<AddressMeters>>,
    /// What the log keeps of those who call it.
    pub privacy: PrivacyProfile,
}

/// Ten mebibytes: what an API takes unless its owner says otherwise.
const BODY_MAX: u64 = 10 * 1024 * 1024;

impl Upstream {
    /// An API without conditions of its own.
    #[must_use]
    pub fn new(id: ApiId, slug: impl Into<String>, base: http::Uri, routes: Routes, timeout: Duration) -> Self {
        Self {
            id,
            slug: slug.into(),
            places: Arc::new(Places::new(base, Vec::new())),
            routes,
            timeout,
            body_max: BODY_MAX,
            log_required: false,
            environment: None,
            origins: Vec::new(),
            addresses: None,
            privacy: PrivacyProfile::default(),
        }
    }
}

/// Finds APIs.
pub trait UpstreamDirectory: Send + Sync + 'static {
    /// The API under this first path segment. Answers from memory: it runs once per request and must never wait.
    fn find(&self, slug: &str) -> Option<Arc<Upstream>>;
}

/// What an organization may use of an API.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// The limit of its plan, over all keys of the organization.
    pub meter: Option<Meter>,
    /// The quota of its plan.
    pub quota: Option<Quota>,
    /// What was spent.
    pub spent: Arc<Spent>,
}

impl Subscription {
    /// Units left of its quota, and beside it, if it has one.
    #[must_use]
    pub fn remaining(&self, at: Millis) -> Option<i64> {
        self.quota.map(|quota| self.spent.reading(quota, at).remaining)
    }
}

/// Finds subscriptions.
pub trait SubscriptionDirectory: Send + Sync + 'static {
    /// What the organization may use of the API; `None` if it has no plan for it. Answers from memory.
    fn find(&self, organization: OrganizationId, upstream: &Upstream) -> Option<Arc<Subscription>>;

    /// Asks for at least so many units of a shared quota, for as long as a caller can be kept waiting. Whether it is worth
    /// trying again: they were granted, or it is known now that there are none.
    fn more<'a>(
        &'a self,
        _organization: OrganizationId,
        _upstream: &'a Upstream,
        _cost: i64,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        Box::pin(std::future::ready(false))
    }
}

/// Takes the row of every answered request.
pub trait RequestSink: Send + Sync + 'static {
    /// Takes a row. Must never wait for a database: it runs before the last byte of an answer goes out, and in `Drop`.
    fn record(&self, row: RequestRow);

    /// Whether a row that is recorded now will be kept, as far as anybody can know.
    fn can_record(&self) -> bool;
}

/// The four ports.
#[derive(Clone)]
pub struct Ports {
    /// Keys.
    pub keys: Arc<dyn KeyDirectory>,
    /// APIs.
    pub upstreams: Arc<dyn UpstreamDirectory>,
    /// Subscriptions.
    pub subscriptions: Arc<dyn SubscriptionDirectory>,
    /// Rows.
    pub sink: Arc<dyn RequestSink>,
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ports")
    }
}
