//! Table `accounts`.

use contract::AccountId;
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "accounts")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: String,
    pub email: String,
    /// Lower case, so that one address has one account on both databases.
    #[sea_orm(unique)]
    pub email_folded: String,
    pub email_verified_at: Option<i64>,
    pub password_hash: Option<String>,
    /// `pending` or `active`.
    pub state: String,
    pub created_at: i64,
    pub last_sign_in_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub(crate) fn account(&self) -> AccountId {
        AccountId::new(self.id)
    }
}

/// One address has one account, however it is written.
pub(crate) fn fold(email: &str) -> String {
    email.to_lowercase()
}

pub(crate) async fn by_email<C: ConnectionTrait>(db: &C, email: &str) -> Result<Option<Model>, DbErr> {
    Entity::find().filter(COLUMN.email_folded.eq(fold(email))).one(db).await
}
