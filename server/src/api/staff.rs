//! APIs, plans and subscriptions, for staff. Whoever is none is told that there is nothing here.

use axum::http::Method;
use contract::access_tokens::Scope;
use contract::apis::{DeskApi, DeskApiRow};
use contract::plans::Plan;
use contract::subscriptions::DeskSubscription;
use contract::{Millis, PlanId, Refusal, SubscriptionId};
use portal::apis::{self, NewDetails, NewTerms};
use portal::plans::{self, NewPlan};
use portal::subscriptions::{self as subscribed, NewOverrides};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::call::{Answer, Call, No};
use super::keys::given;
use super::operation::Operation;
use super::subscriptions::{PlanView, SubscriptionView};
use super::views::{Limit, Quota};

/// An API in the list of staff.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StaffApiRow {
    /// First path segment at the gateway.
    slug: String,
    /// Its name.
    name: String,
    /// Where the gateway forwards to.
    upstream_url: String,
    /// How many open plans it has.
    plans: u32,
    /// How many subscriptions wait for an answer.
    waiting: u32,
    /// When it was closed.
    closed_at: Option<Millis>,
}

impl From<DeskApiRow> for StaffApiRow {
    fn from(row: DeskApiRow) -> Self {
        Self {
            slug: row.slug,
            name: row.name,
            upstream_url: row.upstream_url,
            plans: row.plans,
            waiting: row.waiting,
            closed_at: row.closed_at,
        }
    }
}

/// An API, as staff see it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StaffApi {
    /// Its id.
    id: String,
    /// First path segment at the gateway.
    slug: String,
    /// Its name.
    name: String,
    /// Where the gateway forwards to.
    upstream_url: String,
    /// Further addresses of the upstream.
    more_upstreams: Vec<String>,
    /// How long the upstream may take, in milliseconds.
    timeout_ms: u32,
    /// Largest request body, in bytes.
    body_max_bytes: u64,
    /// What happens when a row cannot be written: `required`, the request is refused; `best_effort`, it is answered.
    log_mode: String,
    /// Keys of which environments are let in: `both`, `live` or `test`.
    environments: String,
    /// Origins of pages that may call it from a browser.
    allowed_origins: Vec<String>,
    /// How much one network address may ask of it.
    address_limit: Option<Limit>,
    /// The plan that every organization has without subscribing.
    default_plan_id: Option<String>,
    /// All its plans; closed ones too.
    plans: Vec<PlanView>,
    /// How many operations its document lists.
    operations: u32,
    /// When it was registered.
    created_at: Millis,
    /// When it was last changed.
    updated_at: Millis,
    /// When it was closed.
    closed_at: Option<Millis>,
}

impl From<DeskApi> for StaffApi {
    fn from(api: DeskApi) -> Self {
        let terms = api.terms;
        Self {
            id: api.id.to_string(),
            slug: api.slug,
            name: api.name,
            upstream_url: api.upstream_url,
            more_upstreams: terms.more_upstreams,
            timeout_ms: terms.timeout_ms,
            body_max_bytes: terms.body_max_bytes,
            log_mode: terms.log_mode.word().to_owned(),
            environments: terms.environments.word().to_owned(),
            allowed_origins: terms.allowed_origins,
            address_limit: terms.address_limit.map(Limit::from),
            default_plan_id: api.default_plan.map(|plan| plan.to_string()),
            plans: api.plans.into_iter().map(PlanView::from).collect(),
            operations: api.operations,
            created_at: api.created_at,
            updated_at: api.updated_at,
            closed_at: api.closed_at,
        }
    }
}

/// A subscription, as staff see it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StaffSubscription {
    /// Whose it is.
    organization_id: String,
    /// What that organization calls itself.
    organization_name: String,
    /// The subscription.
    #[serde(flatten)]
    subscription: SubscriptionView,
}

