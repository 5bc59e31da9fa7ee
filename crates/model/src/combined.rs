//! What scores rows beside the network, and the one score made of all.
//!
//! [`Scorer::Recommended`](crate::config::Scorer::Recommended) has three scorers: counts of values
//! (C), the network's mean feature loss (A) and, with two or more numeric features, the distance to
//! training rows (K). Each is brought to one scale, s: the surprise, in nats, of a score as high
//! among scores of rows that were not learnt. For C and K these are all training rows, each left out
//! in its turn; for A it is the newest fifth of the rows, which the network has not seen. Their sum
//! S = s_C + s_A (+ s_K) is the row's score, and its surprise among the sums of the same fifth makes
//! the p-value. For these sums the fifth is counted like rows to come, by counts of the older rows
//! alone: logs come in bursts of like rows, so that a row that is left out by itself has its likes
//! still counted, and p-values would promise two to four times too much. Below 60 training rows there
//! is no such fifth: counts alone, and S = s_C.

mod baseline;
mod peers;
mod store;

use crate::calibrate::{Reference, probability};
use crate::counts::{Counts, Row, row_score};
use crate::encode::values::ValueCoding;
use crate::encode::{EncodedRows, FeaturePlan};
use crate::error::ModelError;
use crate::memory_size::Heap;
use crate::neighbours::Neighbours;
use crate::score::RowScore;
use arrow_array::RecordBatch;
pub(crate) use baseline::Baseline;
pub(crate) use peers::{Leaning, Peers};
use rand::Rng;
use rayon::prelude::*;
use std::ops::Range;
pub(crate) use store::{Stored, StoredPeers};

/// Fewer training rows are counted, and nothing else.
const LEAST_ROWS: usize = 60;
/// One row in so many is held out.
const HELD_OUT: usize = 5;
/// Rows that one task scores.
const ROWS_PER_TASK: usize = 256;

/// How many of `rows` training rows, the oldest, the network of a recommended model learns.
pub fn network_rows(rows: usize) -> usize {
    if rows < LEAST_ROWS { rows } else { rows - rows / HELD_OUT }
}

/// The scorers beside a network, and the samples that scores are compared with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scorers {
    coding: ValueCoding,
    counts: Counts,
    neighbours: Option<Neighbours>,
    of_counts: Reference,
    of_neighbours: Option<Reference>,
    /// Of the network's scores, and of the sums; none below [`LEAST_ROWS`].
    held_out: Option<HeldOut>,
}

#[derive(Clone, Debug, PartialEq)]
struct HeldOut {
    of_net: Reference,
    of_sum: Reference,
}

impl Heap for Scorers {
    fn heap(&self) -> usize {
        let Self { coding, counts, neighbours, of_counts, of_neighbours, held_out } = self;
        let held_out = held_out.as_ref().map_or(0, |h| h.of_net.heap() + h.of_sum.heap());
        let samples = of_counts.heap() + of_neighbours.heap() + held_out;
        coding.heap() + counts.heap() + neighbours.heap() + samples
    }
}

/// Training rows that have been encoded, for scorers that are yet to be made.
pub(crate) struct Learning {
    coding: ValueCoding,
    values: Vec<usize>,
    numeric: usize,
}

impl Learning {
    /// Learns how values are told apart, and encodes the rows, which the network reads already.
    pub(crate) fn encode(
        plan: &FeaturePlan,
        base: Option<Baseline<'_>>,
        rows: &RecordBatch,
        into: &mut EncodedRows,
    ) -> Result<Self, ModelError> {
        let coding = plan.fit_values(rows)?;
        let numeric = plan.shape().numeric;
        let standard = into.rows >= LEAST_ROWS && Neighbours::are_useful(numeric);
        plan.encode_values(&coding, rows, standard, into)?;
        if let Some(base) = base {
            base.encode(rows, &mut into.beside)?;
        }
        let values = plan.value_counts(&coding).unwrap_or_default();
        Ok(Self { coding, values, numeric })
    }

