//! Browsers that an account signed in with before.

use std::fmt;

use contract::AccountId;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{QueryOrder as _, Set};

use crate::{Op, Result, Tx, accounts, tokens};

/// How precisely the last use is stored: a day is enough to forget browsers that are not used any more.
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// Browsers that one account is known by: more than anybody has, and no way to fill a disk.
const KNOWN_MAX: usize = 50;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "devices")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub account_id: Uuid,
    pub token_hash: Vec<u8>,
    pub label: String,
    pub created_at: i64,
    pub last_seen_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// What a browser keeps so that its accounts know it again. It opens nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceToken(String);

impl DeviceToken {
    /// Takes what stood in the cookie; nothing, if that cannot be ours.
    #[must_use]
    pub fn read(cookie: &str) -> Option<Self> {
        let ours = cookie.len() == tokens::TOKEN_LENGTH && cookie.bytes().all(|byte| byte.is_ascii_alphanumeric());
        ours.then(|| Self(cookie.to_owned()))
    }

    /// The text, for the cookie.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    fn hash(&self) -> Vec<u8> {
        tokens::token_hash(&self.0)
    }
}

impl fmt::Debug for DeviceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceToken")
    }
}

/// Whether the account with this address signed in with this browser before. Asks as much for addresses that have no
/// account.
pub(crate) async fn is_known(op: &Op, email: &str) -> Result<bool> {
    let Some(token) = &op.browser.device else { return Ok(false) };
    let account = accounts::table::by_email(op.db().read(), email).await?.map_or(Uuid::nil(), |account| account.id);
    let found = Entity::find()
        .filter(COLUMN.account_id.eq(account))
        .filter(COLUMN.token_hash.eq(token.hash()))
        .one(op.db().read())
        .await?;
    Ok(found.is_some())
}

/// What came of looking at a browser.
pub(super) struct Seen {
    /// For its cookie, unless it has one.
    pub(super) token: Option<DeviceToken>,
    /// Whether the account has used others before, and never this one.
    pub(super) is_new: bool,
}

/// Writes down that an account signs in with this browser.
pub(super) async fn see(tx: &Tx, op: &Op, account: AccountId) -> Result<Seen> {
    let today = op.now_ms() - op.now_ms().rem_euclid(DAY_MS);
    if let Some(token) = &op.browser.device {
        let seen = Entity::update_many()
            .col_expr(Column::LastSeenAt, Expr::value(today))
            .filter(COLUMN.account_id.eq(account.uuid()))
            .filter(COLUMN.token_hash.eq(token.hash()))
            .exec(tx)
            .await?;
        if seen.rows_affected > 0 {
            return Ok(Seen { token: None, is_new: false });
        }
    }
    let known = Entity::find()
        .filter(COLUMN.account_id.eq(account.uuid()))
        .order_by_desc(COLUMN.last_seen_at)
        .order_by_desc(COLUMN.id)
        .all(tx)
        .await?;
    // Whoever keeps no cookie makes a new row with every sign-in: the longest unused give way.
    let unused = known.iter().skip(KNOWN_MAX - 1).map(|device| device.id);
    Entity::delete_many().filter(COLUMN.id.is_in(unused)).exec(tx).await?;
    // A browser that other accounts know keeps its cookie: one browser, several accounts.
    let (token, fresh) = match &op.browser.device {
        Some(token) => (token.clone(), None),
        None => {
            let token = DeviceToken(tokens::new_token()?);
            (token.clone(), Some(token))
        }
    };
    ActiveModel {
        id: Set(op.new_uuid()),
        account_id: Set(account.uuid()),
        token_hash: Set(token.hash()),
        label: Set(op.browser.label.clone()),
        created_at: Set(op.now_ms()),
        last_seen_at: Set(today),
    }
    .insert(tx)
    .await?;
    Ok(Seen { token: fresh, is_new: !known.is_empty() })
}

/// Forgets every browser of an account: after a recovery, whoever had it before is new.
pub(crate) async fn forget_all(tx: &Tx, account: AccountId) -> Result<()> {
    Entity::delete_many().filter(COLUMN.account_id.eq(account.uuid())).exec(tx).await?;
    Ok(())
}
