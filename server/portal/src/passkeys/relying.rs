//! The only file that knows `webauthn-rs`: what a passkey is asked, and what its answer is worth.
//!
//! - Every question wants the person verified, and a passkey that can be found without its id.
//! - Nothing is asked about the maker of an authenticator, and what one tells unasked is not kept.
//! - The library leaves some things to us: whether the page was framed by another site when somebody signs in, whether
//!   an algorithm fits its key, and whether an answer with a changed flag was signed at all.

use std::time::Duration;

use anyhow::Context as _;
use contract::Refusal;
use contract::passkeys::{CEREMONY_MS, CREDENTIAL_MAX};
use sea_orm::prelude::Uuid;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use webauthn_rs::prelude::{
    AuthenticationResult, COSEAlgorithm, COSEKey, COSEKeyType, DiscoverableAuthentication, ECDSACurve,
    Passkey as Credential, PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, Url, Webauthn,
    WebauthnBuilder, WebauthnError,
};
use webauthn_rs_proto::{AllowCredentials, ResidentKeyRequirement};

use crate::Result;

/// What passkeys know of this portal: its domain, for ever.
#[derive(Clone, Debug)]
pub(crate) struct Relying {
    webauthn: Option<Webauthn>,
}

/// A new passkey's public half.
#[derive(Debug)]
pub(super) struct NewCredential {
    pub id: Vec<u8>,
    pub text: String,
    pub backed_up: bool,
}

/// An answer, read and not judged yet.
#[derive(Debug)]
pub(super) struct Answer(PublicKeyCredential);

impl Answer {
    pub(super) fn credential_id(&self) -> &[u8] {
        &self.0.raw_id
    }

    /// Whose passkey it says it is.
    pub(super) fn user_handle(&self) -> Option<Uuid> {
        Uuid::from_slice(self.0.get_user_unique_id()?).ok()
    }
}

/// What an answer turned out to be.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The person's. Here is what to store of the credential.
    Genuine { text: String, backed_up: bool },
    /// Genuine, but the count of signatures went backwards: two devices count.
    CountedBackwards,
    /// Genuine, but it says that it may be copied where it said that it may not, or the other way round: that cannot
    /// change (`WebAuthn` Level 3 §6.1.3).
    EligibilityChanged,
    /// Not genuine.
    Refused,
}

impl Relying {
    /// Passkeys belong to a domain. Where people reach the portal by a bare address, there are none.
    pub(crate) fn new(public_url: &str, name: &str) -> Self {
        let webauthn = Url::parse(public_url).ok().and_then(|origin| {
            let domain = origin.domain()?.to_owned();
            let timeout = Duration::from_millis(CEREMONY_MS.unsigned_abs());
            WebauthnBuilder::new(&domain, &origin).ok()?.rp_name(name).timeout(timeout).build().ok()
        });
        Self { webauthn }
    }

    pub(super) const fn is_there(&self) -> bool {
        self.webauthn.is_some()
    }

    fn webauthn(&self) -> Result<&Webauthn> {
        Ok(self.webauthn.as_ref().ok_or(Refusal::PasskeysUnavailable)?)
    }

    /// Asks for a new passkey, on a device that has none of the known ones.
    pub(super) fn ask_for_new(
        &self,
        handle: Uuid,
        email: &str,
        name: &str,
        known: Vec<Vec<u8>>,
    ) -> Result<(String, PasskeyRegistration)> {
        let (mut question, state) = self
            .webauthn()?
            .start_passkey_registration(handle, email, name, Some(known))
            .context("a passkey could not be asked for")?;
        // The library says "discouraged"; a passkey that only signs for a known id cannot sign anybody in here.
        let selection = question.public_key.authenticator_selection.get_or_insert_default();
        selection.resident_key = Some(ResidentKeyRequirement::Required);
        selection.require_resident_key = true;
        Ok((serde_json::to_string(&question.public_key).map_err(anyhow::Error::from)?, state))
    }

    /// Checks the answer to [`Self::ask_for_new`].
    pub(super) fn accept_new(&self, answer: &str, state: &PasskeyRegistration) -> Result<NewCredential> {
        let answer: RegisterPublicKeyCredential = read(answer)?;
        if answer.type_ != "public-key" || is_framed(&answer.response.client_data_json) {
            return Err(Refusal::PasskeyRefused.into());
        }
        let credential =
            self.webauthn()?.finish_passkey_registration(&answer, state).map_err(|_| Refusal::PasskeyRefused)?;
        if !algorithm_fits(credential.get_public_key()) {
            return Err(Refusal::PasskeyRefused.into());
        }
        let mut text = serde_json::to_value(&credential).map_err(anyhow::Error::from)?;
        let inner = text.get_mut("cred").and_then(Value::as_object_mut).context("the credential reads differently")?;
        // Nobody asked who made the device.
        inner.insert("attestation".to_owned(), json!({ "data": "None", "metadata": "None" }));
        inner.insert("attestation_format".to_owned(), json!("none"));
        inner.insert("transports".to_owned(), Value::Null);
        let backed_up =
            inner.get("backup_state").and_then(Value::as_bool).context("the credential reads differently")?;
        let text = text.to_string();
        let stored: Credential = serde_json::from_str(&text).map_err(anyhow::Error::from)?;
        Ok(NewCredential { id: stored.cred_id().to_vec(), text, backed_up })
    }

