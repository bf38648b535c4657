//! The audit log: who changed or looked at what, when, in a chain that cannot be altered unnoticed.
//!
//! - An event is written in the transaction of its change: there is no change without its event, and no event without
//!   its change.
//! - Personal text stands beside the chain and can be erased without breaking it.
//! - An organization sees its own events, staff see all of them, and that they looked is an event too: every page of
//!   them, because a look that could be had without its event would be the one that matters.
//! - Events are kept for as long as the portal: a chain cannot lose its start. What they hold is ids and words of ours;
//!   an erased account leaves an id that leads to nobody.

use std::collections::HashMap;

use anyhow::Context as _;
use chrono::TimeDelta;
use contract::audit_log::{Action, ActorKind, AuditEvent, Verdict};
use contract::{AccountId, AuditEventId, Millis, OrganizationId, Page, Permission, StaffPermission};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{
    ActiveModelTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Set,
};

use crate::{Actor, Op, Result, Scope, Tx, accounts, tokens};

mod chain;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use chain::ChainKey;
use table::{events, head, personal};

/// The one row of `audit_head`.
const HEAD: i64 = 1;

/// Events on a page.
const PAGE: u64 = 50;

/// Events on the page of a thing: what was done to it lately. All others stand in the log.
const ABOUT: u64 = 10;

/// For how long somebody who goes on looking at something that moves is taken to be at the same look.
const SAME_LOOK: TimeDelta = TimeDelta::minutes(15);

/// How far back the same look is searched for, in events: there is no index on who looked, and a second event is no harm.
const SAME_LOOK_REACH: i64 = 1_000;

/// Events read at a time when the chain is checked: bounded memory, whatever its length.
const STRIDE: u64 = 1_000;

/// What happened, before it is written down.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    action: Action,
    actor: Option<AccountId>,
    organization: Option<OrganizationId>,
    account: Option<AccountId>,
    object: Option<String>,
    details: Vec<(&'static str, String)>,
    personal: Option<String>,
}

impl Event {
    pub(crate) const fn new(action: Action) -> Self {
        Self {
            action,
            actor: None,
            organization: None,
            account: None,
            object: None,
            details: Vec::new(),
            personal: None,
        }
    }

    /// Who did it, where the operation does not know yet: somebody who signs in, or used a link from a mail.
    pub(crate) const fn by(mut self, account: AccountId) -> Self {
        self.actor = Some(account);
        self
    }

    /// In which organization: it sees the event.
    pub(crate) const fn organization(mut self, id: OrganizationId) -> Self {
        self.organization = Some(id);
        self
    }

    /// To which account: it sees the event.
    pub(crate) const fn account(mut self, id: AccountId) -> Self {
        self.account = Some(id);
        self
    }

    /// To which other thing: an id.
    pub(crate) fn object(mut self, id: impl ToString) -> Self {
        self.object = Some(id.to_string());
        self
    }

    /// What more there is to know; nothing personal.
    pub(crate) fn detail(mut self, name: &'static str, value: impl ToString) -> Self {
        self.details.push((name, value.to_string()));
        self
    }

    /// Personal text: an address, a name.
    pub(crate) fn personal(mut self, text: impl Into<String>) -> Self {
        self.personal = Some(text.into());
        self
    }
}

/// Writes an event down, in the transaction of its change. Last before the commit: from here on, everybody else who
/// writes an event waits for it.
pub(crate) async fn record(tx: &Tx, op: &Op, mut event: Event) -> Result<()> {
    let last = head::Entity::find_by_id(HEAD).lock_exclusive().one(tx).await?.context("the audit log has no head")?;
    let (kind, actor) = match &op.actor {
        Actor::Account(person) => {
            let kind = if event.is_of_staff() { ActorKind::Staff } else { ActorKind::Account };
            (kind, Some(person.account))
        }
        Actor::Token(holder) => {
            event.details.push(("token", holder.token.to_string()));
            (if event.is_of_staff() { ActorKind::Staff } else { ActorKind::Account }, Some(holder.account))
        }
        Actor::System => (ActorKind::System, None),
        Actor::Anonymous => (ActorKind::Anonymous, None),
    };
    let key = op.portal.chain_key();
    let personal = event.personal.map(|text| Ok::<_, anyhow::Error>((tokens::random_bytes::<32>()?, text)));
    let personal = personal.transpose()?;
    let mut row = events::Model {
        seq: last.seq + 1,
        id: op.new_uuid(),
        at: op.now_ms(),
        actor_kind: kind.word().to_owned(),
        actor_id: event.actor.or(actor).map(AccountId::uuid),
        action: event.action.word().to_owned(),
        organization_id: event.organization.map(OrganizationId::uuid),
        account_id: event.account.map(AccountId::uuid),
        object: event.object,
        details: serde_json::to_string(&event.details).context("details are plain texts")?,
        personal_hash: personal.as_ref().map(|(salt, text)| key.personal(salt, text)),
        hash: Vec::new(),
    };
    row.hash = key.hash(&last.hash, &row);
    if let Some((salt, text)) = personal {
        let account = event.account.or(event.actor).or(actor);
        personal::ActiveModel {
            seq: Set(row.seq),
            account_id: Set(account.map(AccountId::uuid)),
            salt: Set(salt.to_vec()),
            text: Set(text),
            at: Set(op.now_ms()),
        }
        .insert(tx)
        .await?;
    }
    let mut last = last.into_active_model();
    last.seq = Set(row.seq);
    last.hash = Set(row.hash.clone());
    events::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    last.update(tx).await?;
    Ok(())
}

