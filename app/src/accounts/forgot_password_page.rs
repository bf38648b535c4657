//! Asking for a link with which a new password is set.

use leptos::prelude::*;
use leptos_meta::Title;

use super::server_fns::AskReset;
use crate::kept::{KeptFields, error_of, problem_of, use_kept};
use crate::layout::AuthLayout;
use crate::paths;
use crate::ui::{Button, ButtonKind, FormErrors, InputKind, TextField};

/// Says the same for every address: nobody learns here who has an account.
#[component]
#[must_use]
pub fn ForgotPasswordPage() -> impl IntoView {
    let action = ServerAction::<AskReset>::new();
    let kept = use_kept("ask_reset", action.value().get_untracked().is_some());
    view! {
        <Title text="Forgot your password"/>
        <AuthLayout title="Forgot your password">
            <p class="muted">"We send you a link with which you set a new one. Your passkeys stay as they are."</p>
            <Suspense>{move || Suspend::new(async move { form(action, kept.await) })}</Suspense>
            <ul class="ways-on">
                <li><a class="link" href=paths::SIGN_IN>"Back to sign in"</a></li>
                <li><a class="link" href=paths::LOST_ACCESS>"Other ways in"</a></li>
            </ul>
        </AuthLayout>
    }
}

fn form(action: ServerAction<AskReset>, kept: KeptFields) -> AnyView {
    let error = error_of(move || action.value().get());
    view! {
        <ActionForm action=action attr:novalidate=true attr:class="grid gap-4">
            <FormErrors error labels=&[("email", "Email")]/>
            <TextField
                name="email"
                label="Email"
                kind=InputKind::Email
                value=kept.value("email")
                problem=problem_of(error, "email")
                autocomplete="username"
                required=true
            />
            <Button kind=ButtonKind::Primary big=true>"Send the link"</Button>
        </ActionForm>
    }
    .into_any()
}
