//! New recovery codes, shown once.
//!
//! The form that makes them is sent as a page of its own, with a script and without: the answer that holds them is the
//! answer to that one request and stands in no history, cache or store.

use contract::recovery::RecoveryCodes;
use leptos::prelude::*;
use leptos_meta::Title;

use super::server_fns::{Codes, read_recovery_codes};
use crate::error::AppError;
use crate::layout::AuthLayout;
use crate::paths;
use crate::ui::{Button, ButtonKind, CodeBlock, Failure, Icon, LinkButton, Notice, Script, Tone};

/// The codes, or how many are left.
#[component]
#[must_use]
pub fn RecoveryCodesPage() -> impl IntoView {
    let codes = Resource::new_blocking(|| (), |()| read_recovery_codes());
    view! {
        <Title text="Recovery codes"/>
        <AuthLayout title="Recovery codes">
            <Suspense>
                {move || Suspend::new(async move {
                    match codes.await {
                        Ok(Codes::Shown(codes)) => shown(codes),
                        Ok(Codes::Left(left)) => self::left(left),
                        Err(error) => refused(error),
                    }
                })}
            </Suspense>
        </AuthLayout>
    }
}

fn shown(codes: RecoveryCodes) -> AnyView {
    let RecoveryCodes { codes, .. } = codes;
    let (lines, sent) = (codes.join("\n"), codes.join(" "));
    view! {
        <Notice tone=Tone::Warn title="This is the only time you see them.">"We keep hashes and cannot show them again. Earlier codes stopped working."</Notice>
        <p>"Each signs you in once if you lose your passkeys and your password. Keep them where those are not: on paper, or in another password manager."</p>
        <div data-testid="secret"><CodeBlock code=lines label="Your recovery codes"/></div>
        <div class="flex flex-wrap gap-2">
            <form method="post" action=paths::RECOVERY_CODES_FILE data-download>
                <input type="hidden" name="codes" value=sent/>
                <Button icon=Icon::Download>"Download as text"</Button>
            </form>
            <button type="button" class="btn" hidden data-print><span class="btn-label">"Print"</span></button>
        </div>
        <LinkButton href=paths::SECURITY kind=ButtonKind::Primary big=true>"I have stored them"</LinkButton>
        <Script name="recovery_codes"/>
    }
    .into_any()
}

fn left(left: u64) -> AnyView {
    let lost = match left {
        0 => None,
        1 => Some("The one that is left will stop working.".to_owned()),
        left => Some(format!("The {left} that are left will stop working.")),
    };
    view! {
        <p>"Ten codes, of which each signs you in once when your passkeys and your password are lost. They are shown a single time, when they are made."</p>
        <p class="muted">"Have a place ready for them: paper, or a password manager that does not hold your passkeys." {lost.map(|lost| format!(" {lost}"))}</p>
        <form method="post" action=paths::RECOVERY_CODES class="grid">
            <Button kind=ButtonKind::Primary big=true>"Make ten codes"</Button>
        </form>
        <ul class="ways-on">
            <li><a class="link" href=paths::SECURITY>"Back, without making any"</a></li>
        </ul>
    }
    .into_any()
}

fn refused(error: AppError) -> AnyView {
    view! {
        <Failure error/>
        <LinkButton href=paths::SECURITY big=true>"Go to your security page"</LinkButton>
    }
    .into_any()
}
