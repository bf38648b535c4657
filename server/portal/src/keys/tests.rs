#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::TimeDelta;
use contract::audit_log::Action;
use contract::fields::Problem;
use contract::keys::hash::KeyHash;
use contract::keys::terms::{KeyTerms, TypedTerms};
use contract::keys::{KeyState, format};
use contract::limits::Limit;
use contract::request_logs::Caller;
use contract::{Environment, KeyId, Refusal, Role};
use uuid::Uuid;

use super::{
    KeyRecord, KnownSecret, NewKey, change_terms, create, list, load_all, notify_due, read, reveal, reveal_offer,
    revoke, send_reveal_link,
};
use crate::testing::{self, at, caller, new_key, refusal, row, start, token_in};
use crate::{Error, SignedIn, request_logs, tokens};

const ADA: &str = "ada@example.com";

fn after(seconds: i64) -> chrono::DateTime<chrono::Utc> {
    at(TimeDelta::seconds(seconds))
}

/// What the gateway is told of a key that has one secret and no terms.
fn record(hash: KeyHash, state: KeyState, caller: Caller) -> KeyRecord {
    KeyRecord {
        secrets: vec![KnownSecret { hash, secret_version: 1, expires_at: None }],
        replaced: Vec::new(),
        state,
        caller,
        scopes: Vec::new(),
        networks: Vec::new(),
        limit: None,
    }
}

/// Of its newest secret.
fn hash_in(record: &KeyRecord) -> KeyHash {
    record.secrets[0].hash
}

#[tokio::test]
async fn a_form_for_a_key_is_checked_whole_and_stores_nothing() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let before = test.dump().await;
    let op = test.op(&ada, after(10));
    let long = "x".repeat(10_000);
    for (label, environment, form_token, problem) in [
        ("", "", "", Problem::Empty),
        (" \t ", "LIVE", &long, Problem::Empty),
        (&long, &long, "", Problem::TooLong { max: 60 }),
        ("a\nb", "live\n", "a\0b", Problem::Invisible),
        ("\u{202e}abc", "both", "", Problem::Invisible),
    ] {
        let form = NewKey {
            label: label.to_owned(),
            environment: environment.to_owned(),
            form_token: form_token.to_owned(),
            expires_at: String::new(),
        };
        let Refusal::InvalidInput { fields } = refusal(create(&op, form).await) else { panic!() };
        let named: Vec<&str> = fields.iter().map(|field| field.field.as_str()).collect();
        assert_eq!(named, ["label", "environment", "form_token"]);
        assert_eq!((fields[0].problem, fields[1].problem), (problem, Problem::NotAChoice));
    }
    assert_eq!(test.dump().await, before);

    let key = create(&op, NewKey { environment: "test".to_owned(), ..new_key("  مفتاح e\u{301} ") }).await.unwrap();
    assert_eq!(
        (key.label.as_str(), key.environment, key.hint.as_str()),
        ("مفتاح e\u{301}", Environment::Test, "cs_test_…")
    );
    assert_eq!((key.state, key.created_at), (KeyState::AwaitingReveal, after(10).timestamp_millis()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sending_a_form_twice_creates_one_key() {
    let test = testing::portal().await;
    let (ada, bob) = (test.sign_up_and_verify("Ada").await, test.sign_up_and_verify("Bob").await);
    let form = new_key("Server");
    let first = create(&test.op(&ada, after(10)), form.clone()).await.unwrap();
    let again = create(&test.op(&ada, after(11)), form.clone()).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(list(&test.op(&ada, after(12)), None).await.unwrap().len(), 2);
    assert_eq!(test.mails_to(ADA).await.len(), 3, "one mail a key, and the one that verified the address");

    // The same token from someone else makes a key of theirs and shows nothing of hers.
    let theirs = create(&test.op(&bob, after(12)), form).await.unwrap();
    assert_ne!(theirs.id, first.id);

    let form = new_key("At once");
    let (one, other) = (test.op(&ada, after(20)), test.op(&ada, after(20)));
    let (one, other) = tokio::join!(create(&one, form.clone()), create(&other, form));
    assert_eq!(one.unwrap().id, other.unwrap().id);
    assert_eq!(test.mails_to(ADA).await.len(), 4);
}

#[tokio::test]
async fn a_key_and_its_mail_are_written_together_or_not_at_all() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let before = test.dump().await;
    test.sql("ALTER TABLE mails RENAME TO mails_elsewhere").await;
    let result = create(&test.op(&ada, after(10)), new_key("Server")).await;
    assert!(matches!(result, Err(Error::Failed(_))), "{result:?}");
    test.sql("ALTER TABLE mails_elsewhere RENAME TO mails").await;
    assert_eq!(test.dump().await, before);
}

/// Claims: FLOW-60, MAST-30, MAST-11
#[tokio::test]
async fn a_secret_is_shown_once_to_its_owner() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let op = test.op(&ada, after(10));
    let token = test.newest_token(ADA).await;

    // Looking at the offer makes no secret, however often.
    let before = test.dump().await;
    for _ in 0..2 {
        let offer = reveal_offer(&op, &token).await.unwrap();
        assert_eq!((offer.label.as_str(), offer.environment), ("First key", Environment::Live));
        assert_eq!(
            (offer.organization.as_str(), offer.expires_at),
            ("Ada", (after(1) + TimeDelta::hours(24)).timestamp_millis())
        );
    }
    assert_eq!(test.dump().await, before);
    assert_eq!(test.watcher.take(), []);

    let revealed = reveal(&op, &token).await.unwrap();
    let secret = revealed.secret.reveal();
    let parsed = format::parse(secret, "cs").expect("a well-formed key");
    assert_eq!((parsed.environment, parsed.hint()), (Environment::Live, revealed.key.hint.clone()));
    assert_eq!((revealed.key.state, revealed.key.revealed_at), (KeyState::Active, Some(after(10).timestamp_millis())));
    assert!(!format!("{revealed:?}").contains(secret));

    assert_eq!(refusal(reveal(&op, &token).await), Refusal::LinkUsed);
    assert_eq!(refusal(reveal_offer(&op, &token).await), Refusal::LinkUsed);
    let listed = list(&op, None).await.unwrap();
    assert!(!serde_json::to_string(&listed).unwrap().contains(secret));
    assert_eq!(listed[0].hint, revealed.key.hint);

    // The gateway was told the keyed hash, once.
    let told = test.watcher.take();
    let hash = test.portal.hasher().hash(secret);
    assert_eq!(told, [record(hash, KeyState::Active, caller(&ada, &revealed.key))]);
    assert!(!format!("{told:?}").contains(secret));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_who_reveal_at_the_same_moment_one_sees_the_secret() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let token = test.newest_token(ADA).await;
    let (one, other) = (test.op(&ada, after(10)), test.op(&ada, after(10)));
    let (one, other) = tokio::join!(reveal(&one, &token), reveal(&other, &token));
    let (shown, refused) = if one.is_ok() { (one, other) } else { (other, one) };
    assert_eq!(refusal(refused), Refusal::LinkUsed);
    let told = test.watcher.take();
    assert_eq!(told.len(), 1);
    assert_eq!(hash_in(&told[0]), test.portal.hasher().hash(shown.unwrap().secret.reveal()));
}

