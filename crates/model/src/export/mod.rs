//! A user's model for other tools: an ONNX graph, or the weights for notebooks.
//!
//! | function | what it gives | read by |
//! |---|---|---|
//! | [`onnx`] | the network's whole score, from raw numbers and category codes to z values | ONNX Runtime, Netron |
//! | [`tables`] | JSON beside the others: categories, scalers, scales, inputs, outputs | anything |
//! | [`npz`] | the weights by name, and `header`, the model's header as the bytes of JSON | `numpy.load`, without pickle |
//! | [`safetensors()`] | the weights by name, with `header` in the metadata | the safetensors package |
//!
//! The score is the network's. What [`Scorer::Recommended`](crate::config::Scorer) has beside it,
//! counts, neighbours and p-values, is in none of these files, and the tables say so.
//!
//! # The graph
//!
//! Each feature has an input `feature_COLUMN`, `[rows, 1]`, with any number of rows:
//!
//! | feature | type | holds |
//! |---|---|---|
//! | numeric | float64 | the number as in the log; NaN where there is none. Filling and scaling are in the graph |
//! | binary | bool | whether the value is the tables' `one`; missing is false |
//! | categorical | int64 | the text's place in the tables' `categories`; any other number for missing and unseen texts, as `pandas.Categorical(…).codes` has -1 for them |
//!
//! Outputs are `loss` and `z_loss` `[rows, features]`, in the order of the tables' features, and
//! `anomaly_score` and `zscore` `[rows]`. Weights have the names of [`UserModel::parameters`]. The
//! graph has opset 17 (IR version 8), no operator but ONNX's own, and the tables as its metadata
//! entry `tables`. A runtime sums in another order: scores agree to about 1e-6, not to the last
//! bit. One decision is softened for it: where all training rows had the same score, one that is
//! as near to it as 1e-5 of it counts as equal.

mod graph;
mod inputs;
mod npz;
mod proto;
mod scoring;
mod tables;
#[cfg(test)]
mod tests;

use crate::error::ModelError;
use crate::user_model::UserModel;
use ::safetensors::{Dtype, tensor::TensorView};
use npz::{Elements, Npz};
use prost::Message;
use std::collections::HashMap;

const FORMAT_VERSION: u32 = 1;
const PROGRAM: &str = env!("CARGO_PKG_NAME");
const VERSION: &str = env!("CARGO_PKG_VERSION");
const IR_VERSION: i64 = 8;
const OPSET: i64 = 17;
/// Bytes that a protocol buffer may have, for all who read one.
const MOST_BYTES: usize = i32::MAX as usize;

/// What the graph puts out, in this order.
#[derive(Clone, Copy)]
enum Output {
    Loss,
    ZLoss,
    AnomalyScore,
    Zscore,
}

impl Output {
    const ALL: [Self; 4] = [Self::Loss, Self::ZLoss, Self::AnomalyScore, Self::Zscore];

    fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::ZLoss => "z_loss",
            Self::AnomalyScore => "anomaly_score",
            Self::Zscore => "zscore",
        }
    }

    fn meaning(self) -> &'static str {
        match self {
            Self::Loss => "how badly the network reconstructs each feature",
            Self::ZLoss => "(loss - location) / spread, by each feature's loss_scale; signed",
            Self::AnomalyScore => "mean loss over all features",
            Self::Zscore => {
                "|anomaly_score - mean| / std, by the score_scale; z_limit * (1 + |anomaly_score - mean|) where std is 0"
            }
        }
    }

    /// `of_rows`, or `of_cells` of outputs that have a number for each feature.
    fn shape<T>(self, of_rows: T, of_cells: T) -> T {
        match self {
            Self::Loss | Self::ZLoss => of_cells,
            Self::AnomalyScore | Self::Zscore => of_rows,
        }
    }
}

fn input_name(column: &str) -> String {
    format!("feature_{column}")
}

