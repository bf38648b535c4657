#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::TimeDelta;
use contract::fields::Problem;
use contract::limits::{Limit, Period, Quota};
use contract::subscriptions::SubscriptionState;
use contract::{ApiId, PlanId, Refusal, Role, StaffRole, SubscriptionId};
use uuid::Uuid;

use super::terms::{self, TermsRecord};
use super::{NewOverrides, approve, change_overrides, leave, of_api, own, own_page, reject, request};
use crate::plans::{self, NewPlan};
use crate::testing::{self, TestPortal, at, refusal, start};
use crate::{Op, SignedIn, apis, request_logs};

fn new_plan(name: &str, requests: &str, units: &str, approval: &str, audience: &str) -> NewPlan {
    NewPlan {
        name: name.to_owned(),
        summary: String::new(),
        limit_requests: requests.to_owned(),
        limit_seconds: "60".to_owned(),
        quota_units: units.to_owned(),
        quota_period: "month".to_owned(),
        quota_anchor: String::new(),
        quota_zone: String::new(),
        approval: approval.to_owned(),
        audience: audience.to_owned(),
        position: String::new(),
    }
}

/// An API with plans: what everybody has, one that is active at once, one that waits, and one that nobody sees.
struct World {
    test: TestPortal,
    staff: Op,
    zoe: SignedIn,
    api: ApiId,
    free: PlanId,
    plus: PlanId,
    pro: PlanId,
    hidden: PlanId,
}

impl World {
    fn op(&self, person: &SignedIn) -> Op {
        self.test.op(person, at(TimeDelta::minutes(2)))
    }

    /// What the gateway was told since the last time: the plan's name, for one organization.
    fn told(&self) -> Vec<Option<String>> {
        let records = self.test.watcher.take_terms();
        assert!(records.iter().all(|one| (one.organization, one.api) == (self.zoe.organization.id, self.api)));
        records.into_iter().map(|one| one.terms.map(|terms| terms.plan_name)).collect()
    }

    async fn states(&self) -> Vec<Vec<String>> {
        let sql = "SELECT plans.name, subscriptions.state FROM subscriptions \
                   JOIN plans ON plans.id = subscriptions.plan_id ORDER BY 1, 2";
        self.test.texts(sql.to_owned(), 2).await
    }
}

async fn world() -> World {
    let test = testing::portal().await;
    let ada = test.staff("Ada", StaffRole::Admin).await;
    let zoe = test.sign_up_and_verify("Zoe").await;
    let staff = test.fresh(&ada, at(TimeDelta::minutes(1)));
    let api = apis::create(&staff, "tides", "Tides", "https://tides.example.com").await.unwrap();
    let plan = async |name, requests, units, approval, audience| {
        plans::create(&staff, "tides", new_plan(name, requests, units, approval, audience)).await.unwrap()
    };
    let free = plan("Free", "60", "10000", "automatic", "everybody").await;
    let plus = plan("Plus", "120", "50000", "automatic", "everybody").await;
    let pro = plan("Pro", "600", "1000000", "manual", "everybody").await;
    let hidden = plan("Hidden", "600", "", "automatic", "staff").await;
    apis::set_default_plan(&test.system(start()), "tides", free).await.unwrap();
    World { test, staff, zoe, api, free, plus, pro, hidden }
}

/// Claims: CARD-06, FLOW-29
#[tokio::test]
async fn a_plan_that_needs_no_approval_counts_at_once_and_leaving_it_leads_back_to_what_everybody_has() {
    let world = world().await;
    let op = world.op(&world.zoe);
    let before = own_page(&op, "tides").await.unwrap();
    let terms = before.own.terms.unwrap();
    assert_eq!((terms.plan_name.as_str(), terms.by_default, before.own.open), ("Free", true, false));
    assert_eq!(before.plans.iter().map(|plan| plan.name.as_str()).collect::<Vec<_>>(), ["Free", "Plus", "Pro"]);
    assert_eq!(before.own.next_period_at, Some(1_796_083_200_000)); // 2026-12-01
    assert!(before.may_change && before.active.is_none() && before.past.is_empty());

    let plus = request(&op, world.plus, " We grow. ").await.unwrap();
    assert_eq!(world.told(), [Some("Plus".to_owned())]);
    let now = own_page(&op, "tides").await.unwrap();
    let active = now.active.unwrap();
    assert_eq!((active.id, active.note.as_str(), active.state), (plus, "We grow.", SubscriptionState::Active));
    let terms = now.own.terms.unwrap();
    assert_eq!((terms.plan_name.as_str(), terms.by_default), ("Plus", false));
    assert_eq!(refusal(request(&op, world.plus, "").await), Refusal::StateConflict);

    leave(&op, plus).await.unwrap();
    assert_eq!(world.told(), [None]);
    let after = own_page(&op, "tides").await.unwrap();
    assert_eq!(after.own.terms.unwrap().plan_name, "Free");
    assert_eq!(after.past[0].state, SubscriptionState::Left);
    assert_eq!(refusal(leave(&op, plus).await), Refusal::StateConflict);
    let actions = world.test.actions().await;
    assert_eq!(actions[actions.len() - 2..], ["subscription.activated", "subscription.left"]);
}

