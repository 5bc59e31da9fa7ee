//! Fitting a network's weights to encoded rows.
//!
//! Each epoch: shuffle the order of the epoch before; draw swap noise on the whole shuffled table;
//! one optimiser step for each run of `batch_size` rows, the last run may be shorter; then
//! multiply the learning rate by its decay.

use crate::config::ModelConfig;
use crate::encode::{EncodedRows, swap};
use crate::error::ModelError;
use crate::net::{Network, Rows, Training};
use crate::score;
use rand::{Rng, RngExt};
use std::ops::ControlFlow;

/// What happened in one epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochReport {
    /// Number of the epoch, from 1.
    pub epoch: usize,
    /// Number of epochs wanted.
    pub epochs: usize,
    /// Mean over the batches of the mean loss over all features, on noisy input.
    pub loss: f64,
    /// Mean loss of the validation rows over rows and features, without noise.
    pub validation_loss: Option<f64>,
    /// Learning rate in this epoch.
    pub learning_rate: f64,
}

/// Where each epoch's rows come from.
pub trait EpochData {
    /// Fills the tables for the next epoch: `clean` is what is to be reconstructed, in the order
    /// of training, and `noisy` what the network reads.
    fn next_epoch(&mut self, clean: &mut EncodedRows, noisy: &mut EncodedRows);
}

/// Shuffles rows and draws swap noise.
#[derive(Debug)]
pub struct DrawnEpochs<'a, R> {
    rows: &'a EncodedRows,
    order: Vec<u32>,
    swap_probability: f64,
    rng: R,
}

impl<'a, R: Rng> DrawnEpochs<'a, R> {
    /// # Errors
    /// [`ModelError::Unusable`] for 2^32 rows or more.
    pub fn new(rows: &'a EncodedRows, swap_probability: f64, rng: R) -> Result<Self, ModelError> {
        let count = u32::try_from(rows.rows).map_err(|_| {
            ModelError::Unusable(format!("{} rows are too many; 2^32 - 1 fit", rows.rows))
        })?;
        Ok(Self { rows, order: (0..count).collect(), swap_probability, rng })
    }
}

impl<R: Rng> EpochData for DrawnEpochs<'_, R> {
    fn next_epoch(&mut self, clean: &mut EncodedRows, noisy: &mut EncodedRows) {
        // Fisher-Yates, written out because its draws are part of what a seed stands for.
        for last in (1..self.order.len()).rev() {
            self.order.swap(last, self.rng.random_range(0..=last as u32) as usize);
        }
        let (rows, p) = (self.rows, self.swap_probability);
        swap::shuffle_and_swap(rows, &self.order, p, &mut self.rng, clean, noisy);
    }
}

/// Trains `network`; returns the mean loss of each epoch run.
///
/// `dropout_seed`: seed of dropout's random numbers. `names`: the features', for messages.
/// `validation`: rows for [`EpochReport::validation_loss`] and, if the config has a patience, for
/// early stopping: an epoch whose loss over all of them is above that of the epoch before
/// counts one, any other resets the count, and training stops when it reaches the patience. (The
/// reference library compares likewise, but by the last slice of rows only.)
///
/// # Errors
/// [`ModelError::Unusable`] for no rows, [`ModelError::Interrupted`] if `on_epoch` breaks,
/// [`ModelError::Diverged`] if a loss or a weight is no longer a finite number.
pub fn train(
    network: &mut Network,
    data: &mut dyn EpochData,
    names: &[&str],
    validation: Option<&EncodedRows>,
    config: &ModelConfig,
    dropout_seed: [u8; 32],
    on_epoch: &mut dyn FnMut(EpochReport) -> ControlFlow<()>,
) -> Result<Vec<f64>, ModelError> {
    let (mut clean, mut noisy) = (EncodedRows::default(), EncodedRows::default());
    let mut training: Option<Training> = None;
    let mut early_stop = EarlyStop::new(config.patience);
    let mut losses = Vec::new();
    let mut learning_rate = config.learning_rate;
    for epoch in 1..=config.epochs {
        data.next_epoch(&mut clean, &mut noisy);
        if clean.rows == 0 {
            return Err(ModelError::Unusable("there are no rows to learn from".into()));
        }
        let training = training.get_or_insert_with(|| {
            Training::new(network, config, config.batch_size.min(clean.rows), dropout_seed)
        });
        let tables = (&noisy, &clean);
        let loss = run_epoch(network, training, tables, config.batch_size, learning_rate)
            .map_err(|feature| diverged(epoch, feature.and_then(|f| names.get(f).copied())))?;
        losses.push(loss);
        let validation_loss =
            validation.map(|rows| mean_loss(network, rows, config.eval_batch_size));
        let report =
            EpochReport { epoch, epochs: config.epochs, loss, validation_loss, learning_rate };
        if on_epoch(report).is_break() {
            return Err(ModelError::Interrupted);
        }
        if validation_loss.is_some_and(|loss| early_stop.after(loss)) {
            break;
        }
        learning_rate *= config.learning_rate_decay;
    }
    Ok(losses)
}

