//! An authenticator and the browser around it, in memory, for tests: it answers what `navigator.credentials` would.
//!
//! Honest by default; each public field of [`Device`] is one way not to be. It keeps passkeys that can be found without
//! their ids only when asked for such, as real ones do, so a server that forgets to ask fails its sign-in test.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_cbor_2::Value as Cbor;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// ECDSA with P-256 and SHA-256 (RFC 9053 §2.1): what the device really uses.
const ES256: i64 = -7;

/// `EdDSA` (RFC 9053 §2.2): a device can claim it with [`Device::algorithm`].
pub const EDDSA: i64 = -8;

/// Bits of the flags of authenticator data (`WebAuthn` Level 3 §6.1).
mod flags {
    pub(super) const PRESENT: u8 = 1;
    pub(super) const VERIFIED: u8 = 1 << 2;
    pub(super) const BACKUP_ELIGIBLE: u8 = 1 << 3;
    pub(super) const BACKED_UP: u8 = 1 << 4;
    pub(super) const HAS_CREDENTIAL: u8 = 1 << 6;
}

/// One passkey with its private half.
#[derive(Clone)]
struct Credential {
    id: Vec<u8>,
    relying_party: String,
    user_handle: Vec<u8>,
    discoverable: bool,
    key: SigningKey,
}

/// An authenticator with the browser that talks to it. A clone is what a thief of its memory has.
#[derive(Clone)]
pub struct Device {
    /// The origin that the browser says the page has.
    pub origin: String,
    /// Whether the browser says that the page was framed by another site.
    pub cross_origin: bool,
    /// The relying party whose hash is signed, instead of the one that was asked for.
    pub relying_party: Option<String>,
    /// Whether somebody touched it.
    pub present: bool,
    /// Whether it checked who touched it.
    pub verified: bool,
    /// Whether its passkeys may be copied to other devices.
    pub backup_eligible: bool,
    /// Whether they were.
    pub backed_up: bool,
    /// The count of the last signature; `None` never counts, as synced passkeys do.
    pub counter: Option<u32>,
    /// The algorithm that new passkeys claim.
    pub algorithm: i64,
    /// How many bytes of rubbish come with a new passkey.
    pub rubbish: usize,
    credentials: Vec<Credential>,
}

