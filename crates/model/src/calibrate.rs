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
//!
//! Rows of a log come in bursts of like rows, so that n of them say less than n independent ones, and a
//! probability that ignores it promises too much. A reference of rows in their order
//! ([`Reference::of_series`]) estimates the extremal index t, the number of clusters among the rows above u
//! for each of them, counts tn independent scores where there are n, and replaces the
//! exponential tail by its predictive distribution, in which b is known from tk excesses only:
//!
//! ```text
//! s(x) = -ln((t #{r >= x} + 1) / (tn + 1))                          for x <= u
//!      = -ln((tk + 1) / (tn + 1)) + tk ln(1 + (x - u) / (tkb))     else
//! ```
//!
//! Where the times of rows are known, a cluster is a day (UTC) with rows above u: a new address or client is used
//! for the rest of the day. (With hours, users of a thousand rows had a sixth more low p-values than with days:
//! `bench/validity.py`.) Where they are not, t is the intervals estimator of Ferro and Segers (2003).

use crate::memory_size::Heap;
use crate::times::UNKNOWN_TIME;
use std::collections::HashSet;

/// At least so many scores make the tail.
const LEAST_TAIL: usize = 5;
/// Microseconds.
const DAY: i64 = 86_400_000_000;
/// From here on a surprise grows with the logarithm, so that sums of surprises keep the order of the largest.
const MUCH_SURPRISE: f64 = 1e6;
/// exp(-s) is below the smallest normal number a little further on.
const LEAST_LOG: f64 = 700.0;

/// A sample of scores to compare others with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reference {
    /// Ascending and finite.
    sorted: Vec<f32>,
    tail: Option<Tail>,
    /// t, of scores of rows in their order.
    index: Option<f64>,
    /// Whether the sample is too small for a tail and has one: see [`Reference::with_a_tail`].
    open: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Tail {
    /// u.
    start: f32,
    /// s at u, from above.
    surprise: f64,
    /// b.
    excess: f64,
    /// How many excesses b is known from; infinite for the plain exponential.
    known: f64,
}

impl Heap for Reference {
    fn heap(&self) -> usize {
        self.sorted.heap()
    }
}

impl Reference {
    /// A reference of these scores, which are finite.
    pub(crate) fn new(mut scores: Vec<f32>) -> Self {
        scores.sort_unstable_by(f32::total_cmp);
        let tail = Tail::of(&scores, None);
        Self { sorted: scores, tail, index: None, open: false }
    }

    /// The same sample, with a tail above its largest score even if it is too small to know one: the
    /// predictive distribution of one excess of 1 nat. Old models do not have it.
    pub(crate) fn with_a_tail(self) -> Self {
        match self.tail {
            Some(_) => self,
            None => Self { tail: Tail::of_few(&self.sorted), open: true, ..self },
        }
    }

    /// Whether it is one [`with_a_tail`](Self::with_a_tail).
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// A reference of these scores, which are finite, of rows in the order in which they came, with their
    /// times (microseconds since 1970) if these are known.
    pub(crate) fn of_series(scores: Vec<f32>, times: &[i64]) -> Self {
        let plain = Self::new(scores.clone());
        let index = plain.tail.map_or(1.0, |tail| extremal_index(&scores, times, tail.start));
        let tail = Tail::of(&plain.sorted, Some(index));
        Self { tail, index: Some(index), ..plain }
    }

    /// As [`Reference::new`] of scores that were sorted before, or, with an extremal index, as
    /// [`Reference::of_series`]; `None` if they cannot be.
    pub(crate) fn restore(sorted: &[f32], index: Option<f64>) -> Option<Self> {
        let usable = sorted.is_sorted()
            && sorted.iter().all(|score| score.is_finite())
            && index.is_none_or(|index| index > 0.0 && index <= 1.0);
        let tail = || Tail::of(sorted, index);
        usable.then(|| Self { sorted: sorted.to_vec(), tail: tail(), index, open: false })
    }

