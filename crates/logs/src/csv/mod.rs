//! CSV with the column types that pandas' `read_csv` infers.
//!
//! Integers (64 bits, then unsigned), floats, booleans, else text; integers with gaps are floats,
//! booleans with gaps are the text `True`/`False`. Logs are read without losing digits
//! ([`CsvOptions::as_pandas`]). Missing are the empty cell and the spellings of
//! pandas 2 (`NA`, `NaN`, `null`, `None`, …). Two deviations: floats are rounded correctly, and a
//! row that does not fit is skipped and counted instead of ending the read.

mod builder;
mod cells;
mod header;
pub(super) mod parts;
mod records;

use super::file_table::{Column, FileTable};
use super::pieces::Before;
use crate::error::{LogError, Place};
use crate::skipped::{Skipped, Unit};
use crate::texts::Cells;
use builder::{Builder, Conflict};
use cells::Numbers;
use dfp_storage::memory_limit::MemoryLimit;
use header::{Chosen, Header};
use rayon::prelude::*;
use records::{Block, End, Records, RowView};
use std::path::Path;

/// How to read a CSV file.
#[derive(Clone, Copy)]
pub struct CsvOptions<'a> {
    /// Columns, by name, that stay text whatever their values look like.
    pub text: &'a (dyn Fn(&str) -> bool + Sync),
    /// Columns, by name, that are read at all.
    pub wanted: &'a (dyn Fn(&str) -> bool + Sync),
    /// Numbers as pandas reads them, whatever is lost: `007` is 7, and an integer beyond 2^53 is a double
    /// in a column of doubles or with gaps. Otherwise the first is text, and the other an integer or text.
    pub as_pandas: bool,
    /// Columns, by name, that are needed: others are left out of a file with too many.
    pub asked: &'a (dyn Fn(&str) -> bool + Sync),
    /// Of the names of all columns, what those of the events begin with if there are others around them. The
    /// others are left out, and the beginning too.
    pub envelope: &'a (dyn Fn(&[String]) -> Option<String> + Sync),
    /// What separates fields; `None` for a comma, where a header that seems to have another one is an
    /// error. A first line `sep=;` says it for its file.
    pub delimiter: Option<u8>,
    /// How much memory the columns may take: rows of two bytes may have as many cells as the header has names.
    pub memory: MemoryLimit,
}

impl Default for CsvOptions<'_> {
    fn default() -> Self {
        let (text, wanted, asked) = (&|_: &str| false, &|_: &str| true, &|_: &str| false);
        let envelope = &|_: &[String]| None;
        Self {
            text,
            wanted,
            as_pandas: true,
            asked,
            envelope,
            delimiter: None,
            memory: MemoryLimit::default(),
        }
    }
}

/// pandas' name for a first column without one.
pub(super) const UNNAMED_FIRST: &str = "Unnamed: 0";

const HEADER_AGAIN: &str = "header line repeated";
const NUL_BYTES: &str = "NUL bytes in place of rows";
const NUL_IN_FRONT: &str = "with NUL bytes in front, which are left out";
const TOO_LONG: &str = "more fields than the header";
const NOT_UTF8: &str = "not UTF-8";
const UNCLOSED: &str = "quote never closed";

/// Reads a CSV file that is already in memory; `path` is for messages only.
///
/// Columns without a name are called `Unnamed: <position>`, repeated names end in `.1`, `.2`, ….
/// If every row has one field more than the header, the first field is the row's label.
///
/// # Errors
/// [`LogError::Content`] if there is no header line or it is not UTF-8; [`LogError::Table`] if the
/// texts of a column exceed 2 GiB; [`LogError::Memory`] if rows times columns exceed what fits into memory.
pub fn read(bytes: &[u8], path: &Path, options: &CsvOptions<'_>) -> Result<FileTable, LogError> {
    read_open(bytes, path, options)?.finish()
}

/// As [`read`], with texts that can still grow.
pub(super) fn read_open(
    bytes: &[u8],
    path: &Path,
    options: &CsvOptions<'_>,
) -> Result<FileTable<Cells>, LogError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let header = Header::read(bytes, path, options.delimiter)?.without_envelope(options);
    let mut pass = Pass::new(bytes, header.body, path, &header);
    let mut block = Block::new(bytes);
    let more = pass.fill(&mut block);
    if block.every_row_has(header.names.len() + 1, &header.cells) {
        pass.labelled = true;
        pass.width += 1;
    }
    let (chosen, left_out) = header.choose(options);
    let mut slots = slots(&chosen, pass.labelled);
    let (positions, mut skipped) = pass.fill_all(block, more, &mut slots, options.memory)?;
    left_out.count(path, &mut skipped);
    finish(slots, &pass, positions, skipped)
}

