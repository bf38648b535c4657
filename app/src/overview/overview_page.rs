//! The overview of the console.

use contract::accounts::FirstSteps;
use contract::request_logs::LiveEvent;
use leptos::prelude::*;
use leptos_meta::Title;

use super::server_fns::{Overview, read_overview};
use crate::console::Console;
use crate::layout::ConsolePlace;
use crate::paths;
use crate::request_logs::listen;
use crate::ui::{ButtonKind, Card, CodeBlock, Failure, Icon, LinkButton, Step, Steps};
use crate::usage::{numbers, requests_chart};

/// Four steps until they are done, numbers, a chart.
#[component]
#[must_use]
pub fn OverviewPage() -> impl IntoView {
    let overview = Resource::new_blocking(|| (), |()| read_overview());
    view! {
        <Title text="Overview"/>
        <Console
            place=ConsolePlace::Overview
            title="Overview"
            actions=|_| Some(view! { <LinkButton href=paths::KEYS kind=ButtonKind::Primary icon=Icon::Key>"Manage keys"</LinkButton> }.into_any())
        >
            <Transition>
                {move || Suspend::new(async move {
                    match overview.await {
                        Ok(shown) => content(shown, overview),
                        Err(error) => view! { <Failure error/> }.into_any(),
                    }
                })}
            </Transition>
        </Console>
    }
}

fn content(shown: Overview, overview: Resource<Result<Overview, crate::error::AppError>>) -> AnyView {
    let Overview { steps, example_url, usage } = shown;
    let steps = (steps.done() < 4).then(|| {
        // The page ticks itself when the first call arrives.
        Effect::new(move || {
            let arrived = move |event| {
                if matches!(event, LiveEvent::Rows { .. }) {
                    overview.refetch();
                }
            };
            listen("/api/v1/request-logs/live?scope=organization", arrived, || ());
        });
        first_steps(steps, &example_url)
    });
    view! { {steps} {numbers(&usage)} {requests_chart(&usage)} }.into_any()
}

fn first_steps(steps: FirstSteps, example_url: &str) -> AnyView {
    let done = steps.done();
    let curl = format!("curl {example_url} \\\n  -H \"Authorization: Bearer $API_KEY\"");
    let FirstSteps { email_verified, key, secret_revealed, first_call } = steps;
    let has_key = key.is_some();
    view! {
        <Card title="Get to your first call" note=format!("{done} of 4 done") flush=true>
            <Steps>
                <Step done=email_verified title="Verify your email"/>
                <Step done=has_key title="Get a key" note=key.unwrap_or_default()>
                    {(!has_key).then(|| view! { <LinkButton href=paths::KEYS>"Create a key"</LinkButton> })}
                </Step>
                <Step done=secret_revealed title="See its secret" note="Open the link in your mail. It shows the secret once.">
                    {(has_key && !secret_revealed).then(|| view! { <LinkButton href=paths::KEYS>"Mail me a new link"</LinkButton> })}
                </Step>
                <Step done=first_call title="Make your first call" note="This page ticks itself when the call arrives.">
                    {(!first_call).then(|| view! { <CodeBlock code=curl label="First call with curl"/> })}
                </Step>
            </Steps>
        </Card>
    }
    .into_any()
}
