//! Reads what docs and logs need from an OpenAPI 3.1 document; anything missing is left out, never invented.

use anyhow::Context as _;
use contract::apis::{ApiDocs, ApiSummary, Operation, Parameter};
use serde_json::Value;

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

/// Method and path template of every operation.
pub(super) fn routes(document: &Value) -> Vec<(String, String)> {
    operations(document).map(|(path, method, _)| (method.to_ascii_uppercase(), path.to_owned())).collect()
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
            })
            .collect(),
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
        assert_eq!(
            routes(&document),
            [("GET".to_owned(), "/v1/tides/{port}".to_owned()), ("POST".to_owned(), "/v1/plans".to_owned())]
        );
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
}
