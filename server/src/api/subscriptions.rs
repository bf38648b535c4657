//! APIs as the organization sees them, its subscriptions, and what it asks for.

use axum::http::Method;
use contract::access_tokens::Scope;
use contract::subscriptions::{CurrentTerms, OwnApi};
use contract::{Millis, PlanId, Problem, SubscriptionId};
use portal::subscriptions;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::call::{Answer, Call, No, wrong};
use super::operation::{Kind, Operation};
use super::views::{Limit, Quota};

/// An API, and what the organization has of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApiView {
    /// First path segment at the gateway.
    slug: String,
    /// Its name.
    name: String,
    /// One sentence.
    summary: String,
    /// How many operations its document lists.
    operations: u32,
    /// Whether it can be called without any plan, because it has none.
    open: bool,
    /// What the organization has of it.
    has: Option<Terms>,
    /// Units used in the period of the quota.
    used: Option<i64>,
    /// When the next period begins.
    next_period_at: Option<Millis>,
}

/// What an organization has of an API.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Terms {
    /// What the plan is called.
    plan_name: String,
    /// Requests in a short time.
    limit: Option<Limit>,
    /// Units in a period.
    quota: Option<Quota>,
    /// Whether every organization has it without subscribing.
    by_default: bool,
}

/// An API with its plans.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApiWithPlans {
    /// The API.
    #[serde(flatten)]
    api: ApiView,
    /// Plans to ask for.
    plans: Vec<PlanView>,
}

/// A plan.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlanView {
    /// Its id.
    id: String,
    /// What it is called.
    name: String,
    /// One sentence.
    summary: String,
    /// Requests in a short time.
    limit: Option<Limit>,
    /// Units in a period.
    quota: Option<Quota>,
    /// With what the periods of the quota begin: `calendar` or `subscription`.
    quota_anchor: String,
    /// At midnight in this time zone (IANA).
    quota_zone: String,
    /// Who decides on a subscription: `automatic`, nobody, or `manual`, staff.
    approval: String,
    /// Whether everybody sees it, or staff alone.
    public: bool,
    /// Where it stands among the others, the smallest first.
    position: i64,
    /// When it was created.
    created_at: Millis,
    /// When it was closed: nobody can ask for it any more.
    closed_at: Option<Millis>,
}

impl From<contract::plans::Plan> for PlanView {
    fn from(plan: contract::plans::Plan) -> Self {
        Self {
            id: plan.id.to_string(),
            name: plan.name,
            summary: plan.summary,
            limit: plan.limit.map(Limit::from),
            quota: plan.quota.map(Quota::from),
            quota_anchor: plan.resets.anchor.word().to_owned(),
            quota_zone: plan.resets.zone,
            approval: plan.approval.word().to_owned(),
            public: plan.public,
            position: plan.position,
            created_at: plan.created_at,
            closed_at: plan.closed_at,
        }
    }
}

impl From<CurrentTerms> for Terms {
    fn from(terms: CurrentTerms) -> Self {
        Self {
            plan_name: terms.plan_name,
            limit: terms.limit.map(Limit::from),
            quota: terms.quota.map(Quota::from),
            by_default: terms.by_default,
        }
    }
}

impl From<OwnApi> for ApiView {
    fn from(own: OwnApi) -> Self {
        Self {
            slug: own.api.slug,
            name: own.api.name,
            summary: own.api.summary,
            operations: own.api.operations,
            open: own.open,
            has: own.terms.map(Terms::from),
            used: own.used,
            next_period_at: own.next_period_at,
        }
    }
}

/// A subscription to a plan.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SubscriptionView {
    /// Its id.
    pub id: String,
    /// To which plan.
    pub plan_id: String,
    /// What that plan is called.
    pub plan_name: String,
    /// `requested`, `active`, `rejected`, `left` or `replaced`.
    pub state: String,
    /// What the organization wrote with its request.
    pub note: String,
    /// What staff wrote with their decision.
    pub reason: Option<String>,
    /// Another limit than the plan's.
    pub limit: Option<Limit>,
    /// Other units than the plan's.
    pub units: Option<i64>,
    /// When it was asked for.
    pub requested_at: Millis,
    /// When it was decided on.
    pub decided_at: Option<Millis>,
    /// When it ended.
    pub ended_at: Option<Millis>,
}

