//! Type decisions, vocabularies, scalers and encoded tables against the recorded ones.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "this binary uses a part of the helper")]
mod common;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray};
use arrow_schema::DataType;
use common::{golden_json, golden_table, golden_tensors, relative_error, texts};
use dfp_model::config::{ModelConfig, Scaler, Typing};
use dfp_model::encode::embedding_width;
use dfp_model::error::ModelError;
use dfp_model::{EncodedRows, FeaturePlan};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

fn config(typing: Typing, min_cats: usize) -> ModelConfig {
    ModelConfig { typing, min_cats, ..ModelConfig::default() }
}

fn train_plan(config: &ModelConfig) -> FeaturePlan {
    FeaturePlan::fit(&golden_table("features/train.csv"), config).unwrap()
}

fn encode(plan: &FeaturePlan, table: &str) -> EncodedRows {
    encoded(plan, &golden_table(&format!("features/{table}.csv"))).unwrap()
}

fn encoded(plan: &FeaturePlan, rows: &RecordBatch) -> Result<EncodedRows, ModelError> {
    let mut encoded = EncodedRows::default();
    plan.encode(rows, &mut encoded).map(|()| encoded)
}

fn columns(features: &Value) -> Vec<String> {
    features.as_array().unwrap().iter().map(|f| f["column"].as_str().unwrap().into()).collect()
}

/// Category texts as our tables hold them: a boolean is `True` or `False`.
fn category_texts(list: &Value) -> Vec<String> {
    let text = |t: &Value| match t {
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => other.as_str().unwrap().to_owned(),
    };
    list.as_array().unwrap().iter().map(text).collect()
}

#[test]
fn golden_features_are_decided_alike() {
    for (name, typing, min_cats) in [
        ("plan_min1", Typing::Main, 1),
        ("plan_min10", Typing::Main, 10),
        ("plan_2206_min1", Typing::V2206, 1),
        ("plan_2206_min10", Typing::V2206, 10),
    ] {
        let recorded = golden_json(&format!("features/{name}.json"));
        let plan = train_plan(&config(typing, min_cats));
        let ours = serde_json::to_value(&plan).unwrap();
        for kind in ["numeric", "binary", "categorical"] {
            assert_eq!(columns(&ours[kind]), texts(&recorded[kind]), "{name} {kind}");
        }
        let shape = plan.shape();
        assert_eq!(json!(shape.codes), recorded["output_widths"]["categorical"], "{name}");
        let embedded: usize = shape.codes.iter().map(|&codes| embedding_width(codes)).sum();
        assert_eq!(
            json!(shape.numeric + shape.binary + embedded),
            recorded["input_width"],
            "{name}"
        );
        assert!(plan.dropped().is_empty(), "{name}");
    }
}

#[test]
fn golden_vocabularies_hold_the_same_categories_by_falling_count() {
    for min_cats in [1, 10] {
        let recorded = golden_json(&format!("features/plan_min{min_cats}.json"));
        let plan = train_plan(&config(Typing::Main, min_cats));
        let ours = serde_json::to_value(&plan).unwrap();
        for (feature, ours) in recorded["categorical_features"]
            .as_array()
            .unwrap()
            .iter()
            .zip(ours["categorical"].as_array().unwrap())
        {
            let recorded = category_texts(&feature["vocabulary"]);
            let ours = texts(&ours["vocabulary"]);
            if feature["equals_first_appearance_order"] == json!(true) {
                assert_eq!(ours, recorded, "{}", feature["feature"]);
            }
            let set = |v: &[String]| v.iter().cloned().collect::<BTreeSet<_>>();
            assert_eq!(set(&ours), set(&recorded), "{}", feature["feature"]);
            let counts: Vec<u64> = ours
                .iter()
                .map(|text| recorded.iter().position(|t| t == text).unwrap())
                .map(|code| feature["counts"][code].as_u64().unwrap())
                .collect();
            assert!(counts.is_sorted_by(|a, b| a >= b), "{}", feature["feature"]);
        }
    }
}

#[test]
fn golden_codes_are_the_same_with_the_recorded_vocabularies() {
    for min_cats in [1, 10] {
        let recorded = golden_json(&format!("features/plan_min{min_cats}.json"));
        let mut plan = serde_json::to_value(train_plan(&config(Typing::Main, min_cats))).unwrap();
        for (i, feature) in recorded["categorical_features"].as_array().unwrap().iter().enumerate()
        {
            plan["categorical"][i]["vocabulary"] = json!(category_texts(&feature["vocabulary"]));
        }
        let plan: FeaturePlan = serde_json::from_value(plan).unwrap();
        let tensors =
            golden_tensors(&format!("features/encoded_categorical_min{min_cats}.safetensors"));
        for table in ["train", "test"] {
            let ours = encode(&plan, table);
            let codes: Vec<i64> = ours.codes.iter().map(|&c| i64::from(c)).collect();
            assert_eq!(codes, tensors.i64(&format!("{table}.codes")).1, "{table}");
            assert_eq!(ours.binary, tensors.f32(&format!("{table}.binary")).1, "{table}");
        }
    }
}

