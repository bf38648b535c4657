//! One operation: who does it, when, and which request it belongs to.

use std::fmt;
use std::sync::{Arc, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use contract::access_tokens::Scope as TokenScope;
use contract::accounts::AccountState;
use contract::keys::hash::KeyHasher;
use contract::organizations::CurrentOrganization;
use contract::sessions::{Factor, STEP_UP_MS};
use contract::{
    AccountId, MailId, Millis, OrganizationId, Permission, Refusal, RequestId, SessionId, StaffPermission, StaffRole,
    TokenId,
};
use tokio::sync::{Mutex, Notify, OwnedMutexGuard, broadcast};
use uuid::Uuid;

use crate::accounts::password::Passwords;
use crate::audit_log::ChainKey;
use crate::changes::{self, Subject};
use crate::guard::{Guard, Source};
use crate::keys::{KeyRecord, KeyWatcher};
use crate::leaks::ProgrammeKey;
use crate::passkeys::Relying;
use crate::sessions::{DeviceToken, SessionToken};
use crate::vault::Vault;
use crate::{Db, Result, Tx, passkeys, tokens};

/// Ended sessions that a slow listener may lag behind before it has to look for itself.
const ENDINGS: usize = 1_024;

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
    /// Without use, a session ends after this long.
    pub session_idle: TimeDelta,
    /// However much it is used, a session ends after this long.
    pub session_life: TimeDelta,
    /// How long a recovery by mail waits, so that the owner of a stolen mailbox can still say no.
    pub recovery_wait: TimeDelta,
    /// Whether the operator's desk opens with a passkey only.
    pub staff_need_passkeys: bool,
    /// Keys of programmes that may report leaked secrets.
    pub leak_programmes: Vec<ProgrammeKey>,
    /// Whether an API may be at an address inside a private network.
    pub private_upstreams: bool,
}

/// What verbs hash and seal with.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// Hashes secrets of keys.
    pub hasher: KeyHasher,
    /// Seals what is stored.
    pub vault: Vault,
}

struct Inner {
    db: Db,
    settings: PortalSettings,
    hasher: KeyHasher,
    vault: Vault,
    passwords: Passwords,
    keys: Arc<dyn KeyWatcher>,
    // Held from before a key is changed until the watcher knows.
    key_changes: Arc<Mutex<()>>,
    outbox: Arc<Notify>,
    guard: Guard,
    chain: ChainKey,
    relying: Relying,
    endings: broadcast::Sender<SessionId>,
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
    pub fn new(db: Db, settings: PortalSettings, secrets: Secrets, keys: Arc<dyn KeyWatcher>) -> Self {
        let Secrets { hasher, vault } = secrets;
        // No key of ours reads like these, so neither can collide with the hash of one.
        let derived = |purpose: &str| hasher.derive(purpose);
        let (guard, chain) = (Guard::new(derived("proof of work")), ChainKey::new(derived("audit log")));
        let inner = Inner {
            relying: Relying::new(&settings.public_url, &settings.name),
            db,
            settings,
            hasher,
            vault,
            passwords: Passwords::new(),
            keys,
            key_changes: Arc::default(),
            outbox: Arc::default(),
            guard,
            chain,
            endings: broadcast::Sender::new(ENDINGS),
        };
        Self { inner: Arc::new(inner) }
    }

    /// An operation.
    #[must_use]
    pub fn op(&self, actor: Actor, now: DateTime<Utc>, request: RequestId) -> Op {
        Op { portal: self.clone(), actor, now, request, browser: Browser::none(), handed: Arc::default() }
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

    /// Hears of every session that ends before its time, after that is committed: an open stream must end with it.
    #[must_use]
    pub fn endings(&self) -> broadcast::Receiver<SessionId> {
        self.inner.endings.subscribe()
    }

    /// Limits on tries, and proofs of work. In memory only.
    #[must_use]
    pub fn guard(&self) -> &Guard {
        &self.inner.guard
    }

    /// Rung whenever a mail was queued and committed.
    #[must_use]
    pub fn outbox(&self) -> &Arc<Notify> {
        &self.inner.outbox
    }

    pub(crate) fn hasher(&self) -> &KeyHasher {
        &self.inner.hasher
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.inner.vault
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.inner.passwords
    }

    pub(crate) fn chain_key(&self) -> &ChainKey {
        &self.inner.chain
    }

    /// What passkeys know of this portal.
    pub(crate) fn relying(&self) -> &Relying {
        &self.inner.relying
    }

    pub(crate) fn keys_watcher(&self) -> &dyn KeyWatcher {
        &*self.inner.keys
    }

    /// One change to a key at a time: told in another order than they were made, a revoked key would work again.
    pub(crate) async fn change_key(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.inner.key_changes).lock_owned().await
    }
}

