//! Messages and progress of a running pipeline. Only the binary prints; everything below it reports through a
//! [`Reporter`].

/// How much a message weighs, as `--log_level` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Details for debugging.
    Debug,
    /// What is going on.
    Info,
    /// Something was left out or looks wrong; the run goes on.
    Warning,
    /// A part of the work failed.
    Error,
}

/// What is happening now, for progress displays.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields say it")]
pub enum Progress<'a> {
    /// A file was read.
    Read { purpose: &'static str, files_done: usize, files: usize, rows: usize },
    /// An epoch of a user's training is over.
    Trained {
        user: &'a str,
        users_done: usize,
        users: usize,
        epoch: usize,
        epochs: usize,
        loss: f64,
    },
    /// Rows were scored; `total` is known once the source has been read.
    Scored { rows: usize, total: usize },
    /// A counter on the way saw rows; `position` counts those of the pipeline from 0.
    Counted { position: usize, counter: &'a RowCounter, rows: usize, done: bool },
}

/// Takes messages and progress, from any thread.
pub trait Reporter: Send + Sync {
    /// A message of this weight.
    fn say(&self, weight: Weight, text: &str);
    /// Progress of the phase that is running.
    fn progress(&self, progress: Progress<'_>);
    /// A phase such as "reading training data" is over; its display can go.
    fn phase_over(&self);
}

/// How the rows that pass a place of the pipeline are shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowCounter {
    /// What is counted.
    pub description: String,
    /// The weight of the newest rate in the one that is shown, 0 to 1; 0 shows the average.
    pub smoothing: f64,
    /// What the rows are called.
    pub unit: String,
    /// Whether the clock starts with the first row.
    pub delayed_start: bool,
}
