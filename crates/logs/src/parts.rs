//! One large file as a sequence of tables, in memory that its size does not bound.

use super::concat::union;
use super::file_table::FileTable;
use super::log_table::{LogTable, places, table};
use super::look::Look;
use super::options::{FileType, ReadOptions};
use super::part::Part;
use super::pieces::{Before, Next, Pieces};
use super::projection::Wanted;
use super::source::{Further, Rows, Source};
use super::{Dialect, csv, file, identifiers, json, names, parquet};
use crate::error::{LogError, Place};
use crate::skipped::{Skipped, Unit};
use crate::texts::Cells;
use arrow_array::{Int64Array, RecordBatch};
use dfp_storage::memory_limit::MemoryLimit;
use std::path::Path;

/// Reads one file in parts of about `max_bytes` of its (unpacked) text, or a Parquet file by its groups
/// of rows. All parts have the columns and types of the whole file: a first pass, made here, finds
/// them. The parts' [`file_rows`](LogTable::file_rows) run on, and what was left out is told with
/// the part in which it stood.
///
/// Rows are sorted within a part only. A JSON document is cut if all its events are in one list, `[…]` or
/// `{"Records": […]}`, and nothing follows; any other is one part. A row of more than
/// a sixteenth of [`ReadOptions::memory`], and 64 MiB at most, is left out, and so is what follows a quote that is never closed.
///
/// # Errors
/// [`ReadOptions::repeat`] is above 1: the span of a file is that of all its parts. The file cannot be read, or is broken in a way that makes [`read`](super::read) skip it.
pub fn read_in_parts<'a>(
    dialect: &'a Dialect,
    path: &'a Path,
    options: &'a ReadOptions<'a>,
    max_bytes: usize,
) -> Result<Parts<'a>, LogError> {
    if options.repeat > 1 {
        return Err(LogError::table("read a file in parts", &"it is to be repeated as a whole"));
    }
    let wanted = Wanted { dialect, options };
    let source = Source::open(path, &wanted, max_bytes, None)?;
    Ok(Parts { wanted, source, waiting: Vec::new(), skipped: Skipped::default(), last: None })
}

/// The tables of one file.
pub struct Parts<'a> {
    wanted: Wanted<'a>,
    source: Source,
    /// Tables of the piece that was read last, the last one first.
    waiting: Vec<FileTable<Cells>>,
    /// Of pieces without any row.
    skipped: Skipped,
    /// The columns, without rows.
    last: Option<RecordBatch>,
}

/// Large files read at a time. All cores read a piece of one; with another file beside it they have something
/// to do while its next piece is found: 5 million shuffled rows in 50 files took 16.3 s one by one, and 13.3 s in
/// pairs, on 2 cores.
pub(super) const SIDE_BY_SIDE: usize = 2;
const TOO_LONG: &str = "row that is too long for the memory";

