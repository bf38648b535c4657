//! The operator's desk: finding and seeing an account, what can be done to it, and both audit logs, by pages and forms.

use crate::forms::create;
use crate::harness::{Answer, Browser, House, PORTAL};

const WHY: &str = "A key was found in public code";

/// The id of the one account on a page of results.
fn id_on(page: &Answer) -> String {
    let ids: Vec<&str> = page.body.split("/admin/accounts/").skip(1).map(|rest| &rest[..30]).collect();
    assert_eq!(ids.len(), 1, "{}", page.body);
    ids[0].to_owned()
}

/// Opens the page of an account, sends one of its forms without a script, and comes to where that leads.
async fn send(browser: &Browser, id: &str, verb: &str, reason: &str) -> (Answer, Browser) {
    let mut browser = browser.without_script();
    let page = format!("/admin/accounts/{id}?purpose=abuse");
    assert_eq!(browser.visit(&page).await.status, 200);
    let fields = [("id", id), ("reason", reason), ("purpose", "abuse")];
    let request = browser.form(&page, &format!("/rpc/staff/{verb}"), &fields);
    let answer = browser.send(request).await;
    let next = browser.visit(&answer.leads_to().replace(PORTAL, "")).await;
    (Answer { headers: answer.headers, ..next }, browser)
}

async fn events(house: &House, action: &str) -> usize {
    house.database.texts(format!("SELECT action FROM audit_events WHERE action = '{action}'"), 1).await.len()
}

/// Claims: MASA-23, FLOW-38
#[tokio::test]
async fn staff_find_and_see_an_account_only_after_saying_why() {
    let house = House::open().await;
    let mut sam = house.staff("Sam").await;
    house.person("Ada").await;
    let empty = sam.visit("/admin/accounts").await;
    assert_eq!(empty.status, 200);
    assert!(empty.body.contains("Choose a purpose"), "{}", empty.body);
    let unsaid = sam.visit("/admin/accounts?query=ada&purpose=").await;
    assert_eq!(unsaid.status, 422);
    assert!(unsaid.body.contains("Choose one of the options.") && !unsaid.body.contains("ada@example.com"));
    let nothing = sam.visit("/admin/accounts?query=&purpose=abuse").await;
    assert_eq!(nothing.status, 422);
    assert!(nothing.body.contains("Fill this in."), "{}", nothing.body);
    assert_eq!(events(&house, "account.searched").await, 0);
    let nobody = sam.visit("/admin/accounts?query=nobody&purpose=abuse").await;
    assert!(nobody.body.contains("No account found"), "{}", nobody.body);
    let found = sam.visit("/admin/accounts?query=ada&purpose=abuse").await;
    assert!(found.body.contains("ada@example.com"), "{}", found.body);
    assert_eq!(events(&house, "account.searched").await, 2);

    let id = id_on(&found);
    for why in ["", "?purpose=", "?purpose=curiosity"] {
        let asked = sam.visit(&format!("/admin/accounts/{id}{why}")).await;
        assert!(asked.body.contains("Why do you look at this account?"), "{}", asked.body);
        assert!(!asked.body.contains("ada@example.com"), "{}", asked.body);
    }
    assert_eq!(events(&house, "account.viewed").await, 0);
    let seen = sam.visit(&format!("/admin/accounts/{id}?purpose=help_asked")).await;
    assert_eq!(seen.status, 200);
    assert!(seen.body.contains("ada@example.com") && seen.body.contains("Restrict the account"), "{}", seen.body);
    assert_eq!(events(&house, "account.viewed").await, 1);
    for missing in ["acc_00000000000000000000000000", "nonsense"] {
        assert_eq!(sam.visit(&format!("/admin/accounts/{missing}?purpose=abuse")).await.status, 404, "{missing}");
    }
}

