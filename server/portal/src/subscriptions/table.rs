//! Table `subscriptions`.

use contract::limits::{LIMIT_MAX, Limit};
use contract::subscriptions::{Overrides, Subscription, SubscriptionState};
use contract::{ApiId, OrganizationId, PlanId, SubscriptionId};
use sea_orm::QuerySelect as _;
use sea_orm::entity::prelude::*;

use crate::Tx;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "subscriptions")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: Uuid,
    pub api_id: Uuid,
    pub plan_id: Uuid,
    /// `requested`, `active`, `rejected`, `left` or `replaced`.
    pub state: String,
    pub note: String,
    pub reason: Option<String>,
    pub requested_at: i64,
    pub requested_by: Option<Uuid>,
    pub decided_at: Option<i64>,
    pub decided_by: Option<Uuid>,
    pub ended_at: Option<i64>,
    pub override_requests: Option<i64>,
    pub override_seconds: Option<i64>,
    pub override_units: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub(crate) fn subscription(&self) -> SubscriptionId {
        SubscriptionId::new(self.id)
    }

    pub(crate) fn organization(&self) -> OrganizationId {
        OrganizationId::new(self.organization_id)
    }

    pub(crate) fn api(&self) -> ApiId {
        ApiId::new(self.api_id)
    }

    /// One whose state cannot be read is over.
    pub(crate) fn state(&self) -> SubscriptionState {
        SubscriptionState::from_word(&self.state).unwrap_or(SubscriptionState::Left)
    }

    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            limit: Limit::from_stored(self.override_requests, self.override_seconds),
            units: self.override_units.filter(|units| (1..=LIMIT_MAX).contains(units)),
        }
    }

    pub(crate) fn into_subscription(self, plan_name: String) -> Subscription {
        Subscription {
            id: self.subscription(),
            plan: PlanId::new(self.plan_id),
            plan_name,
            state: self.state(),
            overrides: self.overrides(),
            note: self.note,
            reason: self.reason,
            requested_at: self.requested_at,
            decided_at: self.decided_at,
            ended_at: self.ended_at,
        }
    }
}

/// The subscription of an organization to an API in this state, if any: there is at most one that waits and one that
/// counts.
pub(crate) async fn in_state<C: ConnectionTrait>(
    db: &C,
    organization: OrganizationId,
    api: Uuid,
    state: SubscriptionState,
) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(COLUMN.organization_id.eq(organization.uuid()))
        .filter(COLUMN.api_id.eq(api))
        .filter(COLUMN.state.eq(state.word()))
        .one(db)
        .await
}

/// A subscription, to change it: whoever else wants to waits. SQLite has one writer anyway.
pub(crate) async fn by_id_to_change(tx: &Tx, id: SubscriptionId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id.uuid()).lock_exclusive().one(tx).await
}