/// Claims: MAST-18, FLOW-37
#[tokio::test]
async fn a_mail_carries_a_link_and_never_a_secret() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, secret) = test.revealed_key(&ada, "Server", after(10)).await;
    send_reveal_link(&test.op(&ada, after(11)), key.id).await.unwrap();
    let again = reveal(&test.op(&ada, after(12)), &test.newest_token(ADA).await).await.unwrap();

    let mails = test.mails_to(ADA).await;
    assert_eq!(mails.len(), 4);
    for mail in &mails {
        let written = serde_json::to_string(mail).unwrap();
        for secret in [secret.reveal(), again.secret.reveal()] {
            assert!(!written.contains(secret) && !written.contains(&secret[secret.len() - 10..]), "{written}");
        }
        // Nothing that looks like a key: not one word of it has the form of one.
        let words = written.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        assert_eq!(words.filter(|word| format::parse(word, "cs").is_some()).count(), 0, "{written}");
        assert_eq!(mail.links.len(), 1);
        assert_eq!(token_in(mail).len(), tokens::TOKEN_LENGTH);
        assert!(mail.text.contains(&mail.links[0]) && mail.html.contains(&mail.links[0]));
    }
    // The link works once, for a day, for the person it was sent to: the tests below.
    for mail in &mails[..3] {
        assert!(mail.links[0].starts_with("https://portal.example/reveal?token="));
    }
}

#[tokio::test]
async fn a_reveal_link_works_for_a_day() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let token = test.newest_token(ADA).await;
    let end = after(1) + TimeDelta::hours(24);
    for now in [end, end + TimeDelta::days(30)] {
        assert_eq!(refusal(reveal_offer(&test.op(&ada, now), &token).await), Refusal::LinkExpired);
        assert_eq!(refusal(reveal(&test.op(&ada, now), &token).await), Refusal::LinkExpired);
    }
    assert_eq!(test.watcher.take(), []);
    let long = "x".repeat(10_000);
    for garbage in ["", "x", &token[1..], &token.to_uppercase(), &long] {
        assert_eq!(refusal(reveal(&test.op(&ada, start()), garbage).await), Refusal::LinkUnknown);
    }
    // Somebody must be there who says who they are; until then the link stays as it is.
    let last = end - TimeDelta::milliseconds(1);
    let old = test.op(&ada, last);
    assert_eq!(refusal(reveal(&old, &token).await), Refusal::StepUpRequired { passkey: false });
    reveal(&test.fresh(&ada, last), &token).await.unwrap();
}

