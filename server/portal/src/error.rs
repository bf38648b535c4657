//! Two kinds of failure, because there are two readers.

use contract::Refusal;
use sea_orm::{DbErr, SqlErr};

/// What a verb answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a verb did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// We understood and said no. The caller sees it word for word.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// We failed. Logged once, where it leaves the system; the caller sees a request id.
    #[error(transparent)]
    Failed(#[from] anyhow::Error),
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        Self::Failed(error.into())
    }
}

/// Whether a write failed because a unique column already holds the value: the same on both databases.
pub(crate) fn is_conflict(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}
