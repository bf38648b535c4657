//! The mail that brings a key: a link, never a secret.

use chrono::DateTime;
use contract::keys::terms::RotationStart;
use contract::{AccountId, Millis};

use super::DAY_MS;
use super::notices::{Notice, UNUSED_DAYS};
use super::table::Model;
use crate::accounts;
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

/// Brings the link to the new secret of a rotation.
pub(super) async fn rotation_link(
    tx: &Tx,
    op: &Op,
    key: &Model,
    account: AccountId,
    name: &str,
    email: &str,
    token: &str,
) -> Result<()> {
    let portal = op.portal.settings();
    let days = key.rotation_overlap_ms.unwrap_or_default() / DAY_MS;
    let days = match days {
        1 => "1 day".to_owned(),
        _ => format!("{days} days"),
    };
    let then = match key.rotation_starts() {
        RotationStart::Now => {
            format!("From the moment you see it, both secrets work for {days}. Then the old one is refused.")
        }
        RotationStart::FirstUse => {
            format!(
                "Both secrets work until the new one is used for the first time, and for {days} after that. Then the old one is refused."
            )
        }
    };
    let letter = Letter {
        kind: "rotation_link",
        to: email.to_owned(),
        account: Some(account),
        subject: format!("The new secret of “{}” is ready", key.label),
        name: name.to_owned(),
        paragraphs: vec![
            format!("The secret of the {} key “{}” is to be replaced. Open the link while you are signed in to see the new one, once.", key.environment, key.label),
            format!("{then} Until you open the link, nothing changes."),
            "The link works once, for 24 hours. This mail holds no secret. If the link is too old, send yourself a new one from the key’s page.".to_owned(),
        ],
        button: Some(Button { label: "Show the new secret".to_owned(), url: format!("{}/reveal?token={token}", portal.public_url) }),
        reason: format!("You get this mail because you started the rotation of a key at {}.", portal.name),
    };
    mail::queue(tx, op, letter).await?;
    Ok(())
}

fn moment(at: Millis) -> String {
    DateTime::from_timestamp_millis(at).unwrap_or_default().format("%-d %B %Y, %H:%M UTC").to_string()
}

/// Tells an owner what is near.
pub(super) async fn notice(
    tx: &Tx,
    op: &Op,
    key: &Model,
    owner: &accounts::table::Model,
    notice: Notice,
) -> Result<()> {
    let portal = op.portal.settings();
    let label = &key.label;
    let (kind, subject, paragraphs) = match notice {
        Notice::Ends(at) => (
            "key_expires",
            format!("Your key “{label}” works until {}", moment(at)),
            vec![
                format!("The {} key “{label}” ({}) is refused from {} on. Its organization chose this end.", key.environment, key.hint, moment(at)),
                "If your programs still need it, give it more time on its page, or create another key and move over.".to_owned(),
            ],
        ),
        Notice::OldSecretEnds(at) => (
            "old_secret_ends",
            format!("The old secret of “{label}” works until {}", moment(at)),
            vec![
                format!(
                    "The secret of the {} key “{label}” was replaced. The old one ({}) is refused from {} on.",
                    key.environment,
                    key.previous_hint.as_deref().unwrap_or_default(),
                    moment(at)
                ),
                "The key’s page shows whether somebody still calls with it. Give them the new secret before that moment.".to_owned(),
            ],
        ),
        Notice::Unused => (
            "key_unused",
            format!("Nobody uses your key “{label}”"),
            vec![
                format!("The {} key “{label}” ({}) was not used for {UNUSED_DAYS} days. It still works.", key.environment, key.hint),
                "A key that nobody needs can only be stolen. If it is not needed any more, revoke it on its page.".to_owned(),
            ],
        ),
    };
    let letter = Letter {
        kind,
        to: owner.email.clone(),
        account: Some(owner.account()),
        subject,
        name: owner.name.clone(),
        paragraphs,
        button: Some(Button {
            label: "Open the key".to_owned(),
            url: format!("{}/console/keys/{}", portal.public_url, key.key()),
        }),
        reason: "You get this mail because you own the organization of this key.".to_owned(),
    };
    mail::queue(tx, op, letter).await?;
    Ok(())
}
