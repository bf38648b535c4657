//! A change of address: asked for by the person, agreed to by both addresses, done when the second agrees.
//!
//! - Who asks does not learn whether the new address has an account. If it has, its owner is told, nothing else is sent
//!   there, and the change never happens.
//! - What was mailed to the old address and gives the account away stops working with the change.
//! - An account that was never verified holds no address: who proves the mailbox takes its place.

use contract::accounts::{EmailChangeOffer, EmailSide, PendingEmailChange};
use contract::audit_log::Action;
use contract::{AccountId, EmailChangeId, Refusal};
use sea_orm::entity::prelude::*;
use sea_orm::{IntoActiveModel as _, QuerySelect as _, Set};

use super::{address, letters, limit, table};
use crate::audit_log::{self, Event};
use crate::error::is_conflict;
use crate::evenly::evenly;
use crate::guard::Door;
use crate::mail_links::{self, Purpose, Subject};
use crate::notices::{self, Notice};
use crate::{Actor, Op, Result, Tx, recovery, sessions};

/// As long as its links work.
const LIFE: chrono::TimeDelta = chrono::TimeDelta::hours(24);

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "email_changes")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub account_id: Uuid,
    pub new_email: String,
    pub new_email_folded: String,
    pub old_confirmed_at: Option<i64>,
    pub new_confirmed_at: Option<i64>,
    pub created_at: i64,
    pub expires_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// What came of an address agreeing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreed {
    /// The other address has still to agree.
    Waiting,
    /// It had: the address is changed.
    Changed,
}

const fn purpose(side: EmailSide) -> Purpose {
    match side {
        EmailSide::Old => Purpose::ConfirmOldEmail,
        EmailSide::New => Purpose::ConfirmNewEmail,
    }
}

/// Asks both addresses whether the account of the person who asks gets a new one. What was asked before is off.
///
/// # Errors
/// [`Refusal::NotSignedIn`], [`Refusal::AccountRestricted`], [`Refusal::StepUpRequired`]; [`Refusal::InvalidInput`] if
/// it is not an address; [`Refusal::TooManyTries`].
pub async fn ask_email_change(op: &Op, new: &str) -> Result<()> {
    op.require_good_standing()?;
    let person = op.require_recent().await?;
    let new = address(new)?;
    limit(op, Door::Mail, &new).await?;
    evenly(async {
        let tx = op.begin().await?;
        let account = table::by_id_to_change(&tx, person.account.uuid()).await?.ok_or(Refusal::NotSignedIn)?;
        forget(&tx, account.account()).await?;
        let change = ActiveModel {
            id: Set(op.new_uuid()),
            account_id: Set(account.id),
            new_email: Set(new.clone()),
            new_email_folded: Set(table::fold(&new)),
            old_confirmed_at: Set(None),
            new_confirmed_at: Set(None),
            created_at: Set(op.now_ms()),
            expires_at: Set((op.now + LIFE).timestamp_millis()),
        }
        .insert(&tx)
        .await?;
        let (id, subject) = (account.account(), Subject::Other(change.id));
        let old_link = mail_links::create(&tx, op, Purpose::ConfirmOldEmail, id, subject).await?;
        letters::confirm_old_email(&tx, op, &account, &new, &old_link).await?;
        // Made in any case: the work is the same.
        let new_link = mail_links::create(&tx, op, Purpose::ConfirmNewEmail, id, subject).await?;
        match holder(&tx, &account, &new).await? {
            Some(other) => letters::address_wanted(&tx, op, &other).await?,
            None => letters::confirm_new_email(&tx, op, &account, &new, &new_link).await?,
        }
        let event = Event::new(Action::EmailChangeStarted).account(id).object(EmailChangeId::new(change.id));
        audit_log::record(&tx, op, event.personal(new)).await?;
        op.commit(tx).await
    })
    .await
}

/// Who else proved that an address is theirs.
async fn holder(tx: &Tx, account: &table::Model, email: &str) -> Result<Option<table::Model>> {
    let other = table::by_email(tx, email).await?;
    Ok(other.filter(|other| other.id != account.id && other.email_verified_at.is_some()))
}

/// Takes back what the person who asks had asked for.
///
/// # Errors
/// [`Refusal::NotSignedIn`].
pub async fn cancel_email_change(op: &Op) -> Result<()> {
    let person = op.signed_in()?;
    let tx = op.begin().await?;
    if forget(&tx, person.account).await? {
        audit_log::record(&tx, op, Event::new(Action::EmailChangeCancelled).account(person.account)).await?;
    }
    op.commit(tx).await
}

/// Forgets what an account had asked for; says whether there was something.
pub(crate) async fn forget(tx: &Tx, account: AccountId) -> Result<bool> {
    mail_links::cancel(tx, account, Purpose::ConfirmOldEmail).await?;
    mail_links::cancel(tx, account, Purpose::ConfirmNewEmail).await?;
    let forgotten = Entity::delete_many().filter(COLUMN.account_id.eq(account.uuid())).exec(tx).await?;
    Ok(forgotten.rows_affected > 0)
}

