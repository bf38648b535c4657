//! Plans: how much of an API an organization may use.
//!
//! - Staff make them. One of an API's plans can be what every organization has without subscribing.
//! - A change holds for everybody who has the plan, at once: the gateway is told after the commit.
//! - A closed plan cannot be asked for any more; whoever has it keeps it.

use contract::PlanId;
use contract::apis::NAME_MAX;
use contract::audit_log::Action;
use contract::fields::{Check, Problem};
use contract::limits::{LIMIT_MAX, Limit, Period, Quota};
use contract::plans::{Anchor, Approval, PLANS_MAX, Resets, SUMMARY_MAX};
use contract::{FieldProblem, Refusal};
use sea_orm::prelude::Uuid;
use sea_orm::{
    ActiveModelTrait as _, ConnectionTrait, DbErr, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, Set,
};

use crate::apis::input::{limit, line, number};
use crate::apis::{self, require_manager};
use crate::audit_log::{self, Event};
use crate::error::is_conflict;
use crate::subscriptions::terms::{self, News};
use crate::{Op, Result, Tx};

pub(crate) mod table;
#[cfg(test)]
mod tests;
pub mod windows;

/// Largest place among the plans of an API.
const POSITION_MAX: i64 = 1_000;

/// What staff say of a plan, as the words in the form.
#[derive(Clone, Debug, Default)]
pub struct NewPlan {
    /// What it is called; no two plans of an API are called the same.
    pub name: String,
    /// One sentence.
    pub summary: String,
    /// Requests in a short time; empty for no limit.
    pub limit_requests: String,
    /// That short time, in seconds.
    pub limit_seconds: String,
    /// Units in a period; empty for no quota.
    pub quota_units: String,
    /// The word of a [`Period`].
    pub quota_period: String,
    /// The word of an [`Anchor`]; empty for the calendar.
    pub quota_anchor: String,
    /// IANA name of a time zone; empty for UTC.
    pub quota_zone: String,
    /// The word of an [`Approval`].
    pub approval: String,
    /// `everybody` or `staff`.
    pub audience: String,
    /// Its place among the plans of the API, the smallest first; empty for the first place.
    pub position: String,
}

impl NewPlan {
    /// The words that the form would hold for this plan: for whoever changes only some of them.
    #[must_use]
    pub fn of(plan: &contract::plans::Plan) -> Self {
        Self {
            name: plan.name.clone(),
            summary: plan.summary.clone(),
            limit_requests: plan.limit.map(|limit| limit.requests.to_string()).unwrap_or_default(),
            limit_seconds: plan.limit.map(|limit| limit.seconds.to_string()).unwrap_or_default(),
            quota_units: plan.quota.map(|quota| quota.units.to_string()).unwrap_or_default(),
            quota_period: plan.quota.map(|quota| quota.period.word().to_owned()).unwrap_or_default(),
            quota_anchor: plan.resets.anchor.word().to_owned(),
            quota_zone: plan.resets.zone.clone(),
            approval: plan.approval.word().to_owned(),
            audience: if plan.public { table::EVERYBODY } else { table::STAFF }.to_owned(),
            position: plan.position.to_string(),
        }
    }
}

struct Checked {
    name: String,
    summary: String,
    limit: Option<Limit>,
    quota: Option<Quota>,
    resets: Resets,
    approval: Approval,
    audience: &'static str,
    position: i64,
}

impl NewPlan {
    fn check(&self) -> Result<Checked> {
        let mut check = Check::default();
        let name = line(&mut check, "name", &self.name, NAME_MAX);
        let summary = check.text("summary", &self.summary.replace(['\r', '\n'], " "), SUMMARY_MAX);
        let limit = limit(&mut check, ("limit_requests", &self.limit_requests), ("limit_seconds", &self.limit_seconds));
        let units = number(&mut check, "quota_units", &self.quota_units, (1, LIMIT_MAX));
        let period = Period::from_word(&self.quota_period);
        if units.is_some() && period.is_none() {
            check.refuse("quota_period", Problem::NotAChoice);
        }
        let mut resets = Resets::default();
        match (self.quota_anchor.as_str(), Anchor::from_word(&self.quota_anchor)) {
            ("", _) => {}
            (_, Some(anchor)) => resets.anchor = anchor,
            (_, None) => check.refuse("quota_anchor", Problem::NotAChoice),
        }
        match (self.quota_zone.trim(), windows::zone_name(&self.quota_zone)) {
            ("", _) => {}
            (_, Some(name)) => name.clone_into(&mut resets.zone),
            (_, None) => check.refuse("quota_zone", Problem::NotAChoice),
        }
        let approval = Approval::from_word(&self.approval);
        if approval.is_none() {
            check.refuse("approval", Problem::NotAChoice);
        }
        let audience = [table::EVERYBODY, table::STAFF].into_iter().find(|word| *word == self.audience);
        if audience.is_none() {
            check.refuse("audience", Problem::NotAChoice);
        }
        let position = number(&mut check, "position", &self.position, (0, POSITION_MAX)).unwrap_or_default();
        check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
        let quota = units.zip(period).map(|(units, period)| Quota { units, period });
        Ok(Checked {
            name,
            summary,
            limit,
            quota,
            resets,
            approval: approval.unwrap_or_default(),
            audience: audience.unwrap_or(table::STAFF),
            position,
        })
    }
}

impl Checked {
    fn put(self, row: &mut table::ActiveModel) {
        row.name = Set(self.name);
        row.summary = Set(self.summary);
        row.limit_requests = Set(self.limit.map(|limit| i64::from(limit.requests)));
        row.limit_seconds = Set(self.limit.map(|limit| i64::from(limit.seconds)));
        row.quota_units = Set(self.quota.map(|quota| quota.units));
        row.quota_period = Set(self.quota.map(|quota| quota.period.word().to_owned()));
        row.quota_anchor = Set(self.quota.map(|_| self.resets.anchor.word().to_owned()));
        row.quota_zone = Set(self.quota.map(|_| self.resets.zone.clone()));
        row.approval = Set(self.approval.word().to_owned());
        row.audience = Set(self.audience.to_owned());
        row.position = Set(self.position);
    }
}

