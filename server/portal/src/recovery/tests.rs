#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::{DateTime, TimeDelta, Utc};
use contract::sessions::Factor;
use contract::{Problem, Refusal, StaffRole};
use testpasskey::Device;

use super::{
    ask_recovery, cancel_my_recovery, cancel_offer, cancel_recovery, confirm_with_code, finish_offer, finish_recovery,
    make_recovery_codes, recovery_codes_left, sign_in_with_code, start_offer, start_recovery, tell_ready,
};
use crate::accounts::{self, Password, security};
use crate::testing::{self, TestPortal, at, password, refusal, start, token_in};
use crate::{SignedIn, sessions, tokens};

const ADA: &str = "ada@example.com";

fn after(seconds: i64) -> DateTime<Utc> {
    at(TimeDelta::seconds(seconds))
}

fn new_password() -> Password {
    Password::new("seven quiet violins hum".to_owned())
}

/// When a recovery that was started ten seconds after the start can be completed.
fn ready() -> DateTime<Utc> {
    after(10) + TimeDelta::hours(72)
}

async fn codes_of(test: &TestPortal, person: &SignedIn, seconds: i64) -> Vec<String> {
    make_recovery_codes(&test.op(person, after(seconds))).await.unwrap().codes
}

/// The token in the newest mail to an address whose link leads there.
async fn token_for(test: &TestPortal, email: &str, path: &str) -> String {
    let mails = test.mails_to(email).await;
    let link = format!("https://portal.example{path}?token=");
    let mail = mails.iter().find(|mail| mail.links.iter().any(|url| url.starts_with(&link)));
    token_in(mail.unwrap_or_else(|| panic!("no mail to {email} leads to {path}")))
}

/// Asks for a recovery of Ada's account and starts it, ten seconds after the start.
async fn start_for_ada(test: &TestPortal) {
    ask_recovery(&test.anonymous(after(9)), ADA).await.unwrap();
    let token = token_for(test, ADA, "/recover").await;
    start_recovery(&test.anonymous(after(10)), &token).await.unwrap();
}

async fn has_mail(test: &TestPortal, email: &str, subject: &str) -> bool {
    test.mails_to(email).await.iter().any(|mail| mail.subject.starts_with(subject))
}

/// Claims: MAST-12, S002-20
#[tokio::test]
async fn ten_codes_are_shown_once_and_only_their_hashes_are_stored() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let codes = codes_of(&test, &ada, 3).await;
    assert_eq!(codes.len(), 10);
    let stored = format!("{:?}", test.dump().await);
    for code in &codes {
        let groups: Vec<&str> = code.split('-').collect();
        assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), [5, 5, 5, 5, 5], "{code}");
        assert!(code.bytes().all(|byte| byte == b'-' || b"0123456789ABCDEFGHJKMNPQRSTVWXYZ".contains(&byte)));
        let bare = groups.concat();
        assert!(!stored.contains(code) && !stored.contains(&bare));
        let hash = tokens::hex(&tokens::token_hash(&bare));
        assert!(stored.to_lowercase().contains(&hash), "the dump does not show hashes");
    }
    assert_eq!(recovery_codes_left(&test.op(&ada, after(4))).await.unwrap(), 10);
    assert!(has_mail(&test, ADA, "New recovery codes").await);
    assert_eq!(refusal(make_recovery_codes(&test.anonymous(after(4))).await), Refusal::NotSignedIn);
}

#[test]
fn codes_use_the_whole_alphabet_evenly() {
    let mut counts = std::collections::BTreeMap::new();
    for letter in (0..2_560).flat_map(|_| super::codes::new_code().unwrap().into_bytes()) {
        *counts.entry(letter).or_insert(0u32) += 1;
    }
    // 64,000 draws over 32 letters: 2,000 each, ±6 standard deviations of 44.
    assert_eq!(counts.len(), 32);
    assert!(counts.values().all(|count| (1_736..=2_264).contains(count)), "{counts:?}");
}

