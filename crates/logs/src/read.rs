//! Many files to one table, in the order of time.

use super::gathered::Gathered;
use super::sliced::Sliced;
use super::time::TimeColumn;
use super::union::{Part, union};
use super::wanted::Wanted;
use super::{Dialect, LogTable, Nested};
use crate::error::LogError;
use crate::skipped::{Skipped, Unit};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};
use dfp_storage::memory::MemoryLimit;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
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

/// Called with a file and a number of rows, or with [`LABELLED`].
pub type OnRows<'a> = &'a (dyn Fn(&Path, u64) + Sync);

/// In place of a number of rows: those of the file have labels, which do not say how many there are.
pub const LABELLED: u64 = u64::MAX;

/// How much there was of a file when it was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// Rows, skipped ones included.
    pub rows: u64,
    /// Lines, without one that was cut.
    pub lines: u64,
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
    /// Columns (cleaned names) that are needed, where all are passed on: a file with too many columns
    /// loses others first.
    pub asked: &'a [String],
    /// Columns (cleaned names) that identify somebody or something, besides those of the dialect: text with
    /// exact digits, whatever the file holds them as. A whole number is written without a fraction: 5 and
    /// 5.0 are one.
    pub identifiers: &'a [String],
    /// Columns (cleaned names) of which every cell of a CSV file is text as it is written, though it looks
    /// like a number or a flag: what is known to be a category. Cells of other formats have their types.
    pub exact: &'a [String],
    /// The column of event times, in place of the dialect's. Where it is not there, there is no
    /// `event_dt`.
    pub time: Option<&'a TimeColumn>,
    /// The column that tells when an event happened where there is no `event_dt`, for `between` and
    /// `slice`.
    pub clock: Option<&'a TimeColumn>,
    /// Rows without a readable time are kept, with an empty `event_dt`, and counted as [`Unit::Kept`]. Otherwise,
    /// and where only rows of some times are wanted, they are left out.
    pub keep_timeless: bool,
    /// Sort all rows by (`event_dt`, row label, order of files), if there are event times; rows without
    /// one come last. Otherwise rows stay in file order.
    pub sort: bool,
    /// Objects inside JSON lines.
    pub nested: Nested,
    /// Only rows with event times (microseconds since 1970) in this range; the others are counted in
    /// [`Skipped::outside`].
    pub between: Range<i64>,
    /// What separates the fields of CSV; `None` for a comma, where a header that seems to have another
    /// one is an error.
    pub delimiter: Option<u8>,
    /// Which part of a file is read now, if not all of it.
    pub slice: Option<&'a (dyn Fn(&Path) -> Slice + Sync)>,
    /// Called with the number of rows of each file, or each part of one, skipped ones included, as far as
    /// there is a usable row; with [`LABELLED`] if its rows have labels in place of numbers.
    pub on_rows: Option<OnRows<'a>>,
    /// What earlier slices have left, where each file is read once for all of its slices. Without it a file
    /// is read anew for each.
    pub sliced: Option<Sliced<'a>>,
    /// The memory that reading may take.
    pub memory: MemoryLimit,
    /// Whether it is an error, [`LogError::Overflow`], if the files do not fit into memory together. If not,
    /// those that do not fit are left out.
    pub all_or_nothing: bool,
}

/// A part of a file, of which the other parts are read before or afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Event times of the rows, microseconds since 1970.
    pub times: Range<i64>,
    /// The file has been read before: what it had to leave out has been counted.
    pub again: bool,
    /// So much at its beginning was read before it was appended to.
    pub earlier: Earlier,
    /// Whether the rows without a readable time are in this part.
    pub timeless: bool,
}

impl Slice {
    /// All rows of a file that has not been read before.
    pub fn whole() -> Self {
        Self { times: ALWAYS, again: false, earlier: Earlier::default(), timeless: true }
    }

    /// This slice and all later ones.
    pub(super) fn and_later(&self) -> Self {
        Self { times: self.times.start..ALWAYS.end, timeless: true, ..self.clone() }
    }
}

