//! The security page: how one signs in, where one is signed in, who one is, what is stored, what happened.

use contract::Page;
use contract::accounts::{AccountState, PendingEmailChange, Security};
use contract::audit_log::AuditEvent;
use contract::passkeys::Passkey;
use contract::policies::StoredItem;
use contract::sessions::{Factor, Session};
use leptos::children::ViewFnOnce;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::changes::{self, Changes, Opened, change_button};
use super::events::events;
use super::server_fns::{read_events, read_kept, read_stored};
use super::stored::stored;
use crate::accounts::server_fns::read_security;
use crate::console::Console;
use crate::error::AppError;
use crate::layout::ConsolePlace;
use crate::paths;
use crate::ui::format::counted;
use crate::ui::{Button, ButtonKind, Card, DialogButton, Failure, LinkButton, Notice, Tag, Time, Tone};

/// Everything that decides who can get into the account.
#[component]
#[must_use]
pub fn SecurityPage() -> impl IntoView {
    let changes = Changes::new();
    let query = use_query_map().get_untracked();
    let before = query.get("before").unwrap_or_default();
    let (done, open) = (StoredValue::new(query.get("done")), StoredValue::new(query.get("open")));
    let security = Resource::new_blocking(|| (), |()| read_security());
    let kept = Resource::new_blocking(|| (), |()| read_kept());
    let stored = Resource::new_blocking(|| (), |()| read_stored());
    let events = Resource::new_blocking(|| (), move |()| read_events(before.clone()));
    view! {
        <Title text="Security"/>
        <Console place=ConsolePlace::Security title="Security">
            <Suspense>
                {move || Suspend::new(async move {
                    let opened = Opened::new(open.get_value(), kept.await.ok().flatten());
                    let done = done.get_value();
                    match security.await {
                        Ok(security) => content(security, changes, &opened, done, stored.await, events.await),
                        Err(error) => view! { <Failure error/> }.into_any(),
                    }
                })}
            </Suspense>
        </Console>
    }
}

fn content(
    security: Security,
    changes: Changes,
    opened: &Opened,
    done: Option<String>,
    items: Result<Vec<StoredItem>, AppError>,
    log: Result<Page<AuditEvent>, AppError>,
) -> AnyView {
    let dialogs = changes::dialogs(&security, changes, opened);
    let failed = changes.failed(opened);
    view! {
        <div class="settings">
            {news(done.as_deref().filter(|_| failed.is_none() && !opened.any()))}
            {failed.map(|error| view! { <Failure error/> })}
            {by_recovery_code(&security)}
            {passkeys(&security)}
            {password(&security)}
            {recovery_codes(&security)}
            {sessions(&security.sessions, changes)}
            {identity(&security, changes)}
            {stored(&security, items)}
            {events(security.account, log)}
        </div>
        {dialogs}
    }
    .into_any()
}

/// What was done before this page was shown.
fn news(done: Option<&str>) -> Option<AnyView> {
    let (title, mailed) = match done? {
        "passkey_added" => ("Your passkey is added.", true),
        "passkey_renamed" => ("Your passkey has its new name.", false),
        "passkey_removed" => ("Your passkey is removed.", true),
        "password" => ("Your password is set. Your other sessions were ended.", true),
        "password_removed" => ("Your password is removed.", true),
        "session_ended" => ("The session is ended.", false),
        "sessions_ended" => ("All other sessions are ended.", false),
        "name" => ("Your name is changed.", false),
        "email_asked" => ("We have sent a link to both addresses. The change happens when both have agreed.", false),
        "email_cancelled" => ("The change of address is cancelled. Its links stopped working.", false),
        "recovery_cancelled" => ("The recovery is cancelled. Your account is as it was.", false),
        _ => return None,
    };
    let text = if mailed { "We have sent you a mail that says so." } else { "" };
    Some(view! { <Notice tone=Tone::Ok live=true title=title>{text}</Notice> }.into_any())
}

/// Whoever needed a code has lost something.
fn by_recovery_code(security: &Security) -> Option<AnyView> {
    let used = security.sessions.iter().any(|session| session.current && session.factor == Factor::RecoveryCode);
    used.then(|| {
        view! {
            <Notice tone=Tone::Warn title="You signed in with a recovery code.">
                "Add a passkey or set a password now, and remove the passkeys that you lost."
            </Notice>
        }
        .into_any()
    })
}

fn actions(content: AnyView) -> ViewFnOnce {
    ViewFnOnce::from(move || content)
}

