#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::{DateTime, TimeDelta, Utc};
use contract::apis::{AddressPolicy, AgentPolicy};
use contract::request_logs::{Caller, Condition, Filter, RequestRow, StatusFilter};
use contract::{Environment, KeyId, OrganizationId, Refusal, RequestId, Role, StaffRole};
use sea_orm::{ConnectionTrait as _, EntityTrait as _};
use uuid::Uuid;

use super::{PAGE, REPLAY, choices, list, since, store, table};
use crate::testing::{self, Dice, TestPortal, at, caller, refusal, row, start};
use crate::{Op, Scope, SignedIn, usage};

fn after(seconds: i64) -> DateTime<Utc> {
    at(TimeDelta::seconds(seconds))
}

/// Two people with two keys each, one of them for tests.
async fn callers(test: &TestPortal) -> (SignedIn, SignedIn, Vec<Caller>) {
    let (ada, bob) = (test.sign_up_and_verify("Ada").await, test.sign_up_and_verify("Bob").await);
    let mut all = Vec::new();
    for person in [&ada, &bob] {
        for label in ["my server", "Laptop"] {
            let (key, _) = test.revealed_key(person, label, after(10 + all.len() as i64)).await;
            let environment = if label == "Laptop" { Environment::Test } else { Environment::Live };
            all.push(Caller { environment, ..caller(person, &key) });
        }
    }
    (ada, bob, all)
}

/// All pages, one after the other.
async fn all_pages(op: &Op, scope: Scope, filter: &Filter) -> Vec<RequestRow> {
    let mut rows = Vec::new();
    let mut before: Option<RequestId> = None;
    loop {
        let page = list(op, scope, filter, before).await.unwrap();
        assert!(page.items.len() as u64 <= PAGE);
        rows.extend(page.items);
        match page.next {
            Some(next) => before = Some(next.parse().unwrap()),
            None => return rows,
        }
    }
}

fn newest_first(mut rows: Vec<RequestRow>) -> Vec<RequestRow> {
    rows.sort_by_key(|row| std::cmp::Reverse(row.id));
    rows
}

fn one(condition: Condition, negated: bool) -> Filter {
    Filter { conditions: vec![(negated, condition)] }
}

/// Everything that can be asked for, and some that match nothing.
fn conditions(callers: &[Caller]) -> Vec<Condition> {
    let mut all: Vec<Condition> = [200, 404, 503, 599].map(StatusFilter::Exactly).map(Condition::Status).to_vec();
    all.extend((1..=5).map(StatusFilter::Class).map(Condition::Status));
    all.extend(["GET", "POST", "PATCH", ""].map(|method| Condition::Method(method.to_owned())));
    all.extend(["almanac", "tides", "unknown", "\0"].map(|slug| Condition::Api(slug.to_owned())));
    all.extend(callers.iter().map(|caller| Condition::Organization(caller.organization)));
    all.push(Condition::Organization(OrganizationId::new(Uuid::from_u128(1))));
    all.extend(callers.iter().map(|caller| Condition::Key(caller.key.to_string())));
    all.push(Condition::Key(KeyId::new(Uuid::from_u128(1)).to_string()));
    all.extend(
        ["my server", "Laptop", "laptop", "%", "'; DROP TABLE request_logs; --", "\0"]
            .map(|label| Condition::Key(label.to_owned())),
    );
    all.extend(
        ["none", "missing_key", "upstream_down", "unknown_key", "NONE", "\0"]
            .map(|code| Condition::Code(code.to_owned())),
    );
    all.extend(Environment::ALL.map(Condition::Environment));
    all
}

#[tokio::test]
async fn a_filter_means_in_sql_what_it_means_in_the_live_log() {
    let test = testing::portal().await;
    let staff = test.staff("Staff", StaffRole::Support).await;
    let (.., callers) = callers(&test).await;
    let now = after(3_600);
    let mut dice = Dice(11);
    let mut rows = dice.rows(230, &callers, now, TimeDelta::days(2));
    rows[0].key_hint = Some("cs_live_…x7Qd".to_owned());
    store(test.portal.db(), &rows).await.unwrap();
    let rows = newest_first(rows);
    let op = test.op(&staff, now);
    assert_eq!(
        all_pages(&op, Scope::Everything, &Filter::default()).await,
        rows,
        "a row comes back as it was recorded"
    );

    let conditions = conditions(&callers);
    let mut filters: Vec<Filter> =
        conditions.iter().flat_map(|condition| [false, true].map(|negated| one(condition.clone(), negated))).collect();
    for _ in 0..60 {
        let count = 2 + dice.below(3);
        let parts = (0..count).map(|_| (dice.below(2) == 1, dice.pick(&conditions).clone())).collect();
        filters.push(Filter { conditions: parts });
    }
    let mut found = 0;
    for filter in &filters {
        let expected: Vec<_> = rows.iter().filter(|row| filter.matches(row)).cloned().collect();
        found += expected.len();
        assert_eq!(all_pages(&op, Scope::Everything, filter).await, expected, "{filter:?}");
    }
    assert!(found > 1_000, "the filters found next to nothing");
}