    /// The extremal index, if the sample is one of rows in their order.
    pub(crate) fn index(&self) -> Option<f64> {
        self.index
    }

    pub(crate) fn scores(&self) -> &[f32] {
        &self.sorted
    }

    /// For each of `scores`, which are those of a plain sample: s by all the others, as a score has it
    /// that is new.
    pub(crate) fn each_left_out(scores: &[f32]) -> Vec<f64> {
        let mut sorted = scores.to_vec();
        sorted.sort_unstable_by(f32::total_cmp);
        // Sums from a place to the end.
        let mut sums = vec![0.0; sorted.len() + 1];
        for (at, score) in sorted.iter().enumerate().rev() {
            sums[at] = sums[at + 1] + f64::from(*score);
        }
        scores.iter().map(|score| left_out(*score, &sorted, &sums)).collect()
    }

    /// s(x): -ln of the share of scores that are as high.
    pub(crate) fn surprise(&self, score: f32) -> f64 {
        match self.tail {
            Some(tail) if score > tail.start => {
                let over = (f64::from(score) - f64::from(tail.start)) / tail.excess;
                let over = match tail.known.is_finite() {
                    true => tail.known * libm::log1p(over / tail.known),
                    false => over,
                };
                damped(tail.surprise + over)
            }
            _ => {
                let below = self.sorted.partition_point(|&r| r < score);
                share(self.sorted.len() - below, self.sorted.len(), self.index)
            }
        }
    }
}

/// s of one of the `sorted` scores by the others; `sums` are the sums from each place to the end.
fn left_out(score: f32, sorted: &[f32], sums: &[f64]) -> f64 {
    let others = sorted.len() - 1;
    let first = sorted.partition_point(|&r| r < score);
    let by_rank = || share(sorted.len() - first - 1, others, None);
    let count = LEAST_TAIL.max(others / 10);
    let Some(at) = others.checked_sub(count + 1) else { return by_rank() };
    let start = sorted[if at < first { at } else { at + 1 }];
    if score <= start {
        return by_rank();
    }
    let above = sorted.partition_point(|&r| r <= start);
    let many = (sorted.len() - above - 1) as f64;
    let sum = sums[above] - f64::from(score) - many * f64::from(start);
    let excess = if many == 0.0 { 1.0 } else { sum / many };
    share(count, others, None) + (f64::from(score) - f64::from(start)) / excess
}

impl Tail {
    fn of(sorted: &[f32], index: Option<f64>) -> Option<Self> {
        let rows = sorted.len();
        let count = LEAST_TAIL.max(rows / 10);
        let start = *sorted.get(rows.checked_sub(count + 1)?)?;
        let above = sorted.iter().filter(|&&r| r > start);
        let (sum, many) = above.fold((0.0, 0_u32), |(sum, many), &r| {
            (sum + (f64::from(r) - f64::from(start)), many + 1)
        });
        // Without a spread above u the scores' own unit stands in: nats.
        let excess = if many == 0 { 1.0 } else { sum / f64::from(many) };
        let known = index.map_or(f64::INFINITY, |index| (index * count as f64).max(1.0));
        Some(Self { start, surprise: share(count, rows, index), excess, known })
    }

    fn of_few(sorted: &[f32]) -> Option<Self> {
        let start = *sorted.last()?;
        Some(Self { start, surprise: share(0, sorted.len(), None), excess: 1.0, known: 1.0 })
    }
}

/// A surprise as it is, above [`MUCH_SURPRISE`] its logarithm.
fn damped(surprise: f64) -> f64 {
    match surprise > MUCH_SURPRISE {
        true => MUCH_SURPRISE * (1.0 + libm::log(surprise.min(f64::MAX) / MUCH_SURPRISE)),
        false => surprise,
    }
}

fn share(as_high: usize, rows: usize, index: Option<f64>) -> f64 {
    let index = index.unwrap_or(1.0);
    -libm::log((index * as_high as f64 + 1.0) / (index * rows as f64 + 1.0))
}

