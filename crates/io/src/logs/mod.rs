//! Log files to Arrow tables: one file a format.

pub mod cloudtrail;
pub mod skipped;

use arrow_array::{Int64Array, RecordBatch};
use skipped::Skipped;

/// What a reader made of all files together.
#[derive(Clone, Debug)]
pub struct LogTable {
    /// The rows. Column names are cleaned, columns stand in order of first appearance, and
    /// `event_dt` (UTC, microseconds, never missing) is last if any file has event times.
    pub batch: RecordBatch,
    /// For each row its label within its own file.
    pub file_rows: Int64Array,
    /// What was left out and why.
    pub skipped: Skipped,
}
