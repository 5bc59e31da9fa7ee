//! A training step.

use super::Rows;
use super::layout::{Embedding, Layout};
use super::network::Network;
use super::optimizer::OptimizerState;
use super::pass::{Dropout, Pass, Transposed, output_tiles, shard_rows, tile_range};
use super::split::{Part, for_each_part, piece};
use super::table::{Columns, Purpose};
use crate::config::{ModelConfig, Objective};
use crate::encode::FeatureShape;
use crate::kernels::gemm::{Matrix, product, transpose};
use crate::kernels::head::CellWeights;
use crate::kernels::update::{Update, apply};
use crate::kernels::{Level, rows};
use rayon::prelude::*;
use std::ops::Range;

/// Values of an embedding table that are one tile, at most.
const TILE_EMBEDDED: usize = 1 << 16;

/// The optimiser's memory and all buffers of a training run, made once.
#[derive(Clone, Debug)]
pub struct Training {
    columns: Columns,
    tiles: Vec<Tile>,
    transposed: Transposed,
    /// Whether `transposed` is of the network's weights.
    fresh: bool,
    optimizer: OptimizerState,
    objective: Objective,
    dropout: Dropout,
    table: Vec<f32>,
    gradient: Vec<f32>,
    losses: Vec<f32>,
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
    Embedding { feature: usize, codes: Range<usize> },
    Weight { layer: usize, outputs: Range<usize> },
    Bias { layer: usize },
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
            transposed: Transposed::new(layout),
            fresh: false,
            optimizer: OptimizerState::new(config.optimizer, layout.len()),
            objective: config.objective,
            dropout: Dropout { seed, step: 0 },
            table: vec![0.0; rows * columns.stride],
            gradient: vec![0.0; layout.len()],
            losses: vec![0.0; rows * features],
            feature_losses: vec![0.0; features],
            columns,
        }
    }

    /// Moves the weights one step; returns each feature's mean loss over the batch, before it.
    /// Between two steps the network stays the same.
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
        if !self.fresh {
            self.transposed.refresh(&network.weights);
        }
        self.pass(network, noisy, clean);
        let update = self.optimizer.advance(learning_rate);
        let sparse = self.optimizer.ignores_zero_gradients();
        let [first, second, third] = &mut self.optimizer.states;
        let states = [&mut first[..], &mut second[..], &mut third[..]];
        let weights = (&mut network.weights[..], &mut self.transposed.values[..]);
        let buffers = ((weights, &mut self.gradient[..]), states);
        let batch = Batch::new(&self.columns, &self.table, noisy);
        let layout = &network.layout;
        for_each_part(
            &self.tiles,
            buffers,
            &|tile, (((weights, transposed), gradient), states)| match &tile.kind {
                TileKind::Embedding { feature, codes } if sparse => {
                    let table = (&layout.embeddings[*feature], *feature, codes);
                    batch.step_embedding(table, update, weights, gradient);
                }
                kind => {
                    batch.gradient(layout, kind, gradient);
                    apply(Level::best(), update, weights, gradient, states);
                    if let TileKind::Weight { layer, .. } = kind {
                        transpose(transposed, weights, layout.dense_at(*layer).inputs);
                    }
                }
            },
        );
        self.fresh = true;
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
        self.fresh = false;
        self.transposed.refresh(&network.weights);
        self.pass(network, noisy, clean);
        let batch = Batch::new(&self.columns, &self.table, noisy);
        for_each_part(&self.tiles, &mut self.gradient[..], &|tile, gradient: &mut [f32]| {
            batch.gradient(&network.layout, &tile.kind, gradient);
        });
        (&self.gradient, &self.feature_losses)
    }

    /// Forward, losses and backward of all rows.
    fn pass(&mut self, network: &Network, noisy: Rows<'_>, clean: Rows<'_>) {
        assert_eq!(noisy.rows, clean.rows, "noisy and clean rows differ in number");
        let shape = &network.layout.shape;
        let (stride, features) = (self.columns.stride, shape.features());
        let weights = cell_weights(self.objective, shape, noisy.rows);
        let pass = Pass {
            layout: &network.layout,
            columns: &self.columns,
            weights: &network.weights,
            transposed: &self.transposed,
        };
        let (shard, dropout) = (shard_rows(noisy.rows), self.dropout);
        let tables = self.table[..noisy.rows * stride].par_chunks_mut(shard * stride);
        let losses = self.losses[..noisy.rows * features].par_chunks_mut(shard * features);
        tables.zip(losses).enumerate().for_each(|(i, (table, losses))| {
            let range = i * shard..noisy.rows.min((i + 1) * shard);
            pass.forward(table, noisy.slice(shape, range.clone()), Some((dropout, i as u32)));
            pass.losses(table, clean.slice(shape, range), weights, losses);
            pass.backward(table);
        });
        self.feature_losses.fill(0.0);
        for row in self.losses[..noisy.rows * features].chunks_exact(features) {
            for (mean, loss) in self.feature_losses.iter_mut().zip(row) {
                *mean += f64::from(*loss) / noisy.rows as f64;
            }
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
    for (feature, embedding) in layout.embeddings.iter().enumerate() {
        let step = piece(embedding.codes, (TILE_EMBEDDED / embedding.width).max(1), 1);
        for first in (0..embedding.codes).step_by(step) {
            let codes = first..embedding.codes.min(first + step);
            let start = embedding.weight.start + first * embedding.width;
            let range = start..start + codes.len() * embedding.width;
            tiles.push(Tile { range, kind: TileKind::Embedding { feature, codes } });
        }
    }
    for (layer, dense) in layout.dense().enumerate() {
        for outputs in output_tiles(dense) {
            let range = tile_range(dense, &outputs);
            tiles.push(Tile { range, kind: TileKind::Weight { layer, outputs } });
        }
        tiles.push(Tile { range: dense.bias.clone(), kind: TileKind::Bias { layer } });
    }
    tiles
}

/// The table of a batch after the backward pass.
struct Batch<'a> {
    columns: &'a Columns,
    table: &'a [f32],
    rows: Rows<'a>,
}