/// The browser or program behind a request, as far as verbs need to know it.
#[derive(Clone, Debug)]
pub struct Browser {
    /// What it calls itself, shortened to its family: “Firefox on Linux”. Empty if it does not say.
    pub label: String,
    /// By what its accounts know it again.
    pub device: Option<DeviceToken>,
    /// Where it is, for limits. Cannot be stored or printed.
    pub source: Source,
}

impl Browser {
    /// No browser: jobs and the command line.
    #[must_use]
    pub const fn none() -> Self {
        Self { label: String::new(), device: None, source: Source::unknown() }
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
    /// Where their account stands.
    pub state: AccountState,
    /// Why, if it is not in good standing.
    pub state_reason: Option<String>,
    /// How they proved who they are.
    pub factor: Factor,
    /// When they last did.
    pub authenticated_at: Millis,
}

/// A program that holds an access token, as verbs know it: it acts for a person, within scopes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHolder {
    /// The token.
    pub token: TokenId,
    /// What it may at most.
    pub scopes: Vec<TokenScope>,
    /// The person.
    pub account: AccountId,
    /// What they call themselves.
    pub name: String,
    /// Their address.
    pub email: String,
    /// The organization for which the token was made, with the role that its person has there now.
    pub organization: CurrentOrganization,
    /// Their place among the staff, if any.
    pub staff: Option<StaffRole>,
    /// Where their account stands.
    pub state: AccountState,
    /// Why, if it is not in good standing.
    pub state_reason: Option<String>,
}

impl TokenHolder {
    /// Whether its scopes allow what takes this one.
    #[must_use]
    pub fn may(&self, scope: TokenScope) -> bool {
        self.scopes.iter().any(|one| one.gives(scope))
    }
}

/// Whoever acts: a person in a browser, or a program with their token.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    /// The person.
    pub account: AccountId,
    /// What they call themselves.
    pub name: &'a str,
    /// Their address.
    pub email: &'a str,
    /// Where they work.
    pub organization: &'a CurrentOrganization,
    /// Their place among the staff, if any.
    pub staff: Option<StaffRole>,
    /// Where their account stands.
    pub state: AccountState,
    /// Why, if it is not in good standing.
    pub state_reason: Option<&'a str>,
}

/// Who does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody who is not signed in.
    Anonymous,
    /// A person.
    Account(Box<SignedIn>),
    /// A program with a person's access token. What asks for [`Op::signed_in`] is not for it.
    Token(Box<TokenHolder>),
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
    /// From which browser.
    pub browser: Browser,
    /// A token that its session has from now on.
    pub(crate) handed: Arc<std::sync::Mutex<Option<SessionToken>>>,
}

