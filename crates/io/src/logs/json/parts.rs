//! JSON lines, or a document with one list of events, in parts: one pass finds the columns and their
//! types, a second one makes the tables.

use super::builder::{Builder, Met};
use super::event::Events;
use super::pieces::{Piece, list_begin, list_end};
use super::{
    Nested, PIECE, Schema, content, documents, is_lines, lines, most_cells, skip_not_objects,
};
use crate::error::{IoError, Place};
use crate::logs::pieces::{Before, HEAD};
use crate::logs::skipped::Skipped;
use crate::logs::{Column, FileTable, MAX_COLUMNS};
use crate::texts::Cells;
use hashbrown::HashMap;
use rayon::prelude::*;
use std::borrow::Cow;
use std::path::Path;

/// How the events of a file follow each other.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// One a line.
    Lines,
    /// In a list that begins there, of an object or not.
    List { begin: usize, object: bool },
}

impl Form {
    /// The events of a piece as a document of their own; `None` if it cannot be one.
    fn document(self, text: &[u8], first: bool) -> Option<Cow<'_, [u8]>> {
        let Self::List { begin, object } = self else { return Some(Cow::Borrowed(text)) };
        let text = if first { text.get(begin..)? } else { text };
        let events = match text.strip_suffix(b",") {
            Some(events) => events,
            None => list_end(text, object)?,
        };
        // Only a list without any event has none before its end.
        let empty = events.trim_ascii().is_empty();
        (first || !empty).then(|| Cow::Owned([b"[", events, b"]"].concat()))
    }
}

/// The columns of a file, in order of first appearance.
pub(in crate::logs) struct Layout {
    form: Form,
    columns: Vec<(String, Met)>,
    known: HashMap<String, usize>,
    rows: usize,
}

impl Layout {
    /// The columns of a file that begins with `head`, none of them known yet; `None` if the file has to
    /// be read as a whole.
    pub(in crate::logs) fn new(head: &[u8], schema: &dyn Schema) -> Option<Self> {
        let form = match list_begin(head, schema) {
            _ if is_lines(head) => Form::Lines,
            Some((begin, object)) => Form::List { begin, object },
            // A first line without an end in sight: others may follow.
            None if head.len() >= HEAD
                && head.trim_ascii_start().starts_with(b"{")
                && !head.contains(&b'\n') =>
            {
                Form::Lines
            }
            None => return None,
        };
        Some(Self { form, columns: Vec::new(), known: HashMap::new(), rows: 0 })
    }

    /// Cuts behind the last whole event; `first` is the piece with the beginning of the file.
    pub(in crate::logs) fn cut(&self, text: &[u8], first: bool) -> usize {
        match self.form {
            Form::Lines => memchr::memrchr(b'\n', text).map_or(0, |end| end + 1),
            Form::List { begin, .. } => last_comma(text, if first { begin } else { 0 }),
        }
    }

    /// Whether every event has a line of its own.
    pub(in crate::logs) fn is_lines(&self) -> bool {
        matches!(self.form, Form::Lines)
    }

    /// The number of columns.
    pub(in crate::logs) fn width(&self) -> usize {
        self.columns.len()
    }

    /// Looks at the events of a piece; how many there are, those that will be skipped included, and a
    /// table of those columns that `narrow` wants. `None` if this is no piece: the file has to be read as
    /// a whole.
    pub(in crate::logs) fn meet(
        &mut self,
        text: &[u8],
        path: &Path,
        before: Before,
        read: (&dyn Schema, Nested),
        narrow: &dyn Fn(&str) -> bool,
    ) -> Result<Option<(i64, Vec<FileTable<Cells>>)>, IoError> {
        let Some(pieces) = self.events(text, path, before, read.0, read.1) else { return Ok(None) };
        let (mut all, mut position, mut tables) = (0, 0, Vec::with_capacity(pieces.len()));
        for piece in pieces {
            let rows = piece.positions.len();
            all += rows;
            position += piece.next_position;
            let mut columns = Vec::new();
            for (name, mut builder) in piece.columns {
                builder.pad(rows);
                let column = match self.known.get(&name) {
                    Some(column) => *column,
                    None => {
                        self.columns.push((name.clone(), Met::default()));
                        self.known.insert(name.clone(), self.columns.len() - 1);
                        self.columns.len() - 1
                    }
                };
                self.columns[column].1.merge(&builder.met());
                if narrow(&name) {
                    columns.push(Column { name, values: builder.finish()? });
                }
            }
            let (positions, skipped) = (piece.positions, piece.skipped);
            tables.push(FileTable { columns, labels: None, positions, skipped });
        }
        self.rows += all;
        if self.columns.len() > MAX_COLUMNS
            || self.columns.len().saturating_mul(all) > most_cells(text)
        {
            let cause = format!("{all} rows of {} columns", self.columns.len());
            return Err(content(path, Place::default(), cause));
        }
        Ok(Some((position, tables)))
    }

