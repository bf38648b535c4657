//! An address where nothing is.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::layout::SitePage;
use crate::paths;
use crate::ui::{ButtonKind, LinkButton};

/// Any address without a page. The status 404 comes from the server's fallback.
#[component]
#[must_use]
pub fn NotFoundPage() -> impl IntoView {
    view! { <SitePage>{not_found()}</SitePage> }.into_any()
}

/// What stands on it, for pages that find out by themselves.
pub(crate) fn not_found() -> AnyView {
    view! {
        <Title text="Not found"/>
        <div class="doc">
            <div class="grid gap-3">
                <p class="small muted">"404"</p>
                <h1>"There is nothing here"</h1>
                <p class="lead">
                    "The address may be mistyped, or what stood here belongs to someone else. Check it, or go on from here."
                </p>
            </div>
            <p class="flex flex-wrap gap-2">
                <LinkButton href=paths::HOME kind=ButtonKind::Primary>"Front page"</LinkButton>
                <LinkButton href=paths::DOCS>"Docs"</LinkButton>
                <LinkButton href=paths::CONSOLE>"Console"</LinkButton>
            </p>
        </div>
    }
    .into_any()
}
