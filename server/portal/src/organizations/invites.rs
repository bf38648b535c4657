//! Invitations: an address, a role, a link that works for seven days.
//!
//! - An invitation is for one address. Whoever accepts has an account with exactly that address, verified.
//! - The address is stored for as long as the invitation is open: it goes, with the mail that brought it, in the
//!   transaction that accepts, declines or takes it back, and after seven days.
//! - It gives no more than who sent it could give at the moment of acceptance.
//! - Looking at a link changes nothing.

use chrono::TimeDelta;
use contract::audit_log::Action;
use contract::fields::Check;
use contract::organizations::{INVITE_DAYS, Invite, InviteOffer};
use contract::{AccountId, InviteId, MailId, OrganizationId, Permission, Refusal, Role};
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder as _, Set};

use super::members::{self, hold, role_from};
use super::spent_links::{self, Outcome};
use super::standing::{self, News};
use super::{letters, table};
use crate::accounts::table::fold;
use crate::audit_log::{self, Event};
use crate::guard::Door;
use crate::{Op, Result, Tx, accounts, mail, sessions, tokens};

/// Open invitations of one organization: more than anybody invites in a week, and no way to fill a disk or mailboxes.
pub(super) const OPEN_MAX: u32 = 50;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "invites")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: Uuid,
    pub email: String,
    pub email_folded: String,
    pub role: String,
    pub invited_by: Option<Uuid>,
    #[sea_orm(unique)]
    pub token_hash: Vec<u8>,
    pub created_at: i64,
    pub expires_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    fn invite(&self) -> InviteId {
        InviteId::new(self.id)
    }

    fn organization(&self) -> OrganizationId {
        OrganizationId::new(self.organization_id)
    }

    /// What cannot be read gives nothing but a look.
    fn role(&self) -> Role {
        Role::from_word(&self.role).unwrap_or(Role::Viewer)
    }

    /// Whether whoever sent it could still send it.
    async fn is_backed<C: ConnectionTrait>(&self, db: &C) -> Result<bool> {
        let Some(inviter) = self.invited_by else { return Ok(false) };
        let account = accounts::table::Entity::find_by_id(inviter).one(db).await?;
        let role = members::role_in(db, self.organization(), AccountId::new(inviter)).await?;
        Ok(account.is_some_and(|account| account.state().may_change())
            && role.is_some_and(|role| role.may_appoint(self.role())))
    }

    /// Refuses an invitation that does not work any more.
    async fn require_open<C: ConnectionTrait>(&self, db: &C, op: &Op) -> Result<()> {
        if op.now_ms() >= self.expires_at || !self.is_backed(db).await? {
            return Err(Refusal::LinkExpired.into());
        }
        Ok(())
    }
}

/// Which invitation somebody answers.
#[derive(Clone, Copy)]
pub enum Invitation<'a> {
    /// The one whose link they have.
    Link(&'a str),
    /// One for the address of the person who is signed in.
    Id(InviteId),
}

impl std::fmt::Debug for Invitation<'_> {
    // The link acts for its owner, so it is never printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Invitation")
    }
}

/// Finds it, open or not.
async fn find<C: ConnectionTrait>(db: &C, op: &Op, which: Invitation<'_>) -> Result<Model> {
    match which {
        Invitation::Link(token) => {
            let hash = tokens::token_hash(token);
            match Entity::find().filter(COLUMN.token_hash.eq(hash.clone())).one(db).await? {
                Some(invite) => Ok(invite),
                None => Err(spent_links::refusal(db, hash).await?.into()),
            }
        }
        Invitation::Id(id) => {
            let mine = COLUMN.email_folded.eq(fold(&op.signed_in()?.email));
            Ok(Entity::find_by_id(id.uuid()).filter(mine).one(db).await?.ok_or(Refusal::NotFound)?)
        }
    }
}

/// Finds it, and holds its organization: whoever else answers it, or takes it back, waits, and then meets what was done.
async fn find_to_change(tx: &Tx, op: &Op, which: Invitation<'_>) -> Result<(Model, table::Model)> {
    let seen = find(tx, op, which).await?;
    let organization = table::by_id_to_change(tx, seen.organization_id).await?;
    Ok((find(tx, op, which).await?, organization))
}

