//! Table `accounts`.

use contract::AccountId;
use contract::Refusal;
use contract::accounts::{AccountEvent, AccountState};
use sea_orm::QuerySelect as _;
use sea_orm::entity::prelude::*;

use crate::Tx;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "accounts")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: String,
    pub email: String,
    /// Lower case, so that one address has one account on both databases.
    #[sea_orm(unique)]
    pub email_folded: String,
    pub email_verified_at: Option<i64>,
    pub password_hash: Option<String>,
    /// The word of an [`AccountState`].
    pub state: String,
    pub state_reason: Option<String>,
    /// What its passkeys call the account: random, so that an authenticator holds nothing about its person.
    #[sea_orm(unique)]
    pub passkey_handle: Option<Uuid>,
    pub created_at: i64,
    pub last_sign_in_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub(crate) fn account(&self) -> AccountId {
        AccountId::new(self.id)
    }

    /// What cannot be read may do nothing.
    pub(crate) fn state(&self) -> AccountState {
        AccountState::from_word(&self.state).unwrap_or(AccountState::Suspended)
    }

    /// The state after an event; the one place where a state is changed.
    pub(crate) fn state_after(&self, event: AccountEvent) -> crate::Result<AccountState> {
        Ok(self.state().after(event).ok_or(Refusal::StateConflict)?)
    }
}

/// One address has one account, however it is written.
pub(crate) fn fold(email: &str) -> String {
    email.to_lowercase()
}

pub(crate) async fn by_email<C: ConnectionTrait>(db: &C, email: &str) -> Result<Option<Model>, DbErr> {
    // PostgreSQL refuses to compare with a NUL, which no address holds.
    if email.contains('\0') {
        return Ok(None);
    }
    Entity::find().filter(COLUMN.email_folded.eq(fold(email))).one(db).await
}

/// The same, to change it: whoever else wants to waits, so that an address is not verified and given another password
/// at the same moment. SQLite has one writer anyway.
pub(crate) async fn by_email_to_change(tx: &Tx, email: &str) -> Result<Option<Model>, DbErr> {
    Entity::find().filter(COLUMN.email_folded.eq(fold(email))).lock_exclusive().one(tx).await
}

/// An account, to change it.
pub(crate) async fn by_id_to_change(tx: &Tx, id: Uuid) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).lock_exclusive().one(tx).await
}