/// Clusters among the scores above `threshold`, for each of them; 1 where there are none.
fn extremal_index(scores: &[f32], times: &[i64], threshold: f32) -> f64 {
    let above = (0..scores.len()).filter(|at| scores[*at] > threshold).collect::<Vec<_>>();
    let least = 1.0 / above.len().max(1) as f64;
    if times.len() == scores.len() {
        // Rows without a time are of no day: they say nothing about clusters.
        let known = above.iter().map(|at| times[*at]).filter(|time| *time != UNKNOWN_TIME);
        let days: Vec<i64> = known.map(|time| time.div_euclid(DAY)).collect();
        let least = 1.0 / days.len().max(1) as f64;
        let days: HashSet<i64> = days.into_iter().collect();
        return (days.len() as f64 * least).max(least);
    }
    let gaps: Vec<f64> = above.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
    if gaps.len() < 2 {
        return 1.0;
    }
    // Equation 5 of Ferro and Segers. Long gaps are those between clusters; the corrections for them make
    // no sense without any.
    let longest = gaps.iter().copied().fold(0.0, f64::max);
    let (first, second) = if longest > 2.0 { (1.0, 2.0) } else { (0.0, 0.0) };
    let sum: f64 = gaps.iter().map(|gap| gap - first).sum();
    let squares: f64 = gaps.iter().map(|gap| (gap - first) * (gap - second)).sum();
    (2.0 * sum * sum / (gaps.len() as f64 * squares)).clamp(least, 1.0)
}

