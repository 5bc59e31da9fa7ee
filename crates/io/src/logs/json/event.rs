//! Events straight from the JSON text into columns, without a tree in between.

use super::builder::{Builder, Cell};
use super::digits;
use super::paths::{Paths, ROOT};
use super::pieces::Piece;
use super::python::Print;
use super::{Nested, Role, Schema};
use crate::logs::identifiers::{whole_number, whole_text};
use crate::logs::skipped::Skipped;
use hashbrown::HashMap;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Tree;
use std::borrow::Cow;
use std::fmt;

/// The table under construction. `'de` is the JSON text.
pub(super) struct Events<'o, 'de> {
    paths: Paths<'o>,
    nested: Nested,
    /// Most rows times columns.
    most_cells: usize,
    /// Members of the event being read.
    pending: Vec<Pending<'de>>,
    /// Members of the object inside it that is the event, once that has begun.
    inner: Option<Vec<Pending<'de>>>,
    columns: Vec<(String, Builder)>,
    /// Column of each distinct path.
    column_of: Vec<Option<usize>>,
    positions: Vec<i64>,
    next_position: i64,
    /// Positions of list elements that are not objects.
    not_objects: Vec<i64>,
    /// The event stands for itself, not in a list.
    alone: bool,
    /// The object being read turned out to hold a list of events.
    container: bool,
}

struct Pending<'de> {
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
            positions: Vec::new(),
            next_position: 0,
            not_objects: Vec::new(),
            alone: false,
            container: false,
        }
    }

    /// Forgets the event that broke off.
    pub(super) fn abandon(&mut self) {
        self.pending.clear();
        self.inner = None;
        self.next_position += 1;
    }

    pub(super) fn finish(self) -> Piece {
        Piece {
            columns: self.columns,
            positions: self.positions,
            not_objects: self.not_objects,
            next_position: self.next_position,
            skipped: Skipped::default(),
        }
    }

    /// Ends an event: its members become a row.
    fn commit<E: Error>(&mut self) -> Result<(), E> {
        if let Some(inner) = self.inner.take() {
            self.pending = inner;
        }
        self.keep_twins();
        let row = self.positions.len();
        if self.pending.iter().any(|p| self.column_of.get(p.cell).is_none_or(Option::is_none)) {
            self.make_columns(row);
        }
        if self.columns.len().saturating_mul(row + 1) > self.most_cells {
            return Err(E::custom(format_args!(
                "{} rows of {} columns, far more cells than the file has bytes",
                row + 1,
                self.columns.len()
            )));
        }
        // Backwards, so that the last of several members of one name counts.
        for pending in self.pending.drain(..).rev() {
            if let Some(column) = self.column_of[pending.cell] {
                let builder = &mut self.columns[column].1;
                if builder.len() <= row {
                    builder.pad(row);
                    builder.push(&pending.value);
                }
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

    /// Makes the columns that are new with this row: those of plain members first, then those of
    /// nested objects.
    fn make_columns(&mut self, row: usize) {
        self.column_of.resize(self.paths.cells(), None);
        for top in [true, false] {
            for pending in self.pending.iter().filter(|p| p.top == top) {
                if self.column_of[pending.cell].is_none() {
                    self.column_of[pending.cell] = Some(self.columns.len());
                    let path = self.paths.node(pending.node).path.clone();
                    self.columns.push((path, Builder::new(row)));
                }
            }
        }
    }

    fn push(&mut self, node: usize, top: bool, value: Cell<'de>) {
        let member = self.paths.node(node);
        let cell = member.cell;
        let value = match member.role {
            Role::Skip => return,
            Role::Value | Role::FirstOfFirst => value,
            Role::Identifier { prefix } => identifier(value, prefix, self.alone),
        };
        self.pending.push(Pending { node, cell, value, top });
    }

    fn members<A: MapAccess<'de>>(
        &mut self,
        parent: usize,
        members: &mut A,
    ) -> Result<(), A::Error> {
        self.paths.rewind(parent);
        let top = parent == ROOT;
        while let Some(node) = members.next_key_seed(Key { paths: &mut self.paths, parent })? {
            let member = self.paths.node(node);
            if matches!(member.role, Role::Skip) && !(member.descend || member.list || member.inner)
            {
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

struct Key<'p, 'o> {
    paths: &'p mut Paths<'o>,
    parent: usize,
}

impl<'de> DeserializeSeed<'de> for Key<'_, '_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_, '_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<usize, E> {
        self.paths
            .child(self.parent, key)
            .ok_or_else(|| E::custom("more than 20000 different members"))
    }
}

/// A document: an event, an object with a list of events, or a list of events.
pub(super) struct Document<'r, 'o, 'de>(pub(super) &'r mut Events<'o, 'de>);

impl<'de> DeserializeSeed<'de> for Document<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event object, {\"Records\": [...]} or a list of events")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.0.alone = true;
        self.0.container = false;
        self.0.members(ROOT, &mut members)?;
        if self.0.container {
            // What stands beside the events, such as a page token, is not an event.
            self.0.pending.clear();
            self.0.inner = None;
            Ok(())
        } else {
            self.0.commit()
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Listed(self.0))?.is_some() {}
        Ok(())
    }
}

