//! One row for each log row of a batch: all that the network computes about it, side by side.

use super::layout::Layout;
use crate::config::Activation;
use std::ops::Range;

/// What a table is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Forward pass and losses only.
    Score,
    /// Gradients too, and dropout.
    Train,
}

/// Which columns of the table hold what.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    /// Width of a row.
    pub(super) stride: usize,
    pub(super) input: Range<usize>,
    pub(super) hidden: Vec<HiddenColumns>,
    /// Numeric predictions and logits.
    pub(super) outputs: Range<usize>,
    /// Gradient by `outputs`; when scoring, room for the softmax.
    pub(super) output_deltas: Range<usize>,
    /// Gradient by the embedded part of the input, the last columns of it; empty when scoring.
    pub(super) input_deltas: Range<usize>,
}

#[derive(Clone, Debug)]
pub(super) struct HiddenColumns {
    /// Values after activation and dropout.
    pub(super) values: Range<usize>,
    /// Derivative of the values by the layer's sum, where the values alone do not tell it:
    /// tanhshrink and dropout. Else empty.
    pub(super) slopes: Range<usize>,
    /// Gradient by the layer's sum; empty when scoring.
    pub(super) deltas: Range<usize>,
}

impl Columns {
    pub(super) fn new(layout: &Layout, purpose: Purpose) -> Self {
        /// Values in a cache line: every layer starts on its own.
        const LINE: usize = 16;
        let mut at = 0;
        let mut take = |width: usize| {
            let start = at;
            at += width.next_multiple_of(LINE);
            start..start + width
        };
        let if_training = |width: usize| if purpose == Purpose::Train { width } else { 0 };
        let input = take(layout.input);
        let hidden = layout
            .hidden
            .iter()
            .map(|layer| {
                let width = layer.dense.outputs;
                let needs_slope = layer.dropout > 0.0 || layer.activation == Activation::Tanhshrink;
                HiddenColumns {
                    values: take(width),
                    slopes: take(if needs_slope { if_training(width) } else { 0 }),
                    deltas: take(if_training(width)),
                }
            })
            .collect();
        let outputs = take(layout.heads.outputs);
        let output_deltas = take(layout.heads.outputs);
        let embedded = layout.embeddings.first().map_or(0, |first| layout.input - first.input);
        let input_deltas = take(if_training(embedded));
        // An odd number of cache lines: rows then spread over all sets of the cache.
        let stride = (at.div_ceil(LINE) | 1) * LINE;
        Self { stride, input, hidden, outputs, output_deltas, input_deltas }
    }

    /// What dense layer `i` reads; the heads follow the last hidden layer.
    pub(super) fn source(&self, i: usize) -> Range<usize> {
        match i.checked_sub(1) {
            None => self.input.clone(),
            Some(below) => self.hidden[below].values.clone(),
        }
    }

    /// The gradient by the sums of dense layer `i`.
    pub(super) fn deltas(&self, i: usize) -> Range<usize> {
        self.hidden.get(i).map_or(&self.output_deltas, |layer| &layer.deltas).clone()
    }
}
