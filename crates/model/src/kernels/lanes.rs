//! Batches side by side: a column of a table is kept for 32 rows at once.

use super::dispatch::{Isa, Level, for_each_level};

/// Rows of a panel: two registers of the widest instruction set.
pub(crate) const LANES: usize = 32;

/// The values of one column in the rows of a panel.
pub(crate) type Lane = [f32; LANES];

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
    use std::arch::x86_64::{__m512, __m512i, _mm512_permutex2var_ps};
    use std::mem::transmute;

    const HALF: usize = LANES / 2;

    /// Each quarter by itself; the two off the diagonal change places.
    #[target_feature(enable = "avx512f")]
    pub(super) fn transpose(square: &mut [Lane; LANES]) {
        let [a, b] = [quarter(square, 0, 0), quarter(square, 0, HALF)];
        let [c, d] = [quarter(square, HALF, 0), quarter(square, HALF, HALF)];
        for (i, lane) in square.iter_mut().enumerate() {
            let (left, right) = if i < HALF { (a[i], c[i]) } else { (b[i - HALF], d[i - HALF]) };
            // SAFETY: a register is sixteen values.
            unsafe {
                *lane = transmute::<[__m512; 2], Lane>([left, right]);
            }
        }
    }

    /// The quarter from this row and column on, transposed.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn quarter(square: &[Lane; LANES], row: usize, column: usize) -> [__m512; HALF] {
        let mut rows = [[0.0_f32; HALF]; HALF];
        for (to, from) in rows.iter_mut().zip(&square[row..]) {
            to.copy_from_slice(&from[column..column + HALF]);
        }
        // SAFETY: a register is sixteen values.
        let mut rows = rows.map(|row| unsafe { transmute::<[f32; HALF], __m512>(row) });
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
        // Where each value of a pair's new rows comes from; the second row's places follow the first's.
        let upper = |i: usize| if i & S == 0 { i } else { HALF + (i ^ S) } as i32;
        let lower = |i: usize| if i & S == 0 { i ^ S } else { HALF + i } as i32;
        let (upper, lower) = (indices(upper), indices(lower));
        for row in (0..HALF).filter(|row| row & S == 0) {
            let (a, b) = (rows[row], rows[row + S]);
            rows[row] = _mm512_permutex2var_ps(a, upper, b);
            rows[row + S] = _mm512_permutex2var_ps(a, lower, b);
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn indices(of: impl Fn(usize) -> i32) -> __m512i {
        // SAFETY: a register is sixteen integers.
        unsafe { transmute::<[i32; HALF], __m512i>(std::array::from_fn(of)) }
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
