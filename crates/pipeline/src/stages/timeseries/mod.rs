//! `timeseries`: flags rows at times when their user is unusually active.
//!
//! Rows wait here until what comes after them is known, at most for the window; a message leaves when all
//! its rows are decided. [`by_time`] and [`by_message`] decide, [`gate`] keeps the order of batches.

mod batch_order;
mod bin_tests;
mod by_message;
mod by_time;
#[cfg(test)]
mod tests;

use crate::error::RunError;
use crate::message::{BatchAck, Message};
use crate::plan::{self, Method};
use crate::stages::{ResultColumns, event_times};
use arrow_array::{ArrayRef, BooleanArray, Float64Array};
use batch_order::Gate;
use bin_tests::{Decided, Fate, Judge};
use by_message::ByMessage;
use by_time::{ByTime, History};
use dfp_connectors::state::StateDir;
use dfp_engine::{BoxError, Outlet, Stage};
use dfp_engine::{Reporter, Weight};
use dfp_features::own_columns::TIME_SERIES;
use dfp_model::periodic::whole_second;
use dfp_registry::earlier_name;
use dfp_report::summary::TimeSeriesCount;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// The stage.
pub struct TimeSeries {
    judge: Judge,
    /// The derived column of event times, if it is one; else the reader has made one.
    time_column: Option<String>,
    state: Option<Arc<StateDir>>,
    reporter: Arc<dyn Reporter>,
    count: Arc<Mutex<TimeSeriesCount>>,
    results: ResultColumns,
    /// In order of first appearance, so that the end has an order too.
    users: Vec<(Arc<str>, User)>,
    places: HashMap<Arc<str>, usize>,
    gate: Gate,
    /// Messages that wait, with their batches.
    held: HashMap<u64, (usize, Message)>,
    next_id: u64,
    decided: Decided,
    /// Second of the newest event of anybody.
    newest: Option<i64>,
    told_of_other_history: bool,
}

enum User {
    ByTime(Box<ByTime>),
    ByMessage(ByMessage),
}

impl TimeSeries {
    /// A stage with these options. `time_column` is the derived column of event times, `state` where histories are
    /// remembered; what becomes of rows can be seen in `count` after the run, and is written by `results`.
    pub fn new(
        settings: plan::TimeSeries,
        time_column: Option<String>,
        state: Option<Arc<StateDir>>,
        reporter: Arc<dyn Reporter>,
        count: Arc<Mutex<TimeSeriesCount>>,
        results: ResultColumns,
    ) -> Self {
        Self {
            judge: Judge::new(settings),
            time_column,
            state,
            reporter,
            count,
            results,
            users: Vec::new(),
            places: HashMap::new(),
            gate: Gate::default(),
            held: HashMap::new(),
            next_id: 0,
            decided: Vec::new(),
            newest: None,
            told_of_other_history: false,
        }
    }

    /// Whole seconds since 1970 of a message's rows.
    fn seconds(&self, message: &Message) -> Result<Vec<Option<i64>>, RunError> {
        let times = event_times(message, self.time_column.as_deref(), "timeseries")?;
        Ok(times.into_iter().map(|time| time.map(whole_second)).collect())
    }

    /// Where a user's state is; that of a user not met before is brought back.
    fn place(&mut self, user: &Arc<str>) -> Result<usize, RunError> {
        if let Some(place) = self.places.get(user) {
            return Ok(*place);
        }
        let state = match self.judge.settings.method {
            Method::Spectral { by_message: true, .. } => User::ByMessage(ByMessage::default()),
            _ => {
                let history = self.recall(user)?;
                let history = history.unwrap_or_else(|| History::new(&self.judge.settings));
                User::ByTime(Box::new(ByTime::new(history)))
            }
        };
        self.users.push((Arc::clone(user), state));
        self.places.insert(Arc::clone(user), self.users.len() - 1);
        Ok(self.users.len() - 1)
    }

    fn recall(&mut self, user: &str) -> Result<Option<History>, RunError> {
        let Some(state) = &self.state else { return Ok(None) };
        let mut bytes = state.history(user)?;
        if bytes.is_none()
            && let Some(earlier) = earlier_name(user)
        {
            bytes = state.history(&earlier)?;
        }
        let Some(bytes) = bytes else { return Ok(None) };
        let history = History::read(&bytes, &self.judge.settings).map_err(|why| {
            RunError::Failed(format!("no history of the rhythm of user {user:?}: {why}"))
        })?;
        if history.is_none() && !self.told_of_other_history {
            self.told_of_other_history = true;
            let text = "timeseries: what the state folder remembers of users' rhythms was counted with another --resolution, --min_window or --seasonality; it is counted anew";
            self.reporter.say(Weight::Warning, text);
        }
        Ok(history)
    }

