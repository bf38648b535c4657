//! Request logs: store what the gateway recorded, and show it to those whose it is.
//!
//! - Rows and usage are written in one transaction: the sum of usage is the number of rows, always.
//! - Storing a row twice stores it once.
//! - A row older than [`crate::privacy::retention::REQUEST_LOGS_LIFE`], or than its API keeps rows, is not shown, whether or
//!   not it was erased yet.

use std::collections::{HashMap, HashSet};

use chrono::TimeDelta;
use contract::audit_log::Action;
use contract::request_logs::{Choices, Condition, Filter, RequestRow};
use contract::{KeyId, Millis, OrganizationId, Page, Permission, RequestId};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, Condition as Where, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Select,
};

use crate::audit_log::{self, Event};
use crate::privacy::retention;
use crate::{Db, Op, Portal, Result, Scope, Tx, apis, keys, organizations, usage};

pub(crate) mod table;
#[cfg(test)]
mod tests;

/// Rows of one page.
const PAGE: u64 = 50;

/// Rows that a live viewer who was away is sent: more than a screen, little enough to send at once.
const REPLAY: u64 = 200;

/// How much later than its arrival a row may be stored.
const OVERLAP_MS: Millis = 60_000;

/// Keys and organizations to choose from: more than a list can be read through.
const CHOICES: u64 = 200;

/// Rows of one INSERT: 22 columns each, and SQLite takes 32,766 parameters.
const CHUNK: usize = 500;

/// Stores a batch with its usage.
///
/// # Errors
/// Only when the database fails; nothing of the batch is stored then.
pub async fn store(db: &Db, rows: &[RequestRow]) -> Result<()> {
    let tx = db.begin().await?;
    insert(&tx, rows).await?;
    tx.commit().await?;
    Ok(())
}

/// The same, and the gateway is told of keys that began to use a new secret with these rows: from that moment the time
/// of the old one runs.
///
/// # Errors
/// Only when the database fails; nothing of the batch is stored then.
pub async fn store_and_tell(portal: &Portal, rows: &[RequestRow]) -> Result<()> {
    let rotated = |row: &RequestRow| row.caller.as_ref().is_some_and(|caller| caller.secret_version > 1);
    if !rows.iter().any(rotated) {
        return store(portal.db(), rows).await;
    }
    let turn = portal.change_key().await;
    let tx = portal.db().begin().await?;
    let begun = insert(&tx, rows).await?;
    keys::rotation::commit_overlaps(portal, tx, turn, &begun).await
}

/// Inserts what is not there yet. Says for which keys a new secret was used for the first time.
async fn insert(tx: &Tx, rows: &[RequestRow]) -> Result<Vec<KeyId>> {
    let mut begun = Vec::new();
    for rows in rows.chunks(CHUNK) {
        let known: HashSet<_> = table::Entity::find()
            .select_only()
            .column(table::Column::Id)
            .filter(table::COLUMN.id.is_in(rows.iter().map(|row| row.id.uuid())))
            .into_tuple::<sea_orm::prelude::Uuid>()
            .all(tx)
            .await?
            .into_iter()
            .collect();
        let mut seen = known;
        let new: Vec<&RequestRow> = rows.iter().filter(|row| seen.insert(row.id.uuid())).collect();
        if !new.is_empty() {
            table::Entity::insert_many(new.iter().map(|row| table::to_stored(row))).exec_without_returning(tx).await?;
            begun.extend(usage::count(tx, &new).await?);
        }
    }
    Ok(begun)
}

/// Rows that pass the filter, the newest first, older than `before`.
///
/// # Errors
/// Those of [`Op::require_scope`].
pub async fn list(op: &Op, scope: Scope, filter: &Filter, before: Option<RequestId>) -> Result<Page<RequestRow>> {
    let mut query = rows_in(op, scope, filter).await?.limit(PAGE + 1);
    if scope == Scope::Everything {
        let tx = op.begin().await?;
        audit_log::record(&tx, op, Event::new(Action::RequestLogsViewed)).await?;
        op.commit(tx).await?;
    }
    if let Some(before) = before {
        query = query.filter(table::COLUMN.id.lt(before.uuid()));
    }
    let mut rows = query.all(op.db().read()).await?;
    let next = (rows.len() as u64 > PAGE).then(|| {
        rows.truncate(PAGE as usize);
        rows.last().map(|row| RequestId::new(row.id).to_string())
    });
    Ok(Page { items: with_names(op, rows).await?, next: next.flatten() })
}

/// Whose rows somebody may watch as they arrive: `None` for everybody's. That staff watch is written down.
///
/// # Errors
/// Those of [`Op::require_scope`].
pub async fn watch(op: &Op, scope: Scope) -> Result<Option<OrganizationId>> {
    let organization = op.require_scope(scope, Permission::ReadRequestLogs)?;
    if scope == Scope::Everything {
        audit_log::record_look(op, Action::RequestLogsViewed).await?;
    }
    Ok(organization)
}