impl From<DeskSubscription> for StaffSubscription {
    fn from(one: DeskSubscription) -> Self {
        Self {
            organization_id: one.organization.to_string(),
            organization_name: one.organization_name,
            subscription: one.subscription.into(),
        }
    }
}

/// An API to register.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewApi {
    /// First path segment at the gateway.
    slug: String,
    /// Its name.
    name: String,
    /// Where the gateway forwards to.
    upstream_url: String,
}

/// What to change of an API. What is absent stays as it is; `null` takes a limit or a plan away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiChanges {
    /// Its name.
    #[serde(default)]
    name: Option<String>,
    /// Where the gateway forwards to.
    #[serde(default)]
    upstream_url: Option<String>,
    /// Further addresses of the upstream.
    #[serde(default)]
    more_upstreams: Option<Vec<String>>,
    /// How long the upstream may take, in milliseconds.
    #[serde(default)]
    timeout_ms: Option<u32>,
    /// Largest request body, in bytes.
    #[serde(default)]
    body_max_bytes: Option<u64>,
    /// `required` or `best_effort`.
    #[serde(default)]
    log_mode: Option<String>,
    /// `both`, `live` or `test`.
    #[serde(default)]
    environments: Option<String>,
    /// Origins of pages that may call it from a browser.
    #[serde(default)]
    allowed_origins: Option<Vec<String>>,
    /// How much one network address may ask of it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Limit>)]
    address_limit: Option<Option<Limit>>,
    /// The plan that every organization has without subscribing.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    default_plan_id: Option<Option<String>>,
}

/// A plan to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanBody {
    /// What it is called; no two plans of an API are called the same.
    name: String,
    /// One sentence.
    #[serde(default)]
    summary: String,
    /// Requests in a short time.
    #[serde(default)]
    limit: Option<Limit>,
    /// Units in a period.
    #[serde(default)]
    quota: Option<Quota>,
    /// With what the periods of the quota begin: `calendar` (unless you say otherwise) or `subscription`.
    #[serde(default)]
    quota_anchor: String,
    /// At midnight in this time zone (IANA); UTC unless you say otherwise.
    #[serde(default)]
    quota_zone: String,
    /// `automatic` or `manual`.
    approval: String,
    /// Whether everybody sees it, or staff alone.
    public: bool,
    /// Where it stands among the others.
    #[serde(default)]
    position: i64,
}

/// What to change of a plan. What is absent stays as it is; `null` takes a limit or a quota away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanChanges {
    /// What it is called.
    #[serde(default)]
    name: Option<String>,
    /// One sentence.
    #[serde(default)]
    summary: Option<String>,
    /// Requests in a short time.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Limit>)]
    limit: Option<Option<Limit>>,
    /// Units in a period.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Quota>)]
    quota: Option<Option<Quota>>,
    /// With what the periods of the quota begin: `calendar` or `subscription`.
    #[serde(default)]
    quota_anchor: Option<String>,
    /// At midnight in this time zone (IANA).
    #[serde(default)]
    quota_zone: Option<String>,
    /// `automatic` or `manual`.
    #[serde(default)]
    approval: Option<String>,
    /// Whether everybody sees it, or staff alone.
    #[serde(default)]
    public: Option<bool>,
    /// Where it stands among the others.
    #[serde(default)]
    position: Option<i64>,
}

/// Why a request is rejected.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rejection {
    /// The organization reads it, word for word.
    reason: String,
}

/// What one organization gets in place of what its plan gives; `null` for what the plan gives.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OverridesBody {
    /// Another limit.
    #[serde(default)]
    limit: Option<Limit>,
    /// Other units in the plan's period.
    #[serde(default)]
    units: Option<i64>,
}

const READ: Scope = Scope::StaffApisRead;
const WRITE: Scope = Scope::StaffApisWrite;