fn passkeys(security: &Security) -> AnyView {
    if !security.passkeys_available {
        return view! {
            <Card title="Passkeys">
                <p class="muted">"This portal has no passkeys: browsers offer them for names only, and it is reached by a bare address."</p>
            </Card>
        }
        .into_any();
    }
    let confirmed = security.confirmed_until.is_some();
    let add = change_button(confirmed, changes::ADD_PASSKEY, ButtonKind::Primary, "Add a passkey", "");
    if security.passkeys.is_empty() {
        return view! {
            <Card title="Passkeys" actions=actions(add)>
                <p class="muted">"None yet. A passkey is kept by your device or password manager. You unlock it with your fingerprint, your face or your PIN, nothing is typed, and no other site can ask for it."</p>
            </Card>
        }
        .into_any();
    }
    let rows: Vec<AnyView> = security.passkeys.iter().map(|passkey| passkey_row(passkey, confirmed)).collect();
    let alone = (security.passkeys.len() == 1).then(|| {
        view! { <li class="small muted">"Add a second one on another device: then losing one loses nothing."</li> }
    });
    view! {
        <Card title="Passkeys" actions=actions(add) flush=true>
            <ul class="entries">{rows} {alone}</ul>
        </Card>
    }
    .into_any()
}

fn passkey_row(passkey: &Passkey, confirmed: bool) -> AnyView {
    let Passkey { id, name, backed_up, created_at, last_used_at, suspended_at } = passkey.clone();
    let named = name.clone();
    let used = last_used_at
        .map(|at| view! { "last used " <Time at=at/> }.into_any())
        .unwrap_or_else(|| "never used".into_any());
    view! {
        <li>
            <div class="text">
                <div class="flex flex-wrap items-center gap-x-2 gap-y-1">
                    <b>{name.clone()}</b>
                    {backed_up.then(|| view! { <Tag tone=Tone::Info>"Kept in sync"</Tag> })}
                    {suspended_at.is_some().then(|| view! { <Tag tone=Tone::Bad>"Not accepted"</Tag> })}
                </div>
                <div class="small muted">"Added " <Time at=created_at/> " · " {used}</div>
                {suspended_at
                    .is_some()
                    .then(|| {
                        view! { <p class="small">"It counted backwards, as copied passkeys do. Remove it and add a new one."</p> }
                    })}
            </div>
            <div class="actions">
                <DialogButton dialog=changes::rename(id) kind=ButtonKind::Quiet>"Rename " <span class="unseen">{named}</span></DialogButton>
                {change_button(confirmed, &changes::remove(id), ButtonKind::Danger, "Remove", name.clone())}
            </div>
        </li>
    }
    .into_any()
}

fn password(security: &Security) -> AnyView {
    let confirmed = security.confirmed_until.is_some();
    let has_passkey = security.passkeys.iter().any(|passkey| passkey.suspended_at.is_none());
    let (set, text) = match (security.has_password, has_passkey) {
        (true, true) => ("Change", "Set. It signs you in; important changes ask for a passkey."),
        (true, false) => {
            ("Change", "Set. It is your only way to sign in: add a passkey, and losing one loses nothing.")
        }
        (false, true) => ("Set", "None. You sign in with a passkey, and need no password."),
        (false, false) => ("Set", "None."),
    };
    let buttons = view! {
        // The last way in is not offered to be removed.
        {(security.has_password && has_passkey)
            .then(|| change_button(confirmed, changes::REMOVE_PASSWORD, ButtonKind::Danger, "Remove", "the password"))}
        {change_button(confirmed, changes::PASSWORD, ButtonKind::Plain, set, "the password")}
    }
    .into_any();
    view! {
        <Card title="Password" actions=actions(buttons)>
            <p class="muted">{text}</p>
        </Card>
    }
    .into_any()
}

fn recovery_codes(security: &Security) -> AnyView {
    let left = security.recovery_codes_left;
    let confirmed = security.confirmed_until.is_some();
    let words = if left == 0 { "Make codes" } else { "Make new codes" };
    let href = if confirmed {
        paths::RECOVERY_CODES.to_owned()
    } else {
        format!("{}?next={}", paths::STEP_UP, paths::RECOVERY_CODES)
    };
    let make = view! { <LinkButton href=href>{words}</LinkButton> }.into_any();
    let count = match left {
        0 => view! { <Tag tone=Tone::Warn>"None"</Tag> }.into_any(),
        1..=3 => view! { <Tag tone=Tone::Warn>{format!("{left} left")}</Tag> }.into_any(),
        _ => view! { <Tag tone=Tone::Ok>{format!("{left} left")}</Tag> }.into_any(),
    };
    view! {
        <Card title="Recovery codes" actions=actions(make)>
            <p class="muted">{count} " Each signs you in once, when everything else is lost. Without them you can only recover by mail, which takes days."</p>
        </Card>
    }
    .into_any()
}

