//! When the events of files happened, without keeping anything else of them.

use super::file;
use super::parts::Source;
use super::read::{EVENT_DT, FILES_PER_THREAD, ReadOptions, SIDE_BY_SIDE};
use super::sliced::check_repeat;
use super::time::TimeColumn;
use super::union::Part;
use super::wanted::Wanted;
use super::{Column, Dialect, FileTable};
use crate::error::LogError;
use crate::texts::Cells;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use dfp_storage::files::Stamp;
use dfp_storage::memory::MemoryLimit;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Microseconds.
const HOUR: i64 = 3_600_000_000;
/// Of so many rows the time of one is kept at first, and of twice as many whenever there are too many.
const STRIDE: usize = 64;
const MOST_KEPT: usize = 1 << 16;
/// Logs are not packed this well.
const SUSPICIOUS: u64 = 100;
/// Bytes that a cell takes besides its text.
const CELL: u64 = 4;

/// When a file's events happened: rows by the hour they are in, as hours since 1970; those without a readable
/// time are in [`TIMELESS_HOUR`].
pub type Hours = BTreeMap<i64, usize>;

/// The hour of rows without a readable time: after all others, since they are read last.
pub const TIMELESS_HOUR: i64 = i64::MAX / HOUR - 1;
/// The time of such rows where rows are cut by time.
const TIMELESS: i64 = TIMELESS_HOUR * HOUR;

/// When a file's events happened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Times {
    /// By the hour.
    pub hours: Hours,
    /// Times of single rows, one of [`stride`](Self::stride): they say where to cut within an hour.
    pub sample: Vec<i64>,
    /// How many rows there are for one of the sample.
    pub stride: usize,
    /// Bytes of the file's text, and of its rows as a table; `None` where it is short, and nobody has
    /// counted.
    pub bytes: Option<(u64, u64)>,
    rows: usize,
}

impl Times {
    /// Why a file cannot be read in parts: very many rows of the same time, which no log has, out of a few
    /// bytes.
    fn one_time(&self, memory: MemoryLimit, length: u64) -> Option<String> {
        let (_, bytes) = self.bytes?;
        let mut sample = self.sample.clone();
        sample.retain(|time| *time < TIMELESS);
        sample.sort_unstable();
        let most = sample.chunk_by(|a, b| a == b).map(<[i64]>::len).max()?;
        let share = most as f64 / sample.len() as f64;
        let of_one_time = (bytes as f64 * share) as u64;
        let is_bomb =
            of_one_time > 2 * memory.table() && bytes > length.max(1).saturating_mul(SUSPICIOUS);
        is_bomb.then(|| {
            let rows = (self.rows as f64 * share) as u64;
            let [megabytes, unpacked] = [of_one_time, bytes].map(|bytes| bytes / 1_000_000);
            format!(
                "about {rows} rows of the same time, {megabytes} MB in memory, and {unpacked} MB out of a file of {} kB",
                length.div_ceil(1_000)
            )
        })
    }

    /// Rows of these hours.
    pub fn of(hours: Hours) -> Self {
        Self { hours, stride: 1, ..Self::default() }
    }

    fn add(&mut self, times: &[i64]) {
        self.stride = self.stride.max(STRIDE);
        for time in times {
            *self.hours.entry(time.div_euclid(HOUR)).or_default() += 1;
            if self.rows.is_multiple_of(self.stride) {
                self.sample.push(*time);
            }
            self.rows += 1;
        }
        if self.sample.len() > MOST_KEPT {
            let mut place = 0_usize;
            self.sample.retain(|_| {
                place += 1;
                place % 2 == 1
            });
            self.stride *= 2;
        }
    }
}

/// Finds out when the events of each file happened that are in [`ReadOptions::between`]. A file that cannot be
/// read, or has no times, has no hours. Large files stay known to [`ReadOptions::sliced`], so that this is
/// the only pass over them but the one that reads their rows.
pub fn hours(dialect: &Dialect, files: &[PathBuf], options: &ReadOptions<'_>) -> Vec<Times> {
    let clock: Vec<String> = options.clock.iter().map(|clock| clock.name.clone()).collect();
    let narrow = ReadOptions {
        columns: Some(&clock),
        slice: None,
        sliced: None,
        on_rows: None,
        ..options.clone()
    };
    let most = options.memory.text() / FILES_PER_THREAD as u64;
    let mut all = Vec::with_capacity(files.len());
    for chunk in files.chunks(FILES_PER_THREAD * rayon::current_num_threads()) {
        let short = chunk.par_iter().map(|path| {
            let mut times = Times::default();
            let part = file::read(path, dialect, &narrow, most)?;
            times.add(&of_part(part, options.clock)?);
            Ok::<_, LogError>(times)
        });
        let mut times: Vec<_> = short.collect();
        let is_long = |at: &usize| matches!(times[*at], Err(LogError::Memory { .. }));
        let long: Vec<usize> = (0..chunk.len()).filter(is_long).collect();
        for long in long.chunks(SIDE_BY_SIDE) {
            let read = long.par_iter().map(|at| of_long(&chunk[*at], dialect, options, &narrow));
            let read: Vec<_> = read.collect();
            long.iter().zip(read).for_each(|(at, read)| times[*at] = read);
        }
        all.extend(times.into_iter().map(Result::unwrap_or_default));
    }
    all
}

