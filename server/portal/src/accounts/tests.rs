#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::TimeDelta;
use contract::fields::Problem;
use contract::keys::KeyState;
use contract::policies::TERMS_VERSION;
use contract::{Refusal, Role, StaffRole};
use sea_orm::EntityTrait as _;

use super::{
    NewAccount, Password, acceptances, create_verified, first_steps, me, resend_verification, sign_up, table,
    verify_email,
};
use crate::testing::{self, at, new_account, new_key, password, refusal, row, start, token_in};
use crate::{Error, keys, request_logs, sessions};

const ADA: &str = "ada@example.com";

fn after(seconds: i64) -> chrono::DateTime<chrono::Utc> {
    at(TimeDelta::seconds(seconds))
}

#[tokio::test]
async fn sign_up_names_every_field_that_needs_another_look_and_stores_nothing() {
    let test = testing::portal().await;
    let empty = test.dump().await;
    let fill = |name: &str, email: &str, typed: &str, terms: &str| NewAccount {
        name: name.to_owned(),
        email: email.to_owned(),
        password: Password::new(typed.to_owned()),
        terms: terms.to_owned(),
    };
    let long = "x".repeat(10_000);
    let unaccepted = Problem::TermsNotAccepted;
    for (form, problems) in [
        (fill("", "", "", ""), [Problem::Empty, Problem::Empty, Problem::Empty, unaccepted]),
        (fill("   ", "\t", "", "on"), [Problem::Empty, Problem::Empty, Problem::Empty, unaccepted]),
        (
            fill(&long, &format!("{long}@example.com"), &long, &long),
            [Problem::TooLong { max: 200 }, Problem::TooLong { max: 254 }, Problem::TooLong { max: 256 }, unaccepted],
        ),
        (
            fill("Ada\r\nBcc: all@example.com", "ada@example.com\r\nBcc: all", "short\0", "2020-01-01"),
            [Problem::Invisible, Problem::NotAnEmail, Problem::TooShort { min: 15 }, unaccepted],
        ),
        (
            fill("\u{202e}adA", "ada\u{7}@example.com", "\u{1b}[2J", "\0"),
            [Problem::Invisible, Problem::NotAnEmail, Problem::TooShort { min: 15 }, unaccepted],
        ),
    ] {
        let Refusal::InvalidInput { fields } = refusal(sign_up(&test.anonymous(start()), form).await) else { panic!() };
        let named: Vec<&str> = fields.iter().map(|field| field.field.as_str()).collect();
        assert_eq!(named, ["name", "email", "password", "terms"]);
        assert_eq!(fields.iter().map(|field| field.problem).collect::<Vec<_>>(), problems);
    }
    assert_eq!(test.dump().await, empty);
}

/// Claims: MAST-06
#[tokio::test]
async fn a_name_of_any_script_survives_byte_for_byte() {
    let test = testing::portal().await;
    let names = [
        "محمد بن موسى",
        "שלום Ada",
        "नरेन्द्र",
        "Zoe\u{308} A\u{30a}ngstro\u{308}m",
        "👩‍🔬 李",
        "O’Hara \"'; DROP TABLE accounts; --",
    ];
    for (place, name) in names.into_iter().enumerate() {
        let email = format!("someone{place}@example.com");
        test.sign_up(name, &email, start()).await;
        let account = table::by_email(test.portal.db().read(), &email).await.unwrap().unwrap();
        assert_eq!(account.name, name);
        let mails = test.mails_to(&email).await;
        assert!(mails[0].text.contains(name), "{}", mails[0].text);
    }
    let organizations = test.texts("SELECT name FROM organizations".to_owned(), 1).await.concat();
    assert!(names.into_iter().all(|name| organizations.contains(&name.to_owned())), "{organizations:?}");
    test.sign_up("  Ada  ", ADA, start()).await;
    assert_eq!(table::by_email(test.portal.db().read(), ADA).await.unwrap().unwrap().name, "Ada");
}

