//! The page of a key, and the replacement of its secret under load: through the doors alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::forms::create;
use crate::harness::{Browser, House};

const CALL: &str = "/almanac/v1/sun/lisbon";

/// Opens the newest reveal link, as a browser without a script.
async fn reveal(house: &House, browser: &Browser, email: &str) -> String {
    let token = house.token_to(email, "/reveal").await;
    let shown = browser.without_script().post("/reveal", &[("token", &token)]).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    shown.secret()
}

/// Calls again and again until it is told to stop; says how many calls there were, and which answers were not good.
async fn call_until(address: String, secret: String, stop: Arc<AtomicBool>) -> (usize, Vec<u16>) {
    let mut program = Browser::at_socket(&address);
    let (mut calls, mut refused) = (0, Vec::new());
    while !stop.load(Ordering::Relaxed) {
        let answer = program.call(CALL, &secret).await;
        calls += 1;
        if answer.status != 200 {
            refused.push(answer.status);
        }
    }
    (calls, refused)
}

/// Claims: MAST-11, MASA-25
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_is_refused_while_a_secret_is_replaced_under_load() {
    let house = House::open().await;
    let address = house.open_gateway().await;
    let mut ada = house.person("Ada").await;
    let id = create(&mut ada, "Server").await;
    let old = reveal(&house, &ada, "ada@example.com").await;
    let mut program = Browser::at_socket(&address);
    assert_eq!(program.call(CALL, &old).await.status, 200);

    let stop = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> =
        (0..4).map(|_| tokio::spawn(call_until(address.clone(), old.clone(), Arc::clone(&stop)))).collect();
    let page = format!("/console/keys/{id}");
    let mut form = ada.without_script();
    let fields = [("id", id.as_str()), ("overlap_days", "7"), ("starts", "now")];
    let asked = form.post("/rpc/keys/rotate", &fields).await;
    assert_eq!(asked.leads_to(), format!("{page}?done=rotating"));
    let new = reveal(&house, &ada, "ada@example.com").await;
    assert_ne!(old, new);
    // The page that shows the new secret is not drawn before the gateway takes it, and the old one goes on working.
    for secret in [&new, &old, &new] {
        assert_eq!(program.call(CALL, secret).await.status, 200);
    }
    let both = ada.visit(&page).await;
    assert!(both.body.contains("The old secret works until"), "{both:?}");
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        let (calls, refused) = caller.await.unwrap();
        assert!(calls > 0);
        assert_eq!(refused, Vec::<u16>::new(), "of {calls} calls");
    }

    let retired = form.post("/rpc/keys/retire", &[("id", &id)]).await;
    assert_eq!(retired.leads_to(), format!("{page}?done=retired"));
    let refused = program.call(CALL, &old).await;
    assert_eq!((refused.status, refused.code().as_str()), (401, "expired_key"));
    assert_eq!(program.call(CALL, &new).await.status, 200);
}

#[tokio::test]
async fn refused_terms_lead_back_to_the_page_of_the_key_which_has_kept_them_and_names_what_is_wrong() {
    let house = House::open().await;
    let mut ada = house.person("Ada").await;
    let id = create(&mut ada, "Server").await;
    let page = format!("/console/keys/{id}");
    let listed = ada.visit("/console/keys").await;
    assert!(listed.body.contains(&format!("href=\"{page}\"")), "{listed:?}");

    let mut browser = ada.without_script();
    let fields = [
        ("id", id.as_str()),
        ("label", "Night batch"),
        ("scopes", "Places"),
        ("networks", "203.0.113.7\r\n2001:db8::/32"),
        ("limit_requests", "0"),
        ("limit_seconds", "3600"),
    ];
    let form = browser.form(&page, "/rpc/keys/change_terms", &fields);
    let refused = browser.send(form).await;
    let back = refused.leads_to().to_owned();
    assert!(back.starts_with(&page), "{back}");
    let shown = browser.visit(&back).await;
    for text in ["Night batch", "203.0.113.7", "Use small letters, digits", "Enter a whole number from 1"] {
        assert!(shown.body.contains(text), "{text} is missing: {shown:?}");
    }

    let fields = fields.map(|(name, value)| match name {
        "scopes" => (name, "places:read"),
        "limit_requests" => (name, "500"),
        _ => (name, value),
    });
    let saved = browser.post("/rpc/keys/change_terms", &fields).await;
    assert_eq!(saved.leads_to(), format!("{page}?done=changed"));
    let shown = browser.visit(&format!("{page}?done=changed")).await;
    for text in ["The changes are saved.", "203.0.113.7/32", "2001:db8::/32", "places:read", "value=\"500\""] {
        assert!(shown.body.contains(text), "{text} is missing: {shown:?}");
    }
    assert!(shown.body.contains("Changed a key’s terms") || shown.body.contains("Changed a key's terms"), "{shown:?}");
}
