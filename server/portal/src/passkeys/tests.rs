#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::{DateTime, TimeDelta, Utc};
use contract::passkeys::{PASSKEYS_MAX, Passkey, PasskeyOptions};
use contract::sessions::Factor;
use contract::{PasskeyId, Refusal};
use serde_json::Value;
use testpasskey::{Device, EDDSA, tamper};

use super::*;
use crate::SignedIn;
use crate::op::Browser;
use crate::testing::{self, TestPortal, at, refusal, start, token_in};

/// Where browsers reach the portal under test.
const ORIGIN: &str = "https://portal.example";

/// So many seconds after the start; people are signed in after two.
fn later(seconds: i64) -> DateTime<Utc> {
    at(TimeDelta::seconds(seconds))
}

async fn add(test: &TestPortal, person: &SignedIn, device: &mut Device, now: DateTime<Utc>) -> Passkey {
    let op = test.op(person, now);
    let asked = start_registration(&op).await.unwrap();
    let answer = device.create(&asked.options).unwrap();
    finish_registration(&op, &asked.ceremony, &answer, "Phone").await.unwrap()
}

/// Ada with a passkey on this device.
async fn ada_with(test: &TestPortal, device: &mut Device) -> (SignedIn, Passkey) {
    let ada = test.sign_up_and_verify("Ada").await;
    let passkey = add(test, &ada, device, later(3)).await;
    (ada, passkey)
}

/// A question to whoever is there, and the device's answer.
async fn asked(test: &TestPortal, device: &mut Device, now: DateTime<Utc>) -> (PasskeyOptions, String) {
    let asked = start_sign_in(&test.anonymous(now)).await.unwrap();
    let answer = device.get(&asked.options).unwrap();
    (asked, answer)
}

async fn sign_in(test: &TestPortal, device: &mut Device, now: DateTime<Utc>) -> Result<SignedIn> {
    let (asked, answer) = asked(test, device, now).await;
    let opened = finish_sign_in(&test.anonymous(now), &asked.ceremony, &answer).await?;
    Ok(sessions::resume(&test.portal, opened.session.reveal(), now).await.unwrap().unwrap())
}

async fn without_password(test: &TestPortal) {
    test.sql("UPDATE accounts SET password_hash = NULL").await;
}

/// Words of the events about passkeys, in their order.
async fn events(test: &TestPortal) -> Vec<String> {
    let sql = "SELECT action FROM audit_events WHERE action LIKE 'passkey.%' ORDER BY seq".to_owned();
    test.texts(sql, 1).await.into_iter().map(|row| row[0].clone()).collect()
}

