//! Leaks: secrets of keys that were seen in public, by secret scanning programmes or by whoever pastes one into the
//! self-check.
//!
//! - A reported string is looked up and forgotten: it is in no log, no row, no address and no answer. What is stored is
//!   which key it was, where it was seen (host and path), when, and who said so.
//! - A programme is known by its signature over the bytes of its message. Whoever uses the self-check is known by having
//!   the secret: that is enough to report it, because it is all that anybody needs to misuse it.
//! - What is done to a key follows from the policies of the APIs that the key may call; the strictest holds. The gateway knows it
//!   before a verb returns. An access token is revoked.
//! - The same secret at the same place is one report, however often it is sent: a replay changes nothing. Owners are
//!   told at once, and of the same secret at other places at most once a day.

use std::collections::HashSet;

use contract::audit_log::Action;
use contract::fields::{Check, Problem};
use contract::keys::{Secret, format};
use contract::leaks::{
    CheckWish, Checked, DeskLeak, LEAK_OVERLAP_DAYS_MAX, LeakAction, LeakPolicy, LeakReport, LeakTerms,
    PatternDocument, REPORT_BYTES_MAX, REPORTS_MAX, SELF_CHECK, SelfCheck, patterns,
};
use contract::subscriptions::SubscriptionState;
use contract::{
    Environment, KeyId, LeakReportId, Millis, OrganizationId, Page, Permission, Refusal, StaffPermission, access_tokens,
};
use sea_orm::{
    ActiveModelTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Set,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::apis::input::needed_number;
use crate::audit_log::{self, Event};
use crate::guard::Purpose;
use crate::keys::desk::{self, Imposed, Presented, Sent, Which};
use crate::keys::table::{self as keys, Model};
use crate::keys::{DAY_MS, event};
use crate::privacy::retention::LEAK_REPORTS_LIFE;
use crate::tokens::hex;
use crate::{Error, Op, Result, Tx, apis, organizations, plans, subscriptions};

mod letters;
mod signature;
pub(crate) mod table;
#[cfg(test)]
mod tests;
mod tokens;

use letters::Done;
pub use signature::ProgrammeKey;

/// Reports on a page of the desk.
const PAGE: u64 = 50;

/// Longest place that is stored, in characters.
const PLACE_MAX: usize = 300;

/// Longest name of a kind of secret that a programme may use, in characters; it is given back in the answer.
const TYPE_MAX: usize = 200;

/// Longest text that is looked at in the self-check, in bytes. No secret of ours is half as long.
const SELF_CHECK_MAX: usize = 200;

/// One secret in the message of a programme. Whatever else it says of it is passed over.
#[derive(Deserialize)]
struct Alert {
    token: Secret,
    r#type: String,
    #[serde(default)]
    url: Option<String>,
}

/// What a programme is answered about a secret: the hash that it can compute itself, and whether we know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Feedback {
    /// SHA-256 of the string, in hexadecimal digits: the string itself is not sent back.
    pub token_hash: String,
    /// The kind that the programme named.
    pub token_type: String,
    /// `true_positive` for the secret of a key, also of one that works no more; `false_positive` for everything else.
    pub label: &'static str,
}

/// A report, before it is written down.
pub(crate) struct Reported<'a> {
    pub(crate) source: &'a str,
    pub(crate) place: Option<&'a str>,
}

