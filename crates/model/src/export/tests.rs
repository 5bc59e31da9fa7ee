//! What exported files hold, told by Rust alone; `tests/export.rs` has Python open them.

use super::proto::{Graph, Model};
use super::{npz, onnx, safetensors, tables};
use crate::config::{Embeddings, ModelConfig, Scaler, Scorer, Typing};
use crate::user_model::UserModel;
use ::safetensors::SafeTensors;
use arrow_array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray};
use proptest::prelude::*;
use prost::Message;
use rawzip::ZipArchive;
use serde_json::json;
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

fn fit(names: [&str; 4], config: ModelConfig) -> UserModel {
    let numbers = Float64Array::from(vec![Some(2.0), None, Some(4.0), Some(6.0)]);
    let truths = BooleanArray::from(vec![true, false, false, true]);
    let words = StringArray::from(vec![Some("b"), Some("a"), None, Some("b")]);
    let two = StringArray::from(vec![Some("no"), Some("yes"), None, Some("no")]);
    let columns: [ArrayRef; 4] =
        [Arc::new(numbers), Arc::new(truths), Arc::new(words), Arc::new(two)];
    let rows = RecordBatch::try_from_iter_with_nullable(
        names.into_iter().zip(columns).map(|(name, column)| (name, column, true)),
    )
    .unwrap();
    let config = ModelConfig { encoder_layers: vec![3], decoder_layers: vec![2], ..config };
    UserModel::fit("ana", &rows, None, &config, &mut |_| ControlFlow::Continue(())).unwrap()
}

fn model(config: ModelConfig) -> UserModel {
    fit(["bytes", "mfa", "action", "result"], config)
}

fn graph(model: &UserModel) -> Graph {
    Model::decode(onnx(model).unwrap().as_slice()).unwrap().graph.unwrap()
}

/// Every value has one maker, which stands before its readers.
fn check(graph: &Graph) -> Result<(), TestCaseError> {
    let mut made = HashSet::new();
    let given = graph.input.iter().map(|input| &input.name);
    for name in given.chain(graph.initializer.iter().map(|tensor| &tensor.name)) {
        prop_assert!(made.insert(name), "{name:?} is there twice");
    }
    for node in &graph.node {
        for input in &node.input {
            prop_assert!(made.contains(input), "{:?} reads {input:?}", node.name);
        }
        for output in &node.output {
            prop_assert!(!output.is_empty() && made.insert(output), "{output:?} is made twice");
        }
    }
    for output in &graph.output {
        prop_assert!(made.contains(&output.name), "{:?} is not made", output.name);
    }
    Ok(())
}

/// Names that the graph might give to something else.
const NAMES: [&str; 12] = [
    "x",
    "x.rank",
    "x.code",
    "x embedding",
    "loss",
    "numeric",
    "encoder_0",
    "feature_x",
    "x embedding.weight",
    "score_scale.std",
    "constant.1.float32",
    "",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_columns_make_a_graph_whose_values_have_one_name_each(
        names in prop::sample::subsequence(&NAMES[..], 4).prop_shuffle(),
        summed in any::<bool>(),
        ranks in any::<bool>(),
    ) {
        let embeddings = if summed { Embeddings::Summed } else { Embeddings::Concatenated };
        let scaler = if ranks { Scaler::GaussRank } else { Scaler::Modified };
        let config = ModelConfig { embeddings, scaler, ..ModelConfig::default() };
        let model = fit([names[0], names[1], names[2], names[3]], config);
        let graph = graph(&model);
        check(&graph)?;
        let inputs: Vec<&str> = graph.input.iter().map(|input| input.name.as_str()).collect();
        let outputs: Vec<&str> = graph.output.iter().map(|output| output.name.as_str()).collect();
        let wanted: Vec<String> =
            model.header().plan.names().map(|name| format!("feature_{name}")).collect();
        prop_assert_eq!(inputs, wanted);
        prop_assert_eq!(outputs, ["loss", "z_loss", "anomaly_score", "zscore"]);
    }
}

#[test]
fn weights_have_the_names_of_parameters_in_all_files() {
    for config in [ModelConfig::default(), ModelConfig::compact(4)] {
        let model = model(config);
        let (graph, tensors) = (graph(&model), safetensors(&model).unwrap());
        let tensors = SafeTensors::deserialize(&tensors).unwrap();
        assert_eq!(tensors.len(), model.parameters().len());
        for parameter in model.parameters() {
            let weights = &model.weights()[parameter.range];
            let bytes: Vec<u8> = weights.iter().flat_map(|weight| weight.to_le_bytes()).collect();
            let tensor = tensors.tensor(&parameter.name).unwrap();
            assert_eq!((tensor.shape(), tensor.data()), (&parameter.shape[..], &bytes[..]));
            let tensor = graph.initializer.iter().find(|t| t.name == parameter.name).unwrap();
            let shape: Vec<usize> = tensor.dims.iter().map(|length| *length as usize).collect();
            assert_eq!((shape, &tensor.raw_data), (parameter.shape, &bytes));
        }
    }
}