#[tokio::test]
async fn a_new_link_replaces_the_old_one_and_a_new_secret_the_old_one() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let old = test.newest_token(ADA).await;
    let key = list(&test.op(&ada, after(10)), None).await.unwrap().remove(0);
    send_reveal_link(&test.op(&ada, after(10)), key.id).await.unwrap();
    assert_eq!(refusal(reveal(&test.op(&ada, after(11)), &old).await), Refusal::LinkUnknown);
    let first = reveal(&test.op(&ada, after(11)), &test.newest_token(ADA).await).await.unwrap();

    // Seen but never used: it can be made anew, and the one that was seen stops working.
    test.watcher.take();
    send_reveal_link(&test.op(&ada, after(12)), key.id).await.unwrap();
    assert_eq!(test.watcher.take(), [], "a link alone changes no key");
    let second = reveal(&test.op(&ada, after(13)), &test.newest_token(ADA).await).await.unwrap();
    assert_ne!(first.secret, second.secret);
    let told = test.watcher.take();
    assert_eq!(told.len(), 1);
    let hash = |secret: &contract::keys::Secret| test.portal.hasher().hash(secret.reveal());
    assert_eq!((hash_in(&told[0]), told[0].replaced.clone()), (hash(&second.secret), vec![hash(&first.secret)]));
    let loaded = load_all(&test.portal).await.unwrap();
    assert_eq!(loaded.iter().map(hash_in).collect::<Vec<_>>(), [hash(&second.secret)]);
}

#[tokio::test]
async fn a_secret_in_use_cannot_be_made_anew() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, _) = test.revealed_key(&ada, "Server", after(10)).await;
    send_reveal_link(&test.op(&ada, after(11)), key.id).await.unwrap();
    let open = test.newest_token(ADA).await;
    request_logs::store(test.portal.db(), &[row(after(12), Some(caller(&ada, &key)))]).await.unwrap();

    let op = test.op(&ada, after(13));
    assert_eq!(refusal(send_reveal_link(&op, key.id).await), Refusal::KeyNotRecoverable);
    assert_eq!(refusal(reveal_offer(&op, &open).await), Refusal::KeyNotRecoverable);
    assert_eq!(refusal(reveal(&op, &open).await), Refusal::KeyNotRecoverable);
    let key = list(&op, None).await.unwrap().remove(0);
    assert!(!key.may_be_revealed());
    assert_eq!(key.state, KeyState::Active);
}

#[tokio::test]
async fn a_revoked_key_is_refused_before_revoke_returns_and_for_ever() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, secret) = test.revealed_key(&ada, "Server", after(10)).await;
    send_reveal_link(&test.op(&ada, after(11)), key.id).await.unwrap();
    let open = test.newest_token(ADA).await;
    test.watcher.take();

    let revoked = revoke(&test.op(&ada, after(12)), key.id).await.unwrap();
    let hash = test.portal.hasher().hash(secret.reveal());
    let record = record(hash, KeyState::Revoked, caller(&ada, &key));
    assert_eq!(test.watcher.take(), std::slice::from_ref(&record));
    assert_eq!((revoked.state, revoked.revoked_at), (KeyState::Revoked, Some(after(12).timestamp_millis())));

    // Twice is no error and changes nothing, not even the moment.
    let before = test.dump().await;
    assert_eq!(revoke(&test.op(&ada, after(99)), key.id).await.unwrap(), revoked);
    let op = test.op(&ada, after(99));
    assert_eq!(refusal(send_reveal_link(&op, key.id).await), Refusal::KeyIsRevoked);
    assert_eq!(refusal(reveal_offer(&op, &open).await), Refusal::LinkUnknown);
    assert_eq!(refusal(reveal(&op, &open).await), Refusal::LinkUnknown);
    assert_eq!(test.dump().await, before);
    assert_eq!(test.watcher.take(), []);
    assert_eq!(load_all(&test.portal).await.unwrap(), [record]);

    // A key that never had a secret can be revoked too; there is nothing to tell the gateway.
    let first = list(&op, None).await.unwrap().into_iter().find(|key| key.label == "First key").unwrap();
    assert_eq!(revoke(&op, first.id).await.unwrap().state, KeyState::Revoked);
    assert_eq!(test.watcher.take(), []);
}

