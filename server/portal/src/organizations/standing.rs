//! Whether the keys of an organization work, only while one of its owners is in good standing, and how much they may ask of
//! all APIs together.
//!
//! The gateway is told after the commit of every change to owners or to the state of an account, one change at a time:
//! whoever changes one of these takes the turn of [`crate::Portal::change_key`] before the transaction begins and gives
//! it to [`commit`].

use std::collections::HashMap;

use contract::accounts::AccountState;
use contract::limits::Limit;
use contract::{AccountId, OrganizationId, Role, SessionId};
use sea_orm::QuerySelect as _;
use sea_orm::entity::prelude::*;
use tokio::sync::OwnedMutexGuard;

use super::members;
use crate::changes::{self, Subject};
use crate::keys::{KeyRecord, KeyWatcher};
use crate::{Db, Op, Result, Tx, accounts};

/// Organizations that are looked at in one query: neither database takes a list of any length.
const AT_ONCE: usize = 500;

/// Where the keys of an organization stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    organization: OrganizationId,
    rests: bool,
    limit: Option<Limit>,
}

impl Standing {
    pub(crate) fn tell(self, watcher: &dyn KeyWatcher) {
        watcher.rests(self.organization, self.rests);
        watcher.limited(self.organization, self.limit);
    }
}

/// What must be told once a change is committed.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Sessions that ended, or work elsewhere now: what they hold open ends.
    pub(crate) sessions: Vec<SessionId>,
    /// Organizations whose owners, or the states of them, were changed.
    pub(crate) standings: Vec<Standing>,
    /// Keys that the gateway must know anew.
    pub(crate) keys: Vec<KeyRecord>,
}

/// Whether an owner in this state lets keys work.
const fn lets_keys_work(state: AccountState) -> bool {
    // Whoever has not verified their address has no key yet. When they get the first one they are active, and nobody
    // needs to be told at that moment.
    state.keys_work() || matches!(state, AccountState::Pending)
}

/// After a change of owners: where an organization stands now.
pub(crate) async fn owners_changed<C: ConnectionTrait>(db: &C, organization: OrganizationId) -> Result<Vec<Standing>> {
    standings(db, vec![organization.uuid()]).await
}

/// After a change of an account's state: where the organizations stand that it owns, perhaps with others.
pub(crate) async fn state_changed<C: ConnectionTrait>(db: &C, account: AccountId) -> Result<Vec<Standing>> {
    let owned = members::Entity::find()
        .filter(members::COLUMN.account_id.eq(account.uuid()))
        .filter(members::COLUMN.role.eq(Role::Owner.word()))
        .all(db)
        .await?;
    standings(db, owned.into_iter().map(|member| member.organization_id).collect()).await
}

async fn standings<C: ConnectionTrait>(db: &C, organizations: Vec<Uuid>) -> Result<Vec<Standing>> {
    let owners = members::Entity::find()
        .filter(members::COLUMN.organization_id.is_in(organizations.iter().copied()))
        .filter(members::COLUMN.role.eq(Role::Owner.word()))
        .all(db)
        .await?;
    let people = accounts::table::Entity::find()
        .filter(accounts::table::COLUMN.id.is_in(owners.iter().map(|owner| owner.account_id)))
        .all(db)
        .await?;
    let states: HashMap<Uuid, AccountState> = people.iter().map(|person| (person.id, person.state())).collect();
    let works = |organization: &Uuid| {
        let mut own = owners.iter().filter(|owner| owner.organization_id == *organization);
        own.any(|owner| states.get(&owner.account_id).is_some_and(|state| lets_keys_work(*state)))
    };
    let limits: HashMap<Uuid, Limit> = super::table::Entity::find()
        .filter(super::table::COLUMN.id.is_in(organizations.iter().copied()))
        .filter(super::table::COLUMN.limit_requests.is_not_null())
        .all(db)
        .await?
        .iter()
        .filter_map(|row| Some((row.id, row.limit()?)))
        .collect();
    let standing = |id: Uuid| Standing {
        organization: OrganizationId::new(id),
        rests: !works(&id),
        limit: limits.get(&id).copied(),
    };
    Ok(organizations.into_iter().map(standing).collect())
}

/// The organizations whose keys rest: for the gateway, when it starts.
///
/// # Errors
/// Only when the database fails.
pub async fn resting(db: &Db) -> Result<Vec<OrganizationId>> {
    let db = db.read();
    let words = AccountState::ALL.into_iter().filter(|state| !lets_keys_work(*state)).map(AccountState::word);
    let people = accounts::table::Entity::find().filter(accounts::table::COLUMN.state.is_in(words)).all(db).await?;
    let mut resting = Vec::new();
    for person in people {
        let standings = state_changed(db, person.account()).await?;
        resting.extend(standings.into_iter().filter(|one| one.rests).map(|one| one.organization));
    }
    resting.sort_unstable();
    resting.dedup();
    Ok(resting)
}

/// Where every organization stands: for a gateway that lost count.
pub(crate) async fn load_all(db: &Db) -> Result<Vec<Standing>> {
    let db = db.read();
    let all: Vec<Uuid> =
        super::table::Entity::find().select_only().column(super::table::Column::Id).into_tuple().all(db).await?;
    let mut found = Vec::with_capacity(all.len());
    for some in all.chunks(AT_ONCE) {
        found.extend(standings(db, some.to_vec()).await?);
    }
    Ok(found)
}

/// Commits and tells, also if whoever asked is gone meanwhile: a browser that closes its connection drops us at the next
/// `await`, and the commit may have happened by then.
pub(crate) async fn commit(op: &Op, tx: Tx, turn: OwnedMutexGuard<()>, news: News) -> Result<()> {
    let op = op.clone();
    let told = tokio::spawn(async move {
        let standings = news.standings.iter().map(|one| Subject::Organization(one.organization));
        let keys = news.keys.iter().map(|record| Subject::Key(record.caller.key));
        changes::record(&tx, standings.chain(keys)).await?;
        op.commit_endings(tx, news.sessions).await?;
        let watcher = op.portal.keys_watcher();
        for standing in news.standings {
            standing.tell(watcher);
        }
        for record in news.keys {
            watcher.changed(record);
        }
        drop(turn);
        Ok(())
    });
    told.await.map_err(anyhow::Error::from)?
}
