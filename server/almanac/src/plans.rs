//! Plans: what the sky does at a place on each of several days.

use std::collections::BTreeMap;

use axum::Json;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::dates::{self, rfc3339};
use crate::document::{self, object, reference, time, time_or_null};
use crate::problem::{FieldProblem, JsonBody, Problem, did_you_mean, nearest, shown};
use crate::{moon, places, sun};

/// The longest month.
const DAYS_MAX: i32 = 31;

/// What a plan may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Want {
    Sunrise,
    Sunset,
    GoldenHour,
    MoonPhase,
}

impl Want {
    const ALL: [(&'static str, Self); 4] = [
        ("sunrise", Self::Sunrise),
        ("sunset", Self::Sunset),
        ("golden_hour", Self::GoldenHour),
        ("moon_phase", Self::MoonPhase),
    ];

    fn words() -> impl Iterator<Item = &'static str> {
        Self::ALL.iter().map(|(word, _)| *word)
    }
}

/// The body.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPlan {
    place: String,
    from: String,
    to: String,
    want: Vec<String>,
}

/// The answer.
#[derive(Debug, Serialize)]
pub(crate) struct Plan {
    place: &'static str,
    zone: &'static str,
    days: Vec<PlannedDay>,
}

/// One day of it: what was wanted, and nothing else.
#[derive(Debug, Serialize)]
struct PlannedDay {
    date: String,
    #[serde(flatten)]
    wanted: BTreeMap<Want, Value>,
}

/// A body of which every member was understood.
struct Understood {
    place: &'static places::Place,
    from: Date,
    days: i32,
    want: Vec<Want>,
}

pub(crate) async fn create(JsonBody(new): JsonBody<NewPlan>) -> Result<Json<Plan>, Problem> {
    plan(&new).map(Json)
}

fn plan(new: &NewPlan) -> Result<Plan, Problem> {
    let Understood { place, from, days, want } = understand(new)?;
    let zone = place.time_zone()?;
    let days = from.series(jiff::Span::new().days(1)).take(days.unsigned_abs() as usize);
    let days = days.map(|date| planned_day(place, &zone, date, &want)).collect::<Result<_, _>>()?;
    Ok(Plan { place: place.slug, zone: place.zone, days })
}

fn planned_day(place: &places::Place, zone: &TimeZone, date: Date, want: &[Want]) -> Result<PlannedDay, Problem> {
    let day = sun::day(place, date)?;
    let at = |moment| rfc3339(moment, zone);
    let value = |want: &Want| match want {
        Want::Sunrise => json!(day.sunrise.map(at)),
        Want::Sunset => json!(day.sunset.map(at)),
        Want::GoldenHour => {
            day.golden_hours.iter().map(|&(from, to)| json!({ "from": at(from), "to": at(to) })).collect()
        }
        Want::MoonPhase => {
            let moon = moon::on(date);
            json!({ "phase": moon.phase, "illumination": moon.illumination })
        }
    };
    Ok(PlannedDay { date: date.to_string(), wanted: want.iter().map(|want| (*want, value(want))).collect() })
}

