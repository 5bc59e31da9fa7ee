//! Batches side by side: a column of a table is kept for 32 rows at once.

use super::dispatch::{Isa, Level, for_each_level};

/// Rows of a panel: two registers of the widest instruction set.
pub(crate) const LANES: usize = 32;

/// The values of one column in the rows of a panel.
pub(crate) type Lane = [f32; LANES];

/// Values of a lane, got from the lengths: if a compiler knows that they are 32, it makes vectors
/// across lanes, with a gather for each.
#[inline(always)]
pub(super) fn lane_width(values: &[f32], bias: &[f32]) -> usize {
    (values.len() / bias.len().max(1)).max(1)
}

for_each_level! {
    /// `into[i]` = sum of lane `first + i` of every panel of `stride` lanes: rows in order first,
    /// then the 32 places in order.
    fn sums(table: &[Lane], stride: usize, first: usize, into: &mut [f32]) {
        for (i, sum) in into.iter_mut().enumerate() {
            let mut total = [0.0; LANES];
            for panel in table.chunks_exact(stride) {
                for (total, value) in total.iter_mut().zip(&panel[first + i]) {
                    *total += value;
                }
            }
            *sum = total.iter().sum();
        }
    }
}

/// Every 32 lanes are a square that is transposed where it is: columns of rows become rows of
/// columns, and back. Lanes beyond the last whole square stay.
pub(crate) fn transpose(level: Level, lanes: &mut [Lane]) {
    for square in lanes.as_chunks_mut::<LANES>().0 {
        match level.isa() {
            // SAFETY: a `Level` of this kind is made only where the CPU has AVX-512.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => unsafe { x86::transpose(square) },
            _ => transpose_portable(square),
        }
    }
}

fn transpose_portable(square: &mut [Lane; LANES]) {
    let before = *square;
    for (row, lane) in square.iter_mut().enumerate() {
        *lane = std::array::from_fn(|column| before[column][row]);
    }
}

/// A row-major matrix: its values and the length of its rows.
pub(crate) type Matrix<T> = (T, usize);

/// `into[i][j]` = `from[j][first + i]`, for all i that `into` has rows for and all j that `from` has.
///
/// # Panics
/// If a row of one is shorter than the other needs.
pub(crate) fn transpose_columns(
    level: Level,
    (from, columns): Matrix<&[f32]>,
    first: usize,
    (into, rows): Matrix<&mut [f32]>,
) {
    let (height, width) = (into.len() / rows, from.len() / columns);
    assert!(first + height <= columns && width <= rows, "matrices of different shape");
    let mut done = (0, 0);
    #[cfg(target_arch = "x86_64")]
    if level.isa() == Isa::Avx512 {
        done = (height / x86::HALF * x86::HALF, width / x86::HALF * x86::HALF);
        for i in (0..done.0).step_by(x86::HALF) {
            for j in (0..done.1).step_by(x86::HALF) {
                let (from, into) = (&from[j * columns + first + i..], &mut into[i * rows + j..]);
                // SAFETY: a `Level` of this kind is made only where the CPU has AVX-512.
                unsafe { x86::put((into, rows), &x86::quarter((from, columns))) };
            }
        }
    }
    for (i, row) in into.chunks_exact_mut(rows).enumerate() {
        // What is left of a row, or a whole row that is left.
        let done = if i < done.0 { done.1 } else { 0 };
        for (j, value) in row[..width].iter_mut().enumerate().skip(done) {
            *value = from[j * columns + first + i];
        }
    }
}

