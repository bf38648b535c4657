//! The APIs' desk and the plans of the console, by pages and forms, up to the gateway.

use axum::body::Body;
use contract::StaffRole;
use contract::apis::OPENAPI_MAX;

use crate::harness::{Answer, Browser, House, PORTAL, encoded};

const DOCUMENT: &str = r#"{"openapi":"3.1.0","info":{"title":"Tides"},"paths":{"/v1/tides":{"get":{}}}}"#;

/// A house with an API and two plans.
async fn with_api() -> (House, Browser) {
    let house = House::open().await;
    let staff = house.staff_as("Olga", StaffRole::Admin).await;
    let op = house.op_of(&staff).await;
    portal::apis::create(&op, "tides", "Tides", "https://tides.example.com").await.unwrap();
    for (name, approval) in [("Plus", "automatic"), ("Pro", "manual")] {
        let plan = portal::plans::NewPlan {
            name: name.to_owned(),
            limit_requests: "60".to_owned(),
            limit_seconds: "60".to_owned(),
            quota_units: "10000".to_owned(),
            quota_period: "month".to_owned(),
            approval: approval.to_owned(),
            audience: "everybody".to_owned(),
            ..<_>::default()
        };
        portal::plans::create(&op, "tides", plan).await.unwrap();
    }
    (house, staff)
}

/// Sends a form of a page without a script, and comes to where that leads.
async fn send(browser: &mut Browser, page: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
    let request = browser.form(page, path, fields);
    let answer = browser.send(request).await;
    assert_eq!(answer.status, 302, "{answer:?}");
    browser.visit(&answer.leads_to().replace(PORTAL, "")).await
}

async fn operations(house: &House) -> usize {
    let all = portal::apis::load_all(house.portal.db()).await.unwrap();
    all.iter().find(|api| api.slug == "tides").unwrap().routes.len()
}

#[tokio::test]
async fn a_document_that_is_refused_is_on_its_page_again_with_what_is_wrong() {
    let (house, staff) = with_api().await;
    let mut staff = staff.without_script();
    let refused = staff.post("/admin/apis/tides", &[("openapi", "{ this is <no> &lt; document")]).await;
    assert_eq!(refused.status, 422);
    let text = refused.body.split("<textarea").last().unwrap();
    assert!(text.contains(">{ this is &lt;no&gt; &amp;lt; document</textarea>"), "{text}");
    assert!(refused.body.contains("This is not an OpenAPI 3 document in JSON."), "{}", refused.body);
    let missing = staff.post("/admin/apis/nothing", &[("openapi", DOCUMENT)]).await;
    assert_eq!(missing.status, 404);

    let saved = send(&mut staff, "/admin/apis/tides", "/admin/apis/tides", &[("openapi", DOCUMENT)]).await;
    assert!(saved.body.contains("The document is saved."), "{}", saved.body);
    assert_eq!(operations(&house).await, 1);
}

/// Claims: S002-19
#[tokio::test]
async fn only_the_form_for_documents_takes_a_long_body_and_from_staff_alone() {
    let (house, staff) = with_api().await;
    let mut staff = staff.without_script();
    // As long as a document may be, and in a form each of its braces takes three bytes.
    let long = format!("{}{}", " ".repeat(OPENAPI_MAX - DOCUMENT.len()), DOCUMENT);
    let saved = send(&mut staff, "/admin/apis/tides", "/admin/apis/tides", &[("openapi", &long)]).await;
    assert!(saved.body.contains("The document is saved."));
    let longer = staff.post("/admin/apis/tides", &[("openapi", &format!(" {long}"))]).await;
    assert_eq!(longer.status, 422);
    let mut longest = staff.form("/admin/apis/tides", "/admin/apis/tides", &[]);
    *longest.body_mut() = Body::from(format!("openapi={}", encoded(&"{".repeat(OPENAPI_MAX + 64 * 1024))));
    assert_eq!(staff.send(longest).await.status, 413);

    let mut ada = house.person("Ada").await.without_script();
    assert_eq!(ada.post("/admin/apis/tides", &[("openapi", &long)]).await.status, 404);
    let mut ada = house.browser().without_script();
    ada.sign_in("ada@example.com").await;
    assert_eq!(ada.post("/rpc/apis/change", &[("allowed_origins", &"x".repeat(100_000))]).await.status, 413);
    assert_eq!(operations(&house).await, 1);
}

#[tokio::test]
async fn a_refused_form_of_the_desk_shows_its_fields_again() {
    let (_house, staff) = with_api().await;
    let mut staff = staff.without_script();
    let fields = [("slug", "Sun"), ("name", "The sun"), ("upstream_url", "https://user@example.com")];
    let page = send(&mut staff, "/admin/apis/new", "/rpc/apis/create", &fields).await;
    for text in ["value=\"Sun\"", "value=\"The sun\"", "value=\"https://user@example.com\"", "small letters, digits"] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    let fields = [("slug", "tides"), ("name", "Free"), ("limit_requests", "many"), ("audience", "everybody")];
    let page = send(&mut staff, "/admin/apis/tides/plans/new", "/rpc/plans/save", &fields).await;
    for text in ["value=\"many\"", "Enter a whole number from 1 to", "value=\"Free\""] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
}

/// Claims: CARD-06
#[tokio::test]
async fn a_member_asks_for_a_plan_staff_reject_it_and_the_member_reads_why() {
    let (house, staff) = with_api().await;
    let (mut ada, mut staff) = (house.person("Ada").await.without_script(), staff.without_script());
    let listed = ada.visit("/console/apis").await;
    assert!(listed.body.contains("none: calls are refused until you have one"), "{}", listed.body);
    let page = ada.visit("/console/apis/tides").await;
    let values = page.body.split("value=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
    let offered: Vec<String> = values.filter(|value| value.starts_with("plan_")).collect();
    let [plus, pro] = offered.try_into().unwrap();
    let fields = [("slug", "tides"), ("plan", plus.as_str()), ("note", "")];
    let mine = send(&mut ada, "/console/apis/tides", "/rpc/subscriptions/request", &fields).await;
    assert!(mine.body.contains("The plan is yours.") && mine.body.contains("0 of 10,000 units"), "{}", mine.body);
    let fields = [("slug", "tides"), ("plan", pro.as_str()), ("note", "We grow.")];
    let asked = send(&mut ada, "/console/apis/tides", "/rpc/subscriptions/request", &fields).await;
    assert!(asked.body.contains("The request is sent.") && asked.body.contains("We grow."), "{}", asked.body);

    let desk = staff.visit("/admin/apis/tides").await;
    let link = "/admin/apis/tides/subscriptions/";
    let at = desk.body.find(link).unwrap();
    let id = desk.body[at + link.len()..].split('"').next().unwrap().to_owned();
    let page = staff.visit(&format!("{link}{id}")).await;
    assert!(page.body.contains("We grow.") && page.body.contains("Approve the request"), "{}", page.body);
    let fields = [("slug", "tides"), ("id", id.as_str()), ("reason", "Tell us more.")];
    let done = send(&mut staff, &format!("{link}{id}"), "/rpc/subscriptions/reject", &fields).await;
    assert!(done.body.contains("The request is rejected."), "{}", done.body);
    let after = ada.visit("/console/apis/tides").await;
    assert!(after.body.contains("Tell us more.") && after.body.contains("Rejected"), "{}", after.body);
}
