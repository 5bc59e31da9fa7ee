//! The range of a feature's training values, and how far beyond it a number is.

use serde::{Deserialize, Serialize};

/// Least and largest training value, both finite, and so is their distance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "(f64, f64)", into = "(f64, f64)")]
pub(super) struct Range {
    low: f64,
    high: f64,
}

impl Range {
    /// `None` if the ends are no range, or too far from each other to say how far.
    pub(super) fn new(low: f64, high: f64) -> Option<Self> {
        (low <= high && (high - low).is_finite()).then_some(Self { low, high })
    }

    /// The nearest number within the range.
    pub(super) fn nearest(self, x: f64) -> f64 {
        x.clamp(self.low, self.high)
    }

    /// ln(1 + distance / width); 0 within the range. What has been constant is as wide as it is large, or
    /// as 1 if it is 0.
    ///
    /// With it a number's surprise is that of a tail with density falling as 1 / distance^2: of the numbers
    /// beyond the range, as many as one in 1 + d are further away than d widths. Logs' sizes, counts and
    /// durations have such tails, and a new largest number that is a little larger is no news.
    pub(super) fn beyond(self, x: f64) -> f32 {
        let distance = (self.low - x).max(x - self.high).max(0.0);
        libm::log1p((distance / self.width()).min(f64::MAX)) as f32
    }

    /// Above 0.
    pub(super) fn width(self) -> f64 {
        match (self.high - self.low, self.high.abs()) {
            (0.0, 0.0) => 1.0,
            (0.0, size) => size,
            (width, _) => width,
        }
    }

    pub(super) fn ends(self) -> (f64, f64) {
        (self.low, self.high)
    }
}

impl TryFrom<(f64, f64)> for Range {
    type Error = &'static str;

    fn try_from((low, high): (f64, f64)) -> Result<Self, Self::Error> {
        Self::new(low, high).ok_or("a range must have finite ends, the lower one first")
    }
}

impl From<Range> for (f64, f64) {
    fn from(range: Range) -> Self {
        range.ends()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn distances_are_in_widths_of_the_range() {
        let range = Range::new(100.0, 106.0).unwrap();
        assert_eq!(
            [99.9, 100.0, 103.0, 106.0].map(|x| range.nearest(x)),
            [100.0, 100.0, 103.0, 106.0]
        );
        assert_eq!([100.0, 103.0, 106.0].map(|x| range.beyond(x)), [0.0; 3]);
        assert!((range.beyond(112.0) - 2.0_f32.ln()).abs() < 1e-6);
        assert_eq!(range.beyond(94.0), range.beyond(112.0));
        let constant = Range::new(443.0, 443.0).unwrap();
        assert!((constant.beyond(886.0) - 2.0_f32.ln()).abs() < 1e-6);
        assert!((Range::new(0.0, 0.0).unwrap().beyond(1.0) - 2.0_f32.ln()).abs() < 1e-6);
        for bad in [(1.0, 0.0), (f64::NAN, 1.0), (0.0, f64::INFINITY), (f64::MIN, f64::MAX)] {
            assert!(Range::try_from(bad).is_err());
        }
    }

    proptest! {
        #[test]
        fn a_number_further_away_is_further_beyond(
            low in -1e9..1e9_f64, width in 1.0..1e9_f64, exponent in -3..290_i32, below: bool,
        ) {
            let range = Range::new(low, low + width).unwrap();
            let at = |distance: f64| if below { low - distance } else { low + width + distance };
            let near = range.width() * 10.0_f64.powi(exponent);
            let beyond = range.beyond(at(near));
            prop_assert!(beyond > 0.0 && beyond < range.beyond(at(near * 1.1)));
            prop_assert!(range.beyond(at(near * 1.1)) < range.beyond(at(f64::MAX)));
            prop_assert!(range.beyond(at(f64::MAX)).is_finite());
        }
    }
}
