#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::TimeDelta;
use contract::accounts::EmailSide;
use contract::fields::Problem;
use contract::keys::KeyState;
use contract::policies::TERMS_VERSION;
use contract::{Refusal, Role, StaffRole};
use sea_orm::EntityTrait as _;
use testpasskey::Device;

use super::{
    Agreed, NewAccount, Password, acceptances, ask_email_change, ask_reset, cancel_email_change, change_name,
    confirm_email, create_verified, email_change_offer, first_steps, me, remove_password, resend_verification,
    reset_offer, reset_password, security, set_password, table, verification_offer, verify_email,
};
use crate::guard::Source;
use crate::testing::{self, at, new_account, new_key, password, refusal, row, start, token_in};
use crate::{Browser, Error, Op, Result, audit_log, keys, passkeys, recovery, request_logs, sessions};

const ADA: &str = "ada@example.com";

/// Signs up from a browser without a script.
async fn sign_up(op: &Op, form: NewAccount) -> Result<()> {
    super::sign_up(op, form, "").await
}

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
        (fill("", "", "x", ""), [Problem::Empty, Problem::Empty, Problem::TooShort { min: 15 }, unaccepted]),
        (fill("   ", "\t", " ", "on"), [Problem::Empty, Problem::Empty, Problem::TooShort { min: 15 }, unaccepted]),
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
    let opened = sessions::sign_in(&test.anonymous(after(12)), ADA, &newest).await.unwrap();
    let ada = sessions::resume(&test.portal, opened.session.reveal(), after(12)).await.unwrap().unwrap();
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

/// Claims: MAST-17
#[tokio::test]
async fn a_verification_link_works_once_within_a_day() {
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
    for later in [just_in_time, at(TimeDelta::days(3))] {
        assert_eq!(refusal(verify_email(&test.anonymous(later), &token).await), Refusal::LinkUsed);
    }
    assert_eq!(test.dump().await, verified, "the second time changed something");
    assert_eq!(test.count("keys").await, 1);
}

/// Claims: MAST-17
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_who_use_a_link_at_the_same_moment_one_succeeds() {
    let test = testing::portal().await;
    test.sign_up("Ada", ADA, start()).await;
    let token = test.newest_token(ADA).await;
    let (one, other) = (test.anonymous(after(1)), test.anonymous(after(1)));
    let (one, other) = tokio::join!(verify_email(&one, &token), verify_email(&other, &token));
    let (worked, refused) = if one.is_ok() { (one, other) } else { (other, one) };
    worked.unwrap();
    assert_eq!(refusal(refused), Refusal::LinkUsed);
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
    assert_eq!((fresh.done(), fresh.all(), fresh.key.as_deref()), (1, 4, Some("cs_live_…")));

    let key = keys::reveal(&test.op(&ada, after(60)), &test.newest_token(ADA).await).await.unwrap().key;
    keys::create(&test.op(&ada, after(61)), new_key("Another")).await.unwrap();
    let revealed = steps().await;
    assert_eq!(
        (revealed.done(), revealed.key.as_deref(), revealed.secret_revealed),
        (2, Some(key.hint.as_str()), true)
    );

    // A refused call is not a first call.
    let mut refused = row(after(62), Some(testing::caller(&ada, &key)));
    refused.code = Some("upstream_down".to_owned());
    request_logs::store(test.portal.db(), &[refused]).await.unwrap();
    assert!(!steps().await.first_call);
    request_logs::store(test.portal.db(), &[row(after(63), Some(testing::caller(&ada, &key)))]).await.unwrap();
    assert_eq!((steps().await.done(), steps().await.passkey_added), (3, Some(false)));

    assert_eq!(refusal(first_steps(&test.anonymous(after(60))).await), Refusal::NotSignedIn);
}

