//! One key: where it stands, its terms, and the replacement of its secret.

use contract::keys::desk::PastLabel;
use contract::keys::terms::{
    KeyDetail, KeyTerms, NETWORKS_MAX, NOTE_MAX, OVERLAP_DAYS_MAX, OldSecretUse, Rotation, RotationStart, SCOPES_MAX,
    TAGS_MAX,
};
use contract::keys::{Key, KeyState, LABEL_MAX};
use contract::limits::Limit;
use contract::{Permission, Role};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::desk_server_fns::RestoreLabel;
use super::keys_page::state;
use super::server_fns::{
    CHANGE_TERMS, ChangeKeyTerms, KEY_PAGE, KeyView, ROTATE, RetireOldSecret, RevokeKey, RotateKey, SendRevealLink,
    read_key,
};
use crate::audit_log::own_events;
use crate::console::Console;
use crate::kept::{KeptFields, error_of, problem_of, use_kept};
use crate::layout::ConsolePlace;
use crate::ui::{
    Button, ButtonKind, Card, Checkbox, Dialog, DialogActions, DialogButton, DialogClose, Failure, FormErrors, Icon,
    InputKind, Note, Notice, Select, Tag, TextArea, TextField, Time, Tone, format,
};
use crate::{leaks, paths};

const REVOKE: &str = "revoke";
const RETIRE: &str = "retire";

const TERMS_LABELS: &[(&str, &str)] = &[
    ("label", "Label"),
    ("note", "Note"),
    ("scopes", "Scopes"),
    ("expires_at", "Works until"),
    ("networks", "Networks"),
    ("tags", "Tags"),
    ("limit_requests", "Requests"),
    ("limit_seconds", "In"),
];
const ROTATION_LABELS: &[(&str, &str)] = &[("overlap_days", "Days"), ("starts", "Counted from")];

/// What can be done on this page.
#[derive(Clone, Copy)]
struct Actions {
    change: ServerAction<ChangeKeyTerms>,
    rotate: ServerAction<RotateKey>,
    retire: ServerAction<RetireOldSecret>,
    send: ServerAction<SendRevealLink>,
    revoke: ServerAction<RevokeKey>,
    restore: ServerAction<RestoreLabel>,
}

impl Actions {
    /// The refusal of a form that has no place of its own for it.
    fn failed(self) -> Option<crate::error::AppError> {
        let of = |answer: Option<Result<(), _>>| answer.and_then(Result::err);
        of(self.retire.value().get_untracked())
            .or_else(|| of(self.send.value().get_untracked()))
            .or_else(|| of(self.revoke.value().get_untracked()))
            .or_else(|| of(self.restore.value().get_untracked()))
    }
}

/// Fields of forms that were sent and not accepted before this page was shown.
struct Typed {
    terms: KeptFields,
    rotation: KeptFields,
}

/// Everything about one key.
#[component]
#[must_use]
pub fn KeyPage() -> impl IntoView {
    let actions = Actions {
        change: ServerAction::new(),
        rotate: ServerAction::new(),
        retire: ServerAction::new(),
        send: ServerAction::new(),
        revoke: ServerAction::new(),
        restore: ServerAction::new(),
    };
    let id = StoredValue::new(use_params_map().get_untracked().get("id").unwrap_or_default());
    let done = StoredValue::new(use_query_map().get_untracked().get("done"));
    let key = Resource::new_blocking(|| (), move |()| read_key(id.get_value()));
    // Also after the person had to confirm first: then nothing was refused on this page.
    let (terms, rotation) = (use_kept(CHANGE_TERMS, true), use_kept(ROTATE, true));
    view! {
        <Title text="Key"/>
        <Console place=ConsolePlace::Keys title="Key">
            <Suspense>
                {move || Suspend::new(async move {
                    let typed = Typed { terms: terms.await, rotation: rotation.await };
                    match key.await {
                        Ok(view) => content(view, actions, &typed, done.get_value()),
                        Err(error) => view! { <Failure error/> }.into_any(),
                    }
                })}
            </Suspense>
        </Console>
    }
}

fn content(view: KeyView, actions: Actions, typed: &Typed, done: Option<String>) -> AnyView {
    let KeyView { detail, old, events, role, leaks: reports, labels } = view;
    let lives = detail.key.state != KeyState::Revoked;
    let changes = lives && role.allows(Permission::CreateKeys);
    let dialogs = dialogs(&detail, role, actions);
    view! {
        <div class="settings">
            {news(done.as_deref())} {actions.failed().map(|error| view! { <Failure error/> })}
            {leaks::notice(&reports, lives)} {about(&detail, role, actions)}
            {lives.then(|| secret(&detail, old, role, actions, &typed.rotation))}
            {if changes { terms_form(&detail, actions, &typed.terms) } else { terms(&detail.terms) }}
            {leaks::history(reports)} {past_labels(&detail, labels, changes, actions)}
            {(!events.is_empty()).then(|| view! { <Card title="What was done to it" flush=true>{own_events(events)}</Card> })}
        </div>
        {dialogs}
    }
    .into_any()
}

