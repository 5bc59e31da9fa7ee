//! Log files to Arrow tables: one file a source, one folder a format.
//!
//! [`read()`] makes one table of many files, in the order of time; [`read_in_parts`] reads a large file piece by piece;
//! [`hours()`] finds out when events happened. What has to be left out is counted and named ([`skipped`]). Memory is
//! bounded by what files unpack to. It knows columns and their types, and nothing of users or models.

pub mod azure;
pub mod bytes;
pub mod cloudtrail;
pub mod columns;
pub mod csv;
pub mod dialect;
pub mod duo;
mod error;
mod file;
mod gathered;
mod hours;
mod identifiers;
pub mod json;
mod merge;
mod names;
pub mod okta;
mod parquet;
mod parts;
mod pieces;
mod read;
pub mod skipped;
mod sliced;
pub mod table;
#[cfg(test)]
mod tests;
pub mod text;
pub mod texts;
pub mod time;
mod union;
mod waiting;
mod wanted;

pub use dialect::Dialect;
pub use error::{LogError, Place};
pub use file::format;
pub use hours::{Hours, TIMELESS_HOUR, Times, hours};
pub use json::Nested;
pub use parts::{Parts, read_in_parts};
pub use read::{ALWAYS, EVENT_DT, Earlier, FileType, LABELLED, OnRows, ReadOptions, Slice, read};
pub use skipped::Skipped;
pub use sliced::{Sliced, SlicedFiles};
pub use union::print;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use texts::Cells;

/// More columns than this are a malformed or hostile file: every one is as long as the table.
const MAX_COLUMNS: usize = 20_000;

/// What a reader made of all files together.
#[derive(Clone, Debug)]
pub struct LogTable {
    /// The rows. Column names are cleaned, columns stand in order of first appearance, and
    /// `event_dt` (UTC, microseconds; missing where a row has no readable time) is last if any file has event times.
    pub batch: RecordBatch,
    /// For each row its label within its own file.
    pub file_rows: Int64Array,
    /// What was left out and why.
    pub skipped: Skipped,
    /// There are more rows of the slice, which did not fit: the next read of the same slice has them.
    pub more: bool,
}

/// A column of one file.
#[derive(Clone, Debug)]
pub struct Column<V = ArrayRef> {
    /// Name as the file has it; members of nested objects are joined with dots.
    pub name: String,
    /// Int64, UInt64, Float64, Boolean, text ([`texts`](crate::texts)); Null if every value is
    /// missing (a float column in pandas).
    pub values: V,
}

/// One file as a table.
#[derive(Clone, Debug)]
pub struct FileTable<V = ArrayRef> {
    /// The columns, all of the same length.
    pub columns: Vec<Column<V>>,
    /// Row labels of a CSV file whose rows all have one field more than its header. Where labels are the
    /// [`positions`](Self::positions), those in its first column too.
    pub labels: Option<ArrayRef>,
    /// Position of each row among all rows of the file, skipped ones included, from 0.
    pub positions: Vec<i64>,
    /// Rows left out.
    pub skipped: Skipped,
}

impl FileTable<Cells> {
    /// The table with all its texts finished.
    fn finish(self) -> Result<FileTable, LogError> {
        let Self { columns, labels, positions, skipped } = self;
        let columns = columns
            .into_iter()
            .map(|Column { name, values }| Ok(Column { name, values: values.finish()? }))
            .collect::<Result<_, LogError>>()?;
        Ok(FileTable { columns, labels, positions, skipped })
    }
}
