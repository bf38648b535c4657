//! The chain: each event's hash covers the event and the hash before it, under a key that the database does not hold.
//!
//! - Whoever can write to the database, and has no pepper, cannot alter, insert, remove or reorder an event so that the
//!   chain still fits.
//! - Whoever puts an old copy of the whole database in place is found by a head that was noted elsewhere:
//!   `countersign audit verify` prints it, and takes one to compare with.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::table::events::Model;

/// What an event's predecessor is when there is none.
pub(super) const START: [u8; 32] = [0; 32];

/// The key of the chain. Derived from the pepper.
#[derive(Clone)]
pub(crate) struct ChainKey(Hmac<Sha256>);

impl fmt::Debug for ChainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChainKey")
    }
}

impl ChainKey {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        // RFC 2104 §2 fills a short key with zeros up to the block size.
        let mut block = [0; 64];
        block[..key.len()].copy_from_slice(&key);
        Self(Hmac::<Sha256>::new(&block.into()))
    }

    /// The hash of an event that follows `before`.
    pub(super) fn hash(&self, before: &[u8], event: &Model) -> Vec<u8> {
        let mut mac = self.0.clone();
        // Says what is hashed, so that no personal text can pass for an event.
        mac.update(b"event");
        mac.update(before);
        let mut field = |bytes: &[u8]| {
            // Each with its length, so that no field can borrow from its neighbour.
            mac.update(&(bytes.len() as u64).to_be_bytes());
            mac.update(bytes);
        };
        field(&event.seq.to_be_bytes());
        field(event.id.as_bytes());
        field(&event.at.to_be_bytes());
        field(event.actor_kind.as_bytes());
        field(event.action.as_bytes());
        field(event.details.as_bytes());
        let optional = [
            event.actor_id.map(|id| id.as_bytes().to_vec()),
            event.organization_id.map(|id| id.as_bytes().to_vec()),
            event.account_id.map(|id| id.as_bytes().to_vec()),
            event.object.as_ref().map(|text| text.as_bytes().to_vec()),
            event.personal_hash.clone(),
        ];
        for value in optional {
            match value {
                // What is absent differs from what is empty.
                None => field(&[0]),
                Some(bytes) => {
                    field(&[1]);
                    field(&bytes);
                }
            }
        }
        mac.finalize().into_bytes().to_vec()
    }

    /// What the chain holds of a personal text. The salt goes with the text: what is left cannot be guessed at.
    pub(super) fn personal(&self, salt: &[u8], text: &str) -> Vec<u8> {
        let mut mac = self.0.clone();
        mac.update(b"personal");
        mac.update(salt);
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }
}