/// What was done before this page was shown.
fn news(done: Option<&str>) -> Option<AnyView> {
    let (title, text) = match done? {
        "restored" => ("The label is back.", "The gateway and the logs call the key so from now on."),
        "sent" => (
            "The link to the secret is on its way.",
            "It works once, for 24 hours, while you are signed in. Earlier links to this key stopped working.",
        ),
        "revoked" => ("The key is revoked.", "The gateway refuses it from this moment on."),
        "changed" => ("The changes are saved.", "The gateway knows them already."),
        "rotating" => (
            "The link to the new secret is on its way.",
            "Nothing changes until you open it. Earlier links to this key stopped working.",
        ),
        "retired" => ("The old secret is retired.", "It is refused from this moment on. The new one works."),
        _ => return None,
    };
    Some(view! { <Notice tone=Tone::Ok live=true title=title>{text}</Notice> }.into_any())
}

/// Labels that the key had, each with a way back to it.
fn past_labels(detail: &KeyDetail, labels: Vec<PastLabel>, changes: bool, actions: Actions) -> Option<AnyView> {
    if labels.is_empty() || !changes {
        return None;
    }
    let id = detail.key.id;
    let rows: Vec<AnyView> = labels
        .into_iter()
        .map(|past| {
            let named = format!("Restore the label {}", past.label);
            view! {
                <li class="flex flex-wrap items-center justify-between gap-2">
                    <span class="min-w-0 break-words">{past.label} <span class="small muted">" until " <Time at=past.until/></span></span>
                    <ActionForm action=actions.restore>
                        <input type="hidden" name="id" value=id.to_string()/>
                        <input type="hidden" name="event" value=past.seq.to_string()/>
                        <button type="submit" class="btn" aria-label=named>"Restore"</button>
                    </ActionForm>
                </li>
            }
            .into_any()
        })
        .collect();
    Some(view! { <Card title="Earlier labels"><ul class="grid gap-2">{rows}</ul></Card> }.into_any())
}

fn about(detail: &KeyDetail, role: Role, actions: Actions) -> AnyView {
    let Key { id, label, environment, hint, state: stands, created_at, revealed_at, last_used_at, revoked_at, week } =
        detail.key.clone();
    let moment = |at: Option<i64>, never: &'static str| match at {
        Some(at) => view! { <Time at=at/> }.into_any(),
        None => never.into_any(),
    };
    let send = (detail.may_be_revealed && role.allows(Permission::CreateKeys)).then(|| {
        view! {
            <ActionForm action=actions.send>
                <input type="hidden" name="id" value=id.to_string()/>
                <input type="hidden" name="page" value=KEY_PAGE/>
                <Button icon=Icon::Mail>"Email me my key"</Button>
            </ActionForm>
        }
    });
    let revoke = (stands != KeyState::Revoked && role.allows(Permission::RevokeKeys))
        .then(|| view! { <DialogButton dialog=REVOKE kind=ButtonKind::Danger>"Revoke"</DialogButton> });
    let has_buttons = send.is_some() || revoke.is_some();
    let revoked = revoked_at.map(|at| view! { <dt>"Revoked"</dt><dd><Time at=at/></dd> });
    let total: i64 = week.iter().sum();
    view! {
        <Card title=label>
            <dl class="kv">
                <dt>"State"</dt>
                <dd>{state(stands)}</dd>
                <dt>"Environment"</dt>
                <dd><Tag>{environment.label()}</Tag></dd>
                <dt>"Key"</dt>
                <dd class="mono">{hint}</dd>
                <dt>"Id"</dt>
                <dd class="mono">{id.to_string()}</dd>
                <dt>"Created"</dt>
                <dd><Time at=created_at/></dd>
                <dt>"Secret shown"</dt>
                <dd>{moment(revealed_at, "not yet")}</dd>
                <dt>"Last used"</dt>
                <dd>{moment(last_used_at, "never")}</dd>
                <dt>"Last 7 days"</dt>
                <dd>{format::counted(total, "request", "requests")}</dd>
                {revoked}
            </dl>
            {has_buttons.then(|| view! { <div class="flex flex-wrap gap-2 mt-4">{send} {revoke}</div> })}
        </Card>
    }
    .into_any()
}

