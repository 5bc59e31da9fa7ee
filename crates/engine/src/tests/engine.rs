//! What one run promises, case by case.

use parking_lot::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use super::{Batch, run_in_time};
use crate::{
    BoxError, Failure, Fault, Options, Outcome, Outlet, Pipeline, Report, Source, Stage, Stop,
};

struct Given(std::vec::IntoIter<Batch>);

impl Source<Batch> for Given {
    fn next(&mut self) -> Result<Option<Batch>, BoxError> {
        Ok(self.0.next())
    }
}

/// A source of `count` messages of one row each.
fn singles(count: u32) -> Box<Given> {
    Box::new(Given((0..count).map(|row| Batch(vec![row])).collect::<Vec<_>>().into_iter()))
}

/// A stage made of a closure.
struct With<F>(F);

impl<F> Stage<Batch> for With<F>
where
    F: FnMut(Batch, &mut Outlet<Batch>) -> Result<(), BoxError> + Send,
{
    fn process(&mut self, message: Batch, out: &mut Outlet<Batch>) -> Result<(), BoxError> {
        (self.0)(message, out)
    }
}

fn with<F>(body: F) -> Box<With<F>>
where
    F: FnMut(Batch, &mut Outlet<Batch>) -> Result<(), BoxError> + Send,
{
    Box::new(With(body))
}

#[derive(Clone, Default)]
struct Collect {
    rows: Arc<Mutex<Vec<u32>>>,
    closed: Arc<Mutex<Vec<Outcome>>>,
}

impl Stage<Batch> for Collect {
    fn process(&mut self, message: Batch, out: &mut Outlet<Batch>) -> Result<(), BoxError> {
        self.rows.lock().extend(&message.0);
        out.emit(message);
        Ok(())
    }

    fn close(&mut self, outcome: Outcome) -> Result<(), BoxError> {
        self.closed.lock().push(outcome);
        Ok(())
    }
}

const NARROW: Options = Options { edge_buffer_size: 1, num_threads: 1 };

fn run(pipeline: Pipeline<Batch>) -> Result<Report, Failure> {
    run_in_time(pipeline, NARROW, &Stop::new())
}

#[test]
fn a_source_alone_runs() {
    let report = run(Pipeline::new("numbers", singles(3))).unwrap();
    assert_eq!(report.stages.len(), 1);
    assert_eq!((report.stages[0].made, report.stages[0].rows_out), (3, 3));
    assert!(!report.interrupted);
}

#[test]
fn zero_sizes_count_as_one() {
    let sink = Collect::default();
    let options = Options { edge_buffer_size: 0, num_threads: 0 };
    let pipeline = Pipeline::new("numbers", singles(9)).stage("collect", Box::new(sink.clone()));
    run_in_time(pipeline, options, &Stop::new()).unwrap();
    assert_eq!(*sink.rows.lock(), (0..9).collect::<Vec<_>>());
}

#[test]
fn rows_are_accounted_for_by_reason() {
    let report = run(Pipeline::new("numbers", singles(10)).stage(
        "sift",
        with(|message, out| {
            match message.0[0] {
                0..4 => out.drop_rows(1, "small"),
                4..6 => out.drop_rows(1, format!("no model for {}", message.0[0])),
                row => {
                    out.make_rows(1);
                    out.emit(Batch(vec![row, row]));
                }
            }
            out.drop_rows(0, "never");
            Ok(())
        }),
    ))
    .unwrap();
    let sift = &report.stages[1];
    assert_eq!((sift.rows_in, sift.made, sift.rows_out), (10, 4, 8));
    assert_eq!((sift.messages_in, sift.messages_out), (10, 4));
    let dropped: Vec<_> = sift.dropped.iter().map(|(why, rows)| (why.as_str(), *rows)).collect();
    assert_eq!(dropped, [("no model for 4", 1), ("no model for 5", 1), ("small", 4)]);
}

