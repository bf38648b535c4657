//! What somebody who is not signed in can reach, counted completely: the lists here can shrink without a thought, and
//! grow only on purpose.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use axum::body::Body;
use axum::http::{Method, header};
use leptos::server_fn::axum::server_fn_paths;

use crate::harness::House;

/// Pages for everyone.
const PUBLIC_PAGES: [&str; 24] = [
    "/",
    "/confirm-email",
    "/docs",
    "/docs/:api",
    "/docs/api",
    "/docs/errors",
    "/docs/errors/:code",
    "/docs/leaks",
    "/forgot-password",
    "/invite",
    "/leak-check",
    "/lost-access",
    "/privacy",
    "/recover",
    "/recover/cancel",
    "/recover/finish",
    "/recovery-codes",
    "/reset-password",
    "/sign-in",
    "/sign-up",
    "/sign-up/check-your-mail",
    "/terms",
    "/verify-contact",
    "/verify-email",
];

/// Server functions for everyone: what the public pages read, the way in, the way out, and what a link from a mail does.
/// `decline_invite` is one of them with the token of such a link; with an id it is for whoever was invited.
const PUBLIC_FUNCTIONS: [&str; 41] = [
    "/rpc/accounts/ask_reset",
    "/rpc/accounts/confirm_email",
    "/rpc/accounts/read_email_change",
    "/rpc/accounts/read_reset",
    "/rpc/accounts/read_verification",
    "/rpc/accounts/resend_verification",
    "/rpc/accounts/reset_password",
    "/rpc/accounts/sign_up",
    "/rpc/accounts/verify_email",
    "/rpc/apis/docs",
    "/rpc/apis/list",
    "/rpc/apis/privacy",
    "/rpc/apis/read_tried",
    "/rpc/docs/rest",
    "/rpc/frame/read",
    "/rpc/guard/challenge",
    "/rpc/kept/take",
    "/rpc/leaks/patterns",
    "/rpc/leaks/read_check",
    "/rpc/organizations/read_invite",
    "/rpc/organizations/read_kept",
    "/rpc/organizations/verify_contact",
    "/rpc/pages/missing",
    "/rpc/passkeys/finish_registration_by_link",
    "/rpc/passkeys/finish_sign_in",
    "/rpc/passkeys/start_registration_by_link",
    "/rpc/passkeys/start_sign_in",
    "/rpc/policies/privacy",
    "/rpc/recovery/ask",
    "/rpc/recovery/cancel",
    "/rpc/recovery/finish",
    "/rpc/recovery/read_cancel",
    "/rpc/recovery/read_finish",
    "/rpc/recovery/read_start",
    "/rpc/recovery/start",
    "/rpc/security/read_kept",
    "/rpc/security/read_stored",
    "/rpc/sessions/sign_in",
    "/rpc/sessions/sign_in_with_code",
    "/rpc/sessions/sign_out",
    "/rpc/theme/set",
];

/// Routes that are not pages of the app, as `web/mod.rs` spells them; the test below opens each.
const OTHER_ROUTES: [&str; 19] = [
    ".nest_service(\"/fonts\"",
    ".route(\"/api/v1/request-logs/live\"",
    ".route(\"/dev/gallery\"",
    ".route(\"/dev/mailbox\"",
    ".route(\"/dev/mailbox.json\"",
    ".route(\"/js/{file}\"",
    ".route(\"/reveal\"",
    ".route(app::paths::ADMIN_API",
    ".route(app::paths::ADMIN_IMPORTS",
    ".route(app::paths::API_DOCS",
    ".route(app::paths::KEY_PATTERNS",
    ".route(app::paths::LEAK_CHECK",
    ".route(app::paths::RECOVERY_CODES",
    ".route(app::paths::RECOVERY_CODES_FILE",
    ".route(app::paths::TOKENS",
    ".route(leaks::INTAKE",
    ".route_service(\"/favicon.svg\"",
    ".route_service(\"/robots.txt\"",
    ".route_service(&built",
];

