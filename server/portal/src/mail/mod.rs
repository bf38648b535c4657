//! Mails: queued in the transaction that causes them, sent by a worker, at least once and never lost.
//!
//! - A mail exists exactly if what it speaks of was committed.
//! - Text and HTML come from one template, without images, tracking or anything to load.
//! - Bodies hold links that act for their owner: they are erased once a mail was handed on, or given up.
//! - A crash between sending and noting it sends the mail again, with the same `Message-ID`, so that receivers can drop
//!   the second one.

use contract::{MailId, Millis};
use sea_orm::{ActiveModelTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Set};
use serde::Serialize;

use crate::{Db, Op, Result, Tx};

mod letter;
mod message;
mod smtp;
mod table;
#[cfg(test)]
mod tests;
mod transport;
mod worker;

pub use letter::{Button, Letter};
pub use message::{Mail, Sender};
pub use smtp::{Smtp, SmtpLogin, SmtpSettings, SmtpTls};
pub use transport::{Directory, Preview, SendError, Transport};
pub use worker::{Clock, run};

/// Newest mails that the mailbox page shows: more than a demo or a browser test ever sends in one sitting.
const MAILBOX_LENGTH: u64 = 200;

/// Puts a letter into the outbox. It leaves after `tx` was committed with [`Op::commit`], which wakes the worker.
///
/// # Errors
/// If the database fails.
pub(crate) async fn queue(tx: &Tx, op: &Op, letter: Letter) -> Result<MailId> {
    queue_as(tx, op, op.new_mail_id(), letter).await
}

/// The same under an id that its sender knows, so that it can be taken back.
pub(crate) async fn queue_as(tx: &Tx, op: &Op, id: MailId, letter: Letter) -> Result<MailId> {
    let portal = op.portal.settings();
    let links: Vec<&str> = letter.button.iter().map(|button| button.url.as_str()).collect();
    table::ActiveModel {
        id: Set(id.uuid()),
        account_id: Set(letter.account.map(contract::AccountId::uuid)),
        kind: Set(letter.kind.to_owned()),
        subject: Set(letter.subject_line()),
        body_text: Set(Some(letter.text(portal))),
        body_html: Set(Some(letter.html(portal))),
        links: Set(Some(serde_json::to_string(&links).map_err(anyhow::Error::from)?)),
        to_address: Set(letter.to),
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

/// Erases a mail, sent or not, with the address it goes to.
pub(crate) async fn take_back(tx: &Tx, id: MailId) -> Result<()> {
    table::Entity::delete_by_id(id.uuid()).exec(tx).await?;
    Ok(())
}

/// A mail as the mailbox page of the demo shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MailboxEntry {
    /// Its id.
    pub id: MailId,
    /// When it was queued.
    pub created_at: Millis,
    /// Whom it is for.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// The links in it.
    pub links: Vec<String>,
}

/// The mails whose bodies are kept, newest first. For the page of [`Preview`]: it shows links that act for their owner.
///
/// # Errors
/// If the database fails.
pub async fn mailbox(db: &Db) -> Result<Vec<MailboxEntry>> {
    let mails = table::Entity::find()
        .filter(table::COLUMN.body_text.is_not_null())
        .order_by_desc(table::Column::CreatedAt)
        .order_by_desc(table::Column::Id)
        .limit(MAILBOX_LENGTH)
        .all(db.read())
        .await?;
    mails.into_iter().map(entry).collect()
}

fn entry(mail: table::Model) -> Result<MailboxEntry> {
    let links = mail.links.as_deref().map(serde_json::from_str).transpose().map_err(anyhow::Error::from)?;
    Ok(MailboxEntry {
        id: MailId::new(mail.id),
        created_at: mail.created_at,
        to: mail.to_address,
        subject: mail.subject,
        text: mail.body_text.unwrap_or_default(),
        html: mail.body_html.unwrap_or_default(),
        links: links.unwrap_or_default(),
    })
}
