//! Table `policy_acceptances`: who accepted which version of which document, when and how.

use contract::AccountId;
use sea_orm::Set;
use sea_orm::entity::prelude::*;

use crate::{Op, Result, Tx};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "policy_acceptances")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub account_id: Uuid,
    pub document: String,
    pub version: String,
    pub how: String,
    pub accepted_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// What can be accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Document {
    /// The terms of use.
    Terms,
}

/// Writes down an acceptance made by ticking the box of the sign-up form.
pub(crate) async fn record(tx: &Tx, op: &Op, account: AccountId, document: Document, version: &str) -> Result<()> {
    let Document::Terms = document;
    ActiveModel {
        id: Set(op.new_uuid()),
        account_id: Set(account.uuid()),
        document: Set("terms".to_owned()),
        version: Set(version.to_owned()),
        how: Set("sign_up".to_owned()),
        accepted_at: Set(op.now_ms()),
    }
    .insert(tx)
    .await?;
    Ok(())
}
