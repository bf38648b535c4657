//! What is stored of a secret: half of its keyed hash to find it by, and the whole of it in a box.
//!
//! - The half alone opens nothing. The whole is what the gateway compares, and stands in the clear in memory only.
//! - A box opens in the row and column it was made for. One whose hash does not begin with the half beside it is refused:
//!   it was put there from an older state of the row.
//! - The secret itself is sealed too while every open API allows that it is shown again, and never otherwise.

use anyhow::{Context as _, ensure};
use contract::keys::hash::KeyHash;
use contract::{Millis, OrganizationId};
use sea_orm::prelude::{Expr, Uuid};
use sea_orm::sea_query::ExprTrait as _;
use sea_orm::{
    ActiveModelTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Set,
};

use super::table::{self, COLUMN, Model};
use crate::vault::{DataKeys, Place};
use crate::{Portal, Result, Tx, apis};

#[cfg(test)]
mod tests;

/// Half of a hash of 32 bytes: 128 bits, so that two secrets never meet in the index.
const INDEX: usize = 16;

/// Rows that are sealed in one transaction.
const BATCH: u64 = 200;

const NEWEST: &str = "sealed";
const PREVIOUS: &str = "previous_sealed";
const KEPT: &str = "kept_secret";

fn place(column: &'static str, key: Uuid) -> Place {
    Place { table: "keys", column, row: key }
}

/// By what a secret is found.
pub(crate) fn index(hash: &KeyHash) -> Vec<u8> {
    hash.0[..INDEX].to_vec()
}

/// The hash of the newest secret, for its row.
pub(crate) fn seal(keys: &DataKeys, key: Uuid, hash: &KeyHash) -> anyhow::Result<Vec<u8>> {
    keys.seal(place(NEWEST, key), &hash.0)
}

/// The same for the secret before it.
pub(crate) fn seal_previous(keys: &DataKeys, key: Uuid, hash: &KeyHash) -> anyhow::Result<Vec<u8>> {
    keys.seal(place(PREVIOUS, key), &hash.0)
}

/// The hash of the newest secret; none before there is one, and none where its box does not open: the gateway refuses
/// that secret as unknown, and the key can still be revoked or given another.
pub(crate) fn newest(keys: &DataKeys, key: &Model) -> Option<KeyHash> {
    readable(key, open(keys, key, NEWEST, key.secret_hash.as_deref(), key.sealed.as_deref()))
}

/// The hash of the secret before it, likewise.
pub(crate) fn previous(keys: &DataKeys, key: &Model) -> Option<KeyHash> {
    readable(key, open(keys, key, PREVIOUS, key.previous_hash.as_deref(), key.previous_sealed.as_deref()))
}

fn readable(key: &Model, opened: anyhow::Result<Option<KeyHash>>) -> Option<KeyHash> {
    opened.unwrap_or_else(|error| {
        tracing::error!(key = %key.key(), "A secret cannot be read and is refused: {error:#}");
        None
    })
}

fn open(
    keys: &DataKeys,
    key: &Model,
    column: &'static str,
    index: Option<&[u8]>,
    sealed: Option<&[u8]>,
) -> anyhow::Result<Option<KeyHash>> {
    let Some(index) = index else { return Ok(None) };
    let sealed = sealed.with_context(|| format!("{} has no box in {column}", key.key()))?;
    let clear = keys.open(place(column, key.id), sealed)?;
    let hash: [u8; 32] = clear.as_slice().try_into().context("a box that holds no hash")?;
    ensure!(hash[..INDEX] == *index, "the box in {column} of {} belongs to another secret", key.key());
    Ok(Some(KeyHash(hash)))
}

/// Puts the newest secret itself into its box.
pub(super) fn keep(keys: &DataKeys, key: Uuid, secret: &str) -> anyhow::Result<Vec<u8>> {
    keys.seal(place(KEPT, key), secret.as_bytes())
}

