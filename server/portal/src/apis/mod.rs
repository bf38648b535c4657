//! APIs: what the operator opens to developers. What the docs say and which routes the log knows comes from the API's
//! own OpenAPI document.

use std::collections::HashMap;

use contract::apis::{
    ApiDocs, ApiPrivacy, ApiSummary, ApiTerms, DeskApi, DeskApiRow, RETENTION_DAYS, Recovery, RouteTerms,
};
use contract::audit_log::Action;
use contract::fields::{Check, Problem};
use contract::subscriptions::SubscriptionState;
use contract::{ApiId, PlanId, Refusal, StaffPermission};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
    Set,
};
use serde_json::{Value, json};

use crate::audit_log::{self, Event};
use crate::error::is_conflict;
use crate::subscriptions::terms::{self, News, Terms};
use crate::{Actor, Db, Op, Result, Tx, keys, plans, subscriptions};

mod address;
pub(crate) mod input;
mod openapi;
pub(crate) mod table;
#[cfg(test)]
mod tests;

pub use input::{NewPrivacy, NewTerms};

/// First path segments that the gateway keeps for itself, and those below `/docs` and `/admin/apis` that are pages.
pub const RESERVED_SLUGS: [&str; 8] = ["verify", "mau", ".well-known", "healthz", "errors", "new", "api", "leaks"];

/// An API to register.
#[derive(Clone, Debug)]
pub struct NewApi {
    /// First path segment at the gateway: 1 to 40 of `[a-z0-9-]`, not reserved.
    pub slug: String,
    /// Where the gateway forwards to; no slash at the end.
    pub upstream_url: String,
    /// Its OpenAPI 3.1 document; name, summary and routes come from it.
    pub openapi: Value,
}

/// What staff say of an API, as in the form.
#[derive(Clone, Debug, Default)]
pub struct NewDetails {
    /// What it is called.
    pub name: String,
    /// Where the gateway forwards to.
    pub upstream_url: String,
    /// The id of the plan that every organization has without subscribing; empty for none.
    pub default_plan: String,
    /// On what terms the gateway forwards.
    pub terms: NewTerms,
}

/// A route of an API, as the gateway needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteRecord {
    /// Its method, upper case.
    pub method: String,
    /// Its path template.
    pub template: String,
    /// What it asks and costs.
    pub terms: RouteTerms,
}

/// An API, as the gateway needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiRecord {
    /// Its id.
    pub id: ApiId,
    /// First path segment.
    pub slug: String,
    /// Where to forward to.
    pub upstream_url: String,
    /// Every operation.
    pub routes: Vec<RouteRecord>,
    /// On what terms.
    pub terms: ApiTerms,
    /// What every organization has that has no subscription of its own.
    pub default_terms: Option<Terms>,
    /// Whether a call needs terms: the organization's own, or those of everybody. An API that has no plan at all is open
    /// to every key, without a limit.
    pub has_plans: bool,
    /// Whether it is closed: the gateway must not know it. It is here for names in logs and usage.
    pub closed: bool,
}

/// Only staff who manage APIs, and the program itself, change them.
pub(crate) fn require_manager(op: &Op) -> Result<()> {
    if op.actor != Actor::System {
        op.require_staff(StaffPermission::ManageApis)?;
    }
    Ok(())
}

