//! The check of `train-ae`.

use super::OptionTexts;
use super::check::Checker;
use super::values::Values;
use dfp_features::Features;
use dfp_features::Source;
use dfp_model::config::{Activation, Beyond, LossScaler, ModelConfig, Optimizer, Scaler, Scorer};
use dfp_pipeline::plan::{Architecture, Length, ModelSettings};
use dfp_pipeline::plan::{Details, ModelStore, StageSettings, TrainAe};
use dfp_pipeline::plan::{HistoryLength, Promote, RetrainRules};
use dfp_registry::library::LookupOptions;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::StrDeserializer;

/// What the peer's scripts may carry along where nothing is trained.
const OF_TRAINING: [&str; 5] =
    ["train_data_glob", "train_epochs", "train_min_history", "train_max_history", "seed"];

/// Of models that are learnt from messages: the share of a history on which a new one is held against the one before.
const HELD_OUT: f64 = 0.2;
/// Rows that a user needs for a version in a store, and for another one, if nobody asks for other numbers.
const OF_A_STORE: usize = 300;
/// And rows of a user that are kept, and learnt, if nobody asks for another number.
const DEFAULT_MAX_HISTORY: usize = 1000;

/// What no script carries that was not written for this program.
const OF_THE_MODEL: [&str; 11] = [
    "architecture",
    "train_steps",
    "encoder_layers",
    "decoder_layers",
    "activation",
    "optimizer",
    "learning_rate",
    "learning_rate_decay",
    "train_batch_size",
    "swap_noise",
    "loss_scaler",
];

impl Checker {
    /// Checks `values`, which were read from the texts `typed`; `run` and `pipeline` are the values
    /// of the commands before.
    pub(super) fn train_ae(
        &mut self,
        values: &Values,
        (run, pipeline, source, features): (&Values, &Values, &Source, &Features),
        typed: &OptionTexts,
    ) -> TrainAe {
        let pretrained = values.text("pretrained_filename");
        let glob = values.text("train_data_glob");
        let store = values.text("model_store");
        if pretrained.is_some() {
            self.nothing_is_trained(typed, pipeline, "--pretrained_filename");
            if store.is_some() {
                self.mistakes.push(
                    "train-ae: --pretrained_filename and --model_store both say where models come from; leave one of the two out".to_owned(),
                );
            }
        } else if store.is_some() && glob.is_none() && !values.bool("train_continuously") {
            self.nothing_is_trained(typed, pipeline, "--model_store and no --train_data_glob");
        }
        let unread = store.is_none() || glob.is_some();
        let of_look_up = ["model_cache", "model_refresh"].into_iter();
        self.mistakes.extend(of_look_up.filter(|name| unread && typed.contains_key(*name)).map(|name| {
            format!("train-ae: --{name} is about models that are read from --model_store; without that, or with --train_data_glob, none is")
        }));
        if let Some(class) = values.text("source_stage_class") {
            let name = class.rsplit('.').next().unwrap_or(class);
            if name != source.stage && Some(name) != source.class {
                self.mistakes.push(format!(
                    "train-ae: --source_stage_class: training files are read as {} reads; {class:?} is another source; expected {}",
                    source.stage,
                    source.class.unwrap_or(source.stage)
                ));
            }
        }
        let into_a_store = store.is_some() && values.bool("train_continuously");
        let usual = if into_a_store { OF_A_STORE } else { 2 };
        let min_history = values.count("train_min_history").unwrap_or(usual);
        let max_history = values.count("train_max_history");
        if max_history.is_some_and(|max| max < min_history) {
            self.mistakes.push(format!(
                "train-ae: --train_max_history {} is below --train_min_history {min_history}: no user could be trained",
                max_history.unwrap_or_default()
            ));
        }
        let on_messages = self.on_messages(values, typed, min_history, max_history);
        let asked = values.seed("seed").or_else(|| run.seed("manual_seed"));
        TrainAe {
            pretrained_filename: values.path("pretrained_filename"),
            train_data_glob: glob.filter(|_| pretrained.is_none()).map(str::to_owned),
            model_store: store.map(|name| ModelStore {
                name: name.to_owned(),
                lookup: LookupOptions {
                    memory: values.count("model_cache").unwrap_or(1) as u64 * 1_000_000,
                    refresh: values.duration("model_refresh").unwrap_or_default(),
                    // Set by what the rows are scored with.
                    with_counts: false,
                    generic_user: values.owned("generic_user"),
                },
            }),
            model: Box::new(self.model(values, pipeline, features)),
            min_history,
            max_history,
            on_messages,
            generic_user: values.owned("generic_user"),
            model_limits: values.model_limits(),
            // Small enough to be typed again.
            seed: asked.unwrap_or_else(|| u64::from(rand::random::<u32>())),
            seed_is_drawn: asked.is_none(),
            models_output_filename: values.path("models_output_filename"),
        }
    }

