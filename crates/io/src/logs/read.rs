//! Many files to one table, in the order of time.

use super::merge::merge;
use super::parts::read_in_parts;
use super::sliced::{READ_REST, Sliced};
use super::time::TimeColumn;
use super::union::{Part, union};
use super::wanted::Wanted;
use super::{Dialect, LogTable, MAX_COLUMNS, Nested, file};
use crate::error::IoError;
use crate::memory::MemoryLimit;
use crate::names::shown;
use crate::skipped::{Skipped, TIMELESS, TOO_MANY_COLUMNS, Unit};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};
use hashbrown::HashSet;
use rayon::prelude::*;
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// Whether it is an error, [`IoError::Overflow`], if the files do not fit into memory together. If not,
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
/// Parts that are put together where they have few rows.
const PUT_TOGETHER: usize = 256;
/// So many rows are few for as many parts.
const FEW_ROWS: usize = 64 * PUT_TOGETHER;

const OTHER: &str = "digest or Insight file";
pub(super) const UNREADABLE: &str = "unreadable file";
const TOO_LARGE: &str = "file that does not fit into memory";
const NO_TIME: &str = "no event time";

/// Reads and joins the files of a source; `on_file` is told each file and its rows, in order.
///
/// Files are read in parallel on the current rayon pool; the result does not depend on its size.
/// A file that cannot be read is counted in [`LogTable::skipped`], and so is a row without a readable
/// time: of all files, if a time is expected, or else if any file has times.
///
/// # Errors
/// [`IoError::NoRows`] if no file gives a row, with the reasons; [`IoError::Table`] if a text
/// column of all files together exceeds 2 GiB; [`IoError::Overflow`] if that is asked for.
pub fn read(
    dialect: &Dialect,
    files: &[PathBuf],
    options: &ReadOptions<'_>,
    on_file: &mut dyn FnMut(&Path, usize),
) -> Result<LogTable, IoError> {
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
        return Err(IoError::table("join the files", &format!("{rows} rows are more than 2^32")));
    }
    if rows == 0 {
        return Err(IoError::NoRows { files: files.len(), skipped: Box::new(skipped) });
    }
    let places = if options.sort { places(&parts) } else { None };
    let columns = union(parts, places.as_deref())?;
    Ok(LogTable { more, ..table(columns, rows, skipped)? })
}

/// The parts of one file, of at most `most` bytes of text or as long as there is `room`, and whether
/// there are more.
fn parts_of(
    path: &Path,
    dialect: &Dialect,
    options: &ReadOptions<'_>,
    (most, room): (u64, u64),
) -> Result<(Vec<Part>, bool), IoError> {
    if let Some(Sliced { files, ends }) = options.sliced {
        return files.read(path, dialect, options, ends, (most, room));
    }
    match file::read(path, dialect, options, most) {
        // The rows of a long text may be short; its text is never in memory as a whole.
        Err(IoError::Memory { .. })
            if most == options.memory.text() && options.repeat <= 1 && !options.all_or_nothing =>
        {
            let mut parts = Vec::new();
            let mut bytes = 0;
            let pieces = read_in_parts(dialect, path, options, options.memory.piece())?;
            let mut pieces = pieces.into_parts();
            for part in &mut pieces {
                let part = part?;
                bytes += part.memory();
                parts.push(part);
                if bytes > room {
                    let cause = format!("rows of more than {} MB", room / 1_000_000);
                    return Err(IoError::memory(path, Default::default(), cause, options.memory));
                }
            }
            Ok((parts, false))
        }
        part => Ok((vec![part?], false)),
    }
}

/// What has been read so far.
struct Gathered<'f, 'o> {
    options: &'o ReadOptions<'o>,
    wanted: Wanted<'o>,
    files: usize,
    parts: Vec<(&'f PathBuf, Part)>,
    /// How many of these need not be looked at again, to be put together.
    settled: usize,
    bytes: u64,
    /// Names of the columns, and how many of them nobody asked for.
    names: HashSet<String>,
    others: usize,
    /// Rows that all columns will have once the parts are one table.
    rows: usize,
    skipped: Skipped,
}

/// Bytes of a cell, of a missing one too.
const CELL: u64 = 4;

impl<'f, 'o> Gathered<'f, 'o> {
    fn new(wanted: Wanted<'o>, files: usize) -> Self {
        let skipped = Skipped::default();
        Self {
            options: wanted.options,
            wanted,
            files,
            parts: Vec::new(),
            settled: 0,
            bytes: 0,
            names: HashSet::new(),
            others: 0,
            rows: 0,
            skipped,
        }
    }

