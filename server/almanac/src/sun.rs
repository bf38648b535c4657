//! The Sun over a place: sunrise, solar noon, sunset, and the golden hours.
//!
//! - A day is what surrounds its solar noon: near the poles the Sun may set after midnight, and that sunset belongs to the
//!   day before.
//! - Where the Sun stays up or stays down, the answer says so and names no time.
//! - Positions come from the SPA algorithm (Reda and Andreas, 2004).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use solar_positioning::{Events, Horizon, HorizonState, Location, SolarEvents, delta_t};

use crate::dates::{self, minute_of, rfc3339};
use crate::document::{self, object, time, time_or_null};
use crate::places::{self, Place};
use crate::problem::{Path, Problem, Query};
use crate::{Clock, zones};

/// Elevations between which photographers call the light golden, in degrees.
const GOLDEN: (f64, f64) = (-4.0, 6.0);

/// What the Sun does in a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Daylight {
    /// It rises, or sets, or both.
    RisesAndSets,
    /// It stays up.
    PolarDay,
    /// It stays down.
    PolarNight,
}

/// One day at one place.
#[derive(Debug)]
pub(crate) struct Day {
    pub daylight: Daylight,
    pub sunrise: Option<Timestamp>,
    pub solar_noon: Timestamp,
    pub sunset: Option<Timestamp>,
    /// Whole minutes between the two.
    pub length_min: i64,
    /// From and to, in order.
    pub golden_hours: Vec<(Timestamp, Timestamp)>,
}

/// Computes a day.
pub(crate) fn day(place: &Place, date: Date) -> Result<Day, Problem> {
    let (start, end) = dates::span_of(date, &place.time_zone()?).ok_or_else(|| zones::no_such_day(date, place.zone))?;
    let sky = Sky {
        location: Location { latitude: place.latitude, longitude: place.longitude },
        delta_t: delta_t::estimate_from_date(date.year().into(), date.month().unsigned_abs().into())?,
    };
    let noon = *sky.events(start, end, Horizon::SunriseSunset)?.transits.first().ok_or_else(not_computed)?;
    let around = |horizon| sky.events(noon - 0.5, noon + 0.5, horizon);

    let horizon = around(Horizon::SunriseSunset)?;
    let rise = horizon.rises.iter().copied().rfind(|rise| *rise < noon).map(minute_of);
    let set = horizon.sets.iter().copied().find(|set| *set > noon).map(minute_of);
    let daylight = match (rise, set) {
        (None, None) if horizon.always_above() => Daylight::PolarDay,
        (None, None) => Daylight::PolarNight,
        _ => Daylight::RisesAndSets,
    };
    let length_min = match daylight {
        Daylight::PolarDay => 24 * 60,
        Daylight::PolarNight => 0,
        Daylight::RisesAndSets => {
            let from = rise.unwrap_or_else(|| minute_of(horizon.start));
            let to = set.unwrap_or_else(|| minute_of(horizon.end));
            (to.as_second() - from.as_second()) / 60
        }
    };
    let (low, high) = (around(Horizon::Custom(GOLDEN.0))?, around(Horizon::Custom(GOLDEN.1))?);
    let golden_hours =
        without(&above(&low), &above(&high)).into_iter().map(|(from, to)| (minute_of(from), minute_of(to))).collect();
    Ok(Day { daylight, sunrise: rise, solar_noon: minute_of(noon), sunset: set, length_min, golden_hours })
}

/// The sky over a place, about a date.
struct Sky {
    location: Location,
    /// How far Terrestrial Time is ahead of the Earth's rotation, in seconds.
    delta_t: f64,
}

impl Sky {
    fn events(&self, from: f64, to: f64, horizon: Horizon) -> Result<Events<f64>, Problem> {
        Ok(SolarEvents::new().for_interval_from_julian(from, to, self.location, self.delta_t, horizon)?)
    }
}

impl From<solar_positioning::Error> for Problem {
    fn from(_: solar_positioning::Error) -> Self {
        not_computed()
    }
}

fn not_computed() -> Problem {
    let detail = "This day could not be computed. Try another date or another place.";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "not_computed", detail)
}

