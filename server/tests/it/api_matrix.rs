//! Every operation of the REST API, from its list: without a token, with one that ended, with too small a scope, with too
//! small a role, and with the token of somebody else.
//!
//! Claims: FLOW-61, S002-19, CARD-12

use std::collections::BTreeSet;

use axum::http::Method;
use contract::StaffRole;
use contract::access_tokens::Scope;
use serde_json::Value;
use server::api::{Body, Needs, Operation, operations};

use crate::api_calls::{Program, all_of_members, token};
use crate::fixture::join;
use crate::harness::{Answer, Browser, House};

/// Things of one organization, by what stands in a path.
struct Things {
    key: String,
    token: String,
    subscription: String,
    plan: String,
}

impl Things {
    fn path(&self, operation: &Operation) -> String {
        let path = operation.path;
        let id = match path {
            _ if path.starts_with("/keys") => &self.key,
            _ if path.starts_with("/tokens") => &self.token,
            _ if path.contains("/plans") => &self.plan,
            _ => &self.subscription,
        };
        path.replace("{id}", id).replace("{slug}", "tides")
    }

    fn body(&self, operation: &Operation) -> Option<Value> {
        match &operation.body {
            Body::None => None,
            Body::Json(_, example) => {
                let mut example = example.clone();
                if let Some(plan) = example.get_mut("plan_id") {
                    *plan = self.plan.clone().into();
                }
                if let Some(slug) = example.get_mut("slug") {
                    *slug = "another".into();
                }
                Some(example)
            }
            Body::Document => Some(almanac::openapi()),
        }
    }

    async fn call(&self, program: &Program, operation: &Operation) -> Answer {
        program.call(operation.method.clone(), &self.path(operation), self.body(operation)).await
    }
}

/// Operations that answer with a stream are opened by `api_calls.rs`.
fn answered() -> impl Iterator<Item = &'static Operation> {
    operations().iter().filter(|operation| operation.path != "/request-logs/live")
}

struct World {
    house: House,
    /// The owner, at work in the organization whose things they are.
    ada: Browser,
    things: Things,
    owner: Program,
    staff: Program,
    foreign: Program,
}

async fn world() -> World {
    let house = House::open().await;
    let mut ada = house.person("Ada").await;
    let created = ada.post("/rpc/organizations/create", &[("name", "Alphonse Astronomers")]).await;
    assert_eq!(created.status, 200, "{created:?}");
    let (bea, olga) = (house.person("Bea").await, house.staff("Olga").await);
    let desk = house.op_of(&olga).await;
    portal::apis::create(&desk, "tides", "Tides", "https://tides.example.com").await.unwrap();
    let plan = |name: &str| portal::plans::NewPlan {
        name: name.to_owned(),
        approval: "manual".to_owned(),
        audience: "everybody".to_owned(),
        ..<_>::default()
    };
    let first = portal::plans::create(&desk, "tides", plan("First")).await.unwrap();
    let second = portal::plans::create(&desk, "tides", plan("Second")).await.unwrap();
    let op = house.op_of(&ada).await;
    let subscription = portal::subscriptions::request(&op, first, "").await.unwrap();
    let new = portal::keys::NewKey {
        label: "Alphonse's server".to_owned(),
        environment: "live".to_owned(),
        form_token: "one".to_owned(),
        expires_at: String::new(),
    };
    let key = portal::keys::create(&op, new).await.unwrap();
    let owner = Program::new(house.browser(), token(&house, &ada, &all_of_members()).await);
    let extra = Program::new(house.browser(), token(&house, &ada, &[Scope::KeysRead]).await);
    let extra = extra.get("/me").await.json()["token_id"].as_str().unwrap().to_owned();
    let staff = Program::new(house.browser(), token(&house, &olga, &Scope::ALL).await);
    let foreign = Program::new(house.browser(), token(&house, &bea, &all_of_members()).await);
    let things = Things {
        key: key.id.to_string(),
        token: extra,
        subscription: subscription.to_string(),
        plan: second.to_string(),
    };
    World { house, ada, things, owner, staff, foreign }
}

#[tokio::test]
async fn without_a_token_that_works_nothing_opens_but_the_document() {
    let World { house, things, .. } = world().await;
    let mut cid = house.person("Cid").await;
    let (revoked, expired) = (token(&house, &cid, &Scope::ALL[..7]).await, token(&house, &cid, &Scope::ALL[..7]).await);
    let known = Program::new(house.browser(), revoked.clone()).get("/me").await.json();
    let id = known["token_id"].as_str().unwrap().to_owned();
    assert_eq!(cid.post("/rpc/access_tokens/revoke", &[("id", &id)]).await.status, 200);
    let known = Program::new(house.browser(), expired.clone()).get("/me").await.json();
    let id = known["token_id"].as_str().unwrap().parse::<contract::TokenId>().unwrap();
    let of_id = match house.database.folder() {
        Some(_) => format!("X'{}'", id.uuid().simple()),
        None => format!("'{}'", id.uuid()),
    };
    let past = server::clock::now().timestamp_millis() - 1;
    assert_eq!(
        house.database.sql(&format!("UPDATE access_tokens SET expires_at = {past} WHERE id = {of_id}")).await,
        1
    );
    let before = house.database.dump().await;
    let mut cells = 0;
    for operation in answered() {
        for token in [None, Some(revoked.clone()), Some(expired.clone()), Some("cs_pat_nonsense".to_owned())] {
            let answer = things.call(&Program::new(house.browser(), token.clone()), operation).await;
            cells += 1;
            if operation.needs == Needs::Nothing {
                assert_eq!(answer.status, 200, "{operation:?}");
            } else {
                assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_token"), "{operation:?} {token:?}");
            }
        }
    }
    assert!(house.database.dump().await == before);
    assert!(cells > 100, "{cells}");
}

