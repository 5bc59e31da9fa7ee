//! Matrix products with a panel's lanes: `into[m]` = Σ left(m, k) · right[k], for 32 rows at once.
//!
//! A block of outputs stays in registers while k runs, and every value is the sum of its terms in
//! the order of k, with fused multiply-add where the CPU has it. So a row's bits depend neither on
//! its place, nor on the rows beside it, nor on how work is shared out; and all CPUs with fused
//! multiply-add give the same bits, however wide their registers. The left operand is read where it
//! is, row by row: nothing is packed.
//!
//! A long sum is made in stretches of k. What a stretch reads of the right operand stays in the first
//! cache while one block of outputs after the other is multiplied with it, and what it reads of the
//! left operand comes once for each two registers' width of rows.

use super::dispatch::{Isa, Level};
use super::lanes::{LANES, Lane};
use super::register::{Plain, Register};
use std::ops::Range;

/// Steps of k between two computations of addresses, which would take the products' ports.
const UNROLL: usize = 4;
/// Terms of a stretch: of the right operand 8 KB by two AVX2 registers' width, 16 KB by AVX-512's; and
/// as many of the left operand's as are read beside it fit into a first cache of 32 KB too.
pub(crate) const STRETCH: usize = 128;

/// The left operand: `(segment, m, k)` is at `segment * self.segment + m * self.row + k`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) row: usize,
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

/// Where the product goes: the 32 values of output m are at `m * self.row`, m below `outputs`.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) data: &'a mut [f32],
    pub(crate) row: usize,
    pub(crate) outputs: usize,
    /// Whether the sums go on from the values that are there: the terms of further k.
    pub(crate) goes_on: bool,
}

impl<'a> Right<'a> {
    /// All lanes as one segment.
    pub(crate) fn whole(lanes: &'a [Lane]) -> Self {
        Self { lanes, inner: lanes.len(), segments: 1, segment: 0 }
    }
}

impl<'a> From<&'a mut [Lane]> for Target<'a> {
    fn from(lanes: &'a mut [Lane]) -> Self {
        let outputs = lanes.len();
        Self { data: lanes.as_flattened_mut(), row: LANES, outputs, goes_on: false }
    }
}

/// `into[m]` = Σ over segments and k of left(segment, m, k) · right(segment, k), or `into[m]` += that sum
/// if the target goes on.
///
/// # Panics
/// If an operand is shorter than its strides say.
pub(crate) fn product(level: Level, left: Left<'_>, right: Right<'_>, into: Target<'_>) {
    let last = |steps: [(usize, usize); 3]| {
        steps.into_iter().try_fold(0, |sum: usize, (count, stride)| {
            sum.checked_add((count - 1).checked_mul(stride)?)
        })
    };
    let (outputs, Right { inner, segments, .. }) = (into.outputs, right);
    if outputs == 0 {
        return;
    }
    let last_into = last([(outputs, into.row), (LANES, 1), (1, 0)]);
    assert!(last_into.is_some_and(|last| last < into.data.len()), "no room for the product");
    if segments == 0 || inner == 0 {
        if !into.goes_on {
            for m in 0..outputs {
                into.data[m * into.row..][..LANES].fill(0.0);
            }
        }
        return;
    }
    let last_left = last([(segments, left.segment), (outputs, left.row), (inner, 1)]);
    let last_right = last([(segments, right.segment), (inner, 1), (1, 0)]);
    assert!(last_left.is_some_and(|last| last < left.data.len()), "left operand too short");
    assert!(last_right.is_some_and(|last| last < right.lanes.len()), "right operand too short");
    // SAFETY: the elements of largest index of all three exist, so all do. A `Level` of a kind is
    // made only where the CPU has its features.
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

/// # Safety
/// As [`blocks`].
unsafe fn portable(left: Left<'_>, right: Right<'_>, into: Target<'_>) {
    // Registers of four values: 32 of them on Arm, 16 on x86-64.
    const OUTPUTS: usize = if cfg!(target_arch = "aarch64") { 12 } else { 6 };
    // SAFETY: the caller's promise.
    unsafe { blocks::<Plain, OUTPUTS>(left, right, into) }
}

/// # Safety
/// As [`blocks`], and the CPU has these features.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2(left: Left<'_>, right: Right<'_>, into: Target<'_>) {
    // SAFETY: the caller's promise.
    unsafe { blocks::<std::arch::x86_64::__m256, 6>(left, right, into) }
}

