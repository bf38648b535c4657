//! The mails of a recovery that are no notices to the account's own person.

use super::{Account, Contact};
use crate::mail::{self, Button, Letter};
use crate::{Op, Result, Tx};

/// Brings the link with which a recovery is started.
pub(super) async fn start(tx: &Tx, op: &Op, account: &Account, token: &str) -> Result<()> {
    let portal = op.portal.settings();
    let hours = portal.recovery_wait.num_hours();
    let letter = Letter {
        kind: "start_recovery",
        to: account.email.clone(),
        account: Some(account.account()),
        subject: format!("Recover your account at {}", portal.name),
        name: account.name.clone(),
        paragraphs: vec![
            "Somebody asked to recover your account, because its passkeys, password and recovery codes are lost. If it was you, start the recovery with the button.".to_owned(),
            format!("It then waits for {hours} hours, in which it can be cancelled. After that we send another mail, with which you set a new password. All passkeys, recovery codes and sessions from before are removed then."),
            "The link works once, for an hour. If it was not you, ignore this mail: nothing happens without the button on the page.".to_owned(),
        ],
        button: Some(Button { label: "Start the recovery".to_owned(), url: format!("{}/recover?token={token}", portal.public_url) }),
        reason: format!("You get this mail because someone asked to recover an account at {} with your address.", portal.name),
    };
    mail::queue(tx, op, letter).await?;
    Ok(())
}

/// Brings the link that completes it.
pub(super) async fn finish(tx: &Tx, op: &Op, account: &Account, until: &str, token: &str) -> Result<()> {
    let portal = op.portal.settings();
    let letter = Letter {
        kind: "finish_recovery",
        to: account.email.clone(),
        account: Some(account.account()),
        subject: format!("Your account at {} can be recovered now", portal.name),
        name: account.name.clone(),
        paragraphs: vec![
            "The waiting time of your recovery is over. Set a new password with the button, then sign in and add a passkey.".to_owned(),
            format!("The link works once, until {until}. All passkeys, recovery codes and sessions from before are removed."),
            "If it was not you who asked for it, do not press the button. Sign in and cancel the recovery on the security page.".to_owned(),
        ],
        button: Some(Button { label: "Set a new password".to_owned(), url: format!("{}/recover/finish?token={token}", portal.public_url) }),
        reason: "You get this mail because it concerns who can get into your account. It cannot be switched off.".to_owned(),
    };
    mail::queue(tx, op, letter).await?;
    Ok(())
}

/// Tells the contact address of an organization that the account of its owner is about to be recovered.
pub(super) async fn owner_recovery_started(
    tx: &Tx,
    op: &Op,
    account: &Account,
    contact: &Contact,
    ready: &str,
    cancel_url: String,
) -> Result<()> {
    let Contact { organization, .. } = contact;
    let letter = Letter {
        kind: "owner_recovery_started",
        subject: format!("Somebody asked to recover the account of an owner of {organization}"),
        paragraphs: vec![
            format!(
                "Somebody who can read the mail of {}, an owner of {organization}, asked to get into their account without its passkey or password. Nothing happens before {ready}.",
                account.name
            ),
            format!("Ask {} whether it was them. If it was not, cancel it with the button.", account.name),
        ],
        button: Some(Button { label: "Cancel the recovery".to_owned(), url: cancel_url }),
        ..to_contact(op, account, contact)
    };
    mail::queue(tx, op, letter).await?;
    Ok(())
}

/// Tells it that the recovery is off.
pub(super) async fn owner_recovery_cancelled(tx: &Tx, op: &Op, account: &Account, contact: &Contact) -> Result<()> {
    let Contact { organization, .. } = contact;
    let letter = Letter {
        kind: "owner_recovery_cancelled",
        subject: format!("The recovery of an owner of {organization} was cancelled"),
        paragraphs: vec![format!(
            "The recovery of the account of {}, an owner of {organization}, was cancelled. Nothing was changed.",
            account.name
        )],
        ..to_contact(op, account, contact)
    };
    mail::queue(tx, op, letter).await?;
    Ok(())
}

/// Tells it that the account was recovered.
pub(super) async fn owner_recovered(tx: &Tx, op: &Op, account: &Account, contact: &Contact) -> Result<()> {
    let Contact { organization, .. } = contact;
    let letter = Letter {
        kind: "owner_recovered",
        subject: format!("The account of an owner of {organization} was recovered"),
        paragraphs: vec![
            format!(
                "The account of {}, an owner of {organization}, has a new password, set by a recovery. All its passkeys, recovery codes and sessions from before are gone.",
                account.name
            ),
            format!("If {} does not know of it, answer this mail at once.", account.name),
        ],
        ..to_contact(op, account, contact)
    };
    mail::queue(tx, op, letter).await?;
    Ok(())
}

/// What all letters to a contact address have in common.
fn to_contact(op: &Op, account: &Account, contact: &Contact) -> Letter {
    Letter {
        kind: "",
        to: contact.address.clone(),
        account: Some(account.account()),
        subject: String::new(),
        name: contact.organization.clone(),
        paragraphs: Vec::new(),
        button: None,
        reason: format!(
            "You get this mail because this is the contact address of {} at {}. It cannot be switched off.",
            contact.organization,
            op.portal.settings().name
        ),
    }
}
