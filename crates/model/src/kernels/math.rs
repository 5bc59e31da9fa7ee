//! Functions of one float32 that a compiler can turn into vector code: no branch, no call.
//!
//! Coefficients: Cephes (Moshier), `expf.c`, `logf.c` and `tanhf.c`; relative error below 2e-7, checked
//! against double precision in the tests.

/// Adding and subtracting this rounds a float32 below 2^22 in size to the nearest integer.
const ROUNDER: f32 = 12_582_912.0;

/// exp(x) as (tail, power), for x within ±104: exp(x) = (1 + tail) · 2^power.
#[inline(always)]
fn exp_parts(x: f32) -> (f32, i32) {
    let rounded = x * std::f32::consts::LOG2_E + ROUNDER;
    let power = rounded.to_bits().wrapping_sub(ROUNDER.to_bits()) as i32;
    let n = rounded - ROUNDER;
    // ln 2 in two parts, so that the product with n is exact in the first.
    let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_199_9e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_5e-1;
    p = p * r + 0.5;
    (p * (r * r) + r, power)
}

/// 2^power for a power that a float32 holds, else garbage.
#[inline(always)]
fn power_of_two(power: i32) -> f32 {
    f32::from_bits((power.wrapping_add(127) as u32) << 23)
}

/// e^x: infinity above about 88.7, 0 below about -104, NaN for NaN.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Beyond these limits the result is 0 or infinity anyway; a NaN passes the clamp.
    let (tail, power) = exp_parts(x.clamp(-104.0, 104.0));
    // Two factors, because 2^128 and 2^-149 are not float32 normal numbers of their own.
    let half = power >> 1;
    (1.0 + tail) * power_of_two(half) * power_of_two(power - half)
}

/// e^x for x <= 0, but e^-87 below -87, still a normal number: so one factor does. NaN for NaN.
#[inline(always)]
pub(crate) fn exp_of_at_most_0(x: f32) -> f32 {
    // A comparison instead of `max`, which would turn NaN into the limit.
    let (tail, power) = exp_parts(if x < -87.0 { -87.0 } else { x });
    (1.0 + tail) * power_of_two(power)
}

/// e^x - 1 for x <= 0, without cancellation near 0.
#[inline(always)]
pub(crate) fn exp_minus_one(x: f32) -> f32 {
    let (tail, power) = exp_parts(if x < -87.0 { -87.0 } else { x });
    if power == 0 { tail } else { (1.0 + tail) * power_of_two(power) - 1.0 }
}

/// 1 / (1 + e^-x): exactly 1 above about 16.6, 0 where e^-x overflows, as PyTorch's.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Hyperbolic tangent.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let magnitude = x.abs();
    let z = x * x;
    let mut p = -5.704_988_7e-3;
    p = p * z + 2.063_908_8e-2;
    p = p * z - 5.373_971_5e-2;
    p = p * z + 1.333_144_2e-1;
    p = p * z - 3.333_328e-1;
    let small = p * z * x + x;
    let large = (1.0 - 2.0 / (exp(2.0 * magnitude) + 1.0)).copysign(x);
    if magnitude < 0.625 { small } else { large }
}

/// Natural logarithm of a normal number above 0; infinity and NaN stay.
#[inline(always)]
pub(crate) fn ln(x: f32) -> f32 {
    /// √½: the mantissa is taken from here to √2.
    const ROOT_HALF: u32 = 0x3f35_04f3;
    let bits = x.to_bits();
    let power = (bits.wrapping_sub(ROOT_HALF) as i32) >> 23;
    let f = f32::from_bits(bits.wrapping_sub((power << 23) as u32)) - 1.0;
    let z = f * f;
    let mut p = 7.037_683_6e-2;
    p = p * f - 1.151_461e-1;
    p = p * f + 1.167_699_9e-1;
    p = p * f - 1.242_014_1e-1;
    p = p * f + 1.424_932_3e-1;
    p = p * f - 1.666_805_8e-1;
    p = p * f + 2.000_071_5e-1;
    p = p * f - 2.499_999_4e-1;
    p = p * f + 3.333_333e-1;
    let n = power as f32;
    // ln 2 in two parts, as in `exp_parts`.
    let y = p * f * z - n * 2.121_944_4e-4 - 0.5 * z;
    let result = f + y + n * 0.693_359_4;
    if x < f32::INFINITY { result } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn relative(got: f32, want: f64) -> f64 {
        if f64::from(got) == want { 0.0 } else { (f64::from(got) - want).abs() / want.abs() }
    }

    #[test]
    fn special_values() {
        assert_eq!(exp(f32::INFINITY), f32::INFINITY);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert!(exp(f32::NAN).is_nan() && tanh(f32::NAN).is_nan() && sigmoid(f32::NAN).is_nan());
        assert!(exp_minus_one(f32::NAN).is_nan() && exp_of_at_most_0(f32::NAN).is_nan());
        assert_eq!((exp_of_at_most_0(0.0), exp_minus_one(f32::NEG_INFINITY)), (1.0, -1.0));
        assert!((1e-38..2e-38).contains(&exp_of_at_most_0(f32::NEG_INFINITY)));
        assert_eq!((tanh(f32::INFINITY), tanh(f32::NEG_INFINITY)), (1.0, -1.0));
        assert_eq!((sigmoid(20.0), sigmoid(-90.0)), (1.0, 0.0));
        assert_eq!((exp(0.0), tanh(0.0), exp_minus_one(0.0)), (1.0, 0.0, 0.0));
        assert_eq!((ln(1.0), ln(f32::INFINITY)), (0.0, f32::INFINITY));
        assert!(ln(f32::NAN).is_nan());
    }

    proptest! {
        #[test]
        fn exp_is_accurate(x in -87.0_f32..88.7) {
            prop_assert!(relative(exp(x), f64::from(x).exp()) < 2e-7);
        }

        #[test]
        fn exp_of_at_most_0_is_accurate(x in -87.0_f32..=0.0) {
            prop_assert!(relative(exp_of_at_most_0(x), f64::from(x).exp()) < 2e-7);
        }

        #[test]
        fn exp_minus_one_is_accurate(x in -20.0_f32..0.0) {
            prop_assert!(relative(exp_minus_one(x), f64::from(x).exp_m1()) < 3e-7);
        }

        #[test]
        fn tanh_and_sigmoid_are_accurate(x in -12.0_f32..12.0) {
            prop_assert!(relative(tanh(x), f64::from(x).tanh()) < 3e-7);
            prop_assert!(relative(sigmoid(x), 1.0 / (1.0 + (-f64::from(x)).exp())) < 3e-7);
        }

        #[test]
        fn ln_is_accurate(x in prop_oneof![0.5_f32..2.0, 1.0_f32..1e9, 1e-30_f32..1.0]) {
            let exact = f64::from(x).ln();
            prop_assert!((f64::from(ln(x)) - exact).abs() < 1.5e-7 * exact.abs().max(0.1));
        }
    }
}
