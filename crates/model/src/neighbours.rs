//! How far a row is from the nearest of some training rows: what neither counts nor a network see
//! in numbers that stand together as never before.
//!
//! Numbers are standardised and end at 12 deviations, and how far they are beyond the learnt range is a
//! coordinate of its own; categories are one-hot times the root of 1/2,
//! so that two that differ are 1 apart. The score is the mean Euclidean distance to the 3 nearest of
//! 256 training rows, drawn at random. Only for models with two or more numeric features: on rows of
//! categories alone it hurts.

use crate::encode::EncodedRows;
use crate::memory_size::Heap;
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

const POINTS: usize = 256;
const NEAREST: usize = 3;

/// Training rows to measure distances to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Neighbours {
    /// Numeric features, which are the first.
    numeric: usize,
    /// All features.
    features: usize,
    /// `[points, numeric]`
    standard: Vec<f32>,
    /// `[points, other features]`
    values: Vec<u32>,
    /// Which training rows they are; known while the model is made.
    rows: Vec<u32>,
}

/// How many there are of what stands behind the model's numbers.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredNeighbours {
    points: usize,
}

impl Heap for Neighbours {
    fn heap(&self) -> usize {
        self.standard.heap() + self.values.heap() + self.rows.heap()
    }
}

impl Neighbours {
    /// Whether so many numeric features make distances worth while.
    pub(crate) fn are_useful(numeric: usize) -> bool {
        numeric >= 2
    }

    /// Draws points among encoded rows with `numeric` numeric of `features` features.
    pub(crate) fn draw(
        rows: &EncodedRows,
        numeric: usize,
        features: usize,
        rng: &mut impl Rng,
    ) -> Self {
        let mut order: Vec<u32> = (0..rows.rows as u32).collect();
        let points = POINTS.min(order.len());
        for at in 0..points {
            let other = rng.random_range(at as u32..order.len() as u32);
            order.swap(at, other as usize);
        }
        order.truncate(points);
        let mut drawn =
            Self { numeric, features, standard: vec![], values: vec![], rows: Vec::new() };
        for &row in &order {
            let (standard, values) = drawn.cells(rows, row as usize);
            drawn.standard.extend_from_slice(standard);
            drawn.values.extend_from_slice(values);
        }
        drawn.rows = order;
        drawn
    }

