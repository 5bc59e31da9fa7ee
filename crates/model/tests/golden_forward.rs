//! Layers, outputs, losses and scores against the recorded ones.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "this binary uses a part of the helper")]
mod common;
mod network;

use common::{Tensors, golden_file, golden_json, golden_tensors, texts};
use dfp_model::EncodedRows;
use dfp_model::config::{Activation, ModelConfig};
use dfp_model::encode::FeatureShape;
use dfp_model::net::{Evaluation, Layout, Network, Rows};
use dfp_model::score::row_means;
use network::{Plan, assert_close, assert_relative, assert_within};
use serde_json::json;

/// Columns `columns` of rows, one after another.
fn part<'a>(rows: impl Iterator<Item = &'a [f32]>, columns: std::ops::Range<usize>) -> Vec<f32> {
    rows.flat_map(|row| row[columns.clone()].to_vec()).collect()
}

fn run<'a>(network: &'a Network, rows: &EncodedRows) -> Evaluation<'a> {
    let mut evaluation = Evaluation::new(network);
    evaluation.run(Rows::of(rows, network.layout().shape(), 0..rows.rows));
    evaluation
}

/// Compares all that was recorded of one forward pass.
fn compare(
    plan: &Plan,
    evaluation: &Evaluation<'_>,
    recorded: &Tensors,
    prefix: &str,
    losses: f32,
) {
    let want = |name: &str| recorded.f32(&format!("{prefix}{name}")).1;
    let encoders = plan.config.encoder_layers.len();
    for i in 0..encoders + plan.config.decoder_layers.len() {
        let name = match i.checked_sub(encoders) {
            None => format!("hidden.encoder_{i}"),
            Some(i) => format!("hidden.decoder_{i}"),
        };
        assert_close(&name, &evaluation.hidden(i), &want(&name), 1e-5);
    }
    let mut at = 0;
    let mut outputs = |name: &str, width: usize| {
        if width > 0 {
            let got = part(evaluation.outputs().chunks_exact(plan.shape.outputs()), at..at + width);
            assert_close(name, &got, &want(name), 1e-5);
        }
        at += width;
    };
    outputs("out.numeric", plan.shape.numeric);
    outputs("out.binary_logits", plan.shape.binary);
    for (codes, name) in plan.shape.codes.iter().zip(&plan.categorical) {
        outputs(&format!("out.logits.{name}"), *codes);
    }
    let (features, mut at) = (plan.shape.features(), 0);
    for (kind, width) in [
        ("loss.numeric", plan.shape.numeric),
        ("loss.binary", plan.shape.binary),
        ("loss.categorical", plan.shape.codes.len()),
    ] {
        if width > 0 {
            let got = part(evaluation.losses().chunks_exact(features), at..at + width);
            assert_relative(kind, &got, &want(kind), losses);
        }
        at += width;
    }
    assert_relative("score", &row_means(evaluation.losses(), features), &want("score"), 1e-5);
}

fn compare_input(evaluation: &Evaluation<'_>, recorded: &Tensors) {
    let (shape, want) = recorded.f32("input");
    assert_eq!((evaluation.inputs().len() / shape[0], evaluation.inputs()), (shape[1], want));
}

#[test]
fn golden_mixed_features() {
    let settings = golden_json("forward/mixed_plan.json");
    let plan = Plan::new(&settings, &settings);
    let network = plan.network(&golden_tensors("forward/mixed_weights.safetensors"), "");
    let recorded = golden_tensors("forward/mixed_relu.safetensors");
    let evaluation = run(&network, &plan.rows(&recorded, "in."));
    compare_input(&evaluation, &recorded);
    compare(&plan, &evaluation, &recorded, "", 1e-5);
}

#[test]
fn golden_cloudtrail() {
    let Some(recorded) = golden_file("forward/cloudtrail.safetensors") else { return };
    let recorded = Tensors::read(&recorded);
    let settings = golden_json("forward/cloudtrail_plan.json");
    let plan = Plan::new(&settings, &settings);
    let network = plan.network(&golden_tensors("forward/cloudtrail_weights.safetensors"), "");
    let evaluation = run(&network, &plan.rows(&recorded, "in."));
    compare_input(&evaluation, &recorded);
    compare(&plan, &evaluation, &recorded, "", 1e-5);
}

