//! Forward and backward over a shard: some panels of a batch.

use super::Rows;
use super::layout::{Dense, Layout, Tables};
use super::table::{Columns, HiddenColumns, parts, squares};
use crate::kernels::head::{CellWeights, Heads, Targets};
use crate::kernels::lanes::{LANES, Lane};
use crate::kernels::product::{Left, Right, STRETCH, Target, product};
use crate::kernels::transpose::{transpose, transpose_columns};
use crate::kernels::{Level, activation, embedding, head};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::ops::Range;

/// Panels of a shard, at most: each weight that comes into the cache, or is turned for the way back, is
/// used for all of them.
const SHARD_PANELS: usize = 16;

/// Rows of a shard, whole panels of them: of `rows` rows each thread of the ambient pool gets as many.
/// What is computed for a row does not depend on it.
pub(super) fn shard_rows(rows: usize) -> usize {
    let panels = rows.div_ceil(LANES).div_ceil(rayon::current_num_threads());
    let rounds = panels.div_ceil(SHARD_PANELS).max(1);
    panels.div_ceil(rounds).max(1) * LANES
}

/// Outputs that one product makes for each panel of a shard: their weights stay in the cache.
const BLOCK: usize = 48;
/// Outputs whose weights are turned at once for the way back: the terms of a product's stretch.
const TURNED: usize = STRETCH;

/// Dropout's random numbers in one step: a stream for each layer, a part of it for each panel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dropout {
    pub(super) seed: [u8; 32],
    pub(super) step: u64,
}

