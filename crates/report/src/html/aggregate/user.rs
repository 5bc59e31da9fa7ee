//! What is kept of a user.

use crate::plots::{Point, Series};
use std::sync::Arc;

/// Buckets of a user's line; where rows have no p-value, their z is made of them, which asks for more.
const BUCKETS: [usize; 2] = [96, 48];
/// Highest scores that are kept where rows have no p-value: alerts of a user beyond these are not told apart.
pub(super) const HIGHEST: usize = 128;
/// Rows from which a user's mean says something.
const SETTLED: u64 = 32;

/// The scores of a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values {
    pub(super) score: Option<f64>,
    pub(super) p: Option<f64>,
}

/// A user so far.
#[derive(Debug)]
pub(super) struct UserDigest {
    pub(super) name: Arc<str>,
    pub(super) rows: u64,
    pub(super) alerts: u64,
    pub(super) lowest_p: Option<f64>,
    pub(super) highest_score: Option<f64>,
    pub(super) series: Series,
    moments: Moments,
    /// Only where rows have no p-value.
    highest: Option<Vec<f64>>,
}

/// Number, mean and squared distances (Welford 1962).
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    rows: u64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.rows += 1;
        let distance = value - self.mean;
        self.mean += distance / self.rows as f64;
        self.squares += distance * (value - self.mean);
    }

    /// (value - mean) / sample standard deviation; 0 without a spread.
    fn z(&self, value: f64) -> f64 {
        if self.rows < 2 || self.squares <= 0.0 {
            return 0.0;
        }
        (value - self.mean) / (self.squares / (self.rows - 1) as f64).sqrt()
    }
}

impl UserDigest {
    pub(super) fn new(name: Arc<str>, with_p: bool) -> Self {
        Self {
            name,
            rows: 0,
            alerts: 0,
            lowest_p: None,
            highest_score: None,
            series: Series::new(BUCKETS[usize::from(with_p)]),
            moments: Moments::default(),
            highest: (!with_p).then(Vec::new),
        }
    }

    pub(super) fn add(&mut self, at: Option<i64>, point: Point, values: Values) {
        self.rows += 1;
        self.alerts += u64::from(point.alert);
        if let Some(at) = at {
            self.series.add(at, point);
        }
        if let Some(p) = values.p {
            self.lowest_p = Some(self.lowest_p.map_or(p, |lowest| lowest.min(p)));
        }
        let Some(score) = values.score.filter(|score| score.is_finite()) else { return };
        self.highest_score = Some(self.highest_score.map_or(score, |high| high.max(score)));
        self.moments.add(score);
        if let Some(highest) = &mut self.highest {
            highest.push(score);
            if highest.len() > 2 * HIGHEST {
                keep_highest(highest);
            }
        }
    }

    pub(super) fn z(&self, score: f64) -> f64 {
        self.moments.z(score)
    }

    /// Rows that z is over.
    pub(super) fn scored(&self) -> u64 {
        self.moments.rows
    }

    /// Whether a row with this score may be an alert when all rows are known.
    pub(super) fn is_high(&self, score: f64) -> bool {
        self.moments.rows < SETTLED || self.z(score) > super::UNUSUAL_Z / 2.0
    }

    /// Counts the rows above the threshold by z; `true` if there may be more of them.
    pub(super) fn count_by_z(&mut self) -> bool {
        let Some(mut highest) = self.highest.take() else { return false };
        keep_highest(&mut highest);
        let above = highest.iter().filter(|score| self.z(**score) > super::UNUSUAL_Z).count();
        self.alerts = above as u64;
        above == HIGHEST && self.rows > above as u64
    }
}

fn keep_highest(scores: &mut Vec<f64>) {
    scores.sort_by(|a, b| b.total_cmp(a));
    scores.truncate(HIGHEST);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(scores: impl IntoIterator<Item = f64>) -> UserDigest {
        let mut user = UserDigest::new(Arc::from("ann"), false);
        for (at, score) in (0..).zip(scores) {
            user.add(Some(at), Point::default(), Values { score: Some(score), p: None });
        }
        user
    }

    #[test]
    fn z_is_over_the_rows_with_the_sample_deviation() {
        let user = user([1.0, 2.0, 3.0]);
        assert_eq!([1.0, 2.0, 3.0].map(|score| user.z(score)), [-1.0, 0.0, 1.0]);
        assert_eq!(self::user([1.0]).z(1.0), 0.0);
        assert_eq!(self::user([1.0, 1.0]).z(1.0), 0.0);
    }

    #[test]
    fn alerts_by_z_are_counted_as_far_as_scores_are_kept() {
        let mut some = user((0..1_000).map(|i| if i % 100 == 7 { 50.0 } else { f64::from(i % 3) }));
        assert!(!some.count_by_z());
        assert_eq!(some.alerts, 10);
        let mut many =
            user((0..20_000).map(|i| if i % 100 == 7 { 50.0 } else { f64::from(i % 3) }));
        assert!(many.count_by_z(), "there are 200");
        assert_eq!(many.alerts, 128);
    }
}
