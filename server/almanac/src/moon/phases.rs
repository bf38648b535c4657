//! When the Moon is new, half and full, and how much of it is lit: Jean Meeus, *Astronomical Algorithms*, second edition,
//! chapters 48 and 49. Phases come out within half a minute, illumination within a hundredth.

use serde::Serialize;
use solar_positioning::delta_t;

/// Julian date of the mean new moon that counts as number 0, on 6 January 2000 (49.1).
const EPOCH: f64 = 2_451_550.097_66;

/// Mean days from new moon to new moon (49.1).
const SYNODIC_MONTH: f64 = 29.530_588_861;

/// Julian date of noon on 1 January 2000.
const J2000: f64 = 2_451_545.0;

/// Lunations in a Julian century (49.3).
const LUNATIONS_PER_CENTURY: f64 = 1236.85;

const DAYS_PER_CENTURY: f64 = 36_525.0;

/// What the Moon looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PhaseName {
    NewMoon,
    WaxingCrescent,
    FirstQuarter,
    WaxingGibbous,
    FullMoon,
    WaningGibbous,
    LastQuarter,
    WaningCrescent,
}

impl PhaseName {
    /// In the order in which they follow each other.
    pub(crate) const ALL: [Self; 8] = [
        Self::NewMoon,
        Self::WaxingCrescent,
        Self::FirstQuarter,
        Self::WaxingGibbous,
        Self::FullMoon,
        Self::WaningGibbous,
        Self::LastQuarter,
        Self::WaningCrescent,
    ];
}

/// A principal phase: new moon, first quarter, full moon or last quarter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Phase {
    /// Quarters since new moon number 0.
    quarters: i32,
}

/// The last principal phase at or before a Julian date, in Universal Time.
pub(super) fn last_before(julian: f64) -> Phase {
    let mean = ((julian - EPOCH) / SYNODIC_MONTH * 4.0).floor() as i32;
    // The true phase is never more than 17 hours from the mean one, so two quarters back is always before.
    let mut phase = Phase { quarters: mean - 2 };
    while phase.next().at() <= julian {
        phase = phase.next();
    }
    phase
}

impl Phase {
    /// The one after it.
    pub(super) const fn next(self) -> Self {
        Self { quarters: self.quarters + 1 }
    }

    /// The new moon that began its lunation.
    pub(super) const fn new_moon(self) -> Self {
        Self { quarters: self.quarters - self.quarters.rem_euclid(4) }
    }

    /// Its name.
    pub(super) fn name(self) -> PhaseName {
        PhaseName::ALL[self.place()]
    }

    /// The name of the days after it.
    pub(super) fn name_after(self) -> PhaseName {
        PhaseName::ALL[self.place() + 1]
    }

    fn place(self) -> usize {
        2 * self.quarters.rem_euclid(4).unsigned_abs() as usize
    }

    /// When it happens: Julian date in Universal Time.
    pub(super) fn at(self) -> f64 {
        universal(self.in_terrestrial_time())
    }

    /// When it happens: Julian date in Terrestrial Time.
    fn in_terrestrial_time(self) -> f64 {
        let k = f64::from(self.quarters) / 4.0;
        let t = k / LUNATIONS_PER_CENTURY;
        let mean =
            EPOCH + SYNODIC_MONTH * k + polynomial(t, &[0.0, 0.0, 0.000_154_37, -0.000_000_15, 0.000_000_000_73]);
        let arguments = Arguments {
            sun: (2.5534 + 29.105_356_70 * k + polynomial(t, &[0.0, 0.0, -0.000_001_4, -0.000_000_11])).to_radians(),
            moon: (201.5643
                + 385.816_935_28 * k
                + polynomial(t, &[0.0, 0.0, 0.010_758_2, 0.000_012_38, -0.000_000_058]))
            .to_radians(),
            latitude: (160.7108
                + 390.670_502_84 * k
                + polynomial(t, &[0.0, 0.0, -0.001_611_8, -0.000_002_27, 0.000_000_011]))
            .to_radians(),
            eccentricity: polynomial(t, &[1.0, -0.002_516, -0.000_007_4]),
        };
        let node = (124.7746 - 1.563_755_88 * k + polynomial(t, &[0.0, 0.0, 0.002_067_2, 0.000_002_15])).to_radians();
        let corrections = match self.quarters.rem_euclid(4) {
            0 => arguments.sum(&NEW_MOON) - 0.000_17 * node.sin(),
            2 => arguments.sum(&FULL_MOON) - 0.000_17 * node.sin(),
            1 => arguments.sum(&QUARTER) - 0.000_17 * node.sin() + arguments.quarter_shift(),
            _ => arguments.sum(&QUARTER) - 0.000_17 * node.sin() - arguments.quarter_shift(),
        };
        mean + corrections + planets(k, t)
    }
}

