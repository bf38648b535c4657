//! The chain finds whatever was done to it; the log shows to everybody what is theirs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::Path;

use chrono::TimeDelta;
use contract::audit_log::{Action, ActorKind, AuditEvent, Verdict};
use contract::sessions::Factor;
use contract::{AccountId, OrganizationId, Refusal, Role, StaffRole};
use uuid::Uuid;

use super::{Event, Filter, PAGE, list, mine, record, record_look, verify};
use crate::testing::{self, TestPortal, at, new_key, refusal, start};
use crate::{Op, Scope, SignedIn, keys, request_logs};

/// Two accounts and an organization that exist in these events only.
const SOMEBODY: AccountId = AccountId::new(Uuid::from_u128(11));
const SOMEBODY_ELSE: AccountId = AccountId::new(Uuid::from_u128(12));
const THEIRS: OrganizationId = OrganizationId::new(Uuid::from_u128(13));

async fn write(op: &Op, event: Event) {
    let tx = op.begin().await.unwrap();
    record(&tx, op, event).await.unwrap();
    op.commit(tx).await.unwrap();
}

/// A portal whose log has so many events, each with something in every column.
async fn with_events(count: usize) -> TestPortal {
    let test = testing::portal().await;
    let op = test.system(start());
    for number in 0..count {
        let event = Event::new(Action::NameChanged)
            .by(SOMEBODY)
            .account(SOMEBODY_ELSE)
            .organization(THEIRS)
            .object(format!("thing {number}"))
            .detail("role", "admin")
            .personal(format!("Ada {number}"));
        write(&op, event).await;
    }
    test
}

async fn verdict(test: &TestPortal) -> Verdict {
    verify(&test.system(start()), None).await.unwrap()
}

/// The first bad event; 0 if there is none.
async fn first_bad(test: &TestPortal) -> i64 {
    match verdict(test).await {
        Verdict::Sound { .. } => 0,
        Verdict::Broken { seq, .. } => seq,
    }
}

async fn head(test: &TestPortal) -> (i64, String) {
    match verdict(test).await {
        Verdict::Sound { events, head } => (events, head),
        Verdict::Broken { seq, why } => panic!("event {seq}: {why}"),
    }
}

/// Does something to the log, and says which event is found to be the first bad one; then everything is as before.
async fn after(test: &TestPortal, sql: &[&str]) -> i64 {
    const TABLES: [&str; 3] = ["audit_events", "audit_personal", "audit_head"];
    for table in TABLES {
        test.sql(&format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}")).await;
    }
    for statement in sql {
        test.sql(statement).await;
    }
    let found = first_bad(test).await;
    for table in TABLES {
        test.sql(&format!("DELETE FROM {table}")).await;
        test.sql(&format!("INSERT INTO {table} SELECT * FROM kept_{table}")).await;
        test.sql(&format!("DROP TABLE kept_{table}")).await;
    }
    assert_eq!(first_bad(test).await, 0, "the log could not be put back");
    found
}

/// Claims: MASA-28
#[tokio::test]
async fn an_event_that_was_altered_in_any_column_is_found() {
    let test = with_events(5).await;
    let alterations = [
        ("id", "account_id"),
        ("at", "at + 1"),
        ("actor_kind", "'staff'"),
        ("actor_id", "account_id"),
        ("actor_id", "NULL"),
        ("action", "'member.left'"),
        ("organization_id", "account_id"),
        ("organization_id", "NULL"),
        ("account_id", "actor_id"),
        ("account_id", "NULL"),
        ("object", "'thing 4'"),
        ("object", "''"),
        ("object", "NULL"),
        ("details", "'[]'"),
        ("personal_hash", "hash"),
        ("personal_hash", "NULL"),
        ("hash", "personal_hash"),
    ];
    for (column, value) in alterations {
        // Without its text, so that nothing but the chain can find it.
        let alter = format!("UPDATE audit_events SET {column} = {value} WHERE seq = 3");
        let found = after(&test, &["DELETE FROM audit_personal", &alter]).await;
        assert_eq!(found, 3, "{column} = {value}");
    }
    let tried: BTreeSet<&str> = alterations.iter().map(|(column, _)| *column).collect();
    let all = test.columns().await.into_iter().filter(|(table, column)| table == "audit_events" && column != "seq");
    for (_, column) in all {
        assert!(tried.contains(column.as_str()), "nothing tries to alter {column}");
    }
}

