#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::{DateTime, TimeDelta, Utc};
use contract::StaffRole;
use contract::audit_log::ActorKind;
use contract::keys::Key;
use contract::keys::terms::{Rotation, TypedTerms};

use super::*;
use crate::Scope;
use crate::keys::{change_terms, read, reveal};
use crate::testing::{self, TestPortal, at, refusal};

const ADA: &str = "ada@example.com";
const WHY: &str = "It was used to send spam";

fn after(seconds: i64) -> DateTime<Utc> {
    at(TimeDelta::seconds(seconds))
}

fn labels(found: &[FoundKey]) -> Vec<&str> {
    found.iter().map(|key| key.label.as_str()).collect()
}

async fn mails(test: &TestPortal, to: &str, kind: &str) -> Vec<String> {
    let all = crate::mail::mailbox(test.portal.db()).await.unwrap();
    all.into_iter().filter(|mail| mail.to == to && mail.text.contains(kind)).map(|mail| mail.text).collect()
}

#[tokio::test]
async fn staff_find_keys_by_what_people_tell_them_and_every_search_is_written_down() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let sam = test.staff("Sam", StaffRole::Support).await;
    let (server, secret) = test.revealed_key(&ada, "Server 100%", after(10)).await;
    let (gone, _) = test.revealed_key(&ada, "Old box", after(11)).await;
    crate::keys::revoke(&test.op(&ada, after(12)), gone.id).await.unwrap();
    let op = || test.op(&sam, after(20));
    let found = async |text: &str, state| find(&op(), text, state, LookPurpose::Abuse).await.unwrap();

    let hint = server.hint.clone();
    let tail = secret.reveal()[secret.reveal().len() - 4..].to_owned();
    for text in [&server.id.to_string(), "server 100%", &hint, &tail] {
        let keys = found(text, None).await;
        assert!(labels(&keys).contains(&"Server 100%"), "{text}: {keys:?}");
    }
    let organization = ada.organization.id.to_string();
    assert_eq!(labels(&found(&organization, None).await), ["Old box", "Server 100%", "First key"]);
    for (state, expected) in
        [(KeyState::Active, "Server 100%"), (KeyState::Revoked, "Old box"), (KeyState::AwaitingReveal, "First key")]
    {
        assert_eq!(labels(&found(&organization, Some(state)).await), [expected]);
    }
    assert!(found(&organization, Some(KeyState::Expired)).await.is_empty());
    // Signs of a pattern stand for themselves.
    assert!(found("Server_100", None).await.is_empty());
    let searched = test.actions().await.iter().filter(|word| *word == "key.searched").count();
    assert_eq!(searched, 10);
}

/// Claims: MAST-15
#[tokio::test]
async fn a_secret_that_staff_paste_into_the_search_is_refused_and_not_written_down() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let sam = test.staff("Sam", StaffRole::Owner).await;
    let (_, secret) = test.revealed_key(&ada, "Server", after(10)).await;
    for text in [secret.reveal(), &secret.reveal()[..20]] {
        let refused = find(&test.op(&sam, after(20)), text, None, LookPurpose::Abuse).await;
        assert!(matches!(refusal(refused), Refusal::InvalidInput { .. }));
    }
    assert!(!format!("{:?}", test.dump().await).contains(&secret.reveal()[8..20]));
}

/// Claims: MASA-23, FLOW-38
#[tokio::test]
async fn staff_see_a_key_with_a_purpose_that_is_written_down_and_nothing_that_is_the_organizations_own() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let sam = test.staff("Sam", StaffRole::Auditor).await;
    let (key, secret) = test.revealed_key(&ada, "Server", after(10)).await;
    let note = "only for the accountants";
    let typed = TypedTerms { label: "Server".to_owned(), note: note.to_owned(), ..TypedTerms::default() };
    change_terms(&test.op(&ada, after(11)), key.id, &typed).await.unwrap();
    let seen = see(&test.op(&sam, after(20)), key.id, LookPurpose::HelpAsked).await.unwrap();
    assert_eq!((seen.key.label.as_str(), seen.key.organization), ("Server", ada.organization.id));
    let all = serde_json::to_string(&seen).unwrap();
    assert!(!all.contains(note) && !all.contains(&secret.reveal()[8..]), "{all}");
    assert_eq!(test.actions().await.last().unwrap(), "key.viewed");
    let missing = KeyId::new(uuid::Uuid::nil());
    assert_eq!(refusal(see(&test.op(&sam, after(20)), missing, LookPurpose::Law).await), Refusal::NotFound);
    assert_eq!(refusal(see(&test.op(&ada, after(20)), key.id, LookPurpose::Law).await), Refusal::NotFound);
}

