//! The header line: names of columns, and what separates them.

use super::cells::Numbers;
use super::records::{Block, End, Records};
use super::{CsvOptions, UNCLOSED, content, numbers_of};
use crate::error::{LogError, Place};
use crate::file_table::MAX_COLUMNS;
use crate::skipped::{Skipped, TOO_MANY_COLUMNS, Unit};
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// What may separate fields where it is not a comma.
const OTHER_DELIMITERS: [u8; 3] = [b';', b'\t', b'|'];

/// What the beginning of a file says.
pub(super) struct Header {
    pub(super) names: Vec<String>,
    /// Columns around the events, by position: they are not read.
    around: HashSet<usize>,
    /// The names as they are in the file.
    pub(super) cells: Vec<Vec<u8>>,
    pub(super) delimiter: u8,
    /// Where the first row begins.
    pub(super) body: usize,
}

/// How the values of a column are read.
#[derive(Clone, Copy)]
pub(super) enum Chosen {
    /// As text, whatever they look like.
    Text,
    /// As what they look like.
    Guess(Numbers),
}

/// Columns that were left out of a file with too many.
#[derive(Default)]
pub(super) struct LeftOut {
    count: usize,
    first: Vec<String>,
}

impl Header {
    /// The header of a file that begins with `bytes`.
    pub(super) fn read(bytes: &[u8], path: &Path, delimiter: Option<u8>) -> Result<Self, LogError> {
        let refuse = |cause: &str, expected: &str| LogError::Content {
            path: path.to_owned(),
            place: Box::new(Place::line(1)),
            cause: cause.to_owned(),
            expected: expected.to_owned(),
        };
        const NAMES: &str = "a header line with column names";
        let (said, begin) = said(bytes).map_or((None, 0), |(said, end)| (Some(said), end));
        let known = said.or(delimiter);
        let delimiter = known.unwrap_or(b',');
        let mut records = Records::new(bytes, begin, delimiter);
        let mut block = Block::new(bytes);
        let end = loop {
            let end = records.fill(&mut block, 1);
            // NUL bytes that a crash left in front.
            if block.is_empty() || !block.is_nul(0) {
                break end;
            }
        };
        if block.is_empty() {
            let cause = if end == End::Unclosed { UNCLOSED } else { "empty file" };
            return Err(refuse(cause, NAMES));
        }
        let cells: Vec<Vec<u8>> =
            (0..block.width(0)).map(|field| block.cell(0, field).to_vec()).collect();
        let names: Result<Vec<String>, _> =
            cells.iter().map(|cell| String::from_utf8(cell.clone())).collect();
        let names = names.map_err(|_| refuse("header is not UTF-8", NAMES))?;
        if let ([name], None) = (&names[..], known)
            && let Some(other) =
                OTHER_DELIMITERS.iter().find(|other| name.as_bytes().contains(other))
        {
            let other =
                if *other == b'\t' { "tab".to_owned() } else { char::from(*other).to_string() };
            return Err(refuse(
                &format!("one column {name:?}"),
                &format!(
                    "columns separated by commas; --delimiter={other:?} reads others, --delimiter=\",\" this one as it is"
                ),
            ));
        }
        let (names, body) = (unique(names), records.offset());
        Ok(Self { names, around: HashSet::new(), cells, delimiter, body })
    }

    /// The header with the names that the columns have in the event.
    pub(super) fn without_envelope(mut self, options: &CsvOptions<'_>) -> Self {
        if let Some(prefix) = (options.envelope)(&self.names) {
            for (position, name) in self.names.iter_mut().enumerate() {
                match name.strip_prefix(&prefix) {
                    Some(inside) => *name = inside.to_owned(),
                    None => drop(self.around.insert(position)),
                }
            }
        }
        self
    }

    /// How the values of each column are read; `None` if it is not read.
    pub(super) fn choose(&self, options: &CsvOptions<'_>) -> (Vec<Option<Chosen>>, LeftOut) {
        let (mut others, mut left_out) = (0, LeftOut::default());
        let chosen = self.names.iter().enumerate().map(|(position, name)| {
            if self.around.contains(&position) || !(options.wanted)(name) {
                return None;
            }
            if !(options.asked)(name) {
                if others == MAX_COLUMNS {
                    left_out.add(name);
                    return None;
                }
                others += 1;
            }
            Some(match (options.text)(name) {
                true => Chosen::Text,
                false => Chosen::Guess(numbers_of(name, options)),
            })
        });
        (chosen.collect(), left_out)
    }
}

impl LeftOut {
    fn add(&mut self, name: &str) {
        self.count += 1;
        if self.first.len() < Skipped::MESSAGES {
            self.first.push(name.chars().take(80).collect());
        }
    }

    /// Counts the columns.
    pub(super) fn count(&self, path: &Path, skipped: &mut Skipped) {
        let messages = self.first.iter().map(|name| {
            let cause = format!("column {name:?} is left out");
            content(path, Place::line(1), &cause, &format!("at most {MAX_COLUMNS} columns"))
        });
        skipped.add_many(Unit::Value, TOO_MANY_COLUMNS, self.count, messages);
    }
}

/// The delimiter in a first line like `sep=;`, which Excel writes and reads, and where the next line begins.
fn said(bytes: &[u8]) -> Option<(u8, usize)> {
    let (delimiter, rest) = bytes.strip_prefix(b"sep=")?.split_first()?;
    let rest = rest.strip_prefix(b"\r").unwrap_or(rest);
    let rest = rest.strip_prefix(b"\n")?;
    let plain = delimiter.is_ascii() && !matches!(delimiter, b'"' | b'\r' | b'\n' | 0);
    plain.then_some((*delimiter, bytes.len() - rest.len()))
}

/// pandas' names: `Unnamed: <position>` for none, `x.1`, `x.2`, … for repeated ones.
fn unique(mut names: Vec<String>) -> Vec<String> {
    for (i, name) in names.iter_mut().enumerate() {
        if name.is_empty() {
            *name = format!("Unnamed: {i}");
        }
    }
    let mut taken: HashSet<String> = names.iter().cloned().collect();
    let mut repeats: HashMap<String, usize> = HashMap::new();
    for name in &mut names {
        let count = repeats.entry(name.clone()).or_insert(0);
        if *count > 0 {
            let fresh = loop {
                let candidate = format!("{name}.{count}");
                *count += 1;
                if taken.insert(candidate.clone()) {
                    break candidate;
                }
            };
            *name = fresh;
        } else {
            *count = 1;
        }
    }
    names
}
