//! The sample API of the demo: sun, moon and time zones for a place and a date.
//!
//! - Every answer is computed here; nothing is fetched and nothing is stored.
//! - Time is a parameter: the same request under the same clock gets the same answer.
//! - Router and `OpenAPI` document are made from one list, so neither can name a route that the other lacks.
//! - A "no" is a problem document (RFC 9457) with a code and a sentence that says what to do.

mod dates;
mod document;
mod lists;
mod moon;
mod places;
mod plans;
mod problem;
mod routes;
mod sun;
mod zones;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use chrono::{DateTime, Utc};
use serde_json::Value;

/// Tells the time, for requests that leave the date out.
pub type Clock = fn() -> DateTime<Utc>;

/// A plan of 31 days is asked for in some 150 bytes; whoever sends a hundred times as much sends something else.
const BODY_MAX: usize = 16 * 1024;

/// The API. Paths start at `/`; whoever mounts it elsewhere nests it.
pub fn router(clock: Clock) -> Router {
    routes::all()
        .into_iter()
        .fold(Router::new(), |router, route| router.route(route.path, route.answer))
        .method_not_allowed_fallback(problem::method_not_allowed)
        .fallback(problem::unknown_route)
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(clock)
}

/// Its `OpenAPI` 3.1 document, the one that `/openapi.json` answers.
#[must_use]
pub fn openapi() -> Value {
    document::of(&routes::all())
}

#[cfg(test)]
mod tests;
