//! From the scores of different scorers to one scale: how rare is a score as high as this?
//!
//! A reference sample r_1..r_n holds the scores of rows that the scorer had not learnt. With
//! k = max(5, n / 10), u the (n - k)-th of the ascending sample and b the mean of r - u over r > u,
//!
//! ```text
//! s(x) = -ln((#{r >= x} + 1) / (n + 1))      for x <= u
//!      = -ln((k + 1) / (n + 1)) + (x - u) / b  else
//! ```
//!
//! so that exp(-s) is a probability that is never 0: the sample's own up to its highest tenth, an
//! exponential tail above, where a sample says little and everything would tie. (The rank estimate is
//! that of Davison and Hinkley 1997; excesses over a high threshold: Pickands 1975.)

/// At least so many scores make the tail.
const LEAST_TAIL: usize = 5;
/// Nobody needs to know more: exp(-s) is far below the smallest number by then.
const MOST_SURPRISE: f64 = 1e6;

/// A sample of scores to compare others with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reference {
    /// Ascending and finite.
    sorted: Vec<f32>,
    tail: Option<Tail>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Tail {
    /// u.
    start: f32,
    /// s at u, from above.
    surprise: f64,
    /// b.
    excess: f64,
}

impl Reference {
    /// A reference of these scores, which are finite.
    pub(crate) fn new(mut scores: Vec<f32>) -> Self {
        scores.sort_unstable_by(f32::total_cmp);
        let tail = Tail::of(&scores);
        Self { sorted: scores, tail }
    }

    /// As [`Reference::new`] of scores that were sorted before; `None` if they are not.
    pub(crate) fn restore(sorted: &[f32]) -> Option<Self> {
        let usable = sorted.is_sorted() && sorted.iter().all(|score| score.is_finite());
        usable.then(|| Self { sorted: sorted.to_vec(), tail: Tail::of(sorted) })
    }

    pub(crate) fn scores(&self) -> &[f32] {
        &self.sorted
    }

    /// s(x): -ln of the share of scores that are as high.
    pub(crate) fn surprise(&self, score: f32) -> f64 {
        match self.tail {
            Some(tail) if score > tail.start => {
                let over = (f64::from(score) - f64::from(tail.start)) / tail.excess;
                (tail.surprise + over).min(MOST_SURPRISE)
            }
            _ => {
                let below = self.sorted.partition_point(|&r| r < score);
                share(self.sorted.len() - below, self.sorted.len())
            }
        }
    }
}

impl Tail {
    fn of(sorted: &[f32]) -> Option<Self> {
        let rows = sorted.len();
        let count = LEAST_TAIL.max(rows / 10);
        let start = *sorted.get(rows.checked_sub(count + 1)?)?;
        let above = sorted.iter().filter(|&&r| r > start);
        let (sum, many) = above.fold((0.0, 0_u32), |(sum, many), &r| {
            (sum + (f64::from(r) - f64::from(start)), many + 1)
        });
        // Without a spread above u the scores' own unit stands in: nats.
        let excess = if many == 0 { 1.0 } else { sum / f64::from(many) };
        Some(Self { start, surprise: share(count, rows), excess })
    }
}

fn share(as_high: usize, rows: usize) -> f64 {
    -libm::log((as_high as f64 + 1.0) / (rows as f64 + 1.0))
}

/// exp(-surprise), above 0.
pub(crate) fn probability(surprise: f64) -> f64 {
    libm::exp(-surprise).max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a} is not {b}");
    }

    #[test]
    fn ranks_up_to_the_tail_and_an_exponential_above() {
        // n = 20, k = 5, u = the 15th; the mean excess of 16..20 over it is 3.
        let reference = Reference::new((1..=20_u8).rev().map(f32::from).collect());
        near(reference.surprise(0.5), 0.0);
        near(reference.surprise(10.0), -(12.0_f64 / 21.0).ln());
        near(reference.surprise(15.0), -(7.0_f64 / 21.0).ln());
        near(reference.surprise(18.0), -(6.0_f64 / 21.0).ln() + 1.0);
        near(reference.surprise(45.0), -(6.0_f64 / 21.0).ln() + 10.0);
    }

    #[test]
    fn a_tenth_makes_the_tail_of_large_samples() {
        let reference = Reference::new((1..=100_u8).map(f32::from).collect());
        // k = 10, u = 90, b = 5.5.
        near(reference.surprise(95.5), -(11.0_f64 / 101.0).ln() + 1.0);
    }

    #[test]
    fn few_or_equal_scores_have_a_probability_too() {
        for n in 0..=5 {
            let few = Reference::new(vec![2.0; n]);
            near(few.surprise(9.0), -(1.0 / (n as f64 + 1.0)).ln());
        }
        let equal = Reference::new(vec![2.0; 50]);
        near(equal.surprise(2.0), 0.0);
        near(equal.surprise(3.5), -(6.0_f64 / 51.0).ln() + 1.5);
        assert!(probability(equal.surprise(f32::MAX)) > 0.0);
    }

    proptest! {
        #[test]
        fn higher_scores_are_never_more_probable(
            sample in prop::collection::vec(0.0..9.0_f32, 0..80),
            mut probes in prop::collection::vec(0.0..20.0_f32, 2..40),
        ) {
            let reference = Reference::new(sample);
            probes.sort_unstable_by(f32::total_cmp);
            let surprises: Vec<f64> = probes.iter().map(|x| reference.surprise(*x)).collect();
            prop_assert!(surprises.is_sorted());
            prop_assert!(surprises.iter().all(|s| (0.0..=1.0).contains(&probability(*s))));
            prop_assert_eq!(Reference::restore(reference.scores()), Some(reference));
        }
    }
}
