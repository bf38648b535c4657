//! Every route, once. The router and the `OpenAPI` document are both made from this list.

use axum::handler::Handler;
use axum::routing::{self, MethodRouter};
use axum::{Json, http::header};
use serde_json::{Value, json};

use crate::{Clock, document, moon, places, plans, sun, zones};

/// One operation: where it answers, how, and what the document says of it.
pub(crate) struct Route {
    /// Path template, in the spelling that axum and `OpenAPI` share.
    pub path: &'static str,
    /// The method's key in the document.
    pub method: &'static str,
    /// What answers.
    pub answer: MethodRouter<Clock>,
    /// The operation object.
    pub operation: Value,
}

/// All of them, in the order in which the docs show them.
pub(crate) fn all() -> Vec<Route> {
    vec![
        get("/v1/places", places::list, places::list_operation()),
        get("/v1/places/{place}", places::show, places::show_operation()),
        get("/v1/sun/{place}", sun::show, sun::operation()),
        get("/v1/moon/{date}", moon::show, moon::operation()),
        get("/v1/zones", zones::list, zones::list_operation()),
        get("/v1/zones/{zone}", zones::show, zones::show_operation()),
        post("/v1/plans", plans::create, plans::operation()),
        get("/openapi.json", openapi, openapi_operation()),
        get("/healthz", health, health_operation()),
    ]
}

fn get<H: Handler<T, Clock>, T: 'static>(path: &'static str, handler: H, operation: Value) -> Route {
    Route { path, method: "get", answer: routing::get(handler), operation }
}

fn post<H: Handler<T, Clock>, T: 'static>(path: &'static str, handler: H, operation: Value) -> Route {
    Route { path, method: "post", answer: routing::post(handler), operation }
}

async fn openapi() -> Json<Value> {
    Json(crate::openapi())
}

fn openapi_operation() -> Value {
    document::operation(
        "getOpenApi",
        "Service",
        "This document",
        "The OpenAPI 3.1 document of the Almanac, as JSON.",
        &[],
        json!({ "description": "The document.", "content": { "application/json": { "schema": { "type": "object" } } } }),
        &[],
    )
}

async fn health() -> ([(header::HeaderName, &'static str); 1], Json<Value>) {
    ([(header::CACHE_CONTROL, "no-store")], Json(json!({ "status": "ok" })))
}

fn health_operation() -> Value {
    document::operation(
        "getHealth",
        "Service",
        "Whether it runs",
        "Answers as soon as the Almanac takes requests. It depends on nothing else, so there is nothing more to check.",
        &[],
        document::answer("It runs.", "Health", &json!({ "status": "ok" })),
        &[],
    )
}
