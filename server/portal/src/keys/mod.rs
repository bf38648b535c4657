//! Keys: create, list, reveal, change, rotate, revoke.
//!
//! - A secret comes into being at the moment its owner is shown it: before that there is nothing to steal, after that
//!   only a keyed hash, in a box (`sealed.rs`); the secret itself only while every API lets it be shown again.
//! - A mail carries a link, never a secret; the link works once, for a day, for a signed-in member with the right role.
//! - A revoked key stays refused for ever.
//! - While a secret is replaced there is no moment at which neither works: the gateway is told of both in one record.

use contract::audit_log::Action;
use contract::fields::{Check, Problem};
use contract::imports::OldFormat;
use contract::keys::format;
use contract::keys::terms::{self, KeyDetail, PROTECTION_MS, TypedTerms};
use contract::keys::{Key, RevealOffer, RevealedKey, Secret};
use contract::organizations::CurrentOrganization;
use contract::{AccountId, Environment, KeyId, Millis, OrganizationId, Permission, Refusal};
use sea_orm::{ActiveModelTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _, Set};

use crate::audit_log::{self, Event};
use crate::error::is_conflict;
use crate::mail_links::{self, Purpose, Subject};
use crate::subscriptions::terms::TermsRecord;
use crate::{Op, Portal, Result, Tx, accounts, apis, organizations, tokens, usage};

pub mod desk;
pub mod labels;
mod letters;
mod listing;
mod notices;
mod record;
pub mod rotation;
pub(crate) mod sealed;
pub(crate) mod table;
#[cfg(test)]
mod tests;

pub use listing::page;
pub use notices::notify_due;
pub(crate) use notices::told_of_the_end;
pub use record::{KeyRecord, KnownSecret};
pub use rotation::{NewRotation, old_secret_use, retire, rotate};
pub use sealed::seal_all;

pub(crate) const DAY_MS: Millis = 86_400_000;

/// Told of every change to a key that the gateway must know, after it is committed.
#[async_trait::async_trait]
pub trait KeyWatcher: Send + Sync + 'static {
    /// The key as it is now.
    fn changed(&self, record: KeyRecord);

    /// Whether the keys of an organization rest from now on, because no owner of it is in good standing.
    fn rests(&self, organization: OrganizationId, rests: bool);

    /// How much an organization may ask of all APIs together, from now on.
    fn limited(&self, organization: OrganizationId, limit: Option<contract::limits::Limit>);

    /// An API as it is now: registered, changed, closed, or with another default plan.
    fn api_changed(&self, record: apis::ApiRecord);

    /// What an organization has of an API now.
    fn terms_changed(&self, record: TermsRecord);

    /// Waits until all of that is in force: what has to be summed up first is not at once. Asked after telling, and every
    /// second.
    async fn settle(&self) {}

    /// What keys of other systems look like that were imported: all such forms.
    fn old_formats(&self, formats: Vec<OldFormat>) {
        drop(formats);
    }

    /// Whether the gateway could use an API as this record has it: it reads addresses and routes in its own way. Asked
    /// before the change is committed.
    fn can_use(&self, record: &apis::ApiRecord) -> bool;
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
    /// Until when it works, in UTC; empty for ever.
    pub expires_at: String,
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
    let expires_at = terms::end(&mut check, &new.expires_at, op.now_ms(), None);
    let token = &new.form_token;
    // PostgreSQL stores no NUL.
    if token.is_empty() || token.len() > FORM_TOKEN_MAX || token.contains(char::is_control) {
        check.refuse("form_token", Problem::Empty);
    }
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;

    let person = op.person()?;
    let tx = op.begin().await?;
    // Another organization's form token must not find their key: it is bound to ours.
    let form_token = format!("{organization}:{}", new.form_token);
    let mut row =
        row(op, organization, Some(person.account), &label, environment.unwrap_or_default(), form_token.clone());
    row.expires_at = Set(expires_at);
    row.notified = Set(told_of_the_end(expires_at, op.now_ms()));
    let key = match row.insert(&tx).await {
        Ok(key) => key,
        Err(error) if is_conflict(&error) => {
            drop(tx);
            let known =
                table::Entity::find().filter(table::COLUMN.form_token.eq(form_token)).one(op.db().read()).await?;
            return Ok(known.ok_or(Refusal::NotFound)?.into_key(Vec::new(), op.now_ms()));
        }
        Err(error) => return Err(error.into()),
    };
    mail_reveal_link(&tx, op, &key, person.account, person.name, person.email).await?;
    audit_log::record(&tx, op, event(Action::KeyCreated, &key).detail("environment", &key.environment)).await?;
    op.commit(tx).await?;
    Ok(key.into_key(Vec::new(), op.now_ms()))
}

