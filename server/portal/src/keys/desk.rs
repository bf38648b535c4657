//! What others than its organization do to a key: staff find it, see it, revoke it, and start its rotation for its owner;
//! and whoever holds a secret in their hands finds the key that it opens.
//!
//! - Every search and every look is written down with its purpose, in the transaction that reads.
//! - Staff see no secret, and none passes through them: the link to a new one goes to an owner.
//! - What staff do needs a reason, which the owners read, and a fresh authentication.
//! - The protection from being revoked is the organization's own, against its own mistakes: it holds neither staff nor
//!   the policy about leaks.

use std::collections::HashMap;

use contract::audit_log::Action;
use contract::fields::{Check, Problem};
use contract::keys::KeyState;
use contract::keys::desk::{FoundKey, SeenKey};
use contract::keys::format;
use contract::keys::hash::KeyHash;
use contract::keys::terms::{OVERLAP_DAYS_MAX, RotationStart, number};
use contract::staff::LookPurpose;
use contract::{Environment, KeyId, Millis, OrganizationId, Refusal, StaffPermission};
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{
    ActiveModelTrait as _, Condition, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Set,
};
use tokio::sync::OwnedMutexGuard;

use super::table::{COLUMN, Column, Entity, Model, earlier};
use super::{DAY_MS, KeyRecord, event, rotation, sealed};
use crate::audit_log::{self, Event};
use crate::mail_links::{self, Purpose, Subject};
use crate::organizations::members;
use crate::{Op, Portal, Result, Tx, accounts, leaks, organizations, staff};

mod letters;
#[cfg(test)]
mod tests;

/// Keys that one search finds at most.
const FOUND_MAX: u64 = 50;

/// Strings that are looked up in one query: each counts several times, and databases take some ten thousand values.
const AT_ONCE: usize = 200;

/// Which secret of a key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// The newest.
    Newest,
    /// The one before.
    Old,
}

/// A string that somebody presents, as keys know it: under each pepper, and as one that was imported.
pub(crate) struct Presented(Vec<KeyHash>);

impl Presented {
    pub(crate) fn new(portal: &Portal, text: &str) -> Self {
        let hasher = portal.hasher();
        let known = std::iter::once(hasher.hash(text)).chain(hasher.older(text)).chain(hasher.imported_as(text));
        Self(known.collect())
    }

    /// Which of a key's secrets it is.
    pub(crate) fn of(&self, key: &Model) -> Option<Which> {
        let is = |stored: &Option<Vec<u8>>| {
            stored.as_ref().is_some_and(|stored| self.0.iter().any(|hash| sealed::index(hash) == *stored))
        };
        if is(&key.secret_hash) {
            Some(Which::Newest)
        } else if is(&key.previous_hash) {
            Some(Which::Old)
        } else {
            None
        }
    }
}

/// The keys that these strings open, each in the place of its string; also revoked ones.
pub(crate) async fn by_secrets<C: ConnectionTrait>(
    db: &C,
    presented: &[Presented],
) -> Result<Vec<Option<(Model, Which)>>> {
    let mut keys: Vec<Model> = Vec::new();
    for some in presented.chunks(AT_ONCE) {
        let stored: Vec<Vec<u8>> = some.iter().flat_map(|one| &one.0).map(sealed::index).collect();
        let known =
            Expr::col(Column::SecretHash).is_in(stored.clone()).or(Expr::col(Column::PreviousHash).is_in(stored));
        keys.extend(Entity::find().filter(known).all(db).await?);
    }
    let find = |one: &Presented| keys.iter().find_map(|key| Some((key.clone(), one.of(key)?)));
    Ok(presented.iter().map(find).collect())
}

impl Model {
    /// Whether a secret of this key can still open anything, now or once its organization gives the key more time.
    pub(crate) fn can_work(&self, which: Which, now: Millis) -> bool {
        match which {
            Which::Newest => self.revoked_at.is_none() && self.secret_ends_at.is_none_or(|end| now < end),
            Which::Old => self.has_two_secrets(now),
        }
    }

