//! The ledger's door: every answered request on its way from the gateway to storage and to live viewers.
//!
//! - [`Ledger::record`] writes a row to the spool on disk before it returns. It never waits for the store: it runs on
//!   the gateway's hot path. What was recorded survives the end of the process, `kill -9` included.
//! - Rows are stored in batches, in the order in which they were recorded. While the store fails they wait on disk, as
//!   long as it takes; what an earlier life left is stored first.
//! - A store that knows rows by their ids stores each once: after a kill some are offered to it again.
//! - A disk that takes no row is never silent: [`Ledger::is_writable`] says so, and it is counted. Rows wait in memory
//!   then; one that finds no room there is counted, and live viewers are told that rows are missing.
//! - Live viewers see rows after they are stored, so that what they see is what a later search finds.
//!
//! # Metrics
//! `countersign_request_rows_stored_total`, `countersign_request_rows_dropped_total`,
//! `countersign_request_rows_store_failures_total`, `countersign_request_rows_waiting`,
//! `countersign_spool_failures_total`, `countersign_spool_damaged_bytes_total`, `countersign_spool_bytes`.

mod active;
mod frame;
mod ledger;
mod spool;
mod store;
mod tail;

pub use ledger::Ledger;
pub use spool::{Recorded, SpoolSettings};
pub use store::RowStore;
pub use tail::{Tail, TailEvent};