#[tokio::test]
async fn the_console_knows_the_signed_in_person_and_nobody_else() {
    let test = testing::portal().await;
    let ada = test.staff("Ada", StaffRole::Support).await;
    let known = me(&test.op(&ada, after(10))).await.unwrap();
    assert_eq!((known.name.as_str(), known.email.as_str(), known.email_verified), ("Ada", ADA, true));
    assert_eq!((known.organization.role, known.staff), (Role::Owner, Some(StaffRole::Support)));
    assert_eq!(refusal(me(&test.anonymous(after(10))).await), Refusal::NotSignedIn);
    assert_eq!(refusal(me(&test.system(after(10))).await), Refusal::NotSignedIn);
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

/// Attack: a program fills in the form, again and again, for addresses with and without an account.
///
/// Claims: S002-20
#[tokio::test]
async fn sign_ups_without_a_proof_of_work_are_few_whoever_they_are_for() {
    let test = testing::portal().await;
    test.sign_up_and_verify("Ada").await;
    let browser = Browser { source: Source::new([192, 0, 2, 1].into()), ..Browser::none() };
    let op = test.anonymous(after(10)).from_browser(browser);
    // A form that comes back for a field takes nothing.
    for _ in 0..10 {
        let unfinished = refusal(sign_up(&op, new_account("", "eve@example.com")).await);
        assert_eq!(unfinished.problem_of("name"), Some(Problem::Empty));
    }
    let mut taken = 0;
    while sign_up(&op, new_account("Eve", &format!("eve{taken}@example.com"))).await.is_ok() {
        taken += 1;
        assert!(taken < 20, "nothing limits sign-ups");
    }
    assert!(taken > 0, "nobody signs up without a script");
    let before = test.dump().await;
    for email in ["gail@example.com", ADA] {
        assert_eq!(refusal(sign_up(&op, new_account("Eve", email)).await), Refusal::ProofRequired, "{email}");
    }
    let forged = super::sign_up(&op, new_account("Eve", "gail@example.com"), "{}").await;
    assert_eq!(refusal(forged), Refusal::ProofRequired);
    assert_eq!(test.dump().await, before);
}

const NEW: &str = "seven quiet violins hum";

fn new_password() -> Password {
    Password::new(NEW.to_owned())
}

/// Whether the password of everyone, and the new one, sign in.
async fn which_password(test: &testing::TestPortal, email: &str, seconds: i64) -> (bool, bool) {
    let op = test.anonymous(after(seconds));
    let signs_in = async |typed: &Password| sessions::sign_in(&op, email, typed).await.is_ok();
    (signs_in(&password()).await, signs_in(&new_password()).await)
}

async fn subjects(test: &testing::TestPortal, email: &str) -> Vec<String> {
    test.mails_to(email).await.into_iter().map(|mail| mail.subject).collect()
}

/// Claims: MAST-07, S002-20
#[tokio::test]
async fn an_account_without_a_password_is_verified_together_with_its_first_passkey() {
    let test = testing::portal().await;
    let mut phone = Device::new("https://portal.example");
    let form = NewAccount { password: Password::new(String::new()), ..new_account("Ada", ADA) };
    sign_up(&test.anonymous(start()), form).await.unwrap();
    let token = test.newest_token(ADA).await;
    let offer = verification_offer(&test.anonymous(after(1)), &token).await.unwrap();
    assert_eq!((offer.email.as_str(), offer.needs_passkey), (ADA, true));
    // The plain button would verify an account that nobody can sign in to.
    let before = test.dump().await;
    assert_eq!(refusal(verify_email(&test.anonymous(after(1)), &token).await), Refusal::StateConflict);
    assert_eq!(test.dump().await, before);

    let op = test.anonymous(after(2));
    let asked = passkeys::start_registration_by_link(&op, &token).await.unwrap();
    let answer = phone.create(&asked.options).unwrap();
    passkeys::finish_registration_by_link(&op, &token, &asked.ceremony, &answer).await.unwrap();
    assert_eq!(refusal(verification_offer(&op, &token).await), Refusal::LinkUsed);
    let ada = test.sign_in_with_passkey(&mut phone, after(3)).await;
    assert_eq!(ada.email, ADA);
    let shown = security(&test.op(&ada, after(4))).await.unwrap();
    assert_eq!((shown.has_password, shown.passkeys.len()), (false, 1));
    assert_eq!(refusal(sessions::sign_in(&test.anonymous(after(4)), ADA, &password()).await), Refusal::SignInFailed);
}

#[tokio::test]
async fn a_sign_up_with_a_password_needs_no_passkey() {
    let test = testing::portal().await;
    test.sign_up("Ada", ADA, start()).await;
    let token = test.newest_token(ADA).await;
    assert!(!verification_offer(&test.anonymous(after(1)), &token).await.unwrap().needs_passkey);
    let asked = passkeys::start_registration_by_link(&test.anonymous(after(1)), &token).await;
    assert_eq!(refusal(asked), Refusal::StateConflict);
}

/// Attack: scanners open every link in a mail, again and again, before its reader does.
///
/// Claims: MAST-17, S002-20
#[tokio::test]
async fn opening_a_link_changes_nothing_however_often_it_is_opened() {
    let test = testing::portal().await;
    test.sign_up("Ada", ADA, start()).await;
    let verify = test.newest_token(ADA).await;
    let ada = test.sign_up_and_verify("Bob").await;
    ask_reset(&test.anonymous(after(3)), "bob@example.com").await.unwrap();
    let reset = test.newest_token("bob@example.com").await;
    recovery::ask_recovery(&test.anonymous(after(4)), "bob@example.com").await.unwrap();
    let recover = test.newest_token("bob@example.com").await;
    ask_email_change(&test.op(&ada, after(5)), "new@example.com").await.unwrap();
    let (old, new) = (test.newest_token("bob@example.com").await, test.newest_token("new@example.com").await);

    let before = test.dump().await;
    let op = test.anonymous(after(6));
    for _ in 0..5 {
        verification_offer(&op, &verify).await.unwrap();
        reset_offer(&op, &reset).await.unwrap();
        recovery::start_offer(&op, &recover).await.unwrap();
        email_change_offer(&op, &old).await.unwrap();
        email_change_offer(&op, &new).await.unwrap();
    }
    assert_eq!(test.dump().await, before);

    // Then the reader comes, once; whoever comes after that is told.
    verify_email(&op, &verify).await.unwrap();
    reset_password(&op, &reset, &new_password()).await.unwrap();
    recovery::start_recovery(&op, &recover).await.unwrap();
    assert_eq!(confirm_email(&op, &new).await.unwrap(), Agreed::Waiting);
    let later = test.anonymous(after(7));
    assert_eq!(refusal(verify_email(&later, &verify).await), Refusal::LinkUsed);
    assert_eq!(refusal(reset_password(&later, &reset, &new_password()).await), Refusal::LinkUsed);
    assert_eq!(refusal(recovery::start_recovery(&later, &recover).await), Refusal::LinkUsed);
    assert_eq!(refusal(confirm_email(&later, &new).await), Refusal::LinkUsed);
    for (offer, token) in [("reset", &reset), ("change", &new)] {
        let refused = match offer {
            "reset" => refusal(reset_offer(&later, token).await),
            _ => refusal(email_change_offer(&later, token).await),
        };
        assert_eq!(refused, Refusal::LinkUsed, "{offer}");
    }
    assert_eq!(Refusal::LinkUsed.status(), 410);
    assert_eq!(test.count("sessions").await, 0, "a link has opened a session, or left one open");
}

/// Claims: MAST-17
#[tokio::test]
async fn links_that_give_an_account_away_work_for_an_hour() {
    let test = testing::portal().await;
    test.sign_up_and_verify("Ada").await;
    ask_reset(&test.anonymous(start()), ADA).await.unwrap();
    let reset =
        test.mails_to(ADA).await.iter().find(|mail| mail.subject.starts_with("Set a new")).map(token_in).unwrap();
    let hour = TimeDelta::hours(1);
    let late = test.anonymous(at(hour));
    assert_eq!(refusal(reset_offer(&late, &reset).await), Refusal::LinkExpired);
    assert_eq!(refusal(reset_password(&late, &reset, &new_password()).await), Refusal::LinkExpired);
    assert_eq!(Refusal::LinkExpired.status(), 410);
    let in_time = test.anonymous(at(hour - TimeDelta::milliseconds(1)));
    reset_password(&in_time, &reset, &new_password()).await.unwrap();
}

/// Claims: MAST-07, FLOW-34
#[tokio::test]
async fn a_changed_password_ends_all_other_sessions_and_is_announced() {
    let test = testing::portal().await;
    test.sign_up_and_verify("Ada").await;
    let (here, ada) = test.sign_in(ADA, after(10)).await;
    let (elsewhere, _) = test.sign_in(ADA, after(11)).await;
    ask_reset(&test.anonymous(after(12)), ADA).await.unwrap();
    let reset = test.newest_token(ADA).await;
    let op = test.op(&ada, after(13));
    for (typed, problem) in [
        ("", Problem::Empty),
        ("fourteen chars", Problem::TooShort { min: 15 }),
        ("countersigncountersign", Problem::TooCommon),
        ("ada@example.com", Problem::TooCommon),
    ] {
        let refused = refusal(set_password(&op, &Password::new(typed.to_owned())).await);
        assert_eq!(refused.problem_of("password"), Some(problem), "{typed}");
    }
    assert_eq!(refusal(set_password(&test.anonymous(after(13)), &new_password()).await), Refusal::NotSignedIn);
    set_password(&op, &new_password()).await.unwrap();

    let open = async |token: &sessions::SessionToken| {
        sessions::resume(&test.portal, token.reveal(), after(14)).await.unwrap().is_some()
    };
    assert_eq!((open(&here).await, open(&elsewhere).await), (true, false));
    assert_eq!(which_password(&test, ADA, 14).await, (false, true));
    assert!(subjects(&test, ADA).await.iter().any(|subject| subject.starts_with("Your password was changed")));
    assert!(test.actions().await.contains(&"password.set".to_owned()));
    // Whoever asked for a reset before could undo it.
    assert_eq!(refusal(reset_offer(&test.anonymous(after(14)), &reset).await), Refusal::LinkUnknown);
}

/// Claims: MAST-12, S002-20
#[tokio::test]
async fn a_password_is_removed_only_where_a_passkey_is_left() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    assert_eq!(refusal(remove_password(&test.op(&ada, after(3))).await), Refusal::LastWayIn);
    let mut phone = Device::new("https://portal.example");
    test.add_passkey(&ada, &mut phone, after(4)).await;
    // With the password alone, nobody removes it from an account that has a passkey.
    let by_password = remove_password(&test.op(&ada, after(5))).await;
    assert_eq!(refusal(by_password), Refusal::StepUpRequired { passkey: true });
    let ada = test.sign_in_with_passkey(&mut phone, after(6)).await;
    let op = test.op(&ada, after(7));
    remove_password(&op).await.unwrap();
    remove_password(&op).await.unwrap();
    assert_eq!(which_password(&test, ADA, 8).await, (false, false));
    let removed =
        subjects(&test, ADA).await.into_iter().filter(|subject| subject.starts_with("Your password was removed"));
    assert_eq!(removed.count(), 1);
    // Also beside a passkey: it would stay, alone, when the passkey goes.
    let refused = refusal(set_password(&op, &Password::new("kX9mq2Zwvb4rTn".to_owned())).await);
    assert_eq!(refused.problem_of("password"), Some(Problem::TooShort { min: 15 }));
    set_password(&op, &password()).await.unwrap();
}

