//! The parts of the engine by themselves: order behind workers, edges, meters, failures.

use parking_lot::Mutex;
use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::{Batch, run_in_time};
use crate::failures::Run;
use crate::fault::Fault;
use crate::meter::Meter;
use crate::order::Order;
use crate::outlet::{Edge, Outlet};
use crate::{
    BoxError, Failure, Options, Outcome, Pipeline, Report, Source, Stage, StageError, Stop,
};

const SOON: Duration = Duration::from_secs(20);
/// Long enough for a thread that does not wait to have gone on.
const A_WHILE: Duration = Duration::from_millis(60);

fn edge(room: usize) -> (Edge<u32>, Receiver<u32>) {
    let (sender, receiver) = bounded(room);
    (Edge(Some(sender)), receiver)
}

fn given(numbers: std::ops::Range<u32>) -> (Sender<u32>, Receiver<u32>) {
    let (sender, receiver) = bounded(100);
    numbers.for_each(|number| sender.send(number).unwrap());
    (sender, receiver)
}

#[test]
fn messages_leave_in_the_order_in_which_they_were_taken() {
    let (sender, input) = given(10..13);
    drop(sender);
    let (edge, output) = edge(100);
    let order = Order::new(&input, &edge, 8);
    assert_eq!(
        [order.take(), order.take(), order.take()],
        [Some((0, 10)), Some((1, 11)), Some((2, 12))]
    );
    assert_eq!(order.take(), None, "the stream has ended");
    order.release(2, vec![22]);
    order.release(1, vec![]);
    assert!(output.is_empty(), "the first one is not there yet");
    order.release(0, vec![20, 200]);
    assert_eq!(output.try_iter().collect::<Vec<_>>(), [20, 200, 22]);
}

#[test]
fn no_more_is_taken_than_the_window_holds_until_the_line_moves() {
    let (_sender, input) = given(0..9);
    let (edge, _output) = edge(100);
    let order = Order::new(&input, &edge, 2);
    assert!(order.take().is_some() && order.take().is_some());
    thread::scope(|scope| {
        let (done, third) = mpsc::channel();
        let order = &order;
        scope.spawn(move || done.send(order.take()).unwrap());
        assert!(third.recv_timeout(A_WHILE).is_err(), "a third one was taken");
        // The second one cannot go before the first one has.
        order.release(1, vec![]);
        assert!(third.recv_timeout(A_WHILE).is_err(), "a third one was taken");
        order.release(0, vec![]);
        assert_eq!(third.recv_timeout(SOON).unwrap(), Some((2, 2)));
    });
}

#[test]
fn who_waits_for_a_number_that_never_comes_is_told_when_it_is_given_up() {
    let (_sender, input) = given(0..9);
    let (edge, output) = edge(100);
    let order = Order::new(&input, &edge, 1);
    assert_eq!(order.take(), Some((0, 0)));
    thread::scope(|scope| {
        let (done, next) = mpsc::channel();
        let waits = &order;
        scope.spawn(move || done.send(waits.take()).unwrap());
        assert!(next.recv_timeout(A_WHILE).is_err(), "the window is full");
        order.abandon();
        let told = next.recv_timeout(SOON);
        if told.is_err() {
            // The thread has to end all the same.
            order.release(0, vec![]);
        }
        assert_eq!(told, Ok(None));
    });
    assert_eq!(order.take(), None, "nothing is taken once it was given up");
    assert!(output.is_empty());
}

#[test]
fn an_edge_tells_how_long_there_was_no_room() {
    let (edge, output) = edge(1);
    assert_eq!(edge.send(1), Duration::ZERO);
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(A_WHILE);
            assert_eq!(output.recv(), Ok(1));
        });
        let waited = edge.send(2);
        assert!(waited > A_WHILE / 4 && waited < SOON, "{waited:?}");
    });
    assert_eq!(output.recv(), Ok(2));
    assert_eq!(Edge(None).send(3), Duration::ZERO);
    drop(output);
    assert_eq!(edge.send(4), Duration::ZERO, "nobody is there");
}

