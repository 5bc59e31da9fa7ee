//! One user's events, decided tile by tile of the calendar, so that it makes no difference how rows fall
//! into messages.
//!
//! A tile is a quarter of `--min_window`. Its bins are tested together, with `--min_window` before and
//! after them, as soon as all of that is over; where that is too short for the threshold, with more
//! of what was before. Rows are looked at one by one: what is decided
//! depends on the rows before, and on nothing else. A row that comes after its tile was decided
//! is late; later tiles still count it.

use super::bin_tests::{Counts, Decided, Fate, Judge, Judged};
use crate::plan::{Method, TimeSeries};
use dfp_engine::BoxError;
use dfp_model::periodic::{HourOfWeek, bin_of};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// What is remembered of a user: bounded by the window, whatever the user does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct History {
    /// Whose history it is: bins and method must be the same.
    key: String,
    /// Bin of the first event.
    first: Option<i64>,
    /// Second of the newest event.
    pub(super) newest: Option<i64>,
    /// Tiles before this one are decided.
    frontier: Option<i64>,
    /// Events by bin: of the tiles that are not decided, and of the window before.
    counts: Counts,
    /// What is usual, if the method learns it.
    usual: Option<HourOfWeek>,
}

impl History {
    /// A history of nothing yet.
    pub(super) fn new(settings: &TimeSeries) -> Self {
        let usual = matches!(settings.method, Method::HourOfWeek { .. }).then(HourOfWeek::default);
        Self { key: settings.key(), usual, ..Self::default() }
    }

    /// What was written of a user; `None`: by a stage with other bins or another method.
    pub(super) fn read(bytes: &[u8], settings: &TimeSeries) -> Result<Option<Self>, String> {
        let read: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if read.usual.as_ref().is_some_and(|usual| !usual.is_whole()) {
            return Err("not all hours of a week are there".to_owned());
        }
        Ok((read.key == settings.key()).then_some(read))
    }

    /// How many bins are remembered.
    #[cfg(test)]
    pub(super) fn bins(&self) -> usize {
        self.counts.len()
    }
}

/// A user's history, and the messages that wait for their tiles.
#[derive(Debug)]
pub(super) struct ByTime {
    pub(super) history: History,
    held: VecDeque<Held>,
    /// Bins that are decided and have rows in held messages.
    found: BTreeMap<i64, Judged>,
}

#[derive(Debug)]
struct Held {
    id: u64,
    rows: Vec<Result<i64, Fate>>,
    /// The first and the last bin with a row that waits; `None`: no row waits.
    span: Option<(i64, i64)>,
}

impl ByTime {
    pub(super) fn new(history: History) -> Self {
        Self { history, held: VecDeque::new(), found: BTreeMap::new() }
    }

    /// Takes the rows of a message by their seconds since 1970; gives the messages that are decided.
    pub(super) fn push(
        &mut self,
        id: u64,
        seconds: &[Option<i64>],
        judge: &mut Judge,
        decided: &mut Decided,
    ) -> Result<(), BoxError> {
        let mut rows = Vec::with_capacity(seconds.len());
        for second in seconds {
            rows.push(match second {
                Some(second) => self.count(*second, judge)?,
                None => Err(Fate::Timeless),
            });
        }
        let bins = || rows.iter().filter_map(|row| row.ok());
        let span = bins().min().zip(bins().max());
        self.held.push_back(Held { id, rows, span });
        self.release(judge, decided);
        Ok(())
    }

    /// All rows up to this second have come.
    pub(super) fn advance(
        &mut self,
        second: i64,
        judge: &mut Judge,
        decided: &mut Decided,
    ) -> Result<(), BoxError> {
        let lateness = judge.settings.lateness;
        self.decide(Some(judge.settings.frontier(second.saturating_sub(lateness))), judge)?;
        self.release(judge, decided);
        Ok(())
    }

