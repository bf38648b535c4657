//! The REST API: every operation, with what it asks and a call to copy. Written from the list from which the router and
//! the OpenAPI document are made.

use contract::rest::RestOperation;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use leptos_meta::Title;

use crate::error::AppError;
use crate::layout::SitePage;
use crate::paths;
use crate::ui::{CodeBlock, Coded, Failure};

/// Every operation of the REST API.
///
/// # Errors
/// Never; the type is that of every call.
#[server(prefix = "/rpc", endpoint = "docs/rest", input = GetUrl)]
pub async fn read_rest_operations() -> Result<Vec<RestOperation>, AppError> {
    crate::backend::rest_operations()
}

/// `/docs/api`
#[component]
#[must_use]
pub fn RestPage() -> impl IntoView {
    let operations = Resource::new_blocking(|| (), |()| read_rest_operations());
    view! {
        <Title text="REST API"/>
        <SitePage>
            <div class="doc wide">
                <Suspense>
                    {move || Suspend::new(async move {
                        match operations.await {
                            Ok(operations) => page(operations),
                            Err(error) => view! { <h1>"REST API"</h1> <Failure error/> }.into_any(),
                        }
                    })}
                </Suspense>
            </div>
        </SitePage>
    }
    .into_any()
}

pub(crate) fn page(operations: Vec<RestOperation>) -> AnyView {
    let contents: Vec<AnyView> = operations
        .iter()
        .map(|one| {
            view! {
                <li class="min-w-0">
                    <a class="flex items-baseline gap-2 py-1" href=format!("#{}", one.id) rel="external">
                        <span class="method">{one.method.clone()}</span>
                        <code class="min-w-0 break-all">{one.path.clone()}</code>
                        <span class="muted opt">{one.summary.clone()}</span>
                    </a>
                </li>
            }
            .into_any()
        })
        .collect();
    let sections: Vec<AnyView> = operations.into_iter().map(operation).collect();
    view! {
        <div class="grid gap-3">
            <p class="small muted"><a class="link" href=paths::DOCS>"Docs"</a></p>
            <h1>"REST API"</h1>
            <p class="lead">"What you do in the console, for your programs: keys, plans, logs and usage."</p>
        </div>
        <div class="prose">
            <p>
                "Make an " <a class="link" href=paths::TOKENS>"access token"</a>
                " in the console and send it with every call. It does what you chose for it, and never more than your role allows at that moment. Secrets of keys never come through here: their links go by mail."
            </p>
            <p>
                "Moments are milliseconds since 1970 UTC. Lists come in pages: " <code>"next"</code> " is the " <code>"cursor"</code>
                " of the next one. Send an " <code>"Idempotency-Key"</code> " with a " <code>"POST"</code>
                ", and you can send it again within a day: its work is done once."
            </p>
            <p>
                "For generators there is an " <a class="link" href="/api/v1/openapi.json" rel="external">"OpenAPI 3.1 document"</a>
                ". Every “no” is one of the " <a class="link" href=paths::ERRORS>"refusals"</a> "."
            </p>
        </div>
        <nav class="grid gap-2" aria-label="Operations"><h2>"Operations"</h2> <ul class="grid gap-1">{contents}</ul></nav>
        <div>{sections}</div>
    }
    .into_any()
}

fn operation(operation: RestOperation) -> AnyView {
    let command = curl(&operation);
    let label = format!("Call {} {} with curl", operation.method, operation.path);
    let RestOperation { method, path, id, summary, description, needs_token, scope, parameters, codes, .. } = operation;
    let heading = format!("{id}-heading");
    let labelled_by = heading.clone();
    let needs = match scope {
        Some(scope) => view! { <p class="muted">"Scope: " <code>{scope.word()}</code></p> }.into_any(),
        None if needs_token => view! { <p class="muted">"Any token."</p> }.into_any(),
        None => view! { <p class="muted">"No token needed."</p> }.into_any(),
    };
    let parameters = (!parameters.is_empty()).then(|| {
        let rows: Vec<AnyView> = parameters
            .into_iter()
            .map(|(name, text)| {
                view! {
                    <div class="grid gap-x-3 border-t border-line pt-2">
                        <dt><code>{name}</code></dt>
                        <dd class="muted"><Coded text=text/></dd>
                    </div>
                }
                .into_any()
            })
            .collect();
        view! {
            <div class="grid gap-2">
                <h4 class="small muted">"Parameters"</h4>
                <dl class="grid gap-2">{rows}</dl>
            </div>
        }
    });
    let links: Vec<AnyView> = codes
        .into_iter()
        .map(|code| view! { <a class="link mono small" href=paths::error(&code)>{code.clone()}</a> " " }.into_any())
        .collect();
    let refusals = (!links.is_empty()).then(|| {
        view! {
            <div class="grid gap-1">
                <h4 class="small muted">"Refusals"</h4>
                <p class="flex flex-wrap gap-x-3">{links}</p>
            </div>
        }
    });
    view! {
        <section class="operation plain" id=id aria-labelledby=labelled_by>
            <div>
                <div class="grid gap-1">
                    <h3 class="text-lg" id=heading>{summary}</h3>
                    <p class="flex flex-wrap items-baseline gap-2">
                        <span class="method">{method}</span>
                        <code class="min-w-0 break-all">{path}</code>
                    </p>
                </div>
                {(!description.is_empty()).then(|| view! { <p class="muted"><Coded text=description/></p> })}
                {needs} {parameters} {refusals}
            </div>
            <div>
                <CodeBlock label code=command/>
            </div>
        </section>
    }
    .into_any()
}

/// The call with curl. It works as it stands once the variables are set.
fn curl(operation: &RestOperation) -> String {
    let mut command = String::from("curl ");
    if operation.method != "GET" {
        command.push_str(&format!("-X {} ", operation.method));
    }
    let path = operation.path.replace('{', "$").replace('}', "");
    command.push_str(&format!("\"$PORTAL{path}\""));
    if operation.needs_token {
        command.push_str(" \\\n  -H \"Authorization: Bearer $TOKEN\"");
    }
    if let Some(body) = &operation.example_body {
        command.push_str(" \\\n  -H \"Content-Type: application/json\"");
        command.push_str(&match body.strip_prefix('@') {
            Some(file) => format!(" \\\n  --data-binary @{file}"),
            None => format!(" \\\n  -d '{}'", body.replace('\'', r"'\''")),
        });
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_says_method_address_token_and_body() {
        let operation = RestOperation {
            method: "PATCH".to_owned(),
            path: "/api/v1/keys/{id}".to_owned(),
            id: "change_key".to_owned(),
            summary: String::new(),
            description: String::new(),
            needs_token: true,
            scope: None,
            parameters: Vec::new(),
            example_body: Some("{\"label\":\"it's\"}".to_owned()),
            status: 200,
            codes: Vec::new(),
        };
        assert_eq!(
            curl(&operation),
            "curl -X PATCH \"$PORTAL/api/v1/keys/$id\" \\\n  -H \"Authorization: Bearer $TOKEN\" \\\n  -H \"Content-Type: application/json\" \\\n  -d '{\"label\":\"it'\\''s\"}'"
        );
    }
}
