//! Many files to one table, in the order of time.

use super::skipped::{Skipped, Unit};
use super::time::TimeColumn;
use super::union::{Part, union};
use super::{Dialect, LogTable, Nested, file};
use crate::error::IoError;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow_schema::{Field, Schema};
use arrow_select::take::take;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Content of the input files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileType {
    /// Told from the first character of the content and the name's ending.
    #[default]
    Auto,
    /// Comma-separated, with a header line.
    Csv,
    /// An object with a list of events, a list of events, JSON lines, or several documents in a row.
    Json,
    /// Apache Parquet.
    Parquet,
}

/// What is wanted of the files.
#[derive(Clone)]
pub struct ReadOptions<'a> {
    /// Content of the files.
    pub file_type: FileType,
    /// Every file is followed by `repeat - 1` copies of itself, each shifted in time by the file's
    /// span (last minus first event). 0 counts as 1.
    pub repeat: usize,
    /// Only these columns (cleaned names), in the order of the files; `event_dt` always stays.
    /// `None` keeps all.
    pub columns: Option<&'a [String]>,
    /// Columns (cleaned names) that stay text with exact digits even if every value is a number,
    /// besides those of the dialect.
    pub identifiers: &'a [String],
    /// The column of event times, in place of the dialect's. Where it is not there, there is no
    /// `event_dt`.
    pub time: Option<&'a TimeColumn>,
    /// The column that tells when an event happened where there is no `event_dt`, for `between` and
    /// `slice`; an unreadable time counts as 1970.
    pub clock: Option<&'a TimeColumn>,
    /// Sort all rows by (`event_dt`, row label, order of files), if there are event times. Otherwise
    /// rows stay in file order.
    pub sort: bool,
    /// Objects inside JSON lines.
    pub nested: Nested,
    /// Only rows with event times (microseconds since 1970) in this range; the others are counted in
    /// [`LogTable::outside`].
    pub between: Range<i64>,
    /// Which part of a file is read now, if not all of it.
    pub slice: Option<&'a (dyn Fn(&Path) -> Slice + Sync)>,
}

/// A part of a file, of which the other parts are read before or afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Event times of the rows, microseconds since 1970.
    pub times: Range<i64>,
    /// The file has been read before: what it had to leave out has been counted.
    pub again: bool,
}

/// All times.
pub const ALWAYS: Range<i64> = i64::MIN..i64::MAX;

impl Default for ReadOptions<'_> {
    fn default() -> Self {
        Self {
            file_type: FileType::Auto,
            repeat: 1,
            columns: None,
            identifiers: &[],
            time: None,
            clock: None,
            sort: true,
            nested: Nested::Flatten,
            between: ALWAYS,
            slice: None,
        }
    }
}

/// Name of the column that holds the event time.
pub const EVENT_DT: &str = "event_dt";
/// Name of the row label while tables are joined; no column of a log has an empty name.
pub(super) const LABEL: &str = "";
/// Files read at a time for each thread, so that progress is reported along the way.
const FILES_PER_THREAD: usize = 4;

/// Microseconds.
const HOUR: i64 = 3_600_000_000;

const OTHER: &str = "digest or Insight file";
const UNREADABLE: &str = "unreadable file";
const NO_TIME: &str = "no event time";

/// Reads and joins the files of a source; `on_file` is told each file and its rows, in order.
///
/// Files are read in parallel on the current rayon pool; the result does not depend on its size.
/// A file that cannot be read is counted in [`LogTable::skipped`], and so is a row without a time
/// when there are event times at all.
///
/// # Errors
/// [`IoError::NoRows`] if no file gives a row, with the reasons; [`IoError::Table`] if a text
/// column of all files together exceeds 2 GiB.
pub fn read(
    dialect: &Dialect,
    files: &[PathBuf],
    options: &ReadOptions<'_>,
    on_file: &mut dyn FnMut(&Path, usize),
) -> Result<LogTable, IoError> {
    let mut skipped = Skipped::default();
    let mut parts = Vec::with_capacity(files.len());
    let (others, files): (Vec<&PathBuf>, Vec<&PathBuf>) =
        files.iter().partition(|path| dialect.is_other_file(path));
    for path in others {
        skipped.add(Unit::File, OTHER, || format!("no log by its name: {path:?}"));
        on_file(path, 0);
    }
    for chunk in files.chunks(FILES_PER_THREAD * rayon::current_num_threads()) {
        let read: Vec<Result<Part, IoError>> =
            chunk.par_iter().map(|path| file::read(path, dialect, options)).collect();
        for (&path, part) in chunk.iter().zip(read) {
            match part {
                Ok(mut part) => {
                    skipped.merge(std::mem::take(&mut part.skipped));
                    on_file(path, part.rows);
                    parts.push((path, part));
                }
                Err(e) => {
                    skipped.add(Unit::File, UNREADABLE, || e.to_string());
                    on_file(path, 0);
                }
            }
        }
    }
    let named = options.time.map(|time| time.name.as_str());
    let time = named.or(dialect.time).unwrap_or_default();
    let parts = with_times(parts, time, &mut skipped);
    let rows = parts.iter().map(|part| part.rows).sum();
    let outside = parts.iter().map(|part| part.outside).sum();
    if rows == 0 {
        return Err(IoError::NoRows { files: files.len(), outside, skipped: Box::new(skipped) });
    }
    let columns = order(union(parts)?, options.sort)?;
    table(columns, rows, outside, skipped)
}

