//! The gateway's clock: the only place that reads the wall clock.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use contract::{Millis, RequestId};
use uuid::{NoContext, Timestamp, Uuid};

use crate::limit::Ticks;

/// Now, on the clock that limits use.
pub(crate) fn ticks() -> Ticks {
    ticks_at(Instant::now())
}

/// Nanoseconds since the process first asked.
fn ticks_at(instant: Instant) -> Ticks {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = START.get_or_init(|| instant);
    u64::try_from(instant.saturating_duration_since(*start).as_nanos()).unwrap_or(u64::MAX)
}

/// When a request arrived: by the wall for its row, by the monotonic clock for its latency.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) at: Millis,
    pub(crate) instant: Instant,
    pub(crate) id: RequestId,
}

impl Arrival {
    /// Reads both clocks and names the request. The id and the row carry the same millisecond.
    #[expect(clippy::disallowed_methods, reason = "this file is the gateway's clock")]
    pub(crate) fn now() -> Self {
        // A clock before 1970 is a machine without a clock; its rows say 1970.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let stamp = Timestamp::from_unix(NoContext, since.as_secs(), since.subsec_nanos());
        Self {
            at: Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX),
            instant: Instant::now(),
            id: RequestId::new(Uuid::new_v7(stamp)),
        }
    }

    /// The moment on the clock that limits use.
    pub(crate) fn ticks(&self) -> Ticks {
        ticks_at(self.instant)
    }

    /// Microseconds since the arrival.
    pub(crate) fn elapsed_us(&self) -> i64 {
        i64::try_from(self.instant.elapsed().as_micros()).unwrap_or(i64::MAX)
    }
}
