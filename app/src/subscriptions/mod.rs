//! Subscriptions: what an organization has of each API, what it asks for, and what staff decide.

mod api_page;
mod apis_page;
mod desk_page;
pub mod server_fns;

use contract::subscriptions::{OwnApi, TopUp};
use leptos::prelude::*;

pub use api_page::OwnApiPage;
pub use apis_page::OwnApisPage;
pub use desk_page::DeskSubscriptionPage;

use crate::ui::format::grouped;
use crate::ui::{Card, Column, Meter, Table, Time, Tone};

/// What an organization has of an API, and how much of it is used.
fn has(own: &OwnApi) -> AnyView {
    let plan = match &own.terms {
        Some(terms) if terms.by_default => format!("{}, which everybody has", terms.plan_name),
        Some(terms) => terms.plan_name.clone(),
        None if own.open => "no plan needed".to_owned(),
        None => "none: calls are refused until you have one".to_owned(),
    };
    let gives = own.terms.as_ref().map_or_else(
        || if own.open { "no limit".to_owned() } else { "nothing".to_owned() },
        contract::subscriptions::CurrentTerms::gives,
    );
    let quota = own.terms.as_ref().and_then(|terms| terms.quota);
    let next = own.next_period.clone().zip(own.next_period_at);
    let extra = own.extra;
    let used = quota.zip(own.used).zip(next).map(|((quota, used), (next, next_at))| {
        let tone = if used >= quota.units && extra == 0 {
            Tone::Bad
        } else if used >= quota.units / 10 * 9 {
            Tone::Warn
        } else {
            Tone::Ok
        };
        view! {
            <dt>{format!("Used this {}", quota.period.word())}</dt>
            <dd>
                <Meter label="Units used" value=used max=quota.units tone=tone/>
                <span class="block small muted">
                    {format!("{} of {} units. Resets on {next} (", grouped(used), grouped(quota.units))}
                    <Time at=next_at absolute=true/>
                    ")"
                </span>
                {(extra > 0)
                    .then(|| {
                        let text = format!("{} units beside it are left. They are spent after it.", grouped(extra));
                        view! { <span class="block small muted">{text}</span> }
                    })}
            </dd>
        }
    });
    view! {
        <dl class="kv">
            <dt>"Plan"</dt>
            <dd>{plan}</dd>
            <dt>"Gives"</dt>
            <dd>{gives}</dd>
            {used}
        </dl>
    }
    .into_any()
}

/// Units that were given once, where some were.
fn top_ups(given: Vec<TopUp>) -> Option<AnyView> {
    if given.is_empty() {
        return None;
    }
    let row = |one: TopUp| {
        view! {
            <tr>
                <td class="num">{grouped(one.units)}</td>
                <td class="num">{grouped(one.units - one.spent)}</td>
                <td>{one.reason}</td>
                <td class="muted"><Time at=one.created_at/></td>
                <td class="opt muted">
                    {one.expires_at.map_or_else(|| "spent".into_any(), |at| view! { <Time at=at absolute=true/> }.into_any())}
                </td>
            </tr>
        }
        .into_any()
    };
    let rows: Vec<AnyView> = given.into_iter().map(row).collect();
    let columns = vec![
        Column::number("Units"),
        Column::number("Not spent"),
        Column::text("Reason"),
        Column::text("Given"),
        Column::text("Until").optional(),
    ];
    Some(
        view! {
            <Card title="Units given once" note="Spent after what the plan gives in a period." flush=true>
                <Table label="Units given once" columns=columns fold=true>
                    {rows}
                </Table>
            </Card>
        }
        .into_any(),
    )
}
