//! What can go wrong between a file and a table.

use crate::skipped::{Skipped, Unit};
use dfp_storage::StorageError;
use dfp_storage::memory_limit::MemoryLimit;
use dfp_storage::names::shown;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why an input could not be read or an output could not be written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A file or object cannot be found, read or written.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The content of a file is not what it should be.
    #[error("{cause}: \"{}\"{place}; expected {expected}", shown(path))]
    Content {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        place: Box<Place>,
        /// What was found, values in quotes.
        cause: String,
        /// What would be accepted.
        expected: String,
    },
    /// A file that does not fit into the memory that reading may take, and cannot be cut.
    #[error(
        "{cause}: \"{}\"{place}; raise --memory_limit, which is {limit}, or split the file",
        shown(path)
    )]
    Memory {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        place: Box<Place>,
        /// What is too large, and how large it may be.
        cause: String,
        /// The limit.
        limit: MemoryLimit,
    },
    /// What is read together does not fit into the memory that reading may take.
    #[error(
        "{files} files do not fit into memory together; raise --memory_limit, which is {limit}, or read fewer files at a time"
    )]
    Overflow {
        /// How many files they are.
        files: usize,
        /// The limit.
        limit: MemoryLimit,
    },
    /// All files were read, and none gave a row.
    #[error("no rows in {files} file(s){}", skipped.text())]
    NoRows {
        /// Number of files read.
        files: usize,
        /// What was left out, and why.
        skipped: Box<Skipped>,
    },
    /// A table could not be built or encoded.
    #[error("{cause}: cannot {action}")]
    Table {
        /// What was tried.
        action: String,
        /// The reason.
        cause: String,
    },
}

impl LogError {
    pub(crate) fn os(action: &'static str, path: &Path, cause: io::Error) -> Self {
        StorageError::os(action, path, cause).into()
    }

    pub(crate) fn memory(path: &Path, place: Place, cause: String, limit: MemoryLimit) -> Self {
        Self::Memory { path: path.to_owned(), place: Box::new(place), cause, limit }
    }

    /// Counts a file that gave this error under a reason. One that the system did not give may be there
    /// the next time.
    pub(crate) fn leave_out(&self, path: &Path, reason: &'static str, skipped: &mut Skipped) {
        skipped.add(Unit::File, reason, || self.to_string());
        if matches!(self, Self::Storage(StorageError::Os { .. })) {
            skipped.add_unread(path);
        }
    }

    pub(crate) fn table(action: impl Into<String>, cause: &dyn fmt::Display) -> Self {
        Self::Table { action: action.into(), cause: cause.to_string() }
    }
}

/// A place in a file; every part is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Physical line, from 1.
    pub line: Option<u64>,
    /// Position within the line in bytes, from 1.
    pub column: Option<u64>,
    /// Position within the (uncompressed) file in bytes, from 0.
    pub byte: Option<u64>,
    /// Row label within the file.
    pub row: Option<i64>,
    /// Name of the table column.
    pub field: Option<String>,
}

impl Place {
    pub(crate) fn line(line: usize) -> Self {
        Self { line: Some(line as u64), ..Self::default() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, " line {line}")?;
        }
        if let Some(column) = self.column {
            write!(f, " column {column}")?;
        }
        if let Some(byte) = self.byte {
            write!(f, " byte {byte}")?;
        }
        if let Some(row) = self.row {
            write!(f, " row {row}")?;
        }
        if let Some(field) = &self.field {
            write!(f, " field \"{field}\"")?;
        }
        Ok(())
    }
}
