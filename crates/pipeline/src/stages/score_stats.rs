//! What the summary of a run says about scores, without keeping them.

use crate::message::{Message, RowScores};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use dfp_engine::{Progress, Reporter};
use dfp_features::own_columns;
use dfp_logs::columns::{FILE_ROW, INDEX};
use dfp_report::summary::{TooFew, Unlikely, UnlikelyRow, Unusual, UnusualRow};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The scores of a run. A user's rows are kept as three numbers and the highest scores, so that a
/// run without an end needs no more memory than one with few rows.
#[derive(Debug, Default)]
pub struct ScoreStats {
    users: Mutex<BTreeMap<Arc<str>, UserScores>>,
    without_model: Mutex<BTreeMap<Arc<str>, usize>>,
    unlikely: Mutex<Option<Unlikely>>,
    scored: AtomicUsize,
    total: AtomicUsize,
    /// More of a user's messages than this do not wait for one that has not come: its rows were left out.
    window: usize,
}

/// A z above this is unusual, as in the course that made the score known.
const UNUSUAL_Z: f64 = 4.0;
const TOP: usize = 5;
/// Rows of the lowest p-values that are kept.
const LOWEST: usize = 10;
const ONE_IN_1000: f64 = 0.001;
/// A user's highest scores that are kept: more unusual rows than this are not told apart from this many.
const KEPT: usize = 128;

#[derive(Debug, Default)]
struct UserScores {
    /// Of the rows before number `next`.
    moments: Moments,
    next: i64,
    /// Of later rows, by the number of the first: workers enter messages in any order, and sums
    /// need a fixed one.
    waiting: BTreeMap<i64, Moments>,
    highest: Vec<Entry>,
    /// Rows far from the training rows' scores: what is said of users with too few rows for a z.
    above_four_of_training: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    index: i64,
    file_row: i64,
    score: f32,
}

/// Count, mean and sum of squared distances from it.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    rows: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn of(scores: &[f32]) -> Self {
        let rows = scores.len() as f64;
        let mean = scores.iter().map(|score| f64::from(*score)).sum::<f64>() / rows.max(1.0);
        let squares = scores.iter().map(|score| (f64::from(*score) - mean).powi(2)).sum();
        Self { rows, mean, squares }
    }

    /// Chan, Golub and LeVeque (1979), equation 2.1.
    fn add(&mut self, other: Self) {
        let rows = self.rows + other.rows;
        if rows == 0.0 {
            return;
        }
        let distance = other.mean - self.mean;
        self.squares += other.squares + distance.powi(2) * self.rows * other.rows / rows;
        self.mean += distance * other.rows / rows;
        self.rows = rows;
    }

    /// (score - mean) / sample standard deviation; 0 where that is not defined.
    fn z(&self, score: f32) -> f64 {
        let deviation = (self.squares / (self.rows - 1.0)).sqrt();
        if deviation > 0.0 { (f64::from(score) - self.mean) / deviation } else { 0.0 }
    }
}

impl UserScores {
    fn enter(
        &mut self,
        first: i64,
        scores: &[f32],
        entries: impl Iterator<Item = Entry>,
        window: usize,
    ) {
        self.waiting.insert(first, Moments::of(scores));
        while self.waiting.len() > window
            && let Some((first, _)) = self.waiting.first_key_value()
        {
            self.next = *first;
            self.enter_ready();
        }
        self.enter_ready();
        self.highest.extend(entries);
        if self.highest.len() > 2 * KEPT {
            self.keep_highest(KEPT);
        }
    }

    fn enter_ready(&mut self) {
        while let Some(ready) = self.waiting.remove(&self.next) {
            self.next += ready.rows as i64;
            self.moments.add(ready);
        }
    }

    fn keep_highest(&mut self, count: usize) {
        self.highest.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.index.cmp(&b.index)));
        self.highest.truncate(count);
    }
}