/// Registers an API, or brings a known one up to date. Only the program itself may.
///
/// # Errors
/// [`Refusal::NotAllowed`] for anyone else; a failure that says what is wrong with the slug or the document.
pub async fn register(op: &Op, new: NewApi) -> Result<()> {
    if op.actor != Actor::System {
        return Err(Refusal::NotAllowed.into());
    }
    if !input::is_slug(&new.slug) || RESERVED_SLUGS.contains(&new.slug.as_str()) {
        return Err(anyhow::anyhow!(
            "`{}` cannot be an API's slug: use 1 to 40 of a-z, 0-9 and -, and none of {RESERVED_SLUGS:?}",
            new.slug
        )
        .into());
    }
    let (name, summary) = openapi::name_and_summary(&new.openapi)?;
    let mut check = Check::default();
    openapi::check_terms(&mut check, "openapi", &new.openapi);
    check
        .finish()
        .map_err(|_| anyhow::anyhow!("the scopes, costs or limits in the OpenAPI document cannot be read"))?;
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let row = table::ActiveModel {
        id: Set(op.new_uuid()),
        slug: Set(new.slug.clone()),
        name: Set(name),
        summary: Set(summary),
        upstream_url: Set(new.upstream_url),
        openapi: Set(new.openapi.to_string()),
        created_at: Set(op.now_ms()),
        updated_at: Set(op.now_ms()),
        ..Default::default()
    };
    let changed = [
        table::Column::Name,
        table::Column::Summary,
        table::Column::UpstreamUrl,
        table::Column::Openapi,
        table::Column::UpdatedAt,
    ];
    table::Entity::insert(row)
        .on_conflict(OnConflict::column(table::Column::Slug).update_columns(changed).to_owned())
        .exec_without_returning(&tx)
        .await?;
    let row = table::by_slug(&tx, &new.slug).await?.ok_or(Refusal::NotFound)?;
    keys::sealed::forget_unless_allowed(&tx).await?;
    let record = record(&tx, &row).await?;
    terms::commit(op, tx, turn, News { apis: vec![record], ..News::default() }).await
}

/// Registers an API, without operations: its document comes next. The gateway knows it before this returns.
///
/// # Errors
/// [`Refusal::InvalidInput`], also for a slug that another API has; those of [`Op::require_staff`] and
/// [`Op::require_recent`].
pub async fn create(op: &Op, slug: &str, name: &str, upstream_url: &str) -> Result<ApiId> {
    require_manager(op)?;
    let mut check = Check::default();
    let slug = input::slug(&mut check, slug);
    let name = input::name(&mut check, name);
    let upstream_url = upstream(op, &mut check, upstream_url);
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    // From here on, what callers send goes to where the address says.
    require_recent(op).await?;
    let document = json!({ "openapi": "3.1.0", "info": { "title": name, "version": "1" }, "paths": {} });
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let row = table::ActiveModel {
        id: Set(op.new_uuid()),
        slug: Set(slug),
        name: Set(name),
        summary: Set(String::new()),
        upstream_url: Set(upstream_url),
        openapi: Set(document.to_string()),
        created_at: Set(op.now_ms()),
        updated_at: Set(op.now_ms()),
        ..Default::default()
    };
    let row = match row.insert(&tx).await {
        Ok(row) => row,
        Err(error) if is_conflict(&error) => return Err(wrong("slug", Problem::Taken)),
        Err(error) => return Err(error.into()),
    };
    let record = usable(op, &tx, &row, "upstream_url", Problem::NotAUrl).await?;
    keys::sealed::forget_unless_allowed(&tx).await?;
    let event = event(Action::ApiCreated, &row).detail("upstream_url", &row.upstream_url);
    audit_log::record(&tx, op, event).await?;
    terms::commit(op, tx, turn, News { apis: vec![record], ..News::default() }).await?;
    Ok(row.api())
}

