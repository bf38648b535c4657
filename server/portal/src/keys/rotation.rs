//! Rotation: a key gets a new secret while the old one still works.
//!
//! 1. [`rotate`] mails a reveal link; nothing else changes.
//! 2. When the link is used, the new secret comes into being and the old one becomes the previous one. From here on two
//!    secrets work.
//! 3. The old one ends after the overlap that its owner chose, counted from now or from the first use of the new one;
//!    or when somebody retires it.

use contract::audit_log::Action;
use contract::fields::{Check, Problem};
use contract::keys::hash::KeyHash;
use contract::keys::terms::{OVERLAP_DAYS_MAX, OldSecretUse, RotationStart, number};
use contract::{KeyId, Millis, Permission, Refusal};
use sea_orm::prelude::{Expr, Uuid};
use sea_orm::sea_query::ExprTrait as _;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QuerySelect as _, Set,
};

use super::{DAY_MS, KeyRecord, event, mail_reveal_link, notices, sealed, table};
use crate::changes::{self, Subject};
use crate::vault::DataKeys;
use crate::{Op, Portal, Result, Tx, audit_log, mail_links, organizations, request_logs};

#[cfg(test)]
mod tests;

/// What a person gives to start a rotation.
#[derive(Clone, Debug)]
pub struct NewRotation {
    /// For how many days both secrets work.
    pub overlap_days: String,
    /// From when on, as the word in the form: see [`RotationStart`].
    pub starts: String,
}

/// Mails a link to a new secret. The old one goes on working until the new one was shown, and then for the overlap.
/// Asked for again before the link was used, the later wish counts.
///
/// # Errors
/// [`Refusal::InvalidInput`], [`Refusal::NotFound`], [`Refusal::KeyIsRevoked`], [`Refusal::StateConflict`] for a key
/// that has no secret yet, [`Refusal::RotationUnderWay`], [`Refusal::StepUpRequired`], and those of [`Op::require`].
pub async fn rotate(op: &Op, id: KeyId, new: &NewRotation) -> Result<()> {
    let organization = op.require(Permission::CreateKeys)?;
    // Nobody is asked to confirm what cannot happen.
    let key = table::find_in(op.db().read(), organization, id).await?.ok_or(Refusal::NotFound)?;
    refuse_unless_rotatable(op, &key)?;
    let mut check = Check::default();
    let days = number(&mut check, "overlap_days", &new.overlap_days, 0, OVERLAP_DAYS_MAX).unwrap_or_default();
    let starts = RotationStart::from_word(&new.starts);
    if starts.is_none() {
        check.refuse("starts", Problem::NotAChoice);
    }
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    let person = op.require_confirmed().await?;

    let tx = op.begin().await?;
    let key = table::find_to_change(&tx, organization, id).await?.ok_or(Refusal::NotFound)?;
    refuse_unless_rotatable(op, &key)?;
    let starts = starts.unwrap_or_default();
    let mut key = key.into_active_model();
    key.rotation_asked_at = Set(Some(op.now_ms()));
    key.rotation_overlap_ms = Set(Some(days * DAY_MS));
    key.rotation_starts = Set(Some(starts.word().to_owned()));
    let key = key.update(&tx).await?;
    mail_links::cancel_for_key(&tx, id).await?;
    mail_reveal_link(&tx, op, &key, person.account, person.name, person.email).await?;
    let event = event(Action::KeyRotationStarted, &key).detail("overlap_days", days).detail("starts", starts.word());
    audit_log::record(&tx, op, event).await?;
    op.commit(tx).await
}

pub(super) fn refuse_unless_rotatable(op: &Op, key: &table::Model) -> Result<()> {
    if key.revoked_at.is_some() {
        return Err(Refusal::KeyIsRevoked.into());
    }
    if key.secret_hash.is_none() {
        return Err(Refusal::StateConflict.into());
    }
    if key.has_two_secrets(op.now_ms()) {
        return Err(Refusal::RotationUnderWay.into());
    }
    Ok(())
}

/// Makes room for a secret that is about to be shown, and says which hash has to go: in a rotation the one of the
/// rotation before, because a key has two at most; otherwise the one that was never used.
pub(super) fn make_room(
    op: &Op,
    keys: &DataKeys,
    key: table::Model,
) -> anyhow::Result<(table::ActiveModel, Vec<KeyHash>)> {
    let newest = sealed::newest(keys, &key);
    if key.rotation_asked_at.is_none() {
        return Ok((key.into_active_model(), newest.into_iter().collect()));
    }
    let replaced = sealed::previous(keys, &key);
    // A box opens where it was made for, and nowhere else.
    let moved = newest.map(|hash| sealed::seal_previous(keys, key.id, &hash)).transpose()?;
    let overlap = key.rotation_overlap_ms.unwrap_or_default();
    let retires_at = match key.rotation_starts() {
        RotationStart::Now => Some(op.now_ms() + overlap),
        RotationStart::FirstUse => None,
    };
    // A secret that was seen in public gets no more time than it had.
    let retires_at = table::earlier(retires_at, key.secret_ends_at);
    let was = key.clone();
    let mut key = key.into_active_model();
    key.previous_hash = Set(was.secret_hash);
    key.previous_sealed = Set(moved);
    key.previous_pepper_id = Set(was.pepper_id);
    key.previous_hint = Set(Some(was.hint));
    key.previous_retires_at = Set(retires_at);
    key.previous_last_used_at = Set(was.last_used_at);
    key.last_used_at = Set(None);
    key.secret_ends_at = Set(None);
    key.secret_version = Set(was.secret_version + 1);
    key.rotation_asked_at = Set(None);
    key.notified = Set(was.notified & !notices::OF_THE_OLD_SECRET);
    Ok((key, replaced.into_iter().collect()))
}

