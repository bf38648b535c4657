//! Keys: create, list, reveal, revoke.
//!
//! - A secret comes into being at the moment its owner is shown it: before that there is nothing to steal, after that
//!   only a keyed hash.
//! - A mail carries a link, never a secret; the link works once, for a day, for a signed-in member with the right role.
//! - A revoked key stays refused for ever.

use contract::audit_log::Action;
use contract::fields::{Check, Problem};
use contract::keys::format;
use contract::keys::hash::KeyHash;
use contract::keys::{Key, KeyState, RevealOffer, RevealedKey, Secret};
use contract::organizations::CurrentOrganization;
use contract::request_logs::Caller;
use contract::{AccountId, Environment, KeyId, OrganizationId, Permission, Refusal};
use sea_orm::{ActiveModelTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _, Set};

use crate::audit_log::{self, Event};
use crate::error::is_conflict;
use crate::mail_links::{self, Purpose, Subject};
use crate::{Db, Op, Result, Tx, accounts, apis, organizations, tokens, usage};

mod letters;
pub(crate) mod table;
#[cfg(test)]
mod tests;

/// Told of every change to a key that the gateway must know, after it is committed.
pub trait KeyWatcher: Send + Sync + 'static {
    /// The key as it is now.
    fn changed(&self, record: KeyRecord);

    /// Whether the keys of an organization rest from now on, because no owner of it is in good standing.
    fn rests(&self, organization: OrganizationId, rests: bool);
}

/// What the gateway must know of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// By what it is looked up.
    pub hash: KeyHash,
    /// A hash that stopped working with this change, because the secret was made anew.
    pub replaced: Option<KeyHash>,
    /// Active or revoked.
    pub state: KeyState,
    /// Whose it is.
    pub caller: Caller,
}

/// What a person gives to create a key.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What to call it.
    pub label: String,
    /// Live or test, as the word in the form.
    pub environment: String,
    /// What the form carried, so that sending it twice creates one key.
    pub form_token: String,
}

/// How long a form's token may be; ours have 43 characters.
const FORM_TOKEN_MAX: usize = 64;

/// Creates a key and mails its reveal link.
///
/// # Errors
/// [`Refusal::NotSignedIn`], [`Refusal::NotAllowed`], [`Refusal::InvalidInput`].
pub async fn create(op: &Op, new: NewKey) -> Result<Key> {
    let organization = op.require(Permission::CreateKeys)?;
    let mut check = Check::default();
    let label = check.label("label", &new.label);
    let environment = Environment::from_word(&new.environment);
    if environment.is_none() {
        check.refuse("environment", Problem::NotAChoice);
    }
    let token = &new.form_token;
    // PostgreSQL stores no NUL.
    if token.is_empty() || token.len() > FORM_TOKEN_MAX || token.contains(char::is_control) {
        check.refuse("form_token", Problem::Empty);
    }
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;

    let person = op.signed_in()?;
    let tx = op.begin().await?;
    // Another organization's form token must not find their key: it is bound to ours.
    let form_token = format!("{organization}:{}", new.form_token);
    let row = row(op, organization, person.account, &label, environment.unwrap_or_default(), form_token.clone());
    let key = match row.insert(&tx).await {
        Ok(key) => key,
        Err(error) if is_conflict(&error) => {
            drop(tx);
            let known =
                table::Entity::find().filter(table::COLUMN.form_token.eq(form_token)).one(op.db().read()).await?;
            return Ok(known.ok_or(Refusal::NotFound)?.into_key(Vec::new()));
        }
        Err(error) => return Err(error.into()),
    };
    mail_reveal_link(&tx, op, &key, person.account, &person.name, &person.email).await?;
    audit_log::record(&tx, op, event(Action::KeyCreated, &key).detail("environment", &key.environment)).await?;
    op.commit(tx).await?;
    Ok(key.into_key(Vec::new()))
}

/// The key that comes with a verified address.
pub(crate) async fn create_first(
    tx: &Tx,
    op: &Op,
    owner: &accounts::table::Model,
    organization: CurrentOrganization,
) -> Result<()> {
    let form_token = format!("{}:first", organization.id);
    let key = row(op, organization.id, owner.account(), "First key", Environment::Live, form_token).insert(tx).await?;
    mail_reveal_link(tx, op, &key, owner.account(), &owner.name, &owner.email).await?;
    let event = event(Action::KeyCreated, &key).by(owner.account()).detail("environment", &key.environment);
    audit_log::record(tx, op, event).await
}

/// What happened to a key.
fn event(action: Action, key: &table::Model) -> Event {
    Event::new(action).organization(OrganizationId::new(key.organization_id)).object(key.key())
}

