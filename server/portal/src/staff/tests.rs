//! What staff find, see and do, what they cannot, and what the person concerned is told.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use chrono::TimeDelta;
use contract::accounts::{AccountEvent, AccountState, REASON_MAX};
use contract::audit_log::{Action, ActorKind, AuditEvent};
use contract::fields::Problem;
use contract::sessions::Factor;
use contract::staff::{FoundAccount, LookPurpose};
use contract::{AccountId, OrganizationId, Permission, Refusal, RequestId, StaffPermission, StaffRole};
use sea_orm::EntityTrait as _;
use uuid::Uuid;

use super::{FOUND_MAX, add, find, resend_verification, restore, restrict, see, suspend};
use crate::accounts::table as people;
use crate::privacy::retention::{self, Mode};
use crate::testing::{self, TestPortal, at, new_key, password, refusal, start};
use crate::{Actor, Op, Portal, Result, SignedIn, accounts, audit_log, keys, organizations, sessions, tokens};

const WHY: &str = "A key was found in public code";

async fn account(test: &TestPortal, id: AccountId) -> people::Model {
    people::Entity::find_by_id(id.uuid()).one(test.portal.db().read()).await.unwrap().unwrap()
}

/// The newest event of a kind, as an auditor sees it.
async fn newest(test: &TestPortal, sam: &SignedIn, action: Action) -> AuditEvent {
    let auditor = SignedIn { staff: Some(StaffRole::Auditor), ..sam.clone() };
    let filter = audit_log::Filter { action: Some(action), ..audit_log::Filter::default() };
    let page = audit_log::list(&test.op(&auditor, start()), crate::Scope::Everything, &filter, None).await.unwrap();
    page.items.into_iter().next().expect("no such event")
}

/// The kinds of the mails to an address, the newest first.
async fn kinds(test: &TestPortal, email: &str) -> Vec<String> {
    let sql = format!("SELECT kind FROM mails WHERE to_address = '{email}' ORDER BY created_at DESC, id DESC");
    test.texts(sql, 1).await.concat()
}

fn names(found: &[FoundAccount]) -> Vec<&str> {
    found.iter().map(|account| account.name.as_str()).collect()
}

fn details(event: &AuditEvent, name: &str) -> String {
    event.details.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap_or_default()
}

#[tokio::test]
async fn an_account_is_found_by_address_name_id_and_organization() {
    let test = testing::portal().await;
    let sam = test.staff("Sam", StaffRole::Support).await;
    let ada = test.sign_up_and_verify("Ada").await;
    let zoe = test.sign_up_and_verify("Zoe").await;
    test.sql("UPDATE accounts SET name = 'Zoë 100%_Ångström' WHERE email = 'zoe@example.com'").await;
    test.sql("UPDATE organizations SET name = 'Harbour Lights' WHERE name = 'Ada'").await;
    let op = test.op(&sam, start());
    let look = async |text: &str| find(&op, text, LookPurpose::HelpAsked).await.unwrap();
    assert_eq!(names(&look("ada@example.com").await), ["Ada"]);
    assert_eq!(names(&look("  ADA@Example.com ").await), ["Ada"]);
    assert_eq!(names(&look("aD").await), ["Ada"]);
    assert_eq!(names(&look("Ångström").await), ["Zoë 100%_Ångström"]);
    assert_eq!(names(&look(&ada.account.to_string()).await), ["Ada"]);
    assert_eq!(names(&look(&ada.organization.id.to_string()).await), ["Ada"]);
    assert_eq!(names(&look("harbour").await), ["Ada"]);
    assert_eq!(names(&look("%_").await), ["Zoë 100%_Ångström"], "what is special in a pattern is not in a search");
    let everything = [zoe.account, ada.account, sam.account];
    assert_eq!(look("a").await.iter().map(|found| found.id).filter(|id| everything.contains(id)).count(), 2);
    // Part of an address finds nobody: staff look for somebody they know of.
    for nobody in ["example.com", "_a", "\\", "' OR 1=1 --", &AccountId::new(Uuid::nil()).to_string()] {
        assert_eq!(names(&look(nobody).await), [] as [&str; 0], "{nobody}");
    }
    assert_eq!(names(&look(&OrganizationId::new(Uuid::nil()).to_string()).await), [] as [&str; 0]);
}

