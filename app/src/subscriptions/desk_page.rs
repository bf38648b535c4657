//! One subscription, for staff: to approve, to reject, to give it other limits.

use contract::subscriptions::{DeskSubscription, NOTE_MAX, SubscriptionState};
use contract::{Refusal, StaffPermission};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::server_fns::{
    ApproveSubscription, ChangeOverrides, RejectSubscription, TopUpSubscription, list_api_subscriptions,
};
use super::top_ups;
use crate::console::Admin;
use crate::error::AppError;
use crate::kept::{KeptFields, error_of, problem_of, use_kept};
use crate::layout::{AdminPlace, use_frame};
use crate::paths;
use crate::staff::desk_refused;
use crate::ui::{Button, ButtonKind, Card, Failure, FormErrors, Tag, TextArea, TextField, Time, Tone};

const REJECT_LABELS: &[(&str, &str)] = &[("reason", "Reason")];

const OVERRIDE_LABELS: &[(&str, &str)] =
    &[("requests", "Requests"), ("seconds", "In so many seconds"), ("units", "Units in each period")];

const TOP_UP_LABELS: &[(&str, &str)] =
    &[("extra_units", "More units"), ("reason", "Reason"), ("expires_at", "Until, in UTC")];

/// What can be done on this page.
#[derive(Clone, Copy)]
struct Actions {
    approve: ServerAction<ApproveSubscription>,
    reject: ServerAction<RejectSubscription>,
    overrides: ServerAction<ChangeOverrides>,
    top_up: ServerAction<TopUpSubscription>,
}

/// `/admin/apis/{api}/subscriptions/{subscription}`
#[component]
#[must_use]
pub fn DeskSubscriptionPage() -> impl IntoView {
    let actions = Actions {
        approve: ServerAction::new(),
        reject: ServerAction::new(),
        overrides: ServerAction::new(),
        top_up: ServerAction::new(),
    };
    let params = use_params_map().get_untracked();
    let slug = StoredValue::new(params.get("api").unwrap_or_default());
    let id = StoredValue::new(params.get("subscription").unwrap_or_default());
    let all = Resource::new_blocking(|| (), move |()| list_api_subscriptions(slug.get_value()));
    let refused = use_kept("reject_subscription", actions.reject.value().get_untracked().is_some());
    let overrides = use_kept("change_overrides", actions.overrides.value().get_untracked().is_some());
    let topped_up = use_kept("top_up", actions.top_up.value().get_untracked().is_some());
    let frame = use_frame();
    view! {
        <Title text="Subscription"/>
        <Admin place=AdminPlace::Apis title="Subscription">
            <Suspense>
                {move || Suspend::new(async move {
                    let role = frame.await.ok().and_then(|frame| frame.me).and_then(|me| me.staff);
                    let manages = role.is_some_and(|role| role.allows(StaffPermission::ManageApis));
                    let (refused, overrides, topped_up) = (refused.await, overrides.await, topped_up.await);
                    match all.await {
                        Ok(all) => match all.into_iter().find(|one| one.subscription.id.to_string() == id.get_value()) {
                            Some(one) if manages => {
                                let forms = forms(&slug.get_value(), &one, actions, [&refused, &overrides, &topped_up]);
                                content(&slug.get_value(), one, Some(forms))
                            }
                            Some(one) => content(&slug.get_value(), one, None),
                            None => desk_refused(AppError::Refused(Refusal::NotFound)),
                        },
                        Err(error) => desk_refused(error),
                    }
                })}
            </Suspense>
        </Admin>
    }
}

