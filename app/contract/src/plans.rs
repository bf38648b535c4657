//! Plans: how much of an API an organization may use, and how it comes to do so.

use serde::{Deserialize, Serialize};

use crate::limits::{Limit, Quota};
use crate::{Millis, PlanId};

/// Longest summary of a plan, in characters.
pub const SUMMARY_MAX: usize = 200;

/// Most plans of one API, closed ones too: a list that a person can still choose from.
pub const PLANS_MAX: u32 = 50;

/// Who decides on a subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// Nobody: it is active at once.
    #[default]
    Automatic,
    /// Staff.
    Manual,
}

impl Approval {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Automatic, Self::Manual];

    /// The word in forms and in the database.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Manual => "manual",
        }
    }

    /// What it means, in a few words.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Automatic => "Active at once",
            Self::Manual => "After an approval",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|approval| approval.word() == word)
    }
}

/// With what the periods of a quota begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anchor {
    /// With the day or month of the calendar.
    #[default]
    Calendar,
    /// With the day of the month on which the subscription began.
    Subscription,
}

impl Anchor {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Calendar, Self::Subscription];

    /// The word in forms and in the database.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Calendar => "calendar",
            Self::Subscription => "subscription",
        }
    }

    /// What it means, in a few words.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Calendar => "With the calendar",
            Self::Subscription => "On the day the subscription began",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|anchor| anchor.word() == word)
    }
}

/// When the periods of a plan's quota begin.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Resets {
    /// With what.
    pub anchor: Anchor,
    /// At midnight in this time zone (IANA).
    pub zone: String,
}

impl Default for Resets {
    fn default() -> Self {
        Self { anchor: Anchor::Calendar, zone: "UTC".to_owned() }
    }
}

/// A plan of an API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Its id.
    pub id: PlanId,
    /// What it is called.
    pub name: String,
    /// One sentence.
    pub summary: String,
    /// How many requests in a short time.
    pub limit: Option<Limit>,
    /// How many units in a period.
    pub quota: Option<Quota>,
    /// When those periods begin.
    pub resets: Resets,
    /// Who decides on a subscription.
    pub approval: Approval,
    /// Whether everybody sees it; otherwise staff alone, and who has it.
    pub public: bool,
    /// Where it stands among the others, the smallest first.
    pub position: i64,
    /// When it was created.
    pub created_at: Millis,
    /// When it was closed: nobody can subscribe to it any more, and whoever has it keeps it.
    pub closed_at: Option<Millis>,
}

impl Plan {
    /// What it gives, in a sentence.
    #[must_use]
    pub fn gives(&self) -> String {
        gives(self.limit, self.quota)
    }
}

/// What a limit and a quota give, in a sentence.
#[must_use]
pub fn gives(limit: Option<Limit>, quota: Option<Quota>) -> String {
    match (limit, quota) {
        (None, None) => "no limit".to_owned(),
        (Some(limit), None) => limit.to_string(),
        (None, Some(quota)) => quota.to_string(),
        (Some(limit), Some(quota)) => format!("{limit}, {quota}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Period;

    #[test]
    fn words_survive_being_written_and_read() {
        assert!(Approval::ALL.into_iter().all(|one| Approval::from_word(one.word()) == Some(one)));
        assert!(Anchor::ALL.into_iter().all(|one| Anchor::from_word(one.word()) == Some(one)));
    }

    #[test]
    fn what_a_plan_gives_is_said_in_a_sentence() {
        let limit = Some(Limit { requests: 60, seconds: 60 });
        let quota = Some(Quota { units: 10_000, period: Period::Month });
        assert_eq!(gives(limit, quota), "60 requests a minute, 10,000 units a month");
        assert_eq!(gives(None, None), "no limit");
    }
}
