//! How many rows became what.

use crate::budget::day;
use crate::row::{Row, Verdict};
use crate::suppress::Rules;
use std::collections::{BTreeMap, BTreeSet};

/// How many rows became what.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertCount {
    /// Rows with a score.
    pub rows: usize,
    /// Alerts.
    pub alerts: usize,
    /// Rows without a time, which count as of the newest day.
    pub timeless: usize,
    /// Rows without a score, which are never alerts.
    pub unscored: usize,
    /// As unusual as alerts usually are, on days whose budget was spent.
    pub over_budget: usize,
    /// Days (UTC, since 1970) with rows.
    pub days: BTreeSet<i64>,
    /// How surprising the least surprising alert is: -ln of its p-value, or its z-score.
    pub least: Option<f64>,
    /// Rows that would have been alerts, by the rule that applies.
    pub suppressed: BTreeMap<String, usize>,
    /// Alerts that a rule would have suppressed, had it not expired.
    pub expired: BTreeMap<String, usize>,
}

impl AlertCount {
    /// Counts a row, with the rule that applies to it and the one that would, had it not expired.
    pub fn see(
        &mut self,
        row: &Row,
        verdict: Verdict,
        rules: &Rules,
        applies: Option<usize>,
        expired: Option<usize>,
    ) {
        if row.surprise.is_nan() {
            self.unscored += 1;
            return;
        }
        let name = |rule: usize| rules.rules[rule].in_words();
        self.rows += 1;
        self.days.insert(day(row.time));
        match verdict {
            Verdict::Alert => {
                self.alerts += 1;
                let least = self.least.unwrap_or(f64::INFINITY);
                self.least = Some(least.min(row.surprise));
                if let Some(rule) = expired {
                    *self.expired.entry(name(rule)).or_default() += 1;
                }
            }
            Verdict::OverBudget => self.over_budget += 1,
            Verdict::Suppressed => {
                if let Some(rule) = applies {
                    *self.suppressed.entry(name(rule)).or_default() += 1;
                }
            }
            Verdict::Nothing => {}
        }
    }
}
