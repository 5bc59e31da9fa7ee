//! What the threads of a run share, and what each of them does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use crossbeam_channel::Receiver;

use crate::failure::{Fault, StageError};
use crate::meter::Meter;
use crate::order::Order;
use crate::outlet::{Edge, Outlet};
use crate::{BoxError, Rows, Source, Stage, Stop};

/// The failures of a run. The flag is always set before the failing thread lets go of its edges, so
/// that no other thread can mistake the closed edge for the end of the stream.
#[derive(Debug, Default)]
pub(crate) struct Run {
    failed: AtomicBool,
    failures: Mutex<Vec<StageError>>,
}

impl Run {
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    pub(crate) fn fail(&self, stage: &str, cause: BoxError) {
        let failure = StageError { stage: stage.to_owned(), cause };
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
        self.failed.store(true, Ordering::Release);
    }

    /// Runs code of a stage; its error or panic becomes a failure of the run.
    pub(crate) fn guard(&self, stage: &str, body: impl FnOnce() -> Result<(), BoxError>) {
        let outcome = catch_unwind(AssertUnwindSafe(body))
            .unwrap_or_else(|payload| Err(Fault::from_panic(payload.as_ref()).into()));
        if let Err(cause) = outcome {
            self.fail(stage, cause);
        }
    }

    /// All failures so far, the first one first.
    pub(crate) fn take_failures(&self) -> Vec<StageError> {
        std::mem::take(&mut self.failures.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Asks the source until it ends, the run fails, or `stop` is set; true in the last case.
pub(crate) fn drive_source<M: Rows>(
    run: &Run,
    meter: &Meter,
    source: &mut dyn Source<M>,
    edge: &Edge<M>,
    stop: &Stop,
) -> bool {
    let mut interrupted = false;
    run.guard(meter.stage(), || {
        while !run.has_failed() {
            if stop.is_set() {
                interrupted = true;
                break;
            }
            let start = Instant::now();
            let next = source.next();
            meter.worked(start, std::time::Duration::ZERO);
            let Some(message) = next? else { break };
            let rows = message.rows();
            meter.made(rows);
            meter.emitted(rows);
            edge.send(message);
        }
        Ok(())
    });
    interrupted
}

/// One stage of a run: its code, its two edges and its account.
pub(crate) struct Node<'a, M> {
    pub(crate) stage: &'a mut dyn Stage<M>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) input: Receiver<M>,
    pub(crate) edge: Edge<M>,
}

impl<M: Rows + Send> Node<'_, M> {
    /// Runs the stage to the end of its stream, on up to `num_threads` threads, this one included.
    pub(crate) fn drive(self, run: &Arc<Run>, num_threads: usize, edge_buffer_size: usize) {
        let Self { stage, meter, input, edge } = self;
        // The outlet outlives the guard: see `Run`.
        let mut outlet = Outlet::to_edge(run, &meter, edge.clone());
        run.guard(meter.stage(), || {
            let mut workers: Vec<Box<dyn Stage<M>>> = Vec::new();
            while workers.len() + 1 < num_threads
                && let Some(worker) = stage.worker()
            {
                workers.push(worker);
            }
            if workers.is_empty() {
                for message in &input {
                    if run.has_failed() {
                        break;
                    }
                    process(stage, message, &meter, &mut outlet)?;
                }
            } else {
                let window = edge_buffer_size + workers.len() + 1;
                let order = Order::new(&input, &edge, window);
                work_together(run, &meter, stage, &mut workers, &order);
            }
            if run.has_failed() {
                return Ok(());
            }
            let start = Instant::now();
            let finished = stage.finish(&mut outlet);
            meter.worked(start, outlet.take_waited());
            finished
        });
    }
}

fn work_together<M: Rows + Send>(
    run: &Arc<Run>,
    meter: &Arc<Meter>,
    stage: &mut dyn Stage<M>,
    workers: &mut [Box<dyn Stage<M>>],
    order: &Order<'_, M>,
) {
    thread::scope(|scope| {
        for worker in workers {
            let spawned = spawn(scope, meter.stage(), || work(run, meter, worker.as_mut(), order));
            if let Err(fault) = spawned {
                run.fail(meter.stage(), fault.into());
                order.abandon();
            }
        }
        work(run, meter, stage, order);
    });
}

/// Starts a thread that bears the stage's name, for debuggers and profilers.
pub(crate) fn spawn<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    stage: &str,
    body: impl FnOnce() + Send + 'scope,
) -> Result<(), Fault> {
    thread::Builder::new()
        .name(stage.replace('\0', " "))
        .spawn_scoped(scope, body)
        .map(|_handle| ())
        .map_err(Fault::NoThread)
}

fn work<M: Rows>(
    run: &Arc<Run>,
    meter: &Arc<Meter>,
    stage: &mut dyn Stage<M>,
    order: &Order<'_, M>,
) {
    let mut outlet = Outlet::holding(run, meter);
    run.guard(meter.stage(), || {
        while let Some((number, message)) = order.take() {
            if run.has_failed() {
                break;
            }
            process(stage, message, meter, &mut outlet)?;
            order.release(number, outlet.take_held());
        }
        Ok(())
    });
    if run.has_failed() {
        order.abandon();
    }
}

fn process<M: Rows>(
    stage: &mut dyn Stage<M>,
    message: M,
    meter: &Meter,
    outlet: &mut Outlet<M>,
) -> Result<(), BoxError> {
    meter.taken(message.rows());
    let start = Instant::now();
    let processed = stage.process(message, outlet);
    meter.worked(start, outlet.take_waited());
    processed
}