/// What the person may see of what the filter asks for, the newest first.
async fn rows_in(op: &Op, scope: Scope, filter: &Filter) -> Result<Select<table::Entity>> {
    let organization = op.require_scope(scope, Permission::ReadRequestLogs)?;
    let oldest = op.now_ms() - retention::REQUEST_LOGS_LIFE.num_milliseconds();
    let mut query = table::Entity::find().filter(table::COLUMN.at.gt(oldest)).order_by_desc(table::COLUMN.id);
    if let Some(organization) = organization {
        query = query.filter(table::COLUMN.organization_id.eq(organization.uuid()));
    }
    for (api, days) in apis::shorter_terms(op.db().read()).await? {
        let oldest = op.now_ms() - TimeDelta::days(days).num_milliseconds();
        let kept = Where::any().add(table::COLUMN.api_id.is_null()).add(table::COLUMN.api_id.ne(api));
        query = query.filter(kept.add(table::COLUMN.at.gt(oldest)));
    }
    for (negated, condition) in &filter.conditions {
        let meets = meets(condition);
        query = query.filter(if *negated { meets.not() } else { meets });
    }
    Ok(query)
}

async fn with_names(op: &Op, rows: Vec<table::Model>) -> Result<Vec<RequestRow>> {
    let ids: HashSet<_> = rows.iter().filter_map(|row| row.organization_id).collect();
    let names: HashMap<_, _> = organizations::table::Entity::find()
        .filter(organizations::table::COLUMN.id.is_in(ids))
        .all(op.db().read())
        .await?
        .into_iter()
        .map(|organization| (organization.id, organization.name))
        .collect();
    let named = |row: table::Model| {
        let name = row.organization_id.and_then(|id| names.get(&id)).map(String::as_str);
        row.into_row(name, op.now_ms())
    };
    Ok(rows.into_iter().map(named).collect())
}

/// Rows that pass the filter and arrived at `since` or later, the oldest first: what a live viewer missed.
///
/// At most 200 of them, the newest, and how many more of them there are. Rows of the minute before come along as far as
/// there is room: a slow request is stored after faster ones that started later.
///
/// # Errors
/// Those of [`Op::require_scope`].
pub async fn since(op: &Op, scope: Scope, filter: &Filter, since: Millis) -> Result<Missed> {
    let query = rows_in(op, scope, filter).await?;
    let overlap = query.clone().filter(table::COLUMN.at.gte(since.saturating_sub(OVERLAP_MS)));
    let found = overlap.limit(REPLAY).all(op.db().read()).await?;
    let shown = found.iter().filter(|row| row.at >= since).count() as u64;
    let missed = query.filter(table::COLUMN.at.gte(since));
    let all = if shown < REPLAY { shown } else { missed.count(op.db().read()).await? };
    let mut rows = with_names(op, found).await?;
    rows.reverse();
    Ok(Missed { rows, before: all.saturating_sub(shown) })
}

/// What a live viewer missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// The newest rows, the oldest of them first.
    pub rows: Vec<RequestRow>,
    /// How many more were missed, older than those.
    pub before: u64,
}

/// What a viewer can choose from to narrow the log down.
///
/// # Errors
/// Those of [`Op::require_scope`].
pub async fn choices(op: &Op, scope: Scope) -> Result<Choices> {
    let organization = op.require_scope(scope, Permission::ReadRequestLogs)?;
    let apis = apis::load_all(op.db()).await?.into_iter().map(|api| api.slug).collect();
    let mut keys = keys::table::Entity::find().order_by_desc(keys::table::COLUMN.id).limit(CHOICES);
    if let Some(organization) = organization {
        keys = keys.filter(keys::table::COLUMN.organization_id.eq(organization.uuid()));
    }
    let keys = keys.all(op.db().read()).await?.into_iter().map(|key| (key.key(), key.label)).collect();
    let organizations = match scope {
        Scope::Organization => Vec::new(),
        Scope::Everything => {
            let query =
                organizations::table::Entity::find().order_by_asc(organizations::table::COLUMN.name).limit(CHOICES);
            query.all(op.db().read()).await?.into_iter().map(|row| (OrganizationId::new(row.id), row.name)).collect()
        }
    };
    Ok(Choices { apis, keys, organizations })
}

/// The condition in SQL. It must mean what [`Condition::matches`] means: a test compares the two. Columns that may be
/// absent are compared in a way that is never unknown, so that a negated condition keeps rows without a caller.
fn meets(condition: &Condition) -> Where {
    let present = |column: sea_orm::sea_query::SimpleExpr, value: sea_orm::sea_query::SimpleExpr| {
        Where::all().add(column).add(value)
    };
    // PostgreSQL refuses to compare with a NUL, which no stored text holds.
    let is = |column: table::Column, text: &str| {
        if text.contains('\0') { Expr::value(false) } else { column.eq(text) }
    };
    match condition {
        Condition::Status(status) => {
            let (low, high) = status.range();
            Where::all().add(table::COLUMN.status.gte(i64::from(low))).add(table::COLUMN.status.lte(i64::from(high)))
        }
        Condition::Method(method) => Where::all().add(is(table::Column::Method, method)),
        Condition::Api(slug) => Where::all().add(is(table::Column::ApiSlug, slug)),
        Condition::Organization(id) => {
            present(table::Column::OrganizationId.is_not_null(), table::Column::OrganizationId.eq(id.uuid()))
        }
        Condition::Key(text) => match text.parse::<KeyId>() {
            Ok(id) => present(table::Column::KeyId.is_not_null(), table::Column::KeyId.eq(id.uuid())),
            Err(_) => present(table::Column::KeyId.is_not_null(), is(table::Column::KeyLabel, text)),
        },
        Condition::Code(code) if code == "none" => Where::all().add(table::Column::Code.is_null()),
        Condition::Code(code) => present(table::Column::Code.is_not_null(), is(table::Column::Code, code)),
        Condition::Environment(environment) => {
            present(table::Column::Environment.is_not_null(), table::Column::Environment.eq(environment.word()))
        }
    }
}
