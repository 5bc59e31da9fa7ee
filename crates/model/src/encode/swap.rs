//! Swap noise: some cells of a table replaced by other cells of the same column.
//!
//! For each column of N rows, k = round(N·p) times, halves to even: a source and a destination
//! row are drawn, both uniformly with replacement, and the destination gets the source's value of
//! the clean table. A destination drawn twice keeps the last value. So values never leave their
//! column, and about 1 − exp(−p) of the cells of a column are written.

use super::EncodedRows;
use rand::{Rng, RngExt};

/// Makes `into` a noisy copy of `clean`. Allocates nothing once `into` is large enough.
///
/// `probability`: p above, 0 to 1. Columns are drawn in the order numeric, binary, categorical.
/// Tables end at 2^32 − 1 rows.
pub fn swap_noise(
    clean: &EncodedRows,
    probability: f64,
    rng: &mut impl Rng,
    into: &mut EncodedRows,
) {
    into.copy_from(clean);
    let rows = u32::try_from(clean.rows).unwrap_or(u32::MAX);
    if rows > 0 {
        let draws = draws(clean.rows, probability);
        swap_columns(&clean.numeric, rows, draws, rng, &mut into.numeric);
        swap_columns(&clean.binary, rows, draws, rng, &mut into.binary);
        swap_columns(&clean.codes, rows, draws, rng, &mut into.codes);
    }
}

/// One epoch's table: row `p` of `shuffled` is row `order[p]` of `clean`, and `noisy` is
/// `shuffled` with swap noise drawn on it.
///
/// # Panics
/// If `order` names a row that `clean` does not have.
pub fn shuffle_and_swap(
    clean: &EncodedRows,
    order: &[u32],
    probability: f64,
    rng: &mut impl Rng,
    shuffled: &mut EncodedRows,
    noisy: &mut EncodedRows,
) {
    shuffled.rows = order.len();
    gather(&clean.numeric, clean.rows, order, &mut shuffled.numeric);
    gather(&clean.binary, clean.rows, order, &mut shuffled.binary);
    gather(&clean.codes, clean.rows, order, &mut shuffled.codes);
    swap_noise(shuffled, probability, rng, noisy);
}

/// How many times a cell of a column of `rows` cells is written: rows · probability, halves to even.
pub fn draws(rows: usize, probability: f64) -> usize {
    (rows as f64 * probability).round_ties_even() as usize
}

fn swap_columns<T: Copy>(clean: &[T], rows: u32, draws: usize, rng: &mut impl Rng, into: &mut [T]) {
    let columns = clean.len() / rows as usize;
    for column in 0..columns {
        for _ in 0..draws {
            let source = rng.random_range(0..rows) as usize;
            let destination = rng.random_range(0..rows) as usize;
            into[destination * columns + column] = clean[source * columns + column];
        }
    }
}

fn gather<T: Copy>(clean: &[T], rows: usize, order: &[u32], into: &mut Vec<T>) {
    into.clear();
    let columns = clean.len().checked_div(rows).unwrap_or(0);
    for &row in order {
        let start = row as usize * columns;
        into.extend_from_slice(&clean[start..start + columns]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn table(rows: usize) -> EncodedRows {
        EncodedRows {
            rows,
            numeric: (0..rows * 2).map(|i| i as f32).collect(),
            binary: (0..rows).map(|i| (i % 2) as f32).collect(),
            codes: (0..rows as u32 * 3).collect(),
            ..EncodedRows::default()
        }
    }

    proptest! {
        #[test]
        fn the_shuffled_table_is_clean_and_noise_stays_in_its_column(
            rows in 0usize..50, p in 0.0..=1.0f64, seed: u64,
        ) {
            let clean = table(rows);
            let order: Vec<u32> = (0..rows as u32).rev().collect();
            let (mut shuffled, mut noisy) = (EncodedRows::default(), EncodedRows::default());
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            shuffle_and_swap(&clean, &order, p, &mut rng, &mut shuffled, &mut noisy);
            prop_assert_eq!(&clean, &table(rows));
            for (at, &row) in order.iter().enumerate() {
                let row = row as usize;
                prop_assert_eq!(&shuffled.numeric[at * 2..at * 2 + 2], &clean.numeric[row * 2..row * 2 + 2]);
                prop_assert_eq!(shuffled.binary[at], clean.binary[row]);
                prop_assert_eq!(&shuffled.codes[at * 3..at * 3 + 3], &clean.codes[row * 3..row * 3 + 3]);
            }
            prop_assert!(noisy.numeric.iter().enumerate().all(|(i, &v)| v as usize % 2 == i % 2));
            prop_assert!(noisy.codes.iter().enumerate().all(|(i, &v)| v as usize % 3 == i % 3));
        }
    }

    #[test]
    fn warm_buffers_are_kept() {
        let clean = table(40);
        let mut noisy = EncodedRows::default();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        swap_noise(&clean, 0.2, &mut rng, &mut noisy);
        let place = (noisy.numeric.as_ptr(), noisy.codes.as_ptr());
        swap_noise(&clean, 0.2, &mut rng, &mut noisy);
        assert_eq!(place, (noisy.numeric.as_ptr(), noisy.codes.as_ptr()));
    }
}