    /// Nothing more will come; the newest event of anybody was at this second.
    pub(super) fn finish(
        &mut self,
        second: i64,
        judge: &mut Judge,
        decided: &mut Decided,
    ) -> Result<(), BoxError> {
        self.decide(Some(judge.settings.frontier(second)), judge)?;
        if !judge.settings.cold_end {
            self.decide(None, judge)?;
        }
        self.history.frontier = Some(i64::MAX);
        self.release(judge, decided);
        Ok(())
    }

    fn count(&mut self, second: i64, judge: &mut Judge) -> Result<Result<i64, Fate>, BoxError> {
        let TimeSeries { resolution, tile, past, lateness, .. } = judge.settings;
        let bin = bin_of(second, resolution);
        let frontier = self.history.frontier;
        if frontier.is_some_and(|frontier| bin.div_euclid(tile) < frontier) {
            if frontier.is_some_and(|frontier| bin >= (frontier * tile).saturating_sub(past)) {
                *self.history.counts.entry(bin).or_default() += 1;
            }
            return Ok(Err(Fate::Late));
        }
        *self.history.counts.entry(bin).or_default() += 1;
        self.history.first = Some(self.history.first.map_or(bin, |first| first.min(bin)));
        if self.history.newest.is_none_or(|newest| second > newest) {
            self.history.newest = Some(second);
            let frontier = judge.settings.frontier(second.saturating_sub(lateness));
            self.decide(Some(frontier), judge)?;
        }
        Ok(Ok(bin))
    }

    /// Decides the tiles before `frontier`, or all of them.
    fn decide(&mut self, frontier: Option<i64>, judge: &mut Judge) -> Result<(), BoxError> {
        let TimeSeries { tile, half, past, .. } = judge.settings;
        let history = &mut self.history;
        if frontier.is_some_and(|next| history.frontier.is_some_and(|now| next <= now)) {
            return Ok(());
        }
        let from = history.frontier.map_or(i64::MIN, |now| now.saturating_mul(tile));
        let to = frontier.map_or(i64::MAX, |next| next.saturating_mul(tile));
        let mut next = history.counts.range(from..to).next().map(|(bin, _)| *bin);
        while let Some(bin) = next {
            let start = bin.div_euclid(tile) * tile;
            let end = start + tile - 1;
            let is_warm = judge.settings.hot_start
                || history.first.is_some_and(|first| first <= start.saturating_sub(half));
            match &mut history.usual {
                Some(usual) => {
                    let count = history.counts.get(&bin).copied().unwrap_or_default();
                    let judged = judge.hour(usual, bin, count);
                    self.found.extend(judged.filter(|_| is_warm).map(|judged| (bin, judged)));
                }
                None if is_warm => {
                    let first = history.first.unwrap_or(start).min(start - half);
                    let window = (first.max(start - past), end + half);
                    judge.window(&history.counts, window, (start, end), &mut self.found)?;
                }
                None => {}
            }
            next = history.counts.range(end + 1..to.max(end + 1)).next().map(|(bin, _)| *bin);
        }
        if let Some(next) = frontier {
            history.frontier = Some(next);
            let kept = next.saturating_mul(tile).saturating_sub(past);
            history.counts = history.counts.split_off(&kept);
        }
        Ok(())
    }

    /// Hands over the messages whose rows are all decided, in the order in which they came.
    fn release(&mut self, judge: &Judge, decided: &mut Decided) {
        let frontier = self.history.frontier;
        let is_over = |bin: i64| frontier.is_some_and(|f| bin.div_euclid(judge.settings.tile) < f);
        while self.held.front().is_some_and(|held| held.span.is_none_or(|span| is_over(span.1))) {
            let Some(held) = self.held.pop_front() else { break };
            let fate = |row: Result<i64, Fate>| match row {
                Ok(bin) => {
                    self.found.get(&bin).map_or(Fate::Untested, |judged| Fate::Judged(*judged))
                }
                Err(fate) => fate,
            };
            decided.push((held.id, held.rows.into_iter().map(fate).collect()));
        }
        match self.held.iter().filter_map(|held| Some(held.span?.0)).min() {
            Some(first) => self.found = self.found.split_off(&first),
            None => self.found.clear(),
        }
    }
}
