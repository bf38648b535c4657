//! Answers that must not tell by their time what was found.
//!
//! A known address is written to, an unknown one is not. The answer is the same, so the time must be too: it is that of
//! the longer way, with room to spare.

use std::future::Future;
use std::time::Duration;

use crate::Result;

/// Ten times what it takes to write a mail into the outbox on a slow disk, and not yet a wait for a person. Tests of
/// this crate ask what was done, not how long it took.
const LONG_ENOUGH: Duration = if cfg!(test) { Duration::ZERO } else { Duration::from_millis(150) };

/// Does the work, and answers when something was found; but if nothing was, never before that time is over. Who is let
/// in need not wait: they know that there is an account.
pub(crate) async fn evenly_if_nothing<T>(work: impl Future<Output = Result<Option<T>>>) -> Result<Option<T>> {
    #[expect(clippy::disallowed_methods, reason = "nothing is waited for but the time itself")]
    let time = tokio::time::sleep(LONG_ENOUGH);
    let found = work.await?;
    if found.is_none() {
        time.await;
    }
    Ok(found)
}

/// Does the work, and answers when it is done, but never before that time is over.
pub(crate) async fn evenly<T>(work: impl Future<Output = T>) -> T {
    #[expect(clippy::disallowed_methods, reason = "nothing is waited for but the time itself")]
    let time = tokio::time::sleep(LONG_ENOUGH);
    let (answer, ()) = tokio::join!(work, time);
    answer
}