    fn cells<'a>(&self, rows: &'a EncodedRows, row: usize) -> (&'a [f32], &'a [u32]) {
        let (numeric, features) = (self.numeric, self.features);
        let standard = &rows.beside.standard[row * numeric..(row + 1) * numeric];
        (standard, &rows.beside.values[row * features + numeric..(row + 1) * features])
    }

    /// The score of a row. `itself`: its number among the training rows, if it is one; then it is no
    /// neighbour of its own.
    pub(crate) fn score(&self, rows: &EncodedRows, row: usize, itself: Option<u32>) -> f32 {
        let (standard, values) = self.cells(rows, row);
        let width = self.features - self.numeric;
        // All points are within the learnt ranges.
        let beyond: f32 = rows.beyond(row).iter().map(|x| x * x).sum();
        let mut nearest = [f32::INFINITY; NEAREST];
        for (at, point) in self.standard.chunks_exact(self.numeric.max(1)).enumerate() {
            if itself.is_some() && self.rows.get(at).copied() == itself {
                continue;
            }
            let of_point = &self.values[at * width..(at + 1) * width];
            let differing = values.iter().zip(of_point).filter(|(a, b)| a != b).count() as f32;
            let squares: f32 = standard.iter().zip(point).map(|(a, b)| (a - b) * (a - b)).sum();
            let distance = squares + differing + beyond;
            if distance < nearest[NEAREST - 1] {
                let place = nearest.partition_point(|&d| d <= distance);
                nearest[place..].rotate_right(1);
                nearest[place] = distance;
            }
        }
        let found = nearest.iter().filter(|d| d.is_finite());
        let (sum, many) = found.fold((0.0, 0.0), |(sum, many), d| (sum + d.sqrt(), many + 1.0));
        if many == 0.0 { 0.0 } else { sum / many }
    }

    /// Puts the points behind `words` and `numbers`.
    pub(crate) fn store(&self, words: &mut Vec<u32>, numbers: &mut Vec<f32>) -> StoredNeighbours {
        words.extend_from_slice(&self.values);
        numbers.extend_from_slice(&self.standard);
        StoredNeighbours { points: self.standard.len() / self.numeric.max(1) }
    }

    /// Takes the points off the front of `words` and `numbers`; `None` if they are not there, or not
    /// numbers that a row can have.
    pub(crate) fn restore(
        stored: StoredNeighbours,
        (numeric, features): (usize, usize),
        words: &mut &[u32],
        numbers: &mut &[f32],
    ) -> Option<Self> {
        let (values, rest) =
            words.split_at_checked(stored.points.checked_mul(features.checked_sub(numeric)?)?)?;
        *words = rest;
        let (standard, rest) = numbers.split_at_checked(stored.points.checked_mul(numeric)?)?;
        *numbers = rest;
        let usable = Self::are_useful(numeric) && standard.iter().all(|x| x.abs() <= 12.0);
        usable.then(|| Self {
            numeric,
            features,
            standard: standard.to_vec(),
            values: values.to_vec(),
            rows: Vec::new(),
        })
    }

    /// Forgets which rows the points are, as a stored model does.
    pub(crate) fn forget_rows(&mut self) {
        self.rows = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::BesideRows;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    /// Rows of two numbers and a category.
    fn rows(of: &[([f32; 2], u32)]) -> EncodedRows {
        EncodedRows {
            rows: of.len(),
            beside: BesideRows {
                values: of.iter().flat_map(|row| [0, 0, row.1]).collect(),
                standard: of.iter().flat_map(|row| row.0).collect(),
                of_peers: Vec::new(),
                beyond_peers: Vec::new(),
            },
            ..EncodedRows::default()
        }
    }

    #[test]
    fn the_score_is_the_mean_distance_to_the_three_nearest() {
        let table = rows(&[([0.0, 0.0], 0), ([3.0, 4.0], 0), ([0.0, 1.0], 1), ([12.0, 0.0], 0)]);
        let points = Neighbours::draw(&table, 2, 3, &mut ChaCha8Rng::seed_from_u64(1));
        let expected = (0.0 + 2.0_f32.sqrt() + 5.0) / 3.0;
        assert!((points.score(&table, 0, None) - expected).abs() < 1e-6);
        let others = (2.0_f32.sqrt() + 5.0 + 12.0) / 3.0;
        assert!((points.score(&table, 0, Some(0)) - others).abs() < 1e-6);
    }

    #[test]
    fn a_single_row_has_no_neighbour_but_itself() {
        let table = rows(&[([1.0, 2.0], 0)]);
        let points = Neighbours::draw(&table, 2, 3, &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!(points.score(&table, 0, Some(0)), 0.0);
    }

    #[test]
    fn of_many_rows_256_are_drawn_and_come_back_from_store() {
        let many: Vec<_> = (0..1000_u16).map(|i| ([f32::from(i % 13), 0.0], 0)).collect();
        let mut points = Neighbours::draw(&rows(&many), 2, 3, &mut ChaCha8Rng::seed_from_u64(1));
        let mut distinct = points.rows.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 256);
        points.forget_rows();
        let (mut words, mut numbers) = (Vec::new(), Vec::new());
        let stored = points.store(&mut words, &mut numbers);
        let (mut words, mut numbers) = (words.as_slice(), numbers.as_slice());
        let back = Neighbours::restore(stored, (2, 3), &mut words, &mut numbers);
        assert_eq!(back.as_ref(), Some(&points));
        assert!(words.is_empty() && numbers.is_empty());
        assert_eq!(Neighbours::restore(stored, (2, 3), &mut words, &mut numbers), None);
    }
}