#[test]
fn an_outlet_counts_what_goes_out_and_keeps_what_it_holds() {
    let (run, meter) = (Arc::new(Run::default()), Arc::new(Meter::new("stage".to_owned())));
    let mut holding = Outlet::holding(&run, &meter);
    holding.emit(Batch(vec![1, 2]));
    holding.emit(Batch(vec![3]));
    assert_eq!(holding.take_held(), [Batch(vec![1, 2]), Batch(vec![3])]);
    assert_eq!(holding.take_held(), []);
    assert_eq!(holding.take_waited(), Duration::ZERO);
    let counts = meter.snapshot();
    assert_eq!((counts.messages_out, counts.rows_out), (2, 3));

    let (sender, receiver) = bounded(1);
    let mut direct = Outlet::to_edge(&run, &meter, Edge(Some(sender)));
    direct.emit(Batch(vec![4]));
    assert_eq!(direct.take_held(), []);
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(A_WHILE);
            assert_eq!(receiver.recv(), Ok(Batch(vec![4])));
        });
        direct.emit(Batch(vec![5]));
    });
    assert!(direct.take_waited() > A_WHILE / 4);
    assert_eq!(direct.take_waited(), Duration::ZERO, "it was asked for");

    assert!(!direct.is_closed());
    run.fail("elsewhere", "disk full".into());
    assert!(direct.is_closed());
}

#[test]
fn work_is_the_time_without_waiting() {
    let meter = Meter::new("stage".to_owned());
    let long_ago = Instant::now().checked_sub(Duration::from_secs(10)).unwrap();
    meter.worked(long_ago, Duration::from_secs(7));
    let busy = meter.snapshot().busy;
    assert!(busy >= Duration::from_secs(3) && busy < Duration::from_secs(6), "{busy:?}");
    meter.worked(Instant::now(), Duration::from_secs(7));
    assert!(meter.snapshot().busy - busy < Duration::from_secs(1), "less than nothing is nothing");
    assert_eq!((meter.stage(), meter.snapshot().stage), ("stage", "stage".to_owned()));
}

#[test]
fn failures_say_what_is_behind_them() {
    let report = || Report { interrupted: false, elapsed: Duration::ZERO, stages: vec![] };
    let cause: BoxError = Fault::NoThread(std::io::Error::other("no memory")).into();
    let failure = Failure { stage: "count".into(), cause, further: vec![], report: report() };
    assert_eq!(failure.to_string(), "cannot start a thread: no memory (in stage \"count\")");
    assert_eq!(failure.source().unwrap().to_string(), "no memory");
    let plain =
        Failure { stage: "count".into(), cause: "x".into(), further: vec![], report: report() };
    assert!(plain.source().is_none());
    let error = StageError { stage: "count".into(), cause: "x".into() };
    assert_eq!(error.to_string(), "x (in stage \"count\")");
    let panics: [(Box<dyn std::any::Any + Send>, &str); 3] = [
        (Box::new("text"), "panicked: text"),
        (Box::new("string".to_owned()), "panicked: string"),
        (Box::new(7), "panicked: with a value that is not text"),
    ];
    for (payload, said) in panics {
        assert_eq!(Fault::from_panic(payload.as_ref()).to_string(), said);
    }
}

#[test]
fn rows_that_do_not_add_up_are_told_with_the_reasons() {
    let meter = Meter::new("stage".to_owned());
    meter.taken(5);
    meter.made(2);
    meter.emitted(3);
    meter.dropped(1, "old".into());
    meter.dropped(1, "old".into());
    meter.dropped(1, "odd".into());
    let fault = meter.snapshot().check_conservation().unwrap_err();
    assert_eq!(
        fault.to_string(),
        "rows do not add up: 5 in + 2 made, but 3 out + 3 dropped (\"odd\" 1, \"old\" 2)"
    );
    meter.emitted(1);
    assert!(meter.snapshot().check_conservation().is_ok());
}

#[test]
fn a_failure_is_known_at_once_and_given_once() {
    let run = Run::default();
    run.guard("fine", || Ok(()));
    assert!(!run.has_failed() && run.take_failures().is_empty());
    run.guard("broken", || Err("one".into()));
    run.fail("worse", "two".into());
    assert!(run.has_failed());
    let said: Vec<String> = run.take_failures().iter().map(StageError::to_string).collect();
    assert_eq!(said, ["one (in stage \"broken\")", "two (in stage \"worse\")"]);
    assert!(run.has_failed() && run.take_failures().is_empty());
}

#[test]
fn clones_of_a_stop_are_one() {
    let stop = Stop::new();
    let clone = stop.clone();
    assert!(!clone.is_set());
    stop.set();
    assert!(clone.is_set() && !Stop::new().is_set());
}

struct Numbers(u32);

