//! Subscriptions: which plan of an API an organization has, asked for, or had.

use serde::{Deserialize, Serialize};

use crate::apis::ApiSummary;
use crate::limits::{Limit, Quota};
use crate::plans::{Plan, gives};
use crate::{Millis, OrganizationId, PlanId, SubscriptionId, TopUpId};

/// Longest note of who asks, and longest reason of who decides, in characters.
pub const NOTE_MAX: usize = 500;

/// Where a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionState {
    /// It waits for staff.
    Requested,
    /// It counts.
    Active,
    /// Staff said no.
    Rejected,
    /// The organization ended it, or took its request back.
    Left,
    /// Another one of the same API took its place.
    Replaced,
}

impl SubscriptionState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Requested, Self::Active, Self::Rejected, Self::Left, Self::Replaced];

    /// The word in the database.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Active => "active",
            Self::Rejected => "rejected",
            Self::Left => "left",
            Self::Replaced => "replaced",
        }
    }

    /// The word on pages.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Requested => "Requested",
            Self::Active => "Active",
            Self::Rejected => "Rejected",
            Self::Left => "Left",
            Self::Replaced => "Replaced",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// What staff gave one organization in place of what its plan gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overrides {
    /// Another limit.
    pub limit: Option<Limit>,
    /// Other units in the plan's period.
    pub units: Option<i64>,
}

/// A subscription, as its organization sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Its id.
    pub id: SubscriptionId,
    /// To which plan.
    pub plan: PlanId,
    /// What that plan is called.
    pub plan_name: String,
    /// Where it stands.
    pub state: SubscriptionState,
    /// What the organization wrote with its request.
    pub note: String,
    /// What staff wrote with their decision.
    pub reason: Option<String>,
    /// What it gives in place of the plan.
    pub overrides: Overrides,
    /// When it was asked for.
    pub requested_at: Millis,
    /// When it was decided on.
    pub decided_at: Option<Millis>,
    /// When it ended.
    pub ended_at: Option<Millis>,
}

/// Units that staff gave once. They are spent after what the plan gives in a period, and what is left of them stays for
/// the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopUp {
    /// Its id.
    pub id: TopUpId,
    /// How many units.
    pub units: i64,
    /// How many of them are spent.
    pub spent: i64,
    /// Why they were given.
    pub reason: String,
    /// When.
    pub created_at: Millis,
    /// Until when they can be spent.
    pub expires_at: Option<Millis>,
}

impl TopUp {
    /// Units that can still be spent.
    #[must_use]
    pub fn left(&self, now: Millis) -> i64 {
        if self.expires_at.is_some_and(|end| end <= now) { 0 } else { (self.units - self.spent).max(0) }
    }
}

/// A subscription, as staff see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeskSubscription {
    /// What its organization sees.
    pub subscription: Subscription,
    /// Whose it is.
    pub organization: OrganizationId,
    /// What that organization calls itself.
    pub organization_name: String,
    /// Units that were given to it once, the newest first.
    pub top_ups: Vec<TopUp>,
}

/// What an organization has of an API now, and from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrentTerms {
    /// What the plan is called.
    pub plan_name: String,
    /// Requests in a short time.
    pub limit: Option<Limit>,
    /// Units in a period.
    pub quota: Option<Quota>,
    /// Whether every organization has it without subscribing.
    pub by_default: bool,
}

impl CurrentTerms {
    /// What they give, in a sentence.
    #[must_use]
    pub fn gives(&self) -> String {
        gives(self.limit, self.quota)
    }
}

/// An API, with what the organization has of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnApi {
    /// The API.
    pub api: ApiSummary,
    /// Whether the API can be called without any plan, because it has none.
    pub open: bool,
    /// What the organization has of it.
    pub terms: Option<CurrentTerms>,
    /// Units used in the period of the quota, while there is one.
    pub used: Option<i64>,
    /// When the next period begins.
    pub next_period_at: Option<Millis>,
    /// The same in words, by the clock of the plan's time zone.
    pub next_period: Option<String>,
    /// Units left beside the quota.
    pub extra: i64,
    /// The request that waits, if any.
    pub requested: Option<Subscription>,
}

/// An API, its plans, and what the organization asked for and had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnApiPage {
    /// The API and what the organization has of it.
    pub own: OwnApi,
    /// The subscription that counts, if any.
    pub active: Option<Subscription>,
    /// Units that were given to it once, the newest first.
    pub top_ups: Vec<TopUp>,
    /// Plans it can ask for, in their order.
    pub plans: Vec<Plan>,
    /// Subscriptions that ended, the newest first, ten at most.
    pub past: Vec<Subscription>,
    /// Whether the person may ask and leave.
    pub may_change: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_being_written_and_read() {
        assert!(SubscriptionState::ALL.into_iter().all(|one| SubscriptionState::from_word(one.word()) == Some(one)));
    }
}