/// Subjects of the mails about passkeys, the newest first.
async fn notices_to(test: &TestPortal, email: &str) -> Vec<String> {
    let mails = test.mails_to(email).await;
    mails.into_iter().map(|mail| mail.subject).filter(|subject| subject.contains("passkey")).collect()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Claims: MAST-16, S002-19
#[tokio::test]
async fn a_passkey_signs_in_without_a_name() {
    let test = testing::portal().await;
    let mut phone = Device::new(ORIGIN);
    let (ada, passkey) = ada_with(&test, &mut phone).await;
    assert_eq!((passkey.name.as_str(), passkey.backed_up, passkey.last_used_at), ("Phone", false, None));
    without_password(&test).await;

    let again = sign_in(&test, &mut phone, later(60)).await.unwrap();
    assert_eq!((again.account, again.factor), (ada.account, Factor::Passkey));
    let listed = list(&test.op(&again, later(61))).await.unwrap();
    assert_eq!(listed.iter().map(|one| one.last_used_at).collect::<Vec<_>>(), [Some(later(60).timestamp_millis())]);
    assert_eq!(events(&test).await, ["passkey.added"]);
    assert_eq!(notices_to(&test, &ada.email).await.len(), 1, "the owner is told of the new passkey");
}

#[tokio::test]
async fn a_new_passkey_must_be_found_without_its_id_and_verify_its_person() {
    let test = testing::portal().await;
    let (ada, _) = ada_with(&test, &mut Device::new(ORIGIN)).await;
    // The second is asked for by somebody whom a passkey confirms.
    let mut ada = ada;
    ada.factor = Factor::Passkey;
    let asked = parsed(&start_registration(&test.op(&ada, later(4))).await.unwrap().options);
    let selection = &asked["authenticatorSelection"];
    assert_eq!(selection["residentKey"], "required");
    assert_eq!(selection["requireResidentKey"], true);
    assert_eq!(selection["userVerification"], "required");
    assert_eq!(asked["attestation"], "none");
    assert_eq!(asked["rp"], serde_json::json!({ "name": "Countersign", "id": "portal.example" }));
    assert_eq!(asked["user"]["name"], "ada@example.com");
    assert_eq!(asked["excludeCredentials"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_device_does_not_get_a_second_passkey_for_the_same_account() {
    let test = testing::portal().await;
    let mut phone = Device::new(ORIGIN);
    ada_with(&test, &mut phone).await;
    let ada = sign_in(&test, &mut phone, later(4)).await.unwrap();
    let asked = start_registration(&test.op(&ada, later(5))).await.unwrap();
    assert!(phone.create(&asked.options).is_err());
}

#[tokio::test]
async fn a_device_is_told_a_random_number_and_no_account_number() {
    let test = testing::portal().await;
    let mut phone = Device::new(ORIGIN);
    let (ada, _) = ada_with(&test, &mut phone).await;
    let handles = phone.user_handles();
    let handle = Uuid::from_slice(&handles[0]).unwrap();
    assert_eq!(handle.get_version_num(), 4);
    assert_ne!(handle, ada.account.uuid());
    assert_ne!(handle, ada.organization.id.uuid());
}

/// Claims: MAST-16
#[tokio::test]
async fn what_signs_is_nowhere_in_the_database() {
    let test = testing::portal().await;
    let mut phone = Device::new(ORIGIN);
    phone.counter = Some(0);
    ada_with(&test, &mut phone).await;
    sign_in(&test, &mut phone, later(4)).await.unwrap();
    asked(&test, &mut phone, later(5)).await;
    let stored = format!("{:?}", test.dump().await).to_lowercase();
    for secret in phone.secrets() {
        let base64 = base64_of(&secret).to_lowercase();
        assert!(!stored.contains(&crate::tokens::hex(&secret)) && !stored.contains(&base64), "{stored}");
    }
    // The search can find: what is public is there.
    assert!(stored.contains(&crate::tokens::hex(&phone.credential_ids()[0])));
    // Nobody is named in what waits for an answer, and the maker of the device is not known.
    assert!(!format!("{:?}", test.dump().await["ceremonies"]).contains("ada@example.com"));
    let credential = parsed(&test.texts("SELECT credential FROM passkeys".to_owned(), 1).await[0][0]);
    assert_eq!(credential["cred"]["attestation"]["data"], "None");
    assert_eq!(credential["cred"]["transports"], Value::Null);
}

fn base64_of(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| (bits << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            let digit = (bits >> (18 - 6 * place)) & 63;
            let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            text.push(char::from(alphabet[digit as usize]));
        }
    }
    text
}

/// Claims: S002-19
#[tokio::test]
async fn the_question_to_sign_in_is_the_same_for_everybody() {
    let test = testing::portal().await;
    let before = start_sign_in(&test.anonymous(start())).await.unwrap();
    let (ada, _) = ada_with(&test, &mut Device::new(ORIGIN)).await;
    let after = start_sign_in(&test.anonymous(later(4))).await.unwrap();
    let known = start_sign_in(&test.op(&ada, later(5))).await.unwrap();
    let shape = |asked: &PasskeyOptions| {
        let mut options = parsed(&asked.options);
        let challenge = options["challenge"].take();
        (options, challenge.as_str().unwrap().len(), asked.ceremony.len(), asked.options.len())
    };
    assert_eq!(shape(&before), shape(&after));
    assert_eq!(shape(&before), shape(&known));
    assert_eq!(parsed(&before.options)["allowCredentials"], serde_json::json!([]));
    assert_eq!(parsed(&before.options)["userVerification"], "required");
    assert_ne!(parsed(&before.options)["challenge"], parsed(&after.options)["challenge"]);
}

/// Claims: S002-19
#[tokio::test]
async fn an_answer_is_good_once() {
    let test = testing::portal().await;
    let mut phone = Device::new(ORIGIN);
    ada_with(&test, &mut phone).await;
    let (first, answer) = asked(&test, &mut phone, later(4)).await;
    let op = test.anonymous(later(5));
    finish_sign_in(&op, &first.ceremony, &answer).await.unwrap();
    assert_eq!(refusal(finish_sign_in(&op, &first.ceremony, &answer).await), Refusal::CeremonyExpired);
    let second = start_sign_in(&op).await.unwrap();
    assert_eq!(refusal(finish_sign_in(&op, &second.ceremony, &answer).await), Refusal::PasskeyRefused);
    // It was looked at, so it is gone, whatever it was worth.
    let right = phone.get(&second.options).unwrap();
    assert_eq!(refusal(finish_sign_in(&op, &second.ceremony, &right).await), Refusal::CeremonyExpired);
    assert_eq!(test.count("ceremonies").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_answers_at_the_same_moment_one_signs_in() {
    let test = testing::portal().await;
    let mut phone = Device::new(ORIGIN);
    ada_with(&test, &mut phone).await;
    for round in 0..5 {
        let (asked, answer) = asked(&test, &mut phone, later(4 + round)).await;
        let op = test.anonymous(later(4 + round));
        let tries = (0..4).map(|_| {
            let (op, ceremony, answer) = (op.clone(), asked.ceremony.clone(), answer.clone());
            tokio::spawn(async move { finish_sign_in(&op, &ceremony, &answer).await })
        });
        let mut signed_in = 0;
        for one in tries.collect::<Vec<_>>() {
            match one.await.unwrap() {
                Ok(_) => signed_in += 1,
                refused => assert_eq!(refusal(refused), Refusal::CeremonyExpired),
            }
        }
        assert_eq!(signed_in, 1);
    }
}

#[tokio::test]
async fn a_question_is_open_for_five_minutes() {
    let test = testing::portal().await;
    let mut phone = Device::new(ORIGIN);
    ada_with(&test, &mut phone).await;
    for (wait, is_open) in [(299_999, true), (300_000, false)] {
        let (asked, answer) = asked(&test, &mut phone, later(10)).await;
        let op = test.anonymous(later(10) + TimeDelta::milliseconds(wait));
        let answered = finish_sign_in(&op, &asked.ceremony, &answer).await;
        if is_open {
            answered.unwrap();
        } else {
            assert_eq!(refusal(answered), Refusal::CeremonyExpired);
        }
    }
    let unknown = finish_sign_in(&test.anonymous(later(10)), "not-one-of-ours", "{}").await;
    assert_eq!(refusal(unknown), Refusal::CeremonyExpired);
}

#[tokio::test]
async fn an_answer_to_another_kind_of_question_is_refused() {
    let test = testing::portal().await;
    let mut phone = Device::new(ORIGIN);
    let (ada, _) = ada_with(&test, &mut phone).await;
    let (anonymous, signed_in) = (test.anonymous(later(5)), test.op(&ada, later(5)));

    let (asked_sign_in, answer) = asked(&test, &mut phone, later(4)).await;
    let confirmed = finish_step_up(&signed_in, &asked_sign_in.ceremony, &answer).await;
    assert_eq!(refusal(confirmed), Refusal::PasskeyRefused);

    let asked_step_up = start_step_up(&signed_in).await.unwrap();
    let answer = phone.get(&asked_step_up.options).unwrap();
    let opened = finish_sign_in(&anonymous, &asked_step_up.ceremony, &answer).await;
    assert_eq!(refusal(opened), Refusal::PasskeyRefused);

    let (asked_sign_in, _) = asked(&test, &mut phone, later(4)).await;
    let answer = Device::new(ORIGIN).create(&registration_like(&asked_sign_in.options)).unwrap();
    let added = finish_registration(&signed_in, &asked_sign_in.ceremony, &answer, "").await;
    assert_eq!(refusal(added), Refusal::PasskeyRefused);
    assert_eq!(test.count("ceremonies").await, 0, "each was used up");
}

/// Options of a registration with the challenge of a sign-in.
fn registration_like(options: &str) -> String {
    let options = parsed(options);
    serde_json::json!({
        "rp": { "id": options["rpId"] },
        "user": { "id": "AAAA" },
        "challenge": options["challenge"],
        "authenticatorSelection": { "residentKey": "required" },
    })
    .to_string()
}

/// Whatever is wrong, one refusal, and nothing is changed or told.
///
/// Claims: S002-19
#[tokio::test]
async fn answers_with_anything_wrong_are_refused_alike() {
    type Wrong = fn(&mut Device);
    let test = testing::portal().await;
    let mut phone = Device::new(ORIGIN);
    ada_with(&test, &mut phone).await;
    let before = (test.dump_without(&[]).await["passkeys"].clone(), events(&test).await);
    let wrong: [(&str, Wrong); 8] = [
        ("another site", |device| device.origin = "https://portal.example.evil.example".to_owned()),
        ("without encryption", |device| device.origin = "http://portal.example".to_owned()),
        ("another port", |device| device.origin = "https://portal.example:8443".to_owned()),
        ("a sub-domain", |device| device.origin = "https://a.portal.example".to_owned()),
        ("another relying party", |device| device.relying_party = Some("evil.example".to_owned())),
        ("the person was not verified", |device| device.verified = false),
        ("nobody was there", |device| device.present = false),
        ("shown inside another site", |device| device.cross_origin = true),
    ];
    for (what, change) in wrong {
        let mut device = phone.clone();
        change(&mut device);
        assert_eq!(refusal(sign_in(&test, &mut device, later(4)).await), Refusal::PasskeyRefused, "{what}");
    }

    let flipped =
        |part: &'static str, place: usize| move |answer: &str| tamper(answer, part, |bytes| bytes[place] ^= 1).unwrap();
    let replaced = |from: &'static str, to: &'static str| {
        move |answer: &str| {
            tamper(answer, "clientDataJSON", |bytes| {
                *bytes = String::from_utf8(bytes.clone()).unwrap().replace(from, to).into_bytes();
            })
            .unwrap()
        }
    };
    let without = |part: &'static str| {
        move |answer: &str| {
            let mut answer = parsed(answer);
            answer["response"][part] = Value::Null;
            answer.to_string()
        }
    };
    type Tamper = Box<dyn Fn(&str) -> String>;
    let tampered: Vec<(&str, Tamper)> = vec![
        ("the kind of ceremony", Box::new(replaced("webauthn.get", "webauthn.create"))),
        ("a member more", Box::new(replaced("\"crossOrigin\":false", "\"crossOrigin\":false,\"a\":1"))),
        ("a member twice", Box::new(replaced("\"crossOrigin\":false", "\"crossOrigin\":false,\"crossOrigin\":false"))),
        ("no JSON", Box::new(replaced("}", ""))),
        ("the relying party", Box::new(flipped("authenticatorData", 0))),
        ("the count", Box::new(flipped("authenticatorData", 36))),
        ("the signature", Box::new(flipped("signature", 20))),
        ("whose passkey it is", Box::new(flipped("userHandle", 3))),
        ("no person", Box::new(without("userHandle"))),
        ("no signature", Box::new(without("signature"))),
        ("nothing", Box::new(|_| String::new())),
        ("too long", Box::new(|answer| format!("{answer}{}", " ".repeat(16 * 1024)))),
        ("no passkey", Box::new(|answer| answer.replace("public-key", "password"))),
    ];
    for (what, change) in tampered {
        let (asked, answer) = asked(&test, &mut phone, later(4)).await;
        let answered = finish_sign_in(&test.anonymous(later(4)), &asked.ceremony, &change(&answer)).await;
        assert_eq!(refusal(answered), Refusal::PasskeyRefused, "{what}");
    }
    assert_eq!((test.dump_without(&[]).await["passkeys"].clone(), events(&test).await), before);
    sign_in(&test, &mut phone, later(5)).await.unwrap();
}

/// Claims: S002-19
#[tokio::test]
async fn a_new_passkey_with_anything_wrong_is_not_added() {
    type Wrong = fn(&mut Device);
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let op = test.op(&ada, later(3));
    let wrong: [(&str, Wrong); 10] = [
        ("another site", |device| device.origin = "https://evil.example".to_owned()),
        ("another relying party", |device| device.relying_party = Some("evil.example".to_owned())),
        ("the person was not verified", |device| device.verified = false),
        ("nobody was there", |device| device.present = false),
        ("shown inside another site", |device| device.cross_origin = true),
        ("copied, and not to be copied", |device| device.backed_up = true),
        ("an algorithm that was not asked for", |device| device.algorithm = EDDSA),
        ("an algorithm that does not fit its key", |device| device.algorithm = -35),
        ("an algorithm of another kind of key", |device| device.algorithm = -257),
        ("a megabyte of attestation", |device| device.rubbish = 1024 * 1024),
    ];
    for (what, change) in wrong {
        let mut device = Device::new(ORIGIN);
        change(&mut device);
        let asked = start_registration(&op).await.unwrap();
        let answer = device.create(&asked.options).unwrap();
        let added = finish_registration(&op, &asked.ceremony, &answer, "").await;
        assert_eq!(refusal(added), Refusal::PasskeyRefused, "{what}");
        let again = finish_registration(&op, &asked.ceremony, &answer, "").await;
        assert_eq!(refusal(again), Refusal::CeremonyExpired, "{what}");
    }
    assert_eq!((test.count("passkeys").await, test.count("ceremonies").await), (0, 0));

    // An honest answer, to a question that somebody else was asked, or an older one.
    let mut phone = Device::new(ORIGIN);
    let asked = start_registration(&op).await.unwrap();
    let answer = phone.create(&asked.options).unwrap();
    let bob = test.sign_up_and_verify("Bob").await;
    let stolen = finish_registration(&test.op(&bob, later(4)), &asked.ceremony, &answer, "").await;
    assert_eq!(refusal(stolen), Refusal::PasskeyRefused);
    let asked = start_registration(&op).await.unwrap();
    let replayed = finish_registration(&op, &asked.ceremony, &answer, "").await;
    assert_eq!(refusal(replayed), Refusal::PasskeyRefused);
    assert_eq!((test.count("passkeys").await, events(&test).await.len()), (0, 0));
}

#[tokio::test]
async fn a_passkey_belongs_to_one_account() {
    let test = testing::portal().await;
    let mut phone = Device::new(ORIGIN);
    ada_with(&test, &mut phone).await;
    let bob = test.sign_up_and_verify("Bob").await;
    let op = test.op(&bob, later(4));
    let asked = start_registration(&op).await.unwrap();
    let mut other = Device::new(ORIGIN);
    let answer = other.create(&asked.options).unwrap();
    // Bob's device says that its new passkey has the number of Ada's.
    let (mine, theirs) = (other.credential_ids().remove(0), phone.credential_ids().remove(0));
    let answer = tamper(&answer, "attestationObject", |bytes| {
        let place = bytes.windows(mine.len()).position(|window| window == mine).unwrap();
        bytes[place..place + mine.len()].copy_from_slice(&theirs);
    })
    .unwrap();
    let added = finish_registration(&op, &asked.ceremony, &answer, "").await;
    assert_eq!(refusal(added), Refusal::PasskeyRefused);
    assert_eq!(test.count("passkeys").await, 1);
}

/// Claims: S002-19
#[tokio::test]
async fn a_passkey_of_somebody_else_neither_signs_in_nor_confirms() {
    let test = testing::portal().await;
    let (mut of_ada, mut of_bob) = (Device::new(ORIGIN), Device::new(ORIGIN));
    let (ada, _) = ada_with(&test, &mut of_ada).await;
    let bob = test.sign_up_and_verify("Bob").await;
    add(&test, &bob, &mut of_bob, later(3)).await;

    let op = test.op(&ada, later(4));
    let asked_step_up = start_step_up(&op).await.unwrap();
    assert!(of_bob.get(&asked_step_up.options).is_err(), "an honest browser does not even offer it");
    let answer = of_bob.get_unasked(&asked_step_up.options).unwrap();
    let confirmed = finish_step_up(&op, &asked_step_up.ceremony, &answer).await;
    assert_eq!(refusal(confirmed), Refusal::PasskeyRefused);

    // Bob's passkey says that it is Ada's.
    let handle = of_ada.user_handles().remove(0);
    let (asked_sign_in, answer) = asked(&test, &mut of_bob, later(4)).await;
    let answer = tamper(&answer, "userHandle", |bytes| *bytes = handle).unwrap();
    let opened = finish_sign_in(&test.anonymous(later(4)), &asked_sign_in.ceremony, &answer).await;
    assert_eq!(refusal(opened), Refusal::PasskeyRefused);

    // A question to Ada, answered by Bob, who is signed in too.
    let asked_step_up = start_step_up(&op).await.unwrap();
    let answer = of_bob.get_unasked(&asked_step_up.options).unwrap();
    let confirmed = finish_step_up(&test.op(&bob, later(4)), &asked_step_up.ceremony, &answer).await;
    assert_eq!(refusal(confirmed), Refusal::PasskeyRefused);
}

/// Claims: S002-19
#[tokio::test]
async fn a_copied_passkey_is_refused_suspended_and_told_to_its_owner_once() {
    let test = testing::portal().await;
    let mut phone = Device::new(ORIGIN);
    phone.counter = Some(4);
    let (ada, passkey) = ada_with(&test, &mut phone).await;
    let mut copy = phone.clone();
    let open = sign_in(&test, &mut phone, later(10)).await.unwrap();

    assert_eq!(refusal(sign_in(&test, &mut copy, later(20)).await), Refusal::PasskeyRefused);
    assert_eq!(events(&test).await, ["passkey.added", "passkey.counter_rolled_back"]);
    let told = notices_to(&test, &ada.email).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(!sessions::is_open(&test.portal, open.session, later(20)).await.unwrap(), "who held the copy may be in");

    // Which of the two is the copy nobody knows, so neither gets in; and one mail is enough.
    for device in [&mut phone, &mut copy] {
        device.counter = Some(100);
        assert_eq!(refusal(sign_in(&test, device, later(30)).await), Refusal::PasskeyRefused);
    }
    assert_eq!(notices_to(&test, &ada.email).await.len(), 2);
    let (_, ada) = test.sign_in(&ada.email, later(40)).await;
    let op = test.op(&ada, later(40));
    let listed = list(&op).await.unwrap();
    assert_eq!((listed[0].id, listed[0].suspended_at), (passkey.id, Some(later(20).timestamp_millis())));
    // It is not what confirms changes any more, so its owner can remove it with the password.
    remove(&op, passkey.id).await.unwrap();
}

#[tokio::test]
async fn a_copied_passkey_that_confirms_ends_the_session_it_is_used_in() {
    let test = testing::portal().await;
    let mut phone = Device::new(ORIGIN);
    phone.counter = Some(4);
    ada_with(&test, &mut phone).await;
    let mut copy = phone.clone();
    let open = sign_in(&test, &mut phone, later(10)).await.unwrap();
    let op = test.op(&open, later(11));
    let asked = start_step_up(&op).await.unwrap();
    let answer = copy.get(&asked.options).unwrap();
    assert_eq!(refusal(finish_step_up(&op, &asked.ceremony, &answer).await), Refusal::PasskeyRefused);
    assert!(!sessions::is_open(&test.portal, open.session, later(11)).await.unwrap());
    assert_eq!(events(&test).await, ["passkey.added", "passkey.counter_rolled_back"]);
}

#[tokio::test]
async fn counts_go_up_and_a_passkey_that_stops_counting_is_suspended() {
    let test = testing::portal().await;
    let mut phone = Device::new(ORIGIN);
    phone.counter = Some(0);
    ada_with(&test, &mut phone).await;
    for second in 4..8 {
        sign_in(&test, &mut phone, later(second)).await.unwrap();
    }
    phone.counter = None;
    assert_eq!(refusal(sign_in(&test, &mut phone, later(9)).await), Refusal::PasskeyRefused);
    assert_eq!(events(&test).await, ["passkey.added", "passkey.counter_rolled_back"]);
}

#[tokio::test]
async fn a_passkey_that_changes_whether_it_may_be_copied_is_suspended() {
    for eligible in [false, true] {
        let test = testing::portal().await;
        let mut phone = Device::new(ORIGIN);
        phone.backup_eligible = eligible;
        let (ada, _) = ada_with(&test, &mut phone).await;
        phone.backup_eligible = !eligible;

        // A flag that nobody signed suspends nothing: anybody could send it.
        let (asked, answer) = asked(&test, &mut phone, later(4)).await;
        let forged = tamper(&answer, "signature", |bytes| bytes[20] ^= 1).unwrap();
        let opened = finish_sign_in(&test.anonymous(later(4)), &asked.ceremony, &forged).await;
        assert_eq!(refusal(opened), Refusal::PasskeyRefused);
        assert_eq!(events(&test).await, ["passkey.added"]);

        assert_eq!(refusal(sign_in(&test, &mut phone, later(5)).await), Refusal::PasskeyRefused);
        assert_eq!(events(&test).await, ["passkey.added", "passkey.backup_changed"]);
        assert_eq!(notices_to(&test, &ada.email).await.len(), 2);
        phone.backup_eligible = eligible;
        assert_eq!(refusal(sign_in(&test, &mut phone, later(6)).await), Refusal::PasskeyRefused);
        assert_eq!(events(&test).await.len(), 2);
    }
}

#[tokio::test]
async fn the_owner_is_told_once_when_a_passkey_is_copied_to_other_devices() {
    let test = testing::portal().await;
    let mut phone = Device::new(ORIGIN);
    phone.backup_eligible = true;
    let (ada, _) = ada_with(&test, &mut phone).await;
    phone.backed_up = true;
    for second in 4..7 {
        sign_in(&test, &mut phone, later(second)).await.unwrap();
    }
    assert_eq!(events(&test).await, ["passkey.added", "passkey.backup_changed"]);
    assert_eq!(notices_to(&test, &ada.email).await.len(), 2);
    let ada = sign_in(&test, &mut phone, later(8)).await.unwrap();
    assert!(list(&test.op(&ada, later(8))).await.unwrap()[0].backed_up);
}

/// Claims: S002-10
#[tokio::test]
async fn where_there_is_a_passkey_it_confirms_and_a_password_does_not() {
    let test = testing::portal().await;
    let mut phone = Device::new(ORIGIN);
    let (ada, passkey) = ada_with(&test, &mut phone).await;
    let (_, ada) = test.sign_in(&ada.email, later(10)).await;
    let op = test.op(&ada, later(11));
    let wanted = Refusal::StepUpRequired { passkey: true };
    assert_eq!(refusal(start_registration(&op).await), wanted);
    assert_eq!(refusal(remove(&op, passkey.id).await), wanted);

    let asked = start_step_up(&op).await.unwrap();
    let answer = phone.get(&asked.options).unwrap();
    let token = finish_step_up(&op, &asked.ceremony, &answer).await.unwrap();
    let confirmed = sessions::resume(&test.portal, token.reveal(), later(12)).await.unwrap().unwrap();
    assert_ne!(confirmed.session, ada.session, "the old session was replaced");
    assert!(!sessions::is_open(&test.portal, ada.session, later(12)).await.unwrap());
    start_registration(&test.op(&confirmed, later(12))).await.unwrap();
    let five_minutes_later = later(11) + TimeDelta::minutes(5) + TimeDelta::milliseconds(1);
    assert_eq!(refusal(start_registration(&test.op(&confirmed, five_minutes_later)).await), wanted);
}

/// Claims: S002-10
#[tokio::test]
async fn the_last_way_in_cannot_be_removed() {
    let test = testing::portal().await;
    let (mut phone, mut laptop) = (Device::new(ORIGIN), Device::new(ORIGIN));
    ada_with(&test, &mut phone).await;
    without_password(&test).await;
    let ada = sign_in(&test, &mut phone, later(4)).await.unwrap();
    let op = test.op(&ada, later(5));
    let first = list(&op).await.unwrap()[0].id;
    assert_eq!(refusal(remove(&op, first).await), Refusal::LastWayIn);
    assert_eq!(list(&op).await.unwrap().len(), 1);

    let second = add(&test, &ada, &mut laptop, later(6)).await.id;
    // A passkey that is not accepted is no way in.
    test.sql("UPDATE passkeys SET suspended_at = 1 WHERE created_at > (SELECT min(created_at) FROM passkeys)").await;
    assert_eq!(refusal(remove(&op, first).await), Refusal::LastWayIn);
    remove(&op, second).await.unwrap();
    sign_in(&test, &mut phone, later(7)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_removals_at_the_same_moment_one_leaves_a_way_in() {
    let test = testing::portal().await;
    let (mut phone, mut laptop) = (Device::new(ORIGIN), Device::new(ORIGIN));
    ada_with(&test, &mut phone).await;
    without_password(&test).await;
    let ada = sign_in(&test, &mut phone, later(4)).await.unwrap();
    add(&test, &ada, &mut laptop, later(5)).await;
    let op = test.op(&ada, later(6));
    let ids: Vec<PasskeyId> = list(&op).await.unwrap().iter().map(|one| one.id).collect();
    let (first, second) = (op.clone(), op.clone());
    let (first_id, second_id) = (ids[0], ids[1]);
    let first = tokio::spawn(async move { remove(&first, first_id).await });
    let second = tokio::spawn(async move { remove(&second, second_id).await });
    let done = [first.await.unwrap(), second.await.unwrap()];
    assert_eq!(done.iter().filter(|one| one.is_ok()).count(), 1, "{done:?}");
    assert_eq!(test.count("passkeys").await, 1);
}

/// Claims: S002-10
#[tokio::test]
async fn removing_a_passkey_ends_the_other_sessions_and_tells_the_owner() {
    let test = testing::portal().await;
    let mut phone = Device::new(ORIGIN);
    let (ada, passkey) = ada_with(&test, &mut phone).await;
    let other = sign_in(&test, &mut phone, later(4)).await.unwrap();
    let this = sign_in(&test, &mut phone, later(5)).await.unwrap();
    let mut endings = test.portal.endings();
    remove(&test.op(&this, later(6)), passkey.id).await.unwrap();
    assert!(sessions::is_open(&test.portal, this.session, later(6)).await.unwrap());
    for ended in [ada.session, other.session] {
        assert!(!sessions::is_open(&test.portal, ended, later(6)).await.unwrap());
    }
    assert_eq!(std::iter::from_fn(|| endings.try_recv().ok()).count(), 2, "what they hold open hears of it");
    assert_eq!(events(&test).await, ["passkey.added", "passkey.removed"]);
    assert_eq!(notices_to(&test, &ada.email).await.len(), 2);
    assert_eq!(refusal(sign_in(&test, &mut phone, later(7)).await), Refusal::PasskeyRefused);
}

#[tokio::test]
async fn somebody_elses_passkey_is_not_found() {
    let test = testing::portal().await;
    let (ada, passkey) = ada_with(&test, &mut Device::new(ORIGIN)).await;
    let bob = test.sign_up_and_verify("Bob").await;
    let op = test.op(&bob, later(4));
    assert_eq!(refusal(rename(&op, passkey.id, "Mine").await), Refusal::NotFound);
    assert_eq!(refusal(remove(&op, passkey.id).await), Refusal::NotFound);
    assert_eq!(list(&op).await.unwrap(), []);
    let op = test.op(&ada, later(5));
    rename(&op, passkey.id, " Old phone ").await.unwrap();
    assert_eq!(list(&op).await.unwrap()[0].name, "Old phone");
    assert!(matches!(refusal(rename(&op, passkey.id, "\u{202e}").await), Refusal::InvalidInput { .. }));
    assert_eq!(events(&test).await, ["passkey.added", "passkey.renamed"]);
}

#[tokio::test]
async fn without_a_name_that_can_be_used_a_passkey_is_called_after_the_browser() {
    let test = testing::portal().await;
    let mut ada = test.sign_up_and_verify("Ada").await;
    ada.factor = Factor::Passkey;
    for (typed, browser, wanted) in [
        ("", "Firefox on Linux", "Firefox on Linux"),
        ("a\nb", "Firefox on Linux", "Firefox on Linux"),
        ("  Key ring ", "Firefox on Linux", "Key ring"),
        ("", "", "Passkey"),
    ] {
        let browser = Browser { label: browser.to_owned(), ..Browser::none() };
        let op = test.op(&ada, later(3)).from_browser(browser);
        let asked = start_registration(&op).await.unwrap();
        let answer = Device::new(ORIGIN).create(&asked.options).unwrap();
        assert_eq!(finish_registration(&op, &asked.ceremony, &answer, typed).await.unwrap().name, wanted);
    }
}

#[tokio::test]
async fn an_account_has_twenty_passkeys_at_most() {
    let test = testing::portal().await;
    let mut ada = test.sign_up_and_verify("Ada").await;
    ada.factor = Factor::Passkey;
    let op = test.op(&ada, later(3));
    let early = start_registration(&op).await.unwrap();
    for _ in 0..PASSKEYS_MAX {
        add(&test, &ada, &mut Device::new(ORIGIN), later(3)).await;
    }
    let full = Refusal::TooMany { max: PASSKEYS_MAX };
    assert_eq!(refusal(start_registration(&op).await), full);
    let answer = Device::new(ORIGIN).create(&early.options).unwrap();
    assert_eq!(refusal(finish_registration(&op, &early.ceremony, &answer, "").await), full);
    assert_eq!(test.count("passkeys").await, i64::from(PASSKEYS_MAX));
}

/// Claims: MAST-08, MAST-16
#[tokio::test]
async fn somebody_without_a_password_verifies_the_address_with_their_first_passkey() {
    let test = testing::portal().await;
    test.sign_up("Ada", "ada@example.com", start()).await;
    let token = token_in(&test.mails_to("ada@example.com").await[0]);
    let op = test.anonymous(later(1));
    // Whoever set the password would get in too.
    assert_eq!(refusal(start_registration_by_link(&op, &token).await), Refusal::StateConflict);
    without_password(&test).await;
    // Verified alone, the account could not be signed in to.
    assert_eq!(refusal(accounts::verify_email(&op, &token).await), Refusal::StateConflict);

    let mut phone = Device::new(ORIGIN);
    // What is asked, or answered wrongly, uses nothing up.
    let asked = start_registration_by_link(&op, &token).await.unwrap();
    let answer = phone.create(&asked.options).unwrap();
    let forged = tamper(&answer, "clientDataJSON", |bytes| bytes[10] ^= 1).unwrap();
    let verified = finish_registration_by_link(&op, &token, &asked.ceremony, &forged).await;
    assert_eq!(refusal(verified), Refusal::PasskeyRefused);

    let mut phone = Device::new(ORIGIN);
    let asked = start_registration_by_link(&op, &token).await.unwrap();
    let answer = phone.create(&asked.options).unwrap();
    let early = refusal(sign_in_with(&test, &mut phone.clone()).await);
    assert_eq!(early, Refusal::PasskeyRefused, "nothing was added yet");
    finish_registration_by_link(&op, &token, &asked.ceremony, &answer).await.unwrap();
    assert_eq!(refusal(start_registration_by_link(&op, &token).await), Refusal::LinkUsed);
    assert_eq!(test.count("sessions").await, 0, "a link signs nobody in");
    assert_eq!(sign_in_with(&test, &mut phone).await.unwrap().email, "ada@example.com");
    assert_eq!(events(&test).await, ["passkey.added"]);
}

async fn sign_in_with(test: &TestPortal, device: &mut Device) -> Result<SignedIn> {
    sign_in(test, device, later(2)).await
}

#[tokio::test]
async fn a_verification_link_adds_one_passkey() {
    let test = testing::portal().await;
    test.sign_up("Ada", "ada@example.com", start()).await;
    without_password(&test).await;
    let token = token_in(&test.mails_to("ada@example.com").await[0]);
    let op = test.anonymous(later(1));
    let (first, second) = (
        start_registration_by_link(&op, &token).await.unwrap(),
        start_registration_by_link(&op, &token).await.unwrap(),
    );
    let answer = Device::new(ORIGIN).create(&first.options).unwrap();
    finish_registration_by_link(&op, &token, &first.ceremony, &answer).await.unwrap();
    let answer = Device::new(ORIGIN).create(&second.options).unwrap();
    let again = finish_registration_by_link(&op, &token, &second.ceremony, &answer).await;
    assert_eq!(refusal(again), Refusal::LinkUsed);
    assert_eq!(test.count("passkeys").await, 1);
}

#[tokio::test]
async fn a_suspended_account_learns_of_it_only_after_the_right_passkey() {
    let test = testing::portal().await;
    let mut phone = Device::new(ORIGIN);
    ada_with(&test, &mut phone).await;
    test.sql("UPDATE accounts SET state = 'suspended', state_reason = 'keys were found in public code'").await;
    let reason = "keys were found in public code".to_owned();
    assert_eq!(refusal(sign_in(&test, &mut phone, later(4)).await), Refusal::AccountSuspended { reason });
    phone.verified = false;
    assert_eq!(refusal(sign_in(&test, &mut phone, later(5)).await), Refusal::PasskeyRefused);
}

#[test]
fn passkeys_need_a_domain() {
    for (url, has_passkeys) in [
        ("http://localhost:3000", true),
        ("https://portal.example", true),
        ("http://127.0.0.1:3000", false),
        ("https://[2001:db8::1]", false),
        ("", false),
    ] {
        let relying = Relying::new(url, "Countersign");
        assert_eq!(relying.is_there(), has_passkeys, "{url}");
        if !has_passkeys {
            assert_eq!(refusal(relying.ask(Vec::new()).map(|_| ())), Refusal::PasskeysUnavailable);
        }
    }
}
