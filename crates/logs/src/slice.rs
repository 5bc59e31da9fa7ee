//! Which part of a file is read: by the times of its rows, and behind what was read before.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// All times.
pub const ALWAYS: Range<i64> = i64::MIN..i64::MAX;

/// How much there was of a file when it was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// Rows, skipped ones included.
    pub rows: u64,
    /// Lines, without one that was cut.
    pub lines: u64,
}

/// A part of a file, of which the other parts are read before or afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Event times of the rows, microseconds since 1970.
    pub times: Range<i64>,
    /// The file has been read before: what it had to leave out has been counted.
    pub again: bool,
    /// So much at its beginning was read before it was appended to.
    pub earlier: Earlier,
    /// Whether the rows without a readable time are in this part.
    pub timeless: bool,
}

impl Slice {
    /// All rows of a file that has not been read before.
    pub fn whole() -> Self {
        Self { times: ALWAYS, again: false, earlier: Earlier::default(), timeless: true }
    }

    /// This slice and all later ones.
    pub(super) fn and_later(&self) -> Self {
        Self { times: self.times.start..ALWAYS.end, timeless: true, ..self.clone() }
    }
}
