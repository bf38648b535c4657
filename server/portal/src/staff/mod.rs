//! Staff: the people who run this portal, and what they may do to accounts.
//!
//! - Every look at somebody's account is written down with its purpose, in the transaction that reads.
//! - Staff see who somebody is and where their account stands; no secret, no session, no token is in what they get.
//! - Restricting, suspending and restoring need a reason, which the person reads, and a fresh authentication. Nobody does
//!   it to themselves, or to staff above them.

use contract::accounts::{AccountEvent, AccountState};
use contract::audit_log::Action;
use contract::fields::Check;
use contract::staff::{FoundAccount, LookPurpose, SeenAccount};
use contract::{AccountId, OrganizationId, Refusal, StaffPermission, StaffRole};
use sea_orm::sea_query::{Expr, ExprTrait as _, Func, LikeExpr, OnConflict, Query};
use sea_orm::{
    ActiveModelTrait as _, Condition, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Set,
};

use crate::accounts::table as people;
use crate::audit_log::{self, Event};
use crate::mail_links::{self, Purpose};
use crate::notices::{self, Notice};
use crate::organizations::standing::{self, News};
use crate::organizations::{self, members};
use crate::{Actor, Op, Result, Tx, accounts, passkeys, sessions};

pub(crate) mod table;
#[cfg(test)]
mod tests;

/// Accounts that one search finds at most: whoever needs more is not looking for one person.
const FOUND_MAX: u64 = 50;

/// Makes an existing account staff, or changes its role. For the command line: only the program itself may.
///
/// # Errors
/// [`Refusal::NotAllowed`] for anyone else, [`Refusal::NotFound`] if the address has no account.
pub async fn add(op: &Op, email: &str, role: StaffRole) -> Result<()> {
    if op.actor != Actor::System {
        return Err(Refusal::NotAllowed.into());
    }
    let tx = op.begin().await?;
    let account = accounts::id_of(&tx, email).await?.ok_or(Refusal::NotFound)?;
    let row = table::ActiveModel {
        account_id: Set(account),
        role: Set(role.word().to_owned()),
        created_at: Set(op.now_ms()),
    };
    table::Entity::insert(row)
        .on_conflict(OnConflict::column(table::Column::AccountId).update_column(table::Column::Role).to_owned())
        .exec_without_returning(&tx)
        .await?;
    let event = Event::new(Action::StaffAdded).account(AccountId::new(account)).detail("role", role.word());
    audit_log::record(&tx, op, event).await?;
    op.commit(tx).await
}

/// Takes an account's place among the staff, without a word; says whether it had one.
pub(crate) async fn forget(tx: &Tx, account: AccountId) -> Result<bool> {
    Ok(table::Entity::delete_by_id(account.uuid()).exec(tx).await?.rows_affected > 0)
}

/// The account's place among the staff, if any.
pub(crate) async fn role_of<C: ConnectionTrait>(db: &C, account: AccountId) -> Result<Option<StaffRole>> {
    let row = table::Entity::find_by_id(account.uuid()).one(db).await?;
    Ok(row.and_then(|row| StaffRole::from_word(&row.role)))
}

/// Accounts that a text names, the newest first, at most 50.
///
/// It may be an address or an id, part of a name, or the id or part of the name of an organization that they belong to.
/// The text is written down, and erased after its term.
///
/// # Errors
/// [`Refusal::InvalidInput`], and those of [`Op::require_staff`].
pub async fn find(op: &Op, query: &str, purpose: LookPurpose) -> Result<Vec<FoundAccount>> {
    op.require_staff(StaffPermission::ReadAccounts)?;
    let mut check = Check::default();
    let text = check.search("query", query);
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    let tx = op.begin().await?;
    let found =
        people::Entity::find().filter(meets(&text)).order_by_desc(people::COLUMN.id).limit(FOUND_MAX).all(&tx).await?;
    let mut event = Event::new(Action::AccountsSearched)
        .detail("purpose", purpose.word())
        .detail("found", found.len())
        .personal(text);
    // Who was found alone is whom the text is about: it is erased together with them.
    if let [only] = found.as_slice() {
        event = event.account(only.account());
    }
    audit_log::record(&tx, op, event).await?;
    op.commit(tx).await?;
    Ok(found.iter().map(shown).collect())
}