/// # Safety
/// As [`blocks`], and the CPU has these features.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn avx512(left: Left<'_>, right: Right<'_>, into: Target<'_>) {
    // SAFETY: the caller's promise.
    unsafe { blocks::<std::arch::x86_64::__m512, 12>(left, right, into) }
}

/// Stretch by stretch, blocks of at most M outputs by two registers: their sums fill three quarters of
/// the registers.
///
/// # Safety
/// Every element that the strides name lies inside its operand, and the CPU has such registers.
#[inline(always)]
unsafe fn blocks<V: Register, const M: usize>(left: Left<'_>, right: Right<'_>, into: Target<'_>) {
    let Right { inner, segments, .. } = right;
    // Several short segments, or a part of a long one.
    let several = (STRETCH / inner).max(1);
    for first in (0..segments).step_by(several) {
        for start in (0..inner).step_by(STRETCH) {
            let goes_on = into.goes_on || first > 0 || start > 0;
            let (segments, steps) =
                (first..segments.min(first + several), start..inner.min(start + STRETCH));
            let stretch = Stretch { left, right, segments, steps, row: into.row, goes_on };
            for place in (0..LANES).step_by(2 * V::LEN) {
                for output in (0..into.outputs).step_by(M) {
                    let data = &mut into.data[output * into.row + place..];
                    macro_rules! of_height {
                        ($($m:literal)*) => {
                            match M.min(into.outputs - output) {
                                // SAFETY: the tile's outputs are some of the caller's.
                                $($m if $m <= M => unsafe {
                                    stretch.put::<V, $m>((output, place), data);
                                },)*
                                _ => {}
                            }
                        };
                    }
                    of_height!(1 2 3 4 5 6 7 8 9 10 11 12);
                }
            }
        }
    }
}

/// Some terms of the outputs' sums.
struct Stretch<'a> {
    left: Left<'a>,
    right: Right<'a>,
    segments: Range<usize>,
    steps: Range<usize>,
    /// Between two outputs.
    row: usize,
    goes_on: bool,
}

