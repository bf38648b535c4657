//! Accounts: sign-up, verification of the address, its password and its name, and what the console knows of the
//! signed-in person.
//!
//! - Nobody can find out from outside whether an address has an account: sign-up, a new verification mail and a reset
//!   answer the same either way, after the same work, and the mail tells the owner of the address.
//! - An account, its organization, its acceptance of the terms and its verification mail are written in one
//!   transaction.
//! - Opening a link changes nothing; only the button on its page does, once.
//! - Whoever changes what somebody signs in with needs a fresh authentication, ends all other sessions, and is told on
//!   by mail.

use contract::accounts::{AccountEvent, AccountState, FirstSteps, Me, VerificationOffer};
use contract::audit_log::Action;
use contract::fields::{Check, Problem};
use contract::policies::TERMS_VERSION;
use contract::{AccountId, Refusal};
use sea_orm::prelude::Uuid;
use sea_orm::{
    ActiveModelTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Set,
};

use crate::audit_log::{self, Event};
use crate::error::is_conflict;
use crate::evenly::evenly;
use crate::guard::{self, Door};
use crate::mail_links::{self, Purpose, Subject};
use crate::sessions::devices;
use crate::{Actor, Op, Result, Tx, keys, organizations, passkeys, recovery};

mod acceptances;
mod blocklist;
mod email_changes;
mod letters;
pub(crate) mod own_password;
pub(crate) mod password;
mod security;
pub(crate) mod table;
#[cfg(test)]
mod tests;

pub(crate) use email_changes::forget as forget_email_change;
pub use email_changes::{Agreed, ask_email_change, cancel_email_change, confirm_email, email_change_offer};
pub use own_password::{ask_reset, remove_password, reset_offer, reset_password, set_password};
pub use password::Password;
pub use security::security;

/// What a person gives to sign up.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// What they call themselves.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Their password. Empty, if they want to sign in with a passkey alone: it is created with the verification link.
    pub password: Password,
    /// The version of the terms they accepted.
    pub terms: String,
}

/// Spends a try at a door, for an address with or without an account. From a browser that the account knows, tries are
/// counted apart: nobody can lock the owner out.
pub(crate) async fn limit(op: &Op, door: Door, email: &str) -> Result<()> {
    let known = devices::is_known(op, email).await?;
    Ok(op.portal.guard().check(door, op.now, &op.browser.source, Some(&table::fold(email)), known)?)
}

/// Creates an account with an organization of its own and sends the verification mail. `proof` is what the form's proof
/// of work came to; empty without a script.
///
/// The answer is the same for a known address. If that account is not verified yet, the newest name and password
/// count and earlier links stop working; if it is, its owner is told by mail and nothing changes.
///
/// # Errors
/// [`Refusal::InvalidInput`] with every field that needs another look; [`Refusal::ProofRequired`],
/// [`Refusal::TooManyTries`].
pub async fn sign_up(op: &Op, new: NewAccount, proof: &str) -> Result<()> {
    let mut check = Check::default();
    let name = check.name("name", &new.name);
    let email = check.email("email", &new.email);
    let with_password = !new.password.typed().is_empty() || !passkeys::are_available(&op.portal);
    if with_password {
        check.new_password("password", new.password.typed());
    }
    if new.terms != TERMS_VERSION {
        check.refuse("terms", Problem::TermsNotAccepted);
    }
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;

    // Before all that costs something, and after the fields, which cost nothing: a proof works once.
    let guard = op.portal.guard();
    let proven = guard.proof().read(guard::Purpose::SignUp, op.now, proof)?;
    guard.sign_up(op.now, &op.browser.source, &table::fold(&email), &proven)?;

    // Hashed for known addresses too, and before the transaction: the time must not tell, and a writer must not wait.
    let hash = if with_password {
        let mut check = Check::default();
        let about = about(op, &name, &email);
        password::check_new(&mut check, "password", &new.password, &about);
        check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
        Some(op.portal.passwords().hash(&new.password).await?)
    } else {
        None
    };
    evenly(store(op, name, email, hash)).await
}

/// What everybody knows about a person, so that it is no password.
fn about<'a>(op: &'a Op, name: &'a str, email: &'a str) -> [&'a str; 3] {
    [op.portal.settings().name.as_str(), name, email]
}

async fn store(op: &Op, name: String, email: String, hash: Option<String>) -> Result<()> {
    let tx = op.begin().await?;
    let account = match table::by_email_to_change(&tx, &email).await? {
        Some(known) if known.email_verified_at.is_some() => {
            letters::already_registered(&tx, op, &known).await?;
            return op.commit(tx).await;
        }
        Some(pending) => replace_pending(&tx, pending, name, hash).await?,
        None => match insert(&tx, op, name, &email, hash).await {
            Ok(account) => account,
            // Another request with the same address was faster; it has sent the mail.
            Err(error) if is_conflict(&error) => return Ok(()),
            Err(error) => return Err(error.into()),
        },
    };
    acceptances::record(&tx, op, account.account(), acceptances::Document::Terms, TERMS_VERSION).await?;
    send_verification(&tx, op, &account).await?;
    audit_log::record(&tx, op, Event::new(Action::SignedUp).by(account.account()).account(account.account())).await?;
    op.commit(tx).await
}

