//! Live pages and served pages: which is which, and what each is sent with.

use std::collections::BTreeSet;

use app::paths;
use server::web::{Pages, pages};

use crate::forms::create;
use crate::harness::House;

/// The address of the script of served pages.
fn script_of(body: &str) -> Option<&str> {
    let start = body.find("src=\"/js/site.")? + "src=\"".len();
    body[start..].split('"').next()
}

#[test]
fn the_paths_that_are_loaded_by_the_browsers_program_are_those_it_has_pages_for() {
    let Pages { live, served } = pages();
    let live: BTreeSet<&str> = live.iter().map(|page| page.path()).collect();
    assert_eq!(live, paths::LIVE.into_iter().collect());
    let both: Vec<&str> = served.iter().map(|page| page.path()).filter(|path| live.contains(path)).collect();
    assert!(both.is_empty(), "{both:?} stand in both tables");
}

#[tokio::test]
async fn a_live_page_starts_the_program_and_a_served_page_a_small_script() {
    let house = House::open().await;
    let mut staff = house.staff("Ada").await;
    for path in paths::LIVE {
        let page = staff.visit(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.body.contains(".hydrate()") && page.body.contains("<h1>"), "{path}: {page:?}");
        assert!(page.header("content-security-policy").contains("'wasm-unsafe-eval'"), "{path}");
        assert_eq!(script_of(&page.body), None, "{path}");
    }
    for path in
        ["/", "/docs", "/docs/errors", "/privacy", "/terms", "/sign-in", "/sign-up", "/reveal?token=a", "/nothing"]
    {
        let page = staff.visit(path).await;
        assert!(script_of(&page.body).is_some() && page.body.contains("<h1"), "{path}: {page:?}");
        assert!(!page.body.contains("wasm") && !page.body.contains(".hydrate()"), "{path}: {page:?}");
        assert!(!page.header("content-security-policy").contains("wasm"), "{path}");
    }
}

#[tokio::test]
async fn what_a_served_page_was_drawn_from_is_not_sent_as_data_too() {
    let house = House::open().await;
    let mut ada = house.person("Ada").await;
    let sentence = "What we promise";
    let privacy = ada.visit("/privacy").await;
    assert_eq!(privacy.body.matches(sentence).count(), 1);
    assert!(privacy.body.contains("__RESOLVED_RESOURCES=[];"), "{privacy:?}");
    let live = ada.visit("/console").await;
    assert!(live.body.contains("__RESOLVED_RESOURCES["), "a live page without its data would ask for it again");

    // A secret stands in its page once.
    create(&mut ada, "my server").await;
    let token = house.newest_token("ada@example.com").await;
    let shown = ada.without_script().post("/reveal", &[("token", &token)]).await;
    assert_eq!(shown.body.matches(&shown.secret()).count(), 1, "{shown:?}");
}

#[tokio::test]
async fn a_script_is_kept_for_ever_and_any_other_version_of_it_is_not_there() {
    let house = House::open().await;
    let mut browser = house.browser();
    let page = browser.visit("/").await;
    let address = script_of(&page.body).unwrap();
    let script = browser.get(address).await;
    assert_eq!(script.status, 200);
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(script.header("cache-control"), "public, max-age=31536000, immutable");
    assert!(script.body.contains("data-relative"));
    for missing in ["/js/site.js", "/js/site.0000000000000000.js", "/js/nothing.js", "/js/", "/js/..%2fsite.js"] {
        let answer = browser.get(missing).await;
        assert_eq!((answer.status, answer.header("cache-control")), (404, "no-store"), "{missing}");
    }
}
