//! A plan of an API: a new one, or one to change.

use contract::Refusal;
use contract::apis::{DeskApi, NAME_MAX};
use contract::limits::Period;
use contract::plans::{Anchor, Approval, Plan, Resets, SUMMARY_MAX};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::server_fns::{ClosePlan, ReopenPlan, SavePlan};
use crate::apis::server_fns::see_api;
use crate::console::Admin;
use crate::error::AppError;
use crate::kept::{KeptFields, error_of, problem_of, use_kept};
use crate::layout::AdminPlace;
use crate::paths;
use crate::staff::desk_refused;
use crate::ui::{Button, ButtonKind, Card, Failure, FormErrors, Select, TextField};

const LABELS: &[(&str, &str)] = &[
    ("name", "Name"),
    ("summary", "Summary"),
    ("limit_requests", "Requests"),
    ("limit_seconds", "In so many seconds"),
    ("quota_units", "Units"),
    ("quota_period", "In each"),
    ("quota_anchor", "It begins anew"),
    ("quota_zone", "At midnight in the time zone"),
    ("approval", "A subscription is"),
    ("audience", "Who sees it"),
    ("position", "Place in the list"),
];

/// The address of a plan that is not there yet ends so.
const NEW: &str = "new";

/// `/admin/apis/{api}/plans/{plan}`
#[component]
#[must_use]
pub fn PlanPage() -> impl IntoView {
    let (save, close) = (ServerAction::<SavePlan>::new(), ServerAction::<ClosePlan>::new());
    let reopen = ServerAction::<ReopenPlan>::new();
    let params = use_params_map().get_untracked();
    let slug = StoredValue::new(params.get("api").unwrap_or_default());
    let plan = StoredValue::new(params.get("plan").unwrap_or_default());
    let api = Resource::new_blocking(|| (), move |()| see_api(slug.get_value()));
    let kept = use_kept("save_plan", save.value().get_untracked().is_some());
    view! {
        <Title text="Plan"/>
        <Admin place=AdminPlace::Apis title="Plan">
            <Suspense>
                {move || Suspend::new(async move {
                    match api.await {
                        Ok(api) => content(&api, &plan.get_value(), save, (close, reopen), &kept.await),
                        Err(error) => desk_refused(error),
                    }
                })}
            </Suspense>
        </Admin>
    }
}

fn content(
    api: &DeskApi,
    which: &str,
    save: ServerAction<SavePlan>,
    (close, reopen): (ServerAction<ClosePlan>, ServerAction<ReopenPlan>),
    kept: &KeptFields,
) -> AnyView {
    let plan = api.plans.iter().find(|plan| plan.id.to_string() == which);
    if plan.is_none() && which != NEW {
        return view! { <Failure error=AppError::Refused(Refusal::NotFound)/> }.into_any();
    }
    let failed = close.value().get_untracked().and_then(Result::err);
    let failed = failed.or_else(|| reopen.value().get_untracked().and_then(Result::err));
    let closed = plan.filter(|plan| plan.closed_at.is_some());
    let closable = plan.filter(|plan| plan.closed_at.is_none() && Some(plan.id) != api.default_plan);
    view! {
        <div class="settings">
            <p class="small muted"><a class="link" href=paths::admin_api(&api.slug)>{api.name.clone()}</a></p>
            {failed.map(|error| view! { <Failure error/> })} {form(api.clone(), plan.cloned(), save, kept.clone())}
            {closable.map(|plan| closing(api, plan, close))} {closed.map(|plan| opening(api, plan, reopen))}
        </div>
    }
    .into_any()
}

/// What stands in a field of a form for a plan: of the stored one, or of a new one.
fn stored(plan: Option<&Plan>, field: &str) -> String {
    let number = |number: Option<String>| number.unwrap_or_default();
    match (plan, field) {
        (None, "limit_seconds") => "60".to_owned(),
        (None, "quota_period") => Period::Month.word().to_owned(),
        (None, "quota_anchor") => Anchor::default().word().to_owned(),
        (None, "quota_zone") => Resets::default().zone,
        (None, "approval") => Approval::Automatic.word().to_owned(),
        (None, "audience") => "everybody".to_owned(),
        (None, _) => String::new(),
        (Some(plan), "name") => plan.name.clone(),
        (Some(plan), "summary") => plan.summary.clone(),
        (Some(plan), "limit_requests") => number(plan.limit.map(|limit| limit.requests.to_string())),
        (Some(plan), "limit_seconds") => number(plan.limit.map(|limit| limit.seconds.to_string())),
        (Some(plan), "quota_units") => number(plan.quota.map(|quota| quota.units.to_string())),
        (Some(plan), "quota_period") => plan.quota.map_or(Period::Month, |quota| quota.period).word().to_owned(),
        (Some(plan), "quota_anchor") => plan.resets.anchor.word().to_owned(),
        (Some(plan), "quota_zone") => plan.resets.zone.clone(),
        (Some(plan), "approval") => plan.approval.word().to_owned(),
        (Some(plan), "audience") => if plan.public { "everybody" } else { "staff" }.to_owned(),
        (Some(plan), _) => plan.position.to_string(),
    }
}