/// Takes the message of a programme: finds the keys, does what their policies say, and says which strings were secrets.
/// A message that was taken in part, because the database failed, can be sent again.
///
/// # Errors
/// [`Refusal::SignatureInvalid`] before anything is read; [`Refusal::TooLarge`] for too many bytes or secrets;
/// [`Refusal::BodyUnreadable`].
pub async fn take_reports(
    op: &Op,
    key_id: Option<&str>,
    signature: Option<&str>,
    body: &[u8],
) -> Result<Vec<Feedback>> {
    if body.len() > REPORT_BYTES_MAX {
        return Err(Refusal::TooLarge.into());
    }
    let programme = signature::signer(&op.portal.settings().leak_programmes, key_id, signature, body)?;
    let alerts: Vec<Alert> = serde_json::from_slice(body).map_err(|_| Refusal::BodyUnreadable)?;
    if alerts.len() > REPORTS_MAX {
        return Err(Refusal::TooLarge.into());
    }
    if alerts.iter().any(|alert| alert.r#type.chars().count() > TYPE_MAX) {
        return Err(Refusal::BodyUnreadable.into());
    }
    // All of them, so that the work is the same for what has the form of a key and what has not.
    let presented: Vec<Presented> =
        alerts.iter().map(|alert| Presented::new(&op.portal, alert.token.reveal())).collect();
    let found = desk::by_secrets(op.db().read(), &presented).await?;
    let mut feedback = Vec::with_capacity(alerts.len());
    for ((alert, secret), key) in alerts.iter().zip(&presented).zip(&found) {
        let text = alert.token.reveal();
        let url = alert.url.as_deref().unwrap_or_default();
        let place = place_of(url, text);
        let reported = Reported { source: programme, place: place.as_deref() };
        let mut known = false;
        if let Some((key, _)) = key {
            note(op, key, secret, url, &reported).await?;
            known = true;
        } else if access_tokens::is_token(text, &op.portal.settings().key_prefix)
            && let Some(token) = tokens::find(op, text).await?
        {
            tokens::revoke(op, &token, &reported).await?;
            known = true;
        }
        feedback.push(Feedback {
            token_hash: hex(&Sha256::digest(text.as_bytes())),
            token_type: alert.r#type.clone(),
            label: if known { "true_positive" } else { "false_positive" },
        });
    }
    Ok(feedback)
}

/// Says what a string is, and reports it if that is wished. For everybody: whoever does not have a whole secret learns
/// nothing that its form does not say.
///
/// # Errors
/// [`Refusal::InvalidInput`] for an empty field; [`Refusal::ProofRequired`], [`Refusal::TooManyTries`].
pub async fn self_check(op: &Op, secret: &Secret, wish: CheckWish, proof: &str) -> Result<SelfCheck> {
    let text = secret.reveal().trim();
    let mut check = Check::default();
    if text.is_empty() {
        check.refuse("secret", Problem::Empty);
    }
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    let guard = op.portal.guard();
    let proven = guard.proof().read(Purpose::LeakCheck, op.now, proof)?;
    guard.leak_check(op.now, &op.browser.source, &proven)?;

    let only = |checked| Ok(SelfCheck { checked, action: None });
    let prefix = &op.portal.settings().key_prefix;
    if text.len() > SELF_CHECK_MAX {
        return only(Checked::OtherForm);
    }
    if access_tokens::is_token(text, prefix) {
        let Some(token) = tokens::find(op, text).await? else { return only(Checked::Unknown) };
        if wish == CheckWish::Look {
            return only(Checked::Token { works: tokens::works(op, &token) });
        }
        let ended = tokens::revoke(op, &token, &Reported { source: SELF_CHECK, place: None }).await?;
        let action = if ended { LeakAction::Revoked } else { LeakAction::Nothing };
        return Ok(SelfCheck { checked: Checked::Token { works: false }, action: Some(action) });
    }
    // Also what has another form: a key that was imported has that of where it came from.
    let presented = [Presented::new(&op.portal, text)];
    let find = async || Ok::<_, Error>(desk::by_secrets(op.db().read(), &presented).await?.pop().flatten());
    let known = |(key, which): (Model, Which)| Checked::Known {
        environment: key.environment(),
        works: key.works(which, op.now_ms()),
    };
    let unknown = if format::parse(text, prefix).is_some() {
        Checked::Unknown
    } else if has_the_form(text, prefix) {
        Checked::WrongChecksum
    } else {
        Checked::OtherForm
    };
    match (find().await?, wish) {
        (None, _) => only(unknown),
        (Some(found), CheckWish::Look) => only(known(found)),
        (Some((key, _)), CheckWish::Report) => {
            let action = note(op, &key, &presented[0], "", &Reported { source: SELF_CHECK, place: None }).await?;
            // As it is now: a policy may have ended it.
            let checked = find().await?.map_or(unknown, known);
            Ok(SelfCheck { checked, action })
        }
    }
}

