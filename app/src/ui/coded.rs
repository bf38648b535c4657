//! Sentences with code in them.

use leptos::prelude::*;

/// A sentence in which `words between backticks` are code: refusals and docs are written so.
#[component]
#[must_use]
pub fn Coded(
    /// The sentence.
    #[prop(into)]
    text: String,
) -> impl IntoView {
    let parts: Vec<AnyView> = text
        .split('`')
        .enumerate()
        .map(|(place, part)| {
            let part = part.to_owned();
            if place % 2 == 1 { view! { <code>{part}</code> }.into_any() } else { part.into_any() }
        })
        .collect();
    view! { <span>{parts}</span> }.into_any()
}
