//! Who belongs to an organization, and as what.
//!
//! - Whoever changes that holds the organization's row, and what they may do is read again under that lock: of two who
//!   try at the same moment, the second meets what the first has done. So there is always an owner who can act.
//! - Owners are made and touched by owners alone; nobody gives more than they have.
//! - Keys stay with the organization when somebody goes.

use contract::audit_log::Action;
use contract::fields::{Check, Problem};
use contract::organizations::Member;
use contract::{AccountId, OrganizationId, Permission, Refusal, Role, SessionId};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{QueryOrder as _, Set};

use super::standing::{self, News};
use super::{invites, letters, personal_of, table};
use crate::audit_log::{self, Event};
use crate::notices::{self, Notice};
use crate::{Op, Result, Tx, accounts, sessions};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "members")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: Uuid,
    pub role: String,
    pub created_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// What cannot be read may only look.
    pub(super) fn role(&self) -> Role {
        Role::from_word(&self.role).unwrap_or(Role::Viewer)
    }
}

/// The account's place in an organization, if it has one.
pub(super) async fn role_in<C: ConnectionTrait>(
    db: &C,
    organization: OrganizationId,
    account: AccountId,
) -> Result<Option<Role>> {
    let member = Entity::find_by_id((organization.uuid(), account.uuid())).one(db).await?;
    Ok(member.map(|member| member.role()))
}

/// Lets an account belong to an organization.
pub(super) async fn add(
    tx: &Tx,
    op: &Op,
    organization: OrganizationId,
    account: AccountId,
    role: Role,
) -> std::result::Result<(), DbErr> {
    ActiveModel {
        organization_id: Set(organization.uuid()),
        account_id: Set(account.uuid()),
        role: Set(role.word().to_owned()),
        created_at: Set(op.now_ms()),
    }
    .insert(tx)
    .await?;
    Ok(())
}

/// Everybody who belongs to an organization, owners first.
pub(super) async fn list(op: &Op, organization: OrganizationId) -> Result<Vec<Member>> {
    let (db, me) = (op.db().read(), op.person()?.account);
    let rows = Entity::find()
        .filter(COLUMN.organization_id.eq(organization.uuid()))
        .order_by_asc(COLUMN.created_at)
        .order_by_asc(COLUMN.account_id)
        .all(db)
        .await?;
    let mut people = accounts(db, &rows).await?;
    let mut members: Vec<Member> = rows
        .into_iter()
        .filter_map(|row| {
            let place = people.iter().position(|person| person.id == row.account_id)?;
            let person = people.swap_remove(place);
            Some(Member {
                account: person.account(),
                role: row.role(),
                since: row.created_at,
                is_you: person.account() == me,
                name: person.name,
                email: person.email,
            })
        })
        .collect();
    members.sort_by_key(|member| Role::ALL.into_iter().position(|role| role == member.role));
    Ok(members)
}

/// The accounts behind memberships.
pub(super) async fn accounts<C: ConnectionTrait>(db: &C, members: &[Model]) -> Result<Vec<accounts::table::Model>> {
    let ids = members.iter().map(|member| member.account_id);
    Ok(accounts::table::Entity::find().filter(accounts::table::COLUMN.id.is_in(ids)).all(db).await?)
}

/// The accounts that own an organization.
pub(crate) async fn owners<C: ConnectionTrait>(
    db: &C,
    organization: OrganizationId,
) -> Result<Vec<accounts::table::Model>> {
    let rows = Entity::find()
        .filter(COLUMN.organization_id.eq(organization.uuid()))
        .filter(COLUMN.role.eq(Role::Owner.word()))
        .all(db)
        .await?;
    accounts(db, &rows).await
}

/// The organization in which somebody changes something, held until the transaction ends, and what they may do there
/// now.
pub(super) struct Held {
    pub(super) organization: table::Model,
    pub(super) mine: Role,
}

impl Held {
    pub(super) fn id(&self) -> OrganizationId {
        self.organization.organization()
    }

    /// Refuses what the person may not do to somebody in that role.
    pub(super) fn require_may_appoint(&self, role: Role) -> Result<()> {
        if self.mine.may_appoint(role) { Ok(()) } else { Err(Refusal::NotAllowed.into()) }
    }

    /// The role of a member.
    async fn role_of(&self, tx: &Tx, account: AccountId) -> Result<Role> {
        Ok(role_in(tx, self.id(), account).await?.ok_or(Refusal::NotFound)?)
    }