fn meets(text: &str) -> Condition {
    if let Ok(id) = text.parse::<AccountId>() {
        return Condition::all().add(people::COLUMN.id.eq(id.uuid()));
    }
    let of_members = |organizations: Condition| {
        let those = Query::select()
            .column(organizations::table::Column::Id)
            .from(organizations::table::Entity)
            .cond_where(organizations)
            .take();
        let members = Query::select()
            .column(members::Column::AccountId)
            .from(members::Entity)
            .and_where(Expr::col(members::Column::OrganizationId).in_subquery(those))
            .take();
        Expr::col((people::Entity, people::Column::Id)).in_subquery(members)
    };
    if let Ok(id) = text.parse::<OrganizationId>() {
        return Condition::all().add(of_members(Condition::all().add(organizations::table::COLUMN.id.eq(id.uuid()))));
    }
    Condition::any()
        .add(people::COLUMN.email_folded.eq(people::fold(text)))
        .add(holds(Expr::col(people::Column::Name), text))
        .add(of_members(holds(Expr::col(organizations::table::Column::Name), text)))
}

/// Whether a name has this text in it. SQLite folds the case of ASCII alone, so other scripts are found as they are
/// written, too.
pub(crate) fn holds(name: Expr, text: &str) -> Condition {
    let literal: String =
        text.chars().flat_map(|c| matches!(c, '%' | '_' | '\\').then_some('\\').into_iter().chain([c])).collect();
    let like = |text: &str| LikeExpr::new(format!("%{text}%")).escape('\\');
    Condition::any()
        .add(name.clone().like(like(&literal)))
        .add(Expr::expr(Func::lower(name)).like(like(&literal.to_lowercase())))
}

fn shown(account: &people::Model) -> FoundAccount {
    FoundAccount {
        id: account.account(),
        name: account.name.clone(),
        email: account.email.clone(),
        state: account.state(),
        created_at: account.created_at,
    }
}

/// An account, with what staff need to help its person.
///
/// # Errors
/// [`Refusal::NotFound`], and those of [`Op::require_staff`].
pub async fn see(op: &Op, id: AccountId, purpose: LookPurpose) -> Result<SeenAccount> {
    op.require_staff(StaffPermission::ReadAccounts)?;
    let tx = op.begin().await?;
    let account = people::Entity::find_by_id(id.uuid()).one(&tx).await?.ok_or(Refusal::NotFound)?;
    let seen = SeenAccount {
        account: shown(&account),
        state_reason: account.state_reason,
        email_verified_at: account.email_verified_at,
        last_sign_in_at: account.last_sign_in_at,
        passkeys: i64::try_from(passkeys::how_many(&tx, id).await?).unwrap_or(i64::MAX),
        has_password: account.password_hash.is_some(),
        organizations: organizations::of_account(&tx, id).await?,
        staff: role_of(&tx, id).await?,
    };
    audit_log::record(&tx, op, Event::new(Action::AccountViewed).account(id).detail("purpose", purpose.word())).await?;
    op.commit(tx).await?;
    Ok(seen)
}

/// Restricts an account: its person can look and secure it, and nothing else; its keys rest. Their sessions go on.
///
/// # Errors
/// [`Refusal::InvalidInput`] without a reason; [`Refusal::StateConflict`]; [`Refusal::NotAllowed`] for one's own account
/// and for staff above; [`Refusal::NotFound`]; those of [`Op::require_staff`] and [`Op::require_recent`].
pub async fn restrict(op: &Op, id: AccountId, reason: &str) -> Result<()> {
    change(op, id, reason, Measure::Restrict).await
}

