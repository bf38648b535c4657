#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use contract::request_logs::{Caller, RequestRow};
use contract::usage::UsageRange;
use contract::{Environment, Refusal, Role, StaffRole};
use sea_orm::EntityTrait as _;

use super::{DAY_MS, MINUTE_MS, WEEK_DAYS, read, table};
use crate::testing::{self, Dice, TestPortal, at, caller, refusal, row, start};
use crate::{Error, Scope, SignedIn, keys, request_logs};

fn after(seconds: i64) -> DateTime<Utc> {
    at(TimeDelta::seconds(seconds))
}

/// Two people with two keys each, one of them for tests.
async fn callers(test: &TestPortal) -> (SignedIn, SignedIn, Vec<Caller>) {
    let (ada, bob) = (test.sign_up_and_verify("Ada").await, test.sign_up_and_verify("Bob").await);
    let mut all = Vec::new();
    for person in [&ada, &bob] {
        for label in ["Server", "Laptop"] {
            let (key, _) = test.revealed_key(person, label, after(10 + all.len() as i64)).await;
            let environment = if label == "Laptop" { Environment::Test } else { Environment::Live };
            all.push(Caller { environment, ..caller(person, &key) });
        }
    }
    (ada, bob, all)
}

/// Everything that tells one number from another, as one text.
type Name = String;

/// Requests, failures, latency, bytes.
type Sums = (i64, i64, i64, i64);

fn add(sums: &mut Sums, requests: i64, failed: i64, latency_us: i64, response_bytes: i64) {
    *sums = (sums.0 + requests, sums.1 + failed, sums.2 + latency_us, sums.3 + response_bytes);
}

/// The sums that the stored rows give.
async fn sums_of_rows(test: &TestPortal) -> BTreeMap<Name, Sums> {
    let mut all = BTreeMap::new();
    for row in request_logs::table::Entity::find().all(test.portal.db().read()).await.unwrap() {
        let (organization, key, api) = (row.organization_id, row.key_id, row.api_id);
        let (organization, key, api) =
            (organization.unwrap_or_default(), key.unwrap_or_default(), api.unwrap_or_default());
        let minute = row.at - row.at % MINUTE_MS;
        let (environment, code) = (row.environment.unwrap_or_default(), row.code.unwrap_or_default());
        let name = format!("{minute} {organization} {key} {api} {environment} {} {} {code}", row.method, row.route);
        add(all.entry(name).or_default(), 1, i64::from(row.status >= 500), row.latency_us, row.response_bytes);
    }
    all
}

/// The sums that are stored.
async fn stored_sums(test: &TestPortal) -> BTreeMap<Name, Sums> {
    let mut all = BTreeMap::new();
    for cell in table::Entity::find().all(test.portal.db().read()).await.unwrap() {
        let table::Model { minute, organization_id, key_id, api_id, environment, method, route, code, .. } = cell;
        let name = format!("{minute} {organization_id} {key_id} {api_id} {environment} {method} {route} {code}");
        add(all.entry(name).or_default(), cell.requests, cell.failed, cell.latency_us, cell.response_bytes);
    }
    all
}

