//! Passkeys through the doors: what a device that is real in all but its metal is asked, and what its answer is worth.

use contract::passkeys::PasskeyOptions;
use testpasskey::{Device, tamper};

use crate::harness::{Answer, Browser, House, PASSWORD, PORTAL};

/// A telephone whose browser shows a page of the portal.
pub fn device() -> Device {
    Device::new(PORTAL)
}

/// What a passkey is asked; the function must ask something.
pub async fn ask(browser: &mut Browser, function: &str, fields: &[(&str, &str)]) -> PasskeyOptions {
    let asked = browser.post(&format!("/rpc/passkeys/{function}"), fields).await;
    assert_eq!(asked.status, 200, "{function}: {asked:?}");
    serde_json::from_str(&asked.body).unwrap()
}

/// Adds a passkey of that name and returns its id.
pub async fn register(browser: &mut Browser, device: &mut Device, name: &str) -> String {
    let asked = ask(browser, "start_registration", &[]).await;
    let answer = device.create(&asked.options).unwrap();
    let fields = [("ceremony", asked.ceremony.as_str()), ("credential", &answer), ("name", name)];
    let added = browser.post("/rpc/passkeys/finish_registration", &fields).await;
    assert_eq!(added.status, 200, "{added:?}");
    added.json()["id"].as_str().unwrap().to_owned()
}

/// Signs in with whichever passkey the device has.
pub async fn sign_in(browser: &mut Browser, device: &mut Device) -> Answer {
    let asked = ask(browser, "start_sign_in", &[]).await;
    let answer = device.get(&asked.options).unwrap();
    let fields = [("ceremony", asked.ceremony.as_str()), ("credential", &answer), ("next", "/console")];
    browser.post("/rpc/passkeys/finish_sign_in", &fields).await
}

/// Confirms with the passkey that it is still the same person.
pub async fn step_up(browser: &mut Browser, device: &mut Device) -> Answer {
    let asked = ask(browser, "start_step_up", &[]).await;
    let answer = device.get(&asked.options).unwrap();
    let fields = [("ceremony", asked.ceremony.as_str()), ("credential", &answer), ("next", "/console/security")];
    browser.post("/rpc/passkeys/finish_step_up", &fields).await
}

/// Claims: MAST-16, S002-19
#[tokio::test]
async fn a_passkey_is_added_signs_in_without_a_name_and_confirms_through_the_doors() {
    let house = House::open().await;
    let mut ada = house.person("Ada").await;
    let mut phone = device();
    let id = register(&mut ada, &mut phone, "Phone").await;
    assert_eq!(ada.get("/rpc/passkeys/list").await.json()[0]["id"], id);

    let mut browser = house.browser();
    let asked = ask(&mut browser, "start_sign_in", &[]).await;
    assert!(!asked.options.contains("allowCredentials\":[{"), "the question names a passkey: {asked:?}");
    let signed_in = sign_in(&mut browser, &mut phone).await;
    assert_eq!((signed_in.status, signed_in.json()), (200, "/console".into()), "{signed_in:?}");
    assert_eq!(browser.get("/rpc/frame/read").await.json()["me"]["name"], "Ada");

    house.age("ada@example.com").await;
    assert_eq!(browser.post("/rpc/passkeys/remove", &[("id", &id)]).await.code(), "step_up_required");
    let before = browser.clone();
    let confirmed = step_up(&mut browser, &mut phone).await;
    assert_eq!((confirmed.status, confirmed.json()), (200, "/console/security".into()), "{confirmed:?}");
    assert_ne!(browser.cookies["cs_session"], before.cookies["cs_session"], "confirming makes a new session");
    assert_eq!(before.clone().get("/rpc/passkeys/list").await.code(), "not_signed_in");
    assert_eq!(browser.post("/rpc/passkeys/remove", &[("id", &id)]).await.status, 200);
}

/// Claims: MAST-16
#[tokio::test]
async fn an_answer_works_once_even_if_it_comes_twice_at_the_same_moment() {
    let house = House::open().await;
    let mut phone = device();
    register(&mut house.person("Ada").await, &mut phone, "Phone").await;
    let asked = ask(&mut house.browser(), "start_sign_in", &[]).await;
    let answer = phone.get(&asked.options).unwrap();
    let fields = [("ceremony", asked.ceremony.as_str()), ("credential", answer.as_str())];
    let tries = (0..10).map(|_| {
        let mut browser = house.browser();
        async move { browser.post("/rpc/passkeys/finish_sign_in", &fields).await }
    });
    let answers = futures_util::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for lost in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!((lost.status, lost.code().as_str()), (410, "ceremony_expired"));
        assert!(lost.cookie("cs_session").is_none(), "{lost:?}");
    }
    // To another question, the same answer is none.
    let other = ask(&mut house.browser(), "start_sign_in", &[]).await;
    let fields = [("ceremony", other.ceremony.as_str()), ("credential", answer.as_str())];
    let refused = house.browser().post("/rpc/passkeys/finish_sign_in", &fields).await;
    assert_eq!((refused.status, refused.code().as_str()), (401, "passkey_refused"));
}

