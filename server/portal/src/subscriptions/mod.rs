//! Subscriptions: an organization asks for a plan of an API, staff decide, the organization leaves.
//!
//! - For each organization and API at most one waits and at most one counts; the database holds that.
//! - What an organization has without a subscription is the API's default plan.
//! - The gateway is told after the commit of every change to what counts, and knows it before the verb returns.
//! - A subscription that ended stays, so that its organization sees what was decided, and why.

use std::collections::HashMap;

use contract::apis::ApiSummary;
use contract::audit_log::Action;
use contract::fields::Check;
use contract::limits::LIMIT_MAX;
use contract::plans::Approval;
use contract::subscriptions::{
    CurrentTerms, DeskSubscription, NOTE_MAX, OwnApi, OwnApiPage, Subscription, SubscriptionState,
};
use contract::{OrganizationId, Permission, PlanId, Refusal, StaffPermission, SubscriptionId};
use sea_orm::prelude::Uuid;
use sea_orm::{
    ActiveModelTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    Set,
};

use crate::apis::input::{limit, line, number};
use crate::apis::{self, require_manager};
use crate::audit_log::{self, Event};
use crate::{Op, Result, Tx, organizations, plans, usage};

mod giving;
mod letters;
mod listing;
pub(crate) mod table;
pub mod terms;
#[cfg(test)]
mod tests;
pub mod top_ups;

pub use giving::give;
pub use listing::{OfApi, list, read};
use terms::{News, Terms, TermsRecord};

/// Subscriptions that ended, on the page of their API.
const PAST: u64 = 10;

/// Subscriptions on a page of the desk.
const DESK_MAX: u64 = 200;

/// Asks for a plan. One that needs no approval counts before this returns, in place of the one before.
///
/// # Errors
/// [`Refusal::NotFound`] for a plan that is not offered; [`Refusal::StateConflict`] for the one that the organization
/// has; [`Refusal::InvalidInput`], and those of [`Op::require`].
pub async fn request(op: &Op, plan: PlanId, note: &str) -> Result<SubscriptionId> {
    let organization = op.require(Permission::ManageSubscriptions)?;
    let mut check = Check::default();
    let note = check.text("note", note, NOTE_MAX);
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    let person = op.person()?.account;
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let (api, plan) = plans::find_to_change(&tx, plan).await?;
    if !plan.is_offered() || api.closed_at.is_some() {
        return Err(Refusal::NotFound.into());
    }
    let active = table::in_state(&tx, organization, api.id, SubscriptionState::Active).await?;
    let has = active.as_ref().map_or(api.default_plan_id, |active| Some(active.plan_id));
    if has == Some(plan.id) {
        return Err(Refusal::StateConflict.into());
    }
    if let Some(earlier) = table::in_state(&tx, organization, api.id, SubscriptionState::Requested).await? {
        end(&tx, op, earlier, SubscriptionState::Replaced).await?;
    }
    let at_once = plan.approval() == Approval::Automatic;
    if let Some(before) = active.filter(|_| at_once) {
        end(&tx, op, before, SubscriptionState::Replaced).await?;
    }
    let state = if at_once { SubscriptionState::Active } else { SubscriptionState::Requested };
    let row = table::ActiveModel {
        id: Set(op.new_uuid()),
        organization_id: Set(organization.uuid()),
        api_id: Set(api.id),
        plan_id: Set(plan.id),
        state: Set(state.word().to_owned()),
        note: Set(note),
        reason: Set(None),
        requested_at: Set(op.now_ms()),
        requested_by: Set(Some(person.uuid())),
        decided_at: Set(at_once.then(|| op.now_ms())),
        decided_by: Set(None),
        ended_at: Set(None),
        override_requests: Set(None),
        override_seconds: Set(None),
        override_units: Set(None),
    }
    .insert(&tx)
    .await?;
    let (action, terms) = if at_once {
        (Action::SubscriptionActivated, vec![terms::record(&row, &plan)])
    } else {
        (Action::SubscriptionRequested, Vec::new())
    };
    audit_log::record(&tx, op, event(action, &row, &api, &plan)).await?;
    terms::commit(op, tx, turn, News { terms, ..News::default() }).await?;
    Ok(row.subscription())
}