/// Claims: MASA-28
#[tokio::test]
async fn an_event_that_was_inserted_is_found() {
    let test = with_events(5).await;
    let copy = |seq: &str, from: i64| {
        format!(
            "INSERT INTO audit_events SELECT {seq}, actor_id, at, actor_kind, actor_id, action, organization_id, \
             account_id, object, details, NULL, hash FROM audit_events WHERE seq = {from}"
        )
    };
    let end = "UPDATE audit_head SET seq = 6, hash = (SELECT hash FROM audit_events WHERE seq = 6)";
    assert_eq!(after(&test, &[&copy("6", 5)]).await, 6, "behind the end");
    assert_eq!(after(&test, &[&copy("6", 5), end]).await, 6, "at the end");
    assert_eq!(after(&test, &[&copy("-1", 1)]).await, -1, "before the start");
    let between = [
        "DELETE FROM audit_personal",
        "UPDATE audit_events SET seq = seq + 100 WHERE seq >= 3",
        "UPDATE audit_events SET seq = seq - 99 WHERE seq > 100",
        &copy("3", 2),
        end,
    ];
    assert_eq!(after(&test, &between).await, 3);
}

/// Claims: MASA-28
#[tokio::test]
async fn an_event_that_was_removed_is_found() {
    let test = with_events(5).await;
    for seq in 1..=5 {
        let remove = format!("DELETE FROM audit_events WHERE seq = {seq}");
        assert_eq!(after(&test, &[&remove]).await, seq);
    }
    let close_the_gap = [
        "DELETE FROM audit_personal",
        "DELETE FROM audit_events WHERE seq = 3",
        "UPDATE audit_events SET seq = seq - 1 WHERE seq = 4",
        "UPDATE audit_events SET seq = seq - 1 WHERE seq = 5",
        "UPDATE audit_head SET seq = 4",
    ];
    assert_eq!(after(&test, &close_the_gap).await, 3);
}

/// Claims: MASA-28
#[tokio::test]
async fn events_that_changed_places_are_found() {
    let test = with_events(5).await;
    let swap = [
        "DELETE FROM audit_personal",
        "UPDATE audit_events SET seq = 100 WHERE seq = 2",
        "UPDATE audit_events SET seq = 2 WHERE seq = 4",
        "UPDATE audit_events SET seq = 4 WHERE seq = 100",
    ];
    assert_eq!(after(&test, &swap).await, 2);
}

/// Claims: MASA-28
#[tokio::test]
async fn a_tail_that_was_cut_off_is_found() {
    let test = with_events(5).await;
    assert_eq!(after(&test, &["DELETE FROM audit_events WHERE seq > 3"]).await, 4);
    assert_eq!(after(&test, &["DELETE FROM audit_events"]).await, 1);
    // The end alone moved back, to hide what follows.
    let back = "UPDATE audit_head SET seq = 3, hash = (SELECT hash FROM audit_events WHERE seq = 3)";
    assert_eq!(after(&test, &[back]).await, 4);
    assert_eq!(after(&test, &["DELETE FROM audit_head"]).await, 1);
    assert_eq!(after(&test, &["UPDATE audit_head SET seq = 4"]).await, 4);
    assert_eq!(after(&test, &["UPDATE audit_head SET hash = (SELECT hash FROM audit_events WHERE seq = 4)"]).await, 5);
}