impl Source {
    /// Passes over the file for its columns and their types; `look` sees the times of every piece.
    pub(super) fn open(
        path: &Path,
        wanted: &Wanted<'_>,
        max_bytes: usize,
        mut look: Option<&mut Look<'_>>,
    ) -> Result<Self, LogError> {
        let open = |look: &mut Option<&mut Look<'_>>| {
            let rows = Self::rows(path, wanted, max_bytes, look)?;
            let (further, skipped) = (Further::new(), Skipped::default());
            Ok::<_, LogError>(Self { path: path.to_owned(), rows, further, skipped })
        };
        let mut source = open(&mut look)?;
        if source.rows.collide(wanted.dialect.clean) {
            // Which columns have to be kept apart is known only when all rows have been seen.
            let mut first = open(&mut None)?;
            while let Some(tables) = first.next(wanted)? {
                for table in tables {
                    names::meet(&mut source.further, table.columns, wanted)?;
                }
            }
        }
        Ok(source)
    }

    fn rows(
        path: &Path,
        wanted: &Wanted<'_>,
        max_bytes: usize,
        look: &mut Option<&mut Look<'_>>,
    ) -> Result<Rows, LogError> {
        if let Some(content) = wanted.parquet(path)? {
            let rows = parquet::Rows::open(content, path, wanted, max_bytes)?;
            return Ok(Rows::Parquet(Box::new(meet_parquet(rows, path, wanted, look)?)));
        }
        let memory = wanted.options.memory;
        let mut pieces = Pieces::open(path, max_bytes, memory)?;
        let head = pieces.head()?;
        match file::format(path, head, wanted.options.file_type) {
            FileType::Csv | FileType::Auto if !head.is_empty() => {
                let layout =
                    wanted.as_csv(|options| csv::parts::Layout::new(head, path, options))?;
                let layout = meet_csv(pieces, layout, path, wanted, look)?;
                Ok(Rows::Csv(Pieces::open(path, max_bytes, memory)?, layout))
            }
            FileType::Json => {
                let Some(layout) = json::parts::Layout::new(head, wanted) else {
                    return whole(path, wanted, look);
                };
                match meet_json(pieces, layout, path, wanted, look)? {
                    Some(layout) => {
                        Ok(Rows::Json(Pieces::open(path, max_bytes, memory)?, Box::new(layout)))
                    }
                    None => whole(path, wanted, look),
                }
            }
            _ => whole(path, wanted, look),
        }
    }

    /// The rows of the next piece, in one table or several.
    pub(super) fn next(
        &mut self,
        wanted: &Wanted<'_>,
    ) -> Result<Option<Vec<FileTable<Cells>>>, LogError> {
        let Some(mut tables) = self.tables(wanted)? else { return Ok(None) };
        if let Some(first) = tables.first_mut() {
            first.skipped.merge(std::mem::take(&mut self.skipped));
        }
        Ok(Some(tables))
    }

    fn tables(&mut self, wanted: &Wanted<'_>) -> Result<Option<Vec<FileTable<Cells>>>, LogError> {
        let Self { path, rows, skipped, .. } = self;
        match rows {
            Rows::Csv(pieces, layout) => loop {
                let first = pieces.at_beginning();
                let (text, before, unclosed) = match pieces.next(|text| layout.cut(text, first))? {
                    Next::End => {
                        skipped.merge(pieces.skipped());
                        return Ok(None);
                    }
                    Next::TooLong(text, before) if !layout.is_open(text) => {
                        too_long(path, before, wanted, skipped);
                        pieces.skip_line()?;
                        continue;
                    }
                    Next::TooLong(text, before) => (text, before, true),
                    Next::Piece(text, before) => (text, before, false),
                };
                let (mut table, rows) = layout.read(text, path, before)?;
                pieces.count(rows);
                table.skipped.merge(pieces.skipped());
                if unclosed {
                    pieces.skip_rest();
                }
                return Ok(Some(vec![file::csv_table(table, wanted)?]));
            },
            Rows::Json(pieces, layout) => loop {
                let first = pieces.at_beginning();
                match pieces.next(|text| layout.cut(text, first))? {
                    Next::End => {
                        skipped.merge(pieces.skipped());
                        return Ok(None);
                    }
                    Next::TooLong(_, before) => {
                        too_long(path, before, wanted, skipped);
                        pieces.skip_line()?;
                    }
                    Next::Piece(text, before) => {
                        let nested = wanted.options.nested;
                        let (mut tables, rows) = layout.read(text, path, before, wanted, nested)?;
                        pieces.count(rows);
                        skipped.merge(pieces.skipped());
                        if let Some(last) = tables.last_mut() {
                            last.skipped.merge(std::mem::take(skipped));
                        }
                        return Ok(Some(tables));
                    }
                }
            },
            Rows::Parquet(rows) => {
                let Some(table) = rows.next(wanted)? else { return Ok(None) };
                Ok(Some(vec![identifiers::write(table, wanted)?]))
            }
            Rows::Whole(table) => Ok(table.take().map(|table| vec![table])),
        }
    }
}

impl Rows {
    /// Whether names of columns become one when they are cleaned.
    fn collide(&self, clean: fn(&str) -> String) -> bool {
        match self {
            Self::Csv(_, layout) => names::collide(layout.names(), clean),
            Self::Json(_, layout) => names::collide(layout.names(), clean),
            Self::Parquet(rows) => names::collide(rows.names(), clean),
            Self::Whole(table) => {
                let columns = table.iter().flat_map(|table| &table.columns);
                names::collide(columns.map(|column| column.name.as_str()), clean)
            }
        }
    }
}

/// Counts a row of which only the beginning fits into memory.
fn too_long(path: &Path, before: Before, wanted: &Wanted<'_>, skipped: &mut Skipped) {
    skipped.add(Unit::Row, TOO_LONG, || {
        no_end(path, before, wanted.options.memory, "line").to_string()
    });
}

fn no_end(path: &Path, before: Before, memory: MemoryLimit, what: &str) -> LogError {
    let place = Place { row: Some(before.rows), ..Place::line(before.lines + 1) };
    let cause = format!("{what} of more than {} MB", memory.row() / 1_000_000);
    LogError::memory(path, place, cause, memory)
}

