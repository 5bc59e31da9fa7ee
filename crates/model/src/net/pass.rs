//! Forward and backward over one shard of rows.

use super::Rows;
use super::layout::{Dense, Layout};
use super::split::{Part, for_each_part, piece};
use super::table::{Columns, HiddenColumns};
use crate::kernels::gemm::{Matrix, product_within, transpose};
use crate::kernels::head::{CellWeights, Heads, Targets};
use crate::kernels::{Level, activation, head};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::ops::Range;

/// Rows a shard at most: long enough that the weights' way into the cache is paid back.
const SHARD_ROWS: usize = 256;

/// Rows of each shard of a batch; the last may be shorter.
pub(super) fn shard_rows(rows: usize) -> usize {
    piece(rows, SHARD_ROWS, 8)
}

/// Outputs of a dense layer whose weights are one tile, at most.
const TILE_OUTPUTS: usize = 128;

/// The outputs of each tile of a dense layer.
pub(super) fn output_tiles(dense: &Dense) -> impl Iterator<Item = Range<usize>> {
    let (outputs, step) = (dense.outputs, piece(dense.outputs, TILE_OUTPUTS, 8));
    (0..outputs).step_by(step).map(move |first| first..outputs.min(first + step))
}

/// Place in the weight buffer of the weights of these outputs.
pub(super) fn tile_range(dense: &Dense, outputs: &Range<usize>) -> Range<usize> {
    let at = |output: usize| dense.weight.start + output * dense.inputs;
    at(outputs.start)..at(outputs.end)
}

/// All dense weights again, each tile as `[inputs, outputs of the tile]`: the forward products then
/// read them in order. A tile is at the place that it has in the weight buffer, so that whoever
/// computes new weights for it can transpose them while they are in the cache.
#[derive(Clone, Debug)]
pub(super) struct Transposed {
    pub(super) values: Vec<f32>,
    parts: Vec<TransposedPart>,
}

/// One tile.
#[derive(Clone, Debug)]
struct TransposedPart {
    range: Range<usize>,
    inputs: usize,
}

impl Part for TransposedPart {
    fn range(&self) -> Range<usize> {
        self.range.clone()
    }
}

impl Transposed {
    pub(super) fn new(layout: &Layout) -> Self {
        let tiles = |dense: &Dense| {
            let part = |outputs| TransposedPart {
                range: tile_range(dense, &outputs),
                inputs: dense.inputs,
            };
            output_tiles(dense).map(part).collect::<Vec<_>>()
        };
        // Places that are no dense weight are never touched and so take no memory.
        Self { values: vec![0.0; layout.len()], parts: layout.dense().flat_map(tiles).collect() }
    }

    pub(super) fn refresh(&mut self, weights: &[f32]) {
        let Some(first) = self.parts.first() else { return };
        let values = &mut self.values[first.range.start..];
        for_each_part(&self.parts, values, &|part, into: &mut [f32]| {
            // Between the tiles of two layers there is a bias.
            let into = &mut into[..part.range.len()];
            transpose(into, &weights[part.range.clone()], part.inputs);
        });
    }

    fn of(&self, dense: &Dense, outputs: &Range<usize>) -> Matrix<'_> {
        let values = &self.values[tile_range(dense, outputs)];
        Matrix::new(values, dense.inputs, outputs.len(), 0..outputs.len())
    }
}

/// Dropout's random numbers in one step: a stream for each layer and shard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dropout {
    pub(super) seed: [u8; 32],
    pub(super) step: u64,
}

impl Dropout {
    /// Zeroes values with probability `p` and scales the others by 1/(1-p), with their slopes.
    fn apply(
        &self,
        shard: u32,
        layer: u32,
        p: f32,
        table: &mut [f32],
        columns: (usize, &HiddenColumns),
    ) {
        let mut rng = ChaCha8Rng::from_seed(self.seed);
        rng.set_stream(self.step << 32 | u64::from(layer));
        // A shard draws fewer than 2^32 numbers.
        rng.set_word_pos(u128::from(shard) << 32);
        let (stride, columns) = columns;
        let keep = 1.0 / (1.0 - p);
        for row in table.chunks_exact_mut(stride) {
            let (values, slopes) = row.split_at_mut(columns.slopes.start);
            let slopes = &mut slopes[..columns.slopes.len()];
            for (value, slope) in values[columns.values.clone()].iter_mut().zip(slopes) {
                let factor = if rng.random::<f32>() < p { 0.0 } else { keep };
                *value *= factor;
                *slope *= factor;
            }
        }
    }
}

/// What all shards of one pass share.
pub(super) struct Pass<'a> {
    pub(super) layout: &'a Layout,
    pub(super) columns: &'a Columns,
    pub(super) weights: &'a [f32],
    pub(super) transposed: &'a Transposed,
}