/// Shuffles of registers, which compilers do not find by themselves.
#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{LANES, Lane, Matrix};
    use std::arch::x86_64::{
        __m512, _mm512_loadu_epi32, _mm512_loadu_ps, _mm512_permutex2var_ps, _mm512_setzero_ps,
        _mm512_storeu_ps,
    };

    pub(super) const HALF: usize = LANES / 2;

    /// Each quarter by itself; the two off the diagonal change places.
    #[target_feature(enable = "avx512f")]
    pub(super) fn transpose(square: &mut [Lane; LANES]) {
        let square = square.as_flattened_mut();
        for corner in [0, HALF * LANES + HALF] {
            let rows = quarter((&square[corner..], LANES));
            put((&mut square[corner..], LANES), &rows);
        }
        let above = quarter((&square[HALF..], LANES));
        let below = quarter((&square[HALF * LANES..], LANES));
        put((&mut square[HALF..], LANES), &below);
        put((&mut square[HALF * LANES..], LANES), &above);
    }

    /// Writes sixteen values of each of a matrix's first sixteen rows.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn put((matrix, len): Matrix<&mut [f32]>, rows: &[__m512; HALF]) {
        for (row, values) in rows.iter().enumerate() {
            let half = &mut matrix[row * len..][..HALF];
            // SAFETY: sixteen values, which is a register.
            unsafe { _mm512_storeu_ps(half.as_mut_ptr(), *values) };
        }
    }

    /// Sixteen values of each of a matrix's first sixteen rows, transposed.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn quarter((matrix, len): Matrix<&[f32]>) -> [__m512; HALF] {
        let mut rows = [_mm512_setzero_ps(); HALF];
        for (row, to) in rows.iter_mut().enumerate() {
            let half = &matrix[row * len..][..HALF];
            // SAFETY: sixteen values, which is a register.
            *to = unsafe { _mm512_loadu_ps(half.as_ptr()) };
        }
        exchange::<8>(&mut rows);
        exchange::<4>(&mut rows);
        exchange::<2>(&mut rows);
        exchange::<1>(&mut rows);
        rows
    }

    /// A step of transposing by halves: in each block of 2S x 2S the two off-diagonal quarters
    /// change places.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn exchange<const S: usize>(rows: &mut [__m512; HALF]) {
        let (mut upper, mut lower) = ([0; HALF], [0; HALF]);
        for (i, (upper, lower)) in (0..).zip(upper.iter_mut().zip(&mut lower)) {
            // Where the values of a pair's new rows come from; those of the second row are 16 and up.
            let (first, second) =
                if i & S as i32 == 0 { (i, i ^ S as i32) } else { (16 + (i ^ S as i32), 16 + i) };
            (*upper, *lower) = (first, second);
        }
        // SAFETY: sixteen integers each, which is a register.
        let (upper, lower) =
            unsafe { (_mm512_loadu_epi32(upper.as_ptr()), _mm512_loadu_epi32(lower.as_ptr())) };
        for row in (0..HALF).filter(|row| row & S == 0) {
            let (a, b) = (rows[row], rows[row + S]);
            rows[row] = _mm512_permutex2var_ps(a, upper, b);
            rows[row + S] = _mm512_permutex2var_ps(a, lower, b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn numbers(lanes: usize, x: f32) -> Vec<Lane> {
        (0..lanes).map(|l| std::array::from_fn(|i| (x * (l * LANES + i) as f32).sin())).collect()
    }

    proptest! {
        #[test]
        fn transposing_is_the_definition(squares in 0_usize..4, more in 0_usize..LANES, x in 0.5_f32..1.0) {
            let before = numbers(squares * LANES + more, x);
            for level in Level::available() {
                let mut after = before.clone();
                transpose(level, &mut after);
                for (lane, values) in after.iter().enumerate() {
                    let (square, row) = (lane / LANES * LANES, lane % LANES);
                    for (i, value) in values.iter().enumerate() {
                        let want = if square < squares * LANES { before[square + i][row] } else { before[lane][i] };
                        prop_assert_eq!(*value, want);
                    }
                }
            }
        }

        #[test]
        fn transposing_columns_is_the_definition(
            height in 0_usize..40, width in 0_usize..40, before in 0_usize..3, after in 0_usize..3, more in 0_usize..3,
        ) {
            let (columns, rows) = ((before + height + after).max(1), (width + more).max(1));
            let from: Vec<f32> = (0..columns * width).map(|i| i as f32).collect();
            for level in Level::available() {
                let mut into = vec![-1.0; height * rows];
                transpose_columns(level, (&from, columns), before, (&mut into, rows));
                for (at, value) in into.iter().enumerate() {
                    let (i, j) = (at / rows, at % rows);
                    let want = if j < width { from[j * columns + before + i] } else { -1.0 };
                    prop_assert_eq!(*value, want);
                }
            }
        }

        #[test]
        fn every_level_adds_in_the_same_order(stride in 1_usize..9, panels in 0_usize..5, x in -1.0_f32..1.0) {
            let table = numbers(stride * panels, x);
            let first = stride / 2;
            let want: Vec<f32> = (first..stride).map(|lane| {
                let place = |i: usize| table.chunks(stride).fold(0.0, |total, panel| total + panel[lane][i]);
                (0..LANES).map(place).sum()
            }).collect();
            for level in Level::available() {
                let mut got = vec![f32::NAN; stride - first];
                sums(level, &table, stride, first, &mut got);
                prop_assert_eq!(&got, &want);
            }
        }
    }
}
