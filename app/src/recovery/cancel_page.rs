//! Where the link leads with which a recovery is cancelled.

use contract::recovery::WaitingRecovery;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::server_fns::{CancelRecovery, read_cancel};
use crate::kept::error_of;
use crate::layout::AuthLayout;
use crate::mail_link::offered;
use crate::paths;
use crate::ui::{Button, ButtonKind, FormErrors, LinkButton, Notice, Time, Tone};

/// One button, or what came of it.
#[component]
#[must_use]
pub fn CancelRecoveryPage() -> impl IntoView {
    let action = ServerAction::<CancelRecovery>::new();
    let query = use_query_map().get_untracked();
    let content = if query.get("done").is_some() {
        done()
    } else {
        offered(read_cancel, move |offer, token| form(offer, action, token), otherwise)
    };
    view! {
        <Title text="Cancel the recovery"/>
        <AuthLayout title="Cancel the recovery">{content}</AuthLayout>
    }
}

fn otherwise() -> AnyView {
    view! {
        <p class="muted">"A recovery that still waits can also be cancelled on your security page."</p>
        <LinkButton href=paths::SECURITY big=true>"Go to your security page"</LinkButton>
    }
    .into_any()
}

fn form(offer: WaitingRecovery, action: ServerAction<CancelRecovery>, token: String) -> AnyView {
    let error = error_of(move || action.value().get());
    view! {
        <FormErrors error labels=&[]/>
        <p>"Somebody asked by mail to recover your account, " <Time at=offer.started_at/> ". It can be completed from " <Time at=offer.ready_at absolute=true/> " on."</p>
        <p>"Cancel it if that was not you, or if you found another way in. Nothing else changes."</p>
        <ActionForm action=action attr:class="grid">
            <input type="hidden" name="token" value=token/>
            <Button kind=ButtonKind::Primary big=true>"Cancel the recovery"</Button>
        </ActionForm>
    }
    .into_any()
}

fn done() -> AnyView {
    view! {
        <Notice tone=Tone::Ok live=true title="The recovery is cancelled.">"Your account is as it was."</Notice>
        <p class="muted">"If it was not you who asked: whoever did can read your mail. Change the password of your mailbox, then look at your sessions."</p>
        <LinkButton href=paths::SECURITY kind=ButtonKind::Primary big=true>"Go to your security page"</LinkButton>
    }
    .into_any()
}
