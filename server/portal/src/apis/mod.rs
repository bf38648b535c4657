//! APIs: what the operator opens to developers. What the docs say and which routes the log knows comes from the API's
//! own OpenAPI document.

use contract::apis::{ApiDocs, ApiSummary};
use contract::{ApiId, Refusal};
use sea_orm::sea_query::OnConflict;
use sea_orm::{EntityTrait as _, QueryOrder as _, Set};
use serde_json::Value;

use crate::{Actor, Db, Op, Result};

mod openapi;
pub(crate) mod table;
#[cfg(test)]
mod tests;

/// First path segments that the gateway keeps for itself, and the one below `/docs` that is a page.
pub const RESERVED_SLUGS: [&str; 5] = ["verify", "mau", ".well-known", "healthz", "errors"];

/// An API to register.
#[derive(Clone, Debug)]
pub struct NewApi {
    /// First path segment at the gateway: 1 to 40 of `[a-z0-9-]`, not reserved.
    pub slug: String,
    /// Where the gateway forwards to; no slash at the end.
    pub upstream_url: String,
    /// Its OpenAPI 3.1 document; name, summary and routes come from it.
    pub openapi: Value,
}

/// An API, as the gateway needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiRecord {
    /// Its id.
    pub id: ApiId,
    /// First path segment.
    pub slug: String,
    /// Where to forward to.
    pub upstream_url: String,
    /// Method and path template of every operation.
    pub routes: Vec<(String, String)>,
}

/// Registers an API, or brings a known one up to date. Only the program itself may.
///
/// # Errors
/// [`Refusal::NotAllowed`] for anyone else; a failure that says what is wrong with the slug or the document.
pub async fn register(op: &Op, new: NewApi) -> Result<()> {
    if op.actor != Actor::System {
        return Err(Refusal::NotAllowed.into());
    }
    let fits = (1..=40).contains(&new.slug.len())
        && new.slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !fits || RESERVED_SLUGS.contains(&new.slug.as_str()) {
        return Err(anyhow::anyhow!(
            "`{}` cannot be an API's slug: use 1 to 40 of a-z, 0-9 and -, and none of {RESERVED_SLUGS:?}",
            new.slug
        )
        .into());
    }
    let (name, summary) = openapi::name_and_summary(&new.openapi)?;
    let tx = op.begin().await?;
    let row = table::ActiveModel {
        id: Set(op.new_uuid()),
        slug: Set(new.slug),
        name: Set(name),
        summary: Set(summary),
        upstream_url: Set(new.upstream_url),
        openapi: Set(new.openapi.to_string()),
        created_at: Set(op.now_ms()),
        updated_at: Set(op.now_ms()),
    };
    let changed = [
        table::Column::Name,
        table::Column::Summary,
        table::Column::UpstreamUrl,
        table::Column::Openapi,
        table::Column::UpdatedAt,
    ];
    table::Entity::insert(row)
        .on_conflict(OnConflict::column(table::Column::Slug).update_columns(changed).to_owned())
        .exec_without_returning(&tx)
        .await?;
    op.commit(tx).await
}

/// All APIs, by name. Public.
///
/// # Errors
/// Only when the database fails.
pub async fn list(op: &Op) -> Result<Vec<ApiSummary>> {
    let rows = all(op.db()).await?;
    Ok(rows.iter().map(|row| openapi::summary(row, &document(row))).collect())
}

/// An API with its operations. Public.
///
/// # Errors
/// [`Refusal::NotFound`].
pub async fn docs(op: &Op, slug: &str) -> Result<ApiDocs> {
    let row = table::by_slug(op.db().read(), slug).await?.ok_or(Refusal::NotFound)?;
    Ok(openapi::docs(&row, &document(&row), &op.portal.settings().gateway_url))
}

/// What the gateway needs of every API.
///
/// # Errors
/// Only when the database fails.
pub async fn load_all(db: &Db) -> Result<Vec<ApiRecord>> {
    let rows = all(db).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let routes = openapi::routes(&document(&row));
            ApiRecord { id: ApiId::new(row.id), slug: row.slug, upstream_url: row.upstream_url, routes }
        })
        .collect())
}

/// A call to try: the first operation that needs no body, with example parameters, at the gateway.
///
/// # Errors
/// Only when the database fails.
pub async fn example_url(op: &Op) -> Result<String> {
    let gateway = &op.portal.settings().gateway_url;
    let rows = all(op.db()).await?;
    let example = rows.first().and_then(|row| {
        let docs = openapi::docs(row, &document(row), gateway);
        let operation = docs
            .operations
            .iter()
            .find(|operation| operation.method == "GET" && operation.path.contains('{'))
            .or(docs.operations.first())?;
        Some(format!("{}{}", docs.base_url, operation.example_path))
    });
    Ok(example.unwrap_or_else(|| gateway.clone()))
}

async fn all(db: &Db) -> Result<Vec<table::Model>> {
    Ok(table::Entity::find().order_by_asc(table::COLUMN.name).all(db.read()).await?)
}

fn document(row: &table::Model) -> Value {
    serde_json::from_str(&row.openapi).unwrap_or_default()
}
