//! Sending a form twice, one after the other or at the same moment, does what sending it once does.

use axum::body::Body;
use axum::http::Request;

use crate::fixture::fixture;
use crate::forms::{create, sign_up};
use crate::harness::{Answer, Browser, House};

/// Sends a request twice at the same moment.
async fn twice(browser: &Browser, path: &str, fields: &[(&str, &str)]) -> (Answer, Answer) {
    let request = || -> Request<Body> { browser.form("/a-page", path, fields) };
    let (mut one, mut two) = (browser.clone(), browser.clone());
    let (first, second) = (request(), request());
    tokio::join!(one.send(first), two.send(second))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_up_sent_twice_makes_one_account() {
    let house = House::open().await;
    let (one, two) = twice(&house.browser(), "/rpc/accounts/sign_up", &sign_up("Ada", "ada@example.com")).await;
    assert_eq!((one.status, two.status), (200, 200));
    let again = house.browser().post("/rpc/accounts/sign_up", &sign_up("Ada", "ADA@example.com")).await;
    assert_eq!(again.status, 200);
    assert_eq!(house.database.count("accounts").await, 1);
    assert_eq!(house.database.count("organizations").await, 1);
    let token = house.newest_token("ada@example.com").await;
    assert_eq!(house.browser().post("/rpc/accounts/verify_email", &[("token", &token)]).await.status, 200);
    house.browser().sign_in("ada@example.com").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verification_sent_twice_makes_one_key_and_one_reveal_link() {
    let house = House::open().await;
    house.browser().post("/rpc/accounts/sign_up", &sign_up("Ada", "ada@example.com")).await;
    let token = house.newest_token("ada@example.com").await;
    let (one, two) = twice(&house.browser(), "/rpc/accounts/verify_email", &[("token", &token)]).await;
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 410]);
    let again = house.browser().post("/rpc/accounts/verify_email", &[("token", &token)]).await;
    assert_eq!((again.status, again.code().as_str()), (410, "link_used"));
    assert_eq!(house.database.count("keys").await, 1);
    assert_eq!(house.mails_to("ada@example.com").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_verification_mail_asked_for_twice_leaves_one_link_that_works() {
    let house = House::open().await;
    house.browser().post("/rpc/accounts/sign_up", &sign_up("Ada", "ada@example.com")).await;
    let (one, two) =
        twice(&house.browser(), "/rpc/accounts/resend_verification", &[("email", "ada@example.com")]).await;
    assert_eq!((one.status, two.status), (200, 200));
    assert_eq!(house.database.texts("SELECT 'x' FROM mail_links WHERE used_at IS NULL".to_owned(), 1).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_created_twice_by_one_form_is_one_key_with_one_link() {
    let house = House::open().await;
    let browser = house.person("Ada").await;
    let fields = [("label", "my server"), ("environment", "live"), ("form_token", "one form")];
    let (one, two) = twice(&browser, "/rpc/keys/create", &fields).await;
    let three = browser.clone().post("/rpc/keys/create", &fields).await;
    assert_eq!(one.json()["id"], two.json()["id"]);
    assert_eq!(one.json()["id"], three.json()["id"]);
    assert_eq!(house.database.count("keys").await, 1);
    assert_eq!(house.mails_to("ada@example.com").await, 1);
    // Another person's form may carry the same token.
    let mut other = house.person("Bea").await;
    let theirs = other.post("/rpc/keys/create", &fields).await;
    assert_ne!(theirs.json()["id"], one.json()["id"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reveal_link_asked_for_twice_leaves_one_that_works() {
    let house = House::open().await;
    let mut browser = house.person("Ada").await;
    let key = create(&mut browser, "my server").await;
    let (one, two) = twice(&browser, "/rpc/keys/send_reveal_link", &[("id", &key)]).await;
    assert_eq!((one.status, two.status), (200, 200));
    assert_eq!(house.database.texts("SELECT 'x' FROM mail_links WHERE used_at IS NULL".to_owned(), 1).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reveal_form_sent_twice_shows_the_secret_to_one_of_them() {
    let house = House::open().await;
    let mut browser = house.person("Ada").await;
    create(&mut browser, "my server").await;
    let token = house.newest_token("ada@example.com").await;
    let (one, two) = twice(&browser.without_script(), "/reveal", &[("token", &token)]).await;
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 410]);
    let (shown, refused) = if one.status == 200 { (one, two) } else { (two, one) };
    let secret = shown.secret();
    assert!(!refused.body.contains(&secret));
    assert!(refused.body.contains("already used"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revoking_signing_in_and_signing_out_twice_are_no_errors() {
    let fixture = fixture().await;
    for wanted in ["/rpc/keys/revoke", "/rpc/sessions/sign_in", "/rpc/sessions/sign_out"] {
        let form = fixture.form(wanted);
        let (one, two) = twice(&form.by, wanted, &form.fields()).await;
        assert!(one.status < 400 && two.status < 400, "{wanted}: {one:?} {two:?}");
        let three = form.by.clone().post(wanted, &form.fields()).await;
        assert!(three.status < 400, "{wanted}: {three:?}");
    }
}
