//! Many files to one table, in the order of time.

use super::Dialect;
use super::concat::union;
use super::gathered::Gathered;
use super::log_table::{LogTable, places, table};
use super::options::ReadOptions;
use super::projection::Wanted;
use crate::error::LogError;
use crate::skipped::Unit;
use std::path::{Path, PathBuf};

const OTHER: &str = "digest or Insight file";

/// Reads and joins the files of a source; `on_file` is told each file and its rows, in order.
///
/// Files are read in parallel on the current rayon pool; the result does not depend on its size.
/// A file that cannot be read is counted in [`LogTable::skipped`], and so is a row without a readable
/// time: of all files, if a time is expected, or else if any file has times.
///
/// # Errors
/// [`LogError::NoRows`] if no file gives a row, with the reasons; [`LogError::Table`] if a text
/// column of all files together exceeds 2 GiB; [`LogError::Overflow`] if that is asked for.
pub fn read(
    dialect: &Dialect,
    files: &[PathBuf],
    options: &ReadOptions<'_>,
    on_file: &mut dyn FnMut(&Path, usize),
) -> Result<LogTable, LogError> {
    let mut gathered = Gathered::new(Wanted { dialect, options }, files.len());
    let (others, files): (Vec<&PathBuf>, Vec<&PathBuf>) =
        files.iter().partition(|path| dialect.is_other_file(path));
    for path in others {
        gathered.skipped.add(Unit::File, OTHER, || format!("no log by its name: {path:?}"));
        on_file(path, 0);
    }
    let (parts, more) = loop {
        let more = gathered.gather(dialect, &files, on_file)?;
        let parts = gathered.take();
        // What is in memory may be left out altogether, and the rest has rows.
        if !more || parts.iter().any(|part| part.rows > 0) {
            break (parts, more);
        }
    };
    let skipped = gathered.skipped;
    let rows: usize = parts.iter().map(|part| part.rows).sum();
    if u32::try_from(rows).is_err() {
        return Err(LogError::table("join the files", &format!("{rows} rows are more than 2^32")));
    }
    if rows == 0 {
        return Err(LogError::NoRows { files: files.len(), skipped: Box::new(skipped) });
    }
    let places = if options.sort { places(&parts) } else { None };
    let columns = union(parts, places.as_deref())?;
    Ok(LogTable { more, ..table(columns, rows, skipped)? })
}