fn row(
    op: &Op,
    organization: OrganizationId,
    creator: AccountId,
    label: &str,
    environment: Environment,
    form_token: String,
) -> table::ActiveModel {
    table::ActiveModel {
        id: Set(op.new_uuid()),
        organization_id: Set(organization.uuid()),
        created_by: Set(Some(creator.uuid())),
        label: Set(label.to_owned()),
        environment: Set(environment.word().to_owned()),
        hint: Set(format::hint_without_secret(&op.portal.settings().key_prefix, environment)),
        secret_hash: Set(None),
        form_token: Set(form_token),
        created_at: Set(op.now_ms()),
        revealed_at: Set(None),
        last_used_at: Set(None),
        revoked_at: Set(None),
    }
}

async fn mail_reveal_link(
    tx: &Tx,
    op: &Op,
    key: &table::Model,
    account: AccountId,
    name: &str,
    email: &str,
) -> Result<()> {
    let token = mail_links::create(tx, op, Purpose::RevealKey, account, Subject::Key(key.key())).await?;
    letters::reveal_link(tx, op, key, account, name, email, &token).await
}

/// Mails a new reveal link; earlier ones stop working. For a key whose secret was never shown, or never used.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::KeyIsRevoked`], [`Refusal::KeyInUse`], and those of [`Op::require`].
pub async fn send_reveal_link(op: &Op, id: KeyId) -> Result<()> {
    let organization = op.require(Permission::CreateKeys)?;
    let person = op.signed_in()?;
    let tx = op.begin().await?;
    let key = table::find_to_change(&tx, organization, id).await?.ok_or(Refusal::NotFound)?;
    refuse_unless_revealable(&key)?;
    mail_links::cancel_for_key(&tx, id).await?;
    mail_reveal_link(&tx, op, &key, person.account, &person.name, &person.email).await?;
    audit_log::record(&tx, op, event(Action::RevealLinkSent, &key)).await?;
    op.commit(tx).await
}

fn refuse_unless_revealable(key: &table::Model) -> Result<()> {
    if key.revoked_at.is_some() {
        return Err(Refusal::KeyIsRevoked.into());
    }
    if key.last_used_at.is_some() {
        return Err(Refusal::KeyInUse.into());
    }
    Ok(())
}

/// What a reveal link leads to. Changes nothing.
///
/// # Errors
/// [`Refusal::LinkUnknown`] also for a link that was sent to someone else; [`Refusal::LinkExpired`],
/// [`Refusal::LinkUsed`], [`Refusal::KeyIsRevoked`], [`Refusal::KeyInUse`], and those of [`Op::require`].
pub async fn reveal_offer(op: &Op, token: &str) -> Result<RevealOffer> {
    let organization = op.require(Permission::CreateKeys)?;
    let db = op.db().read();
    let link = mail_links::find(db, Purpose::RevealKey, token).await?;
    let key = table::find_in(db, organization, key_of(op, &link)?).await?.ok_or(Refusal::LinkUnknown)?;
    mail_links::check(op, &link)?;
    refuse_unless_revealable(&key)?;
    let name = op.signed_in()?.organization.name.clone();
    Ok(RevealOffer {
        environment: key.environment(),
        label: key.label,
        organization: name,
        expires_at: link.expires_at,
    })
}

/// Makes the secret and shows it: once, to somebody who proved who they are within the last five minutes.
///
/// # Errors
/// Those of [`reveal_offer`]; [`Refusal::StepUpRequired`], with which the link stays unused.
pub async fn reveal(op: &Op, token: &str) -> Result<RevealedKey> {
    let organization = op.require(Permission::CreateKeys)?;
    // Nobody is asked to confirm for a link that does not work.
    reveal_offer(op, token).await?;
    op.require_recent().await?;
    // Asked for first: once the link is used, nothing may fail between the secret and its owner.
    let example_url = apis::example_url(op).await?;
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let link = mail_links::find(&tx, Purpose::RevealKey, token).await?;
    let key = table::find_to_change(&tx, organization, key_of(op, &link)?).await?.ok_or(Refusal::LinkUnknown)?;
    mail_links::consume(&tx, op, &link).await?;
    refuse_unless_revealable(&key)?;

    let prefix = &op.portal.settings().key_prefix;
    let secret = format::assemble(prefix, key.environment(), &tokens::random_text()?);
    let hash = op.portal.hasher().hash(&secret);
    let replaced = key.secret_hash.clone().and_then(to_hash);
    let hint = format::parse(&secret, prefix).map(|key| key.hint()).unwrap_or_default();
    let mut key = key.into_active_model();
    key.secret_hash = Set(Some(hash.0.to_vec()));
    key.hint = Set(hint);
    key.revealed_at = Set(Some(op.now_ms()));
    let key = key.update(&tx).await?;
    let caller = caller(&key, &op.signed_in()?.organization.name);
    audit_log::record(&tx, op, event(Action::KeyRevealed, &key)).await?;
    op.commit_key(tx, turn, Some(KeyRecord { hash, replaced, state: KeyState::Active, caller })).await?;
    Ok(RevealedKey { key: key.into_key(Vec::new()), secret: Secret::new(secret), example_url })
}

