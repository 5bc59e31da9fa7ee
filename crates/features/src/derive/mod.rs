//! Columns that are made of a log's own. One file a family of operations; a new operation is a type
//! with the keys that it reads and what it makes, and one entry of `OPERATIONS`.
//!
//! [`apply`](crate::apply) makes them in the order that they need.

mod actor;
mod agent;
mod cells;
mod counters;
mod filter;
pub(crate) mod kinds;
mod lookup;
mod network;
mod text;
mod time;
mod user_history;

pub use cells::{Cells, Texts};
pub use counters::Counter;
pub use filter::Filter;
pub use time::instants;
pub(crate) use time::time_formats;
pub use user_history::Memory;
pub use user_history::beginning_of_the_future;

use crate::document::Keys;
use crate::error::FeatureError;
use arrow_array::{ArrayRef, RecordBatch};
use dfp_logs::time::TimeFormats;
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
    fn make(&self, inputs: &Inputs<'_>) -> Result<Vec<ArrayRef>, FeatureError>;
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
    pub(crate) fn of(batch: &RecordBatch, names: &'a [String], notes: &'a mut Vec<String>) -> Self {
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

#[cfg(test)]
mod tests;
