//! One API: what the organization has of it, and the plans that it can ask for.

use contract::plans::{Approval, Plan};
use contract::subscriptions::{NOTE_MAX, OwnApiPage as Page, Subscription};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::server_fns::{LeavePlan, RequestPlan, read_own_api};
use super::{has, top_ups};
use crate::console::Console;
use crate::kept::{KeptFields, error_of, problem_of, use_kept};
use crate::layout::ConsolePlace;
use crate::paths;
use crate::ui::{
    Button, ButtonKind, Card, Column, Failure, FormErrors, Note, Notice, Select, Table, Tag, TextArea, Time, Tone,
};

const LABELS: &[(&str, &str)] = &[("plan", "Plan"), ("note", "Note")];

/// `/console/apis/{api}`
#[component]
#[must_use]
pub fn OwnApiPage() -> impl IntoView {
    let (request, leave) = (ServerAction::<RequestPlan>::new(), ServerAction::<LeavePlan>::new());
    let slug = StoredValue::new(use_params_map().get_untracked().get("api").unwrap_or_default());
    let done = StoredValue::new(use_query_map().get_untracked().get("done"));
    let page = Resource::new_blocking(|| (), move |()| read_own_api(slug.get_value()));
    let kept = use_kept("request_plan", request.value().get_untracked().is_some());
    view! {
        <Title text="API"/>
        <Console place=ConsolePlace::Apis title="API">
            <Suspense>
                {move || Suspend::new(async move {
                    match page.await {
                        Ok(page) => content(page, request, leave, &kept.await, done.get_value()),
                        Err(error) => view! { <Failure error/> }.into_any(),
                    }
                })}
            </Suspense>
        </Console>
    }
}

fn content(
    page: Page,
    request: ServerAction<RequestPlan>,
    leave: ServerAction<LeavePlan>,
    kept: &KeptFields,
    done: Option<String>,
) -> AnyView {
    let failed = leave.value().get_untracked().and_then(Result::err);
    let slug = page.own.api.slug.clone();
    let active =
        page.active.as_ref().filter(|_| page.may_change).map(|active| {
            leave_form(&slug, active, leave, "Leave the plan", "What everybody has counts from then on.")
        });
    let waiting = page.own.requested.as_ref().map(|waiting| requested(&slug, waiting, page.may_change, leave));
    let (past, given) = (past(&page.past), top_ups(page.top_ups.clone()));
    let (has, plans) = (has(&page.own), plans(&page, request, kept));
    let news = news(done.as_deref(), &page);
    let docs = paths::api(&slug);
    view! {
        <div class="settings">
            {news} {failed.map(|error| view! { <Failure error/> })}
            <Card title=page.own.api.name note=page.own.api.summary>
                <div class="grid gap-4">
                    {has} {active}
                    <p><a class="link" href=docs>"Its docs"</a></p>
                </div>
            </Card>
            {given} {waiting} {plans} {past}
        </div>
    }
    .into_any()
}

/// What was done before this page was shown.
fn news(done: Option<&str>, page: &Page) -> Option<AnyView> {
    let (title, text) = match done? {
        "asked" if page.own.requested.is_some() => {
            ("The request is sent.", "The operator decides on it, and whoever asked gets a mail.")
        }
        "asked" => ("The plan is yours.", "It counts from now on, for all keys of the organization."),
        "left" => ("Done.", "Below is what the organization has now."),
        _ => return None,
    };
    Some(view! { <Notice tone=Tone::Ok live=true title=title>{text}</Notice> }.into_any())
}

fn leave_form(
    slug: &str,
    subscription: &Subscription,
    action: ServerAction<LeavePlan>,
    verb: &'static str,
    what: &'static str,
) -> AnyView {
    let (slug, id) = (slug.to_owned(), subscription.id.to_string());
    view! {
        <ActionForm action=action attr:class="flex flex-wrap gap-3 items-center">
            <input type="hidden" name="slug" value=slug/>
            <input type="hidden" name="id" value=id/>
            <Button>{verb}</Button>
            <span class="small muted">{what}</span>
        </ActionForm>
    }
    .into_any()
}

