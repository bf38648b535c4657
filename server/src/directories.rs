//! What the gateway asks, answered from memory: which key, which API. Filled from the database at the start, and by
//! every change after it was committed.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use anyhow::Context as _;
use contract::OrganizationId;
use contract::keys::KeyState;
use contract::keys::hash::KeyHash;
use contract::request_logs::RequestRow;
use gateway::{Grant, GrantState, KeyDirectory, RequestSink, Routes, Upstream, UpstreamDirectory};
use portal::Db;
use portal::apis::ApiRecord;
use portal::keys::{KeyRecord, KeyWatcher};
use request_logs::{Ledger, RowStore};

/// Every key that ever had a secret, and the organizations whose keys rest. Reading never waits.
#[derive(Debug, Default)]
pub struct Keys {
    grants: papaya::HashMap<KeyHash, Arc<Grant>>,
    resting: papaya::HashSet<OrganizationId>,
}

impl Keys {
    /// Takes all keys from the database.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn load(&self, db: &Db) -> anyhow::Result<()> {
        for record in portal::keys::load_all(db).await.context("keys could not be read")? {
            self.changed(record);
        }
        for organization in portal::organizations::resting(db).await.context("organizations could not be read")? {
            self.rests(organization, true);
        }
        Ok(())
    }
}

impl KeyWatcher for Keys {
    fn changed(&self, record: KeyRecord) {
        let state = if record.state == KeyState::Active { GrantState::Active } else { GrantState::Revoked };
        let grants = self.grants.pin();
        let grant = Arc::new(Grant { state, caller: record.caller });
        // A revoked key stays refused, whatever an older reading of the database says.
        let newer = |known: &Arc<Grant>| {
            let undone = known.state == GrantState::Revoked && grant.state != GrantState::Revoked;
            Arc::clone(if undone { known } else { &grant })
        };
        grants.update_or_insert(record.hash, newer, Arc::clone(&grant));
        if let Some(replaced) = record.replaced {
            grants.remove(&replaced);
        }
    }

    fn rests(&self, organization: OrganizationId, rests: bool) {
        let resting = self.resting.pin();
        if rests {
            resting.insert(organization);
        } else {
            resting.remove(&organization);
        }
    }
}

impl KeyDirectory for Keys {
    fn find(&self, hash: &KeyHash) -> Option<Arc<Grant>> {
        let grant = self.grants.pin().get(hash).cloned()?;
        let rests = grant.state == GrantState::Active && self.resting.pin().contains(&grant.caller.organization);
        Some(if rests { Arc::new(Grant { state: GrantState::Paused, caller: grant.caller.clone() }) } else { grant })
    }
}

/// Every API.
#[derive(Debug, Default)]
pub struct Upstreams {
    // Replaced as a whole when an API changes, which is rare; a read lock is held for one lookup.
    all: RwLock<Arc<std::collections::HashMap<String, Arc<Upstream>>>>,
}

impl Upstreams {
    /// Takes all APIs from the database.
    ///
    /// # Errors
    /// When the database fails, or an API's address or routes cannot be used.
    pub async fn load(&self, db: &Db, timeout: Duration) -> anyhow::Result<()> {
        let records = portal::apis::load_all(db).await.context("APIs could not be read")?;
        let all = records
            .into_iter()
            .map(|record| upstream(record, timeout).map(|upstream| (upstream.slug.clone(), Arc::new(upstream))));
        let all = Arc::new(all.collect::<anyhow::Result<_>>()?);
        *self.all.write().unwrap_or_else(std::sync::PoisonError::into_inner) = all;
        Ok(())
    }
}

fn upstream(record: ApiRecord, timeout: Duration) -> anyhow::Result<Upstream> {
    let base = record.upstream_url.parse().with_context(|| format!("the address of API `{}`", record.slug))?;
    let routes = Routes::new(record.routes.iter().map(|(method, template)| (method.as_str(), template.as_str())));
    let routes = routes.map_err(|problem| anyhow::anyhow!("the routes of API `{}`: {problem:?}", record.slug))?;
    Ok(Upstream { id: record.id, slug: record.slug, base, routes, timeout })
}

impl UpstreamDirectory for Upstreams {
    fn find(&self, slug: &str) -> Option<Arc<Upstream>> {
        self.all.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(slug).cloned()
    }
}

/// Hands rows to the ledger.
#[derive(Debug)]
pub struct Sink(pub Ledger);

impl RequestSink for Sink {
    fn record(&self, row: RequestRow) {
        self.0.record(row);
    }
}

/// How long storing one batch may take: a database that hangs must not stop the ledger for ever.
const STORE_PATIENCE: Duration = Duration::from_secs(30);

/// Stores the ledger's rows.
#[derive(Debug)]
pub struct Store(pub Db);

#[async_trait::async_trait]
impl RowStore for Store {
    async fn store(&self, rows: &[RequestRow]) -> anyhow::Result<()> {
        let stored = tokio::time::timeout(STORE_PATIENCE, portal::request_logs::store(&self.0, rows));
        Ok(stored.await.context("the database did not answer in time")??)
    }
}
