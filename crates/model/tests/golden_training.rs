//! Two recorded fits: weights after each epoch, epoch losses, statistics, scores, result tables.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "this binary uses a part of the helper")]
mod common;
#[expect(dead_code, reason = "this binary uses a part of the helper")]
mod network;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef};
use common::{Tensors, golden_file, golden_json, golden_tensors, read_table, texts};
use dfp_model::config::{LossScaler, ModelConfig, Optimizer, Scaler};
use dfp_model::score::{FeatureScores, LossScale, ZSign, losses, row_means};
use dfp_model::train::{EpochData, train};
use dfp_model::{EncodedRows, FeaturePlan, UserModel};
use network::{Plan, assert_relative, assert_within};
use serde_json::Value;
use std::ops::ControlFlow;

/// The recorded fits; the second is not kept with the sources.
fn recordings() -> impl Iterator<Item = Recording> {
    let here = |name: &&str| golden_file(&format!("training/{name}.json")).is_some();
    ["sgd_gauss_rank", "adam_standard"].into_iter().filter(here).map(Recording::read)
}

/// One recorded fit.
struct Recording {
    name: &'static str,
    json: Value,
    /// Layers, and settings of the fit.
    network: Plan,
    plan: FeaturePlan,
    tables: Tensors,
}

/// The epochs' tables as they were drawn in the recorded fit.
struct RecordedEpochs<'a> {
    recording: &'a Recording,
    epoch: usize,
}

impl EpochData for RecordedEpochs<'_> {
    fn next_epoch(&mut self, clean: &mut EncodedRows, noisy: &mut EncodedRows) {
        self.epoch += 1;
        let Recording { network, tables, .. } = self.recording;
        let original = network.rows(tables, "clean.");
        let order: Vec<usize> = tables
            .i64(&format!("epoch{}.row_order", self.epoch))
            .1
            .iter()
            .map(|row| *row as usize)
            .collect();
        let (numeric, binary) = (network.shape.numeric, network.shape.binary);
        *clean = EncodedRows {
            rows: order.len(),
            numeric: reordered(&original.numeric, numeric, &order),
            binary: reordered(&original.binary, binary, &order),
            codes: reordered(&original.codes, network.shape.codes.len(), &order),
            ..EncodedRows::default()
        };
        *noisy = network.rows(tables, &format!("epoch{}.noisy.", self.epoch));
    }
}

fn reordered<T: Copy>(values: &[T], width: usize, order: &[usize]) -> Vec<T> {
    order.iter().flat_map(|row| values[row * width..(row + 1) * width].to_vec()).collect()
}

impl Recording {
    fn read(name: &'static str) -> Self {
        let json = golden_json(&format!("training/{name}.json"));
        let mut network = Plan::new(&json, &json["settings"]);
        network.config = config(&json["settings"], &network.config);
        let fitted = FeaturePlan::fit(&table("train"), &network.config).unwrap();
        let plan = with_recorded_vocabularies(&fitted, &json["categorical"]);
        let tables = golden_tensors(&format!("training/{name}.noise.safetensors"));
        Self { name, json, network, plan, tables }
    }

    fn tensors(&self, kind: &str) -> Tensors {
        golden_tensors(&format!("training/{}.{kind}.safetensors", self.name))
    }

    /// Trains from the recorded start for some epochs.
    fn train(&self, epochs: usize) -> (dfp_model::net::Network, Vec<f64>) {
        let config = ModelConfig { epochs, ..self.network.config.clone() };
        let mut trained = self.network.network(&self.tensors("initial_weights"), "");
        let names: Vec<&str> = self.plan.names().collect();
        let mut data = RecordedEpochs { recording: self, epoch: 0 };
        let go_on = &mut |_| ControlFlow::Continue(());
        let losses = train(&mut trained, &mut data, &names, None, &config, [0; 32], go_on).unwrap();
        (trained, losses)
    }

    /// The model after all recorded epochs.
    fn model(&self, loss_scaler: LossScaler) -> UserModel {
        let config = ModelConfig { loss_scaler, ..self.network.config.clone() };
        let (trained, epoch_losses) = self.train(config.epochs);
        let rows = self.network.rows(&self.tables, "clean.");
        let plan = self.plan.clone();
        UserModel::from_network("ana", plan, &config, trained, &rows, epoch_losses).unwrap()
    }
}

