//! Columns that are made of a log's own: who acted ([`actor`]), and counts a user a day
//! ([`counters`]).

pub mod actor;
pub mod counters;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType};
use dfp_io::texts::TextCells;

/// The cells of a column as text, printed if they are none; all missing if there is no such column.
pub(crate) struct Cells {
    array: Option<ArrayRef>,
}

impl Cells {
    pub(crate) fn of(batch: &RecordBatch, name: &str) -> Result<Self, ArrowError> {
        let Some(array) = batch.column_by_name(name) else { return Ok(Self { array: None }) };
        let array = match TextCells::of(array) {
            Some(_) => array.clone(),
            None => arrow_cast::cast(array, &DataType::Utf8)?,
        };
        Ok(Self { array: Some(array) })
    }

    /// The text of a row; `None` if it is missing.
    pub(crate) fn get(&self, row: usize) -> Option<&str> {
        TextCells::of(self.array.as_ref()?)?.get(row)
    }
}