pub(super) fn operations() -> Vec<Operation> {
    let limited = json!({ "name": "Plus", "limit": { "requests": 60, "seconds": 60 }, "quota": { "units": 10_000, "period": "month" }, "approval": "automatic", "public": true });
    vec![
        Operation::new(Method::GET, "/staff/apis", "staff_list_apis", "Every API; closed ones too", list)
            .says("All of them on one page.")
            .needs(READ)
            .answers_page::<StaffApiRow>()
            .refuses(&["account_restricted"]),
        Operation::new(
            Method::POST,
            "/staff/apis",
            "staff_create_api",
            "Register an API, without operations yet",
            create,
        )
        .needs(WRITE)
        .takes::<NewApi>(json!({ "slug": "tides", "name": "Tides", "upstream_url": "https://tides.example.com" }))
        .answers::<StaffApi>(201),
        Operation::new(Method::GET, "/staff/apis/{slug}", "staff_read_api", "One API, with its terms and plans", read)
            .needs(READ)
            .answers::<StaffApi>(200)
            .refuses(&["account_restricted"]),
        Operation::new(Method::PATCH, "/staff/apis/{slug}", "staff_change_api", "Change an API", change)
            .says("The gateway knows before the answer.")
            .needs(WRITE)
            .takes::<ApiChanges>(json!({ "timeout_ms": 5_000 }))
            .answers::<StaffApi>(200),
        Operation::new(
            Method::PUT,
            "/staff/apis/{slug}/openapi",
            "staff_import_document",
            "Replace the OpenAPI document",
            import,
        )
        .says("Routes, scopes, costs and docs come from it at once. Up to 1 MiB.")
        .needs(WRITE)
        .takes_document()
        .answers::<StaffApi>(200),
        Operation::new(Method::POST, "/staff/apis/{slug}/close", "staff_close_api", "Close an API", close)
            .says("The gateway refuses it before the answer. Its logs and usage stay.")
            .needs(WRITE)
            .answers::<StaffApi>(200)
            .refuses(&["state_conflict"]),
        Operation::new(
            Method::POST,
            "/staff/apis/{slug}/reopen",
            "staff_reopen_api",
            "Open a closed API again",
            reopen,
        )
        .needs(WRITE)
        .answers::<StaffApi>(200)
        .refuses(&["state_conflict"]),
        Operation::new(Method::POST, "/staff/apis/{slug}/plans", "staff_create_plan", "Create a plan", create_plan)
            .needs(WRITE)
            .takes::<PlanBody>(limited)
            .answers::<PlanView>(201)
            .refuses(&["too_many"]),
        Operation::new(Method::GET, "/staff/apis/{slug}/plans/{id}", "staff_read_plan", "One plan", read_plan)
            .needs(READ)
            .answers::<PlanView>(200)
            .refuses(&["account_restricted"]),
        Operation::new(
            Method::PATCH,
            "/staff/apis/{slug}/plans/{id}",
            "staff_change_plan",
            "Change a plan, for everybody who has it",
            change_plan,
        )
        .needs(WRITE)
        .takes::<PlanChanges>(json!({ "quota": { "units": 20_000, "period": "month" } }))
        .answers::<PlanView>(200),
        Operation::new(
            Method::POST,
            "/staff/apis/{slug}/plans/{id}/close",
            "staff_close_plan",
            "Close a plan",
            close_plan,
        )
        .says("Nobody can ask for it any more. Whoever has it keeps it.")
        .needs(WRITE)
        .answers::<PlanView>(200)
        .refuses(&["state_conflict"]),
        Operation::new(
            Method::GET,
            "/staff/apis/{slug}/subscriptions",
            "staff_list_subscriptions",
            "Subscriptions that wait or count",
            subscriptions,
        )
        .says("Those that wait first, at most 200 of each.")
        .needs(READ)
        .answers_page::<StaffSubscription>()
        .refuses(&["account_restricted"]),
        Operation::new(
            Method::POST,
            "/staff/subscriptions/{id}/approve",
            "staff_approve_subscription",
            "Approve a request for a plan",
            approve,
        )
        .needs(WRITE)
        .answers_nothing()
        .refuses(&["state_conflict"]),
        Operation::new(
            Method::POST,
            "/staff/subscriptions/{id}/reject",
            "staff_reject_subscription",
            "Reject a request for a plan",
            reject,
        )
        .needs(WRITE)
        .takes::<Rejection>(json!({ "reason": "Say what it is for." }))
        .answers_nothing()
        .refuses(&["state_conflict"]),
        Operation::new(
            Method::PUT,
            "/staff/subscriptions/{id}/overrides",
            "staff_override_subscription",
            "Give one organization other limits than its plan",
            overrides,
        )
        .needs(WRITE)
        .takes::<OverridesBody>(json!({ "limit": { "requests": 100, "seconds": 1 }, "units": 50_000 }))
        .answers_nothing()
        .refuses(&["state_conflict"]),
    ]
}

