//! What a generation says of itself.

use super::kind::Kind;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerateSummary {
    /// Log files of the history.
    pub training_files: usize,
    /// Rows in them.
    pub training_rows: u64,
    /// Log files of the new activity.
    pub new_files: usize,
    /// Rows in them, those of takeovers included.
    pub new_rows: u64,
    /// The takeovers, by user.
    pub takeovers: Vec<TakeoverSummary>,
}

/// One takeover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakeoverSummary {
    /// Whose account.
    pub user: String,
    /// Of what kind it is.
    pub kind: Kind,
    /// Time of its first row.
    pub start: jiff::Timestamp,
}