/// Claims: FLOW-34
#[tokio::test]
async fn staff_revoke_a_key_with_a_reason_that_its_owner_reads() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let sam = test.staff("Sam", StaffRole::Admin).await;
    let (key, _) = test.revealed_key(&ada, "Server", after(10)).await;
    test.watcher.take();
    let op = test.fresh(&sam, after(20));
    assert!(matches!(refusal(revoke(&op, key.id, " ").await), Refusal::InvalidInput { .. }));
    assert!(test.watcher.take().is_empty());
    revoke(&op, key.id, WHY).await.unwrap();
    assert_eq!(test.watcher.take()[0].state, KeyState::Revoked);
    assert_eq!(refusal(revoke(&op, key.id, WHY).await), Refusal::KeyIsRevoked);
    assert_eq!(mails(&test, ADA, WHY).await.len(), 1);
    // The organization sees that staff did it, and why; not who of them.
    let (op, filter) = (test.op(&ada, after(30)), audit_log::Filter::default());
    let event = audit_log::list(&op, Scope::Organization, &filter, None).await.unwrap().items.remove(0);
    assert_eq!((event.action, event.actor), (Action::KeyRevokedByStaff, ActorKind::Staff));
    assert_eq!((event.personal.as_deref(), event.actor_name, event.actor_account), (Some(WHY), None, None));
    let events = audit_log::about(&test.op(&ada, after(30)), &key.id.to_string()).await.unwrap();
    assert_eq!(events[0].actor_name, None);
}

#[tokio::test]
async fn staff_start_a_rotation_and_the_link_goes_to_the_owner() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let sam = test.staff("Sam", StaffRole::Owner).await;
    let (key, _) = test.revealed_key(&ada, "Server", after(10)).await;
    let op = test.fresh(&sam, after(20));
    assert!(matches!(refusal(start_rotation(&op, key.id, "31", WHY).await), Refusal::InvalidInput { .. }));
    start_rotation(&op, key.id, "3", WHY).await.unwrap();
    assert_eq!(mails(&test, ADA, WHY).await.len(), 1);
    assert!(mails(&test, "sam@example.com", WHY).await.is_empty());
    assert_eq!(read(&test.op(&ada, after(21)), key.id).await.unwrap().key.state, KeyState::Active);
    let token = test.newest_token(ADA).await;
    reveal(&test.fresh(&ada, after(30)), &token).await.unwrap();
    let detail = read(&test.op(&ada, after(31)), key.id).await.unwrap();
    let end = (after(30) + TimeDelta::days(3)).timestamp_millis();
    assert!(matches!(detail.rotation, Rotation::TwoSecrets { retires_at: Some(at), .. } if at == end), "{detail:?}");
    let again = start_rotation(&test.fresh(&sam, after(40)), key.id, "3", WHY).await;
    assert_eq!(refusal(again), Refusal::RotationUnderWay);
}

#[tokio::test]
async fn only_those_who_manage_keys_change_them_and_only_after_confirming() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, _) = test.revealed_key(&ada, "Server", after(10)).await;
    let state = async |key: &Key| read(&test.op(&ada, after(50)), key.id).await.unwrap().key.state;
    for role in [StaffRole::Support, StaffRole::Auditor] {
        let person = test.staff(role.word(), role).await;
        let op = test.fresh(&person, after(20));
        assert_eq!(refusal(revoke(&op, key.id, WHY).await), Refusal::NotAllowed);
        assert_eq!(refusal(start_rotation(&op, key.id, "1", WHY).await), Refusal::NotAllowed);
    }
    let sam = test.staff("Sam", StaffRole::Admin).await;
    let stale = test.op(&sam, after(3_600));
    assert!(matches!(refusal(revoke(&stale, key.id, WHY).await), Refusal::StepUpRequired { .. }));
    assert_eq!(refusal(revoke(&test.op(&ada, after(20)), key.id, WHY).await), Refusal::NotFound);
    assert_eq!(state(&key).await, KeyState::Active);
}
