//! Quantiles of a column mapped to a normal distribution.
//!
//! The operations and their order are those of scikit-learn's `QuantileTransformer` with 1,000
//! quantiles: where values repeat, one unit in the last place moves the edge of a plateau by a
//! whole step. The reference draws a random sample above 10,000 rows; here all rows are used, which
//! is exact and the same in every run.

use super::normal::{score_of_share, share_below};
use crate::memory_size::Heap;
use serde::{Deserialize, Serialize};

const MOST_QUANTILES: usize = 1000;
/// Values this near to the ends of the range count as the ends.
pub(super) const EDGE: f64 = 1e-7;

/// Up to 1,000 evenly spaced quantiles of the training values, finite and non-decreasing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f64>", into = "Vec<f64>")]
pub(super) struct GaussRank {
    quantiles: Vec<f64>,
}

impl Heap for GaussRank {
    fn heap(&self) -> usize {
        self.quantiles.heap()
    }
}

impl GaussRank {
    /// `sorted`: at least one finite value, ascending.
    pub(super) fn fit(sorted: &[f64]) -> Self {
        let count = sorted.len().min(MOST_QUANTILES);
        let mut highest = f64::NEG_INFINITY;
        let quantiles = (0..count).map(|i| {
            // Rounding can put a quantile just below its predecessor.
            highest = highest.max(quantile(sorted, reference(i, count)));
            highest
        });
        Self { quantiles: quantiles.collect() }
    }

    /// The normal score of `x`'s rank.
    pub(super) fn transform(&self, x: f64) -> f64 {
        let (first, last) = (self.quantiles[0], self.quantiles[self.quantiles.len() - 1]);
        let share = if x - EDGE < first {
            0.0
        } else if x + EDGE > last {
            1.0
        } else {
            0.5 * (self.rank_from_below(x) + self.rank_from_above(x))
        };
        score_of_share(share)
    }

    /// The value whose rank has the normal score `z`.
    pub(super) fn inverse(&self, z: f64) -> f64 {
        let q = &self.quantiles;
        let last = q.len() - 1;
        let share = share_below(z);
        if share - EDGE < 0.0 {
            return q[0];
        }
        if share + EDGE > 1.0 || last == 0 {
            return q[last];
        }
        let knot = ((share * last as f64) as usize).min(last - 1);
        // The guess can miss by one where the references are rounded.
        let knot = (knot.saturating_sub(1)..=(knot + 1).min(last - 1))
            .rev()
            .find(|&k| self.reference(k) <= share)
            .unwrap_or(0);
        let (r0, r1) = (self.reference(knot), self.reference(knot + 1));
        (q[knot + 1] - q[knot]) / (r1 - r0) * (share - r0) + q[knot]
    }

    /// Interpolates from the last knot at or below `x`.
    fn rank_from_below(&self, x: f64) -> f64 {
        let q = &self.quantiles;
        match q.partition_point(|&v| v <= x) {
            0 => 0.0,
            above if above == q.len() || q[above - 1] == x => self.reference(above - 1),
            above => self.slope(above) * (x - q[above - 1]) + self.reference(above - 1),
        }
    }

    /// Interpolates from the first knot at or above `x`; differs from below on repeated knots.
    fn rank_from_above(&self, x: f64) -> f64 {
        let q = &self.quantiles;
        match q.partition_point(|&v| v < x) {
            0 => 0.0,
            above if above == q.len() => self.reference(above - 1),
            above if q[above] == x => self.reference(above),
            above => self.reference(above) - self.slope(above) * (q[above] - x),
        }
    }

    /// For each quantile its rank, and the rank a unit of value from it to the next one; 0 where
    /// the next one is equal, or there is none.
    pub(super) fn ranks_and_slopes(&self) -> (Vec<f64>, Vec<f64>) {
        let count = self.quantiles.len();
        let slope = |i: usize| match self.quantiles.get(i + 1) {
            Some(next) if *next > self.quantiles[i] => self.slope(i + 1),
            _ => 0.0,
        };
        ((0..count).map(|i| self.reference(i)).collect(), (0..count).map(slope).collect())
    }

