//! Cutting each user's history in the order of time.

use std::sync::Arc;

/// Fewer rows have no held-out rows that scores could be compared with.
const LEAST_TRAINING: usize = 60;
/// Fewer rows leave no room for a takeover among rows of the user.
const LEAST_SCORED: usize = 20;

/// How histories are cut: the older half is only learnt, the newer half is scored in equal parts,
/// each by a model of all rows before it.
pub(super) struct Folds {
    /// How many parts are scored.
    pub(super) folds: usize,
}

/// The rows of a user, by their positions in the log, oldest first.
#[derive(Debug)]
pub(super) struct History {
    pub(super) user: Arc<str>,
    pub(super) rows: Vec<u32>,
    /// The user is tested; rows of the others are only put into those of tested ones.
    pub(super) is_tested: bool,
}

impl Folds {
    /// A user with fewer rows is not tested.
    pub(super) fn least_rows(&self) -> usize {
        2 * LEAST_TRAINING.max(LEAST_SCORED * self.folds)
    }

    /// The users with enough rows, by name, and the tested ones without, with their number of rows.
    /// `times` has one for each row of the log; only the user called `wanted` is tested, if one is.
    pub(super) fn histories(
        &self,
        users: Vec<(Arc<str>, Vec<u32>)>,
        times: &[i64],
        wanted: Option<&str>,
    ) -> (Vec<History>, Vec<(Arc<str>, usize)>) {
        let (mut histories, mut too_few) = (Vec::new(), Vec::new());
        for (user, mut rows) in users {
            let is_tested = wanted.is_none_or(|wanted| *user == *wanted);
            if rows.len() >= self.least_rows() {
                rows.sort_by_key(|row| times[*row as usize]);
                histories.push(History { user, rows, is_tested });
            } else if is_tested {
                too_few.push((user, rows.len()));
            }
        }
        histories.sort_by(|a, b| a.user.cmp(&b.user));
        too_few.sort();
        (histories, too_few)
    }

    /// How many of the user's rows are learnt in this fold; they end where the fold's scored rows begin.
    pub(super) fn cut(&self, history: &History, fold: usize) -> usize {
        let half = history.rows.len() / 2;
        half + (history.rows.len() - half) * fold / self.folds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newer_half_is_scored_once_each_part_after_all_before_it() {
        let folds = Folds { folds: 3 };
        assert_eq!(folds.least_rows(), 120);
        let history = History { user: "ann".into(), rows: (0..121).collect(), is_tested: true };
        let cuts: Vec<usize> = (0..=3).map(|fold| folds.cut(&history, fold)).collect();
        assert_eq!(cuts, [60, 80, 100, 121]);
        assert_eq!(Folds { folds: 10 }.least_rows(), 400);
    }

    #[test]
    fn users_are_sorted_and_their_rows_by_time() {
        let times: Vec<i64> = (0..240).rev().collect();
        let users = vec![
            ("bob".into(), (0..120).collect()),
            ("ann".into(), vec![7]),
            ("abe".into(), (120..240).collect()),
        ];
        let (histories, too_few) = Folds { folds: 1 }.histories(users, &times, Some("bob"));
        assert_eq!(too_few, []);
        assert_eq!(histories.iter().map(|of| of.is_tested).collect::<Vec<_>>(), [false, true]);
        assert_eq!((&*histories[0].user, histories[0].rows[0]), ("abe", 239));
        assert_eq!((&*histories[1].user, histories[1].rows[119]), ("bob", 0));
    }
}
