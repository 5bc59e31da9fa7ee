//! Exported models are opened by the Python packages that others open them with, and agree.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../cli/tests/cli/absent.rs"]
mod absent;

use absent::absent;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
};
use arrow_schema::DataType;
use dfp_model::config::{Activation, Embeddings, LossScaler, ModelConfig, Scaler, Scorer, Typing};
use dfp_model::score::ZSign;
use dfp_model::{UserModel, export};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

const ROWS: usize = 300;

/// Packages of the check, in an environment of their own in the build directory.
const PACKAGES: [&str; 4] =
    ["numpy==2.4.6", "onnx==1.23.2", "onnxruntime==1.32.0", "safetensors==0.8.0"];

/// A Python that has the packages, or why there is none.
fn python() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("export-1");
    let (python, done) = (folder.join("bin/python"), folder.join("installed"));
    if !done.exists() {
        step(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        step(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(PACKAGES))?;
        fs::write(done, "").map_err(|e| e.to_string())?;
    }
    Ok(python)
}

fn step(command: &mut Command) -> Result<(), String> {
    let ended = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    if ended.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&ended.stderr).trim()))
}

fn numbers(of: impl Fn(usize) -> Option<f64>, rows: usize) -> ArrayRef {
    Arc::new((0..rows).map(of).collect::<Float64Array>())
}

fn texts(of: impl Fn(usize) -> Option<String>, rows: usize) -> ArrayRef {
    Arc::new((0..rows).map(of).collect::<StringArray>())
}

/// Rows with every kind of column. `strange`: with what training rows do not have.
fn rows(rows: usize, strange: bool) -> RecordBatch {
    let every = |n: usize| move |i: usize| strange && i.is_multiple_of(n);
    let bytes = move |i: usize| match i % 11 {
        _ if every(13)(i) => Some([f64::INFINITY, 1e300, -1e18, 3.14e4, f64::NAN][i / 13 % 5]),
        3 => None,
        _ => Some((i as f64 * 0.37).sin().exp() * 1e4),
    };
    // Few values, often repeated: the quantiles have plateaus.
    let port = move |i: usize| match i {
        _ if every(19)(i) => None,
        _ if every(7)(i) => Some(i as i64 * 97 % 600),
        _ => Some([22, 80, 443, 443][i * i % 4]),
    };
    let constant = move |i: usize| match i {
        _ if every(23)(i) => None,
        _ if every(5)(i) => Some(7.5 + 1e-8 * i as f64),
        _ => Some(7.5),
    };
    let word = move |i: usize, words: usize| match i % 17 {
        _ if every(6)(i) => Some(format!("unseen {i}")),
        5 => None,
        _ => Some(format!("wörd {}", i * i % words)),
    };
    let one_of_two = move |i: usize| match i % 9 {
        _ if every(4)(i) => Some("perhaps".to_owned()),
        2 => None,
        3 => Some("failure".to_owned()),
        _ => Some("success".to_owned()),
    };
    let truth = move |i: usize| (i % 10 != 4).then_some(i.is_multiple_of(3));
    RecordBatch::try_from_iter_with_nullable([
        ("bytes.out", numbers(bytes, rows), true),
        ("port", Arc::new((0..rows).map(port).collect::<Int64Array>()) as ArrayRef, true),
        ("constant", numbers(constant, rows), true),
        ("mfa", Arc::new((0..rows).map(truth).collect::<BooleanArray>()), true),
        ("result", texts(one_of_two, rows), true),
        ("action/a//b", texts(move |i| word(i, 40), rows), true),
        ("región", texts(move |i| word(i, 3), rows), true),
        // Names that the graph has itself.
        ("loss", texts(move |i| word(i, 5), rows), true),
        ("port.rank", texts(move |i| word(i, 2), rows), true),
        ("empty", texts(|_| None, rows), true),
    ])
    .unwrap()
}

fn only(rows: &RecordBatch, columns: &[&str]) -> RecordBatch {
    let columns: Vec<usize> =
        columns.iter().map(|name| rows.schema().index_of(name).unwrap()).collect();
    rows.project(&columns).unwrap()
}

/// A column as JSON has it: numbers that are not finite as text.
fn cells(column: &ArrayRef) -> Value {
    let float = |x: f64| if x.is_finite() { json!(x) } else { json!(x.to_string()) };
    match column.data_type() {
        DataType::Float64 => {
            column.as_primitive::<Float64Type>().iter().map(|x| x.map(float)).collect()
        }
        DataType::Int64 => column.as_primitive::<Int64Type>().iter().collect(),
        DataType::Boolean => column.as_boolean().iter().collect(),
        _ => column.as_string::<i32>().iter().collect(),
    }
}

fn fit(train: &RecordBatch, config: &ModelConfig) -> UserModel {
    let go_on = &mut |_| ControlFlow::Continue(());
    UserModel::fit("ana", train, None, config, go_on).unwrap()
}

/// The model with these biases, in turns, for the logits of its binary features.
fn with_binary_biases(model: &UserModel, biases: &[f32]) -> UserModel {
    let bias = model.parameters().into_iter().find(|p| p.name == "binary_output.bias").unwrap();
    let mut weights = model.weights().to_vec();
    let biases = biases.iter().cycle();
    weights[bias.range].iter_mut().zip(biases).for_each(|(weight, bias)| *weight = *bias);
    UserModel::from_parts(model.header().clone(), weights).unwrap()
}

/// Trains a model and writes it.
fn write(folder: &Path, train: &RecordBatch, test: &RecordBatch, config: &ModelConfig) {
    write_model(folder, &fit(train, config), train, test);
}

