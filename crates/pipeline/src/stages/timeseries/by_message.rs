//! One user's events, decided message by message, as the reference (22.06) does it: the window reaches
//! from half a window before a message's first event to half a window after its last one.
//!
//! What is flagged depends on how rows fall into messages (`--pipeline_batch_size`), and a message waits
//! for the user's own later events however long they take.

use super::bin_tests::{Counts, Decided, Fate, Judge};
use crate::plan::TimeSeries;
use dfp_engine::BoxError;
use dfp_model::periodic::bin_of;
use std::collections::{BTreeMap, VecDeque};

const DAY: i64 = 86_400;

/// A user's events, and the messages that wait.
#[derive(Debug, Default)]
pub(super) struct ByMessage {
    /// Midnight before the first event: bins count from there.
    origin: Option<i64>,
    counts: Counts,
    /// The start of the user's life is behind.
    warm: bool,
    held: VecDeque<Held>,
}

#[derive(Debug)]
struct Held {
    id: u64,
    bins: Vec<Option<i64>>,
}

enum Action {
    Hold,
    Untested,
    Test { window: (i64, i64), message: (i64, i64) },
}

impl ByMessage {
    pub(super) fn push(
        &mut self,
        id: u64,
        seconds: &[Option<i64>],
        judge: &mut Judge,
        decided: &mut Decided,
    ) -> Result<(), BoxError> {
        if self.origin.is_none() {
            let first = seconds.iter().flatten().next();
            self.origin = first.map(|second| second.div_euclid(DAY) * DAY);
        }
        let origin = self.origin.unwrap_or_default();
        let bin = |second: &i64| bin_of(second - origin, judge.settings.resolution);
        let bins: Vec<Option<i64>> =
            seconds.iter().map(|second| second.as_ref().map(bin)).collect();
        for bin in bins.iter().flatten() {
            *self.counts.entry(*bin).or_default() += 1;
        }
        self.held.push_back(Held { id, bins });
        self.decide(false, judge, decided)
    }

    /// Decides what can be, at the end of the stream everything.
    pub(super) fn decide(
        &mut self,
        finished: bool,
        judge: &mut Judge,
        decided: &mut Decided,
    ) -> Result<(), BoxError> {
        while let Some(held) = self.held.front() {
            let mut found = BTreeMap::new();
            match self.action(held, finished, &judge.settings) {
                Action::Hold => return Ok(()),
                Action::Untested => {}
                Action::Test { window, message } => {
                    self.warm = true;
                    self.counts = self.counts.split_off(&window.0);
                    judge.window(&self.counts, window, message, &mut found)?;
                }
            }
            let Some(held) = self.held.pop_front() else { return Ok(()) };
            let fate = |bin: Option<i64>| match bin.map(|bin| found.get(&bin)) {
                Some(Some(judged)) => Fate::Judged(*judged),
                Some(None) => Fate::Untested,
                None => Fate::Timeless,
            };
            decided.push((held.id, held.bins.into_iter().map(fate).collect()));
        }
        Ok(())
    }

    fn action(&self, held: &Held, finished: bool, settings: &TimeSeries) -> Action {
        let bins = || held.bins.iter().flatten().copied();
        let (Some(first), Some(last)) = (bins().min(), bins().max()) else {
            return Action::Untested;
        };
        let window = (first - settings.half, last + settings.half);
        let earliest = self.counts.first_key_value().map_or(first, |(bin, _)| *bin);
        let latest = self.counts.last_key_value().map_or(last, |(bin, _)| *bin);
        let is_warm = self.warm || settings.hot_start;
        if earliest > window.0 && !is_warm && !finished {
            return Action::Untested;
        }
        if latest < window.1 {
            match (finished, settings.cold_end) {
                (false, _) => return Action::Hold,
                (true, true) => return Action::Untested,
                (true, false) => {}
            }
        }
        Action::Test { window, message: (first, last) }
    }
}
