//! Forward pass and losses without training.

use super::Rows;
use super::layout::Layout;
use super::network::Network;
use super::pass::{Pass, shard_rows};
use super::table::{Columns, Purpose};
use crate::kernels::head::CellWeights;
use crate::kernels::lanes::{LANES, Lane};
use rayon::prelude::*;
use std::ops::Range;

/// Buffers for scoring with one network, reused from slice to slice of rows.
#[derive(Clone, Debug)]
pub struct Evaluation<'a> {
    network: &'a Network,
    columns: Columns,
    table: Vec<Lane>,
    losses: Vec<f32>,
    rows: usize,
}

impl<'a> Evaluation<'a> {
    /// Prepares to score with this network.
    pub fn new(network: &'a Network) -> Self {
        let columns = Columns::new(&network.layout, Purpose::Score);
        Self { network, columns, table: Vec::new(), losses: Vec::new(), rows: 0 }
    }

    /// As many rows, in whole panels, as a table of so many bytes holds; at least a panel.
    pub fn rows_within(&self, bytes: usize) -> usize {
        let panel = self.columns.stride.max(1) * size_of::<Lane>();
        (bytes / panel).max(1) * LANES
    }

    /// Reconstructs the rows and compares them with themselves. A row's results depend neither on
    /// the rows that come with it nor on its place.
    pub fn run(&mut self, rows: Rows<'_>) {
        let Layout { shape, .. } = &self.network.layout;
        self.rows = rows.rows;
        self.table.resize(self.columns.lanes(rows.rows), [0.0; LANES]);
        let pass = Pass {
            layout: &self.network.layout,
            columns: &self.columns,
            weights: &self.network.weights,
        };
        let weights = CellWeights { numeric: 0.0, binary: 0.0, categorical: 0.0 };
        let shard_rows = shard_rows(rows.rows);
        let shards = self.table.par_chunks_mut(self.columns.lanes(shard_rows).max(1));
        shards.enumerate().for_each(|(i, shard)| {
            let first = i * shard_rows;
            let rows = rows.slice(shape, first..rows.rows.min(first + shard_rows));
            pass.forward(shard, rows, None);
            pass.losses(shard, rows, weights);
        });
        let mut losses = std::mem::take(&mut self.losses);
        self.collect(&self.columns.losses, &mut losses);
        self.losses = losses;
    }

    /// Losses of the rows last run, `[rows, features]`.
    pub fn losses(&self) -> &[f32] {
        &self.losses
    }

    /// Of the rows last run: numeric predictions, logits of the binary features, logits of the codes
    /// of each categorical feature, `[rows, outputs]`.
    pub fn outputs(&self) -> Vec<f32> {
        self.row_major(&self.columns.outputs)
    }

    /// Of the rows last run: what the first layer read, `[rows, inputs]`.
    pub fn inputs(&self) -> Vec<f32> {
        self.row_major(&self.columns.input)
    }

    /// Of the rows last run: the values of hidden layer `layer`, encoder layers first, `[rows, width]`;
    /// nothing for a layer that is not there.
    pub fn hidden(&self, layer: usize) -> Vec<f32> {
        self.columns.hidden.get(layer).map_or_else(Vec::new, |at| self.row_major(&at.values))
    }

    fn row_major(&self, columns: &Range<usize>) -> Vec<f32> {
        let mut values = Vec::new();
        self.collect(columns, &mut values);
        values
    }

    /// Replaces `into` by the columns of all rows, row by row.
    fn collect(&self, columns: &Range<usize>, into: &mut Vec<f32>) {
        into.clear();
        let panels = self.table.chunks_exact(self.columns.stride);
        for (panel, first) in panels.zip((0..self.rows).step_by(LANES)) {
            let lanes = &panel[columns.clone()];
            for row in 0..LANES.min(self.rows - first) {
                into.extend(lanes.iter().map(|lane| lane[row]));
            }
        }
    }
}