/// Claims: MAST-12, FLOW-34
#[tokio::test]
async fn a_code_signs_in_once_however_it_is_typed() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let codes = codes_of(&test, &ada, 3).await;
    let typed = format!(" {} ", codes[0].to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l"));
    let op = test.anonymous(after(10));
    let opened = sign_in_with_code(&op, " ADA@example.com ", &typed).await.unwrap();
    let again = sessions::resume(&test.portal, opened.session.reveal(), after(10)).await.unwrap().unwrap();
    assert_eq!((again.account, again.factor), (ada.account, Factor::RecoveryCode));
    assert_eq!(recovery_codes_left(&test.op(&again, after(11))).await.unwrap(), 9);
    assert!(has_mail(&test, ADA, "A recovery code was used").await);
    assert!(test.actions().await.contains(&"recovery.code_used".to_owned()));

    assert_eq!(refusal(sign_in_with_code(&op, ADA, &codes[0]).await), Refusal::RecoveryCodeWrong);
    // New codes make the others useless.
    codes_of(&test, &ada, 12).await;
    assert_eq!(refusal(sign_in_with_code(&op, ADA, &codes[1]).await), Refusal::RecoveryCodeWrong);
}

/// Claims: S002-20
#[tokio::test]
async fn a_wrong_code_and_an_unknown_address_are_refused_alike() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    test.sign_up_and_verify("Bob").await;
    let codes = codes_of(&test, &ada, 3).await;
    let before = test.dump().await;
    let op = test.anonymous(after(10));
    let long = "x".repeat(10_000);
    for (email, code) in [
        (ADA, "00000-00000-00000-00000-00000"),
        (ADA, ""),
        ("bob@example.com", codes[0].as_str()),
        ("nobody@example.com", codes[0].as_str()),
        ("", codes[0].as_str()),
        ("\0", codes[0].as_str()),
        (long.as_str(), long.as_str()),
    ] {
        assert_eq!(refusal(sign_in_with_code(&op, email, code).await), Refusal::RecoveryCodeWrong, "{email:.20}");
    }
    assert_eq!(test.dump().await, before);
}

/// Attack: many guesses at the same moment, and the same right code twice.
///
/// Claims: S002-20
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn codes_are_guessed_a_few_times_and_a_right_one_opens_one_session() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let codes = codes_of(&test, &ada, 3).await;
    let before = test.count("sessions").await;
    let (one, other) = (test.anonymous(after(10)), test.anonymous(after(10)));
    let (one, other) = tokio::join!(sign_in_with_code(&one, ADA, &codes[0]), sign_in_with_code(&other, ADA, &codes[0]));
    assert_ne!(one.is_ok(), other.is_ok());
    assert_eq!(test.count("sessions").await, before + 1);

    let guesses: Vec<_> = (0..100)
        .map(|_| {
            let op = test.anonymous(after(11));
            tokio::spawn(async move { refusal(sign_in_with_code(&op, ADA, "00000").await) })
        })
        .collect();
    let mut looked_at = 0;
    for guess in guesses {
        looked_at += i32::from(guess.await.unwrap() == Refusal::RecoveryCodeWrong);
    }
    assert!((1..=5).contains(&looked_at), "{looked_at}");
    assert!(matches!(
        refusal(sign_in_with_code(&test.anonymous(after(12)), ADA, &codes[1]).await),
        Refusal::TooManyTries { .. }
    ));
}