fn meet_csv(
    mut pieces: Pieces,
    mut layout: csv::parts::Layout,
    path: &Path,
    wanted: &Wanted<'_>,
    look: &mut Option<&mut Look<'_>>,
) -> Result<csv::parts::Layout, LogError> {
    loop {
        let first = pieces.at_beginning();
        let (text, before, unclosed) = match pieces.next(|text| layout.cut(text, first))? {
            Next::End => return Ok(layout),
            Next::TooLong(_, before) if first => {
                return Err(no_end(path, before, wanted.options.memory, "header line"));
            }
            Next::TooLong(text, _) if !layout.is_open(text) => {
                pieces.skip_line()?;
                continue;
            }
            Next::TooLong(text, before) => (text, before, true),
            Next::Piece(text, before) => (text, before, false),
        };
        let rows = layout.meet(text, path, before)?;
        if let Some(look) = look {
            let table = look.narrow.as_csv(|options| layout.narrow(text, path, before, options))?;
            let table = file::csv_table(table, &look.narrow)?;
            look.piece(path, vec![table], rows, text.len(), layout.width())?;
        }
        pieces.count(rows);
        if unclosed {
            pieces.skip_rest();
        }
    }
}

/// `None` if the file has to be read as a whole.
fn meet_json(
    mut pieces: Pieces,
    mut layout: json::parts::Layout,
    path: &Path,
    wanted: &Wanted<'_>,
    look: &mut Option<&mut Look<'_>>,
) -> Result<Option<json::parts::Layout>, LogError> {
    let clean = wanted.dialect.clean;
    loop {
        let first = pieces.at_beginning();
        match pieces.next(|text| layout.cut(text, first))? {
            Next::End => {
                let is_whole = layout.is_closed() || pieces.cut_short();
                return Ok(is_whole.then_some(layout));
            }
            Next::TooLong(..) if layout.is_lines() => pieces.skip_line()?,
            // What begins like a list may be something else.
            Next::TooLong(..) => return Ok(None),
            Next::Piece(text, before) => {
                let wanted_now = look.as_ref().map(|look| &look.narrow);
                let narrow =
                    |name: &str| wanted_now.is_some_and(|wanted| wanted.column(&clean(name)));
                let read: (&dyn json::Schema, _) = (wanted, wanted.options.nested);
                let met = layout.meet(text, path, before, read, &narrow)?;
                let Some((rows, tables)) = met else { return Ok(None) };
                if let Some(look) = look {
                    look.piece(path, tables, rows, text.len(), layout.width())?;
                }
                pieces.count(rows);
            }
        }
    }
}

fn meet_parquet(
    mut rows: parquet::Rows,
    path: &Path,
    wanted: &Wanted<'_>,
    look: &mut Option<&mut Look<'_>>,
) -> Result<parquet::Rows, LogError> {
    while let Some(met) = rows.meet(wanted)? {
        if let Some(look) = look {
            let (count, bytes, width) = (met.rows(), met.bytes(), met.width());
            let table = identifiers::write(rows.narrow(met, &look.narrow)?, &look.narrow)?;
            look.piece(path, vec![table], count, bytes, width)?;
        }
    }
    Ok(rows)
}

fn whole(
    path: &Path,
    wanted: &Wanted<'_>,
    look: &mut Option<&mut Look<'_>>,
) -> Result<Rows, LogError> {
    let table = file::file_table(path, wanted, wanted.options.memory.text())?;
    if let Some(look) = look {
        look.whole(path, &table)?;
    }
    Ok(Rows::Whole(Some(table)))
}

impl<'a> Parts<'a> {
    /// The parts before they are tables.
    pub(super) fn into_parts(mut self) -> impl Iterator<Item = Result<Part, LogError>> + 'a {
        std::iter::from_fn(move || self.part().transpose())
    }

    fn part(&mut self) -> Result<Option<Part>, LogError> {
        if self.waiting.is_empty() {
            self.waiting = self.source.next(&self.wanted)?.unwrap_or_default();
            self.waiting.reverse();
        }
        match self.waiting.pop() {
            Some(rows) => {
                let Source { path, further, .. } = &self.source;
                file::clean(path, rows, &self.wanted, 1, Some(further)).map(Some)
            }
            None => {
                self.skipped.merge(self.source.left_out());
                Ok(None)
            }
        }
    }

    fn table(&mut self) -> Result<Option<LogTable>, LogError> {
        while let Some(mut part) = self.part()? {
            self.skipped.merge(std::mem::take(&mut part.skipped));
            if part.rows == 0 {
                continue;
            }
            let rows = part.rows;
            let parts = vec![part];
            let places = if self.wanted.options.sort { places(&parts) } else { None };
            let columns = union(parts, places.as_deref())?;
            let table = table(columns, rows, std::mem::take(&mut self.skipped))?;
            self.last = Some(table.batch.slice(0, 0));
            return Ok(Some(table));
        }
        // The last pieces may have had no row.
        let last = self.last.take().filter(|_| self.skipped != Skipped::default());
        let skipped = std::mem::take(&mut self.skipped);
        let file_rows = Int64Array::from(Vec::<i64>::new());
        Ok(last.map(|batch| LogTable { batch, file_rows, skipped, more: false }))
    }
}

impl Iterator for Parts<'_> {
    type Item = Result<LogTable, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.table().transpose()
    }
}

#[cfg(test)]
mod tests;
