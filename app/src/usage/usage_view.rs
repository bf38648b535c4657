//! Numbers and the chart: on the usage page and on the overview.

use contract::usage::Usage;
use leptos::prelude::*;

use crate::ui::chart::Bars;
use crate::ui::{Card, Stat, Stats, Tag, Tone, format};

/// Four numbers of a period.
#[must_use]
pub fn numbers(usage: &Usage) -> AnyView {
    let answered = usage.answered();
    let most = usage.top_refusal.clone().map(|(code, count)| {
        view! {
            <Tag tone=Tone::Warn>{code}</Tag>
            <span>{format::counted(count, "time", "times")}</span>
        }
    });
    let latency = usage.p95_us.map_or_else(|| "–".to_owned(), format::latency);
    let median = usage.p50_us.map(|median| format!("median {}", format::latency(median)));
    let failed = usage.failed;
    let (range, refused) = (usage.range.label(), usage.refused);
    view! {
        <Stats>
            <Stat label="Requests" value=format::grouped(answered)>
                {range}
            </Stat>
            <Stat label="Refused" value=format::percent(refused, answered)>
                {most}
            </Stat>
            <Stat label="Failed (5xx)" value=format::grouped(failed)>
                {format!("{} of all", format::percent(failed, answered))}
            </Stat>
            <Stat label="Latency p95" value=latency>
                {median}
            </Stat>
        </Stats>
    }
    .into_any()
}

/// Requests over time.
#[must_use]
pub fn requests_chart(usage: &Usage) -> AnyView {
    let note = format!("per {}, UTC", usage.range.bar());
    let label = format!("Requests per {}", usage.range.bar());
    let points = usage.points.clone();
    let bar_ms = usage.range.bar_ms();
    view! {
        <Card title="Requests" note=note>
            <Bars points=points bar_ms=bar_ms label=label/>
        </Card>
    }
    .into_any()
}
