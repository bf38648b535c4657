//! Table `keys`.

use contract::keys::terms::{KeyTerms, Rotation, RotationStart};
use contract::keys::{Key, KeyState};
use contract::limits::Limit;
use contract::{Environment, KeyId, Millis, OrganizationId};
use sea_orm::QuerySelect as _;
use sea_orm::entity::prelude::*;

use crate::Tx;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "keys")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: Uuid,
    pub created_by: Option<Uuid>,
    pub label: String,
    /// `live` or `test`.
    pub environment: String,
    /// What may be shown of the secret.
    pub hint: String,
    /// By what the secret is found: the first half of its keyed hash, which alone opens nothing. Absent until the secret
    /// comes into being.
    #[sea_orm(unique)]
    pub secret_hash: Option<Vec<u8>>,
    /// What the form that created it carried: sending it twice creates one key.
    #[sea_orm(unique)]
    pub form_token: String,
    pub created_at: i64,
    pub revealed_at: Option<i64>,
    pub last_used_at: Option<i64>,
    pub revoked_at: Option<i64>,
    pub note: String,
    /// Words, parted by spaces; none for everything.
    pub scopes: String,
    /// Networks in their canonical form, parted by spaces; none for everywhere.
    pub networks: String,
    /// Words, parted by spaces.
    pub tags: String,
    pub expires_at: Option<i64>,
    pub limit_requests: Option<i64>,
    pub limit_seconds: Option<i64>,
    /// 1 if it cannot be revoked while it is in use.
    pub protected: i64,
    /// Which secret `secret_hash` is of, from 1. The one before has the number before.
    pub secret_version: i64,
    /// The secret that was there before the newest rotation, also after its end: until the next one. Half a keyed hash,
    /// like `secret_hash`.
    pub previous_hash: Option<Vec<u8>>,
    pub previous_hint: Option<String>,
    /// Absent while the new secret waits for its first use.
    pub previous_retires_at: Option<i64>,
    pub previous_last_used_at: Option<i64>,
    /// A rotation was asked for, and its secret is still to be made.
    pub rotation_asked_at: Option<i64>,
    /// How long both secrets work, in the newest rotation.
    pub rotation_overlap_ms: Option<i64>,
    /// `now` or `first_use`.
    pub rotation_starts: Option<String>,
    /// Which notices were mailed, one bit each.
    pub notified: i64,
    /// The whole keyed hash of the newest secret, in a box.
    pub sealed: Option<Vec<u8>>,
    /// The same of the secret before it.
    pub previous_sealed: Option<Vec<u8>>,
    /// The newest secret itself, in a box, where every API allows that it is shown again.
    pub kept_secret: Option<Vec<u8>>,
    /// Under which pepper the newest secret was hashed; with `/sha256` behind it where only the SHA-256 of its text was
    /// known.
    pub pepper_id: Option<String>,
    /// The same of the secret before it.
    pub previous_pepper_id: Option<String>,
    /// The import that it came with.
    pub import_id: Option<Uuid>,
    /// When the text of an imported key was first seen, and hashed like any other.
    pub rekeyed_at: Option<i64>,
    /// When the newest secret ends, whatever becomes of the key: it was seen in public.
    pub secret_ends_at: Option<i64>,
}

