//! The mails of sign-up, of a forgotten password, and of a change of address.

use super::table::Model;
use crate::mail::{self, Button, Letter};
use crate::{Op, Result, Tx};

/// Asks the owner of the address to confirm it.
pub(super) async fn verify_email(tx: &Tx, op: &Op, account: &Model, token: &str) -> Result<()> {
    let portal = op.portal.settings();
    let letter = Letter {
        kind: "verify_email",
        to: account.email.clone(),
        account: Some(account.account()),
        subject: format!("Verify your email for {}", portal.name),
        name: account.name.clone(),
        paragraphs: vec![
            format!("Confirm that this address is yours to finish signing up for {}.", portal.name),
            "The link works once, for 24 hours. If you did not sign up, ignore this mail: nothing happens without the button on the page.".to_owned(),
        ],
        button: Some(Button { label: "Verify email".to_owned(), url: format!("{}/verify-email?token={token}", portal.public_url) }),
        reason: format!("You get this mail because someone signed up for {} with your address.", portal.name),
    };
    mail::queue(tx, op, letter).await?;
    Ok(())
}

/// Tells the owner of a known address that somebody, perhaps they themselves, signed up again.
pub(super) async fn already_registered(tx: &Tx, op: &Op, account: &Model) -> Result<()> {
    let portal = op.portal.settings();
    let letter = Letter {
        kind: "already_registered",
        to: account.email.clone(),
        account: Some(account.account()),
        subject: format!("You already have an account at {}", portal.name),
        name: account.name.clone(),
        paragraphs: vec![
            "Someone signed up with this address, which already has an account. Nothing was changed.".to_owned(),
            "If it was you, sign in as usual. If you cannot, use “Lost access” on the sign-in page to set a new password. If it was not you, there is nothing to do.".to_owned(),
        ],
        button: Some(Button { label: "Sign in".to_owned(), url: format!("{}/sign-in", portal.public_url) }),
        reason: format!("You get this mail because someone signed up for {} with your address.", portal.name),
    };
    mail::queue(tx, op, letter).await?;
    Ok(())
}

/// Brings the link with which a new password is set.
pub(super) async fn reset_password(tx: &Tx, op: &Op, account: &Model, token: &str) -> Result<()> {
    let portal = op.portal.settings();
    let letter = Letter {
        kind: "reset_password",
        to: account.email.clone(),
        account: Some(account.account()),
        subject: format!("Set a new password for {}", portal.name),
        name: account.name.clone(),
        paragraphs: vec![
            "Somebody asked for a new password for your account. If it was you, set it with the button.".to_owned(),
            "The link works once, for an hour. The new password ends all your sessions; passkeys stay as they are."
                .to_owned(),
            "If it was not you, ignore this mail: nothing happens without the button on the page.".to_owned(),
        ],
        button: Some(Button {
            label: "Set a new password".to_owned(),
            url: format!("{}/reset-password?token={token}", portal.public_url),
        }),
        reason: format!(
            "You get this mail because someone asked for a new password at {} with your address.",
            portal.name
        ),
    };
    mail::queue(tx, op, letter).await?;
    Ok(())
}

/// Says how to get in without a password to somebody who never had one, and asked for a new one.
pub(super) async fn no_password(tx: &Tx, op: &Op, account: &Model) -> Result<()> {
    let portal = op.portal.settings();
    let letter = Letter {
        kind: "no_password",
        to: account.email.clone(),
        account: Some(account.account()),
        subject: format!("Your account at {} has no password", portal.name),
        name: account.name.clone(),
        paragraphs: vec![
            "Somebody asked for a new password for your account. It has none: you sign in with a passkey. Nothing was changed.".to_owned(),
            "If you lost your passkeys, sign in with a recovery code. If you have none left, ask for a recovery by mail: it takes a few days, so that nobody can take your account through your mailbox alone.".to_owned(),
            "If it was not you who asked, there is nothing to do.".to_owned(),
        ],
        button: Some(Button { label: "Get back in".to_owned(), url: format!("{}/lost-access", portal.public_url) }),
        reason: format!("You get this mail because someone asked for a new password at {} with your address.", portal.name),
    };
    mail::queue(tx, op, letter).await?;
    Ok(())
}

/// Asks the address that an account has whether it may get another.
pub(super) async fn confirm_old_email(tx: &Tx, op: &Op, account: &Model, new: &str, token: &str) -> Result<()> {
    let portal = op.portal.settings();
    let letter = Letter {
        kind: "confirm_old_email",
        to: account.email.clone(),
        account: Some(account.account()),
        subject: format!("Agree to another address for your account at {}", portal.name),
        name: account.name.clone(),
        paragraphs: vec![
            format!("Somebody who is signed in to your account asked to change its address to {new}."),
            "The change happens when both addresses agree within 24 hours. The link works once.".to_owned(),
            "If it was not you, do not press the button. Open the security page, end all other sessions, and change your password or remove the passkeys that you do not know.".to_owned(),
        ],
        button: Some(Button { label: "Agree to the change".to_owned(), url: format!("{}/confirm-email?token={token}", portal.public_url) }),
        reason: "You get this mail because it concerns who can get into your account. It cannot be switched off.".to_owned(),
    };
    mail::queue(tx, op, letter).await?;
    Ok(())
}

/// Asks the address that an account is to get.
pub(super) async fn confirm_new_email(tx: &Tx, op: &Op, account: &Model, new: &str, token: &str) -> Result<()> {
    let portal = op.portal.settings();
    let letter = Letter {
        kind: "confirm_new_email",
        to: new.to_owned(),
        account: Some(account.account()),
        subject: format!("Confirm your new address for {}", portal.name),
        name: account.name.clone(),
        paragraphs: vec![
            format!("Confirm that this address is yours to use it for your account at {}.", portal.name),
            "The change happens when both addresses agree within 24 hours. The link works once. If you did not ask for this, ignore this mail.".to_owned(),
        ],
        button: Some(Button { label: "Confirm the address".to_owned(), url: format!("{}/confirm-email?token={token}", portal.public_url) }),
        reason: format!("You get this mail because someone wants to use your address for their account at {}.", portal.name),
    };
    mail::queue(tx, op, letter).await?;
    Ok(())
}

/// Tells the owner of an account that somebody else wanted its address for theirs.
pub(super) async fn address_wanted(tx: &Tx, op: &Op, owner: &Model) -> Result<()> {
    let portal = op.portal.settings();
    let letter = Letter {
        kind: "address_wanted",
        to: owner.email.clone(),
        account: Some(owner.account()),
        subject: format!("Somebody wanted to use your address at {}", portal.name),
        name: owner.name.clone(),
        paragraphs: vec![
            "Somebody asked to use this address for another account. It is the address of yours, so this will not happen. Nothing was changed.".to_owned(),
            "If it was you, sign in to this account instead. If it was not, there is nothing to do.".to_owned(),
        ],
        button: Some(Button { label: "Sign in".to_owned(), url: format!("{}/sign-in", portal.public_url) }),
        reason: format!("You get this mail because someone wanted to use your address at {}.", portal.name),
    };
    mail::queue(tx, op, letter).await?;
    Ok(())
}