/// Writes down that staff look at something that moves, such as a live stream. Whoever opens it again within a quarter
/// of an hour, because the connection was lost, is still at the same look.
pub(crate) async fn record_look(op: &Op, action: Action) -> Result<()> {
    let person = op.person()?.account.uuid();
    let newest = head::Entity::find_by_id(HEAD).one(op.db().read()).await?.map_or(0, |head| head.seq);
    let known = events::Entity::find()
        .filter(events::COLUMN.seq.gt(newest - SAME_LOOK_REACH))
        .filter(events::COLUMN.at.gt((op.now - SAME_LOOK).timestamp_millis()))
        .filter(events::COLUMN.action.eq(action.word()))
        .filter(events::COLUMN.actor_id.eq(person))
        .limit(1)
        .one(op.db().read())
        .await?;
    if known.is_some() {
        return Ok(());
    }
    let tx = op.begin().await?;
    record(&tx, op, Event::new(action)).await?;
    op.commit(tx).await
}

impl Event {
    /// What only staff do.
    const fn is_of_staff(&self) -> bool {
        matches!(
            self.action,
            Action::AccountRestricted
                | Action::AccountSuspended
                | Action::AccountRestored
                | Action::AccountsSearched
                | Action::AccountViewed
                | Action::VerificationResent
                | Action::AuditLogViewed
                | Action::RequestLogsViewed
                | Action::StaffAdded
                | Action::ApiCreated
                | Action::ApiChanged
                | Action::ApiClosed
                | Action::ApiReopened
                | Action::PlanCreated
                | Action::PlanChanged
                | Action::PlanClosed
                | Action::SubscriptionApproved
                | Action::SubscriptionRejected
                | Action::SubscriptionOverridden
                | Action::KeyRevokedByStaff
                | Action::KeyRotationStartedByStaff
                | Action::KeysSearched
                | Action::KeyViewed
                | Action::LeaksViewed
        )
    }
}

/// What to look for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only this.
    pub action: Option<Action>,
    /// Only by such.
    pub actor: Option<ActorKind>,
    /// Only what this account did, or what was done to it.
    pub account: Option<AccountId>,
    /// Only in this organization; staff alone may choose.
    pub organization: Option<OrganizationId>,
}

impl Filter {
    /// That somebody looked, and at what.
    fn look(&self, before: Option<i64>) -> Event {
        let mut event = Event::new(Action::AuditLogViewed);
        if let Some(action) = self.action {
            event = event.detail("action", action.word());
        }
        if let Some(actor) = self.actor {
            event = event.detail("actor", actor.word());
        }
        if let Some(account) = self.account {
            event = event.detail("account", account);
        }
        if let Some(organization) = self.organization {
            event = event.detail("organization", organization);
        }
        if let Some(before) = before {
            event = event.detail("before", before);
        }
        event
    }
}

/// A page of events, the newest first; `before` is the place of the last one on the page before.
///
/// # Errors
/// Those of [`Op::require`] and [`Op::require_staff`].
pub async fn list(op: &Op, scope: Scope, filter: &Filter, before: Option<i64>) -> Result<Page<AuditEvent>> {
    let organization = match scope {
        Scope::Organization => Some(op.require(Permission::ReadAuditLog)?),
        Scope::Everything => {
            op.require_staff(StaffPermission::ReadAuditLog)?;
            let tx = op.begin().await?;
            record(&tx, op, filter.look(before)).await?;
            op.commit(tx).await?;
            filter.organization
        }
    };
    let mut query = events::Entity::find().order_by_desc(events::COLUMN.seq).limit(PAGE + 1);
    if let Some(organization) = organization {
        query = query.filter(events::COLUMN.organization_id.eq(organization.uuid()));
    }
    if let Some(action) = filter.action {
        query = query.filter(events::COLUMN.action.eq(action.word()));
    }
    if let Some(actor) = filter.actor {
        query = query.filter(events::COLUMN.actor_kind.eq(actor.word()));
    }
    if let Some(account) = filter.account {
        let id = account.uuid();
        query = query.filter(events::COLUMN.account_id.eq(id).or(events::COLUMN.actor_id.eq(id)));
    }
    if let Some(before) = before {
        query = query.filter(events::COLUMN.seq.lt(before));
    }
    let mut page = page(op, query.all(op.db().read()).await?).await?;
    if scope == Scope::Organization {
        hide_staff(&mut page.items, op.person()?.account);
    }
    Ok(page)
}