/// Whether a text looks like a secret of ours, whatever its last characters say.
fn has_the_form(text: &str, prefix: &str) -> bool {
    let body = format::RANDOM_LENGTH + format::CHECKSUM_LENGTH;
    let rest = |word: &str| text.strip_prefix(&format!("{prefix}_{word}_"));
    let fits = |rest: &str| rest.len() == body && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let words = Environment::ALL.into_iter().map(Environment::word).chain([access_tokens::WORD]);
    words.filter_map(rest).any(fits)
}

/// Host and path of a URL: neither who signed in there nor what they asked for, and never the secret itself.
fn place_of(url: &str, secret: &str) -> Option<String> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let rest = rest.split(['?', '#']).next()?;
    let (host, path) = rest.split_once('/').map_or((rest, ""), |(host, path)| (host, path));
    let host = host.rsplit('@').next().filter(|host| !host.is_empty())?;
    let whole = format!("{host}/{path}");
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"'`\\".contains(&byte));
    let body = &secret[secret.len().saturating_sub(format::RANDOM_LENGTH + format::CHECKSUM_LENGTH)..];
    let place = if is_plain(&whole) && !whole.contains(body) { whole } else { host.to_owned() };
    (is_plain(&place) && !place.contains(body)).then(|| place.trim_end_matches('/').chars().take(PLACE_MAX).collect())
}

/// What is asked for by the APIs that keys of an organization can call: those that it has a plan of, by subscription or
/// by default, and those that have no plans and are open to everybody. A key is not bound to one of them, so the strictest
/// holds.
async fn terms_of(tx: &Tx, organization: OrganizationId) -> Result<LeakTerms> {
    let active: HashSet<_> = subscriptions::table::Entity::find()
        .filter(subscriptions::table::COLUMN.organization_id.eq(organization.uuid()))
        .filter(subscriptions::table::COLUMN.state.eq(SubscriptionState::Active.word()))
        .all(tx)
        .await?
        .into_iter()
        .map(|row| row.api_id)
        .collect();
    let with_plans: HashSet<_> =
        plans::table::Entity::find().all(tx).await?.into_iter().map(|plan| plan.api_id).collect();
    let apis = apis::table::Entity::find().filter(apis::table::COLUMN.closed_at.is_null()).all(tx).await?;
    let can_call = |api: &&apis::table::Model| {
        active.contains(&api.id) || api.default_plan_id.is_some() || !with_plans.contains(&api.id)
    };
    Ok(apis.iter().filter(can_call).map(apis::table::Model::leaks).fold(LeakTerms::default(), LeakTerms::stricter))
}

/// One report for each secret and place; without a place, for each secret and who reports.
fn fingerprint(key: KeyId, version: i64, url: &str, source: &str) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(key.uuid().as_bytes());
    hash.update(version.to_be_bytes());
    let (kind, text) = if url.is_empty() { (0, source) } else { (1, url) };
    hash.update([kind]);
    hash.update(text.as_bytes());
    hash.finalize().to_vec()
}

/// What was done about a report.
struct Outcome {
    key: Model,
    action: LeakAction,
    ends_at: Option<Millis>,
    sent: Option<Sent>,
    /// Whether this is news to the owners.
    news: bool,
}