/// When the Sun stands above the horizon of these events: from and to, in order.
fn above(events: &Events<f64>) -> Vec<(f64, f64)> {
    let up_at_start = events.state_at_start == HorizonState::Above;
    let rises = up_at_start.then_some(events.start).into_iter().chain(events.rises.iter().copied());
    let sets = events.sets.iter().copied().chain([events.end]);
    rises.zip(sets).filter(|(rise, set)| rise < set).collect()
}

/// The outer times without the inner ones, each of which lies within an outer one.
fn without(outer: &[(f64, f64)], inner: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut rest = Vec::new();
    for &(from, to) in outer {
        let within = inner.iter().filter(|(start, end)| from <= *start && *end <= to);
        let starts = [from].into_iter().chain(within.clone().map(|(_, end)| *end));
        let ends = within.clone().map(|(start, _)| *start).chain([to]);
        rest.extend(starts.zip(ends).filter(|(start, end)| start < end));
    }
    rest
}

/// The answer.
#[derive(Debug, Serialize)]
pub(crate) struct Sun {
    place: &'static str,
    date: String,
    zone: &'static str,
    daylight: Daylight,
    sunrise: Option<String>,
    solar_noon: String,
    sunset: Option<String>,
    day_length_min: i64,
}

/// What may stand in the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DateQuery {
    date: Option<String>,
}

pub(crate) async fn show(
    State(clock): State<Clock>,
    Path(slug): Path<String>,
    Query(query): Query<DateQuery>,
) -> Result<Json<Sun>, Problem> {
    let place = places::find(&slug)?;
    let date = dates::parse_or_today(query.date.as_deref(), &place.time_zone()?, clock())?;
    describe(place, date).map(Json)
}

fn describe(place: &'static Place, date: Date) -> Result<Sun, Problem> {
    let (zone, day) = (place.time_zone()?, day(place, date)?);
    Ok(Sun {
        place: place.slug,
        date: date.to_string(),
        zone: place.zone,
        daylight: day.daylight,
        sunrise: day.sunrise.map(|at| rfc3339(at, &zone)),
        solar_noon: rfc3339(day.solar_noon, &zone),
        sunset: day.sunset.map(|at| rfc3339(at, &zone)),
        day_length_min: day.length_min,
    })
}

pub(crate) fn operation() -> Value {
    let example = dates::parse(document::EXAMPLE_DATE).ok().zip(places::find("lisbon").ok());
    document::operation(
        "getSun",
        "Sky",
        "Sunrise and sunset",
        "When the Sun rises, culminates and sets at a place, with the upper limb at a level horizon and usual refraction. \
         Near the poles the Sun may stay up or down; `daylight` says so, and the times are null.",
        &[
            places::parameter("lisbon"),
            document::date_parameter("The day, in the calendar of the place. Without it: today."),
        ],
        document::answer("The Sun on that day.", "Sun", &example.and_then(|(date, place)| describe(place, date).ok())),
        &[(400, "The date cannot be used."), (404, "No such place. `nearest` lists similar names.")],
    )
}

