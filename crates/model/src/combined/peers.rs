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

use super::baseline::Baseline;
use crate::counts::{Counts, Row};
use crate::encode::{EncodedRows, FeaturePlan, of_row};
use crate::memory_size::Heap;
use rayon::prelude::*;

const WEIGHTS: [u32; 7] = [1, 3, 10, 30, 100, 300, 1000];
/// Standard errors of the user's mean surprise that are no difference.
const TOLERANCE: f64 = 2.0;

/// How far a user leans on the peers. The peers' model is kept elsewhere: scorers know nothing of models, and
/// are handed what it lends.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Peers {
    /// Which of the peers' columns each of the user's is, if any.
    columns: Vec<Option<usize>>,
    /// s_i; 0: the peers have no say.
    weights: Vec<u32>,
}

impl Heap for Peers {
    fn heap(&self) -> usize {
        self.columns.heap() + self.weights.heap()
    }
}

/// c*: what own rows and peers say together.
fn shrunk(own_rows: f64, own: f64, weight: f64, peers: f64) -> f64 {
    let likelihood = own_rows * libm::exp(-own) + weight * libm::exp(-peers);
    -libm::log(likelihood / (own_rows + weight))
}

impl Peers {
    /// The peers of a user with these rows, who have these counts.
    pub(super) fn choose(
        base: Baseline<'_>,
        plan: &FeaturePlan,
        counts: &Counts,
        rows: &EncodedRows,
    ) -> Self {
        let columns = columns(base, plan);
        let weights = columns
            .par_iter()
            .enumerate()
            .map(|(column, at)| match at {
                Some(at) => weight((counts, column), (base.counts, *at), rows),
                None => 0,
            })
            .collect();
        Self { columns, weights }
    }

    /// Peers as they were stored; `None` if they do not fit.
    pub(super) fn restore(
        base: Baseline<'_>,
        plan: &FeaturePlan,
        weights: Vec<u32>,
    ) -> Option<Self> {
        let columns = columns(base, plan);
        (weights.len() == columns.len()).then_some(Self { columns, weights })
    }

    pub(super) fn weights(&self) -> &[u32] {
        &self.weights
    }
}

/// A user's peers at work: how far they are leant on, and what they lend.
#[derive(Clone, Copy)]
pub(crate) struct Leaning<'a> {
    pub(crate) peers: &'a Peers,
    pub(crate) base: Baseline<'a>,
}

impl Leaning<'_> {
    /// The peers' surprise at a cell, if they have a say.
    pub(crate) fn surprise(
        &self,
        rows: &EncodedRows,
        row: usize,
        of: Row,
        column: usize,
    ) -> Option<f64> {
        let Peers { columns, weights } = self.peers;
        let at = columns[column].filter(|_| weights[column] > 0)?;
        Some(surprise((self.base.counts, at), rows, row, of))
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
                let weight = f64::from(self.peers.weights[column]);
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

fn columns(base: Baseline<'_>, plan: &FeaturePlan) -> Vec<Option<usize>> {
    let names: Vec<&str> = base.plan.names().collect();
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
