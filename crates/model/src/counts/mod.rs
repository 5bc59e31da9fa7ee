//! How often each value stood in each column, and beside which values of the columns that tell most
//! about it: what is surprising about a cell, and why, in numbers that can be checked.
//!
//! With n training rows, n_i(v) of them with value v in column i, and n_ij(v, w) with value w in
//! column j too:
//!
//! ```text
//! p_i(v)   = (n_i(v) + 1/2) / (n + 1)
//! p(v | w) = (n_ij(v, w) + m p_i(v)) / (n_j(w) + m),  m = 5
//! c_i      = mean over the parents j of column i of -ln p(v | w);  -ln p_i(v) without parents
//! C        = sqrt(sum of c_i^2)
//! ```
//!
//! The first is the estimate of Krichevsky and Trofimov (1981) for "this value or another", the
//! second shrinks towards it as m further rows would. The parents of a column are the three others of
//! largest mutual information with it ([`fit`]). The square lets a single highly unusual value dominate.

mod fit;
mod pairs;

use crate::error::ModelError;
use crate::memory_size::Heap;
use crate::times::UNKNOWN_TIME;
use pairs::Pairs;
use serde::{Deserialize, Serialize};

/// Weight of a column's own frequencies beside those given a parent, in rows.
const PRIOR_ROWS: f64 = 5.0;

/// Counts of the training rows' values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Counts {
    rows: u32,
    columns: Vec<Column>,
}

/// What is known of one column.
#[derive(Clone, Debug, PartialEq)]
struct Column {
    /// Rows with each value.
    rows: Vec<u32>,
    /// When each value was last seen, microseconds since 1970; empty if times are not known.
    last: Vec<i64>,
    /// The commonest value, the first of equals.
    mode: u32,
    parents: Vec<Parent>,
    usual: Usual,
}

/// A column that tells much about another one.
#[derive(Clone, Debug, PartialEq)]
struct Parent {
    column: usize,
    pairs: Pairs,
}

/// Mean and standard deviation of a column's surprise in the training rows, each left out of the
/// counts in its turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Usual {
    pub(crate) mean: f64,
    pub(crate) deviation: f64,
}

/// Whether a row is one of those that were counted; then it is left out of the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    New,
    Counted,
}

impl Row {
    fn once(self) -> u32 {
        u32::from(self == Self::Counted)
    }
}

/// What the counts know of one cell, for explanations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Facts {
    /// Training rows with the value.
    pub(crate) seen: u32,
    /// When it was last seen, microseconds since 1970.
    pub(crate) last: Option<i64>,
    /// The parent beside whose value the cell is most surprising.
    pub(crate) given: Option<Given>,
    /// The most probable value, given that parent's value.
    pub(crate) expected: u32,
    /// Its probability.
    pub(crate) probability: f64,
}

/// A value of another column, and how often the two stood together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Given {
    pub(crate) column: usize,
    pub(crate) value: u32,
    /// Training rows with this value of the parent.
    pub(crate) rows: u32,
    /// Of these, with the cell's value too.
    pub(crate) together: u32,
}

impl Heap for Counts {
    fn heap(&self) -> usize {
        self.columns.heap()
    }
}

impl Heap for Column {
    fn heap(&self) -> usize {
        self.rows.heap() + self.last.heap() + self.parents.heap()
    }
}

impl Heap for Parent {
    fn heap(&self) -> usize {
        self.pairs.heap()
    }
}

impl Counts {
    /// Number of training rows.
    pub(crate) fn rows(&self) -> u32 {
        self.rows
    }

    /// The values of a column that training rows have, and how many have each.
    pub(crate) fn seen(&self, column: usize) -> impl Iterator<Item = (u32, u32)> {
        let all = (0..).zip(self.columns[column].rows.iter().copied());
        all.filter(|(_, rows)| *rows > 0)
    }

    /// The columns whose values tell much about those of a column.
    pub(crate) fn parents(&self, column: usize) -> impl Iterator<Item = usize> {
        self.columns[column].parents.iter().map(|parent| parent.column)
    }

    pub(crate) fn usual(&self, column: usize) -> Usual {
        self.columns[column].usual
    }

    /// -ln of the probability of column `column`'s value in the row of these values.
    pub(crate) fn surprise(&self, column: usize, values: &[u32], row: Row) -> f64 {
        let of = &self.columns[column];
        let (value, once) = (values[column], row.once());
        let marginal = self.marginal(of, value, once);
        if of.parents.is_empty() {
            return -libm::log(marginal);
        }
        // The mean of logarithms is the logarithm of a product; three factors cannot vanish.
        let product: f64 = of
            .parents
            .iter()
            .map(|parent| self.given(parent, value, values[parent.column], marginal, once))
            .product();
        -libm::log(product) / of.parents.len() as f64
    }

    fn marginal(&self, of: &Column, value: u32, once: u32) -> f64 {
        let seen = of.rows[value as usize].saturating_sub(once);
        (f64::from(seen) + 0.5) / (f64::from(self.rows.saturating_sub(once)) + 1.0)
    }

