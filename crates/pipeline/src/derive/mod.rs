//! Columns that are made of a log's own. One file a family of operations; a new operation is a type
//! with the keys that it reads and what it makes, and one entry of `OPERATIONS`.
//!
//! Columns that do not depend on the user are made first ([`before_users`]), since the column of
//! users may be one of them, and so may the columns by which rows are left out. The others
//! ([`derive()`]) are made in the order of each user's events, from a [`Memory`] that outlives a batch.

mod actor;
mod agent;
mod cells;
mod counters;
mod filter;
mod kinds;
mod lookup;
mod memory;
mod network;
mod text;
mod time;

pub use counters::Counter;
pub use filter::Filter;
pub use memory::Memory;
pub(crate) use memory::beginning_of_the_future;
pub(crate) use time::instants;

use crate::error::RunError;
use crate::features::{Features, Keys};
use arrow_array::{ArrayRef, BooleanArray, RecordBatch};
use arrow_schema::{ArrowError, Schema};
pub(crate) use cells::{Cells, Texts};
use dfp_io::columns::{missing_column, with_columns};
use dfp_io::logs::time::TimeFormats;
use dfp_io::logs::{EVENT_DT, LogTable};
use std::cell::RefCell;
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

/// A derived column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The columns that it is made of: the log's, or made before.
    pub inputs: Vec<String>,
    /// The columns that are made: mostly the one of its name.
    pub outputs: Vec<String>,
    /// How.
    pub op: Op,
    /// Made only if it is a feature, tells users apart, or another column needs it.
    pub only_if_used: bool,
    /// Depends on what the row's user has done before.
    pub of_users: bool,
}

/// An operation, ready to be run.
#[derive(Clone, Debug)]
pub enum Op {
    /// Each row by itself.
    Row(Arc<dyn RowOp>),
    /// Each user's rows in the order of time.
    User(Counter),
}

/// An operation on each row by itself.
pub trait RowOp: Debug + Send + Sync {
    /// What is put behind the column's name: one column for each.
    fn suffixes(&self) -> &'static [&'static str] {
        &[""]
    }

    /// How it reads its input, if it makes a column of times.
    fn time_formats(&self) -> Option<&TimeFormats> {
        None
    }

    /// Whether any of its inputs may be absent without a word.
    fn takes_what_there_is(&self) -> bool {
        false
    }

    /// The columns, one for each suffix.
    ///
    /// # Errors
    /// A column cannot be printed or held.
    fn make(&self, inputs: &Inputs<'_>) -> Result<Vec<ArrayRef>, RunError>;
}

impl Op {
    pub(crate) fn suffixes(&self) -> &'static [&'static str] {
        match self {
            Self::Row(op) => op.suffixes(),
            Self::User(_) => &[""],
        }
    }

    pub(crate) fn time_formats(&self) -> Option<&TimeFormats> {
        match self {
            Self::Row(op) => op.time_formats(),
            Self::User(_) => None,
        }
    }

    pub(crate) fn takes_what_there_is(&self) -> bool {
        matches!(self, Self::Row(op) if op.takes_what_there_is())
    }
}

/// What an operation is made of.
pub struct Inputs<'a> {
    cells: Vec<Cells>,
    names: &'a [String],
    rows: usize,
    notes: RefCell<&'a mut Vec<String>>,
}

impl<'a> Inputs<'a> {
    fn of(batch: &RecordBatch, names: &'a [String], notes: &'a mut Vec<String>) -> Self {
        let cells = names.iter().map(|name| Cells::of(batch, name)).collect();
        Self { cells, names, rows: batch.num_rows(), notes: RefCell::new(notes) }
    }

    /// The first input.
    fn first(&self) -> &Cells {
        &self.cells[0]
    }