fn form(api: DeskApi, plan: Option<Plan>, action: ServerAction<SavePlan>, kept: KeptFields) -> AnyView {
    let error = error_of(move || action.value().get());
    let periods = Period::ALL.map(|one| (one.word().to_owned(), one.word().to_owned())).to_vec();
    let anchors = Anchor::ALL.map(|one| (one.word().to_owned(), one.label().to_owned())).to_vec();
    let approvals = Approval::ALL.map(|one| (one.word().to_owned(), one.label().to_owned())).to_vec();
    let audiences = [("everybody", "Everybody, who can ask for it"), ("staff", "Staff alone, and who has it")]
        .map(|(word, label)| (word.to_owned(), label.to_owned()))
        .to_vec();
    let title = plan.as_ref().map_or_else(|| format!("New plan of {}", api.name), |plan| plan.name.clone());
    let (slug, id) = (api.slug, plan.as_ref().map(|plan| plan.id.to_string()).unwrap_or_default());
    let verb = if plan.is_some() { "Save changes" } else { "Create the plan" };
    let value = move |field: &str| if kept.0.is_empty() { stored(plan.as_ref(), field) } else { kept.value(field) };
    view! {
        <Card title=title>
            <ActionForm action=action attr:novalidate=true attr:class="grid gap-4">
                <FormErrors error labels=LABELS/>
                <input type="hidden" name="slug" value=slug/>
                <input type="hidden" name="plan" value=id/>
                <TextField
                    name="name"
                    label="Name"
                    value=value("name")
                    problem=problem_of(error, "name")
                    autocomplete="off"
                    max_length=NAME_MAX
                    required=true
                />
                <TextField
                    name="summary"
                    label="Summary"
                    value=value("summary")
                    help="Whom it is for, in a sentence. May be empty."
                    problem=problem_of(error, "summary")
                    autocomplete="off"
                    max_length=SUMMARY_MAX
                />
                <TextField
                    name="limit_requests"
                    label="Requests"
                    value=value("limit_requests")
                    help="Of all keys of an organization together, in a short time. Empty, and seconds too: no limit."
                    problem=problem_of(error, "limit_requests")
                    autocomplete="off"
                />
                <TextField
                    name="limit_seconds"
                    label="In so many seconds"
                    value=value("limit_seconds")
                    problem=problem_of(error, "limit_seconds")
                    autocomplete="off"
                />
                <TextField
                    name="quota_units"
                    label="Units"
                    value=value("quota_units")
                    help="A request costs one unless its route says otherwise. Empty: no quota."
                    problem=problem_of(error, "quota_units")
                    autocomplete="off"
                />
                <Select
                    name="quota_period"
                    label="In each"
                    options=periods
                    selected=value("quota_period")
                    problem=problem_of(error, "quota_period")
                />
                <Select
                    name="quota_anchor"
                    label="It begins anew"
                    options=anchors
                    selected=value("quota_anchor")
                    problem=problem_of(error, "quota_anchor")
                />
                <TextField
                    name="quota_zone"
                    label="At midnight in the time zone"
                    value=value("quota_zone")
                    help="Its IANA name, such as Europe/Berlin. What was spent in the period that then counts stays spent."
                    problem=problem_of(error, "quota_zone")
                    autocomplete="off"
                />
                <Select
                    name="approval"
                    label="A subscription is"
                    options=approvals
                    selected=value("approval")
                    problem=problem_of(error, "approval")
                />
                <Select
                    name="audience"
                    label="Who sees it"
                    options=audiences
                    selected=value("audience")
                    problem=problem_of(error, "audience")
                />
                <TextField
                    name="position"
                    label="Place in the list"
                    value=value("position")
                    help="The smallest number stands first."
                    problem=problem_of(error, "position")
                    autocomplete="off"
                />
                <div>
                    <Button kind=ButtonKind::Primary pending=action.pending()>{verb}</Button>
                </div>
            </ActionForm>
        </Card>
    }
    .into_any()
}

fn opening(api: &DeskApi, plan: &Plan, action: ServerAction<ReopenPlan>) -> AnyView {
    let (slug, id) = (api.slug.clone(), plan.id.to_string());
    view! {
        <Card title="Open the plan again">
            <div class="grid gap-4">
                <p class="muted">"It can be asked for, or given, as before."</p>
                <ActionForm action=action>
                    <input type="hidden" name="slug" value=slug/>
                    <input type="hidden" name="plan" value=id/>
                    <Button>"Open the plan"</Button>
                </ActionForm>
            </div>
        </Card>
    }
    .into_any()
}

fn closing(api: &DeskApi, plan: &Plan, action: ServerAction<ClosePlan>) -> AnyView {
    let (slug, id) = (api.slug.clone(), plan.id.to_string());
    view! {
        <Card title="Close the plan">
            <div class="grid gap-4">
                <p class="muted">"Nobody can ask for it any more. Whoever has it keeps it."</p>
                <ActionForm action=action>
                    <input type="hidden" name="slug" value=slug/>
                    <input type="hidden" name="plan" value=id/>
                    <Button kind=ButtonKind::Danger>"Close the plan"</Button>
                </ActionForm>
            </div>
        </Card>
    }
    .into_any()
}
