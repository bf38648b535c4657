//! The `OpenAPI` 3.1 document. Operations are described beside the functions that answer them; examples are what these
//! functions answer, so an example cannot be wrong.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::routes::Route;
use crate::{moon, places, plans, sun, zones};

/// The document of these routes.
pub(crate) fn of(routes: &[Route]) -> Value {
    let mut paths = Map::new();
    for route in routes {
        paths.entry(route.path).or_insert_with(|| json!({}))[route.method] = route.operation.clone();
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Almanac",
            "summary": "Sun, moon and time zones for a place and a date.",
            "description": "Computes when the Sun rises and sets, how the Moon looks and what the clocks say, for cities \
                of the world and for days between 1973 and 2100. Times are RFC 3339 with the local offset, to the minute. \
                Where the Sun does not rise or does not set, the answer says so. A refusal is a problem document \
                (RFC 9457): match on `code`, show `detail`.",
            "version": "1.0.0",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": ".", "description": "Where this document was read." }],
        "tags": [
            { "name": "Places", "description": "Cities that the Almanac knows." },
            { "name": "Sky", "description": "Sun and Moon." },
            { "name": "Zones", "description": "Time zones of the IANA database." },
            { "name": "Service", "description": "The Almanac itself." },
        ],
        "paths": paths,
        "components": { "schemas": schemas() },
    })
}

/// An operation object. `problems` are statuses with the reason why each is answered.
pub(crate) fn operation(
    id: &str,
    tag: &str,
    summary: &str,
    description: &str,
    parameters: &[Value],
    ok: Value,
    problems: &[(u16, &str)],
) -> Value {
    let mut responses = Map::from_iter([("200".to_owned(), ok)]);
    for (status, description) in problems {
        let content = json!({ "application/problem+json": { "schema": reference("Problem") } });
        responses.insert(status.to_string(), json!({ "description": description, "content": content }));
    }
    let mut operation = json!({
        "operationId": id,
        "tags": [tag],
        "summary": summary,
        "description": description,
        "responses": responses,
    });
    if !parameters.is_empty() {
        operation["parameters"] = json!(parameters);
    }
    operation
}

/// A response object: JSON of a named schema, with an example.
pub(crate) fn answer(description: &str, schema: &str, example: &impl Serialize) -> Value {
    let content = json!({ "schema": reference(schema), "example": example });
    json!({ "description": description, "content": { "application/json": content } })
}

/// A parameter in the path.
pub(crate) fn path_parameter(name: &str, description: &str, schema: Value, example: &Value) -> Value {
    json!({
        "name": name, "in": "path", "required": true,
        "description": description, "schema": schema, "example": example,
    })
}

/// A parameter in the query. None of ours is required.
pub(crate) fn query_parameter(name: &str, description: &str, schema: Value, example: &Value) -> Value {
    json!({
        "name": name, "in": "query", "required": false,
        "description": description, "schema": schema, "example": example,
    })
}

/// The parameter that chooses a day, in the query.
pub(crate) fn date_parameter(description: &str) -> Value {
    query_parameter("date", description, json!({ "type": "string", "format": "date" }), &json!(EXAMPLE_DATE))
}

/// The day of every example: a solstice, with a midnight sun to show.
pub(crate) const EXAMPLE_DATE: &str = "2026-06-21";

/// A reference to a schema of the document.
pub(crate) fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

/// An object schema in which every member is required and no other is allowed.
pub(crate) fn object(description: &str, properties: Value) -> Value {
    let required: Vec<&String> = properties.as_object().into_iter().flat_map(Map::keys).collect();
    json!({
        "type": "object", "description": description,
        "required": required, "additionalProperties": false, "properties": properties,
    })
}

/// The schema of a page of items.
pub(crate) fn page_of(schema: &str) -> Value {
    object(
        "One page of a list.",
        json!({
            "items": { "type": "array", "items": reference(schema) },
            "next": {
                "type": ["string", "null"],
                "description": "Send it as `after` for the next page; null on the last one.",
            },
        }),
    )
}

/// A moment, as every answer writes it.
pub(crate) fn time(description: &str) -> Value {
    json!({ "type": "string", "format": "date-time", "description": description })
}

/// A moment that may not come.
pub(crate) fn time_or_null(description: &str) -> Value {
    json!({ "type": ["string", "null"], "format": "date-time", "description": description })
}

fn schemas() -> Value {
    let mut schemas = Map::new();
    for (name, schema) in
        [places::schemas(), sun::schemas(), moon::schemas(), zones::schemas(), plans::schemas()].concat()
    {
        schemas.insert(name.to_owned(), schema);
    }
    schemas.insert("Health".to_owned(), object("That it runs.", json!({ "status": { "const": "ok" } })));
    schemas.insert("Problem".to_owned(), problem_schema());
    Value::Object(schemas)
}

fn problem_schema() -> Value {
    let field = object(
        "What is wrong with one member of the body.",
        json!({ "field": { "type": "string" }, "detail": { "type": "string" } }),
    );
    json!({
        "type": "object",
        "description": "A problem document (RFC 9457).",
        "required": ["type", "title", "status", "code", "detail"],
        "additionalProperties": false,
        "properties": {
            "type": { "type": "string", "format": "uri-reference" },
            "title": { "type": "string", "description": "The status phrase." },
            "status": { "type": "integer", "description": "The HTTP status." },
            "code": { "type": "string", "description": "A stable word to match on." },
            "detail": { "type": "string", "description": "One sentence: what to do." },
            "nearest": {
                "type": "array", "items": { "type": "string" },
                "description": "Names close to the one that was not found.",
            },
            "fields": { "type": "array", "items": field, "description": "What is wrong with which member of the body." },
        },
    })
}
