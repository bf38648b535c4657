//! The OpenAPI 3.1 document, made from the list of operations.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use axum::http::Method;
use contract::Refusal;
use contract::access_tokens::Scope;
use serde_json::{Map, Value, json};

use super::operation::{Body, Kind, Named, Needs, Operation, Parameter, Shape};
use super::{PREFIX, operations};

/// The document. The same for every portal: its server is where the document came from.
#[must_use]
pub fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| made(operations()))
}

const ABOUT: &str = "The REST API of this portal: keys, APIs, plans, logs and usage, for programs.\n\n\
Send an access token with every call: `Authorization: Bearer <token>`. A person makes one in the console, chooses what it \
may do, and sees it once. It never does more than its person may at that moment.\n\n\
Moments are milliseconds since 1970-01-01T00:00:00Z. Lists come in pages: `next` is the `cursor` of the next one, and \
absent on the last. A field that is not known is refused, and so is one that comes twice.\n\n\
A refusal is a problem document (RFC 9457) with a stable `code`, a sentence that says what to do, and the `request_id`, \
which every answer also has in its `Request-Id` header.\n\n\
A `POST` with an `Idempotency-Key` can be sent again within 24 hours: its work is done once, and the first answer is given \
again, with `Idempotent-Replayed: true`. Secrets of keys never come through this API: they are shown once, to a person who \
opens the link in their mail.";

fn made(operations: &[Operation]) -> Value {
    let mut schemas: BTreeMap<String, Value> = BTreeMap::new();
    schemas.insert("Problem".to_owned(), problem());
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations {
        for named in named(operation) {
            schemas.extend(named.all.iter().cloned());
        }
        let item = paths.entry(operation.path).or_insert_with(|| json!({}));
        item[operation.method.as_str().to_ascii_lowercase()] = written(operation);
    }
    let scopes: Vec<String> =
        Scope::ALL.iter().map(|scope| format!("- `{}`: {}", scope.word(), scope.label())).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Countersign REST API",
            "version": "1",
            "description": format!("{ABOUT}\n\nScopes of a token:\n\n{}", scopes.join("\n")),
        },
        "servers": [{ "url": PREFIX }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An access token, such as `cs_pat_…`. The words beside it in each operation are the scopes that it needs.",
                },
            },
        },
    })
}

fn named(operation: &Operation) -> Vec<&Named> {
    let mut all = Vec::new();
    if let Body::Json(named, _) = &operation.body {
        all.push(named);
    }
    if let Shape::One(named) | Shape::Page(named) = &operation.shape {
        all.push(named);
    }
    all
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "A refusal (RFC 9457).",
        "required": ["type", "title", "status", "detail", "code", "request_id"],
        "properties": {
            "type": { "type": "string", "description": "Where it is explained." },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string", "description": "What to do." },
            "code": { "type": "string", "description": "The stable word to match on." },
            "request_id": { "type": "string" },
            "fields": {
                "type": "array",
                "description": "What is wrong with which field.",
                "items": {
                    "type": "object",
                    "required": ["field", "problem"],
                    "properties": { "field": { "type": "string" }, "problem": { "type": "object" } },
                },
            },
        },
    })
}

fn written(operation: &Operation) -> Value {
    let mut parameters: Vec<Value> = path_parameters(operation.path);
    parameters.extend(operation.query.iter().map(|Parameter { name, description, kind }| {
        json!({ "name": name, "in": "query", "description": description, "schema": kind.schema() })
    }));
    if operation.method == Method::POST {
        parameters.push(json!({
            "name": "Idempotency-Key",
            "in": "header",
            "description": "A name of your own for this request, which makes it safe to send again.",
            "schema": { "type": "string", "minLength": 1, "maxLength": portal::access_tokens::idempotent::KEY_MAX },
        }));
    }
    let mut responses = Map::new();
    responses.insert(operation.status.to_string(), success(operation));
    let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for code in operation.all_codes() {
        let status = Refusal::by_code(code).map_or(400, |refusal| refusal.status());
        by_status.entry(status).or_default().push(code);
    }
    for (status, codes) in by_status {
        let words: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
        responses.insert(status.to_string(), refused(&words.join(", "), &codes));
    }
    responses.insert("500".to_owned(), refused("`internal_error`: it failed on our side", &["internal_error"]));
    let mut all = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [tag(operation.path)],
        "parameters": parameters,
        "responses": responses,
        "security": security(operation.needs),
    });
    if !operation.description.is_empty() {
        all["description"] = operation.description.into();
    }
    match &operation.body {
        Body::None => {}
        Body::Json(named, example) => {
            let content = json!({ "schema": reference(&named.name), "example": example });
            all["requestBody"] = json!({ "required": true, "content": { "application/json": content } });
        }
        Body::Document => {
            let content = json!({ "schema": { "type": "object", "description": "An OpenAPI 3 document." } });
            all["requestBody"] = json!({ "required": true, "content": { "application/json": content } });
        }
    }
    all
}

fn security(needs: Needs) -> Value {
    match needs {
        Needs::Nothing => json!([]),
        Needs::Token => json!([{ "token": [] }]),
        Needs::Scope(scope) => json!([{ "token": [scope.word()] }]),
    }
}

/// The first segment; of staff's the word for all of them.
fn tag(path: &str) -> &str {
    path.trim_start_matches('/').split('/').next().unwrap_or_default()
}

/// Names in braces.
pub(super) fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn path_parameters(path: &str) -> Vec<Value> {
    let one = |name: &str| {
        json!({ "name": name, "in": "path", "required": true, "schema": Kind::Text.schema(), "description": match name {
            "slug" => "The API's place in URLs.",
            _ => "The id.",
        } })
    };
    names(path).map(one).collect()
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn success(operation: &Operation) -> Value {
    let mut headers = json!({
        "Request-Id": { "description": "Names the request in logs, on both sides.", "schema": { "type": "string" } },
    });
    if operation.status == 201 {
        headers["Location"] = json!({ "description": "Where it is from now on.", "schema": { "type": "string" } });
    }
    let (description, content) = match &operation.shape {
        Shape::Nothing => ("It is done.", None),
        Shape::One(named) => ("It worked.", Some(("application/json", reference(&named.name)))),
        Shape::Page(named) => {
            let page = json!({
                "type": "object",
                "required": ["items", "next"],
                "properties": {
                    "items": { "type": "array", "items": reference(&named.name) },
                    "next": { "type": ["string", "null"], "description": "The `cursor` of the next page." },
                },
            });
            ("A page of the list.", Some(("application/json", page)))
        }
        Shape::Events => ("The stream.", Some(("text/event-stream", json!({ "type": "string" })))),
    };
    let mut all = json!({ "description": description, "headers": headers });
    if let Some((kind, schema)) = content {
        all["content"] = json!({ kind: { "schema": schema } });
    }
    all
}

fn refused(description: &str, codes: &[&str]) -> Value {
    json!({
        "description": description,
        "content": { "application/problem+json": { "schema": reference("Problem") } },
        "x-codes": codes,
    })
}
