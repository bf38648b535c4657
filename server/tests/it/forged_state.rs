//! Attack cases 5 and 8: what a browser holds is believed only if we made it for this very person, and a session that was
//! planted, seen or turned in before is worth nothing.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{HeaderValue, Request, header};

use crate::fixture::{NEW_PASSWORD, send};
use crate::harness::{Browser, House, PASSWORD, PRODUCTION, set_cookies};
use crate::passkeys;

async fn is_nobody(browser: &mut Browser) -> bool {
    let read = browser.get("/rpc/frame/read").await;
    assert_eq!(read.status, 200, "{read:?}");
    read.json()["me"].is_null()
}

/// Sends these bytes as the cookies, whatever they are.
async fn with_cookies(house: &House, cookies: &[u8]) -> (u16, bool) {
    let mut browser = house.browser();
    let value = HeaderValue::from_bytes(cookies).unwrap();
    let request = Request::get("/rpc/frame/read").header(header::COOKIE, value).body(Body::empty()).unwrap();
    let answer = browser.send(request).await;
    let known = answer.status == 200 && !answer.json()["me"].is_null();
    (answer.status, known)
}

/// Claims: CARD-05, S002-19
#[tokio::test]
async fn claims_of_a_browser_about_itself_have_no_effect() {
    let house = House::open().await;
    let ada = house.person("Ada").await;
    let mut eve = house.person("Eve").await;
    let me = eve.get("/rpc/frame/read").await.json()["me"].clone();
    let account = house.op_of(&ada).await.signed_in().unwrap().account.to_string();
    let claims = [
        ("verified", "1"),
        ("auth_time", "9999999999999"),
        ("authenticated_at", "9999999999999"),
        ("account", account.as_str()),
        ("account_id", &account),
        ("user", "ada@example.com"),
        ("staff", "owner"),
        ("role", "owner"),
        ("factor", "passkey"),
        ("state", "active"),
    ];
    house.age("eve@example.com").await;
    let before = house.database.dump().await;
    for (name, value) in claims {
        let mut browser = eve.clone();
        browser.cookies.insert(name.to_owned(), value.to_owned());
        browser.cookies.insert(format!("cs_{name}"), value.to_owned());
        for header in [format!("x-{}", name.replace('_', "-")), "x-forwarded-user".to_owned()] {
            browser.always.push((header.parse().unwrap(), value.parse().unwrap()));
        }
        let read = browser.get(&format!("/rpc/frame/read?{name}={value}")).await.json();
        for field in ["account", "email", "organization", "staff", "state"] {
            assert_eq!(read["me"][field], me[field], "{name} counted");
        }
        let fields = [(name, value), ("password", NEW_PASSWORD)];
        let refused = browser.post("/rpc/accounts/set_password", &fields).await;
        assert_eq!((refused.status, refused.code().as_str()), (403, "step_up_required"), "{name}");
        assert_eq!(browser.visit(&format!("/admin/logs?{name}={value}")).await.status, 404, "{name}");
        let mut nobody = house.browser();
        nobody.cookies.insert(name.to_owned(), value.to_owned());
        assert!(is_nobody(&mut nobody).await, "{name} signs in");
    }
    // The session is a cookie and nothing else.
    let token = eve.cookies["cs_session"].clone();
    let mut bearer = house.browser();
    bearer.always.push((header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap()));
    assert!(is_nobody(&mut bearer).await);
    let read = house.browser().get(&format!("/rpc/frame/read?cs_session={token}")).await.json();
    assert!(read["me"].is_null());
    assert_eq!(house.database.dump().await, before);
}

/// Claims: MAST-08
#[tokio::test]
async fn the_cookie_of_a_known_browser_signs_nobody_in_and_verifies_nobody() {
    let house = House::open().await;
    let ada = house.person("Ada").await;
    let mut thief = house.browser();
    thief.cookies.insert("cs_device".to_owned(), ada.cookies["cs_device"].clone());
    assert!(is_nobody(&mut thief).await);
    assert_eq!(thief.visit("/console").await.status, 303);
    thief.cookies.insert("cs_session".to_owned(), ada.cookies["cs_device"].clone());
    assert!(is_nobody(&mut thief).await);
    // The address of somebody who was not verified stays so, whatever the page is asked.
    let pia = crate::forms::sign_up("Pia", "pia@example.com");
    send(&mut thief, "/rpc/accounts/sign_up", &pia).await;
    let page = thief.visit("/sign-in?verified=yes").await;
    assert_eq!(page.status, 200);
    let tried = thief
        .post("/rpc/sessions/sign_in", &[("email", "pia@example.com"), ("password", PASSWORD), ("verified", "yes")]);
    assert_eq!(tried.await.code(), "email_not_verified");
}

