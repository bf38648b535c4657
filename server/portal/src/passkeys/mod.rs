//! Passkeys: a device of the person signs a question of ours, and nobody types anything.
//!
//! - We store public keys. What could sign never leaves the person's devices.
//! - A question is asked once, for five minutes; its answer is looked at once, whatever it is worth.
//! - Signing in starts without a name, so the question is the same for everybody and tells nobody who has an account.
//! - Whatever is wrong with an answer, the refusal is the same. What looks like a copied passkey is refused, told to
//!   its owner by mail, and not accepted any more; the sessions of the account end with it.
//! - An account cannot lose its last way in by removing a passkey.

use contract::audit_log::Action;
use contract::fields::Check;
use contract::passkeys::{PASSKEY_NAME_MAX, PASSKEYS_MAX, Passkey, PasskeyOptions};
use contract::sessions::Factor;
use contract::{AccountId, PasskeyId, Refusal};
use sea_orm::prelude::Uuid;
use sea_orm::{
    ActiveModelTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, ModelTrait as _, QueryFilter as _,
    QuerySelect as _, Set,
};
use webauthn_rs::prelude::{DiscoverableAuthentication, PasskeyRegistration};

use crate::accounts::{self, table::Model as Account};
use crate::audit_log::{self, Event};
use crate::error::is_conflict;
use crate::guard::Door;
use crate::mail_links::{self, Purpose};
use crate::notices::{self, Notice};
use crate::sessions::{self, Opened, SessionToken};
use crate::{Op, Portal, Result, Tx};

mod ceremonies;
mod relying;
mod table;
#[cfg(test)]
mod tests;

use ceremonies::Kind;
pub(crate) use relying::Relying;
use relying::{Answer, NewCredential, Verdict};

/// Whether this portal can have passkeys: people reach it by a name, and not by a bare address.
#[must_use]
pub fn are_available(portal: &Portal) -> bool {
    portal.relying().is_there()
}

/// Whether an account has a passkey that is accepted: then it is what confirms a change.
pub(crate) async fn has_any<C: ConnectionTrait>(db: &C, account: AccountId) -> Result<bool> {
    Ok(how_many(db, account).await? > 0)
}

/// How many passkeys of an account are accepted.
pub(crate) async fn how_many<C: ConnectionTrait>(db: &C, account: AccountId) -> Result<u64> {
    Ok(table::working(db, account).await?)
}

/// How many passkeys an account has, accepted or not.
pub(crate) async fn count<C: ConnectionTrait>(db: &C, account: AccountId) -> Result<u64> {
    Ok(table::of_account(db, account).await?.len() as u64)
}

/// Removes every passkey of an account, without a word: for a recovery, which tells of all that is gone.
pub(crate) async fn forget_all(tx: &Tx, account: AccountId) -> Result<()> {
    for row in table::of_account(tx, account).await? {
        row.delete(tx).await?;
    }
    Ok(())
}

/// The passkeys of the person who asks, the oldest first.
///
/// # Errors
/// [`Refusal::NotSignedIn`].
pub async fn list(op: &Op) -> Result<Vec<Passkey>> {
    let rows = table::of_account(op.db().read(), op.signed_in()?.account).await?;
    Ok(rows.iter().map(table::Model::shown).collect())
}

/// Asks a device of the person for a new passkey.
///
/// # Errors
/// [`Refusal::NotSignedIn`]; [`Refusal::StepUpRequired`], unless there is nothing to confirm with;
/// [`Refusal::TooMany`]; [`Refusal::PasskeysUnavailable`].
pub async fn start_registration(op: &Op) -> Result<PasskeyOptions> {
    let person = op.signed_in()?;
    let account = accounts::table::Entity::find_by_id(person.account.uuid()).one(op.db().read()).await?;
    let account = account.ok_or(Refusal::NotSignedIn)?;
    // After a recovery there is neither password nor passkey, not even one that is not accepted any more.
    let has_nothing =
        account.password_hash.is_none() && table::of_account(op.db().read(), person.account).await?.is_empty();
    if !has_nothing {
        op.require_recent().await?;
    }
    ask_for_new(op, person.account, Kind::Register).await
}

/// Adds the passkey that answers. Without a name that can be used, it is called after the browser.
///
/// # Errors
/// [`Refusal::NotSignedIn`], [`Refusal::CeremonyExpired`], [`Refusal::PasskeyRefused`], [`Refusal::TooMany`].
pub async fn finish_registration(op: &Op, ceremony: &str, credential: &str, name: &str) -> Result<Passkey> {
    let person = op.signed_in()?;
    let new = answer_to_new(op, ceremony, credential, Kind::Register, person.account).await?;
    let tx = op.begin().await?;
    let account = accounts::table::by_id_to_change(&tx, person.account.uuid()).await?.ok_or(Refusal::NotSignedIn)?;
    let row = insert(&tx, op, &account, new, name).await?;
    notices::send(&tx, op, &account, Notice::PasskeyAdded { name: row.name.clone() }).await?;
    audit_log::record(&tx, op, added(&row)).await?;
    op.commit(tx).await?;
    Ok(row.shown())
}

