//! New rows as a model reads them.
//!
//! What a model learnt as a feature is found in new rows or counts as missing there: a column
//! that no new event carries (raw CloudTrail has only the columns of its events), and a cell that
//! is no number in a column learnt as numeric. An infinite number is no gap: it is scored as the largest
//! number there is, and counted, since no log means it.

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, RecordBatch, new_null_array};
use arrow_schema::{ArrowError, DataType};
use dfp_engine::{BoxError, Reporter, Weight};
use dfp_features::first_values;
use dfp_features::own_columns::called;
use dfp_logs::columns::{FILE_ROW, with_columns};
use dfp_model::encode::Infinite;
use dfp_model::user_model::UserModel;
use dfp_model::{EncodedRows, ModelError};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Encodes rows, and counts what they lack.
#[derive(Clone)]
pub struct Encoder {
    /// Whether a cell that is no number ends the run.
    pub strict: bool,
    /// What new rows lacked.
    pub gaps: Arc<Gaps>,
    /// Who is told.
    pub reporter: Arc<dyn Reporter>,
}

/// What new rows lacked of what models know.
#[derive(Debug, Default)]
pub struct Gaps {
    /// Columns that it has been said of.
    columns: Mutex<BTreeSet<String>>,
    cells: AtomicUsize,
    infinite: AtomicUsize,
}

impl Gaps {
    /// Infinite numbers in columns learnt as numeric.
    pub fn infinite(&self) -> usize {
        self.infinite.load(Ordering::Relaxed)
    }

    /// Cells that are no numbers in columns learnt as numeric.
    pub fn cells(&self) -> usize {
        self.cells.load(Ordering::Relaxed)
    }

    fn is_new(&self, column: &str) -> bool {
        self.columns.lock().insert(column.to_owned())
    }
}

impl Encoder {
    /// For rows outside of a run.
    pub fn alone(reporter: &Arc<dyn Reporter>) -> Self {
        Self { strict: false, gaps: Arc::default(), reporter: Arc::clone(reporter) }
    }

    /// The rows as the model of this user reads them.
    ///
    /// # Errors
    /// A cell is none that the model can read, and it is to be strict.
    pub fn encode(
        &self,
        user: &str,
        model: &UserModel,
        rows: &RecordBatch,
    ) -> Result<EncodedRows, BoxError> {
        let rows = first_values::in_place_of_lists(rows)?;
        let mut rows = self.with_absent_columns(user, model, &rows)?;
        loop {
            match model.encode(&rows) {
                Err(ModelError::Cell { column, row, value }) if !self.strict => {
                    rows = self.without_text(user, &rows, &column, row, &value)?;
                }
                Err(error) => return Err(format!("user {user:?}: {error}").into()),
                Ok(encoded) => {
                    self.name_infinite(user, model, &rows)?;
                    return Ok(encoded);
                }
            }
        }
    }

    /// Counts infinite numbers; they end a strict run.
    fn name_infinite(
        &self,
        user: &str,
        model: &UserModel,
        rows: &RecordBatch,
    ) -> Result<(), BoxError> {
        for Infinite { column, cells, row, value } in model.header().plan.infinite(rows)? {
            let row = file_row(rows, row);
            if self.strict {
                let text = format!(
                    "user {user:?}: {value:?} in column {column:?}, row {row}, is not a finite number"
                );
                return Err(text.into());
            }
            self.gaps.infinite.fetch_add(cells, Ordering::Relaxed);
            let cells = match cells {
                1 => "1 number".to_owned(),
                _ => format!("{cells} numbers"),
            };
            let text = format!(
                "user {user:?}: {cells} of column {column:?} not finite, scored as the largest number there is; the first is {value:?} in row {row}"
            );
            self.reporter.say(Weight::Warning, &text);
        }
        Ok(())
    }

    fn with_absent_columns(
        &self,
        user: &str,
        model: &UserModel,
        rows: &RecordBatch,
    ) -> Result<RecordBatch, ArrowError> {
        let schema = rows.schema();
        let absent: Vec<String> = model
            .header()
            .plan
            .columns()
            .filter(|column| schema.index_of(column).is_err())
            .map(str::to_owned)
            .collect();
        for column in absent.iter().filter(|column| self.gaps.is_new(column)) {
            let text = format!(
                "feature column {column:?}, which the model of user {user:?} has learnt, is not in the input: it counts as missing there"
            );
            self.reporter.say(Weight::Warning, &text);
        }
        let missing = absent
            .into_iter()
            .map(|column| (column, new_null_array(&DataType::Null, rows.num_rows())));
        with_columns(rows, missing)
    }

    /// `rows` with what is no number in `column` missing; at least the cell at `row` is.
    fn without_text(
        &self,
        user: &str,
        rows: &RecordBatch,
        column: &str,
        row: usize,
        value: &str,
    ) -> Result<RecordBatch, BoxError> {
        let texts = rows.column_by_name(column).ok_or_else(|| format!("no column {column:?}"))?;
        let numbers = arrow_cast::cast(texts, &DataType::Float64)?;
        let cells = numbers.null_count() - texts.logical_null_count();
        if cells == 0 {
            return Err(
                format!("user {user:?}: {value:?} in column {column:?} is not a number").into()
            );
        }
        self.gaps.cells.fetch_add(cells, Ordering::Relaxed);
        let file_row = file_row(rows, row);
        let text = format!(
            "user {user:?}: {cells} non-numeric values in numeric column {column:?} treated as missing; the first is {value:?} in row {file_row}"
        );
        self.reporter.say(Weight::Warning, &text);
        Ok(with_columns(rows, [(column.to_owned(), numbers)])?)
    }
}

/// The number of a row in its own file.
fn file_row(rows: &RecordBatch, row: usize) -> i64 {
    let numbered = rows.column_by_name(&called(&rows.schema(), FILE_ROW));
    let numbered = numbered.and_then(|c| c.as_primitive_opt::<Int64Type>());
    numbered.map_or(row as i64, |numbers| numbers.value(row))
}
