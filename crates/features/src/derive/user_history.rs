//! What is remembered of each user from one batch of rows to the next.
//!
//! It is bounded: values are kept as 64-bit hashes (XXH3, the same on every machine and in every
//! version), those of a period until it is closed, those of `first_seen` up to a number that the
//! feature file sets.

use crate::error::FeatureError;
use crate::period;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// What is remembered of all users. The default remembers nothing yet.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    users: HashMap<Arc<str>, UserMemory>,
    touched: BTreeSet<Arc<str>>,
}

/// What is remembered of one user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserMemory {
    /// Nanoseconds since 1970 of the user's newest event.
    newest: Option<i64>,
    /// Each counter's own, under its definition.
    counters: BTreeMap<String, Counted>,
}

/// What one counter remembers of one user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Counted {
    /// The open periods by their beginnings.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    periods: BTreeMap<i64, OpenPeriod>,
    /// Hashes of the values seen, with the newest time at which each was.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    seen: BTreeMap<u64, i64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OpenPeriod {
    end: i64,
    #[serde(default)]
    events: u64,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    values: BTreeSet<u64>,
}

/// Rows later than this (nanoseconds since 1970, a day from now) are mistakes of some clock: they close
/// no period.
pub fn beginning_of_the_future() -> i64 {
    period::now().saturating_add(86_400_000_000).saturating_mul(1_000)
}

impl Memory {
    pub(super) fn of(&mut self, user: &Arc<str>) -> &mut UserMemory {
        self.touched.insert(Arc::clone(user));
        self.users.entry(Arc::clone(user)).or_default()
    }

    /// Notes each user's newest event, once all counters have seen the rows.
    pub(crate) fn advance(&mut self, users: &[(Arc<str>, Vec<u32>)], times: &[Option<i64>]) {
        let future = beginning_of_the_future();
        for (user, rows) in users {
            let times = rows.iter().filter_map(|row| times[*row as usize]);
            let newest = times.filter(|time| *time <= future).max();
            let memory = self.of(user);
            memory.newest = memory.newest.max(newest);
        }
    }

    /// What scoring starts with after training: the values that each user is known for. Scored rows may
    /// be of the same days as training rows, or be the same rows; a day's counts start anew, as the
    /// peer's do, while a value that training has seen is not new.
    #[must_use]
    pub fn after_training(self) -> Self {
        let mut kept = Self::default();
        for (user, memory) in self.users {
            let seen = memory.counters.into_iter().filter(|(_, counted)| !counted.seen.is_empty());
            let counters: BTreeMap<String, Counted> = seen.collect();
            if !counters.is_empty() {
                kept.touched.insert(Arc::clone(&user));
                kept.users.insert(user, UserMemory { newest: None, counters });
            }
        }
        kept
    }

    /// What is remembered of the users met since the last call, sorted by user, to be given to
    /// [`restore`](Self::restore) in another run.
    pub fn changes(&mut self) -> Vec<(Arc<str>, Vec<u8>)> {
        let touched = std::mem::take(&mut self.touched);
        touched
            .into_iter()
            .filter_map(|user| {
                // Maps with numbers for keys and no floats: there is nothing that cannot be written.
                let bytes = serde_json::to_vec(self.users.get(&user)?).ok()?;
                Some((user, bytes))
            })
            .collect()
    }

    /// Remembers what [`changes`](Self::changes) gave for this user, in place of what is known.
    /// What counters of another definition have left is kept, and not used.
    ///
    /// # Errors
    /// [`FeatureError::Memory`]: the bytes are something else.
    pub fn restore(&mut self, user: &str, bytes: &[u8]) -> Result<(), FeatureError> {
        let memory = serde_json::from_slice(bytes)
            .map_err(|cause| FeatureError::Memory { user: user.to_owned(), cause })?;
        self.users.insert(Arc::from(user), memory);
        Ok(())
    }
}

impl UserMemory {
    pub(super) fn newest(&self) -> Option<i64> {
        self.newest
    }

    pub(super) fn counted(&mut self, key: &str) -> &mut Counted {
        self.counters.entry(key.to_owned()).or_default()
    }
}

impl Counted {
    fn period(&mut self, begin: i64, end: i64) -> &mut OpenPeriod {
        self.periods.entry(begin).or_insert_with(|| OpenPeriod { end, ..OpenPeriod::default() })
    }

    /// Counts an event of a period: how many there were before.
    pub(super) fn count_event(&mut self, begin: i64, end: i64) -> u64 {
        let period = self.period(begin, end);
        let before = period.events;
        period.events = before.saturating_add(1);
        before
    }

    /// Counts a value of a period: how many different ones there are now.
    pub(super) fn count_value(&mut self, begin: i64, end: i64, value: Option<u64>) -> usize {
        let period = self.period(begin, end);
        period.values.extend(value);
        period.values.len()
    }

    /// Forgets the periods that are not open any more.
    pub(super) fn close(&mut self, open: impl Fn(i64) -> bool) {
        while let Some(first) = self.periods.first_entry() {
            if open(first.get().end) {
                break;
            }
            first.remove();
        }
    }

    /// Whether a value is remembered.
    pub(super) fn knows(&self, value: u64) -> bool {
        self.seen.contains_key(&value)
    }

    /// Whether a value was never seen, and remembers it. A full memory forgets the quarter of its
    /// values that was not seen for longest.
    pub(super) fn is_new(&mut self, value: u64, time: i64, remembered: usize) -> bool {
        let mut is_new = false;
        let seen = self.seen.entry(value).or_insert_with(|| {
            is_new = true;
            time
        });
        *seen = time.max(*seen);
        if self.seen.len() > remembered {
            let mut by_time: Vec<(i64, u64)> = self.seen.iter().map(|(v, t)| (*t, *v)).collect();
            by_time.sort_unstable();
            for (_, oldest) in by_time.iter().take(1 + remembered / 4) {
                self.seen.remove(oldest);
            }
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_at_its_end_stays_there() {
        let full = r#"{"periods": {"0": {"end": 9, "events": 18446744073709551615}}}"#;
        let mut counted: Counted = serde_json::from_str(full).unwrap();
        assert_eq!([counted.count_event(0, 9), counted.count_event(0, 9)], [u64::MAX; 2]);
    }
}
