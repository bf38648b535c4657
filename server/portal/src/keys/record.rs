//! What the gateway is told of a key.

use std::net::{IpAddr, Ipv6Addr};

use contract::keys::KeyState;
use contract::keys::hash::KeyHash;
use contract::keys::terms;
use contract::limits::Limit;
use contract::request_logs::Caller;
use contract::{Millis, OrganizationId};
use ipnet::IpNet;

use sea_orm::ConnectionTrait;

use super::sealed;
use super::table::{Model, earlier};
use crate::vault::DataKeys;
use crate::{Portal, Result};

/// What the gateway must know of a key. It stands for the whole key: what a later one does not say, is not so any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// By what it is looked up: the newest secret, and after it the one before, also after its end. So a secret that
    /// was retired is refused as expired, until the next rotation replaces it.
    pub secrets: Vec<KnownSecret>,
    /// Hashes that are not known any more after this change.
    pub replaced: Vec<KeyHash>,
    /// Active or revoked. Whether its time is over, each secret says.
    pub state: KeyState,
    /// Whose it is; with the version of the newest secret.
    pub caller: Caller,
    /// What it may do; without any, everything.
    pub scopes: Vec<String>,
    /// From where it may be used; without any, from everywhere.
    pub networks: Vec<IpNet>,
    /// How often it may be used, beside what its plan allows.
    pub limit: Option<Limit>,
}

/// One secret of a key, as the gateway knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownSecret {
    /// By what it is looked up.
    pub hash: KeyHash,
    /// Which of the key's secrets it is, counted from 1.
    pub secret_version: u32,
    /// From when on it is refused as expired: the end of the key, or the retirement of this secret, if that is earlier.
    pub expires_at: Option<Millis>,
}

impl KeyRecord {
    /// Who calls with one of the secrets.
    #[must_use]
    pub fn caller_with(&self, secret: &KnownSecret) -> Caller {
        Caller { secret_version: secret.secret_version, ..self.caller.clone() }
    }

    /// What there is to tell; nothing of a key that never had a secret. One whose secrets cannot be read has none, so that
    /// the gateway forgets those that it knows.
    ///
    /// # Errors
    /// Only when the database fails.
    pub(crate) async fn read<C: ConnectionTrait>(
        portal: &Portal,
        db: &C,
        key: &Model,
        organization_name: &str,
        replaced: Vec<KeyHash>,
    ) -> Result<Option<Self>> {
        if key.secret_hash.is_none() {
            return Ok(None);
        }
        let keys = portal.vault().open(db, OrganizationId::new(key.organization_id)).await?;
        Ok(Self::of(&keys, key, organization_name, replaced))
    }

    /// The same with the data keys at hand.
    pub(crate) fn of(keys: &DataKeys, key: &Model, organization_name: &str, replaced: Vec<KeyHash>) -> Option<Self> {
        key.secret_hash.as_ref()?;
        let version = u32::try_from(key.secret_version).unwrap_or(u32::MAX);
        let newest = sealed::newest(keys, key).map(|hash| KnownSecret {
            hash,
            secret_version: version,
            expires_at: key.newest_ends_at(),
        });
        let previous = sealed::previous(keys, key).map(|hash| KnownSecret {
            hash,
            secret_version: version.saturating_sub(1),
            expires_at: earlier(key.expires_at, key.previous_retires_at),
        });
        let terms = key.terms();
        let state = if key.revoked_at.is_some() { KeyState::Revoked } else { KeyState::Active };
        Some(Self {
            secrets: newest.into_iter().chain(previous).collect(),
            replaced,
            state,
            caller: caller(key, organization_name),
            scopes: terms.scopes,
            // One that cannot be read any more lets nobody in, rather than everybody.
            networks: terms
                .networks
                .iter()
                .map(|network| terms::network(network).unwrap_or_else(|| IpAddr::from(Ipv6Addr::UNSPECIFIED).into()))
                .collect(),
            limit: terms.limit,
        })
    }
}

fn caller(key: &Model, organization_name: &str) -> Caller {
    Caller {
        key: key.key(),
        key_label: key.label.clone(),
        secret_version: u32::try_from(key.secret_version).unwrap_or(u32::MAX),
        environment: key.environment(),
        organization: OrganizationId::new(key.organization_id),
        organization_name: organization_name.to_owned(),
    }
}