#[test]
fn golden_activations() {
    let settings = golden_json("forward/mixed_plan.json");
    let weights = golden_tensors("forward/activations_weights.safetensors");
    let recorded = golden_tensors("forward/activations.safetensors");
    let names = texts(&golden_json("forward/activations_plan.json")["activations"]);
    assert_eq!(names.len(), 13);
    for name in names {
        let activation: Activation = serde_json::from_value(json!(name)).unwrap();
        let plan = Plan::new(&settings, &settings).with_activation(activation);
        let network = plan.network(&weights, "");
        let evaluation = run(&network, &plan.rows(&recorded, "in."));
        compare_input(&evaluation, &recorded);
        compare(&plan, &evaluation, &recorded, &format!("{name}."), 1e-4);
    }
}

#[test]
fn golden_activation_points() {
    let recorded = golden_tensors("forward/activation_points.safetensors");
    let (_, numeric) = recorded.f32("x");
    for name in recorded.names().iter().filter(|name| *name != "x") {
        // One feature, one hidden value: the activation of the input.
        let config = ModelConfig {
            encoder_layers: vec![1],
            activation: serde_json::from_value(json!(name)).unwrap(),
            ..ModelConfig::default()
        };
        let shape = FeatureShape { numeric: 1, binary: 0, codes: vec![] };
        let layout = Layout::new(&shape, &config);
        let network = Network::with_weights(layout, vec![1.0, 0.0, 0.0, 0.0]).unwrap();
        let rows =
            EncodedRows { rows: numeric.len(), numeric: numeric.clone(), ..EncodedRows::default() };
        let got = run(&network, &rows).hidden(0);
        assert_relative(name, &got, &recorded.f32(name).1, 1e-6);
    }
}

/// A network that puts out its `n` numeric inputs as the logits of one other feature.
fn passes_logits(n: usize, shape: &FeatureShape) -> Network {
    // x = relu(x) - relu(-x)
    let config = ModelConfig { encoder_layers: vec![2 * n], ..ModelConfig::default() };
    let layout = Layout::new(shape, &config);
    let mut weights = vec![0.0; layout.len()];
    for parameter in layout.parameters(&["c"]) {
        let columns = parameter.shape.last().copied().unwrap();
        let tensor = &mut weights[parameter.range];
        match parameter.name.as_str() {
            "encoder_0.linear_layer.weight" => {
                for i in 0..n {
                    tensor[2 * i * columns + i] = 1.0;
                    tensor[(2 * i + 1) * columns + i] = -1.0;
                }
            }
            "binary_output.weight" | "c output.weight" if !tensor.is_empty() => {
                for i in 0..n {
                    tensor[i * columns + 2 * i] = 1.0;
                    tensor[i * columns + 2 * i + 1] = -1.0;
                }
            }
            _ => {}
        }
    }
    Network::with_weights(layout, weights).unwrap()
}

#[test]
fn golden_binary_cross_entropy() {
    let recorded = golden_tensors("forward/loss_points.safetensors");
    let (_, logits) = recorded.f32("bce.logit");
    let shape = FeatureShape { numeric: 1, binary: 1, codes: vec![] };
    let network = passes_logits(1, &shape);
    for (name, target) in [("bce.loss_target0", 0.0), ("bce.loss_target1", 1.0)] {
        let rows = EncodedRows {
            rows: logits.len(),
            numeric: logits.clone(),
            binary: vec![target; logits.len()],
            codes: vec![],
            ..EncodedRows::default()
        };
        let got = part(run(&network, &rows).losses().chunks(2), 1..2);
        let want = recorded.f32(name).1;
        for ((logit, got), want) in logits.iter().zip(got).zip(want) {
            // The float32 probability is coarse there: one unit in its last place is this much.
            let tolerance = if logit.abs() > 12.0 { 0.7 } else { 1e-6 };
            assert_relative(&format!("{name} at {logit}"), &[got], &[want], tolerance);
            assert_eq!(got == 100.0, want == 100.0, "{name} at {logit}");
        }
    }
}

#[test]
fn golden_cross_entropy() {
    let recorded = golden_tensors("forward/loss_points.safetensors");
    for prefix in ["ce", "ce_single"] {
        let (shape, numeric) = recorded.f32(&format!("{prefix}.logits"));
        let (_, targets) = recorded.i64(&format!("{prefix}.target"));
        let rows = EncodedRows {
            rows: shape[0],
            numeric,
            binary: vec![],
            codes: targets.iter().map(|t| *t as u32).collect(),
            ..EncodedRows::default()
        };
        let n = shape[1];
        let features = FeatureShape { numeric: n, binary: 0, codes: vec![n] };
        let network = passes_logits(n, &features);
        let got = part(run(&network, &rows).losses().chunks(n + 1), n..n + 1);
        let want = recorded.f32(&format!("{prefix}.loss")).1;
        assert_relative(prefix, &got, &want, 1e-6);
        if n == 1 {
            assert_within("loss of one code", &got, &[0.0, 0.0], 0.0);
        }
    }
}
