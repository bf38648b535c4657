#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::TimeDelta;
use contract::apis::{
    AddressPolicy, AgentPolicy, ApiTerms, Callers, Environments, LogLevel, LogMode, OPENAPI_MAX, PrivacyProfile,
};
use contract::fields::Problem;
use contract::limits::Limit;
use contract::{FieldProblem, Refusal, StaffRole};
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

use super::{
    NewApi, NewDetails, NewPrivacy, NewTerms, RESERVED_SLUGS, change, change_document, change_privacy, close, create,
    desk, docs, example_url, list, load_all, privacy, register, reopen, see,
};
use crate::plans::{self, NewPlan};
use crate::testing::{self, UNUSABLE, at, refusal, start};
use crate::{Error, Result};

fn document(title: &str) -> Value {
    json!({
        "openapi": "3.1.0",
        "info": { "title": title, "summary": "Sun and moon." },
        "paths": {
            "/v1/places": { "get": { "summary": "Places" } },
            "/v1/sun/{place}": { "get": {
                "summary": "Sunrise and sunset",
                "parameters": [{ "name": "place", "in": "path", "required": true, "example": "lisbon" }],
            } },
        },
    })
}

fn almanac(slug: &str) -> NewApi {
    NewApi { slug: slug.to_owned(), upstream_url: "http://127.0.0.1:1".to_owned(), openapi: document("Almanac") }
}

#[tokio::test]
async fn a_registered_api_is_listed_documented_and_known_to_the_gateway() {
    let test = testing::portal().await;
    assert_eq!(list(&test.anonymous(start())).await.unwrap(), []);
    assert_eq!(example_url(&test.anonymous(start())).await.unwrap(), "https://gateway.example");
    register(&test.system(start()), almanac("almanac")).await.unwrap();

    let op = test.anonymous(start());
    let listed = list(&op).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].slug.as_str(), listed[0].name.as_str(), listed[0].operations), ("almanac", "Almanac", 2));
    let shown = docs(&op, "almanac").await.unwrap();
    assert_eq!((&shown.api, shown.base_url.as_str()), (&listed[0], "https://gateway.example/almanac"));
    assert_eq!(
        shown.operations.iter().map(|operation| operation.path.as_str()).collect::<Vec<_>>(),
        ["/v1/places", "/v1/sun/{place}"]
    );
    assert_eq!(example_url(&op).await.unwrap(), "https://gateway.example/almanac/v1/sun/lisbon");
    for nothing in ["", "Almanac", "almanac ", "../almanac", "\0"] {
        assert_eq!(refusal(docs(&op, nothing).await), Refusal::NotFound, "{nothing:?}");
    }

    let loaded = load_all(test.portal.db()).await.unwrap();
    assert_eq!((loaded[0].slug.as_str(), loaded[0].upstream_url.as_str()), ("almanac", "http://127.0.0.1:1"));
    let routes: Vec<&str> = loaded[0].routes.iter().map(|route| route.template.as_str()).collect();
    assert_eq!(routes, ["/v1/places", "/v1/sun/{place}"]);
    assert_eq!((&loaded[0].terms, &loaded[0].default_terms), (&ApiTerms::default(), &None));
    assert!(!loaded[0].has_plans && !loaded[0].closed);
}

#[tokio::test]
async fn registering_again_brings_the_api_up_to_date_and_keeps_its_id() {
    let test = testing::portal().await;
    register(&test.system(start()), almanac("almanac")).await.unwrap();
    let before = load_all(test.portal.db()).await.unwrap();
    let later = NewApi {
        upstream_url: "http://127.0.0.1:2".to_owned(),
        openapi: document("New almanac"),
        ..almanac("almanac")
    };
    register(&test.system(at(TimeDelta::days(1))), later).await.unwrap();
    let after = load_all(test.portal.db()).await.unwrap();
    assert_eq!((after.len(), after[0].id, after[0].upstream_url.as_str()), (1, before[0].id, "http://127.0.0.1:2"));
    assert_eq!(list(&test.anonymous(start())).await.unwrap()[0].name, "New almanac");
}

#[tokio::test]
async fn a_slug_that_the_gateway_needs_or_cannot_read_is_refused_with_a_sentence() {
    let test = testing::portal().await;
    let long = "a".repeat(41);
    let wrong = ["", "Almanac", "al manac", "a/b", "a_b", "é", "a.b", &long];
    for slug in RESERVED_SLUGS.into_iter().chain(wrong) {
        let Err(Error::Failed(error)) = register(&test.system(start()), almanac(slug)).await else { panic!("{slug}") };
        assert!(error.to_string().contains("cannot be an API's slug"), "{error}");
    }
    let broken = NewApi { openapi: json!({ "openapi": "3.1.0" }), ..almanac("almanac") };
    assert!(matches!(register(&test.system(start()), broken).await, Err(Error::Failed(_))));
    assert_eq!(test.count("apis").await, 0);
    for slug in ["a", "7", &"a".repeat(40), "open-meteo-2"] {
        register(&test.system(start()), almanac(slug)).await.unwrap();
    }
}

