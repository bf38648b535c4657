#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use contract::request_logs::RequestRow;
use contract::{ApiId, Millis};
use uuid::Uuid;

use super::{Ask, GONE_MS, Granted, beat, begin, end, lease};
use crate::testing::{self, Dice, TestPortal, caller, row, start};
use crate::{SignedIn, request_logs};

const DAY_MS: Millis = 86_400_000;

fn now() -> Millis {
    start().timestamp_millis()
}

fn ask(zoe: &SignedIn, process: Uuid, holds: i64, wants: i64, needs: i64) -> Ask {
    let from = now() - now().rem_euclid(DAY_MS);
    Ask {
        process,
        organization: zoe.organization.id,
        api: ApiId::new(Uuid::from_u128(1)),
        window: (from, from + DAY_MS),
        quota: 100,
        holds,
        wants,
        needs,
        processes: 2,
    }
}

async fn store(test: &TestPortal, zoe: &SignedIn, key: &contract::keys::Key, units: i64) {
    if units > 0 {
        let row = RequestRow { cost: units, ..row(start(), Some(caller(zoe, key))) };
        request_logs::store(test.portal.db(), &[row]).await.unwrap();
    }
}

#[tokio::test]
async fn processes_are_there_while_they_say_so() {
    let test = testing::portal().await;
    let (db, one, two) = (test.portal.db(), Uuid::from_u128(1), Uuid::from_u128(2));
    begin(db, one, now()).await.unwrap();
    begin(db, two, now() + 5_000).await.unwrap();
    assert_eq!(beat(db, one, now() + 10_000).await.unwrap(), 2);
    assert_eq!(beat(db, one, now() + 5_000 + GONE_MS).await.unwrap(), 1);
    assert_eq!(beat(db, two, now() + 40_000).await.unwrap(), 2);
    end(db, two).await.unwrap();
    assert_eq!(beat(db, one, now() + 40_000).await.unwrap(), 1);
}

#[tokio::test]
async fn nobody_is_granted_what_is_stored_or_held_by_somebody() {
    let test = testing::portal().await;
    let zoe = test.sign_up_and_verify("Zoe").await;
    let (key, _) = test.revealed_key(&zoe, "k", start()).await;
    let (db, one, two) = (test.portal.db(), Uuid::from_u128(1), Uuid::from_u128(2));
    store(&test, &zoe, &key, 40).await;
    // Of sixty left a quarter: half of a fair share.
    assert_eq!(lease(db, &ask(&zoe, one, 0, 1_000, 1), now()).await.unwrap(), Granted { units: 15, left: 45 });
    assert_eq!(lease(db, &ask(&zoe, two, 0, 5, 1), now()).await.unwrap(), Granted { units: 5, left: 40 });
    // One call may need more than the share, and not more than there is.
    assert_eq!(lease(db, &ask(&zoe, two, 5, 0, 30), now()).await.unwrap(), Granted { units: 30, left: 10 });
    assert_eq!(lease(db, &ask(&zoe, one, 15, 0, 11), now()).await.unwrap(), Granted { units: 0, left: 10 });
    // What the first one spent is stored, and it says so: it holds nothing any more.
    store(&test, &zoe, &key, 15).await;
    assert_eq!(lease(db, &ask(&zoe, one, 0, 0, 0), now()).await.unwrap(), Granted { units: 0, left: 10 });
    // The second was killed. What it holds stays held until it is there again, having stored what it spent.
    assert_eq!(lease(db, &ask(&zoe, one, 0, 0, 10), now()).await.unwrap(), Granted { units: 10, left: 0 });
    assert_eq!(lease(db, &ask(&zoe, one, 10, 0, 1), now()).await.unwrap(), Granted { units: 0, left: 0 });
    store(&test, &zoe, &key, 7).await;
    begin(db, two, now()).await.unwrap();
    assert_eq!(lease(db, &ask(&zoe, one, 10, 0, 0), now()).await.unwrap(), Granted { units: 0, left: 28 });
    // Another period is another count.
    begin(db, one, now() + DAY_MS).await.unwrap();
    assert_eq!(test.count("quota_leases").await, 0);
}

/// The same arithmetic from two sides at once, at random: rows stored and units held never come to more than the quota.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_several_processes_take_store_and_return_they_never_spend_more_than_the_quota() {
    let test = testing::portal().await;
    let zoe = test.sign_up_and_verify("Zoe").await;
    let (key, _) = test.revealed_key(&zoe, "k", start()).await;
    let work = |number: u128| {
        let (test, zoe, key) = (&test, &zoe, &key);
        async move {
            let mut dice = Dice(u64::try_from(number).unwrap() + 7);
            let (mut budget, mut unstored, mut spent) = (0, 0, 0);
            for _ in 0..30 {
                let cost = 1 + dice.below(4);
                if budget < cost {
                    let ask = ask(zoe, Uuid::from_u128(number), budget + unstored, dice.below(20), cost - budget);
                    budget += lease(test.portal.db(), &ask, now()).await.unwrap().units;
                }
                if budget >= cost {
                    (budget, unstored, spent) = (budget - cost, unstored + cost, spent + cost);
                }
                if dice.below(3) == 0 {
                    store(test, zoe, key, unstored).await;
                    unstored = 0;
                }
            }
            store(test, zoe, key, unstored).await;
            spent
        }
    };
    let (one, two, three) = tokio::join!(work(1), work(2), work(3));
    let total = one + two + three;
    assert!(total <= 100, "{one} + {two} + {three}");
    assert!(total >= 60, "most of it could be spent: {total}");
}
