//! Gradients, five optimiser steps in 13 configurations, and the logged losses.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "this binary uses a part of the helper")]
mod common;
#[expect(dead_code, reason = "this binary uses a part of the helper")]
mod network;

use common::{Tensors, golden_json, golden_tensors};
use dfp_model::EncodedRows;
use dfp_model::config::{ModelConfig, Objective, Optimizer};
use dfp_model::net::{Rows, Training};
use network::{Plan, assert_within};
use serde_json::Value;

struct Recording {
    plan: Plan,
    batches: Vec<(EncodedRows, EncodedRows)>,
    start: Tensors,
    configurations: Value,
}

fn recording() -> Recording {
    let mut settings = golden_json("steps/plan.json");
    let plan = Plan::new(&settings, &settings);
    let tensors = golden_tensors("steps/batches.safetensors");
    let table = |k: usize, kind: &str| plan.rows(&tensors, &format!("batch{k}.{kind}."));
    let count = settings["batch_rows"].as_array().unwrap().len();
    Recording {
        batches: (0..count).map(|k| (table(k, "noisy"), table(k, "target"))).collect(),
        start: golden_tensors("steps/start_weights.safetensors"),
        configurations: settings["configurations"].take(),
        plan,
    }
}

/// The optimiser of recorded settings; what they do not name is 0 or off.
fn optimizer(settings: &Value) -> Optimizer {
    let number = |key: &str| settings.get(key).map_or(0.0, |v| v.as_f64().unwrap());
    let flag = |key: &str| settings.get(key).is_some_and(|v| v.as_bool().unwrap());
    match settings["optimizer"].as_str().unwrap() {
        "sgd" => Optimizer::Sgd {
            momentum: number("momentum"),
            dampening: number("dampening"),
            nesterov: flag("nesterov"),
            weight_decay: number("weight_decay"),
        },
        "adam" => {
            let betas = settings.get("betas").cloned().unwrap_or_else(|| {
                golden_json("steps/plan.json")["adam_defaults"]["betas"].clone()
            });
            Optimizer::Adam {
                beta1: betas[0].as_f64().unwrap(),
                beta2: betas[1].as_f64().unwrap(),
                amsgrad: flag("amsgrad"),
                weight_decay: number("weight_decay"),
            }
        }
        other => panic!("unknown optimizer {other:?}"),
    }
}

fn objective(name: &Value) -> Objective {
    match name.as_str().unwrap() {
        "sum of group losses" => Objective::SumOfGroups,
        "mean over features" => Objective::MeanOverFeatures,
        other => panic!("unknown objective {other:?}"),
    }
}

/// Compares a step's feature losses with what was logged before it.
fn compare_losses(name: &str, plan: &Plan, losses: &[f64], logged: &Value) {
    let (numeric, rest) = losses.split_at(plan.shape.numeric);
    let (binary, categorical) = rest.split_at(plan.shape.binary);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let close = |got: f64, want: &Value| {
        assert!((got - want.as_f64().unwrap()).abs() < 1e-6, "{name}: {got} is not {want}");
    };
    close(mean(numeric), &logged["mse"]);
    close(mean(binary), &logged["bce"]);
    for (got, want) in categorical.iter().zip(logged["ce"].as_array().unwrap()) {
        close(*got, want);
    }
    close(mean(losses), &logged["logged_mean_over_features"]);
}

#[test]
fn golden_gradients() {
    let Recording { plan, batches, start, .. } = recording();
    let network = plan.network(&start, "");
    let (noisy, clean) = &batches[0];
    for (objective, file) in [
        (Objective::SumOfGroups, "first_gradients"),
        (Objective::MeanOverFeatures, "first_gradients_mean_over_features"),
    ] {
        let config = ModelConfig { objective, ..plan.config.clone() };
        let mut training = Training::new(&network, &config, noisy.rows, [0; 32]);
        let rows = |table| Rows::of(table, &plan.shape, 0..noisy.rows);
        let (got, _) = training.gradient(&network, rows(noisy), rows(clean));
        let recorded = golden_tensors(&format!("steps/{file}.safetensors"));
        assert_within(file, got, &plan.weights(&recorded, ""), 1e-6);
    }
}

#[test]
fn golden_steps_of_every_optimizer() {
    let Recording { plan, batches, start, configurations } = recording();
    assert_eq!(configurations.as_object().unwrap().len(), 13);
    for (name, recorded) in configurations.as_object().unwrap() {
        let config = ModelConfig {
            optimizer: optimizer(&recorded["settings"]),
            objective: objective(&recorded["objective"]),
            ..plan.config.clone()
        };
        let mut network = plan.network(&start, "");
        let mut training = Training::new(&network, &config, batches[0].0.rows, [0; 32]);
        let weights = golden_tensors(&format!("steps/{name}.safetensors"));
        for (i, (noisy, clean)) in batches.iter().enumerate() {
            let logged = &recorded["steps"][i];
            let rows = |table| Rows::of(table, &plan.shape, 0..noisy.rows);
            let rate = logged["lr"].as_f64().unwrap();
            let losses = training.step(&mut network, rows(noisy), rows(clean), rate);
            compare_losses(name, &plan, losses, logged);
            let want = plan.weights(&weights, &format!("step{}.", i + 1));
            assert_within(&format!("{name} step {}", i + 1), network.weights(), &want, 2e-6);
        }
    }
}
