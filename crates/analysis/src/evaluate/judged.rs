//! Scored rows whose truth is known.

use std::sync::Arc;

/// Microseconds of a day.
const DAY: f64 = 86_400e6;

/// Rows of all users, with what is known of them.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// Users by number.
    pub users: Vec<Arc<str>>,
    /// Kinds of labelled rows by number.
    pub kinds: Vec<String>,
    /// The rows.
    pub rows: Vec<Row>,
    /// How long each user was looked at: one for each user and part that has rows.
    pub spans: Vec<Span>,
    /// Days from the first to the last row of each part.
    pub part_days: Vec<f64>,
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// The user's number.
    pub user: u32,
    /// The part of the time that it belongs to: the fold of a backtest, 0 elsewhere.
    pub part: u32,
    /// The day (UTC, since 1970) that it belongs to: budgets are those of days. Rows without a time
    /// have a day of their own.
    pub day: i64,
    /// The higher, the more unusual; not a number if the row was not scored.
    pub score: f64,
    /// How likely a score as high is, if that is known.
    pub p_value: Option<f64>,
    /// The kind's number, if the row is labelled.
    pub kind: Option<u32>,
}

/// How long a user was looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// The user's number.
    pub user: u32,
    /// The part.
    pub part: u32,
    /// Days.
    pub days: f64,
}

/// Days between two times in microseconds, at least one: budgets are counted by it.
pub fn days(first: i64, last: i64) -> f64 {
    ((last - first) as f64 / DAY).max(1.0)
}
