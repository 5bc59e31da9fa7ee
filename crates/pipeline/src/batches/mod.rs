//! Which files are read together, and which of their rows: the batches of a run.
//!
//! Without further wishes all files are one batch, since the order of rows is that of time over all
//! of them. Input that is too large for that, or that is wanted by calendar period, is cut at
//! instants: a first look at the times alone tells what belongs where, and a batch holds all rows
//! before its end that were in no batch before. So rows come in the order of time over all
//! batches, and memory is that of the largest one. What turns out not to fit into memory, since packed
//! files do not say how long they are, is cut as well. Rows without a readable time are in the last batch; where
//! files arrive, in the one that reads their file to its end.
//!
//! Watching adds files as they become complete. With a period, rows wait until the newest one seen
//! is `lateness` behind the end of their period, or nothing has come for as long.

mod names;
mod recognised;
mod sampling;
mod watching;

pub use recognised::Notes;
pub use sampling::Sampling;
pub use watching::{Patience, Watching};

use dfp_connectors::known::{Arrival, Earlier, Seen};
use dfp_connectors::state::FileMark;
use dfp_features::period::Period;
use dfp_logs::{ALWAYS, Hours, Slice, TIMELESS_HOUR, Times};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

/// Microseconds.
const HOUR: i64 = 3_600_000_000;
/// How much longer logs are than their compressed files, roughly.
const UNPACKED: u64 = 10;

/// How input is cut into batches.
#[derive(Clone, Debug)]
pub struct Rules {
    /// A batch never reaches beyond a period.
    pub period: Option<Period>,
    /// Whether the period is that of the time in a file's name, instead of each row's.
    pub by_name: bool,
    /// Bytes of input that are read together, roughly.
    pub bytes: u64,
    /// Bytes of memory that rows may take together as a table.
    pub memory: u64,
}

/// Looks when the events of files happened.
pub type Look<'a> = dyn Fn(&[PathBuf]) -> Vec<Times> + 'a;

/// Files that are read together, in the order of their paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The files.
    pub files: Vec<PathBuf>,
    /// How far each of them has been read after this batch.
    pub marks: Vec<(PathBuf, FileMark)>,
    /// Files of which earlier batches had all rows before this time.
    before: HashMap<PathBuf, i64>,
    /// Files of which earlier batches had so much, before they were appended to.
    earlier: HashMap<PathBuf, Earlier>,
    /// Rows from here on are left to later batches.
    end: Option<i64>,
    /// Files that later batches read on.
    unfinished: HashSet<PathBuf>,
    /// Other batches have other rows of the input.
    is_part: bool,
    /// Where later batches of the same files end, as far as that is known.
    ends: Vec<i64>,
    /// Each file is read once for all of its batches.
    is_cut: bool,
}

impl Batch {
    /// Where later batches end, if this is one of several of the same files.
    pub fn later(&self) -> Option<&[i64]> {
        self.is_cut.then_some(&self.ends[..])
    }

    /// Whether a file is read to its end with this batch.
    pub fn ends(&self, path: &Path) -> bool {
        self.marks.iter().any(|(of, mark)| of == path && mark.until.is_none())
    }

    /// Batches of the same rows that fit into memory, as far as they can be cut by time.
    pub fn cut(self, rules: &Rules, look: &Look<'_>) -> Vec<Self> {
        let open = self.marks.into_iter().map(|(path, mark)| {
            let mark = FileMark { until: self.before.get(&path).copied(), ..mark };
            let earlier = self.earlier.get(&path).copied();
            Open::of(path, mark, earlier)
        });
        let mut open: Vec<Open> = open.collect();
        look_at_times(&mut open, look);
        let ends = ends(&open, rules);
        let mut batches: Vec<Self> =
            (0..ends.len()).map(|at| cut_of_several(&mut open, &ends[at..])).collect();
        batches.push(cut_of_several(&mut open, &[]));
        batches
    }

