//! Staff: the people who run this portal.

use contract::{AccountId, Refusal, StaffRole};
use sea_orm::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use crate::{Actor, Op, Result, accounts};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "staff")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: Uuid,
    pub role: String,
    pub created_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// Makes an existing account staff, or changes its role. For the command line: only the program itself may.
///
/// # Errors
/// [`Refusal::NotAllowed`] for anyone else, [`Refusal::NotFound`] if the address has no account.
pub async fn add(op: &Op, email: &str, role: StaffRole) -> Result<()> {
    if op.actor != Actor::System {
        return Err(Refusal::NotAllowed.into());
    }
    let tx = op.begin().await?;
    let account = accounts::id_of(&tx, email).await?.ok_or(Refusal::NotFound)?;
    let row = ActiveModel { account_id: Set(account), role: Set(role.word().to_owned()), created_at: Set(op.now_ms()) };
    Entity::insert(row)
        .on_conflict(OnConflict::column(Column::AccountId).update_column(Column::Role).to_owned())
        .exec_without_returning(&tx)
        .await?;
    op.commit(tx).await
}

/// The account's place among the staff, if any.
pub(crate) async fn role_of<C: ConnectionTrait>(db: &C, account: AccountId) -> Result<Option<StaffRole>> {
    let row = Entity::find_by_id(account.uuid()).one(db).await?;
    Ok(row.and_then(|row| StaffRole::from_word(&row.role)))
}
