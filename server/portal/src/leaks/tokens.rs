//! Access tokens that were seen in public. They act for a person, at everything that the person may: so they are revoked
//! at once, whatever APIs ask for. Their person is told, and makes another.

use contract::audit_log::Action;
use contract::{AccountId, OrganizationId, TokenId};
use sea_orm::prelude::*;
use sea_orm::sea_query::Expr;

use super::Reported;
use crate::access_tokens::{COLUMN, Column, Entity, Model};
use crate::audit_log::{self, Event};
use crate::notices::{self, Notice};
use crate::{Browser, Op, Result, accounts, tokens};

/// The token that this string is.
pub(super) async fn find(op: &Op, text: &str) -> Result<Option<Model>> {
    Ok(Entity::find().filter(COLUMN.token_hash.eq(tokens::token_hash(text))).one(op.db().read()).await?)
}

/// Whether it opens anything.
pub(super) fn works(op: &Op, token: &Model) -> bool {
    token.revoked_at.is_none() && op.now_ms() < token.expires_at
}

/// Revokes it, and says whether it had still worked. Of two reports at the same moment, one does.
pub(super) async fn revoke(op: &Op, token: &Model, reported: &Reported<'_>) -> Result<bool> {
    let tx = op.begin().await?;
    let revoked = Entity::update_many()
        .col_expr(Column::RevokedAt, Expr::value(op.now_ms()))
        .filter(COLUMN.id.eq(token.id))
        .filter(COLUMN.revoked_at.is_null())
        .filter(COLUMN.expires_at.gt(op.now_ms()))
        .exec(&tx)
        .await?;
    if revoked.rows_affected == 0 {
        return Ok(false);
    }
    if let Some(account) = accounts::table::Entity::find_by_id(token.account_id).one(&tx).await? {
        let notice = Notice::TokenLeaked { name: token.name.clone(), place: reported.place.map(str::to_owned) };
        // Whoever reports it is not whom the mail is about.
        let nowhere = op.clone().from_browser(Browser::none());
        notices::send(&tx, &nowhere, &account, notice).await?;
    }
    let event = Event::new(Action::TokenLeakReported)
        .organization(OrganizationId::new(token.organization_id))
        .account(AccountId::new(token.account_id))
        .object(TokenId::new(token.id))
        .detail("source", reported.source);
    audit_log::record(&tx, op, event).await?;
    op.commit(tx).await?;
    Ok(true)
}
