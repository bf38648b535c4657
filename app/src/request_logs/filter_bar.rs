//! The filter, as a form: what it says stands in the address, so that reload, share and back work.

use contract::request_logs::{Choices, Filter};
use contract::{Refusal, environment::Environment};
use leptos::prelude::*;
use leptos_router::components::Form;
use leptos_router::params::ParamsMap;

use crate::ui::{Button, Icon, LinkButton, Select};

/// Every field that can be chosen, in the order of the form.
const FIELDS: [&str; 7] = ["status", "method", "api", "organization", "key", "code", "environment"];

/// Statuses worth choosing; the address takes any.
const STATUSES: [&str; 10] = ["2xx", "3xx", "4xx", "5xx", "400", "401", "404", "422", "502", "504"];

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// The filter that an address means: the fields of the form, and the text of `filter`.
///
/// # Errors
/// [`Refusal::FilterUnreadable`].
pub(super) fn filter_of(query: &ParamsMap) -> Result<Filter, Refusal> {
    let mut filter: Filter = query.get_str("filter").unwrap_or_default().parse()?;
    let fields = FIELDS.iter().map(|field| (*field, query.get_str(field).unwrap_or_default()));
    filter.conditions.extend(Filter::from_fields(fields)?.conditions);
    Ok(filter)
}

/// The address of this list with its filter, plus one more parameter.
pub(super) fn address(path: &str, query: &ParamsMap, more: &[(&'static str, &str)]) -> String {
    let mut kept = ParamsMap::new();
    for field in FIELDS.into_iter().chain(["filter"]) {
        if let Some(value) = query.get(field).filter(|value| !value.is_empty()) {
            kept.insert(field, value);
        }
    }
    for (name, value) in more {
        kept.insert(*name, (*value).to_owned());
    }
    format!("{path}{}", kept.to_query_string())
}

/// The form.
pub(super) fn filter_bar(path: &'static str, filter: &Filter, choices: &Choices, operator: bool) -> AnyView {
    let chosen = |field| filter.value_of(field).unwrap_or_default();
    let organizations = operator.then(|| {
        let options = choices.organizations.iter().map(|(id, name)| (id.to_string(), name.clone()));
        select("organization", "Organization", options, chosen("organization"))
    });
    let codes = Refusal::catalogue()
        .into_iter()
        .filter(Refusal::is_of_gateway)
        .map(|refusal| (refusal.code().to_owned(), refusal.code().to_owned()));
    let codes = std::iter::once(("none".to_owned(), "none (answered by the API)".to_owned())).chain(codes);
    let same = |words: &[&str]| words.iter().map(|word| ((*word).to_owned(), (*word).to_owned())).collect::<Vec<_>>();
    let apis = choices.apis.iter().map(|slug| (slug.clone(), slug.clone()));
    let keys = choices.keys.iter().map(|(id, label)| (id.to_string(), label.clone()));
    let environments =
        Environment::ALL.into_iter().map(|environment| (environment.word().to_owned(), environment.label().to_owned()));
    let fields = vec![
        select("status", "Status", same(&STATUSES).into_iter(), chosen("status")),
        select("method", "Method", same(&METHODS).into_iter(), chosen("method")),
        select("api", "API", apis, chosen("api")),
        organizations.into_any(),
        select("key", "Key", keys, chosen("key")),
        select("code", "Code", codes, chosen("code")),
        select("environment", "Environment", environments, chosen("environment")),
    ];
    let clear = (!filter.is_empty())
        .then(|| view! { <LinkButton href=path kind=crate::ui::ButtonKind::Quiet>"Clear"</LinkButton> });
    view! {
        <Form method="GET" action=path attr:class="filter-bar" attr:role="search" attr:aria-label="Filter requests">
            {fields}
            <div class="filter-actions"><Button icon=Icon::Search>"Filter"</Button> {clear}</div>
        </Form>
    }
    .into_any()
}

fn select(
    name: &'static str,
    label: &'static str,
    options: impl Iterator<Item = (String, String)>,
    selected: String,
) -> AnyView {
    let mut all = vec![(String::new(), "any".to_owned())];
    all.extend(options);
    if !all.iter().any(|(value, _)| *value == selected) {
        all.push((selected.clone(), selected.clone()));
    }
    view! { <Select name label options=all selected/> }.into_any()
}
