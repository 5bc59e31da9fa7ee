//! What becomes of rows: the ways to choose alerts.

use crate::budget::{self, Ledger};
use crate::row::{Row, Verdict};
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

#[cfg(test)]
mod tests;