async fn seen(call: &Call, slug: &str) -> Result<StaffApi, No> {
    Ok(apis::see(&call.op, slug).await?.into())
}

async fn list(call: Call) -> Result<Answer, No> {
    let all: Vec<StaffApiRow> = apis::desk(&call.op).await?.into_iter().map(StaffApiRow::from).collect();
    Answer::page(&all, None)
}

async fn create(call: Call) -> Result<Answer, No> {
    let new: NewApi = call.json()?;
    apis::create(&call.op, &new.slug, &new.name, &new.upstream_url).await?;
    let slug = new.slug.trim();
    Answer::made(&seen(&call, slug).await?, &format!("/staff/apis/{slug}"))
}

async fn read(call: Call) -> Result<Answer, No> {
    Answer::one(&seen(&call, call.slug()?).await?)
}

async fn change(call: Call) -> Result<Answer, No> {
    let (slug, changes): (&str, ApiChanges) = (call.slug()?, call.json()?);
    let was = apis::see(&call.op, slug).await?;
    let mut terms = NewTerms::of(&was.terms);
    put(&mut terms.more_upstreams, changes.more_upstreams.map(|all| all.join("\n")));
    put(&mut terms.timeout_ms, changes.timeout_ms);
    put(&mut terms.body_max_bytes, changes.body_max_bytes);
    put(&mut terms.log_mode, changes.log_mode);
    put(&mut terms.environments, changes.environments);
    put(&mut terms.allowed_origins, changes.allowed_origins.map(|origins| origins.join("\n")));
    if let Some(limit) = changes.address_limit {
        (terms.address_requests, terms.address_seconds) = texts(limit);
    }
    let default_plan = changes.default_plan_id.unwrap_or(was.default_plan.map(|plan| plan.to_string()));
    let new = NewDetails {
        name: changes.name.unwrap_or(was.name),
        upstream_url: changes.upstream_url.unwrap_or(was.upstream_url),
        default_plan: default_plan.unwrap_or_default(),
        terms,
    };
    apis::change(&call.op, slug, new).await?;
    Answer::one(&seen(&call, slug).await?)
}

async fn import(call: Call) -> Result<Answer, No> {
    let slug = call.slug()?;
    apis::change_document(&call.op, slug, call.document()?).await?;
    Answer::one(&seen(&call, slug).await?)
}

async fn close(call: Call) -> Result<Answer, No> {
    let slug = call.slug()?;
    apis::close(&call.op, slug).await?;
    Answer::one(&seen(&call, slug).await?)
}

async fn reopen(call: Call) -> Result<Answer, No> {
    let slug = call.slug()?;
    apis::reopen(&call.op, slug).await?;
    Answer::one(&seen(&call, slug).await?)
}

/// A plan of the API in the path.
async fn plan(call: &Call, id: PlanId) -> Result<Plan, No> {
    let api = apis::see(&call.op, call.slug()?).await?;
    api.plans.into_iter().find(|plan| plan.id == id).ok_or_else(|| Refusal::NotFound.into())
}

