//! The live end of the ledger: batches as they are stored. A viewer that falls behind is told how much it missed; it
//! never slows down the ledger or another viewer.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use contract::request_logs::RequestRow;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

/// What a viewer is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TailEvent {
    /// Rows that were just stored, the oldest first.
    Rows(Arc<[RequestRow]>),
    /// So many rows are missing before the next event: this viewer was too slow, or they are lost.
    Skipped(u64),
}

/// One viewer's end.
#[derive(Debug)]
pub struct Tail {
    news: broadcast::Receiver<Notice>,
    ended: CancellationToken,
    /// How many rows this viewer was told about, one way or the other.
    seen: u64,
    waiting: VecDeque<TailEvent>,
}

impl Tail {
    /// The next event; `None` after the ledger has ended. Cancel safe.
    pub async fn next(&mut self) -> Option<TailEvent> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            let received = tokio::select! {
                // What was stored before the end is still told.
                biased;
                received = self.news.recv() => received,
                () = self.ended.cancelled() => return None,
            };
            match received {
                Ok(notice) => self.take(notice),
                // Counts batches; the rows in them are what the next notice's place tells.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn take(&mut self, notice: Notice) {
        let lost = notice.first - self.seen + if notice.rows.is_some() { 0 } else { notice.count };
        if lost > 0 {
            self.waiting.push_back(TailEvent::Skipped(lost));
        }
        self.waiting.extend(notice.rows.map(TailEvent::Rows));
        self.seen = notice.first + notice.count;
    }
}

/// A stretch of the ledger: rows that were stored, or, without rows, a number of rows that were lost.
#[derive(Clone, Debug)]
struct Notice {
    /// How many rows were stored or dropped before these.
    first: u64,
    count: u64,
    rows: Option<Arc<[RequestRow]>>,
}

/// The sending end of all tails.
#[derive(Debug)]
pub(crate) struct Publisher {
    /// How many rows were stored or dropped so far. Held while sending, so that places and notices stay in one order.
    place: Mutex<u64>,
    news: broadcast::Sender<Notice>,
    ended: CancellationToken,
}

impl Publisher {
    /// `notices`: how far a viewer may fall behind, in batches.
    pub(crate) fn new(notices: usize) -> Self {
        Self { place: Mutex::default(), news: broadcast::Sender::new(notices), ended: CancellationToken::new() }
    }

    pub(crate) fn tail(&self) -> Tail {
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        let news = self.news.subscribe();
        Tail { news, ended: self.ended.clone(), seen: *place, waiting: VecDeque::new() }
    }

    pub(crate) fn stored(&self, rows: Arc<[RequestRow]>) {
        self.send(rows.len() as u64, Some(rows));
    }

    pub(crate) fn dropped(&self, count: u64) {
        self.send(count, None);
    }

    pub(crate) fn end(&self) {
        self.ended.cancel();
    }

    fn send(&self, count: u64, rows: Option<Arc<[RequestRow]>>) {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        // Fails without viewers only, and then nobody misses it.
        let _ = self.news.send(Notice { first: *place, count, rows });
        *place += count;
    }
}
