//! Recovery codes: ten texts on paper, each of which signs in once.
//!
//! A code has 125 random bits, so its plain hash is stored: there is nothing to guess. It counts like a passkey,
//! because it stands in for a lost one.

use contract::audit_log::Action;
use contract::recovery::{RECOVERY_CODE_LENGTH, RECOVERY_CODES, RecoveryCodes, spaced_code, squashed_code};
use contract::sessions::Factor;
use contract::{AccountId, Refusal};
use sea_orm::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;

use crate::accounts::{self, table::Model as Account};
use crate::audit_log::{self, Event};
use crate::evenly::evenly_if_nothing;
use crate::guard::Door;
use crate::notices::{self, Notice};
use crate::sessions::{self, Opened, SessionToken};
use crate::{Op, Result, Tx, tokens};

/// Crockford's alphabet: no I, L, O, U, so that a code survives being written down.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "recovery_codes")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub account_id: Uuid,
    #[sea_orm(unique)]
    pub code_hash: Vec<u8>,
    pub created_at: i64,
    pub used_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}

/// How many codes of an account were not used.
pub(crate) async fn left<C: ConnectionTrait>(db: &C, account: AccountId) -> Result<u64> {
    let unused = Entity::find().filter(COLUMN.account_id.eq(account.uuid())).filter(COLUMN.used_at.is_null());
    Ok(unused.count(db).await?)
}

/// How many codes the person who asks has left.
///
/// # Errors
/// [`Refusal::NotSignedIn`].
pub async fn recovery_codes_left(op: &Op) -> Result<u64> {
    left(op.db().read(), op.signed_in()?.account).await
}

/// Removes the codes of an account.
pub(super) async fn forget_all(tx: &Tx, account: AccountId) -> Result<()> {
    Entity::delete_many().filter(COLUMN.account_id.eq(account.uuid())).exec(tx).await?;
    Ok(())
}

/// A new code, without dashes.
pub(super) fn new_code() -> anyhow::Result<String> {
    // 32 letters divide a byte evenly: no letter is favoured.
    let bytes = tokens::random_bytes::<RECOVERY_CODE_LENGTH>()?;
    Ok(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect())
}

/// Makes ten new codes for the person who asks; the old ones stop working. The answer is the only place where they
/// ever stand.
///
/// # Errors
/// [`Refusal::NotSignedIn`], [`Refusal::StepUpRequired`].
pub async fn make_recovery_codes(op: &Op) -> Result<RecoveryCodes> {
    let person = op.require_recent().await?;
    let codes = (0..RECOVERY_CODES).map(|_| new_code()).collect::<anyhow::Result<Vec<_>>>()?;
    let tx = op.begin().await?;
    let account = accounts::table::by_id_to_change(&tx, person.account.uuid()).await?.ok_or(Refusal::NotSignedIn)?;
    forget_all(&tx, person.account).await?;
    let rows = codes.iter().map(|code| ActiveModel {
        id: Set(op.new_uuid()),
        account_id: Set(account.id),
        code_hash: Set(tokens::token_hash(code)),
        created_at: Set(op.now_ms()),
        used_at: Set(None),
    });
    Entity::insert_many(rows).exec_without_returning(&tx).await?;
    notices::send(&tx, op, &account, Notice::RecoveryCodesMade).await?;
    audit_log::record(&tx, op, Event::new(Action::RecoveryCodesMade).account(person.account)).await?;
    op.commit(tx).await?;
    Ok(RecoveryCodes { codes: codes.iter().map(|code| spaced_code(code)).collect(), made_at: op.now_ms() })
}

/// Signs in with address and code. What is wrong is not said, and an unknown address takes the same work.
///
/// # Errors
/// [`Refusal::RecoveryCodeWrong`], [`Refusal::TooManyTries`]; after the right code only, [`Refusal::AccountSuspended`],
/// with which the code stays unused.
pub async fn sign_in_with_code(op: &Op, email: &str, code: &str) -> Result<Opened> {
    let email = email.trim();
    accounts::limit(op, Door::RecoveryCode, email).await?;
    // PostgreSQL refuses to compare with a NUL, which no address holds.
    let email = if email.contains('\0') { "" } else { email };
    let found = evenly_if_nothing(async {
        let tx = op.begin().await?;
        let account = accounts::table::by_email_to_change(&tx, email).await?;
        let id = account.as_ref().map_or(Uuid::nil(), |account| account.id);
        let fits = consume(&tx, op, AccountId::new(id), code).await?;
        Ok(account.filter(|_| fits).map(|account| (tx, account)))
    });
    let (tx, account) = found.await?.ok_or(Refusal::RecoveryCodeWrong)?;
    let opened = sessions::open(&tx, op, &account, Factor::RecoveryCode).await?;
    used(&tx, op, &account).await?;
    op.commit(tx).await?;
    Ok(opened)
}

/// Confirms with a code that it is still the same person: for those who signed in with one, and have no passkey yet.
///
/// # Errors
/// [`Refusal::NotSignedIn`], [`Refusal::RecoveryCodeWrong`], [`Refusal::TooManyTries`].
pub async fn confirm_with_code(op: &Op, code: &str) -> Result<SessionToken> {
    let person = op.signed_in()?;
    accounts::limit(op, Door::RecoveryCode, &person.email).await?;
    let tx = op.begin().await?;
    let account = accounts::table::by_id_to_change(&tx, person.account.uuid()).await?.ok_or(Refusal::NotSignedIn)?;
    if !consume(&tx, op, person.account, code).await? {
        return Err(Refusal::RecoveryCodeWrong.into());
    }
    let (token, ended) = sessions::renew(&tx, op, Factor::RecoveryCode).await?;
    used(&tx, op, &account).await?;
    op.commit_endings(tx, vec![ended]).await?;
    Ok(token)
}

/// Uses a code. Of two who try at the same moment, one succeeds.
async fn consume(tx: &Tx, op: &Op, account: AccountId, typed: &str) -> Result<bool> {
    let used = Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(op.now_ms()))
        .filter(COLUMN.account_id.eq(account.uuid()))
        .filter(COLUMN.code_hash.eq(tokens::token_hash(&squashed_code(typed))))
        .filter(COLUMN.used_at.is_null())
        .exec(tx)
        .await?;
    Ok(used.rows_affected == 1)
}

async fn used(tx: &Tx, op: &Op, account: &Account) -> Result<()> {
    let left = left(tx, account.account()).await?;
    notices::send(tx, op, account, Notice::RecoveryCodeUsed { left }).await?;
    let event = Event::new(Action::RecoveryCodeUsed).by(account.account()).account(account.account());
    audit_log::record(tx, op, event.detail("left", left)).await
}
