//! `alert`: says which rows are alerts.
//!
//! A batch is held until all of it has come, since all of its rows compete for a day's budget. Where input
//! goes on from run to run nothing waits longer; otherwise a batch waits for the next one, to know whether
//! its last day is complete.

use super::ResultColumns;
use crate::error::RunError;
use crate::message::{BatchAck, Message};
use crate::stages::event_times;
use arrow_array::ArrayRef;
use dfp_alerts::{
    AlertColumns, AlertCount, AlertSettings, Decider, Held, Row, Verdict, most_unusual_first,
};
use dfp_connectors::state::StateDir;
use dfp_engine::{BoxError, Outlet, Stage};
use dfp_engine::{Reporter, Weight};
use parking_lot::Mutex;
use rayon::ThreadPool;
use std::sync::Arc;

/// The stage.
pub struct Alert {
    settings: AlertSettings,
    decider: Decider,
    /// The derived column of event times, if it is one; else the reader has made one.
    time_column: Option<String>,
    /// The input goes on after this run.
    goes_on: bool,
    columns: ResultColumns,
    reporter: Arc<dyn Reporter>,
    count: Arc<Mutex<AlertCount>>,
    pool: Arc<ThreadPool>,
    /// What has come of the batch at hand.
    coming: Vec<Message>,
    /// A complete batch that waits for the next one, with its receipt.
    waiting: Option<(Vec<Message>, Arc<BatchAck>)>,
}

/// What the parts of a run give to the stage.
pub struct Surroundings {
    /// The derived column of event times.
    pub time_column: Option<String>,
    /// The input goes on after this run.
    pub goes_on: bool,
    /// Where what was spent is remembered.
    pub state: Option<Arc<StateDir>>,
    /// How columns are added.
    pub columns: ResultColumns,
    /// Who is told.
    pub reporter: Arc<dyn Reporter>,
    /// What the summary says.
    pub count: Arc<Mutex<AlertCount>>,
    /// Where the arithmetic runs.
    pub pool: Arc<ThreadPool>,
}

impl Alert {
    /// A stage with these options; goes on from what the state folder remembers.
    ///
    /// # Errors
    /// The state cannot be read.
    pub fn new(settings: &AlertSettings, around: Surroundings) -> Result<Self, RunError> {
        let Surroundings { time_column, goes_on, state, columns, reporter, count, pool } = around;
        let mut decider = Decider::new(settings.policy);
        if let Some(bytes) = state.map(|state| state.alerts()).transpose()?.flatten()
            && !decider.recall(&bytes).map_err(|why| {
                RunError::Failed(format!(
                    "the state folder's budget of alerts cannot be read: {why}"
                ))
            })?
        {
            let text = "alert: what the state folder remembers was spent of another --alerts_per_day or --budget_of; it is counted anew";
            reporter.say(Weight::Warning, text);
        }
        Ok(Self {
            settings: settings.clone(),
            decider,
            time_column,
            goes_on,
            columns,
            reporter,
            count,
            pool,
            coming: Vec::new(),
            waiting: None,
        })
    }

    /// The rows of a message as they are decided, and what the rules say of them.
    fn rows_of(&self, message: &Message, newest: i64) -> Result<(Vec<Row>, Held), BoxError> {
        let times = match event_times(message, self.time_column.as_deref(), "alert") {
            Ok(times) => times,
            // Without a budget they only tell which rules have expired.
            Err(error) if self.settings.needs_times() => return Err(error.into()),
            Err(_) => vec![None; message.rows.num_rows()],
        };
        let timeless = times.iter().filter(|time| time.is_none()).count();
        self.count.lock().timeless += timeless;
        let times: Vec<i64> = times.into_iter().map(|time| time.unwrap_or(newest)).collect();
        let reading = self.settings.suppress.hold(
            &message.user,
            &message.rows,
            &times,
            self.reporter.as_ref(),
        )?;
        let rows = times.into_iter().enumerate().map(|(at, time)| {
            let (surprise, score) = unusual(message, at);
            let suppressed = reading.applies[at].is_some();
            Row { user: Arc::clone(&message.user), time, surprise, score, suppressed }
        });
        Ok((rows.collect(), reading))
    }

    /// The newest time of a batch: rows without one are taken to have come with it.
    fn newest(&self, batch: &[Message]) -> i64 {
        let times = batch.iter().filter_map(|message| {
            event_times(message, self.time_column.as_deref(), "alert")
                .ok()?
                .into_iter()
                .flatten()
                .max()
        });
        times.max().unwrap_or_else(|| dfp_features::period::now().saturating_mul(1_000))
    }

