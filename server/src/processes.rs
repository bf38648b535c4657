//! This process among others that run on the same database.
//!
//! - Any number of processes share a PostgreSQL database, each with a data folder of its own. They hear of each other's
//!   changes (`portal::changes`) and share quotas (`portal::processes`).
//! - A SQLite file is for one process: it has no way to tell others of changes in time.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use portal::{Db, Portal};
use uuid::Uuid;

use crate::clock;
use crate::directories::Directories;

/// Beside a SQLite file: held by the process that uses it.
const LOCK: &str = "lock";

/// In the data folder: by what other processes know this one, also when it starts again.
const NAME: &str = "process";

/// Takes a SQLite file for this process, for as long as the answer is kept. Nothing to take on PostgreSQL.
///
/// # Errors
/// When another process has it.
pub fn alone_on(url: &str) -> anyhow::Result<Option<File>> {
    let Some(path) = url.strip_prefix("sqlite://").and_then(|rest| rest.split('?').next()) else { return Ok(None) };
    let path = Path::new(path).with_added_extension(LOCK);
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let file = file.with_context(|| format!("could not open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => bail!(
            "another process uses this SQLite database; end it, or let both use PostgreSQL, which several processes share"
        ),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("could not lock {}", path.display())),
    }
}

/// What this process is called among others; the same at every start with this data folder.
fn name(data: &Path) -> anyhow::Result<Uuid> {
    let path = data.join(NAME);
    if let Ok(text) = std::fs::read_to_string(&path) {
        return text.trim().parse().with_context(|| format!("{} does not hold a name; remove it", path.display()));
    }
    let name = Uuid::now_v7();
    std::fs::write(&path, format!("{name}\n")).with_context(|| format!("could not write {}", path.display()))?;
    Ok(name)
}

/// This process, where there may be others.
#[derive(Clone, Copy, Debug)]
pub struct Here(Uuid);

/// Comes in among the processes of a database that several share; to be called once all rows of an earlier life are
/// stored, and before the directories are filled.
///
/// # Errors
/// When the database or the data folder fails.
pub async fn come_in(db: &Db, data: &Path, directories: &Directories) -> anyhow::Result<Option<Here>> {
    if !db.is_shared() {
        return Ok(None);
    }
    let name = name(data)?;
    portal::processes::begin(db, name, clock::now().timestamp_millis()).await?;
    directories.share(db.clone(), name);
    Ok(Some(Here(name)))
}

impl Here {
    /// Says that it is there, and learns how many are.
    pub async fn beat(self, portal: Portal, directories: Arc<Directories>) {
        match portal::processes::beat(portal.db(), self.0, clock::now().timestamp_millis()).await {
            Ok(processes) => directories.are(processes),
            // Whoever looks at the other jobs knows already.
            Err(error) => tracing::debug!("This process could not say that it is there: {error:#}"),
        }
    }

    /// Leaves, with all its rows stored: what it held of quotas is everybody's again.
    pub async fn leave(self, db: &Db) {
        if let Err(error) = portal::processes::end(db, self.0).await {
            tracing::warn!("What this process held of quotas is not given back until it starts again: {error:#}");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    #[test]
    fn a_process_is_called_the_same_at_every_start() {
        let data = tempfile::tempdir().unwrap();
        let name_of = || name(data.path()).unwrap();
        assert_eq!(name_of(), name_of());
        std::fs::write(data.path().join(NAME), "nonsense").unwrap();
        assert!(name(data.path()).unwrap_err().to_string().contains("remove it"));
    }

    #[test]
    fn a_sqlite_file_is_for_one_process_and_postgresql_for_any_number() {
        let data = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", data.path().join("one.db").display());
        let first = alone_on(&url).unwrap();
        assert!(first.is_some());
        let refused = alone_on(&url).unwrap_err().to_string();
        assert!(refused.contains("another process uses this SQLite database"), "{refused}");
        drop(first);
        assert!(alone_on(&url).unwrap().is_some());
        assert!(alone_on("postgres://somewhere/else").unwrap().is_none());
    }
}
