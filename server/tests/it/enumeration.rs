//! Attack cases 1 and 2: from outside, an address with an account and one without are the same.

use contract::policies::TERMS_VERSION;

use crate::fixture::{account, address, recovery_codes};
use crate::harness::{Answer, House, PASSWORD, set_cookies};
use crate::passkeys;

/// People of every kind. Their names are as long as those of nobody.
const KNOWN: [&str; 5] = ["ada", "pia", "sue", "ken", "rex"];

/// Ada is verified, Pia is not, Sue is suspended, Ken has a passkey alone, Rex is restricted.
async fn house() -> House {
    let house = House::open().await;
    let mut ada = house.person("Ada").await;
    recovery_codes(&mut ada).await;
    let pia = [("name", "Pia"), ("email", "pia@example.com"), ("password", PASSWORD), ("terms", TERMS_VERSION)];
    assert_eq!(house.browser().post("/rpc/accounts/sign_up", &pia).await.status, 200);
    for name in ["Sue", "Rex"] {
        account(&house, name).await;
    }
    let mut ken = house.person("Ken").await;
    let mut phone = passkeys::device();
    passkeys::register(&mut ken, &mut phone, "Phone").await;
    assert_eq!(passkeys::step_up(&mut ken, &mut phone).await.status, 200);
    assert_eq!(ken.post("/rpc/accounts/remove_password", &[]).await.status, 200);
    house.database.sql("UPDATE accounts SET state = 'suspended' WHERE email = 'sue@example.com'").await;
    house.database.sql("UPDATE accounts SET state = 'restricted' WHERE email = 'rex@example.com'").await;
    house
}

/// Everything of an answer that its reader can compare, with the address they sent taken out.
fn seen(answer: &Answer, email: &str) -> (u16, Vec<(String, String)>, String, usize) {
    let hex: String = email.bytes().map(|byte| format!("{byte:02x}")).collect();
    let without = |text: &str| {
        text.replace(email, "ADDRESS").replace(&crate::harness::encoded(email), "ADDRESS").replace(&hex, "ADDRESS")
    };
    let mut headers: Vec<(String, String)> = answer
        .headers
        .iter()
        .filter(|(name, _)| name.as_str() != "request-id")
        .map(|(name, value)| (name.to_string(), without(value.to_str().unwrap())))
        .collect();
    headers.sort_unstable();
    (answer.status, headers, without(&answer.body), answer.body.len())
}

/// Sends the form for everybody and for nobody, with a script and without; each answer must be that of nobody.
async fn same_for_everybody(
    house: &House,
    path: &str,
    known: &[&str],
    fields: &[(&'static str, &'static str)],
) -> Vec<Answer> {
    let mut answers = Vec::new();
    for script in [true, false] {
        let ask = async |name: &str| {
            let email = address(name);
            let mut browser = house.browser();
            browser.script = script;
            let mut fields = fields.to_vec();
            fields.push(("email", email.as_str()));
            let answer = browser.post(path, &fields).await;
            (seen(&answer, &email), answer)
        };
        let (nobody, answer) = ask(if script { "nob" } else { "nab" }).await;
        answers.push(answer);
        for name in known {
            let (somebody, answer) = ask(name).await;
            assert_eq!(somebody, nobody, "{path} tells {name}");
            answers.push(answer);
        }
    }
    answers
}

/// Claims: MAST-08, MAST-12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_up_answers_the_same_for_a_known_address_and_tells_its_owner_by_mail() {
    let house = house().await;
    let (accounts, organizations) =
        (house.database.count("accounts").await, house.database.count("organizations").await);
    let mails = house.mails_to("ada@example.com").await;
    let stored =
        house.database.texts("SELECT password_hash FROM accounts WHERE email = 'ada@example.com'".to_owned(), 1);
    let stored = stored.await;
    let fields = [("name", "Eve"), ("password", "seven purple bicycles hum"), ("terms", TERMS_VERSION)];
    let answers = same_for_everybody(&house, "/rpc/accounts/sign_up", &KNOWN, &fields).await;
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.leads_to() == "/sign-up/check-your-mail"));
    // Nobody was asked with a script and without, under two names: two accounts, each with an organization.
    assert_eq!(house.database.count("accounts").await, accounts + 2);
    assert_eq!(house.database.count("organizations").await, organizations + 2);
    assert_eq!(house.mails_to("ada@example.com").await, mails + 2, "the owner is told each time");
    let told = portal::mail::mailbox(house.portal.db()).await.unwrap();
    let told = told.iter().find(|mail| mail.to == "ada@example.com").unwrap();
    assert!(!told.text.contains("verify-email"), "{}", told.text);
    let after =
        house.database.texts("SELECT password_hash FROM accounts WHERE email = 'ada@example.com'".to_owned(), 1);
    assert_eq!(after.await, stored, "the password is the owner's");
    house.browser().sign_in("ada@example.com").await;

    // Without a password, and with one that is refused, nothing is told either.
    let without = [("name", "Eve"), ("password", ""), ("terms", TERMS_VERSION)];
    same_for_everybody(&house, "/rpc/accounts/sign_up", &["ada", "sue"], &without).await;
    for fields in [
        [("name", ""), ("password", "seven purple bicycles hum"), ("terms", TERMS_VERSION)],
        [("name", "Eve"), ("password", "short"), ("terms", TERMS_VERSION)],
        [("name", "Eve"), ("password", "seven purple bicycles hum"), ("terms", "")],
    ] {
        same_for_everybody(&house, "/rpc/accounts/sign_up", &KNOWN, &fields).await;
    }
    let forged = [("name", "Eve"), ("password", PASSWORD), ("terms", TERMS_VERSION), ("proof", "eyJmb3JnZWQiOnRydWV9")];
    let answers = same_for_everybody(&house, "/rpc/accounts/sign_up", &KNOWN, &forged).await;
    assert_eq!(answers[0].code(), "proof_required");
}

