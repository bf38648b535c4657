//! Mail: an outbox in the database.
//!
//! A mail is queued in the transaction that causes it: either both happen or neither.

use contract::MailId;
use sea_orm::{ActiveModelTrait as _, Set};

use crate::{Op, Result, Tx};

mod letter;
mod table;

pub use letter::{Button, Letter};

/// Queues a mail in the transaction that causes it.
///
/// # Errors
/// Only when the database fails.
pub(crate) async fn queue(tx: &Tx, op: &Op, letter: Letter) -> Result<MailId> {
    let id = op.new_mail_id();
    let portal = op.portal.settings();
    let links: Vec<&str> = letter.button.iter().map(|button| button.url.as_str()).collect();
    table::ActiveModel {
        id: Set(id.uuid()),
        account_id: Set(letter.account.map(contract::AccountId::uuid)),
        to_address: Set(letter.to.clone()),
        kind: Set(letter.kind.to_owned()),
        subject: Set(letter.subject.clone()),
        body_text: Set(Some(letter.text(portal))),
        body_html: Set(Some(letter.html(portal))),
        links: Set(Some(serde_json::to_string(&links).map_err(anyhow::Error::from)?)),
        created_at: Set(op.now_ms()),
        send_after: Set(op.now_ms()),
        attempts: Set(0),
        sent_at: Set(None),
        failed_at: Set(None),
        last_error: Set(None),
    }
    .insert(tx)
    .await?;
    Ok(id)
}
