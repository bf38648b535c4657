//! Staff give an organization a plan, whether anybody could ask for it or not.

use contract::audit_log::Action;
use contract::subscriptions::SubscriptionState;
use contract::{OrganizationId, PlanId, Refusal, SubscriptionId};
use sea_orm::{ActiveModelTrait as _, Set};

use super::terms::{self, News};
use super::{end, event, letters, table};
use crate::apis::require_manager;
use crate::{Op, Result, audit_log, organizations, plans};

/// Gives a plan. It counts before this returns, in place of the one before, and a request that waits is done with. The
/// owners are told.
///
/// # Errors
/// [`Refusal::NotFound`] for an unknown organization or plan and for a closed one; [`Refusal::StateConflict`] for the plan
/// that the organization has; those of [`Op::require_staff`].
pub async fn give(op: &Op, organization: OrganizationId, plan: PlanId) -> Result<SubscriptionId> {
    require_manager(op)?;
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let held = organizations::table::by_id_to_change(&tx, organization.uuid()).await?;
    let (api, plan) = plans::find_to_change(&tx, plan).await?;
    if plan.closed_at.is_some() || api.closed_at.is_some() {
        return Err(Refusal::NotFound.into());
    }
    for state in [SubscriptionState::Requested, SubscriptionState::Active] {
        let Some(before) = table::in_state(&tx, organization, api.id, state).await? else { continue };
        if state == SubscriptionState::Active && before.plan_id == plan.id {
            return Err(Refusal::StateConflict.into());
        }
        end(&tx, op, before, SubscriptionState::Replaced).await?;
    }
    let row = table::ActiveModel {
        id: Set(op.new_uuid()),
        organization_id: Set(organization.uuid()),
        api_id: Set(api.id),
        plan_id: Set(plan.id),
        state: Set(SubscriptionState::Active.word().to_owned()),
        note: Set(String::new()),
        requested_at: Set(op.now_ms()),
        decided_at: Set(Some(op.now_ms())),
        decided_by: Set(op.person().ok().map(|person| person.account.uuid())),
        ..Default::default()
    }
    .insert(&tx)
    .await?;
    letters::given(&tx, op, &held, &api, &plan).await?;
    let terms = vec![terms::record(&row, &plan)];
    audit_log::record(&tx, op, event(Action::SubscriptionGiven, &row, &api, &plan)).await?;
    terms::commit(op, tx, turn, News { terms, ..News::default() }).await?;
    Ok(row.subscription())
}
