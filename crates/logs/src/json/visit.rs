//! What the parser hands over, put where it belongs.

use super::builder::Cell;
use super::digits;
use super::event::Events;
use super::paths::{Missing, Paths, ROOT};
use super::python::Print;
use super::{Nested, Role, cause, repair};
use serde::de::{
    DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde_json::Value as Tree;
use std::borrow::Cow;
use std::fmt;

/// The name of a member.
pub(super) struct Key<'p, 'o> {
    pub(super) paths: &'p mut Paths<'o>,
    pub(super) parent: usize,
}

impl<'de> DeserializeSeed<'de> for Key<'_, '_> {
    type Value = Result<usize, Missing>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_, '_> {
    type Value = Result<usize, Missing>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.paths.child(self.parent, key))
    }
}

/// What may stand where a value is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// An event, an answer, or a list of these.
    Document,
    /// An element of a list: an event, or an answer if the list is a document.
    Listed { answers: bool },
    /// An event that is a document.
    Event,
}

/// A document, or what is in one.
pub(super) struct Document<'r, 'o, 'de> {
    events: &'r mut Events<'o, 'de>,
    level: Level,
}

impl<'r, 'o, 'de> Document<'r, 'o, 'de> {
    pub(super) fn new(events: &'r mut Events<'o, 'de>) -> Self {
        Self { events, level: Level::Document }
    }

    /// A value that is no answer, in a list or not.
    pub(super) fn event(events: &'r mut Events<'o, 'de>, listed: bool) -> Self {
        Self { events, level: if listed { Level::Listed { answers: false } } else { Level::Event } }
    }

    /// A list in brackets of which no element is an answer.
    pub(super) fn elements(events: &'r mut Events<'o, 'de>) -> Elements<'r, 'o, 'de> {
        Elements { events, answers: false }
    }

    fn refuse<E: Error>(self, kind: Unexpected<'_>) -> Result<(), E> {
        match self.level {
            Level::Document | Level::Event => Err(E::invalid_type(kind, &self)),
            Level::Listed { answers } => {
                self.events.object += usize::from(answers);
                self.events.refuse();
                Ok(())
            }
        }
    }
}

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
        let Self { events, level } = self;
        events.alone = matches!(level, Level::Document | Level::Event);
        events.open = matches!(level, Level::Document | Level::Listed { answers: true });
        events.object += usize::from(events.open);
        events.container = false;
        events.marked = false;
        events.members(ROOT, &mut members)?;
        if events.container {
            // What an answer says beside the events, such as a page token, is not an event.
            events.forget();
            Ok(())
        } else {
            events.commit()
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if self.level != Level::Document {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return self.refuse(Unexpected::Seq);
        }
        Elements { events: self.events, answers: true }.visit_seq(list)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.refuse(Unexpected::Unit)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.refuse(Unexpected::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.refuse(Unexpected::Signed(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.refuse(Unexpected::Unsigned(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.refuse(Unexpected::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.refuse(Unexpected::Str(value))
    }
}

/// A list of events.
pub(super) struct Elements<'r, 'o, 'de> {
    events: &'r mut Events<'o, 'de>,
    /// They may be answers.
    answers: bool,
}

impl<'de> DeserializeSeed<'de> for Elements<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Elements<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let level = Level::Listed { answers: self.answers };
        loop {
            let element = Document { events: &mut *self.events, level };
            if list.next_element_seed(element)?.is_none() {
                return Ok(());
            }
        }
    }
}

/// The value of a member of an event, at any depth.
pub(super) struct Member<'r, 'o, 'de> {
    pub(super) events: &'r mut Events<'o, 'de>,
    pub(super) node: usize,
    pub(super) top: bool,
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
    fn inner_object(&mut self, text: &str) -> Option<Tree> {
        if !self.is_inner() || !text.trim_ascii_start().starts_with('{') {
            return None;
        }
        let read = serde_json::from_slice(&digits::kept(text.as_bytes())).or_else(|error| {
            let Some((mended, count)) = repair::values(text.as_bytes()) else { return Err(error) };
            let tree = serde_json::from_slice(&mended)?;
            let row = self.events.next_position();
            self.events.notes.mended.add(row, count, || cause(&error));
            Ok(tree)
        });
        read.ok().filter(Tree::is_object)
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

    fn visit_borrowed_str<E: Error>(mut self, value: &'de str) -> Result<(), E> {
        match self.inner_object(value) {
            Some(object) => self.deserialize(object).map_err(E::custom),
            None => self.put(Cell::Text(Cow::Borrowed(value))),
        }
    }

    fn visit_str<E: Error>(mut self, value: &str) -> Result<(), E> {
        match self.inner_object(value) {
            Some(object) => self.deserialize(object).map_err(E::custom),
            None => self.put(Cell::Text(Cow::Owned(value.to_owned()))),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        if self.is_inner() {
            return inner(self.events, self.node, &mut members);
        }
        if self.events.alone && self.events.nested == Nested::Keep {
            let mut text = String::new();
            Print(&mut text).visit_map(members)?;
            return self.put(Cell::Text(text.into()));
        }
        self.events.members(self.node, &mut members)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if self.events.paths.node(self.node).list && self.events.is_answer() {
            return records(self.events, list);
        }
        let value = match self.events.paths.node(self.node).role {
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
    node: usize,
    members: &mut A,
) -> Result<(), A::Error> {
    let beside = std::mem::take(&mut events.pending);
    let (open, marked) = (events.open, events.marked);
    events.inner = Some((node, Vec::new()));
    events.open = false;
    events.members(ROOT, members)?;
    (events.open, events.marked) = (open, marked);
    events.inner = Some((node, std::mem::replace(&mut events.pending, beside)));
    Ok(())
}

fn records<'de, A: SeqAccess<'de>>(events: &mut Events<'_, 'de>, list: A) -> Result<(), A::Error> {
    let beside = std::mem::take(&mut events.pending);
    let alone = events.alone;
    Elements { events: &mut *events, answers: false }.visit_seq(list)?;
    events.pending = beside;
    events.alone = alone;
    events.open = true;
    events.container = true;
    events.marked = false;
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
