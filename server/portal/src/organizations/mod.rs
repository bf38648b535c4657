//! Organizations own keys; members act for them.
//!
//! - An organization has at least one owner who can act, at every moment. Its keys work only while one of its owners is
//!   in good standing.
//! - The organization that an account started with stays with its person, who is its one owner. Others can be members.
//! - Somebody else's organization, member or invitation is not found.

use contract::audit_log::Action;
use contract::countries;
use contract::fields::{Check, Problem};
use contract::organizations::{CurrentOrganization, OrganizationPage};
use contract::{AccountId, OrganizationId, Permission, Refusal, Role};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ConnectionTrait, DbErr, EntityTrait as _, IntoActiveModel as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, Set,
};

use crate::audit_log::{self, Event};
use crate::guard::Door;
use crate::mail_links::{self, Purpose, Subject};
use crate::{Op, Result, Tx, accounts, keys, sessions};

pub mod desk;
pub(crate) mod invites;
mod letters;
pub(crate) mod members;
mod spent_links;
pub(crate) mod standing;
pub(crate) mod table;
#[cfg(test)]
mod tests;

pub use invites::{Invitation, accept_invite, decline_invite, invite, invite_offer, my_invites, revoke_invite};
pub use members::{change_role, hand_over, leave, remove};
use standing::News;
pub use standing::resting;

/// Organizations that one account may own besides its own: more than anybody needs, and no way to fill a disk.
const OWNED_MAX: u32 = 20;

/// The organization that every account starts with, and its only member.
pub(crate) async fn create_personal(tx: &Tx, op: &Op, account: AccountId, name: &str) -> Result<(), DbErr> {
    insert(tx, op, account, name, table::PERSONAL).await?;
    Ok(())
}

async fn insert(tx: &Tx, op: &Op, owner: AccountId, name: &str, kind: &str) -> Result<OrganizationId, DbErr> {
    let organization = table::ActiveModel {
        id: Set(op.new_uuid()),
        name: Set(name.to_owned()),
        kind: Set(kind.to_owned()),
        contact_email: Set(None),
        contact_verified_at: Set(None),
        country: Set(None),
        created_at: Set(op.now_ms()),
        ..Default::default()
    }
    .insert(tx)
    .await?
    .organization();
    members::add(tx, op, organization, owner, Role::Owner).await?;
    Ok(organization)
}

/// Calls the organization that an account started with after its person again.
pub(crate) async fn rename_personal(tx: &Tx, account: AccountId, name: &str) -> Result<()> {
    let organization = personal_of(tx, account).await?;
    table::Entity::update_many()
        .col_expr(table::Column::Name, Expr::value(name))
        .filter(table::COLUMN.id.eq(organization.id.uuid()))
        .exec(tx)
        .await?;
    Ok(())
}

/// The organization that an account started with. Of personal ones it owns no other: nobody else can.
pub(crate) async fn personal_of<C: ConnectionTrait>(db: &C, account: AccountId) -> Result<CurrentOrganization> {
    let owned = owned(db, account).await?;
    let own = table::Entity::find()
        .filter(table::COLUMN.id.is_in(owned.iter().map(|member| member.organization_id)))
        .filter(table::COLUMN.kind.eq(table::PERSONAL))
        .order_by_asc(table::COLUMN.id)
        .one(db)
        .await?
        .ok_or_else(|| anyhow::anyhow!("account {account} has no organization of its own"))?;
    Ok(CurrentOrganization { id: own.organization(), name: own.name, role: Role::Owner })
}

/// The memberships in which an account is an owner.
async fn owned<C: ConnectionTrait>(db: &C, account: AccountId) -> Result<Vec<members::Model>> {
    Ok(members::Entity::find()
        .filter(members::COLUMN.account_id.eq(account.uuid()))
        .filter(members::COLUMN.role.eq(Role::Owner.word()))
        .all(db)
        .await?)
}

/// An organization, as one of its members sees it; nothing for everyone else.
pub(crate) async fn current<C: ConnectionTrait>(
    db: &C,
    id: OrganizationId,
    account: AccountId,
) -> Result<Option<CurrentOrganization>> {
    let Some(role) = members::role_in(db, id, account).await? else { return Ok(None) };
    let Some(organization) = table::Entity::find_by_id(id.uuid()).one(db).await? else { return Ok(None) };
    Ok(Some(CurrentOrganization { id, name: organization.name, role }))
}

