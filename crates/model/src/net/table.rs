//! All that the network computes about the rows of a batch, a panel of 32 rows after the other.

use super::layout::Layout;
use crate::config::Activation;
use crate::kernels::lanes::{LANES, Lane};
use std::ops::Range;

/// What a table is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Forward pass and losses only.
    Score,
    /// Gradients too, and dropout.
    Train,
}

/// Which lanes of a panel hold what.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    /// Lanes of a panel.
    pub(super) stride: usize,
    pub(super) input: Range<usize>,
    pub(super) hidden: Vec<HiddenColumns>,
    /// Squares with a row of the panel in each lane: the sum of a row's embeddings, where they are
    /// summed; transposed before the first layer's block reads them. After the backward pass the
    /// gradient by these sums, again row by row. Empty if embeddings are part of the input.
    pub(super) summed: Range<usize>,
    /// Numeric predictions and logits.
    pub(super) outputs: Range<usize>,
    /// Gradient by `outputs`; when scoring, room for the softmax.
    pub(super) output_deltas: Range<usize>,
    /// Gradient by the embedded part of the input, the last columns of it; empty when scoring.
    pub(super) input_deltas: Range<usize>,
    /// Losses, a lane for each feature.
    pub(super) losses: Range<usize>,
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

/// Lanes of whole squares: what is transposed after the backward pass takes as many.
pub(super) fn squares(columns: &Range<usize>) -> Range<usize> {
    columns.start..columns.start + columns.len().next_multiple_of(LANES)
}

impl Columns {
    pub(super) fn new(layout: &Layout, purpose: Purpose) -> Self {
        let mut at = 0;
        let mut take = |width: usize| {
            let start = at;
            at += width;
            start..at
        };
        let if_training = |width: usize| if purpose == Purpose::Train { width } else { 0 };
        let input = take(layout.input);
        take(squares(&input).len() - input.len());
        let summed = take(layout.summed.as_ref().map_or(0, |t| squares(&(0..t.width)).len()));
        let hidden: Vec<_> = layout
            .hidden
            .iter()
            .map(|layer| {
                let width = layer.dense.outputs;
                let needs_slope = layer.dropout > 0.0 || layer.activation == Activation::Tanhshrink;
                let values = take(width);
                take(squares(&values).len() - width);
                HiddenColumns {
                    values,
                    slopes: take(if needs_slope { if_training(width) } else { 0 }),
                    deltas: take(if_training(width)),
                }
            })
            .collect();
        let outputs = take(layout.heads.outputs);
        let output_deltas = take(layout.heads.outputs);
        // None where they are summed.
        let embedded = layout.embeddings.first().map_or(0, |first| layout.input - first.input);
        let input_deltas = take(if_training(embedded));
        let losses = take(layout.shape.features());
        Self { stride: at, input, hidden, summed, outputs, output_deltas, input_deltas, losses }
    }

    /// Lanes of a table of `rows` rows.
    pub(super) fn lanes(&self, rows: usize) -> usize {
        rows.div_ceil(LANES) * self.stride
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

/// Parts of a panel that do not overlap.
pub(super) fn parts<const N: usize>(
    panel: &mut [Lane],
    ranges: [Range<usize>; N],
) -> [&mut [Lane]; N] {
    #[expect(clippy::expect_used, reason = "`Columns` lays parts out one after the other")]
    panel.get_disjoint_mut(ranges).expect("columns overlap")
}
