#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::{DateTime, TimeDelta, Utc};
use contract::access_tokens::{CreatedToken, Scope, TOKENS_MAX, TokenState, TypedToken};
use contract::{Refusal, RequestId, Role, StaffRole};
use sea_orm::prelude::Uuid;

use super::idempotent::{self, Begun, Given};
use super::{create, is_open, list, resume, revoke};
use crate::keys::{self, NewRotation};
use crate::testing::{TestPortal, at, new_key, password, portal, refusal};
use crate::{Actor, Op, SignedIn, accounts, apis, organizations, sessions, staff, subscriptions};

fn typed(scopes: &[Scope]) -> TypedToken {
    let words: Vec<&str> = scopes.iter().map(|scope| scope.word()).collect();
    TypedToken { name: "Deployment".to_owned(), scopes: words.join(" "), days: "30".to_owned() }
}

async fn made(portal: &TestPortal, person: &SignedIn, scopes: &[Scope]) -> CreatedToken {
    create(&portal.fresh(person, at(TimeDelta::minutes(1))), &typed(scopes)).await.unwrap()
}

/// An operation of the program that holds the token.
async fn op(portal: &TestPortal, made: &CreatedToken, now: DateTime<Utc>) -> Option<Op> {
    let holder = resume(&portal.portal, made.secret.reveal(), now).await.unwrap()?;
    Some(portal.portal.op(Actor::Token(Box::new(holder)), now, RequestId::new(Uuid::nil())))
}

const SOON: TimeDelta = TimeDelta::minutes(2);

#[tokio::test]
async fn a_token_opens_what_its_scopes_say_and_nothing_else() {
    let portal = portal().await;
    let ada = portal.sign_up_and_verify("Ada").await;
    let reads = op(&portal, &made(&portal, &ada, &[Scope::KeysRead]).await, at(SOON)).await.unwrap();
    assert_eq!(keys::list(&reads, None).await.unwrap().len(), 1);
    let missing = |scope: &str| Refusal::TokenScope { scope: scope.to_owned() };
    assert_eq!(refusal(keys::create(&reads, new_key("another")).await), missing("keys:write"));
    assert_eq!(refusal(subscriptions::own(&reads).await), missing("usage:read"));
    assert_eq!(refusal(list(&reads).await), missing("tokens:write"));
    let writes = op(&portal, &made(&portal, &ada, &[Scope::KeysWrite]).await, at(SOON)).await.unwrap();
    let key = keys::create(&writes, new_key("another")).await.unwrap();
    assert_eq!(keys::read(&writes, key.id).await.unwrap().key.label, "another");
    keys::revoke(&writes, key.id).await.unwrap();
}

#[tokio::test]
async fn a_token_touches_neither_members_nor_password_nor_sessions_nor_tokens() {
    let portal = portal().await;
    let ada = portal.sign_up_and_verify("Ada").await;
    let program = op(&portal, &made(&portal, &ada, &Scope::ALL[..7]).await, at(SOON)).await.unwrap();
    let before = portal.count("access_tokens").await;
    assert_eq!(refusal(create(&program, &typed(&[Scope::KeysRead])).await), Refusal::NotSignedIn);
    assert_eq!(refusal(organizations::create(&program, "Another").await), Refusal::NotSignedIn);
    assert_eq!(refusal(organizations::invite(&program, "bea@example.com", "viewer").await), Refusal::NotSignedIn);
    assert_eq!(refusal(sessions::list(&program).await), Refusal::NotSignedIn);
    assert_eq!(refusal(sessions::end_others(&program).await), Refusal::NotSignedIn);
    assert_eq!(refusal(accounts::set_password(&program, &password()).await), Refusal::NotSignedIn);
    assert_eq!(refusal(keys::reveal(&program, "a").await), Refusal::LinkUnknown);
    assert_eq!(portal.count("access_tokens").await, before);
}

