//! A field of a form: label above, help below, what is wrong below that.

use contract::Problem;
use leptos::prelude::*;

use super::{Icon, IconView};

/// The id of the control of a field; summaries of errors link to it.
pub(super) fn id(name: &str) -> String {
    format!("field-{name}")
}

/// What `aria-describedby` names: the help, and the problem if there is one. A prefix keeps two forms on one page apart.
pub(super) fn described_by(id: &str, help: bool, problem: bool) -> Option<String> {
    match (help, problem) {
        (false, false) => None,
        (true, false) => Some(format!("{id}-help")),
        (false, true) => Some(format!("{id}-problem")),
        (true, true) => Some(format!("{id}-help {id}-problem")),
    }
}

/// What stands below a control.
pub(super) fn below(id: &str, help: String, problem: Signal<Option<Problem>>) -> AnyView {
    let help_id = format!("{id}-help");
    let problem_id = format!("{id}-problem");
    view! {
        {(!help.is_empty()).then(|| view! { <div class="help" id=help_id>{help}</div> })}
        {move || {
            let problem_id = problem_id.clone();
            problem
                .get()
                .map(|problem| {
                    view! {
                        <div class="problem" id=problem_id>
                            <IconView icon=Icon::Warning/>
                            <span>{problem.to_string()}</span>
                        </div>
                    }
                })
        }}
    }
    .into_any()
}

/// A label around any control that has the id `field-{name}`. The other fields are made of it.
#[component]
#[must_use]
pub fn Field(
    /// The field's name in the form.
    name: &'static str,
    /// What is asked for.
    #[prop(into)]
    label: String,
    /// How to answer.
    #[prop(optional, into)]
    help: String,
    /// What is wrong with the answer.
    #[prop(optional, into)]
    problem: Signal<Option<Problem>>,
    /// Distinguishes two forms on one page that have a field of the same name.
    #[prop(optional, into)]
    id: String,
    /// The control.
    children: Children,
) -> impl IntoView {
    let id = if id.is_empty() { self::id(name) } else { id };
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            {children()}
            {below(&id, help, problem)}
        </div>
    }
    .into_any()
}
