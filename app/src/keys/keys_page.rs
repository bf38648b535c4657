//! The keys of the organization.

use contract::accounts::Me;
use contract::keys::{Key, KeyState};
use contract::{Environment, Permission};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::server_fns::{CreateKey, KeyList, RevokeKey, SendRevealLink, list_keys};
use crate::console::{Console, environment_of};
use crate::kept::{KeptFields, error_of, problem_of, use_kept};
use crate::layout::ConsolePlace;
use crate::paths;
use crate::ui::chart::Spark;
use crate::ui::{
    Button, ButtonKind, Card, Column, Dialog, DialogActions, DialogButton, DialogClose, EmptyState, EnvSwitch, Failure,
    FormErrors, Icon, InputKind, Notice, Select, Table, Tag, TextField, Time, Tone, close_dialog,
};

const CREATE: &str = "create-key";
const LABELS: &[(&str, &str)] = &[("label", "Label"), ("environment", "Environment"), ("expires_at", "Works until")];

/// What can be done on this page.
#[derive(Clone, Copy)]
struct Actions {
    create: ServerAction<CreateKey>,
    revoke: ServerAction<RevokeKey>,
    send: ServerAction<SendRevealLink>,
}

/// A table, a form to create, a question before revoking.
#[component]
#[must_use]
pub fn KeysPage() -> impl IntoView {
    let actions = Actions { create: ServerAction::new(), revoke: ServerAction::new(), send: ServerAction::new() };
    let query = use_query_map();
    let environment = Memo::new(move |_| environment_of(&query.read()));
    let changes = move || {
        (
            environment.get(),
            actions.create.version().get(),
            actions.revoke.version().get(),
            actions.send.version().get(),
        )
    };
    let keys = Resource::new_blocking(changes, |(environment, ..)| list_keys(environment.word().to_owned()));
    let kept = use_kept("create_key", actions.create.value().get_untracked().is_some());
    view! {
        <Title text="Keys"/>
        <Console
            place=ConsolePlace::Keys
            title="Keys"
            env=move || {
                let switch = move || view! { <EnvSwitch current=environment.get() href=|environment| paths::in_environment(paths::KEYS, environment)/> };
                switch.into_any()
            }
            actions=|me: &Me| {
                me.organization
                    .role
                    .allows(Permission::CreateKeys)
                    .then(|| view! { <DialogButton dialog=CREATE kind=ButtonKind::Primary icon=Icon::Plus>"Create key"</DialogButton> }.into_any())
            }
        >
            {news(actions)}
            <Transition>
                {move || Suspend::new(async move {
                    let kept = kept.await;
                    match keys.await {
                        Ok(list) => content(list, actions, environment.get_untracked(), &kept),
                        Err(error) => view! { <Failure error/> }.into_any(),
                    }
                })}
            </Transition>
        </Console>
    }
}

/// What the last action led to; after a form without a script, what the address says.
fn news(actions: Actions) -> AnyView {
    let query = use_query_map().get_untracked();
    let (created, sent) = (query.get("created").is_some(), query.get("sent").is_some());
    let mailed = "We have mailed you the link to its secret. Open it while you are signed in.";
    let created = move || created || matches!(actions.create.value().get(), Some(Ok(_)));
    let sent = move || sent || matches!(actions.send.value().get(), Some(Ok(())));
    let failed = error_of(move || {
        let revoked = actions.revoke.value().get().and_then(Result::err);
        revoked.or_else(|| actions.send.value().get().and_then(Result::err)).map(Err::<(), _>)
    });
    view! {
        {move || created().then(|| view! { <Notice tone=Tone::Ok live=true title="The key is created.">{mailed}</Notice> })}
        {move || sent().then(|| view! { <Notice tone=Tone::Ok live=true title="A new link is on its way.">"Earlier links to this key stopped working."</Notice> })}
        {move || failed.get().map(|error| view! { <Failure error/> })}
    }
    .into_any()
}

fn content(list: KeyList, actions: Actions, environment: Environment, kept: &KeptFields) -> AnyView {
    let dialogs: Vec<AnyView> = list
        .keys
        .iter()
        .filter(|key| key.state != KeyState::Revoked)
        .map(|key| revoke_dialog(key, actions.revoke))
        .collect();
    view! {
        {if list.keys.is_empty() { empty(environment) } else { table(list.keys, actions) }} {dialogs}
        {create_dialog(actions.create, list.form_token, environment, kept)}
    }
    .into_any()
}

fn empty(environment: Environment) -> AnyView {
    let text = format!(
        "A key opens the APIs to your programs. Create a {} key, and we mail you a link that shows its secret once.",
        environment.word()
    );
    view! {
        <Card>
            <EmptyState icon=Icon::Key title=format!("No {} keys yet", environment.word()) text=text>
                <DialogButton dialog=CREATE kind=ButtonKind::Primary icon=Icon::Plus>"Create key"</DialogButton>
            </EmptyState>
        </Card>
    }
    .into_any()
}