fn requested(slug: &str, waiting: &Subscription, may_change: bool, leave: ServerAction<LeavePlan>) -> AnyView {
    let note = (!waiting.note.is_empty())
        .then(|| view! { <dt>"Note"</dt><dd class="whitespace-pre-line">{waiting.note.clone()}</dd> });
    let (plan, state, asked) = (waiting.plan_name.clone(), waiting.state.label(), waiting.requested_at);
    let back =
        may_change.then(|| leave_form(slug, waiting, leave, "Take the request back", "What you have now goes on."));
    view! {
        <Card title="Request">
            <div class="grid gap-4">
                <dl class="kv">
                    <dt>"Plan"</dt>
                    <dd>{plan} " " <Tag tone=Tone::Warn>{state}</Tag></dd>
                    <dt>"Asked"</dt>
                    <dd><Time at=asked/></dd>
                    {note}
                </dl>
                {back}
            </div>
        </Card>
    }
    .into_any()
}

fn plans(page: &Page, action: ServerAction<RequestPlan>, kept: &KeptFields) -> AnyView {
    if page.plans.is_empty() {
        return view! { <Card title="Plans"><Note>"This API offers no plans."</Note></Card> }.into_any();
    }
    let current = page.own.terms.as_ref().map(|terms| terms.plan_name.clone());
    let is_current = |plan: &Plan| current.as_deref() == Some(plan.name.as_str());
    let rows: Vec<AnyView> = page.plans.iter().map(|plan| plan_row(plan, is_current(plan))).collect();
    let others: Vec<&Plan> = page.plans.iter().filter(|plan| !is_current(plan)).collect();
    let form = (page.may_change && !others.is_empty()).then(|| form(page, &others, action, kept));
    let columns = vec![Column::text("Plan"), Column::text("Gives"), Column::text("A subscription is")];
    let closed = (!page.may_change)
        .then(|| view! { <div class="body"><Note>"Owners, admins and billing choose plans."</Note></div> });
    view! {
        <Card title="Plans" flush=true>
            <Table label="Plans" columns=columns fold=true>
                {rows}
            </Table>
            {form}
            {closed}
        </Card>
    }
    .into_any()
}

fn plan_row(plan: &Plan, current: bool) -> AnyView {
    view! {
        <tr>
            <td>
                <b class="font-medium">{plan.name.clone()}</b>
                {current.then(|| view! { " " <Tag tone=Tone::Ok>"Yours"</Tag> })}
                <span class="block small muted">{plan.summary.clone()}</span>
            </td>
            <td>{plan.gives()}</td>
            <td>{plan.approval.label()}</td>
        </tr>
    }
    .into_any()
}

fn form(page: &Page, others: &[&Plan], action: ServerAction<RequestPlan>, kept: &KeptFields) -> AnyView {
    let error = error_of(move || action.value().get());
    let shown = |plan: &&Plan| {
        let how = if plan.approval == Approval::Manual { ", after an approval" } else { "" };
        (plan.id.to_string(), format!("{}{how}", plan.name))
    };
    let options = others.iter().map(shown).collect();
    let (slug, chosen, note) = (page.own.api.slug.clone(), kept.value("plan"), kept.value("note"));
    view! {
        <div class="body">
            <ActionForm action=action attr:novalidate=true attr:class="grid gap-4">
                <FormErrors error labels=LABELS/>
                <input type="hidden" name="slug" value=slug/>
                <Select
                    name="plan"
                    label="Another plan"
                    options=options
                    selected=chosen
                    problem=problem_of(error, "plan")
                />
                <TextArea
                    name="note"
                    label="Note"
                    value=note
                    help="What you need it for, for whoever decides. May be empty."
                    problem=problem_of(error, "note")
                    max_length=NOTE_MAX
                    rows=3
                />
                <div>
                    <Button kind=ButtonKind::Primary pending=action.pending()>"Ask for the plan"</Button>
                </div>
            </ActionForm>
        </div>
    }
    .into_any()
}

fn past(past: &[Subscription]) -> Option<AnyView> {
    if past.is_empty() {
        return None;
    }
    let rows: Vec<AnyView> = past
        .iter()
        .cloned()
        .map(|one| {
            view! {
                <tr>
                    <td><b class="font-medium">{one.plan_name}</b></td>
                    <td><Tag>{one.state.label()}</Tag></td>
                    <td>{one.reason.unwrap_or_default()}</td>
                    <td class="opt muted">{one.ended_at.map(|at| view! { <Time at=at/> })}</td>
                </tr>
            }
            .into_any()
        })
        .collect();
    let columns =
        vec![Column::text("Plan"), Column::text("State"), Column::text("Reason"), Column::text("Ended").optional()];
    Some(
        view! {
            <Card title="Before" flush=true>
                <Table label="Earlier subscriptions" columns=columns fold=true>
                    {rows}
                </Table>
            </Card>
        }
        .into_any(),
    )
}
