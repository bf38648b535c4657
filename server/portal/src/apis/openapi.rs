//! Reads what docs and logs need from an OpenAPI 3.1 document; anything missing is left out, never invented.

use anyhow::Context as _;
use contract::apis::{ApiDocs, ApiSummary, COST_MAX, Operation, Parameter, RouteTerms};
use contract::fields::{Check, Problem};
use contract::keys::terms::is_scope;
use contract::limits::{LIMIT_MAX, LIMIT_SECONDS_MAX, Limit};
use serde_json::Value;

use super::RouteRecord;
use super::table::Model;

/// Path item fields that are operations (OpenAPI 3.1.1 §4.8.9).
const METHODS: [&str; 8] = ["get", "post", "put", "patch", "delete", "head", "options", "trace"];

/// Title and summary.
pub(super) fn name_and_summary(document: &Value) -> anyhow::Result<(String, String)> {
    let version = document["openapi"].as_str().unwrap_or_default();
    anyhow::ensure!(
        version.starts_with("3."),
        "the OpenAPI document says version `{version}`; versions 3.0 and 3.1 are understood"
    );
    let title = document["info"]["title"].as_str().context("the OpenAPI document has no info.title")?;
    anyhow::ensure!(document["paths"].is_object(), "the OpenAPI document has no paths");
    Ok((title.to_owned(), text(&document["info"]["summary"])))
}

/// Every operation with what it asks and costs.
pub(super) fn routes(document: &Value) -> Vec<RouteRecord> {
    operations(document)
        .map(|(path, method, item)| RouteRecord {
            method: method.to_ascii_uppercase(),
            template: path.to_owned(),
            terms: terms(document, item),
        })
        .collect()
}

/// What an operation asks and costs:
///
/// - scopes from `x-countersign-scopes: [..]`; without it from the first of its `security` requirements, or of the
///   document's, that names a scheme of ours: a bearer token, or a key in `X-Api-Key`;
/// - units from `x-countersign-cost`, one if it does not say;
/// - how often one key may call it from `x-countersign-limit: { requests, seconds }`.
fn terms(document: &Value, item: &Value) -> RouteTerms {
    RouteTerms {
        scopes: scopes(document, item),
        cost: item["x-countersign-cost"].as_i64().filter(|cost| (1..=COST_MAX).contains(cost)).unwrap_or(1),
        limit: limit(item),
    }
}

fn limit(item: &Value) -> Option<Limit> {
    let limit = &item["x-countersign-limit"];
    Limit::from_stored(limit["requests"].as_i64(), limit["seconds"].as_i64())
}

fn scopes(document: &Value, item: &Value) -> Vec<String> {
    let words = |list: &Value| -> Vec<String> {
        let words = list.as_array().into_iter().flatten();
        let mut words: Vec<String> = words.filter_map(Value::as_str).map(str::to_owned).collect();
        words.sort_unstable();
        words.dedup();
        words
    };
    let own = &item["x-countersign-scopes"];
    if !own.is_null() {
        return words(own);
    }
    let requirements = item.get("security").unwrap_or(&document["security"]);
    let of_ours = |requirement: &Value| {
        let mut schemes = requirement.as_object()?.iter();
        schemes.find(|(name, _)| is_ours(document, name)).map(|(_, scopes)| words(scopes))
    };
    requirements.as_array().into_iter().flatten().find_map(of_ours).unwrap_or_default()
}

/// Whether a security scheme is how keys of ours are sent.
fn is_ours(document: &Value, name: &str) -> bool {
    let scheme = resolve(document, &document["components"]["securitySchemes"][name]);
    let is = |field: &str, word: &str| scheme[field].as_str().is_some_and(|text| text.eq_ignore_ascii_case(word));
    is("type", "http") && is("scheme", "bearer")
        || is("type", "apiKey") && is("in", "header") && is("name", "x-api-key")
}

/// Notes what is wrong with the terms in a document. What could not be read would let everybody in, or cost nothing.
pub(super) fn check_terms(check: &mut Check, field: &str, document: &Value) {
    for (_, _, item) in operations(document) {
        let extension = &item["x-countersign-scopes"];
        let is_list = extension.as_array().is_some_and(|list| list.iter().all(Value::is_string));
        if !(extension.is_null() || is_list) || !scopes(document, item).iter().all(|scope| is_scope(scope)) {
            return check.refuse(field, Problem::NotAScope);
        }
        let cost = &item["x-countersign-cost"];
        if !cost.is_null() && !cost.as_i64().is_some_and(|cost| (1..=COST_MAX).contains(&cost)) {
            return check.refuse(field, Problem::NotANumber { min: 1, max: COST_MAX });
        }
        let written = &item["x-countersign-limit"];
        if !written.is_null() && limit(item).is_none() {
            let seconds = written["seconds"].as_i64();
            let seconds_fit = seconds.is_some_and(|seconds| (1..=LIMIT_SECONDS_MAX).contains(&seconds));
            let max = if seconds_fit { LIMIT_MAX } else { LIMIT_SECONDS_MAX };
            return check.refuse(field, Problem::NotANumber { min: 1, max });
        }
    }
}

