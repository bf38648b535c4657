//! Sends what is due: one mail at a time, the oldest first.
//!
//! A worker claims a mail by moving its `send_after` past the longest time an attempt can take. So several processes do
//! not send the same mail side by side, and a mail whose worker died is due again by itself.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contract::{MailId, Millis};
use sea_orm::{EntityTrait as _, QueryFilter as _, QueryOrder as _, Set};
use tokio_util::sync::CancellationToken;

use super::table::{ActiveModel, COLUMN, Column, Entity, Model};
use super::{Mail, SendError, Transport};
use crate::{Portal, Result};

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// How long a claim holds: twice the minute that an attempt may take.
const CLAIM: TimeDelta = TimeDelta::minutes(2);

/// Wait after the first failure; doubles with each further one. Greylisting servers ask for a minute or more.
const FIRST_BACKOFF: TimeDelta = TimeDelta::minutes(1);

/// Longest wait between two attempts.
const LONGEST_BACKOFF: TimeDelta = TimeDelta::hours(6);

/// How long a mail is tried. A server that is away over a weekend is back by then (RFC 5321 §4.5.4.1 asks for 4 to 5
/// days, but our links live for one).
const GIVE_UP: TimeDelta = TimeDelta::hours(72);

/// Longest wait between two looks at the outbox: finds mails that another process queued, and its expired claims.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Wait after the database failed.
const DATABASE_PAUSE: Duration = Duration::from_secs(5);

/// Longest reason that is kept: servers write stories.
const REASON_LENGTH: usize = 500;

/// Sends mails until `shutdown`; an attempt that is under way is ended first. Never returns otherwise: when the database
/// fails, it says so in the log and tries again.
pub async fn run(portal: Portal, transport: Arc<dyn Transport>, clock: Clock, shutdown: CancellationToken) {
    let worker = Worker { portal, transport, clock };
    while !shutdown.is_cancelled() {
        let pause = match worker.step().await {
            Ok(Step::Tried) => continue,
            Ok(Step::Idle(pause)) => pause,
            Err(error) => {
                tracing::error!("The outbox could not be worked on, trying again in {DATABASE_PAUSE:?}: {error:#}");
                DATABASE_PAUSE
            }
        };
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            _ = tokio::time::timeout(pause, worker.portal.outbox().notified()) => {}
        }
    }
}

pub(super) struct Worker {
    pub(super) portal: Portal,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) clock: Clock,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A mail was tried, or somebody else has it: look again.
    Tried,
    /// Nothing is due for so long.
    Idle(Duration),
}

impl Worker {
    fn now_ms(&self) -> Millis {
        (self.clock)().timestamp_millis()
    }

    pub(super) async fn step(&self) -> Result<Step> {
        let open = || Entity::find().filter(COLUMN.sent_at.is_null()).filter(COLUMN.failed_at.is_null());
        let now = self.now_ms();
        let due = open()
            .filter(COLUMN.send_after.lte(now))
            .order_by_asc(Column::CreatedAt)
            .order_by_asc(Column::Id)
            .one(self.portal.db().read())
            .await?;
        if let Some(mail) = due {
            if let Some(attempts) = self.claim(&mail, now).await? {
                self.attempt(mail, attempts).await?;
            }
            return Ok(Step::Tried);
        }
        let next = open().order_by_asc(Column::SendAfter).one(self.portal.db().read()).await?;
        let wait = next.map_or(i64::MAX, |mail| mail.send_after.saturating_sub(now));
        Ok(Step::Idle(Duration::from_millis(u64::try_from(wait).unwrap_or(0)).min(LONGEST_PAUSE)))
    }

    /// Returns which attempt it is; nothing if another worker was faster.
    async fn claim(&self, mail: &Model, now: Millis) -> Result<Option<i64>> {
        let tx = self.portal.db().begin().await?;
        let attempts = mail.attempts + 1;
        let claimed = Entity::update_many()
            .col_expr(Column::SendAfter, (now + CLAIM.num_milliseconds()).into())
            .col_expr(Column::Attempts, attempts.into())
            .filter(COLUMN.id.eq(mail.id))
            // What was read still holds: attempts counts every claim.
            .filter(COLUMN.attempts.eq(mail.attempts))
            .filter(COLUMN.sent_at.is_null())
            .filter(COLUMN.failed_at.is_null())
            .exec(&tx)
            .await?;
        tx.commit().await?;
        Ok((claimed.rows_affected == 1).then_some(attempts))
    }

    async fn attempt(&self, row: Model, attempts: i64) -> Result<()> {
        let (id, kind, created_at) = (MailId::new(row.id), row.kind.clone(), row.created_at);
        let sent = match self.mail(row) {
            Ok(mail) => self.transport.send(&mail).await,
            Err(error) => Err(error),
        };
        let now = self.now_ms();
        let mut changes = ActiveModel { id: Set(id.uuid()), ..Default::default() };
        match sent {
            Ok(()) => {
                tracing::info!(mail_id = %id, kind, attempts, "Sent mail `{id}` ({kind})");
                changes.sent_at = Set(Some(now));
                changes.last_error = Set(None);
                self.erase(&mut changes);
            }
            Err(error) if error.temporary && now - created_at < GIVE_UP.num_milliseconds() => {
                let next = (now + backoff(attempts).num_milliseconds()).min(created_at + GIVE_UP.num_milliseconds());
                tracing::warn!(mail_id = %id, kind, attempts, "Could not send mail `{id}` ({kind}), will try again: {error}");
                changes.send_after = Set(next);
                changes.last_error = Set(Some(kept(&error.reason)));
            }
            Err(error) => {
                tracing::error!(mail_id = %id, kind, attempts, "Gave up mail `{id}` ({kind}): {error}");
                changes.failed_at = Set(Some(now));
                changes.last_error = Set(Some(kept(&error.reason)));
                self.erase(&mut changes);
            }
        }
        let tx = self.portal.db().begin().await?;
        // Nothing to change is no failure: the mail went with its account meanwhile.
        Entity::update_many().set(changes).filter(COLUMN.id.eq(id.uuid())).exec(&tx).await?;
        tx.commit().await?;
        Ok(())
    }

    fn mail(&self, row: Model) -> std::result::Result<Mail, SendError> {
        let id = MailId::new(row.id);
        let (Some(text), Some(html)) = (row.body_text, row.body_html) else {
            return Err(SendError::permanent("The text of the mail was erased before it was sent."));
        };
        Ok(Mail {
            id,
            kind: row.kind,
            to: row.to_address,
            subject: row.subject,
            text,
            html,
            message_id: format!("<{id}@{}>", host(&self.portal.settings().public_url)),
            queued_at: DateTime::from_timestamp_millis(row.created_at).unwrap_or_default(),
        })
    }

    /// Bodies hold links that act for their owner; nobody needs them any more.
    fn erase(&self, changes: &mut ActiveModel) {
        if self.portal.settings().erase_sent_mails {
            changes.body_text = Set(None);
            changes.body_html = Set(None);
            changes.links = Set(None);
        }
    }
}

fn backoff(attempts: i64) -> TimeDelta {
    let doublings = u32::try_from(attempts - 1).unwrap_or_default().min(16);
    (FIRST_BACKOFF * 2_i32.pow(doublings)).min(LONGEST_BACKOFF)
}

/// The host of an address, without port.
fn host(url: &str) -> &str {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

fn kept(reason: &str) -> String {
    reason.chars().map(|c| if c.is_control() { ' ' } else { c }).take(REASON_LENGTH).collect()
}
