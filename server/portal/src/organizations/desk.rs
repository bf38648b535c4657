//! An organization, for staff: what it may use of all APIs together, and which plans it has.

use std::collections::HashMap;

use contract::audit_log::Action;
use contract::fields::Check;
use contract::limits::Limit;
use contract::organizations::{DeskOrganization, DeskPlan};
use contract::subscriptions::SubscriptionState;
use contract::{OrganizationId, Refusal, StaffPermission};
use sea_orm::prelude::Uuid;
use sea_orm::{ActiveModelTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, Set};

use super::standing::{self, News};
use super::table;
use crate::apis::input::limit;
use crate::apis::{self, require_manager};
use crate::audit_log::{self, Event};
use crate::{Db, Op, Result, plans, subscriptions};

/// One organization, with every open plan and which of them it has.
///
/// # Errors
/// [`Refusal::NotFound`], and those of [`Op::require_staff`].
pub async fn see(op: &Op, id: OrganizationId) -> Result<DeskOrganization> {
    op.require_staff(StaffPermission::ReadApis)?;
    let db = op.db().read();
    let row = table::Entity::find_by_id(id.uuid()).one(db).await?.ok_or(Refusal::NotFound)?;
    let active: HashMap<Uuid, Uuid> = subscriptions::table::Entity::find()
        .filter(subscriptions::table::COLUMN.organization_id.eq(id.uuid()))
        .filter(subscriptions::table::COLUMN.state.eq(SubscriptionState::Active.word()))
        .all(db)
        .await?
        .into_iter()
        .map(|row| (row.api_id, row.plan_id))
        .collect();
    let mut offered = Vec::new();
    for (api, _) in apis::open(op.db()).await? {
        for plan in plans::of_api(db, api.id).await? {
            let has = active.get(&api.id) == Some(&plan.id);
            if has || plan.closed_at.is_none() {
                offered.push(DeskPlan {
                    api_slug: api.slug.clone(),
                    api_name: api.name.clone(),
                    by_default: api.default_plan_id == Some(plan.id) && !active.contains_key(&api.id),
                    has,
                    plan: plan.into_plan(),
                });
            }
        }
    }
    Ok(DeskOrganization {
        id,
        personal: row.is_personal(),
        limit: row.limit(),
        name: row.name,
        country: row.country,
        created_at: row.created_at,
        plans: offered,
    })
}

/// Changes how much an organization may ask of all APIs together; both empty for no limit. The gateway keeps to it before
/// this returns.
///
/// # Errors
/// [`Refusal::InvalidInput`], [`Refusal::NotFound`], and those of [`Op::require_staff`].
pub async fn change_limit(op: &Op, id: OrganizationId, requests: &str, seconds: &str) -> Result<()> {
    require_manager(op)?;
    let mut check = Check::default();
    let limit = limit(&mut check, ("limit_requests", requests), ("limit_seconds", seconds));
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let mut row = table::by_id_to_change(&tx, id.uuid()).await?.into_active_model();
    row.limit_requests = Set(limit.map(|limit| i64::from(limit.requests)));
    row.limit_seconds = Set(limit.map(|limit| i64::from(limit.seconds)));
    row.update(&tx).await?;
    let standings = standing::owners_changed(&tx, id).await?;
    let gives = limit.map_or_else(|| "no limit".to_owned(), |limit| limit.to_string());
    let event = Event::new(Action::OrganizationLimitChanged).organization(id).detail("limit", gives);
    audit_log::record(&tx, op, event).await?;
    standing::commit(op, tx, turn, News { standings, ..News::default() }).await
}

/// Organizations that have a limit: for the gateway, when it starts.
///
/// # Errors
/// Only when the database fails.
pub async fn limits(db: &Db) -> Result<Vec<(OrganizationId, Limit)>> {
    let limited = table::COLUMN.limit_requests.is_not_null();
    let rows = table::Entity::find().filter(limited).all(db.read()).await?;
    Ok(rows.iter().filter_map(|row| Some((row.organization(), row.limit()?))).collect())
}

#[cfg(test)]
mod tests;