/// Claims: MAST-10, S002-34
#[tokio::test]
async fn staff_restrict_an_account_by_a_form_and_its_person_reads_why_on_every_page() {
    let house = House::open().await;
    let mut sam = house.staff("Sam").await;
    let mut ada = house.person("Ada").await;
    let id = id_on(&sam.visit("/admin/accounts?query=ada&purpose=abuse").await);
    let (refused, _) = send(&sam, &id, "restrict", " ").await;
    assert!(refused.body.contains("Fill this in."), "{}", refused.body);
    assert!(!ada.visit("/console").await.body.contains("restricted"));

    // Too long ago: the reason is still there after the confirmation.
    house.age("sam@example.com").await;
    let (asked, mut browser) = send(&sam, &id, "restrict", WHY).await;
    assert!(asked.header("location").contains("/step-up?next="), "{asked:?}");
    let back = browser.visit(&format!("/admin/accounts/{id}?purpose=abuse")).await;
    assert!(back.body.contains(&format!("value=\"{WHY}\"")), "{}", back.body);
    sam.sign_in("sam@example.com").await;

    let (done, _) = send(&sam, &id, "restrict", WHY).await;
    assert!(done.header("location").ends_with("?purpose=abuse&done=restricted"), "{done:?}");
    assert!(done.body.contains("The account is restricted.") && done.body.contains(WHY), "{}", done.body);
    for page in ["/console", "/console/keys", "/console/security"] {
        assert!(ada.visit(page).await.body.contains(WHY), "{page}");
    }
    let no = ada.post("/rpc/keys/create", &[("label", "x"), ("environment", "live"), ("form_token", "x")]).await;
    assert_eq!((no.status, no.code().as_str()), (403, "account_restricted"), "{no:?}");

    let (restored, _) = send(&sam, &id, "restore", "All is well").await;
    assert!(restored.body.contains("The account is in good standing again."), "{}", restored.body);
    assert!(!ada.visit("/console").await.body.contains(WHY));
    create(&mut ada, "again").await;
}

/// Claims: MAST-10
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suspending_an_account_ends_its_open_streams_within_a_second() {
    let house = House::open().await;
    let mut sam = house.staff("Sam").await;
    let mut ada = house.person("Ada").await;
    let id = id_on(&sam.visit("/admin/accounts?query=ada&purpose=abuse").await);
    let live = ada.live("", None).await;
    let own = sam.live("scope=operator", None).await;
    let answer = sam.post("/rpc/staff/suspend", &[("id", &id), ("reason", WHY)]).await;
    assert!((200..400).contains(&answer.status), "{answer:?}");
    live.ends_within_a_second().await;
    assert_eq!(ada.visit("/console").await.leads_to(), "/sign-in?next=/console");
    drop(own);
}

/// Claims: MASA-27, MASA-28
#[tokio::test]
async fn both_audit_logs_show_events_readably_filter_them_and_go_on_page_by_page() {
    let house = House::open().await;
    let mut sam = house.staff("Sam").await;
    let mut ada = house.person("Ada").await;
    let mut bob = house.person("Bob").await;
    let key = create(&mut ada, "Server").await;
    let own = ada.visit("/console/audit").await;
    assert_eq!(own.status, 200);
    assert!(own.body.contains("Created a key") && own.body.contains(&key), "{}", own.body);
    assert!(!bob.visit("/console/audit").await.body.contains(&key));
    assert!(ada.visit("/console/audit?action=key.revoked").await.body.contains("No event"));

    for (query, sentence) in [
        ("action=key.eaten", "Choose one of the options."),
        ("actor=nobody", "Choose one of the options."),
        ("account=ada", "Enter the whole id"),
        ("organization=acme", "Enter the whole id"),
    ] {
        let refused = sam.visit(&format!("/admin/audit?{query}")).await;
        assert_eq!(refused.status, 422, "{query}");
        assert!(refused.body.contains(sentence), "{query}: {}", refused.body);
    }
    let all = sam.visit("/admin/audit?action=key.created").await;
    assert!(all.body.contains(&key) && all.body.contains("Ada"), "{}", all.body);
    for number in 0..60 {
        create(&mut ada, &format!("key {number}")).await;
    }
    let first = ada.visit("/console/audit?action=key.created").await;
    let mut older = first.body.split("href=\"").map(|rest| rest.split('"').next().unwrap());
    let older = older.find(|href| href.contains("before=")).expect("a link to older events");
    let second = ada.visit(&older.replace("&amp;", "&")).await;
    assert!(!first.body.contains(&key) && second.body.contains(&key), "{}", second.body);
    assert_eq!(ada.visit("/admin/audit").await.status, 404);
    assert_eq!(ada.visit("/admin/accounts").await.status, 404);
}
