//! Sessions: a signed-in browser holds a random token; we hold its hash.
//!
//! A session ends after an hour without use, after a day at the latest, or when its person signs out.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use contract::{AccountId, Millis, OrganizationId, Refusal, SessionId};
use sea_orm::entity::prelude::*;
use sea_orm::{IntoActiveModel as _, Set};

use crate::accounts::{self, Password};
use crate::{Actor, Op, Portal, Result, SignedIn, organizations, staff, tokens};

#[cfg(test)]
mod tests;

/// Without use, a session ends after this long.
pub const IDLE: TimeDelta = TimeDelta::hours(1);

/// However much it is used, a session ends after this long.
pub const LIFE: TimeDelta = TimeDelta::hours(24);

/// How precisely the last use is stored: coarse enough not to be a record of behaviour, fine enough for [`IDLE`].
const LAST_SEEN_STEP: TimeDelta = TimeDelta::minutes(5);

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    #[sea_orm(unique)]
    pub token_hash: Vec<u8>,
    pub account_id: Uuid,
    pub organization_id: Uuid,
    pub created_at: i64,
    pub last_seen_at: i64,
    pub expires_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// What the browser holds.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken(String);

impl SessionToken {
    /// The text, for the cookie.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken")
    }
}

/// Signs a person in.
///
/// # Errors
/// [`Refusal::SignInFailed`] for a wrong password and for an unknown address alike;
/// [`Refusal::EmailNotVerified`] only after the right password.
pub async fn sign_in(op: &Op, email: &str, password: &Password) -> Result<SessionToken> {
    let account = accounts::table::by_email(op.db().read(), email.trim()).await?;
    let hash = account.as_ref().and_then(|account| account.password_hash.as_deref());
    let matches = op.portal.passwords().matches(password, hash).await?;
    let account = account.filter(|_| matches).ok_or(Refusal::SignInFailed)?;
    if account.email_verified_at.is_none() {
        return Err(Refusal::EmailNotVerified.into());
    }
    let id = account.account();
    let tx = op.begin().await?;
    let organization = organizations::personal_of(&tx, id).await?;
    let token = tokens::new_token()?;
    ActiveModel {
        id: Set(op.new_uuid()),
        token_hash: Set(tokens::token_hash(&token)),
        account_id: Set(account.id),
        organization_id: Set(organization.id.uuid()),
        created_at: Set(op.now_ms()),
        last_seen_at: Set(rounded(op.now)),
        expires_at: Set(end(op.now_ms(), rounded(op.now))),
    }
    .insert(&tx)
    .await?;
    let mut account = account.into_active_model();
    account.last_sign_in_at = Set(Some(op.now_ms()));
    account.update(&tx).await?;
    op.commit(tx).await?;
    Ok(SessionToken(token))
}

/// Ends the session of the person who asks. Without one, there is nothing to do.
///
/// # Errors
/// Only when the database fails.
pub async fn sign_out(op: &Op) -> Result<()> {
    let Actor::Account(person) = &op.actor else { return Ok(()) };
    let tx = op.begin().await?;
    Entity::delete_by_id(person.session.uuid()).exec(&tx).await?;
    op.commit(tx).await
}

/// Who holds this token; nobody if the session has ended.
///
/// # Errors
/// Only when the database fails.
pub async fn resume(portal: &Portal, token: &str, now: DateTime<Utc>) -> Result<Option<SignedIn>> {
    let db = portal.db().read();
    let Some(session) = Entity::find().filter(COLUMN.token_hash.eq(tokens::token_hash(token))).one(db).await? else {
        return Ok(None);
    };
    let moment = now.timestamp_millis();
    if moment >= session.expires_at {
        return Ok(None);
    }
    let Some(account) = accounts::table::Entity::find_by_id(session.account_id).one(db).await? else { return Ok(None) };
    let (id, organization) = (AccountId::new(account.id), OrganizationId::new(session.organization_id));
    let Some(organization) = organizations::current(db, organization, id).await? else { return Ok(None) };
    let staff = staff::role_of(db, id).await?;
    if session.last_seen_at < rounded(now) {
        let tx = portal.db().begin().await?;
        Entity::update_many()
            .col_expr(Column::LastSeenAt, Expr::value(rounded(now)))
            .col_expr(Column::ExpiresAt, Expr::value(end(session.created_at, rounded(now))))
            .filter(COLUMN.id.eq(session.id))
            .exec(&tx)
            .await?;
        tx.commit().await?;
    }
    Ok(Some(SignedIn {
        session: SessionId::new(session.id),
        account: id,
        name: account.name,
        email: account.email,
        organization,
        staff,
    }))
}

/// When a session ends unless it is used again: stored, so that retention erases it then and not a day later.
fn end(created_at: Millis, last_seen_at: Millis) -> Millis {
    Ord::min(created_at + LIFE.num_milliseconds(), last_seen_at + IDLE.num_milliseconds())
}

fn rounded(now: DateTime<Utc>) -> i64 {
    let moment = now.timestamp_millis();
    moment - moment.rem_euclid(LAST_SEEN_STEP.num_milliseconds())
}
