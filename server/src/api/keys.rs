//! Keys of the organization. Their secrets are shown to people alone, behind the link in their mail.

use axum::http::Method;
use contract::access_tokens::Scope;
use contract::keys::terms::TypedTerms;
use contract::{Environment, KeyId, Millis, Problem};
use portal::keys::{self, NewRotation};
use serde::{Deserialize, Deserializer};
use serde_json::json;
use utoipa::ToSchema;

use super::call::{Answer, Call, No, wrong};
use super::operation::{Kind, Operation};
use super::views::{KeySummary, KeyView, Limit};

/// Keys on a page, unless the caller says otherwise.
const PAGE: usize = 50;

/// A key to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKey {
    /// What to call it, in at most 60 characters.
    label: String,
    /// `live` or `test`.
    environment: String,
    /// From when on it is refused, to the minute; absent for never.
    #[serde(default)]
    expires_at: Option<Millis>,
}

/// What to change of a key. What is absent stays as it is; `null` takes an end or a limit away.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyChanges {
    /// What to call it.
    #[serde(default)]
    label: Option<String>,
    /// What its organization says of it.
    #[serde(default)]
    note: Option<String>,
    /// What it may do; none for everything.
    #[serde(default)]
    scopes: Option<Vec<String>>,
    /// From when on it is refused, to the minute.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<i64>)]
    expires_at: Option<Option<Millis>>,
    /// From where it may be used; none for everywhere.
    #[serde(default)]
    networks: Option<Vec<String>>,
    /// Words to find it by.
    #[serde(default)]
    tags: Option<Vec<String>>,
    /// Its own limit.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Limit>)]
    limit: Option<Option<Limit>>,
    /// Whether it cannot be revoked while it is in use.
    #[serde(default)]
    protected: Option<bool>,
}

/// How a secret is replaced.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotationWish {
    /// For how many days both secrets work.
    #[schema(minimum = 0, maximum = 30)]
    overlap_days: i64,
    /// When that time begins: `now`, as soon as the new secret was shown, or `first_use`, when it is first used.
    starts: String,
}

/// Tells what is `null` from what is absent.
pub(super) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(input: D) -> Result<Option<T>, D::Error> {
    T::deserialize(input).map(Some)
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::GET, "/keys", "list_keys", "List keys", list)
            .needs(Scope::KeysRead)
            .query("environment", Kind::Word(&["live", "test"]), "Only those of this environment.")
            .query("limit", Kind::Number(1, 100), "How many on a page; 50 unless you say otherwise.")
            .query("cursor", Kind::Text, "Where the page starts: `next` of the one before.")
            .answers_page::<KeySummary>(),
        Operation::new(Method::POST, "/keys", "create_key", "Create a key", create)
            .says("The link to its secret goes by mail to the person for whom the token acts: no secret comes through here.")
            .needs(Scope::KeysWrite)
            .takes::<NewKey>(json!({ "label": "Nightly job", "environment": "live" }))
            .answers::<KeyView>(201)
            .refuses(&["invalid_input"]),
        Operation::new(Method::GET, "/keys/{id}", "read_key", "One key with its terms", read)
            .needs(Scope::KeysRead)
            .answers::<KeyView>(200),
        Operation::new(Method::PATCH, "/keys/{id}", "change_key", "Change label and terms of a key", change)
            .says("The gateway knows the new terms before the answer.")
            .needs(Scope::KeysWrite)
            .takes::<KeyChanges>(json!({ "label": "Nightly job, Lisbon", "tags": ["batch"] }))
            .answers::<KeyView>(200)
            .refuses(&["key_is_revoked"]),
        Operation::new(Method::POST, "/keys/{id}/rotate", "rotate_key", "Start to replace the secret of a key", rotate)
            .says("The link to the new secret goes by mail. The old secret works until that was used, and then for the overlap.")
            .needs(Scope::KeysWrite)
            .takes::<RotationWish>(json!({ "overlap_days": 7, "starts": "first_use" }))
            .answers::<KeyView>(200)
            .refuses(&["key_is_revoked", "rotation_under_way", "state_conflict"]),
        Operation::new(Method::POST, "/keys/{id}/retire", "retire_secret", "End the old secret of a rotation now", retire)
            .needs(Scope::KeysWrite)
            .answers::<KeyView>(200)
            .refuses(&["key_is_revoked", "state_conflict"]),
        Operation::new(Method::POST, "/keys/{id}/revoke", "revoke_key", "Revoke a key", revoke)
            .says("The gateway refuses it before the answer, and for ever. Twice is not an error.")
            .needs(Scope::KeysWrite)
            .answers::<KeyView>(200)
            .refuses(&["key_is_protected"]),
        Operation::new(Method::POST, "/keys/{id}/reveal-link", "send_reveal_link", "Mail a new reveal link", reveal_link)
            .says("To the person for whom the token acts. Earlier links to this key stop working.")
            .needs(Scope::KeysWrite)
            .answers_nothing()
            .refuses(&["key_is_revoked", "key_in_use", "key_not_recoverable"]),
    ]
}

