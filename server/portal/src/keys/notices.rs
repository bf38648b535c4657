//! Notices: what the owners of a key are told before it happens, once each.

use contract::{Millis, OrganizationId, Refusal};
use sea_orm::sea_query::ExprTrait as _;
use sea_orm::{ActiveModelTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, Set};

use super::table::{self, COLUMN, Model};
use super::{DAY_MS, letters};
use crate::organizations::members;
use crate::{Actor, Op, Result};

/// How long before the end of a key its owners are told, in days, and the bit that says they were.
const BEFORE_THE_END: [(i64, i64); 3] = [(30, 1), (7, 2), (1, 4)];

/// All bits of that.
pub(super) const OF_THE_END: i64 = 7;

/// The bit that says that the end of an old secret was told, a day before.
pub(super) const OF_THE_OLD_SECRET: i64 = 8;

/// The bit that says that a key was found unused.
const UNUSED: i64 = 16;

/// After so many days a key counts as unused.
pub(super) const UNUSED_DAYS: i64 = 90;

/// Bits that are set from the start: whoever gives a key five days need not be told that these are less than seven.
pub(crate) fn told_of_the_end(end: Option<Millis>, now: Millis) -> i64 {
    let Some(end) = end else { return 0 };
    BEFORE_THE_END.into_iter().filter(|(days, _)| end - now <= days * DAY_MS).map(|(_, bit)| bit).sum()
}

/// What there is to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// The key ends then.
    Ends(Millis),
    /// Its old secret ends then.
    OldSecretEnds(Millis),
    /// Nobody used it for a long time.
    Unused,
}

/// What is due for a key, and its bits once that is told.
fn due(key: &Model, now: Millis) -> (Vec<Notice>, i64) {
    let (mut notices, mut told) = (Vec::new(), key.notified);
    if key.revoked_at.is_some() || key.secret_hash.is_none() || key.expires_at.is_some_and(|end| end <= now) {
        return (notices, told);
    }
    if let Some(end) = key.expires_at {
        let near = told_of_the_end(Some(end), now);
        if near & !told != 0 {
            notices.push(Notice::Ends(end));
            told |= near;
        }
    }
    let old = key.previous_retires_at.filter(|end| *end > now && *end - now <= DAY_MS);
    if let Some(end) = old.filter(|_| key.previous_hash.is_some() && told & OF_THE_OLD_SECRET == 0) {
        notices.push(Notice::OldSecretEnds(end));
        told |= OF_THE_OLD_SECRET;
    }
    let rests = key.last_used_at().or(key.revealed_at).is_some_and(|used| now - used >= UNUSED_DAYS * DAY_MS);
    if rests && told & UNUSED == 0 {
        notices.push(Notice::Unused);
        told |= UNUSED;
    } else if !rests {
        told &= !UNUSED;
    }
    (notices, told)
}

/// Mails the owners of keys what is near: the end of a key 30, 7 and 1 days ahead, the end of an old secret a day ahead,
/// and that a key was not used for 90 days. Each once.
///
/// For a job: only the program itself may. Says of how many keys somebody was told.
///
/// # Errors
/// [`Refusal::NotAllowed`] for anyone else.
pub async fn notify_due(op: &Op) -> Result<u64> {
    if op.actor != Actor::System {
        return Err(Refusal::NotAllowed.into());
    }
    let now = op.now_ms();
    let long_ago = now - UNUSED_DAYS * DAY_MS;
    let ends = COLUMN.expires_at.gt(now).and(COLUMN.expires_at.lte(now + BEFORE_THE_END[0].0 * DAY_MS));
    let old_ends = COLUMN.previous_retires_at.gt(now).and(COLUMN.previous_retires_at.lte(now + DAY_MS));
    let rests = COLUMN.revealed_at.lte(long_ago).and(COLUMN.notified.lt(UNUSED));
    let told_of_rest = COLUMN.notified.gte(UNUSED);
    let near = table::Entity::find()
        .filter(COLUMN.revoked_at.is_null())
        .filter(ends.or(old_ends).or(rests).or(told_of_rest))
        .all(op.db().read())
        .await?;
    let mut told = 0;
    for key in near.into_iter().filter(|key| due(key, now).1 != key.notified) {
        told += u64::from(tell(op, &key).await?);
    }
    Ok(told)
}

async fn tell(op: &Op, seen: &Model) -> Result<bool> {
    let organization = OrganizationId::new(seen.organization_id);
    let tx = op.begin().await?;
    // Read again: whoever else tells at this moment waits here, and finds that it was told.
    let Some(key) = table::find_to_change(&tx, organization, seen.key()).await? else { return Ok(false) };
    let (notices, notified) = due(&key, op.now_ms());
    if notified == key.notified {
        return Ok(false);
    }
    let owners = members::owners(&tx, organization).await?;
    for notice in &notices {
        for owner in &owners {
            letters::notice(&tx, op, &key, owner, *notice).await?;
        }
    }
    let mut key = key.into_active_model();
    key.notified = Set(notified);
    key.update(&tx).await?;
    op.commit(tx).await?;
    Ok(!notices.is_empty())
}