fn days(number: i64) -> String {
    format::counted(number, "day", "days")
}

/// The card about the replacement of the secret.
fn secret(detail: &KeyDetail, old: OldSecretUse, role: Role, actions: Actions, kept: &KeptFields) -> AnyView {
    let may = role.allows(Permission::CreateKeys);
    let form = || may.then(|| rotation_form(detail, actions, kept));
    let body = match &detail.rotation {
        _ if detail.key.state == KeyState::AwaitingReveal => {
            view! { <p>"The secret comes into being when its reveal link is opened. There is nothing to rotate yet."</p> }
                .into_any()
        }
        Rotation::None => view! {
            <p>"A rotation gives the key a new secret while the old one still works. No call is refused on the way."</p>
            {form()}
        }
        .into_any(),
        Rotation::Asked { overlap_days, starts } => {
            let from = match starts {
                RotationStart::Now => "from the moment you open it",
                RotationStart::FirstUse => "until the new one is used for the first time, and after that",
            };
            let text = format!("The link to the new secret is in your mail. Both secrets work {from} for {}.", days(*overlap_days));
            view! {
                <p>{text}</p>
                <p class="muted">"Is the link too old, or do you want another overlap? Start again: the later wish counts."</p>
                {form()}
            }
            .into_any()
        }
        Rotation::TwoSecrets { previous_hint, retires_at, overlap_days } => {
            let until = match retires_at {
                Some(at) => view! { "The old secret works until " <Time at=*at absolute=true/> ", " <Time at=*at/> "." }.into_any(),
                None => format!(
                    "The old secret works until the new one is used for the first time, and for {} after that.",
                    days(*overlap_days)
                )
                .into_any(),
            };
            let retire = role
                .allows(Permission::RevokeKeys)
                .then(|| view! { <div><DialogButton dialog=RETIRE kind=ButtonKind::Danger>"Retire the old secret now"</DialogButton></div> });
            view! {
                <p>{until}</p>
                {secrets(&detail.key.hint, previous_hint)}
                {callers(old)}
                {retire}
            }
            .into_any()
        }
        Rotation::Over { previous_hint, retired_at } => {
            let still = (old.day > 0).then(|| callers(old));
            view! {
                <p>"The old secret " <span class="mono">{previous_hint.clone()}</span> " was retired " <Time at=*retired_at/> "."</p>
                {still}
                {form()}
            }
            .into_any()
        }
    };
    let shown = match (detail.kept, detail.may_be_revealed) {
        (true, _) => {
            "The secret is kept, sealed, because every API allows it: the link that you mail yourself shows it again."
        }
        (false, true) => "The secret was never used. The link that you mail yourself shows another one in its place.",
        (false, false) => "Secrets are shown once. Nobody can show this one again, but you can replace it.",
    };
    let shown = (detail.key.state != KeyState::AwaitingReveal && !matches!(detail.rotation, Rotation::Asked { .. }))
        .then(|| view! { <p>{shown}</p> });
    view! { <Card title="Secret"><div class="grid gap-4">{shown} {body}</div></Card> }.into_any()
}

fn secrets(new: &str, old: &str) -> AnyView {
    view! {
        <dl class="kv">
            <dt>"New secret"</dt>
            <dd class="mono">{new.to_owned()}</dd>
            <dt>"Old secret"</dt>
            <dd class="mono">{old.to_owned()}</dd>
        </dl>
    }
    .into_any()
}

/// Who still calls with the old secret.
fn callers(old: OldSecretUse) -> AnyView {
    let OldSecretUse { day, total, last_at } = old;
    let Some(last_at) = last_at else {
        return view! { <Notice tone=Tone::Ok title="Nobody has called with the old secret since there is a new one.">""</Notice> }.into_any();
    };
    let title = if day == 0 {
        "Nobody called with the old secret in the last 24 hours.".to_owned()
    } else {
        format!("{} with the old secret in the last 24 hours.", format::counted(day, "call", "calls"))
    };
    let all = format!("{} since the new secret was shown, the last one ", format::counted(total, "call", "calls"));
    let tone = if day == 0 { Tone::Ok } else { Tone::Warn };
    view! { <Notice tone=tone title=title>{all} <Time at=last_at/> "."</Notice> }.into_any()
}

