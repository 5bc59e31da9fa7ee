//! One large file as a sequence of tables, in memory that its size does not bound.

use super::file;
use super::names::{self, Further};
use super::pieces::Pieces;
use super::read::{ALWAYS, FileType, ReadOptions, places, table};
use super::skipped::Skipped;
use super::union::{Part, union};
use super::wanted::Wanted;
use super::{Dialect, FileTable, LogTable, csv, identifiers, json, parquet};
use crate::error::IoError;
use crate::files::Stamp;
use crate::texts::Cells;
use arrow_array::{Int64Array, RecordBatch};
use std::path::Path;

/// Reads one file in parts of about `max_bytes` of its (unpacked) text, or a Parquet file by its groups
/// of rows. All parts have the columns and types of the whole file: a first pass, made here, finds
/// them. The parts' [`file_rows`](LogTable::file_rows) run on, and what was left out is told with
/// the part in which it stood.
///
/// Rows are sorted within a part only. A JSON document is cut if all its events are in one list, `[…]` or
/// `{"Records": […]}`, and nothing follows; any other is one part. A row of more than 64 MiB has no end, like a quote that is never closed.
///
/// # Errors
/// [`ReadOptions::repeat`] is above 1: the span of a file is that of all its parts. The file cannot be read, or is broken in a way that makes [`read`](super::read) skip it.
pub fn read_in_parts<'a>(
    dialect: &'a Dialect,
    path: &'a Path,
    options: &'a ReadOptions<'a>,
    max_bytes: usize,
) -> Result<Parts<'a>, IoError> {
    if options.repeat > 1 {
        return Err(IoError::table("read a file in parts", &"it is to be repeated as a whole"));
    }
    let wanted = Wanted { dialect, options };
    let mut source = Source::open(path, &wanted, max_bytes)?;
    let mut further = Further::new();
    let first = source.next(path, &wanted)?;
    let names = first.iter().flat_map(|table| &table.columns).map(|column| column.name.as_str());
    if names::collide(names, dialect.clean) {
        // Which columns have to be kept apart is known only when all rows have been seen.
        let mut source = Source::open(path, &wanted, max_bytes)?;
        while let Some(table) = source.next(path, &wanted)? {
            names::meet(&mut further, table.columns, &wanted)?;
        }
    }
    Ok(Parts { path, wanted, source, first, further, skipped: Skipped::default(), last: None })
}

/// Bytes of text that a large file is read in at a time.
pub(super) const PART: usize = 64 << 20;

/// The parts of one file: it is read in several where it is large and only a part is wanted.
pub(super) fn parts_of(
    path: &Path,
    dialect: &Dialect,
    options: &ReadOptions<'_>,
) -> Result<Vec<Part>, IoError> {
    let sliced = options.slice.is_some_and(|slice| slice(path).times != ALWAYS);
    if sliced && is_large(path, options) {
        return read_in_parts(dialect, path, options, PART)?.into_parts().collect();
    }
    Ok(vec![file::read(path, dialect, options)?])
}

/// Whether a file is better read in parts.
pub(super) fn is_large(path: &Path, options: &ReadOptions<'_>) -> bool {
    options.repeat <= 1 && Stamp::of(path).bytes > PART as u64 / 4
}

/// The tables of one file.
pub struct Parts<'a> {
    path: &'a Path,
    wanted: Wanted<'a>,
    source: Source<'a>,
    /// The first part, once it was looked at for names that become one.
    first: Option<FileTable<Cells>>,
    further: Further,
    /// Of pieces without any row.
    skipped: Skipped,
    /// The columns, without rows.
    last: Option<RecordBatch>,
}

