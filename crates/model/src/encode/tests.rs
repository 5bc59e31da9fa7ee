//! What encoding does where the reference fails, guesses or keeps silent, and properties of it.

use super::{EncodedRows, FeaturePlan};
use crate::config::{ModelConfig, Scaler, Typing};
use crate::error::ModelError;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, Float32Array, Float64Array, Int32Array,
    Int64Array, LargeStringArray, NullArray, RecordBatch, StringArray, StringViewArray,
    TimestampSecondArray, UInt8Array,
};
use proptest::prelude::*;
use std::sync::Arc;

fn table(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true)))
        .unwrap()
}

fn text<'a>(cells: impl IntoIterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(cells.into_iter().collect::<StringArray>())
}

fn floats(cells: impl IntoIterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(cells.into_iter().collect::<Float64Array>())
}

fn fit(columns: Vec<(&str, ArrayRef)>) -> Result<FeaturePlan, ModelError> {
    FeaturePlan::fit(&table(columns), &ModelConfig { min_cats: 1, ..ModelConfig::default() })
}

fn encode(plan: &FeaturePlan, columns: Vec<(&str, ArrayRef)>) -> Result<EncodedRows, ModelError> {
    let mut encoded = EncodedRows::default();
    plan.encode(&table(columns), &mut encoded).map(|()| encoded)
}

#[test]
fn every_column_is_a_feature_or_dropped_with_a_reason() {
    let plan = fit(vec![
        ("f32", Arc::new(Float32Array::from(vec![0.5, 1.5]))),
        ("when", Arc::new(TimestampSecondArray::from(vec![1, 2]))),
        ("i32", Arc::new(Int32Array::from(vec![1, 2]))),
        ("nothing", floats([None, Some(f64::INFINITY)])),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("null", Arc::new(NullArray::new(2))),
        ("large", Arc::new(LargeStringArray::from(vec!["a", "b"]))),
        ("u8", Arc::new(UInt8Array::from(vec![1, 2]))),
        ("view", Arc::new(StringViewArray::from(vec!["a", "a"]))),
        (
            "dictionary",
            Arc::new(vec!["a", "b"].into_iter().collect::<DictionaryArray<Int32Type>>()),
        ),
        ("huge", floats([Some(1.7e308), Some(-1.7e308)])),
        ("empty text", text([None, None])),
        ("i32", Arc::new(Int32Array::from(vec![1, 2]))),
    ])
    .unwrap();
    let names: Vec<&str> = plan.names().collect();
    assert_eq!(names, ["i32", "u8", "f32", "flag", "large", "view", "dictionary", "empty text"]);
    assert_eq!(plan.shape().codes, [3, 2, 3, 1]);
    let dropped: Vec<(&str, &str)> =
        plan.dropped().iter().map(|(c, r)| (c.as_str(), r.as_str())).collect();
    assert_eq!(
        dropped,
        [
            ("when", "its type is Timestamp(s); numbers, booleans and text are read"),
            ("nothing", "it has no finite number"),
            ("null", "it has no values"),
            ("huge", "its values are too large to be scaled"),
            ("i32", "another column has the same name"),
        ]
    );
}

#[test]
fn nothing_to_learn_from_is_said() {
    let error = fit(vec![("gone", floats([None]))]).unwrap_err().to_string();
    assert_eq!(
        error,
        "no column can be a feature; numbers, booleans and text are; \"gone\": it has no finite number"
    );
    let error = fit(vec![("a", text([]))]).unwrap_err().to_string();
    assert_eq!(error, "there are no rows to learn from");
}

#[test]
fn one_row_one_kind_of_feature_and_no_rows_to_score_are_fine() {
    for scaler in [Scaler::Standard, Scaler::GaussRank, Scaler::Modified, Scaler::None] {
        let config = ModelConfig { scaler, ..ModelConfig::default() };
        let plan = FeaturePlan::fit(&table(vec![("n", floats([Some(2.0)]))]), &config).unwrap();
        assert!(encode(&plan, vec![("n", floats([None]))]).unwrap().numeric[0].is_finite());
        assert_eq!(encode(&plan, vec![("n", floats([]))]).unwrap().rows, 0);
    }
}

#[test]
fn a_missing_column_is_named() {
    let plan = fit(vec![("a", text([Some("x")])), ("b", text([Some("y")]))]).unwrap();
    let error = encode(&plan, vec![("a", text([Some("x")]))]).unwrap_err();
    assert!(matches!(error, ModelError::MissingColumn(name) if name == "b"));
}

