//! The catalogue of refusals: what each means and how to mend it. Written from the refusals themselves, so that none
//! can be missing.

use contract::Refusal;
use contract::checks::CHECKS;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use crate::layout::SitePage;
use crate::not_found::not_found;
use crate::paths;
use crate::ui::{CodeBlock, Coded, Column, StatusCode, Table, Tag};

/// `/docs/errors`
#[component]
#[must_use]
pub fn ErrorsPage() -> impl IntoView {
    view! {
        <Title text="Refusals"/>
        <SitePage>{catalogue()}</SitePage>
    }
    .into_any()
}

pub(crate) fn catalogue() -> AnyView {
    let (gateway, portal): (Vec<Refusal>, Vec<Refusal>) =
        Refusal::catalogue().into_iter().partition(Refusal::is_of_gateway);
    view! {
        <div class="doc">
            <div class="grid gap-3">
                <p class="small muted"><a class="link" href=paths::DOCS>"Docs"</a></p>
                <h1>"Refusals"</h1>
                <p class="lead">
                    "Every “no” that you can meet here, with the code that programs match on. Codes stay as they are; sentences may become clearer."
                </p>
            </div>
            {order()}
            {group("From the gateway", "When you call an API.", gateway)}
            {group("From the portal", "On these pages and in its own API.", portal)}
        </div>
    }
    .into_any()
}

/// The list that the gateway itself keeps to.
fn order() -> AnyView {
    let steps: Vec<AnyView> = CHECKS
        .iter()
        .map(|check| {
            let codes: Vec<AnyView> = check
                .codes
                .iter()
                .map(|code| view! { <a class="link mono small" href=paths::error(code)>{*code}</a> }.into_any())
                .collect();
            view! {
                <li>
                    <span>{check.sentence}</span>
                    <span class="flex flex-wrap gap-x-3">{codes}</span>
                </li>
            }
            .into_any()
        })
        .collect();
    view! {
        <section class="grid gap-3" id="order">
            <div>
                <h2>"In which order the gateway checks"</h2>
                <p class="muted">
                    "The first “no” is the answer. A refused call takes nothing from any limit or quota, and stands in your request log with its code."
                </p>
            </div>
            <ol class="grid gap-2 list-decimal pl-6">{steps}</ol>
        </section>
    }
    .into_any()
}

/// Which step of [`CHECKS`] gives a code, counted from 1.
fn step_of(code: &str) -> Option<usize> {
    CHECKS.iter().position(|check| check.codes.contains(&code)).map(|place| place + 1)
}

fn group(title: &'static str, lead: &'static str, refusals: Vec<Refusal>) -> AnyView {
    let rows: Vec<AnyView> = refusals
        .into_iter()
        .map(|refusal| {
            view! {
                <tr>
                    <td><a class="link mono" href=paths::error(refusal.code())>{refusal.code()}</a></td>
                    <td><StatusCode status=refusal.status()/></td>
                    <td class="muted">{refusal.title()}</td>
                </tr>
            }
            .into_any()
        })
        .collect();
    view! {
        <section class="grid gap-3">
            <div>
                <h2>{title}</h2>
                <p class="muted">{lead}</p>
            </div>
            <div class="card">
                <Table label=title columns=vec![Column::text("Code"), Column::text("Status"), Column::text("In a few words")] fold=true>
                    {rows}
                </Table>
            </div>
        </section>
    }
    .into_any()
}

/// `/docs/errors/{code}`
#[component]
#[must_use]
pub fn ErrorPage() -> impl IntoView {
    let params = use_params_map();
    let content = move || {
        let code = params.read().get("code").unwrap_or_default();
        Refusal::by_code(&code).map_or_else(not_found, |refusal| page(&refusal))
    };
    view! { <SitePage>{content}</SitePage> }.into_any()
}

pub(crate) fn page(refusal: &Refusal) -> AnyView {
    let from = if refusal.is_of_gateway() { "Gateway" } else { "Portal" };
    view! {
        <Title text=refusal.title()/>
        <div class="doc">
            <div class="grid gap-3">
                <p class="small muted">
                    <a class="link" href=paths::DOCS>"Docs"</a> " / " <a class="link" href=paths::ERRORS>"Refusals"</a>
                </p>
                <h1>{refusal.title()}</h1>
                <p class="flex flex-wrap items-center gap-3">
                    <StatusCode status=refusal.status()/> <code>{refusal.code()}</code> <Tag>{from}</Tag>
                </p>
            </div>
            <section class="grid gap-2">
                <h2>"What to do"</h2>
                <div class="prose"><p><Coded text=refusal.to_string()/></p></div>
            </section>
            <section class="grid gap-2">
                <h2>"Why it happens"</h2>
                <div class="prose"><p><Coded text=refusal.explanation()/></p></div>
            </section>
            {step_of(refusal.code())
                .map(|step| {
                    view! {
                        <section class="grid gap-2">
                            <h2>"When it is checked"</h2>
                            <p>
                                {format!("Step {step} of {} in ", CHECKS.len())}
                                <a class="link" href=format!("{}#order", paths::ERRORS)>"the order of the gateway's checks"</a> "."
                            </p>
                        </section>
                    }
                })}
            <section class="grid gap-3">
                <h2>"What a program gets"</h2>
                <CodeBlock label="The problem document" code=problem_document(refusal) output=true/>
                <p class="muted">
                    "Sent as " <code>"application/problem+json"</code>
                    " (RFC 9457). Match on " <code>"code"</code> "; quote " <code>"request_id"</code> " when you ask us about it."
                </p>
            </section>
        </div>
    }
    .into_any()
}

/// The document as it is sent; address and request id differ from call to call and are left open.
fn problem_document(refusal: &Refusal) -> String {
    format!(
        "{{\n  \"type\": \"…/docs/errors/{code}\",\n  \"title\": \"{}\",\n  \"status\": {},\n  \"detail\": \"{refusal}\",\n  \"code\": \"{code}\",\n  \"request_id\": \"req_…\"\n}}",
        refusal.title(),
        refusal.status(),
        code = refusal.code(),
    )
}
