#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::{DateTime, TimeDelta, Utc};
use contract::request_logs::RequestRow;
use contract::{ApiId, PlanId, Refusal, StaffRole, SubscriptionId};

use super::super::{own_page, request, terms};
use super::{Extra, NewTopUp, extras, top_up};
use crate::plans::{self, NewPlan};
use crate::testing::{self, TestPortal, caller, refusal, row, start};
use crate::{Op, SignedIn, apis, request_logs, usage};

/// An organization with a plan of ten units a day.
struct World {
    test: TestPortal,
    staff: Op,
    zoe: SignedIn,
    api: ApiId,
    plan: PlanId,
    subscription: SubscriptionId,
    key: contract::keys::Key,
}

fn ten_a_day(units: &str) -> NewPlan {
    NewPlan {
        name: "Ten".to_owned(),
        quota_units: units.to_owned(),
        quota_period: "day".to_owned(),
        approval: "automatic".to_owned(),
        audience: "everybody".to_owned(),
        ..NewPlan::default()
    }
}

/// Ten in the morning of a day, and so many hours.
fn hours(hours: i64) -> DateTime<Utc> {
    start() + TimeDelta::hours(hours)
}

async fn world() -> World {
    let test = testing::portal().await;
    let ada = test.staff("Ada", StaffRole::Admin).await;
    let zoe = test.sign_up_and_verify("Zoe").await;
    let staff = test.fresh(&ada, start() + TimeDelta::minutes(1));
    let api = apis::create(&staff, "tides", "Tides", "https://tides.example.com").await.unwrap();
    let plan = plans::create(&staff, "tides", ten_a_day("10")).await.unwrap();
    let subscription = request(&test.op(&zoe, start() + TimeDelta::minutes(2)), plan, "").await.unwrap();
    let (key, _) = test.revealed_key(&zoe, "k", start() + TimeDelta::minutes(3)).await;
    test.watcher.take_terms();
    World { test, staff, zoe, api, plan, subscription, key }
}

impl World {
    async fn give(&self, units: &str, expires_at: &str) {
        let new = NewTopUp {
            units: units.to_owned(),
            reason: "For the launch.".to_owned(),
            expires_at: expires_at.to_owned(),
        };
        top_up(&self.staff, self.subscription, &new).await.unwrap();
    }

    /// Stores rows of one unit each.
    async fn call(&self, times: usize, at: DateTime<Utc>) {
        let rows: Vec<RequestRow> = (0..times)
            .map(|_| {
                let api = Some((self.api, "tides".to_owned()));
                RequestRow { api, ..row(at, Some(caller(&self.zoe, &self.key))) }
            })
            .collect();
        request_logs::store(self.test.portal.db(), &rows).await.unwrap();
    }

    async fn left(&self, now: DateTime<Utc>) -> i64 {
        let all = extras(self.test.portal.db(), self.api, now.timestamp_millis()).await.unwrap();
        all.get(&self.zoe.organization.id).map_or(0, |extra| extra.units)
    }
}

/// Claims: MAST-22
#[tokio::test]
async fn units_given_once_are_spent_after_the_quota_and_what_is_left_of_them_stays() {
    let world = world().await;
    world.give("5", "").await;
    let told = world.test.watcher.take_terms();
    assert_eq!(told[0].terms.as_ref().unwrap().top_ups, 5);
    assert!(world.test.actions().await.contains(&"subscription.topped_up".to_owned()));
    let mails = world.test.mails_to("zoe@example.com").await;
    let mail = mails.iter().find(|mail| mail.subject == "5 more units for Tides").unwrap();
    assert!(mail.text.contains("For the launch."), "{}", mail.text);

    world.call(9, hours(0)).await;
    assert_eq!(world.left(hours(0)).await, 5);
    world.call(3, hours(1)).await;
    assert_eq!(world.left(hours(1)).await, 3);
    // The next day has its own ten, and then what is left.
    world.call(10, hours(24)).await;
    assert_eq!(world.left(hours(24)).await, 3);
    world.call(2, hours(25)).await;
    assert_eq!(world.left(hours(25)).await, 1);
    // A row that comes late belongs to its own day, of which the quota is spent.
    world.call(1, hours(2)).await;
    assert_eq!(world.left(hours(25)).await, 0);
    let page = own_page(&world.test.op(&world.zoe, hours(25)), "tides").await.unwrap();
    assert_eq!((page.own.used, page.own.extra), (Some(12), 0));
    assert_eq!((page.top_ups[0].units, page.top_ups[0].spent), (5, 5));
    assert_eq!(page.own.next_period.as_deref(), Some("23 November 2026, 00:00 UTC"));
}

#[tokio::test]
async fn what_ends_first_is_spent_first_and_what_has_ended_is_not_there() {
    let world = world().await;
    world.give("4", "").await;
    world.give("4", "2026-11-22").await;
    world.call(12, hours(0)).await;
    assert_eq!(world.left(hours(0)).await, 6);
    let left: Vec<i64> = {
        let page = own_page(&world.test.op(&world.zoe, hours(0)), "tides").await.unwrap();
        page.top_ups.iter().map(|one| one.left(hours(0).timestamp_millis())).collect()
    };
    assert!(left.contains(&2) && left.contains(&4), "{left:?}");
    // Midnight: two of the first are gone, the others stay.
    assert_eq!(world.left(hours(14)).await, 4);
    let all = extras(world.test.portal.db(), world.api, hours(0).timestamp_millis()).await.unwrap();
    let midnight = "2026-11-22T00:00:00Z".parse::<DateTime<Utc>>().unwrap().timestamp_millis();
    assert_eq!(all[&world.zoe.organization.id], Extra { units: 6, ends_at: Some(midnight) });
}

