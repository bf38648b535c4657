//! Reports of leaked keys, for staff.

use contract::Page;
use contract::leaks::DeskLeak;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::seen::{action_tag, source};
use super::server_fns::list_leaks;
use crate::console::Admin;
use crate::layout::AdminPlace;
use crate::paths;
use crate::staff::desk_refused;
use crate::ui::format::counted;
use crate::ui::{Card, Column, EmptyState, Icon, Note, Pager, Table, Time};

/// `/admin/leaks`
#[component]
#[must_use]
pub fn DeskLeaksPage() -> impl IntoView {
    let before = use_query_map().get_untracked().get("before").unwrap_or_default();
    let further = StoredValue::new(!before.is_empty());
    let page = Resource::new_blocking(|| (), move |()| list_leaks(before.clone()));
    view! {
        <Title text="Leaked keys"/>
        <Admin place=AdminPlace::Leaks title="Leaked keys">
            <Suspense>
                {move || Suspend::new(async move {
                    match page.await {
                        Ok(page) => content(page, further.get_value()),
                        Err(error) => desk_refused(error),
                    }
                })}
            </Suspense>
        </Admin>
    }
}

fn content(page: Page<DeskLeak>, further: bool) -> AnyView {
    let note = view! {
        <Note>
            "Reports are kept for 90 days. The string that was reported is stored nowhere. Looking at this page is written down. "
            <a class="link" href=paths::LEAKS_DOCS>"How reports come in"</a>
        </Note>
    };
    if page.items.is_empty() {
        return view! {
            <Card>
                <EmptyState
                    icon=Icon::Search
                    title="No reports"
                    text="When a secret scanning programme or somebody with a secret reports a key as leaked, it is listed here."
                />
            </Card>
            {note}
        }
        .into_any();
    }
    let summary = counted(i64::try_from(page.items.len()).unwrap_or(i64::MAX), "report", "reports");
    let older = page.next.map(|before| format!("{}?before={before}", paths::ADMIN_LEAKS));
    let newest = further.then(|| paths::ADMIN_LEAKS.to_owned());
    let columns = vec![
        Column::text("Key"),
        Column::text("Organization"),
        Column::text("Seen at"),
        Column::text("By").optional(),
        Column::text("Done"),
        Column::text("When"),
        Column::actions("Actions"),
    ];
    let rows: Vec<AnyView> = page.items.into_iter().map(row).collect();
    view! {
        <Card title=summary.clone() note="The newest first" flush=true>
            <Table label="Reports of leaked keys" columns=columns fold=true>
                {rows}
            </Table>
        </Card>
        <Pager summary newest older/>
        {note}
    }
    .into_any()
}

fn row(leak: DeskLeak) -> AnyView {
    let DeskLeak { report, hint, organization_name, .. } = leak;
    let named = format!("Open {hint}");
    let place = report.place.clone().unwrap_or_else(|| "not said".to_owned());
    view! {
        <tr>
            <td class="mono">{hint}</td>
            <td class="break-words">{organization_name}</td>
            <td class="break-all">{place}</td>
            <td class="opt muted">{source(&report.source)}</td>
            <td>{action_tag(report.action)}</td>
            <td class="muted"><Time at=report.reported_at/></td>
            <td class="actions"><a class="btn" href=paths::admin_key(report.key, None) aria-label=named>"Open"</a></td>
        </tr>
    }
    .into_any()
}
