//! Whose rows there are, and which of them are learnt.

use super::counted;
use super::history::{self, Histories};
use crate::error::RunError;
use crate::plan::HistoryLength;
use crate::train::{Task, TaskRows, without_times};
use arrow_array::{RecordBatch, UInt32Array};
use arrow_schema::ArrowError;
use dfp_engine::{Reporter, Weight};
use dfp_features::period;
use dfp_logs::skipped::{Skipped, Unit};
use dfp_registry::library::About;
use std::sync::Arc;

/// The reason of rows that a clock which was wrong has dated.
const FUTURE: &str = "later than tomorrow";

/// The rows of all users.
pub(super) enum Rows {
    /// Features of all rows, and which of them are whose.
    Read(RecordBatch, Vec<(Arc<str>, Vec<u32>)>),
    /// Kept from run to run.
    Kept(Histories),
}

impl Rows {
    /// The rows of each user who is wanted.
    pub(super) fn tasks(&self, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Task<'_>>, RunError> {
        Ok(match self {
            Self::Read(features, users) => users
                .iter()
                .filter(|(user, _)| wanted(user))
                .map(|(user, rows)| Task {
                    user: Arc::clone(user),
                    rows: TaskRows::Of(features, rows.clone()),
                })
                .collect(),
            Self::Kept(histories) => histories
                .users()?
                .into_iter()
                .filter(|(user, _)| wanted(user))
                .map(|(user, rows)| {
                    let of = Arc::clone(&user);
                    let read = Box::new(move || histories.window(&of));
                    Task { user, rows: TaskRows::Kept(rows, read) }
                })
                .collect(),
        })
    }
}

/// The newest rows of all users together, as many of each, in the order of time.
pub(super) fn of_everyone<'a>(
    generic: &str,
    tasks: &'a [Task<'a>],
    most: usize,
    of_each: usize,
) -> Task<'a> {
    let of_each = (most / tasks.len().max(1)).clamp(1, of_each);
    let rows = tasks.iter().map(|task| task.rows.count().min(of_each)).sum();
    let read = move || {
        // Of one table the rows are taken as they stand there: texts stay codes.
        let mut table = None;
        let mut positions = Vec::new();
        for task in tasks {
            if let TaskRows::Of(of, rows) = &task.rows {
                table = Some(*of);
                positions.extend_from_slice(&rows[rows.len().saturating_sub(of_each)..]);
            }
        }
        let rows = match table {
            Some(table) => {
                positions.sort_unstable();
                arrow_select::take::take_record_batch(table, &UInt32Array::from(positions))?
            }
            None => {
                let newest = tasks.iter().map(|task| task.rows.newest(of_each));
                history::joined(&newest.collect::<Result<Vec<_>, _>>()?)?
            }
        };
        Ok(history::in_order(&rows)?)
    };
    Task { user: Arc::from(generic), rows: TaskRows::Kept(rows, Box::new(read)) }
}

/// What is learnt of a user's rows.
pub(crate) struct History {
    /// Features and times.
    pub(crate) rows: RecordBatch,
    /// Microseconds since 1970, in order, unknown ones first; empty if none is known.
    pub(super) times: Vec<i64>,
}

impl History {
    /// Rows in the order of time.
    ///
    /// # Errors
    /// Their times are none.
    pub(crate) fn of(rows: RecordBatch) -> Result<Self, String> {
        let (_, times) = without_times(&rows).map_err(|error| error.to_string())?;
        Ok(Self { rows, times })
    }

    /// When the newest row happened, if that is known.
    pub(crate) fn last(&self) -> Option<i64> {
        self.times.last().copied()
    }

    /// Rows that happened after a version's window; where times are not known, as many as there are more
    /// rows than it has learnt. A history that was cut to its length may have any number of new ones: `None`.
    pub(crate) fn newer_than(
        &self,
        about: &About,
        longest: Option<HistoryLength>,
    ) -> Option<usize> {
        let rows = self.rows.num_rows();
        let is_cut = matches!(longest, Some(HistoryLength::Rows(most)) if rows >= most);
        match about.window.filter(|_| !self.times.is_empty()) {
            Some(window) => {
                Some(self.times.len() - self.times.partition_point(|at| *at <= window.last))
            }
            None => rows.checked_sub(about.rows).filter(|_| !is_cut),
        }
    }

    /// How much later the newest row is than a version's window, in microseconds, if that is known.
    pub(super) fn later_than(&self, about: &About) -> Option<i64> {
        self.last().zip(about.window).map(|(at, of)| at - of.last)
    }
}

/// Leaves out rows that are later than a day from now, counts them, and says so: a clock was wrong, and one such
/// row would end a window of so much time. Times that are not known are none.
///
/// # Errors
/// The column of times is none.
pub(crate) fn until_tomorrow(
    features: &RecordBatch,
    users: &mut Vec<(Arc<str>, Vec<u32>)>,
    reporter: &dyn Reporter,
    skipped: &mut Skipped,
) -> Result<(), ArrowError> {
    let (_, times) = without_times(features)?;
    let tomorrow = period::now() + 24 * 3600 * 1_000_000;
    if times.iter().all(|time| *time <= tomorrow) {
        return Ok(());
    }
    for (user, rows) in &mut *users {
        let all = rows.len();
        rows.retain(|row| times[*row as usize] <= tomorrow);
        if rows.len() < all {
            let later = counted(all - rows.len(), "row");
            let text =
                format!("user {user:?}: {later} later than tomorrow left out; a clock was wrong");
            let told = skipped.reasons().iter().find(|reason| reason.reason == FUTURE);
            if told.is_none_or(|told| told.messages.len() < Skipped::MESSAGES) {
                reporter.say(Weight::Warning, &text);
            }
            skipped.add_rows(Unit::Row, all - rows.len(), FUTURE, text);
        }
    }
    users.retain(|(_, rows)| !rows.is_empty());
    Ok(())
}

/// The newest of rows that are in the order of time.
pub(super) fn newest(
    rows: &RecordBatch,
    most: Option<HistoryLength>,
) -> Result<RecordBatch, String> {
    let all = rows.num_rows();
    let first = match most {
        None => 0,
        Some(HistoryLength::Rows(most)) => all.saturating_sub(most),
        Some(HistoryLength::Time(span)) => {
            let (_, times) = without_times(rows).map_err(|error| error.to_string())?;
            match times.last() {
                Some(last) => times.partition_point(|time| last.saturating_sub(*time) > span),
                None => {
                    return Err(
                        "--max_history is a length of time, and no row has a readable time; give it as a number of rows"
                            .to_owned(),
                    );
                }
            }
        }
    };
    Ok(rows.slice(first, all - first))
}
