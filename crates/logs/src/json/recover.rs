//! Events one by one, from a text that cannot be read as a whole: what is wrong in one costs no other.

use super::answer::{Members, is_answer, path};
use super::event::Events;
use super::scan::{blank, element_end, value_end};
use super::visit::Document;
use super::{cause, repair};
use memchr::memmem;
use serde::de::{DeserializeSeed, IgnoredAny};

const CUT_SHORT: &str = "the text ends inside an event";

/// A text with the events in it.
pub(super) struct Recovery<'t, 'r, 'o, 'de> {
    text: &'t [u8],
    events: &'r mut Events<'o, 'de>,
    /// So many of the next events have been read already.
    skip: i64,
    /// Where no end is found, look for what may begin another event.
    search: bool,
    /// So many bytes may still be looked at for ends that there are not: else a text of many beginnings would
    /// be walked through to its end from each of them.
    in_vain: usize,
}

/// How far the end of an event is looked for in any case.
const NEAR: usize = 4 << 10;

/// Nothing behind this can be read.
struct Lost;

impl<'t, 'r, 'o, 'de> Recovery<'t, 'r, 'o, 'de> {
    /// `read` events at the beginning have been read already.
    pub(super) fn new(text: &'t [u8], events: &'r mut Events<'o, 'de>, read: i64) -> Self {
        Self { text, events, skip: read, search: true, in_vain: 8 * text.len() }
    }

    /// Reads all documents of the text.
    pub(super) fn documents(mut self) {
        let mut at = 0;
        loop {
            at = self.padding(at);
            let next = match self.text.get(at) {
                None => return,
                Some(b'[') => self.elements(at + 1, true),
                Some(b'{') => self.object(at, true),
                Some(_) => {
                    self.lose("not a JSON object or list".to_owned());
                    self.next_line(at)
                }
            };
            match next {
                Ok(next) => at = next,
                Err(Lost) => return,
            }
        }
    }

    /// Reads a text that is one list, as a piece of a longer one; false if it is none. Its elements may be
    /// answers or not.
    pub(super) fn list(mut self, answers: bool) -> bool {
        self.search = false;
        let end = self.text.len();
        self.text.first() == Some(&b'[')
            && self.elements(1, answers).is_ok_and(|behind| blank(self.text, behind) == end)
    }

    /// Behind blanks and NUL bytes.
    fn padding(&mut self, at: usize) -> usize {
        let behind = blank(self.text, at);
        let rest = self.text.get(behind..).unwrap_or_default();
        let filler = |byte: &&u8| **byte == 0 || byte.is_ascii_whitespace();
        let length = rest.iter().take_while(filler).count();
        if length > 0 && self.skip == 0 {
            self.events.skip_nul(length);
        }
        behind + length
    }

    /// The elements of a list, from behind its bracket; gives the place behind the list.
    fn elements(&mut self, at: usize, answers: bool) -> Result<usize, Lost> {
        let mut at = blank(self.text, at);
        let first = at;
        loop {
            match self.text.get(at) {
                None => {
                    self.lose(CUT_SHORT.to_owned());
                    return Err(Lost);
                }
                Some(b']') => return Ok(at + 1),
                // What closes the list is missing.
                Some(b'}') if self.search => return Ok(at),
                Some(b'}') => return Err(Lost),
                Some(b',') => at += 1,
                Some(_) => at = self.element(at, first, answers)?,
            }
            at = blank(self.text, at);
        }
    }

    fn element(&mut self, at: usize, first: usize, answers: bool) -> Result<usize, Lost> {
        if answers && self.is_answer(at) {
            return self.answer(at, "");
        }
        if let Some(end) = self.end(at).filter(|end| *end > at) {
            self.event(at..end, true);
            return Ok(end);
        }
        self.lose_open(at);
        if self.search { self.next_like(first, at + 1).ok_or(Lost) } else { Err(Lost) }
    }

    /// An object that is an event or an answer; gives the place behind it.
    fn object(&mut self, at: usize, alone: bool) -> Result<usize, Lost> {
        if self.is_answer(at) {
            return self.answer(at, "");
        }
        if let Some(end) = self.end(at) {
            self.event(at..end, !alone);
            return Ok(end);
        }
        self.lose_open(at);
        self.next_line(at)
    }

