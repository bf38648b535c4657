//! A secret that is shown once.

use leptos::prelude::*;

use super::CopyButton;

/// A secret in full: one double click selects all of it. It leaves the page with the component.
#[component]
#[must_use]
pub fn SecretText(
    /// The secret.
    #[prop(into)]
    text: String,
    /// Names it for assistive technology.
    #[prop(into)]
    label: String,
) -> impl IntoView {
    view! {
        <div class="secret" role="group" aria-label=label>
            <code translate="no">{text}</code>
            <CopyButton/>
        </div>
    }
    .into_any()
}