/// Asks a device of somebody who signed up without a password, and holds the verification link, for their first
/// passkey. Uses nothing up.
///
/// # Errors
/// [`Refusal::LinkUnknown`], [`Refusal::LinkExpired`], [`Refusal::LinkUsed`]; [`Refusal::StateConflict`] if the account
/// has a password: whoever set it would get in too; [`Refusal::TooManyTries`].
pub async fn start_registration_by_link(op: &Op, token: &str) -> Result<PasskeyOptions> {
    let account = account_of_link(op, token).await?;
    ask_for_new(op, account, Kind::RegisterByLink).await
}

/// Verifies the address and adds the passkey that answers, both or neither. Opens no session: the person signs in with
/// the passkey right after.
///
/// # Errors
/// Those of [`start_registration_by_link`]; [`Refusal::CeremonyExpired`], [`Refusal::PasskeyRefused`].
pub async fn finish_registration_by_link(op: &Op, token: &str, ceremony: &str, credential: &str) -> Result<()> {
    let account = account_of_link(op, token).await?;
    let new = answer_to_new(op, ceremony, credential, Kind::RegisterByLink, account).await?;
    let tx = op.begin().await?;
    let account = accounts::verify(&tx, op, token).await?;
    // Read again: meanwhile somebody may have signed up with the same address, and a password.
    if account.password_hash.is_some() {
        return Err(Refusal::StateConflict.into());
    }
    let row = insert(&tx, op, &account, new, "").await?;
    audit_log::record(&tx, op, added(&row).by(account.account())).await?;
    op.commit(tx).await
}

async fn account_of_link(op: &Op, token: &str) -> Result<AccountId> {
    let link = mail_links::offered(op, Purpose::VerifyEmail, token).await?;
    let account = accounts::table::Entity::find_by_id(link.account_id).one(op.db().read()).await?;
    let account = account.ok_or(Refusal::LinkUnknown)?;
    if account.password_hash.is_some() {
        return Err(Refusal::StateConflict.into());
    }
    Ok(account.account())
}

async fn ask_for_new(op: &Op, account: AccountId, kind: Kind) -> Result<PasskeyOptions> {
    limit(op)?;
    let tx = op.begin().await?;
    let account = accounts::table::by_id_to_change(&tx, account.uuid()).await?.ok_or(Refusal::NotFound)?;
    let known = table::of_account(&tx, account.account()).await?;
    refuse_too_many(&known)?;
    // Not the account's id: authenticators show it to whoever holds them, and it must tell nothing and lead nowhere.
    let handle = account.passkey_handle.unwrap_or_else(Uuid::new_v4);
    let known = known.into_iter().map(|row| row.credential_id).collect();
    let (options, state) = op.portal.relying().ask_for_new(handle, &account.email, &account.name, known)?;
    let id = account.account();
    if account.passkey_handle.is_none() {
        let mut account = account.into_active_model();
        account.passkey_handle = Set(Some(handle));
        account.update(&tx).await?;
    }
    let ceremony = ceremonies::start(&tx, op, kind, Some(id), &state).await?;
    op.commit(tx).await?;
    Ok(PasskeyOptions { ceremony, options })
}

async fn answer_to_new(
    op: &Op,
    ceremony: &str,
    credential: &str,
    kind: Kind,
    account: AccountId,
) -> Result<NewCredential> {
    let state: PasskeyRegistration = ceremonies::take(op, ceremony, kind, Some(account)).await?;
    op.portal.relying().accept_new(credential, &state)
}

async fn insert(tx: &Tx, op: &Op, account: &Account, new: NewCredential, name: &str) -> Result<table::Model> {
    refuse_too_many(&table::of_account(tx, account.account()).await?)?;
    let row = table::ActiveModel {
        id: Set(op.new_uuid()),
        account_id: Set(account.id),
        credential_id: Set(new.id),
        credential: Set(new.text),
        name: Set(name_for(op, name)),
        backed_up: Set(new.backed_up.into()),
        created_at: Set(op.now_ms()),
        last_used_at: Set(None),
        suspended_at: Set(None),
    };
    match row.insert(tx).await {
        Err(error) if is_conflict(&error) => Err(Refusal::PasskeyRefused.into()),
        row => Ok(row?),
    }
}