impl Stretch<'_> {
    /// Writes the sums of M outputs at two registers' places or, if they go on, adds to them.
    ///
    /// # Safety
    /// As [`blocks`].
    #[inline(always)]
    unsafe fn put<V: Register, const M: usize>(
        &self,
        (output, place): (usize, usize),
        into: &mut [f32],
    ) {
        let Self { left, right, .. } = *self;
        // SAFETY: the caller's promise, for all reads and writes here: every address is that of an
        // element of an operand, or of LEN of them. That additions of addresses wrap where nothing is
        // read any more is the reason for the methods' names.
        unsafe {
            let into = into.as_mut_ptr();
            let at = |m: usize, half: usize| into.add(m * self.row + half * V::LEN);
            let mut sums = [[V::all(0.0); 2]; M];
            if self.goes_on {
                for (m, sums) in sums.iter_mut().enumerate() {
                    *sums = [V::load(at(m, 0)), V::load(at(m, 1))];
                }
            }
            for segment in self.segments.clone() {
                let lanes = &right.lanes[segment * right.segment..][self.steps.clone()];
                let factors = segment * left.segment + output * left.row + self.steps.start;
                let mut factors = left.data[factors..].as_ptr();
                macro_rules! steps {
                    ($lanes:ident, $($k:literal)*) => {
                        $(
                            let lane = $lanes[$k].as_ptr().add(place);
                            let values = [V::load(lane), V::load(lane.add(V::LEN))];
                            for (m, sums) in sums.iter_mut().enumerate() {
                                let factor = V::all(*factors.add(m * left.row + $k));
                                sums[0] = factor.times_plus(values[0], sums[0]);
                                sums[1] = factor.times_plus(values[1], sums[1]);
                            }
                        )*
                        factors = factors.wrapping_add($lanes.len());
                    };
                }
                let (unrolled, rest) = lanes.as_chunks::<UNROLL>();
                for lanes in unrolled {
                    steps!(lanes, 0 1 2 3);
                }
                for lanes in rest.chunks_exact(1) {
                    steps!(lanes, 0);
                }
            }
            for (m, [low, high]) in sums.into_iter().enumerate() {
                low.store(at(m, 0));
                high.store(at(m, 1));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::register::FUSED;
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
            outputs in 0_usize..30, inner in prop_oneof![3 => 0_usize..40, 1 => 100_usize..300],
            segments in 0_usize..6, apart in 1_usize..3, goes_on in any::<bool>(),
            special in prop::option::of(prop::sample::select(vec![f32::NAN, f32::INFINITY])),
        ) {
            let row = inner + 3;
            let segment = (outputs + 3) * (inner + 3);
            let mut data = numbers(segment * segments + 1, 1);
            if let Some(value) = special {
                data[0] = value;
            }
            let left = Left { data: &data, row, segment };
            let flat = numbers(segments * (inner + 2) * LANES, 2);
            let lanes = flat.as_chunks::<LANES>().0;
            let right = Right { lanes, inner, segments, segment: inner + 2 };
            let mut fused: Option<Vec<Vec<u32>>> = None;
            for level in Level::available() {
                // The outputs apart from one another, or not.
                let before = if goes_on { 0.5 } else { f32::NAN };
                let mut wide = vec![[before; LANES]; outputs * apart];
                let row = apart * LANES;
                let target = Target { data: wide.as_flattened_mut(), row, outputs, goes_on };
                product(level, left, right, target);
                let got: Vec<Lane> = wide.iter().step_by(apart).copied().collect();
                for (m, lane) in got.iter().enumerate() {
                    for (i, value) in lane.iter().enumerate() {
                        let want: f64 = (0..segments).flat_map(|s| (0..inner).map(move |k| (s, k)))
                            .map(|(s, k)| f64::from(data[s * segment + m * left.row + k])
                                * f64::from(lanes[s * (inner + 2) + k][i]))
                            .sum::<f64>() + if goes_on { f64::from(before) } else { 0.0 };
                        let same = (f64::from(*value) - want).abs() < 1e-3
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

    proptest! {
        #[test]
        fn a_sum_has_the_bits_of_its_terms_in_order_however_it_is_parted(
            outputs in 1_usize..20, inner in 1_usize..400, cut in any::<prop::sample::Index>(),
        ) {
            let cut = cut.index(inner + 1);
            let (data, flat) = (numbers(outputs * inner, 1), numbers(inner * LANES, 2));
            let lanes = flat.as_chunks::<LANES>().0;
            for level in Level::available() {
                let mut sums = vec![[f32::NAN; LANES]; outputs];
                for (steps, goes_on) in [(0..cut, false), (cut..inner, true)] {
                    let left = Left { data: &data[steps.start..], row: inner, segment: 0 };
                    let target = Target { goes_on, ..Target::from(&mut sums[..]) };
                    product(level, left, Right::whole(&lanes[steps]), target);
                }
                let fused = level.isa() != Isa::Portable || FUSED;
                for (factors, lane) in data.chunks_exact(inner).zip(&sums) {
                    for (i, value) in lane.iter().enumerate() {
                        let want = factors.iter().zip(lanes).fold(0.0_f32, |sum, (factor, lane)| {
                            if fused { factor.mul_add(lane[i], sum) } else { factor * lane[i] + sum }
                        });
                        prop_assert_eq!(value.to_bits(), want.to_bits());
                    }
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "left operand too short")]
    fn a_short_left_operand_is_refused() {
        let left = Left { data: &[0.0; 7], row: 4, segment: 0 };
        product(
            Level::best(),
            left,
            Right::whole(&[[0.0; LANES]; 4]),
            Target::from(&mut [[0.0; LANES]; 2][..]),
        );
    }

    #[test]
    #[should_panic(expected = "right operand too short")]
    fn a_short_right_operand_is_refused() {
        let left = Left { data: &[0.0; 8], row: 4, segment: 0 };
        let right = Right { lanes: &[[0.0; LANES]; 4], inner: 4, segments: 2, segment: 4 };
        product(Level::best(), left, right, Target::from(&mut [[0.0; LANES]; 2][..]));
    }

    #[test]
    #[should_panic(expected = "no room for the product")]
    fn a_short_target_is_refused() {
        let left = Left { data: &[0.0; 8], row: 4, segment: 0 };
        let data = &mut [0.0; 2 * LANES];
        let target = Target { data, row: LANES + 1, outputs: 2, goes_on: false };
        product(Level::best(), left, Right::whole(&[[0.0; LANES]; 4]), target);
    }
}