#[tokio::test]
async fn a_token_does_no_more_than_its_person_may_at_that_moment() {
    let portal = portal().await;
    let ada = portal.sign_up_and_verify("Ada").await;
    let token = made(&portal, &ada, &[Scope::KeysWrite]).await;
    let viewer = portal.with_role(&ada, Role::Viewer).await;
    let program = op(&portal, &token, at(SOON)).await.unwrap();
    assert_eq!(program.person().unwrap().organization.role, viewer.organization.role);
    assert_eq!(refusal(keys::create(&program, new_key("another")).await), Refusal::NotAllowed);
    assert_eq!(keys::list(&program, None).await.unwrap().len(), 1);
    portal.sql("UPDATE members SET role = 'owner'").await;
    portal.sql("UPDATE accounts SET state = 'restricted', state_reason = 'abuse'").await;
    let program = op(&portal, &token, at(SOON)).await.unwrap();
    let restricted = Refusal::AccountRestricted { reason: "abuse".to_owned() };
    assert_eq!(refusal(keys::create(&program, new_key("another")).await), restricted);
    assert_eq!(keys::list(&program, None).await.unwrap().len(), 1, "it may look, as its person may");
    portal.sql("UPDATE accounts SET state = 'suspended'").await;
    assert!(op(&portal, &token, at(SOON)).await.is_none());
    portal.sql("UPDATE accounts SET state = 'active', state_reason = NULL").await;
    assert!(op(&portal, &token, at(SOON)).await.is_some());
    portal.sql("DELETE FROM members").await;
    assert!(op(&portal, &token, at(SOON)).await.is_none(), "who does not belong there has nothing there");
}

#[tokio::test]
async fn a_token_is_made_by_somebody_who_just_confirmed_and_shown_once() {
    let portal = portal().await;
    let ada = portal.sign_up_and_verify("Ada").await;
    let late = portal.op(&ada, at(TimeDelta::hours(1)));
    let stale = refusal(create(&late, &typed(&[Scope::KeysRead])).await);
    assert_eq!(stale, Refusal::StepUpRequired { passkey: false });
    let mails = portal.mails_to("ada@example.com").await.len();
    let made = made(&portal, &ada, &[Scope::KeysRead, Scope::LogsRead]).await;
    let text = made.secret.reveal().to_owned();
    assert!(text.starts_with("cs_pat_") && made.token.hint.ends_with(&text[text.len() - 4..]));
    let dump = format!("{:?}", portal.dump().await);
    assert!(!dump.contains(&text) && !dump.contains(&text[7..27]), "neither it nor a part of it is stored");
    let told = portal.mails_to("ada@example.com").await;
    assert_eq!(told.len(), mails + 1);
    assert!(told[0].text.contains("Deployment") && !told[0].text.contains(&text));
    assert_eq!(portal.actions().await.last().unwrap(), "token.created");
}

#[tokio::test]
async fn a_token_ends_on_its_day_and_when_it_is_revoked() {
    let portal = portal().await;
    let ada = portal.sign_up_and_verify("Ada").await;
    let bea = portal.sign_up_and_verify("Bea").await;
    let token = made(&portal, &ada, &[Scope::KeysRead]).await;
    let last = at(TimeDelta::minutes(1) + TimeDelta::days(30));
    assert!(op(&portal, &token, last - TimeDelta::milliseconds(1)).await.is_some());
    assert!(op(&portal, &token, last).await.is_none());
    let other = create(&portal.fresh(&ada, at(SOON)), &typed(&[Scope::TokensWrite])).await.unwrap();
    let holder = resume(&portal.portal, other.secret.reveal(), at(SOON)).await.unwrap().unwrap();
    assert!(is_open(&portal.portal, &holder, at(SOON)).await.unwrap());
    let program = op(&portal, &other, at(SOON)).await.unwrap();
    assert_eq!(refusal(revoke(&portal.op(&bea, at(SOON)), other.token.id).await), Refusal::NotFound);
    assert_eq!(revoke(&program, other.token.id).await.unwrap().state, TokenState::Revoked);
    assert!(op(&portal, &other, at(SOON)).await.is_none(), "at once");
    assert!(!is_open(&portal.portal, &holder, at(SOON)).await.unwrap());
    revoke(&portal.op(&ada, at(SOON)), other.token.id).await.unwrap();
    assert_eq!(portal.actions().await.iter().filter(|word| *word == "token.revoked").count(), 1, "twice is once");
    let shown = list(&portal.op(&ada, at(SOON))).await.unwrap();
    assert_eq!(shown.iter().map(|one| one.state).collect::<Vec<_>>(), [TokenState::Revoked, TokenState::Active]);
}

