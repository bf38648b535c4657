//! Quotas from the plan's form to the gateway: which period counts, what was spent in it before, and units given once.

use axum::Router;
use axum::routing::get;
use contract::StaffRole;
use portal::plans::NewPlan;
use portal::subscriptions::top_ups::NewTopUp;
use server::clock;
use server::directories::{Directories, Sink};

use crate::forms::create;
use crate::harness::{Browser, House, PATIENCE, serve, soon};

const DOCUMENT: &str = r#"{"openapi":"3.1.0","info":{"title":"Tides"},"paths":{"/one":{"get":{}}}}"#;

fn plan(units: &str, period: &str, zone: &str) -> NewPlan {
    NewPlan {
        name: "Some".to_owned(),
        quota_units: units.to_owned(),
        quota_period: period.to_owned(),
        quota_zone: zone.to_owned(),
        approval: "automatic".to_owned(),
        audience: "everybody".to_owned(),
        ..<_>::default()
    }
}

/// Calls, and says what is left of the quota after that.
async fn call(program: &mut Browser, secret: &str) -> i64 {
    let answer = program.call("/tides/one", secret).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    left(answer.header("ratelimit"))
}

fn left(header: &str) -> i64 {
    header.split("\"quota\";r=").nth(1).unwrap().split(';').next().unwrap().parse().unwrap()
}

/// Units of rows that are stored.
async fn stored(house: &House, units: i64) {
    let storing = async {
        let sql = "SELECT CAST(COALESCE(SUM(units), 0) AS TEXT) FROM usage_minutes";
        while house.database.texts(sql.to_owned(), 1).await[0][0] != units.to_string() {
            tokio::task::yield_now().await;
        }
    };
    soon("the rows", storing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_period_a_plan_counts_in_what_was_spent_in_it_before_counts() {
    let house = House::open().await;
    let address = house.open_gateway().await;
    let staff = house.staff_as("Olga", StaffRole::Admin).await;
    let op = house.op_of(&staff).await;
    let upstream = serve(Router::new().route("/one", get("one"))).await;
    portal::apis::create(&op, "tides", "Tides", &upstream).await.unwrap();
    portal::apis::change_document(&op, "tides", DOCUMENT).await.unwrap();
    let some = portal::plans::create(&op, "tides", plan("10", "day", "")).await.unwrap();
    let mut ada = house.person("Ada").await;
    create(&mut ada, "Server").await;
    let token = house.token_to("ada@example.com", "/reveal").await;
    let secret = ada.without_script().post("/reveal", &[("token", &token)]).await.secret();
    let mine = house.op_of(&ada).await;
    let subscription = portal::subscriptions::request(&mine, some, "").await.unwrap();
    let mut program = Browser::at_socket(&address);
    for expected in [9, 8, 7] {
        assert_eq!(call(&mut program, &secret).await, expected);
    }
    // Whether the rows are stored already or not: three were spent in the month too.
    portal::plans::change(&op, some, plan("8", "month", "")).await.unwrap();
    assert_eq!(call(&mut program, &secret).await, 4);
    stored(&house, 4).await;
    portal::plans::change(&op, some, plan("20", "month", "Europe/Berlin")).await.unwrap();
    assert_eq!(call(&mut program, &secret).await, 15);
    // Without a quota nothing is counted, and with one again all of it is.
    portal::plans::change(&op, some, NewPlan { quota_period: String::new(), ..plan("", "", "") }).await.unwrap();
    assert_eq!(program.call("/tides/one", &secret).await.status, 200);
    portal::plans::change(&op, some, plan("7", "month", "")).await.unwrap();
    assert_eq!(call(&mut program, &secret).await, 0);
    assert_eq!(program.call("/tides/one", &secret).await.code(), "quota_exceeded");

    // Units that are given once come after it, and survive a start.
    let given = NewTopUp { units: "3".to_owned(), reason: "Sorry.".to_owned(), expires_at: String::new() };
    portal::subscriptions::top_ups::top_up(&op, subscription, &given).await.unwrap();
    assert_eq!(call(&mut program, &secret).await, 2);
    assert_eq!(call(&mut program, &secret).await, 1);
    stored(&house, 9).await;
    let page = ada.visit("/console/apis/tides").await;
    assert!(page.body.contains("1 units beside it are left") && page.body.contains("Sorry."), "{}", page.body);
    // Another gateway that takes everything from the database, as after a start.
    let started = Directories::new(PATIENCE);
    started.load(&house.portal, clock::now().timestamp_millis()).await.unwrap();
    let ports = started.ports(Sink(house.ledger.clone()));
    let upstream = ports.upstreams.find("tides").unwrap();
    let known = ports.subscriptions.find(house.organization_of(&ada).await.0, &upstream).unwrap();
    assert_eq!(known.remaining(clock::now().timestamp_millis()), Some(1));
    // A larger plan: units given once are spent after it, and only then.
    portal::plans::change(&op, some, plan("11", "month", "")).await.unwrap();
    assert_eq!(call(&mut program, &secret).await, 2);
    assert_eq!(call(&mut program, &secret).await, 1);
    assert_eq!(call(&mut program, &secret).await, 0);
    let refused = program.call("/tides/one", &secret).await;
    assert_eq!(refused.code(), "quota_exceeded");
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_calls_at_once_spend_no_more_than_there_is_also_while_the_plan_is_changed() {
    let house = House::open().await;
    let address = house.open_gateway().await;
    let staff = house.staff_as("Olga", StaffRole::Admin).await;
    let op = house.op_of(&staff).await;
    let upstream = serve(Router::new().route("/one", get("one"))).await;
    portal::apis::create(&op, "tides", "Tides", &upstream).await.unwrap();
    portal::apis::change_document(&op, "tides", DOCUMENT).await.unwrap();
    let some = portal::plans::create(&op, "tides", plan("50", "month", "")).await.unwrap();
    let mut ada = house.person("Ada").await;
    create(&mut ada, "Server").await;
    let token = house.token_to("ada@example.com", "/reveal").await;
    let secret = ada.without_script().post("/reveal", &[("token", &token)]).await.secret();
    portal::subscriptions::request(&house.op_of(&ada).await, some, "").await.unwrap();
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let (address, secret) = (address.clone(), secret.clone());
            tokio::spawn(async move { Browser::at_socket(&address).call("/tides/one", &secret).await.status })
        })
        .collect();
    // The same units in other periods, again and again.
    for zone in ["Asia/Tokyo", "UTC", "Europe/Berlin", "UTC"] {
        portal::plans::change(&op, some, plan("50", "month", zone)).await.unwrap();
    }
    let mut good = 0;
    for call in calls {
        match soon("an answer", call).await.unwrap() {
            200 => good += 1,
            status => assert_eq!(status, 429),
        }
    }
    assert_eq!(good, 50);
}
