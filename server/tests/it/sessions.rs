//! Signing in and out: what the browser is given, where it is led, and when it ends.

use crate::harness::{Browser, House, PASSWORD, PRODUCTION};

async fn house_with_ada() -> House {
    let house = House::open().await;
    house.person("Ada").await;
    house
}

async fn sign_in(browser: &mut Browser, next: &str) -> crate::harness::Answer {
    sign_in_as(browser, "ada@example.com", next).await
}

async fn sign_in_as(browser: &mut Browser, email: &str, next: &str) -> crate::harness::Answer {
    browser.post("/rpc/sessions/sign_in", &[("email", email), ("password", PASSWORD), ("next", next)]).await
}

#[tokio::test]
async fn the_session_cookie_is_out_of_reach_of_scripts_and_other_sites() {
    let house = house_with_ada().await;
    let answer = sign_in(&mut house.browser(), "").await;
    let cookie = answer.cookie("cs_session").unwrap();
    for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Lax"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    for attribute in ["Domain", "Max-Age", "Expires", "Secure"] {
        assert!(!cookie.contains(attribute), "{cookie}");
    }
    let token = cookie.split(['=', ';']).nth(1).unwrap();
    let dump = format!("{:?}", house.database.dump().await);
    assert!(token.len() >= 40 && !dump.contains(token), "the session's token stands in the database");
    assert!(!answer.body.contains(token));
}

#[tokio::test]
async fn over_https_the_cookie_is_bound_to_the_host_and_to_https() {
    let house = House::of(PRODUCTION).await;
    let browser = house.person("Ada").await;
    assert!(browser.cookies.contains_key("__Host-cs_session"), "{:?}", browser.cookies);
    let cookie = sign_in(&mut house.browser(), "").await.cookie("__Host-cs_session").unwrap();
    for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    // The name without the prefix, which another host of the domain could set, opens nothing.
    let mut forged = house.browser();
    forged.cookies.insert("cs_session".to_owned(), browser.cookies["__Host-cs_session"].clone());
    assert_eq!(forged.get("/rpc/keys/list").await.status, 401);
}

#[tokio::test]
async fn signing_in_leads_to_a_path_of_ours_and_nowhere_else() {
    let house = house_with_ada().await;
    for next in ["/console/keys?environment=test", "/reveal?token=abc_-~", "/"] {
        assert_eq!(sign_in(&mut house.browser().without_script(), next).await.leads_to(), next);
    }
    let foreign = [
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "evil.example",
        "",
        " //evil.example",
        "/\t/evil.example",
        "/\r\nSet-Cookie: a=b",
        "/\0",
        "/\u{1}",
        "/caf\u{e9}",
        "/\u{202e}",
        "/ /evil.example",
    ];
    for (number, next) in foreign.into_iter().enumerate() {
        // Nobody may try as often as this test.
        let name = format!("Person{}", number / 4);
        let email = crate::fixture::address(&name);
        if number % 4 == 0 {
            house.person(&name).await;
        }
        let plain = sign_in_as(&mut house.browser().without_script(), &email, next).await;
        assert_eq!((plain.status, plain.leads_to()), (302, "/console"), "{next:?}");
        let scripted = sign_in_as(&mut house.browser(), &email, next).await;
        assert_eq!((scripted.status, scripted.json()), (200, "/console".into()), "{next:?}");
    }
}

#[tokio::test]
async fn signing_out_takes_the_cookie_and_ends_the_session() {
    let house = house_with_ada().await;
    let mut browser = house.browser().without_script();
    browser.sign_in("ada@example.com").await;
    let stolen = browser.clone();
    assert_eq!(browser.visit("/console").await.status, 200);
    let answer = browser.post("/rpc/sessions/sign_out", &[]).await;
    assert_eq!(answer.leads_to(), "/sign-in");
    let cookie = answer.cookie("cs_session").unwrap();
    assert!(cookie.starts_with("cs_session=;") && cookie.contains("Max-Age=0"), "{cookie}");
    assert_eq!(browser.cookies.into_keys().collect::<Vec<_>>(), ["cs_device"]);
    assert_eq!(stolen.clone().visit("/console").await.leads_to(), "/sign-in?next=/console");
    let mut scripted = stolen;
    scripted.script = true;
    assert_eq!(scripted.get("/rpc/keys/list").await.code(), "not_signed_in");
}

#[tokio::test]
async fn another_sign_in_makes_another_session_and_the_old_one_is_not_taken_over() {
    let house = house_with_ada().await;
    let mut browser = house.browser();
    browser.cookies.insert("cs_session".to_owned(), "chosen-by-somebody-else".to_owned());
    sign_in(&mut browser, "").await;
    assert_ne!(browser.cookies["cs_session"], "chosen-by-somebody-else");
    let first = browser.cookies["cs_session"].clone();
    sign_in(&mut browser, "").await;
    assert_ne!(browser.cookies["cs_session"], first);
}

#[tokio::test]
async fn a_session_that_ended_is_nobody() {
    let house = house_with_ada().await;
    let mut browser = house.browser();
    browser.sign_in("ada@example.com").await;
    house.database.sql("UPDATE sessions SET expires_at = 1").await;
    assert_eq!(browser.get("/rpc/keys/list").await.code(), "not_signed_in");
    for cookie in ["", "x", "a=b=c", "\"quoted\"", &"a".repeat(4_000), "%00", "' OR 1=1 --"] {
        browser.cookies.insert("cs_session".to_owned(), cookie.to_owned());
        assert_eq!(browser.get("/rpc/keys/list").await.status, 401, "{cookie}");
    }
}

#[tokio::test]
async fn private_pages_lead_anonymous_people_to_the_sign_in_and_remember_where_they_wanted_to_go() {
    let house = House::open().await;
    let mut nobody = house.browser();
    for (path, next) in [
        ("/console", "/console"),
        ("/console/keys?environment=test", "/console/keys%3Fenvironment%3Dtest"),
        ("/console/nothing/here", "/console/nothing/here"),
        ("/admin/logs?status=5xx&method=GET", "/admin/logs%3Fstatus%3D5xx%26method%3DGET"),
        ("/admin", "/admin"),
        ("/reveal?token=a%26b", "/reveal%3Ftoken%3Da%2526b"),
    ] {
        let answer = nobody.visit(path).await;
        assert_eq!((answer.status, answer.leads_to()), (303, &*format!("/sign-in?next={next}")));
    }
    // A name that only begins alike is not private: it is nothing.
    assert_eq!(nobody.visit("/consoles").await.status, 404);
}

#[tokio::test]
async fn the_operators_desk_does_not_exist_for_a_developer() {
    let house = House::open().await;
    let mut ada = house.person("Ada").await;
    let mut operator = house.staff("Olga").await;
    for path in ["/admin", "/admin/logs", "/admin/logs?status=5xx", "/admin/anything"] {
        assert_eq!(ada.visit(path).await.status, 404, "{path}");
        assert_eq!(ada.get(path).await.code(), "not_found", "{path}");
    }
    assert_eq!(operator.visit("/admin/logs").await.status, 200);
    let read = ada.get("/rpc/request_logs/read?scope=operator").await;
    assert_eq!((read.status, read.code().as_str()), (404, "not_found"));
    assert_eq!(operator.get("/rpc/request_logs/read?scope=operator").await.status, 200);
    assert!(!ada.visit("/console").await.body.contains("/admin/"), "the console leads a developer to the desk");
}