#[tokio::test]
async fn pages_have_no_gap_and_no_repeat_while_rows_arrive() {
    let test = testing::portal().await;
    let (ada, _, callers) = callers(&test).await;
    let now = after(3_600);
    // Many at the same millisecond, where only the id tells them apart.
    let mut rows: Vec<_> = (0..130).map(|place| row(after(60 + place / 40), Some(callers[0].clone()))).collect();
    store(test.portal.db(), &rows).await.unwrap();
    let op = test.op(&ada, now);
    let mut seen = Vec::new();
    let mut before = None;
    for page_number in 0.. {
        let page = list(&op, Scope::Organization, &Filter::default(), before).await.unwrap();
        seen.extend(page.items);
        let Some(next) = page.next else { break };
        before = Some(next.parse().unwrap());
        let newer: Vec<_> = (0..7).map(|_| row(after(600 + page_number), Some(callers[0].clone()))).collect();
        store(test.portal.db(), &newer).await.unwrap();
    }
    rows = newest_first(rows);
    assert_eq!(seen, rows);

    // Exactly one page has no next one.
    let exactly: Vec<_> = (0..PAGE).map(|_| row(after(60), Some(callers[1].clone()))).collect();
    store(test.portal.db(), &exactly).await.unwrap();
    let filter = one(Condition::Key("Laptop".to_owned()), false);
    let page = list(&op, Scope::Organization, &filter, None).await.unwrap();
    assert_eq!((page.items.len() as u64, page.next), (PAGE, None));
}

/// Claims: MAST-24
#[tokio::test]
async fn storing_a_row_twice_stores_it_once() {
    let test = testing::portal().await;
    let (.., callers) = callers(&test).await;
    let rows = Dice(1).rows(20, &callers, after(600), TimeDelta::minutes(3));
    store(test.portal.db(), &rows).await.unwrap();
    let before = test.dump().await;
    store(test.portal.db(), &rows).await.unwrap();
    store(test.portal.db(), &rows[7..]).await.unwrap();
    assert_eq!(test.dump().await, before);
    let twice = [rows[0].clone(), row(after(700), None), rows[0].clone(), rows[1].clone()];
    store(test.portal.db(), &[&twice[..], &twice[..]].concat()).await.unwrap();
    assert_eq!(test.count("request_logs").await, 21);
}

/// What a stored row says: the columns below and nothing else. That the gateway writes nothing of a client into them
/// is proved where it makes the row: `nothing_that_a_client_says_about_an_end_user_stands_in_a_row`.
///
/// Claims: FLOW-16, FLOW-17, FLOW-18, CARD-18
#[tokio::test]
async fn a_row_holds_of_the_caller_the_key_and_what_the_profile_of_its_api_keeps() {
    let test = testing::portal().await;
    let (_, bob, callers) = callers(&test).await;
    let stored: Vec<String> = test
        .columns()
        .await
        .into_iter()
        .filter(|(table, _)| table == "request_logs")
        .map(|(_, column)| column)
        .collect();
    // When, where to, with which key, and what came of it; the hint belongs to keys that are not known.
    let of_the_request = ["id", "at", "api_id", "api_slug", "method", "route"];
    let of_the_caller = ["organization_id", "key_id", "key_label", "secret_version", "environment", "key_hint"];
    let of_the_profile = ["ip", "ip_policy", "user_agent", "ua_policy"];
    let of_the_answer = ["status", "code", "latency_us", "upstream_us", "response_bytes", "cost"];
    let mut declared = [&of_the_request[..], &of_the_caller[..], &of_the_profile[..], &of_the_answer[..]].concat();
    declared.sort_unstable();
    let mut stored: Vec<&str> = stored.iter().map(String::as_str).collect();
    stored.sort_unstable();
    assert_eq!(stored, declared);

    let called = row(after(60), Some(callers[2].clone()));
    store(test.portal.db(), &[called.clone(), row(after(61), None)]).await.unwrap();
    let rows = table::Entity::find().all(test.portal.db().read()).await.unwrap();
    for row in rows {
        if row.id == called.id.uuid() {
            // Ids and the label of the key; not the person, not even the organization's name.
            assert_eq!(
                (row.organization_id, row.key_id),
                (Some(bob.organization.id.uuid()), Some(callers[2].key.uuid()))
            );
            assert_eq!((row.key_label.as_str(), row.environment.as_deref()), ("my server", Some("live")));
            let written = format!("{row:?}");
            assert!(!written.contains("Bob") && !written.contains('@'), "{written}");
        } else {
            assert_eq!((row.organization_id, row.key_id, row.environment, row.key_hint), (None, None, None, None));
            assert_eq!(row.key_label, "");
        }
    }
}

