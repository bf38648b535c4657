//! Where a verification link leads. Opening it changes nothing: mail scanners open links too.

use contract::accounts::VerificationOffer;
use leptos::prelude::*;
use leptos_meta::Title;

use super::server_fns::{VerifyEmail, read_verification};
use crate::kept::error_of;
use crate::layout::AuthLayout;
use crate::mail_link::offered;
use crate::passkeys::{PasskeyButton, PasskeyFor};
use crate::paths;
use crate::ui::{Button, ButtonKind, FormErrors, LinkButton};

/// One button: to verify, or to create the passkey that the account will be used with.
#[component]
#[must_use]
pub fn VerifyEmailPage() -> impl IntoView {
    let action = ServerAction::<VerifyEmail>::new();
    let form = move |offer: VerificationOffer, token| {
        if offer.needs_passkey { with_passkey(offer, token) } else { with_button(offer, action, token) }
    };
    let content = offered(read_verification, form, otherwise);
    view! {
        <Title text="Verify your email"/>
        <AuthLayout title="Verify your email">{content}</AuthLayout>
    }
}

fn otherwise() -> AnyView {
    view! { <LinkButton href=paths::CHECK_YOUR_MAIL big=true>"Get a new link"</LinkButton> }.into_any()
}

fn with_button(offer: VerificationOffer, action: ServerAction<VerifyEmail>, token: String) -> AnyView {
    let error = error_of(move || action.value().get());
    view! {
        <FormErrors error labels=&[]/>
        <p>"Press the button to confirm that " <b>{offer.email}</b> " is yours. You can sign in right after."</p>
        <ActionForm action=action attr:class="grid">
            <input type="hidden" name="token" value=token/>
            <Button kind=ButtonKind::Primary big=true>"Verify email"</Button>
        </ActionForm>
    }
    .into_any()
}

fn with_passkey(offer: VerificationOffer, token: String) -> AnyView {
    let next = format!("{}?verified=yes", paths::SIGN_IN);
    view! {
        <p>"Your account for " <b>{offer.email}</b> " has no password, so it gets a passkey now. Your device makes it and keeps it: you unlock it with your fingerprint, your face or your PIN, and nothing is typed."</p>
        <div class="grid gap-4">
            <PasskeyButton
                what=PasskeyFor::Create
                label="Create a passkey and verify"
                next=next
                token=token
                otherwise="A passkey needs JavaScript and a current browser. Switch JavaScript on and load this page again, or sign up once more with a password."
            />
        </div>
        <p class="small muted">
            "Open the link on the device that you will use. No device for it? "
            <a class="link" href=paths::SIGN_UP>"Sign up with a password"</a> ": until an address is verified, its newest sign-up counts."
        </p>
    }
    .into_any()
}
