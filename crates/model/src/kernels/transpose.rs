//! Transposing, block by block in registers, which compilers do not find by themselves.

use super::dispatch::{Isa, Level};
use super::lanes::{LANES, Lane};
use super::register::{Plain, Register};

/// A row-major matrix: its values and the length of its rows.
pub(crate) type Matrix<T> = (T, usize);

/// Every 32 lanes are a square that is transposed where it is: columns of rows become rows of
/// columns, and back. Lanes beyond the last whole square stay.
pub(crate) fn transpose(level: Level, lanes: &mut [Lane]) {
    for square in lanes.as_chunks_mut::<LANES>().0 {
        match level.isa() {
            // SAFETY: every CPU has what this block needs.
            Isa::Portable => unsafe { turn::<Plain, 4>(square) },
            // SAFETY: a `Level` of this kind is made only where the CPU has AVX2.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { x86::turn_avx2(square) },
            // SAFETY: a `Level` of this kind is made only where the CPU has AVX-512.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => unsafe { x86::turn_avx512(square) },
        }
    }
}

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
    let shape = (first, height, width);
    let (from, into) = ((from, columns), (into, rows));
    match level.isa() {
        // SAFETY: every CPU has what this block needs.
        Isa::Portable => unsafe { copy::<Plain, 4>(from, shape, into) },
        // SAFETY: a `Level` of this kind is made only where the CPU has AVX2.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { x86::copy_avx2(from, shape, into) },
        // SAFETY: a `Level` of this kind is made only where the CPU has AVX-512.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { x86::copy_avx512(from, shape, into) },
    }
}

/// A register of N values. N of them are a block of N rows; N divides 32.
///
/// # Safety
/// As [`Register`].
trait Block<const N: usize>: Register {
    /// The block transposed.
    unsafe fn transposed(rows: [Self; N]) -> [Self; N];
}

/// The first values of a matrix's first rows, transposed.
///
/// # Safety
/// The CPU has the block's instructions.
#[inline(always)]
unsafe fn columns<V: Block<N>, const N: usize>((matrix, len): Matrix<&[f32]>) -> [V; N] {
    // SAFETY: the caller's promise; a register is loaded from a slice of its length.
    unsafe {
        let mut rows = [V::all(0.0); N];
        for (row, values) in rows.iter_mut().enumerate() {
            *values = V::load(matrix[row * len..][..N].as_ptr());
        }
        V::transposed(rows)
    }
}

/// Writes the first values of a matrix's first rows.
///
/// # Safety
/// The CPU has the block's instructions.
#[inline(always)]
unsafe fn put<V: Block<N>, const N: usize>(rows: [V; N], (matrix, len): Matrix<&mut [f32]>) {
    for (row, values) in rows.into_iter().enumerate() {
        // SAFETY: the caller's promise; a slice of a register's length.
        unsafe { values.store(matrix[row * len..][..N].as_mut_ptr()) };
    }
}

/// # Safety
/// The CPU has the block's instructions.
#[inline(always)]
unsafe fn turn<V: Block<N>, const N: usize>(square: &mut [Lane; LANES]) {
    let square = square.as_flattened_mut();
    for i in (0..LANES).step_by(N) {
        for j in (0..=i).step_by(N) {
            let (here, there) = (i * LANES + j, j * LANES + i);
            // SAFETY: the caller's promise. A block on the diagonal is written twice.
            unsafe {
                let a: [V; N] = columns((&square[here..], LANES));
                let b: [V; N] = columns((&square[there..], LANES));
                put(a, (&mut square[there..], LANES));
                put(b, (&mut square[here..], LANES));
            }
        }
    }
}

/// [`transpose_columns`] of the shape first, height, width. Block by block a few rows of `from` are read
/// as far as they are wanted before the next: each line of the cache comes once.
///
/// # Safety
/// The CPU has the block's instructions.
#[inline(always)]
unsafe fn copy<V: Block<N>, const N: usize>(
    (from, len): Matrix<&[f32]>,
    (first, height, width): (usize, usize, usize),
    (into, rows): Matrix<&mut [f32]>,
) {
    let whole = |length: usize| length / N * N;
    for j in (0..whole(width)).step_by(N) {
        for i in (0..whole(height)).step_by(N) {
            // SAFETY: the caller's promise.
            unsafe {
                let block: [V; N] = columns((&from[j * len + first + i..], len));
                put(block, (&mut into[i * rows + j..], rows));
            }
        }
    }
    for (i, row) in into.chunks_exact_mut(rows).enumerate() {
        // What is left of a row, or a whole row that is left.
        let done = if i < whole(height) { whole(width) } else { 0 };
        for (j, value) in row[..width].iter_mut().enumerate().skip(done) {
            *value = from[j * len + first + i];
        }
    }
}

