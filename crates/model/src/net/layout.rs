//! Where each weight is in the flat buffer.

use crate::config::{Activation, Embeddings, ModelConfig};
use crate::encode::{FeatureShape, embedding_width};
use crate::memory_size::Heap;
use std::ops::Range;

impl FeatureShape {
    /// Number of features of all kinds.
    pub fn features(&self) -> usize {
        self.numeric + self.binary + self.codes.len()
    }

    /// Width of the heads' output: a value for each numeric feature, a logit for each binary one
    /// and for each code of a categorical one, in this order.
    pub fn outputs(&self) -> usize {
        self.numeric + self.binary + self.codes.iter().sum::<usize>()
    }
}

/// The parts of a network and their places in the weight buffer.
///
/// Order: embedding tables (categorical order, each `[codes, width]`), then for each hidden layer
/// its weight `[outputs, inputs]` and bias, then one weight and one bias for all heads together.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    pub(super) shape: FeatureShape,
    pub(super) embeddings: Vec<Embedding>,
    /// Where embeddings are added to the sums of the first hidden layer, instead of being read by it:
    /// [`Embeddings::Summed`].
    pub(super) summed: Option<Tables>,
    pub(super) hidden: Vec<Hidden>,
    pub(super) heads: Dense,
    pub(super) input: usize,
    encoders: usize,
}

/// The embedding table of one categorical feature.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Embedding {
    pub(super) codes: usize,
    pub(super) width: usize,
    /// Place in the weight buffer, `[codes, width]`.
    pub(super) weight: Range<usize>,
    /// First column in the network's input, if the first layer reads the embedding.
    pub(super) input: usize,
}

/// The embedding tables as one, when all are of the same width.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tables {
    pub(super) width: usize,
    /// First weight of each feature's table.
    pub(super) starts: Vec<usize>,
}

/// y = x · weightᵀ + bias.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Dense {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// Place in the weight buffer, `[outputs, inputs]`.
    pub(super) weight: Range<usize>,
    /// Place in the weight buffer, `[outputs]`.
    pub(super) bias: Range<usize>,
}

/// A dense layer, its activation, then dropout with this probability in training.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hidden {
    pub(super) dense: Dense,
    pub(super) activation: Activation,
    pub(super) dropout: f32,
}

/// One named tensor of the network, a part of the weight buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The reference library's name, for example `encoder_0.linear_layer.weight`.
    pub name: String,
    /// Lengths of the dimensions; row-major.
    pub shape: Vec<usize>,
    /// Place in the weight buffer.
    pub range: Range<usize>,
}

impl Dense {
    fn new(inputs: usize, outputs: usize, at: &mut usize) -> Self {
        let weight = take(at, inputs * outputs);
        Self { inputs, outputs, weight, bias: take(at, outputs) }
    }

    fn parameters(&self, name: &str, rows: Range<usize>) -> [Parameter; 2] {
        let weight = self.weight.start + rows.start * self.inputs;
        let bias = self.bias.start;
        [
            Parameter {
                name: format!("{name}.weight"),
                shape: vec![rows.len(), self.inputs],
                range: weight..weight + rows.len() * self.inputs,
            },
            Parameter {
                name: format!("{name}.bias"),
                shape: vec![rows.len()],
                range: bias + rows.start..bias + rows.end,
            },
        ]
    }
}

fn take(at: &mut usize, len: usize) -> Range<usize> {
    let start = *at;
    *at += len;
    start..*at
}

impl Heap for Layout {
    fn heap(&self) -> usize {
        let starts = self.summed.as_ref().map_or(0, |tables| tables.starts.heap());
        self.shape.codes.heap()
            + self.embeddings.capacity() * size_of::<Embedding>()
            + starts
            + self.hidden.capacity() * size_of::<Hidden>()
    }
}

impl Layout {
    /// The network for features of `shape` with the layers of `config`.
    pub fn new(shape: &FeatureShape, config: &ModelConfig) -> Self {
        let (mut at, mut input) = (0, shape.numeric + shape.binary);
        let first_width = match config.embeddings {
            Embeddings::Concatenated => None,
            Embeddings::Summed => hidden_layers(config).next().map(|(width, ..)| width),
        };
        let embeddings: Vec<_> = shape
            .codes
            .iter()
            .map(|&codes| {
                let width = first_width.unwrap_or_else(|| embedding_width(codes));
                let read = if first_width.is_some() { 0 } else { width };
                let input = take(&mut input, read).start;
                Embedding { codes, width, weight: take(&mut at, codes * width), input }
            })
            .collect();
        let mut inputs = input;
        let hidden = hidden_layers(config)
            .map(|(outputs, activation, dropout)| {
                let dense = Dense::new(inputs, outputs, &mut at);
                inputs = outputs;
                Hidden { dense, activation, dropout }
            })
            .collect();
        let heads = Dense::new(inputs, shape.outputs(), &mut at);
        let encoders = config.encoder_layers.len();
        let summed = first_width.map(|width| Tables {
            width,
            starts: embeddings.iter().map(|e: &Embedding| e.weight.start).collect(),
        });
        Self { shape: shape.clone(), embeddings, summed, hidden, heads, input, encoders }
    }

