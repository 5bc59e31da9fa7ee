//! Columns of results, put beside those of a log.

use crate::message::with_columns;
use crate::report::{Reporter, Weight};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::ArrowError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Adds the columns of a stage, and says once if a log has such columns of its own.
#[derive(Clone)]
pub struct ResultColumns {
    /// The stage.
    pub stage: &'static str,
    /// Columns of stages before it: the plan has said that they are replaced.
    pub made_before: Vec<String>,
    /// Who is told.
    pub reporter: Arc<dyn Reporter>,
    /// Whether it has been said.
    pub warned: Arc<AtomicBool>,
}

impl ResultColumns {
    /// `rows` with these columns, the last ones unless `rows` has such a column already.
    ///
    /// # Errors
    /// The columns differ in length.
    pub fn put(
        &self,
        rows: &RecordBatch,
        columns: Vec<(String, ArrayRef)>,
    ) -> Result<RecordBatch, ArrowError> {
        let schema = rows.schema();
        let is_taken = |name: &&str| {
            schema.index_of(name).is_ok() && !self.made_before.iter().any(|made| made == name)
        };
        let taken: Vec<&str> =
            columns.iter().map(|(name, _)| name.as_str()).filter(is_taken).collect();
        if !taken.is_empty() && !self.warned.swap(true, Ordering::Relaxed) {
            let text = format!(
                "the log has columns of its own named {}; they are replaced (--prefix of {} gives others)",
                taken.join(", "),
                self.stage
            );
            self.reporter.say(Weight::Warning, &text);
        }
        with_columns(rows, columns)
    }
}
