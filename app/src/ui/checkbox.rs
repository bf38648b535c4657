//! A choice of yes or no.

use contract::Problem;
use leptos::prelude::*;

use super::field;

/// A box to tick, with its label beside it. The label may hold links.
#[component]
#[must_use]
pub fn Checkbox(
    /// The field's name in the form.
    name: &'static str,
    /// What it sends when ticked.
    #[prop(default = "true".to_owned(), into)]
    value: String,
    /// Ticked at first.
    #[prop(optional)]
    checked: bool,
    /// Must be ticked.
    #[prop(optional)]
    required: bool,
    /// How to answer.
    #[prop(optional, into)]
    help: String,
    /// What is wrong with the answer.
    #[prop(optional, into)]
    problem: Signal<Option<Problem>>,
    /// The label.
    children: Children,
) -> impl IntoView {
    let id = field::id(name);
    let has_help = !help.is_empty();
    let describes = id.clone();
    view! {
        <div class="field check">
            <input
                id=id.clone()
                type="checkbox"
                name=name
                value=value
                checked=checked
                required=required
                aria-invalid=move || problem.get().map(|_| "true")
                aria-describedby=move || field::described_by(&describes, has_help, problem.get().is_some())
            />
            <label for=id.clone()>{children()}</label>
            {field::below(&id, help, problem)}
        </div>
    }
    .into_any()
}
