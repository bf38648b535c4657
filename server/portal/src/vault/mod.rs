//! The vault: what is stored sealed, and under which keys.
//!
//! - What is sealed lies in a box that opens at its place only: table, column, row and organization go into its tag.
//! - Each organization has a data key of its own. Without it nothing that the organization left behind can be read,
//!   also in a copy of the database; it goes with the organization's row.
//! - Data keys are wrapped under a key that the database does not hold, the key-encryption key (KEK). Each says by an id
//!   which one that is, so nothing is ever tried. Several may be known at once: the newest wraps, the others only
//!   unwrap, until [`rewrap`] has brought everything over.
//! - No data key is kept in memory: it is read with the rows that need it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use contract::{Millis, OrganizationId};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Set,
};
use secrecy::zeroize::Zeroizing;
use sha2::Sha256;
use uuid::Uuid;

use crate::{Db, Portal, Result, Tx, tokens};

mod sealing;
pub(crate) mod table;
#[cfg(test)]
mod tests;

pub(crate) use sealing::Place;

use sealing::Sealer;

/// Data keys that are wrapped anew in one transaction: enough to be quick, few enough to hold nobody up.
const BATCH: u64 = 100;

/// A key-encryption key.
struct Kek {
    id: String,
    sealer: Sealer,
}

impl Kek {
    fn new(key: &[u8; 32]) -> Self {
        Self { id: kek_id(key), sealer: Sealer::new(key) }
    }
}

/// What a key-encryption key is called where it is not shown: 16 hexadecimal digits that tell nothing else about it.
#[must_use]
pub fn kek_id(key: &[u8; 32]) -> String {
    // RFC 2104 §2 fills a short key with zeros up to the block size.
    let mut block = Zeroizing::new([0; 64]);
    block[..key.len()].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&(*block).into());
    mac.update(b"countersign: id of a key-encryption key");
    tokens::hex(&mac.finalize().into_bytes()[..8])
}

/// The key-encryption keys that are known. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    newest: Arc<Kek>,
    older: Arc<[Kek]>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("newest", &self.newest.id).finish_non_exhaustive()
    }
}

impl Vault {
    /// The newest wraps; the older ones only unwrap.
    #[must_use]
    pub fn new(newest: &[u8; 32], older: &[[u8; 32]]) -> Self {
        Self { newest: Arc::new(Kek::new(newest)), older: older.iter().map(Kek::new).collect() }
    }

    fn kek(&self, id: &str) -> Option<&Kek> {
        std::iter::once(&*self.newest).chain(self.older.iter()).find(|kek| kek.id == id)
    }

    /// What an organization sealed can be opened with this; nothing can if it has no data key, or one that cannot be used.
    pub(crate) async fn open<C: ConnectionTrait>(&self, db: &C, organization: OrganizationId) -> Result<DataKeys> {
        let organization = organization.uuid();
        let rows = of_organization(db, organization).await?;
        Ok(self.unwrap_all(organization, &rows).unwrap_or_else(|error| {
            tracing::error!(
                organization = %OrganizationId::new(organization),
                "The data key of an organization cannot be used, so its keys are refused: {error:#}"
            );
            DataKeys { organization, keys: Vec::new() }
        }))
    }

    /// The same, and something can be sealed: the first time makes a data key.
    pub(crate) async fn open_to_seal(&self, tx: &Tx, now: Millis, organization: OrganizationId) -> Result<DataKeys> {
        let organization = organization.uuid();
        let mut rows = of_organization(tx, organization).await?;
        if rows.is_empty() {
            let key = Zeroizing::new(tokens::random_bytes::<32>()?);
            let row = table::ActiveModel {
                organization_id: Set(organization),
                version: Set(1),
                wrapped: Set(wrap(&self.newest, organization, 1, &key[..])?),
                kek_id: Set(self.newest.id.clone()),
                created_at: Set(now),
            };
            // Whoever else makes one at this moment was first, or waits for us.
            let columns = [table::Column::OrganizationId, table::Column::Version];
            let once = OnConflict::columns(columns).do_nothing().to_owned();
            table::Entity::insert(row).on_conflict(once).exec_without_returning(tx).await?;
            rows = of_organization(tx, organization).await?;
        }
        Ok(self.unwrap_all(organization, &rows)?)
    }

    /// The data keys of every organization, for the start.
    pub(crate) async fn open_all(&self, db: &Db) -> Result<BTreeMap<Uuid, DataKeys>> {
        let mut by_organization: BTreeMap<Uuid, Vec<table::Model>> = BTreeMap::new();
        let rows = table::Entity::find().order_by_asc(table::COLUMN.version).all(db.read()).await?;
        for row in rows {
            by_organization.entry(row.organization_id).or_default().push(row);
        }
        let mut all = BTreeMap::new();
        for (organization, rows) in by_organization {
            match self.unwrap_all(organization, &rows) {
                Ok(keys) => {
                    all.insert(organization, keys);
                }
                // One that is damaged must not keep the others from starting.
                Err(error) => tracing::error!(
                    organization = %OrganizationId::new(organization),
                    "The data key of an organization cannot be used, so its keys are refused: {error:#}"
                ),
            }
        }
        Ok(all)
    }

    fn unwrap_all(&self, organization: Uuid, rows: &[table::Model]) -> anyhow::Result<DataKeys> {
        let unwrap = |row: &table::Model| {
            let key = self.unwrap(row)?;
            Ok((u32::try_from(row.version).context("the version of a data key")?, Sealer::new(&key)))
        };
        Ok(DataKeys { organization, keys: rows.iter().map(unwrap).collect::<anyhow::Result<_>>()? })
    }

