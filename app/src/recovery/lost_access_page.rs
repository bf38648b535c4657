//! Every way back into an account, the quickest first.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::server_fns::AskRecovery;
use crate::kept::{KeptFields, error_of, problem_of, use_kept};
use crate::layout::AuthLayout;
use crate::paths;
use crate::ui::{Button, FormErrors, InputKind, LinkButton, Notice, TextField, Tone};

/// Explains the ways, and says the same for every address.
#[component]
#[must_use]
pub fn LostAccessPage() -> impl IntoView {
    let action = ServerAction::<AskRecovery>::new();
    let refused = action.value().get_untracked().is_some();
    let kept = use_kept("ask_recovery", refused);
    let sent = use_query_map().get_untracked().get("sent");
    view! {
        <Title text="Ways back in"/>
        <AuthLayout title="Ways back in">
            {news(sent.as_deref())}
            <p class="muted">"Take the first one that you can. Each is slower than the one before, because it proves less."</p>
            <ol class="ways">
                <li>
                    <h2>"Another passkey"</h2>
                    <p class="muted">"On another device, or in your password manager. Many are kept in sync: try a phone or computer that you sign in to elsewhere."</p>
                    <LinkButton href=paths::SIGN_IN>"Sign in"</LinkButton>
                </li>
                <li>
                    <h2>"A recovery code"</h2>
                    <p class="muted">"One of the ten that you stored when you made them."</p>
                    <LinkButton href=paths::USE_RECOVERY_CODE>"Use a recovery code"</LinkButton>
                </li>
                <li>
                    <h2>"A new password by mail"</h2>
                    <p class="muted">"If your account has a password. Passkeys stay, and important changes still ask for one."</p>
                    <LinkButton href=paths::FORGOT_PASSWORD>"Get a reset link"</LinkButton>
                </li>
                <li>
                    <h2>"Recovery by mail, after a wait"</h2>
                    <p class="muted">"If nothing else is left. It waits for some days, and you are told at once: whoever holds only your mailbox cannot take the account while you still have a way in. When the wait is over you set a password; all passkeys and codes are removed."</p>
                    <details class="disclosure" open=refused>
                        <summary>"Start a recovery by mail"</summary>
                        <Suspense>{move || Suspend::new(async move { form(action, kept.await) })}</Suspense>
                    </details>
                </li>
            </ol>
            <ul class="ways-on">
                <li><a class="link" href=paths::SIGN_IN>"Back to sign in"</a></li>
            </ul>
        </AuthLayout>
    }
}

fn news(sent: Option<&str>) -> Option<AnyView> {
    let text = match sent? {
        "reset" => {
            "If the address has an account, a mail is on its way: with a link that sets a new password, or with how to recover an account that has none."
        }
        "recovery" => {
            "If the address has an account, a mail with a link is on its way. The wait begins when you open it and press its button."
        }
        _ => return None,
    };
    Some(view! { <Notice tone=Tone::Ok live=true title="Check your mail.">{text}</Notice> }.into_any())
}

fn form(action: ServerAction<AskRecovery>, kept: KeptFields) -> AnyView {
    let error = error_of(move || action.value().get());
    view! {
        <ActionForm action=action attr:novalidate=true attr:class="grid gap-3 mt-3">
            <FormErrors error labels=&[("email", "Email")]/>
            <TextField
                name="email"
                label="Email"
                kind=InputKind::Email
                value=kept.value("email")
                help="We send a link there. Nothing begins before you press its button."
                problem=problem_of(error, "email")
                autocomplete="username"
                required=true
            />
            <Button>"Send the link"</Button>
        </ActionForm>
    }
    .into_any()
}
