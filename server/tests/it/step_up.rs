//! Attack case 11: what decides who gets in, or shows a secret, needs an authentication of the last five minutes, through
//! every door; and whoever is asked for it comes back to the form as they left it.

use std::collections::BTreeSet;

use crate::fixture::{Fixture, NEW_PASSWORD, fixture, send};
use crate::harness::{Browser, House, PASSWORD, encoded};
use crate::passkeys;

/// What needs it. A form that is missing here fails the first test, and so does one that asks for nothing any more.
const SENSITIVE: [&str; 27] = [
    "/admin/imports",
    "/console/security/recovery-codes",
    "/console/tokens",
    "/reveal",
    "/rpc/accounts/ask_email_change",
    "/rpc/accounts/remove_password",
    "/rpc/accounts/set_password",
    "/rpc/apis/change",
    "/rpc/apis/change_privacy",
    "/rpc/apis/change_recovery",
    "/rpc/apis/close",
    "/rpc/apis/create",
    "/rpc/apis/reopen",
    "/rpc/keys/desk_revoke",
    "/rpc/keys/desk_rotate",
    "/rpc/keys/rotate",
    "/rpc/leaks/change_terms",
    "/rpc/organizations/change_role",
    "/rpc/organizations/hand_over",
    "/rpc/organizations/invite",
    "/rpc/organizations/leave",
    "/rpc/organizations/remove",
    "/rpc/passkeys/remove",
    "/rpc/passkeys/start_registration",
    "/rpc/staff/restore",
    "/rpc/staff/restrict",
    "/rpc/staff/suspend",
];

/// Every session is five minutes and a second old.
async fn age(house: &House) {
    let past = server::clock::now().timestamp_millis() - contract::sessions::STEP_UP_MS - 1_000;
    house.database.sql(&format!("UPDATE sessions SET authenticated_at = {past}")).await;
}

/// Claims: MAST-12, S002-19
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_matters_is_refused_after_five_minutes_and_nothing_else_is() {
    let Fixture { house, forms, .. } = fixture().await;
    age(&house).await;
    let mut asked = BTreeSet::new();
    for form in &forms {
        let before = house.database.dump().await;
        let answer = form.by.clone().post(form.path, &form.fields()).await;
        let page = answer.status >= 300 && answer.header("location").contains("/step-up");
        // What is too long to be kept elsewhere stands in its form still, beside the way to the confirmation.
        let drawn = answer.status == 403 && answer.body.contains("/step-up");
        if answer.code() == "step_up_required" || page || drawn {
            assert!(page || answer.status == 403, "{}: {answer:?}", form.path);
            assert_eq!(house.database.dump().await, before, "{} changed something", form.path);
            asked.insert(form.path);
        } else {
            assert!(answer.status < 400, "{}: {answer:?}", form.path);
        }
    }
    assert_eq!(asked, SENSITIVE.into());
}