impl<'a> Batch<'a> {
    fn new(columns: &'a Columns, table: &'a [f32], rows: Rows<'a>) -> Self {
        Self { columns, table: &table[..rows.rows * columns.stride], rows }
    }

    /// Writes the gradient of one tile.
    fn gradient(&self, layout: &Layout, kind: &TileKind, into: &mut [f32]) {
        let stride = self.columns.stride;
        match kind {
            TileKind::Embedding { feature, codes } => {
                into.fill(0.0);
                self.add_embedding(&layout.embeddings[*feature], *feature, codes, into);
            }
            TileKind::Weight { layer, outputs } => {
                let deltas = self.columns.deltas(*layer).start;
                let deltas = deltas + outputs.start..deltas + outputs.end;
                let deltas = Matrix::new(self.table, self.rows.rows, stride, deltas);
                let source = self.columns.source(*layer);
                let source = Matrix::new(self.table, self.rows.rows, stride, source);
                product(into, deltas.transposed(), source);
            }
            TileKind::Bias { layer } => {
                let first = self.columns.deltas(*layer).start;
                rows::column_sums(Level::best(), self.table, stride, first, into);
            }
        }
    }

    /// For each row whose code is one of the tile's: the place of its embedding in the tile, and
    /// its gradient.
    fn embedded(
        &self,
        embedding: &Embedding,
        feature: usize,
        codes: &Range<usize>,
    ) -> impl Iterator<Item = (Range<usize>, &[f32])> {
        let features = self.rows.codes.len() / self.rows.rows.max(1);
        let of_feature = self.rows.codes.iter().skip(feature).step_by(features.max(1));
        // The gradient's columns begin with the first embedded input, the input's do not.
        let before = self.columns.input.len() - self.columns.input_deltas.len();
        let first = self.columns.input_deltas.start + embedding.input - before;
        let (width, from, to) = (embedding.width, codes.start, codes.end);
        let table = self.table.chunks_exact(self.columns.stride);
        of_feature.zip(table).filter_map(move |(code, row)| {
            let code = *code as usize;
            let place = code.checked_sub(from).filter(|_| code < to)? * width;
            Some((place..place + width, &row[first..first + width]))
        })
    }

    /// Adds the gradients of the rows, from the first down.
    fn add_embedding(
        &self,
        embedding: &Embedding,
        feature: usize,
        codes: &Range<usize>,
        into: &mut [f32],
    ) {
        for (place, gradient) in self.embedded(embedding, feature, codes) {
            for (sum, g) in into[place].iter_mut().zip(gradient) {
                *sum += g;
            }
        }
    }

    /// Gradient and update of only the codes that occur, for rules that leave the others alone: a
    /// batch sees few of a large vocabulary.
    fn step_embedding(
        &self,
        (embedding, feature, codes): (&Embedding, usize, &Range<usize>),
        update: Update,
        weights: &mut [f32],
        gradient: &mut [f32],
    ) {
        for (place, _) in self.embedded(embedding, feature, codes) {
            gradient[place].fill(0.0);
        }
        self.add_embedding(embedding, feature, codes, gradient);
        for (place, _) in self.embedded(embedding, feature, codes) {
            let none = [&mut [][..], &mut [][..], &mut [][..]];
            apply(
                Level::best(),
                update,
                &mut weights[place.clone()],
                &gradient[place.clone()],
                none,
            );
            // A code that occurs again has no gradient left.
            gradient[place].fill(0.0);
        }
    }
}