/// A copy of the whole database from before is sound in itself: only what was noted elsewhere tells.
///
/// Claims: MASA-28
#[tokio::test]
async fn a_database_that_was_put_back_is_found_by_a_head_that_was_noted_elsewhere() {
    let test = with_events(5).await;
    let op = test.system(start());
    let (events, hash) = head(&test).await;
    assert_eq!(events, 5);
    assert_eq!(verify(&op, Some((5, &hash))).await.unwrap(), verdict(&test).await);
    assert_eq!(verify(&op, Some((5, &hash.to_uppercase()))).await.unwrap(), verdict(&test).await);

    for table in ["audit_events", "audit_personal"] {
        test.sql(&format!("DELETE FROM {table} WHERE seq > 3")).await;
    }
    test.sql("UPDATE audit_head SET seq = 3, hash = (SELECT hash FROM audit_events WHERE seq = 3)").await;
    assert_eq!(head(&test).await.0, 3, "it is sound in itself");
    let bad = async |noted| match verify(&op, Some(noted)).await.unwrap() {
        Verdict::Sound { .. } => 0,
        Verdict::Broken { seq, .. } => seq,
    };
    assert_eq!(bad((5, &hash)).await, 4);

    // It goes on from there: as many events as before, and not the same.
    for _ in 0..3 {
        write(&op, Event::new(Action::SignedIn)).await;
    }
    assert_eq!(head(&test).await.0, 6);
    assert_eq!(bad((5, &hash)).await, 5);
    assert_eq!(bad((6, &head(&test).await.1)).await, 0);
}

/// Claims: MASA-28
#[tokio::test]
async fn a_chain_made_under_another_pepper_is_not_sound() {
    let test = with_events(2).await;
    let settings = test.portal.settings().clone();
    let hasher = contract::keys::hash::KeyHasher::new(&[8; 32]);
    let secrets = crate::Secrets { hasher, ..testing::secrets() };
    let other = crate::Portal::new(test.portal.db().clone(), settings, secrets, test.watcher.clone());
    let op = other.op(crate::Actor::System, start(), test.system(start()).request);
    assert!(matches!(verify(&op, None).await.unwrap(), Verdict::Broken { seq: 1, .. }));
}

#[tokio::test]
async fn erased_personal_text_leaves_the_chain_sound_and_altered_text_is_found() {
    let test = with_events(3).await;
    for alter in [
        "UPDATE audit_personal SET text = 'Eve' WHERE seq = 2",
        "UPDATE audit_personal SET text = (SELECT text FROM audit_personal WHERE seq = 3) WHERE seq = 2",
        "UPDATE audit_personal SET salt = (SELECT salt FROM audit_personal WHERE seq = 3) WHERE seq = 2",
        // Or it would outlive its person, or its term.
        "UPDATE audit_personal SET account_id = NULL WHERE seq = 2",
        "UPDATE audit_personal SET at = at + 1 WHERE seq = 2",
    ] {
        assert_eq!(after(&test, &[alter]).await, 2, "{alter}");
    }
    let op = test.system(start());
    write(&op, Event::new(Action::SignedIn)).await;
    let invent = "INSERT INTO audit_personal SELECT 4, account_id, salt, text, at FROM audit_personal WHERE seq = 3";
    assert_eq!(after(&test, &[invent]).await, 4);

    test.sql("DELETE FROM audit_personal WHERE seq = 2").await;
    let (events, hash) = head(&test).await;
    assert_eq!(events, 4);
    test.sql("DELETE FROM audit_personal").await;
    assert_eq!(head(&test).await, (4, hash), "erasing changes no hash");
    assert!(!format!("{:?}", test.dump().await).contains("Ada"));
}

/// A text that is too common to be salted away could be guessed from its hash.
#[tokio::test]
async fn equal_personal_texts_leave_different_hashes() {
    let test = testing::portal().await;
    for _ in 0..2 {
        write(&test.system(start()), Event::new(Action::NameChanged).personal("Ada")).await;
    }
    let hashes = test.texts("SELECT CAST(count(DISTINCT personal_hash) AS text) FROM audit_events".to_owned(), 1).await;
    assert_eq!(hashes[0][0], "2");
}