    /// Refuses to take its place from an owner, if none who can act would be left.
    async fn require_owner_besides(&self, tx: &Tx, account: AccountId) -> Result<()> {
        if self.organization.is_personal() {
            return Err(Refusal::PersonalOrganization.into());
        }
        let owners = owners(tx, self.id()).await?;
        let other = owners.iter().any(|owner| owner.account() != account && owner.state().may_change());
        if other { Ok(()) } else { Err(Refusal::LastOwner.into()) }
    }

    async fn set_role(&self, tx: &Tx, account: AccountId, role: Role) -> Result<()> {
        Entity::update_many()
            .col_expr(Column::Role, Expr::value(role.word()))
            .filter(COLUMN.organization_id.eq(self.id().uuid()))
            .filter(COLUMN.account_id.eq(account.uuid()))
            .exec(tx)
            .await?;
        Ok(())
    }
}

/// Holds the organization that the person works in.
pub(super) async fn hold(tx: &Tx, op: &Op, permission: Option<Permission>) -> Result<Held> {
    let person = op.signed_in()?;
    let organization = table::by_id_to_change(tx, person.organization.id.uuid()).await?;
    let mine = role_in(tx, organization.organization(), person.account).await?.ok_or(Refusal::NotFound)?;
    if permission.is_some_and(|permission| !mine.allows(permission)) {
        return Err(Refusal::NotAllowed.into());
    }
    Ok(Held { organization, mine })
}

/// A member's account, to write to.
async fn account_of(tx: &Tx, account: AccountId) -> Result<accounts::table::Model> {
    Ok(accounts::table::Entity::find_by_id(account.uuid()).one(tx).await?.ok_or(Refusal::NotFound)?)
}

/// Lets a member be something else. Sessions in which they work there end, so that nothing they hold open goes on with
/// rights they had.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::LastOwner`], [`Refusal::PersonalOrganization`], [`Refusal::StepUpRequired`],
/// [`Refusal::InvalidInput`] for a word that is no role, and those of [`Op::require`].
pub async fn change_role(op: &Op, account: AccountId, role: &str) -> Result<()> {
    op.require(Permission::ManageMembers)?;
    let me = op.require_recent().await?;
    let role = role_from("role", role)?;
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let held = hold(&tx, op, Some(Permission::ManageMembers)).await?;
    let before = held.role_of(&tx, account).await?;
    held.require_may_appoint(before)?;
    held.require_may_appoint(role)?;
    if role == before {
        return Ok(());
    }
    if held.organization.is_personal() && role == Role::Owner {
        return Err(Refusal::PersonalOrganization.into());
    }
    if before == Role::Owner {
        held.require_owner_besides(&tx, account).await?;
    }
    held.set_role(&tx, account, role).await?;
    invites::void_beyond(&tx, op, held.id(), account, Some(role)).await?;
    let sessions = end_sessions(&tx, op, held.id(), account).await?;
    let notice = Notice::RoleChanged { organization: held.organization.name.clone(), role };
    notices::send(&tx, op, &account_of(&tx, account).await?, notice).await?;
    let standings = standing::owners_changed(&tx, held.id()).await?;
    let event = Event::new(Action::RoleChanged)
        .organization(held.id())
        .account(account)
        .detail("before", before.word())
        .detail("after", role.word());
    let event = if account == me.account { event.detail("own", "yes") } else { event };
    audit_log::record(&tx, op, event).await?;
    if account == me.account {
        sessions::move_to(&tx, op, held.id()).await?;
    }
    standing::commit(op, tx, turn, News { sessions, standings, ..News::default() }).await
}

/// The word of a role in a form.
pub(super) fn role_from(field: &str, word: &str) -> Result<Role> {
    Role::from_word(word).ok_or_else(|| {
        let mut check = Check::default();
        check.refuse(field, Problem::NotAChoice);
        Refusal::InvalidInput { fields: check.finish().err().unwrap_or_default() }.into()
    })
}

/// Ends the sessions in which an account works for an organization. That of the person who asks goes on: they see what
/// they did, with the rights they have now; only what it holds open ends.
async fn end_sessions(tx: &Tx, op: &Op, organization: OrganizationId, account: AccountId) -> Result<Vec<SessionId>> {
    let me = op.signed_in()?;
    let own = (me.account == account).then_some(me.session);
    let mut ended = sessions::end_in(tx, account, organization, own).await?;
    ended.extend(own);
    Ok(ended)
}

