//! Table `plans`.

use contract::PlanId;
use contract::limits::{LIMIT_MAX, Limit, Period, Quota};
use contract::plans::{Anchor, Approval, Plan, Resets};
use sea_orm::entity::prelude::*;

/// The audience of a plan that everybody sees.
pub(crate) const EVERYBODY: &str = "everybody";

/// The audience of a plan that staff alone see, and who has it.
pub(crate) const STAFF: &str = "staff";

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "plans")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub api_id: Uuid,
    pub name: String,
    pub summary: String,
    pub limit_requests: Option<i64>,
    pub limit_seconds: Option<i64>,
    pub quota_units: Option<i64>,
    /// `day` or `month`.
    pub quota_period: Option<String>,
    /// `calendar` or `subscription`; absent for the calendar.
    pub quota_anchor: Option<String>,
    /// IANA name of a time zone; absent for UTC.
    pub quota_zone: Option<String>,
    /// `automatic` or `manual`.
    pub approval: String,
    /// `everybody` or `staff`.
    pub audience: String,
    pub position: i64,
    pub created_at: i64,
    pub closed_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub(crate) fn plan(&self) -> PlanId {
        PlanId::new(self.id)
    }

    pub(crate) fn limit(&self) -> Option<Limit> {
        Limit::from_stored(self.limit_requests, self.limit_seconds)
    }

    pub(crate) fn quota(&self) -> Option<Quota> {
        let units = self.quota_units.filter(|units| (1..=LIMIT_MAX).contains(units))?;
        Some(Quota { units, period: Period::from_word(self.quota_period.as_deref()?)? })
    }

    pub(crate) fn resets(&self) -> Resets {
        let usual = Resets::default();
        Resets {
            anchor: self.quota_anchor.as_deref().and_then(Anchor::from_word).unwrap_or(usual.anchor),
            zone: self.quota_zone.clone().unwrap_or(usual.zone),
        }
    }

    pub(crate) fn approval(&self) -> Approval {
        // Whoever cannot be read as automatic waits for somebody.
        Approval::from_word(&self.approval).unwrap_or(Approval::Manual)
    }

    pub(crate) fn is_public(&self) -> bool {
        self.audience == EVERYBODY
    }

    /// Whether somebody can ask for it.
    pub(crate) fn is_offered(&self) -> bool {
        self.is_public() && self.closed_at.is_none()
    }

    pub(crate) fn into_plan(self) -> Plan {
        Plan {
            id: self.plan(),
            limit: self.limit(),
            quota: self.quota(),
            resets: self.resets(),
            approval: self.approval(),
            public: self.is_public(),
            name: self.name,
            summary: self.summary,
            position: self.position,
            created_at: self.created_at,
            closed_at: self.closed_at,
        }
    }
}