/// Writes a report down and does what the policy says, once. Says what was done, or had been; nothing if the secret was
/// replaced meanwhile.
async fn note(
    op: &Op,
    seen: &Model,
    secret: &Presented,
    url: &str,
    reported: &Reported<'_>,
) -> Result<Option<LeakAction>> {
    let organization = OrganizationId::new(seen.organization_id);
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let Some(key) = keys::find_to_change(&tx, organization, seen.key()).await? else { return Ok(None) };
    let Some(which) = secret.of(&key) else { return Ok(None) };
    let version = match which {
        Which::Newest => key.secret_version,
        Which::Old => key.secret_version - 1,
    };
    let fingerprint = fingerprint(key.key(), version, url, reported.source);
    // Whoever reports the same at this moment waits for the key.
    let known = table::Entity::find().filter(table::COLUMN.fingerprint.eq(fingerprint.clone())).one(&tx).await?;
    if let Some(known) = known {
        return Ok(LeakAction::from_word(&known.action));
    }
    let terms = terms_of(&tx, organization).await?;
    let lately = table::Entity::find()
        .filter(table::COLUMN.organization_id.eq(organization.uuid()))
        .filter(table::COLUMN.key_id.eq(key.id))
        .filter(table::COLUMN.secret_version.eq(version))
        .filter(table::COLUMN.reported_at.gt(op.now_ms() - DAY_MS))
        .one(&tx)
        .await?
        .is_some();
    let Outcome { key, action, ends_at, sent, news } = act(&tx, op, key, which, terms, lately).await?;
    let id = op.new_uuid();
    table::ActiveModel {
        id: Set(id),
        organization_id: Set(organization.uuid()),
        key_id: Set(key.id),
        secret_version: Set(version),
        fingerprint: Set(fingerprint),
        source: Set(reported.source.to_owned()),
        place: Set(reported.place.map(str::to_owned)),
        action: Set(action.word().to_owned()),
        ends_at: Set(ends_at),
        reported_at: Set(op.now_ms()),
    }
    .insert(&tx)
    .await?;
    if news {
        letters::leaked(&tx, op, &key, reported, &Done { action, ends_at, sent: sent.as_ref() }).await?;
    }
    // Where it was seen goes after its term; the event stays.
    let event = event(Action::KeyLeakReported, &key)
        .detail("report", LeakReportId::new(id))
        .detail("source", reported.source)
        .detail("done", action.word());
    audit_log::record(&tx, op, event).await?;
    desk::commit(op, tx, turn, &key).await?;
    Ok(Some(action))
}

async fn act(tx: &Tx, op: &Op, key: Model, which: Which, terms: LeakTerms, lately: bool) -> Result<Outcome> {
    let now = op.now_ms();
    let done = |key, action, ends_at, news| Outcome { key, action, ends_at, sent: None, news };
    if !key.can_work(which, now) {
        return Ok(done(key, LeakAction::Nothing, None, false));
    }
    let overlap_ms = terms.overlap_days * DAY_MS;
    match (terms.policy, which) {
        (LeakPolicy::Tell, _) => Ok(done(key, LeakAction::Told, None, !lately)),
        (LeakPolicy::Rotate | LeakPolicy::Revoke, Which::Old) => {
            let at = if terms.policy == LeakPolicy::Revoke { now } else { now + overlap_ms };
            let before = key.previous_retires_at;
            let key = desk::end_old(tx, key, at).await?;
            let (ends_at, news) = (key.previous_retires_at, key.previous_retires_at != before || !lately);
            Ok(done(key, LeakAction::Retired, ends_at, news))
        }
        (LeakPolicy::Rotate, Which::Newest) => {
            let ends_at = now + overlap_ms;
            // Its owner has the link and the date already.
            if let Some(end) = key.secret_ends_at.filter(|end| *end <= ends_at) {
                return Ok(done(key, LeakAction::Rotating, Some(end), false));
            }
            let (key, sent) = desk::impose(tx, op, key, Imposed { overlap_ms, ends_at: Some(ends_at) }).await?;
            let ends_at = key.secret_ends_at;
            Ok(Outcome { sent, ..done(key, LeakAction::Rotating, ends_at, true) })
        }
        (LeakPolicy::Revoke, Which::Newest) => {
            let key = desk::end(tx, op, key).await?;
            Ok(done(key, LeakAction::Revoked, Some(now), true))
        }
    }
}

/// Reports about one key, the newest first, as long as they are kept.
pub(crate) async fn of_key<C: ConnectionTrait>(
    db: &C,
    op: &Op,
    organization: OrganizationId,
    key: KeyId,
) -> Result<Vec<LeakReport>> {
    let rows = table::Entity::find()
        .filter(table::COLUMN.organization_id.eq(organization.uuid()))
        .filter(table::COLUMN.key_id.eq(key.uuid()))
        .filter(table::COLUMN.reported_at.gt((op.now - LEAK_REPORTS_LIFE).timestamp_millis()))
        .order_by_desc(table::COLUMN.id)
        .limit(PAGE)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(table::Model::into_report).collect())
}

/// The same for whoever may see the key, 50 at most.
///
/// # Errors
/// Those of [`Op::require`].
pub async fn about(op: &Op, key: KeyId) -> Result<Vec<LeakReport>> {
    let organization = op.require(Permission::ReadKeys)?;
    of_key(op.db().read(), op, organization, key).await
}

