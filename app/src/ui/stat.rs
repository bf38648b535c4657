//! Numbers that are read at a glance.

use leptos::prelude::*;

/// A row of numbers. As many beside each other as fit, two on a phone.
#[component]
#[must_use]
pub fn Stats(
    /// [`Stat`]s.
    children: Children,
) -> impl IntoView {
    view! { <dl class="stats">{children()}</dl> }.into_any()
}

/// One number with its name, inside [`Stats`].
#[component]
#[must_use]
pub fn Stat(
    /// What is counted.
    #[prop(into)]
    label: String,
    /// The number, formatted.
    #[prop(into)]
    value: Signal<String>,
    /// What explains it, below.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="card stat">
            <dt>{label}</dt>
            <dd class="value">{move || value.get()}</dd>
            <dd class="below">{children.map(|children| children())}</dd>
        </div>
    }
    .into_any()
}
