//! JSON logs: an object with a list of events, a list of events, JSON lines, or several documents in
//! a row.
//!
//! Nested objects become columns `outer.inner`: plain members of an event first, in their order,
//! then the members of nested objects, depth first; an empty object vanishes; lists are text in
//! Python's notation, which is what CSV files made from such logs hold. Text stays text in every
//! form (the peer turns text that looks like a number into a number in JSON lines).
//!
//! Integers beyond 64 bits are text with their digits. Limit: 128 levels of nesting.

mod builder;
mod digits;
mod event;
pub(super) mod parts;
mod paths;
mod pieces;
mod python;

pub(super) use builder::is_large;

use super::FileTable;
use super::skipped::{Skipped, Unit};
use crate::error::{IoError, Place};
use crate::texts::Cells;
use event::{Document, Events};
use pieces::{Piece, Whole};
use rayon::prelude::*;
use serde::de::DeserializeSeed;
use std::path::Path;

/// What happens to objects inside an event of a JSON *lines* file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nested {
    /// Their members become columns, as inside `Records`.
    #[default]
    Flatten,
    /// One text column in Python's notation, as the peer does.
    Keep,
}

/// What a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Not wanted.
    Skip,
    /// A value of any type.
    Value,
    /// Text with exact digits. Numbers get the prefix, and so does text of digits only in an event
    /// that stands for itself (not in a list), as with the peer.
    Identifier {
        /// Put in front of a number.
        prefix: &'static str,
    },
    /// Of a list that begins with an object, that object's first value; an empty list is missing.
    FirstOfFirst,
}

/// What the reader is to do with the members of events.
pub trait Schema: Sync {
    /// The role of the member on a dotted path.
    fn role(&self, path: &str) -> Role;

    /// Whether a member below this path may be wanted.
    fn descend(&self, path: &str) -> bool;

    /// Whether a list at this path of a document holds its events.
    fn is_list(&self, path: &str) -> bool;

    /// Whether an object at this path of an event is the event, without what stands beside it.
    fn is_inner(&self, path: &str) -> bool;
}

/// Bytes of a large file that are read as one piece: setting up some hundred columns for it must
/// not weigh.
const PIECE: usize = 2 << 20;

const BROKEN_LINE: &str = "broken JSON line";
const NOT_AN_EVENT: &str = "not an event object";

/// Reads a JSON file that is already in memory; `path` is for messages only. In JSON lines, a
/// broken line is skipped and counted; any other document is all or nothing.
///
/// # Errors
/// [`IoError::Content`] with line and column if the file is empty or a document is broken;
/// [`IoError::Table`] if the texts of a column exceed 2 GiB.
pub fn read(
    bytes: &[u8],
    path: &Path,
    schema: &dyn Schema,
    nested: Nested,
) -> Result<FileTable, IoError> {
    read_open(bytes, path, schema, nested)?.finish()
}

/// As [`read`], with texts that can still grow.
pub(super) fn read_open(
    bytes: &[u8],
    path: &Path,
    schema: &dyn Schema,
    nested: Nested,
) -> Result<FileTable<Cells>, IoError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let bytes = &*digits::kept(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(content(path, Place::default(), "empty file".into()));
    }
    let mut whole = match in_pieces(bytes, path, schema, nested, PIECE)? {
        Some(whole) => whole,
        None => one_reader(bytes, path, schema, nested)?,
    };
    skip_not_objects(std::mem::take(&mut whole.not_objects), path, &mut whole.skipped);
    let Whole { columns, positions, skipped, .. } = whole;
    Ok(FileTable { columns, labels: None, positions, skipped })
}

fn skip_not_objects(positions: Vec<i64>, path: &Path, skipped: &mut Skipped) {
    for position in positions {
        skipped.add(Unit::Row, NOT_AN_EVENT, || {
            let place = Place { row: Some(position), ..Place::default() };
            content(path, place, "list element is not an object".into()).to_string()
        });
    }
}

/// Rows times columns of a file that is not made to fill the memory: events that share few of their
/// members have far fewer cells than bytes.
fn most_cells(bytes: &[u8]) -> usize {
    (1 << 24) + 16 * bytes.len()
}