    pub(super) fn quantiles(&self) -> &[f64] {
        &self.quantiles
    }

    /// Rank a unit of value between the knots `above - 1` and `above`.
    fn slope(&self, above: usize) -> f64 {
        let rise = self.reference(above) - self.reference(above - 1);
        // Knots that differ by less than the smallest normal number would give an infinite slope.
        (rise / (self.quantiles[above] - self.quantiles[above - 1])).min(f64::MAX)
    }

    fn reference(&self, knot: usize) -> f64 {
        reference(knot, self.quantiles.len())
    }
}

impl TryFrom<Vec<f64>> for GaussRank {
    type Error = &'static str;

    fn try_from(quantiles: Vec<f64>) -> Result<Self, Self::Error> {
        let usable = !quantiles.is_empty()
            && quantiles.iter().all(|q| q.is_finite())
            && quantiles.is_sorted();
        if usable { Ok(Self { quantiles }) } else { Err("quantiles must be finite and ascending") }
    }
}

impl From<GaussRank> for Vec<f64> {
    fn from(scaler: GaussRank) -> Self {
        scaler.quantiles
    }
}

/// Rank of knot `i` of `count`, from 0 to exactly 1.
fn reference(i: usize, count: usize) -> f64 {
    match count {
        1 => 0.0,
        _ if i + 1 == count => 1.0,
        _ => i as f64 * (1.0 / (count - 1) as f64),
    }
}

/// Linear interpolation between the neighbours of rank `level`, as `numpy.percentile` does it.
pub(super) fn quantile(sorted: &[f64], level: f64) -> f64 {
    let position = (100.0 * level) / 100.0 * (sorted.len() - 1) as f64;
    let below = (position as usize).min(sorted.len() - 1);
    let (a, b) = (sorted[below], sorted[(below + 1).min(sorted.len() - 1)]);
    let part = position - below as f64;
    if part < 0.5 { a + (b - a) * part } else { b - (b - a) * (1.0 - part) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn larger_values_never_score_lower(
            mut values in prop::collection::vec(-100i32..100, 1..60),
            probes in prop::collection::vec(-1100i32..1100, 2..40),
        ) {
            values.sort_unstable();
            let sorted: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
            let scaler = GaussRank::fit(&sorted);
            let mut probes: Vec<f64> = probes.iter().map(|&v| f64::from(v) / 10.0).collect();
            probes.sort_unstable_by(f64::total_cmp);
            let scores: Vec<f64> = probes.iter().map(|&x| scaler.transform(x)).collect();
            prop_assert!(scores.windows(2).all(|pair| pair[0] <= pair[1] + 1e-12));
            let range = sorted[0]..=sorted[sorted.len() - 1];
            prop_assert!(scores.iter().all(|&z| range.contains(&scaler.inverse(z))));
        }
    }

    #[test]
    fn the_inverse_returns_distinct_training_values() {
        let sorted: Vec<f64> = (0..1500).map(|i| f64::from(i) * f64::from(i)).collect();
        let scaler = GaussRank::fit(&sorted);
        for &x in &sorted {
            let back = scaler.inverse(scaler.transform(x));
            assert!((back - x).abs() <= 1e-6 * x.max(1.0), "{x} came back as {back}");
        }
    }

    #[test]
    fn a_constant_column_jumps_to_the_ends() {
        for n in [1, 5] {
            let scaler = GaussRank::fit(&vec![3.0; n]);
            assert!(scaler.transform(3.0) < -5.1 && scaler.transform(2.0) < -5.1);
            assert!(scaler.transform(4.0) > 5.1);
            assert_eq!(scaler.inverse(0.3), 3.0);
        }
    }

    #[test]
    fn quantiles_from_a_file_are_checked() {
        for bad in [vec![], vec![2.0, 1.0], vec![f64::NAN], vec![f64::INFINITY]] {
            assert!(GaussRank::try_from(bad).is_err());
        }
    }
}
