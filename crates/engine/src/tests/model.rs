//! Random pipelines against a sequential model: same output, same counts, the right stage named,
//! and always an end.

use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::{Batch, run_in_time};
use crate::{BoxError, Failure, Options, Outcome, Outlet, Pipeline, Report, Source, Stage, Stop};

/// What a stage does with rows.
#[derive(Debug, Clone, Copy)]
enum Work {
    Pass,
    /// Cuts messages into pieces of this many rows.
    Split(usize),
    /// Gathers at least this many rows before emitting; the rest at the end.
    Hold(usize),
    /// Drops multiples of this.
    Drop(u32),
    /// Emits multiples of this twice.
    Make(u32),
}

impl Work {
    fn keeps_state(self) -> bool {
        matches!(self, Self::Hold(_))
    }
}

/// What goes wrong in a stage; the number is the row that sets it off.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Trouble {
    None,
    Error(u32),
    Panic(u32),
    LoseRow(u32),
    FinishError,
    FinishPanic,
    CloseError,
    ClosePanic,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    work: Work,
    workers: bool,
    trouble: Trouble,
    /// The row upon which this stage asks the run to stop.
    stop_at: Option<u32>,
}

#[derive(Debug, Clone)]
struct Case {
    /// Rows of each message of the source.
    sizes: Vec<usize>,
    /// The call in which the source fails, and whether by a panic.
    source_fails: Option<(usize, bool)>,
    /// The call in which the source asks the run to stop.
    source_stops: Option<usize>,
    steps: Vec<Step>,
    edge_buffer_size: usize,
    num_threads: usize,
}

impl Case {
    fn messages(&self, count: usize) -> Vec<Batch> {
        let mut next = 0..;
        self.sizes[..count].iter().map(|&size| Batch(next.by_ref().take(size).collect())).collect()
    }
}

/// What the stages of one run tell the test.
#[derive(Debug, Clone, Default)]
struct Notes {
    /// Messages given by the source, and whether it came to its end.
    given: Arc<Mutex<(usize, bool)>>,
    output: Arc<Mutex<Vec<Batch>>>,
    closed: Arc<Mutex<Vec<(usize, Outcome)>>>,
}

struct CaseSource {
    messages: Vec<Batch>,
    fails: Option<(usize, bool)>,
    stops: Option<usize>,
    stop: Stop,
    notes: Notes,
}

impl Source<Batch> for CaseSource {
    fn next(&mut self) -> Result<Option<Batch>, BoxError> {
        let mut given = self.notes.given.lock();
        let call = given.0;
        assert!(!given.1, "asked again after the end");
        if self.stops == Some(call) {
            self.stop.set();
        }
        match self.fails {
            Some((at, panics)) if at == call => {
                drop(given);
                assert!(!panics, "trouble");
                Err("trouble".into())
            }
            _ if call == self.messages.len() => {
                given.1 = true;
                Ok(None)
            }
            _ => {
                given.0 += 1;
                Ok(Some(self.messages[call].clone()))
            }
        }
    }
}

struct CaseStage {
    step: Step,
    position: usize,
    held: Vec<u32>,
    stop: Stop,
    notes: Notes,
}

impl Stage<Batch> for CaseStage {
    fn process(&mut self, message: Batch, out: &mut Outlet<Batch>) -> Result<(), BoxError> {
        // Mixes the threads' turns a little; nothing depends on it.
        (0..message.0.iter().sum::<u32>() % 4).for_each(|_| std::thread::yield_now());
        if self.step.stop_at.is_some_and(|row| message.0.contains(&row)) {
            self.stop.set();
        }
        match self.step.trouble {
            Trouble::Error(row) if message.0.contains(&row) => return Err("trouble".into()),
            Trouble::Panic(row) => assert!(!message.0.contains(&row), "trouble"),
            _ => {}
        }
        let step = apply(self.step, &mut self.held, message);
        out.make_rows(step.made as usize);
        out.drop_rows(step.dropped as usize, "multiple");
        step.out.into_iter().for_each(|batch| out.emit(batch));
        Ok(())
    }

