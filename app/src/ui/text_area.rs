//! Text of several lines.

use contract::Problem;
use leptos::prelude::*;

use super::field::{self, Field};

/// A text of several lines with its label.
#[component]
#[must_use]
pub fn TextArea(
    /// The field's name in the form.
    name: &'static str,
    /// What is asked for.
    #[prop(into)]
    label: String,
    /// What stands in it at first.
    #[prop(optional, into)]
    value: String,
    /// How to answer.
    #[prop(optional, into)]
    help: String,
    /// What is wrong with the answer.
    #[prop(optional, into)]
    problem: Signal<Option<Problem>>,
    /// Most characters; 0 for no limit.
    #[prop(optional)]
    max_length: usize,
    /// How many lines are seen at once.
    #[prop(default = 4)]
    rows: u32,
    /// Must be filled in.
    #[prop(optional)]
    required: bool,
    /// In monospace: documents, lists of addresses.
    #[prop(optional)]
    mono: bool,
    /// Distinguishes two forms on one page that have a field of the same name.
    #[prop(optional, into)]
    id: String,
) -> impl IntoView {
    let id = if id.is_empty() { field::id(name) } else { id };
    let has_help = !help.is_empty();
    let describes = id.clone();
    // The first line break after the tag is not part of the text (HTML §13.1.2.5).
    let value = if value.starts_with('\n') { format!("\n{value}") } else { value };
    // Leptos 0.8 takes the children of this element for markup and writes them as they are.
    let value = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    view! {
        <Field name label help problem id=id.clone()>
            <textarea
                id=id
                class=if mono { "input mono" } else { "input" }
                name=name
                rows=rows.to_string()
                maxlength=(max_length > 0).then_some(max_length.to_string())
                required=required
                spellcheck=mono.then_some("false")
                aria-invalid=move || problem.get().map(|_| "true")
                aria-describedby=move || field::described_by(&describes, has_help, problem.get().is_some())
                inner_html=value
            ></textarea>
        </Field>
    }
    .into_any()
}
