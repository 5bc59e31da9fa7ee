//! What a user has done so far: increment, distinct_increment, first_seen, since_previous.
//!
//! Each is a small machine for each user, which sees the user's rows one by one in the order of time
//! and keeps its state in the [`Memory`]; how rows fall into batches makes no difference.

use super::cells::Cells;
use super::user_history::{self, Counted, Memory};
use super::{Column, Op};
use crate::document::Keys;
use crate::error::FeatureError;
use crate::period::Period;
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array};
use std::path::Path;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

const SECOND: i64 = 1_000_000_000;
/// What a missing value counts as, as the peer has it.
const MISSING: &str = "nan";
/// Values that `first_seen` remembers of a user, unless the file says otherwise.
const REMEMBERED: usize = 10_000;

/// What is counted.
#[derive(Clone, Debug)]
pub enum Counter {
    /// Events of the period before this one.
    Events {
        /// The period.
        period: Period,
        /// The result is a float.
        float: bool,
    },
    /// Different values so far in the period.
    Distinct {
        /// The period.
        period: Period,
        /// Whether a row without any value counts as one with the value `nan`.
        missing_counts: bool,
        /// The result is a float.
        float: bool,
    },
    /// Whether the user has never had this value before.
    FirstSeen {
        /// How many values are remembered.
        remembered: usize,
        /// Whether a row without any value counts as one with the value `nan`.
        missing_counts: bool,
    },
    /// Seconds since the user's latest event before this one.
    SincePrevious,
}

fn period(keys: &Keys<'_, '_>) -> Period {
    let words = [
        ("hour", Period::HOUR),
        ("day", Period::DAY),
        ("week", Period::Week),
        ("month", Period::Month),
    ];
    keys.choice("period", &words).unwrap_or(Period::DAY)
}

fn float(keys: &Keys<'_, '_>) -> bool {
    keys.choice("number", &[("integer", false), ("float", true)]).unwrap_or_default()
}

fn missing_counts(keys: &Keys<'_, '_>) -> bool {
    keys.choice("missing", &[("value", true), ("none", false)]).unwrap_or(true)
}

pub(super) fn increment(keys: &Keys<'_, '_>, _: &Path) -> Option<Op> {
    Some(Op::User(Counter::Events { period: period(keys), float: float(keys) }))
}

pub(super) fn distinct_increment(keys: &Keys<'_, '_>, _: &Path) -> Option<Op> {
    let (period, missing_counts, float) = (period(keys), missing_counts(keys), float(keys));
    Some(Op::User(Counter::Distinct { period, missing_counts, float }))
}

pub(super) fn first_seen(keys: &Keys<'_, '_>, _: &Path) -> Option<Op> {
    let remembered = keys.integer("remember", 1..1_000_001);
    let remembered = remembered.and_then(|n| usize::try_from(n).ok()).unwrap_or(REMEMBERED);
    Some(Op::User(Counter::FirstSeen { remembered, missing_counts: missing_counts(keys) }))
}

pub(super) fn since_previous(_: &Keys<'_, '_>, _: &Path) -> Option<Op> {
    Some(Op::User(Counter::SincePrevious))
}

/// When the period of an instant begins and when the next one does, in nanoseconds since 1970.
fn around(period: Period, time: i64) -> (i64, i64) {
    let (begin, end) = period.around(time.div_euclid(1_000));
    (begin.saturating_mul(1_000), end.saturating_mul(1_000))
}

impl Counter {
    /// Whether scoring starts with what training has seen; see [`Memory::after_training`].
    pub(crate) fn is_remembered_after_training(&self) -> bool {
        matches!(self, Self::FirstSeen { .. })
    }

    /// What the memory of this counter is kept under: another definition starts anew.
    fn key(&self, column: &Column) -> String {
        format!("{} {:?} of {:?}", column.name, self, column.inputs)
    }