    /// The rules of models that are learnt from messages, if any are.
    fn on_messages(
        &mut self,
        values: &Values,
        typed: &OptionTexts,
        min_history: usize,
        max_history: Option<usize>,
    ) -> Option<RetrainRules> {
        let store = values.text("model_store");
        let elsewhere = ["train_data_glob", "pretrained_filename"]
            .into_iter()
            .find(|name| values.text(name).is_some());
        let asked = values.bool("train_continuously");
        if let (true, Some(name)) = (asked, elsewhere) {
            self.mistakes.push(format!(
                "train-ae: --train_continuously learns from messages, and --{name} says that models come from elsewhere; leave one of the two out"
            ));
        }
        if elsewhere.is_some() || (store.is_some() && !asked) {
            let of_messages = ["train_min_increment", "train_every", "train_promote"].into_iter();
            self.mistakes.extend(of_messages.filter(|name| typed.contains_key(*name)).map(|name| {
                format!("train-ae: --{name} is about models that are learnt from messages, and here they come from elsewhere; leave it out, or add --train_continuously to --model_store")
            }));
            return None;
        }
        let promote = match (values.text("train_promote"), store) {
            (Some("never"), None) => {
                self.mistakes.push(
                    "train-ae: --train_promote never: without --model_store a model that is not used is lost; expected always, better, or a store"
                        .to_owned(),
                );
                Promote::Never
            }
            (Some("never"), _) => Promote::Never,
            (Some("better"), _) | (None, Some(_)) => Promote::Better,
            _ => Promote::Always,
        };
        if store.is_some() && typed.contains_key("models_output_filename") {
            self.mistakes.push(
                "train-ae: --models_output_filename writes what was trained, and with --train_continuously that goes into --model_store; morpheus models export writes files"
                    .to_owned(),
            );
        }
        let every = values.duration("train_every");
        let increment = values.count("train_min_increment");
        let usual = if store.is_some() { OF_A_STORE } else { 1 };
        Some(RetrainRules {
            min_history,
            min_increment: increment.or_else(|| every.is_none().then_some(usual)),
            retrain_every: every.map(|time| i64::try_from(time.as_micros()).unwrap_or(i64::MAX)),
            max_history: Some(HistoryLength::Rows(
                max_history.unwrap_or(DEFAULT_MAX_HISTORY.max(min_history)),
            )),
            promote,
            held_out: HELD_OUT,
            prefix: "train_",
            schedule: "every",
        })
    }

    fn nothing_is_trained(&mut self, typed: &OptionTexts, pipeline: &Values, why: &str) {
        let given = |option: &&&str| typed.contains_key(**option);
        let without_effect = OF_TRAINING.iter().filter(given).map(|option| (*option, "train-ae"));
        let scaler = pipeline.text("feature_scaler").map(|_| ("feature_scaler", pipeline.place));
        self.notes.extend(without_effect.chain(scaler).map(|(option, place)| {
            format!("--{option} of {place} has no effect: with {why} nothing is trained")
        }));
        self.mistakes.extend(OF_THE_MODEL.iter().filter(given).map(|option| {
            format!("train-ae: --{option} is about training, and with {why} nothing is trained; leave one of the two out")
        }));
        if typed.contains_key("models_output_filename") {
            self.mistakes.push(format!(
                "train-ae: --models_output_filename writes what was trained, and with {why} nothing is; copy the file instead"
            ));
        }
    }

