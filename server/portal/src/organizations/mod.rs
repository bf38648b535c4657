//! Organizations own keys; members act for them.

use contract::organizations::CurrentOrganization;
use contract::{AccountId, OrganizationId, Role};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _, Set,
};

use crate::{Op, Tx};

pub(crate) mod members;
pub(crate) mod table;

/// The organization that every account starts with, and its only member.
pub(crate) async fn create_personal(tx: &Tx, op: &Op, account: AccountId, name: &str) -> Result<(), DbErr> {
    let organization = table::ActiveModel {
        id: Set(op.new_uuid()),
        name: Set(name.to_owned()),
        kind: Set("personal".to_owned()),
        created_at: Set(op.now_ms()),
    }
    .insert(tx)
    .await?;
    members::ActiveModel {
        organization_id: Set(organization.id),
        account_id: Set(account.uuid()),
        role: Set(Role::Owner.word().to_owned()),
        created_at: Set(op.now_ms()),
    }
    .insert(tx)
    .await?;
    Ok(())
}

/// Calls the organization that an account started with after its person again.
pub(crate) async fn rename_personal(tx: &Tx, account: AccountId, name: &str) -> crate::Result<()> {
    let organization = personal_of(tx, account).await?;
    table::Entity::update_many()
        .col_expr(table::Column::Name, Expr::value(name))
        .filter(table::COLUMN.id.eq(organization.id.uuid()))
        .exec(tx)
        .await?;
    Ok(())
}

/// The organization that an account started with.
pub(crate) async fn personal_of<C: ConnectionTrait>(db: &C, account: AccountId) -> crate::Result<CurrentOrganization> {
    let memberships = members::Entity::find().filter(members::COLUMN.account_id.eq(account.uuid())).all(db).await?;
    let first = table::Entity::find()
        .filter(table::COLUMN.id.is_in(memberships.iter().map(|member| member.organization_id)))
        .filter(table::COLUMN.kind.eq("personal"))
        .order_by_asc(table::COLUMN.id)
        .one(db)
        .await?;
    match first {
        Some(organization) => current(db, OrganizationId::new(organization.id), account).await,
        None => Ok(None),
    }?
    .ok_or_else(|| anyhow::anyhow!("account {account} belongs to no organization").into())
}

/// An organization, as one of its members sees it; nothing for everyone else.
pub(crate) async fn current<C: ConnectionTrait>(
    db: &C,
    id: OrganizationId,
    account: AccountId,
) -> crate::Result<Option<CurrentOrganization>> {
    let Some(member) = members::Entity::find_by_id((id.uuid(), account.uuid())).one(db).await? else { return Ok(None) };
    let Some(organization) = table::Entity::find_by_id(id.uuid()).one(db).await? else { return Ok(None) };
    let role = Role::from_word(&member.role).ok_or_else(|| anyhow::anyhow!("unknown role `{}`", member.role))?;
    Ok(Some(CurrentOrganization { id, name: organization.name, role }))
}