/// Changes name, address, terms and default plan. The gateway knows before this returns.
///
/// # Errors
/// [`Refusal::InvalidInput`], [`Refusal::NotFound`], and those of [`Op::require_staff`] and [`Op::require_recent`].
pub async fn change(op: &Op, slug: &str, new: NewDetails) -> Result<()> {
    require_manager(op)?;
    let mut check = Check::default();
    let name = input::name(&mut check, &new.name);
    let upstream_url = upstream(op, &mut check, &new.upstream_url);
    let terms = input::terms(&mut check, &new.terms, op.portal.settings().private_upstreams);
    let plan = match new.default_plan.as_str() {
        "" => None,
        id => {
            let plan = id.parse::<PlanId>().ok();
            if plan.is_none() {
                check.refuse("default_plan", Problem::NotAChoice);
            }
            plan
        }
    };
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    require_recent(op).await?;
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let row = table::by_slug_to_change(&tx, slug).await?.ok_or(Refusal::NotFound)?;
    if let Some(plan) = plan {
        let plan = plans::table::Entity::find_by_id(plan.uuid()).one(&tx).await?;
        if !plan.is_some_and(|plan| plan.api_id == row.id && plan.closed_at.is_none()) {
            return Err(wrong("default_plan", Problem::NotAChoice));
        }
    }
    let mut event = event(Action::ApiChanged, &row);
    if row.upstream_url != upstream_url {
        event = event.detail("upstream_url", &upstream_url);
    }
    if row.more_upstreams != terms.more_upstreams.join("\n") {
        event = event.detail("more_upstreams", terms.more_upstreams.join(" "));
    }
    if row.default_plan_id != plan.map(PlanId::uuid) {
        event = event.detail("default_plan", plan.map_or_else(|| "none".to_owned(), |plan| plan.to_string()));
    }
    let mut row = row.into_active_model();
    row.name = Set(name);
    row.upstream_url = Set(upstream_url);
    row.timeout_ms = Set(i64::from(terms.timeout_ms));
    row.body_max_bytes = Set(i64::try_from(terms.body_max_bytes).unwrap_or(i64::MAX));
    row.log_mode = Set(terms.log_mode.word().to_owned());
    row.environments = Set(terms.environments.word().to_owned());
    row.allowed_origins = Set(terms.allowed_origins.join("\n"));
    row.more_upstreams = Set(terms.more_upstreams.join("\n"));
    row.address_requests = Set(terms.address_limit.map(|limit| i64::from(limit.requests)));
    row.address_seconds = Set(terms.address_limit.map(|limit| i64::from(limit.seconds)));
    row.default_plan_id = Set(plan.map(PlanId::uuid));
    row.updated_at = Set(op.now_ms());
    let row = row.update(&tx).await?;
    let record = usable(op, &tx, &row, "upstream_url", Problem::NotAUrl).await?;
    audit_log::record(&tx, op, event).await?;
    terms::commit(op, tx, turn, News { apis: vec![record], ..News::default() }).await
}

/// Changes what the log keeps of those who call an API.
///
/// It holds for requests from now on; the published privacy page says
/// it at once. Rows that are past a shorter term are not shown any more, and erased by the next run of retention.
///
/// # Errors
/// [`Refusal::InvalidInput`], [`Refusal::NotFound`], and those of [`Op::require_staff`] and [`Op::require_recent`].
pub async fn change_privacy(op: &Op, slug: &str, new: &NewPrivacy) -> Result<()> {
    require_manager(op)?;
    let mut check = Check::default();
    let profile = input::privacy(&mut check, new);
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    require_recent(op).await?;
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let row = table::by_slug_to_change(&tx, slug).await?.ok_or(Refusal::NotFound)?;
    let event = event(Action::ApiChanged, &row)
        .detail("caller_kind", profile.callers.word())
        .detail("ip_policy", profile.callers.address().word())
        .detail("ua_policy", profile.callers.agent().word())
        .detail("log_level", profile.log_level.word())
        .detail("retention_days", profile.retention_days);
    let mut row = row.into_active_model();
    row.caller_kind = Set(profile.callers.word().to_owned());
    row.ip_policy = Set(profile.callers.address().word().to_owned());
    row.ua_policy = Set(profile.callers.agent().word().to_owned());
    row.log_level = Set(profile.log_level.word().to_owned());
    row.retention_days = Set(profile.retention_days.into());
    row.updated_at = Set(op.now_ms());
    let row = row.update(&tx).await?;
    let record = record(&tx, &row).await?;
    audit_log::record(&tx, op, event).await?;
    terms::commit(op, tx, turn, News { apis: vec![record], ..News::default() }).await
}

/// Whether developers may see the secret of a key again. Secrets are kept only while every open API allows that: once
/// one does not, those that were kept are erased with this change.
///
/// # Errors
/// [`Refusal::InvalidInput`], [`Refusal::NotFound`], and those of [`Op::require_staff`] and [`Op::require_recent`].
pub async fn change_recovery(op: &Op, slug: &str, recovery: &str) -> Result<()> {
    require_manager(op)?;
    let recovery = Recovery::from_word(recovery).ok_or_else(|| wrong("recovery", Problem::NotAChoice))?;
    require_recent(op).await?;
    // No secret is being made meanwhile.
    let _turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let row = table::by_slug_to_change(&tx, slug).await?.ok_or(Refusal::NotFound)?;
    let event = event(Action::ApiChanged, &row).detail("recovery", recovery.word());
    let mut row = row.into_active_model();
    row.recoverable = Set(i64::from(recovery == Recovery::On));
    row.updated_at = Set(op.now_ms());
    row.update(&tx).await?;
    keys::sealed::forget_unless_allowed(&tx).await?;
    audit_log::record(&tx, op, event).await?;
    op.commit(tx).await
}

