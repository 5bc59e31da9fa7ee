//! The autoencoder: embeddings, dense layers, one head for each feature.
//!
//! All weights are one flat buffer whose parts [`Layout`] knows. A batch is a table of panels, each
//! of 32 rows; a panel holds all activations and gradients of its rows column by column, so that every
//! loop runs over rows side by side, whatever the widths of the layers are (`table.rs`).
//!
//! A training step has two parallel parts: forward, losses and backward over shards of panels;
//! gradient and update over tiles of the weight buffer. Nothing is summed over the rows of a shard or
//! the tiles, and tiles depend on the shapes alone: every number is computed by one of them in a fixed
//! order, so the bytes do not depend on the number of threads.

mod evaluation;
mod init;
mod layout;
mod network;
mod optimizer;
mod pass;
mod split;
mod table;
mod training;

pub use evaluation::Evaluation;
pub use layout::{Layout, Parameter};
pub use network::Network;
pub use training::Training;

use crate::encode::{EncodedRows, FeatureShape};
use crate::kernels::lanes::LANES;
use std::ops::Range;

/// Consecutive encoded rows, borrowed. All matrices are row-major.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// Number of rows.
    pub rows: usize,
    /// Scaled numeric features, `[rows, numeric features]`.
    pub numeric: &'a [f32],
    /// Binary features as 0 or 1, `[rows, binary features]`.
    pub binary: &'a [f32],
    /// Category codes, `[rows, categorical features]`.
    pub codes: &'a [u32],
}

impl<'a> Rows<'a> {
    /// The rows `range` of `table`.
    ///
    /// # Panics
    /// If the table is not of this shape or has fewer rows.
    pub fn of(table: &'a EncodedRows, shape: &FeatureShape, range: Range<usize>) -> Self {
        let whole = Self {
            rows: table.rows,
            numeric: &table.numeric,
            binary: &table.binary,
            codes: &table.codes,
        };
        assert_eq!(
            (whole.numeric.len(), whole.binary.len(), whole.codes.len()),
            (table.rows * shape.numeric, table.rows * shape.binary, table.rows * shape.codes.len()),
            "rows encoded for another model"
        );
        whole.slice(shape, range)
    }

    fn slice(self, shape: &FeatureShape, range: Range<usize>) -> Self {
        let part = |width: usize| range.start * width..range.end * width;
        Self {
            rows: range.len(),
            numeric: &self.numeric[part(shape.numeric)],
            binary: &self.binary[part(shape.binary)],
            codes: &self.codes[part(shape.codes.len())],
        }
    }

    /// The codes of one categorical feature.
    fn codes_of(self, feature: usize, shape: &FeatureShape) -> impl Iterator<Item = u32> + use<'a> {
        self.codes.iter().skip(feature).step_by(shape.codes.len()).copied()
    }

    /// The rows of each panel.
    fn panels(self, shape: &FeatureShape) -> impl Iterator<Item = Rows<'a>> {
        let starts = (0..self.rows).step_by(LANES);
        starts.map(move |first| self.slice(shape, first..self.rows.min(first + LANES)))
    }
}