/// Angles on which a phase depends, in radians.
struct Arguments {
    /// M: mean anomaly of the Sun.
    sun: f64,
    /// M′: mean anomaly of the Moon.
    moon: f64,
    /// F: argument of latitude of the Moon.
    latitude: f64,
    /// E: how the eccentricity of the Earth's orbit has changed since 2000.
    eccentricity: f64,
}

impl Arguments {
    fn sum(&self, terms: &[Term]) -> f64 {
        terms
            .iter()
            .map(|&(days, sun, moon, latitude)| {
                let angle =
                    f64::from(sun) * self.sun + f64::from(moon) * self.moon + f64::from(latitude) * self.latitude;
                days * self.eccentricity.powi(i32::from(sun).abs()) * angle.sin()
            })
            .sum()
    }

    /// W: by how much a first quarter comes later and a last quarter earlier.
    fn quarter_shift(&self) -> f64 {
        0.003_06 - 0.000_38 * self.eccentricity * self.sun.cos() + 0.000_26 * self.moon.cos()
            - 0.000_02 * (self.moon - self.sun).cos()
            + 0.000_02 * (self.moon + self.sun).cos()
            + 0.000_02 * (2.0 * self.latitude).cos()
    }
}

/// Amplitude in days, and the multiples of M, M′ and F whose sine it goes with.
type Term = (f64, i8, i8, i8);

const NEW_MOON: [Term; 24] = [
    (-0.407_20, 0, 1, 0),
    (0.172_41, 1, 0, 0),
    (0.016_08, 0, 2, 0),
    (0.010_39, 0, 0, 2),
    (0.007_39, -1, 1, 0),
    (-0.005_14, 1, 1, 0),
    (0.002_08, 2, 0, 0),
    (-0.001_11, 0, 1, -2),
    (-0.000_57, 0, 1, 2),
    (0.000_56, 1, 2, 0),
    (-0.000_42, 0, 3, 0),
    (0.000_42, 1, 0, 2),
    (0.000_38, 1, 0, -2),
    (-0.000_24, -1, 2, 0),
    (-0.000_07, 2, 1, 0),
    (0.000_04, 0, 2, -2),
    (0.000_04, 3, 0, 0),
    (0.000_03, 1, 1, -2),
    (0.000_03, 0, 2, 2),
    (-0.000_03, 1, 1, 2),
    (0.000_03, -1, 1, 2),
    (-0.000_02, -1, 1, -2),
    (-0.000_02, 1, 3, 0),
    (0.000_02, 0, 4, 0),
];