/// What the log keeps of those who call an API, for every API that is not closed. Public: the privacy page prints it.
///
/// # Errors
/// Only when the database fails.
pub async fn privacy(op: &Op) -> Result<Vec<ApiPrivacy>> {
    let rows = all(op.db()).await?.into_iter().filter(|row| row.closed_at.is_none());
    Ok(rows.map(|row| ApiPrivacy { profile: row.terms().privacy, slug: row.slug, name: row.name }).collect())
}

/// APIs whose rows are kept for less than the term of all, with the days.
pub(crate) async fn shorter_terms<C: ConnectionTrait>(db: &C) -> Result<Vec<(Uuid, i64)>> {
    let shorter = table::COLUMN.retention_days.lt(RETENTION_DAYS.1);
    let rows = table::Entity::find().filter(shorter).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.retention_days)).collect())
}

/// Makes a plan the one that every organization has without subscribing. For the program itself, which has no form.
///
/// # Errors
/// [`Refusal::NotAllowed`] for anyone else, [`Refusal::NotFound`].
pub async fn set_default_plan(op: &Op, slug: &str, plan: PlanId) -> Result<()> {
    if op.actor != Actor::System {
        return Err(Refusal::NotAllowed.into());
    }
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let row = table::by_slug_to_change(&tx, slug).await?.ok_or(Refusal::NotFound)?;
    let plan = plans::table::Entity::find_by_id(plan.uuid()).one(&tx).await?;
    let plan = plan.filter(|plan| plan.api_id == row.id && plan.closed_at.is_none()).ok_or(Refusal::NotFound)?;
    let mut row = row.into_active_model();
    row.default_plan_id = Set(Some(plan.id));
    let row = row.update(&tx).await?;
    let record = record(&tx, &row).await?;
    audit_log::record(&tx, op, event(Action::ApiChanged, &row).detail("default_plan", plan.plan())).await?;
    terms::commit(op, tx, turn, News { apis: vec![record], ..News::default() }).await
}

/// Replaces the OpenAPI document. Routes, scopes, costs and docs come from it at once.
///
/// # Errors
/// [`Refusal::InvalidInput`], [`Refusal::NotFound`], and those of [`Op::require_staff`].
pub async fn change_document(op: &Op, slug: &str, text: &str) -> Result<()> {
    require_manager(op)?;
    let mut check = Check::default();
    let (document, summary) = input::document(&mut check, text);
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let row = table::by_slug_to_change(&tx, slug).await?.ok_or(Refusal::NotFound)?;
    let mut row = row.into_active_model();
    row.openapi = Set(document.to_string());
    row.summary = Set(summary);
    row.updated_at = Set(op.now_ms());
    let row = row.update(&tx).await?;
    let record = usable(op, &tx, &row, "openapi", Problem::NotReadable).await?;
    let event = event(Action::ApiChanged, &row).detail("operations", record.routes.len());
    audit_log::record(&tx, op, event).await?;
    terms::commit(op, tx, turn, News { apis: vec![record], ..News::default() }).await
}

/// Closes an API: the gateway refuses it before this returns, and the docs do not list it. Its logs and usage stay.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::StateConflict`], and those of [`Op::require_staff`] and [`Op::require_recent`].
pub async fn close(op: &Op, slug: &str) -> Result<()> {
    set_closed(op, slug, Some(op.now_ms())).await
}

/// Opens a closed API again, as it was.
///
/// # Errors
/// Those of [`close`].
pub async fn reopen(op: &Op, slug: &str) -> Result<()> {
    set_closed(op, slug, None).await
}

