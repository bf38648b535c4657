//! Table `organizations`.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "organizations")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: String,
    /// `personal`: the one an account starts with.
    pub kind: String,
    pub created_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