/// The gateway must not be left with a key that was revoked while its secret came into being.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_that_is_revoked_while_it_is_revealed_ends_revoked_everywhere() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    for round in 0..16 {
        let op = test.op(&ada, after(10 + round));
        let key = create(&op, new_key("Server")).await.unwrap();
        let token = test.newest_token(ADA).await;
        test.watcher.take();
        let (revealed, revoked) = tokio::join!(reveal(&op, &token), revoke(&op, key.id));
        assert_eq!(revoked.unwrap().state, KeyState::Revoked);
        let stored = list(&op, None).await.unwrap().remove(0);
        assert_eq!((stored.id, stored.state), (key.id, KeyState::Revoked));
        let told = test.watcher.take();
        match revealed {
            Ok(revealed) => {
                let hash = test.portal.hasher().hash(revealed.secret.reveal());
                let told: Vec<_> = told.iter().map(|record| (hash_in(record), record.state)).collect();
                assert_eq!(told, [(hash, KeyState::Active), (hash, KeyState::Revoked)]);
            }
            Err(Error::Refused(Refusal::LinkUnknown | Refusal::LinkUsed | Refusal::KeyIsRevoked)) => {
                assert_eq!(told, []);
            }
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// A browser that closes its connection in the middle must not leave the gateway with a key that is revoked.
#[tokio::test]
async fn the_gateway_is_told_also_when_nobody_waits_for_the_answer() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    // From giving up at once to seeing the end, with steps in between that fall on every part of the change.
    for patience in std::iter::successors(Some(0), |turns| Some(turns * 6 / 5 + 1)).take_while(|turns| *turns < 20_000)
    {
        let op = test.op(&ada, after(10 + patience));
        let (key, _) = test.revealed_key(&ada, "Server", after(10 + patience)).await;
        test.watcher.take();
        let gives_up = async {
            for _ in 0..patience {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            result = revoke(&op, key.id) => drop(result.unwrap()),
            () = gives_up => {}
        }
        // Whatever was begun is over now.
        drop(test.portal.change_key().await);
        let stored = list(&op, None).await.unwrap().into_iter().find(|one| one.id == key.id).unwrap();
        assert_eq!(test.watcher.take().len(), usize::from(stored.state == KeyState::Revoked), "{patience}");
    }
}

/// Claims: MASA-27, FLOW-37
#[tokio::test]
async fn someone_elses_key_is_not_found() {
    let test = testing::portal().await;
    let (ada, bob) = (test.sign_up_and_verify("Ada").await, test.sign_up_and_verify("Bob").await);
    let (key, secret) = test.revealed_key(&ada, "Server", after(10)).await;
    create(&test.op(&ada, after(11)), new_key("Waiting")).await.unwrap();
    let open = test.newest_token(ADA).await;
    test.watcher.take();
    let before = test.dump().await;

    let op = test.op(&bob, after(12));
    let unknown = KeyId::new(Uuid::from_u128(1));
    for id in [key.id, unknown] {
        assert_eq!(refusal(revoke(&op, id).await), Refusal::NotFound);
        assert_eq!(refusal(send_reveal_link(&op, id).await), Refusal::NotFound);
    }
    assert_eq!(refusal(reveal_offer(&op, &open).await), Refusal::LinkUnknown);
    assert_eq!(refusal(reveal(&op, &open).await), Refusal::LinkUnknown);
    let theirs = list(&op, None).await.unwrap();
    assert_eq!(theirs.iter().map(|key| key.label.as_str()).collect::<Vec<_>>(), ["First key"]);
    assert!(!format!("{theirs:?}").contains(&secret.reveal()[secret.reveal().len() - 4..]));

    // A colleague in her organization did not get the mail either.
    let colleague = SignedIn { organization: ada.organization.clone(), ..bob };
    let op = test.op(&colleague, after(12));
    assert_eq!(refusal(reveal_offer(&op, &open).await), Refusal::LinkUnknown);
    assert_eq!(refusal(reveal(&op, &open).await), Refusal::LinkUnknown);

    assert_eq!(test.dump().await, before);
    assert_eq!(test.watcher.take(), []);
    reveal(&test.op(&ada, after(13)), &open).await.unwrap();
}

/// Claims: FLOW-61
#[tokio::test]
async fn what_a_role_does_not_allow_is_refused() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, _) = test.revealed_key(&ada, "Server", after(10)).await;
    create(&test.op(&ada, after(11)), new_key("Waiting")).await.unwrap();
    let open = test.newest_token(ADA).await;
    for role in [Role::Viewer, Role::Billing] {
        let limited = test.with_role(&ada, role).await;
        let before = test.dump().await;
        let op = test.op(&limited, after(12));
        assert_eq!(refusal(create(&op, new_key("Another")).await), Refusal::NotAllowed);
        assert_eq!(refusal(revoke(&op, key.id).await), Refusal::NotAllowed);
        assert_eq!(refusal(send_reveal_link(&op, key.id).await), Refusal::NotAllowed);
        assert_eq!(refusal(reveal_offer(&op, &open).await), Refusal::NotAllowed);
        assert_eq!(refusal(reveal(&op, &open).await), Refusal::NotAllowed);
        assert_eq!(list(&op, None).await.is_ok(), role == Role::Viewer);
        assert_eq!(test.dump().await, before);
    }
    for role in [Role::Developer, Role::Admin] {
        let able = test.with_role(&ada, role).await;
        let op = test.op(&able, after(12));
        let made = create(&op, new_key("Another")).await.unwrap();
        revoke(&op, made.id).await.unwrap();
    }
    for op in [test.anonymous(after(12)), test.system(after(12))] {
        assert_eq!(refusal(create(&op, new_key("Another")).await), Refusal::NotSignedIn);
        assert_eq!(refusal(list(&op, None).await), Refusal::NotSignedIn);
        assert_eq!(refusal(reveal(&op, &open).await), Refusal::NotSignedIn);
        assert_eq!(refusal(revoke(&op, key.id).await), Refusal::NotSignedIn);
    }
}