/// Claims: MAST-24, MAST-26, FLOW-11
#[tokio::test]
async fn usage_is_the_sum_of_the_rows() {
    let test = testing::portal().await;
    let (ada, bob, callers) = callers(&test).await;
    let mut dice = Dice(7391);
    let mut all: Vec<RequestRow> = Vec::new();
    for round in 0..12 {
        // One batch is larger than a single INSERT; minutes overlap between batches.
        let size = if round == 5 { 1_203 } else { dice.below(60) as usize };
        let now = after(600 + round * 30);
        let mut batch = dice.rows(size, &callers, now, TimeDelta::minutes(5));
        // Some stood in an earlier batch, some stand in this one twice: a batch that is stored again after a crash.
        for _ in 0..dice.below(30).min(all.len() as i64) {
            batch.push(dice.pick(&all).clone());
        }
        for _ in 0..dice.below(10).min(batch.len() as i64) {
            batch.insert(dice.below(batch.len() as i64) as usize, dice.pick(&batch).clone());
        }
        request_logs::store(test.portal.db(), &batch).await.unwrap();
        if round % 3 == 0 {
            let part = dice.below(batch.len() as i64 + 1) as usize;
            request_logs::store(test.portal.db(), &batch[..part]).await.unwrap();
        }
        all.extend(batch);
        assert_eq!(stored_sums(&test).await, sums_of_rows(&test).await, "round {round}");
    }
    all.sort_by_key(|row| row.id);
    all.dedup_by_key(|row| row.id);
    assert_eq!(test.count("request_logs").await, all.len() as i64);

    // What pages show is computed from the same: answered = accepted + refused = rows, for each and for all.
    let staff = test.staff("Staff", StaffRole::Auditor).await;
    let now = after(1_000);
    let count = |mine: &dyn Fn(&RequestRow) -> bool| {
        let refused = all.iter().filter(|row| mine(row) && row.is_refused()).count() as i64;
        (all.iter().filter(|row| mine(row)).count() as i64 - refused, refused)
    };
    let everything = read(&test.op(&staff, now), Scope::Everything, None, UsageRange::Day).await.unwrap();
    assert_eq!((everything.accepted, everything.refused), count(&|_| true));
    assert_eq!(everything.answered(), all.len() as i64);
    let failed = all.iter().filter(|row| row.status >= 500).count() as i64;
    assert_eq!(everything.failed, failed);
    for person in [&ada, &bob] {
        let of =
            |row: &RequestRow| row.caller.as_ref().is_some_and(|caller| caller.organization == person.organization.id);
        let usage = read(&test.op(person, now), Scope::Organization, None, UsageRange::Day).await.unwrap();
        assert_eq!((usage.accepted, usage.refused), count(&of));
        for environment in Environment::ALL {
            let usage =
                read(&test.op(person, now), Scope::Organization, Some(environment), UsageRange::Day).await.unwrap();
            let of = |row: &RequestRow| {
                of(row) && row.caller.as_ref().is_some_and(|caller| caller.environment == environment)
            };
            assert_eq!((usage.accepted, usage.refused), count(&of));
        }
        for key in &usage.keys {
            let of =
                |row: &RequestRow| of(row) && row.caller.as_ref().is_some_and(|caller| caller.key_label == key.label);
            assert_eq!((key.accepted, key.refused), count(&of));
        }
        assert_eq!(usage.keys.len(), 2);
    }
}

#[tokio::test]
async fn a_batch_is_stored_with_its_usage_or_not_at_all() {
    let test = testing::portal().await;
    let (.., callers) = callers(&test).await;
    let batch = Dice(1).rows(700, &callers, after(600), TimeDelta::minutes(5));
    test.sql("ALTER TABLE usage_minutes RENAME TO usage_elsewhere").await;
    let result = request_logs::store(test.portal.db(), &batch).await;
    assert!(matches!(result, Err(Error::Failed(_))), "{result:?}");
    assert_eq!(test.count("request_logs").await, 0);
    test.sql("ALTER TABLE usage_elsewhere RENAME TO usage_minutes").await;
    request_logs::store(test.portal.db(), &batch).await.unwrap();
    assert_eq!(test.count("request_logs").await, 700);
    request_logs::store(test.portal.db(), &[]).await.unwrap();
}

#[tokio::test]
async fn the_bars_of_every_range_hold_what_the_rows_say() {
    let test = testing::portal().await;
    let staff = test.staff("Staff", StaffRole::Support).await;
    let (.., callers) = callers(&test).await;
    // Not at the start of any bar.
    let now = after(3_723);
    let mut rows = Dice(3).rows(400, &callers, now, TimeDelta::days(32));
    rows.extend(Dice(4).rows(200, &callers, now, TimeDelta::hours(2)));
    for range in UsageRange::ALL {
        let first = DateTime::from_timestamp_millis(range.start(now.timestamp_millis())).unwrap();
        let bar = TimeDelta::milliseconds(range.bar_ms());
        for edge in [first, first + bar, now] {
            rows.extend([row(edge, None), row(edge - TimeDelta::milliseconds(1), Some(callers[0].clone()))]);
        }
    }
    request_logs::store(test.portal.db(), &rows).await.unwrap();

    for range in UsageRange::ALL {
        let usage = read(&test.op(&staff, now), Scope::Everything, None, range).await.unwrap();
        assert_eq!((usage.range, usage.points.len()), (range, range.bars()));
        let begin = range.start(now.timestamp_millis());
        for (place, point) in usage.points.iter().enumerate() {
            let from = begin + place as i64 * range.bar_ms();
            assert_eq!(point.at, from);
            let inside = rows.iter().filter(|row| row.at >= from && row.at < from + range.bar_ms());
            let (refused, accepted): (Vec<_>, Vec<_>) = inside.partition(|row| row.is_refused());
            assert_eq!(
                (point.accepted, point.refused),
                (accepted.len() as i64, refused.len() as i64),
                "{range:?} {place}"
            );
        }
        assert_eq!(usage.points.iter().map(|point| point.accepted).sum::<i64>(), usage.accepted);
        assert_eq!(usage.points.iter().map(|point| point.refused).sum::<i64>(), usage.refused);
    }
}