fn sessions(sessions: &[Session], changes: Changes) -> AnyView {
    let rows: Vec<AnyView> = sessions.iter().map(|session| session_row(session, changes)).collect();
    let end = (sessions.len() > 1).then(|| {
        view! {
            <ActionForm action=changes.end_others>
                <Button kind=ButtonKind::Danger>"End all others"</Button>
            </ActionForm>
        }
    });
    let note = counted(i64::try_from(sessions.len()).unwrap_or(i64::MAX), "signed-in browser", "signed-in browsers");
    view! {
        <Card title="Sessions" note=note actions=actions(end.into_any()) flush=true>
            <ul class="entries">{rows} <li class="small muted">"No address and no place: we do not store them."</li></ul>
        </Card>
    }
    .into_any()
}

fn session_row(session: &Session, changes: Changes) -> AnyView {
    let Session { id, device, factor, created_at, last_seen_at, current } = session.clone();
    // It is stored to five minutes, and would seem to lie before the sign-in.
    let last_seen_at = last_seen_at.max(created_at);
    let device = if device.is_empty() { "A browser that does not say what it is".to_owned() } else { device };
    let end = (!current).then(|| {
        let label = format!("End the session of {device}");
        view! {
            <ActionForm action=changes.end_one>
                <input type="hidden" name="id" value=id.to_string()/>
                <button type="submit" class="btn danger" aria-label=label><span class="btn-label">"End"</span></button>
            </ActionForm>
        }
    });
    view! {
        <li>
            <div class="text">
                <div class="flex flex-wrap items-center gap-x-2 gap-y-1">
                    <b>{device}</b>
                    {current.then(|| view! { <Tag tone=Tone::Accent>"This one"</Tag> })}
                </div>
                <div class="small muted">"Signed in with a " {factor.label()} " " <Time at=created_at/> " · last seen " <Time at=last_seen_at/></div>
            </div>
            <div class="actions">{end}</div>
        </li>
    }
    .into_any()
}

fn identity(security: &Security, changes: Changes) -> AnyView {
    let confirmed = security.confirmed_until.is_some();
    let tone = if security.state == AccountState::Active { Tone::Ok } else { Tone::Warn };
    let pending = security.email_change.clone().map(|change| pending_email(change, changes));
    let may_ask = security.email_change.is_none();
    let (name, email, state) = (security.name.clone(), security.email.clone(), security.state);
    view! {
        <Card title="Name and address" flush=true>
            <ul class="entries">
                <li>
                    <div class="text"><div class="small muted">"Name"</div> <b>{name}</b></div>
                    <div class="actions"><DialogButton dialog=changes::NAME>"Change " <span class="unseen">"the name"</span></DialogButton></div>
                </li>
                <li>
                    <div class="text"><div class="small muted">"Email address"</div> <b>{email}</b></div>
                    <div class="actions">
                        {may_ask.then(|| change_button(confirmed, changes::EMAIL, ButtonKind::Plain, "Change", "the address"))}
                    </div>
                </li>
                {pending}
                <li>
                    <div class="text">
                        <div class="small muted">"Account"</div>
                        <Tag tone=tone>{state.label()}</Tag>
                        " "
                        <span class="muted">{state.sentence()}</span>
                    </div>
                </li>
            </ul>
        </Card>
    }
    .into_any()
}

fn pending_email(change: PendingEmailChange, changes: Changes) -> AnyView {
    let PendingEmailChange { new, old_agreed, new_agreed, expires_at } = change;
    let agreed = |agreed: bool, who: &'static str| {
        let (tone, word) = if agreed { (Tone::Ok, "has agreed") } else { (Tone::Warn, "has to agree") };
        view! { <Tag tone=tone>{who} " " {word}</Tag> }
    };
    view! {
        <li>
            <div class="text grid gap-1">
                <div class="small muted">"Waiting to become your address"</div>
                <b>{new}</b>
                <div class="flex flex-wrap gap-1">{agreed(old_agreed, "The old address")} {agreed(new_agreed, "The new address")}</div>
                <div class="small muted">"Both have time until " <Time at=expires_at absolute=true/></div>
            </div>
            <div class="actions">
                <ActionForm action=changes.cancel_email>
                    <Button>"Cancel the change"</Button>
                </ActionForm>
            </div>
        </li>
    }
    .into_any()
}
