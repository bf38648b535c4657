#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::{DateTime, TimeDelta, Utc};
use contract::fields::Problem;
use contract::imports::TypedImport;
use contract::keys::KeyState;
use contract::keys::hash::KeyHasher;
use contract::{Refusal, StaffRole};
use sha2::{Digest as _, Sha256};

use super::{Outdated, create, list, old_formats, rekey, see};
use crate::testing::{self, PEPPER, at, refusal, start};
use crate::{Error, Portal, Secrets, keys, tokens};

fn after(seconds: i64) -> DateTime<Utc> {
    at(TimeDelta::seconds(seconds))
}

/// A key of another system.
fn old(number: u32) -> String {
    format!("old_{number:024}")
}

fn sha256(text: &str) -> String {
    tokens::hex(&Sha256::digest(text.as_bytes()))
}

fn import(rows: &str) -> TypedImport {
    TypedImport {
        prefix: "old_".to_owned(),
        length_min: "28".to_owned(),
        length_max: "28".to_owned(),
        alphabet: "base62".to_owned(),
        rows: rows.to_owned(),
    }
}

/// What is wrong, as the command line prints it.
fn problems(result: crate::Result<contract::imports::Import>) -> Vec<(String, Problem)> {
    let Refusal::InvalidInput { fields } = refusal(result) else { panic!() };
    fields.into_iter().map(|field| (field.field, field.problem)).collect()
}

/// Claims: MAST-11, FLOW-60
#[tokio::test]
async fn an_imported_key_is_known_by_its_sha256_until_it_is_used_and_by_its_text_from_then_on() {
    let test = testing::portal().await;
    let (ada, bob) = (test.sign_up_and_verify("Ada").await, test.sign_up_and_verify("Bob").await);
    let rows = format!(
        "sha256,label,organization,environment,expires_at\n{},Server,ADA@example.com,live,\n{},\"Cron, nightly\",{},test,2027-01-31\n",
        sha256(&old(1)),
        sha256(&old(2)).to_uppercase(),
        bob.organization.id,
    );
    let system = test.system(after(10));
    let made = create(&system, &import(&rows)).await.unwrap();
    assert_eq!((made.keys, made.rekeyed, made.waiting()), (2, 0, 2));
    assert_eq!(old_formats(test.portal.db()).await.unwrap(), std::slice::from_ref(&made.format));

    // The gateway was told of both, as of any other key.
    let hasher = test.portal.hasher();
    let told = test.watcher.take();
    let known: Vec<_> = told.iter().map(|record| record.secrets[0].hash).collect();
    assert_eq!(known, [1, 2].map(|number| hasher.imported_as(&old(number)).next().unwrap()));
    assert_eq!(keys::load_all(&test.portal).await.unwrap().len(), 2);
    let hers = keys::list(&test.op(&ada, after(11)), None).await.unwrap();
    assert_eq!((hers[0].label.as_str(), hers[0].hint.as_str(), hers[0].state), ("Server", "old_…", KeyState::Active));
    let his = keys::list(&test.op(&bob, after(11)), None).await.unwrap();
    assert_eq!(his[0].label, "Cron, nightly");
    let ends = keys::read(&test.op(&bob, after(11)), his[0].id).await.unwrap().terms.expires_at;
    assert_eq!(ends, Some("2027-01-31T00:00:00Z".parse::<DateTime<Utc>>().unwrap().timestamp_millis()));
    // Whoever holds it goes on with it: no secret takes its place but by a rotation.
    assert!(!keys::read(&test.op(&ada, after(11)), hers[0].id).await.unwrap().may_be_revealed);
    assert_eq!(
        refusal(keys::send_reveal_link(&test.op(&ada, after(11)), hers[0].id).await),
        Refusal::KeyNotRecoverable
    );

    // Of the SHA-256 nothing stays.
    let whole = format!("{:?}", test.dump().await).to_lowercase();
    assert!(!whole.contains(&sha256(&old(1))) && !whole.contains(&sha256(&old(1))[..32]));

    let first_use = Outdated { key: hers[0].id, known: known[0], newest: hasher.hash(&old(1)) };
    assert!(rekey(&system, first_use).await.unwrap());
    let told = test.watcher.take();
    assert_eq!((told[0].secrets[0].hash, told[0].replaced.clone()), (hasher.hash(&old(1)), vec![known[0]]));
    let before = test.dump().await;
    assert!(!rekey(&system, first_use).await.unwrap(), "once");
    assert_eq!(test.dump().await, before);

    let progress = see(&system, made.id).await.unwrap();
    assert_eq!((progress.import.rekeyed, progress.import.waiting()), (1, 1));
    let waiting: Vec<_> = progress.waiting.iter().map(|key| (key.label.as_str(), key.organization.as_str())).collect();
    assert_eq!(waiting, [("Cron, nightly", "Bob")]);
    assert_eq!(list(&system).await.unwrap(), [progress.import]);

    // It is not imported twice, used or not.
    assert_eq!(
        problems(create(&system, &import(&rows)).await),
        [("line 2, sha256".to_owned(), Problem::KnownKey), ("line 3, sha256".to_owned(), Problem::KnownKey)]
    );
}

