//! A training step reuses its buffers.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use dfp_model::EncodedRows;
use dfp_model::config::ModelConfig;
use dfp_model::encode::FeatureShape;
use dfp_model::net::{Layout, Network, Rows, Training};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static GLOBAL: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Several shards, the last one not full.
const ROWS: usize = 150;

#[test]
fn a_step_after_the_first_allocates_nothing() {
    let shape = FeatureShape { numeric: 3, binary: 1, codes: vec![20, 5] };
    let peer = ModelConfig {
        encoder_layers: vec![48, 32],
        decoder_layers: vec![48],
        encoder_dropout: vec![0.1, 0.0],
        ..ModelConfig::pipeline()
    };
    for config in [peer, ModelConfig::compact(ROWS)] {
        steps(&shape, &config);
    }
}

fn steps(shape: &FeatureShape, config: &ModelConfig) {
    let layout = Layout::new(shape, config);
    let mut network = Network::new(layout, &mut ChaCha8Rng::seed_from_u64(1));
    let table = EncodedRows {
        rows: ROWS,
        numeric: vec![0.5; ROWS * 3],
        binary: vec![1.0; ROWS],
        codes: (0..ROWS as u32).flat_map(|i| [i % 20, i % 5]).collect(),
        ..EncodedRows::default()
    };
    let mut training = Training::new(&network, config, ROWS, [0; 32]);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        let mut step = || {
            let rows = Rows::of(&table, shape, 0..ROWS);
            training.step(&mut network, rows, rows, 0.01);
        };
        step();
        // The counters are the whole process's, and other threads tidy up now and then; a step that
        // allocates does so every time.
        let changes = [(); 10].map(|()| {
            let region = Region::new(GLOBAL);
            step();
            let change = region.change();
            (change.allocations, change.reallocations, change.deallocations)
        });
        assert!(changes.contains(&(0, 0, 0)), "{changes:?}");
    });
}
