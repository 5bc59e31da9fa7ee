//! Forward pass and losses without training.

use super::Rows;
use super::layout::Layout;
use super::network::Network;
use super::pass::{Pass, Transposed};
use super::table::{Columns, Purpose};
use crate::kernels::head::CellWeights;
use rayon::prelude::*;

/// Rows of every product, the last of a table filled up: so that a row's bits depend neither on
/// the number of rows that come with it nor on its place. A multiple of the rows that any CPU's
/// product keeps in registers.
pub(crate) const SHARD_ROWS: usize = 96;

/// Buffers for scoring with one network, reused from slice to slice of rows.
#[derive(Clone, Debug)]
pub struct Evaluation<'a> {
    network: &'a Network,
    columns: Columns,
    transposed: Transposed,
    table: Vec<f32>,
    losses: Vec<f32>,
    rows: usize,
}

impl<'a> Evaluation<'a> {
    /// Prepares to score with this network.
    pub fn new(network: &'a Network) -> Self {
        let mut transposed = Transposed::new(&network.layout);
        transposed.refresh(&network.weights);
        let columns = Columns::new(&network.layout, Purpose::Score);
        Self { network, columns, transposed, table: Vec::new(), losses: Vec::new(), rows: 0 }
    }

    /// Reconstructs the rows and compares them with themselves.
    pub fn run(&mut self, rows: Rows<'_>) {
        let Layout { shape, .. } = &self.network.layout;
        let (stride, features) = (self.columns.stride, shape.features());
        self.rows = rows.rows;
        self.table.resize(rows.rows.next_multiple_of(SHARD_ROWS) * stride, 0.0);
        self.losses.resize(rows.rows * features, 0.0);
        let pass = Pass {
            layout: &self.network.layout,
            columns: &self.columns,
            weights: &self.network.weights,
            transposed: &self.transposed,
        };
        let weights = CellWeights { numeric: 0.0, binary: 0.0, categorical: 0.0 };
        let tables = self.table.par_chunks_mut(SHARD_ROWS * stride);
        let losses = self.losses.par_chunks_mut(SHARD_ROWS * features);
        tables.zip(losses).enumerate().for_each(|(i, (table, losses))| {
            let first = i * SHARD_ROWS;
            let rows = rows.slice(shape, first..rows.rows.min(first + SHARD_ROWS));
            pass.forward(table, rows, None);
            pass.losses(table, rows, weights, losses);
        });
    }

    /// Losses of the rows last run, `[rows, features]`.
    pub fn losses(&self) -> &[f32] {
        &self.losses
    }

    /// For each row last run: numeric predictions, logits of the binary features, logits of the
    /// codes of each categorical feature.
    pub fn outputs(&self) -> impl Iterator<Item = &[f32]> {
        self.rows().map(|row| &row[self.columns.outputs.clone()])
    }

    /// For each row last run: what the first layer read.
    pub fn inputs(&self) -> impl Iterator<Item = &[f32]> {
        self.rows().map(|row| &row[self.columns.input.clone()])
    }

    /// For each row last run: the values of hidden layer `layer`, encoder layers first.
    pub fn hidden(&self, layer: usize) -> impl Iterator<Item = &[f32]> {
        let values = self.columns.hidden.get(layer).map_or(0..0, |at| at.values.clone());
        self.rows().map(move |row| &row[values.clone()])
    }

    fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.table.chunks_exact(self.columns.stride).take(self.rows)
    }
}
