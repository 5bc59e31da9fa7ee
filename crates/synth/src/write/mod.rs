//! Files of logs: what all forms of them need.

mod by_time;

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

pub(super) use by_time::Form;

use super::error::GenerateError;

pub(super) fn create(path: &Path) -> Result<BufWriter<File>, GenerateError> {
    let file = File::create(path).map_err(io_error("create", path))?;
    Ok(BufWriter::with_capacity(1 << 18, file))
}

pub(super) fn io_error(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> GenerateError {
    let path = PathBuf::from(path);
    move |cause| GenerateError::Io { action, path, cause }
}

/// Prints as `2024-01-01T08:15:30Z`.
pub(super) fn timestamp(seconds: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}