#[tokio::test]
async fn the_bars_and_the_totals_agree_also_when_a_row_is_newer_than_the_question() {
    let test = testing::portal().await;
    let (ada, _, callers) = callers(&test).await;
    let rows = [row(after(59), Some(callers[0].clone())), row(after(61), Some(callers[0].clone()))];
    request_logs::store(test.portal.db(), &rows).await.unwrap();
    let usage = read(&test.op(&ada, after(59)), Scope::Organization, None, UsageRange::Hour).await.unwrap();
    assert_eq!(usage.points.iter().map(|point| point.accepted).sum::<i64>(), usage.accepted);
    assert_eq!(usage.accepted, 1);
}

#[tokio::test]
async fn routes_keys_and_the_top_refusal_are_the_most_called() {
    let test = testing::portal().await;
    let staff = test.staff("Staff", StaffRole::Owner).await;
    let (.., callers) = callers(&test).await;
    let now = after(3_600);
    let rows = Dice(5).rows(500, &callers, now, TimeDelta::hours(20));
    request_logs::store(test.portal.db(), &rows).await.unwrap();
    let usage = read(&test.op(&staff, now), Scope::Everything, None, UsageRange::Day).await.unwrap();

    let of = |row: &&RequestRow| !row.route.is_empty();
    let routed = rows.iter().filter(of).count() as i64;
    let listed: i64 = usage.routes.iter().map(|route| route.accepted + route.refused).sum();
    assert!(usage.routes.len() == 10 && listed < routed, "{:?}", usage.routes);
    assert!(usage.routes.is_sorted_by_key(|route| std::cmp::Reverse(route.accepted + route.refused)));
    assert_eq!(usage.keys.len(), 4);
    assert!(usage.keys.is_sorted_by_key(|key| std::cmp::Reverse(key.accepted + key.refused)));
    assert!(usage.keys.iter().all(|key| key.hint.starts_with("cs_live_…") && key.hint.chars().count() == 13));

    let (code, count) = usage.top_refusal.unwrap();
    let of = |code: &str| rows.iter().filter(|row| row.code.as_deref() == Some(code)).count() as i64;
    assert_eq!(of(&code), count);
    assert!(["missing_key", "revoked_key", "upstream_down", "several_keys"].iter().all(|code| of(code) <= count));
}

/// Claims: FLOW-13
#[tokio::test]
async fn percentiles_are_nearest_ranks_of_accepted_requests() {
    let test = testing::portal().await;
    let (ada, _, callers) = callers(&test).await;
    let percentiles = async |environment| {
        let usage =
            read(&test.op(&ada, after(3_600)), Scope::Organization, environment, UsageRange::Day).await.unwrap();
        (usage.p50_us, usage.p95_us)
    };
    assert_eq!(percentiles(None).await, (None, None));
    let took = |latency_us, caller: &Caller| RequestRow { latency_us, ..row(after(60), Some(caller.clone())) };

    request_logs::store(test.portal.db(), &[took(7, &callers[0])]).await.unwrap();
    assert_eq!(percentiles(None).await, (Some(7), Some(7)));
    // 1 … 20 of the other environment: the 10th and the 19th.
    let rows: Vec<_> = (1..=20).rev().map(|latency| took(latency, &callers[1])).collect();
    request_logs::store(test.portal.db(), &rows).await.unwrap();
    assert_eq!(percentiles(Some(Environment::Test)).await, (Some(10), Some(19)));
    assert_eq!(percentiles(Some(Environment::Live)).await, (Some(7), Some(7)));
    assert_eq!(percentiles(None).await, (Some(10), Some(19)), "21 values: the 11th and the 20th, 7 stands twice");

    // Neither refused requests nor those of others count.
    let mut refused = took(9_000_000, &callers[1]);
    refused.code = Some("upstream_down".to_owned());
    request_logs::store(test.portal.db(), &[refused, took(9_000_000, &callers[2])]).await.unwrap();
    assert_eq!(percentiles(Some(Environment::Test)).await, (Some(10), Some(19)));
}

