//! One file: format, clean names, identifiers, event times, repetition.

mod event_times;

pub(super) use event_times::clock_times;

use super::bytes::{self, Text};
use super::concat::print;
use super::csv::UNNAMED_FIRST;
use super::file_table::FileTable;
use super::options::{FileType, LABELLED, ReadOptions};
use super::part::{EVENT_DT, LABEL, Part};
use super::projection::Wanted;
use super::slice::Slice;
use super::source::Further;
use super::when::in_order;
use super::{Dialect, csv, identifiers, json, names, parquet, time};
use crate::error::{LogError, Place};
use crate::skipped::Skipped;
use crate::texts::{self, Cells, TextCells};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Int64Array, TimestampMicrosecondArray, UInt64Array,
};
use arrow_schema::DataType;
use arrow_select::filter::filter;
use arrow_select::take::take;
use dfp_storage::files::unpacked_name;
use dfp_storage::names::shown;
use std::path::Path;
use std::sync::Arc;

/// Files read at a time for each thread, so that progress is reported along the way.
pub(super) const FILES_PER_THREAD: usize = 4;
const NO_ROWS: &str = "no rows below the header";
/// Most rows that copies may make of a file.
const MOST_REPEATED: usize = 200_000_000;

/// Reads one file; its columns are the clean ones, then `event_dt` if there are event times, then
/// the row labels.
///
/// # Errors
/// [`LogError::Memory`] if it has more than `most` bytes of text.
pub(super) fn read(
    path: &Path,
    dialect: &Dialect,
    options: &ReadOptions<'_>,
    most: u64,
) -> Result<Part, LogError> {
    let wanted = Wanted { dialect, options };
    clean(path, file_table(path, &wanted, most)?, &wanted, options.repeat.max(1), None)
}

/// The rows of a file of at most so many bytes of text, as they are.
pub(super) fn file_table(
    path: &Path,
    wanted: &Wanted<'_>,
    most: u64,
) -> Result<FileTable<Cells>, LogError> {
    match wanted.parquet(path)? {
        Some(content) => parquet_table(content, path, wanted, most),
        None => table(bytes::read(path, most, wanted.options.memory)?, path, wanted, most),
    }
}

/// Rows with clean names and event times, `repeat` times; `further` is what all parts of a file need.
pub(super) fn clean(
    path: &Path,
    table: FileTable<Cells>,
    wanted: &Wanted<'_>,
    repeat: usize,
    further: Option<&Further>,
) -> Result<Part, LogError> {
    let options = wanted.options;
    let slice = options.slice.map_or_else(Slice::whole, |slice| slice(path));
    let mut cleaner = Cleaner::new(path, table, wanted, further)?;
    for (epoch, iso) in wanted.dialect.epochs {
        cleaner.add_iso_times(epoch, iso)?;
    }
    if let (Some(on_rows), Some(last)) = (options.on_rows, cleaner.labels.iter().flatten().max()) {
        let rows = u64::try_from(last).unwrap_or_default() + 1;
        on_rows(path, if cleaner.labelled { LABELLED } else { rows });
    }
    cleaner.behind(slice.earlier.rows, further.is_some())?;
    cleaner.read_times(wanted)?;
    cleaner.repeat(repeat, wanted.time().unwrap_or_default())?;
    cleaner.within(slice, options)?;
    Ok(cleaner.finish(options))
}

fn parquet_table(
    content: parquet::Content,
    path: &Path,
    wanted: &Wanted<'_>,
    most: u64,
) -> Result<FileTable<Cells>, LogError> {
    let table = parquet::read(content, path, wanted, most)?;
    identifiers::write(table, wanted)
}

fn table(
    text: Text,
    path: &Path,
    wanted: &Wanted<'_>,
    most: u64,
) -> Result<FileTable<Cells>, LogError> {
    let Text { bytes: mut content, cut_short, skipped } = text;
    let (mut table, content) = match format(path, &content, wanted.options.file_type) {
        FileType::Json => {
            if cut_short {
                json::parts::end_early(&mut content, wanted);
            }
            (json::read_open(&content, path, wanted, wanted.options.nested)?, content)
        }
        FileType::Parquet => (parquet_table(content.into(), path, wanted, most)?, Vec::new()),
        FileType::Csv | FileType::Auto => (csv_file(&content, cut_short, path, wanted)?, content),
    };
    if !table.skipped.is_empty() {
        table.skipped.forget(&skipped_before(&content, path, wanted));
    }
    table.skipped.merge(skipped);
    Ok(table)
}