/// Reads a large file on all cores; `None` if it is small, or something in it wants a single
/// reader, which then also finds the right words for it.
fn in_pieces(
    bytes: &[u8],
    path: &Path,
    schema: &dyn Schema,
    nested: Nested,
    size: usize,
) -> Result<Option<Whole>, IoError> {
    if bytes.len() <= size {
        return Ok(None);
    }
    let cells = most_cells(bytes);
    let read: Option<Vec<Piece>> = if is_lines(bytes) {
        let texts = pieces::lines(bytes, size);
        let before = pieces::lines_before(&texts);
        let read = texts.par_iter().zip(before).map(|(text, before)| {
            let mut events = Events::new(schema, nested, cells);
            let skipped = lines(text, before, path, &mut events);
            Piece { skipped, ..events.finish() }
        });
        Some(read.collect())
    } else {
        let Some(list) = pieces::list(bytes, schema, size) else { return Ok(None) };
        let read = list.into_par_iter().map(|text| {
            let list = [b"[", text, b"]"].concat();
            let list = str::from_utf8(&list).ok()?;
            let mut events = Events::new(schema, nested, cells);
            let mut reader = serde_json::Deserializer::from_str(list);
            Document(&mut events).deserialize(&mut reader).ok()?;
            reader.end().ok()?;
            Some(events.finish())
        });
        read.collect()
    };
    read.map_or(Ok(None), |pieces| pieces::join(pieces, cells))
}

fn one_reader(
    bytes: &[u8],
    path: &Path,
    schema: &dyn Schema,
    nested: Nested,
) -> Result<Whole, IoError> {
    let mut events = Events::new(schema, nested, most_cells(bytes));
    let mut skipped = Skipped::default();
    if is_lines(bytes) {
        skipped = lines(bytes, 0, path, &mut events);
    } else {
        documents(bytes, &mut events).map_err(|e| content(path, place(&e, 0), cause(&e)))?;
    }
    Piece { skipped, ..events.finish() }.whole()
}

/// Reads an event a line; `before` lines precede the text in its file.
fn lines<'de>(
    bytes: &'de [u8],
    before: usize,
    path: &Path,
    events: &mut Events<'_, 'de>,
) -> Skipped {
    let mut skipped = Skipped::default();
    for (number, line) in split_lines(bytes).enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        if let Err(e) = documents(line, events) {
            events.abandon();
            skipped.add(Unit::Row, BROKEN_LINE, || {
                content(path, place(&e, before + number), cause(&e)).to_string()
            });
        }
    }
    skipped
}

/// Reads documents until the text ends.
fn documents<'de>(text: &'de [u8], events: &mut Events<'_, 'de>) -> Result<(), serde_json::Error> {
    // Text that is known to be UTF-8 as a whole need not be checked string by string.
    match str::from_utf8(text) {
        Ok(text) => read_all(serde_json::Deserializer::from_str(text), events),
        Err(_) => read_all(serde_json::Deserializer::from_slice(text), events),
    }
}

fn read_all<'de, R: serde_json::de::Read<'de>>(
    mut reader: serde_json::Deserializer<R>,
    events: &mut Events<'_, 'de>,
) -> Result<(), serde_json::Error> {
    while reader.end().is_err() {
        Document(events).deserialize(&mut reader)?;
    }
    Ok(())
}

/// JSON lines: most of the first lines are an object each, or half of them with the very first
/// one. A list printed with one object a line is none, because its lines end in commas.
fn is_lines(bytes: &[u8]) -> bool {
    let whole = |line: &[u8]| line.starts_with(b"{") && line.ends_with(b"}");
    let mut lines =
        split_lines(bytes).map(<[u8]>::trim_ascii).filter(|l| !l.is_empty()).take(64).peekable();
    let first = lines.peek().is_some_and(|line| whole(line));
    let (mut count, mut objects) = (0, 0);
    for line in lines {
        count += 1;
        objects += usize::from(whole(line));
    }
    count > 1 && (2 * objects > count || (first && 2 * objects == count))
}

/// The lines of a text, without their line feeds.
fn split_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut begin = 0;
    memchr::memchr_iter(b'\n', text).chain(std::iter::once(text.len())).map(move |end| {
        let line = &text[begin..end];
        begin = end + 1;
        line
    })
}

fn place(e: &serde_json::Error, lines_before: usize) -> Place {
    Place {
        line: Some((e.line().max(1) + lines_before) as u64),
        column: Some(e.column() as u64),
        ..Place::default()
    }
}

/// The parser's words without its place, which is relative to the line.
fn cause(e: &serde_json::Error) -> String {
    let words = e.to_string();
    words.rsplit_once(" at line ").map_or(words.as_str(), |(cause, _)| cause).to_owned()
}

fn content(path: &Path, place: Place, cause: String) -> IoError {
    IoError::Content {
        path: path.to_owned(),
        place: Box::new(place),
        cause,
        expected: "{\"Records\": [...]}, a list of events or one event a line".into(),
    }
}

#[cfg(test)]
mod tests;
