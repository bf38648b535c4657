//! Events, a row each.

use contract::AccountId;
use contract::audit_log::{ActorKind, AuditEvent};
use leptos::prelude::*;

use crate::paths;
use crate::ui::{Column, Table, Tag, Time, Tone};

/// Who does things, in the words of the filter.
pub(super) const fn kind(actor: ActorKind) -> &'static str {
    match actor {
        ActorKind::Account => "a person",
        ActorKind::Staff => "staff",
        ActorKind::System => "the portal itself",
        ActorKind::Anonymous => "somebody not signed in",
    }
}

/// The table. Staff can go on from an account to its page.
pub(super) fn table(operator: bool, events: Vec<AuditEvent>) -> AnyView {
    let columns = vec![Column::text("What"), Column::text("By"), Column::text("About"), Column::text("When")];
    let rows: Vec<AnyView> = events.into_iter().map(|event| row(operator, event)).collect();
    view! {
        <Table label="Events" columns=columns fold=true>
            {rows}
        </Table>
    }
    .into_any()
}

/// The table, for those whom the events belong to.
pub(crate) fn own_events(events: Vec<AuditEvent>) -> AnyView {
    table(false, events)
}

fn row(operator: bool, event: AuditEvent) -> AnyView {
    let who = who(operator, &event);
    let about = about(operator, &event);
    let AuditEvent { seq, at, action, details, personal, personal_erased, .. } = event;
    let details: Vec<String> =
        details.into_iter().map(|(name, value)| format!("{}: {value}", name.replace('_', " "))).collect();
    let details = (!details.is_empty()).then(|| view! { <span class="block small muted">{details.join(" · ")}</span> });
    let personal = personal.map(|text| view! { <span class="block small">"“"{text}"”"</span> });
    let erased = personal_erased.then(|| view! { <span class="block small muted">"Its words are erased."</span> });
    view! {
        <tr id=format!("event-{seq}")>
            <td><b class="font-medium">{action.label()}</b> {details} {personal} {erased}</td>
            <td>{who}</td>
            <td>{about}</td>
            <td class="muted"><Time at=at/> <span class="block small faint">"Event " {seq}</span></td>
        </tr>
    }
    .into_any()
}

fn who(operator: bool, event: &AuditEvent) -> AnyView {
    let name = event.actor_account.map(|id| account(operator, id, event.actor_name.clone()));
    match event.actor {
        ActorKind::Account => name.unwrap_or_else(|| "a person".into_any()),
        ActorKind::Staff => view! { {name} " " <Tag tone=Tone::Info>"Staff"</Tag> }.into_any(),
        ActorKind::System => "The portal itself".into_any(),
        ActorKind::Anonymous => match name {
            Some(name) => view! { {name} <span class="block small muted">"before signing in"</span> }.into_any(),
            None => "Somebody not signed in".into_any(),
        },
    }
}

fn account(operator: bool, id: AccountId, name: Option<String>) -> AnyView {
    let Some(name) = name else {
        return view! { <span class="muted">"an erased account"</span> <span class="block mono faint">{id.to_string()}</span> }.into_any();
    };
    if operator {
        view! { <a class="link" href=paths::account(id, None)>{name}</a> }.into_any()
    } else {
        name.into_any()
    }
}

fn about(operator: bool, event: &AuditEvent) -> AnyView {
    let person = event
        .account
        // Who did it to themselves stands in the column before.
        .filter(|id| event.actor_account != Some(*id))
        .map(|id| account(operator, id, event.account_name.clone()));
    let object = event.object.clone().map(|object| view! { <span class="block mono">{object}</span> });
    let organization = event.organization.filter(|_| operator).map(|id| {
        let href = format!("{}?organization={id}", paths::ADMIN_AUDIT);
        view! { <a class="link mono block" href=href>{id.to_string()}</a> }
    });
    view! { {person} {object} {organization} }.into_any()
}
