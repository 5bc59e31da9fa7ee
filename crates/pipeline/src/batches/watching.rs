//! Batches of files that arrive while the run goes on.

use super::{Batch, HOUR, Look, Open, Rules, cut, cut_of_several, ends, look_at_times};
use crate::period::now;
use dfp_io::IoError;
use dfp_io::state::FileMark;
use dfp_io::watch::Watch;
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The batches of files that arrive.
pub struct Watching {
    watch: Watch,
    open: Vec<Open>,
    known: HashMap<PathBuf, FileMark>,
    rules: Rules,
    /// Microseconds that a row may be behind the newest one.
    lateness: i64,
    /// When nothing has come for this long, what waits is handed on.
    idle: Duration,
    /// Whether what waits at the end of the run is handed on, since nobody will remember it.
    hand_on_at_end: bool,
    /// Files that may still be taken; `None`: any number.
    left: Option<usize>,
    last_arrival: Instant,
}

/// How long rows wait for others.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How far a row may be behind the newest one.
    pub lateness: Duration,
    /// Whether what waits at the end of the run is handed on, since nobody will remember it.
    pub hand_on_at_end: bool,
}

impl Watching {
    /// Batches of what `watch` finds; `known` is how far earlier runs have read files.
    pub fn new(
        watch: Watch,
        known: HashMap<PathBuf, FileMark>,
        rules: Rules,
        patience: Patience,
        max_files: Option<usize>,
    ) -> Self {
        Self {
            watch,
            open: Vec::new(),
            known,
            rules,
            lateness: i64::try_from(patience.lateness.as_micros()).unwrap_or(i64::MAX),
            idle: patience.lateness.max(Duration::from_secs(1)),
            hand_on_at_end: patience.hand_on_at_end,
            left: max_files,
            last_arrival: Instant::now(),
        }
    }

    /// Waits for the next batch; `None` when `ended` says that the run is to end, or when as many
    /// files as were asked for have been read.
    ///
    /// # Errors
    /// A directory cannot be listed.
    pub fn next(
        &mut self,
        hours: &Look<'_>,
        ended: &dyn Fn() -> bool,
    ) -> Result<Option<Batch>, IoError> {
        loop {
            let ending = ended() || self.left == Some(0);
            if !ending {
                self.take_arrivals()?;
            }
            let batch = match ending {
                true if self.hand_on_at_end || self.left == Some(0) => self.due(hours, i64::MAX),
                true => None,
                false => self.ready(hours),
            };
            if batch.is_some() || ending {
                return Ok(batch);
            }
            self.watch.wait(ended);
        }
    }

    /// Waits for about as long as between two looks.
    pub fn wait(&mut self, ended: &dyn Fn() -> bool) {
        self.watch.wait(ended);
    }

    fn take_arrivals(&mut self) -> Result<(), IoError> {
        let mut found = self.watch.look()?;
        found.truncate(self.left.unwrap_or(usize::MAX));
        if found.is_empty() {
            return Ok(());
        }
        self.left = self.left.map(|left| left - found.len());
        self.last_arrival = Instant::now();
        for (path, stamp) in found {
            let mark = self.known.get(&path);
            // A file that changed while it waited is read as it is now.
            self.open.retain(|file| file.path != path);
            self.open.push(Open::new(path, stamp, mark));
        }
        self.open.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(())
    }

    /// The next batch of what need not wait any longer.
    fn ready(&mut self, hours: &Look<'_>) -> Option<Batch> {
        if self.rules.period.is_none() || self.last_arrival.elapsed() >= self.idle {
            return self.due(hours, i64::MAX);
        }
        // A file that is not complete yet may be of a period that looks complete.
        if self.watch.expects_more() {
            return None;
        }
        let newest = if self.rules.by_name {
            self.open.iter().map(Open::time).max()
        } else {
            look_at_times(&mut self.open, hours);
            let hours = self.open.iter().filter_map(|file| file.left().last());
            // A row from the future says nothing about what is complete.
            let now = now().saturating_add(HOUR);
            hours.map(|(hour, _)| hour.saturating_mul(HOUR)).filter(|time| *time <= now).max()
        };
        let complete = newest?.saturating_sub(self.lateness);
        let start = self.rules.period?.around(complete).0;
        self.due(hours, start)
    }

    /// The next batch of rows before `until`, if there are any.
    fn due(&mut self, hours: &Look<'_>, until: i64) -> Option<Batch> {
        if self.open.is_empty() {
            return None;
        }
        match self.rules.period {
            None => {
                let mut bytes = 0;
                let fits = |file: &&Open| {
                    bytes += file.bytes();
                    bytes <= self.rules.bytes
                };
                let count = self.open.iter().take_while(fits).count().max(1);
                Some(cut(&mut self.open.drain(..count).collect(), None))
            }
            Some(period) if self.rules.by_name => {
                let first = self.open.iter().map(Open::time).min()?;
                let end = period.around(first).1;
                if end > until {
                    return None;
                }
                let (mut due, open) = self.open.drain(..).partition(|file| file.time() < end);
                self.open = open;
                Some(cut(&mut due, None))
            }
            Some(_) => {
                look_at_times(&mut self.open, hours);
                if !self.open.iter().any(|file| file.has_rows_before(until)) {
                    return None;
                }
                let mut ends = ends(&self.open, &self.rules);
                ends.truncate(ends.partition_point(|end| *end <= until));
                if until < i64::MAX && ends.last().is_none_or(|last| *last < until) {
                    ends.push(until);
                }
                Some(cut_of_several(&mut self.open, &ends))
            }
        }
    }
}