    /// What is to be read of a file.
    pub fn slice(&self, path: &Path) -> Slice {
        let before = self.before.get(path);
        let start = before.copied().unwrap_or(ALWAYS.start);
        Slice {
            times: start..self.end.unwrap_or(ALWAYS.end),
            again: before.is_some(),
            earlier: self.earlier.get(path).copied().unwrap_or_default(),
            timeless: !self.unfinished.contains(path),
        }
    }

    /// Whether other batches have other rows of the input.
    pub fn is_part(&self) -> bool {
        self.is_part || !self.before.is_empty()
    }

    /// Whether other tables may have other rows of the input: those of other batches, or those of this one
    /// that do not fit into memory with these.
    pub fn is_one_table_of_several(&self) -> bool {
        self.is_part() || self.is_cut
    }

    /// Whether all rows of a file are in this batch.
    pub fn is_whole(&self, path: &Path) -> bool {
        self.end.is_none() && !self.before.contains_key(path)
    }
}

/// A file that has not been read to its end.
#[derive(Clone, Debug)]
struct Open {
    path: PathBuf,
    /// The file as it is, and up to which time earlier batches had its rows.
    mark: FileMark,
    /// How much earlier batches had, before it was appended to.
    earlier: Option<Earlier>,
    /// When its events happened; `None` where nobody has looked.
    hours: Option<Hours>,
    /// Times of single rows, and how many rows there are for each.
    sample: (Vec<i64>, usize),
    /// Bytes of its text, and of its rows in memory, if they have been counted.
    counted: Option<(u64, u64)>,
}

impl Open {
    /// `None` if nothing is left to read.
    fn new(arrival: Arrival) -> Option<Self> {
        if arrival.is_finished() {
            return None;
        }
        let earlier = match arrival.seen {
            Seen::Grown(earlier) => earlier,
            // A run ended between two parts of what was appended.
            _ => arrival.mark.earlier,
        };
        let Arrival { path, mark, .. } = arrival;
        Some(Self::of(path, mark, earlier))
    }

    fn of(path: PathBuf, mark: FileMark, earlier: Option<Earlier>) -> Self {
        let sample = (Vec::new(), 1);
        Self { path, mark, earlier, hours: None, sample, counted: None }
    }

    /// Length of its text, and of its rows in memory, roughly.
    fn size(&self) -> Size {
        let (text, memory) = self.counted.unwrap_or((self.bytes(), self.bytes().saturating_mul(2)));
        Size { text: text as f64, memory: memory as f64 }
    }

    /// Length of its content, roughly.
    fn bytes(&self) -> u64 {
        let packed = ["gz", "zst", "bz2", "xz", "parquet"];
        let ending = self.path.extension().unwrap_or_default().to_string_lossy();
        let factor = if packed.contains(&ending.as_ref()) { UNPACKED } else { 1 };
        self.mark.stamp.bytes.saturating_mul(factor).max(1)
    }

    /// The time in its name, else that of its last change.
    fn time(&self) -> i64 {
        let changed = i64::try_from(self.mark.stamp.modified_ns / 1_000).unwrap_or(i64::MAX);
        names::time(&self.path).unwrap_or(changed)
    }

    /// Rows that no batch has had, by the hour.
    fn left(&self) -> impl Iterator<Item = (i64, usize)> {
        let before = self.mark.until.map_or(i64::MIN, |before| before.div_euclid(HOUR));
        let hours = self.hours.iter().flatten();
        hours.map(|(hour, rows)| (*hour, *rows)).filter(move |(hour, _)| *hour >= before)
    }

    /// Whether it may have rows before `end` that no batch has had. One without known times has.
    fn has_rows_before(&self, end: i64) -> bool {
        if self.mark.until.is_some_and(|before| before >= end) {
            return false;
        }
        match self.left().next() {
            Some((hour, _)) => hour.saturating_mul(HOUR) < end,
            None => self.mark.until.is_none(),
        }
    }