#[tokio::test]
async fn rows_that_are_offered_twice_are_charged_once() {
    let world = world().await;
    world.give("5", "").await;
    let api = Some((world.api, "tides".to_owned()));
    let make = || RequestRow { api: api.clone(), ..row(hours(0), Some(caller(&world.zoe, &world.key))) };
    let rows: Vec<RequestRow> = (0..12).map(|_| make()).collect();
    for _ in 0..3 {
        request_logs::store(world.test.portal.db(), &rows).await.unwrap();
    }
    assert_eq!(world.left(hours(0)).await, 3);
}

/// Two processes that store rows of one organization at the same moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_are_stored_at_once_are_charged_as_if_one_came_after_the_other() {
    let world = world().await;
    world.give("50", "").await;
    let batches = (0..8).map(|_| world.call(5, hours(0)));
    futures_join(batches).await;
    assert_eq!(world.left(hours(0)).await, 50 - (8 * 5 - 10));
}

async fn futures_join(all: impl Iterator<Item = impl Future<Output = ()>>) {
    let mut all: Vec<_> = all.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        all.retain_mut(|one| one.as_mut().poll(context).is_pending());
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

#[tokio::test]
async fn another_plan_keeps_them_and_a_larger_quota_spends_none_of_them() {
    let world = world().await;
    world.give("5", "").await;
    world.call(12, hours(0)).await;
    assert_eq!(world.left(hours(0)).await, 3);
    plans::change(&world.staff, world.plan, ten_a_day("20")).await.unwrap();
    world.call(8, hours(1)).await;
    assert_eq!(world.left(hours(1)).await, 3);
    world.call(1, hours(1)).await;
    assert_eq!(world.left(hours(1)).await, 2);
    let now = terms::current(world.test.portal.db().read(), world.zoe.organization.id, world.api).await.unwrap();
    assert_eq!(now.unwrap().quota.unwrap().units, 20);
    let sums = usage::spent_since(world.test.portal.db(), world.api, 0, None).await.unwrap();
    assert_eq!(sums[&world.zoe.organization.id], 21);
}

/// Claims: FLOW-61
#[tokio::test]
async fn only_staff_give_units_with_a_reason_and_to_whom_a_quota_counts() {
    let world = world().await;
    let new = |units: &str, reason: &str, expires_at: &str| NewTopUp {
        units: units.to_owned(),
        reason: reason.to_owned(),
        expires_at: expires_at.to_owned(),
    };
    let good = new("5", "why", "");
    let zoe = world.test.op(&world.zoe, hours(0));
    assert_eq!(refusal(top_up(&zoe, world.subscription, &good).await), Refusal::NotFound);
    let nothing = SubscriptionId::new(uuid::Uuid::from_u128(7));
    assert_eq!(refusal(top_up(&world.staff, nothing, &good).await), Refusal::NotFound);
    let wrong = refusal(top_up(&world.staff, world.subscription, &new("0", " ", "2020-01-01")).await);
    let Refusal::InvalidInput { fields } = wrong else { panic!("another") };
    assert_eq!(
        fields.iter().map(|one| one.field.as_str()).collect::<Vec<_>>(),
        ["extra_units", "reason", "expires_at"]
    );
    // Without a quota there is nothing beside which they could stand.
    let unlimited = NewPlan { quota_period: String::new(), ..ten_a_day("") };
    plans::change(&world.staff, world.plan, unlimited).await.unwrap();
    assert_eq!(refusal(top_up(&world.staff, world.subscription, &good).await), Refusal::StateConflict);
    plans::change(&world.staff, world.plan, ten_a_day("10")).await.unwrap();
    for _ in 0..super::TOP_UPS_MAX {
        world.give("1", "").await;
    }
    let many = refusal(top_up(&world.staff, world.subscription, &good).await);
    assert_eq!(many, Refusal::TooMany { max: super::TOP_UPS_MAX });
    super::super::leave(&zoe, world.subscription).await.unwrap();
    assert_eq!(refusal(top_up(&world.staff, world.subscription, &good).await), Refusal::StateConflict);
}

#[tokio::test]
async fn a_plan_says_in_which_zone_and_from_when_its_periods_run() {
    let world = world().await;
    let monthly = NewPlan {
        quota_period: "month".to_owned(),
        quota_anchor: "subscription".to_owned(),
        quota_zone: "europe/berlin".to_owned(),
        ..ten_a_day("10")
    };
    plans::change(&world.staff, world.plan, monthly).await.unwrap();
    world.call(4, hours(0)).await;
    let page = own_page(&world.test.op(&world.zoe, hours(30)), "tides").await.unwrap();
    // Zoe’s subscription began on 21 November.
    assert_eq!(page.own.next_period.as_deref(), Some("21 December 2026, 00:00 Europe/Berlin"));
    assert_eq!(page.own.used, Some(4));
    let told = world.test.watcher.take_terms();
    let terms = told.last().unwrap().terms.clone().unwrap();
    assert_eq!(terms.resets.zone, "Europe/Berlin");
    let (from, until) = terms.windows().unwrap().bounds(hours(0).timestamp_millis());
    let text = |at| DateTime::from_timestamp_millis(at).unwrap().to_rfc3339();
    assert_eq!(
        (text(from), text(until)),
        ("2026-11-20T23:00:00+00:00".to_owned(), "2026-12-20T23:00:00+00:00".to_owned())
    );
}