    /// Whether the gateway accepts that secret.
    pub(crate) fn works(&self, which: Which, now: Millis) -> bool {
        self.can_work(which, now) && self.expires_at.is_none_or(|end| now < end)
    }
}

/// A key, whoever it belongs to, to change it.
async fn by_id_to_change(tx: &Tx, id: KeyId) -> Result<Model> {
    Ok(Entity::find_by_id(id.uuid()).lock_exclusive().one(tx).await?.ok_or(Refusal::NotFound)?)
}

/// What the owner of a key is called.
async fn organization_name<C: ConnectionTrait>(db: &C, id: OrganizationId) -> Result<String> {
    let organization = organizations::table::Entity::find_by_id(id.uuid()).one(db).await?;
    Ok(organization.map(|organization| organization.name).unwrap_or_default())
}

/// Commits a change that is not of somebody in the key's organization, and tells the gateway.
pub(crate) async fn commit(op: &Op, tx: Tx, turn: OwnedMutexGuard<()>, key: &Model) -> Result<()> {
    let name = organization_name(&tx, OrganizationId::new(key.organization_id)).await?;
    let record = KeyRecord::read(&op.portal, &tx, key, &name, Vec::new()).await?;
    op.commit_key(tx, turn, record).await
}

/// Ends a key for good. Links to it stop working.
pub(crate) async fn end(tx: &Tx, op: &Op, key: Model) -> Result<Model> {
    mail_links::cancel_for_key(tx, key.key()).await?;
    let mut key = key.into_active_model();
    key.revoked_at = Set(Some(op.now_ms()));
    Ok(key.update(tx).await?)
}

/// Ends the old secret of a rotation, no later than it would have.
pub(crate) async fn end_old(tx: &Tx, key: Model, at: Millis) -> Result<Model> {
    let at = earlier(key.previous_retires_at, Some(at));
    let mut key = key.into_active_model();
    key.previous_retires_at = Set(at);
    Ok(key.update(tx).await?)
}

/// Whom a link to a new secret goes to, and its token.
pub(crate) struct Sent {
    pub(crate) to: accounts::table::Model,
    pub(crate) token: String,
}

/// A rotation that nobody in the organization asked for.
pub(crate) struct Imposed {
    /// For how long both secrets work once the new one was shown.
    pub(crate) overlap_ms: Millis,
    /// When the secret of today ends at the latest, shown or not.
    pub(crate) ends_at: Option<Millis>,
}

/// Starts a rotation: who gets the link is the owner who created the key, or else another owner in good standing, the
/// longest there. Without any there is no link; whoever becomes owner has one sent from the key's page.
pub(crate) async fn impose(tx: &Tx, op: &Op, key: Model, rotation: Imposed) -> Result<(Model, Option<Sent>)> {
    let id = key.key();
    mail_links::cancel_for_key(tx, id).await?;
    let ends_at = earlier(key.secret_ends_at, rotation.ends_at);
    let mut key = key.into_active_model();
    key.rotation_asked_at = Set(Some(op.now_ms()));
    key.rotation_overlap_ms = Set(Some(rotation.overlap_ms));
    key.rotation_starts = Set(Some(RotationStart::Now.word().to_owned()));
    key.secret_ends_at = Set(ends_at);
    let key = key.update(tx).await?;
    let mut owners = members::owners(tx, OrganizationId::new(key.organization_id)).await?;
    owners.retain(|owner| owner.state().keys_work());
    owners.sort_by_key(|owner| (Some(owner.id) != key.created_by, owner.id));
    let Some(to) = owners.into_iter().next() else { return Ok((key, None)) };
    let token = mail_links::create(tx, op, Purpose::RevealKey, to.account(), Subject::Key(id)).await?;
    Ok((key, Some(Sent { to, token })))
}

