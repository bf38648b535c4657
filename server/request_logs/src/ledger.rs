//! The queue and its sealer: takes rows without waiting, stores them in batches, tells the viewers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use contract::request_logs::RequestRow;
use tokio::sync::{Mutex, Notify, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::RowStore;
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
    /// Longest wait between two attempts: a store that is back is noticed soon enough to keep the queue short.
    longest_backoff: Duration,
    /// Least time between two announcements of dropped rows, so that a flood of drops is not a flood of news.
    announce: Duration,
    /// How long a shutdown waits for a failing store: below the 30 s after which most supervisors kill.
    farewell: Duration,
}

const PACE: Pace = Pace {
    gather: Duration::from_millis(50),
    first_backoff: Duration::from_millis(50),
    longest_backoff: Duration::from_secs(5),
    announce: Duration::from_millis(50),
    farewell: Duration::from_secs(10),
};

/// Takes rows from the gateway and sees to it that they are stored. Cheap to clone; all clones are one ledger.
#[derive(Clone, Debug)]
pub struct Ledger {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    queue: mpsc::Sender<RequestRow>,
    /// Rows that were dropped and not announced yet.
    dropped: AtomicU64,
    drop_happened: Notify,
    viewers: Publisher,
    /// Held by the one `run`. The batch stands here and not in the future, so that a cancelled `run` loses nothing.
    sealer: Mutex<Sealer>,
    pace: Pace,
}

#[derive(Debug)]
struct Sealer {
    queue: mpsc::Receiver<RequestRow>,
    batch: Vec<RequestRow>,
}

impl Sealer {
    /// Rows that are not stored yet.
    fn waiting(&self) -> f64 {
        (self.queue.len() + self.batch.len()) as f64
    }
}

impl Ledger {
    /// Opens a ledger whose queue holds `capacity` rows, at least one. Rows wait there until [`Ledger::run`] stores them.
    #[must_use]
    pub fn open(capacity: usize) -> Self {
        Self::with_pace(capacity, PACE)
    }

    fn with_pace(capacity: usize, pace: Pace) -> Self {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        Self {
            shared: Arc::new(Shared {
                queue: sender,
                dropped: AtomicU64::new(0),
                drop_happened: Notify::new(),
                viewers: Publisher::new(TAIL_BATCHES),
                sealer: Mutex::new(Sealer { queue: receiver, batch: Vec::new() }),
                pace,
            }),
        }
    }

    /// Takes a row. Never waits; a row that finds the queue full, or the ledger ended, is dropped and counted.
    pub fn record(&self, row: RequestRow) {
        if self.shared.queue.try_send(row).is_err() {
            metrics::counter!("countersign_request_rows_dropped_total").increment(1);
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            self.shared.drop_happened.notify_one();
        }
    }

    /// A live end that starts with what is stored from now on.
    #[must_use]
    pub fn tail(&self) -> Tail {
        self.shared.viewers.tail()
    }

    /// Stores rows until `shutdown`, then what is still queued, then ends. Cancel `shutdown` after the gateway has
    /// drained: rows recorded later are dropped.
    ///
    /// # Errors
    /// If another `run` of this ledger is at work; if, at shutdown, the store fails for so long that rows stay behind.
    pub async fn run(&self, store: Arc<dyn RowStore>, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut sealer = self.shared.sealer.try_lock().context("the ledger is already running")?;
        let outcome = tokio::select! {
            outcome = self.seal(&mut sealer, &*store, &shutdown) => outcome,
            never = self.announce_drops() => match never {},
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
        loop {
            if sealer.batch.is_empty() && !self.gather(sealer, shutdown).await {
                return Ok(());
            }
            metrics::gauge!("countersign_request_rows_waiting").set(sealer.waiting());
            self.store(sealer, store, shutdown).await?;
        }
    }

    /// Fills the batch; false when the ledger is shut down and nothing is left.
    async fn gather(&self, sealer: &mut Sealer, shutdown: &CancellationToken) -> bool {
        let Sealer { queue, batch } = sealer;
        let got = tokio::select! {
            // Rows first: what was recorded before the shutdown is stored.
            biased;
            got = queue.recv_many(batch, BATCH_ROWS) => got,
            () = shutdown.cancelled() => {
                queue.close();
                queue.recv_many(batch, BATCH_ROWS).await
            }
        };
        let until = Instant::now() + self.shared.pace.gather;
        while got > 0 && batch.len() < BATCH_ROWS {
            let more = tokio::select! {
                biased;
                more = queue.recv_many(batch, BATCH_ROWS - batch.len()) => more,
                () = tokio::time::sleep_until(until) => 0,
                () = shutdown.cancelled() => 0,
            };
            if more == 0 {
                break;
            }
        }
        got > 0
    }

    /// Stores the batch, however often the store fails; gives up only at the end of a shutdown's patience.
    async fn store(
        &self,
        sealer: &mut Sealer,
        store: &dyn RowStore,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<()> {
        let pace = self.shared.pace;
        let mut backoff = pace.first_backoff;
        let farewell = async {
            shutdown.cancelled().await;
            pause(pace.farewell).await;
        };
        tokio::pin!(farewell);
        loop {
            // An attempt is not cut short: the store would have to undo it, and the rows would count as failed.
            let Err(error) = store.store(&sealer.batch).await else { break };
            metrics::counter!("countersign_request_rows_store_failures_total").increment(1);
            metrics::gauge!("countersign_request_rows_waiting").set(sealer.waiting());
            let rows = sealer.batch.len();
            tracing::warn!(rows, "Could not store {rows} request rows, trying again in {backoff:?}: {error:#}");
            tokio::select! {
                () = pause(backoff) => {}
                () = &mut farewell => {
                    let left = rows + sealer.queue.len();
                    bail!("the store failed until the end of the shutdown; {left} request rows were not stored: {error:#}");
                }
            }
            backoff = (backoff * 2).min(pace.longest_backoff);
        }
        metrics::counter!("countersign_request_rows_stored_total").increment(sealer.batch.len() as u64);
        metrics::gauge!("countersign_request_rows_waiting").set(sealer.queue.len() as f64);
        self.shared.viewers.stored(Arc::from(std::mem::take(&mut sealer.batch)));
        Ok(())
    }

    /// Runs beside the sealer, because viewers must hear of drops just when the store hangs.
    async fn announce_drops(&self) -> std::convert::Infallible {
        loop {
            self.shared.drop_happened.notified().await;
            self.announce();
            pause(self.shared.pace.announce).await;
        }
    }

    fn announce(&self) {
        let rows = self.shared.dropped.swap(0, Ordering::Relaxed);
        if rows > 0 {
            tracing::error!(rows, "Dropped {rows} request rows: the queue was full");
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
