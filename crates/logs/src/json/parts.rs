//! JSON lines, or a document with one list of events, in parts: one pass finds the columns and their
//! types, a second one makes the tables.

use super::builder::{Builder, Met};
use super::digits;
use super::event::Events;
use super::lines::{self, is_lines, open_event};
use super::notes::{Notes, dropped};
use super::pieces::{Piece, list_begin, list_end};
use super::{Nested, PIECE, Role, Schema, content, list_of_events, most_cells};
use crate::error::{LogError, Place};
use crate::file_table::{Column, FileTable, MAX_COLUMNS};
use crate::pieces::{Before, HEAD};
use crate::skipped::Skipped;
use crate::texts::Cells;
use hashbrown::{HashMap, HashSet};
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
pub(crate) struct Layout {
    form: Form,
    /// Name and values; `None` if the column was dropped since most rows lack it.
    columns: Vec<(String, Option<Met>)>,
    known: HashMap<String, usize>,
    /// The paths above the columns.
    branches: HashSet<String>,
    rows: usize,
    kept: usize,
    /// Values that are left out.
    left_out: Notes,
    /// The last piece so far ends the list, if there is one.
    closed: bool,
}

/// What is wanted of a file of which some columns are known: these are kept before any other.
struct Known<'l> {
    wanted: &'l dyn Schema,
    layout: &'l Layout,
    /// The columns whose values are needed; `None` for all.
    narrow: Option<Narrow<'l>>,
}

/// Whether the values of a column are needed while the types of all are looked for.
pub(crate) type Narrow<'l> = &'l (dyn Fn(&str) -> bool + Sync);

impl Schema for Known<'_> {
    fn role(&self, path: &str) -> Role {
        // Others too, though their values are dropped: an event that could not be read is not read now.
        self.wanted.role(path)
    }

    fn descend(&self, path: &str) -> bool {
        self.wanted.descend(path)
    }

    fn is_list(&self, path: &str) -> bool {
        self.wanted.is_list(path)
    }

    fn leads_to_list(&self, path: &str) -> bool {
        self.wanted.leads_to_list(path)
    }

    fn is_inner(&self, path: &str) -> bool {
        self.wanted.is_inner(path)
    }

    fn is_mark(&self, path: &str) -> bool {
        self.wanted.is_mark(path)
    }

    fn keeps_values(&self, path: &str) -> bool {
        self.narrow.is_none_or(|narrow| narrow(path))
    }

    fn most_cells(&self) -> usize {
        self.wanted.most_cells()
    }

    fn is_asked(&self, path: &str) -> bool {
        self.wanted.is_asked(path) || self.is_known(path)
    }

    fn leads_to_asked(&self, path: &str) -> bool {
        self.wanted.leads_to_asked(path) || self.layout.branches.contains(path)
    }
}

impl Known<'_> {
    fn is_known(&self, path: &str) -> bool {
        self.layout.known.get(path).is_some_and(|column| self.layout.columns[*column].1.is_some())
    }
}

/// How many events there are in a piece, and tables of some of their columns.
type Seen = (i64, Vec<FileTable<Cells>>);

impl Layout {
    /// The columns of a file that begins with `head`, none of them known yet; `None` if the file has to
    /// be read as a whole.
    pub(crate) fn new(head: &[u8], schema: &dyn Schema) -> Option<Self> {
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
        Some(Self {
            form,
            columns: Vec::new(),
            known: HashMap::new(),
            branches: HashSet::new(),
            rows: 0,
            kept: 0,
            left_out: Notes::default(),
            closed: false,
        })
    }

    /// Cuts behind the last whole event; `first` is the piece with the beginning of the file.
    pub(crate) fn cut(&self, text: &[u8], first: bool) -> usize {
        match self.form {
            Form::Lines => {
                let lines = memchr::memrchr(b'\n', text).map_or(0, |end| end + 1);
                open_event(&text[..lines]).unwrap_or(lines)
            }
            Form::List { begin, .. } => last_comma(text, if first { begin } else { 0 }),
        }
    }

    /// Whether the pieces so far are a whole document.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether every event has a line of its own.
    pub(crate) fn is_lines(&self) -> bool {
        matches!(self.form, Form::Lines)
    }