#[tokio::test]
async fn the_list_has_the_newest_first_and_can_be_narrowed_to_an_environment() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    for (place, environment) in ["live", "test", "live"].into_iter().enumerate() {
        let form = NewKey { environment: environment.to_owned(), ..new_key(&format!("Key {place}")) };
        create(&test.op(&ada, after(10 + place as i64)), form).await.unwrap();
    }
    let labels = async |environment| {
        let keys = list(&test.op(&ada, after(60)), environment).await.unwrap();
        keys.into_iter().map(|key| key.label).collect::<Vec<_>>()
    };
    assert_eq!(labels(None).await, ["Key 2", "Key 1", "Key 0", "First key"]);
    assert_eq!(labels(Some(Environment::Test)).await, ["Key 1"]);
    assert_eq!(labels(Some(Environment::Live)).await, ["Key 2", "Key 0", "First key"]);
}

#[tokio::test]
async fn the_gateway_loads_active_and_revoked_keys_and_none_without_a_secret() {
    let test = testing::portal().await;
    assert_eq!(load_all(&test.portal).await.unwrap(), []);
    let (ada, bob) = (test.sign_up_and_verify("Ada").await, test.sign_up_and_verify("Bob").await);
    let (live, live_secret) = test.revealed_key(&ada, "Live", after(10)).await;
    let (gone, gone_secret) = test.revealed_key(&bob, "Gone", after(11)).await;
    revoke(&test.op(&bob, after(12)), gone.id).await.unwrap();

    let mut loaded = load_all(&test.portal).await.unwrap();
    loaded.sort_by_key(|record| record.caller.key);
    let hash = |secret: &contract::keys::Secret| test.portal.hasher().hash(secret.reveal());
    let expected = [
        record(hash(&live_secret), KeyState::Active, caller(&ada, &live)),
        record(hash(&gone_secret), KeyState::Revoked, caller(&bob, &gone)),
    ];
    assert_eq!(loaded, expected);
}

/// Terms as a form carries them, filled in well.
fn typed() -> TypedTerms {
    TypedTerms {
        label: "Night batch".to_owned(),
        note: "Runs at night.".to_owned(),
        scopes: "places:read sun.read".to_owned(),
        expires_at: "2027-01-31T18:30".to_owned(),
        networks: "203.0.113.7/24, 2001:db8::1".to_owned(),
        tags: "backend night".to_owned(),
        limit_requests: "60".to_owned(),
        limit_seconds: "60".to_owned(),
        protected: "true".to_owned(),
    }
}

/// The same without any terms.
fn no_terms(label: &str) -> TypedTerms {
    TypedTerms { label: label.to_owned(), ..TypedTerms::default() }
}

fn expiry() -> chrono::DateTime<chrono::Utc> {
    "2027-01-31T18:30:00Z".parse().unwrap()
}

