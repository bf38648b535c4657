#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::TimeDelta;
use contract::accounts::AccountState;
use contract::sessions::Factor;
use contract::{Refusal, SessionId, StaffRole};
use sea_orm::EntityTrait as _;
use testpasskey::Device;
use uuid::Uuid;

use super::{
    DeviceToken, Entity, confirm_with_password, end_one, end_others, is_open, list, resume, sign_in, sign_out,
};
use crate::accounts::{self, Password, table};
use crate::privacy::retention;
use crate::testing::{self, TestPortal, at, password, refusal, start};
use crate::{Op, passkeys, recovery, staff, tokens};

const ADA: &str = "ada@example.com";

/// How the portal under test is set up.
const IDLE: TimeDelta = TimeDelta::hours(1);
const LIFE: TimeDelta = TimeDelta::hours(24);

fn after(seconds: i64) -> chrono::DateTime<chrono::Utc> {
    at(TimeDelta::seconds(seconds))
}

fn wrong() -> Password {
    Password::new("eleven green kettles sink".to_owned())
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_refused_alike() {
    let test = testing::portal().await;
    test.sign_up_and_verify("Ada").await;
    let before = test.dump().await;
    let op = test.anonymous(after(10));
    let wrong_password = refusal(sign_in(&op, ADA, &wrong()).await);
    let unknown_address = refusal(sign_in(&op, "nobody@example.com", &password()).await);
    assert_eq!(wrong_password, Refusal::SignInFailed);
    assert_eq!(unknown_address, wrong_password);
    let long = "x".repeat(10_000);
    for (email, typed) in [("", ""), (ADA, ""), ("", testing::PASSWORD), (long.as_str(), long.as_str()), ("\0", "\0")] {
        let nonsense = sign_in(&op, email, &Password::new(typed.to_owned())).await;
        assert_eq!(refusal(nonsense), Refusal::SignInFailed);
    }
    assert_eq!(test.dump().await, before);
}

/// Claims: MAST-08
#[tokio::test]
async fn only_the_right_password_learns_that_the_address_is_not_verified() {
    let test = testing::portal().await;
    test.sign_up("Ada", ADA, start()).await;
    let op = test.anonymous(after(10));
    assert_eq!(refusal(sign_in(&op, ADA, &wrong()).await), Refusal::SignInFailed);
    assert_eq!(refusal(sign_in(&op, ADA, &password()).await), Refusal::EmailNotVerified);
    assert_eq!(test.count("sessions").await, 0);
}

/// Claims: CARD-05, MAST-13
#[tokio::test]
async fn a_session_is_found_by_its_token_and_only_its_hash_is_stored() {
    let test = testing::portal().await;
    test.sign_up_and_verify("Ada").await;
    let (token, ada) = test.sign_in(" ADA@Example.com ", after(421)).await;
    assert_eq!((ada.name.as_str(), ada.email.as_str(), ada.staff), ("Ada", ADA, None));

    let session = Entity::find_by_id(ada.session.uuid()).one(test.portal.db().read()).await.unwrap().unwrap();
    assert_eq!(session.token_hash, tokens::token_hash(token.reveal()));
    assert_eq!(session.created_at, after(421).timestamp_millis());
    assert_eq!(session.last_seen_at, after(300).timestamp_millis(), "the last use is stored to five minutes");
    let dump = format!("{:?}", test.dump().await);
    assert!(!dump.contains(token.reveal()) && !dump.contains(&tokens::hex(token.reveal().as_bytes())));
    assert_eq!(format!("{token:?}"), "SessionToken");
    let account = table::by_email(test.portal.db().read(), ADA).await.unwrap().unwrap();
    assert_eq!(account.last_sign_in_at, Some(after(421).timestamp_millis()));

    let hash = tokens::hex(&session.token_hash);
    let long = "x".repeat(10_000);
    for garbage in ["", "x", &token.reveal()[1..], &token.reveal().to_lowercase(), hash.as_str(), &long] {
        assert_eq!(resume(&test.portal, garbage, after(421)).await.unwrap(), None);
    }
}

async fn is_alive(test: &TestPortal, token: &str, after_start: TimeDelta) -> bool {
    resume(&test.portal, token, at(after_start)).await.unwrap().is_some()
}

/// Claims: CARD-10
#[tokio::test]
async fn a_session_ends_after_an_hour_without_use() {
    let test = testing::portal().await;
    test.sign_up_and_verify("Ada").await;
    let (token, _) = test.sign_in(ADA, start()).await;
    let (unused, _) = test.sign_in(ADA, start()).await;
    let moment = TimeDelta::milliseconds(1);
    assert!(!is_alive(&test, unused.reveal(), IDLE).await);
    assert!(is_alive(&test, token.reveal(), IDLE - moment).await);
    // That was a use, at 10:59, stored as 10:55.
    let end = TimeDelta::minutes(55) + IDLE;
    assert!(!is_alive(&test, token.reveal(), end).await);
    assert!(is_alive(&test, token.reveal(), end - moment).await);
    assert!(!is_alive(&test, token.reveal(), end + IDLE).await);
}

/// Claims: CARD-10
#[tokio::test]
async fn a_session_ends_after_a_day_however_much_it_is_used() {
    let test = testing::portal().await;
    test.sign_up_and_verify("Ada").await;
    let (token, _) = test.sign_in(ADA, start()).await;
    for half_hours in 1..48 {
        assert!(is_alive(&test, token.reveal(), TimeDelta::minutes(30 * half_hours)).await, "{half_hours}");
    }
    assert!(is_alive(&test, token.reveal(), LIFE - TimeDelta::milliseconds(1)).await);
    assert!(!is_alive(&test, token.reveal(), LIFE).await);
}

#[tokio::test]
async fn signing_out_ends_this_session_and_no_other() {
    let test = testing::portal().await;
    test.sign_up_and_verify("Ada").await;
    let (here, ada) = test.sign_in(ADA, after(10)).await;
    let (elsewhere, _) = test.sign_in(ADA, after(10)).await;
    sign_out(&test.op(&ada, after(11))).await.unwrap();
    assert!(!is_alive(&test, here.reveal(), TimeDelta::seconds(11)).await);
    assert!(is_alive(&test, elsewhere.reveal(), TimeDelta::seconds(11)).await);
    sign_out(&test.op(&ada, after(12))).await.unwrap();
    sign_out(&test.anonymous(after(12))).await.unwrap();
    assert!(is_alive(&test, elsewhere.reveal(), TimeDelta::seconds(12)).await);
}

#[tokio::test]
async fn a_session_ends_with_the_membership_or_the_account() {
    let test = testing::portal().await;
    test.sign_up_and_verify("Ada").await;
    let (ada, _) = test.sign_in(ADA, after(10)).await;
    test.sql("DELETE FROM members").await;
    assert!(!is_alive(&test, ada.reveal(), TimeDelta::seconds(11)).await);

    test.sign_up_and_verify("Bob").await;
    let (bob, _) = test.sign_in("bob@example.com", after(10)).await;
    test.sql("DELETE FROM accounts").await;
    assert!(!is_alive(&test, bob.reveal(), TimeDelta::seconds(11)).await);
    assert_eq!(test.count("sessions").await, 0);
}

/// Claims: MASA-23
#[tokio::test]
async fn only_the_program_itself_makes_staff() {
    let test = testing::portal().await;
    let ada = test.staff("Ada", StaffRole::Auditor).await;
    assert_eq!(ada.staff, Some(StaffRole::Auditor));
    for op in [test.anonymous(start()), test.op(&ada, start())] {
        assert_eq!(refusal(staff::add(&op, ADA, StaffRole::Owner).await), Refusal::NotAllowed);
    }
    let system = test.system(start());
    assert_eq!(refusal(staff::add(&system, "nobody@example.com", StaffRole::Owner).await), Refusal::NotFound);
    staff::add(&system, "ADA@example.com", StaffRole::Owner).await.unwrap();
    assert_eq!(test.sign_in(ADA, after(10)).await.1.staff, Some(StaffRole::Owner));
    assert_eq!(test.count("staff").await, 1);
}

/// Claims: CARD-10
#[tokio::test]
async fn a_session_that_ended_is_erased_and_no_other() {
    let test = testing::portal().await;
    test.sign_up_and_verify("Ada").await;
    let (used, _) = test.sign_in(ADA, at(TimeDelta::hours(2))).await;
    test.sign_in(ADA, at(TimeDelta::hours(2))).await;
    assert!(is_alive(&test, used.reveal(), TimeDelta::minutes(150)).await);
    // Three: the one of the sign-up is over since 11:00, the unused one since 13:00, the used one ends at 13:30.
    assert_eq!(test.count("sessions").await, 3);
    let now = TimeDelta::hours(3);
    retention::run(&test.system(at(now)), retention::Mode::Erase).await.unwrap();
    assert_eq!(test.count("sessions").await, 1);
    assert!(is_alive(&test, used.reveal(), now).await);
}

/// How a password is compared is not seen from outside, so the line for hashing is full here: whoever hashes is sent
/// away, and whoever does not would be told apart.
///
/// Claims: S002-20
#[tokio::test]
async fn every_sign_in_takes_the_work_of_a_hash_whoever_it_is_for() {
    let test = testing::portal().await;
    for name in ["Ada", "Bob", "Cleo"] {
        test.sign_up_and_verify(name).await;
    }
    test.sql("UPDATE accounts SET password_hash = NULL WHERE name = 'Bob'").await;
    test.sql("UPDATE accounts SET state = 'suspended' WHERE name = 'Cleo'").await;
    test.sign_up("Dan", "dan@example.com", start()).await;
    let op = test.anonymous(after(10));
    let emails = ["ada", "bob", "cleo", "dan", "nobody"].map(|name| format!("{name}@example.com"));

    let full = test.portal.passwords().fill();
    for email in &emails {
        let refused = refusal(sign_in(&op, email, &wrong()).await);
        assert_eq!(refused, Refusal::TooManyTries { retry_after_s: 1 }, "{email} is answered without a hash");
    }
    drop(full);
    for email in &emails {
        assert_eq!(refusal(sign_in(&op, email, &wrong()).await), Refusal::SignInFailed, "{email}");
    }
}

/// Claims: CARD-05, S002-20
#[tokio::test]
async fn a_sign_in_never_goes_on_with_a_session_that_was_there_before() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    // Whoever planted this session in the browser knows its token.
    let (planted, mallory) = {
        test.sign_up_and_verify("Mallory").await;
        test.sign_in("mallory@example.com", after(5)).await
    };
    let opened = sign_in(&test.op(&mallory, after(10)), ADA, &password()).await.unwrap();
    assert_ne!(opened.session, planted);
    let signed_in = resume(&test.portal, opened.session.reveal(), after(11)).await.unwrap().unwrap();
    assert_eq!(signed_in.account, ada.account);
    assert_ne!(signed_in.session, mallory.session);
    let before = resume(&test.portal, planted.reveal(), after(11)).await.unwrap().unwrap();
    assert_eq!(before.account, mallory.account, "the planted session has become Ada's");
}

