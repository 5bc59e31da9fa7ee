//! Weights before training, from PyTorch's distributions.

use super::layout::Layout;
use rand::{Rng, RngExt};

/// Random weights: embeddings standard normal, dense weights and biases uniform within
/// ±1/√(number of inputs).
///
/// Summed embeddings are the weights of a dense layer whose inputs are 1 for the codes of a row and 0
/// for all others, so that it reads one input a feature: theirs and the first layer's are uniform
/// within ±1/√(number of features).
pub(super) fn weights(layout: &Layout, rng: &mut impl Rng) -> Vec<f32> {
    let mut weights = vec![0.0; layout.len()];
    for table in &layout.embeddings {
        let table = &mut weights[table.weight.clone()];
        if layout.summed.is_some() {
            fill_uniform(table, layout.shape.features(), rng);
        } else {
            fill_normal(table, rng);
        }
    }
    for (i, dense) in layout.dense().enumerate() {
        let inputs =
            if i == 0 && layout.summed.is_some() { layout.shape.features() } else { dense.inputs };
        // Weight and bias are neighbours.
        fill_uniform(&mut weights[dense.weight.start..dense.bias.end], inputs, rng);
    }
    weights
}

/// Uniform numbers within ±1/√`inputs`.
fn fill_uniform(values: &mut [f32], inputs: usize, rng: &mut impl Rng) {
    let bound = 1.0 / (inputs as f32).sqrt();
    for value in values {
        *value = bound * (2.0 * rng.random::<f32>() - 1.0);
    }
}

/// Standard normal numbers by the Box-Muller transform, two at a time.
fn fill_normal(values: &mut [f32], rng: &mut impl Rng) {
    for pair in values.chunks_mut(2) {
        // From (0, 1], so that the logarithm is finite.
        let radius = (-2.0 * libm::log(1.0 - rng.random::<f64>())).sqrt();
        let angle = std::f64::consts::TAU * rng.random::<f64>();
        for (value, part) in pair.iter_mut().zip([libm::cos(angle), libm::sin(angle)]) {
            *value = (radius * part) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ModelConfig;
    use crate::encode::FeatureShape;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn moments(values: &[f32]) -> (f64, f64) {
        let n = values.len() as f64;
        let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
        let variance = values.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / n;
        (mean, variance)
    }

    #[test]
    fn distributions_are_those_of_the_documentation() {
        let shape = FeatureShape { numeric: 100, binary: 0, codes: vec![1000] };
        let config = ModelConfig { encoder_layers: vec![300], ..ModelConfig::default() };
        let layout = Layout::new(&shape, &config);
        let weights = weights(&layout, &mut ChaCha8Rng::seed_from_u64(1));
        let (mean, variance) = moments(&weights[layout.embeddings[0].weight.clone()]);
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
        let dense = &layout.hidden[0].dense;
        let bound = 1.0 / (dense.inputs as f64).sqrt();
        let part = &weights[dense.weight.start..dense.bias.end];
        let (mean, variance) = moments(part);
        assert!(mean.abs() < 0.02 * bound, "{mean}");
        assert!((variance / (bound * bound / 3.0) - 1.0).abs() < 0.03, "{variance}");
        assert!(part.iter().all(|w| f64::from(w.abs()) <= bound * 1.000_001));
    }
}
