//! From reconstruction losses to anomaly scores and z values.
//!
//! The anomaly score of a row is the mean of its losses over all features; how unusual that is for
//! the user is its distance from the mean score of the training rows in standard deviations.
//! Models with scorers beside the network have a [`RowScore`] of each row too, made in
//! [`crate::combined`].

use crate::config::LossScaler;
use crate::encode::EncodedRows;
use crate::net::{Evaluation, Network, Rows};
use crate::score_cache::{Distinct, spread};
use arrow_array::{ArrayRef, UInt32Array};
use arrow_schema::ArrowError;
use arrow_select::take::take;
use serde::{Deserialize, Serialize};

/// What the distance of a score from that of all training rows is multiplied with, after 1 is added, if they
/// all have the same one and there is no deviation to divide by.
pub const Z_LIMIT: f32 = 1e6;

/// Scores of rows, in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores {
    /// Mean loss over all features.
    pub anomaly_score: Vec<f32>,
    /// |score - mean| / standard deviation of the training rows' scores: see [`ScoreScale::z`].
    pub zscore: Vec<f32>,
    /// The scores of all scorers together; empty for a model that has the network alone.
    pub combined: Vec<RowScore>,
}

/// The scores of a row by all scorers, the parts in nats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RowScore {
    /// S, the sum of the parts.
    pub score: f32,
    /// The share of the user's usual rows that score as high, above 0 and at most 1.
    pub p_value: f64,
    /// s_C: how rare the row's values are.
    pub counts: f32,
    /// s_A: how rarely the network reconstructs a row so badly; `None` below 60 training rows.
    pub net: Option<f32>,
    /// s_K: how rarely a row is so far from others; `None` without two numeric features.
    pub neighbours: Option<f32>,
    /// How much of the counts' part rests on the peers' rows rather than on the user's own, 0 to 1.
    pub peers: f32,
}

/// Which sign the features' z values keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZSign {
    /// A loss below the training mean has a negative z value.
    Signed,
    /// Only the distance counts.
    Absolute,
}

/// Scores of rows with each feature's part in them.
#[derive(Clone, Debug)]
pub struct FeatureScores {
    /// As [`Scores::anomaly_score`].
    pub anomaly_score: Vec<f32>,
    /// As [`Scores::zscore`].
    pub zscore: Vec<f32>,
    /// As [`Scores::combined`].
    pub combined: Vec<RowScore>,
    /// Names of the features: numeric, binary, categorical.
    pub names: Vec<String>,
    /// Reconstruction losses, `[rows, features]`.
    pub loss: Vec<f32>,
    /// Losses scaled by each feature's [`LossScale`], `[rows, features]`.
    pub z_loss: Vec<f32>,
    /// For each feature the value that the network expected, a column of all rows.
    pub predictions: Vec<ArrayRef>,
    /// Largest of each row's z losses.
    pub max_abs_z: Vec<f32>,
    /// Mean of each row's z losses.
    pub mean_abs_z: Vec<f32>,
}

impl FeatureScores {
    /// The scores of these rows alone, `rows` being positions.
    ///
    /// # Panics
    /// A position is behind the last row.
    ///
    /// # Errors
    /// Arrow cannot take rows of the predictions.
    pub fn only(&self, rows: &[u32]) -> Result<Self, ArrowError> {
        let width = self.names.len();
        let of = |values: &[f32]| rows.iter().map(|&row| values[row as usize]).collect();
        let of_matrix = |matrix: &[f32]| {
            rows.iter().flat_map(|&row| &matrix[row as usize * width..][..width]).copied().collect()
        };
        let at = UInt32Array::from(rows.to_vec());
        let predictions = self.predictions.iter().map(|column| take(column, &at, None));
        Ok(Self {
            anomaly_score: of(&self.anomaly_score),
            zscore: of(&self.zscore),
            // Empty for a model that has the network alone.
            combined: rows
                .iter()
                .filter_map(|&row| self.combined.get(row as usize))
                .copied()
                .collect(),
            names: self.names.clone(),
            loss: of_matrix(&self.loss),
            z_loss: of_matrix(&self.z_loss),
            predictions: predictions.collect::<Result<_, _>>()?,
            max_abs_z: of(&self.max_abs_z),
            mean_abs_z: of(&self.mean_abs_z),
        })
    }
}