impl Pass<'_> {
    /// Fills input, hidden values and outputs (still without bias) of a shard's rows. A table with
    /// more rows than the shard has something in the others.
    pub(super) fn forward(
        &self,
        table: &mut [f32],
        rows: Rows<'_>,
        dropout: Option<(Dropout, u32)>,
    ) {
        self.gather(table, rows);
        let (stride, level) = (self.columns.stride, Level::best());
        for (i, layer) in self.layout.hidden.iter().enumerate() {
            let at = &self.columns.hidden[i];
            self.multiply(table, i, &layer.dense, at.values.start);
            let bias = &self.weights[layer.dense.bias.clone()];
            let (kind, values) = (layer.activation, at.values.clone());
            if at.slopes.is_empty() {
                activation::activate(level, kind, table, stride, values, bias);
            } else {
                let slopes = at.slopes.start;
                activation::activate_with_slope(level, kind, table, stride, values, slopes, bias);
            }
            if let (Some((dropout, shard)), true) = (dropout, layer.dropout > 0.0) {
                dropout.apply(shard, i as u32, layer.dropout, table, (stride, at));
            }
        }
        let last = self.layout.hidden.len();
        self.multiply(table, last, &self.layout.heads, self.columns.outputs.start);
    }

    /// The sums of dense layer `i` without bias, to the columns from `into` on.
    fn multiply(&self, table: &mut [f32], i: usize, dense: &Dense, into: usize) {
        for outputs in output_tiles(dense) {
            let weight = self.transposed.of(dense, &outputs);
            let into = into + outputs.start..into + outputs.end;
            product_within(table, self.columns.stride, self.columns.source(i), into, weight);
        }
    }

    /// Numeric and binary values, then the embedding of each code.
    fn gather(&self, table: &mut [f32], rows: Rows<'_>) {
        let shape = &self.layout.shape;
        let (numeric, binary, categorical) = (shape.numeric, shape.binary, shape.codes.len());
        let table = table.chunks_exact_mut(self.columns.stride).take(rows.rows);
        for (i, row) in table.enumerate() {
            let input = &mut row[self.columns.input.clone()];
            input[..numeric].copy_from_slice(&rows.numeric[i * numeric..(i + 1) * numeric]);
            input[numeric..numeric + binary]
                .copy_from_slice(&rows.binary[i * binary..(i + 1) * binary]);
            let codes = &rows.codes[i * categorical..(i + 1) * categorical];
            for (embedding, code) in self.layout.embeddings.iter().zip(codes) {
                let width = embedding.width;
                let first = embedding.weight.start + *code as usize * width;
                input[embedding.input..embedding.input + width]
                    .copy_from_slice(&self.weights[first..first + width]);
            }
        }
    }

    /// Losses of each cell, `[rows, features]`, and the gradient by the outputs.
    pub(super) fn losses(
        &self,
        table: &mut [f32],
        clean: Rows<'_>,
        weights: CellWeights,
        losses: &mut [f32],
    ) {
        let targets = Targets { numeric: clean.numeric, binary: clean.binary, codes: clean.codes };
        let heads = Heads {
            stride: self.columns.stride,
            outputs: self.columns.outputs.start,
            gradients: self.columns.output_deltas.start,
            bias: &self.weights[self.layout.heads.bias.clone()],
            shape: &self.layout.shape,
        };
        head::losses(Level::best(), table, heads, targets, weights, losses);
    }

    /// From the gradient by the outputs back to that by every layer's sum and the embeddings.
    pub(super) fn backward(&self, table: &mut [f32]) {
        let (stride, level) = (self.columns.stride, Level::best());
        for i in (1..=self.layout.hidden.len()).rev() {
            let (at, layer) = (&self.columns.hidden[i - 1], &self.layout.hidden[i - 1]);
            let dense = self.layout.dense_at(i);
            let weight = &self.weights[dense.weight.clone()];
            let weight = Matrix::new(weight, dense.outputs, dense.inputs, 0..dense.inputs);
            product_within(table, stride, self.columns.deltas(i), at.deltas.clone(), weight);
            let deltas = at.deltas.start;
            if at.slopes.is_empty() {
                activation::chain(
                    level,
                    layer.activation,
                    table,
                    stride,
                    at.values.clone(),
                    deltas,
                );
            } else {
                activation::chain_slopes(level, table, stride, at.slopes.clone(), deltas);
            }
        }
        if let Some(first) = self.layout.embeddings.first() {
            let dense = self.layout.dense_at(0);
            let embedded = first.input..dense.inputs;
            let weight = &self.weights[dense.weight.clone()];
            let weight = Matrix::new(weight, dense.outputs, dense.inputs, embedded);
            let (from, into) = (self.columns.deltas(0), self.columns.input_deltas.clone());
            product_within(table, stride, from, into, weight);
        }
    }
}