/// Approves a request: its plan counts before this returns, in place of the one before.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::StateConflict`] if it does not wait, and those of [`Op::require_staff`].
pub async fn approve(op: &Op, id: SubscriptionId) -> Result<()> {
    require_manager(op)?;
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let Held { api, plan, row } = hold(&tx, id).await?;
    require_state(&row, SubscriptionState::Requested)?;
    if let Some(before) = table::in_state(&tx, row.organization(), api.id, SubscriptionState::Active).await? {
        end(&tx, op, before, SubscriptionState::Replaced).await?;
    }
    let row = decide(&tx, op, row, SubscriptionState::Active, None).await?;
    letters::approved(&tx, op, &row, &api, &plan).await?;
    let terms = vec![terms::record(&row, &plan)];
    audit_log::record(&tx, op, event(Action::SubscriptionApproved, &row, &api, &plan)).await?;
    terms::commit(op, tx, turn, News { terms, ..News::default() }).await
}

/// Rejects a request, with a reason that the organization reads. What counted before goes on.
///
/// # Errors
/// [`Refusal::InvalidInput`] without a reason, and those of [`approve`].
pub async fn reject(op: &Op, id: SubscriptionId, reason: &str) -> Result<()> {
    require_manager(op)?;
    let mut check = Check::default();
    let reason = line(&mut check, "reason", reason, NOTE_MAX);
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    let tx = op.begin().await?;
    let Held { api, plan, row } = hold(&tx, id).await?;
    require_state(&row, SubscriptionState::Requested)?;
    let row = decide(&tx, op, row, SubscriptionState::Rejected, Some(reason.clone())).await?;
    letters::rejected(&tx, op, &row, &api, &plan, &reason).await?;
    audit_log::record(&tx, op, event(Action::SubscriptionRejected, &row, &api, &plan)).await?;
    op.commit(tx).await
}

/// Ends a subscription that counts, or takes back a request that waits. What everybody has counts from then on.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::StateConflict`] if it ended before, and those of [`Op::require`].
pub async fn leave(op: &Op, id: SubscriptionId) -> Result<()> {
    let organization = op.require(Permission::ManageSubscriptions)?;
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let Held { api, plan, row } = hold(&tx, id).await?;
    if row.organization() != organization {
        return Err(Refusal::NotFound.into());
    }
    let terms = match row.state() {
        SubscriptionState::Requested => Vec::new(),
        SubscriptionState::Active => vec![TermsRecord { organization, api: row.api(), terms: None }],
        _ => return Err(Refusal::StateConflict.into()),
    };
    let row = end(&tx, op, row, SubscriptionState::Left).await?;
    audit_log::record(&tx, op, event(Action::SubscriptionLeft, &row, &api, &plan)).await?;
    terms::commit(op, tx, turn, News { terms, ..News::default() }).await
}

/// What staff give one organization in place of what its plan gives, as the words in the form; empty for the plan's.
#[derive(Clone, Debug, Default)]
pub struct NewOverrides {
    /// Requests in a short time.
    pub requests: String,
    /// That short time, in seconds.
    pub seconds: String,
    /// Units in the plan's period; a month where the plan has no quota.
    pub units: String,
}

/// Changes what a subscription gives in place of its plan.
///
/// # Errors
/// [`Refusal::InvalidInput`], [`Refusal::NotFound`], [`Refusal::StateConflict`] unless it counts, and those of
/// [`Op::require_staff`].
pub async fn change_overrides(op: &Op, id: SubscriptionId, new: &NewOverrides) -> Result<()> {
    require_manager(op)?;
    let mut check = Check::default();
    let limit = limit(&mut check, ("requests", &new.requests), ("seconds", &new.seconds));
    let units = number(&mut check, "units", &new.units, (1, LIMIT_MAX));
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let Held { api, plan, row } = hold(&tx, id).await?;
    require_state(&row, SubscriptionState::Active)?;
    let mut row = row.into_active_model();
    row.override_requests = Set(limit.map(|limit| i64::from(limit.requests)));
    row.override_seconds = Set(limit.map(|limit| i64::from(limit.seconds)));
    row.override_units = Set(units);
    let row = row.update(&tx).await?;
    let record = terms::record(&row, &plan);
    let gives = record.terms.as_ref().map(|terms| contract::plans::gives(terms.limit, terms.quota));
    let event = event(Action::SubscriptionOverridden, &row, &api, &plan).detail("gives", gives.unwrap_or_default());
    audit_log::record(&tx, op, event).await?;
    terms::commit(op, tx, turn, News { terms: vec![record], ..News::default() }).await
}