/// Keys that a text names, the newest first, at most 50, of those in a state if one is given.
///
/// It may be an id, what is shown of a key or the last four characters of it, part of a label, or the id or part of the
/// name of an organization. The text is written down, and erased after its term; a secret is refused unread.
///
/// # Errors
/// [`Refusal::InvalidInput`], and those of [`Op::require_staff`].
pub async fn find(op: &Op, query: &str, state: Option<KeyState>, purpose: LookPurpose) -> Result<Vec<FoundKey>> {
    op.require_staff(StaffPermission::ReadKeys)?;
    let mut check = Check::default();
    let text = check.search("query", query);
    if is_like_secret(&text, &op.portal.settings().key_prefix) {
        check.refuse("query", Problem::NotAnId);
    }
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    let tx = op.begin().await?;
    let mut named = Entity::find().filter(meets(&text));
    if let Some(state) = state {
        named = named.filter(in_state(state, op.now_ms()));
    }
    let keys = named.order_by_desc(COLUMN.id).limit(FOUND_MAX).all(&tx).await?;
    let ids = keys.iter().map(|key| key.organization_id);
    let names: HashMap<_, _> = organizations::table::Entity::find()
        .filter(organizations::table::COLUMN.id.is_in(ids))
        .all(&tx)
        .await?
        .into_iter()
        .map(|organization| (organization.id, organization.name))
        .collect();
    let event =
        Event::new(Action::KeysSearched).detail("purpose", purpose.word()).detail("found", keys.len()).personal(text);
    audit_log::record(&tx, op, event).await?;
    op.commit(tx).await?;
    Ok(keys
        .into_iter()
        .map(|key| {
            let name = names.get(&key.organization_id).cloned().unwrap_or_default();
            found(key, name, op.now_ms())
        })
        .collect())
}

/// Whether a text is longer than what may be shown of a key: more of a secret than staff should have, or write down.
fn is_like_secret(text: &str, prefix: &str) -> bool {
    let starts = |environment: Environment| text.starts_with(&format!("{prefix}_{}_", environment.word()));
    let longest = format::hint_without_secret(prefix, Environment::Live).chars().count() + 4;
    Environment::ALL.into_iter().any(starts) && text.chars().count() > longest
}

fn meets(text: &str) -> Condition {
    if let Ok(id) = text.parse::<KeyId>() {
        return Condition::all().add(COLUMN.id.eq(id.uuid()));
    }
    if let Ok(id) = text.parse::<OrganizationId>() {
        return Condition::all().add(COLUMN.organization_id.eq(id.uuid()));
    }
    let organizations = Query::select()
        .column(organizations::table::Column::Id)
        .from(organizations::table::Entity)
        .cond_where(staff::holds(Expr::col(organizations::table::Column::Name), text))
        .take();
    Condition::any()
        .add(staff::holds(Expr::col((Entity, Column::Label)), text))
        .add(staff::holds(Expr::col((Entity, Column::Hint)), text))
        .add(Expr::col((Entity, Column::OrganizationId)).in_subquery(organizations))
}

fn in_state(state: KeyState, now: Millis) -> Condition {
    let over = || Condition::any().add(COLUMN.expires_at.lte(now)).add(COLUMN.secret_ends_at.lte(now));
    let not_over = || {
        Condition::all()
            .add(COLUMN.expires_at.is_null().or(COLUMN.expires_at.gt(now)))
            .add(COLUMN.secret_ends_at.is_null().or(COLUMN.secret_ends_at.gt(now)))
    };
    let lives = Condition::all().add(COLUMN.revoked_at.is_null());
    match state {
        KeyState::Revoked => Condition::all().add(COLUMN.revoked_at.is_not_null()),
        KeyState::Expired => lives.add(over()),
        KeyState::AwaitingReveal => lives.add(not_over()).add(COLUMN.secret_hash.is_null()),
        KeyState::Active => lives.add(not_over()).add(COLUMN.secret_hash.is_not_null()),
    }
}

