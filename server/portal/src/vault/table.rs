//! Table `data_keys`.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "data_keys")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    /// From 1. A box says under which it was sealed.
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i64,
    /// The key itself, sealed under the one that `kek_id` names.
    pub wrapped: Vec<u8>,
    pub kek_id: String,
    pub created_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
