//! A user with few rows leans on what the peers do, column by column as far as that fits.
//!
//! With c_i the surprise of a cell by the user's n own rows and q_i by the peers' counts,
//!
//! ```text
//! c_i* = -ln[(n e^-c_i + s_i e^-q_i) / (n + s_i)]
//! ```
//!
//! s_i, how many rows the peers' word is worth in column i, is the one of 1, 3, 10, .., 1000 that
//! makes the user's own rows most likely, each left out of all counts in its turn. So it finds by
//! itself which columns are shared, such as actions, and which are personal, such as addresses.
//!
//! The gate: peers have no say (s_i = 0) in a column in which the user's own rows surprise them more
//! than theirs do, by two standard errors. Peers of another kind would hide what is odd for this user.

use crate::counts::{Counts, Row};
use crate::encode::{BesideRows, EncodedRows, FeaturePlan, of_row};
use crate::error::ModelError;
use crate::heap::Heap;
use crate::user_model::UserModel;
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_schema::{DataType, Field, Schema};
use rayon::prelude::*;
use std::sync::Arc;

const WEIGHTS: [u32; 7] = [1, 3, 10, 30, 100, 300, 1000];
/// Standard errors of the user's mean surprise that are no difference.
const TOLERANCE: f64 = 2.0;

/// The peers of a user.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Peers {
    model: Arc<UserModel>,
    /// Which of the peers' columns each of the user's is, if any.
    columns: Vec<Option<usize>>,
    /// s_i; 0: the peers have no say.
    weights: Vec<u32>,
}

/// Without the peers' model, which is shared.
impl Heap for Peers {
    fn heap(&self) -> usize {
        self.columns.heap() + self.weights.heap()
    }
}

