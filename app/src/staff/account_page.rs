//! One account, as staff see it, and what they can do to it.

use contract::accounts::{AccountEvent, AccountState, REASON_MAX};
use contract::organizations::CurrentOrganization;
use contract::staff::{LookPurpose, SeenAccount};
use contract::{AccountId, StaffPermission, StaffRole};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::server_fns::{
    MEASURE, ResendAccountVerification, RestoreAccount, RestrictAccount, SuspendAccount, see_account,
};
use super::{ask_purpose, desk_refused, purpose_of};
use crate::console::Admin;
use crate::kept::{KeptFields, error_of, problem_of, use_kept};
use crate::layout::{AdminPlace, use_frame};
use crate::paths;
use crate::ui::{
    Button, ButtonKind, Card, Dialog, DialogActions, DialogButton, DialogClose, Failure, FormErrors, Icon, Note,
    Notice, Tag, TextField, Time, Tone,
};

/// What becomes of the purpose.
const LOOKED_AT: &str = "The purpose is written down in the audit log. The person sees that staff looked, and why.";

/// What can be done on this page.
#[derive(Clone, Copy)]
struct Actions {
    restrict: ServerAction<RestrictAccount>,
    suspend: ServerAction<SuspendAccount>,
    restore: ServerAction<RestoreAccount>,
    resend: ServerAction<ResendAccountVerification>,
}

/// Asks for a purpose first; then shows the account, with dialogs for each measure that its state allows.
#[component]
#[must_use]
pub fn AccountPage() -> impl IntoView {
    let actions = Actions {
        restrict: ServerAction::new(),
        suspend: ServerAction::new(),
        restore: ServerAction::new(),
        resend: ServerAction::new(),
    };
    let id = use_params_map().get_untracked().get("id").unwrap_or_default();
    let query = use_query_map().get_untracked();
    let asked = StoredValue::new((id, query.get("purpose").unwrap_or_default(), query.get("done")));
    let seen = Resource::new_blocking(
        || (),
        move |()| async move {
            let (id, purpose, _) = asked.get_value();
            match purpose_of(&purpose) {
                Ok(purpose) => Some((purpose, see_account(id, purpose.word().to_owned()).await)),
                Err(_) => None,
            }
        },
    );
    // Also after the person had to confirm first: then nothing was refused on this page.
    let kept = use_kept(MEASURE, true);
    let frame = use_frame();
    view! {
        <Title text="Account"/>
        <Admin place=AdminPlace::Accounts title="Account">
            <Suspense>
                {move || Suspend::new(async move {
                    let role = frame.await.ok().and_then(|frame| frame.me).and_then(|me| me.staff);
                    let (_, purpose, done) = asked.get_value();
                    match seen.await {
                        None => ask_purpose(&purpose, "account", LOOKED_AT),
                        Some((_, Err(error))) => desk_refused(error),
                        Some((purpose, Ok(seen))) => content(seen, purpose, role, actions, &kept.await, done),
                    }
                })}
            </Suspense>
        </Admin>
    }
}

fn content(
    seen: SeenAccount,
    purpose: LookPurpose,
    role: Option<StaffRole>,
    actions: Actions,
    kept: &KeptFields,
    done: Option<String>,
) -> AnyView {
    let id = seen.account.id;
    let name = seen.account.name.clone();
    let measures = measures(&seen, role);
    let buttons: Vec<AnyView> = measures.iter().map(|measure| open_button(*measure)).collect();
    let dialogs: Vec<AnyView> =
        measures.iter().map(|measure| dialog(*measure, id, &name, purpose, actions, kept)).collect();
    let resend =
        (seen.account.state == AccountState::Pending && may(role, StaffPermission::ResendVerification)).then(|| {
            view! {
                <ActionForm action=actions.resend>
                    <input type="hidden" name="id" value=id.to_string()/>
                    <input type="hidden" name="purpose" value=purpose.word()/>
                    <Button icon=Icon::Mail>"Send the verification mail again"</Button>
                </ActionForm>
            }
        });
    let failed = actions.resend.value().get_untracked().and_then(Result::err);
    let audit = may(role, StaffPermission::ReadAuditLog).then(|| {
        let href = format!("{}?account={id}", paths::ADMIN_AUDIT);
        view! { <a class="btn" href=href>"Events of this account"</a> }
    });
    view! {
        {news(done.as_deref())} {failed.map(|error| view! { <Failure error/> })}
        <Card title=name>
            <dl class="kv">{facts(seen, purpose)}</dl>
            <div class="flex flex-wrap gap-2 mt-4">{buttons} {resend} {audit}</div>
        </Card>
        <Note>"You looked for this reason: "{purpose.label()}". It is written down."</Note>
        {dialogs}
    }
    .into_any()
}

