//! Messages and progress on standard error: bars on a terminal, plain lines elsewhere.

use crate::kinds::Kinds;
use crate::print::{err, message, safe};
use crate::summary::{count, grouped, printable};
use dfp_engine::{Progress, Reporter, RowCounter, Weight};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use parking_lot::{Mutex, MutexGuard};
use std::collections::HashMap;
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Without a terminal, a long phase tells where it is this often.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);

/// Says messages of a weight and above, and shows progress.
pub struct Console {
    level: Weight,
    /// `None` when standard error is not a terminal.
    bars: Option<MultiProgress>,
    /// A file that is told too, messages of this weight and above.
    log: Option<(Mutex<File>, Weight)>,
    state: Mutex<State>,
    kinds: Mutex<Kinds>,
}

#[derive(Default)]
struct State {
    /// The phases that are running: training and scoring can go on side by side.
    phases: Vec<Phase>,
    monitors: HashMap<usize, Meter>,
}

/// Reading, training or scoring.
struct Phase {
    name: &'static str,
    bar: Option<ProgressBar>,
    line: String,
    told: Instant,
}

/// One `monitor` stage.
struct Meter {
    bar: Option<ProgressBar>,
    rows: usize,
    start: Instant,
    last: Instant,
    /// Exponentially smoothed rows a second.
    rate: f64,
}

impl Console {
    /// A console that says messages of this weight and above.
    pub fn new(level: Weight) -> Self {
        let bars = std::io::stderr().is_terminal().then(MultiProgress::new);
        Self { level, bars, log: None, state: Mutex::default(), kinds: Mutex::default() }
    }

    /// Tells a file too, messages of this weight and above.
    pub fn also(mut self, log: File, level: Weight) -> Self {
        self.log = Some((Mutex::new(log), level));
        self
    }

    /// A full disk must not end a run: what cannot be logged has still been said.
    fn log(&self, weight: Weight, text: &str) {
        if let Some((file, level)) = &self.log
            && weight >= *level
        {
            let mut file = file.lock();
            let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
            let word = format!("{weight:?}").to_uppercase();
            for line in safe(&message(text)).lines() {
                let _ = writeln!(file, "{now} {word} {line}");
            }
        }
    }

    /// Ends all displays, and says what was held back.
    pub fn close(&self) {
        self.phase_over();
        self.say_held(true);
    }

    /// The last word of a command: it is said however many there were of its kind.
    pub fn fail(&self, text: &str) {
        self.write(Weight::Error, text);
    }

    fn say_held(&self, all: bool) {
        let held = self.kinds.lock().held(Instant::now(), all);
        held.iter().for_each(|line| self.write(Weight::Warning, line));
    }

