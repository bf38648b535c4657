//! Table `keys`.

use contract::KeyId;
use contract::keys::{Key, KeyState};
use contract::{Environment, OrganizationId};
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
    /// Absent until the secret comes into being.
    #[sea_orm(unique)]
    pub secret_hash: Option<Vec<u8>>,
    /// What the form that created it carried: sending it twice creates one key.
    #[sea_orm(unique)]
    pub form_token: String,
    pub created_at: i64,
    pub revealed_at: Option<i64>,
    pub last_used_at: Option<i64>,
    pub revoked_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub(crate) fn key(&self) -> KeyId {
        KeyId::new(self.id)
    }

    pub(crate) fn environment(&self) -> Environment {
        Environment::from_word(&self.environment).unwrap_or_default()
    }

    pub(crate) fn state(&self) -> KeyState {
        match (self.revoked_at, &self.secret_hash) {
            (Some(_), _) => KeyState::Revoked,
            (None, None) => KeyState::AwaitingReveal,
            (None, Some(_)) => KeyState::Active,
        }
    }

    pub(crate) fn into_key(self, week: Vec<i64>) -> Key {
        Key {
            id: self.key(),
            environment: self.environment(),
            state: self.state(),
            label: self.label,
            hint: self.hint,
            created_at: self.created_at,
            revealed_at: self.revealed_at,
            // Stored to the minute, which may have begun before the key was.
            last_used_at: self.last_used_at.map(|used| used.max(self.revealed_at.unwrap_or(used))),
            revoked_at: self.revoked_at,
            week,
        }
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
