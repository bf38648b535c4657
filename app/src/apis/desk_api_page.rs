//! One API, for staff: address, terms, document, plans, subscriptions.

use contract::StaffPermission;
use contract::apis::{ApiTerms, DeskApi, Environments, LogMode, NAME_MAX, UPSTREAM_MAX};
use contract::limits::Limit;
use contract::plans::Plan;
use contract::subscriptions::{DeskSubscription, SubscriptionState};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::privacy_form::privacy;
use super::recovery_form::recovery;
use super::server_fns::{
    ChangeApi, ChangePrivacy, ChangeRecovery, CloseApi, RefusedDocument, ReopenApi, read_refused_document, see_api,
};
use crate::console::Admin;
use crate::kept::{KeptFields, error_of, problem_of, use_kept};
use crate::layout::{AdminPlace, use_frame};
use crate::leaks::server_fns::ChangeLeakTerms;
use crate::leaks::{self, PolicyShown};
use crate::paths;
use crate::staff::desk_refused;
use crate::subscriptions::server_fns::list_api_subscriptions;
use crate::ui::format::grouped;
use crate::ui::{
    Button, ButtonKind, Card, Column, EmptyState, Failure, FormErrors, Icon, LinkButton, Note, Notice, Select, Table,
    Tag, TextArea, TextField, Time, Tone,
};

const LABELS: &[(&str, &str)] = &[
    ("name", "Name"),
    ("upstream_url", "Address of the upstream"),
    ("more_upstreams", "Further addresses"),
    ("default_plan", "Plan of everybody"),
    ("timeout_ms", "Longest time to an answer, in milliseconds"),
    ("body_max_bytes", "Largest request body, in bytes"),
    ("log_mode", "When a row cannot be written"),
    ("environments", "Keys that are let in"),
    ("allowed_origins", "Origins of browsers"),
    ("address_requests", "Requests of one network address"),
    ("address_seconds", "In so many seconds"),
];

const DOCUMENT_LABELS: &[(&str, &str)] = &[("openapi", "OpenAPI document")];

/// What can be done on this page.
#[derive(Clone, Copy)]
struct Actions {
    change: ServerAction<ChangeApi>,
    privacy: ServerAction<ChangePrivacy>,
    recovery: ServerAction<ChangeRecovery>,
    close: ServerAction<CloseApi>,
    reopen: ServerAction<ReopenApi>,
    leaks: ServerAction<ChangeLeakTerms>,
}

/// `/admin/apis/{api}`
#[component]
#[must_use]
pub fn DeskApiPage() -> impl IntoView {
    let actions = Actions {
        change: ServerAction::new(),
        privacy: ServerAction::new(),
        recovery: ServerAction::new(),
        close: ServerAction::new(),
        reopen: ServerAction::new(),
        leaks: ServerAction::new(),
    };
    let slug = StoredValue::new(use_params_map().get_untracked().get("api").unwrap_or_default());
    let done = StoredValue::new(use_query_map().get_untracked().get("done"));
    let api = Resource::new_blocking(|| (), move |()| see_api(slug.get_value()));
    let subscriptions = Resource::new_blocking(|| (), move |()| list_api_subscriptions(slug.get_value()));
    let document = Resource::new_blocking(|| (), |()| read_refused_document());
    // Also after the person had to confirm first: then nothing was refused on this page.
    let kept = use_kept("change_api", true);
    let kept_leaks = use_kept(leaks::server_fns::POLICY, true);
    let kept_privacy = use_kept("change_privacy", true);
    let frame = use_frame();
    view! {
        <Title text="API"/>
        <Admin place=AdminPlace::Apis title="API">
            <Suspense>
                {move || Suspend::new(async move {
                    let role = frame.await.ok().and_then(|frame| frame.me).and_then(|me| me.staff);
                    let manages = role.is_some_and(|role| role.allows(StaffPermission::ManageApis));
                    let subscriptions = subscriptions.await.unwrap_or_default();
                    match api.await {
                        Ok(api) => {
                            let shown = Shown {
                                manages,
                                done: done.get_value(),
                                document: document.await.ok().flatten(),
                                privacy: kept_privacy.await,
                                leaks: kept_leaks.await,
                            };
                            content(api, subscriptions, actions, &kept.await, shown)
                        }
                        Err(error) => desk_refused(error),
                    }
                })}
            </Suspense>
        </Admin>
    }
}