    /// Bytes of rows that still fit. A table that others follow has less room than one that stays alone.
    fn room(&self) -> u64 {
        self.room_with(0, 0, 0)
    }

    /// Bytes that still fit once these bytes, columns and rows are added.
    fn room_with(&self, bytes: u64, columns: usize, rows: usize) -> u64 {
        let table = self.options.memory.table();
        let all = match self.options.sliced.is_some() || self.options.all_or_nothing {
            true => table.saturating_mul(2),
            false => table.saturating_mul(4),
        };
        // Files that share few of their columns have far fewer cells than the table of all.
        let cells = (self.names.len() + columns).saturating_mul(self.rows + rows) as u64;
        all.saturating_sub(cells.saturating_mul(CELL).max(self.bytes + bytes))
    }

    /// Reads files as long as there is room; whether there is more of them.
    fn gather(
        &mut self,
        dialect: &Dialect,
        files: &[&'f PathBuf],
        on_file: &mut dyn FnMut(&Path, usize),
    ) -> Result<bool, IoError> {
        let options = self.options;
        let text = options.memory.text();
        // Several files are unpacked side by side.
        let most = text / FILES_PER_THREAD as u64;
        let mut more = false;
        for chunk in files.chunks(FILES_PER_THREAD * rayon::current_num_threads()) {
            let room = self.room();
            if room == 0 && options.sliced.is_some() {
                return Ok(true);
            }
            let read: Vec<_> = chunk
                .par_iter()
                .map(|path| parts_of(path, dialect, options, (most, room)))
                .collect();
            for (&path, of_file) in chunk.iter().zip(read) {
                let of_file = match of_file {
                    Err(IoError::Memory { .. }) if self.room() == 0 && options.sliced.is_some() => {
                        more = true;
                        continue;
                    }
                    Err(IoError::Memory { .. }) => {
                        parts_of(path, dialect, options, (text, self.room()))
                    }
                    of_file => of_file,
                };
                let rows = match of_file {
                    Ok((of_file, has_more)) => {
                        more |= has_more;
                        self.add(path, of_file)?
                    }
                    Err(error) => self.refuse(path, error)?,
                };
                on_file(path, rows);
            }
        }
        Ok(more)
    }

    /// The parts so far, of which those without times are left out where others have them.
    fn take(&mut self) -> Vec<Part> {
        (self.settled, self.bytes, self.others, self.rows) = (0, 0, 0, 0);
        self.names.clear();
        with_times(std::mem::take(&mut self.parts), &self.wanted, &mut self.skipped)
    }

    /// Adds the parts of a file; how many rows they have.
    fn add(&mut self, path: &'f PathBuf, mut parts: Vec<Part>) -> Result<usize, IoError> {
        let (new, others) = self.new_names(path, &mut parts);
        let (rows, bytes) =
            parts.iter().fold((0, 0), |(r, b), part| (r + part.rows, b + part.memory()));
        let is_over = self.room_with(bytes, new.len(), rows) == 0 && self.options.sliced.is_none();
        if is_over {
            let cause = format!("rows of {} MB more", bytes.div_ceil(1_000_000));
            let memory = self.options.memory;
            return self.refuse(path, IoError::memory(path, Default::default(), cause, memory));
        }
        self.names.extend(new);
        self.others += others;
        self.rows += rows;
        for mut part in parts {
            self.skipped.merge(std::mem::take(&mut part.skipped));
            // They said where to cut.
            part.when = None;
            if part.rows > 0 || !part.columns.is_empty() {
                self.bytes += part.memory();
                self.parts.push((path, part));
            }
        }
        if self.parts.len() - self.settled >= PUT_TOGETHER {
            self.put_together()?;
        }
        Ok(rows)
    }

    /// Names of columns that no other file has had, and how many of them nobody asked for. Of those that nobody asked for, all files together have
    /// [`MAX_COLUMNS`], as one file has; the others are left out and counted.
    fn new_names(&self, path: &Path, parts: &mut [Part]) -> (HashSet<String>, usize) {
        let (mut new, mut others) = (HashSet::new(), 0);
        for part in parts {
            let (mut left_out, mut first) = (0, Vec::new());
            part.columns.retain(|(name, _)| {
                if self.names.contains(name) || new.contains(name) {
                    return true;
                }
                if ![LABEL, EVENT_DT].contains(&name.as_str()) && !self.wanted.asked(name) {
                    if self.others + others == MAX_COLUMNS {
                        left_out += 1;
                        if first.len() < Skipped::MESSAGES {
                            first.push(name.chars().take(80).collect::<String>());
                        }
                        return false;
                    }
                    others += 1;
                }
                new.insert(name.clone())
            });
            let messages = first.iter().map(|name| {
                let file = shown(path);
                format!("column {name:?} is left out: \"{file}\"; expected at most {MAX_COLUMNS} columns in all files")
            });
            part.skipped.add_many(Unit::Value, TOO_MANY_COLUMNS, left_out, messages);
        }
        (new, others)
    }

    /// Counts a file that is left out.
    fn refuse(&mut self, path: &Path, error: IoError) -> Result<usize, IoError> {
        match error {
            IoError::Memory { .. } if self.options.all_or_nothing && self.files > 0 => {
                let (files, limit) = (self.files, self.options.memory);
                return Err(IoError::Overflow { files, limit });
            }
            // The rows of other files would be missing too.
            error @ IoError::Os { action, .. } if action.starts_with("write") => return Err(error),
            // Those that were given would be given again.
            error @ IoError::Os { action: READ_REST, .. } => return Err(error),
            error @ IoError::Memory { .. } => {
                self.skipped.add_unfit(path, TOO_LARGE, error.to_string())
            }
            error => error.leave_out(path, UNREADABLE, &mut self.skipped),
        }
        Ok(0)
    }

    fn put_together(&mut self) -> Result<(), IoError> {
        let expects_time = self.wanted.expected_time().is_some();
        let has_time = |(_, part): &(&PathBuf, Part)| part.is_timed || !expects_time;
        let last = &self.parts[self.settled..];
        let rows: usize = last.iter().map(|(_, part)| part.rows).sum();
        // A file without times may have to be named.
        let cells = self.names.len().saturating_mul(rows);
        let is_small = rows <= FEW_ROWS && cells <= self.options.memory.cells() / 4;
        if is_small && last.iter().all(has_time) {
            let last = self.parts.split_off(self.settled);
            let bytes: u64 = last.iter().map(|(_, part)| part.memory()).sum();
            let path = last[0].0;
            let merged = merge(last.into_iter().map(|(_, part)| part).collect())?;
            self.bytes -= bytes;
            for part in merged {
                self.bytes += part.memory();
                self.parts.push((path, part));
            }
        }
        self.settled = self.parts.len();
        Ok(())
    }
}

/// Counts the rows of files without a column of times, if one is expected or others have it. There is no
/// place in time for them: they are left out, or come last.
fn with_times(
    parts: Vec<(&PathBuf, Part)>,
    wanted: &Wanted<'_>,
    skipped: &mut Skipped,
) -> Vec<Part> {
    let Some((time, is_expected)) = wanted.expected_time() else {
        return parts.into_iter().map(|(_, part)| part).collect();
    };
    let any = parts.iter().any(|(_, part)| part.is_timed);
    let keeps = wanted.options.keep_timeless;
    let mut kept = Vec::with_capacity(parts.len());
    for (path, part) in parts {
        if part.rows == 0 || part.is_timed || !(any || is_expected && keeps) {
            kept.push(part);
        } else if keeps {
            skipped.add_rows(Unit::Kept, part.rows, TIMELESS, part.without_times(path, time));
            kept.push(part);
        } else {
            for row in 0..part.rows {
                skipped.add(Unit::Row, NO_TIME, || {
                    format!(
                        "no column \"{time}\": \"{}\" row {row}; expected as in the other files",
                        shown(path)
                    )
                });
            }
        }
    }
    kept
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
    let mut rows: Vec<u32> = (0..keys.len() as u32).collect();
    rows.par_sort_by_key(|row| keys[*row as usize]);
    let mut places = vec![0; rows.len()];
    (0..).zip(rows).for_each(|(place, row)| places[row as usize] = place);
    Some(places)
}

pub(super) fn table(
    columns: Vec<(String, ArrayRef)>,
    rows: usize,
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
        .map_err(|e| IoError::table("join the files", &e))?;
    Ok(LogTable { batch, file_rows: labels, skipped, more: false })
}