/// Rows as the peers' counts read them, whatever columns they have.
pub(super) fn encode(
    peers: &UserModel,
    rows: &RecordBatch,
    into: &mut BesideRows,
) -> Result<(), ModelError> {
    let plan = &peers.header().plan;
    let Some(scorers) = peers.beside() else {
        (into.of_peers, into.beyond_peers) = (Vec::new(), Vec::new());
        return Ok(());
    };
    let numeric = plan.shape().numeric;
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (at, name) in plan.names().enumerate() {
        let column: ArrayRef = match rows.column_by_name(name) {
            None => new_null_array(&DataType::Null, rows.num_rows()),
            // What is no number counts as missing.
            Some(column) if at < numeric && !column.data_type().is_numeric() => {
                arrow_cast::cast(column, &DataType::Float64)?
            }
            Some(column) => Arc::clone(column),
        };
        fields.push(Field::new(name, column.data_type().clone(), true));
        columns.push(column);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    let rows = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?;
    let mut encoded = EncodedRows::default();
    plan.encode(&rows, &mut encoded)?;
    plan.encode_values(scorers.coding(), &rows, false, &mut encoded)?;
    (into.of_peers, into.beyond_peers) = (encoded.beside.values, encoded.beyond);
    Ok(())
}

/// c*: what own rows and peers say together.
fn shrunk(own_rows: f64, own: f64, weight: f64, peers: f64) -> f64 {
    let likelihood = own_rows * libm::exp(-own) + weight * libm::exp(-peers);
    -libm::log(likelihood / (own_rows + weight))
}

impl Peers {
    /// The peers of a user with these rows, who have these counts. `None` if the peers have no
    /// counts.
    pub(super) fn choose(
        model: &Arc<UserModel>,
        plan: &FeaturePlan,
        counts: &Counts,
        rows: &EncodedRows,
    ) -> Option<Self> {
        let of_peers = model.beside()?.counts();
        let mut peers = Self { model: Arc::clone(model), columns: vec![], weights: vec![] };
        peers.columns = columns(model, plan);
        peers.weights = peers
            .columns
            .par_iter()
            .enumerate()
            .map(|(column, at)| match at {
                Some(at) => weight((counts, column), (of_peers, *at), rows),
                None => 0,
            })
            .collect();
        Some(peers)
    }

    /// Peers as they were stored; `None` if they do not fit, or lean on others themselves.
    pub(super) fn restore(
        model: &Arc<UserModel>,
        plan: &FeaturePlan,
        weights: Vec<u32>,
    ) -> Option<Self> {
        model.beside().filter(|scorers| scorers.peers().is_none())?;
        let columns = columns(model, plan);
        (weights.len() == columns.len()).then(|| Self {
            model: Arc::clone(model),
            columns,
            weights,
        })
    }

    pub(crate) fn model(&self) -> &Arc<UserModel> {
        &self.model
    }

    pub(super) fn weights(&self) -> &[u32] {
        &self.weights
    }

    /// The peers' surprise at a cell, if they have a say.
    pub(crate) fn surprise(
        &self,
        rows: &EncodedRows,
        row: usize,
        of: Row,
        column: usize,
    ) -> Option<f64> {
        let at = self.columns[column].filter(|_| self.weights[column] > 0)?;
        Some(surprise((self.model.beside()?.counts(), at), rows, row, of))
    }

    /// Turns c into c*; returns the peers' part in the row's score: the mean of s_i / (n + s_i),
    /// weighted by what each cell adds.
    pub(super) fn shrink(
        &self,
        rows: &EncodedRows,
        row: usize,
        of: Row,
        own_rows: u32,
        surprises: &mut [f64],
    ) -> f32 {
        let own_rows = match of {
            Row::New => f64::from(own_rows),
            Row::Counted => f64::from(own_rows.saturating_sub(1)),
        };
        let (mut of_peers, mut all) = (0.0, 0.0);
        for (column, surprise) in surprises.iter_mut().enumerate() {
            let mut share = 0.0;
            if let Some(peers) = self.surprise(rows, row, of, column) {
                let weight = f64::from(self.weights[column]);
                *surprise = shrunk(own_rows, *surprise, weight, peers);
                share = weight / (own_rows + weight);
            }
            let square = *surprise * *surprise;
            of_peers += share * square;
            all += square;
        }
        if all > 0.0 { (of_peers / all) as f32 } else { 0.0 }
    }
}

fn columns(model: &UserModel, plan: &FeaturePlan) -> Vec<Option<usize>> {
    let names: Vec<&str> = model.header().plan.names().collect();
    plan.names().map(|name| names.iter().position(|of_peers| *of_peers == name)).collect()
}

/// The peers' surprise at their column `at` of a row.
fn surprise((peers, at): (&Counts, usize), rows: &EncodedRows, row: usize, of: Row) -> f64 {
    let beyond = of_row(&rows.beside.beyond_peers, rows.rows, row).get(at);
    let values = of_row(&rows.beside.of_peers, rows.rows, row);
    peers.surprise(at, values, of) + beyond.map_or(0.0, |beyond| f64::from(*beyond))
}

/// s of a column, from the user's own rows.
fn weight(
    (own, column): (&Counts, usize),
    (peers, at): (&Counts, usize),
    rows: &EncodedRows,
) -> u32 {
    let width = rows.beside.values.len().checked_div(rows.rows).unwrap_or(0);
    let cells: Vec<(f64, f64)> = (0..rows.rows)
        .map(|row| {
            let values = &rows.beside.values[row * width..(row + 1) * width];
            let own = own.surprise(column, values, Row::Counted);
            (own, surprise((peers, at), rows, row, Row::Counted))
        })
        .collect();
    let count = cells.len().max(1) as f64;
    let mean = cells.iter().map(|(_, of_peers)| of_peers).sum::<f64>() / count;
    let usual = peers.usual(at);
    if mean > usual.mean + TOLERANCE * usual.deviation / count.sqrt() {
        return 0;
    }
    most_likely(&cells)
}

/// Of [`WEIGHTS`] the one under which these (own, peers') surprises are most likely, the first of
/// equals.
fn most_likely(cells: &[(f64, f64)]) -> u32 {
    let others = cells.len().saturating_sub(1) as f64;
    let surprise = |weight: u32| -> f64 {
        let of_cell = |&(own, peers): &(f64, f64)| shrunk(others, own, f64::from(weight), peers);
        cells.iter().map(of_cell).sum()
    };
    let mut best = (WEIGHTS[0], f64::INFINITY);
    for weight in WEIGHTS {
        let surprise = surprise(weight);
        if surprise < best.1 {
            best = (weight, surprise);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shrinking_is_that_of_the_formula() {
        // (10 * .1 + 30 * .5) / 40
        let together = shrunk(10.0, -(0.1_f64).ln(), 30.0, -(0.5_f64).ln());
        assert!((together + (16.0_f64 / 40.0).ln()).abs() < 1e-12);
        assert_eq!(shrunk(0.0, 9.0, 1.0, 2.0), 2.0);
    }

    #[test]
    fn peers_who_know_better_are_believed_more() {
        let (likely, unlikely) = (-(0.5_f64).ln(), -(0.001_f64).ln());
        assert_eq!(most_likely(&[(unlikely, likely); 30]), 1000);
        assert_eq!(most_likely(&[(likely, unlikely); 30]), 1);
    }
}
