//! What the gateway asks, answered from memory: which key, which API, on what terms. Filled from the database at the
//! start, and by every change after it was committed.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use contract::imports::OldFormat;
use contract::keys::hash::KeyHash;
use contract::limits::Limit;
use contract::request_logs::RequestRow;
use contract::{KeyId, Millis, OrganizationId};
use gateway::{Grant, KeyDirectory, Ports, RequestSink};
use portal::apis::ApiRecord;
use portal::keys::{KeyRecord, KeyWatcher};
use portal::subscriptions::terms::TermsRecord;
use portal::{Db, Portal};
use request_logs::{Ledger, RowStore};
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::directories::keys::Keys;
use crate::directories::sharing::Sharing;
use crate::directories::subscriptions::Subscriptions;
use crate::directories::upstreams::Upstreams;
use crate::serve::system_op;

mod keys;
mod sharing;
mod subscriptions;
mod upstreams;

/// All directories of one gateway. Reading never waits.
#[derive(Debug)]
pub struct Directories {
    keys: Arc<Keys>,
    upstreams: Arc<Upstreams>,
    subscriptions: Arc<Subscriptions>,
    /// Known from the time on when everything was taken from it.
    db: OnceLock<Db>,
}

impl Directories {
    /// Directories that know nothing yet. No API may let its upstream take longer than this.
    #[must_use]
    pub fn new(longest: Duration) -> Self {
        Self {
            keys: Arc::default(),
            upstreams: Arc::new(Upstreams::new(longest)),
            subscriptions: Arc::default(),
            db: OnceLock::new(),
        }
    }

    /// From now on other processes spend from the same quotas. To be called before everything is taken from the database.
    pub fn share(&self, db: Db, process: uuid::Uuid) {
        self.subscriptions.share(Sharing::new(db, process));
    }

    /// So many processes are there.
    pub fn are(&self, processes: u64) {
        if let Some(sharing) = self.subscriptions.sharing() {
            sharing.are(processes);
        }
    }

    /// Asks for shares of quotas before they are needed, and gives back those that are not.
    pub async fn balance(&self) {
        self.subscriptions.balance().await;
    }

    /// Takes everything from the database. What was spent is summed up from stored rows, so those that an earlier life
    /// left behind must be stored before.
    ///
    /// # Errors
    /// When the database fails, or an API's address or routes cannot be used.
    pub async fn load(&self, portal: &Portal, now: Millis) -> anyhow::Result<()> {
        let db = portal.db();
        let _ = self.db.set(db.clone());
        for record in portal::apis::load_all(db).await.context("APIs could not be read")? {
            self.subscriptions.api_changed(&record);
            self.upstreams.changed(&record)?;
        }
        for record in portal::subscriptions::terms::load_all(db).await.context("subscriptions could not be read")? {
            self.terms_changed(record);
        }
        for record in portal::keys::load_all(portal).await.context("keys could not be read")? {
            self.changed(record);
        }
        self.subscriptions.settle(db, now).await.context("usage could not be read")?;
        self.old_formats(portal::imports::old_formats(db).await.context("imports could not be read")?);
        for organization in portal::organizations::resting(db).await.context("organizations could not be read")? {
            self.rests(organization, true);
        }
        for (organization, limit) in
            portal::organizations::desk::limits(db).await.context("limits could not be read")?
        {
            self.limited(organization, Some(limit));
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

#[async_trait::async_trait]
impl KeyWatcher for Directories {
    fn changed(&self, record: KeyRecord) {
        self.keys.changed(&record);
    }

    fn rests(&self, organization: OrganizationId, rests: bool) {
        self.keys.rests(organization, rests);
    }

    fn limited(&self, organization: OrganizationId, limit: Option<Limit>) {
        self.keys.limited(organization, limit);
    }

    fn api_changed(&self, record: ApiRecord) {
        // First the terms: whoever finds the API finds them too.
        self.subscriptions.api_changed(&record);
        // It was asked for before the change was committed, so it cannot be unusable; should it be, it stays away.
        if let Err(error) = self.upstreams.changed(&record) {
            tracing::error!(api = record.slug, "API `{}` cannot be used and stays closed: {error:#}", record.slug);
        }
    }

    fn old_formats(&self, formats: Vec<OldFormat>) {
        self.keys.old_formats(formats);
    }

    fn terms_changed(&self, record: TermsRecord) {
        self.subscriptions.changed(record);
    }

    async fn settle(&self) {
        let Some(db) = self.db.get() else { return };
        let counting = self.subscriptions.settle(db, clock::now().timestamp_millis());
        match tokio::time::timeout(SETTLE_PATIENCE, counting).await {
            Ok(Ok(())) => {}
            // It stays as it was, and is tried again each second.
            Ok(Err(error)) => tracing::warn!("What is spent of quotas could not be summed up: {error:#}"),
            Err(_) => tracing::warn!("What is spent of quotas could not be summed up in time"),
        }
    }

    fn can_use(&self, record: &ApiRecord) -> bool {
        self.upstreams.can_use(record)
    }
}

impl KeyDirectory for Directories {
    fn find(&self, hash: &KeyHash) -> Option<Arc<Grant>> {
        self.keys.find(hash)
    }

    fn imported(&self, text: &str) -> Option<String> {
        self.keys.imported(text)
    }

    fn outdated(&self, key: KeyId, known: KeyHash, newest: KeyHash) {
        self.keys.outdated(key, known, newest);
    }
}

/// Keys that are brought over at once.
const REKEYED_AT_ONCE: usize = 64;

/// Brings keys over that were presented and have another hash today, until the end. One that cannot be brought over goes
/// on working as it is, and is tried again with its next use.
pub async fn rekey(portal: Portal, directories: Arc<Directories>, end: CancellationToken) {
    let mut heard = directories.keys.hear_of_outdated();
    let mut outdated = Vec::new();
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            count = heard.recv_many(&mut outdated, REKEYED_AT_ONCE) => if count == 0 { return },
        }
        // A busy key is announced with every call until it is done.
        for one in outdated.drain(..).collect::<HashSet<_>>() {
            if let Err(error) = portal::imports::rekey(&system_op(&portal), one).await {
                tracing::warn!(key = %one.key, "A key could not be hashed anew: {error:#}");
            }
        }
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

/// How long a change of terms waits until what was spent is summed up.
const SETTLE_PATIENCE: Duration = Duration::from_secs(5);

/// How long storing one batch may take: a database that hangs must not stop the ledger for ever.
const STORE_PATIENCE: Duration = Duration::from_secs(30);

/// Stores the ledger's rows, and tells the gateway what they changed: a new secret was used for the first time.
#[derive(Debug)]
pub struct Store(pub Portal, pub Arc<Directories>);

#[async_trait::async_trait]
impl RowStore for Store {
    async fn store(&self, rows: &[RequestRow]) -> anyhow::Result<()> {
        // A row is either in the sum of what is stored, or not stored: never in between.
        let _turn = self.1.subscriptions.storing().await;
        let stored = tokio::time::timeout(STORE_PATIENCE, portal::request_logs::store_and_tell(&self.0, rows));
        stored.await.context("the database did not answer in time")??;
        self.1.subscriptions.stored(rows);
        Ok(())
    }
}
