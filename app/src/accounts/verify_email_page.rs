//! Where a verification link leads. Opening it changes nothing: mail scanners open links too.

use contract::accounts::VerificationOffer;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::server_fns::{VerifyEmail, read_verification};
use crate::kept::error_of;
use crate::layout::AuthLayout;
use crate::passkeys::{PasskeyButton, PasskeyFor};
use crate::paths;
use crate::ui::{Button, ButtonKind, Failure, FormErrors, LinkButton};

/// One button: to verify, or to create the passkey that the account will be used with.
#[component]
#[must_use]
pub fn VerifyEmailPage() -> impl IntoView {
    let action = ServerAction::<VerifyEmail>::new();
    let token = use_query_map().get_untracked().get("token").unwrap_or_default();
    let asked = token.clone();
    let offer = Resource::new_blocking(|| (), move |()| read_verification(asked.clone()));
    view! {
        <Title text="Verify your email"/>
        <AuthLayout title="Verify your email">
            <Suspense>
                {move || {
                    let token = token.clone();
                    Suspend::new(async move {
                        match offer.await {
                            Ok(offer) if offer.needs_passkey => with_passkey(offer, token),
                            Ok(offer) => with_button(offer, action, token),
                            Err(error) => {
                                view! {
                                    <Failure error/>
                                    <LinkButton href=paths::CHECK_YOUR_MAIL big=true>"Get a new link"</LinkButton>
                                }
                                .into_any()
                            }
                        }
                    })
                }}
            </Suspense>
        </AuthLayout>
    }
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