fn spend_try(op: &Op, which: Invitation<'_>) -> Result<()> {
    match which {
        Invitation::Link(_) => Ok(op.portal.guard().check(Door::MailLink, op.now, &op.browser.source, None, false)?),
        Invitation::Id(_) => Ok(()),
    }
}

/// Erases an invitation, its address and its mail.
async fn erase(tx: &Tx, op: &Op, invite: &Model, outcome: Outcome) -> Result<()> {
    Entity::delete_by_id(invite.id).exec(tx).await?;
    mail::take_back(tx, MailId::new(invite.id)).await?;
    spent_links::spend(tx, invite.token_hash.clone(), outcome, op.now_ms()).await
}

/// Invites somebody. An open invitation for the same address gives way to the new one; its link stops working.
///
/// # Errors
/// [`Refusal::InvalidInput`], [`Refusal::AlreadyMember`], [`Refusal::TooMany`], [`Refusal::TooManyTries`],
/// [`Refusal::PersonalOrganization`], [`Refusal::StepUpRequired`], and those of [`Op::require`].
pub async fn invite(op: &Op, email: &str, role: &str) -> Result<InviteId> {
    op.require(Permission::ManageMembers)?;
    let mut check = Check::default();
    let email = check.email("email", email);
    let wanted = Role::from_word(role);
    if wanted.is_none() {
        check.refuse("role", contract::Problem::NotAChoice);
    }
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    let role = role_from("role", role)?;
    let person = op.signed_in()?;
    if !person.organization.role.may_appoint(role) {
        return Err(Refusal::NotAllowed.into());
    }
    op.require_recent().await?;
    let folded = fold(&email);
    op.portal.guard().check(Door::Mail, op.now, &op.browser.source, Some(&folded), false)?;

    let tx = op.begin().await?;
    let held = hold(&tx, op, Some(Permission::ManageMembers)).await?;
    held.require_may_appoint(role)?;
    if held.organization.is_personal() && role == Role::Owner {
        return Err(Refusal::PersonalOrganization.into());
    }
    if let Some(known) = accounts::table::by_email(&tx, &email).await?
        && members::role_in(&tx, held.id(), known.account()).await?.is_some()
    {
        return Err(Refusal::AlreadyMember.into());
    }
    let all = Entity::find().filter(COLUMN.organization_id.eq(held.id().uuid())).all(&tx).await?;
    let open = all.iter().filter(|other| other.email_folded != folded && op.now_ms() < other.expires_at).count();
    if open >= OPEN_MAX as usize {
        return Err(Refusal::TooMany { max: OPEN_MAX }.into());
    }
    if let Some(earlier) = all.iter().find(|other| other.email_folded == folded) {
        // What an owner offered is not made less by somebody who could not have offered it.
        if op.now_ms() < earlier.expires_at {
            held.require_may_appoint(earlier.role())?;
        }
        erase(&tx, op, earlier, Outcome::Void).await?;
    }

    let token = tokens::new_token()?;
    let row = ActiveModel {
        id: Set(op.new_uuid()),
        organization_id: Set(held.id().uuid()),
        email: Set(email.clone()),
        email_folded: Set(folded),
        role: Set(role.word().to_owned()),
        invited_by: Set(Some(person.account.uuid())),
        token_hash: Set(tokens::token_hash(&token)),
        created_at: Set(op.now_ms()),
        expires_at: Set((op.now + TimeDelta::days(INVITE_DAYS)).timestamp_millis()),
    }
    .insert(&tx)
    .await?;
    letters::invite(&tx, op, MailId::new(row.id), &held.organization, &email, role, &token).await?;
    // No address here: it would outlive the invitation.
    let event = Event::new(Action::MemberInvited).organization(held.id()).object(row.invite());
    audit_log::record(&tx, op, event.detail("role", role.word())).await?;
    op.commit(tx).await?;
    Ok(row.invite())
}