/// Attack: ask for a new password for every address there is, and compare the answers.
///
/// Claims: S002-20
#[tokio::test]
async fn asking_for_a_reset_answers_everybody_alike_and_only_mails_the_owner() {
    let test = testing::portal().await;
    for name in ["Ada", "Bob", "Cleo"] {
        test.sign_up_and_verify(name).await;
    }
    test.sql("UPDATE accounts SET password_hash = NULL WHERE name = 'Bob'").await;
    test.sql("UPDATE accounts SET state = 'suspended' WHERE name = 'Cleo'").await;
    test.sign_up("Dan", "dan@example.com", start()).await;
    let mails = test.count("mails").await;
    for name in ["ada", "bob", "cleo", "dan", "nobody"] {
        ask_reset(&test.anonymous(after(10)), &format!("{name}@example.com")).await.unwrap();
    }
    assert_eq!(test.count("mails").await, mails + 3);
    let newest = async |name: &str| test.mails_to(&format!("{name}@example.com")).await[0].clone();
    assert!(newest("ada").await.links[0].starts_with("https://portal.example/reset-password?token="));
    assert_eq!(newest("bob").await.links, ["https://portal.example/lost-access"]);
    assert!(newest("dan").await.links[0].starts_with("https://portal.example/verify-email?token="));
    assert!(test.mails_to("nobody@example.com").await.is_empty());

    // Asked for too often, the answer is another one, and again the same for everybody.
    for name in ["ada", "nobody"] {
        let mut asked = 1;
        while ask_reset(&test.anonymous(after(10)), &format!("{name}@example.com")).await.is_ok() {
            asked += 1;
        }
        assert_eq!(asked, 5, "{name}");
    }
    for nonsense in ["", "ada", &"x".repeat(10_000)] {
        let refused = refusal(ask_reset(&test.anonymous(after(10)), nonsense).await);
        assert!(refused.problem_of("email").is_some(), "{nonsense}");
    }
}