    fn finish(&mut self, out: &mut Outlet<Batch>) -> Result<(), BoxError> {
        match self.step.trouble {
            Trouble::FinishError => return Err("trouble".into()),
            Trouble::FinishPanic => panic!("trouble"),
            _ => {}
        }
        if !self.held.is_empty() {
            out.emit(Batch(std::mem::take(&mut self.held)));
        }
        Ok(())
    }

    fn close(&mut self, outcome: Outcome) -> Result<(), BoxError> {
        self.notes.closed.lock().push((self.position, outcome));
        match self.step.trouble {
            Trouble::CloseError => Err("trouble".into()),
            Trouble::ClosePanic => panic!("trouble"),
            _ => Ok(()),
        }
    }

    fn worker(&self) -> Option<Box<dyn Stage<Batch>>> {
        (self.step.workers && !self.step.work.keeps_state()).then(|| -> Box<dyn Stage<Batch>> {
            Box::new(Self {
                step: self.step,
                position: self.position,
                held: Vec::new(),
                stop: self.stop.clone(),
                notes: self.notes.clone(),
            })
        })
    }
}

struct CaseSink(Notes);

impl Stage<Batch> for CaseSink {
    fn process(&mut self, message: Batch, out: &mut Outlet<Batch>) -> Result<(), BoxError> {
        self.0.output.lock().push(message.clone());
        out.emit(message);
        Ok(())
    }
}

/// What becomes of one message.
#[derive(Default)]
struct Applied {
    out: Vec<Batch>,
    made: u64,
    dropped: u64,
}

fn apply(step: Step, held: &mut Vec<u32>, Batch(mut rows): Batch) -> Applied {
    if let Trouble::LoseRow(row) = step.trouble {
        rows.retain(|&other| other != row);
    }
    let before = rows.len() as u64;
    let mut applied = Applied::default();
    match step.work {
        Work::Pass => applied.out.push(Batch(rows)),
        Work::Split(size) => {
            applied.out.extend(rows.chunks(size).map(|piece| Batch(piece.to_vec())));
        }
        Work::Hold(at_least) => {
            held.append(&mut rows);
            if held.len() >= at_least {
                applied.out.push(Batch(std::mem::take(held)));
            }
        }
        Work::Drop(of) => {
            rows.retain(|row| row % of != 0);
            applied.dropped = before - rows.len() as u64;
            applied.out.push(Batch(rows));
        }
        Work::Make(of) => {
            let doubled: Vec<u32> = rows
                .iter()
                .flat_map(|&row| std::iter::repeat_n(row, if row % of == 0 { 2 } else { 1 }))
                .collect();
            applied.made = doubled.len() as u64 - before;
            applied.out.push(Batch(doubled));
        }
    }
    applied
}

#[derive(Debug, Default, PartialEq)]
struct Counts {
    messages_in: u64,
    messages_out: u64,
    rows_in: u64,
    made: u64,
    rows_out: u64,
    dropped: BTreeMap<String, u64>,
}

/// The sequential model of a run over the messages that the source gave.
struct Expected {
    output: Vec<Batch>,
    counts: Vec<Counts>,
    /// Stages that would fail while running, each as if no other did.
    fail_running: BTreeSet<String>,
    /// Stages that lose rows, and stages that cannot be closed, in order.
    lose: Vec<String>,
    fail_closing: Vec<usize>,
}

