//! Attack case 3: of many tries at the same moment a few are looked at, the rest are told when to come back, and the
//! owner gets in meanwhile.

use std::net::IpAddr;

use futures_util::future::join_all;

use crate::fixture::{address, recovery_codes};
use crate::harness::{Answer, House, PASSWORD};
use crate::passkeys;

const WRONG: &str = "seven purple bicycles hum";

/// The n-th place on earth.
fn place(number: usize) -> IpAddr {
    IpAddr::from([198, 51, 100, u8::try_from(number).unwrap()])
}

/// Sends as many at the same moment.
async fn flood(house: &House, path: &str, tries: impl Iterator<Item = (IpAddr, Vec<(&str, String)>)>) -> Vec<Answer> {
    let tries = tries.map(|(place, fields)| {
        let mut browser = house.browser().at_place(place);
        async move {
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            browser.post(path, &fields).await
        }
    });
    join_all(tries).await
}

/// How many were looked at; the others must have been told when to come back, and nothing else.
fn looked_at(answers: &[Answer], code: &str) -> usize {
    let mut bodies = std::collections::BTreeSet::new();
    for answer in answers.iter().filter(|answer| answer.code() != code) {
        assert_eq!((answer.status, answer.code().as_str()), (429, "too_many_tries"), "{answer:?}");
        let wait: u32 = answer.header("retry-after").parse().unwrap();
        assert!(wait > 0 && answer.json()["Refused"]["retry_after_s"] == wait, "{answer:?}");
        assert!(answer.headers.get("set-cookie").is_none());
        bodies.insert(answer.json()["Refused"]["code"].to_string());
    }
    assert!(bodies.len() <= 1);
    answers.iter().filter(|answer| answer.code() == code).count()
}

/// Claims: MAST-15, S002-19
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_200_wrong_passwords_at_once_ten_are_looked_at_and_the_owner_gets_in_meanwhile() {
    let house = House::open().await;
    let mut ada = house.person("Ada").await;
    let mut phone = passkeys::device();
    passkeys::register(&mut ada, &mut phone, "Phone").await;
    let before = house.database.dump().await;
    let fields = || vec![("email", address("Ada")), ("password", WRONG.to_owned())];
    let flood = flood(&house, "/rpc/sessions/sign_in", (0..200).map(|number| (place(number % 20), fields())));
    // The owner is at a browser that the account knows, and comes in the middle of it.
    let mut owner = house.browser().at_place(place(3));
    owner.cookies.insert("cs_device".to_owned(), ada.cookies["cs_device"].clone());
    let signs_in = async {
        // The places for hashing are taken by the flood for a moment: that is said, and passes.
        loop {
            let answer =
                owner.post("/rpc/sessions/sign_in", &[("email", "ada@example.com"), ("password", PASSWORD)]).await;
            if answer.status == 200 {
                return;
            }
            assert_eq!(answer.header("retry-after"), "1", "the owner is locked out: {answer:?}");
            tokio::task::yield_now().await;
        }
    };
    let (answers, ()) = tokio::join!(flood, signs_in);
    let looked_at = looked_at(&answers, "sign_in_failed");
    assert!((1..=10).contains(&looked_at), "{looked_at} were looked at");

    // Elsewhere the right password is not looked at either, and a passkey is.
    let mut elsewhere = house.browser().at_place(place(100));
    let refused =
        elsewhere.post("/rpc/sessions/sign_in", &[("email", "ada@example.com"), ("password", PASSWORD)]).await;
    assert_eq!(refused.code(), "too_many_tries");
    assert_eq!(passkeys::sign_in(&mut elsewhere, &mut phone).await.status, 200);
    // Of all that nothing is stored but the two sign-ins.
    let after = house.database.dump().await;
    for (table, rows) in &before {
        let moves =
            ["sessions", "devices", "audit_events", "audit_head", "accounts", "passkeys", "mails", "ceremonies"];
        assert!(moves.contains(&table.as_str()) || rows == &after[table], "{table} changed");
    }
    assert_eq!(after["sessions"].len(), before["sessions"].len() + 2);
}