/// Claims: MAST-07, S002-20
#[tokio::test]
async fn a_reset_replaces_the_password_ends_every_session_and_opens_none() {
    let test = testing::portal().await;
    test.sign_up_and_verify("Ada").await;
    test.sign_in(ADA, after(10)).await;
    for seconds in [20, 21] {
        ask_reset(&test.anonymous(after(seconds)), ADA).await.unwrap();
    }
    let resets: Vec<_> = test.mails_to(ADA).await.iter().take(2).map(token_in).collect();
    let op = test.anonymous(after(30));
    let offer = reset_offer(&op, &resets[1]).await.unwrap();
    assert_eq!((offer.email.as_str(), offer.has_passkey), (ADA, false));
    let weak = refusal(reset_password(&op, &resets[1], &Password::new("short".to_owned())).await);
    assert_eq!(weak.problem_of("password"), Some(Problem::TooShort { min: 15 }));

    // The one that was asked for first still works, and takes the other with it.
    reset_password(&op, &resets[1], &new_password()).await.unwrap();
    assert_eq!(test.count("sessions").await, 0);
    assert_eq!(refusal(reset_password(&op, &resets[0], &password()).await), Refusal::LinkUnknown);
    assert_eq!(which_password(&test, ADA, 31).await, (false, true));
    let mails = test.mails_to(ADA).await;
    assert!(mails.iter().any(|mail| mail.subject.starts_with("Your password was changed")));
}