#[tokio::test]
async fn a_search_finds_fifty_at_most_the_newest_first() {
    let test = testing::portal().await;
    let sam = test.staff("Sam", StaffRole::Support).await;
    for number in 1..=FOUND_MAX + 5 {
        let id = match test.portal.db().read().get_database_backend() {
            sea_orm::DbBackend::Postgres => format!("'00000000-0000-0000-0000-{number:012x}'::uuid"),
            _ => format!("X'{number:032x}'"),
        };
        test.sql(&format!(
            "INSERT INTO accounts (id, name, email, email_folded, state, created_at) \
             VALUES ({id}, 'Crowd {number}', 'crowd{number}@example.com', 'crowd{number}@example.com', 'active', 1)"
        ))
        .await;
    }
    let found = find(&test.op(&sam, start()), "crowd", LookPurpose::Abuse).await.unwrap();
    assert_eq!(found.len() as u64, FOUND_MAX);
    assert_eq!(found[0].name, format!("Crowd {}", FOUND_MAX + 5));
}

/// Claims: MASA-23, FLOW-38
#[tokio::test]
async fn every_search_and_every_look_is_written_down_with_its_purpose() {
    let test = testing::portal().await;
    let sam = test.staff("Sam", StaffRole::Support).await;
    let ada = test.sign_up_and_verify("Ada").await;
    let op = test.op(&sam, start());
    for purpose in LookPurpose::ALL {
        let before = test.count("audit_events").await;
        find(&op, "example", purpose).await.unwrap();
        see(&op, ada.account, purpose).await.unwrap();
        see(&op, ada.account, purpose).await.unwrap();
        assert_eq!(test.count("audit_events").await, before + 3, "each look is one");
        let search = newest(&test, &sam, Action::AccountsSearched).await;
        assert_eq!((search.actor, search.actor_account), (ActorKind::Staff, Some(sam.account)));
        assert_eq!((details(&search, "purpose").as_str(), details(&search, "found").as_str()), (purpose.word(), "0"));
        assert_eq!((search.personal.as_deref(), search.account), (Some("example"), None));
        let look = newest(&test, &sam, Action::AccountViewed).await;
        assert_eq!((look.actor, look.account), (ActorKind::Staff, Some(ada.account)));
        assert_eq!(details(&look, "purpose"), purpose.word());
        assert_eq!(look.personal, None);
    }
    // A text that found one person is about that person, and goes with them.
    find(&op, "ada@example.com", LookPurpose::Law).await.unwrap();
    let search = newest(&test, &sam, Action::AccountsSearched).await;
    assert_eq!((search.account, search.personal.as_deref()), (Some(ada.account), Some("ada@example.com")));
    test.sql("UPDATE accounts SET email_verified_at = NULL WHERE email = 'ada@example.com'").await;
    retention::run(&test.system(at(TimeDelta::days(31))), Mode::Erase).await.unwrap();
    assert_eq!(newest(&test, &sam, Action::AccountsSearched).await.personal, None);
    assert!(!format!("{:?}", test.dump().await).contains("ada@example.com"));
}

#[tokio::test]
async fn a_search_needs_a_text_that_can_be_one() {
    let test = testing::portal().await;
    let sam = test.staff("Sam", StaffRole::Support).await;
    let op = test.op(&sam, start());
    let before = test.count("audit_events").await;
    for (text, problem) in [
        ("  ".to_owned(), Problem::Empty),
        ("x".repeat(255), Problem::TooLong { max: 254 }),
        ("a\0b".to_owned(), Problem::Invisible),
    ] {
        let refused = refusal(find(&op, &text, LookPurpose::Abuse).await);
        assert_eq!(refused.problem_of("query"), Some(problem), "{text:?}");
    }
    assert_eq!(refusal(see(&op, AccountId::new(Uuid::nil()), LookPurpose::Abuse).await), Refusal::NotFound);
    assert_eq!(test.count("audit_events").await, before);
}

