//! Scalers of numeric features: fitted on the finite values of a training column, in double
//! precision.

use super::gauss_rank::GaussRank;
use crate::config::Scaler;
use crate::memory_size::Heap;
use serde::{Deserialize, Serialize};

/// Scaled values grow with the logarithm from here on, so that a squared loss stays finite in single
/// precision and the larger one of two values still is the larger.
pub(super) const LARGEST: f64 = 1e15;
/// What a factor of e adds to values above [`LARGEST`]. The largest number of double precision is then scaled
/// to less than 1.7 times `LARGEST`.
pub(super) const LARGE_STEP: f64 = LARGEST / 1000.0;

/// A scaler with its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FittedScaler {
    /// (x - centre) / scale: standard and modified.
    Linear(Linear),
    GaussRank(GaussRank),
    None,
}

/// Centre and scale, both finite, the scale above 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "(f64, f64)", into = "(f64, f64)")]
pub(super) struct Linear {
    pub(super) centre: f64,
    pub(super) scale: f64,
}

impl Heap for FittedScaler {
    fn heap(&self) -> usize {
        match self {
            Self::GaussRank(scaler) => scaler.heap(),
            Self::Linear(_) | Self::None => 0,
        }
    }
}

impl FittedScaler {
    /// `sorted`: the finite values of the column, ascending, at least one. `None` if they are so
    /// large that their mean or spread is not a number.
    pub(super) fn fit(scaler: Scaler, sorted: &[f64]) -> Option<Self> {
        let (first, last) = (sorted[0], sorted[sorted.len() - 1]);
        if !(last - first).is_finite() {
            return None;
        }
        match scaler {
            // Rounding in the mean would give a constant column a spread.
            Scaler::Standard | Scaler::Modified if first == last => Linear::new(first, 1.0),
            Scaler::Standard => Linear::standard(sorted),
            Scaler::Modified => Linear::modified(sorted),
            Scaler::GaussRank => return Some(Self::GaussRank(GaussRank::fit(sorted))),
            Scaler::None => return Some(Self::None),
        }
        .map(Self::Linear)
    }

    /// The scaled value; its absolute value is below 1.7e15.
    pub(super) fn transform(&self, x: f64) -> f32 {
        let scaled = match self {
            Self::Linear(Linear { centre, scale }) => (x - centre) / scale,
            Self::GaussRank(scaler) => scaler.transform(x),
            Self::None => x,
        };
        damped(scaled) as f32
    }

    pub(super) fn inverse(&self, scaled: f32) -> f64 {
        let z = f64::from(scaled);
        match self {
            Self::Linear(Linear { centre, scale }) => z * scale + centre,
            Self::GaussRank(scaler) => scaler.inverse(z),
            Self::None => z,
        }
    }
}

impl Linear {
    fn new(centre: f64, scale: f64) -> Option<Self> {
        (centre.is_finite() && scale.is_finite() && scale > 0.0).then_some(Self { centre, scale })
    }

    /// Mean and population standard deviation.
    fn standard(values: &[f64]) -> Option<Self> {
        let centre = mean(values.iter().copied());
        let variance = mean(values.iter().map(|x| (x - centre) * (x - centre)));
        // Values may differ by so little that their squares vanish.
        Self::new(centre, if variance == 0.0 { 1.0 } else { variance.sqrt() })
    }

    /// Lower median and 1.486 times the median absolute deviation, or 1.253314 times the mean one
    /// if more than half of the values are equal (Iglewicz and Hoaglin 1993).
    fn modified(sorted: &[f64]) -> Option<Self> {
        let median = lower_median(sorted);
        let mut deviations: Vec<f64> = sorted.iter().map(|x| (x - median).abs()).collect();
        deviations.sort_unstable_by(f64::total_cmp);
        let scale = match (lower_median(&deviations), mean(deviations.iter().copied())) {
            (0.0, 0.0) => 1.0,
            (0.0, mean) => 1.253314 * mean,
            (median, _) => 1.486 * median,
        };
        Self::new(median, scale)
    }
}

impl TryFrom<(f64, f64)> for Linear {
    type Error = &'static str;

    fn try_from((centre, scale): (f64, f64)) -> Result<Self, Self::Error> {
        Self::new(centre, scale).ok_or("a scale must be finite and above 0")
    }
}

impl From<Linear> for (f64, f64) {
    fn from(linear: Linear) -> Self {
        (linear.centre, linear.scale)
    }
}

/// `scaled` itself up to [`LARGEST`], above its logarithm.
fn damped(scaled: f64) -> f64 {
    if scaled.abs() <= LARGEST {
        return scaled;
    }
    // A difference or quotient of finite numbers can be infinite.
    let over = libm::log(scaled.abs().min(f64::MAX) / LARGEST);
    (LARGEST + LARGE_STEP * over).copysign(scaled)
}

/// Mean of at least one value.
pub(super) fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

/// Of an even number of values the lower of the two in the middle.
fn lower_median(sorted: &[f64]) -> f64 {
    sorted[(sorted.len() - 1) / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modified_uses_medians_and_falls_back_to_the_mean_deviation() {
        let scaler = FittedScaler::fit(Scaler::Modified, &[1.0, 2.0, 4.0, 100.0]).unwrap();
        assert_eq!(scaler.transform(3.486), 1.0);
        let flat = FittedScaler::fit(Scaler::Modified, &[5.0, 5.0, 5.0, 9.0]).unwrap();
        assert_eq!(flat.transform(5.0 + 1.253314), 1.0);
        assert!((flat.inverse(1.0) - 6.253314).abs() < 1e-12);
    }

    #[test]
    fn a_constant_column_scales_to_zero() {
        for scaler in [Scaler::Standard, Scaler::Modified] {
            let fitted = FittedScaler::fit(scaler, &[0.1; 7]).unwrap();
            assert_eq!((fitted.transform(0.1), fitted.transform(1.1)), (0.0, 1.0));
        }
    }

    #[test]
    fn huge_values_never_become_infinite() {
        let fitted = FittedScaler::fit(Scaler::Standard, &[0.0, 1.0]).unwrap();
        assert!((1e15..1.7e15).contains(&fitted.transform(1e300)));
        assert!(fitted.transform(1e300) < fitted.transform(f64::MAX));
        assert_eq!(fitted.transform(-f64::MAX), -fitted.transform(f64::MAX));
        for scaler in [Scaler::Standard, Scaler::Modified, Scaler::GaussRank, Scaler::None] {
            assert_eq!(FittedScaler::fit(scaler, &[-f64::MAX, 0.0, f64::MAX]), None);
        }
        assert_eq!(FittedScaler::fit(Scaler::Standard, &[-1e200, 0.0, 1e200]), None);
    }
}
