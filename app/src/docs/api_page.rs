//! One API: what it is, where it is, and every operation with a call to copy.

use contract::apis::{ApiDocs, Operation, Parameter, RouteTerms};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::curl::curl;
use super::try_it::{Tried, try_it};
use crate::apis::{read_api_docs, read_tried};
use crate::layout::{SitePage, use_frame};
use crate::paths;
use crate::ui::{CodeBlock, Coded, CopyButton, EmptyState, Failure, Icon};

/// `/docs/{api}`
#[component]
#[must_use]
pub fn ApiPage() -> impl IntoView {
    let params = use_params_map();
    let docs = Resource::new(move || params.read().get("api").unwrap_or_default(), read_api_docs);
    let tried = Resource::new(|| (), |()| read_tried());
    let frame = use_frame();
    view! {
        <SitePage>
            <div class="doc wide">
                <Suspense>
                    {move || Suspend::new(async move {
                        match docs.await {
                            Ok(docs) => {
                                let signed_in = frame.await.is_ok_and(|frame| frame.me.is_some());
                                let tried = tried.await.ok().flatten();
                                page(docs, signed_in.then_some(&tried))
                            }
                            Err(error) => {
                                view! {
                                    <Title text="Docs"/>
                                    <h1>"Docs"</h1>
                                    <Failure error/>
                                    <p><a class="link" href=paths::DOCS>"All APIs"</a></p>
                                }
                                    .into_any()
                            }
                        }
                    })}
                </Suspense>
            </div>
        </SitePage>
    }
    .into_any()
}

/// With what was tried, for those who are signed in and may try.
fn page(docs: ApiDocs, tried: Option<&Tried>) -> AnyView {
    let ApiDocs { api, description, base_url, operations } = docs;
    let contents: Vec<AnyView> = operations
        .iter()
        .map(|operation| {
            let href = format!("#{}", anchor(operation));
            view! {
                <li class="min-w-0">
                    <a class="flex items-baseline gap-2 py-1" href=href rel="external">
                        <span class="method">{operation.method.clone()}</span>
                        <code class="min-w-0 break-all">{operation.path.clone()}</code>
                        <span class="muted opt">{operation.summary.clone()}</span>
                    </a>
                </li>
            }
            .into_any()
        })
        .collect();
    let contents = if contents.is_empty() {
        view! {
            <section class="card">
                <EmptyState icon=Icon::Book title="No operations" text="The API's OpenAPI document lists none."/>
            </section>
        }
        .into_any()
    } else {
        view! { <ul class="grid gap-1">{contents}</ul> }.into_any()
    };
    let paragraphs: Vec<AnyView> = description
        .split("\n\n")
        .filter(|paragraph| !paragraph.trim().is_empty())
        .map(|paragraph| view! { <p><Coded text=paragraph/></p> }.into_any())
        .collect();
    let sections: Vec<AnyView> =
        operations.into_iter().map(|one| operation(&base_url, &api.slug, one, tried)).collect();
    view! {
        <Title text=api.name.clone()/>
        <div class="grid gap-3">
            <p class="small muted"><a class="link" href=paths::DOCS>"Docs"</a></p>
            <h1>{api.name}</h1>
            <p class="lead">{api.summary}</p>
        </div>
        {(!paragraphs.is_empty()).then(|| view! { <div class="prose">{paragraphs}</div> })}
        <section class="grid gap-3" aria-label="Base address">
            <div class="secret">
                <span class="small muted">"Base address"</span>
                <code>{base_url.clone()}</code>
                <CopyButton only_icon=true label="Copy the base address"/>
            </div>
            <p class="muted">
                "Send your key with every call: " <a class="link" href=format!("{}#how-to-call", paths::DOCS)>"how to call"</a>
                ". Calls are refused as described under " <a class="link" href=paths::ERRORS>"refusals"</a> "."
            </p>
        </section>
        <nav class="grid gap-2" aria-label="Operations"><h2>"Operations"</h2> {contents}</nav>
        <div>{sections}</div>
    }
    .into_any()
}

fn operation(base_url: &str, slug: &str, operation: Operation, tried: Option<&Tried>) -> AnyView {
    let id = anchor(&operation);
    let heading = format!("{id}-heading");
    let labelled_by = heading.clone();
    let command = curl(base_url, &operation);
    let try_it = tried.map(|tried| try_it(slug, &id, &operation, tried));
    let label = format!("Call {} {} with curl", operation.method, operation.path);
    let Operation { method, path, summary, description, parameters, terms, .. } = operation;
    let terms = self::terms(terms);
    let parameters = (!parameters.is_empty()).then(|| {
        let rows: Vec<AnyView> = parameters.into_iter().map(parameter).collect();
        view! {
            <div class="grid gap-2">
                <h4 class="small muted">"Parameters"</h4>
                <dl class="grid gap-2">{rows}</dl>
            </div>
        }
    });
    let title = if summary.is_empty() { path.clone() } else { summary };
    view! {
        <section class="operation plain" id=id aria-labelledby=labelled_by>
            <div>
                <div class="grid gap-1">
                    <h3 class="text-lg" id=heading>{title}</h3>
                    <p class="flex flex-wrap items-baseline gap-2">
                        <span class="method">{method}</span>
                        <code class="min-w-0 break-all">{path}</code>
                    </p>
                </div>
                {(!description.is_empty()).then(|| view! { <p class="muted"><Coded text=description/></p> })}
                {terms} {parameters} {try_it}
            </div>
            <div>
                <CodeBlock label code=command/>
            </div>
        </section>
    }
    .into_any()
}

/// What an operation asks and costs, where that is not what every operation does.
fn terms(terms: RouteTerms) -> Option<AnyView> {
    let RouteTerms { scopes, cost, limit } = terms;
    let scopes = (!scopes.is_empty()).then(|| {
        let scopes: Vec<AnyView> =
            scopes.into_iter().map(|scope| view! { <code>{scope}</code> " " }.into_any()).collect();
        view! { <p>"Scopes a key needs: " {scopes}</p> }.into_any()
    });
    let cost = (cost != 1).then(|| view! { <p>{format!("Costs {cost} units of the quota.")}</p> }.into_any());
    let limit = limit.map(|limit| view! { <p>{format!("For each key: {limit}.")}</p> }.into_any());
    let lines: Vec<AnyView> = [scopes, cost, limit].into_iter().flatten().collect();
    (!lines.is_empty()).then(|| view! { <div class="grid gap-1 muted">{lines}</div> }.into_any())
}

fn parameter(parameter: Parameter) -> AnyView {
    let note = match (parameter.place.as_str(), parameter.required) {
        ("path", _) => "in the path",
        ("query", true) => "in the query, required",
        ("query", false) => "in the query, optional",
        (_, true) => "required",
        (_, false) => "optional",
    };
    view! {
        <div class="grid gap-x-3 border-t border-line pt-2">
            <dt class="flex flex-wrap items-baseline gap-2"><code>{parameter.name}</code> <span class="small muted">{note}</span></dt>
            <dd class="muted"><Coded text=parameter.description/></dd>
        </div>
    }
    .into_any()
}

/// A stable place on the page: `get-v1-sun-place`.
fn anchor(operation: &Operation) -> String {
    let mut id = operation.method.to_ascii_lowercase();
    let words = operation.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    for word in words {
        id.push('-');
        id.push_str(&word.to_ascii_lowercase());
    }
    id
}
