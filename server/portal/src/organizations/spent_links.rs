//! Table `spent_links`: hashes of links whose rows are gone, so that “already used” can be told from “unknown”. Nothing
//! in it names anybody.

use contract::{Millis, Refusal};
use sea_orm::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use crate::{Result, Tx};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "spent_links")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_hash: Vec<u8>,
    /// The word of an [`Outcome`].
    pub outcome: String,
    pub spent_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// Why a link does not work any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Somebody answered with it.
    Used,
    /// It was too old, taken back, or a newer one took its place.
    Void,
}

impl Outcome {
    const fn word(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Void => "void",
        }
    }
}

/// Notes that a link is spent.
pub(super) async fn spend(tx: &Tx, token_hash: Vec<u8>, outcome: Outcome, at: Millis) -> Result<()> {
    let row = ActiveModel { token_hash: Set(token_hash), outcome: Set(outcome.word().to_owned()), spent_at: Set(at) };
    Entity::insert(row)
        .on_conflict(OnConflict::column(Column::TokenHash).update_column(Column::SpentAt).to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// What is said to somebody with a link that leads to nothing.
pub(super) async fn refusal<C: ConnectionTrait>(db: &C, token_hash: Vec<u8>) -> Result<Refusal> {
    let spent = Entity::find_by_id(token_hash).one(db).await?;
    Ok(match spent {
        Some(link) if link.outcome == Outcome::Used.word() => Refusal::LinkUsed,
        Some(_) => Refusal::LinkExpired,
        None => Refusal::LinkUnknown,
    })
}
