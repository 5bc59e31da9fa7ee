//! What is counted: live while a run goes on, and as a report at its end.

use parking_lot::Mutex;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::fault::Fault;

/// The live counts of one stage. Written by its threads, read by anyone.
#[derive(Debug)]
pub(crate) struct Meter {
    stage: String,
    messages_in: AtomicU64,
    messages_out: AtomicU64,
    rows_in: AtomicU64,
    made: AtomicU64,
    rows_out: AtomicU64,
    dropped: Mutex<BTreeMap<Cow<'static, str>, u64>>,
    busy_nanoseconds: AtomicU64,
}

impl Meter {
    pub(crate) fn new(stage: String) -> Self {
        Self {
            stage,
            messages_in: AtomicU64::default(),
            messages_out: AtomicU64::default(),
            rows_in: AtomicU64::default(),
            made: AtomicU64::default(),
            rows_out: AtomicU64::default(),
            dropped: Mutex::default(),
            busy_nanoseconds: AtomicU64::default(),
        }
    }

    pub(crate) fn stage(&self) -> &str {
        &self.stage
    }

    pub(crate) fn taken(&self, rows: usize) {
        add(&self.messages_in, 1);
        add(&self.rows_in, rows as u64);
    }

    pub(crate) fn emitted(&self, rows: usize) {
        add(&self.messages_out, 1);
        add(&self.rows_out, rows as u64);
    }

    pub(crate) fn made(&self, rows: usize) {
        add(&self.made, rows as u64);
    }

    pub(crate) fn dropped(&self, rows: usize, reason: Cow<'static, str>) {
        let mut dropped = self.dropped.lock();
        *dropped.entry(reason).or_default() += rows as u64;
    }

    /// Adds the time since `start`, less the time spent waiting for room in an edge.
    pub(crate) fn worked(&self, start: Instant, waited: Duration) {
        let busy = start.elapsed().saturating_sub(waited);
        add(&self.busy_nanoseconds, u64::try_from(busy.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(crate) fn snapshot(&self) -> StageReport {
        let dropped = self.dropped.lock();
        StageReport {
            stage: self.stage.clone(),
            messages_in: get(&self.messages_in),
            messages_out: get(&self.messages_out),
            rows_in: get(&self.rows_in),
            made: get(&self.made),
            rows_out: get(&self.rows_out),
            dropped: dropped.iter().map(|(reason, rows)| (reason.to_string(), *rows)).collect(),
            busy: Duration::from_nanos(get(&self.busy_nanoseconds)),
        }
    }
}

// Counters are independent of each other and are read exactly only after the threads were joined,
// which orders everything before it: relaxed is enough.
fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// The live counts of a pipeline, to be polled while it runs. Clones share the counts.
#[derive(Debug, Clone)]
pub struct Meters(pub(crate) Vec<Arc<Meter>>);

impl Meters {
    /// The counts as they are now, the source first. While threads are at work the numbers of one
    /// stage need not add up.
    #[must_use]
    pub fn snapshot(&self) -> Vec<StageReport> {
        self.0.iter().map(|meter| meter.snapshot()).collect()
    }
}

/// The counts of one stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageReport {
    /// Name of the stage.
    pub stage: String,
    /// Messages taken.
    pub messages_in: u64,
    /// Messages emitted.
    pub messages_out: u64,
    /// Rows of the messages taken.
    pub rows_in: u64,
    /// Rows that the stage made; for the source, all its rows.
    pub made: u64,
    /// Rows of the messages emitted.
    pub rows_out: u64,
    /// Rows dropped, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Time spent working, summed over workers; waiting for input or for room is not work.
    pub busy: Duration,
}

impl StageReport {
    /// Rows in + made = rows out + dropped.
    pub(crate) fn check_conservation(&self) -> Result<(), Fault> {
        let came = self.rows_in.saturating_add(self.made);
        let went = self.rows_out.saturating_add(self.dropped.values().sum());
        if came == went {
            return Ok(());
        }
        Err(Fault::RowsNotConserved {
            rows_in: self.rows_in,
            made: self.made,
            rows_out: self.rows_out,
            dropped: self.dropped.clone(),
        })
    }
}

/// The counts of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Whether [`Stop`](crate::Stop) ended the source before its end.
    pub interrupted: bool,
    /// From the start of the run to the last `close`.
    pub elapsed: Duration,
    /// One entry a stage, the source first.
    pub stages: Vec<StageReport>,
}
