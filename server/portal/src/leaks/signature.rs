//! Who may report: programmes that the operator listed, by the public keys with which they sign.
//!
//! The form is that of GitHub's secret scanning partner programme: ECDSA with P-256 and SHA-256 over the bytes of the
//! body, the signature in DER and base64, beside the name of the key. Keys stand in the settings, and nothing is fetched:
//! a programme that changes its key is listed anew by the operator.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::Refusal;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

/// What stands before the point in the `SubjectPublicKeyInfo` of every P-256 key (RFC 5480 §2): the algorithm, the curve,
/// and the length of a point that is not compressed.
const SPKI_START: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A point that is not compressed: `04` and two coordinates of 32 bytes (SEC 1 §2.3.3).
const POINT_LENGTH: usize = 65;

/// Longest name of a programme, in characters.
const NAME_MAX: usize = 40;

/// Longest name of a key, in characters; GitHub's have 64.
const KEY_ID_MAX: usize = 200;

/// A public key with which a programme signs its reports.
#[derive(Clone, PartialEq, Eq)]
pub struct ProgrammeKey {
    programme: String,
    id: String,
    point: Vec<u8>,
}

impl fmt::Debug for ProgrammeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.programme, self.id)
    }
}

impl ProgrammeKey {
    /// Reads `name:key id:key`, where the key is what stands between the first and the last line of its PEM file: its
    /// `SubjectPublicKeyInfo` in base64.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (programme, rest) = text.split_once(':')?;
        let (id, key) = rest.split_once(':')?;
        let named = |text: &str, max: usize| {
            (1..=max).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        if !named(programme, NAME_MAX) || !named(id, KEY_ID_MAX) {
            return None;
        }
        let info = STANDARD.decode(key).ok()?;
        let point = info.strip_prefix(&SPKI_START)?;
        (point.len() == POINT_LENGTH && point[0] == 4).then(|| Self {
            programme: programme.to_owned(),
            id: id.to_owned(),
            point: point.to_vec(),
        })
    }

    /// Who signs with it.
    #[must_use]
    pub fn programme(&self) -> &str {
        &self.programme
    }
}

/// The programme that signed a body.
///
/// # Errors
/// [`Refusal::SignatureInvalid`], whatever is wrong: nobody learns which keys are listed.
pub(super) fn signer<'a>(
    keys: &'a [ProgrammeKey],
    id: Option<&str>,
    signature: Option<&str>,
    body: &[u8],
) -> Result<&'a str, Refusal> {
    let (Some(id), Some(signature)) = (id, signature) else { return Err(Refusal::SignatureInvalid) };
    let signature = STANDARD.decode(signature.trim()).map_err(|_| Refusal::SignatureInvalid)?;
    // Two programmes may have named their keys alike.
    keys.iter()
        .filter(|key| key.id == id)
        .find(|key| UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &key.point).verify(body, &signature).is_ok())
        .map(|key| key.programme.as_str())
        .ok_or(Refusal::SignatureInvalid)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    /// Key, body and signature that GitHub published with its documentation of the programme.
    const PUBLISHED: &str = "github:90a421169f0a406205f1563a953312f0be898d3c7b6c06b681aa86a874555f4a:MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE9MJJHnMfn2+H4xL4YaPDA4RpJqUqkCmRCBnYERxZanmcpzQSXs1X/AljlKkbJ8qpVIW4clayyef9gWhFbNHWAA==";
    const BODY: &[u8] = br#"[{"token":"some_token","type":"some_type","url":"some_url"}]"#;
    const SIGNATURE: &str =
        "MEUCIQDKZokqnCjrRtw0tni+2Ltvl/uiMJ1EGumEsp1BsNr32AIgQY1YXD2nlj+XNfGK4rBfkMJ1JDOQcYXxa2sY8FNkrKc=";
    const ID: &str = "90a421169f0a406205f1563a953312f0be898d3c7b6c06b681aa86a874555f4a";

    fn keys() -> Vec<ProgrammeKey> {
        vec![ProgrammeKey::parse(PUBLISHED).unwrap()]
    }

    #[test]
    fn the_published_example_is_accepted() {
        assert_eq!(signer(&keys(), Some(ID), Some(SIGNATURE), BODY), Ok("github"));
    }

    #[test]
    fn a_signature_of_other_bytes_by_another_key_or_none_is_refused_alike() {
        let keys = keys();
        let mut other = STANDARD.decode(SIGNATURE).unwrap();
        *other.last_mut().unwrap() ^= 1;
        let other = STANDARD.encode(other);
        let spaced = [BODY, b"\n"].concat();
        for (id, signature, body) in [
            (Some(ID), Some(SIGNATURE), &spaced[..]),
            (Some(ID), Some(SIGNATURE), &BODY[1..]),
            (Some(ID), Some(other.as_str()), BODY),
            (Some(ID), Some(""), BODY),
            (Some(ID), Some("not base64!"), BODY),
            (Some("another"), Some(SIGNATURE), BODY),
            (None, Some(SIGNATURE), BODY),
            (Some(ID), None, BODY),
        ] {
            assert_eq!(signer(&keys, id, signature, body), Err(Refusal::SignatureInvalid));
        }
        assert_eq!(signer(&[], Some(ID), Some(SIGNATURE), BODY), Err(Refusal::SignatureInvalid));
    }

    #[test]
    fn what_is_not_a_key_of_that_curve_is_not_listed() {
        let key = PUBLISHED.rsplit(':').next().unwrap();
        for wrong in [
            "",
            "github",
            "github:id",
            "github:id:",
            &format!(":id:{key}"),
            &format!("github::{key}"),
            &format!("two words:id:{key}"),
            &format!("github:id:{}", &key[4..]),
            &format!("github:id:{key}AAAA"),
            "github:id:MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=",
        ] {
            assert_eq!(ProgrammeKey::parse(wrong), None, "{wrong}");
        }
    }
}