#[tokio::test]
async fn each_key_has_its_own_week() {
    let test = testing::portal().await;
    let (ada, _, callers) = callers(&test).await;
    let now = after(3_600);
    let mut rows = Dice(9).rows(400, &callers, now, TimeDelta::days(9));
    // The first and the last moment of the week, and those just outside.
    let today = now.timestamp_millis() - now.timestamp_millis() % DAY_MS;
    let first = DateTime::from_timestamp_millis(today - 6 * DAY_MS).unwrap();
    for edge in [first, first - TimeDelta::milliseconds(1), now] {
        rows.push(row(edge, Some(callers[0].clone())));
    }
    request_logs::store(test.portal.db(), &rows).await.unwrap();

    for key in keys::list(&test.op(&ada, now), None).await.unwrap() {
        let mut week = vec![0; WEEK_DAYS];
        for row in rows.iter().filter(|row| row.caller.as_ref().is_some_and(|caller| caller.key == key.id)) {
            if row.at >= first.timestamp_millis() {
                week[((row.at - first.timestamp_millis()) / DAY_MS) as usize] += 1;
            }
        }
        assert_eq!(key.week, week, "{}", key.label);
        assert_eq!(key.week.iter().sum::<i64>() > 0, key.label != "First key");
    }
}

#[tokio::test]
async fn the_last_use_of_a_key_is_its_last_accepted_request_to_the_minute() {
    let test = testing::portal().await;
    let (ada, _, callers) = callers(&test).await;
    let last_used = async || {
        let keys = keys::list(&test.op(&ada, after(3_600)), None).await.unwrap();
        keys.into_iter().find(|key| key.id == callers[0].key).unwrap().last_used_at
    };
    let mut refused = row(after(300), Some(callers[0].clone()));
    refused.code = Some("upstream_timeout".to_owned());
    request_logs::store(test.portal.db(), &[refused, row(after(300), Some(callers[1].clone()))]).await.unwrap();
    assert_eq!(last_used().await, None);

    let minute = |seconds: i64| Some(after(seconds).timestamp_millis());
    let called = |seconds| row(after(seconds), Some(callers[0].clone()));
    request_logs::store(test.portal.db(), &[called(185), called(130), called(125)]).await.unwrap();
    assert_eq!(last_used().await, minute(180));
    // A batch that arrives late does not turn it back.
    request_logs::store(test.portal.db(), &[called(65)]).await.unwrap();
    assert_eq!(last_used().await, minute(180));
    request_logs::store(test.portal.db(), &[called(245)]).await.unwrap();
    assert_eq!(last_used().await, minute(240));
}

/// Claims: MASA-27, FLOW-61
#[tokio::test]
async fn usage_is_for_members_and_the_usage_of_everyone_for_staff() {
    let test = testing::portal().await;
    let (ada, _, callers) = callers(&test).await;
    request_logs::store(test.portal.db(), &Dice(2).rows(50, &callers[2..], start(), TimeDelta::minutes(9)))
        .await
        .unwrap();
    let usage = read(&test.op(&ada, after(60)), Scope::Organization, None, UsageRange::Day).await.unwrap();
    assert_eq!((usage.answered(), usage.failed, usage.top_refusal), (0, 0, None));
    assert_eq!((usage.p50_us, usage.routes, usage.keys), (None, Vec::new(), Vec::new()));

    let question = async |op| read(&op, Scope::Everything, None, UsageRange::Day).await;
    assert_eq!(refusal(question(test.op(&ada, after(60))).await), Refusal::NotFound);
    assert_eq!(refusal(question(test.anonymous(after(60))).await), Refusal::NotSignedIn);
    let billing = test.with_role(&ada, Role::Billing).await;
    assert!(read(&test.op(&billing, after(60)), Scope::Organization, None, UsageRange::Day).await.is_ok());
}