/// All times.
pub const ALWAYS: Range<i64> = i64::MIN..i64::MAX;

impl Default for ReadOptions<'_> {
    fn default() -> Self {
        Self {
            file_type: FileType::Auto,
            repeat: 1,
            columns: None,
            asked: &[],
            identifiers: &[],
            exact: &[],
            time: None,
            clock: None,
            keep_timeless: false,
            sort: true,
            nested: Nested::Flatten,
            between: ALWAYS,
            delimiter: None,
            slice: None,
            on_rows: None,
            sliced: None,
            memory: MemoryLimit::default(),
            all_or_nothing: false,
        }
    }
}

/// Name of the column that holds the event time.
pub const EVENT_DT: &str = "event_dt";
/// Name of a log's own column `event_dt` while tables are joined, where it is not made.
pub(super) const OWN_EVENT_DT: &str = "event_dt\0";
/// Name of the row label while tables are joined; no column of a log has an empty name.
pub(super) const LABEL: &str = "";
/// Files read at a time for each thread, so that progress is reported along the way.
pub(super) const FILES_PER_THREAD: usize = 4;
/// Large files read at a time. All cores read a piece of one; with another file beside it they have something
/// to do while its next piece is found: 5 million shuffled rows in 50 files took 16.3 s one by one, and 13.3 s in
/// pairs, on 2 cores.
pub(super) const SIDE_BY_SIDE: usize = 2;
const OTHER: &str = "digest or Insight file";
pub(super) const UNREADABLE: &str = "unreadable file";
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

/// The place of each row among all rows by time, then label; equal ones stay in the order of the files, and
/// rows without a time come last. `None` if all rows are in their places.
pub(super) fn places(parts: &[Part]) -> Option<Vec<u32>> {
    if !parts.iter().any(|part| part.array(EVENT_DT).is_some()) {
        return None;
    }
    let mut keys: Vec<(i64, i64)> = Vec::with_capacity(parts.iter().map(|part| part.rows).sum());
    for part in parts {
        let labels = part.array(LABEL)?.as_primitive::<Int64Type>().values().iter().copied();
        match part.array(EVENT_DT).map(|times| times.as_primitive::<TimestampMicrosecondType>()) {
            Some(times) if times.null_count() == 0 => {
                keys.extend(times.values().iter().copied().zip(labels));
            }
            Some(times) => {
                let times = times.iter().map(|time| time.unwrap_or(i64::MAX));
                keys.extend(times.zip(labels));
            }
            None => keys.extend(labels.map(|label| (i64::MAX, label))),
        }
    }
    if keys.is_sorted() {
        return None;
    }
    let mut rows: Vec<(i64, i64, u32)> =
        (0..).zip(keys).map(|(row, (time, label))| (time, label, row)).collect();
    // With the row itself equal keys have an order, and the sort needs no second copy.
    rows.par_sort_unstable();
    let mut places = vec![0; rows.len()];
    (0..).zip(rows).for_each(|(place, (.., row))| places[row as usize] = place);
    Some(places)
}

pub(super) fn table(
    columns: Vec<(String, ArrayRef)>,
    rows: usize,
    skipped: Skipped,
) -> Result<LogTable, LogError> {
    let mut fields = Vec::with_capacity(columns.len());
    let mut arrays = Vec::with_capacity(columns.len());
    let mut labels = Int64Array::from(Vec::<i64>::new());
    let mut times = None;
    for (name, values) in columns {
        match name.as_str() {
            LABEL => labels = values.as_primitive::<Int64Type>().clone(),
            EVENT_DT => times = Some(values),
            _ => {
                let name = if name == OWN_EVENT_DT { EVENT_DT } else { name.as_str() };
                fields.push(Field::new(name, values.data_type().clone(), true));
                arrays.push(values);
            }
        }
    }
    if let Some(times) = times {
        fields.push(Field::new(EVENT_DT, times.data_type().clone(), true));
        arrays.push(times);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
        .map_err(|e| LogError::table("join the files", &e))?;
    Ok(LogTable { batch, file_rows: labels, skipped, more: false })
}
