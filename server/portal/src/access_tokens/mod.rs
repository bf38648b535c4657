//! Access tokens: a person lets a program act for them at the REST API.
//!
//! - A token does what its scopes say and what its person may at that moment, whichever is less: who lost a role lost it
//!   for their tokens too, and a token of a suspended account opens nothing.
//! - It is shown once, when it is made, by somebody who confirmed who they are; we hold a hash.
//! - It works for the organization in which it was made, and ends on a day that its person chose.
//! - No token makes another, and none touches members, roles, passkeys or sessions.

use chrono::{DateTime, TimeDelta, Utc};
use contract::access_tokens::{AccessToken, CreatedToken, Scope, TOKENS_MAX, TokenState, TokensPage, TypedToken};
use contract::audit_log::Action;
use contract::fields::{Check, Problem};
use contract::keys::Secret;
use contract::sessions::Factor;
use contract::{AccountId, Millis, OrganizationId, Refusal, TokenId, access_tokens as form};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{IntoActiveModel as _, QueryOrder as _, Set};

use crate::audit_log::{self, Event};
use crate::notices::{self, Notice};
use crate::{Error, Op, Portal, Result, TokenHolder, Tx, accounts, organizations, staff, tokens};

pub mod idempotent;
#[cfg(test)]
mod tests;

/// How precisely the last use is stored: as of sessions.
const LAST_USED_STEP: TimeDelta = TimeDelta::minutes(5);

const DAY_MS: Millis = 86_400_000;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "access_tokens")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub account_id: Uuid,
    pub organization_id: Uuid,
    pub name: String,
    /// What may be shown of it.
    pub hint: String,
    #[sea_orm(unique)]
    pub token_hash: Vec<u8>,
    /// Words, parted by spaces.
    pub scopes: String,
    pub created_at: i64,
    pub expires_at: i64,
    pub last_used_at: Option<i64>,
    pub revoked_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}