/// How one feature's losses are scaled: z loss = (loss - location) / spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossScale {
    /// Mean or median of the training losses.
    pub location: f32,
    /// Standard deviation, or 1.486 median absolute deviations. Never 0.
    pub spread: f32,
}

impl LossScale {
    /// Learns the scale from the losses of one feature over the training rows.
    ///
    /// * standard: mean, sample standard deviation (n - 1); 0, or a single row: 1.
    /// * modified: lower median m; 1.486 · lower median of |loss - m|; if that is 0,
    ///   1.253314 · mean of |loss - m|; if that is 0 too, 1.253314.
    /// * none: the loss itself.
    ///
    /// (Iglewicz and Hoaglin 1993, as the reference library implements them.)
    pub fn fit(scaler: LossScaler, losses: &mut [f32]) -> Self {
        match scaler {
            LossScaler::Standard => {
                let (mean, squares) = moments(losses);
                let degrees = losses.len().saturating_sub(1).max(1) as f64;
                let spread = (squares / degrees).sqrt() as f32;
                Self { location: mean as f32, spread: if spread == 0.0 { 1.0 } else { spread } }
            }
            LossScaler::Modified => {
                let location = lower_median(losses);
                for loss in &mut *losses {
                    *loss = (*loss - location).abs();
                }
                let deviation = lower_median(losses);
                let spread = if deviation == 0.0 {
                    let (mean, _) = moments(losses);
                    1.253_314 * if mean == 0.0 { 1.0 } else { mean as f32 }
                } else {
                    1.486 * deviation
                };
                Self { location, spread }
            }
            LossScaler::None => Self { location: 0.0, spread: 1.0 },
        }
    }

    /// The scaled loss, a finite number.
    pub fn apply(self, loss: f32) -> f32 {
        ((loss - self.location) / self.spread).clamp(f32::MIN, f32::MAX)
    }
}

/// Mean and population standard deviation of the training rows' scores.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreScale {
    /// Mean.
    pub mean: f32,
    /// Standard deviation with divisor n; 0 if all scores are equal, as with a single row.
    pub std: f32,
}

impl ScoreScale {
    /// Learns the scale from the scores of the training rows.
    pub fn fit(scores: &[f32]) -> Self {
        let (mean, squares) = moments(scores);
        Self { mean: mean as f32, std: (squares / scores.len().max(1) as f64).sqrt() as f32 }
    }

    /// |score - mean| / standard deviation, at least [`Z_LIMIT`] where that is 0; 0 for the mean itself.
    /// It is finite, and grows with the distance.
    pub fn z(self, score: f32) -> f32 {
        let distance = (score - self.mean).abs();
        if distance == 0.0 {
            return 0.0;
        }
        let z = match self.std > 0.0 {
            true => distance / self.std,
            false => Z_LIMIT * (1.0 + distance),
        };
        // `min` also turns NaN into the largest number.
        z.min(f32::MAX)
    }
}

/// Mean and sum of squared deviations from it; 0 for no values.
fn moments(values: &[f32]) -> (f64, f64) {
    let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / values.len().max(1) as f64;
    (mean, values.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum())
}

/// The median, of an even number of values the smaller of the two in the middle.
fn lower_median(values: &mut [f32]) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = (values.len() - 1) / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

/// Mean loss of each row over its features, `losses` being `[rows, features]`.
pub fn row_means(losses: &[f32], features: usize) -> Vec<f32> {
    losses
        .chunks_exact(features.max(1))
        .map(|row| row.iter().sum::<f32>() / features as f32)
        .collect()
}

