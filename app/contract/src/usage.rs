//! Usage: how many requests, how many refused, how fast.

use serde::{Deserialize, Serialize};

use crate::Millis;

/// How far back a chart looks, and how wide its bars are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageRange {
    /// The last hour, by minute.
    Hour,
    /// The last day, by 30 minutes.
    #[default]
    Day,
    /// The last week, by 3 hours.
    Week,
    /// The last 30 days, by 12 hours.
    Month,
}

const MINUTE_MS: Millis = 60_000;

impl UsageRange {
    /// All of them, the shortest first.
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// The word in a URL.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The label of its tab.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Hour => "1 h",
            Self::Day => "24 h",
            Self::Week => "7 d",
            Self::Month => "30 d",
        }
    }

    /// What a bar stands for, after the words "Requests per".
    #[must_use]
    pub const fn bar(self) -> &'static str {
        match self {
            Self::Hour => "minute, last hour",
            Self::Day => "30 minutes, last 24 hours",
            Self::Week => "3 hours, last 7 days",
            Self::Month => "12 hours, last 30 days",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|range| range.word() == word)
    }

    /// Width of one bar.
    #[must_use]
    pub const fn bar_ms(self) -> Millis {
        match self {
            Self::Hour => MINUTE_MS,
            Self::Day => 30 * MINUTE_MS,
            Self::Week => 180 * MINUTE_MS,
            Self::Month => 720 * MINUTE_MS,
        }
    }

    /// How many bars there are.
    #[must_use]
    pub const fn bars(self) -> usize {
        match self {
            Self::Day => 48,
            Self::Week => 56,
            Self::Hour | Self::Month => 60,
        }
    }

    /// Start of the first bar of a chart that ends at `now`; bars start at whole multiples of their width, in UTC.
    #[must_use]
    pub const fn start(self, now: Millis) -> Millis {
        let last = now - now.rem_euclid(self.bar_ms());
        last - (self.bars() as Millis - 1) * self.bar_ms()
    }
}

/// One bar of a chart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsagePoint {
    /// Start of the bar.
    pub at: Millis,
    /// Requests that the upstream answered, whatever its answer.
    pub accepted: i64,
    /// Requests that the gateway answered itself: refused, or the upstream failed.
    pub refused: i64,
}

/// Numbers of a period, of one organization or of all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Which period.
    pub range: UsageRange,
    /// Its bars, oldest first, without gaps.
    pub points: Vec<UsagePoint>,
    /// Requests that the upstream answered.
    pub accepted: i64,
    /// Requests that the gateway answered itself.
    pub refused: i64,
    /// Answers with a status of 500 and above.
    pub failed: i64,
    /// The refusal code that was given most, with its count.
    pub top_refusal: Option<(String, i64)>,
    /// Median latency of accepted requests, in microseconds; absent without requests.
    pub p50_us: Option<i64>,
    /// 95th percentile of the same.
    pub p95_us: Option<i64>,
    /// Requests by route, the most called first, at most ten.
    pub routes: Vec<RouteUsage>,
    /// Requests by key, the most used first, at most ten.
    pub keys: Vec<KeyUsage>,
}

impl Usage {
    /// All requests answered.
    #[must_use]
    pub const fn answered(&self) -> i64 {
        self.accepted + self.refused
    }
}

/// Requests of one route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteUsage {
    /// The API's slug.
    pub api: String,
    /// HTTP method.
    pub method: String,
    /// Path template.
    pub route: String,
    /// Requests that the upstream answered.
    pub accepted: i64,
    /// Requests that the gateway answered itself.
    pub refused: i64,
}

/// Requests of one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUsage {
    /// The key's label.
    pub label: String,
    /// Its hint.
    pub hint: String,
    /// Requests that the upstream answered.
    pub accepted: i64,
    /// Requests that the gateway answered itself.
    pub refused: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bar_holds_now() {
        for range in UsageRange::ALL {
            let now = 1_795_255_921_123;
            let last = range.start(now) + (range.bars() as Millis - 1) * range.bar_ms();
            assert!(last <= now && now < last + range.bar_ms(), "{range:?}");
            assert_eq!(range.start(now) % range.bar_ms(), 0);
        }
    }
}