const FULL_MOON: [Term; 24] = [
    (-0.406_14, 0, 1, 0),
    (0.173_02, 1, 0, 0),
    (0.016_14, 0, 2, 0),
    (0.010_43, 0, 0, 2),
    (0.007_34, -1, 1, 0),
    (-0.005_15, 1, 1, 0),
    (0.002_09, 2, 0, 0),
    (-0.001_11, 0, 1, -2),
    (-0.000_57, 0, 1, 2),
    (0.000_56, 1, 2, 0),
    (-0.000_42, 0, 3, 0),
    (0.000_42, 1, 0, 2),
    (0.000_38, 1, 0, -2),
    (-0.000_24, -1, 2, 0),
    (-0.000_07, 2, 1, 0),
    (0.000_04, 0, 2, -2),
    (0.000_04, 3, 0, 0),
    (0.000_03, 1, 1, -2),
    (0.000_03, 0, 2, 2),
    (-0.000_03, 1, 1, 2),
    (0.000_03, -1, 1, 2),
    (-0.000_02, -1, 1, -2),
    (-0.000_02, 1, 3, 0),
    (0.000_02, 0, 4, 0),
];

const QUARTER: [Term; 24] = [
    (-0.628_01, 0, 1, 0),
    (0.171_72, 1, 0, 0),
    (-0.011_83, 1, 1, 0),
    (0.008_62, 0, 2, 0),
    (0.008_04, 0, 0, 2),
    (0.004_54, -1, 1, 0),
    (0.002_04, 2, 0, 0),
    (-0.001_80, 0, 1, -2),
    (-0.000_70, 0, 1, 2),
    (-0.000_40, 0, 3, 0),
    (-0.000_34, -1, 2, 0),
    (0.000_32, 1, 0, 2),
    (0.000_32, 1, 0, -2),
    (-0.000_28, 2, 1, 0),
    (0.000_27, 1, 2, 0),
    (-0.000_05, -1, 1, -2),
    (0.000_04, 0, 2, 2),
    (-0.000_04, 1, 1, 2),
    (0.000_04, -2, 1, 0),
    (0.000_03, 1, 1, -2),
    (0.000_03, 3, 0, 0),
    (0.000_02, 0, 2, -2),
    (0.000_02, -1, 1, 2),
    (-0.000_02, 1, 3, 0),
];

/// What the planets add, in days: amplitude in millionths of a day, phase and rate per lunation in degrees.
const PLANETS: [(f64, f64, f64); 14] = [
    (325.0, 299.77, 0.107_408),
    (165.0, 251.88, 0.016_321),
    (164.0, 251.83, 26.651_886),
    (126.0, 349.42, 36.412_478),
    (110.0, 84.66, 18.206_239),
    (62.0, 141.74, 53.303_771),
    (60.0, 207.14, 2.453_732),
    (56.0, 154.84, 7.306_860),
    (47.0, 34.52, 27.261_239),
    (42.0, 207.19, 0.121_824),
    (40.0, 291.34, 1.844_379),
    (37.0, 161.72, 24.198_154),
    (35.0, 239.56, 25.513_099),
    (23.0, 331.55, 3.592_518),
];

fn planets(k: f64, t: f64) -> f64 {
    let sum: f64 = PLANETS
        .iter()
        .enumerate()
        .map(|(place, (amplitude, phase, rate))| {
            let drift = if place == 0 { -0.009_173 * t * t } else { 0.0 };
            amplitude * (phase + rate * k + drift).to_radians().sin()
        })
        .sum();
    sum / 1_000_000.0
}

/// The share of the disc that is lit, 0 to 1, at a Julian date in Universal Time (48.1, 48.4).
pub(super) fn illumination(julian: f64) -> f64 {
    let t = (terrestrial(julian) - J2000) / DAYS_PER_CENTURY;
    let elongation =
        polynomial(t, &[297.850_192_1, 445_267.111_403_4, -0.001_881_9, 1.0 / 545_868.0, -1.0 / 113_065_000.0])
            .to_radians();
    let sun = polynomial(t, &[357.529_109_2, 35_999.050_290_9, -0.000_153_6, 1.0 / 24_490_000.0]).to_radians();
    let moon = polynomial(t, &[134.963_396_4, 477_198.867_505_5, 0.008_741_4, 1.0 / 69_699.0, -1.0 / 14_712_000.0])
        .to_radians();
    let phase_angle = 180.0 - elongation.to_degrees() - 6.289 * moon.sin() + 2.100 * sun.sin()
        - 1.274 * (2.0 * elongation - moon).sin()
        - 0.658 * (2.0 * elongation).sin()
        - 0.214 * (2.0 * moon).sin()
        - 0.110 * elongation.sin();
    f64::midpoint(1.0, phase_angle.to_radians().cos())
}