/// A row of an API that keeps these of its callers.
fn kept_row(at: DateTime<Utc>, caller: &Caller, policy: AddressPolicy) -> RequestRow {
    RequestRow {
        address: policy.keep("203.0.113.77".parse().unwrap()),
        agent: AgentPolicy::Full.keep("caller/7"),
        ..row(at, Some(caller.clone()))
    }
}

/// Claims: MAST-23, MASA-08
#[tokio::test]
async fn a_row_comes_back_with_what_was_kept_of_its_caller() {
    let test = testing::portal().await;
    let (ada, _, callers) = callers(&test).await;
    let policies = AddressPolicy::ALL.into_iter().zip(0..);
    let rows: Vec<_> = policies.map(|(policy, second)| kept_row(after(60 + second), &callers[0], policy)).collect();
    store(test.portal.db(), &rows).await.unwrap();
    let shown = all_pages(&test.op(&ada, after(120)), Scope::Organization, &Filter::default()).await;
    assert_eq!(shown, newest_first(rows));
    let texts: Vec<_> = shown.iter().map(|row| row.address.map(|kept| kept.text())).collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(texts, [text("203.0.113.77"), text("203.0.113.77"), text("203.0.113.0/24"), None]);
    let written = format!("{:?}", test.dump().await);
    assert_eq!(written.matches("203.0.113.77").count(), 2);
}

/// Claims: FLOW-16, FLOW-17, MASA-08
#[tokio::test]
async fn the_database_takes_no_address_without_a_policy_that_keeps_it() {
    let test = testing::portal().await;
    store(test.portal.db(), &[row(after(60), None)]).await.unwrap();
    for set in ["ip = '203.0.113.77'", "user_agent = 'caller/7'"] {
        let op = test.system(after(60));
        let tx = op.begin().await.unwrap();
        tx.execute_unprepared(&format!("UPDATE request_logs SET {set}")).await.unwrap_err();
    }
    test.sql("UPDATE request_logs SET ip = '203.0.113.0/24', ip_policy = 'truncated'").await;
}

