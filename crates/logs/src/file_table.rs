//! One file as a table: what every format makes of a file.

use crate::error::LogError;
use crate::skipped::Skipped;
use crate::texts::Cells;
use arrow_array::ArrayRef;

/// More columns than this are a malformed or hostile file: every one is as long as the table.
pub(super) const MAX_COLUMNS: usize = 20_000;

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
    pub(super) fn finish(self) -> Result<FileTable, LogError> {
        let Self { columns, labels, positions, skipped } = self;
        let columns = columns
            .into_iter()
            .map(|Column { name, values }| Ok(Column { name, values: values.finish()? }))
            .collect::<Result<_, LogError>>()?;
        Ok(FileTable { columns, labels, positions, skipped })
    }
}
