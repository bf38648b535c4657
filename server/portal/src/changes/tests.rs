#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contract::StaffRole;
use contract::keys::{Key, KeyState};
use tokio_util::sync::CancellationToken;

use super::{BATCH, Heard, KEPT, run};
use crate::keys::{self, KeyWatcher};
use crate::testing::{self, TestPortal, Watcher, at};
use crate::{Portal, SignedIn, staff};

fn after(seconds: i64) -> DateTime<Utc> {
    at(TimeDelta::seconds(seconds))
}

/// Another process on the same database, which has heard everything so far.
struct Other {
    portal: Portal,
    watcher: Arc<Watcher>,
    heard: Heard,
}

impl Other {
    async fn beside(test: &TestPortal) -> Self {
        let watcher = Arc::new(Watcher::default());
        let (db, settings) = (test.portal.db().clone(), test.portal.settings().clone());
        let heard = Heard::now(&db).await.unwrap();
        let told = Arc::clone(&watcher) as Arc<dyn KeyWatcher>;
        Self { portal: Portal::new(db, settings, testing::secrets(), told), watcher, heard }
    }

    async fn catch_up(&mut self) -> u64 {
        self.heard.catch_up(&self.portal).await.unwrap()
    }

    /// The states of a key that it was told of since the last time somebody asked.
    fn told_of(&self, key: &Key) -> Vec<KeyState> {
        let told = self.watcher.take();
        told.into_iter().filter(|record| record.caller.key == key.id).map(|record| record.state).collect()
    }
}

async fn revoke(test: &TestPortal, person: &SignedIn, key: &Key, now: DateTime<Utc>) {
    keys::revoke(&test.op(person, now), key.id).await.unwrap();
}

/// Claims: MAST-15, FLOW-60
#[tokio::test]
async fn what_one_process_changes_another_is_told_of_as_it_is_now_and_once() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let mut other = Other::beside(&test).await;
    let (key, _) = test.revealed_key(&ada, "k", after(10)).await;
    assert!(other.catch_up().await > 0);
    assert_eq!(other.told_of(&key), [KeyState::Active]);
    assert_eq!((other.catch_up().await, other.told_of(&key)), (0, Vec::new()));
    // Two changes, and it is told where they led.
    keys::change_terms(
        &test.op(&ada, after(11)),
        key.id,
        &contract::keys::terms::TypedTerms { label: "renamed".to_owned(), ..Default::default() },
    )
    .await
    .unwrap();
    revoke(&test, &ada, &key, after(12)).await;
    assert_eq!((other.catch_up().await, other.told_of(&key)), (2, vec![KeyState::Revoked]));
}

#[tokio::test]
async fn an_organization_that_rests_rests_in_every_process() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let sam = test.staff("Sam", StaffRole::Admin).await;
    let mut other = Other::beside(&test).await;
    staff::suspend(&test.fresh(&sam, after(20)), ada.account, "abuse").await.unwrap();
    other.catch_up().await;
    assert_eq!(other.watcher.take_rests(), [(ada.organization.id, true)]);
}

#[tokio::test]
async fn a_change_that_was_rolled_back_leaves_nothing_to_hear() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, _) = test.revealed_key(&ada, "k", after(10)).await;
    let mut other = Other::beside(&test).await;
    let tx = test.portal.db().begin().await.unwrap();
    super::record(&tx, [super::Subject::Key(key.id)]).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(other.catch_up().await, 0);
    revoke(&test, &ada, &key, after(11)).await;
    assert_eq!((other.catch_up().await, other.told_of(&key)), (1, vec![KeyState::Revoked]));
}

/// The numbers of a sequence would be handed out in one order and committed in another, and whoever read in between
/// would never look back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_reads_while_many_commit_misses_none_of_them() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let mut keys = Vec::new();
    for number in 0..12 {
        keys.push(test.revealed_key(&ada, &format!("k{number}"), after(10 + number)).await.0);
    }
    let mut other = Other::beside(&test).await;
    // A portal each, so that nothing but the database puts them in order.
    let mut changing = tokio::task::JoinSet::new();
    for key in &keys {
        let portal = Other::beside(&test).await.portal;
        let op = portal.op(crate::Actor::Account(Box::new(ada.clone())), after(60), testing_request());
        let id = key.id;
        changing.spawn(async move { keys::revoke(&op, id).await.unwrap() });
    }
    let mut heard = 0;
    while !changing.is_empty() {
        heard += other.catch_up().await;
        tokio::select! {
            biased;
            _ = changing.join_next() => {}
            () = tokio::task::yield_now() => {}
        }
    }
    heard += other.catch_up().await;
    assert_eq!(heard, keys.len() as u64);
    let told = other.watcher.take();
    for key in &keys {
        let of_it: Vec<_> = told.iter().filter(|record| record.caller.key == key.id).collect();
        assert!(of_it.iter().any(|record| record.state == KeyState::Revoked), "{} was missed", key.label);
    }
}

fn testing_request() -> contract::RequestId {
    contract::RequestId::new(uuid::Uuid::nil())
}

#[tokio::test]
async fn whoever_was_away_for_too_long_takes_everything_anew() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, _) = test.revealed_key(&ada, "k", after(10)).await;
    let mut other = Other::beside(&test).await;
    revoke(&test, &ada, &key, after(11)).await;
    // So many changes that the first ones are not kept.
    let tx = test.portal.db().begin().await.unwrap();
    let many = (0..).map(|number| contract::KeyId::new(uuid::Uuid::from_u128(number)));
    super::record(&tx, many.take(KEPT as usize + BATCH as usize).map(super::Subject::Key)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(test.count("changes").await, KEPT);
    other.catch_up().await;
    assert_eq!(other.told_of(&key), [KeyState::Revoked]);
    assert!(other.watcher.take_rests().contains(&(ada.organization.id, false)));
    assert_eq!(other.catch_up().await, 0);
    // A database that was put back to an older copy of itself.
    test.sql("UPDATE change_head SET seq = 1").await;
    other.catch_up().await;
    assert_eq!(other.told_of(&key), [KeyState::Revoked]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_process_hears_without_being_asked() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, _) = test.revealed_key(&ada, "k", after(10)).await;
    let other = Other::beside(&test).await;
    let end = CancellationToken::new();
    let hearing = tokio::spawn(run(other.portal.clone(), other.heard, end.clone()));
    revoke(&test, &ada, &key, after(11)).await;
    let told = async {
        let mut looks = tokio::time::interval(Duration::from_millis(5));
        while other.told_of(&key).is_empty() {
            looks.tick().await;
        }
    };
    // Within a second by its own look; far sooner where the database rings. The rest is for a busy machine.
    tokio::time::timeout(Duration::from_secs(10), told).await.unwrap();
    end.cancel();
    hearing.await.unwrap();
}
