//! Phases of a job, each by itself on one thread: `cargo bench --workspace --bench phases`.
//!
//! Rows are made up in the seed job's shape: 3,239 rows of 14 categorical features with 131 codes.
//! `src/bin/kernels.rs` measures training and scoring against the machine's limit, in turns with it;
//! that no benchmark framework does.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot begin may panic")]

use arrow_array::RecordBatch;
use dfp_logs::{ReadOptions, cloudtrail, read};
use dfp_model::encode::FeatureShape;
use dfp_model::net::{Layout, Network, Rows, Training};
use dfp_model::train::{DrawnEpochs, EpochData};
use dfp_model::{EncodedRows, ModelConfig, UserModel};
use dfp_pipeline::measure::rows;
use dfp_synth::{GenerateOptions, LogFormat, LogSource, generate};
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::ops::ControlFlow;

fn main() {
    // A phase's own speed; how work is shared out is measured by `kernels`.
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().unwrap();
    divan::main();
}

/// The two architectures, by the widths of their layers and their batches.
const NETS: [&str; 2] = ["512,500|512 batch 512", "64,16|64 batch 128"];

fn config(net: &str) -> ModelConfig {
    if net == NETS[0] { ModelConfig::pipeline() } else { ModelConfig::compact(rows::TRAINING_ROWS) }
}

fn log() -> RecordBatch {
    rows::batch(rows::TRAINING_ROWS, 1).unwrap()
}

fn model(net: &str) -> UserModel {
    let config = ModelConfig { epochs: 1, ..config(net) };
    UserModel::fit("user", &log(), None, &config, &mut |_| ControlFlow::Continue(())).unwrap()
}

fn encoded() -> EncodedRows {
    model(NETS[1]).encode(&log()).unwrap()
}

#[divan::bench]
fn encode_3239x14(bencher: Bencher<'_, '_>) {
    let (model, log) = (model(NETS[1]), log());
    bencher.counter(ItemsCount::new(log.num_rows())).bench_local(|| model.encode(&log).unwrap());
}

#[divan::bench]
fn shuffle_and_swap_noise_3239x14(bencher: Bencher<'_, '_>) {
    let encoded = encoded();
    let mut epochs = DrawnEpochs::new(&encoded, 0.2, ChaCha8Rng::seed_from_u64(1)).unwrap();
    let (mut clean, mut noisy) = (EncodedRows::default(), EncodedRows::default());
    bencher
        .counter(ItemsCount::new(encoded.rows))
        .bench_local(|| epochs.next_epoch(&mut clean, &mut noisy));
}

/// Forward, losses, backward and update of one batch.
#[divan::bench(args = NETS)]
fn training_step(bencher: Bencher<'_, '_>, net: &str) {
    let (config, encoded) = (config(net), encoded());
    // Each column has a code for values that were never seen.
    let codes = rows::VALUES.map(|values| values + 1).to_vec();
    let shape = FeatureShape { numeric: 0, binary: 0, codes };
    let mut network = Network::new(Layout::new(&shape, &config), &mut ChaCha8Rng::seed_from_u64(1));
    let mut training = Training::new(&network, &config, config.batch_size, [0; 32]);
    bencher.counter(ItemsCount::new(config.batch_size)).bench_local(|| {
        let batch = Rows::of(&encoded, &shape, 0..config.batch_size);
        training.step(&mut network, batch, batch, 1e-6)[0]
    });
}

/// All rows of the log, each distinct one once.
#[divan::bench(args = NETS)]
fn score_3239x14(bencher: Bencher<'_, '_>, net: &str) {
    let (model, encoded) = (model(net), encoded());
    bencher.counter(ItemsCount::new(encoded.rows)).bench_local(|| model.score(&encoded));
}

/// CloudTrail events of 8 users as columns, with all columns, event times parsed, sorted.
#[divan::bench(args = ["csv", "json"])]
fn read_25600_events(bencher: Bencher<'_, '_>, form: &str) {
    let folder = tempfile::tempdir().unwrap();
    let format = if form == "csv" { LogFormat::Csv } else { LogFormat::Json };
    let source = LogSource::CloudTrail(format);
    let options = GenerateOptions { users: 8, source, ..GenerateOptions::new(folder.path()) };
    generate(&options).unwrap();
    let files: Vec<_> = std::fs::read_dir(folder.path().join("training"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let bytes: u64 = files.iter().map(|file| file.metadata().unwrap().len()).sum();
    bencher.counter(BytesCount::new(bytes)).bench_local(|| {
        read(&cloudtrail::DIALECT, &files, &ReadOptions::default(), &mut |_, _| {}).unwrap()
    });
}