/// Claims: MASA-23
#[tokio::test]
async fn what_staff_see_of_an_account_holds_no_secret_no_session_and_no_token() {
    let test = testing::portal().await;
    let sam = test.staff("Sam", StaffRole::Owner).await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (_, secret) = test.revealed_key(&ada, "Server", at(TimeDelta::seconds(8))).await;
    let (session, _) = test.sign_in(&ada.email, at(TimeDelta::seconds(9))).await;
    keys::create(&test.op(&ada, at(TimeDelta::seconds(10))), new_key("Waiting")).await.unwrap();
    let link = test.newest_token(&ada.email).await;
    let op = test.op(&sam, start());
    let seen = see(&op, ada.account, LookPurpose::HelpAsked).await.unwrap();
    assert_eq!((seen.passkeys, seen.has_password, seen.staff), (0, true, None));
    assert_eq!(seen.organizations, std::slice::from_ref(&ada.organization));
    assert_eq!(seen.last_sign_in_at, Some(at(TimeDelta::seconds(9)).timestamp_millis()));
    let found = find(&op, "Ada", LookPurpose::HelpAsked).await.unwrap();
    assert_eq!(found, std::slice::from_ref(&seen.account));

    let shown = serde_json::to_string(&(&seen, &found)).unwrap();
    let row = account(&test, ada.account).await;
    let hash = tokens::hex(&tokens::token_hash(session.reveal()));
    for hidden in [
        secret.reveal(),
        session.reveal(),
        &hash,
        &link,
        &tokens::hex(&tokens::token_hash(&link)),
        row.password_hash.as_deref().unwrap(),
        &ada.session.to_string(),
        &row.passkey_handle.unwrap().to_string(),
        "$argon2",
    ] {
        assert!(!shown.contains(hidden), "{hidden} stands in {shown}");
    }
    // A closed list: a new field has to be looked at here.
    let mut fields: Vec<String> = serde_json::to_value(&seen).unwrap().as_object().unwrap().keys().cloned().collect();
    fields.sort_unstable();
    let known = [
        "account",
        "email_verified_at",
        "has_password",
        "last_sign_in_at",
        "organizations",
        "passkeys",
        "staff",
        "state_reason",
    ];
    assert_eq!(fields, known);
}

type Change = fn(&Op, AccountId, &str) -> std::pin::Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// The three measures, as one type.
fn measures() -> [(AccountEvent, Change); 3] {
    fn boxed<F: Future<Output = Result<()>> + Send + 'static>(
        future: F,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<()>> + Send>> {
        Box::pin(future)
    }
    [
        (AccountEvent::Restrict, |op, id, why| {
            let (op, why) = (op.clone(), why.to_owned());
            boxed(async move { restrict(&op, id, &why).await })
        }),
        (AccountEvent::Suspend, |op, id, why| {
            let (op, why) = (op.clone(), why.to_owned());
            boxed(async move { suspend(&op, id, &why).await })
        }),
        (AccountEvent::Restore, |op, id, why| {
            let (op, why) = (op.clone(), why.to_owned());
            boxed(async move { restore(&op, id, &why).await })
        }),
    ]
}

