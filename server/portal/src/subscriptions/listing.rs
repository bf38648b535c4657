//! Subscriptions of one organization in a list, for programs.

use std::collections::HashMap;

use contract::subscriptions::Subscription;
use contract::{Page, Permission, Refusal, SubscriptionId};
use sea_orm::prelude::Uuid;
use sea_orm::{EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};

use super::{named, table};
use crate::{Op, Result, apis, plans};

/// Subscriptions on a page.
const PAGE: u64 = 50;

/// A subscription with the API that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfApi {
    /// The API, as in URLs.
    pub api: String,
    /// The subscription.
    pub subscription: Subscription,
}

/// What the organization has, asked for and had, the newest first, older than `before`.
///
/// # Errors
/// Those of [`Op::require`].
pub async fn list(op: &Op, before: Option<SubscriptionId>) -> Result<Page<OfApi>> {
    let organization = op.require(Permission::ReadUsage)?;
    let mut query = table::Entity::find()
        .filter(table::COLUMN.organization_id.eq(organization.uuid()))
        .order_by_desc(table::COLUMN.id)
        .limit(PAGE + 1);
    if let Some(before) = before {
        query = query.filter(table::COLUMN.id.lt(before.uuid()));
    }
    let mut rows = query.all(op.db().read()).await?;
    let more = rows.len() as u64 > PAGE;
    rows.truncate(PAGE as usize);
    let next = more.then(|| rows.last().map(|row| row.subscription().to_string())).flatten();
    Ok(Page { items: with_apis(op, rows).await?, next })
}

/// One of them.
///
/// # Errors
/// [`Refusal::NotFound`], and those of [`Op::require`].
pub async fn read(op: &Op, id: SubscriptionId) -> Result<OfApi> {
    let organization = op.require(Permission::ReadUsage)?;
    let row = table::Entity::find_by_id(id.uuid())
        .filter(table::COLUMN.organization_id.eq(organization.uuid()))
        .one(op.db().read())
        .await?
        .ok_or(Refusal::NotFound)?;
    Ok(with_apis(op, vec![row]).await?.pop().ok_or(Refusal::NotFound)?)
}

async fn with_apis(op: &Op, rows: Vec<table::Model>) -> Result<Vec<OfApi>> {
    let db = op.db().read();
    let of_plans = plans::table::Entity::find()
        .filter(plans::table::COLUMN.id.is_in(rows.iter().map(|row| row.plan_id)))
        .all(db)
        .await?;
    let names: HashMap<Uuid, String> = of_plans.into_iter().map(|plan| (plan.id, plan.name)).collect();
    let of_apis = apis::table::Entity::find()
        .filter(apis::table::COLUMN.id.is_in(rows.iter().map(|row| row.api_id)))
        .all(db)
        .await?;
    let slugs: HashMap<Uuid, String> = of_apis.into_iter().map(|api| (api.id, api.slug)).collect();
    let one = |row: table::Model| OfApi {
        api: slugs.get(&row.api_id).cloned().unwrap_or_default(),
        subscription: named(row, &names),
    };
    Ok(rows.into_iter().map(one).collect())
}
