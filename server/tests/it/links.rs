//! Links in mails: looking at them changes nothing, using them works once, and every other link says what it is.

use axum::body::Body;
use axum::http::{Method, header};

use crate::forms::{create, sign_up};
use crate::harness::{Browser, House};

/// Opens a link the way mail scanners and browsers do.
async fn look(browser: &mut Browser, path: &str) {
    for method in [Method::GET, Method::HEAD, Method::GET] {
        let request = browser.request(method, path).header(header::ACCEPT, "text/html").body(Body::empty()).unwrap();
        let answer = browser.send(request).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn opening_a_link_changes_nothing_however_often() {
    let house = House::open().await;
    house.browser().post("/rpc/accounts/sign_up", &sign_up("Bea", "bea@example.com")).await;
    let mut ada = house.person("Ada").await;
    create(&mut ada, "my server").await;
    let verify = house.newest_token("bea@example.com").await;
    let reveal = house.newest_token("ada@example.com").await;
    let before = house.database.dump().await;
    look(&mut house.browser(), &format!("/verify-email?token={verify}")).await;
    look(&mut ada, &format!("/reveal?token={reveal}")).await;
    let offer = ada.get(&format!("/rpc/keys/read_reveal?token={reveal}")).await;
    assert_eq!(offer.json()["Offered"]["label"], "my server");
    assert_eq!(house.database.dump().await, before);
    assert_eq!(house.browser().post("/rpc/accounts/verify_email", &[("token", &verify)]).await.status, 200);
    assert_eq!(ada.post("/reveal", &[("token", &reveal)]).await.status, 200);
}

#[tokio::test]
async fn a_verification_link_that_is_old_replaced_garbled_or_of_another_kind_is_refused() {
    let house = House::open().await;
    let mut browser = house.browser();
    browser.post("/rpc/accounts/sign_up", &sign_up("Bea", "bea@example.com")).await;
    let replaced = house.newest_token("bea@example.com").await;
    browser.post("/rpc/accounts/resend_verification", &[("email", "bea@example.com")]).await;
    let old = house.newest_token("bea@example.com").await;
    let mut ada = house.person("Ada").await;
    create(&mut ada, "my server").await;
    let reveal = house.newest_token("ada@example.com").await;
    house.database.sql("UPDATE mail_links SET expires_at = 1 WHERE purpose = 'verify_email'").await;
    let before = house.database.dump().await;
    let (cut, grown) = (&old[..old.len() - 1], format!("{old}a"));
    let turned: String = old.chars().rev().collect();
    let long = "a".repeat(10_000);
    let refusals = [
        (old.as_str(), 410, "link_expired"),
        (&replaced, 404, "link_unknown"),
        (&reveal, 404, "link_unknown"),
        (cut, 404, "link_unknown"),
        (&grown, 404, "link_unknown"),
        (&turned, 404, "link_unknown"),
        ("", 404, "link_unknown"),
        ("\0", 404, "link_unknown"),
        ("' OR 1=1 --", 404, "link_unknown"),
        ("\u{202e}نص", 404, "link_unknown"),
        (&long, 404, "link_unknown"),
    ];
    for (token, status, code) in refusals {
        let answer = browser.post("/rpc/accounts/verify_email", &[("token", token)]).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{token:?}");
    }
    // Without a script, the page of the link says it and offers the way on.
    let mut plain = browser.without_script();
    let page = format!("/verify-email?token={old}");
    let request = plain.form(&page, "/rpc/accounts/verify_email", &[("token", &old)]);
    let back = plain.send(request).await;
    let page = plain.visit(back.leads_to()).await;
    assert!(page.body.contains("This link is too old."), "{page:?}");
    assert!(page.body.contains("href=\"/sign-up/check-your-mail\""));
    assert_eq!(house.database.dump().await, before);
}

/// Claims: MAST-30
#[tokio::test]
async fn a_reveal_link_shows_the_secret_in_one_answer_that_nothing_keeps() {
    let house = House::open().await;
    let mut ada = house.person("Ada").await;
    create(&mut ada, "my server").await;
    let token = house.newest_token("ada@example.com").await;
    let offered = ada.visit(&format!("/reveal?token={token}")).await;
    assert!(offered.body.contains("my server") && !offered.body.contains("cs_live_"), "{offered:?}");
    let shown = ada.without_script().post("/reveal", &[("token", &token)]).await;
    assert_eq!(shown.status, 200);
    assert_eq!(shown.header("cache-control"), "no-store");
    assert_eq!(shown.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(shown.header("referrer-policy"), "same-origin");
    let secret = shown.secret();

    let again = ada.without_script().post("/reveal", &[("token", &token)]).await;
    assert_eq!(again.status, 410, "{again:?}");
    assert!(again.body.contains("already used"));
    assert_eq!(again.header("cache-control"), "no-store");
    let read = ada.get(&format!("/rpc/keys/read_reveal?token={token}")).await;
    assert_eq!((read.status, read.code().as_str()), (410, "link_used"));
    let page = ada.visit(&format!("/reveal?token={token}")).await;
    assert_eq!(page.status, 410);
    let mut answers = vec![again, read, page];
    for path in ["/console", "/console/keys", "/console/logs", "/rpc/keys/list", "/dev/mailbox", "/dev/mailbox.json"] {
        answers.push(ada.get(path).await);
    }
    for answer in answers {
        assert!(!answer.body.contains(&secret), "{answer:?}");
    }
    let dump = format!("{:?}", house.database.dump().await);
    assert!(!dump.contains(&secret) && !dump.contains(&secret[8..]), "the secret stands in the database");
}

#[tokio::test]
async fn a_reveal_link_that_is_old_foreign_garbled_or_of_another_kind_is_refused() {
    let house = House::open().await;
    let mut ada = house.person("Ada").await;
    let mut eve = house.person("Eve").await;
    let key = create(&mut ada, "my server").await;
    let replaced = house.newest_token("ada@example.com").await;
    ada.post("/rpc/keys/send_reveal_link", &[("id", &key)]).await;
    let token = house.newest_token("ada@example.com").await;
    house.browser().post("/rpc/accounts/sign_up", &sign_up("Bea", "bea@example.com")).await;
    let verify = house.newest_token("bea@example.com").await;
    let before = house.database.dump().await;

    let sentence = "This link is not complete.";
    for link in [&*replaced, &*verify, &token[1..], "", "\0", "' OR 1=1 --", &"a".repeat(10_000)] {
        let answer = ada.without_script().post("/reveal", &[("token", link)]).await;
        assert_eq!(answer.status, 404, "{link:?}: {answer:?}");
        assert!(answer.body.contains(sentence), "{link:?}");
    }
    let foreign = eve.without_script().post("/reveal", &[("token", &token)]).await;
    assert_eq!(foreign.status, 404);
    assert!(foreign.body.contains(sentence) && !foreign.body.contains("my server"));
    let foreign = eve.get(&format!("/rpc/keys/read_reveal?token={token}")).await;
    assert_eq!((foreign.status, foreign.code().as_str()), (404, "link_unknown"));
    for path in ["/rpc/keys/send_reveal_link", "/rpc/keys/revoke"] {
        let answer = eve.post(path, &[("id", &key)]).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"));
    }
    let nobody = house.browser().without_script().post("/reveal", &[("token", &token)]).await;
    assert_eq!(nobody.leads_to(), format!("/sign-in?next=/reveal%3Ftoken%3D{token}"));
    assert_eq!(house.database.dump().await, before);

    house.database.sql("UPDATE mail_links SET expires_at = 1 WHERE purpose = 'reveal_key'").await;
    let old = ada.without_script().post("/reveal", &[("token", &token)]).await;
    assert_eq!(old.status, 410);
    assert!(old.body.contains("This link is too old."));
    assert_eq!(ada.post("/rpc/keys/revoke", &[("id", &key)]).await.status, 200);
    house.database.sql("UPDATE mail_links SET expires_at = 9999999999999").await;
    let revoked = ada.without_script().post("/reveal", &[("token", &token)]).await;
    assert!(revoked.status == 409 || revoked.status == 404, "{revoked:?}");
    assert_eq!(ada.post("/rpc/keys/send_reveal_link", &[("id", &key)]).await.code(), "key_is_revoked");
}

#[tokio::test]
async fn a_link_in_a_mail_survives_the_way_through_the_sign_in() {
    let house = House::open().await;
    let mut ada = house.person("Ada").await;
    create(&mut ada, "my server").await;
    let link = ada.newest_link("ada@example.com").await;
    let mut stranger = house.browser().without_script();
    let turned = stranger.visit(&link).await;
    let page = stranger.visit(turned.leads_to()).await;
    assert!(page.body.contains(&format!("value=\"{link}\"")), "the sign-in form does not know the way back");
    let fields = [("email", "ada@example.com"), ("password", crate::harness::PASSWORD), ("next", &link)];
    let answer = stranger.post("/rpc/sessions/sign_in", &fields).await;
    assert_eq!(answer.leads_to(), link);
    assert_eq!(stranger.visit(&link).await.status, 200);
}