/// What was done before this page was shown.
fn news(done: Option<&str>) -> Option<AnyView> {
    let (title, text) = match done? {
        "restricted" => (
            "The account is restricted.",
            "Its person can look and change nothing, its keys rest, and a mail says why.",
        ),
        "suspended" => ("The account is suspended.", "Its sessions ended, its keys rest, and a mail says why."),
        "restored" => ("The account is in good standing again.", "Its keys work again, and a mail says so."),
        "mailed" => ("The verification mail is on its way.", "Earlier links stopped working."),
        _ => return None,
    };
    Some(view! { <Notice tone=Tone::Ok live=true title=title>{text}</Notice> }.into_any())
}

fn may(role: Option<StaffRole>, permission: StaffPermission) -> bool {
    role.is_some_and(|role| role.allows(permission))
}

/// What can be done to an account: the id of its dialog, and its words.
#[derive(Clone, Copy)]
struct Measure {
    word: &'static str,
    verb: &'static str,
    kind: ButtonKind,
    what: &'static str,
}

const RESTRICT: Measure = Measure {
    word: "restrict",
    verb: "Restrict",
    kind: ButtonKind::Danger,
    what: "Its person can still sign in, look at everything and secure the account, and change nothing else. The keys of organizations that have no other owner in good standing rest at once.",
};
const SUSPEND: Measure = Measure {
    word: "suspend",
    verb: "Suspend",
    kind: ButtonKind::Danger,
    what: "Every session ends at once, and nobody can sign in to it. The keys of organizations that have no other owner in good standing rest at once.",
};
const RESTORE: Measure = Measure {
    word: "restore",
    verb: "Restore",
    kind: ButtonKind::Plain,
    what: "Everything works again as before, keys included.",
};

fn open_button(measure: Measure) -> AnyView {
    view! { <DialogButton dialog=measure.word kind=measure.kind>{measure.verb}</DialogButton> }.into_any()
}

/// Those that the account's state leads to and the role allows.
fn measures(seen: &SeenAccount, role: Option<StaffRole>) -> Vec<Measure> {
    let state = seen.account.state;
    let reaches = role.is_some_and(|role| seen.staff.is_none_or(|other| role.reaches(other)));
    let lifts = state != AccountState::Suspended || may(role, StaffPermission::SuspendAccounts);
    [
        (RESTRICT, AccountEvent::Restrict, StaffPermission::RestrictAccounts),
        (SUSPEND, AccountEvent::Suspend, StaffPermission::SuspendAccounts),
        (RESTORE, AccountEvent::Restore, StaffPermission::RestrictAccounts),
    ]
    .into_iter()
    .filter(|(_, event, permission)| reaches && lifts && may(role, *permission) && state.after(*event).is_some())
    .map(|(measure, ..)| measure)
    .collect()
}

