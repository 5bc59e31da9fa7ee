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

/// Shuffles of registers, which compilers do not find by themselves.
#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{LANES, Lane};
    use std::arch::x86_64::{
        __m512, _mm512_loadu_epi32, _mm512_loadu_ps, _mm512_permutex2var_ps, _mm512_setzero_ps,
        _mm512_storeu_ps,
    };

    const HALF: usize = LANES / 2;

    /// Each quarter by itself; the two off the diagonal change places.
    #[target_feature(enable = "avx512f")]
    pub(super) fn transpose(square: &mut [Lane; LANES]) {
        for corner in [0, HALF] {
            let rows = quarter(square, corner, corner);
            put(square, corner, corner, &rows);
        }
        let above = quarter(square, 0, HALF);
        let below = quarter(square, HALF, 0);
        put(square, 0, HALF, &below);
        put(square, HALF, 0, &above);
    }

    /// Writes a quarter from this row and column on.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn put(square: &mut [Lane; LANES], row: usize, column: usize, rows: &[__m512; HALF]) {
        for (lane, values) in square[row..].iter_mut().zip(rows) {
            let half = &mut lane[column..column + HALF];
            // SAFETY: sixteen values, which is a register.
            unsafe { _mm512_storeu_ps(half.as_mut_ptr(), *values) };
        }
    }

    /// The quarter from this row and column on, transposed.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn quarter(square: &[Lane; LANES], row: usize, column: usize) -> [__m512; HALF] {
        let mut rows = [_mm512_setzero_ps(); HALF];
        for (to, from) in rows.iter_mut().zip(&square[row..]) {
            let half = &from[column..column + HALF];
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
