//! The front page: what can be called here, the call itself, and a way in.

use contract::apis::{ApiDocs, ApiSummary, Operation};
use leptos::prelude::*;
use leptos_meta::Title;

use crate::apis::{list_apis, read_api_docs};
use crate::docs::{api_list, curl};
use crate::error::AppError;
use crate::layout::{Frame, SitePage, use_frame};
use crate::paths;
use crate::ui::format::counted;
use crate::ui::{ButtonKind, CodeBlock, Failure, LinkButton};

/// `/`
#[component]
#[must_use]
pub fn HomePage() -> impl IntoView {
    let frame = use_frame();
    let apis = Resource::new(|| (), |()| read());
    view! {
        <SitePage>
            <div class="site">
                <Suspense>
                    {move || Suspend::new(async move {
                        let frame = frame.await.unwrap_or_else(|_| Frame::unknown());
                        match apis.await {
                            Ok((apis, first)) => page(&frame, apis, first),
                            Err(error) => view! { <div class="py-8"><Failure error/></div> }.into_any(),
                        }
                    })}
                </Suspense>
            </div>
        </SitePage>
    }
    .into_any()
}

/// All APIs, and the first of them with its operations, for the call to try.
async fn read() -> Result<(Vec<ApiSummary>, Option<ApiDocs>), AppError> {
    let apis = list_apis().await?;
    let first = match apis.first() {
        Some(api) => Some(read_api_docs(api.slug.clone()).await?),
        None => None,
    };
    Ok((apis, first))
}

pub(crate) fn page(frame: &Frame, apis: Vec<ApiSummary>, first: Option<ApiDocs>) -> AnyView {
    // One API: its own sentence says what this is. Several: the portal's name does, and the list follows.
    let only = (apis.len() == 1).then(|| apis.first().cloned()).flatten();
    let headline =
        only.as_ref().map(|api| api.summary.trim_end_matches('.').to_owned()).filter(|text| !text.is_empty());
    let headline = headline.unwrap_or_else(|| frame.name.clone());
    let docs = only.as_ref().map_or_else(|| paths::DOCS.to_owned(), |api| paths::api(&api.slug));
    let (way_in, label) = match &frame.me {
        Some(_) => (paths::CONSOLE, "Open the console"),
        None => (paths::SIGN_UP, "Get a key"),
    };
    let call = first.and_then(|docs| {
        let operation = telling(&docs.operations)?;
        let command = curl(&docs.base_url, operation);
        let code = if operation.summary.is_empty() { command } else { format!("# {}\n{command}", operation.summary) };
        Some(view! {
            <div class="grid gap-4">
                <CodeBlock label="A first call with curl" code large=true/>
                {only.is_some().then(|| operations(&docs))}
            </div>
        })
    });
    let list = (apis.len() != 1).then(|| {
        view! {
            <section class="grid gap-4 pb-10">
                <h2 class="text-xl">"APIs"</h2>
                {api_list(apis)}
            </section>
        }
        .into_any()
    });
    view! {
        <Title text=frame.name.clone()/>
        <section class="hero">
            <div class="grid gap-5">
                <h1>{headline}</h1>
                <p class="lead">
                    "Your own key and your own request log from the first call, and a privacy policy that the program itself keeps."
                </p>
                <div class="flex flex-wrap gap-3">
                    <LinkButton href=way_in kind=ButtonKind::Primary big=true>{label}</LinkButton>
                    <LinkButton href=docs big=true>"Read the docs"</LinkButton>
                </div>
            </div>
            <div class="min-w-0">{call}</div>
        </section>
        {list}
        {steps()}
    }
    .into_any()
}

/// The call that shows best what an API does: one that asks for something by name, without a body.
fn telling(operations: &[Operation]) -> Option<&Operation> {
    let reads = || operations.iter().filter(|operation| operation.method == "GET");
    reads()
        .find(|operation| operation.path.contains('{') && !operation.example_path.contains('?'))
        .or_else(|| reads().find(|operation| operation.path.contains('{')))
        .or_else(|| reads().next())
        .or_else(|| operations.first())
}

/// How many operations the front page names. The docs have all of them.
const NAMED: usize = 4;

fn operations(docs: &ApiDocs) -> AnyView {
    let href = paths::api(&docs.api.slug);
    let named: Vec<AnyView> = docs
        .operations
        .iter()
        .take(NAMED)
        .map(|operation| {
            view! {
                <li class="flex items-baseline gap-2 min-w-0">
                    <span class="method">{operation.method.clone()}</span>
                    <code class="min-w-0 break-all">{operation.path.clone()}</code>
                    <span class="ml-auto text-right muted">{operation.summary.clone()}</span>
                </li>
            }
            .into_any()
        })
        .collect();
    let all = counted(docs.operations.len() as i64, "operation", "operations");
    let more = (docs.operations.len() > NAMED).then(|| view! { <a class="link small" href=href>"All "{all}</a> });
    view! { <ul class="grid gap-2">{named}</ul> {more} }.into_any()
}

fn steps() -> AnyView {
    let step = |title: &'static str, text: AnyView| {
        view! {
            <li class="grid gap-1 content-start border-t border-line pt-4">
                <h3 class="text-base">{title}</h3>
                <p class="muted">{text}</p>
            </li>
        }
        .into_any()
    };
    view! {
        <section class="grid gap-4" aria-labelledby="how">
            <h2 class="unseen" id="how">"How it works"</h2>
            <ol class="grid gap-6 md:grid-cols-3">
                {step(
                    "Sign up and create a key",
                    "You get a link by mail. It works once, for you, and shows the secret a single time.".into_any(),
                )}
                {step(
                    "Call",
                    view! {
                        "Send the key in a header. A refused call says why in one sentence, "
                        <a class="link" href=paths::ERRORS>"each with its own page"</a>
                        "."
                    }
                        .into_any(),
                )}
                {step(
                    "See what happened",
                    view! {
                        "Every call stands in your log and your chart at once. "
                        <a class="link" href=paths::PRIVACY>"What is stored of it, and until when"</a>
                        ", is public."
                    }
                        .into_any(),
                )}
            </ol>
        </section>
    }
    .into_any()
}
