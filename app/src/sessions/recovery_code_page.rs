//! Signing in with a recovery code.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::server_fns::SignInWithCode;
use crate::kept::{KeptFields, error_of, problem_of, use_kept};
use crate::layout::AuthLayout;
use crate::paths;
use crate::ui::{Button, ButtonKind, FormErrors, InputKind, TextField};

const LABELS: &[(&str, &str)] = &[("email", "Email"), ("code", "Recovery code")];

/// Email and code. The answer never tells which of them is wrong.
#[component]
#[must_use]
pub fn RecoveryCodePage() -> impl IntoView {
    let action = ServerAction::<SignInWithCode>::new();
    let next = use_query_map().get_untracked().get("next").unwrap_or_default();
    let kept = use_kept("sign_in_with_code", action.value().get_untracked().is_some());
    view! {
        <Title text="Use a recovery code"/>
        <AuthLayout title="Use a recovery code">
            <p class="muted">"One of the ten codes that you stored. Each works once, and stands in for your passkey or password."</p>
            <Suspense>
                {move || {
                    let next = next.clone();
                    Suspend::new(async move { form(action, kept.await, next) })
                }}
            </Suspense>
            <ul class="ways-on">
                <li><a class="link" href=paths::SIGN_IN>"Back to sign in"</a></li>
                <li>"No codes left? " <a class="link" href=paths::LOST_ACCESS>"Other ways in"</a></li>
            </ul>
        </AuthLayout>
    }
}

fn form(action: ServerAction<SignInWithCode>, kept: KeptFields, next: String) -> AnyView {
    let error = error_of(move || action.value().get());
    view! {
        <ActionForm action=action attr:novalidate=true attr:class="grid gap-4">
            <FormErrors error labels=LABELS/>
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
            <TextField
                name="code"
                label="Recovery code"
                help="Five groups of five. Capitals, spaces and dashes do not matter."
                problem=problem_of(error, "code")
                autocomplete="off"
                mono=true
                required=true
            />
            <Button kind=ButtonKind::Primary big=true>"Sign in"</Button>
        </ActionForm>
    }
    .into_any()
}
