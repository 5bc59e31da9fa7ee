//! Which rows are alerts: those below a probability, as many a day as people can look at, or as many as
//! keep the share of false ones low; less those that somebody has said need not be told.
//!
//! Rows are decided batch by batch, so that all users compete for a day's budget.

pub mod afterwards;
mod budget;
pub(crate) mod suppress;
#[cfg(test)]
mod tests;

pub use budget::{Ledger, day};
pub use suppress::{Rule, Rules};

use arrow_array::{ArrayRef, BooleanArray, Int64Array, StringArray};
use dfp_features::own_columns::ALERTS;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How alerts are chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Policy {
    /// Rows with a p-value of at most this.
    PValue(f64),
    /// The most unusual rows of each day of the calendar (UTC).
    Budget {
        /// How many.
        per_day: usize,
        /// Each user has a budget of its own.
        each_user: bool,
    },
    /// As many of a batch as keep the expected share of false alerts at most this
    /// (Benjamini and Hochberg 1995).
    FalseShare(f64),
}

/// A row to be decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The user.
    pub user: Arc<str>,
    /// Nanoseconds since 1970.
    pub time: i64,
    /// How unusual it is, more is more: -ln of the p-value, or without one the z-score. NaN: never an
    /// alert.
    pub surprise: f64,
    /// Tells rows apart that are equally surprising.
    pub score: f64,
    /// It need not be told.
    pub suppressed: bool,
}

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is an alert.
    Alert,
    /// It would be one, but need not be told.
    Suppressed,
    /// It is as unusual as alerts of other days, but the day's budget was spent.
    OverBudget,
    /// It is none.
    Nothing,
}

/// Decides batch after batch, and remembers what has been spent.
#[derive(Clone, Debug)]
pub struct Decider {
    policy: Policy,
    ledgers: Ledgers,
}

/// What has been spent: by all users together under the empty name, or by each.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Ledgers {
    per_day: usize,
    each_user: bool,
    of: BTreeMap<String, Ledger>,
}

impl Decider {
    /// Nothing has been spent.
    pub fn new(policy: Policy) -> Self {
        let (per_day, each_user) = match policy {
            Policy::Budget { per_day, each_user } => (per_day, each_user),
            _ => (0, false),
        };
        Self { policy, ledgers: Ledgers { per_day, each_user, ..Ledgers::default() } }
    }

    /// What is to be remembered for the next run; `None` if nothing is.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn memory(&self) -> Result<Option<Vec<u8>>, serde_json::Error> {
        match self.policy {
            Policy::Budget { .. } => serde_json::to_vec(&self.ledgers).map(Some),
            _ => Ok(None),
        }
    }

    /// Goes on from what was remembered; what was spent under another budget counts for nothing, and
    /// `false` is returned.
    ///
    /// # Errors
    /// These bytes are not what was remembered.
    pub fn recall(&mut self, bytes: &[u8]) -> Result<bool, serde_json::Error> {
        let ledgers: Ledgers = serde_json::from_slice(bytes)?;
        let same =
            (ledgers.per_day, ledgers.each_user) == (self.ledgers.per_day, self.ledgers.each_user);
        if same {
            self.ledgers = ledgers;
        }
        Ok(same)
    }

    /// Decides all rows of a batch. `is_last`: the input ends here, so that the newest day is complete.
    pub fn decide(&mut self, rows: &[Row], is_last: bool) -> Vec<Verdict> {
        let order = most_unusual_first(rows);
        let mut verdicts = vec![Verdict::Nothing; rows.len()];
        match self.policy {
            Policy::PValue(most) => below(rows, &order, -most.ln(), &mut verdicts),
            Policy::FalseShare(share) => {
                if let Some(least) = discoveries(rows, &order, share) {
                    below(rows, &order, least, &mut verdicts);
                }
            }
            Policy::Budget { each_user: false, .. } => {
                let ledger = self.ledgers.of.entry(String::new()).or_default();
                let newest = budget::newest(rows.iter());
                ledger.spend(self.ledgers.per_day, rows, &order, newest, is_last, &mut verdicts);
            }
            Policy::Budget { each_user: true, .. } => {
                let newest = budget::newest(rows.iter());
                let mut of_users: BTreeMap<&Arc<str>, Vec<usize>> = BTreeMap::new();
                for at in order {
                    of_users.entry(&rows[at].user).or_default().push(at);
                }
                for (user, order) in of_users {
                    let ledger = self.ledgers.of.entry(user.to_string()).or_default();
                    let per_day = self.ledgers.per_day;
                    ledger.spend(per_day, rows, &order, newest, is_last, &mut verdicts);
                }
            }
        }
        verdicts
    }
}

