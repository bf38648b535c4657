//! Keys a page at a time, for programs.

use contract::keys::Key;
use contract::{Environment, KeyId, Page, Permission};
use sea_orm::{EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};

use super::table;
use crate::{Op, Result};

/// Most keys on a page.
const PAGE_MAX: usize = 100;

/// The organization's keys, the newest first, older than `before`; without their charts.
///
/// # Errors
/// Those of [`Op::require`].
pub async fn page(op: &Op, environment: Option<Environment>, before: Option<KeyId>, limit: usize) -> Result<Page<Key>> {
    let organization = op.require(Permission::ReadKeys)?;
    let limit = limit.clamp(1, PAGE_MAX);
    let mut query = table::Entity::find()
        .filter(table::COLUMN.organization_id.eq(organization.uuid()))
        .order_by_desc(table::COLUMN.id)
        .limit(limit as u64 + 1);
    if let Some(environment) = environment {
        query = query.filter(table::COLUMN.environment.eq(environment.word()));
    }
    if let Some(before) = before {
        query = query.filter(table::COLUMN.id.lt(before.uuid()));
    }
    let mut rows = query.all(op.db().read()).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = more.then(|| rows.last().map(|row| row.key().to_string())).flatten();
    Ok(Page { items: rows.into_iter().map(|row| row.into_key(Vec::new(), op.now_ms())).collect(), next })
}
