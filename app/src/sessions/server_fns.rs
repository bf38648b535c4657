//! What the pages of this feature ask the server.

#![expect(missing_docs, reason = "each argument becomes a field of a struct; the function says what it means")]

use leptos::prelude::*;

use crate::error::AppError;

/// Signs in, and tells where to go.
///
/// # Errors
/// [`contract::Refusal::SignInFailed`], [`contract::Refusal::EmailNotVerified`].
#[server(prefix = "/rpc", endpoint = "sessions/sign_in")]
pub async fn sign_in(
    #[server(default)] email: String,
    #[server(default)] password: String,
    #[server(default)] next: String,
) -> Result<String, AppError> {
    let op = crate::backend::op().await?;
    let password = portal::accounts::Password::new(password);
    let keep = || crate::backend::keep("sign_in", &[("email", &email)]);
    let token = portal::sessions::sign_in(&op, &email, &password).await.inspect_err(|_| keep())?;
    crate::backend::set_session(&token);
    let next = crate::backend::safe_path(&next);
    if crate::backend::without_script() {
        crate::backend::redirect(&next);
    }
    Ok(next)
}

/// Signs out.
///
/// # Errors
/// Only when the server fails.
#[server(prefix = "/rpc", endpoint = "sessions/sign_out")]
pub async fn sign_out() -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::sessions::sign_out(&op).await?;
    crate::backend::clear_session();
    crate::backend::redirect(crate::paths::SIGN_IN);
    Ok(())
}