/// Attack: whoever reads the mails of somebody with a passkey sets a new password.
///
/// Claims: S002-20
#[tokio::test]
async fn a_mailbox_alone_changes_nothing_that_matters_where_there_is_a_passkey() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let mut phone = Device::new("https://portal.example");
    test.add_passkey(&ada, &mut phone, after(3)).await;
    ask_reset(&test.anonymous(after(10)), ADA).await.unwrap();
    let token = test.newest_token(ADA).await;
    let offer = reset_offer(&test.anonymous(after(11)), &token).await.unwrap();
    assert!(offer.has_passkey);
    reset_password(&test.anonymous(after(11)), &token, &new_password()).await.unwrap();

    let opened = sessions::sign_in(&test.anonymous(after(12)), ADA, &new_password()).await.unwrap();
    let thief = sessions::resume(&test.portal, opened.session.reveal(), after(12)).await.unwrap().unwrap();
    let op = test.op(&thief, after(12));
    let before = test.dump().await;
    let passkey = Refusal::StepUpRequired { passkey: true };
    assert_eq!(refusal(set_password(&op, &password()).await), passkey);
    assert_eq!(refusal(remove_password(&op).await), passkey);
    assert_eq!(refusal(ask_email_change(&op, "thief@example.com").await), passkey);
    assert_eq!(refusal(recovery::make_recovery_codes(&op).await), passkey);
    assert_eq!(refusal(passkeys::start_registration(&op).await), passkey);
    let shown = security(&op).await.unwrap();
    assert_eq!(refusal(passkeys::remove(&op, shown.passkeys[0].id).await), passkey);
    assert_eq!(shown.confirmed_until, None);
    assert_eq!(test.dump().await, before);
    // The owner's passkey is where it was.
    let owner = test.sign_in_with_passkey(&mut phone, after(13)).await;
    set_password(&test.op(&owner, after(14)), &password()).await.unwrap();
}