/// A page of all reports, the newest first, for staff; `before` is the last one on the page before. That they looked is
/// written down.
///
/// # Errors
/// Those of [`Op::require_staff`].
pub async fn list(op: &Op, before: Option<LeakReportId>) -> Result<Page<DeskLeak>> {
    op.require_staff(StaffPermission::ReadKeys)?;
    audit_log::record_look(op, Action::LeaksViewed).await?;
    let db = op.db().read();
    let mut query = table::Entity::find()
        .filter(table::COLUMN.reported_at.gt((op.now - LEAK_REPORTS_LIFE).timestamp_millis()))
        .order_by_desc(table::COLUMN.id)
        .limit(PAGE + 1);
    if let Some(before) = before {
        query = query.filter(table::COLUMN.id.lt(before.uuid()));
    }
    let mut rows = query.all(db).await?;
    let more = rows.len() as u64 > PAGE;
    rows.truncate(PAGE as usize);
    let next = more.then(|| rows.last().map(|row| LeakReportId::new(row.id).to_string())).flatten();
    let hints = keys::Entity::find().filter(keys::COLUMN.id.is_in(rows.iter().map(|row| row.key_id))).all(db).await?;
    let owners = organizations::table::Entity::find()
        .filter(organizations::table::COLUMN.id.is_in(rows.iter().map(|row| row.organization_id)))
        .all(db)
        .await?;
    let items = rows
        .into_iter()
        .map(|row| DeskLeak {
            hint: hints.iter().find(|key| key.id == row.key_id).map(|key| key.hint.clone()).unwrap_or_default(),
            organization: OrganizationId::new(row.organization_id),
            organization_name: owners
                .iter()
                .find(|owner| owner.id == row.organization_id)
                .map(|owner| owner.name.clone())
                .unwrap_or_default(),
            report: row.into_report(),
        })
        .collect();
    Ok(Page { items, next })
}

/// What scanners look for, and where they report it: the document that is public.
#[must_use]
pub fn pattern_document(op: &Op) -> PatternDocument {
    let portal = op.portal.settings();
    let page = |path: &str| format!("{}{path}", portal.public_url);
    PatternDocument {
        name: portal.name.clone(),
        patterns: patterns(&portal.key_prefix),
        report_url: page("/api/v1/leaks"),
        self_check_url: page("/leak-check"),
        documentation_url: page("/docs/leaks"),
    }
}

/// Changes what an API asks for when the secret of a key that may call it leaks. It holds for the next report.
///
/// # Errors
/// [`Refusal::InvalidInput`], [`Refusal::NotFound`], and those of [`Op::require_staff`] and [`Op::require_confirmed`].
pub async fn change_terms(op: &Op, api: &str, policy: &str, overlap_days: &str) -> Result<()> {
    op.require_staff(StaffPermission::ManageApis)?;
    let mut check = Check::default();
    let policy = LeakPolicy::from_word(policy);
    if policy.is_none() {
        check.refuse("leak_policy", Problem::NotAChoice);
    }
    let days = needed_number(&mut check, "leak_overlap_days", overlap_days, (0, LEAK_OVERLAP_DAYS_MAX));
    check.finish().map_err(|fields| Refusal::InvalidInput { fields })?;
    let terms = LeakTerms { policy: policy.unwrap_or_default(), overlap_days: days };
    op.require_confirmed().await?;
    let tx = op.begin().await?;
    let row = apis::table::by_slug_to_change(&tx, api).await?.ok_or(Refusal::NotFound)?;
    if row.leaks() == terms {
        return Ok(());
    }
    let before = row.leaks().policy;
    let id = row.api();
    let mut row = row.into_active_model();
    row.leak_policy = Set(terms.policy.word().to_owned());
    row.leak_overlap_days = Set(terms.overlap_days);
    row.updated_at = Set(op.now_ms());
    row.update(&tx).await?;
    let event = Event::new(Action::ApiChanged)
        .object(id)
        .detail("changed", "leaks")
        .detail("before", before.word())
        .detail("after", terms.policy.word())
        .detail("overlap_days", terms.overlap_days);
    audit_log::record(&tx, op, event).await?;
    op.commit(tx).await
}
