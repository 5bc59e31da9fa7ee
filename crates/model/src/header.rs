//! What a model says of itself: whose it is, how it was trained, what it reads.

use crate::combined::network_rows;
use crate::config::{ModelConfig, Scorer};
use crate::encode::FeaturePlan;
use crate::score::{LossScale, ScoreScale};
use crate::times::Window;
use serde::{Deserialize, Serialize};

/// What trains models, and writes their files.
pub(crate) const SOFTWARE: &str = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));

/// All of a model but its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelHeader {
    /// Whose rows the model has learnt.
    pub user: String,
    /// The settings it was trained with.
    pub config: ModelConfig,
    /// Which columns it reads and what each becomes.
    pub plan: FeaturePlan,
    /// How each feature's losses are scaled: numeric, binary, categorical.
    pub loss_scales: Vec<LossScale>,
    /// Scale of the training rows' anomaly scores.
    pub score_scale: ScoreScale,
    /// Number of training rows.
    pub training_rows: usize,
    /// Mean training loss of each epoch run.
    pub epoch_losses: Vec<f64>,
    /// When the training rows happened, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// The program that trained the model, and its version; models of files before version 4 do not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software: Option<String>,
}

impl ModelHeader {
    /// Optimiser steps that the network was trained for.
    pub fn steps(&self) -> usize {
        let rows = match self.config.scorer {
            Scorer::Network => self.training_rows,
            Scorer::Recommended => network_rows(self.training_rows),
        };
        self.epoch_losses.len() * rows.div_ceil(self.config.batch_size.max(1))
    }
}