    /// Counts all rows, and finds out how far to lean on `base`; `held_out` are the network's scores of
    /// those that it has not learnt, the last ones.
    pub(crate) fn fit(
        self,
        plan: &FeaturePlan,
        rows: &EncodedRows,
        held_out: &[f32],
        times: &[i64],
        base: Option<Baseline<'_>>,
        rng: &mut impl Rng,
    ) -> (Scorers, Option<Peers>) {
        let counts = Counts::fit(&rows.beside.values, &self.values, times);
        let peers = base.map(|base| Peers::choose(base, plan, &counts, rows));
        let leaning = peers.as_ref().zip(base).map(|(peers, base)| Leaning { peers, base });
        let features = self.values.len();
        let neighbours = (!rows.beside.standard.is_empty())
            .then(|| Neighbours::draw(rows, self.numeric, features, rng));
        let mut scorers = Scorers {
            coding: self.coding,
            counts,
            neighbours,
            of_counts: Reference::new(Vec::new()),
            of_neighbours: None,
            held_out: None,
        };
        let of_counts = scorers.cells(leaning).row_scores(rows, 0..rows.rows, Row::Counted);
        scorers.of_counts = Reference::new(of_counts).with_a_tail();
        let of_neighbours = scorers.neighbours.as_ref().map(|neighbours| {
            let all = (0..rows.rows).into_par_iter().with_min_len(ROWS_PER_TASK);
            all.map(|row| neighbours.score(rows, row, Some(row as u32))).collect::<Vec<f32>>()
        });
        scorers.of_neighbours = of_neighbours.clone().map(Reference::new);
        if rows.rows >= LEAST_ROWS {
            let first = rows.rows - held_out.len();
            let older = times.get(..first).unwrap_or_default();
            let older = Counts::fit(&rows.beside.values[..first * features], &self.values, older);
            let older = Cells { counts: &older, leaning };
            let of_older = Reference::new(older.row_scores(rows, 0..first, Row::Counted));
            let newer = older.row_scores(rows, first..rows.rows, Row::New);
            let of_net = Reference::new(held_out.to_vec());
            let of_others = Reference::each_left_out(held_out);
            let sums = newer.iter().zip(of_others).zip(first..).map(|((counts, net), row)| {
                let neighbours = of_neighbours.as_ref().map(|scores| scores[row]);
                let parts = Parts {
                    counts: of_older.surprise(*counts),
                    net: Some(net),
                    neighbours: scorers.far(neighbours),
                };
                parts.sum()
            });
            let times = times.get(first..).unwrap_or_default();
            let of_sum = Reference::of_series(sums.collect(), times);
            scorers.held_out = Some(HeldOut { of_net, of_sum });
        }
        if let Some(neighbours) = &mut scorers.neighbours {
            neighbours.forget_rows();
        }
        (scorers, peers)
    }
}

/// The parts of a score.
struct Parts {
    counts: f64,
    net: Option<f64>,
    neighbours: Option<f64>,
}

impl Parts {
    fn sum(&self) -> f32 {
        (self.counts + self.net.unwrap_or(0.0) + self.neighbours.unwrap_or(0.0)) as f32
    }
}

impl Scorers {
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The sums of the rows that were held out, ascending.
    pub(crate) fn held_out_scores(&self) -> Option<&[f32]> {
        self.held_out.as_ref().map(|held_out| held_out.of_sum.scores())
    }

    pub(crate) fn coding(&self) -> &ValueCoding {
        &self.coding
    }

    /// What a model with this plan lends.
    pub(crate) fn lend<'a>(&'a self, plan: &'a FeaturePlan) -> Baseline<'a> {
        Baseline { plan, coding: &self.coding, counts: &self.counts }
    }

    /// Puts rows, which the network reads already, into the form that the scorers read.
    pub(crate) fn encode(
        &self,
        plan: &FeaturePlan,
        rows: &RecordBatch,
        into: &mut EncodedRows,
    ) -> Result<(), ModelError> {
        plan.encode_values(&self.coding, rows, self.neighbours.is_some(), into)
    }