/// Claims: MAST-12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_script_it_leads_to_the_confirmation_and_names_the_way_back() {
    let Fixture { house, forms, .. } = fixture().await;
    age(&house).await;
    let before = house.database.dump().await;
    for form in forms.iter().filter(|form| SENSITIVE.contains(&form.path)) {
        if form.path.contains("/passkeys/start_") {
            continue; // without a script there is no passkey
        }
        let mut browser = form.by.without_script();
        let page = match form.path {
            "/reveal" => format!("/reveal?token={}", form.fields()[0].1),
            "/console/security/recovery-codes" => form.path.to_owned(),
            "/console/tokens" => format!("{}?name=Deployment&scopes=keys%3Aread&days=30", form.path),
            _ => "/console/somewhere?a=b".to_owned(),
        };
        let request = browser.form(&page, form.path, &form.fields());
        let answer = browser.send(request).await;
        if form.path == "/admin/imports" {
            // Too long to be kept elsewhere, so its own page goes on holding what was typed.
            let (status, body) = (answer.status, &answer.body);
            assert!(status == 403 && body.contains("href=\"/step-up\"") && body.contains("5a5a5a5a"), "{answer:?}");
            continue;
        }
        let leads_to = answer.leads_to().to_owned();
        let next = leads_to.strip_prefix("/step-up?next=").unwrap_or_else(|| panic!("{}: {leads_to}", form.path));
        assert_eq!(encoded(&page), encoded(&decoded(next)), "{}", form.path);
        let asked = browser.visit(&leads_to).await;
        assert_eq!(asked.status, 200, "{}: {asked:?}", form.path);
        assert!(asked.body.contains("Confirm that it is you"), "{}: {asked:?}", form.path);
    }
    assert_eq!(house.database.dump().await, before);
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        if *first == b'%' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&more[..2]).unwrap(), 16).unwrap());
            rest = &more[2..];
        } else {
            bytes.push(*first);
            rest = more;
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// Claims: MAST-12
#[tokio::test]
async fn after_confirming_the_person_is_back_at_the_form_as_they_left_it() {
    let house = House::open().await;
    let mut ada = house.person("Ada").await.without_script();
    age(&house).await;
    let fields = [("email", "ada.lovelace@example.com")];
    let request = ada.form("/console/security", "/rpc/accounts/ask_email_change", &fields);
    let turned = ada.send(request).await.leads_to().to_owned();
    let page = ada.visit(&turned).await;
    assert!(page.body.contains("value=\"/console/security\""), "the way back is not in the form: {page:?}");
    let fields = [("password", PASSWORD), ("next", "/console/security")];
    let confirmed = ada.post("/rpc/sessions/confirm", &fields).await;
    assert_eq!(confirmed.leads_to(), "/console/security");
    let back = ada.visit("/console/security").await;
    assert!(back.body.contains("value=\"ada.lovelace@example.com\""), "the address is gone: {back:?}");
    let again =
        ada.form("/console/security", "/rpc/accounts/ask_email_change", &[("email", "ada.lovelace@example.com")]);
    assert_eq!(ada.send(again).await.leads_to(), "/console/security?done=email_asked");
    // What is never kept is a password.
    age(&house).await;
    let request = ada.form("/console/security", "/rpc/accounts/set_password", &[("password", "canary horse battery")]);
    let turned = ada.send(request).await;
    assert!(!format!("{turned:?}{:?}", ada.cookies).contains("canary"), "{turned:?}");
    let hex: String = "canary".bytes().map(|byte| format!("{byte:02x}")).collect();
    assert!(!format!("{:?}", ada.cookies).contains(&hex));
}

/// Claims: MAST-12, MAST-16
#[tokio::test]
async fn a_confirmation_is_for_one_session_and_a_passkey_is_not_replaced_by_a_password() {
    let house = House::open().await;
    let mut ada = house.person("Ada").await;
    let mut other = house.browser();
    other.sign_in("ada@example.com").await;
    age(&house).await;
    send(&mut other, "/rpc/sessions/confirm", &[("password", PASSWORD), ("next", "")]).await;
    let new = [("password", NEW_PASSWORD)];
    assert_eq!(ada.post("/rpc/accounts/set_password", &new).await.code(), "step_up_required");
    // A tab that was open before the session was confirmed has the session of before.
    let tab = ada.clone();
    send(&mut ada, "/rpc/sessions/confirm", &[("password", PASSWORD), ("next", "")]).await;
    assert_eq!(tab.clone().post("/rpc/accounts/set_password", &new).await.code(), "not_signed_in");

    let mut phone = passkeys::device();
    passkeys::register(&mut ada, &mut phone, "Phone").await;
    // From now on the password confirms nothing, however fresh it is.
    for mut browser in [ada.clone(), another(&house).await] {
        let refused = browser.post("/rpc/accounts/set_password", &new).await;
        assert_eq!((refused.status, refused.code().as_str()), (403, "step_up_required"));
        assert_eq!(refused.json()["Refused"]["passkey"], true);
        let confirm = browser.post("/rpc/sessions/confirm", &[("password", PASSWORD), ("next", "")]).await;
        assert_eq!(confirm.code(), "step_up_required", "{confirm:?}");
    }
    assert_eq!(passkeys::step_up(&mut ada, &mut phone).await.status, 200);
    send(&mut ada, "/rpc/accounts/set_password", &new).await;
}

async fn another(house: &House) -> Browser {
    let mut browser = house.browser();
    browser.sign_in("ada@example.com").await;
    browser
}

/// Claims: MAST-12
#[tokio::test]
async fn confirming_leads_to_a_page_of_ours_and_nowhere_else() {
    let house = House::open().await;
    let mut ada = house.person("Ada").await.without_script();
    for (next, goal) in [
        ("/console/keys?environment=test", "/console/keys?environment=test"),
        ("", "/console/security"),
        ("https://evil.example", "/console"),
        ("//evil.example", "/console"),
        ("/\\evil.example", "/console"),
        ("/\r\nSet-Cookie: a=b", "/console"),
        ("javascript:alert(1)", "/console"),
    ] {
        let page = ada.visit(&format!("/step-up?next={}", encoded(next))).await;
        assert_eq!(page.status, 200);
        assert!(!page.body.contains("evil.example") && !page.body.contains("javascript:"), "{next:?}: {page:?}");
        let answer = ada.post("/rpc/sessions/confirm", &[("password", PASSWORD), ("next", next)]).await;
        assert_eq!(answer.leads_to(), goal, "{next:?}");
    }
    // A page of another site cannot be named by the form's own address either.
    house.age("ada@example.com").await;
    for from in ["https://evil.example/console", "https://evil.example//evil.example/x", "", "not an address"] {
        let mut request = ada.form("/", "/rpc/accounts/remove_password", &[]);
        request.headers_mut().insert("referer", from.parse().unwrap());
        let answer = ada.send(request).await;
        assert!(answer.leads_to().starts_with("/step-up?next=/console"), "{from}: {}", answer.leads_to());
    }
}
