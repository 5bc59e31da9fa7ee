//! A large file in pieces that are read side by side.
//!
//! Where pieces begin depends on the text alone, never on the number of threads.

use super::Schema;
use super::builder::Builder;
use super::notes::Notes;
use crate::error::LogError;
use crate::file_table::{Column, MAX_COLUMNS};
use crate::skipped::Skipped;
use crate::texts::Cells;
use hashbrown::HashMap;
use memchr::{memchr, memmem};
use rayon::prelude::*;

/// What was read of one piece; positions count from its first event.
pub(super) struct Piece {
    pub(super) columns: Vec<(String, Builder)>,
    pub(super) positions: Vec<i64>,
    pub(super) notes: Notes,
    pub(super) next_position: i64,
    pub(super) skipped: Skipped,
    /// What was taken for an answer is an event.
    pub(super) mistaken: bool,
}

/// All pieces as one table.
#[derive(Default)]
pub(super) struct Whole {
    pub(super) columns: Vec<Column<Cells>>,
    pub(super) positions: Vec<i64>,
    pub(super) notes: Notes,
    pub(super) skipped: Skipped,
}

impl Piece {
    /// The piece as a table.
    ///
    /// # Errors
    /// The texts of a column exceed 2 GiB.
    pub(super) fn whole(self) -> Result<Whole, LogError> {
        let Self { columns, positions, notes, skipped, .. } = self;
        let rows = positions.len();
        let columns = columns.into_iter().map(|(name, mut builder)| {
            builder.pad(rows);
            Ok(Column { name, values: builder.finish()? })
        });
        Ok(Whole { columns: columns.collect::<Result<_, LogError>>()?, positions, notes, skipped })
    }
}

/// Puts pieces together as if one reader had read them all; `None` if that one would have met too
/// many columns or cells: which of them are left out depends on what was read before.
///
/// # Errors
/// The texts of a column exceed 2 GiB.
pub(super) fn join(pieces: Vec<Piece>, most_cells: usize) -> Result<Option<Whole>, LogError> {
    let mut whole = Whole::default();
    let mut columns: Vec<(String, Vec<(usize, Builder)>)> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut position = 0;
    for piece in pieces {
        let row = whole.positions.len();
        for (name, builder) in piece.columns {
            let column = *known.entry(name).or_insert_with_key(|name| {
                columns.push((name.clone(), Vec::new()));
                columns.len() - 1
            });
            columns[column].1.push((row, builder));
        }
        whole.positions.extend(piece.positions.iter().map(|p| position + p));
        if piece.mistaken || piece.notes.left_out_values() {
            return Ok(None);
        }
        whole.notes.merge(piece.notes, position);
        whole.skipped.merge(piece.skipped);
        position += piece.next_position;
    }
    let rows = whole.positions.len();
    if columns.len() > MAX_COLUMNS || columns.len().saturating_mul(rows) > most_cells {
        return Ok(None);
    }
    whole.columns = columns
        .into_par_iter()
        .map(|(name, parts)| {
            let mut all = Builder::new(0);
            for (row, part) in parts {
                all.pad(row);
                all.append(part);
            }
            all.pad(rows);
            Ok(Column { name, values: all.finish()? })
        })
        .collect::<Result<_, LogError>>()?;
    Ok(Some(whole))
}

/// Cuts behind the first line end after each `size` bytes.
pub(super) fn lines(text: &[u8], size: usize) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.get(size..).and_then(|behind| memchr(b'\n', behind)) {
        let (piece, behind) = rest.split_at(size + end + 1);
        pieces.push(piece);
        rest = behind;
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}

/// Cuts the list of events of a document `[…]` or `{"Records": […]}` before elements that begin
/// like the first one, and says whether it is in an object; `None` if it does not look like such a document.
///
/// A cut may turn out to be inside a text or a list. If every piece in brackets is a list, all cuts
/// are right: the first piece begins at an element, and each next one behind a comma that follows
/// whole elements.
pub(super) fn list<'t>(
    text: &'t [u8],
    schema: &dyn Schema,
    size: usize,
) -> Option<(Vec<&'t [u8]>, bool)> {
    let text = text.trim_ascii();
    let (begin, object) = list_begin(text, schema)?;
    let body = list_end(&text[begin..], object)?;
    let mut rest = body.trim_ascii_start();
    let opening = opening(rest)?;
    let mut pieces = Vec::new();
    let mut from = size;
    while let Some(found) = rest.get(from..).and_then(|behind| memmem::find(behind, opening)) {
        let (piece, behind) = rest.split_at(from + found);
        match piece.trim_ascii_end().strip_suffix(b",") {
            Some(piece) => {
                pieces.push(piece);
                rest = behind;
                from = size;
            }
            None => from += found + 1,
        }
    }
    pieces.push(rest);
    Some((pieces, object))
}

/// Where the list of events of a document `[…]` or `{"Records": […]}` begins, and whether it is in an
/// object.
pub(super) fn list_begin(text: &[u8], schema: &dyn Schema) -> Option<(usize, bool)> {
    let rest = text.trim_ascii_start();
    if let Some(list) = rest.strip_prefix(b"[") {
        return Some((text.len() - list.len(), false));
    }
    let rest = rest.strip_prefix(b"{")?.trim_ascii_start().strip_prefix(b"\"")?;
    let (name, rest) = rest.split_at_checked(memchr(b'"', rest)?)?;
    if !schema.is_list(str::from_utf8(name).ok()?) {
        return None;
    }
    let rest = rest.strip_prefix(b"\"")?.trim_ascii_start().strip_prefix(b":")?;
    let list = rest.trim_ascii_start().strip_prefix(b"[")?;
    Some((text.len() - list.len(), true))
}

/// The end of such a document without what closes the list.
pub(super) fn list_end(text: &[u8], object: bool) -> Option<&[u8]> {
    let text = text.trim_ascii_end();
    if object {
        return text.strip_suffix(b"}")?.trim_ascii_end().strip_suffix(b"]");
    }
    text.strip_suffix(b"]")
}

/// An object's brace and first member name.
pub(super) fn opening(object: &[u8]) -> Option<&[u8]> {
    if !object.starts_with(b"{") {
        return None;
    }
    let quote = memchr(b'"', object)?;
    let end = quote + 1 + memchr(b'"', &object[quote + 1..])?;
    object.get(..=end)
}

/// Line ends of each piece, as the number of lines before it.
pub(super) fn lines_before(pieces: &[&[u8]]) -> Vec<usize> {
    let counts: Vec<usize> =
        pieces.par_iter().map(|piece| memchr::memchr_iter(b'\n', piece).count()).collect();
    counts
        .iter()
        .scan(0, |lines, count| {
            let before = *lines;
            *lines += count;
            Some(before)
        })
        .collect()
}