fn expect(case: &Case, given: usize, source_failed: bool) -> Expected {
    let mut messages = case.messages(given);
    let mut expected = Expected {
        output: Vec::new(),
        counts: Vec::new(),
        fail_running: BTreeSet::new(),
        lose: Vec::new(),
        fail_closing: Vec::new(),
    };
    if source_failed {
        expected.fail_running.insert("source".to_owned());
    }
    for (position, step) in case.steps.iter().enumerate() {
        let name = position.to_string();
        let saw = |row| messages.iter().any(|message| message.0.contains(&row));
        match step.trouble {
            Trouble::Error(row) | Trouble::Panic(row) if saw(row) => {
                expected.fail_running.insert(name);
            }
            Trouble::FinishError | Trouble::FinishPanic => {
                expected.fail_running.insert(name);
            }
            Trouble::LoseRow(row) if saw(row) => expected.lose.push(name),
            Trouble::CloseError | Trouble::ClosePanic => expected.fail_closing.push(position),
            _ => {}
        }
        let (counts, out) = model_stage(*step, messages);
        expected.counts.push(counts);
        messages = out;
    }
    expected.output = messages;
    expected
}

fn model_stage(step: Step, messages: Vec<Batch>) -> (Counts, Vec<Batch>) {
    let mut counts = Counts::default();
    let (mut held, mut out) = (Vec::new(), Vec::new());
    for message in messages {
        counts.messages_in += 1;
        counts.rows_in += message.0.len() as u64;
        let applied = apply(step, &mut held, message);
        counts.made += applied.made;
        if applied.dropped > 0 {
            *counts.dropped.entry("multiple".to_owned()).or_default() += applied.dropped;
        }
        out.extend(applied.out);
    }
    if !held.is_empty() {
        out.push(Batch(held));
    }
    counts.messages_out = out.len() as u64;
    counts.rows_out = out.iter().map(|batch| batch.0.len() as u64).sum();
    (counts, out)
}

fn run(case: &Case) -> (Result<Report, Failure>, Notes) {
    let (stop, notes) = (Stop::new(), Notes::default());
    let source = CaseSource {
        messages: case.messages(case.sizes.len()),
        fails: case.source_fails,
        stops: case.source_stops,
        stop: stop.clone(),
        notes: notes.clone(),
    };
    let mut pipeline = Pipeline::new("source", Box::new(source));
    for (position, &step) in case.steps.iter().enumerate() {
        let stage = CaseStage {
            step,
            position,
            held: Vec::new(),
            stop: stop.clone(),
            notes: notes.clone(),
        };
        pipeline = pipeline.stage(position.to_string(), Box::new(stage));
    }
    let pipeline = pipeline.stage("sink", Box::new(CaseSink(notes.clone())));
    let options =
        Options { edge_buffer_size: case.edge_buffer_size, num_threads: case.num_threads };

    (run_in_time(pipeline, options, &stop), notes)
}

fn check(case: &Case) -> Result<(), TestCaseError> {
    let (result, notes) = run(case);
    let (given, ended) = *notes.given.lock();
    if let Some(call) = case.source_stops {
        prop_assert!(given <= call + 1, "asked again once stopped");
    }
    let failed_at = case.source_fails.map(|(call, _)| call);
    let source_named = matches!(&result, Err(failure) if failure.stage == "source");
    let expected = expect(case, given, source_named && failed_at == Some(given));

    match &result {
        Ok(report) => check_report(report, &expected, ended, &notes)?,
        Err(failure) => check_failure(failure, &expected)?,
    }
    check_closed(case, &result, &expected, &notes)
}

fn check_report(
    report: &Report,
    expected: &Expected,
    ended: bool,
    notes: &Notes,
) -> Result<(), TestCaseError> {
    prop_assert!(expected.fail_running.is_empty(), "{:?}", expected.fail_running);
    prop_assert!(expected.lose.is_empty() && expected.fail_closing.is_empty());
    prop_assert_eq!(report.interrupted, !ended);
    prop_assert_eq!(&*notes.output.lock(), &expected.output);
    for (stage, counts) in report.stages[1..].iter().zip(&expected.counts) {
        let found = Counts {
            messages_in: stage.messages_in,
            messages_out: stage.messages_out,
            rows_in: stage.rows_in,
            made: stage.made,
            rows_out: stage.rows_out,
            dropped: stage.dropped.clone(),
        };
        prop_assert_eq!(&found, counts, "stage {}", &stage.stage);
    }
    for pair in report.stages.windows(2) {
        prop_assert_eq!(pair[0].rows_out, pair[1].rows_in);
        prop_assert_eq!(pair[0].messages_out, pair[1].messages_in);
    }
    Ok(())
}