/// Claims: MAST-16
#[tokio::test]
async fn a_ceremony_of_somebody_else_or_for_something_else_opens_nothing() {
    let house = House::open().await;
    let (mut ada, mut eve) = (house.person("Ada").await, house.person("Eve").await);
    let (mut phone, mut evil) = (device(), device());
    register(&mut ada, &mut phone, "Phone").await;
    register(&mut eve, &mut evil, "Phone").await;
    assert_eq!(step_up(&mut ada, &mut phone).await.status, 200);
    assert_eq!(step_up(&mut eve, &mut evil).await.status, 200);
    let before = stored(&house).await;

    // Eve answers what Ada was asked: to add a passkey, and to confirm.
    let asked = ask(&mut ada, "start_registration", &[]).await;
    let created = device().create(&asked.options).unwrap();
    let fields = [("ceremony", asked.ceremony.as_str()), ("credential", created.as_str())];
    assert_refused(&eve.post("/rpc/passkeys/finish_registration", &fields).await);
    let asked = ask(&mut ada, "start_step_up", &[]).await;
    let answer = evil.get_unasked(&asked.options).unwrap();
    let fields = [("ceremony", asked.ceremony.as_str()), ("credential", answer.as_str())];
    assert_refused(&eve.post("/rpc/passkeys/finish_step_up", &fields).await);
    // What Eve was asked cannot be answered by Ada's passkey, even with her device in Eve's hand.
    let asked = ask(&mut eve, "start_step_up", &[]).await;
    let answer = phone.get_unasked(&asked.options).unwrap();
    let fields = [("ceremony", asked.ceremony.as_str()), ("credential", answer.as_str())];
    assert_refused(&eve.post("/rpc/passkeys/finish_step_up", &fields).await);
    // A question to confirm is not one to sign in, nor the other way round.
    let asked = ask(&mut eve, "start_step_up", &[]).await;
    let answer = evil.get(&asked.options).unwrap();
    let fields = [("ceremony", asked.ceremony.as_str()), ("credential", answer.as_str())];
    assert_refused(&house.browser().post("/rpc/passkeys/finish_sign_in", &fields).await);
    let asked = ask(&mut house.browser(), "start_sign_in", &[]).await;
    let answer = evil.get(&asked.options).unwrap();
    let fields = [("ceremony", asked.ceremony.as_str()), ("credential", answer.as_str())];
    assert_refused(&eve.post("/rpc/passkeys/finish_step_up", &fields).await);
    for made_up in ["", "x", "' OR 1=1 --", &"a".repeat(10_000)] {
        let fields = [("ceremony", made_up), ("credential", answer.as_str())];
        let answer = house.browser().post("/rpc/passkeys/finish_sign_in", &fields).await;
        assert_eq!(answer.code(), "ceremony_expired", "{answer:?}");
    }
    assert_eq!(stored(&house).await, before);
}

/// What is stored, but for questions that nobody answers.
async fn stored(house: &House) -> std::collections::BTreeMap<String, Vec<String>> {
    let mut all = house.database.dump().await;
    all.remove("ceremonies");
    all
}

fn assert_refused(answer: &Answer) {
    assert_eq!((answer.status, answer.code().as_str()), (401, "passkey_refused"), "{answer:?}");
    assert!(answer.cookie("cs_session").is_none(), "{answer:?}");
}

