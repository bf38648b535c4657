//! The list of APIs, and how to call any of them.

use contract::apis::ApiSummary;
use leptos::prelude::*;
use leptos_meta::Title;

use super::curl::KEY_VARIABLE;
use crate::apis::list_apis;
use crate::layout::SitePage;
use crate::paths;
use crate::ui::format::counted;
use crate::ui::{CodeBlock, EmptyState, Failure, Icon};

/// `/docs`
#[component]
#[must_use]
pub fn DocsPage() -> impl IntoView {
    let apis = Resource::new(|| (), |()| list_apis());
    view! {
        <Title text="Docs"/>
        <SitePage>
            <div class="doc">
                <div class="grid gap-3">
                    <h1>"Docs"</h1>
                    <p class="lead">"Every API here is called in the same way: over HTTPS, with your key in a header."</p>
                </div>
                <section class="grid gap-3">
                    <h2>"APIs"</h2>
                    <Suspense>
                        {move || Suspend::new(async move {
                            match apis.await {
                                Ok(apis) => api_list(apis),
                                Err(error) => view! { <Failure error/> }.into_any(),
                            }
                        })}
                    </Suspense>
                </section>
                {how_to_call()}
                <p class="muted">"A key was seen by somebody who should not have it? " <a class="link" href=paths::LEAKS_DOCS>"Leaked keys"</a></p>
            </div>
        </SitePage>
    }
    .into_any()
}

/// Cards, each a link to the docs of an API.
pub(crate) fn api_list(apis: Vec<ApiSummary>) -> AnyView {
    if apis.is_empty() {
        return view! {
            <section class="card">
                <EmptyState
                    icon=Icon::Book
                    title="No API yet"
                    text="The operator has not registered an API. Once there is one, its operations are listed here."
                />
            </section>
        }
        .into_any();
    }
    let cards: Vec<AnyView> = apis
        .into_iter()
        .map(|api| {
            let count = counted(i64::from(api.operations), "operation", "operations");
            view! {
                <li class="card">
                    <a class="grid gap-1 p-4" href=paths::api(&api.slug)>
                        <span class="flex flex-wrap items-baseline gap-x-3">
                            <b class="text-lg">{api.name}</b>
                            <code class="muted">{format!("/{}", api.slug)}</code>
                        </span>
                        <span class="muted">{api.summary}</span>
                        <span class="small text-accent-text">{count}</span>
                    </a>
                </li>
            }
            .into_any()
        })
        .collect();
    view! { <ul class="grid gap-3">{cards}</ul> }.into_any()
}

fn how_to_call() -> AnyView {
    let set = format!("export {KEY_VARIABLE}=\"paste your key here\"");
    let header = format!("-H \"Authorization: Bearer ${KEY_VARIABLE}\"");
    view! {
        <section class="grid gap-4" id="how-to-call">
            <h2>"How to call"</h2>
            <ol class="grid gap-5 list-decimal pl-5">
                <li>
                    <p class="mb-2">
                        <a class="link" href=paths::SIGN_UP>"Sign up"</a>
                        " and create a key. Its secret is shown once; keep it in a variable or a secret store, never in a URL."
                    </p>
                    <CodeBlock label="Keep the key in a variable" code=set/>
                </li>
                <li>
                    <p class="mb-2">
                        "Send it in the " <code>"Authorization"</code> " header, or in " <code>"X-Api-Key"</code>
                        " if your client cannot. Send one of them, not both."
                    </p>
                    <CodeBlock label="The header" code=header/>
                </li>
                <li>
                    <p>
                        "Every answer carries a " <code>"Request-Id"</code>
                        ". It finds the call in your request log, and it is what we ask for when something is wrong."
                    </p>
                </li>
            </ol>
        </section>
        <section class="grid gap-3" id="limits">
            <h2>"Limits and quotas"</h2>
            <p>
                "A limit bounds how many requests you may send in a short time; a quota bounds how many units you may use in a day or a month. Most calls cost one unit. Every answer says where you stand:"
            </p>
            <CodeBlock
                label="Headers of an answer"
                output=true
                code="RateLimit-Policy: \"plan\";q=60;w=60, \"quota\";q=10000;w=2592000;qu=\"units\"\nRateLimit: \"plan\";r=59;t=1, \"quota\";r=9999;t=864000"
            />
            <p class="muted">
                <code>"q"</code> " is how much there is in " <code>"w"</code> " seconds, " <code>"r"</code>
                " how much is left, " <code>"t"</code>
                " in how many seconds all of it is there again (IETF draft ratelimit-headers-11). What is too much is answered with 429 and "
                <code>"Retry-After"</code> "; neither that call nor one that the API could not answer costs anything."
            </p>
        </section>
        <section class="grid gap-3">
            <h2>"Keys, plans and logs by program"</h2>
            <p>
                "What you do in the console your programs can do too. " <a class="link" href=paths::REST_DOCS>"The REST API"</a> "."
            </p>
        </section>
        <section class="grid gap-3">
            <h2>"When a call is refused"</h2>
            <p>
                "A refusal is a problem document (RFC 9457) with a stable " <code>"code"</code>
                ", a sentence that says what to do, and the request id. "
                <a class="link" href=paths::ERRORS>"All refusals, with what they mean"</a> "."
            </p>
        </section>
    }
    .into_any()
}
