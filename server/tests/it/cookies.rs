//! Every cookie there is, and what browsers are told of each; and whether they are told to stay on HTTPS.

use std::collections::{BTreeMap, BTreeSet};

use crate::fixture::{Fixture, fixture};
use crate::harness::{Answer, House, PRODUCTION, set_cookies};
use crate::reading::addresses;

/// All cookies, by the name that they have without the prefix of HTTPS, and how long each is kept.
const INVENTORY: [(&str, &str); 4] = [
    ("cs_device", "Max-Age=34560000"),
    ("cs_form", "Max-Age=300"),
    ("cs_session", ""),
    ("cs_theme", "Max-Age=31536000"),
];

/// What an answer sets: name, and all attributes.
fn note(found: &mut BTreeMap<String, BTreeSet<String>>, answer: &Answer) {
    for cookie in set_cookies(&answer.headers) {
        let (pair, attributes) = cookie.split_once("; ").unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        let taken = value.is_empty();
        let attributes = attributes.split("; ").map(str::to_owned);
        let all = found.entry(name.to_owned()).or_default();
        if taken {
            assert!(cookie.contains("; Max-Age=0"), "{cookie}");
        } else {
            all.extend(attributes);
        }
        assert!(!value.contains('@') && !value.contains("example.com"), "{cookie} names somebody");
    }
}

/// Claims: CARD-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_are_four_cookies_each_out_of_reach_of_other_sites_and_those_that_open_something_of_scripts() {
    let Fixture { house, forms, staff, ada } = fixture().await;
    let mut found = BTreeMap::new();
    for browser in [house.browser(), staff, ada] {
        for address in addresses(&house).await {
            note(&mut found, &browser.clone().visit(&address).await);
        }
    }
    assert_eq!(found.keys().collect::<Vec<_>>(), Vec::<&String>::new(), "looking at a page leaves a cookie");
    for form in &forms {
        // Refused without a script, accepted without one, and with one: each way to an answer.
        let mut refused = form.by.without_script();
        note(&mut found, &refused.post(form.path, &[("email", "not an address"), ("name", "")]).await);
    }
    for form in &forms {
        let mut browser = form.by.clone();
        note(&mut found, &browser.post(form.path, &form.fields()).await);
    }
    let known: Vec<&str> = INVENTORY.iter().map(|(name, _)| *name).collect();
    assert_eq!(found.keys().map(String::as_str).collect::<Vec<_>>(), known);
    for (name, age) in INVENTORY {
        let attributes = &found[name];
        let mut wanted: BTreeSet<String> = ["Path=/", "SameSite=Lax"].map(str::to_owned).into();
        if !age.is_empty() {
            wanted.insert(age.to_owned());
        }
        // Which theme somebody likes is nothing to hide, and nothing that opens a door.
        if name != "cs_theme" {
            wanted.insert("HttpOnly".to_owned());
        }
        assert_eq!(*attributes, wanted, "{name}");
    }
}

/// Claims: CARD-05
#[tokio::test]
async fn on_https_cookies_are_bound_to_it_and_to_the_host_and_browsers_are_told_to_stay() {
    let house = House::of(PRODUCTION).await;
    let mut ada = house.person("Ada").await;
    let mut found = BTreeMap::new();
    let fields = [("email", "ada@example.com"), ("password", crate::harness::PASSWORD)];
    note(&mut found, &house.browser().post("/rpc/sessions/sign_in", &fields).await);
    note(&mut found, &ada.without_script().post("/rpc/accounts/change_name", &[("name", "")]).await);
    note(&mut found, &ada.post("/rpc/theme/set", &[("theme", "dark")]).await);
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(names, ["__Host-cs_device", "__Host-cs_session", "cs_form", "cs_theme"]);
    for (name, attributes) in &found {
        assert!(attributes.contains("Secure") && attributes.contains("Path=/"), "{name}: {attributes:?}");
        assert!(!attributes.iter().any(|one| one.starts_with("Domain")), "{name}: {attributes:?}");
    }
    for path in ["/", "/console", "/nothing", "/rpc/frame/read", "/favicon.svg", "/pkg/nothing.js", "/rpc/keys/create"]
    {
        let answer = ada.get(path).await;
        assert_eq!(answer.header("strict-transport-security"), "max-age=31536000", "{path}: {answer:?}");
    }
    let plain = House::open().await;
    for path in ["/", "/console", "/nothing", "/rpc/frame/read", "/favicon.svg"] {
        let answer = plain.browser().get(path).await;
        assert_eq!(answer.header("strict-transport-security"), "", "{path}");
    }
}
