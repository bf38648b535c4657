//! The database: SQLite or PostgreSQL, from the same code.
//!
//! SQLite has one writer and several readers: a writing transaction starts IMMEDIATE, so it waits its turn instead of
//! failing half-way. PostgreSQL has one pool. Nothing else in this crate knows which of them it talks to.

use std::time::Duration;

use anyhow::{Context as _, bail};
use migrations::Migrator;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DatabaseTransaction, DbBackend,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait as _,
};
use sea_orm_migration::MigratorTrait as _;

use crate::Result;

/// Readers of a SQLite file: more than the two cores we are tested on gains nothing, fewer starves a slow page.
const SQLITE_READERS: u32 = 6;

/// Connections to PostgreSQL: a tenth of its default limit of 100, so that several processes fit.
const POSTGRES_CONNECTIONS: u32 = 10;

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
                .sqlx_logging(false)
                .record_stmt_in_spans(false)
                .test_before_acquire_if_idle_for(Duration::from_secs(30));
            let pool = Database::connect(options).await.context("the PostgreSQL database does not answer")?;
            Ok(Self { write: pool.clone(), read: pool })
        } else {
            bail!("database.url must start with sqlite:// or postgres://");
        }
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
            .optimize_on_close(true, None)
    });
    options
}
