//! Finding a key, for staff.

use contract::keys::KeyState;
use contract::keys::desk::FoundKey;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::desk_server_fns::find_keys;
use super::keys_page::state;
use crate::console::Admin;
use crate::error::AppError;
use crate::kept::{error_of, problem_of};
use crate::layout::AdminPlace;
use crate::paths;
use crate::staff::{desk_refused, purpose_field, purpose_of};
use crate::ui::format::counted;
use crate::ui::{
    Button, ButtonKind, Card, Column, EmptyState, FormErrors, Icon, InputKind, Note, Select, Table, Tag, TextField,
    Time,
};

const LABELS: &[(&str, &str)] = &[("query", "Key"), ("state", "State"), ("purpose", "Purpose")];

/// What the form holds.
#[derive(Clone, Debug, Default)]
struct Asked {
    query: String,
    state: String,
    purpose: String,
}

/// A search with its purpose, and what it found.
#[component]
#[must_use]
pub fn DeskKeysPage() -> impl IntoView {
    let query = use_query_map().get_untracked();
    let field = |name: &str| query.get(name).unwrap_or_default();
    let asked = query.get("query").map(|query| Asked { query, state: field("state"), purpose: field("purpose") });
    let asked = StoredValue::new(asked);
    let found = Resource::new_blocking(
        || (),
        move |()| async move {
            match asked.get_value() {
                Some(Asked { query, state, purpose }) => Some(find_keys(query, state, purpose).await),
                None => None,
            }
        },
    );
    view! {
        <Title text="Keys"/>
        <Admin place=AdminPlace::Keys title="Keys">
            <Suspense>
                {move || Suspend::new(async move { content(asked.get_value().unwrap_or_default(), found.await) })}
            </Suspense>
        </Admin>
    }
}

/// The word on pages.
const fn word(state: KeyState) -> &'static str {
    match state {
        KeyState::AwaitingReveal => "Awaiting reveal",
        KeyState::Active => "Active",
        KeyState::Expired => "Expired",
        KeyState::Revoked => "Revoked",
    }
}

fn content(asked: Asked, found: Option<Result<Vec<FoundKey>, AppError>>) -> AnyView {
    let (keys, refused) = match found {
        Some(Ok(keys)) => (Some(keys), None),
        Some(Err(error)) => (None, Some(error)),
        None => (None, None),
    };
    let names =
        |error: &AppError, field: &str| error.refusal().is_some_and(|refusal| refusal.problem_of(field).is_some());
    let of_form = refused.as_ref().is_some_and(|error| LABELS.iter().any(|(field, _)| names(error, field)));
    if let Some(error) = refused.clone().filter(|_| !of_form) {
        return desk_refused(error);
    }
    let error = error_of(move || refused.clone().map(Err::<(), _>));
    let Asked { query, state, purpose } = asked;
    // What was refused may be a secret: it is not written into the page again.
    let query = if of_form && keys.is_none() { String::new() } else { query };
    let mut states = vec![(String::new(), "Any state".to_owned())];
    states.extend(KeyState::ALL.map(|state| (state.word().to_owned(), word(state).to_owned())));
    view! {
        <form method="get" action=paths::ADMIN_KEYS class="grid gap-4" role="search" aria-label="Find keys" novalidate>
            <FormErrors error labels=LABELS/>
            <div class="filter-bar stacked">
                <TextField
                    name="query"
                    label="Key"
                    kind=InputKind::Search
                    value=query
                    help="An id, the last four characters, part of a label, or an organization. Never a whole secret."
                    problem=problem_of(error, "query")
                    autocomplete="off"
                    required=true
                />
                <Select name="state" label="State" options=states selected=state/>
                {purpose_field(purpose.clone(), problem_of(error, "purpose"))}
                <div class="filter-actions"><Button kind=ButtonKind::Primary icon=Icon::Search>"Find"</Button></div>
            </div>
        </form>
        {match keys {
            None => view! {
                <Note>"Each search and each look is written down in the audit log, with its purpose."</Note>
                <p><a class="link" href=paths::ADMIN_IMPORTS>"Imports of keys"</a></p>
            }
            .into_any(),
            Some(keys) => results(keys, &purpose),
        }}
    }
    .into_any()
}

fn results(keys: Vec<FoundKey>, purpose: &str) -> AnyView {
    if keys.is_empty() {
        return view! {
            <Card>
                <EmptyState
                    icon=Icon::Key
                    title="No key found"
                    text="Labels and organizations are found in part, ids whole. Ask the person for the id on the page of the key."
                />
            </Card>
        }
        .into_any();
    }
    let purpose = purpose_of(purpose).ok();
    let summary = counted(i64::try_from(keys.len()).unwrap_or(i64::MAX), "key", "keys");
    let columns = vec![
        Column::text("Key"),
        Column::text("Organization"),
        Column::text("Environment").optional(),
        Column::text("State"),
        Column::text("Last used").optional(),
        Column::actions("Actions"),
    ];
    let rows: Vec<AnyView> = keys
        .into_iter()
        .map(|key| {
            let href = paths::admin_key(key.id, purpose);
            let named = format!("Open {}", key.label);
            let used = match key.last_used_at {
                Some(at) => view! { <Time at=at/> }.into_any(),
                None => "never".into_any(),
            };
            view! {
                <tr>
                    <td class="break-words"><b class="font-medium">{key.label}</b> <span class="block small muted mono">{key.hint}</span></td>
                    <td class="break-words">{key.organization_name}</td>
                    <td class="opt"><Tag>{key.environment.label()}</Tag></td>
                    <td>{state(key.state)}</td>
                    <td class="opt muted">{used}</td>
                    <td class="actions"><a class="btn" href=href aria-label=named>"Open"</a></td>
                </tr>
            }
            .into_any()
        })
        .collect();
    view! {
        <Card title=summary note="The newest first, 50 at most" flush=true>
            <Table label="Keys" columns=columns fold=true>
                {rows}
            </Table>
        </Card>
    }
    .into_any()
}
