//! Batches of files that arrive while the run goes on.

use super::recognised::Notes;
use super::{Batch, HOUR, Look, Open, Rules, cut, cut_of_several, ends, look_at_times};
use dfp_connectors::known::KnownFiles;
use dfp_connectors::state::FileMark;
use dfp_features::period::now;
use dfp_logs::LogError;
use dfp_storage::watch::Watch;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The batches of files that arrive.
pub struct Watching {
    watch: Watch,
    open: Vec<Open>,
    known: KnownFiles,
    notes: Notes,
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
        known: KnownFiles,
        rules: Rules,
        patience: Patience,
        max_files: Option<usize>,
    ) -> Self {
        Self {
            watch,
            open: Vec::new(),
            known,
            notes: Notes::default(),
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
    ) -> Result<Option<Batch>, LogError> {
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

    /// Remembers how far files have been read, once they have been.
    pub fn finished(&mut self, marks: &[(PathBuf, FileMark)]) {
        for (path, mark) in marks {
            self.known.insert(path.clone(), *mark);
        }
    }

    /// What is to be remembered of files that were read under another name or with another time of change.
    pub fn changes(&mut self) -> Vec<(PathBuf, FileMark)> {
        self.known.changes()
    }

    /// What is to be reported about files that were recognised.
    pub fn notes(&mut self) -> &mut Notes {
        &mut self.notes
    }

    fn take_arrivals(&mut self) -> Result<(), LogError> {
        let found = self.watch.look()?;
        if found.is_empty() {
            return Ok(());
        }
        // A file that changed while it waited is read as it is now.
        self.open.retain(|file| found.iter().all(|(path, _)| *path != file.path));
        let mut arrivals = self.known.recognise_stamped(found);
        self.notes.add(&arrivals);
        arrivals.retain(|arrival| !arrival.is_finished());
        arrivals.truncate(self.left.unwrap_or(usize::MAX));
        self.left = self.left.map(|left| left - arrivals.len());
        if !arrivals.is_empty() {
            self.last_arrival = Instant::now();
        }
        self.open.extend(arrivals.into_iter().filter_map(Open::new));
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
            None => Some(self.as_much_as_fits(hours)),
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

    /// The earliest rows of what is there, as many as are read together.
    fn as_much_as_fits(&mut self, hours: &Look<'_>) -> Batch {
        let most = self.rules.bytes.min(self.rules.memory);
        if self.open.iter().map(Open::bytes).sum::<u64>() <= most {
            return cut(&mut self.open, None);
        }
        look_at_times(&mut self.open, hours);
        if self.open.iter().any(|file| file.left().next().is_some()) {
            let ends = ends(&self.open, &self.rules);
            return cut_of_several(&mut self.open, &ends);
        }
        // Without times: in the order of their names.
        let mut bytes = 0;
        let fits = |file: &&Open| {
            bytes += file.bytes();
            bytes <= most
        };
        let count = self.open.iter().take_while(fits).count().max(1);
        cut(&mut self.open.drain(..count).collect(), None)
    }
}
