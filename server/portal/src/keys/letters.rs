//! The mail that brings a key: a link, never a secret.

use contract::AccountId;

use super::table::Model;
use crate::mail::{self, Button, Letter};
use crate::{Op, Result, Tx};

/// Brings the link to the page that shows the secret.
pub(super) async fn reveal_link(
    tx: &Tx,
    op: &Op,
    key: &Model,
    account: AccountId,
    name: &str,
    email: &str,
    token: &str,
) -> Result<()> {
    let portal = op.portal.settings();
    let letter = Letter {
        kind: "reveal_link",
        to: email.to_owned(),
        account: Some(account),
        subject: format!("Your key “{}” is ready", key.label),
        name: name.to_owned(),
        paragraphs: vec![
            format!("The {} key “{}” was created. Open the link while you are signed in to see its secret, once.", key.environment, key.label),
            "The link works once, for 24 hours. This mail holds no secret. If the link is too old, send yourself a new one from the keys page.".to_owned(),
        ],
        button: Some(Button { label: "Show the secret".to_owned(), url: format!("{}/reveal?token={token}", portal.public_url) }),
        reason: format!("You get this mail because a key was created for you at {}.", portal.name),
    };
    mail::queue(tx, op, letter).await?;
    Ok(())
}