/// Claims: MAST-12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_for_a_mail_answers_the_same_for_every_address() {
    for path in ["/rpc/accounts/resend_verification", "/rpc/accounts/ask_reset", "/rpc/recovery/ask"] {
        let house = house().await;
        let answers = same_for_everybody(&house, path, &KNOWN, &[]).await;
        assert!(answers.iter().all(|answer| answer.status == 200 || answer.status == 302), "{answers:?}");
        assert_eq!(house.mails_to("nob@example.com").await + house.mails_to("nab@example.com").await, 0, "{path}");
    }
}

/// Claims: MAST-12, MAST-15
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_or_code_answers_the_same_whoever_it_is_for() {
    let house = house().await;
    let before = house.database.dump().await;
    let wrong = [("password", "seven purple bicycles hum"), ("next", "/console")];
    let answers = same_for_everybody(&house, "/rpc/sessions/sign_in", &KNOWN, &wrong).await;
    assert_eq!((answers[0].status, answers[0].code().as_str()), (401, "sign_in_failed"));
    let wrong = [("code", "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA"), ("next", "")];
    let answers = same_for_everybody(&house, "/rpc/sessions/sign_in_with_code", &KNOWN, &wrong).await;
    assert_eq!((answers[0].status, answers[0].code().as_str()), (401, "recovery_code_wrong"));
    for answer in answers {
        assert!(answer.cookie("cs_session").is_none() && answer.cookie("cs_device").is_none(), "{answer:?}");
    }
    assert_eq!(house.database.dump().await, before);
}

/// Claims: MAST-12
#[tokio::test]
async fn the_question_to_a_passkey_is_the_same_for_everybody_and_names_none() {
    let house = house().await;
    for name in ["ada", "ken", "nob"] {
        let asked = passkeys::ask(&mut house.browser(), "start_sign_in", &[("email", &address(name))]).await;
        let mut options: serde_json::Value = serde_json::from_str(&asked.options).unwrap();
        options["challenge"] = serde_json::Value::Null;
        assert_eq!(
            options["allowCredentials"].as_array().map_or(0, Vec::len),
            0,
            "a question that names passkeys tells who has some"
        );
        let other = passkeys::ask(&mut house.browser(), "start_sign_in", &[]).await;
        let mut others: serde_json::Value = serde_json::from_str(&other.options).unwrap();
        others["challenge"] = serde_json::Value::Null;
        assert_eq!(options, others, "{name}");
    }
}

/// Claims: MAST-12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_tries_are_refused_alike_for_every_address() {
    let house = house().await;
    let wrong = [("password", "seven purple bicycles hum"), ("next", "")];
    for _ in 0..5 {
        same_for_everybody(&house, "/rpc/sessions/sign_in", &["rex", "sue", "pia"], &wrong).await;
    }
    // Ten were taken of each known address, half with a script; of the others five each.
    for name in ["rex", "sue", "pia"] {
        let fields = [("email", address(name)), ("password", PASSWORD.to_owned())];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = house.browser().post("/rpc/sessions/sign_in", &fields).await;
        assert_eq!((answer.status, answer.code().as_str()), (429, "too_many_tries"), "{name}");
        assert!(set_cookies(&answer.headers).is_empty());
    }
    for _ in 0..5 {
        let fields = [("email", "nob@example.com"), ("password", PASSWORD)];
        assert_eq!(house.browser().post("/rpc/sessions/sign_in", &fields).await.status, 401);
    }
    let fields = [("email", "nob@example.com"), ("password", PASSWORD)];
    assert_eq!(house.browser().post("/rpc/sessions/sign_in", &fields).await.status, 429);
}

/// Claims: MAST-05
#[tokio::test]
async fn asking_for_another_address_does_not_tell_whether_it_has_an_account() {
    let house = house().await;
    let mut eve = house.person("Eve").await;
    let mut answers = Vec::new();
    for name in ["ada", "sue", "nob"] {
        let email = address(name);
        let answer = eve.post("/rpc/accounts/ask_email_change", &[("email", &email)]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let page = eve.visit("/console/security").await;
        assert!(page.body.contains(&email), "the page says what waits: {page:?}");
        answers.push(seen(&answer, &email));
    }
    assert_eq!((&answers[0], &answers[1]), (&answers[2], &answers[2]));
    let to_ada = portal::mail::mailbox(house.portal.db()).await.unwrap();
    let to_ada: Vec<_> = to_ada.iter().filter(|mail| mail.to == "ada@example.com").collect();
    assert!(to_ada.iter().all(|mail| !mail.links.iter().any(|link| link.contains("/confirm-email"))), "{to_ada:?}");
}
