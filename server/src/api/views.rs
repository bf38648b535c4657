//! What the REST API shows. Types of its own: the pages may change theirs any day, and these are promised.

use contract::Millis;
use contract::access_tokens::{AccessToken, TokenState};
use contract::keys::terms::{KeyDetail, Rotation};
use contract::keys::{Key, KeyState};
use contract::organizations::OrganizationPage;
use contract::request_logs::{LiveEvent, RequestRow};
use contract::usage::Usage;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// So many requests in so many seconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limit {
    /// Requests.
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    pub requests: u32,
    /// Seconds.
    #[schema(minimum = 1, maximum = 86_400)]
    pub seconds: u32,
}

impl From<contract::limits::Limit> for Limit {
    fn from(limit: contract::limits::Limit) -> Self {
        Self { requests: limit.requests, seconds: limit.seconds }
    }
}

/// So many units in each period.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Quota {
    /// Units.
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    pub units: i64,
    /// Of the calendar, in UTC: `day` or `month`.
    #[schema(example = "month")]
    pub period: String,
}

impl From<contract::limits::Quota> for Quota {
    fn from(quota: contract::limits::Quota) -> Self {
        Self { units: quota.units, period: quota.period.word().to_owned() }
    }
}

/// Whom the token acts for, and what it may.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    /// The person's account.
    pub account_id: String,
    /// What they call themselves.
    pub name: String,
    /// The organization for which the token works.
    pub organization_id: String,
    /// Its name.
    pub organization_name: String,
    /// The person's role there.
    pub role: String,
    /// The person's role among the staff, if any.
    pub staff_role: Option<String>,
    /// The token.
    pub token_id: String,
    /// What it may at most.
    pub scopes: Vec<String>,
}

/// An organization and its members.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Organization {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it is the one an account started with.
    pub personal: bool,
    /// Two letters (ISO 3166-1), if it says.
    pub country: Option<String>,
    /// When it was created.
    pub created_at: Millis,
    /// Who belongs to it.
    pub members: Vec<Member>,
}

/// Somebody who belongs to an organization.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Member {
    /// Their account.
    pub account_id: String,
    /// What they call themselves.
    pub name: String,
    /// Their role.
    pub role: String,
    /// Since when.
    pub since: Millis,
}

impl From<OrganizationPage> for Organization {
    fn from(page: OrganizationPage) -> Self {
        let member = |member: contract::organizations::Member| Member {
            account_id: member.account.to_string(),
            name: member.name,
            role: member.role.word().to_owned(),
            since: member.since,
        };
        let one = page.organization;
        Self {
            id: one.id.to_string(),
            name: one.name,
            personal: one.personal,
            country: one.country,
            created_at: one.created_at,
            members: page.members.into_iter().map(member).collect(),
        }
    }
}

/// An access token.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Token {
    /// Its id.
    pub id: String,
    /// What its person calls it.
    pub name: String,
    /// What may be shown of it.
    pub hint: String,
    /// What it may at most.
    pub scopes: Vec<String>,
    /// `active`, `expired` or `revoked`.
    pub state: String,
    /// When it was created.
    pub created_at: Millis,
    /// From when on it is refused.
    pub expires_at: Millis,
    /// When it was last accepted, to five minutes.
    pub last_used_at: Option<Millis>,
    /// When it was revoked.
    pub revoked_at: Option<Millis>,
}

impl From<AccessToken> for Token {
    fn from(token: AccessToken) -> Self {
        Self {
            id: token.id.to_string(),
            name: token.name,
            hint: token.hint,
            scopes: token.scopes.iter().map(|scope| scope.word().to_owned()).collect(),
            state: TokenState::word(token.state).to_owned(),
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
            revoked_at: token.revoked_at,
        }
    }
}

