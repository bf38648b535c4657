//! The axis of counts.

/// The largest axis: far beyond any count, far enough from overflow.
const MOST: i64 = i64::MAX / 100;

/// An axis from nothing to a round number at or above the largest value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Where the axis ends.
    pub top: i64,
    /// The distance between two lines.
    pub step: i64,
}

impl Scale {
    /// An axis that holds `max`, with two to five steps of 1, 2, 2.5 or 5 times a power of ten. Never less than 4 high,
    /// so that one request is not drawn as a wall.
    #[must_use]
    pub fn holding(max: i64) -> Self {
        let max = max.clamp(4, MOST);
        let mut power: i64 = 1;
        loop {
            for quarter_steps in [4, 8, 10, 20] {
                let step = quarter_steps * power / 4;
                // 2.5 is a step only where it is whole.
                if quarter_steps * power % 4 == 0 && step * 4 >= max {
                    return Self { top: (max + step - 1) / step * step, step };
                }
            }
            power *= 10;
        }
    }

    /// The lines, from nothing to the top.
    #[must_use]
    pub fn lines(self) -> Vec<i64> {
        (0..=self.top / self.step).map(|line| line * self.step).collect()
    }

    /// How far up a value stands on an axis so many thousandths of a pixel high.
    #[must_use]
    pub const fn height(self, value: i64, height: i64) -> i64 {
        let value = if value < 0 {
            0
        } else if value > self.top {
            self.top
        } else {
            value
        };
        (value as i128 * height as i128 / self.top as i128) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number_that_holds_the_largest_value() {
        for (max, top, step) in [
            (0, 4, 1),
            (1, 4, 1),
            (4, 4, 1),
            (5, 6, 2),
            (9, 10, 5),
            (37, 40, 10),
            (41, 60, 20),
            (95, 100, 25),
            (101, 150, 50),
            (5_237, 6_000, 2_000),
            (48_213, 60_000, 20_000),
        ] {
            assert_eq!(Scale::holding(max), Scale { top, step }, "{max}");
        }
    }

    #[test]
    fn every_axis_has_two_to_five_lines_above_nothing_and_holds_its_value() {
        for max in (0..20_000).chain([MOST / 10, MOST]) {
            let scale = Scale::holding(max);
            assert!(scale.top >= max && (2..=5).contains(&(scale.top / scale.step)), "{max}: {scale:?}");
        }
    }

    #[test]
    fn heights_do_not_overflow() {
        let scale = Scale::holding(i64::MAX);
        assert!(scale.height(i64::MAX, 180_000) <= 180_000);
        assert_eq!(scale.height(-5, 180_000), 0);
    }
}
