//! `validate`: compares rows with those of a file, and passes them on.

mod cells;
mod comparison;
#[cfg(test)]
mod tests;

use crate::error::RunError;
use crate::message::Message;
use crate::plan;
use crate::source;
use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use comparison::{Comparison, Tolerance};
use dfp_engine::{BoxError, Outlet, Stage};
use dfp_engine::{Reporter, Weight};
use dfp_logs::columns::{INDEX, missing_column};
use dfp_logs::{LogTable, ReadOptions};
use dfp_report::summary::Validation;
use dfp_storage::StorageError;
use dfp_storage::atomic_write;
use dfp_storage::names::shown;
use parking_lot::Mutex;
use std::sync::Arc;

/// The stage.
pub struct Validate {
    settings: plan::Validate,
    /// `None` once it has been finished.
    comparison: Option<Comparison>,
    /// The expected rows have the column of `--index_col`.
    index_is_expected: bool,
    /// Told that the results do not have it.
    told: bool,
    reporter: Arc<dyn Reporter>,
    /// What was found, for the summary.
    found: Arc<Mutex<Vec<Validation>>>,
}

impl Validate {
    /// Reads the expected rows; what was found can be seen in `found` after the run.
    ///
    /// # Errors
    /// The file cannot be read, or, in a strict run, not wholly; the results file exists and is not to
    /// be replaced.
    pub fn open(
        settings: &plan::Validate,
        user_column: Option<&str>,
        strict: bool,
        reporter: &Arc<dyn Reporter>,
        found: &Arc<Mutex<Vec<Validation>>>,
    ) -> Result<Self, RunError> {
        if let Some(path) = &settings.results_file_name
            && atomic_write::replaces(path)
            && !settings.overwrite
        {
            let exists = StorageError::Exists { path: path.clone() };
            return Err(RunError::Failed(format!("validate: --results_file_name: {exists}")));
        }
        let identifiers: Vec<String> = user_column.iter().map(|&name| name.to_owned()).collect();
        let options =
            ReadOptions { identifiers: &identifiers, sort: false, ..ReadOptions::default() };
        let files = [settings.val_file_name.clone()];
        let table = dfp_logs::read(&dfp_logs::table::DIALECT, &files, &options, &mut |_, _| {})
            .map_err(|why| RunError::Failed(format!("validate: --val_file_name: {why}")))?;
        source::check_skipped(&table.skipped, "expected rows", strict, reporter.as_ref())?;
        let index = settings.index_col.as_deref().and_then(|name| table.batch.column_by_name(name));
        Ok(Self {
            comparison: Some(expect(settings, index, &table)?),
            index_is_expected: index.is_some(),
            settings: settings.clone(),
            told: false,
            reporter: Arc::clone(reporter),
            found: Arc::clone(found),
        })
    }

    /// The labels of rows that came.
    fn labels(&mut self, rows: &RecordBatch) -> Result<ArrayRef, BoxError> {
        if let Some(name) = &self.settings.index_col {
            if let Some(column) = rows.column_by_name(name) {
                return Ok(Arc::clone(column));
            }
            if !self.index_is_expected {
                let what = "column of --index_col, neither in the rows nor in the expected ones:";
                return Err(missing_column(what, name, &rows.schema()).into());
            }
            if !self.told {
                self.told = true;
                let text = format!(
                    "validate: --index_col: the rows have no column {name:?}: their row numbers are used instead"
                );
                self.reporter.say(Weight::Warning, &text);
            }
        }
        let numbers = rows.column_by_name(INDEX).cloned();
        let positions = || Arc::new(Int64Array::from_iter_values(0..rows.num_rows() as i64)) as _;
        Ok(numbers.unwrap_or_else(positions))
    }

    /// Writes what was found, and tells it.
    fn tell(&mut self) -> Result<(), BoxError> {
        let Some(comparison) = self.comparison.take() else { return Ok(()) };
        let outcome = comparison.finish();
        for example in &outcome.examples {
            self.reporter.say(Weight::Debug, &format!("validate: {example}"));
        }
        if let Some(path) = &self.settings.results_file_name {
            atomic_write::write_whole(path, outcome.to_json()?.as_bytes())?;
        }
        let validation = Validation {
            file: shown(&self.settings.val_file_name),
            fails: self.settings.fail_on_mismatch && outcome.mismatches(),
            outcome,
        };
        self.found.lock().push(validation);
        Ok(())
    }
}

/// Whether a column is compared: the row number is not, nor is the column that rows are found by.
fn is_compared(settings: &plan::Validate, name: &str) -> bool {
    let plan::Validate { include, exclude, index_col, .. } = settings;
    name != INDEX
        && index_col.as_deref() != Some(name)
        && (include.is_empty() || include.iter().any(|pattern| pattern.is_match(name)))
        && !exclude.iter().any(|pattern| pattern.is_match(name))
}

fn compared(settings: &plan::Validate, rows: &RecordBatch) -> Vec<usize> {
    let schema = rows.schema();
    let compared = |at: &usize| is_compared(settings, schema.field(*at).name());
    (0..schema.fields().len()).filter(compared).collect()
}

/// The expected rows, with only what is compared of them.
fn expect(
    settings: &plan::Validate,
    index: Option<&ArrayRef>,
    table: &LogTable,
) -> Result<Comparison, RunError> {
    let rows: ArrayRef = Arc::new(table.file_rows.clone());
    let schema = table.batch.schema();
    let column = |at| (schema.field(at).name().clone(), Arc::clone(table.batch.column(at)));
    let columns = compared(settings, &table.batch).into_iter().map(column).collect();
    let tolerance = Tolerance { absolute: settings.abs_tol, relative: settings.rel_tol };
    Ok(Comparison::new(index.unwrap_or(&rows), columns, tolerance)?)
}

impl Stage<Message> for Validate {
    fn process(&mut self, message: Message, out: &mut Outlet<Message>) -> Result<(), BoxError> {
        let labels = self.labels(&message.rows)?;
        let rows = message.rows.project(&compared(&self.settings, &message.rows))?;
        if let Some(comparison) = &mut self.comparison {
            comparison.add(&labels, &rows)?;
        }
        out.emit(message);
        Ok(())
    }

    /// What came of a run that was stopped or has failed says nothing about the rest.
    fn close(&mut self, outcome: dfp_engine::Outcome) -> Result<(), BoxError> {
        match outcome {
            dfp_engine::Outcome::Completed => self.tell(),
            dfp_engine::Outcome::Interrupted | dfp_engine::Outcome::Failed => Ok(()),
        }
    }
}