/// Claims: MAST-10, S002-34
#[tokio::test]
async fn a_restricted_account_keeps_its_sessions_and_is_told_why_and_its_keys_rest_until_it_is_restored() {
    let test = testing::portal().await;
    let sam = test.staff("Sam", StaffRole::Support).await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (session, _) = test.sign_in(&ada.email, at(TimeDelta::seconds(5))).await;
    let op = test.op(&sam, at(TimeDelta::seconds(6)));
    test.watcher.take_rests();
    restrict(&op, ada.account, &format!("  {WHY} ")).await.unwrap();
    let row = account(&test, ada.account).await;
    assert_eq!((row.state(), row.state_reason.as_deref()), (AccountState::Restricted, Some(WHY)));
    assert_eq!(test.watcher.take_rests(), [(ada.organization.id, true)]);
    assert_eq!(organizations::resting(test.portal.db()).await.unwrap(), [ada.organization.id]);
    let mail = &test.mails_to(&ada.email).await[0];
    assert_eq!(kinds(&test, &ada.email).await[0], "account_restricted");
    assert!(mail.text.contains(WHY), "{}", mail.text);
    let event = newest(&test, &sam, Action::AccountRestricted).await;
    assert_eq!((event.actor, event.actor_account), (ActorKind::Staff, Some(sam.account)));
    assert_eq!((event.account, event.personal.as_deref()), (Some(ada.account), Some(WHY)));
    assert_eq!(details(&event, "before"), "active");

    // The session goes on, and looks.
    let person = sessions::resume(&test.portal, session.reveal(), at(TimeDelta::seconds(7))).await.unwrap().unwrap();
    assert_eq!((person.state, person.state_reason.as_deref()), (AccountState::Restricted, Some(WHY)));
    let me = accounts::me(&test.op(&person, at(TimeDelta::seconds(7)))).await.unwrap();
    assert_eq!((me.state, me.state_reason.as_deref()), (AccountState::Restricted, Some(WHY)));
    assert_eq!(keys::list(&test.op(&person, start()), None).await.unwrap().len(), 1);

    let op = test.op(&sam, at(TimeDelta::seconds(8)));
    restore(&op, ada.account, "The key was revoked").await.unwrap();
    let row = account(&test, ada.account).await;
    assert_eq!((row.state(), row.state_reason), (AccountState::Active, None));
    assert_eq!(test.watcher.take_rests(), [(ada.organization.id, false)]);
    assert_eq!(kinds(&test, &ada.email).await[0], "account_restored");
    let event = newest(&test, &sam, Action::AccountRestored).await;
    assert_eq!(event.personal.as_deref(), Some("The key was revoked"));
    let person = sessions::resume(&test.portal, session.reveal(), at(TimeDelta::seconds(9))).await.unwrap().unwrap();
    keys::create(&test.op(&person, start()), new_key("Again")).await.unwrap();
}

/// Claims: MAST-10
#[tokio::test]
async fn a_suspended_account_loses_every_session_at_once_and_is_told_why_where_it_signs_in() {
    let test = testing::portal().await;
    let sam = test.staff("Sam", StaffRole::Admin).await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (first, one) = test.sign_in(&ada.email, at(TimeDelta::seconds(5))).await;
    let (second, other) = test.sign_in(&ada.email, at(TimeDelta::seconds(6))).await;
    let mut endings = test.portal.endings();
    let op = test.op(&sam, at(TimeDelta::seconds(7)));
    suspend(&op, ada.account, WHY).await.unwrap();
    let mut ended = vec![];
    while let Ok(session) = endings.try_recv() {
        ended.push(session);
    }
    for session in [ada.session, one.session, other.session] {
        assert!(ended.contains(&session), "open streams of {session} are not told");
    }
    for token in [&first, &second] {
        let found = sessions::resume(&test.portal, token.reveal(), at(TimeDelta::seconds(7))).await.unwrap();
        assert!(found.is_none());
    }
    assert!(test.texts("SELECT device FROM sessions".to_owned(), 1).await.len() < 4, "only those of staff are left");
    let again = sessions::sign_in(&test.anonymous(at(TimeDelta::seconds(8))), &ada.email, &password()).await;
    assert_eq!(refusal(again), Refusal::AccountSuspended { reason: WHY.to_owned() });
    // Whoever does not know the password learns nothing of it.
    let wrong = accounts::Password::new("not the right password".to_owned());
    let stranger = sessions::sign_in(&test.anonymous(at(TimeDelta::seconds(9))), &ada.email, &wrong).await;
    assert_eq!(refusal(stranger), Refusal::SignInFailed);
    assert_eq!(organizations::resting(test.portal.db()).await.unwrap(), [ada.organization.id]);
    assert_eq!(kinds(&test, &ada.email).await[0], "account_suspended");

    // Lifted to a restriction, then altogether.
    restrict(&op, ada.account, "Looking into it").await.unwrap();
    assert_eq!(account(&test, ada.account).await.state(), AccountState::Restricted);
    restore(&op, ada.account, "All is well").await.unwrap();
    test.sign_in(&ada.email, at(TimeDelta::seconds(10))).await;
    assert!(organizations::resting(test.portal.db()).await.unwrap().is_empty());
}