/// A key in a list. Holds no secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeySummary {
    /// Its id.
    pub id: String,
    /// What the organization calls it.
    pub label: String,
    /// `live` or `test`.
    pub environment: String,
    /// What may be shown of its secret.
    pub hint: String,
    /// `awaiting_reveal`, `active`, `expired` or `revoked`.
    pub state: String,
    /// When it was created.
    pub created_at: Millis,
    /// When its secret was shown.
    pub revealed_at: Option<Millis>,
    /// When it was last accepted, to the minute.
    pub last_used_at: Option<Millis>,
    /// When it was revoked.
    pub revoked_at: Option<Millis>,
}

impl From<Key> for KeySummary {
    fn from(key: Key) -> Self {
        Self {
            id: key.id.to_string(),
            label: key.label,
            environment: key.environment.word().to_owned(),
            hint: key.hint,
            state: match key.state {
                KeyState::AwaitingReveal => "awaiting_reveal",
                KeyState::Active => "active",
                KeyState::Expired => "expired",
                KeyState::Revoked => "revoked",
            }
            .to_owned(),
            created_at: key.created_at,
            revealed_at: key.revealed_at,
            last_used_at: key.last_used_at,
            revoked_at: key.revoked_at,
        }
    }
}

/// A key with its terms. Holds no secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyView {
    /// The key.
    #[serde(flatten)]
    pub key: KeySummary,
    /// What its organization says of it.
    pub note: String,
    /// What it may do; without any, everything.
    pub scopes: Vec<String>,
    /// From when on it is refused.
    pub expires_at: Option<Millis>,
    /// From where it may be used; without any, from everywhere.
    pub networks: Vec<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Its own limit, beside what its plan allows.
    pub limit: Option<Limit>,
    /// Whether it cannot be revoked while it is in use.
    pub protected: bool,
    /// Where the replacement of its secret stands.
    pub rotation: RotationView,
}

/// Where the replacement of a secret stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RotationView {
    /// `none`, `asked`, `two_secrets` or `over`.
    pub state: String,
    /// What may be shown of the old secret.
    pub previous_hint: Option<String>,
    /// Until when the old secret works, or worked.
    pub retires_at: Option<Millis>,
    /// For how many days both secrets work.
    pub overlap_days: Option<i64>,
}

impl From<Rotation> for RotationView {
    fn from(rotation: Rotation) -> Self {
        let (state, previous_hint, retires_at, overlap_days) = match rotation {
            Rotation::None => ("none", None, None, None),
            Rotation::Asked { overlap_days, .. } => ("asked", None, None, Some(overlap_days)),
            Rotation::TwoSecrets { previous_hint, retires_at, overlap_days } => {
                ("two_secrets", Some(previous_hint), retires_at, Some(overlap_days))
            }
            Rotation::Over { previous_hint, retired_at } => ("over", Some(previous_hint), Some(retired_at), None),
        };
        Self { state: state.to_owned(), previous_hint, retires_at, overlap_days }
    }
}

impl From<KeyDetail> for KeyView {
    fn from(detail: KeyDetail) -> Self {
        let terms = detail.terms;
        Self {
            key: detail.key.into(),
            note: terms.note,
            scopes: terms.scopes,
            expires_at: terms.expires_at,
            networks: terms.networks,
            tags: terms.tags,
            limit: terms.limit.map(Limit::from),
            protected: terms.protected,
            rotation: detail.rotation.into(),
        }
    }
}

/// A row of the request log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RequestLog {
    /// The request's id, also in its answer's `Request-Id`.
    pub id: String,
    /// When it arrived.
    pub at: Millis,
    /// The API, as in URLs.
    pub api: Option<String>,
    /// Method.
    pub method: String,
    /// Route template; empty when none matched.
    pub route: String,
    /// Status of the answer.
    pub status: u16,
    /// Why the gateway answered itself; absent when the upstream answered.
    pub code: Option<String>,
    /// From the first byte of the request to the last of the answer, in microseconds.
    pub latency_us: i64,
    /// Of that, waiting for the upstream.
    pub upstream_us: Option<i64>,
    /// Bytes of the answer's body.
    pub response_bytes: i64,
    /// Units that it took from the quota.
    pub cost: i64,
    /// Whose key it was.
    pub organization_id: Option<String>,
    /// The key.
    pub key_id: Option<String>,
    /// The key's label at that time.
    pub key_label: Option<String>,
    /// `live` or `test`.
    pub environment: Option<String>,
}