/// Claims: CARD-05, CARD-10, S002-20
#[tokio::test]
async fn a_confirmation_makes_a_new_session_and_the_old_one_is_worth_nothing() {
    let test = testing::portal().await;
    test.sign_up_and_verify("Ada").await;
    let (old, ada) = test.sign_in(ADA, start()).await;
    let late = TimeDelta::minutes(40);
    let mut endings = test.portal.endings();
    assert_eq!(refusal(confirm_with_password(&test.op(&ada, at(late)), &wrong()).await), Refusal::SignInFailed);
    assert!(is_alive(&test, old.reveal(), late).await);

    let new = confirm_with_password(&test.op(&ada, at(late)), &password()).await.unwrap();
    assert!(!is_alive(&test, old.reveal(), late).await);
    assert_eq!(endings.recv().await.unwrap(), ada.session);
    let again = resume(&test.portal, new.reveal(), at(late)).await.unwrap().unwrap();
    assert_eq!((again.account, again.authenticated_at), (ada.account, at(late).timestamp_millis()));
    assert_ne!(again.session, ada.session);
    // The same request twice, or from the old page: there is no session to renew.
    let stale = confirm_with_password(&test.op(&ada, at(late)), &password()).await;
    assert_eq!(refusal(stale), Refusal::NotSignedIn);
    // A day after the sign-in it is over all the same.
    for half_hours in 2..48 {
        assert!(is_alive(&test, new.reveal(), TimeDelta::minutes(30 * half_hours)).await, "{half_hours}");
    }
    assert!(!is_alive(&test, new.reveal(), LIFE).await);
}