/// The change that waits for an account, if any.
pub(super) async fn pending(op: &Op, account: AccountId) -> Result<Option<PendingEmailChange>> {
    let found = Entity::find()
        .filter(COLUMN.account_id.eq(account.uuid()))
        .filter(COLUMN.expires_at.gt(op.now_ms()))
        .one(op.db().read())
        .await?;
    Ok(found.map(|change| PendingEmailChange {
        new: change.new_email,
        old_agreed: change.old_confirmed_at.is_some(),
        new_agreed: change.new_confirmed_at.is_some(),
        expires_at: change.expires_at,
    }))
}

/// The link somebody brings, and which address it was sent to.
async fn offered(op: &Op, token: &str) -> Result<(EmailSide, mail_links::Model)> {
    match mail_links::offered(op, purpose(EmailSide::Old), token).await {
        Ok(link) => Ok((EmailSide::Old, link)),
        Err(crate::Error::Refused(Refusal::LinkUnknown)) => {
            Ok((EmailSide::New, mail_links::offered(op, purpose(EmailSide::New), token).await?))
        }
        Err(error) => Err(error),
    }
}

/// What the link in either mail leads to; changes nothing.
///
/// # Errors
/// [`Refusal::LinkUnknown`], also if the change was taken back; [`Refusal::LinkExpired`], [`Refusal::LinkUsed`];
/// [`Refusal::TooManyTries`].
pub async fn email_change_offer(op: &Op, token: &str) -> Result<EmailChangeOffer> {
    let (side, link) = offered(op, token).await?;
    let db = op.db().read();
    let account = table::Entity::find_by_id(link.account_id).one(db).await?.ok_or(Refusal::LinkUnknown)?;
    let change = Entity::find_by_id(link.subject_id.unwrap_or_default()).one(db).await?.ok_or(Refusal::LinkUnknown)?;
    let other = match side {
        EmailSide::Old => change.new_confirmed_at,
        EmailSide::New => change.old_confirmed_at,
    };
    Ok(EmailChangeOffer {
        side,
        old: (side == EmailSide::Old).then_some(account.email),
        new: change.new_email,
        other_agreed: other.is_some(),
        expires_at: change.expires_at,
    })
}

/// Uses the link in either mail: that address agrees. With the second one the address is changed, and every session
/// ends but the one that asks, if it is one of the account.
///
/// # Errors
/// Those of [`email_change_offer`]; [`Refusal::StateConflict`] if somebody else proved meanwhile that the new address is
/// theirs.
pub async fn confirm_email(op: &Op, token: &str) -> Result<Agreed> {
    let (side, _) = offered(op, token).await?;
    let tx = op.begin().await?;
    let (link, account) = mail_links::take(&tx, op, purpose(side), token).await?;
    // The account is held, so nobody else changes the change.
    let change = Entity::find_by_id(link.subject_id.unwrap_or_default())
        .lock_exclusive()
        .one(&tx)
        .await?
        .filter(|change| op.now_ms() < change.expires_at)
        .ok_or(Refusal::LinkExpired)?;
    if !account.state().may_change() {
        return Err(Refusal::StateConflict.into());
    }
    let now = Some(op.now_ms());
    let (old_agreed, new_agreed) = match side {
        EmailSide::Old => (now, change.new_confirmed_at),
        EmailSide::New => (change.old_confirmed_at, now),
    };
    let (Some(_), Some(verified_at)) = (old_agreed, new_agreed) else {
        let mut change = change.into_active_model();
        change.old_confirmed_at = Set(old_agreed);
        change.new_confirmed_at = Set(new_agreed);
        change.update(&tx).await?;
        op.commit(tx).await?;
        return Ok(Agreed::Waiting);
    };
    let ended = swap(&tx, op, account, change, verified_at).await?;
    op.commit_endings(tx, ended).await?;
    Ok(Agreed::Changed)
}

async fn swap(
    tx: &Tx,
    op: &Op,
    old: table::Model,
    change: Model,
    verified_at: i64,
) -> Result<Vec<contract::SessionId>> {
    let id = old.account();
    if let Some(other) = table::by_email_to_change(tx, &change.new_email).await?.filter(|other| other.id != old.id) {
        if other.email_verified_at.is_some() {
            return Err(Refusal::StateConflict.into());
        }
        other.delete(tx).await?;
    }
    let mut account = old.clone().into_active_model();
    account.email = Set(change.new_email.clone());
    account.email_folded = Set(change.new_email_folded.clone());
    account.email_verified_at = Set(Some(verified_at));
    match account.update(tx).await {
        Err(error) if is_conflict(&error) => return Err(Refusal::StateConflict.into()),
        changed => changed?,
    };
    forget(tx, id).await?;
    for purpose in [Purpose::ResetPassword, Purpose::StartRecovery] {
        mail_links::cancel(tx, id, purpose).await?;
    }
    // Whoever started it read the mails of the old address.
    recovery::end_waiting(tx, op, id, recovery::Outcome::Cancelled).await?;
    let current = match &op.actor {
        Actor::Account(person) if person.account == id => Some(person.session),
        _ => None,
    };
    let ended = sessions::end_all(tx, id, current).await?;
    // To the old address: that of the row before the change.
    notices::send(tx, op, &old, Notice::EmailChanged).await?;
    let event = Event::new(Action::EmailChanged).by(id).account(id).object(EmailChangeId::new(change.id));
    audit_log::record(tx, op, event.personal(format!("{} → {}", old.email, change.new_email))).await?;
    Ok(ended)
}