/// Claims: MAST-12, S002-20
#[tokio::test]
async fn who_lost_their_passkey_replaces_it_with_the_help_of_codes() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let codes = codes_of(&test, &ada, 3).await;
    let mut lost = Device::new("https://portal.example");
    let old = test.add_passkey(&ada, &mut lost, after(4)).await;
    test.sql("UPDATE accounts SET password_hash = NULL").await;

    let opened = sign_in_with_code(&test.anonymous(after(10)), ADA, &codes[0]).await.unwrap();
    let ada = sessions::resume(&test.portal, opened.session.reveal(), after(10)).await.unwrap().unwrap();
    // Six minutes later the authentication is too old, and there is nothing but another code to confirm with.
    let late = after(10) + TimeDelta::minutes(6);
    let op = test.op(&ada, late);
    assert!(matches!(refusal(make_recovery_codes(&op).await), Refusal::StepUpRequired { passkey: true }));
    assert_eq!(refusal(confirm_with_code(&op, &codes[0]).await), Refusal::RecoveryCodeWrong);
    let token = confirm_with_code(&op, &codes[1]).await.unwrap();
    assert!(sessions::resume(&test.portal, opened.session.reveal(), late).await.unwrap().is_none());
    let ada = sessions::resume(&test.portal, token.reveal(), late).await.unwrap().unwrap();
    let mut new = Device::new("https://portal.example");
    test.add_passkey(&ada, &mut new, late).await;
    crate::passkeys::remove(&test.op(&ada, late), old.id).await.unwrap();
    test.sign_in_with_passkey(&mut new, late).await;
}

/// Claims: MAST-12, FLOW-34, S002-20
#[tokio::test]
async fn a_recovery_by_mail_waits_three_days_and_removes_all_that_could_sign_in_before() {
    let test = testing::portal().await;
    let ada = test.staff("Ada", StaffRole::Owner).await;
    let codes = codes_of(&test, &ada, 4).await;
    let mut phone = Device::new("https://portal.example");
    test.add_passkey(&ada, &mut phone, after(5)).await;
    start_for_ada(&test).await;

    // It waits: the console says so, and nothing can be done yet.
    let op = test.op(&ada, after(11));
    assert_eq!(accounts::me(&op).await.unwrap().recovery_ready_at, Some(ready().timestamp_millis()));
    assert_eq!(security(&op).await.unwrap().recovery.unwrap().ready_at, ready().timestamp_millis());
    assert!(has_mail(&test, ADA, "Somebody asked to recover your account").await);
    let early = ready() - TimeDelta::milliseconds(1);
    assert_eq!(tell_ready(&test.system(early)).await.unwrap(), 0);
    assert!(!has_mail(&test, ADA, "Your account at Countersign can be recovered").await);

    // Its time has come: one mail, however often the job runs.
    assert_eq!(tell_ready(&test.system(ready())).await.unwrap(), 1);
    assert_eq!(tell_ready(&test.system(ready())).await.unwrap(), 0);
    let token = token_for(&test, ADA, "/recover/finish").await;
    let later = test.anonymous(ready() + TimeDelta::days(6));
    let before = test.dump().await;
    let offer = finish_offer(&later, &token).await.unwrap();
    assert_eq!((offer.email.as_str(), offer.passkeys, offer.recovery_codes, offer.staff), (ADA, 1, 10, true));
    let weak = refusal(finish_recovery(&later, &token, &Password::new("kX9mq2Zw".to_owned())).await);
    assert_eq!(weak.problem_of("password"), Some(Problem::TooShort { min: 15 }));
    assert_eq!(test.dump().await, before);

    finish_recovery(&later, &token, &new_password()).await.unwrap();
    for table in ["passkeys", "recovery_codes", "sessions", "devices", "staff"] {
        assert_eq!(test.count(table).await, 0, "{table}");
    }
    let now = ready() + TimeDelta::days(6) + TimeDelta::seconds(1);
    assert_eq!(refusal(sessions::sign_in(&test.anonymous(now), ADA, &password()).await), Refusal::SignInFailed);
    assert_eq!(refusal(sign_in_with_code(&test.anonymous(now), ADA, &codes[0]).await), Refusal::RecoveryCodeWrong);
    let opened = sessions::sign_in(&test.anonymous(now), ADA, &new_password()).await.unwrap();
    let ada = sessions::resume(&test.portal, opened.session.reveal(), now).await.unwrap().unwrap();
    assert_eq!((ada.staff, accounts::me(&test.op(&ada, now)).await.unwrap().recovery_ready_at), (None, None));
    assert!(has_mail(&test, ADA, "Your account was recovered").await);
    assert_eq!(refusal(finish_recovery(&test.anonymous(now), &token, &password()).await), Refusal::LinkUsed);
    let outcome = test.texts("SELECT outcome FROM recoveries".to_owned(), 1).await.concat();
    assert_eq!(outcome, ["completed"]);
    let actions = test.actions().await;
    assert!(actions.contains(&"recovery.started".to_owned()) && actions.contains(&"recovery.completed".to_owned()));
}