/// An element of a list of events.
struct Listed<'r, 'o, 'de>(&'r mut Events<'o, 'de>);

impl Listed<'_, '_, '_> {
    fn refuse(self) {
        let events = self.0;
        events.not_objects.push(events.next_position);
        events.next_position += 1;
    }
}

impl<'de> DeserializeSeed<'de> for Listed<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Listed<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.0.alone = false;
        self.0.members(ROOT, &mut members)?;
        self.0.commit()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        self.refuse();
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.refuse();
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.refuse();
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.refuse();
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.refuse();
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.refuse();
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.refuse();
        Ok(())
    }
}

/// The value of a member of an event, at any depth.
struct Member<'r, 'o, 'de> {
    events: &'r mut Events<'o, 'de>,
    node: usize,
    top: bool,
}

impl<'de> Member<'_, '_, 'de> {
    fn put<E>(self, value: Cell<'de>) -> Result<(), E> {
        self.events.push(self.node, self.top, value);
        Ok(())
    }

    /// Whether this is the object that is the event.
    fn is_inner(&self) -> bool {
        self.events.inner.is_none() && self.events.paths.node(self.node).inner
    }

    /// The object of an inner event that is written as text; `None` if this is none.
    fn inner_object(&self, text: &str) -> Option<Tree> {
        if !self.is_inner() {
            return None;
        }
        serde_json::from_slice(&digits::kept(text.as_bytes())).ok().filter(Tree::is_object)
    }
}

impl<'de> DeserializeSeed<'de> for Member<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Member<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.put(Cell::Missing)
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.put(Cell::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.put(Cell::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.put(i64::try_from(value).map_or(Cell::UInt(value), Cell::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.put(Cell::Float(value))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<(), E> {
        match self.inner_object(value) {
            Some(object) => self.deserialize(object).map_err(E::custom),
            None => self.put(Cell::Text(Cow::Borrowed(value))),
        }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        match self.inner_object(value) {
            Some(object) => self.deserialize(object).map_err(E::custom),
            None => self.put(Cell::Text(Cow::Owned(value.to_owned()))),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        if self.is_inner() {
            return inner(self.events, &mut members);
        }
        if self.events.alone && self.events.nested == Nested::Keep {
            let mut text = String::new();
            Print(&mut text).visit_map(members)?;
            return self.put(Cell::Text(text.into()));
        }
        self.events.members(self.node, &mut members)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let node = self.events.paths.node(self.node);
        if self.events.alone && node.list {
            return records(self.events, &mut list);
        }
        let value = match node.role {
            Role::Skip => {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(());
            }
            Role::FirstOfFirst => first_of_first(&mut list)?,
            Role::Value | Role::Identifier { .. } => {
                let mut text = String::new();
                Print(&mut text).visit_seq(list)?;
                Cell::Text(text.into())
            }
        };
        self.put(value)
    }
}

/// The members of the object that is the event; those beside it are kept apart.
fn inner<'de, A: MapAccess<'de>>(
    events: &mut Events<'_, 'de>,
    members: &mut A,
) -> Result<(), A::Error> {
    let beside = std::mem::take(&mut events.pending);
    events.inner = Some(Vec::new());
    events.members(ROOT, members)?;
    events.inner = Some(std::mem::replace(&mut events.pending, beside));
    Ok(())
}

fn records<'de, A: SeqAccess<'de>>(
    events: &mut Events<'_, 'de>,
    list: &mut A,
) -> Result<(), A::Error> {
    let beside = std::mem::take(&mut events.pending);
    while list.next_element_seed(Listed(events))?.is_some() {}
    events.pending = beside;
    events.alone = true;
    events.container = true;
    Ok(())
}

/// The first value of the first object; an empty list is missing, any other list stays as it is.
fn first_of_first<'de, A: SeqAccess<'de>>(list: &mut A) -> Result<Cell<'de>, A::Error> {
    let mut trees = Vec::new();
    while let Some(tree) = list.next_element::<Tree>()? {
        trees.push(tree);
    }
    let value = match trees.first() {
        None => return Ok(Cell::Missing),
        Some(Tree::Object(members)) => members.values().next().cloned().unwrap_or(Tree::Null),
        Some(_) => Tree::Array(trees),
    };
    Ok(match value {
        Tree::Null => Cell::Missing,
        Tree::Bool(value) => Cell::Bool(value),
        Tree::String(value) => Cell::Text(value.into()),
        Tree::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => Cell::Int(value),
            (None, Some(value)) => Cell::UInt(value),
            (None, None) => Cell::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        list_or_object @ (Tree::Array(_) | Tree::Object(_)) => {
            let mut text = String::new();
            Print(&mut text).deserialize(list_or_object).map_err(A::Error::custom)?;
            Cell::Text(text.into())
        }
    })
}
