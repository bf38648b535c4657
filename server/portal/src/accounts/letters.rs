//! The mails of sign-up.

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
            "If it was you, sign in as usual. If it was not, there is nothing to do.".to_owned(),
        ],
        button: Some(Button { label: "Sign in".to_owned(), url: format!("{}/sign-in", portal.public_url) }),
        reason: format!("You get this mail because someone signed up for {} with your address.", portal.name),
    };
    mail::queue(tx, op, letter).await?;
    Ok(())
}