    /// A batch is complete: time has passed for all users, and what is known of those in it is put
    /// on its receipt.
    fn end_batch(&mut self, receipt: Arc<BatchAck>) -> Result<(), BoxError> {
        let Self { judge, users, decided, .. } = self;
        if let Some(newest) = self.newest {
            for (_, user) in users {
                if let User::ByTime(user) = user {
                    user.advance(newest, judge, decided)?;
                }
            }
        }
        if self.state.is_some() {
            let mut history = receipt.history.lock();
            for (user, _) in &receipt.rows {
                if let Some(User::ByTime(state)) =
                    self.places.get(user).map(|at| &self.users[*at].1)
                {
                    history.push((Arc::clone(user), serde_json::to_vec(&state.history)?));
                }
            }
        }
        self.gate.close(receipt);
        Ok(())
    }

    /// Gives decided messages their columns and hands on those whose turn it is.
    fn hand_on(&mut self, out: &mut Outlet<Message>) -> Result<(), BoxError> {
        for (id, fates) in std::mem::take(&mut self.decided) {
            let Some((batch, mut message)) = self.held.remove(&id) else { continue };
            message.rows = self.results.put(&message.rows, columns(&fates))?;
            self.tally(&fates);
            self.gate.leave(batch, message);
        }
        self.gate.take().into_iter().for_each(|message| out.emit(message));
        Ok(())
    }

    fn tally(&self, fates: &[Fate]) {
        let mut count = self.count.lock();
        for fate in fates {
            match fate {
                Fate::Judged(judged) => {
                    count.tested += 1;
                    count.flagged += usize::from(judged.anomalous);
                }
                Fate::Untested => count.untested += 1,
                Fate::Late => count.late += 1,
                Fate::Timeless => count.timeless += 1,
            }
        }
    }

    fn tell_of_short_windows(&self) {
        let [windows, short] = self.judge.windows;
        if let Method::Spectral { by_message: true, zscore_threshold, .. } =
            self.judge.settings.method
            && short > 0
        {
            let text = format!(
                "timeseries: {short} of {windows} windows have too few bins for any to reach z = {zscore_threshold}, which takes more than its square of them; a longer --min_window, a finer --resolution or a lower --zscore_threshold would do"
            );
            self.reporter.say(Weight::Warning, &text);
        }
    }
}

/// The columns that tell what was found out.
fn columns(fates: &[Fate]) -> Vec<(String, ArrayRef)> {
    let judged = || {
        fates.iter().map(|fate| match fate {
            Fate::Judged(judged) => Some(judged),
            _ => None,
        })
    };
    let anomalous = judged().map(|judged| Some(judged.is_some_and(|judged| judged.anomalous)));
    let score: Float64Array = judged().map(|judged| judged?.score).collect();
    let expected: Float64Array = judged().map(|judged| Some(judged?.expected)).collect();
    let arrays: [ArrayRef; 3] =
        [Arc::new(anomalous.collect::<BooleanArray>()), Arc::new(score), Arc::new(expected)];
    TIME_SERIES.map(str::to_owned).into_iter().zip(arrays).collect()
}

impl Stage<Message> for TimeSeries {
    fn process(&mut self, mut message: Message, out: &mut Outlet<Message>) -> Result<(), BoxError> {
        let receipt = message.receipt.take();
        let seconds = self.seconds(&message)?;
        let place = self.place(&message.user)?;
        let id = self.next_id;
        self.next_id += 1;
        self.newest = self.newest.max(seconds.iter().flatten().max().copied());
        self.held.insert(id, (self.gate.enter(), message));
        let Self { judge, decided, users, .. } = self;
        match &mut users[place].1 {
            User::ByTime(user) => user.push(id, &seconds, judge, decided)?,
            User::ByMessage(user) => user.push(id, &seconds, judge, decided)?,
        }
        if let Some(receipt) = receipt {
            self.end_batch(receipt)?;
        }
        self.hand_on(out)
    }

    fn finish(&mut self, out: &mut Outlet<Message>) -> Result<(), BoxError> {
        let newest = self.newest.unwrap_or_default();
        let Self { judge, decided, users, .. } = self;
        for (_, user) in users {
            match user {
                User::ByTime(user) => user.finish(newest, judge, decided)?,
                User::ByMessage(user) => user.decide(true, judge, decided)?,
            }
        }
        self.tell_of_short_windows();
        self.hand_on(out)
    }
}
