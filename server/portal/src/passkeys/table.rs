//! Table `passkeys`.

use contract::passkeys::Passkey;
use contract::{AccountId, PasskeyId};
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder as _, QuerySelect as _};

use crate::Tx;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "passkeys")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub account_id: Uuid,
    /// What the authenticator calls it.
    #[sea_orm(unique)]
    pub credential_id: Vec<u8>,
    /// The public key, the count of signatures and the flags, as JSON of `webauthn-rs`.
    pub credential: String,
    pub name: String,
    /// 1 if it is copied between devices, otherwise 0.
    pub backed_up: i64,
    pub created_at: i64,
    pub last_used_at: Option<i64>,
    /// Since when it is not accepted.
    pub suspended_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub(super) fn passkey(&self) -> PasskeyId {
        PasskeyId::new(self.id)
    }

    pub(super) const fn works(&self) -> bool {
        self.suspended_at.is_none()
    }

    pub(super) fn shown(&self) -> Passkey {
        Passkey {
            id: self.passkey(),
            name: self.name.clone(),
            backed_up: self.backed_up != 0,
            created_at: self.created_at,
            last_used_at: self.last_used_at,
            suspended_at: self.suspended_at,
        }
    }
}

/// Those of an account, the oldest first.
pub(super) async fn of_account<C: ConnectionTrait>(db: &C, account: AccountId) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(COLUMN.account_id.eq(account.uuid())).order_by_asc(COLUMN.id).all(db).await
}

/// How many of an account are accepted.
pub(super) async fn working<C: ConnectionTrait>(db: &C, account: AccountId) -> Result<u64, DbErr> {
    Entity::find().filter(COLUMN.account_id.eq(account.uuid())).filter(COLUMN.suspended_at.is_null()).count(db).await
}

/// One of an account by its id.
pub(super) async fn by_id(tx: &Tx, account: AccountId, id: PasskeyId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id.uuid()).filter(COLUMN.account_id.eq(account.uuid())).one(tx).await
}

/// One of an account by what the authenticator calls it, to change it: of two answers with the same count, the second
/// must see the first.
pub(super) async fn by_credential_to_change(
    tx: &Tx,
    account: AccountId,
    credential_id: &[u8],
) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(COLUMN.account_id.eq(account.uuid()))
        .filter(COLUMN.credential_id.eq(credential_id))
        .lock_exclusive()
        .one(tx)
        .await
}