pub(super) fn summary(row: &Model, document: &Value) -> ApiSummary {
    ApiSummary {
        slug: row.slug.clone(),
        name: row.name.clone(),
        summary: row.summary.clone(),
        operations: u32::try_from(operations(document).count()).unwrap_or(u32::MAX),
    }
}

pub(super) fn docs(row: &Model, document: &Value, gateway_url: &str) -> ApiDocs {
    ApiDocs {
        api: summary(row, document),
        description: text(&document["info"]["description"]),
        base_url: format!("{gateway_url}/{}", row.slug),
        operations: operations(document).map(|(path, method, item)| operation(document, path, method, item)).collect(),
    }
}

/// Every operation with its path and method, in the order of the document.
fn operations(document: &Value) -> impl Iterator<Item = (&str, &'static str, &Value)> {
    document["paths"].as_object().into_iter().flatten().flat_map(|(path, item)| {
        METHODS
            .into_iter()
            .filter_map(move |method| item.get(method).map(|operation| (path.as_str(), method, operation)))
    })
}

fn operation(document: &Value, path: &str, method: &str, item: &Value) -> Operation {
    let shared = document["paths"][path]["parameters"].as_array();
    let own = item["parameters"].as_array();
    let all: Vec<&Value> =
        shared.into_iter().chain(own).flatten().map(|parameter| resolve(document, parameter)).collect();
    let mut example_path = path.to_owned();
    let mut query = Vec::new();
    for parameter in &all {
        let (name, example) = (text(&parameter["name"]), example(parameter));
        match parameter["in"].as_str() {
            Some("path") => {
                example_path = example_path.replace(&format!("{{{name}}}"), &example.unwrap_or_else(|| name.clone()))
            }
            Some("query") if parameter["required"] == true => {
                query.push(format!("{name}={}", example.unwrap_or_default()))
            }
            _ => {}
        }
    }
    if !query.is_empty() {
        example_path = format!("{example_path}?{}", query.join("&"));
    }
    let body = &resolve(document, &item["requestBody"])["content"]["application/json"];
    let example_body = [&body["example"], &body["schema"]["example"], &resolve(document, &body["schema"])["example"]]
        .into_iter()
        .find(|value| !value.is_null())
        .map(|value| serde_json::to_string_pretty(value).unwrap_or_default());
    Operation {
        method: method.to_ascii_uppercase(),
        path: path.to_owned(),
        summary: text(&item["summary"]),
        description: text(&item["description"]),
        parameters: all
            .iter()
            .map(|parameter| Parameter {
                name: text(&parameter["name"]),
                place: text(&parameter["in"]),
                required: parameter["required"] == true,
                description: text(&parameter["description"]),
                example: example(parameter).unwrap_or_default(),
            })
            .collect(),
        terms: terms(document, item),
        example_body,
        example_path,
    }
}

/// Follows a local `$ref`, once: documents that chain them are rare, and a circle must not hang us.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    value["$ref"]
        .as_str()
        .and_then(|reference| reference.strip_prefix('#'))
        .and_then(|pointer| document.pointer(pointer))
        .unwrap_or(value)
}

