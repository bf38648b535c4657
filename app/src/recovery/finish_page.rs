//! Where the link leads with which a recovery is completed, once its wait is over.

use contract::accounts::PASSWORD_MIN;
use contract::recovery::FinishOffer;
use leptos::prelude::*;
use leptos_meta::Title;

use super::server_fns::{FinishRecovery, read_finish};
use crate::kept::{error_of, problem_of};
use crate::layout::AuthLayout;
use crate::mail_link::offered;
use crate::paths;
use crate::ui::format::counted;
use crate::ui::{Button, ButtonKind, FormErrors, LinkButton, PasswordField, Time};

/// What goes, and a new password.
#[component]
#[must_use]
pub fn FinishRecoveryPage() -> impl IntoView {
    let action = ServerAction::<FinishRecovery>::new();
    let content = offered(read_finish, move |offer, token| form(offer, action, token), otherwise);
    view! {
        <Title text="Complete the recovery"/>
        <AuthLayout title="Complete the recovery">{content}</AuthLayout>
    }
}

fn otherwise() -> AnyView {
    view! { <LinkButton href=paths::LOST_ACCESS big=true>"See the ways back in"</LinkButton> }.into_any()
}

fn form(offer: FinishOffer, action: ServerAction<FinishRecovery>, token: String) -> AnyView {
    let error = error_of(move || action.value().get());
    let FinishOffer { email, passkeys, recovery_codes, staff, expires_at } = offer;
    let gone: Vec<String> = [
        (passkeys > 0).then(|| counted(passkeys.cast_signed(), "passkey", "passkeys")),
        (recovery_codes > 0).then(|| counted(recovery_codes.cast_signed(), "recovery code", "recovery codes")),
        staff.then(|| "your place among the staff".to_owned()),
        Some("all sessions".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect();
    view! {
        <p>"The wait for " <b>{email.clone()}</b> " is over. Set a new password; what could be in other hands is removed with it:"</p>
        <ul class="list-disc pl-5 grid gap-1">{gone.into_iter().map(|what| view! { <li>{what}</li> }).collect_view()}</ul>
        <ActionForm action=action attr:novalidate=true attr:class="grid gap-4">
            <FormErrors error labels=&[("password", "New password")]/>
            <input type="hidden" name="token" value=token/>
            // Password managers look for whom the password belongs to.
            <input type="text" autocomplete="username" value=email hidden readonly/>
            <PasswordField
                label="New password"
                help=format!("At least {PASSWORD_MIN} characters. A few unrelated words are easy to remember.")
                problem=problem_of(error, "password")
                autocomplete="new-password"
            />
            <Button kind=ButtonKind::Primary big=true>"Set the password and recover"</Button>
        </ActionForm>
        <p class="small muted">"This can be done until " <Time at=expires_at absolute=true/> "."</p>
    }
    .into_any()
}
