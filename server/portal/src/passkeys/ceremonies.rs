//! Ceremonies: what a passkey was asked stays here, and the browser holds a token for it.
//!
//! A ceremony is taken before its answer is looked at, in a transaction of its own: whatever the answer is worth, there
//! is no second one.

use contract::passkeys::CEREMONY_MS;
use contract::{AccountId, Refusal};
use sea_orm::Set;
use sea_orm::entity::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Op, Result, Tx, tokens};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ceremonies")]
pub(super) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    #[sea_orm(unique)]
    pub token_hash: Vec<u8>,
    pub kind: String,
    /// Who has to answer; nobody knows yet when somebody signs in.
    pub account_id: Option<Uuid>,
    /// The challenge and what the answer must keep to, as JSON of `webauthn-rs`.
    pub state: String,
    pub created_at: i64,
    pub expires_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// What an answer is for: one cannot be used as the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Register,
    RegisterByLink,
    SignIn,
    StepUp,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::RegisterByLink => "register_by_link",
            Self::SignIn => "sign_in",
            Self::StepUp => "step_up",
        }
    }
}

/// Remembers what was asked, and returns the token for the browser.
pub(super) async fn start(
    tx: &Tx,
    op: &Op,
    kind: Kind,
    account: Option<AccountId>,
    state: &impl Serialize,
) -> Result<String> {
    let token = tokens::new_token()?;
    ActiveModel {
        id: Set(op.new_uuid()),
        token_hash: Set(tokens::token_hash(&token)),
        kind: Set(kind.word().to_owned()),
        account_id: Set(account.map(AccountId::uuid)),
        state: Set(serde_json::to_string(state).map_err(anyhow::Error::from)?),
        created_at: Set(op.now_ms()),
        expires_at: Set(op.now_ms() + CEREMONY_MS),
    }
    .insert(tx)
    .await?;
    Ok(token)
}

/// Takes a ceremony: of all who try, one gets it, and nobody after that.
///
/// # Errors
/// [`Refusal::CeremonyExpired`] if it is too old, taken or unknown; [`Refusal::PasskeyRefused`] if it was for something
/// or somebody else.
pub(super) async fn take<State: DeserializeOwned>(
    op: &Op,
    token: &str,
    kind: Kind,
    account: Option<AccountId>,
) -> Result<State> {
    let tx = op.begin().await?;
    let taken =
        Entity::delete_many().filter(COLUMN.token_hash.eq(tokens::token_hash(token))).exec_with_returning(&tx).await?;
    op.commit(tx).await?;
    let ceremony =
        taken.into_iter().find(|ceremony| op.now_ms() < ceremony.expires_at).ok_or(Refusal::CeremonyExpired)?;
    if ceremony.kind != kind.word() || ceremony.account_id != account.map(AccountId::uuid) {
        return Err(Refusal::PasskeyRefused.into());
    }
    Ok(serde_json::from_str(&ceremony.state).map_err(anyhow::Error::from)?)
}