fn universal(terrestrial: f64) -> f64 {
    terrestrial - seconds_ahead(terrestrial) / 86_400.0
}

fn terrestrial(universal: f64) -> f64 {
    universal + seconds_ahead(universal) / 86_400.0
}

/// Terrestrial Time minus Universal Time.
fn seconds_ahead(julian: f64) -> f64 {
    // Fails only for years before −500 and after 3000, which no date here reaches.
    delta_t::estimate(2000.0 + (julian - J2000) / 365.25).unwrap_or_default()
}

/// Coefficients from the constant upwards.
fn polynomial(x: f64, coefficients: &[f64]) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::dates::{julian, minute_of, rfc3339};

    #[test]
    fn phases_are_those_of_the_book() {
        // Examples 49.a and 49.b, in Terrestrial Time; half a second is 0.000006 of a day.
        for (quarters, published) in [(-283 * 4, 2_443_192.651_18), (544 * 4 + 3, 2_467_636.491_86)] {
            let computed = Phase { quarters }.in_terrestrial_time();
            assert!((computed - published).abs() < 0.000_006, "{computed} instead of {published}");
        }
    }

    #[test]
    fn illumination_is_that_of_the_book() {
        // Example 48.a: 12 April 1992 at 0 h Terrestrial Time.
        assert!((illumination(universal(2_448_724.5)) - 0.680).abs() < 0.001);
    }

    /// As almanacs publish them, in Universal Time; almanacs differ by a minute.
    const NEW_AND_FULL_MOONS_OF_2026: [&str; 25] = [
        "2026-01-03T10:03",
        "2026-01-18T19:52",
        "2026-02-01T22:09",
        "2026-02-17T12:01",
        "2026-03-03T11:38",
        "2026-03-19T01:23",
        "2026-04-02T02:12",
        "2026-04-17T11:52",
        "2026-05-01T17:23",
        "2026-05-16T20:01",
        "2026-05-31T08:45",
        "2026-06-15T02:54",
        "2026-06-29T23:57",
        "2026-07-14T09:44",
        "2026-07-29T14:36",
        "2026-08-12T17:37",
        "2026-08-28T04:18",
        "2026-09-11T03:27",
        "2026-09-26T16:49",
        "2026-10-10T15:50",
        "2026-10-26T04:12",
        "2026-11-09T07:02",
        "2026-11-24T14:53",
        "2026-12-09T00:52",
        "2026-12-24T01:28",
    ];

    #[test]
    fn the_new_and_full_moons_of_2026_are_the_published_ones() {
        let mut phase = last_before(julian("2026-01-01T00:00Z".parse().unwrap()));
        for published in NEW_AND_FULL_MOONS_OF_2026 {
            phase = phase.next();
            if phase.quarters % 2 != 0 {
                phase = phase.next();
            }
            let apart = (phase.at() - julian(format!("{published}Z").parse().unwrap())).abs() * 1440.0;
            assert!(apart <= 1.0, "{} instead of {published}", rfc3339(minute_of(phase.at()), &TimeZone::UTC));
        }
    }

    #[test]
    fn the_quarters_of_2019_are_the_published_ones() {
        // From the table of celnav.nl, in Universal Time.
        for published in ["2019-01-14T06:45", "2019-01-27T21:10", "2019-05-12T01:12", "2019-12-19T04:57"] {
            let at = julian(format!("{published}Z").parse().unwrap());
            let phase = last_before(at + 0.5);
            assert!((phase.at() - at).abs() * 1440.0 <= 1.0, "{published}");
        }
    }
}
