//! Recovery: what to do when every device is lost.
//!
//! - Ten codes, made in advance and kept by the person, sign in like a passkey does, each once.
//! - Without one, a recovery by mail. A link proves the mailbox; then it waits for days, and everybody who should know
//!   is told, each with a link that cancels it. When the time is over, another mail brings the link that sets a new
//!   password and removes all that could sign in before.
//! - A recovered account loses its place among the staff: a mailbox must not open the operator's desk.
//! - Suspended accounts cannot be recovered.

use chrono::{DateTime, TimeDelta};
use contract::accounts::AccountState;
use contract::audit_log::Action;
use contract::recovery::{FinishOffer, StartOffer, WaitingRecovery};
use contract::{AccountId, Millis, RecoveryId, Refusal, Role};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{IntoActiveModel as _, QuerySelect as _, Set};

use crate::accounts::{self, Password, own_password, table::Model as Account};
use crate::audit_log::{self, Event};
use crate::evenly::evenly;
use crate::guard::Door;
use crate::mail_links::{self, Purpose, Subject};
use crate::notices::{self, Notice};
use crate::organizations::{members, table as organizations};
use crate::sessions::{self, devices};
use crate::{Actor, Op, Result, Tx, access_tokens, passkeys, staff};

mod codes;
mod letters;
#[cfg(test)]
mod tests;

pub(crate) use codes::left as codes_left;
pub use codes::{confirm_with_code, make_recovery_codes, recovery_codes_left, sign_in_with_code};

/// For how long a recovery can be completed once its time has come: a week away from the mailbox.
pub(crate) const OPEN: TimeDelta = TimeDelta::days(7);

/// Recoveries that are told of in one run of the job: the next run, a minute later, goes on.
const AT_A_TIME: u64 = 100;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "recoveries")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub account_id: Uuid,
    pub created_at: i64,
    pub ready_at: i64,
    pub expires_at: i64,
    /// When the link that completes it was mailed.
    pub told_at: Option<i64>,
    pub ended_at: Option<i64>,
    /// The word of an [`Outcome`].
    pub outcome: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}

/// How a recovery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Completed,
    Cancelled,
    Expired,
}

impl Outcome {
    const fn word(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }
}

/// The recovery of an account that waits, or could be completed.
async fn open<C: ConnectionTrait>(db: &C, account: AccountId, now: Millis) -> Result<Option<Model>> {
    Ok(Entity::find()
        .filter(COLUMN.account_id.eq(account.uuid()))
        .filter(COLUMN.ended_at.is_null())
        .filter(COLUMN.expires_at.gt(now))
        .one(db)
        .await?)
}

/// The same, as its person sees it.
pub(crate) async fn waiting<C: ConnectionTrait>(
    db: &C,
    account: AccountId,
    now: Millis,
) -> Result<Option<WaitingRecovery>> {
    Ok(open(db, account, now).await?.map(|row| WaitingRecovery {
        started_at: row.created_at,
        ready_at: row.ready_at,
        expires_at: row.expires_at,
    }))
}

/// When a recovery of this account may be completed, if one waits.
pub(crate) async fn waiting_until<C: ConnectionTrait>(
    db: &C,
    account: AccountId,
    now: Millis,
) -> Result<Option<Millis>> {
    Ok(open(db, account, now).await?.map(|row| row.ready_at))
}

/// Mails a link with which a recovery is started, if the address has an account that can be recovered. The answer never
/// tells.
///
/// # Errors
/// [`Refusal::InvalidInput`] if it is not an address; [`Refusal::TooManyTries`].
pub async fn ask_recovery(op: &Op, email: &str) -> Result<()> {
    let email = accounts::address(email)?;
    accounts::limit(op, Door::Mail, &email).await?;
    evenly(async {
        let tx = op.begin().await?;
        match accounts::table::by_email_to_change(&tx, &email).await? {
            Some(account) if account.state() == AccountState::Pending => {
                accounts::verify_again(&tx, op, &account).await?;
            }
            Some(account) if account.state().may_sign_in() => {
                let id = account.account();
                let token = mail_links::create(&tx, op, Purpose::StartRecovery, id, Subject::None).await?;
                letters::start(&tx, op, &account, &token).await?;
            }
            Some(_) | None => {}
        }
        op.commit(tx).await
    })
    .await
}

async fn account_of(op: &Op, link: &mail_links::Model) -> Result<Account> {
    let found = accounts::table::Entity::find_by_id(link.account_id).one(op.db().read()).await?;
    Ok(found.ok_or(Refusal::LinkUnknown)?)
}

