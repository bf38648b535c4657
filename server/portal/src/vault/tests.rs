#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::TimeDelta;
use contract::OrganizationId;
use contract::keys::hash::KeyHasher;
use sea_orm::{ActiveModelTrait as _, EntityTrait as _, IntoActiveModel as _, Set};
use uuid::Uuid;

use super::table::Entity;
use super::{DataKeys, Place, Vault, check, in_use, kek_id, rewrap};
use crate::testing::{self, KEK, TestPortal, at, start};
use crate::{Portal, Secrets, SignedIn, keys};

const NEW: [u8; 32] = [8; 32];

/// The same portal with other key-encryption keys.
fn with(test: &TestPortal, vault: Vault) -> Portal {
    let secrets = Secrets { hasher: KeyHasher::new(&testing::PEPPER), vault };
    Portal::new(test.portal.db().clone(), test.portal.settings().clone(), secrets, test.watcher.clone())
}

async fn to_seal(test: &TestPortal, organization: OrganizationId) -> DataKeys {
    let tx = test.portal.db().begin().await.unwrap();
    let keys = test.portal.vault().open_to_seal(&tx, start().timestamp_millis(), organization).await.unwrap();
    tx.commit().await.unwrap();
    keys
}

fn place() -> Place {
    Place { table: "keys", column: "sealed", row: Uuid::from_u128(7) }
}

/// Claims: FLOW-60
#[tokio::test]
async fn a_box_of_which_any_bit_was_changed_does_not_open() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let keys = to_seal(&test, ada.organization.id).await;
    let sealed = keys.seal(place(), b"a canary").unwrap();
    assert_eq!(*keys.open(place(), &sealed).unwrap(), b"a canary");
    assert_ne!(sealed, keys.seal(place(), b"a canary").unwrap(), "each box has a nonce of its own");
    for bit in 0..sealed.len() * 8 {
        let mut damaged = sealed.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(keys.open(place(), &damaged).is_err(), "bit {bit}");
    }
    for length in 0..sealed.len() {
        assert!(keys.open(place(), &sealed[..length]).is_err(), "{length} bytes");
    }
    assert!(keys.open(place(), &[sealed, vec![0]].concat()).is_err());
}

/// Claims: FLOW-60
#[tokio::test]
async fn a_box_opens_in_its_own_place_only() {
    let test = testing::portal().await;
    let (ada, bob) = (test.sign_up_and_verify("Ada").await, test.sign_up_and_verify("Bob").await);
    let (hers, his) = (to_seal(&test, ada.organization.id).await, to_seal(&test, bob.organization.id).await);
    let sealed = hers.seal(place(), b"a canary").unwrap();
    for elsewhere in [
        Place { row: Uuid::from_u128(8), ..place() },
        Place { column: "previous_sealed", ..place() },
        Place { table: "accounts", ..place() },
        // Parts are told apart, not only their text.
        Place { table: "keyss", column: "ealed", ..place() },
    ] {
        assert!(hers.open(elsewhere, &sealed).is_err(), "{elsewhere:?}");
    }
    assert!(his.open(place(), &sealed).is_err());
}

