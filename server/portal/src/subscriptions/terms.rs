//! What the gateway must know of plans: the terms of each organization at each API.
//!
//! The gateway holds them in memory. It reads all of them when it starts, and hears of every change after its commit, one
//! change at a time: whoever changes a plan, an API or a subscription takes the turn of `Portal::change_key`
//! before the transaction begins and gives it to `commit`.

use std::collections::HashMap;

use contract::limits::{Limit, Period, Quota};
use contract::plans::Resets;
use contract::subscriptions::SubscriptionState;
use contract::{ApiId, Millis, OrganizationId, PlanId};
use sea_orm::QuerySelect as _;
use sea_orm::entity::prelude::*;
use tokio::sync::OwnedMutexGuard;

use super::{table, top_ups};
use crate::apis::ApiRecord;
use crate::changes::{self, Subject};
use crate::plans::windows::Windows;
use crate::{Db, Op, Result, Tx, apis, plans};

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
    /// When those periods begin.
    pub resets: Resets,
    /// When the subscription began; the plan, for whoever has it without one.
    pub since: Millis,
    /// Units that were ever given beside the quota, as far as they were looked up: another number says that there is
    /// something to count anew.
    pub top_ups: i64,
}

impl Terms {
    /// The periods of the quota.
    #[must_use]
    pub fn windows(&self) -> Option<Windows> {
        self.quota.map(|quota| Windows::new(quota.period, &self.resets, self.since))
    }
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

impl News {
    /// An API brings the terms of everybody who has a subscription to it.
    fn subjects(&self) -> Vec<Subject> {
        let apis = self.apis.iter().map(|api| Subject::Api(api.id));
        let told = |record: &&TermsRecord| !self.apis.iter().any(|api| api.id == record.api);
        let terms = self.terms.iter().filter(told).map(|record| Subject::Terms(record.organization, record.api));
        apis.chain(terms).collect()
    }
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

/// The terms of every subscription to an API that counts.
pub(crate) async fn load_of_api(db: &Db, api: ApiId) -> Result<Vec<TermsRecord>> {
    let plans = plans::of_api(db.read(), api.uuid()).await?;
    let rows = table::Entity::find()
        .filter(table::COLUMN.api_id.eq(api.uuid()))
        .filter(table::COLUMN.state.eq(SubscriptionState::Active.word()))
        .all(db.read())
        .await?;
    let plan_of = |row: &table::Model| plans.iter().find(|plan| plan.id == row.plan_id);
    Ok(rows.iter().filter_map(|row| plan_of(row).map(|plan| record(row, plan))).collect())
}

/// What an organization has of an API now, also if that is no subscription.
pub(crate) async fn load_one(db: &Db, organization: OrganizationId, api: ApiId) -> Result<TermsRecord> {
    let nothing = TermsRecord { organization, api, terms: None };
    let row = table::in_state(db.read(), organization, api.uuid(), SubscriptionState::Active).await?;
    let Some(row) = row else { return Ok(nothing) };
    let plan = plans::table::Entity::find_by_id(row.plan_id).one(db.read()).await?;
    let Some(plan) = plan else { return Ok(nothing) };
    let mut record = record(&row, &plan);
    if let Some(terms) = &mut record.terms {
        terms.top_ups = top_ups::given_units(db.read(), organization, api).await?;
    }
    Ok(record)
}

/// What an organization has of an API, from a subscription or by default.
pub(crate) async fn current<C: ConnectionTrait>(
    db: &C,
    organization: OrganizationId,
    api: ApiId,
) -> Result<Option<Terms>> {
    let row = table::in_state(db, organization, api.uuid(), SubscriptionState::Active).await?;
    let plan = match &row {
        Some(row) => Some(row.plan_id),
        None => apis::table::Entity::find_by_id(api.uuid()).one(db).await?.and_then(|api| api.default_plan_id),
    };
    let Some(plan) = plan else { return Ok(None) };
    let plan = plans::table::Entity::find_by_id(plan).one(db).await?;
    Ok(plan.map(|plan| row.as_ref().map_or_else(|| of_plan(&plan), |row| of(row, &plan))))
}

/// What everybody has now who ever had a subscription, also if that is none.
pub(crate) async fn load_everybodys(db: &Db) -> Result<Vec<TermsRecord>> {
    let ever: Vec<(Uuid, Uuid)> = table::Entity::find()
        .select_only()
        .column(table::Column::OrganizationId)
        .column(table::Column::ApiId)
        .distinct()
        .into_tuple()
        .all(db.read())
        .await?;
    let active = load_all(db).await?;
    let mut all: HashMap<(OrganizationId, ApiId), TermsRecord> = ever
        .into_iter()
        .map(|(organization, api)| (OrganizationId::new(organization), ApiId::new(api)))
        .map(|(organization, api)| ((organization, api), TermsRecord { organization, api, terms: None }))
        .collect();
    all.extend(active.into_iter().map(|record| ((record.organization, record.api), record)));
    Ok(all.into_values().collect())
}

/// What a plan gives whoever has it by default.
pub(crate) fn of_plan(plan: &plans::table::Model) -> Terms {
    Terms {
        plan: plan.plan(),
        plan_name: plan.name.clone(),
        limit: plan.limit(),
        quota: plan.quota(),
        resets: plan.resets(),
        since: plan.created_at,
        top_ups: 0,
    }
}

/// What a subscription gives: the plan, and what staff set in its place.
pub(crate) fn of(row: &table::Model, plan: &plans::table::Model) -> Terms {
    let overrides = row.overrides();
    let mut terms = of_plan(plan);
    terms.limit = overrides.limit.or(terms.limit);
    terms.since = row.decided_at.unwrap_or(row.requested_at);
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
        changes::record(&tx, news.subjects()).await?;
        op.commit(tx).await?;
        let watcher = op.portal.keys_watcher();
        for record in news.apis {
            watcher.api_changed(record);
        }
        for record in news.terms {
            watcher.terms_changed(record);
        }
        drop(turn);
        watcher.settle().await;
        Ok(())
    });
    told.await.map_err(anyhow::Error::from)?
}