/// Every API, with what the person's organization has of it.
///
/// # Errors
/// Those of [`Op::require`].
pub async fn own(op: &Op) -> Result<Vec<OwnApi>> {
    let organization = op.require(Permission::ReadUsage)?;
    let mut all = Vec::new();
    for (row, summary) in apis::open(op.db()).await? {
        all.push(own_api(op, organization, &row, summary).await?.0);
    }
    Ok(all)
}

/// One API, with its plans and what the person's organization has, asked for and had.
///
/// # Errors
/// [`Refusal::NotFound`], and those of [`Op::require`].
pub async fn own_page(op: &Op, slug: &str) -> Result<OwnApiPage> {
    let organization = op.require(Permission::ReadUsage)?;
    let (api, summary) = apis::with_summary(apis::open_by_slug(op, slug).await?);
    let (own, active) = own_api(op, organization, &api, summary).await?;
    let db = op.db().read();
    let plans = plans::of_api(db, api.id).await?;
    let names: HashMap<Uuid, String> = plans.iter().map(|plan| (plan.id, plan.name.clone())).collect();
    let past = table::Entity::find()
        .filter(table::COLUMN.organization_id.eq(organization.uuid()))
        .filter(table::COLUMN.api_id.eq(api.id))
        .filter(table::COLUMN.state.is_not_in([SubscriptionState::Requested.word(), SubscriptionState::Active.word()]))
        .order_by_desc(table::COLUMN.requested_at)
        .limit(PAST)
        .all(db)
        .await?;
    Ok(OwnApiPage {
        own,
        active,
        top_ups: top_ups::list(db, organization, api.api()).await?,
        plans: plans.into_iter().filter(plans::table::Model::is_offered).map(plans::table::Model::into_plan).collect(),
        past: past.into_iter().map(|row| named(row, &names)).collect(),
        may_change: op.person()?.organization.role.allows(Permission::ManageSubscriptions),
    })
}

async fn own_api(
    op: &Op,
    organization: OrganizationId,
    api: &apis::table::Model,
    summary: ApiSummary,
) -> Result<(OwnApi, Option<Subscription>)> {
    let db = op.db().read();
    let plans = plans::of_api(db, api.id).await?;
    let names: HashMap<Uuid, String> = plans.iter().map(|plan| (plan.id, plan.name.clone())).collect();
    let of = |id: Uuid| plans.iter().find(|plan| plan.id == id);
    let active = table::in_state(db, organization, api.id, SubscriptionState::Active).await?;
    let requested = table::in_state(db, organization, api.id, SubscriptionState::Requested).await?;
    let by_default = active.is_none();
    let current: Option<Terms> = match &active {
        Some(row) => of(row.plan_id).map(|plan| terms::of(row, plan)),
        None => api.default_plan_id.and_then(of).map(terms::of_plan),
    };
    let windows = current.as_ref().and_then(Terms::windows);
    let bounds = windows.as_ref().map(|windows| windows.bounds(op.now_ms()));
    let used = match bounds {
        Some((from, until)) => Some(usage::units(db, organization, api.api(), from, until).await?),
        None => None,
    };
    let own = OwnApi {
        api: summary,
        open: plans.is_empty(),
        terms: current.map(|terms| CurrentTerms {
            plan_name: terms.plan_name,
            limit: terms.limit,
            quota: terms.quota,
            by_default,
        }),
        used,
        next_period_at: bounds.map(|(_, until)| until),
        next_period: windows.zip(bounds).map(|(windows, (_, until))| windows.words(until)),
        extra: top_ups::extra(db, organization, api.api(), op.now_ms()).await?.units,
        requested: requested.map(|row| named(row, &names)),
    };
    Ok((own, active.map(|row| named(row, &names))))
}