fn rotation_form(detail: &KeyDetail, actions: Actions, kept: &KeptFields) -> AnyView {
    let action = actions.rotate;
    let error = error_of(move || action.value().get());
    let given = |field: &str, or: &str| {
        let kept = kept.value(field);
        if kept.is_empty() { or.to_owned() } else { kept }
    };
    let starts = RotationStart::ALL
        .into_iter()
        .map(|start| {
            let words = match start {
                RotationStart::Now => "the moment the new secret is shown",
                RotationStart::FirstUse => "the first use of the new secret",
            };
            (start.word().to_owned(), words.to_owned())
        })
        .collect();
    let id = detail.key.id.to_string();
    let (days, from) = (given("overlap_days", "7"), given("starts", RotationStart::Now.word()));
    view! {
        <ActionForm action=action attr:novalidate=true attr:class="grid gap-4">
            <FormErrors error labels=ROTATION_LABELS/>
            <input type="hidden" name="id" value=id/>
            <TextField
                name="overlap_days"
                label="Days"
                value=days
                help=format!("For so long both secrets work: 0 to {OVERLAP_DAYS_MAX}.")
                problem=problem_of(error, "overlap_days")
                autocomplete="off"
                required=true
            />
            <Select
                name="starts"
                label="Counted from"
                options=starts
                selected=from
                problem=problem_of(error, "starts")
            />
            <div><Button icon=Icon::Mail pending=action.pending()>"Mail me a new secret"</Button></div>
        </ActionForm>
    }
    .into_any()
}

/// A moment, as the field for it takes it.
fn in_field(at: Option<i64>) -> String {
    at.map(|at| format::rfc3339(at).chars().take("2027-01-31T18:30".len()).collect()).unwrap_or_default()
}

const SPANS: [(u32, &str); 4] = [(1, "a second"), (60, "a minute"), (3_600, "an hour"), (86_400, "a day")];

/// The usual spans, and the one that the key has.
fn spans(limit: Option<Limit>) -> Vec<(String, String)> {
    let other = limit.map(|limit| limit.seconds).filter(|seconds| SPANS.iter().all(|(usual, _)| usual != seconds));
    let usual = SPANS.into_iter().map(|(seconds, words)| (seconds.to_string(), words.to_owned()));
    usual.chain(other.map(|seconds| (seconds.to_string(), format!("{seconds} seconds")))).collect()
}

fn terms_form(detail: &KeyDetail, actions: Actions, kept: &KeptFields) -> AnyView {
    let action = actions.change;
    let error = error_of(move || action.value().get());
    let KeyDetail { key, terms, .. } = detail;
    let was_typed = !kept.0.is_empty();
    let value = |field: &str| {
        if was_typed {
            return kept.value(field);
        }
        match field {
            "label" => key.label.clone(),
            "note" => terms.note.clone(),
            "scopes" => terms.scopes.join("\n"),
            "networks" => terms.networks.join("\n"),
            "tags" => terms.tags.join(" "),
            "expires_at" => in_field(terms.expires_at),
            "limit_requests" => terms.limit.map(|limit| limit.requests.to_string()).unwrap_or_default(),
            _ => terms.limit.map_or_else(|| "60".to_owned(), |limit| limit.seconds.to_string()),
        }
    };
    let protected = if was_typed { !kept.value("protected").is_empty() } else { terms.protected };
    let (id, label, note, tags) = (key.id.to_string(), value("label"), value("note"), value("tags"));
    let (expires_at, scopes, networks) = (value("expires_at"), value("scopes"), value("networks"));
    let (requests, seconds, spans) = (value("limit_requests"), value("limit_seconds"), spans(terms.limit));
    view! {
        <Card title="Terms">
            <ActionForm action=action attr:novalidate=true attr:class="grid gap-4">
                <FormErrors error labels=TERMS_LABELS/>
                <input type="hidden" name="id" value=id/>
                <TextField
                    name="label"
                    label="Label"
                    value=label
                    problem=problem_of(error, "label")
                    autocomplete="off"
                    max_length=LABEL_MAX
                    required=true
                />
                <TextArea
                    name="note"
                    label="Note"
                    value=note
                    help="What others should know of the key: who runs the program, where. Only your organization sees it."
                    problem=problem_of(error, "note")
                    max_length=NOTE_MAX
                    rows=2
                />
                <TextField
                    name="tags"
                    label="Tags"
                    value=tags
                    help=format!("At most {TAGS_MAX} words, parted by spaces.")
                    problem=problem_of(error, "tags")
                    autocomplete="off"
                />
                <TextField
                    name="expires_at"
                    label="Works until"
                    kind=InputKind::Moment
                    value=expires_at
                    help="In UTC. Empty for ever. The owners of the organization get a mail 30, 7 and 1 days before."
                    problem=problem_of(error, "expires_at")
                    autocomplete="off"
                />
                <TextArea
                    name="scopes"
                    label="Scopes"
                    value=scopes
                    help=format!("What the key may do, such as places:read; at most {SCOPES_MAX}, one a line. Empty for everything.")
                    problem=problem_of(error, "scopes")
                    mono=true
                />
                <TextArea
                    name="networks"
                    label="Networks"
                    value=networks
                    help=format!("Addresses or networks of your servers, such as 203.0.113.0/24; at most {NETWORKS_MAX}, one a line. Empty for everywhere.")
                    problem=problem_of(error, "networks")
                    mono=true
                />
                <TextField
                    name="limit_requests"
                    label="Requests"
                    value=requests
                    help="A limit of this key alone, beside what its plan allows. Empty for none."
                    problem=problem_of(error, "limit_requests")
                    autocomplete="off"
                />
                <Select
                    name="limit_seconds"
                    label="In"
                    options=spans
                    selected=seconds
                    problem=problem_of(error, "limit_seconds")
                />
                <Checkbox name="protected" checked=protected help="While it was used within the last seven days.">
                    "Nobody can revoke the key while it is in use"
                </Checkbox>
                <div><Button kind=ButtonKind::Primary pending=action.pending()>"Save changes"</Button></div>
            </ActionForm>
        </Card>
    }
    .into_any()
}