/// What the link of [`ask_recovery`] leads to; changes nothing.
///
/// # Errors
/// [`Refusal::LinkUnknown`], [`Refusal::LinkExpired`], [`Refusal::LinkUsed`]; [`Refusal::TooManyTries`].
pub async fn start_offer(op: &Op, token: &str) -> Result<StartOffer> {
    let link = mail_links::offered(op, Purpose::StartRecovery, token).await?;
    let account = account_of(op, &link).await?;
    Ok(StartOffer { email: account.email, wait_h: op.portal.settings().recovery_wait.num_hours() })
}

/// Uses that link: the recovery begins to wait, and everybody who should know is told.
///
/// # Errors
/// Those of [`start_offer`]; [`Refusal::RecoveryUnderWay`] if one waits already; [`Refusal::StateConflict`] if the
/// account may not sign in any more.
pub async fn start_recovery(op: &Op, token: &str) -> Result<()> {
    mail_links::offered(op, Purpose::StartRecovery, token).await?;
    let tx = op.begin().await?;
    let (_, account) = mail_links::take(&tx, op, Purpose::StartRecovery, token).await?;
    let id = account.account();
    if !account.state().may_sign_in() {
        return Err(Refusal::StateConflict.into());
    }
    if open(&tx, id, op.now_ms()).await?.is_some() {
        return Err(Refusal::RecoveryUnderWay.into());
    }
    mail_links::cancel(&tx, id, Purpose::StartRecovery).await?;
    let ready = op.now + op.portal.settings().recovery_wait;
    let row = ActiveModel {
        id: Set(op.new_uuid()),
        account_id: Set(account.id),
        created_at: Set(op.now_ms()),
        ready_at: Set(ready.timestamp_millis()),
        expires_at: Set((ready + OPEN).timestamp_millis()),
        told_at: Set(None),
        ended_at: Set(None),
        outcome: Set(None),
    }
    .insert(&tx)
    .await?;
    // Each reader has a link of their own: one that was used tells nobody else "already used".
    let cancel_url = cancel_url(&tx, op, id, row.id).await?;
    let ready = ready.format("%-d %B %Y, %H:%M UTC").to_string();
    notices::send(&tx, op, &account, Notice::RecoveryStarted { ready: ready.clone(), cancel_url }).await?;
    for contact in contacts(&tx, &account).await? {
        let cancel_url = self::cancel_url(&tx, op, id, row.id).await?;
        letters::owner_recovery_started(&tx, op, &account, &contact, &ready, cancel_url).await?;
    }
    let event = Event::new(Action::RecoveryStarted).by(id).account(id).object(RecoveryId::new(row.id));
    audit_log::record(&tx, op, event).await?;
    op.commit(tx).await
}

async fn cancel_url(tx: &Tx, op: &Op, account: AccountId, recovery: Uuid) -> Result<String> {
    let token = mail_links::create(tx, op, Purpose::CancelRecovery, account, Subject::Other(recovery)).await?;
    Ok(format!("{}/recover/cancel?token={token}", op.portal.settings().public_url))
}

/// An organization that wants to be written to elsewhere than at its owner's address.
struct Contact {
    organization: String,
    address: String,
}

/// The verified contact addresses of the organizations that an account owns, each once, without its own.
async fn contacts(tx: &Tx, account: &Account) -> Result<Vec<Contact>> {
    let owned = members::Entity::find()
        .filter(members::COLUMN.account_id.eq(account.id))
        .filter(members::COLUMN.role.eq(Role::Owner.word()))
        .all(tx)
        .await?;
    let owned = organizations::Entity::find()
        .filter(organizations::COLUMN.id.is_in(owned.iter().map(|member| member.organization_id)))
        .filter(organizations::COLUMN.contact_verified_at.is_not_null())
        .all(tx)
        .await?;
    let mut told = vec![account.email_folded.clone()];
    let mut contacts = Vec::new();
    for organization in owned {
        let Some(address) = organization.contact_email else { continue };
        let folded = accounts::table::fold(&address);
        if !told.contains(&folded) {
            told.push(folded);
            contacts.push(Contact { organization: organization.name, address });
        }
    }
    Ok(contacts)
}

