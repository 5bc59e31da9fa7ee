//! Generated logs to read, in a temporary directory that goes when they are dropped.

use crate::error::RunError;
use dfp_logs::LogError;
use dfp_logs::{ReadOptions, cloudtrail};
use dfp_storage::StorageError;
use dfp_synth::{GenerateOptions, LogFormat, LogSource, generate};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Enough files for all cores of a large machine.
const USERS: u32 = 16;
/// About 7 MB of CSV or 25 MB of JSON for all users: a read takes some hundredths of a second.
const ROWS_A_USER: u32 = 1_250;
/// The variable that [`std::env::temp_dir`] goes by.
const VARIABLE: &str = if cfg!(windows) { "TMP" } else { "TMPDIR" };

/// The log files of one format.
pub(super) struct Logs {
    files: Vec<PathBuf>,
    rows: u64,
    bytes: u64,
    /// Holds the files until all is read.
    directory: TempDir,
}

impl Logs {
    /// Generates the files.
    pub(super) fn new(format: LogFormat) -> Result<Self, RunError> {
        let directory = tempfile::Builder::new().prefix("morpheus-bench-").tempdir();
        let directory = directory.map_err(|error| {
            RunError::Failed(format!(
                "cannot make a directory in the temporary directory {:?}: {}; {VARIABLE} in the \
                 environment names another",
                std::env::temp_dir(),
                error.kind()
            ))
        })?;
        let made = generate(&GenerateOptions {
            users: USERS,
            training_rows: ROWS_A_USER,
            new_rows: 1,
            takeovers: 0,
            source: LogSource::CloudTrail(format),
            ..GenerateOptions::new(directory.path())
        })?;
        let files = list(&directory.path().join("training"))?;
        let bytes = files.iter().map(|(_, bytes)| bytes).sum();
        let files = files.into_iter().map(|(path, _)| path).collect();
        Ok(Self { files, rows: made.training_rows, bytes, directory })
    }

    /// Size of all files.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads all files with all their columns, as a source does.
    pub(super) fn read(&self) -> Result<(), RunError> {
        let options = ReadOptions::default();
        let table = dfp_logs::read(&cloudtrail::DIALECT, &self.files, &options, &mut |_, _| {})?;
        let rows = std::hint::black_box(table).batch.num_rows();
        // A file that cannot be read is skipped: fast, but no measurement.
        if rows as u64 == self.rows {
            return Ok(());
        }
        let directory = self.directory.path();
        Err(RunError::Failed(format!("{rows} of {} rows in {directory:?} were read", self.rows)))
    }
}

/// Files of a directory and their sizes in bytes, by name.
fn list(directory: &Path) -> Result<Vec<(PathBuf, u64)>, LogError> {
    let failed = |cause| StorageError::Os { action: "list", path: directory.to_owned(), cause };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        files.push((entry.path(), entry.metadata().map_err(failed)?.len()));
    }
    files.sort_unstable();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_of_both_formats_are_read_whole_and_leave_nothing() {
        for format in [LogFormat::Csv, LogFormat::Json] {
            let logs = Logs::new(format).unwrap();
            assert_eq!(logs.rows, u64::from(USERS * ROWS_A_USER));
            assert!(logs.bytes() > 1_000_000);
            logs.read().unwrap();
            let directory = logs.directory.path().to_owned();
            assert!(directory.is_dir());
            drop(logs);
            assert!(!directory.exists());
        }
    }
}
