//! The public site.

use contract::policies::TERMS_VERSION;
use leptos::prelude::*;

use super::rail::{MAIN, brand, skip_link};
use super::{Frame, use_frame};
use crate::paths;
use crate::ui::format::date_in_full;
use crate::ui::{ButtonKind, LinkButton, Mark, ThemeSwitch, provide_clock};

/// A public page around what it is given.
#[component]
#[must_use]
pub fn SiteLayout(
    /// The portal's name, and who is signed in.
    frame: Frame,
    /// The page.
    children: Children,
) -> impl IntoView {
    around(head(frame), children)
}

/// A public page that reads the frame by itself.
#[component]
#[must_use]
pub fn SitePage(
    /// The page.
    children: Children,
) -> impl IntoView {
    let frame = use_frame();
    let head = view! {
        <Suspense>
            {move || Suspend::new(async move { head(frame.await.unwrap_or_else(|_| Frame::unknown())) })}
        </Suspense>
    }
    .into_any();
    around(head, children)
}

/// A page with one form in the middle: signing in, signing up, using a link from a mail.
#[component]
#[must_use]
pub fn AuthLayout(
    /// Its heading.
    #[prop(into)]
    title: String,
    /// The form.
    children: Children,
) -> impl IntoView {
    provide_clock();
    let frame = use_frame();
    view! {
        <main class="auth" id=MAIN tabindex="-1">
            <div class="card">
                <div class="grid gap-2 justify-items-start">
                    <a class="brand" href=paths::HOME>
                        <Mark big=true/>
                        <Suspense>
                            {move || Suspend::new(async move {
                                let name = frame.await.unwrap_or_else(|_| Frame::unknown()).name;
                                view! { <span>{name}</span> }
                            })}
                        </Suspense>
                    </a>
                    <h1>{title}</h1>
                </div>
                {children()}
            </div>
        </main>
    }
    .into_any()
}

fn around(head: AnyView, children: Children) -> AnyView {
    provide_clock();
    view! {
        {skip_link()}
        <div class="site-frame">{head} <main id=MAIN tabindex="-1">{children()}</main> {foot()}</div>
    }
    .into_any()
}

fn head(frame: Frame) -> AnyView {
    let actions = if frame.me.is_some() {
        view! { <LinkButton href=paths::CONSOLE kind=ButtonKind::Primary>"Console"</LinkButton> }.into_any()
    } else {
        view! {
            <LinkButton href=paths::SIGN_IN kind=ButtonKind::Quiet>"Sign in"</LinkButton>
            <LinkButton href=paths::SIGN_UP kind=ButtonKind::Primary>"Get a key"</LinkButton>
        }
        .into_any()
    };
    view! {
        <header class="site site-bar">
            {brand(paths::HOME, frame.name)} <nav aria-label="Site">
                <a href=paths::DOCS>"Docs"</a>
                <a href=paths::PRIVACY>"Privacy"</a>
            </nav> <div class="actions">{actions}</div>
        </header>
    }
    .into_any()
}

fn foot() -> AnyView {
    view! {
        <footer class="site-foot">
            <div class="site">
                <ul>
                    <li><a href=paths::DOCS>"Docs"</a></li>
                    <li><a href=paths::ERRORS>"Refusals"</a></li>
                    <li><a href=paths::PRIVACY>"Privacy"</a></li>
                    <li><a href=paths::TERMS>{format!("Terms, {}", date_in_full(TERMS_VERSION))}</a></li>
                </ul>
                <ThemeSwitch/>
            </div>
        </footer>
    }
    .into_any()
}
