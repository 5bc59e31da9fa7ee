//! `--debug`: when each stage let a row go, as a column.

use super::ResultColumns;
use crate::message::Message;
use arrow_array::{ArrayRef, Int64Array};
use dfp_engine::{BoxError, Outlet, Stage};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Stands behind a stage, and adds `_ts_` and the stage's name: milliseconds since 1970.
pub struct Stamp {
    column: String,
    results: ResultColumns,
}

impl Stamp {
    /// What stands behind the stage of this name.
    pub fn new(stage: &str, results: ResultColumns) -> Self {
        Self { column: format!("_ts_{stage}"), results }
    }
}

impl Stage<Message> for Stamp {
    fn process(&mut self, mut message: Message, out: &mut Outlet<Message>) -> Result<(), BoxError> {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX);
        let times: ArrayRef = Arc::new(Int64Array::from(vec![now; message.rows.num_rows()]));
        message.rows = self.results.put(&message.rows, vec![(self.column.clone(), times)])?;
        out.emit(message);
        Ok(())
    }
}