/// The newest events about the person who asks: what they did, and what was done to their account. That staff did it is
/// said, and which of them is not: they answer to the operator, who knows.
///
/// # Errors
/// [`contract::Refusal::NotSignedIn`].
pub async fn mine(op: &Op, before: Option<i64>) -> Result<Page<AuditEvent>> {
    let id = op.signed_in()?.account.uuid();
    let mut query = events::Entity::find()
        .filter(events::COLUMN.account_id.eq(id).or(events::COLUMN.actor_id.eq(id)))
        .order_by_desc(events::COLUMN.seq)
        .limit(PAGE + 1);
    if let Some(before) = before {
        query = query.filter(events::COLUMN.seq.lt(before));
    }
    let mut page = page(op, query.all(op.db().read()).await?).await?;
    hide_staff(&mut page.items, AccountId::new(id));
    Ok(page)
}

/// Says that staff did it, and not who of them: they answer to the operator, who knows.
fn hide_staff(events: &mut [AuditEvent], me: AccountId) {
    for event in events.iter_mut().filter(|event| event.actor == ActorKind::Staff && event.actor_account != Some(me)) {
        (event.actor_account, event.actor_name) = (None, None);
    }
}

/// The newest events about one thing of the organization, for the page of that thing.
///
/// # Errors
/// Those of [`Op::require`].
pub async fn about(op: &Op, object: &str) -> Result<Vec<AuditEvent>> {
    let organization = op.require(Permission::ReadAuditLog)?;
    let newest = events::Entity::find()
        .filter(events::COLUMN.organization_id.eq(organization.uuid()))
        .filter(events::COLUMN.object.eq(object))
        .order_by_desc(events::COLUMN.seq)
        .limit(ABOUT);
    let mut items = page(op, newest.all(op.db().read()).await?).await?.items;
    hide_staff(&mut items, op.person()?.account);
    Ok(items)
}

/// Place, moment and personal text of the events of one kind about one thing of an organization, the newest first, as
/// far back as their texts are there.
pub(crate) async fn texts_about<C: ConnectionTrait>(
    db: &C,
    organization: OrganizationId,
    object: &str,
    action: Action,
) -> Result<Vec<(i64, Millis, String)>> {
    let rows = events::Entity::find()
        .filter(events::COLUMN.organization_id.eq(organization.uuid()))
        .filter(events::COLUMN.object.eq(object))
        .filter(events::COLUMN.action.eq(action.word()))
        .filter(events::COLUMN.personal_hash.is_not_null())
        .order_by_desc(events::COLUMN.seq)
        .limit(PAGE)
        .all(db)
        .await?;
    let mut texts: HashMap<i64, String> = personal::Entity::find()
        .filter(personal::COLUMN.seq.is_in(rows.iter().map(|row| row.seq)))
        .all(db)
        .await?
        .into_iter()
        .map(|row| (row.seq, row.text))
        .collect();
    Ok(rows.iter().map_while(|row| Some((row.seq, row.at, texts.remove(&row.seq)?))).collect())
}

async fn page(op: &Op, mut rows: Vec<events::Model>) -> Result<Page<AuditEvent>> {
    let db = op.db().read();
    let more = rows.len() as u64 > PAGE;
    rows.truncate(PAGE as usize);
    let next = more.then(|| rows.last().map(|row| row.seq.to_string())).flatten();
    let people: Vec<Uuid> = rows.iter().flat_map(|row| [row.actor_id, row.account_id]).flatten().collect();
    let names: HashMap<Uuid, String> = accounts::table::Entity::find()
        .filter(accounts::table::COLUMN.id.is_in(people))
        .all(db)
        .await?
        .into_iter()
        .map(|account| (account.id, account.name))
        .collect();
    let mut texts: HashMap<i64, String> = personal::Entity::find()
        .filter(personal::COLUMN.seq.is_in(rows.iter().map(|row| row.seq)))
        .all(db)
        .await?
        .into_iter()
        .map(|row| (row.seq, row.text))
        .collect();
    let items = rows
        .into_iter()
        .map(|row| {
            let unknown = || anyhow::anyhow!("the audit log holds an unknown word");
            let name = |id: Option<Uuid>| id.and_then(|id| names.get(&id).cloned());
            Ok(AuditEvent {
                seq: row.seq,
                id: AuditEventId::new(row.id),
                at: row.at,
                actor: ActorKind::from_word(&row.actor_kind).ok_or_else(unknown)?,
                actor_account: row.actor_id.map(AccountId::new),
                actor_name: name(row.actor_id),
                action: Action::from_word(&row.action).ok_or_else(unknown)?,
                organization: row.organization_id.map(OrganizationId::new),
                account: row.account_id.map(AccountId::new),
                account_name: name(row.account_id),
                object: row.object,
                details: serde_json::from_str(&row.details).context("details of an event cannot be read")?,
                personal_erased: row.personal_hash.is_some() && !texts.contains_key(&row.seq),
                personal: texts.remove(&row.seq),
            })
        })
        .collect::<anyhow::Result<_>>()?;
    Ok(Page { items, next })
}

