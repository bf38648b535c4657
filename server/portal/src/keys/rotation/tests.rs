#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use contract::fields::Problem;
use contract::keys::hash::KeyHash;
use contract::keys::terms::{OldSecretUse, Rotation, RotationStart};
use contract::keys::{Key, KeyState, Secret};
use contract::request_logs::Caller;
use contract::{KeyId, Millis, Refusal, Role};
use uuid::Uuid;

use super::{NewRotation, old_secret_use, retire, rotate};
use crate::keys::{KeyRecord, create, load_all, read, reveal, revoke, send_reveal_link};
use crate::testing::{self, TestPortal, at, caller, new_key, refusal, row};
use crate::{SignedIn, accounts, request_logs};

const ADA: &str = "ada@example.com";

fn after(seconds: i64) -> DateTime<Utc> {
    at(TimeDelta::seconds(seconds))
}

fn wish(overlap_days: &str, starts: &str) -> NewRotation {
    NewRotation { overlap_days: overlap_days.to_owned(), starts: starts.to_owned() }
}

/// The gateway's memory, as `server::directories` keeps it, one step after the other.
#[derive(Default)]
struct Gate {
    known: HashMap<KeyHash, (KeyState, Option<Millis>, u32)>,
}

impl Gate {
    /// Takes a record in, and asks after every step.
    fn take(&mut self, record: &KeyRecord, asked: impl Fn(&Self)) {
        for secret in &record.secrets {
            self.known.insert(secret.hash, (record.state, secret.expires_at, secret.secret_version));
            asked(self);
        }
        for hash in &record.replaced {
            self.known.remove(hash);
            asked(self);
        }
    }

    fn accepts(&self, hash: KeyHash, now: DateTime<Utc>) -> bool {
        self.known.get(&hash).is_some_and(|(state, end, _)| {
            *state == KeyState::Active && end.is_none_or(|end| now.timestamp_millis() < end)
        })
    }
}

/// A key that is in use, and its secret.
async fn used_key(test: &TestPortal, owner: &SignedIn) -> (Key, Secret) {
    let (key, secret) = test.revealed_key(owner, "Server", after(10)).await;
    request_logs::store_and_tell(&test.portal, &[row(after(12), Some(caller(owner, &key)))]).await.unwrap();
    test.watcher.take();
    (key, secret)
}

/// Asks for a new secret and opens the link to it.
async fn rotated(test: &TestPortal, owner: &SignedIn, key: KeyId, wish: &NewRotation, now: DateTime<Utc>) -> Secret {
    rotate(&test.fresh(owner, now), key, wish).await.unwrap();
    let token = test.newest_token(&owner.email).await;
    reveal(&test.fresh(owner, now), &token).await.unwrap().secret
}

fn with(caller: &Caller, secret_version: u32) -> Option<Caller> {
    Some(Caller { secret_version, ..caller.clone() })
}