#[tokio::test]
async fn an_import_with_a_bad_line_names_it_and_stores_nothing() {
    let test = testing::portal().await;
    test.sign_up_and_verify("Ada").await;
    let system = test.system(after(10));
    let before = test.dump().await;
    let (one, two) = (sha256(&old(1)), sha256(&old(2)));
    let ada = "ada@example.com";
    let rows = format!(
        "{one},Server,{ada},live\n{two},Cron,{ada},live,2020-01-01\n{one},Again,{ada},live\n{},Short,{ada},live\n\
         {two},,{ada},prod\n{two},X,eve@example.com,live\n{two},X,acc_1,live\n{two},X,{ada},live,,more\n",
        &two[1..]
    );
    let found = problems(create(&system, &import(&rows)).await);
    let found: Vec<_> = found.iter().map(|(field, problem)| (field.as_str(), *problem)).collect();
    assert_eq!(
        found,
        [
            ("line 2, expires_at", Problem::NotInTheFuture),
            ("line 3, sha256", Problem::SameAsLine { line: 1 }),
            ("line 4, sha256", Problem::NotASha256),
            ("line 5, sha256", Problem::SameAsLine { line: 2 }),
            ("line 5, label", Problem::Empty),
            ("line 5, environment", Problem::NotAChoice),
            ("line 6, sha256", Problem::SameAsLine { line: 5 }),
            ("line 7, sha256", Problem::SameAsLine { line: 6 }),
            ("line 7, organization", Problem::NoSuchOrganization),
            ("line 8, row", Problem::NotARow),
        ]
    );
    let unknown = format!("{one},Server,eve@example.com,live\n");
    assert_eq!(problems(create(&system, &import(&unknown)).await)[0].1, Problem::NoSuchOrganization);
    for rows in ["", "\n\n", "sha256,label,organization,environment\n"] {
        assert_eq!(problems(create(&system, &import(rows)).await), [("rows".to_owned(), Problem::Empty)]);
    }
    assert!(!problems(create(&system, &import("\"x\0")).await).is_empty());

    // What the old keys look like must leave something to guess, and must not be taken for ours.
    let rows = format!("{one},Server,{ada},live\n");
    for (change, field) in [
        (TypedImport { prefix: "cs_live_".to_owned(), ..import(&rows) }, "prefix"),
        (TypedImport { prefix: "x".repeat(17), ..import(&rows) }, "prefix"),
        (TypedImport { prefix: "a b".to_owned(), ..import(&rows) }, "prefix"),
        (TypedImport { length_min: "15".to_owned(), ..import(&rows) }, "length_min"),
        (TypedImport { length_max: "27".to_owned(), ..import(&rows) }, "length_max"),
        (TypedImport { length_max: String::new(), ..import(&rows) }, "length_max"),
        (TypedImport { alphabet: "klingon".to_owned(), ..import(&rows) }, "alphabet"),
    ] {
        assert_eq!(problems(create(&system, &change).await)[0].0, field);
    }
    assert_eq!(test.dump().await, before);
    assert_eq!(test.watcher.take(), []);
}

