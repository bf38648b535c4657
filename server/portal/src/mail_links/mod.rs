//! Links in mails: a random token, of which only the hash is stored, that works once and for a limited time.
//!
//! Opening a link changes nothing, and no link signs in: mail scanners open links too.

use chrono::TimeDelta;
use contract::{AccountId, KeyId, Refusal};
use sea_orm::Set;
use sea_orm::entity::prelude::*;

use crate::guard::Door;
use crate::{Op, PortalSettings, Result, Tx, accounts, recovery, tokens};

/// Long enough to find the mail the next morning.
const LIFE: TimeDelta = TimeDelta::hours(24);

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mail_links")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    #[sea_orm(unique)]
    pub token_hash: Vec<u8>,
    pub purpose: String,
    pub account_id: Uuid,
    pub key_id: Option<Uuid>,
    /// What else it is about: a recovery, a change of address, an organization.
    pub subject_id: Option<Uuid>,
    pub created_at: i64,
    pub expires_at: i64,
    pub used_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}

/// What a link is for: one cannot be used as the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    VerifyEmail,
    RevealKey,
    /// Sets a new password.
    ResetPassword,
    /// Begins the waiting of a recovery.
    StartRecovery,
    /// Ends it.
    CancelRecovery,
    /// Sets new credentials after it.
    FinishRecovery,
    /// The address an account has agrees that it gets another.
    ConfirmOldEmail,
    /// The new address agrees.
    ConfirmNewEmail,
    /// The contact address of an organization is somebody's who agrees.
    VerifyContact,
}

impl Purpose {
    const fn word(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::RevealKey => "reveal_key",
            Self::ResetPassword => "reset_password",
            Self::StartRecovery => "start_recovery",
            Self::CancelRecovery => "cancel_recovery",
            Self::FinishRecovery => "finish_recovery",
            Self::ConfirmOldEmail => "confirm_old_email",
            Self::ConfirmNewEmail => "confirm_new_email",
            Self::VerifyContact => "verify_contact",
        }
    }

    /// How long the link works.
    fn life(self, portal: &PortalSettings) -> TimeDelta {
        match self {
            // What gives an account away works for as long as it takes to fetch the mail.
            Self::ResetPassword | Self::StartRecovery => TimeDelta::hours(1),
            Self::VerifyEmail
            | Self::RevealKey
            | Self::ConfirmOldEmail
            | Self::ConfirmNewEmail
            | Self::VerifyContact => LIFE,
            // As long as there is something to finish, or to cancel.
            Self::FinishRecovery => recovery::OPEN,
            Self::CancelRecovery => portal.recovery_wait + recovery::OPEN,
        }
    }
}

/// What a link is about, besides an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Nothing else.
    None,
    /// A key.
    Key(KeyId),
    /// A recovery, a change of address, an organization: the purpose says which.
    Other(Uuid),
}

/// Makes a link and returns its token: the only moment at which it exists outside the mail.
pub(crate) async fn create(tx: &Tx, op: &Op, purpose: Purpose, account: AccountId, subject: Subject) -> Result<String> {
    let token = tokens::new_token()?;
    let (key, other) = match subject {
        Subject::None => (None, None),
        Subject::Key(key) => (Some(key.uuid()), None),
        Subject::Other(id) => (None, Some(id)),
    };
    ActiveModel {
        id: Set(op.new_uuid()),
        token_hash: Set(tokens::token_hash(&token)),
        purpose: Set(purpose.word().to_owned()),
        account_id: Set(account.uuid()),
        key_id: Set(key),
        subject_id: Set(other),
        created_at: Set(op.now_ms()),
        expires_at: Set((op.now + purpose.life(op.portal.settings())).timestamp_millis()),
        used_at: Set(None),
    }
    .insert(tx)
    .await?;
    Ok(token)
}

/// The link with this token, used or not.
pub(crate) async fn find<C: ConnectionTrait>(db: &C, purpose: Purpose, token: &str) -> Result<Model> {
    let found = Entity::find()
        .filter(COLUMN.token_hash.eq(tokens::token_hash(token)))
        .filter(COLUMN.purpose.eq(purpose.word()))
        .one(db)
        .await?;
    Ok(found.ok_or(Refusal::LinkUnknown)?)
}

/// Refuses a link that cannot be used any more; changes nothing.
pub(crate) fn check(op: &Op, link: &Model) -> Result<()> {
    if link.used_at.is_some() {
        return Err(Refusal::LinkUsed.into());
    }
    if op.now_ms() >= link.expires_at {
        return Err(Refusal::LinkExpired.into());
    }
    Ok(())
}

/// Uses a link. Of two who try at the same moment, one succeeds.
pub(crate) async fn consume(tx: &Tx, op: &Op, link: &Model) -> Result<()> {
    check(op, link)?;
    let used = Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(op.now_ms()))
        .filter(COLUMN.id.eq(link.id))
        .filter(COLUMN.used_at.is_null())
        .exec(tx)
        .await?;
    if used.rows_affected == 1 { Ok(()) } else { Err(Refusal::LinkUsed.into()) }
}

/// The link that somebody brings, provided that it works; changes nothing. What the page of a link begins with, and
/// every form on it.
pub(crate) async fn offered(op: &Op, purpose: Purpose, token: &str) -> Result<Model> {
    op.portal.guard().check(Door::MailLink, op.now, &op.browser.source, None, false)?;
    let link = find(op.db().read(), purpose, token).await?;
    check(op, &link)?;
    Ok(link)
}

/// Uses the link that somebody brings. Its account is held until the transaction ends.
pub(crate) async fn take(tx: &Tx, op: &Op, purpose: Purpose, token: &str) -> Result<(Model, accounts::table::Model)> {
    let owner = find(tx, purpose, token).await?.account_id;
    let account = accounts::table::by_id_to_change(tx, owner).await?.ok_or(Refusal::LinkUnknown)?;
    // Read again: while we waited for the account, the link may have been used or replaced.
    let link = find(tx, purpose, token).await?;
    consume(tx, op, &link).await?;
    Ok((link, account))
}

/// Makes the open links of a purpose useless, because a new one takes their place.
pub(crate) async fn cancel(tx: &Tx, account: AccountId, purpose: Purpose) -> Result<()> {
    Entity::delete_many()
        .filter(COLUMN.account_id.eq(account.uuid()))
        .filter(COLUMN.purpose.eq(purpose.word()))
        .filter(COLUMN.used_at.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// The same for the links about one thing, whoever asked for them.
pub(crate) async fn cancel_about(tx: &Tx, purpose: Purpose, subject: Uuid) -> Result<()> {
    Entity::delete_many()
        .filter(COLUMN.subject_id.eq(subject))
        .filter(COLUMN.purpose.eq(purpose.word()))
        .filter(COLUMN.used_at.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// The same for the links to one key.
pub(crate) async fn cancel_for_key(tx: &Tx, key: KeyId) -> Result<()> {
    Entity::delete_many().filter(COLUMN.key_id.eq(key.uuid())).filter(COLUMN.used_at.is_null()).exec(tx).await?;
    Ok(())
}
