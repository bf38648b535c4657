//! Where a reset link leads: a new password.

use contract::accounts::PASSWORD_MIN;
use contract::accounts::ResetOffer;
use leptos::prelude::*;
use leptos_meta::Title;

use super::server_fns::{ResetPassword, read_reset};
use crate::kept::{error_of, problem_of};
use crate::layout::AuthLayout;
use crate::mail_link::offered;
use crate::paths;
use crate::ui::{Button, ButtonKind, FormErrors, LinkButton, PasswordField};

/// One field. The link is used when the form is accepted, and not before.
#[component]
#[must_use]
pub fn ResetPasswordPage() -> impl IntoView {
    let action = ServerAction::<ResetPassword>::new();
    let content = offered(read_reset, move |offer, token| form(offer, action, token), otherwise);
    view! {
        <Title text="Set a new password"/>
        <AuthLayout title="Set a new password">{content}</AuthLayout>
    }
}

fn otherwise() -> AnyView {
    view! { <LinkButton href=paths::FORGOT_PASSWORD big=true>"Get a new link"</LinkButton> }.into_any()
}

fn form(offer: ResetOffer, action: ServerAction<ResetPassword>, token: String) -> AnyView {
    let error = error_of(move || action.value().get());
    let ResetOffer { email, has_passkey } = offer;
    view! {
        <p>"For " <b>{email.clone()}</b> ". All sessions of the account end, and you sign in anew."</p>
        {has_passkey.then(|| view! { <p class="muted">"Your passkeys stay. Important changes still ask for one of them."</p> })}
        <ActionForm action=action attr:novalidate=true attr:class="grid gap-4">
            <FormErrors error labels=&[("password", "New password")]/>
            <input type="hidden" name="token" value=token/>
            // Password managers look for whom the password belongs to.
            <input type="text" autocomplete="username" value=email hidden readonly/>
            <PasswordField
                label="New password"
                help=format!("At least {PASSWORD_MIN} characters. A few unrelated words are easy to remember.")
                problem=problem_of(error, "password")
                autocomplete="new-password"
            />
            <Button kind=ButtonKind::Primary big=true>"Set the password"</Button>
        </ActionForm>
    }
    .into_any()
}