fn found(key: Model, organization_name: String, now: Millis) -> FoundKey {
    FoundKey {
        id: key.key(),
        environment: key.environment(),
        state: key.state(now),
        organization: OrganizationId::new(key.organization_id),
        organization_name,
        created_at: key.created_at,
        last_used_at: key.last_used_at(),
        label: key.label,
        hint: key.hint,
    }
}

/// A key, with what staff need to help its owner.
///
/// # Errors
/// [`Refusal::NotFound`], and those of [`Op::require_staff`].
pub async fn see(op: &Op, id: KeyId, purpose: LookPurpose) -> Result<SeenKey> {
    op.require_staff(StaffPermission::ReadKeys)?;
    let tx = op.begin().await?;
    let key = Entity::find_by_id(id.uuid()).one(&tx).await?.ok_or(Refusal::NotFound)?;
    let organization = OrganizationId::new(key.organization_id);
    let name = organization_name(&tx, organization).await?;
    let seen = SeenKey {
        revealed_at: key.revealed_at,
        revoked_at: key.revoked_at,
        expires_at: key.expires_at,
        protected: key.protected != 0,
        rotation: key.rotation(op.now_ms()),
        leaks: leaks::of_key(&tx, op, organization, id).await?,
        key: found(key, name, op.now_ms()),
    };
    let event = Event::new(Action::KeyViewed).object(id).detail("purpose", purpose.word());
    audit_log::record(&tx, op, event).await?;
    op.commit(tx).await?;
    Ok(seen)
}

fn reason_of(reason: &str) -> Result<String> {
    let mut check = Check::default();
    let reason = check.reason("reason", reason);
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    Ok(reason)
}

/// Revokes a key for the operator. The gateway refuses it before this returns, and its owners are sent the reason.
///
/// # Errors
/// [`Refusal::InvalidInput`] without a reason; [`Refusal::KeyIsRevoked`]; [`Refusal::NotFound`]; those of
/// [`Op::require_staff`] and [`Op::require_confirmed`].
pub async fn revoke(op: &Op, id: KeyId, reason: &str) -> Result<()> {
    op.require_staff(StaffPermission::ManageKeys)?;
    op.require_confirmed().await?;
    let reason = reason_of(reason)?;
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let key = by_id_to_change(&tx, id).await?;
    if key.revoked_at.is_some() {
        return Err(Refusal::KeyIsRevoked.into());
    }
    let key = end(&tx, op, key).await?;
    letters::revoked(&tx, op, &key, &reason).await?;
    audit_log::record(&tx, op, event(Action::KeyRevokedByStaff, &key).personal(reason)).await?;
    commit(op, tx, turn, &key).await
}

/// Starts the rotation of a key: an owner is sent the link to a new secret, all of them the reason. Nothing else changes
/// until the link is used.
///
/// # Errors
/// [`Refusal::InvalidInput`]; [`Refusal::KeyIsRevoked`], [`Refusal::StateConflict`], [`Refusal::RotationUnderWay`] as
/// for its organization; [`Refusal::NotFound`]; those of [`Op::require_staff`] and [`Op::require_confirmed`].
pub async fn start_rotation(op: &Op, id: KeyId, overlap_days: &str, reason: &str) -> Result<()> {
    op.require_staff(StaffPermission::ManageKeys)?;
    op.require_confirmed().await?;
    let mut check = Check::default();
    let days = number(&mut check, "overlap_days", overlap_days, 0, OVERLAP_DAYS_MAX).unwrap_or_default();
    let reason = check.reason("reason", reason);
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    let tx = op.begin().await?;
    let key = by_id_to_change(&tx, id).await?;
    rotation::refuse_unless_rotatable(op, &key)?;
    let (key, sent) = impose(&tx, op, key, Imposed { overlap_ms: days * DAY_MS, ends_at: None }).await?;
    letters::rotation(&tx, op, &key, sent.as_ref(), days, &reason).await?;
    let event = event(Action::KeyRotationStartedByStaff, &key).detail("overlap_days", days).personal(reason);
    audit_log::record(&tx, op, event).await?;
    op.commit(tx).await
}
