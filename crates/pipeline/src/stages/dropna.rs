//! `dropna`: leaves out rows without a value in a column.

use super::ScoreStats;
use crate::message::Message;
use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use dfp_engine::{BoxError, Outlet, Stage};
use dfp_logs::columns::missing_column;
use std::sync::Arc;

/// The stage.
pub struct DropNa {
    /// The column.
    pub column: String,
    /// Told how many rows will not be scored.
    pub book: Arc<ScoreStats>,
}

impl Stage<Message> for DropNa {
    fn process(&mut self, message: Message, out: &mut Outlet<Message>) -> Result<(), BoxError> {
        let name = &self.column;
        let column = message.rows.column_by_name(name).ok_or_else(|| {
            missing_column("column that needs a value (--column):", name, &message.rows.schema())
        })?;
        let nulls = column.logical_nulls();
        let numbers = column.as_primitive_opt::<Float64Type>();
        let has_value = |row: &u32| {
            let row = *row as usize;
            nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row))
                && numbers.is_none_or(|numbers| !numbers.value(row).is_nan())
        };
        let kept: Vec<u32> = (0..column.len() as u32).filter(has_value).collect();
        let dropped = column.len() - kept.len();
        if dropped == 0 {
            out.emit(message);
            return Ok(());
        }
        if message.scores.is_none() {
            self.book.expect_less(dropped);
        }
        out.drop_rows(dropped, format!("without a value in column {name:?}"));
        // Empty or not, it goes on: it may carry a receipt.
        out.emit(message.only(&kept)?);
        Ok(())
    }
}
