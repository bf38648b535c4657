//! Table `usage_minutes`.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "usage_minutes")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub minute: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub api_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub environment: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub method: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub route: String,
    /// Refusal code; empty where the upstream answered.
    #[sea_orm(primary_key, auto_increment = false)]
    pub code: String,
    pub requests: i64,
    pub failed: i64,
    pub latency_us: i64,
    pub response_bytes: i64,
    /// What these requests took from quotas.
    pub units: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// What names a cell.
pub(crate) const KEY: [Column; 8] = [
    Column::Minute,
    Column::OrganizationId,
    Column::KeyId,
    Column::ApiId,
    Column::Environment,
    Column::Method,
    Column::Route,
    Column::Code,
];