    /// Asks who is there, or whether it is still the owner of these credentials.
    pub(super) fn ask(&self, credentials: Vec<Vec<u8>>) -> Result<(String, DiscoverableAuthentication)> {
        let (mut question, state) =
            self.webauthn()?.start_discoverable_authentication().context("a passkey could not be asked")?;
        question.public_key.allow_credentials = credentials
            .into_iter()
            .map(|id| AllowCredentials { type_: "public-key".to_owned(), id, transports: None })
            .collect();
        Ok((serde_json::to_string(&question.public_key).map_err(anyhow::Error::from)?, state))
    }

    /// Reads the answer to [`Self::ask`].
    pub(super) fn read(answer: &str) -> Result<Answer> {
        read(answer).map(Answer)
    }

    /// Judges it by the credential that is stored under its id.
    pub(super) fn judge(&self, answer: &Answer, state: &DiscoverableAuthentication, stored: &str) -> Result<Verdict> {
        let answer = &answer.0;
        if answer.type_ != "public-key" || is_framed(&answer.response.client_data_json) {
            return Ok(Verdict::Refused);
        }
        let webauthn = self.webauthn()?;
        let mut credential: Credential = serde_json::from_str(stored).context("a stored credential cannot be read")?;
        let verdict = match webauthn.finish_discoverable_authentication_v2(answer, state.clone(), &credential) {
            Ok(result) => {
                credential.update_credential(&result);
                genuine(&credential, &result)?
            }
            Err(WebauthnError::CredentialPossibleCompromise) => Verdict::CountedBackwards,
            // The library says so before it looks at the signature, and anybody can set a flag.
            Err(WebauthnError::CredentialBackupEligibilityInconsistent) => {
                match webauthn.finish_discoverable_authentication_v2(answer, state.clone(), &flipped(stored)?) {
                    Ok(_) | Err(WebauthnError::CredentialPossibleCompromise) => Verdict::EligibilityChanged,
                    Err(_) => Verdict::Refused,
                }
            }
            Err(_) => Verdict::Refused,
        };
        Ok(verdict)
    }
}

/// Each algorithm has its kind of key, and its curve (`WebAuthn` Level 3 §5.8.5).
fn algorithm_fits(key: &COSEKey) -> bool {
    match &key.key {
        COSEKeyType::EC_EC2(point) => matches!(
            (&key.type_, &point.curve),
            (COSEAlgorithm::ES256, ECDSACurve::SECP256R1) | (COSEAlgorithm::ES384, ECDSACurve::SECP384R1)
        ),
        COSEKeyType::RSA(_) => key.type_ == COSEAlgorithm::RS256,
        COSEKeyType::EC_OKP(_) => false,
    }
}

fn genuine(credential: &Credential, result: &AuthenticationResult) -> Result<Verdict> {
    let text = serde_json::to_string(credential).map_err(anyhow::Error::from)?;
    Ok(Verdict::Genuine { text, backed_up: result.backup_state() })
}

/// The credential as it would be stored if it had always said the opposite of whether it may be copied.
fn flipped(stored: &str) -> anyhow::Result<Credential> {
    let mut text: Value = serde_json::from_str(stored)?;
    let flag = text.pointer_mut("/cred/backup_eligible").context("the credential reads differently")?;
    *flag = Value::Bool(!flag.as_bool().unwrap_or_default());
    Ok(serde_json::from_value(text)?)
}

fn read<Answer: DeserializeOwned>(answer: &str) -> Result<Answer> {
    if answer.len() > CREDENTIAL_MAX {
        return Err(Refusal::PasskeyRefused.into());
    }
    Ok(serde_json::from_str(answer).map_err(|_| Refusal::PasskeyRefused)?)
}

/// Whether the browser says that our page was shown inside another site's. What cannot be read is refused too.
fn is_framed(client_data: &[u8]) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ClientData {
        #[serde(default)]
        cross_origin: Option<bool>,
        #[serde(default)]
        top_origin: Option<String>,
    }
    serde_json::from_slice(client_data)
        .map_or(true, |data: ClientData| data.cross_origin == Some(true) || data.top_origin.is_some())
}