#[tokio::test]
async fn only_the_program_itself_registers_apis() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    for op in [test.anonymous(start()), test.op(&ada, start())] {
        assert_eq!(refusal(register(&op, almanac("almanac")).await), Refusal::NotAllowed);
    }
}

/// A form for the terms of an API, filled in well.
fn new_details() -> NewDetails {
    NewDetails {
        name: "Tides".to_owned(),
        upstream_url: "https://tides.example.com/v2".to_owned(),
        default_plan: String::new(),
        terms: NewTerms {
            timeout_ms: "5000".to_owned(),
            body_max_bytes: "1048576".to_owned(),
            log_mode: "required".to_owned(),
            environments: "live".to_owned(),
            allowed_origins: "https://app.example.com/ http://localhost:3000\r\n".to_owned(),
            address_requests: "100".to_owned(),
            address_seconds: "60".to_owned(),
            more_upstreams: "https://tides-2.example.com/v2/\r\nhttps://tides-2.example.com/v2".to_owned(),
        },
    }
}

/// The problems of a refused form.
fn problems<T: std::fmt::Debug>(result: Result<T>) -> Vec<(String, Problem)> {
    let Refusal::InvalidInput { fields } = refusal(result) else { panic!("another refusal") };
    fields.into_iter().map(|FieldProblem { field, problem }| (field, problem)).collect()
}

#[tokio::test]
async fn staff_register_an_api_and_change_it_and_the_gateway_knows_before_the_verb_returns() {
    let test = testing::portal().await;
    let ada = test.staff("Ada", StaffRole::Admin).await;
    let op = test.fresh(&ada, at(TimeDelta::minutes(1)));
    let id = create(&op, " tides ", "Tides", "https://tides.example.com/").await.unwrap();
    let [told] = test.watcher.take_apis().try_into().unwrap();
    assert_eq!((told.id, told.slug.as_str(), told.upstream_url.as_str()), (id, "tides", "https://tides.example.com"));
    assert_eq!((&told.terms, told.routes.len(), told.has_plans), (&ApiTerms::default(), 0, false));

    change(&op, "tides", new_details()).await.unwrap();
    let [told] = test.watcher.take_apis().try_into().unwrap();
    let terms = ApiTerms {
        timeout_ms: 5_000,
        body_max_bytes: 1 << 20,
        log_mode: LogMode::Required,
        environments: Environments::Live,
        allowed_origins: vec!["https://app.example.com".to_owned(), "http://localhost:3000".to_owned()],
        address_limit: Some(Limit { requests: 100, seconds: 60 }),
        more_upstreams: vec!["https://tides-2.example.com/v2".to_owned()],
        ..ApiTerms::default()
    };
    assert_eq!((told.upstream_url.as_str(), &told.terms), ("https://tides.example.com/v2", &terms));
    change_document(&op, "tides", &document("Whatever").to_string()).await.unwrap();
    let [told] = test.watcher.take_apis().try_into().unwrap();
    assert_eq!(told.routes.len(), 2);
    assert_eq!(load_all(test.portal.db()).await.unwrap(), [told]);

    let seen = see(&op, "tides").await.unwrap();
    assert_eq!((seen.name.as_str(), &seen.terms, seen.operations, seen.closed_at), ("Tides", &terms, 2, None));
    assert_eq!(desk(&op).await.unwrap().len(), 1);
    assert_eq!(docs(&test.anonymous(start()), "tides").await.unwrap().api.summary, "Sun and moon.");
    let actions = test.actions().await;
    assert_eq!(actions[actions.len() - 3..], ["api.created", "api.changed", "api.changed"]);
}

#[tokio::test]
async fn a_closed_api_is_gone_from_gateway_and_docs_until_it_is_opened_again() {
    let test = testing::portal().await;
    let ada = test.staff("Ada", StaffRole::Owner).await;
    let op = test.fresh(&ada, at(TimeDelta::minutes(1)));
    create(&op, "tides", "Tides", "https://tides.example.com").await.unwrap();
    assert_eq!(refusal(reopen(&op, "tides").await), Refusal::StateConflict);
    test.watcher.take_apis();
    close(&op, "tides").await.unwrap();
    assert_eq!(test.watcher.take_apis().iter().map(|api| api.closed).collect::<Vec<_>>(), [true]);
    assert_eq!(refusal(docs(&op, "tides").await), Refusal::NotFound);
    assert_eq!(list(&op).await.unwrap(), []);
    assert_eq!(example_url(&op).await.unwrap(), "https://gateway.example");
    assert_eq!(refusal(close(&op, "tides").await), Refusal::StateConflict);
    // Logs and usage still name it.
    assert_eq!(load_all(test.portal.db()).await.unwrap()[0].slug, "tides");
    reopen(&op, "tides").await.unwrap();
    assert!(!test.watcher.take_apis()[0].closed);
    assert_eq!(list(&op).await.unwrap().len(), 1);
}

