//! A row to be decided, and what becomes of it.

use std::sync::Arc;

/// A row to be decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The user.
    pub user: Arc<str>,
    /// Nanoseconds since 1970.
    pub time: i64,
    /// How unusual it is, more is more: -ln of the p-value, or without one the z-score. NaN: never an
    /// alert.
    pub surprise: f64,
    /// Tells rows apart that are equally surprising.
    pub score: f64,
    /// It need not be told.
    pub suppressed: bool,
}

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is an alert.
    Alert,
    /// It would be one, but need not be told.
    Suppressed,
    /// It is as unusual as alerts of other days, but the day's budget was spent.
    OverBudget,
    /// It is none.
    Nothing,
}
