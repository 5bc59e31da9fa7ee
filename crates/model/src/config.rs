//! Every setting of a user's model. The names are those of the reference library's constructor.

use crate::error::ModelError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Settings of encoding, network and training. [`Default`] is the reference *library's* default;
/// [`ModelConfig::pipeline`] is what the peer's `train-ae` stage uses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Widths of the encoder layers; empty means no encoder layer.
    pub encoder_layers: Vec<usize>,
    /// Widths of the decoder layers; empty means no decoder layer.
    pub decoder_layers: Vec<usize>,
    /// Activation of each encoder layer; empty means `activation` everywhere.
    pub encoder_activations: Vec<Activation>,
    /// Activation of each decoder layer; empty means `activation` everywhere.
    pub decoder_activations: Vec<Activation>,
    /// Dropout probability after each encoder layer; empty means none.
    pub encoder_dropout: Vec<f32>,
    /// Dropout probability after each decoder layer; empty means none.
    pub decoder_dropout: Vec<f32>,
    /// Default activation.
    pub activation: Activation,
    /// How categories enter the first layer.
    #[serde(default)]
    pub embeddings: Embeddings,
    /// A category needs at least this many training rows to get a code of its own.
    pub min_cats: usize,
    /// Share of cells of each column drawn for swap noise, 0..1.
    pub swap_probability: f64,
    /// Learning rate of the first epoch.
    pub learning_rate: f64,
    /// Factor on the learning rate after each epoch.
    pub learning_rate_decay: f64,
    /// Rows a training step.
    pub batch_size: usize,
    /// Rows a scoring pass.
    pub eval_batch_size: usize,
    /// Passes over the training rows.
    pub epochs: usize,
    /// How weights follow gradients.
    pub optimizer: Optimizer,
    /// Scaler of numeric features that `scaler_overrides` does not name.
    pub scaler: Scaler,
    /// Scaler by column name.
    pub scaler_overrides: BTreeMap<String, Scaler>,
    /// Scaler of each feature's losses.
    pub loss_scaler: LossScaler,
    /// How feature losses add up to the training objective.
    pub objective: Objective,
    /// How text columns become features.
    pub typing: Typing,
    /// Stop after this many epochs in a row without a better validation loss; `None` never stops.
    pub patience: Option<usize>,
    /// Seed of every random stream of the model, together with the user's name.
    pub seed: u64,
    /// What scores a row besides the network.
    #[serde(default, skip_serializing_if = "Scorer::is_network")]
    pub scorer: Scorer,
    /// What a number means that is beyond those learnt.
    #[serde(default, skip_serializing_if = "Beyond::is_scaled")]
    pub beyond: Beyond,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            encoder_layers: Vec::new(),
            decoder_layers: Vec::new(),
            encoder_activations: Vec::new(),
            decoder_activations: Vec::new(),
            encoder_dropout: Vec::new(),
            decoder_dropout: Vec::new(),
            activation: Activation::Relu,
            embeddings: Embeddings::Concatenated,
            min_cats: 10,
            swap_probability: 0.15,
            learning_rate: 0.01,
            learning_rate_decay: 1.0,
            batch_size: 256,
            eval_batch_size: 1024,
            epochs: 1,
            optimizer: Optimizer::Adam {
                beta1: 0.9,
                beta2: 0.999,
                amsgrad: false,
                weight_decay: 0.0,
            },
            scaler: Scaler::Standard,
            scaler_overrides: BTreeMap::new(),
            loss_scaler: LossScaler::Standard,
            objective: Objective::SumOfGroups,
            typing: Typing::Main,
            patience: None,
            seed: 0,
            scorer: Scorer::Network,
            beyond: Beyond::Scaled,
        }
    }
}

impl ModelConfig {
    /// What the peer's `train-ae` uses: 512, 500 | 512, relu, plain SGD at 0.01 x 0.99^epoch,
    /// batches of 512, noise 0.2, every category kept, 25 epochs.
    pub fn pipeline() -> Self {
        Self {
            encoder_layers: vec![512, 500],
            decoder_layers: vec![512],
            min_cats: 1,
            swap_probability: 0.2,
            learning_rate_decay: 0.99,
            batch_size: 512,
            epochs: 25,
            optimizer: Optimizer::Sgd {
                momentum: 0.0,
                dampening: 0.0,
                nesterov: false,
                weight_decay: 0.0,
            },
            scaler: Scaler::GaussRank,
            ..Self::default()
        }
    }

