//! What a model takes is what it says it takes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use arrow_array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray};
use dfp_model::artifact::{Limits, read_one, write_one};
use dfp_model::config::Scorer;
use dfp_model::{ModelConfig, ModelError, TrainingData, UserModel};
use peak_alloc::PeakAlloc;
use std::ops::ControlFlow;
use std::sync::Arc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Rows with `texts` different texts in a column, of users that are told apart by `salt`.
fn rows(rows: usize, texts: usize, salt: usize) -> RecordBatch {
    let many = (0..rows).map(|row| format!("some text number {}", (row * 7919 + salt) % texts));
    let few = (0..rows).map(|row| ["GET", "PUT", "LIST"][row % 3]);
    let numbers = |of: usize| {
        let numbers = (0..rows).map(|row| ((row * 31 + salt) % of) as f64);
        Arc::new(Float64Array::from_iter_values(numbers)) as ArrayRef
    };
    let truths: Vec<bool> = (0..rows).map(|row| row % 5 == 0).collect();
    RecordBatch::try_from_iter([
        ("many", Arc::new(StringArray::from_iter_values(many)) as ArrayRef),
        ("few", Arc::new(StringArray::from_iter_values(few))),
        ("truth", Arc::new(BooleanArray::from(truths))),
        ("wide", numbers(1009)),
        ("narrow", numbers(40)),
    ])
    .unwrap()
}

fn fit(
    user: &str,
    rows: &RecordBatch,
    config: &ModelConfig,
    peers: Option<&Arc<UserModel>>,
) -> UserModel {
    let times: Vec<i64> = (0..rows.num_rows() as i64).map(|row| row * 60_000_000).collect();
    let data = TrainingData { rows, validation: None, times: &times, peers };
    UserModel::fit_with(user, &data, config, &mut |_| ControlFlow::Continue(())).unwrap()
}

#[test]
fn bytes_are_about_what_a_model_takes() {
    let compact = |rows, scorer| ModelConfig { epochs: 1, scorer, ..ModelConfig::compact(rows) };
    let pipeline = ModelConfig { epochs: 1, ..ModelConfig::pipeline() };
    let everyone = Arc::new(fit("*", &rows(500, 90, 1), &compact(500, Scorer::Recommended), None));
    for (name, rows, config, peers) in [
        ("network alone", rows(40, 10, 2), compact(40, Scorer::Network), None),
        ("large network", rows(40, 10, 2), pipeline, None),
        ("counts alone", rows(30, 10, 2), compact(30, Scorer::Recommended), None),
        ("all scorers", rows(2000, 500, 2), compact(2000, Scorer::Recommended), None),
        ("with peers", rows(100, 20, 2), compact(100, Scorer::Recommended), Some(&everyone)),
    ] {
        let mut bytes = Vec::new();
        write_one(&fit("ann", &rows, &config, peers), &mut bytes).unwrap();
        let mut find = |_: &_| Ok::<_, ModelError>(Arc::clone(peers.unwrap()));
        let before = MEMORY.current_usage();
        let model = Box::new(read_one(&bytes, &Limits::default(), &mut find).unwrap());
        let takes = (MEMORY.current_usage() - before) as f64;
        let says = model.bytes() as f64;
        assert!((says / takes - 1.0).abs() < 0.1, "{name}: says {says}, takes {takes}");
    }
}
