//! Embeddings added to the first layer's sums are the product of concatenated ones, tabulated.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use dfp_model::EncodedRows;
use dfp_model::config::{Activation, Embeddings, ModelConfig, Objective, Optimizer};
use dfp_model::encode::FeatureShape;
use dfp_model::net::{Evaluation, Layout, Network, Parameter, Rows, Training};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn config(embeddings: Embeddings, widths: &[usize]) -> ModelConfig {
    ModelConfig {
        encoder_layers: widths.to_vec(),
        decoder_layers: vec![9],
        activation: Activation::Tanh,
        embeddings,
        objective: Objective::SumOverFeatures,
        ..ModelConfig::default()
    }
}

fn random_rows(shape: &FeatureShape, rows: usize, rng: &mut ChaCha8Rng) -> EncodedRows {
    let codes = (0..rows).flat_map(|_| &shape.codes).map(|n| rng.random_range(0..*n as u32));
    EncodedRows {
        rows,
        codes: codes.collect(),
        numeric: (0..rows * shape.numeric).map(|i| (i as f32).sin()).collect(),
        binary: (0..rows * shape.binary).map(|i| (i % 2) as f32).collect(),
        ..EncodedRows::default()
    }
}

/// Both layouts' tensors in the order of names, which is the same.
fn tensors(layout: &Layout) -> Vec<Parameter> {
    layout.parameters(&["a", "b", "c"][..layout.shape().codes.len()])
}

/// The network with summed embeddings that computes the same as one with concatenated ones: each
/// table is the embeddings times their part of the first layer's weights.
fn tabulate(network: &Network, widths: &[usize]) -> Network {
    let shape = network.layout().shape();
    let layout = Layout::new(shape, &config(Embeddings::Summed, widths));
    let (from, into) = (tensors(network.layout()), tensors(&layout));
    let categorical = shape.codes.len();
    let plain = shape.numeric + shape.binary;
    let first = &from[categorical];
    let inputs = first.shape[1];
    let w = |output: usize, input: usize| {
        network.weights()[first.range.start + output * inputs + input]
    };
    let mut weights = vec![f32::NAN; layout.len()];
    let mut input = plain;
    for (embedding, table) in from.iter().zip(&into).take(categorical) {
        let width = embedding.shape[1];
        for code in 0..embedding.shape[0] {
            let vector = &network.weights()[embedding.range.start + code * width..][..width];
            for output in 0..widths[0] {
                let sum = vector.iter().enumerate().map(|(i, e)| e * w(output, input + i)).sum();
                weights[table.range.start + code * widths[0] + output] = sum;
            }
        }
        input += width;
    }
    for output in 0..widths[0] {
        for i in 0..plain {
            weights[into[categorical].range.start + output * plain + i] = w(output, i);
        }
    }
    for (from, into) in from.iter().zip(&into).skip(categorical + 1) {
        assert_eq!(from.name, into.name);
        weights[into.range.clone()].copy_from_slice(&network.weights()[from.range.clone()]);
    }
    assert!(weights.iter().all(|w| !w.is_nan()));
    Network::with_weights(layout, weights).unwrap()
}

/// Within what the order of sums of terms around 1 may change, whose result may be near 0.
fn close(got: &[f32], want: &[f32]) -> bool {
    let largest = want.iter().fold(0.5_f32, |largest, w| largest.max(w.abs()));
    got.len() == want.len() && got.iter().zip(want).all(|(g, w)| (g - w).abs() <= 2e-5 * largest)
}

proptest! {
    #[test]
    fn same_scores_and_gradients_as_the_product(
        (numeric, binary) in (0_usize..3, 0_usize..2),
        codes in prop::collection::vec(2_usize..40, 1..4),
        first in 1_usize..70,
        rows in 1_usize..150,
        seed in any::<u64>(),
    ) {
        let shape = FeatureShape { numeric, binary, codes };
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let widths = [first, 5];
        let concatenated = config(Embeddings::Concatenated, &widths);
        let product = Network::new(Layout::new(&shape, &concatenated), rng);
        let table = tabulate(&product, &widths);
        let encoded = random_rows(&shape, rows, rng);
        let rows = Rows::of(&encoded, &shape, 0..rows);

        let outputs = |network: &Network| {
            let mut evaluation = Evaluation::new(network);
            evaluation.run(rows);
            evaluation.outputs()
        };
        prop_assert!(close(&outputs(&table), &outputs(&product)));

        let mut of_product = Training::new(&product, &concatenated, rows.rows, [0; 32]);
        let (by_product, losses) = of_product.gradient(&product, rows, rows);
        let summed = config(Embeddings::Summed, &widths);
        let mut of_table = Training::new(&table, &summed, rows.rows, [0; 32]);
        let (by_table, table_losses) = of_table.gradient(&table, rows, rows);
        prop_assert!(losses.iter().zip(table_losses).all(|(a, b)| (a - b).abs() <= 1e-5 * a.max(1.0)));

        // By the chain rule, the gradient by an embedding is that by its table's vector times the
        // first layer's weights; all other gradients are the same.
        let (from, into) = (tensors(product.layout()), tensors(table.layout()));
        let categorical = shape.codes.len();
        let layer = &from[categorical];
        let mut input = numeric + binary;
        for (embedding, vectors) in from.iter().zip(&into).take(categorical) {
            let width = embedding.shape[1];
            let mut want = Vec::new();
            for vector in by_table[vectors.range.clone()].chunks(first) {
                for i in input..input + width {
                    let w = |output: usize| product.weights()[layer.range.start + output * layer.shape[1] + i];
                    want.push(vector.iter().enumerate().map(|(output, g)| g * w(output)).sum());
                }
            }
            input += width;
            prop_assert!(close(&by_product[embedding.range.clone()], &want), "{}", embedding.name);
        }
        for (from, into) in from.iter().zip(&into).skip(categorical + 1) {
            let (got, want) = (&by_table[into.range.clone()], &by_product[from.range.clone()]);
            prop_assert!(close(got, want), "{}", from.name);
        }
    }
}

/// A large vocabulary is several tiles, and plain SGD has a rule of its own for embeddings.
#[test]
fn every_optimizer_moves_the_tables_against_their_gradient() {
    let shape = FeatureShape { numeric: 1, binary: 0, codes: vec![1500, 3] };
    let rng = &mut ChaCha8Rng::seed_from_u64(7);
    let sgd = Optimizer::Sgd { momentum: 0.0, dampening: 0.0, nesterov: false, weight_decay: 0.0 };
    for optimizer in [sgd, ModelConfig::default().optimizer] {
        let config = ModelConfig { optimizer, ..config(Embeddings::Summed, &[64, 16]) };
        let mut network = Network::new(Layout::new(&shape, &config), rng);
        let encoded = random_rows(&shape, 100, rng);
        let rows = Rows::of(&encoded, &shape, 0..100);
        let mut training = Training::new(&network, &config, 100, [0; 32]);
        let gradient = training.gradient(&network, rows, rows).0.to_vec();
        let before = network.weights().to_vec();
        training.step(&mut network, rows, rows, 0.01);
        for ((before, after), g) in before.iter().zip(network.weights()).zip(&gradient) {
            let moved = f64::from(after - before);
            let want = match optimizer {
                Optimizer::Sgd { .. } => -0.01 * f64::from(*g),
                // Adam's first step is the rate, against the gradient's sign.
                Optimizer::Adam { .. } => -0.01 * f64::from(*g) / (f64::from(*g).abs() + 1e-8),
            };
            assert!((moved - want).abs() < 1e-6, "{optimizer:?}: {moved} is not {want}");
        }
    }
}