/// Ends the old secret of a rotation now. The gateway refuses it before this returns. Twice is not an error.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::KeyIsRevoked`], [`Refusal::StateConflict`] where there is no old secret, and those
/// of [`Op::require`].
pub async fn retire(op: &Op, id: KeyId) -> Result<()> {
    let organization = op.require(Permission::RevokeKeys)?;
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let key = table::find_to_change(&tx, organization, id).await?.ok_or(Refusal::NotFound)?;
    if key.revoked_at.is_some() {
        return Err(Refusal::KeyIsRevoked.into());
    }
    if key.previous_hash.is_none() {
        return Err(Refusal::StateConflict.into());
    }
    if !key.has_two_secrets(op.now_ms()) {
        return Ok(());
    }
    let mut key = key.into_active_model();
    key.previous_retires_at = Set(Some(op.now_ms()));
    let key = key.update(&tx).await?;
    let record = KeyRecord::read(&op.portal, &tx, &key, &op.person()?.organization.name, Vec::new()).await?;
    audit_log::record(&tx, op, event(Action::KeySecretRetired, &key)).await?;
    op.commit_key(tx, turn, record).await
}

/// How often the old secret was presented since there is a new one, whether it was accepted or not.
///
/// # Errors
/// [`Refusal::NotFound`] and those of [`Op::require`].
pub async fn old_secret_use(op: &Op, id: KeyId) -> Result<OldSecretUse> {
    let organization = op.require(Permission::ReadKeys)?;
    let db = op.db().read();
    let key = table::find_in(db, organization, id).await?.ok_or(Refusal::NotFound)?;
    let Some(since) = key.revealed_at.filter(|_| key.previous_hash.is_some()) else {
        return Ok(OldSecretUse::default());
    };
    use request_logs::table::{COLUMN, Column, Entity};
    let in_use = |since: Millis| {
        Entity::find()
            .select_only()
            .column_as(Column::Id.count(), "calls")
            .column_as(Column::At.max(), "last_at")
            // The organization first: there the table has an index.
            .filter(COLUMN.organization_id.eq(organization.uuid()))
            .filter(COLUMN.key_id.eq(id.uuid()))
            .filter(COLUMN.at.gte(since))
            // Rows from before versions were written down have none; then every key had its first secret.
            .filter(COLUMN.secret_version.is_null().or(COLUMN.secret_version.lt(key.secret_version)))
            .into_tuple::<(i64, Option<i64>)>()
            .one(db)
    };
    let (total, last_at) = in_use(since).await?.unwrap_or_default();
    let (day, _) = in_use(Ord::max(since, op.now_ms() - DAY_MS)).await?.unwrap_or_default();
    Ok(OldSecretUse { day, total, last_at })
}

/// Starts the overlap of a rotation that waits for the first use of the new secret, and says whether it did.
pub(crate) async fn begin_overlap(tx: &Tx, key: Uuid, version: u32, first_use: Millis) -> Result<bool> {
    let end = Expr::col(table::Column::RotationOverlapMs).add(first_use);
    let begun = table::Entity::update_many()
        .col_expr(table::Column::PreviousRetiresAt, end)
        .filter(table::COLUMN.id.eq(key))
        .filter(table::COLUMN.secret_version.eq(i64::from(version)))
        .filter(table::COLUMN.previous_hash.is_not_null())
        .filter(table::COLUMN.previous_retires_at.is_null())
        .filter(table::COLUMN.rotation_overlap_ms.is_not_null())
        .exec(tx)
        .await?;
    Ok(begun.rows_affected > 0)
}

/// Commits, and tells the gateway of keys whose overlap began; also if nobody waits for the answer any more.
pub(crate) async fn commit_overlaps(
    portal: &Portal,
    tx: Tx,
    turn: tokio::sync::OwnedMutexGuard<()>,
    begun: &[KeyId],
) -> Result<()> {
    let mut records = Vec::new();
    for id in begun {
        let Some(key) = table::Entity::find_by_id(id.uuid()).one(&tx).await? else { continue };
        let owner = organizations::table::Entity::find_by_id(key.organization_id).one(&tx).await?;
        let name = owner.map(|owner| owner.name).unwrap_or_default();
        records.extend(KeyRecord::read(portal, &tx, &key, &name, Vec::new()).await?);
    }
    let portal = portal.clone();
    let told = tokio::spawn(async move {
        changes::record(&tx, records.iter().map(|record| Subject::Key(record.caller.key))).await?;
        tx.commit().await?;
        for record in records {
            portal.keys_watcher().changed(record);
        }
        drop(turn);
        Ok(())
    });
    told.await.map_err(anyhow::Error::from)?
}