/// An account that is gone takes the personal texts of its events along.
#[tokio::test]
async fn with_an_account_go_the_personal_texts_of_its_events() {
    use crate::privacy::retention::{self, Mode};
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let op = test.system(start());
    write(&op, Event::new(Action::NameChanged).account(ada.account).personal("a text of Ada")).await;
    write(&op, Event::new(Action::NameChanged).account(SOMEBODY).personal("a text of nobody")).await;
    write(&op, Event::new(Action::NameChanged).by(SOMEBODY).personal("another of nobody")).await;
    retention::run(&op, Mode::Count).await.unwrap();
    assert_eq!(test.count("audit_personal").await, 3);
    retention::run(&op, Mode::Erase).await.unwrap();
    let left = test.texts("SELECT text FROM audit_personal".to_owned(), 1).await.concat();
    assert_eq!(left, ["a text of Ada"]);
    assert_eq!(first_bad(&test).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_writers_at_the_same_moment_make_one_chain() {
    const EACH: usize = 25;
    let test = testing::portal().await;
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let op = test.system(start());
            tokio::spawn(async move {
                for number in 0..EACH {
                    write(&op, Event::new(Action::SignedIn).detail("writer", writer).detail("number", number)).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(head(&test).await.0, 4 * EACH as i64);
    assert_eq!(test.count("audit_events").await, 4 * EACH as i64);
}

/// A reader that checks while others write finds nothing wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_chain_that_grows_while_it_is_checked_is_sound() {
    let test = with_events(3).await;
    let op = test.system(start());
    let writer = tokio::spawn(async move {
        for _ in 0..60 {
            write(&op, Event::new(Action::SignedIn).personal("Ada")).await;
        }
    });
    while !writer.is_finished() {
        assert_eq!(first_bad(&test).await, 0);
    }
    writer.await.unwrap();
    assert_eq!(head(&test).await.0, 63);
}

#[tokio::test]
async fn a_change_that_is_rolled_back_leaves_no_event() {
    let test = testing::portal().await;
    let empty = test.dump().await;
    let op = test.system(start());
    let tx = op.begin().await.unwrap();
    record(&tx, &op, Event::new(Action::SignedIn).personal("Ada")).await.unwrap();
    drop(tx);
    // The next writer takes its turn only after the rollback.
    let tx = op.begin().await.unwrap();
    drop(tx);
    assert_eq!(test.dump().await, empty);
    assert_eq!(head(&test).await.0, 0);
}

/// Claims: MASA-23
#[tokio::test]
async fn a_verb_that_is_refused_writes_no_event_and_one_that_is_not_writes_one() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let op = test.op(&ada, start());
    let before = test.count("audit_events").await;
    let key = keys::create(&op, new_key("Server")).await.unwrap();
    assert_eq!(test.count("audit_events").await, before + 1);
    refusal(keys::create(&op, new_key("")).await);
    let mut twice = new_key("Twice");
    twice.form_token = "the same".to_owned();
    keys::create(&op, twice.clone()).await.unwrap();
    keys::create(&op, twice).await.unwrap();
    assert_eq!(test.count("audit_events").await, before + 2);
    keys::revoke(&op, key.id).await.unwrap();
    keys::revoke(&op, key.id).await.unwrap();
    refusal(keys::send_reveal_link(&op, key.id).await);
    assert_eq!(test.count("audit_events").await, before + 3);
}

/// Claims: FLOW-61
#[tokio::test]
async fn what_happens_to_a_key_stands_in_its_organizations_log() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let op = |seconds| test.op(&ada, at(TimeDelta::seconds(seconds)));
    let key = keys::create(&op(5), new_key("Server")).await.unwrap();
    keys::send_reveal_link(&op(6), key.id).await.unwrap();
    let token = test.newest_token(&ada.email).await;
    keys::reveal(&op(7), &token).await.unwrap();
    keys::revoke(&op(8), key.id).await.unwrap();
    let op = op(9);
    let events = list(&op, Scope::Organization, &Filter::default(), None).await.unwrap().items;
    let of_key: Vec<&AuditEvent> = events.iter().filter(|event| event.object == Some(key.id.to_string())).collect();
    let actions: Vec<Action> = of_key.iter().map(|event| event.action).collect();
    assert_eq!(actions, [Action::KeyRevoked, Action::KeyRevealed, Action::RevealLinkSent, Action::KeyCreated]);
    for event in of_key {
        assert_eq!(event.organization, Some(ada.organization.id));
        assert_eq!((event.actor, event.actor_account), (ActorKind::Account, Some(ada.account)));
        assert_eq!(event.actor_name.as_deref(), Some("Ada"));
    }
    // The key that came with the verified address, by somebody who was not signed in yet.
    let first = events.last().unwrap();
    assert_eq!((first.action, first.actor), (Action::KeyCreated, ActorKind::Anonymous));
    assert_eq!(first.actor_account, Some(ada.account));
}

async fn seqs(op: &Op, scope: Scope, filter: &Filter) -> Vec<i64> {
    let mut all = Vec::new();
    let mut before = None;
    loop {
        let page = list(op, scope, filter, before).await.unwrap();
        assert!(page.items.len() <= PAGE as usize);
        all.extend(page.items.iter().map(|event| event.seq));
        match page.next {
            Some(next) => before = Some(next.parse().unwrap()),
            None => return all,
        }
    }
}

#[tokio::test]
async fn pages_follow_one_another_without_a_gap_or_a_repetition() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let before = test.count("audit_events").await;
    let op = test.op(&ada, start());
    for _ in 0..2 * PAGE {
        write(&op, Event::new(Action::OrganizationChanged).organization(ada.organization.id).account(ada.account))
            .await;
        write(&op, Event::new(Action::OrganizationChanged).by(SOMEBODY).organization(THEIRS)).await;
    }
    let filter = Filter { action: Some(Action::OrganizationChanged), ..Filter::default() };
    let wanted: Vec<i64> = (0..2 * PAGE as i64).rev().map(|number| before + 1 + 2 * number).collect();
    assert_eq!(seqs(&op, Scope::Organization, &filter).await, wanted);
    let newest = mine(&op, None).await.unwrap();
    assert_eq!(newest.items.len(), PAGE as usize);
    let mut own: Vec<i64> = newest.items.iter().map(|event| event.seq).collect();
    let mut next = newest.next;
    while let Some(place) = next {
        let page = mine(&op, Some(place.parse().unwrap())).await.unwrap();
        own.extend(page.items.iter().map(|event| event.seq));
        next = page.next;
    }
    assert_eq!(own[..wanted.len()], wanted);
    assert!(own.is_sorted_by(|one, other| one > other), "{own:?}");
}

/// Whatever the filter asks for, somebody else's event is not there.
///
/// Claims: MASA-27
#[tokio::test]
async fn an_organization_never_sees_another_ones_events() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let bob = test.sign_up_and_verify("Bob").await;
    let op = test.system(start());
    for (person, other) in [(&ada, &bob), (&bob, &ada)] {
        for kind in [None, Some(person.account), Some(other.account)] {
            let mut event = Event::new(Action::MemberRemoved).organization(person.organization.id).personal("x");
            if let Some(account) = kind {
                event = event.account(account).by(other.account);
            }
            write(&op, event).await;
        }
        write(&op, Event::new(Action::PasswordSet).by(person.account).account(person.account)).await;
    }
    for person in [&ada, &bob] {
        let op = test.op(person, start());
        let everything = list(&op, Scope::Organization, &Filter::default(), None).await.unwrap().items;
        let own = |events: &[AuditEvent]| events.iter().all(|event| event.organization == Some(person.organization.id));
        assert!(own(&everything) && everything.len() >= 3, "{everything:?}");
        for organization in [None, Some(ada.organization.id), Some(bob.organization.id)] {
            for account in [None, Some(ada.account), Some(bob.account)] {
                for action in [None, Some(Action::MemberRemoved), Some(Action::PasswordSet)] {
                    for actor in [None, Some(ActorKind::System), Some(ActorKind::Account)] {
                        let filter = Filter { action, actor, account, organization };
                        let found = list(&op, Scope::Organization, &filter, None).await.unwrap().items;
                        assert!(own(&found), "{filter:?}: {found:?}");
                        assert!(found.iter().all(|event| everything.contains(event)), "{filter:?}");
                    }
                }
            }
        }
        let about = mine(&op, None).await.unwrap().items;
        assert!(about.iter().all(|event| [event.account, event.actor_account].contains(&Some(person.account))));
    }
}

