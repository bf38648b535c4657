//! One organization, for staff: its limit over all APIs, and its plans.

use contract::limits::Limit;
use contract::organizations::{DeskOrganization, DeskPlan};
use contract::{OrganizationId, StaffPermission};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::server_fns::{ChangeLimit, see_organization};
use crate::console::Admin;
use crate::kept::{KeptFields, error_of, problem_of, use_kept};
use crate::layout::{AdminPlace, use_frame};
use crate::paths;
use crate::staff::desk_refused;
use crate::subscriptions::server_fns::GivePlan;
use crate::ui::{
    Button, ButtonKind, Card, Column, FormErrors, Note, Notice, Select, Table, Tag, TextField, Time, Tone,
};

const LABELS: &[(&str, &str)] = &[("limit_requests", "Requests"), ("limit_seconds", "In so many seconds")];

const GIVE_LABELS: &[(&str, &str)] = &[("plan", "Plan")];

/// What can be done on this page.
#[derive(Clone, Copy)]
struct Actions {
    limit: ServerAction<ChangeLimit>,
    give: ServerAction<GivePlan>,
}

/// `/admin/organizations/{id}`
#[component]
#[must_use]
pub fn DeskOrganizationPage() -> impl IntoView {
    let actions = Actions { limit: ServerAction::new(), give: ServerAction::new() };
    let id = StoredValue::new(use_params_map().get_untracked().get("id").unwrap_or_default());
    let done = StoredValue::new(use_query_map().get_untracked().get("done"));
    let organization = Resource::new_blocking(|| (), move |()| see_organization(id.get_value()));
    let kept = use_kept("change_limit", true);
    let frame = use_frame();
    view! {
        <Title text="Organization"/>
        <Admin place=AdminPlace::Apis title="Organization">
            <Suspense>
                {move || Suspend::new(async move {
                    let role = frame.await.ok().and_then(|frame| frame.me).and_then(|me| me.staff);
                    let manages = role.is_some_and(|role| role.allows(StaffPermission::ManageApis));
                    match organization.await {
                        Ok(organization) => {
                            let kept = kept.await;
                            content(organization, manages.then_some((actions, kept)), done.get_value().as_deref())
                        }
                        Err(error) => desk_refused(error),
                    }
                })}
            </Suspense>
        </Admin>
    }
}

fn content(organization: DeskOrganization, forms: Option<(Actions, KeptFields)>, done: Option<&str>) -> AnyView {
    let news = match done {
        Some("limit") => {
            Some(("The limit is changed.", "It holds at once, for all keys of the organization together."))
        }
        Some("given") => Some(("The plan is given.", "It counts from now on. We have sent a mail to the owners.")),
        _ => None,
    };
    let news =
        news.map(|(title, text)| view! { <Notice tone=Tone::Ok live=true title=title>{text}</Notice> }.into_any());
    let limit = match &forms {
        Some((actions, kept)) => limit_form(organization.id, organization.limit, actions.limit, kept),
        None => limit_shown(organization.limit),
    };
    let give = forms.map(|(actions, _)| giving(&organization, actions.give));
    let kind = if organization.personal { "the one of a person" } else { "a team" };
    view! {
        <div class="settings">
            {news} <Card title=organization.name.clone()>
                <dl class="kv">
                    <dt>"Id"</dt>
                    <dd class="mono break-all">{organization.id.to_string()}</dd>
                    <dt>"Kind"</dt>
                    <dd>{kind}</dd>
                    <dt>"Country"</dt>
                    <dd>{organization.country.clone().unwrap_or_else(|| "not given".to_owned())}</dd>
                    <dt>"Created"</dt>
                    <dd><Time at=organization.created_at/></dd>
                </dl>
            </Card>
            {limit} {plans(&organization.plans)} {give}
        </div>
    }
    .into_any()
}