/// Turns the builders into columns; those whose guessed type broke in a later block are read
/// again as text.
fn finish(
    slots: Vec<Slot>,
    pass: &Pass<'_>,
    positions: Vec<i64>,
    skipped: Skipped,
) -> Result<FileTable<Cells>, LogError> {
    let mut finished: Vec<Option<Cells>> = Vec::with_capacity(slots.len());
    let mut again = Vec::new();
    for (field, slot) in slots.into_iter().enumerate() {
        match slot {
            Slot::Unwanted => finished.push(None),
            Slot::Broken => {
                again.push((field, Builder::text()));
                finished.push(None);
            }
            Slot::Building(builder) => match builder.finish()? {
                Ok(values) => finished.push(Some(values)),
                Err(Conflict) => {
                    again.push((field, Builder::text()));
                    finished.push(None);
                }
            },
        }
    }
    if !again.is_empty() {
        reread(&mut again, pass);
        for (field, builder) in again {
            finished[field] = builder.finish()?.ok();
        }
    }
    let labels = if pass.labelled { finished.remove(0) } else { None };
    let labels = labels.map(Cells::finish).transpose()?;
    let names = pass.header.names.iter();
    let columns = names
        .zip(finished)
        .filter_map(|(name, values)| Some(Column { name: name.clone(), values: values? }));
    Ok(FileTable { columns: columns.collect(), labels, positions, skipped })
}

fn reread(again: &mut [(usize, Builder)], first: &Pass<'_>) {
    let mut pass = Pass::new(first.bytes, first.body, first.path, first.header);
    (pass.labelled, pass.width) = (first.labelled, first.width);
    let mut block = Block::new(first.bytes);
    loop {
        let more = pass.fill(&mut block);
        pass.keep_good_rows(&mut block, None);
        for (field, builder) in &mut *again {
            // Text takes every cell.
            let _ = builder.append(&block, *field);
        }
        if !more {
            break;
        }
    }
}

/// What becomes of one field of every row.
enum Slot {
    Unwanted,
    Building(Builder),
    /// The type guessed from earlier blocks does not hold.
    Broken,
}

impl Slot {
    fn append(&mut self, block: &Block<'_>, field: usize) {
        if let Self::Building(builder) = self
            && builder.append(block, field).is_err()
        {
            *self = Self::Broken;
        }
    }
}

fn slots(columns: &[Option<Chosen>], labelled: bool) -> Vec<Slot> {
    let label = labelled.then(|| Slot::Building(Builder::guess(Numbers { as_pandas: true })));
    let columns = columns.iter().map(|column| match column {
        None => Slot::Unwanted,
        Some(Chosen::Text) => Slot::Building(Builder::text()),
        Some(Chosen::Guess(numbers)) => Slot::Building(Builder::guess(*numbers)),
    });
    label.into_iter().chain(columns).collect()
}

/// How the numbers of a column are read; row labels are numbers whatever they begin with.
fn numbers_of(name: &str, options: &CsvOptions<'_>) -> Numbers {
    Numbers { as_pandas: options.as_pandas || name == UNNAMED_FIRST }
}

/// One walk over the rows of a file.
struct Pass<'a> {
    records: Records<'a>,
    path: &'a Path,
    bytes: &'a [u8],
    /// All of the file is UTF-8.
    is_text: bool,
    header: &'a Header,
    /// Where the first row begins.
    body: usize,
    /// Fields of a full row.
    width: usize,
    /// The first field of every row is a label without a header.
    labelled: bool,
    end: End,
    /// What the file holds before these bytes.
    before: Before,
}

impl<'a> Pass<'a> {
    fn new(bytes: &'a [u8], body: usize, path: &'a Path, header: &'a Header) -> Self {
        Self {
            records: Records::new(bytes, body, header.delimiter),
            path,
            bytes,
            is_text: str::from_utf8(bytes).is_ok(),
            header,
            body,
            width: header.names.len(),
            labelled: false,
            end: End::More,
            before: Before::default(),
        }
    }

    /// Reads the next block; false if it is the last.
    fn fill(&mut self, block: &mut Block<'a>) -> bool {
        self.end = self.records.fill(block, records::BLOCK);
        self.end == End::More
    }

