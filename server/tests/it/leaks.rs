//! Leaked keys: the door for programmes, the self-check, the pages of owners and staff, and that no string that was
//! reported stands anywhere.

use std::path::Path;

use axum::body::Body;
use axum::http::Request;
use contract::leaks::REPORT_BYTES_MAX;
use serde_json::json;

use crate::forms::create;
use crate::harness::programme::sign;
use crate::harness::{Answer, Browser, House, PORTAL, TestDatabase, soon};
use crate::process::{Program, prepare};

const URL: &str = "https://git.example/ada/site/config.js?token=1";
const WHY: &str = "It was used to send spam";

fn report_of(secret: &str) -> String {
    json!([{ "token": secret, "type": "cs_api_key", "url": URL, "source": "content" }]).to_string()
}

/// As a programme sends it: without cookies, without an origin.
async fn report(program: &mut Browser, body: &str, signature: Option<&str>) -> Answer {
    let mut request = Request::post("/api/v1/leaks")
        .header("content-type", "application/json")
        .header("github-public-key-identifier", "key-1");
    if let Some(signature) = signature {
        request = request.header("github-public-key-signature", signature);
    }
    program.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

/// A person with a key, its id and its secret.
async fn with_key(house: &House, name: &str) -> (Browser, String, String) {
    let mut person = house.person(name).await;
    let id = create(&mut person, "server").await;
    let email = format!("{}@example.com", name.to_lowercase());
    let token = house.token_to(&email, "/reveal").await;
    let page = person.without_script().post("/reveal", &[("token", &token)]).await;
    let start = page.body.find("cs_live_").map(|at| &page.body[at..]).unwrap();
    let end = start.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap();
    let secret = start[..end].to_owned();
    assert_eq!(secret.len(), "cs_live_".len() + 33, "{}", page.body);
    (person, id, secret)
}

/// Claims: MASA-25, FLOW-34
#[tokio::test]
async fn a_signed_alert_leads_to_a_mail_an_event_and_a_notice_on_the_page_of_the_key() {
    let house = House::open().await;
    house.open_gateway().await;
    let (mut ada, id, secret) = with_key(&house, "Ada").await;
    let mut program = house.browser();
    let body = report_of(&secret);
    let answer = report(&mut program, &body, Some(&sign(body.as_bytes()))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let said = answer.json();
    assert_eq!(
        (said[0]["label"].as_str(), said[0]["token_type"].as_str()),
        (Some("true_positive"), Some("cs_api_key"))
    );
    assert_eq!(said[0]["token_hash"].as_str().unwrap().len(), 64);
    assert!(!answer.body.contains(&secret));

    let page = ada.visit(&format!("/console/keys/{id}")).await;
    for part in
        ["Seen in public at git.example/ada/site/config.js", "Reports that the key was seen in public", "scanner"]
    {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    let mut sam = house.staff("Sam").await;
    let desk = sam.visit("/admin/leaks").await;
    assert!(desk.body.contains("git.example/ada/site/config.js") && desk.body.contains(&id), "{}", desk.body);
    let events = house.database.texts("SELECT action FROM audit_events WHERE action LIKE '%leak%'".to_owned(), 1).await;
    assert_eq!(events, [["key.leak_reported"], ["leaks.viewed"]]);
}

#[tokio::test]
async fn a_report_that_is_not_signed_well_is_refused_with_a_problem_document() {
    let house = House::open().await;
    let (_, _, secret) = with_key(&house, "Ada").await;
    let mut program = house.browser();
    let body = report_of(&secret);
    let of_others = sign(b"[]");
    for signature in [None, Some(""), Some("nonsense"), Some(of_others.as_str())] {
        let refused = report(&mut program, &body, signature).await;
        assert_eq!((refused.status, refused.code().as_str()), (401, "signature_invalid"), "{refused:?}");
        assert_eq!(refused.header("content-type"), "application/problem+json");
    }
    let broken = report(&mut program, "[{", Some(&sign(b"[{"))).await;
    assert_eq!((broken.status, broken.code().as_str()), (400, "body_unreadable"), "{broken:?}");
    // More than any form may hold, and as much as a report may.
    let padded = format!("{body}{}", " ".repeat(REPORT_BYTES_MAX - body.len()));
    assert_eq!(report(&mut program, &padded, Some(&sign(padded.as_bytes()))).await.status, 200);
    let large = format!("{padded} ");
    let refused = report(&mut program, &large, Some(&sign(large.as_bytes()))).await;
    assert_eq!((refused.status, refused.code().as_str()), (413, "too_large"), "{refused:?}");
    // One signature counts, or none.
    let mut request = Request::post("/api/v1/leaks").header("github-public-key-identifier", "key-1");
    for signature in [sign(body.as_bytes()), sign(body.as_bytes())] {
        request = request.header("github-public-key-signature", signature);
    }
    assert_eq!(program.send(request.body(Body::from(body)).unwrap()).await.status, 401);
    assert_eq!(program.get("/api/v1/leaks").await.status, 405);
}

#[tokio::test]
async fn the_self_check_answers_without_the_string_and_reports_it_if_asked() {
    let house = House::open().await;
    house.open_gateway().await;
    let (mut ada, id, secret) = with_key(&house, "Ada").await;
    let mut stranger = house.browser().without_script();
    assert_eq!(stranger.visit("/leak-check").await.status, 200);
    let check = async |browser: &mut Browser, secret: &str, wish: &str| {
        browser.post("/leak-check", &[("secret", secret), ("wish", wish), ("proof", "")]).await
    };
    let mistyped = format!("{}_", &secret[..secret.len() - 1]);
    for (text, wish, said) in [
        ("something else", "look", "This is no key of ours."),
        (mistyped.as_str(), "look", "This is no key of ours."),
        (secret.as_str(), "look", "This is a live key, and it works."),
        (secret.as_str(), "report", "The key is reported as leaked."),
    ] {
        let answer = check(&mut stranger, text, wish).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.body.contains(said), "{said}: {}", answer.body);
        assert!(!answer.body.contains(text) && answer.header("location").is_empty(), "{answer:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let empty = check(&mut stranger, "", "look").await;
    assert!(empty.status == 422 && empty.body.contains("Fill this in."), "{empty:?}");
    assert!(ada.visit(&format!("/console/keys/{id}")).await.body.contains("Reported as leaked"));
    // A form of another site could make a browser report what it found there.
    let mut request = stranger.form("/leak-check", "/leak-check", &[("secret", "x")]);
    request.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    request.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
    assert_eq!(stranger.send(request).await.status, 403);
}

#[tokio::test]
async fn scanners_find_the_pattern_and_people_the_rules() {
    let house = House::open().await;
    let mut nobody = house.browser();
    let document = nobody.get("/.well-known/key-patterns.json").await;
    assert_eq!((document.status, document.header("access-control-allow-origin")), (200, "*"));
    let document = document.json();
    assert_eq!(document["report_url"], format!("{PORTAL}/api/v1/leaks"));
    let regex = document["patterns"][0]["regex"].as_str().unwrap().to_owned();
    assert_eq!(regex, r"\bcs_(?:live|test)_[0-9A-Za-z]{33}\b");
    let page = nobody.visit("/docs/leaks").await;
    for part in ["[[rules]]", "detectors:", "/leak-check", "Github-Public-Key-Signature", "for 90 days"] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
}

/// Opens the page of a key on the desk, sends one of its forms without a script, and comes to where that leads.
async fn send(browser: &Browser, id: &str, verb: &str, fields: &[(&str, &str)]) -> Answer {
    let mut browser = browser.without_script();
    let page = format!("/admin/keys/{id}?purpose=abuse");
    assert_eq!(browser.visit(&page).await.status, 200);
    let fields: Vec<_> = [&[("id", id), ("purpose", "abuse")], fields].concat();
    let request = browser.form(&page, &format!("/rpc/keys/{verb}"), &fields);
    let answer = browser.send(request).await;
    browser.visit(&answer.leads_to().replace(PORTAL, "")).await
}

/// Claims: MASA-23, FLOW-38
#[tokio::test]
async fn staff_find_a_key_start_its_rotation_and_revoke_it_by_forms() {
    let house = House::open().await;
    house.open_gateway().await;
    let (mut ada, id, secret) = with_key(&house, "Ada").await;
    let mut sam = house.staff("Sam").await;
    let unsaid = sam.visit("/admin/keys?query=server&purpose=").await;
    assert!(unsaid.status == 422 && !unsaid.body.contains(&id), "{}", unsaid.body);
    let found = sam.visit("/admin/keys?query=server&state=active&purpose=abuse").await;
    assert!(found.body.contains(&format!("/admin/keys/{id}?purpose=abuse")), "{}", found.body);
    let none = sam.visit("/admin/keys?query=server&state=revoked&purpose=abuse").await;
    assert!(none.body.contains("No key found"), "{}", none.body);
    let pasted = sam.visit(&format!("/admin/keys?query={secret}&purpose=abuse")).await;
    assert!(pasted.status == 422 && !pasted.body.contains(&secret), "{}", pasted.body);
    let asked = sam.visit(&format!("/admin/keys/{id}")).await;
    assert!(asked.body.contains("Why do you look at this key?") && !asked.body.contains("Revoke the key"));

    let refused = send(&sam, &id, "desk_rotate", &[("overlap_days", "99"), ("reason", WHY)]).await;
    assert!(refused.body.contains("Enter a whole number from 0 to 30."), "{}", refused.body);
    let rotating = send(&sam, &id, "desk_rotate", &[("overlap_days", "3"), ("reason", WHY)]).await;
    assert!(rotating.body.contains("The rotation is started."), "{}", rotating.body);
    assert!(!house.token_to("ada@example.com", "/reveal").await.is_empty());
    let revoked = send(&sam, &id, "desk_revoke", &[("reason", WHY)]).await;
    assert!(revoked.body.contains("The key is revoked."), "{}", revoked.body);
    let page = ada.visit(&format!("/console/keys/{id}")).await;
    assert!(page.body.contains("Revoked a key for the operator") && page.body.contains(WHY), "{}", page.body);
    assert!(!page.body.contains("Sam"), "{}", page.body);
    for missing in ["key_00000000000000000000000000", "nonsense"] {
        assert_eq!(sam.visit(&format!("/admin/keys/{missing}?purpose=abuse")).await.status, 404, "{missing}");
    }
}

#[tokio::test]
async fn a_label_is_restored_by_a_form_on_the_page_of_the_key() {
    let house = House::open().await;
    let mut ada = house.person("Ada").await;
    let id = create(&mut ada, "server").await;
    assert_eq!(ada.post("/rpc/keys/change_terms", &[("id", &id), ("label", "oops")]).await.status, 200);
    let page = ada.visit(&format!("/console/keys/{id}")).await;
    assert!(page.body.contains("Restore the label server"), "{}", page.body);
    let seq = page.body.split("name=\"event\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let mut plain = ada.without_script();
    let request = plain.form(&format!("/console/keys/{id}"), "/rpc/keys/restore_label", &[("id", &id), ("event", seq)]);
    let done = plain.send(request).await;
    assert!(done.leads_to().ends_with("?done=restored"), "{done:?}");
    let page = ada.visit(&format!("/console/keys/{id}?done=restored")).await;
    assert!(page.body.contains("The label is back.") && page.body.contains("Restore the label oops"), "{}", page.body);
}

#[tokio::test]
async fn staff_choose_what_happens_to_leaked_keys_of_an_api() {
    let house = House::open().await;
    house.open_gateway().await;
    let mut sam = house.staff("Sam").await;
    let page = sam.visit("/admin/apis/almanac").await;
    assert!(page.body.contains("When a key leaks") && page.body.contains("leak_overlap_days"), "{}", page.body);
    let fields = [("api", "almanac"), ("leak_policy", "revoke"), ("leak_overlap_days", "2")];
    let mut plain = sam.without_script();
    let request = plain.form("/admin/apis/almanac", "/rpc/leaks/change_terms", &fields);
    assert!(plain.send(request).await.leads_to().ends_with("/admin/apis/almanac?done=leaks"));
    let (_, _, secret) = with_key(&house, "Ada").await;
    let body = report_of(&secret);
    assert_eq!(report(&mut house.browser(), &body, Some(&sign(body.as_bytes()))).await.status, 200);
    let checked = house.browser().without_script().post("/leak-check", &[("secret", &secret), ("wish", "look")]).await;
    assert!(checked.body.contains("This was a live key, and it works no more."), "{}", checked.body);
}

/// All bytes of all files below a folder.
fn files(folder: &Path, into: &mut Vec<u8>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else if path.is_file() {
            into.extend(std::fs::read(&path).unwrap());
        }
    }
}

/// Attack cases 23 and 27, with the real program: its log at its most talkative, its files, its pages, its metrics.
///
/// Claims: MAST-15, FLOW-60
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_string_that_was_reported_or_checked_stands_in_no_log_file_page_or_metric() {
    let database = TestDatabase::new().await;
    let secret = prepare(&database, "http://127.0.0.1:1".to_owned()).await;
    let unknown = contract::keys::format::assemble("cs", contract::Environment::Live, b"CanaryCanaryCanaryCanary123");
    let mut program = Program::start("serve", &database, "directory").await;
    let mut browser = Browser::at_socket(&program.portal).without_script();
    browser.always.push(("origin".parse().unwrap(), program.portal.parse().unwrap()));
    let mut answers = String::new();
    for (text, wish) in [
        (secret.as_str(), "look"),
        (&unknown, "look"),
        (&unknown, "report"),
        ("canary of another form", "look"),
        (secret.as_str(), "report"),
    ] {
        let mut request = browser.form("/leak-check", "/leak-check", &[("secret", text), ("wish", wish)]);
        request.headers_mut().remove("origin");
        let answer = browser.send(request).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answers.push_str(&format!("{answer:?}"));
    }
    // Refused ones, too: by signature, by form, by address.
    let body = report_of(&secret);
    answers.push_str(&format!("{:?}", report(&mut browser, &body, Some("AAAA")).await));
    answers.push_str(&format!("{:?}", browser.get(&format!("/admin/keys?query={unknown}")).await.status));
    let metrics = Browser::at_socket(&program.ops).get("/metrics").await.body;
    program.signal("TERM");
    assert_eq!(soon("the end", program.end()).await.code(), Some(0), "{:#?}", program.said);
    let said = program.said.join("\n");
    let mut stored = Vec::new();
    files(program.data.path(), &mut stored);
    if let Some(folder) = database.folder() {
        files(folder, &mut stored);
    }
    let stored = String::from_utf8_lossy(&stored).into_owned() + &format!("{:?}", database.dump().await);
    assert!(stored.contains("self check"), "nothing was stored of the report");
    let (own, other) = (&secret["cs_live_".len()..], &unknown["cs_live_".len()..]);
    for (place, text) in [("an answer", &answers), ("the log", &said), ("a metric", &metrics), ("a file", &stored)] {
        for canary in [own, other, "canary of another form"] {
            assert!(!text.contains(canary), "`{canary}` stands in {place}");
        }
    }
}
