//! What the pages of this feature ask the server.

#![expect(missing_docs, reason = "each argument becomes a field of a struct; the function says what it means")]

use leptos::prelude::*;

use crate::error::AppError;

/// Creates an account and sends the verification mail.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`].
#[server(prefix = "/rpc", endpoint = "accounts/sign_up")]
pub async fn sign_up(
    #[server(default)] name: String,
    #[server(default)] email: String,
    #[server(default)] password: String,
    #[server(default)] terms: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let password = portal::accounts::Password::new(password);
    let new = portal::accounts::NewAccount { name: name.clone(), email: email.clone(), password, terms };
    portal::accounts::sign_up(&op, new)
        .await
        .inspect_err(|_| crate::backend::keep("sign_up", &[("name", &name), ("email", &email)]))?;
    crate::backend::redirect(crate::paths::CHECK_YOUR_MAIL);
    Ok(())
}

/// Confirms the address behind a verification link.
///
/// # Errors
/// [`contract::Refusal::LinkUnknown`], [`contract::Refusal::LinkExpired`], [`contract::Refusal::LinkUsed`].
#[server(prefix = "/rpc", endpoint = "accounts/verify_email")]
pub async fn verify_email(#[server(default)] token: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::accounts::verify_email(&op, &token).await?;
    crate::backend::redirect(&format!("{}?verified=yes", crate::paths::SIGN_IN));
    Ok(())
}

/// Sends another verification mail, if the address waits for one.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`].
#[server(prefix = "/rpc", endpoint = "accounts/resend_verification")]
pub async fn resend_verification(#[server(default)] email: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let keep = || crate::backend::keep("resend_verification", &[("email", &email)]);
    portal::accounts::resend_verification(&op, &email).await.inspect_err(|_| keep())?;
    crate::backend::redirect(crate::paths::CHECK_YOUR_MAIL);
    Ok(())
}