impl Dropout {
    /// Zeroes values with probability `p` and scales the others by 1/(1-p), with their slopes.
    fn apply(
        &self,
        first_panel: usize,
        layer: u32,
        p: f32,
        table: &mut [Lane],
        at: &HiddenColumns,
        stride: usize,
    ) {
        let mut rng = ChaCha8Rng::from_seed(self.seed);
        rng.set_stream(self.step << 32 | u64::from(layer));
        let keep = 1.0 / (1.0 - p);
        for (i, panel) in table.chunks_exact_mut(stride).enumerate() {
            // A panel draws fewer than 2^32 numbers.
            rng.set_word_pos(((first_panel + i) as u128) << 32);
            let [values, slopes] = parts(panel, [at.values.clone(), at.slopes.clone()]);
            let cells = values.as_flattened_mut().iter_mut().zip(slopes.as_flattened_mut());
            for (value, slope) in cells {
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
}

impl Pass<'_> {
    /// Fills input, hidden values and outputs (still without bias) of a shard's rows.
    pub(super) fn forward(
        &self,
        shard: &mut [Lane],
        rows: Rows<'_>,
        dropout: Option<(Dropout, usize)>,
    ) {
        let (stride, level) = (self.columns.stride, Level::best());
        for (panel, rows) in shard.chunks_exact_mut(stride).zip(rows.panels(&self.layout.shape)) {
            self.gather(panel, rows);
        }
        for (i, layer) in self.layout.hidden.iter().enumerate() {
            let at = &self.columns.hidden[i];
            let bias = &self.weights[layer.dense.bias.clone()];
            self.multiply(shard, i, &layer.dense, &at.values, |panel, outputs| {
                let (kind, bias) = (layer.activation, &bias[outputs.clone()]);
                let part = |columns: &Range<usize>| within(columns, &outputs);
                if i == 0 && self.layout.summed.is_some() {
                    let [values, sums] = parts(panel, [&at.values, &self.columns.summed].map(part));
                    embedding::add(level, values, sums);
                }
                if at.slopes.is_empty() {
                    activation::activate(level, kind, &mut panel[part(&at.values)], bias);
                } else {
                    let [values, slopes] = parts(panel, [part(&at.values), part(&at.slopes)]);
                    activation::activate_with_slope(level, kind, values, slopes, bias);
                }
            });
            if let (Some((dropout, panel)), true) = (dropout, layer.dropout > 0.0) {
                dropout.apply(panel, i as u32, layer.dropout, shard, at, stride);
            }
        }
        let last = self.layout.hidden.len();
        self.multiply(shard, last, &self.layout.heads, &self.columns.outputs, |_, _| {});
    }

    /// The sums of dense layer `i` without bias, to the columns `into`; `then` is called with each
    /// block of them while it is in the cache.
    fn multiply(
        &self,
        shard: &mut [Lane],
        i: usize,
        dense: &Dense,
        into: &Range<usize>,
        then: impl Fn(&mut [Lane], Range<usize>),
    ) {
        for outputs in blocks(dense.outputs, BLOCK) {
            let first = dense.weight.start + outputs.start * dense.inputs;
            let data = &self.weights[first..first + outputs.len() * dense.inputs];
            let left = Left { data, row: dense.inputs, segment: 0 };
            for panel in shard.chunks_exact_mut(self.columns.stride) {
                let [from, into] = parts(panel, [self.columns.source(i), within(into, &outputs)]);
                product(Level::best(), left, Right::whole(from), into.into());
                then(panel, outputs.clone());
            }
        }
    }

    /// Numeric and binary values, then the embedding of each code or, aside, the sums of a row's
    /// embeddings. Places without a row get zeros.
    fn gather(&self, panel: &mut [Lane], rows: Rows<'_>) {
        let shape = &self.layout.shape;
        let (numeric, binary, categorical) = (shape.numeric, shape.binary, shape.codes.len());
        let [input, sums] = parts(panel, [self.columns.input.clone(), self.columns.summed.clone()]);
        if rows.rows < LANES {
            input.fill([0.0; LANES]);
        }
        if let Some(tables) = &self.layout.summed {
            let (level, Tables { width, starts }) = (Level::best(), tables);
            embedding::gather(level, sums, *width, self.weights, starts, rows.codes);
            transpose(level, sums);
        }
        for i in 0..rows.rows {
            let plain = rows.numeric[i * numeric..(i + 1) * numeric]
                .iter()
                .chain(&rows.binary[i * binary..(i + 1) * binary]);
            for (lane, value) in input.iter_mut().zip(plain) {
                lane[i] = *value;
            }
            if self.layout.summed.is_some() {
                continue;
            }
            let codes = &rows.codes[i * categorical..(i + 1) * categorical];
            for (embedding, code) in self.layout.embeddings.iter().zip(codes) {
                let width = embedding.width;
                let first = embedding.weight.start + *code as usize * width;
                let lanes = &mut input[embedding.input..embedding.input + width];
                for (lane, value) in lanes.iter_mut().zip(&self.weights[first..first + width]) {
                    lane[i] = *value;
                }
            }
        }
    }

    /// Losses of each cell, and the gradient by the outputs.
    pub(super) fn losses(&self, shard: &mut [Lane], clean: Rows<'_>, weights: CellWeights) {
        let (columns, shape) = (self.columns, &self.layout.shape);
        let bias = &self.weights[self.layout.heads.bias.clone()];
        for (panel, rows) in shard.chunks_exact_mut(columns.stride).zip(clean.panels(shape)) {
            let ranges = [&columns.outputs, &columns.output_deltas, &columns.losses];
            let [outputs, gradients, losses] = parts(panel, ranges.map(Clone::clone));
            let targets = Targets {
                rows: rows.rows,
                numeric: rows.numeric,
                binary: rows.binary,
                codes: rows.codes,
            };
            let heads = Heads { outputs, gradients, losses };
            head::losses(Level::best(), heads, bias, shape, targets, weights);
        }
    }

    /// From the gradient by the outputs back to that by every layer's sum and the embeddings. Then
    /// what each layer has read is transposed, for the gradient by its weights.
    pub(super) fn backward(&self, shard: &mut [Lane]) {
        let level = Level::best();
        let mut turned = [0.0; BLOCK * TURNED];
        for i in (1..=self.layout.hidden.len()).rev() {
            let (at, layer) = (&self.columns.hidden[i - 1], &self.layout.hidden[i - 1]);
            self.multiply_back((shard, &mut turned), (i, 0), &at.deltas, |panel, block| {
                let part = |columns: &Range<usize>| within(columns, &block);
                let of = if at.slopes.is_empty() { &at.values } else { &at.slopes };
                let [of, deltas] = parts(panel, [part(of), part(&at.deltas)]);
                if at.slopes.is_empty() {
                    activation::chain(level, layer.activation, of, deltas);
                } else {
                    activation::chain_slopes(level, of, deltas);
                }
            });
        }
        if let Some(first) = self.layout.embeddings.first() {
            // Nothing where embeddings are summed: theirs is the gradient by the first layer's sums.
            let into = &self.columns.input_deltas;
            self.multiply_back((shard, &mut turned), (0, first.input), into, |_, _| {});
        }
        for panel in shard.chunks_exact_mut(self.columns.stride) {
            if self.layout.summed.is_some() {
                let [summed, deltas] =
                    parts(panel, [self.columns.summed.clone(), self.columns.deltas(0)]);
                summed[..deltas.len()].copy_from_slice(deltas);
                transpose(level, summed);
            }
            for i in 0..=self.layout.hidden.len() {
                transpose(level, &mut panel[squares(&self.columns.source(i))]);
            }
        }
    }

    /// The gradient by what dense layer `i` reads, from its input `first` on, to the columns `into`: a
    /// product with the weights the other way round, which are turned part by part. A whole copy would
    /// have to come from far away again; and no cache likes to read columns of `[outputs, inputs]`.
    fn multiply_back(
        &self,
        (shard, turned): (&mut [Lane], &mut [f32; BLOCK * TURNED]),
        (i, first): (usize, usize),
        into: &Range<usize>,
        then: impl Fn(&mut [Lane], Range<usize>),
    ) {
        let &Dense { inputs, outputs, ref weight, .. } = self.layout.dense_at(i);
        let (level, stride) = (Level::best(), self.columns.stride);
        let weights = &self.weights[weight.clone()];
        for block in blocks(into.len(), BLOCK) {
            for terms in blocks(outputs, TURNED) {
                let part = &weights[terms.start * inputs..terms.end * inputs];
                let turned = &mut turned[..block.len() * terms.len()];
                let (row, first) = (terms.len(), first + block.start);
                transpose_columns(level, (part, inputs), first, (&mut *turned, row));
                let left = Left { data: turned, row, segment: 0 };
                let goes_on = terms.start > 0;
                let deltas = within(&self.columns.deltas(i), &terms);
                for panel in shard.chunks_exact_mut(stride) {
                    let [from, into] = parts(panel, [deltas.clone(), within(into, &block)]);
                    let into = Target { goes_on, ..Target::from(into) };
                    product(level, left, Right::whole(from), into);
                }
            }
            for panel in shard.chunks_exact_mut(stride) {
                then(panel, block.clone());
            }
        }
    }
}

/// The part `block` of `columns`.
fn within(columns: &Range<usize>, block: &Range<usize>) -> Range<usize> {
    columns.start + block.start..columns.start + block.end
}

/// 0 to `len` in blocks of at most `most`.
fn blocks(len: usize, most: usize) -> impl Iterator<Item = Range<usize>> {
    (0..len).step_by(most).map(move |first| first..len.min(first + most))
}

#[cfg(test)]
mod tests {
    use super::super::table::Purpose;
    use super::*;
    use crate::config::ModelConfig;
    use crate::encode::FeatureShape;

    #[test]
    fn threads_get_equal_shards() {
        for (rows, threads, panels) in
            [(512, 1, 16), (512, 2, 8), (513, 1, 9), (2048, 3, 11), (40, 4, 1), (0, 2, 1)]
        {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert_eq!(pool.install(|| shard_rows(rows)), panels * LANES, "{rows} rows");
        }
    }

    #[test]
    fn gradients_go_back_through_every_weight() {
        let shape = FeatureShape { numeric: 3, binary: 0, codes: vec![400, 90] };
        let config = ModelConfig {
            encoder_layers: vec![70, 300],
            decoder_layers: vec![33],
            ..ModelConfig::default()
        };
        let layout = Layout::new(&shape, &config);
        let columns = Columns::new(&layout, Purpose::Train);
        let weights: Vec<f32> = (0..layout.len()).map(|i| (i as f32).sin()).collect();
        let pass = Pass { layout: &layout, columns: &columns, weights: &weights };
        for i in 0..=layout.hidden.len() {
            let (first, into) = match i {
                0 => (layout.embeddings[0].input, &columns.input_deltas),
                _ => (0, &columns.hidden[i - 1].deltas),
            };
            let mut shard = vec![[f32::NAN; LANES]; 2 * columns.stride];
            let deltas = columns.deltas(i);
            for (p, panel) in shard.chunks_exact_mut(columns.stride).enumerate() {
                for (o, lane) in panel[deltas.clone()].iter_mut().enumerate() {
                    *lane = std::array::from_fn(|row| ((p + 2 * o + 7 * row) as f32).cos());
                }
            }
            let (done, mut turned) = (std::cell::Cell::new(0), [0.0; BLOCK * TURNED]);
            pass.multiply_back((&mut shard, &mut turned), (i, first), into, |_, block| {
                done.set(done.get() + block.len());
            });
            assert_eq!(done.get(), 2 * into.len());
            let &Dense { inputs, outputs, ref weight, .. } = layout.dense_at(i);
            for panel in shard.chunks_exact(columns.stride) {
                for (input, lane) in (first..inputs).zip(&panel[into.clone()]) {
                    for (row, value) in lane.iter().enumerate() {
                        let term = |o: usize| {
                            let weight = weights[weight.start + o * inputs + input];
                            f64::from(weight) * f64::from(panel[deltas.start + o][row])
                        };
                        let want: f64 = (0..outputs).map(term).sum();
                        let apart = (f64::from(*value) - want).abs();
                        assert!(apart < 1e-3, "layer {i}, input {input}: {value} for {want}");
                    }
                }
            }
        }
    }
}
