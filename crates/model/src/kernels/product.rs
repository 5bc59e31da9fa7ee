//! Matrix products with a panel's lanes: `into[m]` = Σ left(m, k) · right[k], for 32 rows at once.
//!
//! A block of outputs stays in registers while k runs, and every value is the sum of its terms in
//! the order of k, with fused multiply-add where the CPU has it. So a row's bits depend neither on
//! its place, nor on the rows beside it, nor on how work is shared out; and all CPUs with fused
//! multiply-add give the same bits, however wide their registers. The left operand is read where it
//! is, in any order of strides: weights need no second copy, neither transposed nor packed.

use super::dispatch::{Isa, Level};
use super::lanes::{LANES, Lane};

/// The left operand: `(segment, m, k)` is at `segment * self.segment + m * self.row + k * self.inner`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) row: usize,
    pub(crate) inner: usize,
    pub(crate) segment: usize,
}

/// The right operand: lane `(segment, k)`, k below `inner`, is at `segment * self.segment + k`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Right<'a> {
    pub(crate) lanes: &'a [Lane],
    pub(crate) inner: usize,
    pub(crate) segments: usize,
    pub(crate) segment: usize,
}

impl<'a> Right<'a> {
    /// All lanes as one segment.
    pub(crate) fn whole(lanes: &'a [Lane]) -> Self {
        Self { lanes, inner: lanes.len(), segments: 1, segment: 0 }
    }
}

/// `into[m]` = Σ over segments and k of left(segment, m, k) · right(segment, k).
///
/// # Panics
/// If an operand is shorter than its strides say.
pub(crate) fn product(level: Level, left: Left<'_>, right: Right<'_>, into: &mut [Lane]) {
    if right.segments == 0 || right.inner == 0 || into.is_empty() {
        into.fill([0.0; LANES]);
        return;
    }
    let last = |steps: [(usize, usize); 3]| {
        steps.into_iter().try_fold(0, |sum: usize, (count, stride)| {
            sum.checked_add((count - 1).checked_mul(stride)?)
        })
    };
    let segments = right.segments;
    let last_left =
        last([(segments, left.segment), (into.len(), left.row), (right.inner, left.inner)]);
    let last_right = last([(segments, right.segment), (right.inner, 1), (1, 0)]);
    assert!(last_left.is_some_and(|last| last < left.data.len()), "left operand too short");
    assert!(last_right.is_some_and(|last| last < right.lanes.len()), "right operand too short");
    // SAFETY: the elements of largest index of both operands exist, so all do. A `Level` of a kind
    // is made only where the CPU has its features.
    unsafe {
        match level.isa() {
            Isa::Portable => portable(left, right, into),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => avx2(left, right, into),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => avx512(left, right, into),
        }
    }
}

/// Whether code without a run-time choice may multiply and add in one operation.
const FUSED: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));

/// # Safety
/// As [`blocks`].
unsafe fn portable(left: Left<'_>, right: Right<'_>, into: &mut [Lane]) {
    // Registers of four values: 32 of them on Arm, 16 on x86-64.
    const OUTPUTS: usize = if cfg!(target_arch = "aarch64") { 12 } else { 6 };
    // SAFETY: the caller's promise.
    unsafe { blocks::<OUTPUTS, 8, FUSED>(left, right, into) }
}

/// # Safety
/// As [`blocks`], and the CPU has these features.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2(left: Left<'_>, right: Right<'_>, into: &mut [Lane]) {
    // SAFETY: the caller's promise.
    unsafe { blocks::<6, 16, true>(left, right, into) }
}

/// # Safety
/// As [`blocks`], and the CPU has these features.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn avx512(left: Left<'_>, right: Right<'_>, into: &mut [Lane]) {
    // SAFETY: the caller's promise.
    unsafe { blocks::<12, 32, true>(left, right, into) }
}

/// Blocks of at most M outputs by N places: M · N sums fill three quarters of the registers.
///
/// # Safety
/// Every element that the strides name lies inside its operand.
#[inline(always)]
unsafe fn blocks<const M: usize, const N: usize, const FUSED: bool>(
    left: Left<'_>,
    right: Right<'_>,
    into: &mut [Lane],
) {
    for (i, block) in into.chunks_mut(M).enumerate() {
        let left = Left { data: &left.data[i * M * left.row..], ..left };
        for first in (0..LANES).step_by(N) {
            macro_rules! of_length {
                ($($m:literal)*) => {
                    match block.len() {
                        // SAFETY: the block's outputs are some of the caller's.
                        $($m if $m <= M => unsafe {
                            tile::<$m, N, FUSED>(left, right, first, block);
                        },)*
                        _ => {}
                    }
                };
            }
            of_length!(1 2 3 4 5 6 7 8 9 10 11 12);
        }
    }
}

