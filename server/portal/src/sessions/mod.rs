//! Sessions: a signed-in browser holds a random token; we hold its hash.
//!
//! - A session ends after an hour without use, after a day at the latest, or when its person says so; with it ends
//!   every stream that it holds open.
//! - Signing in and confirming make a new token: one that was planted or seen before is worth nothing.
//! - A browser keeps a second cookie, by which an account knows it again: a sign-in from a new one is announced by
//!   mail, and tries from a known one are counted apart, so that nobody can lock the owner out.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use contract::accounts::AccountState;
use contract::audit_log::Action;
use contract::sessions::{Factor, Session};
use contract::{AccountId, Millis, OrganizationId, Refusal, SessionId};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{IntoActiveModel as _, QueryOrder as _, Set};

use crate::accounts::{self, Password};
use crate::audit_log::{self, Event};
use crate::evenly::evenly_if_nothing;
use crate::guard::Door;
use crate::notices::{self, Notice};
use crate::{Actor, Op, Portal, Result, SignedIn, Tx, organizations, staff, tokens};

pub(crate) mod devices;
#[cfg(test)]
mod tests;

pub use devices::DeviceToken;

/// How precisely the last use is stored: coarse enough not to be a record of behaviour, fine enough for an idle end.
const LAST_SEEN_STEP: TimeDelta = TimeDelta::minutes(5);

/// Longest label of a browser, in characters.
const DEVICE_MAX: usize = 60;

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
    pub factor: String,
    pub device: String,
    pub authenticated_at: i64,
    pub created_at: i64,
    pub last_seen_at: i64,
    pub expires_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    fn session(&self) -> SessionId {
        SessionId::new(self.id)
    }
}

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

/// What a browser is given when somebody signs in with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// For the cookie of the session.
    pub session: SessionToken,
    /// For the cookie by which the account knows the browser again, unless it has one already.
    pub device: Option<DeviceToken>,
}

/// Signs in with address and password. What is wrong is not said: not to tell who has an account.
///
/// # Errors
/// [`Refusal::SignInFailed`]; [`Refusal::TooManyTries`]; after the right password only, [`Refusal::EmailNotVerified`]
/// and [`Refusal::AccountSuspended`].
pub async fn sign_in(op: &Op, email: &str, password: &Password) -> Result<Opened> {
    let found = evenly_if_nothing(whose(op, email.trim(), password)).await?;
    let (account, rehash) = found.ok_or(Refusal::SignInFailed)?;
    if account.email_verified_at.is_none() {
        return Err(Refusal::EmailNotVerified.into());
    }
    let rehashed = if rehash { Some(op.portal.passwords().hash(password).await?) } else { None };
    let tx = op.begin().await?;
    // Read again, and held: whoever changes the password or suspends the account meanwhile is not undone.
    let account = accounts::table::by_id_to_change(&tx, account.id)
        .await?
        .filter(|now| now.password_hash == account.password_hash)
        .ok_or(Refusal::SignInFailed)?;
    let account = match rehashed {
        Some(hash) => {
            let mut account = account.into_active_model();
            account.password_hash = Set(Some(hash));
            account.update(&tx).await?
        }
        None => account,
    };
    let opened = open(&tx, op, &account, Factor::Password).await?;
    op.commit(tx).await?;
    Ok(opened)
}

/// The account with that address and that password, and whether it is to be hashed anew.
async fn whose(op: &Op, email: &str, password: &Password) -> Result<Option<(accounts::table::Model, bool)>> {
    let known_device = devices::is_known(op, email).await?;
    let folded = accounts::table::fold(email);
    op.portal.guard().check(Door::SignIn, op.now, &op.browser.source, Some(&folded), known_device)?;
    let account = accounts::table::by_email(op.db().read(), email).await?;
    let hash = account.as_ref().and_then(|account| account.password_hash.as_deref());
    let verdict = op.portal.passwords().matches(password, hash).await?;
    Ok(account.filter(|_| verdict.matches).map(|account| (account, verdict.rehash)))
}

/// Opens a session for somebody who just proved who they are.
///
/// # Errors
/// [`Refusal::AccountSuspended`], for accounts that may not sign in.
pub(crate) async fn open(tx: &Tx, op: &Op, account: &accounts::table::Model, factor: Factor) -> Result<Opened> {
    let state = account.state();
    if !state.may_sign_in() {
        let reason = account.state_reason.clone().unwrap_or_else(|| state.sentence().to_owned());
        return Err(match state {
            AccountState::Pending => Refusal::EmailNotVerified,
            _ => Refusal::AccountSuspended { reason },
        }
        .into());
    }
    let organization = organizations::personal_of(tx, account.account()).await?;
    let seen = devices::see(tx, op, account.account()).await?;
    let (row, token) = row(op, account.account(), organization.id, factor)?;
    let row = row.insert(tx).await?;
    let mut changed = account.clone().into_active_model();
    changed.last_sign_in_at = Set(Some(op.now_ms()));
    changed.update(tx).await?;
    if seen.is_new {
        notices::send(tx, op, account, Notice::NewDevice { device: row.device.clone(), factor }).await?;
    }
    let event = Event::new(Action::SignedIn)
        .by(account.account())
        .account(account.account())
        .object(row.session())
        .detail("factor", factor.word());
    audit_log::record(tx, op, event).await?;
    Ok(Opened { session: token, device: seen.token })
}