/// Takes an invitation back. Its link stops working, and its address is erased.
///
/// # Errors
/// [`Refusal::NotFound`], and those of [`Op::require`].
pub async fn revoke_invite(op: &Op, id: InviteId) -> Result<()> {
    op.require(Permission::ManageMembers)?;
    let tx = op.begin().await?;
    let held = hold(&tx, op, Some(Permission::ManageMembers)).await?;
    let invite = Entity::find_by_id(id.uuid())
        .filter(COLUMN.organization_id.eq(held.id().uuid()))
        .one(&tx)
        .await?
        .ok_or(Refusal::NotFound)?;
    held.require_may_appoint(invite.role())?;
    erase(&tx, op, &invite, Outcome::Void).await?;
    let event = Event::new(Action::InviteRevoked).organization(held.id()).object(id);
    audit_log::record(&tx, op, event.detail("role", invite.role().word())).await?;
    op.commit(tx).await
}

/// The open invitations of an organization, the newest first.
pub(super) async fn list(op: &Op, organization: OrganizationId) -> Result<Vec<Invite>> {
    let rows = Entity::find()
        .filter(COLUMN.organization_id.eq(organization.uuid()))
        .filter(COLUMN.expires_at.gt(op.now_ms()))
        .order_by_desc(COLUMN.id)
        .all(op.db().read())
        .await?;
    let invite = |row: Model| Invite {
        id: row.invite(),
        role: row.role(),
        email: row.email,
        created_at: row.created_at,
        expires_at: row.expires_at,
    };
    Ok(rows.into_iter().map(invite).collect())
}

/// What an invitation's link leads to. Anybody with the link may look, as often as they like.
///
/// # Errors
/// [`Refusal::LinkExpired`], also when it was taken back or who sent it could not send it any more;
/// [`Refusal::LinkUsed`], [`Refusal::LinkUnknown`], [`Refusal::TooManyTries`].
pub async fn invite_offer(op: &Op, token: &str) -> Result<InviteOffer> {
    spend_try(op, Invitation::Link(token))?;
    let invite = find(op.db().read(), op, Invitation::Link(token)).await?;
    invite.require_open(op.db().read(), op).await?;
    offer(op, invite).await
}

/// The open invitations for the address of the person who asks: they need no mail to find them.
///
/// # Errors
/// [`Refusal::NotSignedIn`].
pub async fn my_invites(op: &Op) -> Result<Vec<InviteOffer>> {
    let (person, db) = (op.signed_in()?, op.db().read());
    let rows = Entity::find()
        .filter(COLUMN.email_folded.eq(fold(&person.email)))
        .filter(COLUMN.expires_at.gt(op.now_ms()))
        .order_by_desc(COLUMN.id)
        .all(db)
        .await?;
    let mut offers = Vec::new();
    for row in rows {
        // With another address than now, they may have come in already.
        if members::role_in(db, row.organization(), person.account).await?.is_none() && row.is_backed(db).await? {
            offers.push(offer(op, row).await?);
        }
    }
    Ok(offers)
}

async fn offer(op: &Op, invite: Model) -> Result<InviteOffer> {
    let db = op.db().read();
    let organization = table::Entity::find_by_id(invite.organization_id).one(db).await?.ok_or(Refusal::LinkExpired)?;
    let inviter = match invite.invited_by {
        Some(id) => accounts::table::Entity::find_by_id(id).one(db).await?,
        None => None,
    };
    let for_you = op.signed_in().is_ok_and(|person| fold(&person.email) == invite.email_folded);
    Ok(InviteOffer {
        id: invite.invite(),
        organization: organization.name,
        role: invite.role(),
        invited_by: inviter.map(|account| account.name),
        expires_at: invite.expires_at,
        email: if for_you { invite.email } else { masked(&invite.email) },
        for_you,
    })
}

/// Enough of an address for its owner to know which of theirs it is, and not enough for anybody else to write to it.
fn masked(email: &str) -> String {
    let (local, domain) = email.rsplit_once('@').unwrap_or((email, ""));
    let first: String = local.chars().take(1).collect();
    format!("{first}…@{domain}")
}

