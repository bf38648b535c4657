//! What we store, why, and until when: rendered from the register that the program itself obeys.

use contract::policies::{PrivacyPolicy, Promise, StoredCategory, StoredItem};
use leptos::prelude::*;
use leptos_meta::Title;

use contract::apis::ApiPrivacy;

use super::server_fns::read_privacy;
use crate::apis::list_privacy;
use crate::layout::SitePage;
use crate::ui::format::counted;
use crate::ui::{Failure, Tag, Tone};

/// `/privacy`
#[component]
#[must_use]
pub fn PrivacyPage() -> impl IntoView {
    let policy = Resource::new(|| (), |()| read_privacy());
    let apis = Resource::new(|| (), |()| list_privacy());
    view! {
        <Title text="Privacy"/>
        <SitePage>
            <Suspense>
                {move || Suspend::new(async move {
                    match (policy.await, apis.await) {
                        (Ok(policy), Ok(apis)) => page(policy, apis),
                        (Err(error), _) | (_, Err(error)) => view! { <div class="doc"><h1>"Privacy"</h1><Failure error/></div> }.into_any(),
                    }
                })}
            </Suspense>
        </SitePage>
    }
    .into_any()
}

pub(crate) fn page(policy: PrivacyPolicy, apis: Vec<ApiPrivacy>) -> AnyView {
    let PrivacyPolicy { version, promises, categories } = policy;
    let contents: Vec<AnyView> = categories
        .iter()
        .map(|category| {
            let href = format!("#{}", category.word);
            view! { <li><a class="link" href=href rel="external">{category.name.clone()}</a></li> }.into_any()
        })
        .collect();
    let promises: Vec<AnyView> = promises.into_iter().map(promise).collect();
    let categories: Vec<AnyView> = categories.into_iter().map(category).collect();
    view! {
        <article class="doc">
            <div class="grid gap-3">
                <p class="small muted">"Version " <code class="small">{version}</code> " · the fingerprint of the register it is made from"</p>
                <h1>"What we store about you, why, and until when"</h1>
                <p class="lead">
                    "This page is written by the program that serves it, from the register that it obeys. Beside every promise stand the tests that prove it for this version."
                </p>
            </div>
            <section aria-labelledby="promises">
                <h2 class="pb-2" id="promises">"What we promise"</h2>
                {promises}
            </section>
            <section class="grid gap-4" aria-labelledby="stored">
                <h2 id="stored">"What we store"</h2>
                <ul class="flex flex-wrap gap-x-4 gap-y-1" aria-label="Categories">{contents}</ul>
                {categories}
            </section>
            {profiles(apis)}
        </article>
    }
    .into_any()
}

/// What the log keeps of callers, API by API.
fn profiles(apis: Vec<ApiPrivacy>) -> Option<AnyView> {
    let apis: Vec<AnyView> = apis
        .into_iter()
        .map(|ApiPrivacy { slug, name, profile }| {
            let sentences: Vec<AnyView> =
                profile.sentences().into_iter().map(|sentence| view! { <dd>{sentence}</dd> }.into_any()).collect();
            view! {
                <div class="grid gap-1 py-2">
                    <dt class="font-medium break-words">{name} " " <code class="small break-all">{format!("/{slug}")}</code></dt>
                    {sentences}
                </div>
            }
            .into_any()
        })
        .collect();
    (!apis.is_empty()).then(|| {
        view! {
            <section class="grid gap-2" aria-labelledby="callers">
                <h2 id="callers">"What the log keeps of those who call an API"</h2>
                <dl>{apis}</dl>
            </section>
        }
        .into_any()
    })
}

fn promise(promise: Promise) -> AnyView {
    let Promise { sentence, tests, claims } = promise;
    let count = counted(tests.len() as i64, "test", "tests");
    let tests: Vec<AnyView> =
        tests.into_iter().map(|test| view! { <li>{test.replace('_', " ")}</li> }.into_any()).collect();
    view! {
        <div class="claim">
            <p>{sentence}</p>
            <div class="evidence">
                <Tag tone=Tone::Ok>"Tested in this build"</Tag>
                <details class="small faint pt-1">
                    <summary>{count}" · "{claims.join(", ")}</summary>
                    <ul class="pt-1 grid gap-1 muted">{tests}</ul>
                </details>
            </div>
        </div>
    }
    .into_any()
}

fn category(category: StoredCategory) -> AnyView {
    let StoredCategory { word, name, subject, basis, recipients, protection, items } = category;
    let items: Vec<AnyView> = items.into_iter().map(item).collect();
    let fact = |label: &'static str, text: String| {
        view! {
            <div>
                <dt class="small muted">{label}</dt>
                <dd>{text}</dd>
            </div>
        }
        .into_any()
    };
    view! {
        <section class="card" id=word>
            <header>
                <h3 class="text-base">{name}</h3>
                <span class="note-text">{format!("About: {subject}")}</span>
            </header>
            <dl class="grid gap-x-5 gap-y-3 p-4 sm:grid-cols-3">
                {fact("On what ground", basis)} {fact("Who receives it", recipients)} {fact("How it is protected", protection)}
            </dl>
            {items}
        </section>
    }
    .into_any()
}

fn item(item: StoredItem) -> AnyView {
    let StoredItem { what, purposes, retention, columns } = item;
    let count = counted(columns.len() as i64, "column", "columns");
    let columns: Vec<AnyView> = columns
        .into_iter()
        .map(|column| view! { <li><code class="small break-all">{column}</code></li> }.into_any())
        .collect();
    view! {
        <dl class="stored">
            <div>
                <dt>"What"</dt>
                <dd>
                    <span class="font-medium">{what}</span>
                    <details class="small faint">
                        <summary>"Stored in "{count}</summary>
                        <ul class="pt-1 muted">{columns}</ul>
                    </details>
                </dd>
            </div>
            <div>
                <dt>"Why"</dt>
                <dd>{purposes}</dd>
            </div>
            <div>
                <dt>"How long"</dt>
                <dd>{retention}</dd>
            </div>
        </dl>
    }
    .into_any()
}
