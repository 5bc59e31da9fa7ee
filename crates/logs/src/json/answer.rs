//! Which objects are answers: objects that hold a list of events, beside what a service says about the list.
//!
//! An event may have a member of the same name. So an object is an answer if the list holds objects, or
//! nothing, and if the object has none of the members that mark an event of the source.

use super::Schema;
use super::scan::{blank, element_end, name_end, string_end, value_end};
use std::ops::Range;

/// Texts that are longer are not looked through if they begin like an answer.
const LONG: usize = 1 << 16;

/// For each document of the text, or each element of a document that is a list, whether it is an answer.
pub(super) fn answers(text: &[u8], schema: &dyn Schema) -> Vec<bool> {
    let mut answers = Vec::new();
    let mut at = blank(text, 0);
    while let Some(byte) = text.get(at) {
        if *byte == b'[' {
            at = blank(text, at + 1);
            while text.get(at).is_some_and(|byte| *byte != b']') {
                answers.push(is_answer(text, at, schema));
                let Some(end) = end_of(text, at) else { return answers };
                let behind = blank(text, end);
                at = if text.get(behind) == Some(&b',') { blank(text, behind + 1) } else { behind };
                if at == end {
                    return answers;
                }
            }
            at += 1;
        } else {
            answers.push(is_answer(text, at, schema));
            let Some(end) = end_of(text, at) else { return answers };
            at = end;
        }
        at = blank(text, at);
    }
    answers
}

/// Whether a long text begins with an answer, as far as its beginning shows.
pub(super) fn begins(text: &[u8], schema: &dyn Schema) -> bool {
    let list = || super::pieces::list_begin(text, schema).filter(|(_, object)| *object);
    text.len() > LONG && list().is_some_and(|(at, _)| text.get(blank(text, at)) == Some(&b'{'))
}

fn end_of(text: &[u8], at: usize) -> Option<usize> {
    value_end(text, at).ok().or_else(|| element_end(text, at).ok()).filter(|end| *end > at)
}

/// Whether the object at this place is an answer, as far as it can be read.
pub(super) fn is_answer(text: &[u8], at: usize, schema: &dyn Schema) -> bool {
    let mut found = false;
    for (name, value) in Members::of(text, at) {
        let Some(path) = path("", text, name) else { continue };
        if schema.is_mark(&path) {
            return false;
        }
        found |= holds_list(text, value, &path, schema);
    }
    found
}

/// Whether a value, or something in it, is the list of an answer.
fn holds_list(text: &[u8], value: usize, path: &str, schema: &dyn Schema) -> bool {
    match text.get(value) {
        Some(b'[') => schema.is_list(path) && is_list_of_objects(text, value),
        Some(b'{') if schema.leads_to_list(path) => {
            Members::of(text, value).any(|(name, value)| {
                self::path(path, text, name)
                    .is_some_and(|path| holds_list(text, value, &path, schema))
            })
        }
        _ => false,
    }
}

/// The dotted path of a member.
pub(super) fn path(parent: &str, text: &[u8], name: Range<usize>) -> Option<String> {
    let name = str::from_utf8(&text[name]).ok()?;
    Some(if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") })
}

fn is_list_of_objects(text: &[u8], list: usize) -> bool {
    let mut at = blank(text, list + 1);
    if text.get(at) == Some(&b']') {
        return true;
    }
    loop {
        if text.get(at) == Some(&b'{') {
            return true;
        }
        let Some(end) = end_of(text, at) else { return false };
        let end = blank(text, end);
        if text.get(end) != Some(&b',') {
            return false;
        }
        at = blank(text, end + 1);
    }
}

/// The members of an object as far as they can be read: the place of the name between its quotes, and
/// where the value begins.
pub(super) struct Members<'t> {
    text: &'t [u8],
    /// Where the next member begins, or the bracket behind the last one.
    at: Option<usize>,
    /// The value that was given last.
    value: Option<usize>,
}

impl<'t> Members<'t> {
    /// The members of the object at `at`; none if there is no object.
    pub(super) fn of(text: &'t [u8], at: usize) -> Self {
        let object = text.get(at) == Some(&b'{');
        Self { text, at: object.then(|| blank(text, at + 1)), value: None }
    }

    /// Goes on behind a value whose end is known.
    pub(super) fn behind(&mut self, end: usize) {
        self.value = None;
        let at = blank(self.text, end);
        self.at = (self.text.get(at) == Some(&b',')).then(|| blank(self.text, at + 1));
    }
}

impl Iterator for Members<'_> {
    type Item = (Range<usize>, usize);

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(value) = self.value {
            match end_of(self.text, value) {
                Some(end) => self.behind(end),
                None => self.at = None,
            }
        }
        let at = self.at.take()?;
        let value = blank(self.text, name_end(self.text, at).ok()?);
        let name = at + 1..string_end(self.text, at)? - 1;
        self.value = Some(value);
        Some((name, value))
    }
}