fn table(keys: Vec<Key>, actions: Actions) -> AnyView {
    let columns = vec![
        Column::text("Label"),
        Column::text("Key"),
        Column::text("Last 7 days").optional(),
        Column::text("Last used").optional(),
        Column::text("Created").optional(),
        Column::text("State"),
        Column::actions("Actions"),
    ];
    let rows: Vec<AnyView> = keys.into_iter().map(|key| row(key, actions)).collect();
    view! {
        <Card flush=true>
            <Table label="Keys" columns=columns fold=true>
                {rows}
            </Table>
        </Card>
    }
    .into_any()
}

fn row(key: Key, actions: Actions) -> AnyView {
    let used = key.last_used_at.map(|at| view! { <Time at=at/> }.into_any()).unwrap_or_else(|| "never".into_any());
    let total: i64 = key.week.iter().sum();
    view! {
        <tr>
            <td><a class="link font-medium" href=paths::key(key.id)>{key.label.clone()}</a></td>
            <td class="mono">{key.hint.clone()}</td>
            <td class="opt">
                {if total == 0 { view! { <span class="muted">"none"</span> }.into_any() } else { view! { <Spark values=key.week.clone() over="last 7 days"/> }.into_any() }}
            </td>
            <td class="opt muted">{used}</td>
            <td class="opt muted"><Time at=key.created_at/></td>
            <td>{state(key.state)}</td>
            <td class="actions">{row_actions(&key, actions)}</td>
        </tr>
    }
    .into_any()
}

pub(super) fn state(state: KeyState) -> AnyView {
    match state {
        KeyState::AwaitingReveal => view! { <Tag tone=Tone::Warn>"Awaiting reveal"</Tag> }.into_any(),
        KeyState::Active => view! { <Tag tone=Tone::Ok>"Active"</Tag> }.into_any(),
        KeyState::Expired => view! { <Tag tone=Tone::Bad>"Expired"</Tag> }.into_any(),
        KeyState::Revoked => view! { <Tag tone=Tone::Bad>"Revoked"</Tag> }.into_any(),
    }
}

fn row_actions(key: &Key, actions: Actions) -> AnyView {
    if key.state == KeyState::Revoked {
        return ().into_any();
    }
    let (id, dialog) = (key.id.to_string(), dialog_of(key));
    let send = key.may_be_revealed().then(|| {
        view! {
            <ActionForm action=actions.send>
                <input type="hidden" name="id" value=id/>
                <Button kind=ButtonKind::Quiet icon=Icon::Mail>"Mail link"</Button>
            </ActionForm>
        }
    });
    view! {
        <div class="flex gap-1 justify-end">
            {send} <DialogButton dialog=dialog kind=ButtonKind::Danger>"Revoke"</DialogButton>
        </div>
    }
    .into_any()
}

fn dialog_of(key: &Key) -> String {
    format!("revoke-{}", key.id)
}

fn revoke_dialog(key: &Key, action: ServerAction<RevokeKey>) -> AnyView {
    let id = dialog_of(key);
    let (key_id, title, closing) = (key.id.to_string(), format!("Revoke {}?", key.label), id.clone());
    let text = format!("Every program that uses {} is refused from this moment on. This cannot be undone.", key.hint);
    view! {
        <Dialog id=id title=title>
            <p>{text}</p>
            <ActionForm action=action>
                <input type="hidden" name="id" value=key_id/>
                <DialogActions>
                    <DialogClose dialog=closing>"Keep the key"</DialogClose>
                    <Button kind=ButtonKind::Danger pending=action.pending()>"Revoke key"</Button>
                </DialogActions>
            </ActionForm>
        </Dialog>
    }
    .into_any()
}

fn create_dialog(
    action: ServerAction<CreateKey>,
    form_token: String,
    environment: Environment,
    kept: &KeptFields,
) -> AnyView {
    let (label, expires_at) = (kept.value("label"), kept.value("expires_at"));
    let error = error_of(move || action.value().get());
    Effect::new(move || {
        if matches!(action.value().get(), Some(Ok(_))) {
            close_dialog(CREATE);
        }
    });
    let options = Environment::ALL
        .into_iter()
        .map(|environment| (environment.word().to_owned(), environment.label().to_owned()))
        .collect();
    view! {
        <Dialog id=CREATE title="Create key">
            <ActionForm action=action attr:novalidate=true attr:class="grid gap-4">
                <FormErrors error labels=LABELS/>
                <input type="hidden" name="form_token" value=form_token/>
                <TextField
                    name="label"
                    label="Label"
                    value=label
                    help="Where the key will be used: “production server”. Only you see it."
                    problem=problem_of(error, "label")
                    autocomplete="off"
                    required=true
                />
                <Select name="environment" label="Environment" options=options selected=environment.word() problem=problem_of(error, "environment")/>
                <TextField
                    name="expires_at"
                    label="Works until"
                    kind=InputKind::Moment
                    value=expires_at
                    help="In UTC. Empty for ever."
                    problem=problem_of(error, "expires_at")
                    autocomplete="off"
                />
                <p class="small muted">"We mail you a link. It shows the secret once, to you alone."</p>
                <DialogActions>
                    <DialogClose dialog=CREATE>"Cancel"</DialogClose>
                    <Button kind=ButtonKind::Primary pending=action.pending()>"Create key"</Button>
                </DialogActions>
            </ActionForm>
        </Dialog>
    }
    .into_any()
}