/// Takes a member out of the organization. Keys they created stay.
///
/// # Errors
/// Those of [`change_role`]; for oneself those of [`leave`].
pub async fn remove(op: &Op, account: AccountId) -> Result<()> {
    op.require(Permission::ManageMembers)?;
    if op.signed_in()?.account == account {
        return leave(op).await;
    }
    op.require_recent().await?;
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let held = hold(&tx, op, Some(Permission::ManageMembers)).await?;
    let before = held.role_of(&tx, account).await?;
    held.require_may_appoint(before)?;
    if before == Role::Owner {
        held.require_owner_besides(&tx, account).await?;
    }
    let notice = Notice::RemovedFrom { organization: held.organization.name.clone() };
    notices::send(&tx, op, &account_of(&tx, account).await?, notice).await?;
    let sessions = end_sessions(&tx, op, held.id(), account).await?;
    let news = take_out(&tx, op, &held, account, sessions).await?;
    let event = Event::new(Action::MemberRemoved).organization(held.id()).account(account);
    audit_log::record(&tx, op, event.detail("role", before.word())).await?;
    standing::commit(op, tx, turn, news).await
}

/// Leaves the organization. The session that asks works for the person's own from then on; others there end.
///
/// # Errors
/// [`Refusal::LastOwner`], [`Refusal::PersonalOrganization`], [`Refusal::StepUpRequired`],
/// [`Refusal::AccountRestricted`], [`Refusal::NotSignedIn`].
pub async fn leave(op: &Op) -> Result<()> {
    op.require_good_standing()?;
    let me = op.require_recent().await?;
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let held = hold(&tx, op, None).await?;
    if held.mine == Role::Owner {
        held.require_owner_besides(&tx, me.account).await?;
    }
    let own = personal_of(&tx, me.account).await?;
    let sessions = end_sessions(&tx, op, held.id(), me.account).await?;
    sessions::move_to(&tx, op, own.id).await?;
    let news = take_out(&tx, op, &held, me.account, sessions).await?;
    for owner in owners(&tx, held.id()).await? {
        letters::left(&tx, op, &owner, &held.organization).await?;
    }
    let event = Event::new(Action::MemberLeft).organization(held.id()).account(me.account);
    audit_log::record(&tx, op, event.detail("role", held.mine.word())).await?;
    standing::commit(op, tx, turn, news).await
}

async fn take_out(tx: &Tx, op: &Op, held: &Held, account: AccountId, sessions: Vec<SessionId>) -> Result<News> {
    Entity::delete_by_id((held.id().uuid(), account.uuid())).exec(tx).await?;
    invites::void_beyond(tx, op, held.id(), account, None).await?;
    Ok(News { sessions, standings: standing::owners_changed(tx, held.id()).await?, ..News::default() })
}

/// Makes somebody else the owner, and the person an admin: both, or neither.
///
/// # Errors
/// [`Refusal::NotFound`] if they do not belong to it, [`Refusal::StateConflict`] if their account is not in good standing
/// or is that of the person who asks, [`Refusal::PersonalOrganization`], [`Refusal::StepUpRequired`], and those of
/// [`Op::require`].
pub async fn hand_over(op: &Op, account: AccountId) -> Result<()> {
    op.require(Permission::HandOver)?;
    let me = op.require_recent().await?;
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let held = hold(&tx, op, Some(Permission::HandOver)).await?;
    if held.organization.is_personal() {
        return Err(Refusal::PersonalOrganization.into());
    }
    let before = held.role_of(&tx, account).await?;
    let next = account_of(&tx, account).await?;
    if !next.state().may_change() || account == me.account {
        return Err(Refusal::StateConflict.into());
    }
    held.set_role(&tx, account, Role::Owner).await?;
    held.set_role(&tx, me.account, Role::Admin).await?;
    invites::void_beyond(&tx, op, held.id(), me.account, Some(Role::Admin)).await?;
    let mut sessions = end_sessions(&tx, op, held.id(), account).await?;
    sessions.extend(end_sessions(&tx, op, held.id(), me.account).await?);
    let organization = held.organization.name.clone();
    notices::send(&tx, op, &next, Notice::HandedOver { organization: organization.clone() }).await?;
    let notice = Notice::RoleChanged { organization, role: Role::Admin };
    notices::send(&tx, op, &account_of(&tx, me.account).await?, notice).await?;
    let standings = standing::owners_changed(&tx, held.id()).await?;
    let event = Event::new(Action::HandedOver).organization(held.id()).account(account);
    audit_log::record(&tx, op, event.detail("before", before.word())).await?;
    sessions::move_to(&tx, op, held.id()).await?;
    standing::commit(op, tx, turn, News { sessions, standings, ..News::default() }).await
}