/// All source files of the app.
fn sources(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

/// Every registered server function with its method.
pub fn server_functions() -> BTreeMap<&'static str, Method> {
    server_fn_paths().collect()
}

/// A crate that is not linked registers nothing, and nobody would notice before its page fails.
#[test]
fn every_server_function_in_the_source_is_registered_under_its_endpoint() {
    let mut text = String::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../app/src"), &mut text);
    let attributes: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("#[server") && !line.starts_with("#[server(default)]"))
        .collect();
    let endpoints: BTreeSet<String> = attributes
        .iter()
        .filter_map(|line| line.strip_prefix("#[server(prefix = \"/rpc\", endpoint = \"")?.split_once('"'))
        .map(|(endpoint, _)| format!("/rpc/{endpoint}"))
        .collect();
    assert_eq!(endpoints.len(), attributes.len(), "an attribute has another form, or two have one endpoint");
    let registered: BTreeSet<String> = server_functions().into_keys().map(str::to_owned).collect();
    assert_eq!(registered, endpoints);
}

#[tokio::test]
async fn every_server_function_refuses_anonymous_people_or_is_on_the_list() {
    let house = House::open().await;
    let mut open = Vec::new();
    for (path, method) in server_functions() {
        let mut browser = house.browser();
        let answer = match method {
            Method::GET => browser.get(&format!("{path}?purpose=help_asked&id=acc_00000000000000000000000001")).await,
            _ => {
                // What is no id belongs to nothing, whoever asks: these are some.
                let kind = match path.trim_start_matches("/rpc/").split_once('/').unwrap() {
                    ("keys", _) => "key",
                    ("passkeys", _) => "pk",
                    ("sessions", _) => "ses",
                    ("organizations", "switch") => "org",
                    ("subscriptions", _) => "sub",
                    ("organizations", "revoke_invite" | "accept_invite" | "decline_invite") => "inv",
                    _ => "acc",
                };
                let id = format!("{kind}_00000000000000000000000001");
                let plan = "plan_00000000000000000000000001";
                browser.post(path, &[("id", id.as_str()), ("account", &id), ("plan", plan)]).await
            }
        };
        if (answer.status, answer.code().as_str()) != (401, "not_signed_in") {
            open.push(path);
        }
    }
    // `sign_in` with nothing answers 401 too, with another code.
    assert_eq!(open, PUBLIC_FUNCTIONS);
}

#[tokio::test]
async fn every_page_leads_anonymous_people_to_the_sign_in_or_is_on_the_list() {
    let house = House::open().await;
    let mut public = BTreeSet::new();
    let server::web::Pages { live, served } = server::web::pages();
    for route in live.iter().chain(&served) {
        let path: String = route.path().replace('{', ":").replace('}', "");
        let asked = path.replace(":api", "almanac").replace(":code", "missing_key");
        let asked = asked.replace(":id", "acc_00000000000000000000000001").replace(":plan", "new");
        let asked = asked.replace(":subscription", "sub_00000000000000000000000001");
        let asked = if asked.is_empty() { "/" } else { &asked };
        for method in [Method::GET, Method::HEAD] {
            let mut browser = house.browser();
            let request = browser.request(method, &format!("{asked}?a=b&c=d"));
            let request = request.header(header::ACCEPT, "text/html").body(Body::empty()).unwrap();
            let answer = browser.send(request).await;
            match answer.status {
                303 => {
                    let encoded = asked.replace('?', "%3F");
                    assert_eq!(answer.leads_to(), format!("/sign-in?next={encoded}%3Fa%3Db%26c%3Dd"));
                    assert!(answer.body.is_empty());
                    public.remove(&path);
                }
                // No API has that name yet.
                200 | 404 => drop(public.insert(if path.is_empty() { "/".to_owned() } else { path.clone() })),
                other => panic!("{path}: {other}"),
            }
        }
    }
    assert_eq!(public.iter().map(String::as_str).collect::<Vec<_>>(), PUBLIC_PAGES);
}

