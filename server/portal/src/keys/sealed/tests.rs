#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;

use chrono::{DateTime, TimeDelta, Utc};
use contract::keys::hash::KeyHash;
use contract::keys::{Key, Secret};
use contract::{KeyId, Refusal, StaffRole};
use sea_orm::{ActiveModelTrait as _, EntityTrait as _, IntoActiveModel as _, Set};
use serde_json::json;

use super::seal_all;
use crate::apis::{self, NewApi};
use crate::keys::{self, load_all, read, reveal, reveal_offer, send_reveal_link, table};
use crate::testing::{self, TestPortal, at, caller, refusal, row, start};
use crate::{SignedIn, request_logs, tokens};

const ADA: &str = "ada@example.com";

fn after(seconds: i64) -> DateTime<Utc> {
    at(TimeDelta::seconds(seconds))
}

fn hash(test: &TestPortal, secret: &Secret) -> KeyHash {
    test.portal.hasher().hash(secret.reveal())
}

async fn hashes(test: &TestPortal) -> Vec<KeyHash> {
    let records = load_all(&test.portal).await.unwrap();
    records.iter().flat_map(|record| record.secrets.iter().map(|secret| secret.hash)).collect()
}

async fn stored(test: &TestPortal, id: KeyId) -> table::Model {
    table::Entity::find_by_id(id.uuid()).one(test.portal.db().read()).await.unwrap().unwrap()
}

async fn put(test: &TestPortal, key: table::ActiveModel) {
    let tx = test.portal.db().begin().await.unwrap();
    key.update(&tx).await.unwrap();
    tx.commit().await.unwrap();
}

async fn register(test: &TestPortal, slug: &str) {
    let openapi = json!({ "openapi": "3.1.0", "info": { "title": slug, "version": "1" }, "paths": {} });
    let new = NewApi { slug: slug.to_owned(), upstream_url: "https://api.example".to_owned(), openapi };
    apis::register(&test.system(start()), new).await.unwrap();
}

/// Claims: FLOW-60
#[tokio::test]
async fn a_box_that_was_moved_to_another_key_or_brought_back_is_refused() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (mine, secret) = test.revealed_key(&ada, "Mine", after(10)).await;
    let (other, others) = test.revealed_key(&ada, "Other", after(11)).await;
    assert_eq!(hashes(&test).await, [hash(&test, &secret), hash(&test, &others)]);

    // Whoever can write to the database puts one key's box, and its index, into another key's row.
    let (before, taken) = (stored(&test, mine.id).await, stored(&test, other.id).await);
    let mut swapped = before.clone().into_active_model();
    swapped.sealed = Set(taken.sealed.clone());
    put(&test, swapped).await;
    assert_eq!(hashes(&test).await, [hash(&test, &others)]);
    let mut swapped = before.clone().into_active_model();
    swapped.sealed = Set(before.sealed.clone());
    swapped.previous_hash = Set(before.secret_hash.clone());
    swapped.previous_sealed = Set(before.sealed.clone());
    put(&test, swapped).await;
    assert_eq!(hashes(&test).await, [hash(&test, &secret), hash(&test, &others)], "not from one column to another");

    // A secret that was replaced does not come back with its old box.
    let mut whole = before.clone().into_active_model();
    whole.previous_hash = Set(None);
    whole.previous_sealed = Set(None);
    put(&test, whole).await;
    send_reveal_link(&test.op(&ada, after(20)), mine.id).await.unwrap();
    let again = reveal(&test.fresh(&ada, after(20)), &test.newest_token(ADA).await).await.unwrap();
    assert_eq!(hashes(&test).await, [hash(&test, &again.secret), hash(&test, &others)]);
    let mut back = stored(&test, mine.id).await.into_active_model();
    back.sealed = Set(before.sealed.clone());
    put(&test, back).await;
    assert_eq!(hashes(&test).await, [hash(&test, &others)]);

    // A key whose box does not open can be revoked: the gateway is told that it has no secret.
    test.watcher.take();
    keys::revoke(&test.op(&ada, after(30)), mine.id).await.unwrap();
    let told = test.watcher.take();
    assert_eq!((told.len(), told[0].secrets.len(), told[0].caller.key), (1, 0, mine.id));
}

