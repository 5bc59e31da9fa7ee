//! A training step.

use super::Rows;
use super::layout::{Embedding, Layout, Tables};
use super::network::Network;
use super::optimizer::OptimizerState;
use super::pass::{Dropout, Pass, shard_rows};
use super::split::{Part, for_each_part, piece};
use super::table::{Columns, Purpose, squares};
use crate::config::{ModelConfig, Objective};
use crate::encode::FeatureShape;
use crate::kernels::head::CellWeights;
use crate::kernels::lanes::{LANES, Lane, sums};
use crate::kernels::product::{Left, Right, Target, product};
use crate::kernels::update::{Update, apply};
use crate::kernels::{Level, embedding};
use rayon::prelude::*;
use std::ops::Range;

/// Values of an embedding table that are one tile, at most.
const TILE_EMBEDDED: usize = 1 << 16;
/// Outputs of a dense layer whose weights are one tile, at most: their gradient is still in the cache
/// when the weights are moved.
const TILE_OUTPUTS: usize = 96;
/// Outputs that a product keeps in registers at once, on the widest CPUs.
const BLOCK: usize = 12;

/// The optimiser's memory and all buffers of a training run, made once.
#[derive(Clone, Debug)]
pub struct Training {
    columns: Columns,
    tiles: Vec<Tile>,
    optimizer: OptimizerState,
    objective: Objective,
    dropout: Dropout,
    table: Vec<Lane>,
    gradient: Vec<f32>,
    feature_losses: Vec<f64>,
}

/// Neighbouring weights whose gradient one task computes.
#[derive(Clone, Debug)]
struct Tile {
    range: Range<usize>,
    kind: TileKind,
}

#[derive(Clone, Debug)]
enum TileKind {
    Embedding {
        feature: usize,
        codes: Range<usize>,
    },
    /// Vectors of any features, where embeddings are summed.
    Tables,
    Weight {
        layer: usize,
        outputs: Range<usize>,
    },
    Bias {
        layer: usize,
    },
}

impl Part for Tile {
    fn range(&self) -> Range<usize> {
        self.range.clone()
    }
}

impl Training {
    /// Prepares to train `network` on batches of at most `rows` rows. Dropout draws from `seed`.
    pub fn new(network: &Network, config: &ModelConfig, rows: usize, seed: [u8; 32]) -> Self {
        let layout = &network.layout;
        let columns = Columns::new(layout, Purpose::Train);
        let features = layout.shape.features();
        Self {
            tiles: tiles(layout),
            optimizer: OptimizerState::new(config.optimizer, layout.len()),
            objective: config.objective,
            dropout: Dropout { seed, step: 0 },
            table: vec![[0.0; LANES]; columns.lanes(rows)],
            gradient: vec![0.0; layout.len()],
            feature_losses: vec![0.0; features],
            columns,
        }
    }

    /// Moves the weights one step; returns each feature's mean loss over the batch, before it.
    ///
    /// # Panics
    /// If the batch is longer than announced or not of the network's shape.
    pub fn step(
        &mut self,
        network: &mut Network,
        noisy: Rows<'_>,
        clean: Rows<'_>,
        learning_rate: f64,
    ) -> &[f64] {
        self.pass(network, noisy, clean);
        let update = self.optimizer.advance(learning_rate);
        let sparse = self.optimizer.ignores_zero_gradients();
        let [first, second, third] = &mut self.optimizer.states;
        let states = [&mut first[..], &mut second[..], &mut third[..]];
        let buffers = ((&mut network.weights[..], &mut self.gradient[..]), states);
        let batch = Batch::new(&network.layout, &self.columns, &self.table, noisy);
        for_each_part(
            &self.tiles,
            buffers,
            &|tile, ((weights, gradient), states)| match &tile.kind {
                TileKind::Embedding { feature, codes } if sparse => {
                    batch.step_embedding((*feature, codes), update, weights, gradient);
                }
                _ => {
                    batch.gradient(tile, gradient);
                    apply(Level::best(), update, weights, gradient, states);
                }
            },
        );
        self.dropout.step += 1;
        &self.feature_losses
    }

    /// Gradient of the objective by every weight at the weights as they are, and each feature's
    /// mean loss.
    ///
    /// # Panics
    /// As [`Training::step`].
    pub fn gradient(
        &mut self,
        network: &Network,
        noisy: Rows<'_>,
        clean: Rows<'_>,
    ) -> (&[f32], &[f64]) {
        self.pass(network, noisy, clean);
        let batch = Batch::new(&network.layout, &self.columns, &self.table, noisy);
        for_each_part(&self.tiles, &mut self.gradient[..], &|tile, gradient: &mut [f32]| {
            batch.gradient(tile, gradient);
        });
        (&self.gradient, &self.feature_losses)
    }