fn config(settings: &Value, layers: &ModelConfig) -> ModelConfig {
    let number = |key: &str| settings[key].as_f64().unwrap();
    let count = |key: &str| settings[key].as_u64().unwrap() as usize;
    let scaler: Scaler = serde_json::from_value(settings["scaler"].clone()).unwrap();
    let optimizer = match settings["optimizer"].as_str().unwrap() {
        "sgd" => ModelConfig::pipeline().optimizer,
        "adam" => ModelConfig::default().optimizer,
        other => panic!("unknown optimizer {other:?}"),
    };
    assert!(matches!(optimizer, Optimizer::Sgd { .. }) == (settings["optimizer"] == "sgd"));
    ModelConfig {
        optimizer,
        learning_rate: number("lr"),
        learning_rate_decay: settings["lr_decay"].as_f64().unwrap_or(1.0),
        scaler,
        min_cats: count("min_cats"),
        swap_probability: number("swap_p"),
        batch_size: count("batch_size"),
        epochs: count("epochs"),
        ..layers.clone()
    }
}

fn table(name: &str) -> arrow_array::RecordBatch {
    let schema = golden_json("features/schema.json");
    let kinds: Vec<(String, String)> = schema["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| (c["column"].as_str().unwrap().into(), c["csv_kind"].as_str().unwrap().into()))
        .collect();
    read_table(&golden_file(&format!("training/{name}.csv")).unwrap(), &kinds)
}

/// The reference leaves the order of equal counts open, so the codes are those it recorded.
fn with_recorded_vocabularies(plan: &FeaturePlan, recorded: &Value) -> FeaturePlan {
    let mut json = serde_json::to_value(plan).unwrap();
    let features = json["categorical"].as_array_mut().unwrap();
    assert_eq!(features.len(), recorded.as_array().unwrap().len());
    for (ours, recorded) in features.iter_mut().zip(recorded.as_array().unwrap()) {
        assert_eq!(ours["column"], recorded["feature"]);
        let texts = recorded["vocabulary"].as_array().unwrap().iter().map(|t| match t {
            Value::Bool(true) => Value::from("True"),
            Value::Bool(false) => Value::from("False"),
            other => other.clone(),
        });
        ours["vocabulary"] = texts.collect();
    }
    serde_json::from_value(json).unwrap()
}

#[test]
fn golden_tables_are_encoded_alike() {
    for recording in recordings() {
        let mut encoded = EncodedRows::default();
        recording.plan.encode(&table("train"), &mut encoded).unwrap();
        let want = recording.network.rows(&recording.tables, "clean.");
        assert_eq!((encoded.rows, &encoded.codes), (want.rows, &want.codes));
        assert_eq!(encoded.binary, want.binary);
        assert_relative(recording.name, &encoded.numeric, &want.numeric, 1e-6);
    }
}

#[test]
fn golden_weights_and_losses_after_each_epoch() {
    for recording in recordings() {
        let recorded = recording.tensors("weights_after_epochs");
        for epoch in 1..=recording.network.config.epochs {
            let (network, losses) = recording.train(epoch);
            let want = recording.network.weights(&recorded, &format!("epoch{epoch}."));
            let what = format!("{} epoch {epoch}", recording.name);
            assert_within(&what, network.weights(), &want, 1e-5);
            let want = recording.json["epochs"][epoch - 1]["mean_loss"].as_f64().unwrap();
            assert_relative(&what, &[losses[epoch - 1] as f32], &[want as f32], 1e-5);
        }
    }
}

#[test]
fn golden_losses_statistics_and_scores() {
    for recording in recordings() {
        let model = recording.model(LossScaler::Standard);
        let recorded = recording.tensors("scores");
        let statistics = &recording.json["loss_statistics"];
        let features = texts(&statistics["features"]);
        assert_eq!(recording.plan.names().collect::<Vec<_>>(), features);
        let (network, _) = recording.train(recording.network.config.epochs);
        let train = losses(&network, &recording.network.rows(&recording.tables, "clean."), 1024);
        assert_relative("train.loss", &train, &recorded.f32("train.loss").1, 1e-5);
        let scores = row_means(&train, features.len());
        assert_relative("train.score", &scores, &recorded.f32("train.score").1, 1e-5);

        for (f, name) in features.iter().enumerate() {
            let fit = |scaler| {
                let mut column: Vec<f32> =
                    train.iter().skip(f).step_by(features.len()).copied().collect();
                LossScale::fit(scaler, &mut column)
            };
            let number =
                |kind: &str, key: &str| statistics[kind][name][key].as_f64().unwrap() as f32;
            let standard = fit(LossScaler::Standard);
            assert_eq!(standard, model.header().loss_scales[f]);
            let want = [number("standard", "mean"), number("standard", "std")];
            assert_relative(name, &[standard.location, standard.spread], &want, 1e-5);
            let modified = fit(LossScaler::Modified);
            let (mad, mean) = (number("modified", "mad"), number("modified", "meanad"));
            let spread = if mad == 0.0 { 1.253_314 * mean } else { 1.486 * mad };
            let want = [number("modified", "median"), spread];
            assert_relative(name, &[modified.location, modified.spread], &want, 1e-5);
        }

        let recorded_scores = &recording.json["scores"];
        let number = |key: &str| recorded_scores[key].as_f64().unwrap() as f32;
        let scale = model.header().score_scale;
        let want = [number("train_scores_mean"), number("train_scores_std_population")];
        assert_relative("score scale", &[scale.mean, scale.std], &want, 1e-5);

        let test = model.score_features(&model.encode(&table("test")).unwrap());
        assert_relative("test.loss", &test.loss, &recorded.f32("test.loss").1, 1e-5);
        assert_relative("test.score", &test.anomaly_score, &recorded.f32("test.score").1, 1e-5);
        assert_relative("test.z", &test.zscore, &recorded.f32("test.z_2406").1, 1e-4);
    }
}

#[test]
fn golden_result_tables() {
    for recording in recordings() {
        for scaler in [LossScaler::Standard, LossScaler::Modified] {
            let model = recording.model(scaler);
            let rows = model.encode(&table("test")).unwrap();
            for (sign, suffix) in [(ZSign::Signed, ""), (ZSign::Absolute, "_abs")] {
                let kind = if scaler == LossScaler::Modified { "modified" } else { "standard" };
                let file = format!("training/{}.results_{kind}{suffix}.csv", recording.name);
                let Some(path) = golden_file(&file) else { continue };
                let scores = model.score_features_signed(&rows, sign);
                compare_results(&recording, &scores, &path, scaler.label());
            }
        }
    }
}

/// The recorded table's columns by name.
fn read_results(path: &std::path::Path) -> impl Fn(&str) -> Option<Vec<String>> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let header = reader.headers().unwrap().clone();
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    move |name: &str| {
        let position = header.iter().position(|h| h == name)?;
        Some(records.iter().map(|record| record[position].to_owned()).collect())
    }
}

