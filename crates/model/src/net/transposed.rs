//! The weights the other way round, for the way back.

use super::layout::{Dense, Layout};
use super::split::WORTH_A_THREAD;
use crate::kernels::Level;
use crate::kernels::lanes::{LANES, transpose_columns};
use rayon::prelude::*;

/// Each dense layer's weights as `[inputs, outputs]`. The gradient by what a layer reads is a product
/// with these; made once a step, they cost less than reading columns of `[outputs, inputs]` again and
/// again, which no cache likes.
#[derive(Clone, Debug)]
pub(super) struct Transposed {
    layers: Vec<Vec<f32>>,
}

impl Transposed {
    /// Room for the layers of `layout`; none for a first layer below which nothing learns.
    pub(super) fn new(layout: &Layout) -> Self {
        let learns_below = !layout.embeddings.is_empty() && layout.summed.is_none();
        let room = |(i, dense): (usize, &Dense)| {
            vec![0.0; if i > 0 || learns_below { dense.weight.len() } else { 0 }]
        };
        Self { layers: layout.dense().enumerate().map(room).collect() }
    }

    /// Takes over the weights as they are.
    pub(super) fn fill(&mut self, layout: &Layout, weights: &[f32]) {
        for (dense, into) in layout.dense().zip(&mut self.layers) {
            let weights = &weights[dense.weight.clone()];
            let width = (dense.outputs * LANES).max(1);
            let inputs = into.par_chunks_mut(width).with_min_len(WORTH_A_THREAD.div_ceil(width));
            inputs.enumerate().for_each(|(i, into)| {
                let (weights, into) = ((weights, dense.inputs), (into, dense.outputs));
                transpose_columns(Level::best(), weights, i * LANES, into);
            });
        }
    }

    /// The weights of dense layer `i` from its input `input` on.
    pub(super) fn weights_of(&self, i: usize, outputs: usize, input: usize) -> &[f32] {
        &self.layers[i][input * outputs..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ModelConfig;
    use crate::encode::FeatureShape;

    #[test]
    fn every_weight_changes_places() {
        let shape = FeatureShape { numeric: 3, binary: 0, codes: vec![40, 2] };
        let config = ModelConfig {
            encoder_layers: vec![70, 32],
            decoder_layers: vec![5],
            ..ModelConfig::default()
        };
        let layout = Layout::new(&shape, &config);
        let weights: Vec<f32> = (0..layout.len()).map(|i| i as f32).collect();
        let mut transposed = Transposed::new(&layout);
        transposed.fill(&layout, &weights);
        for (i, dense) in layout.dense().enumerate() {
            for input in 0..dense.inputs {
                let row = transposed.weights_of(i, dense.outputs, input);
                for (output, value) in row[..dense.outputs].iter().enumerate() {
                    let at = dense.weight.start + output * dense.inputs + input;
                    assert_eq!(*value, weights[at], "layer {i}, input {input}, output {output}");
                }
            }
        }
    }
}
