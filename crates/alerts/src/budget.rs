//! A budget of alerts a day.
//!
//! A day that is complete gets its most unusual rows, as many as are left of the budget. A day that goes on cannot
//! wait for its end: its rows are alerts if they are as unusual as the budget's last row usually is, by the
//! lower quartile of the days before, until the budget is spent. On the very first day there is nothing to go by, so
//! the budget is spent as the day goes by.

use crate::row::{Row, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Nanoseconds of a day.
const DAY: i64 = 86_400_000_000_000;
/// Days that the usual threshold is taken from.
const MONTH: usize = 28;
/// What was spent on a day is known for so many days more: rows that come later have a budget of their own.
const KEPT: i64 = 7;

/// What has been spent, and how unusual the last row of a day's budget was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    days: BTreeMap<i64, Day>,
    /// How unusual the last row of the budget was, of the latest complete days; 0 where the day had
    /// fewer rows.
    past: VecDeque<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Day {
    spent: usize,
    /// Surprises of the most unusual rows, as many as the budget has, descending.
    top: Vec<f64>,
    is_over: bool,
}

/// The day of a time, counted from 1970-01-01 (UTC).
pub fn day(time: i64) -> i64 {
    time.div_euclid(DAY)
}

/// The newest time of rows; `None` if there are none.
pub(super) fn newest<'a>(rows: impl Iterator<Item = &'a Row>) -> Option<i64> {
    rows.map(|row| row.time).max()
}

impl Ledger {
    /// Decides the rows at `order`, the most unusual first. `newest` is the time until which all is known.
    pub(super) fn spend(
        &mut self,
        per_day: usize,
        rows: &[Row],
        order: &[usize],
        newest: Option<i64>,
        is_last: bool,
        verdicts: &mut [Verdict],
    ) {
        let Some(newest) = newest else { return };
        let today = day(newest);
        let mut of_days: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for at in order {
            of_days.entry(day(rows[*at].time)).or_default().push(*at);
        }
        for (number, order) in of_days {
            // So that the days before tell what is usual.
            self.end_days_before(number, per_day);
            let usual = self.usual();
            let day = self.days.entry(number).or_default();
            day.add(per_day, order.iter().map(|at| &rows[*at]));
            let left = per_day.saturating_sub(day.spent);
            let is_complete = number < today || is_last;
            let allowed = match usual {
                None if !is_complete => {
                    let elapsed = (newest - number * DAY) as f64 / DAY as f64;
                    let so_far = (per_day as f64 * elapsed).ceil() as usize;
                    so_far.saturating_sub(day.spent).min(left)
                }
                _ => left,
            };
            let least = usual.filter(|_| !is_complete).unwrap_or(f64::NEG_INFINITY);
            let allowance =
                Allowance { rows: allowed, least, usual: usual.unwrap_or(f64::INFINITY) };
            day.spent += allowance.give(rows, &order, verdicts);
        }
        self.end_days_before(today, per_day);
        self.days.retain(|number, _| *number >= today - KEPT);
    }

    fn end_days_before(&mut self, number: i64, per_day: usize) {
        for day in self.days.range_mut(..number).map(|(_, day)| day).filter(|day| !day.is_over) {
            day.is_over = true;
            let last = per_day.checked_sub(1).and_then(|last| day.top.get(last));
            self.past.push_back(last.copied().unwrap_or_default());
            if self.past.len() > MONTH {
                self.past.pop_front();
            }
        }
    }

    /// How unusual the last row of the budget is on quiet days: the lower quartile of the days before. What is too
    /// much on the other days is cut off by the budget; with the median a third of it was never spent.
    fn usual(&self) -> Option<f64> {
        let mut past: Vec<f64> = self.past.iter().copied().collect();
        past.sort_by(f64::total_cmp);
        past.get(past.len() / 4).copied()
    }
}

impl Day {
    /// Remembers the most unusual of rows that come, the most unusual first.
    fn add<'a>(&mut self, per_day: usize, rows: impl Iterator<Item = &'a Row>) {
        let told = rows.filter(|row| !row.suppressed).take(per_day);
        self.top.extend(told.map(|row| row.surprise));
        self.top.sort_by(|a, b| b.total_cmp(a));
        self.top.truncate(per_day);
    }
}

/// What a day's rows may still be given.
struct Allowance {
    rows: usize,
    /// How unusual an alert has to be.
    least: f64,
    /// How unusual those are usually.
    usual: f64,
}

impl Allowance {
    /// Goes down the rows until the allowance is used up; how many alerts there were. Suppressed rows
    /// on the way cost nothing.
    fn give(&self, rows: &[Row], order: &[usize], verdicts: &mut [Verdict]) -> usize {
        let mut given = 0;
        for at in order {
            let row = &rows[*at];
            let is_enough = given == self.rows;
            if row.surprise < if is_enough { self.usual } else { self.least } {
                break;
            }
            verdicts[*at] = match (is_enough, row.suppressed) {
                (true, false) => Verdict::OverBudget,
                (true, true) => Verdict::Nothing,
                (false, true) => Verdict::Suppressed,
                (false, false) => {
                    given += 1;
                    Verdict::Alert
                }
            };
        }
        given
    }
}