    fn unwrap(&self, row: &table::Model) -> anyhow::Result<Zeroizing<[u8; 32]>> {
        let kek = self.kek(&row.kek_id).ok_or_else(|| missing(&row.kek_id))?;
        let clear = kek.sealer.open(place(row.organization_id), row.organization_id, &row.wrapped)?;
        let mut key = Zeroizing::new([0; 32]);
        let clear = clear.get(..32).filter(|_| clear.len() == 32).context("a data key has 32 bytes")?;
        key.copy_from_slice(clear);
        Ok(key)
    }
}

fn missing(id: &str) -> anyhow::Error {
    anyhow!(
        "the key-encryption key {id} is not known, and data is sealed under it; add it to `security.kek`, after the newest"
    )
}

async fn of_organization<C: ConnectionTrait>(db: &C, organization: Uuid) -> Result<Vec<table::Model>> {
    let rows = table::Entity::find().filter(table::COLUMN.organization_id.eq(organization));
    Ok(rows.order_by_asc(table::COLUMN.version).all(db).await?)
}

/// Where a wrapped data key lies: the row is the organization's.
fn place(organization: Uuid) -> Place {
    Place { table: "data_keys", column: "wrapped", row: organization }
}

fn wrap(kek: &Kek, organization: Uuid, version: u32, key: &[u8]) -> anyhow::Result<Vec<u8>> {
    kek.sealer.seal(place(organization), organization, version, key)
}

/// The data keys of one organization: the newest seals, all open.
pub(crate) struct DataKeys {
    organization: Uuid,
    /// By version, the newest last.
    keys: Vec<(u32, Sealer)>,
}

impl fmt::Debug for DataKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKeys")
    }
}

impl DataKeys {
    pub(crate) fn seal(&self, place: Place, clear: &[u8]) -> anyhow::Result<Vec<u8>> {
        let (version, sealer) = self.keys.last().context("the organization has no data key")?;
        sealer.seal(place, self.organization, *version, clear)
    }

    pub(crate) fn open(&self, place: Place, sealed: &[u8]) -> anyhow::Result<Zeroizing<Vec<u8>>> {
        let version = sealing::version_of(sealed)?;
        let sealer = self.keys.iter().find(|(known, _)| *known == version).map(|(_, sealer)| sealer);
        let sealer = sealer.with_context(|| {
            format!("the data key of organization {} is gone", OrganizationId::new(self.organization))
        })?;
        sealer.open(place, self.organization, sealed)
    }
}

/// How many data keys each key-encryption key wraps, and whether it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KekUse {
    /// What the key-encryption key is called.
    pub id: String,
    /// How many data keys are wrapped under it.
    pub data_keys: u64,
}

/// Under which key-encryption keys data keys are wrapped.
///
/// # Errors
/// Only when the database fails.
pub async fn in_use(db: &Db) -> Result<Vec<KekUse>> {
    let ids: Vec<String> = table::Entity::find()
        .select_only()
        .column(table::Column::KekId)
        .distinct()
        .order_by_asc(table::COLUMN.kek_id)
        .into_tuple()
        .all(db.read())
        .await?;
    let mut used = Vec::new();
    for id in ids {
        let rows = table::Entity::find().filter(table::COLUMN.kek_id.eq(id.as_str()));
        used.push(KekUse { data_keys: rows.count(db.read()).await?, id });
    }
    Ok(used)
}

/// Refuses to start where data is sealed under a key-encryption key that is not known.
///
/// # Errors
/// One that names its id; or the database fails.
pub async fn check(db: &Db, vault: &Vault) -> anyhow::Result<()> {
    match in_use(db).await?.into_iter().find(|used| vault.kek(&used.id).is_none()) {
        Some(unknown) => Err(missing(&unknown.id)),
        None => Ok(()),
    }
}

/// Wraps every data key under the newest key-encryption key. What was done stays done, however it ends; doing it again
/// changes nothing. Says how many were wrapped anew.
///
/// # Errors
/// When a data key cannot be unwrapped, or the database fails.
pub async fn rewrap(portal: &Portal) -> Result<u64> {
    let vault = portal.vault();
    let mut rewrapped = 0;
    loop {
        let tx = portal.db().begin().await?;
        let stale = table::Entity::find().filter(table::COLUMN.kek_id.ne(vault.newest.id.as_str()));
        let rows = stale.order_by_asc(table::COLUMN.organization_id).limit(BATCH).lock_exclusive().all(&tx).await?;
        if rows.is_empty() {
            return Ok(rewrapped);
        }
        for row in rows {
            let key = vault.unwrap(&row)?;
            let version = u32::try_from(row.version).context("the version of a data key")?;
            let wrapped = wrap(&vault.newest, row.organization_id, version, &key[..])?;
            let changed = table::Entity::update_many()
                .col_expr(table::Column::Wrapped, sea_orm::sea_query::Expr::value(wrapped))
                .col_expr(table::Column::KekId, sea_orm::sea_query::Expr::value(vault.newest.id.clone()))
                .filter(table::Column::OrganizationId.eq(row.organization_id))
                .filter(table::Column::Version.eq(row.version))
                .exec(&tx)
                .await?;
            rewrapped += changed.rows_affected;
        }
        tx.commit().await?;
    }
}
