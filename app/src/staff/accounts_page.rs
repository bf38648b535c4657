//! Finding an account.

use contract::staff::FoundAccount;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::server_fns::find_accounts;
use super::{desk_refused, purpose_field, purpose_of};
use crate::console::Admin;
use crate::error::AppError;
use crate::kept::{error_of, problem_of};
use crate::layout::AdminPlace;
use crate::paths;
use crate::ui::format::counted;
use crate::ui::{
    Button, ButtonKind, Card, Column, EmptyState, FormErrors, Icon, InputKind, Note, Table, TextField, Time,
};

const LABELS: &[(&str, &str)] = &[("query", "Account"), ("purpose", "Purpose")];

/// A search with its purpose, and what it found.
#[component]
#[must_use]
pub fn AccountsPage() -> impl IntoView {
    let query = use_query_map().get_untracked();
    let asked = query.get("query").map(|text| (text, query.get("purpose").unwrap_or_default()));
    let asked = StoredValue::new(asked);
    let found = Resource::new_blocking(
        || (),
        move |()| async move {
            match asked.get_value() {
                Some((text, purpose)) => Some(find_accounts(text, purpose).await),
                None => None,
            }
        },
    );
    view! {
        <Title text="Accounts"/>
        <Admin place=AdminPlace::Accounts title="Accounts">
            <Suspense>
                {move || Suspend::new(async move { content(asked.get_value().unwrap_or_default(), found.await) })}
            </Suspense>
        </Admin>
    }
}

fn content((text, purpose): (String, String), found: Option<Result<Vec<FoundAccount>, AppError>>) -> AnyView {
    let (accounts, refused) = match found {
        Some(Ok(accounts)) => (Some(accounts), None),
        Some(Err(error)) => (None, Some(error)),
        None => (None, None),
    };
    let of_form = refused.as_ref().is_some_and(|error| LABELS.iter().any(|(field, _)| names(error, field)));
    if let Some(error) = refused.clone().filter(|_| !of_form) {
        return desk_refused(error);
    }
    let error = error_of(move || refused.clone().map(Err::<(), _>));
    view! {
        <form method="get" action=paths::ADMIN_ACCOUNTS class="grid gap-4" role="search" aria-label="Find accounts" novalidate>
            <FormErrors error labels=LABELS/>
            <div class="filter-bar stacked">
                <TextField
                    name="query"
                    label="Account"
                    kind=InputKind::Search
                    value=text
                    help="A whole address, part of a name, the name of an organization, or an id."
                    problem=problem_of(error, "query")
                    autocomplete="off"
                    required=true
                />
                {purpose_field(purpose.clone(), problem_of(error, "purpose"))}
                <div class="filter-actions"><Button kind=ButtonKind::Primary icon=Icon::Search>"Find"</Button></div>
            </div>
        </form>
        {match accounts {
            None => view! { <Note>"Each search and each look is written down in the audit log, with its purpose. The person sees that staff looked, and why."</Note> }.into_any(),
            Some(accounts) => results(accounts, &purpose),
        }}
    }
    .into_any()
}

fn names(error: &AppError, field: &str) -> bool {
    error.refusal().is_some_and(|refusal| refusal.problem_of(field).is_some())
}

fn results(accounts: Vec<FoundAccount>, purpose: &str) -> AnyView {
    if accounts.is_empty() {
        return view! {
            <Card>
                <EmptyState
                    icon=Icon::User
                    title="No account found"
                    text="Addresses are found whole, names in part. Ask the person for the id on their security page."
                />
            </Card>
        }
        .into_any();
    }
    let purpose = purpose_of(purpose).ok();
    let summary = counted(i64::try_from(accounts.len()).unwrap_or(i64::MAX), "account", "accounts");
    let columns = vec![
        Column::text("Name"),
        Column::text("Address"),
        Column::text("State"),
        Column::text("Created").optional(),
        Column::actions("Actions"),
    ];
    let rows: Vec<AnyView> = accounts
        .into_iter()
        .map(|account| {
            let href = paths::account(account.id, purpose);
            let named = format!("Open {}", account.name);
            view! {
                <tr>
                    <td><b class="font-medium">{account.name}</b></td>
                    <td>{account.email}</td>
                    <td>{super::account_page::state_tag(account.state)}</td>
                    <td class="opt muted"><Time at=account.created_at/></td>
                    <td class="actions"><a class="btn" href=href aria-label=named>"Open"</a></td>
                </tr>
            }
            .into_any()
        })
        .collect();
    view! {
        <Card title=summary note="The newest first, 50 at most" flush=true>
            <Table label="Accounts" columns=columns fold=true>
                {rows}
            </Table>
        </Card>
    }
    .into_any()
}