    fn has_rows_from(&self, end: i64) -> bool {
        let last = self.left().last();
        last.is_some_and(|(hour, _)| hour.saturating_add(1).saturating_mul(HOUR) > end)
    }
}

/// Takes the rows before `end` out of the open files. Files that are then read to their end go.
fn cut(open: &mut Vec<Open>, end: Option<i64>) -> Batch {
    let mut batch = Batch { end, is_part: true, ..Batch::default() };
    open.retain_mut(|file| {
        if end.is_some_and(|end| !file.has_rows_before(end)) {
            return true;
        }
        batch.files.push(file.path.clone());
        if let Some(before) = file.mark.until {
            batch.before.insert(file.path.clone(), before);
        }
        if let Some(earlier) = file.earlier {
            batch.earlier.insert(file.path.clone(), earlier);
        }
        file.mark.until = end.filter(|end| file.has_rows_from(*end));
        file.mark.earlier = file.earlier.filter(|_| file.mark.until.is_some());
        if file.mark.until.is_some() {
            batch.unfinished.insert(file.path.clone());
        }
        batch.marks.push((file.path.clone(), file.mark));
        file.mark.until.is_some()
    });
    batch
}

/// As [`cut`], up to the first of the ends, or all that is left.
fn cut_of_several(open: &mut Vec<Open>, ends: &[i64]) -> Batch {
    let (end, later) = match ends {
        [end, later @ ..] => (Some(*end), later.to_vec()),
        [] => (None, Vec::new()),
    };
    Batch { ends: later, is_cut: true, ..cut(open, end) }
}

/// How much there is of something.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    text: f64,
    memory: f64,
}

impl Size {
    fn plus(self, other: Self, share: f64) -> Self {
        Self { text: self.text + other.text * share, memory: self.memory + other.memory * share }
    }

    /// How many times it is as much as is read together.
    fn times(self, rules: &Rules) -> f64 {
        (self.text / rules.bytes as f64).max(self.memory / rules.memory as f64)
    }
}

/// Where the rows of an hour are cut that is too large, by the times of some of them.
fn within(open: &[Open], hour: i64, times: f64) -> Vec<i64> {
    let start = hour.saturating_mul(HOUR);
    let end = start.saturating_add(HOUR);
    let mut sample: Vec<(i64, usize)> = Vec::new();
    for file in open {
        let (times, rows) = &file.sample;
        let first = file.mark.until.unwrap_or(i64::MIN).max(start);
        let inside = times.iter().filter(|time| (first..end).contains(*time));
        sample.extend(inside.map(|time| (*time, *rows)));
    }
    sample.sort_unstable();
    let rows: usize = sample.iter().map(|(_, rows)| rows).sum();
    let most = rows as f64 / times.ceil();
    let (mut ends, mut before, mut last) = (Vec::new(), 0.0, start);
    for (time, rows) in sample {
        if before + rows as f64 > most && time > last {
            ends.push(time);
            (before, last) = (0.0, time);
        }
        before += rows as f64;
    }
    ends
}

/// Where batches end: with each period, and where the input before would be too large. The last
/// batch has no end. Needs to know the hours of all files.
fn ends(open: &[Open], rules: &Rules) -> Vec<i64> {
    let mut of_hours: BTreeMap<i64, Size> = BTreeMap::new();
    for file in open {
        let rows: usize = file.hours.iter().flatten().map(|(_, rows)| rows).sum();
        for (hour, of_hour) in file.left() {
            let size = of_hours.entry(hour).or_default();
            *size = size.plus(file.size(), of_hour as f64 / rows.max(1) as f64);
        }
    }
    let mut ends = Vec::new();
    let (mut size, mut end_of_period) = (Size::default(), i64::MAX);
    for (hour, of_hour) in of_hours {
        let start = hour.saturating_mul(HOUR);
        let over = size.text > 0.0 && size.plus(of_hour, 1.0).times(rules) > 1.0;
        if start >= end_of_period || over {
            ends.push(start.min(end_of_period));
            size = Size::default();
        }
        size = size.plus(of_hour, 1.0);
        let times = of_hour.times(rules);
        if times > 1.0 {
            let within = within(open, hour, times);
            if !within.is_empty() {
                size = Size::default().plus(of_hour, 1.0 / times.ceil());
            }
            ends.extend(within);
        }
        // Rows without a time are of no period.
        if let Some(period) = rules.period.filter(|_| hour < TIMELESS_HOUR) {
            // Periods shorter than an hour end within it.
            let (mut at, next_hour) = (start, start.saturating_add(HOUR));
            loop {
                end_of_period = period.around(at).1;
                if end_of_period >= next_hour {
                    break;
                }
                ends.push(end_of_period);
                at = end_of_period;
                size = Size::default();
            }
        }
    }
    ends.sort_unstable();
    ends.dedup();
    // A file that was cut within an hour has that hour's first rows behind it.
    ends.retain(|end| open.iter().any(|file| file.has_rows_before(*end)));
    ends
}

