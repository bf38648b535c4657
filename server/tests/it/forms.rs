//! Forms: with a script they are answered with data, without one with a redirect; whatever is wrong is named, and
//! nothing is stored.

use std::collections::BTreeSet;

use axum::http::Method;
use contract::policies::TERMS_VERSION;

use crate::anonymous_coverage::server_functions;
use crate::fixture::{Fixture, fixture};
use crate::harness::{Browser, House, PASSWORD};

/// Forms that are no server functions: their answers are pages and files, as `web/mod.rs` spells them.
const OTHER_FORMS: [&str; 7] = [
    "/reveal",
    "/console/security/recovery-codes",
    "/console/security/recovery-codes/file",
    "/admin/apis/tides",
    "/admin/imports",
    "/console/tokens",
    "/leak-check",
];

/// A sign-up form, filled in well.
pub fn sign_up<'a>(name: &'a str, email: &'a str) -> [(&'static str, &'a str); 4] {
    [("name", name), ("email", email), ("password", PASSWORD), ("terms", TERMS_VERSION)]
}

/// Creates a key and returns its id.
pub async fn create(browser: &mut Browser, label: &str) -> String {
    let fields = [("label", label), ("environment", "live"), ("form_token", label)];
    let answer = browser.post("/rpc/keys/create", &fields).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn no_form_is_missing_from_these_tests() {
    let Fixture { house, forms, .. } = fixture().await;
    let tested: BTreeSet<&str> = forms.iter().map(|form| form.path).collect();
    let all = server_functions().into_iter().filter(|(_, method)| *method == Method::POST).map(|(path, _)| path);
    assert_eq!(tested, all.chain(OTHER_FORMS).collect());
    // And the form that tries a call from the docs: it needs a gateway, and its tests are in `tries`.
    assert_eq!(include_str!("../../src/web/mod.rs").matches(", post(").count(), OTHER_FORMS.len() + 1);
    drop(house);
}

/// What each form says to values that no field takes: status, code, and the fields it names.
type Said = (&'static str, &'static [&'static str], u16, &'static str, &'static [&'static str]);

const ANSWERS: [Said; 9] = [
    (
        "/rpc/accounts/sign_up",
        &["name", "email", "password", "terms"],
        422,
        "invalid_input",
        &["name", "email", "password", "terms"],
    ),
    ("/rpc/accounts/resend_verification", &["email"], 422, "invalid_input", &["email"]),
    ("/rpc/accounts/verify_email", &["token"], 404, "link_unknown", &[]),
    (
        "/rpc/keys/create",
        &["label", "environment", "form_token"],
        422,
        "invalid_input",
        &["label", "environment", "form_token"],
    ),
    ("/rpc/keys/send_reveal_link", &["id"], 404, "not_found", &[]),
    ("/rpc/keys/revoke", &["id"], 404, "not_found", &[]),
    ("/reveal", &["token"], 404, "link_unknown", &[]),
    ("/rpc/theme/set", &["theme"], 422, "invalid_input", &[]),
    ("/rpc/sessions/sign_in", &["email", "password", "next"], 401, "sign_in_failed", &[]),
];

/// A field that takes such a value all the same: passwords may hold anything, or be left out for a passkey, and a form's
/// token is nobody's to read.
fn takes(kind: &str, field: &str) -> bool {
    field == "password" && kind != "10 kB" || field == "form_token" && kind == "override"
}

#[tokio::test]
async fn a_form_with_nothing_too_much_or_control_characters_is_refused_by_name_and_stores_nothing() {
    let Fixture { house, ada: browser, .. } = fixture().await;
    let before = house.database.dump().await;
    let long = "x".repeat(10_000);
    let values = [
        ("no fields", None),
        ("nothing", Some("")),
        ("10 kB", Some(&*long)),
        ("control", Some("a\0b\r\nBcc: c\u{1b}[2J\u{7f}")),
        ("override", Some("\u{202e}gnp.exe")),
    ];
    for (kind, value) in values {
        for (path, names, status, code, wrong) in ANSWERS {
            let fields: Vec<(&str, &str)> =
                value.map_or_else(Vec::new, |value| names.iter().map(|name| (*name, value)).collect());
            let answer = browser.clone().post(path, &fields).await;
            assert_eq!(answer.status, status, "{path}, {kind}: {answer:?}");
            if path == "/reveal" {
                continue; // a page, whose sentence is looked at with the links
            }
            assert_eq!(answer.code(), code, "{path}, {kind}");
            if !wrong.is_empty() {
                let mut named = answer.fields();
                // Too short for a password, so named for another reason.
                let wrong: Vec<&str> = wrong
                    .iter()
                    .copied()
                    .filter(|field| !takes(kind, field) || named.contains(&(*field).to_owned()))
                    .collect();
                // What an honest page always sends is named whatever is wrong with it.
                named.retain(|field| wrong.contains(&field.as_str()));
                assert_eq!(named, wrong, "{path}, {kind}");
            }
            assert!(!answer.body.contains("xxxxxxxxxx"), "{path} repeats what it was sent");
        }
    }
    assert_eq!(house.database.dump().await, before);
}

#[tokio::test]
async fn names_in_every_script_are_kept_as_they_were_written() {
    let house = House::open().await;
    for (place, name) in
        ["محمد عبد الله", "שָׁלוֹם", "नरेन्द्र", "e\u{301}ve", "Z\u{361}o\u{308}e", "👩🏽‍💻 Ada", "李小龍"].iter().enumerate()
    {
        let email = format!("person{place}@example.com");
        let mut browser = house.browser();
        let answer = browser.post("/rpc/accounts/sign_up", &sign_up(name, &email)).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        let token = house.newest_token(&email).await;
        assert_eq!(browser.post("/rpc/accounts/verify_email", &[("token", &token)]).await.status, 200);
        browser.sign_in(&email).await;
        let frame = browser.get("/rpc/frame/read").await.json();
        assert_eq!(frame["me"]["name"], **name);
        let page = browser.visit("/console").await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains(name), "{name} is not on the page");
        let label: String = name.chars().take(60).collect();
        let key =
            browser.post("/rpc/keys/create", &[("label", &label), ("environment", "live"), ("form_token", "t")]).await;
        assert_eq!(key.json()["label"], *label);
    }
}

