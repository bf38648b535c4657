//! What the gateway asks, answered from memory: which key, which API, on what terms. Filled from the database at the
//! start, and by every change after it was committed.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use contract::keys::hash::KeyHash;
use contract::request_logs::RequestRow;
use contract::{Millis, OrganizationId};
use gateway::{Grant, KeyDirectory, Ports, RequestSink, Spent};
use portal::apis::ApiRecord;
use portal::keys::{KeyRecord, KeyWatcher};
use portal::subscriptions::terms::TermsRecord;
use portal::{Db, Portal};
use request_logs::{Ledger, RowStore};

use crate::directories::keys::Keys;
use crate::directories::subscriptions::Subscriptions;
use crate::directories::upstreams::Upstreams;

mod keys;
mod subscriptions;
mod upstreams;

/// All directories of one gateway. Reading never waits.
#[derive(Debug)]
pub struct Directories {
    keys: Arc<Keys>,
    upstreams: Arc<Upstreams>,
    subscriptions: Arc<Subscriptions>,
}

impl Directories {
    /// Directories that know nothing yet. No API may let its upstream take longer than this.
    #[must_use]
    pub fn new(longest: Duration) -> Self {
        Self { keys: Arc::default(), upstreams: Arc::new(Upstreams::new(longest)), subscriptions: Arc::default() }
    }

    /// Takes everything from the database. What was spent is summed up from stored rows, so those that an earlier life
    /// left behind must be stored before.
    ///
    /// # Errors
    /// When the database fails, or an API's address or routes cannot be used.
    pub async fn load(&self, db: &Db, now: Millis) -> anyhow::Result<()> {
        for units in portal::usage::spent(db, now).await.context("usage could not be read")? {
            let spent = Spent::from_sums(now, units.day, units.month);
            self.subscriptions.spent(units.organization, units.api, spent);
        }
        for record in portal::apis::load_all(db).await.context("APIs could not be read")? {
            self.subscriptions.api_changed(&record);
            self.upstreams.changed(&record)?;
        }
        for record in portal::subscriptions::terms::load_all(db).await.context("subscriptions could not be read")? {
            self.terms_changed(record);
        }
        for record in portal::keys::load_all(db).await.context("keys could not be read")? {
            self.changed(record);
        }
        for organization in portal::organizations::resting(db).await.context("organizations could not be read")? {
            self.rests(organization, true);
        }
        Ok(())
    }

    /// The ports of a gateway that records into this sink.
    #[must_use]
    pub fn ports(&self, sink: Sink) -> Ports {
        Ports {
            keys: self.keys.clone(),
            upstreams: self.upstreams.clone(),
            subscriptions: self.subscriptions.clone(),
            sink: Arc::new(sink),
        }
    }
}

impl KeyWatcher for Directories {
    fn changed(&self, record: KeyRecord) {
        self.keys.changed(&record);
    }

    fn rests(&self, organization: OrganizationId, rests: bool) {
        self.keys.rests(organization, rests);
    }

    fn api_changed(&self, record: ApiRecord) {
        // First the terms: whoever finds the API finds them too.
        self.subscriptions.api_changed(&record);
        // It was asked for before the change was committed, so it cannot be unusable; should it be, it stays away.
        if let Err(error) = self.upstreams.changed(&record) {
            tracing::error!(api = record.slug, "API `{}` cannot be used and stays closed: {error:#}", record.slug);
        }
    }

    fn terms_changed(&self, record: TermsRecord) {
        self.subscriptions.changed(record);
    }

    fn can_use(&self, record: &ApiRecord) -> bool {
        self.upstreams.can_use(record)
    }
}

impl KeyDirectory for Directories {
    fn find(&self, hash: &KeyHash) -> Option<Arc<Grant>> {
        self.keys.find(hash)
    }
}

/// Hands rows to the ledger.
#[derive(Debug)]
pub struct Sink(pub Ledger);

impl RequestSink for Sink {
    fn record(&self, row: RequestRow) {
        self.0.record(row);
    }

    fn can_record(&self) -> bool {
        self.0.is_writable()
    }
}

/// How long storing one batch may take: a database that hangs must not stop the ledger for ever.
const STORE_PATIENCE: Duration = Duration::from_secs(30);

/// Stores the ledger's rows, and tells the gateway what they changed: a new secret was used for the first time.
#[derive(Debug)]
pub struct Store(pub Portal);

#[async_trait::async_trait]
impl RowStore for Store {
    async fn store(&self, rows: &[RequestRow]) -> anyhow::Result<()> {
        let stored = tokio::time::timeout(STORE_PATIENCE, portal::request_logs::store_and_tell(&self.0, rows));
        Ok(stored.await.context("the database did not answer in time")??)
    }
}
