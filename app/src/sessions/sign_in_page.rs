//! Signing in.

use contract::Refusal;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::server_fns::SignIn;
use crate::error::AppError;
use crate::kept::{KeptFields, error_of, problem_of, use_kept};
use crate::layout::AuthLayout;
use crate::passkeys::{Or, PasskeyButton, PasskeyFor};
use crate::paths;
use crate::ui::{Button, FormErrors, InputKind, LinkButton, Notice, PasswordField, TextField, Tone};

const LABELS: &[(&str, &str)] = &[("email", "Email"), ("password", "Password")];

/// A passkey, or email and password. The answer never tells whether an account exists.
#[component]
#[must_use]
pub fn SignInPage() -> impl IntoView {
    let action = ServerAction::<SignIn>::new();
    let query = use_query_map().get_untracked();
    let next = query.get("next").unwrap_or_default();
    let kept = use_kept("sign_in", action.value().get_untracked().is_some());
    let asked_for = next.clone();
    let news = news(query.get("verified").is_some(), query.get("done").as_deref());
    view! {
        <Title text="Sign in"/>
        <AuthLayout title="Sign in">
            {news}
            <div class="grid gap-4">
                <PasskeyButton
                    what=PasskeyFor::SignIn
                    label="Sign in with a passkey"
                    next=asked_for
                    otherwise="Passkeys need JavaScript and a current browser. Here you can sign in with your password."
                />
                <Or>"or with your email"</Or>
                <Suspense>
                    {move || {
                        let next = next.clone();
                        Suspend::new(async move { form(action, kept.await, next) })
                    }}
                </Suspense>
            </div>
            <ul class="ways-on">
                <li>"New here? " <a class="link" href=paths::SIGN_UP>"Create an account"</a></li>
                <li><a class="link" href=paths::FORGOT_PASSWORD>"Forgot your password"</a></li>
                <li><a class="link" href=paths::USE_RECOVERY_CODE>"Use a recovery code"</a></li>
                <li><a class="link" href=paths::LOST_ACCESS>"Lost access"</a></li>
            </ul>
        </AuthLayout>
    }
}

/// What led here.
fn news(verified: bool, done: Option<&str>) -> Option<AnyView> {
    let (title, text) = match done {
        Some("reset") => ("Your password is changed.", "All sessions were ended. Sign in with the new password."),
        Some("recovered") => (
            "Your account is yours again.",
            "Sign in with the new password, then add a passkey and make new recovery codes.",
        ),
        _ if verified => {
            ("Your email is verified.", "We have sent you the link to your first key. Sign in, then open it.")
        }
        _ => return None,
    };
    Some(view! { <Notice tone=Tone::Ok live=true title=title>{text}</Notice> }.into_any())
}

fn form(action: ServerAction<SignIn>, kept: KeptFields, next: String) -> AnyView {
    let error = error_of(move || action.value().get());
    let unverified = move || {
        error.with(|error| matches!(error.as_ref().and_then(AppError::refusal), Some(Refusal::EmailNotVerified)))
    };
    let too_many = move || {
        error.with(|error| matches!(error.as_ref().and_then(AppError::refusal), Some(Refusal::TooManyTries { .. })))
    };
    view! {
        <ActionForm action=action attr:novalidate=true attr:class="grid gap-4">
            <FormErrors error labels=LABELS/>
            {move || unverified().then(|| view! { <LinkButton href=paths::CHECK_YOUR_MAIL>"Get a new verification link"</LinkButton> })}
            {move || too_many().then(|| view! { <p class="small muted">"Your account is not locked: this only slows down whoever guesses."</p> })}
            <input type="hidden" name="next" value=next/>
            <TextField
                name="email"
                label="Email"
                kind=InputKind::Email
                value=kept.value("email")
                problem=problem_of(error, "email")
                autocomplete="username webauthn"
                required=true
            />
            <PasswordField problem=problem_of(error, "password")/>
            <Button big=true>"Sign in"</Button>
        </ActionForm>
    }
    .into_any()
}