/// Writes a model, rows and their scores into a folder.
fn write_model(folder: &Path, model: &UserModel, train: &RecordBatch, test: &RecordBatch) {
    fs::create_dir(folder).unwrap();
    let of = |rows: &RecordBatch| {
        let scores = model.score_features_signed(&model.encode(rows).unwrap(), ZSign::Signed);
        let schema = rows.schema();
        let columns: BTreeMap<&str, Value> = schema
            .fields()
            .iter()
            .zip(rows.columns())
            .map(|(field, column)| (field.name().as_str(), cells(column)))
            .collect();
        json!({
            "rows": columns,
            "names": scores.names,
            "loss": scores.loss,
            "z_loss": scores.z_loss,
            "anomaly_score": scores.anomaly_score,
            "zscore": scores.zscore,
        })
    };
    let weights: BTreeMap<String, Value> = model
        .parameters()
        .into_iter()
        .map(|p| (p.name, json!({"shape": p.shape, "data": model.weights()[p.range]})))
        .collect();
    let json = |value: Value| serde_json::to_vec(&value).unwrap();
    let (train, test) = (of(train), of(test));
    fs::write(folder.join("rows.json"), json(test["rows"].clone())).unwrap();
    fs::write(folder.join("scores.json"), json(json!([train, test]))).unwrap();
    fs::write(folder.join("weights.json"), json(json!(weights))).unwrap();
    fs::write(folder.join("header.json"), serde_json::to_vec(model.header()).unwrap()).unwrap();
    fs::write(folder.join("tables.json"), json(export::tables(model))).unwrap();
    fs::write(folder.join("model.onnx"), export::onnx(model).unwrap()).unwrap();
    fs::write(folder.join("model.npz"), export::npz(model).unwrap()).unwrap();
    fs::write(folder.join("model.safetensors"), export::safetensors(model).unwrap()).unwrap();
}

/// Every scaler, activation and loss scaler, both layouts, and tables of one kind of column.
fn write_all(folder: &Path) {
    let (train, test) = (rows(ROWS, false), rows(ROWS, true));
    let quick = |config: ModelConfig| ModelConfig {
        encoder_layers: vec![24, 10],
        decoder_layers: vec![20],
        epochs: 15,
        ..config
    };
    let peer = || quick(ModelConfig { typing: Typing::V2206, ..ModelConfig::pipeline() });
    let compact = || quick(ModelConfig::compact(ROWS));
    let put = |name: &str, config: ModelConfig| write(&folder.join(name), &train, &test, &config);
    put("pipeline", ModelConfig { epochs: 5, ..ModelConfig::pipeline() });
    put("compact", ModelConfig::compact(ROWS));
    put("recommended", ModelConfig { scorer: Scorer::Recommended, ..compact() });
    for scaler in [Scaler::Standard, Scaler::GaussRank, Scaler::Modified] {
        put(&format!("peer {scaler:?}"), ModelConfig { scaler, ..peer() });
        put(&format!("compact {scaler:?}"), ModelConfig { scaler, ..compact() });
    }
    let mixed = [("port", Scaler::None), ("constant", Scaler::Standard)];
    let scaler_overrides = mixed.map(|(column, scaler)| (column.to_owned(), scaler)).into();
    put("mixed scalers", ModelConfig { scaler_overrides, ..compact() });
    for loss_scaler in [LossScaler::Modified, LossScaler::None] {
        put(&format!("losses {loss_scaler:?}"), ModelConfig { loss_scaler, ..compact() });
    }
    for activation in [
        Activation::LeakyRelu,
        Activation::Relu,
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::Selu,
        Activation::Hardtanh,
        Activation::Relu6,
        Activation::Elu,
        Activation::Celu,
        Activation::Rrelu,
        Activation::Hardshrink,
        Activation::Tanhshrink,
        Activation::Softsign,
    ] {
        put(&format!("{activation:?}"), ModelConfig { activation, ..compact() });
    }
    for (kind, columns) in [
        ("numeric", &["port", "bytes.out"][..]),
        ("binary", &["mfa"]),
        ("categorical", &["loss", "región"]),
    ] {
        let parts = (only(&train, columns), only(&test, columns));
        for embeddings in [Embeddings::Concatenated, Embeddings::Summed] {
            let config = ModelConfig { embeddings, ..compact() };
            write(&folder.join(format!("{kind} {embeddings:?}")), &parts.0, &parts.1, &config);
        }
    }
    // All scores are equal: their deviation is 0.
    write(&folder.join("alike"), &train.slice(0, 1), &test, &compact());
    // Probabilities that are 0 and 1 in single precision, or nearly so.
    let model = fit(&train, &peer());
    for biases in [[60.0, -95.0, -80.0], [-95.0, 95.0, 60.0]] {
        let saturated = with_binary_biases(&model, &biases);
        write_model(&folder.join(format!("biases {biases:?}")), &saturated, &train, &test);
    }
    let only_decoder = ModelConfig { encoder_layers: vec![], decoder_layers: vec![9], ..peer() };
    put("decoder", only_decoder);
}

#[test]
fn exported_models_agree_in_python() {
    let python = match python() {
        Ok(python) => python,
        Err(why) => {
            return absent("packages of Python", &format!("they cannot be installed: {why}"));
        }
    };
    let folder = tempfile::tempdir().unwrap();
    write_all(folder.path());
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ended = Command::new(python)
        .arg(sources.join("tests/export/check.py"))
        .arg(folder.path())
        .arg(sources.join("../../docs/export.md").canonicalize().unwrap())
        .output()
        .unwrap();
    let (told, wrong) =
        (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    println!("{told}");
    assert!(ended.status.success(), "{told}{wrong}");
}