fn limit_shown(limit: Option<Limit>) -> AnyView {
    view! {
        <Card title="Limit over all APIs">
            <p>{limit.map_or_else(|| "No limit.".to_owned(), |limit| format!("{limit}."))}</p>
        </Card>
    }
    .into_any()
}

fn limit_form(
    id: OrganizationId,
    limit: Option<Limit>,
    action: ServerAction<ChangeLimit>,
    kept: &KeptFields,
) -> AnyView {
    let error = error_of(move || action.value().get());
    let (requests, seconds) =
        limit.map_or_else(<_>::default, |limit| (limit.requests.to_string(), limit.seconds.to_string()));
    let value = |field: &str, stored: String| if kept.0.is_empty() { stored } else { kept.value(field) };
    let (requests, seconds) = (value("limit_requests", requests), value("limit_seconds", seconds));
    view! {
        <Card title="Limit over all APIs">
            <ActionForm action=action attr:novalidate=true attr:class="grid gap-4">
                <FormErrors error labels=LABELS/>
                <p class="muted">"Of all its keys together, beside what its plans allow. Both empty: no limit."</p>
                <input type="hidden" name="id" value=id.to_string()/>
                <TextField
                    name="limit_requests"
                    label="Requests"
                    value=requests
                    problem=problem_of(error, "limit_requests")
                    autocomplete="off"
                />
                <TextField
                    name="limit_seconds"
                    label="In so many seconds"
                    value=seconds
                    problem=problem_of(error, "limit_seconds")
                    autocomplete="off"
                />
                <div>
                    <Button kind=ButtonKind::Primary pending=action.pending()>"Save the limit"</Button>
                </div>
            </ActionForm>
        </Card>
    }
    .into_any()
}

fn plans(plans: &[DeskPlan]) -> AnyView {
    let rows: Vec<AnyView> = plans
        .iter()
        .filter(|one| one.has || one.by_default)
        .map(|one| {
            let why = if one.has {
                view! { <Tag tone=Tone::Ok>"Its own"</Tag> }.into_any()
            } else {
                view! { <Tag>"Everybody has it"</Tag> }.into_any()
            };
            view! {
                <tr>
                    <td><a class="link" href=paths::admin_api(&one.api_slug)>{one.api_name.clone()}</a></td>
                    <td><b class="font-medium">{one.plan.name.clone()}</b> " " {why}</td>
                    <td>{one.plan.gives()}</td>
                </tr>
            }
            .into_any()
        })
        .collect();
    if rows.is_empty() {
        return view! { <Card title="Plans"><Note>"It has no plan."</Note></Card> }.into_any();
    }
    let columns = vec![Column::text("API"), Column::text("Plan"), Column::text("Gives")];
    view! {
        <Card title="Plans" flush=true>
            <Table label="Plans" columns=columns fold=true>
                {rows}
            </Table>
        </Card>
    }
    .into_any()
}

fn giving(organization: &DeskOrganization, action: ServerAction<GivePlan>) -> AnyView {
    let id = organization.id.to_string();
    let error = error_of(move || action.value().get());
    let options: Vec<(String, String)> = organization
        .plans
        .iter()
        .filter(|one| !one.has && one.plan.closed_at.is_none())
        .map(|one| {
            let audience = if one.plan.public { "" } else { " (staff give it)" };
            (one.plan.id.to_string(), format!("{}: {}{audience}", one.api_name, one.plan.name))
        })
        .collect();
    if options.is_empty() {
        return ().into_any();
    }
    view! {
        <Card title="Give a plan">
            <ActionForm action=action attr:novalidate=true attr:class="grid gap-4">
                <FormErrors error labels=GIVE_LABELS/>
                <p class="muted">
                    "It counts at once, in place of the plan that the organization has of that API. Its owners get a mail."
                </p>
                <input type="hidden" name="organization" value=id/>
                <Select name="plan" label="Plan" options=options problem=problem_of(error, "plan")/>
                <div>
                    <Button pending=action.pending()>"Give the plan"</Button>
                </div>
            </ActionForm>
        </Card>
    }
    .into_any()
}
