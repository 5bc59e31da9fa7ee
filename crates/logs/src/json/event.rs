//! Events straight from the JSON text into columns, without a tree in between.

use super::answer::{self, answers};
use super::builder::{Builder, Cell};
use super::notes::{Notes, dropped, too_many};
use super::paths::{Missing, Paths, ROOT};
use super::pieces::Piece;
use super::visit::{Key, Member};
use super::{Nested, Role, Schema};
use crate::numbers::{whole_number, whole_text};
use crate::skipped::Skipped;
use hashbrown::HashMap;
use serde::de::{Error, IgnoredAny, MapAccess};

/// The table under construction. `'de` is the JSON text.
pub(super) struct Events<'o, 'de> {
    pub(super) paths: Paths<'o>,
    pub(super) nested: Nested,
    /// Most rows times columns.
    most_cells: usize,
    /// Members of the event being read.
    pub(super) pending: Vec<Pending<'de>>,
    /// Members of the object inside it that is the event, once that has begun, and that object's node.
    pub(super) inner: Option<(usize, Vec<Pending<'de>>)>,
    columns: Vec<(String, Builder)>,
    /// Column of each distinct path.
    column_of: Vec<Place>,
    /// Columns that have not been dropped.
    kept: usize,
    positions: Vec<i64>,
    next_position: i64,
    pub(super) notes: Notes,
    /// The event is the whole document, not an element of a list.
    pub(super) alone: bool,
    /// The object being read may be an answer, which holds a list of events.
    pub(super) open: bool,
    /// The object being read turned out to be an answer.
    pub(super) container: bool,
    /// The object being read has a member that only events have.
    pub(super) marked: bool,
    /// The text being read, and whether the objects in it are answers, once that had to be found out.
    text: &'de [u8],
    answers: Option<Vec<bool>>,
    /// Which of the objects is being read, from 1.
    pub(super) object: usize,
    /// Look through long texts as well.
    exact: bool,
    /// What was taken for an answer by its beginning is an event.
    pub(super) mistaken: bool,
}

/// Where values of a path go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Unknown,
    Column(usize),
    /// The column had to be dropped.
    Dropped,
}

pub(super) struct Pending<'de> {
    node: usize,
    /// The node's.
    cell: usize,
    value: Cell<'de>,
    top: bool,
}

impl<'o, 'de> Events<'o, 'de> {
    pub(super) fn new(schema: &'o dyn Schema, nested: Nested, most_cells: usize) -> Self {
        Self {
            paths: Paths::new(schema),
            nested,
            most_cells,
            pending: Vec::new(),
            inner: None,
            columns: Vec::new(),
            column_of: Vec::new(),
            kept: 0,
            positions: Vec::new(),
            next_position: 0,
            notes: Notes::default(),
            alone: false,
            open: false,
            container: false,
            marked: false,
            text: &[],
            answers: None,
            object: 0,
            exact: false,
            mistaken: false,
        }
    }

    /// As [`new`](Self::new): `exact` looks through texts of any length to find out what is an answer, and
    /// at most `names` members are read that nobody asked for.
    pub(super) fn with(mut self, exact: bool, names: usize) -> Self {
        self.exact = exact;
        self.paths.most = names;
        self
    }