/// What the account's tokens are called, in all its organizations, the oldest first.
pub(crate) async fn names_of<C: ConnectionTrait>(db: &C, account: AccountId) -> Result<Vec<String>> {
    let rows = Entity::find().filter(COLUMN.account_id.eq(account.uuid())).order_by_asc(COLUMN.id).all(db).await?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

impl Model {
    fn token(&self) -> TokenId {
        TokenId::new(self.id)
    }

    fn scopes(&self) -> Vec<Scope> {
        self.scopes.split(' ').filter_map(Scope::from_word).collect()
    }

    fn state(&self, now: Millis) -> TokenState {
        match self.revoked_at {
            Some(_) => TokenState::Revoked,
            None if self.expires_at <= now => TokenState::Expired,
            None => TokenState::Active,
        }
    }

    fn shown(self, now: Millis) -> AccessToken {
        AccessToken {
            id: self.token(),
            scopes: self.scopes(),
            state: self.state(now),
            name: self.name,
            hint: self.hint,
            created_at: self.created_at,
            expires_at: self.expires_at,
            last_used_at: self.last_used_at,
            revoked_at: self.revoked_at,
        }
    }
}

/// Makes a token for the organization in which the person works, and shows it: once.
///
/// # Errors
/// [`Refusal::InvalidInput`], also for scopes of staff from somebody else; [`Refusal::TooMany`];
/// [`Refusal::StepUpRequired`]; [`Refusal::PasskeyRequired`] for scopes of staff where the desk asks for a passkey;
/// [`Refusal::AccountRestricted`], [`Refusal::NotSignedIn`].
pub async fn create(op: &Op, typed: &TypedToken) -> Result<CreatedToken> {
    let person = op.require_good_standing()?;
    let mut check = Check::default();
    let (name, scopes, days) = typed.check(&mut check);
    let for_staff = scopes.iter().any(|scope| scope.is_of_staff());
    if for_staff && person.staff.is_none() {
        check.refuse("scopes", Problem::NotAChoice);
    }
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    op.require_recent().await?;
    if for_staff && person.factor != Factor::Passkey && op.portal.settings().staff_need_passkeys {
        return Err(Refusal::PasskeyRequired.into());
    }
    let text = form::assemble(&op.portal.settings().key_prefix, &tokens::random_text()?);
    let tx = op.begin().await?;
    // Held, so that many at the same moment are counted one after another.
    let account = accounts::table::by_id_to_change(&tx, person.account.uuid()).await?.ok_or(Refusal::NotSignedIn)?;
    let alive = of(person.account, person.organization.id)
        .filter(COLUMN.revoked_at.is_null())
        .filter(COLUMN.expires_at.gt(op.now_ms()))
        .count(&tx)
        .await?;
    if alive >= u64::from(TOKENS_MAX) {
        return Err(Refusal::TooMany { max: TOKENS_MAX }.into());
    }
    let words: Vec<&str> = scopes.iter().map(|scope| scope.word()).collect();
    let row = ActiveModel {
        id: Set(op.new_uuid()),
        account_id: Set(person.account.uuid()),
        organization_id: Set(person.organization.id.uuid()),
        name: Set(name),
        hint: Set(form::hint(&text)),
        token_hash: Set(tokens::token_hash(&text)),
        scopes: Set(words.join(" ")),
        created_at: Set(op.now_ms()),
        expires_at: Set(op.now_ms() + days * DAY_MS),
        last_used_at: Set(None),
        revoked_at: Set(None),
    }
    .insert(&tx)
    .await?;
    let notice = Notice::TokenCreated { name: row.name.clone(), may: words.join(", ") };
    notices::send(&tx, op, &account, notice).await?;
    let event = event(Action::TokenCreated, op, &row)?.detail("scopes", words.join(" ")).detail("days", days);
    audit_log::record(&tx, op, event).await?;
    op.commit(tx).await?;
    Ok(CreatedToken { token: row.shown(op.now_ms()), secret: Secret::new(text) })
}

fn event(action: Action, op: &Op, row: &Model) -> Result<Event> {
    let person = op.person()?;
    Ok(Event::new(action).organization(person.organization.id).account(person.account).object(row.token()))
}

/// Tokens of a person in an organization.
fn of(account: AccountId, organization: OrganizationId) -> Select<Entity> {
    Entity::find().filter(COLUMN.account_id.eq(account.uuid())).filter(COLUMN.organization_id.eq(organization.uuid()))
}

/// The person's tokens in the organization in which they work, the newest first.
///
/// # Errors
/// [`Refusal::NotSignedIn`]; [`Refusal::TokenScope`].
pub async fn list(op: &Op) -> Result<Vec<AccessToken>> {
    let person = op.person()?;
    op.within_token(Some(Scope::TokensWrite))?;
    let rows = of(person.account, person.organization.id).order_by_desc(COLUMN.id).all(op.db().read()).await?;
    Ok(rows.into_iter().map(|row| row.shown(op.now_ms())).collect())
}

/// What the page of tokens shows.
///
/// # Errors
/// [`Refusal::NotSignedIn`].
pub async fn page(op: &Op) -> Result<TokensPage> {
    let person = op.signed_in()?;
    let confirmed = match op.require_recent().await {
        Ok(_) => true,
        Err(Error::Refused(_)) => false,
        Err(failed) => return Err(failed),
    };
    let offered = |scope: &Scope| person.staff.is_some() || !scope.is_of_staff();
    Ok(TokensPage { tokens: list(op).await?, scopes: Scope::ALL.into_iter().filter(offered).collect(), confirmed })
}

/// Revokes a token of the person who asks: it opens nothing from now on. Twice is not an error.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::NotSignedIn`], [`Refusal::TokenScope`].
pub async fn revoke(op: &Op, id: TokenId) -> Result<AccessToken> {
    let person = op.person()?;
    op.within_token(Some(Scope::TokensWrite))?;
    let tx = op.begin().await?;
    let row = of(person.account, person.organization.id).filter(COLUMN.id.eq(id.uuid())).one(&tx).await?;
    let row = row.ok_or(Refusal::NotFound)?;
    if row.revoked_at.is_some() {
        return Ok(row.shown(op.now_ms()));
    }
    let mut row = row.into_active_model();
    row.revoked_at = Set(Some(op.now_ms()));
    let row = row.update(&tx).await?;
    audit_log::record(&tx, op, event(Action::TokenRevoked, op, &row)?).await?;
    op.commit(tx).await?;
    Ok(row.shown(op.now_ms()))
}

/// Revokes every token of an account: whoever gets back in by mail had lost it, perhaps to somebody who made one.
pub(crate) async fn revoke_all(tx: &Tx, op: &Op, account: AccountId) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::RevokedAt, Expr::value(op.now_ms()))
        .filter(COLUMN.account_id.eq(account.uuid()))
        .filter(COLUMN.revoked_at.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// For whom this token acts, and what it may; nobody if it is none, or opens nothing any more.
///
/// # Errors
/// Only when the database fails.
pub async fn resume(portal: &Portal, text: &str, now: DateTime<Utc>) -> Result<Option<TokenHolder>> {
    if !form::is_token(text, &portal.settings().key_prefix) {
        return Ok(None);
    }
    let row = Entity::find().filter(COLUMN.token_hash.eq(tokens::token_hash(text))).one(portal.db().read()).await?;
    let Some(row) = row else { return Ok(None) };
    let Some(holder) = holder(portal, &row, now).await? else { return Ok(None) };
    let used = rounded(now);
    if row.last_used_at.is_none_or(|last| last < used) {
        let tx = portal.db().begin().await?;
        Entity::update_many()
            .col_expr(Column::LastUsedAt, Expr::value(used))
            .filter(COLUMN.id.eq(row.id))
            .filter(COLUMN.last_used_at.is_null().or(COLUMN.last_used_at.lt(used)))
            .exec(&tx)
            .await?;
        tx.commit().await?;
    }
    Ok(Some(holder))
}

/// Whether what a token opened may stay open: for what lasts longer than a request. Not once anything changed of what
/// its person is there, or of what it may.
///
/// # Errors
/// Only when the database fails.
pub async fn is_open(portal: &Portal, was: &TokenHolder, now: DateTime<Utc>) -> Result<bool> {
    let Some(row) = Entity::find_by_id(was.token.uuid()).one(portal.db().read()).await? else { return Ok(false) };
    let Some(is) = holder(portal, &row, now).await? else { return Ok(false) };
    Ok((is.organization.role, is.staff, is.state, &is.scopes)
        == (was.organization.role, was.staff, was.state, &was.scopes))
}

async fn holder(portal: &Portal, row: &Model, now: DateTime<Utc>) -> Result<Option<TokenHolder>> {
    let db = portal.db().read();
    if row.state(now.timestamp_millis()) != TokenState::Active {
        return Ok(None);
    }
    let Some(account) = accounts::table::Entity::find_by_id(row.account_id).one(db).await? else { return Ok(None) };
    let (id, state) = (account.account(), account.state());
    if !state.may_sign_in() {
        return Ok(None);
    }
    let organization = organizations::current(db, OrganizationId::new(row.organization_id), id).await?;
    let Some(organization) = organization else { return Ok(None) };
    Ok(Some(TokenHolder {
        token: row.token(),
        scopes: row.scopes(),
        account: id,
        name: account.name,
        email: account.email,
        organization,
        staff: staff::role_of(db, id).await?,
        state,
        state_reason: account.state_reason,
    }))
}

fn rounded(now: DateTime<Utc>) -> Millis {
    let moment = now.timestamp_millis();
    moment - moment.rem_euclid(LAST_USED_STEP.num_milliseconds())
}
