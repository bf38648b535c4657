//! The password of an account: set it, remove it, and get a new one by mail.
//!
//! - A password that stands alone has 15 characters; beside a passkey 8 are enough, because what matters asks for the
//!   passkey.
//! - A reset by mail replaces a password, and nothing else: it opens no session and touches no passkey. Who only holds
//!   the mailbox of somebody with passkeys can sign in and look, and change nothing that matters: [`Op::require_recent`]
//!   wants the passkey.
//! - An account without a password gets none by mail. Its owner is told how to recover instead: that takes days, and
//!   can be stopped.

use contract::Refusal;
use contract::accounts::ResetOffer;
use contract::audit_log::Action;
use contract::fields::Check;
use sea_orm::{ActiveModelTrait as _, EntityTrait as _, IntoActiveModel as _, Set};

use super::{Password, about, address, letters, limit, password, table, verify_again};
use crate::audit_log::{self, Event};
use crate::evenly::evenly;
use crate::guard::Door;
use crate::mail_links::{self, Purpose, Subject};
use crate::notices::{self, Notice};
use crate::{Op, Result, Tx, access_tokens, passkeys, sessions};

/// Refuses a new password that is too short, or that somebody who guesses would try early.
pub(crate) fn refuse_weak(op: &Op, account: &table::Model, new: &Password) -> Result<()> {
    let mut check = Check::default();
    password::check_new(&mut check, "password", new, &about(op, &account.name, &account.email));
    Ok(check.finish().map_err(|fields| Refusal::InvalidInput { fields })?)
}

/// Gives the account a new password, or none. The links by which somebody else might set another stop working.
pub(crate) async fn store(tx: &Tx, account: table::Model, hash: Option<String>) -> Result<table::Model> {
    mail_links::cancel(tx, account.account(), Purpose::ResetPassword).await?;
    let mut account = account.into_active_model();
    account.password_hash = Set(hash);
    Ok(account.update(tx).await?)
}

/// Sets or changes the password of the person who asks, and ends their other sessions.
///
/// # Errors
/// [`Refusal::NotSignedIn`], [`Refusal::StepUpRequired`], [`Refusal::InvalidInput`].
pub async fn set_password(op: &Op, new: &Password) -> Result<()> {
    let person = op.require_recent().await?;
    let account = table::Entity::find_by_id(person.account.uuid()).one(op.db().read()).await?;
    let account = account.ok_or(Refusal::NotSignedIn)?;
    refuse_weak(op, &account, new)?;
    let hash = op.portal.passwords().hash(new).await?;
    let tx = op.begin().await?;
    let account = table::by_id_to_change(&tx, person.account.uuid()).await?.ok_or(Refusal::NotSignedIn)?;
    let account = store(&tx, account, Some(hash)).await?;
    let ended = sessions::end_all(&tx, person.account, Some(person.session)).await?;
    notices::send(&tx, op, &account, Notice::PasswordSet).await?;
    audit_log::record(&tx, op, Event::new(Action::PasswordSet).account(person.account)).await?;
    op.commit_endings(tx, ended).await
}

/// Removes the password of the person who asks, and ends their other sessions. Without one, there is nothing to do.
///
/// # Errors
/// [`Refusal::NotSignedIn`], [`Refusal::StepUpRequired`]; [`Refusal::LastWayIn`] if there is no passkey.
pub async fn remove_password(op: &Op) -> Result<()> {
    let person = op.require_recent().await?;
    let tx = op.begin().await?;
    // Held: whoever removes the last passkey at the same moment waits, and finds no password.
    let account = table::by_id_to_change(&tx, person.account.uuid()).await?.ok_or(Refusal::NotSignedIn)?;
    if account.password_hash.is_none() {
        return Ok(());
    }
    if !passkeys::has_any(&tx, person.account).await? {
        return Err(Refusal::LastWayIn.into());
    }
    let account = store(&tx, account, None).await?;
    let ended = sessions::end_all(&tx, person.account, Some(person.session)).await?;
    notices::send(&tx, op, &account, Notice::PasswordRemoved).await?;
    audit_log::record(&tx, op, Event::new(Action::PasswordRemoved).account(person.account)).await?;
    op.commit_endings(tx, ended).await
}

/// Mails a link with which a new password can be set, if the address has an account with a password. The answer never
/// tells, and links that were sent before keep working: asking again locks nobody out.
///
/// # Errors
/// [`Refusal::InvalidInput`] if it is not an address; [`Refusal::TooManyTries`].
pub async fn ask_reset(op: &Op, email: &str) -> Result<()> {
    let email = address(email)?;
    limit(op, Door::Mail, &email).await?;
    evenly(async {
        let tx = op.begin().await?;
        match table::by_email_to_change(&tx, &email).await? {
            Some(account) if account.email_verified_at.is_none() => verify_again(&tx, op, &account).await?,
            Some(account) if !account.state().may_sign_in() => {}
            Some(account) if account.password_hash.is_none() => letters::no_password(&tx, op, &account).await?,
            Some(account) => {
                let id = account.account();
                let token = mail_links::create(&tx, op, Purpose::ResetPassword, id, Subject::None).await?;
                letters::reset_password(&tx, op, &account, &token).await?;
            }
            None => {}
        }
        op.commit(tx).await
    })
    .await
}

/// What a reset link leads to; changes nothing.
///
/// # Errors
/// [`Refusal::LinkUnknown`], also once another one was used; [`Refusal::LinkExpired`], [`Refusal::LinkUsed`];
/// [`Refusal::TooManyTries`].
pub async fn reset_offer(op: &Op, token: &str) -> Result<ResetOffer> {
    let link = mail_links::offered(op, Purpose::ResetPassword, token).await?;
    let account = table::Entity::find_by_id(link.account_id).one(op.db().read()).await?.ok_or(Refusal::LinkUnknown)?;
    let has_passkey = passkeys::has_any(op.db().read(), account.account()).await?;
    Ok(ResetOffer { email: account.email, has_passkey })
}

/// Uses a reset link: sets the password, ends every session, opens none.
///
/// # Errors
/// Those of [`reset_offer`]; [`Refusal::InvalidInput`], with which the link stays unused; [`Refusal::StateConflict`] if
/// the account may not sign in any more.
pub async fn reset_password(op: &Op, token: &str, new: &Password) -> Result<()> {
    let link = mail_links::offered(op, Purpose::ResetPassword, token).await?;
    let account = table::Entity::find_by_id(link.account_id).one(op.db().read()).await?.ok_or(Refusal::LinkUnknown)?;
    refuse_weak(op, &account, new)?;
    let hash = op.portal.passwords().hash(new).await?;
    let tx = op.begin().await?;
    let (_, account) = mail_links::take(&tx, op, Purpose::ResetPassword, token).await?;
    if !account.state().may_sign_in() {
        return Err(Refusal::StateConflict.into());
    }
    let id = account.account();
    let account = store(&tx, account, Some(hash)).await?;
    let ended = sessions::end_all(&tx, id, None).await?;
    access_tokens::revoke_all(&tx, op, id).await?;
    notices::send(&tx, op, &account, Notice::PasswordSet).await?;
    let event = Event::new(Action::PasswordSet).by(id).account(id).detail("by", "reset");
    audit_log::record(&tx, op, event).await?;
    op.commit_endings(tx, ended).await
}
