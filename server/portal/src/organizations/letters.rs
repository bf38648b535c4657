//! The mails of organizations that are no security notices.

use contract::{MailId, Role};

use super::table::Model;
use crate::accounts;
use crate::mail::{self, Button, Letter};
use crate::{Op, Result, Tx};

/// The kind of a mail that brings an invitation; its id is that of the invitation, so that it goes with it.
pub(crate) const INVITE: &str = "invite";

/// Invites somebody, who may have no account yet.
pub(super) async fn invite(
    tx: &Tx,
    op: &Op,
    id: MailId,
    organization: &Model,
    email: &str,
    role: Role,
    token: &str,
) -> Result<()> {
    let portal = op.portal.settings();
    let by = &op.signed_in()?.name;
    let letter = Letter {
        kind: INVITE,
        to: email.to_owned(),
        account: None,
        subject: format!("{by} invites you to {}", organization.name),
        name: "there".to_owned(),
        paragraphs: vec![
            format!(
                "{by} invites you to join the organization “{}” at {} as {}: {}.",
                organization.name,
                portal.name,
                role.label(),
                role.summary()
            ),
            format!("The invitation is for {email} alone and works for 7 days. You need an account with this address; you can create one on the way."),
            "If you do not know the sender, ignore this mail: nothing happens without the button on the page, and your address is erased after 7 days.".to_owned(),
        ],
        button: Some(Button { label: "See the invitation".to_owned(), url: format!("{}/invite?token={token}", portal.public_url) }),
        reason: format!("You get this mail because a member of {} entered your address.", organization.name),
    };
    mail::queue_as(tx, op, id, letter).await?;
    Ok(())
}

/// Tells who invited somebody that they came.
pub(super) async fn joined(
    tx: &Tx,
    op: &Op,
    inviter: &accounts::table::Model,
    organization: &Model,
    role: Role,
) -> Result<()> {
    let portal = op.portal.settings();
    let person = op.signed_in()?;
    let letter = Letter {
        kind: "member_joined",
        to: inviter.email.clone(),
        account: Some(inviter.account()),
        subject: format!("{} joined {}", person.name, organization.name),
        name: inviter.name.clone(),
        paragraphs: vec![
            format!(
                "{} ({}) accepted your invitation and belongs to {} now, as {}: {}.",
                person.name,
                person.email,
                organization.name,
                role.label(),
                role.summary()
            ),
            "If this is not whom you meant, remove them on the organization’s page.".to_owned(),
        ],
        button: Some(Button {
            label: "Open the organization".to_owned(),
            url: format!("{}/console/organization", portal.public_url),
        }),
        reason: "You get this mail because you sent the invitation.".to_owned(),
    };
    mail::queue(tx, op, letter).await?;
    Ok(())
}

/// Tells an owner that a member left.
pub(super) async fn left(tx: &Tx, op: &Op, owner: &accounts::table::Model, organization: &Model) -> Result<()> {
    let portal = op.portal.settings();
    let person = op.signed_in()?;
    let letter = Letter {
        kind: "member_left",
        to: owner.email.clone(),
        account: Some(owner.account()),
        subject: format!("{} left {}", person.name, organization.name),
        name: owner.name.clone(),
        paragraphs: vec![
            format!("{} ({}) left {}.", person.name, person.email, organization.name),
            "Keys belong to the organization and keep working. Revoke those whose secrets should not go with a person."
                .to_owned(),
        ],
        button: Some(Button { label: "Open keys".to_owned(), url: format!("{}/console/keys", portal.public_url) }),
        reason: "You get this mail because you are an owner of the organization.".to_owned(),
    };
    mail::queue(tx, op, letter).await?;
    Ok(())
}

/// Asks whoever reads the contact address whether it is theirs.
pub(super) async fn verify_contact(tx: &Tx, op: &Op, organization: &Model, email: &str, token: &str) -> Result<()> {
    let portal = op.portal.settings();
    let by = &op.signed_in()?.name;
    let letter = Letter {
        kind: "verify_contact",
        to: email.to_owned(),
        account: None,
        subject: format!("Confirm the contact address of {}", organization.name),
        name: "there".to_owned(),
        paragraphs: vec![
            format!(
                "{by} gave this address as the contact address of the organization “{}” at {}. Confirm that messages to the organization may be sent here.",
                organization.name, portal.name
            ),
            "The link works once, for 24 hours. If you do not know the organization, ignore this mail: nothing else is sent to you.".to_owned(),
        ],
        button: Some(Button {
            label: "Confirm the address".to_owned(),
            url: format!("{}/verify-contact?token={token}", portal.public_url),
        }),
        reason: format!("You get this mail because a member of {} entered your address.", organization.name),
    };
    mail::queue(tx, op, letter).await?;
    Ok(())
}
