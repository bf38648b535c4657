//! What exists in a demo only.

use crate::forms::sign_up;
use crate::harness::{House, PRODUCTION};

const DEMO_PAGES: [&str; 3] = ["/dev/mailbox", "/dev/mailbox.json", "/dev/gallery"];

#[tokio::test]
async fn mailbox_and_gallery_do_not_exist_outside_the_demo() {
    let house = House::of(PRODUCTION).await;
    let mut operator = house.staff("Olga").await;
    house.browser().post("/rpc/accounts/sign_up", &sign_up("Ada", "ada@example.com")).await;
    for path in DEMO_PAGES {
        for browser in [&mut operator, &mut house.browser()] {
            for answer in [browser.visit(path).await, browser.get(path).await] {
                assert_eq!(answer.status, 404, "{path}");
                assert!(!answer.body.contains("ada@example.com") && !answer.body.contains("token="), "{path}");
            }
        }
    }
    assert_eq!(house.browser().visit("/dev/gallery/x").await.status, 404);
}

#[tokio::test]
async fn the_demos_mailbox_shows_mails_with_their_links_the_newest_first() {
    let house = House::open().await;
    let mut browser = house.browser();
    assert!(browser.visit("/dev/mailbox").await.body.contains("No mail yet."));
    for name in ["Ada", "Bea"] {
        browser.post("/rpc/accounts/sign_up", &sign_up(name, &format!("{}@example.com", name.to_lowercase()))).await;
    }
    let mails = browser.get("/dev/mailbox.json").await.json();
    let to: Vec<&str> = mails.as_array().unwrap().iter().map(|mail| mail["to"].as_str().unwrap()).collect();
    assert_eq!(to, ["bea@example.com", "ada@example.com"]);
    for part in ["id", "to", "subject", "text", "html", "links"] {
        assert!(!mails[0][part].is_null(), "a mail has no {part}");
    }
    let link = mails[0]["links"][0].as_str().unwrap();
    let page = browser.visit("/dev/mailbox").await;
    assert!(page.body.contains(&format!("href=\"{link}\"")));
    assert_eq!(browser.visit("/dev/gallery").await.status, 200);
}