/// Every organization an account belongs to: its own first, then by name.
pub(crate) async fn of_account<C: ConnectionTrait>(db: &C, account: AccountId) -> Result<Vec<CurrentOrganization>> {
    let memberships = members::Entity::find().filter(members::COLUMN.account_id.eq(account.uuid())).all(db).await?;
    let organizations = table::Entity::find()
        .filter(table::COLUMN.id.is_in(memberships.iter().map(|member| member.organization_id)))
        .all(db)
        .await?;
    let mut all: Vec<(bool, CurrentOrganization)> = organizations
        .into_iter()
        .filter_map(|organization| {
            let role = memberships.iter().find(|member| member.organization_id == organization.id)?.role();
            let own = organization.is_personal() && role == Role::Owner;
            let id = organization.organization();
            Some((!own, CurrentOrganization { id, name: organization.name, role }))
        })
        .collect();
    all.sort_by_key(|(other, organization)| (*other, organization.name.to_lowercase(), organization.id));
    Ok(all.into_iter().map(|(_, organization)| organization).collect())
}

/// The organization the person works in, who belongs to it, and who is invited.
///
/// # Errors
/// Those of [`Op::require`].
pub async fn read(op: &Op) -> Result<OrganizationPage> {
    let id = op.require(Permission::ReadMembers)?;
    let role = op.person()?.organization.role;
    let organization = table::Entity::find_by_id(id.uuid()).one(op.db().read()).await?.ok_or(Refusal::NotFound)?;
    let invites = if role.allows(Permission::ManageMembers) { invites::list(op, id).await? } else { Vec::new() };
    Ok(OrganizationPage {
        organization: organization.into_organization(),
        role,
        members: members::list(op, id).await?,
        invites,
    })
}

/// Creates an organization. The person is its owner, and the session works for it from then on.
///
/// # Errors
/// [`Refusal::InvalidInput`], [`Refusal::TooMany`], [`Refusal::AccountRestricted`], [`Refusal::NotSignedIn`].
pub async fn create(op: &Op, name: &str) -> Result<OrganizationId> {
    let person = op.require_good_standing()?;
    let mut check = Check::default();
    let name = check.organization_name("name", name);
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    let tx = op.begin().await?;
    // Held, so that many at the same moment are counted one after another.
    accounts::table::by_id_to_change(&tx, person.account.uuid()).await?.ok_or(Refusal::NotSignedIn)?;
    let owned = owned(&tx, person.account).await?;
    let teams = table::Entity::find()
        .filter(table::COLUMN.id.is_in(owned.iter().map(|member| member.organization_id)))
        .filter(table::COLUMN.kind.eq(table::TEAM))
        .count(&tx)
        .await?;
    if teams >= u64::from(OWNED_MAX) {
        return Err(Refusal::TooMany { max: OWNED_MAX }.into());
    }
    let id = insert(&tx, op, person.account, &name, table::TEAM).await?;
    sessions::move_to(&tx, op, id).await?;
    audit_log::record(&tx, op, Event::new(Action::OrganizationCreated).organization(id)).await?;
    // What the session holds open shows the organization it worked for before.
    op.commit_endings(tx, vec![person.session]).await?;
    Ok(id)
}

/// Lets the session work for another organization that the person belongs to.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::NotSignedIn`].
pub async fn switch(op: &Op, id: OrganizationId) -> Result<()> {
    let person = op.signed_in()?;
    let tx = op.begin().await?;
    members::role_in(&tx, id, person.account).await?.ok_or(Refusal::NotFound)?;
    sessions::move_to(&tx, op, id).await?;
    op.commit_endings(tx, vec![person.session]).await
}

/// What can be changed about an organization.
#[derive(Clone, Debug, Default)]
pub struct NewDetails {
    /// Its name.
    pub name: String,
    /// Where it wants to be written to; empty for nowhere.
    pub contact_email: String,
    /// Two letters (ISO 3166-1 alpha-2); empty if it does not say.
    pub country: String,
}

