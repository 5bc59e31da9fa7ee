//! What has been read of many files, within memory.

use super::Dialect;
use super::file::{self, FILES_PER_THREAD};
use super::file_table::MAX_COLUMNS;
use super::merge::merge;
use super::opened::Sliced;
use super::options::ReadOptions;
use super::part::{EVENT_DT, LABEL, Part};
use super::parts::{SIDE_BY_SIDE, read_in_parts};
use super::projection::Wanted;
use super::sliced::READ_REST;
use crate::error::LogError;
use crate::skipped::{Skipped, TIMELESS, TOO_MANY_COLUMNS, UNREADABLE, Unit};
use dfp_storage::StorageError;
use dfp_storage::names::shown;
use hashbrown::HashSet;
use rayon::prelude::*;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

/// Parts that are put together where they have few rows.
const PUT_TOGETHER: usize = 256;
/// So many rows are few for as many parts.
const FEW_ROWS: usize = 64 * PUT_TOGETHER;

const TOO_LARGE: &str = "file that does not fit into memory";
const NO_TIME: &str = "no event time";

/// What has been read so far.
pub(super) struct Gathered<'f, 'o> {
    options: &'o ReadOptions<'o>,
    wanted: Wanted<'o>,
    files: usize,
    parts: Vec<(&'f PathBuf, Part)>,
    /// How many of these need not be looked at again, to be put together.
    settled: usize,
    bytes: u64,
    /// Names of the columns, and how many of them nobody asked for.
    names: HashSet<String>,
    others: usize,
    /// Rows that all columns will have once the parts are one table.
    rows: usize,
    pub(super) skipped: Skipped,
}

/// Bytes of a cell, of a missing one too.
const CELL: u64 = 4;

impl<'f, 'o> Gathered<'f, 'o> {
    pub(super) fn new(wanted: Wanted<'o>, files: usize) -> Self {
        let skipped = Skipped::default();
        Self {
            options: wanted.options,
            wanted,
            files,
            parts: Vec::new(),
            settled: 0,
            bytes: 0,
            names: HashSet::new(),
            others: 0,
            rows: 0,
            skipped,
        }
    }

    /// Bytes of rows that still fit. A table that others follow has less room than one that stays alone.
    fn room(&self) -> u64 {
        self.room_with(0, 0, 0)
    }

    /// Bytes that still fit once these bytes, columns and rows are added.
    fn room_with(&self, bytes: u64, columns: usize, rows: usize) -> u64 {
        let table = self.options.memory.table();
        let all = match self.options.sliced.is_some() || self.options.all_or_nothing {
            true => table.saturating_mul(2),
            false => table.saturating_mul(4),
        };
        // Files that share few of their columns have far fewer cells than the table of all.
        let cells = (self.names.len() + columns).saturating_mul(self.rows + rows) as u64;
        all.saturating_sub(cells.saturating_mul(CELL).max(self.bytes + bytes))
    }