fn check_failure(failure: &Failure, expected: &Expected) -> Result<(), TestCaseError> {
    if !expected.fail_running.is_empty() {
        prop_assert!(
            expected.fail_running.contains(&failure.stage),
            "{} is not one of {:?}",
            failure,
            expected.fail_running
        );
        prop_assert!(failure.cause.to_string().ends_with("trouble"));
    } else if let Some(first) = expected.lose.first() {
        prop_assert_eq!(&failure.stage, first);
        prop_assert!(failure.cause.to_string().starts_with("rows do not add up"));
    } else {
        let first = expected.fail_closing.first().map(usize::to_string);
        prop_assert_eq!(Some(&failure.stage), first.as_ref());
    }
    Ok(())
}

/// Every stage was closed once, in order, and as failed from the first failure on.
fn check_closed(
    case: &Case,
    result: &Result<Report, Failure>,
    expected: &Expected,
    notes: &Notes,
) -> Result<(), TestCaseError> {
    let well = match result {
        Ok(report) | Err(Failure { report, .. }) if report.interrupted => Outcome::Interrupted,
        _ => Outcome::Completed,
    };
    let good = if !expected.fail_running.is_empty() || !expected.lose.is_empty() {
        0
    } else {
        expected.fail_closing.first().map_or(case.steps.len(), |position| position + 1)
    };
    let closed: Vec<_> = (0..case.steps.len())
        .map(|position| (position, if position < good { well } else { Outcome::Failed }))
        .collect();
    prop_assert_eq!(&*notes.closed.lock(), &closed);
    Ok(())
}

fn any_work() -> impl Strategy<Value = Work> {
    prop_oneof![
        Just(Work::Pass),
        (1usize..4).prop_map(Work::Split),
        (1usize..20).prop_map(Work::Hold),
        (2u32..5).prop_map(Work::Drop),
        (2u32..5).prop_map(Work::Make),
    ]
}

fn any_trouble() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        30 => Just(Trouble::None),
        2 => (0u32..80).prop_map(Trouble::Error),
        2 => (0u32..80).prop_map(Trouble::Panic),
        1 => (0u32..80).prop_map(Trouble::LoseRow),
        1 => Just(Trouble::FinishError),
        1 => Just(Trouble::FinishPanic),
        1 => Just(Trouble::CloseError),
        1 => Just(Trouble::ClosePanic),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    (any_work(), any::<bool>(), any_trouble(), prop::option::weighted(0.05, 0u32..80))
        .prop_map(|(work, workers, trouble, stop_at)| Step { work, workers, trouble, stop_at })
}

fn any_case() -> impl Strategy<Value = Case> {
    (
        prop::collection::vec(0usize..6, 0..40),
        prop::option::weighted(0.1, (0usize..40, any::<bool>())),
        prop::option::weighted(0.2, 0usize..40),
        prop::collection::vec(any_step(), 0..6),
        1usize..=4,
        1usize..=4,
    )
        .prop_map(
            |(sizes, source_fails, source_stops, steps, edge_buffer_size, num_threads)| Case {
                sizes,
                source_fails,
                source_stops,
                steps,
                edge_buffer_size,
                num_threads,
            },
        )
}

/// Keeps the panics that the cases ask for out of the test's output.
fn hush_trouble() {
    static HUSH: std::sync::Once = std::sync::Once::new();
    HUSH.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if info.payload().downcast_ref::<&str>() != Some(&"trouble") {
                report(info);
            }
        }));
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn runs_as_the_sequential_model(case in any_case()) {
        hush_trouble();
        check(&case)?;
    }
}