    fn is_answer(&self, at: usize) -> bool {
        is_answer(self.within_reach(at), at, self.events.schema())
    }

    /// The text up to where ends are looked for.
    fn within_reach(&self, at: usize) -> &'t [u8] {
        let reach = at.saturating_add(self.in_vain.max(NEAR));
        self.text.get(..reach).unwrap_or(self.text)
    }

    /// Behind the event that begins there.
    fn end(&mut self, at: usize) -> Option<usize> {
        let text = self.within_reach(at);
        if let Ok(end) = value_end(text, at) {
            return Some(end);
        }
        match element_end(text, at) {
            Ok(end) => Some(end),
            Err(stopped) => {
                self.in_vain = self.in_vain.saturating_sub(stopped - at);
                None
            }
        }
    }

    /// The events of an answer, or of an object inside it; gives the place behind it.
    fn answer(&mut self, at: usize, parent: &str) -> Result<usize, Lost> {
        let text = self.text;
        let mut members = Members::of(text, at);
        let mut behind = at + 1;
        while let Some((name, value)) = members.next() {
            let schema = self.events.schema();
            let path = path(parent, text, name).unwrap_or_default();
            let end = match text.get(value) {
                Some(b'[') if schema.is_list(&path) => Some(self.elements(value + 1, false)?),
                Some(b'{') if schema.leads_to_list(&path) => Some(self.answer(value, &path)?),
                _ => self.end(value),
            };
            let Some(end) = end else { return self.next_line(value) };
            members.behind(end);
            behind = end;
        }
        behind = blank(text, behind);
        match text.get(behind) {
            Some(b'}') => Ok(behind + 1),
            None => Ok(behind),
            Some(_) => self.next_line(behind),
        }
    }

    /// Reads one event, if need be with its strings and numbers mended.
    fn event(&mut self, place: std::ops::Range<usize>, listed: bool) {
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        let text = &self.text[place];
        let Err(error) = self.parse(text, listed) else { return };
        let Some((mended, count)) = repair::values(text) else {
            return self.lose(cause(&error));
        };
        let row = self.events.next_position();
        match self.parse(&mended, listed) {
            Ok(()) => self.events.notes.mended.add(row, count, || cause(&error)),
            Err(error) => self.lose(cause(&error)),
        }
    }

    fn parse(&mut self, text: &[u8], listed: bool) -> Result<(), serde_json::Error> {
        // Its texts are copied: the mended text does not live as long as the events.
        let mut reader = serde_json::Deserializer::from_reader(text);
        let read = Document::event(self.events, listed).deserialize(&mut reader);
        let read = read.and_then(|()| reader.end());
        if read.is_err() {
            self.events.forget();
        }
        read
    }

    /// Counts an event that begins there and has no end.
    fn lose_open(&mut self, at: usize) {
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        let text = &self.text[at..];
        self.events.lose(|| {
            let mut values = serde_json::Deserializer::from_slice(text).into_iter::<IgnoredAny>();
            match values.next() {
                Some(Err(error)) => format!("{}, and no end is found", cause(&error)),
                _ => CUT_SHORT.to_owned(),
            }
        });
    }

    /// Counts an event that cannot be read.
    fn lose(&mut self, cause: String) {
        if self.skip > 0 {
            self.skip -= 1;
        } else {
            self.events.lose(|| cause);
        }
    }

    /// The next line that begins like a document.
    fn next_line(&self, at: usize) -> Result<usize, Lost> {
        let mut at = at;
        while let Some(end) = memchr::memchr(b'\n', self.text.get(at..).unwrap_or_default()) {
            at += end + 1;
            if matches!(self.text.get(at), Some(b'{' | b'[')) {
                return Ok(at);
            }
        }
        Err(Lost)
    }

    /// The next element that begins as the first one does, behind a comma.
    fn next_like(&self, first: usize, from: usize) -> Option<usize> {
        let opening = super::pieces::opening(&self.text[first..])?;
        let mut from = from;
        loop {
            let found = from + memmem::find(self.text.get(from..)?, opening)?;
            if self.text[..found].trim_ascii_end().ends_with(b",") {
                return Some(found);
            }
            from = found + 1;
        }
    }
}