#[tokio::test]
async fn staff_who_manage_keys_import_and_all_staff_see_how_far_it_is() {
    let test = testing::portal().await;
    let sam = test.staff("Sam", StaffRole::Support).await;
    let olga = test.staff("Olga", StaffRole::Admin).await;
    let ada = test.sign_up_and_verify("Ada").await;
    let rows = format!("{},Server,ada@example.com,live\n", sha256(&old(1)));
    assert_eq!(refusal(create(&test.op(&ada, after(10)), &import(&rows)).await), Refusal::NotFound);
    assert_eq!(refusal(create(&test.op(&sam, after(10)), &import(&rows)).await), Refusal::NotAllowed);
    let late = start() + TimeDelta::hours(1);
    assert!(matches!(
        create(&test.op(&olga, late), &import(&rows)).await,
        Err(Error::Refused(Refusal::StepUpRequired { .. }))
    ));
    let made = create(&test.fresh(&olga, late), &import(&rows)).await.unwrap();
    assert_eq!(see(&test.op(&sam, after(20)), made.id).await.unwrap().waiting.len(), 1);
    assert_eq!(refusal(see(&test.op(&ada, after(20)), made.id).await), Refusal::NotFound);
    assert!(test.actions().await.contains(&"key.imported".to_owned()));
    let outdated = {
        let hasher = test.portal.hasher();
        let key = see(&test.op(&sam, after(20)), made.id).await.unwrap().waiting[0].key;
        Outdated { key, known: hasher.imported_as(&old(1)).next().unwrap(), newest: hasher.hash(&old(1)) }
    };
    assert_eq!(refusal(rekey(&test.op(&olga, late), outdated).await), Refusal::NotAllowed);
}

/// The old secret of a rotation may be one that was imported.
#[tokio::test]
async fn an_imported_key_is_rotated_like_any_other() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let system = test.system(after(10));
    create(&system, &import(&format!("{},Server,ada@example.com,live\n", sha256(&old(1))))).await.unwrap();
    let key = keys::list(&test.op(&ada, after(11)), None).await.unwrap().remove(0);
    let fresh = test.fresh(&ada, after(20));
    let wish = keys::NewRotation { overlap_days: "7".to_owned(), starts: "now".to_owned() };
    keys::rotate(&fresh, key.id, &wish).await.unwrap();
    let shown = keys::reveal(&fresh, &test.newest_token("ada@example.com").await).await.unwrap();
    let hasher = test.portal.hasher();
    let by_sha256 = hasher.imported_as(&old(1)).next().unwrap();
    let hashes = async || -> Vec<_> {
        let records = keys::load_all(&test.portal).await.unwrap();
        records[0].secrets.iter().map(|secret| secret.hash).collect()
    };
    assert_eq!(hashes().await, [hasher.hash(shown.secret.reveal()), by_sha256]);
    let outdated = Outdated { key: key.id, known: by_sha256, newest: hasher.hash(&old(1)) };
    assert!(rekey(&system, outdated).await.unwrap());
    assert_eq!(hashes().await, [hasher.hash(shown.secret.reveal()), hasher.hash(&old(1))]);
}

/// Claims: FLOW-60
#[tokio::test]
async fn a_new_pepper_takes_over_each_key_with_its_next_use() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, secret) = test.revealed_key(&ada, "Server", after(10)).await;
    let hasher = KeyHasher::new(&[8; 32]).with_older(&[PEPPER]);
    let secrets = Secrets { hasher: hasher.clone(), ..testing::secrets() };
    let after_change =
        Portal::new(test.portal.db().clone(), test.portal.settings().clone(), secrets, test.watcher.clone());
    let hash = async || keys::load_all(&after_change).await.unwrap()[0].secrets[0].hash;
    let known = hash().await;
    assert_eq!(Some(known), hasher.older(secret.reveal()).next());
    let outdated = Outdated { key: key.id, known, newest: hasher.hash(secret.reveal()) };
    let op = after_change.op(crate::Actor::System, after(20), test.system(after(20)).request);
    assert!(rekey(&op, outdated).await.unwrap());
    assert_eq!(hash().await, hasher.hash(secret.reveal()));
    // The chain of events goes on with the first pepper.
    let verdict = crate::audit_log::verify(&op, None).await.unwrap();
    assert!(matches!(verdict, contract::audit_log::Verdict::Sound { .. }), "{verdict:?}");
}
