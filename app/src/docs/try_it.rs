//! The form of an operation that calls it, and what it was answered with. The call is made by the server, so it works
//! without a script; the key stands in the form alone.

use contract::apis::{Operation, Parameter, TriedAnswer, TypedCall};
use leptos::prelude::*;

use crate::error::AppError;
use crate::paths;
use crate::ui::{CodeBlock, Failure, Note, StatusCode};

/// What was tried before this page was shown.
pub(super) type Tried = Option<(TypedCall, Result<TriedAnswer, AppError>)>;

/// The form, and the answer if it was this one that was sent.
pub(super) fn try_it(slug: &str, anchor: &str, operation: &Operation, tried: &Tried) -> AnyView {
    let sent = tried.as_ref().filter(|(typed, _)| typed.method == operation.method && typed.path == operation.path);
    let typed = sent.map(|(typed, _)| typed.clone());
    let error = sent.and_then(|(_, answer)| answer.clone().err());
    let answer = sent.and_then(|(_, answer)| answer.clone().ok()).map(answered);
    let failed = error.clone().map(|error| view! { <Failure error/> });
    let problem = |field: &str| {
        let refusal = error.as_ref().and_then(AppError::refusal);
        refusal.and_then(|refusal| refusal.problem_of(field)).map(|problem| problem.to_string())
    };
    let fields: Vec<AnyView> = operation
        .parameters
        .iter()
        .filter(|parameter| ["path", "query"].contains(&parameter.place.as_str()))
        .map(|parameter| {
            let name = TypedCall::field(&parameter.place, &parameter.name);
            let value = typed.as_ref().map_or_else(
                || parameter.example.clone(),
                |typed| typed.value(&parameter.place, &parameter.name).to_owned(),
            );
            input(anchor, &name, &label(parameter), value, problem(&name), false)
        })
        .collect();
    let body = operation.example_body.as_ref().map(|example| {
        let value = typed.as_ref().map_or_else(|| example.clone(), |typed| typed.body.clone());
        body(anchor, value)
    });
    let key = input(anchor, "key", "Your key", String::new(), problem("key"), true);
    let action = format!("{}#{anchor}", paths::api(slug));
    let (method, path) = (operation.method.clone(), operation.path.clone());
    view! {
        <details class="disclosure" open=sent.is_some()>
            <summary>"Try it"</summary>
            <div class="grid gap-4 pt-3">
                {failed} {answer}
                <form method="post" action=action class="grid gap-4" novalidate>
                    <input type="hidden" name="method" value=method/>
                    <input type="hidden" name="path" value=path/>
                    {fields} {body} {key}
                    <Note>
                        "It is a real call: it counts, costs units and leaves a row. It comes from the portal's own address. The key is not kept."
                    </Note>
                    <div>
                        <button class="btn" type="submit">"Send"</button>
                    </div>
                </form>
            </div>
        </details>
    }
    .into_any()
}

fn label(parameter: &Parameter) -> String {
    if parameter.required { parameter.name.clone() } else { format!("{} (optional)", parameter.name) }
}

fn input(anchor: &str, name: &str, label: &str, value: String, problem: Option<String>, secret: bool) -> AnyView {
    let id = format!("{anchor}-{}", name.replace('.', "-"));
    let described = problem.as_ref().map(|_| format!("{id}-problem"));
    let invalid = problem.as_ref().map(|_| "true");
    let below =
        described.clone().zip(problem).map(|(id, problem)| view! { <div class="problem" id=id>{problem}</div> });
    let (for_id, name) = (id.clone(), name.to_owned());
    view! {
        <div class="field">
            <label for=for_id>{label.to_owned()}</label>
            <input
                id=id
                class="input mono"
                type=if secret { "password" } else { "text" }
                name=name
                value=value
                autocomplete="off"
                spellcheck="false"
                autocapitalize="none"
                aria-invalid=invalid
                aria-describedby=described
            />
            {below}
        </div>
    }
    .into_any()
}

fn body(anchor: &str, value: String) -> AnyView {
    let id = format!("{anchor}-body");
    view! { <crate::ui::TextArea name="body" label="Body, as JSON" value=value id=id rows=6 mono=true/> }.into_any()
}

fn answered(answer: TriedAnswer) -> AnyView {
    let TriedAnswer { status, request, headers, body, is_whole } = answer;
    let headers = headers.into_iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("\n");
    let row = request.map(|id| {
        let href = format!("{}?request={id}", paths::LOGS);
        view! { <p><a class="link" href=href>"The row that it left"</a></p> }
    });
    let body = match body {
        None => view! { <Note>"The body is not text."</Note> }.into_any(),
        Some(body) if body.is_empty() => view! { <Note>"The answer has no body."</Note> }.into_any(),
        Some(body) => view! { <CodeBlock label="Body of the answer" code=body output=true/> }.into_any(),
    };
    let cut = (!is_whole).then(|| view! { <Note>"There is more than is shown, or the answer broke off."</Note> });
    view! {
        <section class="grid gap-2" aria-label="Answer" role="status">
            <p>"Answered with " <StatusCode status=status/></p>
            {row} {body} {cut}
            <details class="disclosure">
                <summary>"Headers"</summary>
                <CodeBlock label="Headers of the answer" code=headers output=true/>
            </details>
        </section>
    }
    .into_any()
}