    /// A small network trained well, for `rows` training rows: 64, 16 | 64, relu, Adam at 0.003,
    /// categories by tables of the first layer's width, batches of 128, noise 0.2, every category
    /// kept, [`ModelConfig::compact_epochs`]. About a hundredth of the arithmetic that a training row
    /// costs with [`ModelConfig::pipeline`].
    pub fn compact(rows: usize) -> Self {
        const BATCH_SIZE: usize = 128;
        Self {
            encoder_layers: vec![64, 16],
            decoder_layers: vec![64],
            embeddings: Embeddings::Summed,
            min_cats: 1,
            swap_probability: 0.2,
            learning_rate: 0.003,
            batch_size: BATCH_SIZE,
            epochs: Self::compact_epochs(rows, BATCH_SIZE),
            scaler: Scaler::GaussRank,
            objective: Objective::SumOverFeatures,
            beyond: Beyond::Distance,
            ..Self::default()
        }
    }

    /// Epochs that train a small network well: at least 4, and as many as make 200 steps, so that
    /// users with few rows are learnt too.
    pub fn compact_epochs(rows: usize, batch_size: usize) -> usize {
        Self::epochs_of_steps(200, rows, batch_size).max(4)
    }

    /// Whole epochs over `rows` rows in batches that make at least this many steps.
    pub fn epochs_of_steps(steps: usize, rows: usize, batch_size: usize) -> usize {
        steps.div_ceil(rows.div_ceil(batch_size.max(1)).max(1))
    }

    /// Whether a training step is so much work that sharing it among threads is faster than not.
    pub fn is_worth_many_threads(&self) -> bool {
        /// Multiplications of the hidden layers in a step forward: a tenth of a millisecond.
        const LEAST: usize = 1 << 22;
        let widths = self.encoder_layers.iter().chain(&self.decoder_layers);
        let pairs = widths.clone().zip(widths.skip(1));
        let weights = pairs.fold(0_usize, |sum, (a, b)| sum.saturating_add(a.saturating_mul(*b)));
        weights.saturating_mul(self.batch_size) >= LEAST
    }

    /// Refuses values that the mathematics cannot take.
    ///
    /// # Errors
    /// [`ModelError::Config`] names the option, the value and what would be accepted.
    pub fn check(&self) -> Result<(), ModelError> {
        let refuse = |option, value: String, accepted: &str| {
            Err(ModelError::Config { option, value, accepted: accepted.to_owned() })
        };
        let layers = self.encoder_layers.len() + self.decoder_layers.len();
        if layers == 0 {
            return refuse("encoder_layers", "[]".into(), "at least one encoder or decoder layer");
        }
        for (option, widths) in
            [("encoder_layers", &self.encoder_layers), ("decoder_layers", &self.decoder_layers)]
        {
            if widths.contains(&0) {
                return refuse(option, format!("{widths:?}"), "widths of at least 1");
            }
        }
        for (option, given, wanted) in [
            ("encoder_activations", self.encoder_activations.len(), self.encoder_layers.len()),
            ("decoder_activations", self.decoder_activations.len(), self.decoder_layers.len()),
            ("encoder_dropout", self.encoder_dropout.len(), self.encoder_layers.len()),
            ("decoder_dropout", self.decoder_dropout.len(), self.decoder_layers.len()),
        ] {
            if given != 0 && given != wanted {
                return refuse(option, format!("{given} entries"), "none, or one for each layer");
            }
        }
        for (option, p) in
            [("encoder_dropout", &self.encoder_dropout), ("decoder_dropout", &self.decoder_dropout)]
        {
            if p.iter().any(|p| !(0.0..1.0).contains(p)) {
                return refuse(option, format!("{p:?}"), "probabilities from 0 to below 1");
            }
        }
        if !(0.0..=1.0).contains(&self.swap_probability) {
            return refuse("swap_probability", self.swap_probability.to_string(), "0 to 1");
        }
        if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) {
            return refuse("learning_rate", self.learning_rate.to_string(), "a number above 0");
        }
        if !(self.learning_rate_decay.is_finite() && self.learning_rate_decay > 0.0) {
            return refuse(
                "learning_rate_decay",
                self.learning_rate_decay.to_string(),
                "a number above 0",
            );
        }
        for (option, n) in [
            ("batch_size", self.batch_size),
            ("eval_batch_size", self.eval_batch_size),
            ("epochs", self.epochs),
            ("min_cats", self.min_cats),
        ] {
            if n == 0 {
                return refuse(option, "0".into(), "1 or more");
            }
        }
        self.optimizer.check()
    }
}

/// What a row's score is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scorer {
    /// The network's reconstruction loss alone, as in the reference.
    #[default]
    Network,
    /// Also counts of values and, with two or more numeric features, distances to training rows,
    /// all of them brought to probabilities: see [`crate::combined`].
    Recommended,
}

impl Scorer {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_network(&self) -> bool {
        *self == Self::Network
    }
}