/// What the page shows besides what is stored.
struct Shown {
    manages: bool,
    done: Option<String>,
    document: Option<RefusedDocument>,
    privacy: KeptFields,
    leaks: KeptFields,
}

fn content(
    api: DeskApi,
    subscriptions: Vec<DeskSubscription>,
    actions: Actions,
    kept: &KeptFields,
    shown: Shown,
) -> AnyView {
    let failed = actions.close.value().get_untracked().and_then(Result::err);
    let failed = failed.or_else(|| actions.reopen.value().get_untracked().and_then(Result::err));
    let details =
        if shown.manages { details_form(api.clone(), actions.change, kept.clone()) } else { details(api.clone()) };
    let policy = if shown.manages { PolicyShown::Changes(actions.leaks, shown.leaks) } else { PolicyShown::Reads };
    let leaked = leaks::policy(&api.slug, api.leaks, policy);
    let privacy = privacy(&api, shown.manages.then_some((actions.privacy, shown.privacy)));
    let recovery = recovery(&api, shown.manages.then_some(actions.recovery));
    view! {
        <div class="settings">
            {news(shown.done.as_deref(), &api)} {failed.map(|error| view! { <Failure error/> })} {head(api.clone())} {details} {privacy} {recovery} {leaked}
            {document(api.clone(), shown.manages, shown.document)} {plans(&api, shown.manages)}
            {subscribers(&api.slug, subscriptions)} {shown.manages.then(|| closing(&api, actions))}
        </div>
    }
    .into_any()
}

/// What was done before this page was shown.
fn news(done: Option<&str>, api: &DeskApi) -> Option<AnyView> {
    let (title, text) = match done? {
        "created" => (
            format!("{} is registered.", api.name),
            "The gateway forwards to it from now on. Give it its OpenAPI document, so that docs, logs and scopes know its routes; and plans, if it has limits.",
        ),
        "changed" => ("The changes are saved.".to_owned(), "The gateway works with them from now on."),
        "privacy" => (
            "What the log keeps is changed.".to_owned(),
            "It holds for requests from now on, and the privacy page says so.",
        ),
        "leaks" => ("The policy is saved.".to_owned(), "It holds for the next key that is reported as leaked."),
        "recovery" => (
            "Whether secrets are kept is changed.".to_owned(),
            "It holds for secrets that are made from now on. What may not be kept any more is erased.",
        ),
        "document" => ("The document is saved.".to_owned(), "Docs, routes, scopes and costs come from it from now on."),
        "closed" => ("The API is closed.".to_owned(), "The gateway refuses calls to it, and the docs do not list it."),
        "reopened" => ("The API is open again.".to_owned(), "Everything is as it was."),
        "plan_created" => ("The plan is created.".to_owned(), ""),
        "plan_changed" => ("The plan is changed.".to_owned(), "It holds at once for everybody who has it."),
        "plan_closed" => ("The plan is closed.".to_owned(), "Nobody can ask for it any more. Whoever has it keeps it."),
        "plan_reopened" => ("The plan is open again.".to_owned(), "It can be asked for, or given, as before."),
        "approved" => ("The request is approved.".to_owned(), "The plan counts from now on. We have sent a mail."),
        "rejected" => ("The request is rejected.".to_owned(), "We have sent a mail with the reason."),
        "overridden" => ("The limits are changed.".to_owned(), "They hold at once."),
        "topped_up" => {
            ("The units are given.".to_owned(), "They count at once. The owners of the organization get a mail.")
        }
        _ => return None,
    };
    Some(view! { <Notice tone=Tone::Ok live=true title=title>{text}</Notice> }.into_any())
}

fn head(api: DeskApi) -> AnyView {
    let state = match api.closed_at {
        Some(at) => view! { <Tag>"Closed"</Tag> " " <Time at=at/> }.into_any(),
        None => view! { <Tag tone=Tone::Ok>"Open"</Tag> }.into_any(),
    };
    view! {
        <Card title=api.name.clone()>
            <dl class="kv">
                <dt>"State"</dt>
                <dd>{state}</dd>
                <dt>"Path at the gateway"</dt>
                <dd class="mono">{format!("/{}", api.slug)}</dd>
                <dt>"Id"</dt>
                <dd class="mono break-all">{api.id.to_string()}</dd>
                <dt>"Registered"</dt>
                <dd><Time at=api.created_at/></dd>
                <dt>"Changed"</dt>
                <dd><Time at=api.updated_at/></dd>
            </dl>
        </Card>
    }
    .into_any()
}