pub(crate) fn schemas() -> Vec<(&'static str, Value)> {
    let sun = object(
        "The Sun over a place on a day.",
        json!({
            "place": { "type": "string", "description": "Slug of the place." },
            "date": { "type": "string", "format": "date", "description": "The day." },
            "zone": { "type": "string", "description": "IANA name of the zone of all times." },
            "daylight": {
                "enum": ["rises_and_sets", "polar_day", "polar_night"],
                "description": "What the Sun does: it rises or sets, it stays up, or it stays down.",
            },
            "sunrise": time_or_null("When it rises; null when it does not."),
            "solar_noon": time("When it crosses the meridian."),
            "sunset": time_or_null("When it sets, near the poles perhaps after midnight; null when it does not."),
            "day_length_min": {
                "type": "integer", "minimum": 0, "maximum": 1440,
                "description": "How long it is up around this noon, in minutes.",
            },
        }),
    );
    vec![("Sun", sun)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sunrise, sunset and length of the day, as local clocks show them.
    fn published(slug: &str, date: &str) -> (Option<String>, Option<String>, i64) {
        let place = places::find(slug).unwrap();
        let zone = place.time_zone().unwrap();
        let day = day(place, date.parse().unwrap()).unwrap();
        let clock = |at: Timestamp| zone.to_datetime(at).strftime("%H:%M").to_string();
        (day.sunrise.map(clock), day.sunset.map(clock), day.length_min)
    }

    fn minutes(clock: &str) -> i64 {
        let (hours, minutes) = clock.split_once(':').unwrap();
        hours.parse::<i64>().unwrap() * 60 + minutes.parse::<i64>().unwrap()
    }

    #[test]
    fn sunrise_and_sunset_are_the_published_ones() {
        // As printed for these days; most stand in Wikipedia's table of December solstices, taken from the Finnish
        // Meteorological Institute. Printed tables round differently and measure from other spots of each city: two
        // minutes are allowed.
        for (slug, date, sunrise, sunset) in [
            ("lisbon", "2015-12-22", "07:51", "17:18"),
            ("london", "2015-12-22", "08:04", "15:53"),
            ("madrid", "2015-12-22", "08:34", "17:51"),
            ("cairo", "2015-12-22", "06:47", "16:59"),
            ("rome", "2015-12-22", "07:34", "16:42"),
            ("sydney", "2015-12-22", "05:41", "20:05"),
            ("reykjavik", "2022-12-21", "11:21", "15:29"),
            ("helsinki", "2022-12-21", "09:23", "15:12"),
            ("reykjavik", "2026-06-21", "02:55", "00:03"),
        ] {
            let (rise, set, _) = published(slug, date);
            for (computed, published) in [(rise.unwrap(), sunrise), (set.unwrap(), sunset)] {
                let apart = (minutes(&computed) - minutes(published)).abs();
                assert!(apart <= 2, "{slug} {date}: {computed} instead of {published}");
            }
        }
    }

    #[test]
    fn days_at_the_equator_last_twelve_hours_and_a_few_minutes() {
        for date in ["2026-03-20", "2026-06-21", "2026-09-23", "2026-12-21"] {
            let (_, _, length) = published("quito", date);
            assert!((12 * 60 + 5..=12 * 60 + 9).contains(&length), "{date}: {length}");
        }
    }

    #[test]
    fn where_the_sun_stays_down_or_up_the_answer_says_so() {
        for (slug, date, daylight, length) in [
            ("tromso", "2026-12-21", Daylight::PolarNight, 0),
            ("tromso", "2026-06-21", Daylight::PolarDay, 1440),
            ("longyearbyen", "2026-11-21", Daylight::PolarNight, 0),
            ("longyearbyen", "2026-05-01", Daylight::PolarDay, 1440),
        ] {
            let day = day(places::find(slug).unwrap(), date.parse().unwrap()).unwrap();
            assert_eq!((day.daylight, day.length_min), (daylight, length), "{slug} {date}");
            assert_eq!((day.sunrise, day.sunset), (None, None));
        }
    }

    #[test]
    fn daylight_grows_and_shrinks_without_jumps_through_a_polar_year() {
        let place = places::find("tromso").unwrap();
        let mut date: Date = "2026-01-01".parse().unwrap();
        let mut before = day(place, date).unwrap().length_min;
        while date.year() == 2026 {
            date = date.tomorrow().unwrap();
            let length = day(place, date).unwrap().length_min;
            // The first and the last day of the polar day differ most: about an hour and a half.
            assert!((length - before).abs() < 150, "{date}: {before} then {length}");
            before = length;
        }
    }

    #[test]
    fn golden_hours_touch_sunrise_and_sunset() {
        let day = day(places::find("lisbon").unwrap(), "2026-03-20".parse().unwrap()).unwrap();
        let [morning, evening] = day.golden_hours[..] else { panic!("{day:?}") };
        let (sunrise, sunset) = (day.sunrise.unwrap(), day.sunset.unwrap());
        assert!(morning.0 < sunrise && sunrise < morning.1 && morning.1 < day.solar_noon);
        assert!(day.solar_noon < evening.0 && evening.0 < sunset && sunset < evening.1);
    }

    #[test]
    fn light_that_is_golden_all_day_is_one_golden_hour() {
        let day = day(places::find("tromso").unwrap(), "2026-12-21".parse().unwrap()).unwrap();
        assert_eq!(day.golden_hours.len(), 1, "{day:?}");
    }

    #[test]
    fn a_day_that_a_place_skipped_is_refused() {
        assert!(day(places::find("apia").unwrap(), "2011-12-30".parse().unwrap()).is_err());
        assert!(day(places::find("apia").unwrap(), "2011-12-31".parse().unwrap()).is_ok());
    }
}