/// Claims: MAST-11, MASA-24
#[tokio::test]
async fn the_gateway_knows_new_terms_before_the_change_returns() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, secret) = test.revealed_key(&ada, "Server", after(10)).await;
    test.watcher.take();
    let changed = change_terms(&test.op(&ada, after(20)), key.id, &typed()).await.unwrap();
    assert_eq!((changed.label.as_str(), changed.state), ("Night batch", KeyState::Active));
    let limit = Some(Limit { requests: 60, seconds: 60 });
    let hash = test.portal.hasher().hash(secret.reveal());
    let told = KeyRecord {
        secrets: vec![KnownSecret { hash, secret_version: 1, expires_at: Some(expiry().timestamp_millis()) }],
        scopes: vec!["places:read".to_owned(), "sun.read".to_owned()],
        networks: ["203.0.113.0/24", "2001:db8::1/128"].map(|network| network.parse().unwrap()).to_vec(),
        limit,
        ..record(hash, KeyState::Active, caller(&ada, &changed))
    };
    assert_eq!(test.watcher.take(), std::slice::from_ref(&told));
    assert_eq!(load_all(&test.portal).await.unwrap(), [told]);
    let shown = read(&test.op(&ada, after(30)), key.id).await.unwrap();
    let terms = KeyTerms {
        note: "Runs at night.".to_owned(),
        scopes: vec!["places:read".to_owned(), "sun.read".to_owned()],
        expires_at: Some(expiry().timestamp_millis()),
        networks: vec!["203.0.113.0/24".to_owned(), "2001:db8::1/128".to_owned()],
        tags: vec!["backend".to_owned(), "night".to_owned()],
        limit,
        protected: true,
    };
    assert_eq!((shown.terms, shown.key.label.as_str()), (terms, "Night batch"));

    // The same form again changes nothing and tells nobody.
    let before = test.dump().await;
    change_terms(&test.op(&ada, after(40)), key.id, &typed()).await.unwrap();
    assert_eq!((test.dump().await, test.watcher.take()), (before, Vec::new()));

    // All of it can be taken back.
    change_terms(&test.op(&ada, after(50)), key.id, &no_terms("Server")).await.unwrap();
    assert_eq!(test.watcher.take(), [record(hash, KeyState::Active, caller(&ada, &key))]);
    assert_eq!(read(&test.op(&ada, after(60)), key.id).await.unwrap().terms, KeyTerms::default());
}

#[tokio::test]
async fn the_audit_log_says_which_terms_were_changed_and_keeps_the_old_label() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, _) = test.revealed_key(&ada, "Server", after(10)).await;
    change_terms(&test.op(&ada, after(20)), key.id, &typed()).await.unwrap();
    let scoped = TypedTerms { scopes: "places:read".to_owned(), ..typed() };
    change_terms(&test.op(&ada, after(30)), key.id, &scoped).await.unwrap();
    let filter = crate::audit_log::Filter { action: Some(Action::KeyChanged), ..Default::default() };
    let events = crate::audit_log::list(&test.op(&ada, after(40)), crate::Scope::Organization, &filter, None).await;
    let events = events.unwrap().items;
    let fields = "label, note, scopes, expiry, networks, tags, limit, protection";
    let said: Vec<_> = events.iter().map(|event| (event.details[0].1.as_str(), event.personal.as_deref())).collect();
    assert_eq!(said, [("scopes", None), (fields, Some("“Server” → “Night batch”"))]);
    assert_eq!(events[0].object, Some(key.id.to_string()));

    // The page of the key shows its own events; nobody else's organization has them.
    let own = crate::audit_log::about(&test.op(&ada, after(40)), &key.id.to_string()).await.unwrap();
    let own: Vec<_> = own.iter().map(|event| event.action).collect();
    assert_eq!(own, [Action::KeyChanged, Action::KeyChanged, Action::KeyRevealed, Action::KeyCreated]);
    let bob = test.sign_up_and_verify("Bob").await;
    let theirs = crate::audit_log::about(&test.op(&bob, after(40)), &key.id.to_string()).await.unwrap();
    assert_eq!(theirs, []);
}

#[tokio::test]
async fn bad_terms_are_named_all_at_once_and_change_nothing() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, _) = test.revealed_key(&ada, "Server", after(10)).await;
    test.watcher.take();
    let before = test.dump().await;
    let bad = TypedTerms {
        label: String::new(),
        note: "a\0b".to_owned(),
        scopes: "Places".to_owned(),
        expires_at: "2026-11-21T10:00".to_owned(),
        networks: "everywhere".to_owned(),
        tags: "x".repeat(33),
        limit_requests: "0".to_owned(),
        limit_seconds: "60".to_owned(),
        protected: String::new(),
    };
    let Refusal::InvalidInput { fields } = refusal(change_terms(&test.op(&ada, after(20)), key.id, &bad).await) else {
        panic!()
    };
    let named: Vec<_> = fields.iter().map(|field| (field.field.as_str(), field.problem)).collect();
    let expected = [
        ("label", Problem::Empty),
        ("note", Problem::Invisible),
        ("scopes", Problem::NotAScope),
        ("expires_at", Problem::NotInTheFuture),
        ("networks", Problem::NotANetwork),
        ("tags", Problem::TooLong { max: 32 }),
        ("limit_requests", Problem::NotANumber { min: 1, max: 1_000_000_000 }),
    ];
    assert_eq!(named, expected);
    assert_eq!((test.dump().await, test.watcher.take()), (before, Vec::new()));
}

