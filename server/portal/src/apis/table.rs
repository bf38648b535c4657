//! Table `apis`.

use sea_orm::entity::prelude::*;

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
}

impl ActiveModelBehavior for ActiveModel {}

pub(crate) async fn by_slug<C: ConnectionTrait>(db: &C, slug: &str) -> Result<Option<Model>, DbErr> {
    // PostgreSQL refuses to compare with a NUL, which no slug holds.
    if slug.contains('\0') {
        return Ok(None);
    }
    Entity::find().filter(COLUMN.slug.eq(slug)).one(db).await
}