impl Device {
    /// A device that does everything right, in a browser that shows a page of this origin.
    #[must_use]
    pub fn new(origin: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            cross_origin: false,
            relying_party: None,
            present: true,
            verified: true,
            backup_eligible: false,
            backed_up: false,
            counter: None,
            algorithm: ES256,
            rubbish: 0,
            credentials: Vec::new(),
        }
    }

    /// `navigator.credentials.create()`: makes a passkey and answers as `toJSON()` would.
    ///
    /// # Errors
    /// When the options cannot be read, or name a passkey of this device as one that must not be made again.
    pub fn create(&mut self, options: &str) -> anyhow::Result<String> {
        let options: Value = serde_json::from_str(options)?;
        for excluded in options["excludeCredentials"].as_array().into_iter().flatten() {
            if self.credentials.iter().any(|known| excluded["id"] == BASE64.encode(&known.id)) {
                bail!("InvalidStateError: the device has a passkey for this account");
            }
        }
        let selection = &options["authenticatorSelection"];
        let credential = Credential {
            id: random::<32>()?.to_vec(),
            relying_party: options["rp"]["id"].as_str().context("the options name no relying party")?.to_owned(),
            user_handle: decode(&options["user"]["id"])?,
            discoverable: selection["residentKey"] == "required" || selection["requireResidentKey"] == true,
            key: new_key()?,
        };
        let client_data = self.client_data("webauthn.create", &options["challenge"])?;
        let mut data = self.authenticator_data(&credential.relying_party, flags::HAS_CREDENTIAL);
        data.extend([0; 16]); // the model of the authenticator: not told
        data.extend(u16::try_from(credential.id.len())?.to_be_bytes());
        data.extend(&credential.id);
        data.extend(self.public_key(&credential.key)?);
        let mut statement = BTreeMap::new();
        if self.rubbish > 0 {
            statement.insert(Cbor::Text("x5c".to_owned()), Cbor::Bytes(vec![0x5a; self.rubbish]));
        }
        let attestation = Cbor::Map(BTreeMap::from([
            (Cbor::Text("fmt".to_owned()), Cbor::Text("none".to_owned())),
            (Cbor::Text("attStmt".to_owned()), Cbor::Map(statement)),
            (Cbor::Text("authData".to_owned()), Cbor::Bytes(data.clone())),
        ]));
        let id = BASE64.encode(&credential.id);
        let discoverable = credential.discoverable;
        self.credentials.push(credential);
        Ok(json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": { "credProps": { "rk": discoverable } },
            "response": {
                "clientDataJSON": BASE64.encode(client_data),
                "attestationObject": BASE64.encode(serde_cbor_2::to_vec(&attestation)?),
                "authenticatorData": BASE64.encode(data),
                "publicKeyAlgorithm": self.algorithm,
                "transports": ["internal"],
            },
        })
        .to_string())
    }

    /// `navigator.credentials.get()`: signs with the newest passkey that fits and answers as `toJSON()` would.
    ///
    /// # Errors
    /// When the options cannot be read, or no passkey of this device fits.
    pub fn get(&mut self, options: &str) -> anyhow::Result<String> {
        let options: Value = serde_json::from_str(options)?;
        let allowed = options["allowCredentials"].as_array().cloned().unwrap_or_default();
        let credential = self
            .credentials
            .iter()
            .rev()
            .filter(|known| options["rpId"] == known.relying_party.as_str())
            .find(|known| {
                if allowed.is_empty() {
                    known.discoverable
                } else {
                    allowed.iter().any(|one| one["id"] == BASE64.encode(&known.id))
                }
            })
            .cloned()
            .context("NotAllowedError: the device has no passkey for this")?;
        self.sign(&options, &credential)
    }

    /// The same with the newest passkey, whether it was asked for or not.
    ///
    /// # Errors
    /// When the options cannot be read, or the device has no passkey.
    pub fn get_unasked(&mut self, options: &str) -> anyhow::Result<String> {
        let credential = self.credentials.last().cloned().context("the device has no passkey")?;
        self.sign(&serde_json::from_str(options)?, &credential)
    }

    fn sign(&mut self, options: &Value, credential: &Credential) -> anyhow::Result<String> {
        let client_data = self.client_data("webauthn.get", &options["challenge"])?;
        let data = self.authenticator_data(&credential.relying_party, 0);
        let signed = [data.as_slice(), &Sha256::digest(&client_data)].concat();
        let signature: Signature = credential.key.sign(&signed);
        let id = BASE64.encode(&credential.id);
        Ok(json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64.encode(client_data),
                "authenticatorData": BASE64.encode(data),
                "signature": BASE64.encode(signature.to_der().as_bytes()),
                "userHandle": BASE64.encode(&credential.user_handle),
            },
        })
        .to_string())
    }

    /// The private halves: what must never be found on a server.
    #[must_use]
    pub fn secrets(&self) -> Vec<Vec<u8>> {
        self.credentials.iter().map(|credential| credential.key.to_bytes().to_vec()).collect()
    }

    /// What it calls its passkeys.
    #[must_use]
    pub fn credential_ids(&self) -> Vec<Vec<u8>> {
        self.credentials.iter().map(|credential| credential.id.clone()).collect()
    }

    /// The user handles that its passkeys were given.
    #[must_use]
    pub fn user_handles(&self) -> Vec<Vec<u8>> {
        self.credentials.iter().map(|credential| credential.user_handle.clone()).collect()
    }

    fn client_data(&self, kind: &str, challenge: &Value) -> anyhow::Result<Vec<u8>> {
        let challenge = challenge.as_str().context("the options hold no challenge")?;
        let mut data =
            json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": self.cross_origin });
        if self.cross_origin {
            data["topOrigin"] = json!("https://frame.example");
        }
        Ok(data.to_string().into_bytes())
    }

    fn authenticator_data(&mut self, relying_party: &str, more: u8) -> Vec<u8> {
        let flags = [
            (self.present, flags::PRESENT),
            (self.verified, flags::VERIFIED),
            (self.backup_eligible, flags::BACKUP_ELIGIBLE),
            (self.backed_up, flags::BACKED_UP),
        ];
        let flags = flags.into_iter().filter(|(is_set, _)| *is_set).fold(more, |all, (_, bit)| all | bit);
        self.counter = self.counter.map(|count| count + 1);
        let relying_party = self.relying_party.as_deref().unwrap_or(relying_party);
        let mut data = Sha256::digest(relying_party.as_bytes()).to_vec();
        data.push(flags);
        data.extend(self.counter.unwrap_or_default().to_be_bytes());
        data
    }

    /// A COSE key (RFC 9052 §7), canonical as CTAP2 wants it.
    fn public_key(&self, key: &SigningKey) -> anyhow::Result<Vec<u8>> {
        let point = key.verifying_key().to_sec1_point(false);
        let (x, y) = (point.x().context("no x")?.to_vec(), point.y().context("no y")?.to_vec());
        let number = |number: i64| Cbor::Integer(number.into());
        let parts = if self.algorithm == EDDSA {
            vec![(number(1), number(1)), (number(-1), number(6)), (number(-2), Cbor::Bytes(x))]
        } else {
            vec![
                (number(1), number(2)),
                (number(-1), number(1)),
                (number(-2), Cbor::Bytes(x)),
                (number(-3), Cbor::Bytes(y)),
            ]
        };
        let mut parts: BTreeMap<Cbor, Cbor> = parts.into_iter().collect();
        parts.insert(number(3), number(self.algorithm));
        Ok(serde_cbor_2::to_vec(&Cbor::Map(parts))?)
    }
}

/// Changes the bytes of one part of an answer, such as `clientDataJSON`.
///
/// # Errors
/// When the answer has no such part.
pub fn tamper(answer: &str, part: &str, change: impl FnOnce(&mut Vec<u8>)) -> anyhow::Result<String> {
    let mut answer: Value = serde_json::from_str(answer)?;
    let mut bytes = decode(&answer["response"][part])?;
    change(&mut bytes);
    answer["response"][part] = json!(BASE64.encode(bytes));
    Ok(answer.to_string())
}

fn decode(text: &Value) -> anyhow::Result<Vec<u8>> {
    Ok(BASE64.decode(text.as_str().context("not a text")?)?)
}

fn random<const LENGTH: usize>() -> anyhow::Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(bytes)
}

fn new_key() -> anyhow::Result<SigningKey> {
    // One in 2^32 draws lies outside the curve's order.
    SigningKey::from_slice(&random::<32>()?).map_err(|error| anyhow::anyhow!("not a key: {error}"))
}
