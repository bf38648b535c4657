//! Imports: keys of another system go on working, without anybody having to know their texts.
//!
//! - What comes in is the SHA-256 of each text. Stored is its keyed hash, sealed like any other: of the SHA-256 nothing
//!   stays.
//! - All rows or none. Each bad line is named.
//! - When an imported key is first used, its text is there for a moment. From then on it is known by the keyed hash of
//!   its text, like a key of ours: [`rekey`]. The same brings keys over that were hashed under an older pepper.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use contract::audit_log::Action;
use contract::fields::{Check, Problem};
use contract::imports::{
    Alphabet, Import, ImportProgress, LENGTH, OldFormat, PREFIX_MAX, RANDOM_MIN, TypedImport, WAITING_MAX, WaitingKey,
};
use contract::keys::hash::KeyHash;
use contract::keys::terms::number;
use contract::{Environment, ImportId, KeyId, OrganizationId, Refusal, Role, StaffPermission};
use sea_orm::prelude::Uuid;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Set, TryIntoModel as _,
};

use crate::audit_log::{self, Event};
use crate::changes::{self, Subject};
use crate::error::is_conflict;
use crate::keys::table::{BY_SHA256, COLUMN, Column, Entity, Model};
use crate::keys::{KeyRecord, sealed};
use crate::organizations::members;
use crate::{Actor, Db, Op, Result, Tx, accounts, keys, organizations, tokens};

mod rows;
pub(crate) mod table;
#[cfg(test)]
mod tests;

use rows::{Owner, Row};

/// Keys of one INSERT: some 40 columns each, and SQLite takes 32,766 parameters.
const CHUNK: usize = 400;

/// Only staff who manage keys, and the program itself, import them.
fn require_manager(op: &Op) -> Result<()> {
    if op.actor != Actor::System {
        op.require_staff(StaffPermission::ManageKeys)?;
    }
    Ok(())
}

/// Takes keys over. The gateway knows them before this returns.
///
/// # Errors
/// [`Refusal::InvalidInput`], which names each bad line, and with which nothing is stored; [`Refusal::StateConflict`] if
/// somebody else imports the same keys at this moment; those of [`Op::require_staff`] and [`Op::require_recent`].
pub async fn create(op: &Op, new: &TypedImport) -> Result<Import> {
    require_manager(op)?;
    let mut check = Check::default();
    let format = format(&mut check, op, new);
    let rows = rows::read(&mut check, &new.rows, op.now_ms());
    let organizations = owners(op, &mut check, &rows).await?;
    refuse_known(op, &mut check, &rows).await?;
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    let format = format.ok_or(Refusal::NotFound)?;
    if op.actor != Actor::System {
        op.require_recent().await?;
    }

    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let id = op.new_uuid();
    let import = table::ActiveModel {
        id: Set(id),
        created_by: Set(op.signed_in().ok().map(|person| person.account.uuid())),
        created_at: Set(op.now_ms()),
        prefix: Set(format.prefix.clone()),
        length_min: Set(format.length_min.into()),
        length_max: Set(format.length_max.into()),
        alphabet: Set(format.alphabet.word().to_owned()),
    };
    let import = import.insert(&tx).await?;
    let records = match insert(op, &tx, &import, &rows, &organizations).await {
        Err(Failure::Known) => return Err(Refusal::StateConflict.into()),
        Err(Failure::Other(error)) => return Err(error),
        Ok(records) => records,
    };
    let mut by_organization: BTreeMap<OrganizationId, u64> = BTreeMap::new();
    for record in &records {
        *by_organization.entry(record.caller.organization).or_default() += 1;
    }
    for (organization, keys) in by_organization {
        let event = Event::new(Action::KeysImported).organization(organization).object(import.import());
        audit_log::record(&tx, op, event.detail("keys", keys)).await?;
    }
    let shown = Import {
        id: import.import(),
        created_at: import.created_at,
        format,
        keys: records.len() as u64,
        rekeyed: 0,
        revoked: 0,
    };
    let op = op.clone();
    // Also if nobody waits for the answer any more.
    let told = tokio::spawn(async move {
        changes::record(&tx, records.iter().map(|record| Subject::Key(record.caller.key))).await?;
        op.commit(tx).await?;
        let watcher = op.portal.keys_watcher();
        for record in records {
            watcher.changed(record);
        }
        watcher.old_formats(old_formats(op.db()).await?);
        drop(turn);
        Ok::<_, crate::Error>(())
    });
    told.await.map_err(anyhow::Error::from)??;
    Ok(shown)
}

