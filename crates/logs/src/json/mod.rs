//! JSON logs: an object with a list of events, a list of events, JSON lines, or several documents in
//! a row.
//!
//! Nested objects become columns `outer.inner`: plain members of an event first, in their order,
//! then the members of nested objects, depth first; an empty object vanishes; lists are text in
//! Python's notation, which is what CSV files made from such logs hold. Text stays text in every
//! form (the peer turns text that looks like a number into a number in JSON lines).
//!
//! What is wrong in one event costs no other: strings that JSON does not allow are mended, an event that
//! cannot be read is skipped, and both are counted. Objects with a list of events are answers, unless they
//! have what only events have.
//!
//! Integers beyond 64 bits are text with their digits. Limit: 128 levels of nesting.

mod answer;
mod builder;
mod digits;
mod event;
mod lines;
mod notes;
pub(super) mod parts;
mod paths;
mod pieces;
mod python;
mod recover;
mod repair;
mod scan;
mod visit;

pub(super) use paths::TWIN;

use super::file_table::{FileTable, MAX_COLUMNS};
use crate::error::{LogError, Place};
use crate::skipped::Skipped;
use crate::texts::Cells;
use event::Events;
use lines::is_lines;
use pieces::{Piece, Whole};
use rayon::prelude::*;
use recover::Recovery;
use serde::de::DeserializeSeed;
use std::path::Path;
use visit::Document;

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

    /// Whether a list below this path may hold events.
    fn leads_to_list(&self, path: &str) -> bool;

    /// Whether an object at this path of an event is the event, without what stands beside it.
    fn is_inner(&self, path: &str) -> bool;

    /// Whether only events have a member of this name, and no answer, nor what stands around an event.
    fn is_mark(&self, path: &str) -> bool;

    /// Whether the column is wanted by name, and not only since all are.
    fn is_asked(&self, path: &str) -> bool;

    /// Whether the values of a column are needed, and not only their type.
    fn keeps_values(&self, _path: &str) -> bool {
        true
    }

    /// Rows times columns that may be in memory together.
    fn most_cells(&self) -> usize;

    /// Whether a column below this path may be asked for.
    fn leads_to_asked(&self, path: &str) -> bool;
}

/// Bytes of a large file that are read as one piece: setting up some hundred columns for it must
/// not weigh.
const PIECE: usize = 2 << 20;

/// Reads a JSON file that is already in memory; `path` is for messages only. An event that cannot be read
/// is skipped and counted.
///
/// # Errors
/// [`LogError::Content`] with line and column if the file is empty, or no event of a document can be read;
/// [`LogError::Table`] if the texts of a column exceed 2 GiB.
pub fn read(
    bytes: &[u8],
    path: &Path,
    schema: &dyn Schema,
    nested: Nested,
) -> Result<FileTable, LogError> {
    read_open(bytes, path, schema, nested)?.finish()
}

/// As [`read`], with texts that can still grow.
pub(super) fn read_open(
    bytes: &[u8],
    path: &Path,
    schema: &dyn Schema,
    nested: Nested,
) -> Result<FileTable<Cells>, LogError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let bytes = &*digits::kept(bytes);
    if bytes.iter().all(|byte| *byte == 0 || byte.is_ascii_whitespace()) {
        let cause = if bytes.contains(&0) { "nothing but NUL bytes" } else { "empty file" };
        return Err(content(path, Place::default(), cause.into()));
    }
    let whole = match in_pieces(bytes, path, schema, nested, PIECE)? {
        Some(whole) => whole,
        None => one_reader(bytes, path, schema, nested)?,
    };
    let Whole { columns, positions, notes, mut skipped } = whole;
    notes.count(path, 0, &mut skipped);
    Ok(FileTable { columns, labels: None, positions, skipped })
}

/// Rows times columns of a file that is not made to fill the memory: events that share few of their
/// members have far fewer cells than bytes.
fn most_cells(bytes: &[u8], schema: &dyn Schema) -> usize {
    schema.most_cells().min((1 << 24) + 16 * bytes.len())
}