fn example(parameter: &Value) -> Option<String> {
    let example = [
        &parameter["example"],
        &parameter["schema"]["example"],
        &parameter["schema"]["examples"][0],
        &parameter["schema"]["default"],
    ]
    .into_iter()
    .find(|value| !value.is_null())?;
    Some(example.as_str().map_or_else(|| example.to_string(), str::to_owned))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn document() -> Value {
        json!({
            "openapi": "3.1.0",
            "info": { "title": "Tides", "summary": "High and low water." },
            "paths": {
                "/v1/tides/{port}": {
                    "parameters": [{ "name": "port", "in": "path", "required": true, "schema": { "type": "string" }, "example": "lisbon" }],
                    "get": { "summary": "Tides of a port", "parameters": [{ "$ref": "#/components/parameters/Day" }] },
                },
                "/v1/plans": { "post": { "requestBody": { "content": { "application/json": { "example": { "port": "lisbon" } } } } } },
            },
            "components": { "parameters": { "Day": { "name": "day", "in": "query", "required": true, "schema": { "type": "string", "examples": ["2026-06-21"] } } } },
        })
    }

    #[test]
    fn operations_come_with_an_example_that_can_be_called() {
        let document = document();
        let tides = operation(&document, "/v1/tides/{port}", "get", &document["paths"]["/v1/tides/{port}"]["get"]);
        assert_eq!(tides.example_path, "/v1/tides/lisbon?day=2026-06-21");
        assert_eq!(tides.parameters.len(), 2);
        let plans = operation(&document, "/v1/plans", "post", &document["paths"]["/v1/plans"]["post"]);
        assert!(plans.example_body.unwrap().contains("lisbon"));
        let route = |method: &str, template: &str| RouteRecord {
            method: method.to_owned(),
            template: template.to_owned(),
            terms: RouteTerms::default(),
        };
        assert_eq!(routes(&document), [route("GET", "/v1/tides/{port}"), route("POST", "/v1/plans")]);
    }

    #[test]
    fn a_document_that_is_none_is_refused_with_a_sentence() {
        for (document, words) in [
            (json!({}), "version"),
            (json!({ "openapi": "2.0" }), "version"),
            (json!({ "openapi": "3.1.0" }), "title"),
            (json!({ "openapi": "3.1.0", "info": { "title": "x" } }), "paths"),
        ] {
            assert!(name_and_summary(&document).unwrap_err().to_string().contains(words));
        }
    }

    /// A document whose one operation has these fields.
    fn with(operation: &Value) -> Value {
        json!({
            "openapi": "3.1.0",
            "info": { "title": "Tides" },
            "security": [{ "somebody": ["admin"] }, { "key": ["tides:read"] }],
            "components": { "securitySchemes": {
                "key": { "type": "http", "scheme": "bearer" },
                "header": { "type": "apiKey", "in": "header", "name": "X-Api-Key" },
                "somebody": { "type": "oauth2", "flows": {} },
                "cookie": { "type": "apiKey", "in": "cookie", "name": "x-api-key" },
            } },
            "paths": { "/v1/tides": { "get": operation } },
        })
    }

    /// Claims: FLOW-29
    #[test]
    fn scopes_cost_and_limit_of_a_route_come_from_its_document() {
        let limit = |requests, seconds| Some(Limit { requests, seconds });
        for (operation, scopes, cost, limit) in [
            (json!({}), &["tides:read"][..], 1, None),
            (json!({ "security": [] }), &[], 1, None),
            (json!({ "security": [{}] }), &[], 1, None),
            (json!({ "security": [{ "somebody": ["admin"] }, { "cookie": ["b"] }] }), &[], 1, None),
            (json!({ "security": [{ "header": ["b", "a", "b"] }] }), &["a", "b"], 1, None),
            (json!({ "security": [{ "unknown": ["a"] }, { "key": [] }] }), &[], 1, None),
            (json!({ "x-countersign-scopes": ["tides:write"] }), &["tides:write"], 1, None),
            (json!({ "x-countersign-scopes": [] }), &[], 1, None),
            (json!({ "x-countersign-cost": 1_000 }), &["tides:read"], 1_000, None),
            (
                json!({ "x-countersign-limit": { "requests": 5, "seconds": 86_400 } }),
                &["tides:read"],
                1,
                limit(5, 86_400),
            ),
        ] {
            let document = with(&operation);
            let mut check = Check::default();
            check_terms(&mut check, "openapi", &document);
            assert_eq!(check.finish(), Ok(()), "{operation}");
            let [route] = routes(&document).try_into().unwrap();
            let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
            assert_eq!(route.terms, RouteTerms { scopes, cost, limit }, "{operation}");
        }
    }

    #[test]
    fn terms_that_cannot_be_read_are_refused() {
        let cost = Problem::NotANumber { min: 1, max: COST_MAX };
        let seconds = Problem::NotANumber { min: 1, max: LIMIT_SECONDS_MAX };
        let requests = Problem::NotANumber { min: 1, max: LIMIT_MAX };
        for (operation, problem) in [
            (json!({ "x-countersign-scopes": "tides:read" }), Problem::NotAScope),
            (json!({ "x-countersign-scopes": ["tides:read", 7] }), Problem::NotAScope),
            (json!({ "x-countersign-scopes": ["Tides"] }), Problem::NotAScope),
            (json!({ "x-countersign-scopes": [""] }), Problem::NotAScope),
            (json!({ "security": [{ "key": ["a b"] }] }), Problem::NotAScope),
            (json!({ "x-countersign-cost": 0 }), cost),
            (json!({ "x-countersign-cost": 1_001 }), cost),
            (json!({ "x-countersign-cost": "2" }), cost),
            (json!({ "x-countersign-cost": 1.5 }), cost),
            (json!({ "x-countersign-limit": 5 }), seconds),
            (json!({ "x-countersign-limit": { "requests": 5 } }), seconds),
            (json!({ "x-countersign-limit": { "requests": 5, "seconds": 86_401 } }), seconds),
            (json!({ "x-countersign-limit": { "requests": 0, "seconds": 1 } }), requests),
        ] {
            let mut check = Check::default();
            check_terms(&mut check, "openapi", &with(&operation));
            let problems = check.finish().unwrap_err();
            assert_eq!((problems.len(), problems[0].problem), (1, problem), "{operation}");
        }
    }
}