/// Claims: FLOW-60
#[tokio::test]
async fn a_data_key_cannot_stand_in_for_another_s() {
    let test = testing::portal().await;
    let (ada, bob) = (test.sign_up_and_verify("Ada").await, test.sign_up_and_verify("Bob").await);
    let (_, hers) = test.revealed_key(&ada, "Hers", at(TimeDelta::seconds(5))).await;
    let (_, his) = test.revealed_key(&bob, "His", at(TimeDelta::seconds(6))).await;
    let hashes = async || -> Vec<_> {
        keys::load_all(&test.portal).await.unwrap().iter().map(|record| record.secrets[0].hash).collect()
    };
    let hash = |secret: &contract::keys::Secret| test.portal.hasher().hash(secret.reveal());
    assert_eq!(hashes().await, [hash(&hers), hash(&his)]);

    // A wrapped data key cannot stand in for another's.
    let id = |person: &SignedIn| person.organization.id.uuid();
    let tx = test.portal.db().begin().await.unwrap();
    let his_row = Entity::find_by_id((id(&bob), 1)).one(&tx).await.unwrap().unwrap();
    let mut her_row = Entity::find_by_id((id(&ada), 1)).one(&tx).await.unwrap().unwrap().into_active_model();
    her_row.wrapped = Set(his_row.wrapped);
    her_row.update(&tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(hashes().await, [hash(&his)]);
}

/// Claims: FLOW-60
#[tokio::test]
async fn an_erased_data_key_takes_its_boxes_along_and_no_others() {
    let test = testing::portal().await;
    let (ada, bob) = (test.sign_up_and_verify("Ada").await, test.sign_up_and_verify("Bob").await);
    test.revealed_key(&ada, "Hers", at(TimeDelta::seconds(5))).await;
    let (_, his) = test.revealed_key(&bob, "His", at(TimeDelta::seconds(6))).await;
    let tx = test.portal.db().begin().await.unwrap();
    let hers = (ada.organization.id.uuid(), 1_i64);
    Entity::delete_by_id(hers).exec(&tx).await.unwrap();
    tx.commit().await.unwrap();
    let known = keys::load_all(&test.portal).await.unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!(known[0].secrets[0].hash, test.portal.hasher().hash(his.reveal()));
    // A new data key does not open what the old one sealed.
    to_seal(&test, ada.organization.id).await;
    let known = keys::load_all(&test.portal).await.unwrap();
    assert_eq!(known.iter().map(|record| record.secrets.len()).sum::<usize>(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_organization_gets_one_data_key_however_many_ask_at_once() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (one, other) = tokio::join!(to_seal(&test, ada.organization.id), to_seal(&test, ada.organization.id));
    assert_eq!(*other.open(place(), &one.seal(place(), b"a canary").unwrap()).unwrap(), b"a canary");
    assert_eq!(test.count("data_keys").await, 1);
}

/// Claims: FLOW-60, MASA-22
#[tokio::test]
async fn a_new_key_encryption_key_takes_over_and_the_old_one_can_go() {
    let test = testing::portal().await;
    let mut hashes = Vec::new();
    for (name, seconds) in [("Ada", 5), ("Bob", 6), ("Eve", 7)] {
        let person = test.sign_up_and_verify(name).await;
        let (_, secret) = test.revealed_key(&person, "Server", at(TimeDelta::seconds(seconds))).await;
        hashes.push(test.portal.hasher().hash(secret.reveal()));
    }
    let known = async |portal: &Portal| -> Vec<_> {
        keys::load_all(portal).await.unwrap().iter().map(|record| record.secrets[0].hash).collect()
    };
    let used = async || -> Vec<_> {
        let used = in_use(test.portal.db()).await.unwrap();
        used.into_iter().map(|used| (used.id, used.data_keys)).collect()
    };
    assert_eq!(used().await, [(kek_id(&KEK), 3)]);

    // Without the old one nothing starts, and the message names it.
    let missing = check(test.portal.db(), &Vault::new(&NEW, &[])).await.unwrap_err().to_string();
    assert!(missing.contains(&kek_id(&KEK)) && missing.contains("security.kek"), "{missing}");
    check(test.portal.db(), &Vault::new(&NEW, &[KEK])).await.unwrap();

    let both = with(&test, Vault::new(&NEW, &[KEK]));
    assert_eq!(known(&both).await, hashes);
    assert_eq!(rewrap(&both).await.unwrap(), 3);
    assert_eq!(used().await, [(kek_id(&NEW), 3)]);
    let before = test.dump().await;
    assert_eq!(rewrap(&both).await.unwrap(), 0, "once");
    assert_eq!(test.dump().await, before);

    let alone = with(&test, Vault::new(&NEW, &[]));
    check(alone.db(), alone.vault()).await.unwrap();
    assert_eq!(known(&alone).await, hashes);
    assert!(check(test.portal.db(), &Vault::new(&KEK, &[])).await.unwrap_err().to_string().contains(&kek_id(&NEW)));
}

/// A start that was killed half-way leaves some data keys under the one and some under the other.
#[tokio::test]
async fn wrapping_anew_goes_on_where_it_was_interrupted() {
    let test = testing::portal().await;
    let mut organizations = Vec::new();
    for name in ["Ada", "Bob"] {
        organizations.push(test.sign_up_and_verify(name).await.organization.id);
        to_seal(&test, organizations[organizations.len() - 1]).await;
    }
    let both = with(&test, Vault::new(&NEW, &[KEK]));
    let before = to_seal(&test, organizations[0]).await;
    let sealed = before.seal(place(), b"a canary").unwrap();
    rewrap(&both).await.unwrap();
    let eve = test.sign_up_and_verify("Eve").await;
    to_seal(&test, eve.organization.id).await;
    assert_eq!(in_use(test.portal.db()).await.unwrap().len(), 2);
    assert_eq!(rewrap(&both).await.unwrap(), 1);
    assert_eq!(in_use(test.portal.db()).await.unwrap().len(), 1);
    let tx = both.db().begin().await.unwrap();
    let after = both.vault().open(&tx, organizations[0]).await.unwrap();
    assert_eq!(*after.open(place(), &sealed).unwrap(), b"a canary");
}

#[test]
fn neither_a_key_nor_what_holds_it_can_be_printed() {
    let printed = format!("{:?}", Vault::new(&[0xab; 32], &[]));
    assert!(!printed.contains("171, 171") && !printed.contains("abab"), "{printed}");
    assert_eq!(kek_id(&[0xab; 32]).len(), 16);
    assert_ne!(kek_id(&[0xab; 32]), kek_id(&[0xac; 32]));
}