fn row(
    op: &Op,
    account: AccountId,
    organization: OrganizationId,
    factor: Factor,
) -> Result<(ActiveModel, SessionToken)> {
    let token = tokens::new_token()?;
    let row = ActiveModel {
        id: Set(op.new_uuid()),
        token_hash: Set(tokens::token_hash(&token)),
        account_id: Set(account.uuid()),
        organization_id: Set(organization.uuid()),
        factor: Set(factor.word().to_owned()),
        device: Set(op.browser.label.chars().take(DEVICE_MAX).collect()),
        authenticated_at: Set(op.now_ms()),
        created_at: Set(op.now_ms()),
        last_seen_at: Set(rounded(op.now)),
        expires_at: Set(end(&op.portal, op.now_ms(), rounded(op.now))),
    };
    Ok((row, SessionToken(token)))
}

/// Confirms with the password that it is still the same person.
///
/// # Errors
/// [`Refusal::SignInFailed`] for the wrong password; [`Refusal::StepUpRequired`] for accounts that have a passkey;
/// [`Refusal::TooManyTries`].
pub async fn confirm_with_password(op: &Op, password: &Password) -> Result<SessionToken> {
    let person = op.signed_in()?;
    if crate::passkeys::has_any(op.db().read(), person.account).await? {
        return Err(Refusal::StepUpRequired { passkey: true }.into());
    }
    let folded = accounts::table::fold(&person.email);
    op.portal.guard().check(Door::SignIn, op.now, &op.browser.source, Some(&folded), true)?;
    let account = accounts::table::by_email(op.db().read(), &person.email).await?.ok_or(Refusal::NotSignedIn)?;
    if !op.portal.passwords().matches(password, account.password_hash.as_deref()).await?.matches {
        return Err(Refusal::SignInFailed.into());
    }
    let tx = op.begin().await?;
    let (token, ended) = renew(&tx, op, Factor::Password).await?;
    op.commit_endings(tx, vec![ended]).await?;
    Ok(token)
}

/// Puts a new session in the place of the one that asks, because its person just proved again who they are. Its life is
/// not made longer. The session that is returned has ended, and belongs into [`Op::commit_endings`].
pub(crate) async fn renew(tx: &Tx, op: &Op, factor: Factor) -> Result<(SessionToken, SessionId)> {
    let person = op.signed_in()?;
    let old = Entity::find_by_id(person.session.uuid()).one(tx).await?.ok_or(Refusal::NotSignedIn)?;
    // Ended by somebody else at this very moment, it must not come back under another id.
    if Entity::delete_by_id(old.id).exec(tx).await?.rows_affected == 0 {
        return Err(Refusal::NotSignedIn.into());
    }
    let (mut new, token) = row(op, person.account, OrganizationId::new(old.organization_id), factor)?;
    new.created_at = Set(old.created_at);
    new.expires_at = Set(end(&op.portal, old.created_at, rounded(op.now)));
    new.insert(tx).await?;
    let event = Event::new(Action::SteppedUp).account(person.account).detail("factor", factor.word());
    audit_log::record(tx, op, event).await?;
    Ok((token, old.session()))
}

/// Ends the session of the person who asks. Without one, there is nothing to do.
///
/// # Errors
/// Only when the database fails.
pub async fn sign_out(op: &Op) -> Result<()> {
    let Actor::Account(person) = &op.actor else { return Ok(()) };
    let tx = op.begin().await?;
    Entity::delete_by_id(person.session.uuid()).exec(&tx).await?;
    audit_log::record(&tx, op, Event::new(Action::SignedOut).account(person.account).object(person.session)).await?;
    op.commit_endings(tx, vec![person.session]).await
}

/// The sessions of the person who asks, this one first, then the last used.
///
/// # Errors
/// [`Refusal::NotSignedIn`].
pub async fn list(op: &Op) -> Result<Vec<Session>> {
    let person = op.signed_in()?;
    let rows = Entity::find()
        .filter(COLUMN.account_id.eq(person.account.uuid()))
        .filter(COLUMN.expires_at.gt(op.now_ms()))
        .order_by_desc(COLUMN.last_seen_at)
        .order_by_desc(COLUMN.id)
        .all(op.db().read())
        .await?;
    let mut sessions: Vec<Session> = rows
        .into_iter()
        .map(|row| Session {
            id: row.session(),
            factor: Factor::from_word(&row.factor).unwrap_or(Factor::Password),
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            current: row.session() == person.session,
            device: row.device,
        })
        .collect();
    sessions.sort_by_key(|session| !session.current);
    Ok(sessions)
}