/// Claims: MAST-11, MASA-25
#[tokio::test]
async fn in_a_rotation_there_is_no_moment_at_which_neither_secret_works() {
    for starts in RotationStart::ALL {
        let test = testing::portal().await;
        let ada = test.sign_up_and_verify("Ada").await;
        let (key, old) = used_key(&test, &ada).await;
        let hash = |secret: &Secret| test.portal.hasher().hash(secret.reveal());
        let mut gate = Gate::default();
        for record in load_all(&test.portal).await.unwrap() {
            gate.take(&record, |_| {});
        }
        assert!(gate.accepts(hash(&old), after(20)));

        rotate(&test.fresh(&ada, after(20)), key.id, &wish("7", starts.word())).await.unwrap();
        assert_eq!(test.watcher.take(), [], "a link alone changes no key");
        let asked = read(&test.op(&ada, after(20)), key.id).await.unwrap();
        assert_eq!(asked.rotation, Rotation::Asked { overlap_days: 7, starts });
        assert!(asked.may_be_revealed);

        let shown = reveal(&test.fresh(&ada, after(30)), &test.newest_token(ADA).await).await.unwrap();
        let new = shown.secret;
        for record in test.watcher.take() {
            gate.take(&record, |gate| assert!(gate.accepts(hash(&old), after(30)), "{starts:?}"));
        }
        assert!(gate.accepts(hash(&new), after(30)) && gate.accepts(hash(&old), after(30)));
        assert_eq!((gate.known[&hash(&old)].2, gate.known[&hash(&new)].2), (1, 2));

        // The old secret goes on being used; that starts nothing.
        let caller = caller(&ada, &key);
        let rows = [row(after(40), with(&caller, 1))];
        request_logs::store_and_tell(&test.portal, &rows).await.unwrap();
        assert_eq!(test.watcher.take(), []);

        // The new secret is used for the first time, twice in a batch, and again.
        let rows = [row(after(101), with(&caller, 2)), row(after(100), with(&caller, 2))];
        request_logs::store_and_tell(&test.portal, &rows).await.unwrap();
        let told = test.watcher.take();
        assert_eq!(told.len(), usize::from(starts == RotationStart::FirstUse));
        for record in &told {
            gate.take(record, |gate| {
                assert!(gate.accepts(hash(&old), after(101)) && gate.accepts(hash(&new), after(101)))
            });
        }
        request_logs::store_and_tell(&test.portal, &[row(after(200), with(&caller, 2))]).await.unwrap();
        assert_eq!(test.watcher.take(), [], "it begins once");

        let begun = if starts == RotationStart::Now { after(30) } else { after(100) };
        let end = begun + TimeDelta::days(7);
        let last = end - TimeDelta::milliseconds(1);
        assert!(gate.accepts(hash(&old), last) && !gate.accepts(hash(&old), end), "{starts:?}");
        assert!(
            gate.accepts(hash(&new), end) && gate.known.contains_key(&hash(&old)),
            "refused as expired, not unknown"
        );
        let rotation = |now| {
            let op = test.op(&ada, now);
            async move { read(&op, key.id).await.unwrap().rotation }
        };
        let (previous_hint, retires_at) = (key.hint.clone(), end.timestamp_millis());
        let both = Rotation::TwoSecrets { previous_hint, retires_at: Some(retires_at), overlap_days: 7 };
        assert_eq!(rotation(last).await, both);
        assert_eq!(rotation(end).await, Rotation::Over { previous_hint: key.hint.clone(), retired_at: retires_at });

        // Whoever starts anew reads the same from the database.
        let mut fresh = Gate::default();
        for record in load_all(&test.portal).await.unwrap() {
            fresh.take(&record, |_| {});
        }
        assert_eq!(fresh.known, gate.known);
    }
}

#[tokio::test]
async fn a_secret_that_waits_for_its_first_use_leaves_the_old_one_without_an_end() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, old) = used_key(&test, &ada).await;
    rotated(&test, &ada, key.id, &wish("0", "first_use"), after(20)).await;
    let told = test.watcher.take();
    let known: Vec<_> = told[0].secrets.iter().map(|secret| (secret.secret_version, secret.expires_at)).collect();
    assert_eq!(known, [(2, None), (1, None)]);
    let late = at(TimeDelta::days(400));
    let shown = read(&test.op(&ada, late), key.id).await.unwrap();
    assert!(matches!(shown.rotation, Rotation::TwoSecrets { retires_at: None, overlap_days: 0, .. }));

    // With no overlap the old one ends with the call that came with the new one.
    let call = row(late, with(&caller(&ada, &key), 2));
    request_logs::store_and_tell(&test.portal, &[call]).await.unwrap();
    let told = test.watcher.take();
    assert_eq!(told[0].secrets[1].hash, test.portal.hasher().hash(old.reveal()));
    assert_eq!(told[0].secrets[1].expires_at, Some(late.timestamp_millis()));
}