impl From<contract::subscriptions::Subscription> for SubscriptionView {
    fn from(one: contract::subscriptions::Subscription) -> Self {
        Self {
            id: one.id.to_string(),
            plan_id: one.plan.to_string(),
            plan_name: one.plan_name,
            state: one.state.word().to_owned(),
            note: one.note,
            reason: one.reason,
            limit: one.overrides.limit.map(Limit::from),
            units: one.overrides.units,
            requested_at: one.requested_at,
            decided_at: one.decided_at,
            ended_at: one.ended_at,
        }
    }
}

/// A subscription, with the API that it is for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OwnSubscription {
    /// The API, as in URLs.
    api: String,
    /// The subscription.
    #[serde(flatten)]
    subscription: SubscriptionView,
}

impl From<subscriptions::OfApi> for OwnSubscription {
    fn from(one: subscriptions::OfApi) -> Self {
        Self { api: one.api, subscription: one.subscription.into() }
    }
}

/// A plan to ask for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSubscription {
    /// Its id.
    plan_id: String,
    /// What to tell those who decide.
    #[serde(default)]
    note: String,
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::GET, "/apis", "list_apis", "APIs, and what the organization has of each", apis)
            .says("All of them on one page.")
            .needs(Scope::UsageRead)
            .answers_page::<ApiView>(),
        Operation::new(Method::GET, "/apis/{slug}", "read_api", "One API, with its plans", api)
            .needs(Scope::UsageRead)
            .answers::<ApiWithPlans>(200),
        Operation::new(Method::GET, "/subscriptions", "list_subscriptions", "Subscriptions, the newest first", list)
            .needs(Scope::UsageRead)
            .query("cursor", Kind::Text, "Where the page starts: `next` of the one before.")
            .answers_page::<OwnSubscription>(),
        Operation::new(Method::POST, "/subscriptions", "request_plan", "Ask for a plan", request)
            .says("One that needs no approval counts before the answer, in place of the one before.")
            .needs(Scope::SubscriptionsWrite)
            .takes::<NewSubscription>(json!({ "plan_id": "plan_01JDF8Q5ZKX2V0H4M6B9T3C7RN", "note": "For our app." }))
            .answers::<OwnSubscription>(201)
            .refuses(&["not_found", "state_conflict"]),
        Operation::new(Method::GET, "/subscriptions/{id}", "read_subscription", "One subscription", read)
            .needs(Scope::UsageRead)
            .answers::<OwnSubscription>(200),
        Operation::new(
            Method::POST,
            "/subscriptions/{id}/leave",
            "leave_plan",
            "Leave a plan, or take a request back",
            leave,
        )
        .needs(Scope::SubscriptionsWrite)
        .answers::<OwnSubscription>(200)
        .refuses(&["state_conflict"]),
    ]
}

async fn apis(call: Call) -> Result<Answer, No> {
    let all: Vec<ApiView> = subscriptions::own(&call.op).await?.into_iter().map(ApiView::from).collect();
    Answer::page(&all, None)
}

async fn api(call: Call) -> Result<Answer, No> {
    let page = subscriptions::own_page(&call.op, call.slug()?).await?;
    Answer::one(&ApiWithPlans { api: page.own.into(), plans: page.plans.into_iter().map(PlanView::from).collect() })
}

async fn list(call: Call) -> Result<Answer, No> {
    let before: Option<SubscriptionId> = call.cursor()?;
    let page = subscriptions::list(&call.op, before).await?;
    let items: Vec<OwnSubscription> = page.items.into_iter().map(OwnSubscription::from).collect();
    Answer::page(&items, page.next.as_deref())
}

async fn shown(call: &Call, id: SubscriptionId) -> Result<OwnSubscription, No> {
    Ok(subscriptions::read(&call.op, id).await?.into())
}

async fn request(call: Call) -> Result<Answer, No> {
    let new: NewSubscription = call.json()?;
    let plan: PlanId = new.plan_id.parse().map_err(|_| wrong("plan_id", Problem::NotAnId))?;
    let id = subscriptions::request(&call.op, plan, &new.note).await?;
    Answer::made(&shown(&call, id).await?, &format!("/subscriptions/{id}"))
}

async fn read(call: Call) -> Result<Answer, No> {
    Answer::one(&shown(&call, call.id()?).await?)
}

async fn leave(call: Call) -> Result<Answer, No> {
    let id = call.id()?;
    subscriptions::leave(&call.op, id).await?;
    Answer::one(&shown(&call, id).await?)
}