#[tokio::test]
async fn what_is_no_token_is_nobody_s() {
    let portal = portal().await;
    let ada = portal.sign_up_and_verify("Ada").await;
    let token = made(&portal, &ada, &[Scope::KeysRead]).await;
    let text = token.secret.reveal();
    for wrong in ["", "cs_pat_", &text[..text.len() - 1], &text.to_uppercase(), "a\0b", &"é".repeat(500)] {
        assert_eq!(resume(&portal.portal, wrong, at(SOON)).await.unwrap(), None, "{wrong}");
    }
    assert!(resume(&portal.portal, text, at(SOON)).await.unwrap().is_some());
}

#[tokio::test]
async fn whoever_gets_back_in_by_mail_has_no_tokens_any_more() {
    let portal = portal().await;
    let ada = portal.sign_up_and_verify("Ada").await;
    let token = made(&portal, &ada, &[Scope::KeysRead]).await;
    accounts::ask_reset(&portal.anonymous(at(SOON)), "ada@example.com").await.unwrap();
    let link = portal.newest_token("ada@example.com").await;
    let new = accounts::Password::new("seven purple bicycles hum".to_owned());
    accounts::reset_password(&portal.anonymous(at(SOON)), &link, &new).await.unwrap();
    assert!(op(&portal, &token, at(SOON)).await.is_none());
}

#[tokio::test]
async fn scopes_of_staff_are_for_staff_who_came_with_a_passkey() {
    let portal = portal().await;
    let ada = portal.sign_up_and_verify("Ada").await;
    let fresh = portal.fresh(&ada, at(SOON));
    assert!(matches!(refusal(create(&fresh, &typed(&[Scope::StaffApisRead])).await), Refusal::InvalidInput { .. }));
    let olga = portal.staff("Olga", StaffRole::Auditor).await;
    let token = made(&portal, &olga, &[Scope::StaffApisWrite]).await;
    let program = op(&portal, &token, at(SOON)).await.unwrap();
    assert_eq!(apis::desk(&program).await.unwrap().len(), 0);
    let refused = apis::create(&program, "tides", "Tides", "https://tides.example.com").await;
    assert_eq!(refusal(refused), Refusal::NotAllowed, "an auditor changes nothing, whatever the token says");
    portal.sql("UPDATE staff SET role = 'admin'").await;
    let program = op(&portal, &token, at(SOON)).await.unwrap();
    apis::create(&program, "tides", "Tides", "https://tides.example.com").await.unwrap();
    assert_eq!(
        refusal(staff::find(&program, "ada", contract::staff::LookPurpose::HelpAsked).await),
        Refusal::NotSignedIn,
        "accounts are looked at by people alone"
    );
    let by_password = SignedIn { factor: contract::sessions::Factor::Password, ..olga };
    let refused = create(&portal.fresh(&by_password, at(SOON)), &typed(&[Scope::StaffApisRead])).await;
    assert_eq!(refusal(refused), Refusal::PasskeyRequired);
    portal.sql("DELETE FROM staff").await;
    let program = op(&portal, &token, at(SOON)).await.unwrap();
    assert_eq!(refusal(apis::desk(&program).await), Refusal::NotFound);
}

#[tokio::test]
async fn what_a_token_did_says_which_token() {
    let portal = portal().await;
    let ada = portal.sign_up_and_verify("Ada").await;
    let (key, _) = portal.revealed_key(&ada, "server", at(TimeDelta::seconds(30))).await;
    let token = made(&portal, &ada, &[Scope::KeysWrite]).await;
    let program = op(&portal, &token, at(TimeDelta::hours(5))).await.unwrap();
    // Without confirming again: the token itself was made by somebody who had.
    let wish = NewRotation { overlap_days: "1".to_owned(), starts: "now".to_owned() };
    keys::rotate(&program, key.id, &wish).await.unwrap();
    let newest = "SELECT actor_kind, details FROM audit_events ORDER BY seq DESC LIMIT 1".to_owned();
    let newest = portal.texts(newest, 2).await.remove(0);
    assert_eq!(newest[0], "account");
    assert!(newest[1].contains(&token.token.id.to_string()), "{newest:?}");
}