fn refuse_too_many(known: &[table::Model]) -> Result<()> {
    if known.len() >= PASSKEYS_MAX as usize {
        return Err(Refusal::TooMany { max: PASSKEYS_MAX }.into());
    }
    Ok(())
}

/// The device has made its passkey by now, so a name that cannot be used is replaced, and not refused.
fn name_for(op: &Op, typed: &str) -> String {
    let usable = |name: &str| {
        let mut check = Check::default();
        let name = check.label("name", name);
        check.finish().ok().map(|()| name)
    };
    let browser: String = op.browser.label.chars().take(PASSKEY_NAME_MAX).collect();
    usable(typed).or_else(|| usable(&browser)).unwrap_or_else(|| "Passkey".to_owned())
}

fn added(row: &table::Model) -> Event {
    Event::new(Action::PasskeyAdded).account(AccountId::new(row.account_id)).object(row.passkey())
}

/// Asks whichever device is there who its person is.
///
/// # Errors
/// [`Refusal::TooManyTries`], [`Refusal::PasskeysUnavailable`].
pub async fn start_sign_in(op: &Op) -> Result<PasskeyOptions> {
    limit(op)?;
    let (options, state) = op.portal.relying().ask(Vec::new())?;
    let tx = op.begin().await?;
    let ceremony = ceremonies::start(&tx, op, Kind::SignIn, None, &state).await?;
    op.commit(tx).await?;
    Ok(PasskeyOptions { ceremony, options })
}

/// Signs in whoever the passkey that answers belongs to.
///
/// # Errors
/// [`Refusal::CeremonyExpired`], [`Refusal::PasskeyRefused`]; after the right answer only,
/// [`Refusal::AccountSuspended`].
pub async fn finish_sign_in(op: &Op, ceremony: &str, credential: &str) -> Result<Opened> {
    let state = ceremonies::take(op, ceremony, Kind::SignIn, None).await?;
    let answer = Relying::read(credential)?;
    let handle = answer.user_handle().ok_or(Refusal::PasskeyRefused)?;
    let tx = op.begin().await?;
    let account = accounts::table::Entity::find()
        .filter(accounts::table::COLUMN.passkey_handle.eq(handle))
        .lock_exclusive()
        .one(&tx)
        .await?
        .ok_or(Refusal::PasskeyRefused)?;
    let tx = prove(op, tx, &account, &answer, &state).await?;
    let opened = sessions::open(&tx, op, &account, Factor::Passkey).await?;
    op.commit(tx).await?;
    Ok(opened)
}

/// Asks a device of the person whether it is still them.
///
/// # Errors
/// [`Refusal::NotSignedIn`]; [`Refusal::PasskeyRefused`] if they have no passkey; [`Refusal::TooManyTries`].
pub async fn start_step_up(op: &Op) -> Result<PasskeyOptions> {
    let person = op.signed_in()?;
    limit(op)?;
    let rows = table::of_account(op.db().read(), person.account).await?;
    let credentials: Vec<Vec<u8>> = rows.into_iter().filter(table::Model::works).map(|row| row.credential_id).collect();
    if credentials.is_empty() {
        return Err(Refusal::PasskeyRefused.into());
    }
    let (options, state) = op.portal.relying().ask(credentials)?;
    let tx = op.begin().await?;
    let ceremony = ceremonies::start(&tx, op, Kind::StepUp, Some(person.account), &state).await?;
    op.commit(tx).await?;
    Ok(PasskeyOptions { ceremony, options })
}

/// Confirms with the passkey that answers that it is still the same person.
///
/// # Errors
/// [`Refusal::NotSignedIn`], [`Refusal::CeremonyExpired`]; [`Refusal::PasskeyRefused`], also for a passkey of somebody
/// else.
pub async fn finish_step_up(op: &Op, ceremony: &str, credential: &str) -> Result<SessionToken> {
    let person = op.signed_in()?;
    let state = ceremonies::take(op, ceremony, Kind::StepUp, Some(person.account)).await?;
    let answer = Relying::read(credential)?;
    let tx = op.begin().await?;
    let account = accounts::table::by_id_to_change(&tx, person.account.uuid()).await?.ok_or(Refusal::NotSignedIn)?;
    // An authenticator need not name its person where it was asked by the id of a credential.
    if answer.user_handle().is_some_and(|handle| Some(handle) != account.passkey_handle) {
        return Err(Refusal::PasskeyRefused.into());
    }
    let tx = prove(op, tx, &account, &answer, &state).await?;
    let (token, ended) = sessions::renew(&tx, op, Factor::Passkey).await?;
    op.commit_endings(tx, vec![ended]).await?;
    Ok(token)
}