fn enter(
    unlikely: &mut Unlikely,
    user: &Arc<str>,
    scores: &RowScores,
    numbers: impl Iterator<Item = (i64, i64)>,
) {
    for ((at, of_row), (index, file_row)) in scores.combined.iter().enumerate().zip(numbers) {
        unlikely.rows += 1;
        unlikely.at_most_one_in_1000 += usize::from(of_row.p_value <= ONE_IN_1000);
        let row = UnlikelyRow {
            user: Arc::clone(user),
            index,
            file_row,
            score: of_row.score,
            p_value: of_row.p_value,
            reason: None,
        };
        let place = unlikely.top.partition_point(|other| before(other, &row));
        if place < LOWEST {
            let reason = scores.reasons.get(&at).cloned();
            unlikely.top.insert(place, UnlikelyRow { reason, ..row });
            unlikely.top.truncate(LOWEST);
        }
    }
}

/// Whether `a` is less likely, or comes first of two that are alike.
fn before(a: &UnlikelyRow, b: &UnlikelyRow) -> bool {
    let by_score = a.p_value.total_cmp(&b.p_value).then(b.score.total_cmp(&a.score));
    by_score.then_with(|| a.user.cmp(&b.user)).then(a.index.cmp(&b.index)).is_lt()
}

impl ScoreStats {
    /// A book of a run in which at most `window` messages are between the entry of inference and its
    /// exit: a message that is further behind does not come.
    pub fn new(window: usize) -> Self {
        Self { window, ..Self::default() }
    }

    /// Rows that were expected have been left out on their way.
    pub fn expect_less(&self, rows: usize) {
        self.total.fetch_sub(rows, Ordering::Relaxed);
    }

    /// Rows of a user that will come, and the number of the first: for progress, and for the order
    /// of sums.
    pub fn expect(&self, user: &Arc<str>, first: u64, rows: usize) {
        self.total.fetch_add(rows, Ordering::Relaxed);
        let first = i64::try_from(first).unwrap_or(i64::MAX);
        // Most of a million users have no model, and then nothing is kept of them.
        if first == 0 {
            return;
        }
        let mut users = self.users.lock();
        users
            .entry(Arc::clone(user))
            .or_insert_with(|| UserScores { next: first, ..UserScores::default() });
    }

    pub(super) fn enter(&self, message: &Message, reporter: &dyn Reporter) {
        let Some(scores) = &message.scores else {
            let mut users = self.without_model.lock();
            *users.entry(Arc::clone(&message.user)).or_default() += message.rows.num_rows();
            return;
        };
        let schema = message.rows.schema();
        let numbers = |name| {
            let name = own_columns::called(&schema, name);
            message.rows.column_by_name(&name).and_then(|c| c.as_primitive_opt::<Int64Type>())
        };
        let (Some(index), Some(file_rows)) = (numbers(INDEX), numbers(FILE_ROW)) else { return };
        if !scores.combined.is_empty() {
            let rows = index.values().iter().copied().zip(file_rows.values().iter().copied());
            let mut unlikely = self.unlikely.lock();
            enter(unlikely.get_or_insert_default(), &message.user, scores, rows);
        }
        let entries = index.values().iter().zip(file_rows.values()).zip(&scores.anomaly_score);
        let entries = entries.map(|((&index, &file_row), &score)| Entry { index, file_row, score });
        if let Some(first) = index.values().first() {
            let mut users = self.users.lock();
            let user = users.entry(Arc::clone(&message.user)).or_default();
            user.enter(*first, &scores.anomaly_score, entries, self.window);
            let above = scores.zscore.iter().filter(|z| f64::from(**z) > UNUSUAL_Z);
            user.above_four_of_training += above.count();
        }
        let rows = message.rows.num_rows();
        let rows = self.scored.fetch_add(rows, Ordering::Relaxed) + rows;
        reporter.progress(Progress::Scored { rows, total: self.total.load(Ordering::Relaxed) });
    }

    /// Rows scored.
    pub fn scored(&self) -> usize {
        self.scored.load(Ordering::Relaxed)
    }

    /// Users without a model, with their rows.
    pub fn without_model(&self) -> Vec<(Arc<str>, usize)> {
        let users = self.without_model.lock();
        users.iter().map(|(user, rows)| (Arc::clone(user), *rows)).collect()
    }

    /// The rows of the lowest p-values, if there are any.
    pub fn unlikely(&self) -> Option<Unlikely> {
        self.unlikely.lock().take()
    }

