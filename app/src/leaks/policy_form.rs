//! What an API asks for when the secret of a key leaks, on its page of the desk.

use contract::leaks::{LEAK_OVERLAP_DAYS_MAX, LeakPolicy, LeakTerms};
use leptos::prelude::*;

use super::server_fns::ChangeLeakTerms;
use crate::kept::{KeptFields, error_of, problem_of};
use crate::ui::format::counted;
use crate::ui::{Button, Card, FormErrors, Note, Select, TextField};

const LABELS: &[(&str, &str)] = &[("leak_policy", "When a key leaks"), ("leak_overlap_days", "Days")];

/// Who looks at the policy.
#[derive(Clone)]
pub enum PolicyShown {
    /// Somebody who may change it: with the form that was sent and not accepted, if any.
    Changes(ServerAction<ChangeLeakTerms>, KeptFields),
    /// Somebody who may not.
    Reads,
}

/// The card.
#[must_use]
pub fn policy(slug: &str, terms: LeakTerms, shown: PolicyShown) -> AnyView {
    let PolicyShown::Changes(action, kept) = shown else {
        let days = counted(terms.overlap_days, "day", "days");
        let overlap = (terms.policy == LeakPolicy::Rotate).then(|| format!("The old secret works for {days}."));
        return view! {
            <Card title="When a key leaks">
                <p>{terms.policy.label()} ". " {overlap}</p>
            </Card>
        }
        .into_any();
    };
    let error = error_of(move || action.value().get());
    let was_typed = !kept.0.is_empty();
    let value = |field: &str, now: String| if was_typed { kept.value(field) } else { now };
    let chosen = value("leak_policy", terms.policy.word().to_owned());
    let days = value("leak_overlap_days", terms.overlap_days.to_string());
    let options = LeakPolicy::ALL.map(|policy| (policy.word().to_owned(), policy.label().to_owned())).to_vec();
    let slug = slug.to_owned();
    view! {
        <Card title="When a key leaks">
            <ActionForm action=action attr:novalidate=true attr:class="grid gap-4">
                <FormErrors error labels=LABELS/>
                <input type="hidden" name="api" value=slug/>
                <Select
                    name="leak_policy"
                    label="When a key leaks"
                    options
                    selected=chosen
                    problem=problem_of(error, "leak_policy")
                />
                <TextField
                    name="leak_overlap_days"
                    label="Days"
                    value=days
                    help=format!("How long the old secret works after a new one was sent: 0 to {LEAK_OVERLAP_DAYS_MAX}.")
                    problem=problem_of(error, "leak_overlap_days")
                    autocomplete="off"
                    required=true
                />
                <Note>"Keys are not bound to one API: of all that a key can call, the strictest holds."</Note>
                <div><Button>"Save the policy"</Button></div>
            </ActionForm>
        </Card>
    }
    .into_any()
}