/// Mails the link that completes it for each recovery whose time has come, once; ends those that nobody completed.
///
/// For the job that runs every minute: only the program itself may. Says how many were told.
///
/// # Errors
/// [`Refusal::NotAllowed`] for anyone else.
pub async fn tell_ready(op: &Op) -> Result<u64> {
    if op.actor != Actor::System {
        return Err(Refusal::NotAllowed.into());
    }
    let expired = Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(op.now_ms()))
        .col_expr(Column::Outcome, Expr::value(Outcome::Expired.word()))
        .filter(COLUMN.ended_at.is_null())
        .filter(COLUMN.expires_at.lte(op.now_ms()));
    let ready = Entity::find()
        .filter(COLUMN.ended_at.is_null())
        .filter(COLUMN.told_at.is_null())
        .filter(COLUMN.ready_at.lte(op.now_ms()))
        .limit(AT_A_TIME)
        .all(op.db().read())
        .await?;
    if ready.is_empty() && !any_expired(op).await? {
        return Ok(0);
    }
    let tx = op.begin().await?;
    expired.exec(&tx).await?;
    op.commit(tx).await?;
    let mut told = 0;
    for row in ready {
        told += u64::from(tell(op, row).await?);
    }
    Ok(told)
}

/// Asked before anything is written: the job runs every minute, and mostly there is nothing to do.
async fn any_expired(op: &Op) -> Result<bool> {
    let found = Entity::find()
        .filter(COLUMN.ended_at.is_null())
        .filter(COLUMN.expires_at.lte(op.now_ms()))
        .one(op.db().read())
        .await?;
    Ok(found.is_some())
}

async fn tell(op: &Op, row: Model) -> Result<bool> {
    let tx = op.begin().await?;
    let Some(account) = accounts::table::by_id_to_change(&tx, row.account_id).await? else { return Ok(false) };
    // A suspended account waits for what becomes of it.
    if !account.state().may_sign_in() {
        return Ok(false);
    }
    let told = Entity::update_many()
        .col_expr(Column::ToldAt, Expr::value(op.now_ms()))
        .filter(COLUMN.id.eq(row.id))
        .filter(COLUMN.told_at.is_null())
        .filter(COLUMN.ended_at.is_null())
        .exec(&tx)
        .await?;
    if told.rows_affected == 0 {
        return Ok(false);
    }
    let id = account.account();
    let token = mail_links::create(&tx, op, Purpose::FinishRecovery, id, Subject::Other(row.id)).await?;
    let until = DateTime::from_timestamp_millis(row.expires_at).unwrap_or(op.now);
    letters::finish(&tx, op, &account, &until.format("%-d %B %Y, %H:%M UTC").to_string(), &token).await?;
    op.commit(tx).await?;
    Ok(true)
}

/// The recovery that a link is about, if it can still be completed or cancelled.
async fn of_link<C: ConnectionTrait>(db: &C, op: &Op, link: &mail_links::Model) -> Result<Model> {
    let row = Entity::find_by_id(link.subject_id.unwrap_or_default()).one(db).await?.ok_or(Refusal::LinkUnknown)?;
    if op.now_ms() >= row.expires_at {
        return Err(Refusal::LinkExpired.into());
    }
    if row.ended_at.is_some() {
        return Err(Refusal::LinkUsed.into());
    }
    Ok(row)
}

/// What the link of the second mail leads to; changes nothing.
///
/// # Errors
/// [`Refusal::LinkUnknown`], [`Refusal::LinkExpired`]; [`Refusal::LinkUsed`], also if the recovery was cancelled;
/// [`Refusal::TooManyTries`].
pub async fn finish_offer(op: &Op, token: &str) -> Result<FinishOffer> {
    let link = mail_links::offered(op, Purpose::FinishRecovery, token).await?;
    let account = account_of(op, &link).await?;
    let db = op.db().read();
    let row = of_link(db, op, &link).await?;
    Ok(FinishOffer {
        passkeys: passkeys::count(db, account.account()).await?,
        recovery_codes: codes_left(db, account.account()).await?,
        staff: staff::role_of(db, account.account()).await?.is_some(),
        email: account.email,
        expires_at: row.expires_at,
    })
}

