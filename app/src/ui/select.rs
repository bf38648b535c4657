//! One of several.

use contract::Problem;
use leptos::prelude::*;

use super::field::{self, Field};
use super::{Icon, IconView};

/// A list to choose from, with its label. The browser draws it, so it works by keyboard, by voice and without a script.
#[component]
#[must_use]
pub fn Select(
    /// The field's name in the form.
    name: &'static str,
    /// What is asked for.
    #[prop(into)]
    label: String,
    /// What there is to choose: what is sent, and what is shown.
    options: Vec<(String, String)>,
    /// What is chosen at first, as it is sent.
    #[prop(optional, into)]
    selected: String,
    /// How to answer.
    #[prop(optional, into)]
    help: String,
    /// What is wrong with the answer.
    #[prop(optional, into)]
    problem: Signal<Option<Problem>>,
    /// Distinguishes two forms on one page that have a field of the same name.
    #[prop(optional, into)]
    id: String,
) -> impl IntoView {
    let id = if id.is_empty() { field::id(name) } else { id };
    let has_help = !help.is_empty();
    let describes = id.clone();
    let options: Vec<AnyView> = options
        .into_iter()
        .map(|(value, shown)| {
            let chosen = value == selected;
            view! { <option value=value selected=chosen>{shown}</option> }.into_any()
        })
        .collect();
    view! {
        <Field name label help problem id=id.clone()>
            <div class="select">
                <select
                    id=id
                    class="input"
                    name=name
                    aria-invalid=move || problem.get().map(|_| "true")
                    aria-describedby=move || field::described_by(&describes, has_help, problem.get().is_some())
                >
                    {options}
                </select>
                <IconView icon=Icon::ChevronDown/>
            </div>
        </Field>
    }
    .into_any()
}
