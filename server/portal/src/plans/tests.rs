#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::TimeDelta;
use contract::fields::Problem;
use contract::limits::{Limit, Period, Quota};
use contract::plans::PLANS_MAX;
use contract::{PlanId, Refusal, StaffRole};
use uuid::Uuid;

use super::{NewPlan, change, close, create};
use crate::testing::{self, TestPortal, at, refusal, start};
use crate::{Op, apis};

/// A form for a plan, filled in well.
fn new_plan(name: &str) -> NewPlan {
    NewPlan {
        name: name.to_owned(),
        summary: "For a start.".to_owned(),
        limit_requests: "60".to_owned(),
        limit_seconds: "60".to_owned(),
        quota_units: "10000".to_owned(),
        quota_period: "month".to_owned(),
        quota_anchor: String::new(),
        quota_zone: String::new(),
        approval: "automatic".to_owned(),
        audience: "everybody".to_owned(),
        position: "1".to_owned(),
    }
}

/// A portal with one API, and an operation of staff who manage it.
async fn with_api() -> (TestPortal, Op) {
    let test = testing::portal().await;
    let ada = test.staff("Ada", StaffRole::Admin).await;
    let op = test.fresh(&ada, at(TimeDelta::minutes(1)));
    apis::create(&op, "tides", "Tides", "https://tides.example.com").await.unwrap();
    test.watcher.take_apis();
    (test, op)
}

/// Claims: FLOW-29
#[tokio::test]
async fn a_default_plan_is_what_every_organization_has_and_a_change_reaches_the_gateway() {
    let (test, op) = with_api().await;
    let plan = create(&op, "tides", new_plan("Free")).await.unwrap();
    let [told] = test.watcher.take_apis().try_into().unwrap();
    assert!(told.has_plans && told.default_terms.is_none());

    apis::set_default_plan(&test.system(start()), "tides", plan).await.unwrap();
    let [told] = test.watcher.take_apis().try_into().unwrap();
    let terms = told.default_terms.clone().unwrap();
    assert_eq!((terms.plan, terms.plan_name.as_str()), (plan, "Free"));
    assert_eq!(terms.limit, Some(Limit { requests: 60, seconds: 60 }));
    assert_eq!(terms.quota, Some(Quota { units: 10_000, period: Period::Month }));
    assert_eq!(apis::load_all(test.portal.db()).await.unwrap(), [told]);

    let roomy = NewPlan { limit_requests: String::new(), limit_seconds: String::new(), ..new_plan("Roomy") };
    change(&op, plan, roomy).await.unwrap();
    let [told] = test.watcher.take_apis().try_into().unwrap();
    let terms = told.default_terms.unwrap();
    assert_eq!((terms.plan_name.as_str(), terms.limit), ("Roomy", None));
    // Whoever has it would have nothing.
    assert_eq!(refusal(close(&op, plan).await), Refusal::StateConflict);
}

#[tokio::test]
async fn plans_stand_in_their_order_and_a_closed_one_stays() {
    let (_test, op) = with_api().await;
    let pro = create(&op, "tides", NewPlan { position: "2".to_owned(), ..new_plan("Pro") }).await.unwrap();
    let free = create(&op, "tides", new_plan("Free")).await.unwrap();
    close(&op, pro).await.unwrap();
    assert_eq!(refusal(close(&op, pro).await), Refusal::StateConflict);
    let plans = apis::see(&op, "tides").await.unwrap().plans;
    let shown: Vec<(PlanId, bool)> = plans.iter().map(|plan| (plan.id, plan.closed_at.is_some())).collect();
    assert_eq!(shown, [(free, false), (pro, true)]);
    assert_eq!(plans[0].gives(), "60 requests a minute, 10,000 units a month");
    assert_eq!(apis::desk(&op).await.unwrap()[0].plans, 1);
}

#[tokio::test]
async fn every_wrong_field_of_a_plan_is_told_at_once() {
    let (test, op) = with_api().await;
    let wrong = NewPlan {
        name: " ".to_owned(),
        summary: "x".repeat(201),
        limit_requests: "many".to_owned(),
        limit_seconds: "0".to_owned(),
        quota_units: "5".to_owned(),
        quota_period: "year".to_owned(),
        quota_anchor: "never".to_owned(),
        quota_zone: "Europe/Nowhere".to_owned(),
        approval: "perhaps".to_owned(),
        audience: String::new(),
        position: "-1".to_owned(),
    };
    let Refusal::InvalidInput { fields } = refusal(create(&op, "tides", wrong).await) else { panic!("another") };
    let fields: Vec<&str> = fields.iter().map(|one| one.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "name",
            "summary",
            "limit_requests",
            "limit_seconds",
            "quota_period",
            "quota_anchor",
            "quota_zone",
            "approval",
            "audience",
            "position"
        ]
    );
    create(&op, "tides", new_plan("Free")).await.unwrap();
    let pro = create(&op, "tides", new_plan("Pro")).await.unwrap();
    for again in [create(&op, "tides", new_plan("Free")).await.map(drop), change(&op, pro, new_plan("Free")).await] {
        let Refusal::InvalidInput { fields } = refusal(again) else { panic!("another") };
        assert_eq!((fields[0].field.as_str(), fields[0].problem), ("name", Problem::Taken));
    }
    assert_eq!(test.count("plans").await, 2);
}

#[tokio::test]
async fn only_staff_who_manage_apis_make_plans() {
    let (test, op) = with_api().await;
    let plan = create(&op, "tides", new_plan("Free")).await.unwrap();
    let (zoe, sue) = (test.sign_up_and_verify("Zoe").await, test.staff("Sue", StaffRole::Support).await);
    for (op, expected) in [
        (test.anonymous(start()), Refusal::NotSignedIn),
        (test.fresh(&zoe, start()), Refusal::NotFound),
        (test.fresh(&sue, start()), Refusal::NotAllowed),
    ] {
        assert_eq!(refusal(create(&op, "tides", new_plan("Mine")).await), expected);
        assert_eq!(refusal(change(&op, plan, new_plan("Mine")).await), expected);
        assert_eq!(refusal(close(&op, plan).await), expected);
    }
    let nothing = PlanId::new(Uuid::from_u128(7));
    assert_eq!(refusal(create(&op, "sun", new_plan("Free")).await), Refusal::NotFound);
    assert_eq!(refusal(change(&op, nothing, new_plan("Free")).await), Refusal::NotFound);
    assert_eq!(refusal(close(&op, nothing).await), Refusal::NotFound);
}

#[tokio::test]
async fn an_api_has_no_more_plans_than_somebody_can_choose_from() {
    let (_test, op) = with_api().await;
    for place in 0..PLANS_MAX {
        create(&op, "tides", new_plan(&format!("Plan {place}"))).await.unwrap();
    }
    assert_eq!(refusal(create(&op, "tides", new_plan("More")).await), Refusal::TooMany { max: PLANS_MAX });
}
