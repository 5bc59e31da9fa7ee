//! Files that are read one slice of time after the other, each of them once.
//!
//! A file is read from its beginning on, as far as it has rows before the end of the slice: a first pass
//! has seen the earliest time of each of its pieces. What is met on the way and belongs to a later slice
//! waits. So the first slices of a file that is in the order of time keep nothing, and a file in any other
//! order is read to its end at first, and its rows are written and read once more.

use super::look::Look;
use super::opened::{Open, SlicedFiles};
use super::options::ReadOptions;
use super::part::Part;
use super::projection::Wanted;
use super::slice::{ALWAYS, Slice};
use super::source::Source;
use super::{Dialect, file, later_rows};
use crate::error::LogError;
use crate::skipped::{Skipped, UNREADABLE};
use dfp_storage::StorageError;
use rayon::prelude::*;
use std::path::Path;

/// Files that are open at a time; one more is read to its end, and its rows wait.
const MOST_OPEN: usize = 128;
/// What failed where rows of a slice have been given already, and the others cannot be.
pub(super) const READ_REST: &str = "read the rest of";

impl SlicedFiles {
    /// The rows of a file that are in a slice, as long as they are less than `room` bytes, and whether
    /// there are more.
    ///
    /// # Errors
    /// [`LogError::Memory`] where the file has more than `most` bytes of text and is not known: then nothing
    /// has been read. The file cannot be read, or rows cannot wait on disk. Where the system does not give the
    /// rest of a file, no row of this slice or a later one is given, so that a second try has them all;
    /// the action is [`READ_REST`] if some were given before.
    pub(super) fn read(
        &self,
        path: &Path,
        dialect: &Dialect,
        options: &ReadOptions<'_>,
        ends: &[i64],
        limits: (u64, u64),
    ) -> Result<(Vec<Part>, bool), LogError> {
        let slice = options.slice.map_or_else(Slice::whole, |slice| slice(path));
        // Rows without a time wait for the last slice of their file.
        let end = if slice.timeless { ALWAYS.end } else { slice.times.end };
        let cut = Cut { files: self, path, end, ends };
        let (parts, more) = self.read_slice(&cut, slice, dialect, options, limits)?;
        if more && parts.iter().any(|part| part.rows > 0) {
            self.lock().given.insert(path.to_owned(), end);
        }
        Ok((parts, more))
    }

    fn read_slice(
        &self,
        cut: &Cut<'_>,
        slice: Slice,
        dialect: &Dialect,
        options: &ReadOptions<'_>,
        (most, room): (u64, u64),
    ) -> Result<(Vec<Part>, bool), LogError> {
        let path = cut.path;
        let finished = {
            let mut inner = self.lock();
            let finished = inner.finished.contains(path);
            if let Some(why) = inner.refused.get(path).filter(|_| !finished) {
                let memory = options.memory;
                let error = LogError::memory(path, Default::default(), why.clone(), memory);
                // The first look at the file may not be the last.
                if most == memory.text() {
                    inner.finished.insert(path.to_owned());
                }
                return Err(error);
            }
            // Pieces of large files are read by all cores, one file after the other.
            if most < options.memory.text() && inner.open.contains_key(path) {
                let cause = "a large file".to_owned();
                return Err(LogError::memory(path, Default::default(), cause, options.memory));
            }
            finished
        };
        let (mut parts, more) = later_rows::take(&self.waiting, path, cut.end, cut.ends, room)?;
        if finished || more {
            return Ok((parts, more));
        }
        let open = self.lock().open.remove(path);
        let mut open = match open {
            Some(open) => open,
            None => {
                let from = |_: &Path| slice.and_later();
                let options = ReadOptions { slice: Some(&from), ..options.clone() };
                match file::read(path, dialect, &options, most) {
                    Ok(part) => {
                        self.lock().finished.insert(path.to_owned());
                        parts.push(cut.now(part)?);
                        return Ok((parts, false));
                    }
                    Err(LogError::Memory { .. }) if most == options.memory.text() => {
                        match self.open(path, dialect, &options) {
                            Ok(open) => open,
                            Err(error) => {
                                self.lock().finished.insert(path.to_owned());
                                return Err(error);
                            }
                        }
                    }
                    Err(error) => {
                        if !matches!(error, LogError::Memory { .. }) {
                            self.lock().finished.insert(path.to_owned());
                        }
                        return Err(error);
                    }
                }
            }
        };
        let from = open.from.get_or_insert_with(|| slice.and_later()).clone();
        let from = |_: &Path| from.clone();
        let options = ReadOptions { slice: Some(&from), ..options.clone() };
        let more = match self.pieces(&mut open, dialect, &options, cut, &mut parts, room) {
            Err(error @ LogError::Storage(StorageError::Os { .. })) => {
                return Err(self.break_off(cut, error));
            }
            more => more?,
        };
        if open.read < open.earliest.len() {
            open.source.shrink();
            self.lock().open.insert(path.to_owned(), open);
        } else {
            self.lock().finished.insert(path.to_owned());
        }
        Ok((parts, more))
    }