/// Suspends an account: every session of it ends at once, with the streams that it holds open, and its keys rest.
///
/// # Errors
/// Those of [`restrict`].
pub async fn suspend(op: &Op, id: AccountId, reason: &str) -> Result<()> {
    change(op, id, reason, Measure::Suspend).await
}

/// Lifts a restriction or a suspension.
///
/// # Errors
/// Those of [`restrict`].
pub async fn restore(op: &Op, id: AccountId, reason: &str) -> Result<()> {
    change(op, id, reason, Measure::Restore).await
}

/// What staff do to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measure {
    Restrict,
    Suspend,
    Restore,
}

impl Measure {
    const fn event(self) -> AccountEvent {
        match self {
            Self::Restrict => AccountEvent::Restrict,
            Self::Suspend => AccountEvent::Suspend,
            Self::Restore => AccountEvent::Restore,
        }
    }

    const fn action(self) -> Action {
        match self {
            Self::Restrict => Action::AccountRestricted,
            Self::Suspend => Action::AccountSuspended,
            Self::Restore => Action::AccountRestored,
        }
    }

    fn notice(self, reason: String) -> Notice {
        match self {
            Self::Restrict => Notice::Restricted { reason },
            Self::Suspend => Notice::Suspended { reason },
            Self::Restore => Notice::Restored,
        }
    }
}

async fn change(op: &Op, id: AccountId, reason: &str, measure: Measure) -> Result<()> {
    let least = match measure {
        Measure::Suspend => StaffPermission::SuspendAccounts,
        Measure::Restrict | Measure::Restore => StaffPermission::RestrictAccounts,
    };
    let role = op.require_staff(least)?;
    let person = op.require_recent().await?;
    if person.account == id {
        return Err(Refusal::NotAllowed.into());
    }
    let mut check = Check::default();
    let reason = check.reason("reason", reason);
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;

    // The gateway hears of resting keys in the order in which accounts were changed.
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let account = people::by_id_to_change(&tx, id.uuid()).await?.ok_or(Refusal::NotFound)?;
    if role_of(&tx, id).await?.is_some_and(|other| !role.reaches(other)) {
        return Err(Refusal::NotAllowed.into());
    }
    let before = account.state();
    let state = account.state_after(measure.event())?;
    if before == AccountState::Suspended {
        // Whoever may not suspend may not undo what those who may did.
        op.require_staff(StaffPermission::SuspendAccounts)?;
    }
    let mut account = account.into_active_model();
    account.state = Set(state.word().to_owned());
    account.state_reason = Set((state != AccountState::Active).then(|| reason.clone()));
    let account = account.update(&tx).await?;
    let standings = standing::state_changed(&tx, id).await?;
    let sessions = if state.may_sign_in() { Vec::new() } else { sessions::end_all(&tx, id, None).await? };
    notices::send(&tx, op, &account, measure.notice(reason.clone())).await?;
    let event = Event::new(measure.action()).account(id).detail("before", before.word()).personal(reason);
    audit_log::record(&tx, op, event).await?;
    standing::commit(op, tx, turn, News { sessions, standings, keys: Vec::new() }).await
}

/// Sends the verification mail of an account again; earlier links stop working.
///
/// # Errors
/// [`Refusal::StateConflict`] if the address is verified; [`Refusal::NotFound`]; those of [`Op::require_staff`].
pub async fn resend_verification(op: &Op, id: AccountId) -> Result<()> {
    op.require_staff(StaffPermission::ResendVerification)?;
    let tx = op.begin().await?;
    let account = people::by_id_to_change(&tx, id.uuid()).await?.ok_or(Refusal::NotFound)?;
    if account.email_verified_at.is_some() {
        return Err(Refusal::StateConflict.into());
    }
    mail_links::cancel(&tx, id, Purpose::VerifyEmail).await?;
    accounts::send_verification(&tx, op, &account).await?;
    audit_log::record(&tx, op, Event::new(Action::VerificationResent).account(id)).await?;
    op.commit(tx).await
}