/// Reads a large file on all cores; `None` if it is small, or something in it wants a single
/// reader, which then also finds the right words for it.
fn in_pieces(
    bytes: &[u8],
    path: &Path,
    schema: &dyn Schema,
    nested: Nested,
    size: usize,
) -> Result<Option<Whole>, LogError> {
    if bytes.len() <= size {
        return Ok(None);
    }
    let cells = most_cells(bytes, schema);
    let events = || Events::new(schema, nested, cells);
    let pieces = if is_lines(bytes) {
        lines::pieces(bytes, size, path, &events)
    } else {
        let Some((list, object)) = pieces::list(bytes, schema, size) else { return Ok(None) };
        let read = list.into_par_iter().map(|text| {
            let list = [b"[", text, b"]"].concat();
            let mut events = events();
            list_of_events(&list, object, &mut events).then(|| events.finish())
        });
        let read: Option<Vec<Piece>> = read.collect();
        let Some(pieces) = read else { return Ok(None) };
        pieces
    };
    pieces::join(pieces, cells)
}

/// Reads a list that is a piece of a longer one, of an answer or not; false if it is no list.
fn list_of_events<'de>(text: &'de [u8], of_answer: bool, events: &mut Events<'_, 'de>) -> bool {
    let before = events.next_position();
    events.begin(text);
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read = match of_answer {
        true => Document::elements(events).deserialize(&mut reader),
        false => Document::new(events).deserialize(&mut reader),
    };
    if read.and_then(|()| reader.end()).is_ok() {
        return true;
    }
    events.forget();
    let read = events.next_position() - before;
    Recovery::new(text, events, read).list(!of_answer)
}

fn one_reader(
    bytes: &[u8],
    path: &Path,
    schema: &dyn Schema,
    nested: Nested,
) -> Result<Whole, LogError> {
    let read = |exact| {
        let mut events =
            Events::new(schema, nested, most_cells(bytes, schema)).with(exact, MAX_COLUMNS);
        let mut skipped = Skipped::default();
        if is_lines(bytes) {
            skipped = lines::read(bytes, 0, path, &mut events).skipped;
        } else if let Err(broken) = documents(bytes, &mut events) {
            Recovery::new(bytes, &mut events, broken.read).documents();
            if events.is_empty() {
                let error = broken.error;
                return Err(content(path, place(&error, 0), cause(&error)));
            }
        }
        Ok(Piece { skipped, ..events.finish() })
    };
    let piece = read(false)?;
    let piece = if piece.mistaken { read(true)? } else { piece };
    piece.whole()
}

/// Why documents could not be read, and how many events came before.
struct Broken {
    error: serde_json::Error,
    read: i64,
}

/// Reads documents until the text ends.
fn documents<'de>(text: &'de [u8], events: &mut Events<'_, 'de>) -> Result<(), Broken> {
    let before = events.next_position();
    events.begin(text);
    // Text that is known to be UTF-8 as a whole need not be checked string by string.
    let read = match str::from_utf8(text) {
        Ok(text) => read_all(serde_json::Deserializer::from_str(text), events),
        Err(_) => read_all(serde_json::Deserializer::from_slice(text), events),
    };
    read.map_err(|error| {
        events.forget();
        Broken { error, read: events.next_position() - before }
    })
}

fn read_all<'de, R: serde_json::de::Read<'de>>(
    mut reader: serde_json::Deserializer<R>,
    events: &mut Events<'_, 'de>,
) -> Result<(), serde_json::Error> {
    while reader.end().is_err() {
        Document::new(events).deserialize(&mut reader)?;
    }
    Ok(())
}

/// Where in a file, so many lines preceding, the parser gave up.
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

fn content(path: &Path, place: Place, cause: String) -> LogError {
    LogError::Content {
        path: path.to_owned(),
        place: Box::new(place),
        cause,
        expected: "{\"Records\": [...]}, a list of events or one event a line".into(),
    }
}

#[cfg(test)]
mod tests;
