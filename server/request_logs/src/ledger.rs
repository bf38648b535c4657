//! The ledger and its sealer: spools rows, stores them in batches, tells the viewers.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use contract::request_logs::RequestRow;
use tokio::sync::{Mutex, Notify};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::RowStore;
use crate::spool::{Reader, Recorded, Source, Spool, SpoolSettings};
use crate::tail::{Publisher, Tail};

/// Most rows of one transaction: 1,000 to 5,000 is where a store's cost per row stops falling.
const BATCH_ROWS: usize = 1_000;

/// How far a viewer may fall behind before it is told that it missed rows: 12.8 s at one batch every 50 ms.
const TAIL_BATCHES: usize = 256;

/// How long the ledger takes for what.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// Longest time for which a row waits for company. A viewer sees it within a second, whatever the store takes.
    gather: Duration,
    /// Wait after the first failure of the store; doubles with each further one.
    first_backoff: Duration,
    /// Longest wait between two attempts: a store that is back is noticed soon enough to keep the spool short.
    longest_backoff: Duration,
    /// Least time between two announcements of lost rows, so that a flood of losses is not a flood of news.
    announce: Duration,
    /// How long a shutdown goes on storing: below the 30 s after which most supervisors kill.
    farewell: Duration,
    /// Time between two tries to write to a spool that takes no rows.
    try_again: Duration,
}

const PACE: Pace = Pace {
    gather: Duration::from_millis(50),
    first_backoff: Duration::from_millis(50),
    longest_backoff: Duration::from_secs(5),
    announce: Duration::from_millis(50),
    farewell: Duration::from_secs(10),
    try_again: Duration::from_secs(1),
};

/// Takes rows from the gateway and sees to it that they are stored, once. Cheap to clone; all clones are one ledger.
#[derive(Clone, Debug)]
pub struct Ledger {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    spool: Spool,
    /// A row arrived where none was, or the one that fills a batch.
    arrived: Notify,
    /// The spool took a row no more.
    broke: Notify,
    /// Every row that an earlier life left is stored.
    caught_up: CancellationToken,
    /// Rows that were lost and not announced yet.
    lost: AtomicU64,
    loss_happened: Notify,
    viewers: Publisher,
    /// Held by the one `run`. The batch stands here and not in the future, so that a cancelled `run` loses nothing.
    sealer: Mutex<Sealer>,
    pace: Pace,
}

#[derive(Debug, Default)]
struct Sealer {
    reader: Reader,
    batch: Vec<RequestRow>,
    source: Source,
}

impl Ledger {
    /// Opens a ledger on its spool. Rows wait there until [`Ledger::run`] stores them, those of an earlier life first.
    ///
    /// # Errors
    /// If the folder cannot be used; if another process uses it.
    pub fn open(settings: SpoolSettings) -> anyhow::Result<Self> {
        Self::with_pace(settings, PACE)
    }

    fn with_pace(settings: SpoolSettings, pace: Pace) -> anyhow::Result<Self> {
        let shared = Shared {
            spool: Spool::open(settings)?,
            arrived: Notify::new(),
            broke: Notify::new(),
            caught_up: CancellationToken::new(),
            lost: AtomicU64::new(0),
            loss_happened: Notify::new(),
            viewers: Publisher::new(TAIL_BATCHES),
            sealer: Mutex::default(),
            pace,
        };
        let ledger = Self { shared: Arc::new(shared) };
        ledger.note_leftovers();
        Ok(ledger)
    }

    /// Takes a row: when this returns it stands on disk, or the answer says why not. Takes as long as one `write` to a
    /// file, a few microseconds. A row that is recorded after the ledger ended is stored at the next start.
    pub fn record(&self, row: RequestRow) -> Recorded {
        let shared = &*self.shared;
        let (recorded, waiting) = shared.spool.append(row);
        if recorded != Recorded::OnDisk {
            shared.broke.notify_one();
        }
        if recorded == Recorded::Lost {
            metrics::counter!("countersign_request_rows_dropped_total").increment(1);
            shared.lost.fetch_add(1, Ordering::Relaxed);
            shared.loss_happened.notify_one();
        } else if waiting == 1 || waiting == BATCH_ROWS as u64 {
            shared.arrived.notify_one();
        }
        recorded
    }