async fn insert(
    tx: &Tx,
    op: &Op,
    name: String,
    email: &str,
    hash: Option<String>,
) -> std::result::Result<table::Model, sea_orm::DbErr> {
    let account = table::ActiveModel {
        id: Set(op.new_uuid()),
        name: Set(name),
        email: Set(email.to_owned()),
        email_folded: Set(table::fold(email)),
        email_verified_at: Set(None),
        password_hash: Set(hash),
        state: Set(AccountState::Pending.word().to_owned()),
        state_reason: Set(None),
        passkey_handle: Set(Some(Uuid::new_v4())),
        created_at: Set(op.now_ms()),
        last_sign_in_at: Set(None),
    }
    .insert(tx)
    .await?;
    organizations::create_personal(tx, op, account.account(), &account.name).await?;
    Ok(account)
}

async fn replace_pending(tx: &Tx, pending: table::Model, name: String, hash: Option<String>) -> Result<table::Model> {
    mail_links::cancel(tx, pending.account(), Purpose::VerifyEmail).await?;
    let mut account = pending.into_active_model();
    account.name = Set(name);
    account.password_hash = Set(hash);
    let account = account.update(tx).await?;
    // It is called after its person, and that person may just have been somebody else.
    organizations::rename_personal(tx, account.account(), &account.name).await?;
    Ok(account)
}

pub(crate) async fn send_verification(tx: &Tx, op: &Op, account: &table::Model) -> Result<()> {
    let token = mail_links::create(tx, op, Purpose::VerifyEmail, account.account(), Subject::None).await?;
    letters::verify_email(tx, op, account, &token).await
}

/// Sends another verification mail, if the address has an account that waits for it. The answer never tells.
///
/// # Errors
/// [`Refusal::InvalidInput`] if it is not an address; [`Refusal::TooManyTries`].
pub async fn resend_verification(op: &Op, email: &str) -> Result<()> {
    let email = address(email)?;
    limit(op, Door::Mail, &email).await?;
    evenly(async {
        let tx = op.begin().await?;
        let known = table::by_email_to_change(&tx, &email).await?;
        if let Some(account) = known.filter(|account| account.email_verified_at.is_none()) {
            verify_again(&tx, op, &account).await?;
        }
        op.commit(tx).await
    })
    .await
}

/// An address from a form.
pub(crate) fn address(typed: &str) -> Result<String> {
    let mut check = Check::default();
    let email = check.email("email", typed);
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    Ok(email)
}

/// Sends another verification mail; the links before it stop working.
pub(crate) async fn verify_again(tx: &Tx, op: &Op, account: &table::Model) -> Result<()> {
    mail_links::cancel(tx, account.account(), Purpose::VerifyEmail).await?;
    send_verification(tx, op, account).await
}

/// What a verification link leads to; changes nothing.
///
/// # Errors
/// [`Refusal::LinkUnknown`], also for a link that a newer one replaced; [`Refusal::LinkExpired`],
/// [`Refusal::LinkUsed`]; [`Refusal::TooManyTries`].
pub async fn verification_offer(op: &Op, token: &str) -> Result<VerificationOffer> {
    let link = mail_links::offered(op, Purpose::VerifyEmail, token).await?;
    let account = table::Entity::find_by_id(link.account_id).one(op.db().read()).await?.ok_or(Refusal::LinkUnknown)?;
    let needs_passkey = needs_passkey(op.db().read(), &account).await?;
    Ok(VerificationOffer { email: account.email, needs_passkey })
}

/// Whether there is nothing yet to sign in with.
async fn needs_passkey<C: ConnectionTrait>(db: &C, account: &table::Model) -> Result<bool> {
    Ok(account.password_hash.is_none() && !passkeys::has_any(db, account.account()).await?)
}

/// Confirms the address behind a verification link, creates the first key and mails its reveal link.
///
/// # Errors
/// [`Refusal::LinkUnknown`], also for a link that a newer one replaced; [`Refusal::LinkExpired`],
/// [`Refusal::LinkUsed`]; [`Refusal::StateConflict`] if a passkey has to be created with it;
/// [`Refusal::TooManyTries`].
pub async fn verify_email(op: &Op, token: &str) -> Result<()> {
    mail_links::offered(op, Purpose::VerifyEmail, token).await?;
    let tx = op.begin().await?;
    let account = verify(&tx, op, token).await?;
    // Verified, it could not be signed in to, and nobody could sign up with the address again.
    if needs_passkey(&tx, &account).await? {
        return Err(Refusal::StateConflict.into());
    }
    op.commit(tx).await
}