impl Op {
    /// The token that the session of this operation has from now on, if a verb gave it a new one: whoever answers the
    /// browser must hand it over. Copies of the operation share it.
    #[must_use]
    pub fn handed(&self) -> Option<SessionToken> {
        self.handed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn hand(&self, token: SessionToken) {
        *self.handed.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
    }

    /// The same operation, from that browser.
    #[must_use]
    pub fn from_browser(mut self, browser: Browser) -> Self {
        self.browser = browser;
        self
    }

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
            Actor::Token(_) | Actor::Anonymous | Actor::System => Err(Refusal::NotSignedIn.into()),
        }
    }

    /// Whoever acts: a person, or a program with their token.
    ///
    /// # Errors
    /// [`Refusal::NotSignedIn`].
    pub fn person(&self) -> Result<Person<'_>> {
        match &self.actor {
            Actor::Account(one) => Ok(Person {
                account: one.account,
                name: &one.name,
                email: &one.email,
                organization: &one.organization,
                staff: one.staff,
                state: one.state,
                state_reason: one.state_reason.as_deref(),
            }),
            Actor::Token(one) => Ok(Person {
                account: one.account,
                name: &one.name,
                email: &one.email,
                organization: &one.organization,
                staff: one.staff,
                state: one.state,
                state_reason: one.state_reason.as_deref(),
            }),
            Actor::Anonymous | Actor::System => Err(Refusal::NotSignedIn.into()),
        }
    }

    /// The token that acts, if one does.
    #[must_use]
    pub fn token(&self) -> Option<&TokenHolder> {
        match &self.actor {
            Actor::Token(holder) => Some(holder),
            Actor::Account(_) | Actor::Anonymous | Actor::System => None,
        }
    }

    /// Passes people; of tokens only those with the scope. Where there is none, no token passes.
    pub(crate) fn within_token(&self, scope: Option<TokenScope>) -> Result<()> {
        let Some(holder) = self.token() else { return Ok(()) };
        match scope {
            Some(scope) if holder.may(scope) => Ok(()),
            Some(scope) => Err(Refusal::TokenScope { scope: scope.word().to_owned() }.into()),
            None => Err(Refusal::NotSignedIn.into()),
        }
    }

    /// The organization the person works in, provided their role and the state of their account allow that.
    ///
    /// # Errors
    /// [`Refusal::NotSignedIn`], [`Refusal::NotAllowed`], [`Refusal::AccountRestricted`]; for a token,
    /// [`Refusal::TokenScope`].
    pub fn require(&self, permission: Permission) -> Result<OrganizationId> {
        let person = self.person()?;
        self.within_token(TokenScope::of(permission))?;
        if !person.organization.role.allows(permission) {
            return Err(Refusal::NotAllowed.into());
        }
        if !permission.only_reads() {
            refuse_restricted(&person)?;
        }
        Ok(person.organization.id)
    }

    /// The person, provided their account may change things.
    ///
    /// # Errors
    /// [`Refusal::NotSignedIn`], [`Refusal::AccountRestricted`].
    pub fn require_good_standing(&self) -> Result<&SignedIn> {
        refuse_restricted(&self.person()?)?;
        self.signed_in()
    }

    /// The person, provided they proved who they are within the last five minutes; with a passkey, if they have one.
    ///
    /// # Errors
    /// [`Refusal::NotSignedIn`], [`Refusal::StepUpRequired`].
    pub async fn require_recent(&self) -> Result<&SignedIn> {
        let person = self.signed_in()?;
        let passkey = passkeys::has_any(self.db().read(), person.account).await?;
        let recent = self.now_ms() - person.authenticated_at <= STEP_UP_MS;
        if recent && (person.factor.is_strong() || !passkey) {
            Ok(person)
        } else {
            Err(Refusal::StepUpRequired { passkey }.into())
        }
    }

    /// Whoever acts, provided they proved who they are: a person within the last five minutes, as
    /// [`Self::require_recent`] has it; a program by a token that was made by somebody who had.
    ///
    /// # Errors
    /// [`Refusal::NotSignedIn`], [`Refusal::StepUpRequired`].
    pub async fn require_confirmed(&self) -> Result<Person<'_>> {
        if self.token().is_none() {
            self.require_recent().await?;
        }
        self.person()
    }

    /// The person, provided they are staff in a role that allows that. To everyone else the page does not exist.
    ///
    /// # Errors
    /// [`Refusal::NotSignedIn`], [`Refusal::NotFound`], [`Refusal::PasskeyRequired`], [`Refusal::NotAllowed`].
    pub fn require_staff(&self, permission: StaffPermission) -> Result<StaffRole> {
        let person = self.person()?;
        let role = person.staff.ok_or(Refusal::NotFound)?;
        // A token for staff was made with a passkey.
        let by_passkey = self.token().is_some() || self.signed_in()?.factor == Factor::Passkey;
        if !by_passkey && self.portal.settings().staff_need_passkeys {
            return Err(Refusal::PasskeyRequired.into());
        }
        self.within_token(TokenScope::of_staff(permission))?;
        refuse_restricted(&person)?;
        if role.allows(permission) { Ok(role) } else { Err(Refusal::NotAllowed.into()) }
    }

    /// `None` for everything, the organization otherwise; either way only if the person may.
    ///
    /// # Errors
    /// Those of [`Self::require`] and [`Self::require_staff`].
    pub fn require_scope(&self, scope: Scope, permission: Permission) -> Result<Option<OrganizationId>> {
        match scope {
            Scope::Organization => self.require(permission).map(Some),
            Scope::Everything => self.require_staff(StaffPermission::ReadRequestLogs).map(|_| None),
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

    /// Commits, then lets everything that these sessions hold open end.
    pub(crate) async fn commit_endings(&self, tx: Tx, ended: Vec<SessionId>) -> Result<()> {
        self.commit(tx).await?;
        for session in ended {
            // Nobody listens where no stream is open.
            let _ = self.portal.inner.endings.send(session);
        }
        Ok(())
    }

    /// Commits a change to a key and tells the watcher, also if whoever asked is gone meanwhile: a browser that closes
    /// its connection drops us at the next `await`, and the commit may have happened by then.
    pub(crate) async fn commit_key(&self, tx: Tx, turn: OwnedMutexGuard<()>, record: Option<KeyRecord>) -> Result<()> {
        let op = self.clone();
        let told = tokio::spawn(async move {
            changes::record(&tx, record.iter().map(|record| Subject::Key(record.caller.key))).await?;
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

fn refuse_restricted(person: &Person<'_>) -> Result<()> {
    if person.state.may_change() {
        return Ok(());
    }
    let reason = person.state_reason.unwrap_or_else(|| person.state.sentence()).to_owned();
    Err(Refusal::AccountRestricted { reason }.into())
}
