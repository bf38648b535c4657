//! A list of steps that tick themselves.

use leptos::prelude::*;

use super::{Icon, IconView};

/// The list.
#[component]
#[must_use]
pub fn Steps(
    /// [`Step`]s.
    children: Children,
) -> impl IntoView {
    view! { <ol class="steps">{children()}</ol> }.into_any()
}

/// One step.
#[component]
#[must_use]
pub fn Step(
    /// Whether it is done.
    #[prop(into)]
    done: Signal<bool>,
    /// What to do: "Verify your email".
    #[prop(into)]
    title: String,
    /// A few words below: what was done, or what happens then.
    #[prop(optional, into)]
    note: String,
    /// How to do it; pages leave it out when the step is done.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <li>
            <span class=move || if done.get() { "tick done" } else { "tick" }>
                <IconView icon=Icon::Check/>
            </span>
            <div class="text">
                {title} <span class="unseen">{move || if done.get() { " (done)" } else { " (to do)" }}</span>
                {(!note.is_empty()).then(|| view! { <div class="small muted">{note}</div> })}
                {children.map(|children| view! { <div class="below">{children()}</div> })}
            </div>
        </li>
    }
    .into_any()
}