    /// How many features of each kind the network reads and reconstructs.
    pub fn shape(&self) -> &FeatureShape {
        &self.shape
    }

    /// Number of weights.
    pub fn len(&self) -> usize {
        self.heads.bias.end
    }

    /// Whether there are no weights at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The tensors under the reference library's names and in its order. `categorical` names the
    /// categorical features in their order.
    pub fn parameters(&self, categorical: &[&str]) -> Vec<Parameter> {
        let mut all: Vec<Parameter> = self
            .embeddings
            .iter()
            .zip(categorical)
            .map(|(table, name)| Parameter {
                name: format!("{name} embedding.weight"),
                shape: vec![table.codes, table.width],
                range: table.weight.clone(),
            })
            .collect();
        for ((name, _), Hidden { dense, .. }) in self.hidden_layers().zip(&self.hidden) {
            all.extend(dense.parameters(&format!("{name}.linear_layer"), 0..dense.outputs));
        }
        let mut row = 0;
        all.extend(self.heads.parameters("numeric_output", take(&mut row, self.shape.numeric)));
        all.extend(self.heads.parameters("binary_output", take(&mut row, self.shape.binary)));
        for (codes, name) in self.shape.codes.iter().zip(categorical) {
            all.extend(self.heads.parameters(&format!("{name} output"), take(&mut row, *codes)));
        }
        all
    }

    /// Names of the hidden layers as in [`Layout::parameters`], with their activations.
    pub(crate) fn hidden_layers(&self) -> impl Iterator<Item = (String, Activation)> {
        self.hidden.iter().enumerate().map(|(i, layer)| {
            let name = match i.checked_sub(self.encoders) {
                None => format!("encoder_{i}"),
                Some(i) => format!("decoder_{i}"),
            };
            (name, layer.activation)
        })
    }

    /// Whether embeddings are added to the sums of the first hidden layer.
    pub(crate) fn is_summed(&self) -> bool {
        self.summed.is_some()
    }

    /// Hidden layers and heads in the order of computation.
    pub(super) fn dense(&self) -> impl Iterator<Item = &Dense> {
        self.hidden.iter().map(|layer| &layer.dense).chain([&self.heads])
    }

    /// The dense layer at this place of [`Layout::dense`].
    pub(super) fn dense_at(&self, i: usize) -> &Dense {
        self.hidden.get(i).map_or(&self.heads, |layer| &layer.dense)
    }
}

/// Width, activation and dropout of each hidden layer, encoder first.
fn hidden_layers(config: &ModelConfig) -> impl Iterator<Item = (usize, Activation, f32)> {
    let side = |widths: &[usize], activations: &[Activation], dropout: &[f32]| {
        let of = |i: usize| {
            let activation = activations.get(i).copied().unwrap_or(config.activation);
            (widths[i], activation, dropout.get(i).copied().unwrap_or(0.0))
        };
        (0..widths.len()).map(of).collect::<Vec<_>>()
    };
    let encoder =
        side(&config.encoder_layers, &config.encoder_activations, &config.encoder_dropout);
    let decoder =
        side(&config.decoder_layers, &config.decoder_activations, &config.decoder_dropout);
    encoder.into_iter().chain(decoder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_cover_the_buffer_once() {
        let shape = FeatureShape { numeric: 2, binary: 1, codes: vec![4, 2] };
        let config = ModelConfig {
            encoder_layers: vec![5, 3],
            decoder_layers: vec![6],
            ..ModelConfig::default()
        };
        let layout = Layout::new(&shape, &config);
        let mut parameters = layout.parameters(&["color", "shape"]);
        assert_eq!(parameters[1].name, "shape embedding.weight");
        assert_eq!(parameters[6].name, "decoder_0.linear_layer.weight");
        parameters.sort_by_key(|p| p.range.start);
        let mut at = 0;
        for p in parameters {
            assert_eq!(p.range.start, at, "{}", p.name);
            assert_eq!(p.range.len(), p.shape.iter().product::<usize>(), "{}", p.name);
            at = p.range.end;
        }
        assert_eq!(at, layout.len());
    }
}