/// Claims: MAST-12, S002-20
#[tokio::test]
async fn an_authentication_is_good_for_five_minutes_and_not_a_moment_longer() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let limit = TimeDelta::seconds(2) + TimeDelta::minutes(5);
    let (in_time, late) = (at(limit), at(limit + TimeDelta::milliseconds(1)));
    let before = test.dump().await;
    let new = Password::new("seven quiet violins hum".to_owned());
    let step_up = Refusal::StepUpRequired { passkey: false };
    let op = test.op(&ada, late);
    assert_eq!(refusal(accounts::set_password(&op, &new).await), step_up);
    assert_eq!(refusal(accounts::remove_password(&op).await), step_up);
    assert_eq!(refusal(accounts::ask_email_change(&op, "new@example.com").await), step_up);
    assert_eq!(refusal(recovery::make_recovery_codes(&op).await), step_up);
    assert_eq!(refusal(passkeys::start_registration(&op).await), step_up);
    assert_eq!(test.dump().await, before);

    // Another session of the same person does not help this one.
    let (_, elsewhere) = test.sign_in(ADA, late).await;
    assert_eq!(refusal(recovery::make_recovery_codes(&test.op(&ada, late)).await), step_up);
    recovery::make_recovery_codes(&test.op(&elsewhere, late)).await.unwrap();
    recovery::make_recovery_codes(&test.op(&ada, in_time)).await.unwrap();
}

