//! One key, as staff see it, and what they can do to it.

use contract::accounts::REASON_MAX;
use contract::keys::KeyState;
use contract::keys::desk::SeenKey;
use contract::keys::terms::{OVERLAP_DAYS_MAX, Rotation};
use contract::staff::LookPurpose;
use contract::{KeyId, StaffPermission, StaffRole};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::desk_server_fns::{MEASURE, RevokeForOperator, RotateForOwner, see_key};
use super::keys_page::state;
use crate::console::Admin;
use crate::error::AppError;
use crate::kept::{KeptFields, error_of, problem_of, use_kept};
use crate::layout::{AdminPlace, use_frame};
use crate::staff::{ask_purpose, desk_refused, purpose_of};
use crate::ui::{
    Button, ButtonKind, Card, Dialog, DialogActions, DialogButton, DialogClose, FormErrors, Note, Notice, Tag,
    TextField, Time, Tone,
};
use crate::{leaks, paths};

const REVOKE: &str = "revoke";
const ROTATE: &str = "rotate";

/// What can be done on this page.
#[derive(Clone, Copy)]
struct Actions {
    revoke: ServerAction<RevokeForOperator>,
    rotate: ServerAction<RotateForOwner>,
}

/// Asks for a purpose first; then shows the key, with dialogs for what its state allows.
#[component]
#[must_use]
pub fn DeskKeyPage() -> impl IntoView {
    let actions = Actions { revoke: ServerAction::new(), rotate: ServerAction::new() };
    let id = use_params_map().get_untracked().get("id").unwrap_or_default();
    let query = use_query_map().get_untracked();
    let asked = StoredValue::new((id, query.get("purpose").unwrap_or_default(), query.get("done")));
    let seen = Resource::new_blocking(
        || (),
        move |()| async move {
            let (id, purpose, _) = asked.get_value();
            match purpose_of(&purpose) {
                Ok(purpose) => Some((purpose, see_key(id, purpose.word().to_owned()).await)),
                Err(_) => None,
            }
        },
    );
    // Also after the person had to confirm first: then nothing was refused on this page.
    let kept = use_kept(MEASURE, true);
    let frame = use_frame();
    view! {
        <Title text="Key"/>
        <Admin place=AdminPlace::Keys title="Key">
            <Suspense>
                {move || Suspend::new(async move {
                    let role = frame.await.ok().and_then(|frame| frame.me).and_then(|me| me.staff);
                    let (_, purpose, done) = asked.get_value();
                    match seen.await {
                        None => ask_purpose(&purpose, "key", "The purpose is written down in the audit log."),
                        Some((_, Err(error))) => desk_refused(error),
                        Some((purpose, Ok(seen))) => content(seen, purpose, role, actions, &kept.await, done),
                    }
                })}
            </Suspense>
        </Admin>
    }
}

fn content(
    seen: SeenKey,
    purpose: LookPurpose,
    role: Option<StaffRole>,
    actions: Actions,
    kept: &KeptFields,
    done: Option<String>,
) -> AnyView {
    let id = seen.key.id;
    let label = seen.key.label.clone();
    let may = role.is_some_and(|role| role.allows(StaffPermission::ManageKeys));
    let revokes = may && seen.key.state != KeyState::Revoked;
    let rotates = revokes && seen.revealed_at.is_some() && !matches!(seen.rotation, Rotation::TwoSecrets { .. });
    let reports = leaks::history(seen.leaks.clone());
    let protected = seen.protected;
    let revoke = revokes.then(|| view! { <DialogButton dialog=REVOKE kind=ButtonKind::Danger>"Revoke"</DialogButton> });
    let rotate = rotates.then(|| view! { <DialogButton dialog=ROTATE>"Start a rotation"</DialogButton> });
    let others = format!("{}?query={}&purpose={}", paths::ADMIN_KEYS, seen.key.organization, purpose.word());
    let members = format!("{}?query={}&purpose={}", paths::ADMIN_ACCOUNTS, seen.key.organization, purpose.word());
    view! {
        {news(done.as_deref())}
        <Card title=label.clone()>
            <dl class="kv">{facts(seen)}</dl>
            <div class="flex flex-wrap gap-2 mt-4">
                {rotate} {revoke} <a class="btn" href=others>"Keys of the organization"</a>
                <a class="btn" href=members>"Its members"</a>
            </div>
        </Card>
        {reports}
        <Note>"You looked for this reason: "{purpose.label()}". It is written down. Label and terms are for the organization to change."</Note>
        {revokes.then(|| revoke_dialog(id, &label, purpose, protected, actions, kept))}
        {rotates.then(|| rotate_dialog(id, &label, purpose, actions, kept))}
    }
    .into_any()
}

/// What was done before this page was shown.
fn news(done: Option<&str>) -> Option<AnyView> {
    let (title, text) = match done? {
        "revoked" => ("The key is revoked.", "The gateway refuses it, and its owners were sent the reason."),
        "rotating" => (
            "The rotation is started.",
            "An owner was sent the link to a new secret, and all of them the reason. Until it is used, nothing changes.",
        ),
        _ => return None,
    };
    Some(view! { <Notice tone=Tone::Ok live=true title=title>{text}</Notice> }.into_any())
}

