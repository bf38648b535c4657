//! Links in mails: a random token, of which only the hash is stored, that works once and for a day.

use chrono::TimeDelta;
use contract::{AccountId, KeyId, Refusal};
use sea_orm::Set;
use sea_orm::entity::prelude::*;

use crate::{Op, Result, Tx, tokens};

/// Long enough to find the mail the next morning.
const LIFE: TimeDelta = TimeDelta::hours(24);

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mail_links")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    #[sea_orm(unique)]
    pub token_hash: Vec<u8>,
    pub purpose: String,
    pub account_id: Uuid,
    pub key_id: Option<Uuid>,
    pub created_at: i64,
    pub expires_at: i64,
    pub used_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}

/// What a link is for: one cannot be used as the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    VerifyEmail,
    RevealKey,
}

impl Purpose {
    const fn word(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::RevealKey => "reveal_key",
        }
    }
}

/// Makes a link and returns its token: the only moment at which it exists outside the mail.
pub(crate) async fn create(
    tx: &Tx,
    op: &Op,
    purpose: Purpose,
    account: AccountId,
    key: Option<KeyId>,
) -> Result<String> {
    let token = tokens::new_token()?;
    ActiveModel {
        id: Set(op.new_uuid()),
        token_hash: Set(tokens::token_hash(&token)),
        purpose: Set(purpose.word().to_owned()),
        account_id: Set(account.uuid()),
        key_id: Set(key.map(KeyId::uuid)),
        created_at: Set(op.now_ms()),
        expires_at: Set((op.now + LIFE).timestamp_millis()),
        used_at: Set(None),
    }
    .insert(tx)
    .await?;
    Ok(token)
}

/// The link with this token, used or not.
pub(crate) async fn find<C: ConnectionTrait>(db: &C, purpose: Purpose, token: &str) -> Result<Model> {
    let found = Entity::find()
        .filter(COLUMN.token_hash.eq(tokens::token_hash(token)))
        .filter(COLUMN.purpose.eq(purpose.word()))
        .one(db)
        .await?;
    Ok(found.ok_or(Refusal::LinkUnknown)?)
}

/// Refuses a link that cannot be used any more; changes nothing.
pub(crate) fn check(op: &Op, link: &Model) -> Result<()> {
    if link.used_at.is_some() {
        return Err(Refusal::LinkUsed.into());
    }
    if op.now_ms() >= link.expires_at {
        return Err(Refusal::LinkExpired.into());
    }
    Ok(())
}

/// Uses a link. Of two who try at the same moment, one succeeds.
pub(crate) async fn consume(tx: &Tx, op: &Op, link: &Model) -> Result<()> {
    check(op, link)?;
    let used = Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(op.now_ms()))
        .filter(COLUMN.id.eq(link.id))
        .filter(COLUMN.used_at.is_null())
        .exec(tx)
        .await?;
    if used.rows_affected == 1 { Ok(()) } else { Err(Refusal::LinkUsed.into()) }
}

/// Makes the open links of a purpose useless, because a new one takes their place.
pub(crate) async fn cancel(tx: &Tx, account: AccountId, purpose: Purpose) -> Result<()> {
    Entity::delete_many()
        .filter(COLUMN.account_id.eq(account.uuid()))
        .filter(COLUMN.purpose.eq(purpose.word()))
        .filter(COLUMN.used_at.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// The same for the links to one key.
pub(crate) async fn cancel_for_key(tx: &Tx, key: KeyId) -> Result<()> {
    Entity::delete_many().filter(COLUMN.key_id.eq(key.uuid())).filter(COLUMN.used_at.is_null()).exec(tx).await?;
    Ok(())
}