#[tokio::test]
async fn a_key_has_two_secrets_at_most() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, first) = used_key(&test, &ada).await;
    let second = rotated(&test, &ada, key.id, &wish("30", "now"), after(20)).await;
    let before = test.dump().await;
    let refused = rotate(&test.fresh(&ada, after(30)), key.id, &wish("1", "now")).await;
    assert_eq!(refusal(refused), Refusal::RotationUnderWay);
    assert_eq!(test.dump().await, before);

    // Asked for again before the link was used, the later wish counts, and the link before stops working.
    let late = at(TimeDelta::days(31));
    rotate(&test.fresh(&ada, late - TimeDelta::hours(1)), key.id, &wish("1", "now")).await.unwrap();
    let unused = test.newest_token(ADA).await;
    test.watcher.take();
    let third = rotated(&test, &ada, key.id, &wish("2", "now"), late).await;
    assert_eq!(refusal(reveal(&test.fresh(&ada, late), &unused).await), Refusal::LinkUnknown);
    let told = test.watcher.take();
    let hash = |secret: &Secret| test.portal.hasher().hash(secret.reveal());
    assert_eq!(told.len(), 1);
    let known: Vec<_> = told[0].secrets.iter().map(|secret| (secret.hash, secret.secret_version)).collect();
    assert_eq!(known, [(hash(&third), 3), (hash(&second), 2)]);
    assert_eq!(told[0].replaced, [hash(&first)]);
    let end = (late + TimeDelta::days(2)).timestamp_millis();
    assert_eq!((told[0].secrets[0].expires_at, told[0].secrets[1].expires_at), (None, Some(end)));
}

#[tokio::test]
async fn an_old_secret_can_be_retired_at_once() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, old) = used_key(&test, &ada).await;
    assert_eq!(refusal(retire(&test.op(&ada, after(20)), key.id).await), Refusal::StateConflict);
    for (starts, from) in [("now", 0), ("first_use", 100)] {
        rotated(&test, &ada, key.id, &wish("30", starts), after(from + 30)).await;
        test.watcher.take();
        retire(&test.op(&ada, after(from + 40)), key.id).await.unwrap();
        let told = test.watcher.take();
        assert_eq!((told.len(), told[0].state), (1, KeyState::Active));
        assert_eq!(told[0].secrets[0].expires_at, None);
        assert_eq!(told[0].secrets[1].expires_at, Some(after(from + 40).timestamp_millis()));

        // Twice is no error and changes nothing, not even the moment; and no first use brings it back.
        let before = test.dump().await;
        retire(&test.op(&ada, after(from + 50)), key.id).await.unwrap();
        assert_eq!((test.dump().await, test.watcher.take()), (before, Vec::new()));
        let version = told[0].caller.secret_version;
        let call = row(after(from + 60), with(&caller(&ada, &key), version));
        request_logs::store_and_tell(&test.portal, &[call]).await.unwrap();
        assert_eq!(test.watcher.take(), []);
    }
    let known = load_all(&test.portal).await.unwrap();
    let hash = test.portal.hasher().hash(old.reveal());
    assert!(known.iter().flat_map(|record| &record.secrets).all(|secret| secret.hash != hash), "two rotations ago");
    let actions = test.actions().await;
    assert_eq!(actions.iter().filter(|action| *action == "key.secret_retired").count(), 2);
    assert_eq!(actions.iter().filter(|action| *action == "key.rotation_started").count(), 2);
}

#[tokio::test]
async fn revoking_ends_both_secrets() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, old) = used_key(&test, &ada).await;
    let new = rotated(&test, &ada, key.id, &wish("30", "now"), after(20)).await;
    test.watcher.take();
    revoke(&test.op(&ada, after(30)), key.id).await.unwrap();
    let told = test.watcher.take();
    let hash = |secret: &Secret| test.portal.hasher().hash(secret.reveal());
    assert_eq!(told[0].state, KeyState::Revoked);
    assert_eq!(told[0].secrets.iter().map(|secret| secret.hash).collect::<Vec<_>>(), [hash(&new), hash(&old)]);
    let op = test.fresh(&ada, after(40));
    assert_eq!(refusal(rotate(&op, key.id, &wish("1", "now")).await), Refusal::KeyIsRevoked);
    assert_eq!(refusal(retire(&op, key.id).await), Refusal::KeyIsRevoked);
}