/// What stands behind the id of a pepper that hashed a SHA-256.
pub(crate) const BY_SHA256: &str = "/sha256";

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub(crate) fn key(&self) -> KeyId {
        KeyId::new(self.id)
    }

    pub(crate) fn environment(&self) -> Environment {
        Environment::from_word(&self.environment).unwrap_or_default()
    }

    pub(crate) fn state(&self, now: Millis) -> KeyState {
        match (self.revoked_at, &self.secret_hash) {
            (Some(_), _) => KeyState::Revoked,
            _ if self.newest_ends_at().is_some_and(|end| end <= now) => KeyState::Expired,
            (None, None) => KeyState::AwaitingReveal,
            (None, Some(_)) => KeyState::Active,
        }
    }

    /// When the newest secret ends: with the key, or before it.
    pub(crate) fn newest_ends_at(&self) -> Option<Millis> {
        earlier(self.expires_at, self.secret_ends_at)
    }

    /// Whether only the SHA-256 of its newest secret is known: it was imported, and not used since.
    pub(crate) fn awaits_first_use(&self) -> bool {
        self.pepper_id.as_deref().is_some_and(|pepper| pepper.ends_with(BY_SHA256))
    }

    /// When any of its secrets was last accepted, to the minute.
    pub(crate) fn last_used_at(&self) -> Option<Millis> {
        self.last_used_at.max(self.previous_last_used_at)
    }

    /// When its first secret was shown, as far as that is known: a rotation forgets it.
    fn first_revealed_at(&self) -> Option<Millis> {
        self.revealed_at.filter(|_| self.previous_hash.is_none())
    }

    pub(crate) fn rotation_starts(&self) -> RotationStart {
        self.rotation_starts.as_deref().and_then(RotationStart::from_word).unwrap_or_default()
    }

    /// Whether two secrets work.
    pub(crate) fn has_two_secrets(&self, now: Millis) -> bool {
        self.revoked_at.is_none()
            && self.previous_hash.is_some()
            && self.previous_retires_at.is_none_or(|end| now < end)
    }

    pub(crate) fn rotation(&self, now: Millis) -> Rotation {
        let overlap_days = self.rotation_overlap_ms.unwrap_or_default() / super::DAY_MS;
        let previous_hint = self.previous_hint.clone().unwrap_or_default();
        match (self.rotation_asked_at, &self.previous_hash, self.previous_retires_at) {
            (Some(_), _, _) => Rotation::Asked { overlap_days, starts: self.rotation_starts() },
            (None, None, _) => Rotation::None,
            (None, Some(_), Some(retired_at)) if retired_at <= now => Rotation::Over { previous_hint, retired_at },
            (None, Some(_), retires_at) => Rotation::TwoSecrets { previous_hint, retires_at, overlap_days },
        }
    }

    pub(crate) fn terms(&self) -> KeyTerms {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        KeyTerms {
            note: self.note.clone(),
            scopes: words(&self.scopes),
            expires_at: self.expires_at,
            networks: words(&self.networks),
            tags: words(&self.tags),
            limit: Limit::from_stored(self.limit_requests, self.limit_seconds),
            protected: self.protected != 0,
        }
    }

    pub(crate) fn into_key(self, week: Vec<i64>, now: Millis) -> Key {
        Key {
            id: self.key(),
            environment: self.environment(),
            state: self.state(now),
            // Stored to the minute, which may have begun before the key was.
            last_used_at: self.last_used_at().map(|used| used.max(self.first_revealed_at().unwrap_or(used))),
            label: self.label,
            hint: self.hint,
            created_at: self.created_at,
            revealed_at: self.revealed_at,
            revoked_at: self.revoked_at,
            week,
        }
    }
}

/// The earlier of two moments, where one that is absent never comes.
pub(super) fn earlier(one: Option<Millis>, other: Option<Millis>) -> Option<Millis> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// A key of this organization. Someone else's is not found.
pub(crate) async fn find_in<C: ConnectionTrait>(
    db: &C,
    organization: OrganizationId,
    id: KeyId,
) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id.uuid()).filter(COLUMN.organization_id.eq(organization.uuid())).one(db).await
}

/// The same, to change it: whoever else wants to waits, so that a key is not revealed and revoked at the same moment.
/// SQLite has one writer anyway.
pub(crate) async fn find_to_change(tx: &Tx, organization: OrganizationId, id: KeyId) -> Result<Option<Model>, DbErr> {
    let key = Entity::find_by_id(id.uuid()).filter(COLUMN.organization_id.eq(organization.uuid()));
    key.lock_exclusive().one(tx).await
}