/// Claims: MAST-12, FLOW-34, S002-20
#[tokio::test]
async fn whoever_is_told_of_a_recovery_can_cancel_it_without_being_signed_in() {
    for who in [ADA, "office@example.com"] {
        let test = testing::portal().await;
        test.sign_up_and_verify("Ada").await;
        test.sql("UPDATE organizations SET contact_email = 'office@example.com', contact_verified_at = 1").await;
        start_for_ada(&test).await;
        let op = test.anonymous(after(20));
        let token = token_for(&test, who, "/recover/cancel").await;
        for _ in 0..5 {
            assert_eq!(cancel_offer(&op, &token).await.unwrap().ready_at, ready().timestamp_millis());
        }
        assert_eq!(test.texts("SELECT outcome FROM recoveries".to_owned(), 1).await.concat(), [""]);
        cancel_recovery(&op, &token).await.unwrap();
        assert_eq!(refusal(cancel_recovery(&op, &token).await), Refusal::LinkUsed);
        let other = if who == ADA { "office@example.com" } else { ADA };
        let theirs = token_for(&test, other, "/recover/cancel").await;
        assert_eq!(refusal(cancel_offer(&op, &theirs).await), Refusal::LinkUsed);
        for told in [ADA, "office@example.com"] {
            assert!(test.mails_to(told).await[0].subject.contains("was cancelled"), "{told}");
        }
        assert_eq!(tell_ready(&test.system(ready())).await.unwrap(), 0);
        assert_eq!(test.texts("SELECT outcome FROM recoveries".to_owned(), 1).await.concat(), ["cancelled"]);
        assert!(test.actions().await.contains(&"recovery.cancelled".to_owned()));
        // Nothing was changed.
        test.sign_in(ADA, after(21)).await;
    }
}

#[tokio::test]
async fn only_verified_contacts_of_organizations_that_the_account_owns_are_told() {
    for sql in [
        "UPDATE organizations SET contact_email = 'office@example.com'",
        "UPDATE organizations SET contact_email = 'ADA@example.com', contact_verified_at = 1",
    ] {
        let test = testing::portal().await;
        test.sign_up_and_verify("Ada").await;
        test.sql(sql).await;
        start_for_ada(&test).await;
        assert!(
            test.mails_to("office@example.com").await.is_empty() && test.mails_to("ADA@example.com").await.is_empty()
        );
    }
}

#[tokio::test]
async fn the_owner_cancels_a_recovery_in_the_console_and_the_second_mail_is_worth_nothing() {
    let test = testing::portal().await;
    test.sign_up_and_verify("Ada").await;
    start_for_ada(&test).await;
    tell_ready(&test.system(ready())).await.unwrap();
    let token = token_for(&test, ADA, "/recover/finish").await;
    let (_, ada) = test.sign_in(ADA, ready()).await;
    cancel_my_recovery(&test.op(&ada, ready())).await.unwrap();
    cancel_my_recovery(&test.op(&ada, ready())).await.unwrap();
    let op = test.anonymous(ready());
    assert_eq!(refusal(finish_offer(&op, &token).await), Refusal::LinkUsed);
    assert_eq!(refusal(finish_recovery(&op, &token, &new_password()).await), Refusal::LinkUsed);
    test.sign_in(ADA, ready()).await;
    let cancelled = test.actions().await.into_iter().filter(|word| word == "recovery.cancelled");
    assert_eq!(cancelled.count(), 1);
    assert_eq!(refusal(cancel_my_recovery(&op).await), Refusal::NotSignedIn);
}