/// Places `first..first + N` of M outputs.
///
/// # Safety
/// As [`blocks`].
#[inline(always)]
unsafe fn tile<const M: usize, const N: usize, const FUSED: bool>(
    left: Left<'_>,
    right: Right<'_>,
    first: usize,
    into: &mut [Lane],
) {
    let mut sums = [[0.0_f32; N]; M];
    for segment in 0..right.segments {
        let lanes = &right.lanes[segment * right.segment..][..right.inner];
        let left_data = &left.data[segment * left.segment..];
        for (k, lane) in lanes.iter().enumerate() {
            let lane: &[f32] = &lane[first..first + N];
            for (m, sums) in sums.iter_mut().enumerate() {
                // Cannot wrap, being inside the operand: a check here would cost more than the product.
                let at = m.wrapping_mul(left.row).wrapping_add(k.wrapping_mul(left.inner));
                // SAFETY: the caller's promise: m is below the outputs, k below `inner`.
                let factor = unsafe { *left_data.get_unchecked(at) };
                for (sum, value) in sums.iter_mut().zip(lane) {
                    *sum = if FUSED { factor.mul_add(*value, *sum) } else { factor * value + *sum };
                }
            }
        }
    }
    for (lane, sums) in into.iter_mut().zip(&sums) {
        lane[first..first + N].copy_from_slice(sums);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn numbers(n: usize, seed: u32) -> Vec<f32> {
        (0..n as u32)
            .map(|i| ((i.wrapping_mul(2_654_435_761) ^ seed) % 1000) as f32 / 500.0 - 1.0)
            .collect()
    }

    proptest! {
        #[test]
        fn every_level_agrees_with_the_definition(
            outputs in 0_usize..30, inner in 0_usize..40, segments in 0_usize..4,
            transposed: bool, special in prop::option::of(prop::sample::select(vec![f32::NAN, f32::INFINITY])),
        ) {
            let (row, step) = if transposed { (1, outputs + 3) } else { (inner + 3, 1) };
            let segment = (outputs + 3) * (inner + 3);
            let mut data = numbers(segment * segments + 1, 1);
            if let Some(value) = special {
                data[0] = value;
            }
            let left = Left { data: &data, row, inner: step, segment };
            let flat = numbers(segments * (inner + 2) * LANES, 2);
            let lanes = flat.as_chunks::<LANES>().0;
            let right = Right { lanes, inner, segments, segment: inner + 2 };
            let mut fused: Option<Vec<Vec<u32>>> = None;
            for level in Level::available() {
                let mut got = vec![[f32::NAN; LANES]; outputs];
                product(level, left, right, &mut got);
                for (m, lane) in got.iter().enumerate() {
                    for (i, value) in lane.iter().enumerate() {
                        let want: f64 = (0..segments).flat_map(|s| (0..inner).map(move |k| (s, k)))
                            .map(|(s, k)| f64::from(data[s * segment + m * row + k * step])
                                * f64::from(lanes[s * (inner + 2) + k][i]))
                            .sum();
                        let same = (f64::from(*value) - want).abs() < 1e-4
                            || (value.is_nan() && want.is_nan()) || f64::from(*value) == want;
                        prop_assert!(same, "{value} for {want}");
                    }
                }
                if level.isa() != Isa::Portable || FUSED {
                    let nan = f32::NAN.to_bits();
                    let bits = |v: &f32| if v.is_nan() { nan } else { v.to_bits() };
                    let bits: Vec<Vec<u32>> = got.iter().map(|lane| lane.iter().map(bits).collect()).collect();
                    prop_assert_eq!(&*fused.get_or_insert_with(|| bits.clone()), &bits);
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "left operand too short")]
    fn a_short_left_operand_is_refused() {
        let left = Left { data: &[0.0; 7], row: 4, inner: 1, segment: 0 };
        product(Level::best(), left, Right::whole(&[[0.0; LANES]; 4]), &mut [[0.0; LANES]; 2]);
    }

    #[test]
    #[should_panic(expected = "right operand too short")]
    fn a_short_right_operand_is_refused() {
        let left = Left { data: &[0.0; 8], row: 4, inner: 1, segment: 0 };
        let right = Right { lanes: &[[0.0; LANES]; 4], inner: 4, segments: 2, segment: 4 };
        product(Level::best(), left, right, &mut [[0.0; LANES]; 2]);
    }
}