impl Block<4> for Plain {
    #[inline(always)]
    unsafe fn transposed(rows: [Self; 4]) -> [Self; 4] {
        std::array::from_fn(|i| rows.map(|row| row[i]))
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Block, LANES, Lane, Matrix, copy, turn};
    use std::arch::x86_64::{
        __m256, __m512, _mm256_castpd_ps, _mm256_castps_pd, _mm256_permute2f128_ps,
        _mm256_setzero_ps, _mm256_unpackhi_pd, _mm256_unpackhi_ps, _mm256_unpacklo_pd,
        _mm256_unpacklo_ps, _mm512_loadu_epi32, _mm512_permutex2var_ps,
    };

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn turn_avx2(square: &mut [Lane; LANES]) {
        // SAFETY: the CPU has AVX2 here.
        unsafe { turn::<__m256, 8>(square) }
    }

    #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
    pub(super) fn turn_avx512(square: &mut [Lane; LANES]) {
        // SAFETY: the CPU has AVX-512 here.
        unsafe { turn::<__m512, 16>(square) }
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn copy_avx2(
        from: Matrix<&[f32]>,
        shape: (usize, usize, usize),
        into: Matrix<&mut [f32]>,
    ) {
        // SAFETY: the CPU has AVX2 here.
        unsafe { copy::<__m256, 8>(from, shape, into) }
    }

    #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
    pub(super) fn copy_avx512(
        from: Matrix<&[f32]>,
        shape: (usize, usize, usize),
        into: Matrix<&mut [f32]>,
    ) {
        // SAFETY: the CPU has AVX-512 here.
        unsafe { copy::<__m512, 16>(from, shape, into) }
    }

    impl Block<8> for __m256 {
        #[inline(always)]
        unsafe fn transposed(mut rows: [Self; 8]) -> [Self; 8] {
            // SAFETY: the caller's promise.
            unsafe {
                // Values of a pair of rows side by side, pairs of a pair of these, and then halves.
                let mut fours = [_mm256_setzero_ps(); 8];
                for (rows, fours) in rows.chunks_exact(4).zip(fours.chunks_exact_mut(4)) {
                    let pairs = [
                        (
                            _mm256_unpacklo_ps(rows[0], rows[1]),
                            _mm256_unpacklo_ps(rows[2], rows[3]),
                        ),
                        (
                            _mm256_unpackhi_ps(rows[0], rows[1]),
                            _mm256_unpackhi_ps(rows[2], rows[3]),
                        ),
                    ];
                    for ((a, b), fours) in pairs.into_iter().zip(fours.chunks_exact_mut(2)) {
                        let (a, b) = (_mm256_castps_pd(a), _mm256_castps_pd(b));
                        fours[0] = _mm256_castpd_ps(_mm256_unpacklo_pd(a, b));
                        fours[1] = _mm256_castpd_ps(_mm256_unpackhi_pd(a, b));
                    }
                }
                let (above, below) = fours.split_at(4);
                for (i, (above, below)) in above.iter().zip(below).enumerate() {
                    rows[i] = _mm256_permute2f128_ps::<0x20>(*above, *below);
                    rows[4 + i] = _mm256_permute2f128_ps::<0x31>(*above, *below);
                }
                rows
            }
        }
    }

    impl Block<16> for __m512 {
        #[inline(always)]
        unsafe fn transposed(mut rows: [Self; 16]) -> [Self; 16] {
            // SAFETY: the caller's promise.
            unsafe {
                exchange::<8>(&mut rows);
                exchange::<4>(&mut rows);
                exchange::<2>(&mut rows);
                exchange::<1>(&mut rows);
            }
            rows
        }
    }

    /// A step of transposing by halves: in each block of 2S x 2S the two off-diagonal quarters
    /// change places.
    ///
    /// # Safety
    /// The CPU has AVX-512.
    #[inline(always)]
    unsafe fn exchange<const S: usize>(rows: &mut [__m512; 16]) {
        let (mut upper, mut lower) = ([0; 16], [0; 16]);
        for (i, (upper, lower)) in (0..).zip(upper.iter_mut().zip(&mut lower)) {
            // Where the values of a pair's new rows come from; those of the second row are 16 and up.
            let (first, second) =
                if i & S as i32 == 0 { (i, i ^ S as i32) } else { (16 + (i ^ S as i32), 16 + i) };
            (*upper, *lower) = (first, second);
        }
        // SAFETY: the caller's promise; sixteen integers each, which is a register.
        unsafe {
            let upper = _mm512_loadu_epi32(upper.as_ptr());
            let lower = _mm512_loadu_epi32(lower.as_ptr());
            for row in (0..16).filter(|row| row & S == 0) {
                let (a, b) = (rows[row], rows[row + S]);
                rows[row] = _mm512_permutex2var_ps(a, upper, b);
                rows[row + S] = _mm512_permutex2var_ps(a, lower, b);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lanes::tests::numbers;
    use super::*;
    use proptest::prelude::*;

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
    }
}