/// For those who may not change them.
fn terms(terms: &KeyTerms) -> AnyView {
    let or = |text: String, none: &str| if text.is_empty() { none.to_owned() } else { text };
    let until = match terms.expires_at {
        Some(at) => view! { <Time at=at absolute=true/> }.into_any(),
        None => "for ever".into_any(),
    };
    let limit = terms.limit.map_or_else(|| "none of its own".to_owned(), |limit| limit.to_string());
    let protection = if terms.protected { "cannot be revoked while in use" } else { "none" };
    let (note, tags) = (or(terms.note.clone(), "none"), or(terms.tags.join(" "), "none"));
    let (scopes, networks) = (or(terms.scopes.join(" "), "everything"), or(terms.networks.join(" "), "everywhere"));
    view! {
        <Card title="Terms">
            <dl class="kv">
                <dt>"Note"</dt>
                <dd>{note}</dd>
                <dt>"Tags"</dt>
                <dd>{tags}</dd>
                <dt>"Works until"</dt>
                <dd>{until}</dd>
                <dt>"Scopes"</dt>
                <dd>{scopes}</dd>
                <dt>"Networks"</dt>
                <dd>{networks}</dd>
                <dt>"Limit"</dt>
                <dd>{limit}</dd>
                <dt>"Protection"</dt>
                <dd>{protection}</dd>
            </dl>
        </Card>
    }
    .into_any()
}

fn dialogs(detail: &KeyDetail, role: Role, actions: Actions) -> AnyView {
    let key = &detail.key;
    let may = role.allows(Permission::RevokeKeys) && key.state != KeyState::Revoked;
    let (id, again) = (key.id.to_string(), key.id.to_string());
    let revoke = may.then(|| {
        let text =
            format!("Every program that uses {} is refused from this moment on. This cannot be undone.", key.hint);
        view! {
            <Dialog id=REVOKE title=format!("Revoke {}?", key.label)>
                <p>{text}</p>
                <ActionForm action=actions.revoke>
                    <input type="hidden" name="id" value=id/>
                    <input type="hidden" name="page" value=KEY_PAGE/>
                    <DialogActions>
                        <DialogClose dialog=REVOKE>"Keep the key"</DialogClose>
                        <Button kind=ButtonKind::Danger>"Revoke key"</Button>
                    </DialogActions>
                </ActionForm>
            </Dialog>
        }
    });
    let retire = match &detail.rotation {
        Rotation::TwoSecrets { previous_hint, .. } if may => {
            let text = format!(
                "Every program that still uses {previous_hint} is refused from this moment on. The new secret goes on working."
            );
            Some(view! {
                <Dialog id=RETIRE title="Retire the old secret?">
                    <p>{text}</p>
                    <Note>"Somebody who has only the old secret cannot call any more, and it cannot be brought back."</Note>
                    <ActionForm action=actions.retire>
                        <input type="hidden" name="id" value=again/>
                        <DialogActions>
                            <DialogClose dialog=RETIRE>"Keep both"</DialogClose>
                            <Button kind=ButtonKind::Danger>"Retire the old secret"</Button>
                        </DialogActions>
                    </ActionForm>
                </Dialog>
            })
        }
        _ => None,
    };
    view! { {revoke} {retire} <p class="small muted"><a class="link" href=paths::KEYS>"All keys"</a></p> }.into_any()
}
