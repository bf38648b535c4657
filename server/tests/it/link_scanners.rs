//! Attack case 4: whoever opens the links in mails uses none of them up and is signed in by none; the button on the page
//! works once, and only from that page.

use axum::body::Body;
use axum::http::{Method, header};

use crate::fixture::{Form, fixture};
use crate::harness::{Answer, Browser};

/// The page that each link leads to, and the form on it.
const LINKS: [(&str, &str); 10] = [
    ("/verify-email", "/rpc/accounts/verify_email"),
    ("/verify-email", "/rpc/passkeys/finish_registration_by_link"),
    ("/reveal", "/reveal"),
    ("/reset-password", "/rpc/accounts/reset_password"),
    ("/confirm-email", "/rpc/accounts/confirm_email"),
    ("/recover", "/rpc/recovery/start"),
    ("/recover/finish", "/rpc/recovery/finish"),
    ("/recover/cancel", "/rpc/recovery/cancel"),
    ("/invite", "/rpc/organizations/accept_invite"),
    ("/verify-contact", "/rpc/organizations/verify_contact"),
];

fn page_of(page: &str, form: &Form) -> String {
    let fields = form.fields();
    let (_, token) = fields.iter().find(|(name, _)| *name == "token").unwrap();
    format!("{page}?token={token}")
}

/// The page of a link that does not work any more says so.
async fn look_again(browser: &mut Browser, page: &str, form: &Form) -> Answer {
    let address = page_of(page, form);
    if page == "/verify-contact" {
        // It asks before it says whose address it is: only the button looks at the link.
        let mut plain = browser.without_script();
        let request = plain.form(&address, form.path, &form.fields());
        let back = plain.send(request).await;
        return plain.visit(back.leads_to()).await;
    }
    let looked = browser.visit(&address).await;
    assert_eq!(looked.status, 410, "{page}: {looked:?}");
    looked
}

/// A list in the tests must not forget a kind of link.
#[test]
fn every_kind_of_link_is_tested() {
    let source = include_str!("../../portal/src/mail_links/mod.rs");
    let purposes = source.split("pub(crate) enum Purpose {").nth(1).unwrap().split('}').next().unwrap();
    let purposes = purposes.lines().map(str::trim).filter(|line| line.ends_with(',')).count();
    // Both sides of a change of address lead to one page; a passkey and an invitation are no purposes of their own.
    assert_eq!(purposes, LINKS.len() - 2 + 1);
}

/// Claims: MAST-08, MAST-17
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opening_a_link_uses_nothing_up_signs_nobody_in_and_is_kept_by_nothing() {
    let fixture = fixture().await;
    let before = fixture.house.database.dump().await;
    for (page, path) in LINKS {
        let form = fixture.form(path);
        let address = page_of(page, form);
        // A scanner has no session; the person who comes later may have one.
        for mut browser in [fixture.house.browser(), form.by.clone()] {
            if browser.cookies.is_empty() && page == "/reveal" {
                continue; // leads to the sign-in, see `sessions`
            }
            for method in [Method::GET, Method::HEAD, Method::GET, Method::HEAD, Method::GET] {
                for accept in ["text/html", "*/*"] {
                    let request = browser.request(method.clone(), &address);
                    let mut request = request.body(Body::empty()).unwrap();
                    request.headers_mut().insert(header::ACCEPT, accept.parse().unwrap());
                    let answer = browser.send(request).await;
                    assert_eq!(answer.status, 200, "{address}: {answer:?}");
                    assert!(answer.cookie("cs_session").is_none() && answer.cookie("cs_device").is_none(), "{address}");
                    assert_eq!(answer.header("cache-control"), "no-store", "{address}");
                    assert!(["same-origin", "no-referrer"].contains(&answer.header("referrer-policy")), "{address}");
                }
            }
        }
    }
    assert_eq!(fixture.house.database.dump().await, before);
}

/// Claims: MAST-08, MAST-17
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_used_by_its_button_once_and_not_from_another_site() {
    let fixture = fixture().await;
    for (page, path) in LINKS {
        let form = fixture.form(path);
        let fields = form.fields();
        let send = async |browser: &mut Browser, site: &str| {
            let mut request = browser.form(page, path, &fields);
            request.headers_mut().insert("sec-fetch-site", site.parse().unwrap());
            browser.send(request).await
        };
        let mut browser = form.by.clone();
        let foreign = send(&mut browser, "cross-site").await;
        assert_eq!((foreign.status, foreign.code().as_str()), (403, "cross_site"), "{path}");
        let first = send(&mut browser, "same-origin").await;
        assert_eq!(first.status, 200, "{path}: {first:?}");
        // Whoever accepts an invitation is signed in already, and goes there with a new session.
        let was_signed_in = form.by.cookies.contains_key("cs_session");
        assert!(was_signed_in || first.cookie("cs_session").is_none(), "{path} signs somebody in");
        // What was used names no secret of the one who comes second.
        let again = send(&mut browser, "same-origin").await;
        assert_eq!(again.status, 410, "{path}: {again:?}");
        assert!(path == "/reveal" || again.code() == "link_used", "{path}: {again:?}");
        let looked = look_again(&mut browser, page, form).await;
        assert!(
            looked.body.contains("<a ") && looked.body.contains("already used"),
            "{page} leads nowhere: {looked:?}"
        );
    }
}

/// Claims: MAST-08, MAST-17, FLOW-56
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_is_too_old_is_gone_changes_nothing_and_leads_to_a_new_one() {
    let fixture = fixture().await;
    for table in ["mail_links", "invites"] {
        fixture.house.database.sql(&format!("UPDATE {table} SET expires_at = 1")).await;
    }
    let before = fixture.house.database.dump().await;
    for (page, path) in LINKS {
        let form = fixture.form(path);
        let mut browser = form.by.clone();
        let answer = browser.post(path, &form.fields()).await;
        assert_eq!(answer.status, 410, "{path}: {answer:?}");
        assert!(path == "/reveal" || answer.code() == "link_expired", "{path}: {answer:?}");
        let looked = look_again(&mut browser, page, form).await;
        assert!(looked.body.contains("This link is too old"), "{page}: {looked:?}");
    }
    assert_eq!(fixture.house.database.dump().await, before);
}

/// Claims: MAST-17
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_for_one_thing_is_nothing_elsewhere() {
    let fixture = fixture().await;
    let before = fixture.house.database.dump().await;
    for (page, path) in LINKS {
        for (_, other) in LINKS {
            let (form, other) = (fixture.form(path), fixture.form(other));
            let verifies = ["verify_email", "by_link"].iter().any(|part| other.path.contains(part));
            let shares = page == "/verify-email" && verifies;
            if shares {
                continue;
            }
            let mine = other.fields().iter().find(|(name, _)| *name == "token").unwrap().1.to_owned();
            if form.fields().iter().any(|(_, value)| *value == mine) {
                continue;
            }
            let fields: Vec<(&str, &str)> = form
                .fields()
                .into_iter()
                .map(|(name, value)| (name, if name == "token" { mine.as_str() } else { value }))
                .collect();
            let answer = form.by.clone().post(path, &fields).await;
            assert_eq!(answer.status, 404, "{path} takes the link of {}: {answer:?}", other.path);
        }
    }
    assert_eq!(fixture.house.database.dump().await, before);
}
