//! One operation: who does it, when, and which request it belongs to.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use contract::keys::hash::KeyHasher;
use contract::organizations::CurrentOrganization;
use contract::{AccountId, MailId, Millis, OrganizationId, Permission, Refusal, RequestId, SessionId, StaffRole};
use tokio::sync::{Mutex, Notify, OwnedMutexGuard};
use uuid::Uuid;

use crate::accounts::password::Passwords;
use crate::keys::{KeyRecord, KeyWatcher};
use crate::{Db, Result, Tx, tokens};

/// What verbs must know about this installation.
#[derive(Clone, Debug)]
pub struct PortalSettings {
    /// What the portal calls itself.
    pub name: String,
    /// Where browsers reach the portal; no slash at the end.
    pub public_url: String,
    /// Where programs reach the gateway; no slash at the end.
    pub gateway_url: String,
    /// What keys begin with.
    pub key_prefix: String,
    /// Whether mails are handed on, so that their bodies can be erased once sent.
    pub erase_sent_mails: bool,
}

struct Inner {
    db: Db,
    settings: PortalSettings,
    hasher: KeyHasher,
    passwords: Passwords,
    keys: Arc<dyn KeyWatcher>,
    // Held from before a key is changed until the watcher knows.
    key_changes: Arc<Mutex<()>>,
    outbox: Arc<Notify>,
}

/// The control plane of one process. Cheap to clone.
#[derive(Clone)]
pub struct Portal {
    inner: Arc<Inner>,
}

impl fmt::Debug for Portal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Portal").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}

impl Portal {
    /// Puts it together. `keys` is told of every change to a key, after it is committed.
    #[must_use]
    pub fn new(db: Db, settings: PortalSettings, hasher: KeyHasher, keys: Arc<dyn KeyWatcher>) -> Self {
        let inner = Inner {
            db,
            settings,
            hasher,
            passwords: Passwords::new(),
            keys,
            key_changes: Arc::default(),
            outbox: Arc::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// An operation.
    #[must_use]
    pub fn op(&self, actor: Actor, now: DateTime<Utc>, request: RequestId) -> Op {
        Op { portal: self.clone(), actor, now, request }
    }

    /// The database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.inner.db
    }

    /// What this installation is called and where it is reached.
    #[must_use]
    pub fn settings(&self) -> &PortalSettings {
        &self.inner.settings
    }

    /// Rung whenever a mail was queued and committed.
    #[must_use]
    pub fn outbox(&self) -> &Arc<Notify> {
        &self.inner.outbox
    }

    pub(crate) fn hasher(&self) -> &KeyHasher {
        &self.inner.hasher
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.inner.passwords
    }

    /// One change to a key at a time: told in another order than they were made, a revoked key would work again.
    pub(crate) async fn change_key(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.inner.key_changes).lock_owned().await
    }
}

/// A signed-in person, as verbs know them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The browser.
    pub session: SessionId,
    /// The person.
    pub account: AccountId,
    /// What they call themselves.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Where they work.
    pub organization: CurrentOrganization,
    /// Their place among the staff, if any.
    pub staff: Option<StaffRole>,
}

/// Who does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody who is not signed in.
    Anonymous,
    /// A person.
    Account(Box<SignedIn>),
    /// The program itself: jobs and the command line.
    System,
}

/// Whose rows a reading verb looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of the person's organization.
    Organization,
    /// All of them: staff only.
    Everything,
}

/// One operation.
#[derive(Clone, Debug)]
pub struct Op {
    /// Where it happens.
    pub portal: Portal,
    /// Who does it.
    pub actor: Actor,
    /// When.
    pub now: DateTime<Utc>,
    /// Which request it belongs to.
    pub request: RequestId,
}

impl Op {
    /// The moment, as tables store it.
    #[must_use]
    pub fn now_ms(&self) -> Millis {
        self.now.timestamp_millis()
    }

    /// The signed-in person.
    ///
    /// # Errors
    /// [`Refusal::NotSignedIn`].
    pub fn signed_in(&self) -> Result<&SignedIn> {
        match &self.actor {
            Actor::Account(person) => Ok(person),
            Actor::Anonymous | Actor::System => Err(Refusal::NotSignedIn.into()),
        }
    }

    /// The organization the person works in, provided their role allows that.
    ///
    /// # Errors
    /// [`Refusal::NotSignedIn`], [`Refusal::NotAllowed`].
    pub fn require(&self, permission: Permission) -> Result<OrganizationId> {
        let organization = &self.signed_in()?.organization;
        if organization.role.allows(permission) { Ok(organization.id) } else { Err(Refusal::NotAllowed.into()) }
    }

    /// The person, provided they are staff. To everyone else the page does not exist.
    ///
    /// # Errors
    /// [`Refusal::NotSignedIn`], [`Refusal::NotFound`].
    pub fn require_staff(&self) -> Result<StaffRole> {
        Ok(self.signed_in()?.staff.ok_or(Refusal::NotFound)?)
    }

    /// `None` for everything, the organization otherwise; either way only if the person may.
    ///
    /// # Errors
    /// Those of [`Self::require`] and [`Self::require_staff`].
    pub fn require_scope(&self, scope: Scope, permission: Permission) -> Result<Option<OrganizationId>> {
        match scope {
            Scope::Organization => self.require(permission).map(Some),
            Scope::Everything => self.require_staff().map(|_| None),
        }
    }

    pub(crate) fn db(&self) -> &Db {
        self.portal.db()
    }

    pub(crate) async fn begin(&self) -> Result<Tx> {
        self.db().begin().await
    }

    /// Commits, then wakes the mail worker: a mail queued in `tx` leaves at once.
    pub(crate) async fn commit(&self, tx: Tx) -> Result<()> {
        tx.commit().await?;
        self.portal.outbox().notify_one();
        Ok(())
    }

    /// Commits a change to a key and tells the watcher, also if whoever asked is gone meanwhile: a browser that closes
    /// its connection drops us at the next `await`, and the commit may have happened by then.
    pub(crate) async fn commit_key(&self, tx: Tx, turn: OwnedMutexGuard<()>, record: Option<KeyRecord>) -> Result<()> {
        let op = self.clone();
        let told = tokio::spawn(async move {
            op.commit(tx).await?;
            if let Some(record) = record {
                op.portal.inner.keys.changed(record);
            }
            drop(turn);
            Ok(())
        });
        told.await.map_err(anyhow::Error::from)?
    }

    pub(crate) fn new_uuid(&self) -> Uuid {
        tokens::new_uuid(self.now)
    }

    pub(crate) fn new_mail_id(&self) -> MailId {
        MailId::new(self.new_uuid())
    }
}
