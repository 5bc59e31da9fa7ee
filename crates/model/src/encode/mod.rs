//! Log rows to numbers: column kinds, vocabularies, scalers; fitted once, then applied once to
//! each batch into a reused buffer.
//!
//! Order everywhere (inputs, losses, results): numeric features (all integer columns in table
//! order, then all float columns), binary features, categorical features in table order.
//!
//! | Arrow column at training | feature |
//! |---|---|
//! | integers, floats | numeric |
//! | booleans | binary |
//! | text, dictionaries of text | categorical (binary if [`Typing::V2206`](crate::config::Typing) says so) |
//! | anything else, or numbers without a single value | none; see [`FeaturePlan::dropped`] |
//!
//! A feature keeps its kind for good: what a cell of another type means at scoring is told at
//! [`FeaturePlan::encode`].

mod canonical;
mod cells;
mod gauss_rank;
pub(crate) mod normal;
mod outliers;
mod plan;
mod predict;
mod range;
mod scale;
pub mod swap;
#[cfg(test)]
mod tests;
pub(crate) mod values;
pub(crate) mod view;
mod vocabulary;

pub use canonical::canonical;
pub(crate) use outliers::set_aside;
pub use outliers::{Infinite, SetAside};
pub use plan::FeaturePlan;

use std::ops::Range;

/// Text of the code that stands for missing, unseen and rare values.
pub const OTHER: &str = "_other";

/// Rows as the network reads them. All matrices are row-major.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EncodedRows {
    /// Number of rows.
    pub rows: usize,
    /// Scaled numeric features, `[rows, numeric features]`.
    pub numeric: Vec<f32>,
    /// How far numeric features are beyond the learnt range, 0 within it, `[rows, numeric features]`;
    /// empty for a model that scales them as they are. See [`Beyond`](crate::config::Beyond).
    pub beyond: Vec<f32>,
    /// Binary features as 0 or 1, `[rows, binary features]`.
    pub binary: Vec<f32>,
    /// Category codes, `[rows, categorical features]`; the last code of a feature is `_other`.
    pub codes: Vec<u32>,
    /// What scorers beside the network read; empty for a model that has none.
    pub beside: BesideRows,
}

/// Rows as scorers beside the network read them. All matrices are row-major.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BesideRows {
    /// Value codes of all features, `[rows, features]`: unlike for the network, missing and unseen
    /// are two values, and numbers fall into bins.
    pub values: Vec<u32>,
    /// Numeric features as (x - mean) / deviation, within 12 of 0, `[rows, numeric features]`.
    pub standard: Vec<f32>,
    /// Value codes as the peers' model has them, `[rows, its features]`; empty without peers.
    pub of_peers: Vec<u32>,
    /// As `beyond`, as the peers' model has it.
    pub beyond_peers: Vec<f32>,
}

impl BesideRows {
    fn take(&self, total: usize, rows: &[usize]) -> Self {
        Self {
            values: take(&self.values, total, rows),
            standard: take(&self.standard, total, rows),
            of_peers: take(&self.of_peers, total, rows),
            beyond_peers: take(&self.beyond_peers, total, rows),
        }
    }

    fn part(&self, rows: usize, range: &Range<usize>) -> Self {
        Self {
            values: part(&self.values, rows, range),
            standard: part(&self.standard, rows, range),
            of_peers: part(&self.of_peers, rows, range),
            beyond_peers: part(&self.beyond_peers, rows, range),
        }
    }
}

/// Row `row` of a matrix of `rows` rows.
pub(crate) fn of_row<T>(matrix: &[T], rows: usize, row: usize) -> &[T] {
    let width = matrix.len().checked_div(rows).unwrap_or(0);
    &matrix[row * width..(row + 1) * width]
}

/// These rows of a matrix of `total` rows.
fn take<T: Copy>(matrix: &[T], total: usize, rows: &[usize]) -> Vec<T> {
    let width = matrix.len().checked_div(total).unwrap_or(0);
    rows.iter().flat_map(|row| &matrix[row * width..(row + 1) * width]).copied().collect()
}

/// Rows `range` of a matrix of `rows` rows.
fn part<T: Copy>(matrix: &[T], rows: usize, range: &Range<usize>) -> Vec<T> {
    let width = matrix.len().checked_div(rows).unwrap_or(0);
    matrix[range.start * width..range.end * width].to_vec()
}

impl EncodedRows {
    /// How far the numbers of a row are beyond the learnt range; empty if that is not told.
    pub(crate) fn beyond(&self, row: usize) -> &[f32] {
        of_row(&self.beyond, self.rows, row)
    }

    /// Makes room for `rows` rows of `shape`, keeping the memory of earlier, larger tables.
    pub fn reset(&mut self, rows: usize, shape: &FeatureShape) {
        self.rows = rows;
        self.numeric.resize(rows * shape.numeric, 0.0);
        self.binary.resize(rows * shape.binary, 0.0);
        self.codes.resize(rows * shape.codes.len(), 0);
    }

    /// Becomes equal to `other` without allocating if there is room.
    pub fn copy_from(&mut self, other: &Self) {
        self.rows = other.rows;
        self.numeric.clone_from(&other.numeric);
        self.beyond.clone_from(&other.beyond);
        self.binary.clone_from(&other.binary);
        self.codes.clone_from(&other.codes);
        self.beside.values.clone_from(&other.beside.values);
        self.beside.standard.clone_from(&other.beside.standard);
        self.beside.of_peers.clone_from(&other.beside.of_peers);
        self.beside.beyond_peers.clone_from(&other.beside.beyond_peers);
    }

    /// A copy of these rows, in this order.
    ///
    /// # Panics
    /// If one is not there.
    pub fn take(&self, rows: &[usize]) -> Self {
        Self {
            rows: rows.len(),
            numeric: take(&self.numeric, self.rows, rows),
            beyond: take(&self.beyond, self.rows, rows),
            binary: take(&self.binary, self.rows, rows),
            codes: take(&self.codes, self.rows, rows),
            beside: self.beside.take(self.rows, rows),
        }
    }

    /// A copy of the rows `range`.
    ///
    /// # Panics
    /// If there are fewer rows.
    pub fn part(&self, range: Range<usize>) -> Self {
        Self {
            rows: range.len(),
            numeric: part(&self.numeric, self.rows, &range),
            beyond: part(&self.beyond, self.rows, &range),
            binary: part(&self.binary, self.rows, &range),
            codes: part(&self.codes, self.rows, &range),
            beside: self.beside.part(self.rows, &range),
        }
    }
}

/// How many features of each kind, and how many codes each categorical feature has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureShape {
    /// Numeric features.
    pub numeric: usize,
    /// Binary features.
    pub binary: usize,
    /// Codes of each categorical feature, `_other` included.
    pub codes: Vec<usize>,
}

/// Width of the embedding of a categorical feature with `codes` codes: 1.6 · codes^0.56, rounded
/// half to even, 600 at most (the rule of the fastai library, which the reference follows).
pub fn embedding_width(codes: usize) -> usize {
    (1.6 * libm::pow(codes as f64, 0.56)).round_ties_even().min(600.0) as usize
}
