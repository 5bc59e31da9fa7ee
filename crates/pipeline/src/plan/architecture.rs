//! Which model a user gets: an architecture, and what was asked for in place of its values.

use dfp_model::ModelConfig;
use dfp_model::combined::network_rows;
use dfp_model::config::{Activation, Beyond, LossScaler, Optimizer, Scaler, Scorer};
use std::collections::BTreeMap;

/// A step of the peer's network needs this many rows, where a user has them.
const SMALLEST_BATCH: usize = 32;
/// An epoch has at least this many steps, where the smallest batch allows it. The peer makes one
/// step an epoch for any user with up to 512 rows, and its models of such users stay untrained.
const STEPS_AN_EPOCH: usize = 6;

/// A network and the way it is trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Architecture {
    /// [`ModelConfig::pipeline`] with the scaler of 24.06, and smaller batches for small users.
    #[default]
    Peer,
    /// [`ModelConfig::compact`].
    Compact,
}

/// How long training takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Passes over the training rows.
    Epochs(usize),
    /// Whole epochs that make at least this many steps.
    Steps(usize),
}

/// The settings of every user's model; `None` is the architecture's own value.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the fields are options, described in the table")]
pub struct ModelSettings {
    pub architecture: Option<Architecture>,
    pub scorer: Scorer,
    pub length: Option<Length>,
    pub encoder_layers: Option<Vec<usize>>,
    pub decoder_layers: Option<Vec<usize>>,
    pub activation: Option<Activation>,
    pub optimizer: Option<Optimizer>,
    pub learning_rate: Option<f64>,
    pub learning_rate_decay: Option<f64>,
    pub batch_size: Option<usize>,
    pub swap_noise: Option<f64>,
    pub scaler: Option<Scaler>,
    pub beyond: Option<Beyond>,
    pub scaler_overrides: BTreeMap<String, Scaler>,
    pub loss_scaler: Option<LossScaler>,
}

impl ModelSettings {
    /// The architecture asked for, else the one that goes with the scorer.
    pub fn architecture(&self) -> Architecture {
        self.architecture.unwrap_or(match self.scorer {
            Scorer::Network => Architecture::Peer,
            Scorer::Recommended => Architecture::Compact,
        })
    }

    /// What numbers beyond those learnt are. The reference's network keeps its way of reading them, in which
    /// they grow without end, unless a scaler ends at the learnt range, or counts are to know how far they are.
    fn beyond(&self, of_base: Beyond) -> Beyond {
        let ranks = || self.scaler.iter().chain(self.scaler_overrides.values());
        self.beyond.unwrap_or_else(|| {
            let ends = ranks().any(|scaler| *scaler == Scaler::GaussRank);
            match ends || self.scorer == Scorer::Recommended {
                true => Beyond::Distance,
                false => of_base,
            }
        })
    }

    /// The model of a user with `rows` training rows.
    pub fn config(&self, rows: usize, seed: u64) -> ModelConfig {
        let rows = match self.scorer {
            Scorer::Network => rows,
            Scorer::Recommended => network_rows(rows),
        };
        let base = match self.architecture() {
            Architecture::Peer => peer(rows),
            Architecture::Compact => ModelConfig::compact(rows),
        };
        let batch_size = self.batch_size.unwrap_or(base.batch_size);
        let epochs = match (self.length, self.architecture()) {
            (Some(Length::Epochs(epochs)), _) => epochs,
            (Some(Length::Steps(steps)), _) => {
                ModelConfig::epochs_of_steps(steps, rows, batch_size)
            }
            (None, Architecture::Peer) => base.epochs,
            (None, Architecture::Compact) => ModelConfig::compact_epochs(rows, batch_size),
        };
        ModelConfig {
            encoder_layers: self.encoder_layers.clone().unwrap_or(base.encoder_layers),
            decoder_layers: self.decoder_layers.clone().unwrap_or(base.decoder_layers),
            activation: self.activation.unwrap_or(base.activation),
            optimizer: self.optimizer.unwrap_or(base.optimizer),
            learning_rate: self.learning_rate.unwrap_or(base.learning_rate),
            learning_rate_decay: self.learning_rate_decay.unwrap_or(base.learning_rate_decay),
            batch_size,
            epochs,
            swap_probability: self.swap_noise.unwrap_or(base.swap_probability),
            scaler: self.scaler.unwrap_or(base.scaler),
            beyond: self.beyond(base.beyond),
            scaler_overrides: self.scaler_overrides.clone(),
            loss_scaler: self.loss_scaler.unwrap_or(base.loss_scaler),
            seed,
            scorer: self.scorer,
            ..base
        }
    }
}