/// The key of a link, if the link was sent to the person who opens it.
fn key_of(op: &Op, link: &mail_links::Model) -> Result<KeyId> {
    let person = op.signed_in()?.account.uuid();
    let key = link.key_id.filter(|_| link.account_id == person).ok_or(Refusal::LinkUnknown)?;
    Ok(KeyId::new(key))
}

/// The organization's keys, the newest first.
///
/// # Errors
/// Those of [`Op::require`].
pub async fn list(op: &Op, environment: Option<Environment>) -> Result<Vec<Key>> {
    let organization = op.require(Permission::ReadKeys)?;
    let mut query = table::Entity::find()
        .filter(table::COLUMN.organization_id.eq(organization.uuid()))
        .order_by_desc(table::COLUMN.id);
    if let Some(environment) = environment {
        query = query.filter(table::COLUMN.environment.eq(environment.word()));
    }
    let rows = query.all(op.db().read()).await?;
    let mut weeks = usage::week_by_key(op, organization).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let week = weeks.remove(&row.id).unwrap_or_else(|| vec![0; usage::WEEK_DAYS]);
            row.into_key(week)
        })
        .collect())
}

/// Revokes a key. The gateway refuses it before this returns. Revoking twice is not an error.
///
/// # Errors
/// [`Refusal::NotFound`] and those of [`Op::require`].
pub async fn revoke(op: &Op, id: KeyId) -> Result<Key> {
    let organization = op.require(Permission::RevokeKeys)?;
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let key = table::find_to_change(&tx, organization, id).await?.ok_or(Refusal::NotFound)?;
    if key.revoked_at.is_some() {
        return Ok(key.into_key(Vec::new()));
    }
    mail_links::cancel_for_key(&tx, id).await?;
    let mut key = key.into_active_model();
    key.revoked_at = Set(Some(op.now_ms()));
    let key = key.update(&tx).await?;
    let caller = caller(&key, &op.signed_in()?.organization.name);
    let hash = key.secret_hash.clone().and_then(to_hash);
    let record = hash.map(|hash| KeyRecord { hash, replaced: None, state: KeyState::Revoked, caller });
    audit_log::record(&tx, op, event(Action::KeyRevoked, &key)).await?;
    op.commit_key(tx, turn, record).await?;
    Ok(key.into_key(Vec::new()))
}

/// Every key that ever had a secret: the gateway holds them all, so that a revoked one is told apart from an unknown.
///
/// # Errors
/// Only when the database fails.
pub async fn load_all(db: &Db) -> Result<Vec<KeyRecord>> {
    let rows = table::Entity::find().filter(table::COLUMN.secret_hash.is_not_null()).all(db.read()).await?;
    let names: std::collections::HashMap<_, _> = organizations::table::Entity::find()
        .all(db.read())
        .await?
        .into_iter()
        .map(|organization| (organization.id, organization.name))
        .collect();
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let hash = to_hash(row.secret_hash.clone()?)?;
            let name = names.get(&row.organization_id).map_or("", String::as_str);
            Some(KeyRecord { hash, replaced: None, state: row.state(), caller: caller(&row, name) })
        })
        .collect())
}

/// What the gateway must know of an organization's keys, once it is called something else.
pub(crate) async fn records_of(tx: &Tx, organization: OrganizationId, name: &str) -> Result<Vec<KeyRecord>> {
    let rows = table::Entity::find()
        .filter(table::COLUMN.organization_id.eq(organization.uuid()))
        .filter(table::COLUMN.secret_hash.is_not_null())
        .all(tx)
        .await?;
    let record = |row: table::Model| {
        let hash = to_hash(row.secret_hash.clone()?)?;
        Some(KeyRecord { hash, replaced: None, state: row.state(), caller: caller(&row, name) })
    };
    Ok(rows.into_iter().filter_map(record).collect())
}

fn to_hash(stored: Vec<u8>) -> Option<KeyHash> {
    stored.try_into().ok().map(KeyHash)
}

fn caller(key: &table::Model, organization_name: &str) -> Caller {
    Caller {
        key: key.key(),
        key_label: key.label.clone(),
        secret_version: 1,
        environment: key.environment(),
        organization: OrganizationId::new(key.organization_id),
        organization_name: organization_name.to_owned(),
    }
}
