//! The wall clock. Everything else takes the time as a parameter, so that retention, links and notices are tested by
//! moving it.

use chrono::{DateTime, Utc};

/// The time.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the wall clock; everyone else is given the time"
)]
#[must_use]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}
