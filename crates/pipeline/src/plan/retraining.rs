//! When users get new versions, and of what.

/// When a new version becomes the live one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promote {
    /// At once.
    Always,
    /// If it is not worse than the one that is live: see [`Comparison`](crate::retrain::Comparison).
    Better,
    /// When somebody says so.
    Never,
}

/// How much of a user's history is learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryLength {
    /// The newest rows.
    Rows(usize),
    /// The rows of so much time, in microseconds, up to the newest.
    Time(i64),
}

/// When a user gets a new version, what that learns, and when it becomes live.
#[derive(Clone, Debug)]
pub struct RetrainRules {
    /// Users with fewer rows get no model.
    pub min_history: usize,
    /// A user who has a version gets another when there are so many newer rows. Without this and without
    /// `retrain_every` any other history is a reason.
    pub min_increment: Option<usize>,
    /// Or when its newest row is at least so much later than that of the version, in microseconds.
    pub retrain_every: Option<i64>,
    /// What is learnt of a longer history.
    pub max_history: Option<HistoryLength>,
    /// When a version becomes live.
    pub promote: Promote,
    /// The share of a history, its newest rows, by which two versions are compared.
    pub held_out: f64,
    /// What stands before the names of these options where they are typed.
    pub prefix: &'static str,
    /// The name of the one that is `retrain_every`.
    pub schedule: &'static str,
}

impl RetrainRules {
    /// Whether a user with a version gets another: there are `new` rows that are newer, the last of them
    /// so much `later` (microseconds) than the version's. Where one of the two is not known, there is no
    /// reason to wait for it.
    pub(crate) fn is_due(&self, new: Option<usize>, later: Option<i64>) -> bool {
        let enough = self.min_increment.map(|least| new.is_none_or(|new| new >= least));
        let late = self
            .retrain_every
            .map(|least| new != Some(0) && later.is_none_or(|later| later >= least));
        (enough.is_none() && late.is_none()) || enough == Some(true) || late == Some(true)
    }
}