/// The reason, in the form of a measure.
fn reason_field(measure: &'static str, error: Signal<Option<AppError>>, kept: &KeptFields) -> AnyView {
    let value = if kept.value("measure") == measure { kept.value("reason") } else { String::new() };
    view! {
        <TextField
            name="reason"
            label="Reason"
            value
            help="The owners read it, word for word."
            problem=problem_of(error, "reason")
            autocomplete="off"
            max_length=REASON_MAX
            required=true
            id=format!("field-reason-{measure}")
        />
    }
    .into_any()
}

fn revoke_dialog(
    id: KeyId,
    label: &str,
    purpose: LookPurpose,
    protected: bool,
    actions: Actions,
    kept: &KeptFields,
) -> AnyView {
    let refused = actions.revoke.value().get_untracked().and_then(Result::err);
    let shown = refused.is_some() || kept.value("measure") == REVOKE;
    let error = error_of(move || refused.clone().map(Err::<(), _>));
    let guarded = protected
        .then(|| view! { <p>"Its organization protects it from being revoked while it is in use. You revoke it all the same."</p> });
    let reason = reason_field(REVOKE, error, kept);
    view! {
        <Dialog id=REVOKE title=format!("Revoke {label}?") shown>
            <p>"Every program that uses it is refused from this moment on. This cannot be undone."</p>
            {guarded}
            <ActionForm action=actions.revoke attr:novalidate=true attr:class="grid gap-4">
                <FormErrors error labels=&[("reason", "Reason")]/>
                <input type="hidden" name="id" value=id.to_string()/>
                <input type="hidden" name="purpose" value=purpose.word()/>
                {reason}
                <DialogActions>
                    <DialogClose dialog=REVOKE>"Keep the key"</DialogClose>
                    <Button kind=ButtonKind::Danger>"Revoke the key"</Button>
                </DialogActions>
            </ActionForm>
        </Dialog>
    }
    .into_any()
}

fn rotate_dialog(id: KeyId, label: &str, purpose: LookPurpose, actions: Actions, kept: &KeptFields) -> AnyView {
    let refused = actions.rotate.value().get_untracked().and_then(Result::err);
    let was_sent = kept.value("measure") == ROTATE;
    let shown = refused.is_some() || was_sent;
    let error = error_of(move || refused.clone().map(Err::<(), _>));
    let days = if was_sent { kept.value("overlap_days") } else { "7".to_owned() };
    let reason = reason_field(ROTATE, error, kept);
    view! {
        <Dialog id=ROTATE title=format!("Start a rotation of {label}?") shown>
            <p>"An owner is sent a link to a new secret; you do not see it. Both secrets work from the moment it is opened, for the days that you give."</p>
            <ActionForm action=actions.rotate attr:novalidate=true attr:class="grid gap-4">
                <FormErrors error labels=&[("overlap_days", "Days"), ("reason", "Reason")]/>
                <input type="hidden" name="id" value=id.to_string()/>
                <input type="hidden" name="purpose" value=purpose.word()/>
                <TextField
                    name="overlap_days"
                    label="Days"
                    value=days
                    help=format!("For so long both secrets work: 0 to {OVERLAP_DAYS_MAX}.")
                    problem=problem_of(error, "overlap_days")
                    autocomplete="off"
                    required=true
                />
                {reason}
                <DialogActions>
                    <DialogClose dialog=ROTATE>"Cancel"</DialogClose>
                    <Button kind=ButtonKind::Primary>"Send the link"</Button>
                </DialogActions>
            </ActionForm>
        </Dialog>
    }
    .into_any()
}

fn facts(seen: SeenKey) -> AnyView {
    let SeenKey { key, revealed_at, revoked_at, expires_at, protected, rotation, .. } = seen;
    let moment = |at: Option<i64>, never: &'static str| match at {
        Some(at) => view! { <Time at=at/> }.into_any(),
        None => never.into_any(),
    };
    let rotation = match rotation {
        Rotation::None => "none".into_any(),
        Rotation::Asked { .. } => "asked for; the link waits to be opened".into_any(),
        Rotation::TwoSecrets { retires_at: Some(at), .. } => {
            view! { "two secrets work, the old one until " <Time at=at absolute=true/> }.into_any()
        }
        Rotation::TwoSecrets { retires_at: None, .. } => "two secrets work until the new one is used".into_any(),
        Rotation::Over { retired_at, .. } => view! { "the old secret was retired " <Time at=retired_at/> }.into_any(),
    };
    let rows: Vec<(&'static str, AnyView)> = vec![
        ("State", state(key.state)),
        ("Organization", view! { {key.organization_name} <span class="block small muted mono">{key.organization.to_string()}</span> }.into_any()),
        ("Environment", view! { <Tag>{key.environment.label()}</Tag> }.into_any()),
        ("Key", view! { <span class="mono">{key.hint}</span> }.into_any()),
        ("Id", view! { <span class="mono">{key.id.to_string()}</span> }.into_any()),
        ("Created", view! { <Time at=key.created_at/> }.into_any()),
        ("Secret shown", moment(revealed_at, "not yet")),
        ("Last used", moment(key.last_used_at, "never")),
        ("Works until", moment(expires_at, "for ever")),
        ("Revoked", moment(revoked_at, "no")),
        ("Rotation", rotation),
        ("Protection", if protected { "cannot be revoked by its organization while in use" } else { "none" }.into_any()),
    ];
    rows.into_iter()
        .map(|(name, value)| view! { <dt>{name}</dt><dd>{value}</dd> }.into_any())
        .collect::<Vec<_>>()
        .into_any()
}