#[tokio::test]
async fn routes_that_are_no_pages_are_all_known_and_refuse_or_hold_nothing_private() {
    let source = include_str!("../../src/web/mod.rs");
    let routes: BTreeSet<&str> = [".route(", ".route_service(", ".nest_service(", ".nest("]
        .iter()
        .flat_map(|call| source.match_indices(call))
        .map(|(place, _)| source[place..].split(',').next().unwrap())
        .collect();
    assert_eq!(routes.into_iter().collect::<Vec<_>>(), OTHER_ROUTES);

    let house = House::open().await;
    let mut browser = house.browser();
    let live = browser.get("/api/v1/request-logs/live").await;
    assert_eq!((live.status, live.code().as_str()), (401, "not_signed_in"));
    let live = browser.get("/api/v1/request-logs/live?scope=operator").await;
    assert_eq!((live.status, live.code().as_str()), (401, "not_signed_in"));
    assert_eq!(browser.visit("/reveal?token=a").await.leads_to(), "/sign-in?next=/reveal%3Ftoken%3Da");
    let reveal = browser.without_script().post("/reveal", &[("token", "a")]).await;
    assert_eq!(reveal.leads_to(), "/sign-in?next=/reveal%3Ftoken%3Da");
    let codes = browser.without_script().post(app::paths::RECOVERY_CODES, &[]).await;
    assert_eq!(codes.leads_to(), "/sign-in?next=/console/security/recovery-codes");
    let document = browser.without_script().post("/admin/apis/tides", &[("openapi", "{}")]).await;
    assert_eq!(document.leads_to(), "/sign-in?next=/admin/apis/tides");
    let import = browser.without_script().post(app::paths::ADMIN_IMPORTS, &[("rows", "a")]).await;
    assert_eq!(import.leads_to(), "/sign-in?next=/admin/imports");
    let made = browser
        .without_script()
        .post(app::paths::TOKENS, &[("name", "a"), ("scopes", "keys:read"), ("days", "1")])
        .await;
    assert!(made.leads_to().starts_with("/sign-in?next=/console/tokens"), "{made:?}");
    // For everybody, and without anything that is somebody's.
    assert_eq!(browser.get(app::paths::KEY_PATTERNS).await.status, 200);
    let checked = browser.without_script().post(app::paths::LEAK_CHECK, &[("secret", "a")]).await;
    assert!(checked.status == 200 && checked.body.contains("This is no key of ours."), "{checked:?}");
    assert_eq!(browser.post("/api/v1/leaks", &[]).await.code(), "signature_invalid");
    let file = browser.without_script().post(app::paths::RECOVERY_CODES_FILE, &[("codes", "a")]).await;
    assert_eq!(file.status, 401);
    for file in [
        "/pkg/countersign.js",
        "/pkg/countersign.css",
        "/favicon.svg",
        "/robots.txt",
        "/fonts/geist-latin-wght-normal.woff2",
    ] {
        assert_eq!(browser.get(file).await.status, 200, "{file}");
    }
    for outside in [
        "/pkg/../hash.txt",
        "/pkg/%2e%2e/hash.txt",
        "/pkg/..%2fhash.txt",
        "/fonts/../hash.txt",
        "/fonts/..%2f..%2fetc%2fpasswd",
        "/pkg/",
        "/fonts/",
        "/hash.txt",
    ] {
        let answer = browser.get(outside).await;
        assert!(answer.status >= 400 && !answer.body.contains("js: x"), "{outside}: {answer:?}");
    }
}

#[tokio::test]
async fn signed_in_functions_work_once_somebody_is_signed_in() {
    let house = House::open().await;
    let mut browser = house.person("Ada").await;
    for (path, method) in server_functions() {
        let private = !PUBLIC_FUNCTIONS.contains(&path);
        if private {
            let answer = match method {
                Method::GET => browser.get(path).await,
                _ => browser.post(path, &[]).await,
            };
            assert_ne!(answer.code(), "not_signed_in", "{path}");
            assert_ne!(answer.status, 500, "{path}: {answer:?}");
        }
    }
}