async fn set_closed(op: &Op, slug: &str, closed_at: Option<i64>) -> Result<()> {
    require_manager(op)?;
    require_recent(op).await?;
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let row = table::by_slug_to_change(&tx, slug).await?.ok_or(Refusal::NotFound)?;
    if row.closed_at.is_some() == closed_at.is_some() {
        return Err(Refusal::StateConflict.into());
    }
    let mut row = row.into_active_model();
    row.closed_at = Set(closed_at);
    let row = row.update(&tx).await?;
    keys::sealed::forget_unless_allowed(&tx).await?;
    let record = record(&tx, &row).await?;
    let action = if closed_at.is_some() { Action::ApiClosed } else { Action::ApiReopened };
    audit_log::record(&tx, op, event(action, &row)).await?;
    terms::commit(op, tx, turn, News { apis: vec![record], ..News::default() }).await
}

/// Every API, by name, for staff; closed ones too.
///
/// # Errors
/// Those of [`Op::require_staff`].
pub async fn desk(op: &Op) -> Result<Vec<DeskApiRow>> {
    op.require_staff(StaffPermission::ReadApis)?;
    let db = op.db().read();
    let mut open: HashMap<Uuid, u32> = HashMap::new();
    for plan in plans::table::Entity::find().all(db).await?.iter().filter(|plan| plan.closed_at.is_none()) {
        *open.entry(plan.api_id).or_default() += 1;
    }
    let mut waiting: HashMap<Uuid, u32> = HashMap::new();
    let requested = subscriptions::table::COLUMN.state.eq(SubscriptionState::Requested.word());
    for one in subscriptions::table::Entity::find().filter(requested).all(db).await? {
        *waiting.entry(one.api_id).or_default() += 1;
    }
    let row = |row: table::Model| DeskApiRow {
        plans: open.get(&row.id).copied().unwrap_or_default(),
        waiting: waiting.get(&row.id).copied().unwrap_or_default(),
        slug: row.slug,
        name: row.name,
        upstream_url: row.upstream_url,
        closed_at: row.closed_at,
    };
    Ok(all(op.db()).await?.into_iter().map(row).collect())
}

/// One API, for staff.
///
/// # Errors
/// [`Refusal::NotFound`], and those of [`Op::require_staff`].
pub async fn see(op: &Op, slug: &str) -> Result<DeskApi> {
    op.require_staff(StaffPermission::ReadApis)?;
    let db = op.db().read();
    let row = table::by_slug(db, slug).await?.ok_or(Refusal::NotFound)?;
    let plans = plans::of_api(db, row.id).await?;
    Ok(DeskApi {
        id: row.api(),
        terms: row.terms(),
        default_plan: row.default_plan_id.map(PlanId::new),
        leaks: row.leaks(),
        recovery: row.recovery(),
        secrets_kept: keys::sealed::may_keep(db).await?,
        plans: plans.into_iter().map(plans::table::Model::into_plan).collect(),
        operations: openapi::summary(&row, &document(&row)).operations,
        slug: row.slug,
        name: row.name,
        upstream_url: row.upstream_url,
        openapi: row.openapi,
        created_at: row.created_at,
        updated_at: row.updated_at,
        closed_at: row.closed_at,
    })
}

fn upstream(op: &Op, check: &mut Check, value: &str) -> String {
    address::upstream(check, "upstream_url", value, op.portal.settings().private_upstreams)
}

async fn require_recent(op: &Op) -> Result<()> {
    if op.actor != Actor::System {
        op.require_confirmed().await?;
    }
    Ok(())
}

fn wrong(field: &str, problem: Problem) -> crate::Error {
    let fields = vec![contract::FieldProblem { field: field.to_owned(), problem }];
    Refusal::InvalidInput { fields }.into()
}

/// What happened to an API.
fn event(action: Action, row: &table::Model) -> Event {
    Event::new(action).object(row.api()).detail("slug", &row.slug)
}

/// An API as the gateway would be told of it, provided that it could use it.
async fn usable(op: &Op, tx: &Tx, row: &table::Model, field: &str, problem: Problem) -> Result<ApiRecord> {
    let record = record(tx, row).await?;
    if op.portal.keys_watcher().can_use(&record) { Ok(record) } else { Err(wrong(field, problem)) }
}

