//! Counting.
//!
//! The parents of a column are the three others with the largest mutual information, estimated from
//! the counts less its bias, max(0, K_ij - K_i - K_j + 1) / 2n with K values and pairs that occur
//! (Miller 1955), and above 1e-6.

use super::pairs::Pairs;
use super::{Column, Counts, Parent, Row, Usual};
use rayon::prelude::*;

const MOST_PARENTS: usize = 3;
const LEAST_INFORMATION: f64 = 1e-6;

/// Training rows as columns of values.
struct Columns<'a> {
    values: &'a [u32],
    width: usize,
    /// Rows of each value of each column.
    rows: &'a [Vec<u32>],
}

impl Columns<'_> {
    fn column(&self, column: usize) -> impl Iterator<Item = u32> + '_ {
        self.values.iter().skip(column).step_by(self.width.max(1)).copied()
    }

    /// Mutual information of two columns in nats.
    fn information(&self, i: usize, j: usize) -> f64 {
        let pairs = Pairs::count(self.column(j).zip(self.column(i)), self.rows[j].len());
        let rows = self.column(i).count() as f64;
        let mut information = 0.0;
        for (w, &of_w) in (0..).zip(&self.rows[j]) {
            for &v in pairs.beside(w) {
                let both = f64::from(pairs.rows(w, v));
                let of_v = f64::from(self.rows[i][v as usize]);
                information += both / rows * libm::log(rows * both / (of_v * f64::from(of_w)));
            }
        }
        let occurring = |column: usize| self.rows[column].iter().filter(|n| **n > 0).count();
        let excess = (pairs.len() + 1).saturating_sub(occurring(i) + occurring(j));
        information - excess as f64 / (2.0 * rows)
    }

    /// The information of every pair of columns, `[columns, columns]`.
    fn all_information(&self) -> Vec<f64> {
        let pairs: Vec<(usize, usize)> =
            (0..self.width).flat_map(|i| (0..i).map(move |j| (i, j))).collect();
        let found: Vec<f64> = pairs.par_iter().map(|&(i, j)| self.information(i, j)).collect();
        let mut all = vec![0.0; self.width * self.width];
        for (&(i, j), information) in pairs.iter().zip(found) {
            all[i * self.width + j] = information;
            all[j * self.width + i] = information;
        }
        all
    }
}

/// The commonest value, the first of equals.
pub(super) fn commonest(rows: &[u32]) -> u32 {
    let best = (0..).zip(rows).max_by_key(|&(value, rows)| (*rows, std::cmp::Reverse(value)));
    best.map_or(0, |(value, _)| value)
}

impl Counts {
    /// Counts the rows of a table of values, `[rows, columns]`; `counts` values may stand in each
    /// column. `times`: when each row happened, microseconds since 1970, or nothing.
    pub(crate) fn fit(values: &[u32], counts: &[usize], times: &[i64]) -> Self {
        let width = counts.len();
        let rows = values.len().checked_div(width).unwrap_or(0);
        let mut of_values: Vec<Vec<u32>> = counts.iter().map(|count| vec![0; *count]).collect();
        let known = if times.len() == rows { counts } else { &[] };
        let mut last: Vec<Vec<i64>> = known.iter().map(|count| vec![i64::MIN; *count]).collect();
        for (row, cells) in values.chunks_exact(width.max(1)).enumerate() {
            for (column, &value) in cells.iter().enumerate() {
                of_values[column][value as usize] += 1;
                if let Some(last) = last.get_mut(column) {
                    let at = &mut last[value as usize];
                    *at = times[row].max(*at);
                }
            }
        }
        let table = Columns { values, width, rows: &of_values };
        let information = table.all_information();
        let parents: Vec<Vec<Parent>> = (0..width)
            .into_par_iter()
            .map(|i| {
                let of = &information[i * width..(i + 1) * width];
                let parent = |j| {
                    let pairs = table.column(j).zip(table.column(i));
                    Parent { column: j, pairs: Pairs::count(pairs, counts[j]) }
                };
                most_telling(of).into_iter().map(parent).collect()
            })
            .collect();
        let last = last.into_iter().map(Some).chain(std::iter::repeat(None));
        let columns = of_values.into_iter().zip(parents).zip(last);
        let columns = columns.map(|((rows, parents), last)| Column {
            mode: commonest(&rows),
            last: last.unwrap_or_default(),
            rows,
            parents,
            usual: Usual::default(),
        });
        let mut counts = Self { rows: rows as u32, columns: columns.collect() };
        counts.learn_usual(values);
        counts
    }

    fn learn_usual(&mut self, values: &[u32]) {
        let width = self.columns.len();
        let usual: Vec<Usual> = (0..width)
            .into_par_iter()
            .map(|column| {
                let rows = values.chunks_exact(width);
                let surprises = rows.map(|row| self.surprise(column, row, Row::Counted));
                let (mut sum, mut squares) = (0.0, 0.0);
                for surprise in surprises {
                    sum += surprise;
                    squares += surprise * surprise;
                }
                let rows = f64::from(self.rows.max(1));
                let mean = sum / rows;
                Usual { mean, deviation: (squares / rows - mean * mean).max(0.0).sqrt() }
            })
            .collect();
        for (column, usual) in self.columns.iter_mut().zip(usual) {
            column.usual = usual;
        }
    }
}

/// The columns of the largest information, the first of equals first.
fn most_telling(information: &[f64]) -> Vec<usize> {
    let mut columns: Vec<usize> =
        (0..information.len()).filter(|&j| information[j] > LEAST_INFORMATION).collect();
    columns.sort_by(|a, b| information[*b].total_cmp(&information[*a]));
    columns.truncate(MOST_PARENTS);
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn information_is_that_of_the_counts_less_its_bias() {
        // Two columns that say the same, and one that says nothing.
        let values = [0, 0, 0, 0, 0, 1, 1, 1, 0, 1, 1, 1];
        let rows = [vec![2, 2], vec![2, 2], vec![2, 2]];
        let table = Columns { values: &values, width: 3, rows: &rows };
        let ln2 = std::f64::consts::LN_2;
        // Two pairs occur, so there is no bias; of the other, four do: 1 / 8.
        assert!((table.information(0, 1) - ln2).abs() < 1e-15);
        assert!((table.information(0, 2) - (0.0 - 1.0 / 8.0)).abs() < 1e-15);
        let all = table.all_information();
        assert_eq!(all[1], all[3]);
        assert_eq!(most_telling(&all[..3]), [1]);
    }

    #[test]
    fn the_three_largest_are_parents_and_the_first_of_equals_goes_first() {
        assert_eq!(most_telling(&[0.0, 0.3, 0.5, 0.3, 1e-7, 0.3]), [2, 1, 3]);
        assert_eq!(commonest(&[1, 3, 3]), 1);
    }
}