/// Claims: MASA-27, FLOW-61
#[tokio::test]
async fn terms_are_changed_by_those_alone_who_may() {
    let test = testing::portal().await;
    let (ada, bob) = (test.sign_up_and_verify("Ada").await, test.sign_up_and_verify("Bob").await);
    let (key, _) = test.revealed_key(&ada, "Server", after(10)).await;
    test.watcher.take();
    let before = test.dump().await;
    let theirs = test.op(&bob, after(20));
    for id in [key.id, KeyId::new(Uuid::from_u128(1))] {
        assert_eq!(refusal(change_terms(&theirs, id, &typed()).await), Refusal::NotFound);
        assert_eq!(refusal(read(&theirs, id).await), Refusal::NotFound);
    }
    assert_eq!(test.dump().await, before);
    for role in [Role::Viewer, Role::Billing] {
        let op = test.op(&test.with_role(&ada, role).await, after(20));
        assert_eq!(refusal(change_terms(&op, key.id, &typed()).await), Refusal::NotAllowed);
        assert_eq!(read(&op, key.id).await.is_ok(), role == Role::Viewer);
    }
    assert_eq!(refusal(change_terms(&test.anonymous(after(20)), key.id, &typed()).await), Refusal::NotSignedIn);
    assert_eq!(test.watcher.take(), []);
    let ada = test.with_role(&ada, Role::Owner).await;
    revoke(&test.op(&ada, after(30)), key.id).await.unwrap();
    assert_eq!(refusal(change_terms(&test.op(&ada, after(40)), key.id, &typed()).await), Refusal::KeyIsRevoked);
}

#[tokio::test]
async fn a_key_ends_when_it_was_to_end_and_works_again_when_it_is_given_more_time() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let past = NewKey { expires_at: "2026-11-21T10:00".to_owned(), ..new_key("Past") };
    let Refusal::InvalidInput { fields } = refusal(create(&test.op(&ada, after(10)), past).await) else { panic!() };
    assert_eq!((fields[0].field.as_str(), fields[0].problem), ("expires_at", Problem::NotInTheFuture));

    let op = test.fresh(&ada, after(10));
    create(&op, NewKey { expires_at: "2027-01-31T18:30".to_owned(), ..new_key("Server") }).await.unwrap();
    let shown = reveal(&op, &test.newest_token(ADA).await).await.unwrap();
    let end = expiry().timestamp_millis();
    assert_eq!(test.watcher.take()[0].secrets[0].expires_at, Some(end));
    let state = |now| {
        let op = test.op(&ada, now);
        async move { read(&op, shown.key.id).await.unwrap().key.state }
    };
    assert_eq!(state(expiry() - TimeDelta::milliseconds(1)).await, KeyState::Active);
    assert_eq!(state(expiry()).await, KeyState::Expired);

    // Something else can be changed without giving it more time.
    let late = test.op(&ada, expiry() + TimeDelta::days(1));
    let ended = TypedTerms { expires_at: "2027-01-31T18:30".to_owned(), ..no_terms("Renamed") };
    assert_eq!(change_terms(&late, shown.key.id, &ended).await.unwrap().state, KeyState::Expired);
    let longer = TypedTerms { expires_at: "2027-06-01".to_owned(), ..no_terms("Renamed") };
    assert_eq!(change_terms(&late, shown.key.id, &longer).await.unwrap().state, KeyState::Active);
}