/// The newest secret, if it was kept.
pub(super) fn kept(keys: &DataKeys, key: &Model) -> anyhow::Result<Option<String>> {
    let Some(sealed) = key.kept_secret.as_deref() else { return Ok(None) };
    let clear = keys.open(place(KEPT, key.id), sealed)?;
    Ok(Some(std::str::from_utf8(&clear).context("a kept secret that is no text")?.to_owned()))
}

/// Whether secrets are kept: only while every open API allows that, because a key may call all of them.
pub(crate) async fn may_keep<C: ConnectionTrait>(db: &C) -> Result<bool> {
    allowed(db, apis::table::Entity::find()).await
}

/// The same for whoever is about to keep one: an API that stops allowing it waits, and erases this one too.
pub(super) async fn may_keep_now(tx: &Tx) -> Result<bool> {
    allowed(tx, apis::table::Entity::find().lock_shared()).await
}

async fn allowed<C: ConnectionTrait>(db: &C, apis: sea_orm::Select<apis::table::Entity>) -> Result<bool> {
    let open: Vec<i64> = apis
        .filter(apis::table::COLUMN.closed_at.is_null())
        .select_only()
        .column(apis::table::Column::Recoverable)
        .into_tuple()
        .all(db)
        .await?;
    Ok(!open.is_empty() && open.iter().all(|recoverable| *recoverable != 0))
}

/// Erases the secrets that were kept, once they may not be any more. For whoever changes an API, in the same
/// transaction.
pub(crate) async fn forget_unless_allowed(tx: &Tx) -> Result<()> {
    if !may_keep(tx).await? {
        table::Entity::update_many()
            .col_expr(table::Column::KeptSecret, Expr::value(Option::<Vec<u8>>::None))
            .filter(COLUMN.kept_secret.is_not_null())
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// Seals what an earlier version stored whole. What was done stays done, however it ends; doing it again changes
/// nothing. Must be done before the gateway asks for keys. Says how many keys were sealed.
///
/// # Errors
/// Only when the database fails.
pub async fn seal_all(portal: &Portal, now: Millis) -> Result<u64> {
    // There was one pepper then: the first.
    let pepper = portal.hasher().ids().pop();
    let (mut sealed, mut last) = (0, Uuid::nil());
    loop {
        let _turn = portal.change_key().await;
        let tx = portal.db().begin().await?;
        let whole = COLUMN.secret_hash.is_not_null().and(COLUMN.sealed.is_null());
        let whole_before = COLUMN.previous_hash.is_not_null().and(COLUMN.previous_sealed.is_null());
        let rows = table::Entity::find()
            .filter(whole.or(whole_before))
            .filter(COLUMN.id.gt(last))
            .order_by_asc(COLUMN.id)
            .limit(BATCH)
            .lock_exclusive()
            .all(&tx)
            .await?;
        let Some(end) = rows.last() else { return Ok(sealed) };
        last = end.id;
        for row in rows {
            let keys = portal.vault().open_to_seal(&tx, now, OrganizationId::new(row.organization_id)).await?;
            let whole = |stored: &Option<Vec<u8>>| stored.as_deref()?.try_into().ok().map(KeyHash);
            let (newest, previous) = (whole(&row.secret_hash), whole(&row.previous_hash));
            let id = row.id;
            let mut key = row.into_active_model();
            if let Some(hash) = newest {
                key.secret_hash = Set(Some(index(&hash)));
                key.sealed = Set(Some(seal(&keys, id, &hash)?));
                key.pepper_id = Set(pepper.clone());
            }
            if let Some(hash) = previous {
                key.previous_hash = Set(Some(index(&hash)));
                key.previous_sealed = Set(Some(seal_previous(&keys, id, &hash)?));
                key.previous_pepper_id = Set(pepper.clone());
            }
            if newest.is_some() || previous.is_some() {
                key.update(&tx).await?;
                sealed += 1;
            }
        }
        tx.commit().await?;
    }
}