/// exp(-surprise). Where that would no longer be a normal number, something larger that still falls with
/// the surprise and stays above 0.
pub(crate) fn probability(surprise: f64) -> f64 {
    let over = (surprise - LEAST_LOG).max(0.0);
    // From 700 to below 708: e^-708 is 3e-308.
    let tail = 8.0 * over / (over + 1000.0);
    libm::exp(-(surprise.min(LEAST_LOG) + tail))
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
    fn a_score_that_is_left_out_scores_as_if_it_were_new() {
        let mut scores: Vec<f32> = (0..60_u16).map(|i| f32::from(i * 37 % 60) * 0.5).collect();
        scores.extend([7.0, 7.0, 80.0]);
        for few in [1, 2, 5, 6, 7, 20, 63] {
            let sample = &scores[scores.len() - few..];
            for (at, s) in Reference::each_left_out(sample).into_iter().enumerate() {
                let mut others = sample.to_vec();
                others.remove(at);
                let expected = Reference::new(others).surprise(sample[at]);
                assert!((s - expected).abs() < 1e-9, "{s} is not {expected}");
            }
        }
    }

    #[test]
    fn few_or_equal_scores_have_a_probability_too() {
        for n in 0..=5 {
            let few = Reference::new(vec![2.0; n]);
            near(few.surprise(9.0), -(1.0 / (n as f64 + 1.0)).ln());
        }
        for n in 1..=5 {
            let few = Reference::new(vec![2.0; n]).with_a_tail();
            near(few.surprise(2.0), 0.0);
            near(few.surprise(9.0), (n as f64 + 1.0).ln() + 8.0_f64.ln());
        }
        let equal = Reference::new(vec![2.0; 50]);
        near(equal.surprise(2.0), 0.0);
        near(equal.surprise(3.5), -(6.0_f64 / 51.0).ln() + 1.5);
        assert!(probability(equal.surprise(f32::MAX)) > 0.0);
    }

    #[test]
    fn bursts_count_as_what_they_are() {
        // Above 1.0: rows 10, 11, 12 and 30, 31, 32, so T = 1, 1, 18, 1, 1 and
        // t = 2 x 17^2 / (5 x 17 x 16) = .425.
        let at = |row: usize| matches!(row, 10..13 | 30..33);
        let scores: Vec<f32> = (0..40).map(|row| if at(row) { 2.0 } else { 0.5 }).collect();
        near(extremal_index(&scores, &[], 1.0), 0.425);
        // T = 2, 2: 2 x 4^2 / (2 x 8) = 2, and more than 1 is 1.
        near(extremal_index(&[2.0, 0.0, 2.0, 0.0, 2.0], &[], 1.0), 1.0);
        near(extremal_index(&[0.0, 2.0, 0.0, 2.0], &[], 1.0), 1.0);
        // Six rows in two days; a row every four hours puts them into three: 10 and 11, 12, 30 to 32.
        let days: Vec<i64> = (0..40).map(|row| row / 20 * DAY).collect();
        near(extremal_index(&scores, &days, 1.0), 2.0 / 6.0);
        let hours: Vec<i64> = (0..40).map(|row| row * DAY / 6).collect();
        near(extremal_index(&scores, &hours, 1.0), 3.0 / 6.0);
        near(extremal_index(&scores, &hours, 2.0), 1.0);
    }

    #[test]
    fn what_is_known_from_few_clusters_has_a_heavier_tail() {
        // n = 20, k = 5, u = 15 and b = 3 as above, all of 16..20 one cluster: t = .2, so four scores and
        // one excess are known.
        let reference = Reference::of_series((1..=20_u8).map(f32::from).collect(), &[0; 20]);
        near(reference.index().unwrap(), 0.2);
        near(reference.surprise(10.0), -((0.2 * 11.0 + 1.0) / 5.0_f64).ln());
        near(reference.surprise(18.0), -(2.0 / 5.0_f64).ln() + 2.0_f64.ln());
        // With t = .4 twenty rows are eight, and the five excesses two.
        let sorted: Vec<f32> = (1..=20_u8).map(f32::from).collect();
        let reference = Reference::restore(&sorted, Some(0.4)).unwrap();
        near(reference.surprise(10.0), -((0.4 * 11.0 + 1.0) / 9.0_f64).ln());
        near(reference.surprise(18.0), -(3.0 / 9.0_f64).ln() + 2.0 * 1.5_f64.ln());
        for index in [0.0, -1.0, 1.5, f64::NAN] {
            assert_eq!(Reference::restore(&sorted, Some(index)), None);
        }
    }

    #[test]
    fn however_high_a_score_a_higher_one_is_less_probable() {
        let sample = || (0..400_u16).map(|i| f32::from(i % 97) / 97.0).collect::<Vec<f32>>();
        let heights = (0..38).map(|power| 10.0_f32.powi(power)).chain([f32::MAX]);
        let heights: Vec<f32> = heights.collect();
        for reference in [
            Reference::new(sample()),
            Reference::of_series(sample(), &[]),
            Reference::new(vec![0.5; 50]),
            Reference::new(vec![0.5; 3]).with_a_tail(),
        ] {
            let surprises: Vec<f64> = heights.iter().map(|x| reference.surprise(*x)).collect();
            assert!(surprises.windows(2).all(|pair| pair[0] < pair[1]), "{surprises:?}");
            let p: Vec<f64> = surprises.iter().map(|s| probability(*s)).collect();
            assert!(p.windows(2).all(|pair| pair[0] > pair[1]), "{p:?}");
            assert!(p.iter().all(|p| p.is_normal()), "{p:?}");
            // Sums are single precision, and hold up to three surprises.
            let sums = surprises.iter().map(|s| (3.0 * s) as f32).collect::<Vec<f32>>();
            assert!(sums.windows(2).all(|pair| pair[0] < pair[1]), "{sums:?}");
        }
    }

    proptest! {
        #[test]
        fn an_extremal_index_is_a_share(scores in prop::collection::vec(0.0..9.0_f32, 0..80)) {
            let reference = Reference::of_series(scores, &[]);
            prop_assert!(reference.index().is_some_and(|index| index > 0.0 && index <= 1.0));
            let restored = Reference::restore(reference.scores(), reference.index());
            prop_assert_eq!(restored, Some(reference));
        }

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
            prop_assert_eq!(Reference::restore(reference.scores(), None), Some(reference));
        }
    }
}
