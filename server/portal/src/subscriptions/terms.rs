//! What the gateway must know of plans: the terms of each organization at each API.
//!
//! The gateway holds them in memory. It reads all of them when it starts, and hears of every change after its commit, one
//! change at a time: whoever changes a plan, an API or a subscription takes the turn of `Portal::change_key`
//! before the transaction begins and gives it to `commit`.

use std::collections::HashMap;

use contract::limits::{Limit, Period, Quota};
use contract::subscriptions::SubscriptionState;
use contract::{ApiId, OrganizationId, PlanId};
use sea_orm::entity::prelude::*;
use tokio::sync::OwnedMutexGuard;

use super::table;
use crate::apis::ApiRecord;
use crate::{Db, Op, Result, Tx, plans};

/// How much an organization may use of an API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// From which plan.
    pub plan: PlanId,
    /// What that plan is called, for refusals.
    pub plan_name: String,
    /// Requests in a short time.
    pub limit: Option<Limit>,
    /// Units in a period.
    pub quota: Option<Quota>,
}

/// The terms of an organization at an API, as they are now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermsRecord {
    /// Whose.
    pub organization: OrganizationId,
    /// At which API.
    pub api: ApiId,
    /// What its subscription gives; without one it has what the API gives everybody, [`ApiRecord::default_terms`].
    pub terms: Option<Terms>,
}

/// What must be told once a change is committed.
#[derive(Debug, Default)]
pub(crate) struct News {
    pub(crate) apis: Vec<ApiRecord>,
    pub(crate) terms: Vec<TermsRecord>,
}

/// The terms of every subscription that counts.
///
/// # Errors
/// Only when the database fails.
pub async fn load_all(db: &Db) -> Result<Vec<TermsRecord>> {
    let active = table::COLUMN.state.eq(SubscriptionState::Active.word());
    let plans: HashMap<Uuid, plans::table::Model> =
        plans::table::Entity::find().all(db.read()).await?.into_iter().map(|plan| (plan.id, plan)).collect();
    let rows = table::Entity::find().filter(active).all(db.read()).await?;
    Ok(rows.iter().filter_map(|row| plans.get(&row.plan_id).map(|plan| record(row, plan))).collect())
}

/// What a plan gives whoever has it by default.
pub(crate) fn of_plan(plan: &plans::table::Model) -> Terms {
    Terms { plan: plan.plan(), plan_name: plan.name.clone(), limit: plan.limit(), quota: plan.quota() }
}

/// What a subscription gives: the plan, and what staff set in its place.
pub(crate) fn of(row: &table::Model, plan: &plans::table::Model) -> Terms {
    let overrides = row.overrides();
    let mut terms = of_plan(plan);
    terms.limit = overrides.limit.or(terms.limit);
    if let Some(units) = overrides.units {
        // A plan without a quota has no period either.
        let period = terms.quota.map_or(Period::Month, |quota| quota.period);
        terms.quota = Some(Quota { units, period });
    }
    terms
}

/// A subscription that counts, as the gateway is told of it.
pub(crate) fn record(row: &table::Model, plan: &plans::table::Model) -> TermsRecord {
    TermsRecord { organization: row.organization(), api: row.api(), terms: Some(of(row, plan)) }
}

/// Every subscription that counts to a plan, as the gateway is told of them once the plan is another.
pub(crate) async fn of_subscribers(tx: &Tx, plan: &plans::table::Model) -> Result<Vec<TermsRecord>> {
    let rows = table::Entity::find()
        .filter(table::COLUMN.plan_id.eq(plan.id))
        .filter(table::COLUMN.state.eq(SubscriptionState::Active.word()))
        .all(tx)
        .await?;
    Ok(rows.iter().map(|row| record(row, plan)).collect())
}

/// Commits and tells, also if whoever asked is gone meanwhile: a browser that closes its connection drops us at the next
/// `await`, and the commit may have happened by then.
pub(crate) async fn commit(op: &Op, tx: Tx, turn: OwnedMutexGuard<()>, news: News) -> Result<()> {
    let op = op.clone();
    let told = tokio::spawn(async move {
        op.commit(tx).await?;
        let watcher = op.portal.keys_watcher();
        for record in news.apis {
            watcher.api_changed(record);
        }
        for record in news.terms {
            watcher.terms_changed(record);
        }
        drop(turn);
        Ok(())
    });
    told.await.map_err(anyhow::Error::from)?
}
