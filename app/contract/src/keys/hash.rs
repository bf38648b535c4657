//! The keyed hash by which a secret is looked up: HMAC-SHA-256 (RFC 2104) under the portal's pepper.
//!
//! Whoever reads the database without the pepper can neither test a guess nor compare with another portal's hashes.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};

/// What is stored of a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash(pub [u8; 32]);

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash")
    }
}

/// Hashes secrets. Holds the peppers and never shows them: the newest hashes what is new, the older ones only recognise
/// what was hashed before.
#[derive(Clone)]
pub struct KeyHasher {
    newest: Pepper,
    older: Vec<Pepper>,
}

#[derive(Clone)]
struct Pepper {
    keyed: Hmac<Sha256>,
}

impl fmt::Debug for KeyHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHasher")
    }
}

/// What stands before the SHA-256 of an imported key: no key of ours reads so.
const IMPORTED: &[u8] = b"countersign: imported";

impl Pepper {
    /// Precomputes the inner and outer pads, so that a lookup costs two blocks of SHA-256.
    fn new(pepper: &[u8; 32]) -> Self {
        // RFC 2104 §2 fills a short key with zeros up to the block size, 64 bytes.
        let mut block = [0; 64];
        block[..pepper.len()].copy_from_slice(pepper);
        Self { keyed: Hmac::<Sha256>::new(&block.into()) }
    }

    fn hash(&self, parts: &[&[u8]]) -> KeyHash {
        let mut mac = self.keyed.clone();
        parts.iter().for_each(|part| mac.update(part));
        KeyHash(mac.finalize().into_bytes().into())
    }

    /// Tells peppers apart, and nothing more.
    fn id(&self) -> String {
        let KeyHash(bytes) = self.hash(&[b"countersign: id of a pepper"]);
        bytes[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl KeyHasher {
    /// A hasher with one pepper.
    #[must_use]
    pub fn new(pepper: &[u8; 32]) -> Self {
        Self { newest: Pepper::new(pepper), older: Vec::new() }
    }

    /// The same, which also recognises what was hashed under these, the newest of them first.
    #[must_use]
    pub fn with_older(mut self, older: &[[u8; 32]]) -> Self {
        self.older.extend(older.iter().map(Pepper::new));
        self
    }

    /// The hash of a secret.
    #[must_use]
    pub fn hash(&self, secret: &str) -> KeyHash {
        self.newest.hash(&[secret.as_bytes()])
    }

    /// What the hash of a secret was under each older pepper; usually there is none.
    pub fn older(&self, secret: &str) -> impl Iterator<Item = KeyHash> {
        self.older.iter().map(move |pepper| pepper.hash(&[secret.as_bytes()]))
    }

    /// The hash of an imported key, of which only the SHA-256 is known.
    #[must_use]
    pub fn imported(&self, sha256: &[u8; 32]) -> KeyHash {
        self.newest.hash(&[IMPORTED, sha256])
    }

    /// Under which hashes an imported key may be known that was not used yet, by its SHA-256.
    pub fn imported_under(&self, sha256: [u8; 32]) -> impl Iterator<Item = KeyHash> {
        let peppers = std::iter::once(&self.newest).chain(&self.older);
        peppers.map(move |pepper| pepper.hash(&[IMPORTED, &sha256]))
    }

    /// The same by its text.
    pub fn imported_as(&self, text: &str) -> impl Iterator<Item = KeyHash> {
        self.imported_under(Sha256::digest(text.as_bytes()).into())
    }

    /// A key of its own for something that must outlive every change of pepper: from the first that there was.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        self.older.last().unwrap_or(&self.newest).hash(&[b"countersign: ", purpose.as_bytes()]).0
    }

    /// The id of the newest pepper.
    #[must_use]
    pub fn id(&self) -> String {
        self.newest.id()
    }

    /// The ids of all peppers, the newest first.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        std::iter::once(&self.newest).chain(&self.older).map(Pepper::id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_depends_on_secret_and_pepper() {
        let (one, two) = (KeyHasher::new(&[1; 32]), KeyHasher::new(&[2; 32]));
        assert_eq!(one.hash("a"), one.hash("a"));
        assert_ne!(one.hash("a"), one.hash("b"));
        assert_ne!(one.hash("a"), two.hash("a"));
    }

    #[test]
    fn an_older_pepper_recognises_and_hashes_nothing_new() {
        let (old, new) = (KeyHasher::new(&[1; 32]), KeyHasher::new(&[2; 32]));
        let both = new.clone().with_older(&[[1; 32]]);
        assert_eq!(both.hash("a"), new.hash("a"));
        assert_eq!(both.older("a").collect::<Vec<_>>(), [old.hash("a")]);
        assert_eq!(new.older("a").count(), 0);
        assert_eq!(both.ids(), [new.id(), old.id()]);
        // What was derived goes on with the first pepper.
        assert_eq!(both.derive("audit log"), old.derive("audit log"));
        assert_eq!(old.derive("audit log"), old.hash("countersign: audit log").0);
    }

    #[test]
    fn an_imported_key_is_known_by_its_sha256_under_every_pepper() {
        let hasher = KeyHasher::new(&[2; 32]).with_older(&[[1; 32]]);
        let sha256: [u8; 32] = Sha256::digest(b"old_1234").into();
        let known: Vec<KeyHash> = hasher.imported_as("old_1234").collect();
        assert_eq!(known, [hasher.imported(&sha256), KeyHasher::new(&[1; 32]).imported(&sha256)]);
        assert!(!known.contains(&hasher.hash("old_1234")));
    }

    /// FLOW-60: a plain SHA-256 of a secret must never stand in the database.
    #[test]
    fn a_hash_is_the_published_construction() {
        // RFC 4231 gives no case with a 32-byte key; this value is from an independent implementation (Python's hmac).
        let hash = KeyHasher::new(&[0x0b; 32]).hash("Hi There");
        assert_eq!(hash.0[..4], [0x19, 0x8a, 0x60, 0x7e]);
    }
}