    /// Tells how many cells of the first input were of no use.
    fn tell_cells(&self, count: usize, what: &str) {
        if count > 0 {
            let name = &self.names[0];
            self.note(match count {
                1 => format!("1 cell of column {name:?} is no {what} and counts as missing"),
                _ => format!("{count} cells of column {name:?} are no {what} and count as missing"),
            });
        }
    }

    fn note(&self, text: String) {
        self.notes.borrow_mut().push(text);
    }
}

/// An operation as a feature file names it.
pub(crate) struct Operation {
    /// Its word.
    pub(crate) name: &'static str,
    /// What it is made of.
    pub(crate) of: Of,
    /// Reads its other keys; files that they name are looked for in the folder.
    pub(crate) read: fn(&Keys<'_, '_>, &Path) -> Option<Op>,
}

/// What the key `of` of an operation names.
pub(crate) enum Of {
    /// One column.
    One,
    /// One column or several.
    Several,
    /// A column of times; the event's time if there is no such key.
    Time,
    /// There is no such key: it is always made of these.
    Nothing(&'static [&'static str]),
}

/// All operations.
pub(crate) static OPERATIONS: [Operation; 19] = [
    Operation { name: "rename", of: Of::One, read: text::rename },
    Operation { name: "cast", of: Of::One, read: text::cast },
    Operation { name: "bool", of: Of::One, read: text::boolean },
    Operation { name: "datetime", of: Of::One, read: time::datetime },
    Operation { name: "part", of: Of::Time, read: time::part },
    Operation { name: "join", of: Of::One, read: text::join },
    Operation { name: "concat", of: Of::Several, read: text::concat },
    Operation { name: "extract", of: Of::One, read: text::extract },
    Operation { name: "lowercase", of: Of::One, read: text::lowercase },
    Operation { name: "trim", of: Of::One, read: text::trim },
    Operation { name: "network", of: Of::One, read: network::network },
    Operation { name: "address_class", of: Of::One, read: network::class },
    Operation { name: "lookup", of: Of::One, read: lookup::lookup },
    Operation { name: "agent", of: Of::One, read: agent::agent },
    Operation { name: "actor", of: Of::Nothing(&actor::INPUTS), read: actor::actor },
    Operation { name: "increment", of: Of::Nothing(&[]), read: counters::increment },
    Operation { name: "distinct_increment", of: Of::Several, read: counters::distinct_increment },
    Operation { name: "first_seen", of: Of::Several, read: counters::first_seen },
    Operation { name: "since_previous", of: Of::Nothing(&[]), read: counters::since_previous },
];

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
pub fn before_users(features: &Features, table: &mut LogTable) -> Result<Notes, RunError> {
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

fn check_inputs(features: &Features, schema: &Schema, notes: &mut Notes) -> Result<(), RunError> {
    for absent in features.absent_inputs(schema) {
        if absent.of.is_some() && absent.of == features.derived_time() {
            let what = "column of times:";
            return Err(RunError::Failed(missing_column(what, absent.input, schema)));
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
) -> Result<RecordBatch, RunError> {
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
) -> Result<(RecordBatch, Notes), RunError> {
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
    batch = kinds::enforce(features, &batch, &mut notes.messages)?;
    Ok((kept(features, &batch)?, notes))
}

/// When each row happened, in nanoseconds since 1970, as far as that is known; `None` if nobody needs to know.
fn event_times(
    features: &Features,
    batch: &RecordBatch,
    notes: &mut Notes,
) -> Result<Option<Vec<Option<i64>>>, RunError> {
    let derived = features.derived_time();
    if derived.is_none() && !features.counts() {
        // The reader has put all rows in order.
        return Ok(None);
    }
    let Some(column) = batch.column_by_name(derived.unwrap_or(EVENT_DT)) else {
        let name = features.time.as_ref().map_or(EVENT_DT, |time| time.name.as_str());
        return Err(RunError::Failed(missing_column("column of times:", name, &batch.schema())));
    };
    let times = time::instants(column)?;
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

#[cfg(test)]
mod tests;
