//! Quotas that several processes spend from: what this one asks for, and what it gives back.
//!
//! - A process holds about what it spends in a second. It asks for more while half of that is left, so that a request
//!   waits only for its organization's first units, and for the last ones of a quota.
//! - While the database is away, what is held can be spent. Then calls are refused at once ([`Sharing::is_away`]) rather
//!   than each of them waiting; a second later somebody tries again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use contract::Millis;
use gateway::Subscription;
use portal::processes::{self, Ask};
use portal::{Db, processes::Granted};
use uuid::Uuid;

use super::subscriptions::Key;

/// What a process asks for before it knows how much an organization calls.
const FIRST: i64 = 50;

/// For how long what is spent is looked at: a process holds about so much of it.
const LOOK_MS: Millis = 1_000;

/// How long a caller waits for a share, and a failed try is believed.
const PATIENCE: Duration = Duration::from_secs(1);

/// With whom quotas are shared.
#[derive(Debug)]
pub(crate) struct Sharing {
    db: Db,
    process: Uuid,
    /// How many processes are there.
    processes: AtomicI64,
    /// Until when the database is taken to be away.
    away_until: AtomicI64,
    held: Mutex<HashMap<Key, Held>>,
}

/// What is known of a share since it was last looked at.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    at: Millis,
    starts_at: Millis,
    spent: i64,
    /// Units in a second.
    rate: i64,
    /// As the database has it.
    holds: i64,
}

impl Sharing {
    pub(crate) fn new(db: Db, process: Uuid) -> Self {
        let (processes, away_until) = (AtomicI64::new(1), AtomicI64::new(Millis::MIN));
        Self { db, process, processes, away_until, held: Mutex::default() }
    }

    /// So many processes are there, this one among them.
    pub(crate) fn are(&self, processes: u64) {
        self.processes.store(i64::try_from(processes).unwrap_or(i64::MAX).max(1), Ordering::Relaxed);
    }

    pub(crate) fn is_away(&self, now: Millis) -> bool {
        now < self.away_until.load(Ordering::Relaxed)
    }

    /// Waits, but not for long; nobody else tries for a moment if that was for nothing.
    pub(crate) async fn patiently(&self, asking: impl Future<Output = anyhow::Result<bool>>) -> bool {
        let failed = match tokio::time::timeout(PATIENCE, asking).await {
            Ok(Ok(done)) => return done,
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => "it did not answer in time".to_owned(),
        };
        let now = crate::clock::now().timestamp_millis();
        self.away_until.store(now + LOOK_MS, Ordering::Relaxed);
        tracing::debug!("No share of a quota could be asked for: {failed}");
        false
    }

    /// The shares that this process has.
    pub(crate) fn held(&self) -> Vec<Key> {
        self.map().keys().copied().collect()
    }

    fn map(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks because a call cannot be paid. Nothing may be stored meanwhile.
    pub(crate) async fn ask(
        &self,
        key: Key,
        subscription: &Subscription,
        cost: i64,
        now: Millis,
    ) -> anyhow::Result<bool> {
        let Some(state) = subscription.quota.and_then(|quota| subscription.spent.lease(quota, now)) else {
            // It is not shared, or not counted yet: another try finds out which.
            return Ok(true);
        };
        if state.budget >= cost {
            return Ok(true);
        }
        let wants = self.map().get(&key).map_or(FIRST, |held| held.rate.max(1));
        self.lease(key, subscription, wants, cost - state.budget, now).await?;
        Ok(true)
    }

    /// Looks what was spent since the last time. Nothing may be stored meanwhile.
    pub(crate) async fn balance(&self, key: Key, subscription: &Subscription, now: Millis) -> anyhow::Result<bool> {
        let state = subscription.quota.and_then(|quota| subscription.spent.lease(quota, now));
        let (Some(state), Some(mut held)) = (state, self.map().get(&key).copied()) else {
            self.map().remove(&key);
            return Ok(true);
        };
        let passed = (now - held.at).max(1);
        let spent = if state.starts_at == held.starts_at { (state.spent - held.spent).max(0) } else { state.spent };
        held.rate = spent.saturating_mul(LOOK_MS) / passed;
        (held.at, held.spent, held.starts_at) = (now, state.spent, state.starts_at);
        let known = held.holds;
        self.map().insert(key, held);
        let target = held.rate;
        if state.budget > target.saturating_mul(2) {
            let _back = subscription.spent.withdraw(state.budget - target);
        }
        let wants = if state.budget < target / 2 { target - state.budget } else { 0 };
        let state = subscription.quota.and_then(|quota| subscription.spent.lease(quota, now));
        let holds = state.map_or(0, |state| state.budget + state.unstored);
        if wants > 0 || holds != known {
            self.lease(key, subscription, wants, 0, now).await?;
        }
        if holds == 0 && target == 0 {
            self.map().remove(&key);
        }
        Ok(true)
    }

    async fn lease(
        &self,
        key: Key,
        subscription: &Subscription,
        wants: i64,
        needs: i64,
        now: Millis,
    ) -> anyhow::Result<()> {
        let Some(quota) = subscription.quota else { return Ok(()) };
        let Some(state) = subscription.spent.lease(quota, now) else { return Ok(()) };
        // Calls go on meanwhile; what they take from the budget is not stored then, and the sum of both stays.
        let ask = Ask {
            process: self.process,
            organization: key.0,
            api: key.1,
            window: (state.starts_at, state.ends_at),
            quota: quota.units,
            holds: state.budget + state.unstored,
            wants,
            needs,
            processes: self.processes.load(Ordering::Relaxed),
        };
        let Granted { units, left } = processes::lease(&self.db, &ask, now).await?;
        let used_up_until = (needs > 0 && units < needs).then_some(now + LOOK_MS);
        subscription.spent.grant(state.starts_at, units, left, used_up_until);
        let mut all = self.map();
        let held = all.entry(key).or_insert(Held {
            at: now,
            starts_at: state.starts_at,
            spent: state.spent,
            rate: FIRST,
            holds: 0,
        });
        held.holds = ask.holds + units;
        Ok(())
    }
}