/// What is left out of the text that was read before the file was appended to.
fn skipped_before(content: &[u8], path: &Path, wanted: &Wanted<'_>) -> Skipped {
    let earlier = wanted.options.slice.map_or(0, |slice| slice(path).earlier.lines);
    let last = usize::try_from(earlier).ok().and_then(|lines| lines.checked_sub(1));
    let feed = last.and_then(|last| memchr::memchr_iter(b'\n', content).nth(last));
    let Some(text) = feed.map(|feed| &content[..=feed]) else { return Skipped::default() };
    let table = match format(path, content, wanted.options.file_type) {
        FileType::Json => json::read_open(text, path, wanted, wanted.options.nested),
        FileType::Csv | FileType::Auto => csv_file(text, false, path, wanted),
        FileType::Parquet => return Skipped::default(),
    };
    table.map(|table| table.skipped).unwrap_or_default()
}

fn csv_file(
    content: &[u8],
    cut_short: bool,
    path: &Path,
    wanted: &Wanted<'_>,
) -> Result<FileTable<Cells>, LogError> {
    // The last row may be half a row.
    let content = if cut_short {
        &content[..csv::parts::whole_rows(content, wanted.options.delimiter)]
    } else {
        content
    };
    let table = wanted.as_csv(|options| csv::read_open(content, path, options))?;
    if table.positions.is_empty() && table.skipped.is_empty() {
        return Err(LogError::Content {
            path: path.to_owned(),
            place: Box::new(Place::default()),
            cause: NO_ROWS.to_owned(),
            expected: "at least one row".to_owned(),
        });
    }
    csv_table(table, wanted)
}

/// The rows of a CSV file with their labels and identifiers.
pub(super) fn csv_table(
    table: FileTable<Cells>,
    wanted: &Wanted<'_>,
) -> Result<FileTable<Cells>, LogError> {
    identifiers::write(label_rows(table, wanted.options)?, wanted)
}

/// Content counts first: Parquet has its mark, an opening brace is JSON whatever the name, a bracket
/// unless the name says CSV; other content is CSV unless the name says JSON.
pub fn format(path: &Path, content: &[u8], file_type: FileType) -> FileType {
    if file_type != FileType::Auto {
        return file_type;
    }
    if content.starts_with(parquet::MAGIC) {
        return FileType::Parquet;
    }
    let text = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    // A crash may leave NUL bytes before the first row.
    let filler = text.iter().take_while(|byte| **byte == 0 || byte.is_ascii_whitespace()).count();
    let text = &text[filler..];
    let name = unpacked_name(path).to_ascii_lowercase();
    let csv = match text.first() {
        Some(b'{') => false,
        Some(b'[') => name.ends_with(".csv"),
        _ => ![".json", ".jsonl", ".jsonlines"].iter().any(|ending| name.ends_with(ending)),
    };
    if csv { FileType::Csv } else { FileType::Json }
}

/// A first column without a name and of integers labels the rows, which are sorted by it.
fn label_rows(
    mut table: FileTable<Cells>,
    options: &ReadOptions<'_>,
) -> Result<FileTable<Cells>, LogError> {
    let unnamed = table.columns.first().is_some_and(|c| c.name == UNNAMED_FIRST);
    let alone = table.columns.len() == 1 && options.columns.is_none();
    let of_rows = table.labels.take().filter(|l| *l.data_type() == DataType::Int64);
    if unnamed && !alone && *table.columns[0].values.kind() == DataType::Int64 {
        let labels = table.columns.remove(0).values.finish()?;
        table.positions = labels.as_primitive::<Int64Type>().values().to_vec();
        if !table.positions.is_sorted() {
            sort_by_position(&mut table)?;
        }
        table.labels = Some(labels);
    } else if unnamed
        && options.columns.is_some_and(|names| !names.iter().any(|n| n == UNNAMED_FIRST))
    {
        table.columns.remove(0);
    }
    if let Some(labels) = of_rows {
        table.positions = labels.as_primitive::<Int64Type>().values().to_vec();
        table.labels = Some(labels);
    }
    Ok(table)
}

