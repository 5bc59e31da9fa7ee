//! When rows happened.

use serde::{Deserialize, Serialize};

/// The time of a row of which nobody knows when it happened, among rows with times: before all others.
pub const UNKNOWN_TIME: i64 = i64::MIN;

/// From when to when rows happened, in microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// When the first one did.
    pub first: i64,
    /// When the last one did.
    pub last: i64,
}

impl Window {
    /// The window of rows with these times, in any order; `None` without any that is known.
    pub(crate) fn of(times: &[i64]) -> Option<Self> {
        let known = || times.iter().copied().filter(|time| *time != UNKNOWN_TIME);
        Some(Self { first: known().min()?, last: known().max()? })
    }
}
