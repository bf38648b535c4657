//! The ledger's door: every answered request on its way from the gateway to storage and to live viewers.
//!
//! - [`Ledger::record`] never waits: it runs on the gateway's hot path.
//! - Rows are stored in batches, in the order in which they were recorded. While the store fails, the batch is kept and
//!   tried again; nothing is dropped before the queue is full.
//! - A row that finds the queue full is counted, and live viewers are told that rows are missing.
//! - Live viewers see rows after they are stored, so that what they see is what a later search finds.
//!
//! # Metrics
//! `countersign_request_rows_stored_total`, `countersign_request_rows_dropped_total`,
//! `countersign_request_rows_store_failures_total`, `countersign_request_rows_waiting`.

mod ledger;
mod store;
mod tail;

pub use ledger::Ledger;
pub use store::RowStore;
pub use tail::{Tail, TailEvent};
