//! Embeddings as wide as the first layer, row by row: a square of a panel has a row in each lane, and
//! each 32 values of a vector belong to one square.
//!
//! A feature's table begins at `starts[feature]` of the weights; `codes` are `[rows, features]`. Loops
//! over features are innermost: features of few values would add to the same vector row after row,
//! and each addition would wait for the one before to reach the cache.

use super::dispatch::for_each_level;
use super::lanes::{LANES, Lane};
use std::ops::Range;

#[inline(always)]
fn add_to(into: &mut [f32], from: &[f32]) {
    for (sum, value) in into.iter_mut().zip(from) {
        *sum += value;
    }
}

for_each_level! {
    /// Row `i` of the squares = the sum of the vectors, `width` long, of the `i`-th row's codes.
    /// Lanes without a row get zeros.
    fn gather(
        squares: &mut [Lane],
        width: usize,
        weights: &[f32],
        starts: &[usize],
        codes: &[u32],
    ) {
        for (square, first) in squares.chunks_exact_mut(LANES).zip((0..width).step_by(LANES)) {
            let mut rows = codes.chunks_exact(starts.len().max(1));
            for lane in square {
                let mut sum = [0.0; LANES];
                for (start, code) in starts.iter().zip(rows.next().unwrap_or_default()) {
                    let vector = &weights[start + *code as usize * width..][..width][first..];
                    match vector.first_chunk::<LANES>() {
                        Some(part) => add_to(&mut sum, part),
                        None => add_to(&mut sum, vector),
                    }
                }
                *lane = sum;
            }
        }
    }

    /// Adds row `i` of the squares to the vectors of the `i`-th row's codes, from the first row down.
    /// `part` holds the weights `of`, whole vectors; all others are passed over.
    fn scatter(
        part: &mut [f32],
        of: &Range<usize>,
        width: usize,
        starts: &[usize],
        squares: &[Lane],
        codes: &[u32],
    ) {
        for (square, first) in squares.chunks_exact(LANES).zip((0..width).step_by(LANES)) {
            for (lane, codes) in square.iter().zip(codes.chunks_exact(starts.len().max(1))) {
                for (start, code) in starts.iter().zip(codes) {
                    let at = start + *code as usize * width;
                    if of.contains(&at) {
                        let vector = &mut part[at - of.start..][..width][first..];
                        match vector.first_chunk_mut::<LANES>() {
                            Some(part) => add_to(part, lane),
                            None => add_to(vector, lane),
                        }
                    }
                }
            }
        }
    }

    /// `values += sums`, lane by lane.
    fn add(values: &mut [Lane], sums: &[Lane]) {
        add_to(values.as_flattened_mut(), sums.as_flattened());
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;
    use proptest::prelude::*;

    fn same(a: f32, b: f32) -> bool {
        a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
    }

    proptest! {
        #[test]
        fn levels_gather_and_scatter_by_the_definition(
            width in 1_usize..70,
            features in 0_usize..4,
            codes in prop::collection::vec(0_u32..5, 0..=3 * LANES),
            skipped in 0_usize..20,
            odd in prop::sample::select(vec![0.5_f32, f32::NAN, f32::INFINITY, 1e-40]),
        ) {
            let rows = (codes.len() / features.max(1)).min(LANES);
            let codes = &codes[..rows * features];
            // Something stands before the first table.
            let starts: Vec<usize> = (0..features).map(|f| 3 + f * 5 * width).collect();
            let weights: Vec<f32> = (0..3 + features * 5 * width)
                .map(|i| if i == 5 { odd } else { (i as f32).sin() })
                .collect();
            let places = |row: usize| {
                let of_row = if row < rows { &codes[row * features..][..features] } else { &[] };
                starts.iter().zip(of_row).map(|(start, code)| start + *code as usize * width)
            };
            for level in Level::available() {
                let mut squares = vec![[0.25; LANES]; width.next_multiple_of(LANES)];
                gather(level, &mut squares, width, &weights, &starts, codes);
                let value = |row: usize, i: usize| squares[i / LANES * LANES + row][i % LANES];
                for row in 0..LANES {
                    for i in 0..width {
                        let want = places(row).fold(0.0, |sum, at| sum + weights[at + i]);
                        prop_assert!(same(value(row, i), want));
                    }
                }
                let of = (3 + skipped * width).min(weights.len())..weights.len();
                let mut part = vec![0.0; of.len()];
                scatter(level, &mut part, &of, width, &starts, &squares, codes);
                let mut want = vec![0.0; weights.len()];
                for row in 0..rows {
                    for at in places(row) {
                        (0..width).for_each(|i| want[at + i] += value(row, i));
                    }
                }
                prop_assert!(part.iter().zip(&want[of]).all(|(got, want)| same(*got, *want)));
                let mut sums = squares.clone();
                add(level, &mut sums, &squares);
                for (sum, value) in sums.as_flattened().iter().zip(squares.as_flattened()) {
                    prop_assert!(same(*sum, value + value));
                }
            }
        }
    }
}
