//! A programme that looks for secrets in public places, as every test's portal knows it.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portal::leaks::ProgrammeKey;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

struct Programme(EcdsaKeyPair);

fn programme() -> &'static Programme {
    static ONE: OnceLock<Programme> = OnceLock::new();
    ONE.get_or_init(|| {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).unwrap();
        Programme(pair)
    })
}

/// How the settings list it.
pub fn listed() -> String {
    let start = "3059301306072a8648ce3d020106082a8648ce3d030107034200";
    let mut info: Vec<u8> =
        (0..start.len() / 2).map(|at| u8::from_str_radix(&start[at * 2..at * 2 + 2], 16).unwrap()).collect();
    info.extend_from_slice(programme().0.public_key().as_ref());
    format!("scanner:key-1:{}", STANDARD.encode(info))
}

/// The same, as the portal knows it.
pub fn listed_key() -> ProgrammeKey {
    ProgrammeKey::parse(&listed()).unwrap()
}

/// Its signature over these bytes.
pub fn sign(body: &[u8]) -> String {
    STANDARD.encode(programme().0.sign(&SystemRandom::new(), body).unwrap())
}
