//! Random text, and the hash by which a token is found again.

use anyhow::anyhow;
use contract::keys::format::ALPHABET;
use sha2::{Digest, Sha256};
use uuid::{NoContext, Timestamp, Uuid};

/// 43 characters of base62 hold 256 bits: as much as the hash that is stored of them.
pub(crate) const TOKEN_LENGTH: usize = 43;

/// Random characters of base62, without bias.
pub(crate) fn random_text<const LENGTH: usize>() -> anyhow::Result<[u8; LENGTH]> {
    // 248 is the largest multiple of 62 in a byte; the bytes above it would favour the first letters.
    const FAIR: u8 = 248;
    let mut text = [0; LENGTH];
    let mut filled = 0;
    while filled < LENGTH {
        let mut bytes = [0; 64];
        getrandom::fill(&mut bytes).map_err(|error| anyhow!("the system gives no randomness: {error}"))?;
        for byte in bytes.into_iter().filter(|byte| *byte < FAIR).take(LENGTH - filled) {
            text[filled] = ALPHABET[usize::from(byte % 62)];
            filled += 1;
        }
    }
    Ok(text)
}

/// Random bytes.
pub(crate) fn random_bytes<const LENGTH: usize>() -> anyhow::Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("the system gives no randomness: {error}"))?;
    Ok(bytes)
}

/// A new token: what a link or a cookie carries.
pub(crate) fn new_token() -> anyhow::Result<String> {
    Ok(random_text::<TOKEN_LENGTH>()?.iter().map(|byte| char::from(*byte)).collect())
}

/// What is stored of a token. Plain SHA-256 is enough: the token has 256 random bits, there is nothing to guess.
pub(crate) fn token_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// Hexadecimal digits of a hash.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A `UUIDv7` of that moment.
pub(crate) fn new_uuid(now: chrono::DateTime<chrono::Utc>) -> Uuid {
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, now.timestamp_subsec_nanos()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn random_text_uses_the_whole_alphabet_evenly() {
        let mut counts = [0u32; 128];
        for _ in 0..200 {
            for byte in random_text::<620>().unwrap() {
                counts[usize::from(byte)] += 1;
            }
        }
        let used: Vec<u32> = counts.into_iter().filter(|count| *count > 0).collect();
        // 124,000 draws over 62 letters: 2,000 each, ±6 standard deviations of 44.
        assert_eq!(used.len(), 62);
        assert!(used.iter().all(|count| (1_730..=2_270).contains(count)), "{used:?}");
    }

    #[test]
    fn two_tokens_differ_and_carry_256_bits() {
        assert_ne!(new_token().unwrap(), new_token().unwrap());
        assert!(62f64.log2() * TOKEN_LENGTH as f64 >= 256.0);
    }
}