    /// The column. `rows` of each user are in the order of time. A row without a time is of no period: it has no
    /// count, changes none, and is not remembered.
    pub(crate) fn count(
        &self,
        column: &Column,
        inputs: &[Cells],
        times: &[Option<i64>],
        users: &[(Arc<str>, Vec<u32>)],
        memory: &mut Memory,
        lateness: i64,
    ) -> Result<ArrayRef, FeatureError> {
        let values = self.values(inputs, times.len())?;
        let key = self.key(column);
        let future = user_history::beginning_of_the_future();
        let mut made: Vec<Option<f64>> = vec![None; times.len()];
        for (user, rows) in users {
            let of_user = memory.of(user);
            let mut newest = of_user.newest();
            let counted = of_user.counted(&key);
            for row in rows.iter().map(|row| *row as usize) {
                let value = values.get(row).copied().flatten();
                let Some(time) = times[row] else {
                    made[row] = self.timeless(value, counted);
                    continue;
                };
                made[row] = self.row(time, value, newest, lateness, counted);
                if time <= future {
                    newest = Some(newest.map_or(time, |newest| newest.max(time)));
                }
            }
        }
        Ok(self.array(&made))
    }

    /// Hashes of what each row has in `inputs`; `None` for a row without a value that counts.
    fn values(&self, inputs: &[Cells], rows: usize) -> Result<Vec<Option<u64>>, FeatureError> {
        let missing_counts = match self {
            Self::Distinct { missing_counts, .. } | Self::FirstSeen { missing_counts, .. } => {
                *missing_counts
            }
            Self::Events { .. } | Self::SincePrevious => return Ok(Vec::new()),
        };
        let mut parts = Vec::with_capacity(inputs.len());
        for cells in inputs {
            parts.push(cells.texts()?.each(|text| Some(xxh3_64(text.as_bytes()))));
        }
        let missing = xxh3_64(MISSING.as_bytes());
        let mut bytes = Vec::with_capacity(8 * parts.len());
        let value = |row: usize| {
            if !missing_counts && parts.iter().all(|part| part[row].is_none()) {
                return None;
            }
            if let [part] = parts.as_slice() {
                return Some(part[row].unwrap_or(missing));
            }
            bytes.clear();
            for part in &parts {
                bytes.extend_from_slice(&part[row].unwrap_or(missing).to_le_bytes());
            }
            Some(xxh3_64(&bytes))
        };
        Ok((0..rows).map(value).collect())
    }

    /// One row: what it gets, and what is remembered of it. `newest` is the user's newest event so far.
    fn row(
        &self,
        time: i64,
        value: Option<u64>,
        newest: Option<i64>,
        lateness: i64,
        counted: &mut Counted,
    ) -> Option<f64> {
        let newest_now = newest.map_or(time, |newest| newest.max(time));
        let open = |end: i64| end.saturating_add(lateness) >= newest_now;
        match self {
            Self::Events { period, .. } => {
                let (begin, end) = around(*period, time);
                // A row that is too late stands alone in its period.
                let before = if open(end) { counted.count_event(begin, end) } else { 0 };
                counted.close(open);
                Some(before as f64)
            }
            Self::Distinct { period, .. } => {
                let (begin, end) = around(*period, time);
                let so_far = match open(end) {
                    true => counted.count_value(begin, end, value),
                    false => usize::from(value.is_some()),
                };
                counted.close(open);
                Some(so_far as f64)
            }
            Self::FirstSeen { remembered, .. } => {
                Some(f64::from(value.is_some_and(|value| counted.is_new(value, time, *remembered))))
            }
            Self::SincePrevious => {
                let gap = time.checked_sub(newest?)?;
                (gap >= 0).then(|| gap as f64 / SECOND as f64)
            }
        }
    }

    /// A row of which nobody knows when it happened.
    fn timeless(&self, value: Option<u64>, counted: &Counted) -> Option<f64> {
        match self {
            Self::FirstSeen { .. } => {
                Some(f64::from(value.is_some_and(|value| !counted.knows(value))))
            }
            _ => None,
        }
    }

    fn array(&self, made: &[Option<f64>]) -> ArrayRef {
        match self {
            Self::Events { float: false, .. } | Self::Distinct { float: false, .. } => {
                let whole = made.iter().map(|number| number.map(|number| number as i64));
                Arc::new(Int64Array::from_iter(whole))
            }
            Self::FirstSeen { .. } => {
                Arc::new(BooleanArray::from_iter(made.iter().map(|new| new.map(|new| new > 0.0))))
            }
            _ => Arc::new(Float64Array::from_iter(made.iter().copied())),
        }
    }
}
