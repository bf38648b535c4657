//! What went wrong with a form, above it.

use contract::Refusal;
use leptos::html;
use leptos::prelude::*;

use super::{Coded, CopyButton, Icon, IconView, field};
use crate::error::AppError;

/// The sentence, and links to the fields that need another look. Read out and focused when it appears, also on a page
/// that was answered without a script.
#[component]
#[must_use]
pub fn FormErrors(
    /// What the form was answered with.
    #[prop(into)]
    error: Signal<Option<AppError>>,
    /// Field names with their labels, in the order of the form.
    labels: &'static [(&'static str, &'static str)],
    /// Leaves the focus where it is.
    #[prop(optional)]
    still: bool,
) -> impl IntoView {
    let place = NodeRef::<html::Div>::new();
    Effect::new(move || {
        if !still
            && error.get().is_some()
            && let Some(element) = place.get()
        {
            let _ = element.focus(); // a browser that cannot focus it still reads it out: role=alert
        }
    });
    move || {
        error.get().map(|error| {
            view! {
                <div class="form-errors" role="alert" tabindex="-1" autofocus=!still node_ref=place>
                    <IconView icon=Icon::Warning/>
                    <div class="min-w-0">{sentence(&error)} {fields(&error, labels)}</div>
                </div>
            }
            .into_any()
        })
    }
}

/// What happened and what to do, with the reference to quote if it was our fault.
pub(super) fn sentence(error: &AppError) -> AnyView {
    match error {
        AppError::Refused(refusal) => view! { <p><Coded text=refusal.to_string()/></p> }.into_any(),
        AppError::Broken { reference } => view! {
            <p>"Something failed on our side. Nothing was changed. Try again, and if it happens again quote this reference:"</p>
            <p class="flex items-center gap-2 mt-1">
                <code>{reference.clone()}</code>
                <CopyButton label="Copy the reference" only_icon=true/>
            </p>
        }
        .into_any(),
        AppError::Unreachable => {
            view! { <p>"The server could not be reached. Check your connection and try again."</p> }.into_any()
        }
    }
}

fn fields(error: &AppError, labels: &'static [(&'static str, &'static str)]) -> Option<AnyView> {
    let AppError::Refused(refusal @ Refusal::InvalidInput { .. }) = error else { return None };
    let items: Vec<AnyView> = labels
        .iter()
        .filter_map(|(name, label)| refusal.problem_of(name).map(|problem| (*name, *label, problem)))
        .map(|(name, label, problem)| {
            view! { <li><a href=format!("#{}", field::id(name)) rel="external">{label}</a>": "{problem.to_string()}</li> }.into_any()
        })
        .collect();
    (!items.is_empty()).then(|| view! { <ul>{items}</ul> }.into_any())
}
