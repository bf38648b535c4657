//! What the pages of this feature ask the server.

#![expect(missing_docs, reason = "each argument becomes a field of a struct; the function says what it means")]

use contract::imports::{Import, ImportProgress, TypedImport};
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use serde::{Deserialize, Serialize};

use crate::error::AppError;

/// A form for an import that was just sent and refused: too long for the cookie that keeps other fields.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RefusedImport {
    /// The form.
    pub typed: TypedImport,
    /// Why.
    pub error: AppError,
}

/// Every import, the newest first.
///
/// # Errors
/// [`contract::Refusal::PasskeyRequired`], [`contract::Refusal::NotFound`].
#[server(prefix = "/rpc", endpoint = "imports/list", input = GetUrl)]
pub async fn list_imports() -> Result<Vec<Import>, AppError> {
    let op = crate::backend::op().await?;
    Ok(portal::imports::list(&op).await?)
}

/// How far an import is.
///
/// # Errors
/// [`contract::Refusal::PasskeyRequired`], [`contract::Refusal::NotFound`].
#[server(prefix = "/rpc", endpoint = "imports/see", input = GetUrl)]
pub async fn see_import(#[server(default)] id: String) -> Result<ImportProgress, AppError> {
    let op = crate::backend::op().await?;
    op.require_staff(contract::StaffPermission::ReadKeys)?;
    Ok(portal::imports::see(&op, crate::backend::id(&id)?).await?)
}

/// The form that was sent with this very request and refused, if any.
///
/// # Errors
/// [`contract::Refusal::PasskeyRequired`], [`contract::Refusal::NotFound`].
#[server(prefix = "/rpc", endpoint = "imports/read_refused", input = GetUrl)]
pub async fn read_refused_import() -> Result<Option<RefusedImport>, AppError> {
    crate::backend::op().await?.require_staff(contract::StaffPermission::ReadKeys)?;
    Ok(crate::backend::refused_import()?.map(|(typed, error)| RefusedImport { typed, error }))
}