/// The key that comes with a verified address.
pub(crate) async fn create_first(
    tx: &Tx,
    op: &Op,
    owner: &accounts::table::Model,
    organization: CurrentOrganization,
) -> Result<()> {
    let form_token = format!("{}:first", organization.id);
    let key =
        row(op, organization.id, Some(owner.account()), "First key", Environment::Live, form_token).insert(tx).await?;
    mail_reveal_link(tx, op, &key, owner.account(), &owner.name, &owner.email).await?;
    let event = event(Action::KeyCreated, &key).by(owner.account()).detail("environment", &key.environment);
    audit_log::record(tx, op, event).await
}

/// What happened to a key.
pub(crate) fn event(action: Action, key: &table::Model) -> Event {
    Event::new(action).organization(OrganizationId::new(key.organization_id)).object(key.key())
}

pub(crate) fn row(
    op: &Op,
    organization: OrganizationId,
    creator: Option<AccountId>,
    label: &str,
    environment: Environment,
    form_token: String,
) -> table::ActiveModel {
    table::ActiveModel {
        id: Set(op.new_uuid()),
        organization_id: Set(organization.uuid()),
        created_by: Set(creator.map(AccountId::uuid)),
        label: Set(label.to_owned()),
        environment: Set(environment.word().to_owned()),
        hint: Set(format::hint_without_secret(&op.portal.settings().key_prefix, environment)),
        secret_hash: Set(None),
        form_token: Set(form_token),
        created_at: Set(op.now_ms()),
        revealed_at: Set(None),
        last_used_at: Set(None),
        revoked_at: Set(None),
        note: Set(String::new()),
        scopes: Set(String::new()),
        networks: Set(String::new()),
        tags: Set(String::new()),
        expires_at: Set(None),
        limit_requests: Set(None),
        limit_seconds: Set(None),
        protected: Set(0),
        secret_version: Set(1),
        previous_hash: Set(None),
        previous_hint: Set(None),
        previous_retires_at: Set(None),
        previous_last_used_at: Set(None),
        rotation_asked_at: Set(None),
        rotation_overlap_ms: Set(None),
        rotation_starts: Set(None),
        notified: Set(0),
        sealed: Set(None),
        previous_sealed: Set(None),
        kept_secret: Set(None),
        pepper_id: Set(None),
        previous_pepper_id: Set(None),
        import_id: Set(None),
        rekeyed_at: Set(None),
        secret_ends_at: Set(None),
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
    if key.rotation_asked_at.is_some() {
        return letters::rotation_link(tx, op, key, account, name, email, &token).await;
    }
    letters::reveal_link(tx, op, key, account, name, email, &token).await
}

/// Mails a new reveal link; earlier ones stop working. For a key whose newest secret is kept, was never shown or never
/// used, or which is to get a new one.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::KeyIsRevoked`], [`Refusal::KeyNotRecoverable`], and those of [`Op::require`].
pub async fn send_reveal_link(op: &Op, id: KeyId) -> Result<()> {
    let organization = op.require(Permission::CreateKeys)?;
    let person = op.person()?;
    let tx = op.begin().await?;
    let key = table::find_to_change(&tx, organization, id).await?.ok_or(Refusal::NotFound)?;
    refuse_unless_revealable(&key)?;
    mail_links::cancel_for_key(&tx, id).await?;
    mail_reveal_link(&tx, op, &key, person.account, person.name, person.email).await?;
    audit_log::record(&tx, op, event(Action::RevealLinkSent, &key)).await?;
    op.commit(tx).await
}

fn refuse_unless_revealable(key: &table::Model) -> Result<()> {
    if key.revoked_at.is_some() {
        return Err(Refusal::KeyIsRevoked.into());
    }
    if key.kept_secret.is_some() || key.rotation_asked_at.is_some() {
        return Ok(());
    }
    // Of the newest secret: a rotation takes the last use of the old one along with it. Whoever holds an imported key
    // goes on with it, so it is in use although we never saw it.
    if key.last_used_at.is_some() || key.awaits_first_use() {
        return Err(Refusal::KeyNotRecoverable.into());
    }
    Ok(())
}

/// What a reveal link leads to. Changes nothing.
///
/// # Errors
/// [`Refusal::LinkUnknown`] also for a link that was sent to someone else; [`Refusal::LinkExpired`],
/// [`Refusal::LinkUsed`], [`Refusal::KeyIsRevoked`], [`Refusal::KeyNotRecoverable`], and those of [`Op::require`].
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
        again: key.kept_secret.is_some() && key.rotation_asked_at.is_none(),
        label: key.label,
        organization: name,
        expires_at: link.expires_at,
    })
}