/// Claims: MAST-16
#[tokio::test]
async fn a_dishonest_answer_is_refused_alike_whatever_is_wrong_with_it() {
    let house = House::open().await;
    let mut ada = house.person("Ada").await;
    let mut phone = device();
    register(&mut ada, &mut phone, "Phone").await;
    let before = stored(&house).await;
    type Twist = fn(&mut Device);
    let twists: [(&str, Twist); 5] = [
        ("origin", |device| device.origin = "https://evil.example".to_owned()),
        ("framed", |device| device.cross_origin = true),
        ("relying party", |device| device.relying_party = Some("evil.example".to_owned())),
        ("touched by nobody", |device| device.present = false),
        ("verified nobody", |device| device.verified = false),
    ];
    let mut bodies = Vec::new();
    for (what, twist) in twists {
        let mut dishonest = phone.clone();
        twist(&mut dishonest);
        let answer = sign_in(&mut house.browser(), &mut dishonest).await;
        assert_refused(&answer);
        bodies.push((what, answer.body));
    }
    for part in ["clientDataJSON", "authenticatorData", "signature"] {
        let mut browser = house.browser();
        let asked = ask(&mut browser, "start_sign_in", &[]).await;
        let answer = tamper(&phone.get(&asked.options).unwrap(), part, |bytes| bytes[8] ^= 1).unwrap();
        let fields = [("ceremony", asked.ceremony.as_str()), ("credential", answer.as_str())];
        let answer = browser.post("/rpc/passkeys/finish_sign_in", &fields).await;
        assert_refused(&answer);
        bodies.push((part, answer.body));
    }
    // Somebody whom nobody knows.
    let mut stranger = device();
    let elsewhere = House::open().await;
    register(&mut elsewhere.person("Eve").await, &mut stranger, "Phone").await;
    let answer = sign_in(&mut house.browser(), &mut stranger).await;
    assert_refused(&answer);
    bodies.push(("unknown", answer.body));
    for (what, body) in &bodies {
        assert_eq!(body, &bodies[0].1, "{what} is told apart");
    }
    assert_eq!(stored(&house).await, before);
}

#[tokio::test]
async fn a_credential_that_is_none_is_refused_and_is_no_failure_of_ours() {
    let house = House::open().await;
    let mut ada = house.person("Ada").await;
    let large = format!("{{\"id\":\"{}\"}}", "x".repeat(60_000));
    let deep = "[".repeat(10_000);
    for credential in ["", "{}", "null", "[]", "\0", "{\"id\":1}", "not json", &large, &deep] {
        let asked = ask(&mut ada, "start_registration", &[]).await;
        let fields = [("ceremony", asked.ceremony.as_str()), ("credential", credential)];
        assert_refused(&ada.post("/rpc/passkeys/finish_registration", &fields).await);
        let asked = ask(&mut house.browser(), "start_sign_in", &[]).await;
        let fields = [("ceremony", asked.ceremony.as_str()), ("credential", credential)];
        assert_refused(&house.browser().post("/rpc/passkeys/finish_sign_in", &fields).await);
    }
    assert_eq!(house.database.count("passkeys").await, 0);
}

/// Claims: MAST-16, S002-19
#[tokio::test]
async fn an_account_without_a_password_begins_with_the_passkey_of_its_verification_link() {
    let house = House::open().await;
    let mut lin = house.browser();
    let fields =
        [("name", "Lin"), ("email", "lin@example.com"), ("password", ""), ("terms", contract::policies::TERMS_VERSION)];
    assert_eq!(lin.post("/rpc/accounts/sign_up", &fields).await.status, 200);
    let token = house.token_to("lin@example.com", "/verify-email").await;
    let offer = lin.get(&format!("/rpc/accounts/read_verification?token={token}")).await.json();
    assert_eq!((&offer["needs_passkey"], &offer["email"]), (&true.into(), &"lin@example.com".into()));
    // Without a passkey it could not be signed in to, so its address is not verified either.
    let refused = lin.post("/rpc/accounts/verify_email", &[("token", &token)]).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "state_conflict"));
    let mut phone = device();
    let asked = ask(&mut lin, "start_registration_by_link", &[("token", &token)]).await;
    let answer = phone.create(&asked.options).unwrap();
    let fields = [("token", token.as_str()), ("ceremony", &asked.ceremony), ("credential", &answer)];
    let verified = lin.post("/rpc/passkeys/finish_registration_by_link", &fields).await;
    assert_eq!(verified.status, 200, "{verified:?}");
    assert!(verified.cookie("cs_session").is_none(), "a link signs nobody in: {verified:?}");
    let again = lin.post("/rpc/passkeys/finish_registration_by_link", &fields).await;
    assert_eq!((again.status, again.code().as_str()), (410, "link_used"));
    let fields = [("email", "lin@example.com"), ("password", PASSWORD)];
    let guessed = house.browser().post("/rpc/sessions/sign_in", &fields).await;
    assert_eq!(guessed.code(), "sign_in_failed");
    assert_eq!(sign_in(&mut lin, &mut phone).await.status, 200);
}