/// Claims: MAST-12, S002-20
#[tokio::test]
async fn where_there_is_a_passkey_nothing_less_confirms() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let mut phone = Device::new("https://portal.example");
    test.add_passkey(&ada, &mut phone, after(3)).await;
    let (_, by_password) = test.sign_in(ADA, after(10)).await;
    let op = test.op(&by_password, after(10));
    let passkey = Refusal::StepUpRequired { passkey: true };
    assert_eq!(refusal(recovery::make_recovery_codes(&op).await), passkey);
    assert_eq!(refusal(confirm_with_password(&op, &password()).await), passkey);
    let by_passkey = test.sign_in_with_passkey(&mut phone, after(10)).await;
    recovery::make_recovery_codes(&test.op(&by_passkey, after(10))).await.unwrap();
}

/// Claims: MAST-12, CARD-05
#[tokio::test]
async fn a_person_sees_their_sessions_and_ends_one_or_all_others() {
    let test = testing::portal().await;
    test.sign_up_and_verify("Ada").await;
    let bob = test.sign_up_and_verify("Bob").await;
    test.sql("DELETE FROM sessions WHERE account_id IN (SELECT id FROM accounts WHERE name = 'Ada')").await;
    let open = async |seconds| {
        let opened = sign_in(&test.anonymous_with(None, after(seconds)), ADA, &password()).await.unwrap();
        resume(&test.portal, opened.session.reveal(), after(seconds)).await.unwrap().unwrap()
    };
    let (laptop, phone, tablet) = (open(10).await, open(400).await, open(800).await);
    let op = test.op(&laptop, after(801));
    let shown = list(&op).await.unwrap();
    let ids: Vec<_> = shown.iter().map(|session| (session.id, session.current)).collect();
    assert_eq!(ids, [(laptop.session, true), (tablet.session, false), (phone.session, false)]);
    assert!(shown.iter().all(|session| session.device == "Firefox on Linux" && session.factor == Factor::Password));

    let mut endings = test.portal.endings();
    for not_theirs in [bob.session, SessionId::new(Uuid::nil())] {
        assert_eq!(refusal(end_one(&op, not_theirs).await), Refusal::NotFound);
    }
    assert!(is_open(&test.portal, bob.session, after(801)).await.unwrap());
    end_one(&op, phone.session).await.unwrap();
    assert_eq!(endings.recv().await.unwrap(), phone.session);
    assert!(!is_open(&test.portal, phone.session, after(801)).await.unwrap());
    end_others(&op).await.unwrap();
    assert_eq!(endings.recv().await.unwrap(), tablet.session);
    for (session, left) in [(laptop.session, true), (tablet.session, false), (bob.session, true)] {
        assert_eq!(is_open(&test.portal, session, after(801)).await.unwrap(), left);
    }
    assert!(endings.is_empty(), "a session was ended that was not asked for");
}

