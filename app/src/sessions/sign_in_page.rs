//! Signing in.

use contract::Refusal;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::server_fns::SignIn;
use crate::error::AppError;
use crate::kept::{KeptFields, error_of, problem_of, use_kept};
use crate::layout::AuthLayout;
use crate::paths;
use crate::ui::{Button, ButtonKind, FormErrors, InputKind, LinkButton, Notice, PasswordField, TextField, Tone};

const LABELS: &[(&str, &str)] = &[("email", "Email"), ("password", "Password")];

/// Email and password. The answer never tells whether an account exists.
#[component]
#[must_use]
pub fn SignInPage() -> impl IntoView {
    let action = ServerAction::<SignIn>::new();
    let query = use_query_map().get_untracked();
    let verified = query.get("verified").is_some();
    let next = query.get("next").unwrap_or_default();
    let kept = use_kept("sign_in", action.value().get_untracked().is_some());
    // A new page, not a new view: everything that was read for somebody who is not signed in must go.
    Effect::new(move || {
        if let Some(Ok(path)) = action.value().get() {
            let _ = window().location().set_href(&path); // fails only for an address that cannot be read
        }
    });
    view! {
        <Title text="Sign in"/>
        <AuthLayout title="Sign in">
            {verified
                .then(|| {
                    view! {
                        <Notice tone=Tone::Ok title="Your email is verified.">
                            "We have sent you the link to your first key. Sign in, then open it."
                        </Notice>
                    }
                })}
            <Suspense>
                {move || {
                    let next = next.clone();
                    Suspend::new(async move { form(action, kept.await, next) })
                }}
            </Suspense>
            <p class="small muted">"New here? " <a class="link" href=paths::SIGN_UP>"Create an account"</a></p>
        </AuthLayout>
    }
}

fn form(action: ServerAction<SignIn>, kept: KeptFields, next: String) -> AnyView {
    let error = error_of(move || action.value().get());
    let unverified = move || {
        error.with(|error| matches!(error.as_ref().and_then(AppError::refusal), Some(Refusal::EmailNotVerified)))
    };
    view! {
        <ActionForm action=action attr:novalidate=true attr:class="grid gap-4">
            <FormErrors error labels=LABELS/>
            {move || unverified().then(|| view! { <LinkButton href=paths::CHECK_YOUR_MAIL>"Get a new verification link"</LinkButton> })}
            <input type="hidden" name="next" value=next/>
            <TextField
                name="email"
                label="Email"
                kind=InputKind::Email
                value=kept.value("email")
                problem=problem_of(error, "email")
                autocomplete="username"
                required=true
            />
            <PasswordField problem=problem_of(error, "password")/>
            <Button kind=ButtonKind::Primary big=true pending=action.pending()>"Sign in"</Button>
        </ActionForm>
    }
    .into_any()
}