#[test]
fn the_other_code_and_the_text_other_are_two_things() {
    let plan = fit(vec![("c", text([Some("_other"), Some("_other"), Some("x")]))]).unwrap();
    let cells = text([Some("_other"), Some("x"), Some("new"), None]);
    assert_eq!(encode(&plan, vec![("c", cells)]).unwrap().codes, [0, 1, 2, 2]);
}

#[test]
fn numbers_may_come_as_text_but_words_are_refused() {
    let config = ModelConfig { scaler: Scaler::None, ..ModelConfig::default() };
    let plan =
        FeaturePlan::fit(&table(vec![("n", floats([Some(1.0), Some(3.0)]))]), &config).unwrap();
    let cells = text([Some(" 7"), None, Some("1e3"), Some("nan"), Some("inf")]);
    let encoded = encode(&plan, vec![("n", cells)]).unwrap().numeric;
    assert_eq!(encoded[..4], [7.0, 2.0, 1000.0, 2.0]);
    let largest = encode(&plan, vec![("n", floats([Some(f64::MAX)]))]).unwrap().numeric[0];
    assert!(encoded[4] == largest && largest > 1e15);
    let flags: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]));
    assert_eq!(encode(&plan, vec![("n", flags)]).unwrap().numeric, [1.0, 0.0, 2.0]);
    let error = encode(&plan, vec![("n", text([None, Some("many"), Some("more")]))]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "row 1: \"many\" in column \"n\" is not a number; the model learnt this column as numeric"
    );
}

#[test]
fn the_first_bad_row_is_reported_beyond_one_task() {
    let plan = fit(vec![("n", floats([Some(1.0)]))]).unwrap();
    let rows = 40_000;
    let cells = text((0..rows).map(|i| Some(if i >= 20_000 { "bad" } else { "1" })));
    let error = encode(&plan, vec![("n", cells)]).unwrap_err();
    assert!(matches!(error, ModelError::Cell { row: 20_000, .. }));
}

#[test]
fn categories_are_compared_by_their_canonical_text() {
    let known = ["1", "0.25", "True", "-3"];
    let plan = fit(vec![("c", text(known.map(Some)))]).unwrap();
    let codes = |cells: ArrayRef| encode(&plan, vec![("c", cells)]).unwrap().codes;
    assert_eq!(
        codes(Arc::new(Int64Array::from(vec![Some(1), Some(-3), None, Some(9)]))),
        [0, 3, 4, 4]
    );
    assert_eq!(codes(floats([Some(1.0), Some(0.25), Some(f64::NAN), Some(-3.0)])), [0, 1, 4, 3]);
    assert_eq!(codes(Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))), [2, 4, 4]);
    assert_eq!(codes(Arc::new(NullArray::new(1))), [4]);
}

#[test]
fn dictionaries_mean_their_texts() {
    let cells = [Some("b"), Some("a"), None, Some("b"), Some("c")];
    let dictionary: DictionaryArray<Int32Type> = cells.into_iter().collect();
    let plain = fit(vec![("c", text(cells))]).unwrap();
    assert_eq!(fit(vec![("c", Arc::new(dictionary.clone()))]).unwrap(), plain);
    // Two rows of a dictionary of three texts take the other path than all five rows.
    for (start, rows) in [(0, 5), (1, 2), (2, 1)] {
        let coded = encode(&plain, vec![("c", Arc::new(dictionary.slice(start, rows)))]).unwrap();
        assert_eq!(coded, encode(&plain, vec![("c", text(cells).slice(start, rows))]).unwrap());
    }
    let empty: DictionaryArray<Int32Type> = [None::<&str>, None].into_iter().collect();
    assert_eq!(encode(&plain, vec![("c", Arc::new(empty))]).unwrap().codes, [3, 3]);
}