    /// Names of the columns.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().filter(|(_, met)| met.is_some()).map(|(name, _)| name.as_str())
    }

    /// The number of columns.
    pub(crate) fn width(&self) -> usize {
        self.kept
    }

    /// Looks at the events of a piece; how many there are, those that will be skipped included, and
    /// tables of those columns that `narrow` wants. `None` if this is no piece: the file has to be read as
    /// a whole.
    pub(crate) fn meet(
        &mut self,
        text: &[u8],
        path: &Path,
        before: Before,
        (schema, nested): (&dyn Schema, Nested),
        narrow: Narrow<'_>,
    ) -> Result<Option<Seen>, LogError> {
        self.closed = matches!(self.form, Form::Lines) || !text.ends_with(b",");
        let known = Known { wanted: schema, layout: self, narrow: Some(narrow) };
        let names = MAX_COLUMNS.saturating_sub(self.kept);
        let Some(pieces) = self.events(text, path, before, &known, nested, names) else {
            return Ok(None);
        };
        let (mut rows, mut position, mut tables) = (0, 0, Vec::with_capacity(pieces.len()));
        for mut piece in pieces {
            let of_piece = piece.positions.len();
            let begin = before.rows + position;
            rows += of_piece;
            position += piece.next_position;
            let mut columns = Vec::new();
            for (name, mut builder) in piece.columns {
                builder.pad(of_piece);
                let column = match self.known.get(&name) {
                    Some(column) => *column,
                    None => self.add(name.clone()),
                };
                match &mut self.columns[column].1 {
                    Some(met) => met.merge(&builder.met()),
                    None => {
                        let values = builder.met().values();
                        self.left_out.rare.add(begin, values, || dropped(&name));
                    }
                }
                if narrow(&name) {
                    columns.push(Column { name, values: builder.finish()? });
                }
            }
            self.left_out.merge(piece.notes.of_values_left_out(), begin);
            let (positions, skipped) = (piece.positions, piece.skipped);
            tables.push(FileTable { columns, labels: None, positions, skipped });
        }
        self.rows += rows;
        let most = most_cells(text, schema) / rows.max(1);
        if self.kept > most {
            self.drop_rare_columns(most / 2, schema);
        }
        // Each core may have met as many columns as there may be.
        if self.kept > MAX_COLUMNS {
            self.drop_rare_columns(MAX_COLUMNS, schema);
        }
        if self.kept > most {
            let cause = format!("{rows} rows of {} columns", self.kept);
            return Err(content(path, Place::default(), cause));
        }
        Ok(Some((position, tables)))
    }

    fn add(&mut self, name: String) -> usize {
        for (dot, _) in name.match_indices('.') {
            if !self.branches.contains(&name[..dot]) {
                self.branches.insert(name[..dot].to_owned());
            }
        }
        let column = self.columns.len();
        self.known.insert(name.clone(), column);
        self.columns.push((name, Some(Met::default())));
        self.kept += 1;
        column
    }

    /// Drops the columns that the fewest rows have and nobody asked for, until so many are left.
    fn drop_rare_columns(&mut self, most: usize, schema: &dyn Schema) {
        let columns = self.columns.iter().enumerate();
        let mut rare: Vec<(usize, usize)> = columns
            .filter(|(_, (name, _))| !schema.is_asked(name))
            .filter_map(|(column, (_, met))| Some((met.as_ref()?.values(), column)))
            .collect();
        rare.sort_unstable_by_key(|(values, column)| (*values, std::cmp::Reverse(*column)));
        for (_, column) in rare.into_iter().take(self.kept.saturating_sub(most)) {
            let (name, met) = &mut self.columns[column];
            let values = met.take().map_or(0, |met| met.values());
            self.left_out.rare.add(0, values, || dropped(name));
            self.kept -= 1;
        }
    }

    /// The events of a piece, once all pieces were looked at, and their number as in [`meet`](Self::meet).
    pub(crate) fn read(
        &self,
        text: &[u8],
        path: &Path,
        before: Before,
        schema: &dyn Schema,
        nested: Nested,
    ) -> Result<(Vec<FileTable<Cells>>, i64), LogError> {
        let known = Known { wanted: schema, layout: self, narrow: None };
        let pieces = self.events(text, path, before, &known, nested, MAX_COLUMNS);
        let pieces = pieces.ok_or_else(|| {
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
        let mut tables = tables.collect::<Result<Vec<_>, LogError>>()?;
        if let Some(first) = tables.first_mut().filter(|_| before.bytes == 0) {
            let mut skipped = Skipped::default();
            self.left_out.clone().count(path, 0, &mut skipped);
            skipped.merge(std::mem::take(&mut first.skipped));
            first.skipped = skipped;
        }
        Ok((tables, position))
    }

    /// The table of some events, of which the first is at the position `begin` in the file.
    fn table(&self, piece: Piece, begin: i64, path: &Path) -> Result<FileTable<Cells>, LogError> {
        let Piece { columns, mut positions, mut notes, mut skipped, .. } = piece;
        // They were counted when the columns were found.
        notes.of_values_left_out();
        let rows = positions.len();
        let mut builders: HashMap<String, Builder> = columns.into_iter().collect();
        let kept = self.columns.iter().filter_map(|(name, met)| Some((name, met.as_ref()?)));
        let builders: Vec<_> = kept
            .map(|(name, met)| (name, met, builders.remove(name).unwrap_or(Builder::new(0))))
            .collect();
        let columns = builders.into_par_iter().map(|(name, met, mut builder)| {
            builder.pad(rows);
            let values = builder.finish_as(&met.kind(self.rows))?;
            Ok(Column { name: name.clone(), values })
        });
        let columns = columns.collect::<Result<_, LogError>>()?;
        positions.iter_mut().for_each(|p| *p += begin);
        notes.count(path, begin, &mut skipped);
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
        names: usize,
    ) -> Option<Vec<Piece>> {
        let cuts = self.cuts(text, before).into_par_iter();
        let events =
            cuts.map(|(text, before)| self.events_of(text, path, before, schema, nested, names));
        events.collect()
    }

    fn events_of(
        &self,
        text: &[u8],
        path: &Path,
        before: Before,
        schema: &dyn Schema,
        nested: Nested,
        names: usize,
    ) -> Option<Piece> {
        let text = self.form.document(text, before.bytes == 0)?;
        let text = &*digits::kept(&text);
        let mut events = Events::new(schema, nested, most_cells(text, schema)).with(true, names);
        let skipped = match self.form {
            Form::Lines => lines::read(text, before.lines, path, &mut events).skipped,
            Form::List { object, .. } => {
                if !list_of_events(text, object, &mut events) {
                    return None;
                }
                Skipped::default()
            }
        };
        Some(Piece { skipped, ..events.finish() })
    }
}

/// Ends a text that was cut somewhere behind its last whole event.
pub(crate) fn end_early(text: &mut Vec<u8>, schema: &dyn Schema) {
    let Some(layout) = Layout::new(text, schema) else { return };
    let end = layout.cut(text, true);
    if end == 0 {
        return;
    }
    text.truncate(end);
    if let Form::List { object, .. } = layout.form {
        text.pop();
        text.extend_from_slice(if object { b"]}" } else { b"]" });
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
