//! Creating an account.

use contract::accounts::PASSWORD_MIN;
use contract::policies::TERMS_VERSION;
use leptos::prelude::*;
use leptos_meta::Title;

use super::server_fns::SignUp;
use crate::kept::{KeptFields, error_of, problem_of, use_kept};
use crate::layout::AuthLayout;
use crate::paths;
use crate::ui::{Button, ButtonKind, Checkbox, FormErrors, InputKind, PasswordField, Script, TextField};

const LABELS: &[(&str, &str)] = &[("name", "Name"), ("email", "Email"), ("password", "Password"), ("terms", "Terms")];

/// Where the form's script gets what it works on.
const CHALLENGE: &str = "/rpc/guard/challenge?purpose=sign_up";

/// Name, email, a password for those who want one, terms.
#[component]
#[must_use]
pub fn SignUpPage() -> impl IntoView {
    let action = ServerAction::<SignUp>::new();
    let kept = use_kept("sign_up", action.value().get_untracked().is_some());
    view! {
        <Title text="Create an account"/>
        <AuthLayout title="Create your account">
            <Suspense>{move || Suspend::new(async move { form(action, kept.await) })}</Suspense>
            <ul class="ways-on">
                <li>"Already have an account? " <a class="link" href=paths::SIGN_IN>"Sign in"</a></li>
            </ul>
        </AuthLayout>
        <Script name="proof"/>
    }
}

fn form(action: ServerAction<SignUp>, kept: KeptFields) -> AnyView {
    let error = error_of(move || action.value().get());
    view! {
        <ActionForm action=action attr:novalidate=true attr:class="grid gap-4" attr:data-proof=CHALLENGE>
            <FormErrors error labels=LABELS/>
            <input type="hidden" name="proof" value=""/>
            <TextField name="name" label="Name" value=kept.value("name") problem=problem_of(error, "name") autocomplete="name" required=true/>
            <TextField
                name="email"
                label="Email"
                kind=InputKind::Email
                value=kept.value("email")
                help="We send a link to it. Nothing else, unless you ask."
                problem=problem_of(error, "email")
                autocomplete="email"
                required=true
            />
            <PasswordField
                help=format!("At least {PASSWORD_MIN} characters. Leave it empty to use a passkey only: you create it when you verify your email.")
                problem=problem_of(error, "password")
                autocomplete="new-password"
                required=false
            />
            <Checkbox name="terms" value=TERMS_VERSION problem=problem_of(error, "terms") required=true>
                "I accept the " <a class="link" href=paths::TERMS>"terms"</a> " and have seen "
                <a class="link" href=paths::PRIVACY>"what is stored"</a>
            </Checkbox>
            <Button kind=ButtonKind::Primary big=true>"Create account"</Button>
        </ActionForm>
    }
    .into_any()
}
