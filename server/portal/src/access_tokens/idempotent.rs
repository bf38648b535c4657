//! Requests that a program may repeat without doing their work twice, as it names them
//! (`draft-ietf-httpapi-idempotency-key-header`).
//!
//! - The name is claimed before the work begins: of two requests at the same moment, one is worked on.
//! - The answer is kept for a day and given again, word for word. Answers of the REST API hold no secret.
//! - What failed on our side is forgotten, so that it can be tried again. What a process left behind when it ended is
//!   taken over after a minute: the verbs behind such requests can be repeated without harm.

use contract::{Millis, Refusal, TokenId};
use sea_orm::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sha2::{Digest as _, Sha256};

use crate::error::is_conflict;
use crate::{Op, Result};

/// Longest name, in characters.
pub const KEY_MAX: usize = 255;

/// No request is worked on for so long: who claimed it is gone.
const ABANDONED_MS: Millis = 60_000;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotent_requests")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub token_id: Uuid,
    pub key_hash: Vec<u8>,
    pub request_hash: Vec<u8>,
    pub created_at: i64,
    /// Absent while it is worked on.
    pub status: Option<i64>,
    pub location: Option<String>,
    pub body: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}

/// An answer that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Its status.
    pub status: u16,
    /// Where what it made is.
    pub location: Option<String>,
    /// Its body, JSON; empty if it had none.
    pub body: String,
}

/// What a name stands for.
#[derive(Debug)]
pub enum Begun {
    /// It is new: do the work, then say how it ended.
    Claimed(Claim),
    /// The work was done, and answered so.
    Done(Given),
}

/// The right to do the work of a name.
#[derive(Clone, Copy, Debug)]
pub struct Claim(Uuid);

/// A digest of what makes a request the same request.
#[must_use]
pub fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

/// Claims a name for a request of the token that asks.
///
/// # Errors
/// [`Refusal::IdempotencyKeyReused`] if it stands for another request, [`Refusal::RequestUnderWay`] while that one is
/// worked on, [`Refusal::InvalidToken`] for whoever has no token.
pub async fn begin(op: &Op, key: &str, request: [u8; 32]) -> Result<Begun> {
    let token: TokenId = op.token().ok_or(Refusal::InvalidToken)?.token;
    let key_hash = digest(&[key.as_bytes()]).to_vec();
    let id = op.new_uuid();
    let row = ActiveModel {
        id: Set(id),
        token_id: Set(token.uuid()),
        key_hash: Set(key_hash.clone()),
        request_hash: Set(request.to_vec()),
        created_at: Set(op.now_ms()),
        status: Set(None),
        location: Set(None),
        body: Set(None),
    };
    let tx = op.begin().await?;
    match row.insert(&tx).await {
        Ok(_) => {
            op.commit(tx).await?;
            return Ok(Begun::Claimed(Claim(id)));
        }
        Err(error) if is_conflict(&error) => drop(tx),
        Err(error) => return Err(error.into()),
    }
    let known = Entity::find()
        .filter(COLUMN.token_id.eq(token.uuid()))
        .filter(COLUMN.key_hash.eq(key_hash))
        .one(op.db().read())
        .await?
        // Forgotten at this very moment: whoever asks again finds the name free.
        .ok_or(Refusal::RequestUnderWay)?;
    if known.request_hash != request {
        return Err(Refusal::IdempotencyKeyReused.into());
    }
    if let Some(status) = known.status {
        let status = u16::try_from(status).unwrap_or(500);
        return Ok(Begun::Done(Given { status, location: known.location, body: known.body.unwrap_or_default() }));
    }
    let tx = op.begin().await?;
    let taken = Entity::update_many()
        .col_expr(Column::CreatedAt, Expr::value(op.now_ms()))
        .filter(COLUMN.id.eq(known.id))
        .filter(COLUMN.status.is_null())
        .filter(COLUMN.created_at.lte(op.now_ms() - ABANDONED_MS))
        .exec(&tx)
        .await?;
    op.commit(tx).await?;
    if taken.rows_affected == 1 { Ok(Begun::Claimed(Claim(known.id))) } else { Err(Refusal::RequestUnderWay.into()) }
}

/// Keeps the answer.
///
/// # Errors
/// Only when the database fails.
pub async fn finish(op: &Op, claim: Claim, given: &Given) -> Result<()> {
    let tx = op.begin().await?;
    Entity::update_many()
        .col_expr(Column::Status, Expr::value(i64::from(given.status)))
        .col_expr(Column::Location, Expr::value(given.location.clone()))
        .col_expr(Column::Body, Expr::value(given.body.clone()))
        .filter(COLUMN.id.eq(claim.0))
        .exec(&tx)
        .await?;
    op.commit(tx).await
}

/// Lets the name go: nothing was done.
///
/// # Errors
/// Only when the database fails.
pub async fn forget(op: &Op, claim: Claim) -> Result<()> {
    let tx = op.begin().await?;
    Entity::delete_by_id(claim.0).exec(&tx).await?;
    op.commit(tx).await
}
