//! Accounts: sign-up, verification of the address, and what the console knows of the signed-in person.
//!
//! - Nobody can find out from outside whether an address has an account: sign-up and a new verification mail answer
//!   the same either way, and the mail tells the owner of the address.
//! - An account, its organization, its acceptance of the terms and its verification mail are written in one
//!   transaction.
//! - Opening a link changes nothing; only the button on its page does.

use contract::accounts::{FirstSteps, Me};
use contract::fields::{Check, Problem};
use contract::policies::TERMS_VERSION;
use contract::{AccountId, Refusal};
use sea_orm::prelude::Uuid;
use sea_orm::{
    ActiveModelTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    Set,
};

use crate::error::is_conflict;
use crate::mail_links::{self, Purpose};
use crate::{Actor, Op, Result, Tx, keys, organizations};

mod acceptances;
mod letters;
pub(crate) mod password;
pub(crate) mod table;
#[cfg(test)]
mod tests;

pub use password::Password;

/// What a person gives to sign up.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// What they call themselves.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Their password.
    pub password: Password,
    /// The version of the terms they accepted.
    pub terms: String,
}

/// Creates an account with an organization of its own and sends the verification mail.
///
/// The answer is the same for a known address. If that account is not verified yet, the newest name and password
/// count and earlier links stop working; if it is, its owner is told by mail and nothing changes.
///
/// # Errors
/// [`Refusal::InvalidInput`] with every field that needs another look.
pub async fn sign_up(op: &Op, new: NewAccount) -> Result<()> {
    let mut check = Check::default();
    let name = check.name("name", &new.name);
    let email = check.email("email", &new.email);
    check.new_password("password", new.password.typed());
    if new.terms != TERMS_VERSION {
        check.refuse("terms", Problem::TermsNotAccepted);
    }
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;

    // Hashed for known addresses too, and before the transaction: the time must not tell, and a writer must not wait.
    let hash = op.portal.passwords().hash(&new.password).await?;
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
    op.commit(tx).await
}

async fn insert(
    tx: &Tx,
    op: &Op,
    name: String,
    email: &str,
    hash: String,
) -> std::result::Result<table::Model, sea_orm::DbErr> {
    let account = table::ActiveModel {
        id: Set(op.new_uuid()),
        name: Set(name),
        email: Set(email.to_owned()),
        email_folded: Set(table::fold(email)),
        email_verified_at: Set(None),
        password_hash: Set(Some(hash)),
        state: Set("pending".to_owned()),
        created_at: Set(op.now_ms()),
        last_sign_in_at: Set(None),
    }
    .insert(tx)
    .await?;
    organizations::create_personal(tx, op, account.account(), &account.name).await?;
    Ok(account)
}

async fn replace_pending(tx: &Tx, pending: table::Model, name: String, hash: String) -> Result<table::Model> {
    mail_links::cancel(tx, pending.account(), Purpose::VerifyEmail).await?;
    let mut account = pending.into_active_model();
    account.name = Set(name);
    account.password_hash = Set(Some(hash));
    let account = account.update(tx).await?;
    // It is called after its person, and that person may just have been somebody else.
    organizations::rename_personal(tx, account.account(), &account.name).await?;
    Ok(account)
}

async fn send_verification(tx: &Tx, op: &Op, account: &table::Model) -> Result<()> {
    let token = mail_links::create(tx, op, Purpose::VerifyEmail, account.account(), None).await?;
    letters::verify_email(tx, op, account, &token).await
}

/// Sends another verification mail, if the address has an account that waits for it. The answer never tells.
///
/// # Errors
/// [`Refusal::InvalidInput`] if it is not an address.
pub async fn resend_verification(op: &Op, email: &str) -> Result<()> {
    let mut check = Check::default();
    let email = check.email("email", email);
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    let tx = op.begin().await?;
    let known = table::by_email_to_change(&tx, &email).await?;
    if let Some(account) = known.filter(|account| account.email_verified_at.is_none()) {
        mail_links::cancel(&tx, account.account(), Purpose::VerifyEmail).await?;
        send_verification(&tx, op, &account).await?;
    }
    op.commit(tx).await
}

/// Confirms the address behind a verification link, creates the first key and mails its reveal link.
///
/// Using the link twice is not an error: the address is verified, which is what the person wants.
///
/// # Errors
/// [`Refusal::LinkUnknown`], also for a link that a newer one replaced; [`Refusal::LinkExpired`].
pub async fn verify_email(op: &Op, token: &str) -> Result<()> {
    let tx = op.begin().await?;
    let owner = mail_links::find(&tx, Purpose::VerifyEmail, token).await?.account_id;
    let account = table::by_id_to_change(&tx, owner).await?.ok_or(Refusal::LinkUnknown)?;
    // Read again: while we waited for the account, the link may have been used or replaced.
    let link = mail_links::find(&tx, Purpose::VerifyEmail, token).await?;
    if link.used_at.is_some() && account.email_verified_at.is_some() {
        return Ok(());
    }
    mail_links::consume(&tx, op, &link).await?;
    let id = account.account();
    let mut account = account.into_active_model();
    account.email_verified_at = Set(Some(op.now_ms()));
    account.state = Set("active".to_owned());
    let account = account.update(&tx).await?;
    let organization = organizations::personal_of(&tx, id).await?;
    keys::create_first(&tx, op, &account, organization).await?;
    op.commit(tx).await
}

/// The signed-in person.
///
/// # Errors
/// [`Refusal::NotSignedIn`].
pub fn me(op: &Op) -> Result<Me> {
    let person = op.signed_in()?;
    Ok(Me {
        account: person.account,
        name: person.name.clone(),
        email: person.email.clone(),
        email_verified: true,
        organization: person.organization.clone(),
        staff: person.staff,
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
    Ok(FirstSteps {
        // Signing in needs a verified address.
        email_verified: true,
        key: shown.map(|key| key.hint.clone()),
        secret_revealed: rows.iter().any(|key| key.revealed_at.is_some()),
        first_call: rows.iter().any(|key| key.last_used_at.is_some()),
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
    check.new_password("password", new.password.typed());
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    let hash = op.portal.passwords().hash(&new.password).await?;
    let tx = op.begin().await?;
    let account = match table::by_email_to_change(&tx, &email).await? {
        Some(known) => {
            let mut known = known.into_active_model();
            known.password_hash = Set(Some(hash));
            known.update(&tx).await?
        }
        None => insert(&tx, op, name, &email, hash).await?,
    };
    let id = account.account();
    acceptances::record(&tx, op, id, acceptances::Document::Terms, TERMS_VERSION).await?;
    let mut account = account.into_active_model();
    account.email_verified_at = Set(Some(op.now_ms()));
    account.state = Set("active".to_owned());
    account.update(&tx).await?;
    op.commit(tx).await?;
    Ok(id)
}

/// The id of the account with that address.
pub(crate) async fn id_of<C: sea_orm::ConnectionTrait>(db: &C, email: &str) -> Result<Option<Uuid>> {
    Ok(table::by_email(db, email).await?.map(|account| account.id))
}