    /// Forward, losses and backward of all rows.
    fn pass(&mut self, network: &Network, noisy: Rows<'_>, clean: Rows<'_>) {
        assert_eq!(noisy.rows, clean.rows, "noisy and clean rows differ in number");
        let shape = &network.layout.shape;
        let weights = cell_weights(self.objective, shape, noisy.rows);
        let pass =
            Pass { layout: &network.layout, columns: &self.columns, weights: &network.weights };
        let (dropout, shard_rows) = (self.dropout, shard_rows(noisy.rows));
        let table = &mut self.table[..self.columns.lanes(noisy.rows)];
        let shards = table.par_chunks_mut(self.columns.lanes(shard_rows).max(1));
        shards.enumerate().for_each(|(i, shard)| {
            let range = i * shard_rows..noisy.rows.min((i + 1) * shard_rows);
            let first_panel = range.start / LANES;
            pass.forward(shard, noisy.slice(shape, range.clone()), Some((dropout, first_panel)));
            pass.losses(shard, clean.slice(shape, range), weights);
            pass.backward(shard);
        });
        self.feature_losses.fill(0.0);
        let panels = table.chunks_exact(self.columns.stride);
        for (panel, first) in panels.zip((0..noisy.rows).step_by(LANES)) {
            let lanes = &panel[self.columns.losses.clone()];
            for (total, lane) in self.feature_losses.iter_mut().zip(lanes) {
                let rows = lane.iter().take(noisy.rows - first);
                *total += rows.map(|loss| f64::from(*loss)).sum::<f64>();
            }
        }
        for loss in &mut self.feature_losses {
            *loss /= noisy.rows as f64;
        }
    }
}

/// Share of one cell of a batch of `rows` rows in the objective.
fn cell_weights(objective: Objective, shape: &FeatureShape, rows: usize) -> CellWeights {
    let rows = rows as f32;
    let share = |cells: usize| 1.0 / (rows * cells.max(1) as f32);
    match objective {
        Objective::SumOfGroups => CellWeights {
            numeric: share(shape.numeric),
            binary: share(shape.binary),
            categorical: share(1),
        },
        Objective::MeanOverFeatures => {
            let each = share(shape.features());
            CellWeights { numeric: each, binary: each, categorical: each }
        }
        Objective::SumOverFeatures => {
            let each = share(1);
            CellWeights { numeric: each, binary: each, categorical: each }
        }
    }
}

/// The weight buffer cut into tiles, in order and without gaps.
fn tiles(layout: &Layout) -> Vec<Tile> {
    let mut tiles = Vec::new();
    if let Some(Tables { width, .. }) = layout.summed {
        let end = layout.embeddings.last().map_or(0, |last| last.weight.end);
        let step = piece(end / width, (TILE_EMBEDDED / width).max(1), 1) * width;
        let starts = (0..end).step_by(step.max(1));
        tiles.extend(
            starts
                .map(|first| Tile { range: first..end.min(first + step), kind: TileKind::Tables }),
        );
    }
    let separate = layout.embeddings.iter().enumerate().filter(|_| layout.summed.is_none());
    for (feature, embedding) in separate {
        let step = piece(embedding.codes, (TILE_EMBEDDED / embedding.width).max(1), 1);
        for first in (0..embedding.codes).step_by(step) {
            let codes = first..embedding.codes.min(first + step);
            let start = embedding.weight.start + first * embedding.width;
            let range = start..start + codes.len() * embedding.width;
            tiles.push(Tile { range, kind: TileKind::Embedding { feature, codes } });
        }
    }
    for (layer, dense) in layout.dense().enumerate() {
        let step = piece(dense.outputs, TILE_OUTPUTS, BLOCK);
        for first in (0..dense.outputs).step_by(step) {
            let outputs = first..dense.outputs.min(first + step);
            let start = dense.weight.start + first * dense.inputs;
            let range = start..start + outputs.len() * dense.inputs;
            tiles.push(Tile { range, kind: TileKind::Weight { layer, outputs } });
        }
        tiles.push(Tile { range: dense.bias.clone(), kind: TileKind::Bias { layer } });
    }
    tiles
}

/// The table of a batch after the backward pass.
struct Batch<'a> {
    layout: &'a Layout,
    columns: &'a Columns,
    table: &'a [Lane],
    rows: Rows<'a>,
}

impl<'a> Batch<'a> {
    fn new(layout: &'a Layout, columns: &'a Columns, table: &'a [Lane], rows: Rows<'a>) -> Self {
        Self { layout, columns, table: &table[..columns.lanes(rows.rows)], rows }
    }

    /// Writes the gradient of one tile.
    fn gradient(&self, tile: &Tile, into: &mut [f32]) {
        let stride = self.columns.stride;
        match &tile.kind {
            TileKind::Embedding { feature, codes } => {
                into.fill(0.0);
                self.add_embedding((*feature, codes), into);
            }
            TileKind::Tables => {
                into.fill(0.0);
                self.add_summed(&tile.range, into);
            }
            TileKind::Weight { layer, outputs } => self.weight(*layer, outputs, into),
            TileKind::Bias { layer } => {
                let first = self.columns.deltas(*layer).start;
                sums(Level::best(), self.table, stride, first, into);
            }
        }
    }