/// Makes the secret and shows it, to somebody who proved who they are within the last five minutes. One that was kept
/// is shown again.
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

    let keys = op.portal.vault().open_to_seal(&tx, op.now_ms(), organization).await?;
    if key.rotation_asked_at.is_none()
        && let Some(secret) = sealed::kept(&keys, &key)?
    {
        audit_log::record(&tx, op, event(Action::KeyRevealed, &key).detail("again", "yes")).await?;
        op.commit(tx).await?;
        let key = key.into_key(Vec::new(), op.now_ms());
        return Ok(RevealedKey { key, secret: Secret::new(secret), example_url, kept: true });
    }
    let prefix = &op.portal.settings().key_prefix;
    let secret = format::assemble(prefix, key.environment(), &tokens::random_text()?);
    let hash = op.portal.hasher().hash(&secret);
    let hint = format::parse(&secret, prefix).map(|key| key.hint()).unwrap_or_default();
    let kept = if sealed::may_keep_now(&tx).await? { Some(sealed::keep(&keys, key.id, &secret)?) } else { None };
    let sealed = sealed::seal(&keys, key.id, &hash)?;
    let (mut key, replaced) = rotation::make_room(op, &keys, key)?;
    key.secret_hash = Set(Some(sealed::index(&hash)));
    key.sealed = Set(Some(sealed));
    key.kept_secret = Set(kept);
    key.pepper_id = Set(Some(op.portal.hasher().id()));
    key.hint = Set(hint);
    key.revealed_at = Set(Some(op.now_ms()));
    let key = key.update(&tx).await?;
    let record = KeyRecord::of(&keys, &key, &op.signed_in()?.organization.name, replaced);
    audit_log::record(&tx, op, event(Action::KeyRevealed, &key)).await?;
    op.commit_key(tx, turn, record).await?;
    let kept = key.kept_secret.is_some();
    Ok(RevealedKey { key: key.into_key(Vec::new(), op.now_ms()), secret: Secret::new(secret), example_url, kept })
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
            row.into_key(week, op.now_ms())
        })
        .collect())
}

/// A key with its terms, and where the replacement of its secret stands.
///
/// # Errors
/// [`Refusal::NotFound`] and those of [`Op::require`].
pub async fn read(op: &Op, id: KeyId) -> Result<KeyDetail> {
    let organization = op.require(Permission::ReadKeys)?;
    let row = table::find_in(op.db().read(), organization, id).await?.ok_or(Refusal::NotFound)?;
    let week = usage::week_by_key(op, organization).await?.remove(&row.id);
    Ok(KeyDetail {
        terms: row.terms(),
        rotation: row.rotation(op.now_ms()),
        may_be_revealed: refuse_unless_revealable(&row).is_ok(),
        kept: row.kept_secret.is_some(),
        key: row.into_key(week.unwrap_or_else(|| vec![0; usage::WEEK_DAYS]), op.now_ms()),
    })
}

/// Changes label and terms of a key, all at once. The gateway knows them before this returns.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::KeyIsRevoked`], [`Refusal::InvalidInput`], and those of [`Op::require`].
pub async fn change_terms(op: &Op, id: KeyId, typed: &TypedTerms) -> Result<Key> {
    let organization = op.require(Permission::CreateKeys)?;
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let before = table::find_to_change(&tx, organization, id).await?.ok_or(Refusal::NotFound)?;
    if before.revoked_at.is_some() {
        return Err(Refusal::KeyIsRevoked.into());
    }
    let mut check = Check::default();
    let (label, terms) = typed.check(&mut check, op.now_ms(), before.expires_at);
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    let Some(changes) = changes(&before, &label, &terms) else { return Ok(before.into_key(Vec::new(), op.now_ms())) };

    let mut key = before.clone().into_active_model();
    if terms.expires_at != before.expires_at {
        let told = told_of_the_end(terms.expires_at, op.now_ms());
        key.notified = Set(before.notified & !notices::OF_THE_END | told);
    }
    key.label = Set(label);
    key.note = Set(terms.note);
    key.scopes = Set(terms.scopes.join(" "));
    key.networks = Set(terms.networks.join(" "));
    key.tags = Set(terms.tags.join(" "));
    key.expires_at = Set(terms.expires_at);
    key.limit_requests = Set(terms.limit.map(|limit| i64::from(limit.requests)));
    key.limit_seconds = Set(terms.limit.map(|limit| i64::from(limit.seconds)));
    key.protected = Set(i64::from(terms.protected));
    let key = key.update(&tx).await?;
    let record = KeyRecord::read(&op.portal, &tx, &key, &op.person()?.organization.name, Vec::new()).await?;
    audit_log::record(&tx, op, changes.into_event(&key)).await?;
    op.commit_key(tx, turn, record).await?;
    Ok(key.into_key(Vec::new(), op.now_ms()))
}