/// One pass over the table in batches; the mean loss over batches and features, or what became
/// infinite or NaN: a feature's loss or, if `None`, a weight.
fn run_epoch(
    network: &mut Network,
    training: &mut Training,
    (noisy, clean): (&EncodedRows, &EncodedRows),
    batch_size: usize,
    learning_rate: f64,
) -> Result<f64, Option<usize>> {
    let (mut total, mut batches) = (0.0, 0);
    for first in (0..clean.rows).step_by(batch_size) {
        let range = first..clean.rows.min(first + batch_size);
        let shape = network.layout().shape();
        let (noisy, clean) = (Rows::of(noisy, shape, range.clone()), Rows::of(clean, shape, range));
        let losses = training.step(network, noisy, clean, learning_rate);
        if let Some(feature) = losses.iter().position(|loss| !loss.is_finite()) {
            return Err(Some(feature));
        }
        total += losses.iter().sum::<f64>() / losses.len() as f64;
        batches += 1;
    }
    if network.weights().iter().any(|w| !w.is_finite()) {
        return Err(None);
    }
    Ok(total / f64::from(batches))
}

fn diverged(epoch: usize, feature: Option<&str>) -> ModelError {
    let what = match feature {
        Some(name) => format!("the loss of feature {name:?} is not a finite number"),
        None => "a weight is not a finite number".to_owned(),
    };
    ModelError::Diverged(format!(
        "{what} in epoch {epoch}; a lower learning rate or another scaler may help"
    ))
}

/// Mean loss over all rows and features, without noise.
fn mean_loss(network: &Network, rows: &EncodedRows, slice_rows: usize) -> f64 {
    let losses = score::losses(network, rows, slice_rows);
    losses.iter().map(|loss| f64::from(*loss)).sum::<f64>() / losses.len().max(1) as f64
}

/// Counts epochs in a row that made the validation loss worse.
#[derive(Debug)]
struct EarlyStop {
    patience: Option<usize>,
    previous: f64,
    worse: usize,
}

impl EarlyStop {
    fn new(patience: Option<usize>) -> Self {
        Self { patience, previous: f64::INFINITY, worse: 0 }
    }

    /// Whether training stops after an epoch with this validation loss.
    fn after(&mut self, loss: f64) -> bool {
        self.worse = if loss > self.previous { self.worse + 1 } else { 0 };
        self.previous = loss;
        self.patience.is_some_and(|patience| self.worse >= patience.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn early_stop_counts_epochs_in_a_row() {
        let mut stop = EarlyStop::new(Some(2));
        let stopped: Vec<bool> = [5.0, 6.0, 5.5, 5.6, 5.7, 5.8].map(|loss| stop.after(loss)).into();
        assert_eq!(stopped, [false, false, false, false, true, true]);
        let mut never = EarlyStop::new(None);
        assert!(![1.0, 2.0, 3.0].map(|loss| never.after(loss)).contains(&true));
    }
}