    pub(super) fn schema(&self) -> &'o dyn Schema {
        self.paths.schema()
    }

    /// Begins a text of documents.
    pub(super) fn begin(&mut self, text: &'de [u8]) {
        self.text = text;
        self.answers = None;
        self.object = 0;
    }

    /// Whether the object being read is an answer.
    pub(super) fn is_answer(&mut self) -> bool {
        if !self.open || self.marked {
            return false;
        }
        let schema = self.paths.schema();
        let answers = match &self.answers {
            Some(answers) => answers,
            None if !self.exact && self.object == 1 && answer::begins(self.text, schema) => {
                return true;
            }
            None => self.answers.insert(answers(self.text, schema)),
        };
        answers.get(self.object.wrapping_sub(1)).copied().unwrap_or_default()
    }

    /// Whether no event was read.
    pub(super) fn is_empty(&self) -> bool {
        self.positions.is_empty() && self.notes.not_objects == Default::default()
    }

    pub(super) fn next_position(&self) -> i64 {
        self.next_position
    }

    /// Forgets the event that broke off.
    pub(super) fn forget(&mut self) {
        self.pending.clear();
        self.inner = None;
    }

    /// Counts a row that is not read.
    pub(super) fn pass(&mut self) {
        self.next_position += 1;
    }

    /// Counts an event that cannot be read.
    pub(super) fn lose(&mut self, cause: impl FnOnce() -> String) {
        self.notes.broken.add(self.next_position, 1, cause);
        self.next_position += 1;
    }

    /// Counts NUL bytes as a row.
    pub(super) fn skip_nul(&mut self, bytes: usize) {
        self.notes.nul.add(self.next_position, 1, || format!("{bytes} NUL bytes"));
        self.next_position += 1;
    }

    /// Counts an element of a list that is no object.
    pub(super) fn refuse(&mut self) {
        let cause = || "list element is not an object".to_owned();
        self.notes.not_objects.add(self.next_position, 1, cause);
        self.next_position += 1;
    }

    pub(super) fn finish(mut self) -> Piece {
        if self.kept < self.columns.len() {
            let mut kept = vec![false; self.columns.len()];
            for place in &self.column_of {
                if let Place::Column(column) = place {
                    kept[*column] = true;
                }
            }
            let mut kept = kept.into_iter();
            self.columns.retain(|_| kept.next().unwrap_or_default());
        }
        Piece {
            columns: self.columns,
            positions: self.positions,
            notes: self.notes,
            next_position: self.next_position,
            skipped: Skipped::default(),
            mistaken: self.mistaken,
        }
    }

    /// Ends an event: its members become a row.
    pub(super) fn commit<E: Error>(&mut self) -> Result<(), E> {
        if let Some((node, inner)) = self.inner.take() {
            if self.marked {
                // The object around it is the event after all.
                self.put_below(node, inner);
            } else {
                self.pending = inner;
            }
        }
        self.keep_twins();
        let row = self.positions.len();
        let unknown = |p: &Pending<'_>| self.place(p.cell) == Place::Unknown;
        if self.pending.iter().any(unknown) {
            self.make_columns(row);
        }
        if self.kept.saturating_mul(row + 1) > self.most_cells {
            self.drop_rare_columns(row);
        }
        if self.kept.saturating_mul(row + 1) > self.most_cells {
            return Err(E::custom(format_args!(
                "{} rows of {} columns, far more cells than the file has bytes",
                row + 1,
                self.kept
            )));
        }
        // Backwards, so that the last of several members of one name counts.
        for pending in self.pending.drain(..).rev() {
            match self.column_of[pending.cell] {
                Place::Column(column) => {
                    let builder = &mut self.columns[column].1;
                    if builder.len() <= row {
                        builder.pad(row);
                        builder.push(&pending.value);
                    }
                }
                Place::Dropped if pending.value != Cell::Missing => {
                    let path = &self.paths.node(pending.node).path;
                    self.notes.rare.add(self.next_position, 1, || dropped(path));
                }
                Place::Dropped | Place::Unknown => {}
            }
        }
        self.positions.push(self.next_position);
        self.next_position += 1;
        Ok(())
    }

    /// Members of several places in the event can have one column, `"a.b"` and the `b` of `a`: the value that
    /// there is counts, and different ones go to columns of their own.
    fn keep_twins(&mut self) {
        if !self.paths.has_shared_cells() {
            return;
        }
        let mut kept: Vec<Pending<'de>> = Vec::with_capacity(self.pending.len());
        // Of each cell where its member is, and how many others went elsewhere.
        let mut known: HashMap<usize, (usize, usize)> = HashMap::new();
        for mut pending in std::mem::take(&mut self.pending) {
            let (at, twins) = known.entry(pending.cell).or_insert((kept.len(), 0));
            let Some(first) = kept.get_mut(*at).filter(|first| first.node != pending.node) else {
                *at = kept.len();
                kept.push(pending);
                continue;
            };
            if pending.value == Cell::Missing || pending.value == first.value {
                continue;
            }
            // Which of them keeps the column does not depend on which comes first.
            if first.value == Cell::Missing || self.paths.precedes(pending.node, first.node) {
                std::mem::swap(first, &mut pending);
            }
            if pending.value != Cell::Missing
                && let Some((node, cell)) = self.paths.twin(pending.node, *twins)
            {
                *twins += 1;
                kept.push(Pending { node, cell, ..pending });
            }
        }
        self.pending = kept;
    }

    fn place(&self, cell: usize) -> Place {
        self.column_of.get(cell).copied().unwrap_or(Place::Unknown)
    }

    /// Members of the object at `node` that are below it again.
    fn put_below(&mut self, node: usize, members: Vec<Pending<'de>>) {
        for member in members {
            let path = self.paths.node(member.node).path.clone();
            if let Ok(node) = self.paths.child(node, &path) {
                let cell = self.paths.node(node).cell;
                self.pending.push(Pending { node, cell, top: false, ..member });
            }
        }
    }

    /// Makes the columns that are new with this row: those of plain members first, then those of
    /// nested objects.
    fn make_columns(&mut self, row: usize) {
        self.column_of.resize(self.paths.cells(), Place::Unknown);
        for top in [true, false] {
            for pending in self.pending.iter().filter(|p| p.top == top) {
                if self.column_of[pending.cell] == Place::Unknown {
                    self.column_of[pending.cell] = Place::Column(self.columns.len());
                    self.kept += 1;
                    let path = self.paths.node(pending.node).path.clone();
                    let builder = match self.paths.schema().keeps_values(&path) {
                        true => Builder::new(row),
                        false => Builder::counting(row),
                    };
                    self.columns.push((path, builder));
                }
            }
        }
    }

    /// Drops the columns that the fewest rows have and nobody asked for, until half of the cells would do.
    fn drop_rare_columns(&mut self, row: usize) {
        let most = self.most_cells / (row + 1) / 2;
        let schema = self.paths.schema();
        let mut rare: Vec<(usize, usize, usize)> = Vec::new();
        for (cell, place) in self.column_of.iter().enumerate() {
            if let Place::Column(column) = *place
                && !schema.is_asked(&self.columns[column].0)
            {
                rare.push((self.columns[column].1.met().values(), column, cell));
            }
        }
        rare.sort_unstable_by_key(|(values, column, _)| (*values, std::cmp::Reverse(*column)));
        for (values, column, cell) in rare.into_iter().take(self.kept.saturating_sub(most)) {
            let (name, builder) = &mut self.columns[column];
            *builder = Builder::new(0);
            self.column_of[cell] = Place::Dropped;
            self.kept -= 1;
            let row = self.next_position;
            self.notes.rare.add(row, values, || dropped(name));
        }
    }

    pub(super) fn push(&mut self, node: usize, top: bool, value: Cell<'de>) {
        let member = self.paths.node(node);
        let cell = member.cell;
        let value = match member.role {
            Role::Skip => return,
            Role::Value | Role::FirstOfFirst => value,
            Role::Identifier { prefix } => identifier(value, prefix, self.alone),
        };
        self.pending.push(Pending { node, cell, value, top });
    }

    pub(super) fn members<A: MapAccess<'de>>(
        &mut self,
        parent: usize,
        members: &mut A,
    ) -> Result<(), A::Error> {
        self.paths.rewind(parent);
        let top = parent == ROOT;
        while let Some(child) = members.next_key_seed(Key { paths: &mut self.paths, parent })? {
            let node = match child {
                Ok(node) => node,
                Err(Missing { name, wanted }) => {
                    if wanted {
                        self.notes.names.add(self.next_position, 1, || too_many(&name));
                    }
                    members.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            let member = self.paths.node(node);
            if top && member.mark {
                self.marked = true;
                self.mistaken |= self.container;
            }
            if member.is_skipped() {
                members.next_value::<IgnoredAny>()?;
            } else {
                members.next_value_seed(Member { events: self, node, top })?;
            }
        }
        Ok(())
    }
}

/// Identifiers are text with exact digits. The prefix is for numbers, and for digits outside a
/// list of events, where the peer takes text that looks like a number for one.
fn identifier<'a>(value: Cell<'a>, prefix: &str, alone: bool) -> Cell<'a> {
    match value {
        Cell::Missing => Cell::Missing,
        Cell::Text(text)
            if alone && !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) =>
        {
            Cell::Text(format!("{prefix}{text}").into())
        }
        Cell::Text(text) => match whole_text(&text) {
            Some(whole) => Cell::Text(whole.to_owned().into()),
            None => Cell::Text(text),
        },
        Cell::Float(value) => {
            let digits = whole_number(value);
            let digits = digits.or_else(|| Some(Cell::Float(value).print()?.into_owned()));
            Cell::Text([prefix, &digits.unwrap_or_default()].concat().into())
        }
        number @ (Cell::Int(_) | Cell::UInt(_)) => {
            Cell::Text(format!("{prefix}{}", number.print().unwrap_or_default()).into())
        }
        other @ Cell::Bool(_) => Cell::Text(other.print().unwrap_or_default().into_owned().into()),
    }
}
