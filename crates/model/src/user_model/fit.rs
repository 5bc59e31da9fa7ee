//! Learning a model from one user's rows.

use super::{UserModel, encode};
use crate::combined::{Learning, network_rows};
use crate::config::{ModelConfig, Scorer};
use crate::encode::{EncodedRows, FeaturePlan, set_aside};
use crate::error::ModelError;
use crate::header::{ModelHeader, SOFTWARE};
use crate::net::{Layout, Network};
use crate::random::{Stream, stream_seed};
use crate::score::{self, LossScale, ScoreScale};
use crate::times::Window;
use crate::train::{self, DrawnEpochs, EpochReport};
use arrow_array::RecordBatch;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::Arc;

/// What a model learns from.
#[derive(Clone, Copy, Debug)]
pub struct TrainingData<'a> {
    /// The user's rows, oldest first; every column is a candidate feature.
    pub rows: &'a RecordBatch,
    /// Rows to be scored after every epoch.
    pub validation: Option<&'a RecordBatch>,
    /// When each row happened, microseconds since 1970, or [`UNKNOWN_TIME`](crate::UNKNOWN_TIME); empty if
    /// nothing is known. The header has the first and the last, explanations say when a value was last seen.
    pub times: &'a [i64],
    /// What many users do, these rows among theirs: counts of few rows lean on it. Without a model
    /// that has counts there is nothing to lean on.
    pub peers: Option<&'a Arc<UserModel>>,
}

/// More weights than a model may have: those of an identifier taken for a feature. Also what
/// [`crate::artifact::Limits`] reads back by default.
pub(crate) const MAX_WEIGHTS: usize = 1 << 28;

/// Refuses a network that would not fit, before anything is allocated for it.
fn refuse_giants(plan: &FeaturePlan, weights: usize) -> Result<(), ModelError> {
    if weights <= MAX_WEIGHTS {
        return Ok(());
    }
    let shape = plan.shape();
    let categorical = plan.names().skip(shape.numeric + shape.binary);
    let largest = categorical.zip(&shape.codes).max_by_key(|(_, codes)| **codes);
    let (column, codes) = largest.map_or(("", 0), |(column, codes)| (column, *codes));
    Err(ModelError::Unusable(format!(
        "the network would have {weights} weights, more than {MAX_WEIGHTS}; column {column:?} alone has {codes} \
         categories: leave it out of the feature columns"
    )))
}

impl UserModel {
    /// Learns a user's normal behaviour from rows; every column is a candidate feature.
    ///
    /// `validation` rows, if any, are scored after every epoch: see [`train::train`]. `on_epoch`
    /// hears of every epoch and may break off. The result depends on the arguments alone.
    /// Numbers far beyond all others of their column are not learnt: [`FeaturePlan::set_aside`] names them.
    /// A single training row is enough to train, but says nothing about spreads: see
    /// [`LossScale::fit`] and [`ScoreScale::z`].
    ///
    /// # Errors
    /// [`ModelError::Config`]; [`ModelError::Unusable`] for rows that nothing can be learnt from;
    /// [`ModelError::Diverged`]; [`ModelError::Interrupted`]; encoding errors.
    pub fn fit(
        user: &str,
        rows: &RecordBatch,
        validation: Option<&RecordBatch>,
        config: &ModelConfig,
        on_epoch: &mut dyn FnMut(EpochReport) -> ControlFlow<()>,
    ) -> Result<Self, ModelError> {
        Self::fit_with(
            user,
            &TrainingData { rows, validation, times: &[], peers: None },
            config,
            on_epoch,
        )
    }

