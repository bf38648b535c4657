//! One line of text.

use contract::Problem;
use leptos::prelude::*;

use super::field::{self, Field};

/// What kind of text: the browser offers the right keyboard and checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InputKind {
    /// Any line.
    #[default]
    Text,
    /// An email address.
    Email,
    /// Words to search for.
    Search,
    /// A date and a time.
    Moment,
}

impl InputKind {
    const fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Email => "email",
            Self::Search => "search",
            Self::Moment => "datetime-local",
        }
    }
}

/// A line of text with its label. `on:input` and `on:change` reach the control by bubbling.
#[component]
#[must_use]
pub fn TextField(
    /// The field's name in the form.
    name: &'static str,
    /// What is asked for.
    #[prop(into)]
    label: String,
    /// What kind of text.
    #[prop(optional)]
    kind: InputKind,
    /// What stands in it at first.
    #[prop(optional, into)]
    value: String,
    /// How to answer.
    #[prop(optional, into)]
    help: String,
    /// What is wrong with the answer.
    #[prop(optional, into)]
    problem: Signal<Option<Problem>>,
    /// For password managers and address books: `email`, `name`, `off`.
    #[prop(optional)]
    autocomplete: &'static str,
    /// Most characters; 0 for no limit.
    #[prop(optional)]
    max_length: usize,
    /// An example of an answer, never the question.
    #[prop(optional)]
    placeholder: &'static str,
    /// Must be filled in.
    #[prop(optional)]
    required: bool,
    /// In monospace: ids, paths, filters.
    #[prop(optional)]
    mono: bool,
    /// Has the focus when the page opens.
    #[prop(optional)]
    autofocus: bool,
    /// Distinguishes two forms on one page that have a field of the same name.
    #[prop(optional, into)]
    id: String,
) -> impl IntoView {
    let id = if id.is_empty() { field::id(name) } else { id };
    let has_help = !help.is_empty();
    let describes = id.clone();
    view! {
        <Field name label help problem id=id.clone()>
            <input
                id=id
                class=if mono { "input mono" } else { "input" }
                type=kind.word()
                name=name
                value=value
                autocomplete=(!autocomplete.is_empty()).then_some(autocomplete)
                maxlength=(max_length > 0).then_some(max_length.to_string())
                placeholder=(!placeholder.is_empty()).then_some(placeholder)
                required=required
                autofocus=autofocus
                spellcheck=(mono || kind == InputKind::Email).then_some("false")
                autocapitalize=(mono || kind == InputKind::Email).then_some("none")
                aria-invalid=move || problem.get().map(|_| "true")
                aria-describedby=move || field::described_by(&describes, has_help, problem.get().is_some())
            />
        </Field>
    }
    .into_any()
}