/// Claims: CARD-05
#[tokio::test]
async fn a_planted_session_is_replaced_at_sign_in_and_never_opens_anything() {
    let house = House::open().await;
    house.person("Ada").await;
    let eve = house.person("Eve").await;
    // Made up by Eve, and Eve's own: Ada signs in with either in her browser.
    for planted in ["A".repeat(43), eve.cookies["cs_session"].clone()] {
        let mut ada = house.browser();
        ada.cookies.insert("cs_session".to_owned(), planted.clone());
        ada.sign_in("ada@example.com").await;
        assert_ne!(ada.cookies["cs_session"], planted);
        let mut attacker = house.browser();
        attacker.cookies.insert("cs_session".to_owned(), planted.clone());
        let who = attacker.get("/rpc/frame/read").await.json()["me"]["name"].clone();
        assert_ne!(who, "Ada", "the planted session became Ada's");
    }
}

/// Claims: CARD-05
#[tokio::test]
async fn a_session_from_before_a_confirmation_or_a_sign_out_is_nobody() {
    let house = House::open().await;
    let mut ada = house.person("Ada").await;
    let mut seen = BTreeSet::new();
    for _ in 0..3 {
        let before = ada.clone();
        assert!(seen.insert(before.cookies["cs_session"].clone()));
        send(&mut ada, "/rpc/sessions/confirm", &[("password", PASSWORD), ("next", "/console")]).await;
        assert!(is_nobody(&mut before.clone()).await);
        assert_eq!(before.clone().get("/rpc/keys/list").await.status, 401);
        assert!(!is_nobody(&mut ada).await);
    }
    // A wrong password neither renews nor ends it.
    let before = ada.clone();
    let refused = ada.post("/rpc/sessions/confirm", &[("password", "wrong"), ("next", "")]).await;
    assert_eq!(refused.code(), "sign_in_failed");
    assert_eq!(ada.cookies, before.cookies);
    assert!(!is_nobody(&mut ada).await);
    send(&mut ada, "/rpc/sessions/sign_out", &[]).await;
    assert!(is_nobody(&mut before.clone()).await);
}

/// Ten thousand, because each is a look into the database.
///
/// Claims: CARD-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_cookies_that_were_tampered_with_are_nobody_and_no_failure_of_ours() {
    let house = House::open().await;
    let ada = house.person("Ada").await;
    let real = format!("cs_session={}", ada.cookies["cs_session"]).into_bytes();
    assert_eq!(with_cookies(&house, &real).await, (200, true));
    let before = house.database.dump().await;
    // Numbers that look random and are the same in every run (SplitMix64).
    let mut state = 7_u64;
    let mut random = |limit: usize| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((bits ^ (bits >> 31)) >> 1).unwrap() % limit
    };
    let mut tried = 0;
    while tried < 10_000 {
        let mut cookies = real.clone();
        for _ in 0..=random(3) {
            if cookies.is_empty() {
                break;
            }
            let place = random(cookies.len());
            match random(5) {
                0 => cookies[place] ^= 1 << random(8),
                1 => drop(cookies.remove(place)),
                2 => cookies.insert(place, u8::try_from(random(256)).unwrap()),
                3 => cookies.truncate(place),
                _ => cookies.swap(place, 0),
            }
        }
        let sent = HeaderValue::from_bytes(&cookies).is_ok();
        let text = String::from_utf8_lossy(&cookies).into_owned();
        // What still holds the whole real cookie is no forgery.
        let holds = text.split(';').any(|pair| pair.trim().as_bytes() == real.as_slice());
        if !sent || holds || text.contains(&ada.cookies["cs_session"]) {
            continue;
        }
        let (status, known) = with_cookies(&house, &cookies).await;
        assert!(status < 500 && !known, "{text:?}: {status}");
        tried += 1;
    }
    assert_eq!(house.database.dump().await, before);
}

/// Claims: CARD-05
#[tokio::test]
async fn duplicate_shadowed_and_huge_cookies_open_nothing_that_is_not_theirs() {
    let house = House::open().await;
    let (ada, eve) = (house.person("Ada").await, house.person("Eve").await);
    let (ada, eve) = (&ada.cookies["cs_session"], &eve.cookies["cs_session"]);
    let who = async |cookies: &str| {
        let request = Request::get("/rpc/frame/read").header(header::COOKIE, cookies).body(Body::empty()).unwrap();
        let answer = house.browser().send(request).await;
        assert!(answer.status < 500, "{cookies:.80}: {answer:?}");
        if answer.status == 200 {
            answer.json()["me"]["name"].as_str().unwrap_or_default().to_owned()
        } else {
            String::new()
        }
    };
    // Of two, one counts, always the same, and never a mixture.
    let (one, other) = (format!("cs_session={ada}; cs_session={eve}"), format!("cs_session={eve}; cs_session={ada}"));
    let (first, second) = (who(&one).await, who(&other).await);
    assert_eq!((who(&one).await, who(&other).await), (first.clone(), second.clone()));
    assert_ne!(first, second);
    for cookies in [
        format!("cs_session={ada}{eve}"),
        format!("cs_session={}", &ada[..42]),
        format!("CS_SESSION={ada}"),
        format!("__Host-cs_session={ada}"),
        format!("__Secure-cs_session={ada}"),
        format!("cs_session=\"{}", &ada[1..]),
        format!("cs_session={}", ada.to_uppercase()),
        format!("cs_session={}", "x".repeat(65_536)),
        format!("{}={ada}", "x".repeat(65_536)),
        format!("{}; cs_session=x", "a=b; ".repeat(10_000)),
    ] {
        assert_eq!(who(&cookies).await, "", "{cookies:.80}");
    }
}