fn format(check: &mut Check, op: &Op, new: &TypedImport) -> Option<OldFormat> {
    let before = check.count();
    let prefix = new.prefix.trim().to_owned();
    if prefix.len() > PREFIX_MAX {
        check.refuse("prefix", Problem::TooLong { max: PREFIX_MAX as u32 });
    } else if !prefix.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',') {
        check.refuse("prefix", Problem::Invisible);
    }
    // A text that begins so is looked at as a key of ours.
    let ours = Environment::ALL.map(|one| format!("{}_{}_", op.portal.settings().key_prefix, one.word()));
    if ours.iter().any(|ours| prefix.starts_with(ours.as_str())) {
        check.refuse("prefix", Problem::Taken);
    }
    let shortest = Ord::max(LENGTH.0, i64::try_from(prefix.len() + RANDOM_MIN).unwrap_or(LENGTH.0));
    let length_min = number(check, "length_min", &new.length_min, shortest, LENGTH.1).unwrap_or(shortest);
    let length_max = number(check, "length_max", &new.length_max, length_min, LENGTH.1).unwrap_or(length_min);
    let alphabet = Alphabet::from_word(&new.alphabet);
    if alphabet.is_none() {
        check.refuse("alphabet", Problem::NotAChoice);
    }
    let (length_min, length_max) = (u32::try_from(length_min).ok()?, u32::try_from(length_max).ok()?);
    (check.count() == before).then_some(OldFormat { prefix, length_min, length_max, alphabet: alphabet? })
}

/// The organization of each owner, with its name.
async fn owners(op: &Op, check: &mut Check, rows: &[Row]) -> Result<HashMap<Owner, organizations::table::Model>> {
    let db = op.db().read();
    let mut known: HashMap<Owner, Option<organizations::table::Model>> = HashMap::new();
    for row in rows {
        if !known.contains_key(&row.owner) {
            let id = match &row.owner {
                Owner::Organization(id) => Some(id.uuid()),
                Owner::Person(email) => owned_by(db, email).await?,
            };
            let organization = match id {
                Some(id) => organizations::table::Entity::find_by_id(id).one(db).await?,
                None => None,
            };
            known.insert(row.owner.clone(), organization);
        }
        if known.get(&row.owner).is_none_or(Option::is_none) && rows::goes_on(check) {
            check.refuse(&rows::place(row.line, "organization"), Problem::NoSuchOrganization);
        }
    }
    Ok(known.into_iter().filter_map(|(owner, organization)| Some((owner, organization?))).collect())
}

/// The one organization that a person owns; none if there are several.
async fn owned_by<C: ConnectionTrait>(db: &C, email: &str) -> Result<Option<Uuid>> {
    let Some(account) = accounts::table::by_email(db, email).await? else { return Ok(None) };
    let owned = members::Entity::find()
        .filter(members::COLUMN.account_id.eq(account.id))
        .filter(members::COLUMN.role.eq(Role::Owner.word()))
        .all(db)
        .await?;
    Ok(match owned.as_slice() {
        [one] => Some(one.organization_id),
        _ => None,
    })
}

/// Names the rows whose keys were imported before, whether they were used since or not.
async fn refuse_known(op: &Op, check: &mut Check, rows: &[Row]) -> Result<()> {
    for some in rows.chunks(CHUNK) {
        let mut lines: HashMap<String, u64> = HashMap::new();
        for row in some {
            lines.extend(op.portal.hasher().imported_under(row.sha256).map(|hash| (mark(&hash), row.line)));
        }
        let known: Vec<String> = Entity::find()
            .select_only()
            .column(Column::FormToken)
            .filter(COLUMN.form_token.is_in(lines.keys().map(String::as_str)))
            .into_tuple()
            .all(op.db().read())
            .await?;
        let mut known: Vec<u64> = known.iter().filter_map(|mark| lines.get(mark).copied()).collect();
        known.sort_unstable();
        for line in known {
            if rows::goes_on(check) {
                check.refuse(&rows::place(line, "sha256"), Problem::KnownKey);
            }
        }
    }
    Ok(())
}

