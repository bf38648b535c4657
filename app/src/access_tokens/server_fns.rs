//! What the page of this feature asks the server. The form that makes a token is answered with the page itself.

#![expect(missing_docs, reason = "each argument becomes a field of a struct; the function says what it means")]

use contract::access_tokens::{CreatedToken, TokensPage, TypedToken};
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use serde::{Deserialize, Serialize};

use crate::error::AppError;

/// The person's tokens, and the form that was just sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokensView {
    /// What there is.
    pub page: TokensPage,
    /// What was typed into a form that was just sent.
    pub typed: Option<TypedToken>,
    /// The token that it made: the only answer that holds it.
    pub made: Option<CreatedToken>,
    /// Why it made none.
    pub refused: Option<AppError>,
}

/// The person's access tokens.
///
/// # Errors
/// [`contract::Refusal::NotSignedIn`].
#[server(prefix = "/rpc", endpoint = "access_tokens/read", input = GetUrl)]
pub async fn read_tokens() -> Result<TokensView, AppError> {
    let op = crate::backend::op().await?;
    let page = portal::access_tokens::page(&op).await?;
    let (typed, made, refused) = match crate::backend::sent_token()? {
        Some((_, Ok(made))) => (None, Some(made), None),
        Some((typed, Err(refused))) => (Some(typed), None, Some(refused)),
        None => (None, None, None),
    };
    Ok(TokensView { page, typed, made, refused })
}

/// Revokes a token.
///
/// # Errors
/// [`contract::Refusal::NotFound`], [`contract::Refusal::NotSignedIn`].
#[server(prefix = "/rpc", endpoint = "access_tokens/revoke")]
pub async fn revoke_token(#[server(default)] id: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    // Before the id is looked at: a stranger is told to sign in, whatever they ask for.
    op.signed_in().map_err(AppError::from)?;
    portal::access_tokens::revoke(&op, crate::backend::id(&id)?).await?;
    crate::backend::redirect(&format!("{}?done=revoked", crate::paths::TOKENS));
    Ok(())
}