/// Claims: MAST-05, MAST-08, MAST-09, MAST-10, MAST-13, MAST-17
#[tokio::test]
async fn sign_up_makes_an_account_with_an_organization_an_acceptance_and_a_mail() {
    let test = testing::portal().await;
    sign_up(&test.anonymous(start()), new_account("Ada", "  Ada@Example.com ")).await.unwrap();

    let account = table::by_email(test.portal.db().read(), "ADA@EXAMPLE.COM").await.unwrap().unwrap();
    assert_eq!((account.name.as_str(), account.email.as_str()), ("Ada", "Ada@Example.com"));
    assert_eq!((account.state.as_str(), account.email_verified_at, account.last_sign_in_at), ("pending", None, None));
    assert_eq!(account.created_at, start().timestamp_millis());
    let accepted = acceptances::Entity::find().one(test.portal.db().read()).await.unwrap().unwrap();
    assert_eq!((accepted.account_id, accepted.accepted_at), (account.id, start().timestamp_millis()));
    assert_eq!(
        (accepted.document.as_str(), accepted.version.as_str(), accepted.how.as_str()),
        ("terms", TERMS_VERSION, "sign_up")
    );
    assert_eq!((test.count("organizations").await, test.count("members").await), (1, 1));
    assert_eq!(test.count("keys").await, 0, "a key before the address is verified");

    let mails = test.mails_to("Ada@Example.com").await;
    assert_eq!((mails.len(), test.count("mails").await), (1, 1));
    assert!(mails[0].links[0].starts_with("https://portal.example/verify-email?token="), "{:?}", mails[0].links);
}

#[tokio::test]
async fn account_organization_acceptance_and_mail_are_written_together_or_not_at_all() {
    let test = testing::portal().await;
    test.sql("ALTER TABLE mails RENAME TO mails_elsewhere").await;
    let result = sign_up(&test.anonymous(start()), new_account("Ada", ADA)).await;
    assert!(matches!(result, Err(Error::Failed(_))), "{result:?}");
    for table in ["accounts", "organizations", "members", "policy_acceptances", "mail_links"] {
        assert_eq!(test.count(table).await, 0, "{table}");
    }
    test.sql("ALTER TABLE mails_elsewhere RENAME TO mails").await;
    test.sign_up("Ada", ADA, start()).await;
    assert_eq!((test.count("accounts").await, test.count("mails").await), (1, 1));
}

#[tokio::test]
async fn signing_up_with_a_verified_address_changes_nothing_and_tells_its_owner() {
    let test = testing::portal().await;
    test.sign_up_and_verify("Ada").await;
    let bodies = [("mails", "body_text"), ("mails", "body_html")];
    let mut before = test.dump_without(&bodies).await;
    let mails = test.mails_to(ADA).await.len();

    let mut form = new_account("Mallory", "ADA@example.com");
    form.password = Password::new("the password of somebody else".to_owned());
    sign_up(&test.anonymous(after(10)), form).await.unwrap();

    let mut now = test.dump_without(&bodies).await;
    assert_eq!(now.remove("mails").unwrap().len(), before.remove("mails").unwrap().len() + 1);
    assert_eq!(now, before);
    // To the address as its owner wrote it, under the owner's name, with a link that does nothing.
    let told = test.mails_to(ADA).await;
    assert_eq!(told.len(), mails + 1);
    assert_eq!(told[0].links, ["https://portal.example/sign-in"]);
    assert!(told[0].text.contains("Ada") && !told[0].text.contains("Mallory"), "{}", told[0].text);
}

