//! Passkeys: a device of the person answers a question of ours, and nobody types anything.

use serde::{Deserialize, Serialize};

use crate::keys::LABEL_MAX;
use crate::{Millis, PasskeyId};

/// How many passkeys an account may have: every device of a person, and room to replace them one by one.
pub const PASSKEYS_MAX: u32 = 20;

/// Longest name of a passkey, in characters: it stands in a list, and in mails.
pub const PASSKEY_NAME_MAX: usize = LABEL_MAX;

/// Longest answer of a browser, in bytes. The largest real ones, with an RSA key and a chain of certificates, have
/// about a third of that.
pub const CREDENTIAL_MAX: usize = 16 * 1024;

/// For how long a question can be answered, in milliseconds: the time browsers give a person, and what the
/// specification recommends (`WebAuthn` Level 3 §15.1: 300 to 600 seconds).
pub const CEREMONY_MS: Millis = 5 * 60 * 1_000;

/// A passkey, as its person sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passkey {
    /// Its id.
    pub id: PasskeyId,
    /// What the person calls it.
    pub name: String,
    /// Whether it is copied between devices, by the person's own password manager.
    pub backed_up: bool,
    /// When it was added.
    pub created_at: Millis,
    /// When somebody last proved with it who they are.
    pub last_used_at: Option<Millis>,
    /// Since when it is not accepted any more, because it seems to have been copied.
    pub suspended_at: Option<Millis>,
}

/// What a browser asks a passkey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasskeyOptions {
    /// Comes back with the answer. Works once, for five minutes.
    pub ceremony: String,
    /// JSON, as text: for `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`
    /// (`WebAuthn` Level 3 §5.1.8, §5.1.9). No program of ours reads it, so none needs a type for it.
    pub options: String,
}
