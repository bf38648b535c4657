//! What owners and the contact of an organization are told of a leak.

use chrono::DateTime;
use contract::leaks::{LeakAction, SELF_CHECK};
use contract::{Millis, OrganizationId};
use sea_orm::EntityTrait as _;

use super::Reported;
use crate::keys::desk::Sent;
use crate::keys::table::Model;
use crate::mail::{self, Button, Letter};
use crate::organizations::{self, members};
use crate::{Op, Result, Tx};

/// What was done, as far as a letter needs to know.
pub(super) struct Done<'a> {
    pub(super) action: LeakAction,
    pub(super) ends_at: Option<Millis>,
    pub(super) sent: Option<&'a Sent>,
}

fn moment(at: Millis) -> String {
    DateTime::from_timestamp_millis(at).unwrap_or_default().format("%-d %B %Y, %H:%M UTC").to_string()
}

fn seen(key: &Model, reported: &Reported<'_>) -> String {
    let by = match reported.source {
        SELF_CHECK => "Somebody who has the secret reported it on our page for leaked keys.".to_owned(),
        programme => format!("The secret scanning programme “{programme}” reported it."),
    };
    let place = match reported.place {
        Some(place) => format!("was seen in public at {place}"),
        None => "was seen by somebody who should not have it".to_owned(),
    };
    format!("A secret of the {} key “{}” ({}) {place}. {by}", key.environment, key.label, key.hint)
}

fn done(done: &Done<'_>) -> String {
    let end = done.ends_at.map(moment).unwrap_or_default();
    match done.action {
        LeakAction::Nothing | LeakAction::Told => {
            "The secret still works: nothing was changed. Whoever found it can use it, so replace it now: open the key and have a new secret mailed, or revoke the key.".to_owned()
        }
        LeakAction::Rotating => format!(
            "The leaked secret is refused from {end} on. Put the new one into your programs before that moment."
        ),
        LeakAction::Retired => {
            format!("It was the old secret of a rotation, and is refused from {end} on. The new one goes on working.")
        }
        LeakAction::Revoked => {
            "The key was revoked at once: every program that uses it is refused. Create another key.".to_owned()
        }
    }
}

/// Tells every owner, and the contact address if it is verified. The link to a new secret is in one of the letters.
pub(super) async fn leaked(tx: &Tx, op: &Op, key: &Model, reported: &Reported<'_>, what: &Done<'_>) -> Result<()> {
    let portal = op.portal.settings();
    let organization = OrganizationId::new(key.organization_id);
    let page = || Button {
        label: "Open the key".to_owned(),
        url: format!("{}/console/keys/{}", portal.public_url, key.key()),
    };
    let letter = |to: &str, name: &str| Letter {
        kind: "key_leaked",
        to: to.to_owned(),
        account: None,
        subject: format!("The secret of your key “{}” was seen in public", key.label),
        name: name.to_owned(),
        paragraphs: vec![
            seen(key, reported),
            done(what),
            "Removing it from where it was seen does not help: copies stay. Only a new secret does.".to_owned(),
        ],
        button: Some(page()),
        reason:
            "You get this mail because it concerns who can use a key of your organization. It cannot be switched off."
                .to_owned(),
    };
    let owners = members::owners(tx, organization).await?;
    for owner in &owners {
        let mut letter = letter(&owner.email, &owner.name);
        letter.account = Some(owner.account());
        if what.action == LeakAction::Rotating {
            match what.sent.filter(|sent| sent.to.id == owner.id) {
                Some(sent) => {
                    letter.paragraphs.push("Open the link while you are signed in to see the new secret, once. It works once, for 24 hours; a newer one can be sent from the key’s page. This mail holds no secret.".to_owned());
                    letter.button = Some(Button {
                        label: "Show the new secret".to_owned(),
                        url: format!("{}/reveal?token={}", portal.public_url, sent.token),
                    });
                }
                None => letter.paragraphs.push("The link to the new secret went to another owner. Any member who may create keys can have one sent from the key’s page.".to_owned()),
            }
        }
        mail::queue(tx, op, letter).await?;
    }
    let Some(row) = organizations::table::Entity::find_by_id(organization.uuid()).one(tx).await? else { return Ok(()) };
    let contact = row.contact_email.as_ref().filter(|_| row.contact_verified_at.is_some());
    // An owner who is the contact, too, was told.
    if let Some(contact) =
        contact.filter(|contact| owners.iter().all(|owner| !owner.email.eq_ignore_ascii_case(contact)))
    {
        mail::queue(tx, op, letter(contact, &row.name)).await?;
    }
    Ok(())
}