/// Names and contents of an archive's entries.
fn entries(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let archive = ZipArchive::from_slice(archive).unwrap();
    let mut all = Vec::new();
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry().unwrap() {
        let name = String::from_utf8(entry.file_path().as_ref().to_vec()).unwrap();
        all.push((name, archive.get_entry(entry.wayfinder()).unwrap().data().to_vec()));
    }
    all
}

#[test]
fn arrays_begin_at_multiples_of_64_behind_their_shapes() {
    let model = model(ModelConfig::default());
    let archive = npz(&model).unwrap();
    let entries = entries(&archive);
    let mut parameters = model.parameters();
    assert_eq!(entries.len(), parameters.len() + 1);
    let (header, weights) = entries.split_last().unwrap();
    assert_eq!(header.0, "header.npy");
    assert!(header.1.ends_with(&serde_json::to_vec(model.header()).unwrap()));
    for ((name, bytes), parameter) in weights.iter().zip(parameters.drain(..)) {
        assert_eq!(*name, format!("{}.npy", parameter.name));
        let data = bytes.len() - size_of::<f32>() * parameter.range.len();
        assert_eq!((data % 64, &bytes[..8]), (0, &b"\x93NUMPY\x01\x00"[..]));
        let described = String::from_utf8(bytes[10..data].to_vec()).unwrap();
        let shape: String = parameter.shape.iter().map(|length| format!("{length},")).collect();
        let wanted = format!("'shape': ({shape})");
        assert!(described.contains(&wanted) && described.ends_with('\n'), "{described:?}");
        assert_eq!(usize::from(u16::from_le_bytes([bytes[8], bytes[9]])), data - 10);
    }
}

#[test]
fn names_that_read_as_paths_stay_apart_in_an_archive() {
    let model = fit(["a//b", "ü", "a/b", "c\\..\\ü"], ModelConfig::default());
    let names: HashSet<String> =
        entries(&npz(&model).unwrap()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), model.parameters().len() + 1);
    assert!(names.contains("a/b embedding.weight.npy"));
    assert!(names.contains("c\\\\..\\\\\\u{fc} embedding.weight.npy"), "{names:?}");
}

#[test]
fn the_same_model_gives_the_same_bytes() {
    let model = model(ModelConfig::compact(4));
    assert_eq!(onnx(&model).unwrap(), onnx(&model).unwrap());
    assert_eq!(npz(&model).unwrap(), npz(&model).unwrap());
    assert_eq!(safetensors(&model).unwrap(), safetensors(&model).unwrap());
}

#[test]
fn tables_say_what_each_number_means() {
    let config = ModelConfig { typing: Typing::V2206, min_cats: 1, ..ModelConfig::default() };
    let model = fit(["bytes", "mfa", "action", "result"], config);
    let tables = tables(&model);
    let part = |feature: usize, keys: &[&str]| {
        keys.iter().map(|key| tables["features"][feature][key].clone()).collect::<Vec<_>>()
    };
    let scale = (8.0_f64 / 3.0).sqrt();
    assert_eq!(
        part(0, &["column", "kind", "fill", "scaler"]),
        [
            json!("bytes"),
            json!("numeric"),
            json!(4.0),
            json!({"kind": "linear", "centre": 4.0, "scale": scale})
        ]
    );
    // Text with two values is binary in 22.06, and comes first.
    assert_eq!(part(1, &["column", "zero", "one"]), [json!("action"), json!("b"), json!("a")]);
    assert_eq!(part(2, &["column", "zero", "one"]), [json!("result"), json!("no"), json!("yes")]);
    assert_eq!(part(3, &["column", "zero", "one"]), [json!("mfa"), json!(false), json!(true)]);
    let config = ModelConfig { scorer: Scorer::Recommended, ..ModelConfig::compact(4) };
    let model = fit(["bytes", "mfa", "action", "result"], config);
    let tables = super::tables(&model);
    let feature = &tables["features"][2];
    assert_eq!(feature["categories"], json!(["b", "a"]));
    assert_eq!(feature["other"], json!({"code": 2, "text": "_other"}));
    assert_eq!(feature["input"]["name"], "feature_action");
    let loss = &model.header().loss_scales[2];
    assert_eq!(feature["loss_scale"], json!(loss));
    assert!(tables["score"].as_str().unwrap().contains("are not exported"), "{tables}");
}