    fn given(&self, parent: &Parent, value: u32, of_parent: u32, marginal: f64, once: u32) -> f64 {
        let together = parent.pairs.rows(of_parent, value).saturating_sub(once);
        let rows = self.columns[parent.column].rows[of_parent as usize].saturating_sub(once);
        (f64::from(together) + PRIOR_ROWS * marginal) / (f64::from(rows) + PRIOR_ROWS)
    }

    /// What explains the surprise of a cell of a new row.
    pub(crate) fn facts(&self, column: usize, values: &[u32]) -> Facts {
        let of = &self.columns[column];
        let value = values[column];
        let marginal = self.marginal(of, value, 0);
        let probability =
            |parent: &Parent| self.given(parent, value, values[parent.column], marginal, 0);
        let oddest = of.parents.iter().min_by(|a, b| probability(a).total_cmp(&probability(b)));
        let (expected, probability) = self.expected(of, oddest, values);
        Facts {
            seen: of.rows[value as usize],
            last: of
                .last
                .get(value as usize)
                .copied()
                .filter(|at| of.rows[value as usize] > 0 && *at != UNKNOWN_TIME),
            given: oddest.map(|parent| {
                let of_parent = values[parent.column];
                Given {
                    column: parent.column,
                    value: of_parent,
                    rows: self.columns[parent.column].rows[of_parent as usize],
                    together: parent.pairs.rows(of_parent, value),
                }
            }),
            expected,
            probability,
        }
    }

    /// The most probable value of a column beside `parent`'s, and its probability. It is one that
    /// was seen there, or the column's commonest.
    fn expected(&self, of: &Column, parent: Option<&Parent>, values: &[u32]) -> (u32, f64) {
        let Some(parent) = parent else { return (of.mode, self.marginal(of, of.mode, 0)) };
        let of_parent = values[parent.column];
        let seen = parent.pairs.beside(of_parent);
        let candidates = seen.iter().copied().chain([of.mode]).map(|value| {
            let marginal = self.marginal(of, value, 0);
            (value, self.given(parent, value, of_parent, marginal, 0))
        });
        candidates
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
            .unwrap_or((of.mode, 0.0))
    }
}

/// The row score of cell surprises.
pub(crate) fn row_score(surprises: &[f64]) -> f32 {
    surprises.iter().map(|c| c * c).sum::<f64>().sqrt() as f32
}

/// Counts as they are stored: small things by name, pairs of values as numbers in a row.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredCounts {
    rows: u32,
    columns: Vec<StoredColumn>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredColumn {
    rows: Vec<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    last: Vec<i64>,
    /// Each parent with its number of pairs.
    parents: Vec<(usize, usize)>,
    usual: Usual,
}

impl Counts {
    /// The counts without their pairs, which are put behind `words`.
    pub(crate) fn store(&self, words: &mut Vec<u32>) -> StoredCounts {
        let columns = self.columns.iter().map(|column| StoredColumn {
            rows: column.rows.clone(),
            last: column.last.clone(),
            parents: column.parents.iter().map(|p| (p.column, p.pairs.len())).collect(),
            usual: column.usual,
        });
        let stored = StoredCounts { rows: self.rows, columns: columns.collect() };
        self.columns.iter().flat_map(|column| &column.parents).for_each(|p| p.pairs.store(words));
        stored
    }

    /// Counts of columns with `values` values each, from what was stored; takes their pairs off the
    /// front of `words`.
    ///
    /// # Errors
    /// Something is not as it must be: sizes, orders, sums.
    pub(crate) fn restore(
        stored: StoredCounts,
        values: &[usize],
        words: &mut &[u32],
    ) -> Result<Self, ModelError> {
        let refuse = |what: &str| Err(ModelError::Artifact(format!("the model's counts {what}")));
        if stored.columns.len() != values.len() {
            return refuse("are not of its features");
        }
        let fits = |(column, values): (&StoredColumn, &usize)| {
            let total: u64 = column.rows.iter().copied().map(u64::from).sum();
            column.rows.len() == *values
                && (column.last.is_empty() || column.last.len() == *values)
                && total == u64::from(stored.rows)
                && column.usual.mean.is_finite()
                && column.usual.deviation.is_finite()
        };
        if !stored.columns.iter().zip(values).all(fits) {
            return refuse("do not fit its features");
        }
        let rows: Vec<Vec<u32>> = stored.columns.iter().map(|c| c.rows.clone()).collect();
        let mut columns = Vec::with_capacity(values.len());
        for (i, column) in stored.columns.into_iter().enumerate() {
            let mut parents = Vec::with_capacity(column.parents.len().min(values.len()));
            for (parent, pairs) in column.parents {
                let Some(of_parent) = rows.get(parent).filter(|_| parent != i) else {
                    return refuse("name a column that is not there");
                };
                match Pairs::restore(words, of_parent, &column.rows, pairs) {
                    Some(pairs) => parents.push(Parent { column: parent, pairs }),
                    None => return refuse("of pairs are not those of its values"),
                }
            }
            let mode = fit::commonest(&column.rows);
            let (rows, last, usual) = (column.rows, column.last, column.usual);
            columns.push(Column { rows, last, mode, parents, usual });
        }
        Ok(Self { rows: stored.rows, columns })
    }
}

#[cfg(test)]
mod tests;