/// Reads the whole chain and says whether every event is as it was written.
///
/// `noted` is a head that was noted elsewhere: place and hash, which must still be there. For the command line, and for
/// staff who may read the log.
///
/// # Errors
/// Those of [`Op::require_staff`].
pub async fn verify(op: &Op, noted: Option<(i64, &str)>) -> Result<Verdict> {
    if op.actor != Actor::System {
        op.require_staff(StaffPermission::ReadAuditLog)?;
    }
    let db = op.db().read();
    let key = op.portal.chain_key();
    let (mut seq, mut hash) = (0, chain::START.to_vec());
    let broken = |seq, why| Ok(Verdict::Broken { seq, why });
    // The end is read first: what is written meanwhile lies behind it, and is looked at the next time.
    let Some(end) = head::Entity::find_by_id(HEAD).one(db).await? else {
        return broken(1, "the place where the end of the chain is kept is missing");
    };
    let (last, last_hash) = (end.seq, end.hash);
    while seq < last {
        let rows = events::Entity::find()
            .filter(events::COLUMN.seq.gt(seq))
            .filter(events::COLUMN.seq.lte(last))
            .order_by_asc(events::COLUMN.seq)
            .limit(STRIDE)
            .all(db)
            .await?;
        let texts: HashMap<i64, personal::Model> = personal::Entity::find()
            .filter(personal::COLUMN.seq.is_in(rows.iter().map(|row| row.seq)))
            .all(db)
            .await?
            .into_iter()
            .map(|row| (row.seq, row))
            .collect();
        if rows.is_empty() {
            return broken(seq + 1, "it is missing, and so are all that followed");
        }
        for row in rows {
            if row.seq != seq + 1 {
                return broken(seq + 1, "it is missing");
            }
            if key.hash(&hash, &row) != row.hash {
                return broken(row.seq, "it is not what was written, or not in its place");
            }
            if let Some(text) = texts.get(&row.seq)
                && (Some(key.personal(&text.salt, &text.text)) != row.personal_hash
                    || (text.account_id, text.at) != (row.account_id.or(row.actor_id), row.at))
            {
                return broken(row.seq, "its personal text is not what was written");
            }
            if let Some((place, digits)) = noted
                && place == row.seq
                && !tokens::hex(&row.hash).eq_ignore_ascii_case(digits)
            {
                return broken(row.seq, "it is not the event that was noted");
            }
            seq = row.seq;
            hash = row.hash;
        }
    }
    if hash != last_hash {
        return broken(last, "the end of the chain is not the newest event");
    }
    if let Some((place, _)) = noted
        && place > last
    {
        return broken(last + 1, "it was noted, and is gone");
    }
    let outside = events::COLUMN.seq.lte(0).or(events::COLUMN.seq.gt(last));
    let beyond = events::Entity::find().filter(outside).order_by_asc(events::COLUMN.seq).one(db).await?;
    if let Some(stray) = beyond {
        // Unless it was written meanwhile: then the end, which came with it, has moved too.
        let end = head::Entity::find_by_id(HEAD).one(db).await?.map_or(0, |head| head.seq);
        if stray.seq <= 0 || stray.seq > end {
            return broken(stray.seq, "it stands outside the chain");
        }
    }
    Ok(Verdict::Sound { events: last, head: tokens::hex(&last_hash) })
}

/// Erases the personal texts of events about accounts that are gone; the chain stays whole.
pub(crate) async fn forget_those_who_are_gone(tx: &Tx) -> Result<u64> {
    let known = Query::select().column(accounts::table::Column::Id).from(accounts::table::Entity).take();
    let erased = personal::Entity::delete_many()
        .filter(Expr::col(personal::Column::AccountId).not_in_subquery(known))
        .exec(tx)
        .await?;
    Ok(erased.rows_affected)
}
