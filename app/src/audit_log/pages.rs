//! The pages: an organization's log, and the operator's.

use contract::Page;
use contract::audit_log::{Action, ActorKind, AuditEvent};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;

use super::log_view::table;
use super::server_fns::{OPERATOR, read_audit_log};
use crate::console::{Admin, Console};
use crate::error::AppError;
use crate::kept::{error_of, problem_of};
use crate::layout::{AdminPlace, ConsolePlace};
use crate::paths;
use crate::staff::desk_refused;
use crate::ui::format::counted;
use crate::ui::{Button, ButtonKind, Card, EmptyState, FormErrors, Icon, LinkButton, Note, Pager, Select, TextField};

/// Every field of the form, in its order.
const LABELS: &[(&str, &str)] =
    &[("action", "What"), ("actor", "By"), ("account", "Account"), ("organization", "Organization")];

/// An organization's own events.
#[component]
#[must_use]
pub fn AuditPage() -> impl IntoView {
    let log = Log::asked_for(false);
    view! {
        <Title text="Audit log"/>
        <Console place=ConsolePlace::Audit title="Audit log">
            {log.view()}
        </Console>
    }
}

/// All events, for staff.
#[component]
#[must_use]
pub fn AdminAuditPage() -> impl IntoView {
    let log = Log::asked_for(true);
    view! {
        <Title text="Audit log"/>
        <Admin place=AdminPlace::Audit title="Audit log">
            {log.view()}
        </Admin>
    }
}

/// What the address asks for. It begins to load before the page around it is drawn: begun inside, on a served page, one
/// in a hundred is never finished.
#[derive(Clone, Copy)]
struct Log {
    operator: bool,
    query: StoredValue<ParamsMap>,
    page: Resource<Result<Page<AuditEvent>, AppError>>,
}

impl Log {
    fn asked_for(operator: bool) -> Self {
        let query = use_query_map().get_untracked();
        let given = query.clone();
        let page = Resource::new_blocking(
            || (),
            move |()| {
                let field = |name| given.get(name).unwrap_or_default();
                let scope = if operator { OPERATOR } else { "" };
                read_audit_log(
                    scope.to_owned(),
                    field("action"),
                    field("actor"),
                    field("account"),
                    field("organization"),
                    field("before"),
                )
            },
        );
        Self { operator, query: StoredValue::new(query), page }
    }

    fn view(self) -> AnyView {
        let Self { operator, query, page } = self;
        view! {
            <Suspense>
                {move || Suspend::new(async move { content(operator, &query.get_value(), page.await) })}
            </Suspense>
        }
        .into_any()
    }
}

fn content(operator: bool, query: &ParamsMap, answer: Result<Page<AuditEvent>, AppError>) -> AnyView {
    let (page, refused) = match answer {
        Ok(page) => (Some(page), None),
        Err(error) => (None, Some(error)),
    };
    let of_form = |error: &AppError| {
        error.refusal().is_some_and(|refusal| LABELS.iter().any(|(field, _)| refusal.problem_of(field).is_some()))
    };
    if let Some(error) = refused.clone().filter(|error| !of_form(error)) {
        return desk_refused(error);
    }
    view! {
        {filter(operator, query, refused)}
        {page.map(|page| events(operator, query, page))}
        <Note>
            {if operator {
                "Looking is an event too. Nothing here can be altered unnoticed: each event is chained to the one before it, and “countersign audit verify” names the first that does not fit."
            } else {
                "Owners and admins see this page. Nothing here can be altered unnoticed: each event is chained to the one before it."
            }}
        </Note>
    }
    .into_any()
}

const fn path(operator: bool) -> &'static str {
    if operator { paths::ADMIN_AUDIT } else { paths::AUDIT }
}

/// The address of the log with its filter, plus the place where its page begins.
fn address(operator: bool, query: &ParamsMap, before: Option<&str>) -> String {
    let mut kept = ParamsMap::new();
    for (field, _) in LABELS {
        if let Some(value) = query.get(field).filter(|value| !value.is_empty()) {
            kept.insert(*field, value);
        }
    }
    if let Some(before) = before {
        kept.insert("before", before.to_owned());
    }
    format!("{}{}", path(operator), kept.to_query_string())
}

fn filter(operator: bool, query: &ParamsMap, refused: Option<AppError>) -> AnyView {
    let error = error_of(move || refused.clone().map(Err::<(), _>));
    let given = |field| query.get(field).unwrap_or_default();
    let with_any = |choices: Vec<(String, String)>| [vec![(String::new(), "anything".to_owned())], choices].concat();
    let actions = Action::ALL.iter().map(|action| (action.word().to_owned(), action.label().to_owned())).collect();
    let actors =
        ActorKind::ALL.map(|actor| (actor.word().to_owned(), super::log_view::kind(actor).to_owned())).to_vec();
    let organization = operator.then(|| {
        view! {
            <TextField
                name="organization"
                label="Organization"
                value=given("organization")
                problem=problem_of(error, "organization")
                autocomplete="off"
                placeholder="org_…"
                mono=true
            />
        }
    });
    let filtered = LABELS.iter().any(|(field, _)| !given(field).is_empty());
    let clear = filtered.then(|| view! { <LinkButton href=path(operator) kind=ButtonKind::Quiet>"Clear"</LinkButton> });
    view! {
        <form method="get" action=path(operator) class="grid gap-4" role="search" aria-label="Filter events" novalidate>
            <FormErrors error labels=LABELS/>
            <div class="filter-bar stacked">
                <Select name="action" label="What" options=with_any(actions) selected=given("action") problem=problem_of(error, "action")/>
                <Select name="actor" label="By" options=[vec![(String::new(), "anybody".to_owned())], actors].concat() selected=given("actor") problem=problem_of(error, "actor")/>
                <TextField
                    name="account"
                    label="Account"
                    value=given("account")
                    problem=problem_of(error, "account")
                    autocomplete="off"
                    placeholder="acc_…"
                    mono=true
                />
                {organization}
                <div class="filter-actions"><Button icon=Icon::Search>"Filter"</Button> {clear}</div>
            </div>
        </form>
    }
    .into_any()
}

fn events(operator: bool, query: &ParamsMap, page: Page<AuditEvent>) -> AnyView {
    let Page { items, next } = page;
    if items.is_empty() {
        return view! {
            <Card>
                <EmptyState icon=Icon::List title="No event" text="What is changed stands here at once, with who did it."/>
            </Card>
        }
        .into_any();
    }
    let older = next.map(|before| address(operator, query, Some(&before)));
    let newest = query.get("before").is_some().then(|| address(operator, query, None));
    let summary = counted(i64::try_from(items.len()).unwrap_or(i64::MAX), "event", "events");
    view! {
        <Card flush=true>
            {table(operator, items)}
            <Pager summary=summary newest=newest older=older/>
        </Card>
    }
    .into_any()
}