/// The columns that say what has been decided, in the order of the rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Columns {
    /// `None` for a row that was not scored.
    pub(crate) alert: Vec<Option<bool>>,
    /// 1 is the most unusual row of what was decided together.
    pub(crate) rank: Vec<Option<i64>>,
    /// The rule because of which a row is not told.
    pub(crate) suppressed: Vec<Option<String>>,
}

impl Columns {
    /// No row has been decided.
    pub(crate) fn new(rows: usize) -> Self {
        Self { alert: vec![None; rows], rank: vec![None; rows], suppressed: vec![None; rows] }
    }

    /// Enters a row. `applies` is the rule that applies to it.
    pub(crate) fn enter(
        &mut self,
        at: usize,
        row: &Row,
        verdict: Verdict,
        rules: &Rules,
        applies: Option<usize>,
    ) {
        self.alert[at] = (!row.surprise.is_nan()).then_some(verdict == Verdict::Alert);
        let rule = applies.filter(|_| verdict == Verdict::Suppressed);
        self.suppressed[at] = rule.map(|rule| rules.rules[rule].in_words());
    }

    /// Names and values.
    pub(crate) fn arrays(self) -> Vec<(String, ArrayRef)> {
        let arrays: [ArrayRef; 3] = [
            Arc::new(BooleanArray::from(self.alert)),
            Arc::new(Int64Array::from(self.rank)),
            Arc::new(StringArray::from(self.suppressed)),
        ];
        ALERTS.map(str::to_owned).into_iter().zip(arrays).collect()
    }
}

/// Numbers of the rows that have a surprise, the most unusual first; equal ones in their order.
pub fn most_unusual_first(rows: &[Row]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows.len()).filter(|at| !rows[*at].surprise.is_nan()).collect();
    order.sort_by(|a, b| more_unusual(&rows[*a], &rows[*b]));
    order
}

fn more_unusual(a: &Row, b: &Row) -> Ordering {
    b.surprise.total_cmp(&a.surprise).then(b.score.total_cmp(&a.score))
}

/// Rows that are at least so surprising.
fn below(rows: &[Row], order: &[usize], least: f64, verdicts: &mut [Verdict]) {
    for at in order.iter().take_while(|at| rows[**at].surprise >= least) {
        verdicts[*at] = if rows[*at].suppressed { Verdict::Suppressed } else { Verdict::Alert };
    }
}

/// The least surprise of an alert so that the expected share of false ones is at most `share`: of m
/// p-values in ascending order the last with p_k <= k share / m. Suppressed rows are no hypotheses.
fn discoveries(rows: &[Row], order: &[usize], share: f64) -> Option<f64> {
    let told: Vec<f64> = order
        .iter()
        .map(|at| &rows[*at])
        .filter(|row| !row.suppressed)
        .map(|row| row.surprise)
        .collect();
    let all = told.len() as f64;
    let is_one =
        |(k, surprise): &(usize, &f64)| (-**surprise).exp() <= (k + 1) as f64 * share / all;
    told.iter().enumerate().rev().find(is_one).map(|(_, surprise)| *surprise)
}
