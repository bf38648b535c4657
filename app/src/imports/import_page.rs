//! How far an import is, for staff.

use contract::imports::{Import, ImportProgress, WAITING_MAX};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::server_fns::see_import;
use crate::console::Admin;
use crate::layout::AdminPlace;
use crate::paths;
use crate::staff::desk_refused;
use crate::ui::format::grouped;
use crate::ui::{Card, Column, Notice, Table, Tag, Time, Tone};

/// `/admin/imports/{id}`
#[component]
#[must_use]
pub fn ImportPage() -> impl IntoView {
    let id = StoredValue::new(use_params_map().get_untracked().get("id").unwrap_or_default());
    let made = use_query_map().get_untracked().get("done").is_some_and(|done| done == "imported");
    let progress = Resource::new_blocking(|| (), move |()| see_import(id.get_value()));
    view! {
        <Title text="Import of keys"/>
        <Admin place=AdminPlace::Keys title="Import of keys">
            <Suspense>
                {move || Suspend::new(async move {
                    match progress.await {
                        Ok(progress) => content(progress, made),
                        Err(error) => desk_refused(error),
                    }
                })}
            </Suspense>
        </Admin>
    }
}

fn number(count: u64) -> String {
    grouped(i64::try_from(count).unwrap_or(i64::MAX))
}

fn content(progress: ImportProgress, made: bool) -> AnyView {
    let ImportProgress { import, waiting } = progress;
    let news = made.then(|| {
        view! { <Notice tone=Tone::Ok live=true title="The keys are imported.">"The gateway takes them from now on."</Notice> }
    });
    let not_yet = import.waiting();
    let listed = waiting.len();
    let rows: Vec<AnyView> = waiting
        .into_iter()
        .map(|key| {
            view! {
                <tr>
                    <td><a class="link" href=paths::admin_key(key.key, None)>{key.label}</a></td>
                    <td>{key.organization}</td>
                    <td><Tag>{key.environment.label()}</Tag></td>
                </tr>
            }
            .into_any()
        })
        .collect();
    let columns = vec![Column::text("Key"), Column::text("Organization"), Column::text("Environment")];
    let list = (listed > 0).then(|| {
        let note = if listed == WAITING_MAX { format!("the first {WAITING_MAX}") } else { String::new() };
        view! { <Card title="Not used yet" note=note flush=true><Table label="Keys that nobody used yet" columns=columns fold=true>{rows}</Table></Card> }
    });
    view! { <div class="settings">{news} {numbers(import, not_yet)} {list}</div> }.into_any()
}

fn numbers(import: Import, not_yet: u64) -> AnyView {
    let (format, created_at) = (import.format, import.created_at);
    let (hint, made_of) = (format.hint(), format.alphabet.label());
    let lengths = if format.length_min == format.length_max {
        format!("{} characters", format.length_min)
    } else {
        format!("{} to {} characters", format.length_min, format.length_max)
    };
    view! {
        <Card title="How far it is">
            <dl class="kv">
                <dt>"Imported"</dt>
                <dd><Time at=created_at absolute=true/></dd>
                <dt>"Old keys"</dt>
                <dd><span class="mono">{hint}</span> ", " {lengths} ", " {made_of}</dd>
                <dt>"Keys"</dt>
                <dd>{number(import.keys)}</dd>
                <dt>"Used since"</dt>
                <dd>{number(import.rekeyed)} ", now hashed like keys of ours"</dd>
                <dt>"Not used yet"</dt>
                <dd>{number(not_yet)}</dd>
                <dt>"Revoked"</dt>
                <dd>{number(import.revoked)}</dd>
            </dl>
        </Card>
    }
    .into_any()
}
