//! All APIs, for staff.

use contract::StaffPermission;
use contract::apis::DeskApiRow;
use leptos::prelude::*;
use leptos_meta::Title;

use super::server_fns::list_desk_apis;
use crate::console::Admin;
use crate::layout::{AdminPlace, use_frame};
use crate::paths;
use crate::staff::desk_refused;
use crate::ui::format::counted;
use crate::ui::{ButtonKind, Card, Column, EmptyState, Icon, LinkButton, Table, Tag, Tone};

/// The list, and the way to a new one for those who manage them.
#[component]
#[must_use]
pub fn DeskApisPage() -> impl IntoView {
    let apis = Resource::new_blocking(|| (), |()| list_desk_apis());
    let frame = use_frame();
    view! {
        <Title text="APIs"/>
        <Admin place=AdminPlace::Apis title="APIs">
            <Suspense>
                {move || Suspend::new(async move {
                    let role = frame.await.ok().and_then(|frame| frame.me).and_then(|me| me.staff);
                    let manages = role.is_some_and(|role| role.allows(StaffPermission::ManageApis));
                    match apis.await {
                        Ok(apis) => content(apis, manages),
                        Err(error) => desk_refused(error),
                    }
                })}
            </Suspense>
        </Admin>
    }
}

fn content(apis: Vec<DeskApiRow>, manages: bool) -> AnyView {
    let new = manages.then(|| {
        view! {
            <div>
                <LinkButton href=paths::NEW_API kind=ButtonKind::Primary icon=Icon::Plus>"Register an API"</LinkButton>
            </div>
        }
    });
    if apis.is_empty() {
        return view! {
            <Card>
                <EmptyState
                    icon=Icon::Book
                    title="No APIs yet"
                    text="An API is what the gateway forwards to, under a name of its own."
                />
            </Card>
            {new}
        }
        .into_any();
    }
    let summary = counted(i64::try_from(apis.len()).unwrap_or(i64::MAX), "API", "APIs");
    let columns = vec![
        Column::text("Name"),
        Column::text("Address").optional(),
        Column::text("Plans"),
        Column::text("Requests"),
        Column::text("State"),
        Column::actions("Actions"),
    ];
    let rows: Vec<AnyView> = apis.into_iter().map(row).collect();
    view! {
        {new}
        <Card title=summary flush=true>
            <Table label="APIs" columns=columns fold=true>
                {rows}
            </Table>
        </Card>
    }
    .into_any()
}

fn row(api: DeskApiRow) -> AnyView {
    let named = format!("Open {}", api.name);
    let waiting = match api.waiting {
        0 => view! { <span class="muted">"none waiting"</span> }.into_any(),
        count => view! { <Tag tone=Tone::Warn>{format!("{count} waiting")}</Tag> }.into_any(),
    };
    let state = if api.closed_at.is_some() {
        view! { <Tag>"Closed"</Tag> }.into_any()
    } else {
        view! { <Tag tone=Tone::Ok>"Open"</Tag> }.into_any()
    };
    view! {
        <tr>
            <td><b class="font-medium">{api.name}</b> <span class="block small muted mono">{format!("/{}", api.slug)}</span></td>
            <td class="opt muted mono break-all">{api.upstream_url}</td>
            <td>{counted(i64::from(api.plans), "plan", "plans")}</td>
            <td>{waiting}</td>
            <td>{state}</td>
            <td class="actions"><a class="btn" href=paths::admin_api(&api.slug) aria-label=named>"Open"</a></td>
        </tr>
    }
    .into_any()
}