/// Claims: CARD-05, FLOW-34
#[tokio::test]
async fn a_new_browser_is_announced_once_and_known_from_then_on() {
    let test = testing::portal().await;
    test.sign_up_and_verify("Ada").await;
    let notices = async || {
        let mails = test.mails_to(ADA).await;
        mails.into_iter().filter(|mail| mail.subject.starts_with("New sign-in")).count()
    };
    assert_eq!(notices().await, 0, "the first browser is no news");
    let opened = sign_in(&test.anonymous_with(None, after(10)), ADA, &password()).await.unwrap();
    let device = opened.device.unwrap();
    assert_eq!(notices().await, 1);
    assert!(test.mails_to(ADA).await[0].text.contains("Firefox on Linux"));
    assert_eq!(format!("{device:?}"), "DeviceToken");
    for seconds in [20, 30] {
        let again = sign_in(&test.anonymous_with(Some(&device), after(seconds)), ADA, &password()).await.unwrap();
        assert_eq!(again.device, None, "it keeps its cookie");
    }
    assert_eq!(notices().await, 1);
    // What is stored is a hash, and it opens nothing.
    let dump = format!("{:?}", test.dump().await);
    assert!(!dump.contains(device.reveal()));
    assert_eq!(resume(&test.portal, device.reveal(), after(31)).await.unwrap(), None);
    // A second account in the same browser: one cookie.
    test.sign_up_and_verify("Bob").await;
    let bob = sign_in(&test.anonymous_with(Some(&device), after(40)), "bob@example.com", &password()).await.unwrap();
    assert_eq!(bob.device, None);
    for forged in ["", "x", &device.reveal()[1..], &"é".repeat(43), &"x".repeat(10_000)] {
        assert_eq!(DeviceToken::read(forged), None, "{forged}");
    }
}

/// Attack: whoever knows an address tries passwords on it, from everywhere, until nobody may try any more.
///
/// Claims: S002-20
#[tokio::test]
async fn guessing_from_elsewhere_does_not_lock_the_owner_out_of_a_known_browser() {
    let test = testing::portal().await;
    test.sign_up_and_verify("Ada").await;
    let device = sign_in(&test.anonymous_with(None, after(10)), ADA, &password()).await.unwrap().device.unwrap();
    let stranger = test.anonymous(after(20));
    let mut tries = 0;
    while refusal(sign_in(&stranger, ADA, &wrong()).await) == Refusal::SignInFailed {
        tries += 1;
        assert!(tries < 50, "nothing limits guessing");
    }
    assert!(matches!(refusal(sign_in(&stranger, ADA, &password()).await), Refusal::TooManyTries { .. }));
    // A device cookie of somebody else's account is no way around it.
    test.sign_up_and_verify("Mallory").await;
    let theirs = sign_in(&test.anonymous_with(None, after(20)), "mallory@example.com", &password()).await.unwrap();
    let theirs = test.anonymous_with(theirs.device.as_ref(), after(20));
    assert!(matches!(refusal(sign_in(&theirs, ADA, &password()).await), Refusal::TooManyTries { .. }));
    sign_in(&test.anonymous_with(Some(&device), after(20)), ADA, &password()).await.unwrap();
}