    /// Gradient by the weights of some outputs, `[outputs, inputs]`: the sum over all rows of the
    /// gradient by the output times what the layer has read, whose squares are transposed by now.
    fn weight(&self, layer: usize, outputs: &Range<usize>, into: &mut [f32]) {
        let (stride, source) = (self.columns.stride, self.columns.source(layer));
        let segments = self.table.len() / stride;
        let left = Left {
            data: self.table[self.columns.deltas(layer).start + outputs.start..].as_flattened(),
            row: LANES,
            segment: stride * LANES,
        };
        let (level, inputs) = (Level::best(), source.len());
        for (first, lane) in (0..inputs).zip(squares(&source)).step_by(LANES) {
            let lanes = &self.table[lane..];
            let right = Right { lanes, inner: LANES, segments, segment: stride };
            if first + LANES <= inputs {
                let data = &mut into[first..];
                let outputs = outputs.len();
                product(level, left, right, Target { data, row: inputs, outputs, goes_on: false });
                continue;
            }
            // The last inputs fill no lane.
            let mut block = [[0.0; LANES]; TILE_OUTPUTS];
            let block = &mut block[..outputs.len()];
            product(level, left, right, Target::from(&mut *block));
            for (row, values) in into.chunks_exact_mut(inputs).zip(&*block) {
                row[first..].copy_from_slice(&values[..inputs - first]);
            }
        }
    }

    /// Each panel of the table with its rows.
    fn panels(&self) -> impl Iterator<Item = (&'a [Lane], Rows<'a>)> {
        self.table.chunks_exact(self.columns.stride).zip(self.rows.panels(&self.layout.shape))
    }

    /// Adds the gradients of all rows to those of their vectors that the weights `of` hold.
    fn add_summed(&self, of: &Range<usize>, into: &mut [f32]) {
        if let Some(Tables { width, starts }) = &self.layout.summed {
            for (panel, rows) in self.panels() {
                let squares = &panel[self.columns.summed.clone()];
                embedding::scatter(Level::best(), into, of, *width, starts, squares, rows.codes);
            }
        }
    }

    /// Adds the gradients of the rows whose code of a feature is one of `codes` to those codes'
    /// vectors, from the first row down.
    fn add_embedding(&self, (feature, codes): (usize, &Range<usize>), into: &mut [f32]) {
        let Embedding { width, input, .. } = self.layout.embeddings[feature];
        // The gradient's columns begin with the first embedded input, the input's do not.
        let before = self.columns.input.len() - self.columns.input_deltas.len();
        let first = self.columns.input_deltas.start + input - before;
        for (panel, rows) in self.panels() {
            let gradient = &panel[first..first + width];
            for (i, code) in rows.codes_of(feature, &self.layout.shape).enumerate() {
                if let Some(place) = place(code, codes, width) {
                    for (sum, lane) in into[place].iter_mut().zip(gradient) {
                        *sum += lane[i];
                    }
                }
            }
        }
    }

    /// Gradient and update of only the codes that occur, for rules that leave the others alone: a
    /// batch sees few of a large vocabulary.
    fn step_embedding(
        &self,
        (feature, codes): (usize, &Range<usize>),
        update: Update,
        weights: &mut [f32],
        gradient: &mut [f32],
    ) {
        let width = self.layout.embeddings[feature].width;
        let occurring = || {
            let of_rows = self.rows.codes_of(feature, &self.layout.shape);
            of_rows.filter_map(|code| place(code, codes, width))
        };
        occurring().for_each(|place| gradient[place].fill(0.0));
        self.add_embedding((feature, codes), gradient);
        for place in occurring() {
            let none = [&mut [][..], &mut [][..], &mut [][..]];
            let (weights, gradient) = (&mut weights[place.clone()], &mut gradient[place]);
            apply(Level::best(), update, weights, gradient, none);
            // A code that occurs again has no gradient left.
            gradient.fill(0.0);
        }
    }
}

/// The place of a code's vector among those of the codes `of`, if it is one of them.
fn place(code: u32, of: &Range<usize>, width: usize) -> Option<Range<usize>> {
    let code = code as usize;
    of.contains(&code).then(|| (code - of.start) * width..(code - of.start + 1) * width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objectives_share_the_loss_among_cells() {
        let shape = FeatureShape { numeric: 2, binary: 1, codes: vec![3, 3] };
        for (objective, numeric, binary, categorical) in [
            (Objective::SumOfGroups, 0.125, 0.25, 0.25),
            (Objective::MeanOverFeatures, 0.05, 0.05, 0.05),
            (Objective::SumOverFeatures, 0.25, 0.25, 0.25),
        ] {
            let weights = cell_weights(objective, &shape, 4);
            let got = (weights.numeric, weights.binary, weights.categorical);
            assert_eq!(got, (numeric, binary, categorical), "{objective:?}");
        }
    }
}
