//! Units that staff give an organization once, beside the quota of its plan.
//!
//! - They are spent after what the plan gives in a period. What is left of them stays for the next, until it ends.
//! - They belong to the organization and the API: another plan keeps them.
//! - What is spent of them is written with the rows that spent it, in one transaction: so it is as true as the rows, also
//!   after a kill. Of several, the one that ends first is spent first.

use std::collections::{BTreeMap, HashMap};

use contract::audit_log::Action;
use contract::fields::Check;
use contract::keys::terms::end;
use contract::limits::LIMIT_MAX;
use contract::request_logs::RequestRow;
use contract::subscriptions::{NOTE_MAX, SubscriptionState, TopUp};
use contract::{ApiId, Millis, OrganizationId, Refusal, SubscriptionId, TopUpId};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{IntoActiveModel as _, QueryOrder as _, QuerySelect as _, Set};

use super::terms::{self, News};
use super::{Held, event, hold, letters, require_state};
use crate::apis::input::{line, needed_number};
use crate::apis::require_manager;
use crate::{Db, Op, Result, Tx, audit_log, usage};

#[cfg(test)]
mod tests;

pub(crate) mod table {
    //! Table `top_ups`.

    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "top_ups")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub subscription_id: Uuid,
        pub organization_id: Uuid,
        pub api_id: Uuid,
        pub units: i64,
        pub spent: i64,
        pub reason: String,
        pub created_by: Option<Uuid>,
        pub created_at: i64,
        pub expires_at: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Units that an organization can be given at an API and not have spent: more is another plan.
const TOP_UPS_MAX: u32 = 20;

/// What staff give, as the words in the form.
#[derive(Clone, Debug, Default)]
pub struct NewTopUp {
    /// How many units.
    pub units: String,
    /// Why; the organization reads it.
    pub reason: String,
    /// Until when they can be spent, in UTC; empty for ever.
    pub expires_at: String,
}

/// Gives units. The gateway counts with them before this returns.
///
/// # Errors
/// [`Refusal::InvalidInput`], [`Refusal::NotFound`]; [`Refusal::StateConflict`] for a subscription that does not count,
/// or gives no quota; [`Refusal::TooMany`], and those of [`Op::require_staff`].
pub async fn top_up(op: &Op, id: SubscriptionId, new: &NewTopUp) -> Result<TopUpId> {
    require_manager(op)?;
    let mut check = Check::default();
    let units = needed_number(&mut check, "extra_units", &new.units, (1, LIMIT_MAX));
    let reason = line(&mut check, "reason", &new.reason, NOTE_MAX);
    let expires_at = end(&mut check, &new.expires_at, op.now_ms(), None);
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let Held { api, plan, row } = hold(&tx, id).await?;
    require_state(&row, SubscriptionState::Active)?;
    if terms::of(&row, &plan).quota.is_none() {
        return Err(Refusal::StateConflict.into());
    }
    let unspent = unspent(&tx, row.organization(), row.api()).await?;
    if unspent.iter().filter(|one| one.left(op.now_ms()) > 0).count() >= TOP_UPS_MAX as usize {
        return Err(Refusal::TooMany { max: TOP_UPS_MAX }.into());
    }
    let given = table::ActiveModel {
        id: Set(op.new_uuid()),
        subscription_id: Set(row.id),
        organization_id: Set(row.organization_id),
        api_id: Set(row.api_id),
        units: Set(units),
        spent: Set(0),
        reason: Set(reason.clone()),
        created_by: Set(op.person().ok().map(|person| person.account.uuid())),
        created_at: Set(op.now_ms()),
        expires_at: Set(expires_at),
    }
    .insert(&tx)
    .await?;
    letters::topped_up(&tx, op, &row, &api, units, &reason).await?;
    let mut record = terms::record(&row, &plan);
    if let Some(terms) = &mut record.terms {
        terms.top_ups = given_units(&tx, row.organization(), row.api()).await?;
    }
    let event = event(Action::SubscriptionToppedUp, &row, &api, &plan).detail("units", units);
    audit_log::record(&tx, op, event).await?;
    terms::commit(op, tx, turn, News { terms: vec![record], ..News::default() }).await?;
    Ok(TopUpId::new(given.id))
}

impl table::Model {
    fn left(&self, now: Millis) -> i64 {
        if self.expires_at.is_some_and(|end| end <= now) { 0 } else { Ord::max(self.units - self.spent, 0) }
    }

    fn into_top_up(self) -> TopUp {
        TopUp {
            id: TopUpId::new(self.id),
            units: self.units,
            spent: self.spent,
            reason: self.reason,
            created_at: self.created_at,
            expires_at: self.expires_at,
        }
    }
}

fn of(organization: OrganizationId, api: ApiId) -> Select<table::Entity> {
    table::Entity::find()
        .filter(table::COLUMN.organization_id.eq(organization.uuid()))
        .filter(table::COLUMN.api_id.eq(api.uuid()))
}

fn not_spent() -> Expr {
    Expr::col(table::Column::Spent).lt(Expr::col(table::Column::Units))
}

async fn unspent<C: ConnectionTrait>(
    db: &C,
    organization: OrganizationId,
    api: ApiId,
) -> Result<Vec<table::Model>, DbErr> {
    of(organization, api).filter(not_spent()).all(db).await
}

/// All units that were ever given: another number, whenever somebody gives some.
pub(crate) async fn given_units<C: ConnectionTrait>(db: &C, organization: OrganizationId, api: ApiId) -> Result<i64> {
    let all = of(organization, api).all(db).await?;
    Ok(all.iter().map(|one| one.units).fold(0, i64::saturating_add))
}

