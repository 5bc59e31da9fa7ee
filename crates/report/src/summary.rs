//! What a run comes to, in the fields of which its last lines are made.

use crate::differences::Differences;
use dfp_alerts::AlertCount;
use std::sync::Arc;
use std::time::Duration;

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
    pub outcome: Differences,
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
