//! Rows of the log: what each says, and what one of them holds in full.

use contract::request_logs::RequestRow;
use contract::{Refusal, RequestId};
use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_query_map;

use super::live::{Connection, Live};
use crate::paths;
use crate::ui::{
    Button, ButtonKind, Column, Icon, LatencyBar, LinkButton, LogTable, Note, StatusCode, Tag, Tone, format,
    use_hydrated,
};

/// Addresses of the list, and of the list with one of its requests opened.
#[derive(Clone)]
pub(super) struct Links {
    list: String,
}

impl Links {
    pub(super) const fn new(list: String) -> Self {
        Self { list }
    }

    fn open(&self, id: &str) -> String {
        let mark = if self.list.contains('?') { '&' } else { '?' };
        format!("{}{mark}request={id}", self.list)
    }
}

/// The table, and the request that the address asks to open.
pub(super) fn rows(live: Live, operator: bool, links: Links) -> AnyView {
    let mut columns =
        vec![Column::text("Time (UTC)"), Column::text("Status"), Column::text("Method"), Column::text("Route")];
    columns.push(Column::number("Latency").optional());
    if operator {
        columns.push(Column::text("Organization").optional());
    }
    columns.extend([Column::text("Key").optional(), Column::text("Code")]);
    let query = use_query_map();
    let asked = Memo::new(move |_| query.read().get("request").and_then(|id| id.parse::<RequestId>().ok()));
    let opened = Memo::new(move |_| {
        asked.get().and_then(|id| live.rows.with(|rows| rows.iter().find(|row| row.id == id).cloned()))
    });
    let list = links.list.clone();
    view! {
        <LogTable label="Requests" columns=columns>
            <For each=move || live.rows.get() key=|row| row.id let:row>
                {line(row, operator, &links)}
            </For>
        </LogTable>
        {move || opened.get().map(|row| detail(row, list.clone()))}
    }
    .into_any()
}

fn line(row: RequestRow, operator: bool, links: &Links) -> AnyView {
    let api = row.api.as_ref().map(|(_, slug)| format!("/{slug}")).unwrap_or_default();
    let route = if row.api.is_none() {
        "(no API)".to_owned()
    } else if row.route.is_empty() {
        format!("{api} (no route)")
    } else {
        format!("{api}{}", row.route)
    };
    let known = row.caller.as_ref().map(|caller| caller.key_label.clone());
    let key = known.or_else(|| row.key_hint.clone()).unwrap_or_else(|| "–".to_owned());
    let organization = operator.then(|| {
        let name = row.caller.as_ref().map(|caller| caller.organization_name.clone()).unwrap_or_else(|| "–".to_owned());
        view! { <td role="cell" class="opt clip">{name}</td> }
    });
    let id = row.id.to_string();
    let href = links.open(&id);
    view! {
        <tr role="row" data-request=id>
            <td role="cell" class="muted">
                <A href=href scroll=false attr:class="row-open">{format::clock(row.at)}</A>
            </td>
            <td role="cell"><StatusCode status=row.status/></td>
            <td role="cell">{row.method.clone()}</td>
            <td role="cell" class="line">{route}</td>
            <td role="cell" class="num opt"><LatencyBar microseconds=row.latency_us/></td>
            {organization}
            <td role="cell" class="opt clip">{key}</td>
            <td role="cell" class="muted end">{row.code.clone()}</td>
        </tr>
    }
    .into_any()
}

