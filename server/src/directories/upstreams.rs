//! APIs, as the gateway knows them.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context as _;
use contract::Environment;
use contract::apis::{Environments, LogMode};
use gateway::{AddressMeters, Operation, Places, Routes, Upstream, UpstreamDirectory};
use portal::apis::ApiRecord;

/// Every API that is not closed.
#[derive(Debug)]
pub(crate) struct Upstreams {
    /// The longest that any of them may take.
    longest: Duration,
    // Replaced as a whole when an API changes, which is rare; a read lock is held for one lookup.
    all: RwLock<Arc<HashMap<String, Arc<Upstream>>>>,
}

impl Upstreams {
    pub(crate) fn new(longest: Duration) -> Self {
        Self { longest, all: RwLock::default() }
    }

    pub(crate) fn can_use(&self, record: &ApiRecord) -> bool {
        upstream(record, self.longest, None).is_ok()
    }

    /// Takes an API in, or lets go of a closed one.
    pub(crate) fn changed(&self, record: &ApiRecord) -> anyhow::Result<()> {
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = HashMap::clone(&all);
        let before = next.values().find(|upstream| upstream.id == record.id).cloned();
        next.retain(|_, upstream| upstream.id != record.id);
        if !record.closed {
            let upstream = upstream(record, self.longest, before.as_deref())?;
            next.insert(upstream.slug.clone(), Arc::new(upstream));
        }
        *all = Arc::new(next);
        Ok(())
    }
}

/// What the gateway makes of a record; an error if it cannot use its address or its routes. `before` is the API as it
/// was: what is used of its limits stays used.
fn upstream(record: &ApiRecord, longest: Duration, before: Option<&Upstream>) -> anyhow::Result<Upstream> {
    let address = |url: &String| url.parse().with_context(|| format!("an address of API `{}`", record.slug));
    let base = address(&record.upstream_url)?;
    let more = record.terms.more_upstreams.iter().map(address).collect::<anyhow::Result<Vec<http::Uri>>>()?;
    let operations = record.routes.iter().map(|route| Operation {
        method: route.method.clone(),
        template: route.template.clone(),
        scopes: route.terms.scopes.clone(),
        cost: route.terms.cost,
        limit: route.terms.limit,
    });
    let routes = Routes::new(operations).with_context(|| format!("the routes of API `{}`", record.slug))?;
    let terms = &record.terms;
    let timeout = longest.min(Duration::from_millis(terms.timeout_ms.into()));
    let kept = before.and_then(|before| before.addresses.clone());
    let addresses = terms.address_limit.map(|limit| match kept {
        Some(kept) if kept.limit() == limit => kept,
        _ => Arc::new(AddressMeters::new(limit)),
    });
    let places = Places::new(base, more);
    // Which place was down is still so.
    let places = match before {
        Some(before) if before.places.addresses().eq(places.addresses()) => before.places.clone(),
        _ => Arc::new(places),
    };
    let first = places.addresses().next().cloned().unwrap_or_default();
    Ok(Upstream {
        places,
        body_max: terms.body_max_bytes,
        log_required: terms.log_mode == LogMode::Required,
        environment: match terms.environments {
            Environments::Both => None,
            Environments::Live => Some(Environment::Live),
            Environments::Test => Some(Environment::Test),
        },
        origins: terms.allowed_origins.clone(),
        addresses,
        privacy: terms.privacy,
        ..Upstream::new(record.id, record.slug.clone(), first, routes, timeout)
    })
}

impl UpstreamDirectory for Upstreams {
    fn find(&self, slug: &str) -> Option<Arc<Upstream>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner).get(slug).cloned()
    }
}