#[test]
fn golden_two_valued_text_is_binary_in_2206() {
    let recorded = golden_json("features/plan_2206_min1.json");
    let plan = train_plan(&config(Typing::V2206, 1));
    let ours = serde_json::to_value(&plan).unwrap();
    for (feature, ours) in recorded["binary_features"]
        .as_array()
        .unwrap()
        .iter()
        .zip(ours["binary"].as_array().unwrap())
    {
        if feature["source"] != json!("bool column") {
            let known: Vec<String> = ours["values"]["texts"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|t| t.as_str().map(str::to_owned))
                .collect();
            assert_eq!(known, category_texts(&feature["order"]), "{}", feature["feature"]);
        }
    }
    let tensors = golden_tensors("features/encoded_binary_2206_min1.safetensors");
    for table in ["train", "test"] {
        let recorded = tensors.f32(&format!("{table}.binary")).1;
        assert_eq!(encode(&plan, table).binary, recorded, "{table}");
    }
}

/// The recorded scaler settings; a column that the per-column setting leaves out gets gauss_rank.
fn scaler_settings() -> Vec<(&'static str, ModelConfig)> {
    let one = |scaler| ModelConfig { scaler, min_cats: 1, ..ModelConfig::default() };
    let mut per_column = one(Scaler::GaussRank);
    let setting = &golden_json("features/scaler_per_column.json")["setting"];
    per_column.scaler_overrides = serde_json::from_value(setting.clone()).unwrap();
    vec![
        ("standard", one(Scaler::Standard)),
        ("gauss_rank", one(Scaler::GaussRank)),
        ("none", one(Scaler::None)),
        ("per_column", per_column),
    ]
}

#[test]
fn golden_scalers_have_the_recorded_parameters() {
    for (name, config) in scaler_settings() {
        let recorded = golden_json(&format!("features/scaler_{name}.json"));
        let ours = serde_json::to_value(train_plan(&config)).unwrap();
        for (feature, ours) in
            recorded["numeric"].as_array().unwrap().iter().zip(ours["numeric"].as_array().unwrap())
        {
            let what = format!("{name} {}", feature["feature"]);
            let close = |ours: &Value, recorded: &Value| {
                let (ours, recorded) = (ours.as_f64().unwrap(), recorded.as_f64().unwrap());
                assert!(relative_error(ours, recorded) < 1e-12, "{what}: {ours} for {recorded}");
            };
            close(&ours["fill"], &feature["fill_value"]);
            match feature["kind"].as_str().unwrap() {
                "standard" => {
                    close(&ours["scaler"]["linear"][0], &feature["mean"]);
                    close(&ours["scaler"]["linear"][1], &feature["std"]);
                }
                "gauss_rank" => {
                    assert_eq!(ours["scaler"]["gauss_rank"], feature["quantiles"], "{what}")
                }
                kind => assert_eq!(ours["scaler"], json!(kind), "{what}"),
            }
        }
    }
}

#[test]
fn golden_numbers_are_scaled_alike() {
    for (name, config) in scaler_settings() {
        let plan = train_plan(&config);
        let tensors = golden_tensors(&format!("features/encoded_numeric_{name}.safetensors"));
        for table in ["train", "test"] {
            let ours = encode(&plan, table);
            let (shape, recorded) = tensors.f32(&format!("{table}.numeric"));
            assert_eq!(shape, [ours.rows, plan.shape().numeric]);
            let different = ours.numeric.iter().zip(&recorded).filter(|(a, b)| a != b).count();
            assert_eq!(different, 0, "{name} {table}: cells that are not exactly the same");
        }
    }
}

#[test]
fn golden_numbers_are_scaled_back_alike() {
    for (name, config) in scaler_settings() {
        let plan = train_plan(&config);
        let tensors = golden_tensors(&format!("features/encoded_numeric_{name}.safetensors"));
        let (_, grid) = tensors.f32("inverse.grid");
        let (shape, recorded) = tensors.f32("inverse.values");
        for feature in 0..shape[1] {
            let ours = plan.numeric_prediction(feature, grid.iter().copied());
            let ours = ours.as_primitive::<Float64Type>();
            for (row, ours) in ours.values().iter().enumerate() {
                let recorded = f64::from(recorded[row * shape[1] + feature]);
                let error = relative_error(*ours, recorded);
                assert!(error < 1e-6, "{name} {feature} {row}: {ours} for {recorded}");
            }
        }
    }
}

#[test]
fn golden_embedding_widths_are_the_same() {
    let path = common::golden_file("features/embedding_sizes.csv").unwrap();
    for record in csv::Reader::from_path(path).unwrap().records() {
        let record = record.unwrap();
        let codes: usize = record[0].parse().unwrap();
        assert_eq!(embedding_width(codes), record[1].parse::<usize>().unwrap(), "{codes} codes");
    }
}