    fn write(&self, weight: Weight, text: &str) {
        self.log(weight, text);
        if weight < self.level {
            return;
        }
        let word = match weight {
            Weight::Error => "error: ",
            Weight::Warning => "warning: ",
            Weight::Info | Weight::Debug => "",
        };
        self.print(&format!("{word}{}", message(text)));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    fn print(&self, line: &str) {
        match &self.bars {
            Some(bars) => bars.suspend(|| err(line)),
            None => err(line),
        }
    }

    fn bar(&self, length: usize, template: &str) -> Option<ProgressBar> {
        let bars = self.bars.as_ref()?;
        let style =
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        Some(bars.add(ProgressBar::new(length as u64).with_style(style)))
    }

    /// Shows `done` of `all`, with a line that says the same in words.
    fn show(&self, name: &'static str, done: usize, all: usize, line: String) {
        let mut state = self.state();
        let known = state.phases.iter().position(|phase| phase.name == name);
        let at = known.unwrap_or_else(|| {
            let bar = self.bar(all, "{bar:30} {msg} [{elapsed}]");
            state.phases.push(Phase { name, bar, line: String::new(), told: Instant::now() });
            state.phases.len() - 1
        });
        let phase = &mut state.phases[at];
        if let Some(bar) = &phase.bar {
            bar.set_length(all.max(done) as u64);
            bar.set_position(done as u64);
            bar.set_message(safe(&line));
        } else if phase.told.elapsed() >= PLAIN_INTERVAL {
            phase.told = Instant::now();
            err(&line);
        }
        phase.line = line;
    }

    fn monitor(&self, position: usize, counter: &RowCounter, rows: usize, done: bool) {
        let mut state = self.state();
        let meter = state.monitors.entry(position).or_insert_with(|| {
            let now = Instant::now();
            Meter { bar: self.bar(0, "{msg}"), rows: 0, start: now, last: now, rate: 0.0 }
        });
        meter.count(rows, counter.smoothing);
        let line = meter.line(counter, done);
        match (&meter.bar, done) {
            (Some(bar), false) => bar.set_message(safe(&line)),
            (Some(bar), true) => bar.finish_with_message(safe(&line)),
            (None, true) => err(&line),
            (None, false) => {}
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.say_held(true);
    }
}

impl Meter {
    fn count(&mut self, rows: usize, smoothing: f64) {
        let seconds = self.last.elapsed().as_secs_f64();
        self.rows += rows;
        if rows == 0 || seconds <= 0.0 {
            return;
        }
        self.last = Instant::now();
        let newest = rows as f64 / seconds;
        self.rate = if self.rate == 0.0 {
            newest
        } else {
            smoothing * newest + (1.0 - smoothing) * self.rate
        };
    }

    /// In the form of the peer's monitor: `Progress[Complete]: 847 messages [00:01, 612.3 messages/s]`.
    fn line(&self, counter: &RowCounter, done: bool) -> String {
        let elapsed = self.start.elapsed();
        let average = self.rows as f64 / elapsed.as_secs_f64().max(f64::MIN_POSITIVE);
        let rate =
            if done || counter.smoothing == 0.0 || self.rate == 0.0 { average } else { self.rate };
        format!(
            "{}{}: {} {} [{:02}:{:02}, {rate:.1} {}/s]",
            counter.description,
            if done { "[Complete]" } else { "" },
            self.rows,
            counter.unit,
            elapsed.as_secs() / 60,
            elapsed.as_secs() % 60,
            counter.unit
        )
    }
}

impl Reporter for Console {
    fn say(&self, weight: Weight, text: &str) {
        // Who asks for every step gets every step.
        if weight > Weight::Debug {
            self.say_held(false);
            let mut kinds = self.kinds.lock();
            if !kinds.shows(text, Instant::now()) {
                return;
            }
        }
        self.write(weight, text);
    }

    fn progress(&self, progress: Progress<'_>) {
        match progress {
            Progress::Read { purpose, files_done, files, rows } => {
                let line = format!(
                    "reading {purpose}: {files_done} of {}, {}",
                    count(files, "file"),
                    count(rows, "row")
                );
                self.show("reading", files_done, files, line);
            }
            Progress::Trained { user, users_done, users, epoch, epochs, loss } => {
                let of = if users > 1 {
                    format!("{} of {users} users done, ", grouped(users_done))
                } else {
                    String::new()
                };
                // A name may have several lines, and a message too.
                let user = printable(user);
                let line =
                    format!("training: {of}{user} epoch {epoch} of {epochs}, loss {loss:.4}");
                let done = if users > 1 { users_done } else { epoch };
                self.show("training", done, if users > 1 { users } else { epochs }, line);
            }
            Progress::Scored { rows, total } => {
                self.show(
                    "scoring",
                    rows,
                    total,
                    format!("scoring: {} of {}", grouped(rows), count(total, "row")),
                );
            }
            Progress::Counted { position, counter, rows, done } => {
                self.monitor(position, counter, rows, done)
            }
        }
    }

    fn phase_over(&self) {
        for phase in std::mem::take(&mut self.state().phases) {
            match phase.bar {
                Some(bar) => bar.finish_and_clear(),
                None => err(&phase.line),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_smoothed_as_asked_for() {
        let rate_after = |smoothing: f64| {
            let mut meter = Meter {
                bar: None,
                rows: 0,
                start: Instant::now(),
                last: Instant::now(),
                rate: 0.0,
            };
            for rows in [1_000, 3_000] {
                meter.last = Instant::now() - Duration::from_secs(10);
                meter.count(rows, smoothing);
            }
            meter.rate
        };
        for (smoothing, expected) in [(1.0, 300.0), (0.5, 200.0), (0.05, 110.0)] {
            assert!((rate_after(smoothing) / expected - 1.0).abs() < 0.05, "{smoothing}");
        }
    }
}