    /// As [`UserModel::fit`], with all that a model can learn from.
    ///
    /// With [`Scorer::Recommended`] and 60 rows or more, the network learns the older four fifths;
    /// its losses of the newest fifth, which it has not seen, are what new ones are compared with.
    /// (By time, not at random: rows of one burst are alike, and would be on both sides.) All
    /// rows are counted.
    ///
    /// # Errors
    /// As [`UserModel::fit`].
    pub fn fit_with(
        user: &str,
        data: &TrainingData<'_>,
        config: &ModelConfig,
        on_epoch: &mut dyn FnMut(EpochReport) -> ControlFlow<()>,
    ) -> Result<Self, ModelError> {
        config.check()?;
        let (kept, aside) = set_aside(data.rows)?;
        let data = &TrainingData { rows: &kept, ..*data };
        let mut plan = FeaturePlan::fit(data.rows, config)?;
        plan.remember(aside);
        let mut rows = encode(&plan, data.rows)?;
        let base = data.peers.and_then(|peers| peers.lend());
        let learning = match config.scorer {
            Scorer::Network => None,
            Scorer::Recommended => Some(Learning::encode(&plan, base, data.rows, &mut rows)?),
        };
        let learnt = match config.scorer {
            Scorer::Network => Cow::Borrowed(&rows),
            Scorer::Recommended => Cow::Owned(rows.part(0..network_rows(rows.rows))),
        };
        let validation = data.validation.map(|rows| encode(&plan, rows)).transpose()?;
        let random = |stream| ChaCha8Rng::from_seed(stream_seed(config.seed, user, stream));
        let layout = Layout::new(&plan.shape(), config);
        refuse_giants(&plan, layout.len())?;
        let mut network = Network::new(layout, &mut random(Stream::Weights));
        let epoch_losses = train::train(
            &mut network,
            &mut DrawnEpochs::new(&learnt, config.swap_probability, random(Stream::Epochs))?,
            &plan.names().collect::<Vec<_>>(),
            validation.as_ref(),
            config,
            stream_seed(config.seed, user, Stream::Dropout),
            on_epoch,
        )?;
        let mut model = Self::from_network(user, plan, config, network, &rows, epoch_losses)?;
        model.header.window = Window::of(data.times);
        if let Some(learning) = learning {
            let held_out = rows.part(learnt.rows..rows.rows);
            let losses = score::losses(&model.network, &held_out, config.eval_batch_size);
            let held_out = score::row_means(&losses, model.header.loss_scales.len());
            let random = &mut random(Stream::Neighbours);
            let plan = &model.header.plan;
            let (scorers, peers) = learning.fit(plan, &rows, &held_out, data.times, base, random);
            model.set_beside(scorers);
            model.leans_on = data.peers.map(Arc::clone).zip(peers);
        }
        Ok(model)
    }

    /// A model from a network that was trained on `rows`, encoded by `plan`: takes the statistics
    /// of their losses. [`UserModel::fit`] does this last.
    ///
    /// # Errors
    /// [`ModelError::Diverged`] if the loss of a row is not a finite number.
    ///
    /// # Panics
    /// If plan, network and rows are not of one shape.
    pub fn from_network(
        user: &str,
        plan: FeaturePlan,
        config: &ModelConfig,
        network: Network,
        rows: &EncodedRows,
        epoch_losses: Vec<f64>,
    ) -> Result<Self, ModelError> {
        let losses = score::losses(&network, rows, config.eval_batch_size);
        if losses.iter().any(|loss| !loss.is_finite()) {
            return Err(ModelError::Diverged(
                "the loss of a training row is not a finite number; \
                 a lower learning rate or another scaler may help"
                    .into(),
            ));
        }
        let features = plan.shape().features();
        let mut column = Vec::with_capacity(rows.rows);
        let loss_scales = (0..features)
            .map(|feature| {
                column.clear();
                column.extend(losses.iter().skip(feature).step_by(features));
                LossScale::fit(config.loss_scaler, &mut column)
            })
            .collect();
        let header = ModelHeader {
            user: user.to_owned(),
            config: config.clone(),
            plan,
            loss_scales,
            score_scale: ScoreScale::fit(&score::row_means(&losses, features)),
            training_rows: rows.rows,
            epoch_losses,
            window: None,
            software: Some(SOFTWARE.to_owned()),
        };
        Ok(Self::bare(header, network))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{ArrayRef, StringArray};

    #[test]
    fn an_identifier_taken_for_a_feature_is_refused_before_memory_is_taken() {
        let ids: ArrayRef =
            Arc::new(StringArray::from_iter_values((0..600_000).map(|i| i.to_string())));
        let rows = RecordBatch::try_from_iter([("eventID", ids)]).unwrap();
        let error = UserModel::fit("ann", &rows, None, &ModelConfig::pipeline(), &mut |_| {
            ControlFlow::Continue(())
        });
        let message = error.unwrap_err().to_string();
        assert!(message.contains("column \"eventID\" alone has 600001 categories"), "{message}");
    }
}
