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

/// The first steps until they are done, numbers, a chart.
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
    let steps = (steps.done() < steps.all()).then(|| {
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
    let (done, all) = (steps.done(), steps.all());
    let curl = format!("curl {example_url} \\\n  -H \"Authorization: Bearer $API_KEY\"");
    let FirstSteps { email_verified, passkey_added, key, secret_revealed, first_call } = steps;
    let has_key = key.is_some();
    let key_note = match key {
        Some(hint) if secret_revealed => hint,
        Some(_) => "Open the link in your mail. It shows the secret once.".to_owned(),
        None => String::new(),
    };
    view! {
        <Card title="Get to your first call" note=format!("{done} of {all} done") flush=true>
            <Steps>
                <Step done=email_verified title="Verify your email"/>
                {passkey_added.map(passkey_step)}
                <Step done=secret_revealed title="Get a key" note=key_note>
                    {(!secret_revealed)
                        .then(|| view! { <LinkButton href=paths::KEYS>{if has_key { "Mail me a new link" } else { "Create a key" }}</LinkButton> })}
                </Step>
                <Step done=first_call title="Make your first call" note="This page ticks itself when the call arrives.">
                    {(!first_call).then(|| view! { <CodeBlock code=curl label="First call with curl"/> })}
                </Step>
            </Steps>
        </Card>
    }
    .into_any()
}

fn passkey_step(added: bool) -> AnyView {
    let note = if added { "" } else { "Sign in with your fingerprint, your face or your PIN, and type no password." };
    view! {
        <Step done=added title="Add a passkey" note=note>
            {(!added).then(|| view! { <LinkButton href=paths::SECURITY>"Add a passkey"</LinkButton> })}
        </Step>
    }
    .into_any()
}
