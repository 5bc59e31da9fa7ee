//! Why bytes cannot be found, read or written.

use crate::names::shown;
use std::io;
use std::path::{Path, PathBuf};

/// Why a file or object cannot be found, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// No file matches an input pattern.
    #[error("no file matches \"{pattern}\"; {hint}")]
    NoMatch {
        /// The pattern as typed.
        pattern: String,
        /// The nearest existing directory and what it holds.
        hint: String,
    },
    /// The pattern itself is malformed.
    #[error(
        "{cause} in file pattern \"{pattern}\"; expected a path with `*`, `?`, `[abc]`, and `**` for any depth of directories"
    )]
    Pattern {
        /// The pattern as typed.
        pattern: String,
        /// What is malformed.
        cause: String,
    },
    /// An address, in place of a path, that cannot be used.
    #[error("{cause}: \"{address}\"; expected {accepted}")]
    Address {
        /// The address as typed.
        address: String,
        /// Why not.
        cause: String,
        /// What would be accepted.
        accepted: String,
    },
    /// The operating system or a server refused.
    #[error("{cause}: cannot {action} \"{}\"", shown(path))]
    Os {
        /// What was tried: `read`, `create`, `write`, …
        action: &'static str,
        /// The file, directory or address.
        path: PathBuf,
        /// The system's or the server's reason.
        #[source]
        cause: io::Error,
    },
    /// The output exists and may not be replaced.
    #[error("\"{}\" exists already; choose another name or pass --overwrite", shown(path))]
    Exists {
        /// The output file.
        path: PathBuf,
    },
}

impl StorageError {
    /// The system or a server refused `action`: `read`, `create`, `write`, …
    pub fn os(action: &'static str, path: &Path, cause: io::Error) -> Self {
        Self::Os { action, path: path.to_owned(), cause }
    }
}
