//! A card: a part of a page with a line around it.

use leptos::children::ViewFnOnce;
use leptos::prelude::*;

/// A part of a page. With a title it has a head, and the title is a heading of the second level.
#[component]
#[must_use]
pub fn Card(
    /// What it holds.
    #[prop(optional, into)]
    title: String,
    /// A few words beside the title.
    #[prop(optional, into)]
    note: String,
    /// At the end of the head: tags, buttons.
    #[prop(optional, into)]
    actions: Option<ViewFnOnce>,
    /// No padding: the content reaches the line, as tables and steps do.
    #[prop(optional)]
    flush: bool,
    /// The content.
    children: Children,
) -> impl IntoView {
    let head = (!title.is_empty()).then(|| {
        view! {
            <header>
                <h2>{title}</h2>
                {(!note.is_empty()).then(|| view! { <span class="note-text">{note}</span> })}
                {actions.map(|actions| view! { <div class="actions">{actions.run()}</div> })}
            </header>
        }
        .into_any()
    });
    let body = if flush { children() } else { view! { <div class="body">{children()}</div> }.into_any() };
    view! { <section class="card">{head} {body}</section> }.into_any()
}