/// What differs from before, as the audit log keeps it. Of what a person wrote only the label, so that it can be
/// restored; and as personal text, because the chain of events must hold words of ours alone.
struct Changes {
    fields: Vec<&'static str>,
    labels: Option<(String, String)>,
}

fn changes(before: &table::Model, label: &str, terms: &terms::KeyTerms) -> Option<Changes> {
    let was = before.terms();
    let differs = [
        ("label", before.label != label),
        ("note", was.note != terms.note),
        ("scopes", was.scopes != terms.scopes),
        ("expiry", was.expires_at != terms.expires_at),
        ("networks", was.networks != terms.networks),
        ("tags", was.tags != terms.tags),
        ("limit", was.limit != terms.limit),
        ("protection", was.protected != terms.protected),
    ];
    let fields: Vec<&str> = differs.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect();
    let labels = (before.label != label).then(|| (before.label.clone(), label.to_owned()));
    (!fields.is_empty()).then_some(Changes { fields, labels })
}

impl Changes {
    fn into_event(self, key: &table::Model) -> Event {
        let event = event(Action::KeyChanged, key).detail("changed", self.fields.join(", "));
        match self.labels {
            Some((before, after)) => event.personal(labels::text_of_change(&before, &after)),
            None => event,
        }
    }
}

/// Revokes a key, and with it the old secret of a rotation. The gateway refuses it before this returns. Revoking twice
/// is not an error.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::KeyIsProtected`] and those of [`Op::require`].
pub async fn revoke(op: &Op, id: KeyId) -> Result<Key> {
    let organization = op.require(Permission::RevokeKeys)?;
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let key = table::find_to_change(&tx, organization, id).await?.ok_or(Refusal::NotFound)?;
    if key.revoked_at.is_some() {
        return Ok(key.into_key(Vec::new(), op.now_ms()));
    }
    if key.protected != 0 && key.last_used_at().is_some_and(|used| op.now_ms() - used < PROTECTION_MS) {
        return Err(Refusal::KeyIsProtected.into());
    }
    mail_links::cancel_for_key(&tx, id).await?;
    let mut key = key.into_active_model();
    key.revoked_at = Set(Some(op.now_ms()));
    let key = key.update(&tx).await?;
    let record = KeyRecord::read(&op.portal, &tx, &key, &op.person()?.organization.name, Vec::new()).await?;
    audit_log::record(&tx, op, event(Action::KeyRevoked, &key)).await?;
    op.commit_key(tx, turn, record).await?;
    Ok(key.into_key(Vec::new(), op.now_ms()))
}

/// Every key that ever had a secret: the gateway holds them all, so that a revoked one is told apart from an unknown.
///
/// # Errors
/// Only when the database fails.
pub async fn load_all(portal: &Portal) -> Result<Vec<KeyRecord>> {
    let db = portal.db();
    let vault = portal.vault().open_all(db).await?;
    let with_secret = table::Entity::find().filter(table::COLUMN.secret_hash.is_not_null());
    let rows = with_secret.order_by_asc(table::COLUMN.id).all(db.read()).await?;
    let names: std::collections::HashMap<_, _> = organizations::table::Entity::find()
        .all(db.read())
        .await?
        .into_iter()
        .map(|organization| (organization.id, organization.name))
        .collect();
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let name = names.get(&row.organization_id).map_or("", String::as_str);
            let keys = vault.get(&row.organization_id)?;
            KeyRecord::of(keys, &row, name, Vec::new())
        })
        .collect())
}

/// One key as the gateway must know it; nothing of one that never had a secret, or is not there.
pub(crate) async fn load_one(portal: &Portal, id: KeyId) -> Result<Option<KeyRecord>> {
    let db = portal.db();
    let Some(row) = table::Entity::find_by_id(id.uuid()).one(db.read()).await? else { return Ok(None) };
    let owner = organizations::table::Entity::find_by_id(row.organization_id).one(db.read()).await?;
    let name = owner.as_ref().map_or("", |owner| owner.name.as_str());
    KeyRecord::read(portal, db.read(), &row, name, Vec::new()).await
}

/// What the gateway must know of an organization's keys, once it is called something else.
pub(crate) async fn records_of(
    portal: &Portal,
    tx: &Tx,
    organization: OrganizationId,
    name: &str,
) -> Result<Vec<KeyRecord>> {
    let keys = portal.vault().open(tx, organization).await?;
    let rows = table::Entity::find()
        .filter(table::COLUMN.organization_id.eq(organization.uuid()))
        .filter(table::COLUMN.secret_hash.is_not_null())
        .all(tx)
        .await?;
    Ok(rows.iter().filter_map(|row| KeyRecord::of(&keys, row, name, Vec::new())).collect())
}
