//! An address where nothing is.

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use leptos_meta::Title;

use crate::error::AppError;
use crate::layout::SitePage;
use crate::paths;
use crate::ui::{ButtonKind, LinkButton};

/// Any address without a page.
#[component]
#[must_use]
pub fn NotFoundPage() -> impl IntoView {
    view! { <SitePage>{not_found()}</SitePage> }.into_any()
}

/// Makes the answer a 404. Asked for while a served page is drawn, never by the browser.
///
/// # Errors
/// None of its own.
#[server(prefix = "/rpc", endpoint = "pages/missing", input = GetUrl)]
pub async fn mark_missing() -> Result<(), AppError> {
    crate::backend::set_page_status(404);
    Ok(())
}

/// What stands on it, for pages that find out by themselves.
pub(crate) fn not_found() -> AnyView {
    let marked = Resource::new_blocking(
        || (),
        |()| async {
            let _ = mark_missing().await; // the page is the same without the status
        },
    );
    view! {
        <Suspense>{move || Suspend::new(async move { marked.await })}</Suspense>
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