#[tokio::test]
async fn every_wrong_field_of_an_api_is_told_at_once_and_nothing_changes() {
    let test = testing::portal().await;
    let ada = test.staff("Ada", StaffRole::Admin).await;
    let op = test.fresh(&ada, at(TimeDelta::minutes(1)));
    assert_eq!(
        problems(create(&op, "Tides", "", "https://10.0.0.1").await),
        [
            ("slug".to_owned(), Problem::NotASlug),
            ("name".to_owned(), Problem::Empty),
            ("upstream_url".to_owned(), Problem::PrivateAddress)
        ]
    );
    for slug in RESERVED_SLUGS {
        let problem = if slug.contains('.') { Problem::NotASlug } else { Problem::Taken };
        let answer = create(&op, slug, "Tides", "https://tides.example.com").await;
        assert_eq!(problems(answer), [("slug".to_owned(), problem)]);
    }
    let unusable = format!("https://{UNUSABLE}.example.com");
    let answer = create(&op, "tides", "Tides", &unusable).await;
    assert_eq!(problems(answer), [("upstream_url".to_owned(), Problem::NotAUrl)]);
    assert_eq!(test.count("apis").await, 0);
    create(&op, "tides", "Tides", "https://tides.example.com").await.unwrap();
    let again = create(&op, "tides", "Other", "https://other.example.com").await;
    assert_eq!(problems(again), [("slug".to_owned(), Problem::Taken)]);

    let before = load_all(test.portal.db()).await.unwrap();
    let broken = NewDetails {
        name: "x".repeat(81),
        upstream_url: "tides".to_owned(),
        default_plan: "nothing".to_owned(),
        terms: NewTerms {
            timeout_ms: "99".to_owned(),
            body_max_bytes: String::new(),
            log_mode: "never".to_owned(),
            environments: String::new(),
            allowed_origins: "*".to_owned(),
            address_requests: "5".to_owned(),
            address_seconds: String::new(),
            more_upstreams: "https://tides-2.example.com http://10.0.0.1".to_owned(),
        },
    };
    let fields: Vec<String> = problems(change(&op, "tides", broken).await).into_iter().map(|one| one.0).collect();
    assert_eq!(
        fields,
        [
            "name",
            "upstream_url",
            "more_upstreams",
            "timeout_ms",
            "body_max_bytes",
            "log_mode",
            "environments",
            "allowed_origins",
            "address_seconds",
            "default_plan"
        ]
    );
    let elsewhere = create(&op, "sun", "Sun", "https://sun.example.com").await.unwrap();
    let plan = plans::create(&op, "sun", new_plan("Free")).await.unwrap();
    let foreign = NewDetails { default_plan: plan.to_string(), ..new_details() };
    assert_eq!(problems(change(&op, "tides", foreign).await), [("default_plan".to_owned(), Problem::NotAChoice)]);
    for (text, problem) in [
        (String::new(), Problem::Empty),
        ("{".to_owned(), Problem::NotReadable),
        ("{}".to_owned(), Problem::NotReadable),
        (" ".repeat(OPENAPI_MAX) + "{}", Problem::TooLong { max: OPENAPI_MAX as u32 }),
        (with_cost(&json!(0)), Problem::NotANumber { min: 1, max: 1_000 }),
    ] {
        let answer = change_document(&op, "tides", &text).await;
        assert_eq!(problems(answer), [("openapi".to_owned(), problem)]);
    }
    let after = load_all(test.portal.db()).await.unwrap();
    assert_eq!(after.into_iter().filter(|api| api.id != elsewhere).collect::<Vec<_>>(), before);
}

/// A form for a privacy profile, filled in well.
fn new_privacy() -> NewPrivacy {
    NewPrivacy {
        caller_kind: "server".to_owned(),
        ip_policy: "full_7d".to_owned(),
        ua_policy: "full".to_owned(),
        log_level: "refusals".to_owned(),
        retention_days: "30".to_owned(),
    }
}