fn dialog(
    measure: Measure,
    id: AccountId,
    name: &str,
    purpose: LookPurpose,
    actions: Actions,
    kept: &KeptFields,
) -> AnyView {
    let refused = match measure.word {
        "restrict" => actions.restrict.value().get_untracked(),
        "suspend" => actions.suspend.value().get_untracked(),
        _ => actions.restore.value().get_untracked(),
    }
    .and_then(Result::err);
    let shown = refused.is_some() || kept.value("measure") == measure.word;
    let reason = if shown { kept.value("reason") } else { String::new() };
    let error = error_of(move || refused.clone().map(Err::<(), _>));
    let fields = view! {
        <FormErrors error labels=&[("reason", "Reason")]/>
        <input type="hidden" name="id" value=id.to_string()/>
        <input type="hidden" name="purpose" value=purpose.word()/>
        <TextField
            name="reason"
            label="Reason"
            value=reason
            help=if measure.word == "restore" { "For the audit log." } else { "The person reads it, word for word." }
            problem=problem_of(error, "reason")
            autocomplete="off"
            max_length=REASON_MAX
            required=true
            id=format!("field-reason-{}", measure.word)
        />
        <DialogActions>
            <DialogClose dialog=measure.word>"Cancel"</DialogClose>
            <Button kind=measure.kind>{format!("{} the account", measure.verb)}</Button>
        </DialogActions>
    }
    .into_any();
    let form = match measure.word {
        "restrict" => view! { <ActionForm action=actions.restrict attr:novalidate=true attr:class="grid gap-4">{fields}</ActionForm> }.into_any(),
        "suspend" => view! { <ActionForm action=actions.suspend attr:novalidate=true attr:class="grid gap-4">{fields}</ActionForm> }.into_any(),
        _ => view! { <ActionForm action=actions.restore attr:novalidate=true attr:class="grid gap-4">{fields}</ActionForm> }.into_any(),
    };
    view! {
        <Dialog id=measure.word title=format!("{} {name}?", measure.verb) shown>
            <p>{measure.what}</p>
            {form}
        </Dialog>
    }
    .into_any()
}

/// The state, as a word with a shape.
pub(super) fn state_tag(state: AccountState) -> AnyView {
    let tone = match state {
        AccountState::Active => Tone::Ok,
        AccountState::Pending | AccountState::Deleting => Tone::Info,
        AccountState::Restricted => Tone::Warn,
        AccountState::Suspended | AccountState::Deleted => Tone::Bad,
    };
    view! { <Tag tone=tone>{state.label()}</Tag> }.into_any()
}

fn facts(seen: SeenAccount, purpose: LookPurpose) -> AnyView {
    let SeenAccount {
        account,
        state_reason,
        email_verified_at,
        last_sign_in_at,
        passkeys,
        has_password,
        organizations,
        staff,
    } = seen;
    let moment = |at: Option<i64>| match at {
        Some(at) => view! { <Time at=at/> }.into_any(),
        None => "never".into_any(),
    };
    let organizations: Vec<AnyView> =
        organizations.into_iter().map(|organization| organization_line(organization, purpose)).collect();
    let rows: Vec<(&'static str, AnyView)> = vec![
        (
            "State",
            view! { {state_tag(account.state)} <span class="block small muted">{account.state.sentence()}</span> }
                .into_any(),
        ),
        ("Reason", state_reason.unwrap_or_else(|| "none".to_owned()).into_any()),
        ("Address", account.email.into_any()),
        ("Id", view! { <span class="mono">{account.id.to_string()}</span> }.into_any()),
        ("Created", view! { <Time at=account.created_at/> }.into_any()),
        ("Address verified", moment(email_verified_at)),
        ("Last sign-in", moment(last_sign_in_at)),
        ("Passkeys", passkeys.into_any()),
        ("Password", if has_password { "set" } else { "none" }.into_any()),
        ("Staff", staff.map_or("no", StaffRole::word).into_any()),
        ("Organizations", organizations.into_any()),
    ];
    rows.into_iter()
        .map(|(name, value)| view! { <dt>{name}</dt><dd>{value}</dd> }.into_any())
        .collect::<Vec<_>>()
        .into_any()
}

fn organization_line(organization: CurrentOrganization, purpose: LookPurpose) -> AnyView {
    let members = format!("{}?query={}&purpose={}", paths::ADMIN_ACCOUNTS, organization.id, purpose.word());
    view! {
        <span class="block">
            <a class="link" href=paths::admin_organization(organization.id)>{organization.name}</a> " · " {organization.role.label()} " · "
            <a class="link" href=members>"Its members"</a>
        </span>
    }
    .into_any()
}
