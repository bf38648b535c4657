//! What owners are told of what staff do to their keys.

use contract::OrganizationId;

use super::Sent;
use crate::keys::table::Model;
use crate::mail::{self, Button, Letter};
use crate::organizations::members;
use crate::{Op, Result, Tx, accounts};

struct Words {
    kind: &'static str,
    subject: String,
    paragraphs: Vec<String>,
    button: Button,
}

async fn queue(tx: &Tx, op: &Op, owner: &accounts::table::Model, words: Words) -> Result<()> {
    let Words { kind, subject, paragraphs, button } = words;
    let letter = Letter {
        kind,
        to: owner.email.clone(),
        account: Some(owner.account()),
        subject,
        name: owner.name.clone(),
        paragraphs,
        button: Some(button),
        reason: "You get this mail because you own the organization of this key. It cannot be switched off.".to_owned(),
    };
    mail::queue(tx, op, letter).await?;
    Ok(())
}

fn page_of(op: &Op, key: &Model) -> Button {
    let url = format!("{}/console/keys/{}", op.portal.settings().public_url, key.key());
    Button { label: "Open the key".to_owned(), url }
}

/// The key was revoked.
pub(super) async fn revoked(tx: &Tx, op: &Op, key: &Model, reason: &str) -> Result<()> {
    for owner in members::owners(tx, OrganizationId::new(key.organization_id)).await? {
        let words = Words {
            kind: "key_revoked_by_staff",
            subject: format!("Your key “{}” was revoked", key.label),
            paragraphs: vec![
                format!(
                    "The operator revoked the {} key “{}” ({}). Every program that uses it is refused from now on.",
                    key.environment, key.label, key.hint
                ),
                format!("The reason: {reason}"),
                "A revoked key cannot be brought back. If your programs need one, create another.".to_owned(),
            ],
            button: page_of(op, key),
        };
        queue(tx, op, &owner, words).await?;
    }
    Ok(())
}

/// A rotation was started: the link goes to one of them.
pub(super) async fn rotation(
    tx: &Tx,
    op: &Op,
    key: &Model,
    sent: Option<&Sent>,
    days: i64,
    reason: &str,
) -> Result<()> {
    let days = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
    for owner in members::owners(tx, OrganizationId::new(key.organization_id)).await? {
        let link = sent.filter(|sent| sent.to.id == owner.id).map(|sent| &sent.token);
        let (what, button) = match link {
            Some(token) => (
                "Open the link while you are signed in to see the new secret, once. It works once, for 24 hours; a newer one can be sent from the key’s page. This mail holds no secret.".to_owned(),
                Button { label: "Show the new secret".to_owned(), url: format!("{}/reveal?token={token}", op.portal.settings().public_url) },
            ),
            None => ("The link to the new secret went to another owner. Any member who may create keys can have one sent from the key’s page.".to_owned(), page_of(op, key)),
        };
        let words = Words {
            kind: "rotation_by_staff",
            subject: format!("The operator asks you to replace the secret of “{}”", key.label),
            paragraphs: vec![
                format!(
                    "The operator started the rotation of the {} key “{}” ({}).",
                    key.environment, key.label, key.hint
                ),
                format!("The reason: {reason}"),
                format!(
                    "{what} From the moment it is seen, both secrets work for {days}. Until then, nothing changes."
                ),
            ],
            button,
        };
        queue(tx, op, &owner, words).await?;
    }
    Ok(())
}