/// Claims: MAST-15, S002-19
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_200_tries_from_one_place_at_as_many_addresses_thirty_are_looked_at() {
    let house = House::open().await;
    let fields = |number| vec![("email", format!("person{number}@example.com")), ("password", WRONG.to_owned())];
    let tries = (0..200).map(|number| (place(1), fields(number)));
    let answers = flood(&house, "/rpc/sessions/sign_in", tries).await;
    let looked_at = looked_at(&answers, "sign_in_failed");
    assert!((1..=30).contains(&looked_at), "{looked_at} were looked at");
    // Who is elsewhere does not wait for them.
    let mut elsewhere = house.browser().at_place(place(2));
    let answer = elsewhere.post("/rpc/sessions/sign_in", &[("email", "ada@example.com"), ("password", WRONG)]).await;
    assert_eq!(answer.code(), "sign_in_failed");
}

/// Claims: MAST-15, MAST-12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_200_recovery_codes_at_once_five_are_looked_at_and_a_right_one_works_once() {
    let house = House::open().await;
    let mut ada = house.person("Ada").await;
    let codes = recovery_codes(&mut ada).await;
    let right = |code: &str| vec![("email", address("Ada")), ("code", code.to_owned())];
    let tries = (0..5).map(|number| (place(number), right(&codes[0])));
    let answers = flood(&house, "/rpc/sessions/sign_in_with_code", tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "one code, one sign-in");
    let wrong = |_| (place(9), right("AAAAA-AAAAA-AAAAA-AAAAA-AAAAA"));
    let answers = flood(&house, "/rpc/sessions/sign_in_with_code", (0..200).map(wrong)).await;
    assert_eq!(looked_at(&answers, "recovery_code_wrong"), 0, "five were used up");
    let fields = |_| (place(9), vec![("email", address("Bea")), ("code", "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA".to_owned())]);
    let answers = flood(&house, "/rpc/sessions/sign_in_with_code", (0..200).map(fields)).await;
    assert!(looked_at(&answers, "recovery_code_wrong") <= 5, "for nobody as for somebody");
}

/// Claims: MAST-17
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_200_tokens_of_links_from_one_place_sixty_are_looked_at() {
    let house = House::open().await;
    for path in ["/rpc/accounts/verify_email", "/rpc/recovery/start", "/rpc/organizations/verify_contact"] {
        let tries = (0..200).map(|number| (place(1), vec![("token", format!("{number:043}"))]));
        let answers = flood(&house, path, tries).await;
        let looked_at = looked_at(&answers, "link_unknown");
        assert!(looked_at <= 60, "{path}: {looked_at} were looked at");
    }
}

/// Claims: S002-20
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobodys_mailbox_is_filled_through_us() {
    let house = House::open().await;
    house.person("Ada").await;
    let mails = house.mails_to("ada@example.com").await;
    for path in ["/rpc/accounts/ask_reset", "/rpc/recovery/ask", "/rpc/accounts/resend_verification"] {
        let tries = (0..100).map(|number| (place(number), vec![("email", address("Ada"))]));
        let answers = flood(&house, path, tries).await;
        assert!(answers.iter().all(|answer| answer.status == 200 || answer.status == 429), "{path}");
    }
    assert!(house.mails_to("ada@example.com").await - mails <= 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_script_too_many_tries_are_said_on_the_page_of_the_form() {
    let house = House::open().await;
    let mut browser = house.browser().without_script();
    let fields = [("email", "nobody@example.com"), ("password", WRONG)];
    for _ in 0..10 {
        browser.post("/rpc/sessions/sign_in", &fields).await;
    }
    let request = browser.form("/sign-in", "/rpc/sessions/sign_in", &fields);
    let back = browser.send(request).await;
    let page = browser.visit(back.leads_to()).await;
    assert!(page.body.contains("Too many tries") || page.body.contains("too many tries"), "{page:?}");
}