    /// The rows that stand out among their user's rows.
    pub fn unusual(&self) -> Unusual {
        let mut unusual = Unusual::default();
        let mut users = self.users.lock();
        for (user, scores) in users.iter_mut() {
            for waiting in std::mem::take(&mut scores.waiting).into_values() {
                scores.moments.add(waiting);
            }
            scores.keep_highest(KEPT);
            let rows = scores.moments.rows as usize;
            if rows >= TooFew::LEAST {
                unusual.users += 1;
            } else if rows > 0 {
                unusual.too_few.users += 1;
                unusual.too_few.rows += rows;
                unusual.too_few.above_four_of_training += scores.above_four_of_training;
            }
            for entry in &scores.highest {
                let z = scores.moments.z(entry.score);
                unusual.above_four += usize::from(z > UNUSUAL_Z);
                unusual.top.push(UnusualRow {
                    user: user.to_string(),
                    file_row: entry.file_row,
                    score: entry.score,
                    z,
                });
            }
            unusual.top.sort_by(|a, b| b.z.total_cmp(&a.z));
            unusual.top.truncate(TOP);
        }
        unusual
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn z_is_over_the_rows_of_the_run_with_the_sample_deviation() {
        let moments = Moments::of(&[1.0, 2.0, 3.0]);
        assert_eq!([1.0, 2.0, 3.0].map(|score| moments.z(score)), [-1.0, 0.0, 1.0]);
        assert_eq!(Moments::of(&[1.0]).z(1.0), 0.0);
        assert_eq!(Moments::of(&[1.0, 1.0]).z(1.0), 0.0);
    }

    #[test]
    fn among_fewer_than_18_rows_no_z_is_above_4() {
        let highest = |rows: usize| {
            let scores: Vec<f32> = (0..rows).map(|row| if row == 0 { 1e6 } else { 0.0 }).collect();
            Moments::of(&scores).z(1e6)
        };
        assert!(highest(TooFew::LEAST - 1) < UNUSUAL_Z && highest(TooFew::LEAST) > UNUSUAL_Z);
    }

    #[test]
    fn what_waits_for_rows_that_were_left_out_is_bounded_and_summed_in_order() {
        let mut user = UserScores::default();
        let numbers = [3, 5, 8, 12, 10, 20, 17, 30, 25];
        for number in numbers {
            user.enter(number, &[number as f32], std::iter::empty(), 2);
            assert!(user.waiting.len() <= 2);
        }
        let waiting: Vec<i64> = user.waiting.keys().copied().collect();
        assert_eq!((user.next, waiting), (21, vec![25, 30]));
        let sum: i64 = numbers.iter().filter(|number| **number < 21).sum();
        assert!((user.moments.mean * user.moments.rows - sum as f64).abs() < 1e-9);
    }

    #[test]
    fn parts_in_any_order_give_the_same_bits_and_only_the_highest_are_kept() {
        let scores: Vec<f32> = (0..5_000_u32).map(|i| (i * 7919 % 5003) as f32 / 7.0).collect();
        let entered = |order: &[usize]| {
            let mut user = UserScores { next: 100, ..UserScores::default() };
            for part in order {
                let rows = &scores[part * 500..(part + 1) * 500];
                let first = 100 + *part as i64 * 500;
                let entries = (first..).zip(rows);
                let entry =
                    |(index, score): (i64, &f32)| Entry { index, file_row: index, score: *score };
                user.enter(first, rows, entries.map(entry), 10);
                assert!(user.highest.len() <= 2 * KEPT + 500);
            }
            user.keep_highest(KEPT);
            user
        };
        let forward = entered(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let mixed = entered(&[3, 1, 0, 9, 7, 8, 2, 4, 6, 5]);
        let bits =
            |user: &UserScores| (user.moments.mean.to_bits(), user.moments.squares.to_bits());
        assert_eq!(bits(&forward), bits(&mixed));
        assert!(forward.waiting.is_empty() && mixed.waiting.is_empty());
        let whole = Moments::of(&scores);
        assert!((whole.z(700.0) - forward.moments.z(700.0)).abs() < 1e-9);
        let kept = |user: &UserScores| user.highest.iter().map(|e| e.index).collect::<Vec<_>>();
        assert_eq!(kept(&forward), kept(&mixed));
        let highest = scores.iter().copied().fold(0.0, f32::max);
        assert_eq!(forward.highest[0].score, highest);
    }
}