#[tokio::test]
async fn a_new_secret_that_was_lost_before_its_first_use_is_made_anew() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, old) = used_key(&test, &ada).await;
    let lost = rotated(&test, &ada, key.id, &wish("7", "now"), after(20)).await;
    test.watcher.take();
    assert!(read(&test.op(&ada, after(25)), key.id).await.unwrap().may_be_revealed);
    assert!(accounts::first_steps(&test.op(&ada, after(25))).await.unwrap().first_call, "its first call was made");
    send_reveal_link(&test.op(&ada, after(30)), key.id).await.unwrap();
    let shown = reveal(&test.fresh(&ada, after(40)), &test.newest_token(ADA).await).await.unwrap();
    let told = test.watcher.take();
    let hash = |secret: &Secret| test.portal.hasher().hash(secret.reveal());
    let end = (after(20) + TimeDelta::days(7)).timestamp_millis();
    let known: Vec<_> = told[0].secrets.iter().map(|secret| (secret.hash, secret.expires_at)).collect();
    assert_eq!(known, [(hash(&shown.secret), None), (hash(&old), Some(end))]);
    assert_eq!(told[0].replaced, [hash(&lost)]);

    // Once it was used, it is somebody's.
    let call = row(after(50), with(&caller(&ada, &key), 2));
    request_logs::store_and_tell(&test.portal, &[call]).await.unwrap();
    assert_eq!(refusal(send_reveal_link(&test.op(&ada, after(60)), key.id).await), Refusal::KeyNotRecoverable);
}

#[tokio::test]
async fn the_page_says_who_still_calls_with_the_old_secret() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, _) = used_key(&test, &ada).await;
    let old_use = |now| {
        let op = test.op(&ada, now);
        async move { old_secret_use(&op, key.id).await.unwrap() }
    };
    assert_eq!(old_use(after(20)).await, OldSecretUse::default());
    rotated(&test, &ada, key.id, &wish("7", "now"), after(30)).await;
    assert_eq!(old_use(after(40)).await, OldSecretUse::default(), "calls from before the rotation do not count");

    let caller = caller(&ada, &key);
    let mut refused = row(after(300), with(&caller, 1));
    refused.code = Some("expired_key".to_owned());
    let rows = [row(after(100), with(&caller, 1)), row(after(200), with(&caller, 2)), refused];
    request_logs::store_and_tell(&test.portal, &rows).await.unwrap();
    let last_at = Some(after(300).timestamp_millis());
    assert_eq!(old_use(after(400)).await, OldSecretUse { day: 2, total: 2, last_at });
    let day_later = after(100) + TimeDelta::days(1) + TimeDelta::seconds(1);
    assert_eq!(old_use(day_later).await, OldSecretUse { day: 1, total: 2, last_at });
    assert_eq!(old_use(day_later + TimeDelta::days(1)).await, OldSecretUse { day: 0, total: 2, last_at });

    // The key was last used when either of its secrets was: the minute of the call at 200 s.
    let key = read(&test.op(&ada, after(400)), key.id).await.unwrap().key;
    assert_eq!(key.last_used_at, Some(after(180).timestamp_millis()));
}

#[tokio::test]
async fn a_rotation_is_refused_before_anybody_is_asked_to_confirm() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, _) = used_key(&test, &ada).await;
    let waiting = create(&test.op(&ada, after(15)), new_key("Waiting")).await.unwrap();
    let before = test.dump().await;
    let long_ago = test.op(&ada, at(TimeDelta::hours(2)));
    assert_eq!(refusal(rotate(&long_ago, waiting.id, &wish("7", "now")).await), Refusal::StateConflict);
    let number = Problem::NotANumber { min: 0, max: 30 };
    for (days, starts, fields) in [
        ("31", "now", vec![("overlap_days", number)]),
        ("-1", "now", vec![("overlap_days", number)]),
        ("", "", vec![("overlap_days", number), ("starts", Problem::NotAChoice)]),
        ("x", "later", vec![("overlap_days", number), ("starts", Problem::NotAChoice)]),
    ] {
        let Refusal::InvalidInput { fields: named } = refusal(rotate(&long_ago, key.id, &wish(days, starts)).await)
        else {
            panic!("{days} {starts}")
        };
        let named: Vec<_> = named.iter().map(|field| (field.field.as_str(), field.problem)).collect();
        assert_eq!(named, fields);
    }
    let unconfirmed = rotate(&long_ago, key.id, &wish("7", "now")).await;
    assert_eq!(refusal(unconfirmed), Refusal::StepUpRequired { passkey: false });
    assert_eq!(test.dump().await, before);
}