/// Claims: FLOW-60
#[tokio::test]
async fn what_an_earlier_version_stored_whole_is_sealed_once_and_nothing_of_it_stays() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, secret) = test.revealed_key(&ada, "Server", after(10)).await;
    let (rotated, _) = test.revealed_key(&ada, "Rotated", after(11)).await;
    let whole = |secret: &Secret| hash(&test, secret).0.to_vec();
    let old = Secret::new("cs_live_of_an_earlier_version".to_owned());
    for (id, previous) in [(key.id, None), (rotated.id, Some(whole(&old)))] {
        let mut row = stored(&test, id).await.into_active_model();
        let newest = if id == key.id { whole(&secret) } else { whole(&Secret::new("cs_live_another".to_owned())) };
        row.secret_hash = Set(Some(newest));
        row.previous_hash = Set(previous);
        (row.sealed, row.previous_sealed, row.pepper_id) = (Set(None), Set(None), Set(None));
        put(&test, row).await;
    }
    assert_eq!(hashes(&test).await, []);
    assert_eq!(seal_all(&test.portal, after(20).timestamp_millis()).await.unwrap(), 2);
    let known = hashes(&test).await;
    assert_eq!((known.len(), known[0], known[2]), (3, hash(&test, &secret), hash(&test, &old)));
    assert_eq!(stored(&test, key.id).await.pepper_id, Some(test.portal.hasher().id()));
    let before = test.dump().await;
    assert_eq!(seal_all(&test.portal, after(30).timestamp_millis()).await.unwrap(), 0, "once");
    assert_eq!(test.dump().await, before);

    if let Some(file) = test.sqlite_file() {
        // What a checkpoint leaves: pages are written over, and what was erased in them is zeros.
        test.texts("PRAGMA wal_checkpoint(TRUNCATE)".to_owned(), 0).await;
        let bytes = fs::read(&file).unwrap();
        let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        assert!(holds(&whole(&secret)[..16]));
        assert!(!holds(&whole(&secret)) && !holds(&whole(&secret)[16..]) && !holds(&whole(&old)[16..]));
    }
}

/// A key that is in use, and its secret.
async fn used(test: &TestPortal, owner: &SignedIn, label: &str, now: i64) -> (Key, Secret) {
    let (key, secret) = test.revealed_key(owner, label, after(now)).await;
    request_logs::store(test.portal.db(), &[row(after(now), Some(caller(owner, &key)))]).await.unwrap();
    (key, secret)
}

/// Claims: MAST-18, MAST-19, FLOW-60
#[tokio::test]
async fn where_every_api_allows_it_a_link_shows_the_same_secret_again() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let olga = test.staff("Olga", StaffRole::Admin).await;
    register(&test, "almanac").await;
    register(&test, "weather").await;
    let recovery = async |slug: &str, word: &str| {
        apis::change_recovery(&test.fresh(&olga, after(5)), slug, word).await.unwrap();
    };
    recovery("almanac", "on").await;
    // One of two does not allow it.
    let (early, _) = used(&test, &ada, "Early", 10).await;
    assert_eq!(refusal(send_reveal_link(&test.op(&ada, after(20)), early.id).await), Refusal::KeyNotRecoverable);
    let detail = read(&test.op(&ada, after(20)), early.id).await.unwrap();
    assert!(!detail.may_be_revealed && !detail.kept);

    recovery("weather", "on").await;
    let (key, secret) = used(&test, &ada, "Server", 12).await;
    test.watcher.take();
    assert!(read(&test.op(&ada, after(20)), key.id).await.unwrap().kept);
    send_reveal_link(&test.op(&ada, after(20)), key.id).await.unwrap();
    let token = test.newest_token(ADA).await;
    assert!(reveal_offer(&test.op(&ada, after(21)), &token).await.unwrap().again);
    // Somebody must say who they are, and the link works once.
    let late = start() + TimeDelta::hours(1);
    assert_eq!(refusal(reveal(&test.op(&ada, late), &token).await), Refusal::StepUpRequired { passkey: false });
    let shown = reveal(&test.fresh(&ada, late), &token).await.unwrap();
    assert_eq!((shown.secret.reveal(), shown.kept), (secret.reveal(), true));
    assert_eq!(refusal(reveal(&test.fresh(&ada, late), &token).await), Refusal::LinkUsed);
    assert_eq!(test.watcher.take(), [], "nothing changed for the gateway");

    // It stands nowhere in the clear.
    let whole = format!("{:?}", test.dump().await).to_lowercase();
    assert!(!whole.contains(&secret.reveal().to_lowercase()));
    assert!(!whole.contains(&tokens::hex(secret.reveal().as_bytes())));
}