/// The network's score as an ONNX model: see the [module](self).
///
/// # Errors
/// [`ModelError::Artifact`] if the model is larger than an ONNX file can be, 2 GiB.
pub fn onnx(model: &UserModel) -> Result<Vec<u8>, ModelError> {
    let tables = tables(model);
    let file = proto::Model {
        ir_version: IR_VERSION,
        producer_name: PROGRAM.to_owned(),
        producer_version: VERSION.to_owned(),
        doc_string: tables["score"].as_str().unwrap_or_default().to_owned(),
        graph: Some(scoring::graph(model)),
        opset_import: vec![proto::Opset { domain: String::new(), version: OPSET }],
        metadata_props: vec![proto::Entry { key: "tables".to_owned(), value: tables.to_string() }],
    };
    let bytes = file.encoded_len();
    if bytes > MOST_BYTES {
        return Err(ModelError::Artifact(format!(
            "the model of user {:?} has {bytes} bytes as ONNX, more than the {MOST_BYTES} that such a file can \
             have; npz and safetensors files can",
            model.header().user
        )));
    }
    Ok(file.encode_to_vec())
}

/// What a reader of the other files has to know, as JSON: `user`, `score` (what the score is made
/// of), `features` in the order of losses, `outputs`, `score_scale` and `z_limit`.
///
/// A feature has `column`, `kind`, `input` (name, type, shape, what it holds), `loss_scale`, and
///
/// | kind | more |
/// |---|---|
/// | `numeric` | `fill`, the number for missing ones; `scaler`; `largest`, from where scaled numbers grow with the logarithm, by `large_step` for a factor of e; `range`, if numbers are read as the nearest within `low` and `high`: ln(1 + distance / `width`) is added to the root of the loss |
/// | `binary` | `zero` and `one`, the texts or truth values for 0 and 1 |
/// | `categorical` | `categories`, texts in the order of their codes; `other`, the code and text of all others |
pub fn tables(model: &UserModel) -> serde_json::Value {
    tables::tables(model)
}

/// The weights as a NumPy archive: see the [module](self).
///
/// # Errors
/// [`ModelError::Artifact`] if the archive cannot be made.
pub fn npz(model: &UserModel) -> Result<Vec<u8>, ModelError> {
    let refuse = |e| refused(model, "npz", &e);
    let mut npz = Npz::new();
    for parameter in model.parameters() {
        let weights = Elements::Floats(&model.weights()[parameter.range]);
        npz.array(&parameter.name, &parameter.shape, &weights).map_err(refuse)?;
    }
    let header = header(model)?;
    npz.array("header", &[header.len()], &Elements::Bytes(header.as_bytes())).map_err(refuse)?;
    npz.finish().map_err(refuse)
}

/// The weights as a safetensors file: see the [module](self). [`crate::artifact`] writes models
/// that this program can read back.
///
/// # Errors
/// [`ModelError::Artifact`] if the header is larger than the format's 100 MB.
pub fn safetensors(model: &UserModel) -> Result<Vec<u8>, ModelError> {
    let bytes: Vec<u8> = model.weights().iter().flat_map(|weight| weight.to_le_bytes()).collect();
    let parameters = model.parameters();
    let tensors = parameters.iter().map(|parameter| {
        let part = parameter.range.start * size_of::<f32>()..parameter.range.end * size_of::<f32>();
        let view = TensorView::new(Dtype::F32, parameter.shape.clone(), &bytes[part])?;
        Ok((parameter.name.as_str(), view))
    });
    let metadata = HashMap::from([("header".to_owned(), header(model)?)]);
    tensors
        .collect::<Result<Vec<_>, _>>()
        .and_then(|tensors| ::safetensors::serialize(tensors, Some(metadata)))
        .map_err(|e| refused(model, "safetensors", &e))
}

fn header(model: &UserModel) -> Result<String, ModelError> {
    serde_json::to_string(model.header()).map_err(|e| refused(model, "JSON", &e))
}

fn refused(model: &UserModel, format: &str, error: &dyn std::fmt::Display) -> ModelError {
    let user = &model.header().user;
    ModelError::Artifact(format!(
        "the model of user {user:?} cannot be written as {format}: {error}"
    ))
}