/// Judges an answer by the passkey of the account that it names, and stores what it tells. Goes on with the same
/// transaction; only what looks like a copy is committed, and refused.
async fn prove(op: &Op, tx: Tx, account: &Account, answer: &Answer, state: &DiscoverableAuthentication) -> Result<Tx> {
    let row = table::by_credential_to_change(&tx, account.account(), answer.credential_id())
        .await?
        .filter(table::Model::works)
        .ok_or(Refusal::PasskeyRefused)?;
    let (text, backed_up) = match op.portal.relying().judge(answer, state, &row.credential)? {
        Verdict::Genuine { text, backed_up } => (text, i64::from(backed_up)),
        Verdict::CountedBackwards => return suspend(op, tx, account, row, Action::PasskeyCounterRolledBack).await,
        Verdict::EligibilityChanged => return suspend(op, tx, account, row, Action::PasskeyBackupChanged).await,
        Verdict::Refused => return Err(Refusal::PasskeyRefused.into()),
    };
    let (id, name, was_backed_up) = (row.passkey(), row.name.clone(), row.backed_up);
    let mut row = row.into_active_model();
    row.credential = Set(text);
    row.backed_up = Set(backed_up);
    row.last_used_at = Set(Some(op.now_ms()));
    row.update(&tx).await?;
    if backed_up != was_backed_up {
        notices::send(&tx, op, account, Notice::PasskeyBackupChanged { name, backed_up: backed_up != 0 }).await?;
        let event = Event::new(Action::PasskeyBackupChanged).by(account.account()).account(account.account());
        audit_log::record(&tx, op, event.object(id).detail("backed_up", backed_up != 0)).await?;
    }
    Ok(tx)
}

/// Takes a passkey out of use that somebody else seems to hold too, ends whatever it may have opened, and tells its
/// owner.
async fn suspend(op: &Op, tx: Tx, account: &Account, row: table::Model, why: Action) -> Result<Tx> {
    let (id, name) = (row.passkey(), row.name.clone());
    let mut row = row.into_active_model();
    row.suspended_at = Set(Some(op.now_ms()));
    row.update(&tx).await?;
    let ended = sessions::end_all(&tx, account.account(), None).await?;
    notices::send(&tx, op, account, Notice::PasskeySuspended { name }).await?;
    let event = Event::new(why).account(account.account()).object(id).detail("suspended", true);
    audit_log::record(&tx, op, event).await?;
    op.commit_endings(tx, ended).await?;
    Err(Refusal::PasskeyRefused.into())
}

/// Calls a passkey of the person who asks something else.
///
/// # Errors
/// [`Refusal::NotSignedIn`], [`Refusal::InvalidInput`]; [`Refusal::NotFound`], also for somebody else's.
pub async fn rename(op: &Op, id: PasskeyId, name: &str) -> Result<()> {
    let person = op.signed_in()?;
    let mut check = Check::default();
    let name = check.label("name", name);
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    let tx = op.begin().await?;
    let row = table::by_id(&tx, person.account, id).await?.ok_or(Refusal::NotFound)?;
    let mut row = row.into_active_model();
    row.name = Set(name);
    row.update(&tx).await?;
    audit_log::record(&tx, op, Event::new(Action::PasskeyRenamed).account(person.account).object(id)).await?;
    op.commit(tx).await
}

/// Removes a passkey of the person who asks, and ends their other sessions.
///
/// # Errors
/// [`Refusal::NotSignedIn`], [`Refusal::StepUpRequired`]; [`Refusal::NotFound`], also for somebody else's;
/// [`Refusal::LastWayIn`] if neither a passkey that is accepted nor a password would be left.
pub async fn remove(op: &Op, id: PasskeyId) -> Result<()> {
    let person = op.require_recent().await?;
    let tx = op.begin().await?;
    // Held: of two removals at the same moment, the second counts what the first left.
    let account = accounts::table::by_id_to_change(&tx, person.account.uuid()).await?.ok_or(Refusal::NotSignedIn)?;
    let row = table::by_id(&tx, person.account, id).await?.ok_or(Refusal::NotFound)?;
    let name = row.name.clone();
    row.delete(&tx).await?;
    if account.password_hash.is_none() && !has_any(&tx, person.account).await? {
        return Err(Refusal::LastWayIn.into());
    }
    let ended = sessions::end_all(&tx, person.account, Some(person.session)).await?;
    notices::send(&tx, op, &account, Notice::PasskeyRemoved { name }).await?;
    audit_log::record(&tx, op, Event::new(Action::PasskeyRemoved).account(person.account).object(id)).await?;
    op.commit_endings(tx, ended).await
}

/// Anybody may ask, so how often one place may is limited.
fn limit(op: &Op) -> Result<()> {
    Ok(op.portal.guard().check(Door::Passkey, op.now, &op.browser.source, None, false)?)
}
