//! The keyed hash by which a secret is looked up: HMAC-SHA-256 (RFC 2104) under the portal's pepper.
//!
//! Whoever reads the database without the pepper can neither test a guess nor compare with another portal's hashes.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What is stored of a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash(pub [u8; 32]);

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash")
    }
}

/// Hashes secrets. Holds the pepper and never shows it.
#[derive(Clone)]
pub struct KeyHasher {
    keyed: Hmac<Sha256>,
}

impl fmt::Debug for KeyHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHasher")
    }
}

impl KeyHasher {
    /// Precomputes the inner and outer pads, so that a lookup costs two blocks of SHA-256.
    #[must_use]
    pub fn new(pepper: &[u8; 32]) -> Self {
        // RFC 2104 §2 fills a short key with zeros up to the block size, 64 bytes.
        let mut block = [0; 64];
        block[..pepper.len()].copy_from_slice(pepper);
        Self { keyed: Hmac::<Sha256>::new(&block.into()) }
    }

    /// The hash of a secret.
    #[must_use]
    pub fn hash(&self, secret: &str) -> KeyHash {
        let mut mac = self.keyed.clone();
        mac.update(secret.as_bytes());
        KeyHash(mac.finalize().into_bytes().into())
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

    /// FLOW-60: a plain SHA-256 of a secret must never stand in the database.
    #[test]
    fn a_hash_is_the_published_construction() {
        // RFC 4231 gives no case with a 32-byte key; this value is from an independent implementation (Python's hmac).
        let hash = KeyHasher::new(&[0x0b; 32]).hash("Hi There");
        assert_eq!(hash.0[..4], [0x19, 0x8a, 0x60, 0x7e]);
    }
}