/// Every stored field of one request, what the refusal means, and what is not stored.
fn detail(row: RequestRow, list: String) -> AnyView {
    let refusal = row.code.as_deref().and_then(Refusal::by_code);
    let title = refusal.as_ref().map_or_else(
        || format!("Answered with {}", row.status),
        |refusal| format!("Refused: {}", refusal.title().to_lowercase()),
    );
    let mut fields: Vec<(&'static str, String)> = vec![
        ("Request id", row.id.to_string()),
        ("Time", format::precise(row.at)),
        ("Status", row.status.to_string()),
        ("Method", row.method.clone()),
        ("API", row.api.as_ref().map(|(_, slug)| slug.clone()).unwrap_or_else(|| "none with this name".to_owned())),
        ("Route", if row.route.is_empty() { "none matched".to_owned() } else { row.route.clone() }),
        ("Latency", format::latency(row.latency_us)),
        ("Upstream", row.upstream_us.map(format::latency).unwrap_or_else(|| "not asked".to_owned())),
        ("Answer", format::bytes(row.response_bytes)),
    ];
    if let Some(caller) = &row.caller {
        fields.push(("Organization", caller.organization_name.clone()));
        fields.push(("Key", caller.key_label.clone()));
        fields.push(("Environment", caller.environment.label().to_owned()));
    }
    let kept = [
        ("Address", row.address.as_ref().map(contract::apis::KeptAddress::text)),
        ("User agent", row.agent.as_ref().map(|agent| agent.text().to_owned())),
    ];
    let missing: Vec<&str> = kept.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect();
    let not_stored =
        format!("Not stored: {}.", [&missing[..], &["query", "headers and body"]].concat().join(", ").to_lowercase());
    fields.extend(kept.iter().filter_map(|(name, value)| value.clone().map(|value| (*name, value))));
    if let Some(hint) = &row.key_hint {
        fields.push(("Key presented", hint.clone()));
    }
    let fields: Vec<AnyView> = fields
        .into_iter()
        .map(|(name, value)| view! { <dt>{name}</dt><dd class="mono">{value}</dd> }.into_any())
        .collect();
    let explained = refusal.map(|refusal| {
        view! {
            <p>{refusal.explanation()}</p>
            <p><a class="link mono" href=paths::error(refusal.code())>{refusal.code()}</a></p>
        }
    });
    view! {
        <aside class="card log-detail" aria-label="Request">
            <header>
                <h2>{title}</h2>
                <LinkButton href=list kind=ButtonKind::Quiet icon=Icon::Close label="Close"/>
            </header>
            <div class="body grid gap-4">
                {explained} <dl class="kv">{fields}</dl>
                <Note>{not_stored} " " <a class="link" href=paths::PRIVACY>"See the policy"</a></Note>
            </div>
        </aside>
    }
    .into_any()
}

/// The line above the rows: whether they are live, how many matched, what was missed.
pub(super) fn live_bar(live: Live) -> AnyView {
    let hydrated = use_hydrated();
    let word = move || match live.connection.get() {
        Connection::Off => view! { <Tag>"Not live"</Tag> }.into_any(),
        Connection::On if live.paused.get() => view! { <Tag tone=Tone::Warn>"Paused"</Tag> }.into_any(),
        Connection::On => view! { <Tag tone=Tone::Ok>"Live"</Tag> }.into_any(),
        Connection::Lost => view! { <Tag tone=Tone::Bad>"Reconnecting"</Tag> }.into_any(),
    };
    let count = move || match (live.connection.get(), live.waiting()) {
        (Connection::Off, _) => "newest first".to_owned(),
        (_, 0) => format!(
            "{} since you opened this page, newest first",
            format::counted(live.matched.get().cast_signed(), "request", "requests")
        ),
        (_, waiting) => format!("{waiting} new"),
    };
    let gap = move || {
        let rows = live.skipped.get();
        (rows > 0).then(
            || view! { <Tag tone=Tone::Warn>{format!("{} not looked at", format::grouped(rows.cast_signed()))}</Tag> },
        )
    };
    let button = move || {
        hydrated.get().then(|| {
            let (icon, word) = if live.paused.get() { (Icon::Play, "Resume") } else { (Icon::Pause, "Pause") };
            view! { <Button kind=ButtonKind::Quiet push=true icon=icon on:click=move |_| live.toggle()>{word}</Button> }
        })
    };
    view! {
        <div class="live-bar">
            {word} <span class="small muted" role="status">{count}</span> {gap} <span class="grow"></span> {button}
        </div>
    }
    .into_any()
}
