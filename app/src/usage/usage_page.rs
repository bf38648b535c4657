//! Usage of the organization.

use contract::Environment;
use contract::usage::{Usage, UsageRange};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::server_fns::read_usage;
use super::usage_view::{numbers, requests_chart};
use crate::console::{Console, environment_of};
use crate::layout::ConsolePlace;
use crate::paths;
use crate::ui::{Card, Column, EnvSwitch, Failure, Tab, Table, Tabs, format};

/// A range, four numbers, a chart, two tables.
#[component]
#[must_use]
pub fn UsagePage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        let query = query.read();
        let range = query.get("range").as_deref().and_then(UsageRange::from_word).unwrap_or_default();
        (environment_of(&query), range)
    });
    let usage = Resource::new_blocking(
        move || asked.get(),
        |(environment, range)| read_usage(environment.word().to_owned(), range.word().to_owned()),
    );
    view! {
        <Title text="Usage"/>
        <Console
            place=ConsolePlace::Usage
            title="Usage"
            env=move || {
                let switch = move || view! { <EnvSwitch current=asked.get().0 href=|environment| paths::in_environment(paths::USAGE, environment)/> };
                switch.into_any()
            }
        >
            {move || ranges(asked.get())}
            <Transition>
                {move || Suspend::new(async move {
                    match usage.await {
                        Ok(usage) => content(usage),
                        Err(error) => view! { <Failure error/> }.into_any(),
                    }
                })}
            </Transition>
        </Console>
    }
}

fn ranges((environment, current): (Environment, UsageRange)) -> AnyView {
    let tabs = UsageRange::ALL
        .into_iter()
        .map(|range| Tab {
            label: range.label().to_owned(),
            href: format!("{}&range={}", paths::in_environment(paths::USAGE, environment), range.word()),
            current: range == current,
        })
        .collect();
    view! { <Tabs label="Range" tabs=tabs/> }.into_any()
}

fn content(usage: Usage) -> AnyView {
    let routes: Vec<AnyView> = usage
        .routes
        .iter()
        .map(|route| {
            sums(format!("{} /{}{}", route.method, route.api, route.route), None, route.accepted, route.refused)
        })
        .collect();
    let keys: Vec<AnyView> = usage
        .keys
        .iter()
        .map(|key| sums(key.label.clone(), Some(key.hint.clone()), key.accepted, key.refused))
        .collect();
    view! {
        {numbers(&usage)} {requests_chart(&usage)}
        <div class="grid gap-5 lg:grid-cols-2 items-start">
            <Card title="Top routes" flush=true>{table("Top routes", "Route", routes)}</Card>
            <Card title="Top keys" flush=true>{table("Top keys", "Key", keys)}</Card>
        </div>
    }
    .into_any()
}

fn table(label: &'static str, first: &'static str, rows: Vec<AnyView>) -> AnyView {
    if rows.is_empty() {
        return view! { <p class="muted p-4">"No requests in this period."</p> }.into_any();
    }
    let columns = vec![Column::text(first), Column::number("Accepted"), Column::number("Refused")];
    view! { <Table label=label columns=columns>{rows}</Table> }.into_any()
}

fn sums(name: String, hint: Option<String>, accepted: i64, refused: i64) -> AnyView {
    view! {
        <tr>
            <td class="mono">{name} {hint.map(|hint| view! { <span class="muted">" " {hint}</span> })}</td>
            <td class="num">{format::grouped(accepted)}</td>
            <td class="num">{format::grouped(refused)}</td>
        </tr>
    }
    .into_any()
}