/// An API as the gateway must know it now.
pub(crate) async fn record<C: ConnectionTrait>(db: &C, row: &table::Model) -> Result<ApiRecord> {
    let plans = plans::of_api(db, row.id).await?;
    Ok(record_with(row, &plans))
}

fn record_with(row: &table::Model, plans: &[plans::table::Model]) -> ApiRecord {
    let by_default = plans.iter().find(|plan| Some(plan.id) == row.default_plan_id);
    ApiRecord {
        id: row.api(),
        slug: row.slug.clone(),
        upstream_url: row.upstream_url.clone(),
        routes: openapi::routes(&document(row)),
        terms: row.terms(),
        default_terms: by_default.map(terms::of_plan),
        has_plans: !plans.is_empty(),
        closed: row.closed_at.is_some(),
    }
}

/// All APIs, by name. Public.
///
/// # Errors
/// Only when the database fails.
pub async fn list(op: &Op) -> Result<Vec<ApiSummary>> {
    let rows = all(op.db()).await?;
    let open = rows.iter().filter(|row| row.closed_at.is_none());
    Ok(open.map(|row| openapi::summary(row, &document(row))).collect())
}

/// An API with its operations. Public.
///
/// # Errors
/// [`Refusal::NotFound`].
pub async fn docs(op: &Op, slug: &str) -> Result<ApiDocs> {
    let row = open_by_slug(op, slug).await?;
    Ok(openapi::docs(&row, &document(&row), &op.portal.settings().gateway_url))
}

/// An API that is not closed.
pub(crate) async fn open_by_slug(op: &Op, slug: &str) -> Result<table::Model> {
    let row = table::by_slug(op.db().read(), slug).await?.filter(|row| row.closed_at.is_none());
    Ok(row.ok_or(Refusal::NotFound)?)
}

/// Every API that is not closed, by name, each with what the docs list of it.
pub(crate) async fn open(db: &Db) -> Result<Vec<(table::Model, ApiSummary)>> {
    let rows = all(db).await?.into_iter().filter(|row| row.closed_at.is_none());
    Ok(rows.map(with_summary).collect())
}

/// An API with what the docs list of it.
pub(crate) fn with_summary(row: table::Model) -> (table::Model, ApiSummary) {
    let summary = openapi::summary(&row, &document(&row));
    (row, summary)
}

/// What the gateway needs of every API.
///
/// # Errors
/// Only when the database fails.
pub async fn load_all(db: &Db) -> Result<Vec<ApiRecord>> {
    let mut plans: HashMap<Uuid, Vec<plans::table::Model>> = HashMap::new();
    for plan in plans::table::Entity::find().all(db.read()).await? {
        plans.entry(plan.api_id).or_default().push(plan);
    }
    let rows = all(db).await?;
    Ok(rows.iter().map(|row| record_with(row, plans.get(&row.id).map_or(&[], Vec::as_slice))).collect())
}

/// What the gateway needs of one API.
pub(crate) async fn load_one(db: &Db, id: ApiId) -> Result<Option<ApiRecord>> {
    match table::Entity::find_by_id(id.uuid()).one(db.read()).await? {
        Some(row) => Ok(Some(record(db.read(), &row).await?)),
        None => Ok(None),
    }
}

/// A call to try: the first operation that needs no body, with example parameters, at the gateway.
///
/// # Errors
/// Only when the database fails.
pub async fn example_url(op: &Op) -> Result<String> {
    let gateway = &op.portal.settings().gateway_url;
    let rows = all(op.db()).await?;
    let example = rows.iter().find(|row| row.closed_at.is_none()).and_then(|row| {
        let docs = openapi::docs(row, &document(row), gateway);
        let operation = docs
            .operations
            .iter()
            .find(|operation| operation.method == "GET" && operation.path.contains('{'))
            .or(docs.operations.first())?;
        Some(format!("{}{}", docs.base_url, operation.example_path))
    });
    Ok(example.unwrap_or_else(|| gateway.clone()))
}

async fn all(db: &Db) -> Result<Vec<table::Model>> {
    Ok(table::Entity::find().order_by_asc(table::COLUMN.name).all(db.read()).await?)
}

fn document(row: &table::Model) -> Value {
    serde_json::from_str(&row.openapi).unwrap_or_default()
}
