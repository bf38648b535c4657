//! What the gateway asks of the rest of the system: three ports, none of which may wait.

use std::sync::Arc;
use std::time::Duration;

use contract::ApiId;
use contract::keys::hash::KeyHash;
use contract::request_logs::{Caller, RequestRow};

use crate::Routes;

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whether it opens the gateway.
    pub state: GrantState,
    /// Whose it is.
    pub caller: Caller,
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
}

/// An API that the gateway forwards to.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Its id.
    pub id: ApiId,
    /// First path segment at the gateway.
    pub slug: String,
    /// Where it is: `http` or `https`, an authority, and a path that goes before every forwarded path.
    pub base: http::Uri,
    /// Its route templates.
    pub routes: Routes,
    /// How long it may take until its answer begins, counted from the last byte of the request that moved.
    pub timeout: Duration,
}

/// Finds APIs.
pub trait UpstreamDirectory: Send + Sync + 'static {
    /// The API under this first path segment. Answers from memory: it runs once per request and must never wait.
    fn find(&self, slug: &str) -> Option<Arc<Upstream>>;
}

/// Takes the row of every answered request.
pub trait RequestSink: Send + Sync + 'static {
    /// Takes a row. Must never wait: it runs before the last byte of an answer goes out, and in `Drop`.
    fn record(&self, row: RequestRow);
}