/// Joins the organization. Of several who try at the same moment one succeeds. The session works for it from then on.
///
/// # Errors
/// [`Refusal::InviteForAnother`], [`Refusal::AlreadyMember`], those of [`invite_offer`], [`Refusal::NotFound`] for an id
/// that is none of an invitation for the person, [`Refusal::AccountRestricted`], [`Refusal::NotSignedIn`].
pub async fn accept_invite(op: &Op, which: Invitation<'_>) -> Result<OrganizationId> {
    let person = op.require_good_standing()?;
    spend_try(op, which)?;
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let (invite, organization) = find_to_change(&tx, op, which).await?;
    let id = organization.organization();
    invite.require_open(&tx, op).await?;
    // As it is now: the address may have been changed since the request began.
    let account = accounts::table::Entity::find_by_id(person.account.uuid()).one(&tx).await?;
    let exactly = account.filter(|account| {
        account.email_folded == invite.email_folded
            && account.email_verified_at.is_some()
            && account.state().may_change()
    });
    if exactly.is_none() {
        return Err(Refusal::InviteForAnother.into());
    }
    if members::role_in(&tx, id, person.account).await?.is_some() {
        return Err(Refusal::AlreadyMember.into());
    }
    members::add(&tx, op, id, person.account, invite.role()).await?;
    erase(&tx, op, &invite, Outcome::Used).await?;
    sessions::move_to(&tx, op, id).await?;
    if let Some(inviter) = invite.invited_by
        && let Some(inviter) = accounts::table::Entity::find_by_id(inviter).one(&tx).await?
    {
        letters::joined(&tx, op, &inviter, &organization, invite.role()).await?;
    }
    let standings = standing::owners_changed(&tx, id).await?;
    let event = Event::new(Action::MemberJoined).organization(id).account(person.account).object(invite.invite());
    audit_log::record(&tx, op, event.detail("role", invite.role().word())).await?;
    let news = News { sessions: vec![person.session], standings, ..News::default() };
    standing::commit(op, tx, turn, news).await?;
    Ok(id)
}

/// Says no. The address is erased. Whoever has the link may, with or without an account: it came to the address.
///
/// # Errors
/// Those of [`invite_offer`]; [`Refusal::NotFound`] for an id that is none of an invitation for the person.
pub async fn decline_invite(op: &Op, which: Invitation<'_>) -> Result<()> {
    spend_try(op, which)?;
    let tx = op.begin().await?;
    let (invite, organization) = find_to_change(&tx, op, which).await?;
    if op.now_ms() >= invite.expires_at {
        return Err(Refusal::LinkExpired.into());
    }
    erase(&tx, op, &invite, Outcome::Used).await?;
    let event = Event::new(Action::InviteDeclined).organization(organization.organization()).object(invite.invite());
    audit_log::record(&tx, op, event.detail("role", invite.role().word())).await?;
    op.commit(tx).await
}

/// Takes back what somebody sent and could not send any more, in the role they have now, if any.
pub(super) async fn void_beyond(
    tx: &Tx,
    op: &Op,
    organization: OrganizationId,
    inviter: AccountId,
    role: Option<Role>,
) -> Result<()> {
    let sent = Entity::find()
        .filter(COLUMN.organization_id.eq(organization.uuid()))
        .filter(COLUMN.invited_by.eq(inviter.uuid()))
        .all(tx)
        .await?;
    for invite in sent.iter().filter(|invite| !role.is_some_and(|role| role.may_appoint(invite.role()))) {
        erase(tx, op, invite, Outcome::Void).await?;
    }
    Ok(())
}

/// What retention does before it erases invitations that are too old: their links go on being refused as such.
pub(crate) async fn note_expired(tx: &Tx, op: &Op) -> Result<()> {
    let past = Entity::find()
        .filter(COLUMN.expires_at.lte(op.now_ms()))
        // Older ones would be erased from there at once.
        .filter(COLUMN.expires_at.gt((op.now - SPENT_LIFE).timestamp_millis()))
        .all(tx)
        .await?;
    for invite in past {
        spent_links::spend(tx, invite.token_hash, Outcome::Void, invite.expires_at).await?;
    }
    Ok(())
}

/// The kind of the mail that brings one.
pub(crate) const MAIL: &str = letters::INVITE;

/// For how long a link that leads to nothing is told apart from one that never was.
pub(crate) const SPENT_LIFE: TimeDelta = TimeDelta::days(7);