#[tokio::test]
async fn a_protected_key_is_not_revoked_within_a_week_of_its_last_use() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let protected = TypedTerms { protected: "true".to_owned(), ..no_terms("Server") };
    let (key, _) = test.revealed_key(&ada, "Server", after(10)).await;
    let (other, _) = test.revealed_key(&ada, "Unused", after(12)).await;
    for id in [key.id, other.id] {
        change_terms(&test.op(&ada, after(20)), id, &protected).await.unwrap();
    }
    revoke(&test.op(&ada, after(30)), other.id).await.unwrap();
    request_logs::store(test.portal.db(), &[row(after(60), Some(caller(&ada, &key)))]).await.unwrap();
    test.watcher.take();
    let before = test.dump().await;
    let week = after(60) + TimeDelta::days(7);
    let op = test.op(&ada, week - TimeDelta::milliseconds(1));
    assert_eq!(refusal(revoke(&op, key.id).await), Refusal::KeyIsProtected);
    assert_eq!((test.dump().await, test.watcher.take()), (before, Vec::new()));
    assert_eq!(revoke(&test.op(&ada, week), key.id).await.unwrap().state, KeyState::Revoked);

    // Or somebody takes the protection off.
    let (key, _) = test.revealed_key(&ada, "Server", after(100)).await;
    change_terms(&test.op(&ada, after(100)), key.id, &protected).await.unwrap();
    request_logs::store(test.portal.db(), &[row(after(120), Some(caller(&ada, &key)))]).await.unwrap();
    assert_eq!(refusal(revoke(&test.op(&ada, after(130)), key.id).await), Refusal::KeyIsProtected);
    change_terms(&test.op(&ada, after(140)), key.id, &no_terms("Server")).await.unwrap();
    revoke(&test.op(&ada, after(150)), key.id).await.unwrap();
}

#[tokio::test]
async fn owners_are_told_once_of_each_thing_that_is_near() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, _) = test.revealed_key(&ada, "Server", after(10)).await;
    revoke(&test.op(&ada, after(15)), list(&test.op(&ada, after(15)), None).await.unwrap()[1].id).await.unwrap();
    let terms = TypedTerms { expires_at: "2027-01-31T18:30".to_owned(), ..no_terms("Server") };
    change_terms(&test.op(&ada, after(20)), key.id, &terms).await.unwrap();
    assert_eq!(refusal(notify_due(&test.op(&ada, after(20))).await), Refusal::NotAllowed);

    let told = async |now| {
        let told = notify_due(&test.system(now)).await.unwrap();
        assert_eq!(notify_due(&test.system(now)).await.unwrap(), 0, "once");
        told
    };
    let mut mails = test.mails_to(ADA).await.len();
    for (days, due) in [(31, 0), (30, 1), (29, 0), (7, 1), (2, 0), (1, 1), (0, 0), (-1, 0)] {
        let now = expiry() - TimeDelta::days(days);
        assert_eq!(told(now).await, due, "{days} days before");
        mails += due as usize;
        assert_eq!(test.mails_to(ADA).await.len(), mails);
    }
    let mail = test.mails_to(ADA).await.remove(0);
    assert_eq!(mail.subject, "Your key “Server” works until 31 January 2027, 18:30 UTC");
    assert!(mail.links[0].ends_with(&format!("/console/keys/{}", key.id)));

    // Whoever gives it five days more is told one day ahead, and not at once.
    let now = expiry() + TimeDelta::days(2);
    let more = TypedTerms { expires_at: "2027-02-07T18:30".to_owned(), ..no_terms("Server") };
    change_terms(&test.op(&ada, now), key.id, &more).await.unwrap();
    assert_eq!((told(now).await, told(now + TimeDelta::days(4)).await), (0, 1));
    let now = now + TimeDelta::days(4);
    change_terms(&test.op(&ada, now), key.id, &no_terms("Server")).await.unwrap();

    // The old secret of a rotation: one day ahead.
    let now = now + TimeDelta::hours(1);
    let fresh = test.fresh(&ada, now);
    super::rotate(&fresh, key.id, &super::NewRotation { overlap_days: "7".to_owned(), starts: "now".to_owned() })
        .await
        .unwrap();
    let token = test.newest_token(ADA).await;
    reveal(&fresh, &token).await.unwrap();
    assert_eq!((told(now + TimeDelta::days(5)).await, told(now + TimeDelta::days(6)).await), (0, 1));
    assert!(test.mails_to(ADA).await[0].subject.starts_with("The old secret of “Server” works until"));

    // Unused for 90 days; and again after it was used and rested once more.
    let rests = now + TimeDelta::days(90);
    assert_eq!((told(rests - TimeDelta::days(1)).await, told(rests).await), (0, 1));
    let used = Caller { secret_version: 2, ..caller(&ada, &key) };
    request_logs::store(test.portal.db(), &[row(rests + TimeDelta::days(1), Some(used))]).await.unwrap();
    assert_eq!(told(rests + TimeDelta::days(2)).await, 0);
    assert_eq!((told(rests + TimeDelta::days(90)).await, told(rests + TimeDelta::days(91)).await), (0, 1));
    assert_eq!(test.mails_to(ADA).await[0].subject, "Nobody uses your key “Server”");
}
