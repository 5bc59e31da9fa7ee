//! How well scores tell labelled rows from the others.
//!
//! All measures are of the order of the scores alone, and equal scores are taken for what they are:
//! rows whose order is not known. A measure that the rows cannot have, since all of them or none are
//! labelled, is `None`.

mod bootstrap;
#[cfg(test)]
mod tests;

pub use bootstrap::Intervals;

/// Scored rows whose truth is known, highest score first.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    ties: Vec<Tie>,
    /// For each row, in the order in which they were given, its position in `ties`.
    places: Vec<u32>,
    /// For each row whether it is labelled.
    positive: Vec<bool>,
}

/// The rows of one score.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Tie {
    score: f64,
    positives: u32,
    negatives: u32,
}

/// What the highest rows are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alerts {
    /// How many rows: what was asked for, or all that there are.
    pub rows: f64,
    /// Labelled rows among them. Of rows of one score at the border a share counts, the same of each kind.
    pub found: f64,
    /// The lowest score among them; infinite if there are none.
    pub threshold: f64,
}

impl Alerts {
    /// Alerts that are no labelled rows.
    pub fn false_alerts(&self) -> f64 {
        self.rows - self.found
    }
}

impl Ranking {
    /// Rows with their scores, and whether each is labelled. A score that is no number ranks below all
    /// others: the row was not judged.
    ///
    /// # Panics
    /// If there are not as many labels as scores.
    pub fn new(scores: &[f64], positive: &[bool]) -> Self {
        assert_eq!(scores.len(), positive.len(), "a label a score");
        // Adding zero makes -0 positive: both are one score.
        let score = |row: u32| {
            let score = scores[row as usize] + 0.0;
            if score.is_nan() { f64::NEG_INFINITY } else { score }
        };
        let rows = u32::try_from(scores.len()).unwrap_or(u32::MAX);
        let mut order: Vec<u32> = (0..rows).collect();
        order.sort_unstable_by(|a, b| score(*b).total_cmp(&score(*a)));
        let mut ties: Vec<Tie> = Vec::new();
        let mut places = vec![0; scores.len()];
        for row in order {
            if ties.last().is_none_or(|tie| tie.score > score(row)) {
                ties.push(Tie { score: score(row), positives: 0, negatives: 0 });
            }
            let at = ties.len() - 1;
            places[row as usize] = at as u32;
            match positive[row as usize] {
                true => ties[at].positives += 1,
                false => ties[at].negatives += 1,
            }
        }
        Self { ties, places, positive: positive.to_vec() }
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.places.len()
    }

    /// Labelled rows.
    pub fn positives(&self) -> usize {
        self.positive.iter().filter(|positive| **positive).count()
    }

    /// The probability that a labelled row scores higher than one that is not, equal scores counting
    /// one half (Mann and Whitney 1947).
    pub fn auroc(&self) -> Option<f64> {
        auroc(self.counts())
    }

    /// The mean precision over the labelled rows, each with the precision at its own score: all rows
    /// of one score are taken in together.
    pub fn average_precision(&self) -> Option<f64> {
        average_precision(self.counts())
    }

    /// What the `budget` highest rows are; a budget need not be whole.
    pub fn alerts(&self, budget: f64) -> Alerts {
        let mut alerts = Alerts { rows: 0.0, found: 0.0, threshold: f64::INFINITY };
        for tie in &self.ties {
            let left = budget - alerts.rows;
            if left <= 0.0 {
                break;
            }
            let rows = f64::from(tie.positives) + f64::from(tie.negatives);
            let share = (left / rows).min(1.0);
            alerts.rows += share * rows;
            alerts.found += share * f64::from(tie.positives);
            alerts.threshold = tie.score;
        }
        alerts
    }

    /// Of the rows that `is_labelled` names, by their positions, how many are among the `budget`
    /// highest, as [`Ranking::alerts`] counts.
    pub fn found_of(&self, budget: f64, is_labelled: impl Fn(usize) -> bool) -> f64 {
        let mut shares = vec![0.0; self.ties.len()];
        let mut left = budget;
        for (tie, share) in self.ties.iter().zip(&mut shares) {
            if left <= 0.0 {
                break;
            }
            let rows = f64::from(tie.positives) + f64::from(tie.negatives);
            *share = (left / rows).min(1.0);
            left -= rows;
        }
        let rows = self.places.iter().enumerate().filter(|(row, _)| is_labelled(*row));
        rows.map(|(_, place)| shares[*place as usize]).sum()
    }

    fn counts(&self) -> impl Iterator<Item = (u32, u32)> {
        self.ties.iter().map(|tie| (tie.positives, tie.negatives))
    }
}

/// Of labelled and other rows by descending score.
fn auroc(ties: impl Iterator<Item = (u32, u32)>) -> Option<f64> {
    // Pairs in which the labelled row is above, twice: whole numbers, so that no order of sums matters.
    let (mut positives, mut negatives, mut twice) = (0_u64, 0_u64, 0_u128);
    for (positive, negative) in ties {
        let (positive, negative) = (u64::from(positive), u64::from(negative));
        twice += u128::from(negative) * u128::from(2 * positives + positive);
        positives += positive;
        negatives += negative;
    }
    let pairs = positives as f64 * negatives as f64;
    (pairs > 0.0).then(|| twice as f64 / 2.0 / pairs)
}

/// Of labelled and other rows by descending score.
fn average_precision(ties: impl Iterator<Item = (u32, u32)>) -> Option<f64> {
    let (mut positives, mut rows, mut sum) = (0_u64, 0_u64, 0.0);
    for (positive, negative) in ties {
        positives += u64::from(positive);
        rows += u64::from(positive) + u64::from(negative);
        if positive > 0 {
            sum += f64::from(positive) * positives as f64 / rows as f64;
        }
    }
    (positives > 0).then(|| sum / positives as f64)
}