async fn create_plan(call: Call) -> Result<Answer, No> {
    let (slug, body): (&str, PlanBody) = (call.slug()?, call.json()?);
    let (limit_requests, limit_seconds) = texts(body.limit);
    let new = NewPlan {
        name: body.name,
        summary: body.summary,
        limit_requests,
        limit_seconds,
        quota_units: body.quota.as_ref().map(|quota| quota.units.to_string()).unwrap_or_default(),
        quota_period: body.quota.map(|quota| quota.period).unwrap_or_default(),
        quota_anchor: body.quota_anchor,
        quota_zone: body.quota_zone,
        approval: body.approval,
        audience: audience(body.public),
        position: body.position.to_string(),
    };
    let id = plans::create(&call.op, slug, new).await?;
    Answer::made(&PlanView::from(plan(&call, id).await?), &format!("/staff/apis/{slug}/plans/{id}"))
}

async fn read_plan(call: Call) -> Result<Answer, No> {
    Answer::one(&PlanView::from(plan(&call, call.id()?).await?))
}

async fn change_plan(call: Call) -> Result<Answer, No> {
    let (id, changes): (PlanId, PlanChanges) = (call.id()?, call.json()?);
    let mut new = NewPlan::of(&plan(&call, id).await?);
    put(&mut new.name, changes.name);
    put(&mut new.summary, changes.summary);
    if let Some(limit) = changes.limit {
        (new.limit_requests, new.limit_seconds) = texts(limit);
    }
    if let Some(quota) = changes.quota {
        new.quota_units = quota.as_ref().map(|quota| quota.units.to_string()).unwrap_or_default();
        new.quota_period = quota.map(|quota| quota.period).unwrap_or_default();
    }
    put(&mut new.quota_anchor, changes.quota_anchor);
    put(&mut new.quota_zone, changes.quota_zone);
    put(&mut new.approval, changes.approval);
    put(&mut new.audience, changes.public.map(audience));
    put(&mut new.position, changes.position);
    plans::change(&call.op, id, new).await?;
    Answer::one(&PlanView::from(plan(&call, id).await?))
}

async fn close_plan(call: Call) -> Result<Answer, No> {
    let id = call.id()?;
    // Only a plan of that API.
    plan(&call, id).await?;
    plans::close(&call.op, id).await?;
    Answer::one(&PlanView::from(plan(&call, id).await?))
}

async fn subscriptions(call: Call) -> Result<Answer, No> {
    let all = subscribed::of_api(&call.op, call.slug()?).await?;
    let all: Vec<StaffSubscription> = all.into_iter().map(StaffSubscription::from).collect();
    Answer::page(&all, None)
}

async fn approve(call: Call) -> Result<Answer, No> {
    subscribed::approve(&call.op, call.id()?).await?;
    Ok(Answer::nothing())
}

async fn reject(call: Call) -> Result<Answer, No> {
    let (id, body): (SubscriptionId, Rejection) = (call.id()?, call.json()?);
    subscribed::reject(&call.op, id, &body.reason).await?;
    Ok(Answer::nothing())
}

async fn overrides(call: Call) -> Result<Answer, No> {
    let (id, body): (SubscriptionId, OverridesBody) = (call.id()?, call.json()?);
    let (requests, seconds) = texts(body.limit);
    let units = body.units.map(|units| units.to_string()).unwrap_or_default();
    subscribed::change_overrides(&call.op, id, &NewOverrides { requests, seconds, units }).await?;
    Ok(Answer::nothing())
}

fn put(field: &mut String, value: Option<impl ToString>) {
    if let Some(value) = value {
        *field = value.to_string();
    }
}

/// A limit as forms carry it.
fn texts(limit: Option<Limit>) -> (String, String) {
    limit.map(|limit| (limit.requests.to_string(), limit.seconds.to_string())).unwrap_or_default()
}

fn audience(public: bool) -> String {
    if public { "everybody" } else { "staff" }.to_owned()
}