/// Requests and seconds of a limit, as a form has them.
fn numbers(limit: Option<Limit>) -> (String, String) {
    limit.map_or_else(<_>::default, |limit| (limit.requests.to_string(), limit.seconds.to_string()))
}

/// For those who may change it.
fn details_form(api: DeskApi, action: ServerAction<ChangeApi>, kept: KeptFields) -> AnyView {
    let error = error_of(move || action.value().get());
    let terms = &api.terms;
    let (requests, seconds) = numbers(terms.address_limit);
    let stored = [
        ("name", api.name.clone()),
        ("upstream_url", api.upstream_url.clone()),
        ("default_plan", api.default_plan.map(|plan| plan.to_string()).unwrap_or_default()),
        ("timeout_ms", terms.timeout_ms.to_string()),
        ("body_max_bytes", terms.body_max_bytes.to_string()),
        ("log_mode", terms.log_mode.word().to_owned()),
        ("environments", terms.environments.word().to_owned()),
        ("allowed_origins", terms.allowed_origins.join("\n")),
        ("address_requests", requests),
        ("address_seconds", seconds),
        ("more_upstreams", terms.more_upstreams.join("\n")),
    ];
    let value = move |field: &str| {
        if !kept.0.is_empty() {
            return kept.value(field);
        }
        stored.iter().find(|(name, _)| *name == field).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let mut plans = vec![(String::new(), "None: a call needs a subscription".to_owned())];
    let open = api.plans.iter().filter(|plan| plan.closed_at.is_none());
    plans.extend(open.map(|plan| (plan.id.to_string(), format!("{}: {}", plan.name, plan.gives()))));
    let modes = LogMode::ALL.map(|one| (one.word().to_owned(), one.label().to_owned())).to_vec();
    let environments = Environments::ALL.map(|one| (one.word().to_owned(), one.label().to_owned())).to_vec();
    view! {
        <Card title="Address and terms">
            <ActionForm action=action attr:novalidate=true attr:class="grid gap-4">
                <FormErrors error labels=LABELS/>
                <input type="hidden" name="slug" value=api.slug.clone()/>
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
                    name="upstream_url"
                    label="Address of the upstream"
                    value=value("upstream_url")
                    help="Where the gateway forwards to."
                    problem=problem_of(error, "upstream_url")
                    autocomplete="off"
                    max_length=UPSTREAM_MAX
                    mono=true
                    required=true
                />
                <TextArea
                    name="more_upstreams"
                    label="Further addresses"
                    value=value("more_upstreams")
                    help="Where the same upstream is too, one a line. Requests go to all addresses in turn, and to the next one when one takes no connection."
                    problem=problem_of(error, "more_upstreams")
                    mono=true
                    rows=2
                />
                <Select
                    name="default_plan"
                    label="Plan of everybody"
                    options=plans
                    selected=value("default_plan")
                    help="What every organization has without subscribing. An API that has no plan at all is open to every key."
                    problem=problem_of(error, "default_plan")
                />
                <TextField
                    name="timeout_ms"
                    label="Longest time to an answer, in milliseconds"
                    value=value("timeout_ms")
                    help="Until the answer of the upstream begins: 100 to 300000."
                    problem=problem_of(error, "timeout_ms")
                    autocomplete="off"
                    required=true
                />
                <TextField
                    name="body_max_bytes"
                    label="Largest request body, in bytes"
                    value=value("body_max_bytes")
                    help="10485760 is 10 MiB. At most 1 GiB."
                    problem=problem_of(error, "body_max_bytes")
                    autocomplete="off"
                    required=true
                />
                <Select
                    name="log_mode"
                    label="When a row cannot be written"
                    options=modes
                    selected=value("log_mode")
                    problem=problem_of(error, "log_mode")
                />
                <Select
                    name="environments"
                    label="Keys that are let in"
                    options=environments
                    selected=value("environments")
                    problem=problem_of(error, "environments")
                />
                <TextArea
                    name="allowed_origins"
                    label="Origins of browsers"
                    value=value("allowed_origins")
                    help="Pages that may call from a browser, such as https://app.example.com, one a line. Empty: origins are not looked at."
                    problem=problem_of(error, "allowed_origins")
                    mono=true
                    rows=3
                />
                <TextField
                    name="address_requests"
                    label="Requests of one network address"
                    value=value("address_requests")
                    help="Empty: no limit."
                    problem=problem_of(error, "address_requests")
                    autocomplete="off"
                />
                <TextField
                    name="address_seconds"
                    label="In so many seconds"
                    value=value("address_seconds")
                    problem=problem_of(error, "address_seconds")
                    autocomplete="off"
                />
                <div>
                    <Button kind=ButtonKind::Primary pending=action.pending()>"Save changes"</Button>
                </div>
            </ActionForm>
        </Card>
    }
    .into_any()
}

/// For everybody else.
fn details(api: DeskApi) -> AnyView {
    let ApiTerms {
        timeout_ms,
        body_max_bytes,
        log_mode,
        environments,
        allowed_origins,
        address_limit,
        more_upstreams,
        ..
    } = api.terms.clone();
    let plan = api.plans.iter().find(|plan| Some(plan.id) == api.default_plan);
    let plan = plan.map_or_else(|| "none".to_owned(), |plan| plan.name.clone());
    let origins =
        if allowed_origins.is_empty() { "origins are not looked at".to_owned() } else { allowed_origins.join(", ") };
    let body = grouped(i64::try_from(body_max_bytes).unwrap_or(i64::MAX));
    view! {
        <Card title="Address and terms">
            <dl class="kv">
                <dt>"Address of the upstream"</dt>
                <dd class="mono break-all">{api.upstream_url.clone()}</dd>
                <dt>"Further addresses"</dt>
                <dd class="mono break-all">{if more_upstreams.is_empty() { "none".to_owned() } else { more_upstreams.join(" ") }}</dd>
                <dt>"Plan of everybody"</dt>
                <dd>{plan}</dd>
                <dt>"Longest time to an answer"</dt>
                <dd>{format!("{} ms", grouped(i64::from(timeout_ms)))}</dd>
                <dt>"Largest request body"</dt>
                <dd>{format!("{body} bytes")}</dd>
                <dt>"When a row cannot be written"</dt>
                <dd>{log_mode.label()}</dd>
                <dt>"Keys that are let in"</dt>
                <dd>{environments.label()}</dd>
                <dt>"Origins of browsers"</dt>
                <dd>{origins}</dd>
                <dt>"One network address"</dt>
                <dd>{address_limit.map_or_else(|| "no limit".to_owned(), |limit| limit.to_string())}</dd>
            </dl>
        </Card>
    }
    .into_any()
}

/// The form is answered by its own page, which holds the text if it was refused: it is too long for any other way.
fn document(api: DeskApi, manages: bool, refused: Option<RefusedDocument>) -> AnyView {
    let summary = format!("{} operations", api.operations);
    let (page, docs) = (paths::admin_api(&api.slug), paths::api(&api.slug));
    let (text, refusal) = match refused {
        Some(refused) => (refused.text, Some(refused.error)),
        None => (api.openapi, None),
    };
    let error = error_of(move || refusal.clone().map(Err::<(), _>));
    let form = manages.then(|| {
        view! {
            <form method="post" action=page class="grid gap-4" novalidate>
                <FormErrors error labels=DOCUMENT_LABELS/>
                <TextArea
                    name="openapi"
                    label="OpenAPI document"
                    value=text
                    help="OpenAPI 3 in JSON, at most 1 MiB. Routes, scopes (security or x-countersign-scopes), costs (x-countersign-cost) and limits of routes (x-countersign-limit) come from it."
                    problem=problem_of(error, "openapi")
                    rows=12
                    mono=true
                    required=true
                />
                <div>
                    <Button>"Save the document"</Button>
                </div>
            </form>
        }
    });
    view! {
        <Card title="OpenAPI document" note=summary>
            <div class="grid gap-4">
                <p><a class="link" href=docs>"Its docs"</a></p>
                {form}
            </div>
        </Card>
    }
    .into_any()
}

fn plans(api: &DeskApi, manages: bool) -> AnyView {
    let new = manages.then(|| {
        view! { <div class="body"><LinkButton href=paths::admin_plan(&api.slug, "new") icon=Icon::Plus>"New plan"</LinkButton></div> }
    });
    if api.plans.is_empty() {
        return view! {
            <Card title="Plans" flush=true>
                <EmptyState
                    icon=Icon::Chart
                    title="No plans yet"
                    text="Without one the API is open to every key, without a limit. With the first one, a call needs a plan: its organization's own, or the plan of everybody."
                />
                {new}
            </Card>
        }
        .into_any();
    }
    let columns =
        vec![Column::text("Name"), Column::text("Gives"), Column::text("For").optional(), Column::actions("Actions")];
    let rows: Vec<AnyView> = api.plans.iter().map(|plan| plan_row(api, plan, manages)).collect();
    view! {
        <Card title="Plans" flush=true>
            <Table label="Plans" columns=columns fold=true>
                {rows}
            </Table>
            {new}
        </Card>
    }
    .into_any()
}

fn plan_row(api: &DeskApi, plan: &Plan, manages: bool) -> AnyView {
    let audience = match (plan.closed_at.is_some(), plan.public) {
        (true, _) => "nobody new: it is closed",
        (false, true) => plan.approval.label(),
        (false, false) => "whom staff give it to",
    };
    let everybody =
        (Some(plan.id) == api.default_plan).then(|| view! { " " <Tag tone=Tone::Ok>"Everybody has it"</Tag> });
    let href = paths::admin_plan(&api.slug, &plan.id.to_string());
    let named = format!("Change {}", plan.name);
    view! {
        <tr>
            <td><b class="font-medium">{plan.name.clone()}</b> {everybody}</td>
            <td>{plan.gives()}</td>
            <td class="opt muted">{audience}</td>
            <td class="actions">{manages.then(|| view! { <a class="btn" href=href aria-label=named>"Change"</a> })}</td>
        </tr>
    }
    .into_any()
}

fn subscribers(slug: &str, subscriptions: Vec<DeskSubscription>) -> AnyView {
    if subscriptions.is_empty() {
        return view! {
            <Card title="Subscriptions">
                <Note>"No organization asked for a plan, or has one of its own."</Note>
            </Card>
        }
        .into_any();
    }
    let columns = vec![
        Column::text("Organization"),
        Column::text("Plan"),
        Column::text("State"),
        Column::text("Asked").optional(),
        Column::actions("Actions"),
    ];
    let rows: Vec<AnyView> = subscriptions.into_iter().map(|one| subscriber(slug, one)).collect();
    view! {
        <Card title="Subscriptions" flush=true>
            <Table label="Subscriptions" columns=columns fold=true>
                {rows}
            </Table>
        </Card>
    }
    .into_any()
}

fn subscriber(slug: &str, one: DeskSubscription) -> AnyView {
    let href = paths::admin_subscription(slug, one.subscription.id);
    let named = format!("Open the subscription of {}", one.organization_name);
    let tone = if one.subscription.state == SubscriptionState::Requested { Tone::Warn } else { Tone::Ok };
    view! {
        <tr>
            <td><a class="link break-words" href=paths::admin_organization(one.organization)>{one.organization_name}</a></td>
            <td>{one.subscription.plan_name}</td>
            <td><Tag tone=tone>{one.subscription.state.label()}</Tag></td>
            <td class="opt muted"><Time at=one.subscription.requested_at/></td>
            <td class="actions"><a class="btn" href=href aria-label=named>"Open"</a></td>
        </tr>
    }
    .into_any()
}

fn closing(api: &DeskApi, actions: Actions) -> AnyView {
    let slug = api.slug.clone();
    if api.closed_at.is_some() {
        return view! {
            <Card title="Open the API again">
                <div class="grid gap-4">
                    <p class="muted">"Everything is as it was: address, terms, plans and subscriptions."</p>
                    <ActionForm action=actions.reopen>
                        <input type="hidden" name="slug" value=slug/>
                        <Button>"Open the API"</Button>
                    </ActionForm>
                </div>
            </Card>
        }
        .into_any();
    }
    view! {
        <Card title="Close the API">
            <div class="grid gap-4">
                <p class="muted">
                    "The gateway refuses every call to it at once, and the docs do not list it. Logs and usage stay, and you can open it again."
                </p>
                <ActionForm action=actions.close>
                    <input type="hidden" name="slug" value=slug/>
                    <Button kind=ButtonKind::Danger>"Close the API"</Button>
                </ActionForm>
            </div>
        </Card>
    }
    .into_any()
}