/// Attack: many guesses at the very same moment, so that each is checked before any is counted.
///
/// Claims: S002-20
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_guesses_at_the_same_moment_no_more_than_the_budget_are_looked_at() {
    let test = testing::portal().await;
    test.sign_up_and_verify("Ada").await;
    let op = test.anonymous(after(60));
    // Those that are looked at find no place for hashing, and those that are not wait for minutes.
    let full = test.portal.passwords().fill();
    let guesses: Vec<_> = (0..200)
        .map(|_| {
            let op: Op = op.clone();
            tokio::spawn(async move { refusal(sign_in(&op, ADA, &wrong()).await) })
        })
        .collect();
    let mut looked_at = 0;
    for guess in guesses {
        looked_at += i32::from(guess.await.unwrap() == Refusal::TooManyTries { retry_after_s: 1 });
    }
    drop(full);
    assert!((1..=10).contains(&looked_at), "{looked_at}");
}

/// What an account may do follows from its state alone, whichever way somebody comes in.
///
/// Claims: MAST-10, S002-34
#[tokio::test]
async fn each_state_allows_what_its_sentence_says() {
    for state in AccountState::ALL {
        let test = testing::portal().await;
        let ada = test.sign_up_and_verify("Ada").await;
        let (token, _) = test.sign_in(ADA, after(3)).await;
        let codes = recovery::make_recovery_codes(&test.op(&ada, after(4))).await.unwrap().codes;
        accounts::ask_reset(&test.anonymous(after(5)), ADA).await.unwrap();
        let reset = test.newest_token(ADA).await;
        let word = state.word();
        test.sql(&format!("UPDATE accounts SET state = '{word}', state_reason = 'a reason'")).await;

        let signed_in = sign_in(&test.anonymous(after(6)), ADA, &password()).await;
        let by_code = recovery::sign_in_with_code(&test.anonymous(after(6)), ADA, &codes[0]).await;
        let resumed = resume(&test.portal, token.reveal(), after(6)).await.unwrap();
        if state.may_sign_in() {
            signed_in.unwrap();
            by_code.unwrap();
            let person = resumed.unwrap();
            let op = test.op(&person, after(6));
            assert_eq!((person.state, person.state_reason.as_deref()), (state, Some("a reason")));
            assert_eq!(accounts::me(&op).await.unwrap().state, state);
            accounts::security(&op).await.unwrap();
            let changed = accounts::change_name(&op, "Countess").await;
            let asked = accounts::ask_email_change(&op, "new@example.com").await;
            if state.may_change() {
                changed.unwrap();
                asked.unwrap();
            } else {
                let restricted = Refusal::AccountRestricted { reason: "a reason".to_owned() };
                assert_eq!(refusal(changed), restricted, "{word}");
                assert_eq!(refusal(asked), restricted, "{word}");
            }
            // Securing it is always allowed.
            let new = Password::new("seven quiet violins hum".to_owned());
            accounts::set_password(&op, &new).await.unwrap();
        } else {
            let refused = match state {
                AccountState::Pending => Refusal::EmailNotVerified,
                _ => Refusal::AccountSuspended { reason: "a reason".to_owned() },
            };
            assert_eq!(refusal(signed_in), refused, "{word}");
            assert_eq!(refusal(by_code), refused, "{word}");
            assert_eq!(resumed, None, "{word}");
            assert_eq!(refusal(sign_in(&test.anonymous(after(6)), ADA, &wrong()).await), Refusal::SignInFailed);
            let new = Password::new("seven quiet violins hum".to_owned());
            let done = accounts::reset_password(&test.anonymous(after(6)), &reset, &new).await;
            assert_eq!(refusal(done), Refusal::StateConflict, "{word}");
        }
    }
}