fn sort_by_position(table: &mut FileTable<Cells>) -> Result<(), LogError> {
    let mut order: Vec<u64> = (0..table.positions.len() as u64).collect();
    order.sort_by_key(|row| table.positions[*row as usize]);
    table.positions = order.iter().map(|row| table.positions[*row as usize]).collect();
    let order = UInt64Array::from(order);
    for column in &mut table.columns {
        let values = column.values.array()?;
        *values =
            take(values, &order, None).map_err(|e| LogError::table("sort by row label", &e))?;
    }
    Ok(())
}

/// A file's rows on their way to a [`Part`].
struct Cleaner<'p> {
    path: &'p Path,
    columns: Vec<(String, Cells)>,
    labels: Int64Array,
    /// The labels stand in the file, where they may be any.
    labelled: bool,
    /// Event times, if there is a column of them; `None` where one cannot be read.
    times: Option<Vec<Option<i64>>>,
    /// What says when each row happened where there are no event times.
    clock: Option<Vec<Option<i64>>>,
    skipped: Skipped,
}

impl<'p> Cleaner<'p> {
    /// Cleans the names, as [`names::clean`] does.
    fn new(
        path: &'p Path,
        table: FileTable<Cells>,
        wanted: &Wanted<'_>,
        further: Option<&Further>,
    ) -> Result<Self, LogError> {
        let FileTable { columns, positions, labels, mut skipped } = table;
        let labelled = labels.is_some();
        let columns = names::clean(columns, wanted, further, &mut skipped)?;
        let labels = Int64Array::from(positions);
        Ok(Self { path, columns, labels, labelled, times: None, clock: None, skipped })
    }

    /// Leaves out the rows that were read before the file was appended to, and what was wrong with a piece of
    /// such rows.
    fn behind(&mut self, from_row: u64, is_piece: bool) -> Result<(), LogError> {
        if from_row == 0 {
            return Ok(());
        }
        let first = i64::try_from(from_row).unwrap_or(i64::MAX);
        let keep: Vec<bool> = self.labels.values().iter().map(|label| *label >= first).collect();
        if is_piece && !keep.is_empty() && !keep.contains(&true) {
            self.skipped = Skipped::default();
        }
        self.retain(&keep)
    }

    /// Makes times of the column `iso` of seconds since 1970, where a row lacks them.
    fn add_iso_times(&mut self, epoch: &str, iso: &str) -> Result<(), LogError> {
        let texts = |column: &ArrayRef| {
            let texts = print(column)?;
            let cells = TextCells::of(&texts).into_iter().flat_map(TextCells::iter);
            Ok::<Vec<Option<String>>, LogError>(cells.map(|c| c.map(str::to_owned)).collect())
        };
        let Some(seconds) = self.column(epoch)?.map(texts).transpose()? else { return Ok(()) };
        let known = self.column(iso)?.map(texts).transpose()?;
        if known.as_ref().is_some_and(|known| known.iter().all(Option::is_some)) {
            return Ok(());
        }
        let made = seconds.iter().map(|text| {
            let seconds: f64 = text.as_deref()?.trim().parse().ok()?;
            // Beyond that no calendar goes.
            (seconds.abs() < 1e12).then(|| time::print((seconds * 1e6) as i64)).flatten()
        });
        let known = known.into_iter().flatten().chain(std::iter::repeat(None));
        let times = texts::collect(made.zip(known).map(|(made, known)| known.or(made)))?;
        match self.columns.iter_mut().find(|(name, _)| name == iso) {
            Some((_, values)) => *values = times.into(),
            None => self.columns.push((iso.to_owned(), times.into())),
        }
        Ok(())
    }