/// The batches of files that are all there.
pub struct Fixed {
    open: Vec<Open>,
    ends: std::vec::IntoIter<i64>,
    by_name: Option<Period>,
    is_cut: bool,
    /// There are several batches.
    is_part: bool,
    done: bool,
}

impl Fixed {
    /// `files` sorted by path. `hours` finds out when
    /// the events of files happened, and is only asked if need be.
    pub fn new(files: Vec<Arrival>, rules: &Rules, hours: &Look<'_>) -> Self {
        let mut open: Vec<Open> = files.into_iter().filter_map(Open::new).collect();
        let by_name = rules.period.filter(|_| rules.by_name);
        let bytes: u64 = open.iter().map(Open::bytes).sum();
        let (mut ends_of, mut is_cut) = (Vec::new(), false);
        if by_name.is_some() {
            open.sort_by(|a, b| a.time().cmp(&b.time()).then_with(|| a.path.cmp(&b.path)));
        } else if rules.period.is_some() || bytes > rules.bytes.min(rules.memory) {
            look_at_times(&mut open, hours);
            ends_of = ends(&open, rules);
            is_cut = true;
        }
        let done = open.is_empty();
        let is_part = by_name.is_some() || !ends_of.is_empty();
        Self { open, ends: ends_of.into_iter(), by_name, is_cut, is_part, done }
    }

    /// Whether periods of rows are wanted, and no row has a time.
    pub fn lacks_times(&self) -> bool {
        let is_timed = |file: &Open| match &file.hours {
            Some(hours) => hours.keys().any(|hour| *hour < TIMELESS_HOUR),
            None => true,
        };
        !self.open.is_empty() && !self.open.iter().any(is_timed)
    }

    /// Whether there is more than one batch.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }
}

impl Iterator for Fixed {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        if self.done {
            return None;
        }
        if let Some(period) = self.by_name {
            let end = period.around(self.open.first()?.time()).1;
            let count = self.open.iter().take_while(|file| file.time() < end).count();
            let mut first: Vec<Open> = self.open.drain(..count).collect();
            first.sort_by(|a, b| a.path.cmp(&b.path));
            return Some(cut(&mut first, None));
        }
        let batch = match self.is_cut {
            true => cut_of_several(&mut self.open, self.ends.as_slice()),
            false => cut(&mut self.open, None),
        };
        self.done = self.ends.next().is_none();
        Some(Batch { is_part: self.is_part, ..batch })
    }
}

fn look_at_times(open: &mut [Open], hours: &Look<'_>) {
    let unknown = |file: &&mut Open| file.hours.is_none();
    let paths: Vec<PathBuf> =
        open.iter().filter(|file| file.hours.is_none()).map(|file| file.path.clone()).collect();
    for (file, found) in open.iter_mut().filter(unknown).zip(hours(&paths)) {
        file.hours = Some(found.hours);
        file.sample = (found.sample, found.stride);
        file.counted = found.bytes;
    }
}

#[cfg(test)]
mod tests;