async fn list(call: Call) -> Result<Answer, No> {
    let environment = call.query("environment").and_then(Environment::from_word);
    let limit = call.query("limit").and_then(|limit| limit.parse().ok()).unwrap_or(PAGE);
    let before: Option<KeyId> = call.cursor()?;
    let page = keys::page(&call.op, environment, before, limit).await?;
    let items: Vec<KeySummary> = page.items.into_iter().map(KeySummary::from).collect();
    Answer::page(&items, page.next.as_deref())
}

async fn shown(call: &Call, id: KeyId) -> Result<KeyView, No> {
    Ok(keys::read(&call.op, id).await?.into())
}

async fn create(call: Call) -> Result<Answer, No> {
    let new: NewKey = call.json()?;
    let new = keys::NewKey {
        label: new.label,
        environment: new.environment,
        form_token: call.form_token(),
        expires_at: new.expires_at.map(minute).transpose()?.unwrap_or_default(),
    };
    let key = keys::create(&call.op, new).await?;
    Answer::made(&shown(&call, key.id).await?, &format!("/keys/{}", key.id))
}

async fn read(call: Call) -> Result<Answer, No> {
    Answer::one(&KeyView::from(keys::read(&call.op, call.id()?).await?))
}

async fn change(call: Call) -> Result<Answer, No> {
    let (id, changes): (KeyId, KeyChanges) = (call.id()?, call.json()?);
    let was = keys::read(&call.op, id).await?;
    let limit = changes.limit.unwrap_or(was.terms.limit.map(Limit::from));
    let typed = TypedTerms {
        label: changes.label.unwrap_or(was.key.label),
        note: changes.note.unwrap_or(was.terms.note),
        scopes: words("scopes", changes.scopes.unwrap_or(was.terms.scopes), Problem::NotAScope)?,
        expires_at: changes.expires_at.unwrap_or(was.terms.expires_at).map(minute).transpose()?.unwrap_or_default(),
        networks: words("networks", changes.networks.unwrap_or(was.terms.networks), Problem::NotANetwork)?,
        tags: words("tags", changes.tags.unwrap_or(was.terms.tags), Problem::NotAChoice)?,
        limit_requests: limit.map(|limit| limit.requests.to_string()).unwrap_or_default(),
        limit_seconds: limit.map(|limit| limit.seconds.to_string()).unwrap_or_default(),
        protected: if changes.protected.unwrap_or(was.terms.protected) { "on".to_owned() } else { String::new() },
    };
    keys::change_terms(&call.op, id, &typed).await?;
    Answer::one(&shown(&call, id).await?)
}

async fn rotate(call: Call) -> Result<Answer, No> {
    let (id, wish): (KeyId, RotationWish) = (call.id()?, call.json()?);
    keys::rotate(&call.op, id, &NewRotation { overlap_days: wish.overlap_days.to_string(), starts: wish.starts })
        .await?;
    Answer::one(&shown(&call, id).await?)
}

async fn retire(call: Call) -> Result<Answer, No> {
    let id = call.id()?;
    keys::retire(&call.op, id).await?;
    Answer::one(&shown(&call, id).await?)
}

async fn revoke(call: Call) -> Result<Answer, No> {
    let id = call.id()?;
    keys::revoke(&call.op, id).await?;
    Answer::one(&shown(&call, id).await?)
}

async fn reveal_link(call: Call) -> Result<Answer, No> {
    keys::send_reveal_link(&call.op, call.id()?).await?;
    Ok(Answer::nothing())
}

/// A moment as forms carry it: to the minute, in UTC.
fn minute(at: Millis) -> Result<String, No> {
    let at = chrono::DateTime::from_timestamp_millis(at).ok_or_else(|| wrong("expires_at", Problem::NotInTheFuture))?;
    Ok(at.format("%Y-%m-%dT%H:%M").to_string())
}

/// Words as forms carry them: parted by spaces, so none can have one.
fn words(field: &str, words: Vec<String>, problem: Problem) -> Result<String, No> {
    if words.iter().any(|word| word.is_empty() || word.contains(|c: char| c.is_whitespace() || c == ',')) {
        return Err(wrong(field, problem));
    }
    Ok(words.join(" "))
}
