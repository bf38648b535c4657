//! That a key was seen in public, on the pages of the key.

use contract::leaks::{LeakAction, LeakReport, SELF_CHECK};
use leptos::prelude::*;

use crate::paths;
use crate::ui::{Card, Column, Notice, Table, Tag, Time, Tone};

/// Who reported it, in words.
pub(super) fn source(source: &str) -> String {
    if source == SELF_CHECK { "somebody who has the secret".to_owned() } else { source.to_owned() }
}

/// What was done, as a word with a shape.
pub(super) fn action_tag(action: LeakAction) -> AnyView {
    let (tone, word) = match action {
        LeakAction::Nothing => (Tone::Info, "Works no more"),
        LeakAction::Told => (Tone::Warn, "Told"),
        LeakAction::Rotating => (Tone::Warn, "New secret sent"),
        LeakAction::Retired => (Tone::Ok, "Old secret ends"),
        LeakAction::Revoked => (Tone::Bad, "Revoked"),
    };
    view! { <Tag tone=tone>{word}</Tag> }.into_any()
}

/// What the owner must know first: the newest report after which the key still worked.
#[must_use]
pub fn notice(leaks: &[LeakReport], lives: bool) -> Option<AnyView> {
    let report = leaks.iter().find(|report| report.action != LeakAction::Nothing).filter(|_| lives)?;
    let title = match &report.place {
        Some(place) => format!("Seen in public at {place}"),
        None => "Reported as leaked".to_owned(),
    };
    let end = report.ends_at;
    let text = match report.action {
        LeakAction::Rotating => view! {
            "The leaked secret is refused " {end.map(|at| view! { "from " <Time at=at absolute=true/> " on" })} ". Open the link in your mail, or have a new one sent below, and move over before."
        }
        .into_any(),
        LeakAction::Retired => "The leaked secret was the old one, and ends. The new one was not seen by anybody.".into_any(),
        LeakAction::Told | LeakAction::Nothing | LeakAction::Revoked => {
            "Whoever found it can use it. Replace the secret, or revoke the key.".into_any()
        }
    };
    Some(
        view! {
            <Notice tone=Tone::Warn title=title>
                {text} " " <a class="link" href=paths::LEAKS_DOCS>"About leaked keys"</a>
            </Notice>
        }
        .into_any(),
    )
}

/// All reports about a key, as long as they are kept.
#[must_use]
pub fn history(leaks: Vec<LeakReport>) -> Option<AnyView> {
    if leaks.is_empty() {
        return None;
    }
    let columns =
        vec![Column::text("Seen at"), Column::text("Reported by"), Column::text("What was done"), Column::text("When")];
    let rows: Vec<AnyView> = leaks
        .into_iter()
        .map(|report| {
            let place = report.place.unwrap_or_else(|| "not said".to_owned());
            view! {
                <tr>
                    <td class="break-all">{place}</td>
                    <td>{source(&report.source)}</td>
                    <td>{action_tag(report.action)}</td>
                    <td class="muted"><Time at=report.reported_at/></td>
                </tr>
            }
            .into_any()
        })
        .collect();
    Some(
        view! {
            <Card title="Seen in public" note="Kept for 90 days" flush=true>
                <Table label="Reports that the key was seen in public" columns=columns fold=true>
                    {rows}
                </Table>
            </Card>
        }
        .into_any(),
    )
}