fn content(slug: &str, one: DeskSubscription, forms: Option<AnyView>) -> AnyView {
    let DeskSubscription { subscription, organization, organization_name, top_ups: given } = one;
    let given = top_ups(given);
    let waits = subscription.state == SubscriptionState::Requested;
    let overrides = match (subscription.overrides.limit, subscription.overrides.units) {
        (None, None) => "what the plan gives".to_owned(),
        (limit, units) => {
            let limit = limit.map(|limit| limit.to_string());
            let units = units.map(|units| format!("{units} units in each period"));
            [limit, units].into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
    };
    view! {
        <div class="settings">
            <p class="small muted"><a class="link" href=paths::admin_api(slug)>"Back to the API"</a></p>
            <Card title=organization_name>
                <dl class="kv">
                    <dt>"State"</dt>
                    <dd><Tag tone=if waits { Tone::Warn } else { Tone::Ok }>{subscription.state.label()}</Tag></dd>
                    <dt>"Plan"</dt>
                    <dd>{subscription.plan_name}</dd>
                    <dt>"Limits"</dt>
                    <dd>{overrides}</dd>
                    <dt>"Note"</dt>
                    <dd class="whitespace-pre-line">{if subscription.note.is_empty() { "none".to_owned() } else { subscription.note }}</dd>
                    <dt>"Asked"</dt>
                    <dd><Time at=subscription.requested_at/></dd>
                    <dt>"Organization"</dt>
                    <dd class="mono break-all">{organization.to_string()}</dd>
                </dl>
            </Card>
            {given} {forms}
        </div>
    }
    .into_any()
}

/// What staff can do with it in the state that it is in.
fn forms(
    slug: &str,
    one: &DeskSubscription,
    actions: Actions,
    [refused, overrides, topped_up]: [&KeptFields; 3],
) -> AnyView {
    match one.subscription.state {
        SubscriptionState::Requested => decision(slug, one, actions, refused),
        SubscriptionState::Active => {
            let limits = limits(slug, one, actions.overrides, overrides);
            let top_up = top_up(slug, one, actions.top_up, topped_up);
            view! { {limits} {top_up} }.into_any()
        }
        _ => ().into_any(),
    }
}

fn hidden(slug: &str, one: &DeskSubscription) -> AnyView {
    view! {
        <input type="hidden" name="slug" value=slug.to_owned()/>
        <input type="hidden" name="id" value=one.subscription.id.to_string()/>
    }
    .into_any()
}

fn decision(slug: &str, one: &DeskSubscription, actions: Actions, kept: &KeptFields) -> AnyView {
    let failed = actions.approve.value().get_untracked().and_then(Result::err);
    let (approves, rejects, reason) = (hidden(slug, one), hidden(slug, one), kept.value("reason"));
    let error = error_of(move || actions.reject.value().get());
    view! {
        {failed.map(|error| view! { <Failure error/> })}
        <Card title="Approve">
            <ActionForm action=actions.approve attr:class="grid gap-4">
                {approves}
                <p class="muted">"The plan counts at once, in place of the one before. Whoever asked gets a mail."</p>
                <div>
                    <Button kind=ButtonKind::Primary>"Approve the request"</Button>
                </div>
            </ActionForm>
        </Card>
        <Card title="Reject">
            <ActionForm action=actions.reject attr:novalidate=true attr:class="grid gap-4">
                <FormErrors error labels=REJECT_LABELS/>
                {rejects}
                <TextArea
                    name="reason"
                    label="Reason"
                    value=reason
                    help="The organization reads it, word for word."
                    problem=problem_of(error, "reason")
                    max_length=NOTE_MAX
                    rows=3
                    required=true
                />
                <div>
                    <Button kind=ButtonKind::Danger>"Reject the request"</Button>
                </div>
            </ActionForm>
        </Card>
    }
    .into_any()
}

fn limits(slug: &str, one: &DeskSubscription, action: ServerAction<ChangeOverrides>, kept: &KeptFields) -> AnyView {
    let error = error_of(move || action.value().get());
    let stored = one.subscription.overrides;
    let value = |field: &str| {
        let stored = match field {
            _ if !kept.0.is_empty() => Some(kept.value(field)),
            "requests" => stored.limit.map(|limit| limit.requests.to_string()),
            "seconds" => stored.limit.map(|limit| limit.seconds.to_string()),
            _ => stored.units.map(|units| units.to_string()),
        };
        stored.unwrap_or_default()
    };
    let (hidden, requests, seconds, units) = (hidden(slug, one), value("requests"), value("seconds"), value("units"));
    view! {
        <Card title="Other limits than the plan’s">
            <ActionForm action=action attr:novalidate=true attr:class="grid gap-4">
                <FormErrors error labels=OVERRIDE_LABELS/>
                {hidden}
                <TextField
                    name="requests"
                    label="Requests"
                    value=requests
                    help="Empty, and seconds too: what the plan gives."
                    problem=problem_of(error, "requests")
                    autocomplete="off"
                />
                <TextField
                    name="seconds"
                    label="In so many seconds"
                    value=seconds
                    problem=problem_of(error, "seconds")
                    autocomplete="off"
                />
                <TextField
                    name="units"
                    label="Units in each period"
                    value=units
                    help="Empty: what the plan gives. If the plan has no quota, the period is a month."
                    problem=problem_of(error, "units")
                    autocomplete="off"
                />
                <div>
                    <Button kind=ButtonKind::Primary pending=action.pending()>"Save the limits"</Button>
                </div>
            </ActionForm>
        </Card>
    }
    .into_any()
}

fn top_up(slug: &str, one: &DeskSubscription, action: ServerAction<TopUpSubscription>, kept: &KeptFields) -> AnyView {
    let error = error_of(move || action.value().get());
    let (hidden, units, reason, until) =
        (hidden(slug, one), kept.value("extra_units"), kept.value("reason"), kept.value("expires_at"));
    view! {
        <Card title="Give units once">
            <ActionForm action=action attr:novalidate=true attr:class="grid gap-4">
                <FormErrors error labels=TOP_UP_LABELS/>
                {hidden}
                <TextField
                    name="extra_units"
                    label="More units"
                    value=units
                    help="They are spent after what the plan gives in a period. What is left of them stays for the next."
                    problem=problem_of(error, "extra_units")
                    autocomplete="off"
                    required=true
                />
                <TextArea
                    name="reason"
                    label="Reason"
                    value=reason
                    help="The organization reads it, word for word."
                    problem=problem_of(error, "reason")
                    max_length=NOTE_MAX
                    rows=2
                    required=true
                />
                <TextField
                    name="expires_at"
                    label="Until, in UTC"
                    value=until
                    help="A date such as 2027-01-31. Empty: until they are spent."
                    problem=problem_of(error, "expires_at")
                    autocomplete="off"
                />
                <div>
                    <Button kind=ButtonKind::Primary pending=action.pending()>"Give the units"</Button>
                </div>
            </ActionForm>
        </Card>
    }
    .into_any()
}
