//! Why results cannot be written, or what was done cannot be remembered.

use dfp_logs::LogError;
use dfp_storage::StorageError;
use dfp_storage::names::shown;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why results cannot be written, or what was done cannot be remembered.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// A file cannot be read or written.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A log cannot be looked at.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The output's format cannot be told from its name.
    #[error(
        "unknown output format of \"{}\"; accepted endings: .csv, .json, .jsonl, .jsonlines, .parquet",
        shown(path)
    )]
    Format {
        /// The output file.
        path: PathBuf,
    },
    /// A batch does not fit what has been written so far.
    #[error("{cause} in \"{}\"; the first batch fixed the columns: {columns}", shown(path))]
    Columns {
        /// The output file.
        path: PathBuf,
        /// Which columns do not fit.
        cause: String,
        /// The columns of the file.
        columns: String,
    },
    /// The state folder cannot be used.
    #[error("state \"{}\": {cause}", shown(path))]
    State {
        /// The database within the folder.
        path: PathBuf,
        /// The reason, and what to do.
        cause: String,
    },
    /// A table could not be encoded.
    #[error("{cause}: cannot {action}")]
    Table {
        /// What was tried.
        action: String,
        /// The reason.
        cause: String,
    },
}

impl ConnectorError {
    pub(crate) fn os(action: &'static str, path: &Path, cause: io::Error) -> Self {
        StorageError::os(action, path, cause).into()
    }

    pub(crate) fn table(action: impl Into<String>, cause: &dyn fmt::Display) -> Self {
        Self::Table { action: action.into(), cause: cause.to_string() }
    }
}