/// Claims: MAST-05, FLOW-34
#[tokio::test]
async fn an_address_is_changed_when_both_addresses_agree() {
    for first in [EmailSide::Old, EmailSide::New] {
        let test = testing::portal().await;
        test.sign_up_and_verify("Ada").await;
        let (elsewhere, _) = test.sign_in(ADA, after(9)).await;
        let (here, ada) = test.sign_in(ADA, after(10)).await;
        let op = test.op(&ada, after(20));
        ask_email_change(&op, " Countess@Example.com ").await.unwrap();
        let new_address = "Countess@Example.com";
        let (old, new) = (test.newest_token(ADA).await, test.newest_token(new_address).await);
        let offer = email_change_offer(&op, &old).await.unwrap();
        assert_eq!((offer.side, offer.old.as_deref(), offer.new.as_str()), (EmailSide::Old, Some(ADA), new_address));
        let offer = email_change_offer(&op, &new).await.unwrap();
        assert_eq!((offer.side, offer.old, offer.other_agreed), (EmailSide::New, None, false));
        ask_reset(&test.anonymous(after(21)), ADA).await.unwrap();
        let reset = test.newest_token(ADA).await;

        let (one, other) = if first == EmailSide::Old { (&old, &new) } else { (&new, &old) };
        assert_eq!(confirm_email(&test.anonymous(after(22)), one).await.unwrap(), Agreed::Waiting);
        let pending = security(&op).await.unwrap().email_change.unwrap();
        assert_eq!((pending.old_agreed, pending.new_agreed), (first == EmailSide::Old, first == EmailSide::New));
        assert_eq!(me(&op).await.unwrap().email, ADA);
        assert_eq!(confirm_email(&test.op(&ada, after(23)), other).await.unwrap(), Agreed::Changed);

        assert!(sessions::resume(&test.portal, elsewhere.reveal(), after(24)).await.unwrap().is_none());
        let ada = sessions::resume(&test.portal, here.reveal(), after(24)).await.unwrap().unwrap();
        assert_eq!(ada.email, new_address);
        assert_eq!(security(&test.op(&ada, after(24))).await.unwrap().email_change, None);
        assert_eq!(
            refusal(sessions::sign_in(&test.anonymous(after(24)), ADA, &password()).await),
            Refusal::SignInFailed
        );
        test.sign_in("countess@example.com", after(24)).await;
        // The old address is told, and what was sent to it before gives nothing away any more.
        assert!(subjects(&test, ADA).await.iter().any(|subject| subject.starts_with("The address of your account")));
        assert_eq!(refusal(reset_offer(&test.anonymous(after(24)), &reset).await), Refusal::LinkUnknown);
        let actions = test.actions().await;
        assert!(actions.contains(&"account.email_change_started".to_owned()));
        assert!(actions.contains(&"account.email_changed".to_owned()));
    }
}