/// Changes name, contact address and country. A new contact address has to be verified before anything is sent to it.
///
/// # Errors
/// [`Refusal::InvalidInput`], [`Refusal::TooManyTries`], and those of [`Op::require`].
pub async fn change(op: &Op, new: NewDetails) -> Result<()> {
    let id = op.require(Permission::ManageOrganization)?;
    let mut check = Check::default();
    let name = check.organization_name("name", &new.name);
    let contact = match new.contact_email.trim() {
        "" => None,
        given => Some(check.email("contact_email", given)),
    };
    let country = Some(new.country.trim().to_uppercase()).filter(|code| !code.is_empty());
    if country.as_deref().is_some_and(|code| countries::name(code).is_none()) {
        check.refuse("country", Problem::NotAChoice);
    }
    if let Some(contact) = &contact
        && members::list(op, id).await?.iter().any(|member| same_address(&member.email, contact))
    {
        check.refuse("contact_email", Problem::SignInAddress);
    }
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;

    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let held = members::hold(&tx, op, Some(Permission::ManageOrganization)).await?;
    let before = held.organization;
    let renamed = name != before.name;
    let same_contact = match (&before.contact_email, &contact) {
        (Some(before), Some(contact)) => same_address(before, contact),
        (before, contact) => before == contact,
    };
    let mut changed = Vec::new();
    if renamed {
        changed.push("name");
    }
    if !same_contact {
        changed.push("contact");
    }
    if country != before.country {
        changed.push("country");
    }
    let verified_at = before.contact_verified_at.filter(|_| same_contact);
    let mut organization = before.into_active_model();
    organization.name = Set(name);
    organization.contact_email = Set(contact);
    organization.contact_verified_at = Set(verified_at);
    organization.country = Set(country);
    let organization = organization.update(&tx).await?;
    if !same_contact {
        mail_links::cancel_about(&tx, Purpose::VerifyContact, id.uuid()).await?;
        ask_contact(&tx, op, &organization).await?;
    }
    let keys = if renamed { keys::records_of(&op.portal, &tx, id, &organization.name).await? } else { Vec::new() };
    if !changed.is_empty() {
        let event = Event::new(Action::OrganizationChanged).organization(id).detail("changed", changed.join(", "));
        audit_log::record(&tx, op, event).await?;
    }
    standing::commit(op, tx, turn, News { keys, ..News::default() }).await
}

fn same_address(one: &str, other: &str) -> bool {
    accounts::table::fold(one) == accounts::table::fold(other)
}

/// Mails a link to the contact address, if there is one.
async fn ask_contact(tx: &Tx, op: &Op, organization: &table::Model) -> Result<()> {
    let Some(contact) = &organization.contact_email else { return Ok(()) };
    let folded = accounts::table::fold(contact);
    op.portal.guard().check(Door::Mail, op.now, &op.browser.source, Some(&folded), false)?;
    let asker = op.signed_in()?.account;
    let token = mail_links::create(tx, op, Purpose::VerifyContact, asker, Subject::Other(organization.id)).await?;
    letters::verify_contact(tx, op, organization, contact, &token).await
}

/// Mails another link to a contact address that waits for it; earlier ones stop working.
///
/// # Errors
/// [`Refusal::StateConflict`] if there is none, or it is verified; [`Refusal::TooManyTries`], and those of
/// [`Op::require`].
pub async fn send_contact_link(op: &Op) -> Result<()> {
    let id = op.require(Permission::ManageOrganization)?;
    let tx = op.begin().await?;
    let held = members::hold(&tx, op, Some(Permission::ManageOrganization)).await?;
    if held.organization.contact_email.is_none() || held.organization.contact_verified_at.is_some() {
        return Err(Refusal::StateConflict.into());
    }
    mail_links::cancel_about(&tx, Purpose::VerifyContact, id.uuid()).await?;
    ask_contact(&tx, op, &held.organization).await?;
    op.commit(tx).await
}

/// Confirms the contact address behind a link. Whoever reads the address may, with or without an account.
///
/// # Errors
/// [`Refusal::LinkUnknown`], also for a link to an address that is not the contact any more; [`Refusal::LinkExpired`],
/// [`Refusal::LinkUsed`], [`Refusal::TooManyTries`].
pub async fn verify_contact(op: &Op, token: &str) -> Result<()> {
    op.portal.guard().check(Door::MailLink, op.now, &op.browser.source, None, false)?;
    let tx = op.begin().await?;
    let seen = mail_links::find(&tx, Purpose::VerifyContact, token).await?;
    let subject = seen.subject_id.ok_or(Refusal::LinkUnknown)?;
    let organization = table::Entity::find_by_id(subject).one(&tx).await?.ok_or(Refusal::LinkUnknown)?;
    let organization = table::by_id_to_change(&tx, organization.id).await?;
    // Read again: while we waited for the organization, the address may have been changed, and the link gone with it.
    let link = mail_links::find(&tx, Purpose::VerifyContact, token).await?;
    mail_links::consume(&tx, op, &link).await?;
    let id = organization.organization();
    let mut organization = organization.into_active_model();
    organization.contact_verified_at = Set(Some(op.now_ms()));
    organization.update(&tx).await?;
    audit_log::record(&tx, op, Event::new(Action::ContactVerified).organization(id)).await?;
    op.commit(tx).await
}
