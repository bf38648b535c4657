//! Pages of a list, newest first.

use leptos::prelude::*;

/// Links to the newest and to the next older page. Draws nothing when everything is on this page.
#[component]
#[must_use]
pub fn Pager(
    /// What stands on this page: "50 requests".
    #[prop(optional, into)]
    summary: String,
    /// Address of the first page, unless this is it.
    #[prop(optional_no_strip)]
    newest: Option<String>,
    /// Address of the next older page, if there is one.
    #[prop(optional_no_strip)]
    older: Option<String>,
) -> impl IntoView {
    (newest.is_some() || older.is_some()).then(|| {
        view! {
            <nav class="pager" aria-label="Pages">
                <span>{summary}</span>
                <span class="flex gap-2">
                    {newest.map(|href| view! { <a class="btn" href=href>"Newest"</a> })}
                    {older.map(|href| view! { <a class="btn" href=href rel="next">"Older"</a> })}
                </span>
            </nav>
        }
        .into_any()
    })
}