#[tokio::test]
async fn there_is_a_most_of_tokens_and_ended_ones_do_not_count() {
    let portal = portal().await;
    let ada = portal.sign_up_and_verify("Ada").await;
    let fresh = portal.fresh(&ada, at(SOON));
    for _ in 0..TOKENS_MAX {
        create(&fresh, &typed(&[Scope::KeysRead])).await.unwrap();
    }
    assert_eq!(refusal(create(&fresh, &typed(&[Scope::KeysRead])).await), Refusal::TooMany { max: TOKENS_MAX });
    let some = list(&fresh).await.unwrap()[0].id;
    revoke(&fresh, some).await.unwrap();
    create(&fresh, &typed(&[Scope::KeysRead])).await.unwrap();
}

#[tokio::test]
async fn a_name_of_a_request_is_worked_on_once_and_answered_alike() {
    let portal = portal().await;
    let ada = portal.sign_up_and_verify("Ada").await;
    let token = made(&portal, &ada, &[Scope::KeysWrite]).await;
    let program = op(&portal, &token, at(SOON)).await.unwrap();
    let (one, other) = (idempotent::digest(&[b"one"]), idempotent::digest(&[b"other"]));
    let Begun::Claimed(claim) = idempotent::begin(&program, "a name", one).await.unwrap() else { panic!("claimed") };
    assert_eq!(refusal(idempotent::begin(&program, "a name", one).await), Refusal::RequestUnderWay);
    assert_eq!(refusal(idempotent::begin(&program, "a name", other).await), Refusal::IdempotencyKeyReused);
    let given = Given { status: 201, location: Some("/api/v1/keys/a".to_owned()), body: "{}".to_owned() };
    idempotent::finish(&program, claim, &given).await.unwrap();
    let Begun::Done(again) = idempotent::begin(&program, "a name", one).await.unwrap() else { panic!("done") };
    assert_eq!(again, given);
    assert_eq!(refusal(idempotent::begin(&program, "a name", other).await), Refusal::IdempotencyKeyReused);
    let second = op(&portal, &made(&portal, &ada, &[Scope::KeysWrite]).await, at(SOON)).await.unwrap();
    assert!(matches!(idempotent::begin(&second, "a name", other).await.unwrap(), Begun::Claimed(_)), "of its own");
}

#[tokio::test]
async fn a_name_that_was_let_go_or_left_behind_is_free_again() {
    let portal = portal().await;
    let ada = portal.sign_up_and_verify("Ada").await;
    let token = made(&portal, &ada, &[Scope::KeysWrite]).await;
    let program = op(&portal, &token, at(SOON)).await.unwrap();
    let request = idempotent::digest(&[b"one"]);
    let Begun::Claimed(claim) = idempotent::begin(&program, "failed", request).await.unwrap() else {
        panic!("claimed")
    };
    idempotent::forget(&program, claim).await.unwrap();
    assert!(matches!(idempotent::begin(&program, "failed", request).await.unwrap(), Begun::Claimed(_)));
    let early = op(&portal, &token, at(SOON + TimeDelta::seconds(59))).await.unwrap();
    assert_eq!(refusal(idempotent::begin(&early, "failed", request).await), Refusal::RequestUnderWay);
    let later = op(&portal, &token, at(SOON + TimeDelta::seconds(60))).await.unwrap();
    assert!(matches!(idempotent::begin(&later, "failed", request).await.unwrap(), Begun::Claimed(_)));
    assert_eq!(refusal(idempotent::begin(&later, "failed", request).await), Refusal::RequestUnderWay, "by one alone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_requests_with_one_name_at_the_same_moment_one_is_worked_on() {
    let portal = portal().await;
    let ada = portal.sign_up_and_verify("Ada").await;
    let token = made(&portal, &ada, &[Scope::KeysWrite]).await;
    let program = op(&portal, &token, at(SOON)).await.unwrap();
    let request = idempotent::digest(&[b"one"]);
    let all = (0..20).map(|_| {
        let program = program.clone();
        tokio::spawn(
            async move { matches!(idempotent::begin(&program, "a name", request).await, Ok(Begun::Claimed(_))) },
        )
    });
    let mut claimed = 0;
    for one in all.collect::<Vec<_>>() {
        claimed += usize::from(one.await.unwrap());
    }
    assert_eq!(claimed, 1);
}