    /// Appends copies, each beginning at the instant at which the one before ends.
    fn repeat(&mut self, repeat: usize, time_column: &str) -> Result<(), LogError> {
        if repeat == 1 {
            return Ok(());
        }
        if self.labels.len().saturating_mul(repeat) > MOST_REPEATED {
            let cause = format!("\"{}\" has more than {MOST_REPEATED} rows", shown(self.path));
            return Err(LogError::table(format!("repeat {repeat} times"), &cause));
        }
        let Some(times) = self.times.clone() else { return self.copy(repeat) };
        let mut known = times.iter().flatten();
        let Some(first) = known.next() else { return self.copy(repeat) };
        let span = known.next_back().unwrap_or(first) - first;
        let beyond = || {
            LogError::table(
                "repeat",
                &format!("\"{}\" x {repeat} leaves the calendar", shown(self.path)),
            )
        };
        let mut all = Vec::with_capacity(times.len() * repeat);
        let mut texts: Vec<Option<String>> = Vec::with_capacity(times.len() * repeat);
        if let Some(column) = self.column(time_column)? {
            let printed = print(column)?;
            let cells = TextCells::of(&printed).into_iter().flat_map(TextCells::iter);
            texts.extend(cells.map(|text| text.map(str::to_owned)));
        }
        for copy in 0..repeat as i64 {
            let shift = span.checked_mul(copy).ok_or_else(beyond)?;
            for (row, time) in times.iter().enumerate() {
                let shifted = time.map(|time| time.checked_add(shift).ok_or_else(beyond));
                let shifted = shifted.transpose()?;
                all.push(shifted);
                if copy > 0 {
                    texts.push(match shifted {
                        Some(time) => Some(time::print(time).ok_or_else(beyond)?),
                        None => texts.get(row).cloned().flatten(),
                    });
                }
            }
        }
        self.copy(repeat)?;
        self.times = Some(all);
        for (_, values) in self.columns.iter_mut().filter(|(name, _)| name == time_column) {
            *values = texts::collect(texts.iter().map(Option::as_deref))?.into();
        }
        Ok(())
    }

    fn copy(&mut self, repeat: usize) -> Result<(), LogError> {
        if repeat == 1 {
            return Ok(());
        }
        let fail = |e| LogError::table("repeat the file", &e);
        let rows = 0..self.labels.len() as u64;
        let rows: UInt64Array = std::iter::repeat_n(rows, repeat).flatten().collect();
        for (_, values) in &mut self.columns {
            let values = values.array()?;
            *values = take(values, &rows, None).map_err(fail)?;
        }
        let labels = take(&self.labels, &rows, None).map_err(fail)?;
        self.labels = labels.as_primitive::<Int64Type>().clone();
        // Where a time is known, those of the copies are put in the place of these.
        self.times = self.times.take().map(|times| times.repeat(repeat));
        self.clock = self.clock.take().map(|clock| clock.repeat(repeat));
        Ok(())
    }

    fn finish(self, options: &ReadOptions<'_>) -> Part {
        let rows = self.labels.len();
        let is_timed = self.times.is_some() || self.clock.is_some();
        // Where rows are cut by time.
        let when = match options.sliced {
            Some(_) => self
                .times
                .as_ref()
                .or(self.clock.as_ref())
                .map(|times| in_order(times.iter().copied())),
            None => None,
        };
        let keep = |name: &str| options.columns.is_none_or(|names| names.iter().any(|n| n == name));
        let mut columns: Vec<_> = self.columns.into_iter().filter(|(name, _)| keep(name)).collect();
        if let Some(times) = self.times {
            let times = TimestampMicrosecondArray::from(times).with_timezone("UTC");
            columns.push((EVENT_DT.to_owned(), Cells::Array(Arc::new(times))));
        }
        columns.push((LABEL.to_owned(), Cells::Array(Arc::new(self.labels))));
        Part { columns, rows, skipped: self.skipped, is_timed, when }
    }

    fn column(&mut self, wanted: &str) -> Result<Option<&ArrayRef>, LogError> {
        let column = self.columns.iter_mut().find(|(name, _)| name == wanted);
        Ok(column.map(|(_, values)| values.array()).transpose()?.map(|values| &*values))
    }

    fn retain(&mut self, keep: &[bool]) -> Result<(), LogError> {
        if keep.iter().all(|keep| *keep) {
            return Ok(());
        }
        let fail = |e| LogError::table("leave out rows", &e);
        let mask = BooleanArray::from(keep.to_vec());
        for (_, values) in &mut self.columns {
            let values = values.array()?;
            *values = filter(values, &mask).map_err(fail)?;
        }
        let labels = filter(&self.labels, &mask).map_err(fail)?;
        self.labels = labels.as_primitive::<Int64Type>().clone();
        Ok(())
    }
}

fn message(path: &Path, row: i64, field: &str, cause: String, expected: &str) -> String {
    let place = Place { row: Some(row), field: Some(field.to_owned()), ..Place::default() };
    let path = path.to_owned();
    LogError::Content { path, place: Box::new(place), cause, expected: expected.to_owned() }
        .to_string()
}