/// Uses that link: sets a password, and removes everything with which somebody could sign in before. Opens no session.
///
/// # Errors
/// Those of [`finish_offer`]; [`Refusal::InvalidInput`], with which the link stays unused; [`Refusal::StateConflict`] if
/// the account may not sign in any more.
pub async fn finish_recovery(op: &Op, token: &str, new: &Password) -> Result<()> {
    let link = mail_links::offered(op, Purpose::FinishRecovery, token).await?;
    of_link(op.db().read(), op, &link).await?;
    own_password::refuse_weak(op, &account_of(op, &link).await?, new)?;
    let hash = op.portal.passwords().hash(new).await?;
    let tx = op.begin().await?;
    let (link, account) = mail_links::take(&tx, op, Purpose::FinishRecovery, token).await?;
    let row = of_link(&tx, op, &link).await?;
    if !account.state().may_sign_in() {
        return Err(Refusal::StateConflict.into());
    }
    let (id, recovery) = (account.account(), RecoveryId::new(row.id));
    let account = own_password::store(&tx, account, Some(hash)).await?;
    passkeys::forget_all(&tx, id).await?;
    codes::forget_all(&tx, id).await?;
    devices::forget_all(&tx, id).await?;
    accounts::forget_email_change(&tx, id).await?;
    let was_staff = staff::forget(&tx, id).await?;
    access_tokens::revoke_all(&tx, op, id).await?;
    let ended = sessions::end_all(&tx, id, None).await?;
    end(&tx, op, row, Outcome::Completed).await?;
    notices::send(&tx, op, &account, Notice::RecoveryCompleted).await?;
    for contact in contacts(&tx, &account).await? {
        letters::owner_recovered(&tx, op, &account, &contact).await?;
    }
    let mut event = Event::new(Action::RecoveryCompleted).by(id).account(id).object(recovery);
    if was_staff {
        event = event.detail("staff", "removed");
    }
    audit_log::record(&tx, op, event).await?;
    op.commit_endings(tx, ended).await
}

async fn end(tx: &Tx, op: &Op, row: Model, outcome: Outcome) -> Result<()> {
    let mut row = row.into_active_model();
    row.ended_at = Set(Some(op.now_ms()));
    row.outcome = Set(Some(outcome.word().to_owned()));
    row.update(tx).await?;
    Ok(())
}

/// Ends the recovery of an account that waits, without a word; says which it was.
pub(crate) async fn end_waiting(tx: &Tx, op: &Op, account: AccountId, outcome: Outcome) -> Result<Option<RecoveryId>> {
    mail_links::cancel(tx, account, Purpose::StartRecovery).await?;
    let Some(row) = open(tx, account, op.now_ms()).await? else { return Ok(None) };
    let id = RecoveryId::new(row.id);
    end(tx, op, row, outcome).await?;
    Ok(Some(id))
}

/// What the link in a notice leads to; changes nothing.
///
/// # Errors
/// [`Refusal::LinkUnknown`], [`Refusal::LinkExpired`]; [`Refusal::LinkUsed`], also if the recovery ended otherwise;
/// [`Refusal::TooManyTries`].
pub async fn cancel_offer(op: &Op, token: &str) -> Result<WaitingRecovery> {
    let link = mail_links::offered(op, Purpose::CancelRecovery, token).await?;
    let row = of_link(op.db().read(), op, &link).await?;
    Ok(WaitingRecovery { started_at: row.created_at, ready_at: row.ready_at, expires_at: row.expires_at })
}

/// Uses that link: the recovery is off. Whoever reads the mail may, without being signed in.
///
/// # Errors
/// Those of [`cancel_offer`].
pub async fn cancel_recovery(op: &Op, token: &str) -> Result<()> {
    mail_links::offered(op, Purpose::CancelRecovery, token).await?;
    let tx = op.begin().await?;
    let (link, account) = mail_links::take(&tx, op, Purpose::CancelRecovery, token).await?;
    of_link(&tx, op, &link).await?;
    cancel(op, tx, &account).await
}

/// Cancels the recovery of the account of the person who asks. Without one, there is nothing to do.
///
/// # Errors
/// [`Refusal::NotSignedIn`].
pub async fn cancel_my_recovery(op: &Op) -> Result<()> {
    let person = op.signed_in()?;
    let tx = op.begin().await?;
    let account = accounts::table::by_id_to_change(&tx, person.account.uuid()).await?.ok_or(Refusal::NotSignedIn)?;
    cancel(op, tx, &account).await
}

async fn cancel(op: &Op, tx: Tx, account: &Account) -> Result<()> {
    if let Some(id) = end_waiting(&tx, op, account.account(), Outcome::Cancelled).await? {
        notices::send(&tx, op, account, Notice::RecoveryCancelled).await?;
        for contact in contacts(&tx, account).await? {
            letters::owner_recovery_cancelled(&tx, op, account, &contact).await?;
        }
        let event = Event::new(Action::RecoveryCancelled).account(account.account()).object(id);
        audit_log::record(&tx, op, event).await?;
    }
    op.commit(tx).await
}