    /// Gives nothing more of a file.
    fn break_off(&self, cut: &Cut<'_>, error: LogError) -> LogError {
        let mut inner = self.lock();
        inner.finished.insert(cut.path.to_owned());
        self.waiting.lock().forget(cut.path);
        match error {
            LogError::Storage(StorageError::Os { action: "read", path, cause })
                if inner.given.get(cut.path) == Some(&cut.end) =>
            {
                LogError::os(READ_REST, &path, cause)
            }
            error => error,
        }
    }

    fn open(
        &self,
        path: &Path,
        dialect: &Dialect,
        options: &ReadOptions<'_>,
    ) -> Result<Open, LogError> {
        check_repeat(path, options)?;
        let clock: Vec<String> = options.clock.iter().map(|clock| clock.name.clone()).collect();
        let narrow = options.narrowed_to(&clock);
        let mut look = Look::new(Wanted { dialect, options: &narrow });
        let wanted = Wanted { dialect, options };
        let source = Source::open(path, &wanted, options.memory.piece(), Some(&mut look))?;
        Ok(Open::new(source, look.earliest))
    }

    /// Reads on as long as there is room; whether there are more rows in the slice.
    fn pieces(
        &self,
        open: &mut Open,
        dialect: &Dialect,
        options: &ReadOptions<'_>,
        cut: &Cut<'_>,
        parts: &mut Vec<Part>,
        room: u64,
    ) -> Result<bool, LogError> {
        let wanted = Wanted { dialect, options };
        let end = match self.lock().open.len() {
            0..MOST_OPEN => cut.end,
            _ => ALWAYS.end,
        };
        let mut bytes: u64 = parts.iter().map(Part::memory).sum();
        while open.read < open.earliest.len() && open.has_rows_before(end) {
            if bytes > room {
                return Ok(true);
            }
            open.read += 1;
            let read = open.source.next(&wanted).and_then(|tables| {
                let tables = tables.unwrap_or_default().into_par_iter();
                let further = Some(open.source.further());
                tables.map(|table| file::clean(cut.path, table, &wanted, 1, further)).collect()
            });
            let pieces: Vec<Part> = match read {
                Ok(pieces) => pieces,
                // It may be readable another time, and then as a whole.
                Err(error @ LogError::Storage(StorageError::Os { .. })) => return Err(error),
                // What was read before stays.
                Err(error) => {
                    open.read = open.earliest.len();
                    let mut skipped = Skipped::default();
                    error.leave_out(cut.path, UNREADABLE, &mut skipped);
                    parts.push(Part::without_rows(skipped));
                    return Ok(false);
                }
            };
            for part in pieces {
                let part = cut.now(part)?;
                bytes += part.memory();
                parts.push(part);
            }
        }
        if open.read == open.earliest.len() {
            parts.push(Part::without_rows(open.source.left_out()));
        }
        Ok(false)
    }
}

/// Refuses to repeat a file in parts: the span of a file is that of all its parts.
pub(super) fn check_repeat(path: &Path, options: &ReadOptions<'_>) -> Result<(), LogError> {
    if options.repeat <= 1 {
        return Ok(());
    }
    let most = options.memory.text() / 1_000_000;
    let cause = format!("more than {most} MB of text, where files are repeated as a whole");
    Err(LogError::memory(path, Default::default(), cause, options.memory))
}

/// Where the rows of a file are cut.
struct Cut<'a> {
    files: &'a SlicedFiles,
    path: &'a Path,
    end: i64,
    ends: &'a [i64],
}

impl Cut<'_> {
    /// The rows of the slice; later ones wait.
    fn now(&self, part: Part) -> Result<Part, LogError> {
        let (now, later) = later_rows::cut(part, self.end, self.ends)?;
        if !later.is_empty() {
            later_rows::put(&self.files.waiting, self.path, later)?;
        }
        Ok(now)
    }
}

#[cfg(test)]
mod tests;
