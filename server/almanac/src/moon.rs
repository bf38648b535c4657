//! The Moon on a day: its phase, how much of it is lit, and its age.
//!
//! A day carries the name of a principal phase only if the phase falls on it, in Universal Time; the days between carry
//! the names between. Illumination and age are those of noon.

mod phases;

use axum::Json;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Value, json};

use crate::dates::{self, minute_of, rfc3339};
use crate::document::{self, object, path_parameter, reference, time};
use crate::problem::{Path, Problem};

pub(crate) use phases::PhaseName;

/// The Moon on a day.
#[derive(Debug, Serialize)]
pub(crate) struct Moon {
    date: String,
    at: String,
    pub(crate) phase: PhaseName,
    pub(crate) illumination: f64,
    age_days: f64,
    next_phases: Vec<NextPhase>,
}

/// A principal phase to come.
#[derive(Debug, Serialize)]
struct NextPhase {
    phase: PhaseName,
    at: String,
}

/// Computes the Moon of a day.
pub(crate) fn on(date: Date) -> Moon {
    let midnight = dates::start_of(date, &TimeZone::UTC).map(|start| start.timestamp()).unwrap_or_default();
    let start = dates::julian(midnight);
    let noon = start + 0.5;
    let before = phases::last_before(noon);
    let on_this_day = [before, before.next()].into_iter().find(|phase| (start..start + 1.0).contains(&phase.at()));
    let utc = |julian| rfc3339(minute_of(julian), &TimeZone::UTC);
    let next = std::iter::successors(Some(before.next()), |phase| Some(phase.next())).take(4);
    Moon {
        date: date.to_string(),
        at: utc(noon),
        phase: on_this_day.map_or_else(|| before.name_after(), phases::Phase::name),
        illumination: round(phases::illumination(noon), 100.0),
        age_days: round(noon - before.new_moon().at(), 10.0),
        next_phases: next.map(|phase| NextPhase { phase: phase.name(), at: utc(phase.at()) }).collect(),
    }
}

fn round(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}

pub(crate) async fn show(Path(date): Path<String>) -> Result<Json<Moon>, Problem> {
    dates::parse(&date).map(|date| Json(on(date))).map_err(|detail| Problem::parameter("invalid_date", detail))
}

pub(crate) fn operation() -> Value {
    document::operation(
        "getMoon",
        "Sky",
        "Phase of the Moon",
        "How the Moon looks on a day: its phase, how much of its disc is lit, and the days since new moon. The phase is \
         the same everywhere on Earth, so no place is needed.",
        &[path_parameter(
            "date",
            "The day, in Universal Time.",
            json!({ "type": "string", "format": "date" }),
            &json!(document::EXAMPLE_DATE),
        )],
        document::answer("The Moon on that day.", "Moon", &dates::parse(document::EXAMPLE_DATE).ok().map(on)),
        &[(400, "The date cannot be used.")],
    )
}

/// The schema of a share of the disc.
pub(crate) fn illumination_schema() -> Value {
    json!({
        "type": "number", "minimum": 0, "maximum": 1,
        "description": "Share of the disc that is lit at noon, Universal Time.",
    })
}

pub(crate) fn schemas() -> Vec<(&'static str, Value)> {
    let name = json!({ "enum": PhaseName::ALL, "description": "Name of a phase." });
    let next = object(
        "A principal phase to come.",
        json!({ "phase": reference("MoonPhase"), "at": time("When it comes, in Universal Time.") }),
    );
    let moon = object(
        "The Moon on a day.",
        json!({
            "date": { "type": "string", "format": "date", "description": "The day." },
            "at": time("Noon of that day, to which illumination and age belong."),
            "phase": reference("MoonPhase"),
            "illumination": illumination_schema(),
            "age_days": { "type": "number", "minimum": 0, "description": "Days since the last new moon." },
            "next_phases": {
                "type": "array", "minItems": 4, "maxItems": 4, "items": next,
                "description": "The principal phases after noon, the next one first.",
            },
        }),
    );
    vec![("Moon", moon), ("MoonPhase", name)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_carry_the_names_of_their_phases() {
        for (date, phase) in [
            ("2026-01-03", PhaseName::FullMoon),
            ("2026-01-04", PhaseName::WaningGibbous),
            ("2026-01-10", PhaseName::LastQuarter),
            ("2026-01-17", PhaseName::WaningCrescent),
            ("2026-01-18", PhaseName::NewMoon),
            ("2026-01-19", PhaseName::WaxingCrescent),
            ("2026-01-26", PhaseName::FirstQuarter),
            ("2026-01-27", PhaseName::WaxingGibbous),
            ("2026-08-12", PhaseName::NewMoon),
            ("2026-11-24", PhaseName::FullMoon),
        ] {
            assert_eq!(on(date.parse().unwrap()).phase, phase, "{date}");
        }
    }

    #[test]
    fn what_is_lit_agrees_with_the_name_of_the_phase() {
        let mut date: Date = "2026-01-01".parse().unwrap();
        while date.year() == 2026 {
            let moon = on(date);
            let expected = match moon.phase {
                PhaseName::NewMoon => 0.0..=0.02,
                PhaseName::WaxingCrescent | PhaseName::WaningCrescent => 0.0..=0.56,
                PhaseName::FirstQuarter | PhaseName::LastQuarter => 0.43..=0.57,
                PhaseName::WaxingGibbous | PhaseName::WaningGibbous => 0.44..=1.0,
                PhaseName::FullMoon => 0.98..=1.0,
            };
            assert!(expected.contains(&moon.illumination), "{moon:?}");
            assert!((0.0..29.9).contains(&moon.age_days), "{moon:?}");
            date = date.tomorrow().unwrap();
        }
    }
}