    /// Whether the next row will probably stand on disk: ask before answering where no row may be lost. False from the
    /// first row that the disk does not take until one is taken again, or a try succeeds, once a second. Costs nothing.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.shared.spool.is_writable()
    }

    /// Returns when the rows that an earlier life left are stored: before that, what the store counts is too little.
    pub async fn caught_up(&self) {
        self.shared.caught_up.cancelled().await;
    }

    fn note_leftovers(&self) {
        if !self.shared.caught_up.is_cancelled() && !self.shared.spool.has_leftovers() {
            self.shared.caught_up.cancel();
        }
    }

    /// A live end that starts with what is stored from now on.
    #[must_use]
    pub fn tail(&self) -> Tail {
        self.shared.viewers.tail()
    }

    /// Stores rows until `shutdown`, then what still waits, then ends. Cancel `shutdown` after the gateway has drained.
    ///
    /// What cannot be stored for 10 s after that stays in the spool, and is stored at the next start.
    ///
    /// # Errors
    /// If another `run` of this ledger is at work; if, at shutdown, neither the store nor the disk takes the rows that
    /// wait in memory.
    pub async fn run(&self, store: Arc<dyn RowStore>, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut sealer = self.shared.sealer.try_lock().context("the ledger is already running")?;
        let outcome = tokio::select! {
            outcome = self.seal(&mut sealer, &*store, &shutdown) => outcome,
            never = self.announce_losses() => match never {},
            never = self.mend() => match never {},
        };
        self.announce();
        self.shared.viewers.end();
        outcome
    }

    async fn seal(
        &self,
        sealer: &mut Sealer,
        store: &dyn RowStore,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<()> {
        let farewell = async {
            shutdown.cancelled().await;
            pause(self.shared.pace.farewell).await;
        };
        tokio::pin!(farewell);
        loop {
            if sealer.batch.is_empty() && !self.gather(sealer, shutdown).await {
                return Ok(());
            }
            // What an hour without a database left may be more than a shutdown has time for.
            let over = tokio::select! {
                biased;
                () = farewell.as_mut() => true,
                () = std::future::ready(()) => false,
            };
            if over {
                return self.leave(sealer, &anyhow!("there was no time to store them all"));
            }
            self.measure(sealer);
            if let Err(error) = self.store(sealer, store, farewell.as_mut()).await {
                return self.leave(sealer, &error);
            }
        }
    }

    fn measure(&self, sealer: &Sealer) {
        let spool = &self.shared.spool;
        metrics::gauge!("countersign_request_rows_waiting").set((spool.waiting() + sealer.batch.len() as u64) as f64);
        metrics::gauge!("countersign_spool_bytes").set(spool.bytes() as f64);
    }

    /// Fills the batch; false when the ledger is shut down and nothing is left.
    async fn gather(&self, sealer: &mut Sealer, shutdown: &CancellationToken) -> bool {
        let Shared { spool, arrived, pace, .. } = &*self.shared;
        loop {
            // What was left has waited long enough.
            if !spool.has_leftovers() {
                while spool.waiting() == 0 {
                    tokio::select! {
                        // Rows first: what was recorded before the shutdown is stored.
                        biased;
                        () = arrived.notified() => {}
                        () = shutdown.cancelled() => {
                            if spool.waiting() == 0 {
                                return false;
                            }
                        }
                    }
                }
                let until = Instant::now() + pace.gather;
                while spool.waiting() < BATCH_ROWS as u64 {
                    tokio::select! {
                        biased;
                        () = arrived.notified() => {}
                        () = tokio::time::sleep_until(until) => break,
                        () = shutdown.cancelled() => break,
                    }
                }
            }
            sealer.source = spool.read(&mut sealer.reader, &mut sealer.batch, BATCH_ROWS);
            self.note_leftovers();
            if !sealer.batch.is_empty() {
                return true;
            }
        }
    }

    /// Stores the batch, however often the store fails; gives up only at the end of a shutdown's patience.
    async fn store(
        &self,
        sealer: &mut Sealer,
        store: &dyn RowStore,
        mut farewell: Pin<&mut impl Future<Output = ()>>,
    ) -> anyhow::Result<()> {
        let pace = self.shared.pace;
        let mut backoff = pace.first_backoff;
        loop {
            // An attempt is not cut short: the store would have to undo it, and the rows would count as failed.
            let Err(error) = store.store(&sealer.batch).await else { break };
            metrics::counter!("countersign_request_rows_store_failures_total").increment(1);
            self.measure(sealer);
            let rows = sealer.batch.len();
            tracing::warn!(rows, "Could not store {rows} request rows, trying again in {backoff:?}: {error:#}");
            tokio::select! {
                () = pause(backoff) => {}
                () = &mut farewell => return Err(error),
            }
            backoff = (backoff * 2).min(pace.longest_backoff);
        }
        metrics::counter!("countersign_request_rows_stored_total").increment(sealer.batch.len() as u64);
        let rows: Arc<[RequestRow]> = Arc::from(std::mem::take(&mut sealer.batch));
        if sealer.source == Source::Disk {
            self.shared.spool.is_stored(&mut sealer.reader);
            self.note_leftovers();
        }
        self.measure(sealer);
        self.shared.viewers.stored(rows);
        Ok(())
    }

    /// Ends while the store fails: what stands on disk stays there, what stands in memory is lost unless the disk takes
    /// it now.
    fn leave(&self, sealer: &mut Sealer, error: &anyhow::Error) -> anyhow::Result<()> {
        let spool = &self.shared.spool;
        spool.try_to_write();
        let mut lost = spool.in_memory();
        if sealer.source == Source::Memory {
            let rows = std::mem::take(&mut sealer.batch).into_iter();
            lost += rows.map(|row| spool.append(row)).filter(|(recorded, _)| *recorded != Recorded::OnDisk).count();
        }
        if lost > 0 {
            bail!("neither the store nor the disk took {lost} request rows until the end of the shutdown: {error:#}");
        }
        let bytes = spool.bytes();
        tracing::warn!(bytes, "Request rows stay in the spool and are stored at the next start: {error:#}");
        Ok(())
    }

    /// Tries again and again to write to a spool that takes no rows: rows may not come any more just because of that.
    async fn mend(&self) -> std::convert::Infallible {
        loop {
            self.shared.broke.notified().await;
            while !self.shared.spool.try_to_write() {
                pause(self.shared.pace.try_again).await;
            }
        }
    }

    /// Runs beside the sealer, because viewers must hear of losses just when the store hangs.
    async fn announce_losses(&self) -> std::convert::Infallible {
        loop {
            self.shared.loss_happened.notified().await;
            self.announce();
            pause(self.shared.pace.announce).await;
        }
    }

    fn announce(&self) {
        let rows = self.shared.lost.swap(0, Ordering::Relaxed);
        if rows > 0 {
            tracing::error!(rows, "Lost {rows} request rows: the disk took none, and memory was full");
            self.shared.viewers.dropped(rows);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "no event tells when a store is well again or a person has read enough")]
async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

#[cfg(test)]
mod tests;