/// What becomes of a number beyond those that a feature has had in training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Beyond {
    /// What the scaler makes of it, as in the reference: it grows with the number, except that
    /// [`Scaler::GaussRank`] ends at the learnt range.
    #[default]
    Scaled,
    /// The network reads the nearest number that was learnt, and all scorers get the distance from it on
    /// top: ln(1 + distance / width of the learnt range). So the score grows with the distance whatever the
    /// network makes of inputs that it has never seen, and only this feature's part of it does.
    Distance,
}

impl Beyond {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_scaled(&self) -> bool {
        *self == Self::Scaled
    }
}

/// The 13 activations of the reference library, each applied after every hidden layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are PyTorch's; the formulas are in `kernels`")]
pub enum Activation {
    LeakyRelu,
    Relu,
    Sigmoid,
    Tanh,
    Selu,
    Hardtanh,
    Relu6,
    Elu,
    Celu,
    Rrelu,
    Hardshrink,
    Tanhshrink,
    Softsign,
}

/// How the categories of a row enter the first layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Embeddings {
    /// Each feature has a vector for every code, of [`crate::encode::embedding_width`]; the first
    /// layer reads them side by side: the library's.
    #[default]
    Concatenated,
    /// Each feature has a vector for every code, as wide as the first layer, to whose sums they are
    /// added: what a product with concatenated embeddings can be, by look-up alone.
    Summed,
}

/// The optimisers, with PyTorch's update rules.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are PyTorch's options of the same names")]
pub enum Optimizer {
    /// Stochastic gradient descent.
    Sgd { momentum: f64, dampening: f64, nesterov: bool, weight_decay: f64 },
    /// Adam with epsilon 1e-8 (Kingma and Ba 2015; AMSGrad: Reddi et al. 2018).
    Adam { beta1: f64, beta2: f64, amsgrad: bool, weight_decay: f64 },
}

impl Optimizer {
    fn check(&self) -> Result<(), ModelError> {
        let (option, value, accepted) = match *self {
            Self::Sgd { momentum, dampening, nesterov: true, .. }
                if momentum <= 0.0 || dampening != 0.0 =>
            {
                (
                    "nesterov",
                    format!("momentum {momentum}, dampening {dampening}"),
                    "a momentum above 0 and no dampening",
                )
            }
            Self::Adam { beta1, beta2, .. }
                if !((0.0..1.0).contains(&beta1) && (0.0..1.0).contains(&beta2)) =>
            {
                ("betas", format!("({beta1}, {beta2})"), "two numbers from 0 to below 1")
            }
            Self::Sgd { .. } | Self::Adam { .. } => return Ok(()),
        };
        Err(ModelError::Config { option, value, accepted: accepted.to_owned() })
    }
}

/// How a numeric feature is scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scaler {
    /// (x - mean) / population standard deviation.
    Standard,
    /// Quantiles mapped to a normal distribution.
    GaussRank,
    /// (x - median) / (1.486 MAD), robust against outliers.
    Modified,
    /// The value itself.
    None,
}

/// How a feature's losses are scaled to z values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossScaler {
    /// (loss - mean) / sample standard deviation.
    Standard,
    /// (loss - median) / (1.486 MAD).
    Modified,
    /// The loss itself.
    None,
}

impl LossScaler {
    /// What the result table's `z_loss_scaler_type` column says.
    pub fn label(self) -> &'static str {
        match self {
            Self::Standard => "z",
            Self::Modified => "modz",
            Self::None => "none_scaled",
        }
    }
}

/// How feature losses add up to the training objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// Mean over numeric + mean over binary + sum over categorical features: the library's.
    SumOfGroups,
    /// Mean over all features: the 24.06 pipeline's copy of the library.
    MeanOverFeatures,
    /// Sum over all features: [`ModelConfig::compact`]'s.
    SumOverFeatures,
}

/// Which columns become which kind of feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Typing {
    /// Text is categorical, booleans are binary.
    Main,
    /// As 22.06: text with fewer than three values is binary too, its commonest value 0.
    V2206,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_networks_are_trained_by_one_thread() {
        assert!(ModelConfig::pipeline().is_worth_many_threads());
        assert!(ModelConfig { batch_size: 32, ..ModelConfig::pipeline() }.is_worth_many_threads());
        assert!(!ModelConfig::compact(1_000_000).is_worth_many_threads());
    }

    #[test]
    fn compact_takes_200_steps_or_4_epochs() {
        for (rows, epochs) in
            [(0, 200), (1, 200), (128, 200), (129, 100), (6400, 4), (1_000_000, 4)]
        {
            let config = ModelConfig::compact(rows);
            assert_eq!(config.epochs, epochs, "{rows} rows");
            assert!(config.check().is_ok());
        }
    }
}