impl From<RequestRow> for RequestLog {
    fn from(row: RequestRow) -> Self {
        let (api, caller) = (row.api.map(|(_, slug)| slug), row.caller);
        Self {
            id: row.id.to_string(),
            at: row.at,
            api,
            method: row.method,
            route: row.route,
            status: row.status,
            code: row.code,
            latency_us: row.latency_us,
            upstream_us: row.upstream_us,
            response_bytes: row.response_bytes,
            cost: row.cost,
            organization_id: caller.as_ref().map(|caller| caller.organization.to_string()),
            key_id: caller.as_ref().map(|caller| caller.key.to_string()),
            environment: caller.as_ref().map(|caller| caller.environment.word().to_owned()),
            key_label: caller.map(|caller| caller.key_label),
        }
    }
}

impl RequestLog {
    /// An event of the live stream, as programs read it.
    pub(crate) fn event(event: &LiveEvent) -> serde_json::Value {
        match event {
            LiveEvent::Connected => serde_json::json!({ "kind": "connected" }),
            LiveEvent::Rows { rows } => {
                let rows: Vec<Self> = rows.iter().cloned().map(Self::from).collect();
                serde_json::json!({ "kind": "rows", "rows": rows })
            }
            LiveEvent::Skipped { rows } => serde_json::json!({ "kind": "skipped", "rows": rows }),
        }
    }
}

/// Numbers of a period.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsageView {
    /// `hour`, `day`, `week` or `month`.
    pub range: String,
    /// Requests that the upstreams answered.
    pub accepted: i64,
    /// Requests that the gateway answered itself.
    pub refused: i64,
    /// Answers with a status of 500 and above.
    pub failed: i64,
    /// Median latency of accepted requests, in microseconds.
    pub p50_us: Option<i64>,
    /// 95th percentile of the same.
    pub p95_us: Option<i64>,
    /// The period in equal parts, the oldest first.
    pub points: Vec<UsagePoint>,
    /// The routes that were called most, at most ten.
    pub routes: Vec<RouteUsage>,
    /// The keys that were used most, at most ten.
    pub keys: Vec<KeyUsage>,
}

/// A part of a period.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsagePoint {
    /// When it starts.
    pub at: Millis,
    /// Requests that the upstreams answered.
    pub accepted: i64,
    /// Requests that the gateway answered itself.
    pub refused: i64,
}

/// Requests of a route.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RouteUsage {
    /// The API, as in URLs.
    pub api: String,
    /// Method.
    pub method: String,
    /// Route template.
    pub route: String,
    /// Requests that the upstream answered.
    pub accepted: i64,
    /// Requests that the gateway answered itself.
    pub refused: i64,
}

/// Requests of a key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyUsage {
    /// Its label.
    pub label: String,
    /// What may be shown of its secret.
    pub hint: String,
    /// Requests that the upstream answered.
    pub accepted: i64,
    /// Requests that the gateway answered itself.
    pub refused: i64,
}

impl From<Usage> for UsageView {
    fn from(usage: Usage) -> Self {
        let point = |point: contract::usage::UsagePoint| UsagePoint {
            at: point.at,
            accepted: point.accepted,
            refused: point.refused,
        };
        let route = |one: contract::usage::RouteUsage| RouteUsage {
            api: one.api,
            method: one.method,
            route: one.route,
            accepted: one.accepted,
            refused: one.refused,
        };
        let key = |one: contract::usage::KeyUsage| KeyUsage {
            label: one.label,
            hint: one.hint,
            accepted: one.accepted,
            refused: one.refused,
        };
        Self {
            range: usage.range.word().to_owned(),
            accepted: usage.accepted,
            refused: usage.refused,
            failed: usage.failed,
            p50_us: usage.p50_us,
            p95_us: usage.p95_us,
            points: usage.points.into_iter().map(point).collect(),
            routes: usage.routes.into_iter().map(route).collect(),
            keys: usage.keys.into_iter().map(key).collect(),
        }
    }
}
