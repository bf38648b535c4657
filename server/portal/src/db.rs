//! The database: SQLite or PostgreSQL, from the same code.
//!
//! SQLite has one writer and several readers: a writing transaction starts IMMEDIATE, so it waits its turn instead of
//! failing half-way. PostgreSQL has one pool. Nothing else in this crate knows which of them it talks to.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use migrations::Migrator;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgListener};
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DatabaseTransaction, DbBackend,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait as _,
};
use sea_orm_migration::MigratorTrait as _;
use tokio::sync::Notify;

use crate::Result;

/// Readers of a SQLite file: more than the two cores we are tested on gains nothing, fewer starves a slow page.
const SQLITE_READERS: u32 = 6;

/// Connections to PostgreSQL: a tenth of its default limit of 100, so that several processes fit. One of them listens.
const POSTGRES_CONNECTIONS: u32 = 10;

/// How long somebody waits for a connection. While the server is gone, tries to reach it follow each other at a fifth of
/// this at most, so that it is found again soon.
const POSTGRES_PATIENCE: Duration = Duration::from_secs(5);

/// The channel on which processes tell each other that there is something new to read.
const CHANNEL: &str = "countersign_changes";

/// Pause before listening is tried again.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// An arbitrary number that names our migrations among PostgreSQL's advisory locks.
const MIGRATION_LOCK: i64 = 0x636f_756e_7465_7273;

/// A writing transaction: rolled back unless committed through `Op::commit`.
pub type Tx = DatabaseTransaction;

/// The database, with its pools.
#[derive(Clone, Debug)]
pub struct Db {
    write: DatabaseConnection,
    read: DatabaseConnection,
}

impl Db {
    /// Opens `sqlite://…` or `postgres://…`. A SQLite file is created when it is missing; its folder must exist.
    ///
    /// # Errors
    /// When the address is of another kind, or the database does not answer.
    pub async fn connect(url: &str) -> anyhow::Result<Self> {
        if url.starts_with("sqlite:") {
            let write = Database::connect(sqlite(url, 1)).await.context("the SQLite database could not be opened")?;
            let read = Database::connect(sqlite(url, SQLITE_READERS))
                .await
                .context("the SQLite database could not be opened")?;
            Ok(Self { write, read })
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            // The error of the next line would repeat the address, and with it the password.
            if url.parse::<PgConnectOptions>().is_err() {
                bail!("database.url cannot be read; write it like postgres://user:password@host:5432/database");
            }
            let mut options = ConnectOptions::new(url);
            options
                .max_connections(POSTGRES_CONNECTIONS)
                .acquire_timeout(POSTGRES_PATIENCE)
                .sqlx_logging(false)
                .record_stmt_in_spans(false)
                .test_before_acquire_if_idle_for(Duration::from_secs(30));
            let pool = Database::connect(options).await.context("the PostgreSQL database does not answer")?;
            Ok(Self { write: pool.clone(), read: pool })
        } else {
            bail!("database.url must start with sqlite:// or postgres://");
        }
    }

    /// Whether several processes may use it at once.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.write.get_database_backend() == DbBackend::Postgres
    }

    /// Brings the schema up to date. Two processes that start together take turns.
    ///
    /// # Errors
    /// When a migration fails; it is rolled back then.
    pub async fn migrate(&self) -> anyhow::Result<()> {
        if self.write.get_database_backend() == DbBackend::Postgres {
            // The lock belongs to the connection that takes it, so one transaction holds it around the whole run.
            let guard = self.write.begin().await?;
            guard
                .execute_raw(Statement::from_string(
                    DbBackend::Postgres,
                    format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"),
                ))
                .await?;
            Migrator::up(&self.write, None).await?;
            guard.commit().await?;
        } else {
            Migrator::up(&self.write, None).await?;
        }
        Ok(())
    }

    /// How many migrations are missing; needs no right to change the schema.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn pending_migrations(&self) -> anyhow::Result<usize> {
        Ok(Migrator::get_pending_migrations_read_only(&self.read).await?.len())
    }

    /// For queries outside a transaction.
    pub(crate) const fn read(&self) -> &DatabaseConnection {
        &self.read
    }

    /// Starts a writing transaction.
    pub(crate) async fn begin(&self) -> Result<Tx> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(self.write.begin_with_options(options).await?)
    }

    /// Tells whoever listens, in this process and others, once the transaction is committed. Only PostgreSQL carries
    /// that.
    pub(crate) async fn ring(tx: &Tx) -> Result<()> {
        if tx.get_database_backend() == DbBackend::Postgres {
            let ring = format!("SELECT pg_notify('{CHANNEL}', '')");
            tx.execute_raw(Statement::from_string(DbBackend::Postgres, ring)).await?;
        }
        Ok(())
    }

    /// Rings the bell whenever somebody may have called [`Self::ring`]: also when the connection was lost meanwhile. For
    /// ever, and not at all on SQLite.
    pub(crate) async fn listen(&self, bell: Arc<Notify>) -> Infallible {
        if self.write.get_database_backend() != DbBackend::Postgres {
            return std::future::pending().await;
        }
        let mut pause = tokio::time::interval(LISTEN_AGAIN);
        pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            pause.tick().await;
            // Whoever reads regularly as well misses nothing while nobody listens, so a failure is no news.
            if let Err(error) = self.listen_once(&bell).await {
                tracing::debug!("Not listening for changes: {error:#}");
            }
        }
    }

    async fn listen_once(&self, bell: &Notify) -> anyhow::Result<()> {
        let mut listener = PgListener::connect_with(self.write.get_postgres_connection_pool()).await?;
        listener.listen(CHANNEL).await?;
        loop {
            bell.notify_one();
            listener.try_recv().await?;
        }
    }

    /// Whether it answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> anyhow::Result<()> {
        Ok(self.read.ping().await?)
    }

    /// Closes the pools; SQLite folds its write-ahead log into the file.
    ///
    /// # Errors
    /// When a connection cannot be closed.
    pub async fn close(self) -> anyhow::Result<()> {
        self.read.close().await?;
        self.write.close().await?;
        Ok(())
    }
}

fn sqlite(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options.max_connections(connections).sqlx_logging(false).record_stmt_in_spans(false).map_sqlx_sqlite_opts(|file| {
        file.create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(Duration::from_secs(10))
            .foreign_keys(true)
            .pragma("cache_size", "-16384")
            .pragma("temp_store", "memory")
            // What was erased must not stay in the file until something else is written over it.
            .pragma("secure_delete", "ON")
            .optimize_on_close(true, None)
    });
    options
}