#[test]
fn lost_rows_fail_the_stage_that_lost_them() {
    let sink = Collect::default();
    let pipeline = Pipeline::new("numbers", singles(5))
        .stage(
            "leak",
            with(|message, out| {
                if message.0[0] > 2 {
                    out.emit(message);
                }
                Ok(())
            }),
        )
        .stage("collect", Box::new(sink.clone()));
    let failure = run(pipeline).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "rows do not add up: 5 in + 0 made, but 2 out + 0 dropped (in stage \"leak\")"
    );
    assert!(matches!(
        failure.cause.downcast_ref(),
        Some(Fault::RowsNotConserved { rows_in: 5, rows_out: 2, .. })
    ));
    assert_eq!(*sink.closed.lock(), [Outcome::Failed]);
}

#[test]
fn an_error_ends_the_run_though_every_edge_is_full() {
    let sink = Collect::default();
    let pipeline = Pipeline::new("numbers", singles(100_000))
        .stage(
            "before",
            with(|message, out| {
                out.emit(message);
                Ok(())
            }),
        )
        .stage(
            "broken",
            with(|message, out| {
                if message.0[0] == 3 {
                    return Err("disk full".into());
                }
                out.emit(message);
                Ok(())
            }),
        )
        .stage("collect", Box::new(sink.clone()));
    let failure = run(pipeline).unwrap_err();
    assert_eq!(failure.to_string(), "disk full (in stage \"broken\")");
    assert!(failure.further.is_empty());
    assert!(failure.report.stages[0].messages_out < 20, "the source went on");
    assert_eq!(*sink.closed.lock(), [Outcome::Failed]);
}

#[test]
fn a_panic_is_a_failure_with_its_message() {
    let pipeline = Pipeline::new("numbers", singles(3))
        .stage("shaky", with(|message, _| panic!("row {} is odd", message.0[0])));
    let failure = run(pipeline).unwrap_err();
    assert_eq!(failure.to_string(), "panicked: row 0 is odd (in stage \"shaky\")");
}

/// Fails in `finish` or `close`.
struct Ends {
    finish: Result<(), &'static str>,
    close: Result<(), &'static str>,
}

impl Stage<Batch> for Ends {
    fn process(&mut self, message: Batch, out: &mut Outlet<Batch>) -> Result<(), BoxError> {
        out.emit(message);
        Ok(())
    }

    fn finish(&mut self, _: &mut Outlet<Batch>) -> Result<(), BoxError> {
        self.finish.map_err(BoxError::from)
    }

    fn close(&mut self, _: Outcome) -> Result<(), BoxError> {
        self.close.map_err(BoxError::from)
    }
}

#[test]
fn stages_after_one_that_cannot_close_are_closed_as_failed() {
    let (first, last) = (Collect::default(), Collect::default());
    let pipeline = Pipeline::new("numbers", singles(2))
        .stage("first", Box::new(first.clone()))
        .stage("file", Box::new(Ends { finish: Ok(()), close: Err("cannot rename") }))
        .stage("last", Box::new(last.clone()));
    let failure = run(pipeline).unwrap_err();
    assert_eq!(failure.to_string(), "cannot rename (in stage \"file\")");
    assert_eq!(*first.closed.lock(), [Outcome::Completed]);
    assert_eq!(*last.closed.lock(), [Outcome::Failed]);
}

#[test]
fn what_fails_after_the_first_failure_is_kept() {
    let pipeline = Pipeline::new("numbers", singles(2))
        .stage("file", Box::new(Ends { finish: Err("disk full"), close: Err("cannot remove") }));
    let failure = run(pipeline).unwrap_err();
    assert_eq!(failure.to_string(), "disk full (in stage \"file\")");
    assert_eq!(failure.further[0].to_string(), "cannot remove (in stage \"file\")");
}