#[tokio::test]
async fn a_change_of_address_is_off_after_a_day_or_when_it_is_taken_back() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let op = test.op(&ada, after(10));
    ask_email_change(&op, "new@example.com").await.unwrap();
    let (old, new) = (test.newest_token(ADA).await, test.newest_token("new@example.com").await);
    confirm_email(&op, &old).await.unwrap();
    let late = test.anonymous(after(10) + TimeDelta::hours(24));
    assert_eq!(refusal(confirm_email(&late, &new).await), Refusal::LinkExpired);

    // Asked for anew, the first is off; and taken back, the second.
    ask_email_change(&op, "newer@example.com").await.unwrap();
    assert_eq!(refusal(confirm_email(&op, &new).await), Refusal::LinkUnknown);
    let newer = test.newest_token("newer@example.com").await;
    cancel_email_change(&op).await.unwrap();
    cancel_email_change(&op).await.unwrap();
    assert_eq!(refusal(confirm_email(&op, &newer).await), Refusal::LinkUnknown);
    assert_eq!((test.count("email_changes").await, me(&op).await.unwrap().email.as_str()), (0, ADA));
    let cancelled = test.actions().await.into_iter().filter(|word| word == "account.email_change_cancelled");
    assert_eq!(cancelled.count(), 1);
}

/// Attack: somebody who is signed in asks for one address after the other, to find out who has an account.
///
/// Claims: S002-20
#[tokio::test]
async fn the_address_of_somebody_else_is_not_given_away_and_its_owner_is_told() {
    let test = testing::portal().await;
    let mallory = test.sign_up_and_verify("Mallory").await;
    test.sign_up_and_verify("Ada").await;
    let op = test.op(&mallory, after(10));
    ask_email_change(&op, "ADA@example.com").await.unwrap();
    let told = &test.mails_to(ADA).await[0];
    assert!(told.subject.starts_with("Somebody wanted to use your address"), "{}", told.subject);
    assert_eq!(told.links, ["https://portal.example/sign-in"]);
    assert!(!told.text.contains("Mallory"));
    // For the one who asks everything goes on as if it were free.
    let old = test.newest_token("mallory@example.com").await;
    assert_eq!(confirm_email(&op, &old).await.unwrap(), Agreed::Waiting);
    assert!(security(&op).await.unwrap().email_change.is_some());
}

#[tokio::test]
async fn of_two_who_prove_the_same_address_the_first_gets_it() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let op = test.op(&ada, after(10));
    ask_email_change(&op, "shared@example.com").await.unwrap();
    let (old, new) = (test.newest_token(ADA).await, test.newest_token("shared@example.com").await);
    confirm_email(&op, &new).await.unwrap();
    test.sign_up("Bob", "shared@example.com", after(11)).await;
    let verify = test.newest_token("shared@example.com").await;
    verify_email(&test.anonymous(after(12)), &verify).await.unwrap();
    let before = test.dump().await;
    assert_eq!(refusal(confirm_email(&op, &old).await), Refusal::StateConflict);
    assert_eq!(test.dump().await, before);
    test.sign_in("shared@example.com", after(13)).await;
}

#[tokio::test]
async fn an_account_that_was_never_verified_keeps_nobody_from_their_address() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    test.sign_up("Squatter", "new@example.com", after(3)).await;
    let op = test.op(&ada, after(10));
    ask_email_change(&op, "new@example.com").await.unwrap();
    let (old, new) = (test.newest_token(ADA).await, test.newest_token("new@example.com").await);
    confirm_email(&op, &old).await.unwrap();
    assert_eq!(confirm_email(&op, &new).await.unwrap(), Agreed::Changed);
    assert_eq!(test.count("accounts").await, 1);
    assert_eq!(test.sign_in("new@example.com", after(11)).await.1.account, ada.account);
}

