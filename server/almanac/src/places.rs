//! Places: the cities that the Almanac knows.

mod table;

use axum::Json;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::document::{self, object, page_of, path_parameter, query_parameter};
use crate::lists::{self, Page};
use crate::problem::{Path, Problem, Query, shown};
use crate::zones;

/// A city.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Place {
    /// Its name in paths.
    pub slug: &'static str,
    /// Its name in English.
    pub name: &'static str,
    /// ISO 3166-1 alpha-2.
    pub country: &'static str,
    /// Degrees, positive north.
    pub latitude: f64,
    /// Degrees, positive east.
    pub longitude: f64,
    /// IANA name of its time zone.
    pub zone: &'static str,
}

impl Place {
    pub(crate) fn time_zone(&self) -> Result<TimeZone, Problem> {
        Ok(zones::find(self.zone)?.1)
    }
}

/// The place of that name.
pub(crate) fn find(slug: &str) -> Result<&'static Place, Problem> {
    table::PLACES
        .binary_search_by_key(&slug, |place| place.slug)
        .map(|at| &table::PLACES[at])
        .map_err(|_| Problem::unknown("unknown_place", "place", slug, slugs(), "/v1/places"))
}

/// Every slug, sorted.
pub(crate) fn slugs() -> impl Iterator<Item = &'static str> {
    table::PLACES.iter().map(|place| place.slug)
}

/// What may stand in the query of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    country: Option<String>,
    limit: Option<String>,
    after: Option<String>,
}

pub(crate) async fn list(Query(query): Query<ListQuery>) -> Result<Json<Page<&'static Place>>, Problem> {
    page(query.country.as_deref(), query.limit.as_deref(), query.after.as_deref()).map(Json)
}

fn page(country: Option<&str>, limit: Option<&str>, after: Option<&str>) -> Result<Page<&'static Place>, Problem> {
    if let Some(country) = country
        && !(country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_alphabetic()))
    {
        let detail = format!("Send a `country` of two letters, such as PT, instead of `{}`.", shown(country));
        return Err(Problem::parameter("invalid_country", detail));
    }
    let places =
        table::PLACES.iter().filter(|place| country.is_none_or(|code| place.country.eq_ignore_ascii_case(code)));
    lists::page(places, |place| place.slug, limit, after)
}

pub(crate) async fn show(Path(slug): Path<String>) -> Result<Json<&'static Place>, Problem> {
    find(&slug).map(Json)
}

/// The parameter of every path that names a place.
pub(crate) fn parameter(example: &str) -> Value {
    path_parameter(
        "place",
        "Slug of a place, as `GET /v1/places` lists them.",
        json!({ "type": "string" }),
        &json!(example),
    )
}

pub(crate) fn list_operation() -> Value {
    let country = query_parameter(
        "country",
        "Only places of this country: its ISO 3166-1 code of two letters.",
        json!({ "type": "string", "pattern": "^[A-Za-z]{2}$" }),
        &json!("PT"),
    );
    let [limit, after] = lists::parameters("lima");
    document::operation(
        "listPlaces",
        "Places",
        "List places",
        "The cities that the Almanac knows, sorted by slug.",
        &[country, limit, after],
        document::answer("One page of places.", "Places", &page(Some("PT"), Some("5"), Some("lima")).ok()),
        &[(400, "A parameter cannot be used.")],
    )
}

pub(crate) fn show_operation() -> Value {
    document::operation(
        "getPlace",
        "Places",
        "Show a place",
        "Where a city lies, and in which time zone.",
        &[parameter("lisbon")],
        document::answer("The place.", "Place", &find("lisbon").ok()),
        &[(404, "No such place. `nearest` lists similar names.")],
    )
}

pub(crate) fn schemas() -> Vec<(&'static str, Value)> {
    let place = object(
        "A city.",
        json!({
            "slug": { "type": "string", "description": "Its name in paths." },
            "name": { "type": "string", "description": "Its name in English." },
            "country": { "type": "string", "description": "ISO 3166-1 code of two letters." },
            "latitude": { "type": "number", "minimum": -90, "maximum": 90, "description": "Degrees, positive north." },
            "longitude": { "type": "number", "minimum": -180, "maximum": 180, "description": "Degrees, positive east." },
            "zone": { "type": "string", "description": "IANA name of its time zone." },
        }),
    );
    vec![("Place", place), ("Places", page_of("Place"))]
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn places_are_sorted_unique_and_stand_where_their_clocks_say() {
        assert!(table::PLACES.is_sorted_by(|one, next| one.slug < next.slug));
        for place in &table::PLACES {
            assert!(place.slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{place:?}");
            assert_eq!(place.country.len(), 2, "{place:?}");
            assert!(place.latitude.abs() <= 90.0 && place.longitude.abs() <= 180.0, "{place:?}");
            let offset_h = f64::from(place.time_zone().unwrap().to_offset(Timestamp::UNIX_EPOCH).seconds()) / 3600.0;
            let apart = (offset_h - place.longitude / 15.0).rem_euclid(24.0);
            assert!(!(3.0..=21.0).contains(&apart), "{place:?} is {apart} h from its zone");
        }
    }
}