/// Claims: MAST-23, MASA-08, S002-06, FLOW-16, FLOW-17
#[tokio::test]
async fn an_api_keeps_nothing_of_its_callers_until_staff_say_so_and_then_everybody_can_read_it() {
    let test = testing::portal().await;
    let ada = test.staff("Ada", StaffRole::Admin).await;
    let op = test.fresh(&ada, at(TimeDelta::minutes(1)));
    create(&op, "tides", "Tides", "https://tides.example.com").await.unwrap();
    let published = async || privacy(&test.anonymous(start())).await.unwrap().remove(0).profile;
    assert_eq!(published().await, PrivacyProfile::default());
    assert_eq!(PrivacyProfile::default().callers.address(), AddressPolicy::None);
    test.watcher.take_apis();

    change_privacy(&op, "tides", &new_privacy()).await.unwrap();
    let profile = PrivacyProfile {
        callers: Callers::Servers { address: AddressPolicy::SevenDays, agent: AgentPolicy::Full },
        log_level: LogLevel::Refusals,
        retention_days: 30,
    };
    let [told] = test.watcher.take_apis().try_into().unwrap();
    assert_eq!(told.terms.privacy, profile);
    assert_eq!((see(&op, "tides").await.unwrap().terms.privacy, published().await), (profile, profile));
    // Other terms are changed without it.
    change(&op, "tides", new_details()).await.unwrap();
    assert_eq!(published().await, profile);

    let end_users = NewPrivacy { caller_kind: "end_user".to_owned(), ..new_privacy() };
    let answer = change_privacy(&op, "tides", &end_users).await;
    assert_eq!(problems(answer), [("caller_kind".to_owned(), Problem::NothingOfEndUsers)]);
    let wrong = NewPrivacy { retention_days: "91".to_owned(), ..NewPrivacy::default() };
    let fields: Vec<String> =
        problems(change_privacy(&op, "tides", &wrong).await).into_iter().map(|one| one.0).collect();
    assert_eq!(fields, ["caller_kind", "ip_policy", "ua_policy", "log_level", "retention_days"]);
    assert_eq!(published().await, profile);
    let nothing = NewPrivacy { ip_policy: "none".to_owned(), ua_policy: "none".to_owned(), ..end_users };
    change_privacy(&op, "tides", &nothing).await.unwrap();
    assert_eq!(published().await.callers, Callers::EndUsers);
    // Nor does the database take it.
    let tx = op.begin().await.unwrap();
    tx.execute_unprepared("UPDATE apis SET ip_policy = 'truncated'").await.unwrap_err();
}

fn with_cost(cost: &Value) -> String {
    let mut document = document("Tides");
    document["paths"]["/v1/places"]["get"]["x-countersign-cost"] = cost.clone();
    document.to_string()
}

/// A form for a plan, filled in well.
fn new_plan(name: &str) -> NewPlan {
    NewPlan {
        name: name.to_owned(),
        approval: "automatic".to_owned(),
        audience: "everybody".to_owned(),
        ..NewPlan::default()
    }
}

#[tokio::test]
async fn only_staff_who_manage_apis_change_them_and_only_after_confirming() {
    let test = testing::portal().await;
    let ada = test.staff("Ada", StaffRole::Admin).await;
    let later = at(TimeDelta::hours(1));
    let stale = test.op(&ada, later);
    let created = create(&stale, "tides", "Tides", "https://tides.example.com").await;
    assert_eq!(refusal(created), Refusal::StepUpRequired { passkey: false });
    create(&test.fresh(&ada, later), "tides", "Tides", "https://tides.example.com").await.unwrap();
    assert_eq!(refusal(change(&stale, "tides", new_details()).await), Refusal::StepUpRequired { passkey: false });
    assert_eq!(refusal(close(&stale, "tides").await), Refusal::StepUpRequired { passkey: false });
    let kept = change_privacy(&stale, "tides", &new_privacy()).await;
    assert_eq!(refusal(kept), Refusal::StepUpRequired { passkey: false });
    assert_eq!(refusal(change(&test.fresh(&ada, later), "sun", new_details()).await), Refusal::NotFound);

    let (zoe, sue) = (test.sign_up_and_verify("Zoe").await, test.staff("Sue", StaffRole::Support).await);
    for (op, expected) in [
        (test.anonymous(later), Refusal::NotSignedIn),
        (test.fresh(&zoe, later), Refusal::NotFound),
        (test.fresh(&sue, later), Refusal::NotAllowed),
    ] {
        assert_eq!(refusal(create(&op, "sun", "Sun", "https://sun.example.com").await), expected);
        assert_eq!(refusal(change(&op, "tides", new_details()).await), expected);
        assert_eq!(refusal(change_document(&op, "tides", "{}").await), expected);
        assert_eq!(refusal(change_privacy(&op, "tides", &new_privacy()).await), expected);
        assert_eq!(refusal(close(&op, "tides").await), expected);
        assert_eq!(refusal(reopen(&op, "tides").await), expected);
        let reads = (desk(&op).await.is_ok(), see(&op, "tides").await.is_ok());
        let is_staff = expected == Refusal::NotAllowed;
        assert_eq!(reads, (is_staff, is_staff));
    }
}