#[tokio::test]
async fn what_people_write_is_text_on_every_page_and_never_markup() {
    let house = House::open().await;
    let name = "<script>alert(1)</script><img src=x onerror=alert(2)>";
    let mut browser = house.browser();
    browser.post("/rpc/accounts/sign_up", &sign_up(name, "eve@example.com")).await;
    let mailbox = browser.visit("/dev/mailbox").await;
    assert!(mailbox.body.contains("&lt;script&gt;") && !mailbox.body.contains("<script>alert"), "{mailbox:?}");
    let token = house.newest_token("eve@example.com").await;
    browser.post("/rpc/accounts/verify_email", &[("token", &token)]).await;
    browser.sign_in("eve@example.com").await;
    browser
        .post(
            "/rpc/keys/create",
            &[("label", "</script><script>alert(3)"), ("environment", "live"), ("form_token", "t")],
        )
        .await;
    for path in ["/console", "/console/keys", "/console/logs", "/console/usage", "/", "/dev/mailbox"] {
        let page = browser.visit(path).await;
        assert_eq!(page.status, 200);
        for markup in ["<script>alert", "<img src=x"] {
            assert!(!page.body.contains(markup), "{markup} stands in {path}");
        }
    }
}

#[tokio::test]
async fn without_a_script_an_error_leads_back_to_the_form_which_says_it_and_has_kept_all_but_the_password() {
    let house = House::open().await;
    let mut browser = house.browser().without_script();
    let fields = [("name", "Zoë \"O'Hara\""), ("email", "not an address"), ("password", "canary horse"), ("terms", "")];
    let request = browser.form("/sign-up", "/rpc/accounts/sign_up", &fields);
    let answer = browser.send(request).await;
    let path = answer.leads_to().to_owned();
    assert!(path.starts_with("/sign-up?__path=%2Frpc%2Faccounts%2Fsign_up&__err="), "{path}");
    let cookie = answer.cookie("cs_form").unwrap();
    assert!(
        cookie.contains("; HttpOnly") && cookie.contains("; Max-Age=300") && cookie.contains("; SameSite=Lax"),
        "{cookie}"
    );
    let value = cookie.split(['=', ';']).nth(1).unwrap();
    let bytes: Vec<u8> =
        (0..value.len() / 2).map(|at| u8::from_str_radix(&value[at * 2..at * 2 + 2], 16).unwrap()).collect();
    let kept = String::from_utf8(bytes).unwrap();
    assert!(kept.contains("O'Hara") && kept.contains("not an address"), "{kept}");
    for held in [&kept, &path, &answer.body] {
        assert!(!held.contains("canary"), "the password stands in {held}");
    }

    let page = browser.visit(&path).await;
    assert_eq!(page.status, 200);
    for part in ["value=\"Zoë &quot;O&#x27;Hara&quot;\"", "Zoë &quot;O'Hara&quot;"] {
        if page.body.contains(part) {
            break;
        }
        assert!(part.contains("&#x27;"), "the name was not kept: {}", page.body);
    }
    assert!(page.body.contains("not an address"), "the address was not kept");
    assert!(page.body.contains("Enter an address like name@example.com."));
    assert!(page.body.contains("Use at least 15 characters."));
    assert!(page.body.contains("Accept the terms to continue."));
    assert!(!page.body.contains("canary"));
    assert!(page.cookie("cs_form").unwrap().contains("Max-Age=0"), "the browser must forget the fields");
    assert!(!browser.visit("/sign-up").await.body.contains("not an address"));
    assert_eq!(house.database.count("accounts").await, 0);
}

