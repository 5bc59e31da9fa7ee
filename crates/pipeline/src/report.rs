//! What the product tells whoever runs it. Only the command line prints; everything here goes
//! through a [`Reporter`].

use crate::alerts::{self, Verdict};
pub use crate::stages::Outcome;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// How much a message weighs, as `--log_level` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Details for whoever looks for a fault.
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
    /// A monitor stage saw rows; `position` counts the monitors of the pipeline from 0.
    Monitor { position: usize, settings: &'a crate::plan::Monitor, rows: usize, done: bool },
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

/// What a run did, for the few lines at its end.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// The run was asked to stop before its end.
    pub interrupted: bool,
    /// Outputs are appended to under their own names, and the next run goes on from there.
    pub goes_on: bool,
    /// Rows that the source read, skipped rows not included.
    pub rows_read: usize,
    /// Rows and files left out while reading, one line a reason, with counts.
    pub skipped: Vec<String>,
    /// Values changed or left out in rows that were read, one line a reason, with counts.
    pub changed: Vec<String>,
    /// Rows of users that `--userid_filter` did not ask for.
    pub rows_of_others: usize,
    /// Rows that the feature file leaves out, of each purpose.
    pub filtered: Vec<(&'static str, usize)>,
    /// Rows with the event id of an earlier one, and whether they were left out.
    pub repeated: usize,
    /// Rows of training files with the event id of an earlier one.
    pub repeated_in_training: usize,
    /// Whether these were left out.
    pub drops_repeated: bool,
    /// Rows outside of the times asked for.
    pub rows_outside: usize,
    /// Rows scored.
    pub rows_scored: usize,
    /// Rows passed on with an empty score since their user has no model.
    pub rows_without_model: usize,
    /// Rows are those of users; otherwise of nobody in particular, and nothing is scored.
    pub by_user: bool,
    /// Stage, rows and reason of what stages left out on their way.
    pub dropped: Vec<(String, usize, String)>,
    /// What comparisons found.
    pub validations: Vec<Validation>,
    /// Rows each file got.
    pub written: Vec<(String, usize)>,
    /// Users in the input.
    pub users: usize,
    /// Users that have a model of their own.
    pub models: usize,
    /// Users whose model could not be trained, with the reason.
    pub failed_users: Vec<(String, String)>,
    /// Name and duration of each phase.
    pub phases: Vec<(&'static str, Duration)>,
    /// Rows with a z above 4, and the highest five of the run.
    pub unusual: Unusual,
    /// The rows of the lowest p-values, if rows have some.
    pub unlikely: Option<Unlikely>,
    /// Fewest and most training steps of the models that were trained as long as our own preset
    /// asks for.
    pub steps: Option<(usize, usize)>,
    /// The pages about the run.
    pub pages: Vec<String>,
    /// The file with the drawing of the pipeline.
    pub drawn: Option<String>,
    /// The seed, if it was drawn.
    pub drawn_seed: Option<u64>,
    /// What became of the rows in `timeseries`, if there is one.
    pub time_series: Option<TimeSeriesCount>,
    /// What `alert` has decided, if there is one.
    pub alerts: Option<AlertCount>,
}

/// Rows that `timeseries` has handed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeSeriesCount {
    /// Their bin was tested.
    pub tested: usize,
    /// Their bin was unusual.
    pub flagged: usize,
    /// There was too little time before or after their bin.
    pub untested: usize,
    /// They came when their bin had been tested.
    pub late: usize,
    /// They have no time, or one in the future.
    pub timeless: usize,
}

/// What `alert` has decided.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertCount {
    /// Rows with a score.
    pub rows: usize,
    /// Alerts.
    pub alerts: usize,
    /// Rows without a time, which count as of the newest day.
    pub timeless: usize,
    /// Rows without a score, which are never alerts.
    pub unscored: usize,
    /// As unusual as alerts usually are, on days whose budget was spent.
    pub over_budget: usize,
    /// Days (UTC, since 1970) with rows.
    pub days: BTreeSet<i64>,
    /// How surprising the least surprising alert is: -ln of its p-value, or its z-score.
    pub least: Option<f64>,
    /// Rows that would have been alerts, by the rule that applies.
    pub suppressed: BTreeMap<String, usize>,
    /// Alerts that a rule would have suppressed, had it not expired.
    pub expired: BTreeMap<String, usize>,
}

