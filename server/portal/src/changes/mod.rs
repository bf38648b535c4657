//! Changes that gateways must know: how one process hears what another one committed.
//!
//! - Whatever tells the [`crate::keys::KeyWatcher`] of its own process writes down here what it was about, in the same transaction.
//!   A rolled-back change leaves nothing.
//! - Numbers have no gap and stand in the order of the commits: whoever writes holds the head until the commit, and does
//!   so last. So whoever has read up to a number has missed nothing before it. A sequence of the database would not do:
//!   it hands 4 and 5 out in one order and lets them be committed in the other.
//! - A process looks each second, and at once when the database rings. A lost ring costs a second, no more.
//! - What is applied is read anew, under the turn in which this process changes things itself: telling of a thing twice,
//!   or late, tells what it is now.
//! - Whoever was away for longer than changes are kept takes everything anew.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use contract::{ApiId, KeyId, OrganizationId};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Set};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{Db, Portal, Result, Tx, apis, imports, keys, organizations, subscriptions};

mod table;
#[cfg(test)]
mod tests;

use table::head;

/// The one row of `change_head`.
const HEAD: i64 = 1;

/// Changes that are kept: hours of busy desks, and read in a moment.
const KEPT: i64 = 10_000;

/// Changes applied at a time, and rows of one INSERT.
const BATCH: u64 = 500;

/// How often a process looks for itself, and with it the longest that it does not know of a change while the database
/// answers.
pub const EVERY: Duration = Duration::from_secs(1);

/// A database that hangs must not keep this process from making changes of its own for ever.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a change was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// An API, its default plan, and the terms of everybody who has a subscription to it. First: whoever finds an API
    /// must find the terms at it.
    Api(ApiId),
    /// The terms of one organization.
    Terms(OrganizationId, ApiId),
    /// Whether the keys of an organization rest.
    Organization(OrganizationId),
    /// A key.
    Key(KeyId),
}

impl Subject {
    fn into_row(self, seq: i64) -> table::ActiveModel {
        let (kind, subject, api) = match self {
            Self::Api(id) => ("api", id.uuid(), None),
            Self::Terms(organization, api) => ("terms", organization.uuid(), Some(api.uuid())),
            Self::Organization(id) => ("organization", id.uuid(), None),
            Self::Key(id) => ("key", id.uuid(), None),
        };
        table::ActiveModel { seq: Set(seq), kind: Set(kind.to_owned()), subject_id: Set(subject), api_id: Set(api) }
    }

    /// `None` for a kind that a later version writes.
    fn of(row: &table::Model) -> Option<Self> {
        Some(match (row.kind.as_str(), row.api_id) {
            ("api", _) => Self::Api(ApiId::new(row.subject_id)),
            ("terms", Some(api)) => Self::Terms(OrganizationId::new(row.subject_id), ApiId::new(api)),
            ("organization", _) => Self::Organization(OrganizationId::new(row.subject_id)),
            ("key", _) => Self::Key(KeyId::new(row.subject_id)),
            _ => return None,
        })
    }
}

/// Writes down what a transaction changes, and rings for other processes once it is committed. The last thing before the
/// commit, after the audit log: whoever else changes something waits from here on.
pub(crate) async fn record(tx: &Tx, subjects: impl IntoIterator<Item = Subject>) -> Result<()> {
    let subjects: BTreeSet<Subject> = subjects.into_iter().collect();
    if subjects.is_empty() {
        return Ok(());
    }
    let more = i64::try_from(subjects.len()).unwrap_or(i64::MAX);
    // Locks the row until the commit.
    let moved = head::Entity::update_many()
        .col_expr(head::Column::Seq, Expr::col(head::Column::Seq).add(more))
        .filter(head::COLUMN.id.eq(HEAD))
        .exec(tx)
        .await?;
    if moved.rows_affected != 1 {
        return Err(anyhow::anyhow!("the changes have no head").into());
    }
    let last = newest(tx).await?;
    let rows: Vec<_> = (last - more + 1..).zip(subjects).map(|(seq, subject)| subject.into_row(seq)).collect();
    for rows in rows.chunks(BATCH as usize) {
        table::Entity::insert_many(rows.to_vec()).exec_without_returning(tx).await?;
    }
    table::Entity::delete_many().filter(table::COLUMN.seq.lte(last - KEPT)).exec(tx).await?;
    Db::ring(tx).await
}

async fn newest<C: sea_orm::ConnectionTrait>(db: &C) -> Result<i64> {
    let head = head::Entity::find_by_id(HEAD).one(db).await?.context("the changes have no head")?;
    Ok(head.seq)
}

