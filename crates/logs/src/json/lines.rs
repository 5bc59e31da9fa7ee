//! JSON lines: an event a line, though some may be printed over several.

use super::answer::is_answer;
use super::event::Events;
use super::pieces::{self, Piece};
use super::recover::Recovery;
use super::scan::{Stop, value_end};
use super::{Broken, cause, content, documents, place};
use crate::error::Place;
use crate::skipped::{Skipped, Unit};
use rayon::prelude::*;
use std::path::Path;

const BROKEN_LINE: &str = "broken JSON line";

/// JSON lines: most of the first lines are an object each, or half of them with the very first
/// one. A list printed with one object a line is none, because its lines end in commas.
pub(super) fn is_lines(bytes: &[u8]) -> bool {
    let mut lines = split_lines(bytes).map(trim).filter(|l| !l.is_empty()).take(64).peekable();
    let first = lines.peek().is_some_and(|line| is_whole(line));
    let (mut count, mut objects) = (0, 0);
    for line in lines {
        count += 1;
        objects += usize::from(is_whole(line));
    }
    count > 1 && (2 * objects > count || (first && 2 * objects == count))
}

/// Whether a line looks like one object.
fn is_whole(line: &[u8]) -> bool {
    line.starts_with(b"{") && line.ends_with(b"}")
}

/// Without blanks and the NUL bytes that a crash leaves.
fn trim(line: &[u8]) -> &[u8] {
    let filler = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
    let begin = line.iter().take_while(|byte| filler(byte)).count();
    let end = line[begin..].iter().rev().take_while(|byte| filler(byte)).count();
    &line[begin..line.len() - end]
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

/// The line feed of the line in which `at` is, or the end of the text.
fn line_end(text: &[u8], at: usize) -> usize {
    text.get(at..).and_then(|rest| memchr::memchr(b'\n', rest)).map_or(text.len(), |end| at + end)
}

/// Where an event that begins at `at` ends, behind the line feed there; nothing else follows on its line.
fn event_end(text: &[u8], at: usize) -> Result<usize, Stop> {
    let end = value_end(text, at)?;
    let line_end = line_end(text, end);
    let blank = text[end..line_end].iter().all(u8::is_ascii_whitespace);
    if blank { Ok(line_end) } else { Err(Stop::Wrong) }
}

/// The beginning of the line from which on an event is printed over several lines and has no end in this text.
/// A line that looks like one object is taken for one: to look into each would take as long as to read it.
pub(super) fn open_event(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < text.len() {
        let mut end = line_end(text, at);
        let line = trim(&text[at..end]);
        if matches!(line.first(), Some(b'{' | b'[')) && !is_whole(line) {
            let begin = at + padding(&text[at..end]);
            match event_end(text, begin) {
                Ok(line_end) => end = line_end,
                Err(Stop::Open) => return Some(at),
                Err(Stop::Wrong) => {}
            }
        }
        at = end + 1;
    }
    None
}

/// What was read of lines.
pub(super) struct Lines {
    pub(super) skipped: Skipped,
    /// An event that began in one of the last lines may go on behind the text.
    pub(super) open: bool,
}

/// Reads the lines of a text; `before` lines precede it in its file.
pub(super) fn read<'de>(
    text: &'de [u8],
    before: usize,
    path: &Path,
    events: &mut Events<'_, 'de>,
) -> Lines {
    let mut lines = Lines { skipped: Skipped::default(), open: false };
    let (mut at, mut number) = (0, before);
    while at < text.len() {
        let mut end = line_end(text, at);
        let line = &text[at..end];
        number += 1;
        if !line.iter().all(u8::is_ascii_whitespace)
            && let Err(broken) = documents(line, events)
        {
            let begin = at;
            end = lines.recover(text, at..end, broken, number, path, events);
            number += memchr::memchr_iter(b'\n', &text[begin..end]).count();
        }
        at = end + 1;
    }
    lines
}

impl Lines {
    /// What can be read of a line that is not what it should be, and where what was read ends.
    fn recover<'de>(
        &mut self,
        text: &'de [u8],
        line: std::ops::Range<usize>,
        mut broken: Broken,
        number: usize,
        path: &Path,
        events: &mut Events<'_, 'de>,
    ) -> usize {
        let mut begin = line.start;
        let padding = padding(&text[line.clone()]);
        if text[begin..begin + padding].contains(&0) {
            events.skip_nul(padding);
            begin += padding;
            match documents(&text[begin..line.end], events) {
                Ok(()) => return line.end,
                Err(again) => broken = again,
            }
        } else {
            begin += padding;
        }
        let mut end = line.end;
        let object = matches!(text.get(begin), Some(b'{' | b'['));
        let found = if object { event_end(text, begin) } else { Err(Stop::Wrong) };
        match found {
            Ok(behind) => end = behind,
            Err(stop) => {
                self.open |= stop == Stop::Open;
                let schema = events.schema();
                let single = text.get(begin) != Some(&b'[') && !is_answer(text, begin, schema);
                if broken.read == 0 && single {
                    events.pass();
                    self.skipped.add(Unit::Row, BROKEN_LINE, || {
                        let error = &broken.error;
                        content(path, place(error, number - 1), cause(error)).to_string()
                    });
                    return end;
                }
            }
        }
        Recovery::new(&text[begin..end], events, broken.read).documents();
        let (count, messages) = std::mem::take(&mut events.notes.broken).into_messages();
        let place = || Place::line(number);
        let messages =
            messages.into_iter().map(|(_, cause)| content(path, place(), cause).to_string());
        self.skipped.add_many(Unit::Row, BROKEN_LINE, count, messages);
        end
    }
}

/// Blanks and NUL bytes at the beginning of a line.
fn padding(line: &[u8]) -> usize {
    line.iter().take_while(|byte| **byte == 0 || byte.is_ascii_whitespace()).count()
}

/// Reads lines on all cores.
pub(super) fn pieces<'de, 'o>(
    bytes: &'de [u8],
    size: usize,
    path: &Path,
    events: &(impl Fn() -> Events<'o, 'de> + Sync),
) -> Vec<Piece> {
    let texts = pieces::lines(bytes, size);
    let before = pieces::lines_before(&texts);
    let read_one = |text: &'de [u8], before: usize| {
        let mut events = events();
        let lines = read(text, before, path, &mut events);
        (Piece { skipped: lines.skipped, ..events.finish() }, lines.open)
    };
    let read: Vec<(Piece, bool)> =
        texts.par_iter().zip(&before).map(|(text, before)| read_one(text, *before)).collect();
    let begins = texts.iter().scan(0, |begin, text| {
        let this = *begin;
        *begin += text.len();
        Some(this)
    });
    let begins: Vec<usize> = begins.collect();
    let mut pieces = Vec::with_capacity(read.len());
    let mut next = 0;
    for (at, (mut piece, mut open)) in read.into_iter().enumerate() {
        if at < next {
            continue;
        }
        next = at + 1;
        let mut more = 1;
        // A cut inside an event: the piece is read again with what follows.
        while open && next < texts.len() {
            next = texts.len().min(next + more);
            more *= 2;
            let end = begins.get(next).copied().unwrap_or(bytes.len());
            (piece, open) = read_one(&bytes[begins[at]..end], before[at]);
        }
        pieces.push(piece);
    }
    pieces
}
