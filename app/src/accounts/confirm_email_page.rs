//! Where the links of a change of address lead: both the old and the new address are asked.

use contract::accounts::{EmailChangeOffer, EmailSide};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::server_fns::{ConfirmEmail, read_email_change};
use crate::kept::error_of;
use crate::layout::AuthLayout;
use crate::mail_link::offered;
use crate::paths;
use crate::ui::{Button, ButtonKind, FormErrors, LinkButton, Notice, Time, Tone};

/// One button, or what came of it.
#[component]
#[must_use]
pub fn ConfirmEmailPage() -> impl IntoView {
    let action = ServerAction::<ConfirmEmail>::new();
    let query = use_query_map().get_untracked();
    let content = match query.get("done").as_deref() {
        Some("changed") => changed(),
        Some(_) => waiting(),
        None => offered(read_email_change, move |offer, token| form(offer, action, token), otherwise),
    };
    view! {
        <Title text="Confirm the change of address"/>
        <AuthLayout title="Confirm the change of address">{content}</AuthLayout>
    }
}

fn otherwise() -> AnyView {
    view! {
        <p class="muted">"A change of address is asked for on the security page, with new links to both addresses."</p>
        <LinkButton href=paths::SECURITY big=true>"Go to your security page"</LinkButton>
    }
    .into_any()
}

fn form(offer: EmailChangeOffer, action: ServerAction<ConfirmEmail>, token: String) -> AnyView {
    let error = error_of(move || action.value().get());
    let what = match (offer.side, offer.old) {
        (EmailSide::Old, Some(old)) => view! {
            <p>"The account of " <b>{old}</b> " is to get another address: " <b>{offer.new}</b> ". From then on it alone receives your mails and signs you in."</p>
        }
        .into_any(),
        _ => view! { <p>"An account is to get the address " <b>{offer.new}</b> ". Confirm that it is yours."</p> }.into_any(),
    };
    let then = if offer.other_agreed {
        "The other address has agreed: the change happens at once."
    } else {
        "The change happens when the other address has agreed too."
    };
    view! {
        <FormErrors error labels=&[]/>
        {what}
        <p class="muted">{then} " Both can agree until " <Time at=offer.expires_at absolute=true/> "."</p>
        <ActionForm action=action attr:class="grid">
            <input type="hidden" name="token" value=token/>
            <Button kind=ButtonKind::Primary big=true>"Agree to the change"</Button>
        </ActionForm>
        <p class="small muted">"You did not ask for this? Close this page: nothing changes."</p>
    }
    .into_any()
}

fn waiting() -> AnyView {
    view! {
        <Notice tone=Tone::Ok live=true title="This address has agreed.">"The change happens when the other one has agreed too: we have sent a link there."</Notice>
        <LinkButton href=paths::SECURITY big=true>"Go to your security page"</LinkButton>
    }
    .into_any()
}

fn changed() -> AnyView {
    view! {
        <Notice tone=Tone::Ok live=true title="The address is changed.">"Sign in with the new one from now on. We have told both addresses."</Notice>
        <LinkButton href=paths::SECURITY kind=ButtonKind::Primary big=true>"Go to your security page"</LinkButton>
    }
    .into_any()
}