    /// Reads files as long as there is room; whether there is more of them.
    pub(super) fn gather(
        &mut self,
        dialect: &Dialect,
        files: &[&'f PathBuf],
        on_file: &mut dyn FnMut(&Path, usize),
    ) -> Result<bool, LogError> {
        let options = self.options;
        let text = options.memory.text();
        // Several files are unpacked side by side.
        let most = text / FILES_PER_THREAD as u64;
        let mut more = false;
        for chunk in files.chunks(FILES_PER_THREAD * rayon::current_num_threads()) {
            let room = self.room();
            if room == 0 && options.sliced.is_some() {
                return Ok(true);
            }
            let read: Vec<_> = chunk
                .par_iter()
                .map(|path| parts_of(path, dialect, options, (most, room)))
                .collect();
            let long =
                (0..chunk.len()).filter(|at| matches!(read[*at], Err(LogError::Memory { .. })));
            let mut long: VecDeque<usize> = long.collect();
            let mut read: Vec<_> = read.into_iter().map(Some).collect();
            for (at, &path) in chunk.iter().enumerate() {
                if long.front() == Some(&at) {
                    if self.room() == 0 && options.sliced.is_some() {
                        long.pop_front();
                        more = true;
                        continue;
                    }
                    let side_by_side = if options.sliced.is_some() { SIDE_BY_SIDE } else { 1 };
                    let now: Vec<usize> = long.drain(..long.len().min(side_by_side)).collect();
                    let room = self.room() / now.len() as u64;
                    let of_files = now
                        .par_iter()
                        .map(|at| parts_of(chunk[*at], dialect, options, (text, room)));
                    let of_files: Vec<_> = of_files.collect();
                    now.into_iter()
                        .zip(of_files)
                        .for_each(|(at, of_file)| read[at] = Some(of_file));
                }
                let Some(of_file) = read[at].take() else { continue };
                let rows = match of_file {
                    Ok((of_file, has_more)) => {
                        more |= has_more;
                        self.add(path, of_file)?
                    }
                    Err(error) => self.refuse(path, error)?,
                };
                on_file(path, rows);
            }
        }
        Ok(more)
    }

    /// The parts so far, of which those without times are left out where others have them.
    pub(super) fn take(&mut self) -> Vec<Part> {
        (self.settled, self.bytes, self.others, self.rows) = (0, 0, 0, 0);
        self.names.clear();
        with_times(std::mem::take(&mut self.parts), &self.wanted, &mut self.skipped)
    }

    /// Adds the parts of a file; how many rows they have.
    fn add(&mut self, path: &'f PathBuf, mut parts: Vec<Part>) -> Result<usize, LogError> {
        let (new, others) = self.new_names(path, &mut parts);
        let (rows, bytes) =
            parts.iter().fold((0, 0), |(r, b), part| (r + part.rows, b + part.memory()));
        let is_over = self.room_with(bytes, new.len(), rows) == 0 && self.options.sliced.is_none();
        if is_over {
            let cause = format!("rows of {} MB more", bytes.div_ceil(1_000_000));
            let memory = self.options.memory;
            return self.refuse(path, LogError::memory(path, Default::default(), cause, memory));
        }
        self.names.extend(new);
        self.others += others;
        self.rows += rows;
        for mut part in parts {
            self.skipped.merge(std::mem::take(&mut part.skipped));
            // They said where to cut.
            part.when = None;
            if part.rows > 0 || !part.columns.is_empty() {
                self.bytes += part.memory();
                self.parts.push((path, part));
            }
        }
        if self.parts.len() - self.settled >= PUT_TOGETHER {
            self.put_together()?;
        }
        Ok(rows)
    }

    /// Names of columns that no other file has had, and how many of them nobody asked for. Of those that nobody asked for, all files together have
    /// [`MAX_COLUMNS`], as one file has; the others are left out and counted.
    fn new_names(&self, path: &Path, parts: &mut [Part]) -> (HashSet<String>, usize) {
        let (mut new, mut others) = (HashSet::new(), 0);
        for part in parts {
            let (mut left_out, mut first) = (0, Vec::new());
            part.columns.retain(|(name, _)| {
                if self.names.contains(name) || new.contains(name) {
                    return true;
                }
                if ![LABEL, EVENT_DT].contains(&name.as_str()) && !self.wanted.asked(name) {
                    if self.others + others == MAX_COLUMNS {
                        left_out += 1;
                        if first.len() < Skipped::MESSAGES {
                            first.push(name.chars().take(80).collect::<String>());
                        }
                        return false;
                    }
                    others += 1;
                }
                new.insert(name.clone())
            });
            let messages = first.iter().map(|name| {
                let file = shown(path);
                format!("column {name:?} is left out: \"{file}\"; expected at most {MAX_COLUMNS} columns in all files")
            });
            part.skipped.add_many(Unit::Value, TOO_MANY_COLUMNS, left_out, messages);
        }
        (new, others)
    }

    /// Counts a file that is left out.
    fn refuse(&mut self, path: &Path, error: LogError) -> Result<usize, LogError> {
        match error {
            LogError::Memory { .. } if self.options.all_or_nothing && self.files > 0 => {
                let (files, limit) = (self.files, self.options.memory);
                return Err(LogError::Overflow { files, limit });
            }
            // The rows of other files would be missing too.
            error @ LogError::Storage(StorageError::Os { action, .. })
                if action.starts_with("write") =>
            {
                return Err(error);
            }
            // Those that were given would be given again.
            error @ LogError::Storage(StorageError::Os { action: READ_REST, .. }) => {
                return Err(error);
            }
            error @ LogError::Memory { .. } => {
                self.skipped.add_unfit(path, TOO_LARGE, error.to_string())
            }
            error => error.leave_out(path, UNREADABLE, &mut self.skipped),
        }
        Ok(0)
    }

    fn put_together(&mut self) -> Result<(), LogError> {
        let expects_time = self.wanted.expected_time().is_some();
        let has_time = |(_, part): &(&PathBuf, Part)| part.is_timed || !expects_time;
        let last = &self.parts[self.settled..];
        let rows: usize = last.iter().map(|(_, part)| part.rows).sum();
        // A file without times may have to be named.
        let cells = self.names.len().saturating_mul(rows);
        let is_small = rows <= FEW_ROWS && cells <= self.options.memory.cells() / 4;
        if is_small && last.iter().all(has_time) {
            let last = self.parts.split_off(self.settled);
            let bytes: u64 = last.iter().map(|(_, part)| part.memory()).sum();
            let path = last[0].0;
            let merged = merge(last.into_iter().map(|(_, part)| part).collect())?;
            self.bytes -= bytes;
            for part in merged {
                self.bytes += part.memory();
                self.parts.push((path, part));
            }
        }
        self.settled = self.parts.len();
        Ok(())
    }
}

/// Counts the rows of files without a column of times, if one is expected or others have it. There is no
/// place in time for them: they are left out, or come last.
fn with_times(
    parts: Vec<(&PathBuf, Part)>,
    wanted: &Wanted<'_>,
    skipped: &mut Skipped,
) -> Vec<Part> {
    let Some((time, is_expected)) = wanted.expected_time() else {
        return parts.into_iter().map(|(_, part)| part).collect();
    };
    let here = parts.iter().any(|(_, part)| part.is_timed);
    // Rows with times come first: where a batch is several tables, its last ones may have none.
    let any = wanted.options.sliced.map_or(here, |sliced| sliced.files.any_timed(here));
    let keeps = wanted.options.keep_timeless;
    let mut kept: Vec<Part> = Vec::with_capacity(parts.len());
    // A large file is many parts, and one message.
    let mut timeless: Vec<(&PathBuf, usize, usize)> = Vec::new();
    for (path, part) in parts {
        if part.rows == 0 || part.is_timed || !(any || is_expected && keeps) {
            kept.push(part);
        } else if keeps {
            match timeless.last_mut() {
                Some((last, _, rows)) if *last == path => *rows += part.rows,
                _ => timeless.push((path, kept.len(), part.rows)),
            }
            kept.push(part);
        } else {
            for row in 0..part.rows {
                skipped.add(Unit::Row, NO_TIME, || {
                    format!(
                        "no column \"{time}\": \"{}\" row {row}; expected as in the other files",
                        shown(path)
                    )
                });
            }
        }
    }
    for (path, first, rows) in timeless {
        let message = kept[first].without_times(path, time, rows);
        skipped.add_rows(Unit::Kept, rows, TIMELESS, message);
    }
    kept
}

/// The parts of one file, of at most `most` bytes of text or as long as there is `room`, and whether
/// there are more.
fn parts_of(
    path: &Path,
    dialect: &Dialect,
    options: &ReadOptions<'_>,
    (most, room): (u64, u64),
) -> Result<(Vec<Part>, bool), LogError> {
    if let Some(Sliced { files, ends }) = options.sliced {
        return files.read(path, dialect, options, ends, (most, room));
    }
    match file::read(path, dialect, options, most) {
        // The rows of a long text may be short; its text is never in memory as a whole.
        Err(LogError::Memory { .. })
            if most == options.memory.text() && options.repeat <= 1 && !options.all_or_nothing =>
        {
            let mut parts = Vec::new();
            let mut bytes = 0;
            let pieces = read_in_parts(dialect, path, options, options.memory.piece())?;
            let mut pieces = pieces.into_parts();
            for part in &mut pieces {
                let part = part?;
                bytes += part.memory();
                parts.push(part);
                if bytes > room {
                    let cause = format!("rows of more than {} MB", room / 1_000_000);
                    return Err(LogError::memory(path, Default::default(), cause, options.memory));
                }
            }
            Ok((parts, false))
        }
        part => Ok((vec![part?], false)),
    }
}
