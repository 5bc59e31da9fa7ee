//! Makes a feature file's columns of a table, in the order that they need.
//!
//! Columns that do not depend on the user are made first ([`before_users`]), since the column of
//! users may be one of them, and so may the columns by which rows are left out. The others
//! ([`derive()`]) are made in the order of each user's events, from a [`Memory`] that outlives a batch.

use crate::derive::kinds::{Type, cast};
use crate::derive::{Cells, Column, Inputs, Memory, Op, instants};
use crate::error::FeatureError;
use crate::feature_file::{Features, Kind};
use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::{ArrowError, Schema};
use dfp_logs::columns::{missing_column, with_columns};
use dfp_logs::{EVENT_DT, LogTable};
use std::sync::Arc;

/// What is to be told about a batch.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// Rows that the feature file leaves out.
    pub filtered: usize,
    /// Rows without a readable time, where they have not been counted before.
    pub timeless: usize,
    /// What went not quite as written.
    pub messages: Vec<String>,
}

/// Makes the columns that do not depend on the user, and leaves out the rows that are not used.
///
/// # Errors
/// There is no column of times; a column cannot be printed or held.
pub fn before_users(features: &Features, table: &mut LogTable) -> Result<Notes, FeatureError> {
    let mut notes = Notes::default();
    let schema = table.batch.schema();
    check_inputs(features, &schema, &mut notes)?;
    // The reader has named the rows whose time cannot be read.
    let is_told = features.derived_time().filter(|_| features.clock().is_some());
    for column in features.columns.iter().filter(|column| !column.of_users) {
        let mut told = Vec::new();
        let messages =
            if is_told == Some(column.name.as_str()) { &mut told } else { &mut notes.messages };
        table.batch = with_column(&table.batch, column, &schema, messages)?;
    }
    if let Some(filter) = &features.rows {
        let used = filter.rows(&table.batch)?;
        notes.filtered = used.iter().filter(|used| !**used).count();
        if notes.filtered > 0 {
            let used = BooleanArray::from(used);
            table.batch = arrow_select::filter::filter_record_batch(&table.batch, &used)?;
            let labels = arrow_select::filter::filter(&table.file_rows, &used)?;
            table.file_rows = arrow_array::cast::AsArray::as_primitive(&labels).clone();
        }
    }
    Ok(notes)
}

fn check_inputs(
    features: &Features,
    schema: &Schema,
    notes: &mut Notes,
) -> Result<(), FeatureError> {
    for absent in features.absent_inputs(schema) {
        if absent.of.is_some() && absent.of == features.derived_time() {
            let what = "column of times:";
            return Err(FeatureError::NoColumn(missing_column(what, absent.input, schema)));
        }
        let place = absent.of.map_or("rows".to_owned(), |name| format!("column {name:?}"));
        let what = format!("column for {place} of {}:", features.name);
        let told = missing_column(&what, absent.input, schema);
        notes.messages.push(format!("{told}; it counts as missing"));
    }
    Ok(())
}

/// `batch` with a derived column, which goes before one of the log's of the same name.
fn with_column(
    batch: &RecordBatch,
    column: &Column,
    log: &Schema,
    notes: &mut Vec<String>,
) -> Result<RecordBatch, FeatureError> {
    for output in &column.outputs {
        if log.field_with_name(output).is_ok() && !column.inputs.contains(output) {
            notes.push(format!("column {output:?} of the log is replaced by the derived one"));
        }
    }
    let Op::Row(op) = &column.op else { return Ok(batch.clone()) };
    let arrays = op.make(&Inputs::of(batch, &column.inputs, notes))?;
    Ok(with_columns(batch, column.outputs.iter().cloned().zip(arrays))?)
}

