//! What the pages of this feature ask the server.

#![expect(missing_docs, reason = "each argument becomes a field of a struct; the function says what it means")]

use contract::sessions::Session;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

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
    let opened = portal::sessions::sign_in(&op, &email, &password).await.inspect_err(|_| keep())?;
    crate::backend::set_opened(&opened);
    let next = crate::backend::safe_path(&next);
    if crate::backend::without_script() {
        crate::backend::redirect(&next);
    }
    Ok(next)
}

/// Signs in with a recovery code, and leads to the security page, where a new passkey is added.
///
/// # Errors
/// [`contract::Refusal::RecoveryCodeWrong`], [`contract::Refusal::TooManyTries`],
/// [`contract::Refusal::AccountSuspended`].
#[server(prefix = "/rpc", endpoint = "sessions/sign_in_with_code")]
pub async fn sign_in_with_code(
    #[server(default)] email: String,
    #[server(default)] code: String,
    #[server(default)] next: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let keep = || crate::backend::keep("sign_in_with_code", &[("email", &email)]);
    let opened = portal::recovery::sign_in_with_code(&op, &email, &code).await.inspect_err(|_| keep())?;
    crate::backend::set_opened(&opened);
    crate::backend::redirect(&crate::backend::security_or(&next));
    Ok(())
}

/// Confirms with the password that it is still the same person, and leads back.
///
/// # Errors
/// [`contract::Refusal::SignInFailed`], [`contract::Refusal::StepUpRequired`] for accounts with a passkey,
/// [`contract::Refusal::TooManyTries`].
#[server(prefix = "/rpc", endpoint = "sessions/confirm")]
pub async fn confirm(#[server(default)] password: String, #[server(default)] next: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let password = portal::accounts::Password::new(password);
    let session = portal::sessions::confirm_with_password(&op, &password).await?;
    crate::backend::set_session(&session);
    crate::backend::redirect(&crate::backend::security_or(&next));
    Ok(())
}

/// The same with a recovery code.
///
/// # Errors
/// [`contract::Refusal::RecoveryCodeWrong`], [`contract::Refusal::TooManyTries`].
#[server(prefix = "/rpc", endpoint = "sessions/confirm_with_code")]
pub async fn confirm_with_code(
    #[server(default)] code: String,
    #[server(default)] next: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let session = portal::recovery::confirm_with_code(&op, &code).await?;
    crate::backend::set_session(&session);
    crate::backend::redirect(&crate::backend::security_or(&next));
    Ok(())
}

/// The signed-in browsers of the person.
///
/// # Errors
/// [`contract::Refusal::NotSignedIn`].
#[server(prefix = "/rpc", endpoint = "sessions/list", input = GetUrl)]
pub async fn list_sessions() -> Result<Vec<Session>, AppError> {
    let op = crate::backend::op().await?;
    Ok(portal::sessions::list(&op).await?)
}

/// Ends one of them.
///
/// # Errors
/// [`contract::Refusal::NotFound`].
#[server(prefix = "/rpc", endpoint = "sessions/end_one")]
pub async fn end_one(#[server(default)] id: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::sessions::end_one(&op, crate::backend::id(&id)?).await?;
    crate::backend::lead_back("session_ended");
    Ok(())
}

/// Ends all of them but the one that asks.
///
/// # Errors
/// [`contract::Refusal::NotSignedIn`].
#[server(prefix = "/rpc", endpoint = "sessions/end_others")]
pub async fn end_others() -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::sessions::end_others(&op).await?;
    crate::backend::lead_back("sessions_ended");
    Ok(())
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
