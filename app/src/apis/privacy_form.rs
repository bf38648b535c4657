//! The privacy profile of an API, for staff: what the log keeps of those who call it.

use contract::apis::{AddressPolicy, AgentPolicy, Callers, DeskApi, LogLevel, PrivacyProfile};
use leptos::prelude::*;

use super::server_fns::ChangePrivacy;
use crate::kept::{KeptFields, error_of, problem_of};
use crate::paths;
use crate::ui::{Button, Card, FormErrors, Select, TextField};

const LABELS: &[(&str, &str)] = &[
    ("caller_kind", "Who calls"),
    ("ip_policy", "Network address"),
    ("ua_policy", "User agent"),
    ("log_level", "Rows"),
    ("retention_days", "Kept for, in days"),
];

/// The card; a form for those who may change it.
pub(super) fn privacy(api: &DeskApi, change: Option<(ServerAction<ChangePrivacy>, KeptFields)>) -> AnyView {
    let content = match change {
        Some((action, kept)) => form(api.slug.clone(), api.terms.privacy, action, kept),
        None => {
            let sentences = api.terms.privacy.sentences();
            sentences.into_iter().map(|sentence| view! { <p>{sentence}</p> }.into_any()).collect::<Vec<_>>().into_any()
        }
    };
    view! {
        <Card title="What the log keeps of callers">
            <div class="grid gap-4">
                <p class="muted">
                    "Every request leaves a row: limits, quotas and usage are sums of rows. What this says stands on the "
                    <a class="link" href=paths::PRIVACY>"privacy page"</a> " from the moment it is saved."
                </p>
                {content}
            </div>
        </Card>
    }
    .into_any()
}

fn form(slug: String, profile: PrivacyProfile, action: ServerAction<ChangePrivacy>, kept: KeptFields) -> AnyView {
    let error = error_of(move || action.value().get());
    let stored = [
        ("caller_kind", profile.callers.word().to_owned()),
        ("ip_policy", profile.callers.address().word().to_owned()),
        ("ua_policy", profile.callers.agent().word().to_owned()),
        ("log_level", profile.log_level.word().to_owned()),
        ("retention_days", profile.retention_days.to_string()),
    ];
    let value = move |field: &str| {
        if !kept.0.is_empty() {
            return kept.value(field);
        }
        stored.iter().find(|(name, _)| *name == field).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let choices =
        |all: &[(&str, &str)]| all.iter().map(|(word, label)| ((*word).to_owned(), (*label).to_owned())).collect();
    let callers: Vec<(String, String)> = choices(&Callers::WORDS);
    let addresses: Vec<(String, String)> = choices(&AddressPolicy::ALL.map(|one| (one.word(), one.label())));
    let agents: Vec<(String, String)> = choices(&AgentPolicy::ALL.map(|one| (one.word(), one.label())));
    let levels: Vec<(String, String)> = choices(&LogLevel::ALL.map(|one| (one.word(), one.label())));
    view! {
        <ActionForm action=action attr:novalidate=true attr:class="grid gap-4">
            <FormErrors error labels=LABELS/>
            <input type="hidden" name="slug" value=slug/>
            <Select
                name="caller_kind"
                label="Who calls"
                options=callers
                selected=value("caller_kind")
                help="Of end users nothing is kept, and nothing of browsers in any case."
                problem=problem_of(error, "caller_kind")
            />
            <Select
                name="ip_policy"
                label="Network address"
                options=addresses
                selected=value("ip_policy")
                help="Of callers whose key is known. For preventing abuse, and nothing else."
                problem=problem_of(error, "ip_policy")
            />
            <Select
                name="ua_policy"
                label="User agent"
                options=agents
                selected=value("ua_policy")
                help="What a program calls itself."
                problem=problem_of(error, "ua_policy")
            />
            <Select
                name="log_level"
                label="Rows"
                options=levels
                selected=value("log_level")
                help="Without its route a row says who called when, how long it took, and what came of it."
                problem=problem_of(error, "log_level")
            />
            <TextField
                name="retention_days"
                label="Kept for, in days"
                value=value("retention_days")
                help="1 to 90."
                problem=problem_of(error, "retention_days")
                autocomplete="off"
                required=true
            />
            <div>
                <Button pending=action.pending()>"Save what is kept"</Button>
            </div>
        </ActionForm>
    }
    .into_any()
}