#[tokio::test]
async fn every_filter_finds_what_it_names_and_nothing_else() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let sam = test.staff("Sam", StaffRole::Owner).await;
    let op = test.op(&sam, start());
    let system = test.system(start());
    write(&system, Event::new(Action::RoleChanged).organization(THEIRS).account(SOMEBODY)).await;
    write(&system, Event::new(Action::RoleChanged).organization(ada.organization.id).by(SOMEBODY)).await;
    let find = async |filter: Filter| list(&op, Scope::Everything, &filter, None).await.unwrap().items;
    let found = find(Filter { action: Some(Action::RoleChanged), ..Filter::default() }).await;
    assert_eq!(found.len(), 2);
    let found = find(Filter { account: Some(SOMEBODY), ..Filter::default() }).await;
    assert_eq!(found.len(), 2, "what an account did, and what was done to it");
    let found = find(Filter { organization: Some(THEIRS), ..Filter::default() }).await;
    assert_eq!(found.len(), 1);
    let found = find(Filter { actor: Some(ActorKind::Staff), ..Filter::default() }).await;
    assert!(!found.is_empty() && found.iter().all(|event| event.action == Action::AuditLogViewed), "{found:?}");
    assert!(find(Filter { action: Some(Action::HandedOver), ..Filter::default() }).await.is_empty());
}

