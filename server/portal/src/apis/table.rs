//! Table `apis`.

use contract::ApiId;
use contract::apis::{ApiTerms, Callers, Environments, LogLevel, LogMode, PrivacyProfile, Recovery};
use contract::leaks::{LeakPolicy, LeakTerms};
use contract::limits::Limit;
use sea_orm::QuerySelect as _;
use sea_orm::entity::prelude::*;

use crate::Tx;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "apis")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    #[sea_orm(unique)]
    pub slug: String,
    pub name: String,
    pub summary: String,
    pub upstream_url: String,
    /// The OpenAPI document, as JSON text: it is shown and read whole, never queried.
    pub openapi: String,
    pub created_at: i64,
    pub updated_at: i64,
    pub timeout_ms: i64,
    pub body_max_bytes: i64,
    /// `required` or `best_effort`.
    pub log_mode: String,
    /// `both`, `live` or `test`.
    pub environments: String,
    /// One origin a line.
    pub allowed_origins: String,
    pub address_requests: Option<i64>,
    pub address_seconds: Option<i64>,
    /// The plan that every organization has without subscribing.
    pub default_plan_id: Option<Uuid>,
    /// Since then neither the gateway nor the docs know it.
    pub closed_at: Option<i64>,
    /// 1 if developers may see the secret of a key again.
    pub recoverable: i64,
    /// What the log keeps of a caller's address.
    pub ip_policy: String,
    /// What it keeps of a caller's agent.
    pub ua_policy: String,
    /// `server`, or `end_user`, of whom nothing is kept.
    pub caller_kind: String,
    /// How much a row of the log says.
    pub log_level: String,
    /// For how many days rows are kept.
    pub retention_days: i64,
    /// Further addresses, one a line.
    pub more_upstreams: String,
    /// `tell`, `rotate` or `revoke`.
    pub leak_policy: String,
    pub leak_overlap_days: i64,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub(crate) fn recovery(&self) -> Recovery {
        if self.recoverable == 0 { Recovery::Off } else { Recovery::On }
    }

    pub(crate) fn api(&self) -> ApiId {
        ApiId::new(self.id)
    }

    /// What cannot be read is as it is for an API that never said.
    pub(crate) fn terms(&self) -> ApiTerms {
        let usual = ApiTerms::default();
        ApiTerms {
            timeout_ms: u32::try_from(self.timeout_ms).unwrap_or(usual.timeout_ms),
            body_max_bytes: u64::try_from(self.body_max_bytes).unwrap_or(usual.body_max_bytes),
            log_mode: LogMode::from_word(&self.log_mode).unwrap_or_default(),
            environments: Environments::from_word(&self.environments).unwrap_or_default(),
            allowed_origins: self.allowed_origins.lines().map(str::to_owned).collect(),
            address_limit: Limit::from_stored(self.address_requests, self.address_seconds),
            privacy: self.privacy(),
            more_upstreams: self.more_upstreams.lines().map(str::to_owned).collect(),
        }
    }

    /// What cannot be read keeps the least.
    fn privacy(&self) -> PrivacyProfile {
        PrivacyProfile {
            callers: Callers::from_words(&self.caller_kind, &self.ip_policy, &self.ua_policy).unwrap_or_default(),
            log_level: LogLevel::from_word(&self.log_level).unwrap_or(LogLevel::Counts),
            retention_days: self.retention_days.try_into().unwrap_or(1),
        }
    }
}

impl Model {
    /// What is done when the secret of a key that may call it leaks.
    pub(crate) fn leaks(&self) -> LeakTerms {
        let policy = LeakPolicy::from_word(&self.leak_policy).unwrap_or_default();
        LeakTerms { policy, overlap_days: self.leak_overlap_days }
    }
}

pub(crate) async fn by_slug<C: ConnectionTrait>(db: &C, slug: &str) -> Result<Option<Model>, DbErr> {
    // PostgreSQL refuses to compare with a NUL, which no slug holds.
    if slug.contains('\0') {
        return Ok(None);
    }
    Entity::find().filter(COLUMN.slug.eq(slug)).one(db).await
}

/// The same, to change it, its plans or its subscriptions: whoever else wants to waits. SQLite has one writer anyway.
pub(crate) async fn by_slug_to_change(tx: &Tx, slug: &str) -> Result<Option<Model>, DbErr> {
    if slug.contains('\0') {
        return Ok(None);
    }
    Entity::find().filter(COLUMN.slug.eq(slug)).lock_exclusive().one(tx).await
}

pub(crate) async fn by_id_to_change(tx: &Tx, id: Uuid) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).lock_exclusive().one(tx).await
}
