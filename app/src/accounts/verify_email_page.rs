//! Where a verification link leads. Opening it changes nothing: mail scanners open links too.

use contract::Refusal;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::server_fns::VerifyEmail;
use crate::error::AppError;
use crate::kept::error_of;
use crate::layout::AuthLayout;
use crate::paths;
use crate::ui::{Button, ButtonKind, FormErrors, LinkButton};

/// One button.
#[component]
#[must_use]
pub fn VerifyEmailPage() -> impl IntoView {
    let action = ServerAction::<VerifyEmail>::new();
    let token = StoredValue::new(use_query_map().get_untracked().get("token").unwrap_or_default());
    let error = error_of(move || action.value().get());
    let stale = move || {
        error.with(|error| {
            matches!(
                error.as_ref().and_then(AppError::refusal),
                Some(Refusal::LinkExpired | Refusal::LinkUsed | Refusal::LinkUnknown)
            )
        })
    };
    view! {
        <Title text="Verify your email"/>
        <AuthLayout title="Verify your email">
            <FormErrors error labels=&[]/>
            <Show when=move || !stale() fallback=|| view! { <LinkButton href=paths::CHECK_YOUR_MAIL big=true>"Get a new link"</LinkButton> }>
                <p>"Press the button to confirm that this address is yours. You can sign in right after."</p>
                <ActionForm action=action attr:class="grid">
                    <input type="hidden" name="token" value=move || token.get_value()/>
                    <Button kind=ButtonKind::Primary big=true pending=action.pending()>"Verify email"</Button>
                </ActionForm>
            </Show>
        </AuthLayout>
    }
}