/// Walks everything that may change something, and everything that could send a mail or use the account's data while it
/// is restricted: each permission but those that only look, each verb of keys, the retention job, a sign-up and a search
/// with its address, and the outbox, which holds nothing but mails that nobody can switch off.
///
/// Claims: S002-34
#[tokio::test]
async fn a_restricted_account_changes_nothing_and_gets_no_mail_but_mandatory_ones() {
    const MANDATORY: [&str; 3] = ["account_restricted", "already_registered", "new_device"];
    let test = testing::portal().await;
    let sam = test.staff("Sam", StaffRole::Support).await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, _) = test.revealed_key(&ada, "Server", at(TimeDelta::seconds(4))).await;
    let waiting = keys::create(&test.op(&ada, at(TimeDelta::seconds(5))), new_key("Waiting")).await.unwrap().id;
    let link = test.newest_token(&ada.email).await;
    restrict(&test.op(&sam, at(TimeDelta::seconds(6))), ada.account, WHY).await.unwrap();
    let sent = kinds(&test, &ada.email).await.len();

    let now = at(TimeDelta::seconds(7));
    let (_, person) = test.sign_in(&ada.email, now).await;
    let op = test.op(&person, now);
    let no = Refusal::AccountRestricted { reason: WHY.to_owned() };
    for permission in Permission::ALL {
        let answer = op.require(permission);
        if permission.only_reads() {
            answer.unwrap();
        } else {
            assert_eq!(refusal(answer), no, "{permission:?}");
        }
    }
    let before = test.dump_without(&[]).await;
    assert_eq!(refusal(keys::create(&op, new_key("More")).await), no);
    assert_eq!(refusal(keys::send_reveal_link(&op, waiting).await), no);
    assert_eq!(refusal(keys::reveal(&op, &link).await), no);
    assert_eq!(refusal(keys::revoke(&op, key.id).await), no);
    assert_eq!(test.dump_without(&[]).await, before);

    test.sign_up("Eve", &ada.email, now).await;
    find(&test.op(&sam, now), &ada.email, LookPurpose::Abuse).await.unwrap();
    retention::run(&test.system(now), Mode::Erase).await.unwrap();
    let mails = kinds(&test, &ada.email).await;
    assert!(mails.len() > sent);
    for kind in &mails[..=mails.len() - sent] {
        assert!(MANDATORY.contains(&kind.as_str()), "{kind} was sent");
    }
    // Kept, and not used.
    assert_eq!(keys::list(&op, None).await.unwrap().len(), 3);
    assert_eq!(account(&test, ada.account).await.name, "Ada");
}

/// Claims: MAST-10
#[tokio::test]
async fn each_measure_leads_where_the_table_of_states_says_and_nowhere_else() {
    let test = testing::portal().await;
    let sam = test.staff("Sam", StaffRole::Owner).await;
    let ada = test.sign_up_and_verify("Ada").await;
    let op = test.op(&sam, at(TimeDelta::seconds(6)));
    for state in AccountState::ALL {
        for (event, change) in measures() {
            test.sql(&format!(
                "UPDATE accounts SET state = '{}', state_reason = 'before' WHERE email = 'ada@example.com'",
                state.word()
            ))
            .await;
            let events = test.count("audit_events").await;
            let answer = change(&op, ada.account, WHY).await;
            match state.after(event) {
                Some(next) => {
                    answer.unwrap();
                    assert_eq!(account(&test, ada.account).await.state(), next, "{state:?} {event:?}");
                    assert_eq!(test.count("audit_events").await, events + 1);
                }
                None => {
                    assert_eq!(refusal(answer), Refusal::StateConflict, "{state:?} {event:?}");
                    assert_eq!(account(&test, ada.account).await.state(), state);
                    assert_eq!(test.count("audit_events").await, events);
                }
            }
        }
    }
}

