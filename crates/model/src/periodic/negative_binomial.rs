//! The tail of the negative binomial distribution, by the incomplete beta function.

/// ln P(X >= x) of a count X with this mean, and variance mean + mean² / size.
///
/// P(X >= x) is the regularised incomplete beta function I_q(x, size) with q = mean / (mean + size)
/// (NIST Digital Library of Mathematical Functions, 8.17.24).
pub fn ln_upper_tail(x: u64, mean: f64, size: f64) -> f64 {
    if x == 0 {
        return 0.0;
    }
    if !(mean > 0.0 && size > 0.0) {
        return f64::NEG_INFINITY;
    }
    ln_incomplete_beta(x as f64, size, mean / (mean + size), size / (mean + size))
}

/// ln I_q(a, b), with p = 1 - q given too, since q may be all but 1.
fn ln_incomplete_beta(a: f64, b: f64, q: f64, p: f64) -> f64 {
    let ln_front =
        libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * q.ln() + b * p.ln();
    // The fraction converges fast on this side of the mean, and I_q(a, b) = 1 - I_p(b, a).
    if q < (a + 1.0) / (a + b + 2.0) {
        ln_front - a.ln() + fraction(a, b, q).ln()
    } else {
        let other = (ln_front - b.ln() + fraction(b, a, p).ln()).exp();
        (-other.min(1.0)).ln_1p()
    }
}

/// The continued fraction of DLMF 8.17.22, by Lentz's method.
fn fraction(a: f64, b: f64, q: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * q / (a + 1.0));
    let mut value = d;
    for m in 1..100_000 {
        let m = f64::from(m);
        let even = m * (b - m) * q / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away_from_zero(1.0 + even * d);
        c = away_from_zero(1.0 + even / c);
        value *= d * c;
        let odd = -(a + m) * (a + b + m) * q / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away_from_zero(1.0 + odd * d);
        c = away_from_zero(1.0 + odd / c);
        value *= d * c;
        if (d * c - 1.0).abs() < 1e-14 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tail added up term by term.
    fn plainly(x: u64, mean: f64, size: f64) -> f64 {
        let q = mean / (mean + size);
        let term = |k: u64| {
            let k = k as f64;
            let ln = libm::lgamma(k + size) - libm::lgamma(size) - libm::lgamma(k + 1.0);
            (ln + size * (1.0 - q).ln() + k * q.ln()).exp()
        };
        (x..x + 60_000).map(term).sum()
    }

    #[test]
    fn the_tail_is_the_sum_of_its_terms() {
        for mean in [0.01, 0.7, 5.0, 60.0] {
            for size in [0.05, 1.0, 8.0, 300.0] {
                for x in [0, 1, 2, 5, 20, 90] {
                    let (made, sum) = (ln_upper_tail(x, mean, size).exp(), plainly(x, mean, size));
                    let close = (made - sum).abs() <= 1e-9 * sum.max(1e-300) + 1e-12;
                    assert!(close || sum > 1.0 - 1e-6, "{x} {mean} {size}: {made} {sum}");
                }
            }
        }
    }

    #[test]
    fn what_is_too_small_for_a_number_still_has_its_logarithm() {
        let ln = ln_upper_tail(100_000, 0.01, 0.5);
        assert!(ln.is_finite() && ln < -300_000.0, "{ln}");
        assert_eq!(ln_upper_tail(0, 3.0, 1.0), 0.0);
    }
}