/// Claims: MAST-06
#[tokio::test]
async fn a_name_is_changed_and_the_organization_that_is_called_after_it() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let op = test.op(&ada, after(10));
    change_name(&op, "  Ada, Countess of Lovelace ").await.unwrap();
    let (_, ada) = test.sign_in(ADA, after(11)).await;
    assert_eq!(
        (ada.name.as_str(), ada.organization.name.as_str()),
        ("Ada, Countess of Lovelace", "Ada, Countess of Lovelace")
    );
    test.sql("UPDATE organizations SET name = 'Analytical Engines'").await;
    change_name(&op, "Ada").await.unwrap();
    let (_, ada) = test.sign_in(ADA, after(12)).await;
    assert_eq!((ada.name.as_str(), ada.organization.name.as_str()), ("Ada", "Analytical Engines"));
    for (typed, problem) in [("", Problem::Empty), ("a\nb", Problem::Invisible)] {
        assert_eq!(refusal(change_name(&op, typed).await).problem_of("name"), Some(problem));
    }
    assert_eq!(refusal(change_name(&test.anonymous(after(13)), "Ada").await), Refusal::NotSignedIn);
}

/// Claims: MAST-12, MAST-38, MAST-40
#[tokio::test]
async fn the_security_page_shows_a_person_everything_about_their_account() {
    let test = testing::portal().await;
    let ada = test.staff("Ada", StaffRole::Support).await;
    let op = test.op(&ada, after(10));
    recovery::make_recovery_codes(&op).await.unwrap();
    let shown = security(&op).await.unwrap();
    assert_eq!((shown.name.as_str(), shown.email.as_str()), ("Ada", ADA));
    assert_eq!(shown.email_verified_at, Some(after(1).timestamp_millis()));
    assert_eq!(
        (shown.created_at, shown.last_sign_in_at),
        (start().timestamp_millis(), Some(after(3).timestamp_millis()))
    );
    assert_eq!((shown.acceptances.len(), shown.acceptances[0].version.as_str()), (1, TERMS_VERSION));
    assert_eq!((shown.has_password, shown.passkeys_available), (true, true));
    assert_eq!((shown.recovery_codes_left, shown.staff), (10, Some(StaffRole::Support)));
    assert_eq!((shown.sessions.len(), shown.devices.len()), (2, 2));
    assert_eq!(shown.confirmed_until, Some((after(3) + TimeDelta::minutes(5)).timestamp_millis()));
    assert_eq!((shown.email_change, shown.recovery), (None, None));
    assert_eq!(refusal(security(&test.anonymous(after(10))).await), Refusal::NotSignedIn);
}

#[tokio::test]
async fn every_change_of_account_security_is_in_an_audit_log_that_is_sound() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let op = test.op(&ada, after(10));
    change_name(&op, "Countess").await.unwrap();
    set_password(&op, &new_password()).await.unwrap();
    ask_email_change(&op, "new@example.com").await.unwrap();
    recovery::make_recovery_codes(&op).await.unwrap();
    let actions = test.actions().await;
    for word in [
        "account.signed_up",
        "account.email_verified",
        "session.started",
        "account.name_changed",
        "password.set",
        "account.email_change_started",
        "recovery.codes_made",
    ] {
        assert!(actions.contains(&word.to_owned()), "{word} is missing in {actions:?}");
    }
    let verdict = audit_log::verify(&test.system(after(11)), None).await.unwrap();
    assert!(matches!(verdict, contract::audit_log::Verdict::Sound { .. }), "{verdict:?}");
    // Addresses and names stand beside the chain, where they can be erased.
    let chain = format!("{:?}", test.dump().await["audit_events"]);
    assert!(!chain.contains("Countess") && !chain.contains("new@example.com"));
}