    /// The events of a piece, once all pieces were looked at, and their number as in [`meet`](Self::meet).
    pub(in crate::logs) fn read(
        &self,
        text: &[u8],
        path: &Path,
        before: Before,
        schema: &dyn Schema,
        nested: Nested,
    ) -> Result<(Vec<FileTable<Cells>>, i64), IoError> {
        let pieces = self.events(text, path, before, schema, nested).ok_or_else(|| {
            content(path, Place::default(), "the file changed while it was read".into())
        })?;
        let mut position = 0;
        let begun = pieces.into_iter().map(|piece| {
            let begin = before.rows + position;
            position += piece.next_position;
            (piece, begin)
        });
        let begun: Vec<(Piece, i64)> = begun.collect();
        let tables = begun.into_par_iter().map(|(piece, begin)| self.table(piece, begin, path));
        Ok((tables.collect::<Result<_, _>>()?, position))
    }

    /// The table of some events, of which the first is at the position `begin` in the file.
    fn table(&self, piece: Piece, begin: i64, path: &Path) -> Result<FileTable<Cells>, IoError> {
        let Piece { columns, mut positions, mut not_objects, mut skipped, .. } = piece;
        let rows = positions.len();
        let mut builders: HashMap<String, Builder> = columns.into_iter().collect();
        let builders: Vec<_> = self
            .columns
            .iter()
            .map(|(name, met)| (name, met, builders.remove(name).unwrap_or(Builder::new(0))))
            .collect();
        let columns = builders.into_par_iter().map(|(name, met, mut builder)| {
            builder.pad(rows);
            let values = builder.finish_as(&met.kind(self.rows))?;
            Ok(Column { name: name.clone(), values })
        });
        let columns = columns.collect::<Result<_, IoError>>()?;
        positions.iter_mut().chain(&mut not_objects).for_each(|p| *p += begin);
        skip_not_objects(not_objects, path, &mut skipped);
        Ok(FileTable { columns, labels: None, positions, skipped })
    }

    /// The piece cut further, for cores side by side.
    fn cuts<'t>(&self, text: &'t [u8], before: Before) -> Vec<(&'t [u8], Before)> {
        let (mut cuts, mut rest, mut before) = (Vec::new(), text, before);
        while !rest.is_empty() {
            let length = match rest.get(..PIECE) {
                Some(head) => match self.cut(head, before.bytes == 0) {
                    0 => rest.len(),
                    length => length,
                },
                None => rest.len(),
            };
            let (cut, behind) = rest.split_at(length);
            cuts.push((cut, before));
            before.bytes += length;
            before.lines += memchr::memchr_iter(b'\n', cut).count();
            rest = behind;
        }
        cuts
    }

    fn events(
        &self,
        text: &[u8],
        path: &Path,
        before: Before,
        schema: &dyn Schema,
        nested: Nested,
    ) -> Option<Vec<Piece>> {
        let cuts = self.cuts(text, before).into_par_iter();
        cuts.map(|(text, before)| self.events_of(text, path, before, schema, nested)).collect()
    }

    fn events_of(
        &self,
        text: &[u8],
        path: &Path,
        before: Before,
        schema: &dyn Schema,
        nested: Nested,
    ) -> Option<Piece> {
        let text = self.form.document(text, before.bytes == 0)?;
        let mut events = Events::new(schema, nested, most_cells(&text));
        let skipped = match self.form {
            Form::Lines => lines(&text, before.lines, path, &mut events),
            Form::List { .. } => {
                documents(&text, &mut events).ok()?;
                Skipped::default()
            }
        };
        Some(Piece { skipped, ..events.finish() })
    }
}

/// The end of the last comma between events, from a place between two events on; 0 if there is none.
fn last_comma(text: &[u8], begin: usize) -> usize {
    let (mut cut, mut depth, mut at) = (0, 0_usize, begin);
    while let Some(byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' => {
                // A quote behind a backslash is part of the text.
                while let Some(found) = text.get(at..).and_then(|t| memchr::memchr2(b'"', b'\\', t))
                {
                    at += found + 1;
                    if text[at - 1] == b'"' {
                        break;
                    }
                    at += 1;
                }
            }
            b'{' | b'[' => depth += 1,
            b',' if depth == 0 => cut = at,
            // Of the list itself.
            b'}' | b']' if depth == 0 => break,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
    }
    cut
}
