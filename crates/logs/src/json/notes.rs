//! What was wrong with events, by their rows.

use super::content;
use crate::error::Place;
use crate::file_table::MAX_COLUMNS;
use crate::skipped::{Skipped, Unit};
use std::path::Path;

const BROKEN_EVENT: &str = "broken JSON event";
const NOT_AN_EVENT: &str = "not an event object";
const NUL_BYTES: &str = "NUL bytes in place of rows";
const MENDED: &str = "JSON string or number that had to be mended";
const TOO_MANY: &str = "in columns beyond the limits, and not asked for";

/// Occurrences, of which the first are described: their rows, and what was found there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    count: usize,
    first: Vec<(i64, String)>,
}

impl Found {
    pub(super) fn add(&mut self, row: i64, count: usize, what: impl FnOnce() -> String) {
        self.count += count;
        if count > 0 && self.first.len() < Skipped::MESSAGES {
            self.first.push((row, what()));
        }
    }

    /// How many there are, and the rows and words of the first.
    pub(super) fn into_messages(self) -> (usize, Vec<(i64, String)>) {
        (self.count, self.first)
    }

    fn merge(&mut self, other: Self, rows: i64) {
        self.count += other.count;
        let room = Skipped::MESSAGES - self.first.len();
        let shifted = other.first.into_iter().map(|(row, what)| (row + rows, what));
        self.first.extend(shifted.take(room));
    }
}

/// Everything that was wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Notes {
    /// Elements of lists that are no objects.
    pub(super) not_objects: Found,
    /// Events that cannot be read.
    pub(super) broken: Found,
    /// Padding.
    pub(super) nul: Found,
    /// Strings and numbers that were mended.
    pub(super) mended: Found,
    /// Values with too many names.
    pub(super) names: Found,
    /// Values of columns that were dropped since most rows lack them.
    pub(super) rare: Found,
}

impl Notes {
    /// What was left out of rows that were read, which is forgotten here.
    pub(super) fn of_values_left_out(&mut self) -> Self {
        let (names, rare) = (std::mem::take(&mut self.names), std::mem::take(&mut self.rare));
        Self { names, rare, ..Self::default() }
    }

    /// Whether values were left out that another piece of the text may have.
    pub(super) fn left_out_values(&self) -> bool {
        self.names.count + self.rare.count > 0
    }

    /// Adds what was wrong behind `rows` rows.
    pub(super) fn merge(&mut self, other: Self, rows: i64) {
        let Self { not_objects, broken, nul, mended, names, rare } = other;
        self.not_objects.merge(not_objects, rows);
        self.broken.merge(broken, rows);
        self.nul.merge(nul, rows);
        self.mended.merge(mended, rows);
        self.names.merge(names, rows);
        self.rare.merge(rare, rows);
    }

    /// Counts everything under its reason, `rows` rows of the file preceding.
    pub(super) fn count(self, path: &Path, rows: i64, skipped: &mut Skipped) {
        let Self { not_objects, broken, nul, mended, names, rare } = self;
        for (unit, reason, found) in [
            (Unit::Row, NOT_AN_EVENT, not_objects),
            (Unit::Row, BROKEN_EVENT, broken),
            (Unit::Row, NUL_BYTES, nul),
            (Unit::Value, MENDED, mended),
            (Unit::Value, TOO_MANY, names),
            (Unit::Value, TOO_MANY, rare),
        ] {
            let messages = found.first.into_iter().map(|(row, cause)| {
                let place = Place { row: Some(rows + row), ..Place::default() };
                content(path, place, cause).to_string()
            });
            skipped.add_many(unit, reason, found.count, messages);
        }
    }
}

/// How a column is described that was dropped.
pub(super) fn dropped(name: &str) -> String {
    let name: String = name.chars().take(80).collect();
    format!("column \"{name}\" is left out, far more cells than the file has bytes")
}

/// How a value is described whose name is one too many.
pub(super) fn too_many(name: &str) -> String {
    let name: String = name.chars().take(80).collect();
    format!("\"{name}\" is left out, more than {MAX_COLUMNS} different member names")
}
