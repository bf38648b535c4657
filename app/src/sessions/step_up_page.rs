//! Confirming that it is still the same person: before anything that decides who gets in, or shows a secret.

use contract::Refusal;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::server_fns::{Confirm, ConfirmWithCode};
use crate::error::AppError;
use crate::kept::{error_of, problem_of};
use crate::layout::AuthLayout;
use crate::passkeys::{PasskeyButton, PasskeyFor};
use crate::paths;
use crate::security::server_fns::{Confirmation, read_confirmation};
use crate::ui::{Button, ButtonKind, Failure, FormErrors, Icon, IconView, LinkButton, PasswordField, TextField};

/// The strongest way that the account has; a recovery code where that is lost.
#[component]
#[must_use]
pub fn StepUpPage() -> impl IntoView {
    let password = ServerAction::<Confirm>::new();
    let code = ServerAction::<ConfirmWithCode>::new();
    let next = use_query_map().get_untracked().get("next").unwrap_or_default();
    let confirmation = Resource::new_blocking(|| (), move |()| read_confirmation(next.clone()));
    view! {
        <Title text="Confirm that it is you"/>
        <AuthLayout title="Confirm that it is you">
            <Suspense>
                {move || Suspend::new(async move {
                    match confirmation.await {
                        Ok(asked) => ask(asked, password, code),
                        Err(error) => refused(error),
                    }
                })}
            </Suspense>
        </AuthLayout>
    }
}

fn ask(asked: Confirmation, password: ServerAction<Confirm>, code: ServerAction<ConfirmWithCode>) -> AnyView {
    let Confirmation { email, next, passkey, password: by_password, recovery_code } = asked;
    let with_passkey = passkey.then(|| {
        view! {
            <div class="grid gap-4">
                <PasskeyButton
                    what=PasskeyFor::StepUp
                    label="Confirm with a passkey"
                    next=next.clone()
                    otherwise="Your account has a passkey, and a passkey needs JavaScript and a current browser. Switch JavaScript on, or use a recovery code."
                />
            </div>
        }
    });
    let with_password = by_password.then(|| password_form(password, email.clone(), next.clone()));
    let alone = !passkey && !by_password;
    let with_code = recovery_code.then(|| code_form(code, next.clone(), alone));
    view! {
        <p>"What you want to do decides who can use your account or see its secrets. So we ask once more. It holds for five minutes."</p>
        <p class="small muted">"Signed in as " <b>{email}</b></p>
        {with_passkey} {with_password} {with_code}
        <ul class="ways-on">
            <li><a class="link" href=next>"Back, without confirming"</a></li>
            <li><a class="link" href=paths::LOST_ACCESS>"Lost access"</a></li>
        </ul>
    }
    .into_any()
}

fn password_form(action: ServerAction<Confirm>, email: String, next: String) -> AnyView {
    let answered = error_of(move || action.value().get());
    let wrong = move || answered.with(|error| is_wrong_password(error.as_ref()));
    let error = Signal::derive(move || answered.get().filter(|error| !is_wrong_password(Some(error))));
    view! {
        <ActionForm action=action attr:novalidate=true attr:class="grid gap-4">
            <FormErrors error labels=&[("password", "Password")]/>
            {move || {
                wrong()
                    .then(|| {
                        view! {
                            <div class="form-errors" role="alert" tabindex="-1" autofocus>
                                <IconView icon=Icon::Warning/>
                                <p>"This is not your password. Check it and try again."</p>
                            </div>
                        }
                    })
            }}
            <input type="hidden" name="next" value=next/>
            // Password managers look for whom the password belongs to.
            <input type="text" autocomplete="username" value=email hidden readonly/>
            <PasswordField problem=problem_of(error, "password")/>
            <Button kind=ButtonKind::Primary big=true>"Confirm"</Button>
        </ActionForm>
    }
    .into_any()
}

/// What signing in says of an unknown address would be wrong here: the address is known.
fn is_wrong_password(error: Option<&AppError>) -> bool {
    matches!(error.and_then(AppError::refusal), Some(Refusal::SignInFailed))
}

fn code_form(action: ServerAction<ConfirmWithCode>, next: String, alone: bool) -> AnyView {
    let error = error_of(move || action.value().get());
    let refused = error.get_untracked().is_some();
    view! {
        <details class="disclosure" open=refused || alone>
            <summary>"Use a recovery code"</summary>
            <ActionForm action=action attr:novalidate=true attr:class="grid gap-4 mt-3">
                <FormErrors error labels=&[("code", "Recovery code")]/>
                <input type="hidden" name="next" value=next/>
                <TextField
                    name="code"
                    label="Recovery code"
                    help="Each code works once."
                    problem=problem_of(error, "code")
                    autocomplete="off"
                    mono=true
                    required=true
                />
                <Button big=true>"Confirm"</Button>
            </ActionForm>
        </details>
    }
    .into_any()
}

fn refused(error: AppError) -> AnyView {
    view! {
        <Failure error/>
        <LinkButton href=paths::SIGN_IN kind=ButtonKind::Primary big=true>"Sign in"</LinkButton>
    }
    .into_any()
}