/// Losses of all rows, `[rows, features]`, computed in slices of `slice_rows` rows, once for
/// rows that are the same.
pub fn losses(network: &Network, rows: &EncodedRows, slice_rows: usize) -> Vec<f32> {
    let shape = network.layout().shape();
    let mut distinct = Distinct::default();
    let places = distinct.add(rows, shape);
    let losses = losses_from(network, &distinct.rows, 0, slice_rows);
    spread(&places, &losses, shape.features())
}

/// As [`losses`], computed for every row from `first` on.
pub(crate) fn losses_from(
    network: &Network,
    rows: &EncodedRows,
    first: usize,
    slice_rows: usize,
) -> Vec<f32> {
    let mut all = Vec::new();
    each_slice(network, rows, first, slice_rows, |evaluation| {
        all.extend_from_slice(evaluation.losses());
    });
    add_beyond(&mut all, rows, first, network.layout().shape().features());
    all
}

/// Adds to the losses of the rows from `first` on, `[rows, features]`, how far their numbers are beyond what
/// the network has read of them. The distance is added to the loss's root, a distance too, so that a number
/// further away never has the smaller loss.
pub(crate) fn add_beyond(losses: &mut [f32], rows: &EncodedRows, first: usize, features: usize) {
    for (losses, row) in losses.chunks_exact_mut(features.max(1)).zip(first..) {
        // Numeric features are the first ones.
        for (loss, &beyond) in losses.iter_mut().zip(rows.beyond(row)) {
            if beyond > 0.0 {
                *loss = (loss.sqrt() + beyond).powi(2);
            }
        }
    }
}

/// Most bytes of a slice's table: a large vocabulary must not fill the memory.
const MAX_TABLE: usize = 256 << 20;

/// Runs the network over slices of at most `slice_rows` rows, from row `first` on.
pub(crate) fn each_slice(
    network: &Network,
    rows: &EncodedRows,
    first: usize,
    slice_rows: usize,
    mut each: impl FnMut(&Evaluation<'_>),
) {
    let mut evaluation = Evaluation::new(network);
    let slice_rows = slice_rows.min(evaluation.rows_within(MAX_TABLE)).clamp(1, rows.rows.max(1));
    for first in (first..rows.rows).step_by(slice_rows) {
        let slice = first..rows.rows.min(first + slice_rows);
        evaluation.run(Rows::of(rows, network.layout().shape(), slice));
        each(&evaluation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_losses_have_a_spread_of_one() {
        assert_eq!(
            LossScale::fit(LossScaler::Standard, &mut [0.5; 4]),
            LossScale { location: 0.5, spread: 1.0 }
        );
        assert_eq!(
            LossScale::fit(LossScaler::Modified, &mut [0.5; 4]),
            LossScale { location: 0.5, spread: 1.253_314 }
        );
    }

    #[test]
    fn a_single_row_is_no_division_by_zero() {
        let scale = LossScale::fit(LossScaler::Standard, &mut [0.5]);
        assert_eq!(scale.apply(0.75), 0.25);
        let scores = ScoreScale::fit(&[0.5]);
        assert_eq!(scores.z(0.5), 0.0);
        assert!(scores.z(0.6) > Z_LIMIT && scores.z(0.7) > scores.z(0.6));
    }

    #[test]
    fn modified_takes_lower_medians_and_falls_back_to_the_mean_deviation() {
        let scale = LossScale::fit(LossScaler::Modified, &mut [4.0, 1.0, 2.0, 8.0]);
        assert_eq!((scale.location, scale.spread), (2.0, 1.486));
        let scale = LossScale::fit(LossScaler::Modified, &mut [1.0, 1.0, 1.0, 5.0]);
        assert_eq!((scale.location, scale.spread), (1.0, 1.253_314));
    }

    #[test]
    fn z_is_finite() {
        let scores = ScoreScale { mean: 1.0, std: 0.5 };
        assert_eq!((scores.z(0.0), scores.z(2.0)), (2.0, 2.0));
        assert_eq!((scores.z(f32::INFINITY), scores.z(f32::NAN)), (f32::MAX, f32::MAX));
        assert!(scores.z(1e9) < scores.z(1e10));
    }
}
