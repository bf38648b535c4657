//! The pages: a developer's log, and the operator's.

use contract::request_logs::{Filter, LogPage};
use contract::{Millis, Refusal};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;

use super::filter_bar::{address, filter_bar, filter_of};
use super::live::{Connection, Live, listen};
use super::log_view::{Links, live_bar, rows};
use super::server_fns::{OPERATOR, read_request_logs};
use crate::console::{Admin, Console};
use crate::error::AppError;
use crate::layout::{AdminPlace, ConsolePlace};
use crate::paths;
use crate::staff::desk_refused;
use crate::ui::{Card, EmptyState, Icon, Pager, format};

/// A developer's log.
#[component]
#[must_use]
pub fn LogsPage() -> impl IntoView {
    view! {
        <Title text="Request logs"/>
        <Console place=ConsolePlace::Logs title="Request logs">
            <Log operator=false/>
        </Console>
    }
}

/// The operator's log.
#[component]
#[must_use]
pub fn AdminLogsPage() -> impl IntoView {
    view! {
        <Title text="Live logs"/>
        <Admin place=AdminPlace::Logs title="Live logs">
            <Log operator=true/>
        </Admin>
    }
}

#[component]
fn Log(operator: bool) -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        let query = query.read();
        (filter_of(&query), query.get("before").unwrap_or_default())
    });
    let scope = if operator { OPERATOR } else { "" };
    let page = Resource::new_blocking(
        move || asked.get(),
        move |(filter, before)| async move {
            let filter = filter.map_err(AppError::Refused)?;
            read_request_logs(scope.to_owned(), filter.to_string(), before).await
        },
    );
    view! {
        <Transition>
            {move || Suspend::new(async move {
                let (filter, before) = asked.get_untracked();
                match page.await {
                    Ok(page) => content(operator, &query.get_untracked(), filter.unwrap_or_default(), &before, page),
                    Err(error) => failed(operator, error),
                }
            })}
        </Transition>
    }
}

fn content(operator: bool, query: &ParamsMap, filter: Filter, before: &str, page: LogPage) -> AnyView {
    let path = if operator { paths::ADMIN_LOGS } else { paths::LOGS };
    let bar = filter_bar(path, &filter, &page.choices, operator);
    let LogPage { rows: page, .. } = page;
    let older = page.next.as_deref().map(|before| address(path, query, &[("before", before)]));
    let is_newest = before.is_empty();
    let newest = (!is_newest).then(|| address(path, query, &[]));
    let summary = format::counted(page.items.len() as i64, "request", "requests");
    let is_empty = page.items.is_empty();
    let since = page.items.first().map_or(0, |row| row.at);
    let live = Live::new(page.items);
    if is_newest {
        follow(live, operator, &filter, since);
    }
    let unfiltered = filter.is_empty();
    let list = if is_newest { address(path, query, &[]) } else { address(path, query, &[("before", before)]) };
    let links = Links::new(list);
    view! {
        {bar}
        <Card flush=true>
            {is_newest.then(|| live_bar(live))}
            <Show when=move || !is_empty || live.rows.with(|rows| !rows.is_empty()) fallback=move || empty(unfiltered)>
                {rows(live, operator, links.clone())}
            </Show>
            <Pager summary=summary newest=newest older=older/>
        </Card>
    }
    .into_any()
}

fn follow(live: Live, operator: bool, filter: &Filter, since: Millis) {
    let scope = if operator { OPERATOR } else { "organization" };
    let filter = percent_encoded(&filter.to_string());
    let url = format!("/api/v1/request-logs/live?scope={scope}&since={since}&filter={filter}");
    Effect::new(move || listen(&url, move |event| live.take(event), move || live.connection.set(Connection::Lost)));
}

/// Percent-encodes everything that is not unreserved (RFC 3986 §2.3): the same on both sides, and without a library.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&format!("{byte:02X}"));
        }
    }
    encoded
}

fn empty(unfiltered: bool) -> AnyView {
    let (title, text) = if unfiltered {
        (
            "No requests yet",
            "Every call that the gateway answers stands here within a second, accepted or refused. Make one, and watch it arrive.",
        )
    } else {
        (
            "No request matches",
            "Nothing was answered that passes this filter. New requests that do appear here by themselves.",
        )
    };
    view! { <EmptyState icon=Icon::List title=title text=text/> }.into_any()
}

fn failed(operator: bool, error: AppError) -> AnyView {
    let path = if operator { paths::ADMIN_LOGS } else { paths::LOGS };
    let unreadable = matches!(error.refusal(), Some(Refusal::FilterUnreadable { .. }));
    view! {
        {desk_refused(error)}
        {unreadable.then(|| view! { <p><a class="link" href=path>"Show all requests"</a></p> })}
    }
    .into_any()
}