#[test]
fn binary_is_one_only_for_true() {
    let plan = fit(vec![("b", Arc::new(BooleanArray::from(vec![true, false])))]).unwrap();
    let bits = |cells: ArrayRef| encode(&plan, vec![("b", cells)]).unwrap().binary;
    let words = text(["True", "true", "TRUE", "1", "False", "yes"].map(Some));
    assert_eq!(bits(words), [1.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
    assert_eq!(bits(floats([Some(1.0), Some(0.0), Some(2.0), None])), [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(bits(Arc::new(BooleanArray::from(vec![None, Some(true)]))), [0.0, 1.0]);
}

#[test]
fn predictions_are_values_of_the_log() {
    let columns = || {
        vec![
            ("flag", Arc::new(BooleanArray::from(vec![true, false, true])) as ArrayRef),
            ("two", text([Some("no"), Some("yes"), Some("no")])),
            ("many", text([Some("a"), Some("b"), Some("c")])),
        ]
    };
    let config = ModelConfig { min_cats: 1, typing: Typing::V2206, ..ModelConfig::default() };
    let plan = FeaturePlan::fit(&table(columns()), &config).unwrap();
    let two = plan.binary_prediction(0, [0.4, 0.5, 0.6]);
    assert_eq!(two.as_string::<i32>(), &StringArray::from(vec!["no", "no", "yes"]));
    let flag = plan.binary_prediction(1, [0.4, 0.5, 0.6]);
    assert_eq!(flag.as_boolean(), &BooleanArray::from(vec![false, false, true]));
    let logits: [&[f32]; 3] = [&[0.0, 2.0, 1.0, 9.0], &[1.0, 1.0, 0.0, 0.0], &[f32::NAN; 4]];
    let many = plan.category_prediction(0, logits);
    assert_eq!(many.as_string::<i32>(), &StringArray::from(vec!["b", "a", "a"]));
    let unknown = fit(vec![("c", text([None]))]).unwrap();
    let other = unknown.category_prediction(0, [[3.0_f32].as_slice()]);
    assert_eq!(other.as_string::<i32>().value(0), unknown.category(0, 0));
}

#[test]
fn a_plan_from_a_file_cannot_be_inconsistent() {
    let plan = fit(vec![("n", floats([Some(1.0)])), ("c", text([Some("a")]))]).unwrap();
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<FeaturePlan>(&json).unwrap(), plan);
    for (good, bad) in [("[\"a\"]", "[\"a\",\"a\"]"), ("[1.0,1.0]", "[1.0,0.0]")] {
        assert!(json.contains(good), "{json}");
        assert!(serde_json::from_str::<FeaturePlan>(&json.replace(good, bad)).is_err());
    }
}

type Row = (Option<i64>, Option<bool>, Option<u8>, Option<f64>);

fn mixed(rows: &[Row]) -> Vec<(&'static str, ArrayRef)> {
    let word = |w: u8| ["red", "green", "blue", "grey"][usize::from(w)];
    vec![
        ("words", text(rows.iter().map(|r| r.2.map(word)))),
        ("ints", Arc::new(rows.iter().map(|r| r.0).collect::<Int64Array>())),
        ("flags", Arc::new(rows.iter().map(|r| r.1).collect::<BooleanArray>())),
        ("floats", floats(rows.iter().map(|r| r.3))),
    ]
}

fn mixed_rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (
        prop::option::of(any::<i64>()),
        prop::option::of(any::<bool>()),
        prop::option::of(0u8..4),
        prop::option::of(any::<f64>()),
    );
    prop::collection::vec(row, 1..40)
}

proptest! {
    #[test]
    fn any_table_encodes_to_finite_numbers_in_any_column_order(
        train in mixed_rows(), test in mixed_rows(), typing in 0..2, scaler in 0..4usize,
    ) {
        let scalers = [Scaler::Standard, Scaler::GaussRank, Scaler::Modified, Scaler::None];
        let config = ModelConfig {
            typing: if typing == 0 { Typing::Main } else { Typing::V2206 },
            scaler: scalers[scaler],
            min_cats: 2,
            ..ModelConfig::default()
        };
        let plan = FeaturePlan::fit(&table(mixed(&train)), &config).unwrap();
        let encoded = encode(&plan, mixed(&test)).unwrap();
        prop_assert!(encoded.numeric.iter().all(|x| x.is_finite()));
        prop_assert!(encoded.binary.iter().all(|&x| x == 0.0 || x == 1.0));
        for row in encoded.codes.chunks(plan.shape().codes.len().max(1)) {
            for (&code, &codes) in row.iter().zip(&plan.shape().codes) {
                prop_assert!((code as usize) < codes);
            }
        }
        let mut shuffled = mixed(&test);
        shuffled.reverse();
        shuffled.insert(1, ("more", floats(test.iter().map(|_| None))));
        prop_assert_eq!(encode(&plan, shuffled).unwrap(), encoded);
        let json = serde_json::to_string(&plan).unwrap();
        prop_assert_eq!(serde_json::from_str::<FeaturePlan>(&json).unwrap(), plan);
    }
}