/// Claims: MASA-27, MAST-26
#[tokio::test]
async fn a_developer_sees_only_rows_of_the_own_organization() {
    let test = testing::portal().await;
    let (ada, bob, callers) = callers(&test).await;
    let now = after(600);
    let rows = newest_first(Dice(5).rows(120, &callers, now, TimeDelta::minutes(9)));
    store(test.portal.db(), &rows).await.unwrap();
    let of = |person: &SignedIn| {
        let mine =
            |row: &&RequestRow| row.caller.as_ref().is_some_and(|caller| caller.organization == person.organization.id);
        rows.iter().filter(mine).cloned().collect::<Vec<_>>()
    };
    assert!(of(&ada).len() > 20 && of(&bob).len() > 20 && of(&ada).len() + of(&bob).len() < rows.len());

    for person in [&ada, &bob] {
        let op = test.op(person, now);
        assert_eq!(all_pages(&op, Scope::Organization, &Filter::default()).await, of(person));
        let mut missed = of(person);
        missed.reverse();
        assert_eq!(since(&op, Scope::Organization, &Filter::default(), 0).await.unwrap().rows, missed);
        // No condition opens a door, neither as it is nor negated.
        for condition in conditions(&callers) {
            for negated in [false, true] {
                let filter = one(condition.clone(), negated);
                let expected: Vec<_> = of(person).into_iter().filter(|row| filter.matches(row)).collect();
                assert_eq!(all_pages(&op, Scope::Organization, &filter).await, expected, "{filter:?}");
            }
        }
        // Nor does a page that starts after someone else's row.
        for row in rows.iter().take(10) {
            let page = list(&op, Scope::Organization, &Filter::default(), Some(row.id)).await.unwrap();
            assert!(page.items.iter().all(|row| of(person).contains(row)));
        }
        let offered = choices(&op, Scope::Organization).await.unwrap();
        assert_eq!(offered.organizations, []);
        assert_eq!(
            offered.keys.iter().map(|(_, label)| label.as_str()).collect::<Vec<_>>(),
            ["Laptop", "my server", "First key"]
        );
        let usage = usage::read(&op, Scope::Organization, None, contract::usage::UsageRange::Hour).await.unwrap();
        assert_eq!(usage.answered(), of(person).len() as i64);

        assert_eq!(refusal(list(&op, Scope::Everything, &Filter::default(), None).await), Refusal::NotFound);
        assert_eq!(refusal(since(&op, Scope::Everything, &Filter::default(), 0).await), Refusal::NotFound);
        assert_eq!(refusal(choices(&op, Scope::Everything).await), Refusal::NotFound);
    }
    let anonymous = test.anonymous(now);
    for scope in [Scope::Organization, Scope::Everything] {
        assert_eq!(refusal(list(&anonymous, scope, &Filter::default(), None).await), Refusal::NotSignedIn);
    }
    let billing = test.with_role(&ada, Role::Billing).await;
    let op = test.op(&billing, now);
    assert_eq!(refusal(list(&op, Scope::Organization, &Filter::default(), None).await), Refusal::NotAllowed);
    assert_eq!(refusal(since(&op, Scope::Organization, &Filter::default(), 0).await), Refusal::NotAllowed);
    assert_eq!(refusal(choices(&op, Scope::Organization).await), Refusal::NotAllowed);
}

#[tokio::test]
async fn a_live_viewer_who_was_away_is_sent_the_newest_of_what_was_missed() {
    let test = testing::portal().await;
    let staff = test.staff("Staff", StaffRole::Owner).await;
    let rows: Vec<_> = (0..REPLAY as i64 + 30).map(|second| row(after(second), None)).collect();
    store(test.portal.db(), &rows).await.unwrap();
    let op = test.op(&staff, after(3_600));
    let missed = async |since_ms, filter: &Filter| {
        let missed = since(&op, Scope::Everything, filter, since_ms).await.unwrap();
        (missed.rows, missed.before)
    };
    let everything = Filter::default();
    // One row a second: 60 of the minute before come along.
    assert_eq!(missed(after(225).timestamp_millis(), &everything).await, (rows[165..].to_vec(), 0));
    assert_eq!(missed(after(225).timestamp_millis() + 1, &everything).await, (rows[166..].to_vec(), 0));
    // Beyond what is sent, only what was missed is counted: not the minute that comes along.
    assert_eq!(missed(after(30).timestamp_millis(), &everything).await, (rows[30..].to_vec(), 0));
    assert_eq!(missed(after(25).timestamp_millis(), &everything).await, (rows[30..].to_vec(), 5));
    assert_eq!(missed(0, &everything).await, (rows[30..].to_vec(), 30));
    assert_eq!(missed(0, &one(Condition::Code("none".to_owned()), false)).await, (Vec::new(), 0));
    let all = choices(&op, Scope::Everything).await.unwrap();
    assert_eq!(all.organizations, [(staff.organization.id, "Staff".to_owned())]);
    assert_eq!(all.keys.len(), 1);
}

#[tokio::test]
async fn a_row_shows_the_organization_under_its_name_of_today_and_the_key_under_its_label_of_then() {
    let test = testing::portal().await;
    let (ada, _, callers) = callers(&test).await;
    store(test.portal.db(), &[row(start(), Some(callers[0].clone()))]).await.unwrap();
    test.sql("UPDATE organizations SET name = 'Ada & Co'").await;
    test.sql("UPDATE keys SET label = 'Renamed'").await;
    let shown = list(&test.op(&ada, after(60)), Scope::Organization, &Filter::default(), None).await.unwrap();
    let shown = shown.items[0].caller.as_ref().unwrap();
    assert_eq!((shown.organization_name.as_str(), shown.key_label.as_str()), ("Ada & Co", "my server"));
}