/// Creates a plan of an API.
///
/// # Errors
/// [`Refusal::InvalidInput`], also for a name that another plan of the API has; [`Refusal::NotFound`],
/// [`Refusal::TooMany`], and those of [`Op::require_staff`].
pub async fn create(op: &Op, slug: &str, new: NewPlan) -> Result<PlanId> {
    require_manager(op)?;
    let checked = new.check()?;
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let api = apis::table::by_slug_to_change(&tx, slug).await?.ok_or(Refusal::NotFound)?;
    if of_api(&tx, api.id).await?.len() >= PLANS_MAX as usize {
        return Err(Refusal::TooMany { max: PLANS_MAX }.into());
    }
    let mut row = table::ActiveModel {
        id: Set(op.new_uuid()),
        api_id: Set(api.id),
        created_at: Set(op.now_ms()),
        closed_at: Set(None),
        ..Default::default()
    };
    checked.put(&mut row);
    let plan = row.insert(&tx).await.map_err(or_taken)?;
    let record = apis::record(&tx, &api).await?;
    audit_log::record(&tx, op, event(Action::PlanCreated, &api, &plan)).await?;
    terms::commit(op, tx, turn, News { apis: vec![record], ..News::default() }).await?;
    Ok(plan.plan())
}

/// Changes a plan, for everybody who has it.
///
/// # Errors
/// [`Refusal::InvalidInput`], [`Refusal::NotFound`], and those of [`Op::require_staff`].
pub async fn change(op: &Op, id: PlanId, new: NewPlan) -> Result<()> {
    require_manager(op)?;
    let checked = new.check()?;
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let (api, plan) = find_to_change(&tx, id).await?;
    let mut row = plan.into_active_model();
    checked.put(&mut row);
    let plan = row.update(&tx).await.map_err(or_taken)?;
    let news = News { apis: vec![apis::record(&tx, &api).await?], terms: terms::of_subscribers(&tx, &plan).await? };
    let gives = contract::plans::gives(plan.limit(), plan.quota());
    audit_log::record(&tx, op, event(Action::PlanChanged, &api, &plan).detail("gives", gives)).await?;
    terms::commit(op, tx, turn, news).await
}

/// Closes a plan: nobody can ask for it any more. Whoever has it keeps it.
///
/// # Errors
/// [`Refusal::StateConflict`] for the plan that everybody has, and for a closed one; [`Refusal::NotFound`], and those of
/// [`Op::require_staff`].
pub async fn close(op: &Op, id: PlanId) -> Result<()> {
    require_manager(op)?;
    let tx = op.begin().await?;
    let (api, plan) = find_to_change(&tx, id).await?;
    if plan.closed_at.is_some() || api.default_plan_id == Some(plan.id) {
        return Err(Refusal::StateConflict.into());
    }
    let mut row = plan.into_active_model();
    row.closed_at = Set(Some(op.now_ms()));
    let plan = row.update(&tx).await?;
    audit_log::record(&tx, op, event(Action::PlanClosed, &api, &plan)).await?;
    op.commit(tx).await
}

/// Opens a closed plan again: it can be asked for, or given, as before.
///
/// # Errors
/// [`Refusal::StateConflict`] for one that is open; [`Refusal::NotFound`], and those of [`Op::require_staff`].
pub async fn reopen(op: &Op, id: PlanId) -> Result<()> {
    require_manager(op)?;
    let tx = op.begin().await?;
    let (api, plan) = find_to_change(&tx, id).await?;
    if plan.closed_at.is_none() {
        return Err(Refusal::StateConflict.into());
    }
    let mut row = plan.into_active_model();
    row.closed_at = Set(None);
    let plan = row.update(&tx).await?;
    audit_log::record(&tx, op, event(Action::PlanReopened, &api, &plan)).await?;
    op.commit(tx).await
}

/// The plans of an API, in their order; closed ones too.
pub(crate) async fn of_api<C: ConnectionTrait>(db: &C, api: Uuid) -> std::result::Result<Vec<table::Model>, DbErr> {
    table::Entity::find()
        .filter(table::COLUMN.api_id.eq(api))
        .order_by_asc(table::COLUMN.position)
        .order_by_asc(table::COLUMN.name)
        .all(db)
        .await
}

/// A plan and its API. The API is held, so that its plans and subscriptions are changed one after another.
pub(crate) async fn find_to_change(tx: &Tx, id: PlanId) -> Result<(apis::table::Model, table::Model)> {
    let plan = table::Entity::find_by_id(id.uuid()).one(tx).await?.ok_or(Refusal::NotFound)?;
    let api = apis::table::by_id_to_change(tx, plan.api_id).await?.ok_or(Refusal::NotFound)?;
    // As it is now that nobody else can change it.
    let plan = table::Entity::find_by_id(id.uuid()).one(tx).await?.ok_or(Refusal::NotFound)?;
    Ok((api, plan))
}

fn or_taken(error: DbErr) -> crate::Error {
    if is_conflict(&error) {
        let fields = vec![FieldProblem { field: "name".to_owned(), problem: Problem::Taken }];
        return Refusal::InvalidInput { fields }.into();
    }
    error.into()
}

/// What happened to a plan.
fn event(action: Action, api: &apis::table::Model, plan: &table::Model) -> Event {
    Event::new(action).object(plan.plan()).detail("api", &api.slug).detail("plan", &plan.name)
}