/// Ends one session of the person who asks.
///
/// # Errors
/// [`Refusal::NotFound`].
pub async fn end_one(op: &Op, id: SessionId) -> Result<()> {
    let person = op.signed_in()?;
    let tx = op.begin().await?;
    let ended = Entity::delete_many()
        .filter(COLUMN.id.eq(id.uuid()))
        .filter(COLUMN.account_id.eq(person.account.uuid()))
        .exec(&tx)
        .await?;
    if ended.rows_affected == 0 {
        return Err(Refusal::NotFound.into());
    }
    audit_log::record(&tx, op, Event::new(Action::SessionsEnded).account(person.account).object(id)).await?;
    op.commit_endings(tx, vec![id]).await
}

/// Ends every session of the person who asks but the one that asks.
///
/// # Errors
/// [`Refusal::NotSignedIn`].
pub async fn end_others(op: &Op) -> Result<()> {
    let person = op.signed_in()?;
    let tx = op.begin().await?;
    let ended = end_all(&tx, person.account, Some(person.session)).await?;
    audit_log::record(&tx, op, Event::new(Action::SessionsEnded).account(person.account)).await?;
    op.commit_endings(tx, ended).await
}

/// Ends every session of an account, except perhaps one. What is returned belongs into [`Op::commit_endings`].
pub(crate) async fn end_all(tx: &Tx, account: AccountId, except: Option<SessionId>) -> Result<Vec<SessionId>> {
    end_those(tx, COLUMN.account_id.eq(account.uuid()), except).await
}

/// Ends the sessions in which an account works for an organization: its rights there changed.
pub(crate) async fn end_in(
    tx: &Tx,
    account: AccountId,
    organization: OrganizationId,
    except: Option<SessionId>,
) -> Result<Vec<SessionId>> {
    let there = COLUMN.account_id.eq(account.uuid()).and(COLUMN.organization_id.eq(organization.uuid()));
    end_those(tx, there, except).await
}

async fn end_those(tx: &Tx, which: Expr, except: Option<SessionId>) -> Result<Vec<SessionId>> {
    let mut query = Entity::find().filter(which);
    if let Some(except) = except {
        query = query.filter(COLUMN.id.ne(except.uuid()));
    }
    let ended: Vec<SessionId> = query.all(tx).await?.iter().map(Model::session).collect();
    Entity::delete_many().filter(COLUMN.id.is_in(ended.iter().map(|id| id.uuid()))).exec(tx).await?;
    Ok(ended)
}

/// Lets the session that asks work for this organization from now on, under a new token: what it may do has changed, so
/// what was seen of it before must be worth nothing. The browser is handed the new one with the answer. Last before
/// the commit.
pub(crate) async fn move_to(tx: &Tx, op: &Op, organization: OrganizationId) -> Result<()> {
    let session = op.signed_in()?.session;
    let token = tokens::new_token()?;
    let moved = Entity::update_many()
        .col_expr(Column::OrganizationId, Expr::value(organization.uuid()))
        .col_expr(Column::TokenHash, Expr::value(tokens::token_hash(&token)))
        .filter(COLUMN.id.eq(session.uuid()))
        .exec(tx)
        .await?;
    // Ended at this very moment, it has nothing left to change.
    if moved.rows_affected == 1 {
        op.hand(SessionToken(token));
    }
    Ok(())
}

/// Whether a session is still good: for what stays open longer than a request.
///
/// # Errors
/// Only when the database fails.
pub async fn is_open(portal: &Portal, id: SessionId, now: DateTime<Utc>) -> Result<bool> {
    let found = Entity::find_by_id(id.uuid()).one(portal.db().read()).await?;
    Ok(found.is_some_and(|session| now.timestamp_millis() < session.expires_at))
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
    let state = account.state();
    if !state.may_sign_in() {
        return Ok(None);
    }
    let (id, organization) = (AccountId::new(account.id), OrganizationId::new(session.organization_id));
    let Some(organization) = organizations::current(db, organization, id).await? else { return Ok(None) };
    let staff = staff::role_of(db, id).await?;
    if session.last_seen_at < rounded(now) {
        let tx = portal.db().begin().await?;
        Entity::update_many()
            .col_expr(Column::LastSeenAt, Expr::value(rounded(now)))
            .col_expr(Column::ExpiresAt, Expr::value(end(portal, session.created_at, rounded(now))))
            .filter(COLUMN.id.eq(session.id))
            .exec(&tx)
            .await?;
        tx.commit().await?;
    }
    Ok(Some(SignedIn {
        session: session.session(),
        account: id,
        name: account.name,
        email: account.email,
        organization,
        staff,
        state,
        state_reason: account.state_reason,
        factor: Factor::from_word(&session.factor).unwrap_or(Factor::Password),
        authenticated_at: session.authenticated_at,
    }))
}

/// When a session ends unless it is used again: stored, so that retention erases it then and not a day later.
fn end(portal: &Portal, created_at: Millis, last_seen_at: Millis) -> Millis {
    let settings = portal.settings();
    let (life, idle) = (settings.session_life.num_milliseconds(), settings.session_idle.num_milliseconds());
    Ord::min(created_at + life, last_seen_at + idle)
}

fn rounded(now: DateTime<Utc>) -> i64 {
    let moment = now.timestamp_millis();
    moment - moment.rem_euclid(LAST_SEEN_STEP.num_milliseconds())
}
