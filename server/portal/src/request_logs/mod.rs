//! Request logs: store what the gateway recorded, and show it to those whose it is.
//!
//! - Rows and usage are written in one transaction: the sum of usage is the number of rows, always.
//! - Storing a row twice stores it once.
//! - A row older than [`crate::privacy::retention::REQUEST_LOGS_LIFE`] is not shown, whether or not it was erased yet.

use std::collections::{HashMap, HashSet};

use contract::request_logs::{Condition, Filter, RequestRow};
use contract::{KeyId, Page, Permission, RequestId};
use sea_orm::{
    ColumnTrait as _, Condition as Where, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::privacy::retention;
use crate::{Db, Op, Result, Scope, organizations, usage};

pub(crate) mod table;
#[cfg(test)]
mod tests;

/// Rows of one page.
const PAGE: u64 = 50;

/// Rows of one INSERT: 16 columns each, and SQLite takes 32,766 parameters.
const CHUNK: usize = 500;

/// Stores a batch with its usage.
///
/// # Errors
/// Only when the database fails; nothing of the batch is stored then.
pub async fn store(db: &Db, rows: &[RequestRow]) -> Result<()> {
    let tx = db.begin().await?;
    for rows in rows.chunks(CHUNK) {
        let known: HashSet<_> = table::Entity::find()
            .select_only()
            .column(table::Column::Id)
            .filter(table::COLUMN.id.is_in(rows.iter().map(|row| row.id.uuid())))
            .into_tuple::<sea_orm::prelude::Uuid>()
            .all(&tx)
            .await?
            .into_iter()
            .collect();
        let mut seen = known;
        let new: Vec<&RequestRow> = rows.iter().filter(|row| seen.insert(row.id.uuid())).collect();
        if !new.is_empty() {
            table::Entity::insert_many(new.iter().map(|row| table::to_stored(row))).exec_without_returning(&tx).await?;
            usage::count(&tx, &new).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

/// Rows that pass the filter, the newest first, older than `before`.
///
/// # Errors
/// Those of [`Op::require_scope`].
pub async fn list(op: &Op, scope: Scope, filter: &Filter, before: Option<RequestId>) -> Result<Page<RequestRow>> {
    let organization = op.require_scope(scope, Permission::ReadRequestLogs)?;
    let oldest = op.now_ms() - retention::REQUEST_LOGS_LIFE.num_milliseconds();
    let mut query =
        table::Entity::find().filter(table::COLUMN.at.gt(oldest)).order_by_desc(table::COLUMN.id).limit(PAGE + 1);
    if let Some(organization) = organization {
        query = query.filter(table::COLUMN.organization_id.eq(organization.uuid()));
    }
    if let Some(before) = before {
        query = query.filter(table::COLUMN.id.lt(before.uuid()));
    }
    for (negated, condition) in &filter.conditions {
        let meets = meets(condition);
        query = query.filter(if *negated { meets.not() } else { meets });
    }
    let mut rows = query.all(op.db().read()).await?;
    let next = (rows.len() as u64 > PAGE).then(|| {
        rows.truncate(PAGE as usize);
        rows.last().map(|row| RequestId::new(row.id).to_string())
    });
    let ids: HashSet<_> = rows.iter().filter_map(|row| row.organization_id).collect();
    let names: HashMap<_, _> = organizations::table::Entity::find()
        .filter(organizations::table::COLUMN.id.is_in(ids))
        .all(op.db().read())
        .await?
        .into_iter()
        .map(|organization| (organization.id, organization.name))
        .collect();
    let items = rows
        .into_iter()
        .map(|row| {
            let name = row.organization_id.and_then(|id| names.get(&id)).map(String::as_str);
            row.into_row(name)
        })
        .collect();
    Ok(Page { items, next: next.flatten() })
}

/// The condition in SQL. It must mean what [`Condition::matches`] means: a test compares the two. Columns that may be
/// absent are compared in a way that is never unknown, so that a negated condition keeps rows without a caller.
fn meets(condition: &Condition) -> Where {
    let present = |column: sea_orm::sea_query::SimpleExpr, value: sea_orm::sea_query::SimpleExpr| {
        Where::all().add(column).add(value)
    };
    match condition {
        Condition::Status(status) => {
            let (low, high) = status.range();
            Where::all().add(table::COLUMN.status.gte(i64::from(low))).add(table::COLUMN.status.lte(i64::from(high)))
        }
        Condition::Method(method) => Where::all().add(table::COLUMN.method.eq(method.as_str())),
        Condition::Api(slug) => Where::all().add(table::COLUMN.api_slug.eq(slug.as_str())),
        Condition::Organization(id) => {
            present(table::Column::OrganizationId.is_not_null(), table::Column::OrganizationId.eq(id.uuid()))
        }
        Condition::Key(text) => match text.parse::<KeyId>() {
            Ok(id) => present(table::Column::KeyId.is_not_null(), table::Column::KeyId.eq(id.uuid())),
            Err(_) => present(table::Column::KeyId.is_not_null(), table::Column::KeyLabel.eq(text.as_str())),
        },
        Condition::Code(code) if code == "none" => Where::all().add(table::Column::Code.is_null()),
        Condition::Code(code) => present(table::Column::Code.is_not_null(), table::Column::Code.eq(code.as_str())),
        Condition::Environment(environment) => {
            present(table::Column::Environment.is_not_null(), table::Column::Environment.eq(environment.word()))
        }
    }
}