#[tokio::test]
async fn a_recovery_that_nobody_completes_ends_after_a_week() {
    let test = testing::portal().await;
    test.sign_up_and_verify("Ada").await;
    start_for_ada(&test).await;
    tell_ready(&test.system(ready())).await.unwrap();
    let token = token_for(&test, ADA, "/recover/finish").await;
    let end = ready() + TimeDelta::days(7);
    finish_offer(&test.anonymous(end - TimeDelta::milliseconds(1)), &token).await.unwrap();
    assert_eq!(refusal(finish_offer(&test.anonymous(end), &token).await), Refusal::LinkExpired);
    assert_eq!(refusal(finish_recovery(&test.anonymous(end), &token, &new_password()).await), Refusal::LinkExpired);
    tell_ready(&test.system(end)).await.unwrap();
    assert_eq!(test.texts("SELECT outcome FROM recoveries".to_owned(), 1).await.concat(), ["expired"]);
    // And another can be started.
    ask_recovery(&test.anonymous(end), ADA).await.unwrap();
    let token = token_for(&test, ADA, "/recover").await;
    start_recovery(&test.anonymous(end), &token).await.unwrap();
}

/// Attack: ask for everybody, and compare the answers.
///
/// Claims: S002-20
#[tokio::test]
async fn asking_for_a_recovery_answers_everybody_alike_and_only_the_mailbox_learns_more() {
    let test = testing::portal().await;
    test.sign_up_and_verify("Ada").await;
    test.sign_up_and_verify("Cleo").await;
    test.sql("UPDATE accounts SET state = 'suspended' WHERE name = 'Cleo'").await;
    start_for_ada(&test).await;
    let before = test.count("mails").await;
    for email in [ADA, "cleo@example.com", "nobody@example.com"] {
        ask_recovery(&test.anonymous(after(20)), email).await.unwrap();
    }
    assert_eq!(test.count("mails").await, before + 1);
    let token = token_for(&test, ADA, "/recover").await;
    let op = test.anonymous(after(21));
    assert_eq!(start_offer(&op, &token).await.unwrap().wait_h, 72);
    assert_eq!(refusal(start_recovery(&op, &token).await), Refusal::RecoveryUnderWay);
    assert_eq!(test.count("recoveries").await, 1);
}

#[tokio::test]
async fn a_suspended_account_is_not_recovered_however_far_it_had_come() {
    let test = testing::portal().await;
    test.sign_up_and_verify("Ada").await;
    ask_recovery(&test.anonymous(after(9)), ADA).await.unwrap();
    let started = token_for(&test, ADA, "/recover").await;
    let suspend = "UPDATE accounts SET state = 'suspended'";
    let restore = "UPDATE accounts SET state = 'active'";
    test.sql(suspend).await;
    assert_eq!(refusal(start_recovery(&test.anonymous(after(10)), &started).await), Refusal::StateConflict);
    test.sql(restore).await;
    start_recovery(&test.anonymous(after(10)), &started).await.unwrap();
    test.sql(suspend).await;
    assert_eq!(tell_ready(&test.system(ready())).await.unwrap(), 0);
    test.sql(restore).await;
    assert_eq!(tell_ready(&test.system(ready())).await.unwrap(), 1);
    let token = token_for(&test, ADA, "/recover/finish").await;
    test.sql(suspend).await;
    let finished = finish_recovery(&test.anonymous(ready()), &token, &new_password()).await;
    assert_eq!(refusal(finished), Refusal::StateConflict);
}

#[tokio::test]
async fn only_the_program_itself_tells_of_recoveries() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    for op in [test.anonymous(start()), test.op(&ada, start())] {
        assert_eq!(refusal(tell_ready(&op).await), Refusal::NotAllowed);
    }
}
