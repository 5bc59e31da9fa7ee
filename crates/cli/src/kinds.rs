//! A few messages of each kind, then a count: a million users without a model are one finding, not a million
//! lines. Messages are of one kind if they differ only in what is in quotes and in numbers.

use crate::summary::grouped;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Messages of a kind that are shown; the others are counted.
const SHOWN: usize = 20;
/// After this time as many are shown again: a run that watches lasts for months.
const WINDOW: Duration = Duration::from_secs(3600);
/// Further kinds count as one.
const KINDS: usize = 500;
/// Of a kind's words, in characters.
const WORDS: usize = 300;
const OTHERS: &str = "messages of other kinds";

/// What has been said, by kind.
#[derive(Debug, Default)]
pub struct Kinds {
    of: HashMap<String, Count>,
}

#[derive(Debug)]
struct Count {
    since: Instant,
    shown: usize,
    held: usize,
}

impl Kinds {
    /// Counts a message; true if it should be shown.
    pub fn shows(&mut self, text: &str, now: Instant) -> bool {
        let mut kind = kind(text);
        if !self.of.contains_key(&kind) && self.of.len() >= KINDS {
            kind = OTHERS.to_owned();
        }
        let count = self.of.entry(kind).or_insert(Count { since: now, shown: 0, held: 0 });
        let shows = count.shown < SHOWN;
        *(if shows { &mut count.shown } else { &mut count.held }) += 1;
        shows
    }

    /// What was held back in windows that are over, or in all of them; it is reported once.
    pub fn held(&mut self, now: Instant, all: bool) -> Vec<String> {
        let over = |count: &Count| all || now.duration_since(count.since) >= WINDOW;
        let mut lines: Vec<String> = self
            .of
            .iter()
            .filter(|(_, count)| count.held > 0 && over(count))
            .map(|(kind, count)| format!("{} more of this kind: {kind}", grouped(count.held)))
            .collect();
        lines.sort_unstable();
        self.of.retain(|_, count| {
            if all {
                count.held = 0;
            }
            !over(count) || all
        });
        lines
    }
}

/// A message without what differs between those of its kind.
fn kind(text: &str) -> String {
    let mut kind = String::new();
    let mut chars = text.chars().peekable();
    let mut left = WORDS;
    while let Some(c) = chars.next()
        && left > 0
    {
        left -= 1;
        match c {
            '"' => {
                // As `{:?}` writes a text: a quote within it has a backslash.
                while let Some(inner) = chars.next() {
                    match inner {
                        '\\' => drop(chars.next()),
                        '"' => break,
                        _ => {}
                    }
                }
                kind.push_str("\"…\"");
            }
            c if c.is_ascii_digit() => {
                while chars.next_if(|c| c.is_ascii_digit() || matches!(c, ',' | '.')).is_some() {}
                kind.push('…');
            }
            '\n' => kind.push(' '),
            c => kind.push(c),
        }
    }
    kind
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_of_a_kind_are_twenty_and_a_count() {
        let (mut kinds, now) = (Kinds::default(), Instant::now());
        let shown = (0..1_000_000)
            .filter(|n| kinds.shows(&format!("user \"u\\\"{n}\" has no model: {n} rows"), now))
            .count();
        assert_eq!(shown, SHOWN);
        assert!(kinds.shows("another", now));
        assert!(kinds.held(now, false).is_empty());
        assert_eq!(
            kinds.held(now, true),
            ["999,980 more of this kind: user \"…\" has no model: … rows"]
        );
        assert!(kinds.held(now, true).is_empty(), "told once");
    }

    #[test]
    fn after_an_hour_a_kind_is_shown_again() {
        let (mut kinds, now) = (Kinds::default(), Instant::now());
        assert_eq!((0..25).filter(|n| kinds.shows(&format!("file {n}"), now)).count(), SHOWN);
        let later = now + WINDOW;
        assert_eq!(kinds.held(later, false), ["5 more of this kind: file …"]);
        assert!(kinds.shows("file 16", later));
    }

    #[test]
    fn kinds_are_bounded_too() {
        let (mut kinds, now) = (Kinds::default(), Instant::now());
        let shown = (0..10_000)
            .map(|n| "x".repeat(n % 3_000))
            .filter(|text| kinds.shows(text, now))
            .count();
        assert!(kinds.of.len() <= KINDS + 1 && shown <= (KINDS + 1) * SHOWN, "{shown}");
    }
}
