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

/// All dense weights as `[inputs, outputs]`: the forward products then read them in order.
#[derive(Clone, Debug)]
pub(super) struct Transposed {
    values: Vec<f32>,
    /// Place of each dense layer.
    layers: Vec<Range<usize>>,
    parts: Vec<TransposedPart>,
}

/// Some inputs of one dense layer.
#[derive(Clone, Debug)]
struct TransposedPart {
    range: Range<usize>,
    layer: usize,
    inputs: Range<usize>,
}

impl Part for TransposedPart {
    fn range(&self) -> Range<usize> {
        self.range.clone()
    }
}

impl Transposed {
    pub(super) fn new(layout: &Layout) -> Self {
        let (mut layers, mut parts, mut at) = (Vec::new(), Vec::new(), 0);
        for (layer, dense) in layout.dense().enumerate() {
            layers.push(at..at + dense.weight.len());
            let step = piece(dense.inputs, 64, 16);
            for first in (0..dense.inputs).step_by(step) {
                let inputs = first..dense.inputs.min(first + step);
                let len = inputs.len() * dense.outputs;
                parts.push(TransposedPart { range: at..at + len, layer, inputs });
                at += len;
            }
        }
        Self { values: vec![0.0; at], layers, parts }
    }

    pub(super) fn refresh(&mut self, layout: &Layout, weights: &[f32]) {
        for_each_part(&self.parts, &mut self.values[..], &|part, into: &mut [f32]| {
            let dense = layout.dense_at(part.layer);
            transpose(into, &weights[dense.weight.clone()], dense.inputs, part.inputs.clone());
        });
    }

    fn of(&self, layer: usize, dense: &Dense) -> Matrix<'_> {
        let values = &self.values[self.layers[layer].clone()];
        Matrix::new(values, dense.inputs, dense.outputs, 0..dense.outputs)
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
            let weight = self.transposed.of(i, &layer.dense);
            product_within(table, stride, self.columns.source(i), at.values.clone(), weight);
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
        let weight = self.transposed.of(last, &self.layout.heads);
        let (source, outputs) = (self.columns.source(last), self.columns.outputs.clone());
        product_within(table, stride, source, outputs, weight);
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
