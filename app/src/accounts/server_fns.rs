//! What the pages of this feature ask the server.

#![expect(missing_docs, reason = "each argument becomes a field of a struct; the function says what it means")]

use contract::accounts::{EmailChangeOffer, ResetOffer, Security, VerificationOffer};
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

use crate::error::AppError;

/// Creates an account and sends the verification mail. Without a password, its passkey is created with the link in it;
/// `proof` is the proof of work, which the form's script fills in.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`], [`contract::Refusal::ProofRequired`], [`contract::Refusal::TooManyTries`].
#[server(prefix = "/rpc", endpoint = "accounts/sign_up")]
pub async fn sign_up(
    #[server(default)] name: String,
    #[server(default)] email: String,
    #[server(default)] password: String,
    #[server(default)] terms: String,
    #[server(default)] proof: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let password = portal::accounts::Password::new(password);
    let new = portal::accounts::NewAccount { name: name.clone(), email: email.clone(), password, terms };
    portal::accounts::sign_up(&op, new, &proof)
        .await
        .inspect_err(|_| crate::backend::keep("sign_up", &[("name", &name), ("email", &email)]))?;
    crate::backend::redirect(crate::paths::CHECK_YOUR_MAIL);
    Ok(())
}

/// What a verification link leads to.
///
/// # Errors
/// [`contract::Refusal::LinkUnknown`], [`contract::Refusal::LinkExpired`], [`contract::Refusal::LinkUsed`].
#[server(prefix = "/rpc", endpoint = "accounts/read_verification", input = GetUrl)]
pub async fn read_verification(#[server(default)] token: String) -> Result<VerificationOffer, AppError> {
    let op = crate::backend::op().await?;
    Ok(portal::accounts::verification_offer(&op, &token).await?)
}

/// Confirms the address behind a verification link.
///
/// # Errors
/// Those of [`read_verification`]; [`contract::Refusal::StateConflict`] if a passkey has to be created with it.
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
    crate::backend::redirect(&format!("{}?sent=yes", crate::paths::CHECK_YOUR_MAIL));
    Ok(())
}

/// What the security page shows.
///
/// # Errors
/// [`contract::Refusal::NotSignedIn`].
#[server(prefix = "/rpc", endpoint = "accounts/read_security", input = GetUrl)]
pub async fn read_security() -> Result<Security, AppError> {
    let op = crate::backend::op().await?;
    Ok(portal::accounts::security(&op).await?)
}

/// Calls the person something else.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`], [`contract::Refusal::AccountRestricted`].
#[server(prefix = "/rpc", endpoint = "accounts/change_name")]
pub async fn change_name(#[server(default)] name: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let keep = || crate::backend::keep("change_name", &[("name", &name)]);
    portal::accounts::change_name(&op, &name).await.inspect_err(|_| keep())?;
    crate::backend::lead_back("name");
    Ok(())
}

/// Sets or changes the password.
///
/// # Errors
/// [`contract::Refusal::StepUpRequired`], [`contract::Refusal::InvalidInput`].
#[server(prefix = "/rpc", endpoint = "accounts/set_password")]
pub async fn set_password(#[server(default)] password: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    // The password itself is never kept: its dialog opens again, empty.
    let keep = || crate::backend::keep("set_password", &[("open", "yes")]);
    let password = portal::accounts::Password::new(password);
    portal::accounts::set_password(&op, &password).await.inspect_err(|_| keep())?;
    crate::backend::lead_back("password");
    Ok(())
}

/// Removes the password.
///
/// # Errors
/// [`contract::Refusal::StepUpRequired`], [`contract::Refusal::LastWayIn`].
#[server(prefix = "/rpc", endpoint = "accounts/remove_password")]
pub async fn remove_password() -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let keep = || crate::backend::keep("remove_password", &[("open", "yes")]);
    portal::accounts::remove_password(&op).await.inspect_err(|_| keep())?;
    crate::backend::lead_back("password_removed");
    Ok(())
}

/// Mails a link that sets a new password, if there is an account with one.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`], [`contract::Refusal::TooManyTries`].
#[server(prefix = "/rpc", endpoint = "accounts/ask_reset")]
pub async fn ask_reset(#[server(default)] email: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let keep = || crate::backend::keep("ask_reset", &[("email", &email)]);
    portal::accounts::ask_reset(&op, &email).await.inspect_err(|_| keep())?;
    crate::backend::redirect(&format!("{}?sent=reset", crate::paths::LOST_ACCESS));
    Ok(())
}

/// What that link leads to.
///
/// # Errors
/// [`contract::Refusal::LinkUnknown`], [`contract::Refusal::LinkExpired`], [`contract::Refusal::LinkUsed`].
#[server(prefix = "/rpc", endpoint = "accounts/read_reset", input = GetUrl)]
pub async fn read_reset(#[server(default)] token: String) -> Result<ResetOffer, AppError> {
    let op = crate::backend::op().await?;
    Ok(portal::accounts::reset_offer(&op, &token).await?)
}

/// Sets the new password. Opens no session.
///
/// # Errors
/// Those of [`read_reset`], [`contract::Refusal::InvalidInput`].
#[server(prefix = "/rpc", endpoint = "accounts/reset_password")]
pub async fn reset_password(
    #[server(default)] token: String,
    #[server(default)] password: String,
) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::accounts::reset_password(&op, &token, &portal::accounts::Password::new(password)).await?;
    crate::backend::redirect(&format!("{}?done=reset", crate::paths::SIGN_IN));
    Ok(())
}

/// Asks both addresses whether the account gets a new one.
///
/// # Errors
/// [`contract::Refusal::StepUpRequired`], [`contract::Refusal::InvalidInput`], [`contract::Refusal::TooManyTries`].
#[server(prefix = "/rpc", endpoint = "accounts/ask_email_change")]
pub async fn ask_email_change(#[server(default)] email: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let keep = || crate::backend::keep("ask_email_change", &[("email", &email)]);
    portal::accounts::ask_email_change(&op, &email).await.inspect_err(|_| keep())?;
    crate::backend::lead_back("email_asked");
    Ok(())
}

/// Takes that back.
///
/// # Errors
/// [`contract::Refusal::NotSignedIn`].
#[server(prefix = "/rpc", endpoint = "accounts/cancel_email_change")]
pub async fn cancel_email_change() -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    portal::accounts::cancel_email_change(&op).await?;
    crate::backend::lead_back("email_cancelled");
    Ok(())
}

/// What the link in either mail leads to.
///
/// # Errors
/// [`contract::Refusal::LinkUnknown`], [`contract::Refusal::LinkExpired`], [`contract::Refusal::LinkUsed`].
#[server(prefix = "/rpc", endpoint = "accounts/read_email_change", input = GetUrl)]
pub async fn read_email_change(#[server(default)] token: String) -> Result<EmailChangeOffer, AppError> {
    let op = crate::backend::op().await?;
    Ok(portal::accounts::email_change_offer(&op, &token).await?)
}

/// Lets the address that the link was sent to agree.
///
/// # Errors
/// Those of [`read_email_change`], [`contract::Refusal::StateConflict`].
#[server(prefix = "/rpc", endpoint = "accounts/confirm_email")]
pub async fn confirm_email(#[server(default)] token: String) -> Result<(), AppError> {
    let op = crate::backend::op().await?;
    let done = match portal::accounts::confirm_email(&op, &token).await? {
        portal::accounts::Agreed::Waiting => "waiting",
        portal::accounts::Agreed::Changed => "changed",
    };
    crate::backend::redirect(&format!("{}?done={done}", crate::paths::CONFIRM_EMAIL));
    Ok(())
}
