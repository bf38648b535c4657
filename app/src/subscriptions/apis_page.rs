//! The APIs, with what the organization has of each.

use contract::subscriptions::OwnApi;
use leptos::prelude::*;
use leptos_meta::Title;

use super::has;
use super::server_fns::list_own_apis;
use crate::console::Console;
use crate::layout::ConsolePlace;
use crate::paths;
use crate::ui::{Card, EmptyState, Failure, Icon, LinkButton, Tag, Tone};

/// `/console/apis`
#[component]
#[must_use]
pub fn OwnApisPage() -> impl IntoView {
    let apis = Resource::new_blocking(|| (), |()| list_own_apis());
    view! {
        <Title text="APIs"/>
        <Console place=ConsolePlace::Apis title="APIs">
            <Suspense>
                {move || Suspend::new(async move {
                    match apis.await {
                        Ok(apis) => content(apis),
                        Err(error) => view! { <Failure error/> }.into_any(),
                    }
                })}
            </Suspense>
        </Console>
    }
}

fn content(apis: Vec<OwnApi>) -> AnyView {
    if apis.is_empty() {
        return view! {
            <Card>
                <EmptyState icon=Icon::Book title="No APIs yet" text="The operator of this portal has opened none."/>
            </Card>
        }
        .into_any();
    }
    let cards: Vec<AnyView> = apis.into_iter().map(card).collect();
    view! { <div class="settings">{cards}</div> }.into_any()
}

fn card(own: OwnApi) -> AnyView {
    let has = has(&own);
    let waits = own.requested.as_ref().map(|request| {
        view! { <p><Tag tone=Tone::Warn>"Requested"</Tag> {format!(" {}: the operator decides.", request.plan_name)}</p> }
    });
    let (slug, name) = (own.api.slug, own.api.name);
    let unseen = format!(" of {name}");
    let docs = format!(" of {name}");
    view! {
        <Card title=name note=own.api.summary>
            <div class="grid gap-4">
                {has} {waits}
                <div class="flex flex-wrap gap-2">
                    <LinkButton href=paths::own_api(&slug)>"Plans" <span class="unseen">{unseen}</span></LinkButton>
                    <LinkButton href=paths::api(&slug)>"Docs" <span class="unseen">{docs}</span></LinkButton>
                </div>
            </div>
        </Card>
    }
    .into_any()
}