/// Claims: MASA-23, FLOW-38
#[tokio::test]
async fn staff_who_look_at_the_log_stand_in_it_for_every_page_and_with_what_they_looked_for() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let sam = test.staff("Sam", StaffRole::Auditor).await;
    let op = test.op(&sam, start());
    let before = test.count("audit_events").await;
    let filter = Filter { account: Some(ada.account), actor: Some(ActorKind::System), ..Filter::default() };
    list(&op, Scope::Everything, &filter, None).await.unwrap();
    list(&op, Scope::Everything, &Filter::default(), Some(3)).await.unwrap();
    assert_eq!(test.count("audit_events").await, before + 2);
    let looks = Filter { action: Some(Action::AuditLogViewed), ..Filter::default() };
    let found = list(&op, Scope::Everything, &looks, None).await.unwrap().items;
    let details: Vec<Vec<(String, String)>> = found.iter().map(|event| event.details.clone()).collect();
    let pair = |name: &str, value: String| (name.to_owned(), value);
    assert_eq!(
        details,
        [
            vec![pair("action", Action::AuditLogViewed.word().to_owned())],
            vec![pair("before", "3".to_owned())],
            vec![pair("actor", "system".to_owned()), pair("account", ada.account.to_string())],
        ]
    );
    assert!(found.iter().all(|event| (event.actor, event.actor_account) == (ActorKind::Staff, Some(sam.account))));

    // An organization that looks at its own log is no staff and leaves no trace.
    let before = test.count("audit_events").await;
    list(&test.op(&ada, start()), Scope::Organization, &Filter::default(), None).await.unwrap();
    assert_eq!(test.count("audit_events").await, before);
}

/// Claims: MASA-23
#[tokio::test]
async fn the_log_opens_to_owners_and_admins_of_an_organization_and_to_staff_whose_role_allows_it() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    for role in Role::ALL {
        let mut person = ada.clone();
        person.organization.role = role;
        let answer = list(&test.op(&person, start()), Scope::Organization, &Filter::default(), None).await;
        if matches!(role, Role::Owner | Role::Admin) {
            answer.unwrap();
        } else {
            assert_eq!(refusal(answer), Refusal::NotAllowed, "{role:?}");
        }
    }
    let everything = async |op: Op| list(&op, Scope::Everything, &Filter::default(), None).await;
    assert_eq!(refusal(everything(test.op(&ada, start())).await), Refusal::NotFound);
    assert_eq!(refusal(everything(test.anonymous(start())).await), Refusal::NotSignedIn);
    assert_eq!(refusal(mine(&test.anonymous(start()), None).await), Refusal::NotSignedIn);
    assert_eq!(refusal(verify(&test.op(&ada, start()), None).await), Refusal::NotFound);
    for role in StaffRole::ALL {
        let person = SignedIn { staff: Some(role), factor: Factor::Passkey, ..ada.clone() };
        let op = test.op(&person, start());
        if role == StaffRole::Support {
            assert_eq!(refusal(everything(op.clone()).await), Refusal::NotAllowed);
            assert_eq!(refusal(verify(&op, None).await), Refusal::NotAllowed);
        } else {
            everything(op.clone()).await.unwrap();
            verify(&op, None).await.unwrap();
        }
    }
}

