//! Subscriptions: what an organization has of each API, what it asks for, and what staff decide.

mod api_page;
mod apis_page;
mod desk_page;
pub mod server_fns;

use contract::subscriptions::OwnApi;
use leptos::prelude::*;

pub use api_page::OwnApiPage;
pub use apis_page::OwnApisPage;
pub use desk_page::DeskSubscriptionPage;

use crate::ui::format::grouped;
use crate::ui::{Meter, Time, Tone};

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
    let used = quota.zip(own.used).zip(own.next_period_at).map(|((quota, used), next)| {
        let tone = if used >= quota.units { Tone::Bad } else if used >= quota.units / 10 * 9 { Tone::Warn } else { Tone::Ok };
        view! {
            <dt>{format!("Used this {}", quota.period.word())}</dt>
            <dd>
                <Meter label="Units used" value=used max=quota.units tone=tone/>
                <span class="block small muted">
                    {format!("{} of {} units. Starts anew ", grouped(used), grouped(quota.units))} <Time at=next absolute=true/>
                </span>
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