/// Claims: CARD-05
#[tokio::test]
async fn on_https_a_cookie_that_a_neighbouring_host_could_plant_is_not_looked_at() {
    let house = House::of(PRODUCTION).await;
    let ada = house.person("Ada").await;
    let token = &ada.cookies["__Host-cs_session"];
    for name in ["cs_session", "__Secure-cs_session", "__host-cs_session", "__HOST-cs_session"] {
        let mut browser = house.browser();
        browser.cookies.insert(name.to_owned(), token.clone());
        assert!(is_nobody(&mut browser).await, "{name}");
    }
    // Beside the real one it changes nothing, in either order.
    let eve = house.person("Eve").await;
    for cookies in [
        format!("cs_session={}; __Host-cs_session={token}", eve.cookies["__Host-cs_session"]),
        format!("__Host-cs_session={token}; cs_session={}", eve.cookies["__Host-cs_session"]),
    ] {
        let request = Request::get("/rpc/frame/read").header(header::COOKIE, cookies).body(Body::empty()).unwrap();
        assert_eq!(house.browser().send(request).await.json()["me"]["name"], "Ada");
    }
    // A planted mark of a known browser is not taken over either.
    let mut planted = house.browser();
    planted.cookies.insert("cs_device".to_owned(), eve.cookies["__Host-cs_device"].clone());
    let answer = planted.post("/rpc/sessions/sign_in", &[("email", "ada@example.com"), ("password", PASSWORD)]).await;
    assert!(answer.cookie("__Host-cs_device").is_some_and(|cookie| !cookie.contains(&eve.cookies["__Host-cs_device"])));
}

/// Claims: MAST-16
#[tokio::test]
async fn what_was_kept_of_a_form_is_shown_as_text_in_that_form_and_does_nothing_else() {
    let house = House::open().await;
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let forged = [
        r#"{"form":"sign_up","fields":[["name","<script>alert(1)</script>"],["email","\"><img src=x onerror=alert(2)>"],["password","chosen by somebody else"]]}"#,
        r#"{"form":"sign_up","fields":[]}"#,
        r#"{"form":"sign_up","fields":[["name"]]}"#,
        r#"{"form":{"form":1},"fields":7}"#,
        "[[[[",
        "",
    ];
    for text in forged {
        let mut browser = house.browser();
        browser.cookies.insert("cs_form".to_owned(), hex(text));
        let page = browser.visit("/sign-up?__path=%2Frpc%2Faccounts%2Fsign_up&__err=x").await;
        assert_eq!(page.status, 200, "{page:?}");
        assert!(!page.body.contains("<script>alert") && !page.body.contains("<img src=x"), "{page:?}");
        assert!(!page.body.contains("chosen by somebody else"), "a password was put into the form");
        assert!(set_cookies(&page.headers).iter().all(|cookie| !cookie.contains("cs_session")));
    }
}

/// Claims: MAST-16
#[tokio::test]
async fn a_ceremony_that_another_browser_began_opens_only_what_its_passkey_opens() {
    let house = House::open().await;
    let mut ada = house.person("Ada").await;
    let (mut phone, mut evil) = (passkeys::device(), passkeys::device());
    passkeys::register(&mut ada, &mut phone, "Phone").await;
    passkeys::register(&mut house.person("Eve").await, &mut evil, "Phone").await;
    // Eve answers, with her passkey, the question that Ada's browser was asked: she is Eve.
    let asked = passkeys::ask(&mut house.browser(), "start_sign_in", &[]).await;
    let answer = evil.get(&asked.options).unwrap();
    let mut browser = house.browser();
    let fields = [("ceremony", asked.ceremony.as_str()), ("credential", answer.as_str()), ("email", "ada@example.com")];
    assert_eq!(browser.post("/rpc/passkeys/finish_sign_in", &fields).await.status, 200);
    assert_eq!(browser.get("/rpc/frame/read").await.json()["me"]["name"], "Eve");
}