/// Puts each user's rows (positions in `batch`) in the order of time, equal times as they stand and rows
/// without a time last, and makes the columns that depend on what the user has done before, as far as `memory` knows it.
/// Then gives features the kinds that were asked for, and leaves out the columns that are not kept.
///
/// The result depends on the order of time alone, however rows fall into batches: what a row sees of
/// the rows before it is in the memory.
///
/// # Errors
/// There is no column of times; a column cannot be printed or held.
pub fn derive(
    features: &Features,
    batch: &RecordBatch,
    users: &mut [(Arc<str>, Vec<u32>)],
    memory: &mut Memory,
) -> Result<(RecordBatch, Notes), FeatureError> {
    let mut notes = Notes::default();
    let mut batch = batch.clone();
    let log = batch.schema();
    let times = event_times(features, &batch, &mut notes)?;
    if let Some(times) = &times {
        for (_, rows) in users.iter_mut() {
            rows.sort_by_key(|row| times[*row as usize].unwrap_or(i64::MAX));
        }
    }
    for column in features.columns.iter().filter(|column| column.of_users) {
        batch = match (&column.op, &times) {
            (Op::User(counter), Some(times)) => {
                let cells: Vec<Cells> =
                    column.inputs.iter().map(|name| Cells::of(&batch, name)).collect();
                let lateness = features.lateness;
                let array = counter.count(column, &cells, times, users, memory, lateness)?;
                with_columns(&batch, [(column.name.clone(), array)])?
            }
            _ => with_column(&batch, column, &log, &mut notes.messages)?,
        };
    }
    if let (true, Some(times)) = (features.counts(), &times) {
        memory.advance(users, times);
    }
    batch = enforce(features, &batch, &mut notes.messages)?;
    Ok((kept(features, &batch)?, notes))
}

/// When each row happened, in nanoseconds since 1970, as far as that is known; `None` if nobody needs to know.
fn event_times(
    features: &Features,
    batch: &RecordBatch,
    notes: &mut Notes,
) -> Result<Option<Vec<Option<i64>>>, FeatureError> {
    let derived = features.derived_time();
    if derived.is_none() && !features.counts() {
        // The reader has put all rows in order.
        return Ok(None);
    }
    let Some(column) = batch.column_by_name(derived.unwrap_or(EVENT_DT)) else {
        let name = features.time.as_ref().map_or(EVENT_DT, |time| time.name.as_str());
        return Err(FeatureError::NoColumn(missing_column(
            "column of times:",
            name,
            &batch.schema(),
        )));
    };
    let times = instants(column)?;
    // The reader has counted the rows of which the log's own column says no time.
    if derived.is_some() && features.clock().is_none() {
        notes.timeless = times.iter().filter(|time| time.is_none()).count();
    }
    Ok(Some(times))
}

/// The columns that are passed on.
fn kept(features: &Features, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let Some(patterns) = &features.keep else { return Ok(batch.clone()) };
    let schema = batch.schema();
    let needed = |name: &str| {
        name == EVENT_DT
            || features.makes(name)
            || features.user.as_deref() == Some(name)
            || features.time.as_ref().is_some_and(|time| time.name == name)
            || features.features.iter().any(|feature| feature.column == name)
            || patterns.iter().any(|pattern| pattern.is_match(name))
    };
    let kept: Vec<usize> =
        (0..schema.fields().len()).filter(|at| needed(schema.field(*at).name())).collect();
    batch.project(&kept)
}

/// Casts the features whose kind was asked for.
fn enforce(
    features: &Features,
    batch: &RecordBatch,
    notes: &mut Vec<String>,
) -> Result<RecordBatch, FeatureError> {
    let mut columns = Vec::new();
    for feature in &features.features {
        let Some(array) = batch.column_by_name(&feature.column) else { continue };
        let Some(kind) = feature.kind else { continue };
        let to = match kind {
            Kind::Number => Type::Number,
            Kind::Category => Type::Text,
            Kind::Flag => Type::Flag,
        };
        let (made, lost) = cast(array, to)?;
        if lost > 0 {
            let (name, word) = (&feature.column, to.word());
            notes.push(match lost {
                1 => format!("feature {name:?}: 1 cell is no {word} and counts as missing"),
                _ => format!("feature {name:?}: {lost} cells are no {word} and count as missing"),
            });
        }
        columns.push((feature.column.clone(), made));
    }
    Ok(with_columns(batch, columns)?)
}
