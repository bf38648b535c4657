//! What stands where there is nothing yet.

use leptos::prelude::*;

use super::{Icon, IconView};

/// Says what would be here, and offers the one action that brings it.
#[component]
#[must_use]
pub fn EmptyState(
    /// A picture of what would be here.
    icon: Icon,
    /// "No keys yet".
    #[prop(into)]
    title: String,
    /// What this is and how to get it, in a sentence or two.
    #[prop(into)]
    text: String,
    /// One action, or the code to try.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty">
            <IconView icon/>
            <h2>{title}</h2>
            <p class="text">{text}</p>
            {children.map(|children| view! { <div class="more">{children()}</div> })}
        </div>
    }
    .into_any()
}