impl AlertCount {
    /// Counts a row, with the rule that applies to it and the one that would, had it not expired.
    pub(crate) fn see(
        &mut self,
        row: &alerts::Row,
        verdict: Verdict,
        rules: &alerts::Rules,
        applies: Option<usize>,
        expired: Option<usize>,
    ) {
        if row.surprise.is_nan() {
            self.unscored += 1;
            return;
        }
        let name = |rule: usize| rules.rules[rule].in_words();
        self.rows += 1;
        self.days.insert(alerts::day(row.time));
        match verdict {
            Verdict::Alert => {
                self.alerts += 1;
                let least = self.least.unwrap_or(f64::INFINITY);
                self.least = Some(least.min(row.surprise));
                if let Some(rule) = expired {
                    *self.expired.entry(name(rule)).or_default() += 1;
                }
            }
            Verdict::OverBudget => self.over_budget += 1,
            Verdict::Suppressed => {
                if let Some(rule) = applies {
                    *self.suppressed.entry(name(rule)).or_default() += 1;
                }
            }
            Verdict::Nothing => {}
        }
    }
}

impl Summary {
    /// Whether any input was left out, so that the run is not wholly done.
    pub fn anything_skipped(&self) -> bool {
        !self.skipped.is_empty() || self.rows_without_model > 0 || !self.failed_users.is_empty()
    }
}

/// What a `validate` stage found.
#[derive(Clone, Debug)]
pub struct Validation {
    /// The file of expected rows.
    pub file: String,
    /// What was found.
    pub outcome: Outcome,
    /// A mismatch was to make the run fail, and there is one.
    pub fails: bool,
}

/// The rows that stand out. z is (score - mean) / sample standard deviation over the scores that
/// the user's rows got in this run, the usual way to read the peer's score column.
#[derive(Clone, Debug, Default)]
pub struct Unusual {
    /// Rows with z above 4.
    pub above_four: usize,
    /// Users with enough rows for that.
    pub users: usize,
    /// Those with fewer.
    pub too_few: TooFew,
    /// The highest z values, highest first.
    pub top: Vec<UnusualRow>,
}

/// Rows whose z over the rows of their user cannot be above 4, however large their score is: among n rows it is
/// (n - 1) / sqrt(n) at most (Samuelson 1968), and that is above 4 from 18 rows on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TooFew {
    /// Users with fewer rows.
    pub users: usize,
    /// Their rows.
    pub rows: usize,
    /// Those with a z over the training rows above 4.
    pub above_four_of_training: usize,
}

impl TooFew {
    /// With fewer rows no z is above 4.
    pub const LEAST: usize = 18;
}

/// The rows that are least likely for their users.
#[derive(Clone, Debug, Default)]
pub struct Unlikely {
    /// Rows with a p-value.
    pub rows: usize,
    /// Of these, with one of at most .001.
    pub at_most_one_in_1000: usize,
    /// The lowest p-values of the run, lowest first: their place is the row's rank.
    pub top: Vec<UnlikelyRow>,
}

/// One row that is unlikely.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of `UnusualRow` and of `RowScore`")]
pub struct UnlikelyRow {
    pub user: Arc<str>,
    pub index: i64,
    pub file_row: i64,
    pub score: f32,
    pub p_value: f64,
    /// Why, in words, if the row was explained.
    pub reason: Option<String>,
}

/// One row that stands out.
#[derive(Clone, Debug, PartialEq)]
pub struct UnusualRow {
    /// The user.
    pub user: String,
    /// Row number in its own file (`_index_`).
    pub file_row: i64,
    /// Anomaly score.
    pub score: f32,
    /// z within the user's rows of this run.
    pub z: f64,
}