fn compare_results(
    recording: &Recording,
    scores: &FeatureScores,
    path: &std::path::Path,
    label: &str,
) {
    let recorded = read_results(path);
    let numbers = |name: &str| -> Option<Vec<f32>> {
        Some(recorded(name)?.iter().map(|cell| cell.parse().unwrap()).collect())
    };
    let mut compared = 0;
    for (f, name) in scores.names.iter().enumerate() {
        let column = |values: &[f32]| -> Vec<f32> {
            values.iter().skip(f).step_by(scores.names.len()).copied().collect()
        };
        // The table of absolute values holds the z columns alone.
        if let Some(want) = numbers(&format!("{name}_loss")) {
            assert_relative(name, &column(&scores.loss), &want, 1e-5);
            let want = recorded(&format!("{name}_pred")).unwrap();
            compare_predictions(recording, name, &scores.predictions[f], &want);
            compared += 1;
        }
        let want = numbers(&format!("{name}_z_loss")).unwrap();
        assert_relative(name, &column(&scores.z_loss), &want, 1e-4);
    }
    assert!(compared == 0 || compared == scores.names.len());
    assert_relative("max", &scores.max_abs_z, &numbers("max_abs_z").unwrap(), 1e-4);
    assert_relative("mean", &scores.mean_abs_z, &numbers("mean_abs_z").unwrap(), 1e-4);
    if let Some(labels) = recorded("z_loss_scaler_type") {
        assert!(labels.iter().all(|cell| cell == label));
    }
}

fn compare_predictions(recording: &Recording, name: &str, got: &ArrayRef, want: &[String]) {
    if let Some(got) = got.as_primitive_opt::<Float64Type>() {
        // The inverse of the rank transform is steep in the tails.
        let gauss_rank = recording.network.config.scaler == Scaler::GaussRank;
        let tolerance = if gauss_rank { 1e-3 } else { 1e-4 };
        for (got, want) in got.values().iter().zip(want) {
            let want: f64 = want.parse().unwrap();
            assert!((got - want).abs() <= tolerance * want.abs().max(1.0), "{name}: {got}, {want}");
        }
    } else if let Some(got) = got.as_boolean_opt() {
        // The reference reports the opposite of what it predicts: its category pair of a boolean
        // column is (True, False), but it looks the rounded probability up as if it were
        // (False, True).
        for (got, want) in got.values().iter().zip(want) {
            assert_eq!(got, want == "False", "{name}");
        }
    } else {
        let got: Vec<&str> = got.as_string::<i32>().iter().flatten().collect();
        assert_eq!(got, want, "{name}");
    }
    assert_eq!(got.null_count(), 0);
}
