#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::TimeDelta;
use contract::{Refusal, StaffRole};
use sea_orm::EntityTrait as _;

use super::{Entity, IDLE, LIFE, resume, sign_in, sign_out};
use crate::accounts::{Password, table};
use crate::privacy::retention;
use crate::testing::{self, TestPortal, at, password, refusal, start};
use crate::{staff, tokens};

const ADA: &str = "ada@example.com";

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