/// How far a process has heard.
#[derive(Clone, Copy, Debug)]
pub struct Heard(i64);

impl Heard {
    /// Whoever asks now, and takes everything from the database afterwards, has heard everything up to here.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn now(db: &Db) -> Result<Self> {
        Ok(Self(newest(db.read()).await?))
    }

    /// Tells the watcher of this process what was changed since, and says how many changes that were.
    ///
    /// # Errors
    /// Only when the database fails; what was told by then is told again the next time.
    pub async fn catch_up(&mut self, portal: &Portal) -> Result<u64> {
        let newest = newest(portal.db().read()).await?;
        let before = self.0;
        if newest < self.0 {
            // The database is an older copy of itself.
            let turn = portal.change_key().await;
            tell_everything(portal).await?;
            drop(turn);
            self.0 = newest;
        }
        while self.0 < newest {
            let rows = table::Entity::find()
                .filter(table::COLUMN.seq.gt(self.0))
                .order_by_asc(table::COLUMN.seq)
                .limit(BATCH)
                .all(portal.db().read())
                .await?;
            // From here on nobody in this process changes anything: what is read now is told before what comes next.
            let turn = portal.change_key().await;
            match (rows.first(), rows.last()) {
                (Some(first), Some(last)) if first.seq == self.0 + 1 => {
                    let subjects: BTreeSet<Subject> = rows.iter().filter_map(Subject::of).collect();
                    for subject in subjects {
                        tell(portal, subject).await?;
                    }
                    self.0 = last.seq;
                }
                // Away for longer than changes are kept.
                _ => {
                    tell_everything(portal).await?;
                    self.0 = newest;
                }
            }
            drop(turn);
        }
        portal.keys_watcher().settle().await;
        Ok(self.0.abs_diff(before))
    }
}

async fn tell(portal: &Portal, subject: Subject) -> Result<()> {
    let (db, watcher) = (portal.db(), portal.keys_watcher());
    match subject {
        Subject::Api(id) => {
            if let Some(record) = apis::load_one(db, id).await? {
                watcher.api_changed(record);
                for record in subscriptions::terms::load_of_api(db, id).await? {
                    watcher.terms_changed(record);
                }
            }
        }
        Subject::Terms(organization, api) => {
            watcher.terms_changed(subscriptions::terms::load_one(db, organization, api).await?);
        }
        Subject::Organization(id) => {
            for standing in organizations::standing::owners_changed(db.read(), id).await? {
                standing.tell(watcher);
            }
        }
        Subject::Key(id) => {
            if let Some(record) = keys::load_one(portal, id).await? {
                watcher.changed(record);
                watcher.old_formats(imports::old_formats(db).await?);
            }
        }
    }
    Ok(())
}

async fn tell_everything(portal: &Portal) -> Result<()> {
    let (db, watcher) = (portal.db(), portal.keys_watcher());
    for record in apis::load_all(db).await? {
        watcher.api_changed(record);
    }
    // Of everybody who ever had a subscription: some have none any more.
    for record in subscriptions::terms::load_everybodys(db).await? {
        watcher.terms_changed(record);
    }
    for standing in organizations::standing::load_all(db).await? {
        standing.tell(watcher);
    }
    for record in keys::load_all(portal).await? {
        watcher.changed(record);
    }
    watcher.old_formats(imports::old_formats(db).await?);
    Ok(())
}

/// Tells the watcher of this process what others change, until the end.
pub async fn run(portal: Portal, mut heard: Heard, end: CancellationToken) {
    let bell = Arc::new(Notify::new());
    let mut listening = std::pin::pin!(portal.db().listen(Arc::clone(&bell)));
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut away = false;
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            never = &mut listening => match never {},
            () = bell.notified() => {}
            _ = ticks.tick() => {}
        }
        let caught_up = tokio::select! {
            () = end.cancelled() => return,
            caught_up = tokio::time::timeout(PATIENCE, heard.catch_up(&portal)) => caught_up,
        };
        let failed = match caught_up {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(format!("{error:#}")),
            Err(_) => Some("the database did not answer in time".to_owned()),
        };
        match (&failed, away) {
            (Some(error), false) => {
                tracing::warn!("Changes by other processes are not heard, the gateway answers from memory: {error}");
            }
            (None, true) => tracing::info!("Changes by other processes are heard again"),
            _ => {}
        }
        away = failed.is_some();
    }
}
