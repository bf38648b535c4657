//! Where the link leads with which a recovery by mail is started.

use contract::recovery::StartOffer;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::server_fns::{StartRecovery, read_start};
use crate::kept::error_of;
use crate::layout::AuthLayout;
use crate::mail_link::offered;
use crate::paths;
use crate::ui::{Button, ButtonKind, FormErrors, LinkButton, Notice, Tone};

/// One button, or what came of it.
#[component]
#[must_use]
pub fn StartRecoveryPage() -> impl IntoView {
    let action = ServerAction::<StartRecovery>::new();
    let query = use_query_map().get_untracked();
    let content = if query.get("started").is_some() {
        started()
    } else {
        offered(read_start, move |offer, token| form(offer, action, token), otherwise)
    };
    view! {
        <Title text="Recover your account"/>
        <AuthLayout title="Recover your account">{content}</AuthLayout>
    }
}

fn otherwise() -> AnyView {
    view! {
        <LinkButton href=paths::LOST_ACCESS big=true>"See the ways back in"</LinkButton>
    }
    .into_any()
}

fn form(offer: StartOffer, action: ServerAction<StartRecovery>, token: String) -> AnyView {
    let error = error_of(move || action.value().get());
    let StartOffer { email, wait_h } = offer;
    view! {
        <FormErrors error labels=&[]/>
        <p>"For " <b>{email}</b> ". Start only if you have no passkey, no recovery code and no password left."</p>
        <ol class="list-decimal pl-5 grid gap-2 muted">
            <li>"It waits for " {wait_h} " hours. Your keys go on working."</li>
            <li>"We tell you by mail, and on every page for whoever is signed in. Any of these can cancel it."</li>
            <li>"After the wait we send another link. With it you set a password. All passkeys and recovery codes are removed, and all sessions end."</li>
        </ol>
        <ActionForm action=action attr:class="grid">
            <input type="hidden" name="token" value=token/>
            <Button kind=ButtonKind::Primary big=true>"Start the recovery"</Button>
        </ActionForm>
        <p class="small muted">"You did not ask for this? Close this page: nothing happens."</p>
    }
    .into_any()
}

fn started() -> AnyView {
    view! {
        <Notice tone=Tone::Ok live=true title="The wait has begun.">"We have sent you a mail that says when it ends, with a link that cancels it. Another mail follows then."</Notice>
        <p class="muted">"Found a passkey or a code meanwhile? Sign in with it: on your security page you can cancel the recovery."</p>
        <LinkButton href=paths::SIGN_IN big=true>"Back to sign in"</LinkButton>
    }
    .into_any()
}
