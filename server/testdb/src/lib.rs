//! A private, empty database for each test: a SQLite file of its own, or a schema of its own in the PostgreSQL that
//! `TEST_DATABASE_URL` names. Gone when the value is dropped (SQLite) or with the throw-away cluster (PostgreSQL).
//!
//! It knows no table: who uses it runs the migrations.

use anyhow::Context as _;
use sea_orm::{ConnectionTrait, Database, DbBackend, Statement};

/// A database of one test.
#[derive(Debug)]
pub struct TestDb {
    url: String,
    // Held for its `Drop`: removes the folder with the SQLite file.
    _folder: Option<tempfile::TempDir>,
}

impl TestDb {
    /// Makes one.
    ///
    /// # Errors
    /// When there is no temporary folder, or the PostgreSQL server does not answer.
    pub async fn new() -> anyhow::Result<Self> {
        match postgres_url() {
            Some(url) => Self::schema_in(&url).await,
            None => Self::file(),
        }
    }

    fn file() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("a folder for the test database")?;
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("test.db").display());
        Ok(Self { url, _folder: Some(folder) })
    }

    async fn schema_in(server: &str) -> anyhow::Result<Self> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
        let schema = format!("test_{:016x}", u64::from_le_bytes(random));
        let connection = Database::connect(server).await.context("the PostgreSQL of TEST_DATABASE_URL")?;
        connection.execute_raw(Statement::from_string(DbBackend::Postgres, format!("CREATE SCHEMA {schema}"))).await?;
        connection.close().await?;
        let mark = if server.contains('?') { '&' } else { '?' };
        Ok(Self { url: format!("{server}{mark}options=-csearch_path%3D{schema}"), _folder: None })
    }

    /// What to put into `database.url`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

#[expect(clippy::disallowed_methods, reason = "the one setting of the test suite; there is no settings file for tests")]
fn postgres_url() -> Option<String> {
    std::env::var("TEST_DATABASE_URL").ok().filter(|url| !url.is_empty())
}
