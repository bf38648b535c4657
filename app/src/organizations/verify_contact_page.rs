//! Where the link to an organization's contact address leads. Opening it changes nothing: mail scanners open links too.

use contract::Refusal;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::server_fns::VerifyContact;
use crate::error::AppError;
use crate::kept::error_of;
use crate::layout::AuthLayout;
use crate::paths;
use crate::ui::{Button, ButtonKind, FormErrors, LinkButton, Notice, Tone};

/// One button, or what came of it.
#[component]
#[must_use]
pub fn VerifyContactPage() -> impl IntoView {
    let action = ServerAction::<VerifyContact>::new();
    let query = use_query_map().get_untracked();
    let content =
        if query.get("done").is_some() { confirmed() } else { asked(action, query.get("token").unwrap_or_default()) };
    view! {
        <Title text="Confirm the contact address"/>
        <AuthLayout title="Confirm the contact address">{content}</AuthLayout>
    }
}

fn asked(action: ServerAction<VerifyContact>, token: String) -> AnyView {
    let error = error_of(move || action.value().get());
    let stale = error.with_untracked(|error| {
        matches!(
            error.as_ref().and_then(AppError::refusal),
            Some(Refusal::LinkExpired | Refusal::LinkUsed | Refusal::LinkUnknown)
        )
    });
    let form = (!stale).then(|| {
        view! {
            <p>"Press the button to confirm that messages to the organization may be sent to this address."</p>
            <ActionForm action=action attr:class="grid">
                <input type="hidden" name="token" value=token/>
                <Button kind=ButtonKind::Primary big=true pending=action.pending()>"Confirm the address"</Button>
            </ActionForm>
            <p class="small muted">"You do not know the organization? Close this page: nothing else is sent to you."</p>
        }
    });
    let again = stale.then(|| {
        view! {
            <p class="muted">"An owner or admin can have a new link sent, on the page of the organization."</p>
            <LinkButton href=paths::ORGANIZATION big=true>"Go to the organization"</LinkButton>
        }
    });
    view! {
        <FormErrors error labels=&[]/>
        {form}
        {again}
    }
    .into_any()
}

fn confirmed() -> AnyView {
    view! {
        <Notice tone=Tone::Ok live=true title="The contact address is verified.">"You can close this page."</Notice>
        <LinkButton href=paths::ORGANIZATION big=true>"Go to the organization"</LinkButton>
    }
    .into_any()
}
