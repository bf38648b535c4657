//! What happened to the account lately.

use contract::audit_log::{ActorKind, AuditEvent};
use contract::sessions::Factor;
use contract::{AccountId, Page};
use leptos::prelude::*;

use crate::error::AppError;
use crate::paths;
use crate::ui::{Card, Failure, Tag, Time, Tone};

/// Events that are shown at a time: a glance, with a way to the older ones.
const SHOWN: usize = 10;

/// The newest events, and where older ones are.
pub(super) fn events(me: AccountId, log: Result<Page<AuditEvent>, AppError>) -> AnyView {
    let page = match log {
        Ok(page) => page,
        Err(error) => return view! { <Failure error/> }.into_any(),
    };
    let more = page.items.len() > SHOWN || page.next.is_some();
    let shown: Vec<AuditEvent> = page.items.into_iter().take(SHOWN).collect();
    let older = shown.last().filter(|_| more).map(|event| format!("{}?before={}#events", paths::SECURITY, event.seq));
    let rows: Vec<AnyView> = shown.into_iter().map(|event| row(me, event)).collect();
    view! {
        <div id="events">
            <Card title="Recent events" note="What you did, and what was done to your account" flush=true>
                <ul class="entries">
                    {rows}
                    {older.map(|href| view! { <li><a class="link" href=href>"Older events"</a></li> })}
                </ul>
            </Card>
        </div>
    }
    .into_any()
}

fn row(me: AccountId, event: AuditEvent) -> AnyView {
    let AuditEvent { at, actor, actor_account, action, details, personal, .. } = event;
    let by = match actor {
        ActorKind::Account if actor_account == Some(me) => None,
        ActorKind::Account => Some((Tone::Neutral, "by somebody else")),
        ActorKind::Staff => Some((Tone::Info, "by staff")),
        ActorKind::System => Some((Tone::Info, "by the portal itself")),
        // They came with something that only the owner of the account should have.
        ActorKind::Anonymous if actor_account == Some(me) => None,
        ActorKind::Anonymous => Some((Tone::Neutral, "by somebody who was not signed in")),
    };
    let details: Vec<String> = details.into_iter().map(|(name, value)| detail(&name, &value)).chain(personal).collect();
    let details = (!details.is_empty()).then(|| view! { <span class="muted">{details.join(" · ")}</span> });
    view! {
        <li>
            <div class="text flex flex-wrap items-center gap-x-2 gap-y-1">
                <span>{action.label()}</span> {by.map(|(tone, words)| view! { <Tag tone=tone>{words}</Tag> })} {details}
            </div>
            <div class="when small muted"><Time at=at/></div>
        </li>
    }
    .into_any()
}

/// A detail in words: “with a passkey”.
fn detail(name: &str, value: &str) -> String {
    match (name, Factor::from_word(value)) {
        ("factor", Some(factor)) => format!("with a {}", factor.label()),
        ("left", _) => format!("{value} left"),
        _ => format!("{}: {}", name.replace('_', " "), value.replace('_', " ")),
    }
}