    fn model(&mut self, values: &Values, pipeline: &Values, features: &Features) -> ModelSettings {
        let epochs = values.count("train_epochs").map(Length::Epochs);
        let steps = values.count("train_steps").map(Length::Steps);
        if epochs.is_some() && steps.is_some() {
            self.mistakes.push(
                "train-ae: --train_steps and --train_epochs both say how long to train; leave one of the two out"
                    .to_owned(),
            );
        }
        let settings = ModelSettings {
            architecture: values.text("architecture").map(|word| match word {
                "compact" => Architecture::Compact,
                _ => Architecture::Peer,
            }),
            // Set by what the rows are scored with.
            scorer: Scorer::Network,
            length: steps.or(epochs),
            encoder_layers: values.widths("encoder_layers"),
            decoder_layers: values.widths("decoder_layers"),
            activation: values.text("activation").and_then(activation),
            optimizer: values.text("optimizer").map(optimizer),
            learning_rate: values.number("learning_rate"),
            learning_rate_decay: values.number("learning_rate_decay"),
            batch_size: values.count("train_batch_size"),
            swap_noise: values.number("swap_noise"),
            scaler: pipeline.text("feature_scaler").map(scaler),
            beyond: (pipeline.text("feature_scaler") == Some("GAUSS_RANK_REFERENCE"))
                .then_some(Beyond::Scaled),
            scaler_overrides: features.scalers(),
            loss_scaler: values.text("loss_scaler").map(loss_scaler),
        };
        // What single values cannot show, above all that there is a layer.
        if let Err(why) = settings.config(1, 0).check() {
            self.mistakes.push(format!("train-ae: {why}"));
        }
        settings
    }

    /// Refuses a loss scaler that nothing reads.
    pub(super) fn unused_loss_scaler(&mut self, stages: &[StageSettings]) {
        let asked = stages.iter().any(|stage| {
            matches!(stage, StageSettings::TrainAe(s)
                if s.model.loss_scaler.is_some() && s.models_output_filename.is_none() && s.model_store.is_none())
        });
        let used = stages
            .iter()
            .any(|stage| matches!(stage, StageSettings::AddScores(s) if s.details > Details::None));
        if asked && !used {
            self.mistakes.push(
                "train-ae: --loss_scaler is about z-losses, and nothing writes them; add --details z_loss to add-scores, or leave it out"
                    .to_owned(),
            );
        }
    }
}

fn activation(word: &str) -> Option<Activation> {
    let word: StrDeserializer<'_, serde::de::value::Error> = word.into_deserializer();
    Activation::deserialize(word).ok()
}

fn optimizer(word: &str) -> Optimizer {
    match word {
        "adam" => ModelConfig::default().optimizer,
        _ => ModelConfig::pipeline().optimizer,
    }
}

fn scaler(word: &str) -> Scaler {
    match word {
        "GAUSS_RANK" | "GAUSSRANK" | "GAUSS_RANK_REFERENCE" => Scaler::GaussRank,
        "MODIFIED" => Scaler::Modified,
        "NONE" => Scaler::None,
        _ => Scaler::Standard,
    }
}

fn loss_scaler(word: &str) -> LossScaler {
    match word {
        "MODIFIED" => LossScaler::Modified,
        "NONE" => LossScaler::None,
        _ => LossScaler::Standard,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{self, Kind};

    #[test]
    fn every_activation_of_the_table_is_one() {
        let options = options::stage("train-ae").unwrap().options;
        let Kind::Choice(words) = options::option(options, "activation").unwrap().kind else {
            panic!("a choice");
        };
        assert_eq!(words.len(), 13);
        for word in words {
            assert!(activation(word).is_some(), "{word}");
        }
    }

    #[test]
    fn every_option_of_the_model_is_in_the_table() {
        let options = options::stage("train-ae").unwrap().options;
        for name in OF_TRAINING.iter().chain(&OF_THE_MODEL) {
            assert!(options::option(options, name).is_some(), "{name}");
        }
    }
}