/// Claims: MASA-27, FLOW-61
#[tokio::test]
async fn a_key_is_rotated_by_those_alone_who_may() {
    let test = testing::portal().await;
    let (ada, bob) = (test.sign_up_and_verify("Ada").await, test.sign_up_and_verify("Bob").await);
    let (key, _) = used_key(&test, &ada).await;
    rotated(&test, &ada, key.id, &wish("7", "now"), after(20)).await;
    test.watcher.take();
    let before = test.dump().await;
    let theirs = test.fresh(&bob, after(30));
    for id in [key.id, KeyId::new(Uuid::from_u128(1))] {
        assert_eq!(refusal(rotate(&theirs, id, &wish("7", "now")).await), Refusal::NotFound);
        assert_eq!(refusal(retire(&theirs, id).await), Refusal::NotFound);
        assert_eq!(refusal(old_secret_use(&theirs, id).await), Refusal::NotFound);
    }
    assert_eq!(test.dump().await, before);
    for role in [Role::Viewer, Role::Billing] {
        let op = test.fresh(&test.with_role(&ada, role).await, after(30));
        assert_eq!(refusal(rotate(&op, key.id, &wish("7", "now")).await), Refusal::NotAllowed);
        assert_eq!(refusal(retire(&op, key.id).await), Refusal::NotAllowed);
        assert_eq!(old_secret_use(&op, key.id).await.is_ok(), role == Role::Viewer);
    }
    let nobody = test.anonymous(after(30));
    assert_eq!(refusal(rotate(&nobody, key.id, &wish("7", "now")).await), Refusal::NotSignedIn);
    assert_eq!(refusal(retire(&nobody, key.id).await), Refusal::NotSignedIn);
    assert_eq!(test.watcher.take(), []);
}

/// Claims: MAST-18
#[tokio::test]
async fn the_mail_of_a_rotation_brings_a_link_and_no_secret() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, old) = used_key(&test, &ada).await;
    let new = rotated(&test, &ada, key.id, &wish("1", "first_use"), after(20)).await;
    let mail = test.mails_to(ADA).await.remove(0);
    assert_eq!(mail.subject, "The new secret of “Server” is ready");
    assert!(mail.text.contains("for 1 day after that"), "{}", mail.text);
    let written = serde_json::to_string(&mail).unwrap();
    for secret in [&old, &new] {
        assert!(!written.contains(&secret.reveal()[secret.reveal().len() - 10..]));
    }
}

/// Two who store and change at the same moment end with what the database says.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_first_use_and_a_retirement_at_the_same_moment_leave_the_gateway_with_what_is_stored() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    for from in (0..8).map(|round| round * 1_000) {
        let (key, _) = test.revealed_key(&ada, "Server", after(from + 10)).await;
        rotated(&test, &ada, key.id, &wish("7", "first_use"), after(from + 20)).await;
        test.watcher.take();
        let rows = [row(after(from + 100), with(&caller(&ada, &key), 2))];
        let op = test.op(&ada, after(from + 100));
        let (stored, retired) = tokio::join!(request_logs::store_and_tell(&test.portal, &rows), retire(&op, key.id));
        stored.unwrap();
        retired.unwrap();
        let told = test.watcher.take().pop().unwrap();
        let loaded = load_all(&test.portal).await.unwrap();
        let loaded = loaded.into_iter().find(|record| record.caller.key == key.id).unwrap();
        assert_eq!(told.secrets, loaded.secrets);
        assert_eq!(told.secrets[1].expires_at, Some(after(from + 100).timestamp_millis()));
    }
}