#[tokio::test]
async fn signing_up_again_before_verifying_counts_and_the_old_link_dies() {
    let test = testing::portal().await;
    test.sign_up("Mallory", ADA, start()).await;
    let old = test.newest_token(ADA).await;
    let newest = Password::new("the password that counts".to_owned());
    let form = NewAccount { password: newest.clone(), ..new_account("Ada", ADA) };
    sign_up(&test.anonymous(after(10)), form).await.unwrap();
    assert_eq!((test.count("accounts").await, test.count("organizations").await), (1, 1));

    assert_eq!(refusal(verify_email(&test.anonymous(after(11)), &old).await), Refusal::LinkUnknown);
    verify_email(&test.anonymous(after(11)), &test.newest_token(ADA).await).await.unwrap();
    assert_eq!(refusal(sessions::sign_in(&test.anonymous(after(12)), ADA, &password()).await), Refusal::SignInFailed);
    let token = sessions::sign_in(&test.anonymous(after(12)), ADA, &newest).await.unwrap();
    let ada = sessions::resume(&test.portal, token.reveal(), after(12)).await.unwrap().unwrap();
    assert_eq!((ada.name.as_str(), ada.organization.name.as_str()), ("Ada", "Ada"));
    // Each acceptance is proof of its own moment.
    assert_eq!(test.count("policy_acceptances").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sign_ups_at_the_same_moment_make_one_account_with_one_link_that_works() {
    let test = testing::portal().await;
    let one = async || sign_up(&test.anonymous(start()), new_account("Ada", ADA)).await;
    let other = async || sign_up(&test.anonymous(start()), new_account("Ada", "ADA@EXAMPLE.COM")).await;
    let (a, b, c, d) = tokio::join!(one(), other(), one(), other());
    for result in [a, b, c, d] {
        result.unwrap();
    }
    for table in ["accounts", "organizations", "members", "mail_links"] {
        assert_eq!(test.count(table).await, 1, "{table}");
    }
    let mut mails = test.mails_to(ADA).await;
    mails.extend(test.mails_to("ADA@EXAMPLE.COM").await);
    let mut working = 0;
    for mail in &mails {
        working += i32::from(verify_email(&test.anonymous(after(1)), &token_in(mail)).await.is_ok());
    }
    assert_eq!(working, 1);
    test.sign_in(ADA, after(2)).await;
}

/// Whoever signs up with the address of somebody who is just verifying it gets nothing: either the link of the first
/// sign-up is dead, or the first password counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_password_cannot_be_slipped_under_an_address_while_it_is_verified() {
    let test = testing::portal().await;
    for round in 0..8 {
        let email = format!("ada{round}@example.com");
        test.sign_up("Ada", &email, start()).await;
        let link = test.newest_token(&email).await;
        let strange = Password::new("the password of somebody else".to_owned());
        let form = NewAccount { password: strange.clone(), ..new_account("Mallory", &email) };
        let (first, second) = (test.anonymous(after(1)), test.anonymous(after(1)));
        let (verified, signed_up) = tokio::join!(verify_email(&first, &link), sign_up(&second, form));
        signed_up.unwrap();
        match verified {
            Ok(()) => drop(test.sign_in(&email, after(2)).await),
            Err(Error::Refused(Refusal::LinkUnknown | Refusal::LinkUsed)) => {}
            Err(error) => panic!("{error:?}"),
        }
        let slipped_in = sessions::sign_in(&test.anonymous(after(2)), &email, &strange).await;
        assert!(matches!(refusal(slipped_in), Refusal::SignInFailed | Refusal::EmailNotVerified));
    }
}

#[tokio::test]
async fn a_verification_link_works_for_a_day_and_twice_is_no_error() {
    let test = testing::portal().await;
    test.sign_up("Ada", ADA, start()).await;
    let token = test.newest_token(ADA).await;
    let before = test.dump().await;

    let day = TimeDelta::hours(24);
    assert_eq!(refusal(verify_email(&test.anonymous(at(day)), &token).await), Refusal::LinkExpired);
    let long = "x".repeat(10_000);
    for garbage in ["", " ", "x", &token[1..], &format!("{token}x"), &token.to_lowercase(), "\0\u{202e}", &long] {
        assert_eq!(
            refusal(verify_email(&test.anonymous(after(1)), garbage).await),
            Refusal::LinkUnknown,
            "{garbage:?}"
        );
    }
    assert_eq!(test.dump().await, before, "a link that does not work changed something");

    let just_in_time = at(day - TimeDelta::milliseconds(1));
    verify_email(&test.anonymous(just_in_time), &token).await.unwrap();
    let verified = test.dump().await;
    verify_email(&test.anonymous(just_in_time), &token).await.unwrap();
    verify_email(&test.anonymous(at(TimeDelta::days(3))), &token).await.unwrap();
    assert_eq!(test.dump().await, verified, "the second time changed something");
    assert_eq!(test.count("keys").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_link_that_is_used_twice_at_the_same_moment_makes_one_first_key() {
    let test = testing::portal().await;
    test.sign_up("Ada", ADA, start()).await;
    let token = test.newest_token(ADA).await;
    let (one, other) = (test.anonymous(after(1)), test.anonymous(after(1)));
    let (one, other) = tokio::join!(verify_email(&one, &token), verify_email(&other, &token));
    one.unwrap();
    other.unwrap();
    assert_eq!((test.count("keys").await, test.count("mails").await), (1, 2));
}

#[tokio::test]
async fn a_new_verification_mail_replaces_the_link_and_never_tells_who_has_an_account() {
    let test = testing::portal().await;
    test.sign_up("Ada", ADA, start()).await;
    let old = test.newest_token(ADA).await;
    resend_verification(&test.anonymous(after(10)), " ADA@example.com").await.unwrap();
    assert_eq!(test.mails_to(ADA).await.len(), 2);
    assert_eq!(refusal(verify_email(&test.anonymous(after(11)), &old).await), Refusal::LinkUnknown);
    verify_email(&test.anonymous(after(11)), &test.newest_token(ADA).await).await.unwrap();

    let before = test.dump().await;
    resend_verification(&test.anonymous(after(20)), ADA).await.unwrap();
    resend_verification(&test.anonymous(after(20)), "nobody@example.com").await.unwrap();
    assert_eq!(test.dump().await, before);
    for nonsense in ["", "ada", &"x".repeat(10_000)] {
        let Refusal::InvalidInput { fields } = refusal(resend_verification(&test.anonymous(after(20)), nonsense).await)
        else {
            panic!()
        };
        assert_eq!(fields[0].field, "email");
    }
}

/// Claims: MAST-08, MAST-18
#[tokio::test]
async fn verifying_the_address_creates_the_first_key_and_mails_its_link() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let account = table::by_email(test.portal.db().read(), ADA).await.unwrap().unwrap();
    assert_eq!((account.state.as_str(), account.email_verified_at), ("active", Some(after(1).timestamp_millis())));

    let keys = keys::list(&test.op(&ada, after(3)), None).await.unwrap();
    assert_eq!(keys.len(), 1);
    assert_eq!(
        (keys[0].label.as_str(), keys[0].state, keys[0].hint.as_str()),
        ("First key", KeyState::AwaitingReveal, "cs_live_…")
    );
    let mails = test.mails_to(ADA).await;
    assert_eq!(mails.len(), 2);
    assert!(mails[0].links[0].starts_with("https://portal.example/reveal?token="), "{:?}", mails[0].links);
    let offer = keys::reveal_offer(&test.op(&ada, after(3)), &token_in(&mails[0])).await.unwrap();
    assert_eq!((offer.label.as_str(), offer.organization.as_str()), ("First key", "Ada"));
}

#[tokio::test]
async fn verification_first_key_and_mail_are_written_together_or_not_at_all() {
    let test = testing::portal().await;
    test.sign_up("Ada", ADA, start()).await;
    let token = test.newest_token(ADA).await;
    let before = test.dump().await;
    test.sql("ALTER TABLE mails RENAME TO mails_elsewhere").await;
    let result = verify_email(&test.anonymous(after(1)), &token).await;
    assert!(matches!(result, Err(Error::Failed(_))), "{result:?}");
    test.sql("ALTER TABLE mails_elsewhere RENAME TO mails").await;
    assert_eq!(test.dump().await, before);
    verify_email(&test.anonymous(after(2)), &token).await.unwrap();
    assert_eq!((test.count("keys").await, test.count("mails").await), (1, 2));
}

#[tokio::test]
async fn a_link_for_one_purpose_is_unknown_for_another() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let reveal = test.newest_token(ADA).await;
    test.sign_up("Bob", "bob@example.com", start()).await;
    let verify = test.newest_token("bob@example.com").await;
    assert_eq!(refusal(verify_email(&test.anonymous(after(3)), &reveal).await), Refusal::LinkUnknown);
    assert_eq!(refusal(keys::reveal(&test.op(&ada, after(3)), &verify).await), Refusal::LinkUnknown);
}

#[tokio::test]
async fn the_first_steps_follow_what_was_done() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let steps = async || first_steps(&test.op(&ada, after(60))).await.unwrap();
    let fresh = steps().await;
    assert_eq!((fresh.done(), fresh.key.as_deref()), (2, Some("cs_live_…")));

    let key = keys::reveal(&test.op(&ada, after(60)), &test.newest_token(ADA).await).await.unwrap().key;
    keys::create(&test.op(&ada, after(61)), new_key("Another")).await.unwrap();
    let revealed = steps().await;
    assert_eq!(
        (revealed.done(), revealed.key.as_deref(), revealed.secret_revealed),
        (3, Some(key.hint.as_str()), true)
    );

    // A refused call is not a first call.
    let mut refused = row(after(62), Some(testing::caller(&ada, &key)));
    refused.code = Some("upstream_down".to_owned());
    request_logs::store(test.portal.db(), &[refused]).await.unwrap();
    assert!(!steps().await.first_call);
    request_logs::store(test.portal.db(), &[row(after(63), Some(testing::caller(&ada, &key)))]).await.unwrap();
    assert_eq!(steps().await.done(), 4);

    assert_eq!(refusal(first_steps(&test.anonymous(after(60))).await), Refusal::NotSignedIn);
}

