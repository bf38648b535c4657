#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::{DateTime, TimeDelta, Utc};
use contract::limits::Limit;
use contract::subscriptions::SubscriptionState;
use contract::{OrganizationId, PlanId, Refusal, StaffRole};
use uuid::Uuid;

use super::{change_limit, limits, see};
use crate::plans::{self, NewPlan};
use crate::testing::{self, TestPortal, at, refusal};
use crate::{Op, SignedIn, apis, organizations, subscriptions};

const LIMIT: Limit = Limit { requests: 5, seconds: 60 };

fn now() -> DateTime<Utc> {
    at(TimeDelta::minutes(1))
}

async fn people(test: &TestPortal) -> (SignedIn, Op) {
    let ada = test.sign_up_and_verify("Ada").await;
    let olga = test.staff("Olga", StaffRole::Admin).await;
    let desk = test.fresh(&olga, now());
    (ada, desk)
}

/// An API with a plan that nobody can ask for.
async fn quiet_plan(desk: &Op) -> PlanId {
    apis::create(desk, "tides", "Tides", "https://tides.example.com").await.unwrap();
    let plan = NewPlan {
        name: "Partners".to_owned(),
        approval: "manual".to_owned(),
        audience: "staff".to_owned(),
        limit_requests: "10".to_owned(),
        limit_seconds: "1".to_owned(),
        ..NewPlan::default()
    };
    plans::create(desk, "tides", plan).await.unwrap()
}

/// Claims: MASA-11, FLOW-29
#[tokio::test]
async fn the_limit_of_an_organization_is_told_before_the_verb_returns_and_read_at_the_start() {
    let test = testing::portal().await;
    let (ada, desk) = people(&test).await;
    let organization = ada.organization.id;
    test.watcher.take_limits();
    change_limit(&desk, organization, "5", "60").await.unwrap();
    assert_eq!(test.watcher.take_limits(), [(organization, Some(LIMIT))]);
    assert_eq!(limits(test.portal.db()).await.unwrap(), [(organization, LIMIT)]);
    assert_eq!(see(&desk, organization).await.unwrap().limit, Some(LIMIT));
    // Whoever hears of its owners hears of its limit.
    let standing = organizations::standing::owners_changed(test.portal.db().read(), organization).await.unwrap();
    standing[0].tell(&*test.watcher);
    assert_eq!(test.watcher.take_limits(), [(organization, Some(LIMIT))]);

    for (requests, seconds) in [("5", ""), ("", "60"), ("0", "60"), ("x", "60")] {
        let refused = refusal(change_limit(&desk, organization, requests, seconds).await);
        assert!(matches!(refused, Refusal::InvalidInput { .. }), "{refused:?}");
    }
    assert_eq!(see(&desk, organization).await.unwrap().limit, Some(LIMIT));
    change_limit(&desk, organization, "", "").await.unwrap();
    assert_eq!(test.watcher.take_limits(), [(organization, None)]);
    assert_eq!(limits(test.portal.db()).await.unwrap(), []);
    let actions = test.actions().await;
    assert_eq!(actions[actions.len() - 2..], ["organization.limit_changed", "organization.limit_changed"]);
}

#[tokio::test]
async fn staff_give_a_plan_that_nobody_can_ask_for_and_its_owners_are_told() {
    let test = testing::portal().await;
    let (ada, desk) = people(&test).await;
    let organization = ada.organization.id;
    let plan = quiet_plan(&desk).await;
    let own = test.op(&ada, now());
    assert_eq!(refusal(subscriptions::request(&own, plan, "").await), Refusal::NotFound);
    let before = see(&desk, organization).await.unwrap();
    assert_eq!((before.plans.len(), before.plans[0].has), (1, false));
    test.watcher.take_terms();

    subscriptions::give(&desk, organization, plan).await.unwrap();
    let told = test.watcher.take_terms();
    assert_eq!((told.len(), told[0].organization, told[0].terms.as_ref().unwrap().plan), (1, organization, plan));
    assert!(see(&desk, organization).await.unwrap().plans[0].has);
    let page = subscriptions::own_page(&own, "tides").await.unwrap();
    assert_eq!(page.active.map(|active| (active.plan, active.state)), Some((plan, SubscriptionState::Active)));
    let mail = test.mails_to(&ada.email).await.into_iter().find(|mail| mail.subject == "A plan for Tides");
    assert!(mail.unwrap().text.contains("has the plan “Partners” of Tides"));
    assert_eq!(refusal(subscriptions::give(&desk, organization, plan).await), Refusal::StateConflict);
    assert_eq!(test.actions().await.last().unwrap(), "subscription.given");
}

#[tokio::test]
async fn a_plan_that_is_closed_cannot_be_given_until_it_is_opened_again() {
    let test = testing::portal().await;
    let (ada, desk) = people(&test).await;
    let plan = quiet_plan(&desk).await;
    assert_eq!(refusal(plans::reopen(&desk, plan).await), Refusal::StateConflict);
    plans::close(&desk, plan).await.unwrap();
    assert_eq!(refusal(subscriptions::give(&desk, ada.organization.id, plan).await), Refusal::NotFound);
    assert_eq!(see(&desk, ada.organization.id).await.unwrap().plans, []);
    plans::reopen(&desk, plan).await.unwrap();
    subscriptions::give(&desk, ada.organization.id, plan).await.unwrap();
}

#[tokio::test]
async fn only_staff_who_manage_apis_change_limits_and_give_plans() {
    let test = testing::portal().await;
    let (ada, desk) = people(&test).await;
    let plan = quiet_plan(&desk).await;
    let sue = test.staff("Sue", StaffRole::Support).await;
    let organization = ada.organization.id;
    for (op, expected) in [
        (test.anonymous(now()), Refusal::NotSignedIn),
        (test.fresh(&ada, now()), Refusal::NotFound),
        (test.fresh(&sue, now()), Refusal::NotAllowed),
    ] {
        assert_eq!(refusal(change_limit(&op, organization, "5", "60").await), expected);
        assert_eq!(refusal(subscriptions::give(&op, organization, plan).await), expected);
        assert_eq!(refusal(plans::reopen(&op, plan).await), expected);
        assert_eq!(see(&op, organization).await.is_ok(), expected == Refusal::NotAllowed);
    }
    let nobody = OrganizationId::new(Uuid::from_u128(1));
    assert_eq!(refusal(change_limit(&desk, nobody, "5", "60").await), Refusal::NotFound);
    assert_eq!(refusal(subscriptions::give(&desk, nobody, plan).await), Refusal::NotFound);
    assert_eq!(refusal(see(&desk, nobody).await), Refusal::NotFound);
}