/// Claims: CARD-06
#[tokio::test]
async fn a_request_waits_for_staff_and_an_approval_replaces_what_counted() {
    let world = world().await;
    let op = world.op(&world.zoe);
    request(&op, world.plus, "").await.unwrap();
    let pro = request(&op, world.pro, "We grow\r\nfast.").await.unwrap();
    assert_eq!(world.told(), [Some("Plus".to_owned())]);
    let page = own_page(&op, "tides").await.unwrap();
    assert_eq!((page.active.unwrap().plan_name, page.own.requested.unwrap().id), ("Plus".to_owned(), pro));
    let waiting = of_api(&world.staff, "tides").await.unwrap();
    assert_eq!(waiting[0].organization_name, world.zoe.organization.name);
    assert_eq!((waiting[0].subscription.id, waiting[0].subscription.note.as_str()), (pro, "We grow\nfast."));
    assert_eq!(apis::desk(&world.staff).await.unwrap()[0].waiting, 1);

    approve(&world.staff, pro).await.unwrap();
    assert_eq!(world.told(), [Some("Pro".to_owned())]);
    assert_eq!(world.states().await, [["Plus", "replaced"], ["Pro", "active"]]);
    assert_eq!(refusal(approve(&world.staff, pro).await), Refusal::StateConflict);
    assert_eq!(refusal(reject(&world.staff, pro, "Too late.").await), Refusal::StateConflict);
    let mail = &world.test.mails_to("zoe@example.com").await[0];
    assert_eq!(mail.subject, "Your plan for Tides is approved");
    assert!(mail.links.iter().any(|link| link.ends_with("/console/apis/tides")), "{:?}", mail.links);
    assert_eq!(terms::load_all(world.test.portal.db()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_rejection_has_a_reason_that_the_organization_reads_and_changes_nothing_else() {
    let world = world().await;
    let op = world.op(&world.zoe);
    let pro = request(&op, world.pro, "").await.unwrap();
    let Refusal::InvalidInput { fields } = refusal(reject(&world.staff, pro, " ").await) else { panic!("another") };
    assert_eq!((fields[0].field.as_str(), fields[0].problem), ("reason", Problem::Empty));
    reject(&world.staff, pro, "Tell us more first.").await.unwrap();
    assert_eq!(world.told(), []);
    let page = own_page(&op, "tides").await.unwrap();
    assert_eq!(page.past[0].reason.as_deref(), Some("Tell us more first."));
    assert_eq!((page.own.requested, page.own.terms.unwrap().plan_name), (None, "Free".to_owned()));
    assert_eq!(world.test.mails_to("zoe@example.com").await[0].subject, "Your request for Tides is rejected");
    // Whoever was rejected may ask again, and take it back.
    let again = request(&op, world.pro, "More.").await.unwrap();
    leave(&op, again).await.unwrap();
    assert_eq!(world.told(), []);
    assert_eq!(world.states().await, [["Pro", "left"], ["Pro", "rejected"]]);
}

#[tokio::test]
async fn asking_for_another_plan_replaces_the_request_that_waits() {
    let world = world().await;
    let op = world.op(&world.zoe);
    request(&op, world.pro, "").await.unwrap();
    request(&op, world.pro, "Once more.").await.unwrap();
    assert_eq!(world.states().await, [["Pro", "replaced"], ["Pro", "requested"]]);
    request(&op, world.plus, "").await.unwrap();
    assert_eq!(world.states().await, [["Plus", "active"], ["Pro", "replaced"], ["Pro", "replaced"]]);
}

/// Claims: FLOW-29
#[tokio::test]
async fn the_gateway_is_told_of_every_change_to_what_a_subscription_gives() {
    let world = world().await;
    let op = world.op(&world.zoe);
    let id = request(&op, world.plus, "").await.unwrap();
    let limit = |requests| Some(Limit { requests, seconds: 60 });
    let quota = |units| Some(Quota { units, period: Period::Month });
    let last = || {
        let told: [TermsRecord; 1] = world.test.watcher.take_terms().try_into().unwrap();
        let [terms] = told.map(|record| record.terms.unwrap());
        (terms.limit, terms.quota)
    };
    assert_eq!(last(), (limit(120), quota(50_000)));
    let more = NewOverrides { requests: "900".to_owned(), seconds: "60".to_owned(), units: "7".to_owned() };
    change_overrides(&world.staff, id, &more).await.unwrap();
    assert_eq!(last(), (limit(900), quota(7)));
    let loaded = terms::load_all(world.test.portal.db()).await.unwrap();
    assert_eq!(loaded[0].terms.as_ref().unwrap().limit, limit(900));
    // The plan's own numbers are another; what stands in their place stays.
    plans::change(&world.staff, world.plus, new_plan("Plus", "", "1", "automatic", "everybody")).await.unwrap_err();
    let unlimited = NewPlan { limit_seconds: String::new(), ..new_plan("Plus", "", "", "automatic", "everybody") };
    plans::change(&world.staff, world.plus, unlimited).await.unwrap();
    assert_eq!(last(), (limit(900), quota(7)));
    change_overrides(&world.staff, id, &NewOverrides::default()).await.unwrap();
    assert_eq!(last(), (None, None));
    let wrong = NewOverrides { requests: "0".to_owned(), units: "x".to_owned(), ..NewOverrides::default() };
    let Refusal::InvalidInput { fields } = refusal(change_overrides(&world.staff, id, &wrong).await) else {
        panic!("another")
    };
    assert_eq!(fields.iter().map(|one| one.field.as_str()).collect::<Vec<_>>(), ["requests", "units"]);
}

/// Claims: FLOW-61, CARD-12
#[tokio::test]
async fn nobody_asks_for_leaves_or_sees_what_is_not_theirs() {
    let world = world().await;
    let yan = world.test.sign_up_and_verify("Yan").await;
    let id = request(&world.op(&world.zoe), world.plus, "").await.unwrap();
    let nothing = SubscriptionId::new(Uuid::from_u128(7));
    let stranger = world.op(&yan);
    assert_eq!(refusal(leave(&stranger, id).await), Refusal::NotFound);
    assert_eq!(refusal(leave(&stranger, nothing).await), Refusal::NotFound);
    assert_eq!(own(&stranger).await.unwrap()[0].terms.as_ref().unwrap().plan_name, "Free");
    for plan in [world.hidden, PlanId::new(Uuid::from_u128(7))] {
        assert_eq!(refusal(request(&stranger, plan, "").await), Refusal::NotFound);
    }
    assert_eq!(refusal(request(&stranger, world.free, "").await), Refusal::StateConflict);
    plans::close(&world.staff, world.pro).await.unwrap();
    assert_eq!(refusal(request(&stranger, world.pro, "").await), Refusal::NotFound);
    apis::close(&world.staff, "tides").await.unwrap();
    assert_eq!(refusal(request(&stranger, world.plus, "").await), Refusal::NotFound);
    assert_eq!(refusal(own_page(&stranger, "tides").await), Refusal::NotFound);
    for verb in [approve(&stranger, id).await, reject(&stranger, id, "No.").await] {
        assert_eq!(refusal(verb), Refusal::NotFound);
    }
    assert_eq!(refusal(change_overrides(&stranger, id, &NewOverrides::default()).await), Refusal::NotFound);
    assert_eq!(refusal(of_api(&stranger, "tides").await), Refusal::NotFound);
    assert_eq!(refusal(own(&world.test.anonymous(start())).await), Refusal::NotSignedIn);
    for (role, may) in [(Role::Developer, false), (Role::Viewer, false), (Role::Billing, true), (Role::Admin, true)] {
        let zoe = world.test.with_role(&world.zoe, role).await;
        let expected = if may { Refusal::NotFound } else { Refusal::NotAllowed };
        assert_eq!(refusal(leave(&world.op(&zoe), nothing).await), expected, "{role:?}");
        assert_eq!(refusal(request(&world.op(&zoe), world.hidden, "").await), expected, "{role:?}");
    }
}

#[tokio::test]
async fn what_is_used_of_a_quota_is_what_the_period_cost() {
    let world = world().await;
    let (key, _) = world.test.revealed_key(&world.zoe, "program", at(TimeDelta::minutes(3))).await;
    let caller = testing::caller(&world.zoe, &key);
    let rows: Vec<_> = [(0, 3), (1, 4), (-60 * 24 * 30, 100)]
        .into_iter()
        .map(|(minutes, cost)| {
            let mut row = testing::row(at(TimeDelta::minutes(minutes)), Some(caller.clone()));
            row.api = Some((world.api, "tides".to_owned()));
            row.cost = cost;
            row
        })
        .collect();
    request_logs::store(world.test.portal.db(), &rows).await.unwrap();
    let [api] = own(&world.op(&world.zoe)).await.unwrap().try_into().unwrap();
    assert_eq!(api.used, Some(7));
}

/// Claims: CARD-06
#[tokio::test]
async fn of_two_who_ask_at_the_same_moment_one_waits_and_one_is_replaced() {
    let world = world().await;
    let (one, other) = (world.op(&world.zoe), world.op(&world.zoe));
    let (one, other) = tokio::join!(request(&one, world.pro, "One."), request(&other, world.pro, "Other."));
    assert_ne!(one.unwrap(), other.unwrap());
    assert_eq!(world.states().await, [["Pro", "replaced"], ["Pro", "requested"]]);
}
