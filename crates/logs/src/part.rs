//! One file's rows on their way to a table, under clean names.

use crate::skipped::Skipped;
use crate::texts::Cells;
use arrow_array::ArrayRef;

/// Name of the column that holds the event time.
pub const EVENT_DT: &str = "event_dt";
/// Name of a log's own column `event_dt` while tables are joined, where it is not made.
pub(super) const OWN_EVENT_DT: &str = "event_dt\0";
/// Name of the row label while tables are joined; no column of a log has an empty name.
pub(super) const LABEL: &str = "";
/// Bytes that a column takes besides its cells and its name.
const COLUMN: usize = size_of::<(String, Cells)>();

/// One file's part of the whole.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) columns: Vec<(String, Cells)>,
    pub(super) rows: usize,
    pub(super) skipped: Skipped,
    /// There is a column that says when rows happened.
    pub(super) is_timed: bool,
    /// When each row happened, if the rows are to be cut by time.
    pub(super) when: Option<Vec<i64>>,
}

impl Part {
    /// Bytes that it takes.
    pub(super) fn memory(&self) -> u64 {
        let columns = self.columns.iter().map(|(name, cells)| COLUMN + name.len() + cells.memory());
        let when = self.when.as_ref().map_or(0, |when| size_of_val(&when[..]));
        (columns.sum::<usize>() + when) as u64
    }

    /// What was left out behind the last rows.
    pub(super) fn without_rows(skipped: Skipped) -> Self {
        Self { columns: Vec::new(), rows: 0, skipped, is_timed: false, when: None }
    }

    /// A column that is not one of open texts.
    pub(super) fn array(&self, wanted: &str) -> Option<&ArrayRef> {
        self.columns.iter().find_map(|(name, values)| match values {
            Cells::Array(values) if name == wanted => Some(values),
            _ => None,
        })
    }
}