#[test]
fn the_source_is_not_asked_again_once_stopped() {
    let stop = Stop::new();
    let sink = Collect::default();
    struct StopsAt(u32, Stop);
    impl Source<Batch> for StopsAt {
        fn next(&mut self) -> Result<Option<Batch>, BoxError> {
            assert!(!self.1.is_set());
            self.0 += 1;
            if self.0 == 7 {
                self.1.set();
            }
            Ok(Some(Batch(vec![self.0])))
        }
    }
    let pipeline = Pipeline::new("endless", Box::new(StopsAt(0, stop.clone())))
        .stage("collect", Box::new(sink.clone()));
    let report = run_in_time(pipeline, NARROW, &stop).unwrap();
    assert!(report.interrupted);
    assert_eq!(*sink.rows.lock(), (1..=7).collect::<Vec<_>>());
    assert_eq!(*sink.closed.lock(), [Outcome::Interrupted]);
}

/// Two workers that must meet before either goes on, so that a single thread would hang.
struct Meet(Arc<Barrier>);

impl Stage<Batch> for Meet {
    fn process(&mut self, message: Batch, out: &mut Outlet<Batch>) -> Result<(), BoxError> {
        self.0.wait();
        out.emit(message);
        Ok(())
    }

    fn worker(&self) -> Option<Box<dyn Stage<Batch>>> {
        Some(Box::new(Meet(Arc::clone(&self.0))))
    }
}

#[test]
fn workers_work_at_the_same_time_and_keep_the_order() {
    let sink = Collect::default();
    let pipeline = Pipeline::new("numbers", singles(40))
        .stage("meet", Box::new(Meet(Arc::new(Barrier::new(2)))))
        .stage("collect", Box::new(sink.clone()));
    let options = Options { edge_buffer_size: 1, num_threads: 2 };
    run_in_time(pipeline, options, &Stop::new()).unwrap();
    assert_eq!(*sink.rows.lock(), (0..40).collect::<Vec<_>>());
}

/// The worker that has row 0 waits until the others have come as far as they may.
struct Laggard {
    window: usize,
    begun: Arc<AtomicUsize>,
}

impl Stage<Batch> for Laggard {
    fn process(&mut self, message: Batch, out: &mut Outlet<Batch>) -> Result<(), BoxError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        if message.0[0] == 0 {
            while self.begun.load(Ordering::SeqCst) < self.window {
                std::thread::yield_now();
            }
            // Leaves the others a chance to overrun the window, which would be a defect.
            (0..100).for_each(|_| std::thread::yield_now());
            if self.begun.load(Ordering::SeqCst) > self.window {
                return Err("more messages taken than the window holds".into());
            }
        }
        out.emit(message);
        Ok(())
    }

    fn worker(&self) -> Option<Box<dyn Stage<Batch>>> {
        Some(Box::new(Self { window: self.window, begun: Arc::clone(&self.begun) }))
    }
}

#[test]
fn a_slow_message_holds_back_a_bounded_number_of_others() {
    // Their sum is not their product: neither can be taken for the other.
    let options = Options { edge_buffer_size: 2, num_threads: 4 };
    let sink = Collect::default();
    let stage = Laggard {
        window: options.edge_buffer_size + options.num_threads,
        begun: Arc::new(AtomicUsize::new(0)),
    };
    let pipeline = Pipeline::new("numbers", singles(50))
        .stage("laggard", Box::new(stage))
        .stage("collect", Box::new(sink.clone()));
    run_in_time(pipeline, options, &Stop::new()).unwrap();
    assert_eq!(*sink.rows.lock(), (0..50).collect::<Vec<_>>());
}

#[test]
fn meters_are_live() {
    let seen = Arc::new(Mutex::new(None));
    let pipeline = Pipeline::new("numbers", singles(3));
    let early = pipeline.meters();
    let writer = Arc::clone(&seen);
    let pipeline = pipeline.stage(
        "look",
        with(move |message, out| {
            *writer.lock() = Some(early.snapshot()[0].rows_out);
            out.emit(message);
            Ok(())
        }),
    );
    let meters = pipeline.meters();
    let report = run(pipeline).unwrap();
    assert_eq!(*seen.lock(), Some(3));
    assert_eq!(meters.snapshot(), report.stages);
}
