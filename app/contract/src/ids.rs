//! Ids: a visible prefix and a `UUIDv7` (RFC 9562 §5.7) in Crockford's base32, 26 characters, sortable by time.
//!
//! `key_01JDF8Q5ZKX2V0H4M6B9T3C7RN` reads well in a log, cannot be taken for an id of another kind, and gives
//! nothing away but its time of creation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// Crockford's alphabet: no I, L, O, U, so that an id survives being read aloud.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// 128 bits at 5 bits a character.
const TEXT_LENGTH: usize = 26;

/// Twelve digits.
const LOW_BITS: u64 = (1 << 60) - 1;

/// Why a text is not an id of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnId {
    /// The prefix that was expected, without the underscore.
    pub expected: &'static str,
}

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected an id that starts with `{}_`", self.expected)
    }
}

impl std::error::Error for NotAnId {}

fn encode(id: Uuid, prefix: &str) -> String {
    let mut text = String::with_capacity(prefix.len() + 1 + TEXT_LENGTH);
    text.push_str(prefix);
    text.push('_');
    let mut digits = [b'0'; TEXT_LENGTH];
    // In halves of 60 bits and what is left, because shifting 128 bits takes many times longer, and every request of
    // the gateway writes several ids.
    let bits = id.as_u128();
    let (mut low, mut high) = (bits as u64 & LOW_BITS, (bits >> 60) as u64 & LOW_BITS);
    let highest = (bits >> 120) as usize;
    for place in (0..12).rev() {
        digits[14 + place] = ALPHABET[(low & 31) as usize];
        digits[2 + place] = ALPHABET[(high & 31) as usize];
        low >>= 5;
        high >>= 5;
    }
    digits[1] = ALPHABET[highest & 31];
    digits[0] = ALPHABET[highest >> 5];
    // The alphabet is ASCII.
    text.push_str(std::str::from_utf8(&digits).unwrap_or_default());
    text
}

fn decode(text: &str, prefix: &'static str) -> Result<Uuid, NotAnId> {
    let refused = NotAnId { expected: prefix };
    let digits = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).ok_or(refused)?;
    // The first character carries 3 bits only; a larger one would overflow.
    if digits.len() != TEXT_LENGTH || digits.as_bytes()[0] > b'7' {
        return Err(refused);
    }
    digits
        .bytes()
        .try_fold(0u128, |bits, byte| {
            let digit = ALPHABET.iter().position(|letter| *letter == byte.to_ascii_uppercase())?;
            Some((bits << 5) | digit as u128)
        })
        .map(Uuid::from_u128)
        .ok_or(refused)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// What stands before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Wraps a `UUIDv7`.
            #[must_use]
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// The bare UUID, for storage.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&encode(self.0, $prefix))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&encode(self.0, $prefix))
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                decode(text, $prefix).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&encode(self.0, $prefix))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A person who can sign in.
    AccountId = "acc";
    /// An upstream API.
    ApiId = "api";
    /// An event of the audit log.
    AuditEventId = "aud";
    /// A set of keys that came from another system.
    ImportId = "imp";
    /// A change of address that waits to be confirmed.
    EmailChangeId = "emc";
    /// An invitation to an organization.
    InviteId = "inv";
    /// A key.
    KeyId = "key";
    /// A report that a secret was seen in public.
    LeakReportId = "leak";
    /// A queued mail.
    MailId = "mail";
    /// An organization.
    OrganizationId = "org";
    /// A passkey.
    PasskeyId = "pk";
    /// A plan of an API.
    PlanId = "plan";
    /// A recovery that waits.
    RecoveryId = "rec";
    /// One request, on either side of the gateway.
    RequestId = "req";
    /// A signed-in browser.
    SessionId = "ses";
    /// An organization's subscription to a plan.
    SubscriptionId = "sub";
    /// An access token of the REST API.
    TokenId = "tok";
    /// Units added to a quota once.
    TopUpId = "top";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_being_written_and_read() {
        for bits in [0, 1, u128::MAX, 0x0193_5a1b_2c3d_7e4f_8a5b_6c7d_8e9f_0a1b] {
            let id = KeyId::new(Uuid::from_u128(bits));
            assert_eq!(id.to_string().parse(), Ok(id));
            assert_eq!(id.to_string().to_lowercase().parse(), Ok(id));
        }
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let id = KeyId::new(Uuid::from_u128(7)).to_string();
        assert_eq!(id.parse::<AccountId>(), Err(NotAnId { expected: "acc" }));
    }

    #[test]
    fn a_damaged_id_is_refused() {
        for text in [
            "",
            "key_",
            "key_01",
            "key_Z0000000000000000000000000",
            "key_0000000000000000000000000U",
            "KEY_00000000000000000000000000",
        ] {
            assert_eq!(text.parse::<KeyId>(), Err(NotAnId { expected: "key" }), "{text}");
        }
    }

    #[test]
    fn ids_sort_as_they_were_made() {
        let earlier = KeyId::new(Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0000));
        let later = KeyId::new(Uuid::from_u128(0x0193_0000_0001_7000_8000_0000_0000_0000));
        assert!(earlier < later && earlier.to_string() < later.to_string());
    }
}