/// By what an imported key is known again for ever, so that it is not imported twice: its other hashes go with its first
/// use.
fn mark(hash: &KeyHash) -> String {
    format!("import:{}", tokens::hex(&sealed::index(hash)))
}

enum Failure {
    Known,
    Other(crate::Error),
}

impl<E: Into<crate::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

async fn insert(
    op: &Op,
    tx: &Tx,
    import: &table::Model,
    rows: &[Row],
    organizations: &HashMap<Owner, organizations::table::Model>,
) -> std::result::Result<Vec<KeyRecord>, Failure> {
    let hasher = op.portal.hasher();
    let pepper = format!("{}{BY_SHA256}", hasher.id());
    let hint = import.format().hint();
    let mut data_keys = HashMap::new();
    let mut records = Vec::with_capacity(rows.len());
    for some in rows.chunks(CHUNK) {
        let mut stored = Vec::with_capacity(some.len());
        for row in some {
            let Some(organization) = organizations.get(&row.owner) else { continue };
            let owner = OrganizationId::new(organization.id);
            let vault = match data_keys.entry(owner) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(free) => free.insert(op.portal.vault().open_to_seal(tx, op.now_ms(), owner).await?),
            };
            let hash = hasher.imported(&row.sha256);
            let mut key = keys::row(op, owner, None, &row.label, row.environment, mark(&hash));
            let id = key.id.clone().take().unwrap_or_default();
            key.hint = Set(hint.clone());
            key.secret_hash = Set(Some(sealed::index(&hash)));
            key.sealed = Set(Some(sealed::seal(vault, id, &hash)?));
            key.pepper_id = Set(Some(pepper.clone()));
            key.import_id = Set(Some(import.id));
            key.expires_at = Set(row.expires_at);
            key.notified = Set(keys::told_of_the_end(row.expires_at, op.now_ms()));
            let model: Model = key.clone().try_into_model()?;
            records.extend(KeyRecord::of(vault, &model, &organization.name, Vec::new()));
            stored.push(key);
        }
        match Entity::insert_many(stored).exec_without_returning(tx).await {
            Ok(_) => {}
            Err(error) if is_conflict(&error) => return Err(Failure::Known),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(records)
}

/// What imported keys look like, each form once.
///
/// # Errors
/// Only when the database fails.
pub async fn old_formats(db: &Db) -> Result<Vec<OldFormat>> {
    let mut formats: Vec<OldFormat> = Vec::new();
    for import in table::Entity::find().order_by_asc(table::COLUMN.id).all(db.read()).await? {
        let format = import.format();
        if !formats.contains(&format) {
            formats.push(format);
        }
    }
    Ok(formats)
}

/// Every import, the newest first.
///
/// # Errors
/// Those of [`Op::require_staff`].
pub async fn list(op: &Op) -> Result<Vec<Import>> {
    require_reader(op)?;
    let imports = table::Entity::find().order_by_desc(table::COLUMN.id).all(op.db().read()).await?;
    let mut all = Vec::new();
    for import in imports {
        all.push(counted(op.db(), &import).await?);
    }
    Ok(all)
}

fn require_reader(op: &Op) -> Result<()> {
    if op.actor != Actor::System {
        op.require_staff(StaffPermission::ReadKeys)?;
    }
    Ok(())
}

async fn counted(db: &Db, import: &table::Model) -> Result<Import> {
    let counts: Option<(i64, i64, i64)> = Entity::find()
        .select_only()
        .column_as(Column::Id.count(), "keys")
        .column_as(Column::RekeyedAt.count(), "rekeyed")
        .column_as(Column::RevokedAt.count(), "revoked")
        .filter(COLUMN.import_id.eq(import.id))
        .into_tuple()
        .one(db.read())
        .await?;
    let (keys, rekeyed, revoked) = counts.unwrap_or_default();
    let number = |count: i64| u64::try_from(count).unwrap_or_default();
    Ok(Import {
        id: import.import(),
        created_at: import.created_at,
        format: import.format(),
        keys: number(keys),
        rekeyed: number(rekeyed),
        revoked: number(revoked),
    })
}

/// How far an import is: what was used since, and which keys nobody used yet.
///
/// # Errors
/// [`Refusal::NotFound`], and those of [`Op::require_staff`].
pub async fn see(op: &Op, id: ImportId) -> Result<ImportProgress> {
    require_reader(op)?;
    let db = op.db().read();
    let import = table::Entity::find_by_id(id.uuid()).one(db).await?.ok_or(Refusal::NotFound)?;
    let waiting = Entity::find()
        .filter(COLUMN.import_id.eq(import.id))
        .filter(COLUMN.rekeyed_at.is_null())
        .filter(COLUMN.revoked_at.is_null())
        .order_by_asc(COLUMN.organization_id)
        .order_by_asc(COLUMN.label)
        .limit(WAITING_MAX as u64)
        .all(db)
        .await?;
    let names: HashMap<Uuid, String> = organizations::table::Entity::find()
        .filter(organizations::table::COLUMN.id.is_in(waiting.iter().map(|key| key.organization_id)))
        .all(db)
        .await?
        .into_iter()
        .map(|organization| (organization.id, organization.name))
        .collect();
    let waiting = waiting
        .into_iter()
        .map(|key| WaitingKey {
            key: key.key(),
            environment: key.environment(),
            organization: names.get(&key.organization_id).cloned().unwrap_or_default(),
            label: key.label,
        })
        .collect();
    Ok(ImportProgress { import: counted(op.db(), &import).await?, waiting })
}

/// A key that was presented, and is known by another hash than it would have today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Outdated {
    /// The key.
    pub key: KeyId,
    /// By what it is known.
    pub known: KeyHash,
    /// By what it would be known today.
    pub newest: KeyHash,
}