/// Claims: MASA-23
#[tokio::test]
async fn nobody_touches_their_own_account_or_staff_above_them() {
    let test = testing::portal().await;
    let sam = test.staff("Sam", StaffRole::Owner).await;
    let ada = test.sign_up_and_verify("Ada").await;
    let target = test.staff("Tom", StaffRole::Owner).await;
    let now = at(TimeDelta::seconds(6));
    for role in StaffRole::ALL {
        let person = SignedIn { staff: Some(role), ..sam.clone() };
        let op = test.op(&person, now);
        for (event, change) in measures() {
            let needed = if event == AccountEvent::Suspend {
                StaffPermission::SuspendAccounts
            } else {
                StaffPermission::RestrictAccounts
            };
            assert_eq!(refusal(change(&op, sam.account, WHY).await), Refusal::NotAllowed, "{role:?} {event:?}");
            for other in StaffRole::ALL {
                add(&test.system(now), &target.email, other).await.unwrap();
                let start = if event == AccountEvent::Restore { "restricted" } else { "active" };
                test.sql(&format!("UPDATE accounts SET state = '{start}' WHERE email = 'tom@example.com'")).await;
                let answer = change(&op, target.account, WHY).await;
                if role.allows(needed) && role.reaches(other) {
                    answer.unwrap();
                } else {
                    assert_eq!(refusal(answer), Refusal::NotAllowed, "{role:?} {event:?} {other:?}");
                    assert_eq!(account(&test, target.account).await.state().word(), start);
                }
            }
        }
    }
    // A suspension is lifted by those who may suspend.
    suspend(&test.op(&sam, now), ada.account, WHY).await.unwrap();
    let support = test.op(&SignedIn { staff: Some(StaffRole::Support), ..sam.clone() }, now);
    assert_eq!(refusal(restore(&support, ada.account, WHY).await), Refusal::NotAllowed);
    assert_eq!(refusal(restrict(&support, ada.account, WHY).await), Refusal::NotAllowed);
    assert_eq!(account(&test, ada.account).await.state(), AccountState::Suspended);
}

#[tokio::test]
async fn a_measure_needs_a_reason_that_its_person_can_read() {
    let test = testing::portal().await;
    let sam = test.staff("Sam", StaffRole::Owner).await;
    let ada = test.sign_up_and_verify("Ada").await;
    let op = test.op(&sam, at(TimeDelta::seconds(6)));
    let before = test.dump().await;
    for (_, change) in measures() {
        for (reason, problem) in [
            (" \n ".to_owned(), Problem::Empty),
            ("x".repeat(REASON_MAX + 1), Problem::TooLong { max: REASON_MAX as u32 }),
            ("a\u{202e}b".to_owned(), Problem::Invisible),
        ] {
            let refused = refusal(change(&op, ada.account, &reason).await);
            assert_eq!(refused.problem_of("reason"), Some(problem), "{reason:?}");
        }
    }
    assert_eq!(test.dump().await, before);
    restrict(&op, ada.account, &"ж".repeat(REASON_MAX)).await.unwrap();
}

/// Claims: FLOW-61
#[tokio::test]
async fn a_measure_needs_a_fresh_authentication() {
    let test = testing::portal().await;
    let sam = test.staff("Sam", StaffRole::Owner).await;
    let ada = test.sign_up_and_verify("Ada").await;
    let now = at(TimeDelta::minutes(6));
    for (_, change) in measures() {
        let answer = change(&test.op(&sam, now), ada.account, WHY).await;
        assert_eq!(refusal(answer), Refusal::StepUpRequired { passkey: false });
    }
    let fresh = SignedIn { authenticated_at: now.timestamp_millis(), ..sam };
    restrict(&test.op(&fresh, now), ada.account, WHY).await.unwrap();
}