/// Claims: FLOW-60
#[tokio::test]
async fn once_an_api_does_not_allow_it_secrets_that_were_kept_are_erased() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let olga = test.staff("Olga", StaffRole::Admin).await;
    register(&test, "almanac").await;
    let op = test.fresh(&olga, after(5));
    let kept = async || test.texts("SELECT 'x' FROM keys WHERE kept_secret IS NOT NULL".to_owned(), 1).await.len();
    apis::change_recovery(&op, "almanac", "on").await.unwrap();
    let (key, _) = used(&test, &ada, "Server", 12).await;
    assert_eq!(kept().await, 1);
    apis::change_recovery(&op, "almanac", "on").await.unwrap();
    register(&test, "almanac").await;
    assert_eq!(kept().await, 1, "nothing is erased while all allow it");
    apis::change_recovery(&op, "almanac", "off").await.unwrap();
    assert_eq!(kept().await, 0);
    assert_eq!(refusal(send_reveal_link(&test.op(&ada, after(20)), key.id).await), Refusal::KeyNotRecoverable);

    // A new API does not allow it until somebody says so; a closed one is not asked.
    apis::change_recovery(&op, "almanac", "on").await.unwrap();
    used(&test, &ada, "Second", 22).await;
    assert_eq!(kept().await, 1);
    register(&test, "weather").await;
    assert_eq!(kept().await, 0);
    apis::close(&op, "weather").await.unwrap();
    let (third, _) = used(&test, &ada, "Third", 24).await;
    assert_eq!(kept().await, 1);
    apis::reopen(&op, "weather").await.unwrap();
    assert_eq!(kept().await, 0);
    assert!(!read(&test.op(&ada, after(30)), third.id).await.unwrap().kept);

    for word in ["", "yes", "ON"] {
        let refused = refusal(apis::change_recovery(&op, "almanac", word).await);
        assert!(matches!(refused, Refusal::InvalidInput { .. }), "{refused:?}");
    }
    assert_eq!(refusal(apis::change_recovery(&op, "nowhere", "on").await), Refusal::NotFound);
    assert_eq!(refusal(apis::change_recovery(&test.op(&ada, after(30)), "almanac", "on").await), Refusal::NotFound);
}

/// The secret that takes the place of another is kept, and the one before goes.
#[tokio::test]
async fn a_rotation_keeps_the_newest_secret_alone() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let olga = test.staff("Olga", StaffRole::Admin).await;
    register(&test, "almanac").await;
    apis::change_recovery(&test.fresh(&olga, after(5)), "almanac", "on").await.unwrap();
    let (key, first) = used(&test, &ada, "Server", 12).await;
    let fresh = test.fresh(&ada, after(20));
    let wish = keys::NewRotation { overlap_days: "7".to_owned(), starts: "now".to_owned() };
    keys::rotate(&fresh, key.id, &wish).await.unwrap();
    let token = test.newest_token(ADA).await;
    assert!(!reveal_offer(&fresh, &token).await.unwrap().again);
    let second = reveal(&fresh, &token).await.unwrap().secret;
    assert_ne!(first, second);
    let fresh = test.fresh(&ada, after(30));
    send_reveal_link(&fresh, key.id).await.unwrap();
    assert_eq!(reveal(&fresh, &test.newest_token(ADA).await).await.unwrap().secret, second);
    assert_eq!(hashes(&test).await, [hash(&test, &second), hash(&test, &first)]);
}
