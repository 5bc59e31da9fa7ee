//! The standard normal distribution, on the part of it that scaled values use.

#![expect(clippy::excessive_precision, reason = "the digits are those of the published algorithm")]

/// Φ⁻¹(1e-7 − 2.2e-16), the score of the smallest value.
pub(crate) const LOWEST: f64 = -5.199337582605575;
/// Φ⁻¹(1 − (1e-7 − 2.2e-16)), the score of the largest value.
pub(crate) const HIGHEST: f64 = 5.19933758270342;

/// Shares nearer to 0 or 1 than this count as this.
pub(crate) const TAIL: f64 = 1e-7 - f64::EPSILON;

/// Φ(z), the share of a standard normal distribution below `z`.
pub(super) fn share_below(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// Φ⁻¹(share) within [`LOWEST`], [`HIGHEST`].
///
/// Algorithm AS 241, PPND16 (Wichura 1988, Applied Statistics 37, 477-484), relative error about
/// 1e-16. Its third branch, for shares below 1.4e-11, lies beyond the limits and is left out.
pub(super) fn score_of_share(share: f64) -> f64 {
    if share <= TAIL {
        return LOWEST;
    }
    if share >= 1.0 - TAIL {
        return HIGHEST;
    }
    let q = share - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180625 - q * q;
        return q * polynomial(r, &CENTRE_UP) / polynomial(r, &CENTRE_DOWN);
    }
    let r = libm::log(share.min(1.0 - share)).abs().sqrt() - 1.6;
    let z = polynomial(r, &SIDE_UP) / polynomial(r, &SIDE_DOWN);
    z.copysign(q).clamp(LOWEST, HIGHEST)
}

/// Horner's scheme, the coefficient of the highest power first.
fn polynomial(x: f64, coefficients: &[f64; 8]) -> f64 {
    coefficients.iter().fold(0.0, |sum, c| sum * x + c)
}

/// Numerator for shares within 0.425 of one half, in 0.180625 - (share - 0.5)².
pub(crate) const CENTRE_UP: [f64; 8] = [
    2.5090809287301226727e3,
    3.3430575583588128105e4,
    6.7265770927008700853e4,
    4.5921953931549871457e4,
    1.3731693765509461125e4,
    1.9715909503065514427e3,
    1.3314166789178437745e2,
    3.3871328727963666080e0,
];
/// Denominator to [`CENTRE_UP`].
pub(crate) const CENTRE_DOWN: [f64; 8] = [
    5.2264952788528545610e3,
    2.8729085735721942674e4,
    3.9307895800092710610e4,
    2.1213794301586595867e4,
    5.3941960214247511077e3,
    6.8718700749205790830e2,
    4.2313330701600911252e1,
    1.0,
];
/// Numerator for all other shares, in √|ln(the smaller of share and 1 - share)| - 1.6.
pub(crate) const SIDE_UP: [f64; 8] = [
    7.74545014278341407640e-4,
    2.27238449892691845833e-2,
    2.41780725177450611770e-1,
    1.27045825245236838258e0,
    3.64784832476320460504e0,
    5.76949722146069140550e0,
    4.63033784615654529590e0,
    1.42343711074968357734e0,
];
/// Denominator to [`SIDE_UP`].
pub(crate) const SIDE_DOWN: [f64; 8] = [
    1.05075007164441684324e-9,
    5.47593808499534494600e-4,
    1.51986665636164571966e-2,
    1.48103976427480074590e-1,
    6.89767334985100004550e-1,
    1.67638483018380384940e0,
    2.05319162663775882187e0,
    1.0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_score_undoes_the_share() {
        for step in -5190..=5190 {
            let z = f64::from(step) / 1000.0;
            let share = share_below(z);
            // One unit in the last place of the share moves the score by this much.
            let slope = libm::exp(-z * z / 2.0) * 0.3989422804014327;
            let tolerance = 1e-14 + 2.0 * f64::EPSILON * share / slope;
            assert!((score_of_share(share) - z).abs() < tolerance, "{z}");
        }
    }

    #[test]
    fn the_score_ends_at_the_limits() {
        for (share, score) in [(0.0, LOWEST), (1.0, HIGHEST), (0.5, 0.0), (-1.0, LOWEST)] {
            assert_eq!(score_of_share(share), score);
        }
    }
}