impl Source<Batch> for Numbers {
    fn next(&mut self) -> Result<Option<Batch>, BoxError> {
        let Some(left) = self.0.checked_sub(1) else { return Ok(None) };
        self.0 = left;
        Ok(Some(Batch(vec![left])))
    }
}

/// Notes the names of its threads, takes its time, and hands on at the end what it has kept.
#[derive(Clone, Default)]
struct Keeps {
    rows: Vec<u32>,
    threads: Arc<Mutex<Vec<String>>>,
    closing: Duration,
}

impl Stage<Batch> for Keeps {
    fn process(&mut self, message: Batch, _: &mut Outlet<Batch>) -> Result<(), BoxError> {
        self.threads.lock().push(thread::current().name().unwrap_or("").to_owned());
        self.rows.extend(message.0);
        Ok(())
    }

    fn finish(&mut self, out: &mut Outlet<Batch>) -> Result<(), BoxError> {
        thread::sleep(A_WHILE);
        out.emit(Batch(std::mem::take(&mut self.rows)));
        Ok(())
    }

    fn close(&mut self, _: Outcome) -> Result<(), BoxError> {
        thread::sleep(self.closing);
        Ok(())
    }
}

#[test]
fn what_a_stage_has_kept_comes_at_the_end_and_its_work_is_counted() {
    let keeps = Keeps { closing: A_WHILE, ..Keeps::default() };
    let threads = Arc::clone(&keeps.threads);
    let pipeline = Pipeline::new("numbers", Box::new(Numbers(5))).stage("keep\0s", Box::new(keeps));
    let report = run_in_time(pipeline, NARROW, &Stop::new()).unwrap();
    let kept = &report.stages[1];
    assert_eq!((kept.messages_in, kept.messages_out, kept.rows_out), (5, 1, 5));
    // To finish and to close is work too.
    assert!(kept.busy >= A_WHILE * 2, "{:?}", kept.busy);
    assert!(report.elapsed >= kept.busy && report.elapsed < SOON);
    assert_eq!(*threads.lock(), ["keep s"; 5]);
}

const NARROW: Options = Options { edge_buffer_size: 1, num_threads: 1 };

/// Counts its workers, and how often the last of them was asked for.
struct Many(Arc<AtomicUsize>);

impl Stage<Batch> for Many {
    fn process(&mut self, message: Batch, out: &mut Outlet<Batch>) -> Result<(), BoxError> {
        out.emit(message);
        Ok(())
    }

    fn worker(&self) -> Option<Box<dyn Stage<Batch>>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Some(Box::new(Many(Arc::clone(&self.0))))
    }
}

#[test]
fn a_stage_has_as_many_workers_as_there_are_threads() {
    for (num_threads, workers) in [(0, 0), (1, 0), (2, 1), (5, 4)] {
        let asked = Arc::new(AtomicUsize::new(0));
        let pipeline = Pipeline::new("numbers", Box::new(Numbers(20)))
            .stage("many", Box::new(Many(Arc::clone(&asked))));
        let options = Options { num_threads, ..NARROW };
        let report = run_in_time(pipeline, options, &Stop::new()).unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), workers, "{num_threads} threads");
        assert_eq!(report.stages[1].rows_out, 20);
    }
}

/// Says that the run is wasted once another stage has failed.
struct Works(mpsc::Sender<bool>);

impl Stage<Batch> for Works {
    fn process(&mut self, message: Batch, out: &mut Outlet<Batch>) -> Result<(), BoxError> {
        out.emit(message);
        let start = Instant::now();
        while !out.is_closed() && start.elapsed() < SOON {
            thread::sleep(Duration::from_millis(1));
        }
        self.0.send(out.is_closed())?;
        Ok(())
    }
}

struct Fails;

impl Stage<Batch> for Fails {
    fn process(&mut self, _: Batch, _: &mut Outlet<Batch>) -> Result<(), BoxError> {
        Err("disk full".into())
    }
}

#[test]
fn a_stage_that_works_long_hears_that_another_one_has_failed() {
    let (told, heard) = mpsc::channel();
    let pipeline = Pipeline::new("numbers", Box::new(Numbers(2)))
        .stage("works", Box::new(Works(told)))
        .stage("fails", Box::new(Fails));
    let failure = run_in_time(pipeline, NARROW, &Stop::new()).unwrap_err();
    assert_eq!(failure.stage, "fails");
    assert_eq!(heard.recv_timeout(SOON), Ok(true));
}