    fn decide(
        &mut self,
        (batch, receipt): (Vec<Message>, Option<Arc<BatchAck>>),
        is_last: bool,
        out: &mut Outlet<Message>,
    ) -> Result<(), BoxError> {
        let newest = self.newest(&batch);
        let (mut rows, mut readings) = (Vec::new(), Vec::with_capacity(batch.len()));
        for message in &batch {
            let (of_message, reading) = self.rows_of(message, newest)?;
            rows.extend(of_message);
            readings.push(reading);
        }
        let verdicts = self.decider.decide(&rows, is_last);
        let mut ranks = vec![None; rows.len()];
        for (rank, at) in (1..).zip(most_unusual_first(&rows)) {
            ranks[at] = Some(rank);
        }
        if let Some(receipt) = &receipt
            && let Some(memory) = self.decider.memory()?
        {
            *receipt.alerts.lock() = Some(memory);
        }
        self.count(&rows, &verdicts, &readings);
        let last = batch.len().saturating_sub(1);
        let mut first = 0;
        for (at, (mut message, reading)) in batch.into_iter().zip(readings).enumerate() {
            let here = first..first + message.rows.num_rows();
            first = here.end;
            let verdicts = &verdicts[here.clone()];
            message.rows = self.columns.put(
                &message.rows,
                self.columns_of(&rows[here.clone()], verdicts, &ranks[here], &reading),
            )?;
            self.tell_why(&mut message, verdicts)?;
            if at == last {
                message.receipt.clone_from(&receipt);
            }
            if self.settings.only {
                let kept =
                    (0u32..).zip(verdicts).filter(|(_, verdict)| **verdict == Verdict::Alert);
                let kept: Vec<u32> = kept.map(|(row, _)| row).collect();
                out.drop_rows(verdicts.len() - kept.len(), "no alert");
                message = message.only(&kept)?;
            }
            out.emit(message);
        }
        Ok(())
    }

    /// Every alert has its sentence, however probable it is.
    fn tell_why(&self, message: &mut Message, verdicts: &[Verdict]) -> Result<(), BoxError> {
        let Message { rows, encoded, scores, .. } = message;
        let Some(scores) = scores else { return Ok(()) };
        let alerts = (0..verdicts.len()).filter(|row| verdicts[*row] == Verdict::Alert);
        scores.alerts = alerts.collect();
        let untold: Vec<usize> =
            scores.alerts.iter().copied().filter(|row| !scores.reasons.contains_key(row)).collect();
        if scores.combined.is_empty() || untold.is_empty() {
            return Ok(());
        }
        if let Some(encoded) = encoded {
            let model = &encoded.by.model;
            let sentences = self.pool.install(|| model.sentences(rows, &encoded.rows, &untold))?;
            scores.reasons.extend(untold.into_iter().zip(sentences));
        }
        Ok(())
    }

    fn columns_of(
        &self,
        rows: &[Row],
        verdicts: &[Verdict],
        ranks: &[Option<i64>],
        reading: &Held,
    ) -> Vec<(String, ArrayRef)> {
        let mut columns = AlertColumns::new(rows.len());
        for (at, (row, verdict)) in rows.iter().zip(verdicts).enumerate() {
            columns.enter(at, row, *verdict, &self.settings.suppress, reading.applies[at]);
        }
        columns.rank = ranks.to_vec();
        columns.arrays()
    }

    fn count(&self, rows: &[Row], verdicts: &[Verdict], readings: &[Held]) {
        let mut count = self.count.lock();
        let applies = readings.iter().flat_map(|reading| &reading.applies);
        let expired = readings.iter().flat_map(|reading| &reading.expired);
        for ((row, verdict), (applies, expired)) in
            rows.iter().zip(verdicts).zip(applies.zip(expired))
        {
            count.see(row, *verdict, &self.settings.suppress, *applies, *expired);
        }
    }
}

/// How unusual a row is, and what tells it from others that are as unusual.
fn unusual(message: &Message, row: usize) -> (f64, f64) {
    let Some(scores) = &message.scores else { return (f64::NAN, f64::NAN) };
    match scores.combined.get(row) {
        Some(combined) => (-combined.p_value.ln(), combined.score.into()),
        None => (scores.zscore[row].into(), scores.anomaly_score[row].into()),
    }
}

impl Stage<Message> for Alert {
    fn process(&mut self, mut message: Message, out: &mut Outlet<Message>) -> Result<(), BoxError> {
        if let Some((batch, receipt)) = self.waiting.take() {
            self.decide((batch, Some(receipt)), false, out)?;
        }
        let receipt = message.receipt.take();
        self.coming.push(message);
        if let Some(receipt) = receipt {
            let batch = std::mem::take(&mut self.coming);
            if self.goes_on {
                self.decide((batch, Some(receipt)), false, out)?;
            } else {
                self.waiting = Some((batch, receipt));
            }
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Outlet<Message>) -> Result<(), BoxError> {
        if let Some((batch, receipt)) = self.waiting.take() {
            self.decide((batch, Some(receipt)), !self.goes_on, out)?;
        }
        // Of a run that was stopped: nothing is remembered of it.
        let batch = std::mem::take(&mut self.coming);
        if batch.is_empty() { Ok(()) } else { self.decide((batch, None), !self.goes_on, out) }
    }
}
