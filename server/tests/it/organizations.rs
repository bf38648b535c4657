//! Organizations through the doors: two people on their way by forms alone, and what the gateway makes of an owner's
//! standing.

use contract::Environment;
use portal::keys::NewKey;
use server::directories::Directories;

use crate::harness::{Browser, House};

async fn send(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> String {
    let mut plain = browser.without_script();
    let answer = plain.post(path, fields).await;
    assert_eq!(answer.status, 302, "{path}: {answer:?}");
    // Whoever goes elsewhere goes with a new session.
    browser.cookies = plain.cookies;
    answer.leads_to().to_owned()
}

/// Claims: FLOW-03, FLOW-06, FLOW-07, FLOW-47
#[tokio::test]
async fn an_organization_is_founded_shared_handed_over_and_left_without_a_script() {
    let house = House::open().await;
    let (mut ada, mut bob) = (house.person("Ada").await, house.person("Bob").await);
    let asked = ada.visit("/console/organization").await;
    assert!(asked.body.contains("personal organization"), "{asked:?}");
    let next = send(&mut ada, "/rpc/organizations/create", &[("name", "Northwind")]).await;
    let page = ada.visit(&next).await;
    assert!(page.status == 200 && page.body.contains("Northwind is created."), "{page:?}");
    let fields = [("name", "Northwind APIs"), ("contact_email", "apis@northwind.example"), ("country", "NO")];
    let next = send(&mut ada, "/rpc/organizations/change", &fields).await;
    assert!(ada.visit(&next).await.body.contains("The changes are saved."));
    let contact = house.newest_token("apis@northwind.example").await;
    let mut anybody = house.browser();
    assert!(anybody.visit(&format!("/verify-contact?token={contact}")).await.body.contains("Confirm the address"));
    let next = send(&mut anybody, "/rpc/organizations/verify_contact", &[("token", &contact)]).await;
    assert!(anybody.visit(&next).await.body.contains("The contact address is verified."));

    let fields = [("email", "bob@example.com"), ("role", "developer")];
    let next = send(&mut ada, "/rpc/organizations/invite", &fields).await;
    assert!(ada.visit(&next).await.body.contains("bob@example.com"));
    // Scanners and previewers look first, and leave it as it is.
    let token = house.newest_token("bob@example.com").await;
    let link = format!("/invite?token={token}");
    for _ in 0..3 {
        let seen = anybody.visit(&link).await;
        assert!(seen.body.contains("Northwind APIs") && !seen.body.contains("bob@example.com"), "{seen:?}");
        assert!(seen.body.contains("/sign-in?next=/invite%3Ftoken%3D"), "{seen:?}");
    }
    assert!(bob.visit("/console").await.body.contains("1 invitation"));
    assert!(bob.visit("/console/organization").await.body.contains("You are invited"));
    assert!(bob.visit(&link).await.body.contains("Join the organization"));
    let next = send(&mut bob, "/rpc/organizations/accept_invite", &[("token", &token)]).await;
    assert!(bob.visit(&next).await.body.contains("You belong to Northwind APIs now."));
    let used = anybody.visit(&link).await;
    assert!(used.status == 410 && used.body.contains("Link already used"), "{used:?}");

    let account = house.op_of(&bob).await.signed_in().unwrap().account.to_string();
    let next = send(&mut ada, "/rpc/organizations/hand_over", &[("account", &account)]).await;
    assert!(ada.visit(&next).await.body.contains("You are an admin now."));
    let next = send(&mut ada, "/rpc/organizations/leave", &[]).await;
    let page = ada.visit(&next).await;
    assert!(page.body.contains("You left the organization.") && !page.body.contains("Northwind APIs"), "{page:?}");
    // Bob's session there ended with his role; the next one finds the organization in the switcher.
    bob.sign_in("bob@example.com").await;
    let console = bob.visit("/console").await;
    let (_, id) = console.body.split_once("value=\"org_").unwrap();
    let id = format!("org_{}", id.split('"').next().unwrap());
    assert_eq!(send(&mut bob, "/rpc/organizations/switch", &[("id", &id)]).await, "/console");
    assert_eq!(house.organization_of(&bob).await.1, "Northwind APIs");
}

/// Claims: MAST-10, MAST-25
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_rests_from_the_moment_its_only_owner_is_restricted_until_they_are_restored() {
    let house = House::open().await;
    let mut program = Browser::at_socket(&house.open_gateway().await);
    let (ada, olga) = (house.person("Ada").await, house.staff("Olga").await);
    let op = house.op_of(&ada).await;
    let account = op.signed_in().unwrap().account;
    let new = NewKey {
        label: "Server".to_owned(),
        environment: "live".to_owned(),
        form_token: "a form".to_owned(),
        expires_at: String::new(),
    };
    portal::keys::create(&op, new).await.unwrap();
    let token = house.newest_token("ada@example.com").await;
    let secret = portal::keys::reveal(&op, &token).await.unwrap().secret.reveal().to_owned();
    assert!(secret.starts_with(&format!("cs_{}_", Environment::Live.word())));
    assert_eq!(program.call("/almanac/v1/sun/lisbon", &secret).await.status, 200);

    let staff = house.op_of(&olga).await;
    portal::staff::restrict(&staff, account, "keys were found in public code").await.unwrap();
    let refused = program.call("/almanac/v1/sun/lisbon", &secret).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "paused_key"));
    // A program that starts now finds it resting too.
    let hash = crate::harness::hasher().hash(&secret);
    let started = Directories::new(crate::harness::PATIENCE);
    started.load(&house.portal, 0).await.unwrap();
    let state = |keys: &Directories| gateway::KeyDirectory::find(keys, &hash).unwrap().state;
    assert_eq!(state(&started), gateway::GrantState::Paused);

    portal::staff::restore(&staff, account, "they were revoked").await.unwrap();
    assert_eq!(program.call("/almanac/v1/sun/lisbon", &secret).await.status, 200);
    assert_eq!(state(&house.directories), gateway::GrantState::Active);
}