/// Subscriptions of an API that wait or count, those that wait first, for staff.
///
/// # Errors
/// [`Refusal::NotFound`], and those of [`Op::require_staff`].
pub async fn of_api(op: &Op, slug: &str) -> Result<Vec<DeskSubscription>> {
    op.require_staff(StaffPermission::ReadApis)?;
    let db = op.db().read();
    let api = apis::table::by_slug(db, slug).await?.ok_or(Refusal::NotFound)?;
    let names: HashMap<Uuid, String> =
        plans::of_api(db, api.id).await?.into_iter().map(|plan| (plan.id, plan.name)).collect();
    let mut rows = Vec::new();
    for state in [SubscriptionState::Requested, SubscriptionState::Active] {
        rows.extend(
            table::Entity::find()
                .filter(table::COLUMN.api_id.eq(api.id))
                .filter(table::COLUMN.state.eq(state.word()))
                .order_by_asc(table::COLUMN.requested_at)
                .limit(DESK_MAX)
                .all(db)
                .await?,
        );
    }
    let organizations: HashMap<Uuid, String> = organizations::table::Entity::find()
        .filter(organizations::table::COLUMN.id.is_in(rows.iter().map(|row| row.organization_id)))
        .all(db)
        .await?
        .into_iter()
        .map(|organization| (organization.id, organization.name))
        .collect();
    let mut given = top_ups::by_organization(op.db(), api.id).await?;
    let shown = |row: table::Model| DeskSubscription {
        top_ups: given.remove(&row.organization()).unwrap_or_default(),
        organization: row.organization(),
        organization_name: organizations.get(&row.organization_id).cloned().unwrap_or_default(),
        subscription: named(row, &names),
    };
    Ok(rows.into_iter().map(shown).collect())
}

fn named(row: table::Model, names: &HashMap<Uuid, String>) -> Subscription {
    let name = names.get(&row.plan_id).cloned().unwrap_or_default();
    row.into_subscription(name)
}

/// A subscription with its API, which is held, so that its subscriptions are changed one after another.
struct Held {
    api: apis::table::Model,
    plan: plans::table::Model,
    row: table::Model,
}

async fn hold(tx: &Tx, id: SubscriptionId) -> Result<Held> {
    let found = table::Entity::find_by_id(id.uuid()).one(tx).await?.ok_or(Refusal::NotFound)?;
    let (api, plan) = plans::find_to_change(tx, PlanId::new(found.plan_id)).await?;
    // As it is now that nobody else can change it.
    let row = table::by_id_to_change(tx, id).await?.ok_or(Refusal::NotFound)?;
    Ok(Held { api, plan, row })
}

fn require_state(row: &table::Model, state: SubscriptionState) -> Result<()> {
    if row.state() == state { Ok(()) } else { Err(Refusal::StateConflict.into()) }
}

async fn end(tx: &Tx, op: &Op, row: table::Model, state: SubscriptionState) -> Result<table::Model> {
    let mut row = row.into_active_model();
    row.state = Set(state.word().to_owned());
    row.ended_at = Set(Some(op.now_ms()));
    Ok(row.update(tx).await?)
}

async fn decide(
    tx: &Tx,
    op: &Op,
    row: table::Model,
    state: SubscriptionState,
    reason: Option<String>,
) -> Result<table::Model> {
    let by = op.person().ok().map(|person| person.account.uuid());
    let mut row = row.into_active_model();
    row.state = Set(state.word().to_owned());
    row.reason = Set(reason);
    row.decided_at = Set(Some(op.now_ms()));
    row.decided_by = Set(by);
    if state == SubscriptionState::Rejected {
        row.ended_at = Set(Some(op.now_ms()));
    }
    Ok(row.update(tx).await?)
}

/// What happened to a subscription. Its organization sees it.
fn event(action: Action, row: &table::Model, api: &apis::table::Model, plan: &plans::table::Model) -> Event {
    Event::new(action)
        .organization(row.organization())
        .object(row.subscription())
        .detail("api", &api.slug)
        .detail("plan", &plan.name)
}
