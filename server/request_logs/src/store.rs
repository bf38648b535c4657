//! Where rows end up. The ledger knows no database: the server brings the store.

use async_trait::async_trait;
use contract::request_logs::RequestRow;

/// Keeps rows for good.
#[async_trait]
pub trait RowStore: Send + Sync + 'static {
    /// Stores the rows and the usage that follows from them, in one transaction.
    ///
    /// Must be idempotent by [`RequestRow::id`]: after a failure that was none, such as a lost acknowledgement of a
    /// commit, or after a kill, the ledger offers the same rows again, and neither rows nor usage may count twice.
    ///
    /// # Errors
    /// Whatever kept the rows from being stored, all of them; the ledger keeps the batch and tries again.
    async fn store(&self, rows: &[RequestRow]) -> anyhow::Result<()>;
}