/// The same within a transaction, for whoever adds the first way to sign in.
pub(crate) async fn verify(tx: &Tx, op: &Op, token: &str) -> Result<table::Model> {
    let (_, account) = mail_links::take(tx, op, Purpose::VerifyEmail, token).await?;
    let id = account.account();
    let state = account.state_after(AccountEvent::Verify)?;
    let mut account = account.into_active_model();
    account.email_verified_at = Set(Some(op.now_ms()));
    account.state = Set(state.word().to_owned());
    let account = account.update(tx).await?;
    let organization = organizations::personal_of(tx, id).await?;
    keys::create_first(tx, op, &account, organization).await?;
    audit_log::record(tx, op, Event::new(Action::EmailVerified).by(id).account(id)).await?;
    Ok(account)
}

/// Calls the person who asks something else, and with them the organization that is called after them.
///
/// # Errors
/// [`Refusal::NotSignedIn`], [`Refusal::AccountRestricted`], [`Refusal::InvalidInput`].
pub async fn change_name(op: &Op, name: &str) -> Result<()> {
    let person = op.require_good_standing()?;
    let mut check = Check::default();
    let name = check.name("name", name);
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    let tx = op.begin().await?;
    let account = table::by_id_to_change(&tx, person.account.uuid()).await?.ok_or(Refusal::NotSignedIn)?;
    let old = account.name.clone();
    let mut account = account.into_active_model();
    account.name = Set(name.clone());
    account.update(&tx).await?;
    // It may have been given a name of its own.
    if organizations::personal_of(&tx, person.account).await?.name == old {
        organizations::rename_personal(&tx, person.account, &name).await?;
    }
    let event = Event::new(Action::NameChanged).account(person.account).personal(format!("{old} → {name}"));
    audit_log::record(&tx, op, event).await?;
    op.commit(tx).await
}

/// The signed-in person.
///
/// # Errors
/// [`Refusal::NotSignedIn`].
pub async fn me(op: &Op) -> Result<Me> {
    let person = op.signed_in()?;
    Ok(Me {
        account: person.account,
        name: person.name.clone(),
        email: person.email.clone(),
        email_verified: true,
        organization: person.organization.clone(),
        staff: person.staff,
        state: person.state,
        state_reason: person.state_reason.clone(),
        organizations: organizations::of_account(op.db().read(), person.account).await?,
        invites: organizations::my_invites(op).await?.len(),
        recovery_ready_at: recovery::waiting_until(op.db().read(), person.account, op.now_ms()).await?,
    })
}

/// How far the organization is on its way to the first call.
///
/// # Errors
/// [`Refusal::NotSignedIn`].
pub async fn first_steps(op: &Op) -> Result<FirstSteps> {
    let person = op.signed_in()?;
    let rows = keys::table::Entity::find()
        .filter(keys::table::COLUMN.organization_id.eq(person.organization.id.uuid()))
        .order_by_asc(keys::table::COLUMN.id)
        .limit(100)
        .all(op.db().read())
        .await?;
    let shown = rows.iter().find(|key| key.revealed_at.is_some()).or(rows.first());
    let passkey_added = if passkeys::are_available(&op.portal) {
        Some(passkeys::has_any(op.db().read(), person.account).await?)
    } else {
        None
    };
    Ok(FirstSteps {
        passkey_added,
        // Signing in needs a verified address.
        email_verified: true,
        key: shown.map(|key| key.hint.clone()),
        secret_revealed: rows.iter().any(|key| key.revealed_at.is_some()),
        first_call: rows.iter().any(|key| key.last_used_at().is_some()),
    })
}

/// Makes an account that needs no verification, or gives a known one this password: for the command line and the demo,
/// where the operator vouches. Only the program itself may.
///
/// # Errors
/// [`Refusal::NotAllowed`] for anyone else; [`Refusal::InvalidInput`] with every field that needs another look.
pub async fn create_verified(op: &Op, new: NewAccount) -> Result<AccountId> {
    if op.actor != Actor::System {
        return Err(Refusal::NotAllowed.into());
    }
    let mut check = Check::default();
    let name = check.name("name", &new.name);
    let email = check.email("email", &new.email);
    let about = about(op, &name, &email);
    password::check_new(&mut check, "password", &new.password, &about);
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    let hash = op.portal.passwords().hash(&new.password).await?;
    let tx = op.begin().await?;
    let (account, action) = match table::by_email_to_change(&tx, &email).await? {
        Some(known) => {
            let mut known = known.into_active_model();
            known.password_hash = Set(Some(hash));
            (known.update(&tx).await?, Action::PasswordSet)
        }
        None => (insert(&tx, op, name, &email, Some(hash)).await?, Action::SignedUp),
    };
    let id = account.account();
    acceptances::record(&tx, op, id, acceptances::Document::Terms, TERMS_VERSION).await?;
    if account.state() == AccountState::Pending {
        let state = account.state_after(AccountEvent::Verify)?;
        let mut account = account.into_active_model();
        account.email_verified_at = Set(Some(op.now_ms()));
        account.state = Set(state.word().to_owned());
        account.update(&tx).await?;
    }
    audit_log::record(&tx, op, Event::new(action).account(id)).await?;
    op.commit(tx).await?;
    Ok(id)
}

/// The id of the account with that address.
pub(crate) async fn id_of<C: ConnectionTrait>(db: &C, email: &str) -> Result<Option<Uuid>> {
    Ok(table::by_email(db, email).await?.map(|account| account.id))
}