    /// Scores the rows from `first` on, whose anomaly scores are these.
    pub(crate) fn score(
        &self,
        leaning: Option<Leaning<'_>>,
        rows: &EncodedRows,
        first: usize,
        of_net: &[f32],
    ) -> Vec<RowScore> {
        self.cells(leaning).each_row(rows, first..rows.rows, Row::New, |row, surprises, peers| {
            let held_out = self.held_out.as_ref();
            let neighbours = self.neighbours.as_ref().map(|n| n.score(rows, row, None));
            let parts = Parts {
                counts: self.of_counts.surprise(row_score(surprises)),
                net: held_out.map(|held_out| held_out.of_net.surprise(of_net[row - first])),
                neighbours: self.far(neighbours),
            };
            let score = parts.sum();
            let surprise = match held_out {
                Some(held_out) => held_out.of_sum.surprise(score),
                None => parts.counts,
            };
            RowScore {
                score,
                p_value: probability(surprise),
                counts: parts.counts as f32,
                net: parts.net.map(|s| s as f32),
                neighbours: parts.neighbours.map(|s| s as f32),
                peers,
            }
        })
    }

    /// s_K of a distance.
    fn far(&self, distance: Option<f32>) -> Option<f64> {
        self.of_neighbours.as_ref().zip(distance).map(|(reference, x)| reference.surprise(x))
    }

    /// The surprise of every cell, `[rows, features]`.
    pub(crate) fn surprises(&self, leaning: Option<Leaning<'_>>, rows: &EncodedRows) -> Vec<f32> {
        let all = self.cells(leaning).each_row(rows, 0..rows.rows, Row::New, |_, surprises, _| {
            surprises.iter().map(|c| *c as f32).collect::<Vec<f32>>()
        });
        all.concat()
    }

    /// How surprising cells are.
    pub(crate) fn cells<'a>(&'a self, leaning: Option<Leaning<'a>>) -> Cells<'a> {
        Cells { counts: &self.counts, leaning }
    }
}

/// How surprising cells are: by the user's own counts, shrunk towards the peers'.
pub(crate) struct Cells<'a> {
    counts: &'a Counts,
    leaning: Option<Leaning<'a>>,
}

impl Cells<'_> {
    /// C of these rows.
    fn row_scores(&self, rows: &EncodedRows, range: Range<usize>, of: Row) -> Vec<f32> {
        self.each_row(rows, range, of, |_, surprises, _| row_score(surprises))
    }

    /// Calls `make` with the number of each of these rows, the surprises of its cells and the peers'
    /// part in them.
    fn each_row<T: Send>(
        &self,
        rows: &EncodedRows,
        range: Range<usize>,
        of: Row,
        make: impl Fn(usize, &[f64], f32) -> T + Sync,
    ) -> Vec<T> {
        let range = range.into_par_iter().with_min_len(ROWS_PER_TASK);
        range
            .map_init(Vec::new, |surprises, row| {
                let peers = self.of_row(rows, row, of, surprises);
                make(row, surprises, peers)
            })
            .collect()
    }

    /// The surprise of each cell of a row; returns the peers' part.
    pub(crate) fn of_row(
        &self,
        rows: &EncodedRows,
        row: usize,
        of: Row,
        surprises: &mut Vec<f64>,
    ) -> f32 {
        let width = rows.beside.values.len().checked_div(rows.rows).unwrap_or(0);
        let values = &rows.beside.values[row * width..(row + 1) * width];
        surprises.clear();
        surprises.extend((0..width).map(|column| self.counts.surprise(column, values, of)));
        // Numbers are the first columns. Beyond those learnt they all have one value, which was never seen.
        for (surprise, beyond) in surprises.iter_mut().zip(rows.beyond(row)) {
            *surprise += f64::from(*beyond);
        }
        match &self.leaning {
            Some(leaning) => leaning.shrink(rows, row, of, self.counts.rows(), surprises),
            None => 0.0,
        }
    }
}