    /// Fills the columns with the rows of a block, and of all that follow if there are more.
    fn fill_all(
        &mut self,
        mut block: Block<'a>,
        mut more: bool,
        slots: &mut [Slot],
        memory: MemoryLimit,
    ) -> Result<(Vec<i64>, Skipped), LogError> {
        let columns = slots.iter().filter(|slot| !matches!(slot, Slot::Unwanted)).count();
        let mut skipped = Skipped::default();
        let mut positions = Vec::new();
        let mut next = Block::new(self.bytes);
        loop {
            self.keep_good_rows(&mut block, Some(&mut skipped));
            positions.extend_from_slice(block.positions());
            if positions.len().saturating_mul(columns) > memory.cells() {
                let cause = format!("{} rows or more of {columns} columns", positions.len());
                return Err(LogError::memory(self.path, Place::default(), cause, memory));
            }
            let mut append = || {
                let slots = slots.par_iter_mut().enumerate();
                slots.for_each(|(field, slot)| slot.append(&block, field));
            };
            if !more {
                append();
                break;
            }
            // Quotes make the ends of rows known only from the start on: one core finds them while
            // the others fill the columns with the rows before.
            more = rayon::join(|| self.fill(&mut next), append).0;
            std::mem::swap(&mut block, &mut next);
        }
        if let Some(line) = self.unclosed_line() {
            skipped.add(Unit::Row, UNCLOSED, || {
                content(
                    self.path,
                    Place::line(line),
                    "quote is never closed, everything after it is skipped",
                    "a closing quote",
                )
            });
        }
        Ok((positions, skipped))
    }

    fn unclosed_line(&self) -> Option<usize> {
        let unclosed = self.end == End::Unclosed;
        unclosed.then(|| self.before.lines + line_of(self.bytes, self.records.record_start()))
    }

    /// Removes rows that are too long or not UTF-8, the header where it stands again, and NUL bytes.
    fn keep_good_rows(&self, block: &mut Block<'_>, mut skipped: Option<&mut Skipped>) {
        let header = &self.header.cells;
        if let Some(skipped) = skipped.as_deref_mut() {
            self.count_padded(block.padded(), skipped);
        }
        if self.is_text && block.none_longer(self.width) && block.has_rows_only(header) {
            return;
        }
        block.retain(|block, index, row| {
            let no_place = Place::default();
            let (reason, place, cause, expected) = if block.is_nul(index) {
                let cause = format!("{} NUL bytes", row.data.len());
                (NUL_BYTES, no_place, cause, "a row".to_owned())
            } else if block.is_header(index, header) {
                (
                    HEADER_AGAIN,
                    no_place,
                    HEADER_AGAIN.to_owned(),
                    "rows below one header".to_owned(),
                )
            } else if row.fields > self.width {
                let cause = format!("{} fields", row.fields);
                (TOO_LONG, no_place, cause, format!("at most {} fields", self.width))
            } else if let Err(e) = std::str::from_utf8(row.data) {
                let (place, cause) = self.not_utf8(&row, e.valid_up_to());
                (NOT_UTF8, place, cause, "UTF-8 text".to_owned())
            } else {
                return true;
            };
            if let Some(skipped) = skipped.as_deref_mut() {
                skipped.add(Unit::Row, reason, || {
                    let line = self.before.lines + line_of(self.bytes, row.start);
                    let place = Place { line: Some(line as u64), row: Some(row.position), ..place };
                    content(self.path, place, &cause, &expected)
                });
            }
            false
        });
    }

    /// Place and value of a byte that is not UTF-8, so many bytes of the row preceding.
    fn not_utf8(&self, row: &RowView<'_>, valid: usize) -> (Place, String) {
        let start = skip_line_ends(self.bytes, row.start);
        let raw = &self.bytes[start..row.end];
        let at = start + str::from_utf8(raw).map_or_else(|raw| raw.valid_up_to(), |_| valid);
        let byte = self.bytes.get(at).copied().unwrap_or_default();
        let place = Place { byte: Some((self.before.bytes + at) as u64), ..Place::default() };
        (place, format!("byte 0x{byte:02x} is not UTF-8"))
    }

    fn count_padded(&self, rows: &[i64], skipped: &mut Skipped) {
        let messages = rows.iter().map(|row| {
            let place = Place { row: Some(*row), ..Place::default() };
            content(self.path, place, "NUL bytes in front of a row", "a row")
        });
        skipped.add_many(Unit::Value, NUL_IN_FRONT, rows.len(), messages);
    }
}

fn content(path: &Path, place: Place, cause: &str, expected: &str) -> String {
    LogError::Content {
        path: path.to_owned(),
        place: Box::new(place),
        cause: cause.to_owned(),
        expected: expected.to_owned(),
    }
    .to_string()
}

/// Blank lines before a row belong to it as far as the tokeniser is concerned.
fn skip_line_ends(bytes: &[u8], start: usize) -> usize {
    start + bytes[start..].iter().take_while(|b| matches!(b, b'\r' | b'\n')).count()
}

/// Physical line, from 1, on which the row at `start` begins.
fn line_of(bytes: &[u8], start: usize) -> usize {
    1 + memchr::memchr_iter(b'\n', &bytes[..skip_line_ends(bytes, start)]).count()
}

#[cfg(test)]
mod tests;