#[tokio::test]
async fn the_console_knows_the_signed_in_person_and_nobody_else() {
    let test = testing::portal().await;
    let ada = test.staff("Ada", StaffRole::Support).await;
    let known = me(&test.op(&ada, after(10))).unwrap();
    assert_eq!((known.name.as_str(), known.email.as_str(), known.email_verified), ("Ada", ADA, true));
    assert_eq!((known.organization.role, known.staff), (Role::Owner, Some(StaffRole::Support)));
    assert_eq!(refusal(me(&test.anonymous(after(10)))), Refusal::NotSignedIn);
    assert_eq!(refusal(me(&test.system(after(10)))), Refusal::NotSignedIn);
}

#[tokio::test]
async fn the_program_itself_can_make_a_verified_account_and_nobody_else_can() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let form = || new_account("Bob", "bob@example.com");
    for op in [test.anonymous(after(10)), test.op(&ada, after(10))] {
        assert_eq!(refusal(create_verified(&op, form()).await), Refusal::NotAllowed);
    }
    let id = create_verified(&test.system(after(10)), form()).await.unwrap();
    let (_, bob) = test.sign_in("bob@example.com", after(11)).await;
    assert_eq!((bob.account, bob.organization.role), (id, Role::Owner));
    let Refusal::InvalidInput { fields } =
        refusal(create_verified(&test.system(after(12)), new_account("", "x")).await)
    else {
        panic!()
    };
    assert_eq!(fields.iter().map(|field| field.field.as_str()).collect::<Vec<_>>(), ["name", "email"]);
}