/// Claims: FLOW-38
#[tokio::test]
async fn a_person_sees_that_staff_looked_and_not_which_of_them() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let sam = test.staff("Sam", StaffRole::Support).await;
    let op = test.op(&sam, start());
    write(&op, Event::new(Action::AccountViewed).account(ada.account).detail("purpose", "abuse")).await;
    let newest = mine(&test.op(&ada, start()), None).await.unwrap().items.remove(0);
    assert_eq!((newest.action, newest.actor), (Action::AccountViewed, ActorKind::Staff));
    assert_eq!((newest.actor_account, newest.actor_name), (None, None));
    assert_eq!(newest.details, [("purpose".to_owned(), "abuse".to_owned())]);
    // Staff know of themselves.
    let own = mine(&op, None).await.unwrap().items.remove(0);
    assert_eq!(own.actor_account, Some(sam.account));
}

/// Claims: MASA-23
#[tokio::test]
async fn staff_who_read_everybodys_request_logs_stand_in_the_log() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let sam = test.staff("Sam", StaffRole::Support).await;
    let looks = async || {
        let sql = "SELECT CAST(count(*) AS text) FROM audit_events WHERE action = 'request_logs.viewed'".to_owned();
        test.texts(sql, 1).await[0][0].parse::<i64>().unwrap()
    };
    let filter = contract::request_logs::Filter::default();
    let op = test.op(&sam, start());
    request_logs::list(&op, Scope::Everything, &filter, None).await.unwrap();
    assert_eq!(looks().await, 1);
    // The page that was opened opens its stream, and opens it again when the connection was lost.
    for minutes in [0, 10] {
        request_logs::watch(&test.op(&sam, at(TimeDelta::minutes(minutes))), Scope::Everything).await.unwrap();
    }
    assert_eq!(looks().await, 1);
    let later = test.op(&sam, at(TimeDelta::minutes(15)));
    request_logs::watch(&later, Scope::Everything).await.unwrap();
    request_logs::watch(&later, Scope::Everything).await.unwrap();
    assert_eq!(looks().await, 2, "a quarter of an hour later it is another look");
    let other = test.staff("Tom", StaffRole::Support).await;
    request_logs::watch(&test.op(&other, at(TimeDelta::minutes(15))), Scope::Everything).await.unwrap();
    assert_eq!(looks().await, 3, "and somebody else's look is another look");
    request_logs::list(&later, Scope::Everything, &filter, None).await.unwrap();
    assert_eq!(looks().await, 4, "every page of the list is one");

    request_logs::list(&test.op(&ada, start()), Scope::Organization, &filter, None).await.unwrap();
    request_logs::watch(&test.op(&ada, start()), Scope::Organization).await.unwrap();
    assert_eq!(looks().await, 4, "one's own logs are no look of staff");
    assert_eq!(refusal(request_logs::watch(&test.op(&ada, start()), Scope::Everything).await), Refusal::NotFound);
    assert_eq!(refusal(record_look(&test.anonymous(start()), Action::RequestLogsViewed).await), Refusal::NotSignedIn);
}

/// Every file of this crate that is not a test, with its text.
fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let name = path.to_string_lossy().into_owned();
            if !["tests.rs", "testing.rs"].iter().any(|test| name.ends_with(test)) {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((name, text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned()));
            }
        }
    }
}

/// Claims: MASA-23
#[test]
fn every_action_that_can_be_written_down_is_written_down_somewhere() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let missing: Vec<String> = Action::ALL
        .iter()
        .map(|action| format!("Action::{action:?}"))
        .filter(|name| {
            !files.iter().any(|(file, text)| {
                // The log itself names actions that others write.
                let name = if file.contains("audit_log") { format!("Event::new({name}") } else { name.clone() };
                let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric());
                text.match_indices(&name).any(|(place, _)| ends(&text[place + name.len()..]))
            })
        })
        .collect();
    assert!(missing.is_empty(), "nothing ever writes {missing:?}");
}