/// The recorded unusual inputs that concern encoding: what the reference fails at or answers with
/// not-a-number must have a usable answer here.
#[test]
fn golden_edge_cases_have_usable_answers() {
    let recorded = golden_json("features/edge_cases.json");
    let train = golden_table("features/train.csv");
    let base = |scaler| ModelConfig { scaler, min_cats: 1, ..ModelConfig::default() };
    for case in recorded["cases"].as_object().unwrap().keys() {
        match case.as_str() {
            "entirely_null_float_column" => {
                let gone: ArrayRef = Arc::new(Float64Array::new_null(train.num_rows()));
                let rows = with_column(&train, "f_null", gone);
                for scaler in [Scaler::Standard, Scaler::GaussRank, Scaler::None] {
                    let plan = FeaturePlan::fit(&rows, &base(scaler)).unwrap();
                    let dropped: Vec<&str> =
                        plan.dropped().iter().map(|(column, _)| column.as_str()).collect();
                    assert_eq!(dropped, ["f_null"]);
                }
            }
            "scaler_setting_modified" => {
                let plan = train_plan(&base(Scaler::Modified));
                assert!(encode(&plan, "test").numeric.iter().all(|x| x.is_finite()));
            }
            "category_literally_named__other" => {
                let named = (0..train.num_rows()).map(|i| if i % 2 == 0 { "_other" } else { "x" });
                let named: ArrayRef = Arc::new(StringArray::from_iter_values(named));
                let rows = common::table([("c", named)]);
                let plan = FeaturePlan::fit(&rows, &base(Scaler::Standard)).unwrap();
                assert_eq!(encoded(&plan, &rows).unwrap().codes[..2], [0, 1]);
            }
            "no_categorical_features" | "only_categorical_features" | "no_binary_features" => {
                let keep = |name: &str| match case.as_str() {
                    "no_categorical_features" => !name.starts_with("c_") && name != "b_missing",
                    "only_categorical_features" => name.starts_with("c_"),
                    _ => !name.starts_with("b_"),
                };
                let rows = only_columns(&train, keep);
                let plan = FeaturePlan::fit(&rows, &base(Scaler::Standard)).unwrap();
                assert_eq!(plan.names().count(), rows.num_columns(), "{case}");
                assert_eq!(encoded(&plan, &rows).unwrap().rows, rows.num_rows(), "{case}");
            }
            "scoring_table_lacks_a_feature" => {
                let plan = train_plan(&base(Scaler::Standard));
                let error = encoded(&plan, &only_columns(&train, |name| name != "c_two"));
                assert!(error.unwrap_err().to_string().contains("\"c_two\" is missing"));
            }
            "scoring_table_has_extra_columns" | "scoring_column_order_differs" => {
                let plan = train_plan(&base(Scaler::Standard));
                let more: ArrayRef = Arc::new(Float64Array::new_null(train.num_rows()));
                let backwards: Vec<usize> = (0..train.num_columns()).rev().collect();
                let rows = with_column(&train.project(&backwards).unwrap(), "more", more);
                assert_eq!(encoded(&plan, &rows).unwrap(), encoded(&plan, &train).unwrap());
            }
            "scoring_empty_table" => {
                let plan = train_plan(&base(Scaler::GaussRank));
                assert_eq!(encoded(&plan, &train.slice(0, 0)).unwrap(), EncodedRows::default());
            }
            "numeric_column_arrives_as_text" => {
                let plan = train_plan(&base(Scaler::GaussRank));
                let as_text: Vec<(&str, ArrayRef)> = plan
                    .columns()
                    .map(|name| {
                        let column = train.column_by_name(name).unwrap();
                        (name, arrow_cast::cast(column, &DataType::Utf8).unwrap())
                    })
                    .collect();
                let rows = common::table(as_text);
                let expected = encoded(&plan, &train).unwrap();
                assert_eq!(encoded(&plan, &rows).unwrap().numeric, expected.numeric);
            }
            "fit_one_row" => {
                let one = train.slice(0, 1);
                for scaler in [Scaler::Standard, Scaler::GaussRank, Scaler::Modified] {
                    let plan = FeaturePlan::fit(&one, &base(scaler)).unwrap();
                    let encoded = encode(&plan, "test");
                    assert!(encoded.numeric.iter().all(|x| x.is_finite()));
                }
            }
            "boolean_prediction" => {
                let plan = train_plan(&base(Scaler::Standard));
                let predicted = plan.binary_prediction(0, [0.9, 0.1]);
                assert_eq!(predicted.as_boolean(), &BooleanArray::from(vec![true, false]));
            }
            // The types here know no such settings; dropped types are in the unit tests.
            "dtypes_not_recognised" | "scaler_setting_null" | "scaler_setting_unknown" => {}
            unknown => panic!("no answer to {unknown:?}"),
        }
    }
}

fn only_columns(rows: &RecordBatch, keep: impl Fn(&str) -> bool) -> RecordBatch {
    let schema = rows.schema();
    let kept: Vec<usize> =
        (0..rows.num_columns()).filter(|&i| keep(schema.field(i).name())).collect();
    rows.project(&kept).unwrap()
}

fn with_column(rows: &RecordBatch, name: &str, column: ArrayRef) -> RecordBatch {
    let schema = rows.schema();
    let names = schema.fields().iter().map(|field| field.name().as_str());
    common::table(names.zip(rows.columns().iter().cloned()).chain([(name, column)]))
}
