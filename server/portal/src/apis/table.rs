//! Table `apis`.

use contract::ApiId;
use contract::apis::{ApiTerms, Environments, LogMode};
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
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
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
        }
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
