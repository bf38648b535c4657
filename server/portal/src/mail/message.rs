//! A queued mail, and the internet message (RFC 5322) that is made of it.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use contract::MailId;
use lettre::address::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};

use super::SendError;

/// A mail that is due.
#[derive(Clone)]
pub struct Mail {
    /// Its id.
    pub id: MailId,
    /// Which mail it is.
    pub kind: String,
    /// The address it goes to.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// The same at every attempt, so that a receiver can drop a second copy (RFC 5322 §3.6.4). With angle brackets.
    pub message_id: String,
    /// When it was queued.
    pub queued_at: DateTime<Utc>,
}

impl fmt::Debug for Mail {
    // Neither address nor links: this ends up in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Mail {
    /// The message, ready to be sent.
    ///
    /// # Errors
    /// If the address is none: permanent.
    pub fn message(&self, from: &Sender) -> Result<Message, SendError> {
        let to: Address = self.to.parse().map_err(|_| SendError::permanent("The recipient is not a valid address."))?;
        let body = MultiPart::alternative_plain_html(self.text.clone(), self.html.clone());
        Message::builder()
            .from(from.0.clone())
            .to(Mailbox::new(None, to))
            .subject(self.subject.clone())
            .date(self.queued_at.into())
            .message_id(Some(self.message_id.clone()))
            // No answer by machines: no out-of-office replies, no loops (RFC 3834 §5).
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
            .multipart(body)
            .map_err(|error| SendError::permanent(format!("The message could not be written: {error}.")))
    }
}

/// Whom mails come from: an address, or `Name <address>`.
#[derive(Clone, Debug)]
pub struct Sender(Mailbox);

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Sender {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        // Names in settings are written as people write them, without the quotes that RFC 5322 §3.2.3 asks for.
        match text.trim().strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
            Some((name, address)) => {
                let name = name.trim().trim_matches('"').to_owned();
                Ok(Self(Mailbox::new((!name.is_empty()).then_some(name), address.parse()?)))
            }
            None => Ok(Self(Mailbox::new(None, text.trim().parse()?))),
        }
    }
}