fn of_long(
    path: &Path,
    dialect: &Dialect,
    options: &ReadOptions<'_>,
    narrow: &ReadOptions<'_>,
) -> Result<Times, LogError> {
    check_repeat(path, options)?;
    let wanted = Wanted { dialect, options };
    let mut look = Look::new(Wanted { dialect, options: narrow });
    let source = Source::open(path, &wanted, options.memory.piece(), Some(&mut look))?;
    let Look { times, earliest, .. } = look;
    if let Some(sliced) = options.sliced {
        match times.one_time(options.memory, Stamp::of(path).bytes) {
            Some(why) => {
                sliced.files.refuse(path, why);
                return Ok(Times::default());
            }
            None => sliced.files.keep(path, source, earliest),
        }
    }
    Ok(times)
}

/// What a pass over a file sees of its times.
pub(super) struct Look<'a> {
    /// The column of times.
    pub(super) narrow: Wanted<'a>,
    times: Times,
    /// The earliest time in each piece; the beginning of time if there is none.
    pub(super) earliest: Vec<i64>,
}

impl<'a> Look<'a> {
    pub(super) fn new(narrow: Wanted<'a>) -> Self {
        Self { narrow, times: Times::default(), earliest: Vec::new() }
    }

    /// Sees a piece of so many rows, bytes of text and columns.
    pub(super) fn piece(
        &mut self,
        path: &Path,
        tables: Vec<FileTable<Cells>>,
        rows: i64,
        text: usize,
        columns: usize,
    ) -> Result<(), LogError> {
        let mut earliest = None;
        for table in tables {
            let part = file::clean(path, table, &self.narrow, 1, None)?;
            let times = of_part(part, self.narrow.options.clock)?;
            earliest = earliest.into_iter().chain(times.iter().copied()).min();
            self.times.add(&times);
        }
        self.earliest.push(earliest.unwrap_or(i64::MIN));
        let (all_text, all) = self.times.bytes.unwrap_or_default();
        let cells = u64::try_from(rows).unwrap_or_default().saturating_mul(columns as u64);
        let table = text as u64 + cells.saturating_mul(CELL);
        self.times.bytes = Some((all_text + text as u64, all.saturating_add(table)));
        Ok(())
    }

    /// Sees a file that comes in one piece.
    pub(super) fn whole(&mut self, path: &Path, table: &FileTable<Cells>) -> Result<(), LogError> {
        let clean = self.narrow.dialect.clean;
        let wanted = table.columns.iter().filter(|c| self.narrow.column(&clean(&c.name)));
        let columns: Vec<Column<Cells>> = wanted.cloned().collect();
        let positions = table.positions.clone();
        let bytes = table.columns.iter().map(|column| column.values.memory()).sum();
        let (rows, width) = (positions.len() as i64, table.columns.len());
        let narrow = FileTable { columns, labels: None, positions, skipped: Default::default() };
        self.piece(path, vec![narrow], rows, bytes, width)
    }
}

/// When each row happened; those without a readable time come after all others.
fn of_part(part: Part, clock: Option<&TimeColumn>) -> Result<Vec<i64>, LogError> {
    let rows = part.rows;
    for (name, mut cells) in part.columns {
        if name == EVENT_DT {
            let times = cells.array()?.as_primitive::<TimestampMicrosecondType>();
            return Ok(in_order(times.iter()));
        }
        if let Some(clock) = clock.filter(|clock| clock.name == name) {
            return Ok(in_order(file::clock_times(cells.array()?, clock)?));
        }
    }
    Ok(vec![TIMELESS; rows])
}

/// Times by which rows are cut: those without a readable time are in the last slice.
pub(super) fn in_order(times: impl IntoIterator<Item = Option<i64>>) -> Vec<i64> {
    times.into_iter().map(|time| time.unwrap_or(TIMELESS)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_of_many_times_stays_short() {
        let mut times = Times::default();
        let all: Vec<i64> = (0..10_000_000).map(|at| at * 1_000).collect();
        all.chunks(1000).for_each(|chunk| times.add(chunk));
        assert!(times.sample.len() <= MOST_KEPT && times.sample.is_sorted());
        assert_eq!(times.sample[1] - times.sample[0], times.stride as i64 * 1_000);
        let counted = times.sample.len() * times.stride;
        assert!(counted.abs_diff(10_000_000) <= times.stride, "{counted}");
        assert_eq!(times.hours.values().sum::<usize>(), 10_000_000);
    }
}
