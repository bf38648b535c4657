//! Where a reveal link leads: a button, and after it the secret, once.
//!
//! The form is sent as a page of its own, with a script and without: the answer that holds the secret is the answer to
//! that one request and stands in no history, cache or store.

use contract::Refusal;
use contract::keys::{RevealOffer, RevealedKey};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::server_fns::{Reveal, read_reveal};
use crate::error::AppError;
use crate::layout::AuthLayout;
use crate::paths;
use crate::ui::{Button, ButtonKind, CodeBlock, Failure, Icon, LinkButton, Note, Notice, SecretText, Tag, Time, Tone};

/// The page of a reveal link.
#[component]
#[must_use]
pub fn RevealPage() -> impl IntoView {
    let token = use_query_map().get_untracked().get("token").unwrap_or_default();
    let asked = token.clone();
    let reveal = Resource::new_blocking(|| (), move |()| read_reveal(asked.clone()));
    view! {
        <Title text="Your key"/>
        <AuthLayout title="Your key">
            <Suspense>
                {move || {
                    let token = token.clone();
                    Suspend::new(async move {
                        match reveal.await {
                            Ok(Reveal::Offered(offer)) => offered(offer, token),
                            Ok(Reveal::Shown(key)) => shown(key),
                            Err(error) => refused(error),
                        }
                    })
                }}
            </Suspense>
        </AuthLayout>
    }
}

fn offered(offer: RevealOffer, token: String) -> AnyView {
    let what = if offer.again {
        " is kept, sealed, and shown again when you press the button. Have a safe place ready for it."
    } else {
        " is made when you press the button, and shown once. Have a safe place ready for it."
    };
    view! {
        <p>"The secret of " <b>{offer.label}</b> " of " {offer.organization} {what}</p>
        <div class="flex gap-2 items-center">
            <Tag>{offer.environment.label()}</Tag>
            <span class="small muted">"The link works until " <Time at=offer.expires_at/></span>
        </div>
        <form method="post" action=paths::REVEAL class="grid">
            <input type="hidden" name="token" value=token/>
            <Button kind=ButtonKind::Primary big=true icon=Icon::Eye>"Show the secret"</Button>
        </form>
    }
    .into_any()
}

fn shown(key: RevealedKey) -> AnyView {
    let curl = format!("curl {} \\\n  -H \"Authorization: Bearer $API_KEY\"", key.example_url);
    let (title, text) = if key.kept {
        (
            "Store it where nobody else sees it.",
            "We keep it sealed, because every API allows that, and show it to you again when you ask for a link.",
        )
    } else {
        ("This is the only time you see it.", "Store it now. We keep a hash of it and cannot show it again.")
    };
    view! {
        <Notice tone=Tone::Warn title=title>{text}</Notice>
        <div data-testid="secret">
            <SecretText text=key.secret.reveal().to_owned() label=format!("Secret of {}", key.key.label)/>
        </div>
        <p>"Put it into the variable " <code>"API_KEY"</code> " and make your first call:"</p>
        <CodeBlock code=curl label="First call with curl"/>
        <Note>"Never put a key into a URL, a repository or a page. If it leaks, revoke it: it is refused from that moment on."</Note>
        <LinkButton href=paths::CONSOLE kind=ButtonKind::Primary big=true>"I have stored it"</LinkButton>
    }
    .into_any()
}

fn refused(error: AppError) -> AnyView {
    let used = matches!(error.refusal(), Some(Refusal::LinkUsed));
    view! {
        <Failure error/>
        {used.then(|| view! { <p class="muted">"Did you lose the secret? As long as the key was never used, the keys page mails you a new link; after that, its page replaces the secret."</p> })}
        <LinkButton href=paths::KEYS big=true>"Go to your keys"</LinkButton>
    }
    .into_any()
}
