//! After signing up: what to do next, and what to do if no mail comes.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::server_fns::ResendVerification;
use crate::kept::{KeptFields, error_of, problem_of, use_kept};
use crate::layout::AuthLayout;
use crate::paths;
use crate::ui::{Button, FormErrors, InputKind, Notice, TextField, Tone};

const LABELS: &[(&str, &str)] = &[("email", "Email")];

/// Says the same for every address: nobody learns here who has an account.
#[component]
#[must_use]
pub fn CheckYourMailPage() -> impl IntoView {
    let action = ServerAction::<ResendVerification>::new();
    let refused = action.value().get_untracked().is_some();
    let kept = use_kept("resend_verification", refused);
    let sent = use_query_map().get_untracked().get("sent").is_some();
    view! {
        <Title text="Check your mail"/>
        <AuthLayout title="Check your mail">
            {sent
                .then(|| {
                    view! { <Notice tone=Tone::Ok live=true>"If the address waits for verification, a new link is on its way."</Notice> }
                })}
            <p>"We have sent you a mail with a link. Open it and press the button on the page to confirm your address."</p>
            <p class="muted">"The link works once, for 24 hours. If the address already has an account, the mail says so."</p>
            <details class="disclosure" open=refused>
                <summary>"No mail after a few minutes?"</summary>
                <Suspense>{move || Suspend::new(async move { form(action, kept.await) })}</Suspense>
            </details>
            <p class="small muted">"Verified already? " <a class="link" href=paths::SIGN_IN>"Sign in"</a></p>
        </AuthLayout>
    }
}

fn form(action: ServerAction<ResendVerification>, kept: KeptFields) -> AnyView {
    let error = error_of(move || action.value().get());
    view! {
        <ActionForm action=action attr:novalidate=true attr:class="grid gap-3 mt-3">
            <p class="muted">"Look in the spam folder first. Then ask for a new link; the old one stops working."</p>
            <FormErrors error labels=LABELS/>
            <TextField name="email" label="Email" kind=InputKind::Email value=kept.value("email") problem=problem_of(error, "email") autocomplete="email" required=true/>
            <Button>"Send a new link"</Button>
        </ActionForm>
    }
    .into_any()
}