/// What an organization was given, the newest first.
pub(crate) async fn list<C: ConnectionTrait>(db: &C, organization: OrganizationId, api: ApiId) -> Result<Vec<TopUp>> {
    let all = of(organization, api).order_by_desc(table::Column::CreatedAt).all(db).await?;
    Ok(all.into_iter().map(table::Model::into_top_up).collect())
}

/// What organizations were given at an API, the newest first.
pub(crate) async fn by_organization(db: &Db, api: Uuid) -> Result<HashMap<OrganizationId, Vec<TopUp>>> {
    let all = table::Entity::find()
        .filter(table::COLUMN.api_id.eq(api))
        .order_by_desc(table::Column::CreatedAt)
        .all(db.read())
        .await?;
    let mut given: HashMap<_, Vec<_>> = HashMap::new();
    for one in all {
        given.entry(OrganizationId::new(one.organization_id)).or_default().push(one.into_top_up());
    }
    Ok(given)
}

/// What an organization has left beside its quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extra {
    /// Units.
    pub units: i64,
    /// When the first of them end.
    pub ends_at: Option<Millis>,
}

/// What every organization has left beside its quota of an API, of those that have something.
///
/// # Errors
/// Only when the database fails.
pub async fn extras(db: &Db, api: ApiId, now: Millis) -> Result<HashMap<OrganizationId, Extra>> {
    extras_of(db.read(), table::Entity::find().filter(table::COLUMN.api_id.eq(api.uuid())), now).await
}

/// What one organization has left beside its quota of an API.
pub(crate) async fn extra<C: ConnectionTrait>(
    db: &C,
    organization: OrganizationId,
    api: ApiId,
    now: Millis,
) -> Result<Extra> {
    Ok(extras_of(db, of(organization, api), now).await?.remove(&organization).unwrap_or_default())
}

async fn extras_of<C: ConnectionTrait>(
    db: &C,
    which: Select<table::Entity>,
    now: Millis,
) -> Result<HashMap<OrganizationId, Extra>> {
    let mut extras: HashMap<OrganizationId, Extra> = HashMap::new();
    for one in which.filter(not_spent()).all(db).await?.iter().filter(|one| one.left(now) > 0) {
        let extra = extras.entry(OrganizationId::new(one.organization_id)).or_default();
        extra.units = extra.units.saturating_add(one.left(now));
        extra.ends_at = match (extra.ends_at, one.expires_at) {
            (Some(known), Some(end)) => Some(Ord::min(known, end)),
            (known, end) => known.or(end),
        };
    }
    Ok(extras)
}

/// What rows that were counted in this transaction spent beyond a quota goes off what is left beside it.
pub(crate) async fn charge(tx: &Tx, rows: &[&RequestRow]) -> Result<()> {
    let mut costs: BTreeMap<(OrganizationId, ApiId), Vec<(Millis, i64)>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.cost > 0) {
        if let (Some(caller), Some((api, _))) = (&row.caller, &row.api) {
            costs.entry((caller.organization, *api)).or_default().push((row.at, row.cost));
        }
    }
    if costs.is_empty() {
        return Ok(());
    }
    // Held from here on, before anything is summed up: of two processes that store at the same moment, the second sees
    // what the first one stored. In one order, so that they do not wait for each other in a circle.
    let held = table::Entity::find()
        .filter(not_spent())
        .filter(table::COLUMN.organization_id.is_in(costs.keys().map(|(organization, _)| organization.uuid())))
        .order_by_asc(table::Column::Id)
        .lock_exclusive()
        .all(tx)
        .await?;
    let mut given: BTreeMap<(OrganizationId, ApiId), Vec<table::Model>> = BTreeMap::new();
    for one in held {
        given.entry((OrganizationId::new(one.organization_id), ApiId::new(one.api_id))).or_default().push(one);
    }
    for ((organization, api), mut top_ups) in given {
        let Some(costs) = costs.get(&(organization, api)) else { continue };
        let Some(terms) = terms::current(tx, organization, api).await? else { continue };
        let Some((quota, windows)) = terms.quota.zip(terms.windows()) else { continue };
        top_ups.sort_by_key(|one| (one.expires_at.unwrap_or(Millis::MAX), one.created_at));
        let mut by_window: BTreeMap<(Millis, Millis), (i64, Millis)> = BTreeMap::new();
        for (at, cost) in costs {
            let (units, latest) = by_window.entry(windows.bounds(*at)).or_insert((0, *at));
            (*units, *latest) = (units.saturating_add(*cost), Ord::max(*latest, *at));
        }
        let mut charged: Vec<i64> = vec![0; top_ups.len()];
        for ((from, until), (units, latest)) in by_window {
            let after = usage::units(tx, organization, api, from, until).await?;
            let beyond = |sum: i64| Ord::max(sum - quota.units, 0);
            let mut owed = beyond(after) - beyond(after - units);
            for (one, charged) in top_ups.iter().zip(&mut charged) {
                let left = Ord::max(one.left(latest) - *charged, 0);
                let paid = Ord::min(owed, left);
                *charged += paid;
                owed -= paid;
            }
        }
        for (one, charged) in top_ups.into_iter().zip(charged).filter(|(_, charged)| *charged > 0) {
            let spent = one.spent + charged;
            let mut one = one.into_active_model();
            one.spent = Set(spent);
            one.update(tx).await?;
        }
    }
    Ok(())
}
