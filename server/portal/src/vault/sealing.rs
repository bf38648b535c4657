//! One sealed box: XChaCha20-Poly1305 with a random nonce, bound to the place where it lies.
//!
//! - A box that is moved to another row, column, table or organization does not open, and neither does one of which a
//!   bit was changed.
//! - The key says which it is; nothing is ever tried. Poly1305 does not commit to its key, so trying would be an oracle.

use anyhow::{Context as _, anyhow, ensure};
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{Key, KeyInit as _, XChaCha20Poly1305, XNonce};
use secrecy::zeroize::Zeroizing;
use uuid::Uuid;

use crate::tokens;

/// The form of boxes, so that there can be another one day.
const FORM: u8 = 1;

/// 24 bytes: random ones never meet again, however many boxes there are.
const NONCE: usize = 24;

/// Form, version of the key, nonce.
const HEAD: usize = 1 + 4 + NONCE;

/// Where a box lies. It opens nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
    pub(crate) row: Uuid,
}

impl Place {
    /// Each part with its length, so that no two places read alike.
    fn bytes(self, organization: Uuid, version: u32) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(96);
        for part in [self.table.as_bytes(), self.column.as_bytes(), self.row.as_bytes(), organization.as_bytes()] {
            bytes.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend(part);
        }
        bytes.extend(version.to_be_bytes());
        bytes
    }
}

/// Seals and opens. Neither printed nor stored as it is.
pub(super) struct Sealer(XChaCha20Poly1305);

impl Sealer {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(&Key::from(*key)))
    }

    pub(super) fn seal(&self, place: Place, organization: Uuid, version: u32, clear: &[u8]) -> anyhow::Result<Vec<u8>> {
        let nonce = tokens::random_bytes::<NONCE>()?;
        let payload = Payload { msg: clear, aad: &place.bytes(organization, version) };
        let sealed = self.0.encrypt(&XNonce::from(nonce), payload).map_err(|_| anyhow!("sealing failed"))?;
        Ok([[FORM].as_slice(), &version.to_be_bytes(), &nonce, &sealed].concat())
    }

    pub(super) fn open(&self, place: Place, organization: Uuid, sealed: &[u8]) -> anyhow::Result<Zeroizing<Vec<u8>>> {
        let version = version_of(sealed)?;
        let (head, sealed) = sealed.split_at(HEAD);
        let nonce: [u8; NONCE] = head[HEAD - NONCE..].try_into().context("a box without a nonce")?;
        let payload = Payload { msg: sealed, aad: &place.bytes(organization, version) };
        let clear = self.0.decrypt(&XNonce::from(nonce), payload);
        clear.map(Zeroizing::new).map_err(|_| {
            anyhow!(
                "the box in {}.{} of {} does not open: it was altered or moved",
                place.table,
                place.column,
                place.row
            )
        })
    }
}

/// Under which version of its key a box was sealed.
pub(super) fn version_of(sealed: &[u8]) -> anyhow::Result<u32> {
    ensure!(sealed.len() > HEAD && sealed[0] == FORM, "this is no sealed box");
    Ok(u32::from_be_bytes(sealed[1..5].try_into().context("a box without a version")?))
}