#[tokio::test]
async fn a_token_without_the_scope_is_told_which_one_is_missing() {
    let World { house, things, .. } = world().await;
    let (cid, olaf) = (house.person("Cid").await, house.staff("Olaf").await);
    let before = house.database.count("keys").await;
    for operation in answered() {
        let Needs::Scope(scope) = operation.needs else { continue };
        let others: Vec<Scope> = Scope::ALL
            .into_iter()
            .filter(|one| !one.gives(scope) && one.is_of_staff() == scope.is_of_staff())
            .collect();
        let person = if scope.is_of_staff() { &olaf } else { &cid };
        let program = Program::new(house.browser(), token(&house, person, &others).await);
        let answer = things.call(&program, operation).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "token_scope"), "{operation:?}: {answer:?}");
        assert!(answer.body.contains(scope.word()), "{answer:?}");
        // Fifty tokens are the most that somebody can have.
        house.database.sql("UPDATE access_tokens SET revoked_at = 1").await;
    }
    assert_eq!(house.database.count("keys").await, before);
}

#[tokio::test]
async fn a_token_of_somebody_else_finds_nothing_and_reads_no_word() {
    let World { house, things, foreign, staff, .. } = world().await;
    let words =
        ["Alphonse", things.key.as_str(), things.token.as_str(), things.subscription.as_str()].map(str::to_owned);
    let mut with_ids = 0;
    for operation in answered() {
        let Needs::Scope(scope) = operation.needs else { continue };
        if scope.is_of_staff() {
            let answer = things.call(&foreign, operation).await;
            assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"), "{operation:?}");
            continue;
        }
        if operation.path.contains("{id}") {
            let before = house.database.dump().await;
            // A token of staff is nobody special outside the desk.
            for program in [&foreign, &staff] {
                let answer = things.call(program, operation).await;
                assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"), "{operation:?}: {answer:?}");
            }
            assert!(house.database.dump().await == before, "{operation:?} changed something");
            with_ids += 1;
        } else {
            let answer = things.call(&foreign, operation).await;
            assert!(answer.status < 500, "{operation:?}: {answer:?}");
            assert!(!words.iter().any(|word| answer.body.contains(word)), "{operation:?}: {answer:?}");
        }
    }
    assert!(with_ids >= 8, "{with_ids}");
}

#[tokio::test]
async fn a_viewer_s_token_changes_nothing_and_an_auditor_s_neither() {
    let World { house, mut ada, things, .. } = world().await;
    let vic = join(&house, &mut ada, "Vic", "viewer").await;
    let viewer = Program::new(house.browser(), token(&house, &vic, &all_of_members()).await);
    let auditor = house.staff_as("Aud", StaffRole::Auditor).await;
    let auditor = Program::new(house.browser(), token(&house, &auditor, &Scope::ALL).await);
    let mut refused = BTreeSet::new();
    for operation in answered() {
        let Needs::Scope(scope) = operation.needs else { continue };
        let changes = operation.method != Method::GET && scope != Scope::TokensWrite;
        let program = if scope.is_of_staff() { &auditor } else { &viewer };
        if changes {
            let before = house.database.dump().await;
            let answer = things.call(program, operation).await;
            assert_eq!((answer.status, answer.code().as_str()), (403, "not_allowed"), "{operation:?}: {answer:?}");
            assert!(house.database.dump().await == before, "{operation:?} changed something");
            refused.insert(operation.id);
        } else {
            let answer = things.call(program, operation).await;
            assert!(answer.status == 200 || answer.status == 404, "{operation:?}: {answer:?}");
        }
    }
    assert!(refused.len() > 15, "{refused:?}");
}

/// In their order in the list; each finds its things as the ones before left them.
#[tokio::test]
async fn whoever_may_is_answered_as_the_document_says() {
    let World { house: _house, things, owner, staff, .. } = world().await;
    for operation in answered() {
        let of_staff = matches!(operation.needs, Needs::Scope(scope) if scope.is_of_staff());
        let answer = things.call(if of_staff { &staff } else { &owner }, operation).await;
        let known = answer.status == operation.status || operation.all_codes().contains(&answer.code().as_str());
        assert!(known, "{operation:?}: {answer:?}");
        if answer.status == operation.status && answer.status == 200 {
            assert!(answer.body.starts_with('{'), "{operation:?}: {answer:?}");
        }
    }
}