/// When a file's events happened: rows by the hour they are in, as hours since 1970.
pub type Hours = BTreeMap<i64, usize>;

/// Finds out when the events of each file happened, without keeping anything else of them: those
/// in [`ReadOptions::between`]. A file that cannot be read, or has no times, has no hours.
pub fn hours(dialect: &Dialect, files: &[PathBuf], options: &ReadOptions<'_>) -> Vec<Hours> {
    let hours = |path: &PathBuf| {
        let mut hours = Hours::new();
        for time in file::times(path, dialect, options).unwrap_or_default() {
            *hours.entry(time.div_euclid(HOUR)).or_default() += 1;
        }
        hours
    };
    files.par_iter().map(hours).collect()
}

/// If some files have event times, rows of the others have none and are left out: there is no
/// place in time for them.
fn with_times(parts: Vec<(&PathBuf, Part)>, time: &str, skipped: &mut Skipped) -> Vec<Part> {
    let timed = |part: &Part| part.columns.iter().any(|(name, _)| name == EVENT_DT);
    let any = parts.iter().any(|(_, part)| timed(part));
    let mut kept = Vec::with_capacity(parts.len());
    for (path, part) in parts {
        if any && !timed(&part) {
            for row in 0..part.rows {
                skipped.add(Unit::Row, NO_TIME, || {
                    format!(
                        "no column \"{time}\": \"{}\" row {row}; expected as in the other files",
                        path.display()
                    )
                });
            }
        } else {
            kept.push(part);
        }
    }
    kept
}

/// Sorts the rows by time, then label; equal ones stay in the order of the files.
fn order(columns: Vec<(String, ArrayRef)>, sort: bool) -> Result<Vec<(String, ArrayRef)>, IoError> {
    let find =
        |wanted: &str| columns.iter().find(|(name, _)| name == wanted).map(|(_, values)| values);
    let (Some(times), Some(labels)) = (find(EVENT_DT), find(LABEL)) else { return Ok(columns) };
    if !sort {
        return Ok(columns);
    }
    let times = times.as_primitive::<TimestampMicrosecondType>().values();
    let labels = labels.as_primitive::<Int64Type>().values();
    let key = |row: &u64| (times[*row as usize], labels[*row as usize]);
    let mut rows: Vec<u64> = (0..times.len() as u64).collect();
    if rows.is_sorted_by_key(key) {
        return Ok(columns);
    }
    rows.par_sort_by_key(key);
    let rows = UInt64Array::from(rows);
    columns
        .into_par_iter()
        .map(|(name, values)| {
            let sorted = take(&values, &rows, None)
                .map_err(|e| IoError::table(format!("sort column \"{name}\""), &e))?;
            Ok((name, sorted))
        })
        .collect()
}

fn table(
    columns: Vec<(String, ArrayRef)>,
    rows: usize,
    outside: usize,
    skipped: Skipped,
) -> Result<LogTable, IoError> {
    let mut fields = Vec::with_capacity(columns.len());
    let mut arrays = Vec::with_capacity(columns.len());
    let mut labels = Int64Array::from(Vec::<i64>::new());
    let mut times = None;
    for (name, values) in columns {
        match name.as_str() {
            LABEL => labels = values.as_primitive::<Int64Type>().clone(),
            EVENT_DT => times = Some(values),
            _ => {
                fields.push(Field::new(name, values.data_type().clone(), true));
                arrays.push(values);
            }
        }
    }
    if let Some(times) = times {
        fields.push(Field::new(EVENT_DT, times.data_type().clone(), false));
        arrays.push(times);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
        .map_err(|e| IoError::table("join the files", &e))?;
    Ok(LogTable { batch, file_rows: labels, outside, skipped })
}