enum Source<'a> {
    Csv(Pieces<'a>, csv::parts::Layout),
    Json(Pieces<'a>, json::parts::Layout),
    Parquet {
        groups: parquet::Groups<'a>,
        types: parquet::Types,
        next: usize,
        rows: i64,
    },
    /// What does not come in pieces.
    Whole(Option<FileTable<Cells>>),
}

impl<'a> Source<'a> {
    fn open(path: &'a Path, wanted: &Wanted<'_>, max_bytes: usize) -> Result<Self, IoError> {
        let clean = wanted.dialect.clean;
        let wants = parquet::Wants {
            column: &|name| wanted.column(&clean(name)),
            asked: &|name| wanted.asked(&clean(name)),
            identifier: &|name| wanted.is_identifier(&clean(name)),
        };
        if let Some(content) = wanted.parquet(path)? {
            let groups = parquet::Groups::open(content, path, &wants)?;
            let types = groups.types(&wants)?;
            return Ok(Self::Parquet { groups, types, next: 0, rows: 0 });
        }
        let mut pieces = Pieces::open(path, max_bytes)?;
        let head = pieces.head()?;
        match file::format(path, head, wanted.options.file_type) {
            FileType::Csv | FileType::Auto if !head.is_empty() => {
                let mut layout =
                    wanted.as_csv(|options| csv::parts::Layout::new(head, path, options))?;
                loop {
                    let first = pieces.at_beginning();
                    let piece = pieces.next(|text| layout.cut(text, first))?;
                    let Some((text, before)) = piece else { break };
                    let rows = layout.meet(text, path, before)?;
                    pieces.count(rows);
                }
                Ok(Self::Csv(Pieces::open(path, max_bytes)?, layout))
            }
            FileType::Json => {
                let Some(mut layout) = json::parts::Layout::new(head, wanted) else {
                    return Self::whole(path, wanted);
                };
                let nested = wanted.options.nested;
                loop {
                    let first = pieces.at_beginning();
                    let piece = pieces.next(|text| layout.cut(text, first))?;
                    let Some((text, before)) = piece else { break };
                    let Some(rows) = layout.meet(text, path, before, wanted, nested)? else {
                        return Self::whole(path, wanted);
                    };
                    pieces.count(rows);
                }
                if pieces.gave_up() || !(layout.is_closed() || pieces.cut_short()) {
                    return Self::whole(path, wanted);
                }
                Ok(Self::Json(Pieces::open(path, max_bytes)?, layout))
            }
            _ => Self::whole(path, wanted),
        }
    }

    fn whole(path: &Path, wanted: &Wanted<'_>) -> Result<Self, IoError> {
        Ok(Self::Whole(Some(file::file_table(path, wanted)?)))
    }

    /// The rows of the next piece.
    fn next(
        &mut self,
        path: &Path,
        wanted: &Wanted<'_>,
    ) -> Result<Option<FileTable<Cells>>, IoError> {
        match self {
            Self::Csv(pieces, layout) => {
                let first = pieces.at_beginning();
                let piece = pieces.next(|text| layout.cut(text, first))?;
                let Some((text, before)) = piece else { return Ok(None) };
                let (mut table, rows) = layout.read(text, path, before)?;
                pieces.count(rows);
                table.skipped.merge(pieces.skipped());
                file::csv_table(table, wanted).map(Some)
            }
            Self::Json(pieces, layout) => {
                let first = pieces.at_beginning();
                let piece = pieces.next(|text| layout.cut(text, first))?;
                let Some((text, before)) = piece else { return Ok(None) };
                let nested = wanted.options.nested;
                let (mut table, rows) = layout.read(text, path, before, wanted, nested)?;
                pieces.count(rows);
                table.skipped.merge(pieces.skipped());
                Ok(Some(table))
            }
            Self::Parquet { groups, types, next, rows } => {
                if *next == groups.count() {
                    return Ok(None);
                }
                let clean = wanted.dialect.clean;
                let wants = parquet::Wants {
                    column: &|name| wanted.column(&clean(name)),
                    asked: &|name| wanted.asked(&clean(name)),
                    identifier: &|name| wanted.is_identifier(&clean(name)),
                };
                let table = groups.read(vec![*next], *rows, &wants, types)?;
                *next += 1;
                *rows += table.positions.len() as i64;
                identifiers::write(table, wanted).map(Some)
            }
            Self::Whole(table) => Ok(table.take()),
        }
    }
}

impl<'a> Parts<'a> {
    /// The parts before they are tables.
    pub(super) fn into_parts(mut self) -> impl Iterator<Item = Result<Part, IoError>> + 'a {
        std::iter::from_fn(move || self.part().transpose())
    }

    fn part(&mut self) -> Result<Option<Part>, IoError> {
        let rows = match self.first.take() {
            Some(first) => Some(first),
            None => self.source.next(self.path, &self.wanted)?,
        };
        let clean = |rows| file::clean(self.path, rows, &self.wanted, 1, Some(&self.further));
        rows.map(clean).transpose()
    }

    fn table(&mut self) -> Result<Option<LogTable>, IoError> {
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
        Ok(last.map(|batch| LogTable { batch, file_rows, skipped }))
    }
}

impl Iterator for Parts<'_> {
    type Item = Result<LogTable, IoError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.table().transpose()
    }
}

#[cfg(test)]
mod tests;
