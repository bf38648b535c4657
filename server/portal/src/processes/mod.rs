//! Processes that share a database, and how they share quotas.
//!
//! - A process says every few seconds that it is there. One that has not said so for half a minute does not count. Clocks
//!   of machines that share a database must agree to a few seconds.
//! - A process spends of a quota only what it *holds*: units that it was granted, and those that it took and whose rows
//!   are not stored yet. Rows stored, and what all processes hold, never come to more than the quota: whoever is granted
//!   something sums both up while nobody else can be granted any.
//! - What is stored and still held is counted twice until its process says anew what it holds. So a process may be told no
//!   a moment too early, never too late.
//! - What a killed process holds stays held until it starts again and has stored the rows that it left behind, or until
//!   the period ends: nobody else can know how much of it was spent.

use contract::{ApiId, Millis, OrganizationId};
use sea_orm::sea_query::OnConflict;
use sea_orm::{DbErr, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Set};
use uuid::Uuid;

use crate::subscriptions::top_ups;
use crate::{Db, Result, Tx, usage};

mod table;
#[cfg(test)]
mod tests;

use table::leases;

/// Whoever was not seen for this long is not there.
pub const GONE_MS: Millis = 30_000;

/// Holds the place of a quota, so that one process at a time is granted something: no process is called that.
const NOBODY: Uuid = Uuid::nil();

/// A process starts: its rows are stored, so it holds nothing.
///
/// # Errors
/// Only when the database fails.
pub async fn begin(db: &Db, process: Uuid, now: Millis) -> Result<()> {
    let tx = db.begin().await?;
    leases::Entity::delete_many().filter(leases::COLUMN.process_id.eq(process)).exec(&tx).await?;
    leases::Entity::delete_many().filter(leases::COLUMN.window_end.lte(now)).exec(&tx).await?;
    seen(&tx, process, now).await?;
    tx.commit().await?;
    Ok(())
}

/// A process is there. Says how many are.
///
/// # Errors
/// Only when the database fails.
pub async fn beat(db: &Db, process: Uuid, now: Millis) -> Result<u64> {
    let tx = db.begin().await?;
    seen(&tx, process, now).await?;
    tx.commit().await?;
    let there = table::Entity::find().filter(table::COLUMN.seen_at.gt(now - GONE_MS));
    Ok(there.count(db.read()).await?)
}

/// A process ends, and all its rows are stored.
///
/// # Errors
/// Only when the database fails.
pub async fn end(db: &Db, process: Uuid) -> Result<()> {
    let tx = db.begin().await?;
    leases::Entity::delete_many().filter(leases::COLUMN.process_id.eq(process)).exec(&tx).await?;
    table::Entity::delete_by_id(process).exec(&tx).await?;
    tx.commit().await?;
    Ok(())
}

async fn seen(tx: &Tx, process: Uuid, now: Millis) -> Result<()> {
    let row = table::ActiveModel { id: Set(process), seen_at: Set(now) };
    table::Entity::insert(row)
        .on_conflict(OnConflict::column(table::Column::Id).update_column(table::Column::SeenAt).to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// What a process asks for.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// Who.
    pub process: Uuid,
    /// Of whose quota.
    pub organization: OrganizationId,
    /// At which API.
    pub api: ApiId,
    /// First moment of its period, and first one after it.
    pub window: (Millis, Millis),
    /// Units of the quota in that period.
    pub quota: i64,
    /// What it holds now.
    pub holds: i64,
    /// How much more it would like.
    pub wants: i64,
    /// How much more it cannot do without.
    pub needs: i64,
    /// How many processes are there.
    pub processes: i64,
}

/// What it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Units to hold in addition.
    pub units: i64,
    /// What is left for everybody after that.
    pub left: i64,
}

/// Grants units of a quota, as long as there are some. While somebody asks, no rows of theirs may be stored.
///
/// # Errors
/// Only when the database fails.
pub async fn lease(db: &Db, ask: &Ask, now: Millis) -> Result<Granted> {
    let Ask { organization, api, window: (from, until), .. } = *ask;
    let tx = db.begin().await?;
    let place = lease_of(ask, NOBODY, 0);
    match leases::Entity::insert(place)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(&tx)
        .await
    {
        Ok(_) | Err(DbErr::RecordNotInserted) => {}
        Err(error) => return Err(error.into()),
    }
    let held = leases::Entity::find()
        .filter(leases::COLUMN.organization_id.eq(organization.uuid()))
        .filter(leases::COLUMN.api_id.eq(api.uuid()))
        .filter(leases::COLUMN.window_start.eq(from))
        // Nobody comes first: whoever asks waits there.
        .order_by_asc(leases::Column::ProcessId)
        .lock_exclusive()
        .all(&tx)
        .await?;
    let others: i64 = held.iter().filter(|one| one.process_id != ask.process).map(|one| one.held).sum();
    let stored = usage::units(&tx, organization, api, from, until).await?;
    let extra = top_ups::extra(&tx, organization, api, now).await?.units + Ord::max(stored - ask.quota, 0);
    let left = ask.quota.saturating_add(extra) - stored - others - ask.holds;
    // Half of a fair share, so that the others find something, and the end of a quota is reached in small steps.
    let share = Ord::max(left / (2 * Ord::max(ask.processes, 1)), ask.needs);
    let units = if left < ask.needs { 0 } else { Ord::min(Ord::max(ask.wants, ask.needs), Ord::min(share, left)) };
    let units = Ord::max(units, 0);
    let mine = lease_of(ask, ask.process, ask.holds + units);
    leases::Entity::insert(mine)
        .on_conflict(OnConflict::columns(leases::KEY).update_column(leases::Column::Held).to_owned())
        .exec_without_returning(&tx)
        .await?;
    tx.commit().await?;
    Ok(Granted { units, left: Ord::max(left - units, 0) })
}

fn lease_of(ask: &Ask, process: Uuid, held: i64) -> leases::ActiveModel {
    leases::ActiveModel {
        organization_id: Set(ask.organization.uuid()),
        api_id: Set(ask.api.uuid()),
        window_start: Set(ask.window.0),
        process_id: Set(process),
        window_end: Set(ask.window.1),
        held: Set(held),
    }
}
