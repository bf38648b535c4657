//! A password, with a button that shows it.

use contract::Problem;
use leptos::prelude::*;

use super::field::{self, Field};
use super::use_hydrated;

/// A password with its label. It can be shown once a script runs; without one it is a plain password field.
#[component]
#[must_use]
pub fn PasswordField(
    /// The field's name in the form.
    #[prop(default = "password")]
    name: &'static str,
    /// What is asked for.
    #[prop(default = "Password".to_owned(), into)]
    label: String,
    /// How to answer.
    #[prop(optional, into)]
    help: String,
    /// What is wrong with the answer.
    #[prop(optional, into)]
    problem: Signal<Option<Problem>>,
    /// `current-password` to sign in, `new-password` to choose one.
    #[prop(default = "current-password")]
    autocomplete: &'static str,
    /// Must be filled in.
    #[prop(default = true)]
    required: bool,
    /// Has the focus when its dialog opens.
    #[prop(optional)]
    autofocus: bool,
    /// Distinguishes two forms on one page that have a field of the same name.
    #[prop(optional, into)]
    id: String,
) -> impl IntoView {
    let id = if id.is_empty() { field::id(name) } else { id };
    let has_help = !help.is_empty();
    let describes = id.clone();
    let hydrated = use_hydrated();
    let (shown, set_shown) = signal(false);
    view! {
        <Field name label help problem id=id.clone()>
            <div class="password">
                <input
                    id=id
                    class="input"
                    type=move || if shown.get() { "text" } else { "password" }
                    name=name
                    autocomplete=autocomplete
                    required=required
                    autofocus=autofocus
                    spellcheck="false"
                    autocapitalize="none"
                    aria-invalid=move || problem.get().map(|_| "true")
                    aria-describedby=move || field::described_by(&describes, has_help, problem.get().is_some())
                />
                <button
                    type="button"
                    class="btn quiet"
                    hidden=move || !hydrated.get()
                    aria-pressed=move || if shown.get() { "true" } else { "false" }
                    aria-label="Show the password"
                    on:click=move |_| set_shown.update(|shown| *shown = !*shown)
                >
                    {move || if shown.get() { "Hide" } else { "Show" }}
                </button>
            </div>
        </Field>
    }
    .into_any()
}