#[tokio::test]
async fn without_a_script_every_refused_form_leads_back_to_the_page_it_came_from() {
    let Fixture { house, ada: browser, .. } = fixture().await;
    let before = house.database.dump().await;
    for (path, ..) in ANSWERS {
        let mut browser = browser.without_script();
        let request =
            browser.form("/some/page?a=b", path, &[("email", "nobody@example.com"), ("password", "canary horse")]);
        if path == "/reveal" || path == "/rpc/accounts/resend_verification" {
            continue; // one answers itself, for the other the address is right
        }
        let answer = browser.send(request).await;
        assert_eq!(answer.status, 302, "{path}: {answer:?}");
        let back = answer.leads_to();
        assert!(back.starts_with("/some/page?a=b&__path=") && back.contains("&__err="), "{path}: {back}");
        assert!(!format!("{answer:?}").contains("canary"), "{path}: {answer:?}");
    }
    assert_eq!(house.database.dump().await, before);
}

#[tokio::test]
async fn without_a_script_every_accepted_form_leads_on() {
    let Fixture { house, forms, .. } = fixture().await;
    for form in &forms {
        let answer = form.by.without_script().post(form.path, &form.fields()).await;
        if form.leads_to.is_empty() {
            assert_eq!(answer.status, 200, "{}: {answer:?}", form.path);
            continue;
        }
        assert_eq!(answer.status, 302, "{}: {answer:?}", form.path);
        assert!(answer.leads_to().starts_with(form.leads_to), "{}: {answer:?}", form.path);
        assert!(!answer.leads_to().contains("__err"), "{}: {answer:?}", form.path);
    }
    drop(house);
}

#[tokio::test]
async fn a_refused_sign_in_without_a_script_keeps_the_address_only() {
    let house = House::open().await;
    let mut browser = house.browser().without_script();
    let fields = [("email", "ada@example.com"), ("password", "canary horse"), ("next", "/console/keys")];
    let request = browser.form("/sign-in?next=/console/keys", "/rpc/sessions/sign_in", &fields);
    let answer = browser.send(request).await;
    let page = browser.visit(answer.leads_to()).await;
    assert!(page.body.contains("value=\"ada@example.com\""));
    assert!(page.body.contains("No account has this address and password."));
    assert!(page.body.contains("value=\"/console/keys\""), "the way on is lost");
    assert!(!page.body.contains("canary") && !format!("{:?}", browser.cookies).contains("canary"));
}