/// Reads every member, so that all that is wrong is said at once.
fn understand(new: &NewPlan) -> Result<Understood, Problem> {
    let mut problems = Vec::new();
    let mut refuse = |field: &str, detail: String| problems.push(FieldProblem { field: field.to_owned(), detail });

    let place = places::find(&new.place);
    if place.is_err() {
        let hint = did_you_mean(&nearest(&new.place, places::slugs()));
        let hint = hint.unwrap_or_else(|| "`GET /v1/places` lists all of them.".to_owned());
        refuse("place", format!("There is no place `{}`. {hint}", shown(&new.place)));
    }
    let [from, to] = [("from", &new.from), ("to", &new.to)]
        .map(|(field, text)| dates::parse(text).map_err(|detail| refuse(field, detail)).ok());
    let mut days = 0;
    if let (Some(from), Some(to)) = (from, to) {
        // Both lie between 1973 and 2100, so their distance is some ten thousand days.
        days = from.until(to).map_or(0, |span| span.get_days()) + 1;
        if days < 1 {
            refuse("to", "Choose a day that is not before `from`.".to_owned());
        } else if days > DAYS_MAX {
            refuse("to", format!("Choose at most {DAYS_MAX} days; these are {days}."));
        }
    }
    let mut want = Vec::new();
    for (place, word) in new.want.iter().enumerate().take(Want::ALL.len() + 1) {
        match Want::ALL.iter().find(|(known, _)| known == word) {
            Some((_, known)) => want.push(*known),
            None => {
                let words: Vec<&str> = Want::words().collect();
                refuse(&format!("want[{place}]"), format!("`{}` is not one of {}.", shown(word), words.join(", ")));
            }
        }
    }
    if !(1..=Want::ALL.len()).contains(&new.want.len()) {
        refuse("want", format!("Name one to {} of {}.", Want::ALL.len(), Want::words().collect::<Vec<_>>().join(", ")));
    }
    match (place, from) {
        (Ok(place), Some(from)) if problems.is_empty() => Ok(Understood { place, from, days, want }),
        _ => Err(Problem::fields(problems)),
    }
}

/// The body of the example.
fn example() -> NewPlan {
    NewPlan {
        place: "lisbon".to_owned(),
        from: "2026-06-20".to_owned(),
        to: "2026-06-21".to_owned(),
        want: Want::words().map(str::to_owned).collect(),
    }
}

pub(crate) fn operation() -> Value {
    let body = example();
    let mut operation = document::operation(
        "createPlan",
        "Sky",
        "Plan several days",
        "What the sky does at a place on each of up to 31 days: when the Sun rises and sets, when the light is golden, and \
         how the Moon looks. Nothing is stored; the answer is the plan.",
        &[],
        document::answer("The plan.", "Plan", &plan(&body).ok()),
        &[
            (400, "The body is not valid JSON."),
            (413, "The body is larger than 16 kB."),
            (415, "The body is not of type `application/json`."),
            (422, "The body is JSON, but cannot be planned. `fields` lists what to correct."),
        ],
    );
    let example = json!({ "place": body.place, "from": body.from, "to": body.to, "want": body.want });
    operation["requestBody"] = json!({
        "required": true,
        "description": "Where, when and what.",
        "content": { "application/json": { "schema": reference("NewPlan"), "example": example } },
    });
    operation
}

pub(crate) fn schemas() -> Vec<(&'static str, Value)> {
    let date = |description| json!({ "type": "string", "format": "date", "description": description });
    let new_plan = object(
        "What to plan.",
        json!({
            "place": { "type": "string", "description": "Slug of the place." },
            "from": date("The first day."),
            "to": date("The last day, at most 30 days after the first."),
            "want": {
                "type": "array", "minItems": 1, "maxItems": Want::ALL.len(),
                "items": { "enum": Want::words().collect::<Vec<_>>() },
                "description": "What each day shall hold.",
            },
        }),
    );
    let plan = object(
        "What the sky does on each day.",
        json!({
            "place": { "type": "string", "description": "Slug of the place." },
            "zone": { "type": "string", "description": "IANA name of the zone of all times." },
            "days": { "type": "array", "items": reference("PlannedDay"), "description": "One for each day, in order." },
        }),
    );
    let mut day = object(
        "A day, with what was wanted.",
        json!({
            "date": date("The day."),
            "sunrise": time_or_null("When the Sun rises; null when it does not."),
            "sunset": time_or_null("When the Sun sets; null when it does not."),
            "golden_hour": {
                "type": "array",
                "description": "While the Sun stands between 4° below and 6° above the horizon.",
                "items": object("From and to.", json!({ "from": time("When it begins."), "to": time("When it ends.") })),
            },
            "moon_phase": object(
                "How the Moon looks.",
                json!({ "phase": reference("MoonPhase"), "illumination": moon::illumination_schema() }),
            ),
        }),
    );
    day["required"] = json!(["date"]);
    vec![("NewPlan", new_plan), ("Plan", plan), ("PlannedDay", day)]
}