/// Claims: MASA-23
#[tokio::test]
async fn the_desk_opens_to_staff_with_a_passkey_in_good_standing_only() {
    let test = testing::portal().await;
    let sam = test.staff("Sam", StaffRole::Owner).await;
    let ada = test.sign_up_and_verify("Ada").await;
    let password = SignedIn { factor: Factor::Password, ..sam.clone() };
    let recovered = SignedIn { factor: Factor::RecoveryCode, ..sam.clone() };
    let resting = SignedIn { state: AccountState::Restricted, state_reason: Some(WHY.to_owned()), ..sam.clone() };
    for (person, no) in [
        (&ada, Refusal::NotFound),
        (&password, Refusal::PasskeyRequired),
        (&recovered, Refusal::PasskeyRequired),
        (&resting, Refusal::AccountRestricted { reason: WHY.to_owned() }),
    ] {
        let op = test.op(person, start());
        let before = test.dump().await;
        assert_eq!(refusal(find(&op, "Ada", LookPurpose::Abuse).await), no);
        assert_eq!(refusal(see(&op, ada.account, LookPurpose::Abuse).await), no);
        assert_eq!(refusal(resend_verification(&op, ada.account).await), no);
        for (_, change) in measures() {
            assert_eq!(refusal(change(&op, ada.account, WHY).await), no);
        }
        assert_eq!(test.dump().await, before);
    }
    assert_eq!(refusal(find(&test.anonymous(start()), "Ada", LookPurpose::Abuse).await), Refusal::NotSignedIn);
    assert_eq!(refusal(find(&test.system(start()), "Ada", LookPurpose::Abuse).await), Refusal::NotSignedIn);

    // Where passkeys are optional, as in the demo, the password opens it.
    let settings = crate::PortalSettings { staff_need_passkeys: false, ..test.portal.settings().clone() };
    let lenient = Portal::new(
        test.portal.db().clone(),
        settings,
        testing::secrets(),
        Arc::clone(&test.watcher) as Arc<dyn keys::KeyWatcher>,
    );
    let op = lenient.op(Actor::Account(Box::new(password)), start(), RequestId::new(Uuid::nil()));
    find(&op, "Ada", LookPurpose::Abuse).await.unwrap();
}

#[tokio::test]
async fn staff_send_the_verification_mail_again_to_those_who_wait_for_it() {
    let test = testing::portal().await;
    let sam = test.staff("Sam", StaffRole::Support).await;
    test.sign_up("Bob", "bob@example.com", start()).await;
    let first = test.newest_token("bob@example.com").await;
    let op = test.op(&sam, at(TimeDelta::seconds(6)));
    let bob = find(&op, "bob@example.com", LookPurpose::HelpAsked).await.unwrap()[0].id;
    resend_verification(&op, bob).await.unwrap();
    let event = newest(&test, &sam, Action::VerificationResent).await;
    assert_eq!((event.actor, event.account), (ActorKind::Staff, Some(bob)));
    let second = test.newest_token("bob@example.com").await;
    assert_ne!(first, second);
    let anonymous = test.anonymous(at(TimeDelta::seconds(7)));
    refusal(accounts::verify_email(&anonymous, &first).await);
    accounts::verify_email(&anonymous, &second).await.unwrap();
    assert_eq!(refusal(resend_verification(&op, bob).await), Refusal::StateConflict);
    let auditor = SignedIn { staff: Some(StaffRole::Auditor), ..sam };
    let op = test.op(&auditor, start());
    assert_eq!(refusal(resend_verification(&op, bob).await), Refusal::NotAllowed);
}

/// Claims: MASA-23
#[tokio::test]
async fn becoming_staff_is_written_down_as_done_by_the_program() {
    let test = testing::portal().await;
    let sam = test.staff("Sam", StaffRole::Support).await;
    add(&test.system(start()), "SAM@example.com", StaffRole::Admin).await.unwrap();
    let event = newest(&test, &sam, Action::StaffAdded).await;
    assert_eq!((event.actor, event.actor_account, event.account), (ActorKind::System, None, Some(sam.account)));
    assert_eq!(details(&event, "role"), "admin");
}