fn peer(rows: usize) -> ModelConfig {
    let base = ModelConfig::pipeline();
    ModelConfig {
        batch_size: (rows / STEPS_AN_EPOCH).clamp(SMALLEST_BATCH, base.batch_size),
        scaler: Scaler::Standard,
        ..base
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peers_network_takes_smaller_batches_for_small_users() {
        let settings = ModelSettings::default();
        for (rows, batch_size) in [(1, 32), (600, 100), (3239, 512)] {
            let config = settings.config(rows, 7);
            let expected = ModelConfig {
                batch_size,
                scaler: Scaler::Standard,
                seed: 7,
                ..ModelConfig::pipeline()
            };
            assert_eq!(config, expected, "{rows} rows");
        }
    }

    #[test]
    fn the_small_network_keeps_its_number_of_steps_with_other_batches() {
        let compact =
            ModelSettings { architecture: Some(Architecture::Compact), ..Default::default() };
        assert_eq!(compact.config(1000, 0), ModelConfig::compact(1000));
        let large = ModelSettings { batch_size: Some(500), ..compact.clone() };
        assert_eq!(large.config(1000, 0).epochs, 100);
        let steps = ModelSettings { length: Some(Length::Steps(3)), ..large.clone() };
        assert_eq!(steps.config(1000, 0).epochs, 2);
        let epochs = ModelSettings { length: Some(Length::Epochs(1)), ..large };
        assert_eq!(epochs.config(1000, 0).epochs, 1);
    }

    #[test]
    fn the_recommended_scorer_takes_the_small_network_and_keeps_its_steps() {
        let settings = ModelSettings { scorer: Scorer::Recommended, ..Default::default() };
        for rows in [1, 59, 60, 1000, 6400] {
            let config = settings.config(rows, 0);
            let learnt = network_rows(rows);
            let expected =
                ModelConfig { scorer: Scorer::Recommended, ..ModelConfig::compact(learnt) };
            assert_eq!(config, expected, "{rows} rows");
            assert!(config.epochs * learnt.div_ceil(config.batch_size) >= 200, "{rows} rows");
        }
        let peer = ModelSettings { architecture: Some(Architecture::Peer), ..settings };
        assert_eq!(peer.config(100, 0).beyond, Beyond::Distance);
        assert_eq!(peer.config(100, 0).encoder_layers, [512, 500]);
    }

    #[test]
    fn numbers_beyond_those_learnt_have_an_end_only_if_asked_for() {
        let beyond = |settings: ModelSettings| settings.config(100, 0).beyond;
        let ranks = ModelSettings { scaler: Some(Scaler::GaussRank), ..Default::default() };
        assert_eq!(beyond(ModelSettings::default()), Beyond::Scaled);
        assert_eq!(beyond(ranks.clone()), Beyond::Distance);
        let reference = ModelSettings { beyond: Some(Beyond::Scaled), ..ranks };
        assert_eq!(beyond(reference.clone()), Beyond::Scaled);
        let compact = Some(Architecture::Compact);
        assert_eq!(beyond(ModelSettings { architecture: compact, ..reference }), Beyond::Scaled);
        let one = BTreeMap::from([("logcount".to_owned(), Scaler::GaussRank)]);
        let one = ModelSettings { scaler_overrides: one, ..Default::default() };
        assert_eq!(beyond(one), Beyond::Distance);
    }

    #[test]
    fn what_was_asked_for_goes_before_the_architecture() {
        let settings = ModelSettings {
            architecture: Some(Architecture::Compact),
            encoder_layers: Some(vec![8]),
            decoder_layers: Some(Vec::new()),
            activation: Some(Activation::Tanh),
            learning_rate: Some(0.5),
            learning_rate_decay: Some(0.9),
            swap_noise: Some(0.0),
            scaler: Some(Scaler::Modified),
            scaler_overrides: BTreeMap::from([("logcount".to_owned(), Scaler::None)]),
            loss_scaler: Some(LossScaler::None),
            ..ModelSettings::default()
        };
        let expected = ModelConfig {
            encoder_layers: vec![8],
            decoder_layers: Vec::new(),
            activation: Activation::Tanh,
            learning_rate: 0.5,
            learning_rate_decay: 0.9,
            swap_probability: 0.0,
            scaler: Scaler::Modified,
            scaler_overrides: BTreeMap::from([("logcount".to_owned(), Scaler::None)]),
            loss_scaler: LossScaler::None,
            ..ModelConfig::compact(10)
        };
        assert_eq!(settings.config(10, 0), expected);
    }
}