/// Lets a key be known by the hash that it would have today, and tells the gateway. Says whether it was: a second time
/// changes nothing. For the program itself.
///
/// # Errors
/// [`Refusal::NotAllowed`] for anyone else.
pub async fn rekey(op: &Op, outdated: Outdated) -> Result<bool> {
    if op.actor != Actor::System {
        return Err(Refusal::NotAllowed.into());
    }
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let key = Entity::find_by_id(outdated.key.uuid()).lock_exclusive().one(&tx).await?;
    let Some(key) = key.filter(|key| key.revoked_at.is_none()) else { return Ok(false) };
    let owner = OrganizationId::new(key.organization_id);
    let vault = op.portal.vault().open_to_seal(&tx, op.now_ms(), owner).await?;
    let id = key.id;
    let (newest, previous) = (sealed::newest(&vault, &key), sealed::previous(&vault, &key));
    let first_use = (key.import_id.is_some() && key.rekeyed_at.is_none()).then(|| op.now_ms());
    let rekeyed_at = first_use.or(key.rekeyed_at);
    let mut key = key.into_active_model();
    if newest == Some(outdated.known) {
        key.secret_hash = Set(Some(sealed::index(&outdated.newest)));
        key.sealed = Set(Some(sealed::seal(&vault, id, &outdated.newest)?));
        key.pepper_id = Set(Some(op.portal.hasher().id()));
    } else if previous == Some(outdated.known) {
        key.previous_hash = Set(Some(sealed::index(&outdated.newest)));
        key.previous_sealed = Set(Some(sealed::seal_previous(&vault, id, &outdated.newest)?));
        key.previous_pepper_id = Set(Some(op.portal.hasher().id()));
    } else {
        return Ok(false);
    }
    key.rekeyed_at = Set(rekeyed_at);
    let key = key.update(&tx).await?;
    let organization = organizations::table::Entity::find_by_id(key.organization_id).one(&tx).await?;
    let name = organization.map(|organization| organization.name).unwrap_or_default();
    let record = KeyRecord::of(&vault, &key, &name, vec![outdated.known]);
    op.commit_key(tx, turn, record).await?;
    Ok(true)
}
